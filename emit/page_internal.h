/* page_internal.h - the review page between its files.
 *
 *   page_sides.c    both texts cut into pieces: the lines that belong to one statement
 *   page_align.c    which piece of the source stands beside which piece of the output
 *   page_labels.c   what became of each, and why
 *   page.c          the rows, as HTML; page_summary.c: what stands above and below them */
#ifndef ADGEN_EMIT_PAGE_INTERNAL_H
#define ADGEN_EMIT_PAGE_INTERNAL_H

#include "emit/adgen.h"
#include "emit/page.h"
#include "emit/python.h"
#include "rewrite/lineage.h"
#include "rewrite/verdict.h"

#define NO_PIECE UINT32_MAX /* no enum: it is no int */

/* Lines of one statement's own: of a compound one the header, or a clause such as `else:`. */
struct piece {
    const struct node *node;    /* NULL: the head of the output, or the end of a file */
    uint32_t lead, first, last; /* lines: the blank ones and comments before it, its first, its last */
    uint32_t turn;              /* which of the pieces of its node, from 0 */
    uint32_t section;
    uint32_t partner;      /* the piece of the other side that stands beside it, or NO_PIECE */
    VEC(uint32_t) origins; /* of the output: the pieces of the source that it comes from, best first */
    bool by_from;          /* the first of them is the statement that it is */
};

/* A definition at module level, or what stands between two of them. */
struct section {
    const struct node *definition; /* NULL: none */
    uint32_t first, end;           /* pieces */
    uint32_t partner;              /* of the source: the section beside it, or NO_PIECE */
    bool placed;
};

struct side {
    struct source *text;
    uint32_t lines;
    const struct node **owner; /* by line, from 1 */
    uint32_t *top;             /* by line: number of the statement at module level */
    VEC(struct piece) pieces;
    VEC(struct section) sections;
};

enum status { SAME, PROSE, MOVED, CHANGED, REMOVED, ADDED, GAP, UNMAPPED };

struct labels {
    VEC(const char *) ids;
};

/* A row of the alignment: a piece of either side or both. */
struct pairing {
    uint32_t in, out; /* or NO_PIECE */
    enum status status;
    struct labels labels;
    VEC(const struct trace_record *) records; /* that stand in its lines of the source */
};

struct page {
    struct adgen_result *result;
    struct unit *unit;
    struct arena *arena;
    const struct trace *records;
    struct side in, out;
    VEC(struct pairing) pairs;
    VEC(const struct trace_record *) elsewhere; /* records of other files */
};

/* page_sides.c */
void page_sides(struct page *page);
/* The piece that holds a line; NO_PIECE: none. */
uint32_t piece_at(const struct side *side, uint32_t line);
static inline struct piece *piece_of(const struct side *side, uint32_t index) {
    return index == NO_PIECE ? NULL : &side->pieces.at[index];
}

/* page_align.c */
void page_align(struct page *page);
/* Whether a statement of the source stands in the function that has taken the place of a call. */
struct called;
bool stands_in_unfolded(const struct page *page, const struct called *call, const struct node *n);

/* page_labels.c */
void page_label(struct page *page);
bool labels_equal(const struct labels *a, const struct labels *b);
void labels_add(struct page *page, struct labels *labels, const char *id);

/* page.c */
const char *status_name(enum status status);
const char *status_class(enum status status);

/* page_summary.c */
const char *id_kind(const struct page *page, const char *id);
const char *id_text(const struct page *page, const char *id);
void put_escaped(struct buf *out, const char *text, size_t len);
void put_text(struct buf *out, const char *text);
void put_prose(struct buf *out, const char *text);
void put_summary(const struct page *page, struct buf *out);
void put_counts(const struct page *page, struct buf *out);
void put_reasons(struct page *page, struct buf *out);

#endif
