/* lift.h - see lift.c. */
#ifndef ADGEN_REWRITE_LIFT_H
#define ADGEN_REWRITE_LIFT_H

#include "rewrite/unit.h"

void lift_tables(struct unit *unit);

#endif
