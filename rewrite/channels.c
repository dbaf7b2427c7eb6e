/* channels.c - convolutions along the sequence in [B, S, C], without transposes.
 *
 * Reads   functions in which equations have left torch_causal_conv1d between two transposes.
 * Writes  the same values with tensors kept in [B, S, C] from the projection before the op to the one after it.
 * Guarantees  what layout.c does; it is the same work on tensors of three dimensions (swap.h). */
#include "rewrite/channels.h"

#include "rewrite/rules.h"
#include "rewrite/swap.h"

struct swaps {
    struct node ***at;
    uint32_t len, cap;
};

/* The transposes of tensors of three dimensions. A tensor of which the rank is not known may have four. */
static void collect(struct layout *l, struct values *values, struct node **slot, struct swaps *swaps) {
    struct node *e = *slot;
    if (e == NULL)
        return;
    for (uint32_t i = 0; i < e->nkids; i++)
        collect(l, values, &e->kid[i], swaps);
    if (is_swap(e, 3) && value_of(values, receiver(e))->rank == 3)
        vec_push(l->unit->arena, swaps, slot);
}

static void turn(struct layout *l) {
    struct unit *unit = l->unit;
    struct swaps swaps = {0};
    for (bool more = true; more;) {
        struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
        swaps.len = 0;
        collect(l, values, &l->fn->body, &swaps);
        more = values_infer_ranks(values);
    }
    for (uint32_t i = 0; i < swaps.len; i++) {
        struct node *s = swapped(l, receiver(*swaps.at[i]), 3);
        *swaps.at[i] = s ? s : *swaps.at[i];
    }
    cancel_transposes(l);
}

void turn_channels(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct layout l = {.unit = unit, .fn = all.list.at[i], .all = &all, .rank = 3};
        if (calls_op(l.fn->body, "torch_causal_conv1d"))
            turn(&l);
    }
}
