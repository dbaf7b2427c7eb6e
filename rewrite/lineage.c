/* lineage.c - statements by their nodes, looked at after each pass. */
#include "rewrite/lineage.h"

#include "rewrite/account.h"

struct lineage {
    struct line *line; /* a hash table; a NULL stmt is free */
    uint32_t used, slots;
    const struct node **source; /* by place: the statement of the source that starts there */
};

/* -- the table ----------------------------------------------------------------------------------------------------- */

static struct line *slot_of(const struct lineage *l, const struct node *stmt) {
    uint64_t hash = ((uintptr_t)stmt >> 4) * UINT64_C(0x9E3779B97F4A7C15);
    uint32_t i = (uint32_t)(hash >> 32) & (l->slots - 1);
    while (l->line[i].stmt != NULL && l->line[i].stmt != stmt)
        i = (i + 1) & (l->slots - 1);
    return &l->line[i];
}

static void make_room(struct unit *unit, struct lineage *l) {
    enum { FEWEST_SLOTS = 1024 };
    struct lineage old = *l;
    if (2 * l->used < l->slots)
        return;
    l->slots = old.slots ? 2 * old.slots : FEWEST_SLOTS;
    l->line = NEW_ARRAY(unit->arena, struct line, l->slots);
    for (uint32_t i = 0; i < old.slots; i++)
        if (old.line[i].stmt)
            *slot_of(l, old.line[i].stmt) = old.line[i];
}

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
    hash = mix(mix(hash, n->kind | (uint64_t)n->op << 8 | (uint64_t)n->level << 16), (uintptr_t)n->atom);
    hash = mix(mix(hash, (uintptr_t)n->asname), kids);
    for (uint32_t i = 0; n->ops != NULL && i + 1 < n->nkids; i++)
        hash = mix(hash, n->ops[i]);
    for (uint32_t i = 0; i < kids; i++)
        hash = text_of(n->kid[i], hash);
    return hash;
}

static struct line *line_at(struct unit *unit, struct lineage *l, const struct node *stmt) {
    make_room(unit, l);
    struct line *line = slot_of(l, stmt);
    if (line->stmt)
        return line;
    *line = (struct line){.stmt = stmt};
    l->used++;
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
    if (node_is_stmt(from)) {
        struct line line = *line_at(unit, l, from);
        struct line *made = line_at(unit, l, copy);
        *made = line;
        made->stmt = copy;
    }
    for (uint32_t i = 0; i < from->nkids; i++)
        if (holds_statements(from, from->kid[i]))
            lineage_copied(unit, copy->kid[i], from->kid[i]);
}

bool lineage_reaches(const struct unit *unit, const struct node *from) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    for (uint32_t i = 0; l && i < l->slots; i++)
        if (l->line[i].stmt && l->line[i].from == from && l->line[i].written)
            return true;
    return false;
}

uint32_t lineage_changes(const struct unit *unit, const struct node *from) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    uint32_t passes = 0;
    for (uint32_t i = 0; l && i < l->slots; i++)
        if (l->line[i].stmt && l->line[i].from == from && l->line[i].written && !line_is_unchanged(&l->line[i]))
            passes |= l->line[i].passes;
    return passes;
}

const struct line *line_of(const struct unit *unit, const struct node *stmt) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    const struct line *line = l && l->slots ? slot_of(l, stmt) : NULL;
    return line && line->stmt ? line : NULL;
}

bool line_is_unchanged(const struct line *line) {
    return line->from && line->text == text_of(line->from, 0);
}
