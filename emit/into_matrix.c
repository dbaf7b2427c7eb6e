/* into_matrix.c - a model in the tables of supported models: see into.h.
 *
 * Reads Markdown: the first table whose first column is called Architecture, with a class in backquotes in each row, in
 * order of the classes; and footnotes, `[^5]: ...`, of which one is shared by the models that AutoDeploy alone serves.
 * The table of features has a row for each of the key models. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "emit/into.h"
#include "emit/markdown.h"

enum { COLUMNS = 3 };

static bool refuse(struct unit *unit, const struct edits *edits, const char *what) {
    diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: cannot be edited: %s",
        edits->source->path, what);
    return false;
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

static bool has_example(const struct cell *cell, const char *example) {
    char quoted[256];
    int len = snprintf(quoted, sizeof quoted, "`%s`", example);
    return len < (int)sizeof quoted && memmem(cell->at, cell->len, quoted, (size_t)len) != NULL;
}

/* One more example behind those of the row; blanks make room for it. */
static void add_example(struct edits *edits, const struct cell *cell, const char *example) {
    uint32_t end = (uint32_t)(cell->at + cell->len - edits->source->text);
    const char *text = arena_printf(edits->arena, ", `%s`", example);
    size_t blanks = strspn(cell->at + cell->len, " "), len = strlen(text);
    if (cell->len == 0)
        edits_replace(edits, end - (uint32_t)cell->room, end, arena_printf(edits->arena, " `%s` ", example));
    else
        edits_replace(edits, end, end + (uint32_t)(len < blanks ? len : blanks > 0 ? blanks - 1 : 0), text);
}

bool into_matrix(struct unit *unit, const struct matrix_row *row, struct edits *edits) {
    const struct source *source = edits->source;
    struct arena *arena = unit->arena;
    struct table table = {0};
    struct footnotes notes = {0};
    if (!table_read(arena, source, "Architecture", COLUMNS, &table))
        return refuse(unit, edits, "there is no table of three columns, `Architecture` first");
    for (uint32_t i = 0; i < table.rows.len; i++) {
        struct cell cells[CELLS_MAX];
        if (strcmp(table.names.at[i], row->architecture) != 0)
            continue;
        cells_of(source, table.rows.at[i], cells);
        if (edits->updates && !has_example(&cells[COLUMNS - 1], row->example))
            add_example(edits, &cells[COLUMNS - 1], row->example);
        return true;
    }
    read_footnotes(source, &notes);
    int number = notes.shared ? notes.shared : notes.most + 1;
    const char *mark = row->config ? arena_printf(arena, " [^%d]", number) : "";
    const char *text[COLUMNS] = {
        arena_printf(arena, "`%s`%s", row->architecture, mark), row->model, arena_printf(arena, "`%s`", row->example)};
    table_insert(&table, edits, row->architecture, text, COLUMNS);
    if (row->config && notes.shared == 0)
        add_footnote(unit, &notes, vec_last(&table.rows).end, row->config, edits);
    return true;
}

/* -- the second table ---------------------------------------------------------------------------------------------- */

bool into_features(struct unit *unit, const struct matrix_row *row, struct edits *edits) {
    struct arena *arena = unit->arena;
    struct table table = {0};
    struct cell heads[CELLS_MAX];
    const char *text[CELLS_MAX] = {arena_printf(arena, "`%s`", row->architecture)};
    if (!table_read(arena, edits->source, "Model Architecture/Feature", 0, &table))
        return refuse(unit, edits, "there is no table of features, `Model Architecture/Feature` first");
    for (uint32_t i = 0; i < table.rows.len; i++)
        if (strcmp(table.names.at[i], row->architecture) == 0)
            return true;
    cells_of(edits->source, table.head, heads);
    for (uint32_t i = 1; i < table.columns; i++)
        text[i] = feature_value(row, arena_strndup(arena, heads[i].at, heads[i].len));
    table_insert(&table, edits, row->architecture, text, table.columns);
    return true;
}

const char *feature_value(const struct matrix_row *row, const char *feature) {
    if (strcmp(feature, "Sliding Window Attention") == 0 && row->no_windows)
        return "N/A";
    return strcmp(feature, "MTP") == 0 ? "No" : "Untested";
}
