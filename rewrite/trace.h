/* trace.h - why every change was made: one record for facts, removals and rewrites.
 *
 * Equations and passes add theirs while they run, verdicts (verdict.h) theirs at the end; --trace and the JSON report
 * print the lot in the order of the source. */
#ifndef ADGEN_REWRITE_TRACE_H
#define ADGEN_REWRITE_TRACE_H

#include "base/source.h"
#include "base/vec.h"

enum trace_kind {
    TRACE_FACT,    /* a fact was applied */
    TRACE_REMOVAL, /* a part of the source is not in the output */
    TRACE_REWRITE, /* something equal is there instead */
    TRACE_MISS     /* an expression looks like an idiom but an equation does not apply; text says why */
};

struct trace_record {
    enum trace_kind kind;
    atom id;               /* for --explain: of the rule, fact, reason or pass */
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

/* How often a rule was applied. */
static inline uint32_t trace_uses(const struct trace *trace, const char *id) {
    uint32_t times = 0;
    for (uint32_t i = 0; i < trace->records.len; i++)
        times += trace->records.at[i].kind == TRACE_REWRITE && atom_is(trace->records.at[i].id, id);
    return times;
}

#endif
