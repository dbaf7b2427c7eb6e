/* cursor.h - a walk over tree-sitter's concrete tree: which symbol stands where, in bytes.
 *
 * The core's own cursor also keeps rows, columns and counts of descendants at each step, and makes a node of each
 * place; lowering has no use for them, and spent more time there than on its own work. This one reads the core's
 * subtrees, whose header is private to the core: cursor.c is the only file that knows it, and cmake/deps.txt pins the
 * version that it was written for.
 *
 * Places that the grammar hides are passed through, so a child here is a child of the public tree. */
#ifndef ADGEN_PARSER_CURSOR_H
#define ADGEN_PARSER_CURSOR_H

#include <stdint.h>
#include <tree_sitter/api.h>

#include "base/vec.h"

struct arena;
struct cursor_level;

struct cursor {
    const TSLanguage *language;
    struct arena *arena;
    VEC(struct cursor_level) levels; /* from the root's children to those among which the cursor stands */
    TSSymbol symbol;                 /* the node under the cursor: as the public tree names it, aliases included, */
    uint32_t start, end;             /* and its bytes */
};

/* Put the cursor on the root of a tree, which must outlive it. The stack of levels grows in `arena`, and is used again
 * by the next walk. */
void cursor_begin(struct cursor *cursor, struct arena *arena, TSNode root);
/* To the first child; false, and the cursor stays, where there is none. */
bool cursor_down(struct cursor *cursor);
/* To the next sibling; false where there is none: then only cursor_up() may follow. */
bool cursor_next(struct cursor *cursor);
/* To the parent of a node that is not the root; its symbol and bytes are not set again. */
void cursor_up(struct cursor *cursor);
/* Where the parent of a node that is not the root ends. */
uint32_t cursor_parent_end(const struct cursor *cursor);

#endif
