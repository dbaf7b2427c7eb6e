/* token_sizes.h - see token_sizes.c. */
#ifndef ADGEN_REWRITE_TOKEN_SIZES_H
#define ADGEN_REWRITE_TOKEN_SIZES_H

#include "rewrite/unit.h"

/* What is known of the program; begins with a unit and zeros. */
struct inputs {
    struct unit *unit;
    struct map hidden; /* variables that hold hidden states, as parameters and around loops do: web -> not NULL */
};

bool is_scalar(const struct node *e);
int rank_of_hidden(const struct node *e); /* 2 or 3; 0: anything else */
/* The number of tokens of a sequence. */
bool is_token_count(struct inputs *in, const struct node *e);
/* torch.arange of that: of integers. */
bool is_count(struct inputs *in, const struct node *e);
/* Whether the called function, which only this calls, may count; then what its parameters are given is known. */
bool enter_call(struct inputs *in, const struct node *call);

#endif
