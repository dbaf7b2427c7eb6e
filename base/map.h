/* map.h - hash maps from atoms, or from the addresses of anything, to pointers, in an arena.
 *
 * Iteration is in order of insertion (`for (i < map.len) map.entry[i]`), never in hash order: output must not depend on
 * addresses. Keys are compared by pointer, so all atoms of a map come from one table. */
#ifndef ADGEN_BASE_MAP_H
#define ADGEN_BASE_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

struct map_entry {
    const void *key;
    void *value;
};

/* A zeroed map is empty and valid. */
struct map {
    struct map_entry *entry;
    uint32_t *slot; /* hash table of indices into entry, plus one; 0 is free */
    uint32_t len, cap, slots;
};

/* The value under `key`, or NULL. */
void *map_get(const struct map *map, const void *key);
bool map_has(const struct map *map, const void *key);

/* Insert or replace. */
void map_put(struct arena *arena, struct map *map, const void *key, void *value);

#endif
