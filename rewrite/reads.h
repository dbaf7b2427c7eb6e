/* reads.h - who reads what in the source, and so why what was defined is not needed any more.
 *
 * The functions that the entry reaches are read as they stand in the source: there the readers are that the facts have
 * taken away. From a definition the search goes to its readers, and on through what they define, the parameters that
 * they fill and the results that they return, to the nearest reader that is known to be gone. */
#ifndef ADGEN_REWRITE_READS_H
#define ADGEN_REWRITE_READS_H

#include "rewrite/account.h"

struct reads;

struct reads *reads_collect(struct unit *unit);

/* Whether the function with this definition was run, as itself or in its callers. */
bool reads_reached(const struct reads *reads, const struct node *def);

/* The statement of a reached function in which a call stands; NULL where there is none. */
const struct node *reads_statement_at(const struct reads *reads, struct span span);

/* Why something went: an id for --explain, its text, and the reader that went first (NULL: what is asked for itself).
 */
struct cause {
    const char *id, *why;
    const struct node *reader;
};

enum wanted {
    WANT_REASON, /* a reader that the facts have taken away */
    WANT_RULE    /* a reader that was rewritten */
};

/* Each is false where the search ends without an answer. */
bool cause_of_statement(struct reads *reads, const struct node *stmt, enum wanted wanted, struct cause *cause);
bool cause_of_parameter(struct reads *reads, const struct node *def, atom name, struct cause *cause);
bool cause_of_definition(struct reads *reads, atom name,
    struct cause *cause); /* of a class, function or import: a reader that is gone itself */
bool cause_of_mention(
    const struct reads *reads, atom name, struct cause *cause); /* a decorator, an annotation, a base */

/* The first statement that reads a name of the module as a value; NULL: none does. */
const struct node *reads_first(const struct reads *reads, atom name);

/* The smallest part of the source around [start, end) that is decided, facts before constants; NULL: none. */
const struct decided *decided_around(const struct unit *unit, struct span span);

/* The bytes of a statement that are its own: a compound one ends where its body begins. */
struct span own_span(const struct node *stmt);

#endif
