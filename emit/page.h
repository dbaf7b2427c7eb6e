/* page.h - the review page: source and output side by side, with the account between them. */
#ifndef ADGEN_EMIT_PAGE_H
#define ADGEN_EMIT_PAGE_H

#include "base/buf.h"
#include "emit/adgen.h"

/* One HTML file that needs nothing else, of a translation with its account that was written and is not the input
 * itself. Same input, same bytes. Returns the number of lines that nothing accounts for. */
uint32_t page_html(struct buf *out, struct adgen_result *result);

#endif
