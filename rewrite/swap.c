/* swap.c - pushing a transpose of dimensions 1 and 2 into an expression. */
#include "rewrite/swap.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* -- recognising --------------------------------------------------------------------------------------------------- */

/* torch.f, written in the source or by an equation's template. */
static bool is_library(const struct node *callee) {
    if (callee->abs)
        return callee->abs->kind == ABS_LIBRARY;
    return callee->kind == NODE_ATTRIBUTE && is_name(callee->kid[0], "torch");
}

bool is_method(const struct node *e, const char *name) {
    return e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, name) &&
           !is_library(e->kid[0]) && !(receiver(e)->abs && receiver(e)->abs->kind == ABS_LIBRARY);
}

/* x.transpose(1, 2), x.swapaxes(1, 2) or x.permute(0, 2, 1, 3). */
bool is_swap(const struct node *e, uint32_t rank) {
    int d[4] = {0, 2, 1, 3};
    if (is_method(e, "transpose") || is_method(e, "swapaxes")) {
        const struct node *a = call_argument(e, 0, "dim0"), *b = call_argument(e, 1, "dim1");
        if (!a || !b || !literal_int(a, &d[0]) || !literal_int(b, &d[1]))
            return false;
        for (int i = 0; i < 2; i++)
            d[i] = d[i] < 0 ? d[i] + (int)rank : d[i];
        return (d[0] == 1 && d[1] == 2) || (d[0] == 2 && d[1] == 1);
    }
    if (!is_method(e, "permute") || e->nkids != rank + 1)
        return false;
    for (uint32_t i = 0; i < rank; i++)
        if (!literal_int(e->kid[i + 1], &d[i]))
            return false;
    return d[0] == 0 && d[1] == 2 && d[2] == 1 && d[3] == 3;
}

const char *op_name(const struct node *e) {
    if (e->kind != NODE_CALL || e->kid[0]->kind != NODE_ATTRIBUTE || e->kid[0]->kid[0]->kind != NODE_ATTRIBUTE ||
        !atom_is(e->kid[0]->kid[0]->atom, "auto_deploy"))
        return NULL;
    return e->kid[0]->atom;
}

bool calls_op(const struct node *n, const char *name) {
    const char *own = n ? op_name(n) : NULL;
    bool found = own && strcmp(own, name) == 0;
    for (uint32_t i = 0; n && !found && i < n->nkids; i++)
        found = calls_op(n->kid[i], name);
    return found;
}

static bool is_rope(const struct node *e) {
    const char *name = op_name(e);
    return name && starts_with(name, "torch_rope_with_");
}

static bool is_scalar(const struct node *e) {
    if (e->kind == NODE_NUMBER || e->kind == NODE_CONST)
        return true;
    if (e->abs && (e->abs->kind == ABS_NUMBER || e->abs->kind == ABS_SYMBOLIC || e->abs->kind == ABS_CONST ||
                      e->abs->kind == ABS_INDEX))
        return true;
    return e->abs && e->abs->kind == ABS_TENSOR && e->abs->rank == 1; /* along the last dimension */
}

/* -- modules that work along the last dimension -------------------------------------------------------------------- */

static const char pointwise[] =
    "to float half bfloat16 type type_as double contiguous clone sigmoid tanh relu silu gelu softplus exp log sqrt "
    "rsqrt "
    "pow square abs neg cos sin clamp clamp_min clamp_max clip mul add sub div reciprocal softcap nan_to_num";
static const char last_axis_ops[] = "torch_rmsnorm torch_l2norm torch_rmsnorm_gated";

static bool reduces_last(const struct node *call) {
    int dim;
    const struct node *d = call_argument(call, call->kid[0]->kind == NODE_ATTRIBUTE ? 0 : 1, "dim");
    const struct node *keep = call_argument(call, 1, "keepdim");
    return d && literal_int(d, &dim) && dim == -1 && keep && keep->kind == NODE_CONST && keep->op == OP_TRUE;
}

/* x.shape[-1] */
static bool is_last_size(const struct node *e) {
    int dim;
    return e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape") &&
           literal_int(e->kid[1], &dim) && dim == -1;
}

