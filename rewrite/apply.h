/* apply.h - applying equations to a function.
 *
 *     struct rewriter r = {.arena = ..., .atoms = ..., .rules = ..., .trace = ..., .where = "AspenAttention.forward"};
 *     uint32_t n = rules_apply(&r, function_body(fn));
 *
 * reads the body of a specialised function (ssa.h), values it, and replaces every expression that is an instance of an
 * equation by the other side. Larger instances win: sites are visited from the last statement to the first and from the
 * root of an expression to its leaves, and what lies inside an instance that was replaced is left alone. Nothing is
 * deleted: what a rewrite left unused is for the prune pass.
 *
 * What a metavariable stands for is written back as the variable that holds the value, where one does at that place,
 * else as a copy of an expression that had the value. A rewrite that would need a variable out of its scope does not
 * happen.
 *
 * An equation with several roots becomes one statement `a, b = op(...)` before the later one. The earlier root's
 * statement is moved down to it; where something in between depends on it the equation does not apply.
 *
 * Values are computed once and kept while rewriting: a rewrite does not change what an expression computes. After a
 * pass that rewrote something another one matches on its result, up to ROUNDS_MAX passes. */
#ifndef ADGEN_REWRITE_APPLY_H
#define ADGEN_REWRITE_APPLY_H

#include "rewrite/rules.h"
#include "rewrite/trace.h"

struct rewriter;

/* An argument of a template function: as syntax and, if it is a metavariable, the value bound to it. Both NULL where
 * the metavariable is not bound. */
struct template_arg {
    struct node *node;
    const struct value *value;
};

/* The node that the call stands for; NULL leaves the argument of the op out. Set r->refused to the reason if the rule
 * must not apply. */
typedef struct node *template_function(struct rewriter *r, const struct template_arg *arg, uint32_t count);

struct template_entry {
    const char *name; /* one of TEMPLATE_FUNCTIONS */
    template_function *make;
};

/* The nearest that a rule came to applying anywhere in the function. */
struct miss {
    const struct rule *rule;
    struct node *node;
    const struct value *value;
    struct mismatch mismatch;
    const char *refused; /* it matched, but its template cannot be filled in; NULL: it did not match */
};

struct rewriter {
    struct arena *arena;
    struct atoms *atoms;
    const struct rules *rules;
    struct trace *trace;                    /* may be NULL */
    const char *where;                      /* "class.function" for the trace */
    const struct template_entry *functions; /* consulted before the built-in ones; ends with a NULL name */
    void *user;                             /* for template functions */
    bool strict_rounding;                   /* only apply what is exact */
    bool explains;                          /* fill in all `misses`, not only what was refused */
    bool (*allow)(struct rewriter *r, const struct rule *rule, const struct node *site); /* NULL: all */
    /* results */
    const char *refused;
    struct miss *misses; /* by rule order; rule is NULL where nothing came near */
    uint32_t *applied;   /* by rule order: how often */
    struct values *values;
};

/* Returns the number of rewrites. */
uint32_t rules_apply(struct rewriter *r, struct node *body);

/* Add a TRACE_MISS for every rule that came near an expression of the function and that no rule replaced. */
void rules_report_misses(struct rewriter *r);

#endif
