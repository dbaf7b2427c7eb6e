#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

struct diags {
    struct arena *arena;
    VEC(struct diag *) list;
    uint32_t count[SEVERITY_NOTE + 1];
};

struct diags *diags_create(struct arena *arena) {
    struct diags *diags = NEW(arena, struct diags);
    diags->arena = arena;
    return diags;
}

static char *format_text(struct arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (len < 0)
        abort(); /* a format or an encoding error: a bug in the caller */
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, args);
    return text;
}

struct diag *diag_at(struct diags *diags, enum severity severity, struct source *source, struct span span,
    const char *rule, const char *format, ...) {
    struct diag *diag = NEW(diags->arena, struct diag);
    *diag = (struct diag){.severity = severity, .source = source, .span = span, .rule = rule};
    va_list args;
    va_start(args, format);
    diag->message = format_text(diags->arena, format, args);
    va_end(args);
    vec_push(diags->arena, &diags->list, diag);
    diags->count[severity]++;
    return diag;
}

void diag_help(struct diags *diags, struct diag *diag, const char *format, ...) {
    va_list args;
    va_start(args, format);
    diag->help = format_text(diags->arena, format, args);
    va_end(args);
}

uint32_t diags_count(const struct diags *diags, enum severity severity) {
    return diags->count[severity];
}

static int compare_text(const char *a, const char *b) {
    return a == b ? 0 : a == NULL ? -1 : b == NULL ? 1 : strcmp(a, b);
}

static int compare_number(uint32_t a, uint32_t b) {
    return (a > b) - (a < b);
}

/* Path, offset, severity, then every text: a total order on what is printed, so equal means duplicate. */
static int compare_diags(const void *left, const void *right) {
    const struct diag *a = *(struct diag *const *)left, *b = *(struct diag *const *)right;
    int order = compare_text(a->source ? a->source->path : NULL, b->source ? b->source->path : NULL);
    if (order == 0)
        order = compare_number(a->span.start, b->span.start);
    if (order == 0)
        order = compare_number(a->span.end, b->span.end);
    if (order == 0)
        order = (int)a->severity - (int)b->severity;
    if (order == 0)
        order = compare_text(a->message, b->message);
    if (order == 0)
        order = compare_text(a->rule, b->rule);
    return order != 0 ? order : compare_text(a->help, b->help);
}

struct diag **diags_sorted(struct diags *diags, uint32_t *count) {
    *count = 0;
    if (diags->list.len == 0)
        return NULL;
    struct diag **sorted = NEW_ARRAY(diags->arena, struct diag *, diags->list.len);
    memcpy(sorted, diags->list.at, diags->list.len * sizeof *sorted);
    qsort(sorted, diags->list.len, sizeof *sorted, compare_diags);
    for (uint32_t i = 0; i < diags->list.len; i++)
        if (i == 0 || compare_diags(&sorted[i], &sorted[*count - 1]) != 0)
            sorted[(*count)++] = sorted[i];
    return sorted;
}

static bool continues(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

enum { EXCERPT_MAX = 160, EXCERPT_BEFORE = 60 };

/* The line, cut to a window around [from, to) where it is very long, and a caret line below it. */
static void print_excerpt(
    FILE *out, const char *line, uint32_t len, uint32_t from, uint32_t to, const char *caret, const char *reset) {
    uint32_t start = len > EXCERPT_MAX && from > EXCERPT_BEFORE ? from - EXCERPT_BEFORE : 0;
    uint32_t end = len - start > EXCERPT_MAX ? start + EXCERPT_MAX : len;
    while (start < from && continues(line[start]))
        start++;
    while (end > start && end < len && continues(line[end]))
        end--;
    fprintf(out, "    %.*s\n    ", (int)(end - start), line + start);
    for (uint32_t i = start; i < from; i++)
        if (!continues(line[i]))
            fputc(line[i] == '\t' ? '\t' : ' ', out);
    fprintf(out, "%s^", caret);
    for (uint32_t i = from + 1; i < to && i < end; i++)
        if (!continues(line[i]))
            fputc('~', out);
    fprintf(out, "%s\n", reset);
}

static void print_place(FILE *out, const struct diag *diag, const char *caret, const char *reset) {
    struct location location = source_locate(diag->source, diag->span.start);
    uint32_t len;
    const char *line = source_line(diag->source, location.line, &len);
    uint32_t from = diag->span.start - (uint32_t)(line - diag->source->text);
    uint32_t to = diag->span.end - (uint32_t)(line - diag->source->text);
    print_excerpt(out, line, len, from < len ? from : len, to < len ? to : len, caret, reset);
}

const char *severity_text(enum severity severity) {
    static const char *const texts[] = {"error", "not understood", "warning", "note"};
    return texts[severity];
}

void diag_print(FILE *out, const struct diag *diag, bool color) {
    static const char *const colors[] = {"\033[1;31m", "\033[1;31m", "\033[1;35m", "\033[1;36m"};
    const char *on = color ? colors[diag->severity] : "", *off = color ? "\033[0m" : "";
    if (diag->source != NULL) {
        struct location location = source_locate(diag->source, diag->span.start);
        fprintf(out, "%s:%u:%u: ", diag->source->path, location.line, location.column);
    } else {
        fputs("adgen: ", out);
    }
    fprintf(out, "%s%s:%s %s", on, severity_text(diag->severity), off, diag->message);
    if (diag->rule != NULL)
        fprintf(out, " [%s]", diag->rule);
    fputc('\n', out);
    if (diag->source != NULL)
        print_place(out, diag, on, off);
    if (diag->help != NULL)
        fprintf(out, "    help: %s\n", diag->help);
}
