/* sites.h - the expressions of a function in order, and where its variables may be read.
 *
 * Every statement has a position. A variable defined at position p in a block may be read at position q when p < q and
 * q is not after the end of that block. Expressions inside a comprehension or a lambda are not sites: they run under
 * bindings of their own. */
#ifndef ADGEN_REWRITE_SITES_H
#define ADGEN_REWRITE_SITES_H

#include "rewrite/value.h"

enum { POSITION_STEP = 4 };

struct site {
    struct node *node;
    struct node *stmt, *block; /* the statement it is part of, and the block that holds that statement */
    uint32_t position;
    bool whole; /* the right-hand side of an assignment */
};

struct sites {
    struct arena *arena;
    struct values *values;
    VEC(struct site) at;
    uint32_t position;
};

/* Value everything in `body` and list its expressions, inner ones before outer ones. */
void sites_collect(struct sites *sites, struct node *body);
/* The same for one expression that stands at `like`. */
void sites_collect_expr(struct sites *sites, struct node *expr, const struct site *like);

/* Let `web` hold its value from `position` to `*to` (which may still change). */
void holder_add(struct arena *arena, struct values *values, struct web *web, uint32_t position, const uint32_t *to);
bool holder_visible(const struct holder *holder, uint32_t position);
/* The first variable that holds a value at a position, or NULL. */
struct web *value_holder(const struct value *value, uint32_t position);

#endif
