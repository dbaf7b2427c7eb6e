/* adgen.c - contexts, and one translation from bytes to bytes. */
#include "emit/adgen.h"

#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "emit/dump.h"
#include "emit/gaps.h"
#include "emit/keys_report.h"
#include "emit/limits.h"
#include "emit/model.h"
#include "parser/parse.h"
#include "rewrite/account.h"
#include "rewrite/architecture.h"
#include "rewrite/config.h"
#include "rewrite/facts.h"
#include "rewrite/passes.h"
#include "rewrite/review.h"
#include "rewrite/rules.h"
#include "rewrite/trace.h"
#include "rewrite/verdict.h"

struct adgen {
    struct facts *facts;
    struct unit loader; /* arena, atoms, diags, parser, facts, rules: what every translation starts from */
    struct review_rules *checklist;
    const char *rules, *package;
    const struct registry *given;
    struct registry *opened; /* ours; the tables of the last package asked for */
    const char *missing;     /* a package without tables: not asked again */
    struct arena *spare;     /* of a translation that is done with, for the next one */
};

/* -- contexts ------------------------------------------------------------------------------------------------------ */

struct adgen *adgen_create(const struct adgen_settings *settings) {
    struct arena *arena = arena_create();
    struct adgen *adgen = NEW(arena, struct adgen);
    struct unit *u = &adgen->loader;
    *u = (struct unit){
        .arena = arena, .atoms = atoms_create(arena), .diags = diags_create(arena), .parser = parser_create()};
    u->facts = adgen->facts = facts_load(u, settings->rules);
    u->rules = settings->rules ? rules_load_dir(arena, u->atoms, u->diags, u->parser, settings->rules)
                               : rules_load_embedded(arena, u->atoms, u->diags, u->parser);
    adgen->rules = settings->rules;
    adgen->package = settings->package;
    adgen->given = settings->registry;
    return adgen;
}

void adgen_destroy(struct adgen *adgen) {
    registry_close(adgen->opened);
    parser_destroy(adgen->loader.parser);
    arena_destroy(adgen->spare);
    arena_destroy(adgen->loader.arena);
}

struct diags *adgen_problems(struct adgen *adgen) {
    return adgen->loader.diags;
}

const struct rules *adgen_rules(const struct adgen *adgen) {
    return adgen->loader.rules;
}

const struct facts *adgen_facts(const struct adgen *adgen) {
    return adgen->facts;
}

/* The tables of a package; NULL, and nothing said, if it has none: then no type is known, which is no error. */
static const struct registry *registry_of(struct adgen *adgen, const char *root) {
    if (root == NULL || (adgen->missing && strcmp(adgen->missing, root) == 0))
        return NULL;
    if (adgen->given && strcmp(adgen->given->root, root) == 0)
        return adgen->given;
    if (adgen->opened && strcmp(adgen->opened->root, root) == 0)
        return adgen->opened;
    struct registry *registry = registry_open(diags_create(adgen->loader.arena), root);
    if (registry == NULL) {
        adgen->missing = arena_strndup(adgen->loader.arena, root, strlen(root));
        return NULL;
    }
    registry_close(adgen->opened);
    return adgen->opened = registry;
}

/* -- one translation ----------------------------------------------------------------------------------------------- */

static struct unit *unit_make(struct adgen *adgen, const struct adgen_request *request, struct arena *arena) {
    struct unit *unit = NEW(arena, struct unit);
    if (adgen->facts)
        facts_forget(adgen->facts);
    *unit = adgen->loader;
    unit->context = &adgen->loader;
    unit->modules = unit->tables = unit->templates = unit->versions = (struct map){0};
    unit->arena = arena;
    unit->diags = diags_create(arena);
    unit->trace = NEW(arena, struct trace);
    unit->options = (struct options){.entry = request->entry,
        .assume = request->assume,
        .model_type = request->model_type,
        .bundle_config = request->bundle_config,
        .partial = request->partial,
        .whole = request->account || request->dump_after || request->partial};
    unit->strict_rounding = request->strict_rounding;
    return unit;
}

static struct source *open_source(struct unit *unit, const struct adgen_request *request) {
    if (request->text == NULL)
        return source_read(unit->arena, unit->atoms, unit->diags, request->path);
    return source_from_text(unit->arena, unit->atoms, unit->diags, request->path, request->text, request->len);
}

