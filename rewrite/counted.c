/* counted.c - positions that a model counts itself.
 *
 * Reads   the residual program: the forward of the model, and functions that it calls with its tokens.
 * Writes  torch.arange(sequence length), the positions of a text that begins with this call, becomes position_ids,
 *         which has them for any call; table[:sequence length] becomes its rows at position_ids. These have a row for
 *         each sequence: what gave the count such a dimension goes, and a function that counts inside takes
 *         position_ids as a parameter.
 * Guarantees  the same values for positions 0, 1, 2, ...; nothing changes where not every use of the count is
 *         understood. check.c then says that the file cannot be served with a cache. */
#include <string.h>

#include "base/text.h"
#include "rewrite/entry.h"
#include "rewrite/facts.h"
#include "rewrite/passes.h"
#include "rewrite/ssa.h"
#include "rewrite/symbolic.h"
#include "rewrite/tabulate.h"
#include "rewrite/token_sizes.h"
#include "rewrite/unit.h"

/* What a value is, once the count has rows: */
enum state {
    OTHER,    /* not computed from it */
    SCALED,   /* a number computed from each position, [S] in the source and [B, S] now */
    COLUMN,   /* the same with dimensions behind it, [1, S, 1, 1] in the source and [B, S, 1, 1] now */
    COUNT,    /* the positions, [S] in the source and [B, S] now */
    EMBEDDED, /* looked up for each position, [S, D] in the source and [B, S, D] now */
    HEADED,   /* the same for all heads, [1, S, 1, D] in the source and [B, S, 1, D] now */
    BIAS,     /* times a number for each head, [N, 1, S] in the source and [B, N, 1, S] now */
    UNKNOWN,  /* computed from it in a way that is not understood */
};

struct counting {
    struct unit *unit;
    struct inputs *in;
    struct fn *fn;
    struct web *positions; /* position_ids in fn */
    bool apply;            /* the second time: rewrite */
    bool found;
    struct map states; /* of variables: a pointer into `known` */
};

enum { DEEP = 12 }; /* what a value is made from */

static const enum state known[] = {OTHER, SCALED, COLUMN, COUNT, EMBEDDED, HEADED, BIAS, UNKNOWN};

/* -- what becomes of the count ------------------------------------------------------------------------------------- */

static enum state state_of(struct counting *c, struct node **slot);
static enum state run_callee(struct counting *c, struct node *call, const enum state *given);

static enum state of_web(struct counting *c, const struct web *w) {
    const enum state *s = w ? map_get(&c->states, w) : NULL;
    return s ? *s : OTHER;
}

static void set_web(struct counting *c, struct web *w, enum state s) {
    map_put(c->unit->arena, &c->states, w, (void *)&known[s]);
    if (c->apply && s == COUNT)
        w->abs = c->positions->abs;
    else if (c->apply && s == SCALED)
        w->abs = abs_tensor(c->unit, 2);
    else if (c->apply && s == EMBEDDED)
        w->abs = abs_tensor(c->unit, 3);
    else if (c->apply && (s == BIAS || s == COLUMN || s == HEADED))
        w->abs = abs_tensor(c->unit, 4);
}

/* x.unsqueeze(0), x.view(1, -1), x.expand(...): gives the count a dimension for the sequences. */
static bool adds_rows(const struct node *call) {
    const char *method = call->kid[0]->atom;
    int first;
    if (word_in(method, "unsqueeze view reshape"))
        return call->nkids >= 2 && literal_int(call->kid[1], &first) && first == (strcmp(method, "unsqueeze") ? 1 : 0);
    return word_in(method, "expand expand_as repeat");
}

/* x[None], x[None, :] */
static bool indexes_rows(const struct node *index) {
    return is_none(index) ||
           (index->kind == NODE_TUPLE && index->nkids == 2 && is_none(index->kid[0]) && is_full_slice(index->kid[1]));
}

/* bias.repeat(batch, 1, 1), [B * N, 1, S] in the source: bias.flatten(0, 1) */
static bool repeats_for_batch(struct counting *c, struct node *call) {
    bool repeats =
        atom_is(call->kid[0]->atom, "repeat") && call->nkids == 4 && is_int(call->kid[2], 1) && is_int(call->kid[3], 1);
    if (repeats && c->apply) {
        call->kid[0]->atom = intern(c->unit->atoms, "flatten");
        call->kid[1] = make_number(c->unit->arena, intern(c->unit->atoms, "0"));
        call->kid[2] = make_number(c->unit->arena, intern(c->unit->atoms, "1"));
        call->nkids = 3;
    }
    return repeats;
}

