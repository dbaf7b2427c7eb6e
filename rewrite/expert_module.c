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

struct attr *kept_in(const struct cls *cls, atom name) {
    struct attr *attr = class_attr_of(cls, name);
    bool once = attr && attr->stores == 1 && !attr->conditional && attr->expr && is_kind(attr->stmt, NODE_ASSIGN);
    return once ? attr : NULL;
}

/* The attribute of the expert that is called with one argument, which becomes *given. */
static struct attr *called(const struct reader *r, const struct value *v, const struct value **given) {
    v = value_without_casts(v);
    const struct value *callee = v->kind == VALUE_APPLY && v->count == 2 ? v->arg[0] : NULL;
    if (callee == NULL || callee->kind != VALUE_ATTR || callee->arg[0] != r->self)
        return NULL;
    *given = v->arg[1];
    return kept_in(r->cls, callee->atom);
}

/* The `bias` of nn.Linear(n, m, bias=...); NULL where it is not said. */
static const struct node *bias_of(const struct attr *attr) {
    const struct node *made = attr->expr;
    bool linear = abs_is_object(attr->abs, "nn.Linear") && is_kind(made, NODE_CALL) && made->nkids == 4;
    return linear ? call_argument(made, 2, "bias") : NULL;
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

/* The name of the module that makes `v` of *given; NULL where torch_moe has no such function. */
static struct node *activation_of(const struct reader *r, const struct value *v, const struct value **given) {
    const struct attr *attr = called(r, v, given);
    if (attr && abs_is_object(attr->abs, "nn.SiLU"))
        return silu(r);
    const struct node *name = attr ? activation_name(attr) : NULL;
    return name ? abs_symbol(r->unit, name->abs) : NULL;
}

/* The factors of a product, without their casts: at most FACTORS, else 0. */
enum { FACTORS = 3 };

static uint32_t factors_of(const struct value *v, const struct value **factor, uint32_t count) {
    v = value_without_casts(v);
    if (v->kind != VALUE_OP || v->op != OP_MUL) {
        if (count < FACTORS)
            factor[count] = v;
        return count + 1;
    }
    for (uint32_t i = 0; i < v->count; i++)
        count = factors_of(v->arg[i], factor, count);
    return count;
}

/* silu(x) is x * sigmoid(x): the two factors become one, of which *given is x. */
static bool take_silu(const struct value **factor, uint32_t *count, const struct value **given) {
    for (uint32_t i = 0; i < *count; i++)
        for (uint32_t k = 0; k < *count; k++) {
            bool pair = i != k && value_is_call(factor[i], "torch.sigmoid") &&
                        value_without_casts(factor[i]->arg[0]) == factor[k];
            if (!pair)
                continue;
            *given = factor[k];
            for (uint32_t at = 0, to = 0; at < *count; at++)
                if (at != i && at != k)
                    factor[to++] = factor[at];
            *count -= 2;
            return true;
        }
    return false;
}

bool is_gated_by_silu(const struct value *v, const struct value *gate, const struct value *up) {
    const struct value *factor[FACTORS], *given = NULL;
    uint32_t count = factors_of(v, factor, 0);
    return count == FACTORS && take_silu(factor, &count, &given) && given == gate && factor[0] == up;
}

static bool is_input(const struct reader *r, const struct value *v) {
    return v && value_without_casts(v) == r->x;
}

/* act(up(x)) */
static bool read_plain(const struct reader *r, const struct value *before, struct expert_module *m) {
    const struct value *x = NULL;
    m->gate = NULL;
    m->up = linear_of(r, before, &x, m);
    return m->up && is_input(r, x);
}

/* act(gate(x)) * up(x) */
static bool read_gated(
    const struct reader *r, const struct value *before, const struct value *other, struct expert_module *m) {
    const struct value *x[2] = {NULL, NULL};
    m->gate = linear_of(r, before, &x[0], m);
    m->up = linear_of(r, other, &x[1], m);
    return m->gate && m->up && is_input(r, x[0]) && is_input(r, x[1]);
}

static bool read_hidden(const struct reader *r, const struct value *v, struct expert_module *m) {
    const struct value *factor[FACTORS], *before = NULL;
    uint32_t count = factors_of(v, factor, 0);
    if (count > FACTORS)
        return false;
    if (take_silu(factor, &count, &before)) {
        m->activation = silu(r);
        return count == 0 ? read_plain(r, before, m) : count == 1 && read_gated(r, before, factor[0], m);
    }
    for (uint32_t i = 0; i < count && count <= 2; i++) {
        m->activation = activation_of(r, factor[i], &before);
        if (m->activation && (count == 1 ? read_plain(r, before, m) : read_gated(r, before, factor[1 - i], m)))
            return true;
    }
    return false;
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
    struct reader r = {
        unit, cls, value_of_web(values, forward->params.at[0]->web), value_of_web(values, forward->params.at[1]->web)};
    const struct value *hidden = NULL;
    m->bias = NULL;
    m->down = linear_of(&r, value_of(values, result->kid[0]), &hidden, m);
    if (m->down == NULL)
        return false;
    return read_hidden(&r, hidden, m);
}
