/* spec_call.c - specialisation of calls: arguments to parameters, unfolding of helpers, residual functions.
 *
 * A call of a module (`self.mlp(x)`) stays a call: its forward is specialised once for all its calls together. A call
 * of a helper (a function of the file, a method other than forward, a lambda) is unfolded into its caller, so that the
 * equations see the whole dataflow and each call is specialised for itself. A helper whose control flow does not allow
 * that stays a call, like a module. */
#include <string.h>

#include "rewrite/spec.h"

/* -- arguments ----------------------------------------------------------------------------------------------------- */

static void add_arg(struct frame *f, struct args *args, atom keyword, struct val v, struct node *node) {
    struct arg arg = {.keyword = keyword, .form = ARG_VALUE, .val = v, .node = node};
    vec_push(f->unit->arena, &args->list, arg);
}

/* `*a` of known elements becomes so many arguments; so does `**d` of a dictionary whose keys are all known. */
static void add_spread(struct frame *f, struct args *args, struct node *node, struct val v, bool keywords) {
    const struct absval *a = v.abs;
    if (!keywords && (a->kind == ABS_TUPLE || a->kind == ABS_LIST)) {
        for (uint32_t i = 0; i < a->count; i++)
            add_arg(f, args, NULL, element_of(f, v, i), node);
        return;
    }
    if (keywords && a->kind == ABS_DICT && a->element == NULL) {
        account_decided(f->unit, node, REASON_KEYS);
        for (uint32_t i = 0; i < a->count; i++) {
            struct val item = a->item[i];
            if (item.expr == NULL && item.web == NULL)
                item.expr = node_make(f->unit->arena, NODE_SUBSCRIPT, NULL, 2, val_expr(f, &v),
                    make_string(f->unit->arena, f->unit->atoms, a->key[i]));
            item.expr = val_expr(f, &item);
            add_arg(f, args, a->key[i], item, node);
        }
        return;
    }
    struct arg arg = {.form = keywords ? ARG_STARSTAR : ARG_STAR, .val = v, .node = node};
    vec_push(f->unit->arena, &args->list, arg);
    args->open = true;
}

void eval_args(struct frame *f, struct node *call, struct args *args) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node *a = call->kid[i];
        if (a->kind == NODE_STARRED)
            add_spread(f, args, a, eval(f, a->kid[0]), false);
        else if (a->kind == NODE_KEYWORD && a->atom == NULL)
            add_spread(f, args, a, eval(f, a->kid[0]), true);
        else if (a->kind == NODE_KEYWORD)
            add_arg(f, args, a->atom, eval(f, a->kid[0]), a);
        else
            add_arg(f, args, NULL, eval(f, a), a);
    }
}

static struct node *arg_node(struct frame *f, const struct arg *arg) {
    struct node *expr = val_expr(f, &arg->val);
    if (arg->node && expr->source == NULL)
        at_node(f, expr, arg->form == ARG_VALUE && !arg->keyword ? arg->node : arg->node->kid[0]);
    if (arg->form == ARG_STAR)
        return node_make(f->unit->arena, NODE_STARRED, NULL, 1, expr);
    if (arg->form == ARG_STARSTAR || arg->keyword)
        return node_make(f->unit->arena, NODE_KEYWORD, arg->keyword, 1, expr);
    return expr;
}

/* A function handed to code that we do not see may be called with anything. */
static void escape_functions(struct frame *f, const struct args *args) {
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct absval *a = args->list.at[i].val.abs;
        if ((a->kind == ABS_FUNCTION || a->kind == ABS_BOUND) && a->fn->def && !a->fn->closure)
            fn_escape(f->unit, a->fn);
    }
}

struct node *build_call(struct frame *f, struct node *callee, const struct args *args, struct node *at) {
    struct node *call = at_node(f, node_make(f->unit->arena, NODE_CALL, NULL, 1, callee), at);
    call->flags = at ? at->flags : 0;
    for (uint32_t i = 0; i < args->list.len; i++)
        node_add(f->unit->arena, call, arg_node(f, &args->list.at[i]));
    return call;
}

