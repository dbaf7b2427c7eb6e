/* loops.h - what a variable holds after a loop, as a value.
 *
 *     out, state = a, b
 *     for i in range(n):
 *         out[:, i] = f(state, i)
 *         state = g(state, i)
 *
 * Inside of the body, `out` and `state` are variables of which nothing is known. After the loop the value of `out` is
 *
 *     adgen.loop(range(n), i, out, a, adgen.stored(out, out[:, i], f(state, i)), (state, b, g(state, i)))
 *
 * the range, the counter, the variable, its value before the loop and at the end of the body, and the same three for
 * each other variable that the body carries and this one needs, in the order in which the loop lists them. So a rule
 * can say which recurrence it means; what it calls the variables is its own affair. */
#ifndef ADGEN_REWRITE_LOOPS_H
#define ADGEN_REWRITE_LOOPS_H

#include "rewrite/value.h"

/* The value that a variable of a loop has after it, once the body has been valued. NULL where that is not known: of
 * loops that do not run over range(), or whose body is more than assignments. */
const struct value *value_after_loop(struct values *values, struct node *loop, struct web *web);

/* The value of a variable after `name[i] = v`, for a variable of a loop; NULL for any other. */
const struct value *value_of_store(struct values *values, const struct web *web);

#endif
