/* trace.h - why every change was made: one record for facts, removals and rewrites.
 *
 * --trace, the JSON report and the review page all print these records. */
#ifndef ADGEN_REWRITE_TRACE_H
#define ADGEN_REWRITE_TRACE_H

#include "base/source.h"
#include "base/vec.h"

enum trace_kind {
    TRACE_FACT,    /* a fact folded an expression or decided a branch */
    TRACE_REMOVAL, /* nothing uses it any more */
    TRACE_REWRITE, /* an equation replaced an expression */
    TRACE_MISS     /* an expression looks like an idiom but an equation does not apply; text says why */
};

struct trace_record {
    enum trace_kind kind;
    atom id;               /* of the rule or fact */
    struct source *source; /* NULL: made by a pass */
    struct span span;
    const char *where; /* "class.function", or NULL */
    const char *text;  /* what the record says beyond its id, or NULL */
};

struct trace {
    VEC(struct trace_record) records; /* zeroed: empty */
};

static inline void trace_add(struct arena *arena, struct trace *trace, struct trace_record record) {
    if (trace != NULL)
        vec_push(arena, &trace->records, record);
}

#endif
