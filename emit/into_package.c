/* into_package.c - the import of a model into the package of custom models: see into.h.
 *
 * Reads the statements of the module: `from .modeling_x import XForCausalLM`, in order of the modules, and
 * `__all__ = ("XForCausalLM", ...)`, in order of the classes. */
#include <string.h>
#include <strings.h>

#include "emit/into.h"
#include "parser/parse.h"

uint32_t place_in_order(const char *const *names, uint32_t count, const char *name) {
    uint32_t at = 0;
    while (at < count && strcasecmp(names[at], name) <= 0)
        at++;
    return at;
}

static bool refuse(struct unit *unit, const struct edits *edits, const char *what) {
    diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: cannot be edited: there is no %s",
        edits->source->path, what);
    return false;
}

/* -- the import ---------------------------------------------------------------------------------------------------- */

static bool imports(const struct node *from, const char *cls) {
    for (uint32_t i = 0; i < from->nkids; i++)
        if (atom_is(from->kid[i]->atom, cls) && from->kid[i]->asname == NULL)
            return true;
    return false;
}

/* Another module has a class of that name: one of them would be out of reach. */
static bool taken(struct unit *unit, const struct edits *edits, const struct node *from, const char *cls) {
    struct diag *diag = diag_at(
        unit->diags, SEVERITY_ERROR, edits->source, from->span, NULL, "`%s` comes from another module already", cls);
    diag_help(
        unit->diags, diag, "it may serve the model as it is, or be what this one is to replace: take it out first");
    return false;
}

static bool add_import(
    struct unit *unit, const struct node *tree, const char *module, const char *cls, struct edits *edits) {
    VEC(const struct node *) stmts = {0};
    VEC(const char *) names = {0};
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *stmt = tree->kid[i];
        if (stmt->kind != NODE_IMPORTFROM || stmt->level != 1 || stmt->atom == NULL)
            continue;
        if (imports(stmt, cls))
            return atom_is(stmt->atom, module) || taken(unit, edits, stmt, cls);
        vec_push(unit->arena, &stmts, stmt);
        vec_push(unit->arena, &names, stmt->atom);
    }
    if (stmts.len == 0)
        return refuse(unit, edits, "import of a model to put this one beside");
    uint32_t at = place_in_order(names.at, names.len, module);
    const char *line = arena_printf(unit->arena, "from .%s import %s\n", module, cls);
    if (at == 0)
        edits_lines_before(edits, stmts.at[0]->span.start, line);
    else
        edits_lines_behind(edits, stmts.at[at - 1]->span.end, line);
    return true;
}

/* -- __all__ ------------------------------------------------------------------------------------------------------- */

/* The display that is assigned to __all__, or NULL. */
static const struct node *exports_of(const struct node *tree) {
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *stmt = tree->kid[i];
        if (stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && is_name(stmt->kid[1], "__all__") &&
            (is_kind(stmt->kid[0], NODE_TUPLE) || is_kind(stmt->kid[0], NODE_LIST)))
            return stmt->kid[0];
    }
    return NULL;
}

/* An element that has its line for itself. */
static bool has_line(const struct source *source, const struct node *exports, uint32_t i) {
    const struct node *element = exports->kid[i];
    uint32_t start = line_start(source, element->span.start), end = line_end(source, element->span.end);
    uint32_t next = i + 1 < exports->nkids ? exports->kid[i + 1]->span.start : exports->span.end - 1;
    return start + strspn(source->text + start, " \t") == element->span.start && next > end;
}

static void add_line(
    struct unit *unit, const struct node *exports, uint32_t at, const char *quoted, struct edits *edits) {
    const struct source *source = edits->source;
    const struct node *beside = exports->kid[at == 0 ? 0 : at - 1];
    uint32_t start = line_start(source, beside->span.start);
    const char *line =
        arena_printf(unit->arena, "%.*s%s,\n", (int)(beside->span.start - start), source->text + start, quoted);
    if (at == 0) {
        edits_lines_before(edits, beside->span.start, line);
        return;
    }
    if (at == exports->nkids && !(exports->flags & NF_TRAILING_COMMA))
        edits_insert(edits, beside->span.end, ",");
    edits_lines_behind(edits, beside->span.end, line);
}

static bool add_export(struct unit *unit, const struct node *tree, const char *cls, struct edits *edits) {
    const struct node *exports = exports_of(tree);
    VEC(const char *) names = {0};
    if (exports == NULL || exports->nkids == 0)
        return refuse(unit, edits, "`__all__` with the names of models");
    for (uint32_t i = 0; i < exports->nkids; i++) {
        const char *name = is_kind(exports->kid[i], NODE_STRING) ? string_value(unit->atoms, exports->kid[i]) : NULL;
        if (name == NULL)
            return refuse(unit, edits, "`__all__` of names alone");
        if (strcmp(name, cls) == 0)
            return true;
        vec_push(unit->arena, &names, name);
    }
    uint32_t at = place_in_order(names.at, names.len, cls);
    char quote = edits->source->text[exports->kid[0]->span.end - 1];
    const char *quoted = arena_printf(unit->arena, "%c%s%c", quote, cls, quote);
    if (has_line(edits->source, exports, at == 0 ? 0 : at - 1))
        add_line(unit, exports, at, quoted, edits);
    else if (at == 0)
        edits_insert(edits, exports->kid[0]->span.start, arena_printf(unit->arena, "%s, ", quoted));
    else
        edits_insert(edits, exports->kid[at - 1]->span.end, arena_printf(unit->arena, ", %s", quoted));
    return true;
}

bool into_package(struct unit *unit, const char *module, const char *cls, struct edits *edits) {
    const struct node *tree = parse_module(unit->parser, unit->arena, unit->atoms, unit->diags, edits->source);
    return tree != NULL && add_import(unit, tree, module, cls, edits) && add_export(unit, tree, cls, edits);
}
