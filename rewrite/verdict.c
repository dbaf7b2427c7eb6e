/* verdict.c - the verdict on a statement. */
#include "rewrite/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/lineage.h"
#include "rewrite/passes.h"

const char *fate_text(enum fate fate) {
    static const char *const texts[] = {"kept", "rewritten", "removed", "not understood"};
    return texts[fate];
}

static void add_id(struct judge *j, struct verdict *v, const char *id) {
    for (uint32_t i = 0; i < v->by.len; i++)
        if (strcmp(v->by.at[i], id) == 0)
            return;
    vec_push(j->unit->arena, &v->by, id);
}

void verdict_cause(struct judge *j, struct verdict *v, enum fate fate, const struct cause *cause) {
    v->fate = fate;
    v->why = v->why ? v->why : cause->why;
    v->reader = v->reader ? v->reader : cause->reader;
    add_id(j, v, cause->id);
}

void verdict_because(struct judge *j, struct verdict *v, enum fate fate, reason because) {
    struct explanation e = reason_explain(j->unit->facts, because);
    verdict_cause(j, v, fate, &(struct cause){e.id, e.why, NULL});
}

static bool starts_in(struct span place, struct span span) {
    return place.start >= span.start && place.start < span.end;
}

static bool covers(struct span outer, struct span inner) {
    return outer.start <= inner.start && inner.end <= outer.end;
}

/* -- what is left -------------------------------------------------------------------------------------------------- */

static uint8_t last_expression(const struct judge *j, struct span span) {
    uint8_t last = STAGE_NEVER;
    for (uint32_t at = span.start; at < span.end; at++)
        if (j->unit->account->expression[at] > last)
            last = j->unit->account->expression[at];
    return last;
}

static uint8_t last_statement(const struct judge *j, const struct node *stmt) {
    return j->unit->account->statement[stmt->span.start];
}

/* Whether something in the range is in the output, or was needed before it was rewritten. */
static bool is_of_use(const struct judge *j, struct span span) {
    const struct trace *trace = j->unit->trace;
    for (uint32_t at = span.start; at < span.end; at++)
        if (j->unit->account->needed[at] || j->unit->account->statement[at] == j->last)
            return true;
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *r = &trace->records.at[i];
        if (r->kind == TRACE_REWRITE && r->source == j->unit->module->source && starts_in(r->span, span))
            return true;
    }
    return last_expression(j, span) == j->last;
}

/* -- rules and calls in it ----------------------------------------------------------------------------------------- */

void verdict_rules(struct judge *j, struct span span, struct verdict *v) {
    const struct trace *trace = j->unit->trace;
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *r = &trace->records.at[i];
        if (r->kind != TRACE_REWRITE || r->source != j->unit->module->source || !starts_in(r->span, span))
            continue;
        v->fate = FATE_REWRITTEN;
        v->why = v->why ? v->why : r->text;
        add_id(j, v, r->id);
    }
}

/* What an unfolded call, or the result of one, has become in the end. */
static void part_of_rule(struct judge *j, const struct node *stmt, struct verdict *v) {
    struct cause cause;
    if (v->by.len == 0 && last_statement(j, stmt) != j->last && cause_of_statement(j->reads, stmt, WANT_RULE, &cause))
        verdict_cause(j, v, FATE_REWRITTEN, &cause);
}

/* A call in it whose function stands in its place now, and what rules have made of that. */
static bool unfolded(struct judge *j, const struct node *stmt, struct verdict *v) {
    const struct account *a = j->unit->account;
    struct span span = own_span(stmt);
    bool found = false;
    for (uint32_t i = 0; i < a->calls.len; i++) {
        const struct called *call = &a->calls.at[i];
        const struct node *def = call->fn->def;
        if (!call->unfolded || !starts_in(call->span, span) || decided_around(j->unit, call->span))
            continue;
        if (def == NULL || !is_of_use(j, def->span))
            continue;
        found = true;
        verdict_rules(j, def->span, v);
    }
    if (!found)
        return false;
    part_of_rule(j, stmt, v);
    verdict_because(j, v, FATE_REWRITTEN, REASON_UNFOLDED);
    return true;
}

bool verdict_refused(const struct judge *j, const struct node *stmt, struct verdict *v) {
    struct span span = own_span(stmt);
    uint32_t count;
    struct diag **list = diags_sorted(j->unit->diags, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i]->severity <= SEVERITY_GAP && list[i]->source == j->unit->module->source &&
            starts_in(list[i]->span, span)) {
            v->fate = FATE_NOT_UNDERSTOOD;
            v->why = list[i]->message;
            return true;
        }
    return false;
}

/* -- what was decided ---------------------------------------------------------------------------------------------- */

