/* entry.h - which class is translated. */
#ifndef ADGEN_REWRITE_ENTRY_H
#define ADGEN_REWRITE_ENTRY_H

#include "rewrite/unit.h"

/* The pass: set unit->entry to the class that was asked for; else the one that the package's auto mapping names for
 * this file; else the only one that looks like the head of a causal LM. False, with the candidates, where that is not
 * one. */
bool select_entry(struct unit *unit);

/* The call of the base model, in the body of the entry's forward; NULL where the entry holds the layers itself. */
const struct node *model_call(const struct node *body);

#endif
