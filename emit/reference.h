/* reference.h - the reference for tests of a model that no library has: the source's own definitions, as they are. */
#ifndef ADGEN_EMIT_REFERENCE_H
#define ADGEN_EMIT_REFERENCE_H

#include "emit/emit.h"

struct reference {
    struct imports imports;   /* of the definitions: absolute, from libraries only */
    struct node *definitions; /* MODULE */
    const char *files;        /* where they are from: "modeling_x.py and configuration_x.py" */
};

/* Whether the tests of a translation import their reference: the source lies in a package that can be installed. */
bool reference_is_installed(const struct unit *unit);

/* Copy what the entry and its configuration class need, from the source and the files beside it. False, with a warning
 * that says why, where that cannot stand in one module. */
bool reference_copy(struct unit *unit, struct reference *reference);

/* Whether every name that the definitions define means the same in the whole module of tests, imports included; false,
 * with a warning. */
bool reference_stands_in(struct unit *unit, const struct reference *reference, const struct node *tests);

#endif
