/* py_string.c - string, bytes and number literals: prefix, quotes, escapes. */
#include <ctype.h>

#include "emit/printer.h"

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool is_quote(char c) {
    return c == '"' || c == '\'';
}

/* `text` is a whole literal, or the prefix and opening quote of an f-string, whose body is then empty. */
void read_spelling(const char *text, struct spelling *literal) {
    *literal = (struct spelling){.prefix = text};
    while (!is_quote(text[literal->prefix_len])) {
        char c = (char)tolower((unsigned char)text[literal->prefix_len++]);
        literal->raw |= c == 'r';
        literal->bytes |= c == 'b';
        literal->format |= c == 'f' || c == 't';
    }
    const char *open = text + literal->prefix_len;
    size_t len = strlen(open);
    literal->quote = *open;
    literal->triple = len >= 3 && open[1] == *open && open[2] == *open && (len >= 6 || literal->format);
    size_t quotes = literal->triple ? 3 : 1;
    literal->body = open + quotes;
    literal->body_len = len >= 2 * quotes ? (uint32_t)(len - 2 * quotes) : 0;
}

/* -- quotes -------------------------------------------------------------------------------------------------------- */

static uint32_t count_char(const char *text, size_t len, char c) {
    uint32_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += text[i] == c;
    }
    return count;
}

static char other_quote(char quote) {
    return quote == '"' ? '\'' : '"';
}

/* Would the text end a triple-quoted literal that used `quote`? */
static bool ends_triple(const char *text, size_t len, char quote) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == quote) {
            size_t run = 1;
            while (i + run < len && text[i + run] == quote) {
                run++;
            }
            if (run >= 3 || i + run == len) {
                return true;
            }
            i += run;
        }
    }
    return false;
}

static bool has_unescaped(const char *text, size_t len, char quote) {
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\\') {
            i++;
        } else if (text[i] == quote) {
            return true;
        }
    }
    return false;
}

/* The quote that PEP 8 or an enclosing f-string prefers. */
static char preferred_quote(struct printer *p, const struct spelling *literal) {
    bool nested = p->fstring_quote != 0 && (!p->fstring_triple || literal->triple);
    return nested ? other_quote(p->fstring_quote) : '"';
}

char choose_quote(struct printer *p, const struct spelling *literal) {
    char preferred = preferred_quote(p, literal);
    if (literal->triple) {
        return ends_triple(literal->body, literal->body_len, preferred) ? literal->quote : preferred;
    }
    if (literal->raw) {
        return has_unescaped(literal->body, literal->body_len, preferred) ? literal->quote : preferred;
    }
    uint32_t single = count_char(literal->body, literal->body_len, '\'');
    uint32_t twice = count_char(literal->body, literal->body_len, '"');
    return single == twice ? preferred : single > twice ? '"' : '\'';
}

/* -- escapes ------------------------------------------------------------------------------------------------------- */

static size_t hex_digits(char escape, bool bytes) {
    return escape == 'x' ? 2 : bytes ? 0 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
}

static bool all_hex(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!isxdigit((unsigned char)text[i])) {
            return false;
        }
    }
    return true;
}

/* Write the escape at `text`, `len` bytes being left; returns the bytes it took. */
static size_t write_escape(struct buf *out, const char *text, size_t len, const struct spelling *literal, char quote) {
    char c = len > 1 ? text[1] : 0;
    size_t digits = hex_digits(c, literal->bytes);
    if (digits > 0 && len >= 2 + digits && all_hex(text + 2, digits)) {
        buf_write(out, text, 2);
        for (size_t i = 0; i < digits; i++) {
            buf_putc(out, (char)tolower((unsigned char)text[2 + i]));
        }
        return 2 + digits;
    }
    const char *brace = c == 'N' && !literal->bytes && len > 2 && text[2] == '{' ? memchr(text, '}', len) : NULL;
    if (brace != NULL) {
        for (const char *at = text; at <= brace; at++) {
            buf_putc(out, at < text + 3 ? *at : (char)toupper((unsigned char)*at));
        }
        return (size_t)(brace - text) + 1;
    }
    if (!literal->triple && c == other_quote(quote)) {
        buf_putc(out, c);
        return 2;
    }
    buf_write(out, text, len > 1 ? 2 : 1);
    return len > 1 ? 2 : 1;
}