static bool works_along_last(const struct node *e) {
    if (e == NULL || is_last_size(e))
        return true;
    if (e->kind == NODE_SUBSCRIPT || e->kind == NODE_FOR || e->kind == NODE_WHILE || e->kind == NODE_IFEXP)
        return false;
    if (e->kind == NODE_CALL) {
        const char *name = e->kid[0]->kind == NODE_ATTRIBUTE ? e->kid[0]->atom : NULL;
        bool fine = name && (word_in(name, pointwise) ||
                                (word_in(name, "new_ones new_zeros") && e->nkids == 2 && is_last_size(e->kid[1])) ||
                                (op_name(e) && word_in(name, last_axis_ops)) ||
                                (word_in(name, "mean sum var amax") && reduces_last(e)) ||
                                word_in(name, "layer_norm rms_norm"));
        if (!fine)
            return false;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (!works_along_last(e->kid[i]))
            return false;
    return true;
}

static bool module_keeps_layout(const struct node *callee) {
    const struct absval *a = callee->abs;
    if (a == NULL)
        return false;
    if (a->kind == ABS_OBJECT)
        return qual_ends(a->qual, "LayerNorm") || qual_ends(a->qual, "RMSNorm") || qual_ends(a->qual, "Linear") ||
               qual_ends(a->qual, "ACT2FN");
    if (a->kind != ABS_INSTANCE)
        return false;
    const struct fn *forward = class_method(a->cls, "forward");
    if (forward == NULL || forward->body == NULL)
        return forward == NULL && (class_derives(a->cls, "nn.LayerNorm") || class_derives(a->cls, "nn.Linear"));
    return works_along_last(forward->body);
}

/* -- building ------------------------------------------------------------------------------------------------------ */

static struct node *copy(struct layout *l, const struct node *n) {
    return node_copy(l->unit->arena, n);
}

struct node *layout_number(struct layout *l, int value) {
    return make_number(l->unit->arena, intern_printf(l->unit->atoms, "%d", value));
}

static struct node *layout_last(struct layout *l) {
    struct node *last = node_make(l->unit->arena, NODE_UNARYOP, NULL, 1, layout_number(l, 1));
    last->op = OP_NEG;
    return last;
}

struct node *transpose_of(struct layout *l, struct node *e) {
    struct arena *arena = l->unit->arena;
    struct node *method = make_attr(arena, e, intern(l->unit->atoms, "transpose"));
    struct node *call = node_make(arena, NODE_CALL, NULL, 3, method, layout_number(l, 1), layout_number(l, 2));
    call->abs = abs_tensor(l->unit, l->rank);
    return call;
}

struct node *swap_or_transpose(struct layout *l, struct node *e) {
    struct node *s = swapped(l, e, l->rank);
    return s ? s : transpose_of(l, copy(l, e));
}

/* A copy of `e` in which `value` stands for its child `i`; NULL for NULL. */
static struct node *with_kid(struct layout *l, const struct node *e, uint32_t i, struct node *value) {
    if (value == NULL)
        return NULL;
    struct node *s = copy(l, e);
    if (is_kind(s->kid[i], NODE_KEYWORD))
        s->kid[i]->kid[0] = value;
    else
        s->kid[i] = value;
    s->callsite = e->callsite;
    return s;
}

static struct node *with_receiver(struct layout *l, const struct node *call, struct node *value) {
    if (value == NULL)
        return NULL;
    struct node *s = copy(l, call);
    s->kid[0]->kid[0] = value;
    return s;
}

/* -- dimensions ---------------------------------------------------------------------------------------------------- */

/* A literal dimension of a tensor of that rank, counted from the front. */
static bool dimension(const struct node *dim, uint32_t rank, int *value) {
    if (dim == NULL || !literal_int(dim, value))
        return false;
    *value = *value < 0 ? *value + (int)rank : *value;
    return *value >= 0 && *value < (int)rank;
}

/* Dimensions 1 and 2 change places, the others stay. The last one is counted from the end, as people do. */
static bool swap_dim(struct layout *l, struct node *dim, uint32_t rank) {
    int d;
    if (!dimension(dim, rank, &d))
        return false;
    if (d == 1 || d == 2)
        *dim = *(d == 1 && rank == 3 ? layout_last(l) : layout_number(l, 3 - d));
    return true;
}

static struct node *swap_kids(struct node *list, uint32_t first) {
    struct node *kid = list->kid[first];
    list->kid[first] = list->kid[first + 1];
    list->kid[first + 1] = kid;
    return list;
}

/* `*x.shape[:-1]` for `*y.shape[:-1]`, x being y turned; NULL for anything else. */
static struct node *swap_leading_sizes(struct layout *l, const struct node *star, uint32_t rank) {
    const struct node *sizes = star->kind == NODE_STARRED ? star->kid[0] : NULL;
    if (!is_kind(sizes, NODE_SUBSCRIPT) || sizes->kid[0]->kind != NODE_ATTRIBUTE ||
        !atom_is(sizes->kid[0]->atom, "shape") || sizes->kid[1]->kind != NODE_SLICE)
        return NULL;
    const struct node *slice = sizes->kid[1];
    int to;
    struct node *x = !slice->kid[0] && !slice->kid[2] && literal_int(slice->kid[1], &to) && to == -1
                         ? swapped(l, sizes->kid[0]->kid[0], rank)
                         : NULL;
    struct node *s = x ? copy(l, star) : NULL;
    if (s)
        s->kid[0]->kid[0]->kid[0] = x;
    return s;
}

/* x.expand(*y.shape[:-1], size), where y must have the rank of the result. */
static struct node *swap_sizes_like(struct layout *l, struct node *e, uint32_t rank) {
    struct node *sizes =
        e->nkids == 3 && e->kid[2]->kind != NODE_STARRED ? swap_leading_sizes(l, e->kid[1], rank) : NULL;
    struct node *s = sizes ? with_receiver(l, e, swapped(l, receiver(e), rank)) : NULL;
    return s ? with_kid(l, s, 1, sizes) : NULL;
}

/* x.expand(...), x.repeat(...), one argument a dimension. */
static struct node *swap_sizes(struct layout *l, struct node *e, uint32_t rank) {
    if (e->nkids > 1 && e->kid[1]->kind == NODE_STARRED)
        return swap_sizes_like(l, e, rank);
    if (e->nkids != rank + 1 || rank < 3)
        return NULL;
    for (uint32_t i = 1; i < e->nkids; i++)
        if (e->kid[i]->kind == NODE_STARRED || e->kid[i]->kind == NODE_KEYWORD)
            return NULL;
    struct node *s = with_receiver(l, e, swapped(l, receiver(e), rank));
    return s ? swap_kids(s, 2) : NULL;
}

/* x.view(b, 1, s, d): a dimension of size 1 may stand anywhere. */
static struct node *swap_view(struct layout *l, struct node *e, uint32_t rank) {
    bool tuple = e->nkids == 2 && e->kid[1]->kind == NODE_TUPLE;
    const struct node *sizes = tuple ? e->kid[1] : e;
    uint32_t first = tuple ? 1 : 2;
    int size;
    if (rank < 3 || sizes->nkids != rank + first - 1)
        return NULL;
    for (uint32_t i = first - 1; i < sizes->nkids; i++)
        if (sizes->kid[i]->kind == NODE_STARRED)
            return NULL;
    bool unit = (literal_int(sizes->kid[first], &size) && size == 1) ||
                (literal_int(sizes->kid[first + 1], &size) && size == 1);
    if (!unit)
        return NULL;
    struct node *s = copy(l, e);
    swap_kids(tuple ? s->kid[1] : s, first);
    return s;
}

static struct node *swap_unsqueeze(struct layout *l, struct node *e, uint32_t rank) {
    int dim;
    if (!dimension(call_argument(e, 0, "dim"), rank, &dim) || dim == 0)
        return NULL;
    if (dim > 2)
        return with_receiver(l, e, swapped(l, receiver(e), rank - 1));
    const struct absval *of = receiver(e)->abs;
    struct node *s = of && of->rank == rank - 1 ? copy(l, e) : NULL;
    return s && swap_dim(l, call_argument(s, 0, "dim"), rank) ? s : NULL;
}

/* x.flatten(-2): the last two dimensions become one. */
static struct node *swap_flatten(struct layout *l, struct node *e, uint32_t rank) {
    int start;
    bool last_two = e->nkids == 2 && dimension(call_argument(e, 0, "start_dim"), rank + 1, &start) &&
                    start == (int)rank - 1 && start > 2;
    return last_two ? with_receiver(l, e, swapped(l, receiver(e), rank + 1)) : NULL;
}

/* -- subscripts ---------------------------------------------------------------------------------------------------- */

static bool is_plain_slice(const struct node *n) {
    return n->kind == NODE_SLICE;
}

/* x[..., a:b], which leaves dimensions 1 and 2 alone. */
static struct node *swap_last(struct layout *l, struct node *e, uint32_t rank) {
    const struct node *index = e->kid[1];
    uint32_t added = 0;
    for (uint32_t i = 1; i < index->nkids; i++) {
        added += is_none(index->kid[i]);
        if (!is_none(index->kid[i]) && !is_plain_slice(index->kid[i]))
            return NULL;
    }
    bool apart = index->nkids - 1 + 3 <= rank;
    return apart ? with_kid(l, e, 0, swapped(l, e->kid[0], rank - added)) : NULL;
}

/* x[:, a:b, c:d], x[:, None], x[:, :, None, :]: one entry a dimension of the result, from the first. */
static struct node *swap_entries(struct layout *l, struct node *e, uint32_t rank) {
    const struct node *index = e->kid[1];
    uint32_t added = 0;
    if (index->nkids < 3 || !is_plain_slice(index->kid[0]))
        return NULL;
    for (uint32_t i = 0; i < index->nkids; i++) {
        added += is_none(index->kid[i]);
        if (!is_none(index->kid[i]) && !is_plain_slice(index->kid[i]))
            return NULL;
    }
    struct node *value =
        is_none(index->kid[1]) || is_none(index->kid[2]) ? copy(l, e->kid[0]) : swapped(l, e->kid[0], rank - added);
    struct node *s = with_kid(l, e, 0, value);
    if (s)
        swap_kids(s->kid[1], 1);
    return s;
}

static struct node *swap_subscript(struct layout *l, struct node *e, uint32_t rank) {
    const struct node *index = e->kid[1];
    int element;
    if (literal_int(index, &element))
        return with_kid(l, e, 0, swapped_list(l, e->kid[0], rank));
    if (index->kind != NODE_TUPLE || index->nkids < 2)
        return NULL;
    bool ellipsis = index->kid[0]->kind == NODE_CONST && index->kid[0]->op == OP_ELLIPSIS;
    return ellipsis ? swap_last(l, e, rank) : swap_entries(l, e, rank);
}

/* -- sequences of tensors ------------------------------------------------------------------------------------------ */

static struct node *swap_elements(struct layout *l, struct node *list, uint32_t rank) {
    struct node *s = copy(l, list);
    for (uint32_t i = 0; i < list->nkids; i++)
        if (list->kid[i]->kind == NODE_STARRED || (s->kid[i] = swapped(l, list->kid[i], rank)) == NULL)
            return NULL;
    return s;
}

static struct node *swap_rope(struct layout *l, struct node *e) {
    uint32_t position = strcmp(op_name(e), "torch_rope_with_complex_freqs") == 0 ? 3 : 4;
    const struct node *d = call_argument(e, position, "unsqueeze_dim");
    int dim;
    if (e->nkids < 5 || d == NULL || !literal_int(d, &dim) || (dim != 1 && dim != 2))
        return NULL;
    struct node *s = copy(l, e);
    s->kid[1] = swap_or_transpose(l, e->kid[1]);
    s->kid[2] = swap_or_transpose(l, e->kid[2]);
    call_argument(s, position, "unsqueeze_dim")->atom = intern(l->unit->atoms, dim == 1 ? "2" : "1");
    return s;
}

/* The parts of x that torch.split or torch.chunk makes, as a function or a method. */
static struct node *swap_parts(struct layout *l, struct node *e, uint32_t rank) {
    bool library = is_library(e->kid[0]);
    struct node *x = library ? e->kid[1] : receiver(e);
    if (x->kind == NODE_KEYWORD || x->kind == NODE_STARRED)
        return NULL;
    struct node *value = swapped(l, x, rank);
    struct node *s = library ? with_kid(l, e, 1, value) : with_receiver(l, e, value);
    return s && swap_dim(l, call_argument(s, library ? 2 : 1, "dim"), rank) ? s : NULL;
}

static bool reads(const struct node *n, const struct web *w) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAME)
        return n->web == w;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (reads(n->kid[i], w))
            return true;
    return false;
}

