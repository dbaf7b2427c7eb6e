#include "emit/architecture_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- words --------------------------------------------------------------------------------------------------------- */

/* The shortest decimal that reads back; 10000 and not 1e+04. */
static void put_real(struct buf *out, double real) {
    char text[40];
    if (real == floor(real) && fabs(real) < 1e15) {
        buf_printf(out, "%.0f", real);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    buf_puts(out, text);
}

static void put_word(struct buf *out, const char *name, const char *value) {
    put_fact(out, name);
    buf_printf(out, "%s\n", or_unknown(value));
}

static void put_number(struct buf *out, const char *name, long long value) {
    put_fact(out, name);
    put_count(out, value);
    buf_putc(out, '\n');
}

/* -- kinds --------------------------------------------------------------------------------------------------------- */

static const char *attention_name(enum attention_kind kind) {
    static const char *const names[] = {"unknown", "MHA", "GQA", "MQA", "MLA"};
    return names[kind];
}

static const char *rotary_name(enum rotary_kind kind) {
    static const char *const names[] = {"unknown", "none", "halves", "interleaved", "interleaved, complex"};
    return names[kind];
}

static const char *mlp_name(enum mlp_kind kind) {
    static const char *const names[] = {"unknown", "none", "plain", "gated"};
    return names[kind];
}

static const char *norm_name(enum norm_kind kind) {
    static const char *const names[] = {"RMS", "layer", "L2"};
    return names[kind];
}

static bool is_partial(const struct layer_kind *kind) {
    return kind->attention.kind != ATTENTION_MLA && kind->rotary.dim > 0 && kind->attention.key_dim > 0 &&
           kind->rotary.dim < kind->attention.key_dim;
}

void put_attention(struct buf *out, const struct attention *a) {
    buf_puts(out, attention_name(a->kind));
    if (a->kind == ATTENTION_UNKNOWN)
        return;
    buf_puts(out, ", ");
    put_count(out, a->heads);
    buf_puts(out, a->heads == 1 ? " head" : " heads");
    if (a->kind == ATTENTION_GQA || a->kind == ATTENTION_MQA) {
        buf_puts(out, " on ");
        put_count(out, a->kv_heads);
    }
    buf_puts(out, " of ");
    put_count(out, a->key_dim);
    if (a->value_dim != a->key_dim) {
        buf_puts(out, ", values of ");
        put_count(out, a->value_dim);
    }
    if (a->latent) {
        buf_puts(out, ", latents of ");
        put_count(out, a->latent);
    }
    if (a->query_latent) {
        buf_puts(out, ", queries from ");
        put_count(out, a->query_latent);
    }
    if (a->window) {
        buf_puts(out, ", window ");
        put_count(out, a->window);
    }
    if (a->soft_cap > 0) {
        buf_puts(out, ", soft cap ");
        put_real(out, a->soft_cap);
    }
    buf_puts(out, a->soft_cap < 0 ? ", soft cap unknown" : "");
    buf_puts(out, a->sinks ? ", sinks" : "");
    buf_puts(out, a->bias ? ", bias on the scores" : "");
}

void put_rotary(struct buf *out, const struct layer_kind *kind) {
    buf_puts(out, rotary_name(kind->rotary.kind));
    if (kind->rotary.kind == ROTARY_UNKNOWN || kind->rotary.kind == ROTARY_NONE)
        return;
    buf_puts(out, ", ");
    put_count(out, kind->rotary.dim);
    if (is_partial(kind) || kind->attention.kind == ATTENTION_MLA) {
        buf_puts(out, " of ");
        put_count(out, kind->attention.key_dim);
    }
    buf_puts(out, is_partial(kind) ? " (partial)" : "");
}

static void put_experts(struct buf *out, const struct mixture *m) {
    put_count(out, m->count);
    buf_puts(out, " experts, top ");
    put_count(out, m->top_k);
    buf_printf(out, ", %s, width ", m->gated ? "gated" : "plain");
    put_count(out, m->width);
    if (m->activation)
        buf_printf(out, ", %s", m->activation);
}

void put_mlp(struct buf *out, const struct layer_kind *kind) {
    const struct mlp *mlp = &kind->mlp;
    if (kind->experts.count)
        put_experts(out, &kind->experts);
    if (kind->experts.count && mlp->kind == MLP_NONE)
        return;
    buf_puts(out, kind->experts.count ? "; shared: " : "");
    buf_puts(out, mlp_name(mlp->kind));
    if (mlp->kind == MLP_UNKNOWN || mlp->kind == MLP_NONE)
        return;
    buf_puts(out, ", width ");
    put_count(out, mlp->width);
    buf_printf(out, ", %s", mlp->activation ? mlp->activation : "activation unknown");
}

/* -- for people ---------------------------------------------------------------------------------------------------- */

/* The layers of one kind as ranges: 0-2, 5 */
static void put_ranges(struct buf *out, const struct architecture *a, uint32_t kind) {
    bool first = true;
    for (uint32_t i = 0; i < a->layers.len; i++) {
        uint32_t end = i;
        while (end < a->layers.len && a->layers.at[end] == kind)
            end++;
        if (end == i)
            continue;
        buf_printf(out, first ? "%u" : ", %u", i);
        if (end - i > 1)
            buf_printf(out, "-%u", end - 1);
        first = false;
        i = end;
    }
}

/* The smallest number of layers after which the kinds repeat to the end; that of all where they don't. */
static uint32_t period_of(const struct architecture *a) {
    uint32_t period = 1;
    for (; period < a->layers.len; period++) {
        uint32_t i = period;
        while (i < a->layers.len && a->layers.at[i] == a->layers.at[i - period])
            i++;
        if (i == a->layers.len)
            break;
    }
    return period;
}

static void put_layers(struct buf *out, const struct architecture *a) {
    put_fact(out, "layers");
    if (a->layers.len == 0)
        buf_puts(out, "unknown");
    else
        buf_printf(out, "%u", a->layers.len);
    if (a->kinds.len > 1) {
        uint32_t period = period_of(a);
        buf_printf(out, " of %u kinds", a->kinds.len);
        if (period <= a->layers.len / 2)
            buf_printf(out, ", every %u the same", period);
    }
    buf_putc(out, '\n');
    for (uint32_t i = 0; i < a->kinds.len; i++) {
        const struct layer_kind *kind = &a->kinds.at[i];
        if (a->kinds.len > 1) {
            put_fact(out, "kind");
            buf_printf(out, "%u of %lld: ", i + 1, kind->count);
            put_ranges(out, a, i);
            buf_putc(out, '\n');
        }
        put_fact(out, "  attention");
        put_attention(out, &kind->attention);
        buf_putc(out, '\n');
        put_fact(out, "  rotary");
        put_rotary(out, kind);
        buf_putc(out, '\n');
        put_fact(out, "  MLP");
        put_mlp(out, kind);
        buf_putc(out, '\n');
    }
}

static void put_ropes(struct buf *out, const struct architecture *a) {
    for (uint32_t i = 0; i < a->ropes.len; i++) {
        const struct rope_setting *rope = &a->ropes.at[i];
        put_fact(out, "rotary tables");
        if (rope->layer_type)
            buf_printf(out, "%s: ", rope->layer_type);
        buf_printf(out, "%s, theta ", rope->type);
        if (rope->theta > 0)
            put_real(out, rope->theta);
        else
            buf_puts(out, "unknown");
        buf_putc(out, '\n');
    }
}

static void put_norms(struct buf *out, const struct architecture *a) {
    put_fact(out, "norms");
    for (uint32_t i = 0; i < a->norms.len; i++) {
        const struct norm *norm = &a->norms.at[i];
        buf_printf(out, "%s%s", i ? "; " : "", norm_name(norm->kind));
        if (norm->eps > 0) {
            buf_puts(out, ", eps ");
            put_real(out, norm->eps);
        }
        buf_puts(out, norm->attention ? ", inside attention" : "");
    }
    buf_puts(out, a->norms.len == 0 ? "unknown\n" : "\n");
}

static void put_sizes(struct buf *out, const struct architecture *a) {
    put_fact(out, "parameters");
    put_count(out, a->parameters);
    if (a->active != a->parameters) {
        buf_puts(out, ", for a token ");
        put_count(out, a->active);
    }
    buf_putc(out, '\n');
    put_fact(out, "bytes");
    put_count(out, a->bytes);
    for (uint32_t i = 0; i < a->by_dtype.len; i++) {
        buf_puts(out, i ? ", " : " (");
        if (a->by_dtype.len > 1) {
            put_count(out, a->by_dtype.at[i].bytes);
            buf_putc(out, ' ');
        }
        buf_puts(out, a->by_dtype.at[i].dtype);
    }
    buf_puts(out, a->by_dtype.len ? ")\n" : "\n");
}

void architecture_text(struct buf *out, const struct architecture *a) {
    put_word(out, "model", a->entry);
    put_word(out, "configuration", a->config_class);
    put_word(out, "model type", a->model_type);
    put_word(out, "values", a->values ? a->values : "defaults of the configuration class");
    put_layers(out, a);
    put_ropes(out, a);
    if (a->learned_positions > 0)
        put_number(out, "learned positions", a->learned_positions);
    put_norms(out, a);
    put_number(out, "hidden size", a->hidden);
    put_number(out, "vocabulary", a->vocabulary);
    put_number(out, "context", a->context);
    put_word(out, "tied head", a->tied == NOT_KNOWN ? NULL : a->tied ? "yes" : "no");
    put_sizes(out, a);
    if (a->built && !a->followed)
        put_word(out, "not followed", a->stopped);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

/* 0 and below: not known. */
static void add_real(cJSON *json, const char *name, double value) {
    if (value > 0)
        cJSON_AddNumberToObject(json, name, value);
    else
        cJSON_AddNullToObject(json, name);
}

/* A kind by its name; one that is not known is null. */
static void add_kind(cJSON *json, const char *name) {
    json_text(json, "kind", strcmp(name, "unknown") == 0 ? NULL : name);
}

static void add_attention(cJSON *json, const struct attention *a) {
    cJSON *item = cJSON_AddObjectToObject(json, "attention");
    add_kind(item, attention_name(a->kind));
    if (a->kind == ATTENTION_UNKNOWN)
        return;
    json_count(item, "heads", a->heads);
    json_count(item, "kv_heads", a->kv_heads);
    json_count(item, "key_dim", a->key_dim);
    json_count(item, "value_dim", a->value_dim);
    json_count(item, "latent", a->latent);
    json_count(item, "query_latent", a->query_latent);
    json_count(item, "window", a->window);
    add_real(item, "scale", a->scale);
    if (a->soft_cap >= 0)
        cJSON_AddNumberToObject(item, "soft_cap", a->soft_cap);
    else
        cJSON_AddNullToObject(item, "soft_cap");
    cJSON_AddBoolToObject(item, "sinks", a->sinks);
    cJSON_AddBoolToObject(item, "bias", a->bias);
}

static void add_mlp(cJSON *json, const struct layer_kind *kind) {
    if (kind->experts.count) {
        const struct mixture *m = &kind->experts;
        cJSON *item = cJSON_AddObjectToObject(json, "experts");
        json_count(item, "count", m->count);
        json_count(item, "top_k", m->top_k);
        json_count(item, "width", m->width);
        cJSON_AddBoolToObject(item, "gated", m->gated);
        json_text(item, "activation", m->activation);
    }
    cJSON *item = cJSON_AddObjectToObject(json, kind->experts.count ? "shared" : "mlp");
    add_kind(item, mlp_name(kind->mlp.kind));
    if (kind->mlp.kind == MLP_UNKNOWN || kind->mlp.kind == MLP_NONE)
        return;
    json_count(item, "width", kind->mlp.width);
    json_text(item, "activation", kind->mlp.activation);
}

static void add_layers(cJSON *json, const struct architecture *a) {
    cJSON *kinds = cJSON_AddArrayToObject(json, "layer_kinds"), *layers = cJSON_AddArrayToObject(json, "layers");
    for (uint32_t i = 0; i < a->kinds.len; i++) {
        const struct layer_kind *kind = &a->kinds.at[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(kinds, item);
        cJSON_AddNumberToObject(item, "count", (double)kind->count);
        add_attention(item, &kind->attention);
        cJSON *rotary = cJSON_AddObjectToObject(item, "rotary");
        add_kind(rotary, rotary_name(kind->rotary.kind));
        json_count(rotary, "dim", kind->rotary.dim);
        cJSON_AddBoolToObject(rotary, "partial", is_partial(kind));
        add_mlp(item, kind);
    }
    for (uint32_t i = 0; i < a->layers.len; i++)
        cJSON_AddItemToArray(layers, cJSON_CreateNumber(a->layers.at[i]));
}

static void add_settings(cJSON *json, const struct architecture *a) {
    cJSON *ropes = cJSON_AddArrayToObject(json, "rotary_tables"), *norms = cJSON_AddArrayToObject(json, "norms");
    for (uint32_t i = 0; i < a->ropes.len; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(ropes, item);
        json_text(item, "layer_type", a->ropes.at[i].layer_type);
        json_text(item, "type", a->ropes.at[i].type);
        add_real(item, "theta", a->ropes.at[i].theta);
    }
    for (uint32_t i = 0; i < a->norms.len; i++) {
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(norms, item);
        json_text(item, "kind", norm_name(a->norms.at[i].kind));
        add_real(item, "eps", a->norms.at[i].eps);
        cJSON_AddBoolToObject(item, "inside_attention", a->norms.at[i].attention);
    }
}

cJSON *architecture_json(const struct architecture *a) {
    cJSON *json = cJSON_CreateObject();
    json_text(json, "model", a->entry);
    json_text(json, "config_class", a->config_class);
    json_text(json, "model_type", a->model_type);
    json_text(json, "values", a->values);
    add_layers(json, a);
    add_settings(json, a);
    json_count(json, "learned_positions", a->learned_positions);
    json_count(json, "hidden_size", a->hidden);
    json_count(json, "vocabulary", a->vocabulary);
    json_count(json, "context", a->context);
    if (a->tied == NOT_KNOWN)
        cJSON_AddNullToObject(json, "tied_head");
    else
        cJSON_AddBoolToObject(json, "tied_head", a->tied);
    json_count(json, "parameters", a->parameters);
    json_count(json, "active_parameters", a->active);
    cJSON *bytes = cJSON_AddObjectToObject(json, "bytes");
    for (uint32_t i = 0; i < a->by_dtype.len; i++)
        cJSON_AddNumberToObject(bytes, a->by_dtype.at[i].dtype, (double)a->by_dtype.at[i].bytes);
    json_text(json, "not_followed", a->stopped);
    return json;
}
