/* layout.c - attention in [B, S, N, D], without transposes.
 *
 * Reads   functions in which equations have left torch_attention in [B, N, S, D].
 * Writes  the same values with q, k, v kept in [B, S, N, D] from the projection to the op and back.
 * Guarantees  every variable has the value that it had: one whose transpose became the value at hand is redefined as
 * the transpose of that, and prune removes it where nobody reads it any more.
 *
 * The step is `swapped(e)`: an expression for e.transpose(1, 2) that needs no transpose, found by pushing the transpose
 * through whatever treats dimensions 1 and 2 alike: element-wise operators, norms over the last dimension, slices,
 * concatenations, rotary ops (whose unsqueeze_dim turns with it), joins of branches. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/layout.h"
#include "rewrite/passes.h"

enum { SWAP_DEPTH = 64 };

struct layout {
    struct unit *unit;
    struct fn *fn;
    struct map twins; /* printed id of a web -> struct web holding its transpose */
    int depth;
};

static struct node *swapped(struct layout *l, struct node *e);

/* -- recognising --------------------------------------------------------------------------------------------------- */

static bool is_int(const struct node *n, int *value) {
    int sign = 1;
    if (n->kind == NODE_UNARYOP && n->op == OP_NEG) {
        sign = -1;
        n = n->kid[0];
    }
    if (n->kind != NODE_NUMBER || strpbrk(n->atom, ".eEjJ"))
        return false;
    *value = sign * atoi(n->atom);
    return true;
}

static bool is_method(const struct node *e, const char *name) {
    return e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, name) &&
           !(e->kid[0]->kid[0]->abs && e->kid[0]->kid[0]->abs->kind == ABS_LIBRARY);
}

static struct node *receiver(const struct node *call) {
    return call->kid[0]->kid[0];
}

/* x.transpose(1, 2), x.swapaxes(1, 2) or x.permute(0, 2, 1, 3). */
static bool is_swap(const struct node *e) {
    int d[4];
    if (is_method(e, "transpose") || is_method(e, "swapaxes")) {
        const struct node *a = call_argument(e, 0, "dim0"), *b = call_argument(e, 1, "dim1");
        if (!a || !b || !is_int(a, &d[0]) || !is_int(b, &d[1]))
            return false;
        for (int i = 0; i < 2; i++)
            d[i] = d[i] < 0 ? d[i] + 4 : d[i];
        return (d[0] == 1 && d[1] == 2) || (d[0] == 2 && d[1] == 1);
    }
    if (!is_method(e, "permute") || e->nkids != 5)
        return false;
    for (int i = 0; i < 4; i++)
        if (!is_int(e->kid[i + 1], &d[i]))
            return false;
    return d[0] == 0 && d[1] == 2 && d[2] == 1 && d[3] == 3;
}

/* The name of a canonical op that a call calls, or NULL. */
static const char *op_name(const struct node *e) {
    if (e->kind != NODE_CALL || e->kid[0]->kind != NODE_ATTRIBUTE || e->kid[0]->kid[0]->kind != NODE_ATTRIBUTE ||
        !atom_is(e->kid[0]->kid[0]->atom, "auto_deploy"))
        return NULL;
    return e->kid[0]->atom;
}

static bool is_rope(const struct node *e) {
    const char *name = op_name(e);
    return name && strncmp(name, "torch_rope_with_", 16) == 0;
}

static bool is_scalar(const struct node *e) {
    if (e->kind == NODE_NUMBER || e->kind == NODE_CONST)
        return true;
    if (e->abs && (e->abs->kind == ABS_NUMBER || e->abs->kind == ABS_SYMBOLIC || e->abs->kind == ABS_CONST ||
                      e->abs->kind == ABS_INDEX))
        return true;
    return e->abs && e->abs->kind == ABS_TENSOR && e->abs->rank == 1; /* along the last dimension */
}

/* -- modules that work along the last dimension -------------------------------------------------------------------- */

static const char pointwise[] =
    "to float half bfloat16 type type_as double contiguous clone sigmoid tanh relu silu gelu softplus exp log sqrt "
    "rsqrt "
    "pow square abs neg cos sin clamp clamp_min clamp_max clip mul add sub div reciprocal softcap nan_to_num";
static const char last_axis_ops[] = "torch_rmsnorm torch_l2norm torch_rmsnorm_gated";

