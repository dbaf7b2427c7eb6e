/* long_context.c - tables of frequencies that depend on the length of the input.
 *
 * Reads   a rotary class whose forward carries a decorator that recomputes the frequencies (`longrope`), and the
 *         call in its constructor that computes them for short inputs.
 * Writes  a second block of rows for inputs above the original length, below the first; forward moves its positions
 *         there where the largest of them asks for it.
 * Guarantees  the same choice, of one block for the whole batch, as the decorator makes. */
#include <string.h>

#include "rewrite/facts.h"
#include "rewrite/quote.h"
#include "rewrite/symbolic.h"
#include "rewrite/tabulate.h"

static bool is_rope_init(const struct node *e) {
    return e->kind == NODE_CALL && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_OBJECT &&
           qual_ends(e->kid[0]->abs->qual, "ROPE_INIT_FUNCTIONS");
}

static struct node *find_rope_init(struct node *n) {
    if (n == NULL || is_rope_init(n))
        return n;
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node *found = find_rope_init(n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* The key that chose the function: ROPE_INIT_FUNCTIONS[key], maybe through a variable. */
static struct node *rope_key(const struct node *call) {
    const struct node *callee = call->kid[0];
    if (callee->kind == NODE_NAME && callee->web && callee->web->kind == WEB_ASSIGN)
        callee = callee->web->expr;
    if (callee->kind == NODE_ATTRIBUTE && callee->kid[0]->abs && callee->kid[0]->abs->kind == ABS_INSTANCE) {
        const struct attr *attr = class_attr_of(callee->kid[0]->abs->cls, callee->atom);
        if (attr && attr->stores == 1 && attr->expr)
            callee = attr->expr;
    }
    return callee->kind == NODE_SUBSCRIPT ? callee->kid[1] : NULL;
}

/* The dictionary of rope parameters that the rope type is read from. */
static struct node *rope_parameters(struct unit *unit, struct node *n) {
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_SUBSCRIPT && n->kid[1]->kind == NODE_STRING &&
        atom_is(string_value(unit->atoms, n->kid[1]), "rope_type"))
        return n->kid[0];
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node *found = rope_parameters(unit, n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

static struct web *plain_web(struct tabulate *t, const char *name, enum web_kind kind) {
    struct web *w = NEW(t->unit->arena, struct web);
    w->kind = kind;
    w->name = intern(t->unit->atoms, name);
    w->abs = abs_simple(ABS_TENSOR);
    return w;
}

static void define_by(struct web *w, struct node *stmt) {
    w->stmt = stmt;
    w->expr = stmt->kid[0];
}

/* An attribute that the constructor sets on some paths and forward reads. */
static void declare_attribute(struct tabulate *t, const char *name) {
    struct attr *attr = NEW(t->unit->arena, struct attr);
    attr->name = intern(t->unit->atoms, name);
    attr->abs = abs_simple(ABS_TOP);
    attr->stores = 2;
    map_put(t->unit->arena, &t->init->owner->attrs, attr->name, attr);
}

/* transformers 4 has the length of the original training beside the rope settings, or not at all. */
static struct node *original_length(struct tabulate *t) {
    struct unit *u = t->unit;
    struct node *config = symbol_in_class(u, t->init->owner, class_config(u, t->init->owner));
    const struct hole holes[] = {{"CONFIG", config}, {NULL, NULL}};
    struct node *made = quote(u,
        "(getattr(CONFIG, \"rope_parameters\", None) or {}).get(\"original_max_position_embeddings\", "
        "getattr(CONFIG, \"original_max_position_embeddings\", CONFIG.max_position_embeddings))\n",
        holes);
    return made->kid[0]->kid[0];
}

/* `self.<name> = {}` in front of the loop over layer types. */
static void start_dictionary(struct tabulate *t, struct node *attribute) {
    struct unit *u = t->unit;
    const struct hole holes[] = {{"ATTRIBUTE", attribute}, {NULL, NULL}};
    struct node *made = quote(u, "ATTRIBUTE = {}\n", holes);
    for (uint32_t i = 0; i < t->init->body->nkids; i++)
        if (t->init->body->kid[i] == t->loop) {
            node_insert(u->arena, t->init->body, i, made->kid[0]);
            return;
        }
}

/* The attribute with the rope type, which forward asks for: the one that the key is read from, or one of ours. */
static atom rope_type_name(const struct tabulate *t) {
    const struct node *key = rope_key(t->rope_init);
    return key->kind == NODE_ATTRIBUTE ? key->atom : intern(t->unit->atoms, "rope_type");
}

static struct node *rope_type_attribute(struct tabulate *t) {
    struct unit *u = t->unit;
    struct node *key = rope_key(t->rope_init);
    struct node *attribute = make_attr(u->arena, tabulate_self(t, t->init), rope_type_name(t));
    if (key->kind != NODE_ATTRIBUTE) {
        node_add(u->arena, t->into, node_make(u->arena, NODE_ASSIGN, NULL, 2, key, attribute));
        declare_attribute(t, "rope_type");
    }
    return attribute;
}

static void join_values(struct unit *u, struct node *join, struct web *phi, struct web *then, struct web *otherwise) {
    phi->stmt = join;
    phi->from[0] = then;
    phi->from[1] = otherwise;
    phi_add(u->arena, join, phi);
}

struct node *long_context_rows(struct tabulate *t, struct node *rows) {
    struct unit *u = t->unit;
    struct web *freqs = tabulate_assign(t, intern(u->atoms, "freqs"), rows);
    struct web *long_freq = plain_web(t, "long_inv_freq", WEB_ELEMENT), *both = plain_web(t, "freqs", WEB_ASSIGN);
    struct node *parameters = rope_parameters(u, t->into);
    struct node *again = node_copy(u->arena, t->rope_init);
    again->callsite = NULL;
    struct node *original = parameters ? node_make(u->arena, NODE_SUBSCRIPT, NULL, 2, node_copy(u->arena, parameters),
                                             make_string(u->arena, u->atoms, "original_max_position_embeddings"))
                                       : original_length(t);
    struct node *from = make_attr(u->arena, tabulate_self(t, t->init), intern(u->atoms, "long_context_from"));
    declare_attribute(t, "long_context_from");
    t->has_long_rows = true;
    if (t->loop) {
        start_dictionary(t, from);
        from = node_make(u->arena, NODE_SUBSCRIPT, NULL, 2, from, make_web_name(u->arena, tabulate_loop_key(t)));
    }
    const struct hole holes[] = {{"KEY", t->loop ? rope_key(t->rope_init) : rope_type_attribute(t)},
        {"ORIGINAL", original}, {"FROM", from}, {"LONG", make_web_name(u->arena, long_freq)},
        {"BOTH", make_web_name(u->arena, both)}, {"FREQS", make_web_name(u->arena, freqs)}, {"AGAIN", again},
        {"POSITIONS", make_web_name(u->arena, t->all_positions)}, {NULL, NULL}};
    struct node *made = quote(u,
        "if KEY == 'longrope':\n"
        "    FROM = ORIGINAL\n"
        "    LONG, _ = AGAIN\n"
        "    BOTH = torch.cat((FREQS, torch.outer(POSITIONS, LONG)))\n",
        holes);
    struct node *join = made->kid[0], *block = join->kid[1];
    struct node *length = node_make(
        u->arena, NODE_BINOP, NULL, 2, node_copy(u->arena, from), make_number(u->arena, intern(u->atoms, "1")));
    length->op = OP_ADD;
    node_add(
        u->arena, block->kid[1]->kid[0], node_make(u->arena, NODE_KEYWORD, intern(u->atoms, "seq_len"), 1, length));
    define_by(long_freq, block->kid[1]);
    define_by(both, block->kid[2]);
    struct web *phi = plain_web(t, "freqs", WEB_IF);
    join_values(u, join, phi, both, freqs);
    node_add(u->arena, t->into, join);
    return make_web_name(u->arena, phi);
}

void long_context_choose(struct tabulate *t) {
    struct unit *u = t->unit;
    struct web *start = plain_web(t, "long_context_from", WEB_ASSIGN), *is_long = plain_web(t, "is_long", WEB_ASSIGN);
    struct web *moved = plain_web(t, t->positions->name, WEB_ASSIGN), *rows = plain_web(t, t->positions->name, WEB_IF);
    struct node *self = tabulate_self(t, t->forward);
    const struct hole holes[] = {{"SELF", self}, {"KEY", make_attr(u->arena, self, rope_type_name(t))},
        {"START", make_web_name(u->arena, start)}, {"LONG", make_web_name(u->arena, is_long)},
        {"MOVED", make_web_name(u->arena, moved)}, {"P", make_web_name(u->arena, t->positions)},
        {"TABLE", tabulate_read(t, t->first_table)->kid[0]}, {"TYPE", t->key ? make_web_name(u->arena, t->key) : self},
        {NULL, NULL}};
    struct node *made = quote(u,
        t->loop ? "START = SELF.long_context_from.get(TYPE)\n"
                  "if START is not None:\n"
                  "    LONG = P.max() >= START\n"
                  "    MOVED = P + torch.where(LONG, len(TABLE) // 2, 0)\n"
                : "if KEY == 'longrope':\n"
                  "    LONG = P.max() >= SELF.long_context_from\n"
                  "    MOVED = P + torch.where(LONG, len(TABLE) // 2, 0)\n",
        holes);
    struct node *join = made->kid[made->nkids - 1];
    if (t->loop)
        define_by(start, made->kid[0]);
    define_by(is_long, join->kid[1]->kid[0]);
    define_by(moved, join->kid[1]->kid[1]);
    join_values(u, join, rows, moved, t->positions);
    for (uint32_t i = made->nkids; i-- > 0;)
        node_insert(u->arena, t->forward->body, 0, made->kid[i]);
    t->rows = rows;
}

bool frequencies_follow_length(const struct unit *unit, const struct fn *fn) {
    for (uint32_t i = 3; i < fn->def->nkids; i++) {
        const struct node *d = fn->def->kid[i];
        const struct symbol *symbol = d->kind == NODE_NAME ? module_lookup(fn->module, d->atom) : NULL;
        if (symbol && symbol->kind == SYM_IMPORT && fact_decorator(unit->facts, symbol->qual))
            return true;
    }
    return false;
}

bool long_context_find(struct tabulate *t) {
    struct unit *u = t->unit;
    t->rope_init = find_rope_init(t->into);
    bool has_length =
        rope_parameters(u, t->into) || symbol_in_class(u, t->init->owner, class_config(u, t->init->owner));
    return t->rope_init == NULL || (rope_key(t->rope_init) && has_length);
}
