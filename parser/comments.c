/* comments.c - gives each comment to the node that it belongs to.
 *
 * Lowering puts comments aside in source order; here one walk over the tree takes them from that queue by position. The
 * walk goes only where a comment lies. What ends up where:
 *
 *   - on a line of its own before a statement, or before an element inside brackets: `leading` of it;
 *   - before `else`, `elif`, `finally`: `leading` of that BLOCK; before `except`: of the HANDLER;
 *   - between the decorators and `def` or `class`: `leading` of PARAMS or BASES;
 *   - after a statement, or after an element (and its comma), on the same line: `trailing` of it;
 *   - after the colon that opens a block: `trailing` of the BLOCK;
 *   - below the last statement of a block, indented at least as far: `inner` of the BLOCK; at the end: of the MODULE;
 *   - below the last element of a bracket, or in an empty one: `inner` of the bracket's node;
 *   - anywhere else, such as inside parentheses of an expression: `leading` of the statement.
 *
 * No comment is lost: every branch below takes the front of the queue and puts it somewhere. */
#include <stdlib.h>
#include <string.h>

#include "parser/lower.h"

struct attach {
    struct arena *arena;
    struct atoms *atoms;
    const char *text;
    const struct span *at, *end; /* the queue */
    struct node *stmt;           /* the innermost statement around */
};

enum { BLANK_BITS = 64 };

static void attach_kids(struct attach *a, struct node *node, uint32_t limit);
static void attach_stmt(struct attach *a, struct node *stmt, uint32_t limit);

/* Whether the front of the queue starts before `offset`. */
static bool before(const struct attach *a, uint32_t offset) {
    return a->at < a->end && a->at->start < offset;
}

