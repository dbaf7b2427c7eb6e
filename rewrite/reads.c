/* reads.c - readers in the source, and the search for what took them away. */
#include "rewrite/reads.h"

#include <string.h>

enum use { USE_VALUE, USE_DECORATOR, USE_ANNOTATION, USE_BASE };

struct read {
    const struct node *at;                 /* a NAME or an ATTRIBUTE */
    const struct node *stmt, *def, *owner; /* around it: the statement, the outermost function, its class or NULL */
    const struct called *call;             /* the innermost known call of which it is in an argument, or NULL */
    uint32_t argument;                     /* which child of that call */
    bool unfolded;                         /* it names the function of a call that is unfolded */
    enum use use;
};

struct readers {
    VEC(struct read) list;
};

struct reads {
    struct unit *unit;
    struct map names, attributes; /* struct readers, by name */
    VEC(const struct node *) reached, statements;
    bool *seen;               /* by place: readers that the search has been at */
    const struct node *asked; /* the statement that the search is for */
};

struct span own_span(const struct node *stmt) {
    struct span span = stmt->span;
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (is_kind(stmt->kid[i], NODE_BLOCK) && stmt->kid[i]->span.start > span.start &&
            stmt->kid[i]->span.start < span.end)
            span.end = stmt->kid[i]->span.start;
    return span;
}

static bool within(struct span inner, struct span outer) {
    return inner.start >= outer.start && inner.end <= outer.end;
}

static uint32_t length(struct span span) {
    return span.end - span.start;
}

static bool is_better(const struct decided *a, const struct decided *b) {
    bool plain_a = a->because == REASON_CONSTANT, plain_b = b->because == REASON_CONSTANT;
    return plain_a != plain_b ? plain_b : length(a->span) < length(b->span);
}

const struct decided *decided_around(const struct unit *unit, struct span span) {
    const struct decided *best = NULL;
    for (uint32_t i = 0; i < unit->account->decided.len; i++) {
        const struct decided *d = &unit->account->decided.at[i];
        if (!d->through && within(span, d->span) && (best == NULL || is_better(d, best)))
            best = d;
    }
    return best;
}

/* -- index --------------------------------------------------------------------------------------------------------- */

bool reads_reached(const struct reads *reads, const struct node *def) {
    for (uint32_t i = 0; i < reads->reached.len; i++)
        if (reads->reached.at[i] == def)
            return true;
    return false;
}

const struct node *reads_statement_at(const struct reads *reads, struct span span) {
    const struct node *best = NULL;
    for (uint32_t i = 0; i < reads->statements.len; i++) {
        const struct node *stmt = reads->statements.at[i];
        if (within(span, own_span(stmt)) && (best == NULL || length(stmt->span) < length(best->span)))
            best = stmt;
    }
    return best;
}

static void reach(struct reads *reads, const struct node *def) {
    if (def && def->kind == NODE_FUNCTION && !reads_reached(reads, def))
        vec_push(reads->unit->arena, &reads->reached, def);
}

static const struct called *call_at(const struct unit *unit, struct span span) {
    for (uint32_t i = unit->account->calls.len; i-- > 0;) {
        const struct called *call = &unit->account->calls.at[i];
        if (call->span.start == span.start && call->span.end == span.end && call->fn->def)
            return call;
    }
    return NULL;
}

static void add_read(struct reads *reads, const struct read *read) {
    struct map *map = read->at->kind == NODE_NAME ? &reads->names : &reads->attributes;
    struct readers *readers = map_get(map, read->at->atom);
    if (readers == NULL) {
        readers = NEW(reads->unit->arena, struct readers);
        map_put(reads->unit->arena, map, read->at->atom, readers);
    }
    vec_push(reads->unit->arena, &readers->list, *read);
}

static void collect_expr(struct reads *reads, const struct node *n, struct read at);

static void collect_call(struct reads *reads, const struct node *n, struct read at) {
    const struct called *call = call_at(reads->unit, n->span);
    at.unfolded = call && call->unfolded;
    collect_expr(reads, n->kid[0], at);
    at.unfolded = false;
    for (uint32_t i = 1; i < n->nkids; i++) {
        at.call = call ? call : at.call;
        at.argument = call ? i : at.argument;
        collect_expr(reads, n->kid[i], at);
    }
}

static void collect_expr(struct reads *reads, const struct node *n, struct read at) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME || n->kind == NODE_ATTRIBUTE) {
        at.at = n;
        add_read(reads, &at);
    }
    if (n->kind == NODE_CALL) {
        collect_call(reads, n, at);
        return;
    }
    for (uint32_t i = n->kind == NODE_NAMEDEXPR; i < n->nkids; i++)
        collect_expr(reads, n->kid[i], at);
}

