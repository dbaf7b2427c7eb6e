/* python.h - the Python printer: tree in, source text out, laid out as `ruff format` at line length 100 leaves it.
 *
 * The printer decides all layout itself; from the source it keeps only comments, blank lines between statements (at
 * most one, two at module level), redundant parentheses inside expressions, and trailing commas that keep a bracket
 * exploded. Parentheses that precedence demands need no NF_PAREN. A MATCH is printed as it was written.
 *
 * The tree is not changed, but node.mark is used while it is printed and zero afterwards: one printer at a time. */
#ifndef ADGEN_EMIT_PYTHON_H
#define ADGEN_EMIT_PYTHON_H

#include "base/buf.h"
#include "parser/ast.h"

enum { LINE_LENGTH = 100 };

/* A MODULE, a statement (with its newline) or an expression (flat, without one). */
void print_python(struct buf *out, const struct node *node);

/* Where the statements of a printed MODULE stand: bytes of the text, with the comments before them. In the order in
 * which they begin; a compound statement holds those of its blocks. */
struct printed_stmt {
    const struct node *stmt;
    struct span text;
};
struct printed {
    struct arena *arena;
    uint32_t header; /* bytes before the MODULE, once it is in its file */
    VEC(struct printed_stmt) stmts;
};

/* A MODULE whose comments have moved: those that are wider than a line now go on in the next. `printed` may be NULL. */
void print_python_wrapped(struct buf *out, const struct node *module, struct printed *printed);

#endif
