/* cookbook.c - the notebook that shows how the model is served: nbformat 4, without outputs.
 *
 * Its cells are those of templates/cookbook.md.in, each below a line `%% markdown` or `%% code`. The JSON is written as
 * Jupyter does it, so that saving the notebook there changes nothing else. */
#include <cjson/cJSON.h>
#include <string.h>

#include "base/text.h"
#include "emit/onboard_plan.h"
#include "emit/template.h"

/* -- cells --------------------------------------------------------------------------------------------------------- */

/* Lines, each with its newline but the last, as nbformat has a text. */
static cJSON *lines_of(struct arena *arena, const char *text, size_t len) {
    cJSON *list = cJSON_CreateArray();
    while (len > 0 && text[len - 1] == '\n')
        len--;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end + 1 - text) - at : len - at;
        cJSON_AddItemToArray(list, cJSON_CreateString(arena_strndup(arena, text + at, n)));
        at += n;
    }
    return list;
}

/* Keys in the order of the alphabet: what the writer of Jupyter does. */
static cJSON *cell_of(struct arena *arena, bool is_code, const char *text, size_t len) {
    cJSON *cell = cJSON_CreateObject();
    cJSON_AddStringToObject(cell, "cell_type", is_code ? "code" : "markdown");
    if (is_code)
        cJSON_AddNullToObject(cell, "execution_count");
    cJSON_AddObjectToObject(cell, "metadata");
    if (is_code)
        cJSON_AddArrayToObject(cell, "outputs");
    cJSON_AddItemToObject(cell, "source", lines_of(arena, text, len));
    return cell;
}

static cJSON *cells_of(struct arena *arena, const char *text) {
    cJSON *cells = cJSON_CreateArray();
    while (*text != '\0') {
        const char *body = strchr(text, '\n') + 1, *next = strstr(body, "\n%% ");
        size_t len = next ? (size_t)(next - body) : strlen(body);
        cJSON_AddItemToArray(cells, cell_of(arena, starts_with(text, "%% code"), body, len));
        text = next ? next + 1 : body + len;
    }
    return cells;
}

static cJSON *metadata(void) {
    cJSON *json = cJSON_CreateObject(), *kernel = cJSON_AddObjectToObject(json, "kernelspec");
    cJSON_AddStringToObject(kernel, "display_name", "Python 3");
    cJSON_AddStringToObject(kernel, "language", "python");
    cJSON_AddStringToObject(kernel, "name", "python3");
    cJSON *language = cJSON_AddObjectToObject(json, "language_info");
    cJSON_AddStringToObject(language, "name", "python");
    return json;
}

/* -- JSON with an indentation of one blank ------------------------------------------------------------------------- */

static void put_json(struct buf *out, const cJSON *item, size_t depth) {
    bool is_object = cJSON_IsObject(item);
    if ((is_object || cJSON_IsArray(item)) && item->child) {
        buf_putc(out, is_object ? '{' : '[');
        for (const cJSON *child = item->child; child; child = child->next) {
            buf_putc(out, '\n');
            buf_repeat(out, ' ', depth + 1);
            if (is_object)
                buf_printf(out, "\"%s\": ", child->string);
            put_json(out, child, depth + 1);
            buf_puts(out, child->next ? "," : "");
        }
        buf_putc(out, '\n');
        buf_repeat(out, ' ', depth);
        buf_putc(out, is_object ? '}' : ']');
    } else {
        char *text = cJSON_PrintUnformatted(item);
        buf_puts(out, text);
        cJSON_free(text);
    }
}

/* Where the server has its settings from: it is given one file. */
static const char *settings_of(const struct plan *plan) {
    static const char what[] =
        "the number of GPUs, the longest sequence, the batch sizes for which CUDA graphs are made";
    if (!plan->split)
        return arena_printf(plan->arena,
            "`trtllm-serve` gets all settings from one file, which is complete by itself:\n`%s`. It names %s, and how\n"
            "AutoDeploy compiles the model.",
            plan->config_path, what);
    return arena_printf(plan->arena,
        "`trtllm-serve` is given the settings of the user, `%s`:\n%s.\nHow AutoDeploy compiles the model is in "
        "`%s`.\n\n"
        "**FILL IN:** see that the server takes the second file by itself, or give it one with both; then remove this "
        "line",
        plan->config_path, what, plan->internal_path);
}

void emit_cookbook(const struct plan *plan, struct buf *out) {
    const struct place places[] = {
        {"TITLE", plan->title},
        {"ID", plan->id},
        {"FACTS", plan->facts},
        {"NEEDS", plan->needs},
        {"SETTINGS", settings_of(plan)},
        {"CONFIG", plan->config_path},
        {NULL, NULL},
    };
    struct buf text = {0};
    template_fill(&text, "templates/cookbook.md.in", places);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "cells", cells_of(plan->arena, text.at));
    cJSON_AddItemToObject(json, "metadata", metadata());
    cJSON_AddNumberToObject(json, "nbformat", 4);
    cJSON_AddNumberToObject(json, "nbformat_minor", 4);
    put_json(out, json, 0);
    buf_putc(out, '\n');
    cJSON_Delete(json);
    buf_free(&text);
}
