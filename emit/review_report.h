/* review_report.h - reviews for people, programs and code hosts.
 *
 *     struct review_report report = {.format = REVIEW_TEXT, .out = stdout};
 *     review_report_begin(&report, rules);
 *     for each file: review_report_add(&report, path, &result);
 *     review_report_end(&report);
 *
 * What a result holds is not kept: it may be freed after it was added. */
#ifndef ADGEN_EMIT_REVIEW_REPORT_H
#define ADGEN_EMIT_REVIEW_REPORT_H

#include <stdio.h>

#include "emit/adgen.h"
#include "rewrite/review.h"

enum review_format { REVIEW_TEXT, REVIEW_JSON, REVIEW_GITHUB, REVIEW_SARIF };

struct cJSON;

struct review_report {
    enum review_format format;
    FILE *out;
    bool color, quiet; /* TEXT: quiet leaves out the checklist */
    /* of the report itself: */
    const struct review_rules *rules;
    struct cJSON *json;
    uint32_t files, failed, findings; /* failed: with findings, or not reviewed */
};

/* False where there is no format of that name; NULL is text. */
bool review_format_parse(const char *name, enum review_format *format);

void review_report_begin(struct review_report *report, const struct review_rules *rules);
void review_report_add(struct review_report *report, const char *path, const struct adgen_result *result);
void review_report_end(struct review_report *report);

const char *review_verdict_text(enum review_verdict verdict);

/* -- review_json.c ------------------------------------------------------------------------------------------------- */

void review_json_begin(struct review_report *report);
void review_json_add(struct review_report *report, const char *path, const struct adgen_result *result);
void review_sarif_begin(struct review_report *report);
void review_sarif_add(struct review_report *report, const char *path, const struct adgen_result *result);
void review_json_end(struct review_report *report); /* both */

/* Where a finding begins and ends; the columns are those of diagnostics, the end is behind the last character. */
struct region {
    struct location start, end;
};
struct region review_region(const struct review *review, const struct diag *finding);

#endif
