/* page_summary.c - what stands above and below the rows: what was translated and how it ended, which rules and facts
 * were at work, and all about each of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emit/limits.h"
#include "emit/page_internal.h"
#include "emit/report.h"
#include "rewrite/config.h"
#include "rewrite/declined.h"
#include "rewrite/passes.h"
#include "rewrite/reason.h"
#include "rewrite/rules.h"

/* -- text in HTML -------------------------------------------------------------------------------------------------- */

/* Of a character that turns the order of what follows, the number; else 0. It would make a line read as another. */
static uint32_t turns_text(const unsigned char *at, size_t len) {
    if (len < 3 || at[0] != 0xE2)
        return 0;
    uint32_t code = 0x2000 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    return (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ? code : 0;
}

void put_escaped(struct buf *out, const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        uint32_t code = turns_text((const unsigned char *)text + i, len - i);
        if (code) {
            buf_printf(out, "[U+%04X]", code);
            i += 2;
        } else if (c == '&') {
            buf_puts(out, "&amp;");
        } else if (c == '<') {
            buf_puts(out, "&lt;");
        } else if (c == '>') {
            buf_puts(out, "&gt;");
        } else if (c == '"') {
            buf_puts(out, "&quot;");
        } else if ((c < ' ' && c != '\t' && c != '\n') || c == 0x7F) {
            buf_printf(out, "[U+%04X]", c);
        } else {
            buf_putc(out, (char)c);
        }
    }
}

void put_text(struct buf *out, const char *text) {
    put_escaped(out, text, strlen(text));
}

/* Prose of the rules: what stands between backquotes is code. */
void put_prose(struct buf *out, const char *text) {
    for (const char *at = text, *end; *at; at = end) {
        bool code = *at == '`' && strchr(at + 1, '`') != NULL;
        end = code ? strchr(at + 1, '`') + 1 : at + strcspn(at + 1, "`") + 1;
        if (code)
            buf_puts(out, "<code>"), put_escaped(out, at + 1, (size_t)(end - at) - 2), buf_puts(out, "</code>");
        else
            put_escaped(out, at, (size_t)(end - at));
    }
}

/* -- ids ----------------------------------------------------------------------------------------------------------- */

static reason reason_named(const struct page *page, const char *id) {
    struct explanation e;
    for (reason why = 1; (e = reason_explain(page->unit->facts, why)).id != NULL; why++)
        if (strcmp(e.id, id) == 0)
            return why;
    return REASON_NONE;
}

const char *id_kind(const struct page *page, const char *id) {
    reason why = reason_named(page, id);
    if (rules_find(page->unit->rules, id))
        return "rule";
    return why == REASON_NONE ? "pass" : why < REASON_FACTS ? "reason" : "fact";
}

const char *id_text(const struct page *page, const char *id) {
    const struct rule *rule = rules_find(page->unit->rules, id);
    const struct pass *pass = pass_find(id);
    reason why = reason_named(page, id);
    if (rule)
        return rule->title;
    return why != REASON_NONE ? reason_explain(page->unit->facts, why).why : pass ? pass->what : "";
}

/* What --explain prints. */
static char *id_explained(const struct page *page, const char *id) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!rules_explain(out, page->unit->rules, id))
        reasons_explain(out, page->unit->facts, id);
    fclose(out);
    return text;
}

/* Every id of a label or a record, in the order of the page. */
static void all_ids(struct page *page, struct labels *ids) {
    for (uint32_t i = 0; i < page->pairs.len; i++) {
        const struct pairing *pair = &page->pairs.at[i];
        for (uint32_t k = 0; k < pair->labels.ids.len; k++)
            labels_add(page, ids, pair->labels.ids.at[k]);
        for (uint32_t k = 0; k < pair->records.len; k++)
            labels_add(page, ids, pair->records.at[k]->id);
    }
    for (uint32_t i = 0; i < page->elsewhere.len; i++)
        labels_add(page, ids, page->elsewhere.at[i]->id);
}

/* -- above --------------------------------------------------------------------------------------------------------- */

static void put_item(struct buf *out, const char *term, const char *text) {
    buf_printf(out, "<div><dt>%s</dt><dd>", term);
    put_prose(out, text);
    buf_puts(out, "</dd></div>\n");
}

static void put_rule(struct buf *out, const struct rule *rule, const char *before) {
    buf_printf(out, "%s<a class=\"mono\" href=\"#why-%s\">%s</a>", before, rule->id, rule->id);
}

/* The rules that were applied and promise this, each once. */
static uint32_t put_promised(const struct page *page, enum promise promise, const char *heading, struct buf *out) {
    const struct rules *rules = page->unit->rules;
    uint32_t count = 0;
    for (uint32_t i = 0; i < rules->list.len; i++) {
        const struct rule *rule = rules->list.at[i];
        if (rule->promise != promise || trace_uses(page->result->unit->trace, rule->id) == 0)
            continue;
        put_rule(out, rule, count++ ? ", " : heading);
        if (rule->bound)
            buf_puts(out, " ("), put_prose(out, rule->bound), buf_puts(out, ")");
    }
    return count;
}

