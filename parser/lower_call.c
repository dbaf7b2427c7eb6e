/* lower_call.c - what follows a primary: `.name`, `(...)`, `[...]`. */
#include "parser/lower.h"

static struct node *keyword(struct lower *l) {
    struct node *node = node_with(l, NODE_KEYWORD, l->span, 1);
    bool named = l->here == CST_KEYWORD_ARGUMENT;
    must_down(l);
    if (named) {
        node->atom = text_here(l);
        must_next(l);
    }
    must_next(l);
    node->kid[0] = lower_expr(l);
    up(l);
    return node;
}

/* What the grammar lets pass and Python does not: a keyword twice, and a position behind a keyword. */
static void check_arguments(struct lower *l, uint32_t mark) {
    bool keywords = false, unpacked = false;
    for (uint32_t i = mark; i < l->pending.len && !l->failed; i++) {
        const struct node *arg = l->pending.at[i];
        bool is_keyword = arg->kind == NODE_KEYWORD;
        if (!is_keyword && (arg->kind == NODE_STARRED ? unpacked : keywords))
            refuse(l, arg->span, "a positional argument follows a keyword argument", NULL);
        for (uint32_t k = mark; k < i && is_keyword && arg->atom; k++)
            if (l->pending.at[k]->kind == NODE_KEYWORD && l->pending.at[k]->atom == arg->atom)
                refuse(l, arg->span, "the keyword is given twice", NULL);
        keywords = keywords || is_keyword;
        unpacked = unpacked || (is_keyword && arg->atom == NULL);
    }
}

void push_arguments(struct lower *l, uint32_t *flags) {
    struct span span = l->span;
    uint32_t mark = l->pending.len;
    bool comma = false;
    must_down(l);
    do {
        if (is_token(l->here)) {
            comma = comma || l->here == CST_COMMA;
            continue;
        }
        comma = false;
        bool is_keyword = l->here == CST_KEYWORD_ARGUMENT || l->here == CST_DICTIONARY_SPLAT;
        push(l, is_keyword ? keyword(l) : lower_expr(l));
    } while (next(l));
    up(l);
    if (comma && l->pending.len == mark)
        refuse(l, span, "a comma without an argument", NULL);
    check_arguments(l, mark);
    if (comma)
        *flags |= NF_TRAILING_COMMA;
}

/* Where the arguments of `f(x for x in y)` are expected stands a generator_expression. */
static struct node *call(struct lower *l) {
    struct node *node = node_at(l, NODE_CALL, l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    push(l, lower_expr(l));
    must_next(l);
    if (l->here == CST_ARGUMENT_LIST)
        push_arguments(l, &node->flags);
    else
        push(l, lower_expr(l));
    up(l);
    take(l, node, mark);
    return hoist_prefix(node, &node->kid[0]);
}

static struct node *attribute(struct lower *l) {
    struct node *node = node_with(l, NODE_ATTRIBUTE, l->span, 1);
    must_down(l);
    node->kid[0] = lower_expr(l);
    must_next(l);
    must_next(l);
    node->atom = text_here(l);
    up(l);
    return hoist_prefix(node, &node->kid[0]);
}

struct node *lower_call(struct lower *l) {
    return l->here == CST_CALL ? call(l) : attribute(l);
}

/* One index, or several as a TUPLE without parentheses. */
struct node *lower_subscript(struct lower *l) {
    struct node *node = node_with(l, NODE_SUBSCRIPT, l->span, 2);
    uint32_t mark = l->pending.len;
    bool comma = false;
    must_down(l);
    node->kid[0] = lower_expr(l);
    must_next(l);
    struct span inside = {0, 0};
    for (bool more = next(l); more && l->here != CST_RBRACKET; more = next(l)) {
        comma = l->here == CST_COMMA;
        inside.start = inside.end == 0 ? l->span.start : inside.start;
        inside.end = l->span.end;
        if (!comma)
            push(l, lower_expr(l));
    }
    up(l);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    if (l->pending.len == mark + 1 && !comma && l->pending.at[mark]->kind != NODE_STARRED) {
        node->kid[1] = l->pending.at[mark];
        l->pending.len = mark;
    } else {
        node->kid[1] = node_at(l, NODE_TUPLE, inside);
        take(l, node->kid[1], mark);
    }
    return hoist_prefix(node, &node->kid[0]);
}

struct node *lower_slice(struct lower *l) {
    struct node *node = node_with(l, NODE_SLICE, l->span, 3);
    uint32_t part = 0;
    must_down(l);
    do {
        if (l->here == CST_COLON)
            part++;
        else
            node->kid[part] = lower_expr(l);
    } while (next(l));
    up(l);
    return node;
}
