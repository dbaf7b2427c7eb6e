/* coverage_registry.h - the part of coverage.h that reads the model registry and the support matrix. */
#ifndef ADGEN_EMIT_COVERAGE_REGISTRY_H
#define ADGEN_EMIT_COVERAGE_REGISTRY_H

#include "emit/coverage.h"

void registry_survey(struct unit *unit, const struct coverage_request *request, struct coverage *coverage);
void registry_text(struct buf *out, const struct coverage *coverage);
void registry_json(cJSON *json, const struct coverage *coverage);

#endif