/* -- binding ------------------------------------------------------------------------------------------------------- */

struct binding {
    struct val *of_param;     /* parallel to fn->params; abs NULL: not given */
    VEC(struct arg) rest;     /* for *args */
    VEC(struct arg) keywords; /* for **kwargs */
    uint32_t *param_of_arg;   /* parallel to args->list; UINT32_MAX: none */
};

static uint32_t find_param(const struct fn *fn, atom name) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->name == name && fn->params.at[i]->role == PARAM_PLAIN)
            return i;
    return UINT32_MAX;
}

static bool has_role(const struct fn *fn, enum op role) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->role == role)
            return true;
    return false;
}

/* Which parameter the next positional argument fills. */
static uint32_t next_positional(const struct fn *fn, uint32_t from) {
    for (uint32_t i = from; i < fn->params.len; i++)
        if (fn->params.at[i]->role == PARAM_PLAIN && !fn->params.at[i]->keyword_only && !fn->params.at[i]->extra)
            return i;
    return UINT32_MAX;
}

static bool bind_args(struct frame *f, struct fn *fn, bool has_self, const struct args *args, struct binding *b) {
    struct arena *arena = f->unit->arena;
    b->of_param = NEW_ARRAY(arena, struct val, fn->params.len + 1);
    b->param_of_arg = NEW_ARRAY(arena, uint32_t, args->list.len + 1);
    uint32_t next = next_positional(fn, has_self ? 1 : 0);
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        uint32_t p = UINT32_MAX;
        if (a->form != ARG_VALUE)
            return false;
        if (a->keyword) {
            p = find_param(fn, a->keyword);
            if (p == UINT32_MAX && has_role(fn, PARAM_KWARGS))
                vec_push(arena, &b->keywords, *a);
        } else if (next != UINT32_MAX) {
            p = next;
            next = next_positional(fn, next + 1);
        } else {
            vec_push(arena, &b->rest, *a);
        }
        b->param_of_arg[i] = p;
        if (p != UINT32_MAX)
            b->of_param[p] = a->val;
    }
    return true;
}

/* A list or dictionary that the function changes is the same at the next call. */
static void refuse_kept_default(struct frame *f, const struct fn *fn, const struct param *param) {
    struct map changed = {0};
    const struct node *value = param->dflt;
    if (fn->def == NULL || (value->kind != NODE_LIST && value->kind != NODE_DICT && value->kind != NODE_SET))
        return;
    collect_assigned(f->unit, function_body(fn->def), &changed);
    if (map_has(&changed, param->name))
        diag_at(f->unit->diags, unit_refusal(f->unit), fn->module->source, value->span, "state",
            "the default of `%s` is changed where the function runs, which the next call would see", param->name);
}

/* Defaults are evaluated where the function was defined. */
static struct val default_value(struct frame *f, struct fn *fn, const struct param *param) {
    struct frame g = {.unit = f->unit, .fn = fn, .host = f->host, .pure = true, .closure = fn->closure};
    g.out = node_new(f->unit->arena, NODE_BLOCK);
    struct val v = eval(&g, param->dflt);
    refuse_kept_default(f, fn, param);
    return v.abs->kind == ABS_CONST ? val_make(abs_decided(f->unit, v.abs, REASON_DEFAULT), v.expr) : v;
}

/* -- unfolding ----------------------------------------------------------------------------------------------------- */

static bool returns_inside(const struct node *n, bool in_loop) {
    if (n == NULL || n->kind == NODE_FUNCTION || n->kind == NODE_CLASS || n->kind == NODE_LAMBDA)
        return false;
    if (n->kind == NODE_YIELD || n->kind == NODE_YIELDFROM || n->kind == NODE_GLOBAL || n->kind == NODE_NONLOCAL)
        return true;
    if (n->kind == NODE_RETURN && in_loop)
        return true;
    in_loop |= n->kind == NODE_FOR || n->kind == NODE_WHILE || n->kind == NODE_TRY;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (returns_inside(n->kid[i], in_loop))
            return true;
    return false;
}

