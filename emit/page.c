/* page.c - the review page: rows of source and output, in hunks that say why.
 *
 * The text around the rows, with how it looks and what the keys do, is templates/review.html.in. The page works without
 * the script too: it is all there, and links lead from line to line. */
#include "emit/page.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/gaps.h"
#include "emit/page_internal.h"
#include "emit/report.h"
#include "emit/template.h"

static const struct {
    const char *class, *name, *verb;
} statuses[] = {
    [SAME] = {"same", "unchanged", "unchanged"},
    [PROSE] = {"prose", "comments and docstrings", "not code"},
    [MOVED] = {"moved", "kept elsewhere", "kept elsewhere"},
    [CHANGED] = {"changed", "rewritten", "rewritten"},
    [REMOVED] = {"removed", "removed", "removed"},
    [ADDED] = {"added", "new", "new"},
    [GAP] = {"gap", "not understood", "not understood"},
    [UNMAPPED] = {"unmapped", "unmapped", "UNMAPPED: nothing accounts for this"},
};

const char *status_class(enum status status) {
    return statuses[status].class;
}

const char *status_name(enum status status) {
    return statuses[status].name;
}

/* Pairs [first, end) that one reason holds for. */
struct hunk {
    const struct page *page;
    struct buf *out;
    uint32_t first, end, number;
};

/* -- one line ------------------------------------------------------------------------------------------------------ */

/* A removed part of a statement that stays, where it stands in the line. */
struct mark {
    uint32_t start, end;
    const struct trace_record *record;
};

/* The next one at or behind `from` in a line that ends at `end`; records are sorted by place. */
static bool next_mark(const struct pairing *pair, uint32_t from, uint32_t end, struct mark *mark) {
    for (uint32_t i = 0; i < pair->records.len; i++) {
        const struct trace_record *r = pair->records.at[i];
        if (r->kind != TRACE_REMOVAL || r->span.end <= from || r->span.start >= end)
            continue;
        *mark = (struct mark){r->span.start > from ? r->span.start : from, r->span.end < end ? r->span.end : end, r};
        return true;
    }
    return false;
}

static void put_code(
    const struct page *page, const struct side *side, const struct pairing *pair, uint32_t line, struct buf *out) {
    uint32_t len;
    const char *text = source_line(side->text, line, &len);
    uint32_t at = (uint32_t)(text - side->text->text), end = at + len;
    struct mark mark;
    while (at < end && side == &page->in && pair->status == CHANGED && next_mark(pair, at, end, &mark)) {
        put_escaped(out, side->text->text + at, mark.start - at);
        buf_printf(out, "<del title=\"%s\">", mark.record->id);
        put_escaped(out, side->text->text + mark.start, mark.end - mark.start);
        buf_puts(out, "</del>");
        at = mark.end;
    }
    put_escaped(out, side->text->text + at, end - at);
}