void normalize_content(struct buf *out, const char *text, size_t len, const struct spelling *literal, char quote) {
    for (size_t i = 0; i < len;) {
        if (text[i] == '\r') {
            i++;
            if (i == len || text[i] != '\n') {
                buf_putc(out, '\n');
            }
        } else if (literal->raw) {
            buf_putc(out, text[i++]);
        } else if (text[i] == '\\') {
            i += write_escape(out, text + i, len - i, literal, quote);
        } else {
            if (text[i] == quote && !literal->triple) {
                buf_putc(out, '\\');
            }
            buf_putc(out, text[i++]);
        }
    }
}

void literal_prefix(const struct spelling *literal, char prefix[3]) {
    size_t len = 0;
    if (literal->raw) {
        prefix[len++] = memchr(literal->prefix, 'R', literal->prefix_len) != NULL ? 'R' : 'r';
    }
    if (literal->bytes || literal->format) {
        prefix[len++] = literal->bytes ? 'b' : 'f';
    }
    prefix[len] = 0;
}

static void write_quotes(struct buf *out, char quote, bool triple) {
    buf_repeat(out, quote, triple ? 3 : 1);
}

/* Nothing to change: the usual case, answered without copying. */
static bool is_normal(const struct spelling *literal, char quote) {
    return quote == literal->quote && memchr(literal->body, '\\', literal->body_len) == NULL &&
           memchr(literal->body, '\r', literal->body_len) == NULL && literal->prefix_len == 0;
}

/* The literal with normalised quotes and escapes, in document memory. */
static const char *normal_literal(struct printer *p, const char *text, size_t *len) {
    struct spelling literal;
    read_spelling(text, &literal);
    char quote = choose_quote(p, &literal);
    if (is_normal(&literal, quote)) {
        *len = strlen(text);
        return text;
    }
    struct buf out = {0};
    char prefix[3];
    literal_prefix(&literal, prefix);
    buf_puts(&out, prefix);
    write_quotes(&out, quote, literal.triple);
    normalize_content(&out, literal.body, literal.body_len, &literal, quote);
    write_quotes(&out, quote, literal.triple);
    const char *copy = doc_strndup(&p->docs, out.at, out.len);
    *len = out.len;
    buf_free(&out);
    return copy;
}

void print_string(struct printer *p, const struct node *e) {
    size_t len;
    const char *text = normal_literal(p, e->atom, &len);
    doc_text(&p->docs, text, len);
}

bool string_has_lines(const struct node *e) {
    if (e->kind == NODE_STRING) {
        struct spelling literal;
        read_spelling(e->atom, &literal);
        return literal.triple && strchr(e->atom, '\n') != NULL;
    }
    if (e->kind != NODE_FSTRING && e->kind != NODE_STRINGS) {
        return false;
    }
    for (uint32_t i = 0; i < e->nkids; i++) {
        const struct node *kid = e->kid[i];
        if (kid->kind == NODE_FTEXT ? strchr(kid->atom, '\n') != NULL : string_has_lines(kid)) {
            return true;
        }
    }
    return false;
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

static void write_based_number(struct buf *out, const char *text) {
    buf_putc(out, '0');
    buf_putc(out, (char)tolower((unsigned char)text[1]));
    bool hex = text[1] == 'x' || text[1] == 'X';
    for (const char *at = text + 2; *at != 0; at++) {
        buf_putc(out, hex ? (char)toupper((unsigned char)*at) : *at);
    }
}

/* `.5`, `1.` and `1E+5` become `0.5`, `1.0` and `1e5`. */
static void write_decimal_number(struct buf *out, const char *text) {
    if (text[0] == '.') {
        buf_putc(out, '0');
    }
    for (const char *at = text; *at != 0; at++) {
        char c = (char)tolower((unsigned char)*at);
        if (c == '+') {
            continue;
        }
        buf_putc(out, c);
        if (c == '.' && !isdigit((unsigned char)at[1])) {
            buf_putc(out, '0');
        }
    }
}

void print_number(struct printer *p, const char *text) {
    bool digits = strspn(text, "0123456789_") == strlen(text);
    if (digits) {
        put(p, text);
        return;
    }
    struct buf out = {0};
    if (text[0] == '0' && text[1] != 0 && strchr("xXoObB", text[1]) != NULL) {
        write_based_number(&out, text);
    } else {
        write_decimal_number(&out, text);
    }
    doc_text(&p->docs, doc_strndup(&p->docs, out.at, out.len), out.len);
    buf_free(&out);
}
