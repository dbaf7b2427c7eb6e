/* spec_sizes.c - views of a tensor whose sizes the source has asserted.
 *
 *     assert freqs.shape == (x.shape[1], x.shape[-1])
 *     freqs.view(1, x.shape[1], 1, x.shape[3])
 *
 * Sizes of 1 aside, the view has the sizes that the tensor has: it is freqs[None, :, None, :], of which it is plain
 * which dimension is which. */
#include "rewrite/spec.h"

static atom sizes_name(struct frame *f, atom name) {
    return intern_printf(f->unit->atoms, "%s.shape", name);
}

void note_sizes(struct frame *f, const struct node *test) {
    const struct node *shape =
        is_kind(test, NODE_COMPARE) && test->nkids == 2 && test->ops[0] == OP_EQ ? test->kid[0] : NULL;
    if (!is_kind(shape, NODE_ATTRIBUTE) || !atom_is(shape->atom, "shape") || shape->kid[0]->kind != NODE_NAME ||
        test->kid[1]->kind != NODE_TUPLE)
        return;
    const struct val *tensor = map_get(&f->env, shape->kid[0]->atom);
    if (tensor && tensor->web)
        env_set(f, sizes_name(f, shape->kid[0]->atom),
            (struct val){.abs = tensor->abs, .expr = eval(f, test->kid[1]).expr, .web = tensor->web});
}

/* x.shape[i]: i from the front, in *of x.shape; -1 where it is something else, or the rank is not known. */
static long size_index(const struct node *e, const struct node **of) {
    int index;
    *of = e->kind == NODE_SUBSCRIPT ? e->kid[0] : NULL;
    if (!is_kind(*of, NODE_ATTRIBUTE) || !atom_is((*of)->atom, "shape") || !literal_int(e->kid[1], &index))
        return -1;
    const struct node *x = (*of)->kid[0];
    const struct absval *a = x->kind == NODE_NAME && x->web ? x->web->abs : x->abs;
    uint32_t rank = a ? rank_known(a->rank) : 0;
    return index >= 0 ? index : rank ? (long)rank + index : -1;
}

/* An element of a list, as the list has it. */
static const struct node *listed(const struct node *e) {
    int index;
    const struct node *list = e->kind == NODE_SUBSCRIPT ? defined_by(e->kid[0]) : NULL;
    bool display = is_kind(list, NODE_LIST) || is_kind(list, NODE_TUPLE);
    return display && literal_int(e->kid[1], &index) && index >= 0 && (uint32_t)index < list->nkids ? list->kid[index]
                                                                                                    : e;
}

static bool same_size(const struct node *a, const struct node *b) {
    const struct node *of_a, *of_b;
    a = listed(a);
    long i = size_index(a, &of_a), k = size_index(b, &of_b);
    return node_equal(a, b) || (i >= 0 && i == k && node_equal(of_a, of_b));
}

/* The sizes that a view is given: as arguments, or as one list. */
static const struct node *sizes_given(const struct args *args, uint32_t i, uint32_t *count) {
    const struct arg *first = args->list.len == 1 ? &args->list.at[0] : NULL;
    const struct node *list = first && !first->keyword ? defined_by(first->val.expr) : NULL;
    if (is_kind(list, NODE_LIST) || is_kind(list, NODE_TUPLE)) {
        *count = list->nkids;
        return i < list->nkids ? list->kid[i] : NULL;
    }
    *count = args->list.len;
    bool plain = i < args->list.len && args->list.at[i].form == ARG_VALUE && !args->list.at[i].keyword;
    return plain ? args->list.at[i].val.expr : NULL;
}

bool view_of_sizes(
    struct frame *f, struct val object, const struct args *args, const struct node *at, struct val *result) {
    const struct node *source = at && at->kid[0]->kind == NODE_ATTRIBUTE ? at->kid[0]->kid[0] : NULL;
    const struct val *sizes = is_kind(source, NODE_NAME) ? map_get(&f->env, sizes_name(f, source->atom)) : NULL;
    if (sizes == NULL || sizes->web != object.web)
        return false;
    struct arena *arena = f->unit->arena;
    struct node *index = node_new(arena, NODE_TUPLE), *none = NULL;
    uint32_t count = 1, own = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct node *size = sizes_given(args, i, &count);
        if (size == NULL)
            return false;
        bool one = is_int(size, 1), next = !one && own < sizes->expr->nkids && same_size(size, sizes->expr->kid[own]);
        if (!one && !next)
            return false;
        own += next;
        node_add(
            arena, index, one ? make_const(arena, OP_NONE) : node_make(arena, NODE_SLICE, NULL, 3, none, none, none));
    }
    if (own != sizes->expr->nkids)
        return false;
    *result = val_make(
        abs_tensor(f->unit, count), at_node(f, node_make(arena, NODE_SUBSCRIPT, NULL, 2, object.expr, index), at));
    return true;
}
