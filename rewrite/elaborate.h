/* elaborate.h - Python that a pass writes, brought to the form in which the specialiser leaves the program. */
#ifndef ADGEN_REWRITE_ELABORATE_H
#define ADGEN_REWRITE_ELABORATE_H

#include "rewrite/unit.h"

/* The residual statements of Python text that stands in a specialised function, as a BLOCK that belongs nowhere yet.
 * The text sees `self`, the names of the module, and those of `names`: name -> struct val. */
struct node *elaborate(struct unit *unit, struct fn *fn, const struct map *names, const char *text);

/* In such a text a name stands for an expression. */
void bind_expr(struct unit *unit, struct map *names, const char *name, struct node *expr);

/* Define a class of the module by the Python text of one, under a name of its own. It is constructed, and emitted, as
 * any other class. */
struct cls *define_class(struct unit *unit, struct module *module, atom name, const char *text);

#endif
