/* fill.h - see fill.c. */
#ifndef ADGEN_REWRITE_FILL_H
#define ADGEN_REWRITE_FILL_H

#include "rewrite/unit.h"

void join_filled(struct unit *unit);

#endif
