/* registry.c - the auto mappings of a package, and the files that define the classes they name. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/file.h"
#include "base/text.h"
#include "base/vec.h"
#include "parser/package.h"

struct pairs {
    struct arena *arena;
    VEC(struct pair) list;
};

/* -- the scan for pairs -------------------------------------------------------------------------------------------- */

static bool in_identifier(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Past white space and comments. */
static const char *skip_space(const char *at) {
    for (;; at++) {
        if (*at == '#')
            at += strcspn(at, "\n");
        if (*at == '\0' || strchr(" \t\r\n", *at) == NULL)
            return at;
    }
}

/* The text of a plain string literal at `at`, which is moved past it. */
static char *take_string(struct arena *arena, const char **at) {
    char quote = **at;
    const char *start = *at + 1, *end = start;
    while (*end != quote && *end != '\0' && *end != '\n')
        end++;
    *at = *end == quote ? end + 1 : end;
    return arena_strndup(arena, start, (size_t)(end - start));
}

/* `known` pairs of earlier scans may have the same key. */
static void add_pair(struct pairs *pairs, uint32_t known, const char *key, const char *value) {
    for (uint32_t i = 0; i < known; i++) {
        if (strcmp(pairs->list.at[i].key, key) == 0) {
            pairs->list.at[i].value = value; /* as in a dict: the last value at the first place */
            return;
        }
    }
    struct pair pair = {key, value};
    vec_push(pairs->arena, &pairs->list, pair);
}

/* From behind an opening bracket to the one that closes it: `"a", "b"` inside of parentheses and `"a": "b"` are pairs,
 * any other string is one with itself. */
static void take_pairs(struct pairs *pairs, const char *at) {
    uint32_t known = pairs->list.len;
    char before = '\0'; /* the last character that is not space */
    at = skip_space(at);
    for (int depth = 1; depth > 0; at = skip_space(at)) {
        if (*at == '\0')
            return;
        if (*at != '"' && *at != '\'') {
            depth += strchr("([{", *at) != NULL;
            depth -= strchr(")]}", *at) != NULL;
            before = *at++;
            continue;
        }
        bool tuple = before == '(';
        before = *at;
        const char *key = take_string(pairs->arena, &at), *value = key;
        at = skip_space(at);
        if (*at == ':' || (tuple && *at == ',')) {
            at = skip_space(at + 1);
            bool several = *at == '('; /* classes, of which the first counts */
            if (several)
                at = skip_space(at + 1);
            if (*at == '"' || *at == '\'')
                value = take_string(pairs->arena, &at);
            if (several)
                at += strcspn(at, ")") + (strchr(at, ')') != NULL);
        }
        add_pair(pairs, known, key, value);
    }
}

/* The opening bracket of what is assigned to, or updated in, the mapping whose name ends before `at`; else NULL. */
static const char *mapping_bracket(const char *at) {
    if (starts_with(at, ".update("))
        return at + strlen(".update(");
    size_t line = strcspn(at, "\n");
    const char *equals = memchr(at, '=', line);
    if (equals == NULL)
        return NULL;
    at = equals + 1 + strspn(equals + 1, " ");
    while (in_identifier(*at) || *at == '.')
        at++;
    if (*at == '[' && at[-1] != ' ') /* OrderedDict[str, str]( */
        at += strcspn(at, "]\n") + 1;
    return *at == '(' || *at == '[' || *at == '{' ? at + 1 : NULL;
}

static void scan_mapping(struct pairs *pairs, const char *text, const char *name) {
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, name)) != NULL; at += len) {
        if (at != text && at[-1] != '\n')
            continue;
        const char *open = in_identifier(at[len]) ? NULL : mapping_bracket(at + len);
        if (open != NULL)
            take_pairs(pairs, open);
    }
}

static void scan(
    struct arena *arena, const struct buf *texts, size_t count, const char *name, struct pair **list, uint32_t *len) {
    struct pairs pairs = {.arena = arena};
    for (size_t i = 0; i < count; i++)
        if (texts[i].at != NULL)
            scan_mapping(&pairs, texts[i].at, name);
    *list = pairs.list.at;
    *len = pairs.list.len;
}

/* -- opening ------------------------------------------------------------------------------------------------------- */

struct registry *registry_open(struct diags *diags, const char *root) {
    static const char *const files[] = {
        "models/auto/auto_mappings.py", "models/auto/configuration_auto.py", "models/auto/modeling_auto.py"};
    enum { FILES = sizeof files / sizeof files[0] };
    struct arena *arena = arena_create();
    struct registry *r = NEW(arena, struct registry);
    r->arena = arena;
    r->root = arena_strndup(arena, root, strlen(root));
    struct buf texts[FILES] = {0};
    for (size_t i = 0; i < FILES; i++)
        file_load(path_join(arena, root, files[i]), &texts[i]);
    scan(arena, texts, FILES, "MODEL_FOR_CAUSAL_LM_MAPPING_NAMES", &r->heads, &r->nheads);
    scan(arena, texts, FILES, "MODEL_MAPPING_NAMES", &r->bases, &r->nbases);
    scan(arena, texts, FILES, "CONFIG_MAPPING_NAMES", &r->configs, &r->nconfigs);
    scan(arena, texts, FILES, "SPECIAL_MODEL_TYPE_TO_MODULE_NAME", &r->modules, &r->nmodules);
    scan(arena, texts, FILES, "DEPRECATED_MODELS", &r->deprecated, &r->ndeprecated);
    for (size_t i = 0; i < FILES; i++)
        buf_free(&texts[i]);
    if (r->nheads > 0)
        return r;
    diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: the package has no auto mappings", root);
    registry_close(r);
    return NULL;
}

