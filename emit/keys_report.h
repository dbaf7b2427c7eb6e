/* keys_report.h - a model's state dict, for people and as JSON. */
#ifndef ADGEN_EMIT_KEYS_REPORT_H
#define ADGEN_EMIT_KEYS_REPORT_H

#include "base/buf.h"
#include "rewrite/keys.h"

/* A line for each key, the totals, and what an index lacks or has too much. */
void keys_text(struct buf *out, const struct keys *keys);

/* The same as one JSON object. */
void keys_json(struct buf *out, const struct keys *keys);

#endif
