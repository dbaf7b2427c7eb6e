/* hoist.c - what every reader computes from a table is computed where the table is made.
 *
 * Reads   functions that take the positions and return tables such as cos and sin, and everything that these reach:
 *         parameters, tuples handed on, the layers that read them.
 * Writes  where all readers choose, order or repeat the lanes of a table in the same way first, the function that makes
 *         it does that, and the readers take it as it is. Nothing is written where the table is like that already.
 * Guarantees  the same values. A choice of lanes commutes with what acts on each lane alone, so it moves to what the
 *         table is computed from; there the equations simplify it. */
#include "rewrite/hoist.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/lanes.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"
#include "rewrite/value.h"

/* A variable that holds the table, or the whole tuple that it is an element of. */
struct carrier {
    struct fn *fn;
    struct web *web;
    bool whole;
};

struct use {
    struct node **slot, *shape; /* where it stands, and the expression over the table */
    struct node **cast;         /* the cast of it there; or NULL */
    struct web *web;
    struct fn *fn;
    bool size;
};

/* A call of a function of the file, and the assignment of which it is the whole right-hand side; or NULL. */
struct place {
    struct fn *fn; /* in which it stands */
    struct node *call, *assignment;
};

struct places {
    VEC(struct place) list; /* in order */
};

struct table {
    struct unit *unit;
    const struct places *calls;
    struct fn *maker;
    uint32_t element, count;
    VEC(struct carrier) carriers;
    VEC(struct use) uses;
};

/* -- where a table goes -------------------------------------------------------------------------------------------- */

static void add_carrier(struct table *t, struct fn *fn, struct web *web, bool whole) {
    for (uint32_t i = 0; i < t->carriers.len; i++)
        if (t->carriers.at[i].web == web)
            return;
    struct carrier c = {fn, web, whole};
    vec_push(t->unit->arena, &t->carriers, c);
}

static bool is_carrier(const struct table *t, const struct node *e) {
    for (uint32_t i = 0; e->kind == NODE_NAME && e->web && i < t->carriers.len; i++)
        if (t->carriers.at[i].web == e->web)
            return true;
    return false;
}

/* a, b = whole */
static bool add_element(struct table *t, struct fn *fn, const struct node *targets) {
    if (targets->kind != NODE_TUPLE || targets->nkids != t->count)
        return false;
    const struct node *target = targets->kid[t->element];
    if (target->kind != NODE_NAME || target->web == NULL)
        return false;
    add_carrier(t, fn, target->web, false);
    return true;
}

/* Every call of the maker is the whole right-hand side of an assignment. */
static bool find_results(struct table *t) {
    for (uint32_t i = 0; i < t->calls->list.len; i++) {
        const struct place *place = &t->calls->list.at[i];
        if (!call_reaches(place->call, t->maker))
            continue;
        if (place->assignment == NULL || !call_is_single(place->call))
            return false;
        const struct node *target = place->assignment->kid[1];
        if (target->kind == NODE_NAME && target->web)
            add_carrier(t, place->fn, target->web, true);
        else if (!add_element(t, place->fn, target))
            return false;
    }
    return true;
}

/* f(..., x): the parameter carries too. */
static bool hand_on(struct table *t, const struct node *call, uint32_t i, bool whole) {
    struct fn *fn = call->callsite->fn;
    uint32_t p = call->callsite->param[i - 1];
    if (!call_is_single(call) || p == UINT32_MAX || fn->escapes || !fn->body || !fn->params.at[p]->web)
        return false;
    add_carrier(t, fn, fn->params.at[p]->web, whole);
    return true;
}

static bool phi_reads(const struct node *n, const struct web *w) {
    for (uint32_t i = 0; i < n->nphis; i++)
        if (n->phis[i]->from[0] == w || n->phis[i]->from[1] == w)
            return true;
    return false;
}

