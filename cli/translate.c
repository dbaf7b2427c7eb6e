/* translate.c - `adgen INPUT`: one translation, and where its text goes. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/changes.h"
#include "base/diff.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/batch.h"
#include "cli/cli.h"
#include "emit/gaps.h"
#include "emit/limits.h"
#include "emit/page.h"
#include "emit/report.h"
#include "emit/tests.h"
#include "rewrite/declined.h"
#include "rewrite/facts.h"
#include "rewrite/passes.h"
#include "rewrite/unit.h"

/* One run of the command. */
struct run {
    const struct options_given *given;
    const struct voice *voice;
    struct arena *arena;
    struct diags *diags; /* of the command itself: looking up, writing */
    struct registry *registry;
    struct buf stdin_text;
    struct adgen_request request;
    const char *target;       /* file to write; NULL: standard output */
    bool replaces;            /* which is the input */
    VEC(struct change) files; /* that are written together */
};

/* -- the input ----------------------------------------------------------------------------------------------------- */

static bool read_stdin(struct run *run) {
    char block[16 * 1024];
    size_t n;
    while ((n = fread(block, 1, sizeof block, stdin)) > 0 && run->stdin_text.len <= SOURCE_MAX)
        buf_write(&run->stdin_text, block, n);
    if (ferror(stdin)) {
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "cannot read standard input: %s",
            strerror(errno));
        return false;
    }
    run->request.path = run->given->stdin_filename ? run->given->stdin_filename : "<stdin>";
    run->request.text = run->stdin_text.at ? run->stdin_text.at : "";
    run->request.len = run->stdin_text.len;
    return true;
}

/* A word without a slash or suffix that names no file is a model type. */
static bool is_model_type(const char *input) {
    return strchr(input, '/') == NULL && !ends_with(input, ".py") && !file_exists(input) && !dir_exists(input);
}

const char *package_root(const struct options_given *given, const struct voice *voice, struct arena *arena) {
    struct diags *diags = diags_create(arena);
    const char *root = given->package ? package_in(arena, diags, given->package) : package_of_python(arena);
    if (root == NULL && !given->package) {
        struct diag *diag = diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "the Python on PATH has no transformers package to look model types up in");
        diag_help(diags, diag, "name its folder with --package DIR, or give the path of a modeling file");
    }
    say_diags(voice, diags);
    return root;
}

static bool look_up(struct run *run) {
    const char *root = package_root(run->given, run->voice, run->arena);
    struct model model;
    run->registry = root ? registry_open(run->diags, root) : NULL;
    if (run->registry == NULL || !registry_model(run->registry, run->arena, run->diags, run->given->input, &model))
        return false;
    run->request.path = model.path;
    run->request.model_type = model.type;
    run->request.entry = run->given->entry ? run->given->entry : model.head;
    say_more(run->voice, "`%s` is %s in %s", model.type, model.head, model.path);
    return true;
}

static bool find_input(struct run *run) {
    const char *input = run->given->input;
    run->request.entry = run->given->entry;
    if (strcmp(input, "-") == 0)
        return read_stdin(run);
    if (is_model_type(input))
        return look_up(run);
    run->request.path = input;
    return true;
}

/* -- the output ---------------------------------------------------------------------------------------------------- */

static bool same_as_file(const char *path, const struct buf *text) {
    struct buf old = {0};
    bool same =
        file_load(path, &old) && old.len == text->len && (text->len == 0 || memcmp(old.at, text->at, text->len) == 0);
    buf_free(&old);
    return same;
}

static int check(struct run *run, const struct adgen_result *result) {
    const char *target = run->target ? run->target : run->request.path;
    bool is_stdin = run->target == NULL && run->request.text != NULL;
    if (is_stdin ? result->already : same_as_file(target, &result->text))
        return (int)result->status;
    say(run->voice, "%s would change", target);
    return EXIT_REFUSED;
}

static bool print_diff(struct run *run, const struct adgen_result *result) {
    const struct source *source = result->unit->module->source;
    struct buf out = {0};
    const char *name = run->target ? run->target : run->request.path;
    diff_unified(&out, source->path, source->text, source->len, name, result->text.at, result->text.len);
    bool ok = put_stdout(run->voice, out.at ? out.at : "", out.len);
    buf_free(&out);
    return ok;
}

/* Tests of the model, which they import by the name of its file. */
static bool make_test(struct run *run, struct adgen_result *result, struct buf *text) {
    const char *name = path_base(run->target);
    size_t len = strlen(name) - (ends_with(name, ".py") ? 3 : 0);
    if (result->already || result->gaps > 0) {
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "there are no tests: %s",
            result->gaps > 0 ? "the model has gaps" : "the input is translated already");
        return false;
    }
    if (name_length(name) != len) {
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "tests cannot import a model from `%s`: that is no name of a module", name);
        return false;
    }
    bool ok = emit_tests(result->unit, arena_strndup(run->arena, name, len), text, NULL);
    say_diags(run->voice, result->diags);
    return ok;
}

