/* build.c - from syntax to values: names resolved, calls brought to their signatures. */
#include <stdlib.h>

#include "parser/literal.h"
#include "rewrite/library.h"
#include "rewrite/loops.h"

enum { ARGS_MAX = 48, NODES_MAX = 64 };

/* -- literals ------------------------------------------------------------------------------------------------------ */

static const struct value *build_number(struct values *values, struct node *node) {
    double number;
    if (literal_number(node->atom, &number))
        return value_number(values, number);
    return value_name(values, node->atom); /* a complex literal: a leaf of its own */
}

static const struct value *build_string(struct values *values, struct node *node) {
    atom text = string_value(values_atoms(values), node);
    if (text == NULL)
        return value_ref(values, VALUE_OPAQUE, node);
    struct value draft = {.kind = VALUE_STRING, .atom = text};
    return value_intern(values, &draft);
}

/* -- arguments of a call brought to a signature -------------------------------------------------------------------- */

struct call {
    struct values *values;
    const struct form *form;
    const struct value *arg[ARGS_MAX]; /* of the function; NULL: not given */
    uint32_t next;                     /* of the form: where the next positional argument goes */
    bool ok;
};

static void give(struct call *c, uint32_t param, const struct value *v) {
    int8_t to = c->form->index[param];
    if (to >= 0 && c->arg[to] != NULL)
        c->ok = false;
    else if (to >= 0)
        c->arg[to] = v;
}

/* The remaining arguments of `*shape`: a single sequence, or all of them as one. */
static const struct value *pack_star(struct call *c, struct node **arg, uint32_t count) {
    const struct value *all[ARGS_MAX];
    struct absval const *abs = count == 1 ? arg[0]->abs : NULL;
    for (uint32_t i = 0; i < count; i++)
        all[i] = value_of(c->values, arg[i]);
    const struct value *only = count == 1 ? all[0] : NULL;
    if (only != NULL && only->kind == VALUE_STAR)
        return only->arg[0]->kind == VALUE_TUPLE ? only->arg[0]
                                                 : value_make(c->values, VALUE_TUPLE, OP_NO, NULL, all, 1);
    bool sequence = only != NULL && (only->kind == VALUE_TUPLE || only->kind == VALUE_LIST ||
                                        (only->kind == VALUE_ATTR && atom_is(only->atom, "shape")) ||
                                        (abs != NULL && (abs->kind == ABS_SHAPE || abs->kind == ABS_TUPLE)));
    if (sequence)
        return only;
    return value_make(c->values, VALUE_TUPLE, OP_NO, NULL, all, count);
}

static void give_keyword(struct call *c, const struct node *keyword) {
    atom name = keyword->atom;
    atom renamed = name != NULL ? map_get(&values_library(c->values)->keywords, name) : NULL;
    for (uint32_t i = 0; name != NULL && i < c->form->count; i++) {
        if (c->form->param[i].name == name || c->form->param[i].name == renamed) {
            give(c, i, value_of(c->values, keyword->kid[0]));
            return;
        }
    }
    c->ok = false;
}

static void give_positional(struct call *c, struct node **arg, uint32_t count) {
    for (uint32_t i = 0; i < count && c->ok; i++) {
        if (c->next >= c->form->count) {
            c->ok = false;
        } else if (c->form->param[c->next].is_star) {
            give(c, c->next++, pack_star(c, arg + i, count - i));
            return;
        } else if (arg[i]->kind == NODE_STARRED) {
            c->ok = false;
        } else {
            give(c, c->next++, value_of(c->values, arg[i]));
        }
    }
}

static const struct value *default_of(struct values *values, const struct parameter *param) {
    struct value draft = {
        .kind = (uint8_t)param->fallback, .op = (uint8_t)param->constant, .number = param->number, .atom = param->text};
    return value_intern(values, &draft);
}

static void fill_defaults(struct call *c) {
    const struct function *f = c->form->function;
    for (uint32_t i = 0; i < f->count && c->ok; i++) {
        if (c->arg[i] == NULL && f->param[i].fallback == VALUE_KINDS)
            c->ok = false;
        else if (c->arg[i] == NULL)
            c->arg[i] = default_of(c->values, &f->param[i]);
    }
}

/* The call of `form` on `receiver` (NULL for a plain function), or NULL where the arguments do not fit. The defaults of
 * an alias that differ from the function's are those of the alias. */
