/* lineage.c - statements by their nodes, looked at after each pass. */
#include "rewrite/lineage.h"

#include "base/hash.h"
#include "rewrite/account.h"
#include "rewrite/passes.h"

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

/* What a statement says, blocks aside, and decorators, which have records of their own. Atoms are the same where their
 * addresses are. */
static uint64_t text_of(const struct node *n, uint64_t hash) {
    if (n == NULL || n->kind == NODE_BLOCK)
        return hash_mix(hash, 1);
    uint32_t kids = n->kind == NODE_FUNCTION ? 3 : n->kind == NODE_CLASS ? 2 : n->nkids;
    uint64_t head = n->kind | (uint64_t)n->op << 8 | (uint64_t)n->level << 16 | (uint64_t)(n->flags & NF_ELIF) << 24;
    hash = hash_mix(hash_mix(hash, head), (uintptr_t)n->atom);
    hash = hash_mix(hash_mix(hash, (uintptr_t)n->asname), kids);
    for (uint32_t i = 0; n->ops != NULL && i + 1 < n->nkids; i++)
        hash = hash_mix(hash, n->ops[i]);
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

static uint64_t bit(reason because) {
    static_assert(REASON_FACTS <= 64, "reasons of lines are bits");
    return UINT64_C(1) << because;
}

/* It stands in a function that was unfolded into its callers. */
static bool is_of_unfolded(const struct unit *unit, const struct node *from) {
    const struct account *a = unit->account;
    for (uint32_t i = 0; i < a->calls.len; i++) {
        const struct node *def = a->calls.at[i].unfolded ? a->calls.at[i].fn->def : NULL;
        if (def && def->source == from->source && def->span.start <= from->span.start &&
            from->span.end <= def->span.end)
            return true;
    }
    return false;
}

/* What the specialiser has made of a statement, where that is a matter of form: it works on values, of which each has a
 * statement that makes it. */
static reason form_of(const struct unit *unit, const struct node *from, const struct node *now) {
    bool assigns = now->kind == NODE_ASSIGN;
    if (from == NULL)
        return REASON_NONE;
    if (assigns && from->kind == NODE_ANNASSIGN)
        return REASON_BARE;
    bool method = from->kind == NODE_EXPR && is_kind(from->kid[0], NODE_CALL) &&
                  is_kind(from->kid[0]->kid[0], NODE_ATTRIBUTE) && works_in_place(from->kid[0]->kid[0]->atom);
    bool store = from->kind == NODE_ASSIGN && is_kind(from->kid[1], NODE_SUBSCRIPT);
    if (assigns && (from->kind == NODE_AUGASSIGN || method || (store && is_kind(now->kid[1], NODE_NAME))))
        return REASON_OUT_OF_PLACE;
    return is_of_unfolded(unit, from) ? REASON_UNFOLDED : REASON_NONE;
}

/* How the emission has written a statement that the passes have left otherwise, in the function `fn`. */
static reason written_as(const struct node *fn, const struct node *now) {
    bool init = fn && atom_is(fn->atom, "__init__");
    switch (now->kind) {
    case NODE_FUNCTION: return REASON_SIGNATURE;
    case NODE_RETURN: return is_kind(now->kid[0], NODE_CALL) ? REASON_OUTPUTS : REASON_NONE;
    case NODE_ASSIGN: return init ? REASON_FIELDS : REASON_INTERFACE;
    case NODE_EXPR: return init ? REASON_FIELDS : REASON_NONE;
    default: return REASON_NONE;
    }
}

/* name = config.field, which nothing but the emission makes */
static bool is_variable(const struct node *stmt) {
    return stmt->source == NULL && stmt->kind == NODE_ASSIGN && stmt->kid[1]->kind == NODE_NAME &&
           stmt->kid[0]->kind == NODE_ATTRIBUTE;
}

/* A look at the program: which pass it is after, and for what reason that changed it. */
struct look {
    struct unit *unit;
    struct lineage *lineage;
    uint32_t number;
    reason because;        /* of what has changed; REASON_NONE: no one reason */
    bool forms;            /* what has changed may be a matter of form */
    const struct node *fn; /* the definition around what is looked at, in what is written */
};

static void line_changed(const struct look *look, struct line *line, const struct node *now) {
    reason form = look->forms ? form_of(look->unit, line->from, now) : REASON_NONE;
    reason because = look->because;
    if (look->number == LINE_WRITTEN && (line->from || is_variable(now)))
        because = written_as(look->fn, now);
    line->passes |= UINT32_C(1) << look->number;
    if (because != REASON_NONE)
        line->because |= bit(because);
    else if (form != REASON_NONE)
        line->form |= bit(form);
    else
        line->bare |= UINT32_C(1) << look->number;
}

static void look_at(struct look *look, const struct node *n) {
    const struct node *around = look->fn;
    if (node_is_stmt(n)) {
        struct line *line = line_at(look->unit, look->lineage, n);
        uint64_t text = text_of(n, 0);
        if (text != line->text)
            line_changed(look, line, n);
        line->text = text;
        line->written |= look->number == LINE_WRITTEN;
    }
    if (n->kind == NODE_FUNCTION)
        look->fn = n;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (holds_statements(n, n->kid[i]))
            look_at(look, n->kid[i]);
    look->fn = around;
}

void lineage_pass(struct unit *unit, const struct functions *functions, uint32_t pass) {
    struct look look = {unit, lineage(unit), pass, REASON_NONE, passes[pass].run == specialise, NULL};
    for (uint32_t i = 0; look.lineage && i < functions->list.len; i++)
        look_at(&look, functions->list.at[i]->body);
}

void lineage_step(struct unit *unit, const struct node *body, uint32_t pass, reason because) {
    struct look look = {unit, lineage(unit), pass, because, false, NULL};
    if (look.lineage)
        look_at(&look, body);
}

void lineage_written(struct unit *unit, const struct node *module) {
    struct look look = {unit, lineage(unit), LINE_WRITTEN, REASON_NONE, false, NULL};
    if (look.lineage)
        look_at(&look, module);
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

struct line lineage_changes(const struct unit *unit, const struct node *from) {
    struct line all = {.from = from};
    uint32_t at = 0;
    for (const struct line *line; (line = next_of(unit, from, &at)) != NULL;)
        if (!line_is_unchanged(line)) {
            all.passes |= line->passes;
            all.bare |= line->bare;
            all.because |= line->because;
            all.form |= line->form;
        }
    return all;
}

const struct line *line_of(const struct unit *unit, const struct node *stmt) {
    const struct lineage *l = unit->account ? unit->account->lineage : NULL;
    return l ? map_get(&l->lines, stmt) : NULL;
}

bool line_is_unchanged(const struct line *line) {
    return line->from && line->text == text_of(line->from, 0);
}