static bool can_unfold(const struct frame *f, const struct fn *fn) {
    if (fn_is_of_translations(fn))
        return false;
    if (f->depth >= SPEC_DEPTH_MAX || fn->under_way || fn->is_class_method)
        return fn->lambda != NULL || (fn->is_class_method && f->depth < SPEC_DEPTH_MAX && !fn->under_way);
    return fn->lambda || !returns_inside(function_body(fn->def), false);
}

static void bind_local(struct frame *f, struct frame *g, atom name, struct val v) {
    if (expr_is_trivial(v.expr) || v.abs->kind == ABS_CONST || v.abs->kind == ABS_MASK || f->pure) {
        env_set(g, name, v);
        return;
    }
    emit_assign(g, name, v, NULL);
}

static struct val pack_tuple(struct frame *f, const struct binding *b) {
    struct unit *unit = f->unit;
    struct absval *t = abs_new(unit, ABS_TUPLE);
    struct node *expr = node_new(unit->arena, NODE_TUPLE);
    expr->flags = NF_PAREN;
    t->item = NEW_ARRAY(unit->arena, struct val, b->rest.len + 1);
    for (uint32_t i = 0; i < b->rest.len; i++) {
        t->item[t->count++] = b->rest.at[i].val;
        node_add(unit->arena, expr, val_expr(f, &b->rest.at[i].val));
    }
    return val_make(t, expr);
}

static struct val pack_dict(struct frame *f, const struct binding *b) {
    struct unit *unit = f->unit;
    struct absval *d = abs_new(unit, ABS_DICT);
    d->because = REASON_KEYS;
    struct node *expr = node_new(unit->arena, NODE_DICT);
    d->item = NEW_ARRAY(unit->arena, struct val, b->keywords.len + 1);
    d->key = NEW_ARRAY(unit->arena, atom, b->keywords.len + 1);
    for (uint32_t i = 0; i < b->keywords.len; i++) {
        const struct arg *a = &b->keywords.at[i];
        d->key[d->count] = a->keyword;
        d->item[d->count++] = a->val;
        node_add(unit->arena, expr,
            node_make(unit->arena, NODE_KEYVALUE, NULL, 2, make_string(unit->arena, unit->atoms, a->keyword),
                val_expr(f, &a->val)));
    }
    return val_make(d, expr);
}

static void bind_params(struct frame *f, struct frame *g, struct fn *fn, const struct val *self, struct binding *b) {
    for (uint32_t i = 0; i < fn->params.len; i++) {
        struct param *p = fn->params.at[i];
        if (p->extra)
            continue;
        if (p->role == PARAM_ARGS)
            env_set(g, p->name, pack_tuple(f, b));
        else if (p->role == PARAM_KWARGS)
            env_set(g, p->name, pack_dict(f, b));
        else if (i == 0 && self)
            env_set(g, p->name, *self);
        else if (b->of_param[i].abs)
            bind_local(f, g, p->name, b->of_param[i]);
        else if (p->dflt)
            env_set(g, p->name, default_value(f, fn, p));
        else
            env_set(g, p->name, val_top(make_name(f->unit->arena, p->name)));
    }
}