static bool reduces_last(const struct node *call) {
    int dim;
    const struct node *d = call_argument(call, call->kid[0]->kind == NODE_ATTRIBUTE ? 0 : 1, "dim");
    const struct node *keep = call_argument(call, 1, "keepdim");
    return d && is_int(d, &dim) && dim == -1 && keep && keep->kind == NODE_CONST && keep->op == OP_TRUE;
}

/* x.shape[-1] */
static bool is_last_size(const struct node *e) {
    int dim;
    return e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape") &&
           is_int(e->kid[1], &dim) && dim == -1;
}

static bool works_along_last(const struct node *e) {
    if (e == NULL || is_last_size(e))
        return true;
    if (e->kind == NODE_SUBSCRIPT || e->kind == NODE_FOR || e->kind == NODE_WHILE || e->kind == NODE_IFEXP)
        return false;
    if (e->kind == NODE_CALL) {
        const char *name = e->kid[0]->kind == NODE_ATTRIBUTE ? e->kid[0]->atom : NULL;
        bool fine = name && (word_in(name, pointwise) ||
                                (word_in(name, "new_ones new_zeros") && e->nkids == 2 && is_last_size(e->kid[1])) ||
                                (op_name(e) && word_in(name, last_axis_ops)) ||
                                (word_in(name, "mean sum var amax") && reduces_last(e)) ||
                                word_in(name, "layer_norm rms_norm"));
        if (!fine)
            return false;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (!works_along_last(e->kid[i]))
            return false;
    return true;
}

static bool module_keeps_layout(const struct node *callee) {
    const struct absval *a = callee->abs;
    if (a == NULL)
        return false;
    if (a->kind == ABS_OBJECT)
        return qual_ends(a->qual, "LayerNorm") || qual_ends(a->qual, "RMSNorm") || qual_ends(a->qual, "Linear") ||
               qual_ends(a->qual, "ACT2FN");
    if (a->kind != ABS_INSTANCE)
        return false;
    const struct fn *forward = class_method(a->cls, "forward");
    if (forward == NULL || forward->body == NULL)
        return forward == NULL && (class_derives(a->cls, "nn.LayerNorm") || class_derives(a->cls, "nn.Linear"));
    return works_along_last(forward->body);
}

/* -- building ------------------------------------------------------------------------------------------------------ */

static struct node *copy(struct layout *l, const struct node *n) {
    return node_copy(l->unit->arena, n);
}

static struct node *number(struct layout *l, int value) {
    return make_number(l->unit->arena, intern_printf(l->unit->atoms, "%d", value));
}

static struct node *transpose_of(struct layout *l, struct node *e) {
    struct arena *arena = l->unit->arena;
    struct node *method = make_attr(arena, e, intern(l->unit->atoms, "transpose"));
    struct node *call = node_make(arena, NODE_CALL, NULL, 3, method, number(l, 1), number(l, 2));
    call->abs = abs_tensor(l->unit, 4);
    return call;
}

static struct node *swap_or_transpose(struct layout *l, struct node *e) {
    struct node *s = swapped(l, e);
    return s ? s : transpose_of(l, copy(l, e));
}

static struct node *find_block(struct node *block, const struct node *stmt, uint32_t *index) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if (s == stmt) {
            *index = i;
            return block;
        }
        for (uint32_t k = 0; k < s->nkids; k++) {
            struct node *found = is_kind(s->kid[k], NODE_BLOCK) ? find_block(s->kid[k], stmt, index) : NULL;
            if (found)
                return found;
        }
    }
    return NULL;
}

static struct web *new_web(struct layout *l, const struct web *like, enum web_kind kind) {
    struct web *w = NEW(l->unit->arena, struct web);
    w->kind = kind;
    w->name = like->name;
    w->temporary = like->temporary;
    w->abs = abs_tensor(l->unit, 4);
    return w;
}

static struct node *assign_web(struct layout *l, struct web *w, struct node *expr) {
    struct node *stmt = node_make(l->unit->arena, NODE_ASSIGN, NULL, 2, expr, make_web_name(l->unit->arena, w));
    w->stmt = stmt;
    w->expr = expr;
    w->kind = WEB_ASSIGN;
    return stmt;
}

/* -- variables ----------------------------------------------------------------------------------------------------- */

