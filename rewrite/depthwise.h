/* depthwise.h - convolutions along the sequence that the op for them computes. */
#ifndef ADGEN_REWRITE_DEPTHWISE_H
#define ADGEN_REWRITE_DEPTHWISE_H

#include "rewrite/apply.h"

template_function make_depthwise; /* `depthwise` of TEMPLATE_FUNCTIONS; the user of the rewriter is a struct fn */

#endif
