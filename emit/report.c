#include "emit/report.h"
#include "rewrite/trace.h"
#include "rewrite/unit.h"
void report_trace(FILE *out, struct adgen_result *result) { (void)out; (void)result; }
void report_json(struct buf *out, struct adgen_result *result) { (void)result; buf_puts(out, "{}\n"); }