static bool load(struct adgen *adgen, struct unit *unit, const struct adgen_request *request) {
    struct source *source = unit->before ? unit->before->module->source : open_source(unit, request);
    unit->module = source ? module_load(unit, source) : NULL;
    if (unit->module == NULL)
        return false;
    unit->library = adgen->package ? adgen->package : unit->package.root;
    unit->registry = registry_of(adgen, unit->library);
    return true;
}

/* Where the program begins, behind the licence and the docstring: those name the source, not what is computed. */
static const char *program_of(const char *at) {
    for (;;) {
        at += strspn(at, " \t\n");
        if (*at == '#')
            at += strcspn(at, "\n");
        else if (strncmp(at, "\"\"\"", 3) == 0 && strstr(at + 3, "\"\"\"") != NULL)
            at = strstr(at + 3, "\"\"\"") + 3;
        else
            return at;
    }
}

/* No pass has found anything to change if the program is the same, byte for byte. */
static bool same_program(const struct buf *text, const struct source *source) {
    return text->len > 0 && strcmp(program_of(text->at), program_of(source->text)) == 0;
}

static bool translate(struct adgen *adgen, const struct adgen_request *request, struct unit *unit, struct buf *text) {
    const struct pass *last = request->dump_after ? pass_find(request->dump_after) : NULL;
    if (!load(adgen, unit, request) || !passes_run(unit, last))
        return false;
    if (last) {
        dump_program(unit, text);
        return true;
    }
    return emit_model(unit, text) && diags_count(unit->diags, SEVERITY_ERROR) == 0;
}

static struct unit *begin(struct adgen *adgen, const struct adgen_request *request, struct arena *arena) {
    struct unit *unit = unit_make(adgen, request, arena);
    if (request->account)
        account_begin(unit);
    return unit;
}

static bool is_understood(const struct unit *unit, bool done) {
    return done && unit_refusals(unit) == 0 && unit->prefill_only == NULL;
}

/* Where the input is refused, or cannot be served: the same for one value of a flag alone, if that is understood. Where
 * it is not either, what the attempt that came nearest has found says what is missing. */
static bool translate_or_decline(
    struct adgen *adgen, const struct adgen_request *request, struct adgen_result *result, struct buf *text) {
    struct unit *whole = result->unit;
    bool done = translate(adgen, request, whole, text);
    if (is_understood(whole, done) || whole->unparsed)
        return done;
    for (uint32_t i = 0; i < whole->choices.len && whole->choice.field == NULL; i++) {
        struct unit *unit = begin(adgen, request, result->arena);
        struct buf other = {0};
        unit->before = whole;
        unit->choice = whole->choices.at[i];
        if (is_understood(unit, translate(adgen, request, unit, &other))) {
            buf_free(text);
            *text = other;
            result->unit = unit;
            return true;
        }
        buf_free(&other);
        if (!done && unit->prefill_only == NULL && unit_refusals(unit) < unit_refusals(result->unit))
            result->unit = unit;
    }
    return done;
}

