/* onboard.c - `adgen onboard INPUT -o DIR`, or `--into CHECKOUT`: everything that goes with a translation. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/batch.h"
#include "cli/cli.h"
#include "emit/onboard.h"
#include "rewrite/architecture.h"
#include "rewrite/unit.h"

/* Letters, digits and `_`, with single `.` and `-` between them. Files are named after it. */
static size_t hub_word(const char *text) {
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = strspn(text, allowed);
    for (size_t more; len > 0 && (text[len] == '.' || text[len] == '-'); len += 1 + more) {
        more = strspn(text + len + 1, allowed);
        if (more == 0)
            return 0;
    }
    return len;
}

bool is_hf_id(const char *id) {
    if (id == NULL)
        return true;
    size_t organisation = hub_word(id);
    if (organisation == 0 || id[organisation] != '/')
        return false;
    const char *name = id + organisation + 1;
    size_t len = hub_word(name);
    return len > 0 && name[len] == '\0';
}

int no_hf_id(const char *id) {
    return usage_error(NULL, "`--hf-id` is ORG/NAME, as in the address of the model's page, not `%s`", id);
}

static bool find_layout(const char *word, enum registry_layout *layout) {
    *layout = word == NULL ? LAYOUT_AS_FOUND : strcmp(word, "split") == 0 ? LAYOUT_SPLIT : LAYOUT_JOINED;
    return *layout != LAYOUT_JOINED || strcmp(word, "joined") == 0;
}

int check_onboard(const struct options_given *given) {
    enum registry_layout layout;
    if (given->tree == NULL && given->checkout == NULL)
        return usage_error("-o makes a new tree, --into adds to a checkout of TensorRT-LLM",
            "`adgen onboard` needs `-o DIR` or `--into CHECKOUT`");
    if (!is_hf_id(given->published_as))
        return no_hf_id(given->published_as);
    if (given->key_model && (given->checkout == NULL || given->published_as == NULL))
        return usage_error(NULL, "`--key-model` goes with `--into CHECKOUT` and `--hf-id ORG/NAME`");
    if (!find_layout(given->registry_layout, &layout))
        return usage_error(NULL, "`--registry-layout` is joined or split, not `%s`", given->registry_layout);
    if (given->input && strcmp(given->input, "-") == 0)
        return usage_error(NULL, "`adgen onboard` names files after its INPUT, which is a path or a model type");
    return EXIT_DONE;
}

/* One run of the command. */
struct run {
    const struct options_given *given;
    const struct voice *voice;
    struct arena *arena;
    struct diags *diags;
    struct onboarding made;
};

/* "modeling_x" of the file or the model type; NULL, with an error, where that makes no name. */
static const char *module_of(struct run *run, const struct adgen_request *request) {
    const char *file =
        request->model_type ? model_file_name(run->arena, request->model_type) : path_base(request->path);
    size_t len = strlen(file) - (ends_with(file, ".py") ? 3 : 0);
    const char *stem = arena_strndup(run->arena, file, len);
    if (len > 0 && name_length(stem) == len)
        return starts_with(stem, "modeling_") ? stem : arena_printf(run->arena, "modeling_%s", stem);
    diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "`%s` is no name for a Python module", file);
    return NULL;
}

/* -- what is there already ----------------------------------------------------------------------------------------- */

/* Files that somebody may have changed are not replaced without leave, nor is what serves the model already. */
static bool may_replace(struct run *run) {
    bool ok = run->given->force || run->made.rivals.len == 0;
    for (uint32_t i = 0; i < run->made.rivals.len && !run->given->force; i++) {
        struct diag *diag =
            diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s", run->made.rivals.at[i]);
        diag_help(run->diags, diag,
            "it may serve the model as it is; --force adds another one, of which the last import holds");
    }
    for (uint32_t i = 0; i < run->made.files.len && !run->given->force; i++) {
        const struct change *file = &run->made.files.at[i];
        if (file->before == NULL || !change_matters(file))
            continue;
        struct diag *diag =
            diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s is there and differs", file->path);
        diag_help(run->diags, diag, "--force replaces it; --dry-run shows how");
        ok = false;
    }
    return ok;
}

/* -- what is said -------------------------------------------------------------------------------------------------- */

static bool print_patch(const struct run *run, bool files) {
    struct buf out = {0};
    for (uint32_t i = 0; i < run->made.files.len && files; i++)
        change_diff(&out, &run->made.files.at[i]);
    for (uint32_t i = 0; i < run->made.lists.len; i++)
        change_diff(&out, &run->made.lists.at[i]);
    bool ok = out.len == 0 || put_stdout(run->voice, out.at, out.len);
    buf_free(&out);
    return ok;
}

