/* source.h - the text of one input file and where things are in it.
 *
 * Everything else passes byte ranges (struct span) and asks source_locate for line and column when it must speak to a
 * person. */
#ifndef ADGEN_BASE_SOURCE_H
#define ADGEN_BASE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atom.h"

struct arena;
struct diags;

/* Half-open byte range; {0, 0} with a NULL source means "made by adgen". */
struct span {
    uint32_t start, end;
};

struct source {
    atom path;        /* as the user or an import named it; "-" for standard input */
    const char *text; /* NUL-terminated, without a byte order mark */
    uint32_t len;
    uint32_t *line_start; /* offset of each line's first byte; built when first asked for */
    uint32_t lines;
    struct arena *arena;
};

struct location {
    uint32_t line, column; /* both from 1; the column counts code points */
};

/* Read a file. NULL, with a diagnostic, where it cannot be read, is a directory, is empty, holds a NUL byte, is not
 * UTF-8, or is larger than SOURCE_MAX bytes. */
struct source *source_read(struct arena *arena, struct atoms *atoms, struct diags *diags, const char *path);

/* The same checks on text in memory, which is copied. */
struct source *source_from_text(
    struct arena *arena, struct atoms *atoms, struct diags *diags, const char *path, const char *text, size_t len);

struct location source_locate(struct source *source, uint32_t offset);

/* The line (from 1) as a slice without its newline. */
const char *source_line(struct source *source, uint32_t line, uint32_t *len);

enum { SOURCE_MAX = 64 * 1024 * 1024 };

#endif
