/* rows.h - tables that are cut to the length of the input. */
#ifndef ADGEN_REWRITE_ROWS_H
#define ADGEN_REWRITE_ROWS_H

#include "rewrite/unit.h"

/* The argument that a call passes for a parameter, or NULL. */
const struct node *argument_for(const struct node *call, const struct fn *fn, uint32_t param);
/* The number of the parameter that a variable is. */
uint32_t param_index(const struct fn *fn, const struct web *w);

/* Whether a number comes from the shape of a tensor, also one that was passed to the function. */
bool from_shape(const struct fn *fn, const struct node *e);

/* self.a, self.a.b: an attribute of a module of this file, or of what that holds. */
bool is_own(const struct node *e);

/* The attribute of a module that a tensor is, or is a part or another form of, wherever it was read; NULL where the
 * tensor was computed, or looked up by position. */
const struct node *table_behind(const struct fn *fn, const struct node *e);

#endif
