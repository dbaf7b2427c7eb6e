/* fill.c - tensors that are made empty and filled, and views whose shape follows from what is viewed.
 *
 * Reads   the program after the equations.
 * Writes  `x = y.new_empty(...); x[..., :n].copy_(a); x[..., n:] = b` becomes x = torch.cat((a, b), dim=-1) where all
 *         shapes are known to fit; a view before a linear layer and another after it is the last one alone, and so are
 *         two views in a row; a size or shape that a variable holds already is read from that.
 * Guarantees  the same values. Without a proof that the parts have the shapes of the slices, but for sizes of 1 that
 * are repeated, nothing changes. */
#include "rewrite/fill.h"

#include <string.h>

#include "rewrite/account.h"
#include "rewrite/dims.h"
#include "rewrite/passes.h"
#include "rewrite/polynomial.h"
#include "rewrite/rules.h"
#include "rewrite/sites.h"
#include "rewrite/swap.h"

struct filling {
    struct unit *unit;
    struct fn *fn;
    struct values *values;
    struct sites sites;
    VEC(struct web *) shapes; /* variables that hold a shape, in order of reading */
};

static void collect(struct filling *f) {
    f->values = values_create(f->unit->arena, f->unit->atoms, f->unit->rules->library);
    f->sites = (struct sites){.arena = f->unit->arena, .values = f->values};
    sites_collect(&f->sites, f->fn->body);
}

/* -- filled tensors ------------------------------------------------------------------------------------------------ */

/* A statement that fills x[..., from:to]. */
struct part {
    struct node *value;
    const struct node *from, *to;
    struct web *after; /* the variable then: x itself, or its next version */
};

/* x[..., a:b], or x[:, :, a:b] of rank 3: the slice of the last dimension, NULL for anything else. */
static const struct node *last_slice(const struct node *slot, const struct web *x, uint32_t rank) {
    const struct node *index = is_kind(slot, NODE_SUBSCRIPT) ? slot->kid[1] : NULL;
    if (!is_kind(index, NODE_TUPLE) || index->nkids < 2 || slot->kid[0]->kind != NODE_NAME || slot->kid[0]->web != x)
        return NULL;
    const struct node *last = index->kid[index->nkids - 1];
    bool ellipsis = index->nkids == 2 && index->kid[0]->kind == NODE_CONST && index->kid[0]->op == OP_ELLIPSIS;
    bool every = index->nkids == rank;
    for (uint32_t i = 0; i + 1 < index->nkids; i++)
        every = every && is_full_slice(index->kid[i]);
    return (ellipsis || every) && last->kind == NODE_SLICE && !last->kid[2] ? last : NULL;
}

/* `x[..., a:b].copy_(part)` or `x[..., a:b] = part` */
static bool read_part(const struct node *s, struct web *x, uint32_t rank, struct part *part) {
    const struct node *call = s->kind == NODE_EXPR ? s->kid[0] : NULL, *slice = NULL;
    if (is_kind(call, NODE_CALL) && is_method(call, "copy_") && call->nkids == 2) {
        slice = last_slice(receiver(call), x, rank);
        *part = (struct part){.value = call->kid[1], .after = x};
    } else if (s->kind == NODE_ASSIGN && s->nkids == 2 && s->nphis == 1 && s->phis[0]->from[0] == x) {
        slice = last_slice(s->kid[1], x, rank);
        *part = (struct part){.value = s->kid[0], .after = s->phis[0]};
    }
    if (slice) {
        part->from = slice->kid[0];
        part->to = slice->kid[1];
    }
    return slice != NULL;
}

