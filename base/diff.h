/* diff.h - differences between two texts, as `diff -u` prints them. */
#ifndef ADGEN_BASE_DIFF_H
#define ADGEN_BASE_DIFF_H

#include <stddef.h>

#include "base/buf.h"

/* Append the unified diff from text `a` to text `b`, with three lines of context; nothing where they are equal. */
void diff_unified(
    struct buf *out, const char *a_name, const char *a, size_t a_len, const char *b_name, const char *b, size_t b_len);

#endif
