/* axes.c - positions along several axes.
 *
 * A model of text and images gives a token a position for each axis (time, height, width). For text they are all the
 * same, and the source says so:
 *
 *     position_ids = position_ids[None].expand(3, -1, -1)
 *     freqs = position_ids[..., None] * inv_freq
 *     table = freqs[0]
 *     table[..., 1::3] = freqs[1, ..., 1::3]
 *
 * Reads   the specialised functions.
 * Writes  one tensor in place of so many copies of it: variables and parameters that hold copies along their first
 *         dimension lose that dimension, selections from it are the tensor itself, and to store a part of it where it
 *         came from does nothing.
 * Guarantees  all or nothing: where some use of the copies is not understood, they stay. */
#include "rewrite/axes.h"

#include <string.h>

#include "base/text.h"
#include "parser/literal.h"
#include "rewrite/account.h"
#include "rewrite/passes.h"
#include "rewrite/trace.h"

struct axes {
    struct unit *unit;
    struct functions functions;
    VEC(struct web *) copies; /* variables that hold copies */
    bool grown, failed;
};

static bool is_ellipsis(const struct node *index) {
    return is_kind(index, NODE_CONST) && index->op == OP_ELLIPSIS;
}

/* A number for Python: of a loop, of the configuration, or written down. */
static bool is_number(const struct node *e) {
    enum abs_kind kind = e->abs ? e->abs->kind : ABS_TOP;
    return e->kind == NODE_NUMBER || kind == ABS_NUMBER || kind == ABS_INDEX || kind == ABS_SYMBOLIC ||
           (kind == ABS_CONST && is_kind(e->abs->constant, NODE_NUMBER));
}

static uint32_t rank_of(const struct node *e) {
    return e->abs && e->abs->kind == ABS_TENSOR ? rank_known(e->abs->rank) : 0;
}

/* Functions of each number alone. */
static bool is_elementwise(atom name) {
    return word_in(name, "to float half bfloat16 double long int contiguous clone detach cos sin exp neg abs square "
                         "sqrt rsqrt");
}

/* -- where copies are made ----------------------------------------------------------------------------------------- */

/* x[None], x[None, ...], x[None, :, None], x.unsqueeze(0), or such a tensor under functions of each number: the first
 * dimension is new, and of size 1. */
static bool first_is_new(const struct node *e) {
    int dim;
    if (e->kind == NODE_SUBSCRIPT) {
        const struct node *index = e->kid[1];
        return is_none(is_kind(index, NODE_TUPLE) && index->nkids > 0 ? index->kid[0] : index);
    }
    if (e->kind != NODE_CALL || e->callsite || !is_kind(e->kid[0], NODE_ATTRIBUTE))
        return false;
    if (atom_is(e->kid[0]->atom, "unsqueeze"))
        return e->nkids == 2 && literal_int(e->kid[1], &dim) && dim == 0;
    return is_elementwise(e->kid[0]->atom) && first_is_new(e->kid[0]->kid[0]);
}

int copies_along_first(const struct node *e) {
    int count, once;
    if (e->kind != NODE_CALL || e->callsite || e->nkids < 3 || !is_kind(e->kid[0], NODE_ATTRIBUTE))
        return 0;
    bool expand = atom_is(e->kid[0]->atom, "expand"), repeat = atom_is(e->kid[0]->atom, "repeat");
    const struct node *one = e->kid[0]->kid[0];
    if (!(expand || repeat) || !first_is_new(one) || rank_of(one) != e->nkids - 1 || !literal_int(e->kid[1], &count) ||
        count < 1)
        return 0;
    for (uint32_t i = 2; repeat && i < e->nkids; i++)
        if (!literal_int(e->kid[i], &once) || once != 1)
            return 0;
    return count;
}

/* -- what holds copies --------------------------------------------------------------------------------------------- */