static struct val unfold(struct frame *f, struct fn *fn, const struct val *self, struct binding *b) {
    struct frame g = {.unit = f->unit,
        .fn = fn,
        .host = f->host,
        .around = f,
        .closure = fn->closure,
        .out = f->out,
        .unfolded = true,
        .aside = f->aside,
        .pure = f->pure,
        .conditional = f->conditional,
        .depth = f->depth + 1,
        .assumed = f->assumed};
    bind_params(f, &g, fn, self, b);
    if (fn->lambda)
        return eval(&g, fn->lambda->kid[1]);
    fn->under_way = true;
    enum flow flow = run_block(&g, function_body(fn->def), 0);
    fn->under_way = false;
    if (flow == FLOW_RAISE && g.ret.abs == NULL)
        return val_make(abs_simple(ABS_BOTTOM), make_const(f->unit->arena, OP_NONE));
    if (g.ret.abs == NULL)
        return val_const(f, OP_NONE);
    g.ret.expr = val_expr(f, &g.ret);
    return g.ret;
}

/* -- residual functions -------------------------------------------------------------------------------------------- */

/* Tensors of several ranks: ranks in the function become relative to this parameter's. What was concluded before that
 * is wrong, not just incomplete, so the round starts over. */
static const struct absval *join_ranks(struct unit *unit, struct param *p, const struct absval *abs) {
    if (abs->kind != ABS_TENSOR)
        return NULL;
    if (p->rank_id == 0) {
        if (!p->abs || p->abs->kind != ABS_TENSOR || p->abs->rank == abs->rank || !p->abs->rank || !abs->rank)
            return NULL;
        p->rank_id = ++unit->rank_ids;
        unit->restart = true;
    }
    return abs_join(unit, p->abs, abs_tensor(unit, p->rank_id * RANK_BASE + RANK_BASE / 2));
}

static void join_param(struct unit *unit, struct fn *fn, struct param *p, const struct absval *abs) {
    const struct absval *joined = join_ranks(unit, p, abs);
    if (joined == NULL)
        joined = abs_join(unit, p->abs, abs_summary(unit, abs));
    if (p->abs && abs_equal(joined, p->abs))
        return;
    p->abs = joined;
    if (fn->round == unit->round)
        unit->changed = true;
}

/* A keyword that goes into **kwargs becomes a parameter of its own. */
static uint32_t extra_param(struct unit *unit, struct fn *fn, atom name) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->name == name)
            return i;
    struct param *p = NEW(unit->arena, struct param);
    p->name = name;
    p->role = PARAM_PLAIN;
    p->extra = true;
    p->dflt = make_const(unit->arena, OP_NONE);
    vec_push(unit->arena, &fn->params, p);
    if (fn->round == unit->round)
        unit->changed = true;
    return fn->params.len - 1;
}

static void join_params(struct frame *f, struct fn *fn, bool has_self, const struct args *args, struct binding *b) {
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        if (b->param_of_arg[i] == UINT32_MAX && a->keyword && has_role(fn, PARAM_KWARGS)) {
            uint32_t p = extra_param(f->unit, fn, a->keyword);
            b->param_of_arg[i] = p;
            struct val *grown = NEW_ARRAY(f->unit->arena, struct val, fn->params.len + 1);
            memcpy(grown, b->of_param, sizeof *grown * (fn->params.len - (p + 1 == fn->params.len)));
            b->of_param = grown;
            b->of_param[p] = a->val;
        }
    }
    for (uint32_t i = has_self; i < fn->params.len; i++) {
        struct param *p = fn->params.at[i];
        if (p->role == PARAM_ARGS && b->rest.len > 0)
            join_param(f->unit, fn, p, abs_simple(ABS_TOP));
        if (p->role != PARAM_PLAIN)
            continue;
        if (b->of_param[i].abs)
            join_param(f->unit, fn, p, b->of_param[i].abs);
        else if (p->dflt)
            join_param(f->unit, fn, p, default_value(f, fn, p).abs);
        else
            join_param(f->unit, fn, p, abs_simple(ABS_TOP));
    }
}

static struct callsite *make_callsite(struct frame *f, struct fn *fn, const struct binding *b) {
    struct callsite *site = NEW(f->unit->arena, struct callsite);
    site->fn = fn;
    site->caller = f->host;
    site->param = b->param_of_arg;
    return site;
}

