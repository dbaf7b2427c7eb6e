/* run_shapes.c - what functions of torch make of shapes, as far as forward passes need more than constructors do.
 *
 * Every function here gets the arguments of `torch.f(x, ...)`; those of `x.f(...)` are the same. NULL says that the
 * shape does not follow. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/forward.h"
#include "rewrite/run_internal.h"

/* -- parts --------------------------------------------------------------------------------------------------------- */

/* A tensor of known shape, or NULL. */
static struct datum *tensor_at(const struct arguments *a, uint32_t position, const char *name) {
    struct datum *d = argument(a, position, name);
    bool known = d && d->kind == D_TENSOR && (d->tensor.rank > 0 || d->tensor.dtype);
    return known ? d : NULL;
}

struct datum *shape_like(struct run *run, const struct datum *of) {
    struct datum *d = copy_of(run, of, false);
    d->tensor.role = TENSOR_PLAIN;
    d->tensor.key = 0;
    return d;
}

struct datum *shape_resized(struct run *run, const struct datum *of, long long last) {
    struct datum *d = shape_like(run, of);
    d->tensor.dim[d->tensor.rank - 1] = last;
    return d;
}

/* Several integers as the rest of the arguments, or one sequence of them. */
static const struct data *integers_from(
    struct run *run, const struct arguments *a, uint32_t position, struct data *own) {
    struct datum *first = argument(a, position, NULL);
    if (first && (first->kind == D_LIST || first->kind == D_TUPLE))
        return &first->items;
    for (uint32_t i = position; i < a->positional.list.len; i++)
        vec_push(run->arena, &own->list, a->positional.list.at[i]);
    return own;
}

/* The number of an axis, counted from the first; -1: it is none. */
static long long axis_of(const struct datum *d, uint32_t rank) {
    if (d == NULL || d->kind != D_INT)
        return -1;
    long long axis = d->integer + (d->integer < 0 ? rank : 0);
    return axis >= 0 && axis < rank ? axis : -1;
}

static long long axis_argument(const struct arguments *a, uint32_t position, long long dflt, uint32_t rank) {
    const struct datum *d = argument(a, position, "dim"), given = {.kind = D_INT, .integer = dflt};
    return axis_of(d ? d : &given, rank);
}

void shape_drop(struct tensor *t, long long axis) {
    for (uint32_t i = (uint32_t)axis; i + 1 < t->rank; i++)
        t->dim[i] = t->dim[i + 1];
    t->rank--;
}

bool shape_insert(struct tensor *t, long long axis, long long size) {
    if (t->rank == RANK_MAX)
        return false;
    for (uint32_t i = t->rank; i > axis; i--)
        t->dim[i] = t->dim[i - 1];
    t->dim[axis] = size;
    t->rank++;
    return true;
}

/* -- one function each --------------------------------------------------------------------------------------------- */

static struct datum *same(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    return x ? shape_like(run, x) : NULL;
}

static struct datum *elementwise(struct run *run, struct arguments *a) {
    struct datum *x = argument(a, 0, "input"), *y = argument(a, 1, "other");
    return x && y ? binary(run, OP_ADD, x, y, a->at) : NULL;
}

static struct datum *where(struct run *run, struct arguments *a) {
    struct datum *x = argument(a, 1, "input"), *y = argument(a, 2, "other"), *test = argument(a, 0, "condition");
    double real;
    if (test == NULL || x == NULL || y == NULL || is_unknown(x) || is_unknown(y))
        return NULL;
    bool numbers = number_of(x, &real) && number_of(y, &real);
    struct datum *both = numbers ? x : binary(run, OP_ADD, x, y, a->at);
    struct datum *all = both && !is_unknown(both) ? binary(run, OP_ADD, test, both, a->at) : NULL;
    if (all && all->kind == D_TENSOR && both->kind == D_TENSOR)
        all->tensor.dtype = both->tensor.dtype;
    return all;
}

static struct datum *joined(struct run *run, struct arguments *a) {
    const struct datum *list = argument(a, 0, "tensors");
    if (list == NULL || (list->kind != D_LIST && list->kind != D_TUPLE) || list->items.list.len == 0)
        return NULL;
    struct datum *result = NULL;
    long long axis = -1;
    for (uint32_t i = 0; i < list->items.list.len; i++) {
        const struct datum *part = list->items.list.at[i];
        if (part->kind != D_TENSOR || part->tensor.rank == 0 || (result && part->tensor.rank != result->tensor.rank))
            return NULL;
        if (result == NULL) {
            axis = axis_argument(a, 1, 0, part->tensor.rank);
            result = axis < 0 ? NULL : shape_like(run, part);
        } else {
            result->tensor.dim[axis] += part->tensor.dim[axis];
        }
        if (result == NULL)
            return NULL;
    }
    return result;
}

