/* latents.h - the linear layer that expands latents to keys and values. */
#ifndef ADGEN_REWRITE_LATENTS_H
#define ADGEN_REWRITE_LATENTS_H

#include "rewrite/apply.h"

template_function make_expansion; /* `expansion` of TEMPLATE_FUNCTIONS; the user of the rewriter is a struct fn */

#endif