static bool make_page(struct run *run, struct adgen_result *result, struct buf *text) {
    if (result->already) {
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "there is nothing to review: the input is translated already");
        return false;
    }
    uint32_t unmapped = page_html(text, result);
    if (unmapped > 0)
        say(run->voice, "nothing accounts for %u line%s: see the page", unmapped, unmapped == 1 ? "" : "s");
    return true;
}

/* What a file is to hold. */
static bool add_file(struct run *run, const char *path, struct buf *text) {
    struct change change = {.path = path, .name = path, .len = text->len};
    struct buf before = {0};
    change.text = buf_keep(text, run->arena);
    if (file_load(path, &before)) {
        change.before_len = before.len;
        change.before = buf_keep(&before, run->arena);
    } else if (file_exists(path) && !file_is_stream(path)) { /* what cannot be given back is not replaced */
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: cannot be read", path);
        return false;
    }
    vec_push(run->arena, &run->files, change);
    return true;
}

/* The model: a file, unless that is a translation already, also if its line ends are not ours. */
static bool add_model(struct run *run, const struct adgen_result *result) {
    bool is_input = run->target && run->request.text == NULL && file_same(run->target, run->request.path);
    struct buf text = {0};
    if (result->already && !is_input)
        say(run->voice, "%s is translated already: nothing to change", run->request.path);
    if (run->target == NULL || run->given->diff)
        return true;
    if (result->already && is_input) {
        say(run->voice, "%s is translated already: nothing to change", run->target);
        return true;
    }
    run->replaces = is_input;
    buf_write(&text, result->text.at, result->text.len);
    return add_file(run, run->target, &text);
}

static bool add_report(struct run *run, struct adgen_result *result) {
    struct buf json = {0};
    report_json(&json, result);
    return add_file(run, run->given->report, &json);
}

static void say_file(const struct run *run, const struct change *file) {
    if (file->path == run->given->report)
        return;
    if (!change_matters(file))
        say(run->voice, "%s is up to date", file->path);
    else if (file->path == run->target && run->replaces)
        say(run->voice, "replaced %s by its translation", file->path);
    else
        say(run->voice, "wrote %s", file->path);
}

/* What goes to standard output cannot be taken back: the files have their texts by then, but not their names. */
static bool write_files(struct run *run, const struct adgen_result *result) {
    struct staging *staging = changes_stage(run->arena, run->diags, run->files.at, run->files.len);
    if (staging == NULL)
        return false;
    bool ok = run->given->diff      ? print_diff(run, result)
              : run->target == NULL ? put_stdout(run->voice, result->text.at, result->text.len)
                                    : true;
    if (!ok) {
        changes_abandon(staging);
        return false;
    }
    if (!changes_commit(staging))
        return false;
    for (uint32_t i = 0; i < run->files.len; i++)
        say_file(run, &run->files.at[i]);
    return true;
}

/* The model, and what was asked for with it: all of it, or nothing. */
static bool write_all(struct run *run, struct adgen_result *result) {
    const struct options_given *given = run->given;
    struct buf test = {0}, page = {0};
    bool ok = add_model(run, result) &&
              (!given->test || (make_test(run, result, &test) && add_file(run, given->test, &test))) &&
              (!given->html || (make_page(run, result, &page) && add_file(run, given->html, &page))) &&
              (!given->report || add_report(run, result)) && write_files(run, result);
    buf_free(&test);
    buf_free(&page);
    return ok;
}

/* The report alone: of what is refused, or only looked at. */
static bool write_report(struct run *run, struct adgen_result *result) {
    if (!add_report(run, result))
        return false;
    struct staging *staging = changes_stage(run->arena, run->diags, run->files.at, run->files.len);
    return staging && changes_commit(staging);
}

static bool find_target(struct run *run) {
    const struct options_given *given = run->given;
    run->target = given->output;
    if (given->out_dir == NULL)
        return true;
    const char *name = path_base(run->request.path);
    if (run->request.model_type)
        name = model_file_name(run->arena, run->request.model_type);
    else if (run->request.text && !given->stdin_filename)
        name = "modeling.py";
    run->target = path_join(run->arena, given->out_dir, name);
    return given->check || given->diff || dir_create(run->diags, given->out_dir);
}

