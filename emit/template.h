/* template.h - texts of templates/ with places to fill in. */
#ifndef ADGEN_EMIT_TEMPLATE_H
#define ADGEN_EMIT_TEMPLATE_H

#include "base/buf.h"

struct place {
    const char *name, *text;
};

/* Append the template with every @NAME@ replaced; a NULL name ends the list. */
void template_fill(const char *text, const struct place *places, struct buf *out);

#endif