static bool follow_whole(struct table *t, const struct carrier *c, struct node *n) {
    if (n == NULL)
        return true;
    if (phi_reads(n, c->web) || (n->kind == NODE_NAME && n->web == c->web))
        return false;
    if (n->kind == NODE_ASSIGN && n->nkids == 2 && is_kind(n->kid[0], NODE_NAME) && n->kid[0]->web == c->web)
        return add_element(t, c->fn, n->kid[1]);
    uint32_t first = n->kind == NODE_ASSIGN;
    for (uint32_t i = 0; i < (first ? 1 : n->nkids); i++) {
        struct node *kid = is_kind(n->kid[i], NODE_KEYWORD) ? n->kid[i]->kid[0] : n->kid[i];
        bool argument = n->kind == NODE_CALL && i > 0 && n->callsite && kid->kind == NODE_NAME && kid->web == c->web;
        if (argument ? !hand_on(t, n, i, true) : !follow_whole(t, c, n->kid[i]))
            return false;
    }
    return true;
}

static bool add_use(
    struct table *t, const struct carrier *c, struct node **slot, struct node **cast, enum lanes lanes) {
    struct use use = {slot, lanes_expand(t->unit, *slot, c->web), cast, c->web, c->fn, lanes == LANES_SIZE};
    if (!use.size && !lanes_keep_rank(use.shape))
        return false;
    vec_push(t->unit->arena, &t->uses, use);
    return true;
}

/* d of x.to(d), NULL for anything else. */
static struct node *cast_dtype(const struct node *e) {
    bool cast = e->kind == NODE_CALL && is_method(e, "to") && e->nkids == 2;
    return !cast ? NULL : e->kid[1]->kind == NODE_KEYWORD ? e->kid[1]->kid[0] : e->kid[1];
}

/* Whether the table itself, or a variable that holds lanes of it, is read: a size in a variable stays what it was. */
static bool reads_lanes(const struct node *n, const struct web *table) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAME)
        return n->web && lanes_of(n, table) == LANES_TABLE;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (reads_lanes(n->kid[i], table))
            return true;
    return false;
}

static bool assigns_variable(const struct node *s) {
    return s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_NAME;
}

/* The largest expressions over the table alone. A variable that holds lanes of it is not a use, its readers are. */
static bool follow_element(struct table *t, const struct carrier *c, struct node **slot) {
    struct node *n = *slot;
    if (n == NULL || (assigns_variable(n) && lanes_of(n->kid[0], c->web) == LANES_TABLE))
        return true;
    if (phi_reads(n, c->web))
        return false;
    enum lanes lanes = node_is_expr(n) ? lanes_of(n, c->web) : LANES_OTHER;
    if (lanes == LANES_TABLE || lanes == LANES_SIZE)
        return !reads_lanes(n, c->web) || add_use(t, c, slot, NULL, lanes);
    if (cast_dtype(n) && lanes_of(receiver(n), c->web) == LANES_TABLE)
        return add_use(t, c, &n->kid[0]->kid[0], slot, LANES_TABLE) && follow_element(t, c, &n->kid[1]);
    uint32_t count = n->kind == NODE_ASSIGN ? 1 : n->nkids;
    for (uint32_t i = 0; i < count; i++) {
        struct node *kid = is_kind(n->kid[i], NODE_KEYWORD) ? n->kid[i]->kid[0] : n->kid[i];
        bool argument = n->kind == NODE_CALL && i > 0 && n->callsite && is_kind(kid, NODE_NAME) && kid->web == c->web;
        if (argument ? !hand_on(t, n, i, false) : !follow_element(t, c, &n->kid[i]))
            return false;
    }
    return true;
}

/* Nothing but the table arrives at a parameter that carries it. */
static bool arrives_alone(const struct table *t, const struct fn *fn, const struct web *param) {
    for (uint32_t i = 0; i < t->calls->list.len; i++) {
        const struct node *call = t->calls->list.at[i].call;
        if (!call_reaches(call, fn))
            continue;
        const struct node *argument = argument_for(call, fn, param);
        if (!call_is_single(call) || (argument && !is_carrier(t, argument)))
            return false;
    }
    return true;
}

