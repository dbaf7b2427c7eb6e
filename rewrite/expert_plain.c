/* expert_plain.c - the sum over experts where no op computes what one of them does.
 *
 * Every module is called with all tokens, which torch.export can trace, and each token's result is weighted by what the
 * router gives that expert: by nothing where it was not chosen. That is the sum that the loop over the chosen tokens
 * makes, since a module treats every token alike (by_row.c). */
#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"

struct node *sum_in_plain(struct unit *unit, const struct expert_loop *l, struct map *names) {
    const char *sum = l->result ? l->result->name : intern(unit->atoms, "total");
    const char *start = l->result ? "_start" : "torch.zeros_like(_x)";
    if (l->result)
        bind_expr(unit, names, "_start", make_web_name(unit->arena, l->result->from[0]));
    bind_expr(unit, names, "_modules", l->modules);
    struct node *made = elaborate(unit, l->fn, names,
        arena_printf(unit->arena,
            "%s = %s\n"
            "for expert_id, expert in enumerate(_modules):\n"
            "    weight = _weights.masked_fill(_chosen != expert_id, 0.0).sum(-1, keepdim=True)\n"
            "    %s = %s + (expert(_x) * weight).to(%s.dtype)\n",
            sum, start, sum, sum, l->sums_weights ? "_weights" : "_x"));
    const struct node *loop = made->kid[made->nkids - 1];
    node_add(unit->arena, made, node_make(unit->arena, NODE_EXPR, NULL, 1, make_web_name(unit->arena, loop->phis[0])));
    return made;
}