/* Places that are left to a run or a person: templates/ and emit/ mark them so. */
static uint32_t places_in(const struct change *file) {
    uint32_t count = 0;
    for (const char *at = file->text; (at = strstr(at, "FILL IN")) != NULL; at++)
        count++;
    return count;
}

static void say_changes(const struct run *run, const struct change *list, uint32_t count, const char *verb) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t places = places_in(&list[i]);
        if (!change_matters(&list[i]))
            say(run->voice, "%s is up to date", list[i].path);
        else if (places > 0)
            say(run->voice, "%s %s, with %u place%s marked FILL IN", verb, list[i].path, places,
                places == 1 ? "" : "s");
        else
            say(run->voice, "%s %s", verb, list[i].path);
    }
}

static void say_rest(const struct run *run, const struct adgen_result *translation) {
    const char *withheld = onboard_withheld(translation, run->given->published_as);
    if (withheld)
        say(run->voice, "no settings, registry entry, row of the support matrix or cookbook: %s", withheld);
    if (run->made.findings > 0)
        say(run->voice, "the review of the model and its tests has %u finding%s: `adgen review` shows where",
            run->made.findings, run->made.findings == 1 ? "" : "s");
    if (run->given->tree == NULL)
        say(run->voice, "no report and no text of a pull request: they go to -o DIR");
}

/* -- the command --------------------------------------------------------------------------------------------------- */

static bool write_all(struct run *run) {
    VEC(struct change) all = {0};
    for (uint32_t i = 0; i < run->made.files.len; i++)
        vec_push(run->arena, &all, run->made.files.at[i]);
    for (uint32_t i = 0; i < run->made.lists.len; i++)
        vec_push(run->arena, &all, run->made.lists.at[i]);
    if (!changes_write(run->arena, run->diags, all.at, all.len))
        return false;
    say_changes(run, run->made.files.at, run->made.files.len, "wrote");
    say_changes(run, run->made.lists.at, run->made.lists.len, "edited");
    return print_patch(run, false);
}

static bool onboard_into(struct run *run, const struct adgen_request *request, const struct adgen_result *translation,
    const struct architecture *architecture) {
    struct onboard_request wanted = {.hf_id = run->given->published_as,
        .architecture = architecture,
        .checkout = run->given->checkout,
        .folder = run->given->tree,
        .updates = run->given->force,
        .key_model = run->given->key_model,
        .module = module_of(run, request)};
    find_layout(run->given->registry_layout, &wanted.layout);
    if (translation->already) {
        diag_at(run->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "%s is translated already: its tests are made of its source", request->path);
        return false;
    }
    if (wanted.module == NULL || !onboard(translation, &wanted, &run->made))
        return false;
    bool ok = run->given->dry_run ? print_patch(run, true) : true;
    ok = may_replace(run) && ok && (run->given->dry_run || write_all(run));
    if (ok)
        say_rest(run, translation);
    return ok;
}

/* What it is, by the configuration that is given. Where that is not enough to know its sizes, something is wrong with
 * it; where none is given, sizes that are not known are left open. */
static const struct architecture *read_architecture(
    struct run *run, struct adgen *adgen, const struct adgen_result *translation, struct adgen_result *read) {
    const struct architecture *found = adgen_architecture(adgen, translation, run->given->config, read);
    const bool wrong = found == NULL || (run->given->config && !found->built);
    if (wrong || found->built)
        say_diags(run->voice, read->diags); /* of what is built, warnings: it may be another model's configuration */
    return wrong ? NULL : found;
}

int deliver_onboard(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_request *request, const struct adgen_result *translation) {
    say_diags(voice, translation->diags);
    if (translation->status == ADGEN_REFUSED)
        return EXIT_REFUSED;
    say_limits(voice, translation);
    struct unit *unit = translation->unit;
    struct run run = {.given = given, .voice = voice, .arena = unit->arena, .diags = diags_create(unit->arena)};
    unit->diags = run.diags; /* those of the translation are said */
    struct adgen_result read;
    const struct architecture *architecture = read_architecture(&run, adgen, translation, &read);
    bool ok = architecture && onboard_into(&run, request, translation, architecture);
    say_diags(voice, run.diags);
    adgen_result_free(&read);
    return ok ? (int)translation->status : EXIT_REFUSED;
}
