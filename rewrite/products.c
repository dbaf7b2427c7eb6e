/* products.c - matrix products that cannot bring tokens together.
 *
 * A product [..., m, k] @ [..., k, n] sums over k and sets m against n. The length of the sequence is not known at
 * construction, so a size that is known then is not that length, and its dimension is not that of the tokens: where k
 * and one of m and n are known, tokens are neither summed over nor set against each other. What is left are the
 * dimensions before. Every activation has that of the batch, or of all tokens, among its dimensions; with at most two
 * before the matrices, one more is the same in both or broadcast from one of them. */
#include "rewrite/products.h"

#include "rewrite/dims.h"

enum { RANK_MAX = 4 };

static bool is_built(struct values *values, const struct value *tensor, uint32_t from_end) {
    return dims_from_end(values, tensor, from_end)->fixed;
}

static bool has_few_dims(const struct value *v) {
    uint32_t rank = rank_known(v->rank);
    return rank >= 3 && rank <= RANK_MAX;
}

/* The value of an expression, if that is a product. */
static const struct value *product_of(struct values *values, struct node *e) {
    const struct value *v = value_of(values, e);
    bool product = (v->kind == VALUE_OP && v->op == OP_MATMUL) || value_is_call(v, "torch.bmm");
    return product && v->count == 2 ? v : NULL;
}

bool product_is_by_token(struct values *values, struct node *product) {
    const struct value *v = product_of(values, product);
    if (v == NULL || !has_few_dims(v->arg[0]) || !has_few_dims(v->arg[1]))
        return false;
    bool summed = is_built(values, v->arg[0], 1) || is_built(values, v->arg[1], 2);
    bool paired = !is_built(values, v->arg[0], 2) && !is_built(values, v->arg[1], 1);
    return summed && !paired;
}
