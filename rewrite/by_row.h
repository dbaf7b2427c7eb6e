/* by_row.h - what treats every row of a tensor alike. */
#ifndef ADGEN_REWRITE_BY_ROW_H
#define ADGEN_REWRITE_BY_ROW_H

#include "rewrite/unit.h"
#include "rewrite/value.h"

/* Whether the forward of the class takes one tensor [rows, features] and gives a tensor [rows, features], each row of
 * which is computed from the same row of the first and from parameters alone: for any selection of rows it gives the
 * same selection of its results. */
bool module_is_by_row(struct unit *unit, struct cls *cls);

/* The same for a value of a method of the class, whose object is `self`, that is computed from `rows`. `id` is a number
 * that is the same for all rows. */
bool value_is_by_row(struct unit *unit, struct values *values, const struct cls *cls, const struct value *self,
    const struct value *rows, const struct value *id, const struct value *v);

#endif
