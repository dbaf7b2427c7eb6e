/* towers.c - what a text model leaves of a model of several modalities.
 *
 * Reads   unit->towers, and after prune the classes around them.
 * Writes  unit->left_out: published names of parameters that only images, sounds and the like need.
 * Guarantees  nothing that the logits read is among them.
 *
 * An encoder of another modality runs outside of the exported graph, and its output is given as embeddings; a text
 * model has no use for its weights. Its modules are not there, and the emitted class says under which names of the
 * checkpoint they are. */
#include "rewrite/towers.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/checkpoint.h"
#include "rewrite/paths.h"

enum { DEPTH_MAX = 8 };

static const char declares[] = "_keys_to_ignore_on_load_unexpected";

bool is_tower(const struct unit *unit, const struct cls *cls) {
    for (uint32_t i = 0; i < unit->towers.len; i++)
        if (unit->towers.at[i].cls == cls)
            return true;
    return false;
}

static bool wraps(const struct unit *unit, const struct cls *cls, int depth) {
    for (uint32_t i = 0; depth < DEPTH_MAX && i < cls->attrs.len; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        if (attr->abs->kind == ABS_INSTANCE &&
            (is_tower(unit, attr->abs->cls) || wraps(unit, attr->abs->cls, depth + 1)))
            return true;
    }
    return false;
}

bool wraps_tower(const struct unit *unit, const struct cls *cls) {
    return unit->towers.len > 0 && wraps(unit, cls, 0);
}

static bool is_module(const struct absval *a) {
    return a->kind == ABS_INSTANCE || a->kind == ABS_OBJECT || a->kind == ABS_SEQ || a->kind == ABS_UNION ||
           a->kind == ABS_DICT || a->kind == ABS_LIST;
}

bool may_hold_parameters(const struct attr *attr) {
    bool made = attr->abs->kind == ABS_TOP && is_kind(attr->expr, NODE_CALL) && attr->stmt;
    return made || is_module(attr->abs) || is_state(attr);
}

static void leave_out(struct unit *unit, atom name) {
    for (uint32_t i = 0; i < unit->left_out.len; i++)
        if (unit->left_out.at[i] == name)
            return;
    uint32_t at = unit->left_out.len;
    vec_push(unit->arena, &unit->left_out, name);
    for (; at > 0 && strcmp(unit->left_out.at[at - 1], name) > 0; at--)
        unit->left_out.at[at] = unit->left_out.at[at - 1];
    unit->left_out.at[at] = name;
}

static void leave_out_below(
    struct unit *unit, const struct checkpoint *checkpoint, const struct cls *cls, const char *path, int depth) {
    static const char below[] = ".weight";
    for (uint32_t i = 0; depth < DEPTH_MAX && i < cls->attrs.len; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        const char *name = arena_printf(unit->arena, "%s%s%s", path, *path ? "." : "", attr->name);
        if (attr->live && attr->abs->kind == ABS_INSTANCE && wraps(unit, attr->abs->cls, 0))
            leave_out_below(unit, checkpoint, attr->abs->cls, name, depth + 1);
        if (attr->live || !may_hold_parameters(attr))
            continue;
        bool module = !is_state(attr);
        struct published published =
            checkpoint_publish(checkpoint, arena_printf(unit->arena, "%s%s", name, module ? below : ""), 0);
        const char *key = published.problem ? name : published.key;
        size_t len = strlen(key) - (module && ends_with(key, below) ? strlen(below) - 1 : 0);
        leave_out(unit, intern_len(unit->atoms, key, len));
    }
}

void note_left_out(struct unit *unit, const struct checkpoint *checkpoint) {
    if (wraps_tower(unit, unit->entry))
        leave_out_below(unit, checkpoint, unit->entry, "", 0);
}

/* -- names of several files --------------------------------------------------------------------------------------- */

static bool means_the_same(const struct symbol *a, const struct symbol *b) {
    return a->kind == SYM_IMPORT && b->kind == SYM_IMPORT && a->qual == b->qual;
}

static void check_name(struct unit *unit, const struct module *module, const struct symbol *symbol) {
    const struct module *other;
    for (uint32_t m = 0; (other = unit_module(unit, m)) != module; m++) {
        const struct symbol *known = module_lookup(other, symbol->name);
        if (known == NULL || !known->used || means_the_same(known, symbol))
            continue;
        struct diag *d = diag_at(unit->diags, unit_refusal(unit), other->source, known->stmt->span, "name-clash",
            "`%s` is something else in `%s`, which is part of the same model", symbol->name, module->name);
        diag_help(unit->diags, d, "the emitted file can define it once only");
        return;
    }
}

void check_linked_names(struct unit *unit) {
    const struct module *module;
    for (uint32_t m = 1; (module = unit_module(unit, m)) != NULL; m++)
        for (uint32_t i = 0; i < module->symbols.len; i++)
            if (((const struct symbol *)module->symbols.entry[i].value)->used)
                check_name(unit, module, module->symbols.entry[i].value);
}

/* -- translations -------------------------------------------------------------------------------------------------- */

/* "^vision_tower\." as the path, with its dot. */
static const char *path_of_pattern(struct arena *arena, const char *pattern) {
    char *path = arena_strndup(arena, pattern + (*pattern == '^'), strlen(pattern)), *to = path;
    for (const char *from = path; *from; from++)
        if (*from != '\\' && *from != '$')
            *to++ = *from;
    *to = '\0';
    return path;
}

void read_left_out(struct unit *unit) {
    const struct node *patterns = map_get(&unit->entry->class_attrs, intern(unit->atoms, declares));
    for (uint32_t i = 0; is_kind(patterns, NODE_LIST) && i < patterns->nkids; i++)
        if (patterns->kid[i]->kind == NODE_STRING)
            leave_out(
                unit, intern(unit->atoms, path_of_pattern(unit->arena, string_value(unit->atoms, patterns->kid[i]))));
}

/* config.text_config.model_type: the path of the part. */
static const char *typed_part(struct arena *arena, const struct node *e) {
    const char *path = "";
    if (e->kind != NODE_ATTRIBUTE || !atom_is(e->atom, "model_type"))
        return NULL;
    for (e = e->kid[0]; e->kind == NODE_ATTRIBUTE; e = e->kid[0])
        path = arena_printf(arena, "%s%s%s", e->atom, *path ? "." : "", path);
    return e->kind == NODE_NAME && *path ? path : NULL;
}

void note_tower_type(struct unit *unit, const struct fn *fn, const struct node *test, const struct node *raises) {
    const struct node *error =
        raises && raises->nkids == 1 && raises->kid[0]->kind == NODE_RAISE ? raises->kid[0]->kid[0] : NULL;
    if (fn != class_method(unit->entry, "__init__") || !is_kind(test, NODE_COMPARE) || test->nkids != 2 ||
        test->ops[0] != OP_NE || test->kid[1]->kind != NODE_STRING || !is_kind(error, NODE_CALL) ||
        !is_name(error->kid[0], "NotImplementedError"))
        return;
    const char *path = typed_part(unit->arena, test->kid[0]);
    for (uint32_t i = 0; path && i < unit->towers.len; i++)
        if (atom_is(unit->towers.at[i].path, path))
            return;
    struct tower tower = {.type = string_value(unit->atoms, test->kid[1]), .open = true};
    tower.path = path ? intern(unit->atoms, path) : NULL;
    if (path)
        vec_push(unit->arena, &unit->towers, tower);
}
