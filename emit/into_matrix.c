/* into_matrix.c - a model in the table of supported models: see into.h.
 *
 * Reads Markdown: the first table whose first column is called Architecture, with a class in backquotes in each row, in
 * order of the classes; and footnotes, `[^5]: ...`, of which one is shared by the models that AutoDeploy alone serves.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "emit/into.h"

struct line {
    uint32_t start, end; /* without the newline */
};

struct cell {
    const char *at;
    size_t len;  /* without the blanks around it */
    size_t room; /* with them */
};

enum { COLUMNS = 3 };

static bool refuse(struct unit *unit, const struct edits *edits) {
    diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
        "%s: cannot be edited: there is no table of three columns, `Architecture` first", edits->source->path);
    return false;
}

/* -- the table ----------------------------------------------------------------------------------------------------- */

/* The cells of a row; how many there are. */
static uint32_t cells_of(const struct source *source, struct line line, struct cell *cells) {
    const char *at = source->text + line.start, *end = source->text + line.end;
    uint32_t count = 0;
    at += strspn(at, " ");
    if (at >= end || *at != '|')
        return 0;
    for (at++; at < end; count++) {
        const char *bar = memchr(at, '|', (size_t)(end - at));
        if (bar == NULL)
            break;
        struct cell cell = {at + strspn(at, " "), 0, (size_t)(bar - at)};
        cell.at = cell.at < bar ? cell.at : bar;
        for (const char *p = cell.at; p < bar; p++)
            if (*p != ' ')
                cell.len = (size_t)(p - cell.at) + 1;
        if (count < COLUMNS)
            cells[count] = cell;
        at = bar + 1;
    }
    return count;
}

/* The class in a row's first cell; "" where there is none. */
static const char *architecture(struct unit *unit, const struct cell *cell) {
    const char *from = memchr(cell->at, '`', cell->len);
    size_t len = from ? strcspn(from + 1, "`|\n") : 0;
    return arena_printf(unit->arena, "%.*s", (int)len, from ? from + 1 : "");
}

struct table {
    VEC(struct line) rows; /* behind the rule under the heads */
    VEC(const char *) names;
};

static struct line line_at(const struct source *source, uint32_t start) {
    return (struct line){start, line_end(source, start)};
}

static uint32_t next_line(const struct source *source, struct line line) {
    return line.end < source->len ? line.end + 1 : source->len;
}

static bool read_table(struct unit *unit, const struct source *source, struct table *table) {
    struct cell cells[COLUMNS];
    struct line line = line_at(source, 0);
    while (line.start < source->len &&
           !(cells_of(source, line, cells) == COLUMNS && starts_with(cells[0].at, "Architecture ")))
        line = line_at(source, next_line(source, line));
    if (line.start >= source->len)
        return false;
    line = line_at(source, next_line(source, line)); /* the rule */
    for (line = line_at(source, next_line(source, line)); cells_of(source, line, cells) == COLUMNS;
         line = line_at(source, next_line(source, line))) {
        vec_push(unit->arena, &table->rows, line);
        vec_push(unit->arena, &table->names, architecture(unit, &cells[0]));
    }
    return table->rows.len > 0;
}

/* -- footnotes ----------------------------------------------------------------------------------------------------- */

struct footnotes {
    int shared;       /* number of that for models which AutoDeploy alone serves; 0: there is none */
    int most;         /* the highest number */
    struct line last; /* where the last one stands; its end is 0 where there is none */
};

static bool line_has(const struct source *source, struct line line, const char *text) {
    const char *found = memmem(source->text + line.start, line.end - line.start, text, strlen(text));
    return found != NULL;
}

/* Links to what AutoDeploy is and to the folder of settings, and nothing restricts it to a part of the model. */
static bool is_shared(const struct source *source, struct line line) {
    return line_has(source, line, "auto-deploy.md)") &&
           (line_has(source, line, "/configs)") || line_has(source, line, "/configs/)")) &&
           !line_has(source, line, "ext-only");
}

static void read_footnotes(const struct source *source, struct footnotes *notes) {
    for (struct line line = line_at(source, 0); line.start < source->len;
         line = line_at(source, next_line(source, line))) {
        const char *at = source->text + line.start;
        char *behind;
        int number = starts_with(at, "[^") ? (int)strtol(at + 2, &behind, 10) : 0;
        if (number <= 0 || !starts_with(behind, "]:"))
            continue;
        notes->last = line;
        notes->most = number > notes->most ? number : notes->most;
        if (notes->shared == 0 && is_shared(source, line))
            notes->shared = number;
    }
}

/* A footnote of its own: behind the others, else below the table. */
static void add_footnote(
    struct unit *unit, const struct footnotes *notes, uint32_t below, const char *config, struct edits *edits) {
    const char *text = arena_printf(unit->arena,
        "%s[^%d]: Supported via the [AutoDeploy](../features/auto_deploy/auto-deploy.md) backend. "
        "See [AD config](../../../%s).\n",
        notes->last.end ? "" : "\n", notes->most + 1, config);
    edits_lines_behind(edits, notes->last.end ? notes->last.end : below, text);
}

/* -- the row ------------------------------------------------------------------------------------------------------- */

/* Cells as wide as those of the row beside it, where they fit. */
static const char *row_like(struct unit *unit, const struct cell *cells, const char *const *text) {
    const char *row = "|";
    for (int i = 0; i < COLUMNS; i++) {
        int room = (int)cells[i].room - 2;
        row = arena_printf(unit->arena, "%s %-*s |", row, room > 0 ? room : 0, text[i]);
    }
    return arena_printf(unit->arena, "%s\n", row);
}

bool into_matrix(struct unit *unit, const struct matrix_row *row, struct edits *edits) {
    const struct source *source = edits->source;
    struct table table = {0};
    struct footnotes notes = {0};
    struct cell cells[COLUMNS];
    if (!read_table(unit, source, &table))
        return refuse(unit, edits);
    for (uint32_t i = 0; i < table.rows.len; i++)
        if (strcmp(table.names.at[i], row->architecture) == 0)
            return true;
    uint32_t at = place_in_order(table.names.at, table.rows.len, row->architecture);
    read_footnotes(source, &notes);
    int number = notes.shared ? notes.shared : notes.most + 1;
    cells_of(source, table.rows.at[at == 0 ? 0 : at - 1], cells);
    const char *mark = row->config ? arena_printf(unit->arena, " [^%d]", number) : "";
    const char *text[COLUMNS] = {arena_printf(unit->arena, "`%s`%s", row->architecture, mark), row->model,
        arena_printf(unit->arena, "`%s`", row->example)};
    const char *line = row_like(unit, cells, text);
    if (at == 0)
        edits_lines_before(edits, table.rows.at[0].start, line);
    else
        edits_lines_behind(edits, table.rows.at[at - 1].start, line);
    if (row->config && notes.shared == 0)
        add_footnote(unit, &notes, vec_last(&table.rows).end, row->config, edits);
    return true;
}
