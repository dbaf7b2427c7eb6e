/* lower_type.c - annotations. The grammar has node kinds of its own for them; Python's ast has plain expressions. */
#include "parser/lower.h"

static struct node *part(struct lower *l);

/* `x[a: b]` inside an annotation. */
static struct node *slice(struct lower *l) {
    struct node *node = node_with(l, NODE_SLICE, l->span, 3);
    must_down(l);
    node->kid[0] = lower_type(l);
    must_next(l);
    must_next(l);
    node->kid[1] = lower_type(l);
    up(l);
    return node;
}

static struct node *generic(struct lower *l) {
    struct node *node = node_with(l, NODE_SUBSCRIPT, l->span, 2);
    uint32_t mark = l->pending.len;
    bool comma = false;
    must_down(l);
    node->kid[0] = node_at(l, NODE_NAME, l->span);
    node->kid[0]->atom = text_here(l);
    must_next(l);
    must_down(l);
    struct span inside = {0, 0};
    while (next(l) && l->here != CST_RBRACKET) {
        comma = l->here == CST_COMMA;
        inside.start = inside.end == 0 ? l->span.start : inside.start;
        inside.end = l->span.end;
        if (!comma)
            push(l, part(l));
    }
    up(l);
    up(l);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    node->kid[1] = vec_last(&l->pending);
    if (l->pending.len > mark + 1 || comma || node->kid[1]->kind == NODE_STARRED) {
        node->kid[1] = node_at(l, NODE_TUPLE, inside);
        take(l, node->kid[1], mark);
    }
    l->pending.len = mark;
    return node;
}

/* Whether an expression binds less tightly than `|`. */
static bool is_looser(const struct node *node) {
    bool binary = node->kind == NODE_COMPARE || node->kind == NODE_BOOLOP || node->kind == NODE_IFEXP ||
                  node->kind == NODE_LAMBDA || node->kind == NODE_NAMEDEXPR;
    return !(node->flags & NF_PAREN) && (binary || (node->kind == NODE_UNARYOP && node->op == OP_NOT));
}

static bool is_alternatives(const struct node *node) {
    return node->kind == NODE_BINOP && node->op == OP_BITOR && !(node->flags & NF_PAREN);
}

/* `A[x] | b | c` comes as `A[x] | (b | c)`, an annotation whose second part is an expression; it nests to the left. */
static struct node *alternatives(struct lower *l) {
    struct node *node = node_with(l, NODE_BINOP, l->span, 2);
    node->op = OP_BITOR;
    must_down(l);
    node->kid[0] = lower_type(l);
    must_next(l);
    must_next(l);
    struct node *right = lower_type(l), *first = right;
    up(l);
    if (is_looser(node->kid[0]) || is_looser(right))
        return refuse(l, node->span, "adgen cannot read this annotation", "put its parts in parentheses");
    node->kid[1] = right;
    if (!is_alternatives(right))
        return node;
    right->span.start = node->span.start;
    for (; is_alternatives(first->kid[0]); first = first->kid[0])
        first->kid[0]->span.start = node->span.start;
    node->kid[1] = first->kid[0];
    node->span.end = node->kid[1]->span.end;
    first->kid[0] = node;
    return right;
}

static struct node *member(struct lower *l) {
    struct node *node = node_with(l, NODE_ATTRIBUTE, l->span, 1);
    must_down(l);
    node->kid[0] = lower_type(l);
    must_next(l);
    must_next(l);
    node->atom = text_here(l);
    up(l);
    return node;
}

static struct node *splat(struct lower *l) {
    struct node *node = node_with(l, NODE_STARRED, l->span, 1);
    must_down(l);
    if (l->here == CST_POWER)
        refuse(l, l->span, "`**` cannot stand in an annotation", NULL);
    must_next(l);
    node->kid[0] = node_at(l, NODE_NAME, l->span);
    node->kid[0]->atom = text_here(l);
    up(l);
    return node;
}

static struct node *dispatch(struct lower *l) {
    switch (l->here) {
    case CST_GENERIC_TYPE: return generic(l);
    case CST_UNION_TYPE: return alternatives(l);
    case CST_MEMBER_TYPE: return member(l);
    case CST_SPLAT_TYPE: return splat(l);
    case CST_CONSTRAINED_TYPE: return slice(l);
    default: return lower_expr(l);
    }
}

/* An annotation or an argument of one, which may be a slice. */
static struct node *part(struct lower *l) {
    if (!deeper(l))
        return placeholder(l);
    bool wrapped = l->here == CST_TYPE;
    if (wrapped)
        must_down(l);
    struct node *node = dispatch(l);
    if (wrapped)
        up(l);
    shallower(l);
    return node;
}

struct node *lower_type(struct lower *l) {
    struct node *node = part(l);
    if (node->kind == NODE_SLICE)
        return refuse(l, node->span, "a slice cannot stand in an annotation", NULL);
    return node;
}
