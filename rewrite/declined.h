/* declined.h - flags of the configuration of which one value is served, and the other declined.
 *
 * Where a flag chooses between attention that is understood and something that is not, or whether the module changes
 * while it runs, the model is translated for the one value, and the emitted constructor raises for the other
 * (declined.c). */
#ifndef ADGEN_REWRITE_DECLINED_H
#define ADGEN_REWRITE_DECLINED_H

#include "rewrite/unit.h"

/* config.field is `served`: by assumption. NULL where nothing is assumed of it. */
const struct absval *served_value(struct unit *unit, const struct absval *config, atom field);

/* A join of `then` and `other` has lost a mask that one of them is: notes which flags its test hangs on. */
void note_lost_mask(struct unit *unit, const struct node *test, const struct absval *then, const struct absval *other);

/* A call of a module changes it where the test, in terms of `config`, holds or does not: notes the flag. */
void note_state_under(struct unit *unit, const struct node *test, bool holds);

/* `if test: raise ...` of a constructor of the source, `raises` its branch: a value that is declined already is kept.
 */
void note_declined(
    struct unit *unit, const struct fn *fn, const struct absval *test, bool holds, const struct node *raises);

/* What the emitted constructor declines: the other value than this choice's; NULL: nothing. */
const struct choice *declined_choice(const struct unit *unit);
/* "field=True" of the value that is declined, or NULL. */
const char *declined_setting(const struct unit *unit);

#endif