static const struct value *call_form(
    struct values *values, const struct form *form, const struct value *receiver, struct node *call) {
    struct call c = {.values = values, .form = form, .ok = form->function->count <= ARGS_MAX};
    uint32_t positional = 0, count = call->nkids - 1;
    struct node **arg = call->kid + 1;
    if (receiver != NULL)
        c.arg[0] = receiver;
    while (positional < count && arg[positional]->kind != NODE_KEYWORD)
        positional++;
    give_positional(&c, arg, positional);
    for (uint32_t i = positional; i < count && c.ok; i++) {
        if (arg[i]->kind == NODE_KEYWORD)
            give_keyword(&c, arg[i]);
        else
            c.ok = false;
    }
    for (uint32_t i = 0; i < form->count && c.ok; i++) {
        int8_t to = form->index[i];
        if (to >= 0 && c.arg[to] == NULL && form->param[i].fallback != VALUE_KINDS)
            c.arg[to] = default_of(values, &form->param[i]);
    }
    fill_defaults(&c);
    return c.ok ? value_call(values, form->function->name, c.arg, form->function->count) : NULL;
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

static bool is_dtype_name(const struct value *v) {
    return v->kind == VALUE_NAME && strncmp(v->atom, "torch.", 6) == 0 && strncmp(v->atom, "torch.device", 12) != 0;
}

static bool is_device(const struct values *values, const struct value *v) {
    return v->kind == VALUE_STRING || (v->kind == VALUE_ATTR && v->atom == values_library(values)->device);
}

/* x.to(...): a cast where one of the arguments is a dtype (or may be one), else x itself. */
static const struct value *call_to(struct values *values, const struct value *x, struct node *call) {
    const struct value *dtype = NULL;
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node *arg = call->kid[i];
        bool keyword = arg->kind == NODE_KEYWORD;
        if (keyword && !atom_is(arg->atom, "dtype"))
            continue;
        const struct value *v = value_of(values, keyword ? arg->kid[0] : arg);
        if (v->kind == VALUE_CONST || v->kind == VALUE_STAR || is_device(values, v))
            continue;
        bool sure = keyword || is_dtype_name(v) || (v->kind == VALUE_ATTR && v->atom == values_library(values)->dtype);
        if (sure || dtype == NULL)
            dtype = v;
        if (sure)
            break;
    }
    if (dtype == NULL)
        return x;
    if (dtype->rank > 0) /* x.to(other): its dtype and device */
        dtype = value_attr(values, dtype, values_library(values)->dtype);
    const struct value *arg[2] = {x, dtype};
    return value_call(values, values_library(values)->special[SPECIAL_TO]->name, arg, 2);
}

/* Methods of tensors are looked up by name alone, so what is certainly no tensor must be told apart. */
static bool may_be_tensor(const struct values *values, const struct node *expr, const struct value *v) {
    const struct absval *abs = expr->abs != NULL ? expr->abs : v->abs;
    if (v->kind == VALUE_NAME || v->kind == VALUE_STRING || v->kind == VALUE_TUPLE || v->kind == VALUE_LIST)
        return false;
    if (v->kind == VALUE_WEB && ((const struct web *)v->ref)->name == values_library(values)->self)
        return false;
    return abs == NULL || abs->kind == ABS_TENSOR || abs->kind == ABS_TOP || abs->kind == ABS_NOTNONE ||
           abs->kind == ABS_MASK;
}

static int by_name(const void *a, const void *b) {
    const struct value *const *x = a, *const *y = b;
    return strcmp((*x)->atom != NULL ? (*x)->atom : "", (*y)->atom != NULL ? (*y)->atom : "");
}

/* Arguments as they stand, keywords sorted by name; returns how many were written from `out[from]` on. */
static uint32_t plain_arguments(
    struct values *values, struct node *call, const struct value **out, uint32_t from, uint32_t max) {
    uint32_t len = from, keywords;
    for (uint32_t i = 1; i < call->nkids && len < max; i++)
        if (call->kid[i]->kind != NODE_KEYWORD)
            out[len++] = value_of(values, call->kid[i]);
    keywords = len;
    for (uint32_t i = 1; i < call->nkids && len < max; i++) {
        if (call->kid[i]->kind != NODE_KEYWORD)
            continue;
        const struct value *v = value_of(values, call->kid[i]->kid[0]);
        out[len++] = value_make(values, VALUE_KEYWORD, OP_NO, call->kid[i]->atom, &v, 1);
    }
    qsort(out + keywords, len - keywords, sizeof *out, by_name);
    return len;
}

static const struct value *call_method(struct values *values, struct node *call) {
    struct node *callee = call->kid[0];
    const struct library *library = values_library(values);
    const struct value *receiver = value_of(values, callee->kid[0]);
    const struct form *form = map_get(&library->methods, callee->atom);
    if (form == NULL || !may_be_tensor(values, callee->kid[0], receiver))
        return NULL;
    if (form->function->special == SPECIAL_TO)
        return call_to(values, receiver, call);
    return call_form(values, form, receiver, call);
}

