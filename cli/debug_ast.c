/* debug_ast.c - `adgen debug-ast [--spans] FILE...`: the tree of each file as text, one line for each statement.
 *
 * tests/test_roundtrip.py writes Python's own ast in the same form and compares, so what differs in shape is brought to
 * Python's here: constants are values (strings decoded and joined, floats as bits), adjacent text in f-strings is
 * merged. With --spans, expressions and statements carry their bytes; not inside f-strings, where Python's are not
 * exact. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "cli/cli.h"
#include "parser/literal.h"
#include "parser/parse.h"

struct dump {
    struct buf out;
    bool spans;
    uint32_t format; /* f-strings around */
};

static void dump(struct dump *d, const struct node *node);

static bool is_decorated(const struct node *node) {
    return (node->kind == NODE_FUNCTION && node->nkids > 3) || (node->kind == NODE_CLASS && node->nkids > 2);
}

static void open_node(struct dump *d, const char *name, const struct node *node) {
    buf_putc(&d->out, '(');
    buf_puts(&d->out, name);
    if (!d->spans || d->format > 0 || !(node_is_expr(node) || node_is_stmt(node)))
        return;
    if (is_decorated(node)) /* our span starts at the first decorator, Python's at the word */
        buf_printf(&d->out, "@-%u", node->span.end);
    else
        buf_printf(&d->out, "@%u-%u", node->span.start, node->span.end);
}

static void word(struct dump *d, const char *text) {
    buf_putc(&d->out, ' ');
    buf_puts(&d->out, text == NULL ? "_" : text);
}

static void dump_kids(struct dump *d, const struct node *node, uint32_t from) {
    for (uint32_t i = from; i < node->nkids; i++) {
        buf_putc(&d->out, ' ');
        dump(d, node->kid[i]);
    }
}

/* -- strings ------------------------------------------------------------------------------------------------------- */

/* As Python's codec `unicode_escape` writes it. */
static void put_escaped(struct buf *out, uint32_t code) {
    if (code == '\\' || code == '\n' || code == '\r' || code == '\t')
        buf_printf(out, "\\%c", code == '\n' ? 'n' : code == '\r' ? 'r' : code == '\t' ? 't' : '\\');
    else if (code >= 0x20 && code < 0x7F)
        buf_putc(out, (char)code);
    else
        buf_printf(out, code < 0x100 ? "\\x%02x" : code < 0x10000 ? "\\u%04x" : "\\U%08x", code);
}

/* `in_format`: braces are doubled. */
static void put_decoded(struct buf *out, const struct literal *literal, bool in_format) {
    const char *at = literal->body, *end = at + literal->len;
    while (at < end) {
        int32_t code;
        size_t step = literal_next(literal, at, end, &code);
        if (code == LITERAL_NAMED)
            buf_write(out, at, step);
        else if (code != LITERAL_NOTHING)
            put_escaped(out, (uint32_t)code);
        at += step;
        if (in_format && (code == '{' || code == '}') && step == 1 && at < end && *at == (char)code)
            at++;
    }
}

/* Pieces of an f-string: text gathers in `text` until a field or the end flushes it. */
static void flush_text(struct dump *d, struct buf *text) {
    if (text->len > 0)
        buf_printf(&d->out, " \"%s\"", text->at);
    buf_truncate(text, 0);
}

static void dump_fstring(struct dump *d, const struct node *node, struct literal style, struct buf *text);

static void debug_text(const struct node *interp, struct buf *text) {
    const char *source = interp->source->text;
    uint32_t at = interp->span.start + 1, end = interp->kid[0]->span.end;
    while (source[end] != '=')
        end++;
    for (end++; strchr(" \t\n", source[end]) != NULL; end++) {
    }
    struct literal raw = {.raw = true, .body = source + at, .len = end - at};
    put_decoded(text, &raw, false);
}

