/* review_ignore.c - comments that say that a finding is meant: `# adgen: ignore[C4, C6]`.
 *
 * Behind code, such a comment is about the lines of the construct that a finding names; on a line of its own, about the
 * line below it, and about the file as a whole. One without effect is a finding itself: what it excused is gone. */
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

struct ignore {
    atom id;
    struct span span; /* of the id in the comment */
    uint32_t line;    /* that it is about */
    bool alone;       /* nothing else is on its line */
    bool used;
};

struct ignores {
    struct reviewer *r;
    VEC(struct ignore) list;
    VEC(struct span) strings; /* in which a `#` starts no comment */
};

static void visit_string(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at;
    struct ignores *all = user;
    if (n->kind == NODE_STRING || n->kind == NODE_FSTRING)
        vec_push(r->unit->arena, &all->strings, n->span);
}

static bool in_string(const struct ignores *all, uint32_t offset) {
    for (uint32_t i = 0; i < all->strings.len; i++)
        if (all->strings.at[i].start <= offset && offset < all->strings.at[i].end)
            return true;
    return false;
}

/* The next line that is neither empty nor a comment. */
static uint32_t line_below(struct source *source, uint32_t line) {
    for (uint32_t below = line + 1; below <= source->lines; below++) {
        uint32_t len, at = 0;
        const char *text = source_line(source, below, &len);
        while (at < len && (text[at] == ' ' || text[at] == '\t'))
            at++;
        if (at < len && text[at] != '#')
            return below;
    }
    return line;
}

/* The ids between the brackets, which start at `at`. */
static void read_ids(struct ignores *all, uint32_t hash, uint32_t at) {
    struct unit *unit = all->r->unit;
    struct source *source = all->r->review->source;
    uint32_t line = source_locate(source, hash).line, len;
    const char *text = source_line(source, line, &len);
    bool alone = strspn(text, " \t") >= (size_t)(source->text + hash - text);
    const char *end = source->text + at + strcspn(source->text + at, "]\n");
    for (const char *id = source->text + at; id < end && *end == ']';) {
        size_t skip = strspn(id, " ,"), size = strcspn(id + skip, " ,]\n");
        if (size > 0) {
            uint32_t start = (uint32_t)(id + skip - source->text);
            struct ignore ignore = {.id = intern_len(unit->atoms, id + skip, size),
                .span = {start, start + (uint32_t)size},
                .line = alone ? line_below(source, line) : line,
                .alone = alone};
            vec_push(unit->arena, &all->list, ignore);
        }
        id += skip + size + (size == 0);
    }
}

static void collect(struct ignores *all) {
    static const char mark[] = "adgen: ignore[";
    const char *text = all->r->review->source->text;
    for (const char *hit = strstr(text, mark); hit; hit = strstr(hit + 1, mark)) {
        const char *hash = hit;
        while (hash > text && (hash[-1] == ' ' || hash[-1] == '\t'))
            hash--;
        uint32_t offset = (uint32_t)(hash - text);
        if (offset > 0 && text[offset - 1] == '#' && !in_string(all, offset - 1))
            read_ids(all, offset - 1, (uint32_t)(hit + strlen(mark) - text));
    }
}

static bool excuses(struct source *source, const struct ignore *ignore, const struct diag *finding) {
    if (strcmp(ignore->id, finding->rule) != 0)
        return false;
    if (finding->span.end == 0)
        return ignore->alone;
    uint32_t first = source_locate(source, finding->span.start).line;
    uint32_t last = source_locate(source, finding->span.end - 1).line;
    return first <= ignore->line && ignore->line <= last;
}

static struct review_item *item_of(struct review *review, const char *id) {
    for (uint32_t i = 0; i < review->nitems; i++)
        if (strcmp(review->items[i].rule->id, id) == 0)
            return &review->items[i];
    return NULL;
}

static void report_unused(struct ignores *all) {
    struct reviewer *r = all->r;
    for (uint32_t i = 0; i < all->list.len; i++) {
        const struct ignore *ignore = &all->list.at[i];
        if (ignore->used)
            continue;
        if (review_rule_find(r->rules, ignore->id))
            review_find_at(r, "I1", ignore->span, "there is no finding of %s to ignore here", ignore->id);
        else
            review_find_at(r, "I1", ignore->span, "there is no item `%s`", ignore->id);
    }
}

void review_apply_ignores(struct reviewer *r) {
    struct ignores all = {.r = r};
    struct review *review = r->review;
    uint32_t count;
    review_walk(r, r->unit->module->tree, visit_string, &all);
    collect(&all);
    struct diag **found = diags_sorted(r->found, &count);
    struct diags *kept = diags_create(r->unit->arena);
    for (uint32_t i = 0; i < count; i++) {
        bool excused = false;
        for (uint32_t k = 0; k < all.list.len; k++)
            if (excuses(review->source, &all.list.at[k], found[i]))
                excused = all.list.at[k].used = true;
        struct review_item *item = item_of(review, found[i]->rule);
        if (excused) {
            item->ignored++;
            continue;
        }
        struct diag *d =
            diag_at(kept, SEVERITY_ERROR, found[i]->source, found[i]->span, found[i]->rule, "%s", found[i]->message);
        d->help = found[i]->help;
    }
    r->found = kept;
    report_unused(&all);
}
