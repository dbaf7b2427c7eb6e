/* py_docstring.c - the string that documents a module, class or function.
 *
 * Its lines are moved so that the least indented one stands at the statement's indentation; blanks at line ends go. It
 * is written to the output directly, since nothing in it can be laid out. */
#include "emit/printer.h"

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\r';
}

struct slice {
    const char *at;
    size_t len;
};

static struct slice trim_end(struct slice s) {
    while (s.len > 0 && (is_blank(s.at[s.len - 1]) || s.at[s.len - 1] == '\n')) {
        s.len--;
    }
    return s;
}

static struct slice trim_start(struct slice s) {
    while (s.len > 0 && is_blank(*s.at)) {
        s.at++;
        s.len--;
    }
    return s;
}

/* Take the next line off `rest`; false at the end. */
static bool next_line(struct slice *rest, struct slice *line) {
    if (rest->at == NULL) {
        return false;
    }
    const char *newline = memchr(rest->at, '\n', rest->len);
    *line = (struct slice){rest->at, newline != NULL ? (size_t)(newline - rest->at) : rest->len};
    if (newline != NULL) {
        rest->len -= line->len + 1;
        rest->at = newline + 1;
    } else {
        rest->at = NULL;
    }
    return true;
}

static size_t indent_columns(struct slice line) {
    size_t columns = 0;
    for (size_t i = 0; i < line.len && is_blank(line.at[i]); i++) {
        columns = line.at[i] == '\t' ? (columns / 8 + 1) * 8 : columns + 1;
    }
    return columns;
}

static size_t common_indent(struct slice rest) {
    size_t least = SIZE_MAX;
    struct slice line;
    while (next_line(&rest, &line)) {
        if (trim_end(line).len > 0) {
            size_t columns = indent_columns(line);
            least = columns < least ? columns : least;
        }
    }
    return least == SIZE_MAX ? 0 : least;
}

/* A blank between the text and the closing quotes, where they would melt together. */
static bool needs_space(struct slice text, const struct spelling *literal, char quote) {
    if (text.len == 0) {
        return false;
    }
    if (text.at[text.len - 1] == quote && (literal->triple || !literal->raw)) {
        return literal->triple;
    }
    size_t backslashes = 0;
    while (backslashes < text.len && text.at[text.len - 1 - backslashes] == '\\') {
        backslashes++;
    }
    return backslashes % 2 == 1;
}

static void write_lines(struct printer *p, struct slice rest) {
    size_t strip = common_indent(rest);
    struct slice line;
    while (next_line(&rest, &line)) {
        struct slice text = trim_end(line);
        bool last = rest.at == NULL;
        buf_putc(p->out, '\n');
        if (text.len > 0) {
            buf_repeat(p->out, ' ', p->indent + indent_columns(line) - strip);
            text = trim_start(text);
            buf_write(p->out, text.at, text.len);
        } else if (last) {
            buf_repeat(p->out, ' ', p->indent);
        }
    }
}

static void write_text(struct printer *p, struct slice text, const struct spelling *literal, char quote) {
    struct slice rest = text, first;
    next_line(&rest, &first);
    struct slice line = trim_start(trim_end(first));
    if (line.len > 0 && *line.at == quote) {
        buf_putc(p->out, ' ');
    }
    buf_write(p->out, line.at, line.len);
    if (rest.at == NULL || trim_end(trim_start(rest)).len == 0) {
        if (needs_space(line, literal, quote) || (line.len == 0 && text.len > 0)) {
            buf_putc(p->out, ' ');
        }
        return;
    }
    write_lines(p, rest);
    struct slice tail = text;
    while (tail.len > 0 && is_blank(tail.at[tail.len - 1])) {
        tail.len--;
    }
    if (needs_space(tail, literal, quote)) {
        buf_putc(p->out, ' ');
    }
}

/* A line that ends in a backslash goes on in the next: moving that would change the text. */
static bool has_continuation(const struct buf *text) {
    for (size_t i = 0; i + 1 < text->len; i++) {
        if (text->at[i] == '\\' && text->at[++i] == '\n') {
            return true;
        }
    }
    return false;
}

void print_docstring(struct printer *p, const struct node *string) {
    struct spelling literal;
    read_spelling(string->atom, &literal);
    char quote = choose_quote(p, &literal);
    struct buf text = {0};
    normalize_content(&text, literal.body, literal.body_len, &literal, quote);
    buf_repeat(p->out, ' ', p->indent);
    char prefix[3];
    literal_prefix(&literal, prefix);
    buf_puts(p->out, prefix);
    buf_repeat(p->out, quote, literal.triple ? 3 : 1);
    if (has_continuation(&text)) {
        buf_write(p->out, text.at, text.len);
    } else {
        write_text(p, (struct slice){text.at != NULL ? text.at : "", text.len}, &literal, quote);
    }
    buf_repeat(p->out, quote, literal.triple ? 3 : 1);
    buf_free(&text);
}
