/* spec_class.c - classes: construction, instance attributes, super(). */
#include <string.h>

#include "rewrite/spec.h"

struct attr *class_attr(const struct cls *cls, atom name) {
    return map_get(&cls->attrs, name);
}

/* -- outputs ------------------------------------------------------------------------------------------------------- */

static bool is_output_class(const struct frame *f, const struct cls *cls) {
    for (uint32_t i = 0; i < cls->library_bases.len; i++) {
        const struct fact *fact = fact_library(f->unit->facts, cls->library_bases.at[i]);
        if ((fact && fact->effect == EFFECT_RECORD) || qual_ends(cls->library_bases.at[i], "ModelOutput"))
            return true;
    }
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (is_output_class(f, cls->bases.at[i]))
            return true;
    return false;
}

static struct val make_record(struct frame *f, struct cls *cls, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    struct absval *r = abs_new(unit, ABS_RECORD);
    r->qual = cls->name;
    r->item = NEW_ARRAY(unit->arena, struct val, args->list.len + 1);
    r->key = NEW_ARRAY(unit->arena, atom, args->list.len + 1);
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        atom key = a->keyword;
        if (key == NULL && i < cls->class_attrs.len)
            key = cls->class_attrs.entry[i].key;
        if (key == NULL || abs_is_none(a->val.abs))
            continue;
        r->key[r->count] = key;
        r->item[r->count++] = a->val;
    }
    return val_make(r, build_call(f, callee.expr, args, at));
}

/* -- construction -------------------------------------------------------------------------------------------------- */

static void begin_round(struct unit *unit, struct cls *cls) {
    if (cls->round == unit->round)
        return;
    cls->round = unit->round;
    memset(&cls->attrs, 0, sizeof cls->attrs);
    memset(&cls->forms, 0, sizeof cls->forms);
    cls->dynamic = cls->items = cls->config = NULL;
    cls->formless = false;
    if (!cls->constructed) {
        cls->constructed = true;
        cls->order = unit->classes.len;
        vec_push(unit->arena, &unit->classes, cls);
    }
}

struct val construct(struct frame *f, struct cls *cls, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    if (is_output_class(f, cls))
        return make_record(f, cls, callee, args, at);
    struct absval *a = abs_new(unit, ABS_INSTANCE);
    a->cls = cls;
    begin_round(unit, cls);
    struct fn *init = class_method(cls, "__init__");
    if (init == NULL)
        return val_make(a, build_call(f, callee.expr, args, at));
    struct val self = {.abs = a, .expr = callee.expr};
    struct val made = call_constructor(f, init, &self, args, at, callee.expr);
    return val_make(a, made.expr);
}

/* -- attributes ---------------------------------------------------------------------------------------------------- */

/* What one call stores the next one finds: a value that is not the constructor's is not known when the module runs. */
static void note_varying(struct frame *f, struct cls *cls, const struct attr *attr, const struct absval *abs) {
    const struct absval *known = map_get(&cls->varying, attr->name);
    if (f->aside || atom_is(f->host->name, "__init__") || attr->stores == 0 || abs_equal(attr->abs, abs))
        return;
    const struct absval *joined = abs_join(f->unit, known, abs);
    if (known && abs_equal(known, joined))
        return;
    map_put(f->unit->arena, &cls->varying, attr->name, (void *)joined);
    f->unit->changed = true;
}

void store_attribute(struct frame *f, struct cls *cls, atom name, struct val v, struct node *stmt) {
    struct unit *unit = f->unit;
    struct attr *attr = class_attr(cls, name);
    const struct absval *abs = abs_summary(unit, v.abs);
    if (attr)
        note_varying(f, cls, attr, abs);
    abs = abs_join(unit, abs, map_get(&cls->varying, name));
    if (attr == NULL) {
        attr = NEW(unit->arena, struct attr);
        attr->name = name;
        attr->conditional = true;
        map_put(unit->arena, &cls->attrs, name, attr);
    }
    if (attr->abs == NULL || (attr->stores && f->conditional == 0 && f->host->owner == cls))
        attr->abs = abs;
    else
        attr->abs = abs_join_where(unit, abs, attr->abs, assumed_here(f));
    attr->conditional &= f->conditional > 0;
    attr->stores++;
    attr->stmt = stmt;
    attr->expr = v.expr;
}

static struct val bound_method(struct frame *f, struct val self, struct fn *fn, struct node *expr) {
    struct unit *unit = f->unit;
    if (fn->is_property) {
        struct args none = {0};
        return call_function(f, fn, &self, &none, expr, expr);
    }
    struct absval *a = abs_new(unit, ABS_BOUND);
    struct val *receiver = NEW(unit->arena, struct val);
    *receiver = self;
    if (fn->is_class_method) {
        struct absval *cls = abs_new(unit, ABS_CLASS);
        cls->cls = fn->owner;
        receiver->abs = cls;
    }
    receiver->expr = val_expr(f, &self);
    a->fn = fn;
    a->self = receiver;
    return val_make(a, expr);
}

static const struct absval *inherited_attribute(atom name) {
    if (atom_is(name, "weight"))
        return abs_simple(ABS_TENSOR);
    if (atom_is(name, "dtype") || atom_is(name, "device"))
        return abs_simple(ABS_NOTNONE);
    return NULL;
}

