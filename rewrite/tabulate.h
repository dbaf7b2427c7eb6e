/* tabulate.h - see tabulate.c. */
#ifndef ADGEN_REWRITE_TABULATE_H
#define ADGEN_REWRITE_TABULATE_H

#include "rewrite/unit.h"

void tabulate(struct unit *unit);

#endif