/* How often each rule was applied, and which of them are not exact. */
static void put_rules(const struct page *page, struct buf *out) {
    const struct rules *rules = page->unit->rules;
    uint32_t count = 0;
    buf_puts(out, "<div><dt>Rules</dt><dd>");
    for (uint32_t i = 0; i < rules->list.len; i++) {
        uint32_t times = trace_uses(page->result->unit->trace, rules->list.at[i]->id);
        if (times == 0)
            continue;
        put_rule(out, rules->list.at[i], count++ ? ", " : "");
        buf_printf(out, "\u00a0\u00d7\u00a0%u", times);
    }
    buf_puts(out, count ? "</dd></div>\n" : "none</dd></div>\n");
    buf_puts(out, "<div><dt>Rounding</dt><dd>");
    count = put_promised(page, PROMISE_ROUNDING, "in another order than the source: ", out);
    count += put_promised(page, PROMISE_APPROXIMATE, count ? "; approximate: " : "approximate: ", out);
    buf_puts(out, count ? "</dd></div>\n" : "as in the source</dd></div>\n");
}

static void put_diagnostics(const struct page *page, struct buf *out) {
    uint32_t count;
    struct diag **list = diags_sorted(page->result->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(out, "<div class=\"diagnostic\"><dt>%s</dt><dd>", severity_text(list[i]->severity));
        if (list[i]->source == page->in.text) {
            uint32_t line = source_locate(list[i]->source, list[i]->span.start).line;
            buf_printf(out, "<a href=\"#s%u\">line %u</a>: ", line, line);
        }
        put_prose(out, list[i]->message);
        buf_puts(out, "</dd></div>\n");
    }
}

void put_summary(const struct page *page, struct buf *out) {
    const struct unit *u = page->unit;
    const char *status = report_status(page->result);
    put_item(out, "Entry", u->entry->name);
    if (u->options.model_type)
        put_item(out, "Model type", u->options.model_type);
    put_item(out, "Source", u->module->source->path);
    if (u->config_class)
        put_item(out, "Configuration", u->config_class);
    buf_printf(out, "<div><dt>Verdict</dt><dd><strong class=\"verdict-%s\">%s</strong>",
        page->result->status == ADGEN_DONE ? "done" : "limited", status);
    if (u->prefill_only)
        buf_puts(out, ": "), put_prose(out, u->prefill_only);
    else if (u->limits.len > 0)
        buf_puts(out, ": "), put_prose(out, length_assumed(u, "`"));
    buf_puts(out, "</dd></div>\n");
    if (declined_setting(u))
        put_item(out, "Declined", declined_setting(u));
    buf_printf(
        out, "<div><dt>Lines</dt><dd>%u in the source, %u in the output</dd></div>\n", page->in.lines, page->out.lines);
    put_rules(page, out);
    put_diagnostics(page, out);
}

/* Lines of each status, on either side. */
void put_counts(const struct page *page, struct buf *out) {
    static const enum status order[] = {SAME, MOVED, CHANGED, REMOVED, ADDED, PROSE, GAP, UNMAPPED};
    for (size_t s = 0; s < sizeof order / sizeof order[0]; s++) {
        uint32_t in = 0, of = 0;
        for (uint32_t i = 0; i < page->pairs.len; i++) {
            const struct pairing *pair = &page->pairs.at[i];
            const struct piece *a = piece_of(&page->in, pair->in), *b = piece_of(&page->out, pair->out);
            in += pair->status == order[s] && a ? a->last - a->lead + 1 : 0;
            of += pair->status == order[s] && b ? b->last - b->lead + 1 : 0;
        }
        if (in + of > 0)
            buf_printf(out,
                "<tr class=\"%s\"><th scope=\"row\"><span class=\"swatch\"></span>%s</th><td>%u</td><td>%u</td></tr>\n",
                status_class(order[s]), status_name(order[s]), in, of);
    }
}

/* -- below --------------------------------------------------------------------------------------------------------- */

static uint32_t times(const struct page *page, const char *id) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < page->records->records.len; i++)
        count += strcmp(page->records->records.at[i].id, id) == 0;
    return count;
}

void put_reasons(struct page *page, struct buf *out) {
    static const char *const kinds[] = {"rule", "fact", "reason", "pass"};
    struct labels ids = {0};
    all_ids(page, &ids);
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
        for (uint32_t i = 0; i < ids.ids.len; i++) {
            const char *id = ids.ids.at[i];
            if (strcmp(id_kind(page, id), kinds[k]) != 0)
                continue;
            const struct rule *rule = rules_find(page->unit->rules, id);
            uint32_t count = times(page, id);
            char *explained = id_explained(page, id);
            buf_printf(out,
                "<tr id=\"why-%s\"><th scope=\"row\"><button type=\"button\" class=\"id %s\" data-id=\"%s\">%s</button>"
                "</th><td>%s</td><td class=\"count\">%u</td><td>%s</td><td><details><summary>",
                id, kinds[k], id, id, kinds[k], count, rule ? promise_text(rule->promise) : "");
            put_prose(out, id_text(page, id));
            buf_puts(out, "</summary><pre>");
            put_text(out, explained);
            buf_puts(out, "</pre></details></td></tr>\n");
            free(explained);
        }
}
