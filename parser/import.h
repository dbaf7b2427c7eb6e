/* import.h - import statements as they are nearly always written, read without the grammar.
 *
 * A module's imports are a twentieth of the time that its parsing takes, and nothing in them is hard to read: words,
 * dots and commas. What is written in any other way is left to the grammar. */
#ifndef ADGEN_PARSER_IMPORT_H
#define ADGEN_PARSER_IMPORT_H

#include "base/source.h"
#include "parser/ast.h"

/* The IMPORT or IMPORTFROM that whole lines of a file hold, as parsing them gives it; NULL where there is a comment, a
 * second statement, or a spelling that this does not know. */
struct node *import_read(struct arena *arena, struct atoms *atoms, struct source *source, struct span lines);

#endif
