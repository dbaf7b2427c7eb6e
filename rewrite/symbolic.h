/* symbolic.h - values that are known at construction, as expressions over `config` and `layer_idx`. */
#ifndef ADGEN_REWRITE_SYMBOLIC_H
#define ADGEN_REWRITE_SYMBOLIC_H

#include "rewrite/unit.h"

/* Whether two such expressions have the same value for every configuration and layer. False where it cannot be shown.
 */
bool symbols_equivalent(struct unit *unit, struct node *a, struct node *b);

/* The configuration that the class is constructed with, which may be a part of the model's: a symbol. */
struct node *class_config(struct unit *unit, const struct cls *cls);

/* The expression in terms of the parameters of the class's __init__, or NULL where they do not hold what it needs. */
struct node *symbol_in_class(struct unit *unit, struct cls *cls, struct node *symbol);

/* An attribute of the class that holds the value: one that is there, else a new one called by the first of `names`
 * (which end with NULL) that is free. NULL as for symbol_in_class. */
atom attribute_for_symbol(struct unit *unit, struct cls *cls, struct node *symbol, const char *const *names);

struct attr *class_attr_of(const struct cls *cls, atom name);

#endif
