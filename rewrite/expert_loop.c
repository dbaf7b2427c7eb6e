/* expert_loop.c - recognises a loop over experts whose turn an equation has understood (rules/moe.yaml).
 *
 * Every expert that some token chose must have exactly one turn, and the sum must begin with zero. The ids are those of
 * `adgen.chosen_experts`, one row each, or all of range(n); a test in the loop may leave out the id that is no
 * expert's, which sources give to choices that are not to count. */
#include "rewrite/expert_loop.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/by_row.h"
#include "rewrite/symbolic.h"

/* -- values -------------------------------------------------------------------------------------------------------- */

const struct node *assigned_value(const struct node *e) {
    for (int depth = 0; depth < 64 && is_kind(e, NODE_NAME) && e->web && e->web->kind == WEB_ASSIGN; depth++)
        e = e->web->expr;
    return e;
}

struct node *without_transfer(struct node *e) {
    static const char away[] = "cpu numpy tolist";
    for (;;) {
        struct node *made = (struct node *)assigned_value(e);
        bool method = is_kind(made, NODE_CALL) && made->nkids == 1 && is_kind(made->kid[0], NODE_ATTRIBUTE);
        if (!method || !word_in(made->kid[0]->atom, away))
            return e;
        e = made->kid[0]->kid[0];
    }
}

bool same_value(const struct node *a, const struct node *b) {
    a = assigned_value(a);
    b = assigned_value(b);
    if (a == NULL || b == NULL || a == b)
        return a == b;
    if (a->kind == NODE_NAME && b->kind == NODE_NAME)
        return a->web == b->web && a->atom == b->atom;
    return a->kind == NODE_ATTRIBUTE && b->kind == NODE_ATTRIBUTE && a->atom == b->atom &&
           same_value(a->kid[0], b->kid[0]);
}

static bool reads_web(const struct node *e, const struct web *web) {
    e = assigned_value(e);
    return is_kind(e, NODE_NAME) && e->web == web;
}

bool is_idiom(const struct node *e, const char *name) {
    return is_kind(e, NODE_CALL) && is_kind(e->kid[0], NODE_ATTRIBUTE) && is_name(e->kid[0]->kid[0], "adgen") &&
           (name == NULL || atom_is(e->kid[0]->atom, name));
}

bool calls_library(const struct node *e, const char *qual) {
    const struct absval *callee = is_kind(e, NODE_CALL) ? e->kid[0]->abs : NULL;
    return callee && callee->kind == ABS_LIBRARY && strcmp(callee->qual, qual) == 0;
}

struct node *symbol_of(struct unit *unit, const struct node *e) {
    return abs_symbol(unit, e->abs);
}

bool equals_symbol(struct unit *unit, const struct node *e, struct node *symbol) {
    struct node *own = symbol ? symbol_of(unit, e) : NULL;
    return own && symbols_equivalent(unit, own, symbol);
}

/* -- a list of modules --------------------------------------------------------------------------------------------- */

/* [X(...) for _ in range(n)]: the n. */
static const struct node *list_count(const struct attr *attr) {
    const struct node *made = attr->expr;
    const struct node *all = is_kind(made, NODE_CALL) && made->nkids == 2 ? made->kid[1] : NULL;
    const struct node *each = is_kind(all, NODE_LISTCOMP) && all->nkids == 2 ? all->kid[1] : NULL;
    bool every = each && each->nkids == 2 && is_kind(each->kid[1], NODE_CALL) && is_name(each->kid[1]->kid[0], "range");
    return every && each->kid[1]->nkids == 2 ? each->kid[1]->kid[1] : NULL;
}

/* Whether an expression is the list of modules that the loop goes through. */
static bool is_list(const struct expert_loop *l, const struct node *e) {
    return l->modules && same_value(e, l->modules);
}

/* The list from which a turn takes its expert: what it is an element of, or what the loop enumerates. */
static const struct node *list_of(const struct node *expert, const struct node *loop) {
    expert = assigned_value(expert);
    if (is_kind(expert, NODE_SUBSCRIPT))
        return assigned_value(expert->kid[0]);
    const struct node *from = assigned_value(loop->kid[1]);
    bool enumerates = is_kind(from, NODE_CALL) && is_name(from->kid[0], "enumerate") && from->nkids == 2;
    return enumerates ? assigned_value(from->kid[1]) : NULL;
}

