/* spec_expr.c - specialisation of expressions: what is known of each, and its residual form. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/declined.h"
#include "rewrite/spec.h"

struct val val_make(const struct absval *abs, struct node *expr) {
    struct val v = {.abs = abs, .expr = expr};
    expr->abs = abs;
    return v;
}

struct val val_const(struct frame *f, enum op constant) {
    struct node *n = make_const(f->unit->arena, constant);
    return val_make(abs_const(f->unit, n), n);
}

struct val val_decided(struct frame *f, enum op constant, reason because) {
    struct val v = val_const(f, constant);
    return val_make(abs_decided(f->unit, v.abs, because), v.expr);
}

struct val val_top(struct node *expr) {
    return val_make(abs_simple(ABS_TOP), expr);
}

struct node *at_node(struct frame *f, struct node *made, const struct node *at) {
    if (at != NULL) {
        made->span = at->span;
        made->source = at->source ? at->source : f->fn ? f->fn->module->source : NULL;
    }
    return made;
}

bool expr_is_trivial(const struct node *e) {
    switch (e->kind) {
    case NODE_NAME:
    case NODE_CONST:
    case NODE_NUMBER:
    case NODE_STRING: return true;
    case NODE_ATTRIBUTE: return expr_is_trivial(e->kid[0]);
    case NODE_UNARYOP: return e->op == OP_NEG && e->kid[0]->kind == NODE_NUMBER;
    case NODE_TUPLE:
        for (uint32_t i = 0; i < e->nkids; i++)
            if (!expr_is_trivial(e->kid[i]))
                return false;
        return true;
    default: return false;
    }
}

bool constant_is_free(const struct absval *abs) {
    return abs->kind == ABS_CONST;
}

struct node *val_expr(struct frame *f, const struct val *v) {
    struct node *n;
    if (v->abs && constant_is_free(v->abs) && !(v->expr && v->expr->kind == NODE_ATTRIBUTE))
        n = node_copy(f->unit->arena, v->abs->constant);
    else if (v->web)
        n = make_web_name(f->unit->arena, v->web);
    else
        n = node_copy(f->unit->arena, v->expr);
    n->abs = v->abs;
    return n;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

struct web *web_new(struct frame *f, enum web_kind kind, atom name, const struct absval *abs) {
    struct web *w = NEW(f->unit->arena, struct web);
    w->kind = kind;
    w->name = name;
    w->abs = abs;
    w->temporary = f->unfolded;
    return w;
}

void env_set(struct frame *f, atom name, struct val v) {
    struct val *copy = NEW(f->unit->arena, struct val);
    *copy = v;
    map_put(f->unit->arena, &f->env, name, copy);
}

static const char *const builtins[] = {"abs", "all", "any", "bool", "callable", "dict", "divmod", "enumerate", "float",
    "frozenset", "getattr", "hasattr", "id", "int", "isinstance", "iter", "len", "list", "map", "max", "min", "next",
    "object", "pow", "print", "range", "reversed", "round", "set", "setattr", "slice", "sorted", "str", "sum", "super",
    "tuple", "type", "zip", "ValueError", "RuntimeError", "NotImplementedError", "TypeError", "AttributeError",
    "KeyError", "ImportError", "AssertionError", "Exception", "issubclass", "staticmethod", "property", "vars",
    "filter", "repr", "__name__"};

bool name_is_builtin(atom name) {
    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        if (atom_is(name, builtins[i]))
            return true;
    return false;
}

static struct val library_val(struct frame *f, atom qual, struct node *expr) {
    const struct fact *fact = fact_library(f->unit->facts, qual);
    if (fact && fact->effect == EFFECT_CONSTANT) {
        account_fact(f->unit, fact, expr, f->fn);
        return val_make(abs_decided(f->unit, abs_const(f->unit, fact->value), fact->number),
            node_copy(f->unit->arena, fact->value));
    }
    if (fact && fact->effect == EFFECT_REPLACE) {
        account_fact(f->unit, fact, expr, f->fn);
        qual = fact->replacement;
        if (strncmp(qual, "builtins.", 9) == 0)
            expr = at_node(f, make_name(f->unit->arena, intern(f->unit->atoms, qual + 9)), expr);
    }
    struct absval *a = abs_new(f->unit, ABS_LIBRARY);
    a->qual = qual;
    return val_make(a, expr);
}

/* A value of the module, such as a dictionary of classes: evaluated once, in a frame of its own. */
static struct val module_value(struct frame *f, struct symbol *symbol, struct node *at) {
    if (symbol->value.abs == NULL) {
        symbol->value.abs = abs_simple(ABS_TOP); /* while under way */
        struct fn module_fn = {.name = symbol->name, .module = f->fn->module};
        struct frame g = {.unit = f->unit, .fn = &module_fn, .host = f->host, .pure = true, .symbol = symbol};
        g.out = node_new(f->unit->arena, NODE_BLOCK);
        symbol->value = eval(&g, symbol->def);
        symbol->value.abs = abs_summary(f->unit, symbol->value.abs);
    }
    if (constant_is_free(symbol->value.abs))
        return val_make(symbol->value.abs, node_copy(f->unit->arena, symbol->value.abs->constant));
    return val_make(symbol->value.abs, at_node(f, make_name(f->unit->arena, symbol->name), at));
}