static bool carriers_are_closed(const struct table *t) {
    for (uint32_t i = 0; i < t->carriers.len; i++) {
        const struct carrier *c = &t->carriers.at[i];
        if (c->web->kind == WEB_PARAM && !arrives_alone(t, c->fn, c->web))
            return false;
    }
    return true;
}

static bool follow(struct table *t) {
    if (!find_results(t))
        return false;
    for (uint32_t i = 0; i < t->carriers.len; i++) {
        struct carrier c = t->carriers.at[i];
        if (c.whole ? !follow_whole(t, &c, c.fn->body) : !follow_element(t, &c, &c.fn->body))
            return false;
    }
    return carriers_are_closed(t);
}

/* -- where it is made ---------------------------------------------------------------------------------------------- */

static bool is_static_factor(const struct node *e) {
    return e->kind == NODE_NUMBER || (e->kind == NODE_ATTRIBUTE && e->abs && e->abs->kind != ABS_TENSOR &&
                                         e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE);
}

/* What acts on each lane alone: the operand in which the lanes are, or NULL. */
static struct node **operand(struct node *e) {
    if (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && word_in(e->kid[0]->atom, "to float cos sin") &&
        !is_name(e->kid[0]->kid[0], "torch"))
        return &e->kid[0]->kid[0];
    if (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && word_in(e->kid[0]->atom, "cos sin") &&
        e->nkids == 2)
        return &e->kid[1];
    for (uint32_t i = 0; e->kind == NODE_BINOP && (e->op == OP_MUL || e->op == OP_DIV) && i < 2; i++)
        if (is_static_factor(e->kid[1 - i]) && (i == 0 || e->op == OP_MUL))
            return &e->kid[i];
    return NULL;
}

static bool is_local(const struct node *e) {
    return e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN;
}

/* The variable from which the table is computed lane by lane. */
static struct node *base_of(struct node *e) {
    for (;;) {
        struct node **of = operand(e);
        if (of)
            e = *of;
        else if (is_local(e) && operand(e->web->expr))
            e = e->web->expr;
        else
            return is_local(e) ? e : NULL;
    }
}

static bool insert_after(struct unit *unit, struct fn *fn, const struct node *stmt, struct node *made) {
    uint32_t index;
    struct node *block = find_block(fn->body, stmt, &index);
    if (block)
        node_insert(unit->arena, block, index + 1, made);
    return block != NULL;
}

static struct web *new_variable(struct unit *unit, const struct web *like, struct node *value) {
    struct web *w = NEW(unit->arena, struct web);
    w->kind = WEB_ASSIGN;
    w->name = like->name;
    w->abs = like->abs;
    w->expr = value;
    w->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, value, make_web_name(unit->arena, w));
    return w;
}

/* `e` computed from `new` instead of `base`; variables on the way are set anew. */
static struct node *rebuilt(
    struct table *t, struct map *made, struct node *e, const struct web *base, struct web *new) {
    struct arena *arena = t->unit->arena;
    if (is_local(e) && e->web == base)
        return make_web_name(arena, new);
    if (is_local(e)) {
        struct web *w = map_get(made, e->web);
        if (w == NULL) {
            w = new_variable(t->unit, e->web, rebuilt(t, made, e->web->expr, base, new));
            insert_after(t->unit, t->maker, e->web->stmt, w->stmt);
            map_put(arena, made, e->web, w);
        }
        return make_web_name(arena, w);
    }
    struct node *copy = node_copy(arena, e);
    *operand(copy) = rebuilt(t, made, *operand(e), base, new);
    return copy;
}

/* `e` with one variable read in place of another. */
static struct node *replaced(struct unit *unit, struct node *e, const struct web *old, struct web *new) {
    if (e == NULL)
        return NULL;
    if (e->kind == NODE_NAME && e->web == old)
        return make_web_name(unit->arena, new);
    struct node *copy = node_copy(unit->arena, e);
    for (uint32_t i = 0; i < copy->nkids; i++)
        copy->kid[i] = replaced(unit, e->kid[i], old, new);
    return copy;
}

static bool same_value(struct unit *unit, struct node *a, struct node *b) {
    struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
    return value_of(values, a) == value_of(values, b);
}

