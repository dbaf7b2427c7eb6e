/* expert_open.c - a loop over stacked experts that compute something which no op does.
 *
 * Reads   a loop whose turn is adgen.expert_step_open: it adds, weighted, what it computes of the tokens that chose the
 *         expert.
 * Writes  the same loop over all experts, in which each turn computes that of all tokens; their weights are nothing
 *         where they did not choose the expert. Where the weights are those of linear layers, the experts become
 *         modules (expert_layers.c), so that any published layout can be loaded.
 * Guarantees  the same sum, since what a turn computes treats every token alike (by_row.c). Otherwise nothing changes.
 */
#include "rewrite/by_row.h"
#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"
#include "rewrite/library.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"

struct opening {
    struct unit *unit;
    struct expert_loop l;
    struct node *loop, *body, *last; /* the statement that adds */
    struct values *values;
    const struct value *token, *rows; /* of the tokens that chose the expert: their positions, and themselves */
    const struct web *id;
    bool by_row;        /* the loop goes through rows of one id */
    struct node *stack; /* weights of all experts */
    struct web *number; /* what holds the expert's number in the loop that is written */
};

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool read_step(struct opening *o) {
    struct node *loop = o->loop, *last = NULL;
    if (loop->kind != NODE_FOR || loop->kid[3] || loop->nphis != 1 || !is_kind(loop->kid[0], NODE_NAME))
        return false;
    o->body = loop->kid[2];
    last = o->last = o->body->nkids ? o->body->kid[o->body->nkids - 1] : NULL;
    if (!is_kind(last, NODE_ASSIGN) || last->nkids != 2 || !is_kind(last->kid[1], NODE_NAME) ||
        !is_idiom(last->kid[0], "expert_step_open"))
        return false;
    struct node **arg = last->kid[0]->kid;
    o->l.step = last->kid[0];
    o->l.result = loop->phis[0];
    o->l.chosen = arg[STEP_CHOSEN];
    o->l.weights = arg[STEP_WEIGHTS];
    o->token = value_of(o->values, arg[OPEN_TOKEN]);
    return is_kind(arg[STEP_SUM], NODE_NAME) && arg[STEP_SUM]->web == loop->phis[0] &&
           loop->phis[0]->from[1] == last->kid[1]->web && stands_before(o->l.chosen, loop) &&
           stands_before(o->l.weights, loop);
}

/* Every expert that a token chose has one turn: these, or all of range(n), whatever n is. */
static bool read_head(struct opening *o) {
    bool taken;
    const struct node *from = assigned_value(without_transfer(o->loop->kid[1]));
    o->id = id_target(o->loop);
    if (o->id == NULL || id_source(o->l.step->kid[STEP_EXPERT], &taken) != o->id || !is_kind(from, NODE_CALL) ||
        from->nkids != 2)
        return false;
    o->by_row = is_idiom(from, "chosen_experts");
    if (is_name(from->kid[0], "range"))
        return !taken;
    bool numbers = is_idiom(from, "chosen_numbers"); /* each by itself already, taken out of a tensor or not */
    return (numbers || (o->by_row && taken)) && same_value(from->kid[1], o->l.chosen);
}

