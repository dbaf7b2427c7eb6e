/* account.h - what becomes of the source, noted while it happens.
 *
 * Kept only where somebody asks for it (unit->account is NULL else, and every function here does nothing). There are
 * three kinds of notes: parts of the source that the facts decide or pass by, with the reason; calls whose function is
 * known; and for every byte of the source the last pass after which a statement, or another expression, that starts
 * there is still in the program. verdict.h draws the conclusions. */
#ifndef ADGEN_REWRITE_ACCOUNT_H
#define ADGEN_REWRITE_ACCOUNT_H

#include "rewrite/facts.h"
#include "rewrite/trace.h"
#include "rewrite/unit.h"

struct pass;
struct lineage;
struct printed;

/* A part of the source that is not evaluated, or whose value is known and stands in its place. */
struct decided {
    struct span span;
    const struct fn *host; /* the residual function that was being written */
    reason because;
    bool through; /* a call that is one of its own arguments: that one goes on */
};

struct called {
    struct span span; /* of the call */
    struct fn *fn;
    const struct fn *host;
    bool unfolded;
};

/* The last stage at which something is alive; the passes count from 1. */
enum { STAGE_NEVER = 0, STAGE_EMITTED = 255 };

struct account {
    VEC(struct decided) decided;
    VEC(struct called) calls;
    struct trace facts;      /* each application of a fact */
    const struct fn *host;   /* the residual function that is being written */
    uint8_t *statement;      /* for each byte: the last stage of a statement that starts there */
    uint8_t *expression;     /* the same for an expression that is more than a name or a constant */
    bool *needed;            /* the logits need the statement before anything is rewritten */
    struct map imported;     /* names that the output imports */
    struct map written;      /* "Class.attribute" of its classes */
    uint8_t specialised;     /* stage of that pass */
    struct lineage *lineage; /* lineage.h */
    struct printed *printed; /* of emit/: where the statements of the output stand */
};

void account_begin(struct unit *unit);

/* A round of specialisation starts: what the last one thought is void. */
void account_restart(struct unit *unit);

/* Notes from now on come from this function; returns the one before, to go back to. */
const struct fn *account_enter(struct unit *unit, const struct fn *host);

/* The run of a loop's body is void: what this function has noted since the point goes. What a function noted that was
 * specialised meanwhile stays, since that happens once. */
struct account_point {
    uint32_t decided, calls;
};
struct account_point account_point(const struct unit *unit);
void account_rewind(struct unit *unit, struct account_point point);

void account_decided(struct unit *unit, const struct node *part, reason because);
void account_through(struct unit *unit, const struct node *call, reason because);
void account_call(struct unit *unit, const struct node *at, struct fn *fn, bool unfolded);
void account_fact(struct unit *unit, const struct fact *fact, const struct node *at, const struct fn *fn);

/* Some of what the logits needed has turned out to be of no use to them: look again at what they need. */
void account_needs(struct unit *unit);

/* The program as it is now is what the pass has left; the emitted tree is the last stage. */
void account_pass(struct unit *unit, const struct pass *pass);
/* A pass has taken a step in a function; what that has changed has one reason. */
void account_step(struct unit *unit, const char *pass, const struct fn *fn, reason because);
/* The same for all functions at once. */
void account_steps(struct unit *unit, const char *pass, reason because);
void account_emitted(struct unit *unit, const struct node *module);

#endif
