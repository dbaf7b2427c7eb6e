#include "emit/coverage_registry.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/words.h"
#include "rewrite/yaml.h"

#define REGISTRY "examples/auto_deploy/model_registry/models.yaml"
#define MATRIX "docs/source/models/supported-models.md"

/* -- families ------------------------------------------------------------------------------------------------------ */

/* Whether a part of a name is a size: 8B, 0.6B, 350M, 8x7B, A22B. */
static bool is_size(const char *part, size_t len) {
    bool digit = false;
    if (len > 1 && (part[0] == 'A' || part[0] == 'E' || part[0] == 'a' || part[0] == 'e'))
        part++, len--;
    if (len < 2 || strchr("BbMmKkTt", part[len - 1]) == NULL)
        return false;
    for (size_t i = 0; i + 1 < len; i++) {
        if (!isdigit((unsigned char)part[i]) && part[i] != '.' && part[i] != 'x')
            return false;
        digit |= isdigit((unsigned char)part[i]) != 0;
    }
    return digit && isdigit((unsigned char)part[0]);
}

/* How much of a name comes before its size: that of `Elm3-30B-A3B-Instruct` is `Elm3`. All of it without a size. */
static size_t stem_length(const char *name) {
    size_t at = 0;
    while (name[at]) {
        size_t len = strcspn(name + at, "-_");
        if (at > 0 && is_size(name + at, len))
            return at - 1;
        at += len + (name[at + len] != '\0');
    }
    return strlen(name);
}

static const char *name_of(const char *hf_id) {
    const char *slash = strchr(hf_id, '/');
    return slash ? slash + 1 : hf_id;
}

static bool is_kin(const char *id, const char *other, enum kinship *kinship) {
    const char *name = name_of(id), *theirs = name_of(other);
    size_t stem = stem_length(name), organisation = (size_t)(name - id);
    if (strcasecmp(id, other) == 0)
        *kinship = KIN_SELF;
    else if (stem_length(theirs) != stem || strncasecmp(name, theirs, stem) != 0)
        return false;
    else
        *kinship = (size_t)(theirs - other) == organisation && strncasecmp(id, other, organisation) == 0 ? KIN_FAMILY
                                                                                                         : KIN_STEM;
    return true;
}

/* -- models.yaml --------------------------------------------------------------------------------------------------- */

static void read_entry(struct unit *unit, const struct yaml *item, struct coverage *c) {
    const char *name = yaml_text(item, "name");
    const struct yaml *extra = yaml_get(item, "yaml_extra");
    struct registry_entry entry = {.name = name, .config_id = yaml_text(item, "config_id"), .line = item->line};
    if (name == NULL || !is_kin(c->hf_id, name, &entry.kinship))
        return;
    for (uint32_t i = 0; extra && extra->kind == YAML_LIST && i < extra->count; i++)
        if (extra->item[i]->kind == YAML_SCALAR)
            vec_push(unit->arena, &entry.yaml_extra, extra->item[i]->text);
    vec_push(unit->arena, &c->registry, entry);
}

/* `# - name: ORG/NAME`: an entry that is switched off. */
static void read_comment(struct unit *unit, const char *text, size_t len, uint32_t line, struct coverage *c) {
    const char *end = text + len;
    const char *at = memchr(text, '#', len);
    if (at == NULL || strspn(text, " \t") != (size_t)(at - text))
        return;
    while (at < end && strchr("# \t", *at))
        at++;
    static const char key[] = "- name:";
    if ((size_t)(end - at) < strlen(key) || strncmp(at, key, strlen(key)) != 0)
        return;
    at += strlen(key);
    while (at < end && strchr(" \t'\"", *at))
        at++;
    size_t name = 0;
    while (at + name < end && strchr(" \t'\"\r", at[name]) == NULL)
        name++;
    struct registry_entry entry = {.name = arena_strndup(unit->arena, at, name), .line = line, .disabled = true};
    if (is_kin(c->hf_id, entry.name, &entry.kinship))
        vec_push(unit->arena, &c->registry, entry);
}

static void read_registry(struct unit *unit, const char *path, struct coverage *c) {
    struct diags *diags = diags_create(unit->arena);
    struct source *source = source_read(unit->arena, unit->atoms, diags, path);
    struct yaml *file = source ? yaml_read(unit->arena, unit->atoms, diags, source, NULL) : NULL;
    const struct yaml *models = file && file->kind == YAML_MAP ? yaml_get(file, "models") : NULL;
    if (models == NULL || models->kind != YAML_LIST) {
        vec_push(unit->arena, &c->unreadable, "models.yaml");
        return;
    }
    for (uint32_t i = 0; i < models->count; i++)
        if (models->item[i]->kind == YAML_MAP)
            read_entry(unit, models->item[i], c);
    uint32_t line = 1;
    for (const char *at = source->text; *at; line++) {
        size_t len = strcspn(at, "\n");
        read_comment(unit, at, len, line, c);
        at += len + (at[len] == '\n');
    }
}

