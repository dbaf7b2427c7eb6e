/* prune.c - liveness over the whole program: what the logits do not need is not there.
 *
 * Reads   the residual program in SSA form.
 * Writes  the marks `live` of variables, attributes, parameters, functions and classes; then sweep.c removes the rest.
 * Guarantees  a statement, parameter, attribute, returned element, function or class stays exactly if the entry's
 * logits (or a published parameter) depend on it.
 *
 * It starts with nothing live and marks from the entry's result: a use marks its definition, a definition marks what it
 * is made of and the control flow around it. Calls connect the two sides: an argument is live when its parameter is, an
 * element of a returned tuple when some caller reads it. */
#include <stdlib.h>
#include <string.h>

#include "rewrite/expert_loop.h"
#include "rewrite/facts.h"
#include "rewrite/paths.h"
#include "rewrite/towers.h"
#include "rewrite/unit.h"

/* What of a value is wanted: all of it, one element of a tuple, or one field of an output. */
struct demand {
    enum { DEMAND_ALL, DEMAND_ELEMENT, DEMAND_FIELD } kind;
    uint32_t element;
    atom field;
};

static const struct demand all = {DEMAND_ALL, 0, NULL};

static void mark_expr(struct unit *unit, struct node *e, struct demand demand);
static void mark_stmt(struct unit *unit, struct node *stmt);
static void mark_function(struct unit *unit, struct fn *fn);
static void mark_returns(struct unit *unit, const struct callsite *first, struct demand demand);

/* -- functions ----------------------------------------------------------------------------------------------------- */

void functions_collect(struct unit *unit, struct functions *functions) {
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        for (uint32_t k = 0; k < cls->methods.len; k++) {
            struct fn *fn = cls->methods.entry[k].value;
            if (fn->body && fn->round == unit->round)
                vec_push(unit->arena, &functions->list, fn);
        }
    }
    const struct module *module;
    for (uint32_t m = 0; (module = unit_module(unit, m)) != NULL; m++) {
        for (uint32_t i = 0; i < module->symbols.len; i++) {
            struct symbol *symbol = module->symbols.entry[i].value;
            if (symbol->fn && symbol->fn->body && symbol->fn->round == unit->round)
                vec_push(unit->arena, &functions->list, symbol->fn);
        }
    }
}

struct node *returned_record(const struct fn *fn, struct node *value) {
    const struct web *held = is_kind(value, NODE_NAME) ? value->web : NULL;
    if (held && held->kind == WEB_ASSIGN && web_uses(fn->body, held) == 2)
        value = held->expr;
    bool record = is_kind(value, NODE_CALL) && value->abs && value->abs->kind == ABS_RECORD && !value->callsite;
    return record ? value : NULL;
}

uint32_t count_calls(struct node *n, const struct fn *fn, struct node **found) {
    if (n == NULL)
        return 0;
    uint32_t count = n->kind == NODE_CALL && call_reaches(n, fn);
    if (count && found)
        *found = n;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_calls(n->kid[i], fn, found);
    return count;
}

/* -- index: enclosing statements, stores of attributes, effects ---------------------------------------------------- */

static void index_store(struct unit *unit, struct node *target, struct node *stmt) {
    if (target->kind == NODE_TUPLE || target->kind == NODE_LIST) {
        for (uint32_t i = 0; i < target->nkids; i++)
            index_store(unit, target->kid[i], stmt);
        return;
    }
    if (target->kind == NODE_SUBSCRIPT) /* self.table[key] = v */
        target = target->kid[0];
    if (target->kind != NODE_ATTRIBUTE || !target->kid[0]->abs || target->kid[0]->abs->kind != ABS_INSTANCE)
        return;
    struct attr *attr = map_get(&target->kid[0]->abs->cls->attrs, target->atom);
    if (attr)
        vec_push(unit->arena, &attr->stmts, stmt);
}

static bool is_self_method(const struct node *call, const char *name) {
    return call->kind == NODE_CALL && call->kid[0]->kind == NODE_ATTRIBUTE && atom_is(call->kid[0]->atom, name);
}

