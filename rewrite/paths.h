/* paths.h - the parameter paths of the module tree, found without running it.
 *
 * A path is a list of steps: attributes of classes of this file, positions in lists of modules, and names inside
 * modules of the library. Positions that are not known stand for all of them: they are numbers from PLACEHOLDER on, one
 * for each level of nesting. */
#ifndef ADGEN_REWRITE_PATHS_H
#define ADGEN_REWRITE_PATHS_H

#include "rewrite/unit.h"

enum { PLACEHOLDER = 7001 };

struct step {
    struct cls *cls; /* the class whose attribute it is; NULL for a position and for a name inside a library's module */
    struct attr *attr; /* NULL likewise */
    const char *text;
    bool any; /* a position that stands for all */
};

struct path {
    struct step *step;
    uint32_t len;
    bool optional; /* whether it exists depends on the configuration */
};

struct paths {
    VEC(struct path *) list;
};

/* The paths of all live parameters and persistent buffers below the entry. Those of a library's module are `weight` and
 * `bias`, as far as its constructor does not say otherwise. */
void paths_collect(struct unit *unit, struct paths *paths);

/* `a.b.0.c`. Unknown positions are written as `first`, `first` + 1, ... by level. */
const char *path_text(struct unit *unit, const struct path *path, uint32_t first);

/* The same for the key that the source's module tree has: a part of a tensor that the source stacks for all modules of
 * a list is that tensor. `*part` is then the attribute that says so, else NULL; `*item` the position in the list. */
const char *path_own(
    struct unit *unit, const struct path *path, uint32_t first, const struct attr **part, uint32_t *item);

/* Whether one of the stores of an attribute makes it a parameter or a buffer that the checkpoint holds. */
bool is_state(const struct attr *attr);

#endif