static const struct value *build_call(struct values *values, struct node *call) {
    const struct library *library = values_library(values);
    struct node *callee = call->kid[0];
    const struct value *out[NODES_MAX];
    if (call->nkids > NODES_MAX)
        return value_ref(values, VALUE_OPAQUE, call);
    atom name = library_qualify(library, callee);
    const struct form *form = name != NULL ? map_get(&library->forms, name) : NULL;
    const struct value *v = NULL;
    if (form != NULL && !(form->function->special == SPECIAL_TO))
        v = call_form(values, form, NULL, call);
    else if (name == NULL && callee->kind == NODE_ATTRIBUTE)
        v = call_method(values, call);
    if (v != NULL)
        return v;
    if (name != NULL)
        return value_call(values, name, out, plain_arguments(values, call, out, 0, NODES_MAX));
    out[0] = value_of(values, callee);
    return value_make(values, VALUE_APPLY, OP_NO, NULL, out, plain_arguments(values, call, out, 1, NODES_MAX));
}

/* -- expressions --------------------------------------------------------------------------------------------------- */

static const struct value *build_kids(struct values *values, struct node *node, enum value_kind kind, enum op op) {
    const struct value *arg[NODES_MAX];
    if (node->nkids > NODES_MAX)
        return value_ref(values, VALUE_OPAQUE, node);
    for (uint32_t i = 0; i < node->nkids; i++)
        arg[i] = node->kid[i] != NULL ? value_of(values, node->kid[i]) : value_const(values, OP_NONE);
    return value_make(values, kind, op, NULL, arg, node->nkids);
}

static const struct value *build_slice(struct values *values, struct node *node) {
    const struct value *arg[3];
    for (uint32_t i = 0; i < 3; i++) {
        bool present = i < node->nkids && node->kid[i] != NULL;
        arg[i] = present ? value_of(values, node->kid[i]) : value_const(values, OP_NONE);
    }
    return value_make(values, VALUE_SLICE, OP_NO, NULL, arg, 3);
}

static const struct value *build_name(struct values *values, struct node *node) {
    if (node->web != NULL)
        return value_of_web(values, node->web);
    atom name = library_qualify(values_library(values), node);
    return value_name(values, name != NULL ? name : node->atom);
}

static const struct value *build_attribute(struct values *values, struct node *node) {
    atom name = library_qualify(values_library(values), node);
    if (name != NULL)
        return value_name(values, name);
    return value_attr(values, value_of(values, node->kid[0]), node->atom);
}

static const struct value *build(struct values *values, struct node *node) {
    switch ((enum node_kind)node->kind) {
    case NODE_NAME: return build_name(values, node);
    case NODE_ATTRIBUTE: return build_attribute(values, node);
    case NODE_NUMBER: return build_number(values, node);
    case NODE_STRING: return build_string(values, node);
    case NODE_CONST: return value_const(values, node->op);
    case NODE_CALL: return build_call(values, node);
    case NODE_BINOP:
    case NODE_UNARYOP:
    case NODE_BOOLOP: return build_kids(values, node, VALUE_OP, node->op);
    case NODE_COMPARE:
        if (node->nkids == 2)
            return build_kids(values, node, VALUE_OP, node->ops[0]);
        return value_ref(values, VALUE_OPAQUE, node);
    case NODE_IFEXP: return build_kids(values, node, VALUE_IFEXP, OP_NO);
    case NODE_TUPLE: return build_kids(values, node, VALUE_TUPLE, OP_NO);
    case NODE_LIST: return build_kids(values, node, VALUE_LIST, OP_NO);
    case NODE_STARRED: return build_kids(values, node, VALUE_STAR, OP_NO);
    case NODE_SLICE: return build_slice(values, node);
    case NODE_SUBSCRIPT: return value_subscript(values, value_of(values, node->kid[0]), value_of(values, node->kid[1]));
    case NODE_NAMEDEXPR: return value_of(values, node->kid[1]);
    default: return value_ref(values, VALUE_OPAQUE, node);
    }
}

/* Keep what the specialiser knew of the expression. The value of a name belongs to what defines it. */
static void annotate(const struct value *v, struct node *expr) {
    struct value *note = (struct value *)v;
    if (v->kind == VALUE_META)
        return;
    if (v->origin == NULL && expr->kind != NODE_NAME)
        note->origin = expr;
    if (expr->abs == NULL)
        return;
    if (v->abs == NULL)
        note->abs = expr->abs;
    if (expr->abs->kind == ABS_TENSOR)
        value_note_rank(v, rank_known(expr->abs->rank));
}

const struct value *value_of(struct values *values, struct node *expr) {
    if (expr->value != NULL && expr->value->owner == values)
        return expr->value;
    const struct value *v = NULL;
    const struct absval *abs = expr->abs;
    if (abs != NULL && abs->kind == ABS_CONST && abs->constant != NULL && abs->constant != expr)
        v = value_of(values, abs->constant);
    else
        v = build(values, expr);
    annotate(v, expr);
    if (expr->value != NULL) /* known from another context */
        value_note_rank(v, expr->value->rank);
    expr->value = v;
    return v;
}

