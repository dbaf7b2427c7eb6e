/* report.c - the trace as lines, and the account as JSON. */
#include "emit/report.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "emit/gaps.h"
#include "emit/limits.h"
#include "rewrite/config.h"
#include "rewrite/rules.h"
#include "rewrite/verdict.h"

const char *report_kind(enum trace_kind kind) {
    static const char *const texts[] = {"fact", "removed", "rewritten", "near miss"};
    return texts[kind];
}

/* What there is to say: of everything, or, where the translation ended before that, of what the rules did. */
const struct trace *report_records(const struct adgen_result *result) {
    return result->judge ? &result->judge->records : result->unit->trace;
}

void report_trace(FILE *out, struct adgen_result *result) {
    const struct trace *trace = report_records(result);
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *r = &trace->records.at[i];
        if (r->source) {
            struct location at = source_locate(r->source, r->span.start);
            fprintf(out, "%s:%u:%u: ", r->source->path, at.line, at.column);
        }
        fprintf(out, "%s [%s]", report_kind(r->kind), r->id);
        if (r->where)
            fprintf(out, " in %s", r->where);
        fprintf(out, ": %s\n", r->text);
    }
    uint32_t count;
    struct diag **gaps = gaps_of(result->unit, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (gaps[i]->source) {
            struct location at = source_locate(gaps[i]->source, gaps[i]->span.start);
            fprintf(out, "%s:%u:%u: ", gaps[i]->source->path, at.line, at.column);
        }
        fprintf(out, "%s [%s]: %s\n", severity_text(SEVERITY_GAP), gaps[i]->rule, gaps[i]->message);
    }
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

struct report {
    struct adgen_result *result;
    struct unit *unit;
};

static void put_text(cJSON *object, const char *key, const char *text) {
    if (text)
        cJSON_AddStringToObject(object, key, text);
}

static void put_span(cJSON *object, struct source *source, struct span span) {
    struct location from = source_locate(source, span.start), to = source_locate(source, span.end);
    cJSON_AddNumberToObject(object, "line", from.line);
    cJSON_AddNumberToObject(object, "column", from.column);
    cJSON_AddNumberToObject(object, "end_line", to.line);
    cJSON_AddNumberToObject(object, "end_column", to.column);
}

