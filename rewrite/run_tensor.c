/* run_tensor.c - tensors, of which only shape and dtype are followed. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/run_internal.h"

/* -- dtypes -------------------------------------------------------------------------------------------------------- */

const struct dtype *dtype_named(const char *name) {
    static const struct dtype dtypes[] = {{"float64", 8, true}, {"float32", 4, true}, {"float16", 2, true},
        {"bfloat16", 2, true}, {"float8_e4m3fn", 1, true}, {"float8_e5m2", 1, true}, {"complex64", 8, false},
        {"int64", 8, false}, {"int32", 4, false}, {"int16", 2, false}, {"int8", 1, false}, {"uint8", 1, false},
        {"bool", 1, false}};
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, name) == 0)
            return &dtypes[i];
    return NULL;
}

const struct dtype *dtype_of(struct run *run, const struct datum *d) {
    if (d->kind == D_STR || d->kind == D_LIBRARY) {
        struct datum *name =
            library_name(run, d->kind == D_LIBRARY ? d->text : intern_printf(run->unit->atoms, "torch.%s", d->text));
        if (name->kind == D_LIBRARY && starts_with(name->text, "torch."))
            return dtype_named(name->text + strlen("torch."));
    }
    return NULL;
}

/* What a number becomes beside nothing else. */
static const struct dtype *dtype_of_number(const struct run *run, const struct datum *d) {
    return d->kind == D_BOOL ? dtype_named("bool") : d->kind == D_INT ? dtype_named("int64") : run->dtype;
}

/* -- making -------------------------------------------------------------------------------------------------------- */

struct datum *tensor_new(struct run *run, const struct dtype *dtype) {
    struct datum *d = datum_list(run, D_TENSOR);
    d->tensor.dtype = dtype;
    return d;
}

static struct datum *add_dim(struct run *run, struct datum *tensor, const struct datum *size, const struct node *at) {
    if (is_unknown(size))
        return refuse_unknown(run, at, size, "this shape");
    if (size->kind != D_INT || size->integer < 0)
        return run_raise(run, at, "TypeError", "a size must be an integer that is not negative");
    if (tensor->tensor.rank == RANK_MAX)
        return run_refuse(run, at, "a tensor of more than %d axes is not followed", RANK_MAX);
    tensor->tensor.dim[tensor->tensor.rank++] = size->integer;
    return tensor;
}

/* The sizes from a position on: several integers, or one sequence of them. */
static struct datum *sized(struct run *run, struct datum *tensor, struct arguments *a, const char *keyword) {
    const struct data *sizes = &a->positional;
    struct datum *first = argument(a, 0, keyword);
    if (first && is_unknown(first))
        return refuse_unknown(run, a->at, first, "this shape");
    if (first && (first->kind == D_LIST || first->kind == D_TUPLE))
        sizes = &first->items;
    else if (first && a->positional.list.len == 0)
        return add_dim(run, tensor, first, a->at);
    for (uint32_t i = 0; i < sizes->list.len; i++)
        if (!add_dim(run, tensor, sizes->list.at[i], a->at))
            return NULL;
    return tensor;
}

/* The dtype that is asked for, or `dflt`. NULL: not known. */
static const struct dtype *wanted(struct run *run, const struct arguments *a, const struct dtype *dflt) {
    const struct datum *d = dict_get(&a->named, "dtype");
    return d == NULL || d->kind == D_NONE ? dflt : dtype_of(run, d);
}

static struct datum *filled(struct run *run, struct arguments *a, const char *name) {
    struct datum *d = tensor_new(run, wanted(run, a, run->dtype));
    struct arguments named = {.at = a->at, .named = a->named};
    if (strcmp(name, "normal") == 0)
        return dict_get(&a->named, "size") ? sized(run, d, &named, "size") : NULL;
    if (strcmp(name, "full") != 0)
        return sized(run, d, a, "size");
    struct datum *value = argument(a, 1, "fill_value"), *size = argument(a, 0, "size");
    struct arguments one = {.at = a->at};
    if (value == NULL || size == NULL)
        return NULL;
    vec_push(run->arena, &one.positional.list, size);
    d->tensor.dtype = wanted(run, a, is_unknown(value) ? NULL : dtype_of_number(run, value));
    return sized(run, d, &one, NULL);
}