/* self.register_buffer("name", ...) stores an attribute. */
static struct attr *registered(struct unit *unit, const struct node *call) {
    static const char *const methods[] = {"register_buffer", "register_parameter", "add_module", "register_module"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (!is_self_method(call, methods[i]) || call->nkids < 2)
            continue;
        const struct absval *self = call->kid[0]->kid[0]->abs;
        const struct node *name = call->kid[1]->kind == NODE_KEYWORD ? call->kid[1]->kid[0] : call->kid[1];
        if (self && self->kind == ABS_INSTANCE && name->kind == NODE_STRING)
            return map_get(&self->cls->attrs, string_value(unit->atoms, name));
    }
    return NULL;
}

/* self.layers.append(x), self.names.extend(xs) belong to the attribute. */
static struct attr *grown(const struct node *call) {
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE || !mutates_list(call->kid[0]->atom) ||
        call->kid[0]->kid[0]->kind != NODE_ATTRIBUTE)
        return NULL;
    const struct node *place = call->kid[0]->kid[0];
    const struct absval *self = place->kid[0]->abs;
    return self && self->kind == ABS_INSTANCE ? map_get(&self->cls->attrs, place->atom) : NULL;
}

static bool is_pure_call(const struct unit *unit, const struct node *call) {
    const struct node *callee = call->kid[0];
    if (call->callsite)
        return false;
    if (callee->abs && callee->abs->kind == ABS_LIBRARY) {
        const struct fact *fact = fact_library(unit->facts, callee->abs->qual);
        if (fact && fact->effect == EFFECT_MUTATES)
            return false;
        return strncmp(callee->abs->qual, "torch.", 6) == 0 || fact != NULL;
    }
    if (callee->kind == NODE_ATTRIBUTE && callee->kid[0]->abs && callee->kid[0]->abs->kind == ABS_TENSOR) {
        size_t len = strlen(callee->atom);
        return callee->atom[len - 1] != '_';
    }
    return callee->kind == NODE_ATTRIBUTE && callee->kid[0]->abs && callee->kid[0]->abs->kind == ABS_DICT;
}

/* A store into an attribute of something that is not one of our modules, such as a configuration. */
static bool stores_elsewhere(const struct node *stmt) {
    const struct node *target = stmt->kid[1];
    return target->kind == NODE_ATTRIBUTE && !(target->kid[0]->abs && target->kid[0]->abs->kind == ABS_INSTANCE);
}

/* A store into a parameter, which the caller holds too. */
static bool is_visible_outside(const struct web *w) {
    while (w && w->kind == WEB_STORE)
        w = w->from[0];
    return w && w->kind == WEB_PARAM && !abs_is_mask(w->abs);
}

static void index_block(struct unit *unit, struct fn *fn, struct node *block, struct node *up);

static void index_stmt(struct unit *unit, struct fn *fn, struct node *stmt, struct node *up) {
    stmt->up = up;
    stmt->mark = 0;
    switch (stmt->kind) {
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < stmt->nkids; i++)
            index_store(unit, stmt->kid[i], stmt);
        if (stores_elsewhere(stmt) || (stmt->nphis && is_visible_outside(stmt->phis[0])))
            vec_push(unit->arena, &fn->effects, stmt);
        break;
    case NODE_RETURN: vec_push(unit->arena, &fn->returns, stmt); break;
    case NODE_BREAK:
    case NODE_CONTINUE:
    case NODE_GLOBAL: /* this and the next: where gaps are allowed */
    case NODE_NONLOCAL:
    case NODE_CLASS:
    case NODE_WITH:
    case NODE_MATCH:
    case NODE_TYPEALIAS: vec_push(unit->arena, &fn->effects, stmt); break;
    case NODE_EXPR: {
        struct attr *attr = registered(unit, stmt->kid[0]);
        if (attr == NULL)
            attr = grown(stmt->kid[0]);
        if (attr)
            vec_push(unit->arena, &attr->stmts, stmt);
        else if (stmt->nphis == 0 && stmt->kid[0]->kind == NODE_CALL && !is_pure_call(unit, stmt->kid[0]))
            vec_push(unit->arena, &fn->effects, stmt);
        break;
    }
    default: break;
    }
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (is_kind(stmt->kid[i], NODE_BLOCK))
            index_block(unit, fn, stmt->kid[i], stmt);
}

