/* expert_loop.c - recognises a loop over experts whose turn an equation has understood (rules/moe.yaml).
 *
 * Every expert that some token chose must have exactly one turn, and the sum must begin with zero. The ids are those of
 * `adgen.chosen_experts`, one row each, or all of range(n); a test in the loop may leave out the id that is no
 * expert's, which sources give to choices that are not to count. */
#include "rewrite/expert_loop.h"

#include <string.h>

#include "rewrite/symbolic.h"

/* -- values -------------------------------------------------------------------------------------------------------- */

/* What a variable was assigned, through copies. */
static const struct node *assigned(const struct node *e) {
    for (int depth = 0; depth < 64 && is_kind(e, NODE_NAME) && e->web && e->web->kind == WEB_ASSIGN; depth++)
        e = e->web->expr;
    return e;
}

static bool same(const struct node *a, const struct node *b) {
    a = assigned(a);
    b = assigned(b);
    if (a == NULL || b == NULL || a == b)
        return a == b;
    if (a->kind == NODE_NAME && b->kind == NODE_NAME)
        return a->web == b->web && a->atom == b->atom;
    return a->kind == NODE_ATTRIBUTE && b->kind == NODE_ATTRIBUTE && a->atom == b->atom && same(a->kid[0], b->kid[0]);
}

static bool reads_web(const struct node *e, const struct web *web) {
    e = assigned(e);
    return is_kind(e, NODE_NAME) && e->web == web;
}

bool is_idiom(const struct node *e, const char *name) {
    return is_kind(e, NODE_CALL) && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, name) &&
           is_name(e->kid[0]->kid[0], "adgen");
}

static bool is_library_call(const struct node *e, const char *qual) {
    const struct absval *callee = is_kind(e, NODE_CALL) ? e->kid[0]->abs : NULL;
    return callee && callee->kind == ABS_LIBRARY && strcmp(callee->qual, qual) == 0;
}

/* `dtype=x.dtype` or `device=x.device` */
static bool is_own_kind(const struct node *arg, const struct node *x) {
    const struct node *value = arg->kind == NODE_KEYWORD ? arg->kid[0] : NULL;
    return is_kind(value, NODE_ATTRIBUTE) && value->atom == arg->atom && same(value->kid[0], x) &&
           (atom_is(arg->atom, "dtype") || atom_is(arg->atom, "device"));
}

/* torch.zeros_like(x) */
static bool is_zeros_like(const struct node *e, const struct node *x) {
    e = assigned(e);
    if (!is_library_call(e, "torch.zeros_like") || e->nkids < 2 || !same(e->kid[1], x))
        return false;
    for (uint32_t i = 2; i < e->nkids; i++)
        if (!is_own_kind(e->kid[i], x))
            return false;
    return true;
}

static struct node *symbol_of(struct unit *unit, const struct node *e) {
    return e->abs ? abs_symbol(unit, e->abs) : NULL;
}

static bool is_equal(struct unit *unit, const struct node *e, struct node *symbol) {
    struct node *own = symbol_of(unit, e);
    return own && symbols_equivalent(unit, own, symbol);
}

/* -- the stacked parameters ---------------------------------------------------------------------------------------- */

/* The attribute of the function's own class that an expression reads, stored once for good. */
static struct attr *own_attribute(const struct expert_loop *l, const struct node *e) {
    e = assigned(e);
    if (!is_kind(e, NODE_ATTRIBUTE) || !is_kind(e->kid[0], NODE_NAME) || e->kid[0]->web != l->fn->params.at[0]->web)
        return NULL;
    struct attr *attr = class_attr_of(l->fn->owner, e->atom);
    return attr && attr->stores == 1 && !attr->conditional && attr->expr && is_kind(attr->stmt, NODE_ASSIGN) ? attr
                                                                                                             : NULL;
}

/* nn.Parameter(torch.empty(a, b, c)): the sizes as symbols. */
static bool sizes_of(struct unit *unit, const struct attr *attr, struct node *size[3]) {
    const struct node *made = assigned(attr->expr);
    const struct absval *callee = is_kind(made, NODE_CALL) && made->nkids == 2 ? made->kid[0]->abs : NULL;
    if (!callee || callee->kind != ABS_LIBRARY || !qual_ends(callee->qual, "Parameter"))
        return false;
    made = assigned(made->kid[1]);
    if (!is_library_call(made, "torch.empty") && !is_library_call(made, "torch.zeros"))
        return false;
    bool display = made->nkids == 2 && (made->kid[1]->kind == NODE_TUPLE || made->kid[1]->kind == NODE_LIST);
    struct node **from = display ? made->kid[1]->kid : made->kid + 1;
    if ((display ? made->kid[1]->nkids : made->nkids - 1) != 3)
        return false;
    for (int i = 0; i < 3; i++)
        if (from[i]->kind == NODE_KEYWORD || (size[i] = symbol_of(unit, from[i])) == NULL)
            return false;
    return true;
}

static bool read_weights(struct unit *unit, struct expert_loop *l) {
    struct node **arg = l->step->kid, *gate_up[3], *down[3];
    l->gate_up = own_attribute(l, arg[STEP_GATE_UP]);
    l->down = own_attribute(l, arg[STEP_DOWN]);
    l->act = own_attribute(l, arg[STEP_ACT]);
    if (!l->gate_up || !l->down || !l->act || !sizes_of(unit, l->gate_up, gate_up) || !sizes_of(unit, l->down, down) ||
        !symbols_equivalent(unit, gate_up[0], down[0]))
        return false;
    l->count = gate_up[0];
    l->transposed = is_idiom(l->step, "expert_step_transposed");
    l->hidden = gate_up[l->transposed ? 1 : 2];
    l->between = down[l->transposed ? 1 : 2];
    return true;
}

