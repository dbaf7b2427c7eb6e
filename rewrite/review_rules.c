/* review_rules.c - loads rules/review.yaml, lists it, and prints one item. */
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "base/text.h"
#include "rewrite/review.h"
#include "rewrite/yaml.h"

static const char file_name[] = "rules/review.yaml";

const char *review_subject_text(enum review_subject subject) {
    static const char *const texts[] = {"model", "test", "any"};
    return texts[subject];
}

struct loader {
    struct unit *unit;
    struct source *source;
    struct review_rules *rules;
};

static bool refuse(struct loader *l, const struct yaml *at, const char *format, const char *what) {
    diag_at(l->unit->diags, SEVERITY_ERROR, l->source, at->span, "review-file", format, what);
    return false;
}

static bool keys_known(struct loader *l, const struct yaml *map, const char *allowed) {
    for (uint32_t i = 0; map->kind == YAML_MAP && i < map->count; i++)
        if (!word_in(map->key[i], allowed))
            return refuse(l, map->item[i], "there is no key `%s` here", map->key[i]);
    return map->kind == YAML_MAP || refuse(l, map, "a mapping is expected here%s", "");
}

static bool read_rule(struct loader *l, const struct yaml *entry) {
    static const char *const needed[] = {"id", "file", "title", "why"}, *const examples[] = {"bad", "good"};
    if (!keys_known(l, entry, "id file title why needs by bad good"))
        return false;
    const char *by = yaml_text(entry, "by");
    for (size_t i = 0; i < 4; i++)
        if (yaml_text(entry, needed[i]) == NULL)
            return refuse(l, entry, "an item needs `%s`", needed[i]);
    for (size_t i = 0; i < 2; i++)
        if ((yaml_text(entry, examples[i]) == NULL) != (by != NULL))
            return refuse(l, entry, by ? "an item that is not checked has no `%s`" : "an item needs `%s`", examples[i]);
    const char *id = yaml_text(entry, "id"), *file = yaml_text(entry, "file");
    if (review_rule_find(l->rules, id))
        return refuse(l, entry, "two items are called %s", id);
    enum review_subject subject = REVIEW_MODEL;
    while (subject <= REVIEW_ANY && strcmp(file, review_subject_text(subject)) != 0)
        subject++;
    if (subject > REVIEW_ANY)
        return refuse(l, entry, "`file` is model, test or any, not `%s`", file);
    struct review_rule *rule = NEW(l->unit->arena, struct review_rule);
    *rule = (struct review_rule){.id = intern(l->unit->atoms, id),
        .subject = subject,
        .title = yaml_text(entry, "title"),
        .why = yaml_text(entry, "why"),
        .needs = yaml_text(entry, "needs"),
        .by = by,
        .bad = yaml_text(entry, "bad"),
        .good = yaml_text(entry, "good"),
        .order = l->rules->list.len};
    vec_push(l->unit->arena, &l->rules->list, rule);
    return true;
}

static struct source *open_rules(struct unit *unit, const char *dir) {
    if (dir)
        return source_read(unit->arena, unit->atoms, unit->diags, path_join(unit->arena, dir, "review.yaml"));
    const struct embedded *file = embed_find(file_name);
    return source_from_text(unit->arena, unit->atoms, unit->diags, file_name, file->text, file->len);
}

struct review_rules *review_rules_load(struct unit *unit, const char *dir) {
    struct loader l = {.unit = unit, .source = open_rules(unit, dir), .rules = NEW(unit->arena, struct review_rules)};
    struct yaml *root = l.source ? yaml_read(unit->arena, unit->atoms, unit->diags, l.source) : NULL;
    if (root == NULL || !keys_known(&l, root, "review"))
        return NULL;
    const struct yaml *list = yaml_get(root, "review");
    bool ok = (list && list->kind == YAML_LIST) || refuse(&l, root, "`review` must be a list%s", "");
    for (uint32_t i = 0; ok && i < list->count; i++)
        ok = read_rule(&l, list->item[i]);
    return ok ? l.rules : NULL;
}

const struct review_rule *review_rule_find(const struct review_rules *rules, const char *id) {
    for (uint32_t i = 0; i < rules->list.len; i++)
        if (strcmp(rules->list.at[i]->id, id) == 0)
            return rules->list.at[i];
    return NULL;
}

/* -- for people ---------------------------------------------------------------------------------------------------- */

void review_rules_list(FILE *out, const struct review_rules *rules) {
    for (uint32_t i = 0; i < rules->list.len; i++) {
        const struct review_rule *rule = rules->list.at[i];
        fprintf(out, "%-4s %-6s %s\n", rule->id, review_subject_text(rule->subject), rule->title);
    }
}

static void print_example(FILE *out, const char *title, const char *text) {
    fprintf(out, "\n%s:\n", title);
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        fprintf(out, "%s%.*s\n", len ? "    " : "", (int)len, line);
        line += len + (line[len] == '\n');
    }
}

bool review_rules_explain(FILE *out, const struct review_rules *rules, const char *id) {
    const struct review_rule *rule = review_rule_find(rules, id);
    if (rule == NULL)
        return false;
    fprintf(out, "%s: %s\n\n%s\n", rule->id, rule->title, rule->why);
    if (rule->needs)
        fprintf(out, "\napplies to: %s\n", rule->needs);
    if (rule->by)
        fprintf(out, "\nchecked by: %s\n", rule->by);
    if (rule->bad)
        print_example(out, "bad", rule->bad), print_example(out, "good", rule->good);
    return true;
}
