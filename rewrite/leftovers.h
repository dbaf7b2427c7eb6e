/* leftovers.h - computations that canonical ops stand for, left as the source has them. */
#ifndef ADGEN_REWRITE_LEFTOVERS_H
#define ADGEN_REWRITE_LEFTOVERS_H

#include "rewrite/value.h"

/* What an expression computes that has an op of its own: "attention", "rotary embedding"; NULL: nothing like that. */
const char *leftover_idiom(struct values *values, struct node *e);

#endif