/* A target reads only what it goes through: the object of `object.name`, both parts of `object[key]`. */
static void collect_target(struct reads *reads, const struct node *target, struct read at) {
    bool display = target->kind == NODE_TUPLE || target->kind == NODE_LIST || target->kind == NODE_STARRED;
    for (uint32_t i = 0; i < target->nkids; i++)
        display ? collect_target(reads, target->kid[i], at) : collect_expr(reads, target->kid[i], at);
}

static void collect_uses(struct reads *reads, const struct node *n, enum use use, struct read at) {
    at.use = use;
    collect_expr(reads, n, at);
}

static void collect_stmt(struct reads *reads, const struct node *stmt, struct read at);

static void collect_definition(struct reads *reads, const struct node *def, struct read at) {
    const struct node *params = function_params(def);
    for (uint32_t i = 0; i < params->nkids; i++)
        collect_uses(reads, params->kid[i]->kid[0], USE_ANNOTATION, at);
    collect_uses(reads, def->kid[1], USE_ANNOTATION, at);
    for (uint32_t i = 3; i < def->nkids; i++)
        collect_uses(reads, def->kid[i], USE_DECORATOR, at);
    for (uint32_t i = 0; i < function_body(def)->nkids; i++)
        collect_stmt(reads, function_body(def)->kid[i], at);
}

static void collect_stmt(struct reads *reads, const struct node *stmt, struct read at) {
    at.stmt = stmt;
    vec_push(reads->unit->arena, &reads->statements, stmt);
    if (stmt->kind == NODE_FUNCTION) {
        collect_definition(reads, stmt, at);
        return;
    }
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *kid = stmt->kid[i];
        bool target = (stmt->kind == NODE_ASSIGN && i > 0) || (stmt->kind == NODE_ANNASSIGN && i == 0) ||
                      (stmt->kind == NODE_FOR && i == 0);
        if (kid == NULL)
            continue;
        if (kid->kind == NODE_HANDLER)
            kid = kid->kid[1];
        if (kid->kind == NODE_BLOCK) {
            for (uint32_t k = 0; k < kid->nkids; k++)
                collect_stmt(reads, kid->kid[k], at);
        } else if (target) {
            collect_target(reads, kid, at);
        } else {
            collect_uses(reads, kid, stmt->kind == NODE_ANNASSIGN && i == 1 ? USE_ANNOTATION : USE_VALUE, at);
        }
    }
}

static void collect_reached(struct reads *reads, const struct node *def, const struct node *owner) {
    if (reads_reached(reads, def))
        collect_definition(reads, def, (struct read){.def = def, .owner = owner});
}

static void collect_class(struct reads *reads, const struct node *def) {
    struct read at = {.owner = def};
    collect_uses(reads, def->kid[0], USE_BASE, at);
    for (uint32_t i = 2; i < def->nkids; i++)
        collect_uses(reads, def->kid[i], USE_DECORATOR, at);
    for (uint32_t i = 0; i < class_body(def)->nkids; i++) {
        const struct node *stmt = class_body(def)->kid[i];
        if (stmt->kind == NODE_FUNCTION)
            collect_reached(reads, stmt, def);
        else if (stmt->kind == NODE_ANNASSIGN)
            collect_uses(reads, stmt->kid[1], USE_ANNOTATION, at);
    }
}

struct reads *reads_collect(struct unit *unit) {
    struct reads *reads = NEW(unit->arena, struct reads);
    struct functions all = {0};
    reads->unit = unit;
    reads->seen = NEW_ARRAY(unit->arena, bool, unit->module->source->len + 1);
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        reach(reads, all.list.at[i]->def);
    for (uint32_t i = 0; i < unit->account->calls.len; i++)
        reach(reads, unit->account->calls.at[i].fn->def);
    for (uint32_t i = 0; i < unit->module->tree->nkids; i++) {
        const struct node *stmt = unit->module->tree->kid[i];
        if (stmt->kind == NODE_FUNCTION)
            collect_reached(reads, stmt, NULL);
        if (stmt->kind == NODE_CLASS)
            collect_class(reads, stmt);
    }
    return reads;
}

/* -- search -------------------------------------------------------------------------------------------------------- */