/* One target of a comprehension: where its iterable can be swapped, the target holds the transpose. */
static void swap_target(struct layout *l, struct node **target, struct node **iterable, uint32_t rank) {
    struct node *t = *target;
    struct node *s = t->kind == NODE_NAME && t->web ? swapped_list(l, *iterable, rank) : NULL;
    if (s == NULL)
        return;
    struct web *twin = twin_make(l, t->web, WEB_TARGET);
    map_put(l->unit->arena, &l->twins, t->web, twin);
    *target = make_web_name(l->unit->arena, twin);
    *iterable = s;
}

/* [f(x) for x in xs], or with zip(fs, xs). */
static struct node *swap_comprehension(struct layout *l, struct node *e, uint32_t rank) {
    if (e->nkids != 2 || e->kid[1]->nkids != 2)
        return NULL;
    struct node *s = copy(l, e), *loop = s->kid[1], *targets = e->kid[1]->kid[0];
    bool zip = loop->kid[1]->kind == NODE_CALL && is_name(loop->kid[1]->kid[0], "zip") && targets->kind == NODE_TUPLE &&
               loop->kid[1]->nkids == targets->nkids + 1;
    if (zip)
        for (uint32_t i = 0; i < targets->nkids; i++)
            swap_target(l, &loop->kid[0]->kid[i], &loop->kid[1]->kid[i + 1], rank);
    else
        swap_target(l, &loop->kid[0], &loop->kid[1], rank);
    s->kid[0] = swapped(l, e->kid[0], rank);
    for (uint32_t i = 0; s->kid[0] && i < (zip ? targets->nkids : 1); i++) {
        const struct node *before = zip ? targets->kid[i] : targets, *after = zip ? loop->kid[0]->kid[i] : loop->kid[0];
        if (before->kind == NODE_NAME && before->web != after->web && reads(s->kid[0], before->web))
            return NULL;
    }
    return s->kid[0] ? s : NULL;
}