/* Whether an expression in the body of a class reads no other name of that body. */
bool names_are_global(const struct module *module, const struct node *n) {
    if (n->kind == NODE_NAME && module_lookup(module, n->atom) == NULL)
        return false;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && !names_are_global(module, n->kid[i]))
            return false;
    return true;
}

struct val self_attribute(struct frame *f, struct val self, atom name, struct node *expr) {
    struct unit *unit = f->unit;
    struct cls *cls = self.abs->cls;
    const struct fact *fact = fact_attribute(unit->facts, name);
    if (fact && fact->effect == EFFECT_VALUE) {
        account_fact(unit, fact, expr, f->fn);
        return val_make(abs_decided(unit, abs_const(unit, fact->value), fact->number), expr);
    }
    struct attr *attr = class_attr(cls, name);
    const struct val *moved = f->moved ? map_get(&f->env, intern_printf(unit->atoms, "self.%s", name)) : NULL;
    if (moved && f->fn->owner == cls) {
        struct val v = *moved;
        v.expr = val_expr(f, &v);
        return v;
    }
    if (attr)
        return val_make(known_here(f, attr->abs), expr);
    struct fn *fn = class_method_named(unit, cls, name);
    if (fn)
        return bound_method(f, self, fn, expr);
    if (atom_is(name, "config")) {
        struct absval *config = abs_new(unit, ABS_CONFIG);
        config->qual = intern(unit->atoms, "");
        return val_make(cls->config ? cls->config : config, expr);
    }
    struct node *value = map_get(&cls->class_attrs, name);
    if (value) {
        struct frame g = {.unit = unit, .fn = f->fn, .host = f->host, .pure = true};
        g.out = node_new(unit->arena, NODE_BLOCK);
        struct val v = eval(&g, value);
        bool inlined = names_are_global(f->fn->module, value); /* no emitted class has attributes of its own */
        return val_make(abs_summary(unit, v.abs), inlined ? v.expr : expr);
    }
    const struct absval *inherited = inherited_attribute(name);
    return val_make(inherited ? inherited : abs_simple(ABS_TOP), expr);
}

/* -- super() ------------------------------------------------------------------------------------------------------- */

/* The next definition of `method` after the class whose body is running. */
static struct fn *next_method(struct unit *unit, const struct cls *defined_in, struct cls *self, atom method) {
    for (uint32_t i = 0; i < defined_in->bases.len; i++) {
        struct fn *fn = class_method_named(unit, defined_in->bases.at[i], method);
        if (fn) { /* the same body, run on our self */
            struct fn *copy = fn_make(unit, fn->module, fn->def, self);
            copy->defined_in = fn->defined_in;
            copy->via_super = true;
            return copy;
        }
    }
    return NULL;
}

/* super().__init__(modules) of a class that is a list of them. */
static void store_items(struct frame *f, struct val self, atom method, const struct args *args) {
    if (self.abs->kind != ABS_INSTANCE || !atom_is(method, "__init__") || args->list.len != 1 ||
        !class_derives(self.abs->cls, "nn.ModuleList"))
        return;
    const struct absval *item = abs_element(f, args->list.at[0].val.abs);
    self.abs->cls->items = abs_join(f->unit, self.abs->cls->items, abs_summary(f->unit, item));
}

/* super().__init__(config) of a model of the library, which keeps it. */
static void keep_config(struct frame *f, struct val self, atom method, const struct args *args) {
    const struct arg *config = arg_find(args, 0, "config");
    if (self.abs->kind == ABS_INSTANCE && atom_is(method, "__init__") && config &&
        config->val.abs->kind == ABS_CONFIG && class_derives(self.abs->cls, "PreTrainedModel"))
        self.abs->cls->config = abs_join(f->unit, self.abs->cls->config, config->val.abs);
}

struct val call_super(struct frame *f, atom method, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    struct node *super =
        node_make(unit->arena, NODE_CALL, NULL, 1, make_name(unit->arena, intern(unit->atoms, "super")));
    struct node *callee = make_attr(unit->arena, super, method);
    bool found;
    struct val self = env_get(f, f->fn->params.len ? f->fn->params.at[0]->name : NULL, NULL, &found);
    if (found && self.abs->kind == ABS_INSTANCE && f->fn->defined_in) {
        struct fn *fn = next_method(unit, f->fn->defined_in, self.abs->cls, method);
        if (fn)
            return call_function(f, fn, &self, args, at, callee);
    }
    if (found) {
        store_items(f, self, method, args);
        keep_config(f, self, method, args);
    }
    struct node *call = build_call(f, callee, args, at);
    if (!atom_is(method, "forward"))
        return val_top(call);
    const struct absval *x = args->list.len ? args->list.at[0].val.abs : abs_simple(ABS_TOP);
    uint32_t rank = x->kind == ABS_TENSOR || x->kind == ABS_TOP ? x->rank : 0;
    bool embeds = found && self.abs->kind == ABS_INSTANCE && class_derives(self.abs->cls, "nn.Embedding");
    return val_make(abs_tensor(unit, rank && embeds ? rank + 1 : rank), call);
}