static struct datum *from_data(struct run *run, struct arguments *a) {
    struct datum *value = argument(a, 0, "data");
    if (value == NULL || value->kind == D_TENSOR)
        return value;
    struct datum *d = tensor_new(run, NULL);
    while (value->kind == D_LIST || value->kind == D_TUPLE) {
        if (!add_dim(run, d, datum_int(run, value->items.list.len), a->at))
            return NULL;
        value = value->items.list.len ? value->items.list.at[0] : datum_float(run, 0);
    }
    double real;
    if (!number_of(value, &real) && dict_get(&a->named, "dtype") == NULL)
        return is_unknown(value) ? value : NULL;
    d->tensor.dtype = wanted(run, a, dtype_of_number(run, value));
    return d;
}

static struct datum *arange(struct run *run, struct arguments *a) {
    double bound[3] = {0, 0, 1};
    uint32_t count = a->positional.list.len;
    const struct dtype *dtype = dtype_named("int64");
    for (uint32_t i = 0; i < count && i < 3; i++) {
        struct datum *d = a->positional.list.at[i];
        if (!number_of(d, &bound[count == 1 ? 1 : i]))
            return is_unknown(d) ? d : NULL;
        if (d->kind == D_FLOAT)
            dtype = run->dtype;
    }
    if (count == 0 || bound[2] == 0)
        return NULL;
    double steps = ceil((bound[1] - bound[0]) / bound[2]);
    struct datum *d = tensor_new(run, wanted(run, a, dtype));
    return add_dim(run, d, datum_int(run, steps > 0 ? (long long)steps : 0), a->at);
}

/* A tensor of the same shape that is nobody's parameter. */
static struct datum *cast(struct run *run, struct datum *self, const struct dtype *dtype) {
    struct datum *d = copy_of(run, self, false);
    d->tensor.role = TENSOR_PLAIN;
    d->tensor.dtype = dtype;
    return d;
}

static struct datum *like(struct run *run, struct arguments *a) {
    struct datum *other = argument(a, 0, "input");
    if (other == NULL || other->kind != D_TENSOR)
        return other;
    return cast(run, other, wanted(run, a, other->tensor.dtype));
}

/* -- shapes -------------------------------------------------------------------------------------------------------- */

long long tensor_elements(const struct tensor *t) {
    long long count = 1;
    for (uint32_t i = 0; i < t->rank; i++)
        count *= t->dim[i];
    return count;
}

static struct datum *reshaped(struct run *run, struct datum *self, struct arguments *a) {
    struct arguments known = {.at = a->at};
    struct datum *first = argument(a, 0, NULL);
    const struct data *sizes =
        first && (first->kind == D_LIST || first->kind == D_TUPLE) ? &first->items : &a->positional;
    long long rest = tensor_elements(&self->tensor), free = -1;
    for (uint32_t i = 0; i < sizes->list.len; i++) {
        struct datum *size = sizes->list.at[i];
        vec_push(run->arena, &known.positional.list, size);
        if (size->kind != D_INT)
            return is_unknown(size) ? size : NULL;
        if (size->integer < 0)
            free = i;
        else
            rest /= size->integer ? size->integer : 1;
    }
    if (free >= 0)
        known.positional.list.at[free] = datum_int(run, rest);
    struct datum *made = sized(run, tensor_new(run, self->tensor.dtype), &known, NULL);
    if (made && tensor_elements(&made->tensor) != tensor_elements(&self->tensor) && tensor_elements(&self->tensor) != 0)
        return run_raise(run, a->at, "RuntimeError", "the shape is invalid for a tensor of this size");
    return made;
}

static struct datum *with_axis(struct run *run, struct datum *self, const struct datum *axis, const struct node *at) {
    struct datum *d = tensor_new(run, self->tensor.dtype);
    long long where = axis && axis->kind == D_INT ? axis->integer : 0;
    where += where < 0 ? self->tensor.rank + 1 : 0;
    for (uint32_t i = 0; i <= self->tensor.rank; i++) {
        long long size = i == where ? 1 : self->tensor.dim[i > where ? i - 1 : i];
        if (!add_dim(run, d, datum_int(run, size), at))
            return NULL;
    }
    return d;
}

/* Sizes of one are repeated; -1 leaves the size as it is, counted from the last axis. */
static struct datum *expanded(struct run *run, struct datum *self, struct arguments *a) {
    struct arguments known = {.at = a->at};
    struct datum *first = argument(a, 0, "size");
    const struct data *sizes =
        first && (first->kind == D_LIST || first->kind == D_TUPLE) ? &first->items : &a->positional;
    uint32_t rank = self->tensor.rank, count = sizes->list.len;
    for (uint32_t i = 0; i < count; i++) {
        struct datum *size = sizes->list.at[i];
        if (size->kind == D_INT && size->integer < 0 && i + rank >= count)
            size = datum_int(run, self->tensor.dim[i + rank - count]);
        vec_push(run->arena, &known.positional.list, size);
    }
    return count < rank ? NULL : sized(run, tensor_new(run, self->tensor.dtype), &known, NULL);
}

