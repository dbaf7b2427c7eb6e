/* run_call.c - calls: binding arguments to parameters, running a body. */
#include <string.h>

#include "base/text.h"
#include "rewrite/facts.h"
#include "rewrite/run_internal.h"

struct datum *argument(const struct arguments *arguments, uint32_t position, const char *name) {
    if (position < arguments->positional.list.len)
        return arguments->positional.list.at[position];
    return name ? dict_get(&arguments->named, name) : NULL;
}

/* -- functions of the source --------------------------------------------------------------------------------------- */

static bool bad_call(struct run *run, const struct arguments *arguments, const char *what, atom name) {
    return run_raise(run, arguments->at, "TypeError", "%s `%s`", what, name) != NULL;
}

static struct datum *default_value(struct run *run, const struct closure *function, struct node *dflt) {
    struct scope outer = {.outer = function->around, .module = function->module};
    outer.class = function->around ? NULL : function->owner;
    return evaluate(run, &outer, dflt);
}

/* `used` marks the keyword arguments that have found a parameter. */
static bool bind_param(struct run *run, struct scope *scope, struct node *p, const struct arguments *arguments,
    struct datum *positional, bool *used) {
    struct datum *value = positional;
    for (uint32_t i = 0; i < arguments->named.list.len; i++) {
        const struct item *item = &arguments->named.list.at[i];
        if (item->value == NULL || item->key->kind != D_STR || item->key->text != p->atom)
            continue;
        if (positional)
            return bad_call(run, arguments, "several values for argument", p->atom);
        value = item->value;
        used[i] = true;
    }
    if (value == NULL && p->kid[1])
        value = default_value(run, scope->function, p->kid[1]);
    if (value == NULL)
        return run->stop == RUN_ON && bad_call(run, arguments, "missing argument", p->atom);
    bind(run, scope, p->atom, value);
    return true;
}

static bool bind_rest(
    struct run *run, struct scope *scope, struct node *kwargs, const struct arguments *arguments, const bool *used) {
    struct datum *rest = datum_dict(run);
    for (uint32_t i = 0; i < arguments->named.list.len; i++) {
        const struct item *item = &arguments->named.list.at[i];
        if (item->value == NULL || used[i])
            continue;
        if (kwargs == NULL)
            return bad_call(run, arguments, "no parameter is called", item->key->kind == D_STR ? item->key->text : "?");
        dict_set(run, &rest->dict, item->key, item->value);
    }
    if (kwargs)
        bind(run, scope, kwargs->atom, rest);
    return true;
}

static bool bind_params(struct run *run, struct scope *scope, const struct node *params, struct datum *self,
    const struct arguments *arguments) {
    struct data given = {0};
    if (self)
        vec_push(run->arena, &given.list, self);
    for (uint32_t i = 0; i < arguments->positional.list.len; i++)
        vec_push(run->arena, &given.list, arguments->positional.list.at[i]);
    bool *used = NEW_ARRAY(run->arena, bool, arguments->named.list.len + 1);
    bool keyword_only = false;
    struct node *kwargs = NULL;
    uint32_t at = 0;
    for (uint32_t i = 0; i < params->nkids; i++) {
        struct node *p = params->kid[i];
        if (p->op == PARAM_PLAIN) {
            struct datum *positional = !keyword_only && at < given.list.len ? given.list.at[at++] : NULL;
            if (!bind_param(run, scope, p, arguments, positional, used))
                return false;
        } else if (p->op == PARAM_ARGS) {
            struct datum *rest = datum_list(run, D_TUPLE);
            while (at < given.list.len)
                datum_push(run, rest, given.list.at[at++]);
            bind(run, scope, p->atom, rest);
        } else if (p->op == PARAM_KWARGS) {
            kwargs = p;
        }
        keyword_only |= p->op == PARAM_ARGS || p->op == PARAM_STAR;
    }
    if (at < given.list.len)
        return run_raise(run, arguments->at, "TypeError", "too many arguments") != NULL;
    return bind_rest(run, scope, kwargs, arguments, used);
}

static struct datum *run_body(struct run *run, struct scope *scope, struct node *def) {
    if (def->kind == NODE_LAMBDA)
        return evaluate(run, scope, def->kid[1]);
    enum flow flow = execute(run, scope, function_body(def));
    return flow == FLOW_STOP ? NULL : flow == FLOW_RETURN ? scope->result : datum_none(run);
}

/* What a function of another file computes for the model may be of no use to keys and shapes, such as frequencies. */
static bool is_contained(const struct run *run, const struct closure *function, const struct arguments *arguments) {
    return function->owner == NULL && function->module != run->home && arguments->at &&
           arguments->at->source == run->home->source;
}

