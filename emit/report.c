/* report.c - the trace as lines, and the account as JSON. */
#include "emit/report.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "emit/account.h"
#include "rewrite/config.h"
#include "rewrite/rules.h"

static const char *kind_text(enum trace_kind kind) {
    static const char *const texts[] = {"fact", "removed", "rewritten", "near miss"};
    return texts[kind];
}

void report_trace(FILE *out, struct adgen_result *result) {
    const struct trace *trace = result->unit->trace;
    for (uint32_t i = 0; i < trace->records.len; i++) {
        const struct trace_record *r = &trace->records.at[i];
        if (r->source) {
            struct location at = source_locate(r->source, r->span.start);
            fprintf(out, "%s:%u:%u: ", r->source->path, at.line, at.column);
        }
        fprintf(out, "%s [%s]", kind_text(r->kind), r->id ? r->id : "-");
        if (r->where)
            fprintf(out, " in %s", r->where);
        fprintf(out, "%s%s\n", r->text ? ": " : "", r->text ? r->text : "");
    }
}

/* -- JSON ---------------------------------------------------------------------------------------------------------- */

struct report {
    struct adgen_result *result;
    struct unit *unit;
    const struct account *account;
};

static void put_text(cJSON *object, const char *key, const char *text) {
    if (text)
        cJSON_AddStringToObject(object, key, text);
}

static void put_place(cJSON *object, struct source *source, uint32_t offset) {
    struct location at = source_locate(source, offset);
    cJSON_AddNumberToObject(object, "line", at.line);
    cJSON_AddNumberToObject(object, "column", at.column);
}

static cJSON *diagnostics(const struct report *r) {
    static const char *const severities[] = {"error", "warning", "note"};
    cJSON *array = cJSON_CreateArray();
    uint32_t count;
    struct diag **list = diags_sorted(r->result->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        cJSON *item = cJSON_CreateObject();
        put_text(item, "severity", severities[list[i]->severity]);
        put_text(item, "id", list[i]->rule);
        put_text(item, "message", list[i]->message);
        put_text(item, "help", list[i]->help);
        if (list[i]->source) {
            put_text(item, "file", list[i]->source->path);
            put_place(item, list[i]->source, list[i]->span.start);
        }
        cJSON_AddItemToArray(array, item);
    }
    return array;
}

