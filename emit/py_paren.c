/* py_paren.c - questions about parentheses.
 *
 * The answers are ruff's: which expressions want parentheses when they break (`expr_need`), and when parentheses that
 * were only for breaking may be left out because the expression has brackets of its own to break in
 * (`can_omit_parens`). The second half finds parentheses that precedence demands in trees made by passes. */
#include "emit/printer.h"

enum { DEMANDED = 1 }; /* node.mark */

static bool brings_parens(const struct node *e) {
    return e->kind == NODE_TUPLE || e->kind == NODE_GENERATOR;
}

bool is_wrapped(const struct node *e) {
    return !brings_parens(e) && ((e->flags & NF_PAREN) || e->mark == DEMANDED);
}

bool has_own_parens(const struct node *e) {
    return brings_parens(e) && ((e->flags & NF_PAREN) || e->mark == DEMANDED);
}

static enum own_brackets filled_if(bool filled) {
    return filled ? OWN_FILLED : OWN_EMPTY;
}

enum own_brackets own_brackets(const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_SUBSCRIPT:
        return OWN_FILLED;
    case NODE_GENERATOR:
        return has_own_parens(e) ? OWN_FILLED : OWN_NONE;
    case NODE_TUPLE:
        return has_own_parens(e) ? filled_if(e->nkids > 0 || has_inner_comments(e)) : OWN_NONE;
    case NODE_LIST:
    case NODE_SET:
    case NODE_DICT:
        return filled_if(e->nkids > 0 || has_inner_comments(e));
    case NODE_CALL:
        return filled_if(e->nkids > 1 || has_inner_comments(e));
    default:
        return OWN_NONE;
    }
}

enum own_brackets any_brackets(const struct node *e) {
    enum own_brackets own = own_brackets(e);
    return own != OWN_FILLED && is_wrapped(e) ? OWN_FILLED : own;
}

/* A chain is laid out with a line for each method if at least two of its attributes follow a call, a subscript or a
 * parenthesised value. */
bool chain_is_fluent(const struct node *e) {
    uint32_t links = 0;
    for (;;) {
        const struct node *inner = e->kind == NODE_ATTRIBUTE || e->kind == NODE_CALL || e->kind == NODE_SUBSCRIPT
            ? e->kid[0] : NULL;
        if (inner == NULL) {
            return links >= 2;
        }
        bool attribute = e->kind == NODE_ATTRIBUTE;
        if (is_wrapped(inner)) {
            return links + attribute >= 2;
        }
        links += attribute && (inner->kind == NODE_CALL || inner->kind == NODE_SUBSCRIPT);
        e = inner;
    }
}

bool is_splittable(const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_COMPARE:
    case NODE_BINOP:
    case NODE_BOOLOP:
    case NODE_IFEXP:
    case NODE_GENERATOR:
    case NODE_SUBSCRIPT:
    case NODE_AWAIT:
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_YIELDFROM:
    case NODE_STRINGS:
        return true;
    case NODE_TUPLE:
    case NODE_DICT:
    case NODE_SET:
    case NODE_LIST:
        return e->nkids > 0;
    case NODE_UNARYOP:
        return is_splittable(e->kid[0]);
    case NODE_YIELD:
        return e->kid[0] != NULL;
    case NODE_CALL:
        return e->nkids > 1 || is_wrapped(e->kid[0]);
    case NODE_LAMBDA:
        return is_wrapped(e->kid[1]) || is_splittable(e->kid[1]);
    case NODE_STARRED:
    case NODE_ATTRIBUTE:
        return is_wrapped(e->kid[0]) || is_splittable(e->kid[0]);
    default:
        return false;
    }
}

/* -- what an expression wants -------------------------------------------------------------------------------------- */

static enum need chain_need(const struct node *e, const struct node *parent) {
    if (chain_is_fluent(e)) {
        return NEED_MULTILINE;
    }
    if (is_wrapped(e->kid[0])) {
        return NEED_NEVER;
    }
    enum need need = expr_need(e->kid[0], e);
    if (e->kind == NODE_SUBSCRIPT && need == NEED_BEST_FIT && is_kind(parent, NODE_FUNCTION)) {
        return function_params(parent)->nkids == 0 ? NEED_MULTILINE : NEED_NEVER;
    }
    return need;
}

/* Statements whose value may be `x := y` or `yield` only in parentheses, or not at all. */
static bool takes_bare_yield(const struct node *parent) {
    switch ((enum node_kind)parent->kind) {
    case NODE_ASSIGN:
    case NODE_ANNASSIGN:
    case NODE_AUGASSIGN:
    case NODE_EXPR:
        return true;
    default:
        return false;
    }
}

