/* lineage.c - statements by their nodes, looked at after each pass. */
#include "rewrite/lineage.h"

#include "rewrite/account.h"

struct lineage {
    struct map lines;           /* statement -> struct line */
    const struct node **source; /* by place: the statement of the source that starts there */
};

/* The parts of a statement that hold statements. */
static bool holds_statements(const struct node *n, const struct node *kid) {
    return n->kind == NODE_BLOCK || n->kind == NODE_MODULE || is_kind(kid, NODE_BLOCK) || is_kind(kid, NODE_HANDLER);
}

static void list_source(struct lineage *l, const struct node *n) {
    if (node_is_stmt(n) && n->span.end > n->span.start)
        l->source[n->span.start] = n;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (holds_statements(n, n->kid[i]))
            list_source(l, n->kid[i]);
}

static struct lineage *lineage(struct unit *unit) {
    struct account *a = unit->account;
    if (a == NULL || a->lineage != NULL)
        return a ? a->lineage : NULL;
    a->lineage = NEW(unit->arena, struct lineage);
    a->lineage->source = NEW_ARRAY(unit->arena, const struct node *, unit->module->source->len + 1);
    list_source(a->lineage, unit->module->tree);
    return a->lineage;
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t part) {
    return (hash ^ part) * UINT64_C(0x100000001B3);
}

/* What a statement says, blocks aside, and decorators, which have records of their own. Atoms are the same where their
 * addresses are. */
static uint64_t text_of(const struct node *n, uint64_t hash) {
    if (n == NULL || n->kind == NODE_BLOCK)
        return mix(hash, 1);
    uint32_t kids = n->kind == NODE_FUNCTION ? 3 : n->kind == NODE_CLASS ? 2 : n->nkids;
    uint64_t head = n->kind | (uint64_t)n->op << 8 | (uint64_t)n->level << 16 | (uint64_t)(n->flags & NF_ELIF) << 24;
    hash = mix(mix(hash, head), (uintptr_t)n->atom);
    hash = mix(mix(hash, (uintptr_t)n->asname), kids);
    for (uint32_t i = 0; n->ops != NULL && i + 1 < n->nkids; i++)
        hash = mix(hash, n->ops[i]);
    for (uint32_t i = 0; i < kids; i++)
        hash = text_of(n->kid[i], hash);
    return hash;
}

static struct line *line_at(struct unit *unit, struct lineage *l, const struct node *stmt) {
    struct line *line = map_get(&l->lines, stmt);
    if (line)
        return line;
    line = NEW(unit->arena, struct line);
    map_put(unit->arena, &l->lines, stmt, line);
    if (stmt->source == unit->module->source && stmt->span.end > stmt->span.start)
        line->from = l->source[stmt->span.start];
    line->text = line->from ? text_of(line->from, 0) : 0;
    return line;
}

static void look_at(struct unit *unit, struct lineage *l, const struct node *n, uint32_t number) {
    if (node_is_stmt(n)) {
        struct line *line = line_at(unit, l, n);
        uint64_t text = text_of(n, 0);
        if (text != line->text)
            line->passes |= UINT32_C(1) << number;
        line->text = text;
        line->written |= number == LINE_WRITTEN;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        if (holds_statements(n, n->kid[i]))
            look_at(unit, l, n->kid[i], number);
}

void lineage_pass(struct unit *unit, const struct functions *functions, uint32_t pass) {
    struct lineage *l = lineage(unit);
    for (uint32_t i = 0; l && i < functions->list.len; i++)
        look_at(unit, l, functions->list.at[i]->body, pass);
}

void lineage_written(struct unit *unit, const struct node *module) {
    struct lineage *l = lineage(unit);
    if (l)
        look_at(unit, l, module, LINE_WRITTEN);
}

void lineage_made(struct unit *unit, const struct node *made, const struct node *from) {
    struct lineage *l = lineage(unit);
    if (l == NULL || from == NULL)
        return;
    const struct node *origin = line_at(unit, l, from)->from;
    struct line *line = line_at(unit, l, made);
    line->from = line->from ? line->from : origin;
}

void lineage_copied(struct unit *unit, const struct node *copy, const struct node *from) {
    struct lineage *l = lineage(unit);
    if (l == NULL)
        return;
    if (node_is_stmt(from))
        *line_at(unit, l, copy) = *line_at(unit, l, from);
    for (uint32_t i = 0; i < from->nkids; i++)
        if (holds_statements(from, from->kid[i]))
            lineage_copied(unit, copy->kid[i], from->kid[i]);
}

/* The next line behind `*at` that is in the output and comes from there. */
static const struct line *next_of(const struct unit *unit, const struct node *from, uint32_t *at) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    while (l && *at < l->lines.len) {
        const struct line *line = l->lines.entry[(*at)++].value;
        if (line->from == from && line->written)
            return line;
    }
    return NULL;
}

bool lineage_reaches(const struct unit *unit, const struct node *from) {
    uint32_t at = 0;
    return next_of(unit, from, &at) != NULL;
}

uint32_t lineage_changes(const struct unit *unit, const struct node *from) {
    uint32_t passes = 0, at = 0;
    for (const struct line *line; (line = next_of(unit, from, &at)) != NULL;)
        passes |= line_is_unchanged(line) ? 0 : line->passes;
    return passes;
}

const struct line *line_of(const struct unit *unit, const struct node *stmt) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    return l ? map_get(&l->lines, stmt) : NULL;
}

bool line_is_unchanged(const struct line *line) {
    return line->from && line->text == text_of(line->from, 0);
}
