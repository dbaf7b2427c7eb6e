/* expert_batches.c - experts that are given all tokens in one batch, each its part.
 *
 * A router gives every token a weight for every expert, zero but for the best; the tokens are repeated for each expert
 * and multiplied by these weights; part e of the rows goes through expert e, and the parts are summed. The equations
 * have found three pieces of that, in up to three functions:
 *
 *     scores = adgen.spread_weights(logits, chosen, weights)             of the router
 *     y = adgen.sum_of_batches(self.experts, x, scores, count)           of the block
 *     y = adgen.expert_batches(rows, count, width, ...)                  of the experts
 *
 * Writes  the router returns the weights of the chosen experts and these experts, the block hands both on, and the
 *         experts sum over them: adgen.expert_batch_sum, which experts.c makes an op of.
 * Guarantees  nothing is changed where a piece is missing, or where there may be more parts than experts. */
#include <string.h>

#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"

enum { SPREAD_LOGITS = 1, SPREAD_CHOSEN, SPREAD_WEIGHTS };
enum { BATCHES_ROWS = 1, BATCHES_COUNT, BATCHES_WIDTH, BATCHES_GATE_UP, BATCHES_DOWN, BATCHES_ACT };
enum { OF_EXPERTS = 1, OF_TOKENS, OF_SCORES, OF_COUNT };

struct batches {
    struct unit *unit;
    struct fn *fn;                  /* of the block */
    struct node *sum;               /* adgen.sum_of_batches */
    struct fn *experts;             /* their forward */
    struct node *parts;             /* adgen.expert_batches, which it returns */
    struct fn *router;              /* returns the scores with others */
    struct node *returned, *spread; /* its tuple, and adgen.spread_weights */
    struct web *scores;             /* in the block */
    struct node *count;             /* number of experts: a symbol */
};

static uint32_t calls_everywhere(struct unit *unit, const struct fn *fn) {
    struct functions all = {0};
    uint32_t count = 0;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        count += count_calls(all.list.at[i]->body, fn, NULL);
    return count;
}

/* -- the experts --------------------------------------------------------------------------------------------------- */

/* Whether the module's forward is given rows alone, by nobody else any more, and returns what all experts make. */
static bool read_experts(struct batches *b) {
    const struct node *module = b->sum->kid[OF_EXPERTS];
    const struct absval *abs = module->abs;
    b->experts = abs && abs->kind == ABS_INSTANCE ? class_method(abs->cls, "forward") : NULL;
    const struct node *last = b->experts && b->experts->body ? only_return(b->experts) : NULL;
    b->parts = last ? (struct node *)assigned_value(last->kid[0]) : NULL;
    if (!is_idiom(b->parts, "expert_batches") || b->experts->params.len != 2 || b->experts->escapes ||
        calls_everywhere(b->unit, b->experts) > 0)
        return false;
    const struct node *rows = b->parts->kid[BATCHES_ROWS];
    return is_kind(rows, NODE_NAME) && rows->web == b->experts->params.at[1]->web;
}

/* x.shape[i] */
static bool is_size(const struct node *e, const struct node *of, int dim) {
    e = assigned_value(e);
    const struct node *shape = is_kind(e, NODE_SUBSCRIPT) ? e->kid[0] : NULL;
    return is_kind(shape, NODE_ATTRIBUTE) && atom_is(shape->atom, "shape") && is_int(e->kid[1], dim) &&
           same_value(shape->kid[0], of);
}

/* Whether there are as many parts as experts, and rows as wide as these take them. */
static bool read_parts(struct batches *b) {
    struct expert_loop l = {.fn = b->experts};
    struct node **arg = b->parts->kid, *size[3];
    const struct attr *gate_up = kept_attribute(&l, arg[BATCHES_GATE_UP]);
    if (gate_up == NULL || !parameter_sizes(b->unit, gate_up->expr, size, 3))
        return false;
    b->count = size[0];
    const struct node *x = assigned_value(b->sum->kid[OF_TOKENS]);
    bool flat = (is_method(x, "reshape") || is_method(x, "view")) && x->nkids == 3;
    return (is_size(arg[BATCHES_COUNT], arg[BATCHES_GATE_UP], 0) ||
               equals_symbol(b->unit, arg[BATCHES_COUNT], size[0])) &&
           equals_symbol(b->unit, arg[BATCHES_WIDTH], size[1]) && flat && equals_symbol(b->unit, x->kid[2], size[1]);
}

