/* py_comments.c - comments, and the blank lines that the source has around them. */
#include "emit/printer.h"

bool has_leading_comments(const struct node *node) {
    return node->comments != NULL && node->comments->leading.len > 0;
}

bool has_trailing_comment(const struct node *node) {
    return node->comments != NULL && node->comments->trailing != NULL;
}

bool has_inner_comments(const struct node *node) {
    return node->comments != NULL && node->comments->inner.len > 0;
}

/* The comment with one blank after the `#` and none at its end. */
const char *normal_comment(struct printer *p, const char *comment) {
    size_t len = strlen(comment);
    while (len > 1 && strchr(" \t\r\f", comment[len - 1]) != NULL) {
        len--;
    }
    const char *text = comment + 1;
    size_t rest = len - 1;
    static const char nbsp[] = "\xc2\xa0";
    bool hard_blank = rest >= 2 && memcmp(text, nbsp, 2) == 0;
    if (hard_blank && (rest == 2 || text[2] == ' ')) {
        return memcpy(doc_strndup(&p->docs, comment + 2, len - 2), "#", 1);
    }
    if (rest == 0 || strchr(" !:#'", *text) != NULL) {
        return doc_strndup(&p->docs, comment, len);
    }
    char *copy = doc_alloc(&p->docs, len + 2);
    memcpy(copy, "# ", 2);
    memcpy(copy + 2, text, rest);
    copy[len + 1] = 0;
    return copy;
}

