/* review_json.c - reviews as JSON of our own, and as SARIF 2.1.0. */
#include <cjson/cJSON.h>
#include <ctype.h>
#include <string.h>

#include "emit/review_report.h"

static void put_string(cJSON *json, const char *name, const char *text) {
    if (text)
        cJSON_AddStringToObject(json, name, text);
    else
        cJSON_AddNullToObject(json, name);
}

/* {"text": ...}, as SARIF has its messages */
static void put_message(cJSON *json, const char *name, const char *text) {
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, name), "text", text);
}

/* -- our own ------------------------------------------------------------------------------------------------------- */

static cJSON *finding_json(const struct review *review, const struct diag *finding) {
    struct region at = review_region(review, finding);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "rule", finding->rule);
    cJSON_AddNumberToObject(json, "line", at.start.line);
    cJSON_AddNumberToObject(json, "column", at.start.column);
    cJSON_AddNumberToObject(json, "end_line", at.end.line);
    cJSON_AddNumberToObject(json, "end_column", at.end.column);
    cJSON_AddStringToObject(json, "message", finding->message);
    put_string(json, "help", finding->help);
    return json;
}

static cJSON *item_json(const struct review_item *item) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "rule", item->rule->id);
    cJSON_AddStringToObject(json, "title", item->rule->title);
    cJSON_AddStringToObject(json, "verdict", review_verdict_text(item->verdict));
    cJSON_AddNumberToObject(json, "findings", item->findings);
    cJSON_AddNumberToObject(json, "ignored", item->ignored);
    put_string(json, "note", item->note);
    return json;
}

static cJSON *error_json(const struct diag *error) {
    cJSON *json = cJSON_CreateObject();
    struct location at = error->source ? source_locate(error->source, error->span.start) : (struct location){0, 0};
    if (error->source)
        cJSON_AddNumberToObject(json, "line", at.line), cJSON_AddNumberToObject(json, "column", at.column);
    cJSON_AddStringToObject(json, "message", error->message);
    put_string(json, "help", error->help);
    return json;
}

void review_json_begin(struct review_report *report) {
    report->json = cJSON_CreateObject();
    cJSON_AddArrayToObject(report->json, "files");
}

void review_json_add(struct review_report *report, const char *path, const struct adgen_result *result) {
    const struct review *review = result->review;
    cJSON *file = cJSON_CreateObject();
    uint32_t count;
    cJSON_AddItemToArray(cJSON_GetObjectItem(report->json, "files"), file);
    cJSON_AddStringToObject(file, "path", path);
    put_string(file, "kind", review ? review_subject_text(review->subject) : NULL);
    cJSON *errors = cJSON_AddArrayToObject(file, "errors");
    struct diag **said = diags_sorted(result->diags, &count);
    for (uint32_t i = 0; review == NULL && i < count; i++)
        cJSON_AddItemToArray(errors, error_json(said[i]));
    cJSON *findings = cJSON_AddArrayToObject(file, "findings"), *items = cJSON_AddArrayToObject(file, "checklist");
    for (uint32_t i = 0; review && i < review->count; i++)
        cJSON_AddItemToArray(findings, finding_json(review, review->findings[i]));
    for (uint32_t i = 0; review && i < review->nitems; i++)
        cJSON_AddItemToArray(items, item_json(&review->items[i]));
}

/* -- SARIF --------------------------------------------------------------------------------------------------------- */

/* A path as a reference of RFC 3986. */
static void put_uri(cJSON *json, const char *path) {
    struct buf uri = {0};
    buf_puts(&uri, *path == '/' ? "file://" : "");
    for (const char *c = path; *c; c++)
        if (isalnum((unsigned char)*c) || strchr("/-._~", *c))
            buf_putc(&uri, *c);
        else
            buf_printf(&uri, "%%%02X", (unsigned char)*c);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "artifactLocation"), "uri", uri.at);
    buf_free(&uri);
}

static cJSON *location_json(const char *path, const struct region *at) {
    cJSON *json = cJSON_CreateObject(), *place = cJSON_AddObjectToObject(json, "physicalLocation");
    put_uri(place, path);
    if (at == NULL)
        return json;
    cJSON *region = cJSON_AddObjectToObject(place, "region");
    cJSON_AddNumberToObject(region, "startLine", at->start.line);
    cJSON_AddNumberToObject(region, "startColumn", at->start.column);
    cJSON_AddNumberToObject(region, "endLine", at->end.line);
    cJSON_AddNumberToObject(region, "endColumn", at->end.column);
    return json;
}

