/* py_fstring.c - f-strings, and adjacent literals, which become one if they fit on a line. */
#include "emit/printer.h"

/* -- quotes of an f-string: only its literal text counts ----------------------------------------------------------- */

struct quotes {
    uint32_t single, twice;
};

static void count_quotes(struct quotes *quotes, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        quotes->single += text[i] == '\'';
        quotes->twice += text[i] == '"';
    }
}

static void count_fstring_quotes(struct quotes *quotes, const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        const struct node *kid = e->kid[i];
        if (kid->kind == NODE_FTEXT) {
            count_quotes(quotes, kid->atom, strlen(kid->atom));
        } else if (kid->nkids > 1 && kid->kid[1] != NULL && !(kid->flags & NF_DEBUG)) {
            count_fstring_quotes(quotes, kid->kid[1]);
        }
    }
}

static const char *source_of(const struct node *e, size_t *len) {
    if (e->source == NULL || e->span.end <= e->span.start) {
        return NULL;
    }
    *len = e->span.end - e->span.start;
    return e->source->text + e->span.start;
}

static bool has_quote(const char *text, size_t len) {
    return memchr(text, '"', len) != NULL || memchr(text, '\'', len) != NULL;
}

/* A triple-quoted literal inside a replacement field that holds a quote. */
static bool has_quoted_literal(const struct node *node) {
    if (node->kind == NODE_STRING) {
        struct spelling literal;
        read_spelling(node->atom, &literal);
        return literal.triple && has_quote(literal.body, literal.body_len);
    }
    for (uint32_t i = 0; i < node->nkids; i++) {
        if (node->kid[i] != NULL && has_quoted_literal(node->kid[i])) {
            return true;
        }
    }
    return false;
}

/* Quotes in a field that is printed as it is written, `{x=}`, or in a literal whose quotes cannot be chosen: then the
 * quotes around must stay. */
static bool keeps_quotes(const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        const struct node *kid = e->kid[i];
        size_t len;
        const char *text = kid->flags & NF_DEBUG ? source_of(kid, &len) : NULL;
        if (text != NULL ? has_quote(text, len) : kid->kind == NODE_INTERP && has_quoted_literal(kid)) {
            return true;
        }
    }
    return false;
}

static char fstring_quote(struct printer *p, const struct node *e, const struct spelling *literal) {
    if (keeps_quotes(e)) {
        return literal->quote;
    }
    if (!literal->triple && !literal->raw) {
        struct quotes quotes = {0};
        count_fstring_quotes(&quotes, e);
        if (quotes.single != quotes.twice) {
            return quotes.single > quotes.twice ? '"' : '\'';
        }
    }
    char choice = 0;
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (e->kid[i]->kind == NODE_FTEXT) {
            struct spelling part = *literal;
            part.body = e->kid[i]->atom;
            part.body_len = (uint32_t)strlen(part.body);
            choice = literal->triple || literal->raw ? choose_quote(p, &part) : 0;
            if (choice == literal->quote) {
                break;
            }
        }
    }
    if (choice != 0) {
        return choice;
    }
    struct spelling empty = *literal;
    empty.body_len = 0;
    empty.raw = false;
    return choose_quote(p, &empty);
}

/* -- replacement fields -------------------------------------------------------------------------------------------- */

static void put_normalized(struct printer *p, const char *text, const struct spelling *literal, char quote) {
    struct buf out = {0};
    normalize_content(&out, text, strlen(text), literal, quote);
    if (out.len > 0) {
        doc_text(&p->docs, doc_strndup(&p->docs, out.at, out.len), out.len);
    }
    buf_free(&out);
}

static bool starts_with_brace(const struct node *e) {
    while (!is_wrapped(e)) {
        switch ((enum node_kind)e->kind) {
        case NODE_DICT:
        case NODE_SET:
        case NODE_DICTCOMP:
        case NODE_SETCOMP: return true;
        case NODE_BINOP:
        case NODE_BOOLOP:
        case NODE_COMPARE:
        case NODE_CALL:
        case NODE_ATTRIBUTE:
        case NODE_SUBSCRIPT: e = e->kid[0]; break;
        case NODE_IFEXP: e = e->kid[1]; break;
        default: return false;
        }
    }
    return false;
}

static void print_field(struct printer *p, const struct node *e, const struct spelling *literal, char quote);