/* `w = d` becomes `t = swapped d; w = t.transpose(1, 2)`. */
static struct web *twin_of_assign(struct layout *l, struct web *w) {
    uint32_t index;
    struct node *block = find_block(l->fn->body, w->stmt, &index);
    struct node *s = block ? swapped(l, w->expr) : NULL;
    if (s == NULL)
        return NULL;
    block = find_block(l->fn->body, w->stmt, &index);
    struct web *twin = new_web(l, w, WEB_ASSIGN);
    struct node *stmt = assign_web(l, twin, s);
    pass_record(l->unit, "layout", w->stmt, l->fn);
    stmt->comments = w->stmt->comments;
    stmt->flags |= w->stmt->flags & NF_BLANK;
    w->stmt->comments = NULL;
    w->stmt->flags &= ~(uint32_t)NF_BLANK;
    node_insert(l->unit->arena, block, index, stmt);
    w->stmt->kid[0] = w->expr = transpose_of(l, make_web_name(l->unit->arena, twin));
    return twin;
}

/* `a, b = rope(q, k, cos, sin, d)` and `a, b = x.split(n, dim=-1)`: all elements turn together. */
static struct web *twin_of_element(struct layout *l, struct web *w) {
    struct unit *unit = l->unit;
    struct node *stmt = w->stmt, *tuple = stmt->kid[1];
    uint32_t index;
    for (uint32_t i = 0; i < tuple->nkids; i++)
        if (tuple->kid[i]->kind != NODE_NAME || tuple->kid[i]->web == NULL)
            return NULL;
    struct node *s = swapped(l, stmt->kid[0]);
    struct node *block = s ? find_block(l->fn->body, stmt, &index) : NULL;
    if (block == NULL)
        return NULL;
    struct node *twins = node_copy(unit->arena, tuple);
    struct node *made = node_make(unit->arena, NODE_ASSIGN, NULL, 2, s, twins);
    struct web *mine = NULL;
    made->comments = stmt->comments;
    made->flags |= stmt->flags & NF_BLANK;
    pass_record(unit, "layout", stmt, l->fn);
    node_insert(unit->arena, block, index++, made);
    node_remove(block, index);
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct web *old = tuple->kid[i]->web, *twin = new_web(l, old, WEB_ELEMENT);
        twin->stmt = made;
        twin->expr = s;
        twin->element = i;
        twins->kid[i] = make_web_name(unit->arena, twin);
        map_put(unit->arena, &l->twins, web_key(l->unit->atoms, old), twin);
        node_insert(unit->arena, block, index++, assign_web(l, old, transpose_of(l, make_web_name(unit->arena, twin))));
        if (old == w)
            mine = twin;
    }
    return mine;
}

static struct web *twin_of(struct layout *l, struct web *w);

/* A variable set in the branches of an IF: set to the transpose there, turned back after it. */
static struct web *twin_of_join(struct layout *l, struct web *w) {
    struct node *join = w->stmt;
    struct web *from[2];
    uint32_t index;
    for (int i = 0; i < 2; i++) {
        from[i] = w->from[i] ? twin_of(l, w->from[i]) : NULL;
        if (from[i] == NULL)
            return NULL;
    }
    struct node *block = find_block(l->fn->body, join, &index);
    struct web *twin = new_web(l, w, WEB_IF);
    twin->stmt = join;
    memcpy(twin->from, from, sizeof from);
    for (uint32_t i = 0; i < join->nphis; i++)
        if (join->phis[i] == w)
            join->phis[i] = twin;
    node_insert(
        l->unit->arena, block, index + 1, assign_web(l, w, transpose_of(l, make_web_name(l->unit->arena, twin))));
    return twin;
}

static struct web *twin_of(struct layout *l, struct web *w) {
    struct web *twin = map_get(&l->twins, web_key(l->unit->atoms, w));
    if (twin)
        return twin;
    if (w->kind == WEB_ASSIGN && is_swap(w->expr) && receiver(w->expr)->kind == NODE_NAME && receiver(w->expr)->web) {
        struct web *of = receiver(w->expr)->web; /* it is already the transpose of a variable */
        if (of->temporary && !w->temporary) {    /* of an unfolded helper: the caller's name says more */
            of->name = w->name;
            of->temporary = false;
        }
        return of;
    }
    if (w->kind == WEB_ASSIGN)
        twin = twin_of_assign(l, w);
    else if (w->kind == WEB_ELEMENT)
        twin = twin_of_element(l, w);
    else if (w->kind == WEB_IF)
        twin = twin_of_join(l, w);
    if (twin)
        map_put(l->unit->arena, &l->twins, web_key(l->unit->atoms, w), twin);
    return twin;
}

