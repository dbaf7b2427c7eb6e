/* scope.h - which names a piece of Python binds, and which it reads from the module around it. */
#ifndef ADGEN_EMIT_SCOPE_H
#define ADGEN_EMIT_SCOPE_H

#include "base/map.h"
#include "parser/ast.h"

/* The names that a node itself binds, without what is below it but its targets. `import a.b` binds "a.b" here. */
void binds_visit(const struct node *n, void (*visit)(void *user, atom name), void *user);

/* Put the names that a statement binds where it stands, those of its branches among them, and `import a.b` as a. */
void scope_binds(struct arena *arena, struct atoms *atoms, const struct node *stmt, struct map *names);

/* Put the names that are read below `n` and that no function or comprehension there binds: they are the module's, or
 * Python's. What the body of a class binds is among them, since its methods do not see that. */
void scope_reads(struct arena *arena, struct atoms *atoms, const struct node *n, struct map *names);

#endif