static struct datum *stacked(struct run *run, struct arguments *a) {
    const struct datum *list = argument(a, 0, "tensors");
    const struct datum *first =
        list && (list->kind == D_LIST || list->kind == D_TUPLE) && list->items.list.len ? list->items.list.at[0] : NULL;
    if (first == NULL || first->kind != D_TENSOR || (first->tensor.rank == 0 && first->tensor.dtype == NULL))
        return NULL;
    struct datum *result = shape_like(run, first);
    long long axis = axis_argument(a, 1, 0, first->tensor.rank + 1u);
    return axis >= 0 && shape_insert(&result->tensor, axis, list->items.list.len) ? result : NULL;
}

static struct datum *split(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "tensor"), *sizes = argument(a, 1, "split_size_or_sections");
    if (sizes == NULL)
        sizes = dict_get(&a->named, "split_size");
    long long axis = x ? axis_argument(a, 2, 0, x->tensor.rank) : -1;
    if (axis < 0 || sizes == NULL)
        return NULL;
    struct datum *parts = datum_list(run, D_TUPLE);
    long long left = x->tensor.dim[axis];
    bool list = sizes->kind == D_LIST || sizes->kind == D_TUPLE;
    for (uint32_t i = 0; list ? i < sizes->items.list.len : left > 0; i++) {
        const struct datum *size = list ? sizes->items.list.at[i] : sizes;
        if (size->kind != D_INT || size->integer < 0 || (!list && size->integer == 0) || (list && size->integer > left))
            return NULL;
        struct datum *part = shape_like(run, x);
        part->tensor.dim[axis] = size->integer < left ? size->integer : left;
        left -= part->tensor.dim[axis];
        vec_push(run->arena, &parts->items.list, part);
    }
    return left == 0 ? parts : NULL;
}

static struct datum *unbound(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *parts = datum_list(run, D_TUPLE);
    long long axis = x ? axis_argument(a, 1, 0, x->tensor.rank) : -1;
    for (long long i = 0; axis >= 0 && i < x->tensor.dim[axis]; i++) {
        struct datum *part = shape_like(run, x);
        shape_drop(&part->tensor, axis);
        vec_push(run->arena, &parts->items.list, part);
    }
    return axis >= 0 ? parts : NULL;
}

/* sum, mean, ...: over one axis, several, or all. */
static struct datum *reduced(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *axes = argument(a, 1, "dim"), *keep = argument(a, 2, "keepdim");
    if (x == NULL)
        return NULL;
    bool gone[RANK_MAX] = {false}, all = axes == NULL || axes->kind == D_NONE;
    bool list = axes && (axes->kind == D_LIST || axes->kind == D_TUPLE);
    for (uint32_t i = 0; !all && i < (list ? axes->items.list.len : 1); i++) {
        long long axis = axis_of(list ? axes->items.list.at[i] : axes, x->tensor.rank);
        if (axis < 0)
            return NULL;
        gone[axis] = true;
    }
    struct datum *result = shape_like(run, x);
    result->tensor.rank = 0;
    for (uint32_t i = 0; i < x->tensor.rank; i++) {
        if (!all && !gone[i])
            result->tensor.dim[result->tensor.rank++] = x->tensor.dim[i];
        else if (keep && truth_of(keep) == 1)
            result->tensor.dim[result->tensor.rank++] = 1;
    }
    return result;
}

static struct datum *pair_of(struct run *run, struct datum *values) {
    struct datum *pair = datum_list(run, D_TUPLE), *indices = values ? shape_like(run, values) : NULL;
    if (values == NULL)
        return NULL;
    indices->tensor.dtype = dtype_named("int64");
    datum_push(run, pair, values);
    datum_push(run, pair, indices);
    return pair;
}

/* max, min: of all, of two tensors, or over an axis with the places. */
static struct datum *extreme(struct run *run, struct arguments *a) {
    struct datum *second = argument(a, 1, "dim");
    if (second && second->kind == D_TENSOR)
        return elementwise(run, a);
    return second ? pair_of(run, reduced(run, a)) : reduced(run, a);
}

static struct datum *sorted(struct run *run, struct arguments *a) {
    return pair_of(run, same(run, a));
}

static struct datum *topk(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *k = argument(a, 1, "k");
    long long axis = x ? axis_argument(a, 2, -1, x->tensor.rank) : -1;
    if (axis < 0 || k == NULL || k->kind != D_INT)
        return NULL;
    struct datum *values = shape_like(run, x);
    values->tensor.dim[axis] = k->integer;
    return pair_of(run, values);
}

