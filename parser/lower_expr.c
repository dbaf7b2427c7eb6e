/* lower_expr.c - operators, displays and the dispatch over all expressions. */
#include <string.h>

#include "parser/lower.h"

static const uint8_t operators[CST_KINDS] = {
    [CST_PLUS] = OP_ADD,
    [CST_MINUS] = OP_SUB,
    [CST_STAR] = OP_MUL,
    [CST_AT] = OP_MATMUL,
    [CST_SLASH] = OP_DIV,
    [CST_PERCENT] = OP_MOD,
    [CST_POWER] = OP_POW,
    [CST_LSHIFT] = OP_LSHIFT,
    [CST_RSHIFT] = OP_RSHIFT,
    [CST_PIPE] = OP_BITOR,
    [CST_CARET] = OP_BITXOR,
    [CST_AMPERSAND] = OP_BITAND,
    [CST_FLOORDIV] = OP_FLOORDIV,
    [CST_AND] = OP_AND,
    [CST_OR] = OP_OR,
    [CST_EQ] = OP_EQ,
    [CST_NE] = OP_NE,
    [CST_LT] = OP_LT,
    [CST_LE] = OP_LE,
    [CST_GT] = OP_GT,
    [CST_GE] = OP_GE,
    [CST_IN] = OP_IN,
    [CST_NOT_IN] = OP_NOT_IN,
    [CST_IS] = OP_IS,
    [CST_IS_NOT] = OP_IS_NOT,
};

static struct node *leaf(struct lower *l, enum node_kind kind) {
    struct node *node = node_at(l, kind, l->span);
    node->atom = text_here(l);
    return node;
}

/* The grammar lets two keywords of Python 3 pass as names. */
static struct node *name(struct lower *l) {
    const char *text = l->text + l->span.start;
    bool five = l->span.end - l->span.start == 5;
    if (five && text[0] == 'a' && (memcmp(text, "async", 5) == 0 || memcmp(text, "await", 5) == 0))
        return refuse(l, l->span, "a keyword of Python 3 cannot be a name", NULL);
    return leaf(l, NODE_NAME);
}

static struct node *constant(struct lower *l, enum op op) {
    struct node *node = node_at(l, NODE_CONST, l->span);
    node->op = (uint8_t)op;
    return node;
}

/* Python 2 numbers that the grammar lets through: 10L, 0777. */
static struct node *number(struct lower *l) {
    const char *text = l->text + l->span.start;
    uint32_t len = l->span.end - l->span.start, zeros = 0, digits = 0;
    if (text[len - 1] == 'l' || text[len - 1] == 'L')
        return refuse(l, l->span, "a Python 2 long integer", "drop the suffix");
    while (zeros < len && (text[zeros] == '0' || text[zeros] == '_'))
        zeros++;
    while (digits < len && ((text[digits] >= '0' && text[digits] <= '9') || text[digits] == '_'))
        digits++;
    if (zeros > 0 && zeros < len && digits == len)
        return refuse(l, l->span, "a number with leading zeros", "octal is written 0o...");
    return leaf(l, NODE_NUMBER);
}

/* The grammar can bind `*a.b + c` and `a := b if c else d` to their first operand alone, Python to the whole: move the
 * star or the name outside, level by level as the expression is built. */
struct node *hoist_prefix(struct node *node, struct node **first) {
    struct node *prefix = *first;
    bool loose = prefix->kind == NODE_STARRED || prefix->kind == NODE_NAMEDEXPR;
    if (!loose || (prefix->flags & NF_PAREN))
        return node;
    struct node **operand = &prefix->kid[prefix->nkids - 1];
    *first = *operand;
    *operand = node;
    prefix->span.end = node->span.end;
    node->span.start = (*first)->span.start;
    return prefix;
}

static bool is_bare(const struct node *node, enum op op) {
    return node->kind == NODE_BINOP && node->op == op && !(node->flags & NF_PAREN);
}

/* Push the operands of a chain of `&` and `^` in the order of the text, each marked with the operator before it. */
static void push_chain(struct lower *l, struct node *node, enum op before) {
    if (is_bare(node, OP_BITAND) || is_bare(node, OP_BITXOR)) {
        push_chain(l, node->kid[0], before);
        push_chain(l, node->kid[1], node->op);
        return;
    }
    node->mark = (uint8_t)before;
    push(l, node);
}