/* -- the readers --------------------------------------------------------------------------------------------------- */

/* The one thing that readers make of the table; NULL where they make several, or nothing. *plain: some take it as it
 * is. */
static const struct node *common_shape(const struct table *t, bool *plain) {
    const struct node *shape = NULL;
    *plain = false;
    for (uint32_t i = 0; i < t->uses.len; i++) {
        const struct use *use = &t->uses.at[i];
        if (use->size)
            continue;
        if (lanes_is_table(use->shape))
            *plain = true;
        else if (shape && !node_equal(shape, use->shape))
            return NULL;
        else
            shape = use->shape;
    }
    return shape;
}

/* Sizes that readers ask for are widths of the new table. Tables have pairs of lanes; widths that are made of the same
 * halves and multiples for all of these are the same. */
static bool sizes_are_widths(const struct table *t, const struct node *shape) {
    enum { WIDTHS = 64 };
    for (uint32_t i = 0; i < t->uses.len; i++)
        for (long width = 2; t->uses.at[i].size && width <= WIDTHS; width += 2)
            if (lanes_width(t->uses.at[i].shape, width) != lanes_width(shape, width))
                return false;
    return true;
}

static void read_as_is(struct table *t) {
    struct arena *arena = t->unit->arena;
    for (uint32_t i = 0; i < t->uses.len; i++) {
        struct node *name = make_web_name(arena, t->uses.at[i].web), *old = *t->uses.at[i].slot;
        pass_record_because(t->unit, REASON_LANES, old, t->uses.at[i].fn);
        if (t->uses.at[i].size) {
            struct node *minus =
                node_make(arena, NODE_UNARYOP, NULL, 1, make_number(arena, intern(t->unit->atoms, "1")));
            minus->op = OP_NEG;
            name = node_make(
                arena, NODE_SUBSCRIPT, NULL, 2, make_attr(arena, name, intern(t->unit->atoms, "shape")), minus);
        }
        name->abs = old->abs;
        *t->uses.at[i].slot = name;
    }
    for (uint32_t i = 0; i < t->carriers.len; i++)
        refresh_definitions(t->carriers.at[i].fn->body);
}

/* Whether an expression is cast to the dtype of a tensor that the function was given. */
static bool is_cast_to_parameter(const struct node *e) {
    const struct node *dtype = cast_dtype(e);
    return is_kind(dtype, NODE_ATTRIBUTE) && atom_is(dtype->atom, "dtype") && dtype->kid[0]->kind == NODE_NAME &&
           dtype->kid[0]->web && dtype->kid[0]->web->kind == WEB_PARAM;
}

struct node *cast_like_tensor(const struct node *e) {
    const struct node *dtype = cast_dtype(e);
    bool tensor = is_kind(dtype, NODE_ATTRIBUTE) && atom_is(dtype->atom, "dtype") && dtype->kid[0]->kind == NODE_NAME &&
                  dtype->kid[0]->web && dtype->kid[0]->web->abs && dtype->kid[0]->web->abs->kind == ABS_TENSOR;
    return tensor ? receiver(e) : NULL;
}

static bool is_cast_to_tensor(const struct use *use) {
    return use->cast && cast_like_tensor(*use->cast);
}

/* The hidden states that a function is given beside the positions, or NULL. */
static struct web *states_param(const struct fn *fn) {
    for (uint32_t i = 1; i < fn->params.len; i++) {
        const struct param *p = fn->params.at[i];
        if (p->web && p->abs && p->abs->kind == ABS_TENSOR && p->abs->rank == 3)
            return p->web;
    }
    return NULL;
}

/* What every reader casts is cast where it is made; a comment that it is not goes. */
static bool cast_result(const struct table *t, struct node **result) {
    struct arena *arena = t->unit->arena;
    struct web *states = states_param(t->maker);
    for (uint32_t i = 0; i < t->uses.len; i++)
        if (!t->uses.at[i].size && !is_cast_to_tensor(&t->uses.at[i]))
            return false;
    if (states == NULL || t->uses.len == 0 || cast_dtype(*result))
        return false;
    struct node *dtype = make_attr(arena, make_web_name(arena, states), intern(t->unit->atoms, "dtype"));
    struct node *to = make_attr(arena, *result, intern(t->unit->atoms, "to"));
    *result = node_make(arena, NODE_CALL, NULL, 2, to, dtype);
    t->maker->body->kid[t->maker->body->nkids - 1]->comments = NULL;
    return true;
}