static struct datum *gathered(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *index = tensor_at(a, 2, "index");
    struct datum *result = x && index ? shape_like(run, index) : NULL;
    if (result)
        result->tensor.dtype = x->tensor.dtype;
    return result;
}

static struct datum *squeezed(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    bool one = argument(a, 1, "dim") != NULL;
    long long axis = x && one ? axis_argument(a, 1, 0, x->tensor.rank) : -1;
    struct datum *result = x && (axis >= 0 || !one) ? shape_like(run, x) : NULL;
    for (uint32_t i = result ? result->tensor.rank : 0; i-- > 0;)
        if (result->tensor.dim[i] == 1 && (!one || i == axis))
            shape_drop(&result->tensor, i);
    return result;
}

static struct datum *flattened(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), zero = {.kind = D_INT}, last = {.kind = D_INT, .integer = -1};
    const struct datum *start = argument(a, 1, "start_dim"), *end = argument(a, 2, "end_dim");
    long long from = x ? axis_of(start ? start : &zero, x->tensor.rank) : -1;
    long long to = x ? axis_of(end ? end : &last, x->tensor.rank) : -1;
    struct datum *result = from >= 0 && to >= from ? shape_like(run, x) : NULL;
    for (; result && to > from; to--) {
        result->tensor.dim[from] *= result->tensor.dim[from + 1];
        shape_drop(&result->tensor, from + 1);
    }
    return result;
}

static struct datum *unflattened(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *sizes = argument(a, 2, "sizes");
    long long axis = x ? axis_argument(a, 1, 0, x->tensor.rank) : -1, rest = axis >= 0 ? x->tensor.dim[axis] : 0;
    if (axis < 0 || sizes == NULL || (sizes->kind != D_LIST && sizes->kind != D_TUPLE))
        return NULL;
    struct datum *result = shape_like(run, x);
    shape_drop(&result->tensor, axis);
    for (uint32_t i = 0; i < sizes->items.list.len; i++)
        if (sizes->items.list.at[i]->kind == D_INT && sizes->items.list.at[i]->integer > 0)
            rest /= sizes->items.list.at[i]->integer;
    for (uint32_t i = 0; i < sizes->items.list.len; i++) {
        const struct datum *size = sizes->items.list.at[i];
        if (size->kind != D_INT || !shape_insert(&result->tensor, axis + i, size->integer < 0 ? rest : size->integer))
            return NULL;
    }
    return result;
}

static struct datum *permuted(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    struct data own = {0};
    const struct data *order = integers_from(run, a, 1, &own);
    if (x == NULL || order->list.len != x->tensor.rank)
        return NULL;
    struct datum *result = shape_like(run, x);
    for (uint32_t i = 0; i < x->tensor.rank; i++) {
        long long axis = axis_of(order->list.at[i], x->tensor.rank);
        if (axis < 0)
            return NULL;
        result->tensor.dim[i] = x->tensor.dim[axis];
    }
    return result;
}

static struct datum *repeated(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    struct data own = {0};
    const struct data *times = integers_from(run, a, 1, &own);
    struct datum *result = x && times->list.len >= x->tensor.rank ? shape_like(run, x) : NULL;
    while (result && result->tensor.rank < times->list.len)
        if (!shape_insert(&result->tensor, 0, 1))
            return NULL;
    for (uint32_t i = 0; result && i < times->list.len; i++) {
        if (times->list.at[i]->kind != D_INT)
            return NULL;
        result->tensor.dim[i] *= times->list.at[i]->integer;
    }
    return result;
}

static struct datum *interleaved(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *times = argument(a, 1, "repeats");
    long long axis = x && argument(a, 2, "dim") ? axis_argument(a, 2, 0, x->tensor.rank) : -1;
    if (axis < 0 || times == NULL || times->kind != D_INT)
        return NULL;
    struct datum *result = shape_like(run, x);
    result->tensor.dim[axis] *= times->integer;
    return result;
}

static struct datum *shaped_as(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *other = tensor_at(a, 1, "other");
    struct datum *result = x && other ? shape_like(run, other) : NULL;
    if (result)
        result->tensor.dtype = x->tensor.dtype;
    return result;
}

static struct datum *typed_as(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *other = tensor_at(a, 1, "other");
    struct datum *result = x && other ? shape_like(run, x) : NULL;
    if (result)
        result->tensor.dtype = other->tensor.dtype;
    return result;
}

