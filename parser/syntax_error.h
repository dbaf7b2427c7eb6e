/* syntax_error.h - where the first syntax error of a text is. */
#ifndef ADGEN_PARSER_SYNTAX_ERROR_H
#define ADGEN_PARSER_SYNTAX_ERROR_H

#include <tree_sitter/api.h>

#include "parser/lower.h"

/* Report the first syntax error of the text of `len` bytes at l->base, whose tree has an ERROR or MISSING node. */
void report_syntax(struct lower *l, TSParser *parser, TSNode root, uint32_t len);

#endif
