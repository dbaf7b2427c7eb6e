/* axes.h - positions along several axes. */
#ifndef ADGEN_REWRITE_AXES_H
#define ADGEN_REWRITE_AXES_H

#include "rewrite/unit.h"

/* x[None].expand(4, -1, -1), x.unsqueeze(0).repeat(4, 1, 1): how many copies of a tensor along a new first dimension an
 * expression is; 0 for any other expression. */
int copies_along_first(const struct node *e);

/* A pass: see axes.c. */
bool join_axes(struct unit *unit);

#endif