/* -- variables ----------------------------------------------------------------------------------------------------- */

/* x.shape and k of `x.shape[:-k]`; x.shape and 0 of itself; NULL for anything else. */
static const struct value *leading_sizes(const struct value *v, uint32_t *left_out) {
    const struct value *slice = v->kind == VALUE_INDEX ? v->arg[1] : NULL;
    *left_out = 0;
    if (slice && slice->kind == VALUE_SLICE && value_is_const(slice->arg[0], OP_NONE) &&
        slice->arg[1]->kind == VALUE_NUMBER && slice->arg[1]->number < 0 && value_is_const(slice->arg[2], OP_NONE)) {
        *left_out = (uint32_t)-slice->arg[1]->number;
        v = v->arg[0];
    }
    return v->kind == VALUE_ATTR && atom_is(v->atom, "shape") ? v : NULL;
}

/* `a, b, c = x.shape` tells the rank of x, and so does `a, b = x.shape[:-1]`. The right-hand side in the light of that.
 */
static const struct value *unpacked(struct values *values, const struct web *web, const struct value *whole) {
    uint32_t left_out;
    const struct value *shape = leading_sizes(whole, &left_out);
    const struct node *target = is_kind(web->stmt, NODE_ASSIGN) ? web->stmt->kid[1] : NULL;
    if (shape == NULL || (!is_kind(target, NODE_TUPLE) && !is_kind(target, NODE_LIST)))
        return whole;
    for (uint32_t i = 0; i < target->nkids; i++)
        if (target->kid[i]->kind == NODE_STARRED)
            return whole;
    value_note_rank(shape->arg[0], target->nkids + left_out);
    return left_out > 0 ? value_index(values, shape, whole->arg[1]) : whole;
}

/* Element `web->element` of the targets, one of which is `*name`. */
static const struct value *build_starred_element(
    struct values *values, const struct web *web, const struct value *whole, const struct node *target, uint32_t star) {
    double from = web->element, count = target->nkids;
    if (web->element < star)
        return value_index(values, whole, value_number(values, from));
    if (web->element > star)
        return value_index(values, whole, value_number(values, from - count));
    const struct value *none = value_const(values, OP_NONE);
    const struct value *to = from + 1 < count ? value_number(values, from + 1 - count) : none;
    const struct value *bound[3] = {value_number(values, from), to, none};
    return value_index(values, whole, value_make(values, VALUE_SLICE, OP_NO, NULL, bound, 3));
}

static const struct value *build_element(struct values *values, struct web *web) {
    const struct value *whole = value_of(values, web->expr);
    const struct node *target = is_kind(web->stmt, NODE_ASSIGN) ? web->stmt->kid[1] : NULL;
    whole = unpacked(values, web, whole);
    for (uint32_t i = 0; target != NULL && i < target->nkids; i++)
        if (is_kind(target->kid[i], NODE_STARRED))
            return build_starred_element(values, web, whole, target, i);
    return value_index(values, whole, value_number(values, web->element));
}

static const struct value *build_join(struct values *values, struct web *web) {
    if (!is_kind(web->stmt, NODE_IF) || web->from[0] == NULL || web->from[1] == NULL)
        return value_ref(values, VALUE_WEB, web);
    const struct value *arg[3] = {
        value_of(values, web->stmt->kid[0]), value_of_web(values, web->from[0]), value_of_web(values, web->from[1])};
    return value_make(values, VALUE_IFEXP, OP_NO, NULL, arg, 3);
}

static const struct value *build_web(struct values *values, struct web *web) {
    if (web->kind == WEB_ASSIGN && web->expr != NULL)
        return value_of(values, web->expr);
    if (web->kind == WEB_ELEMENT && web->expr != NULL)
        return build_element(values, web);
    if (web->kind == WEB_IF)
        return build_join(values, web);
    const struct value *stored = web->kind == WEB_STORE ? value_of_store(values, web) : NULL;
    return stored ? stored : value_ref(values, VALUE_WEB, web);
}

const struct value *value_of_web(struct values *values, struct web *web) {
    if (web->value != NULL && web->value->owner == values)
        return web->value;
    const struct value *v = build_web(values, web);
    struct value *note = (struct value *)v;
    if (web->abs != NULL && v->kind != VALUE_META) {
        if (v->abs == NULL)
            note->abs = web->abs;
        if (web->abs->kind == ABS_TENSOR)
            value_note_rank(v, rank_known(web->abs->rank));
    }
    if (web->value != NULL)
        value_note_rank(v, web->value->rank);
    web->value = v;
    return v;
}
