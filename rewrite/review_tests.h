/* review_tests.h - what a test does, itself and in the functions that it calls. */
#ifndef ADGEN_REWRITE_REVIEW_TESTS_H
#define ADGEN_REWRITE_REVIEW_TESTS_H

#include "rewrite/review_internal.h"

enum {
    ASSERTS_NOTHING_MUCH = 1 << 0, /* True, x is not None */
    ASSERTS_FINITE = 1 << 1,
    ASSERTS_SOMETHING = 1 << 2, /* a shape, an attribute, an exception */
    ASSERTS_CLOSE = 1 << 3,     /* numbers, against others */
    ASSERTS_ITSELF = 1 << 4     /* numbers, against others of the same class */
};

struct test {
    const struct node *fn;
    uint32_t asserts;
    bool loads;           /* weights are copied */
    bool exports;         /* torch_export_to_gm, torch.export.export */
    bool dynamic;         /* Dim.DYNAMIC, or a Dim */
    bool batch, sequence; /* dimension 0, 1 is a key of a dictionary */
    bool reference;       /* a class of transformers that is no configuration */
    const struct node *export_call;
    const struct node *itself; /* a comparison of a class with itself; NULL: there is none */
    atom itself_class;
    VEC(atom) classes; /* of the model under test */
};

struct tests {
    VEC(struct test) list;
    struct map functions; /* of the file, methods among them, by name */
    bool of_model;        /* the file imports a model under test */
};

/* -- review_sides.c ------------------------------------------------------------------------------------------------ */

/* The class that a value is an instance of, or is; a dotted name, or NULL where it is not known. */
atom review_class_of(struct reviewer *r, const struct node *fn, struct node *e);
/* The class of which both sides of a comparison are outputs, without its module; NULL: they are not, or who knows. */
atom review_compares_itself(struct reviewer *r, const struct node *fn, struct node *comparison);
void review_tolerances(struct reviewer *r); /* F5 */

/* -- review_collect.c ---------------------------------------------------------------------------------------------- */

struct tests *tests_collect(struct reviewer *r);

/* Whether a dotted name is a class of a model of Hugging Face, or one of a model file under test. */
bool is_reference_class(atom qual);
bool is_tested_class(atom qual);

#endif
