/* arms.c - an IF whose branches compute the same.
 *
 * Reads   the residual program after the equations: branches that differed in how they computed something (in which
 *         precision, in which order) may now hold the same canonical op of the same arguments.
 * Writes  such an IF becomes its shorter branch. What its equations promise is in the trace already; that the choice
 * went is recorded too. Guarantees  the values of all variables, up to those promises. */
#include "rewrite/rules.h"
#include "rewrite/trace.h"
#include "rewrite/unit.h"
#include "rewrite/value.h"

struct arms {
    struct unit *unit;
    struct fn *fn;
    struct values *values;
};

/* Statements that do nothing but give variables their values. */
static bool only_defines(const struct node *block) {
    for (uint32_t i = 0; block && i < block->nkids; i++) {
        const struct node *s = block->kid[i], *target = s->kind == NODE_ASSIGN && s->nkids == 2 ? s->kid[1] : NULL;
        if (target == NULL)
            return false;
        bool tuple = target->kind == NODE_TUPLE;
        for (uint32_t k = 0; k < (tuple ? target->nkids : 1); k++) {
            const struct node *name = tuple ? target->kid[k] : target;
            if (name->kind != NODE_NAME || name->web == NULL)
                return false;
        }
    }
    return true;
}

static bool same_values(struct arms *a, const struct node *join) {
    for (uint32_t i = 0; i < join->nphis; i++) {
        const struct web *w = join->phis[i];
        if (w->kind != WEB_IF || !w->from[0] || !w->from[1] ||
            value_of_web(a->values, w->from[0]) != value_of_web(a->values, w->from[1]))
            return false;
    }
    return join->nphis > 0;
}

static void replace_web(struct node *n, struct web *old, struct web *new) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME && n->web == old) {
        n->web = new;
        n->atom = new->name;
    }
    for (uint32_t i = 0; i < n->nphis; i++)
        for (int k = 0; k < 2; k++)
            if (n->phis[i]->from[k] == old)
                n->phis[i]->from[k] = new;
    for (uint32_t i = 0; i < n->nkids; i++)
        replace_web(n->kid[i], old, new);
}

/* The IF at `index` becomes the branch `arm`; returns how many statements that is. */
static uint32_t take_arm(struct arms *a, struct node *block, uint32_t index, int arm) {
    struct node *join = block->kid[index], *taken = join->kid[1 + arm];
    struct unit *unit = a->unit;
    const char *where = fn_path(unit, a->fn);
    trace_add(unit->arena, unit->trace,
        (struct trace_record){
            TRACE_REWRITE, "same-arms", join->source, join->span, where, "both branches compute the same"});
    node_remove(block, index);
    uint32_t count = taken ? taken->nkids : 0;
    for (uint32_t i = 0; i < count; i++)
        node_insert(unit->arena, block, index + i, taken->kid[i]);
    if (count > 0)
        taken->kid[0]->flags |= join->flags & NF_BLANK;
    for (uint32_t i = 0; i < join->nphis; i++)
        replace_web(a->fn->body, join->phis[i], join->phis[i]->from[arm]);
    return count;
}

static bool join_block(struct arms *a, struct node *block) {
    bool joined = false;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                joined |= join_block(a, s->kid[k]);
        if (s->kind != NODE_IF || !only_defines(s->kid[1]) || !only_defines(s->kid[2]) || !same_values(a, s))
            continue;
        uint32_t other = s->kid[2] ? s->kid[2]->nkids : 0;
        i += take_arm(a, block, i, s->kid[1]->nkids <= other ? 0 : 1);
        i--;
        joined = true;
    }
    return joined;
}

static bool has_join(const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        if (s->kind == NODE_IF && s->nphis > 0)
            return true;
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK) && has_join(s->kid[k]))
                return true;
    }
    return false;
}

bool join_arms(struct unit *unit) {
    bool joined = false;
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct arms a = {.unit = unit, .fn = all.list.at[i]};
        if (!has_join(a.fn->body))
            continue;
        a.values = values_create(unit->arena, unit->atoms, unit->rules->library);
        joined |= join_block(&a, a.fn->body);
    }
    return joined;
}
