/* symbolic.c - expressions over `config` and `layer_idx`, the values that are known at construction.
 *
 * Two of them are equivalent when they simplify to the same expression under every consistent outcome of the tests that
 * they make. That is how an attribute is recognised as the window of a mask, whoever wrote either. */
#include "rewrite/symbolic.h"

#include <string.h>

enum { TESTS_MAX = 8 };

struct cases {
    struct unit *unit;
    struct node *test[TESTS_MAX];
    uint32_t count;
    uint32_t truth; /* bit i: the outcome of test[i] */
    bool overflow;
};

static void add_test(struct cases *c, struct node *test) {
    for (uint32_t i = 0; i < c->count; i++)
        if (node_equal(c->test[i], test))
            return;
    if (c->count == TESTS_MAX)
        c->overflow = true;
    else
        c->test[c->count++] = test;
}

/* Tests are compared without their negation: `is not` and `!=` are `is` and `==` the other way round. */
static struct node *positive(struct unit *unit, struct node *test, bool *negated) {
    *negated = false;
    while (test->kind == NODE_UNARYOP && test->op == OP_NOT) {
        *negated = !*negated;
        test = test->kid[0];
    }
    if (test->kind == NODE_COMPARE && test->nkids == 2 && (test->ops[0] == OP_IS_NOT || test->ops[0] == OP_NE)) {
        struct node *same = node_copy(unit->arena, test);
        same->ops = arena_alloc(unit->arena, 1);
        same->ops[0] = test->ops[0] == OP_IS_NOT ? OP_IS : OP_EQ;
        *negated = !*negated;
        return same;
    }
    return test;
}