static bool holds_copies(const struct axes *a, const struct web *web) {
    for (uint32_t i = 0; i < a->copies.len; i++)
        if (a->copies.at[i] == web)
            return true;
    return false;
}

static void note(struct axes *a, struct web *web) {
    if (web == NULL || holds_copies(a, web))
        return;
    vec_push(a->unit->arena, &a->copies, web);
    a->grown = true;
}

/* What an index does to the first dimension. */
enum first {
    FIRST_KEPT,
    FIRST_CUT /* some copies */,
    FIRST_NAMED /* y[:, ...] */,
    FIRST_TAKEN /* one copy */,
    FIRST_LOST
};

static enum first index_of_first(const struct node *index, uint32_t rank) {
    if (index->kind == NODE_SLICE)
        return FIRST_CUT;
    if (is_number(index))
        return FIRST_TAKEN;
    if (index->kind != NODE_TUPLE || index->nkids == 0)
        return FIRST_LOST;
    uint32_t dims = 0, ellipses = 0;
    for (uint32_t i = 0; i < index->nkids; i++) {
        ellipses += is_ellipsis(index->kid[i]);
        dims += !is_ellipsis(index->kid[i]) && !is_none(index->kid[i]);
    }
    if (is_ellipsis(index->kid[0]))
        return ellipses == 1 && rank > dims ? FIRST_KEPT : FIRST_LOST;
    return is_full_slice(index->kid[0]) ? FIRST_NAMED : is_number(index->kid[0]) ? FIRST_TAKEN : FIRST_LOST;
}

static bool is_copies(const struct axes *a, struct node *e);

/* Whether one of two operands holds copies, and the other is broadcast to each. */
static bool is_broadcast(const struct axes *a, struct node *x, struct node *y) {
    bool left = is_copies(a, x), right = is_copies(a, y);
    const struct node *other = left ? y : x;
    uint32_t rank = rank_of(left ? x : y);
    if (!left && !right)
        return false;
    return (left && right) || is_number(other) || (rank_of(other) > 0 && rank_of(other) < rank);
}

/* x.transpose(2, 3), and neither of them is the first. */
static bool keeps_first(const struct node *call, uint32_t rank) {
    int dim;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (!literal_int(call->kid[i], &dim) || dim == 0 || dim == -(int)rank)
            return false;
    return rank > 0;
}

static bool call_is_copies(const struct axes *a, struct node *e) {
    struct node *callee = e->kid[0];
    int number;
    if (copies_along_first(e) > 1)
        return true;
    if (e->callsite || e->nkids < 1 || callee->kind != NODE_ATTRIBUTE)
        return false;
    if (callee->abs && callee->abs->kind == ABS_LIBRARY)
        return e->nkids == 2 && starts_with(callee->abs->qual, "torch.") && is_elementwise(callee->atom) &&
               is_copies(a, e->kid[1]);
    if (!is_copies(a, callee->kid[0]))
        return false;
    if (atom_is(callee->atom, "transpose"))
        return e->nkids == 3 && keeps_first(e, rank_of(callee->kid[0]));
    if (!atom_is(callee->atom, "expand"))
        return is_elementwise(callee->atom);
    for (uint32_t i = 2; i < e->nkids; i++)
        if (!literal_int(e->kid[i], &number) || number != -1)
            return false;
    return e->nkids > 2 && e->nkids - 1 == rank_of(callee->kid[0]);
}

/* torch.cat([m[i % 3] for i, m in enumerate(x.split(sizes, dim=-1))], dim=-1): the parts of x side by side again, each
 * from one of the copies. Returns x, or NULL for any other expression. */