/* Of a buffer that is not saved, and of which no more is known than that. */
static bool has_no_shape(const struct tensor *t) {
    return t->dtype == NULL && t->rank == 0;
}

/* All sizes, or the one of an axis. */
static struct datum *size_of(struct run *run, const struct datum *self, const struct datum *axis) {
    const struct tensor *t = &self->tensor;
    if (has_no_shape(t))
        return NULL;
    if (axis == NULL) {
        struct datum *shape = datum_list(run, D_TUPLE);
        for (uint32_t i = 0; i < t->rank; i++)
            vec_push(run->arena, &shape->items.list, datum_int(run, t->dim[i]));
        return shape;
    }
    long long at = axis->kind == D_INT ? axis->integer + (axis->integer < 0 ? t->rank : 0) : -1;
    return at >= 0 && at < t->rank ? datum_int(run, t->dim[at]) : NULL;
}

static struct datum *transposed(struct run *run, struct datum *self, long long a, long long b) {
    long long rank = self->tensor.rank;
    struct datum *d = cast(run, self, self->tensor.dtype);
    a += a < 0 ? rank : 0;
    b += b < 0 ? rank : 0;
    if (a < 0 || b < 0 || a >= rank || b >= rank)
        return NULL;
    d->tensor.dim[a] = self->tensor.dim[b];
    d->tensor.dim[b] = self->tensor.dim[a];
    return d;
}

/* Equal parts along an axis. Of what is unpacked when a checkpoint is loaded only their number matters. */
static struct datum *chunks(struct run *run, struct datum *self, struct arguments *a) {
    const struct datum *count = argument(a, 0, "chunks"), *axis = argument(a, 1, "dim");
    long long at = axis == NULL ? 0 : axis->kind == D_INT ? axis->integer : RANK_MAX;
    at += at < 0 ? self->tensor.rank : 0;
    if (count == NULL || count->kind != D_INT || count->integer < 1 || at < 0 || at >= self->tensor.rank)
        return NULL;
    struct datum *list = datum_list(run, D_TUPLE), *part = cast(run, self, self->tensor.dtype);
    part->tensor.dim[at] /= count->integer;
    if (self->tensor.dim[at] % count->integer != 0)
        part = unknown(run, a->at, "parts of different sizes are not followed");
    for (long long i = 0; i < count->integer; i++)
        vec_push(run->arena, &list->items.list, part);
    return list;
}

struct datum *tensor_rows(struct run *run, struct datum *self) {
    struct datum *row = cast(run, self, self->tensor.dtype), *list = datum_list(run, D_LIST);
    row->tensor.rank--;
    for (uint32_t i = 0; i < row->tensor.rank; i++)
        row->tensor.dim[i] = self->tensor.dim[i + 1];
    for (long long i = 0; i < self->tensor.dim[0]; i++)
        vec_push(run->arena, &list->items.list, row);
    return list;
}

/* -- arithmetic ---------------------------------------------------------------------------------------------------- */

/* The shape of both, aligned at the last axis; false where they do not fit. */
static bool broadcast(const struct tensor *a, const struct tensor *b, struct tensor *out) {
    uint32_t rank = a->rank > b->rank ? a->rank : b->rank, skip_a = rank - a->rank, skip_b = rank - b->rank;
    out->rank = (uint8_t)rank;
    for (uint32_t i = 0; i < rank; i++) {
        long long x = i < skip_a ? 1 : a->dim[i - skip_a];
        long long y = i < skip_b ? 1 : b->dim[i - skip_b];
        if (x != y && x != 1 && y != 1)
            return false;
        out->dim[i] = x == 1 ? y : x;
    }
    return true;
}

/* NULL where it is not plain: both floating and different, or of integers and a floating number. */
static const struct dtype *promoted(const struct run *run, enum op op, const struct datum *a, const struct datum *b) {
    const struct datum *tensor = a->kind == D_TENSOR ? a : b, *other = a->kind == D_TENSOR ? b : a;
    const struct dtype *x = tensor->tensor.dtype;
    const struct dtype *y = other->kind == D_TENSOR ? other->tensor.dtype : dtype_of_number(run, other);
    if (x == NULL || y == NULL)
        return NULL;
    if (x->floating)
        return other->kind != D_TENSOR || x == y || !y->floating ? x : NULL;
    if (y->floating)
        return y;
    return op == OP_DIV ? run->dtype : x == y || other->kind != D_TENSOR ? x : NULL;
}

