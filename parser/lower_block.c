/* lower_block.c - blocks and the statements that have them. */
#include <string.h>

#include "parser/lower.h"

/* -- lines --------------------------------------------------------------------------------------------------------- */

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\f';
}

/* The white space before `at` on its line; false where something else stands there, too. A form feed starts over. */
static bool margin_of(const struct lower *l, uint32_t at, struct span *margin) {
    uint32_t start = at;
    while (start > 0 && (l->text[start - 1] == ' ' || l->text[start - 1] == '\t'))
        start--;
    *margin = (struct span){start, at};
    while (start > 0 && is_blank(l->text[start - 1]))
        start--;
    return start == 0 || l->text[start - 1] == '\n';
}

/* Whether a blank line stands above the line that starts with `margin`. */
static bool blank_above(const struct lower *l, struct span margin) {
    uint32_t at = margin.start;
    while (at > 0 && is_blank(l->text[at - 1]))
        at--;
    if (at == 0)
        return false;
    at--;
    while (at > 0 && is_blank(l->text[at - 1]))
        at--;
    return at == 0 || l->text[at - 1] == '\n';
}

void mark_blank(struct lower *l, struct node *stmt) {
    struct span margin;
    if (margin_of(l, stmt->span.start, &margin) && blank_above(l, margin))
        stmt->flags |= NF_BLANK;
}

static bool same_text(const struct lower *l, struct span a, struct span b) {
    return a.end - a.start == b.end - b.start && memcmp(l->text + a.start, l->text + b.start, a.end - a.start) == 0;
}

/* The grammar's scanner keeps indentation in a byte, a tab counting eight. */
enum { MARGIN_MAX = 255, TAB = 8 };

static bool too_wide(const struct lower *l, struct span margin) {
    uint32_t width = margin.end - margin.start;
    for (uint32_t at = margin.start; width <= MARGIN_MAX && at < margin.end; at++)
        width += l->text[at] == '\t' ? TAB - 1 : 0;
    return width > MARGIN_MAX;
}

/* The grammar takes a line that is indented more or less than its block; Python does not. */
static void check_margin(struct lower *l, struct span margin, struct span block) {
    struct span here = {margin.start, margin.end + 1};
    if (!same_text(l, margin, block))
        refuse(l, here, "this line is not indented like its block", NULL);
    else if (too_wide(l, margin))
        refuse(l, here, "this line is indented too far", "adgen reads up to 255 columns");
}

void push_statements(struct lower *l) {
    bool first = l->here != CST_MODULE || l->any_margin;
    struct span block = {0, 0}, margin;
    if (!down(l))
        return;
    do {
        if (is_token(l->here))
            continue;
        uint32_t start = l->span.start;
        bool leads = margin_of(l, start, &margin);
        if (leads && first)
            block = margin;
        if (leads)
            check_margin(l, margin, block);
        first = first && !leads;
        struct node *stmt = lower_stmt(l);
        if (leads && blank_above(l, margin))
            stmt->flags |= NF_BLANK;
        push(l, stmt);
    } while (next(l));
    up(l);
}

/* The span is that of the statements: the grammar's block ends after the comments below them. */
struct node *lower_block(struct lower *l) {
    struct node *node = node_at(l, NODE_BLOCK, l->span);
    uint32_t mark = l->pending.len;
    if (!deeper(l))
        return node;
    push_statements(l);
    shallower(l);
    take(l, node, mark);
    if (node->nkids == 0) {
        refuse(l, node->span, "an indented block is missing here", NULL);
    } else {
        node->span.start = node->kid[0]->span.start;
        node->span.end = node->kid[node->nkids - 1]->span.end;
    }
    return node;
}

/* The block of `else:` or `finally:`, whose span starts at that word: comments above it are told from those below. */
static struct node *clause_block(struct lower *l) {
    uint32_t start = l->span.start;
    struct node *block = NULL;
    must_down(l);
    do
        if (l->here == CST_BLOCK)
            block = lower_block(l);
    while (next(l));
    up(l);
    block->span.start = start;
    return block;
}

/* -- if ------------------------------------------------------------------------------------------------------------ */

/* word test ":" block */
static void test_and_block(struct lower *l, struct node *node) {
    must_next(l);
    node->kid[0] = lower_expr(l);
    while (next(l) && l->here != CST_BLOCK) {
    }
    node->kid[1] = lower_block(l);
}

