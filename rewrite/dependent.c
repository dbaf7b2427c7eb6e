/* dependent.c - reads the source tree and the account; writes nothing but the list. */
#include "rewrite/dependent.h"

#include <string.h>

#include "base/text.h"

struct search {
    struct unit *unit;
    const struct judge *judge;
    struct dependents *found;
    const struct node *class, *function, *stmt; /* the innermost ones around */
};

bool gives_data(atom function) {
    return word_in(function, "item tolist nonzero masked_scatter masked_scatter_ masked_select unique "
                             "unique_consecutive argwhere bincount histc numpy");
}

/* -- what became of it --------------------------------------------------------------------------------------------- */

static bool is_unreached(const struct verdict *v) {
    for (uint32_t i = 0; v && i < v->by.len; i++)
        if (strcmp(v->by.at[i], "unreached") == 0)
            return true;
    return false;
}

static const struct verdict *judged(const struct search *s) {
    const struct node *around[] = {s->stmt, s->function, s->class};
    for (size_t i = 0; i < sizeof around / sizeof around[0]; i++) {
        const struct verdict *v = around[i] ? verdict_on(s->judge, around[i]) : NULL;
        if (v)
            return v;
    }
    return NULL;
}

static const struct cause *part_around(const struct verdict *v, const struct node *at) {
    for (uint32_t i = 0; v && i < v->parts.len; i++)
        if (v->parts.at[i].span.start <= at->span.start && at->span.end <= v->parts.at[i].span.end)
            return &v->parts.at[i].cause;
    return NULL;
}

static void add(struct search *s, const struct node *at, const char *what) {
    const struct verdict *v = s->judge ? judged(s) : NULL;
    if (is_unreached(v))
        return;
    struct dependent d = {.at = at, .what = what, .verdict = v, .part = part_around(v, at), .where = "the module"};
    if (s->class && s->function)
        d.where = arena_printf(s->unit->arena, "%s.%s", s->class->atom, s->function->atom);
    else if (s->class || s->function)
        d.where = s->class ? s->class->atom : s->function->atom;
    vec_push(s->unit->arena, &s->found->list, d);
}

/* -- what it is ---------------------------------------------------------------------------------------------------- */

/* A method or a function of torch; the built-in ones are names. */
static const char *called_attribute(const struct node *n) {
    return n->kind == NODE_CALL && n->kid[0]->kind == NODE_ATTRIBUTE ? n->kid[0]->atom : NULL;
}

static void look_at_call(struct search *s, const struct node *n) {
    const char *name = called_attribute(n);
    if (name && gives_data(name))
        add(s, n, arena_printf(s->unit->arena, "`%s`", name));
    else if (name && strcmp(name, "where") == 0 && n->nkids == 2 && is_name(n->kid[0]->kid[0], "torch"))
        add(s, n, "`torch.where` of one argument");
}

/* Whether a test asks for a number that a tensor is reduced to. */
static bool asks_for_data(const struct node *test) {
    const char *name = called_attribute(test);
    if (name && word_in(name, "any all equal allclose max min sum"))
        return true;
    for (uint32_t i = 0; i < test->nkids; i++)
        if (test->kid[i] && test->kid[i]->kind != NODE_LAMBDA && asks_for_data(test->kid[i]))
            return true;
    return false;
}

static void look_at_test(struct search *s, const struct node *test) {
    if (asks_for_data(test))
        add(s, test, "a branch on the data");
}

/* x[y == z] that is read. */
static void look_at_index(struct search *s, const struct node *n) {
    const struct node *index = n->kid[1];
    bool stored = false;
    for (uint32_t i = 1; is_kind(s->stmt, NODE_ASSIGN) && i < s->stmt->nkids; i++)
        stored |= s->stmt->kid[i] == n;
    if (!stored && index && (index->kind == NODE_COMPARE || (index->kind == NODE_UNARYOP && index->op == OP_INVERT)))
        add(s, n, "rows selected by a comparison");
}

static void look(struct search *s, const struct node *n) {
    struct search outer = *s;
    if (n->kind == NODE_CLASS) {
        s->class = n;
        s->function = s->stmt = NULL;
    } else if (n->kind == NODE_FUNCTION) {
        s->function = s->function ? s->function : n;
        s->stmt = NULL;
    } else if (node_is_stmt(n)) {
        s->stmt = n;
    } else if (n->kind == NODE_CALL) {
        look_at_call(s, n);
    } else if (n->kind == NODE_SUBSCRIPT) {
        look_at_index(s, n);
    }
    if (n->kind == NODE_IF || n->kind == NODE_WHILE || n->kind == NODE_IFEXP || n->kind == NODE_ASSERT)
        look_at_test(s, n->kid[0]);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            look(s, n->kid[i]);
    s->class = outer.class;
    s->function = outer.function;
    s->stmt = outer.stmt;
}

void dependents_find(struct unit *unit, const struct judge *judge, struct dependents *dependents) {
    struct search search = {.unit = unit, .judge = judge, .found = dependents};
    look(&search, unit->module->tree);
}
