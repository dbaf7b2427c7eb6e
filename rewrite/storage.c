/* storage.c - may-alias, by the definitions of variables. */
#include "rewrite/storage.h"

#include "base/text.h"
#include "rewrite/symbolic.h"

static const struct storage nothing;

static void add(struct storages *known, struct storage *to, const void *place) {
    for (uint32_t i = 0; i < to->at.len; i++)
        if (to->at.at[i] == place)
            return;
    vec_push(known->unit->arena, &to->at, place);
}

static void add_all(struct storages *known, struct storage *to, const struct storage *from) {
    for (uint32_t i = 0; i < from->at.len; i++)
        add(known, to, from->at.at[i]);
}

static void add_expr(struct storages *known, struct storage *to, const struct node *e);

static bool may_hold_tensor(const struct absval *a) {
    switch (a ? a->kind : ABS_TOP) {
    case ABS_CONST:
    case ABS_LIBRARY:
    case ABS_BOUND:
    case ABS_FUNCTION:
    case ABS_CLASS:
    case ABS_OBJECT:
    case ABS_INSTANCE:
    case ABS_SYMBOLIC:
    case ABS_CONFIG:
    case ABS_INDEX:
    case ABS_NUMBER:
    case ABS_SHAPE: return false;
    default: return true;
    }
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

/* Methods and functions whose result may be the memory of their first operand. */
static bool may_be_view(const char *name) {
    static const char views[] =
        "view view_as reshape reshape_as transpose permute swapaxes swapdims movedim moveaxis t squeeze unsqueeze "
        "flatten unflatten expand expand_as broadcast_to chunk split tensor_split split_with_sizes unbind narrow "
        "select "
        "diagonal contiguous to type type_as float half bfloat16 double detach data view_as_real view_as_complex real "
        "imag atleast_1d atleast_2d atleast_3d as_strided unfold cpu cuda get pop items values requires_grad_ detach_";
    return word_in(name, views);
}

/* Modules of the library that hand on what they are given. */
static bool hands_on(const struct absval *callee) {
    return abs_is_object(callee, "Identity") || abs_is_object(callee, "Dropout") || abs_is_object(callee, "Flatten") ||
           abs_is_object(callee, "Unflatten");
}

/* What a function returns, as its parameters and attributes. */
static const struct storage *returned(struct storages *known, const struct fn *fn);

static void add_returned(struct storages *known, struct storage *to, const struct node *stmt) {
    if (stmt == NULL)
        return;
    if (stmt->kind == NODE_RETURN)
        add_expr(known, to, stmt->kid[0]);
    else if (!node_is_expr(stmt))
        for (uint32_t i = 0; i < stmt->nkids; i++)
            add_returned(known, to, stmt->kid[i]);
}

static const struct storage *returned(struct storages *known, const struct fn *fn) {
    struct storage *result = map_get(&known->webs, fn);
    if (result != NULL)
        return result;
    result = NEW(known->unit->arena, struct storage);
    map_put(known->unit->arena, &known->webs, fn, result);
    add_returned(known, result, fn->body);
    return result;
}

static const struct param *param_at(const struct fn *fn, const void *place) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->web == place)
            return fn->params.at[i];
    return NULL;
}

static bool is_attribute_place(const struct storages *known, const void *place) {
    for (uint32_t i = 0; i < known->unit->classes.len; i++) {
        const struct map *attrs = &known->unit->classes.at[i]->attrs;
        for (uint32_t k = 0; k < attrs->len; k++)
            if (attrs->entry[k].value == place)
                return true;
    }
    return false;
}

static void add_call(struct storages *known, struct storage *to, const struct node *call) {
    const struct node *callee = call->kid[0];
    for (const struct callsite *site = call->callsite; site; site = site->also) {
        const struct storage *result = returned(known, site->fn);
        for (uint32_t i = 0; i < result->at.len; i++) {
            const struct param *param = param_at(site->fn, result->at.at[i]);
            if (param)
                add_expr(known, to, argument_for(call, site->fn, param->web));
            else if (is_attribute_place(known, result->at.at[i]))
                add(known, to, result->at.at[i]);
        }
    }
    if (call->callsite)
        return;
    if (callee->kind == NODE_ATTRIBUTE && callee->abs && callee->abs->kind == ABS_LIBRARY) {
        if (may_be_view(callee->atom) && call->nkids > 1)
            add_expr(known, to, call->kid[1]->kind == NODE_KEYWORD ? call->kid[1]->kid[0] : call->kid[1]);
    } else if (callee->kind == NODE_ATTRIBUTE && (may_be_view(callee->atom) || works_in_place(callee->atom))) {
        add_expr(known, to, callee->kid[0]);
    }
    bool display =
        callee->kind == NODE_NAME && word_in(callee->atom, "list tuple dict zip enumerate reversed iter next");
    for (uint32_t i = 1; (display || hands_on(callee->abs)) && i < call->nkids; i++)
        add_expr(known, to, call->kid[i]);
}

