/* layout.c - attention in [B, S, N, D], without transposes.
 *
 * Reads   functions in which equations have left torch_attention in [B, N, S, D].
 * Writes  the same values with q, k, v kept in [B, S, N, D] from the projection to the op and back.
 * Guarantees  every variable has the value that it had: one whose transpose became the value at hand is redefined as
 * the transpose of that, and prune removes it where nobody reads it any more. How a transpose is pushed through an
 * expression is said in swap.h. */
#include "rewrite/layout.h"

#include <string.h>

#include "rewrite/passes.h"
#include "rewrite/swap.h"

/* -- the pass ------------------------------------------------------------------------------------------------------ */

static void add_layout(struct layout *l, struct node *call) {
    struct unit *unit = l->unit;
    node_add(unit->arena, call,
        node_make(unit->arena, NODE_KEYWORD, intern(unit->atoms, "layout"), 1,
            make_string(unit->arena, unit->atoms, "bsnd")));
}

static bool has_layout(const struct node *call) {
    return call_argument(call, UINT32_MAX, "layout") != NULL;
}

/* Find an attention op without a layout in an expression; *slot is where it stands. */
static struct node **find_attention(struct node **slot) {
    struct node *e = *slot;
    if (e == NULL || e->kind == NODE_BLOCK)
        return NULL;
    const char *name = op_name(e);
    if (name && strcmp(name, "torch_attention") == 0 && !has_layout(e))
        return slot;
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct node **found = find_attention(&e->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

static void turn_attention(struct layout *l, struct node *stmt, struct node **slot) {
    struct node *call = *slot;
    add_layout(l, call);
    for (uint32_t i = 1; i <= 3; i++)
        call->kid[i] = swap_or_transpose(l, call->kid[i]);
    bool whole = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && slot == &stmt->kid[0] &&
                 stmt->kid[1]->kind == NODE_NAME && stmt->kid[1]->web;
    stmt->comments = NULL; /* of a step that the op now does with the others */
    if (!whole) {
        *slot = transpose_of(l, call);
        return;
    }
    struct web *w = stmt->kid[1]->web, *twin = twin_make(l, w, WEB_ASSIGN);
    uint32_t index;
    struct node *block = find_block(l->fn->body, stmt, &index);
    struct node *made = assign_web(l, twin, call);
    made->flags |= stmt->flags & NF_BLANK;
    node_insert(l->unit->arena, block, index, made);
    stmt->kid[0] = w->expr = transpose_of(l, make_web_name(l->unit->arena, twin));
    map_put(l->unit->arena, &l->twins, w, twin);
}

static bool turn_block(struct layout *l, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++) {
            if (is_kind(s->kid[k], NODE_BLOCK)) {
                if (turn_block(l, s->kid[k]))
                    return true;
                continue;
            }
            struct node **slot = s->kid[k] ? find_attention(&s->kid[k]) : NULL;
            if (slot) {
                turn_attention(l, s, slot);
                return true;
            }
        }
    }
    return false;
}

/* What a variable is the transpose of; NULL if it is none. */
static struct node *swapped_variable(const struct layout *l, const struct node *e) {
    bool variable = e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && is_swap(e->web->expr, l->rank);
    return variable && receiver(e->web->expr)->kind == NODE_NAME ? receiver(e->web->expr) : NULL;
}

static bool is_kept_by_swap(const struct node *attribute) {
    return atom_is(attribute->atom, "dtype") || atom_is(attribute->atom, "device");
}

/* The variable in *slot gives way to what it is the transpose of, where it is one. */
static bool use_original(struct layout *l, struct node **slot) {
    struct node *of = swapped_variable(l, *slot);
    if (of == NULL)
        return false;
    *slot = node_copy(l->unit->arena, of);
    (*slot)->atom = of->web->name;
    return true;
}