static void index_block(struct unit *unit, struct fn *fn, struct node *block, struct node *up) {
    for (uint32_t i = 0; i < block->nkids; i++)
        index_stmt(unit, fn, block->kid[i], up);
}

/* Element-wise liveness of a returned tuple needs every return to spell the tuple out. */
static void index_returns(struct fn *fn) {
    fn->ret_count = 0;
    for (uint32_t i = 0; i < fn->returns.len; i++) {
        const struct node *value = fn->returns.at[i]->kid[0];
        uint32_t count = is_kind(value, NODE_TUPLE) || is_kind(value, NODE_LIST) ? value->nkids : 0;
        if (count == 0 || count > 64 || (i > 0 && count != fn->ret_count)) {
            fn->ret_count = 0;
            return;
        }
        fn->ret_count = count;
    }
    if (fn->escapes)
        fn->ret_count = 0;
}

/* `return self.inner(x)`: the elements are the inner function's. */
static void index_hand_on(struct fn *fn) {
    fn->ret_via = NULL;
    if (fn->ret_count || fn->escapes || fn->returns.len != 1)
        return;
    const struct node *value = fn->returns.at[0]->kid[0];
    if (is_kind(value, NODE_CALL) && value->callsite && !value->callsite->also && value->callsite->fn->ret_count &&
        !value->callsite->fn->ret_via) {
        fn->ret_via = value->callsite->fn;
        fn->ret_count = fn->ret_via->ret_count;
    }
}

static void reset_attributes(struct unit *unit) {
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        cls->live = false;
        for (uint32_t k = 0; k < cls->attrs.len; k++) {
            struct attr *attr = cls->attrs.entry[k].value;
            attr->live = false;
            attr->stmts.len = 0;
        }
    }
}

static void clear_web(struct web *w) {
    w->live = false;
    w->uses = 0; /* UINT32_MAX: wanted as a whole */
}

static void clear_webs(struct node *n) {
    if (n == NULL)
        return;
    if (n->web)
        clear_web(n->web);
    for (uint32_t i = 0; i < n->nphis; i++)
        clear_web(n->phis[i]);
    for (uint32_t i = 0; i < n->nkids; i++)
        clear_webs(n->kid[i]);
}

static void index_program(struct unit *unit, struct functions *functions) {
    reset_attributes(unit);
    for (uint32_t i = 0; i < functions->list.len; i++) {
        struct fn *fn = functions->list.at[i];
        fn->live = fn->ret_all_live = false;
        fn->ret_live = 0;
        fn->returns.len = fn->calls.len = fn->effects.len = 0;
        memset(&fn->ret_fields, 0, sizeof fn->ret_fields);
        for (uint32_t k = 0; k < fn->params.len; k++) {
            fn->params.at[k]->live = false;
            if (fn->params.at[k]->web)
                clear_web(fn->params.at[k]->web);
        }
        clear_webs(fn->body);
        index_block(unit, fn, fn->body, NULL);
        index_returns(fn);
        fn->ret_via = NULL;
    }
    for (uint32_t i = 0; i < functions->list.len; i++)
        index_hand_on(functions->list.at[i]);
}

/* -- marking ------------------------------------------------------------------------------------------------------- */

static void mark_up(struct unit *unit, struct node *stmt) {
    for (struct node *s = stmt->up; s && !s->mark; s = s->up) {
        s->mark = 1;
        if (s->kind == NODE_IF || s->kind == NODE_WHILE) {
            mark_expr(unit, s->kid[0], all);
        } else if (s->kind == NODE_FOR) {
            mark_expr(unit, s->kid[1], all);
        }
    }
}

static void mark_stmt_only(struct unit *unit, struct node *stmt) {
    if (stmt->mark)
        return;
    stmt->mark = 1;
    mark_up(unit, stmt);
}

/* A statement and all that it computes from. */
static void mark_stmt(struct unit *unit, struct node *stmt) {
    mark_stmt_only(unit, stmt);
    if (stmt->kind == NODE_ASSIGN || stmt->kind == NODE_EXPR)
        for (uint32_t i = 0; i < stmt->nkids; i++)
            if (i == 0 || stmt->kid[i]->kind == NODE_SUBSCRIPT)
                mark_expr(unit, stmt->kid[i], all);
    for (uint32_t i = 0; i < stmt->nphis && stmt->kind == NODE_ASSIGN; i++)
        stmt->phis[i]->live = true;
}