static struct node *parts_joined(const struct axes *a, const struct node *e) {
    int along, split_along;
    if (e->kind != NODE_CALL || e->nkids < 2 || !is_kind(e->kid[0], NODE_ATTRIBUTE) ||
        !atom_is(e->kid[0]->atom, "cat") || !is_kind(e->kid[1], NODE_LISTCOMP) || e->kid[1]->nkids != 2)
        return NULL;
    const struct node *dim = call_argument(e, 1, "dim"), *part = e->kid[1]->kid[0], *over = e->kid[1]->kid[1];
    const struct node *target = over->kid[0], *parts = over->kid[1];
    if (over->nkids != 2 || part->kind != NODE_SUBSCRIPT || part->kid[0]->kind != NODE_NAME || !is_number(part->kid[1]))
        return NULL;
    if (is_kind(target, NODE_TUPLE) && target->nkids == 2 && is_kind(parts, NODE_CALL) && parts->nkids == 2 &&
        is_name(parts->kid[0], "enumerate")) {
        target = target->kid[1];
        parts = parts->kid[1];
    }
    bool split = is_kind(parts, NODE_CALL) && is_kind(parts->kid[0], NODE_ATTRIBUTE) &&
                 atom_is(parts->kid[0]->atom, "split") && is_kind(target, NODE_NAME) &&
                 target->web == part->kid[0]->web;
    const struct node *split_dim = split ? call_argument(parts, 1, "dim") : NULL;
    if (!split_dim || !dim || !literal_int(dim, &along) || !literal_int(split_dim, &split_along) || along != -1 ||
        split_along != -1 || !is_copies(a, parts->kid[0]->kid[0]) || rank_of(parts->kid[0]->kid[0]) < 2)
        return NULL;
    return parts->kid[0]->kid[0];
}

/* Whether a value is copies along its first dimension. */
static bool is_copies(const struct axes *a, struct node *e) {
    switch (e->kind) {
    case NODE_NAME: return e->web && holds_copies(a, e->web);
    case NODE_SUBSCRIPT: {
        enum first first = index_of_first(e->kid[1], rank_of(e->kid[0]));
        return (first == FIRST_KEPT || first == FIRST_CUT || first == FIRST_NAMED) && is_copies(a, e->kid[0]);
    }
    case NODE_BINOP:
        if (e->op == OP_MATMUL) /* the first dimension counts products */
            return is_copies(a, e->kid[0]) && is_copies(a, e->kid[1]) && rank_of(e->kid[0]) > 2 &&
                   rank_of(e->kid[0]) == rank_of(e->kid[1]);
        return is_broadcast(a, e->kid[0], e->kid[1]);
    case NODE_UNARYOP: return e->op == OP_NEG && is_copies(a, e->kid[0]);
    case NODE_CALL: return call_is_copies(a, e);
    default: return false;
    }
}

static struct node *argument_value(struct node *argument) {
    return argument->kind == NODE_KEYWORD ? argument->kid[0] : argument;
}

static void find(struct axes *a, struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_ASSIGN && n->nkids == 2 && n->kid[1]->kind == NODE_NAME && is_copies(a, n->kid[0]))
        note(a, n->kid[1]->web);
    if (n->kind == NODE_CALL && call_is_single(n))
        for (uint32_t i = 1; i < n->nkids; i++)
            if (argument_value(n->kid[i]) && is_copies(a, argument_value(n->kid[i])))
                note(a, parameter_of(n, i));
    for (uint32_t i = 0; i < n->nkids; i++)
        find(a, n->kid[i]);
}

/* -- whether all uses are understood ------------------------------------------------------------------------------- */

/* A use of copies that does not look at their first dimension, or takes one of them. */
static bool is_understood(const struct axes *a, struct node *user, struct node *e) {
    switch (user->kind) {
    case NODE_ASSIGN: return user->nkids == 2 && user->kid[0] == e && is_kind(user->kid[1], NODE_NAME);
    case NODE_SUBSCRIPT: return user->kid[0] == e && index_of_first(user->kid[1], rank_of(e)) != FIRST_LOST;
    case NODE_ATTRIBUTE:
        return word_in(user->atom, "device dtype expand transpose shape") || is_elementwise(user->atom);
    default: return is_copies(a, user);
    }
}