/* -- the router ---------------------------------------------------------------------------------------------------- */

/* The call that made the linear layer which makes these numbers: the function's own class, or an attribute of it. */
static const struct node *linear_construction(const struct fn *fn, const struct node *made) {
    if (!is_kind(made, NODE_CALL) || !is_kind(made->kid[0], NODE_ATTRIBUTE) || fn->owner == NULL)
        return NULL;
    if (is_super_call(made->kid[0])) {
        const struct cls *cls = fn->owner;
        const struct fn *init = class_method((struct cls *)cls, "__init__");
        bool linear = atom_is(made->kid[0]->atom, "forward") && cls->bases.len == 0 && cls->library_bases.len == 1 &&
                      qual_ends(cls->library_bases.at[0], "nn.Linear");
        for (uint32_t i = 0; linear && init && i < init->body->nkids; i++) {
            const struct node *s = init->body->kid[i], *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
            if (is_kind(call, NODE_CALL) && is_super_call(call->kid[0]))
                return call;
        }
        return NULL;
    }
    const struct expert_loop l = {.fn = (struct fn *)fn};
    const struct attr *attr = kept_attribute(&l, made->kid[0]);
    bool linear = attr && is_kind(attr->expr, NODE_CALL) && attr->abs->kind == ABS_OBJECT &&
                  qual_ends(attr->abs->qual, "nn.Linear");
    return linear ? attr->expr : NULL;
}

/* Whether a number of the last dimension is one of an expert. */
static bool has_one_for_each_expert(const struct batches *b) {
    const struct node *made = linear_construction(b->router, assigned_value(b->spread->kid[SPREAD_LOGITS]));
    const struct node *width = made ? call_argument(made, 1, "out_features") : NULL;
    return width && equals_symbol(b->unit, width, b->count);
}

static bool read_router(struct batches *b) {
    const struct node *scores = b->sum->kid[OF_SCORES];
    b->scores = is_kind(scores, NODE_NAME) ? scores->web : NULL;
    const struct node *call = b->scores && b->scores->kind == WEB_ELEMENT ? b->scores->expr : NULL;
    if (!is_kind(call, NODE_CALL) || !call_is_single(call) || !is_kind(b->scores->stmt->kid[1], NODE_TUPLE))
        return false;
    b->router = call->callsite->fn;
    const struct node *last = b->router->body && !b->router->escapes ? only_return(b->router) : NULL;
    b->returned = last && is_kind(last->kid[0], NODE_TUPLE) ? last->kid[0] : NULL;
    const struct node *element =
        b->returned && b->scores->element < b->returned->nkids ? b->returned->kid[b->scores->element] : NULL;
    b->spread = (struct node *)assigned_value(element);
    bool only_returned = !is_kind(element, NODE_NAME) || web_uses(b->router->body, element->web) == 2;
    return is_idiom(b->spread, "spread_weights") && only_returned && calls_everywhere(b->unit, b->router) == 1 &&
           choices_are_distinct(b->spread->kid[SPREAD_CHOSEN], 0) && has_one_for_each_expert(b);
}