static void put_cell(
    const struct page *page, const struct side *side, const struct pairing *pair, uint32_t line, struct buf *out) {
    const char *letter = side == &page->in ? "s" : "o";
    if (line == 0) {
        buf_puts(out, "<td class=\"n\"></td><td class=\"none\"></td>");
        return;
    }
    uint32_t len;
    const struct piece *piece = side == &page->in ? piece_of(side, pair->in) : piece_of(side, pair->out);
    bool space = (source_line(side->text, line, &len), len == 0 && line < piece->first);
    buf_printf(out, "<td class=\"n\" id=\"%s%u\">%u</td><td class=\"%s\">", letter, line, line,
        space               ? "space"
        : side == &page->in ? "code in"
                            : "code out");
    put_code(page, side, pair, line, out);
    buf_puts(out, "</td>");
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static void put_row(const struct page *page, const struct pairing *pair, uint32_t in, uint32_t of, struct buf *out) {
    buf_puts(out, "<tr>");
    put_cell(page, &page->in, pair, in, out);
    put_cell(page, &page->out, pair, of, out);
    buf_puts(out, "</tr>\n");
}

static uint32_t larger(uint32_t a, uint32_t b) {
    return a > b ? a : b;
}

/* The first lines of both statements stand in one row: what is before them ends there, what follows begins there. */
static void put_pair_rows(const struct page *page, const struct pairing *pair, struct buf *out) {
    static const struct piece none = {.lead = 1, .first = 1, .last = 0};
    const struct piece *in = piece_of(&page->in, pair->in), *of = piece_of(&page->out, pair->out);
    in = in ? in : &none;
    of = of ? of : &none;
    uint32_t before_in = in->first - in->lead, before_out = of->first - of->lead;
    uint32_t before = larger(before_in, before_out);
    for (uint32_t i = 0; i < before; i++) {
        uint32_t missing_in = before - before_in, missing_out = before - before_out;
        put_row(page, pair, i >= missing_in ? in->lead + i - missing_in : 0,
            i >= missing_out ? of->lead + i - missing_out : 0, out);
    }
    uint32_t lines_in = in->last + 1 - in->first, lines_out = of->last + 1 - of->first;
    for (uint32_t i = 0; i < larger(lines_in, lines_out); i++)
        put_row(page, pair, i < lines_in ? in->first + i : 0, i < lines_out ? of->first + i : 0, out);
}

/* -- the head of a hunk -------------------------------------------------------------------------------------------- */

static void put_ids(const struct hunk *h, const struct labels *labels) {
    for (uint32_t i = 0; i < labels->ids.len; i++) {
        const char *id = labels->ids.at[i];
        buf_printf(h->out,
            "<span class=\"cause\"><button type=\"button\" class=\"id %s\" data-id=\"%s\" title=\"show only what `%s` "
            "caused\">%s</button> ",
            id_kind(h->page, id), id, id, id);
        put_prose(h->out, id_text(h->page, id));
        buf_puts(h->out, "</span>");
    }
}

/* What is not understood in its lines of the source. */
static void put_gaps(const struct hunk *h) {
    const struct page *page = h->page;
    uint32_t count;
    struct diag **gaps = gaps_of(page->unit, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = gaps[i]->source == page->in.text
                          ? piece_at(&page->in, source_locate(page->in.text, gaps[i]->span.start).line)
                          : NO_PIECE;
        for (uint32_t k = h->first; at != NO_PIECE && k < h->end; k++)
            if (page->pairs.at[k].in == at) {
                buf_printf(h->out, "<span class=\"cause\"><span class=\"mono\">[%s]</span> ", gaps[i]->rule);
                put_prose(h->out, gaps[i]->message);
                buf_puts(h->out, "</span>");
            }
    }
}

static void put_record(const struct page *page, const struct trace_record *r, struct buf *out) {
    buf_puts(out, "<li>");
    if (r->source == page->in.text) {
        struct location at = source_locate(r->source, r->span.start);
        buf_printf(out, "<a href=\"#s%u\">%u:%u</a> ", at.line, at.line, at.column);
    } else if (r->source) { /* another file of the program */
        struct location at = source_locate(r->source, r->span.start);
        put_text(out, path_base(r->source->path));
        buf_printf(out, ":%u:%u ", at.line, at.column);
    }
    buf_printf(out, "%s <span class=\"mono\">[%s]</span>", report_kind(r->kind), r->id);
    if (r->where)
        buf_puts(out, " in <span class=\"mono\">"), put_text(out, r->where), buf_puts(out, "</span>");
    buf_puts(out, ": ");
    put_prose(out, r->text ? r->text : "");
    buf_puts(out, "</li>\n");
}

static void put_records(const struct hunk *h) {
    uint32_t count = 0;
    for (uint32_t i = h->first; i < h->end; i++)
        count += h->page->pairs.at[i].records.len;
    if (count == 0)
        return;
    buf_printf(h->out, "<details><summary>%u record%s</summary><ul>\n", count, count == 1 ? "" : "s");
    for (uint32_t i = h->first; i < h->end; i++)
        for (uint32_t k = 0; k < h->page->pairs.at[i].records.len; k++)
            put_record(h->page, h->page->pairs.at[i].records.at[k], h->out);
    buf_puts(h->out, "</ul></details>");
}

/* Lines of the source that the output of the hunk comes from and that do not stand beside it. */
static void put_origins(const struct hunk *h) {
    const struct page *page = h->page;
    uint32_t count = 0, *lines = NEW_ARRAY(page->arena, uint32_t, page->in.pieces.len + 1);
    bool *inside = NEW_ARRAY(page->arena, bool, page->in.pieces.len + 1);
    for (uint32_t i = h->first; i < h->end; i++)
        if (page->pairs.at[i].in != NO_PIECE)
            inside[page->pairs.at[i].in] = true;
    for (uint32_t i = h->first; i < h->end; i++) {
        const struct piece *of = piece_of(&page->out, page->pairs.at[i].out);
        for (uint32_t k = 0; of && k < of->origins.len; k++) {
            if (inside[of->origins.at[k]])
                continue;
            inside[of->origins.at[k]] = true;
            lines[count++] = page->in.pieces.at[of->origins.at[k]].first;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        buf_printf(h->out, "%s<a href=\"#s%u\">%u</a>", i ? ", " : "<span class=\"from\">made of source lines ",
            lines[i], lines[i]);
    buf_puts(h->out, count ? "</span>" : "");
}

/* Where the output has what is kept, or was put into something else. */
static void put_destinations(const struct hunk *h) {
    const struct page *page = h->page;
    uint32_t count = 0;
    for (uint32_t o = 0; o < page->out.pieces.len; o++) {
        const struct piece *of = &page->out.pieces.at[o];
        bool here = false, found = false;
        for (uint32_t i = h->first; i < h->end; i++) {
            here |= page->pairs.at[i].out == o;
            for (uint32_t k = 0; k < of->origins.len && page->pairs.at[i].in != NO_PIECE; k++)
                found |= of->origins.at[k] == page->pairs.at[i].in;
        }
        if (found && !here)
            buf_printf(h->out, "%s<a href=\"#o%u\">%u</a>",
                count++ ? ", " : "<span class=\"from\">goes into output lines ", of->first, of->first);
    }
    buf_puts(h->out, count ? "</span>" : "");
}

static uint32_t source_lines(const struct hunk *h) {
    uint32_t lines = 0;
    for (uint32_t i = h->first; i < h->end; i++) {
        const struct piece *piece = piece_of(&h->page->in, h->page->pairs.at[i].in);
        lines += piece ? piece->last + 1 - piece->lead : 0;
    }
    return lines;
}

static void put_head(struct hunk *h) {
    enum { FOLD = 12 };
    const struct pairing *pair = &h->page->pairs.at[h->first];
    uint32_t in = source_lines(h);
    bool folds = pair->status == REMOVED && in > FOLD;
    buf_printf(h->out, "<tbody class=\"hunk %s%s\"", status_class(pair->status), folds ? " folds" : "");
    if (pair->status != PROSE)
        buf_printf(h->out, " id=\"hunk-%u\" tabindex=\"-1\"", ++h->number);
    buf_puts(h->out, " data-ids=\"");
    for (uint32_t i = 0; i < pair->labels.ids.len; i++)
        buf_printf(h->out, "%s%s", i ? " " : "", pair->labels.ids.at[i]);
    buf_puts(h->out, "\">\n<tr class=\"why\"><th colspan=\"4\" scope=\"rowgroup\">");
    if (pair->status != PROSE)
        buf_printf(h->out, "<a class=\"number\" href=\"#hunk-%u\">%u</a> ", h->number, h->number);
    buf_printf(h->out, "<span class=\"verb\">%s</span>", statuses[pair->status].verb);
    if (folds)
        buf_printf(h->out, "<button type=\"button\" class=\"fold\" aria-expanded=\"true\">%u lines</button> ", in);
    if (pair->status == GAP)
        put_gaps(h);
    put_ids(h, &pair->labels);
    put_origins(h);
    if (pair->status == MOVED || pair->status == CHANGED)
        put_destinations(h);
    put_records(h);
    buf_puts(h->out, "</th></tr>\n");
}

/* -- hunks --------------------------------------------------------------------------------------------------------- */

/* Whether two neighbours are one hunk: the same happened to both for the same reasons, in one definition. */
static bool goes_on(const struct page *page, const struct pairing *a, const struct pairing *b) {
    const struct piece *x = piece_of(&page->in, a->in), *y = piece_of(&page->in, b->in);
    bool one_section = (x == NULL) == (y == NULL) && (x == NULL || x->section == y->section);
    return a->status == b->status && (a->status == SAME || one_section) && labels_equal(&a->labels, &b->labels);
}

static void put_hunks(struct page *page, struct buf *out) {
    struct hunk h = {page, out, 0, 0, 0};
    for (; h.first < page->pairs.len; h.first = h.end) {
        const struct pairing *first = &page->pairs.at[h.first];
        h.end = h.first + 1;
        while (h.end < page->pairs.len && goes_on(page, first, &page->pairs.at[h.end]) &&
               (first->status != SAME || page->pairs.at[h.end].records.len == 0))
            h.end++;
        bool remarks = first->status == SAME && first->records.len > 0;
        if (first->status == SAME && !remarks) {
            buf_puts(out, "<tbody class=\"same\">\n");
        } else {
            put_head(&h);
        }
        for (uint32_t i = h.first; i < h.end; i++)
            put_pair_rows(page, &page->pairs.at[i], out);
        buf_puts(out, "</tbody>\n");
    }
}

static uint32_t count_unmapped(const struct page *page) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < page->pairs.len; i++) {
        const struct pairing *pair = &page->pairs.at[i];
        const struct piece *in = piece_of(&page->in, pair->in), *out = piece_of(&page->out, pair->out);
        if (pair->status == UNMAPPED)
            count += (in ? in->last + 1 - in->first : 0) + (out ? out->last + 1 - out->first : 0);
    }
    return count;
}

static void put_elsewhere(const struct page *page, struct buf *out) {
    if (page->elsewhere.len == 0)
        return;
    buf_puts(out, "<section aria-labelledby=\"elsewhere\">\n<h2 id=\"elsewhere\">Records without a place in the "
                  "source</h2>\n<ul>\n");
    for (uint32_t i = 0; i < page->elsewhere.len; i++)
        put_record(page, page->elsewhere.at[i], out);
    buf_puts(out, "</ul>\n</section>\n");
}

static void put_alarm(const char *what, uint32_t count, const char *state, struct buf *out) {
    buf_printf(out,
        "<p class=\"alarm\" role=\"alert\"><strong>%u %s%s %s.</strong> "
        "<a href=\"#\" data-go=\"unmapped\">Show the first</a></p>\n",
        count, what, count == 1 ? " is" : "s are", state);
}

static void put_outcome(uint32_t gaps, uint32_t unmapped, struct buf *out) {
    if (gaps > 0)
        put_alarm("place", gaps, "not understood", out);
    if (unmapped > 0)
        put_alarm("line", unmapped, "unmapped: nothing says why", out);
    if (gaps == 0 && unmapped == 0)
        buf_puts(out, "<p class=\"calm\">Every line of both files is accounted for.</p>\n");
}

uint32_t page_html(struct buf *out, struct adgen_result *result) {
    struct unit *u = result->unit;
    struct page page = {.result = result, .unit = u, .arena = u->arena, .records = report_records(result)};
    struct buf title = {0}, input = {0}, summary = {0}, counts = {0}, hunks = {0}, reasons = {0}, elsewhere = {0},
               outcome = {0};
    page_sides(&page);
    page_align(&page);
    page_label(&page);
    uint32_t count = count_unmapped(&page);
    put_text(&title, u->entry->name);
    put_text(&input, path_base(u->module->source->path));
    put_summary(&page, &summary);
    put_counts(&page, &counts);
    put_hunks(&page, &hunks);
    put_reasons(&page, &reasons);
    put_elsewhere(&page, &elsewhere);
    put_outcome(result->gaps, count, &outcome);
    const struct place places[] = {{"TITLE", title.at}, {"SUMMARY", summary.at}, {"COUNTS", counts.at},
        {"OUTCOME", outcome.at}, {"INPUT", input.at}, {"HUNKS", hunks.at}, {"REASONS", reasons.at ? reasons.at : ""},
        {"ELSEWHERE", elsewhere.at ? elsewhere.at : ""}, {NULL, NULL}};
    template_fill(out, "templates/review.html.in", places);
    struct buf *const made[] = {&title, &input, &summary, &counts, &hunks, &reasons, &elsewhere, &outcome};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        buf_free(made[i]);
    return count;
}
