/* conversion.h - the package's table of what is renamed and converted when a checkpoint is loaded
 * (conversion_mapping.py).
 *
 * The table is a Python file of 150 KB, a few entries of which matter to a model. It is indexed by a scan that only
 * knows strings, comments and brackets; the entries that are asked for are parsed and evaluated: lists of calls,
 * `.copy()` and
 * `+` of lists, `+=`, and the aliases that stand before the table. What an entry says otherwise is refused, not
 * guessed. */
#ifndef ADGEN_REWRITE_CONVERSION_H
#define ADGEN_REWRITE_CONVERSION_H

#include "base/vec.h"
#include "rewrite/unit.h"

/* An operation of a converter: `Chunk(dim=0)`. */
struct operation {
    atom name;
    const struct node *call;
};

/* One entry of a list, in the direction of loading: keys that match a source become the target. */
struct conversion {
    enum { CONVERSION_RENAME, CONVERSION_PREFIX, CONVERSION_CONVERT, CONVERSION_OTHER } kind;
    atom name;                        /* the class that was called */
    VEC(const char *) source, target; /* patterns; for a PREFIX they follow from the next three */
    const char *prefix_to_add, *prefix_to_remove, *model_prefix; /* PREFIX; the first two exclude each other */
    VEC(struct operation) operations;                            /* CONVERT */
    const char *scope; /* module to which it is confined, without the base model's prefix; NULL: none */
    const char *base;  /* with a scope: the root's base_model_prefix */
};

struct conversions {
    VEC(struct conversion *) list;
};

struct conversion_table;

/* The table of the unit's package, or NULL where the package has none. Nothing is parsed yet. */
struct conversion_table *conversion_table_open(struct unit *unit);

/* The entries under a class name or model type, in order, appended to `into`. *found says whether there are any. False,
 * with a diagnostic, where the table says something that is not understood. */
bool conversion_table_get(struct conversion_table *table, atom key, struct conversions *into, bool *found);

#endif
