/* lower_string.c - string literals. A plain literal is one atom and is not entered; an f-string is cut into text and
 * replacement fields by position, since the grammar's own pieces of text are finer than ours. */
#include <string.h>

#include "parser/literal.h"
#include "parser/lower.h"

static struct node *text_node(struct lower *l, uint32_t start, uint32_t end) {
    struct node *node = node_at(l, NODE_FTEXT, (struct span){start, end});
    node->atom = text_of(l, node->span);
    return node;
}

static void push_text(struct lower *l, uint32_t start, uint32_t end) {
    if (end > start)
        push(l, text_node(l, start, end));
}

static struct node *interpolation(struct lower *l);

/* The parts of a format specifier; the text after its last field ends where `}` closes the outer one, which the caller
 * finds. Returns where that text starts. */
static uint32_t push_format(struct lower *l) {
    uint32_t at = l->span.start + 1;
    must_down(l);
    while (next(l)) {
        if (l->here != CST_FORMAT_EXPRESSION)
            continue;
        struct span field = l->span;
        push_text(l, at, field.start);
        push(l, interpolation(l));
        at = field.end;
    }
    up(l);
    return at;
}

/* In `{x:=5}` the grammar sees a walrus, Python a format: only parentheses make it an expression. */
static bool bare_walrus(const struct node *value) {
    return value->kind == NODE_NAMEDEXPR && !(value->flags & NF_PAREN);
}

static struct node *format_of_walrus(struct lower *l, struct node *interp, uint32_t end) {
    struct node *walrus = interp->kid[0];
    uint32_t colon = walrus->kid[0]->span.end;
    while (l->text[colon] != ':')
        colon++;
    interp->kid[0] = walrus->kid[0];
    struct node *format = node_with(l, NODE_FSTRING, (struct span){colon, end}, 1);
    format->kid[0] = text_node(l, colon + 1, end);
    return format;
}

static struct node *interpolation(struct lower *l) {
    struct node *node = node_with(l, NODE_INTERP, l->span, 2);
    uint32_t mark = l->pending.len, format_at = 0;
    struct node *format = NULL;
    if (!deeper(l))
        return placeholder(l);
    must_down(l);
    must_next(l);
    node->kid[0] = lower_expr(l);
    while (next(l)) {
        if (l->here == CST_EQUALS) {
            node->flags |= NF_DEBUG;
        } else if (l->here == CST_TYPE_CONVERSION) {
            node->atom = text_of(l, (struct span){l->span.start + 1, l->span.end});
        } else if (l->here == CST_FORMAT_SPECIFIER) {
            format = node_at(l, NODE_FSTRING, l->span);
            format_at = push_format(l);
        } else if (l->here == CST_RBRACE && format != NULL) {
            push_text(l, format_at, l->span.start);
            format->span.end = l->span.start;
            take(l, format, mark);
        } else if (l->here == CST_RBRACE && bare_walrus(node->kid[0])) {
            format = format_of_walrus(l, node, l->span.start);
        }
    }
    up(l);
    shallower(l);
    node->kid[1] = format;
    return node;
}

static struct node *format_string(struct lower *l) {
    struct node *node = node_at(l, NODE_FSTRING, l->span);
    uint32_t mark = l->pending.len, at = 0, quotes = 1;
    must_down(l);
    do {
        struct span span = l->span;
        if (l->here == CST_STRING_START) {
            node->atom = text_here(l);
            quotes = literal_split(node->atom, span.end - span.start).quotes;
            at = span.end;
        } else if (l->here == CST_INTERPOLATION) {
            push_text(l, at, span.start);
            push(l, interpolation(l));
            at = span.end;
        } else if (l->here == CST_STRING_END) {
            /* In a raw string the token can begin before the quotes, with an escape that stands right before them. */
            push_text(l, at, span.end - quotes);
        }
    } while (next(l));
    up(l);
    take(l, node, mark);
    return node;
}

/* Prefixes of Python 3, in lower case. */
static bool prefix_known(const char *prefix, uint32_t len) {
    static const char *const known[] = {"", "r", "u", "b", "f", "br", "rb", "fr", "rf"};
    char lower[3] = {0};
    for (uint32_t i = 0; i < len && i < 3; i++)
        lower[i] = (char)(prefix[i] | 0x20);
    for (size_t i = 0; len < 3 && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(lower, known[i]) == 0)
            return true;
    return false;
}

struct node *lower_string(struct lower *l) {
    const char *text = l->text + l->span.start;
    uint32_t prefix = 0;
    bool format = false;
    if (memchr(text, '`', 3) != NULL && l->text[l->span.end - 1] == '`')
        return refuse(l, l->span, "backquotes are Python 2", "write `repr(...)`");
    for (; text[prefix] != '"' && text[prefix] != '\''; prefix++)
        format = format || text[prefix] == 'f' || text[prefix] == 'F';
    if (prefix > 0 && !prefix_known(text, prefix))
        return refuse(l, l->span, "this prefix of a string is not Python 3", NULL);
    if (format)
        return format_string(l);
    struct node *node = node_at(l, NODE_STRING, l->span);
    node->atom = text_here(l);
    return node;
}

struct node *lower_strings(struct lower *l) {
    struct node *node = node_at(l, NODE_STRINGS, l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    do
        push(l, lower_string(l));
    while (next(l));
    up(l);
    take(l, node, mark);
    return node;
}
