/* markdown.c - see markdown.h. */
#include "emit/markdown.h"

#include <string.h>

#include "base/arena.h"
#include "base/text.h"
#include "emit/into.h"

struct line line_at(const struct source *source, uint32_t start) {
    return (struct line){start, line_end(source, start)};
}

uint32_t next_line(const struct source *source, struct line line) {
    return line.end < source->len ? line.end + 1 : source->len;
}

uint32_t cells_of(const struct source *source, struct line line, struct cell *cells) {
    const char *at = source->text + line.start, *end = source->text + line.end;
    uint32_t count = 0;
    at += strspn(at, " ");
    if (at >= end || *at != '|')
        return 0;
    for (at++; at < end && count < CELLS_MAX; count++) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        if (bar == NULL)
            break;
        struct cell cell = {at + strspn(at, " "), 0, (size_t)(bar - at)};
        cell.at = cell.at < bar ? cell.at : bar;
        for (const char *p = cell.at; p < bar; p++)
            if (*p != ' ')
                cell.len = (size_t)(p - cell.at) + 1;
        cells[count] = cell;
        at = bar + 1;
    }
    return count;
}

static const char *name_in(struct arena *arena, const struct cell *cell) {
    const char *from = memchr(cell->at, '`', cell->len);
    size_t len = from ? strcspn(from + 1, "`|\n") : 0;
    return arena_printf(arena, "%.*s", (int)len, from ? from + 1 : "");
}

bool table_read(
    struct arena *arena, const struct source *source, const char *head, uint32_t columns, struct table *table) {
    struct cell cells[CELLS_MAX];
    struct line line = line_at(source, 0);
    for (; line.start < source->len; line = line_at(source, next_line(source, line))) {
        table->columns = cells_of(source, line, cells);
        bool named = table->columns > 1 && cells[0].len == strlen(head) && starts_with(cells[0].at, head);
        if (named && (columns == 0 || table->columns == columns))
            break;
    }
    if (line.start >= source->len)
        return false;
    table->head = line;
    line = line_at(source, next_line(source, line)); /* the rule */
    for (line = line_at(source, next_line(source, line)); cells_of(source, line, cells) == table->columns;
         line = line_at(source, next_line(source, line))) {
        vec_push(arena, &table->rows, line);
        vec_push(arena, &table->names, name_in(arena, &cells[0]));
    }
    return table->rows.len > 0;
}

const char *row_like(struct arena *arena, const struct cell *cells, const char *const *text, uint32_t columns) {
    const char *row = "|";
    for (uint32_t i = 0; i < columns; i++) {
        int room = (int)cells[i].room - 2;
        row = arena_printf(arena, "%s %-*s |", row, room > 0 ? room : 0, text[i]);
    }
    return arena_printf(arena, "%s\n", row);
}

void table_insert(
    const struct table *table, struct edits *edits, const char *name, const char *const *text, uint32_t columns) {
    struct cell cells[CELLS_MAX];
    uint32_t at = place_in_order(table->names.at, table->rows.len, name);
    cells_of(edits->source, table->rows.at[at == 0 ? 0 : at - 1], cells);
    const char *line = row_like(edits->arena, cells, text, columns);
    if (at == 0)
        edits_lines_before(edits, table->rows.at[0].start, line);
    else
        edits_lines_behind(edits, table->rows.at[at - 1].start, line);
}
