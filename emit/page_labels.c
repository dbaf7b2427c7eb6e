/* page_labels.c - what became of each piece, and the ids of what caused it.
 *
 * Reads   the verdicts and records of the account, and the lineage of the statements.
 * Writes  status, labels and records of every pair. A piece of the source that nothing accounts for, a statement that
 * is said to be kept and is nowhere, one that has changed without a reason, and a piece of the output that comes from
 * nowhere are UNMAPPED. */
#include <string.h>

#include "emit/gaps.h"
#include "emit/page_internal.h"
#include "rewrite/account.h"
#include "rewrite/passes.h"
#include "rewrite/reason.h"

/* -- sets of ids --------------------------------------------------------------------------------------------------- */

void labels_add(struct page *page, struct labels *labels, const char *id) {
    for (uint32_t i = 0; i < labels->ids.len; i++)
        if (strcmp(labels->ids.at[i], id) == 0)
            return;
    vec_push(page->arena, &labels->ids, id);
}

bool labels_equal(const struct labels *a, const struct labels *b) {
    if (a->ids.len != b->ids.len)
        return false;
    for (uint32_t i = 0; i < a->ids.len; i++)
        if (strcmp(a->ids.at[i], b->ids.at[i]) != 0)
            return false;
    return true;
}

static void add_reason(struct page *page, struct labels *labels, reason why) {
    labels_add(page, labels, reason_explain(page->unit->facts, why).id);
}

/* -- records ------------------------------------------------------------------------------------------------------- */

static void hand_out_records(struct page *page) {
    struct pairing **of = NEW_ARRAY(page->arena, struct pairing *, page->in.pieces.len + 1);
    for (uint32_t i = 0; i < page->pairs.len; i++)
        if (page->pairs.at[i].in != NO_PIECE)
            of[page->pairs.at[i].in] = &page->pairs.at[i];
    for (uint32_t i = 0; i < page->records->records.len; i++) {
        const struct trace_record *r = &page->records->records.at[i];
        uint32_t piece = NO_PIECE;
        if (r->source == page->in.text)
            piece = piece_at(&page->in, source_locate(r->source, r->span.start).line);
        if (piece == NO_PIECE)
            vec_push(page->arena, &page->elsewhere, r);
        else
            vec_push(page->arena, &of[piece]->records, r);
    }
}

/* -- one side ------------------------------------------------------------------------------------------------------ */

/* The verdict on a statement, or on the nearest one around it that has one. */
static const struct verdict *verdict_around(const struct page *page, const struct piece *piece, bool *own) {
    const struct judge *judge = page->result->judge;
    const struct verdict *v = verdict_on(judge, piece->node);
    *own = v != NULL;
    const struct node *around = NULL, *n = page->unit->module->tree;
    uint32_t at = piece->node->span.start;
    while (v == NULL && n != NULL) { /* from the outermost inwards: the last one found is the nearest */
        const struct node *inner = NULL;
        for (uint32_t i = 0; i < n->nkids && inner == NULL; i++) {
            const struct node *kid = n->kid[i];
            bool holds = kid && kid->span.start <= at && at < kid->span.end &&
                         (node_is_stmt(kid) || kid->kind == NODE_BLOCK || kid->kind == NODE_HANDLER);
            inner = holds ? kid : NULL;
        }
        n = inner;
        if (n && n != piece->node && node_is_stmt(n) && verdict_on(judge, n))
            around = n;
    }
    return v ? v : around ? verdict_on(judge, around) : NULL;
}

/* Whether a piece is in the output after all: as a statement, or as a part of one. */
static bool is_written(const struct page *page, uint32_t index, bool whole) {
    for (uint32_t i = 0; i < page->out.pieces.len; i++) {
        const struct piece *out = &page->out.pieces.at[i];
        for (uint32_t k = 0; k < out->origins.len; k++)
            if (out->origins.at[k] == index && (!whole || (k == 0 && out->by_from)))
                return true;
    }
    return false;
}

static bool is_unfolded(const struct page *page, const struct node *from) {
    const struct account *a = page->unit->account;
    for (uint32_t i = 0; i < a->calls.len; i++)
        if (stands_in_unfolded(page, &a->calls.at[i], from))
            return true;
    return false;
}

/* The reasons of what has changed a line, and the passes that have none of their own. Facts and rules have records,
 * which say more than their passes: those are left out unless `all` is wanted. */
static void add_changes(struct page *page, struct labels *labels, const struct line *changes, bool all) {
    for (reason why = 1; why < REASON_FACTS; why++)
        if ((changes->because | (all ? changes->form : 0)) >> why & 1)
            add_reason(page, labels, why);
    for (uint32_t i = 0; passes[i].name != NULL; i++)
        if (changes->bare >> i & 1 && (all || !pass_has_records(&passes[i])))
            labels_add(page, labels, passes[i].name);
}