/* A variable that holds a sequence keeps it; another one holds the swapped one. */
static struct node *swap_list_variable(struct layout *l, struct node *e, uint32_t rank) {
    struct web *w = e->web, *twin = w ? map_get(&l->twins, w) : NULL;
    if (w == NULL || w->kind != WEB_ASSIGN)
        return NULL;
    if (twin == NULL) {
        struct node *s = swapped_list(l, w->expr, rank);
        uint32_t index;
        struct node *block = s ? find_block(l->fn->body, w->stmt, &index) : NULL;
        if (block == NULL)
            return NULL;
        twin = twin_make(l, w, WEB_ASSIGN);
        twin->abs = w->abs;
        map_put(l->unit->arena, &l->twins, w, twin);
        if (!l->dry)
            node_insert(l->unit->arena, block, index + 1, assign_web(l, twin, s));
    }
    return make_web_name(l->unit->arena, twin);
}

static struct node *swapped_list_kind(struct layout *l, struct node *e, uint32_t rank) {
    switch (e->kind) {
    case NODE_TUPLE:
    case NODE_LIST: return swap_elements(l, e, rank);
    case NODE_LISTCOMP:
    case NODE_GENERATOR: return swap_comprehension(l, e, rank);
    case NODE_NAME: return swap_list_variable(l, e, rank);
    case NODE_CALL:
        if (is_rope(e))
            return rank == 4 ? swap_rope(l, e) : NULL;
        if (e->kid[0]->kind == NODE_ATTRIBUTE && !op_name(e) && word_in(e->kid[0]->atom, "split chunk"))
            return swap_parts(l, e, rank);
        return NULL;
    default: return NULL;
    }
}