static struct datum *outer(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *y = tensor_at(a, 1, "vec2");
    if (x == NULL || y == NULL || x->tensor.rank != 1 || y->tensor.rank != 1)
        return NULL;
    struct datum *result = shape_like(run, x);
    return shape_insert(&result->tensor, 1, y->tensor.dim[0]) ? result : NULL;
}

static struct datum *product(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *y = tensor_at(a, 1, "other");
    struct datum *value = x && y ? shape_of_product(run, x, y) : NULL;
    return value && !is_unknown(value) ? value : NULL;
}

static struct datum *linear(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *weight = tensor_at(a, 1, "weight");
    bool plain = x && weight && x->tensor.rank && weight->tensor.rank == 2;
    return plain ? shape_resized(run, x, weight->tensor.dim[0]) : NULL;
}

static long long number_or(const struct arguments *a, uint32_t position, const char *name, long long dflt) {
    const struct datum *d = argument(a, position, name);
    if (d && (d->kind == D_TUPLE || d->kind == D_LIST) && d->items.list.len == 1)
        d = d->items.list.at[0];
    return d == NULL ? dflt : d->kind == D_INT ? d->integer : -1;
}

static struct datum *convolved(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *weight = tensor_at(a, 1, "weight");
    long long stride = number_or(a, 3, "stride", 1), padding = number_or(a, 4, "padding", 0);
    long long dilation = number_or(a, 5, "dilation", 1);
    bool plain = x && weight && x->tensor.rank == 3 && weight->tensor.rank == 3;
    if (!plain || stride < 1 || padding < 0 || dilation < 1)
        return NULL;
    struct datum *result = shape_like(run, x);
    result->tensor.dim[1] = weight->tensor.dim[0];
    result->tensor.dim[2] = (x->tensor.dim[2] + 2 * padding - dilation * (weight->tensor.dim[2] - 1) - 1) / stride + 1;
    return result;
}

/* addmm(bias, x, weight) */
static struct datum *affine(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 1, "mat1"), *weight = tensor_at(a, 2, "mat2");
    struct datum *value = x && weight ? shape_of_product(run, x, weight) : NULL;
    return value && !is_unknown(value) ? value : NULL;
}

static struct datum *embedding(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input"), *weight = tensor_at(a, 1, "weight");
    struct datum *result = x && weight && weight->tensor.rank == 2 ? shape_like(run, x) : NULL;
    if (result == NULL || !shape_insert(&result->tensor, result->tensor.rank, weight->tensor.dim[1]))
        return NULL;
    result->tensor.dtype = weight->tensor.dtype;
    return result;
}

static struct datum *one_hot(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "tensor"), *count = argument(a, 1, "num_classes");
    struct datum *result = x && count && count->kind == D_INT ? shape_like(run, x) : NULL;
    return result && shape_insert(&result->tensor, result->tensor.rank, count->integer) ? result : NULL;
}

/* The last axis of two is one of complex numbers. */
static struct datum *as_complex(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    struct datum *result = x && x->tensor.rank ? shape_like(run, x) : NULL;
    if (result) {
        result->tensor.rank--;
        result->tensor.dtype = dtype_named("complex64");
    }
    return result;
}

static struct datum *as_real(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    struct datum *result = x ? shape_like(run, x) : NULL;
    if (result)
        result->tensor.dtype = dtype_named("float32");
    return result && shape_insert(&result->tensor, result->tensor.rank, 2) ? result : NULL;
}

static struct datum *polar(struct run *run, struct arguments *a) {
    struct datum *result = same(run, a);
    if (result)
        result->tensor.dtype = dtype_named("complex64");
    return result;
}

/* Of letters without dots, with the result said. */
static struct datum *einsum(struct run *run, struct arguments *a) {
    const struct datum *equation = argument(a, 0, "equation");
    long long size[256] = {0};
    const char *at = equation && equation->kind == D_STR ? equation->text : "";
    struct datum *result = NULL;
    uint32_t operand = 0;
    for (; *at && strncmp(at, "->", 2) != 0; operand++) {
        struct datum *x = tensor_at(a, operand + 1, NULL);
        uint32_t axis = 0;
        for (; *at && *at != ',' && strncmp(at, "->", 2) != 0; at++) {
            if (*at == ' ')
                continue;
            if (!isalpha((unsigned char)*at) || x == NULL || axis == x->tensor.rank)
                return NULL;
            long long *known = &size[(unsigned char)*at];
            *known = *known > 1 ? *known : x->tensor.dim[axis];
            axis++;
        }
        if (x == NULL || axis != x->tensor.rank)
            return NULL;
        result = result ? result : shape_like(run, x);
        at += *at == ',';
    }
    if (result == NULL || strncmp(at, "->", 2) != 0)
        return NULL;
    result->tensor.rank = 0;
    for (at += 2; *at; at++)
        if (*at != ' ' && !shape_insert(&result->tensor, result->tensor.rank, size[(unsigned char)*at]))
            return NULL;
    return result;
}