static cJSON *diagnostics(const struct report *r) {
    cJSON *array = cJSON_CreateArray();
    uint32_t count;
    struct diag **list = diags_sorted(r->result->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        put_text(item, "severity", severity_text(list[i]->severity));
        put_text(item, "id", list[i]->rule);
        put_text(item, "message", list[i]->message);
        put_text(item, "help", list[i]->help);
        if (list[i]->source) {
            put_text(item, "file", list[i]->source->path);
            put_span(item, list[i]->source, list[i]->span);
        }
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static cJSON *trace_records(const struct report *r) {
    cJSON *array = cJSON_CreateArray();
    const struct trace *trace = report_records(r->result);
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *record = &trace->records.at[i];
        cJSON *item = cJSON_CreateObject();
        put_text(item, "kind", report_kind(record->kind));
        put_text(item, "id", record->id);
        put_text(item, "where", record->where);
        put_text(item, "what", record->text);
        if (record->source && record->source != r->unit->module->source)
            put_text(item, "file", path_base(record->source->path));
        if (record->source)
            put_span(item, record->source, record->span);
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

/* Each rule that was applied, how often, and what it promises. */
static cJSON *rules_applied(const struct report *r) {
    cJSON *array = cJSON_CreateArray();
    const struct rules *rules = r->unit->rules;
    for (uint32_t i = 0; rules && i < rules->list.len; i++) {
        const struct rule *rule = rules->list.at[i];
        uint32_t times = trace_uses(r->unit->trace, rule->id);
        if (times == 0)
            continue;
        cJSON *item = cJSON_CreateObject();
        put_text(item, "id", rule->id);
        cJSON_AddNumberToObject(item, "times", times);
        put_text(item, "promise", promise_text(rule->promise));
        put_text(item, "bound", rule->bound);
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

/* -- verdicts ------------------------------------------------------------------------------------------------------ */

static void put_by(cJSON *item, const char *const *by, uint32_t count) {
    cJSON *list = count > 0 ? cJSON_AddArrayToObject(item, "by") : NULL;
    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(list, cJSON_CreateString(by[i]));
}

static void put_reader(const struct report *r, cJSON *item, const struct node *reader) {
    if (reader)
        cJSON_AddNumberToObject(item, "read_at", source_locate(r->unit->module->source, reader->span.start).line);
}

static void put_text_of(const struct report *r, cJSON *item, struct span span) {
    const char *text = r->unit->module->source->text + span.start;
    size_t line = strcspn(text, "\n"), len = span.end - span.start;
    put_text(item, "text", arena_strndup(r->unit->arena, text, line < len ? line : len));
}

static void put_verdict(const struct report *r, cJSON *item, const struct node *n) {
    const struct verdict *v = verdict_on(r->result->judge, n);
    put_text(item, "status", fate_text(v->fate));
    put_by(item, v->by.at, v->by.len);
    put_text(item, "why", v->fate == FATE_KEPT ? NULL : v->why);
    put_reader(r, item, v->fate == FATE_KEPT ? NULL : v->reader);
    cJSON *parts = v->parts.len > 0 ? cJSON_AddArrayToObject(item, "removed_parts") : NULL;
    for (uint32_t i = 0; i < v->parts.len; i++) {
        const struct part *part = &v->parts.at[i];
        cJSON *each = cJSON_CreateObject();
        put_span(each, r->unit->module->source, part->span);
        put_text_of(r, each, part->span);
        put_by(each, &part->cause.id, 1);
        put_text(each, "why", part->cause.why);
        put_reader(r, each, part->cause.reader);
        cJSON_AddItemToArray(parts, each);
    }
}

/* Definitions have a name, statements the first line of their text. */
static cJSON *put_item(const struct report *r, cJSON *array, const struct node *n) {
    cJSON *item = cJSON_CreateObject();
    bool definition = n->kind == NODE_FUNCTION || n->kind == NODE_CLASS || n->kind == NODE_PARAM;
    put_text(item, "name", definition ? n->atom : NULL);
    put_span(item, r->unit->module->source, n->span);
    if (!definition)
        put_text_of(r, item, n->span);
    put_verdict(r, item, n);
    cJSON_AddItemToArray(array, item);
    return item;
}

/* Statements that were judged; those of what the entry does not reach were not. */
static void put_block(const struct report *r, cJSON *array, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (verdict_on(r->result->judge, stmt) == NULL)
            continue;
        put_item(r, array, stmt);
        for (uint32_t k = 0; k < stmt->nkids; k++) {
            const struct node *kid = is_kind(stmt->kid[k], NODE_HANDLER) ? stmt->kid[k]->kid[1] : stmt->kid[k];
            if (is_kind(kid, NODE_BLOCK))
                put_block(r, array, kid);
        }
    }
}

static void put_function(const struct report *r, cJSON *array, const struct node *def) {
    if (verdict_on(r->result->judge, def) == NULL)
        return;
    cJSON *item = put_item(r, array, def), *parameters = cJSON_CreateArray(), *statements = cJSON_CreateArray();
    for (uint32_t i = 0; i < function_params(def)->nkids; i++)
        if (verdict_on(r->result->judge, function_params(def)->kid[i]))
            put_item(r, parameters, function_params(def)->kid[i]);
    put_block(r, statements, function_body(def));
    if (cJSON_GetArraySize(parameters) > 0)
        cJSON_AddItemToObject(item, "parameters", parameters);
    else
        cJSON_Delete(parameters);
    if (cJSON_GetArraySize(statements) > 0)
        cJSON_AddItemToObject(item, "statements", statements);
    else
        cJSON_Delete(statements);
}

/* What looks like an idiom in the methods of a class, and the first condition of it that failed. */
static void put_near_misses(const struct report *r, cJSON *item, const struct node *def) {
    const struct trace *trace = report_records(r->result);
    size_t len = strlen(def->atom);
    cJSON *list = NULL;
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *record = &trace->records.at[i];
        if (record->kind != TRACE_MISS || strncmp(record->where, def->atom, len) != 0 || record->where[len] != '.')
            continue;
        list = list ? list : cJSON_AddArrayToObject(item, "near_misses");
        cJSON *miss = cJSON_CreateObject();
        put_text(miss, "rule", record->id);
        put_text(miss, "why", record->text);
        if (record->source)
            put_span(miss, record->source, record->span);
        cJSON_AddItemToArray(list, miss);
    }
}

static void put_class(const struct report *r, cJSON *array, const struct node *def) {
    if (verdict_on(r->result->judge, def) == NULL)
        return;
    cJSON *item = put_item(r, array, def), *statements = NULL, *functions = NULL;
    put_near_misses(r, item, def);
    for (uint32_t i = 0; i < class_body(def)->nkids; i++) {
        const struct node *stmt = class_body(def)->kid[i];
        if (verdict_on(r->result->judge, stmt) == NULL)
            continue;
        if (stmt->kind == NODE_FUNCTION) {
            functions = functions ? functions : cJSON_AddArrayToObject(item, "functions");
            put_function(r, functions, stmt);
        } else {
            statements = statements ? statements : cJSON_AddArrayToObject(item, "statements");
            put_item(r, statements, stmt);
        }
    }
}

static void put_definitions(const struct report *r, cJSON *json) {
    cJSON *classes = cJSON_AddArrayToObject(json, "classes"), *functions = cJSON_AddArrayToObject(json, "functions"),
          *statements = cJSON_AddArrayToObject(json, "statements");
    struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *stmt = tree->kid[i];
        struct node *one = tree->kid[i], block = {.kind = NODE_BLOCK, .kid = &one, .nkids = 1};
        if (stmt->kind == NODE_CLASS)
            put_class(r, classes, stmt);
        else if (stmt->kind == NODE_FUNCTION)
            put_function(r, functions, stmt);
        else
            put_block(r, statements, &block);
    }
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

const char *report_status(const struct adgen_result *result) {
    if (result->status == ADGEN_REFUSED)
        return "refused";
    if (result->already)
        return "already translated";
    if (result->gaps > 0)
        return "partial";
    return result->status == ADGEN_DONE ? "done"
           : result->unit->prefill_only ? "prefill-only"
                                        : result->unit->options.assume;
}

static void put_configuration(const struct report *r, cJSON *json) {
    const struct config *config = r->unit->config;
    cJSON *item = cJSON_AddObjectToObject(json, "configuration");
    put_text(item, "class", r->unit->config_class);
    if (config == NULL)
        return;
    put_text(item, "file", config->module->source->path);
    put_text(item, "model_type", config->model_type);
    cJSON_AddBoolToObject(item, "complete", config->complete);
    cJSON *fields = cJSON_AddArrayToObject(item, "fields");
    for (uint32_t i = 0; i < config->fields.len; i++)
        cJSON_AddItemToArray(fields, cJSON_CreateString(config->fields.entry[i].key));
}

static uint32_t count_lines(const char *text, size_t len) {
    uint32_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static cJSON *report(const struct report *r) {
    cJSON *json = cJSON_CreateObject();
    const struct unit *unit = r->unit;
    put_text(json, "status", report_status(r->result));
    put_text(json, "model_type", unit->options.model_type);
    put_text(json, "limit", length_limit(unit, ""));
    if (unit->options.partial)
        cJSON_AddNumberToObject(json, "gaps", r->result->gaps);
    cJSON_AddItemToObject(json, "diagnostics", diagnostics(r));
    if (unit->module == NULL)
        return json;
    put_text(json, "input", unit->module->source->path);
    cJSON_AddNumberToObject(json, "lines_in", count_lines(unit->module->source->text, unit->module->source->len));
    cJSON_AddNumberToObject(json, "lines_out", count_lines(r->result->text.at, r->result->text.len));
    if (unit->entry == NULL)
        return json;
    put_text(json, "entry", unit->entry->name);
    put_configuration(r, json);
    cJSON_AddItemToObject(json, "rules", rules_applied(r));
    if (r->result->judge)
        put_definitions(r, json);
    cJSON_AddItemToObject(json, "trace", trace_records(r));
    return json;
}

void report_json(struct buf *out, struct adgen_result *result) {
    struct report r = {.result = result, .unit = result->unit};
    cJSON *json = report(&r);
    char *text = cJSON_Print(json);
    buf_puts(out, text);
    buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(json);
}
