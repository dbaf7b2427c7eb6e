/* lower.c - the cursor and the node makers that all of lowering uses. */
#include "parser/lower.h"

#include <string.h>

/* Read the node under the cursor. False for an extra: a comment is put aside, a line continuation forgotten. */
static bool look(struct lower *l) {
    l->here = l->cst[l->cursor.symbol];
    l->span = (struct span){l->base + l->cursor.start, l->base + l->cursor.end};
    if (l->here == CST_COMMENT)
        vec_push(l->scratch, &l->comments.list, l->span);
    return l->here != CST_COMMENT && l->here != CST_LINE_CONTINUATION;
}

bool next(struct lower *l) {
    while (cursor_next(&l->cursor))
        if (look(l))
            return true;
    l->ended = true;
    return false;
}

bool down(struct lower *l) {
    if (!cursor_down(&l->cursor))
        return false;
    l->ended = false;
    if (look(l) || next(l))
        return true;
    up(l);
    return false;
}

/* What was not visited can only be tokens, and comments after the last child that matters; those are looked for where
 * there is a number sign. */
void up(struct lower *l) {
    uint32_t from = l->span.end, to = l->base + cursor_parent_end(&l->cursor);
    if (!l->ended && from < to && memchr(l->text + from, '#', to - from) != NULL)
        while (cursor_next(&l->cursor))
            look(l);
    l->ended = false;
    cursor_up(&l->cursor);
}

void must_down(struct lower *l) {
    bool moved = down(l);
    assert(moved);
    (void)moved;
}

void must_next(struct lower *l) {
    bool moved = next(l);
    assert(moved);
    (void)moved;
}

bool deeper(struct lower *l) {
    if (l->depth < AST_DEPTH_MAX) {
        l->depth++;
        return true;
    }
    if (!l->failed)
        refuse(l, l->span, "the code is nested too deeply here", "adgen reads up to 400 levels; split the expression");
    return false;
}

void shallower(struct lower *l) {
    l->depth--;
}

struct node *node_at(struct lower *l, enum node_kind kind, struct span span) {
    struct node *node = node_new(l->arena, kind);
    node->span = span;
    node->source = l->source;
    return node;
}

struct node *node_with(struct lower *l, enum node_kind kind, struct span span, uint32_t count) {
    struct node *node = node_at(l, kind, span);
    node->kid = NEW_ARRAY(l->arena, struct node *, count);
    node->nkids = node->kids_cap = count;
    return node;
}

void push(struct lower *l, struct node *kid) {
    vec_push(l->scratch, &l->pending, kid);
}

void set_pending(struct lower *l, uint32_t index, struct node *kid) {
    vec_at(&l->pending, index) = kid;
}

void take(struct lower *l, struct node *node, uint32_t mark) {
    uint32_t count = l->pending.len - mark;
    if (count == 0)
        return;
    node->kid = NEW_ARRAY(l->arena, struct node *, count);
    node->nkids = node->kids_cap = count;
    memcpy(node->kid, l->pending.at + mark, count * sizeof *node->kid);
    l->pending.len = mark;
}

atom text_of(struct lower *l, struct span span) {
    return intern_len(l->atoms, l->text + span.start, span.end - span.start);
}

atom text_here(struct lower *l) {
    return text_of(l, l->span);
}

struct node *placeholder(struct lower *l) {
    return make_const(l->arena, OP_NONE);
}

struct node *refuse(struct lower *l, struct span span, const char *message, const char *help) {
    struct diag *diag = diag_at(l->diags, SEVERITY_ERROR, l->source, span, "syntax", "%s", message);
    if (help != NULL)
        diag_help(l->diags, diag, "%s", help);
    l->failed = true;
    return placeholder(l);
}
