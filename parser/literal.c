#include "parser/literal.h"

#include <stdlib.h>
#include <string.h>

#include "parser/ast.h"

struct literal literal_split(const char *text, size_t len) {
    struct literal literal = {0};
    const char *at = text, *end = text + len;
    for (; at < end && *at != '"' && *at != '\''; at++) {
        literal.raw |= *at == 'r' || *at == 'R';
        literal.bytes |= *at == 'b' || *at == 'B';
        literal.format |= *at == 'f' || *at == 'F';
    }
    bool triple = end - at >= 3 && at[1] == at[0] && at[2] == at[0];
    literal.quotes = triple ? 3 : 1;
    literal.body = at + literal.quotes;
    literal.len = end - literal.body > literal.quotes ? (size_t)(end - literal.body) - literal.quotes : 0;
    return literal;
}

static size_t utf8_decode(const unsigned char *at, int32_t *code) {
    if (at[0] < 0x80) {
        *code = at[0];
        return 1;
    }
    if (at[0] < 0xE0) {
        *code = (at[0] & 0x1F) << 6 | (at[1] & 0x3F);
        return 2;
    }
    if (at[0] < 0xF0) {
        *code = (at[0] & 0x0F) << 12 | (at[1] & 0x3F) << 6 | (at[2] & 0x3F);
        return 3;
    }
    *code = (at[0] & 0x07) << 18 | (at[1] & 0x3F) << 12 | (at[2] & 0x3F) << 6 | (at[3] & 0x3F);
    return 4;
}

static int digit_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
}

/* Up to `max` digits of a base; the number of them. */
static size_t digits(const char *at, const char *end, size_t max, int base, int32_t *code) {
    size_t count = 0;
    *code = 0;
    for (; count < max && at + count < end && digit_value(at[count]) < base; count++)
        *code = *code * base + digit_value(at[count]);
    return count;
}

/* An escape that is not one stands for its backslash, as in Python. */
static size_t no_escape(int32_t *code) {
    *code = '\\';
    return 1;
}

static size_t hex_escape(const char *at, const char *end, size_t count, int32_t *code) {
    return digits(at + 2, end, count, 16, code) == count ? 2 + count : no_escape(code);
}

static size_t named_escape(const char *at, const char *end, int32_t *code) {
    const char *close = end - at > 2 && at[2] == '{' ? memchr(at, '}', (size_t)(end - at)) : NULL;
    if (close == NULL)
        return no_escape(code);
    *code = LITERAL_NAMED;
    return (size_t)(close + 1 - at);
}

static size_t escape(bool bytes, const char *at, const char *end, int32_t *code) {
    static const char from[] = "\\'\"abfnrtv", to[] = "\\'\"\a\b\f\n\r\t\v";
    char c = at + 1 < end ? at[1] : '\0';
    const char *simple = c == '\0' ? NULL : strchr(from, c);
    if (simple != NULL) {
        *code = to[simple - from];
        return 2;
    }
    if (c >= '0' && c <= '7') {
        size_t len = 1 + digits(at + 1, end, 3, 8, code);
        *code &= bytes ? 0xFF : 0x1FF;
        return len;
    }
    switch (c) {
    case '\n': *code = LITERAL_NOTHING; return 2;
    case 'x': return hex_escape(at, end, 2, code);
    case 'u': return bytes ? no_escape(code) : hex_escape(at, end, 4, code);
    case 'U': return bytes ? no_escape(code) : hex_escape(at, end, 8, code);
    case 'N': return bytes ? no_escape(code) : named_escape(at, end, code);
    default: return no_escape(code);
    }
}

size_t literal_next(const struct literal *literal, const char *at, const char *end, int32_t *code) {
    if (*at == '\\' && !literal->raw)
        return escape(literal->bytes, at, end, code);
    return utf8_decode((const unsigned char *)at, code);
}

void buf_put_utf8(struct buf *buf, uint32_t code) {
    if (code < 0x80) {
        buf_putc(buf, (char)code);
        return;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    buf_putc(buf, (char)(lead[more] | code >> 6 * more));
    while (more-- > 0)
        buf_putc(buf, (char)(0x80 | (code >> 6 * more & 0x3F)));
}

/* False where the text cannot be an atom: a NUL, a lone surrogate, or a character given by name. */
static bool decode(struct buf *out, const struct literal *literal) {
    const char *at = literal->body, *end = at + literal->len;
    while (at < end) {
        int32_t code;
        at += literal_next(literal, at, end, &code);
        if (code == LITERAL_NOTHING)
            continue;
        if (code <= 0 || (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF)
            return false;
        buf_put_utf8(out, (uint32_t)code);
    }
    return true;
}

atom string_value(struct atoms *atoms, const struct node *node) {
    if (node == NULL || node->kind != NODE_STRING)
        return NULL;
    struct literal literal = literal_split(node->atom, strlen(node->atom));
    if (literal.bytes)
        return NULL;
    if (literal.raw || memchr(literal.body, '\\', literal.len) == NULL)
        return intern_len(atoms, literal.body, literal.len);
    struct buf text = {0};
    atom value = decode(&text, &literal) ? intern_len(atoms, text.at == NULL ? "" : text.at, text.len) : NULL;
    buf_free(&text);
    return value;
}

/* Double quotes, as the formatter prefers, unless the text holds more of them than of single ones. */
struct node *make_string(struct arena *arena, struct atoms *atoms, const char *text) {
    size_t doubles = 0, singles = 0;
    for (const char *at = text; *at != '\0'; at++) {
        doubles += *at == '"';
        singles += *at == '\'';
    }
    char quote = doubles > singles ? '\'' : '"';
    struct buf out = {0};
    buf_putc(&out, quote);
    for (const char *at = text; *at != '\0'; at++) {
        const char *special = strchr("\n\r\t", *at);
        if (special == NULL && ((unsigned char)*at < 0x20 || *at == 0x7F)) {
            buf_printf(&out, "\\x%02x", (unsigned)*at);
            continue;
        }
        if (special != NULL || *at == quote || *at == '\\')
            buf_putc(&out, '\\');
        buf_putc(&out, special != NULL ? "nrt"[special - "\n\r\t"] : *at);
    }
    buf_putc(&out, quote);
    struct node *node = node_make(arena, NODE_STRING, intern_len(atoms, out.at, out.len), 0);
    buf_free(&out);
    return node;
}

/* Digits alone, few enough for a double to hold them exactly: most numbers. */
static bool small_number(const char *text, double *out) {
    enum { EXACT = 15 };
    uint64_t number = 0;
    size_t len = 0;
    for (; text[len] >= '0' && text[len] <= '9' && len <= EXACT; len++)
        number = number * 10 + (uint64_t)(text[len] - '0');
    *out = (double)number;
    return text[len] == '\0' && len > 0 && len <= EXACT;
}

bool literal_number(const char *text, double *out) {
    if (small_number(text, out))
        return true;
    char digits[64];
    size_t len = 0;
    for (; *text != '\0'; text++) {
        if (*text == '_')
            continue;
        if (*text == 'j' || *text == 'J' || len + 1 == sizeof digits)
            return false;
        digits[len++] = *text;
    }
    digits[len] = '\0';
    if (len > 1 && digits[0] == '0' && strchr("bBoO", digits[1]) != NULL) {
        *out = (double)strtoull(digits + 2, NULL, strchr("bB", digits[1]) != NULL ? 2 : 8);
        return true;
    }
    char *end;
    *out = strtod(digits, &end);
    return *end == '\0';
}