static struct node *full_slice(struct arena *arena) {
    struct node *none = NULL;
    return node_make(arena, NODE_SLICE, NULL, 3, none, none, none);
}

/* x.view(1, length, 1, 1), x.view((1, -1, 1, 1)) */
static bool stands_upright(struct counting *c, const struct node *call) {
    bool view = word_in(call->kid[0]->atom, "view reshape"), whole = call->nkids == 2;
    const struct node *sizes = whole ? call->kid[1] : call;
    uint32_t from = whole ? 0 : 1;
    if (!view || (whole && sizes->kind != NODE_TUPLE && sizes->kind != NODE_LIST) || sizes->nkids != from + 4)
        return false;
    const struct node *length = sizes->kid[from + 1];
    return is_int(sizes->kid[from], 1) && is_int(sizes->kid[from + 2], 1) && is_int(sizes->kid[from + 3], 1) &&
           (is_int(length, -1) || is_token_count(c->in, length));
}

/* x[:, :, None, None] */
static struct node *make_column(struct counting *c, struct node *x) {
    struct arena *arena = c->unit->arena;
    struct node *index = node_make(arena, NODE_TUPLE, NULL, 4, full_slice(arena), full_slice(arena),
        make_const(arena, OP_NONE), make_const(arena, OP_NONE));
    struct node *column = node_make(arena, NODE_SUBSCRIPT, NULL, 2, x, index);
    column->abs = abs_tensor(c->unit, 4);
    return column;
}

static enum state state_of_method(struct counting *c, struct node **slot) {
    struct node *call = *slot;
    enum state s = state_of(c, &call->kid[0]->kid[0]);
    for (uint32_t i = 1; i < call->nkids; i++)
        if (state_of(c, call->kid[i]->kind == NODE_KEYWORD ? &call->kid[i]->kid[0] : &call->kid[i]) != OTHER)
            return UNKNOWN;
    if (s == OTHER || s == UNKNOWN)
        return s;
    if (s == BIAS && repeats_for_batch(c, call))
        return OTHER;
    if ((s == COUNT || s == SCALED) && stands_upright(c, call)) {
        if (c->apply)
            *slot = make_column(c, call->kid[0]->kid[0]);
        return COLUMN;
    }
    if (s != BIAS && s != HEADED && (s == COLUMN ? atom_is(call->kid[0]->atom, "expand") : adds_rows(call))) {
        if (c->apply)
            *slot = call->kid[0]->kid[0];
        return s;
    }
    if (s == COUNT && atom_is(call->kid[0]->atom, "float"))
        return SCALED;
    return word_in(call->kid[0]->atom, "to long contiguous clone detach") ? s : UNKNOWN;
}

static struct node *positions_node(struct counting *c) {
    struct node *n = make_web_name(c->unit->arena, c->positions);
    n->abs = c->positions->abs;
    return n;
}

static struct node *positions_instead(struct counting *c, const struct node *of) {
    pass_record(c->unit, "positions", of, c->fn);
    return positions_node(c);
}

/* nn.Embedding, and `super().forward` of a class that derives from it. */
static bool looks_up(const struct counting *c, const struct node *callee) {
    if (callee->abs && callee->abs->kind == ABS_OBJECT)
        return qual_ends(callee->abs->qual, "Embedding");
    bool super = callee->kind == NODE_ATTRIBUTE && atom_is(callee->atom, "forward") &&
                 callee->kid[0]->kind == NODE_CALL && is_name(callee->kid[0]->kid[0], "super");
    return super && c->fn->owner && class_derives(c->fn->owner, "Embedding");
}

/* A function of the library that makes one number of each. */
static bool is_elementwise(const struct node *callee) {
    return callee->abs && callee->abs->kind == ABS_LIBRARY && strncmp(callee->abs->qual, "torch.", 6) == 0 &&
           word_in(callee->atom, "floor ceil round log log1p log2 exp sqrt rsqrt square abs sin cos");
}