static struct node *minus_one(const struct filling *f) {
    struct node *minus =
        node_make(f->unit->arena, NODE_UNARYOP, NULL, 1, make_number(f->unit->arena, intern(f->unit->atoms, "1")));
    minus->op = OP_NEG;
    return minus;
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

static struct node *symbol_of(const struct filling *f, const struct value *size) {
    return abs_symbol(f->unit, size->abs);
}

/* Whether a + b is the whole. */
static bool is_sum(struct filling *f, const struct value *whole, const struct value *a, const struct value *b) {
    const struct value *arg[2] = {a, b}, *turned[2] = {b, a};
    if (value_op(f->values, OP_ADD, arg, 2) == whole || value_op(f->values, OP_ADD, turned, 2) == whole)
        return true;
    struct node *parts[2] = {symbol_of(f, a), symbol_of(f, b)}, *all = symbol_of(f, whole);
    if (!parts[0] || !parts[1] || !all)
        return false;
    struct node *sum = node_make(f->unit->arena, NODE_BINOP, NULL, 2, parts[0], parts[1]);
    sum->op = OP_ADD;
    return polynomials_equal(all, sum);
}

/* The part as wide as the slice: of size 1 in a dimension it is repeated there, as an assignment does; NULL where its
 * other sizes are not known to be those of the whole. */
static struct node *spread(
    struct filling *f, struct node *part, const struct dims *d, const struct dims *whole, const struct node *empty) {
    struct arena *arena = f->unit->arena;
    struct node *method = make_attr(arena, part, intern(f->unit->atoms, "expand"));
    struct node *call = node_make(arena, NODE_CALL, NULL, 1, method);
    bool repeats = false;
    for (uint32_t i = 0; i < d->rank; i++) {
        bool once = i + 1 < d->rank && d->at[i] != whole->at[i];
        if (once && (!value_is_int(d->at[i], 1) || empty->nkids != d->rank + 1))
            return NULL;
        node_add(arena, call, once ? node_copy(arena, empty->kid[1 + i]) : minus_one(f));
        repeats |= once;
    }
    call->abs = part->abs;
    return repeats ? call : part;
}

/* Whether nobody reads what stores replace: the variable before it is filled, and between the parts. */
static bool only_filled(const struct filling *f, const struct web *x, const struct part part[2]) {
    if (web_uses(part[0].value, x) + web_uses(part[1].value, x) > 0)
        return false;
    bool stores = part[0].after != x && part[1].after != part[0].after, copies = part[1].after == x;
    return copies || (stores && web_uses(f->fn->body, x) == 2 && web_uses(f->fn->body, part[0].after) == 1);
}

/* The statements after the one at `index` fill x in two parts: torch.cat of these. `*filled` is what holds it then. */
static struct node *concatenation(struct filling *f, const struct node *block, uint32_t index, struct web **filled) {
    struct arena *arena = f->unit->arena;
    const struct node *stmt = block->kid[index];
    struct web *x = stmt->kid[1]->web;
    struct part part[2];
    struct dims whole, d[2];
    if (index + 2 >= block->nkids || !empty_dims(f, stmt->kid[0], &whole))
        return NULL;
    if (!read_part(block->kid[index + 1], x, whole.rank, &part[0]) ||
        !read_part(block->kid[index + 2], part[0].after, whole.rank, &part[1]) || part[0].from || !part[0].to ||
        !part[1].from || part[1].to || !only_filled(f, x, part))
        return NULL;
    const struct value *middle = value_of(f->values, (struct node *)part[0].to);
    if (value_of(f->values, (struct node *)part[1].from) != middle)
        return NULL;
    struct node *parts = node_new(arena, NODE_TUPLE);
    for (uint32_t i = 0; i < 2; i++) {
        d[i] = dims_of(f->values, value_of(f->values, part[i].value));
        struct node *wide = d[i].rank == whole.rank ? spread(f, part[i].value, &d[i], &whole, stmt->kid[0]) : NULL;
        if (wide == NULL)
            return NULL;
        node_add(arena, parts, wide);
    }
    if (d[0].at[whole.rank - 1] != middle || !is_sum(f, whole.at[whole.rank - 1], middle, d[1].at[whole.rank - 1]))
        return NULL;
    *filled = part[1].after;
    parts->flags |= NF_PAREN;
    struct node *torch = make_name(arena, intern(f->unit->atoms, "torch"));
    return node_make(arena, NODE_CALL, NULL, 3, make_attr(arena, torch, intern(f->unit->atoms, "cat")), parts,
        node_make(arena, NODE_KEYWORD, intern(f->unit->atoms, "dim"), 1, minus_one(f)));
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
        struct web *filled;
        struct node *cat = is_empty_tensor(s) ? concatenation(f, block, i, &filled) : NULL;
        if (cat == NULL)
            continue;
        for (uint32_t k = 0; k < 3; k++)
            pass_record_because(f->unit, REASON_FILLED, block->kid[i + k], f->fn);
        cat->abs = s->kid[1]->web->abs;
        s->kid[0] = filled->expr = cat;
        s->kid[1] = make_web_name(f->unit->arena, filled);
        filled->kind = WEB_ASSIGN;
        filled->stmt = s;
        node_remove(block, i + 1);
        node_remove(block, i + 1);
        any = true;
    }
    return any;
}

/* -- sizes and views ----------------------------------------------------------------------------------------------- */

