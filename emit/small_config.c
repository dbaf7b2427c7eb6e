/* small_config.c - see small_config.h. What a field means is read from its name: these are the library's own. */
#include "emit/small_config.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "emit/python.h"
#include "rewrite/config.h"
#include "rewrite/declined.h"

static bool matches(const char *name, const char *patterns) {
    char pattern[64];
    for (size_t len; *patterns != '\0'; patterns += len) {
        patterns += strspn(patterns, " ");
        len = strcspn(patterns, " ");
        snprintf(pattern, sizeof pattern, "%.*s", (int)len, patterns);
        if (fnmatch(pattern, name, 0) == 0)
            return true;
    }
    return false;
}

static bool is_number(const struct node *n) {
    return is_kind(n, NODE_NUMBER) || (is_kind(n, NODE_BINOP) && is_number(n->kid[0]) && is_number(n->kid[1]));
}

static bool has_field(const struct config *config, const char *name) {
    for (uint32_t i = 0; i < config->fields.len; i++)
        if (strcmp(config->fields.entry[i].key, name) == 0)
            return true;
    return false;
}

bool counts_layers(const char *field) {
    return matches(field, "num_hidden_layers n_layer n_layers num_layers decoder_layers");
}

/* The small value of a field with this default, or NULL. */
static const char *small_size(const struct config *config, const char *name, const struct node *dflt) {
    bool latent = has_field(config, "kv_lora_rank");
#define LATENT(patterns, value) \
    if (latent && is_number(dflt) && matches(name, patterns)) \
        return value; \
    if (latent && is_none(dflt) && matches(name, patterns)) \
        return NULL;
#define SMALL(patterns, value) \
    if (is_number(dflt) && matches(name, patterns)) \
        return value;
#define OPTIONAL(patterns, value) \
    if ((is_number(dflt) || is_none(dflt)) && matches(name, patterns)) \
        return value;
#include "emit/small_sizes.def"
    return NULL;
}

/* Kinds of layers that a field may list; the model has them in turn. */
enum { KINDS_MAX = 5 };
static const struct {
    const char *field, *kinds[KINDS_MAX];
    bool runs; /* all of one kind before the next: with the other list, every pair of kinds */
} listed[] = {
    {"layer_types",
        {"\"conv\"", "\"linear_attention\"", "\"sliding_attention\"", "\"chunked_attention\"", "\"full_attention\""},
        false},
    {"mlp_layer_types", {"\"dense\"", "\"sparse\""}, true},
};

static uint32_t kinds_of(const struct config *config, size_t list, const char **found) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < KINDS_MAX && listed[list].kinds[i]; i++)
        if (strstr(config->module->source->text, listed[list].kinds[i]) != NULL)
            found[count++] = listed[list].kinds[i];
    return count;
}

/* The value of an assignment to self.<name> below. */
static const struct node *assigned(const struct node *n, const char *name) {
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_ASSIGN && n->nkids == 2 && is_kind(n->kid[1], NODE_ATTRIBUTE) &&
        is_name(n->kid[1]->kid[0], "self") && atom_is(n->kid[1]->atom, name))
        return n->kid[0];
    for (uint32_t i = 0; i < n->nkids; i++) {
        const struct node *found = assigned(n->kid[i], name);
        if (found)
            return found;
    }
    return NULL;
}

/* [[[kinds...], times]]: the kinds, if the default of a field is written so. */
static const struct node *repeated_kinds(const struct config *config, const struct map_entry *field) {
    const struct node *dflt = field->value;
    if (is_none(dflt))
        dflt = assigned(config->def, field->key);
    const struct node *item = is_kind(dflt, NODE_LIST) && dflt->nkids == 1 ? dflt->kid[0] : NULL;
    bool repeats = is_kind(item, NODE_LIST) && item->nkids == 2 && is_kind(item->kid[0], NODE_LIST) &&
                   is_kind(item->kid[1], NODE_NUMBER);
    return repeats ? item->kid[0] : NULL;
}

/* Layers of all kinds, also where two lists or periods choose. */
static bool has_kinds(const struct config *config) {
    for (uint32_t i = 0; i < config->fields.len; i++) {
        const char *name = config->fields.entry[i].key,
                   *value = small_size(config, name, config->fields.entry[i].value);
        if (value && matches(name, "*dense* *_layers *_step *_freq *_interval *_pattern *_start_index"))
            return true;
        if (matches(name, "layer_types mlp_layer_types") || repeated_kinds(config, &config->fields.entry[i]))
            return true;
    }
    return false;
}

/* Rotary parameters of each kind of layer with attention, for a model that has them so; each kind turns at its own
 * pace, which a model that takes the tables of another kind would not. */
