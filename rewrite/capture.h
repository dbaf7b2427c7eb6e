/* capture.h - from values back to syntax: what a metavariable stands for, and a template filled in. */
#ifndef ADGEN_REWRITE_CAPTURE_H
#define ADGEN_REWRITE_CAPTURE_H

#include "rewrite/apply.h"
#include "rewrite/sites.h"

/* An expression that computes `value` at `position`, or NULL where none can be written there. */
struct node *capture(struct rewriter *r, const struct value *value, uint32_t position);

/* The template of a rule with what `binding` bound, or NULL with r->refused set. */
struct node *instantiate_template(
    struct rewriter *r, const struct rule *rule, const struct binding *binding, uint32_t position);

/* The same for `each`, with `$result` standing for a fresh name of `web`. */
struct node *instantiate_each(
    struct rewriter *r, const struct rule *rule, const struct binding *binding, uint32_t position, struct web *web);

/* The built-in template function of this name, or NULL. */
template_function *builtin_template_function(const char *name);

#endif
