/* onboard_plan.h - inside the emitter of onboardings: what it decides once, and the texts made of it. */
#ifndef ADGEN_EMIT_ONBOARD_PLAN_H
#define ADGEN_EMIT_ONBOARD_PLAN_H

#include "emit/edits.h"
#include "emit/into.h"
#include "emit/onboard.h"
#include "rewrite/unit.h"

struct plan {
    struct unit *unit;
    struct arena *arena;
    const struct onboard_request *request;
    struct onboarding *made;

    const char *code, *tests; /* the texts of the model and its tests */
    bool copied;              /* the tests hold their reference */
    const char *reviewed;     /* what the checklist says of both: a list in Markdown */
    const char *prefix;       /* <X> of <X>ForCausalLM */
    const char *entry;        /* the class of the causal LM */
    const char *id;           /* ORG/NAME, if there is something to publish; or NULL */
    const char *withheld;     /* why there is not */
    const char *title;        /* its NAME */
    bool split;               /* AutoDeploy's settings are in a file of their own */
    bool native;              /* the checkout has a model of that class besides AutoDeploy's */

    /* Paths in the tree; NULL: it is not made. */
    const char *model_path, *test_path, *config_path, *internal_path, *cookbook_path;

    struct listed_model registry;
    struct matrix_row row;

    /* onboard_facts.c */
    const char *facts;        /* what kind of model it is: a list in Markdown */
    const char *needs;        /* what memory it takes: a sentence */
    const char *layers_field; /* of the configuration: how many layers there are, as an option */
    uint32_t layers;          /* of a run with a few of them */
    uint32_t length;          /* tokens to serve */
};

/* onboard_facts.c: what the texts say of the model; the world size of its registry entry. */
void find_facts(struct plan *plan);

/* onboard_review.c: what the checklist says of the texts of the model and its tests. */
void review_made(struct plan *plan, struct adgen *adgen);

/* settings.c: the files of settings; the second is empty where they are one. */
void emit_settings(const struct plan *plan, struct buf *user, struct buf *internal);

/* cookbook.c: the notebook. */
void emit_cookbook(const struct plan *plan, struct buf *out);

/* onboard_report.c: the report, and the text of the pull request, as Markdown. */
void emit_onboard_report(const struct plan *plan, struct buf *out);
void emit_pull_request(const struct plan *plan, struct buf *out);

#endif
