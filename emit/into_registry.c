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

bool into_registry(struct unit *unit, const struct listed_model *entry, struct edits *edits) {
    const struct source *source = edits->source;
    const struct yaml *root = yaml_read(unit->arena, unit->atoms, unit->diags, edits->source, NULL);
    const struct yaml *models = root ? models_of(unit, root, edits) : NULL;
    if (models == NULL)
        return false;
    for (uint32_t i = 0; i < models->count; i++)
        if (strcmp(yaml_text(models->item[i], "name"), entry->name) == 0)
            return true;
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
