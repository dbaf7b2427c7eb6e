/* hoist.h - see hoist.c. */
#ifndef ADGEN_REWRITE_HOIST_H
#define ADGEN_REWRITE_HOIST_H

#include "rewrite/unit.h"

void hoist_table_work(struct unit *unit);

#endif