/* The dtype of q or k is that of the hidden states, to which the table was cast already: linear layers compute in the
 * dtype of their input, and where a norm has made q wider the product with the table is as wide. */
static void drop_casts(const struct table *t, struct node **result) {
    if (!is_cast_to_parameter(*result) && !cast_result(t, result))
        return;
    for (uint32_t i = 0; i < t->uses.len; i++)
        if (is_cast_to_tensor(&t->uses.at[i]))
            *t->uses.at[i].cast = receiver(*t->uses.at[i].cast);
}

/* -- tables of a function that makes them -------------------------------------------------------------------------- */

struct made {
    const struct node *shape;
    const struct web *base;
    struct web *web; /* lanes of the base; the base itself where they are it already */
};

/* The lanes of the base, simplified by the equations. */
static struct web *lanes_of_base(struct table *t, const struct node *shape, struct node *base) {
    struct web *w = new_variable(t->unit, base->web, lanes_fill(t->unit, shape, base));
    if (!insert_after(t->unit, t->maker, base->web->stmt, w->stmt))
        return NULL;
    apply_equations_to(t->unit, t->maker);
    w->expr = w->stmt->kid[0];
    return same_value(t->unit, w->expr, base->web->expr) ? base->web : w;
}

static void hoist_lanes(struct table *t, struct node **result, struct made *last, struct map *rebuilt_webs) {
    bool plain;
    const struct node *shape = common_shape(t, &plain);
    struct node *base = shape ? base_of(*result) : NULL;
    if (base == NULL || !sizes_are_widths(t, shape))
        return;
    if (last->web == NULL || last->base != base->web || !node_equal(last->shape, shape))
        *last = (struct made){shape, base->web, lanes_of_base(t, shape, base)};
    if (last->web == NULL || (plain && last->web != base->web))
        return;
    if (last->web != base->web)
        *result = rebuilt(t, rebuilt_webs, *result, base->web, last->web);
    read_as_is(t);
}

/* -- tables that the reader itself takes apart --------------------------------------------------------------------- */

/* Every use is cast to the same dtype again. */
static bool cast_again(const struct table *t, struct node *dtype) {
    for (uint32_t i = 0; i < t->uses.len; i++)
        if (t->uses.at[i].cast == NULL || !same_value(t->unit, cast_dtype(*t->uses.at[i].cast), dtype))
            return false;
    return true;
}

/* The table `w`, read in this function alone. */
static bool read_here(struct table *t, struct web *w) {
    struct carrier c = {t->maker, w, false};
    vec_push(t->unit->arena, &t->carriers, c);
    return follow_element(t, &c, &t->maker->body) && t->carriers.len == 1;
}

/* `a, b = torch.split(x.to(d), ...)`: where all that is made of the parts is cast to d, x need not be. */
static void drop_early_cast(struct table *t, uint32_t count, struct node *split) {
    struct node *whole = split->nkids > 1 ? split->kid[1] : NULL, *cast = whole;
    if (whole && is_local(whole))
        cast = whole->web->expr;
    struct node *dtype = cast ? cast_dtype(cast) : NULL;
    for (uint32_t i = 0; dtype && i < count; i++)
        dtype = cast_again(&t[i], dtype) ? dtype : NULL;
    if (dtype == NULL)
        return;
    if (cast == whole) {
        split->kid[1] = receiver(cast);
        return;
    }
    struct web *before = new_variable(t->unit, whole->web, receiver(cast));
    if (insert_after(t->unit, t->maker, whole->web->stmt, before->stmt))
        for (uint32_t i = 1; i < split->nkids; i++)
            split->kid[i] = replaced(t->unit, split->kid[i], whole->web, before);
}