static cJSON *trace_records(const struct report *r) {
    cJSON *array = cJSON_CreateArray();
    for (uint32_t i = 0; i < r->unit->trace->records.len; i++) {
        const struct trace_record *record = &r->unit->trace->records.at[i];
        cJSON *item = cJSON_CreateObject();
        put_text(item, "kind", kind_text(record->kind));
        put_text(item, "id", record->id);
        put_text(item, "where", record->where);
        put_text(item, "what", record->text);
        if (record->source)
            put_place(item, record->source, record->span.start);
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
        uint32_t times = 0;
        for (uint32_t k = 0; k < r->unit->trace->records.len; k++) {
            const struct trace_record *record = &r->unit->trace->records.at[k];
            times += record->kind == TRACE_REWRITE && record->id && strcmp(record->id, rule->id) == 0;
        }
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

/* -- statements ---------------------------------------------------------------------------------------------------- */

static bool is_docstring(const struct node *stmt) {
    return stmt->kind == NODE_EXPR && (stmt->kid[0]->kind == NODE_STRING || stmt->kid[0]->kind == NODE_STRINGS);
}

static void put_statement(const struct report *r, cJSON *array, const struct node *fn, const struct node *stmt) {
    struct verdict verdict = account_of(r->account, r->unit, fn, stmt);
    struct source *source = r->unit->module->source;
    cJSON *item = cJSON_CreateObject();
    const char *text = source->text + stmt->span.start;
    size_t len = strcspn(text, "\n");
    put_place(item, source, stmt->span.start);
    put_text(item, "text", arena_strndup(r->unit->arena, text, len));
    put_text(item, "status", fate_text(verdict.fate));
    put_text(item, "why", verdict.why);
    cJSON *by = verdict.by.len > 0 ? cJSON_AddArrayToObject(item, "by") : NULL;
    for (uint32_t i = 0; i < verdict.by.len; i++)
        cJSON_AddItemToArray(by, cJSON_CreateString(verdict.by.at[i]));
    cJSON_AddItemToArray(array, item);
}

static void put_block(const struct report *r, cJSON *array, const struct node *fn, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (is_docstring(stmt))
            continue;
        put_statement(r, array, fn, stmt);
        if (stmt->kind == NODE_FUNCTION || stmt->kind == NODE_CLASS)
            continue;
        for (uint32_t k = 0; k < stmt->nkids; k++) {
            if (is_kind(stmt->kid[k], NODE_BLOCK))
                put_block(r, array, fn, stmt->kid[k]);
            else if (is_kind(stmt->kid[k], NODE_HANDLER))
                put_block(r, array, fn, stmt->kid[k]->kid[1]);
        }
    }
}

/* A function is kept if one of its specialisations is; its statements may live on in the callers it was unfolded into.
 */
static cJSON *function_account(const struct report *r, const struct node *def, bool kept) {
    cJSON *item = cJSON_CreateObject();
    const struct node *body = function_body(def);
    uint8_t stages = account_stages(r->account, body->span.start, body->span.end);
    put_text(item, "name", def->atom);
    put_place(item, r->unit->module->source, def->span.start);
    put_text(item, "status", kept ? "kept" : stages & STAGE_FINAL ? "unfolded into its callers" : "removed");
    if (stages == 0 && !kept)
        put_text(item, "why", "not reached");
    else
        put_block(r, cJSON_AddArrayToObject(item, "statements"), def, body);
    return item;
}

static bool method_is_kept(const struct report *r, const struct node *def) {
    for (uint32_t i = 0; i < r->unit->classes.len; i++) {
        const struct fn *fn = map_get(&r->unit->classes.at[i]->methods, def->atom);
        if (fn && fn->def == def && fn->live && fn->body)
            return true;
    }
    return false;
}

static cJSON *class_account(const struct report *r, const struct node *def) {
    cJSON *item = cJSON_CreateObject();
    const struct symbol *symbol = module_lookup(r->unit->module, def->atom);
    const struct cls *cls = symbol ? symbol->cls : NULL;
    uint8_t stages = account_stages(r->account, def->span.start, def->span.end);
    put_text(item, "name", def->atom);
    put_place(item, r->unit->module->source, def->span.start);
    bool kept = cls && cls->live;
    put_text(item, "status", kept ? "kept" : stages & STAGE_FINAL ? "unfolded into other classes" : "removed");
    if (!kept && stages == 0) {
        put_text(item, "why", "the entry does not reach it");
        return item;
    }
    cJSON *functions = cJSON_AddArrayToObject(item, "functions");
    const struct node *body = class_body(def);
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i]->kind == NODE_FUNCTION)
            cJSON_AddItemToArray(functions, function_account(r, body->kid[i], method_is_kept(r, body->kid[i])));
    return item;
}

static void put_definitions(const struct report *r, cJSON *json) {
    cJSON *classes = cJSON_AddArrayToObject(json, "classes"), *functions = cJSON_AddArrayToObject(json, "functions");
    const struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *stmt = tree->kid[i];
        if (stmt->kind == NODE_CLASS)
            cJSON_AddItemToArray(classes, class_account(r, stmt));
        if (stmt->kind != NODE_FUNCTION)
            continue;
        const struct symbol *symbol = module_lookup(r->unit->module, stmt->atom);
        bool kept = symbol && symbol->fn && symbol->fn->live && symbol->fn->def == stmt;
        cJSON_AddItemToArray(functions, function_account(r, stmt, kept));
    }
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

static const char *status_text(const struct adgen_result *result) {
    if (result->status == ADGEN_REFUSED)
        return "refused";
    if (result->already)
        return "already translated";
    return result->status == ADGEN_DONE ? "done" : "prefill-only";
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
    put_text(json, "status", status_text(r->result));
    put_text(json, "model_type", unit->options.model_type);
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
    put_definitions(r, json);
    cJSON_AddItemToObject(json, "trace", trace_records(r));
    return json;
}

void report_json(struct buf *out, struct adgen_result *result) {
    static const struct account none;
    struct report r = {.result = result, .unit = result->unit, .account = result->account ? result->account : &none};
    cJSON *json = report(&r);
    char *text = cJSON_Print(json);
    buf_puts(out, text);
    buf_putc(out, '\n');
    cJSON_free(text);
    cJSON_Delete(json);
}
