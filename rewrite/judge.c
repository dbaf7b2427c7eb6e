/* judge.c - verdicts on definitions, parameters and what stands at module level; the records of all verdicts. */
#include <stdlib.h>
#include <string.h>

#include "rewrite/lineage.h"
#include "rewrite/rules.h"
#include "rewrite/verdict.h"

const struct verdict *verdict_on(const struct judge *j, const struct node *n) {
    return j->verdict[n->span.start];
}

/* -- records ------------------------------------------------------------------------------------------------------- */

static void add_record(struct judge *j, struct trace_record record) {
    record.source = j->unit->module->source;
    trace_add(j->unit->arena, &j->records, record);
}

/* The first line of a part of the source. */
static const char *excerpt(struct judge *j, struct span span) {
    enum { LONG = 60 };
    const char *text = j->unit->module->source->text + span.start;
    uint32_t len = span.end - span.start, line = (uint32_t)strcspn(text, "\n");
    bool cut = len > LONG || len > line;
    len = len < line ? len : line;
    len = len < LONG ? len : LONG;
    while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) /* not inside a character */
        len--;
    return arena_printf(j->unit->arena, "%.*s%s", (int)len, text, cut ? " ..." : "");
}

/* The chain that led to a cause. */
static const char *since(struct judge *j, enum fate fate, const struct node *reader, const char *why) {
    const char *how = fate == FATE_REMOVED ? "read by what went from" : "became part of";
    if (reader == NULL)
        return why;
    struct location at = source_locate(j->unit->module->source, reader->span.start);
    return arena_printf(j->unit->arena, "%s (%s line %u)", why, how, at.line);
}

static void record_part(struct judge *j, const struct part *part, const char *where) {
    const char *text = arena_printf(j->unit->arena, "`%s`: %s", excerpt(j, part->span),
        since(j, FATE_REMOVED, part->cause.reader, part->cause.why));
    add_record(j, (struct trace_record){TRACE_REMOVAL, part->cause.id, NULL, part->span, where, text});
}

/* A verdict becomes a record, unless the record of the rule that was applied there says the same. */
static struct verdict *pass_sentence(
    struct judge *j, const struct node *n, struct verdict *v, const char *what, const char *where) {
    j->verdict[n->span.start] = v;
    for (uint32_t i = 0; i < v->parts.len; i++)
        record_part(j, &v->parts.at[i], where);
    if (v->fate != FATE_REMOVED && v->fate != FATE_REWRITTEN)
        return v;
    const struct trace *trace = j->unit->trace;
    for (uint32_t i = 0; v->fate == FATE_REWRITTEN && i < trace->records.len; i++)
        if (trace->records.at[i].kind == TRACE_REWRITE && trace->records.at[i].source == j->unit->module->source &&
            trace->records.at[i].span.start >= n->span.start && trace->records.at[i].span.start < own_span(n).end)
            return v;
    const char *text = arena_printf(j->unit->arena, "%s: %s", what, since(j, v->fate, v->reader, v->why));
    enum trace_kind kind = v->fate == FATE_REMOVED ? TRACE_REMOVAL : TRACE_REWRITE;
    add_record(j, (struct trace_record){kind, v->by.at[0], NULL, n->span, where, text});
    return v;
}

static struct verdict *verdict_new(struct judge *j) {
    return NEW(j->unit->arena, struct verdict);
}

/* -- statements and parameters ------------------------------------------------------------------------------------- */

static void judge_block(struct judge *j, const struct node *def, const struct node *block, const char *where);

static void judge_statement(struct judge *j, const struct node *def, const struct node *stmt, const char *where) {
    struct verdict *v = verdict_new(j);
    verdict_statement(j, def, stmt, v);
    pass_sentence(j, stmt, v, arena_printf(j->unit->arena, "`%s`", excerpt(j, own_span(stmt))), where);
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *kid = is_kind(stmt->kid[i], NODE_HANDLER) ? stmt->kid[i]->kid[1] : stmt->kid[i];
        if (is_kind(kid, NODE_BLOCK))
            judge_block(j, def, kid, where);
    }
}

