/* atom.c - an open-addressing table of {hash, length, text}; the text is in the arena with a NUL after it. */
#include "base/atom.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"

struct slot {
    uint32_t hash, len;
    char *text; /* NULL: free */
};

struct atoms {
    struct arena *arena;
    struct slot *slot;
    uint32_t slots, used; /* slots is a power of two */
};

enum { SLOTS_MIN = 2048 };

struct atoms *atoms_create(struct arena *arena) {
    struct atoms *atoms = NEW(arena, struct atoms);
    atoms->arena = arena;
    atoms->slots = SLOTS_MIN;
    atoms->slot = NEW_ARRAY(arena, struct slot, SLOTS_MIN);
    return atoms;
}

/* The last bytes of a text, fewer than eight. Copies of a known size cost no call. */
static uint64_t tail_of(const char *text, size_t len) {
    uint32_t low = 0, high = 0;
    if (len >= 4) {
        memcpy(&low, text, 4);
        memcpy(&high, text + len - 4, 4);
    } else if (len > 0) {
        low = (uint32_t)(unsigned char)text[0] | (uint32_t)(unsigned char)text[len / 2] << 8 |
              (uint32_t)(unsigned char)text[len - 1] << 16;
    }
    return low | (uint64_t)high << 32;
}

/* Eight bytes a step: identifiers are short, docstrings long. The same on every machine is not needed: nothing depends
 * on the order of a hash table. */
static uint32_t hash_bytes(const char *text, size_t len) {
    uint64_t hash = len * UINT64_C(0x9E3779B97F4A7C15);
    for (uint64_t word; len >= sizeof word; text += sizeof word, len -= sizeof word) {
        memcpy(&word, text, sizeof word);
        hash = hash_mix(hash, word);
    }
    hash = hash_mix(hash, tail_of(text, len));
    return (uint32_t)(hash ^ hash >> 29);
}

static void grow(struct atoms *atoms) {
    uint32_t slots = atoms->slots * 2;
    struct slot *bigger = NEW_ARRAY(atoms->arena, struct slot, slots);
    for (uint32_t i = 0; i < atoms->slots; i++) {
        if (atoms->slot[i].text == NULL)
            continue;
        uint32_t at = atoms->slot[i].hash & (slots - 1);
        while (bigger[at].text != NULL)
            at = (at + 1) & (slots - 1);
        bigger[at] = atoms->slot[i];
    }
    atoms->slot = bigger;
    atoms->slots = slots;
}

atom intern_len(struct atoms *atoms, const char *text, size_t len) {
    uint32_t hash = hash_bytes(text, len);
    uint32_t at = hash & (atoms->slots - 1);
    for (struct slot *slot; (slot = &atoms->slot[at])->text != NULL; at = (at + 1) & (atoms->slots - 1))
        if (slot->hash == hash && slot->len == len && memcmp(slot->text, text, len) == 0)
            return slot->text;
    char *copy = arena_strndup(atoms->arena, text, len);
    atoms->slot[at] = (struct slot){hash, (uint32_t)len, copy};
    if (++atoms->used > atoms->slots / 2)
        grow(atoms);
    return copy;
}

atom intern(struct atoms *atoms, const char *text) {
    return intern_len(atoms, text, strlen(text));
}

atom intern_dotted(struct atoms *atoms, const char *of, const char *name) {
    char small[256];
    size_t before = strlen(of), after = strlen(name), len = before + 1 + after;
    char *text = len < sizeof small ? small : arena_alloc(atoms->arena, len);
    memcpy(text, of, before);
    text[before] = '.';
    memcpy(text + before + 1, name, after);
    return intern_len(atoms, text, len);
}

atom intern_printf(struct atoms *atoms, const char *format, ...) {
    char small[256], *text = small;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if ((size_t)len >= sizeof small) {
        text = arena_alloc(atoms->arena, (size_t)len + 1);
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return intern_len(atoms, text, (size_t)len);
}