/* Comments for other tools do not count towards the width of their line. */
bool is_pragma(const char *comment) {
    static const char *const words[] = {"noqa", "NOQA", "NoQA",
        "type:", "pyright:", "pyrefly:", "pylint:", "flake8:", "ruff:", "isort:", "nosec", "ty:"};
    const char *text = comment + strspn(comment, "# ");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strncmp(text, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

void put_trailing_comment(struct printer *p, atom comment) {
    const char *text = normal_comment(p, comment);
    size_t len = strlen(text);
    char *spaced = doc_alloc(&p->docs, len + 3);
    memcpy(spaced, "  ", 2);
    memcpy(spaced + 2, text, len + 1);
    doc_suffix(&p->docs, spaced, len + 2, is_pragma(text) ? 0 : text_columns(spaced, len + 2));
}

/* -- lines of the source ------------------------------------------------------------------------------------------- */

/* A line of the source, seen from the offset of its first byte. */
struct line {
    const char *at, *end; /* without leading and trailing blanks */
};

static struct line line_at(const struct source *source, uint32_t start) {
    const char *at = source->text + start, *stop = source->text + source->len;
    const char *newline = memchr(at, '\n', (size_t)(stop - at));
    struct line line = {at, newline != NULL ? newline : stop};
    while (line.at < line.end && strchr(" \t\r\f", *line.at) != NULL) {
        line.at++;
    }
    while (line.end > line.at && strchr(" \t\r\f", line.end[-1]) != NULL) {
        line.end--;
    }
    return line;
}

static uint32_t line_start(const struct source *source, uint32_t offset) {
    while (offset > 0 && source->text[offset - 1] != '\n') {
        offset--;
    }
    return offset;
}

static uint32_t next_line(const struct source *source, uint32_t offset) {
    while (offset < source->len && source->text[offset] != '\n') {
        offset++;
    }
    return offset < source->len ? offset + 1 : offset;
}

/* Blank lines between the line of `offset` and the line before that is not blank, whose offset goes to *above. At the
 * start of the file, *above is UINT32_MAX. */
static uint32_t blanks_above(const struct source *source, uint32_t offset, uint32_t *above) {
    uint32_t blanks = 0;
    for (uint32_t start = line_start(source, offset); start > 0; blanks++) {
        start = line_start(source, start - 1);
        struct line line = line_at(source, start);
        if (line.at < line.end) {
            *above = start;
            return blanks;
        }
    }
    *above = UINT32_MAX;
    return blanks;
}

static bool is_line(struct line line, const char *comment) {
    size_t len = (size_t)(line.end - line.at);
    return strncmp(line.at, comment, len) == 0 && strspn(comment + len, " \t\r\f") == strlen(comment + len);
}

/* -- comments inside brackets -------------------------------------------------------------------------------------- */

/* Comments on lines of their own before an expression inside brackets; each node's are written once. */
void print_leading_comments(struct printer *p, const struct node *node) {
    if (!has_leading_comments(node) || p->commented == node) {
        return;
    }
    p->commented = node;
    for (uint32_t i = p->opened == node; i < node->comments->leading.len; i++) {
        put(p, normal_comment(p, node->comments->leading.at[i]));
        hard(p);
    }
}

/* Does the line of the source from `start` end in an opening bracket and this comment? */
static bool opens_with(const struct source *source, uint32_t start, const char *comment) {
    struct line line = line_at(source, start);
    size_t len = strlen(comment);
    while (len > 0 && strchr(" \t\r\f", comment[len - 1]) != NULL) {
        len--;
    }
    if ((size_t)(line.end - line.at) <= len || memcmp(line.end - len, comment, len) != 0) {
        return false;
    }
    const char *at = line.end - len - 1;
    while (at > line.at && strchr(" \t", *at) != NULL) {
        at--;
    }
    return strchr("([{", *at) != NULL;
}

static bool stands_behind_bracket(const struct node *first) {
    uint32_t at = first->span.start, above = UINT32_MAX;
    for (uint32_t i = first->comments->leading.len; i > 0; i--) {
        blanks_above(first->source, at, &above);
        if (above == UINT32_MAX ||
            (i > 1 && !is_line(line_at(first->source, above), first->comments->leading.at[i - 1]))) {
            return false;
        }
        at = above;
    }
    return opens_with(first->source, at, first->comments->leading.at[0]);
}

void print_opening_comment(struct printer *p, const struct node *first) {
    if (first != NULL && has_leading_comments(first) && first->source != NULL && stands_behind_bracket(first)) {
        put_trailing_comment(p, first->comments->leading.at[0]);
        p->opened = first;
    }
}

/* -- blank lines --------------------------------------------------------------------------------------------------- */

/* The gaps that the flags of a tree without source tell of. */
static void gaps_of_flags(const struct node *stmt, uint32_t *gap, uint32_t count) {
    gap[0] = (stmt->flags & NF_BLANK) != 0;
    for (uint32_t i = 1; i < count; i++) {
        gap[i] = i < 64 && (stmt->comments->blank_before_leading >> i & 1);
    }
    if (count > 0) {
        gap[count] = stmt->comments->blank_after_leading;
    }
}

/* gap[i]: blank lines before the i-th leading comment of a statement; gap[count]: before the statement itself. */
void leading_gaps(const struct node *stmt, uint32_t *gap) {
    uint32_t count = has_leading_comments(stmt) ? stmt->comments->leading.len : 0;
    gaps_of_flags(stmt, gap, count);
    if (stmt->source == NULL || (!(stmt->flags & NF_BLANK) && count == 0)) {
        return;
    }
    uint32_t at = stmt->span.start, above = 0;
    for (uint32_t i = count;; i--) {
        uint32_t blanks = blanks_above(stmt->source, at, &above);
        bool moved =
            i > 0 && (above == UINT32_MAX || !is_line(line_at(stmt->source, above), stmt->comments->leading.at[i - 1]));
        if (moved || (i == 0 && !(stmt->flags & NF_BLANK))) { /* a comment that stood elsewhere: the flags know */
            return;
        }
        gap[i] = blanks;
        at = above;
        if (i == 0) {
            return;
        }
    }
}

/* gap[i]: blank lines before the i-th of `count` comments that follow the statement `last` in the source. */
void following_gaps(const struct node *last, const atom *comment, uint32_t count, uint32_t *gap) {
    memset(gap, 0, count * sizeof *gap);
    if (last == NULL || last->source == NULL) {
        return;
    }
    uint32_t at = next_line(last->source, last->span.end), blanks = 0, found = 0;
    while (at < last->source->len && found < count) {
        struct line line = line_at(last->source, at);
        if (line.at == line.end) {
            blanks++;
        } else if (is_line(line, comment[found])) {
            gap[found++] = blanks;
            blanks = 0;
        } else if (found > 0 || *line.at != '#') {
            return;
        } else {
            blanks = 0;
        }
        at = next_line(last->source, at);
    }
}

/* Is there a blank line directly after a block whose last statement is `last`, and its comments? */
bool blank_after(const struct node *block) {
    const struct node *last = block->nkids > 0 ? block->kid[block->nkids - 1] : NULL;
    if (last == NULL || last->source == NULL) {
        return false;
    }
    const struct source *source = last->source;
    uint32_t at = next_line(source, last->span.end);
    bool blank = false;
    while (at < source->len) {
        struct line line = line_at(source, at);
        if (line.at < line.end && *line.at != '#') {
            break;
        }
        blank = line.at == line.end;
        at = next_line(source, at);
    }
    return blank;
}
