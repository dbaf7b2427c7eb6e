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

/* The small value of a field with this default, or NULL. */
static const char *small_size(const char *name, const struct node *dflt) {
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
static const struct {
    const char *field, *kinds[3];
    bool runs; /* all of one kind before the next: with the other list, every pair of kinds */
} listed[] = {
    {"layer_types", {"\"sliding_attention\"", "\"chunked_attention\"", "\"full_attention\""}, false},
    {"mlp_layer_types", {"\"dense\"", "\"sparse\""}, true},
};

static uint32_t kinds_of(const struct config *config, size_t list, const char **found) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < 3 && listed[list].kinds[i]; i++)
        if (strstr(config->module->source->text, listed[list].kinds[i]) != NULL)
            found[count++] = listed[list].kinds[i];
    return count;
}

/* Layers of all kinds, also where two lists or periods choose. */
static bool has_kinds(const struct config *config) {
    for (uint32_t i = 0; i < config->fields.len; i++) {
        const char *name = config->fields.entry[i].key, *value = small_size(name, config->fields.entry[i].value);
        if (value && matches(name, "*dense* *_layers *_step *_freq *_interval *_pattern *_start_index"))
            return true;
        if (matches(name, "layer_types mlp_layer_types"))
            return true;
    }
    return false;
}

static void emit_layers(const struct config *config, uint32_t layers, struct buf *out) {
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        const char *found[3];
        bool has = false;
        for (uint32_t k = 0; k < config->fields.len && !has; k++)
            has = strcmp(config->fields.entry[k].key, listed[i].field) == 0;
        uint32_t count = has ? kinds_of(config, i, found) : 0;
        if (count < 2)
            continue;
        buf_printf(out, "        \"%s\": [", listed[i].field);
        for (uint32_t k = 0; k < layers; k++)
            buf_printf(out, "%s%s", k ? ", " : "", found[listed[i].runs ? k * count / layers : k % count]);
        buf_puts(out, "],\n");
    }
}

void emit_small_config(struct unit *unit, struct buf *out) {
    const struct config *config = unit->config;
    uint32_t layers = has_kinds(config) ? 4 : 2;
    const struct choice *declined = declined_choice(unit);
    buf_puts(out, "def _create_small_config(**changes):\n    fields = {\n");
    for (uint32_t i = 0; i < config->fields.len; i++) {
        const char *name = config->fields.entry[i].key;
        const struct node *dflt = config->fields.entry[i].value;
        const char *value = small_size(name, dflt);
        if (map_has(&config->aliases, name))
            continue;
        if (declined && declined->field == config->fields.entry[i].key)
            buf_printf(out, "        \"%s\": %s,\n", name, declined->served ? "True" : "False");
        else if (is_number(dflt) && matches(name, "num_hidden_layers n_layer n_layers num_layers decoder_layers"))
            buf_printf(out, "        \"%s\": %u,\n", name, layers);
        else if (matches(name, "use_sliding_window is_decoder"))
            buf_printf(out, "        \"%s\": True,\n", name);
        else if (value)
            buf_printf(out, "        \"%s\": %s,\n", name, value);
    }
    emit_layers(config, layers, out);
    buf_puts(out, "    }\n");
    buf_printf(out, "    return %s(**{**fields, **changes})\n", config->name);
}