/* -- pushing a transpose through ----------------------------------------------------------------------------------- */

static struct node *swap_rope(struct layout *l, struct node *e) {
    int dim;
    struct node *d = call_argument(e, 4, "unsqueeze_dim");
    if (e->nkids < 5 || d == NULL || !is_int(d, &dim) || (dim != 1 && dim != 2))
        return NULL;
    struct node *s = copy(l, e);
    s->kid[1] = swap_or_transpose(l, e->kid[1]);
    s->kid[2] = swap_or_transpose(l, e->kid[2]);
    for (uint32_t i = 3; i < s->nkids; i++) {
        struct node *a = s->kid[i]->kind == NODE_KEYWORD ? s->kid[i]->kid[0] : s->kid[i];
        bool is_dim = s->kid[i]->kind == NODE_KEYWORD ? atom_is(s->kid[i]->atom, "unsqueeze_dim") : i == 5;
        if (is_dim)
            a->atom = intern(l->unit->atoms, dim == 1 ? "2" : "1");
    }
    return s;
}

/* Dimensions 1 and 2 change places, the others stay. */
static bool swap_dim(struct layout *l, struct node *dim) {
    int d;
    if (dim == NULL || !is_int(dim, &d))
        return false;
    d = d < 0 ? d + 4 : d;
    if (d == 1 || d == 2)
        *dim = *number(l, 3 - d);
    return true;
}

static struct node *swap_elements(struct layout *l, struct node *list) {
    struct node *s = copy(l, list);
    for (uint32_t i = 0; i < list->nkids; i++)
        if (list->kid[i]->kind == NODE_STARRED || (s->kid[i] = swapped(l, list->kid[i])) == NULL)
            return NULL;
    return s;
}

static struct node *swap_subscript(struct layout *l, struct node *e) {
    struct node *index = e->kid[1];
    int element;
    if (is_int(index, &element) && is_rope(e->kid[0])) {
        struct node *rope = swap_rope(l, e->kid[0]);
        return rope ? node_make(l->unit->arena, NODE_SUBSCRIPT, NULL, 2, rope, copy(l, index)) : NULL;
    }
    bool last_only = index->kind == NODE_TUPLE && index->nkids == 2 && index->kid[0]->kind == NODE_CONST &&
                     index->kid[0]->op == OP_ELLIPSIS && index->kid[1]->kind == NODE_SLICE;
    bool spelled = index->kind == NODE_TUPLE && index->nkids == 4 && is_full_slice(index->kid[0]);
    bool inserts = spelled && is_none(index->kid[1]) && is_full_slice(index->kid[2]) && is_full_slice(index->kid[3]) &&
                   e->kid[0]->abs && e->kid[0]->abs->rank == 3;
    for (uint32_t i = 0; spelled && !inserts && i < 4; i++)
        spelled = index->kid[i]->kind == NODE_SLICE;
    if (!last_only && !spelled)
        return NULL;
    struct node *value = inserts ? copy(l, e->kid[0]) : swapped(l, e->kid[0]);
    if (value == NULL)
        return NULL;
    struct node *s = node_make(l->unit->arena, NODE_SUBSCRIPT, NULL, 2, value, copy(l, index));
    if (spelled) {
        struct node *t = s->kid[1]->kid[1];
        s->kid[1]->kid[1] = s->kid[1]->kid[2];
        s->kid[1]->kid[2] = t;
    }
    return s;
}

static struct node *swap_method(struct layout *l, struct node *e) {
    const char *name = e->kid[0]->atom;
    struct node *object = receiver(e);
    if (strcmp(name, "unsqueeze") == 0) {
        int dim;
        struct node *d = call_argument(e, 0, "dim");
        if (!d || !is_int(d, &dim) || (dim != 1 && dim != 2) || !object->abs || object->abs->rank != 3)
            return NULL;
        struct node *s = copy(l, e);
        return swap_dim(l, call_argument(s, 0, "dim")) ? s : NULL;
    }
    bool splits = word_in(name, "split chunk") && call_argument(e, 1, "dim");
    if (!splits && !word_in(name, pointwise))
        return NULL;
    for (uint32_t i = 1; i < e->nkids; i++) { /* other tensors would have to turn too */
        const struct node *a = e->kid[i]->kind == NODE_KEYWORD ? e->kid[i]->kid[0] : e->kid[i];
        if (a->abs && a->abs->kind == ABS_TENSOR && a->abs->rank != 1 && strcmp(name, "type_as") != 0)
            return NULL;
    }
    struct node *value = swapped(l, object);
    if (value == NULL)
        return NULL;
    if (strcmp(name, "contiguous") == 0)
        return value;
    struct node *s = copy(l, e);
    s->kid[0]->kid[0] = value;
    return !splits || swap_dim(l, call_argument(s, 1, "dim")) ? s : NULL;
}

