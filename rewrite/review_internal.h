/* review_internal.h - what the checks of a review share. */
#ifndef ADGEN_REWRITE_REVIEW_INTERNAL_H
#define ADGEN_REWRITE_REVIEW_INTERNAL_H

#include "rewrite/review.h"

struct reviewer {
    struct unit *unit;
    const struct review_rules *rules;
    struct review *review;
    struct diags *found;      /* all findings, those that the file ignores among them */
    const struct node *entry; /* the CLASS that is registered for text; NULL: none is */
    struct map exported;      /* names of definitions that the entry reaches; empty without an entry */
};

/* Where a node stands. */
struct place {
    const struct node *cls, *fn; /* the definitions around it, innermost; NULL: none */
    const struct node *parent;
};

/* A finding; {0, 0} as place means the file as a whole. Help is added with diag_help. */
struct diag *review_find(struct reviewer *r, const char *id, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct diag *review_find_at(struct reviewer *r, const char *id, struct span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void review_help(struct reviewer *r, struct diag *finding, const char *help);
/* The name in the header of a CLASS or FUNCTION: a place for what is said about all of it. */
struct span review_name_span(const struct reviewer *r, const struct node *def);
/* The file has what the item is about. */
void review_applies(struct reviewer *r, const char *id);
/* It could not be checked, and why. */
void review_unchecked(struct reviewer *r, const char *id, const char *why);

/* A class of transformers that holds keys and values. */
bool review_is_cache(atom qual);

/* -- review_scope.c: names and values as they stand in the source -------------------------------------------------- */

typedef void review_visitor(struct reviewer *r, const struct place *at, struct node *n, void *user);
/* Every node below `n`. */
void review_walk(struct reviewer *r, struct node *n, review_visitor *visit, void *user);
/* Every node of the statements at module level and of the definitions that are exported. */
void review_walk_exported(struct reviewer *r, review_visitor *visit, void *user);

/* Find the class that is registered, and what it reaches. */
void review_find_entry(struct reviewer *r);
bool review_is_exported(const struct reviewer *r, const struct node *def);

/* The dotted name of what is imported under a name, or of an attribute of it; NULL for anything else. `fn`: the
 * function around it, whose own imports come first; or NULL. */
atom review_qual(struct reviewer *r, const struct node *fn, const struct node *e);
/* The CLASS or FUNCTION at module level with this name; NULL: none. */
struct node *review_definition(const struct reviewer *r, atom name, enum node_kind kind);
/* A method in the body of a class or of its bases in this file. */
struct node *review_method(struct reviewer *r, const struct node *cls, const char *name);
/* Whether a class derives from one whose dotted name ends so, through classes of this file. */
bool review_derives(struct reviewer *r, const struct node *cls, const char *suffix);
/* Whether it is a configuration of transformers. */
bool review_is_config(struct reviewer *r, const struct node *cls);
/* The parameter of a function with this name; NULL: none. */
const struct node *review_param(const struct node *fn, const char *name);
/* A call of register_custom_model_cls of some factory. */
bool review_is_registration(const struct node *n);
/* What a name holds at a node of a function: the right-hand side of the last assignment before it in the text. NULL:
 * not known. */
struct node *review_local(const struct node *fn, atom name, const struct node *before);
/* `e`, or what a name stands for at that place. */
struct node *review_behind(const struct node *fn, struct node *e);
/* self.NAME */
static inline bool is_self_attr(const struct node *n) {
    return is_kind(n, NODE_ATTRIBUTE) && is_name(n->kid[0], "self");
}
/* config.NAME or self.config.NAME */
bool is_config_attr(const struct node *n);
/* The method or function that a call names: `view` of `x.view(...)`. NULL: something else is called. */
atom called_name(const struct node *call);

/* Whether an expression counts experts, by the names in it. */
bool review_counts_experts(const struct node *e);
/* nn.Parameter(torch.empty(experts, a, b)) */
bool review_is_stacked(struct reviewer *r, const struct node *fn, const struct node *call);

/* -- the checks ---------------------------------------------------------------------------------------------------- */

void review_contract(struct reviewer *r);  /* A, CA1 */
void review_imports(struct reviewer *r);   /* B, C2, C3, C6 */
void review_runtime(struct reviewer *r);   /* C4, C5, CA2, CA3 */
void review_tensors(struct reviewer *r);   /* C8, D1, D2 */
void review_experts(struct reviewer *r);   /* BA2, D4, D5 */
void review_published(struct reviewer *r); /* BA2 */
void review_equations(struct reviewer *r); /* C1, C7, E1: runs the passes */
void review_tests(struct reviewer *r);     /* F, G, H */
void review_levels(struct reviewer *r);    /* G */

/* -- review_ignore.c ----------------------------------------------------------------------------------------------- */

/* Take out what `# adgen: ignore[ID]` says, and add a finding for each such comment that has no effect. */
void review_apply_ignores(struct reviewer *r);

#endif
