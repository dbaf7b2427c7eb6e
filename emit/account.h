/* account.h - what became of each statement of the source.
 *
 * Nodes of the residual program keep the place they came from. So a statement is alive at some point of the translation
 * if a node that starts inside of it is in the program then; the difference between two points says which pass ended
 * it. */
#ifndef ADGEN_EMIT_ACCOUNT_H
#define ADGEN_EMIT_ACCOUNT_H

#include "rewrite/trace.h"
#include "rewrite/unit.h"

enum stage { STAGE_SPECIALISED = 1, STAGE_PRUNED = 2, STAGE_FINAL = 4 };

struct account {
    uint8_t *stages; /* for each byte of the modeling file: the stages at which a node that starts there is alive */
};

/* The program as it is now is that of this stage. */
void account_take(struct account *account, struct unit *unit, enum stage stage);

/* The stages at which something of [start, end) is alive. */
uint8_t account_stages(const struct account *account, uint32_t start, uint32_t end);

enum fate { FATE_KEPT, FATE_REWRITTEN, FATE_REMOVED, FATE_NOT_UNDERSTOOD };

struct verdict {
    enum fate fate;
    const char *why; /* NULL for FATE_KEPT */
    VEC(atom) by;    /* ids of rules and facts */
};

const char *fate_text(enum fate fate);

/* What became of the source statement; of a compound one, its head. `fn` is the function definition around it. */
struct verdict account_of(
    const struct account *account, struct unit *unit, const struct node *fn, const struct node *stmt);

#endif