/* A file that is already translated is left as it is, to the byte. */
static bool keep_input(struct unit *unit, struct buf *text) {
    const struct source *source = unit->module->source;
    if (!unit->already && !same_program(text, source))
        return false;
    buf_truncate(text, 0);
    buf_write(text, source->text, source->len);
    return true;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void adgen_translate(struct adgen *adgen, const struct adgen_request *request, struct adgen_result *result) {
    double start = now();
    struct arena *arena = adgen->spare ? adgen->spare : arena_create();
    adgen->spare = NULL;
    *result = (struct adgen_result){
        .status = ADGEN_REFUSED, .unit = begin(adgen, request, arena), .arena = arena, .adgen = adgen};
    bool ready = diags_count(adgen->loader.diags, SEVERITY_ERROR) == 0 && adgen->loader.facts && adgen->loader.rules;
    bool written = ready && translate_or_decline(adgen, request, result, &result->text);
    struct unit *unit = result->unit;
    result->diags = unit->diags;
    if (written) {
        gaps_of(unit, &result->gaps);
        result->already = !request->dump_after && result->gaps == 0 && keep_input(unit, &result->text);
        if (result->already)
            read_stated_limits(unit);
        bool limited = unit->prefill_only || unit->limits.len > 0 || result->gaps > 0;
        result->status = limited ? ADGEN_LIMITED : ADGEN_DONE;
    } else {
        buf_free(&result->text);
    }
    result->seconds = now() - start;
    if (request->account && unit->entry)
        result->judge = judge_source(unit);
}

void adgen_result_free(struct adgen_result *result) {
    struct adgen *adgen = result->adgen;
    buf_free(&result->text);
    if (adgen->spare) {
        arena_destroy(result->arena);
    } else {
        arena_reset(result->arena);
        adgen->spare = result->arena;
    }
    *result = (struct adgen_result){0};
}

/* -- what follows from its text ------------------------------------------------------------------------------------ */

/* The text of a translation as a unit of its own, in `result`. */
static struct unit *read_again(
    struct adgen *adgen, const struct adgen_result *translation, struct adgen_result *result) {
    const char *path = translation->unit->module->source->path;
    struct arena *arena = arena_create();
    struct adgen_request text = {.path = translation->already ? path : arena_printf(arena, "%s (translated)", path),
        .text = translation->text.at,
        .len = translation->text.len};
    struct unit *unit = unit_make(adgen, &text, arena);
    *result = (struct adgen_result){
        .status = ADGEN_REFUSED, .diags = unit->diags, .unit = unit, .arena = arena, .adgen = adgen};
    return load(adgen, unit, &text) ? unit : NULL;
}

static struct keys_request keys_wanted(const struct unit *source, const char *config) {
    struct keys_request wanted = {.config = config};
    if (source->config) {
        wanted.config_path = source->config->module->source->path;
        wanted.config_class = source->config->name;
    }
    return wanted;
}

void adgen_keys(struct adgen *adgen, const struct adgen_result *translation, const struct adgen_keys_request *request,
    struct adgen_result *result) {
    struct unit *unit = read_again(adgen, translation, result);
    struct keys keys = {0};
    struct keys_request wanted = keys_wanted(translation->unit, request->config);
    wanted.index = request->index;
    if (unit == NULL || !keys_evaluate(unit, &wanted, &keys))
        return;
    if (request->json)
        keys_json(&result->text, &keys);
    else
        keys_text(&result->text, &keys);
    result->status = keys.missing.len + keys.unexpected.len ? ADGEN_REFUSED : ADGEN_DONE;
}

/* -- review -------------------------------------------------------------------------------------------------------- */

const struct review_rules *adgen_review_rules(struct adgen *adgen) {
    if (adgen->checklist == NULL)
        adgen->checklist = review_rules_load(&adgen->loader, adgen->rules);
    return adgen->checklist;
}

void adgen_review(struct adgen *adgen, const struct adgen_request *file, struct adgen_result *result) {
    struct adgen_request request = {.path = file->path, .text = file->text, .len = file->len, .partial = true};
    struct arena *arena = adgen->spare ? adgen->spare : arena_create();
    adgen->spare = NULL;
    struct unit *unit = unit_make(adgen, &request, arena);
    *result = (struct adgen_result){
        .status = ADGEN_REFUSED, .diags = unit->diags, .unit = unit, .arena = arena, .adgen = adgen};
    const struct review_rules *rules = adgen_review_rules(adgen);
    if (rules == NULL || diags_count(adgen->loader.diags, SEVERITY_ERROR) > 0 || !load(adgen, unit, &request))
        return;
    result->review = review_module(unit, rules);
    if (result->review && result->review->count == 0)
        result->status = ADGEN_DONE;
}

/* -- what kind of model it is -------------------------------------------------------------------------------------- */

const struct architecture *adgen_architecture(
    struct adgen *adgen, const struct adgen_result *translation, const char *config, struct adgen_result *result) {
    const struct unit *source = translation->unit;
    struct unit *unit = read_again(adgen, translation, result);
    struct architecture *architecture = NEW(result->arena, struct architecture);
    struct keys keys = {0};
    struct forward forward = {0};
    struct keys_request wanted = keys_wanted(source, config);
    wanted.model = source->entry->name;
    wanted.forward = &forward;
    if (unit && keys_evaluate(unit, &wanted, &keys))
        result->status = ADGEN_DONE;
    else
        keys.built = NULL;
    *architecture = (struct architecture){.entry = source->entry->name,
        .config_class = source->config_class,
        .model_type = source->config ? source->config->model_type : NULL,
        .values = config && strcmp(config, "-") == 0 ? "standard input" : config};
    result->unit->limits.at = source->limits.at; /* of the translation that is read */
    result->unit->limits.len = source->limits.len;
    architecture_read(result->unit, &keys, &forward, architecture);
    return architecture;
}

const char *adgen_pass_name(uint32_t index, const char **what) {
    *what = passes[index].what;
    return passes[index].name;
}
