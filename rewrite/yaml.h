/* yaml.h - a YAML file as a tree of scalars, lists and mappings with their places.
 *
 * Just what rule files and registries need: no anchors, no tags, one document. Keys are atoms; the order of the file is
 * kept. */
#ifndef ADGEN_REWRITE_YAML_H
#define ADGEN_REWRITE_YAML_H

#include "base/diag.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml {
    enum yaml_kind kind;
    uint32_t line;    /* from 1 */
    struct span span; /* in the file; a list or mapping in block style ends where what follows it begins */
    const char *text; /* SCALAR */
    atom *key;        /* MAP: parallel to item */
    struct yaml **item;
    uint32_t count;
};

/* NULL, with a diagnostic under the id `what`, where the text is not YAML or uses an alias. An empty file is an empty
 * list. */
struct yaml *yaml_read(
    struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source, const char *what);

/* The value under a key of a mapping, or NULL. */
struct yaml *yaml_get(const struct yaml *map, const char *key);
/* The text of the scalar under a key, or NULL. */
const char *yaml_text(const struct yaml *map, const char *key);

#endif