/* What a name of the module stands for; to a value of the module, what it stood for then. */
static struct symbol *global_symbol(const struct frame *f, atom name) {
    struct symbol *before = f->symbol ? symbol_before(f->fn->module, name, f->symbol) : NULL;
    return before ? before : module_lookup(f->fn->module, name);
}

static struct val global_get(struct frame *f, atom name, struct node *at, bool *found) {
    struct unit *unit = f->unit;
    struct node *n = at_node(f, make_name(unit->arena, name), at);
    struct symbol *symbol = global_symbol(f, name);
    const struct absval *set = map_get(&unit->globals, name);
    *found = true;
    if (set && (symbol == NULL || symbol->kind == SYM_VALUE || symbol->kind == SYM_IMPORT))
        return val_make(set, node_copy(unit->arena, set->constant));
    if (symbol == NULL) {
        if (name_is_builtin(name))
            return library_val(f, intern_dotted(unit->atoms, "builtins", name), n);
        *found = false;
        return val_top(n);
    }
    switch (symbol->kind) {
    case SYM_IMPORT: return library_val(f, symbol->qual, n);
    case SYM_VALUE: return symbol->unsure ? val_top(n) : module_value(f, symbol, at);
    case SYM_CLASS: {
        struct absval *a = abs_new(unit, ABS_CLASS);
        a->cls = symbol_class(unit, f->fn->module, symbol);
        return val_make(a, n);
    }
    case SYM_FUNCTION: {
        struct absval *a = abs_new(unit, ABS_FUNCTION);
        a->fn = symbol_function(unit, f->fn->module, symbol);
        return val_make(a, n);
    }
    }
    return val_top(n);
}

struct val env_get(struct frame *f, atom name, struct node *at, bool *found) {
    bool ignored;
    if (found == NULL)
        found = &ignored;
    const struct val *v = map_get(&f->env, name);
    if (v == NULL && f->closure)
        v = map_get(f->closure, name);
    if (v == NULL)
        return global_get(f, name, at, found);
    *found = true;
    struct val r = *v;
    r.abs = known_here(f, v->abs);
    r.expr = at_node(f, val_expr(f, &r), at);
    return r;
}

int spec_test(struct unit *unit, struct module *module, struct node *test) {
    if (unit->facts == NULL) /* a module that is only looked at */
        return -1;
    struct fn module_fn = {.name = module->name, .module = module};
    struct frame f = {.unit = unit, .fn = &module_fn, .host = &module_fn, .pure = true};
    f.out = node_new(unit->arena, NODE_BLOCK);
    return abs_truth(eval(&f, test).abs);
}

static struct val eval_name(struct frame *f, struct node *e) {
    bool found;
    struct val v = env_get(f, e->atom, e, &found);
    return v;
}

/* -- attributes ---------------------------------------------------------------------------------------------------- */

atom dotted_of(const struct val *v) {
    return v->abs->kind == ABS_LIBRARY || v->abs->kind == ABS_OBJECT ? v->abs->qual : NULL;
}

