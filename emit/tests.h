/* tests.h - the tests of an emitted model: pytest, against Hugging Face, from blocks to the exported model. */
#ifndef ADGEN_EMIT_TESTS_H
#define ADGEN_EMIT_TESTS_H

#include "base/buf.h"
#include "rewrite/unit.h"

/* The tests of a translation that went through, whose text is in `module` (a name without suffix) of AutoDeploy's
 * custom models. They import the reference; of a source that no package has, they hold a copy of it (*copied, which may
 * be NULL). False, with a diagnostic, where there is nothing to compare it with. */
bool emit_tests(struct unit *unit, const char *module, struct buf *out, bool *copied);

#endif
