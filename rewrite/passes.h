/* passes.h - the translation as a list: what is done to a modeling file, in order. */
#ifndef ADGEN_REWRITE_PASSES_H
#define ADGEN_REWRITE_PASSES_H

#include "rewrite/reason.h"
#include "rewrite/unit.h"

struct pass {
    const char *name;
    bool (*run)(struct unit *unit); /* false with diagnostics */
    const char *what;
};

/* The entry after the last has a NULL name. */
extern const struct pass passes[];

/* NULL if there is none with this name. */
const struct pass *pass_find(const char *name);

/* What a pass did at one place of the source, for the trace. */
void pass_record(struct unit *unit, const char *pass, const struct node *at, const struct fn *fn);
/* The same for a step of the pass that has a reason of its own. */
void pass_record_because(struct unit *unit, reason because, const struct node *at, const struct fn *fn);
/* The same in other words than the table's. */
void pass_record_as(struct unit *unit, const char *pass, const struct node *at, const struct fn *fn, const char *what);

/* All passes, or those up to and including `last` if that is not NULL. False where one failed. */
bool passes_run(struct unit *unit, const struct pass *last);

#endif
