/* py_precedence.c - parentheses that precedence demands and a tree made by passes does not have.
 *
 * Before a statement is laid out, the expressions that need them are marked, so that everything else can treat them
 * like written ones. The mark is the node's scratch byte, which is zero again after the statement. */
#include "emit/printer.h"

/* How tightly an expression holds together, as in Python's grammar. */
enum tightness {
    TIGHT_NAMED,
    TIGHT_LAMBDA,
    TIGHT_CONDITIONAL,
    TIGHT_OR,
    TIGHT_AND,
    TIGHT_NOT,
    TIGHT_COMPARE,
    TIGHT_BITOR,
    TIGHT_BITXOR,
    TIGHT_BITAND,
    TIGHT_SHIFT,
    TIGHT_SUM,
    TIGHT_PRODUCT,
    TIGHT_UNARY,
    TIGHT_POWER,
    TIGHT_AWAIT,
    TIGHT_ATOM
};

static enum tightness op_tightness(enum op op) {
    switch (op) {
    case OP_OR: return TIGHT_OR;
    case OP_AND: return TIGHT_AND;
    case OP_BITOR: return TIGHT_BITOR;
    case OP_BITXOR: return TIGHT_BITXOR;
    case OP_BITAND: return TIGHT_BITAND;
    case OP_LSHIFT:
    case OP_RSHIFT: return TIGHT_SHIFT;
    case OP_ADD:
    case OP_SUB: return TIGHT_SUM;
    case OP_POW: return TIGHT_POWER;
    default: return TIGHT_PRODUCT;
    }
}

static enum tightness tightness(const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_NAMEDEXPR:
    case NODE_YIELD:
    case NODE_YIELDFROM:
    case NODE_STARRED: return TIGHT_NAMED;
    case NODE_TUPLE: return has_own_parens(e) ? TIGHT_ATOM : TIGHT_NAMED;
    case NODE_LAMBDA: return TIGHT_LAMBDA;
    case NODE_IFEXP: return TIGHT_CONDITIONAL;
    case NODE_BOOLOP:
    case NODE_BINOP: return op_tightness(e->op);
    case NODE_UNARYOP: return e->op == OP_NOT ? TIGHT_NOT : TIGHT_UNARY;
    case NODE_COMPARE: return TIGHT_COMPARE;
    case NODE_AWAIT: return TIGHT_AWAIT;
    default: return TIGHT_ATOM;
    }
}

static void demand(struct printer *p, const struct node *e) {
    if (e->mark == 0 && !(e->flags & NF_PAREN)) {
        ((struct node *)(uintptr_t)e)->mark = DEMANDED; /* scratch, cleared by forget_parens */
        vec_push(p->arena, &p->needing, e);
    }
}

static void hold(struct printer *p, const struct node *e, enum tightness least) {
    if (e != NULL && node_is_expr(e) && tightness(e) < least) {
        demand(p, e);
    }
}

static void hold_binary(struct printer *p, const struct node *e) {
    enum tightness own = op_tightness(e->op);
    bool power = e->op == OP_POW;
    hold(p, e->kid[0], power ? TIGHT_AWAIT : own);
    hold(p, e->kid[1], power ? TIGHT_UNARY : own + 1);
}

/* The first and the elements of everything that takes any expression, but no bare tuple or walrus. */
static void hold_all(struct printer *p, const struct node *e, uint32_t first, enum tightness least) {
    for (uint32_t i = first; i < e->nkids; i++) {
        if (e->kid[i] != NULL && e->kid[i]->kind != NODE_STARRED) {
            hold(p, e->kid[i], least);
        }
    }
}

static void hold_tuples(struct printer *p, const struct node *e, uint32_t first) {
    for (uint32_t i = first; i < e->nkids; i++) {
        if (e->kid[i] != NULL && e->kid[i]->kind == NODE_TUPLE) {
            demand(p, e->kid[i]);
        } else if (e->kid[i] != NULL && (e->kid[i]->kind == NODE_YIELD || e->kid[i]->kind == NODE_YIELDFROM)) {
            demand(p, e->kid[i]);
        }
    }
}

