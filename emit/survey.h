/* survey.h - what is known of a model before it is brought to AutoDeploy: what kind it is, whether it fits, what in its
 * source torch.export cannot trace, and what a TensorRT-LLM tree has for it already. */
#ifndef ADGEN_EMIT_SURVEY_H
#define ADGEN_EMIT_SURVEY_H

#include "emit/adgen.h"

struct survey_request {
    const char *config;   /* values of the configuration; NULL: the defaults of its class */
    const char *checkout; /* a TensorRT-LLM tree; NULL: none is looked at */
    const char *hf_id;    /* ORG/NAME, to be looked for in the registry; NULL: not */
    bool json;
};

/* Of a translation made with its account, of which `request` was what was asked. One that was refused is surveyed as
 * far as it is understood, and the reasons are part of the survey. The text is in `result`, which is ADGEN_REFUSED
 * where there is none: no model was found in the file, or the configuration or the tree is none. */
void adgen_survey(struct adgen *adgen, const struct adgen_request *request, struct adgen_result *translation,
    const struct survey_request *wanted, struct adgen_result *result);

#endif
