/* doc.h - the document algebra that the printers of this room lay text out with.
 *
 * A document is a tree of texts, possible line breaks and groups, in the manner of Wadler and Prettier. A writer
 * appends to it from left to right; a container is open between doc_open and doc_shut. doc_print then decides for each
 * group whether it stands on one line (flat) or not (broken), and writes the text. The algebra is the one behind `ruff
 * format`, so that equal documents give equal text:
 *
 *   DOC_GROUP         flat if everything up to the next certain line break fits, otherwise broken
 *   DOC_GROUP_IF      a group where `when` is broken, plain content otherwise
 *   DOC_INDENT        one level deeper
 *   DOC_INDENT_IF     one level deeper where `when` is broken
 *   DOC_IF_BROKEN     content that exists only where `when` (or, for NULL, the enclosing group) is broken
 *   DOC_IF_FLAT       content that exists only where it is flat
 *   DOC_FITS_BROKEN   where `when` (or anything, for NULL) is flat: content that may break without breaking that group
 *   DOC_BEST          variants, each a DOC_LIST: the first that fits; the last if none does
 *   DOC_BEST_PAREN    content in parentheses and on its own lines if that makes it fit, else as it is
 *   DOC_SUFFIX        text kept back until the end of the line: a trailing comment
 *
 * A hard line break, a break_parent and a text of several lines break every group around them, up to the boundaries
 * DOC_FITS_BROKEN and DOC_BEST. Measuring stops at the end of the line, so printing is linear in practice.
 *
 * Memory belongs to `struct docs` and is reused after each doc_print. */
#ifndef ADGEN_EMIT_DOC_H
#define ADGEN_EMIT_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum doc_kind {
    DOC_TEXT,
    DOC_SUFFIX,
    DOC_SOFT,
    DOC_SOFT_SPACE,
    DOC_HARD,
    DOC_BREAK_PARENT,
    DOC_REF,
    /* containers */
    DOC_LIST,
    DOC_GROUP,
    DOC_GROUP_IF,
    DOC_INDENT,
    DOC_INDENT_IF,
    DOC_IF_BROKEN,
    DOC_IF_FLAT,
    DOC_FITS_BROKEN,
    DOC_BEST,
    DOC_BEST_PAREN
};

/* How a group was, or is assumed to be, printed. Other documents may depend on it. */
enum doc_mode { DOC_FLAT, DOC_BROKEN };

struct doc_group {
    enum doc_mode mode;
};

struct doc {
    uint8_t kind;
    bool breaks;    /* containers: holds a certain line break */
    bool all_lines; /* DOC_BEST: a variant fits only if all its lines do */
    union {
        struct {
            const char *text;
            uint32_t len, width; /* width in columns; WIDTH_LINES for a text of several lines */
        };
        struct {
            struct doc *first, *last;
        };
    };
    struct doc *next, *up; /* next sibling; the container it was opened in */
    struct doc_group *when;
};

#define WIDTH_LINES UINT32_MAX /* no enum: it is no int */

struct doc_chunk;
struct doc_frames;

struct docs {
    struct doc_chunk *chunk, *chunks; /* in use; the first */
    size_t used;                      /* bytes of `chunk` */
    struct doc *root, *open;
    bool flat; /* drop every line break that is not certain: the inside of an f-string */
    uint32_t line_length, indent_width;
    struct doc_frames *print, *fits; /* stacks kept between calls */
};

void docs_init(struct docs *docs, uint32_t line_length, uint32_t indent_width);
void docs_free(struct docs *docs);

/* Memory until the next doc_print. */
void *doc_alloc(struct docs *docs, size_t size);
char *doc_strndup(struct docs *docs, const char *text, size_t len);

/* Leaves. Texts are not copied. */
void doc_text(struct docs *docs, const char *text, size_t len);
void doc_suffix(struct docs *docs, const char *text, size_t len, uint32_t reserved);
void doc_line(struct docs *docs, enum doc_kind line); /* DOC_SOFT, DOC_SOFT_SPACE, DOC_HARD, DOC_BREAK_PARENT */

/* Containers. `when` is the group's own handle for DOC_GROUP and DOC_BEST_PAREN, the condition for the others. */
struct doc *doc_open(struct docs *docs, enum doc_kind kind, struct doc_group *when);
void doc_shut(struct docs *docs, enum doc_kind kind);
struct doc_group *doc_group_new(struct docs *docs);

/* Content that is written once and used several times: open, write, shut with doc_shut(docs, DOC_LIST), refer. */
struct doc *doc_open_aside(struct docs *docs);
void doc_ref(struct docs *docs, struct doc *aside);

/* Print everything written since the last call to `out`, which must be at the start of a line, and forget it. */
void doc_print(struct docs *docs, struct buf *out, uint32_t indent);

/* Columns that a text takes on a terminal, or WIDTH_LINES if it holds a newline. */
uint32_t text_columns(const char *text, size_t len);

#endif
