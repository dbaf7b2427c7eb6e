#include "emit/survey.h"

#include "emit/architecture_report.h"
#include "emit/coverage.h"
#include "emit/limits.h"
#include "emit/memory.h"
#include "rewrite/config.h"
#include "rewrite/dependent.h"

struct survey {
    struct adgen_result *translation;
    const struct architecture *architecture;
    const char *unbuilt; /* why no model could be constructed; NULL: one was */
    struct dependents dependents;
    struct memory memory;
    struct coverage coverage;
    bool has_coverage;
};

/* -- gathering ----------------------------------------------------------------------------------------------------- */

static const char *place_text(struct arena *arena, struct source *source, struct span span) {
    struct location at = source_locate(source, span.start);
    return arena_printf(arena, "%s:%u:%u", source->path, at.line, at.column);
}

static const char *diag_text(struct arena *arena, const struct diag *d) {
    const char *text = d->rule ? arena_printf(arena, "%s [%s]", d->message, d->rule) : d->message;
    return d->source ? arena_printf(arena, "%s: %s", place_text(arena, d->source, d->span), text) : text;
}

static const char *first_error(struct arena *arena, struct diags *diags) {
    uint32_t count;
    struct diag **list = diags_sorted(diags, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i]->severity == SEVERITY_ERROR)
            return diag_text(arena, list[i]);
    return NULL;
}

static bool look_at_tree(struct survey *s, struct unit *unit, const struct survey_request *wanted) {
    const struct architecture *a = s->architecture;
    const struct coverage_request request = {.checkout = wanted->checkout,
        .hf_id = wanted->hf_id,
        .config_class = a->config_class,
        .model_type = a->model_type,
        .entry = a->entry};
    s->has_coverage = wanted->checkout != NULL;
    return wanted->checkout == NULL || coverage_survey(unit, &request, &s->coverage);
}

/* -- for people ---------------------------------------------------------------------------------------------------- */

static const char *outcome(const struct adgen_result *t) {
    if (t->status == ADGEN_REFUSED)
        return "refused";
    return t->already                ? "is one already"
           : t->unit->prefill_only   ? "prefill-only"
           : t->unit->limits.len > 0 ? t->unit->options.assume
                                     : "done";
}

/* Why it is less than a whole translation; NULL where it is not. */
static const char *limited_why(const struct adgen_result *t) {
    if (t->status == ADGEN_REFUSED)
        return NULL;
    return t->unit->prefill_only ? t->unit->prefill_only : length_assumed(t->unit, "");
}

static void translation_text(struct buf *out, struct arena *arena, const struct survey *s) {
    struct adgen_result *t = s->translation;
    put_fact(out, "translation");
    buf_puts(out, outcome(t));
    if (limited_why(t))
        buf_printf(out, ": %s", limited_why(t));
    buf_putc(out, '\n');
    uint32_t count;
    struct diag **list = diags_sorted(t->diags, &count);
    for (uint32_t i = 0; i < count; i++)
        if (list[i]->severity == SEVERITY_ERROR)
            buf_printf(out, "  %s\n", diag_text(arena, list[i]));
}

static const char *fate_of(const struct dependent *d) {
    if (d->verdict == NULL)
        return "not looked at";
    return d->part ? fate_text(FATE_REMOVED) : fate_text(d->verdict->fate);
}

static const char *why_of(const struct dependent *d) {
    if (d->verdict == NULL || (d->part == NULL && d->verdict->fate == FATE_KEPT))
        return NULL;
    return d->part ? d->part->why : d->verdict->why;
}

/* The ids of what changed it. */
static uint32_t ids_of(const struct dependent *d, const char *const **ids) {
    static const char *const none[1];
    *ids = d->part ? (const char *const *)&d->part->id : d->verdict ? (const char *const *)d->verdict->by.at : none;
    return d->part ? 1 : d->verdict ? d->verdict->by.len : 0;
}

static void dependent_text(struct buf *out, struct arena *arena, const struct unit *unit, const struct dependent *d) {
    const char *const *ids, *why = why_of(d);
    uint32_t count = ids_of(d, &ids);
    buf_printf(
        out, "  %s: %s in %s: %s", place_text(arena, unit->module->source, d->at->span), d->what, d->where, fate_of(d));
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s%s%s", i ? ", " : " [", ids[i], i + 1 == count ? "]" : "");
    buf_printf(out, "%s%s\n", why ? ": " : "", why ? why : "");
}

