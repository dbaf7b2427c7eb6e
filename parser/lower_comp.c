/* lower_comp.c - dictionaries and the four comprehensions. */
#include "parser/lower.h"

/* `key: value` or `**value`. */
static struct node *item(struct lower *l) {
    struct node *node = node_with(l, NODE_KEYVALUE, l->span, 2);
    bool pair = l->here == CST_PAIR;
    must_down(l);
    if (pair) {
        node->kid[0] = lower_expr(l);
        must_next(l);
    }
    must_next(l);
    node->kid[1] = lower_expr(l);
    up(l);
    return node;
}

struct node *lower_dictionary(struct lower *l) {
    struct node *node = node_at(l, NODE_DICT, l->span);
    uint32_t mark = l->pending.len;
    bool comma = false;
    must_down(l);
    do {
        if (!is_token(l->here)) {
            comma = false;
            push(l, item(l));
        } else if (l->here == CST_COMMA) {
            comma = true;
        }
    } while (next(l));
    up(l);
    take(l, node, mark);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    return node;
}

static struct node *clause(struct lower *l) {
    struct node *node = node_with(l, NODE_COMPREHENSION, l->span, 2);
    must_down(l);
    if (l->here == CST_ASYNC) {
        node->flags |= NF_ASYNC;
        must_next(l);
    }
    must_next(l);
    node->kid[0] = lower_expr(l);
    must_next(l);
    must_next(l);
    node->kid[1] = lower_expr(l);
    if (next(l))
        refuse(l, l->span, "a comprehension over several values is Python 2", "put them in parentheses");
    up(l);
    return node;
}

/* The condition belongs to the clause before it. */
static void condition(struct lower *l, struct node *to) {
    must_down(l);
    must_next(l);
    struct node *test = lower_expr(l);
    up(l);
    node_add(l->arena, to, test);
    to->span.end = test->span.end;
}

static enum node_kind kind_here(struct lower *l) {
    switch (l->here) {
    case CST_LIST_COMPREHENSION: return NODE_LISTCOMP;
    case CST_SET_COMPREHENSION: return NODE_SETCOMP;
    case CST_DICTIONARY_COMPREHENSION: return NODE_DICTCOMP;
    default: return NODE_GENERATOR;
    }
}

struct node *lower_comprehension(struct lower *l) {
    struct node *node = node_at(l, kind_here(l), l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    must_next(l);
    push(l, l->here == CST_PAIR ? item(l) : lower_expr(l));
    while (next(l)) {
        if (l->here == CST_FOR_IN_CLAUSE)
            push(l, clause(l));
        else if (l->here == CST_IF_CLAUSE)
            condition(l, vec_last(&l->pending));
    }
    up(l);
    take(l, node, mark);
    return node;
}
