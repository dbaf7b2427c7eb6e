/* idle.h - see idle.c. */
#ifndef ADGEN_REWRITE_IDLE_H
#define ADGEN_REWRITE_IDLE_H

#include "rewrite/unit.h"

void drop_idle_views(struct unit *unit);

#endif