static bool gone(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    struct unit *unit = reads->unit;
    const struct decided *d = wanted == WANT_REASON && r->use == USE_VALUE ? decided_around(unit, r->at->span) : NULL;
    if (d != NULL || (wanted == WANT_REASON && r->unfolded)) {
        struct explanation e = reason_explain(unit->facts, d ? d->because : REASON_UNFOLDED);
        *cause = (struct cause){e.id, e.why, r->stmt};
        return true;
    }
    for (uint32_t i = 0; wanted == WANT_RULE && r->stmt && i < unit->trace->records.len; i++) {
        const struct trace_record *record = &unit->trace->records.at[i];
        struct span at = {record->span.start, record->span.start};
        if (record->kind != TRACE_REWRITE || record->source != unit->module->source || !within(at, own_span(r->stmt)))
            continue;
        *cause = (struct cause){record->id, record->text, r->stmt};
        return true;
    }
    return false;
}

static bool follow(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause);

typedef bool (*filter)(const struct read *r, const void *of);

/* The first reader that is gone, else the first one from which the search gets on. */
static bool search(struct reads *reads, const struct readers *readers, filter accepts, const void *of,
    enum wanted wanted, struct cause *cause) {
    for (uint32_t i = 0; readers && i < readers->list.len; i++)
        if (accepts(&readers->list.at[i], of) && gone(reads, &readers->list.at[i], wanted, cause))
            return true;
    for (uint32_t i = 0; readers && i < readers->list.len; i++)
        if (accepts(&readers->list.at[i], of) && follow(reads, &readers->list.at[i], wanted, cause))
            return true;
    return false;
}

/* -- variables: readers of the same function behind the definition, up to the next one */

struct scope {
    const struct node *def;
    uint32_t from, to;
};

static bool in_scope(const struct read *r, const void *of) {
    const struct scope *scope = of;
    return r->use == USE_VALUE && r->def == scope->def && r->at->span.start >= scope->from &&
           r->at->span.start < scope->to;
}

static bool binds(const struct node *target, atom name) {
    if (target->kind == NODE_NAME)
        return target->atom == name;
    bool display = target->kind == NODE_TUPLE || target->kind == NODE_LIST || target->kind == NODE_STARRED;
    for (uint32_t i = 0; display && i < target->nkids; i++)
        if (binds(target->kid[i], name))
            return true;
    return false;
}

static bool assigns(const struct node *stmt, atom name) {
    for (uint32_t i = 1; stmt->kind == NODE_ASSIGN && i < stmt->nkids; i++)
        if (binds(stmt->kid[i], name))
            return true;
    return false;
}

/* Where the block that a position is in directly, or one around it, assigns the name again. */
static uint32_t next_assignment(const struct node *block, uint32_t from, atom name) {
    uint32_t to = UINT32_MAX;
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (stmt->span.start >= from && assigns(stmt, name))
            return stmt->span.end < to ? stmt->span.end : to;
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK) && stmt->kid[k]->span.start <= from && from <= stmt->kid[k]->span.end)
                to = next_assignment(stmt->kid[k], from, name);
        if (to != UINT32_MAX)
            return to;
    }
    return to;
}

static bool variable(
    struct reads *reads, const struct node *def, uint32_t from, atom name, enum wanted wanted, struct cause *cause) {
    struct scope scope = {def, from, next_assignment(function_body(def), from, name)};
    return search(reads, map_get(&reads->names, name), in_scope, &scope, wanted, cause);
}

/* -- attributes: of the same class first */

struct holder {
    const struct node *owner;
    bool same;
};

static bool reads_attribute(const struct read *r, const void *of) {
    const struct holder *holder = of;
    bool own = is_name(r->at->kid[0], "self"), same = r->owner == holder->owner;
    return r->use == USE_VALUE && (holder->same ? own && same : !own);
}

static bool attribute(
    struct reads *reads, const struct node *owner, atom name, enum wanted wanted, struct cause *cause) {
    const struct readers *readers = map_get(&reads->attributes, name);
    struct holder inside = {owner, true}, outside = {owner, false};
    return search(reads, readers, reads_attribute, &inside, wanted, cause) ||
           search(reads, readers, reads_attribute, &outside, wanted, cause);
}

/* -- calls */

static bool parameter(struct reads *reads, const struct node *def, atom name, enum wanted wanted, struct cause *cause) {
    return variable(reads, def, function_body(def)->span.start, name, wanted, cause);
}

/* The parameter that an argument fills, as the source has it. */
static atom filled(const struct called *call, const struct node *argument, uint32_t index) {
    if (argument->kind == NODE_KEYWORD)
        return argument->atom;
    uint32_t skip = call->fn->owner && !call->fn->is_static;
    return index - 1 + skip < call->fn->params.len ? call->fn->params.at[index - 1 + skip]->name : NULL;
}

static const struct node *node_at(const struct node *n, struct span span) {
    if (n == NULL || (n->kind == NODE_CALL && n->span.start == span.start && n->span.end == span.end))
        return n;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && within(span, n->kid[i]->span))
            return node_at(n->kid[i], span);
    return NULL;
}

