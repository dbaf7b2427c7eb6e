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
#include "rewrite/lineage.h"

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
    lineage_copied(l->e->unit, made, body);
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

/* -- how many lines a statement takes -----------------------------------------------------------------------------
 *
 * Reckoned, not printed: constructors are mostly `self.x = f(...)`, and a look at each of their calls for each field
 * would cost more than printing the file. What is not reckoned counts as one line, so that it asks for no variable. */

enum { UNKNOWN_WIDTH = 10000 };

static uint32_t width(const struct node *n);

static uint32_t widths(const struct node *n, uint32_t from, uint32_t between) {
    uint32_t sum = 0;
    for (uint32_t i = from; i < n->nkids; i++)
        sum += width(n->kid[i]) + (i > from ? between : 0);
    return sum;
}

/* Columns of an expression on one line. */
static uint32_t width(const struct node *n) {
    uint32_t text = n && n->atom ? (uint32_t)strlen(n->atom) : 0, parens = n && n->flags & NF_PAREN ? 2 : 0;
    switch (n ? (enum node_kind)n->kind : NODE_PASS) {
    case NODE_NAME:
    case NODE_NUMBER:
    case NODE_STRING: return text + parens;
    case NODE_CONST: return (n->op == OP_FALSE ? 5 : n->op == OP_ELLIPSIS ? 3 : 4) + parens;
    case NODE_ATTRIBUTE: return width(n->kid[0]) + 1 + text + parens;
    case NODE_CALL: return width(n->kid[0]) + 2 + widths(n, 1, 2) + parens;
    case NODE_KEYWORD: return text + (text ? 1 : 2) + width(n->kid[0]);
    case NODE_SUBSCRIPT: return width(n->kid[0]) + 2 + width(n->kid[1]) + parens;
    case NODE_BINOP: return widths(n, 0, n->op == OP_POW ? 2 : n->op == OP_FLOORDIV ? 4 : 3) + parens;
    default: return UNKNOWN_WIDTH;
    }
}

/* Lines of `target = f(a, b, ...)`: one, the arguments together on one of three, or each on its own. */
static uint32_t lines_of(const struct node *s) {
    enum { INDENT = 4, METHOD_INDENT = 8 };
    const struct node *call =
        s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[0]->kind == NODE_CALL ? s->kid[0] : NULL;
    if (call == NULL)
        return 1;
    uint32_t arguments = widths(call, 1, 2), all = METHOD_INDENT + width(s->kid[1]) + 3 + width(call);
    if (all <= LINE_LENGTH || all >= UNKNOWN_WIDTH)
        return 1;
    return METHOD_INDENT + INDENT + arguments <= LINE_LENGTH ? 3 : 2 + call->nkids - 1;
}

/* How many lines a variable for the field saves, the one that it costs counted. */
static int32_t gain_of(const struct locals *l, atom field) {
    int32_t gain = -1;
    for (uint32_t i = 0; i < l->body->nkids; i++) {
        const struct node *s = l->body->kid[i];
        int32_t before = (int32_t)lines_of(s);
        if (before == 1 || !reads_field(l, s, field))
            continue;
        struct node *copy = node_copy(l->e->unit->arena, s);
        replace_reads(l, &copy, field);
        gain += before - (int32_t)lines_of(copy);
    }
    return gain;
}

/* The field whose variable makes the body shortest; false where none makes it enough shorter. */
static bool shorten_once(struct locals *l) {
    int32_t most = 0;
    atom best = NULL;
    l->reads = (struct map){0};
    count_reads(l, l->body);
    for (uint32_t i = 0; i < l->reads.len; i++) {
        atom field = l->reads.entry[i].key;
        const struct count *c = l->reads.entry[i].value;
        if (c->reads < FEWEST_READS || is_taken(l->body, field) || !map_has(&l->e->unit->config_fields, field))
            continue;
        int32_t gain = gain_of(l, field);
        if (gain > most) {
            most = gain;
            best = field;
        }
    }
    if (best == NULL || most < LEAST_GAIN)
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
