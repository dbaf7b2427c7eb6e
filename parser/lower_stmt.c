/* lower_stmt.c - simple statements and the dispatch over all statements. */
#include <string.h>

#include "parser/lower.h"

/* A statement of a word and at most `max` expressions; missing ones stay NULL. */
static struct node *with_values(struct lower *l, enum node_kind kind, uint32_t max) {
    struct node *node = node_with(l, kind, l->span, max);
    uint32_t count = 0;
    must_down(l);
    while (next(l)) {
        if (is_token(l->here))
            continue;
        if (count == max)
            refuse(l, l->span, "one expression too many", NULL);
        else
            node->kid[count++] = lower_expr(l);
    }
    up(l);
    return node;
}

/* What can be assigned to or deleted. The grammar's patterns hold most of it up, not for `del` and `with`; a star needs
 * a list around it, an annotated or augmented target cannot be one. */
void check_target(struct lower *l, struct node *target, enum node_kind of) {
    bool list = target->kind == NODE_TUPLE || target->kind == NODE_LIST;
    bool single = of == NODE_ANNASSIGN || of == NODE_AUGASSIGN;
    if (target->kind == NODE_NAME || target->kind == NODE_ATTRIBUTE || target->kind == NODE_SUBSCRIPT)
        return;
    if (!list || single) {
        refuse(l, target->span, of == NODE_DELETE ? "this cannot be deleted" : "this cannot be assigned to", NULL);
        return;
    }
    for (uint32_t i = 0; i < target->nkids; i++) {
        struct node *kid = target->kid[i];
        check_target(l, kid->kind == NODE_STARRED && of != NODE_DELETE ? kid->kid[0] : kid, of);
    }
}

/* `del a, b` deletes two targets, `del (a, b)` one tuple. */
static struct node *delete (struct lower *l) {
    struct node *node = with_values(l, NODE_DELETE, 1), *value = node->kid[0];
    if (value != NULL)
        check_target(l, value, NODE_DELETE);
    if (value == NULL || value->kind != NODE_TUPLE || (value->flags & NF_PAREN))
        return node;
    node->kid = value->kid;
    node->nkids = value->nkids;
    node->kids_cap = value->kids_cap;
    return node;
}

static struct node *raise(struct lower *l) {
    struct node *node = node_with(l, NODE_RAISE, l->span, 2);
    bool cause = false;
    must_down(l);
    while (next(l)) {
        if (l->here == CST_FROM)
            cause = true;
        else if (l->here == CST_EXPRESSION_LIST)
            refuse(l, l->span, "`raise A, b` is Python 2", "write `raise A(b)`");
        else
            node->kid[cause] = lower_expr(l);
    }
    up(l);
    return node;
}

