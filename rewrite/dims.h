/* dims.h - the sizes of tensors as values: what is known of a shape from how the tensor was made.
 *
 * A size is canonical where two tensors that must have it have the same value for it: the size of a view is what the
 * view was given, the size of a transpose is that of another dimension, and so on down to the shapes of parameters. */
#ifndef ADGEN_REWRITE_DIMS_H
#define ADGEN_REWRITE_DIMS_H

#include "rewrite/value.h"

enum { DIMS_MAX = 8 };

struct dims {
    uint32_t rank; /* 0: not known */
    const struct value *at[DIMS_MAX];
};

struct dims dims_of(struct values *values, const struct value *tensor);
/* A size x.shape[i] as what it is canonically; any other value is itself. */
const struct value *dims_size(struct values *values, const struct value *size);
/* The size of a dimension counted from the end (1 is the last), whether or not the rank is known. */
const struct value *dims_from_end(struct values *values, const struct value *tensor, uint32_t i);
/* What that dimension comes from, through what moves or keeps it; *from_end is its place there. */
const struct value *dims_origin(struct values *values, const struct value *tensor, uint32_t *from_end);
/* Whether a tensor that is carried around a loop has the same shape in every round. */
bool dims_stay_in_loop(struct values *values, const struct web *w);

#endif
