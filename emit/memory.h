/* memory.h - whether a model's weights fit on the GPUs of this machine. */
#ifndef ADGEN_EMIT_MEMORY_H
#define ADGEN_EMIT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct architecture;
struct arena;
struct cJSON;

enum fit { FIT_UNKNOWN, FIT_NO_GPU, FIT_ONE, FIT_SHARDED, FIT_NOT };

struct memory {
    long long need;        /* bytes of the weights alone; NOT_KNOWN */
    const char *dtype;     /* they are counted in: the configuration's, or the one that is taken where it names none */
    bool assumed;          /* the latter */
    const char *quantised; /* how the checkpoint is, in which the weights take less; NULL: it is not */
    uint32_t gpus;
    long long total, largest; /* MiB */
    enum fit fit;
    uint32_t shards;     /* FIT_SHARDED: over the fewest GPUs, of 2, 4, 8, ... */
    uint32_t world_size; /* by the number of parameters; 0: that is not known */
    bool between;        /* the usual table leaves the size out */
};

/* Ask `nvidia-smi` on PATH, if there is one. */
struct memory memory_survey(struct arena *arena, const struct architecture *architecture);

void memory_text(struct buf *out, const struct memory *memory);
struct cJSON *memory_json(const struct memory *memory);

#endif