static bool is_sub_configuration(atom name) {
    size_t n = strlen(name);
    return n > 7 && strcmp(name + n - 7, "_config") == 0;
}

static struct val config_attribute(struct frame *f, struct val object, atom name, struct node *expr) {
    struct unit *unit = f->unit;
    const struct fact *fact = fact_config(unit->facts, name);
    if (fact && fact->effect == EFFECT_VALUE) {
        account_fact(unit, fact, expr, f->fn);
        return val_make(abs_decided(unit, abs_const(unit, fact->value), fact->number), expr);
    }
    const struct absval *served = served_value(unit, object.abs, name);
    if (served)
        return val_make(served, expr);
    if (is_sub_configuration(name)) {
        struct absval *a = abs_new(unit, ABS_CONFIG);
        a->qual = *object.abs->qual ? intern_dotted(unit->atoms, object.abs->qual, name) : name;
        return val_make(a, expr);
    }
    struct node *symbol = make_attr(unit->arena, abs_symbol(unit, object.abs), name);
    return val_make(abs_symbolic(unit, symbol), expr);
}

struct val val_rank(struct frame *f, uint32_t rank) {
    struct node *n = make_number(f->unit->arena, intern_printf(f->unit->atoms, "%u", rank));
    const struct absval *abs = abs_decided(f->unit, abs_const(f->unit, n), REASON_RANK);
    return val_make(abs, node_copy(f->unit->arena, n));
}

static struct val tensor_attribute(struct frame *f, struct val object, atom name, struct node *expr) {
    struct unit *unit = f->unit;
    if (atom_is(name, "shape"))
        return val_make(abs_shape(unit, object.abs->rank), expr);
    if (atom_is(name, "ndim") && rank_known(object.abs->rank))
        return val_make(val_rank(f, object.abs->rank).abs, expr);
    if (atom_is(name, "dtype") && object.abs->kind == ABS_MASK)
        return val_make(abs_decided(unit, abs_simple(ABS_NOTNONE), REASON_MASK), expr);
    if (atom_is(name, "dtype") || atom_is(name, "device"))
        return val_make(abs_simple(ABS_NOTNONE), expr);
    if (atom_is(name, "T") || atom_is(name, "mT") || atom_is(name, "data") || atom_is(name, "real"))
        return val_make(object.abs, expr);
    return val_make(abs_simple(ABS_NOTNONE), expr);
}

struct val record_attribute(struct frame *f, struct val object, atom name, struct node *expr) {
    for (uint32_t i = 0; i < object.abs->count; i++) {
        const struct val *item = &object.abs->item[i];
        if (object.abs->key[i] != name)
            continue;
        if (item->expr && expr_is_trivial(item->expr))
            return (struct val){.abs = item->abs, .expr = val_expr(f, item), .web = item->web};
        return val_make(item->abs, expr);
    }
    if (object.abs->kind == ABS_RECORD) /* a field that was not given is None */
        return val_decided(f, OP_NONE, REASON_FIELD);
    return val_top(expr);
}

/* What `name` of a class calls. A function with gradients of its own is applied: what its forward does, whose context
 * nothing reads in inference. */
static struct fn *called_as(struct unit *unit, const struct cls *cls, atom name, bool *with_context) {
    *with_context = atom_is(name, "apply") && class_derives(cls, "autograd.Function");
    return *with_context ? class_method(cls, "forward") : class_method_named(unit, cls, name);
}

static struct val class_attribute(struct frame *f, struct val object, atom name, struct node *expr) {
    struct unit *unit = f->unit;
    bool with_context;
    struct fn *fn = called_as(unit, object.abs->cls, name, &with_context);
    if (fn) {
        struct absval *a = abs_new(unit, ABS_FUNCTION);
        a->fn = fn;
        if (with_context) {
            struct val *context = NEW(unit->arena, struct val);
            *context = val_const(f, OP_NONE);
            a->self = context;
        }
        return val_make(a, expr);
    }
    if (atom_is(name, "__name__"))
        return val_make(abs_simple(ABS_NOTNONE), expr);
    struct node *value = map_get(&object.abs->cls->class_attrs, name);
    if (value == NULL)
        return val_top(expr);
    struct frame g = {.unit = unit, .fn = f->fn, .host = f->host, .pure = true};
    g.out = node_new(unit->arena, NODE_BLOCK);
    struct val v = eval(&g, value);
    return val_make(abs_summary(unit, v.abs), names_are_global(f->fn->module, value) ? v.expr : expr);
}

