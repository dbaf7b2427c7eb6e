/* expert_stack.c - the parameters in which a loop over experts finds the weights of all of them.
 *
 * A parameter has an item for each expert, or the rows of all of them one below the other. It belongs to the class of
 * the loop, or to a module that is an attribute of that. */
#include "rewrite/expert_loop.h"
#include "rewrite/expert_params.h"
#include "rewrite/library.h"
#include "rewrite/rules.h"
#include "rewrite/symbolic.h"

struct attr *kept_attribute(const struct expert_loop *l, const struct node *e) {
    e = assigned_value(e);
    bool own =
        is_kind(e, NODE_ATTRIBUTE) && is_kind(e->kid[0], NODE_NAME) && e->kid[0]->web == l->fn->params.at[0]->web;
    return own ? kept_in(l->fn->owner, e->atom) : NULL;
}

/* An attribute of the class, or of a module that is an attribute of it. */
static bool find_attribute(const struct expert_loop *l, const struct node *e, struct stacked *s) {
    e = assigned_value(e);
    s->holder = NULL;
    s->attr = kept_attribute(l, e);
    if (s->attr || !is_kind(e, NODE_ATTRIBUTE))
        return s->attr != NULL;
    s->holder = kept_attribute(l, e->kid[0]);
    if (s->holder && s->holder->abs->kind == ABS_INSTANCE)
        s->attr = kept_in(s->holder->abs->cls, e->atom);
    return s->attr != NULL;
}