/* `elif` becomes an else block with one IF in it, and the chain goes on there. */
static struct node *elif (struct lower *l, struct node *outer) {
    struct node *node = node_with(l, NODE_IF, l->span, 3);
    node->flags |= NF_ELIF;
    struct node *block = node_with(l, NODE_BLOCK, l->span, 1);
    block->kid[0] = node;
    outer->kid[2] = block;
    must_down(l);
    test_and_block(l, node);
    up(l);
    return node;
}

static struct node *if_statement(struct lower *l) {
    struct node *node = node_with(l, NODE_IF, l->span, 3), *last = node;
    uint32_t depth = l->depth;
    must_down(l);
    test_and_block(l, node);
    while (next(l)) {
        if (l->here == CST_ELIF_CLAUSE) {
            if (!deeper(l) || !deeper(l))
                break;
            last = elif (l, last);
        } else if (l->here == CST_ELSE_CLAUSE) {
            last->kid[2] = clause_block(l);
        }
    }
    up(l);
    l->depth = depth;
    uint32_t end = last->kid[last->kid[2] != NULL ? 2 : 1]->span.end;
    for (struct node *at = node;; at = at->kid[2]->kid[0]) {
        at->span.end = end;
        if (at == last)
            break;
        at->kid[2]->span.end = end;
    }
    return node;
}

/* -- loops, with, try ---------------------------------------------------------------------------------------------- */

/* The end of a statement is the end of its last block. */
static void end_at(struct node *node, const struct node *block) {
    if (block != NULL && block->span.end > 0)
        node->span.end = block->span.end;
}

static struct node *for_statement(struct lower *l) {
    struct node *node = node_with(l, NODE_FOR, l->span, 4);
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
    while (next(l)) {
        if (l->here == CST_BLOCK)
            end_at(node, node->kid[2] = lower_block(l));
        else if (l->here == CST_ELSE_CLAUSE)
            end_at(node, node->kid[3] = clause_block(l));
    }
    up(l);
    return node;
}

static struct node *while_statement(struct lower *l) {
    struct node *node = node_with(l, NODE_WHILE, l->span, 3);
    must_down(l);
    test_and_block(l, node);
    end_at(node, node->kid[1]);
    if (next(l))
        end_at(node, node->kid[2] = clause_block(l));
    up(l);
    return node;
}

/* `with (a as b):` has the item inside parentheses; step in, and say whether it was so. */
static bool enter_parentheses(struct lower *l) {
    struct span span = l->span;
    uint32_t comments = l->comments.list.len;
    if (l->here != CST_PARENTHESIZED)
        return false;
    must_down(l);
    must_next(l);
    if (l->here == CST_AS_PATTERN)
        return true;
    up(l);
    l->here = CST_PARENTHESIZED;
    l->span = span;
    l->comments.list.len = comments;
    return false;
}

static struct node *with_item(struct lower *l) {
    struct node *node = node_with(l, NODE_WITHITEM, l->span, 2);
    must_down(l);
    bool inside = enter_parentheses(l);
    node->kid[0] = lower_as(l, &node->kid[1]);
    if (node->kid[1] != NULL)
        check_target(l, node->kid[1], NODE_WITHITEM);
    if (inside)
        up(l);
    up(l);
    return node;
}

/* `with (a,):` and its like come as one tuple; Python reads items in parentheses, unless one is starred. */
static void spread_tuple(struct lower *l) {
    struct node *tuple = vec_last(&l->pending)->kid[0];
    if (tuple->kind != NODE_TUPLE || tuple->nkids == 0)
        return;
    for (uint32_t i = 0; i < tuple->nkids; i++)
        if (tuple->kid[i]->kind == NODE_STARRED)
            return;
    l->pending.len--;
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct node *part = node_with(l, NODE_WITHITEM, tuple->kid[i]->span, 2);
        part->kid[0] = tuple->kid[i];
        push(l, part);
    }
}

/* And the other way round: `with (*a, b):` comes as items and is one tuple, between the parentheses in `span`. */
static void gather_tuple(struct lower *l, uint32_t mark, struct span span) {
    bool starred = false;
    for (uint32_t i = mark; i < l->pending.len; i++)
        starred = starred || l->pending.at[i]->kid[0]->kind == NODE_STARRED;
    if (!starred)
        return;
    struct node *item = node_with(l, NODE_WITHITEM, span, 2);
    struct node *tuple = node_with(l, NODE_TUPLE, span, l->pending.len - mark);
    tuple->flags |= NF_PAREN;
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct node *part = l->pending.at[mark + i];
        tuple->kid[i] = part->kid[0];
        if (part->kid[1] != NULL)
            refuse(l, part->span, "`as` cannot stand beside a starred expression", NULL);
    }
    l->pending.len = mark;
    item->kid[0] = tuple;
    push(l, item);
}

