/* config_reads.c - which fields of its configuration the program reads.
 *
 * Reads   the residual program.
 * Writes  the names of the fields; an error where the configuration goes to something that may read any of them. */
#include <string.h>

#include "rewrite/config.h"
#include "rewrite/declined.h"

struct reader {
    struct unit *unit;
    struct map *fields;
    bool asked;
    bool ok;
};

static void add(struct reader *r, const char *field, const struct node *at) {
    map_put(r->unit->arena, r->fields, intern(r->unit->atoms, field), (void *)at);
}

static void escapes(struct reader *r, const struct node *at, const char *message, const char *what) {
    r->ok = false;
    if (!r->asked)
        return;
    struct source *source = at->source ? at->source : r->unit->module->source;
    struct span span = at->span.end ? at->span : r->unit->entry->def->span;
    diag_at(r->unit->diags, unit_refusal(r->unit), source, span, "bundle-config", message, what);
}

/* What is known of a node; passes that make nodes leave it to the variable. */
static const struct absval *known(const struct node *n) {
    return n->abs ? n->abs : n->kind == NODE_NAME && n->web ? n->web->abs : NULL;
}

static bool is_config(const struct node *n) {
    const struct absval *a = known(n);
    if (a && a->kind != ABS_TOP && a->kind != ABS_NOTNONE)
        return a->kind == ABS_CONFIG;
    return (n->kind == NODE_NAME && atom_is(n->atom, "config")) ||
           (n->kind == NODE_ATTRIBUTE && atom_is(n->atom, "config") && is_name(n->kid[0], "self"));
}

/* The library's functions that make rotary frequencies read these, in one release or another. */
static void add_rope_fields(struct reader *r, const struct node *at) {
    static const char *const names[] = {"rope_parameters", "rope_scaling", "rope_theta", "partial_rotary_factor",
        "head_dim", "hidden_size", "num_attention_heads", "max_position_embeddings",
        "original_max_position_embeddings"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        add(r, names[i], at);
}

/* The configuration as a whole, given to `holder`. */
static void handed_on(struct reader *r, const struct node *holder, const struct node *n) {
    if (holder->kind == NODE_ASSIGN)
        return;
    const struct node *callee = holder->kind == NODE_CALL ? holder->kid[0] : NULL;
    bool versions = callee && r->unit->reads_rope_parameters && is_name(callee, "_get_rope_parameters");
    if (callee && (holder->callsite || (is_super_call(callee) && atom_is(callee->atom, "__init__")) || versions))
        return;
    const struct absval *a = callee ? known(callee) : NULL;
    if (a && a->kind == ABS_OBJECT && qual_ends(a->qual, "ROPE_INIT_FUNCTIONS"))
        add_rope_fields(r, n);
    else
        escapes(r, holder->span.end ? holder : n,
            "--bundle-config cannot tell what is read of the configuration here%s", "");
}

/* getattr(config, "name", ...) and hasattr: the name. */
static const char *name_asked_for(const struct reader *r, const struct node *n) {
    bool asks = n->kind == NODE_CALL && n->nkids >= 3 && is_kind(n->kid[2], NODE_STRING) && is_config(n->kid[1]) &&
                (is_name(n->kid[0], "getattr") || is_name(n->kid[0], "hasattr"));
    return asks ? string_value(r->unit->atoms, n->kid[2]) : NULL;
}

static void visit(struct reader *r, const struct node *holder, const struct node *n) {
    if (n == NULL)
        return;
    const char *name = name_asked_for(r, n);
    if (n->kind == NODE_ATTRIBUTE && is_config(n->kid[0])) {
        if (is_config(n))
            escapes(r, n, "--bundle-config makes one class, but `%s` is another configuration in it", n->atom);
        else
            add(r, n->atom, n);
        return;
    }
    if (node_is_expr(n) && is_config(n)) {
        handed_on(r, holder, n);
        return;
    }
    if (name)
        add(r, name, n);
    for (uint32_t i = name ? 3 : 0; i < n->nkids; i++) {
        bool target = n->kind == NODE_ASSIGN && i > 0;
        if (!target || n->kid[i]->kind != NODE_ATTRIBUTE || !is_config(n->kid[i]))
            visit(r, n->kind == NODE_KEYWORD ? holder : n, n->kid[i]);
    }
}

bool config_reads(struct unit *unit, bool asked, struct map *fields) {
    struct reader r = {.unit = unit, .fields = fields, .asked = asked, .ok = true};
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live)
            visit(&r, all.list.at[i]->body, all.list.at[i]->body);
    if (unit->reads_rope_parameters) { /* through the function that emit/ adds */
        add(&r, "rope_parameters", NULL);
        add(&r, "rope_scaling", NULL);
        add(&r, "rope_theta", NULL);
        if (unit->rope_partial)
            add(&r, "partial_rotary_factor", NULL);
        if (unit->rope_original)
            add(&r, "max_position_embeddings", NULL);
    }
    if (declined_choice(unit)) /* in the constructor, as emit/ writes it */
        add(&r, declined_choice(unit)->field, NULL);
    add(&r, "tie_word_embeddings", NULL); /* which PreTrainedModel reads */
    return r.ok;
}
