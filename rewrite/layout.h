/* layout.h - see layout.c. */
#ifndef ADGEN_REWRITE_LAYOUT_H
#define ADGEN_REWRITE_LAYOUT_H

#include "rewrite/unit.h"

void change_layout(struct unit *unit);

#endif
