/* idle.c - views that change nothing.
 *
 * Reads   functions that loop over layers, and those that attend.
 * Writes  x.view(...) becomes x where the sizes are those that x has: what goes into a loop of layers comes out of it
 * in the same shape, what comes out of attention has that of q. Guarantees  the same values. A model is given either
 * tokens or their embeddings; where sizes depend on which, both cases are proved. */
#include "rewrite/idle.h"

#include <string.h>

#include "rewrite/dims.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/sites.h"
#include "rewrite/swap.h"

enum { DEPTH = 48, VISITS = 4000 };

struct idle {
    struct unit *unit;
    struct fn *fn;
    struct values *values;
    const struct web *absent, *present; /* parameters that are None, and not; or NULL */
    uint32_t visits;
};

/* -- choices ------------------------------------------------------------------------------------------------------- */

/* Whether a test holds in the case at hand; -1 where that is not known. */
static int outcome(const struct idle *d, const struct value *test) {
    if (test->kind != VALUE_OP)
        return -1;
    if (test->op == OP_NOT) {
        int of = outcome(d, test->arg[0]);
        return of < 0 ? of : !of;
    }
    if (test->op == OP_AND || test->op == OP_OR) {
        int all = test->op == OP_AND;
        for (uint32_t i = 0; i < test->count; i++) {
            int of = outcome(d, test->arg[i]);
            if (of >= 0 && of != (test->op == OP_AND))
                return of;
            all = of < 0 ? -1 : all;
        }
        return all;
    }
    bool none = (test->op == OP_IS || test->op == OP_IS_NOT) && value_is_const(test->arg[1], OP_NONE) &&
                test->arg[0]->kind == VALUE_WEB;
    const void *of = none ? test->arg[0]->ref : NULL;
    if (of == NULL || (of != d->absent && of != d->present))
        return -1;
    return (of == d->absent) == (test->op == OP_IS);
}

/* -- what has the same shape --------------------------------------------------------------------------------------- */

static bool reads_positions(const struct value *v, int depth) {
    const struct web *w = v->kind == VALUE_WEB ? v->ref : NULL;
    if (w)
        return w->abs && w->abs->kind == ABS_TENSOR && w->abs->positions;
    for (uint32_t i = 0; i < v->count && depth < DEPTH; i++)
        if (reads_positions(v->arg[i], depth + 1))
            return true;
    return false;
}

/* Of a sum of embeddings the one that has the batch: positions may be the same for all sequences. */
static const struct value *with_batch(const struct value *v) {
    bool sum = v->kind == VALUE_OP && v->op == OP_ADD && v->abs && v->abs->kind == ABS_TENSOR;
    for (uint32_t i = 0; sum && i < v->count; i++)
        if (!reads_positions(v->arg[i], 0))
            return v->arg[i];
    return NULL;
}

/* A value that has the same shape in the case at hand, made of parameters as far as it goes. */
static const struct value *shape_of(struct idle *d, const struct value *v, int depth) {
    enum { ARGS = 16 };
    const struct value *arg[ARGS], *like = NULL;
    const struct web *w = v->kind == VALUE_WEB ? v->ref : NULL;
    if (depth >= DEPTH || d->visits++ > VISITS || v->count > ARGS)
        return v;
    if (w && w->kind == WEB_LOOP && dims_stay_in_loop(d->values, w))
        like = value_of_web(d->values, w->from[0]);
    else if (v->kind == VALUE_IFEXP && outcome(d, v->arg[0]) >= 0)
        like = v->arg[outcome(d, v->arg[0]) ? 1 : 2];
    else
        like = with_batch(v);
    if (like)
        return shape_of(d, like, depth + 1);
    bool changed = false;
    for (uint32_t i = 0; i < v->count; i++) {
        arg[i] = shape_of(d, v->arg[i], depth + 1);
        changed |= arg[i] != v->arg[i];
    }
    return changed ? value_rebuild(d->values, v, arg) : v;
}

/* -- views --------------------------------------------------------------------------------------------------------- */