struct node *swapped_list(struct layout *l, struct node *e, uint32_t rank) {
    if (l->depth >= SWAP_DEPTH)
        return NULL;
    l->depth++;
    struct node *s = swapped_list_kind(l, e, rank);
    l->depth--;
    return s;
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

static struct node *swap_pointwise(struct layout *l, struct node *e, uint32_t rank) {
    for (uint32_t i = 1; i < e->nkids; i++) { /* other tensors would have to turn too */
        const struct node *a = e->kid[i]->kind == NODE_KEYWORD ? e->kid[i]->kid[0] : e->kid[i];
        if (a->abs && a->abs->kind == ABS_TENSOR && a->abs->rank != 1 && !is_method(e, "type_as"))
            return NULL;
    }
    struct node *value = swapped(l, receiver(e), rank);
    return is_method(e, "contiguous") ? value : with_receiver(l, e, value);
}

static struct node *swap_method(struct layout *l, struct node *e, uint32_t rank) {
    const char *name = e->kid[0]->atom;
    if (strcmp(name, "unsqueeze") == 0)
        return swap_unsqueeze(l, e, rank);
    if (strcmp(name, "flatten") == 0)
        return swap_flatten(l, e, rank);
    if (word_in(name, "view reshape"))
        return swap_view(l, e, rank);
    if (word_in(name, "expand repeat"))
        return swap_sizes(l, e, rank);
    return word_in(name, pointwise) ? swap_pointwise(l, e, rank) : NULL;
}

/* torch.cat(parts, dim), torch.stack(parts, -1) */
static struct node *swap_joined(struct layout *l, struct node *e, uint32_t rank) {
    bool stack = atom_is(e->kid[0]->atom, "stack");
    int dim;
    struct node *d = call_argument(e, 1, "dim");
    if (e->nkids < 2 || e->kid[1]->kind == NODE_KEYWORD || !dimension(d, rank, &dim) || (stack && dim < 3))
        return NULL;
    struct node *s = with_kid(l, e, 1, swapped_list(l, e->kid[1], stack ? rank - 1 : rank));
    return s && (stack || swap_dim(l, call_argument(s, 1, "dim"), rank)) ? s : NULL;
}

static struct node *swap_library(struct layout *l, struct node *e, uint32_t rank) {
    const char *name = e->kid[0]->kind == NODE_ATTRIBUTE ? e->kid[0]->atom : "";
    if (word_in(name, "cat concat concatenate stack"))
        return swap_joined(l, e, rank);
    return word_in(name, pointwise) && e->nkids == 2 ? with_kid(l, e, 1, swapped(l, e->kid[1], rank)) : NULL;
}

static struct node *swap_call(struct layout *l, struct node *e, uint32_t rank) {
    const char *op = op_name(e);
    if (op)
        return word_in(op, last_axis_ops) ? with_kid(l, e, 1, swapped(l, e->kid[1], rank)) : NULL;
    if (e->nkids == 2 && e->kid[1]->kind != NODE_STARRED && module_keeps_layout(e->kid[0])) {
        struct node *arg = e->kid[1]->kind == NODE_KEYWORD ? e->kid[1]->kid[0] : e->kid[1];
        return with_kid(l, e, 1, swapped(l, arg, rank));
    }
    if (e->callsite)
        return rank == 4 && swap_function(l, e) ? swapped(l, e, rank) : NULL;
    if (is_library(e->kid[0]))
        return swap_library(l, e, rank);
    return e->kid[0]->kind == NODE_ATTRIBUTE ? swap_method(l, e, rank) : NULL;
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static struct node *swap_binop(struct layout *l, struct node *e, uint32_t rank) {
    struct node *s = copy(l, e);
    if (is_scalar(e->kid[0]) && is_scalar(e->kid[1]))
        return NULL;
    for (int i = 0; i < 2; i++)
        if (!is_scalar(e->kid[i]) && (s->kid[i] = swapped(l, e->kid[i], rank)) == NULL)
            return NULL;
    return s;
}

/* a if test else b */
static struct node *swap_choice(struct layout *l, struct node *e, uint32_t rank) {
    struct node *s = with_kid(l, e, 1, swapped(l, e->kid[1], rank));
    return s ? with_kid(l, s, 2, swapped(l, e->kid[2], rank)) : NULL;
}

static struct node *swapped_kind(struct layout *l, struct node *e, uint32_t rank) {
    if (rank == l->rank && is_swap(e, rank))
        return copy(l, receiver(e));
    switch (e->kind) {
    case NODE_NAME: {
        struct web *twin = e->web ? twin_of(l, e->web, rank) : NULL;
        return twin ? make_web_name(l->unit->arena, twin) : NULL;
    }
    case NODE_CALL: return swap_call(l, e, rank);
    case NODE_SUBSCRIPT: return swap_subscript(l, e, rank);
    case NODE_BINOP: return swap_binop(l, e, rank);
    case NODE_UNARYOP: return with_kid(l, e, 0, swapped(l, e->kid[0], rank));
    case NODE_IFEXP: return swap_choice(l, e, rank);
    default: return NULL;
    }
}

struct node *swapped(struct layout *l, struct node *e, uint32_t rank) {
    if (l->depth >= SWAP_DEPTH || rank < 3)
        return NULL;
    l->depth++;
    struct node *s = swapped_kind(l, e, rank);
    l->depth--;
    return s;
}