static void judge_block(struct judge *j, const struct node *def, const struct node *block, const char *where) {
    for (uint32_t i = 0; i < block->nkids; i++)
        if (!is_bare_string(block->kid[i]))
            judge_statement(j, def, block->kid[i], where);
}

static void judge_parameter(struct judge *j, const struct node *def, const struct node *param, const char *where) {
    struct verdict *v = verdict_new(j);
    struct cause cause;
    if (verdict_parameter(j, def, param->atom, param->op, &cause))
        verdict_cause(j, v, FATE_REMOVED, &cause);
    pass_sentence(j, param, v, arena_printf(j->unit->arena, "parameter `%s`", param->atom), where);
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

static void decorators(struct judge *j, const struct node *def, uint32_t from, struct verdict *v) {
    for (uint32_t i = from; i < def->nkids; i++) {
        const struct node *d = def->kid[i];
        if (is_name(d, "staticmethod") || is_name(d, "classmethod") || is_name(d, "property"))
            continue;
        const struct node *callee = d->kind == NODE_CALL ? d->kid[0] : d;
        const struct fact *fact = callee->atom ? fact_decorator(j->unit->facts, callee->atom) : NULL;
        if (fact == NULL && callee->atom)
            fact = fact_context(j->unit->facts, callee->atom);
        struct explanation e = reason_explain(j->unit->facts, fact ? fact->number : REASON_DECORATOR);
        vec_push(j->unit->arena, &v->parts, ((struct part){d->span, {e.id, e.why, NULL}}));
    }
}

static bool has_live_function(struct judge *j, const struct node *def) {
    struct functions all = {0};
    functions_collect(j->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->def == def && all.list.at[i]->live)
            return true;
    return false;
}

/* Rules that have taken statements of a function that was unfolded. */
static void rules_inside(struct judge *j, const struct node *def, struct verdict *v) {
    for (uint32_t at = function_body(def)->span.start; at < def->span.end; at++) {
        const struct verdict *inner = j->verdict[at];
        for (uint32_t i = 0; inner && inner->fate == FATE_REWRITTEN && i < inner->by.len; i++) {
            const struct rule *rule = rules_find(j->unit->rules, inner->by.at[i]);
            if (rule)
                verdict_cause(j, v, FATE_REWRITTEN, &(struct cause){rule->id, rule->title, NULL});
        }
    }
}

/* What became of the calls of a function that is not there as itself. */
static void judge_calls(struct judge *j, const struct node *def, struct verdict *v) {
    const struct account *a = j->unit->account;
    struct verdict *gone = NULL;
    for (uint32_t i = 0; i < a->calls.len; i++) {
        const struct called *call = &a->calls.at[i];
        const struct node *stmt = call->fn->def == def ? reads_statement_at(j->reads, call->span) : NULL;
        struct verdict *at = verdict_new(j);
        if (stmt == NULL)
            continue;
        verdict_statement(j, NULL, stmt, at);
        if (at->fate != FATE_REMOVED && call->unfolded) {
            rules_inside(j, def, v);
            verdict_because(j, v, FATE_REWRITTEN, REASON_UNFOLDED);
            return;
        }
        gone = at->fate == FATE_REMOVED ? at : gone;
    }
    if (gone)
        verdict_cause(j, v, FATE_REMOVED, &(struct cause){gone->by.at[0], gone->why, gone->reader});
    else
        verdict_because(j, v, FATE_REMOVED, REASON_UNUSED);
}

static void judge_function(struct judge *j, const struct node *def, const struct node *owner) {
    struct verdict *v = verdict_new(j);
    struct cause cause;
    const char *name = owner ? arena_printf(j->unit->arena, "%s.%s", owner->atom, def->atom) : def->atom;
    bool reached = reads_reached(j->reads, def), live = has_live_function(j, def);
    if (live && j->last == STAGE_EMITTED && !lineage_reaches(j->unit, def)) { /* a constructor that only hands on */
        verdict_because(j, v, FATE_REMOVED, REASON_NO_EFFECT);
        pass_sentence(j, def, v, arena_printf(j->unit->arena, "method `%s`", name), NULL);
        return;
    }
    for (uint32_t i = 0; live && i < function_params(def)->nkids; i++)
        if (function_params(def)->kid[i]->atom)
            judge_parameter(j, def, function_params(def)->kid[i], name);
    if (reached)
        judge_block(j, def, function_body(def), name);
    if (!live && reached)
        judge_calls(j, def, v);
    else if (!live && cause_of_definition(j->reads, def->atom, &cause))
        verdict_cause(j, v, FATE_REMOVED, &cause);
    else if (!live)
        verdict_because(j, v, FATE_REMOVED, REASON_UNREACHED);
    if (reached)
        decorators(j, def, 3, v);
    const char *what = v->fate == FATE_REWRITTEN ? ", unfolded into its callers" : "";
    pass_sentence(
        j, def, v, arena_printf(j->unit->arena, "%s `%s`%s", owner ? "method" : "function", name, what), NULL);
}

/* -- classes ------------------------------------------------------------------------------------------------------- */

static bool derives_from(const struct cls *cls, const struct cls *base) {
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (cls->bases.at[i] == base || derives_from(cls->bases.at[i], base))
            return true;
    return false;
}

static bool is_base(const struct judge *j, const struct cls *cls) {
    for (uint32_t i = 0; i < j->unit->classes.len; i++)
        if (j->unit->classes.at[i]->live && derives_from(j->unit->classes.at[i], cls))
            return true;
    return false;
}

/* Outer classes are written by emit/, and so are the classes of outputs. */
static bool is_convention(const struct cls *cls) {
    return class_derives(cls, "PreTrainedModel") || class_derives(cls, "ModelOutput");
}

static void class_attribute(struct judge *j, const struct node *owner, const struct cls *cls, const struct node *stmt) {
    if (j->last != STAGE_EMITTED)
        return;
    struct verdict *v = verdict_new(j);
    const struct node *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : stmt->nkids ? stmt->kid[0] : stmt;
    bool written = target->kind == NODE_NAME &&
                   map_has(&j->unit->account->written, intern_dotted(j->unit->atoms, owner->atom, target->atom));
    bool output = cls && class_derives(cls, "ModelOutput");
    if (written || output)
        verdict_because(j, v, FATE_REWRITTEN, REASON_SKELETON);
    else
        verdict_because(j, v, FATE_REMOVED, stmt->kind == NODE_PASS ? REASON_NO_EFFECT : REASON_SETTING);
    pass_sentence(j, stmt, v, arena_printf(j->unit->arena, "`%s`", excerpt(j, stmt->span)), owner->atom);
}

static void base_facts(struct judge *j, const struct cls *cls, const struct node *def) {
    for (uint32_t i = 0; i < cls->library_bases.len; i++) {
        const struct fact *fact = fact_base(j->unit->facts, cls->library_bases.at[i]);
        if (fact)
            add_record(j, (struct trace_record){TRACE_FACT, fact->id, NULL, def->span, def->atom, fact->why});
    }
}

static void judge_class(struct judge *j, const struct node *def) {
    struct verdict *v = verdict_new(j);
    struct cause cause;
    const struct symbol *symbol = module_lookup(j->unit->module, def->atom);
    const struct cls *cls = symbol && symbol->def == def ? symbol->cls : NULL;
    bool live = cls && cls->live, base = cls && !live && is_base(j, cls);
    bool named = !live && !base && cause_of_definition(j->reads, def->atom, &cause);
    if (base || (cls && !live && class_derives(cls, "ModelOutput")))
        verdict_because(j, v, FATE_REWRITTEN, is_convention(cls) ? REASON_SKELETON : REASON_INHERITED);
    else if (named)
        verdict_cause(j, v, FATE_REMOVED, &cause);
    else if (!live)
        verdict_because(j, v, FATE_REMOVED, cls && cls->constructed ? REASON_UNUSED : REASON_UNREACHED);
    bool inside = live || base || v->fate == FATE_REWRITTEN || (cls && cls->constructed);
    if (inside)
        decorators(j, def, 2, v);
    pass_sentence(j, def, v, arena_printf(j->unit->arena, "class `%s`", def->atom), NULL);
    if (!inside)
        return;
    base_facts(j, cls, def);
    for (uint32_t i = 0; i < class_body(def)->nkids; i++) {
        const struct node *stmt = class_body(def)->kid[i];
        if (stmt->kind == NODE_FUNCTION)
            judge_function(j, stmt, def);
        else if (!is_bare_string(stmt))
            class_attribute(j, def, cls, stmt);
    }
}

/* -- the module ---------------------------------------------------------------------------------------------------- */

static struct cause cause_of_import(struct judge *j, const struct node *alias) {
    atom name = alias->asname ? alias->asname : alias->atom;
    const struct symbol *symbol = module_lookup(j->unit->module, name);
    const struct fact *fact = symbol && symbol->qual ? fact_library(j->unit->facts, symbol->qual) : NULL;
    if (fact == NULL && symbol && symbol->qual)
        fact = fact_base(j->unit->facts, symbol->qual);
    const struct node *reader = reads_first(j->reads, name);
    struct verdict v = {0};
    struct cause cause;
    if (cause_of_definition(j->reads, name, &cause))
        return cause;
    if (fact == NULL && reader)
        verdict_statement(j, NULL, reader, &v);
    if (v.by.len > 0)
        return (struct cause){v.by.at[0], v.why, reader};
    if (fact == NULL && cause_of_mention(j->reads, name, &cause))
        return cause;
    struct explanation e = reason_explain(j->unit->facts, fact ? fact->number : REASON_UNUSED);
    return (struct cause){e.id, e.why, NULL};
}

static void judge_import(struct judge *j, const struct node *stmt) {
    struct verdict *v = verdict_new(j);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *alias = stmt->kid[i];
        atom name = alias->asname ? alias->asname : alias->atom;
        if (map_has(&j->unit->account->imported, name))
            kept++;
        else
            vec_push(j->unit->arena, &v->parts, ((struct part){alias->span, cause_of_import(j, alias)}));
    }
    if (kept == 0 && v->parts.len > 0) {
        struct cause first = v->parts.at[0].cause;
        v->parts.len = v->parts.len > 1 ? v->parts.len : 0;
        verdict_cause(j, v, FATE_REMOVED, &first);
    }
    pass_sentence(j, stmt, v, arena_printf(j->unit->arena, "`%s`", excerpt(j, stmt->span)), NULL);
}

