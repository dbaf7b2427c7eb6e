/* chosen_keys.h - attention to the keys that scores of the model itself choose. */
#ifndef ADGEN_REWRITE_CHOSEN_KEYS_H
#define ADGEN_REWRITE_CHOSEN_KEYS_H

#include "rewrite/unit.h"

/* A pass: what is written at the places of all keys is written everywhere. */
bool drop_choices(struct unit *unit);
/* Refuse every choice of keys; whether there is one. Masks that are left over follow from it. */
bool refuse_chosen_keys(struct unit *unit, const struct functions *functions);

#endif