struct val eval_attribute_of(struct frame *f, struct val object, atom name, struct node *at) {
    struct unit *unit = f->unit;
    struct node *expr = at_node(f, make_attr(unit->arena, object.expr, name), at);
    switch (object.abs->kind) {
    case ABS_LIBRARY: return library_val(f, intern_dotted(unit->atoms, object.abs->qual, name), expr);
    case ABS_CONFIG: return config_attribute(f, object, name, expr);
    case ABS_INSTANCE: return self_attribute(f, object, name, expr);
    case ABS_CLASS: return class_attribute(f, object, name, expr);
    case ABS_RECORD: return record_attribute(f, object, name, expr);
    case ABS_TENSOR:
    case ABS_MASK: return tensor_attribute(f, object, name, expr);
    case ABS_OBJECT:
        if (atom_is(name, "weight"))
            return val_make(abs_simple(ABS_TENSOR), expr);
        return val_top(expr);
    case ABS_SYMBOLIC: /* of a configuration that is computed */
        return val_make(abs_symbolic(unit, make_attr(unit->arena, abs_symbol(unit, object.abs), name)), expr);
    case ABS_DICT: /* nn.ModuleDict has its items as attributes */
        for (uint32_t i = 0; i < object.abs->count; i++)
            if (object.abs->key[i] == name)
                return val_make(object.abs->item[i].abs, expr);
        return val_top(expr);
    default:
        if (object.abs->kind == ABS_SEQ && object.abs->limit && atom_is(name, "indices"))
            return val_make(sequence_item(unit, object.abs, 1), expr);
        if (atom_is(name, "shape"))
            return val_make(abs_simple(ABS_SHAPE), expr);
        return val_top(expr);
    }
}

/* -- displays ------------------------------------------------------------------------------------------------------ */

static struct val eval_display(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct node *expr = at_node(f, node_new(unit->arena, e->kind), e);
    expr->flags = e->flags;
    struct absval *a = abs_new(unit, e->kind == NODE_TUPLE ? ABS_TUPLE : ABS_LIST);
    a->item = NEW_ARRAY(unit->arena, struct val, e->nkids + 1);
    const struct absval *open = NULL;
    bool shape = false, known = true;
    uint32_t shape_rank = 0;
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct node *kid = e->kid[i];
        if (kid->kind != NODE_STARRED) {
            struct val v = eval(f, kid);
            node_add(unit->arena, expr, v.expr);
            open = open ? abs_join(unit, open, v.abs) : NULL;
            if (a->count < e->nkids)
                a->item[a->count++] = v;
            shape_rank++;
            continue;
        }
        struct val v = eval(f, kid->kid[0]);
        node_add(unit->arena, expr, node_make(unit->arena, NODE_STARRED, NULL, 1, v.expr));
        open = abs_join(unit, open ? open : abs_element(f, a), abs_element(f, v.abs));
        shape = v.abs->kind == ABS_SHAPE;
        known &= v.abs->rank > 0;
        shape_rank += v.abs->rank;
    }
    if (shape)
        return val_make(abs_shape(unit, known ? shape_rank : 0), expr);
    if (open) {
        struct absval *seq = abs_new(unit, ABS_SEQ);
        seq->element = abs_summary(unit, open);
        return val_make(seq, expr);
    }
    return val_make(a, expr);
}

