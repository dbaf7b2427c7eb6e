/* review_report.c - reviews as text and as annotations of GitHub. */
#include "emit/review_report.h"

#include <string.h>

static const char *const formats[] = {"text", "json", "github", "sarif"};

bool review_format_parse(const char *name, enum review_format *format) {
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (name == NULL || strcmp(name, formats[i]) == 0) {
            *format = (enum review_format)i;
            return true;
        }
    return false;
}

const char *review_verdict_text(enum review_verdict verdict) {
    static const char *const texts[] = {"PASS", "FAIL", "not applicable", "not checked"};
    return texts[verdict];
}

struct region review_region(const struct review *review, const struct diag *finding) {
    struct region region = {source_locate(review->source, finding->span.start), {0, 0}};
    region.end = finding->span.end > 0 ? source_locate(review->source, finding->span.end) : region.start;
    return region;
}

/* -- text ---------------------------------------------------------------------------------------------------------- */

static void print_findings(struct review_report *report, struct diag *const *findings, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        diag_print(report->out, findings[i], report->color);
}

static void print_item(struct review_report *report, const struct review_item *item) {
    static const char *const colors[] = {"\033[32m", "\033[1;31m", "\033[2m", "\033[2m"};
    static const char *const words[] = {"PASS", "FAIL", "n/a", "-"};
    const char *on = report->color ? colors[item->verdict] : "", *off = report->color ? "\033[0m" : "";
    fprintf(report->out, "  %-4s %s%-5s%s %s", item->rule->id, on, words[item->verdict], off, item->rule->title);
    if (item->verdict == REVIEW_NOT_APPLICABLE)
        fprintf(report->out, " (for a file with %s)", item->note);
    else if (item->verdict == REVIEW_NOT_CHECKED)
        fprintf(report->out, " (not checked; %s)", item->note);
    else if (item->note)
        fprintf(report->out, " (%s)", item->note);
    fputc('\n', report->out);
}

static void print_checklist(struct review_report *report, const char *path, const struct review *review) {
    fprintf(report->out, "%s%s: %s, %u finding%s\n", report->files > 1 || review->count ? "\n" : "", path,
        review_subject_text(review->subject), review->count, review->count == 1 ? "" : "s");
    for (uint32_t i = 0; i < review->nitems; i++)
        print_item(report, &review->items[i]);
}

static void add_text(struct review_report *report, const char *path, const struct adgen_result *result) {
    uint32_t count;
    if (result->review == NULL) {
        struct diag **errors = diags_sorted(result->diags, &count);
        print_findings(report, errors, count);
        return;
    }
    print_findings(report, result->review->findings, result->review->count);
    if (!report->quiet)
        print_checklist(report, path, result->review);
}

/* -- GitHub -------------------------------------------------------------------------------------------------------- */

/* The text of a workflow command; a property must not hold its separators either. */
static void put_escaped(FILE *out, const char *text, bool property) {
    for (const char *c = text; *c; c++)
        if (*c == '%' || *c == '\r' || *c == '\n' || (property && (*c == ':' || *c == ',')))
            fprintf(out, "%%%02X", (unsigned char)*c);
        else
            fputc(*c, out);
}

static void put_command(FILE *out, const char *path, struct region at, const char *title, const struct diag *diag) {
    fputs("::error file=", out);
    put_escaped(out, path, true);
    if (at.start.line > 0)
        fprintf(out, ",line=%u,endLine=%u,col=%u", at.start.line, at.end.line, at.start.column);
    if (at.start.line > 0 && at.start.line == at.end.line)
        fprintf(out, ",endColumn=%u", at.end.column);
    fputs(",title=", out);
    put_escaped(out, title, true);
    fputs("::", out);
    put_escaped(out, diag->message, false);
    if (diag->help) {
        fputs("%0A", out);
        put_escaped(out, diag->help, false);
    }
    fputc('\n', out);
}

static void add_github(struct review_report *report, const char *path, const struct adgen_result *result) {
    const struct review *review = result->review;
    uint32_t count;
    struct diag **errors = diags_sorted(result->diags, &count);
    for (uint32_t i = 0; review == NULL && i < count; i++) {
        struct region at = {{0, 0}, {0, 0}};
        if (errors[i]->source)
            at.start = at.end = source_locate(errors[i]->source, errors[i]->span.start);
        put_command(report->out, path, at, "not reviewed", errors[i]);
    }
    for (uint32_t i = 0; review && i < review->count; i++) {
        const struct review_rule *rule = review_rule_find(report->rules, review->findings[i]->rule);
        struct buf title = {0};
        buf_printf(&title, "%s: %s", rule->id, rule->title);
        put_command(report->out, path, review_region(review, review->findings[i]), title.at, review->findings[i]);
        buf_free(&title);
    }
}

/* -- any ----------------------------------------------------------------------------------------------------------- */

void review_report_begin(struct review_report *report, const struct review_rules *rules) {
    report->rules = rules;
    if (report->format == REVIEW_JSON)
        review_json_begin(report);
    else if (report->format == REVIEW_SARIF)
        review_sarif_begin(report);
}

void review_report_add(struct review_report *report, const char *path, const struct adgen_result *result) {
    static void (*const add[])(struct review_report *, const char *, const struct adgen_result *) = {
        add_text, review_json_add, add_github, review_sarif_add};
    report->files++;
    report->failed += result->status != ADGEN_DONE;
    report->findings += result->review ? result->review->count : 0;
    add[report->format](report, path, result);
}

void review_report_end(struct review_report *report) {
    if (report->json)
        review_json_end(report);
    else if (report->format == REVIEW_TEXT && report->files > 1 && !report->quiet)
        fprintf(report->out, "\n%u files, %u with findings or not reviewed, %u finding%s\n", report->files,
            report->failed, report->findings, report->findings == 1 ? "" : "s");
}
