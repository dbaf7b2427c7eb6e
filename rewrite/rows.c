/* rows.c - tables that are cut to the length of the input.
 *
 *     cos = self.cos_cached[0:]
 *     cos[: x.shape[1]]
 *
 * Row i is then that of the i-th token of this call, which is position i only in a prompt. Both the table and the
 * length may have come a long way: through variables, views and casts, as arguments and as results of modules. */
#include "rewrite/rows.h"

#include "base/text.h"

enum { DEEP = 16 };

/* -- lengths ------------------------------------------------------------------------------------------------------- */

static bool shaped(const struct fn *fn, const struct node *e, int depth);

static bool shaped_param(const struct fn *fn, const struct web *w, int depth) {
    for (uint32_t i = 0; i < fn->calls.len; i++) {
        const struct node *argument = argument_for(fn->calls.at[i], fn, w);
        if (argument && shaped(fn->calls.at[i]->callsite->caller, argument, depth + 1))
            return true;
    }
    return false;
}

/* Dimension i of x.shape where x = y.view(..., n, ...): n; NULL where it does not say. */
static const struct node *given_size(const struct node *shape, uint32_t i) {
    const struct node *x = is_kind(shape, NODE_ATTRIBUTE) && atom_is(shape->atom, "shape") ? shape->kid[0] : NULL;
    const struct node *view = is_kind(x, NODE_NAME) && x->web && x->web->kind == WEB_ASSIGN ? x->web->expr : x;
    if (!is_kind(view, NODE_CALL) || view->callsite || !is_kind(view->kid[0], NODE_ATTRIBUTE) ||
        !word_in(view->kid[0]->atom, "view reshape") || i + 1 >= view->nkids)
        return NULL;
    return is_int(view->kid[i + 1], -1) ? NULL : view->kid[i + 1];
}

static bool shaped_web(const struct fn *fn, const struct web *w, int depth) {
    if (w == NULL || depth > DEEP)
        return false;
    switch (w->kind) {
    case WEB_ELEMENT:
        if (given_size(w->expr, w->element))
            return shaped(fn, given_size(w->expr, w->element), depth + 1);
        return shaped(fn, w->expr, depth + 1);
    case WEB_ASSIGN: return shaped(fn, w->expr, depth + 1);
    case WEB_PARAM: return w->abs->kind == ABS_NUMBER && shaped_param(fn, w, depth);
    case WEB_IF: return shaped_web(fn, w->from[0], depth + 1) || shaped_web(fn, w->from[1], depth + 1);
    default: return false;
    }
}

static bool shaped(const struct fn *fn, const struct node *e, int depth) {
    if (e == NULL || depth > DEEP)
        return false;
    if (e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "shape"))
        return true;
    if (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "size"))
        return true;
    if (e->kind == NODE_NAME)
        return shaped_web(fn, e->web, depth);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (shaped(fn, e->kid[i], depth + 1))
            return true;
    return false;
}

bool from_shape(const struct fn *fn, const struct node *e) {
    return shaped(fn, e, 0);
}

/* -- tables -------------------------------------------------------------------------------------------------------- */

static const struct node *behind(const struct fn *fn, const struct node *e, int depth);

static const struct node *behind_param(const struct fn *fn, const struct web *w, int depth) {
    for (uint32_t i = 0; i < fn->calls.len; i++) {
        const struct node *argument = argument_for(fn->calls.at[i], fn, w);
        const struct node *table = argument ? behind(fn->calls.at[i]->callsite->caller, argument, depth + 1) : NULL;
        if (table)
            return table;
    }
    return NULL;
}

/* What a call of a function of this file returns, or its element `element`. */
static const struct node *behind_result(const struct node *call, const uint32_t *element, int depth) {
    const struct fn *fn = call->callsite->fn;
    for (uint32_t i = 0; i < fn->returns.len; i++) {
        const struct node *value = fn->returns.at[i]->kid[0];
        if (value && element && value->kind == NODE_TUPLE)
            value = *element < value->nkids ? value->kid[*element] : NULL;
        const struct node *table = value ? behind(fn, value, depth + 1) : NULL;
        if (table)
            return table;
    }
    return NULL;
}

static const struct node *behind_web(const struct fn *fn, const struct web *w, int depth) {
    const struct node *table;
    if (w == NULL || depth > DEEP)
        return NULL;
    switch (w->kind) {
    case WEB_ASSIGN: return behind(fn, w->expr, depth + 1);
    case WEB_ELEMENT:
        return w->expr->kind == NODE_CALL && w->expr->callsite ? behind_result(w->expr, &w->element, depth) : NULL;
    case WEB_PARAM: return behind_param(fn, w, depth);
    case WEB_IF:
        table = behind_web(fn, w->from[0], depth + 1);
        return table ? table : behind_web(fn, w->from[1], depth + 1);
    default: return NULL;
    }
}

bool is_own(const struct node *e) {
    return e->kind == NODE_ATTRIBUTE && (is_own(e->kid[0]) || (e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE));
}

static bool is_basic_index(const struct node *e) {
    return e->kind == NODE_SLICE || e->kind == NODE_NUMBER || e->kind == NODE_CONST;
}

/* x[a:b], x[None, :], x[..., 0]: not rows that are looked up. */
static bool is_part(const struct node *subscript) {
    const struct node *index = subscript->kid[1];
    if (index->kind != NODE_TUPLE)
        return is_basic_index(index);
    for (uint32_t i = 0; i < index->nkids; i++)
        if (!is_basic_index(index->kid[i]))
            return false;
    return true;
}

static const struct node *behind(const struct fn *fn, const struct node *e, int depth) {
    if (depth > DEEP || e->abs == NULL || (e->abs->kind != ABS_TENSOR && e->abs->kind != ABS_TOP))
        return NULL;
    switch (e->kind) {
    case NODE_NAME: return behind_web(fn, e->web, depth);
    case NODE_ATTRIBUTE: return is_own(e) ? e : NULL;
    case NODE_SUBSCRIPT: return is_part(e) ? behind(fn, e->kid[0], depth + 1) : NULL;
    case NODE_CALL:
        if (e->callsite)
            return behind_result(e, NULL, depth);
        bool form = e->kid[0]->kind == NODE_ATTRIBUTE &&
                    word_in(e->kid[0]->atom, "to float half bfloat16 type type_as view reshape unsqueeze squeeze "
                                             "transpose permute contiguous detach clone expand flatten");
        return form ? behind(fn, e->kid[0]->kid[0], depth + 1) : NULL;
    default: return NULL;
    }
}

const struct node *table_behind(const struct fn *fn, const struct node *e) {
    return behind(fn, e, 0);
}
