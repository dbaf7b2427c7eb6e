/* page_align.c - which part of the output stands beside which part of the source.
 *
 * Reads   the pieces of both sides and the lineage of the statements.
 * Writes  page->pairs: every piece of either side in one of them. Definitions come in the order of the source, those of
 *         the output alone behind what they follow there; inside a definition both sides keep their order. */
#include <stdlib.h>

#include "emit/page_internal.h"
#include "rewrite/account.h"

/* -- where the output comes from ----------------------------------------------------------------------------------- */

/* The piece of the source that a statement begins, and its later ones by turn. */
static uint32_t piece_of_node(const struct side *side, const struct node *n, uint32_t turn) {
    uint32_t at = piece_at(side, source_locate(side->text, n->span.start).line);
    while (at < side->pieces.len && (side->pieces.at[at].node != n || side->pieces.at[at].turn != turn)) {
        if (source_locate(side->text, n->span.end - 1).line < side->pieces.at[at].lead)
            return NO_PIECE;
        at++;
    }
    return at < side->pieces.len ? at : NO_PIECE;
}

static bool is_origin(const struct piece *piece, uint32_t index) {
    for (uint32_t i = 0; i < piece->origins.len; i++)
        if (piece->origins.at[i] == index)
            return true;
    return false;
}

/* The pieces that expressions of a statement were written in. */
static void add_parts(struct page *page, struct piece *piece, const struct node *n) {
    const struct unit *u = page->unit;
    if (n == NULL || n->kind == NODE_BLOCK)
        return;
    if (node_is_expr(n) && n->source == u->module->source && n->span.end > n->span.start) {
        uint32_t index = piece_at(&page->in, source_locate(page->in.text, n->span.start).line);
        if (index != NO_PIECE && !is_origin(piece, index))
            vec_push(page->arena, &piece->origins, index);
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        add_parts(page, piece, n->kid[i]);
}

/* An import of the output is the one of the source that binds the same name. */
static void trace_import(struct page *page, const struct node *import) {
    for (uint32_t i = 0; i < import->nkids; i++) {
        const struct node *alias = import->kid[i];
        atom name = alias->asname ? alias->asname : alias->atom;
        const struct symbol *last = module_lookup(page->unit->module, name), *symbol = last;
        while (symbol && !(symbol->kind == SYM_IMPORT && node_equal(symbol->stmt, import)))
            symbol = symbol->previous;
        symbol = symbol ? symbol : last;
        if (symbol && symbol->kind == SYM_IMPORT)
            lineage_made(page->unit, import, symbol->stmt);
    }
}

bool stands_in_unfolded(const struct page *page, const struct called *call, const struct node *n) {
    const struct node *def = call->unfolded ? call->fn->def : NULL;
    return def && def->source == page->in.text && n->span.start >= def->span.start && n->span.start < def->span.end;
}

/* What was written in a function that took the place of a call stands where the call was, too. */
static void add_calls(struct page *page, struct piece *piece) {
    const struct account *a = page->unit->account;
    for (uint32_t k = 0; k < piece->origins.len; k++) { /* the list grows: helpers call helpers */
        const struct node *n = page->in.pieces.at[piece->origins.at[k]].node;
        for (uint32_t i = 0; n && i < a->calls.len; i++) {
            if (!stands_in_unfolded(page, &a->calls.at[i], n))
                continue;
            uint32_t index = piece_at(&page->in, source_locate(page->in.text, a->calls.at[i].span.start).line);
            if (index != NO_PIECE && !is_origin(piece, index))
                vec_push(page->arena, &piece->origins, index);
        }
    }
}

static void find_origins(struct page *page, struct piece *piece) {
    if (is_kind(piece->node, NODE_IMPORT) || is_kind(piece->node, NODE_IMPORTFROM))
        trace_import(page, piece->node);
    const struct line *line = piece->node ? line_of(page->unit, piece->node) : NULL;
    const struct node *from = line ? line->from : NULL;
    uint32_t index = from ? piece_of_node(&page->in, from, piece->turn) : NO_PIECE;
    if (index != NO_PIECE) {
        vec_push(page->arena, &piece->origins, index);
        piece->by_from = true;
    }
    if (piece->node && piece->turn == 0 && piece->node->kind != NODE_CLASS && piece->node->kind != NODE_FUNCTION)
        add_parts(page, piece, piece->node), add_calls(page, piece);
}

/* -- sections ------------------------------------------------------------------------------------------------------ */

/* The section of the source that a section of the output takes the place of. */
static uint32_t section_for(const struct page *page, const struct section *section) {
    for (uint32_t i = section->first; i < section->end; i++) {
        const struct piece *piece = &page->out.pieces.at[i];
        if (!piece->by_from)
            continue;
        uint32_t wanted = page->in.pieces.at[piece->origins.at[0]].section;
        bool alike = (page->in.sections.at[wanted].definition != NULL) == (section->definition != NULL);
        if (alike && (section->definition == NULL || piece->node == section->definition))
            return page->in.sections.at[wanted].partner == NO_PIECE ? wanted : NO_PIECE;
    }
    return NO_PIECE;
}

static void match_sections(struct page *page) {
    struct side *in = &page->in, *out = &page->out;
    for (uint32_t i = 0; i < out->sections.len; i++) {
        uint32_t wanted = i == 0 ? 0 : section_for(page, &out->sections.at[i]);
        if (wanted == NO_PIECE || wanted >= in->sections.len)
            continue;
        in->sections.at[wanted].partner = i;
        out->sections.at[i].partner = wanted;
    }
}

/* -- inside a section ---------------------------------------------------------------------------------------------- */

static void join(struct page *page, uint32_t in, uint32_t out) {
    page->in.pieces.at[in].partner = out;
    page->out.pieces.at[out].partner = in;
}

/* The longest chain of statements that are the same ones and stand in the same order on both sides. */
static void join_statements(struct page *page, const struct section *in, const struct section *out) {
    uint32_t n = out->end - out->first, best = NO_PIECE;
    uint32_t *length = NEW_ARRAY(page->arena, uint32_t, n), *before = NEW_ARRAY(page->arena, uint32_t, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct piece *piece = &page->out.pieces.at[out->first + i];
        uint32_t of = piece->by_from ? piece->origins.at[0] : NO_PIECE;
        before[i] = NO_PIECE;
        if (of == NO_PIECE || of < in->first || of >= in->end)
            continue;
        length[i] = 1;
        for (uint32_t k = 0; k < i; k++)
            if (length[k] >= length[i] && page->out.pieces.at[out->first + k].origins.at[0] < of) {
                length[i] = length[k] + 1;
                before[i] = k;
            }
        if (best == NO_PIECE || length[i] > length[best])
            best = i;
    }
    for (; best != NO_PIECE; best = before[best])
        join(page, page->out.pieces.at[out->first + best].origins.at[0], out->first + best);
}

/* The next piece from here on that has a partner; `end`, if there is none. */
static uint32_t next_joined(const struct side *side, uint32_t from, uint32_t end) {
    while (from < end && side->pieces.at[from].partner == NO_PIECE)
        from++;
    return from;
}

/* A statement that was made of parts stands beside the first of them that is free, between its neighbours. */
static void join_parts(struct page *page, const struct section *in, const struct section *out) {
    uint32_t low = in->first;
    for (uint32_t i = out->first; i < out->end; i++) {
        struct piece *piece = &page->out.pieces.at[i];
        if (piece->partner != NO_PIECE) {
            low = piece->partner + 1;
            continue;
        }
        uint32_t next = next_joined(&page->out, i, out->end);
        uint32_t high = next < out->end ? page->out.pieces.at[next].partner : in->end, chosen = NO_PIECE;
        for (uint32_t k = 0; k < piece->origins.len; k++) {
            uint32_t of = piece->origins.at[k];
            bool free = of >= low && of < high && page->in.pieces.at[of].partner == NO_PIECE;
            if (free && (chosen == NO_PIECE || of < chosen))
                chosen = of;
        }
        if (chosen != NO_PIECE) {
            join(page, chosen, i);
            low = chosen + 1;
        }
    }
}

/* -- pairs --------------------------------------------------------------------------------------------------------- */

static void put_pair(struct page *page, uint32_t in, uint32_t out) {
    vec_push(page->arena, &page->pairs, ((struct pairing){.in = in, .out = out}));
}

static void put_section(struct page *page, const struct section *in, const struct section *out) {
    uint32_t i = in ? in->first : 0, in_end = in ? in->end : 0, k = out ? out->first : 0, out_end = out ? out->end : 0;
    while (i < in_end || k < out_end) {
        uint32_t joined = i < in_end ? next_joined(&page->in, i, in_end) : in_end;
        while (i < joined)
            put_pair(page, i++, NO_PIECE);
        uint32_t end = joined < in_end ? page->in.pieces.at[joined].partner : out_end;
        while (k < end)
            put_pair(page, NO_PIECE, k++);
        if (i < in_end)
            put_pair(page, i++, k++);
    }
}

/* A section of the source with what takes its place, and what follows that in the output alone. */
static void put_with_followers(struct page *page, uint32_t index) {
    const struct section *in = &page->in.sections.at[index];
    uint32_t next = in->partner;
    put_section(page, in, next == NO_PIECE ? NULL : &page->out.sections.at[next]);
    if (next == NO_PIECE)
        return;
    while (++next < page->out.sections.len && page->out.sections.at[next].partner == NO_PIECE)
        put_section(page, NULL, &page->out.sections.at[next]);
}

void page_align(struct page *page) {
    for (uint32_t i = 0; i < page->out.pieces.len; i++)
        find_origins(page, &page->out.pieces.at[i]);
    match_sections(page);
    for (uint32_t i = 0; i < page->in.sections.len; i++) {
        const struct section *in = &page->in.sections.at[i];
        if (in->partner == NO_PIECE)
            continue;
        const struct section *out = &page->out.sections.at[in->partner];
        const struct node *head = page->in.pieces.at[in->first].node;
        if (i == 0 && (head == NULL || is_bare_string(head))) /* the licences */
            join(page, 0, 0);
        join_statements(page, in, out);
        join_parts(page, in, out);
    }
    for (uint32_t i = 0; i < page->in.sections.len; i++)
        put_with_followers(page, i);
}