static enum need operator_need(const struct node *e, const struct node *parent) {
    if (parent->kind == NODE_AWAIT) {
        return NEED_ALWAYS;
    }
    const struct node *left = e->kid[0], *right = e->kid[e->nkids - 1];
    if (e->kind != NODE_BOOLOP && (left->kind == NODE_STRING || left->kind == NODE_FSTRING) && string_has_lines(left) &&
        any_brackets(right) != OWN_NONE) {
        return NEED_NEVER;
    }
    return NEED_MULTILINE;
}

static enum need named_need(const struct node *parent) {
    switch ((enum node_kind)parent->kind) {
    case NODE_ASSIGN:
    case NODE_ANNASSIGN:
    case NODE_AUGASSIGN:
    case NODE_ASSERT:
    case NODE_RETURN:
    case NODE_HANDLER:
    case NODE_WITHITEM:
    case NODE_EXPR:
    case NODE_DELETE:
    case NODE_FOR:
    case NODE_FUNCTION:
    case NODE_AWAIT:
    case NODE_RAISE:
        return NEED_ALWAYS;
    default:
        return NEED_MULTILINE;
    }
}

enum need expr_need(const struct node *e, const struct node *parent) {
    bool awaited = parent->kind == NODE_AWAIT;
    switch ((enum node_kind)e->kind) {
    case NODE_BINOP:
    case NODE_COMPARE:
    case NODE_BOOLOP:
        return operator_need(e, parent);
    case NODE_NAMEDEXPR:
        return named_need(parent);
    case NODE_LAMBDA:
    case NODE_IFEXP:
        return awaited ? NEED_ALWAYS : NEED_MULTILINE;
    case NODE_UNARYOP:
        return awaited ? NEED_ALWAYS : is_wrapped(e->kid[0]) ? NEED_NEVER : expr_need(e->kid[0], e);
    case NODE_AWAIT:
        return awaited ? NEED_ALWAYS : is_wrapped(e->kid[0]) ? NEED_NEVER : expr_need(e->kid[0], e);
    case NODE_YIELD:
    case NODE_YIELDFROM:
        return !takes_bare_yield(parent) ? NEED_ALWAYS : e->kid[0] != NULL ? NEED_MULTILINE : NEED_NEVER;
    case NODE_STARRED:
    case NODE_STRINGS:
        return NEED_MULTILINE;
    case NODE_CALL:
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT:
        return chain_need(e, parent);
    case NODE_STRING:
    case NODE_FSTRING:
        return string_has_lines(e) ? NEED_NEVER : NEED_BEST_FIT;
    case NODE_GENERATOR:
        return awaited ? NEED_ALWAYS : has_own_parens(e) ? NEED_NEVER : NEED_MULTILINE;
    case NODE_NAME:
    case NODE_NUMBER:
    case NODE_CONST:
        return NEED_BEST_FIT;
    case NODE_SLICE:
        return NEED_MULTILINE;
    default:
        return NEED_NEVER;
    }
}

/* -- when parentheses for breaking are of no use --------------------------------------------------------------------- */

struct omit {
    int loosest;
    uint32_t count; /* operators that bind as loosely as the loosest */
    bool brackets;  /* something to break in was seen */
    bool token_first;
    const struct node *first, *last;
};

enum { LOOSE_ATTRIBUTE = 1, LOOSE_INVERT = 3, LOOSE_COMPARE = 10, LOOSE_CONDITIONAL = 12 };

static void note_operator(struct omit *omit, int looseness, uint32_t count) {
    if (looseness > omit->loosest) {
        omit->loosest = looseness;
        omit->count = count;
    } else if (looseness == omit->loosest) {
        omit->count += count;
    }
}

static void visit_inside(struct omit *omit, const struct node *e);

static void visit(struct omit *omit, const struct node *e) {
    omit->last = e;
    if (is_wrapped(e)) {
        omit->brackets = true;
    } else {
        visit_inside(omit, e);
    }
    if (omit->first == NULL && !omit->token_first) {
        omit->first = e;
    }
}

static void visit_kids(struct omit *omit, const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (e->kid[i] == NULL) {
            continue;
        }
        if (node_is_expr(e->kid[i])) {
            visit(omit, e->kid[i]);
        } else {
            visit_kids(omit, e->kid[i]);
        }
    }
}

static void visit_chain(struct omit *omit, const struct node *e) {
    if (e->kind != NODE_ATTRIBUTE) {
        omit->brackets = true;
    }
    visit(omit, e->kid[0]);
    if (e->kind == NODE_ATTRIBUTE && any_brackets(e->kid[0]) != OWN_NONE) {
        note_operator(omit, LOOSE_ATTRIBUTE, 1);
    }
    omit->last = e;
}

static void token_first(struct omit *omit) {
    omit->token_first |= omit->first == NULL;
}

/* The conditional expression is visited in the order of the source. */
static void visit_conditional(struct omit *omit, const struct node *e) {
    note_operator(omit, LOOSE_CONDITIONAL, 2);
    visit(omit, e->kid[1]);
    visit(omit, e->kid[0]);
    visit(omit, e->kid[2]);
}

