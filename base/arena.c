/* arena.c - chunks of growing size from calloc, bumped.
 *
 * Chunks come zeroed from the system (large callocs are fresh pages), and nothing is given out twice, so an allocation
 * is an addition and a compare. Under AddressSanitizer a chunk starts poisoned, each object is unpoisoned when it is
 * given out, and a gap stays between objects. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
enum { GAP = 16 };
#else
#define ASAN_POISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(at, size) ((void)(at), (void)(size))
enum { GAP = 0 };
#endif

enum { ALIGN = _Alignof(max_align_t), CHUNK_MIN = 64 * 1024, CHUNK_MAX = 1024 * 1024 };

struct chunk {
    struct chunk *next;
    size_t size; /* bytes after this header */
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct chunk *chunks; /* newest first */
    unsigned char *at, *end;
    size_t used;
    size_t chunk_size; /* of the next chunk */
};

static _Noreturn void out_of_memory(size_t size) {
    fprintf(stderr, "adgen: out of memory (%zu bytes wanted)\n", size);
    abort();
}

struct arena *arena_create(void) {
    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        out_of_memory(sizeof *arena);
    arena->chunk_size = CHUNK_MIN;
    return arena;
}

void arena_destroy(struct arena *arena) {
    if (arena == NULL)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
        free(chunk);
    }
    free(arena);
}

/* A chunk of at least `size` bytes. An object larger than a chunk gets one of its own, and the current one stays. */
static unsigned char *chunk_new(struct arena *arena, size_t size) {
    struct chunk *chunk = size > SIZE_MAX - sizeof *chunk ? NULL : calloc(1, sizeof *chunk + size);
    if (chunk == NULL)
        out_of_memory(size);
    chunk->size = size;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, size);
    return chunk->bytes;
}

static void *alloc_slow(struct arena *arena, size_t need) {
    if (need > arena->chunk_size / 2)
        return chunk_new(arena, need);
    unsigned char *bytes = chunk_new(arena, arena->chunk_size);
    arena->at = bytes + need;
    arena->end = bytes + arena->chunk_size;
    if (arena->chunk_size < CHUNK_MAX)
        arena->chunk_size *= 2;
    return bytes;
}

void *arena_alloc(struct arena *arena, size_t size) {
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    size_t need = (size + GAP + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    void *object;
    if (need <= (size_t)(arena->end - arena->at)) {
        object = arena->at;
        arena->at += need;
    } else {
        object = alloc_slow(arena, need);
    }
    arena->used += need;
    ASAN_UNPOISON_MEMORY_REGION(object, size);
    return object;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len) {
    char *copy = arena_alloc(arena, len + 1);
    if (len > 0)
        memcpy(copy, text, len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (len < 0)
        abort(); /* a format or an encoding error: a bug in the caller */
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}

size_t arena_used(const struct arena *arena) {
    return arena->used;
}
