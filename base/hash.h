/* hash.h - the step of a 64-bit hash. Not the same on every machine where addresses go in: nothing may depend on order.
 */
#ifndef ADGEN_BASE_HASH_H
#define ADGEN_BASE_HASH_H

#include <stdint.h>

static inline uint64_t hash_mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9FB21C651E98DF25);
    return hash ^ hash >> 32;
}

#endif
