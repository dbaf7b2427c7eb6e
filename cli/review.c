/* review.c - `adgen review FILE...`: model files and their tests against the checklist. */
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/text.h"
#include "cli/cli.h"
#include "emit/review_report.h"

static int no_such_item(const struct review_rules *rules, const char *id) {
    char help[128];
    struct nearest nearest = {0};
    for (uint32_t i = 0; i < rules->list.len; i++)
        nearest_offer(&nearest, id, rules->list.at[i]->id);
    snprintf(help, sizeof help, "did you mean `%s`?", nearest.word ? nearest.word : "");
    return usage_error(nearest.word ? help : "`adgen review --list-rules` lists them", "there is no item `%s`", id);
}

static int review_files(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct review_rules *rules, enum review_format format) {
    bool always = given->color && strcmp(given->color, "always") == 0;
    struct review_report report = {.format = format,
        .out = stdout,
        .color = voice->color && (always || isatty(STDOUT_FILENO)),
        .quiet = given->quiet};
    review_report_begin(&report, rules);
    for (uint32_t i = 0; i < given->ninputs; i++) {
        struct adgen_result result;
        adgen_review(adgen, &(struct adgen_request){.path = given->inputs[i]}, &result);
        say_more(voice, "%s: %zu KB", given->inputs[i], arena_used(result.arena) / 1024);
        review_report_add(&report, given->inputs[i], &result);
        adgen_result_free(&result);
    }
    review_report_end(&report);
    return report.failed ? EXIT_REFUSED : EXIT_DONE;
}

int review_command(const struct options_given *given, const struct voice *voice) {
    enum review_format format;
    if (!review_format_parse(given->format, &format))
        return usage_error(NULL, "`--format` is text, json, github or sarif, not `%s`", given->format);
    bool list = given->list_rules || given->explain;
    if (!list && given->ninputs == 0)
        return usage_error("`adgen review --help` shows how", "there is no FILE to review");
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    const char *package = list             ? NULL
                          : given->package ? package_in(arena, diags, given->package)
                                           : package_of_python(arena);
    struct adgen *adgen = adgen_create(&(struct adgen_settings){.rules = given->rules, .package = package});
    const struct review_rules *rules = adgen_review_rules(adgen);
    bool ready = diags_count(adgen_problems(adgen), SEVERITY_ERROR) == 0 && diags_count(diags, SEVERITY_ERROR) == 0;
    int status = EXIT_REFUSED;
    say_diags(voice, adgen_problems(adgen));
    say_diags(voice, diags);
    if (ready && given->list_rules)
        review_rules_list(stdout, rules), status = EXIT_DONE;
    else if (ready && given->explain)
        status = review_rules_explain(stdout, rules, given->explain) ? EXIT_DONE : no_such_item(rules, given->explain);
    else if (ready)
        status = review_files(given, voice, adgen, rules, format);
    adgen_destroy(adgen);
    arena_destroy(arena);
    return status;
}