static void mark_web(struct unit *unit, struct web *w, struct demand demand) {
    bool known = w->live;
    if (known && demand.kind == DEMAND_ALL && w->kind != WEB_ASSIGN)
        return;
    w->live = true;
    switch (w->kind) {
    case WEB_PARAM:
    case WEB_TARGET:
        if (w->stmt && w->stmt->kind == NODE_FOR)
            mark_stmt_only(unit, w->stmt), mark_expr(unit, w->stmt->kid[1], all);
        break;
    case WEB_ASSIGN:
        if (known && w->uses == UINT32_MAX) /* already wanted as a whole */
            return;
        if (demand.kind == DEMAND_ALL)
            w->uses = UINT32_MAX;
        mark_stmt_only(unit, w->stmt);
        mark_expr(unit, w->expr, demand);
        break;
    case WEB_ELEMENT: {
        struct demand element = {DEMAND_ELEMENT, w->element, NULL};
        mark_stmt_only(unit, w->stmt);
        mark_expr(unit, w->expr, element);
        break;
    }
    case WEB_STORE:
        mark_stmt(unit, w->stmt);
        mark_web(unit, w->from[0], all);
        break;
    case WEB_IF:
    case WEB_LOOP:
        mark_stmt_only(unit, w->stmt);
        if (w->stmt->kind != NODE_FOR)
            mark_expr(unit, w->stmt->kid[0], all);
        else
            mark_expr(unit, w->stmt->kid[1], all);
        for (int i = 0; i < 2; i++)
            if (w->from[i])
                mark_web(unit, w->from[i], known ? all : demand);
        break;
    }
}

static void mark_attr(struct unit *unit, struct cls *cls, atom name) {
    struct attr *attr = map_get(&cls->attrs, name);
    if (attr == NULL) {
        struct fn *fn = map_get(&cls->methods, name); /* a method used as a value */
        if (fn && fn->body)
            mark_function(unit, fn);
        return;
    }
    if (attr->live)
        return;
    attr->live = true;
    for (uint32_t i = 0; i < attr->stmts.len; i++)
        mark_stmt(unit, attr->stmts.at[i]);
}

static void mark_return(struct unit *unit, struct fn *fn, struct demand demand) {
    if (demand.kind == DEMAND_ELEMENT && fn->ret_count == 0)
        demand = all;
    if (fn->ret_all_live)
        return;
    if (demand.kind == DEMAND_ALL) {
        fn->ret_all_live = true;
        fn->ret_live = UINT64_MAX;
    } else if (demand.kind == DEMAND_ELEMENT) {
        if (demand.element < 64 && fn->ret_live & (UINT64_C(1) << demand.element))
            return;
        fn->ret_live |= UINT64_C(1) << demand.element;
    } else {
        if (map_has(&fn->ret_fields, demand.field))
            return;
        map_put(unit->arena, &fn->ret_fields, demand.field, fn);
    }
    for (uint32_t i = 0; i < fn->returns.len; i++) {
        struct node *stmt = fn->returns.at[i];
        mark_stmt_only(unit, stmt);
        if (stmt->kid[0])
            mark_expr(unit, stmt->kid[0], demand);
    }
    for (uint32_t i = 0; i < fn->calls.len; i++)
        if (fn->calls.at[i]->callsite->also)
            mark_returns(unit, fn->calls.at[i]->callsite, demand);
}

/* While parameters may still become live, constructors keep what they are given: tables will be made from it. */
static bool arg_is_live(const struct unit *unit, const struct callsite *site, uint32_t arg) {
    bool live = site->fixed || (unit->keep_signatures && atom_is(site->fn->name, "__init__"));
    for (; site && !live; site = site->also) {
        uint32_t p = site->param[arg];
        live = p == UINT32_MAX || site->fn->escapes || site->fn->params.at[p]->web == NULL ||
               site->fn->params.at[p]->web->live;
    }
    return live;
}