static bool read_modules(struct unit *unit, struct expert_loop *l, const struct node *list) {
    const struct attr *attr = list ? kept_attribute(l, list) : NULL;
    const struct absval *item = attr && attr->abs->kind == ABS_SEQ ? attr->abs->element : NULL;
    if (item == NULL || item->kind != ABS_INSTANCE)
        return false;
    if (!expert_module_read(unit, item->cls, &l->expert)) {
        if (!module_is_by_row(unit, item->cls))
            return false;
        l->plain = item->cls;
    }
    const struct node *count = list_count(attr);
    l->modules = (struct node *)list;
    l->count = count ? symbol_of(unit, count) : NULL;
    return true;
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

static bool is_number_of_experts(struct unit *unit, const struct expert_loop *l, const struct node *e) {
    const struct node *made = assigned_value(e);
    bool length = is_kind(made, NODE_CALL) && is_name(made->kid[0], "len") && made->nkids == 2;
    if (l->or_identity) /* ids from there on are experts too */
        return false;
    return equals_symbol(unit, e, l->count) || (length && is_list(l, made->kid[1]));
}

/* x of x.item() and x.squeeze(), which take the one element out of a row of one. */
static const struct node *only_element(const struct node *e) {
    const struct node *method = is_kind(e, NODE_CALL) ? e->kid[0] : NULL;
    bool takes = is_kind(method, NODE_ATTRIBUTE) && (atom_is(method->atom, "item") || atom_is(method->atom, "squeeze"));
    return takes ? assigned_value(method->kid[0]) : NULL;
}

/* x of x, x[0], int(x.item()) or x.squeeze(0). */
const struct web *id_source(const struct node *e, bool *taken) {
    e = assigned_value(e);
    *taken = false;
    if (is_kind(e, NODE_CALL) && is_name(e->kid[0], "int") && e->nkids == 2)
        e = assigned_value(e->kid[1]);
    for (const struct node *of = only_element(e); of; of = only_element(e))
        *taken = true, e = of;
    if (is_kind(e, NODE_SUBSCRIPT) && is_int(e->kid[1], 0))
        *taken = true, e = assigned_value(e->kid[0]);
    return is_kind(e, NODE_NAME) ? e->web : NULL;
}

static bool has_source(const struct node *e, const struct web *source) {
    bool taken;
    return source && id_source(e, &taken) == source;
}

const struct web *id_target(const struct node *loop) {
    const struct node *target = loop->kid[0];
    if (is_kind(target, NODE_TUPLE) && target->nkids == 2)
        target = target->kid[0];
    return is_kind(target, NODE_NAME) ? target->web : NULL;
}

/* Whether an expression is the module with the id of the turn. */
static bool is_expert_of_turn(const struct node *expert, const struct node *loop) {
    expert = assigned_value(expert);
    if (is_kind(expert, NODE_SUBSCRIPT))
        return has_source(expert->kid[1], id_target(loop));
    const struct node *target = loop->kid[0];
    return is_kind(target, NODE_TUPLE) && target->nkids == 2 && is_kind(target->kid[1], NODE_NAME) &&
           is_kind(expert, NODE_NAME) && expert->web && expert->web == target->kid[1]->web;
}

/* Whether the loop's expert `e` is each that a token chose, once. */
static bool visits_all(struct unit *unit, const struct expert_loop *l, const struct node *loop, const struct node *e) {
    const struct web *target = id_target(loop);
    const struct node *from = assigned_value(without_transfer(loop->kid[1]));
    bool taken, pair = loop->kid[0]->kind == NODE_TUPLE;
    if (target == NULL || id_source(e, &taken) != target || from->kind != NODE_CALL || from->nkids != 2)
        return false;
    if (l->modules && !is_expert_of_turn(l->step->kid[MODULE_EXPERT], loop))
        return false;
    if (is_idiom(from, "chosen_numbers"))
        return !pair && same_value(from->kid[1], l->chosen);
    if (is_idiom(from, "chosen_experts"))
        return taken && !pair && same_value(from->kid[1], l->chosen);
    if (is_name(from->kid[0], "enumerate"))
        return pair && is_list(l, from->kid[1]);
    return !pair && is_name(from->kid[0], "range") && is_number_of_experts(unit, l, from->kid[1]);
}

static bool holds(const struct node *block, const struct node *stmt) {
    if (block == NULL || stmt == NULL || block == stmt)
        return block && block == stmt;
    for (uint32_t i = 0; i < block->nkids; i++)
        if (holds(block->kid[i], stmt))
            return true;
    return false;
}

bool stands_before(const struct node *e, const struct node *loop) {
    if (is_kind(e, NODE_NAME) && e->web) {
        const struct web *w = e->web;
        if (w->kind == WEB_TARGET || w->stmt == loop || holds(loop->kid[2], w->stmt))
            return false;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && !stands_before(e->kid[i], loop))
            return false;
    return true;
}

/* The statement that takes the turn, last in the block or in a test at the end of it; NULL where others do more than
 * prepare it. */
static struct node *find_step(const struct node *block) {
    static const char *const kinds[] = {"expert_step", "expert_step_transposed", "expert_step_or_identity",
        "expert_step_apart", "expert_step_clamped", "expert_step_module", "expert_step_without_gate"};
    struct node *step = block->nkids ? block->kid[block->nkids - 1] : NULL;
    if (is_kind(step, NODE_IF) && step->kid[2] == NULL)
        return find_step(step->kid[1]);
    bool sums = is_kind(step, NODE_ASSIGN) && step->nkids == 2 && is_kind(step->kid[1], NODE_NAME);
    for (size_t i = 0; sums && i < sizeof kinds / sizeof kinds[0]; i++)
        if (is_idiom(step->kid[0], kinds[i]))
            return step;
    return NULL;
}

/* `if expert == n: continue` where n is the number of experts: the first id that none has. */
static bool is_sentinel(struct unit *unit, const struct expert_loop *l, const struct node *test) {
    bool taken;
    const struct web *source = id_source(l->step->kid[STEP_EXPERT], &taken);
    return test->ops[0] == OP_EQ && has_source(test->kid[0], source) && is_number_of_experts(unit, l, test->kid[1]);
}

/* Whether a comparison says that no token, or (`some`) that a token chose the expert of the turn. */
static bool counts_choices(const struct expert_loop *l, const struct node *test, bool some) {
    const struct node *count = assigned_value(test->kid[0]);
    bool taken;
    return is_int(test->kid[1], 0) && is_idiom(count, "expert_choices") && same_value(count->kid[1], l->chosen) &&
           has_source(count->kid[2], id_source(l->step->kid[STEP_EXPERT], &taken)) &&
           (some ? test->ops[0] == OP_GT || test->ops[0] == OP_NE : test->ops[0] == OP_EQ);
}

static bool is_comparison(const struct node *test) {
    return test->kind == NODE_COMPARE && test->nkids == 2;
}

bool leaves_out_idle_turns(struct unit *unit, const struct expert_loop *l, const struct node *stmt) {
    if (stmt->kind != NODE_IF || stmt->kid[2] || stmt->kid[1]->nkids != 1 ||
        stmt->kid[1]->kid[0]->kind != NODE_CONTINUE || !is_comparison(stmt->kid[0]))
        return false;
    return is_sentinel(unit, l, stmt->kid[0]) || counts_choices(l, stmt->kid[0], false);
}

/* `expert = row[0]`, `module = modules[expert]`: names for what the turn reads. */
static bool only_names(const struct expert_loop *l, const struct node *stmt, const struct node *loop) {
    if (stmt->kind != NODE_ASSIGN || stmt->nkids != 2 || !is_kind(stmt->kid[1], NODE_NAME) || !stmt->kid[1]->web)
        return false;
    const struct node *e = assigned_value(stmt->kid[0]);
    return has_source(e, id_target(loop)) ||
           (l->modules && is_kind(e, NODE_SUBSCRIPT) && is_list(l, e->kid[0]) && is_expert_of_turn(e, loop));
}

/* Whether all of a turn but the step prepares it, or leaves out what adds nothing. */
static bool only_prepares(
    struct unit *unit, const struct expert_loop *l, const struct node *block, const struct node *loop) {
    for (uint32_t i = 0; i + 1 < block->nkids; i++)
        if (!only_names(l, block->kid[i], loop) && !leaves_out_idle_turns(unit, l, block->kid[i]))
            return false;
    const struct node *last = block->kid[block->nkids - 1];
    return last->kind != NODE_IF || (is_comparison(last->kid[0]) && counts_choices(l, last->kid[0], true) &&
                                        only_prepares(unit, l, last->kid[1], loop));
}

/* Whether the sum is carried from turn to turn: changed by the step, and by nothing else. */
static bool carries_sum(const struct web *sum, const struct web *end, const struct web *made) {
    if (end && end->kind == WEB_IF) /* where no token chose the expert it stays as it is */
        return end->from[1] == sum && carries_sum(sum, end->from[0], made);
    return end == made;
}

static bool read_experts(struct unit *unit, struct expert_loop *l, const struct node *loop) {
    if (is_idiom(l->step, "expert_step_module"))
        return read_modules(unit, l, list_of(l->step->kid[MODULE_EXPERT], loop));
    return expert_stack_read(unit, l);
}

/* The experts of a list of modules stand before the loop; the module of the turn does not. */
static uint32_t steady_arguments(const struct expert_loop *l) {
    return l->modules ? MODULE_EXPERT : l->step->nkids;
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
    if (!read_experts(unit, l, loop) || !only_prepares(unit, l, body, loop) ||
        !visits_all(unit, l, loop, arg[STEP_EXPERT]))
        return false;
    bool ok = reads_web(arg[STEP_SUM], sum) && carries_sum(sum, sum->from[1], step->kid[1]->web) &&
              begins_with_zeros(unit, l, sum->from[0]);
    for (uint32_t i = STEP_TOKENS; i < steady_arguments(l); i++)
        ok = ok && stands_before(arg[i], loop);
    return ok;
}

bool expert_sum_read(struct unit *unit, struct fn *fn, struct node *call, struct expert_loop *l) {
    if (fn->owner == NULL || !is_idiom(call, "expert_sum") || !choices_are_distinct(call->kid[SUM_CHOSEN], 0))
        return false;
    *l = (struct expert_loop){.fn = fn, .x = call->kid[SUM_TOKENS]};
    l->chosen = call->kid[SUM_CHOSEN];
    l->weights = call->kid[SUM_WEIGHTS];
    return read_modules(unit, l, assigned_value(call->kid[SUM_MODULES]));
}
