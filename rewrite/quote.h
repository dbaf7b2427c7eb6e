/* quote.h - code that passes add, written as Python text. */
#ifndef ADGEN_REWRITE_QUOTE_H
#define ADGEN_REWRITE_QUOTE_H

#include "rewrite/unit.h"

/* What stands for a name of the text. */
struct hole {
    const char *name;
    struct node *node;
};

/* The MODULE of a text, parsed once in a context: copy what is taken from it. */
const struct node *quoted(struct unit *unit, const char *text);

/* A copy of it in which every name of a hole is replaced by a copy of its node; a NULL name ends the list. */
struct node *quote(struct unit *unit, const char *text, const struct hole *holes);

#endif