static struct node *names(struct lower *l, enum node_kind kind) {
    struct node *node = node_at(l, kind, l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    while (next(l))
        if (l->here == CST_IDENTIFIER)
            push(l, lower_expr(l));
    up(l);
    take(l, node, mark);
    return node;
}

static struct node *type_word(struct lower *l, uint32_t start) {
    struct node *word = node_at(l, NODE_NAME, (struct span){start, start + 4});
    word->atom = intern(l->atoms, "type");
    return word;
}

static struct node *type_subscript(struct lower *l, uint32_t start, struct node *list) {
    struct node *node = node_with(l, NODE_SUBSCRIPT, (struct span){start, list->span.end}, 2);
    node->kid[0] = type_word(l, start);
    node->flags = list->flags & NF_TRAILING_COMMA;
    node->kid[1] = list;
    if (list->nkids == 1 && !node->flags && list->kid[0]->kind != NODE_STARRED) {
        node->kid[1] = list->kid[0];
    } else if (list->nkids > 0) {
        list->kind = NODE_TUPLE;
        list->span = (struct span){list->kid[0]->span.start, list->kid[list->nkids - 1]->span.end};
    }
    return node;
}

/* The call that `type(...)` is, from what the grammar took for an alias named `(...)`. */
static struct node *type_call(struct lower *l, uint32_t start, struct node *paren) {
    if (paren->kind == NODE_LIST)
        return type_subscript(l, start, paren);
    struct node *call = node_at(l, NODE_CALL, (struct span){start, paren->span.end});
    node_add(l->arena, call, type_word(l, start));
    if (paren->kind == NODE_TUPLE) {
        for (uint32_t i = 0; i < paren->nkids; i++)
            node_add(l->arena, call, paren->kid[i]);
        call->flags = paren->flags & NF_TRAILING_COMMA;
        return call;
    }
    uint32_t close = paren->span.end;
    while (paren->kind != NODE_GENERATOR && l->text[close] != ')')
        close++;
    call->span.end = paren->kind == NODE_GENERATOR ? close : close + 1;
    paren->flags &= ~(uint32_t)NF_PAREN;
    node_add(l->arena, call, paren);
    return call;
}

/* `type(x).a = v` and `type[x] = v` read like an alias to the grammar, which prefers it. Put the word back to where it
 * belongs; NULL where the name of the alias is no such thing. */
static struct node *type_target(struct lower *l, uint32_t start, struct node *left) {
    struct node **first = &left;
    for (; !((*first)->flags & NF_PAREN) && (*first)->kind != NODE_LIST; first = &(*first)->kid[0]) {
        if ((*first)->kind != NODE_ATTRIBUTE && (*first)->kind != NODE_SUBSCRIPT && (*first)->kind != NODE_CALL)
            return NULL;
        (*first)->span.start = start;
    }
    *first = type_call(l, start, *first);
    return left;
}

static struct node *type_alias(struct lower *l) {
    struct span span = l->span;
    struct node *part[2] = {NULL, NULL};
    uint32_t count = 0;
    must_down(l);
    while (next(l))
        if (l->here == CST_TYPE && count < 2)
            part[count++] = lower_type(l);
    up(l);
    if (is_kind(part[0], NODE_NAME) && !(part[0]->flags & NF_PAREN)) {
        struct node *node = node_with(l, NODE_TYPEALIAS, span, 2);
        memcpy(node->kid, part, sizeof part);
        return node;
    }
    struct node *target = type_target(l, span.start, part[0]);
    if (target == NULL)
        return refuse(l, span, "type parameters are not supported", NULL);
    struct node *node = node_with(l, NODE_ASSIGN, span, 2);
    node->kid[0] = part[1];
    node->kid[1] = target;
    return node;
}

/* -- assignments --------------------------------------------------------------------------------------------------- */

/* `target: annotation [= value]`, the cursor on the annotation. */
static struct node *annotated(struct lower *l, struct span span, struct node *target) {
    struct node *node = node_with(l, NODE_ANNASSIGN, span, 3);
    check_target(l, target, NODE_ANNASSIGN);
    node->kid[0] = target;
    node->kid[1] = lower_type(l);
    if (next(l)) {
        must_next(l);
        node->kid[2] = lower_expr(l);
    }
    return node;
}

/* `a = b = v` nests to the right in the grammar; here it is a loop, so that a long chain costs no stack. */
struct node *lower_assignment(struct lower *l) {
    struct span span = l->span;
    uint32_t mark = l->pending.len, levels = 0;
    struct node *node = NULL;
    push(l, NULL);
    do {
        must_down(l);
        levels++;
        struct node *target = lower_expr(l);
        must_next(l);
        if (l->here == CST_COLON) {
            must_next(l);
            node = annotated(l, span, target);
            if (levels > 1)
                refuse(l, node->kid[1]->span, "only a single target can be annotated", NULL);
        } else {
            check_target(l, target, NODE_ASSIGN);
            push(l, target);
            must_next(l);
        }
    } while (node == NULL && l->here == CST_ASSIGNMENT);
    if (node == NULL) {
        set_pending(l, mark, lower_expr(l));
        node = node_at(l, NODE_ASSIGN, span);
        take(l, node, mark);
    }
    l->pending.len = mark;
    while (levels-- > 0)
        up(l);
    return node;
}

static struct node *augmented(struct lower *l) {
    static const uint8_t operators[CST_KINDS] = {
        [CST_PLUS_EQ] = OP_ADD,
        [CST_MINUS_EQ] = OP_SUB,
        [CST_STAR_EQ] = OP_MUL,
        [CST_AT_EQ] = OP_MATMUL,
        [CST_SLASH_EQ] = OP_DIV,
        [CST_PERCENT_EQ] = OP_MOD,
        [CST_POWER_EQ] = OP_POW,
        [CST_LSHIFT_EQ] = OP_LSHIFT,
        [CST_RSHIFT_EQ] = OP_RSHIFT,
        [CST_PIPE_EQ] = OP_BITOR,
        [CST_CARET_EQ] = OP_BITXOR,
        [CST_AMPERSAND_EQ] = OP_BITAND,
        [CST_FLOORDIV_EQ] = OP_FLOORDIV,
    };
    struct node *node = node_with(l, NODE_AUGASSIGN, l->span, 2);
    must_down(l);
    node->kid[0] = lower_expr(l);
    check_target(l, node->kid[0], NODE_AUGASSIGN);
    must_next(l);
    node->op = operators[l->here];
    must_next(l);
    node->kid[1] = lower_expr(l);
    up(l);
    return node;
}

/* -- expression statements ----------------------------------------------------------------------------------------- */

/* `a, b` as a statement has its elements directly under the statement. */
static struct node *expressions(struct lower *l, struct span span) {
    uint32_t mark = l->pending.len;
    bool comma = false;
    do {
        comma = l->here == CST_COMMA;
        if (!comma)
            push(l, lower_expr(l));
    } while (next(l));
    struct node *value = l->pending.at[mark];
    if (comma || l->pending.len > mark + 1) {
        value = node_at(l, NODE_TUPLE, span);
        take(l, value, mark);
        value->flags |= comma ? NF_TRAILING_COMMA : 0;
    }
    l->pending.len = mark;
    return value;
}

static struct node *expression_statement(struct lower *l) {
    struct span span = l->span;
    struct node *node;
    must_down(l);
    if (l->here == CST_ASSIGNMENT) {
        node = lower_assignment(l);
    } else if (l->here == CST_AUGMENTED_ASSIGNMENT) {
        node = augmented(l);
    } else {
        node = node_with(l, NODE_EXPR, span, 1);
        node->kid[0] = expressions(l, span);
    }
    up(l);
    return node;
}

/* The text without the indentation of its first line. */
static atom dedented(struct lower *l, const char *text) {
    uint32_t column = 0;
    while (column < l->span.start && l->text[l->span.start - column - 1] != '\n')
        column++;
    char *made = arena_strndup(l->arena, text, strlen(text)), *to = made;
    for (const char *at = made; *at != '\0';) {
        char c = *to++ = *at++;
        for (uint32_t i = 0; c == '\n' && i < column && (*at == ' ' || *at == '\t'); i++)
            at++;
    }
    *to = '\0';
    return intern(l->atoms, made);
}

/* Kept as text: no pass understands it, the printer can still copy it. */
static struct node *match(struct lower *l) {
    while (l->span.end > l->span.start && (l->text[l->span.end - 1] == '\n' || l->text[l->span.end - 1] == ' '))
        l->span.end--;
    struct node *node = node_at(l, NODE_MATCH, l->span);
    node->atom = dedented(l, text_here(l));
    return node;
}

static struct node *dispatch(struct lower *l) {
    switch (l->here) {
    case CST_EXPRESSION_STATEMENT: return expression_statement(l);
    case CST_RETURN: return with_values(l, NODE_RETURN, 1);
    case CST_ASSERT: return with_values(l, NODE_ASSERT, 2);
    case CST_DELETE: return delete (l);
    case CST_RAISE: return raise(l);
    case CST_PASS: return node_at(l, NODE_PASS, l->span);
    case CST_BREAK: return node_at(l, NODE_BREAK, l->span);
    case CST_CONTINUE: return node_at(l, NODE_CONTINUE, l->span);
    case CST_GLOBAL: return names(l, NODE_GLOBAL);
    case CST_NONLOCAL: return names(l, NODE_NONLOCAL);
    case CST_IMPORT_STATEMENT:
    case CST_IMPORT_FROM:
    case CST_FUTURE_IMPORT: return lower_import(l);
    case CST_TYPE_ALIAS: return type_alias(l);
    case CST_FUNCTION_DEFINITION:
    case CST_CLASS_DEFINITION:
    case CST_DECORATED_DEFINITION: return lower_definition(l);
    case CST_IF_STATEMENT:
    case CST_FOR_STATEMENT:
    case CST_WHILE_STATEMENT:
    case CST_TRY_STATEMENT:
    case CST_WITH_STATEMENT: return lower_compound(l);
    case CST_MATCH_STATEMENT: return match(l);
    case CST_PRINT: return refuse(l, l->span, "the print statement is Python 2", "write `print(...)`");
    case CST_EXEC: return refuse(l, l->span, "the exec statement is Python 2", "write `exec(...)`");
    default: return refuse(l, l->span, "this is not a statement of Python 3", NULL);
    }
}

struct node *lower_stmt(struct lower *l) {
    if (!deeper(l))
        return placeholder(l);
    struct node *node = dispatch(l);
    shallower(l);
    return node;
}
