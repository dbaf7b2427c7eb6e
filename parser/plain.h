/* plain.h - what is as plain as a table: imports, values that are written out, headers of definitions.
 *
 * A sixth of the time that parsing a model takes went into such lines, the fields of its configuration above all.
 * Words, literals, dots, commas and brackets are all there is in them, so they are read without the grammar, in an
 * eighth of that. The nodes are those that lowering makes. What is written in any other way is left to the grammar,
 * which also says what is wrong with it: nothing here reports anything. */
#ifndef ADGEN_PARSER_PLAIN_H
#define ADGEN_PARSER_PLAIN_H

#include "parser/lower.h"
#include "parser/parse.h"

/* The MODULE of lines that hold one plain statement, or none; NULL where they hold anything else. */
struct node *plain_statement(struct lower *l, const struct lines *lines);

/* The CLASS or FUNCTION of which the header stands at the start of the lines, decorators among it; its BLOCK is empty.
 * The lines become those behind it. NULL where the header is not plain. */
struct node *plain_header(struct lower *l, struct lines *lines);

#endif
