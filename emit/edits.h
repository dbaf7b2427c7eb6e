/* edits.h - lines and words put into a text that somebody else keeps: every other byte stays. */
#ifndef ADGEN_EMIT_EDITS_H
#define ADGEN_EMIT_EDITS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/vec.h"

struct edit {
    uint32_t at, until; /* what is between them is replaced: nothing, mostly */
    const char *text;
};

struct edits {
    struct arena *arena;
    struct source *source;
    VEC(struct edit) list; /* by place; of two at one place the first stays first */
    bool updates;          /* entries that are there already may change */
};

/* Put a text at an offset. */
void edits_insert(struct edits *edits, uint32_t at, const char *text);

/* Put it in the place of what is there; nothing else is done to that. */
void edits_replace(struct edits *edits, uint32_t at, uint32_t until, const char *text);

/* Put whole lines, which end with a newline, before or behind the line that an offset lies in. */
void edits_lines_before(struct edits *edits, uint32_t at, const char *lines);
void edits_lines_behind(struct edits *edits, uint32_t at, const char *lines);

/* Where the line that an offset lies in begins, and where it ends: at its newline or the end of the text. */
uint32_t line_start(const struct source *source, uint32_t at);
uint32_t line_end(const struct source *source, uint32_t at);

/* The text with the edits in it, in the form that `raw` has: the bytes that the source was read from, whose byte order
 * mark and line ends the source does not show. False, with a diagnostic, where the line ends are mixed. */
bool edits_apply(const struct edits *edits, struct diags *diags, const struct buf *raw, struct buf *out);

#endif
