/* checkpoint.h - how a model's parameters are called in the checkpoint that is published.
 *
 * The library renames and converts keys when it loads; the published keys are what that is undone from. The description
 * is the list of conversions that the library would apply to the model at hand, looked up as it does: the entry and
 * every model inside it, by class name first, then by the model type of its configuration, confined to the inner
 * model's keys. A package without a table of conversions, and code that is not of the package, publish their own keys.
 */
#ifndef ADGEN_REWRITE_CHECKPOINT_H
#define ADGEN_REWRITE_CHECKPOINT_H

#include "rewrite/conversion.h"

struct checkpoint;

/* The description for the unit's entry; NULL where keys are published as they are. *ok is false, with a diagnostic,
 * where the package says something that is not understood. */
struct checkpoint *checkpoint_read(struct unit *unit, bool *ok);

/* Where the value of one of the model's own keys is on disk. */
struct published {
    const char *key;
    const struct conversion *converter; /* it is made from `key` by these operations; NULL: it is the value of `key` */
    uint32_t part;                      /* with a converter: which of its targets */
    const char *problem;                /* not understood; `key` is NULL */
};
/* Where a converter makes it from several, `source` says which of them is meant. A NULL checkpoint publishes keys as
 * they are. */
struct published checkpoint_publish(const struct checkpoint *checkpoint, const char *own, uint32_t source);

/* The pass that gives parameters their published paths; see published.c. */
bool published_paths(struct unit *unit);

#endif