struct datum *tensor_binary(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at) {
    double real;
    struct datum *d = tensor_new(run, NULL), scalar = {.kind = D_TENSOR};
    bool plain = (a->kind == D_TENSOR || number_of(a, &real)) && (b->kind == D_TENSOR || number_of(b, &real));
    const struct tensor *x = &(a->kind == D_TENSOR ? a : &scalar)->tensor;
    const struct tensor *y = &(b->kind == D_TENSOR ? b : &scalar)->tensor;
    if (run->forward && plain && (has_no_shape(x) || has_no_shape(y)) && a->kind == D_TENSOR && b->kind == D_TENSOR)
        return unknown(run, at, "the shape of this is not known");
    if (run->forward && op == OP_MATMUL)
        return shape_of_product(run, a, b);
    if (!plain || op == OP_MATMUL || !broadcast(x, y, &d->tensor))
        return unknown(run, at, "what this computes is not followed");
    d->tensor.dtype = promoted(run, op, a, b);
    d->tensor.of_positions = x->of_positions || y->of_positions;
    return d;
}

/* -- torch.<name> and methods -------------------------------------------------------------------------------------- */

static const char same_shape[] = "exp expm1 log log1p sqrt rsqrt cos sin tanh sigmoid abs neg clone detach clamp tril "
                                 "triu";
static const char same_tensor[] = "requires_grad_ contiguous cpu cuda fill_ zero_ normal_ uniform_ copy_";

static struct datum *make_parameter(struct run *run, struct arguments *a, uint8_t role) {
    struct datum *d = argument(a, 0, "data");
    if (d == NULL || d->kind == D_NONE)
        return d;
    if (d->kind != D_TENSOR && role != TENSOR_LOCAL_BUFFER)
        return is_unknown(d) ? refuse_unknown(run, a->at, d, "the shape of this")
                             : run_raise(run, a->at, "TypeError", "a tensor is needed");
    if (d->kind == D_TENSOR && d->tensor.dtype == NULL && role != TENSOR_LOCAL_BUFFER)
        return run_refuse(run, a->at, "the dtype of this is not known");
    struct datum *own = d->kind == D_TENSOR ? copy_of(run, d, false) : tensor_new(run, NULL);
    own->tensor.role = role;
    return own;
}

struct datum *tensor_buffer(struct run *run, struct arguments *a) {
    const struct datum *persistent = argument(a, 1, "persistent");
    int kept = persistent ? truth_of(persistent) : 1;
    if (kept < 0)
        return refuse_unknown(run, a->at, persistent, "whether this is in the state dict");
    return make_parameter(run, a, kept ? TENSOR_BUFFER : TENSOR_LOCAL_BUFFER);
}

struct datum *call_torch(struct run *run, const char *name, struct arguments *a) {
    if (strcmp(name, "nn.Parameter") == 0 || strcmp(name, "nn.parameter.Parameter") == 0)
        return make_parameter(run, a, TENSOR_PARAMETER);
    if (strcmp(name, "nn.Buffer") == 0)
        return tensor_buffer(run, a);
    if (word_in(name, "empty zeros ones rand randn full normal"))
        return filled(run, a, name);
    if (strcmp(name, "FloatTensor") == 0) {
        struct datum *first = argument(a, 0, NULL);
        return first == NULL || first->kind == D_INT ? sized(run, tensor_new(run, dtype_named("float32")), a, NULL)
                                                     : NULL;
    }
    if (word_in(name, "empty_like zeros_like ones_like full_like randn_like"))
        return like(run, a);
    if (word_in(name, "tensor as_tensor"))
        return from_data(run, a);
    if (strcmp(name, "arange") == 0)
        return arange(run, a);
    if (strcmp(name, "get_default_dtype") == 0)
        return library_name(run, intern_printf(run->unit->atoms, "torch.%s", run->dtype->name));
    struct datum *first = argument(a, 0, "input"), *shape = run->forward ? shape_of_call(run, name, a) : NULL;
    if (shape || run->stop != RUN_ON)
        return shape;
    if (first == NULL || first->kind != D_TENSOR || strchr(name, '.'))
        return first && is_unknown(first) ? first : NULL;
    struct arguments rest = {.at = a->at, .named = a->named};
    for (uint32_t i = 1; i < a->positional.list.len; i++)
        vec_push(run->arena, &rest.positional.list, a->positional.list.at[i]);
    return call_tensor(run, first, name, &rest);
}