/* Whether nothing in the block but the sum asks for the scores; a variable may hold how many there are for a token. */
static bool read_block(const struct batches *b) {
    const struct node *count = b->sum->kid[OF_COUNT];
    bool counted = is_size(count, b->sum->kid[OF_SCORES], 1), named = is_kind(count, NODE_NAME);
    uint32_t uses = 1 + web_uses(b->sum, b->scores) + (counted && named ? web_uses(count->web->expr, b->scores) : 0);
    return (counted || equals_symbol(b->unit, count, b->count)) && web_uses(b->fn->body, b->scores) == uses;
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static struct web *new_web(struct unit *unit, enum web_kind kind, const char *name, struct node *stmt) {
    struct web *w = NEW(unit->arena, struct web);
    w->kind = kind;
    w->name = intern(unit->atoms, name);
    w->abs = abs_tensor(unit, 2);
    w->stmt = stmt;
    return w;
}

/* What is known of a tuple after another tensor is put behind its elements. */
static const struct absval *with_tensor(struct unit *unit, const struct absval *tuple) {
    struct absval *a = abs_new(unit, ABS_TUPLE);
    a->item = NEW_ARRAY(unit->arena, struct val, tuple->count + 1);
    memcpy(a->item, tuple->item, tuple->count * sizeof *a->item);
    a->item[tuple->count].abs = abs_tensor(unit, 2);
    a->count = tuple->count + 1;
    return a;
}

/* The router returns the weights in the place of the scores, and as one more element the chosen experts: that one. */
static struct web *return_choices(const struct batches *b) {
    struct node **element = &b->returned->kid[b->scores->element], *targets = b->scores->stmt->kid[1];
    if (is_kind(*element, NODE_NAME))
        (*element)->web->expr = (*element)->web->stmt->kid[0] = b->spread->kid[SPREAD_WEIGHTS];
    else
        *element = b->spread->kid[SPREAD_WEIGHTS];
    node_add(b->unit->arena, b->returned, node_copy(b->unit->arena, b->spread->kid[SPREAD_CHOSEN]));
    if (b->router->ret && b->router->ret->kind == ABS_TUPLE)
        b->router->ret = with_tensor(b->unit, b->router->ret);
    struct web *chosen = new_web(b->unit, WEB_ELEMENT, "selected_experts", b->scores->stmt);
    chosen->expr = b->scores->expr;
    chosen->element = targets->nkids;
    node_add(b->unit->arena, targets, make_web_name(b->unit->arena, chosen));
    return chosen;
}

static struct node *add_param(const struct batches *b, const char *name) {
    struct param *p = NEW(b->unit->arena, struct param);
    p->web = new_web(b->unit, WEB_PARAM, name, NULL);
    p->name = p->web->name;
    p->role = PARAM_PLAIN;
    p->abs = p->web->abs;
    p->annotation = b->experts->params.at[1]->annotation;
    p->extra = true;
    vec_push(b->unit->arena, &b->experts->params, p);
    return make_web_name(b->unit->arena, p->web);
}

static void write(const struct batches *b) {
    struct unit *unit = b->unit;
    struct arena *arena = unit->arena;
    struct node **part = b->parts->kid, *chosen = make_web_name(arena, return_choices(b));
    struct node *idiom =
        make_attr(arena, make_name(arena, intern(unit->atoms, "adgen")), intern(unit->atoms, "expert_batch_sum"));
    struct node *in_experts[] = {add_param(b, "selected_experts"), add_param(b, "routing_weights")};
    struct node *none = make_const(arena, OP_NONE); /* there is no sum before, and no expert of a turn */
    struct node *sum = node_make(arena, NODE_CALL, NULL, 9, idiom, none, none, part[BATCHES_ROWS], in_experts[0],
        in_experts[1], part[BATCHES_GATE_UP], part[BATCHES_DOWN], part[BATCHES_ACT]);
    b->experts->owner->other_interface = b->router->owner->other_interface = true;
    sum->abs = b->parts->abs;
    sum->source = b->parts->source;
    sum->span = b->parts->span;
    *b->parts = *sum;
    struct map names = {0};
    bind_expr(unit, &names, "_experts", b->sum->kid[OF_EXPERTS]);
    bind_expr(unit, &names, "_x", b->sum->kid[OF_TOKENS]);
    bind_expr(unit, &names, "_chosen", chosen);
    bind_expr(unit, &names, "_weights", b->sum->kid[OF_SCORES]);
    struct node call = *elaborate(unit, b->fn, &names, "_experts(_x, _chosen, _weights)\n")->kid[0]->kid[0];
    call.abs = b->sum->abs;
    call.source = b->sum->source;
    call.span = b->sum->span;
    *b->sum = call;
}

static void route_in(struct unit *unit, struct fn *fn, struct node *e) {
    for (uint32_t i = 0; e && i < e->nkids; i++)
        route_in(unit, fn, e->kid[i]);
    struct batches b = {.unit = unit, .fn = fn, .sum = e};
    if (is_idiom(e, "sum_of_batches") && read_experts(&b) && read_parts(&b) && read_router(&b) && read_block(&b))
        write(&b);
}

void route_batches(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        route_in(unit, all.list.at[i], all.list.at[i]->body);
}

bool expert_batch_read(struct unit *unit, struct fn *fn, struct node *call, struct expert_loop *l) {
    if (fn->owner == NULL || !is_idiom(call, "expert_batch_sum"))
        return false;
    *l = (struct expert_loop){.fn = fn, .step = call, .x = call->kid[STEP_TOKENS], .weighs_tokens = true};
    l->chosen = call->kid[STEP_CHOSEN];
    l->weights = call->kid[STEP_WEIGHTS];
    return expert_stack_read(unit, l);
}