/* What is known of calls without looking at what they do, such as which libraries there are; NULL: nothing. */
static struct datum *value_by_fact(struct run *run, atom qual) {
    const struct fact *fact = run->unit->facts ? fact_library(run->unit->facts, qual) : NULL;
    const struct node *value = fact && fact->effect == EFFECT_VALUE ? fact->value : NULL;
    if (value == NULL || value->kind != NODE_CONST)
        return NULL;
    return value->op == OP_NONE ? datum_none(run) : datum_bool(run, value->op == OP_TRUE);
}

static struct datum *function_by_fact(struct run *run, const struct closure *function) {
    bool plain = function->owner == NULL && function->around == NULL && function->def->kind == NODE_FUNCTION;
    if (!plain || function->module == run->home)
        return NULL;
    atom name = intern_printf(run->unit->atoms, "%s.%s", function->module->name, function->def->atom);
    const struct fact *fact = run->forward && run->unit->facts ? fact_library(run->unit->facts, name) : NULL;
    return fact && fact_makes_mask(fact) ? forward_mask(run) : value_by_fact(run, name);
}

struct datum *run_closure(struct run *run, struct closure *function, struct datum *self, struct arguments *args) {
    if (function->owner)
        method_def(run->unit, function->def);
    struct datum *known = function_by_fact(run, function);
    if (known)
        return known;
    if (run->calls >= CALLS_MAX)
        return run_refuse(run, args->at, "calls that nest so deeply are not followed");
    struct scope *scope = NEW(run->arena, struct scope);
    *scope = (struct scope){.outer = function->around, .module = function->module, .function = function};
    struct node *def = function->def;
    const struct node *params = def->kind == NODE_LAMBDA ? def->kid[0] : function_params(def);
    run->calls++;
    struct datum *value = bind_params(run, scope, params, self, args) ? run_body(run, scope, def) : NULL;
    run->calls--;
    if (value || run->stop != RUN_REFUSED || !is_contained(run, function, args))
        return value;
    run->stop = RUN_ON;
    value = unknown(run, run->at, "%s", run->why);
    value->unknown.may_hold = false;
    return value;
}

/* -- all calls ----------------------------------------------------------------------------------------------------- */

static struct datum *call_library(struct run *run, struct datum *callee, struct arguments *arguments) {
    const char *name = callee->text;
    struct datum *known = value_by_fact(run, callee->text);
    if (known)
        return known;
    if (run->forward && starts_with(name, "torch.ops.auto_deploy."))
        return forward_operator(run, name + strlen("torch.ops.auto_deploy."), arguments);
    if (starts_with(name, "torch.")) {
        struct datum *value = call_torch(run, name + strlen("torch."), arguments);
        if (value || run->stop != RUN_ON)
            return value;
    } else if (strcmp(name, "collections.OrderedDict") == 0) {
        return run_builtin(run, "dict", arguments);
    } else if (is_builtin(name) || word_in(name, "importlib.import_module") || starts_with(name, "math.") ||
               starts_with(name, "copy.") || strchr(name, '.') == NULL) {
        struct datum *value = run_builtin(run, name, arguments);
        if (value || run->stop != RUN_ON)
            return value;
    }
    struct datum *value = unknown(run, arguments->at, "what `%s` returns is not known", name);
    const char *last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
    value->unknown.may_hold = last[0] >= 'A' && last[0] <= 'Z'; /* a class of modules, perhaps */
    return value;
}

static struct datum *call_object(struct run *run, struct datum *callee, struct arguments *arguments) {
    struct class *in;
    struct class *class = callee->object->class;
    struct member *member = find_member(class, NULL, intern(run->unit->atoms, "__call__"), &in);
    struct datum *f = member ? member_value(run, in, member) : NULL;
    if (f && f->kind == D_FUNCTION)
        return run_closure(run, f->function, callee, arguments);
    if (run->forward && class->is_module)
        return forward_module(run, callee, arguments);
    return unknown(run, arguments->at, "what a module computes is not followed");
}

struct datum *call(struct run *run, struct datum *callee, struct arguments *arguments) {
    switch (callee->kind) {
    case D_FUNCTION: return run_closure(run, callee->function, NULL, arguments);
    case D_CLASS: return run_instance(run, callee->class, arguments);
    case D_LIBRARY: return call_library(run, callee, arguments);
    case D_OBJECT: return call_object(run, callee, arguments);
    case D_UNKNOWN: return callee;
    case D_METHOD: break;
    default: return run_raise(run, arguments->at, "TypeError", "this cannot be called");
    }
    struct datum *self = callee->method.self;
    if (callee->method.function)
        return run_closure(run, callee->method.function, self, arguments);
    if (self->kind == D_OBJECT || self->kind == D_SUPER)
        return call_native(run, self, callee->method.name, arguments);
    if (self->kind == D_TENSOR)
        return call_tensor(run, self, callee->method.name, arguments);
    return run_method(run, self, callee->method.name, arguments);
}
