/* expr.h - a small parser for the Python expressions in rule files.
 *
 * Rules hold some hundreds of short expressions and are read whenever the program starts; tree-sitter takes longer to
 * get ready for each than this takes to read it. The tree is the one that parse_expression makes, without spans. Known
 * are names (and `$name`, which becomes the name `_name`), numbers, strings without escapes, tuples, lists, calls,
 * subscripts, attributes, operators, comparisons, `not`, `and`, `or` and `a if b else c`. */
#ifndef ADGEN_REWRITE_EXPR_H
#define ADGEN_REWRITE_EXPR_H

#include "parser/ast.h"

/* NULL where `text` is no such expression; *error then says where, in bytes from its beginning. */
struct node *expr_read(struct arena *arena, struct atoms *atoms, const char *text, uint32_t *error);

#endif
