/* expert_module.c - recognises the forward of an expert by the value that it returns. */
#include "rewrite/expert_module.h"

#include <string.h>

#include "rewrite/library.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"
#include "rewrite/symbolic.h"

struct reader {
    struct unit *unit;
    struct cls *cls;
    const struct value *self, *x;
};

static const struct value *without_casts(const struct value *v) {
    for (const struct value *of = value_cast_of(v); of; of = value_cast_of(v))
        v = of;
    return v;
}

/* The attribute of the expert that is called with one argument, which becomes *given. */
static struct attr *called(const struct reader *r, const struct value *v, const struct value **given) {
    v = without_casts(v);
    const struct value *callee = v->kind == VALUE_APPLY && v->count == 2 ? v->arg[0] : NULL;
    if (callee == NULL || callee->kind != VALUE_ATTR || callee->arg[0] != r->self)
        return NULL;
    struct attr *attr = class_attr_of(r->cls, callee->atom);
    *given = v->arg[1];
    return attr && attr->stores == 1 && !attr->conditional && is_kind(attr->stmt, NODE_ASSIGN) ? attr : NULL;
}

/* The `bias` of nn.Linear(n, m, bias=...); NULL where it is not said. */
static const struct node *bias_of(const struct attr *attr) {
    const struct node *made = attr->expr;
    bool linear = attr->abs->kind == ABS_OBJECT && qual_ends(attr->abs->qual, "nn.Linear");
    const struct node *bias = linear && is_kind(made, NODE_CALL) && made->nkids == 4 ? made->kid[3] : NULL;
    bool keyword = is_kind(bias, NODE_KEYWORD);
    return keyword ? (atom_is(bias->atom, "bias") ? bias->kid[0] : NULL) : bias;
}

/* A linear layer that has no bias, or has one where the configuration says so: for all layers alike. */
static bool is_linear(const struct reader *r, const struct attr *attr, struct expert_module *m) {
    const struct node *bias = bias_of(attr);
    if (bias == NULL || bias->abs == NULL)
        return false;
    if (abs_truth(bias->abs) == 0)
        return true;
    struct node *symbol = abs_symbol(r->unit, bias->abs);
    if (symbol == NULL || (m->bias && !symbols_equivalent(r->unit, symbol, m->bias)))
        return false;
    m->bias = symbol;
    return true;
}

static struct attr *linear_of(
    const struct reader *r, const struct value *v, const struct value **given, struct expert_module *m) {
    struct attr *attr = called(r, v, given);
    return attr && is_linear(r, attr, m) ? attr : NULL;
}

struct node *activation_name(const struct attr *attr) {
    const struct node *e = attr->expr;
    bool table = is_kind(e, NODE_SUBSCRIPT) && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_LIBRARY &&
                 qual_ends(e->kid[0]->abs->qual, "activations.ACT2FN");
    return table ? e->kid[1] : NULL;
}

static struct node *silu(const struct reader *r) {
    return make_string(r->unit->arena, r->unit->atoms, intern(r->unit->atoms, "silu"));
}

/* The name of the function that makes `v` of *given; NULL where torch_moe has no such function. */
static struct node *activation_of(const struct reader *r, const struct value *v, const struct value **given) {
    v = without_casts(v);
    if (value_is_call(v, "torch.nn.functional.silu")) {
        *given = v->arg[0];
        return silu(r);
    }
    const struct attr *attr = called(r, v, given);
    if (attr && attr->abs->kind == ABS_OBJECT && qual_ends(attr->abs->qual, "nn.SiLU"))
        return silu(r);
    const struct node *name = attr ? activation_name(attr) : NULL;
    return name && name->abs ? abs_symbol(r->unit, name->abs) : NULL;
}

/* act(gate(x)) * up(x) */
static bool read_gated(const struct reader *r, const struct value *v, struct expert_module *m) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct value *before = NULL, *x[2] = {NULL, NULL};
        m->activation = activation_of(r, v->arg[i], &before);
        m->gate = m->activation ? linear_of(r, before, &x[0], m) : NULL;
        m->up = linear_of(r, v->arg[1 - i], &x[1], m);
        if (m->gate && m->up && without_casts(x[0]) == r->x && without_casts(x[1]) == r->x)
            return true;
    }
    return false;
}

static bool read_plain(const struct reader *r, const struct value *v, struct expert_module *m) {
    const struct value *before = NULL, *x = NULL;
    m->gate = NULL;
    m->activation = activation_of(r, v, &before);
    m->up = m->activation ? linear_of(r, before, &x, m) : NULL;
    return m->up && without_casts(x) == r->x;
}

static bool only_assigns(const struct node *body) {
    for (uint32_t i = 0; i + 1 < body->nkids; i++)
        if (body->kid[i]->kind != NODE_ASSIGN)
            return false;
    return true;
}

bool expert_module_read(struct unit *unit, struct cls *cls, struct expert_module *m) {
    struct fn *forward = class_method(cls, "forward");
    const struct node *result = forward && forward->body ? only_return(forward) : NULL;
    if (result == NULL || forward->params.len != 2 || !only_assigns(forward->body) || cls->dynamic)
        return false;
    struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
    struct reader r = {unit, cls, value_of_web(values, forward->params.at[0]->web),
        value_of_web(values, forward->params.at[1]->web)};
    const struct value *hidden = NULL;
    m->bias = NULL;
    m->down = linear_of(&r, value_of(values, result->kid[0]), &hidden, m);
    if (m->down == NULL)
        return false;
    hidden = without_casts(hidden);
    bool product = hidden->kind == VALUE_OP && hidden->op == OP_MUL && hidden->count == 2;
    return product ? read_gated(&r, hidden, m) : read_plain(&r, hidden, m);
}
