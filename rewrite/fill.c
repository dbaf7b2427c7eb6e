/* fill.c - tensors that are made empty and filled, and views whose shape follows from what is viewed.
 *
 * Reads   the program after the equations.
 * Writes  `x = y.new_empty(...); x[..., :n].copy_(a); x[..., n:].copy_(b)` becomes x = torch.cat((a, b), dim=-1) where
 *         all shapes are known to fit; a view before a linear layer and another after it is the last one alone; a size
 *         that a variable holds already is read from that.
 * Guarantees  the same values. Without a proof that the parts have just the shapes of the slices nothing changes: a
 * copy would repeat a part that is smaller. */
#include "rewrite/fill.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/dims.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/sites.h"
#include "rewrite/swap.h"

struct filling {
    struct unit *unit;
    struct fn *fn;
    struct values *values;
    struct sites sites;
};

static void collect(struct filling *f) {
    f->values = values_create(f->unit->arena, f->unit->atoms, f->unit->rules->library);
    f->sites = (struct sites){.arena = f->unit->arena, .values = f->values};
    sites_collect(&f->sites, f->fn->body);
}

/* -- filled tensors ------------------------------------------------------------------------------------------------ */

/* The part of `x[..., a:b].copy_(part)` at the end of what was filled so far; NULL for anything else. */
static struct node *copied_part(
    const struct node *s, const struct web *x, const struct node **from, const struct node **to) {
    const struct node *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
    if (!is_kind(call, NODE_CALL) || !is_method(call, "copy_") || call->nkids != 2)
        return NULL;
    const struct node *slot = receiver(call), *index = slot->kind == NODE_SUBSCRIPT ? slot->kid[1] : NULL;
    if (!is_kind(index, NODE_TUPLE) || index->nkids != 2 || !is_kind(index->kid[1], NODE_SLICE) ||
        index->kid[1]->kid[2] || index->kid[0]->kind != NODE_CONST || index->kid[0]->op != OP_ELLIPSIS ||
        slot->kid[0]->kind != NODE_NAME || slot->kid[0]->web != x)
        return NULL;
    *from = index->kid[1]->kid[0];
    *to = index->kid[1]->kid[1];
    return call->kid[1];
}

/* The sizes that the empty tensor was made with. */
static bool empty_dims(struct filling *f, const struct node *call, struct dims *d) {
    d->rank = 0;
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node *a = call->kid[i];
        const struct value *v = value_of(f->values, a->kind == NODE_STARRED ? a->kid[0] : a);
        bool many = a->kind == NODE_STARRED;
        if (a->kind == NODE_KEYWORD || (many && v->kind != VALUE_TUPLE))
            return false;
        for (uint32_t k = 0; k < (many ? v->count : 1); k++) {
            if (d->rank == DIMS_MAX)
                return false;
            d->at[d->rank++] = dims_size(f->values, many ? v->arg[k] : v);
        }
    }
    return d->rank > 1;
}

static bool fits(struct filling *f, struct node *part, const struct dims *whole, const struct value *width) {
    struct dims d = dims_of(f->values, value_of(f->values, part));
    if (d.rank != whole->rank || d.at[d.rank - 1] != width)
        return false;
    for (uint32_t i = 0; i + 1 < d.rank; i++)
        if (d.at[i] != whole->at[i])
            return false;
    return true;
}

static const struct value *difference(struct filling *f, const struct value *whole, const struct value *part) {
    if (whole->kind == VALUE_OP && whole->op == OP_ADD && whole->count == 2)
        for (int i = 0; i < 2; i++)
            if (whole->arg[i] == part)
                return whole->arg[1 - i];
    const struct value *arg[2] = {whole, part};
    return value_op(f->values, OP_SUB, arg, 2);
}

/* The statements after the one at `index` fill x in two parts: torch.cat of these. */
static struct node *concatenation(struct filling *f, const struct node *block, uint32_t index) {
    struct arena *arena = f->unit->arena;
    const struct node *stmt = block->kid[index], *from[2], *to[2];
    struct node *part[2];
    struct dims whole;
    if (index + 2 >= block->nkids || !empty_dims(f, stmt->kid[0], &whole))
        return NULL;
    for (uint32_t i = 0; i < 2; i++)
        if ((part[i] = copied_part(block->kid[index + 1 + i], stmt->kid[1]->web, &from[i], &to[i])) == NULL)
            return NULL;
    if (from[0] || !to[0] || !from[1] || to[1])
        return NULL;
    const struct value *middle = value_of(f->values, (struct node *)to[0]);
    if (value_of(f->values, (struct node *)from[1]) != middle || !fits(f, part[0], &whole, middle) ||
        !fits(f, part[1], &whole, difference(f, whole.at[whole.rank - 1], middle)))
        return NULL;
    struct node *parts = node_make(arena, NODE_TUPLE, NULL, 2, part[0], part[1]);
    parts->flags |= NF_PAREN;
    struct node *minus = node_make(arena, NODE_UNARYOP, NULL, 1, make_number(arena, intern(f->unit->atoms, "1")));
    minus->op = OP_NEG;
    struct node *torch = make_name(arena, intern(f->unit->atoms, "torch"));
    return node_make(arena, NODE_CALL, NULL, 3, make_attr(arena, torch, intern(f->unit->atoms, "cat")), parts,
        node_make(arena, NODE_KEYWORD, intern(f->unit->atoms, "dim"), 1, minus));
}