static void visit_inside(struct omit *omit, const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_DICT:
    case NODE_LIST:
    case NODE_SET:
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
        omit->brackets = true;
        return;
    case NODE_TUPLE:
    case NODE_GENERATOR:
        if (has_own_parens(e)) {
            omit->brackets = true;
            return;
        }
        break;
    case NODE_BOOLOP:
    case NODE_COMPARE:
        note_operator(omit, e->kind == NODE_BOOLOP ? op_looseness(e->op) : LOOSE_COMPARE, e->nkids - 1);
        break;
    case NODE_BINOP:
        note_operator(omit, op_looseness(e->op), 1);
        break;
    case NODE_IFEXP:
        visit_conditional(omit, e);
        return;
    case NODE_CALL:
    case NODE_SUBSCRIPT:
    case NODE_ATTRIBUTE:
        visit_chain(omit, e);
        return;
    case NODE_UNARYOP:
        if (e->op == OP_INVERT) {
            note_operator(omit, LOOSE_INVERT, 1);
        }
        token_first(omit);
        break;
    case NODE_LAMBDA:
    case NODE_AWAIT:
    case NODE_YIELD:
    case NODE_YIELDFROM:
    case NODE_STARRED:
        token_first(omit);
        break;
    case NODE_NAMEDEXPR:
        break;
    default:
        return;
    }
    visit_kids(omit, e);
}

static bool breaks_well(const struct node *e) {
    return e != NULL && e->kind != NODE_SUBSCRIPT && any_brackets(e) == OWN_FILLED;
}

bool can_omit_parens(const struct node *e) {
    struct omit omit = {0};
    visit_inside(&omit, e);
    if (!omit.brackets || omit.count > 1) {
        return false;
    }
    return omit.loosest <= LOOSE_ATTRIBUTE || breaks_well(omit.last) || breaks_well(omit.first);
}

/* -- parentheses that precedence demands ------------------------------------------------------------------------------ */

/* How tightly an expression holds together, as in Python's grammar. */
enum tightness {
    TIGHT_NAMED, TIGHT_LAMBDA, TIGHT_CONDITIONAL, TIGHT_OR, TIGHT_AND, TIGHT_NOT, TIGHT_COMPARE, TIGHT_BITOR, TIGHT_BITXOR,
    TIGHT_BITAND, TIGHT_SHIFT, TIGHT_SUM, TIGHT_PRODUCT, TIGHT_UNARY, TIGHT_POWER, TIGHT_AWAIT, TIGHT_ATOM
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
    case NODE_BINOP:
        hold_binary(p, e);
        break;
    case NODE_BOOLOP:
        hold_all(p, e, 0, op_tightness(e->op) + 1);
        break;
    case NODE_COMPARE:
        hold_all(p, e, 0, TIGHT_COMPARE + 1);
        break;
    case NODE_UNARYOP:
        hold(p, e->kid[0], e->op == OP_NOT ? TIGHT_NOT : TIGHT_UNARY);
        break;
    case NODE_AWAIT:
        hold(p, e->kid[0], TIGHT_ATOM);
        break;
    case NODE_STARRED:
        hold(p, e->kid[0], TIGHT_BITOR);
        break;
    case NODE_LAMBDA:
        hold(p, e->kid[1], TIGHT_LAMBDA);
        break;
    case NODE_NAMEDEXPR:
        hold(p, e->kid[1], TIGHT_LAMBDA);
        break;
    case NODE_IFEXP:
        hold(p, e->kid[0], TIGHT_OR);
        hold(p, e->kid[1], TIGHT_OR);
        hold(p, e->kid[2], TIGHT_LAMBDA);
        break;
    case NODE_CALL:
        hold_call(p, e);
        break;
    case NODE_ATTRIBUTE:
        hold(p, e->kid[0], TIGHT_ATOM);
        break;
    case NODE_SUBSCRIPT:
        hold(p, e->kid[0], TIGHT_ATOM);
        break;
    case NODE_SLICE:
        hold_all(p, e, 0, TIGHT_LAMBDA);
        break;
    case NODE_KEYWORD:
    case NODE_KEYVALUE:
    case NODE_PARAM:
        hold_all(p, e, 0, TIGHT_LAMBDA);
        break;
    case NODE_COMPREHENSION:
        hold(p, e->kid[1], TIGHT_OR);
        hold_all(p, e, 2, TIGHT_OR);
        break;
    case NODE_LIST:
    case NODE_SET:
    case NODE_TUPLE:
    case NODE_BASES:
        hold_tuples(p, e, 0);
        break;
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
    case NODE_WITHITEM:
        hold_all(p, e, 0, TIGHT_LAMBDA);
        break;
    default:
        break;
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
