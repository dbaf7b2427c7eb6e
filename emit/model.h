/* model.h - the emitted model file.
 *
 * Reads the pruned and named residual program; writes the text of one self-contained module: licence header, docstring,
 * imports, the classes in source order, the two output classes, and the registration as the last line. */
#ifndef ADGEN_EMIT_MODEL_H
#define ADGEN_EMIT_MODEL_H

#include "base/buf.h"
#include "rewrite/unit.h"

/* Append the file to `out`. False with a diagnostic where the program cannot be written down. */
bool emit_model(struct unit *unit, struct buf *out);

#endif
