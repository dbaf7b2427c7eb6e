/* reason.h - why a part of the source is not in the output: a small number on abstract values, an id for people.
 *
 * The numbers below REASON_FACTS are those of reasons.def, the others facts of rules/prefill.yaml in order. */
#ifndef ADGEN_REWRITE_REASON_H
#define ADGEN_REWRITE_REASON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/atom.h"

enum {
    REASON_NONE,
#define X(name, id, why) REASON_##name,
#include "rewrite/reasons.def"
#undef X
    REASON_FACTS
};

typedef uint16_t reason;

struct facts;

struct explanation {
    const char *id, *why;
};

/* Every reason from 1 on; an id of NULL behind the last. */
struct explanation reason_explain(const struct facts *facts, reason why);

/* --list-rules: a line a reason, and the passes, which are reasons too. */
void reasons_list(FILE *out, const struct facts *facts);
/* --explain: all about one of them; false where there is none with this id. */
bool reasons_explain(FILE *out, const struct facts *facts, const char *id);

#endif
