#include "emit/keys_report.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "emit/words.h"

/* -- for people ---------------------------------------------------------------------------------------------------- */

static void put_shape(struct buf *out, const struct tensor *tensor) {
    buf_putc(out, '[');
    for (uint32_t i = 0; i < tensor->rank; i++)
        buf_printf(out, "%s%lld", i ? ", " : "", tensor->dim[i]);
    buf_putc(out, ']');
}

static void put_key(struct buf *out, const struct key *key, size_t width) {
    size_t start = out->len;
    buf_printf(out, "%-*s  ", (int)width, key->name);
    put_shape(out, key->tensor);
    size_t used = out->len - start, column = width + 18;
    buf_repeat(out, ' ', used < column ? column - used : 1);
    buf_puts(out, key->tensor->dtype->name);
    if (key->buffer)
        buf_puts(out, "  buffer");
    if (key->tied_to)
        buf_printf(out, "  tied to %s", key->tied_to);
    buf_putc(out, '\n');
}

static void put_line(struct buf *out, const char *what, long long count, const char *unit) {
    buf_printf(out, "%s: ", what);
    put_count(out, count);
    buf_printf(out, "%s\n", unit);
}

static void put_totals(struct buf *out, const struct keys *keys) {
    const struct totals totals = keys_totals(keys);
    put_line(out, "parameters", keys->parameters, "");
    if (keys->experts && keys->inactive >= 0)
        put_line(out, "active for a token", keys->parameters - keys->inactive, "");
    else if (keys->experts)
        buf_puts(out, "active for a token: not known\n");
    for (uint32_t i = 0; i < totals.count; i++)
        put_line(out, totals.of[i].dtype->name, totals.of[i].bytes, " bytes");
}

static void put_names(struct buf *out, const char *what, const char *const *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s: %s\n", what, names[i]);
}

void keys_text(struct buf *out, const struct keys *keys) {
    size_t width = 0;
    for (uint32_t i = 0; i < keys->list.len; i++)
        width = strlen(keys->list.at[i].name) > width ? strlen(keys->list.at[i].name) : width;
    for (uint32_t i = 0; i < keys->list.len; i++)
        put_key(out, &keys->list.at[i], width);
    buf_putc(out, '\n');
    put_totals(out, keys);
    if (!keys->compared)
        return;
    buf_putc(out, '\n');
    put_names(out, "missing in the index", keys->missing.at, keys->missing.len);
    put_names(out, "unexpected in the index", keys->unexpected.at, keys->unexpected.len);
    if (keys->missing.len + keys->unexpected.len == 0)
        buf_puts(out, "the index has these keys and no others\n");
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static cJSON *key_json(const struct key *key) {
    cJSON *item = cJSON_CreateObject(), *shape = cJSON_AddArrayToObject(item, "shape");
    for (uint32_t i = 0; i < key->tensor->rank; i++)
        cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)key->tensor->dim[i]));
    cJSON_AddStringToObject(item, "dtype", key->tensor->dtype->name);
    cJSON_AddStringToObject(item, "kind", key->buffer ? "buffer" : "parameter");
    if (key->tied_to)
        cJSON_AddStringToObject(item, "tied_to", key->tied_to);
    return item;
}

static void put_array(cJSON *json, const char *name, const char *const *names, uint32_t count) {
    cJSON *array = cJSON_AddArrayToObject(json, name);
    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(array, cJSON_CreateString(names[i]));
}

static cJSON *totals_json(const struct keys *keys) {
    const struct totals totals = keys_totals(keys);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "parameters", (double)keys->parameters);
    bool known = !keys->experts || keys->inactive >= 0;
    json_count(json, "active_parameters", known ? keys->parameters - keys->inactive : -1);
    cJSON *bytes = cJSON_AddObjectToObject(json, "bytes");
    for (uint32_t i = 0; i < totals.count; i++)
        cJSON_AddNumberToObject(bytes, totals.of[i].dtype->name, (double)totals.of[i].bytes);
    return json;
}

void keys_json(struct buf *out, const struct keys *keys) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "model", keys->model);
    json_text(json, "config", keys->config);
    cJSON *list = cJSON_AddObjectToObject(json, "keys");
    for (uint32_t i = 0; i < keys->list.len; i++)
        cJSON_AddItemToObject(list, keys->list.at[i].name, key_json(&keys->list.at[i]));
    cJSON_AddItemToObject(json, "totals", totals_json(keys));
    if (keys->compared) {
        put_array(json, "missing", keys->missing.at, keys->missing.len);
        put_array(json, "unexpected", keys->unexpected.at, keys->unexpected.len);
    }
    char *text = cJSON_Print(json);
    buf_puts(out, text);
    buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(json);
}
