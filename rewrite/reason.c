/* reason.c - reasons for people: --list-rules and --explain. */
#include "rewrite/reason.h"

#include <string.h>

#include "rewrite/facts.h"
#include "rewrite/passes.h"
#include "rewrite/yaml.h"

static const struct explanation built_in[REASON_FACTS] = {
    {NULL, NULL},
#define X(name, id, why) {id, why},
#include "rewrite/reasons.def"
#undef X
};

struct explanation reason_explain(const struct facts *facts, reason why) {
    if (why < REASON_FACTS)
        return built_in[why];
    const struct fact *fact = fact_numbered(facts, why);
    return fact ? (struct explanation){fact->id, fact->why} : built_in[REASON_NONE];
}

void reasons_list(FILE *out, const struct facts *facts) {
    struct explanation e;
    for (reason why = 1; (e = reason_explain(facts, why)).id != NULL; why++)
        fprintf(out, "%-28s %-12s %s\n", e.id, why < REASON_FACTS ? "reason" : "fact", e.why);
    for (const struct pass *pass = passes; pass->name != NULL; pass++)
        fprintf(out, "%-28s %-12s %s\n", pass->name, "pass", pass->what);
}

/* The keys of a fact as the file has them. */
static void print_entry(FILE *out, const struct yaml *entry) {
    for (uint32_t i = 0; i < entry->count; i++) {
        const struct yaml *item = entry->item[i];
        if (strcmp(entry->key[i], "id") == 0 || strcmp(entry->key[i], "why") == 0)
            continue;
        fprintf(out, "%s:", entry->key[i]);
        for (uint32_t k = 0; item->kind == YAML_LIST && k < item->count; k++)
            fprintf(out, "\n  %s", item->item[k]->text);
        fprintf(out, "%s%s\n", item->kind == YAML_SCALAR ? " " : "", item->kind == YAML_SCALAR ? item->text : "");
    }
}

bool reasons_explain(FILE *out, const struct facts *facts, const char *id) {
    const struct pass *pass = pass_find(id);
    struct explanation e;
    reason why = 1;
    while ((e = reason_explain(facts, why)).id != NULL && strcmp(e.id, id) != 0)
        why++;
    if (e.id == NULL && pass == NULL)
        return false;
    fprintf(out, "%s: %s\n", id, e.id ? e.why : pass->what);
    const struct fact *fact = e.id ? fact_numbered(facts, why) : NULL;
    if (fact == NULL)
        return true;
    fputs("\n", out);
    print_entry(out, fact->entry);
    fprintf(out, "\n%s:%u\n", facts_path(facts), fact->entry->line);
    return true;
}