/* x.shape[1]: of what it is a copy, the first size. */
static bool is_other_size(const struct node *user, const struct node *shape) {
    int dim;
    return user && user->kind == NODE_SUBSCRIPT && user->kid[0] == shape && literal_int(user->kid[1], &dim) &&
           dim != 0 && dim != -(int)rank_of(shape->kid[0]);
}

static bool is_shape(const struct node *n) {
    return n->kind == NODE_ATTRIBUTE && atom_is(n->atom, "shape");
}

static bool same_expression(const struct node *a, const struct node *b) {
    if (a == NULL || b == NULL)
        return a == b;
    if (!node_equal(a, b) || a->web != b->web)
        return false;
    for (uint32_t i = 0; i < a->nkids; i++)
        if (!same_expression(a->kid[i], b->kid[i]))
            return false;
    return true;
}

/* The tensor that a variable is, or is a part of, as far as names and selections go. */
static struct web *stored_in(struct web *web) {
    for (;;) {
        struct node *e = web->kind == WEB_ASSIGN ? web->expr : NULL;
        while (e && (e->kind == NODE_SUBSCRIPT || (e->kind == NODE_CALL && is_kind(e->kid[0], NODE_ATTRIBUTE) &&
                                                      word_in(e->kid[0]->atom, "expand transpose view contiguous "
                                                                               "float to detach unsqueeze squeeze"))))
            e = e->kind == NODE_SUBSCRIPT ? e->kid[0] : e->kid[0]->kid[0];
        struct web *next = (web->kind == WEB_LOOP || web->kind == WEB_STORE) ? web->from[0]
                           : is_kind(e, NODE_NAME)                           ? e->web
                                                                             : NULL;
        if (next == NULL)
            return web;
        web = next;
    }
}

/* x[..., i] = y[n, ..., i], where x is a copy of y: what is there already. */
static bool stores_a_copy(const struct node *place, const struct node *value) {
    if (value->kind != NODE_SUBSCRIPT || value->kid[0]->kind != NODE_NAME || !value->kid[0]->web ||
        value->kid[1]->kind != NODE_TUPLE || index_of_first(value->kid[1], rank_of(value->kid[0])) != FIRST_TAKEN ||
        stored_in(value->kid[0]->web) != stored_in(place->kid[0]->web))
        return false;
    const struct node *to = place->kid[1], *from = value->kid[1];
    if (to->kind != NODE_TUPLE)
        return from->nkids == 2 && same_expression(to, from->kid[1]);
    for (uint32_t i = 0; i < to->nkids; i++)
        if (to->nkids + 1 != from->nkids || !same_expression(to->kid[i], from->kid[i + 1]))
            return false;
    return true;
}

/* Whether a statement changes a tensor of which there are copies, other than to what is there: they would no longer be
 * the same. */
static bool changes_copies(const struct axes *a, const struct node *n) {
    const struct node *target = n->kind == NODE_ASSIGN && n->nkids == 2 ? n->kid[1] : NULL;
    const struct node *callee = n->kind == NODE_CALL ? n->kid[0] : NULL;
    const struct node *base = is_kind(target, NODE_SUBSCRIPT)                                   ? target->kid[0]
                              : is_kind(callee, NODE_ATTRIBUTE) && works_in_place(callee->atom) ? callee->kid[0]
                                                                                                : NULL;
    if (n->kind == NODE_AUGASSIGN)
        base = n->kid[0];
    while (is_kind(base, NODE_SUBSCRIPT))
        base = base->kid[0];
    if (!is_kind(base, NODE_NAME) || !base->web || !holds_copies(a, stored_in(base->web)))
        return false;
    return !is_kind(target, NODE_SUBSCRIPT) || target->kid[0] != base || !stores_a_copy(target, n->kid[0]);
}