static struct node *arg_value(struct node *arg) {
    return arg->kind == NODE_KEYWORD || arg->kind == NODE_STARRED ? arg->kid[0] : arg;
}

/* Arguments whose parameters are live; called again whenever one becomes live. All that the call may reach take it. */
static void mark_args(struct unit *unit, struct node *call) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        if (!arg_is_live(unit, call->callsite, i - 1))
            continue;
        mark_expr(unit, arg_value(call->kid[i]), all);
        for (const struct callsite *site = call->callsite; site; site = site->also) {
            uint32_t p = site->param[i - 1];
            if (p != UINT32_MAX && site->fn->params.at[p]->web)
                site->fn->params.at[p]->web->live = true;
        }
    }
}

/* What has been wanted of `from` is wanted of `to`. */
static void share_returns(struct unit *unit, const struct fn *from, struct fn *to) {
    if (from == to)
        return;
    if (from->ret_all_live)
        mark_return(unit, to, all);
    for (uint32_t i = 0; i < from->ret_count && !from->ret_all_live; i++)
        if (from->ret_live >> i & 1)
            mark_return(unit, to, (struct demand){DEMAND_ELEMENT, i, NULL});
    for (uint32_t i = 0; i < from->ret_fields.len; i++)
        mark_return(unit, to, (struct demand){DEMAND_FIELD, 0, from->ret_fields.entry[i].key});
}

/* All that a call may reach return the same: what is wanted of one, before or by another call, is wanted of all. */
static void mark_returns(struct unit *unit, const struct callsite *first, struct demand demand) {
    for (const struct callsite *site = first; site; site = site->also)
        if (first->fixed || site->fn->ret_count != first->fn->ret_count)
            demand = all;
    for (const struct callsite *site = first; site; site = site->also)
        mark_return(unit, site->fn, demand);
    for (const struct callsite *site = first; site; site = site->also)
        for (const struct callsite *other = first; other; other = other->also)
            share_returns(unit, site->fn, other->fn);
}

static void mark_call(struct unit *unit, struct node *call, struct demand demand) {
    bool known = call->mark;
    call->mark = 1;
    for (const struct callsite *site = call->callsite; site && !known; site = site->also) {
        mark_function(unit, site->fn);
        vec_push(unit->arena, &site->fn->calls, call);
    }
    if (!known) {
        mark_expr(unit, call->kid[0], all);
        mark_args(unit, call);
    }
    if (!atom_is(call->callsite->fn->name, "__init__"))
        mark_returns(unit, call->callsite, demand);
}

/* What equations have written for a pass that is still to come may stand for calls of the modules that it names. */
static void mark_called_later(struct unit *unit, const struct node *call) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *arg = call->kid[i];
        const struct absval *module = arg->abs ? arg->abs : arg->web ? arg->web->abs : NULL;
        if (module && module->kind == ABS_SEQ)
            module = module->element;
        struct fn *forward = module && module->kind == ABS_INSTANCE ? class_method(module->cls, "forward") : NULL;
        if (forward == NULL || forward->body == NULL)
            continue;
        mark_function(unit, forward);
        for (uint32_t k = 0; k < forward->params.len; k++)
            if (forward->params.at[k]->web)
                forward->params.at[k]->web->live = true;
        mark_return(unit, forward, all);
    }
}

static void mark_class(struct unit *unit, struct cls *cls);

/* The field of an output that is made right here. */
static bool mark_record_field(struct unit *unit, struct node *call, atom field) {
    if (!call->abs || call->abs->kind != ABS_RECORD)
        return false;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (call->kid[i]->kind == NODE_KEYWORD && call->kid[i]->atom == field) {
            mark_expr(unit, call->kid[i]->kid[0], all);
            return true;
        }
    return true;
}