static struct datum *to(struct run *run, struct datum *self, struct arguments *a) {
    struct datum *d = argument(a, 0, "dtype");
    const struct dtype *dtype = d ? dtype_of(run, d) : NULL;
    bool device = d == NULL || (d->kind != D_LIBRARY && !is_unknown(d));
    return cast(run, self, dtype ? dtype : device ? self->tensor.dtype : NULL);
}

struct datum *call_tensor(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    static const char *const casts[][2] = {{"float", "float32"}, {"double", "float64"}, {"half", "float16"},
        {"bfloat16", "bfloat16"}, {"long", "int64"}, {"int", "int32"}, {"bool", "bool"}};
    struct datum *first = argument(a, 0, "dim"), *second = argument(a, 1, NULL), *value = NULL;
    for (size_t i = 0; i < sizeof casts / sizeof casts[0]; i++)
        if (strcmp(name, casts[i][0]) == 0)
            return cast(run, self, dtype_named(casts[i][1]));
    if (word_in(name, same_tensor))
        return self;
    if (word_in(name, same_shape))
        return cast(run, self, self->tensor.dtype);
    if (word_in(name, "to type"))
        return to(run, self, a);
    if (word_in(name, "view reshape"))
        value = reshaped(run, self, a);
    else if (strcmp(name, "unsqueeze") == 0)
        value = with_axis(run, self, first, a->at);
    else if (strcmp(name, "t") == 0 && self->tensor.rank == 2)
        value = transposed(run, self, 0, 1);
    else if (strcmp(name, "transpose") == 0 && first && second && first->kind == D_INT && second->kind == D_INT)
        value = transposed(run, self, first->integer, second->integer);
    else if (strcmp(name, "chunk") == 0)
        value = chunks(run, self, a);
    else if (strcmp(name, "expand") == 0)
        value = expanded(run, self, a);
    else if (strcmp(name, "size") == 0)
        value = size_of(run, self, first);
    else if (word_in(name, "numel nelement"))
        value = datum_int(run, tensor_elements(&self->tensor));
    if (value == NULL && run->stop == RUN_ON && run->forward) {
        struct arguments all = {.at = a->at, .named = a->named};
        vec_push(run->arena, &all.positional.list, self);
        for (uint32_t i = 0; i < a->positional.list.len; i++)
            vec_push(run->arena, &all.positional.list, a->positional.list.at[i]);
        value = shape_of_call(run, name, &all);
    }
    if (value && value->kind == D_TENSOR)
        value->tensor.of_positions |= self->tensor.of_positions;
    return value || run->stop != RUN_ON ? value : unknown(run, a->at, "what `%s` computes is not followed", name);
}

/* A tensor of which there is nothing but its shape is on this device, and AutoDeploy builds models there. */
static struct datum *meta_device(struct run *run) {
    struct datum *d = datum_object(run, library_class(run, "torch.device"));
    dict_set(run, &d->object->attributes->dict, datum_str(run, "type"), datum_str(run, "meta"));
    return d;
}

struct datum *tensor_attribute(struct run *run, struct datum *self, const char *name, const struct node *at) {
    const struct tensor *t = &self->tensor;
    if (has_no_shape(t) && word_in(name, "shape ndim"))
        return unknown(run, at, "the shape of this is not known");
    if (strcmp(name, "shape") == 0)
        return size_of(run, self, NULL);
    if (strcmp(name, "dtype") == 0)
        return t->dtype ? library_name(run, intern_printf(run->unit->atoms, "torch.%s", t->dtype->name))
                        : unknown(run, at, "the dtype of this is not known");
    if (strcmp(name, "data") == 0)
        return cast(run, self, t->dtype);
    if (strcmp(name, "ndim") == 0)
        return datum_int(run, t->rank);
    if (strcmp(name, "T") == 0 && t->rank == 2)
        return transposed(run, self, 0, 1);
    if (strcmp(name, "device") == 0)
        return meta_device(run);
    if (word_in(name, "is_meta is_cuda"))
        return datum_bool(run, name[3] == 'm');
    if (word_in(name, "grad layout requires_grad"))
        return unknown(run, at, "`%s` of a tensor is not followed", name);
    struct datum *d = datum_list(run, D_METHOD);
    d->method.self = self;
    d->method.name = intern(run->unit->atoms, name);
    return d;
}
