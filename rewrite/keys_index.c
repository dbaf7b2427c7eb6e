/* keys_index.c - a model's keys beside those of a checkpoint.
 *
 * The index says what tensors there are, not what is in them. The model's load hooks are run on their names, as
 * load_state_dict runs them: each on the keys below its module, from the outside in. A tensor that holds the weights of
 * all modules of a list is taken to have one part for each module that there is. */
#include <stdlib.h>
#include <string.h>

#include "base/regex.h"
#include "base/text.h"
#include "rewrite/keys.h"
#include "rewrite/run_internal.h"

struct loading {
    struct run *run;
    VEC(const char *) names; /* keys of the checkpoint, as far as hooks have changed them */
    VEC(struct regex *) left_out;
};

/* -- hooks --------------------------------------------------------------------------------------------------------- */

/* The modules of the largest list below a module. */
static uint32_t longest_list(const struct datum *d) {
    if (d == NULL || d->kind != D_OBJECT || !d->object->class->is_module)
        return 0;
    uint32_t longest = d->object->items.list.len;
    for (uint32_t i = 0; i < d->object->attributes->dict.list.len; i++) {
        uint32_t below = longest_list(d->object->attributes->dict.list.at[i].value);
        longest = below > longest ? below : longest;
    }
    return longest;
}

/* A tensor of the checkpoint: it has parts, and no sizes beside. */
static struct datum *stored_tensor(struct run *run, uint32_t parts) {
    struct datum *d = tensor_new(run, NULL);
    d->tensor.rank = 3;
    d->tensor.dim[0] = parts;
    return d;
}

static bool run_hooks(struct loading *loading, struct datum *module, const char *prefix) {
    struct run *run = loading->run;
    struct datum *state = datum_dict(run), *tensor = stored_tensor(run, longest_list(module));
    uint32_t kept = 0;
    for (uint32_t i = 0; i < loading->names.len; i++) {
        const char *name = loading->names.at[i];
        if (starts_with(name, prefix))
            vec_push(run->arena, &state->dict.list, ((struct item){datum_str(run, name), tensor}));
        else
            loading->names.at[kept++] = name;
    }
    loading->names.len = kept;
    struct datum *list[] = {state, datum_str(run, prefix), datum_dict(run), datum_bool(run, true),
        datum_list(run, D_LIST), datum_list(run, D_LIST), datum_list(run, D_LIST)};
    for (uint32_t i = 0; i < module->object->hooks.len; i++)
        if (!run_apply(run, module->object->hooks.at[i], list, 7))
            return false;
    for (uint32_t i = 0; i < state->dict.list.len; i++)
        if (state->dict.list.at[i].value)
            vec_push(run->arena, &loading->names, state->dict.list.at[i].key->text);
    return true;
}

static bool load_module(struct loading *loading, struct datum *module, const char *prefix) {
    if (module->object->hooks.len && !run_hooks(loading, module, prefix))
        return false;
    const struct children children = children_of(loading->run, module);
    for (uint32_t i = 0; i < children.list.len; i++) {
        const struct child *child = &children.list.at[i];
        if (!load_module(loading, child->module, arena_printf(loading->run->arena, "%s%s.", prefix, child->name)))
            return false;
    }
    return true;
}

/* -- comparing ----------------------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_loaded(const struct loading *loading, const char *name) {
    return bsearch(&name, loading->names.at, loading->names.len, sizeof name, by_text) != NULL;
}

/* A tensor that has several keys is there if one of them is. */
static bool is_filled(const struct loading *loading, const struct keys *keys, const struct key *key) {
    if (is_loaded(loading, key->name) || (key->tied_to && is_loaded(loading, key->tied_to)))
        return true;
    for (uint32_t i = 0; i < keys->list.len; i++) {
        const struct key *other = &keys->list.at[i];
        bool same = other->tied_to && (strcmp(other->tied_to, key->name) == 0 ||
                                          (key->tied_to && strcmp(other->tied_to, key->tied_to) == 0));
        if (same && is_loaded(loading, other->name))
            return true;
    }
    return false;
}

/* Patterns of keys that the model's class says to be of no use to it, as a text model of another modality's. */
static void read_left_out(struct loading *loading, struct datum *model) {
    struct run *run = loading->run;
    const struct datum *list = run_attribute(run, model, "_keys_to_ignore_on_load_unexpected");
    for (uint32_t i = 0; list && list->kind == D_LIST && i < list->items.list.len; i++) {
        const struct datum *pattern = list->items.list.at[i];
        const char *problem;
        struct regex *regex = pattern->kind == D_STR ? regex_compile(run->arena, pattern->text, &problem) : NULL;
        if (regex) /* of any other nothing is left out */
            vec_push(run->arena, &loading->left_out, regex);
    }
}

static bool is_left_out(const struct loading *loading, const char *name) {
    struct regex_match match;
    uint32_t len = (uint32_t)strlen(name);
    for (uint32_t i = 0; i < loading->left_out.len; i++)
        for (uint32_t at = 0; at <= len; at++)
            if (regex_match_at(loading->left_out.at[i], name, at, &match) == REGEX_MATCH)
                return true;
    return false;
}

static void set_against(struct loading *loading, struct arena *arena, struct keys *keys) {
    const char **own = NEW_ARRAY(arena, const char *, keys->list.len + 1);
    for (uint32_t i = 0; i < keys->list.len; i++)
        own[i] = keys->list.at[i].name;
    qsort(own, keys->list.len, sizeof *own, by_text);
    if (loading->names.len)
        qsort(loading->names.at, loading->names.len, sizeof *loading->names.at, by_text);
    for (uint32_t i = 0; i < keys->list.len; i++)
        if (!is_loaded(loading, keys->list.at[i].name) && !is_filled(loading, keys, &keys->list.at[i]))
            vec_push(arena, &keys->missing, keys->list.at[i].name);
    for (uint32_t i = 0; i < loading->names.len; i++) {
        const char *name = loading->names.at[i];
        if (bsearch(&name, own, keys->list.len, sizeof name, by_text) == NULL && !is_left_out(loading, name))
            vec_push(arena, &keys->unexpected, name);
    }
    keys->compared = true;
}

bool keys_compare(struct run *run, struct unit *unit, struct datum *model, const char *path, struct keys *keys) {
    struct datum *index = keys_read_json(run, unit, path);
    if (index == NULL)
        return false;
    const struct datum *map = dict_get(&index->dict, "weight_map");
    if (map == NULL || map->kind != D_DICT) {
        struct diag *d = diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "%s: there is no object `weight_map` in it, from tensors to files", path);
        diag_help(unit->diags, d, "`--index` takes the model.safetensors.index.json of a checkpoint");
        return false;
    }
    struct loading loading = {.run = run};
    for (uint32_t i = 0; i < map->dict.list.len; i++)
        vec_push(run->arena, &loading.names, map->dict.list.at[i].key->text);
    if (!load_module(&loading, model, ""))
        return false;
    read_left_out(&loading, model);
    set_against(&loading, run->arena, keys);
    return true;
}
