#include "emit/memory.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/process.h"
#include "emit/words.h"
#include "rewrite/architecture.h"

enum { GPUS_MAX = 64 };

static const long long MIB = 1024 * 1024;
static const long long BILLION = 1000LL * 1000 * 1000;

/* -- the machine --------------------------------------------------------------------------------------------------- */

/* MiB of each GPU, the largest first. What is no number in the output is no GPU. */
static uint32_t read_gpus(struct arena *arena, long long *mib) {
    static const char *const argv[] = {"nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits", NULL};
    const char *at = process_output(arena, argv);
    uint32_t count = 0;
    while (at && *at && count < GPUS_MAX) {
        char *end;
        long long size = strtoll(at, &end, 10);
        if (end > at && size > 0) {
            uint32_t i = count++;
            for (; i > 0 && mib[i - 1] < size; i--)
                mib[i] = mib[i - 1];
            mib[i] = size;
        }
        at = end + strcspn(end, "\n");
        at += *at == '\n';
    }
    return count;
}

/* -- the model ----------------------------------------------------------------------------------------------------- */

/* Published weights are what the configuration's dtype says; where it is silent, bfloat16 as nearly all are. */
static void count_need(struct memory *m, const struct architecture *a) {
    m->assumed = a->dtype == NULL;
    m->dtype = m->assumed ? "bfloat16" : a->dtype;
    m->need = !m->assumed || a->parameters == NOT_KNOWN ? a->bytes : 2 * a->parameters;
}

static void judge(struct memory *m, const long long *mib) {
    if (m->gpus == 0)
        m->fit = FIT_NO_GPU;
    else if (m->need == NOT_KNOWN)
        m->fit = FIT_UNKNOWN;
    else if (m->need <= m->largest * MIB)
        m->fit = FIT_ONE;
    else
        m->fit = FIT_NOT;
    for (uint32_t n = 2; n <= m->gpus && m->fit == FIT_NOT; n *= 2) {
        if ((m->need + n - 1) / n > mib[n - 1] * MIB) /* the smallest of the n largest */
            continue;
        m->fit = FIT_SHARDED;
        m->shards = n;
    }
}

struct memory memory_survey(struct arena *arena, const struct architecture *architecture) {
    long long mib[GPUS_MAX];
    struct memory m = {.gpus = read_gpus(arena, mib)};
    for (uint32_t i = 0; i < m.gpus; i++)
        m.total += mib[i];
    m.largest = m.gpus ? mib[0] : 0;
    count_need(&m, architecture);
    m.quantised = architecture->quantised;
    judge(&m, mib);
    if (architecture->parameters != NOT_KNOWN) {
        m.world_size = world_size(architecture->parameters);
        m.between = architecture->parameters > 15 * BILLION && architecture->parameters < 20 * BILLION;
    }
    return m;
}

/* -- reports ------------------------------------------------------------------------------------------------------- */

static const char *fit_text(enum fit fit) {
    static const char *const texts[] = {"not known", "no GPU seen", "fits on one GPU", "fits sharded", "does not fit"};
    return texts[fit];
}

void memory_text(struct buf *out, const struct memory *m) {
    put_fact(out, "weights");
    if (m->need == NOT_KNOWN) {
        buf_puts(out, "unknown\n");
    } else {
        put_count(out, (m->need + MIB - 1) / MIB);
        buf_printf(out, " MiB in %s%s", m->dtype, m->assumed ? ", which is assumed" : "");
        if (m->quantised)
            buf_printf(out, "; less in the checkpoint, which is quantised (%s)", m->quantised);
        buf_putc(out, '\n');
    }
    put_fact(out, "GPUs");
    buf_puts(out, fit_text(m->fit));
    if (m->fit == FIT_SHARDED)
        buf_printf(out, " over %u", m->shards);
    if (m->gpus) {
        buf_printf(out, " (%u with ", m->gpus);
        put_count(out, m->total);
        buf_puts(out, " MiB together)");
    }
    buf_puts(out, "\n");
    put_fact(out, "world size");
    if (m->world_size)
        buf_printf(
            out, "%u%s\n", m->world_size, m->between ? " (the usual table has no row for 15 to 20 billion)" : "");
    else
        buf_puts(out, "unknown\n");
}

cJSON *memory_json(const struct memory *m) {
    static const char *const names[] = {NULL, "no GPU seen", "one", "sharded", "no"};
    cJSON *json = cJSON_CreateObject();
    json_count(json, "bytes", m->need);
    cJSON_AddStringToObject(json, "dtype", m->dtype);
    cJSON_AddBoolToObject(json, "dtype_assumed", m->assumed);
    json_text(json, "quantised", m->quantised);
    cJSON_AddNumberToObject(json, "gpus", m->gpus);
    cJSON_AddNumberToObject(json, "total_mib", (double)m->total);
    json_text(json, "fits", names[m->fit]);
    if (m->fit == FIT_SHARDED)
        cJSON_AddNumberToObject(json, "shards", m->shards);
    json_count(json, "world_size", m->world_size ? (long long)m->world_size : NOT_KNOWN);
    if (m->between)
        cJSON_AddTrueToObject(json, "world_size_not_in_table");
    return json;
}
