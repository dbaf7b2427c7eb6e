/* facts.h - what is known of prefill inference: rules/prefill.yaml, loaded.
 *
 * A fact says what a name outside of the file means (a library function, a base class, a decorator, a configuration
 * field, a parameter of the entry point). Names are matched by their dotted end, so that a fact holds across releases
 * that move a function between modules. Each fact has an id and a reason, which the trace and the report print. */
#ifndef ADGEN_REWRITE_FACTS_H
#define ADGEN_REWRITE_FACTS_H

#include "rewrite/unit.h"

struct yaml;

enum effect {
    EFFECT_VALUE,       /* the call (or field, or parameter) has a constant value */
    EFFECT_CONSTANT,    /* the name itself has a constant value */
    EFFECT_ARGUMENT,    /* the call is its argument number `argument` or keyword `keyword` */
    EFFECT_APPLIES,     /* the call is that of its first argument with those from `argument` on */
    EFFECT_MASK_CAUSAL, /* makes a causal mask */
    EFFECT_MASK_WINDOW, /* makes a causal mask with config.sliding_window */
    EFFECT_MASK_REACH,  /* makes a causal mask; `sliding_window` counts the keys before the query's own */
    EFFECT_MASK_CHUNKED,
    EFFECT_MASK_BIDIRECTIONAL,
    EFFECT_MASKS,     /* makes the mask of a configuration, or those of its types of layers */
    EFFECT_DROP,      /* the statement, decorator or `with` has no effect on the result */
    EFFECT_REPLACE,   /* the name stands for `name` */
    EFFECT_RECORD,    /* a class of outputs: fields by keyword */
    EFFECT_TENSOR,    /* returns a tensor, of rank `argument` if not 0 */
    EFFECT_OPTIONAL,  /* a tensor of rank `argument`, or None */
    EFFECT_OBJECT,    /* a class or factory of modules or other objects */
    EFFECT_NONES,     /* returns a list of None */
    EFFECT_CLASS,     /* items of it are classes of modules */
    EFFECT_MUTATES,   /* changes its receiver: never dead */
    EFFECT_TAKES_ALL, /* a choice of the best min(K, N) of N keys takes all of them */
    EFFECT_FILLS      /* changes the tensor that is its first argument, which does nothing to a parameter */
};

struct fact {
    atom id;
    reason number; /* of its entry in the file */
    atom name;     /* dotted end */
    enum effect effect;
    struct node *value; /* VALUE */
    uint32_t argument;  /* ARGUMENT, APPLIES */
    atom keyword;
    atom replacement; /* REPLACE */
    const char *why;
    const struct yaml *entry;
};

static inline bool fact_is_none(const struct fact *fact) {
    return fact && fact->effect == EFFECT_VALUE && is_none(fact->value);
}

static inline bool fact_makes_mask(const struct fact *fact) {
    return fact->effect == EFFECT_MASK_CAUSAL || fact->effect == EFFECT_MASK_WINDOW ||
           fact->effect == EFFECT_MASK_REACH || fact->effect == EFFECT_MASK_CHUNKED ||
           fact->effect == EFFECT_MASK_BIDIRECTIONAL;
}

struct facts *facts_load(struct unit *unit, const char *dir);
const char *facts_path(const struct facts *facts);
/* One of the facts of the entry with this number; NULL where there is none. */
const struct fact *fact_numbered(const struct facts *facts, reason number);

/* Drop what passes noted on the nodes of values (in the arena of their unit): to be called before another unit. */
void facts_forget(struct facts *facts);

const struct fact *fact_library(const struct facts *facts, atom qual); /* calls and names */
const struct fact *fact_config(const struct facts *facts, atom field);
const struct fact *fact_attribute(const struct facts *facts, atom name); /* attributes of modules, such as training */
const struct fact *fact_parameter(const struct facts *facts, atom name); /* of the entry's forward */
const struct fact *fact_base(const struct facts *facts, atom qual);
const struct fact *fact_decorator(const struct facts *facts, atom qual);
const struct fact *fact_context(const struct facts *facts, atom qual); /* `with` */
/* What the user may ask to assume; NULL where there is no such assumption. */
const struct fact *fact_assumption(const struct facts *facts, const char *name);

#endif
