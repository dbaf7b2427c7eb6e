/* published.h - between the two halves of the pass that gives parameters their published paths (published.c,
 * load_hooks.c). */
#ifndef ADGEN_REWRITE_PUBLISHED_H
#define ADGEN_REWRITE_PUBLISHED_H

#include "rewrite/checkpoint.h"
#include "rewrite/paths.h"

/* One parameter: its path in the module tree, and where its value is on disk. */
struct place {
    const struct path *path;
    const char *own; /* its key in the source's module tree, positions as numbers from PLACEHOLDER on */
    struct published on_disk;
    const struct attr *packed; /* the tensor on disk holds it for all modules of a list; it is this part of that */
    atom *segment;             /* on_disk.key between its dots */
    uint32_t segments;
};

/* A new name of an attribute. */
struct rename {
    struct cls *cls;
    struct attr *attr;
    atom name;
    bool chosen;
    bool table; /* has no key (table_names.c) */
};

struct layout {
    struct unit *unit;
    VEC(struct place) places;
    VEC(struct rename) renames;
};

/* The name that a step will have: of the chosen rename, else as it is. */
const char *step_name(const struct layout *layout, const struct step *step);

/* The key of a place once attributes are renamed. */
const char *new_key(const struct layout *layout, const struct place *place);

/* How many steps all the parts of a converted tensor have in common. */
uint32_t common_steps(const struct layout *layout, const struct place *place);

/* A key for messages: `*` at positions that stand for all. */
const char *shown_key(struct unit *unit, const char *key);

/* -- table_names.c ------------------------------------------------------------------------------------------------- */

/* Add the names of tables that the source registers. */
void name_tables(struct layout *layout);

/* -- load_hooks.c -------------------------------------------------------------------------------------------------- */

/* Write hooks into the constructors for what renaming attributes cannot express, after proving on every key that
 * loading ends where it should. False, with a diagnostic, where that cannot be. */
bool write_load_hooks(const struct layout *layout);

#define HOOK_METHOD "_register_load_state_dict_pre_hook"

/* The name of the function among the helpers, where it is added unless there is one like it. */
atom hook_add(struct unit *unit, struct node *fn);
/* self._register_load_state_dict_pre_hook(helper) at the end of the constructor, where `count` is NULL; else of what
 * helper(count) makes. Where it takes the module before the state dict, `with_module`. */
bool hook_register(struct unit *unit, struct cls *cls, atom helper, struct node *count, bool with_module);

/* -- kept_hooks.c -------------------------------------------------------------------------------------------------- */

/* Keep the hooks that constructors of the source register. *any: there are some. False, with a diagnostic, where one
 * cannot be kept. */
bool keep_load_hooks(struct unit *unit, bool *any);

#endif
