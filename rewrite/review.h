/* review.h - the checklist for a model file of AutoDeploy, and for the tests of one, on the tree.
 *
 * The items are those of rules/review.yaml: what each asks for, why, and an example of each kind. What is checked is
 * what a construct means, so a name in a docstring or a variable called `cache` is nothing. Only what the language
 * model runs is held to the rules of exported code: a vision tower, which stays eager, may have what it wants. */
#ifndef ADGEN_REWRITE_REVIEW_H
#define ADGEN_REWRITE_REVIEW_H

#include <stdio.h>

#include "rewrite/unit.h"

enum review_subject { REVIEW_MODEL, REVIEW_TEST, REVIEW_ANY /* of an item: both */ };

const char *review_subject_text(enum review_subject subject);

struct review_rule {
    atom id;
    enum review_subject subject;
    const char *title, *why;
    const char *needs; /* what a file must have for the item to apply; NULL: it always does */
    const char *by;    /* who checks it, where this program does not; NULL: it does */
    const char *bad, *good;
    uint32_t order;
};

struct review_rules {
    VEC(struct review_rule *) list;
};

/* From a folder of rules, or (NULL) those in the program. NULL with diagnostics. */
struct review_rules *review_rules_load(struct unit *loader, const char *dir);
const struct review_rule *review_rule_find(const struct review_rules *rules, const char *id);
void review_rules_list(FILE *out, const struct review_rules *rules);
/* False where there is none with this id. */
bool review_rules_explain(FILE *out, const struct review_rules *rules, const char *id);

enum review_verdict { REVIEW_PASS, REVIEW_FAIL, REVIEW_NOT_APPLICABLE, REVIEW_NOT_CHECKED };

struct review_item {
    const struct review_rule *rule;
    enum review_verdict verdict;
    const char *note; /* why it does not apply or was not checked; NULL for none */
    uint32_t findings, ignored;
};

/* What one file came to. Lives in the arena of the unit. */
struct review {
    struct source *source;
    enum review_subject subject;
    struct diag **findings; /* by place; `rule` is the id of an item */
    uint32_t count;
    struct review_item *items; /* the rules for this kind of file, in their order */
    uint32_t nitems;
};

/* The unit has its module, read whole; the passes are run on it. NULL with a diagnostic where the file is neither a
 * model nor tests of one. */
struct review *review_module(struct unit *unit, const struct review_rules *rules);

#endif