/* torch.f, written in the source or by an equation's template. */
static bool is_library(const struct node *callee) {
    if (callee->abs)
        return callee->abs->kind == ABS_LIBRARY;
    return callee->kind == NODE_ATTRIBUTE && callee->kid[0]->kind == NODE_NAME &&
           atom_is(callee->kid[0]->atom, "torch");
}

static struct node *swap_call(struct layout *l, struct node *e) {
    const char *op = op_name(e);
    if (is_rope(e))
        return swap_rope(l, e);
    if (op && word_in(op, last_axis_ops)) {
        struct node *value = swapped(l, e->kid[1]), *s = value ? copy(l, e) : NULL;
        if (s)
            s->kid[1] = value;
        return s;
    }
    if (op)
        return NULL;
    if (module_keeps_layout(e->kid[0]) && e->nkids == 2 && e->kid[1]->kind != NODE_STARRED) {
        struct node *arg = e->kid[1]->kind == NODE_KEYWORD ? e->kid[1]->kid[0] : e->kid[1];
        struct node *value = swapped(l, arg), *s = value ? copy(l, e) : NULL;
        if (s && s->kid[1]->kind == NODE_KEYWORD)
            s->kid[1]->kid[0] = value;
        else if (s)
            s->kid[1] = value;
        if (s)
            s->callsite = e->callsite;
        return s;
    }
    const struct node *callee = e->kid[0];
    bool library = is_library(callee);
    if (library && callee->kind == NODE_ATTRIBUTE && word_in(callee->atom, "cat concat concatenate") && e->nkids >= 2 &&
        (e->kid[1]->kind == NODE_LIST || e->kid[1]->kind == NODE_TUPLE)) {
        struct node *list = swap_elements(l, e->kid[1]), *s = list ? copy(l, e) : NULL;
        if (s == NULL || !swap_dim(l, call_argument(s, 1, "dim")))
            return NULL;
        s->kid[1] = list;
        return s;
    }
    if (library && callee->kind == NODE_ATTRIBUTE && word_in(callee->atom, pointwise) && e->nkids == 2) {
        struct node *value = swapped(l, e->kid[1]), *s = value ? copy(l, e) : NULL;
        if (s)
            s->kid[1] = value;
        return s;
    }
    return callee->kind == NODE_ATTRIBUTE && !library ? swap_method(l, e) : NULL;
}

static struct node *swap_binop(struct layout *l, struct node *e) {
    struct node *kid[2];
    for (int i = 0; i < 2; i++) {
        kid[i] = is_scalar(e->kid[i]) ? copy(l, e->kid[i]) : swapped(l, e->kid[i]);
        if (kid[i] == NULL)
            return NULL;
    }
    if (is_scalar(e->kid[0]) && is_scalar(e->kid[1]))
        return NULL;
    struct node *s = copy(l, e);
    memcpy(s->kid, kid, sizeof kid);
    return s;
}

static struct node *swapped_kind(struct layout *l, struct node *e) {
    if (is_swap(e))
        return copy(l, receiver(e));
    switch (e->kind) {
    case NODE_NAME: {
        struct web *twin = e->web ? twin_of(l, e->web) : NULL;
        return twin ? make_web_name(l->unit->arena, twin) : NULL;
    }
    case NODE_CALL: return swap_call(l, e);
    case NODE_SUBSCRIPT: return swap_subscript(l, e);
    case NODE_BINOP: return swap_binop(l, e);
    case NODE_UNARYOP: {
        struct node *value = swapped(l, e->kid[0]), *s = value ? copy(l, e) : NULL;
        if (s)
            s->kid[0] = value;
        return s;
    }
    default: return NULL;
    }
}

