/* syntax_error.c - a place for the first syntax error.
 *
 * tree-sitter repairs and goes on: an ERROR node starts where the repair begins, which can be the first line of the
 * file, and not where the text stopped to be Python. The parser's log says that: `process ... row:R, col:C` before each
 * step, `detect_error` where a reading of the text ends, and `resume` when no reading is left. So a text with an error,
 * and only such a text, is parsed once more with a logger. */
#include "parser/syntax_error.h"

#include <stdio.h>
#include <string.h>

struct probe {
    unsigned row, col;             /* of the step that runs */
    unsigned error_row, error_col; /* of the furthest reading that ended */
    bool done;
};

static void watch(void *payload, TSLogType type, const char *message) {
    struct probe *probe = payload;
    if (probe->done || type != TSLogTypeParse)
        return;
    const char *row = strncmp(message, "process ", 8) == 0 ? strstr(message, "row:") : NULL;
    if (row != NULL) {
        sscanf(row, "row:%u, col:%u", &probe->row, &probe->col);
    } else if (strncmp(message, "detect_error", 12) == 0) {
        bool further =
            probe->row > probe->error_row || (probe->row == probe->error_row && probe->col > probe->error_col);
        if (further) {
            probe->error_row = probe->row;
            probe->error_col = probe->col;
        }
    } else if (strncmp(message, "resume ", 7) == 0) {
        probe->done = true;
    }
}

/* Where the token starts that fits no reading; the reader stands at the end of the one before it. */
static uint32_t find_error(TSParser *parser, const char *text, uint32_t len) {
    struct probe probe = {0};
    ts_parser_set_logger(parser, (TSLogger){&probe, watch});
    ts_tree_delete(ts_parser_parse_string(parser, NULL, text, len));
    ts_parser_set_logger(parser, (TSLogger){0});
    const char *at = text, *end = text + len;
    for (unsigned row = 0; row < probe.error_row && at != NULL; row++)
        at = (at = memchr(at, '\n', (size_t)(end - at))) == NULL ? NULL : at + 1;
    if (at == NULL || (size_t)(end - at) < probe.error_col)
        return len;
    at += probe.error_col;
    while (at < end && strchr(" \t\f\\", *at) != NULL)
        at++;
    return (uint32_t)(at - text);
}

/* The first ERROR or MISSING node in a tree that has one, without recursion. */
static TSNode first_error(TSNode root) {
    TSTreeCursor cursor = ts_tree_cursor_new(root);
    TSNode node = root;
    for (bool more = true; more;) {
        node = ts_tree_cursor_current_node(&cursor);
        if (ts_node_is_error(node) || ts_node_is_missing(node))
            break;
        more = ts_node_has_error(node) ? ts_tree_cursor_goto_first_child(&cursor)
                                       : ts_tree_cursor_goto_next_sibling(&cursor);
    }
    ts_tree_cursor_delete(&cursor);
    return node;
}

static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80) != 0;
}

static uint32_t token_length(const char *text, uint32_t len) {
    uint32_t count = 0;
    while (count < len && in_word(text[count]))
        count++;
    return count > 0 ? count : 1;
}

void report_syntax(struct lower *l, TSParser *parser, TSNode root, uint32_t len) {
    const char *text = l->text + l->base;
    uint32_t at = find_error(parser, text, len);
    uint32_t word = at < len ? token_length(text + at, len - at) : 0;
    struct span span = {l->base + at, l->base + at + word};
    TSNode node = first_error(root);
    const char *name = ts_node_type(node);
    l->failed = true;
    if (ts_node_is_missing(node) && !ts_node_is_named(node) && name[0] != '\0')
        diag_at(l->diags, SEVERITY_ERROR, l->source, span, "syntax", "`%s` is missing before this", name);
    else if (at >= len)
        diag_at(l->diags, SEVERITY_ERROR, l->source, span, "syntax", "the text ends in the middle of a statement");
    else if (text[at] == '\n')
        diag_at(l->diags, SEVERITY_ERROR, l->source, span, "syntax", "the line ends in the middle of a statement");
    else
        diag_at(l->diags, SEVERITY_ERROR, l->source, span, "syntax", "this is not Python: `%.*s` does not fit here",
            (int)word, text + at);
}
