/* report.h - the account of a translation: what became of each statement, and why. */
#ifndef ADGEN_EMIT_REPORT_H
#define ADGEN_EMIT_REPORT_H

#include <stdio.h>

#include "emit/adgen.h"
#include "rewrite/trace.h"

/* Every record of the trace, a line each: `file:line:col: rewritten [rule] in Class.method: what`. */
void report_trace(FILE *out, struct adgen_result *result);

/* The records themselves, in the order of the source, and the words for them and for how the translation ended. */
const struct trace *report_records(const struct adgen_result *result);
const char *report_kind(enum trace_kind kind);
const char *report_status(const struct adgen_result *result);

/* The JSON report. It says nothing of time or machine: same input, same bytes. */
void report_json(struct buf *out, struct adgen_result *result);

#endif