static void add_causes(struct page *page, struct pairing *pair, const struct verdict *v) {
    bool is_class = is_kind(piece_of(&page->in, pair->in)->node, NODE_CLASS);
    for (uint32_t i = 0; v && i < v->by.len; i++)
        labels_add(page, &pair->labels, v->by.at[i]);
    for (uint32_t i = 0; v && i < v->parts.len; i++)
        labels_add(page, &pair->labels, v->parts.at[i].cause.id);
    for (uint32_t i = 0; i < pair->records.len; i++)
        if (pair->records.at[i]->kind == TRACE_REMOVAL || pair->records.at[i]->kind == TRACE_REWRITE ||
            (pair->records.at[i]->kind == TRACE_FACT && is_class)) /* a base that the facts replace */
            labels_add(page, &pair->labels, pair->records.at[i]->id);
}

/* An `else:` that is not there: what it held is gone, or it is an `elif` now. */
static void label_clause(struct page *page, struct pairing *pair) {
    const struct piece *inner = piece_of(&page->in, pair->in + 1); /* never the last piece */
    bool own;
    const struct verdict *v = verdict_around(page, inner, &own);
    struct line changes = is_kind(inner->node, NODE_IF) ? lineage_changes(page->unit, inner->node) : (struct line){0};
    bool gone = own && v->fate == FATE_REMOVED;
    for (uint32_t i = 0; gone && i < v->by.len; i++)
        labels_add(page, &pair->labels, v->by.at[i]);
    if (!gone)
        add_changes(page, &pair->labels, &changes, true);
    pair->status = gone ? REMOVED : changes.passes ? CHANGED : UNMAPPED;
}

/* A statement that is said to be kept, and does not stand beside itself. */
static void label_kept(struct page *page, struct pairing *pair) {
    const struct piece *piece = piece_of(&page->in, pair->in);
    bool parts = pair->labels.ids.len > 0 && is_written(page, pair->in, false);
    if (is_written(page, pair->in, true)) {
        pair->status = MOVED;
        add_reason(page, &pair->labels, is_unfolded(page, piece->node) ? REASON_UNFOLDED : REASON_PLACE);
    } else if (piece->turn > 0) {
        label_clause(page, pair);
    } else {
        pair->status = parts ? CHANGED : UNMAPPED;
    }
}

/* Docstrings, and comments that stand alone; those of a definition that is gone are gone with it. */
static void label_prose(struct page *page, struct pairing *pair) {
    const struct piece *piece = piece_of(&page->in, pair->in);
    bool own;
    const struct verdict *v = piece->node ? verdict_around(page, piece, &own) : NULL;
    bool gone = v && v->fate == FATE_REMOVED;
    pair->status = gone ? REMOVED : PROSE;
    if (gone)
        add_causes(page, pair, v);
    else
        add_reason(page, &pair->labels, REASON_PROSE);
}

static void label_source(struct page *page, struct pairing *pair) {
    const struct piece *piece = piece_of(&page->in, pair->in);
    if (piece->node == NULL || is_bare_string(piece->node)) {
        label_prose(page, pair);
        return;
    }
    bool own;
    const struct verdict *v = verdict_around(page, piece, &own);
    bool accounted = v && (own || v->fate == FATE_REMOVED);
    add_causes(page, pair, v);
    if (v && v->fate == FATE_NOT_UNDERSTOOD)
        pair->status = GAP;
    else if (!accounted)
        pair->status = UNMAPPED;
    else if (v->fate == FATE_REMOVED)
        pair->status = REMOVED;
    else if (v->fate == FATE_REWRITTEN)
        pair->status = CHANGED;
    else
        label_kept(page, pair);
}

static bool is_template(const struct node *n) {
    return n->source && strcmp(n->source->path, "<template>") == 0;
}

static void add_passes(struct page *page, struct pairing *pair, const struct piece *piece, bool all) {
    const struct line *line = line_of(page->unit, piece->node);
    if (line)
        add_changes(page, &pair->labels, line, all);
    if (line && line->passes >> LINE_WRITTEN & 1) {
        bool import = piece->node->kind == NODE_IMPORT || piece->node->kind == NODE_IMPORTFROM;
        bool foreign = piece->node->source && piece->node->source != page->in.text && !is_template(piece->node);
        bool explained = piece->node->kind == NODE_CLASS && pair->labels.ids.len > 0;
        if (foreign)
            labels_add(page, &pair->labels, "bundle");
        else if (import || is_template(piece->node))
            add_reason(page, &pair->labels, import ? REASON_IMPORTS : REASON_SKELETON);
        else if (!explained && line->bare >> LINE_WRITTEN & 1)
            add_reason(page, &pair->labels, REASON_WRITTEN);
    }
}