static void check(struct axes *a, struct node *n, struct node *user) {
    if (n == NULL || a->failed)
        return;
    a->failed |= changes_copies(a, n);
    if (parts_joined(a, n))
        return;
    if (is_shape(n) && is_copies(a, n->kid[0]))
        a->failed |= !is_other_size(user, n);
    bool target = user && user->kind == NODE_ASSIGN && user->kid[0] != n;
    bool argument = user && user->kind == NODE_CALL && user->callsite && user->kid[0] != n;
    bool keyword = user && user->kind == NODE_KEYWORD; /* seen with the call */
    if (node_is_expr(n) && !target && !argument && !keyword && is_copies(a, n))
        a->failed |= user == NULL || !is_understood(a, user, n);
    if (n->kind == NODE_CALL && n->callsite)
        for (uint32_t i = 1; i < n->nkids; i++) {
            struct node *value = argument_value(n->kid[i]);
            struct web *param = parameter_of(n, i);
            bool copies = value && is_copies(a, value);
            a->failed |= copies != (param && holds_copies(a, param)) || (copies && !call_is_single(n));
        }
    if (n->kind == NODE_KEYWORD && n->kid[0] && is_copies(a, n->kid[0]))
        a->failed |= !(user && user->kind == NODE_CALL && user->callsite);
    for (uint32_t i = 0; i < n->nphis; i++)
        for (int k = 0; n->phis[i] && k < 2; k++)
            a->failed |= n->phis[i]->from[k] && holds_copies(a, n->phis[i]->from[k]);
    for (uint32_t i = 0; i < n->nkids; i++)
        check(a, n->kid[i], n);
}

/* -- one in place of all ------------------------------------------------------------------------------------------- */

static void become(struct node *node, const struct node *from) {
    struct source *source = node->source;
    struct span span = node->span;
    struct comments *comments = node->comments;
    *node = *from;
    node->source = source;
    node->span = span;
    node->comments = comments;
}

static const struct absval *one_less(struct axes *a, const struct absval *abs) {
    uint32_t rank = abs && abs->kind == ABS_TENSOR ? rank_known(abs->rank) : 0;
    return rank > 1 ? abs_tensor(a->unit, rank - 1) : abs;
}

static void rewrite(struct axes *a, struct node *n);

static void rewrite_subscript(struct axes *a, struct node *e) {
    enum first first = index_of_first(e->kid[1], rank_of(e->kid[0]));
    struct node *index = e->kid[1];
    rewrite(a, e->kid[0]);
    if (first == FIRST_CUT || (first == FIRST_TAKEN && index->kind != NODE_TUPLE)) {
        become(e, e->kid[0]);
    } else if (first != FIRST_KEPT) {
        node_remove(index, 0);
        if (index->nkids == 1 && !is_ellipsis(index->kid[0]))
            e->kid[1] = index->kid[0];
        else if (index->nkids <= 1)
            become(e, e->kid[0]);
    }
    if (first == FIRST_KEPT || first == FIRST_NAMED)
        e->abs = one_less(a, e->abs);
}

/* -1, or size `dim` of `of`. */
static bool keeps_size(const struct node *size, const struct node *of, uint32_t dim) {
    int number;
    if (literal_int(size, &number))
        return number == -1;
    bool method = size->kind == NODE_CALL && size->nkids == 2 && is_kind(size->kid[0], NODE_ATTRIBUTE) &&
                  atom_is(size->kid[0]->atom, "size");
    bool shape =
        size->kind == NODE_SUBSCRIPT && is_kind(size->kid[0], NODE_ATTRIBUTE) && atom_is(size->kid[0]->atom, "shape");
    return (method || shape) && literal_int(size->kid[1], &number) && number == (int)dim &&
           node_equal(size->kid[0]->kid[0], of) && size->kid[0]->kid[0]->web == of->web;
}

