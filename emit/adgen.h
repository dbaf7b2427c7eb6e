/* adgen.h - the face of libadgen: a context, and translations in it.
 *
 * A context owns the parser, the facts, the rules and their strings. It serves one thread at a time; contexts share
 * nothing, so that two translations can run in two threads. A result owns what it points to and lives until it is
 * freed; it must be freed before its context. */
#ifndef ADGEN_EMIT_ADGEN_H
#define ADGEN_EMIT_ADGEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "parser/package.h"

struct adgen;
struct architecture;
struct facts;
struct judge;
struct review;
struct review_rules;
struct rules;
struct unit;

struct adgen_settings {
    const char *rules;               /* folder to read rules from; NULL: those in the program */
    const char *package;             /* folder of the transformers package; NULL: the one that an input lies in */
    const struct registry *registry; /* its tables, if they are open already: borrowed */
};

/* A context, also where the rules cannot be loaded: adgen_problems then holds errors, and nothing can be translated. */
struct adgen *adgen_create(const struct adgen_settings *settings);
void adgen_destroy(struct adgen *adgen);
struct diags *adgen_problems(struct adgen *adgen);
const struct rules *adgen_rules(const struct adgen *adgen);
const struct facts *adgen_facts(const struct adgen *adgen); /* NULL where they cannot be loaded */

struct adgen_request {
    const char *path; /* of the modeling file, or what messages call the text */
    const char *text; /* its text; NULL: read the file */
    size_t len;
    const char *entry;      /* class to translate; NULL: the only causal LM */
    const char *model_type; /* that the file was found by; NULL: it was given */
    const char *dump_after; /* a pass: the text is then the program after it, for reading */
    const char *assume;     /* an assumption of rules/prefill.yaml to make; NULL: none */
    bool strict_rounding;
    bool bundle_config; /* the configuration class comes along */
    bool partial;       /* write what is understood, with a marker at each gap */
    bool account;       /* keep what report_trace and report_json need */
};

/* The values are the exit statuses of the program. */
enum adgen_status {
    ADGEN_DONE = 0,
    ADGEN_REFUSED = 1,
    ADGEN_LIMITED = 3, /* written, but with gaps, AutoDeploy cannot decode with it, or under an assumption */
};

struct adgen_result {
    enum adgen_status status;
    uint32_t gaps;   /* how much was not understood; only if gaps were asked for */
    bool already;    /* the input is a translation: the text is the input */
    struct buf text; /* empty where it was refused */
    struct diags *diags;
    struct judge *judge;   /* NULL unless the account was asked for and there is one */
    struct review *review; /* of adgen_review; NULL where the file is none to review */
    struct unit *unit;     /* for the report; entry and module may be NULL where it was refused early */
    struct arena *arena;   /* what all of this lives in */
    struct adgen *adgen;   /* whose translation it is; lives longer */
    double seconds;
};

void adgen_translate(struct adgen *adgen, const struct adgen_request *request, struct adgen_result *result);
void adgen_result_free(struct adgen_result *result);

struct adgen_keys_request {
    const char *config; /* the configuration, a JSON file */
    const char *index;  /* an index of a checkpoint to compare with; NULL: none */
    bool json;
};

/* The state dict of a translation: `result` of adgen_translate, not refused. The status is ADGEN_REFUSED, too, where
 * the index and the model differ. Its diagnostics are those of the configuration and the constructors. */
void adgen_keys(struct adgen *adgen, const struct adgen_result *translation, const struct adgen_keys_request *request,
    struct adgen_result *result);

/* The checklist, read when it is first asked for; NULL, with adgen_problems, where it cannot be. */
const struct review_rules *adgen_review_rules(struct adgen *adgen);
/* A model file of AutoDeploy, or its tests, against the checklist: the path and text of a request. The status is
 * ADGEN_REFUSED where something is found, too. */
void adgen_review(struct adgen *adgen, const struct adgen_request *file, struct adgen_result *result);

/* What kind of model a translation is (rewrite/architecture.h): its entry was found, and as much is known as its text
 * says, which may have gaps. The values are those of a configuration file; NULL: the defaults of its class. `result`
 * owns what is returned, and its diagnostics say what could not be known; its status is ADGEN_DONE if it was built. */
const struct architecture *adgen_architecture(
    struct adgen *adgen, const struct adgen_result *translation, const char *config, struct adgen_result *result);

/* The name of a pass, by number, and what it does. NULL behind the last. */
const char *adgen_pass_name(uint32_t index, const char **what);

#endif
