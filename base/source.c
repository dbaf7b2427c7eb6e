/* source.c - reading and checking input text.
 *
 * Line ends are normalised to "\n" as Python's tokenizer does it, so a carriage return never reaches a string literal
 * or a comment. All offsets are into the normalised text. */
#include "base/source.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/diag.h"

/* Length of the valid UTF-8 sequence at `at` (no overlong forms, no surrogates), or 0. */
static size_t utf8_sequence(const unsigned char *at, const unsigned char *end) {
    size_t left = (size_t)(end - at);
    unsigned char a = at[0];
    if (a >= 0xC2 && a <= 0xDF)
        return left >= 2 && (at[1] & 0xC0) == 0x80 ? 2 : 0;
    if (a >= 0xE0 && a <= 0xEF) {
        if (left < 3 || (at[1] & 0xC0) != 0x80 || (at[2] & 0xC0) != 0x80)
            return 0;
        return (a == 0xE0 && at[1] < 0xA0) || (a == 0xED && at[1] > 0x9F) ? 0 : 3;
    }
    if (a >= 0xF0 && a <= 0xF4) {
        if (left < 4 || (at[1] & 0xC0) != 0x80 || (at[2] & 0xC0) != 0x80 || (at[3] & 0xC0) != 0x80)
            return 0;
        return (a == 0xF0 && at[1] < 0x90) || (a == 0xF4 && at[1] > 0x8F) ? 0 : 4;
    }
    return 0;
}

/* Offset of the first byte that is NUL or not UTF-8, or `len`. */
static size_t first_bad_byte(const char *text, size_t len) {
    const unsigned char *at = (const unsigned char *)text, *end = at + len;
    while (at < end) {
        uint64_t word;
        if (end - at >= 8) {
            memcpy(&word, at, 8);
            uint64_t nul = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
            if ((word & UINT64_C(0x8080808080808080)) == 0 && nul == 0) {
                at += 8;
                continue;
            }
        }
        size_t step = *at == 0 ? 0 : *at < 0x80 ? 1 : utf8_sequence(at, end);
        if (step == 0)
            break;
        at += step;
    }
    return (size_t)(at - (const unsigned char *)text);
}

/* "\r\n" and "\r" become "\n", in place; the new length. */
static size_t normalise_newlines(char *text, size_t len) {
    char *from = memchr(text, '\r', len), *to = from, *end = text + len;
    if (from == NULL)
        return len;
    while (from < end) {
        char c = *from++;
        if (c == '\r') {
            c = '\n';
            if (from < end && *from == '\n')
                from++;
        }
        *to++ = c;
    }
    *to = '\0';
    return (size_t)(to - text);
}

static void complain(struct diags *diags, struct source *place, uint32_t offset, const char *path, const char *what) {
    struct span span = {offset, offset + 1};
    if (place != NULL)
        diag_at(diags, SEVERITY_ERROR, place, span, NULL, "%s", what);
    else
        diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: %s", path, what);
}

static bool only_space(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++)
        if (strchr(" \t\f\n", text[i]) == NULL)
            return false;
    return true;
}

/* `text` is in the arena, ours to change, with a NUL after it. */
static struct source *source_checked(
    struct arena *arena, struct atoms *atoms, struct diags *diags, const char *path, char *text, size_t len) {
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    struct source *source = NEW(arena, struct source);
    source->path = intern(atoms, path);
    source->arena = arena;
    source->text = text;
    size_t bad = first_bad_byte(text, len);
    if (bad < len) {
        /* The message shows the text up to the bad byte only, so that what is printed is UTF-8. */
        bool nul = text[bad] == '\0';
        text[bad] = '\0';
        source->len = (uint32_t)normalise_newlines(text, bad);
        complain(diags, source, source->len, path, nul ? "a NUL byte in the text" : "the text is not UTF-8");
        return NULL;
    }
    source->len = (uint32_t)normalise_newlines(text, len);
    if (only_space(text, source->len)) {
        complain(diags, NULL, 0, path, "the file is empty");
        return NULL;
    }
    return source;
}

struct source *source_from_text(
    struct arena *arena, struct atoms *atoms, struct diags *diags, const char *path, const char *text, size_t len) {
    if (len > SOURCE_MAX) {
        complain(diags, NULL, 0, path, "the file is too large (more than 64 MiB)");
        return NULL;
    }
    return source_checked(arena, atoms, diags, path, arena_strndup(arena, text, len), len);
}

/* All bytes of a stream into the arena; NULL with errno set on failure, or with errno 0 where there are too many. */
static char *read_all(struct arena *arena, FILE *file, size_t *len) {
    struct stat st;
    bool sized = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode) && st.st_size < SOURCE_MAX;
    size_t cap = sized ? (size_t)st.st_size + 1 : 64 * 1024; /* one more, to see the end */
    char *bytes = arena_alloc(arena, cap + 1);
    *len = 0;
    for (;;) {
        errno = 0;
        *len += fread(bytes + *len, 1, cap - *len, file);
        if (ferror(file))
            return NULL;
        if (*len < cap)
            break;
        if (cap > SOURCE_MAX)
            return NULL;
        char *bigger = arena_alloc(arena, cap * 4 + 1);
        memcpy(bigger, bytes, *len);
        bytes = bigger;
        cap *= 4;
    }
    bytes[*len] = '\0';
    return bytes;
}

struct source *source_read(struct arena *arena, struct atoms *atoms, struct diags *diags, const char *path) {
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *file = is_stdin ? stdin : fopen(path, "rb");
    size_t len = 0;
    errno = file == NULL ? errno : 0;
    char *bytes = file == NULL ? NULL : read_all(arena, file, &len);
    int error = errno;
    if (file != NULL && !is_stdin)
        fclose(file);
    if (bytes == NULL || len > SOURCE_MAX) {
        complain(diags, NULL, 0, path, error != 0 ? strerror(error) : "the file is too large (more than 64 MiB)");
        return NULL;
    }
    return source_checked(arena, atoms, diags, path, bytes, len);
}

static void index_lines(struct source *source) {
    uint32_t lines = 1;
    const char *end = source->text + source->len;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL; at++)
        lines++;
    source->line_start = NEW_ARRAY(source->arena, uint32_t, lines + 1);
    source->lines = lines;
    uint32_t line = 1;
    for (const char *at = source->text; (at = memchr(at, '\n', (size_t)(end - at))) != NULL;)
        source->line_start[line++] = (uint32_t)(++at - source->text);
    source->line_start[lines] = source->len + 1;
}

/* Index of the line that holds `offset`. */
static uint32_t find_line(struct source *source, uint32_t offset) {
    if (source->line_start == NULL)
        index_lines(source);
    uint32_t low = 0, high = source->lines;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (source->line_start[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct location source_locate(struct source *source, uint32_t offset) {
    if (offset > source->len)
        offset = source->len;
    uint32_t line = find_line(source, offset), column = 1;
    for (uint32_t at = source->line_start[line]; at < offset; at++)
        column += ((unsigned char)source->text[at] & 0xC0) != 0x80;
    return (struct location){line + 1, column};
}

const char *source_line(struct source *source, uint32_t line, uint32_t *len) {
    if (source->line_start == NULL)
        index_lines(source);
    assert(line >= 1 && line <= source->lines);
    uint32_t start = source->line_start[line - 1];
    *len = source->line_start[line] - 1 - start;
    return source->text + start;
}