static struct val eval_dict(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct node *expr = at_node(f, node_new(unit->arena, NODE_DICT), e);
    expr->flags = e->flags;
    struct absval *a = abs_new(unit, ABS_DICT);
    a->item = NEW_ARRAY(unit->arena, struct val, e->nkids + 1);
    a->key = NEW_ARRAY(unit->arena, atom, e->nkids + 1);
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct node *item = e->kid[i];
        struct val value = eval(f, item->kid[1]);
        struct node *pair = node_make(unit->arena, NODE_KEYVALUE, NULL, 2, (struct node *)NULL, value.expr);
        if (item->kid[0]) {
            struct val key = eval(f, item->kid[0]);
            pair->kid[0] = key.expr;
            if (key.abs->kind == ABS_CONST && key.abs->constant->kind == NODE_STRING) {
                a->key[a->count] = string_value(unit->atoms, key.abs->constant);
                a->item[a->count++] = value;
            } else {
                a->element = abs_join(unit, a->element, abs_summary(unit, value.abs));
            }
        } else {
            a->element = abs_simple(ABS_TOP);
        }
        node_add(unit->arena, expr, pair);
    }
    return val_make(a, expr);
}

/* -- conditional expressions --------------------------------------------------------------------------------------- */

/* Evaluate a branch that may not run; statements that it needs go to `block`. */
static struct val eval_branch(
    struct frame *f, struct node *e, struct node *block, const struct absval *test, bool holds) {
    struct node *out = f->out;
    f->out = block;
    f->conditional++;
    const struct assumption *before = assume(f, test, holds);
    struct val v = eval(f, e);
    f->assumed = before;
    f->conditional--;
    f->out = out;
    return v;
}

/* What is made to be called: functions, classes, and of the libraries the classes; torch.float32 is not. */
static bool is_definition(const struct absval *a) {
    const char *last = a->kind == ABS_LIBRARY ? strrchr(a->qual, '.') : NULL;
    return a->kind == ABS_FUNCTION || a->kind == ABS_CLASS || a->kind == ABS_BOUND ||
           (last && isupper((unsigned char)last[1]));
}

static bool is_choice(const struct absval *a, const struct absval *b) {
    if (a->kind == ABS_LIBRARY && b->kind != ABS_CONST)
        return true;
    return (is_definition(a) && (b->kind != ABS_CONST || abs_is_none(b))) ||
           (is_definition(b) && (a->kind != ABS_CONST || abs_is_none(a)));
}

