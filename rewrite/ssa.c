/* ssa.c - helpers for SSA variables. */
#include "rewrite/ssa.h"

struct node *make_web_name(struct arena *arena, struct web *web) {
    struct node *name = make_name(arena, web->name);
    name->web = web;
    name->abs = web->abs;
    return name;
}

void targets_visit(const struct node *target, void (*visit)(void *user, const struct node *name), void *user) {
    if (target == NULL)
        return;
    if (target->kind == NODE_NAME)
        visit(user, target);
    else if (target->kind == NODE_TUPLE || target->kind == NODE_LIST || target->kind == NODE_STARRED)
        for (uint32_t i = 0; i < target->nkids; i++)
            targets_visit(target->kid[i], visit, user);
}

uint32_t web_uses(const struct node *n, const struct web *web) {
    if (n == NULL)
        return 0;
    uint32_t count = n->kind == NODE_NAME && n->web == web;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += web_uses(n->kid[i], web);
    return count;
}

void phi_add(struct arena *arena, struct node *join, struct web *phi) {
    struct web **phis = NEW_ARRAY(arena, struct web *, join->nphis + 1);
    for (uint32_t i = 0; i < join->nphis; i++)
        phis[i] = join->phis[i];
    phis[join->nphis++] = phi;
    join->phis = phis;
}
