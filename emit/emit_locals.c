/* emit_locals.c - a field of the configuration that a constructor reads again and again gets a variable of its name,
 * where that makes the text shorter: where calls fit their line with `hidden_size` that do not with
 * `config.hidden_size`.
 *
 * Reads   the finished body of a constructor, every variable named.
 * Writes  the same body, with such variables in front of the first statement that reads them.
 * Guarantees  the same values: only fields that every configuration has, read by a constructor that stores none. */
#include <string.h>

#include "emit/emit.h"
#include "emit/python.h"

enum { FEWEST_READS = 2, LEAST_GAIN = 2 /* lines, the new one counted */ };

struct locals {
    struct emitter *e;
    struct node *body;
    atom config;      /* the parameter */
    struct map reads; /* field -> how often, as struct count */
};

struct count {
    uint32_t reads;
};

static bool is_read(const struct locals *l, const struct node *n) {
    return n->kind == NODE_ATTRIBUTE && n->kid[0]->kind == NODE_NAME && n->kid[0]->atom == l->config;
}

static void count_reads(struct locals *l, const struct node *n) {
    if (n == NULL)
        return;
    if (is_read(l, n)) {
        struct count *c = map_get(&l->reads, n->atom);
        if (c == NULL) {
            c = NEW(l->e->unit->arena, struct count);
            map_put(l->e->unit->arena, &l->reads, n->atom, c);
        }
        c->reads++;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        count_reads(l, n->kid[i]);
}

/* Whether anything here is called `name`: a variable, or an attribute that is a copy of the field. */
static bool is_taken(const struct node *n, atom name) {
    if (n == NULL)
        return false;
    if ((n->kind == NODE_NAME || n->kind == NODE_PARAM) && n->atom == name)
        return true;
    if (n->kind == NODE_ATTRIBUTE && n->atom == name && is_name(n->kid[0], "self"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (is_taken(n->kid[i], name))
            return true;
    return false;
}

static void replace_reads(const struct locals *l, struct node **slot, atom field) {
    struct node *n = *slot;
    if (n == NULL)
        return;
    if (is_read(l, n) && n->atom == field) {
        *slot = make_name(l->e->unit->arena, field);
        return;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        replace_reads(l, &n->kid[i], field);
}

static bool reads_field(const struct locals *l, const struct node *n, atom field) {
    if (n == NULL)
        return false;
    if (is_read(l, n) && n->atom == field)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (reads_field(l, n->kid[i], field))
            return true;
    return false;
}

/* `field = config.field` before the first statement that reads it. */
static struct node *with_local(const struct locals *l, const struct node *body, atom field) {
    struct arena *arena = l->e->unit->arena;
    struct node *made = node_copy(arena, body);
    uint32_t at = 0;
    while (!reads_field(l, made->kid[at], field))
        at++;
    struct node *first = made->kid[at];
    for (uint32_t i = at; i < made->nkids; i++)
        replace_reads(l, &made->kid[i], field);
    struct node *read = make_attr(arena, make_name(arena, l->config), field);
    struct node *stmt = node_make(arena, NODE_ASSIGN, NULL, 2, read, make_name(arena, field));
    stmt->flags |= first->flags & NF_BLANK;
    if (!first->comments || first->comments->leading.len == 0)
        first->flags &= ~(uint32_t)NF_BLANK;
    node_insert(arena, made, at, stmt);
    return made;
}

/* At least as many columns as the statement takes on one line, brackets and commas aside. */
static size_t least_width(const struct node *n) {
    size_t width = n && n->atom ? strlen(n->atom) : 0;
    for (uint32_t i = 0; n && i < n->nkids; i++)
        width += least_width(n->kid[i]);
    return width;
}

/* Statements that may not fit their line; the others need no look. */
static struct node *wide_statements(const struct locals *l, const struct node *body) {
    enum { BRACKETS = 30 };
    struct node *wide = node_new(l->e->unit->arena, NODE_BLOCK);
    for (uint32_t i = 0; i < body->nkids; i++)
        if (least_width(body->kid[i]) + BRACKETS > LINE_LENGTH - 8)
            node_add(l->e->unit->arena, wide, body->kid[i]);
    return wide;
}

/* Lines of statements in the method of a class. */
static uint32_t lines_of(const struct locals *l, struct node *body) {
    struct unit *u = l->e->unit;
    struct node *fn = node_make(
        u->arena, NODE_FUNCTION, intern(u->atoms, "f"), 3, node_new(u->arena, NODE_PARAMS), (struct node *)NULL, body);
    struct node *block = node_make(u->arena, NODE_BLOCK, NULL, 1, fn);
    struct buf out = {0};
    print_python_wrapped(
        &out, node_make(u->arena, NODE_MODULE, NULL, 1,
                  node_make(u->arena, NODE_CLASS, intern(u->atoms, "C"), 2, node_new(u->arena, NODE_BASES), block)));
    uint32_t lines = 0;
    for (size_t i = 0; i < out.len; i++)
        lines += out.at[i] == '\n';
    buf_free(&out);
    return lines;
}

/* The field whose variable makes the body shortest; false where none makes it enough shorter. */
static bool shorten_once(struct locals *l) {
    uint32_t before = 0, least = UINT32_MAX;
    atom best = NULL;
    struct node *wide = wide_statements(l, l->body);
    l->reads = (struct map){0};
    count_reads(l, l->body);
    for (uint32_t i = 0; i < l->reads.len; i++) {
        atom field = l->reads.entry[i].key;
        const struct count *c = l->reads.entry[i].value;
        if (c->reads < FEWEST_READS || !reads_field(l, wide, field) || is_taken(l->body, field) ||
            !map_has(&l->e->unit->config_fields, field))
            continue;
        before = before ? before : lines_of(l, wide);
        uint32_t lines = lines_of(l, with_local(l, wide, field));
        if (lines < least) {
            least = lines;
            best = field;
        }
    }
    if (best == NULL || least + LEAST_GAIN > before)
        return false;
    l->body = with_local(l, l->body, best);
    return true;
}

static atom config_param(const struct fn *fn) {
    for (uint32_t i = 1; i < fn->params.len; i++) {
        const struct param *p = fn->params.at[i];
        if (p->abs && p->abs->kind == ABS_CONFIG && *p->abs->qual == '\0')
            return p->web ? p->web->name : p->name;
    }
    return NULL;
}

struct node *shorten_reads(struct emitter *e, const struct fn *fn) {
    struct locals l = {.e = e, .body = fn->body, .config = config_param(fn)};
    while (l.config && shorten_once(&l))
        ;
    return l.body;
}