/* x.shape[i], x.size(i) */
static void turn_size(struct layout *l, struct node *e) {
    bool size = is_method(e, "size") && e->nkids == 2;
    bool shape = e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape");
    int dim;
    if ((!size && !shape) || !literal_int(e->kid[1], &dim) || dim < -4 || dim > 3 ||
        !use_original(l, &e->kid[0]->kid[0]))
        return;
    int at = dim < 0 ? dim + 4 : dim;
    if (at != 1 && at != 2)
        return;
    struct node *turned = layout_number(l, dim < 0 ? 1 + at : 3 - at); /* -2 and -3 change places, 1 and 2 do */
    if (dim < 0) {
        turned = node_make(l->unit->arena, NODE_UNARYOP, NULL, 1, turned);
        turned->op = OP_NEG;
    }
    e->kid[1] = turned;
}

/* a, b, c, d = x.shape */
static void turn_sizes(struct layout *l, struct node *stmt) {
    struct node *shape = stmt->kid[0], *sizes = stmt->kid[1];
    if (shape->kind != NODE_ATTRIBUTE || !atom_is(shape->atom, "shape") || sizes->kind != NODE_TUPLE ||
        sizes->nkids != 4 || !use_original(l, &shape->kid[0]))
        return;
    struct node *second = sizes->kid[1];
    sizes->kid[1] = sizes->kid[2];
    sizes->kid[2] = second;
    for (uint32_t i = 1; i < 3; i++)
        if (sizes->kid[i]->kind == NODE_NAME && sizes->kid[i]->web)
            sizes->kid[i]->web->element = i;
}

/* Whether a function asks nothing of a parameter but its dtype and device. */
static bool only_kept(const struct node *n, const struct web *w) {
    if (n == NULL || (n->kind == NODE_ATTRIBUTE && is_kept_by_swap(n)))
        return true;
    if (n->kind == NODE_NAME && n->web == w)
        return false;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!only_kept(n->kid[i], w))
            return false;
    for (uint32_t i = 0; i < n->nphis; i++)
        if (n->phis[i]->from[0] == w || n->phis[i]->from[1] == w)
            return false;
    return true;
}

static void turn_arguments(struct layout *l, struct node *call) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node **slot = call->kid[i]->kind == NODE_KEYWORD ? &call->kid[i]->kid[0] : &call->kid[i];
        const struct fn *fn = call->callsite->fn;
        uint32_t p = call->callsite->param[i - 1];
        if (swapped_variable(l, *slot) && p != UINT32_MAX && fn->body && only_kept(fn->body, fn->params.at[p]->web))
            use_original(l, slot);
    }
}

/* A size, dtype or device of a transpose is one of what it is the transpose of. */
static void turn_question(struct layout *l, struct node *e) {
    if (e->kind == NODE_ATTRIBUTE && is_kept_by_swap(e))
        use_original(l, &e->kid[0]);
    else if (l->rank != 4)
        return;
    else if (e->kind == NODE_ASSIGN)
        turn_sizes(l, e);
    else if (e->kind == NODE_CALL && call_is_single(e))
        turn_arguments(l, e);
    else
        turn_size(l, e);
}

/* Whether dimension 1 or 2 has size 1, since it was put there by an unsqueeze. */
static bool has_unit_dim(const struct node *e, int depth) {
    int dim;
    if (depth > SWAP_DEPTH)
        return false;
    if (e->kind == NODE_NAME)
        return e->web && (e->web->kind == WEB_ASSIGN || e->web->kind == WEB_ELEMENT) && e->web->expr &&
               has_unit_dim(e->web->expr, depth + 1);
    if (is_method(e, "unsqueeze"))
        return e->nkids == 2 && literal_int(e->kid[1], &dim) && (dim == 1 || dim == 2) && receiver(e)->abs &&
               receiver(e)->abs->rank == 3;
    bool splits = is_method(e, "split") || is_method(e, "chunk");
    const struct node *d = splits ? call_argument(e, 1, "dim") : NULL;
    return d && literal_int(d, &dim) && (dim == 3 || dim == -1) && has_unit_dim(receiver(e), depth + 1);
}