/* The tensor before its first dimension was added. */
static void drop_first(struct axes *a, struct node *e) {
    struct node *index = e->kind == NODE_SUBSCRIPT ? e->kid[1] : NULL;
    bool whole = e->kind == NODE_CALL && atom_is(e->kid[0]->atom, "unsqueeze");
    if (index && index->kind == NODE_TUPLE && index->nkids > 1) {
        node_remove(index, 0);
        whole = index->nkids == 1 && is_ellipsis(index->kid[0]);
        if (index->nkids == 1)
            e->kid[1] = index->kid[0];
    } else if (index) {
        whole = true;
    }
    if (whole) {
        become(e, index ? e->kid[0] : e->kid[0]->kid[0]);
        return;
    }
    if (index == NULL)
        drop_first(a, e->kid[0]->kid[0]);
    e->value = NULL;
    e->abs = one_less(a, e->abs);
}

/* Copies as they are made: the one, expanded along its other dimensions as before. */
static void rewrite_made(struct axes *a, struct node *e) {
    struct node *one = e->kid[0]->kid[0];
    bool expands = false, repeat = atom_is(e->kid[0]->atom, "repeat");
    drop_first(a, one);
    for (uint32_t i = 2; !repeat && i < e->nkids; i++) {
        rewrite(a, e->kid[i]);
        expands |= !keeps_size(e->kid[i], one, i - 2);
    }
    if (expands) {
        node_remove(e, 1);
        e->abs = one_less(a, e->abs);
    } else {
        become(e, one);
    }
}

static void rewrite_dims(struct axes *a, struct node *call) {
    int dim;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (literal_int(call->kid[i], &dim) && dim > 0)
            call->kid[i] = make_number(a->unit->arena, intern_printf(a->unit->atoms, "%d", dim - 1));
}

/* Writes `n` without the dimension of the copies that it reads. */
static void rewrite(struct axes *a, struct node *n) {
    int size;
    if (n == NULL)
        return;
    n->value = NULL;
    struct node *joined = parts_joined(a, n);
    if (joined) {
        rewrite(a, joined);
        become(n, joined);
        return;
    }
    if (n->kind == NODE_SUBSCRIPT && is_shape(n->kid[0]) && is_copies(a, n->kid[0]->kid[0]) &&
        literal_int(n->kid[1], &size) && size > 0)
        n->kid[1] = make_number(a->unit->arena, intern_printf(a->unit->atoms, "%d", size - 1));
    if (n->kind == NODE_SUBSCRIPT && is_copies(a, n->kid[0])) {
        rewrite_subscript(a, n);
        return;
    }
    bool copies = node_is_expr(n) && is_copies(a, n);
    if (copies && n->kind == NODE_CALL && copies_along_first(n) > 0) {
        rewrite_made(a, n);
        return;
    }
    if (copies && n->kind == NODE_CALL && atom_is(n->kid[0]->atom, "transpose"))
        rewrite_dims(a, n);
    if (copies && n->kind == NODE_CALL && atom_is(n->kid[0]->atom, "expand")) {
        struct node *inner = n->kid[0]->kid[0];
        rewrite(a, inner);
        become(n, inner);
        return;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        rewrite(a, n->kid[i]);
    if (copies)
        n->abs = one_less(a, n->abs);
}

/* What variables hold now: what they are assigned, what they are passed. */
static void know(struct axes *a, struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_ASSIGN && n->nkids == 2 && n->kid[1]->kind == NODE_NAME && holds_copies(a, n->kid[1]->web)) {
        n->kid[1]->web->abs = n->kid[0]->abs;
        n->kid[1]->abs = n->kid[0]->abs;
    }
    if (n->kind == NODE_NAME && n->web && holds_copies(a, n->web))
        n->abs = n->web->abs;
    if (n->kind == NODE_CALL && n->callsite)
        for (uint32_t i = 1; i < n->nkids; i++) {
            struct web *param = parameter_of(n, i);
            if (param == NULL || !holds_copies(a, param))
                continue;
            param->abs = argument_value(n->kid[i])->abs;
            n->callsite->fn->params.at[n->callsite->param[i - 1]]->abs = param->abs;
        }
    for (uint32_t i = 0; i < n->nkids; i++)
        know(a, n->kid[i]);
}

