/* architecture_report.h - what kind of model it is, for people and as JSON. */
#ifndef ADGEN_EMIT_ARCHITECTURE_REPORT_H
#define ADGEN_EMIT_ARCHITECTURE_REPORT_H

#include "emit/words.h"
#include "rewrite/architecture.h"

/* A line for each fact: `name: value`, aligned. */
void architecture_text(struct buf *out, const struct architecture *architecture);

cJSON *architecture_json(const struct architecture *architecture);

/* -- parts, for other reports: words without a line end ------------------------------------------------------------ */

void put_attention(struct buf *out, const struct attention *attention); /* GQA, 32 heads on 8, ... */
void put_rotary(struct buf *out, const struct layer_kind *kind);        /* halves, 64 of 128 */
void put_mlp(struct buf *out, const struct layer_kind *kind);           /* gated, width 9216, silu */

#endif
