/* ranks.c - what the use of a tensor tells about the ranks of others.
 *
 * Ranks are known forwards while values are made: from what the specialiser knows, from shapes that are written out.
 * But `b, n, s, d = k.shape` may come after `k = x.view(*x.shape[:-1], -1, d).transpose(1, 2)`, and then x has rank 3.
 * This walks such facts backwards. Values made afterwards from the same nodes start with what was found. */
#include "base/text.h"
#include "rewrite/library.h"

enum { PASSES_MAX = 6 };

/* How many sizes `*x.shape[:-k]` leaves out, and x; NULL for anything else. */
static const struct value *leading_shape(const struct values *values, const struct value *v, uint32_t *left_out) {
    if (v->kind != VALUE_STAR || v->arg[0]->kind != VALUE_INDEX)
        return NULL;
    const struct value *shape = v->arg[0]->arg[0], *slice = v->arg[0]->arg[1];
    if (shape->kind != VALUE_ATTR || shape->atom != values_library(values)->shape || slice->kind != VALUE_SLICE ||
        !value_is_const(slice->arg[0], OP_NONE) || slice->arg[1]->kind != VALUE_NUMBER || slice->arg[1]->number >= 0)
        return NULL;
    *left_out = (uint32_t)-slice->arg[1]->number;
    return shape->arg[0];
}

static bool learn(const struct value *v, uint32_t rank) {
    if (v->rank > 0 || rank == 0 || rank > 8)
        return false;
    value_note_rank(v, rank);
    return v->rank > 0;
}

/* A view of the leading sizes of x and some more. */
static bool learn_from_reshape(const struct values *values, const struct value *v) {
    const struct value *shape = v->arg[1], *x = NULL;
    uint32_t left_out = 0;
    if (shape->kind != VALUE_TUPLE || shape->count == 0)
        return false;
    x = leading_shape(values, shape->arg[0], &left_out);
    for (uint32_t i = 1; i < shape->count; i++)
        if (shape->arg[i]->kind == VALUE_STAR)
            return false;
    if (x == NULL)
        return false;
    if (v->rank > 0 && v->rank + left_out + 1 > shape->count)
        return learn(x, v->rank + left_out + 1 - shape->count);
    return x->rank > left_out && learn(v, x->rank - left_out + shape->count - 1);
}

/* The tables of a rotary op are [B, S, D], behind q and k. */
static bool learn_tables(const struct value *rope) {
    bool any = false;
    for (uint32_t i = 2; i + 1 < rope->count; i++)
        any |= learn(rope->arg[i], 3);
    return any;
}

/* x of chunk(x, ...)[i] and the like, which are of one rank; NULL for anything else. */
static const struct value *cut_from(const struct values *values, const struct value *v) {
    const struct value *of = v->kind == VALUE_INDEX && v->arg[1]->kind == VALUE_NUMBER ? v->arg[0] : NULL;
    const struct function *f =
        of != NULL && of->kind == VALUE_CALL ? library_function(values_library(values), of->atom) : NULL;
    return f != NULL && f->rank == RANK_EACH ? of->arg[0] : NULL;
}

/* What parts of one tensor are joined to has their rank. */
static bool learn_parts(const struct values *values, const struct value *v) {
    const struct value *of = v->count == 2 ? cut_from(values, v->arg[0]) : NULL;
    return of != NULL && cut_from(values, v->arg[1]) == of && learn(of, v->rank);
}

static bool learn_from(const struct values *values, const struct value *v) {
    const struct value *whole = cut_from(values, v);
    if (whole != NULL)
        return v->rank > 0 ? learn(whole, v->rank) : learn(v, whole->rank);
    if (v->kind == VALUE_OP)
        return learn_parts(values, v);
    if (v->kind != VALUE_CALL || v->count == 0)
        return false;
    if (starts_with(v->atom, "torch.ops.auto_deploy.torch_rope_with_"))
        return learn_tables(v);
    const struct function *f = library_function(values_library(values), v->atom);
    if (value_is_special(values, v, SPECIAL_RESHAPE))
        return learn_from_reshape(values, v);
    if (f != NULL && f->rank == RANK_SAME)
        return v->rank > 0 ? learn(v->arg[0], v->rank) : learn(v, v->arg[0]->rank);
    if (value_is_special(values, v, SPECIAL_UNSQUEEZE))
        return v->rank > 0 ? learn(v->arg[0], v->rank - 1) : v->arg[0]->rank > 0 && learn(v, v->arg[0]->rank + 1);
    return false;
}

bool values_infer_ranks(struct values *values) {
    bool any = false, more = true;
    for (int pass = 0; pass < PASSES_MAX && more; pass++) {
        more = false;
        for (const struct value *v = values_next(values, NULL); v != NULL; v = values_next(values, v))
            more = learn_from(values, v) || more;
        any = any || more;
    }
    return any;
}
