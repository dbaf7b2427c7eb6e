/* parse.c - the parser object and the three entries. */
#include "parser/parse.h"

#include <string.h>

#include "parser/lower.h"
#include "parser/plain.h"
#include "parser/syntax_error.h"

const TSLanguage *tree_sitter_python(void);

struct parser {
    TSParser *ts;
    struct arena *scratch; /* of lowering: stacks that are empty between files */
    struct lower lower;    /* keeps those stacks from file to file */
    uint8_t *cst;          /* enum cst of each symbol */
};

static const struct {
    const char *name;
    bool named;
} cst_names[CST_KINDS] = {
#define X(kind, name, named) [CST_##kind] = {name, named},
#include "parser/cst.def"
#undef X
};

/* Several symbols of the grammar can carry one name (aliases), so the table is filled from the symbols' side. */
static uint8_t kind_of_symbol(const TSLanguage *language, TSSymbol symbol) {
    const char *name = ts_language_symbol_name(language, symbol);
    bool named = ts_language_symbol_type(language, symbol) == TSSymbolTypeRegular;
    for (int kind = CST_OTHER + 1; kind < CST_KINDS; kind++)
        if (cst_names[kind].name[0] == name[0] && cst_names[kind].named == named &&
            strcmp(cst_names[kind].name, name) == 0)
            return (uint8_t)kind;
    return CST_OTHER;
}

struct parser *parser_create(void) {
    struct arena *scratch = arena_create();
    struct parser *parser = NEW(scratch, struct parser);
    const TSLanguage *language = tree_sitter_python();
    parser->scratch = scratch;
    parser->ts = ts_parser_new();
    bool ok = ts_parser_set_language(parser->ts, language);
    assert(ok); /* the grammar and the core are pinned together */
    (void)ok;
    uint32_t symbols = ts_language_symbol_count(language);
    parser->cst = NEW_ARRAY(scratch, uint8_t, UINT16_MAX + 1);
    for (uint32_t symbol = 0; symbol < symbols; symbol++)
        parser->cst[symbol] = kind_of_symbol(language, (TSSymbol)symbol);
    return parser;
}

void parser_destroy(struct parser *parser) {
    if (parser == NULL)
        return;
    ts_parser_delete(parser->ts);
    arena_destroy(parser->scratch);
}

/* -- entries ------------------------------------------------------------------------------------------------------- */

static struct lower *lower_begin(
    struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source) {
    struct lower *l = &parser->lower;
    l->cst = parser->cst;
    l->base = 0;
    l->arena = arena;
    l->atoms = atoms;
    l->diags = diags;
    l->source = source;
    l->text = source->text;
    l->scratch = parser->scratch;
    l->pending.len = 0;
    l->comments.list.len = 0;
    l->depth = 0;
    l->as_end = 0;
    l->any_margin = false;
    l->failed = false;
    return l;
}

static struct node *module(struct lower *l, TSNode root, struct span span) {
    cursor_begin(&l->cursor, l->scratch, root);
    struct node *node = node_at(l, NODE_MODULE, span);
    l->here = CST_MODULE;
    push_statements(l);
    take(l, node, 0);
    if (!l->failed)
        attach_comments(l, node);
    return l->failed ? NULL : node;
}

static struct node *parse(struct lower *l, TSParser *parser, const struct lines *lines) {
    l->base = lines->start;
    TSTree *tree = ts_parser_parse_string(parser, NULL, l->text + lines->start, lines->end - lines->start);
    TSNode root = ts_tree_root_node(tree);
    struct node *node = NULL;
    if (ts_node_has_error(root))
        report_syntax(l, parser, root, lines->end - lines->start);
    else
        node = module(l, root, (struct span){lines->start, lines->end});
    ts_tree_delete(tree);
    return node;
}

struct node *parse_lines(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, const struct lines *lines) {
    assert(lines->start <= lines->end && lines->end <= source->len);
    struct node *plain = plain_statement(lower_begin(parser, arena, atoms, diags, source), lines);
    if (plain)
        return plain;
    struct lower *l = lower_begin(parser, arena, atoms, diags, source);
    l->any_margin = lines->indented;
    return parse(l, parser->ts, lines);
}

struct node *parse_header(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, struct lines *lines) {
    return plain_header(lower_begin(parser, arena, atoms, diags, source), lines);
}

struct node *parse_range(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, uint32_t start, uint32_t end) {
    return parse_lines(parser, arena, atoms, diags, source, &(struct lines){.start = start, .end = end});
}

struct node *parse_module(
    struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source) {
    return parse_range(parser, arena, atoms, diags, source, 0, source->len);
}

struct node *parse_expression(
    struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source) {
    struct lines all = {.end = source->len, .indented = true};
    struct node *tree = parse_lines(parser, arena, atoms, diags, source, &all);
    if (tree == NULL)
        return NULL;
    if (tree->nkids == 1 && tree->kid[0]->kind == NODE_EXPR)
        return tree->kid[0]->kid[0];
    struct span span = tree->nkids > 0 ? tree->kid[tree->nkids > 1]->span : tree->span;
    diag_at(diags, SEVERITY_ERROR, source, span, "syntax", "one expression is expected here");
    return NULL;
}