static void print_fstring_kids(struct printer *p, const struct node *e, const struct spelling *literal, char quote) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (e->kid[i]->kind == NODE_FTEXT) {
            put_normalized(p, e->kid[i]->atom, literal, quote);
        } else {
            print_field(p, e->kid[i], literal, quote);
        }
    }
}

static void print_field_end(struct printer *p, const struct node *e, const struct spelling *literal, char quote) {
    if (e->atom != NULL) {
        put(p, "!");
        put(p, e->atom);
    }
    if (e->nkids > 1 && e->kid[1] != NULL) {
        put(p, ":");
        print_fstring_kids(p, e->kid[1], literal, quote);
    }
}

static void print_field_inside(struct printer *p, const struct node *e, const struct spelling *literal, char quote) {
    bool spaced = starts_with_brace(e->kid[0]);
    struct level saved = enter_level(p, LEVEL_BRACKET, NULL);
    char outer = p->fstring_quote;
    bool outer_triple = p->fstring_triple;
    p->fstring_quote = quote;
    p->fstring_triple = literal->triple;
    if (spaced) {
        soft_space(p);
    }
    print_expr(p, e->kid[0], PARENS_KEEP);
    print_field_end(p, e, literal, quote);
    if (spaced && e->atom == NULL && (e->nkids < 2 || e->kid[1] == NULL)) {
        soft_space(p);
    }
    p->fstring_quote = outer;
    p->fstring_triple = outer_triple;
    leave_level(p, saved);
}

static bool is_multiline_field(const struct node *e) {
    size_t len;
    const char *text = e->kind == NODE_INTERP ? source_of(e, &len) : NULL;
    return text != NULL && memchr(text, '\n', len) != NULL;
}

static void print_field(struct printer *p, const struct node *e, const struct spelling *literal, char quote) {
    size_t len;
    const char *text = source_of(e, &len);
    if ((e->flags & NF_DEBUG) && text != NULL) {
        doc_text(&p->docs, text, len);
        return;
    }
    put(p, "{");
    bool flat = p->docs.flat;
    p->docs.flat = true;
    print_field_inside(p, e, literal, quote);
    p->docs.flat = flat;
    put(p, "}");
}

static void print_multiline_field(struct printer *p, const struct node *e, const struct spelling *literal, char quote) {
    bool spec = e->nkids > 1 && e->kid[1] != NULL;
    put(p, "{");
    begin(p, DOC_GROUP, NULL);
    begin(p, DOC_INDENT, NULL);
    soft(p);
    print_field_inside(p, e, literal, quote);
    end(p, DOC_INDENT);
    if (!spec) {
        soft(p);
    }
    end(p, DOC_GROUP);
    put(p, "}");
}

static bool has_multiline_field(const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (is_multiline_field(e->kid[i])) {
            return true;
        }
    }
    return false;
}

static void put_prefix(struct printer *p, const struct spelling *literal) {
    char prefix[3];
    literal_prefix(literal, prefix);
    put(p, doc_strndup(&p->docs, prefix, strlen(prefix)));
}

static void put_quotes(struct printer *p, char quote, bool triple) {
    put(p, triple ? (quote == '"' ? "\"\"\"" : "'''") : (quote == '"' ? "\"" : "'"));
}

void print_fstring(struct printer *p, const struct node *e) {
    struct spelling literal;
    read_spelling(e->atom, &literal);
    char quote = fstring_quote(p, e, &literal);
    bool multiline = !p->docs.flat && has_multiline_field(e);
    put_prefix(p, &literal);
    put_quotes(p, quote, literal.triple);
    for (uint32_t i = 0; i < e->nkids; i++) {
        const struct node *kid = e->kid[i];
        if (kid->kind == NODE_FTEXT) {
            put_normalized(p, kid->atom, &literal, quote);
        } else if (multiline && !(kid->flags & NF_DEBUG)) {
            print_multiline_field(p, kid, &literal, quote);
        } else {
            print_field(p, kid, &literal, quote);
        }
    }
    put_quotes(p, quote, literal.triple);
}

/* -- adjacent literals --------------------------------------------------------------------------------------------- */

