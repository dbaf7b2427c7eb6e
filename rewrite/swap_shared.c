/* swap_shared.c - the other layout where several functions have to agree on it: helpers, and containers that carry
 * tensors from one layer to the next. */
#include <string.h>

#include "rewrite/swap.h"

/* -- functions ----------------------------------------------------------------------------------------------------- */

struct calls {
    VEC(struct node *) at;
    uint32_t here; /* so many are in the function at hand */
};

static void collect_calls(struct arena *arena, struct calls *calls, const struct fn *fn, struct node *n) {
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        collect_calls(arena, calls, fn, n->kid[i]);
    if (n->kind == NODE_CALL && call_reaches(n, fn))
        vec_push(arena, &calls->at, n);
}

static void calls_of(struct layout *l, const struct fn *fn, struct calls *calls) {
    struct arena *arena = l->unit->arena;
    collect_calls(arena, calls, fn, l->fn->body);
    calls->here = calls->at.len;
    for (uint32_t i = 0; i < l->all->list.len; i++)
        if (l->all->list.at[i] != l->fn)
            collect_calls(arena, calls, fn, l->all->list.at[i]->body);
}

/* The only argument of a call, NULL where there is not one. */
static struct node **only_argument(struct node *call) {
    if (!call_is_single(call) || call->nkids != 2 || call->kid[1]->kind == NODE_STARRED ||
        call->callsite->param[0] == UINT32_MAX)
        return NULL;
    return call->kid[1]->kind == NODE_KEYWORD ? &call->kid[1]->kid[0] : &call->kid[1];
}

static uint32_t count_returns(const struct node *n) {
    uint32_t count = n->kind == NODE_RETURN;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += n->kid[i] && (n->kid[i]->kind == NODE_BLOCK || node_is_stmt(n->kid[i])) ? count_returns(n->kid[i]) : 0;
    return count;
}

struct node *only_return(const struct fn *fn) {
    struct node *last = fn->body && fn->body->nkids ? fn->body->kid[fn->body->nkids - 1] : NULL;
    bool only = is_kind(last, NODE_RETURN) && last->kid[0] && count_returns(fn->body) == 1;
    return only ? last : NULL;
}

/* Whether the result can be swapped where the parameter is, without a transpose. */
static bool can_swap(struct layout *l, struct fn *fn, const struct param *p) {
    struct layout inner = {.unit = l->unit, .fn = fn, .all = l->all, .dry = true, .rank = l->rank};
    struct web *given = twin_make(&inner, p->web, WEB_PARAM);
    map_put(l->unit->arena, &inner.twins, p->web, given);
    return swapped(&inner, only_return(fn)->kid[0], 4) != NULL;
}

static void swap_body(struct layout *l, struct fn *fn, struct param *p) {
    struct layout inner = {.unit = l->unit, .fn = fn, .all = l->all, .rank = l->rank};
    struct web *old = p->web, *given = twin_make(&inner, old, WEB_PARAM);
    struct node *value = transpose_of(&inner, make_web_name(l->unit->arena, given));
    p->web = given;
    node_insert(l->unit->arena, fn->body, 0, assign_web(&inner, old, value));
    struct node *result = only_return(fn);
    result->kid[0] = swap_or_transpose(&inner, result->kid[0]);
    cancel_transposes(&inner);
}

/* The call becomes the transpose of itself on the transposed argument. */
static void swap_around(struct layout *l, struct node *call) {
    struct node **argument = only_argument(call);
    *argument = swap_or_transpose(l, *argument);
    struct node *inner = node_new(l->unit->arena, NODE_CALL);
    *inner = *call;
    *call = *transpose_of(l, inner);
}

bool swap_function(struct layout *l, struct node *call) {
    struct fn *fn = call->callsite->fn;
    struct calls calls = {0};
    if (l->dry || fn == l->fn || fn->escapes || only_argument(call) == NULL || only_return(fn) == NULL)
        return false;
    struct param *p = fn->params.at[call->callsite->param[0]];
    if (p->web == NULL || p->abs == NULL || p->abs->kind != ABS_TENSOR)
        return false;
    calls_of(l, fn, &calls);
    for (uint32_t i = 0; i < calls.at.len; i++)
        if (only_argument(calls.at.at[i]) == NULL)
            return false;
    if (calls.here < calls.at.len || !can_swap(l, fn, p))
        return false;
    swap_body(l, fn, p);
    for (uint32_t i = 0; i < calls.at.len; i++)
        swap_around(l, calls.at.at[i]);
    return true;
}

/* -- containers ---------------------------------------------------------------------------------------------------- */

/* The variable that a container was before anything was put into it. */
static const struct web *before_stores(const struct web *w) {
    while (w && (w->kind == WEB_STORE || w->kind == WEB_IF))
        w = w->from[0] ? w->from[0] : w->from[1];
    return w;
}

static bool holds(const struct node *e, const struct web *container) {
    return e->kind == NODE_NAME && e->web && before_stores(e->web) == container;
}

static bool is_load(const struct node *s, const struct web *container, uint32_t count) {
    return s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[0]->kind == NODE_SUBSCRIPT &&
           holds(s->kid[0]->kid[0], container) && s->kid[1]->kind == NODE_TUPLE && s->kid[1]->nkids == count;
}

static bool is_store(const struct node *s, const struct web *container, uint32_t count) {
    return s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_SUBSCRIPT &&
           holds(s->kid[1]->kid[0], container) && s->kid[0]->kind == NODE_TUPLE && s->kid[0]->nkids == count;
}

