/* lower_def.c - functions, classes, parameters. */
#include <string.h>

#include "parser/lower.h"

/* -- parameters ---------------------------------------------------------------------------------------------------- */

/* A name, or `*name` and `**name` as the grammar's splat patterns. */
static void name_of(struct lower *l, struct node *param) {
    bool args = l->here == CST_LIST_SPLAT_PATTERN, kwargs = l->here == CST_DICTIONARY_SPLAT_PATTERN;
    if (args || kwargs) {
        param->op = args ? PARAM_ARGS : PARAM_KWARGS;
        must_down(l);
        must_next(l);
    }
    if (l->here == CST_IDENTIFIER)
        param->atom = text_here(l);
    else
        refuse(l, l->span, "a parameter must be a name", "unpack the value in the body of the function");
    if (args || kwargs)
        up(l);
}

/* name [":" annotation] ["=" default] */
static void parts_of(struct lower *l, struct node *param) {
    must_down(l);
    name_of(l, param);
    while (next(l)) {
        if (l->here == CST_TYPE)
            param->kid[0] = lower_type(l);
        else if (!is_token(l->here))
            param->kid[1] = lower_expr(l);
    }
    up(l);
}

static struct node *param(struct lower *l) {
    struct node *node = node_with(l, NODE_PARAM, l->span, 2);
    node->op = PARAM_PLAIN;
    switch (l->here) {
    case CST_KEYWORD_SEPARATOR: node->op = PARAM_STAR; break;
    case CST_POSITIONAL_SEPARATOR: node->op = PARAM_SLASH; break;
    case CST_DEFAULT_PARAMETER:
    case CST_TYPED_PARAMETER:
    case CST_TYPED_DEFAULT_PARAMETER: parts_of(l, node); break;
    default: name_of(l, node); break;
    }
    return node;
}

/* A name twice, and `x=1, y` before a star. */
const char *params_fault(const struct node *params, const struct node **which) {
    bool optional = false, keyword_only = false;
    for (uint32_t i = 0; i < params->nkids; i++) {
        const struct node *p = *which = params->kid[i];
        for (uint32_t k = 0; k < i && p->atom; k++)
            if (params->kid[k]->atom == p->atom)
                return "two parameters have this name";
        keyword_only = keyword_only || p->op == PARAM_STAR || p->op == PARAM_ARGS;
        if (p->op == PARAM_PLAIN && p->kid[1] == NULL && optional && !keyword_only)
            return "a parameter without a default follows one that has a default";
        optional = optional || p->kid[1] != NULL;
    }
    return NULL;
}

struct node *lower_params(struct lower *l) {
    struct node *node = node_at(l, NODE_PARAMS, l->span);
    uint32_t mark = l->pending.len;
    bool comma = false;
    must_down(l);
    do {
        if (!is_token(l->here)) {
            comma = false;
            push(l, param(l));
        } else if (l->here == CST_COMMA) {
            comma = true;
        }
    } while (next(l));
    up(l);
    take(l, node, mark);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    const struct node *which;
    const char *fault = l->failed ? NULL : params_fault(node, &which);
    return fault ? refuse(l, which->span, fault, NULL) : node;
}

/* -- definitions --------------------------------------------------------------------------------------------------- */

static struct node *function(struct lower *l) {
    struct node *node = node_with(l, NODE_FUNCTION, l->span, 3);
    must_down(l);
    do {
        switch (l->here) {
        case CST_ASYNC: node->flags |= NF_ASYNC; break;
        case CST_IDENTIFIER: node->atom = text_here(l); break;
        case CST_TYPE_PARAMETER: refuse(l, l->span, "type parameters are not supported", NULL); break;
        case CST_PARAMETERS: node->kid[0] = lower_params(l); break;
        case CST_TYPE: node->kid[1] = lower_type(l); break;
        case CST_BLOCK: node->kid[2] = lower_block(l); break;
        default: break;
        }
    } while (next(l));
    up(l);
    node->span.end = node->kid[2]->span.end;
    return node;
}

static struct node *bases(struct lower *l) {
    struct node *node = node_at(l, NODE_BASES, l->span);
    uint32_t mark = l->pending.len;
    push_arguments(l, &node->flags);
    take(l, node, mark);
    return node;
}

static struct node *class(struct lower *l) {
    struct node *node = node_with(l, NODE_CLASS, l->span, 2);
    must_down(l);
    do {
        switch (l->here) {
        case CST_IDENTIFIER:
            node->atom = text_here(l);
            node->kid[0] = node_at(l, NODE_BASES, (struct span){l->span.end, l->span.end});
            break;
        case CST_TYPE_PARAMETER: refuse(l, l->span, "type parameters are not supported", NULL); break;
        case CST_ARGUMENT_LIST: node->kid[0] = bases(l); break;
        case CST_BLOCK: node->kid[1] = lower_block(l); break;
        default: break;
        }
    } while (next(l));
    up(l);
    node->span.end = node->kid[1]->span.end;
    return node;
}

/* The decorators follow the fixed children; the span starts at the first `@`. */
static struct node *decorated(struct lower *l) {
    uint32_t mark = l->pending.len, start = l->span.start;
    struct node *node = NULL;
    must_down(l);
    do {
        if (l->here == CST_DECORATOR) {
            must_down(l);
            must_next(l);
            push(l, lower_expr(l));
            up(l);
        } else {
            node = lower_definition(l);
        }
    } while (next(l));
    up(l);
    for (uint32_t i = mark; i < l->pending.len; i++)
        node_add(l->arena, node, l->pending.at[i]);
    l->pending.len = mark;
    node->span.start = start;
    return node;
}

struct node *lower_definition(struct lower *l) {
    if (l->here == CST_DECORATED_DEFINITION)
        return decorated(l);
    return l->here == CST_CLASS_DEFINITION ? class(l) : function(l);
}