/* The sizes that a view is given, *x.shape among them taken apart. Rank 0: not all are known. */
static struct dims sizes_of(struct idle *d, const struct value *shape) {
    struct dims sizes = {.rank = 0}, none = {.rank = 0};
    for (uint32_t i = 0; shape->kind == VALUE_TUPLE && i < shape->count; i++) {
        const struct value *size = shape->arg[i], *whole = size->kind == VALUE_STAR ? size->arg[0] : NULL;
        struct dims more = {.rank = 1, .at = {dims_size(d->values, size)}};
        if (whole && (whole->kind != VALUE_ATTR || whole->atom != values_library(d->values)->shape))
            return none;
        if (whole)
            more = dims_of(d->values, whole->arg[0]);
        if (more.rank == 0 || sizes.rank + more.rank > DIMS_MAX)
            return none;
        memcpy(&sizes.at[sizes.rank], more.at, more.rank * sizeof *more.at);
        sizes.rank += more.rank;
    }
    return sizes;
}

/* A sum may be larger than the operand that stands for its shape, where that has size 1. A view of it to the sizes of
 * that operand then fails; but with one size left open it need not. */
static bool sizes_agree(struct idle *d, const struct value *x, const struct value *shape) {
    d->visits = 0;
    struct dims want = sizes_of(d, shape_of(d, shape, 0)), have = dims_of(d->values, shape_of(d, x, 0));
    uint32_t open = 0, ones = 0;
    if (have.rank == 0 || want.rank != have.rank)
        return false;
    for (uint32_t i = 0; i < have.rank; i++) {
        ones += value_is_int(want.at[i], 1);
        if (value_is_int(want.at[i], -1))
            open++;
        else if (want.at[i] != have.at[i])
            return false;
    }
    return open == 0 || (open == 1 && ones == 0);
}

static const struct web *param_named(const struct fn *fn, const char *name) {
    for (uint32_t i = 1; i < fn->params.len; i++)
        if (atom_is(fn->params.at[i]->name, name))
            return fn->params.at[i]->web;
    return NULL;
}

static bool is_idle(struct idle *d, struct node *view) {
    const struct value *v = value_of(d->values, view), *x = value_of(d->values, receiver(view));
    if (v == x)
        return true;
    if (v->kind != VALUE_CALL || v->atom != values_library(d->values)->special[SPECIAL_RESHAPE]->name)
        return false;
    d->absent = d->present = NULL;
    if (sizes_agree(d, x, v->arg[1]))
        return true;
    const struct web *tokens = param_named(d->fn, "input_ids"), *embeddings = param_named(d->fn, "inputs_embeds");
    if (tokens == NULL || embeddings == NULL)
        return false;
    d->absent = embeddings, d->present = tokens;
    if (!sizes_agree(d, x, v->arg[1]))
        return false;
    d->absent = tokens, d->present = embeddings;
    return sizes_agree(d, x, v->arg[1]);
}

static bool loops(const struct fn *fn) {
    for (uint32_t i = 0; i < fn->body->nkids; i++)
        if (fn->body->kid[i]->kind == NODE_FOR)
            return true;
    return false;
}

static bool drop_views(struct idle *d, struct node *n) {
    bool any = false;
    for (uint32_t i = 0; n && i < n->nkids; i++)
        any |= n->kid[i] && drop_views(d, n->kid[i]);
    if (n == NULL || (!is_method(n, "view") && !is_method(n, "reshape")) || !is_idle(d, n))
        return any;
    pass_record_because(d->unit, REASON_VIEWS, n, d->fn);
    *n = *receiver(n);
    return true;
}

void drop_idle_views(struct unit *unit) {
    struct functions all = {0};
    bool any = false;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct idle d = {.unit = unit, .fn = all.list.at[i]};
        if (!loops(d.fn) && !calls_op(d.fn->body, "torch_attention"))
            continue;
        d.values = values_create(unit->arena, unit->atoms, unit->rules->library);
        if (!drop_views(&d, d.fn->body))
            continue;
        refresh_definitions(d.fn->body);
        any = true;
    }
    if (any)
        propagate_copies(unit);
}