/* The part of a statement without which nothing of it is left. */
static const struct node *essence(const struct node *stmt) {
    switch (stmt->kind) {
    case NODE_ASSIGN:
    case NODE_IF:
    case NODE_WHILE:
    case NODE_EXPR:
    case NODE_RETURN: return stmt->kid[0];
    case NODE_ANNASSIGN: return stmt->kid[2];
    case NODE_WITH: return stmt->kid[1];
    case NODE_TRY: return stmt->nkids > 3 ? stmt->kid[3] : stmt->kid[2];
    default: return stmt;
    }
}

static const struct decided *decided_wholly(const struct judge *j, const struct node *stmt) {
    const struct decided *whole = decided_around(j->unit, stmt->span);
    const struct node *value = essence(stmt);
    if (whole || value == NULL)
        return whole;
    for (uint32_t i = 0; i < j->unit->account->decided.len; i++) {
        const struct decided *d = &j->unit->account->decided.at[i];
        if (d->through && covers(d->span, value->span))
            return d;
    }
    return decided_around(j->unit, value->span);
}

/* -- parts --------------------------------------------------------------------------------------------------------- */

static void add_part(struct judge *j, struct verdict *v, struct span span, struct cause cause) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < v->parts.len; i++)
        if (covers(v->parts.at[i].span, span))
            return;
    for (uint32_t i = 0; i < v->parts.len; i++)
        if (!covers(span, v->parts.at[i].span))
            v->parts.at[kept++] = v->parts.at[i];
    v->parts.len = kept;
    vec_push(j->unit->arena, &v->parts, ((struct part){span, cause}));
}

static const struct param *param_filled(const struct called *call, const struct node *argument, uint32_t index) {
    uint32_t i = index - 1 + (call->fn->owner && !call->fn->is_static);
    if (argument->kind != NODE_KEYWORD)
        return i < call->fn->params.len ? call->fn->params.at[i] : NULL;
    for (i = 0; i < call->fn->params.len; i++)
        if (call->fn->params.at[i]->name == argument->atom)
            return call->fn->params.at[i];
    return NULL;
}

/* The parameter in each of the functions that a definition has become: whether it lives in one, else why it is known.
 */
static bool param_lives(struct judge *j, const struct node *def, atom name, reason *because) {
    struct functions all = {0};
    functions_collect(j->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        const struct fn *fn = all.list.at[i];
        for (uint32_t k = 0; fn->def == def && k < fn->params.len; k++) {
            const struct param *p = fn->params.at[k];
            if (p->name != name)
                continue;
            if (fn->live && (p->live || fn->escapes))
                return true;
            if (p->abs && (p->abs->kind == ABS_CONST || p->abs->kind == ABS_MASK))
                *because = abs_because(p->abs);
        }
    }
    return false;
}

bool verdict_parameter(struct judge *j, const struct node *def, atom name, enum op role, struct cause *cause) {
    reason because = role == PARAM_PLAIN ? REASON_NONE : REASON_KEYS;
    if (param_lives(j, def, name, &because))
        return false;
    if (because == REASON_NONE && cause_of_parameter(j->reads, def, name, cause))
        return true;
    struct explanation e = reason_explain(j->unit->facts, because ? because : REASON_UNUSED);
    *cause = (struct cause){e.id, e.why, NULL};
    return true;
}