/* The grammar's item is one tuple in parentheses, not wrapped once more. */
static bool is_bare_tuple(struct lower *l) {
    cursor_down(&l->cursor);
    bool tuple = l->cst[l->cursor.symbol] == CST_TUPLE;
    cursor_up(&l->cursor);
    return tuple;
}

static void push_with_items(struct lower *l) {
    uint32_t mark = l->pending.len;
    struct span span = l->span;
    bool parenthesized = false, tuple = false;
    must_down(l);
    do {
        if (l->here == CST_WITH_ITEM) {
            tuple = is_bare_tuple(l);
            push(l, with_item(l));
        } else if (l->here == CST_LPAREN) {
            parenthesized = true;
        }
    } while (next(l));
    up(l);
    if (parenthesized)
        gather_tuple(l, mark, span);
    else if (tuple && l->pending.len == mark + 1)
        spread_tuple(l);
}

static struct node *with_statement(struct lower *l) {
    struct node *node = node_at(l, NODE_WITH, l->span);
    uint32_t mark = l->pending.len;
    push(l, NULL);
    must_down(l);
    do {
        if (l->here == CST_ASYNC)
            node->flags |= NF_ASYNC;
        else if (l->here == CST_WITH_CLAUSE)
            push_with_items(l);
        else if (l->here == CST_BLOCK)
            set_pending(l, mark, lower_block(l));
    } while (next(l));
    up(l);
    take(l, node, mark);
    end_at(node, node->kid[0]);
    return node;
}

/* `except [type [as name]]:`; a second expression after a comma is Python 2. */
static struct node *handler(struct lower *l) {
    struct node *node = node_with(l, NODE_HANDLER, l->span, 2), *name = NULL;
    if (l->here == CST_EXCEPT_GROUP_CLAUSE)
        node->flags |= NF_STAR;
    must_down(l);
    while (next(l)) {
        if (l->here == CST_STAR)
            node->flags |= NF_STAR;
        else if (l->here == CST_COMMA)
            refuse(l, l->span, "several exceptions without parentheses", "write `except (A, B):` or `except A as b:`");
        else if (l->here == CST_BLOCK)
            end_at(node, node->kid[1] = lower_block(l));
        else if (!is_token(l->here) && l->here != CST_OTHER)
            node->kid[0] == NULL ? (void)(node->kid[0] = lower_as(l, &name)) : (void)(name = lower_expr(l));
    }
    up(l);
    if (name != NULL && name->kind != NODE_NAME)
        refuse(l, name->span, "an exception can only be bound to a name", NULL);
    node->atom = name == NULL ? NULL : name->atom;
    return node;
}

static struct node *try_statement(struct lower *l) {
    struct node *node = node_at(l, NODE_TRY, l->span);
    uint32_t mark = l->pending.len;
    for (int i = 0; i < 3; i++)
        push(l, NULL);
    must_down(l);
    while (next(l)) {
        switch (l->here) {
        case CST_BLOCK: set_pending(l, mark, lower_block(l)); break;
        case CST_ELSE_CLAUSE: set_pending(l, mark + 1, clause_block(l)); break;
        case CST_FINALLY_CLAUSE: set_pending(l, mark + 2, clause_block(l)); break;
        case CST_EXCEPT_CLAUSE:
        case CST_EXCEPT_GROUP_CLAUSE: push(l, handler(l)); break;
        default: break;
        }
    }
    up(l);
    take(l, node, mark);
    end_at(node, node->kid[node->nkids - 1]);
    end_at(node, node->kid[1]);
    end_at(node, node->kid[2]);
    return node;
}

struct node *lower_compound(struct lower *l) {
    switch (l->here) {
    case CST_IF_STATEMENT: return if_statement(l);
    case CST_FOR_STATEMENT: return for_statement(l);
    case CST_WHILE_STATEMENT: return while_statement(l);
    case CST_WITH_STATEMENT: return with_statement(l);
    default: return try_statement(l);
    }
}