static struct node *join(struct lower *l, struct node *left, enum op op, struct node *right) {
    if (left == NULL)
        return right;
    struct node *node = node_with(l, NODE_BINOP, (struct span){left->span.start, right->span.end}, 2);
    node->op = (uint8_t)op;
    node->kid[0] = left;
    node->kid[1] = right;
    return node;
}

/* The grammar lets `^` bind tighter than `&`; in Python it is the other way round. */
static struct node *regroup(struct lower *l, struct node *node) {
    if (node->op != OP_BITAND || !(is_bare(node->kid[0], OP_BITXOR) || is_bare(node->kid[1], OP_BITXOR)))
        return node;
    uint32_t mark = l->pending.len;
    push_chain(l, node, OP_NO);
    struct node *all = NULL, *product = NULL;
    for (uint32_t i = mark; i < l->pending.len; i++) {
        struct node *operand = l->pending.at[i];
        bool ends = operand->mark == OP_BITXOR;
        all = ends ? join(l, all, OP_BITXOR, product) : all;
        product = join(l, ends ? NULL : product, OP_BITAND, operand);
        operand->mark = 0;
    }
    l->pending.len = mark;
    all = join(l, all, OP_BITXOR, product);
    all->span = node->span;
    return all;
}

/* An operand that is not the first one: there the grammar takes what Python takes only in parentheses. */
static struct node *operand(struct lower *l) {
    struct node *node = lower_expr(l);
    bool loose = node->kind == NODE_STARRED || node->kind == NODE_NAMEDEXPR || node->kind == NODE_YIELD;
    if (loose && !(node->flags & NF_PAREN))
        return refuse(l, node->span, "this cannot be an operand", "put it in parentheses");
    return node;
}

/* The left operand of an operator under the cursor's node, then the operator, then the right one. */
static struct node *binary(struct lower *l) {
    struct node *node = node_with(l, NODE_BINOP, l->span, 2);
    must_down(l);
    node->kid[0] = lower_expr(l);
    must_next(l);
    node->op = operators[l->here];
    must_next(l);
    node->kid[1] = operand(l);
    up(l);
    struct node *whole = hoist_prefix(node, &node->kid[0]);
    if (whole == node)
        return regroup(l, node);
    whole->kid[whole->nkids - 1] = regroup(l, node);
    return whole;
}

static struct node *unary(struct lower *l, bool is_not) {
    struct node *node = node_with(l, NODE_UNARYOP, l->span, 1);
    must_down(l);
    node->op = (uint8_t)(is_not ? OP_NOT : l->here == CST_MINUS ? OP_NEG : l->here == CST_PLUS ? OP_POS : OP_INVERT);
    must_next(l);
    node->kid[0] = operand(l);
    up(l);
    return node;
}