static bool argument(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    const struct node *call = node_at(r->stmt, r->call->span);
    atom name = call ? filled(r->call, call->kid[r->argument], r->argument) : NULL;
    for (uint32_t i = 0; name && !r->call->unfolded && i < r->call->fn->params.len; i++)
        if (r->call->fn->params.at[i]->name == name && r->call->fn->params.at[i]->live)
            return false;
    return name && parameter(reads, r->call->fn->def, name, wanted, cause);
}

static bool targets(
    struct reads *reads, const struct read *r, const struct node *target, enum wanted wanted, struct cause *cause) {
    uint32_t from = r->stmt->kind == NODE_FOR ? own_span(r->stmt).end : r->stmt->span.end;
    switch (target->kind) {
    case NODE_NAME: return variable(reads, r->def, from, target->atom, wanted, cause);
    case NODE_ATTRIBUTE: return attribute(reads, r->owner, target->atom, wanted, cause);
    case NODE_SUBSCRIPT: return targets(reads, r, target->kid[0], wanted, cause);
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_STARRED:
        for (uint32_t i = 0; i < target->nkids; i++)
            if (targets(reads, r, target->kid[i], wanted, cause))
                return true;
        return false;
    default: return false;
    }
}

/* What the statement defines: the readers of that. */
static bool defined(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    const struct node *stmt = r->stmt;
    switch (stmt->kind) {
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < stmt->nkids; i++)
            if (targets(reads, r, stmt->kid[i], wanted, cause))
                return true;
        return false;
    case NODE_AUGASSIGN:
    case NODE_ANNASSIGN:
    case NODE_FOR: return targets(reads, r, stmt->kid[0], wanted, cause);
    case NODE_EXPR: /* self.register_buffer("name", value), xs.append(value) */
        if (stmt->kid[0]->kind != NODE_CALL || stmt->kid[0]->kid[0]->kind != NODE_ATTRIBUTE)
            return false;
        if (stmt->kid[0]->nkids > 1 && stmt->kid[0]->kid[1]->kind == NODE_STRING)
            return attribute(reads, r->owner, string_value(reads->unit->atoms, stmt->kid[0]->kid[1]), wanted, cause);
        return targets(reads, r, stmt->kid[0]->kid[0]->kid[0], wanted, cause);
    default: return false;
    }
}

/* The function and class around a statement, which stands for all that it reads. */
static struct read place_of(const struct reads *reads, const struct node *stmt) {
    const struct node *tree = reads->unit->module->tree;
    struct read r = {.at = stmt, .stmt = stmt};
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *def = tree->kid[i];
        if (!within(stmt->span, def->span))
            continue;
        r.def = def->kind == NODE_FUNCTION ? def : NULL;
        r.owner = def->kind == NODE_CLASS ? def : NULL;
        for (uint32_t k = 0; r.owner && k < class_body(def)->nkids; k++)
            if (class_body(def)->kid[k]->kind == NODE_FUNCTION && within(stmt->span, class_body(def)->kid[k]->span))
                r.def = class_body(def)->kid[k];
    }
    return r;
}

/* A call as a reader of its arguments. */
static struct read read_at(const struct reads *reads, const struct node *stmt, struct span span) {
    const struct account *a = reads->unit->account;
    struct read r = place_of(reads, stmt);
    const struct node *call = node_at(stmt, span);
    r.at = call ? call : stmt;
    for (uint32_t i = 0; i < a->calls.len; i++) {
        const struct called *outer = &a->calls.at[i];
        bool around = within(span, outer->span) && length(span) < length(outer->span) && outer->fn->def != NULL;
        if (!around || !within(outer->span, own_span(stmt)) || (r.call && length(outer->span) >= length(r.call->span)))
            continue;
        call = node_at(stmt, outer->span);
        for (uint32_t k = 1; call && k < call->nkids; k++)
            if (within(span, call->kid[k]->span)) {
                r.call = outer;
                r.argument = k;
            }
    }
    return r;
}

/* Which element of a returned tuple a reader is in; -1: it is no tuple. */
static int element_of(const struct read *r, uint32_t *count) {
    const struct node *value = r->stmt->kid[0];
    for (uint32_t i = 0; is_kind(value, NODE_TUPLE) && i < value->nkids; i++)
        if (within(r->at->span, value->kid[i]->span)) {
            *count = value->nkids;
            return (int)i;
        }
    return -1;
}