static void emit_rope_by_kind(const char *const *kinds, uint32_t count, struct buf *out) {
    uint32_t zeros = 4;
    buf_puts(out, "        \"rope_parameters\": {\n");
    for (uint32_t i = 0; i < count; i++)
        if (strstr(kinds[i], "attention") && !strstr(kinds[i], "linear"))
            buf_printf(out, "            %s: {\"rope_type\": \"default\", \"rope_theta\": 1%0*d.0},\n", kinds[i],
                (int)zeros++, 0);
    buf_puts(out, "        },\n");
}

static bool is_unset(const struct config *config, const char *name) {
    for (uint32_t i = 0; i < config->fields.len; i++)
        if (atom_is(config->fields.entry[i].key, name))
            return is_none(config->fields.entry[i].value);
    return false;
}

static void emit_layers(struct unit *unit, const struct config *config, uint32_t layers, struct buf *out) {
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        const char *found[KINDS_MAX];
        uint32_t count = has_field(config, listed[i].field) ? kinds_of(config, i, found) : 0;
        if (count < 2)
            continue;
        buf_printf(out, "        \"%s\": [", listed[i].field);
        for (uint32_t k = 0; k < layers; k++)
            buf_printf(out, "%s%s", k ? ", " : "", found[listed[i].runs ? k * count / layers : k % count]);
        buf_puts(out, "],\n");
        if (i == 0 && unit->rope_by_kind && is_unset(config, "rope_parameters"))
            emit_rope_by_kind(found, count, out);
    }
}

static void emit_repeated(const char *name, const struct node *kinds, uint32_t layers, struct buf *out) {
    buf_printf(out, "        \"%s\": [[", name);
    print_python(out, kinds);
    buf_printf(out, ", %u]],\n", layers / kinds->nkids);
}

/* Whether the translation holds for sequences up to this field only. */
static bool is_limit(const struct unit *unit, const char *name) {
    for (uint32_t i = 0; i < unit->limits.len; i++)
        if (is_kind(unit->limits.at[i], NODE_ATTRIBUTE) && atom_is(unit->limits.at[i]->atom, name))
            return true;
    return false;
}

static void emit_fields(struct unit *unit, const struct config *config, uint32_t layers, struct buf *out) {
    const struct choice *declined = declined_choice(unit);
    for (uint32_t i = 0; i < config->fields.len; i++) {
        const char *name = config->fields.entry[i].key;
        const struct node *dflt = config->fields.entry[i].value,
                          *kinds = repeated_kinds(config, &config->fields.entry[i]);
        const char *value = small_size(config, name, dflt);
        if (map_has(&config->aliases, name) || map_has(&config->subs, name))
            continue;
        if (kinds)
            emit_repeated(name, kinds, layers, out);
        else if (declined && declined->field == config->fields.entry[i].key)
            buf_printf(out, "        \"%s\": %s,\n", name, declined->served ? "True" : "False");
        else if (is_number(dflt) && counts_layers(name))
            buf_printf(out, "        \"%s\": %u,\n", name, layers);
        else if (matches(name, "use_sliding_window is_decoder"))
            buf_printf(out, "        \"%s\": True,\n", name);
        else if (value) /* the sequences of the tests keep to limits */
            buf_printf(out, "        \"%s\": %s,\n", name, is_limit(unit, name) ? "64" : value);
    }
    emit_layers(unit, config, layers, out);
}

/* A part of the configuration. Rotary parameters that only config.json mentions are among its fields. */
static void emit_part(struct unit *unit, const struct config *config, atom name, struct buf *out) {
    const struct config *part = config_sub(unit, config, name);
    if (part == NULL)
        return;
    buf_printf(out, "        \"%s\": {\n", name);
    emit_fields(unit, part, has_kinds(part) ? 4 : 2, out);
    bool rotary = strstr(unit->module->source->text, ".rope_theta") != NULL;
    if (rotary && !has_field(config, "rope_theta") && !has_field(part, "rope_theta"))
        buf_puts(out, "        \"rope_theta\": 10000.0,\n");
    buf_puts(out, "        },\n");
}

void emit_small_config(struct unit *unit, struct buf *out) {
    const struct config *config = unit->config;
    const char *name = unit->bundle ? "config_class" : config->name;
    buf_puts(out, "def _create_small_config(");
    if (unit->bundle) /* the model has its own, of that name */
        buf_printf(out, "config_class=%s, ", config->name);
    buf_puts(out, "**changes):\n    fields = {\n");
    emit_fields(unit, config, has_kinds(config) ? 4 : 2, out);
    for (uint32_t i = 0; i < config->subs.len; i++)
        emit_part(unit, config, config->subs.entry[i].key, out);
    buf_puts(out, "    }\n");
    buf_printf(out, "    return %s(**{**fields, **changes})\n", name);
}
