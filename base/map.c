#include "base/map.h"

#include "base/vec.h"

enum { SLOTS_MIN = 8 };

static uint32_t hash_key(const void *key) {
    return (uint32_t)(((uintptr_t)key >> 4) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

/* The slot that holds `key` or the free one where it would go. */
static uint32_t find(const struct map *map, const void *key) {
    uint32_t at = hash_key(key) & (map->slots - 1);
    while (map->slot[at] != 0 && map->entry[map->slot[at] - 1].key != key)
        at = (at + 1) & (map->slots - 1);
    return at;
}

static struct map_entry *lookup(const struct map *map, const void *key) {
    if (map->slots == 0)
        return NULL;
    uint32_t index = map->slot[find(map, key)];
    return index == 0 ? NULL : &map->entry[index - 1];
}

void *map_get(const struct map *map, const void *key) {
    struct map_entry *entry = lookup(map, key);
    return entry == NULL ? NULL : entry->value;
}

bool map_has(const struct map *map, const void *key) {
    return lookup(map, key) != NULL;
}

static void rehash(struct arena *arena, struct map *map) {
    map->slots = map->slots == 0 ? SLOTS_MIN : map->slots * 2;
    map->slot = NEW_ARRAY(arena, uint32_t, map->slots);
    for (uint32_t i = 0; i < map->len; i++)
        map->slot[find(map, map->entry[i].key)] = i + 1;
}

void map_put(struct arena *arena, struct map *map, const void *key, void *value) {
    struct map_entry *entry = lookup(map, key);
    if (entry != NULL) {
        entry->value = value;
        return;
    }
    if ((map->len + 1) * 2 > map->slots)
        rehash(arena, map);
    map->entry = vec_grow(arena, map->entry, map->len, &map->cap, sizeof *map->entry);
    map->entry[map->len] = (struct map_entry){key, value};
    uint32_t at = find(map, key);
    map->slot[at] = ++map->len;
}
