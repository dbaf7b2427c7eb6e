/* onboard_review.c - the checklist of `adgen review`, held against what an onboarding has made.
 *
 * Reads the texts of the model and its tests as a reviewer of files does, not the translation that they come from.
 * What the checklist leaves to others is listed: it is not passed. */
#include <string.h>

#include "emit/onboard_plan.h"
#include "emit/review_report.h"

static uint32_t items_with(const struct review *review, enum review_verdict verdict) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < review->nitems; i++)
        count += review->items[i].verdict == verdict;
    return count;
}

static void put_findings(struct buf *out, const struct review *review) {
    for (uint32_t i = 0; i < review->count; i++) {
        const struct diag *finding = review->findings[i];
        buf_printf(
            out, "  - %s, line %u: %s\n", finding->rule, review_region(review, finding).start.line, finding->message);
    }
}

static void put_unchecked(struct buf *out, const struct review *review) {
    for (uint32_t i = 0; i < review->nitems; i++) {
        const struct review_item *item = &review->items[i];
        if (item->verdict == REVIEW_NOT_CHECKED)
            buf_printf(out, "  - %s, %s: not checked; %s\n", item->rule->id, item->rule->title, item->note);
    }
}

static void put_review(struct plan *plan, struct buf *out, const char *name, const struct review *review) {
    if (review == NULL) {
        buf_printf(out, "- `%s`: not reviewed\n", name);
        return;
    }
    const enum review_verdict verdict = review->count ? REVIEW_FAIL : REVIEW_PASS;
    buf_printf(out, "- `%s`: %s; %u items passed, %u failed, %u not applicable\n", name, review_verdict_text(verdict),
        items_with(review, REVIEW_PASS), items_with(review, REVIEW_FAIL), items_with(review, REVIEW_NOT_APPLICABLE));
    put_findings(out, review);
    put_unchecked(out, review);
    plan->made->findings += review->count;
}

void review_made(struct plan *plan, struct adgen *adgen) {
    const char *const names[] = {plan->model_path, plan->test_path}, *const texts[] = {plan->code, plan->tests};
    struct buf out = {0};
    for (int i = 0; i < 2; i++) {
        struct adgen_result result;
        /* Beside the source, where the same package is at hand. */
        const struct adgen_request file = {
            .path = plan->unit->module->source->path, .text = texts[i], .len = strlen(texts[i])};
        adgen_review(adgen, &file, &result);
        put_review(plan, &out, names[i], result.review);
        adgen_result_free(&result);
    }
    plan->reviewed = buf_keep(&out, plan->arena);
}