bool can_join_strings(struct printer *p, const struct node *e) {
    (void)p;
    bool bytes = false;
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct spelling literal;
        read_spelling(e->kid[i]->atom, &literal);
        if (literal.triple || literal.raw || e->kid[i]->comments != NULL || string_has_lines(e->kid[i]) ||
            (e->kid[i]->kind == NODE_FSTRING && keeps_quotes(e->kid[i]))) {
            return false;
        }
        if (strchr(e->kid[i]->atom, '\n') != NULL || (i > 0 && literal.bytes != bytes)) {
            return false;
        }
        bytes = literal.bytes;
    }
    return true;
}

static char joined_quote(struct printer *p, const struct node *e) {
    struct quotes quotes = {0};
    struct spelling literal;
    for (uint32_t i = 0; i < e->nkids; i++) {
        const struct node *part = e->kid[i];
        if (part->kind == NODE_FSTRING) {
            count_fstring_quotes(&quotes, part);
        } else {
            read_spelling(part->atom, &literal);
            count_quotes(&quotes, literal.body, literal.body_len);
        }
    }
    if (quotes.single != quotes.twice) {
        return quotes.single > quotes.twice ? '"' : '\'';
    }
    read_spelling(e->kid[0]->atom, &literal);
    literal.body_len = 0;
    return choose_quote(p, &literal);
}

static void join_plain(struct printer *p, const struct node *part, bool format, char quote) {
    struct spelling literal;
    read_spelling(part->atom, &literal);
    struct buf out = {0};
    normalize_content(&out, literal.body, literal.body_len, &literal, quote);
    struct buf escaped = {0};
    for (size_t i = 0; i < out.len; i++) {
        buf_putc(&escaped, out.at[i]);
        if (format && (out.at[i] == '{' || out.at[i] == '}')) {
            buf_putc(&escaped, out.at[i]);
        }
    }
    if (escaped.len > 0) {
        doc_text(&p->docs, doc_strndup(&p->docs, escaped.at, escaped.len), escaped.len);
    }
    buf_free(&out);
    buf_free(&escaped);
}

bool print_strings_joined(struct printer *p, const struct node *e) {
    if (!can_join_strings(p, e)) {
        return false;
    }
    bool format = false;
    struct spelling literal;
    for (uint32_t i = 0; i < e->nkids; i++) {
        format |= e->kid[i]->kind == NODE_FSTRING;
    }
    read_spelling(e->kid[0]->atom, &literal);
    char quote = joined_quote(p, e);
    put(p, literal.bytes ? "b" : format ? "f" : "");
    put_quotes(p, quote, false);
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (e->kid[i]->kind == NODE_FSTRING) {
            print_fstring_kids(p, e->kid[i], &(struct spelling){.format = true}, quote);
        } else {
            join_plain(p, e->kid[i], format, quote);
        }
    }
    put_quotes(p, quote, false);
    return true;
}

/* Were the parts written on lines of their own? */
static bool on_several_lines(const struct node *e) {
    for (uint32_t i = 0; i + 1 < e->nkids; i++) {
        const struct node *a = e->kid[i], *b = e->kid[i + 1];
        if (a->source == NULL || a->source != b->source || a->span.end > b->span.start) {
            return true;
        }
        if (memchr(a->source->text + a->span.end, '\n', b->span.start - a->span.end) != NULL) {
            return true;
        }
    }
    return false;
}

static void print_apart(struct printer *p, const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (i > 0) {
            soft_space_in_brackets(p);
        }
        print_expr(p, e->kid[i], PARENS_NEVER);
    }
}

/* The parts without a group around them: joined where the enclosing group is flat. */
void print_strings_parts(struct printer *p, const struct node *e) {
    if (!can_join_strings(p, e)) {
        if (on_several_lines(e)) {
            break_parent(p);
        }
        print_apart(p, e);
        return;
    }
    begin(p, DOC_IF_FLAT, NULL);
    bool flat = p->docs.flat;
    p->docs.flat = true;
    print_strings_joined(p, e);
    p->docs.flat = flat;
    end(p, DOC_IF_FLAT);
    begin(p, DOC_IF_BROKEN, NULL);
    print_apart(p, e);
    end(p, DOC_IF_BROKEN);
}

void print_strings(struct printer *p, const struct node *e) {
    enum doc_kind group = begin_group_in_brackets(p);
    print_strings_parts(p, e);
    end_group_in_brackets(p, group);
}
