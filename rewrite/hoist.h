/* hoist.h - see hoist.c. */
#ifndef ADGEN_REWRITE_HOIST_H
#define ADGEN_REWRITE_HOIST_H

#include "rewrite/unit.h"

void hoist_table_work(struct unit *unit);

/* x of `x.to(t.dtype)`, t a variable that holds a tensor; NULL for anything else. */
struct node *cast_like_tensor(const struct node *e);

#endif
