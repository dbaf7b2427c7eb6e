/* review_equations.c - what the model computes by hand although an operator computes it.
 *
 * Reads   the module. Runs the passes of a translation up to the check on it, as if it were Hugging Face's.
 * Finds   each expression that an equation would replace (C1): it is equal to a canonical operator, whatever way it is
 *         written. What looks like attention or a rotary embedding, but is no instance of an equation (C7). What
 *         torch.export cannot trace (E1).
 * Where the passes cannot follow the file, that is said instead of a verdict. */
#include <string.h>

#include "base/text.h"
#include "rewrite/leftovers.h"
#include "rewrite/passes.h"
#include "rewrite/review_internal.h"
#include "rewrite/rules.h"
#include "rewrite/trace.h"

/* -- C1 ------------------------------------------------------------------------------------------------------------ */

/* The operator that an equation makes. Those of experts make steps of a loop, of which a pass makes the operator. */
static const char *operator_of(struct reviewer *r, const struct rule *rule) {
    static const char ours[] = "torch.ops.auto_deploy.";
    const char *op = strstr(rule->rewrite_text, ours);
    if (op == NULL)
        return "torch_moe";
    op += strlen(ours);
    return arena_strndup(r->unit->arena, op, name_length(op));
}

/* Another finding about a part of the same: it says what to do already. */
static bool is_said(struct reviewer *r, struct span span) {
    uint32_t count;
    struct diag **found = diags_sorted(r->found, &count);
    for (uint32_t i = 0; i < count; i++)
        if (found[i]->span.end > 0 && found[i]->span.start < span.end && found[i]->span.end > span.start &&
            word_in(found[i]->rule, "C1 C6 C7 C8"))
            return true;
    return false;
}

static void report_equation(struct reviewer *r, const struct trace_record *record, const struct rule *rule) {
    if (record->source != r->review->source || is_said(r, record->span))
        return;
    const char *op = operator_of(r, rule);
    struct diag *d = review_find_at(r, "C1", record->span, "this is `%s`, written by hand (%s)", op, rule->title);
    review_help(r, d,
        arena_printf(
            r->unit->arena, "call torch.ops.auto_deploy.%s; `adgen --explain %s` has the equation", op, rule->id));
}

/* -- C7 ------------------------------------------------------------------------------------------------------------ */

struct leftover {
    struct reviewer *r;
    struct values *values;
    struct fn *fn;
};

static void find_leftover(struct leftover *l, struct node *n) {
    struct reviewer *r = l->r;
    const char *idiom = node_is_expr(n) ? leftover_idiom(l->values, n) : NULL;
    if (idiom && n->span.end > 0 && n->source == r->review->source && !is_said(r, n->span)) {
        struct diag *d = review_find_at(
            r, "C7", n->span, "this is %s in plain PyTorch, and no equation makes an operator of it", idiom);
        review_help(r, d, nearest_miss(r->unit, l->fn, strcmp(idiom, "attention") == 0 ? "attention" : "rope"));
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            find_leftover(l, n->kid[i]);
}

static void report_leftovers(struct reviewer *r) {
    struct functions all = {0};
    functions_collect(r->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (!fn->live || fn->body == NULL || atom_is(fn->name, "__init__"))
            continue;
        struct leftover l = {.r = r, .fn = fn};
        l.values = values_create(r->unit->arena, r->unit->atoms, r->unit->rules->library);
        find_leftover(&l, fn->body);
    }
}

/* -- E1 ------------------------------------------------------------------------------------------------------------ */

/* A loop as often as the first dimension is long: that of streams that the model has stacked is a constant. A model
 * that loops over its batch is not known by that. */
struct first {
    struct span span;
    bool found;
};

static void visit_first(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)r, (void)at;
    struct first *first = user;
    const struct node *bound = n->kind == NODE_CALL && n->nkids == 2 ? n->kid[1] : NULL;
    if (n->span.start == first->span.start && is_kind(bound, NODE_SUBSCRIPT) && is_int(bound->kid[1], 0))
        first->found = true;
}

static void report_export(struct reviewer *r) {
    uint32_t count;
    struct diag **said = diags_sorted(r->unit->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (said[i]->source != r->review->source || !said[i]->rule ||
            !word_in(said[i]->rule, "data-dependent sequence-loop sequence-blocks"))
            continue;
        struct first first = {.span = said[i]->span};
        if (strcmp(said[i]->rule, "sequence-loop") == 0)
            review_walk(r, r->unit->module->tree, visit_first, &first);
        if (!first.found)
            review_find_at(r, "E1", said[i]->span, "%s", said[i]->message);
    }
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static void not_followed(struct reviewer *r) {
    static const char *const items[] = {"C1", "C7", "E1"};
    uint32_t count;
    struct diag **said = diags_sorted(r->unit->diags, &count);
    const char *why = "the file could not be followed";
    for (uint32_t i = 0; i < count; i++) {
        if (said[i]->severity != SEVERITY_ERROR)
            continue;
        uint32_t line = said[i]->source ? source_locate(said[i]->source, said[i]->span.start).line : 0;
        why = said[i]->source ? arena_printf(r->unit->arena, "line %u: %s", line, said[i]->message) : said[i]->message;
        break;
    }
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        review_unchecked(r, items[i], why);
}

void review_equations(struct reviewer *r) {
    struct unit *unit = r->unit;
    unit->options.partial = true;
    unit->options.entry = r->entry ? r->entry->atom : NULL;
    bool followed = passes_run(unit, pass_find("check"));
    const struct trace *trace = unit->trace;
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *record = &trace->records.at[i];
        const struct rule *rule = record->kind == TRACE_REWRITE ? rules_find(unit->rules, record->id) : NULL;
        if (rule)
            report_equation(r, record, rule);
    }
    if (!followed) {
        not_followed(r);
        return;
    }
    report_leftovers(r);
    report_export(r);
}
