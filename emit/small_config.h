/* small_config.h - a configuration of which the model is small, and has layers of every kind. */
#ifndef ADGEN_EMIT_SMALL_CONFIG_H
#define ADGEN_EMIT_SMALL_CONFIG_H

#include "base/buf.h"
#include "rewrite/unit.h"

/* The function _create_small_config(). */
void emit_small_config(struct unit *unit, struct buf *out);

/* Whether a field of a configuration says how many layers there are. */
bool counts_layers(const char *field);

#endif