static uint32_t count_reads(const struct node *n, const struct web *container) {
    if (n == NULL)
        return 0;
    uint32_t count = holds(n, container);
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_reads(n->kid[i], container);
    return count;
}

struct accesses {
    uint32_t loads, stores;
};

static void count_accesses(const struct node *n, const struct web *container, uint32_t count, struct accesses *a) {
    for (uint32_t i = 0; n && i < n->nkids; i++)
        if (is_kind(n->kid[i], NODE_BLOCK) || (n->kid[i] && node_is_stmt(n->kid[i])))
            count_accesses(n->kid[i], container, count, a);
    if (n && n->kind == NODE_ASSIGN) {
        a->loads += is_load(n, container, count);
        a->stores += is_store(n, container, count);
    }
}

/* Where the container goes by: parameters that hand it on, variables that were made empty. */
struct carriers {
    VEC(const struct web *) web;
    VEC(struct fn *) fn;
};

static bool carries(const struct carriers *c, const struct web *w) {
    for (uint32_t i = 0; i < c->web.len; i++)
        if (c->web.at[i] == w)
            return true;
    return false;
}

static uint32_t count_handed_on(const struct node *n, const struct web *w, const struct carriers *c) {
    if (n == NULL)
        return 0;
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_handed_on(n->kid[i], w, c);
    for (uint32_t i = 1; n->kind == NODE_CALL && call_is_single(n) && i < n->nkids; i++) {
        const struct node *a = n->kid[i]->kind == NODE_KEYWORD ? n->kid[i]->kid[0] : n->kid[i];
        uint32_t p = n->callsite->param[i - 1];
        if (a->kind == NODE_NAME && a->web == w && p != UINT32_MAX)
            count += carries(c, n->callsite->fn->params.at[p]->web);
    }
    return count;
}

/* The callers of the carrier `at` carry too; false where one passes something else. */
static bool add_callers(struct layout *l, struct carriers *c, uint32_t at) {
    struct arena *arena = l->unit->arena;
    struct calls calls = {0};
    calls_of(l, c->fn.at[at], &calls);
    for (uint32_t i = 0; i < calls.at.len; i++) {
        struct node *call = calls.at.at[i], *given = NULL;
        for (uint32_t k = 1; call_is_single(call) && k < call->nkids; k++) {
            uint32_t p = call->callsite->param[k - 1];
            if (p != UINT32_MAX && call->callsite->fn->params.at[p]->web == c->web.at[at])
                given = call->kid[k]->kind == NODE_KEYWORD ? call->kid[k]->kid[0] : call->kid[k];
        }
        if (given == NULL || given->kind != NODE_NAME || given->web == NULL)
            return false;
        const struct web *w = given->web;
        bool made = w->kind == WEB_ASSIGN && w->expr->kind == NODE_DICT && w->expr->nkids == 0;
        if (!made && w->kind != WEB_PARAM)
            return false;
        if (!carries(c, w)) {
            vec_push(arena, &c->web, w);
            vec_push(arena, &c->fn, call->callsite->caller);
        }
    }
    return calls.at.len > 0;
}

bool container_is_private(struct layout *l, const struct node *stmt) {
    struct arena *arena = l->unit->arena;
    const struct node *read = stmt->kid[0];
    const struct web *container = read->kind == NODE_SUBSCRIPT && read->kid[0]->kind == NODE_NAME && read->kid[0]->web
                                      ? before_stores(read->kid[0]->web)
                                      : NULL;
    if (container == NULL || container->kind != WEB_PARAM)
        return false;
    struct accesses a = {0, 0};
    count_accesses(l->fn->body, container, stmt->kid[1]->nkids, &a);
    if (a.loads != 1 || count_reads(l->fn->body, container) != a.loads + a.stores)
        return false;
    struct carriers c = {0};
    vec_push(arena, &c.web, container);
    vec_push(arena, &c.fn, l->fn);
    for (uint32_t i = 0; i < c.web.len; i++)
        if (c.web.at[i]->kind == WEB_PARAM && !add_callers(l, &c, i))
            return false;
    for (uint32_t i = 1; i < c.web.len; i++) {
        uint32_t target = c.web.at[i]->kind == WEB_ASSIGN;
        if (count_reads(c.fn.at[i]->body, c.web.at[i]) != target + count_handed_on(c.fn.at[i]->body, c.web.at[i], &c))
            return false;
    }
    return true;
}

struct stores {
    VEC(struct node *) at;
};

static void collect_stores(
    struct arena *arena, struct node *n, const struct web *container, uint32_t count, struct stores *stores) {
    for (uint32_t i = 0; i < n->nkids; i++)
        if (is_kind(n->kid[i], NODE_BLOCK) || (n->kid[i] && node_is_stmt(n->kid[i])))
            collect_stores(arena, n->kid[i], container, count, stores);
    if (is_store(n, container, count))
        vec_push(arena, &stores->at, n);
}

void swap_stores(struct layout *l, const struct node *stmt) {
    struct stores stores = {0};
    uint32_t count = stmt->kid[1]->nkids;
    collect_stores(l->unit->arena, l->fn->body, before_stores(stmt->kid[0]->kid[0]->web), count, &stores);
    for (uint32_t i = 0; i < stores.at.len; i++)
        for (uint32_t k = 0; k < count; k++)
            stores.at.at[i]->kid[0]->kid[k] = swap_or_transpose(l, stores.at.at[i]->kid[0]->kid[k]);
}
