/* into.h - what an onboarding adds to files that a checkout shares between its models.
 *
 * Each function reads the text in edits->source and puts into `edits` what is missing there, at its place in the order
 * that the file keeps, in the form that its neighbours have. What is there already is left alone, so that a second time
 * changes nothing; where edits->updates, what differs in it is brought up to date, and all else in it stays. False,
 * with a diagnostic, where the text is not what such a file is. */
#ifndef ADGEN_EMIT_INTO_H
#define ADGEN_EMIT_INTO_H

#include "emit/edits.h"
#include "rewrite/unit.h"

/* The package of custom models: the import of a class from a module beside it, and its entry in __all__. */
bool into_package(struct unit *unit, const char *module, const char *cls, struct edits *edits);

/* The list of models of the registry. */
struct listed_model {
    const char *name;      /* ORG/NAME */
    const char *config_id; /* "x_1b" */
    const char *config;    /* the model's own file of settings: "x-1b.yaml" */
    const char *internal;  /* the file of settings that are AutoDeploy's, where they are kept apart; or NULL */
    uint32_t world_size;   /* 0: not known */
};
bool into_registry(struct unit *unit, const struct listed_model *entry, struct edits *edits);
/* The entry by itself. */
const char *registry_lines(struct arena *arena, const struct listed_model *entry);

/* The table of supported models. */
struct matrix_row {
    const char *architecture; /* the class */
    const char *model;        /* for people */
    const char *example;      /* ORG/NAME */
    const char *config;       /* path of its settings from the root, for a footnote; NULL: it needs none */
    bool no_windows;          /* every token sees all before it */
};
bool into_matrix(struct unit *unit, const struct matrix_row *row, struct edits *edits);

/* The table of what is known to work with key models, and the value under one of its heads: what follows from the
 * model, and nothing that only a run can tell. */
bool into_features(struct unit *unit, const struct matrix_row *row, struct edits *edits);
const char *feature_value(const struct matrix_row *row, const char *feature);

/* Where a name belongs in a list that is more or less in order: before the first that sorts after it, without regard to
 * case; `count` for behind all. */
uint32_t place_in_order(const char *const *names, uint32_t count, const char *name);

#endif
