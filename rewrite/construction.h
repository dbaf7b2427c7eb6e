/* construction.h - how a module that a function uses was made. */
#ifndef ADGEN_REWRITE_CONSTRUCTION_H
#define ADGEN_REWRITE_CONSTRUCTION_H

#include "rewrite/value.h"

struct fn;
struct unit;

/* The call that made a module, an attribute of the function's own class, in its constructor, where that is a class of
 * the library whose dotted name ends so; else NULL. One of two alternatives may be None: where the module is called it
 * is there. */
const struct node *construction_of(const struct fn *fn, const struct value *module, const char *library_class);

/* Whether two sizes that are known at construction are equal. */
bool sizes_equal(struct unit *unit, struct node *a, struct node *b);

#endif
