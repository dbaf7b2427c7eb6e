#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"

/* Room for `more` bytes and the NUL. */
static void reserve(struct buf *buf, size_t more) {
    if (more >= SIZE_MAX / 2 - buf->len)
        abort();
    size_t need = buf->len + more + 1;
    if (need <= buf->cap)
        return;
    size_t cap = buf->cap < 64 ? 64 : buf->cap * 2;
    if (cap < need)
        cap = need;
    buf->at = realloc(buf->at, cap);
    if (buf->at == NULL) {
        fprintf(stderr, "adgen: out of memory (%zu bytes wanted)\n", cap);
        abort();
    }
    buf->cap = cap;
}

void buf_free(struct buf *buf) {
    free(buf->at);
    *buf = (struct buf){0};
}

const char *buf_keep(struct buf *buf, struct arena *arena) {
    const char *text = arena_strndup(arena, buf->at ? buf->at : "", buf->len);
    buf_free(buf);
    return text;
}

void buf_putc(struct buf *buf, char c) {
    reserve(buf, 1);
    buf->at[buf->len++] = c;
    buf->at[buf->len] = '\0';
}

void buf_write(struct buf *buf, const char *text, size_t len) {
    reserve(buf, len);
    if (len > 0)
        memcpy(buf->at + buf->len, text, len);
    buf->len += len;
    buf->at[buf->len] = '\0';
}

void buf_puts(struct buf *buf, const char *text) {
    buf_write(buf, text, strlen(text));
}

void buf_repeat(struct buf *buf, char c, size_t count) {
    reserve(buf, count);
    memset(buf->at + buf->len, c, count);
    buf->len += count;
    buf->at[buf->len] = '\0';
}

void buf_printf(struct buf *buf, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort(); /* a format or an encoding error: a bug in the caller */
    reserve(buf, (size_t)len);
    vsnprintf(buf->at + buf->len, (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
}

void buf_truncate(struct buf *buf, size_t len) {
    if (len >= buf->len)
        return;
    buf->len = len;
    buf->at[len] = '\0';
}
