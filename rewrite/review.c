/* review.c - one file against the checklist.
 *
 * Reads   the module of the unit, as it is written.
 * Writes  a struct review: the findings by place, and a verdict for each item of rules/review.yaml.
 * An item with `needs` applies only to a file in which a check met what it is about. */
#include "rewrite/review.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

/* -- findings ------------------------------------------------------------------------------------------------------ */

static struct review_item *item_of(struct reviewer *r, const char *id) {
    for (uint32_t i = 0; i < r->review->nitems; i++)
        if (strcmp(r->review->items[i].rule->id, id) == 0)
            return &r->review->items[i];
    return NULL;
}

/* A list of items without this one has no findings of it: what is returned then is nowhere. */
static struct diag *add(struct reviewer *r, const char *id, struct span span, const char *format, va_list args) {
    char text[512];
    struct review_item *item = item_of(r, id);
    if (item == NULL)
        return NEW(r->unit->arena, struct diag);
    item->verdict = REVIEW_FAIL;
    vsnprintf(text, sizeof text, format, args);
    return diag_at(r->found, SEVERITY_ERROR, r->review->source, span, item->rule->id, "%s", text);
}

struct diag *review_find(struct reviewer *r, const char *id, const struct node *at, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct diag *d = add(r, id, at ? at->span : (struct span){0, 0}, format, args);
    va_end(args);
    return d;
}

struct diag *review_find_at(struct reviewer *r, const char *id, struct span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    struct diag *d = add(r, id, span, format, args);
    va_end(args);
    return d;
}

void review_help(struct reviewer *r, struct diag *finding, const char *help) {
    if (help)
        diag_help(r->found, finding, "%s", help);
}

void review_applies(struct reviewer *r, const char *id) {
    struct review_item *item = item_of(r, id);
    if (item && item->verdict == REVIEW_NOT_APPLICABLE)
        *item = (struct review_item){.rule = item->rule, .verdict = REVIEW_PASS};
}

void review_unchecked(struct reviewer *r, const char *id, const char *why) {
    struct review_item *item = item_of(r, id);
    if (item && item->verdict != REVIEW_FAIL)
        *item = (struct review_item){.rule = item->rule, .verdict = REVIEW_NOT_CHECKED, .note = why};
}

struct span review_name_span(const struct reviewer *r, const struct node *def) {
    const char *text = r->review->source->text;
    uint32_t at = def->span.start;
    uint32_t first = def->kind == NODE_CLASS ? 2 : 3; /* decorators stand before the name */
    for (uint32_t i = first; i < def->nkids; i++)
        at = def->kid[i] && def->kid[i]->span.end > at ? def->kid[i]->span.end : at;
    const char *name = at < def->span.end ? strstr(text + at, def->kind == NODE_CLASS ? "class " : "def ") : NULL;
    const char *found = name ? strstr(name, def->atom) : NULL;
    if (found == NULL || found >= text + def->span.end)
        return def->span;
    uint32_t start = (uint32_t)(found - text);
    return (struct span){start, start + (uint32_t)strlen(def->atom)};
}

/* -- the checklist ------------------------------------------------------------------------------------------------- */

static void list_items(struct reviewer *r) {
    struct review *review = r->review;
    review->items = NEW_ARRAY(r->unit->arena, struct review_item, r->rules->list.len);
    for (uint32_t i = 0; i < r->rules->list.len; i++) {
        const struct review_rule *rule = r->rules->list.at[i];
        if (rule->subject != review->subject && rule->subject != REVIEW_ANY)
            continue;
        struct review_item *item = &review->items[review->nitems++];
        *item = (struct review_item){.rule = rule, .verdict = REVIEW_PASS};
        if (rule->by)
            item->verdict = REVIEW_NOT_CHECKED, item->note = rule->by;
        else if (rule->needs)
            item->verdict = REVIEW_NOT_APPLICABLE, item->note = rule->needs;
    }
}

/* By what is left when the file has had its say. */
static void conclude(struct reviewer *r) {
    struct review *review = r->review;
    review->findings = diags_sorted(r->found, &review->count);
    for (uint32_t i = 0; i < review->count; i++)
        item_of(r, review->findings[i]->rule)->findings++;
    for (uint32_t i = 0; i < review->nitems; i++) {
        struct review_item *item = &review->items[i];
        if (item->verdict == REVIEW_FAIL && item->findings == 0)
            item->verdict = REVIEW_PASS;
        if (item->ignored > 0)
            item->note = arena_printf(r->unit->arena, "%u ignored", item->ignored);
    }
}

/* -- what kind of file --------------------------------------------------------------------------------------------- */

static void visit_test(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)r;
    if (n->kind == NODE_FUNCTION && !at->fn && starts_with(n->atom, "test_"))
        *(bool *)user = true;
}

static void visit_model(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at;
    if (n->kind == NODE_CLASS && (review_derives(r, n, "nn.Module") || review_derives(r, n, "PreTrainedModel")))
        *(bool *)user = true;
}

static bool is_reviewable(struct reviewer *r) {
    struct node *tree = r->unit->module->tree;
    bool tests = false, model = false;
    review_walk(r, tree, visit_test, &tests);
    review_walk(r, tree, visit_model, &model);
    r->review->subject = tests ? REVIEW_TEST : REVIEW_MODEL;
    if (tests || model)
        return true;
    struct diag *d = diag_at(r->unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, "no-model",
        "%s: there is neither a model nor a test in this file", r->review->source->path);
    diag_help(r->unit->diags, d,
        "a model file defines classes that derive from torch.nn.Module, a test file test_ functions");
    return false;
}

struct review *review_module(struct unit *unit, const struct review_rules *rules) {
    struct review *review = NEW(unit->arena, struct review);
    struct reviewer r = {.unit = unit, .rules = rules, .review = review, .found = diags_create(unit->arena)};
    review->source = unit->module->source;
    if (!is_reviewable(&r))
        return NULL;
    list_items(&r);
    if (review->subject == REVIEW_TEST) {
        review_tests(&r);
        review_levels(&r);
    } else {
        review_find_entry(&r);
        review_contract(&r);
        review_imports(&r);
        review_runtime(&r);
        review_tensors(&r);
        review_experts(&r);
        review_published(&r);
        review_equations(&r);
    }
    review_apply_ignores(&r);
    conclude(&r);
    return review;
}
