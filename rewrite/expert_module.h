/* expert_module.h - what one expert computes that is a module of its own. */
#ifndef ADGEN_REWRITE_EXPERT_MODULE_H
#define ADGEN_REWRITE_EXPERT_MODULE_H

#include "rewrite/unit.h"

/* down(act(gate(x)) * up(x)), or without a gate down(act(up(x))), of linear layers. */
struct expert_module {
    struct attr *gate; /* NULL: there is none */
    struct attr *up, *down;
    struct node *activation; /* its name: a symbol (absval.h) */
    struct node *bias;       /* whether layers have biases, which no op can say: a symbol; NULL: they have none */
};

/* Whether the forward of the class computes just that. */
bool expert_module_read(struct unit *unit, struct cls *cls, struct expert_module *module);

/* Whether a value is silu(gate) * up, but for casts. */
struct value;
bool is_gated_by_silu(const struct value *v, const struct value *gate, const struct value *up);

/* An attribute that the constructor stores once for good; NULL for any other. */
struct attr *kept_in(const struct cls *cls, atom name);

/* The name in ACT2FN[name]; NULL where the attribute holds anything else. */
struct node *activation_name(const struct attr *attr);

#endif
