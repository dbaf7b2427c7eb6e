/* dump.h - the program as it stands between two passes, as Python to read. */
#ifndef ADGEN_EMIT_DUMP_H
#define ADGEN_EMIT_DUMP_H

#include "base/buf.h"
#include "rewrite/unit.h"

/* The source program before specialisation; after it the residual one: classes with the methods that are reached, in
 * the order of construction, then functions. It is for reading: names are not unique before they are assigned. */
void dump_program(struct unit *unit, struct buf *out);

#endif
