/* onboard.h - everything that bringing a model to AutoDeploy takes, as changes of a tree laid out like TensorRT-LLM's.
 *
 * Everything is made in memory; what is there already is read, nothing is written. */
#ifndef ADGEN_EMIT_ONBOARD_H
#define ADGEN_EMIT_ONBOARD_H

#include "base/changes.h"
#include "base/vec.h"
#include "emit/adgen.h"

/* Whether settings that are AutoDeploy's own are in one file with the user's. */
enum registry_layout { LAYOUT_AS_FOUND, LAYOUT_JOINED, LAYOUT_SPLIT };

struct onboard_request {
    const char *module; /* of the model, in the package of custom models: "modeling_x" */
    const char *hf_id;  /* ORG/NAME; NULL: what needs it is left out */
    const struct architecture *architecture;
    const char *checkout; /* root of a tree to add to; NULL: a new one in `folder` */
    const char *folder;   /* for the report and the text of the pull request; NULL: they are not made */
    enum registry_layout layout;
    bool updates;   /* entries of the lists that are there already */
    bool key_model; /* add it to the table of features, too */
};

struct onboarding {
    VEC(struct change) files; /* that are the model's alone */
    VEC(struct change) lists; /* of the checkout, that name all models */
    uint32_t findings;        /* of the review of the model and its tests */
    VEC(const char *) rivals; /* other models of the checkout for the same configuration: where, and which */
};

/* Of a translation that went through. False, with diagnostics in its unit. */
bool onboard(
    const struct adgen_result *translation, const struct onboard_request *request, struct onboarding *onboarding);

/* Why settings, registry entry, row of the support matrix and cookbook are not made; NULL: they are. */
const char *onboard_withheld(const struct adgen_result *translation, const char *hf_id);

#endif