static void dump_interp(struct dump *d, const struct node *node, struct literal style, struct buf *text) {
    if (node->flags & NF_DEBUG)
        debug_text(node, text);
    flush_text(d, text);
    buf_puts(&d->out, " (FormattedValue ");
    dump(d, node->kid[0]);
    bool plain = node->atom == NULL && node->kid[1] == NULL;
    word(d, node->flags & NF_DEBUG && plain ? "r" : node->atom);
    if (node->kid[1] != NULL) {
        struct buf inner = {0};
        buf_puts(&d->out, " (JoinedStr");
        dump_fstring(d, node->kid[1], style, &inner);
        flush_text(d, &inner);
        buf_puts(&d->out, ")");
        buf_free(&inner);
    }
    buf_putc(&d->out, ')');
}

static void dump_fstring(struct dump *d, const struct node *node, struct literal style, struct buf *text) {
    d->format++;
    for (uint32_t i = 0; i < node->nkids; i++) {
        const struct node *part = node->kid[i];
        if (part->kind == NODE_INTERP) {
            dump_interp(d, part, style, text);
            continue;
        }
        style.body = part->atom;
        style.len = strlen(part->atom);
        put_decoded(text, &style, true);
    }
    d->format--;
}

/* STRING, FSTRING, or STRINGS of them. */
static void dump_strings(struct dump *d, const struct node *node) {
    struct node *const *part = node->kind == NODE_STRINGS ? node->kid : (struct node *const *)&node;
    uint32_t parts = node->kind == NODE_STRINGS ? node->nkids : 1;
    struct buf text = {0};
    bool format = false, bytes = false;
    for (uint32_t i = 0; i < parts; i++)
        format = format || part[i]->kind == NODE_FSTRING;
    open_node(d, format ? "JoinedStr" : "Constant", node);
    for (uint32_t i = 0; i < parts; i++) {
        struct literal literal = literal_split(part[i]->atom, strlen(part[i]->atom));
        bytes = literal.bytes;
        if (part[i]->kind == NODE_FSTRING)
            dump_fstring(d, part[i], literal, &text);
        else
            put_decoded(&text, &literal, false);
    }
    if (format)
        flush_text(d, &text);
    else
        buf_printf(&d->out, " %s\"%s\"", bytes ? "b" : "", text.at == NULL ? "" : text.at);
    buf_putc(&d->out, ')');
    buf_free(&text);
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

/* Integers in decimal where they fit 64 bits; floats as their bits. */
static void dump_number(struct dump *d, const struct node *node) {
    char digits[256];
    size_t len = 0;
    for (const char *at = node->atom; *at != '\0' && len < sizeof digits - 1; at++)
        if (*at != '_')
            digits[len++] = *at;
    digits[len] = '\0';
    bool imaginary = len > 0 && (digits[len - 1] | 0x20) == 'j';
    if (imaginary)
        digits[--len] = '\0';
    char base = (char)(digits[0] == '0' ? digits[1] | 0x20 : 0);
    bool prefixed = base == 'x' || base == 'o' || base == 'b';
    open_node(d, "Constant", node);
    if (!prefixed && (imaginary || strpbrk(digits, ".eE") != NULL)) {
        double value = strtod(digits, NULL);
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        buf_printf(&d->out, " %c%016llx)", imaginary ? 'j' : 'f', (unsigned long long)bits);
        return;
    }
    errno = 0;
    int radix = base == 'x' ? 16 : base == 'o' ? 8 : base == 'b' ? 2 : 10;
    unsigned long long value = strtoull(digits + (prefixed ? 2 : 0), NULL, radix);
    if (errno == 0)
        buf_printf(&d->out, " %llu)", value);
    else
        buf_puts(&d->out, " big)");
}

/* -- nodes --------------------------------------------------------------------------------------------------------- */

static void dump_block(struct dump *d, const struct node *node) {
    buf_putc(&d->out, '[');
    for (uint32_t i = 0; i < node->nkids; i++) {
        buf_putc(&d->out, '\n');
        dump(d, node->kid[i]);
    }
    buf_putc(&d->out, ']');
}

static void dump_compare(struct dump *d, const struct node *node) {
    open_node(d, "Compare", node);
    for (uint32_t i = 0; i < node->nkids; i++) {
        if (i > 0)
            word(d, op_text(node->ops[i - 1]));
        buf_putc(&d->out, ' ');
        dump(d, node->kid[i]);
    }
    buf_putc(&d->out, ')');
}

/* In Python's ast the names are strings, without a place. */
static void dump_names(struct dump *d, const struct node *node) {
    open_node(d, node_kind_name(node->kind), node);
    for (uint32_t i = 0; i < node->nkids; i++)
        word(d, node->kid[i]->atom);
    buf_putc(&d->out, ')');
}

/* Kind, flags that mean something, operator, level, atom, children. */
static void dump_plain(struct dump *d, const struct node *node) {
    open_node(d, node_kind_name(node->kind), node);
    if (node->flags & NF_ASYNC)
        word(d, "async");
    if (node->flags & NF_STAR)
        word(d, "star");
    if (node->op != OP_NO && node->op != PARAM_PLAIN)
        word(d, op_text(node->op));
    if (node->level > 0)
        buf_printf(&d->out, " %u", node->level);
    if (node->atom != NULL)
        word(d, node->atom);
    if (node->asname != NULL)
        word(d, node->asname);
    if (node->kind == NODE_ANNASSIGN && is_kind(node->kid[0], NODE_NAME) && !(node->kid[0]->flags & NF_PAREN))
        word(d, "simple");
    dump_kids(d, node, 0);
    buf_putc(&d->out, ')');
}

static void dump(struct dump *d, const struct node *node) {
    if (node == NULL) {
        buf_putc(&d->out, '_');
        return;
    }
    switch (node->kind) {
    case NODE_MODULE:
    case NODE_BLOCK: dump_block(d, node); break;
    case NODE_COMPARE: dump_compare(d, node); break;
    case NODE_NUMBER: dump_number(d, node); break;
    case NODE_STRING:
    case NODE_FSTRING:
    case NODE_STRINGS: dump_strings(d, node); break;
    case NODE_GLOBAL:
    case NODE_NONLOCAL: dump_names(d, node); break;
    case NODE_MATCH:
        open_node(d, "Match", node);
        buf_putc(&d->out, ')');
        break;
    default: dump_plain(d, node);
    }
}

/* One file; a separator line follows its dump. False with diagnostics printed. */
static bool dump_file(struct parser *parser, const char *path, bool spans) {
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct diags *diags = diags_create(arena);
    struct source *source = source_read(arena, atoms, diags, path);
    struct node *tree = source == NULL ? NULL : parse_module(parser, arena, atoms, diags, source);
    struct dump d = {.spans = spans};
    if (tree != NULL)
        dump(&d, tree);
    buf_puts(&d.out, "\n=====\n");
    fwrite(d.out.at, 1, d.out.len, stdout);
    buf_free(&d.out);
    uint32_t count;
    struct diag **list = diags_sorted(diags, &count);
    for (uint32_t i = 0; i < count; i++)
        diag_print(stderr, list[i], false);
    arena_destroy(arena);
    return tree != NULL;
}

int debug_ast_main(int argc, char **argv) {
    int at = 1;
    bool spans = argc > 1 && strcmp(argv[1], "--spans") == 0, ok = true;
    if (spans)
        at++;
    if (at == argc) {
        fputs("usage: adgen debug-ast [--spans] FILE...\n", stderr);
        return 2;
    }
    struct parser *parser = parser_create();
    for (; at < argc; at++)
        ok = dump_file(parser, argv[at], spans) && ok;
    parser_destroy(parser);
    return ok ? 0 : 1;
}
