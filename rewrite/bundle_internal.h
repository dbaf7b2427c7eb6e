/* bundle_internal.h - the parts of bundle.c.
 *
 * A recipe is the construction of a configuration as one function: parameters, then statements. Both styles of
 * configuration classes are brought to it (bundle_source.c), the slice takes from it what the model reads
 * (bundle_slice.c), and bundle.c makes a class of what is left. */
#ifndef ADGEN_REWRITE_BUNDLE_INTERNAL_H
#define ADGEN_REWRITE_BUNDLE_INTERNAL_H

#include "rewrite/bundle.h"
#include "rewrite/config.h"

struct recipe {
    struct unit *unit;
    const struct config *config;
    bool asked;  /* by the user: what is not understood is an error */
    bool failed; /* something is not understood */
    struct node *def;
    struct module *module;
    VEC(struct node *) chain;  /* the CLASS and its bases below PretrainedConfig, the derived one first */
    VEC(struct module *) home; /* the module of each */
    VEC(struct node *) params; /* PARAM, our own copies */
    struct node *body;         /* BLOCK, our own copy: what runs, in order */
    struct node *root_call;    /* in body: `super().__init__(...)` */
    bool fields;               /* the class declares fields; their stores in body are ours */
    struct map needed;         /* variables: the atoms `x` of locals and `self.x` of attributes */
    struct map carried;        /* FUNCTION nodes to carry over as they stand, by name */
};

/* Not understood: an error at the node where the user asked for the class, else just the end of the attempt. */
void bundle_refuse(struct recipe *r, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* bundle_source.c */
void recipe_read(struct recipe *r);
/* The methods of that name in the first class that has one (a property and its setter are two). */
struct node *recipe_method(const struct recipe *r, atom name, uint32_t nth);
/* The value that the class body gives a name, or NULL. */
struct node *recipe_class_value(const struct recipe *r, atom name);
/* The module whose names a node means. */
struct module *recipe_home(const struct recipe *r, const struct node *n);

/* bundle_effects.c */
struct names {
    VEC(atom) list;
};

/* What a statement may do. */
struct effects {
    struct names reads, writes, changed; /* changed: in place */
    const struct node *unknown;          /* does something that cannot be told */
};

void names_add(const struct recipe *r, struct names *names, atom name);
void effects_of_expr(const struct recipe *r, struct effects *fx, const struct node *e);
void effects_of_stmt(const struct recipe *r, struct effects *fx, const struct node *stmt);
void effects_of_block(const struct recipe *r, struct effects *fx, const struct node *block);
/* The variable whose object a chain of attributes, subscripts and method calls starts from, or NULL. */
atom variable_of(const struct recipe *r, const struct node *n);
/* Whether what is called does not change its arguments. */
bool call_is_pure(const struct recipe *r, const struct node *callee);
/* Whether PretrainedConfig itself has or calls the method, to bring rope_parameters into its own form. */
bool is_rope_hook(atom method);
/* The variable `self.<name>`, by its own name where `name` is an alias of it. */
atom recipe_attribute(const struct recipe *r, atom name);

/* bundle_slice.c: fills `needed` from the fields that are read, and prunes `body`. */
void recipe_slice(struct recipe *r, const struct map *reads);

#endif
