/* expert_params.h - parameters of experts that are made where there are experts. */
#ifndef ADGEN_REWRITE_EXPERT_PARAMS_H
#define ADGEN_REWRITE_EXPERT_PARAMS_H

#include "rewrite/unit.h"

/* Drop `if n > 0` around parameters that are None otherwise: a list of no modules holds what None does. */
void make_parameters_always(struct unit *unit, const struct cls *cls);

#endif
