/* py_paren.c - questions about parentheses.
 *
 * The answers are ruff's: which expressions want parentheses when they break (`expr_need`), and when parentheses that
 * were only for breaking may be left out because the expression has brackets of its own to break in
 * (`can_omit_parens`). */
#include "emit/printer.h"

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
    case NODE_SUBSCRIPT: return OWN_FILLED;
    case NODE_GENERATOR: return has_own_parens(e) ? OWN_FILLED : OWN_NONE;
    case NODE_TUPLE: return has_own_parens(e) ? filled_if(e->nkids > 0 || has_inner_comments(e)) : OWN_NONE;
    case NODE_LIST:
    case NODE_SET:
    case NODE_DICT: return filled_if(e->nkids > 0 || has_inner_comments(e));
    case NODE_CALL: return filled_if(e->nkids > 1 || has_inner_comments(e));
    default: return OWN_NONE;
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
        const struct node *inner =
            e->kind == NODE_ATTRIBUTE || e->kind == NODE_CALL || e->kind == NODE_SUBSCRIPT ? e->kid[0] : NULL;
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
    case NODE_STRINGS: return true;
    case NODE_TUPLE:
    case NODE_DICT:
    case NODE_SET:
    case NODE_LIST: return e->nkids > 0;
    case NODE_UNARYOP: return is_splittable(e->kid[0]);
    case NODE_YIELD: return e->kid[0] != NULL;
    case NODE_CALL: return e->nkids > 1 || is_wrapped(e->kid[0]);
    case NODE_LAMBDA: return is_wrapped(e->kid[1]) || is_splittable(e->kid[1]);
    case NODE_STARRED:
    case NODE_ATTRIBUTE: return is_wrapped(e->kid[0]) || is_splittable(e->kid[0]);
    default: return false;
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
    case NODE_EXPR: return true;
    default: return false;
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
    case NODE_RAISE: return NEED_ALWAYS;
    default: return NEED_MULTILINE;
    }
}

enum need expr_need(const struct node *e, const struct node *parent) {
    bool awaited = parent->kind == NODE_AWAIT;
    switch ((enum node_kind)e->kind) {
    case NODE_BINOP:
    case NODE_COMPARE:
    case NODE_BOOLOP: return operator_need(e, parent);
    case NODE_NAMEDEXPR: return named_need(parent);
    case NODE_LAMBDA:
    case NODE_IFEXP: return awaited ? NEED_ALWAYS : NEED_MULTILINE;
    case NODE_UNARYOP: return awaited ? NEED_ALWAYS : is_wrapped(e->kid[0]) ? NEED_NEVER : expr_need(e->kid[0], e);
    case NODE_AWAIT: return awaited ? NEED_ALWAYS : is_wrapped(e->kid[0]) ? NEED_NEVER : expr_need(e->kid[0], e);
    case NODE_YIELD:
    case NODE_YIELDFROM:
        return !takes_bare_yield(parent) ? NEED_ALWAYS : e->kid[0] != NULL ? NEED_MULTILINE : NEED_NEVER;
    case NODE_STARRED:
    case NODE_STRINGS: return NEED_MULTILINE;
    case NODE_CALL:
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT: return chain_need(e, parent);
    case NODE_STRING:
    case NODE_FSTRING: return string_has_lines(e) ? NEED_NEVER : NEED_BEST_FIT;
    case NODE_GENERATOR: return awaited ? NEED_ALWAYS : has_own_parens(e) ? NEED_NEVER : NEED_MULTILINE;
    case NODE_NAME:
    case NODE_NUMBER:
    case NODE_CONST: return NEED_BEST_FIT;
    case NODE_SLICE: return NEED_MULTILINE;
    default: return NEED_NEVER;
    }
}

/* -- when parentheses for breaking are of no use ------------------------------------------------------------------- */

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
    case NODE_DICTCOMP: omit->brackets = true; return;
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
    case NODE_BINOP: note_operator(omit, op_looseness(e->op), 1); break;
    case NODE_IFEXP: visit_conditional(omit, e); return;
    case NODE_CALL:
    case NODE_SUBSCRIPT:
    case NODE_ATTRIBUTE: visit_chain(omit, e); return;
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
    case NODE_STARRED: token_first(omit); break;
    case NODE_NAMEDEXPR: break;
    default: return;
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
