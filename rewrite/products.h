/* products.h - matrix products that cannot bring tokens together. */
#ifndef ADGEN_REWRITE_PRODUCTS_H
#define ADGEN_REWRITE_PRODUCTS_H

#include "rewrite/unit.h"

/* Whether an expression is a matrix product that works on each token by itself. False where it cannot be shown. */
bool product_is_by_token(struct unit *unit, struct node *product);

/* Whether it weighs something by a softmax: attention. */
bool product_is_attention(struct unit *unit, struct node *product);

#endif
