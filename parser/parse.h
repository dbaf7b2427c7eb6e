/* parse.h - the face of this room: bytes in, tree out.
 *
 * tree-sitter reads the bytes; lowering turns its concrete tree into ours (ast.h) and drops it. Lowering refuses, with
 * a diagnostic at the right place, what is not Python 3: an ERROR or MISSING node, an empty block, a `print` statement,
 * a nesting deeper than AST_DEPTH_MAX. */
#ifndef ADGEN_PARSER_PARSE_H
#define ADGEN_PARSER_PARSE_H

#include "base/diag.h"
#include "parser/ast.h"

struct parser; /* owns a tree-sitter parser; one per context, reused for every file */

struct parser *parser_create(void);
void parser_destroy(struct parser *parser);

/* The MODULE of a whole file, or NULL with diagnostics. Nodes in `arena`. */
struct node *parse_module(
    struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source);

/* Whole lines of a file, which hold whole statements. */
struct lines {
    uint32_t start, end;
    bool indented; /* the first statement may stand anywhere on its line, and the others stand like it */
};

/* The statements of some lines; used to parse only the definitions that are needed. Spans are relative to the file.
 * MODULE or NULL. */
struct node *parse_lines(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, const struct lines *lines);

/* The CLASS or FUNCTION of which the header stands at the start of these lines, with nothing in it yet; the lines
 * become those behind it. NULL, and nothing said, where only the grammar can read it. */
struct node *parse_header(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, struct lines *lines);

/* The lines of the byte range [start, end). */
struct node *parse_range(struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags,
    struct source *source, uint32_t start, uint32_t end);

/* One expression from memory, such as a rule's pattern; `source` names its file for messages. NULL with diagnostics. */
struct node *parse_expression(
    struct parser *parser, struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source);

#endif
