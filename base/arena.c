/* arena.c - chunks of growing size, bumped.
 *
 * An object is zeroed when it is given out, so a chunk that is used again costs no more than a new one. Under
 * AddressSanitizer a chunk starts poisoned, each object is unpoisoned when it is given out, and a gap stays between
 * objects. */
#include "base/arena.h"

#include <stdarg.h>
#include <stdbool.h>
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
    bool shared; /* holds many objects, not a single large one */
    _Alignas(max_align_t) unsigned char bytes[];
};

struct arena {
    struct arena_room room; /* first: arena_alloc() reads it */
    struct arena_room hidden;
    struct arena_room *left; /* of `current`: one of the two above */
    struct chunk *current;   /* NULL: none */
    struct chunk *chunks;    /* in use, newest first; `current` is one of them */
    struct chunk *kept;      /* to be used again, smallest first */
    size_t used;             /* outside of `current` */
    size_t chunk_size;       /* of the next chunk */
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
    arena->left = GAP > 0 ? &arena->hidden : &arena->room;
    return arena;
}

static void chunks_free(struct chunk *chunk) {
    for (struct chunk *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        ASAN_UNPOISON_MEMORY_REGION(chunk->bytes, chunk->size);
        free(chunk);
    }
}

void arena_destroy(struct arena *arena) {
    if (arena == NULL)
        return;
    chunks_free(arena->chunks);
    chunks_free(arena->kept);
    free(arena);
}

/* The chunks were made in growing sizes, and are kept in that order; those of single large objects go. */
void arena_reset(struct arena *arena) {
    struct chunk *large = NULL;
    for (struct chunk *chunk = arena->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        struct chunk **list = chunk->shared ? &arena->kept : &large;
        ASAN_POISON_MEMORY_REGION(chunk->bytes, chunk->size);
        chunk->next = *list;
        *list = chunk;
    }
    chunks_free(large);
    arena->chunks = NULL;
    arena->current = NULL;
    *arena->left = (struct arena_room){NULL, NULL};
    arena->used = 0;
}

static struct chunk *chunk_new(struct arena *arena, size_t size, bool shared) {
    struct chunk *chunk = size > SIZE_MAX - sizeof *chunk ? NULL : malloc(sizeof *chunk + size);
    if (chunk == NULL)
        out_of_memory(size);
    *chunk = (struct chunk){.next = arena->chunks, .size = size, .shared = shared};
    arena->chunks = chunk;
    ASAN_POISON_MEMORY_REGION(chunk->bytes, size);
    return chunk;
}

/* A chunk for many objects. */
static struct chunk *chunk_shared(struct arena *arena) {
    struct chunk *chunk = arena->kept;
    if (chunk == NULL) {
        chunk = chunk_new(arena, arena->chunk_size, true);
        if (arena->chunk_size < CHUNK_MAX)
            arena->chunk_size *= 2;
        return chunk;
    }
    arena->kept = chunk->next;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

/* An object that is large beside a chunk gets one of its own, and the current one stays. */
static unsigned char *find_room(struct arena *arena, size_t need) {
    struct arena_room *left = arena->left;
    if (need > (size_t)(left->end - left->at)) {
        if (need > CHUNK_MIN / 2) {
            arena->used += need;
            return chunk_new(arena, need, false)->bytes;
        }
        arena->used = arena_used(arena);
        arena->current = chunk_shared(arena);
        *left = (struct arena_room){arena->current->bytes, arena->current->bytes + arena->current->size};
    }
    left->at += need;
    return left->at - need;
}

void *arena_alloc_slow(struct arena *arena, size_t size) {
    if (size > SIZE_MAX / 2)
        out_of_memory(size);
    unsigned char *object = find_room(arena, (size + GAP + ALIGN - 1) & ~(size_t)(ALIGN - 1));
    ASAN_UNPOISON_MEMORY_REGION(object, size);
    return memset(object, 0, size);
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
    return arena->used + (arena->current ? (size_t)(arena->left->at - arena->current->bytes) : 0);
}
