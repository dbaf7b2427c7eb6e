/* lineage.h - where each statement of the program comes from, and which passes have made or changed it.
 *
 * Kept with the account: where nobody asks for that, every function here does nothing and knows nothing. A statement is
 * known by its node, so that one which stands in two classes has two lines. What the facts take out of a statement and
 * what rules make of it has its records in the account; lineage says that something did change, and when. */
#ifndef ADGEN_REWRITE_LINEAGE_H
#define ADGEN_REWRITE_LINEAGE_H

#include "rewrite/reason.h"
#include "rewrite/unit.h"

struct lineage;

enum { LINE_WRITTEN = 31 }; /* the number of the emission, behind those of the passes */

struct line {
    const struct node *from; /* the statement or definition of the source that it is, or takes the place of; or NULL */
    uint64_t text;           /* its own part, blocks aside, as a hash */
    uint32_t passes;         /* bit i: pass i of the table made or changed it */
    uint32_t bare;           /* bit i: and did so in a way that has no reason of its own */
    uint64_t because;        /* bit i: reason i, of a step of a pass */
    uint64_t form;           /* bit i: reason i, by what the specialiser has made of it */
    bool written;            /* it is in the output */
};

/* The program after a pass, by its number in the table of passes; the module that is written. */
void lineage_pass(struct unit *unit, const struct functions *functions, uint32_t pass);
/* A function after a step of a pass: what has changed since the last look has that reason. */
void lineage_step(struct unit *unit, const struct node *body, uint32_t pass, reason because);
void lineage_written(struct unit *unit, const struct node *module);

/* `made` takes the place of `from`, a statement of the program or a definition of the source. */
void lineage_made(struct unit *unit, const struct node *made, const struct node *from);
/* `copy` is a node_copy of `from`: its statements go on with the lines of those. */
void lineage_copied(struct unit *unit, const struct node *copy, const struct node *from);

/* Whether the output has the statement or definition of the source, or something in its place; what has changed that,
 * as `passes`, `bare`, `because` and `form` of a line. */
bool lineage_reaches(const struct unit *unit, const struct node *from);
struct line lineage_changes(const struct unit *unit, const struct node *from);

/* NULL: nothing is known of it. */
const struct line *line_of(const struct unit *unit, const struct node *stmt);
/* The statement says what `from` does; parentheses and line breaks aside. */
bool line_is_unchanged(const struct line *line);

#endif