/* `a and b and c` nests to the left in the grammar and is one node in Python's ast; parentheses keep their own node. */
static struct node *boolean(struct lower *l) {
    struct node *node = node_at(l, NODE_BOOLOP, l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    struct node *left = lower_expr(l);
    must_next(l);
    node->op = operators[l->here];
    must_next(l);
    if (left->kind == NODE_BOOLOP && left->op == node->op && !(left->flags & NF_PAREN))
        for (uint32_t i = 0; i < left->nkids; i++)
            push(l, left->kid[i]);
    else
        push(l, left);
    push(l, operand(l));
    up(l);
    take(l, node, mark);
    return hoist_prefix(node, &node->kid[0]);
}

static struct node *comparison(struct lower *l) {
    struct node *node = node_at(l, NODE_COMPARE, l->span);
    uint32_t mark = l->pending.len;
    uint8_t small[8], *ops = small;
    uint32_t count = 0, cap = sizeof small;
    must_down(l);
    do {
        if (!is_token(l->here)) {
            push(l, l->pending.len == mark ? lower_expr(l) : operand(l));
            continue;
        }
        if (l->here == CST_NE_OLD)
            refuse(l, l->span, "`<>` is Python 2", "write `!=`");
        if (count == cap)
            ops = vec_grow(l->scratch, ops, count, &cap, 1);
        ops[count++] = operators[l->here];
    } while (next(l));
    up(l);
    take(l, node, mark);
    node->ops = NEW_ARRAY(l->arena, uint8_t, count);
    for (uint32_t i = 0; i < count; i++)
        node->ops[i] = ops[i];
    return hoist_prefix(node, &node->kid[0]);
}

static struct node *conditional(struct lower *l) {
    struct node *node = node_with(l, NODE_IFEXP, l->span, 3);
    must_down(l);
    node->kid[1] = lower_expr(l);
    must_next(l);
    must_next(l);
    node->kid[0] = operand(l);
    must_next(l);
    must_next(l);
    node->kid[2] = operand(l);
    up(l);
    return hoist_prefix(node, &node->kid[1]);
}

static struct node *lambda(struct lower *l) {
    struct node *node = node_with(l, NODE_LAMBDA, l->span, 2);
    must_down(l);
    struct span none = {l->span.end, l->span.end};
    must_next(l);
    if (l->here == CST_LAMBDA_PARAMETERS) {
        node->kid[0] = lower_params(l);
        must_next(l);
    } else {
        node->kid[0] = node_at(l, NODE_PARAMS, none);
    }
    must_next(l);
    node->kid[1] = lower_expr(l);
    up(l);
    return node;
}

static struct node *named_expression(struct lower *l) {
    struct node *node = node_with(l, NODE_NAMEDEXPR, l->span, 2);
    must_down(l);
    node->kid[0] = leaf(l, NODE_NAME);
    must_next(l);
    must_next(l);
    node->kid[1] = lower_expr(l);
    up(l);
    return node;
}

/* The operand after a one-token prefix: `await x`, `*x`. */
static struct node *prefixed(struct lower *l, enum node_kind kind) {
    struct node *node = node_with(l, kind, l->span, 1);
    must_down(l);
    must_next(l);
    node->kid[0] = lower_expr(l);
    up(l);
    return node;
}

/* `await a ** b` is a power of an await to Python, the other way round to the grammar. */
static struct node *await(struct lower *l) {
    struct node *node = prefixed(l, NODE_AWAIT), *power = node->kid[0];
    if (power->kind != NODE_BINOP || (power->flags & NF_PAREN))
        return node;
    power->span.start = node->span.start;
    node->kid[0] = power->kid[0];
    node->span.end = node->kid[0]->span.end;
    power->kid[0] = node;
    return power;
}

static struct node *yield(struct lower *l) {
    struct node *node = node_with(l, NODE_YIELD, l->span, 1);
    must_down(l);
    if (next(l)) {
        if (l->here == CST_FROM) {
            node->kind = NODE_YIELDFROM;
            must_next(l);
        }
        node->kid[0] = lower_expr(l);
    }
    up(l);
    return node;
}

/* A yield needs parentheses here. */
static struct node *element(struct lower *l) {
    struct node *node = lower_expr(l);
    if ((node->kind == NODE_YIELD || node->kind == NODE_YIELDFROM) && !(node->flags & NF_PAREN))
        return refuse(l, node->span, "this yield needs parentheses", NULL);
    return node;
}

/* Elements between commas, with or without brackets around them. */
static struct node *display(struct lower *l, enum node_kind kind) {
    struct node *node = node_at(l, kind, l->span);
    uint32_t mark = l->pending.len;
    bool comma = false;
    if (down(l)) {
        do {
            if (!is_token(l->here)) {
                comma = false;
                push(l, element(l));
            } else if (l->here == CST_COMMA) {
                comma = true;
            }
        } while (next(l));
        up(l);
    }
    if (comma && l->pending.len == mark)
        return refuse(l, node->span, "a comma without an element", NULL);
    take(l, node, mark);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    return node;
}

/* As an assignment target, `(a)` is a tuple pattern to the grammar and a name to Python. */
static struct node *tuple_pattern(struct lower *l) {
    struct node *node = display(l, NODE_TUPLE);
    if (node->nkids == 1 && !(node->flags & NF_TRAILING_COMMA))
        node = node->kid[0];
    node->flags |= NF_PAREN;
    return node;
}

static struct node *tuple(struct lower *l) {
    struct node *node = display(l, NODE_TUPLE);
    if (node->nkids == 1 && !(node->flags & NF_TRAILING_COMMA))
        return refuse(l, node->span, "a starred expression cannot stand in parentheses", NULL);
    node->flags |= NF_PAREN;
    return node;
}

static struct node *parenthesized(struct lower *l) {
    must_down(l);
    must_next(l);
    struct node *node = l->here == CST_LIST_SPLAT
                            ? refuse(l, l->span, "a starred expression cannot stand in parentheses", NULL)
                            : lower_expr(l);
    node->flags |= NF_PAREN;
    up(l);
    return node;
}

/* -- value as target ----------------------------------------------------------------------------------------------- */

/* `as` binds tighter than a conditional or a lambda to the grammar, so this can sit at the end of one: the target goes
 * aside and the value takes the place of the pair. */
static struct node *as_pattern(struct lower *l) {
    if (l->span.end != l->as_end)
        return refuse(l, l->span, "`as` cannot stand in an expression", NULL);
    l->as_end = 0;
    must_down(l);
    struct node *value = lower_expr(l);
    must_next(l);
    must_next(l);
    bool wrapped = l->here == CST_AS_PATTERN_TARGET;
    if (wrapped)
        must_down(l);
    l->as_target = lower_expr(l);
    if (wrapped)
        up(l);
    up(l);
    return value;
}

struct node *lower_as(struct lower *l, struct node **target) {
    l->as_end = l->span.end;
    l->as_target = NULL;
    struct node *value = lower_expr(l), *last = value;
    l->as_end = 0;
    *target = l->as_target;
    if (*target == NULL || last->span.end < (*target)->span.start)
        return value;
    while (last->span.end > (*target)->span.start)
        last = last->kid[last->nkids - 1];
    for (struct node *node = value; node != last; node = node->kid[node->nkids - 1])
        node->span.end = last->span.end;
    return value;
}

static struct node *dispatch(struct lower *l) {
    switch (l->here) {
    case CST_IDENTIFIER: return name(l);
    case CST_INTEGER:
    case CST_FLOAT: return number(l);
    case CST_TRUE: return constant(l, OP_TRUE);
    case CST_FALSE: return constant(l, OP_FALSE);
    case CST_NONE: return constant(l, OP_NONE);
    case CST_ELLIPSIS: return constant(l, OP_ELLIPSIS);
    case CST_STRING: return lower_string(l);
    case CST_CONCATENATED_STRING: return lower_strings(l);
    case CST_ATTRIBUTE:
    case CST_CALL: return lower_call(l);
    case CST_SUBSCRIPT: return lower_subscript(l);
    case CST_SLICE: return lower_slice(l);
    case CST_PARENTHESIZED:
    case CST_PARENTHESIZED_SPLAT: return parenthesized(l);
    case CST_BINARY: return binary(l);
    case CST_UNARY: return unary(l, false);
    case CST_NOT_OPERATOR: return unary(l, true);
    case CST_BOOLEAN: return boolean(l);
    case CST_COMPARISON: return comparison(l);
    case CST_CONDITIONAL: return conditional(l);
    case CST_LAMBDA: return lambda(l);
    case CST_NAMED_EXPRESSION: return named_expression(l);
    case CST_AWAIT: return await(l);
    case CST_YIELD: return yield(l);
    case CST_LIST_SPLAT:
    case CST_LIST_SPLAT_PATTERN: return prefixed(l, NODE_STARRED);
    case CST_LIST:
    case CST_LIST_PATTERN: return display(l, NODE_LIST);
    case CST_SET: return display(l, NODE_SET);
    case CST_TUPLE: return tuple(l);
    case CST_TUPLE_PATTERN: return tuple_pattern(l);
    case CST_EXPRESSION_LIST:
    case CST_PATTERN_LIST: return display(l, NODE_TUPLE);
    case CST_DICTIONARY: return lower_dictionary(l);
    case CST_LIST_COMPREHENSION:
    case CST_SET_COMPREHENSION:
    case CST_DICTIONARY_COMPREHENSION:
    case CST_GENERATOR: return lower_comprehension(l);
    case CST_TYPE: return lower_type(l);
    case CST_AS_PATTERN: return as_pattern(l);
    default: return refuse(l, l->span, "this is not an expression of Python 3", NULL);
    }
}

struct node *lower_expr(struct lower *l) {
    if (!deeper(l))
        return placeholder(l);
    struct node *node = dispatch(l);
    shallower(l);
    return node;
}
