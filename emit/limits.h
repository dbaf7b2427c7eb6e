/* limits.h - up to which length a translation computes what its source computes, where that was assumed. */
#ifndef ADGEN_EMIT_LIMITS_H
#define ADGEN_EMIT_LIMITS_H

#include "rewrite/unit.h"

/* "config.index_topk", each with `quote` on both sides; NULL where there is no limit. */
const char *length_limit(const struct unit *unit, const char *quote);
/* The sentence for people: what is assumed, and what is otherwise; NULL where nothing is. */
const char *length_assumed(const struct unit *unit, const char *quote);

/* The paragraph of the docstring; NULL where nothing is assumed. */
const char *limit_paragraph(const struct unit *unit);
/* Read it in a file that is a translation already. */
void read_stated_limits(struct unit *unit);

#endif