void registry_close(struct registry *registry) {
    if (registry != NULL)
        arena_destroy(registry->arena);
}

static const char *find(const struct pair *list, uint32_t count, const char *key) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(list[i].key, key) == 0)
            return list[i].value;
    return NULL;
}

const char *registry_head(const struct registry *registry, const char *type) {
    return find(registry->heads, registry->nheads, type);
}

const char *registry_base(const struct registry *registry, const char *type) {
    return find(registry->bases, registry->nbases, type);
}

const char *registry_config(const struct registry *registry, const char *type) {
    return find(registry->configs, registry->nconfigs, type);
}

/* -- files of classes ---------------------------------------------------------------------------------------------- */

/* The folder of a type's model. */
static const char *model_folder(const struct registry *r, struct arena *arena, const char *type) {
    const char *special = find(r->modules, r->nmodules, type);
    char *name = arena_printf(arena, "%s", special != NULL ? special : type);
    for (char *at = name; special == NULL && *at != '\0'; at++)
        if (*at == '-')
            *at = '_';
    bool moved = find(r->deprecated, r->ndeprecated, name) != NULL;
    return arena_printf(arena, "%s/models/%s%s", r->root, moved ? "deprecated/" : "", name);
}

static bool defines_class(const char *text, const char *name) {
    size_t len = strlen(name);
    for (const char *at = text; (at = strstr(at, "\nclass ")) != NULL;) {
        at += strlen("\nclass ");
        if (strncmp(at, name, len) == 0 && !in_identifier(at[len]))
            return true;
    }
    return false;
}

/* The file of a folder, among those with a prefix, that defines a class; or NULL. */
static const char *class_in_folder(struct arena *arena, const char *folder, const char *prefix, const char *name) {
    uint32_t count;
    char **files = dir_list(arena, folder, &count);
    struct buf text = {0};
    const char *found = NULL;
    for (uint32_t i = 0; i < count && found == NULL; i++) {
        if (!starts_with(files[i], prefix) || !ends_with(files[i], ".py"))
            continue;
        const char *path = path_join(arena, folder, files[i]);
        if (file_load(path, &text) && text.len > 0 && defines_class(text.at, name))
            found = path;
    }
    buf_free(&text);
    return found;
}

/* A class that is not in its type's own folder: in that of another type with the same class, else anywhere. */
static const char *class_elsewhere(const struct registry *r, struct arena *arena, const struct pair *list,
    uint32_t count, const char *prefix, const char *name) {
    const char *found = NULL;
    for (uint32_t i = 0; i < count && found == NULL; i++)
        if (strcmp(list[i].value, name) == 0)
            found = class_in_folder(arena, model_folder(r, arena, list[i].key), prefix, name);
    const char *models = path_join(arena, r->root, "models");
    uint32_t folders;
    char **folder = found == NULL ? dir_list(arena, models, &folders) : NULL;
    for (uint32_t i = 0; folder != NULL && i < folders && found == NULL; i++)
        found = class_in_folder(arena, path_join(arena, models, folder[i]), prefix, name);
    return found;
}

const char *registry_config_path(const struct registry *r, struct arena *arena, const char *config) {
    return class_elsewhere(r, arena, r->configs, r->nconfigs, "configuration_", config);
}

const char *registry_class_path(const struct registry *r, struct arena *arena, const char *type, const char *name) {
    const char *path = class_in_folder(arena, model_folder(r, arena, type), "modeling_", name);
    return path != NULL ? path : class_elsewhere(r, arena, r->bases, r->nbases, "modeling_", name);
}

static bool unknown_type(const struct registry *r, struct diags *diags, const char *type) {
    struct nearest nearest = {0};
    for (uint32_t i = 0; i < r->nheads; i++)
        nearest_offer(&nearest, type, r->heads[i].key);
    struct diag *diag = diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
        registry_config(r, type) ? "the package names no causal LM for the model type `%s`"
                                 : "`%s` is neither a file nor a model type of the package",
        type);
    if (nearest.word != NULL)
        diag_help(diags, diag, "did you mean `%s`?", nearest.word);
    else
        diag_help(diags, diag, "`adgen --list-models` prints the model types of %s", r->root);
    return false;
}

bool registry_model(
    const struct registry *r, struct arena *arena, struct diags *diags, const char *type, struct model *model) {
    *model = (struct model){.type = type, .head = registry_head(r, type), .config = registry_config(r, type)};
    if (model->head == NULL)
        return unknown_type(r, diags, type);
    const char *folder = model_folder(r, arena, type);
    model->path = class_in_folder(arena, folder, "modeling_", model->head);
    if (model->path == NULL)
        model->path = class_elsewhere(r, arena, r->heads, r->nheads, "modeling_", model->head);
    if (model->config != NULL)
        model->config_path = class_in_folder(arena, folder, "configuration_", model->config);
    if (model->config != NULL && model->config_path == NULL)
        model->config_path = registry_config_path(r, arena, model->config);
    if (model->path != NULL)
        return true;
    diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
        "no file of %s defines the class %s of the type `%s`", r->root, model->head, type);
    return false;
}