/* The sizes in a shape. Rank 0: it is none, or not all are known. */
static struct dims sizes_in(struct filling *f, const struct value *v) {
    struct dims d = {0}, none = {0};
    if (v->kind != VALUE_TUPLE || v->count > DIMS_MAX)
        return none;
    for (; d.rank < v->count; d.rank++) {
        if (v->arg[d.rank]->kind == VALUE_STAR)
            return none;
        d.at[d.rank] = dims_size(f->values, v->arg[d.rank]);
    }
    return d;
}

static bool is_held(const struct value *v, const struct web *w, uint32_t position) {
    for (const struct holder *h = v->holders; h; h = h->next)
        if (h->web == w)
            return holder_visible(h, position);
    return false;
}

/* A variable read before that holds the same shape, or NULL. */
static struct web *same_shape(struct filling *f, const struct site *site, struct web *w) {
    struct dims d = sizes_in(f, value_of_web(f->values, w));
    for (uint32_t i = 0; d.rank > 0 && i < f->shapes.len; i++) {
        struct web *other = f->shapes.at[i];
        const struct value *v = value_of_web(f->values, other);
        struct dims e = sizes_in(f, v);
        if (other == w)
            return NULL;
        if (e.rank == d.rank && memcmp(d.at, e.at, d.rank * sizeof *d.at) == 0 && is_held(v, other, site->position))
            return other;
    }
    if (d.rank > 0)
        vec_push(f->unit->arena, &f->shapes, w);
    return NULL;
}

