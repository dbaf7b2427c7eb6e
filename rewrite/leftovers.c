/* leftovers.c - computations that canonical ops stand for, left as the source has them.
 *
 * An equation that should have matched did not: the file would run, but AutoDeploy would not know what it runs. */
#include "rewrite/leftovers.h"

#include "rewrite/library.h"
#include "rewrite/products.h"

/* softmax(scores) @ values, where the values are the tokens': a mixture of parameters is no attention. */
static bool is_attention(const struct values *values, const struct value *v) {
    if (value_is_call(v, "torch.nn.functional.scaled_dot_product_attention"))
        return true;
    return is_matrix_product(v) && !v->arg[1]->fixed &&
           value_is_special(values, value_without_casts(v->arg[0]), SPECIAL_SOFTMAX);
}

/* Halves or pairs of lanes put together, some with the opposite sign. */
static bool is_rotated(const struct values *values, const struct value *v) {
    const struct value *cast = value_cast_of(v);
    if (cast || (v->kind == VALUE_OP && v->op == OP_NEG))
        return is_rotated(values, cast ? cast : v->arg[0]);
    if (value_is_special(values, v, SPECIAL_RESHAPE))
        v = v->arg[0];
    if (value_is_call(v, "adgen.rotate_half") || value_is_call(v, "adgen.rotate_pairs"))
        return true;
    if (!value_is_call(v, "torch.cat") && !value_is_call(v, "torch.stack"))
        return false;
    const struct value *parts = v->arg[0];
    bool two = (parts->kind == VALUE_TUPLE || parts->kind == VALUE_LIST) && parts->count == 2;
    for (uint32_t i = 0; two && i < 2; i++)
        if (parts->arg[i]->kind == VALUE_OP && parts->arg[i]->op == OP_NEG)
            return true;
    return false;
}

/* x * cos + rotated(x) * sin */
static bool is_rotation(const struct values *values, const struct value *v) {
    if (v->kind != VALUE_OP || (v->op != OP_ADD && v->op != OP_SUB))
        return false;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *term = v->arg[i];
        for (uint32_t k = 0; term->kind == VALUE_OP && term->op == OP_MUL && k < term->count; k++)
            if (is_rotated(values, term->arg[k]))
                return true;
    }
    return false;
}

/* The factors of a*c + b*s or a*c - b*s, casts aside. */
static bool factors_of(const struct value *v, const struct value *factor[4]) {
    v = value_without_casts(v);
    if (v->kind != VALUE_OP || (v->op != OP_ADD && v->op != OP_SUB) || v->count != 2)
        return false;
    for (uint32_t i = 0; i < 4; i++) {
        const struct value *term = value_without_casts(v->arg[i / 2]);
        if (term->kind != VALUE_OP || term->op != OP_MUL || term->count != 2)
            return false;
        factor[i] = value_without_casts(term->arg[i % 2]);
    }
    return true;
}

/* a*c - b*s beside b*c + a*s: a pair of lanes, turned by an angle. */
static bool is_turned_pair(const struct value *v) {
    if (!value_is_call(v, "torch.cat") && !value_is_call(v, "torch.stack"))
        return false;
    const struct value *parts = v->arg[0], *one[4], *other[4];
    if ((parts->kind != VALUE_TUPLE && parts->kind != VALUE_LIST) || parts->count != 2 ||
        !factors_of(parts->arg[0], one) || !factors_of(parts->arg[1], other) ||
        value_without_casts(parts->arg[0])->op == value_without_casts(parts->arg[1])->op)
        return false;
    for (uint32_t i = 0; i < 4; i++) {
        uint32_t here = 0, there = 0;
        for (uint32_t k = 0; k < 4; k++) {
            here += one[k] == one[i];
            there += other[k] == one[i];
        }
        if (here != 1 || there != 1)
            return false;
    }
    return true;
}

/* view_as_real(view_as_complex(x) * f): pairs of lanes as complex numbers, turned. */
static bool is_complex_rotation(const struct value *v) {
    const struct value *product = value_is_call(v, "torch.view_as_real") ? v->arg[0] : NULL;
    if (!product || product->kind != VALUE_OP || product->op != OP_MUL)
        return false;
    for (uint32_t i = 0; i < product->count; i++)
        if (value_is_call(product->arg[i], "torch.view_as_complex"))
            return true;
    return false;
}

const char *leftover_idiom(struct values *values, struct node *e) {
    bool sum = e->kind == NODE_BINOP && (e->op == OP_ADD || e->op == OP_SUB);
    bool product = e->kind == NODE_CALL || (e->kind == NODE_BINOP && e->op == OP_MATMUL);
    if (!sum && !product)
        return NULL;
    const struct value *v = value_of(values, e);
    if (is_attention(values, v) && !product_is_by_token(values, e))
        return "attention";
    return is_rotation(values, v) || is_turned_pair(v) || is_complex_rotation(v) ? "rotary embedding" : NULL;
}