/* What a call returns, with the ranks of its own arguments in place of the parameters'. */
static const struct absval *result_for(
    struct unit *unit, const struct fn *fn, const struct binding *b, const struct absval *ret) {
    if ((ret->kind == ABS_TENSOR || ret->kind == ABS_SHAPE) && rank_is_relative(ret->rank)) {
        uint32_t rank = 0;
        for (uint32_t i = 0; i < fn->params.len; i++)
            if (fn->params.at[i]->rank_id == ret->rank / RANK_BASE && b->of_param[i].abs && b->of_param[i].abs->rank)
                rank = b->of_param[i].abs->rank + ret->rank % RANK_BASE - RANK_BASE / 2;
        return ret->kind == ABS_TENSOR ? abs_tensor(unit, rank) : abs_shape(unit, rank);
    }
    if (ret->kind != ABS_TUPLE && ret->kind != ABS_RECORD)
        return ret;
    struct absval *t = abs_new(unit, ret->kind);
    *t = *ret;
    t->item = NEW_ARRAY(unit->arena, struct val, ret->count + 1);
    for (uint32_t i = 0; i < ret->count; i++)
        t->item[i].abs = result_for(unit, fn, b, ret->item[i].abs);
    return t;
}

static struct val call_residual(
    struct frame *f, struct fn *fn, const struct val *self, struct args *args, struct node *at, struct node *callee) {
    struct binding b = {0};
    struct node *call = build_call(f, callee, args, at);
    account_call(f->unit, at, fn, false);
    if (!bind_args(f, fn, self != NULL, args, &b)) {
        fn_escape(f->unit, fn);
        return val_make(fn->ret ? fn->ret : abs_simple(ABS_TOP), call);
    }
    fn->escapes |= fn_is_of_translations(fn); /* is printed as it stands, so it is called as it stands */
    join_params(f, fn, self != NULL, args, &b);
    call->callsite = make_callsite(f, fn, &b);
    fn->residual = true;
    fn_specialise(f->unit, fn);
    if (fn->wraps && fn->ret && fn->ret->kind == ABS_RECORD && fn->ret->count == 1) {
        call->abs = fn->ret;
        return val_make(fn->ret->item[0].abs, make_attr(f->unit->arena, call, fn->ret->key[0]));
    }
    return val_make(fn->ret ? result_for(f->unit, fn, &b, fn->ret) : abs_simple(ABS_TOP), call);
}

struct val call_constructor(
    struct frame *f, struct fn *init, const struct val *self, struct args *args, struct node *at, struct node *callee) {
    return call_residual(f, init, self, args, at, callee);
}

static void bind_own_params(struct frame *f, struct fn *fn) {
    struct unit *unit = f->unit;
    struct absval *rest = abs_new(unit, ABS_DICT);
    rest->item = NEW_ARRAY(unit->arena, struct val, fn->params.len + 1);
    rest->key = NEW_ARRAY(unit->arena, atom, fn->params.len + 1);
    rest->element = fn->escapes ? abs_simple(ABS_TOP) : NULL;
    rest->because = REASON_KEYS;
    atom rest_name = NULL;
    for (uint32_t i = 0; i < fn->params.len; i++) {
        struct param *p = fn->params.at[i];
        if (i == 0 && fn->owner && !fn->is_static) {
            struct absval *self = abs_new(unit, fn->is_class_method ? ABS_CLASS : ABS_INSTANCE);
            self->cls = fn->owner;
            p->abs = self;
        }
        const struct absval *abs = p->abs ? p->abs : abs_simple(ABS_TOP);
        p->web = web_new(f, WEB_PARAM, p->name, abs);
        struct val v = {.abs = abs, .web = p->web};
        if (abs->kind == ABS_CONST && !fn->escapes) { /* known: the parameter itself goes */
            v.web = NULL;
            v.expr = node_copy(unit->arena, abs->constant);
        }
        if (p->role == PARAM_KWARGS) {
            rest_name = p->name;
        } else if (p->role == PARAM_ARGS && p->abs == NULL && !fn->escapes) { /* no call gives more */
            struct node *none = node_new(unit->arena, NODE_TUPLE);
            none->flags |= NF_PAREN;
            env_set(f, p->name, val_make(abs_new(unit, ABS_TUPLE), none));
        } else if (p->role == PARAM_ARGS) {
            struct absval *seq = abs_new(unit, ABS_SEQ);
            seq->element = abs_simple(ABS_TOP);
            v.abs = seq;
            env_set(f, p->name, v);
        } else if (p->extra) {
            rest->key[rest->count] = p->name;
            rest->item[rest->count++] = v;
        } else {
            env_set(f, p->name, v);
        }
    }
    if (rest_name)
        env_set(f, rest_name, (struct val){.abs = rest, .expr = make_name(unit->arena, rest_name)});
}

