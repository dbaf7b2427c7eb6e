/* products.c - matrix products that cannot bring tokens together.
 *
 * A product [..., m, k] @ [..., k, n] sums over k and sets m against n. What a linear layer makes of a token are its
 * features; a view that keeps the other dimensions splits these and nothing else. Where k and one of m and n are such
 * dimensions, tokens are neither summed over nor set against each other. What is left are the dimensions before. Every
 * activation has that of the batch, or of all tokens, among its dimensions; with at most two before the matrices, one
 * more is the same in both or broadcast from one of them. Where it is broadcast to rows or columns that are not
 * features, these may be tokens of their own, and nothing is shown. */
#include "rewrite/products.h"

#include "rewrite/dims.h"
#include "rewrite/library.h"
#include "rewrite/unit.h"

enum { RANK_MAX = 4 };

static bool is_linear(const struct value *v) {
    return v->kind == VALUE_APPLY && v->count == 2 && abs_is_object(v->arg[0]->abs, "Linear");
}

/* *x.shape[:-1], where x is what the layer made or was given */
static bool is_leading_shape(const struct values *values, const struct value *v, const struct value *layer) {
    const struct value *of = v->kind == VALUE_STAR ? v->arg[0] : NULL;
    if (of == NULL || of->kind != VALUE_INDEX || of->arg[1]->kind != VALUE_SLICE ||
        !value_is_const(of->arg[1]->arg[0], OP_NONE) || !value_is_int(of->arg[1]->arg[1], -1) ||
        of->arg[0]->kind != VALUE_ATTR || of->arg[0]->atom != values_library(values)->shape)
        return false;
    return of->arg[0]->arg[0] == layer || of->arg[0]->arg[0] == layer->arg[1];
}

/* How many dimensions a view of what a layer made keeps at its front: all but the last. 0: it is no such view. */
static uint32_t kept_by_view(struct values *values, const struct value *view) {
    const struct value *shape = view->arg[1], *layer = value_without_casts(view->arg[0]);
    if (!is_linear(layer) || shape->kind != VALUE_TUPLE || shape->count == 0)
        return 0;
    if (is_leading_shape(values, shape->arg[0], layer))
        return 1;
    struct dims d = dims_of(values, layer);
    for (uint32_t i = 0; i + 1 < d.rank; i++)
        if (i >= shape->count || dims_size(values, shape->arg[i]) != d.at[i])
            return 0;
    return d.rank > 0 ? d.rank - 1 : 0;
}

/* Whether a dimension, counted from the end, holds features of one token. */
static bool is_of_features(struct values *values, const struct value *tensor, uint32_t from_end) {
    const struct value *v = dims_origin(values, tensor, &from_end);
    if (!value_is_special(values, v, SPECIAL_RESHAPE))
        return is_linear(v) && from_end == 1;
    uint32_t kept = kept_by_view(values, v);
    return kept > 0 && kept + from_end <= v->arg[1]->count;
}

static bool has_few_dims(const struct value *v) {
    uint32_t rank = rank_known(v->rank);
    return rank >= 3 && rank <= RANK_MAX;
}

/* Whether a dimension before the matrices was added: the tokens may then be among the rows or columns. */
static bool is_broadcast(struct values *values, const struct value *v) {
    for (uint32_t i = 3; i <= rank_known(v->rank); i++) {
        uint32_t from_end = i;
        const struct value *of = dims_origin(values, v, &from_end);
        if (value_is_special(values, of, SPECIAL_UNSQUEEZE) || value_is_special(values, of, SPECIAL_EXPAND) ||
            value_is_int(dims_from_end(values, v, i), 1))
            return true;
    }
    return false;
}

bool is_matrix_product(const struct value *v) {
    return v->count == 2 && ((v->kind == VALUE_OP && v->op == OP_MATMUL) || value_is_call(v, "torch.bmm"));
}

bool product_is_by_token(struct values *values, struct node *product) {
    const struct value *v = value_of(values, product);
    if (!is_matrix_product(v) || !has_few_dims(v->arg[0]) || !has_few_dims(v->arg[1]))
        return false;
    bool summed = is_of_features(values, v->arg[0], 1) || is_of_features(values, v->arg[1], 2);
    bool left = is_of_features(values, v->arg[0], 2), right = is_of_features(values, v->arg[1], 1);
    return summed && (left || right) && (left || !is_broadcast(values, v->arg[0])) &&
           (right || !is_broadcast(values, v->arg[1]));
}
