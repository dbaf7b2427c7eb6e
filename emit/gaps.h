/* gaps.h - marks where something is not understood; see gaps.c. */
#ifndef ADGEN_EMIT_GAPS_H
#define ADGEN_EMIT_GAPS_H

#include "emit/emit.h"

/* What every marker begins with. */
#define GAP_MARKER "adgen: not translated: "

/* The gaps of the translation, sorted, each once. */
struct diag **gaps_of(struct unit *unit, uint32_t *count);

/* Put a marker into e->module wherever something is not understood. */
void mark_gaps(struct emitter *e);
/* Definitions of the source that the module names and does not hold: as they are, before the others. */
void keep_definitions(struct emitter *e);
/* The lines, from 1, of a text that hold markers, such as "12, 40 and 77". */
const char *gap_lines(struct arena *arena, const struct buf *text);

#endif