void fn_specialise(struct unit *unit, struct fn *fn) {
    if (fn->round == unit->round || fn->under_way || unit->restart)
        return;
    fn->round = unit->round;
    fn->under_way = true;
    struct frame f = {.unit = unit, .fn = fn, .host = fn, .closure = fn->closure};
    f.out = fn->body = node_new(unit->arena, NODE_BLOCK);
    const struct fn *outer = account_enter(unit, fn);
    bind_own_params(&f, fn);
    enum flow flow = run_block(&f, function_body(fn->def), 0);
    make_late_attributes(&f);
    account_enter(unit, outer);
    const struct absval *ret = f.ret.abs;
    if (flow == FLOW_NEXT)
        ret = abs_join(unit, ret, abs_none(unit));
    fn->ret = ret ? abs_summary(unit, ret) : abs_simple(ABS_BOTTOM);
    fn->under_way = false;
}

void fn_escape(struct unit *unit, struct fn *fn) {
    if (!fn->escapes)
        unit->changed = unit->changed || fn->round == unit->round;
    fn->escapes = fn->residual = true;
    for (uint32_t i = 0; i < fn->params.len; i++) {
        struct param *p = fn->params.at[i];
        if (atom_is(p->name, "config")) {
            struct absval *config = abs_new(unit, ABS_CONFIG);
            config->qual = intern(unit->atoms, "");
            p->abs = abs_join(unit, p->abs, config);
        } else {
            p->abs = abs_simple(ABS_TOP);
        }
    }
    fn_specialise(unit, fn);
}

/* -- dispatch ------------------------------------------------------------------------------------------------------ */

struct val call_function(
    struct frame *f, struct fn *fn, const struct val *self, struct args *args, struct node *at, struct node *callee) {
    struct binding b = {0};
    bool module_call = self && atom_is(fn->name, "forward") && !fn->via_super;
    if (fn->is_static)
        self = NULL;
    if (module_call || !can_unfold(f, fn) || !bind_args(f, fn, self != NULL, args, &b))
        return call_residual(f, fn, self, args, at, callee);
    account_call(f->unit, at, fn, true);
    if (!f->pure)
        return unfold(f, fn, self, &b);
    struct node *out = f->out;
    f->out = node_new(f->unit->arena, NODE_BLOCK);
    struct val v = unfold(f, fn, self, &b);
    bool needs_statements = f->out->nkids > 0;
    f->out = out;
    return needs_statements ? call_residual(f, fn, self, args, at, callee) : v;
}

/* Whether an expression is computed from an attribute of the object. */
static bool is_made_from(const struct node *e, const struct node *object, int depth) {
    if (e == NULL || depth > SPEC_DEPTH_MAX)
        return false;
    if (e->kind == NODE_ATTRIBUTE && node_equal(e->kid[0], object))
        return true;
    if (e->kind == NODE_NAME)
        return e->web && e->web->kind == WEB_ASSIGN && is_made_from(e->web->expr, object, depth + 1);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (is_made_from(e->kid[i], object, depth + 1))
            return true;
    return false;
}