/* x of x[token], and the weights in which an expert finds its own. */
static void read_subscripts(struct opening *o, struct node *n) {
    bool taken;
    if (n == NULL)
        return;
    if (n->kind == NODE_SUBSCRIPT && value_of(o->values, n->kid[1]) == o->token && o->l.x == NULL) {
        o->l.x = n->kid[0];
        o->rows = value_of(o->values, n);
    }
    const struct attr *attr = n->kind == NODE_SUBSCRIPT ? kept_attribute(&o->l, n->kid[0]) : NULL;
    struct node *size[3];
    if (attr && o->stack == NULL && id_source(n->kid[1], &taken) == o->id &&
        parameter_sizes(o->unit, attr->expr, size, 3)) {
        o->stack = n->kid[0];
        o->l.count = size[0];
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        read_subscripts(o, n->kid[i]);
}

static bool is_known_outside(const struct opening *o, const struct node *target) {
    if (target->kind == NODE_TUPLE)
        for (uint32_t i = 0; i < target->nkids; i++)
            if (is_known_outside(o, target->kid[i]))
                return true;
    const struct node *all = o->l.fn->body;
    return target->kind == NODE_NAME && web_uses(all, target->web) != web_uses(o->loop, target->web);
}

/* The rest of the turn gives names to what goes into the sum, or leaves out what would add nothing. */
static bool only_prepares(const struct opening *o) {
    for (uint32_t i = 0; i + 1 < o->body->nkids; i++) {
        const struct node *s = o->body->kid[i];
        bool names =
            s->kind == NODE_ASSIGN && s->nkids == 2 && (s->kid[1]->kind == NODE_NAME || s->kid[1]->kind == NODE_TUPLE);
        if (names ? is_known_outside(o, s->kid[1]) : !leaves_out_idle_turns(o->unit, &o->l, s))
            return false;
    }
    return true;
}

static bool read_opening(struct opening *o) {
    if (!read_step(o) || !read_head(o))
        return false;
    read_subscripts(o, o->body);
    if (o->l.x == NULL || o->stack == NULL || !stands_before(o->l.x, o->loop) || !only_prepares(o) ||
        rank_known(value_of(o->values, o->l.x)->rank) != 2)
        return false;
    const struct web *self = o->l.fn->params.at[0]->web;
    return value_is_by_row(o->unit, o->values, o->l.fn->owner, value_of_web(o->values, (struct web *)self), o->rows,
               value_of_web(o->values, (struct web *)o->id), value_of(o->values, o->l.step->kid[OPEN_RESULT])) &&
           begins_with_zeros(o->unit, &o->l, o->l.result->from[0]);
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

/* x for x[token] and for its names, and the number for what is it, or takes it out of a row. */
static struct node *for_all_tokens(const struct opening *o, struct node *n) {
    bool taken;
    if (n == NULL)
        return NULL;
    if ((n->kind == NODE_SUBSCRIPT || n->kind == NODE_NAME) && value_of(o->values, n) == o->rows)
        return node_copy(o->unit->arena, o->l.x);
    if (node_is_expr(n) && id_source(n, &taken) == o->id && (taken || o->number != o->id))
        return make_web_name(o->unit->arena, o->number);
    for (uint32_t i = 0; i < n->nkids; i++)
        n->kid[i] = n->kind == NODE_ASSIGN && i > 0 ? n->kid[i] : for_all_tokens(o, n->kid[i]);
    return n;
}

/* for expert in range(len(stack)) */
static void write_head(const struct opening *o) {
    struct map names = {0};
    struct web *id = o->loop->kid[0]->web;
    bind_expr(o->unit, &names, "_stack", o->stack);
    struct node *made = elaborate(o->unit, o->l.fn, &names, "experts = range(len(_stack))\n");
    o->loop->kid[1] = made->kid[0]->kid[0];
    id->abs = o->loop->kid[0]->abs = abs_simple(ABS_NUMBER);
}

static void write_sum(const struct opening *o) {
    struct map names = {0};
    struct node **arg = o->l.step->kid;
    bind_expr(o->unit, &names, "_weights", o->l.weights);
    bind_expr(o->unit, &names, "_chosen", o->l.chosen);
    bind_expr(o->unit, &names, "_x", o->l.x);
    bind_expr(o->unit, &names, "_sum", arg[STEP_SUM]);
    bind_expr(o->unit, &names, "_expert", arg[STEP_EXPERT]);
    bind_expr(o->unit, &names, "_result", arg[OPEN_RESULT]);
    struct node *made = elaborate(o->unit, o->l.fn, &names,
        arena_printf(o->unit->arena,
            "weight = _weights.masked_fill(_chosen != _expert, 0.0).sum(-1, keepdim=True)\n"
            "total = _sum + (_result * weight).to(%s.dtype)\n",
            o->l.sums_weights ? "_weights" : "_x"));
    uint32_t at = o->body->nkids - 1;
    o->body->kid[at] = define_web(o->unit, o->last->kid[1]->web, made->kid[1]->kid[0], o->last);
    node_insert(o->unit->arena, o->body, at, made->kid[0]);
}

/* Whether a turn computes down(silu(gate) * up), written without a name for the function. */
static bool is_op_of_layers(const struct opening *o, const struct expert_layers *layers) {
    struct node **part = layers->together->kid[1]->kid;
    return is_gated_by_silu(value_of(o->values, layers->down->kid[layers->down->kind == NODE_BINOP ? 0 : 1]),
        value_of(o->values, part[0]), value_of(o->values, part[1]));
}

bool open_expert_loop(struct unit *unit, struct fn *fn, struct node *block, uint32_t at, struct expert_loop *l) {
    struct opening o = {.unit = unit, .l = {.fn = fn, .block = block, .at = at}, .loop = block->kid[at]};
    o.values = values_create(unit->arena, unit->atoms, unit->rules->library);
    if (fn->owner == NULL || !read_opening(&o))
        return false;
    struct expert_layers layers;
    bool layered = expert_layers_read(unit, &o.l, o.body, o.id, &layers);
    o.l.is_silu = layered && is_op_of_layers(&o, &layers);
    bool list = layered && make_expert_list(unit, &o.l);
    *l = o.l;
    if (o.l.is_silu)
        return list;
    unit->plain_experts = fn->owner->name;
    pass_record_as(unit, "experts", o.loop, fn,
        arena_printf(unit->arena, "compute every expert for all tokens, in plain PyTorch: no operator computes `%s`",
            fn->owner->name));
    for (uint32_t i = o.body->nkids - 1; i-- > 0;)
        if (o.body->kid[i]->kind == NODE_IF)
            node_remove(o.body, i);
    o.number = list ? expert_layers_write(unit, &o.l, o.loop, &layers) : o.loop->kid[0]->web;
    for (uint32_t i = 0; i < o.body->nkids; i++)
        for_all_tokens(&o, o.body->kid[i]);
    refresh_definitions(o.body);
    if (!list && !is_name(((struct node *)assigned_value(without_transfer(o.loop->kid[1])))->kid[0], "range"))
        write_head(&o);
    write_sum(&o);
    return true;
}