/* What a function of the source returns goes where it was called. */
static bool result(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    const struct account *a = reads->unit->account;
    uint32_t count = 0;
    int element = element_of(r, &count);
    for (uint32_t i = 0; i < a->calls.len; i++) {
        const struct called *call = &a->calls.at[i];
        const struct node *stmt = call->fn->def == r->def ? reads_statement_at(reads, call->span) : NULL;
        if (stmt == NULL)
            continue;
        struct read at = read_at(reads, stmt, call->span);
        const struct node *target = stmt->kind == NODE_ASSIGN && at.call == NULL ? stmt->kid[1] : NULL;
        bool unpacked = element >= 0 && is_kind(target, NODE_TUPLE) && target->nkids == count;
        if (gone(reads, &at, wanted, cause) ||
            (unpacked ? targets(reads, &at, target->kid[element], wanted, cause) : follow(reads, &at, wanted, cause)))
            return true;
    }
    return false;
}

/* Statements under a test, or in a loop, that reads it. */
static bool controlled(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    for (uint32_t i = 0; i < r->stmt->nkids; i++)
        for (uint32_t k = 0; is_kind(r->stmt->kid[i], NODE_BLOCK) && k < r->stmt->kid[i]->nkids; k++) {
            struct read inner = {.at = r->stmt->kid[i]->kid[k], .stmt = r->stmt->kid[i]->kid[k], .def = r->def};
            inner.owner = r->owner;
            if (gone(reads, &inner, wanted, cause) || follow(reads, &inner, wanted, cause))
                return true;
        }
    return false;
}

/* What is not needed has readers that are not; what was replaced has readers that were needed and are not there. */
static bool leads_on(const struct reads *reads, const struct read *r, enum wanted wanted) {
    const struct account *a = reads->unit->account;
    uint32_t at = r->stmt->span.start;
    if (wanted == WANT_REASON)
        return !a->needed[at];
    bool passed_on = a->statement[at] == STAGE_NEVER && !decided_around(reads->unit, r->stmt->span);
    return passed_on || (a->needed[at] && a->statement[at] != STAGE_EMITTED);
}

static bool follow(struct reads *reads, const struct read *r, enum wanted wanted, struct cause *cause) {
    if (r->stmt == NULL || r->use != USE_VALUE || reads->seen[r->at->span.start])
        return false;
    reads->seen[r->at->span.start] = true;
    if (r->call)
        return argument(reads, r, wanted, cause);
    if (r->stmt != reads->asked && r->stmt->kind != NODE_RETURN && !leads_on(reads, r, wanted))
        return false;
    if (r->stmt->kind == NODE_RETURN)
        return result(reads, r, wanted, cause);
    return defined(reads, r, wanted, cause) || controlled(reads, r, wanted, cause);
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

static void start(struct reads *reads, const struct node *asked) {
    reads->asked = asked;
    memset(reads->seen, 0, reads->unit->module->source->len + 1);
}

bool cause_of_statement(struct reads *reads, const struct node *stmt, enum wanted wanted, struct cause *cause) {
    struct read r = place_of(reads, stmt);
    start(reads, stmt);
    return r.def && follow(reads, &r, wanted, cause);
}

bool cause_of_parameter(struct reads *reads, const struct node *def, atom name, struct cause *cause) {
    start(reads, NULL);
    return parameter(reads, def, name, WANT_REASON, cause);
}

bool cause_of_definition(struct reads *reads, atom name, struct cause *cause) {
    const struct readers *readers = map_get(&reads->names, name);
    if (readers == NULL)
        readers = map_get(&reads->attributes, name);
    for (uint32_t i = 0; readers && i < readers->list.len; i++)
        if (gone(reads, &readers->list.at[i], WANT_REASON, cause))
            return true;
    return false;
}

bool cause_of_mention(const struct reads *reads, atom name, struct cause *cause) {
    static const reason why[] = {
        [USE_DECORATOR] = REASON_DECORATOR, [USE_ANNOTATION] = REASON_ANNOTATION, [USE_BASE] = REASON_UNREACHED};
    const struct readers *readers = map_get(&reads->names, name);
    for (uint32_t i = 0; readers && i < readers->list.len; i++) {
        enum use use = readers->list.at[i].use;
        struct explanation e = reason_explain(reads->unit->facts, why[use]);
        *cause = (struct cause){e.id, e.why, NULL};
        if (use != USE_VALUE)
            return true;
    }
    return false;
}

const struct node *reads_first(const struct reads *reads, atom name) {
    const struct readers *readers = map_get(&reads->names, name);
    for (uint32_t i = 0; readers && i < readers->list.len; i++)
        if (readers->list.at[i].use == USE_VALUE)
            return readers->list.at[i].stmt;
    return NULL;
}
