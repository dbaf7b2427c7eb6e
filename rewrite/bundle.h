/* bundle.h - a configuration class for the emitted file; see bundle.c. */
#ifndef ADGEN_REWRITE_BUNDLE_H
#define ADGEN_REWRITE_BUNDLE_H

#include "rewrite/unit.h"

struct bundle {
    struct node *cls;   /* CLASS, complete */
    atom model_type;    /* to register it under; NULL where the source does not say */
    struct map imports; /* "module:name" -> module that its code needs; the name is empty for `import module` */
};

/* The pass: unit->bundle, where it is asked for or the modeling file defines the class itself. */
bool bundle_config(struct unit *unit);

#endif
