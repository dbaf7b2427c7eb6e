/* run_index.c - the shape of a product of matrices, and of what an index takes of a tensor. */
#include <string.h>

#include "rewrite/run_internal.h"

/* -- products and indices ------------------------------------------------------------------------------------------ */

struct datum *shape_of_product(struct run *run, const struct datum *a, const struct datum *b) {
    const struct tensor *x = &a->tensor, *y = &b->tensor;
    if (a->kind != D_TENSOR || b->kind != D_TENSOR || x->rank == 0 || y->rank < 2)
        return unknown(run, NULL, "this product is not followed");
    bool longer = x->rank >= y->rank;
    struct datum *d = shape_like(run, longer ? a : b);
    struct tensor *t = &d->tensor;
    t->of_positions = x->of_positions || y->of_positions;
    if (!longer && x->rank > 1)
        t->dim[t->rank - 2] = x->dim[x->rank - 2];
    t->dim[t->rank - 1] = y->dim[y->rank - 1];
    for (uint32_t i = 2; i < x->rank && i < y->rank; i++) { /* sizes of one are repeated */
        long long p = x->dim[x->rank - 1 - i], q = y->dim[y->rank - 1 - i];
        t->dim[t->rank - 1 - i] = p > q ? p : q;
    }
    return d;
}

/* How many elements lower:upper:step takes; -1: not known. */
static long long slice_length(struct run *run, struct scope *scope, const struct node *slice, long long size) {
    long long bound[3] = {0, size, 1};
    for (uint32_t i = 0; i < 3; i++) {
        struct datum *d = slice->kid[i] ? evaluate(run, scope, slice->kid[i]) : NULL;
        if (slice->kid[i] && (d == NULL || (d->kind != D_INT && d->kind != D_NONE)))
            return -1;
        if (d && d->kind == D_INT)
            bound[i] = d->integer + (i < 2 && d->integer < 0 ? size : 0);
    }
    for (uint32_t i = 0; i < 2; i++)
        bound[i] = bound[i] < 0 ? 0 : bound[i] > size ? size : bound[i];
    if (bound[2] <= 0)
        return -1;
    return bound[1] > bound[0] ? (bound[1] - bound[0] + bound[2] - 1) / bound[2] : 0;
}

struct datum *shape_of_index(struct run *run, struct scope *scope, struct datum *tensor, struct node *index) {
    struct node **part = index->kind == NODE_TUPLE ? index->kid : &index;
    uint32_t count = index->kind == NODE_TUPLE ? index->nkids : 1, taken = 0, axis = 0;
    struct datum *result = shape_like(run, tensor),
                 *missing = unknown(run, index, "what this index takes is not followed");
    bool by_tensor = false;
    if (tensor->tensor.rank == 0)
        return missing;
    for (uint32_t i = 0; i < count; i++)
        taken += !is_none(part[i]) && !(part[i]->kind == NODE_CONST && part[i]->op == OP_ELLIPSIS);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *p = part[i];
        struct datum *d = p->kind == NODE_SLICE ? NULL : evaluate(run, scope, part[i]);
        if (p->kind != NODE_SLICE && d == NULL)
            return NULL;
        if (p->kind == NODE_CONST && p->op == OP_ELLIPSIS) {
            axis += tensor->tensor.rank > taken ? tensor->tensor.rank - taken : 0;
        } else if (d && d->kind == D_NONE) {
            if (!shape_insert(&result->tensor, axis++, 1))
                return missing;
        } else if (axis >= result->tensor.rank) {
            return missing;
        } else if (p->kind == NODE_SLICE) {
            long long length = slice_length(run, scope, p, result->tensor.dim[axis]);
            if (length < 0)
                return run->stop == RUN_ON ? missing : NULL;
            result->tensor.dim[axis++] = length;
        } else if (d->kind == D_LIST) { /* of numbers */
            result->tensor.dim[axis++] = d->items.list.len;
        } else if (d->kind == D_INT) {
            shape_drop(&result->tensor, axis);
        } else if (d->kind == D_TENSOR && !by_tensor && d->tensor.dtype && !atom_is(d->tensor.dtype->name, "bool")) {
            by_tensor = true;
            result->tensor.of_positions |= d->tensor.of_positions;
            shape_drop(&result->tensor, axis);
            for (uint32_t k = 0; k < d->tensor.rank; k++)
                if (!shape_insert(&result->tensor, axis++, d->tensor.dim[k]))
                    return missing;
        } else {
            return missing;
        }
    }
    return result;
}
