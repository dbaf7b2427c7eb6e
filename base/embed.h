/* embed.h - the files under rules/ and templates/, compiled into the program.
 *
 * Names are relative to the root of the repository, such as "rules/norm.yaml". The table is sorted by name, made by
 * cmake/embed.cmake at build time. */
#ifndef ADGEN_BASE_EMBED_H
#define ADGEN_BASE_EMBED_H

#include <stddef.h>

struct embedded {
    const char *name;
    const char *text; /* NUL-terminated */
    size_t len;
};

/* All files; the entry after the last has a NULL name. */
extern const struct embedded embedded_files[];

/* The file with this name, or NULL. */
const struct embedded *embed_find(const char *name);

#endif
