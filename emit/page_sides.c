/* page_sides.c - the source and the output, cut into pieces.
 *
 * Reads   the tree of the source, and where the printer has put each statement of the output.
 * Guarantees  every line of either text is in one piece, in order. */
#include <string.h>

#include "emit/page_internal.h"
#include "rewrite/account.h"

/* -- which statement a line belongs to ----------------------------------------------------------------------------- */

static void paint(struct side *side, const struct node *n, struct span span) {
    uint32_t first = source_locate(side->text, span.start).line, last = source_locate(side->text, span.end - 1).line;
    for (uint32_t line = first; line <= last; line++)
        side->owner[line] = n;
}

static void paint_top(struct side *side, struct span span, uint32_t number) {
    uint32_t first = source_locate(side->text, span.start).line, last = source_locate(side->text, span.end - 1).line;
    for (uint32_t line = first; line <= last; line++)
        side->top[line] = number;
}

static void paint_tree(struct side *side, const struct node *n) {
    if (node_is_stmt(n))
        paint(side, n, n->span);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kind == NODE_BLOCK || is_kind(n->kid[i], NODE_BLOCK) || is_kind(n->kid[i], NODE_HANDLER))
            paint_tree(side, n->kid[i]);
}

static void paint_source(struct page *page) {
    const struct node *module = page->unit->module->tree;
    for (uint32_t i = 0; i < module->nkids; i++) {
        paint_tree(&page->in, module->kid[i]);
        paint_top(&page->in, module->kid[i]->span, i + 1);
    }
}

static void paint_output(struct page *page) {
    const struct printed *printed = page->unit->account->printed;
    uint32_t end = 0, number = 1; /* the head of the file is no statement */
    for (uint32_t i = 0; i < printed->stmts.len; i++) {
        const struct printed_stmt *s = &printed->stmts.at[i];
        struct span span = {s->text.start + printed->header, s->text.end + printed->header};
        paint(&page->out, s->stmt, span);
        if (s->text.start < end)
            continue;
        paint_top(&page->out, span, ++number);
        end = s->text.end;
    }
}

/* -- pieces -------------------------------------------------------------------------------------------------------- */

/* '\0' of a blank line, '#' of a comment, else another character. */
static char first_character(const struct side *side, uint32_t line) {
    uint32_t len;
    const char *text = source_line(side->text, line, &len);
    uint32_t space = (uint32_t)strspn(text, " \t\r");
    return space < len ? text[space] : '\0';
}

static bool is_loose(const struct side *side, uint32_t line) {
    char first = first_character(side, line);
    return first == '\0' || first == '#';
}

static bool is_simple(const struct node *n) {
    for (uint32_t i = 0; n && i < n->nkids; i++)
        if (is_kind(n->kid[i], NODE_BLOCK) || is_kind(n->kid[i], NODE_HANDLER))
            return false;
    return n != NULL;
}

/* Blank lines and comments belong to what follows them; comments with a blank line below them to nothing. */
static void attach_loose(struct side *side, uint32_t from) {
    for (uint32_t line = side->lines; line >= from; line--) {
        if (!is_loose(side, line) || is_simple(side->owner[line]))
            continue;
        bool alone = first_character(side, line) == '#' && line < side->lines && !first_character(side, line + 1);
        side->owner[line] = alone ? NULL : side->owner[line + 1];
        side->top[line] = side->top[line + 1];
    }
}

static uint32_t turn_of(const struct side *side, const struct node *n) {
    for (uint32_t i = side->pieces.len; n && i-- > 0;)
        if (side->pieces.at[i].node == n)
            return side->pieces.at[i].turn + 1;
    return 0;
}

static void cut(struct page *page, struct side *side) {
    for (uint32_t line = 1; line <= side->lines;) {
        uint32_t last = line;
        const struct node *n = side->owner[line];
        while (last < side->lines && side->owner[last + 1] == n && side->top[last + 1] == side->top[line])
            last++;
        struct piece piece = {
            .node = n, .lead = line, .first = line, .last = last, .turn = turn_of(side, n), .partner = NO_PIECE};
        while (n && piece.first < last && is_loose(side, piece.first))
            piece.first++;
        vec_push(page->arena, &side->pieces, piece);
        line = last + 1;
    }
}

/* -- sections ------------------------------------------------------------------------------------------------------ */

static const struct node *definition_of(const struct node *top) {
    return top && (top->kind == NODE_CLASS || top->kind == NODE_FUNCTION) ? top : NULL;
}

/* `top` has the statement of each number. */
static void divide(struct page *page, struct side *side, const struct node *const *top) {
    for (uint32_t i = 0; i < side->pieces.len; i++) {
        struct piece *piece = &side->pieces.at[i];
        const struct node *definition = definition_of(top[side->top[piece->first]]);
        const struct section *last = side->sections.len ? &vec_last(&side->sections) : NULL;
        if (last == NULL || last->definition != definition)
            vec_push(page->arena, &side->sections, ((struct section){definition, i, i, NO_PIECE, false}));
        piece->section = side->sections.len - 1;
        vec_last(&side->sections).end = i + 1;
    }
}

static void begin(struct page *page, struct side *side, struct source *text) {
    side->text = text;
    side->lines = text->len ? source_locate(text, text->len - 1).line : 0;
    side->owner = NEW_ARRAY(page->arena, const struct node *, side->lines + 2);
    side->top = NEW_ARRAY(page->arena, uint32_t, side->lines + 2);
}

void page_sides(struct page *page) {
    struct unit *u = page->unit;
    const struct printed *printed = u->account->printed;
    const struct buf *text = &page->result->text;
    begin(page, &page->in, u->module->source);
    begin(page, &page->out, source_from_text(page->arena, u->atoms, u->diags, "output", text->at, text->len));
    paint_source(page);
    paint_output(page);
    uint32_t head = source_locate(page->out.text, printed->header).line;
    attach_loose(&page->in, 1);
    attach_loose(&page->out, head);
    for (uint32_t line = 1; line < head; line++) /* it is a section with the imports */
        page->out.top[line] = 1;
    cut(page, &page->in);
    cut(page, &page->out);
    const struct node **tops = NEW_ARRAY(page->arena, const struct node *, u->module->tree->nkids + 1);
    for (uint32_t i = 0; i < u->module->tree->nkids; i++)
        tops[i + 1] = u->module->tree->kid[i];
    divide(page, &page->in, tops);
    tops = NEW_ARRAY(page->arena, const struct node *, printed->stmts.len + 2);
    uint32_t number = 1, end = 0;
    for (uint32_t i = 0; i < printed->stmts.len; i++)
        if (printed->stmts.at[i].text.start >= end) {
            tops[++number] = printed->stmts.at[i].stmt;
            end = printed->stmts.at[i].text.end;
        }
    divide(page, &page->out, tops);
}

uint32_t piece_at(const struct side *side, uint32_t line) {
    uint32_t low = 0, high = side->pieces.len;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (side->pieces.at[middle].last < line)
            low = middle + 1;
        else
            high = middle;
    }
    return low < side->pieces.len && side->pieces.at[low].lead <= line ? low : NO_PIECE;
}