static struct val eval_ifexp(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct val test = eval(f, e->kid[0]);
    int truth = abs_truth(test.abs);
    if (truth >= 0) {
        account_decided(unit, e->kid[0], abs_because(test.abs));
        account_decided(unit, e->kid[truth ? 2 : 1], abs_because(test.abs));
        struct val taken = eval(f, e->kid[truth ? 1 : 2]);
        if (taken.abs->kind == ABS_CONST && !taken.abs->because)
            taken.abs = abs_decided(unit, taken.abs, abs_because(test.abs));
        return taken;
    }
    test.expr->abs = test.abs;
    struct node *then_block = node_new(unit->arena, NODE_BLOCK), *else_block = node_new(unit->arena, NODE_BLOCK);
    struct val a = eval_branch(f, e->kid[1], then_block, test.abs, true);
    struct val b = eval_branch(f, e->kid[2], else_block, test.abs, false);
    if (then_block->nkids || else_block->nkids) { /* the branches need statements: an IF that sets a variable */
        struct node *join = node_make(unit->arena, NODE_IF, NULL, 3, test.expr, then_block, else_block);
        struct val v = merge_vals(f, emit(f, join, e), intern(unit->atoms, "result"), a, b);
        v.expr = val_expr(f, &v);
        return v;
    }
    struct node *expr = at_node(f, node_make(unit->arena, NODE_IFEXP, NULL, 3, test.expr, a.expr, b.expr), e);
    struct val all[3] = {test, a, b};
    const struct absval *symbolic = fold_symbolic(f, expr, all, 3);
    if (symbolic)
        return val_make(symbolic, expr);
    const struct absval *mask = mask_join(f, test.expr, a.abs, b.abs);
    if (!mask)
        note_lost_mask(f->unit, test.expr, a.abs, b.abs);
    if (mask)
        return val_make(mask, expr);
    if (is_choice(a.abs, b.abs) && !abs_equal(a.abs, b.abs)) {
        struct absval *choice = abs_new(unit, ABS_CHOICE);
        choice->item = NEW_ARRAY(unit->arena, struct val, 2);
        choice->count = 2;
        choice->item[0] = a;
        choice->item[1] = b;
        choice->join = node_make(unit->arena, NODE_IF, NULL, 3, node_copy(unit->arena, test.expr),
            node_new(unit->arena, NODE_BLOCK), node_new(unit->arena, NODE_BLOCK));
        choice->constant = abs_symbol(unit, test.abs);
        return val_make(choice, expr);
    }
    return val_make(abs_summary(unit, abs_join(unit, a.abs, b.abs)), expr);
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

/* Evaluate every child in place: for kinds without meaning of their own here. */
static struct val eval_generic(struct frame *f, struct node *e, const struct absval *abs) {
    struct unit *unit = f->unit;
    struct node *expr = at_node(f, node_new(unit->arena, e->kind), e);
    expr->op = e->op;
    expr->atom = e->atom;
    expr->flags = e->flags;
    expr->ops = e->ops;
    for (uint32_t i = 0; i < e->nkids; i++)
        node_add(unit->arena, expr, e->kid[i] ? eval(f, e->kid[i]).expr : NULL);
    return val_make(abs, expr);
}

static struct val eval_lambda(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct absval *a = abs_new(unit, ABS_FUNCTION);
    a->fn = fn_make(unit, f->fn->module, e, NULL);
    struct map *closure = NEW(unit->arena, struct map);
    if (f->closure)
        map_copy(unit->arena, closure, f->closure);
    for (uint32_t i = 0; i < f->env.len; i++)
        map_put(unit->arena, closure, f->env.entry[i].key, f->env.entry[i].value);
    a->fn->closure = closure;
    return val_make(a, node_copy(unit->arena, e));
}

static struct val eval_walrus(struct frame *f, struct node *e) {
    struct val v = eval(f, e->kid[1]);
    emit_assign(f, e->kid[0]->atom, v, e);
    return env_get(f, e->kid[0]->atom, e, NULL);
}

static struct val eval_kind(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    switch (e->kind) {
    case NODE_CONST:
    case NODE_NUMBER:
    case NODE_STRING: {
        struct node *n = node_copy(unit->arena, e);
        return val_make(abs_const(unit, n), n);
    }
    case NODE_NAME: return eval_name(f, e);
    case NODE_ATTRIBUTE: return eval_attribute_of(f, eval(f, e->kid[0]), e->atom, e);
    case NODE_SUBSCRIPT: return mask_or(f, eval_subscript(f, e));
    case NODE_CALL: return mask_or(f, eval_call(f, e));
    case NODE_TUPLE:
    case NODE_LIST: return eval_display(f, e);
    case NODE_DICT: return eval_dict(f, e);
    case NODE_BINOP: return mask_or(f, fold_binop(f, e));
    case NODE_UNARYOP: return mask_or(f, fold_unary(f, e));
    case NODE_BOOLOP: return fold_boolop(f, e);
    case NODE_COMPARE: return mask_or(f, fold_compare(f, e));
    case NODE_IFEXP: return eval_ifexp(f, e);
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_GENERATOR: return eval_comprehension(f, e);
    case NODE_LAMBDA: return eval_lambda(f, e);
    case NODE_NAMEDEXPR: return eval_walrus(f, e);
    case NODE_STARRED: return eval_generic(f, e, abs_simple(ABS_TOP));
    default: return eval_generic(f, e, abs_simple(ABS_NOTNONE));
    }
}

static bool is_literal(const struct node *e) {
    if (e->kind == NODE_UNARYOP && e->op == OP_NEG)
        e = e->kid[0];
    return e->kind == NODE_CONST || e->kind == NODE_NUMBER || e->kind == NODE_STRING;
}

struct val eval(struct frame *f, struct node *e) {
    struct val v = eval_kind(f, e);
    bool stored = e->kind == NODE_CALL && v.abs->because == REASON_NONE; /* a call for its effect returns None */
    if (f->unit->account && v.abs->kind == ABS_CONST && !is_literal(e) && !stored)
        account_decided(f->unit, e, abs_because(v.abs));
    return v;
}
