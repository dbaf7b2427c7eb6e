/* coverage.h - what a TensorRT-LLM tree has for a model already.
 *
 * Read with the parsers of the languages: modeling files and their registrations as Python, the registry as YAML, the
 * support matrix as rows of a table. Nothing in the tree is changed. */
#ifndef ADGEN_EMIT_COVERAGE_H
#define ADGEN_EMIT_COVERAGE_H

#include <cjson/cJSON.h>

#include "rewrite/unit.h"

/* A file of models/custom that has to do with the model. */
struct custom_model {
    const char *file;                /* its name */
    uint32_t line;                   /* of the registration or, without one, of the model type */
    const char *config_class, *head; /* that it registers for it; NULL: it only names the model type */
    bool imported, exported;         /* by __init__.py, in its __all__: the head; without one, any name of the file */
};

enum kinship { KIN_SELF, KIN_FAMILY, KIN_STEM };

/* An entry of models.yaml. */
struct registry_entry {
    enum kinship kinship; /* this model; same organisation and stem; same stem, another organisation */
    const char *name, *config_id;
    VEC(const char *) yaml_extra;
    uint32_t line;
    bool disabled; /* a comment */
};

enum conclusion { COVERED, EXTEND, NEW_FILE };

struct coverage {
    const char *checkout, *hf_id; /* a NULL hf_id: the registry was not looked at */
    VEC(struct custom_model) custom;
    VEC(struct registry_entry) registry;
    VEC(const char *) unreadable; /* files that could not be read or parsed */
    uint32_t row;                 /* line of the support matrix; 0: none */
    bool row_names_id;
    enum conclusion conclusion;
    const char *file; /* that covers it, or is to be extended */
};

struct coverage_request {
    const char *checkout, *hf_id;
    const char *config_class, *model_type, *entry; /* of the model; NULL: not known */
};

/* False, with a diagnostic, where the folder is no TensorRT-LLM tree. */
bool coverage_survey(struct unit *unit, const struct coverage_request *request, struct coverage *coverage);

void coverage_text(struct buf *out, const struct coverage *coverage);
cJSON *coverage_json(const struct coverage *coverage);

#endif