static uint32_t line_start(const char *text, uint32_t at) {
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

static uint32_t column(const char *text, uint32_t at) {
    return at - line_start(text, at);
}

static bool blank_between(const char *text, uint32_t start, uint32_t end) {
    for (; start < end; start++)
        if (strchr(" \t\f", text[start]) == NULL)
            return false;
    return true;
}

static bool own_line(const struct attach *a, uint32_t at) {
    return blank_between(a->text, line_start(a->text, at), at);
}

/* Whether the line above the one of `at` is blank. */
static bool blank_above(const struct attach *a, uint32_t at) {
    uint32_t start = line_start(a->text, at);
    return start > 0 && blank_between(a->text, line_start(a->text, start - 1), start - 1);
}

static bool same_line(const struct attach *a, uint32_t from, uint32_t to) {
    return memchr(a->text + from, '\n', to - from) == NULL;
}

/* -- putting a comment somewhere ----------------------------------------------------------------------------------- */

static atom front_text(const struct attach *a) {
    uint32_t start = a->at->start, end = a->at->end;
    while (end > start && strchr(" \t\f", a->text[end - 1]) != NULL)
        end--;
    return intern_len(a->atoms, a->text + start, end - start);
}

static struct comments *comments_of(struct attach *a, struct node *node) {
    if (node->comments == NULL)
        node->comments = NEW(a->arena, struct comments);
    return node->comments;
}

/* For a statement, NF_BLANK speaks of the line above its first comment from now on. */
static void take_leading(struct attach *a, struct node *node) {
    struct comments *comments = comments_of(a, node);
    bool blank = blank_above(a, a->at->start);
    uint32_t index = comments->leading.len;
    if (index == 0 && node_is_stmt(node))
        node->flags = blank ? node->flags | NF_BLANK : node->flags & ~(uint32_t)NF_BLANK;
    else if (index > 0 && blank && index < BLANK_BITS)
        comments->blank_before_leading |= UINT64_C(1) << index;
    vec_push(a->arena, &comments->leading, front_text(a));
    a->at++;
}

/* After the last leading comment of a node that starts at `start`. */
static void end_leading(struct attach *a, struct node *node, uint32_t start) {
    if (node->comments != NULL && node->comments->leading.len > 0)
        node->comments->blank_after_leading = blank_above(a, start);
}

static void take_inner(struct attach *a, struct node *node) {
    vec_push(a->arena, &comments_of(a, node)->inner, front_text(a));
    a->at++;
}

static bool take_trailing(struct attach *a, struct node *node) {
    if (node->comments != NULL && node->comments->trailing != NULL)
        return false;
    comments_of(a, node)->trailing = front_text(a);
    a->at++;
    return true;
}

/* -- inside expressions -------------------------------------------------------------------------------------------- */

static bool is_bracket(const struct node *node) {
    switch (node->kind) {
    case NODE_CALL:
    case NODE_LIST:
    case NODE_SET:
    case NODE_DICT:
    case NODE_SUBSCRIPT:
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_GENERATOR:
    case NODE_PARAMS:
    case NODE_BASES:
    case NODE_IMPORTFROM: return true;
    case NODE_TUPLE: return (node->flags & NF_PAREN) != 0;
    default: return false;
    }
}

/* Whether a bracket opens between two offsets; then what follows is the first thing in it. */
static bool opens(const struct attach *a, uint32_t from, uint32_t to) {
    for (; from < to; from++)
        if (strchr("([{", a->text[from]) != NULL)
            return true;
    return false;
}

/* A tuple without parentheses has no place of its own: its first or last element stands for it. */
static struct node *element(struct node *node, bool first) {
    while (node != NULL && node->kind == NODE_TUPLE && !(node->flags & NF_PAREN) && node->nkids > 0)
        node = node->kid[first ? 0 : node->nkids - 1];
    return node;
}

/* The front of the queue lies in `node`, after `previous` and before `following`, either of which may be NULL. */
static void place(struct attach *a, struct node *node, struct node *previous, struct node *following) {
    uint32_t start = a->at->start;
    previous = element(previous, false);
    following = element(following, true);
    bool beside = previous != NULL && same_line(a, previous->span.end, start) && !opens(a, previous->span.end, start);
    if (beside && take_trailing(a, previous))
        return;
    if (following != NULL)
        take_leading(a, following);
    else if (is_bracket(node))
        take_inner(a, node);
    else
        take_leading(a, a->stmt);
}

/* -- kids in the order of the source ------------------------------------------------------------------------------- */

static int by_start(const void *left, const void *right) {
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    return a->span.start != b->span.start ? (a->span.start > b->span.start ? 1 : -1) : 0;
}

static struct node **sorted_kids(struct attach *a, const struct node *node, uint32_t *count) {
    struct node **kids = NEW_ARRAY(a->arena, struct node *, node->nkids + 1);
    *count = 0;
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            kids[(*count)++] = node->kid[i];
    qsort(kids, *count, sizeof *kids, by_start);
    return kids;
}

/* -- blocks -------------------------------------------------------------------------------------------------------- */

static bool is_elif(const struct node *block) {
    return block->nkids == 1 && is_kind(block->kid[0], NODE_IF) && (block->kid[0]->flags & NF_ELIF);
}

/* A block of `else:`, `finally:` or `elif` starts at that word, any other one at its first statement. */
static bool starts_with_word(const struct node *block) {
    return is_elif(block) || block->span.start != block->kid[0]->span.start;
}

/* A comment after the colon of a block's header, or at the start of a block whose span begins with `else:`. */
static void attach_header(struct attach *a, struct node *block) {
    uint32_t first = block->kid[0]->span.start;
    while (before(a, first) && !own_line(a, a->at->start))
        if (!take_trailing(a, block))
            take_leading(a, block->kid[0]);
}

static void attach_trailing(struct attach *a, struct node *stmt, const struct node *following) {
    uint32_t end = stmt->span.end;
    if (a->at == a->end || (following != NULL && following->span.start < a->at->start))
        return;
    if (a->at->start >= end && same_line(a, end, a->at->start))
        take_trailing(a, stmt);
}

/* Statements of a block or module; comments before `limit` that are indented like them belong here, too. */
static void attach_block(struct attach *a, struct node *block, uint32_t limit) {
    bool is_module = block->kind == NODE_MODULE;
    for (uint32_t i = 0; i < block->nkids && before(a, limit); i++) {
        struct node *stmt = block->kid[i];
        const struct node *following = i + 1 < block->nkids ? block->kid[i + 1] : NULL;
        if (i == 0 && !is_module && !is_elif(block))
            attach_header(a, block);
        while (before(a, stmt->span.start))
            take_leading(a, stmt);
        end_leading(a, stmt, stmt->span.start);
        attach_stmt(a, stmt, following != NULL ? following->span.start : limit);
        attach_trailing(a, stmt, following);
    }
    uint32_t first = block->nkids > 0 ? block->kid[0]->span.start : 0;
    if (is_elif(block) || (block->nkids > 0 && !own_line(a, first)))
        return; /* after `elif` and `if x: return`, a line below at that indentation is not part of it */
    while (before(a, limit) && (is_module || column(a->text, a->at->start) >= column(a->text, first)))
        take_inner(a, block);
}

static void attach_stmt(struct attach *a, struct node *stmt, uint32_t limit) {
    struct node *outer = a->stmt;
    a->stmt = stmt;
    attach_kids(a, stmt, limit);
    a->stmt = outer;
}

static bool has_clauses(const struct node *node) {
    return node->nkids > 0 && (node->kind == NODE_IF || node->kind == NODE_FOR || node->kind == NODE_WHILE ||
                                  node->kind == NODE_TRY || node->kind == NODE_WITH || node->kind == NODE_FUNCTION ||
                                  node->kind == NODE_CLASS || node->kind == NODE_HANDLER);
}

/* Whether a colon stands between two offsets, comments aside: then the header of a block is over. */
static bool header_over(const struct attach *a, uint32_t from, uint32_t to) {
    for (; from < to && a->text[from] != ':'; from++)
        while (from < to && a->text[from] == '#')
            from += (uint32_t)strcspn(a->text + from, "\n");
    return from < to;
}

static bool is_body(const struct node *node) {
    return node->kind == NODE_BLOCK || node->kind == NODE_HANDLER;
}

/* Comments between two kids. Those above a plain block are its first statement's. */
static void before_kid(struct attach *a, struct node *node, struct node *previous, struct node *kid) {
    bool clause = kid->kind == NODE_HANDLER || (kid->kind == NODE_BLOCK && starts_with_word(kid));
    bool header = kid->kind == NODE_BLOCK && !clause && previous != NULL && !is_body(previous);
    while (header && before(a, kid->span.start) && !header_over(a, previous->span.end, a->at->start))
        place(a, node, previous, NULL);
    while (clause && before(a, kid->span.start) && own_line(a, a->at->start))
        take_leading(a, kid);
    while (!clause && kid->kind != NODE_BLOCK && before(a, kid->span.start))
        place(a, node, previous, kid);
    end_leading(a, kid, kid->span.start);
}

/* Comments of a node that is not a block; blocks and handlers reach up to the next clause or `limit`. */
static void attach_kids(struct attach *a, struct node *node, uint32_t limit) {
    uint32_t end = has_clauses(node) ? limit : node->span.end;
    if (!before(a, end))
        return;
    uint32_t count;
    struct node **kids = sorted_kids(a, node, &count);
    for (uint32_t i = 0; i < count && before(a, end); i++) {
        struct node *kid = kids[i];
        uint32_t kid_limit = i + 1 < count ? kids[i + 1]->span.start : end;
        before_kid(a, node, i > 0 ? kids[i - 1] : NULL, kid);
        if (kid->kind == NODE_BLOCK)
            attach_block(a, kid, kid_limit);
        else
            attach_kids(a, kid, kid_limit);
    }
    while (!has_clauses(node) && before(a, end))
        place(a, node, count > 0 ? kids[count - 1] : NULL, NULL);
}

void attach_comments(struct lower *l, struct node *module) {
    if (l->comments.list.len == 0)
        return;
    struct attach a = {
        .arena = l->arena,
        .atoms = l->atoms,
        .text = l->text,
        .at = l->comments.list.at,
        .end = l->comments.list.at + l->comments.list.len,
    };
    attach_block(&a, module, UINT32_MAX);
    assert(a.at == a.end);
}