/* The one-hot choices have a class for each expert and no more, so every id is an expert's. */
static bool read_classes(struct unit *unit, struct expert_loop *l) {
    const struct attr *gate_up = own_attribute(l, l->step->kid[CLAMPED_GATE_UP]);
    struct node *size[3];
    if (!gate_up || !sizes_of(unit, gate_up, size) || !is_equal(unit, l->step->kid[CLAMPED_CLASSES], size[0]))
        return false;
    l->count = size[0];
    return true;
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

/* `if expert == n: continue` where n is the number of experts: the first id that none has. */
static bool is_guard(struct unit *unit, const struct expert_loop *l, const struct node *stmt, const struct node *e) {
    if (stmt->kind != NODE_IF || stmt->kid[2] || stmt->kid[1]->nkids != 1 ||
        stmt->kid[1]->kid[0]->kind != NODE_CONTINUE)
        return false;
    const struct node *test = stmt->kid[0];
    return test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_EQ && same(test->kid[0], e) &&
           is_equal(unit, test->kid[1], l->count);
}

/* row[0] or row.item(): the id in a row of one. */
static bool is_id_of_row(const struct node *e, const struct web *row) {
    e = assigned(e);
    if (is_kind(e, NODE_SUBSCRIPT))
        return is_kind(e->kid[1], NODE_NUMBER) && atom_is(e->kid[1]->atom, "0") && reads_web(e->kid[0], row);
    return is_kind(e, NODE_CALL) && e->nkids == 1 && e->kid[0]->kind == NODE_ATTRIBUTE &&
           atom_is(e->kid[0]->atom, "item") && reads_web(e->kid[0]->kid[0], row);
}

/* Whether the loop's expert `e` is each that a token chose, once. */
static bool visits_all(struct unit *unit, const struct expert_loop *l, const struct node *loop, const struct node *e) {
    const struct node *target = loop->kid[0], *from = assigned(loop->kid[1]);
    if (target->kind != NODE_NAME || target->web == NULL)
        return false;
    if (is_idiom(from, "chosen_experts"))
        return same(from->kid[1], l->chosen) && is_id_of_row(e, target->web);
    return is_kind(from, NODE_CALL) && is_name(from->kid[0], "range") && from->nkids == 2 &&
           is_equal(unit, from->kid[1], l->count) && reads_web(e, target->web);
}

/* Whether what stands in a loop's turn is defined before the loop. */
static bool stands_before(const struct node *e, const struct node *loop) {
    if (is_kind(e, NODE_NAME) && e->web) {
        const struct web *w = e->web;
        if (w->kind == WEB_TARGET || w->stmt == loop)
            return false;
        for (uint32_t i = 0; w->stmt && i < loop->kid[2]->nkids; i++)
            if (loop->kid[2]->kid[i] == w->stmt)
                return false;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && !stands_before(e->kid[i], loop))
            return false;
    return true;
}

/* The statement that takes the turn; NULL where others do more than prepare it. */
static struct node *find_step(const struct node *body) {
    struct node *step = body->nkids ? body->kid[body->nkids - 1] : NULL;
    bool sums = is_kind(step, NODE_ASSIGN) && step->nkids == 2 && is_kind(step->kid[1], NODE_NAME) &&
                (is_idiom(step->kid[0], "expert_step") || is_idiom(step->kid[0], "expert_step_transposed") ||
                    is_idiom(step->kid[0], "expert_step_clamped"));
    return sums ? step : NULL;
}

/* `expert = row[0]` */
static bool names_expert(const struct node *stmt, const struct node *target) {
    return stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && is_kind(stmt->kid[1], NODE_NAME) && stmt->kid[1]->web &&
           is_kind(target, NODE_NAME) && is_id_of_row(stmt->kid[0], target->web);
}

bool expert_loop_read(struct unit *unit, struct fn *fn, struct node *block, uint32_t at, struct expert_loop *l) {
    struct node *loop = block->kid[at], *body = loop->kind == NODE_FOR ? loop->kid[2] : NULL;
    struct node *step = body && loop->kid[3] == NULL && loop->nphis == 1 ? find_step(body) : NULL;
    if (step == NULL || fn->owner == NULL)
        return false;
    const struct web *sum = loop->phis[0];
    struct node **arg = step->kid[0]->kid;
    *l = (struct expert_loop){.fn = fn, .block = block, .at = at, .step = step->kid[0], .result = loop->phis[0]};
    l->x = arg[STEP_TOKENS];
    l->chosen = arg[STEP_CHOSEN];
    l->weights = arg[STEP_WEIGHTS];
    if (is_idiom(l->step, "expert_step_clamped") ? !read_classes(unit, l) : !read_weights(unit, l))
        return false;
    for (uint32_t i = 0; i + 1 < body->nkids; i++)
        if (!names_expert(body->kid[i], loop->kid[0]) && !is_guard(unit, l, body->kid[i], arg[STEP_EXPERT]))
            return false;
    struct node start = {.kind = NODE_NAME, .web = sum->from[0]};
    bool ok = reads_web(arg[STEP_SUM], sum) && sum->from[1] == step->kid[1]->web && sum->from[0] &&
              is_zeros_like(&start, l->x) && visits_all(unit, l, loop, arg[STEP_EXPERT]);
    for (uint32_t i = STEP_TOKENS; i < l->step->nkids; i++)
        ok = ok && stands_before(arg[i], loop);
    return ok;
}