/* A module that is handed its own weights is a function of them. */
static bool is_handed_own_weights(const struct node *object, const struct args *args) {
    for (uint32_t i = 0; i < args->list.len; i++)
        if (is_made_from(args->list.at[i].val.expr, object, 0))
            return object->kind == NODE_ATTRIBUTE;
    return false;
}

static struct val call_instance(struct frame *f, struct val object, struct args *args, struct node *at) {
    struct fn *forward = class_method(object.abs->cls, "forward");
    if (forward) {
        struct val v = call_residual(f, forward, &object, args, at, object.expr);
        struct binding b = {0};
        bool unfolds = hands_out_rows(forward) || (is_handed_own_weights(object.expr, args) && can_unfold(f, forward));
        unfolds = unfolds && !f->pure && bind_args(f, forward, true, args, &b);
        return unfolds ? unfold(f, forward, &object, &b) : v;
    }
    return val_make(abs_simple(ABS_TENSOR), build_call(f, object.expr, args, at));
}

/* `object` in `e` is one of several modules, not just the one for which `e` was made. */
static void say_which(struct node *e, const struct node *object, const struct absval *which) {
    if (e == NULL)
        return;
    if (node_equal(e, object))
        e->abs = which;
    for (uint32_t i = 0; i < e->nkids; i++)
        say_which(e->kid[i], object, which);
}

/* One call node for all that it may reach. */
static struct node *join_calls(struct node *call, struct node *other) {
    if (call == NULL || call->callsite == NULL)
        return other->callsite || call == NULL ? other : call;
    struct callsite *last = call->callsite;
    while (last->also)
        last = last->also;
    last->also = other->callsite;
    return call;
}

/* A call of one of several modules: what any of them may return. */
static struct val call_union(struct frame *f, struct val callee, struct args *args, struct node *at) {
    const struct absval *result = NULL;
    struct node *call = NULL;
    struct val tables = {0};
    bool fixed = false, same = true;
    for (uint32_t i = 0; i < callee.abs->count; i++) {
        if (abs_is_none(callee.abs->item[i].abs)) /* a test around the call rules it out */
            continue;
        struct val one = {.abs = callee.abs->item[i].abs, .expr = node_copy(f->unit->arena, callee.expr)};
        struct val v = call_value(f, one, args, at);
        struct node *when = callee.abs->when ? callee.abs->when[i] : NULL;
        bool makes = one.abs->kind == ABS_CLASS;
        result = abs_join(f->unit, result, makes && when ? abs_where(f->unit, v.abs, when, true) : v.abs);
        same &= v.expr->kind == NODE_TUPLE && (tables.expr == NULL || node_equal(tables.expr, v.expr));
        tables = tables.expr ? tables : v; /* rows that each hands out, unfolded */
        fixed |= makes ? v.expr->callsite == NULL : one.abs->kind != ABS_INSTANCE;
        if (v.expr->kind == NODE_CALL)
            call = join_calls(call, v.expr);
    }
    if (tables.expr && same) {
        say_which(tables.expr, callee.expr, callee.abs);
        for (uint32_t i = 0; i < tables.abs->count; i++)
            say_which(tables.abs->item[i].expr, callee.expr, callee.abs);
        return tables;
    }
    if (call && call->callsite)
        call->callsite->fixed = fixed;
    if (call == NULL && result && callee.abs->count <= 2 && args->list.len == 1) { /* the identity, whichever it is */
        const struct arg *only = &args->list.at[0];
        return (struct val){.abs = only->val.abs, .expr = val_expr(f, &only->val), .web = only->val.web};
    }
    if (call == NULL)
        call = build_call(f, callee.expr, args, at);
    return val_make(result ? result : abs_simple(ABS_TOP), call);
}