static void say_gaps(struct run *run, const struct adgen_result *result) {
    const char *lines = gap_lines(run->arena, &result->text);
    say(run->voice, "incomplete: %u place%s not understood; the output has markers in line%s %s", result->gaps,
        result->gaps == 1 ? " is" : "s are", strchr(lines, ' ') ? "s" : "", lines);
}

void say_limits(const struct voice *voice, const struct adgen_result *result) {
    const char *declined = declined_setting(result->unit);
    if (declined)
        say(voice, "declined: a configuration with %s, which the emitted constructor refuses", declined);
    if (result->unit->prefill_only)
        say(voice, "prefill-only: %s", result->unit->prefill_only);
    const char *assumed = length_assumed(result->unit, "");
    if (assumed)
        say(voice, "%s: %s", result->unit->options.assume, assumed);
}

static int deliver(struct run *run, struct adgen_result *result) {
    bool alone = result->status == ADGEN_REFUSED || run->given->check;
    say_diags(run->voice, result->diags);
    if (run->given->trace)
        report_trace(run->voice->out, result);
    if (run->given->report && alone && !write_report(run, result))
        return EXIT_REFUSED;
    if (result->status == ADGEN_REFUSED || !find_target(run))
        return EXIT_REFUSED;
    if (result->gaps == 0)
        say_limits(run->voice, result);
    if (result->gaps > 0)
        say_gaps(run, result);
    say_more(
        run->voice, "%s: %.1f ms, %zu KB", run->request.path, result->seconds * 1e3, arena_used(result->arena) / 1024);
    if (run->given->check) {
        int status = check(run, result);
        return run->given->diff && !print_diff(run, result) ? EXIT_REFUSED : status;
    }
    return write_all(run, result) ? (int)result->status : EXIT_REFUSED;
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static int unknown_pass(const char *name) {
    char help[64];
    struct nearest nearest = {0};
    const char *what, *pass;
    for (uint32_t i = 0; (pass = adgen_pass_name(i, &what)) != NULL; i++)
        nearest_offer(&nearest, name, pass);
    snprintf(help, sizeof help, "did you mean `%s`?", nearest.word ? nearest.word : "");
    return usage_error(nearest.word ? help : "`adgen --help` lists the passes", "there is no pass `%s`", name);
}

/* What the command makes of a translation. */
static int answer(struct run *run, struct adgen *adgen, struct adgen_result *result) {
    switch (run->given->command) {
    case KEYS: return deliver_keys(run->given, run->voice, adgen, result);
    case SURVEY: return deliver_survey(run->given, run->voice, adgen, &run->request, result);
    case ONBOARD: return deliver_onboard(run->given, run->voice, adgen, &run->request, result);
    default: return deliver(run, result);
    }
}

bool assumption_exists(const struct options_given *given, const struct adgen *adgen) {
    const struct facts *facts = adgen_facts(adgen);
    if (given->assume == NULL || facts == NULL || fact_assumption(facts, given->assume))
        return true;
    usage_error("`adgen --help` says what can be assumed", "there is no assumption `%s`", given->assume);
    return false;
}

static int translate(struct run *run, const char *package) {
    struct adgen_settings settings = {run->given->rules, package, run->registry};
    struct adgen *adgen = adgen_create(&settings);
    struct adgen_result result;
    say_diags(run->voice, adgen_problems(adgen));
    if (!assumption_exists(run->given, adgen)) {
        adgen_destroy(adgen);
        return EXIT_USAGE;
    }
    adgen_translate(adgen, &run->request, &result);
    int status = answer(run, adgen, &result);
    adgen_result_free(&result);
    adgen_destroy(adgen);
    return status;
}

int translate_command(const struct options_given *given, const struct voice *voice) {
    if (given->dump_after && pass_find(given->dump_after) == NULL)
        return unknown_pass(given->dump_after);
    struct arena *arena = arena_create();
    struct run run = {.given = given, .voice = voice, .arena = arena, .diags = diags_create(arena)};
    run.request = (struct adgen_request){.dump_after = given->dump_after,
        .assume = given->assume,
        .strict_rounding = given->strict_rounding,
        .bundle_config = given->bundle_config,
        .partial = given->partial,
        .account = given->report != NULL || given->trace || given->html != NULL || given->command == SURVEY};
    const char *package = given->package ? package_in(arena, run.diags, given->package) : NULL;
    int status = EXIT_REFUSED;
    if ((given->package == NULL || package) && find_input(&run)) {
        if (given->command != TRANSLATE && package == NULL && package_around(arena, run.request.path) == NULL)
            package = package_of_python(arena); /* a translation imports what its configuration is made of */
        status = translate(&run, package);
    }
    say_diags(voice, run.diags);
    registry_close(run.registry);
    buf_free(&run.stdin_text);
    arena_destroy(arena);
    return status;
}