/* A dimension of size 1 may stand anywhere before a view. */
static void drop_unit_swap(struct layout *l, struct node *e) {
    if (!is_method(e, "view") && !is_method(e, "reshape"))
        return;
    struct node **slot = &e->kid[0]->kid[0], *swap = *slot;
    if (swap->kind == NODE_NAME && swap->web && swap->web->kind == WEB_ASSIGN)
        swap = swap->web->expr;
    if (!is_swap(swap, l->rank) || !has_unit_dim(receiver(swap), 0))
        return;
    *slot = node_copy(l->unit->arena, receiver(swap));
    if ((*slot)->kind == NODE_NAME && (*slot)->web)
        (*slot)->atom = (*slot)->web->name;
    if (is_method(e, "view"))
        e->kid[0]->atom = intern(l->unit->atoms, "reshape");
}

/* x.transpose(1, 2) of a variable that is itself a transpose is what that one transposes. */
static void cancel(struct layout *l, struct node **slot) {
    struct node *e = *slot;
    if (e == NULL)
        return;
    for (uint32_t i = 0; i < e->nkids; i++)
        cancel(l, &e->kid[i]);
    turn_question(l, e);
    if (l->rank == 4)
        drop_unit_swap(l, e);
    if (!is_swap(e, l->rank))
        return;
    pass_record(l->unit, "layout", e, l->fn);
    struct node *of = receiver(e);
    while (is_method(of, "contiguous"))
        of = receiver(of);
    if (is_swap(of, l->rank))
        *slot = receiver(of);
    else if (of->kind == NODE_NAME && of->web && of->web->kind == WEB_ASSIGN && is_swap(of->web->expr, l->rank))
        *slot = node_copy(l->unit->arena, receiver(of->web->expr));
    if ((*slot)->kind == NODE_NAME && *slot != e && (*slot)->web)
        (*slot)->atom = (*slot)->web->name;
}

void refresh_definitions(struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_ASSIGN && n->kid[1]->kind == NODE_NAME && n->kid[1]->web && n->kid[1]->web->stmt == n)
        n->kid[1]->web->expr = n->kid[0];
    for (uint32_t i = 0; i < n->nkids; i++)
        refresh_definitions(n->kid[i]);
}

/* A copy of memory that is contiguous already, or that reshape would make by itself. */
static void drop_contiguous(struct layout *l, struct node **slot) {
    struct node *e = *slot;
    if (e == NULL)
        return;
    if (e->kind == NODE_CALL && (is_method(e, "view") || is_method(e, "reshape")) &&
        is_method(receiver(e), "contiguous")) {
        e->kid[0]->atom = intern(l->unit->atoms, "reshape");
        e->kid[0]->kid[0] = receiver(receiver(e));
    }
    while (is_method(e, "contiguous") && e->nkids == 1)
        e = *slot = receiver(e);
    for (uint32_t i = 0; i < e->nkids; i++)
        drop_contiguous(l, &e->kid[i]);
}

static bool has_attention(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        for (uint32_t k = 0; k < block->kid[i]->nkids; k++) {
            struct node *kid = block->kid[i]->kid[k];
            if (kid == NULL)
                continue;
            if (kid->kind == NODE_BLOCK ? has_attention(kid) : find_attention(&kid) != NULL)
                return true;
        }
    return false;
}

void cancel_transposes(struct layout *l) {
    cancel(l, &l->fn->body);
    refresh_definitions(l->fn->body);
    cancel(l, &l->fn->body);
    drop_contiguous(l, &l->fn->body);
    refresh_definitions(l->fn->body);
}

void change_layout(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct layout l = {.unit = unit, .fn = all.list.at[i], .all = &all, .rank = 4};
        if (!has_attention(l.fn->body))
            continue;
        while (turn_block(&l, l.fn->body)) {
        }
        cancel_transposes(&l);
    }
}