/* -- the support matrix -------------------------------------------------------------------------------------------- */

/* A row of the first table whose first cell has the class in backquotes. */
static void read_matrix(struct unit *unit, const char *path, const char *entry, struct coverage *c) {
    struct buf text = {0};
    if (!file_load(path, &text)) {
        vec_push(unit->arena, &c->unreadable, path_base(path));
        return;
    }
    const char *quoted = arena_printf(unit->arena, "`%s`", entry);
    const char *id = c->hf_id ? arena_printf(unit->arena, "`%s`", c->hf_id) : NULL;
    uint32_t line = 1;
    for (const char *at = text.at ? text.at : ""; *at && c->row == 0; line++) {
        size_t len = strcspn(at, "\n");
        const char *row = arena_strndup(unit->arena, at, len), *cell = row + strspn(row, " \t");
        if (*cell == '|' && strncmp(cell + 1 + strspn(cell + 1, " \t"), quoted, strlen(quoted)) == 0) {
            c->row = line;
            c->row_names_id = id && strstr(row, id) != NULL;
        }
        at += len + (at[len] == '\n');
    }
    buf_free(&text);
}

void registry_survey(struct unit *unit, const struct coverage_request *request, struct coverage *coverage) {
    if (request->hf_id)
        read_registry(unit, path_join(unit->arena, request->checkout, REGISTRY), coverage);
    if (request->entry)
        read_matrix(unit, path_join(unit->arena, request->checkout, MATRIX), request->entry, coverage);
}

/* -- reports ------------------------------------------------------------------------------------------------------- */

static const char *const kinships[] = {"this model", "same family", "same stem"};

static bool has_own(const struct coverage *c) {
    for (uint32_t i = 0; i < c->registry.len; i++)
        if (c->registry.at[i].kinship == KIN_SELF && !c->registry.at[i].disabled)
            return true;
    return false;
}

void registry_text(struct buf *out, const struct coverage *c) {
    if (c->hf_id && !has_own(c)) {
        put_fact(out, "registry");
        buf_printf(out, "no entry for %s\n", c->hf_id);
    }
    for (uint32_t i = 0; i < c->registry.len; i++) {
        const struct registry_entry *e = &c->registry.at[i];
        put_fact(out, "registry");
        buf_printf(
            out, "%s (%s%s), models.yaml:%u", e->name, kinships[e->kinship], e->disabled ? ", disabled" : "", e->line);
        for (uint32_t k = 0; k < e->yaml_extra.len; k++)
            buf_printf(out, "%s%s", k ? " " : ": ", e->yaml_extra.at[k]);
        buf_putc(out, '\n');
    }
    put_fact(out, "support matrix");
    if (c->row)
        buf_printf(out, "supported-models.md:%u%s\n", c->row,
            c->hf_id == NULL  ? ""
            : c->row_names_id ? ", with this model"
                              : ", without this model");
    else
        buf_puts(out, "no row\n");
}

void registry_json(cJSON *json, const struct coverage *c) {
    cJSON *list = c->hf_id ? cJSON_AddArrayToObject(json, "registry") : NULL;
    for (uint32_t i = 0; i < c->registry.len; i++) {
        const struct registry_entry *e = &c->registry.at[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(list, item);
        cJSON_AddStringToObject(item, "name", e->name);
        cJSON_AddStringToObject(item, "kinship", kinships[e->kinship]);
        if (e->config_id)
            cJSON_AddStringToObject(item, "config_id", e->config_id);
        cJSON *extra = cJSON_AddArrayToObject(item, "yaml_extra");
        for (uint32_t k = 0; k < e->yaml_extra.len; k++)
            cJSON_AddItemToArray(extra, cJSON_CreateString(e->yaml_extra.at[k]));
        cJSON_AddNumberToObject(item, "line", e->line);
        cJSON_AddBoolToObject(item, "disabled", e->disabled);
    }
    json_count(json, "support_matrix_line", c->row ? (long long)c->row : -1);
    cJSON_AddBoolToObject(json, "support_matrix_names_it", c->row_names_id);
}