static void judge_module_statement(struct judge *j, const struct node *stmt);

/* `logger = logging.get_logger(...)`: what a fact says of the function that made the value. */
static const struct fact *made_by(const struct judge *j, const struct node *stmt) {
    const struct node *call = stmt->kind == NODE_ASSIGN ? stmt->kid[0] : NULL;
    const struct node *callee = is_kind(call, NODE_CALL) ? call->kid[0] : NULL;
    if (!is_kind(callee, NODE_ATTRIBUTE) || callee->kid[0]->kind != NODE_NAME)
        return NULL;
    return fact_library(j->unit->facts, intern_dotted(j->unit->atoms, callee->kid[0]->atom, callee->atom));
}

static void judge_value(struct judge *j, const struct node *stmt) {
    struct verdict *v = verdict_new(j);
    const struct fact *fact = made_by(j, stmt);
    struct cause cause;
    const struct node *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : stmt->nkids ? stmt->kid[0] : stmt;
    const struct symbol *symbol = target->kind == NODE_NAME ? module_lookup(j->unit->module, target->atom) : NULL;
    bool compound = stmt->kind == NODE_IF || stmt->kind == NODE_TRY; /* around imports */
    bool written = symbol && symbol->kind == SYM_VALUE && symbol->used && symbol->stmt == stmt;
    if (target->kind == NODE_NAME && atom_is(target->atom, "__all__"))
        verdict_because(j, v, FATE_REMOVED, REASON_EXPORTS);
    else if (!written && fact)
        verdict_because(j, v, FATE_REMOVED, fact->number);
    else if (!written && symbol && cause_of_definition(j->reads, target->atom, &cause))
        verdict_cause(j, v, FATE_REMOVED, &cause);
    else if (!written)
        verdict_because(j, v, FATE_REMOVED, symbol ? REASON_UNUSED : compound ? REASON_IMPORTS : REASON_NO_EFFECT);
    pass_sentence(j, stmt, v, arena_printf(j->unit->arena, "`%s`", excerpt(j, own_span(stmt))), NULL);
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *kid = is_kind(stmt->kid[i], NODE_HANDLER) ? stmt->kid[i]->kid[1] : stmt->kid[i];
        for (uint32_t k = 0; is_kind(kid, NODE_BLOCK) && k < kid->nkids; k++)
            judge_module_statement(j, kid->kid[k]);
    }
}

