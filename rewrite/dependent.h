/* dependent.h - operations of the source of which a shape, a branch or a number for Python depends on the data.
 *
 * torch.export cannot trace them. They are looked for in the source as it stands, and what became of each is taken from
 * the account: removed because of a fact, rewritten by a rule, or not understood. */
#ifndef ADGEN_REWRITE_DEPENDENT_H
#define ADGEN_REWRITE_DEPENDENT_H

#include "rewrite/verdict.h"

struct dependent {
    const struct node *at;
    const char *what;              /* such as `nonzero` */
    const char *where;             /* Class.function */
    const struct verdict *verdict; /* of the statement, or of what went with it; NULL: it was not judged */
    const struct cause *part;      /* of the part of the statement that it went with; NULL: it did not */
};

struct dependents {
    VEC(struct dependent) list; /* in the order of the source */
};

/* Those of the modeling file, but for what the entry does not reach. `judge` may be NULL: then all. */
void dependents_find(struct unit *unit, const struct judge *judge, struct dependents *dependents);

/* Whether the shape or the value of what this function or method of a tensor returns depends on the data. */
bool gives_data(atom function);

#endif
