/* review_rules.c - loads rules/review.yaml, lists it, and prints one item. */
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "rewrite/review.h"
#include "rewrite/rules.h"
#include "rewrite/yaml.h"

static const char file_name[] = "rules/review.yaml";

const char *review_subject_text(enum review_subject subject) {
    static const char *const texts[] = {"model", "test", "any"};
    return texts[subject];
}

static bool read_examples(struct loader *l, const struct yaml *entry, const struct review_rule *rule) {
    bool both = rule->bad && rule->good, none = !rule->bad && !rule->good;
    if (rule->by ? none : both)
        return true;
    loader_error(l, entry, rule->by ? "an item that is not checked has no examples" : "an item needs `bad` and `good`");
    return false;
}

static bool read_subject(struct loader *l, const struct yaml *entry, enum review_subject *subject) {
    const char *file = yaml_text(entry, "file");
    for (*subject = REVIEW_MODEL; *subject <= REVIEW_ANY; ++*subject)
        if (strcmp(file, review_subject_text(*subject)) == 0)
            return true;
    loader_error(l, entry, "`file` is model, test or any, not `%s`", file);
    return false;
}

static bool read_rule(struct loader *l, const struct yaml *entry, struct review_rules *rules) {
    static const char *const needed[] = {"id", "file", "title", "why"};
    if (!loader_check_keys(l, entry, "id file title why needs by bad good"))
        return false;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (yaml_text(entry, needed[i]) == NULL) {
            loader_error(l, entry, "an item needs `%s`", needed[i]);
            return false;
        }
    struct review_rule *rule = NEW(l->arena, struct review_rule);
    *rule = (struct review_rule){.id = intern(l->atoms, yaml_text(entry, "id")),
        .title = yaml_text(entry, "title"),
        .why = yaml_text(entry, "why"),
        .needs = yaml_text(entry, "needs"),
        .by = yaml_text(entry, "by"),
        .bad = yaml_text(entry, "bad"),
        .good = yaml_text(entry, "good"),
        .order = rules->list.len};
    if (review_rule_find(rules, rule->id)) {
        loader_error(l, entry, "two items are called %s", rule->id);
        return false;
    }
    vec_push(l->arena, &rules->list, rule);
    return read_subject(l, entry, &rule->subject) && read_examples(l, entry, rule);
}

static struct source *open_rules(struct unit *unit, const char *dir) {
    if (dir)
        return source_read(unit->arena, unit->atoms, unit->diags, path_join(unit->arena, dir, "review.yaml"));
    const struct embedded *file = embed_find(file_name);
    return source_from_text(unit->arena, unit->atoms, unit->diags, file_name, file->text, file->len);
}

struct review_rules *review_rules_load(struct unit *unit, const char *dir) {
    struct loader l = {unit->arena, unit->atoms, unit->diags, unit->parser, open_rules(unit, dir), NULL};
    struct review_rules *rules = NEW(unit->arena, struct review_rules);
    struct yaml *root = l.source ? yaml_read(unit->arena, unit->atoms, unit->diags, l.source, "rule-file") : NULL;
    if (root == NULL || !loader_check_keys(&l, root, "review"))
        return NULL;
    const struct yaml *list = yaml_get(root, "review");
    if (list == NULL || list->kind != YAML_LIST) {
        loader_error(&l, root, "`review` must be a list");
        return NULL;
    }
    bool ok = true;
    for (uint32_t i = 0; ok && i < list->count; i++)
        ok = read_rule(&l, list->item[i], rules);
    return ok ? rules : NULL;
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