static void mark_attribute(struct unit *unit, struct node *e, struct demand demand) {
    const struct absval *object = e->kid[0]->abs;
    if (object && object->kind == ABS_INSTANCE) {
        mark_attr(unit, object->cls, e->atom);
        mark_expr(unit, e->kid[0], all);
    } else if (object && object->kind == ABS_UNION) {
        for (uint32_t i = 0; i < object->count; i++)
            if (object->item[i].abs->kind == ABS_INSTANCE)
                mark_attr(unit, object->item[i].abs->cls, e->atom);
        mark_expr(unit, e->kid[0], all);
    } else if (object && object->kind == ABS_RECORD) {
        struct demand field = {DEMAND_FIELD, 0, e->atom};
        mark_expr(unit, e->kid[0], field);
    } else {
        mark_expr(unit, e->kid[0], all);
    }
    (void)demand;
}

static void mark_name(struct unit *unit, struct node *e, struct demand demand) {
    if (e->web) {
        mark_web(unit, e->web, demand);
        return;
    }
    if (e->abs && e->abs->kind == ABS_CLASS)
        mark_class(unit, e->abs->cls);
    if (e->abs && e->abs->kind == ABS_FUNCTION && e->abs->fn->body)
        mark_function(unit, e->abs->fn);
    struct symbol *symbol = unit_lookup(unit, e);
    if (symbol && !symbol->used) {
        symbol->used = true;
        if (symbol->kind == SYM_VALUE) /* a constant of the module, which may name others */
            mark_expr(unit, symbol->def, all);
    }
}

static void mark_kids(struct unit *unit, struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i])
            mark_expr(unit, e->kid[i], all);
}

static void mark_expr(struct unit *unit, struct node *e, struct demand demand) {
    switch (e->kind) {
    case NODE_NAME: mark_name(unit, e, demand); return;
    case NODE_ATTRIBUTE: mark_attribute(unit, e, demand); return;
    case NODE_CALL:
        if (e->callsite) {
            mark_call(unit, e, demand);
            return;
        }
        if (demand.kind == DEMAND_FIELD && mark_record_field(unit, e, demand.field))
            return;
        if (unit->keep_signatures && is_idiom(e, NULL))
            mark_called_later(unit, e);
        break;
    case NODE_SUBSCRIPT: {
        int index;
        if (literal_int(e->kid[1], &index) && index >= 0 && e->kid[0]->abs &&
            (e->kid[0]->abs->kind == ABS_TUPLE || e->kid[0]->abs->kind == ABS_LIST)) {
            struct demand element = {DEMAND_ELEMENT, (uint32_t)index, NULL};
            mark_expr(unit, e->kid[0], element);
            return;
        }
        break;
    }
    case NODE_TUPLE:
    case NODE_LIST:
        if (demand.kind == DEMAND_ELEMENT && demand.element < e->nkids) {
            mark_expr(unit, e->kid[demand.element], all);
            return;
        }
        break;
    default: break;
    }
    mark_kids(unit, e);
}

/* -- what is live with its owner ----------------------------------------------------------------------------------- */

static bool is_without_parameters(atom qual) {
    static const char *const modules[] = {"Dropout", "Dropout1d", "Dropout2d", "Identity", "ReLU", "GELU", "SiLU",
        "Sigmoid", "Tanh", "Softmax", "Softplus", "GLU", "ELU", "LeakyReLU", "Mish", "Hardswish", "Flatten",
        "AvgPool2d", "MaxPool2d", "RMSNorm.weightless"};
    if (strncmp(qual, "torch.nn.", 9) != 0)
        return !qual_ends(qual, "Conv1D");
    for (size_t i = 0; i < sizeof modules / sizeof modules[0]; i++)
        if (strcmp(qual + 9, modules[i]) == 0)
            return true;
    return false;
}

static bool holds_parameters(const struct absval *a);

static bool is_plain_module(const struct cls *cls) {
    for (uint32_t i = 0; i < cls->library_bases.len; i++)
        if (!qual_ends(cls->library_bases.at[i], "nn.Module"))
            return false;
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (!is_plain_module(cls->bases.at[i]))
            return false;
    return true;
}

/* A module of this file, unless all that it keeps is numbers and buffers that are not saved. */
static bool instance_holds_parameters(const struct cls *cls) {
    bool holds = cls->dynamic || !is_plain_module(cls);
    for (uint32_t i = 0; i < cls->attrs.len && !holds; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        holds = is_state(attr) || holds_parameters(attr->abs);
    }
    return holds;
}

