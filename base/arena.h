/* arena.h - bump allocation: everything a translation needs, freed at once.
 *
 * An arena hands out zeroed memory that lives until the arena is destroyed or reset. There is no free of a single
 * object; passes never free. Running out of memory aborts, so no caller carries an out-of-memory branch. Under
 * AddressSanitizer the unused part of a chunk is poisoned, so an overrun out of an arena object is found like one out
 * of a malloc block. */
#ifndef ADGEN_BASE_ARENA_H
#define ADGEN_BASE_ARENA_H

#include <stddef.h>
#include <string.h>

struct arena;

/* A new, empty arena; the caller owns it and gives it back with arena_destroy. */
struct arena *arena_create(void);
void arena_destroy(struct arena *arena);

/* Takes back all that the arena has handed out, and keeps the memory for what comes next. */
void arena_reset(struct arena *arena);

/* The part of an arena that is given out next; both ends are aligned for any type. Empty under AddressSanitizer, which
 * wants to hear of each object. */
struct arena_room {
    unsigned char *at, *end;
};

void *arena_alloc_slow(struct arena *arena, size_t size);

/* `size` zeroed bytes, aligned for any type. Never NULL. Here, so that objects of a known size are zeroed without a
 * call: they are about to be written, so their lines are wanted in the cache anyway. */
static inline void *arena_alloc(struct arena *arena, size_t size) {
    struct arena_room *room = (struct arena_room *)arena; /* its first member */
    if (size >= (size_t)(room->end - room->at))
        return arena_alloc_slow(arena, size);
    unsigned char *object = room->at;
    room->at += (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    return memset(object, 0, size);
}

/* A copy of `len` bytes of `text` with a NUL after them. */
char *arena_strndup(struct arena *arena, const char *text, size_t len);

/* printf into the arena. */
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far; for --verbose and the benchmarks. */
size_t arena_used(const struct arena *arena);

#define NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define NEW_ARRAY(arena, type, count) ((type *)arena_alloc((arena), sizeof(type) * (count)))

#endif
