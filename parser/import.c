/* import.c - a scanner for `import a.b as c` and `from ..a import (b, c as d)`. */
#include "parser/import.h"

#include <string.h>

#include "base/text.h"

struct reader {
    struct arena *arena;
    struct atoms *atoms;
    struct source *source;
    const char *at, *end;
    bool bracketed; /* lines may end between words */
};

static void skip_blanks(struct reader *r) {
    while (r->at < r->end && (*r->at == ' ' || (r->bracketed && *r->at == '\n')))
        r->at++;
}

static bool take(struct reader *r, char c) {
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    skip_blanks(r);
    return true;
}

static bool take_word(struct reader *r, const char *word) {
    size_t len = strlen(word);
    if (name_length(r->at) != len || memcmp(r->at, word, len) != 0)
        return false;
    r->at += len;
    skip_blanks(r);
    return true;
}

/* `a.b.c` without blanks in it, or one name; NULL where there is none. */
static atom name(struct reader *r, bool dotted, struct span *span) {
    const char *from = r->at;
    size_t len = name_length(r->at);
    for (r->at += len; dotted && len > 0 && *r->at == '.'; r->at += len) {
        r->at++;
        len = name_length(r->at);
    }
    if (len == 0)
        return NULL;
    *span = (struct span){(uint32_t)(from - r->source->text), (uint32_t)(r->at - r->source->text)};
    atom text = intern_len(r->atoms, from, (size_t)(r->at - from));
    skip_blanks(r);
    return text;
}

/* `name [as name]` */
static struct node *alias(struct reader *r, bool dotted) {
    struct span as;
    struct node *node = node_new(r->arena, NODE_ALIAS);
    node->source = r->source;
    node->atom = name(r, dotted, &node->span);
    if (node->atom == NULL || !take_word(r, "as"))
        return node->atom ? node : NULL;
    node->asname = name(r, false, &as);
    node->span.end = as.end;
    return node->asname ? node : NULL;
}

static bool aliases(struct reader *r, struct node *statement, bool dotted) {
    do {
        if (r->bracketed && *r->at == ')') { /* behind the last comma */
            statement->flags |= NF_TRAILING_COMMA;
            return statement->nkids > 0;
        }
        struct node *one = alias(r, dotted);
        if (one == NULL)
            return false;
        node_add(r->arena, statement, one);
    } while (take(r, ','));
    return true;
}

static bool module_name(struct reader *r, struct node *statement) {
    struct span span;
    for (; r->at < r->end && *r->at == '.'; r->at++)
        if (statement->level++ == UINT8_MAX)
            return false;
    statement->atom = take_word(r, "import") ? NULL : name(r, true, &span);
    return statement->atom ? take_word(r, "import") : statement->level > 0;
}

static bool read(struct reader *r, struct node *statement) {
    if (statement->kind == NODE_IMPORT)
        return aliases(r, statement, true);
    if (!module_name(r, statement))
        return false;
    r->bracketed = *r->at == '(';
    if (r->bracketed)
        take(r, '(');
    if (!aliases(r, statement, false))
        return false;
    bool closed = !r->bracketed || *r->at == ')';
    r->at += r->bracketed;
    r->bracketed = false;
    return closed;
}

struct node *import_read(struct arena *arena, struct atoms *atoms, struct source *source, struct span lines) {
    struct reader r = {arena, atoms, source, source->text + lines.start, source->text + lines.end, false};
    const char *from = r.at;
    bool plain = take_word(&r, "import");
    struct node *statement = node_new(arena, plain ? NODE_IMPORT : NODE_IMPORTFROM);
    if ((!plain && !take_word(&r, "from")) || !read(&r, statement))
        return NULL;
    statement->source = source;
    statement->span = (struct span){lines.start, (uint32_t)(r.at - source->text)};
    while (statement->span.end > lines.start && source->text[statement->span.end - 1] == ' ')
        statement->span.end--;
    if (from > source->text + 1 && from[-1] == '\n' && from[-2] == '\n')
        statement->flags |= NF_BLANK;
    return r.at == r.end || strspn(r.at, "\n") >= (size_t)(r.end - r.at) ? statement : NULL;
}
