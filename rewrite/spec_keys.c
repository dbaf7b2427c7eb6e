/* spec_keys.c - a loop that fills a dictionary of masks under keys that only the configuration knows.
 *
 *     for kind in set(config.layer_types):
 *         masks[kind] = makers[kind]()
 *
 *     masks = {kind: makers[kind]() for kind in set(config.layer_types)}
 *
 * Whatever the loop runs over, it looks its variable up in a dictionary whose keys are known, so it meets no others.
 * Run for all of them, it makes what the source makes, and perhaps masks that nobody looks up: that is the same where
 * the dictionary is only ever looked up, and where making its values has no effect, as it has none for masks. */
#include "rewrite/spec.h"

/* `d[k] = e` */
static bool is_keyed_store(const struct node *stmt, atom key) {
    return stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && stmt->kid[1]->kind == NODE_SUBSCRIPT &&
           is_kind(stmt->kid[1]->kid[0], NODE_NAME) && is_kind(stmt->kid[1]->kid[1], NODE_NAME) &&
           stmt->kid[1]->kid[1]->atom == key;
}

/* g in `g[k]()` or `g[k]`. */
static atom looked_up(const struct node *e, atom key) {
    if (e->kind == NODE_CALL && e->nkids == 1)
        e = e->kid[0];
    bool lookup = e->kind == NODE_SUBSCRIPT && is_kind(e->kid[0], NODE_NAME) && is_kind(e->kid[1], NODE_NAME) &&
                  e->kid[1]->atom == key;
    return lookup ? e->kid[0]->atom : NULL;
}

/* Whether the name is bound and looked up, and nothing else is done with it. */
static bool is_only_looked_up(const struct node *n, const struct node *parent, uint32_t index, atom name) {
    if (n == NULL)
        return true;
    if (n->kind == NODE_NAME && n->atom == name)
        return (parent->kind == NODE_SUBSCRIPT && index == 0) || (parent->kind == NODE_ASSIGN && index > 0) ||
               (parent->kind == NODE_NAMEDEXPR && index == 0);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!is_only_looked_up(n->kid[i], n, i, name))
            return false;
    return true;
}

static bool store_all(struct frame *f, struct node *stmt, atom variable, const struct absval *keys) {
    struct unit *unit = f->unit;
    const struct node *store = stmt->kid[2]->kid[0];
    for (uint32_t i = 0; i < keys->count; i++) {
        struct node *key = make_string(unit->arena, unit->atoms, keys->key[i]);
        env_set(f, variable, val_make(abs_const(unit, key), key));
        run_block(f, stmt->kid[2], 0);
    }
    bool found;
    struct val filled = env_get(f, store->kid[1]->kid[0]->atom, NULL, &found);
    bool masks = found && filled.abs->kind == ABS_DICT && filled.abs->element == NULL;
    for (uint32_t i = 0; masks && i < filled.abs->count; i++)
        masks = abs_is_mask(filled.abs->item[i].abs) || abs_is_none(filled.abs->item[i].abs);
    return masks;
}

bool run_over_keys(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    const struct node *body = stmt->kid[2], *store = body->nkids == 1 ? body->kid[0] : NULL;
    if (stmt->kid[0]->kind != NODE_NAME || stmt->kid[3] || !store || !is_keyed_store(store, stmt->kid[0]->atom) ||
        !f->fn->def)
        return false;
    atom variable = stmt->kid[0]->atom, from = looked_up(store->kid[0], variable);
    const struct val *makers = from ? map_get(&f->env, from) : NULL;
    if (!makers || makers->abs->kind != ABS_DICT || makers->abs->element || makers->abs->count == 0 ||
        !is_only_looked_up(function_body(f->fn->def), f->fn->def, 0, store->kid[1]->kid[0]->atom))
        return false;
    struct map before = {0};
    struct node *out = f->out;
    struct account_point start = account_point(unit);
    map_copy(unit->arena, &before, &f->env);
    f->out = node_new(unit->arena, NODE_BLOCK);
    bool known = store_all(f, stmt, variable, makers->abs);
    struct node *made = f->out;
    f->out = out;
    if (!known) {
        f->env = before;
        account_rewind(unit, start);
        return false;
    }
    for (uint32_t i = 0; i < made->nkids; i++)
        node_add(unit->arena, f->out, made->kid[i]);
    env_set(f, variable, val_top(make_name(unit->arena, variable))); /* which key was the last is not known */
    account_decided(unit, stmt->kid[1], REASON_KEYS);
    return true;
}

/* The variable that the statements set to just this expression. */
static atom assigned_to(const struct node *n, const struct node *value) {
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_ASSIGN && n->kid[0] == value)
        return n->nkids == 2 && n->kid[1]->kind == NODE_NAME ? n->kid[1]->atom : NULL;
    for (uint32_t i = 0; i < n->nkids; i++) {
        atom name = assigned_to(n->kid[i], value);
        if (name)
            return name;
    }
    return NULL;
}

/* The dictionary that a comprehension looks up under its own keys, of which all keys are known; or NULL. */
static const struct absval *looked_up_by_comprehension(struct frame *f, const struct node *e) {
    const struct node *item = e->kid[0], *generator = e->nkids == 2 ? e->kid[1] : NULL;
    if (item->kind != NODE_KEYVALUE || !generator || generator->nkids != 2 || generator->kid[0]->kind != NODE_NAME ||
        !item->kid[0] || !is_kind(item->kid[0], NODE_NAME) || item->kid[0]->atom != generator->kid[0]->atom ||
        !f->fn->def)
        return NULL;
    atom from = looked_up(item->kid[1], item->kid[0]->atom), name = assigned_to(function_body(f->fn->def), e);
    const struct val *makers = from ? map_get(&f->env, from) : NULL;
    bool known = makers && makers->abs->kind == ABS_DICT && !makers->abs->element && makers->abs->count > 0;
    return known && name && is_only_looked_up(function_body(f->fn->def), f->fn->def, 0, name) ? makers->abs : NULL;
}

bool comprehend_keys(struct frame *f, struct node *e, struct val *result) {
    struct unit *unit = f->unit;
    const struct absval *keys = looked_up_by_comprehension(f, e);
    if (keys == NULL)
        return false;
    struct map before = {0};
    struct account_point start = account_point(unit);
    struct absval *masks = abs_new(unit, ABS_DICT);
    struct node *display = at_node(f, node_new(unit->arena, NODE_DICT), e);
    bool known = true, pure = f->pure;
    map_copy(unit->arena, &before, &f->env);
    masks->item = NEW_ARRAY(unit->arena, struct val, keys->count);
    masks->key = keys->key;
    f->pure = true;
    for (uint32_t i = 0; known && i < keys->count; i++) {
        struct node *key = make_string(unit->arena, unit->atoms, keys->key[i]);
        env_set(f, e->kid[0]->kid[0]->atom, val_make(abs_const(unit, key), key));
        struct val mask = masks->item[masks->count++] = eval(f, e->kid[0]->kid[1]);
        known = abs_is_mask(mask.abs);
        node_add(unit->arena, display,
            node_make(unit->arena, NODE_KEYVALUE, NULL, 2, node_copy(unit->arena, key), val_expr(f, &mask)));
    }
    f->pure = pure;
    f->env = before;
    if (!known) {
        account_rewind(unit, start);
        return false;
    }
    account_decided(unit, e->kid[1]->kid[1], REASON_KEYS);
    *result = val_make(masks, display);
    return true;
}