/* -- expressions --------------------------------------------------------------------------------------------------- */

static void add_attribute(struct storages *known, struct storage *to, const struct node *e) {
    const struct absval *of = e->kid[0]->abs;
    if (of && of->kind == ABS_INSTANCE) {
        const struct attr *attr = class_attr_of(of->cls, e->atom);
        if (attr && may_hold_tensor(attr->abs))
            add(known, to, attr);
    } else if (!word_in(e->atom, "shape dtype device ndim")) {
        add_expr(known, to, e->kid[0]);
    }
}

static bool has_own_memory(const struct node *e) {
    switch (e->kind) {
    case NODE_BINOP:
    case NODE_UNARYOP:
    case NODE_COMPARE:
    case NODE_NUMBER:
    case NODE_CONST:
    case NODE_STRING:
    case NODE_STRINGS:
    case NODE_FSTRING:
    case NODE_LAMBDA: return true;
    default: return false;
    }
}

static void add_expr(struct storages *known, struct storage *to, const struct node *e) {
    if (e == NULL || has_own_memory(e) || !may_hold_tensor(e->abs))
        return;
    switch (e->kind) {
    case NODE_NAME:
        if (e->web)
            add_all(known, to, storage_of_web(known, e->web));
        break;
    case NODE_CALL: add_call(known, to, e); break;
    case NODE_ATTRIBUTE: add_attribute(known, to, e); break;
    case NODE_SUBSCRIPT: /* by a tensor it is a copy */
        if (!abs_is_tensor(e->kid[1]->abs))
            add_expr(known, to, e->kid[0]);
        break;
    case NODE_IFEXP:
        add_expr(known, to, e->kid[1]);
        add_expr(known, to, e->kid[2]);
        break;
    default: /* a display, a choice, a comprehension: what is in it */
        for (uint32_t i = 0; i < e->nkids; i++)
            add_expr(known, to, e->kid[i]);
        break;
    }
}

const struct storage *storage_of(struct storages *known, const struct node *e) {
    struct storage *result = NEW(known->unit->arena, struct storage);
    add_expr(known, result, e);
    return result;
}

/* -- variables ----------------------------------------------------------------------------------------------------- */

static void add_web(struct storages *known, struct storage *to, const struct web *web) {
    switch (web->kind) {
    case WEB_ASSIGN:
    case WEB_ELEMENT: add_expr(known, to, web->expr); break;
    case WEB_TARGET: /* one of what is looped over */
        if (is_kind(web->stmt, NODE_FOR) || is_kind(web->stmt, NODE_COMPREHENSION))
            add_expr(known, to, web->stmt->kid[1]);
        break;
    case WEB_IF:
    case WEB_LOOP:
    case WEB_STORE:
        for (int i = 0; i < 2; i++)
            if (web->from[i])
                add_all(known, to, storage_of_web(known, web->from[i]));
        break;
    case WEB_PARAM: break;
    }
    if (to->at.len == 0)
        add(known, to, web);
}

const struct storage *storage_of_web(struct storages *known, const struct web *web) {
    if (!may_hold_tensor(web->abs))
        return &nothing;
    struct storage *result = map_get(&known->webs, web);
    if (result == NULL) {
        result = NEW(known->unit->arena, struct storage);
        map_put(known->unit->arena, &known->webs, web, result);
        add_web(known, result, web);
    }
    return result;
}

bool storage_meets(const struct storage *a, const struct storage *b) {
    for (uint32_t i = 0; i < a->at.len; i++)
        for (uint32_t k = 0; k < b->at.len; k++)
            if (a->at.at[i] == b->at.at[k])
                return true;
    return false;
}