static struct datum *rank_of(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    return x ? datum_int(run, x->tensor.rank) : NULL;
}

/* x.new_zeros(sizes): of the dtype of x. */
static struct datum *made_new(struct run *run, struct arguments *a) {
    struct datum *x = tensor_at(a, 0, "input");
    struct data own = {0};
    const struct data *sizes = integers_from(run, a, 1, &own);
    struct datum *result = x ? tensor_new(run, x->tensor.dtype) : NULL;
    for (uint32_t i = 0; result && i < sizes->list.len; i++)
        if (sizes->list.at[i]->kind != D_INT || !shape_insert(&result->tensor, i, sizes->list.at[i]->integer))
            return NULL;
    return result;
}

static struct datum *broadcast_to(struct run *run, struct arguments *a) {
    return made_new(run, a);
}

/* -- positions ----------------------------------------------------------------------------------------------------- */

static bool are_of_positions(const struct data *list) {
    bool some = false;
    for (uint32_t i = 0; i < list->list.len && !some; i++) {
        const struct datum *d = list->list.at[i];
        some = d->kind == D_TENSOR ? d->tensor.of_positions
                                   : (d->kind == D_LIST || d->kind == D_TUPLE) && are_of_positions(&d->items);
    }
    return some;
}

static void mark_of_positions(struct datum *value) {
    if (value->kind == D_TENSOR)
        value->tensor.of_positions = true;
    for (uint32_t i = 0; value->kind == D_TUPLE && i < value->items.list.len; i++)
        mark_of_positions(value->items.list.at[i]);
}

/* -- the table ----------------------------------------------------------------------------------------------------- */

struct datum *shape_of_call(struct run *run, const char *name, struct arguments *a) {
    static const struct {
        const char *names;
        struct datum *(*call)(struct run *run, struct arguments *a);
    } functions[] = {
        {"softmax log_softmax silu gelu relu relu6 tanh sigmoid softplus logsigmoid mish elu leaky_relu hardtanh "
         "dropout normalize layer_norm rms_norm cumsum cumprod masked_fill scatter scatter_add scatter_ masked_fill_ "
         "scatter_add_ index_add index_add_ index_copy_ index_fill_ round floor ceil log2 log10 square erf nan_to_num "
         "sign roll flip clamp_ clamp_min clamp_max clamp_min_ clamp_max_ logical_not bitwise_not reciprocal "
         "div_ mul_ add_ sub_ sin_ cos_ exp_ sigmoid_ renorm half_ bernoulli",
            same},
        {"add sub mul div multiply divide true_divide subtract maximum minimum pow logical_and logical_or logical_xor "
         "eq ne lt le gt ge fmod remainder floor_divide bitwise_and bitwise_or",
            elementwise},
        {"where", where},
        {"cat concat concatenate", joined},
        {"stack", stacked},
        {"split split_with_sizes", split},
        {"unbind", unbound},
        {"sum mean amax amin prod norm std var logsumexp all any argmax argmin count_nonzero", reduced},
        {"max min", extreme},
        {"sort", sorted},
        {"argsort", same},
        {"topk", topk},
        {"gather", gathered},
        {"squeeze", squeezed},
        {"flatten", flattened},
        {"unflatten", unflattened},
        {"permute", permuted},
        {"repeat", repeated},
        {"repeat_interleave", interleaved},
        {"expand_as view_as reshape_as", shaped_as},
        {"type_as", typed_as},
        {"outer", outer},
        {"matmul bmm mm", product},
        {"linear", linear},
        {"conv1d", convolved},
        {"addmm", affine},
        {"embedding", embedding},
        {"one_hot", one_hot},
        {"view_as_complex", as_complex},
        {"view_as_real", as_real},
        {"polar", polar},
        {"einsum", einsum},
        {"dim", rank_of},
        {"new_zeros new_ones new_empty", made_new},
        {"broadcast_to", broadcast_to},
    };
    static const char functional[] = "nn.functional.";
    struct datum *value = NULL;
    bool is_function = starts_with(name, functional);
    name += is_function ? strlen(functional) : 0;
    if ((is_function || strcmp(name, "topk") == 0) && run->forward->frame)
        note_event(run, EVENT_FUNCTION, name, a);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0] && value == NULL; i++)
        value = word_in(name, functions[i].names) ? functions[i].call(run, a) : NULL;
    if (value && are_of_positions(&a->positional))
        mark_of_positions(value);
    return value;
}