static void label_output(struct page *page, struct pairing *pair) {
    const struct piece *piece = piece_of(&page->out, pair->out);
    if (piece->node == NULL) {
        add_reason(page, &pair->labels, REASON_PROSE);
        pair->status = PROSE;
        return;
    }
    const struct line *line = line_of(page->unit, piece->node);
    if (line && line->from && is_unfolded(page, line->from))
        add_reason(page, &pair->labels, REASON_UNFOLDED);
    add_passes(page, pair, piece, pair->labels.ids.len == 0);
    if (pair->labels.ids.len == 0 && line && line->from) /* a second copy of a statement */
        add_reason(page, &pair->labels, REASON_INHERITED);
    pair->status = pair->labels.ids.len > 0 ? ADDED : UNMAPPED;
}

/* -- both ---------------------------------------------------------------------------------------------------------- */

static bool has_marker(const struct page *page, const struct piece *piece) {
    for (uint32_t line = piece->lead; line <= piece->last; line++) {
        uint32_t len;
        const char *text = source_line(page->out.text, line, &len);
        if (memmem(text, len, GAP_MARKER, strlen(GAP_MARKER)))
            return true;
    }
    return false;
}

static void label_both(struct page *page, struct pairing *pair) {
    const struct piece *in = piece_of(&page->in, pair->in), *out = piece_of(&page->out, pair->out);
    const struct line *line = out->node ? line_of(page->unit, out->node) : NULL;
    bool own;
    bool unchanged = out->by_from && line && line_is_unchanged(line);
    if (in->node == NULL || out->node == NULL) { /* the heads of the files */
        label_output(page, pair);
        return;
    }
    const struct verdict *v = verdict_around(page, in, &own);
    add_causes(page, pair, v);
    if (unchanged && own && pair->labels.ids.len == 0) {
        pair->status = SAME;
        return;
    }
    add_passes(page, pair, out, false);
    if (pair->labels.ids.len == 0)
        add_passes(page, pair, out, true);
    if (unchanged && pair->labels.ids.len == 0)
        pair->status = is_bare_string(in->node) ? SAME : UNMAPPED;
    else
        pair->status = pair->labels.ids.len > 0 ? CHANGED : UNMAPPED;
}

/* -- what was put in the place of what ----------------------------------------------------------------------------- */

/* The end of a run of pairs with the same labels, of which only one side is there. */
static uint32_t end_of_run(const struct page *page, uint32_t first, enum status status, const struct labels *labels) {
    uint32_t i = first;
    while (i < page->pairs.len && page->pairs.at[i].status == status &&
           labels_equal(&page->pairs.at[i].labels, labels) &&
           (status == ADDED ? page->pairs.at[i].in : page->pairs.at[i].out) == NO_PIECE)
        i++;
    return i;
}

/* What was rewritten, and behind it what is new for the same reason: they stand side by side. */
static void join_runs(struct page *page) {
    VEC(struct pairing) joined = {0};
    for (uint32_t i = 0; i < page->pairs.len;) {
        struct pairing *first = &page->pairs.at[i];
        uint32_t middle = end_of_run(page, i, CHANGED, &first->labels);
        uint32_t end = middle > i ? end_of_run(page, middle, ADDED, &first->labels) : i;
        uint32_t count = end - middle < middle - i ? end - middle : middle - i;
        for (uint32_t k = 0; middle > i && k < count; k++)
            page->pairs.at[i + k].out = page->pairs.at[middle + k].out;
        uint32_t last = middle > i ? middle : i + 1;
        while (i < last)
            vec_push(page->arena, &joined, page->pairs.at[i++]);
        i += count;
    }
    page->pairs.at = joined.at;
    page->pairs.len = joined.len;
    page->pairs.cap = joined.cap;
}

void page_label(struct page *page) {
    hand_out_records(page);
    for (uint32_t i = 0; i < page->pairs.len; i++) {
        struct pairing *pair = &page->pairs.at[i];
        if (pair->out == NO_PIECE)
            label_source(page, pair);
        else if (pair->in == NO_PIECE)
            label_output(page, pair);
        else
            label_both(page, pair);
        const struct piece *out = piece_of(&page->out, pair->out);
        if (out && out->node && has_marker(page, out))
            pair->status = GAP;
    }
    join_runs(page);
}
