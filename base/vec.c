#include "base/vec.h"

#include <string.h>

void *vec_grow(struct arena *arena, void *at, uint32_t len, uint32_t *cap, size_t size) {
    if (len < *cap)
        return at;
    uint32_t grown = *cap < 4 ? 4 : *cap * 2;
    assert(grown > *cap);
    void *copy = arena_alloc(arena, (size_t)grown * size);
    if (len > 0)
        memcpy(copy, at, (size_t)len * size);
    *cap = grown;
    return copy;
}