static enum state state_of_call(struct counting *c, struct node **slot) {
    struct node *call = *slot;
    if (is_count(c->in, call)) {
        c->found = true;
        if (c->apply)
            *slot = positions_instead(c, call);
        return COUNT;
    }
    bool method =
        call->kid[0]->kind == NODE_ATTRIBUTE && !call->callsite &&
        !(call->kid[0]->abs && (call->kid[0]->abs->kind == ABS_LIBRARY || call->kid[0]->abs->kind == ABS_OBJECT)) &&
        !looks_up(c, call->kid[0]);
    if (method)
        return state_of_method(c, slot);
    enum state s = OTHER, *given = NEW_ARRAY(c->unit->arena, enum state, call->nkids);
    uint32_t at = 0;
    bool understood = true;
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node **arg = call->kid[i]->kind == NODE_KEYWORD ? &call->kid[i]->kid[0] : &call->kid[i];
        given[i] = *arg ? state_of(c, arg) : OTHER;
        if (given[i] == OTHER)
            continue;
        understood &= given[i] != UNKNOWN;
        s = s == OTHER ? given[i] : UNKNOWN;
        at = i;
    }
    if (call->callsite && understood)
        return run_callee(c, call, given);
    if ((s == COUNT || s == SCALED) && call->nkids == 2 && is_elementwise(call->kid[0]))
        return SCALED;
    return s == OTHER ? OTHER : s == COUNT && at == 1 && looks_up(c, call->kid[0]) ? EMBEDDED : UNKNOWN;
}

/* x[:, None, None] of a vector: a number for each head. */
static bool is_by_head(const struct node *e) {
    const struct node *index = e->kind == NODE_SUBSCRIPT ? e->kid[1] : NULL;
    return is_kind(index, NODE_TUPLE) && index->nkids == 3 && is_full_slice(index->kid[0]) && is_none(index->kid[1]) &&
           is_none(index->kid[2]);
}

/* The product of the count in *slot with that: the positions become a row for each sequence and head. */
static enum state make_bias(struct counting *c, struct node **slot) {
    struct arena *arena = c->unit->arena;
    if (!c->apply)
        return BIAS;
    struct node *index = node_make(arena, NODE_TUPLE, NULL, 4, full_slice(arena), make_const(arena, OP_NONE),
        make_const(arena, OP_NONE), full_slice(arena));
    *slot = node_make(arena, NODE_SUBSCRIPT, NULL, 2, *slot, index);
    (*slot)->abs = abs_tensor(c->unit, 4);
    return BIAS;
}

static enum state state_of_sum(struct counting *c, struct node *e) {
    enum state a = state_of(c, &e->kid[0]), b = state_of(c, &e->kid[1]);
    if (a == OTHER && b == OTHER)
        return OTHER;
    if (a != OTHER && b != OTHER)
        return UNKNOWN;
    const struct node *other = a == OTHER ? e->kid[0] : e->kid[1];
    enum state s = a == OTHER ? b : a;
    if (s == COUNT && e->op == OP_MUL && is_by_head(other))
        return make_bias(c, &e->kid[a == OTHER ? 1 : 0]);
    if (s == COLUMN && e->op == OP_MUL && other->abs && other->abs->kind == ABS_TENSOR && other->abs->rank == 4)
        return OTHER; /* with the states of heads, [B, S, N, D] before and after */
    if ((s == COUNT || s == SCALED) && is_scalar(other) && e->op == OP_DIV && a != OTHER)
        return SCALED;
    if (s == COUNT || is_scalar(other))
        return is_scalar(other) && (e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL) ? s : UNKNOWN;
    bool joins =
        (e->op == OP_ADD || e->op == OP_MUL) && ((s == EMBEDDED && rank_of_hidden(other) == 3) ||
                                                    (s == HEADED && other->abs && rank_known(other->abs->rank) == 4));
    return joins ? OTHER : UNKNOWN; /* with hidden states, [B, S, D] before and after */
}

/* `pos = position_ids`, as which the count may end. */
static bool is_copy(const struct counting *c, const struct web *w) {
    return w && w->kind == WEB_ASSIGN && is_kind(w->expr, NODE_NAME) && w->expr->web == c->positions;
}

/* self.weight, also in a variable, or brought to a device. */
static bool is_table(const struct node *e, int depth) {
    if (e->kind == NODE_NAME)
        return depth < DEEP && e->web && e->web->kind == WEB_ASSIGN && is_table(e->web->expr, depth + 1);
    if (e->kind == NODE_CALL)
        return !e->callsite && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "to") &&
               is_table(e->kid[0]->kid[0], depth);
    const struct absval *object = e->kind == NODE_ATTRIBUTE ? e->kid[0]->abs : NULL;
    const struct attr *attr = object && object->kind == ABS_INSTANCE ? class_attr_of(object->cls, e->atom) : NULL;
    const struct absval *a = e->kind == NODE_ATTRIBUTE && e->abs ? e->abs : attr ? attr->abs : NULL;
    return a && a->rank == 2;
}