bool parameter_sizes(struct unit *unit, const struct node *made, struct node **size, uint32_t count) {
    made = assigned_value(made);
    const struct absval *callee = is_kind(made, NODE_CALL) && made->nkids == 2 ? made->kid[0]->abs : NULL;
    if (!callee || callee->kind != ABS_LIBRARY || !qual_ends(callee->qual, "Parameter"))
        return false;
    made = assigned_value(made->kid[1]);
    if (!calls_library(made, "torch.empty") && !calls_library(made, "torch.zeros"))
        return false;
    bool display = made->nkids == 2 && (made->kid[1]->kind == NODE_TUPLE || made->kid[1]->kind == NODE_LIST);
    struct node **from = display ? made->kid[1]->kid : made->kid + 1;
    if ((display ? made->kid[1]->nkids : made->nkids - 1) != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (from[i]->kind == NODE_KEYWORD || (size[i] = symbol_of(unit, from[i])) == NULL)
            return false;
    return true;
}

/* The other factor of a product; NULL where `of` is none of them. */
static struct node *other_factor(struct unit *unit, struct node *product, struct node *of) {
    if (product->kind != NODE_BINOP || product->op != OP_MUL)
        return NULL;
    for (int i = 0; i < 2; i++)
        if (symbols_equivalent(unit, product->kid[i], of))
            return product->kid[1 - i];
    return NULL;
}

/* x.view(-1, rows, columns) of a parameter with the rows of all items. */
static bool read_flat(
    struct unit *unit, const struct expert_loop *l, struct node *e, struct stacked *s, struct node **size) {
    const struct node *view = assigned_value(e);
    bool method = is_kind(view, NODE_CALL) && is_kind(view->kid[0], NODE_ATTRIBUTE);
    struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
    const struct value *v = value_of(values, e), *shape = value_is_call(v, "torch.reshape") ? v->arg[1] : NULL;
    struct node *whole[2];
    if (!method || !shape || shape->kind != VALUE_TUPLE || shape->count != 3 || !value_is_int(shape->arg[0], -1) ||
        !find_attribute(l, view->kid[0]->kid[0], s) || !parameter_sizes(unit, s->attr->expr, whole, 2))
        return false;
    for (int i = 1; i < 3; i++)
        if (!(size[i] = abs_symbol(unit, shape->arg[i]->abs)))
            return false;
    size[0] = other_factor(unit, whole[0], size[1]);
    s->flat = true;
    return size[0] && symbols_equivalent(unit, whole[1], size[2]);
}

static bool read_stacked(
    struct unit *unit, const struct expert_loop *l, struct node *e, struct stacked *s, struct node **size) {
    if (find_attribute(l, e, s))
        return parameter_sizes(unit, s->attr->expr, size, 3);
    return read_flat(unit, l, e, s, size);
}

/* Gate and up in one tensor. */
static bool read_together(struct unit *unit, struct expert_loop *l) {
    struct node **arg = l->step->kid, *gate_up[3], *down[3];
    bool transposed = l->weighs_tokens || is_idiom(l->step, "expert_step_transposed");
    l->or_identity = is_idiom(l->step, "expert_step_or_identity");
    if (!read_stacked(unit, l, arg[STEP_GATE_UP], &l->gate, gate_up) ||
        !read_stacked(unit, l, arg[STEP_DOWN], &l->down, down) || !find_attribute(l, arg[STEP_ACT], &l->act))
        return false;
    if (l->or_identity ? !equals_symbol(unit, arg[STEP_PAST], down[0]) : !symbols_equivalent(unit, gate_up[0], down[0]))
        return false;
    l->gate.parts = 2;
    l->gate.transposed = l->down.transposed = transposed;
    l->down.parts = 1;
    l->up = l->gate;
    l->up.part = 1;
    l->count = down[0];
    l->hidden = gate_up[transposed ? 1 : 2];
    l->between = down[transposed ? 1 : 2];
    return true;
}

/* Up and down, without a gate. */
static bool read_two(struct unit *unit, struct expert_loop *l) {
    struct node **arg = l->step->kid, *up[3], *down[3];
    if (!read_stacked(unit, l, arg[STEP_GATE_UP], &l->up, up) ||
        !read_stacked(unit, l, arg[STEP_DOWN], &l->down, down) || !find_attribute(l, arg[STEP_ACT], &l->act) ||
        !symbols_equivalent(unit, up[0], down[0]))
        return false;
    l->without_gate = true;
    l->up.parts = l->down.parts = 1;
    l->count = up[0];
    l->between = up[1];
    l->hidden = up[2];
    return true;
}

/* Gate, up and down in a tensor each, that of down with the input first. */
static bool read_apart(struct unit *unit, struct expert_loop *l) {
    struct node **arg = l->step->kid, *gate[3], *up[3], *down[3];
    if (!read_stacked(unit, l, arg[APART_GATE], &l->gate, gate) || !read_stacked(unit, l, arg[APART_UP], &l->up, up) ||
        !read_stacked(unit, l, arg[APART_DOWN], &l->down, down) || !find_attribute(l, arg[APART_ACT], &l->act))
        return false;
    for (int i = 0; i < 3; i++)
        if (!symbols_equivalent(unit, gate[i], up[i]) || !symbols_equivalent(unit, gate[i], down[i]))
            return false;
    l->gate.parts = l->up.parts = l->down.parts = 1;
    l->down.transposed = true;
    l->count = gate[0];
    l->between = gate[1];
    l->hidden = gate[2];
    return true;
}

/* The one-hot choices have a class for each expert and no more, so every id is an expert's. */
static bool read_classes(struct unit *unit, struct expert_loop *l) {
    const struct attr *gate_up = kept_attribute(l, l->step->kid[CLAMPED_GATE_UP]);
    struct node *size[3];
    if (!gate_up || !parameter_sizes(unit, gate_up->expr, size, 3) ||
        !equals_symbol(unit, l->step->kid[CLAMPED_CLASSES], size[0]))
        return false;
    l->count = size[0];
    return true;
}

bool expert_stack_read(struct unit *unit, struct expert_loop *l) {
    if (is_idiom(l->step, "expert_step_clamped"))
        return read_classes(unit, l);
    make_parameters_always(unit, l->fn->owner);
    if (is_idiom(l->step, "expert_step_without_gate"))
        return read_two(unit, l);
    return is_idiom(l->step, "expert_step_apart") ? read_apart(unit, l) : read_together(unit, l);
}
