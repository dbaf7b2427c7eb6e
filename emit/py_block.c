/* py_block.c - statements in order: the blank lines between them, their comments, the blocks of compound statements.
 *
 * Output is at the start of a line between statements. Blank lines of the source survive, one in a block and two at the
 * level of the module; definitions and imports demand some; the start of a block has none. */
#include "emit/printer.h"
#include "emit/python.h"

enum suite { SUITE_MODULE, SUITE_FUNCTION, SUITE_CLASS, SUITE_OTHER };

static uint32_t most_blanks(enum suite suite) {
    return suite == SUITE_MODULE ? 2 : 1;
}

static void write_blanks(struct printer *p, uint32_t count) {
    buf_repeat(p->out, '\n', count);
}

static uint32_t capped(uint32_t count, enum suite suite) {
    return count < most_blanks(suite) ? count : most_blanks(suite);
}

/* Where a comment of a line of its own is cut so that it fits: at a blank, or nowhere. Its length if it fits. */
static size_t fitting(const struct printer *p, const char *comment) {
    size_t len = strlen(comment), room = p->indent < LINE_LENGTH ? LINE_LENGTH - p->indent : 0, cut = 0;
    if (!p->wrap_comments || text_columns(comment, len) <= room || is_pragma(comment)) {
        return len;
    }
    for (size_t i = strspn(comment, "#* "); i <= room && comment[i] != 0; i++) {
        if (comment[i] == ' ' && text_columns(comment, i) <= room) {
            cut = i;
        }
    }
    return cut > room / 2 ? cut : len;
}

/* Write what fits of a comment; the rest is returned as another, or NULL. */
static const char *write_fitting(struct printer *p, const char *comment) {
    size_t len = fitting(p, comment);
    put(p, doc_strndup(&p->docs, comment, len));
    flush(p);
    const char *rest = comment + len + strspn(comment + len, " ");
    return *rest != 0 ? arena_printf(p->arena, "# %s", rest) : NULL;
}

static void write_comment(struct printer *p, atom comment) {
    for (const char *text = normal_comment(p, comment); text != NULL;) {
        text = write_fitting(p, text);
    }
}

void flush(struct printer *p) {
    doc_print(&p->docs, p->out, p->indent);
    buf_putc(p->out, '\n');
    forget_parens(p);
}

/* -- blank lines between two statements ---------------------------------------------------------------------------- */

static bool is_definition(const struct node *stmt) {
    return stmt->kind == NODE_FUNCTION || stmt->kind == NODE_CLASS;
}

static bool is_import(const struct node *stmt) {
    return stmt->kind == NODE_IMPORT || stmt->kind == NODE_IMPORTFROM;
}

static const struct node *body_of(const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_FUNCTION: return stmt->kid[2];
    case NODE_WITH:
    case NODE_TRY: return stmt->kid[0];
    case NODE_FOR: return stmt->kid[2];
    default: return stmt->kid[1];
    }
}

static const struct node *last_of(const struct node *const *kid, uint32_t count) {
    const struct node *last = NULL;
    for (uint32_t i = 0; i < count; i++) {
        last = kid[i] != NULL ? kid[i] : last;
    }
    return last;
}

/* The block that a compound statement ends with. */
static const struct node *last_body(const struct node *stmt) {
    const struct node *const *kid = (const struct node *const *)stmt->kid;
    switch ((enum node_kind)stmt->kind) {
    case NODE_FUNCTION:
    case NODE_CLASS:
    case NODE_WITH: return body_of(stmt);
    case NODE_IF:
    case NODE_WHILE: return last_of(kid + 1, stmt->nkids - 1);
    case NODE_FOR: return last_of(kid + 2, stmt->nkids - 2);
    case NODE_TRY:
        if (stmt->kid[1] == NULL && stmt->kid[2] == NULL) {
            return stmt->kid[stmt->nkids - 1]->kid[1];
        }
        return last_of(kid, 3);
    default: return NULL;
    }
}

/* Is a definition, or ends in one, so that blank lines belong after it? */
static bool ends_in_definition(const struct node *stmt) {
    while (!is_definition(stmt)) {
        const struct node *body = last_body(stmt);
        if (body == NULL || has_inner_comments(body)) {
            return false;
        }
        stmt = body->kid[body->nkids - 1];
    }
    return true;
}

static bool is_ellipsis_body(const struct node *block) {
    if (block->nkids != 1 || block->kid[0]->kind != NODE_EXPR || has_inner_comments(block) ||
        has_trailing_comment(block) || has_leading_comments(block->kid[0])) {
        return false;
    }
    const struct node *value = block->kid[0]->kid[0];
    return value->kind == NODE_CONST && value->op == OP_ELLIPSIS;
}

