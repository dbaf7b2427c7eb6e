/* stream.h - which values hold a vector for every token. */
#ifndef ADGEN_REWRITE_STREAM_H
#define ADGEN_REWRITE_STREAM_H

#include "rewrite/unit.h"

/* What a call or subscript does to tensors [B, S, H] along S: a name for people, such as "mean"; NULL where it treats
 * every token alike, or is not known to be of such a tensor. */
const char *mixes_along(const struct unit *unit, const struct fn *fn, const struct node *e);

/* Whether an expression is the parts of a stream along B or S, as many as the length makes. */
bool splits_tokens(const struct unit *unit, const struct fn *fn, const struct node *e);

#endif
