/* rows.h - tables that are cut to the length of the input. */
#ifndef ADGEN_REWRITE_ROWS_H
#define ADGEN_REWRITE_ROWS_H

#include "rewrite/unit.h"

/* Whether a number comes from the shape of a tensor, also one that was passed to the function. */
bool from_shape(const struct fn *fn, const struct node *e);

/* self.a, self.a.b: an attribute of a module of this file, or of what that holds. */
bool is_own(const struct node *e);

/* The attribute of a module that a tensor is, or is a part or another form of, wherever it was read; NULL where the
 * tensor was computed, or looked up by position. */
const struct node *table_behind(const struct fn *fn, const struct node *e);

#endif