static bool is_overload_pair(const struct node *before, const struct node *after) {
    return before->kind == NODE_FUNCTION && after->kind == NODE_FUNCTION && is_ellipsis_body(function_body(before));
}

static uint32_t blanks_between(
    const struct node *before, const struct node *after, uint32_t written, enum suite suite, bool docstring) {
    if (is_definition(after) || ends_in_definition(before)) {
        return written == 0 && is_overload_pair(before, after) ? 0 : most_blanks(suite);
    }
    if (is_import(before) && (!is_import(after) || has_leading_comments(after))) {
        return written > 0 ? written : 1;
    }
    if (!is_compound(before) && docstring) {
        return 1;
    }
    return written;
}

/* -- blocks -------------------------------------------------------------------------------------------------------- */

static void print_suite(struct printer *p, const struct node *block, enum suite suite);

static bool is_docstring(const struct node *stmt, enum suite suite) {
    if (suite == SUITE_OTHER || stmt->kind != NODE_EXPR || stmt->kid[0]->kind != NODE_STRING) {
        return false;
    }
    struct spelling literal;
    read_spelling(stmt->kid[0]->atom, &literal);
    return !literal.bytes && !is_wrapped(stmt->kid[0]);
}

static void print_docstring_stmt(struct printer *p, const struct node *stmt) {
    print_docstring(p, stmt->kid[0]);
    if (has_trailing_comment(stmt)) {
        buf_puts(p->out, "  ");
        buf_puts(p->out, normal_comment(p, stmt->comments->trailing));
    }
    buf_putc(p->out, '\n');
}

/* How many of the comments before a statement belong to what is above: those up to the last that a blank line follows.
 * The blank lines that a definition or import demands go below them. */
static uint32_t comments_above(const uint32_t *gap, uint32_t count) {
    while (count > 0 && gap[count] == 0) {
        count--;
    }
    return count;
}

/* Is a comment the second line of a sentence? A word with a colon begins something of its own. */
static bool goes_on(const char *comment) {
    size_t word = strspn(comment, "# abcdefghijklmnopqrstuvwxyz");
    bool label = comment[word] == ':' && strchr(comment + 2, ' ') >= comment + word;
    return comment[0] == '#' && comment[1] == ' ' && comment[2] >= 'a' && comment[2] <= 'z' && !label;
}

/* The leading comments of a statement, each with the blank lines after it. */
static void print_statement_comments(
    struct printer *p, const struct node *stmt, const uint32_t *gap, enum suite suite) {
    const struct comments *comments = stmt->comments;
    const char *rest = NULL; /* of a comment that did not fit: the next one goes on with it */
    for (uint32_t i = 0; i < comments->leading.len; i++) {
        const char *text = normal_comment(p, comments->leading.at[i]);
        text = rest != NULL ? arena_printf(p->arena, "%s %s", rest, text + 2) : text;
        bool joins = i + 1 < comments->leading.len && gap[i + 1] == 0 && goes_on(comments->leading.at[i + 1]);
        rest = write_fitting(p, text);
        while (rest != NULL && !joins) {
            rest = write_fitting(p, rest);
        }
        write_blanks(p, capped(gap[i + 1], suite));
    }
}

/* Comments at the end of a block. */
static void print_end_comments(struct printer *p, const struct node *block, enum suite suite) {
    uint32_t count = block->comments->inner.len;
    const struct node *last = block->nkids > 0 ? block->kid[block->nkids - 1] : NULL;
    uint32_t *gap = NEW_ARRAY(p->arena, uint32_t, count);
    following_gaps(last, block->comments->inner.at, count, gap);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t blanks = last == NULL && i == 0 ? 0 : capped(gap[i], suite);
        if (i == 0 && last != NULL && is_definition(last)) {
            blanks = most_blanks(suite);
        } else if (i == 0 && suite == SUITE_CLASS && block->nkids == 1 && is_docstring(last, suite)) {
            blanks = 1;
        }
        write_blanks(p, blanks);
        write_comment(p, block->comments->inner.at[i]);
    }
}

/* What is known when a statement of a block is about to be printed. */
struct place {
    const struct node *before; /* NULL for the first */
    enum suite suite;
    bool after_docstring; /* of a module or class */
};

