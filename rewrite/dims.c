/* dims.c - sizes of tensors, from the functions that made them. */
#include "rewrite/dims.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/library.h"
#include "rewrite/swap.h"
#include "rewrite/unit.h"

enum { DEPTH = 32 };

static struct dims find_dims(struct values *values, const struct value *v, int depth);

static const struct value *own_size(struct values *values, const struct value *v, uint32_t i, uint32_t rank) {
    return value_index(
        values, value_attr(values, v, values_library(values)->shape), value_number(values, (double)i - (double)rank));
}

/* Nothing is known but that it has a shape. */
static struct dims own_dims(struct values *values, const struct value *v, uint32_t rank) {
    struct dims d = {.rank = rank_known(rank)};
    if (d.rank > DIMS_MAX)
        d.rank = 0;
    for (uint32_t i = 0; i < d.rank; i++)
        d.at[i] = own_size(values, v, i, d.rank);
    return d;
}

/* -- sizes --------------------------------------------------------------------------------------------------------- */

/* x and i of x.shape[-i] */
static const struct value *size_of(const struct values *values, const struct value *size, uint32_t *from_end) {
    bool is_size = size->kind == VALUE_INDEX && size->arg[0]->kind == VALUE_ATTR &&
                   size->arg[0]->atom == values_library(values)->shape && size->arg[1]->kind == VALUE_NUMBER &&
                   size->arg[1]->number < 0;
    if (!is_size)
        return NULL;
    *from_end = (uint32_t)-size->arg[1]->number;
    return size->arg[0]->arg[0];
}