static cJSON *rule_json(const struct review_rule *rule) {
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "id", rule->id);
    put_message(json, "shortDescription", rule->title);
    put_message(json, "fullDescription", rule->why);
    cJSON_AddStringToObject(cJSON_AddObjectToObject(json, "defaultConfiguration"), "level", "error");
    return json;
}

void review_sarif_begin(struct review_report *report) {
    cJSON *sarif = report->json = cJSON_CreateObject();
    cJSON_AddStringToObject(sarif, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
    cJSON_AddStringToObject(sarif, "version", "2.1.0");
    cJSON *run = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(sarif, "runs"), run);
    cJSON *driver = cJSON_AddObjectToObject(cJSON_AddObjectToObject(run, "tool"), "driver");
    cJSON_AddStringToObject(driver, "name", "adgen");
    cJSON *rules = cJSON_AddArrayToObject(driver, "rules");
    for (uint32_t i = 0; i < report->rules->list.len; i++)
        cJSON_AddItemToArray(rules, rule_json(report->rules->list.at[i]));
    cJSON *invocation = cJSON_CreateObject();
    cJSON_AddItemToArray(cJSON_AddArrayToObject(run, "invocations"), invocation);
    cJSON_AddTrueToObject(invocation, "executionSuccessful");
    cJSON_AddArrayToObject(invocation, "toolExecutionNotifications");
    cJSON_AddStringToObject(run, "columnKind", "unicodeCodePoints");
    cJSON_AddArrayToObject(run, "results");
}

static cJSON *result_json(const char *path, const struct review *review, const struct diag *finding, uint32_t index) {
    cJSON *json = cJSON_CreateObject();
    struct region at = review_region(review, finding);
    struct buf text = {0};
    buf_printf(&text, finding->help ? "%s: %s" : "%s", finding->message, finding->help);
    cJSON_AddStringToObject(json, "ruleId", finding->rule);
    cJSON_AddNumberToObject(json, "ruleIndex", index);
    cJSON_AddStringToObject(json, "level", "error");
    put_message(json, "message", text.at);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "locations"), location_json(path, &at));
    buf_free(&text);
    return json;
}

static cJSON *notification_json(const char *path, const struct diag *error) {
    cJSON *json = cJSON_CreateObject();
    struct region at = {{0, 0}, {0, 0}};
    if (error->source)
        at.start = at.end = source_locate(error->source, error->span.start);
    cJSON_AddStringToObject(json, "level", "error");
    put_message(json, "message", error->message);
    cJSON_AddItemToArray(cJSON_AddArrayToObject(json, "locations"), location_json(path, error->source ? &at : NULL));
    return json;
}

void review_sarif_add(struct review_report *report, const char *path, const struct adgen_result *result) {
    const struct review *review = result->review;
    cJSON *run = cJSON_GetArrayItem(cJSON_GetObjectItem(report->json, "runs"), 0);
    cJSON *results = cJSON_GetObjectItem(run, "results");
    for (uint32_t i = 0; review && i < review->count; i++) {
        const struct diag *finding = review->findings[i];
        uint32_t index = review_rule_find(report->rules, finding->rule)->order;
        cJSON_AddItemToArray(results, result_json(path, review, finding, index));
    }
    if (review)
        return;
    cJSON *invocation = cJSON_GetArrayItem(cJSON_GetObjectItem(run, "invocations"), 0);
    cJSON *notes = cJSON_GetObjectItem(invocation, "toolExecutionNotifications");
    uint32_t count;
    struct diag **said = diags_sorted(result->diags, &count);
    cJSON_ReplaceItemInObject(invocation, "executionSuccessful", cJSON_CreateFalse());
    for (uint32_t i = 0; i < count; i++)
        cJSON_AddItemToArray(notes, notification_json(path, said[i]));
}

void review_json_end(struct review_report *report) {
    char *text = cJSON_Print(report->json);
    fputs(text, report->out);
    fputc('\n', report->out);
    cJSON_free(text);
    cJSON_Delete(report->json);
    report->json = NULL;
}
