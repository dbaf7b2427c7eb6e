/* onboard_facts.c - what an onboarding says of the model, and what follows from its sizes.
 *
 * Reads struct architecture. What is not known is said to be; what is known of the defaults of a configuration class
 * alone is marked as a place to compare with the published model. */
#include <string.h>

#include "emit/architecture_report.h"
#include "emit/onboard_plan.h"
#include "emit/small_config.h"
#include "rewrite/config.h"

/* Enough to see that something breaks, and tokens to serve at once: what the registry has for most models. */
enum { FEW_LAYERS = 5, LENGTH = 4096 };

/* -- the list ------------------------------------------------------------------------------------------------------ */

static void put_known(struct buf *out, const char *what, long long count) {
    if (count == NOT_KNOWN)
        return;
    buf_printf(out, ", %s ", what);
    put_count(out, count);
}

static void put_kinds(struct buf *out, const struct architecture *a) {
    for (uint32_t i = 0; i < a->kinds.len; i++) {
        const struct layer_kind *kind = &a->kinds.at[i];
        if (a->kinds.len > 1)
            buf_printf(out, "- %lld of %u layers: ", kind->count, a->layers.len);
        else
            buf_puts(out, "- every layer: ");
        buf_puts(out, "attention ");
        put_attention(out, &kind->attention);
        buf_puts(out, "; rotary embedding: ");
        put_rotary(out, kind);
        buf_puts(out, kind->experts.count ? "; " : "; MLP: ");
        put_mlp(out, kind);
        buf_putc(out, '\n');
    }
}

static void put_parameters(struct buf *out, const struct architecture *a) {
    if (a->parameters == NOT_KNOWN) {
        buf_puts(out, "- how many parameters it has is not known\n");
        return;
    }
    buf_puts(out, "- ");
    put_count(out, a->parameters);
    buf_puts(out, " parameters");
    if (a->active != NOT_KNOWN && a->active != a->parameters) {
        buf_puts(out, ", of which a token meets ");
        put_count(out, a->active);
    }
    buf_puts(out, a->tied == 1 ? "; the head is the embedding\n" : "\n");
}

/* Sizes are somebody's defaults: they may not be the model's. */
static void put_origin(struct buf *out, const struct architecture *a) {
    const char *config = a->config_class ? a->config_class : "the configuration class";
    if (a->values)
        return;
    if (a->built)
        buf_printf(out, "- **FILL IN:** sizes are the defaults of `%s`; compare them with the published config.json\n",
            config);
    else
        buf_printf(out, "- **FILL IN:** sizes; the defaults of `%s` do not say them, a config.json (`--config`) does\n",
            config);
}

static const char *facts_of(const struct plan *plan, const struct architecture *a) {
    struct buf out = {0};
    put_origin(&out, a);
    buf_printf(&out, "- `%s`", plan->entry);
    if (a->layers.len)
        buf_printf(&out, ", %u layers", a->layers.len);
    put_known(&out, "hidden size", a->hidden);
    put_known(&out, "vocabulary", a->vocabulary);
    put_known(&out, "context", a->context);
    buf_putc(&out, '\n');
    put_kinds(&out, a);
    put_parameters(&out, a);
    if (a->quantised)
        buf_printf(&out, "- the checkpoint is quantised (%s)\n", a->quantised);
    return buf_keep(&out, plan->arena);
}

/* -- sizes --------------------------------------------------------------------------------------------------------- */

/* Without a file nothing says the dtype: then it is taken for the usual one. */
static const char *needs_of(const struct plan *plan, const struct architecture *a) {
    const uint32_t gpus = plan->registry.world_size;
    if (a->parameters == NOT_KNOWN)
        return "**FILL IN:** the memory that it takes; how many parameters the model has is not known.\n";
    double bytes = a->values ? (double)a->bytes : 2.0 * (double)a->parameters;
    const char *dtype = a->values == NULL ? " in bfloat16" : "";
    if (a->values && a->by_dtype.len == 1)
        dtype = arena_printf(plan->arena, " in %s", a->by_dtype.at[0].dtype);
    const char *where = arena_printf(plan->arena, gpus == 1 ? "on one GPU" : "on %u GPUs", gpus);
    const char *less =
        a->quantised ? arena_printf(plan->arena, ", less as they are published, quantised (%s)", a->quantised) : "";
    return arena_printf(plan->arena,
        "Its weights take %.1f GiB%s%s; the settings put them %s. The cache takes memory beside that.\n",
        bytes / (1 << 30), dtype, less, where);
}

/* As few layers as can be with each kind among them, and not fewer than is usual. */
static uint32_t few_layers(const struct architecture *a) {
    uint32_t few = a->layers.len && a->layers.len < FEW_LAYERS ? a->layers.len : FEW_LAYERS;
    for (uint32_t kind = 0; kind < a->kinds.len; kind++)
        for (uint32_t i = 0; i < a->layers.len; i++)
            if (a->layers.at[i] == kind) {
                few = i + 1 > few ? i + 1 : few;
                break;
            }
    return few;
}

/* As the command line has it: with dashes. */
static const char *layers_field(const struct plan *plan) {
    const struct map *fields = &plan->unit->config->fields;
    uint32_t i = 0;
    while (i < fields->len && !counts_layers(fields->entry[i].key))
        i++;
    const char *found = i < fields->len ? fields->entry[i].key : "num_hidden_layers";
    char *dashed = arena_strndup(plan->arena, found, strlen(found));
    for (char *at = dashed; (at = strchr(at, '_')) != NULL;)
        *at = '-';
    return dashed;
}

/* By its own configuration: defaults may be another model's. */
static bool has_no_windows(const struct architecture *a) {
    bool none = a->values && a->followed && a->kinds.len > 0;
    for (uint32_t i = 0; i < a->kinds.len; i++)
        none &= a->kinds.at[i].attention.window == 0;
    return none;
}

void find_facts(struct plan *plan) {
    const struct architecture *a = plan->request->architecture;
    plan->registry.world_size = a->parameters == NOT_KNOWN ? 0 : world_size(a->parameters);
    plan->row.no_windows = has_no_windows(a);
    plan->facts = facts_of(plan, a);
    plan->needs = needs_of(plan, a);
    plan->layers_field = layers_field(plan);
    plan->layers = few_layers(a);
    plan->length = a->context > 0 && a->context < LENGTH ? (uint32_t)a->context : LENGTH;
    plan->length = a->limit > 0 && a->limit < plan->length ? (uint32_t)a->limit : plan->length;
}