static struct node *swapped(struct layout *l, struct node *e) {
    if (l->depth >= SWAP_DEPTH)
        return NULL;
    l->depth++;
    struct node *s = swapped_kind(l, e);
    l->depth--;
    return s;
}

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
    if (!whole) {
        *slot = transpose_of(l, call);
        return;
    }
    struct web *w = stmt->kid[1]->web, *twin = new_web(l, w, WEB_ASSIGN);
    uint32_t index;
    struct node *block = find_block(l->fn->body, stmt, &index);
    struct node *made = assign_web(l, twin, call);
    made->comments = stmt->comments;
    made->flags |= stmt->flags & NF_BLANK;
    stmt->comments = NULL;
    node_insert(l->unit->arena, block, index, made);
    stmt->kid[0] = w->expr = transpose_of(l, make_web_name(l->unit->arena, twin));
    map_put(l->unit->arena, &l->twins, web_key(l->unit->atoms, w), twin);
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
static struct node *swapped_variable(const struct node *e) {
    bool variable = e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && is_swap(e->web->expr);
    return variable && receiver(e->web->expr)->kind == NODE_NAME ? receiver(e->web->expr) : NULL;
}

/* A size, dtype or device of a transpose is one of what it is the transpose of. */
static void turn_size(struct layout *l, struct node *e) {
    bool kept = e->kind == NODE_ATTRIBUTE && (atom_is(e->atom, "dtype") || atom_is(e->atom, "device"));
    if (kept && swapped_variable(e->kid[0])) {
        e->kid[0] = copy(l, swapped_variable(e->kid[0]));
        e->kid[0]->atom = e->kid[0]->web->name;
        return;
    }
    bool size = is_method(e, "size") && e->nkids == 2;
    bool shape = e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape");
    int dim;
    if ((!size && !shape) || !is_int(e->kid[1], &dim))
        return;
    struct node **slot = &e->kid[0]->kid[0];
    struct node *of = swapped_variable(*slot);
    if (of == NULL || dim < -4 || dim > 3)
        return;
    *slot = copy(l, of);
    (*slot)->atom = of->web->name;
    int at = dim < 0 ? dim + 4 : dim;
    if (at != 1 && at != 2)
        return;
    struct node *turned = number(l, dim < 0 ? 1 + at : 3 - at); /* -2 and -3 change places, 1 and 2 do */
    if (dim < 0) {
        turned = node_make(l->unit->arena, NODE_UNARYOP, NULL, 1, turned);
        turned->op = OP_NEG;
    }
    e->kid[1] = turned;
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
        return e->nkids == 2 && is_int(e->kid[1], &dim) && (dim == 1 || dim == 2) && receiver(e)->abs &&
               receiver(e)->abs->rank == 3;
    bool splits = is_method(e, "split") || is_method(e, "chunk");
    const struct node *d = splits ? call_argument(e, 1, "dim") : NULL;
    return d && is_int(d, &dim) && (dim == 3 || dim == -1) && has_unit_dim(receiver(e), depth + 1);
}

/* A dimension of size 1 may stand anywhere before a view. */
static void drop_unit_swap(struct layout *l, struct node *e) {
    if (!is_method(e, "view") && !is_method(e, "reshape"))
        return;
    struct node **slot = &e->kid[0]->kid[0], *swap = *slot;
    if (swap->kind == NODE_NAME && swap->web && swap->web->kind == WEB_ASSIGN)
        swap = swap->web->expr;
    if (!is_swap(swap) || !has_unit_dim(receiver(swap), 0))
        return;
    *slot = copy(l, receiver(swap));
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
    turn_size(l, e);
    drop_unit_swap(l, e);
    if (!is_swap(e))
        return;
    struct node *of = receiver(e);
    pass_record(l->unit, "layout", e, l->fn);
    while (is_method(of, "contiguous"))
        of = receiver(of);
    if (is_swap(of))
        *slot = receiver(of);
    else if (of->kind == NODE_NAME && of->web && of->web->kind == WEB_ASSIGN && is_swap(of->web->expr))
        *slot = copy(l, receiver(of->web->expr));
    if ((*slot)->kind == NODE_NAME && *slot != e && (*slot)->web)
        (*slot)->atom = (*slot)->web->name;
}

static void refresh_definitions(struct node *n) {
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

void change_layout(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct layout l = {.unit = unit, .fn = all.list.at[i]};
        if (!has_attention(l.fn->body))
            continue;
        while (turn_block(&l, l.fn->body)) {
        }
        cancel(&l, &l.fn->body);
        refresh_definitions(l.fn->body);
        cancel(&l, &l.fn->body);
        drop_contiguous(&l, &l.fn->body);
        refresh_definitions(l.fn->body);
    }
}
