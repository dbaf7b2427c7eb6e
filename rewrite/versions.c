/* versions.c - configuration fields that moved between transformers 4 and 5.
 *
 * Reads   the pruned program.
 * Writes  reads of config.rope_parameters go through a function of the emitted file that finds the same settings in the
 *         layout of either release; emit/ adds that function.
 * Guarantees  the same values under transformers 5. */
#include "rewrite/versions.h"

#include <string.h>

#include "rewrite/passes.h"
#include "rewrite/unit.h"

static bool is_rope_parameters(const struct node *n) {
    return n->kind == NODE_ATTRIBUTE && atom_is(n->atom, "rope_parameters") && n->kid[0]->abs &&
           n->kid[0]->abs->kind == ABS_CONFIG;
}

static uint32_t count_reads(const struct node *n, bool target) {
    if (n == NULL)
        return 0;
    uint32_t count = is_rope_parameters(n) && !target;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_reads(n->kid[i], n->kind == NODE_ASSIGN && i > 0);
    return count;
}

static struct node *helper_call(struct unit *unit, struct node *config) {
    return node_make(
        unit->arena, NODE_CALL, NULL, 2, make_name(unit->arena, intern(unit->atoms, "_get_rope_parameters")), config);
}

static void replace(struct unit *unit, struct node **slot, struct web *local, bool target) {
    struct node *n = *slot;
    if (n == NULL)
        return;
    if (is_rope_parameters(n) && !target) {
        struct node *made = local ? make_web_name(unit->arena, local) : helper_call(unit, n->kid[0]);
        made->abs = n->abs;
        *slot = made;
        return;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        replace(unit, &n->kid[i], local, n->kind == NODE_ASSIGN && i > 0);
}

static struct web *config_param(const struct fn *fn) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->web && fn->params.at[i]->abs && fn->params.at[i]->abs->kind == ABS_CONFIG)
            return fn->params.at[i]->web;
    return NULL;
}

/* Which keys of the settings the code asks for, beyond type and theta. */
static void note_keys(struct unit *unit, const struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_STRING) {
        atom key = string_value(unit->atoms, n);
        unit->rope_partial |= key && atom_is(key, "partial_rotary_factor");
        unit->rope_original |= key && atom_is(key, "original_max_position_embeddings");
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        note_keys(unit, n->kid[i]);
}

static bool is_super_init(const struct node *s) {
    return s->kind == NODE_EXPR && s->kid[0]->kind == NODE_CALL && s->kid[0]->kid[0]->kind == NODE_ATTRIBUTE &&
           atom_is(s->kid[0]->kid[0]->atom, "__init__");
}

static void record_reads(struct unit *unit, const struct fn *fn, const struct node *n) {
    if (n == NULL)
        return;
    if (is_rope_parameters(n))
        pass_record(unit, "versions", n, fn);
    for (uint32_t i = 0; i < n->nkids; i++)
        record_reads(unit, fn, n->kid[i]);
}

static void read_through_helper(struct unit *unit, struct fn *fn) {
    uint32_t reads = count_reads(fn->body, false);
    if (reads == 0)
        return;
    unit->reads_rope_parameters = true;
    note_keys(unit, fn->body);
    record_reads(unit, fn, fn->body);
    struct web *config = config_param(fn), *local = NULL;
    if (reads > 1 && config) {
        local = NEW(unit->arena, struct web);
        local->kind = WEB_ASSIGN;
        local->name = intern(unit->atoms, "rope_parameters");
        local->abs = abs_simple(ABS_NOTNONE);
    }
    replace(unit, &fn->body, local, false);
    if (local == NULL)
        return;
    local->expr = helper_call(unit, make_web_name(unit->arena, config));
    local->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, local->expr, make_web_name(unit->arena, local));
    uint32_t at = fn->body->nkids && is_super_init(fn->body->kid[0]);
    node_insert(unit->arena, fn->body, at, local->stmt);
}

/* transformers 4 has rope functions whose `device` has no default. */
static void name_devices(struct unit *unit, struct node *n) {
    if (n == NULL)
        return;
    bool rope_init = n->kind == NODE_CALL && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_OBJECT &&
                     qual_ends(n->kid[0]->abs->qual, "ROPE_INIT_FUNCTIONS");
    bool one_positional = rope_init && n->nkids >= 2 && n->kid[1]->kind != NODE_KEYWORD &&
                          (n->nkids == 2 || (n->kid[2]->kind == NODE_KEYWORD && !atom_is(n->kid[2]->atom, "device")));
    if (one_positional)
        node_insert(unit->arena, n, 2,
            node_make(unit->arena, NODE_KEYWORD, intern(unit->atoms, "device"), 1, make_const(unit->arena, OP_NONE)));
    for (uint32_t i = 0; i < n->nkids; i++)
        name_devices(unit, n->kid[i]);
}

void span_versions(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    if (unit->package.root == NULL)
        return;
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live) {
            read_through_helper(unit, all.list.at[i]);
            name_devices(unit, all.list.at[i]->body);
        }
}