/* self.weight[:length]: a row for each position that is counted. */
static bool cuts_table(struct counting *c, const struct node *e) {
    const struct node *index = e->kid[1];
    bool table = is_table(e->kid[0], 0);
    return table && index->kind == NODE_SLICE && !index->kid[2] && index->kid[1] &&
           (!index->kid[0] || is_int(index->kid[0], 0)) && is_token_count(c->in, index->kid[1]);
}

/* x[None, :, None, :] */
static bool is_for_heads(const struct node *index) {
    return index->kind == NODE_TUPLE && index->nkids == 4 && is_none(index->kid[0]) && is_full_slice(index->kid[1]) &&
           is_none(index->kid[2]) && is_full_slice(index->kid[3]);
}

static enum state state_of_subscript(struct counting *c, struct node **slot) {
    struct node *e = *slot;
    if (cuts_table(c, e)) {
        c->found = true;
        if (c->apply)
            e->kid[1] = positions_instead(c, e);
        return EMBEDDED;
    }
    enum state s = state_of(c, &e->kid[0]), index = state_of(c, &e->kid[1]);
    if (s == OTHER)
        return index == COUNT && e->kid[0]->kind == NODE_ATTRIBUTE ? EMBEDDED : index == OTHER ? OTHER : UNKNOWN;
    if (s == EMBEDDED && index == OTHER && is_for_heads(e->kid[1])) {
        if (c->apply)
            e->kid[1]->kid[0] = full_slice(c->unit->arena);
        return HEADED;
    }
    if (s == UNKNOWN || s == HEADED || index != OTHER || !indexes_rows(e->kid[1]))
        return UNKNOWN;
    if (c->apply)
        *slot = e->kid[0];
    return s;
}

static enum state state_of(struct counting *c, struct node **slot) {
    struct node *e = *slot;
    switch (e->kind) {
    case NODE_NAME:
        if (c->apply && is_copy(c, e->web))
            *slot = positions_node(c);
        return of_web(c, e->web);
    case NODE_CALL: return state_of_call(c, slot);
    case NODE_BINOP: return state_of_sum(c, e);
    case NODE_SUBSCRIPT: return state_of_subscript(c, slot);
    case NODE_ATTRIBUTE:
        if (word_in(e->atom, "device dtype"))
            return OTHER;
        break;
    default: break;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && state_of(c, &e->kid[i]) != OTHER)
            return UNKNOWN;
    return OTHER;
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

/* A variable that is the same on both paths is it after them. */
static bool run_phis(struct counting *c, const struct node *stmt) {
    for (uint32_t i = 0; i < stmt->nphis; i++) {
        struct web *w = stmt->phis[i];
        enum state yes = of_web(c, w->from[0]), no = of_web(c, w->from[1]);
        if (yes != no || (yes != OTHER && w->kind != WEB_IF))
            return false;
        if (yes != OTHER)
            set_web(c, w, yes);
    }
    return true;
}

/* What a mask is, is known already. */
static bool makes_mask(const struct node *s) {
    return s->kind == NODE_ASSIGN && s->kid[1]->kind == NODE_NAME && s->kid[1]->web &&
           s->kid[1]->web->abs->kind == ABS_MASK;
}

/* The state of what a block returns; UNKNOWN as soon as one statement is not understood. */
static enum state run_statements(struct counting *c, struct node *block) {
    enum state result = OTHER;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        bool copy = false;
        for (uint32_t k = 0; k < s->nkids && !makes_mask(s); k++) {
            if (s->kid[k] == NULL || (s->kind == NODE_ASSIGN && k > 0))
                continue;
            enum state state = is_kind(s->kid[k], NODE_BLOCK) ? run_statements(c, s->kid[k]) : state_of(c, &s->kid[k]);
            if (state == OTHER)
                continue;
            bool named = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_NAME && s->kid[1]->web;
            if (state == UNKNOWN || (!named && s->kind != NODE_RETURN))
                return UNKNOWN;
            if (named) {
                set_web(c, s->kid[1]->web, state);
                s->kid[1]->web->expr = s->kid[0];
                if (c->apply && is_copy(c, s->kid[1]->web))
                    copy = true;
            } else {
                result = state;
            }
        }
        if (!run_phis(c, s))
            return UNKNOWN;
        if (copy)
            node_remove(block, i--);
    }
    return result;
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

static struct web *positions_of(struct unit *unit, struct fn *fn) {
    struct web *given = positions_param(fn);
    if (given)
        return given;
    struct absval *abs = abs_new(unit, ABS_TENSOR);
    abs->rank = 2;
    abs->positions = true;
    struct web *w = NEW(unit->arena, struct web);
    w->kind = WEB_PARAM;
    w->name = intern(unit->atoms, "position_ids");
    w->abs = abs;
    return w;
}

static void add_param(struct unit *unit, struct fn *fn, struct web *w) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->web == w)
            return;
    struct param *p = NEW(unit->arena, struct param);
    p->name = w->name;
    p->role = PARAM_PLAIN;
    p->abs = w->abs;
    p->web = w;
    p->extra = true;
    vec_push(unit->arena, &fn->params, p);
}

