/* counted.h - see counted.c. */
#ifndef ADGEN_REWRITE_COUNTED_H
#define ADGEN_REWRITE_COUNTED_H

#include "rewrite/unit.h"

void read_positions(struct unit *unit);

#endif