static bool is_empty_tensor(const struct node *s) {
    return s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_NAME && s->kid[1]->web &&
           s->kid[1]->web->stmt == s && is_method(s->kid[0], "new_empty");
}

static bool join_parts(struct filling *f, struct node *block) {
    bool any = false;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                any |= join_parts(f, s->kid[k]);
        struct node *cat = is_empty_tensor(s) ? concatenation(f, block, i) : NULL;
        if (cat == NULL)
            continue;
        for (uint32_t k = 0; k < 3; k++)
            pass_record(f->unit, "fill", block->kid[i + k], f->fn);
        cat->abs = s->kid[1]->web->abs;
        s->kid[0] = s->kid[1]->web->expr = cat;
        node_remove(block, i + 1);
        node_remove(block, i + 1);
        any = true;
    }
    return any;
}

/* -- sizes and views ----------------------------------------------------------------------------------------------- */

/* A size in a variable of its own gives way to the first variable that holds the same. */
static bool share_size(struct filling *f, const struct site *site, struct node **slot) {
    struct node *e = *slot;
    if (e->kind != NODE_NAME || e->web == NULL || (e->web->kind != WEB_ELEMENT && e->web->kind != WEB_ASSIGN))
        return false;
    const struct value *v = value_of(f->values, e), *size = dims_size(f->values, v);
    struct web *holder = size != v ? value_holder(size, site->position) : NULL;
    if (holder)
        pass_record(f->unit, "fill", e, f->fn);
    if (holder)
        *slot = make_web_name(f->unit->arena, holder);
    return holder != NULL;
}

/* A variable for what a view is made of. */
static struct node *name_of_viewed(struct filling *f, struct node *view, const struct web *w) {
    struct arena *arena = f->unit->arena;
    struct node *x = receiver(view);
    uint32_t index;
    struct node *block = find_block(f->fn->body, w->stmt, &index);
    if (x->kind == NODE_NAME || block == NULL)
        return x->kind == NODE_NAME && x->web ? make_web_name(arena, x->web) : NULL;
    struct web *made = NEW(arena, struct web);
    made->kind = WEB_ASSIGN;
    made->name = w->name;
    made->abs = x->abs ? x->abs : abs_simple(ABS_TENSOR);
    made->expr = x;
    made->stmt = node_make(arena, NODE_ASSIGN, NULL, 2, x, make_web_name(arena, made));
    node_insert(arena, block, index, made->stmt);
    view->kid[0]->kid[0] = make_web_name(arena, made);
    return make_web_name(arena, made);
}

/* linear(x.view(..., n)).view(...) */
static bool drop_inner_view(struct filling *f, struct node *e) {
    if (!is_method(e, "view") && !is_method(e, "reshape"))
        return false;
    struct node *call = receiver(e);
    bool linear = call->kind == NODE_CALL && call->nkids == 2 && call->kid[0]->abs &&
                  call->kid[0]->abs->kind == ABS_OBJECT && ends_with(call->kid[0]->abs->qual, ".Linear");
    const struct node *arg = linear ? call->kid[1] : NULL;
    bool variable = is_kind(arg, NODE_NAME) && arg->web && arg->web->kind == WEB_ASSIGN;
    struct node *view = variable ? arg->web->expr : linear ? call->kid[1] : NULL;
    if (view == NULL || (!is_method(view, "view") && !is_method(view, "reshape")))
        return false;
    const struct value *before = dims_last(f->values, value_of(f->values, receiver(view)));
    if (before != dims_last(f->values, value_of(f->values, view)))
        return false;
    pass_record(f->unit, "fill", view, f->fn);
    struct node *x = variable ? name_of_viewed(f, view, arg->web) : receiver(view);
    call->kid[1] = x ? x : call->kid[1];
    return x != NULL;
}

static bool tidy_sizes(struct filling *f) {
    bool any = false;
    for (uint32_t i = 0; i < f->sites.at.len; i++) {
        const struct site *site = &f->sites.at.at[i];
        for (uint32_t k = 0; k < site->node->nkids; k++)
            any |= site->node->kid[k] && share_size(f, site, &site->node->kid[k]);
        any |= drop_inner_view(f, site->node);
    }
    return any;
}

/* -- the pass ------------------------------------------------------------------------------------------------------ */

static bool has_attention(const struct node *n) {
    if (n == NULL)
        return false;
    const char *name = op_name(n);
    if (name && strcmp(name, "torch_attention") == 0)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (has_attention(n->kid[i]))
            return true;
    return false;
}

void join_filled(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct filling f = {.unit = unit, .fn = all.list.at[i]};
        if (!has_attention(f.fn->body))
            continue;
        collect(&f);
        if (values_infer_ranks(f.values))
            collect(&f);
        bool any = tidy_sizes(&f);
        if (join_parts(&f, f.fn->body) || any)
            refresh_definitions(f.fn->body);
    }
}