/* Arguments whose parameters are not there any more. */
static void dropped_arguments(struct judge *j, const struct node *n, struct verdict *v) {
    const struct account *a = j->unit->account;
    if (n == NULL || n->kind == NODE_BLOCK)
        return;
    for (uint32_t i = 0; n->kind == NODE_CALL && i < a->calls.len; i++) {
        const struct called *call = &a->calls.at[i];
        if (call->unfolded || call->fn->def == NULL || !call->fn->live || call->fn->escapes ||
            call->span.start != n->span.start || call->span.end != n->span.end)
            continue;
        for (uint32_t k = 1; k < n->nkids; k++) {
            const struct param *p = param_filled(call, n->kid[k], k);
            struct cause cause;
            if (p && !decided_around(j->unit, n->kid[k]->span) &&
                verdict_parameter(j, call->fn->def, p->name, p->role, &cause))
                add_part(j, v, n->kid[k]->span, cause);
        }
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        dropped_arguments(j, n->kid[i], v);
}

static int parts_by_place(const void *pa, const void *pb) {
    const struct part *a = pa, *b = pb;
    return a->span.start < b->span.start ? -1 : a->span.start > b->span.start;
}

static void find_parts(struct judge *j, const struct node *stmt, struct verdict *v) {
    struct span span = own_span(stmt);
    for (uint32_t i = 0; i < j->unit->account->decided.len; i++) {
        const struct decided *d = &j->unit->account->decided.at[i];
        if (d->because == REASON_CONSTANT || d->through || !covers(span, d->span) ||
            last_expression(j, d->span) == j->last)
            continue;
        struct explanation e = reason_explain(j->unit->facts, d->because);
        add_part(j, v, d->span, (struct cause){e.id, e.why, NULL});
    }
    dropped_arguments(j, stmt, v);
    if (v->parts.len > 0)
        qsort(v->parts.at, v->parts.len, sizeof *v->parts.at, parts_by_place);
}

/* -- the verdict --------------------------------------------------------------------------------------------------- */

/* Passes that find an equal expression, and those that take away what is then without a use. */
static bool leaves_to_rules(const struct pass *pass) {
    return pass->name && word_in(pass->name, "equations again sweep prune");
}

/* Passes, and the emission behind them, that only write the same in another way. */
static bool writes_over(const struct pass *pass) {
    return pass->name == NULL || word_in(pass->name, "tidy names");
}

/* The logits need it, and yet it is not there: something equal is. */
static void replaced(struct judge *j, const struct node *stmt, struct verdict *v) {
    uint8_t stage = last_statement(j, stmt);
    const struct pass *ended = &passes[stage ? stage : j->unit->account->specialised]; /* stages count from 1 */
    struct cause cause;
    if (leaves_to_rules(ended) && cause_of_statement(j->reads, stmt, WANT_RULE, &cause))
        verdict_cause(j, v, FATE_REWRITTEN, &cause);
    else if (!leaves_to_rules(ended) && !writes_over(ended))
        verdict_cause(j, v, FATE_REWRITTEN, &(struct cause){ended->name, ended->what, NULL});
    else
        verdict_because(j, v, FATE_REWRITTEN, REASON_INLINED), find_parts(j, stmt, v);
}

/* Of an attribute that a fact answers for, such as `self.gradient_checkpointing`, no read is left. */
static const struct fact *answered(const struct judge *j, const struct node *stmt) {
    const struct node *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : NULL;
    return is_kind(target, NODE_ATTRIBUTE) ? fact_attribute(j->unit->facts, target->atom) : NULL;
}

static void unused(struct judge *j, const struct node *stmt, struct verdict *v) {
    const struct fact *fact = answered(j, stmt);
    struct cause cause;
    if (fact)
        verdict_because(j, v, FATE_REMOVED, fact->number);
    else if (cause_of_statement(j->reads, stmt, WANT_REASON, &cause))
        verdict_cause(j, v, FATE_REMOVED, &cause);
    else
        verdict_because(j, v, FATE_REMOVED, REASON_UNUSED);
}

/* The value of an unfolded function goes to its callers. */
static bool returns_to_callers(struct judge *j, const struct node *def, const struct node *stmt, struct verdict *v) {
    const struct account *a = j->unit->account;
    if (stmt->kind != NODE_RETURN)
        return false;
    for (uint32_t i = 0; i < a->calls.len; i++)
        if (a->calls.at[i].unfolded && a->calls.at[i].fn->def == def && is_of_use(j, def->span)) {
            verdict_rules(j, def->span, v);
            part_of_rule(j, stmt, v);
            verdict_because(j, v, FATE_REWRITTEN, REASON_UNFOLDED);
            return true;
        }
    return false;
}

bool pass_has_records(const struct pass *pass) {
    return word_in(pass->name, "specialise equations again sweep latents branches prune");
}

/* It is there, and does not say what the source says. */
static void changed_by_passes(struct judge *j, const struct node *stmt, struct verdict *v) {
    struct line changes = j->last == STAGE_EMITTED ? lineage_changes(j->unit, stmt) : (struct line){0};
    for (reason why = 1; why < REASON_FACTS; why++)
        if ((changes.because | (v->parts.len > 0 ? 0 : changes.form)) >> why & 1)
            verdict_because(j, v, FATE_REWRITTEN, why);
    for (uint32_t i = 0; passes[i].name != NULL; i++)
        if (changes.bare >> i & 1 && !(v->parts.len > 0 && pass_has_records(&passes[i])))
            verdict_cause(j, v, FATE_REWRITTEN, &(struct cause){passes[i].name, passes[i].what, NULL});
    if (changes.bare >> LINE_WRITTEN & 1)
        verdict_because(j, v, FATE_REWRITTEN, REASON_WRITTEN);
}

void verdict_statement(struct judge *j, const struct node *def, const struct node *stmt, struct verdict *v) {
    struct span span = own_span(stmt);
    if (verdict_refused(j, stmt, v))
        return;
    verdict_rules(j, span, v);
    bool calls = unfolded(j, stmt, v), there = last_statement(j, stmt) == j->last;
    const struct decided *d = there || calls || v->by.len > 0 ? NULL : decided_wholly(j, stmt);
    if (d != NULL) {
        verdict_because(j, v, FATE_REMOVED, d->because);
        return;
    }
    if (there || v->by.len > 0) {
        find_parts(j, stmt, v);
        if (v->by.len == 0)
            changed_by_passes(j, stmt, v);
        return;
    }
    if (returns_to_callers(j, def, stmt, v))
        return;
    if (last_expression(j, span) == j->last || j->unit->account->needed[stmt->span.start])
        replaced(j, stmt, v);
    else
        unused(j, stmt, v);
}
