/* polynomial.c - expressions over the configuration, multiplied out. */
#include "rewrite/polynomial.h"

enum { TERMS_MAX = 32, DEGREE_MAX = 6, NAMES_MAX = 16 };

/* factor * name[0] * name[1] * ..., the names by their numbers, in order. */
struct term {
    long factor;
    uint8_t name[DEGREE_MAX];
    uint32_t degree;
};

struct polynomial {
    struct term term[TERMS_MAX];
    uint32_t count;
};

struct expansion {
    const struct node *name[NAMES_MAX];
    uint32_t names;
    bool overflow;
};

static bool same_names(const struct term *a, const struct term *b) {
    return a->degree == b->degree && memcmp(a->name, b->name, a->degree) == 0;
}

static void add(struct expansion *x, struct polynomial *to, struct term term, long times) {
    term.factor *= times;
    for (uint32_t i = 0; i < to->count; i++) {
        if (same_names(&to->term[i], &term)) {
            to->term[i].factor += term.factor;
            return;
        }
    }
    if (to->count == TERMS_MAX)
        x->overflow = true;
    else
        to->term[to->count++] = term;
}

static struct term product(struct expansion *x, const struct term *a, const struct term *b) {
    struct term p = {.factor = a->factor * b->factor};
    if (a->degree + b->degree > DEGREE_MAX) {
        x->overflow = true;
        return p;
    }
    for (uint32_t i = 0, k = 0; i < a->degree || k < b->degree;) {
        bool first = k == b->degree || (i < a->degree && a->name[i] <= b->name[k]);
        p.name[p.degree++] = first ? a->name[i++] : b->name[k++];
    }
    return p;
}

static struct term indeterminate(struct expansion *x, const struct node *e) {
    uint32_t i = 0;
    while (i < x->names && !node_equal(x->name[i], e))
        i++;
    if (i == NAMES_MAX) {
        x->overflow = true;
        return (struct term){.factor = 0};
    }
    if (i == x->names)
        x->name[x->names++] = e;
    return (struct term){.factor = 1, .name = {(uint8_t)i}, .degree = 1};
}

/* Add `times` the expression to `out`. */
static void expand(struct expansion *x, const struct node *e, long times, struct polynomial *out) {
    int number;
    bool sum = e->kind == NODE_BINOP && (e->op == OP_ADD || e->op == OP_SUB);
    if (literal_int(e, &number)) {
        add(x, out, (struct term){.factor = number}, times);
    } else if (e->kind == NODE_UNARYOP && e->op == OP_NEG) {
        expand(x, e->kid[0], -times, out);
    } else if (sum) {
        expand(x, e->kid[0], times, out);
        expand(x, e->kid[1], e->op == OP_ADD ? times : -times, out);
    } else if (e->kind == NODE_BINOP && e->op == OP_MUL) {
        struct polynomial a = {.count = 0}, b = {.count = 0};
        expand(x, e->kid[0], times, &a);
        expand(x, e->kid[1], 1, &b);
        for (uint32_t i = 0; i < a.count; i++)
            for (uint32_t k = 0; k < b.count; k++)
                add(x, out, product(x, &a.term[i], &b.term[k]), 1);
    } else {
        add(x, out, indeterminate(x, e), times);
    }
}

bool polynomials_equal(const struct node *a, const struct node *b) {
    struct expansion x = {.names = 0};
    struct polynomial difference = {.count = 0};
    expand(&x, a, 1, &difference);
    expand(&x, b, -1, &difference);
    for (uint32_t i = 0; i < difference.count; i++)
        if (difference.term[i].factor != 0)
            return false;
    return !x.overflow;
}