/* Blank lines before a statement or its first comment; gaps between its comments are corrected. */
static uint32_t settle_gaps(const struct place *place, const struct node *stmt, uint32_t *gap, uint32_t comments) {
    uint32_t above = comments_above(gap, comments), written = capped(gap[0], place->suite);
    if (place->before == NULL && above < comments) {
        above = 0;
    }
    if (above > 0 && is_definition(stmt)) {
        gap[above] = most_blanks(place->suite);
    } else if (above > 0 && place->after_docstring) {
        gap[above] = 1;
    }
    if (place->before == NULL) {
        return place->suite == SUITE_OTHER && is_definition(stmt) && comments == 0;
    }
    bool stays = above > 0 && !is_definition(place->before);
    if (stays && !(place->after_docstring && place->suite == SUITE_CLASS)) {
        return written;
    }
    return blanks_between(place->before, stmt, written, place->suite, place->after_docstring);
}

static bool is_one_line(const struct buf *out, size_t start) {
    return memchr(out->at + start, '\n', out->len - start) == out->at + out->len - 1;
}

/* A remark behind a statement that needs its whole line is left out: on a line of its own it would read as the heading
 * of what follows. */
static void print_simple_statement(struct printer *p, const struct node *stmt) {
    size_t start = p->out->len;
    print_statement(p, stmt);
    atom comment = has_trailing_comment(stmt) ? stmt->comments->trailing : NULL;
    if (!p->wrap_comments || comment == NULL || is_compound(stmt) || is_one_line(p->out, start) || is_pragma(comment)) {
        return;
    }
    buf_truncate(p->out, start);
    stmt->comments->trailing = NULL;
    print_statement(p, stmt);
    bool fits = is_one_line(p->out, start);
    buf_truncate(p->out, start);
    if (!fits) {
        stmt->comments->trailing = comment;
    }
    print_statement(p, stmt);
    stmt->comments->trailing = comment;
}

/* The statement begins here; the result is for note_end. */
static uint32_t note_start(struct printer *p, const struct node *stmt) {
    struct printed *printed = p->printed;
    if (printed == NULL) {
        return 0;
    }
    uint32_t at = (uint32_t)p->out->len;
    vec_push(printed->arena, &printed->stmts, ((struct printed_stmt){stmt, {at, at}}));
    return printed->stmts.len - 1;
}

static void note_end(struct printer *p, uint32_t noted) {
    if (p->printed != NULL) {
        p->printed->stmts.at[noted].text.end = (uint32_t)p->out->len;
    }
}

static void print_suite_stmt(struct printer *p, struct place *place, const struct node *stmt) {
    uint32_t comments = has_leading_comments(stmt) ? stmt->comments->leading.len : 0;
    uint32_t few[8] = {0}, *gap = comments < 8 ? few : NEW_ARRAY(p->arena, uint32_t, comments + 1);
    leading_gaps(stmt, gap);
    write_blanks(p, settle_gaps(place, stmt, gap, comments));
    uint32_t noted = note_start(p, stmt);
    if (comments > 0) {
        print_statement_comments(p, stmt, gap, place->suite);
    }
    bool docstring = place->before == NULL && is_docstring(stmt, place->suite);
    if (docstring) {
        print_docstring_stmt(p, stmt);
    } else {
        print_simple_statement(p, stmt);
    }
    note_end(p, noted);
    place->before = stmt;
    place->after_docstring = docstring && place->suite != SUITE_FUNCTION;
}

static void print_suite(struct printer *p, const struct node *block, enum suite suite) {
    struct place place = {.suite = suite};
    for (uint32_t i = 0; i < block->nkids; i++) {
        print_suite_stmt(p, &place, block->kid[i]);
    }
    if (has_inner_comments(block)) {
        print_end_comments(p, block, suite);
    }
}

static void print_block(struct printer *p, const struct node *block, enum suite suite) {
    p->indent += p->docs.indent_width;
    print_suite(p, block, suite);
    p->indent -= p->docs.indent_width;
}

/* -- compound statements ------------------------------------------------------------------------------------------- */

/* The colon and the comment behind it. */
static void end_header(struct printer *p, const struct node *block) {
    put(p, ":");
    if (has_trailing_comment(block)) {
        put_trailing_comment(p, block->comments->trailing);
    }
    flush(p);
}

static void print_clause(struct printer *p, const struct node *stmt, const struct node *block, enum suite suite) {
    demand_parens(p, stmt);
    print_header(p, stmt);
    if ((suite == SUITE_FUNCTION || suite == SUITE_CLASS) && is_ellipsis_body(block)) {
        put(p, ": ...");
        p->inline_comment = has_trailing_comment(block->kid[0]) ? block->kid[0]->comments->trailing : NULL;
        put_inline_comment(p);
        flush(p);
        return;
    }
    end_header(p, block);
    print_block(p, block, suite);
}

