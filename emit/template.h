/* template.h - a text of templates/ with its @PLACES@ filled in. */
#ifndef ADGEN_EMIT_TEMPLATE_H
#define ADGEN_EMIT_TEMPLATE_H

#include "base/buf.h"

struct place {
    const char *name, *text;
};

/* The embedded file `name` with every @NAME@ replaced; the places end with a NULL name. */
void template_fill(struct buf *out, const char *name, const struct place *places);

#endif
