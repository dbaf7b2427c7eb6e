/* tidy.h - see tidy.c. */
#ifndef ADGEN_REWRITE_TIDY_H
#define ADGEN_REWRITE_TIDY_H

#include "rewrite/unit.h"

void tidy(struct unit *unit);              /* before names are assigned */
void tidy_control_flow(struct unit *unit); /* after */

/* tidy_attrs.c */
void localise_attributes(struct unit *unit, struct functions *all);
/* A dropout that is an item of nn.ModuleDict goes where nobody reads it. */
void drop_idle_items(struct unit *unit, struct functions *all);
void drop_replaced_stores(struct node *block);
void take_wanted_names(struct unit *unit, struct functions *all);

#endif