/* Call one of two functions: in the branches of the IF that chose it, if that is the last thing that happened. */
static struct val call_choice(struct frame *f, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    const struct absval *choice = callee.abs;
    struct node *join = choice->join;
    if (f->pure)
        return val_top(build_call(f, callee.expr, args, at));
    bool reuse = f->out->nkids > 0 && f->out->kid[f->out->nkids - 1] == join;
    if (!reuse) {
        join = node_make(unit->arena, NODE_IF, NULL, 3, node_copy(unit->arena, choice->join->kid[0]),
            node_new(unit->arena, NODE_BLOCK), node_new(unit->arena, NODE_BLOCK));
        emit(f, join, at);
    }
    if (join->kid[2] == NULL)
        join->kid[2] = node_new(unit->arena, NODE_BLOCK);
    struct node *out = f->out;
    struct val v[2];
    f->conditional++;
    for (int i = 0; i < 2; i++) {
        f->out = join->kid[1 + i];
        struct val target = choice->item[i];
        target.expr = val_expr(f, &target);
        v[i] = call_value(f, target, args, at);
    }
    f->conditional--;
    f->out = out;
    struct val r = merge_vals(f, join, intern(unit->atoms, "result"), v[0], v[1]);
    r.expr = val_expr(f, &r);
    return r;
}

/* A function that is given an argument before those of the call. */
static struct val call_with_first(struct frame *f, struct val callee, struct args *args, struct node *at) {
    struct args all = {.open = args->open};
    struct arg first = {.val = *callee.abs->self};
    vec_push(f->unit->arena, &all.list, first);
    for (uint32_t i = 0; i < args->list.len; i++)
        vec_push(f->unit->arena, &all.list, args->list.at[i]);
    return call_function(f, callee.abs->fn, NULL, &all, at, callee.expr);
}

struct val call_value(struct frame *f, struct val callee, struct args *args, struct node *at) {
    switch (callee.abs->kind) {
    case ABS_CLASS: return construct(f, callee.abs->cls, callee, args, at);
    case ABS_FUNCTION:
        return callee.abs->self ? call_with_first(f, callee, args, at)
                                : call_function(f, callee.abs->fn, NULL, args, at, callee.expr);
    case ABS_BOUND: return call_function(f, callee.abs->fn, callee.abs->self, args, at, callee.expr);
    case ABS_INSTANCE: return call_instance(f, callee, args, at);
    case ABS_OBJECT: return call_object(f, callee, args, at);
    case ABS_LIBRARY: return call_library(f, callee.abs->qual, callee, args, at);
    case ABS_CHOICE: return call_choice(f, callee, args, at);
    case ABS_UNION: return call_union(f, callee, args, at);
    default: escape_functions(f, args); return val_top(build_call(f, callee.expr, args, at));
    }
}

static bool is_callable(const struct absval *a) {
    return a->kind == ABS_CLASS || a->kind == ABS_FUNCTION || a->kind == ABS_BOUND || a->kind == ABS_INSTANCE ||
           a->kind == ABS_OBJECT || a->kind == ABS_LIBRARY || a->kind == ABS_CHOICE || a->kind == ABS_UNION;
}

struct val eval_call(struct frame *f, struct node *e) {
    struct args args = {0};
    struct node *func = e->kid[0];
    if (is_super_call(func)) {
        eval_args(f, e, &args);
        return call_super(f, func->atom, &args, e);
    }
    if (func->kind != NODE_ATTRIBUTE) {
        struct val callee = eval(f, func);
        eval_args(f, e, &args);
        return call_value(f, callee, &args, e);
    }
    struct val object = eval(f, func->kid[0]);
    struct val callee = eval_attribute_of(f, object, func->atom, func);
    eval_args(f, e, &args);
    if (is_callable(callee.abs))
        return call_value(f, callee, &args, e);
    object.expr = val_expr(f, &object);
    escape_functions(f, &args);
    return call_method(f, object, func->atom, &args, e);
}