/* position_ids as one more argument of a call. */
static void pass_positions(struct counting *c, struct node *call, struct fn *callee) {
    struct arena *arena = c->unit->arena;
    struct callsite *site = call->callsite;
    uint32_t *param = NEW_ARRAY(arena, uint32_t, call->nkids + 1);
    memcpy(param, site->param, (call->nkids - 1) * sizeof *param);
    param[call->nkids - 1] = callee->params.len - 1;
    site->param = param;
    node_add(arena, call, node_make(arena, NODE_KEYWORD, c->positions->name, 1, positions_node(c)));
}

static bool is_called_from(struct counting *c, const struct fn *fn) {
    struct functions all = {0};
    functions_collect(c->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i] != c->fn && count_calls(all.list.at[i]->body, fn, NULL) > 0)
            return false;
    return !fn->escapes;
}

static bool counts_somewhere(struct counting *c, const struct node *n) {
    if (n == NULL)
        return false;
    if (is_count(c->in, n) || (n->kind == NODE_SUBSCRIPT && cuts_table(c, n)))
        return true;
    if (n->kind == NODE_CALL && n->callsite && enter_call(c->in, n) && counts_somewhere(c, n->callsite->fn->body))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (counts_somewhere(c, n->kid[i]))
            return true;
    return false;
}

/* What arguments are, the parameters become; false where one of them has none. */
static bool give(struct counting *inner, const struct node *call, const struct fn *callee, const enum state *given) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        if (given[i] == OTHER)
            continue;
        uint32_t p = call->callsite->param[i - 1];
        struct param *param = p == UINT32_MAX ? NULL : callee->params.at[p];
        if (param == NULL || param->web == NULL)
            return false;
        set_web(inner, param->web, given[i]);
        if (inner->apply)
            param->abs = param->web->abs;
    }
    return true;
}

/* A function that is given the count, or what was made of it, or that counts itself. */
static enum state run_callee(struct counting *c, struct node *call, const enum state *given) {
    struct fn *callee = call->callsite->fn;
    bool counts = false, is_given = false;
    enter_call(c->in, call);
    for (const struct callsite *site = call->callsite; site; site = site->also)
        counts |= counts_somewhere(c, site->fn->body);
    for (uint32_t i = 1; i < call->nkids; i++)
        is_given |= given[i] != OTHER;
    if (!is_given && !counts)
        return OTHER;
    if (!call_is_single(call) || callee->body == NULL || !is_called_from(c, callee) ||
        (counts && count_calls(c->fn->body, callee, NULL) > 1))
        return UNKNOWN;
    struct counting inner = {
        .unit = c->unit, .in = c->in, .fn = callee, .positions = positions_of(c->unit, callee), .apply = c->apply};
    if (!give(&inner, call, callee, given))
        return UNKNOWN;
    enum state result = run_statements(&inner, callee->body);
    if (inner.found && result != UNKNOWN && c->apply) {
        uint32_t before = callee->params.len;
        add_param(c->unit, callee, inner.positions);
        if (callee->params.len > before)
            pass_positions(c, call, callee);
    }
    c->found |= inner.found;
    return result;
}

static bool run(struct unit *unit, struct fn *fn, struct web *positions, bool apply) {
    struct inputs in = {.unit = unit};
    struct counting c = {.unit = unit, .in = &in, .fn = fn, .positions = positions, .apply = apply};
    return run_statements(&c, fn->body) != UNKNOWN && c.found;
}

void read_positions(struct unit *unit) {
    struct fn *forward = class_method(unit->entry, "forward");
    const struct node *call = forward && forward->body ? model_call(forward->body) : NULL;
    struct fn *fn = call ? call->callsite->fn : forward;
    if (fn == NULL || fn->body == NULL)
        return;
    struct web *positions = positions_of(unit, fn);
    if (!run(unit, fn, positions, false))
        return;
    run(unit, fn, positions, true);
    add_param(unit, fn, positions);
}
