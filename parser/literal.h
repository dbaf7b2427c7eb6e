/* literal.h - the spelling of literals: prefix, quotes and escapes of strings; digits of numbers. */
#ifndef ADGEN_PARSER_LITERAL_H
#define ADGEN_PARSER_LITERAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct literal {
    bool raw, bytes, format;
    uint8_t quotes;   /* 1 or 3 */
    const char *body; /* between the quotes */
    size_t len;
};

/* Take a literal as written apart; `text` must be one. For an f-string's opening (`f"`) the body is empty. */
struct literal literal_split(const char *text, size_t len);

/* One code point (or byte, in a bytes literal), and how many bytes of `at` spell it; *code is LITERAL_NAMED for
 * `\N{...}`, LITERAL_NOTHING for a line continuation. */
enum { LITERAL_NAMED = -1, LITERAL_NOTHING = -2 };
size_t literal_next(const struct literal *literal, const char *at, const char *end, int32_t *code);

/* The number that a literal spells, underscores and prefixes included; false for a complex one. */
bool literal_number(const char *text, double *out);

void buf_put_utf8(struct buf *buf, uint32_t code);

#endif
