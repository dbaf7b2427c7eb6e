/* expert_loop.h - between the two halves of the pass that gathers experts (expert_loop.c, experts.c). */
#ifndef ADGEN_REWRITE_EXPERT_LOOP_H
#define ADGEN_REWRITE_EXPERT_LOOP_H

#include "rewrite/unit.h"

/* A loop that gives every token the sum of what its experts make of it. */
struct expert_loop {
    struct fn *fn;
    struct node *block; /* statement `at` of it is the loop */
    uint32_t at;
    struct web *result;                    /* the variable that holds the sum after the loop */
    struct node *x, *chosen, *weights;     /* tokens, and for each the ids of its experts and their weights */
    struct attr *gate_up, *down, *act;     /* attributes of fn's class */
    struct node *count, *hidden, *between; /* number of experts, and their dimensions: symbols (absval.h) */
};

/* Whether statement `at` of the block is one of which all is known; then `loop` describes it. */
bool expert_loop_read(struct unit *unit, struct fn *fn, struct node *block, uint32_t at, struct expert_loop *loop);

#endif
