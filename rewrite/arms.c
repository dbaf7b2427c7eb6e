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

/* -- calls --------------------------------------------------------------------------------------------------------- */

/* Whether two calls may reach the same, each in the order in which it was found. */
static bool reach_same(const struct callsite *a, const struct callsite *b) {
    while (a && b && a->fn == b->fn && a->fixed == b->fixed)
        a = a->also, b = b->also;
    return a == NULL && b == NULL;
}

/* The calls of both branches in order; false where they do not go together. `unite`: let those of the one reach what
 * those of the other do: a module that is chosen by the same test has another class in the other branch. */
static bool match_calls(struct unit *unit, struct node *a, struct node *b, bool unite) {
    if (a == NULL || b == NULL || a->kind != b->kind || a->nkids != b->nkids)
        return a == b;
    if (a->kind == NODE_CALL && (a->callsite == NULL) != (b->callsite == NULL))
        return false;
    if (unite && a->kind == NODE_CALL && a->callsite && !reach_same(a->callsite, b->callsite)) {
        struct callsite *last = a->callsite;
        while (last->also)
            last = last->also;
        last->also = b->callsite;
        a->callsite->fixed |= b->callsite->fixed;
        a->kid[0]->abs = abs_join(unit, a->kid[0]->abs, b->kid[0]->abs);
    }
    for (uint32_t i = 0; i < a->nkids; i++)
        if (!match_calls(unit, a->kid[i], b->kid[i], unite))
            return false;
    return true;
}

static bool calls_others(const struct node *n) {
    if (n == NULL)
        return false;
    bool calls = n->kind == NODE_CALL && n->callsite;
    for (uint32_t i = 0; i < n->nkids && !calls; i++)
        calls = calls_others(n->kid[i]);
    return calls;
}

/* Whether one branch can stand for both as far as calls go. */
static bool unite_calls(struct unit *unit, struct node *join, int arm) {
    struct node *taken = join->kid[1 + arm], *other = join->kid[2 - arm];
    if (!calls_others(taken) && !calls_others(other))
        return true;
    return match_calls(unit, taken, other, false) && match_calls(unit, taken, other, true);
}

/* -- joining ------------------------------------------------------------------------------------------------------- */

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
        int arm = s->kid[1]->nkids <= other ? 0 : 1;
        if (!unite_calls(a->unit, s, arm))
            continue;
        i += take_arm(a, block, i, arm);
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
