/* markdown.h - tables in Markdown, read where they stand. */
#ifndef ADGEN_EMIT_MARKDOWN_H
#define ADGEN_EMIT_MARKDOWN_H

#include "emit/edits.h"

enum { CELLS_MAX = 64 };

struct line {
    uint32_t start, end; /* without the newline */
};

struct cell {
    const char *at;
    size_t len;  /* without the blanks around it */
    size_t room; /* with them */
};

struct table {
    struct line head;
    uint32_t columns;
    VEC(struct line) rows;   /* behind the rule under the heads */
    VEC(const char *) names; /* of each row: what its first cell has in backquotes; "" for nothing */
};

struct line line_at(const struct source *source, uint32_t start);
uint32_t next_line(const struct source *source, struct line line);

/* The cells of a row, at most CELLS_MAX; how many there are. */
uint32_t cells_of(const struct source *source, struct line line, struct cell *cells);

/* The first table whose first head is `head`, with that many columns (0: any number); false where there is none. */
bool table_read(
    struct arena *arena, const struct source *source, const char *head, uint32_t columns, struct table *table);

/* A row of cells as wide as those of another one, where they fit. */
const char *row_like(struct arena *arena, const struct cell *cells, const char *const *text, uint32_t columns);

/* Put a row at its place in the order of the names. */
void table_insert(
    const struct table *table, struct edits *edits, const char *name, const char *const *text, uint32_t columns);

#endif
