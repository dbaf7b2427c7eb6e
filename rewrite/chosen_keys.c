/* chosen_keys.c - attention to the keys that scores of the model itself choose.
 *
 * An indexer ranks all keys that a query may see, by scores under the attention mask, and the attention sees the best.
 * No op with a cache has that choice, and without it the model is another one as soon as there are more keys.
 *
 * Reads   what spec_chosen.c has found out: masks that are filled at the places of all keys, if that is assumed.
 * Writes  tensors of one value in their place, so that nothing needs the scores any more.
 * Guarantees  no choice of keys is left: it is dropped where it takes all, else refused. */
#include "rewrite/chosen_keys.h"

#include "rewrite/spec.h"

enum { DEPTH = 32 };

/* A parameter that holds a mask, which prefill should have no use for. */
static bool is_mask_parameter(const struct unit *unit, const struct web *w) {
    return w->kind == WEB_PARAM && fact_is_none(fact_parameter(unit->facts, w->name));
}

/* Whether a mask that no equation took is part of what an expression computes. */
static bool is_masked(const struct unit *unit, const struct node *e, int depth) {
    const struct web *w = e && e->kind == NODE_NAME ? e->web : NULL;
    if (e == NULL || depth > DEPTH)
        return false;
    if (e->abs && e->abs->kind == ABS_MASK)
        return !e->abs->mask->plain;
    if (w && (w->kind == WEB_ASSIGN || w->kind == WEB_ELEMENT))
        return is_masked(unit, w->expr, depth + 1);
    if (w && w->kind == WEB_IF)
        for (int i = 0; i < 2; i++) {
            struct node from = {.kind = NODE_NAME, .web = w->from[i]};
            if (w->from[i] && is_masked(unit, &from, depth + 1))
                return true;
        }
    if (w)
        return is_mask_parameter(unit, w);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (is_masked(unit, e->kid[i], depth + 1))
            return true;
    return false;
}

static bool refuse_in(struct unit *unit, const struct fn *fn, const struct node *e) {
    bool any = false;
    if (e == NULL)
        return false;
    if (is_topk(e) && is_masked(unit, e, 0)) {
        struct source *source = e->source ? e->source : fn->module->source;
        struct span span = e->span.end ? e->span : fn->def->span;
        struct diag *d = diag_at(unit->diags, unit_refusal(unit), source, span, "chosen-keys",
            "attention is only to the keys that `topk` chooses here, by scores of its own (an indexer)");
        bool may_take_all = e->abs && e->abs->kind == ABS_SEQ && e->abs->limit && !assumed_to_take_all(unit);
        diag_help(unit->diags, d,
            may_take_all
                ? "no op that AutoDeploy has a cache for takes such a choice; with `--assume short-context` the model "
                  "is translated for sequences so short that all keys are chosen"
                : "no op that AutoDeploy has a cache for takes such a choice; without it the model would be another "
                  "one");
        any = true;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        any |= refuse_in(unit, fn, e->kid[i]);
    return any;
}

bool refuse_chosen_keys(struct unit *unit, const struct functions *functions) {
    bool any = false;
    for (uint32_t i = 0; i < functions->list.len; i++)
        if (functions->list.at[i]->live)
            any |= refuse_in(unit, functions->list.at[i], functions->list.at[i]->body);
    return any;
}

/* What is written at all places is written everywhere: torch.full([1, 1, 1], value), which is broadcast. Only a file
 * with gaps has it in the end, since masks that are known are not emitted. */
static void write_everywhere(struct unit *unit, struct node *scatter) {
    struct arena *arena = unit->arena;
    struct node *sizes = node_new(arena, NODE_LIST), *value = node_copy(arena, scattered(scatter));
    do
        node_add(arena, sizes, make_number(arena, intern(unit->atoms, "1")));
    while (sizes->nkids < rank_known(scatter->abs->rank));
    scatter->nkids = 0;
    node_add(
        arena, scatter, make_attr(arena, make_name(arena, intern(unit->atoms, "torch")), intern(unit->atoms, "full")));
    node_add(arena, scatter, sizes);
    node_add(arena, scatter, value);
}

static bool drop_in(struct unit *unit, const struct fact *fact, struct node *n) {
    bool any = false;
    if (n == NULL)
        return false;
    if (is_scatter(n) && abs_is_mask(n->abs) && n->abs->because == fact->number) {
        account_decided(unit, n, fact->number);
        write_everywhere(unit, n);
        return true;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        any |= drop_in(unit, fact, n->kid[i]);
    return any;
}

bool drop_choices(struct unit *unit) {
    const struct fact *fact = assumed_to_take_all(unit);
    struct functions all = {0};
    bool any = false;
    if (fact == NULL)
        return true;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        const struct fn *before = account_enter(unit, all.list.at[i]);
        any |= drop_in(unit, fact, all.list.at[i]->body);
        account_enter(unit, before);
    }
    if (any)
        account_needs(unit);
    return true;
}
