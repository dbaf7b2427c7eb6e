/* branches.c - equations across the branches of a choice.
 *
 * Reads   calls of canonical ops whose arguments are set in the branches of an IF, such as rotary embeddings that only
 *         some layers have.
 * Writes  where an equation makes the op, called at the end of a branch, take simpler arguments, these are what the
 *         branch hands on to it: an attention that does not care for the order of the lanes of q and k gets them as
 *         each branch has them.
 * Guarantees  the value of the call is the same, whichever branch was taken.
 *
 * The call is tried out in each branch; nothing is kept of the trial but the arguments. */
#include "rewrite/swap.h"
#include "rewrite/unit.h"

struct trial {
    struct node *join, *call;    /* the IF, the op */
    struct node *probe[2];       /* statements at the end of the branches */
    struct web *old[2], *new[2]; /* of the two arguments */
};

static struct web *joined_argument(const struct node *call, uint32_t i) {
    const struct node *a = call->nkids > i ? call->kid[i] : NULL;
    return is_kind(a, NODE_NAME) && a->web && a->web->kind == WEB_IF && a->web->from[0] && a->web->from[1] ? a->web
                                                                                                           : NULL;
}

/* An attention whose q and k come from the same choice. */
static struct node *find_call(struct node *n) {
    if (n == NULL)
        return NULL;
    const char *name = op_name(n);
    if (name && atom_is(name, "torch_attention")) {
        const struct web *q = joined_argument(n, 1), *k = joined_argument(n, 2);
        if (q && k && q->stmt == k->stmt)
            return n;
    }
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node *found = find_call(n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* op(q, k, None) at the end of a branch. */
static void add_probe(struct unit *unit, struct trial *t, int arm) {
    struct node *block = t->join->kid[1 + arm];
    if (block == NULL)
        block = t->join->kid[1 + arm] = node_new(unit->arena, NODE_BLOCK);
    struct node *call = node_make(unit->arena, NODE_CALL, NULL, 4, node_copy(unit->arena, t->call->kid[0]),
        make_web_name(unit->arena, t->old[0]->from[arm]), make_web_name(unit->arena, t->old[1]->from[arm]),
        make_const(unit->arena, OP_NONE));
    t->probe[arm] = node_make(unit->arena, NODE_EXPR, NULL, 1, call);
    node_add(unit->arena, block, t->probe[arm]);
}

static struct web *hand_on(struct unit *unit, struct node *block, const struct web *like, struct node *value) {
    if (value->kind == NODE_NAME && value->web)
        return value->web;
    struct web *w = NEW(unit->arena, struct web);
    w->kind = WEB_ASSIGN;
    w->name = like->name;
    w->abs = like->abs;
    w->expr = value;
    w->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, value, make_web_name(unit->arena, w));
    node_add(unit->arena, block, w->stmt);
    return w;
}

/* Remove the probe and take what it has become; true if that differs from what the branch handed on before. */
static bool read_probe(struct unit *unit, struct trial *t, int arm) {
    struct node *block = t->join->kid[1 + arm], *call = t->probe[arm]->kid[0];
    bool changed = false;
    node_remove(block, block->nkids - 1);
    for (int i = 0; i < 2; i++) {
        t->new[i]->from[arm] = hand_on(unit, block, t->old[i], call->kid[1 + i]);
        changed |= t->new[i]->from[arm] != t->old[i]->from[arm];
    }
    if (block->nkids == 0 && arm == 1)
        t->join->kid[2] = NULL;
    return changed;
}

static bool try_call(struct unit *unit, struct fn *fn, struct node *call) {
    struct trial t = {.join = joined_argument(call, 1)->stmt, .call = call};
    for (int i = 0; i < 2; i++) {
        t.old[i] = joined_argument(call, 1 + (uint32_t)i);
        t.new[i] = NEW(unit->arena, struct web);
        *t.new[i] = *t.old[i];
        t.new[i]->value = NULL;
    }
    for (int arm = 0; arm < 2; arm++)
        add_probe(unit, &t, arm);
    apply_equations_to(unit, fn);
    bool changed = false;
    for (int arm = 0; arm < 2; arm++)
        changed |= read_probe(unit, &t, arm);
    for (uint32_t i = 0; changed && i < 2; i++) {
        phi_add(unit->arena, t.join, t.new[i]);
        call->kid[1 + i] = make_web_name(unit->arena, t.new[i]);
    }
    return changed;
}

void equate_branches(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct node *call = find_call(all.list.at[i]->body);
        if (call)
            try_call(unit, all.list.at[i], call);
    }
}