static void judge_module_statement(struct judge *j, const struct node *stmt) {
    switch (stmt->kind) {
    case NODE_CLASS: judge_class(j, stmt); break;
    case NODE_FUNCTION: judge_function(j, stmt, NULL); break;
    case NODE_IMPORT:
    case NODE_IMPORTFROM: judge_import(j, stmt); break;
    default:
        if (!is_bare_string(stmt))
            judge_value(j, stmt);
    }
}

/* Where nothing was emitted, what stands around the functions has met no fate. */
static void judge_definition(struct judge *j, const struct node *stmt) {
    if (j->last == STAGE_EMITTED || stmt->kind == NODE_CLASS || stmt->kind == NODE_FUNCTION)
        judge_module_statement(j, stmt);
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static int by_place(const void *pa, const void *pb) {
    const struct trace_record *a = pa, *b = pb;
    if (a->span.start != b->span.start)
        return a->span.start < b->span.start ? -1 : 1;
    if (a->kind != b->kind)
        return (int)a->kind - (int)b->kind;
    int order = strcmp(a->id, b->id);
    return order ? order : strcmp(a->text ? a->text : "", b->text ? b->text : "");
}

static bool same_record(const struct trace_record *a, const struct trace_record *b) {
    bool same_where = a->where == b->where || (a->where && b->where && strcmp(a->where, b->where) == 0);
    return by_place(a, b) == 0 && (same_where || a->kind != TRACE_MISS);
}

/* By place, each once: a function that is unfolded twice applies the same facts twice. */
static void sort_records(struct trace *trace) {
    uint32_t kept = 0;
    if (trace->records.len > 0)
        qsort(trace->records.at, trace->records.len, sizeof *trace->records.at, by_place);
    for (uint32_t i = 0; i < trace->records.len; i++)
        if (kept == 0 || !same_record(&trace->records.at[kept - 1], &trace->records.at[i]))
            trace->records.at[kept++] = trace->records.at[i];
    trace->records.len = kept;
}

static uint8_t last_stage(const struct unit *unit) {
    uint8_t last = STAGE_NEVER;
    for (uint32_t at = 0; at <= unit->module->source->len; at++)
        last = unit->account->statement[at] > last ? unit->account->statement[at] : last;
    return last;
}

/* Of a program that could not even be specialised there is one thing to say: what in it is not understood. */
static bool refuse(struct judge *j, const struct node *n) {
    struct verdict *v = verdict_new(j);
    bool refused = node_is_stmt(n) && !is_bare_string(n) && verdict_refused(j, n, v);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] &&
            (node_is_stmt(n->kid[i]) || is_kind(n->kid[i], NODE_BLOCK) || is_kind(n->kid[i], NODE_HANDLER)))
            refused |= refuse(j, n->kid[i]);
    if (refused && node_is_stmt(n)) {
        v->fate = FATE_NOT_UNDERSTOOD;
        v->why = v->why ? v->why : "a part of it is not understood";
        j->verdict[n->span.start] = v;
    }
    return refused;
}

struct judge *judge_source(struct unit *unit) {
    if (unit->account == NULL)
        return NULL;
    struct judge *j = NEW(unit->arena, struct judge);
    j->unit = unit;
    j->verdict = NEW_ARRAY(unit->arena, struct verdict *, unit->module->source->len + 1);
    if (unit->account->statement == NULL) {
        refuse(j, unit->module->tree);
        j->records = *unit->trace;
        return j;
    }
    j->last = last_stage(unit);
    j->reads = reads_collect(unit);
    for (uint32_t i = 0; i < unit->module->tree->nkids; i++)
        judge_definition(j, unit->module->tree->kid[i]);
    for (uint32_t i = 0; i < unit->account->facts.records.len; i++)
        trace_add(unit->arena, &j->records, unit->account->facts.records.at[i]);
    for (uint32_t i = 0; i < unit->trace->records.len; i++)
        trace_add(unit->arena, &j->records, unit->trace->records.at[i]);
    sort_records(&j->records);
    return j;
}
