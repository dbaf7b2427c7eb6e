/* polynomial.h - sizes that are equal whichever way they are reckoned. */
#ifndef ADGEN_REWRITE_POLYNOMIAL_H
#define ADGEN_REWRITE_POLYNOMIAL_H

#include "parser/ast.h"

/* Whether two expressions are equal as polynomials: (a + b) * c and a * c + c * b are. What is no sum, difference or
 * product of integers is an indeterminate, the same wherever it is spelled the same. False where they are too large. */
bool polynomials_equal(const struct node *a, const struct node *b);

#endif