/* Lanes that are made of a part are a variable, which has the name of the part. */
static void make_once(struct table *t, struct web *part) {
    bool plain;
    const struct node *shape = common_shape(t, &plain);
    for (uint32_t i = 0; i < t->uses.len; i++)
        plain |= t->uses.at[i].size;
    if (shape == NULL || plain)
        return;
    struct node *name = make_web_name(t->unit->arena, part);
    struct web *w = new_variable(t->unit, part, lanes_fill(t->unit, shape, name));
    if (!insert_after(t->unit, t->maker, part->stmt, w->stmt))
        return;
    for (uint32_t i = 0; i < t->uses.len; i++)
        t->uses.at[i].web = w;
    read_as_is(t);
}

/* `sin, cos = torch.split(table, ...)` in the function that reads them. */
static void hoist_parts(struct unit *unit, struct fn *fn, struct node *stmt) {
    enum { PARTS = 4 };
    struct table t[PARTS];
    const struct node *parts = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 ? stmt->kid[1] : NULL;
    struct node *split = stmt->kid[0];
    if (!is_kind(parts, NODE_TUPLE) || parts->nkids > PARTS || !is_kind(split, NODE_CALL) ||
        split->kid[0]->kind != NODE_ATTRIBUTE || !word_in(split->kid[0]->atom, "split chunk"))
        return;
    for (uint32_t i = 0; i < parts->nkids; i++) {
        t[i] = (struct table){.unit = unit, .maker = fn};
        if (parts->kid[i]->kind != NODE_NAME || !parts->kid[i]->web || !read_here(&t[i], parts->kid[i]->web))
            return;
    }
    drop_early_cast(t, parts->nkids, split);
    for (uint32_t i = 0; i < parts->nkids; i++)
        make_once(&t[i], parts->kid[i]->web);
}

/* -- the pass ------------------------------------------------------------------------------------------------------ */

static void find_places(struct unit *unit, struct places *places, struct fn *fn, struct node *n) {
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node *kid = n->kid[i];
        if (kid == NULL)
            continue;
        bool alone = i == 0 && n->kind == NODE_ASSIGN && n->nkids == 2;
        if (kid->kind == NODE_CALL && kid->callsite)
            vec_push(unit->arena, &places->list, ((struct place){fn, kid, alone ? n : NULL}));
        find_places(unit, places, fn, kid);
    }
}

/* The calls stay what they are: what is written in between is over tables, and no call of the maker, nor of what it
 * hands the tables to, is. */
static void hoist_result(struct unit *unit, const struct functions *all, struct fn *fn, struct node *result) {
    struct made made = {NULL, NULL, NULL};
    struct map rebuilt_webs = {0};
    struct places calls = {0};
    for (uint32_t i = 0; i < all->list.len; i++)
        find_places(unit, &calls, all->list.at[i], all->list.at[i]->body);
    for (uint32_t k = 0; k < result->nkids; k++) {
        struct table t = {.unit = unit, .calls = &calls, .maker = fn, .element = k, .count = result->nkids};
        if (!follow(&t))
            continue;
        hoist_lanes(&t, &result->kid[k], &made, &rebuilt_webs);
        drop_casts(&t, &result->kid[k]);
    }
}

static bool takes_positions(const struct fn *fn) {
    for (uint32_t i = 1; i < fn->params.len; i++)
        if (fn->params.at[i]->abs && fn->params.at[i]->abs->kind == ABS_TENSOR && fn->params.at[i]->abs->positions)
            return true;
    return false;
}

void hoist_table_work(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (!takes_positions(fn))
            continue;
        struct node *last = fn->body->nkids ? fn->body->kid[fn->body->nkids - 1] : NULL;
        for (uint32_t k = 0; k < fn->body->nkids; k++)
            hoist_parts(unit, fn, fn->body->kid[k]);
        if (!fn->escapes && is_kind(last, NODE_RETURN) && is_kind(last->kid[0], NODE_TUPLE))
            hoist_result(unit, &all, fn, last->kid[0]);
    }
}
