/* edits.c - see edits.h. */
#include "emit/edits.h"

#include <string.h>

void edits_replace(struct edits *edits, uint32_t at, uint32_t until, const char *text) {
    struct edit edit = {at, until, text};
    vec_push(edits->arena, &edits->list, edit);
    for (uint32_t i = edits->list.len - 1; i > 0 && edits->list.at[i - 1].at > at; i--) {
        edits->list.at[i] = edits->list.at[i - 1];
        edits->list.at[i - 1] = edit;
    }
}

void edits_insert(struct edits *edits, uint32_t at, const char *text) {
    edits_replace(edits, at, at, text);
}

uint32_t line_start(const struct source *source, uint32_t at) {
    while (at > 0 && source->text[at - 1] != '\n')
        at--;
    return at;
}

uint32_t line_end(const struct source *source, uint32_t at) {
    return at + (uint32_t)strcspn(source->text + at, "\n");
}

void edits_lines_before(struct edits *edits, uint32_t at, const char *lines) {
    edits_insert(edits, line_start(edits->source, at), lines);
}

/* A last line without a newline has none afterwards either. */
void edits_lines_behind(struct edits *edits, uint32_t at, const char *lines) {
    uint32_t end = line_end(edits->source, at);
    if (end < edits->source->len)
        edits_insert(edits, end + 1, lines);
    else
        edits_insert(edits, end, arena_printf(edits->arena, "\n%.*s", (int)strlen(lines) - 1, lines));
}

static void put(struct buf *out, const char *text, size_t len, bool returns) {
    for (size_t i = 0; i < len; i++) {
        if (returns && text[i] == '\n')
            buf_putc(out, '\r');
        buf_putc(out, text[i]);
    }
}

/* Whether all lines end with a carriage return, or none does. */
static bool is_even(const struct buf *raw, bool *returns) {
    size_t newlines = 0, pairs = 0, single = 0;
    for (size_t i = 0; i < raw->len; i++) {
        bool is_return = i > 0 && raw->at[i - 1] == '\r';
        newlines += raw->at[i] == '\n';
        pairs += raw->at[i] == '\n' && is_return;
        single += raw->at[i] == '\r';
    }
    *returns = pairs > 0;
    return single == pairs && (pairs == 0 || pairs == newlines);
}

bool edits_apply(const struct edits *edits, struct diags *diags, const struct buf *raw, struct buf *out) {
    static const char mark[] = "\xEF\xBB\xBF";
    const struct source *source = edits->source;
    bool returns;
    if (!is_even(raw, &returns)) {
        diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: cannot be edited: its line ends are mixed",
            source->path);
        return false;
    }
    if (raw->len >= 3 && memcmp(raw->at, mark, 3) == 0)
        buf_puts(out, mark);
    uint32_t at = 0;
    for (uint32_t i = 0; i < edits->list.len; i++) {
        const struct edit *edit = &edits->list.at[i];
        put(out, source->text + at, edit->at - at, returns);
        put(out, edit->text, strlen(edit->text), returns);
        at = edit->until;
    }
    put(out, source->text + at, source->len - at, returns);
    return true;
}
