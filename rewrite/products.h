/* products.h - matrix products that cannot bring tokens together. */
#ifndef ADGEN_REWRITE_PRODUCTS_H
#define ADGEN_REWRITE_PRODUCTS_H

#include "rewrite/value.h"

/* a @ b, torch.bmm(a, b) */
bool is_matrix_product(const struct value *v);

/* Whether an expression is a matrix product that works on each token by itself. False where it cannot be shown. */
bool product_is_by_token(struct values *values, struct node *product);

#endif
