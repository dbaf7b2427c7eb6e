/* expert_start.c - whether the sum over experts begins with zeros of the shape of the tokens. */
#include <string.h>

#include "rewrite/dims.h"
#include "rewrite/expert_loop.h"
#include "rewrite/library.h"
#include "rewrite/rules.h"

/* `dtype=x.dtype` or `device=x.device`, of the tokens or of their weights. */
static bool is_own_kind(struct expert_loop *l, const struct node *arg) {
    const struct node *value = arg->kind == NODE_KEYWORD ? arg->kid[0] : NULL;
    bool dtype = atom_is(arg->atom, "dtype");
    if (!is_kind(value, NODE_ATTRIBUTE) || value->atom != arg->atom || (!dtype && !atom_is(arg->atom, "device")))
        return false;
    if (same_value(value->kid[0], l->x))
        return true;
    l->sums_weights |= dtype;
    return same_value(value->kid[0], l->weights);
}

/* Whether the arguments from `from` on say no more than that; and a dtype, where there is a default of another kind. */
static bool have_own_kind(struct expert_loop *l, const struct node *call, uint32_t from, bool dtype) {
    for (uint32_t i = from; i < call->nkids; i++) {
        if (!is_own_kind(l, call->kid[i]))
            return false;
        dtype &= !atom_is(call->kid[i]->atom, "dtype");
    }
    return !dtype;
}

/* A size with those in a product as they are canonically. */
static const struct value *canonical(struct values *values, const struct value *size) {
    if (size->kind != VALUE_OP || size->op != OP_MUL || size->count != 2)
        return dims_size(values, size);
    const struct value *arg[2] = {dims_size(values, size->arg[0]), dims_size(values, size->arg[1])};
    return value_op(values, OP_MUL, arg, 2);
}

/* Rows and columns of tokens: of x.reshape(-1, n), where x has rank 3, as many as batch and sequence have. */
static bool token_sizes(struct values *values, const struct value *x, const struct value *size[2]) {
    bool view = value_is_call(x, "torch.reshape") && x->arg[1]->kind == VALUE_TUPLE && x->arg[1]->count == 2 &&
                value_is_int(x->arg[1]->arg[0], -1);
    struct dims d = dims_of(values, view ? x->arg[0] : x);
    if (view && d.rank == 3 && canonical(values, x->arg[1]->arg[1]) == d.at[2]) {
        size[0] = value_op(values, OP_MUL, d.at, 2);
        size[1] = d.at[2];
        return true;
    }
    size[0] = d.at[0];
    size[1] = d.at[1];
    return !view && d.rank == 2;
}

/* Whether `count` arguments of a call are the sizes of the tokens. */
static bool are_sizes(struct unit *unit, const struct expert_loop *l, struct node **arg, uint32_t count) {
    if (count == 1 && is_kind(arg[0], NODE_ATTRIBUTE) && atom_is(arg[0]->atom, "shape"))
        return same_value(arg[0]->kid[0], l->x);
    if (count == 1 && (arg[0]->kind == NODE_TUPLE || arg[0]->kind == NODE_LIST))
        return are_sizes(unit, l, arg[0]->kid, arg[0]->nkids);
    struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
    const struct value *size[2];
    if (count != 2 || !token_sizes(values, value_of(values, l->x), size))
        return false;
    return canonical(values, value_of(values, arg[0])) == size[0] &&
           canonical(values, value_of(values, arg[1])) == size[1];
}

/* Whether whoever reads the sum casts it to the dtype of the tokens: x.type(tokens.dtype). */
static bool is_cast_back(const struct node *n, const struct expert_loop *l) {
    if (n == NULL || n == l->block->kid[l->at])
        return true;
    if (n->kind == NODE_NAME)
        return n->web != l->result;
    for (uint32_t i = 0; i < n->nphis; i++)
        if (n->phis[i]->from[0] == l->result || n->phis[i]->from[1] == l->result)
            return false;
    const struct node *method = n->kind == NODE_CALL && n->nkids == 2 ? n->kid[0] : NULL;
    const struct node *dtype = is_kind(method, NODE_ATTRIBUTE) ? n->kid[1] : NULL;
    if (is_kind(dtype, NODE_ATTRIBUTE) && atom_is(dtype->atom, "dtype") && same_value(dtype->kid[0], l->x) &&
        (atom_is(method->atom, "type") || atom_is(method->atom, "to")) && is_kind(method->kid[0], NODE_NAME))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!is_cast_back(n->kid[i], l))
            return false;
    return true;
}

static bool are_zeros(struct unit *unit, struct expert_loop *l, const struct web *start) {
    const struct node *e = start && start->kind == WEB_ASSIGN ? assigned_value(start->expr) : NULL;
    if (!is_kind(e, NODE_CALL) || e->nkids < 2)
        return false;
    if (calls_library(e, "torch.zeros_like"))
        return same_value(e->kid[1], l->x) && have_own_kind(l, e, 2, false);
    uint32_t sizes = 1;
    while (sizes < e->nkids && e->kid[sizes]->kind != NODE_KEYWORD)
        sizes++;
    return calls_library(e, "torch.zeros") && have_own_kind(l, e, sizes, true) &&
           are_sizes(unit, l, e->kid + 1, sizes - 1);
}

bool begins_with_zeros(struct unit *unit, struct expert_loop *l, const struct web *start) {
    if (!are_zeros(unit, l, start))
        return false;
    l->sums_weights = l->sums_weights && !is_cast_back(l->fn->body, l);
    return true;
}