/* -- stores of what is there already ------------------------------------------------------------------------------- */

/* The variable that a variable is another name of. */
static struct web *first_name(struct web *web) {
    while (web->kind == WEB_ASSIGN && is_kind(web->expr, NODE_NAME) && web->expr->web)
        web = web->expr->web;
    return web;
}

/* Whether `stmt` is x[i] = y[i], where x is y: as it was before a loop, in which nothing else is stored. */
static bool stores_itself(const struct node *stmt, struct web **held) {
    if (stmt->kind != NODE_ASSIGN || stmt->nkids != 2 || stmt->kid[1]->kind != NODE_SUBSCRIPT ||
        stmt->kid[0]->kind != NODE_SUBSCRIPT || stmt->nphis != 1)
        return false;
    const struct node *place = stmt->kid[1], *value = stmt->kid[0];
    if (place->kid[0]->kind != NODE_NAME || value->kid[0]->kind != NODE_NAME || !place->kid[0]->web ||
        !value->kid[0]->web || !same_expression(place->kid[1], value->kid[1]))
        return false;
    struct web *web = place->kid[0]->web;
    if (web->kind == WEB_LOOP && web->from[1] == stmt->phis[0])
        web = web->from[0];
    *held = web;
    return web != NULL && first_name(web) == first_name(value->kid[0]->web);
}

static void read_instead(struct node *n, const struct web *before, struct web *now) {
    if (n->kind == NODE_NAME && n->web == before)
        n->web = now, n->value = NULL;
    for (uint32_t i = 0; i < n->nphis; i++)
        for (int k = 0; n->phis[i] && k < 2; k++)
            if (n->phis[i]->from[k] == before)
                n->phis[i]->from[k] = now;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            read_instead(n->kid[i], before, now);
}

static void drop_phi(struct node *stmt, const struct web *web) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i] != web)
            stmt->phis[kept++] = stmt->phis[i];
    stmt->nphis = kept;
}

static void drop_stores(struct axes *a, struct fn *fn, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        struct web *held;
        if (!stores_itself(stmt, &held)) {
            for (uint32_t k = 0; !node_is_expr(stmt) && k < stmt->nkids; k++)
                if (is_kind(stmt->kid[k], NODE_BLOCK))
                    drop_stores(a, fn, stmt->kid[k]);
            continue;
        }
        struct web *loop = stmt->kid[1]->kid[0]->web;
        read_instead(fn->body, stmt->phis[0], held);
        if (loop != held) {
            read_instead(fn->body, loop, held);
            drop_phi(loop->stmt, loop);
        }
        pass_record(a->unit, "axes", stmt, fn);
        node_remove(block, i--);
    }
}

bool join_axes(struct unit *unit) {
    struct axes a = {.unit = unit};
    functions_collect(unit, &a.functions);
    do {
        a.grown = false;
        for (uint32_t i = 0; i < a.functions.list.len; i++)
            find(&a, a.functions.list.at[i]->body);
    } while (a.grown);
    if (a.copies.len == 0)
        return true;
    for (uint32_t i = 0; i < a.functions.list.len; i++)
        check(&a, a.functions.list.at[i]->body, NULL);
    if (a.failed)
        return true;
    unit->axes_joined = true;
    for (uint32_t i = 0; i < a.functions.list.len; i++)
        rewrite(&a, a.functions.list.at[i]->body);
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t i = 0; i < a.functions.list.len; i++)
            know(&a, a.functions.list.at[i]->body);
    for (uint32_t i = 0; i < a.functions.list.len; i++)
        drop_stores(&a, a.functions.list.at[i], a.functions.list.at[i]->body);
    return true;
}