static bool holds_parameters(const struct absval *a) {
    if (a->kind == ABS_INSTANCE)
        return instance_holds_parameters(a->cls);
    if (a->kind == ABS_SEQ && a->element)
        return holds_parameters(a->element);
    for (uint32_t i = 0; a->kind == ABS_UNION && i < a->count; i++)
        if (holds_parameters(a->item[i].abs))
            return true;
    return a->kind == ABS_OBJECT && !is_without_parameters(a->qual);
}

static bool is_parameter_store(const struct attr *attr) {
    return attr->expr && attr->expr->kind == NODE_CALL && attr->expr->kid[0]->abs &&
           attr->expr->kid[0]->abs->kind == ABS_LIBRARY && qual_ends(attr->expr->kid[0]->abs->qual, "Parameter");
}

/* Published parameters stay even where prefill does not read them: the checkpoint holds them. Beside the tower for text
 * they are another modality's (towers.h). */
static void mark_parameters(struct unit *unit, struct cls *cls) {
    if (wraps_tower(unit, cls))
        return;
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        struct attr *attr = cls->attrs.entry[i].value;
        if (holds_parameters(attr->abs) || is_parameter_store(attr))
            mark_attr(unit, cls, attr->name);
    }
}

static void mark_class(struct unit *unit, struct cls *cls) {
    if (cls->live)
        return;
    cls->live = true;
    struct fn *init = class_method(cls, "__init__");
    if (init && init->body)
        mark_function(unit, init);
    mark_parameters(unit, cls);
}

static void mark_function(struct unit *unit, struct fn *fn) {
    if (fn->live)
        return;
    fn->live = true;
    if (fn->owner)
        mark_class(unit, fn->owner);
    for (uint32_t i = 0; i < fn->effects.len; i++)
        mark_stmt(unit, fn->effects.at[i]);
    if (fn->escapes) {
        for (uint32_t i = 0; i < fn->params.len; i++)
            if (fn->params.at[i]->web)
                fn->params.at[i]->web->live = true;
        mark_return(unit, fn, all);
    }
}

/* Parameters become live one after the other, and each may make arguments live: until nothing changes. */
static void mark_all_args(struct unit *unit, struct functions *functions) {
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < functions->list.len; i++) {
            struct fn *fn = functions->list.at[i];
            for (uint32_t k = 0; k < fn->params.len; k++) {
                struct param *p = fn->params.at[k];
                if (p->live || !p->web || !p->web->live)
                    continue;
                p->live = changed = true;
                for (uint32_t c = 0; c < fn->calls.len; c++)
                    mark_args(unit, fn->calls.at[c]);
            }
        }
    }
}

/* Statements are marked, and calls of functions of the file. */
static void clear_marks(struct node *n) {
    if (n == NULL || node_is_expr(n))
        return;
    n->mark = 0;
    for (uint32_t i = 0; i < n->nkids; i++)
        clear_marks(n->kid[i]);
}

void sweep(struct unit *unit, struct functions *functions);

void mark_needed(struct unit *unit, struct functions *functions) {
    functions_collect(unit, functions);
    const struct module *module;
    for (uint32_t m = 0; (module = unit_module(unit, m)) != NULL; m++)
        for (uint32_t i = 0; i < module->symbols.len; i++)
            ((struct symbol *)module->symbols.entry[i].value)->used = false;
    index_program(unit, functions);
    struct fn *forward = class_method(unit->entry, "forward");
    struct demand logits = {DEMAND_FIELD, 0, intern(unit->atoms, "logits")};
    bool record = forward->ret && forward->ret->kind == ABS_RECORD;
    mark_class(unit, unit->entry);
    mark_function(unit, forward);
    mark_return(unit, forward, record ? logits : all);
    mark_all_args(unit, functions);
}

void clear_needed(struct functions *functions) {
    for (uint32_t i = 0; i < functions->list.len; i++) {
        const struct fn *fn = functions->list.at[i];
        clear_marks(fn->body);
        for (uint32_t k = 0; k < fn->calls.len; k++)
            fn->calls.at[k]->mark = 0;
    }
}

void prune(struct unit *unit) {
    struct functions functions = {0};
    mark_needed(unit, &functions);
    sweep(unit, &functions);
    clear_needed(&functions);
}
