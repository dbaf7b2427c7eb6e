/* into_registry.c - a model in the registry's list: see into.h.
 *
 * Reads the YAML tree with its places: `models:`, a list of mappings that have a `name`. The list is in groups of
 * families, not in order, so a new entry goes behind the one whose name begins most like its own; a model of a family
 * that the list does not have goes to the end, under a comment of its own where the groups have such comments. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "emit/into.h"
#include "rewrite/yaml.h"

static bool refuse(struct unit *unit, const struct edits *edits, const char *what) {
    diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: cannot be edited: %s",
        edits->source->path, what);
    return false;
}

/* The list of models: in block style, each with its name. */
static const struct yaml *models_of(struct unit *unit, const struct yaml *root, const struct edits *edits) {
    const struct yaml *models = yaml_get(root, "models");
    bool is_list = models && models->kind == YAML_LIST && models->count > 0;
    for (uint32_t i = 0; is_list && i < models->count; i++) {
        uint32_t start = line_start(edits->source, models->item[i]->span.start);
        start += (uint32_t)strspn(edits->source->text + start, " ");
        is_list = yaml_text(models->item[i], "name") && edits->source->text[start] == '-';
    }
    return is_list ? models : (refuse(unit, edits, "there is no list `models` of entries with names"), NULL);
}

/* How many characters the names begin with in common, in either case; 0 where the organisations or the first words
 * differ, which are letters: a family. */
static size_t likeness(const char *a, const char *b) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    const char *slash = strchr(a, '/');
    size_t family = (size_t)(slash - a) + 1 + strspn(slash + 1, letters), len = 0;
    while (a[len] != '\0' && tolower((unsigned char)a[len]) == tolower((unsigned char)b[len]))
        len++;
    return slash[1] != '\0' && len >= family && strspn(b + family, letters) == 0 ? len : 0;
}

/* The entry to stand behind: the last one of those that are most like it; NULL: none is. */
static const struct yaml *nearest_to(const struct yaml *models, const char *name) {
    const struct yaml *found = NULL;
    size_t best = 1;
    for (uint32_t i = 0; i < models->count; i++) {
        size_t like = likeness(name, yaml_text(models->item[i], "name"));
        if (like >= best) {
            best = like;
            found = models->item[i];
        }
    }
    return found;
}

/* Where the last value of an entry ends: what libyaml calls the end of a mapping lies behind comments. */
static uint32_t end_of(const struct yaml *value, const struct source *source) {
    if (value->count > 0 && source->text[value->span.start] != '[' && source->text[value->span.start] != '{')
        return end_of(value->item[value->count - 1], source);
    return value->span.end;
}

/* Some entry has the key. */
static bool uses(const struct yaml *models, const char *key) {
    for (uint32_t i = 0; i < models->count; i++)
        if (yaml_get(models->item[i], key))
            return true;
    return false;
}

/* The groups have comments: `# --- Family ---`, among them or before the first. */
static bool has_titles(const struct source *source, const struct yaml *models) {
    const char *from = source->text + line_start(source, models->span.start);
    while (from > source->text) { /* comments above the list belong to its first group */
        uint32_t start = line_start(source, (uint32_t)(from - 1 - source->text));
        if (source->text[start + strspn(source->text + start, " ")] != '#')
            break;
        from = source->text + start;
    }
    for (const char *line = from; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += strspn(line, " \n");
        if (starts_with(line, "# ---"))
            return true;
    }
    return false;
}

/* The entry as the others are written; without any, as the registry has them now. */
static const char *lines_of(struct arena *arena, const struct listed_model *entry, const struct yaml *models) {
    const char *id = "", *size = "";
    if (models == NULL || uses(models, "config_id"))
        id = arena_printf(arena, "  config_id: %s\n", entry->config_id);
    if (models && uses(models, "ad_defaults")) {
        if (entry->world_size)
            size = arena_printf(arena, "  world_size: %u\n", entry->world_size);
        const char *internal = entry->internal ? arena_printf(arena, ", '%s'", entry->internal) : "";
        return arena_printf(arena, "- name: %s\n%s  ad_defaults: ['ad_base.yaml'%s]\n  user_configs: ['%s']\n%s",
            entry->name, id, internal, entry->config, size);
    }
    if (entry->world_size)
        size = arena_printf(arena, "'world_size_%u.yaml', ", entry->world_size);
    const char *internal = entry->internal ? arena_printf(arena, "'%s', ", entry->internal) : "";
    return arena_printf(arena, "- name: %s\n%s  yaml_extra: ['dashboard_default.yaml', %s%s'%s']\n", entry->name, id,
        size, internal, entry->config);
}

const char *registry_lines(struct arena *arena, const struct listed_model *entry) {
    return lines_of(arena, entry, NULL);
}

/* Every line as far in as the list is. */
static const char *indented(struct arena *arena, const char *lines, size_t by) {
    const char *text = "";
    for (size_t len; *lines != '\0'; lines += len) {
        len = strcspn(lines, "\n") + 1;
        text = arena_printf(arena, "%s%*s%.*s", text, *lines == '\n' ? 0 : (int)by, "", (int)len, lines);
    }
    return text;
}