/* A size, or a shape, in a variable of its own gives way to the first variable that holds the same. */
static bool share_size(struct filling *f, const struct site *site, struct node **slot) {
    struct node *e = *slot;
    if (e->kind != NODE_NAME || e->web == NULL || (e->web->kind != WEB_ELEMENT && e->web->kind != WEB_ASSIGN))
        return false;
    const struct value *v = value_of(f->values, e), *size = dims_size(f->values, v);
    bool shape = v->kind == VALUE_TUPLE;
    struct web *holder = size != v || shape ? value_holder(size, site->position) : NULL;
    if (shape && holder == e->web)
        holder = same_shape(f, site, e->web);
    if (holder)
        pass_record_because(f->unit, REASON_VIEWS, e, f->fn);
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

static bool is_view(const struct node *e) {
    return is_method(e, "view") || is_method(e, "reshape");
}

/* linear(x.view(..., n)).view(...) */
static bool drop_inner_view(struct filling *f, struct node *e) {
    if (!is_view(e))
        return false;
    struct node *call = receiver(e);
    bool linear = call->kind == NODE_CALL && call->nkids == 2 && abs_is_object(call->kid[0]->abs, "Linear");
    const struct node *arg = linear ? call->kid[1] : NULL;
    bool variable = is_kind(arg, NODE_NAME) && arg->web && arg->web->kind == WEB_ASSIGN;
    struct node *view = variable ? arg->web->expr : linear ? call->kid[1] : NULL;
    if (view == NULL || !is_view(view))
        return false;
    const struct value *before = dims_from_end(f->values, value_of(f->values, receiver(view)), 1);
    if (before != dims_from_end(f->values, value_of(f->values, view), 1))
        return false;
    pass_record_because(f->unit, REASON_VIEWS, view, f->fn);
    struct node *x = variable ? name_of_viewed(f, view, arg->web) : receiver(view);
    call->kid[1] = x ? x : call->kid[1];
    return x != NULL;
}

/* x.unsqueeze(i).shape[-k], the new dimension before that one: x.shape[-k]. */
static bool skip_new_dimension(struct filling *f, struct node *e) {
    int k;
    const struct node *of = e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE &&
                                    atom_is(e->kid[0]->atom, "shape") && literal_int(e->kid[1], &k) && k < 0
                                ? e->kid[0]->kid[0]
                                : NULL;
    bool variable = is_kind(of, NODE_NAME) && of->web && of->web->kind == WEB_ASSIGN;
    const struct node *call = variable ? of->web->expr : of;
    if (call == NULL || !is_method(call, "unsqueeze") || receiver(call)->kind != NODE_NAME)
        return false;
    const struct value *v = value_of(f->values, (struct node *)call);
    if (!value_is_special(f->values, v, SPECIAL_UNSQUEEZE) || v->arg[1]->kind != VALUE_NUMBER || v->arg[1]->number >= k)
        return false;
    pass_record_because(f->unit, REASON_VIEWS, e, f->fn);
    e->kid[0]->kid[0] = node_copy(f->unit->arena, receiver(call));
    return true;
}

/* The last size that a view is given: of n, d or (n, d) or x.shape[:-1] + (n, d) it is d. NULL: it is not written. */
static struct node *last_size(const struct node *view) {
    struct node *last = view->nkids > 1 ? view->kid[view->nkids - 1] : NULL;
    if (is_kind(last, NODE_BINOP) && last->op == OP_ADD)
        last = last->kid[1];
    if (is_kind(last, NODE_TUPLE))
        last = last->nkids ? last->kid[last->nkids - 1] : NULL;
    bool size = is_kind(last, NODE_ATTRIBUTE) || is_kind(last, NODE_NAME);
    return size && last->abs && last->abs->kind != ABS_TUPLE && last->abs->kind != ABS_SHAPE ? last : NULL;
}

/* x.shape[-1:] */
static bool is_last_of(const struct node *e, const struct web *x) {
    return e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape") &&
           e->kid[0]->kid[0]->kind == NODE_NAME && e->kid[0]->kid[0]->web == x && e->kid[1]->kind == NODE_SLICE &&
           is_int(e->kid[1]->kid[0], -1) && !e->kid[1]->kid[1] && !e->kid[1]->kid[2];
}

/* A copy of a shape with the last size of x written out; *read: it reads x in another way too. */
static struct node *with_last_size(struct filling *f, struct node *e, const struct web *x, struct node *d, bool *read) {
    struct arena *arena = f->unit->arena;
    if (e == NULL)
        return NULL;
    if (is_last_of(e, x)) {
        struct node *tuple = node_make(arena, NODE_TUPLE, NULL, 1, node_copy(arena, d));
        tuple->flags |= NF_PAREN;
        return tuple;
    }
    *read |= e->kind == NODE_NAME && e->web == x;
    struct node *copy = node_copy(arena, e);
    for (uint32_t i = 0; i < copy->nkids; i++)
        copy->kid[i] = with_last_size(f, e->kid[i], x, d, read);
    bool sum = copy->kind == NODE_BINOP && copy->op == OP_ADD && copy->kid[1]->kind == NODE_TUPLE;
    struct node *left = sum ? copy->kid[0] : NULL;
    if (is_kind(left, NODE_BINOP) && left->op == OP_ADD && left->kid[1]->kind == NODE_TUPLE) { /* s + (a,) + (b,) */
        for (uint32_t i = 0; i < copy->kid[1]->nkids; i++)
            node_add(arena, left->kid[1], copy->kid[1]->kid[i]);
        left->kid[1]->flags &= ~(uint32_t)NF_TRAILING_COMMA;
        return left;
    }
    return copy;
}

/* y = x.reshape(..., d); y.reshape(... + y.shape[-1:]): of two views the last one alone. */
static bool join_views(struct filling *f, struct node *e) {
    const struct node *y = is_view(e) && e->nkids == 2 ? receiver(e) : NULL;
    const struct node *inner = is_kind(y, NODE_NAME) && y->web && y->web->kind == WEB_ASSIGN ? y->web->expr : NULL;
    if (inner == NULL || !is_view(inner) || receiver(inner)->kind != NODE_NAME)
        return false;
    bool read = false;
    struct node *d = last_size(inner);
    struct node *shape = d ? with_last_size(f, e->kid[1], y->web, d, &read) : NULL;
    if (shape == NULL || read || node_equal(shape, e->kid[1]))
        return false;
    pass_record_because(f->unit, REASON_VIEWS, e, f->fn);
    e->kid[1] = shape;
    e->kid[0]->atom = intern(f->unit->atoms, "reshape");
    e->kid[0]->kid[0] = node_copy(f->unit->arena, receiver(inner));
    return true;
}

static bool tidy_sizes(struct filling *f) {
    bool any = false;
    for (uint32_t i = 0; i < f->sites.at.len; i++) {
        const struct site *site = &f->sites.at.at[i];
        for (uint32_t k = 0; k < site->node->nkids; k++)
            any |= site->node->kid[k] && share_size(f, site, &site->node->kid[k]);
        any |= drop_inner_view(f, site->node) || skip_new_dimension(f, site->node) || join_views(f, site->node);
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
        account_step(unit, "fill", f.fn, REASON_VIEWS);
        if (join_parts(&f, f.fn->body) || any)
            refresh_definitions(f.fn->body);
        account_step(unit, "fill", f.fn, REASON_FILLED);
    }
}