static void collect_tests(struct cases *c, struct node *e) {
    bool negated;
    if (e == NULL)
        return;
    if (e->kind == NODE_IFEXP) {
        struct node *test = positive(c->unit, e->kid[0], &negated);
        if (test->kind == NODE_BOOLOP) {
            for (uint32_t i = 0; i < test->nkids; i++)
                add_test(c, positive(c->unit, test->kid[i], &negated));
        } else {
            add_test(c, test);
        }
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        collect_tests(c, e->kid[i]);
}

static bool outcome(struct cases *c, struct node *test) {
    bool negated;
    test = positive(c->unit, test, &negated);
    if (test->kind == NODE_BOOLOP) {
        bool result = test->op == OP_AND;
        for (uint32_t i = 0; i < test->nkids; i++)
            result = test->op == OP_AND ? result && outcome(c, test->kid[i]) : result || outcome(c, test->kid[i]);
        return result != negated;
    }
    for (uint32_t i = 0; i < c->count; i++)
        if (node_equal(c->test[i], test))
            return (c->truth >> i & 1) != negated;
    return negated;
}

/* `x is None` that holds makes every x None. */
static bool is_known_none(struct cases *c, const struct node *e) {
    for (uint32_t i = 0; i < c->count; i++) {
        const struct node *t = c->test[i];
        if ((c->truth >> i & 1) && t->kind == NODE_COMPARE && t->nkids == 2 && t->ops[0] == OP_IS &&
            is_none(t->kid[1]) && node_equal(t->kid[0], e))
            return true;
    }
    return false;
}

static struct node *simplify(struct cases *c, struct node *e) {
    if (e == NULL)
        return NULL;
    if (is_known_none(c, e))
        return make_const(c->unit->arena, OP_NONE);
    if (e->kind == NODE_IFEXP)
        return simplify(c, e->kid[outcome(c, e->kid[0]) ? 1 : 2]);
    struct node *s = node_copy(c->unit->arena, e);
    for (uint32_t i = 0; i < s->nkids; i++)
        s->kid[i] = simplify(c, s->kid[i]);
    return s;
}

/* One thing cannot equal two strings. */
static bool consistent(const struct cases *c) {
    for (uint32_t i = 0; i < c->count; i++)
        for (uint32_t k = i + 1; k < c->count; k++) {
            const struct node *a = c->test[i], *b = c->test[k];
            bool equalities = a->kind == NODE_COMPARE && b->kind == NODE_COMPARE && a->nkids == 2 && b->nkids == 2 &&
                              a->ops[0] == OP_EQ && b->ops[0] == OP_EQ && node_equal(a->kid[0], b->kid[0]);
            if (equalities && (c->truth >> i & 1) && (c->truth >> k & 1))
                return false;
        }
    return true;
}

bool symbols_equivalent(struct unit *unit, struct node *a, struct node *b) {
    if (node_equal(a, b))
        return true;
    struct cases c = {.unit = unit};
    collect_tests(&c, a);
    collect_tests(&c, b);
    if (c.overflow)
        return false;
    for (c.truth = 0; c.truth < UINT32_C(1) << c.count; c.truth++)
        if (consistent(&c) && !node_equal(simplify(&c, a), simplify(&c, b)))
            return false;
    return true;
}

/* -- back into a class --------------------------------------------------------------------------------------------- */

static struct param *find_index(struct fn *init) {
    for (uint32_t i = 1; i < init->params.len; i++)
        if (init->params.at[i]->abs && init->params.at[i]->abs->kind == ABS_INDEX)
            return init->params.at[i];
    return NULL;
}

/* The parameter that was given just this configuration, which may be a part of the model's. */
static struct param *find_config(struct unit *unit, struct fn *init, const struct node *symbol) {
    for (uint32_t i = 1; i < init->params.len; i++) {
        const struct absval *abs = init->params.at[i]->abs;
        if (abs && abs->kind == ABS_CONFIG && node_equal(abs_symbol(unit, abs), symbol))
            return init->params.at[i];
    }
    return NULL;
}

/* A parameter that was given just this value, such as the kind of a layer. */
static struct param *find_param_with(struct fn *init, const struct node *symbol) {
    for (uint32_t i = 1; i < init->params.len; i++) {
        struct param *p = init->params.at[i];
        if (p->web && p->abs && p->abs->kind == ABS_SYMBOLIC && node_equal(p->abs->constant, symbol))
            return p;
    }
    return NULL;
}

/* Names of the vocabulary, and what parameters of this __init__ hold, become these parameters. */
static bool rebind(struct unit *unit, struct fn *init, struct node *e) {
    if (e == NULL)
        return true;
    struct param *p = e->kind == NODE_NAME ? NULL : find_param_with(init, e);
    bool index = e->kind == NODE_NAME && e->web == NULL && atom_is(e->atom, "layer_idx");
    bool config = e->kind == NODE_NAME && e->web == NULL && atom_is(e->atom, "config");
    if (index)
        p = find_index(init);
    else if (p == NULL && (config || e->kind == NODE_ATTRIBUTE))
        p = find_config(unit, init, e);
    if (p) {
        *e = *make_web_name(unit->arena, p->web);
        return true;
    }
    if (index || config)
        return false;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (!rebind(unit, init, e->kid[i]))
            return false;
    return true;
}

struct node *symbol_in_class(struct unit *unit, struct cls *cls, struct node *symbol) {
    struct fn *init = class_method(cls, "__init__");
    if (init == NULL || init->body == NULL)
        return NULL;
    struct node *e = node_copy(unit->arena, symbol);
    return rebind(unit, init, e) ? e : NULL;
}

struct node *class_config(struct unit *unit, const struct cls *cls) {
    const struct fn *init = class_method(cls, "__init__");
    for (uint32_t i = 1; init && i < init->params.len; i++) {
        const struct absval *abs = init->params.at[i]->abs;
        if (abs && abs->kind == ABS_CONFIG)
            return abs_symbol(unit, abs);
    }
    return make_name(unit->arena, intern(unit->atoms, "config"));
}

/* The first of the names that the class has no attribute of. */
static atom free_attribute(struct unit *unit, const struct cls *cls, const char *const *names) {
    atom attribute = NULL;
    for (uint32_t i = 0; names[i]; i++) {
        attribute = intern(unit->atoms, names[i]);
        if (!class_attr_of(cls, attribute))
            return attribute;
    }
    atom last = attribute;
    for (uint32_t k = 2; class_attr_of(cls, attribute); k++)
        attribute = intern_printf(unit->atoms, "%s_%u", last, k);
    return attribute;
}

atom attribute_for_symbol(struct unit *unit, struct cls *cls, struct node *symbol, const char *const *names) {
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        if (attr->abs->kind == ABS_SYMBOLIC && !attr->conditional &&
            symbols_equivalent(unit, attr->abs->constant, symbol))
            return attr->name;
    }
    struct node *value = symbol_in_class(unit, cls, symbol);
    if (value == NULL)
        return NULL;
    struct fn *init = class_method(cls, "__init__");
    atom attribute = free_attribute(unit, cls, names);
    struct attr *attr = NEW(unit->arena, struct attr);
    attr->name = attribute;
    attr->wanted = intern(unit->atoms, names[0]);
    attr->abs = abs_symbolic(unit, node_copy(unit->arena, symbol));
    attr->expr = value;
    attr->stores = 1;
    struct node *self = make_web_name(unit->arena, init->params.at[0]->web);
    attr->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, value, make_attr(unit->arena, self, attribute));
    node_add(unit->arena, init->body, attr->stmt);
    map_put(unit->arena, &cls->attrs, attribute, attr);
    return attribute;
}

struct attr *class_attr_of(const struct cls *cls, atom name) {
    return map_get(&cls->attrs, name);
}