/* The last line of the list: with the comments below its last entry, where nothing else follows them. */
static uint32_t end_of_list(const struct yaml *root, const struct yaml *models, const struct source *source) {
    uint32_t end = source->len;
    if (root->item[root->count - 1] != models)
        return end_of(models, source);
    while (strchr(" \n", source->text[end - 1]))
        end--;
    return end;
}

/* -- an entry that is there ---------------------------------------------------------------------------------------- */

static bool lists(const struct yaml *list, const char *file) {
    for (uint32_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++)
        if (list->item[i]->kind == YAML_SCALAR && strcmp(list->item[i]->text, file) == 0)
            return true;
    return false;
}

/* One more file behind those of a list, in the form that the list has. */
static void append(struct edits *edits, const struct yaml *list, const char *file) {
    if (file == NULL || list == NULL || list->kind != YAML_LIST || list->count == 0 || lists(list, file))
        return;
    const struct source *source = edits->source;
    uint32_t end = list->item[list->count - 1]->span.end;
    if (source->text[list->span.start] == '[') {
        edits_insert(edits, end, arena_printf(edits->arena, ", '%s'", file));
        return;
    }
    uint32_t start = line_start(source, list->item[0]->span.start);
    int by = (int)strspn(source->text + start, " ");
    edits_lines_behind(edits, end, arena_printf(edits->arena, "%*s- '%s'\n", by, "", file));
}

static void set(struct edits *edits, const struct yaml *scalar, const char *text) {
    if (scalar && scalar->kind == YAML_SCALAR && strcmp(scalar->text, text) != 0)
        edits_replace(edits, scalar->span.start, scalar->span.end, text);
}

/* The fragment for another number of GPUs gives way to ours; what else is listed stays. */
static void set_size(struct edits *edits, const struct yaml *list, uint32_t size) {
    const char *file = arena_printf(edits->arena, "world_size_%u.yaml", size);
    for (uint32_t i = 0; list && list->kind == YAML_LIST && i < list->count; i++) {
        const struct yaml *item = list->item[i];
        if (item->kind != YAML_SCALAR || !starts_with(item->text, "world_size_"))
            continue;
        if (strcmp(item->text, file) != 0)
            edits_replace(edits, item->span.start, item->span.end, arena_printf(edits->arena, "'%s'", file));
        return;
    }
    append(edits, list, file);
}

/* Which of several entries of the name is meant: the one with the settings or the id; NULL: nothing tells. */
static const struct yaml *entry_of(const struct yaml *models, const struct listed_model *wanted) {
    const struct yaml *found = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < models->count; i++) {
        const struct yaml *item = models->item[i];
        const char *id = yaml_text(item, "config_id");
        if (strcmp(yaml_text(item, "name"), wanted->name) != 0)
            continue;
        bool ours = lists(yaml_get(item, "yaml_extra"), wanted->config) ||
                    lists(yaml_get(item, "user_configs"), wanted->config) || (id && strcmp(id, wanted->config_id) == 0);
        if (ours)
            return item;
        found = item;
        count++;
    }
    return count == 1 ? found : NULL;
}

/* Our settings and number of GPUs. An id that says more than how many those are is used by somebody. */
static void update(struct edits *edits, const struct yaml *item, const struct listed_model *entry) {
    const char *id = yaml_text(item, "config_id");
    if (id && starts_with(id, "default"))
        set(edits, yaml_get(item, "config_id"), entry->config_id);
    const struct yaml *extra = yaml_get(item, "yaml_extra");
    if (extra && entry->world_size)
        set_size(edits, extra, entry->world_size);
    append(edits, extra, entry->internal);
    append(edits, extra, entry->config);
    append(edits, yaml_get(item, "ad_defaults"), entry->internal);
    append(edits, yaml_get(item, "user_configs"), entry->config);
    if (entry->world_size)
        set(edits, yaml_get(item, "world_size"), arena_printf(edits->arena, "%u", entry->world_size));
}

bool into_registry(struct unit *unit, const struct listed_model *entry, struct edits *edits) {
    const struct source *source = edits->source;
    const struct yaml *root = yaml_read(unit->arena, unit->atoms, unit->diags, edits->source, NULL);
    const struct yaml *models = root ? models_of(unit, root, edits) : NULL;
    if (models == NULL)
        return false;
    for (uint32_t i = 0; i < models->count; i++)
        if (strcmp(yaml_text(models->item[i], "name"), entry->name) == 0) {
            const struct yaml *found = edits->updates ? entry_of(models, entry) : NULL;
            if (found)
                update(edits, found, entry);
            return true;
        }
    const struct yaml *near = nearest_to(models, entry->name);
    const char *lines = lines_of(unit->arena, entry, models);
    if (near == NULL && has_titles(source, models))
        lines = arena_printf(unit->arena, "\n# --- %s ---\n%s", strchr(entry->name, '/') + 1, lines);
    uint32_t start = line_start(source, models->item[0]->span.start);
    size_t by = strspn(source->text + start, " ");
    edits_lines_behind(
        edits, near ? end_of(near, source) : end_of_list(root, models, source), indented(unit->arena, lines, by));
    return true;
}
