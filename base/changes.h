/* changes.h - files that change together: all of them or none.
 *
 * Every text is written beside its target first; only when all of them are on disk do they take their names. Where one
 * cannot, those that did before get their old text back, and what was new is gone, folders included. What goes to a
 * device or a pipe cannot be taken back: it is written between the two, when all else is on disk. */
#ifndef ADGEN_BASE_CHANGES_H
#define ADGEN_BASE_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct buf;
struct diags;

struct change {
    const char *path;   /* where it goes */
    const char *name;   /* what people and diffs call it: relative to the root of its tree */
    const char *before; /* what is there now; NULL: nothing */
    size_t before_len;
    const char *text;
    size_t len;
};

/* There is something else, or nothing. */
bool change_matters(const struct change *change);

/* Append the unified diff, in the form that `patch -p1` and `git apply` take. */
void change_diff(struct buf *out, const struct change *change);

/* Write those that matter, folders included. False, with a diagnostic, and nothing has changed. */
bool changes_write(struct arena *arena, struct diags *diags, const struct change *list, uint32_t count);

/* Its two halves, for what must happen between them: nothing has its name yet after the first, into folders that are
 * there. NULL, with a diagnostic, and nothing has changed. Every staging ends in one of the other two. */
struct staging;
struct staging *changes_stage(struct arena *arena, struct diags *diags, const struct change *list, uint32_t count);
bool changes_commit(struct staging *staging);
void changes_abandon(struct staging *staging);

#endif