static void hold_call(struct printer *p, const struct node *e) {
    hold(p, e->kid[0], TIGHT_ATOM);
    hold_tuples(p, e, 1);
    for (uint32_t i = 1; e->nkids > 2 && i < e->nkids; i++) {
        if (e->kid[i]->kind == NODE_GENERATOR) {
            demand(p, e->kid[i]);
        }
    }
}

/* A generator keeps its own parentheses everywhere but as the only argument of a call. */
static void hold_generators(struct printer *p, const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (is_kind(e->kid[i], NODE_GENERATOR) && !(e->kind == NODE_CALL && i == 1 && e->nkids == 2)) {
            demand(p, e->kid[i]);
        }
    }
}

static void demand_of_kids(struct printer *p, const struct node *e) {
    hold_generators(p, e);
    switch ((enum node_kind)e->kind) {
    case NODE_BINOP: hold_binary(p, e); break;
    case NODE_BOOLOP: hold_all(p, e, 0, op_tightness(e->op) + 1); break;
    case NODE_COMPARE: hold_all(p, e, 0, TIGHT_COMPARE + 1); break;
    case NODE_UNARYOP: hold(p, e->kid[0], e->op == OP_NOT ? TIGHT_NOT : TIGHT_UNARY); break;
    case NODE_AWAIT: hold(p, e->kid[0], TIGHT_ATOM); break;
    case NODE_STARRED: hold(p, e->kid[0], TIGHT_BITOR); break;
    case NODE_LAMBDA: hold(p, e->kid[1], TIGHT_LAMBDA); break;
    case NODE_NAMEDEXPR: hold(p, e->kid[1], TIGHT_LAMBDA); break;
    case NODE_IFEXP:
        hold(p, e->kid[0], TIGHT_OR);
        hold(p, e->kid[1], TIGHT_OR);
        hold(p, e->kid[2], TIGHT_LAMBDA);
        break;
    case NODE_CALL: hold_call(p, e); break;
    case NODE_ATTRIBUTE: hold(p, e->kid[0], TIGHT_ATOM); break;
    case NODE_SUBSCRIPT: hold(p, e->kid[0], TIGHT_ATOM); break;
    case NODE_SLICE: hold_all(p, e, 0, TIGHT_LAMBDA); break;
    case NODE_KEYWORD:
    case NODE_KEYVALUE:
    case NODE_PARAM: hold_all(p, e, 0, TIGHT_LAMBDA); break;
    case NODE_COMPREHENSION:
        hold(p, e->kid[1], TIGHT_OR);
        hold_all(p, e, 2, TIGHT_OR);
        break;
    case NODE_LIST:
    case NODE_SET:
    case NODE_TUPLE:
    case NODE_BASES: hold_tuples(p, e, 0); break;
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_GENERATOR:
        hold(p, e->kid[0], TIGHT_NAMED);
        hold_tuples(p, e, 0);
        break;
    case NODE_INTERP:
        if (e->kid[0]->kind == NODE_LAMBDA || e->kid[0]->kind == NODE_NAMEDEXPR) {
            demand(p, e->kid[0]);
        }
        break;
    case NODE_ASSERT:
    case NODE_WITHITEM: hold_all(p, e, 0, TIGHT_LAMBDA); break;
    default: break;
    }
}

void demand_parens(struct printer *p, const struct node *node) {
    demand_of_kids(p, node);
    for (uint32_t i = 0; i < node->nkids; i++) {
        if (node->kid[i] != NULL && node->kid[i]->kind != NODE_BLOCK) {
            demand_parens(p, node->kid[i]);
        }
    }
}

void forget_parens(struct printer *p) {
    for (uint32_t i = 0; i < p->needing.len; i++) {
        ((struct node *)(uintptr_t)p->needing.at[i])->mark = 0;
    }
    p->needing.len = 0;
}
