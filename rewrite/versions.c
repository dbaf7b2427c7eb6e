/* versions.c - configuration fields that moved between transformers 4 and 5.
 *
 * Reads   the pruned program.
 * Writes  reads of config.rope_parameters go through a function of the emitted file that finds the same settings in the
 *         layout of either release; emit/ adds that function. Settings by layer type are of transformers 5 alone.
 *         ROPE_INIT_FUNCTIONS has no default type in transformers 5; that is a function of the emitted file.
 * Guarantees  the same values under transformers 5. */
#include "rewrite/versions.h"

#include <string.h>

#include "rewrite/passes.h"
#include "rewrite/quote.h"
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

/* config.rope_parameters[layer_type] */
static bool reads_by_layer(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_SUBSCRIPT && is_rope_parameters(n->kid[0]) && n->kid[1]->kind != NODE_STRING)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (reads_by_layer(n->kid[i]))
            return true;
    return false;
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
        bool same = local && strcmp(n->kid[0]->abs->qual, local->expr->kid[1]->abs->qual) == 0;
        struct node *made = same ? make_web_name(unit->arena, local) : helper_call(unit, n->kid[0]);
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
    if (reads == 0 || reads_by_layer(fn->body))
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
        local->expr = helper_call(unit, make_web_name(unit->arena, config));
    }
    replace(unit, &fn->body, local, false);
    if (local == NULL)
        return;
    local->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, local->expr, make_web_name(unit->arena, local));
    const struct node *first = fn->body->nkids ? fn->body->kid[0] : NULL;
    uint32_t at =
        is_kind(first, NODE_EXPR) && is_kind(first->kid[0], NODE_CALL) && is_super_call(first->kid[0]->kid[0]);
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

/* -- the default type ---------------------------------------------------------------------------------------------- */

static bool names_default(const struct unit *unit, const struct node *n) {
    if (n->kind == NODE_STRING)
        return atom_is(string_value(unit->atoms, n), "default");
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && names_default(unit, n->kid[i]))
            return true;
    return false;
}

static const char default_function[] = "_default_rope_parameters";

/* ROPE_INIT_FUNCTIONS[key] becomes a look-up that finds the default type too, but where a test rules that out. */
static bool find_default(struct unit *unit, struct node **slot) {
    struct node *n = *slot;
    if (n == NULL || (n->kind == NODE_IF && names_default(unit, n->kid[0])))
        return false;
    bool lookup = n->kind == NODE_SUBSCRIPT && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_LIBRARY &&
                  qual_ends(n->kid[0]->abs->qual, "ROPE_INIT_FUNCTIONS");
    if (lookup && n->kid[1]->kind != NODE_STRING) {
        struct node *get = make_attr(unit->arena, n->kid[0], intern(unit->atoms, "get"));
        struct node *call = node_make(unit->arena, NODE_CALL, NULL, 3, get, n->kid[1],
            make_name(unit->arena, intern(unit->atoms, default_function)));
        call->abs = n->abs;
        *slot = call;
        return true;
    }
    bool found = n->kind == NODE_CALL && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_LIBRARY &&
                 qual_ends(n->kid[0]->abs->qual, "ROPE_INIT_FUNCTIONS.get"); /* of an earlier translation */
    for (uint32_t i = 0; i < n->nkids; i++)
        found |= find_default(unit, &n->kid[i]);
    return found;
}

static void add_default(struct unit *unit) {
    static const char text[] =
        "def _default_rope_parameters(config, device=None, seq_len=None):\n"
        "    \"\"\"Inverse frequencies of the default type, which transformers 5 leaves to its models.\"\"\"\n"
        "    rope = getattr(config, \"rope_parameters\", None) or {}\n"
        "    base = rope.get(\"rope_theta\") or config.rope_theta\n"
        "    partial = rope.get(\"partial_rotary_factor\") or getattr(config, \"partial_rotary_factor\", 1.0)\n"
        "    head_dim = getattr(config, \"head_dim\", None) or config.hidden_size // config.num_attention_heads\n"
        "    dim = int(head_dim * partial)\n"
        "    return 1.0 / (base ** (torch.arange(0, dim, 2, dtype=torch.float) / dim)), 1.0\n";
    vec_push(unit->arena, &unit->helpers, node_copy(unit->arena, quoted(unit, text)->kid[0]));
}

void span_versions(struct unit *unit) {
    struct functions all = {0};
    bool needs_default = false;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (!fn->live)
            continue;
        needs_default |= find_default(unit, &fn->body);
        if (unit->package.root == NULL)
            continue;
        read_through_helper(unit, fn);
        name_devices(unit, fn->body);
    }
    if (needs_default)
        add_default(unit);
}
