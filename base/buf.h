/* buf.h - the one buffer that text output goes through.
 *
 * Invariant: `at[len]` is NUL whenever `at` is not NULL. The memory is malloc'd: release it with buf_free, or
 * hand the text on with buf_keep. */
#ifndef ADGEN_BASE_BUF_H
#define ADGEN_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *at;
    size_t len, cap;
};

void buf_free(struct buf *buf);
void buf_putc(struct buf *buf, char c);
void buf_puts(struct buf *buf, const char *text);
void buf_write(struct buf *buf, const char *text, size_t len);
void buf_repeat(struct buf *buf, char c, size_t count);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text in an arena, "" of an empty buffer. The buffer is freed. */
struct arena;
const char *buf_keep(struct buf *buf, struct arena *arena);

/* Cut the buffer back to `len` bytes. */
void buf_truncate(struct buf *buf, size_t len);

#endif
