/* dynamic_attrs.h - attributes with computed names: setattr(self, f"{layer_type}_x", value). */
#ifndef ADGEN_REWRITE_DYNAMIC_ATTRS_H
#define ADGEN_REWRITE_DYNAMIC_ATTRS_H

#include "rewrite/unit.h"

/* Whether two f-strings differ in their variables alone. */
bool same_format(const struct node *a, const struct node *b);

/* What the names of an f-string have in common, such as "{}_x"; NULL for another expression. */
atom attribute_form(struct atoms *atoms, const struct node *name);

/* Drops those that no method reads. Returns whether there were any. */
bool drop_unread_attributes(struct unit *unit);

#endif