/* Comments and a blank line before `elif`, `else`, `except`, `finally`; `holder` is the node with the comments. */
static void print_before_clause(struct printer *p, const struct node *before, const struct node *holder) {
    if (!has_leading_comments(holder)) {
        write_blanks(p, blank_after(before));
        return;
    }
    uint32_t count = holder->comments->leading.len;
    uint32_t *gap = NEW_ARRAY(p->arena, uint32_t, count);
    following_gaps(before->kid[before->nkids - 1], holder->comments->leading.at, count, gap);
    for (uint32_t i = 0; i < count; i++) {
        write_blanks(p, capped(gap[i], SUITE_OTHER));
        write_comment(p, holder->comments->leading.at[i]);
    }
}

static void print_else(struct printer *p, const struct node *before, const char *keyword, const struct node *block) {
    if (block == NULL) {
        return;
    }
    print_before_clause(p, before, block);
    put(p, keyword);
    end_header(p, block);
    print_block(p, block, SUITE_OTHER);
}

static const struct node *elif_of(const struct node *block) {
    bool elif =
        block != NULL && block->nkids == 1 && block->kid[0]->kind == NODE_IF && (block->kid[0]->flags & NF_ELIF);
    return elif ? block->kid[0] : NULL;
}

static void print_if(struct printer *p, const struct node *stmt) {
    const struct node *before = stmt->kid[1], *other = stmt->kid[2], *elif = elif_of(other);
    print_clause(p, stmt, before, SUITE_OTHER);
    if (elif == NULL) {
        print_else(p, before, "else", other);
        return;
    }
    print_before_clause(p, before, has_leading_comments(other) ? other : elif);
    uint32_t noted = note_start(p, elif);
    print_if(p, elif);
    note_end(p, noted);
}

static void print_try(struct printer *p, const struct node *stmt) {
    const struct node *before = stmt->kid[0];
    print_clause(p, stmt, before, SUITE_OTHER);
    for (uint32_t i = 3; i < stmt->nkids; i++) {
        const struct node *handler = stmt->kid[i];
        print_before_clause(p, before, handler);
        print_clause(p, handler, handler->kid[1], SUITE_OTHER);
        before = handler->kid[1];
    }
    print_else(p, before, "else", stmt->kid[1]);
    print_else(p, stmt->kid[1] != NULL ? stmt->kid[1] : before, "finally", stmt->kid[2]);
}

/* Comments between decorators, or between them and the definition, whose parameters or bases carry them. */
static void write_leading_comments(struct printer *p, const struct node *node) {
    for (uint32_t i = 0; i < node->comments->leading.len; i++) {
        write_comment(p, node->comments->leading.at[i]);
    }
}

static void print_definition(struct printer *p, const struct node *stmt) {
    uint32_t first = stmt->kind == NODE_FUNCTION ? 3 : 2;
    for (uint32_t i = first; i < stmt->nkids; i++) {
        if (has_leading_comments(stmt->kid[i])) {
            write_leading_comments(p, stmt->kid[i]);
        }
        demand_parens(p, stmt->kid[i]);
        print_decorator(p, stmt->kid[i]);
        flush(p);
    }
    if (has_leading_comments(stmt->kid[0])) {
        write_leading_comments(p, stmt->kid[0]);
    }
    print_clause(p, stmt, body_of(stmt), stmt->kind == NODE_FUNCTION ? SUITE_FUNCTION : SUITE_CLASS);
}

void print_statement(struct printer *p, const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_FUNCTION:
    case NODE_CLASS: print_definition(p, stmt); break;
    case NODE_IF: print_if(p, stmt); break;
    case NODE_TRY: print_try(p, stmt); break;
    case NODE_FOR:
        print_clause(p, stmt, stmt->kid[2], SUITE_OTHER);
        print_else(p, stmt->kid[2], "else", stmt->kid[3]);
        break;
    case NODE_WHILE:
        print_clause(p, stmt, stmt->kid[1], SUITE_OTHER);
        print_else(p, stmt->kid[1], "else", stmt->kid[2]);
        break;
    case NODE_WITH: print_clause(p, stmt, stmt->kid[0], SUITE_OTHER); break;
    default: print_simple(p, stmt);
    }
}

void print_module(struct printer *p, const struct node *module) {
    print_suite(p, module, SUITE_MODULE);
}