static void survey_text(struct buf *out, struct arena *arena, const struct survey *s) {
    const struct unit *unit = s->translation->unit;
    architecture_text(out, s->architecture);
    if (s->unbuilt) {
        put_fact(out, "not built");
        buf_printf(out, "%s\n", s->unbuilt);
    }
    memory_text(out, &s->memory);
    buf_putc(out, '\n');
    translation_text(out, arena, s);
    if (s->dependents.list.len == 0) {
        put_fact(out, "depends on data");
        buf_puts(out, "nothing\n");
    } else {
        buf_puts(out, "depends on data:\n");
    }
    for (uint32_t i = 0; i < s->dependents.list.len; i++)
        dependent_text(out, arena, unit, &s->dependents.list.at[i]);
    if (!s->has_coverage)
        return;
    buf_putc(out, '\n');
    coverage_text(out, &s->coverage);
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

static void add_place(cJSON *json, struct source *source, struct span span) {
    struct location at = source_locate(source, span.start);
    cJSON_AddStringToObject(json, "file", source->path);
    cJSON_AddNumberToObject(json, "line", at.line);
    cJSON_AddNumberToObject(json, "column", at.column);
}

static cJSON *translation_json(const struct survey *s) {
    struct adgen_result *t = s->translation;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "status", outcome(t));
    if (limited_why(t))
        cJSON_AddStringToObject(json, "why", limited_why(t));
    cJSON *array = cJSON_AddArrayToObject(json, "diagnostics");
    uint32_t count;
    struct diag **list = diags_sorted(t->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (list[i]->severity != SEVERITY_ERROR)
            continue;
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        if (list[i]->source)
            add_place(item, list[i]->source, list[i]->span);
        if (list[i]->rule)
            cJSON_AddStringToObject(item, "id", list[i]->rule);
        cJSON_AddStringToObject(item, "message", list[i]->message);
    }
    return json;
}

static cJSON *dependents_json(const struct survey *s) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < s->dependents.list.len; i++) {
        const struct dependent *d = &s->dependents.list.at[i];
        const char *const *ids, *why = why_of(d);
        uint32_t count = ids_of(d, &ids);
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(array, item);
        add_place(item, s->translation->unit->module->source, d->at->span);
        cJSON_AddStringToObject(item, "what", d->what);
        cJSON_AddStringToObject(item, "where", d->where);
        cJSON_AddStringToObject(item, "status", fate_of(d));
        cJSON *by = cJSON_AddArrayToObject(item, "by");
        for (uint32_t k = 0; k < count; k++)
            cJSON_AddItemToArray(by, cJSON_CreateString(ids[k]));
        if (why)
            cJSON_AddStringToObject(item, "why", why);
    }
    return array;
}

static void survey_json(struct buf *out, const struct survey *s) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddItemToObject(json, "architecture", architecture_json(s->architecture));
    if (s->unbuilt)
        cJSON_AddStringToObject(json, "not_built", s->unbuilt);
    cJSON_AddItemToObject(json, "memory", memory_json(&s->memory));
    cJSON_AddItemToObject(json, "translation", translation_json(s));
    cJSON_AddItemToObject(json, "data_dependent", dependents_json(s));
    if (s->has_coverage)
        cJSON_AddItemToObject(json, "coverage", coverage_json(&s->coverage));
    char *text = cJSON_Print(json);
    buf_printf(out, "%s\n", text);
    cJSON_free(text);
    cJSON_Delete(json);
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

void adgen_survey(struct adgen *adgen, const struct adgen_request *request, struct adgen_result *translation,
    const struct survey_request *wanted, struct adgen_result *result) {
    struct survey s = {.translation = translation};
    struct adgen_result partial, *whole = translation;
    bool refused = translation->status == ADGEN_REFUSED;
    if (refused) {
        struct adgen_request gaps = *request;
        gaps.partial = true;
        adgen_translate(adgen, &gaps, whole = &partial);
    }
    s.architecture = adgen_architecture(adgen, whole->unit->entry ? whole : translation, wanted->config, result);
    bool usable = s.architecture->configured || wanted->config == NULL || whole->text.len == 0;
    if (result->status == ADGEN_REFUSED)
        s.unbuilt = first_error(result->arena, result->diags);
    if (usable && look_at_tree(&s, result->unit, wanted)) {
        dependents_find(translation->unit, translation->judge, &s.dependents);
        s.memory = memory_survey(result->arena, s.architecture);
        if (wanted->json)
            survey_json(&result->text, &s);
        else
            survey_text(&result->text, result->arena, &s);
    }
    result->status = result->text.len ? ADGEN_DONE : ADGEN_REFUSED;
    if (refused)
        adgen_result_free(&partial);
}
