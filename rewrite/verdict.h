/* verdict.h - what became of each class, function, parameter and statement of the source, and why.
 *
 * Drawn from the account when the translation is over. --trace prints the records, the JSON report the verdicts that
 * they were made from. */
#ifndef ADGEN_REWRITE_VERDICT_H
#define ADGEN_REWRITE_VERDICT_H

#include "rewrite/reads.h"

struct pass;

enum fate { FATE_KEPT, FATE_REWRITTEN, FATE_REMOVED, FATE_NOT_UNDERSTOOD };

/* A part of a statement that went, or one of a definition (a decorator). */
struct part {
    struct span span;
    struct cause cause;
};

struct verdict {
    enum fate fate;
    VEC(const char *) by;      /* ids that --explain knows */
    const char *why;           /* NULL for FATE_KEPT */
    const struct node *reader; /* the nearest reader that went first, or NULL */
    VEC(struct part) parts;
};

const char *fate_text(enum fate fate);

struct judge {
    struct unit *unit;
    struct reads *reads;
    uint8_t last;             /* the last stage that was reached */
    struct verdict **verdict; /* by place */
    struct trace records;     /* all there is to say, by place */
};

/* NULL where nobody asked for the account. */
struct judge *judge_source(struct unit *unit);

/* Of a statement, a definition or a parameter of the modeling file. */
const struct verdict *verdict_on(const struct judge *judge, const struct node *n);

/* Of what the pass changes the records are those of facts and rules. */
bool pass_has_records(const struct pass *pass);

/* -- between verdict.c and judge.c --------------------------------------------------------------------------------- */

void verdict_because(struct judge *j, struct verdict *v, enum fate fate, reason because);
void verdict_cause(struct judge *j, struct verdict *v, enum fate fate, const struct cause *cause);
void verdict_statement(struct judge *j, const struct node *def, const struct node *stmt, struct verdict *v);
/* False where the parameter is still there. */
bool verdict_parameter(struct judge *j, const struct node *def, atom name, enum op role, struct cause *cause);
/* Whether a diagnostic refuses the statement itself. */
bool verdict_refused(const struct judge *j, const struct node *stmt, struct verdict *v);
/* Rules that were applied in a range, each once. */
void verdict_rules(struct judge *j, struct span span, struct verdict *v);

#endif
