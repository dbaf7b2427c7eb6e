/* lists.c - `--list-rules` (and facts), `--explain`, `--list-models`. */
#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "cli/cli.h"
#include "rewrite/reason.h"
#include "rewrite/rules.h"

static int no_such_rule(const struct rules *rules, const struct facts *facts, const char *id) {
    char help[128];
    struct nearest nearest = {0};
    struct explanation e;
    for (uint32_t i = 0; i < rules->list.len; i++)
        nearest_offer(&nearest, id, rules->list.at[i]->id);
    for (reason why = 1; (e = reason_explain(facts, why)).id != NULL; why++)
        nearest_offer(&nearest, id, e.id);
    snprintf(help, sizeof help, "did you mean `%s`?", nearest.word ? nearest.word : "");
    return usage_error(nearest.word ? help : "`adgen --list-rules` lists them", "there is no rule or fact `%s`", id);
}

static int with_rules(const struct options_given *given, const struct voice *voice) {
    struct adgen *adgen = adgen_create(&(struct adgen_settings){.rules = given->rules});
    const struct rules *rules = adgen_rules(adgen);
    const struct facts *facts = adgen_facts(adgen);
    int status = EXIT_DONE;
    say_diags(voice, adgen_problems(adgen));
    if (rules == NULL || facts == NULL)
        status = EXIT_REFUSED;
    else if (given->explain == NULL)
        rules_list(stdout, rules), reasons_list(stdout, facts);
    else if (!rules_explain(stdout, rules, given->explain) && !reasons_explain(stdout, facts, given->explain))
        status = no_such_rule(rules, facts, given->explain);
    adgen_destroy(adgen);
    return status;
}

int list_rules_command(const struct options_given *given, const struct voice *voice) {
    return with_rules(given, voice);
}

int explain_command(const struct options_given *given, const struct voice *voice) {
    return with_rules(given, voice);
}

int list_models_command(const struct options_given *given, const struct voice *voice) {
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    const char *root = package_root(given, voice, arena);
    struct registry *registry = root ? registry_open(diags, root) : NULL;
    for (uint32_t i = 0; registry && i < registry->nheads; i++) {
        struct model model;
        if (registry_model(registry, arena, diags, registry->heads[i].key, &model))
            printf("%s\t%s\t%s\t%s\t%s\n", model.type, model.head, model.config ? model.config : "-", model.path,
                model.config_path ? model.config_path : "-");
    }
    say_diags(voice, diags);
    int status = registry && diags_count(diags, SEVERITY_ERROR) == 0 ? EXIT_DONE : EXIT_REFUSED;
    registry_close(registry);
    arena_destroy(arena);
    return status;
}