static const struct value *find_size(struct values *values, const struct value *size, int depth) {
    uint32_t from_end = 0;
    const struct value *of = size_of(values, size, &from_end);
    struct dims d = {0};
    if (of && depth < DEPTH)
        d = find_dims(values, of, depth + 1);
    return d.rank >= from_end && d.rank > 0 ? d.at[d.rank - from_end] : size;
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

/* A view or an expanded tensor; -1 is worked out, or stays what it was. */
static struct dims given_dims(struct values *values, const struct value *v, int depth) {
    struct dims d = {0}, before = {0};
    const struct value *shape = v->arg[1];
    bool expands = value_is_special(values, v, SPECIAL_EXPAND);
    if (shape->kind != VALUE_TUPLE || shape->count > DIMS_MAX)
        return d;
    if (expands)
        before = find_dims(values, v->arg[0], depth + 1);
    for (uint32_t i = 0; i < shape->count; i++) {
        if (shape->arg[i]->kind == VALUE_STAR)
            return d;
        bool open = value_is_int(shape->arg[i], -1);
        if (open && expands && before.rank != shape->count)
            return d;
        d.at[i] = !open     ? find_size(values, shape->arg[i], depth)
                  : expands ? before.at[i]
                            : own_size(values, v, i, shape->count);
    }
    d.rank = shape->count;
    return d;
}

static bool known_dim(const struct value *dim, uint32_t rank, uint32_t *at) {
    if (dim->kind != VALUE_NUMBER || rank == 0)
        return false;
    double d = dim->number < 0 ? dim->number + rank : dim->number;
    *at = (uint32_t)d;
    return d >= 0 && d < rank;
}

static struct dims transposed_dims(struct values *values, const struct value *v, int depth) {
    struct dims d = find_dims(values, v->arg[0], depth + 1), none = {0};
    uint32_t a, b;
    if (!known_dim(v->arg[1], d.rank, &a) || !known_dim(v->arg[2], d.rank, &b))
        return none;
    const struct value *first = d.at[a];
    d.at[a] = d.at[b];
    d.at[b] = first;
    return d;
}

/* A part of torch.split(x, sizes, dim), a rotated q or k. */
static struct dims element_dims(struct values *values, const struct value *v, int depth) {
    const struct value *of = v->arg[0];
    struct dims d = {0};
    uint32_t at;
    if (of->kind != VALUE_CALL || v->arg[1]->kind != VALUE_NUMBER || v->arg[1]->number < 0)
        return d;
    uint32_t i = (uint32_t)v->arg[1]->number;
    if (starts_with(of->atom, "torch.ops.auto_deploy.torch_rope_with_") && i < 2)
        return find_dims(values, of->arg[i], depth + 1);
    if (strcmp(of->atom, "torch.split") != 0 || of->count != 3)
        return d;
    const struct value *sizes = of->arg[1];
    d = find_dims(values, of->arg[0], depth + 1);
    if (!known_dim(of->arg[2], d.rank, &at) || (sizes->kind != VALUE_TUPLE && sizes->kind != VALUE_LIST) ||
        i >= sizes->count)
        d.rank = 0;
    else
        d.at[at] = sizes->arg[i];
    return d;
}

static bool keeps_shape(const struct values *values, const struct value *v) {
    return value_is_special(values, v, SPECIAL_TO) || value_is_special(values, v, SPECIAL_SOFTMAX) ||
           (v->kind == VALUE_CALL && strcmp(v->atom, "torch.ops.auto_deploy.torch_rmsnorm") == 0);
}

/* Whether a value has the shape of the variable that it is computed from: through norms, and as the sum of that and
 * something else. A sum is as large as the larger operand; both agree for every batch and every length, so the other
 * one is no larger where ranks are the same. */
static bool comes_through(struct values *values, const struct value *v, const struct web *from, int depth);

/* The module that is called: one that may be None is not, where it is called. NULL for a call of anything else. */
static const struct absval *called_module(const struct value *call) {
    const struct absval *a = call->kind == VALUE_APPLY && call->count > 1 ? call->arg[0]->abs : NULL;
    if (a == NULL || a->kind != ABS_UNION || a->count != 2)
        return a;
    return abs_is_none(a->item[0].abs) ? a->item[1].abs : abs_is_none(a->item[1].abs) ? a->item[0].abs : NULL;
}

/* The value that a module of this file returns, or element `i` of it. */
static const struct value *returned(
    struct values *values, const struct value *call, int element, const struct fn **fn) {
    const struct absval *module = called_module(call);
    *fn = module && module->kind == ABS_INSTANCE ? class_method(module->cls, "forward") : NULL;
    const struct node *last = *fn && (*fn)->body ? only_return(*fn) : NULL;
    if (last == NULL || (*fn)->params.len < 2 || (*fn)->params.at[1]->web == NULL)
        return NULL;
    const struct value *v = value_of(values, last->kid[0]);
    if (element < 0)
        return v;
    bool sequence = v->kind == VALUE_TUPLE || v->kind == VALUE_LIST;
    return sequence && (uint32_t)element < v->count ? v->arg[element] : NULL;
}

static const struct value *first_argument(const struct value *call, const struct fn *fn) {
    const struct value *arg = call->arg[1];
    if (arg->kind == VALUE_KEYWORD)
        return arg->atom == fn->params.at[1]->name ? arg->arg[0] : NULL;
    return arg->kind == VALUE_STAR ? NULL : arg;
}

static bool is_layer_norm(const struct value *v) {
    const struct absval *module = v->count == 2 ? called_module(v) : NULL;
    return module && module->kind == ABS_OBJECT && ends_with(module->qual, "Norm");
}

/* What a module makes of its first argument, where that keeps the shape: the argument. */
static const struct value *shaped_like(struct values *values, const struct value *v, int depth) {
    const struct fn *fn;
    bool element = v->kind == VALUE_INDEX && v->arg[1]->kind == VALUE_NUMBER && v->arg[1]->number >= 0;
    const struct value *call = element ? v->arg[0] : v;
    if (keeps_shape(values, v))
        return v->arg[0];
    if (is_layer_norm(v))
        return v->arg[1];
    const struct value *result = returned(values, call, element ? (int)v->arg[1]->number : -1, &fn);
    return result && comes_through(values, result, fn->params.at[1]->web, depth + 1) ? first_argument(call, fn) : NULL;
}

static bool comes_through(struct values *values, const struct value *v, const struct web *from, int depth) {
    while (v && depth < DEPTH) {
        if (v->kind == VALUE_WEB)
            return v->ref == from;
        if (v->kind == VALUE_OP && v->op == OP_ADD) {
            for (uint32_t i = 0; i < v->count; i++)
                if (comes_through(values, v->arg[i], from, depth + 1))
                    return true;
            return false;
        }
        v = shaped_like(values, v, depth++);
    }
    return false;
}

bool dims_stay_in_loop(struct values *values, const struct web *w) {
    return w->kind == WEB_LOOP && w->from[0] && w->from[1] && w->abs && w->abs->kind == ABS_TENSOR &&
           rank_known(w->abs->rank) > 0 && comes_through(values, value_of_web(values, w->from[1]), w, 0);
}

/* A norm keeps all sizes, a linear layer all but the last. */
static struct dims applied_dims(struct values *values, const struct value *v, int depth) {
    const struct absval *module = called_module(v);
    struct dims d = {0};
    if (v->count != 2 || module == NULL)
        return d;
    bool linear = abs_is_object(module, "Linear");
    bool embedding = abs_is_object(module, "Embedding");
    const struct value *like = linear || embedding ? v->arg[1] : shaped_like(values, v, depth);
    if (like)
        d = find_dims(values, like, depth + 1);
    d.rank += embedding && d.rank > 0 && d.rank < DIMS_MAX;
    if ((linear || embedding) && d.rank > 0)
        d.at[d.rank - 1] = own_size(values, v, d.rank - 1, d.rank);
    return d;
}

/* torch.cat((a, b), dim): but for that dimension, both are as large as the whole. */
static struct dims joined_dims(struct values *values, const struct value *v, int depth) {
    const struct value *parts = v->count == 2 ? v->arg[0] : NULL;
    struct dims d = {0}, none = {0};
    uint32_t at;
    if (parts && (parts->kind == VALUE_TUPLE || parts->kind == VALUE_LIST) && parts->count > 0)
        d = find_dims(values, parts->arg[0], depth + 1);
    if (d.rank == 0 || !known_dim(v->arg[1], d.rank, &at))
        return none;
    d.at[at] = own_size(values, v, at, d.rank);
    return d;
}

/* What both branches agree on. */
static struct dims chosen_dims(struct values *values, const struct value *v, int depth) {
    struct dims a = find_dims(values, v->arg[1], depth + 1), b = find_dims(values, v->arg[2], depth + 1);
    for (uint32_t i = 0; i < a.rank && a.rank == b.rank; i++)
        if (a.at[i] != b.at[i])
            a.at[i] = own_size(values, v, i, a.rank);
    a.rank = a.rank == b.rank ? a.rank : 0;
    return a;
}

/* The tensor that a number scales or shifts. */
static const struct value *scaled(const struct value *v) {
    bool arithmetic = v->kind == VALUE_OP && v->count == 2 &&
                      (v->op == OP_MUL || v->op == OP_DIV || v->op == OP_ADD || v->op == OP_SUB);
    if (!arithmetic || value_is_scalar(v->arg[0]) == value_is_scalar(v->arg[1]))
        return NULL;
    return v->arg[value_is_scalar(v->arg[0]) ? 1 : 0];
}

/* What attention gives back is as large as q, but for the lanes, which are those of v. */
static struct dims attention_dims(struct values *values, const struct value *v, int depth) {
    struct dims q = find_dims(values, v->arg[0], depth + 1), value = find_dims(values, v->arg[2], depth + 1);
    if (q.rank != value.rank)
        q.rank = 0;
    if (q.rank > 0)
        q.at[q.rank - 1] = value.at[q.rank - 1];
    return q;
}

static struct dims find_dims(struct values *values, const struct value *v, int depth) {
    struct dims d = {0};
    if (depth >= DEPTH)
        return d;
    if (value_is_special(values, v, SPECIAL_RESHAPE) || value_is_special(values, v, SPECIAL_EXPAND))
        d = given_dims(values, v, depth);
    else if (value_is_special(values, v, SPECIAL_TRANSPOSE))
        d = transposed_dims(values, v, depth);
    else if (keeps_shape(values, v))
        d = find_dims(values, v->arg[0], depth + 1);
    else if (v->kind == VALUE_INDEX)
        d = element_dims(values, v, depth);
    else if (v->kind == VALUE_IFEXP)
        d = chosen_dims(values, v, depth);
    else if (v->kind == VALUE_APPLY)
        d = applied_dims(values, v, depth);
    else if (value_is_call(v, "torch.cat"))
        d = joined_dims(values, v, depth);
    else if (scaled(v) != NULL)
        d = find_dims(values, scaled(v), depth + 1);
    else if (value_is_call(v, "torch.ops.auto_deploy.torch_attention"))
        d = attention_dims(values, v, depth);
    return d.rank > 0 ? d : own_dims(values, v, v->rank);
}

/* The sizes of torch.split(x, sizes, -1). */
static const struct value *parts_of_last(const struct value *v) {
    bool split = v->kind == VALUE_CALL && v->count == 3 && strcmp(v->atom, "torch.split") == 0;
    const struct value *sizes = split && value_is_int(v->arg[2], -1) ? v->arg[1] : NULL;
    return sizes && (sizes->kind == VALUE_TUPLE || sizes->kind == VALUE_LIST) ? sizes : NULL;
}

/* -- for others ---------------------------------------------------------------------------------------------------- */

struct dims dims_of(struct values *values, const struct value *tensor) {
    return find_dims(values, tensor, 0);
}

const struct value *dims_size(struct values *values, const struct value *size) {
    return find_size(values, size, 0);
}

/* Which dimension of its argument, from the end, dimension `i` of a transposed tensor is; 0: not known. */
static uint32_t moved_from(const struct values *values, const struct value *v, uint32_t i) {
    double from = -(double)i;
    if (value_is_special(values, v, SPECIAL_PERMUTE)) {
        const struct value *dims = v->arg[1];
        from = dims->kind == VALUE_TUPLE && i <= dims->count && dims->arg[dims->count - i]->kind == VALUE_NUMBER
                   ? dims->arg[dims->count - i]->number
                   : 0;
    } else {
        if (v->arg[1]->kind != VALUE_NUMBER || v->arg[2]->kind != VALUE_NUMBER || v->arg[1]->number >= 0 ||
            v->arg[2]->number >= 0)
            return 0;
        from = from == v->arg[1]->number ? v->arg[2]->number : from == v->arg[2]->number ? v->arg[1]->number : from;
    }
    return from < 0 ? (uint32_t)-from : 0;
}

/* What a shape says of dimension `i` from the end; NULL: nothing. */
static const struct value *given_size(const struct value *shape, uint32_t i) {
    if (shape->kind != VALUE_TUPLE || i > shape->count)
        return NULL;
    for (uint32_t k = shape->count - i; k < shape->count; k++)
        if (shape->arg[k]->kind == VALUE_STAR)
            return NULL;
    const struct value *size = shape->arg[shape->count - i];
    return value_is_int(size, -1) ? NULL : size;
}

/* The size of the last dimension of a part, where `v` is one. */
static const struct value *size_of_part(const struct value *v) {
    const struct value *sizes = v->kind == VALUE_INDEX ? parts_of_last(v->arg[0]) : NULL;
    bool known = sizes && v->arg[1]->kind == VALUE_NUMBER && v->arg[1]->number >= 0 && v->arg[1]->number < sizes->count;
    return known ? sizes->arg[(uint32_t)v->arg[1]->number] : NULL;
}

const struct value *dims_origin(struct values *values, const struct value *tensor, uint32_t *from_end) {
    const struct value *v = tensor, *of;
    for (uint32_t i = *from_end;; i = *from_end) {
        if (i == 1 && size_of_part(v))
            return v;
        bool moves = value_is_special(values, v, SPECIAL_PERMUTE) || value_is_special(values, v, SPECIAL_TRANSPOSE);
        uint32_t from = moves ? moved_from(values, v, i) : i;
        if (from == 0)
            return v;
        if (keeps_shape(values, v) || moves)
            v = v->arg[0];
        else if (scaled(v) != NULL)
            v = scaled(v);
        else if (v->kind == VALUE_APPLY && v->count == 2 && (of = shaped_like(values, v, 0)) != NULL)
            v = of;
        else
            return v;
        *from_end = from;
    }
}

const struct value *dims_from_end(struct values *values, const struct value *tensor, uint32_t i) {
    const struct value *v = dims_origin(values, tensor, &i), *part = i == 1 ? size_of_part(v) : NULL;
    if (part)
        return part;
    const struct value *given = value_is_special(values, v, SPECIAL_RESHAPE) ? given_size(v->arg[1], i) : NULL;
    return given ? dims_size(values, given) : own_size(values, v, 0, i);
}
