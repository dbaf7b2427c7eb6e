/* spec_assign.c - specialisation of assignments: names, attributes, items, unpacking. */
#include <string.h>

#include "base/text.h"
#include "rewrite/spec.h"

/* A value that is only read through a variable must not carry expressions that would be computed again. */
static const struct absval *stored_abs(struct frame *f, const struct absval *a) {
    if (a->kind != ABS_TUPLE && a->kind != ABS_LIST && a->kind != ABS_DICT && a->kind != ABS_RECORD)
        return a;
    struct absval *s = abs_new(f->unit, a->kind);
    *s = *a;
    s->item = NEW_ARRAY(f->unit->arena, struct val, a->count + 1);
    for (uint32_t i = 0; i < a->count; i++) {
        s->item[i] = a->item[i];
        if (s->item[i].expr && !expr_is_trivial(s->item[i].expr) && s->item[i].web == NULL)
            s->item[i].expr = NULL;
        s->item[i].abs = stored_abs(f, a->item[i].abs);
    }
    return s;
}

/* The result of an unfolded helper takes the name that it is assigned to, instead of a copy. */
static bool adopt_temporary(struct frame *f, atom name, struct val v) {
    if (v.expr->kind != NODE_NAME || v.expr->web == NULL || !v.expr->web->temporary)
        return false;
    struct web *w = v.expr->web;
    w->name = name;
    w->temporary = f->unfolded;
    env_set(f, name, (struct val){.abs = stored_abs(f, v.abs), .web = w});
    return true;
}

/* `xs = (f(x), y)`: tensors in a display become variables, so that taking one out again costs nothing. */
static struct val name_elements(struct frame *f, atom name, struct val v) {
    bool display = (v.abs->kind == ABS_TUPLE && v.expr->kind == NODE_TUPLE) ||
                   (v.abs->kind == ABS_LIST && v.expr->kind == NODE_LIST);
    if (f->pure || !display || v.abs->count != v.expr->nkids)
        return v;
    struct absval *named = abs_new(f->unit, v.abs->kind);
    *named = *v.abs;
    named->item = NEW_ARRAY(f->unit->arena, struct val, v.abs->count + 1);
    for (uint32_t i = 0; i < v.abs->count; i++) {
        struct val item = named->item[i] = v.abs->item[i];
        bool tensor = item.abs->kind == ABS_TENSOR || item.abs->kind == ABS_TOP;
        if (!tensor || item.web || expr_is_trivial(v.expr->kid[i]))
            continue;
        struct web *w = web_new(f, WEB_ASSIGN, intern_printf(f->unit->atoms, "%s_%u", name, i), item.abs);
        w->temporary = true;
        w->expr = v.expr->kid[i];
        w->stmt =
            emit(f, node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, w->expr, make_web_name(f->unit->arena, w)), NULL);
        named->item[i] = (struct val){.abs = item.abs, .web = w};
        v.expr->kid[i] = make_web_name(f->unit->arena, w);
    }
    v.abs = v.expr->abs = named;
    return v;
}

struct web *emit_assign(struct frame *f, atom name, struct val v, struct node *at) {
    v = name_elements(f, name, v);
    if (adopt_temporary(f, name, v))
        return v.expr->web;
    struct web *w = web_new(f, WEB_ASSIGN, name, stored_abs(f, v.abs));
    struct node *stmt = node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, v.expr, make_web_name(f->unit->arena, w));
    emit(f, stmt, at);
    w->stmt = stmt;
    w->expr = v.expr;
    /* a choice of which one variable is left needs no second name for it */
    w->temporary |= is_kind(at, NODE_ASSIGN) && at->kid[0]->kind == NODE_IFEXP && is_kind(v.expr, NODE_NAME);
    env_set(f, name, (struct val){.abs = w->abs, .web = w});
    return w;
}

/* `self.table = self.table.to(...)` while the model runs: the module does not change, what follows reads the moved
 * copy. */
static bool moves_attribute(struct frame *f, const struct node *target, struct val object, const struct node *e) {
    bool moved = e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "to");
    const struct node *of = moved ? e->kid[0]->kid[0] : NULL;
    return moved && object.abs->kind == ABS_INSTANCE && !atom_is(f->host->name, "__init__") &&
           of->kind == NODE_ATTRIBUTE && of->atom == target->atom && node_equal(of->kid[0], object.expr);
}

/* torch.sqrt(torch.tensor(n)).to(dtype) as a Python number: n ** 0.5; NULL where `e` is no tensor of one number. */
static struct node *as_number(struct frame *f, const struct node *e) {
    struct arena *arena = f->unit->arena;
    const struct node *callee = e->kind == NODE_CALL ? e->kid[0] : NULL;
    if (!is_kind(callee, NODE_ATTRIBUTE) || e->nkids < 1)
        return NULL;
    bool library = callee->abs && callee->abs->kind == ABS_LIBRARY && strncmp(callee->abs->qual, "torch.", 6) == 0;
    if (!library)
        return word_in(callee->atom, "to float type") ? as_number(f, callee->kid[0]) : NULL;
    if (e->nkids < 2 || e->kid[1]->kind == NODE_KEYWORD)
        return NULL;
    const struct absval *a = e->kid[1]->abs;
    bool number = a && (a->kind == ABS_NUMBER || a->kind == ABS_SYMBOLIC || abs_int(a, &(long){0}));
    if (atom_is(callee->atom, "tensor"))
        return number ? node_copy(arena, e->kid[1]) : NULL;
    struct node *root = atom_is(callee->atom, "sqrt") ? as_number(f, e->kid[1]) : NULL;
    if (root == NULL)
        return NULL;
    root = node_make(arena, NODE_BINOP, NULL, 2, root, make_number(arena, intern(f->unit->atoms, "0.5")));
    root->op = OP_POW;
    return root;
}

bool note_stored(struct frame *f, struct cls *cls, atom attribute, struct node *stmt) {
    if (atom_is(f->host->name, "__init__") || f->aside)
        return false;
    note_state_here(f);
    struct node *only = map_get(&cls->stored, attribute);
    if (only == stmt)
        return true;
    map_put(f->unit->arena, &cls->stored, attribute, only ? cls->def : stmt);
    f->unit->restart |= only && only != cls->def;
    return only == NULL;
}

/* `self.x = value` in each call of a module: what follows in this call reads the value, whatever is in the attribute.
 * Nothing else may store it, but the constructor. */
static bool is_for_this_call(struct frame *f, struct val object, const struct node *target, struct node *at) {
    struct cls *cls = object.abs->kind == ABS_INSTANCE ? object.abs->cls : NULL;
    return cls && is_name(target->kid[0], "self") && f->host->owner && note_stored(f, cls, target->atom, at) &&
           !f->unfolded && f->conditional == 0 && !f->pure;
}

/* The value in a variable of its own, which reads of the attribute find from now on. */
static struct val keep_aside(struct frame *f, atom attribute, struct val v, struct node *at) {
    struct web *w = web_new(f, WEB_ASSIGN, attribute, v.abs);
    struct val kept = {.abs = v.abs, .web = w};
    w->expr = v.expr;
    w->stmt = emit(f, node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, v.expr, make_web_name(f->unit->arena, w)), at);
    f->moved = true;
    env_set(f, intern_printf(f->unit->atoms, "self.%s", attribute), kept);
    kept.expr = make_web_name(f->unit->arena, w);
    return kept;
}

static void assign_attribute(struct frame *f, struct node *target, struct val v, struct node *at) {
    struct val object = eval(f, target->kid[0]);
    struct node *number =
        atom_is(f->host->name, "__init__") && !f->unit->strict_rounding && v.expr ? as_number(f, v.expr) : NULL;
    if (number) /* a constant that is no buffer; others would have to move it to the device of what it scales */
        v = val_make(abs_simple(ABS_NUMBER), at_node(f, number, v.expr));
    if (moves_attribute(f, target, object, v.expr)) {
        keep_aside(f, target->atom, v, at);
        return;
    }
    if (is_for_this_call(f, object, target, at))
        v = keep_aside(f, target->atom, v, at);
    struct node *attr = at_node(f, make_attr(f->unit->arena, object.expr, target->atom), target);
    struct node *stmt = node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, v.expr, attr);
    emit(f, stmt, at);
    if (object.abs->kind == ABS_INSTANCE)
        store_attribute(f, object.abs->cls, target->atom, v, stmt);
}

/* A list after `xs[i] = v`. */
static const struct absval *store_element(struct frame *f, const struct absval *list, struct val key, struct val v) {
    struct unit *unit = f->unit;
    struct absval *s = abs_new(unit, ABS_LIST);
    long at;
    if (!abs_int(key.abs, &at) || at < -(long)list->count || at >= (long)list->count) {
        s->kind = ABS_SEQ;
        s->element = abs_join(unit, abs_element(f, list), abs_summary(unit, v.abs));
        return s;
    }
    *s = *list;
    s->item = NEW_ARRAY(unit->arena, struct val, list->count);
    memcpy(s->item, list->item, list->count * sizeof *s->item);
    s->item[at < 0 ? at + (long)list->count : at] = v;
    return stored_abs(f, s);
}

/* `name[key] = v`: a new version of the variable; a constant key of a dictionary is remembered. */
const struct absval *store_item(struct frame *f, const struct absval *d, struct val key, struct val v) {
    struct unit *unit = f->unit;
    if (d->kind == ABS_LIST)
        return store_element(f, d, key, v);
    if (is_settled(d))
        return abs_tensor(unit, d->rank);
    if (d->kind != ABS_DICT)
        return d;
    struct absval *s = abs_new(unit, ABS_DICT);
    *s = *d;
    if (key.abs->kind != ABS_CONST || key.abs->constant->kind != NODE_STRING) { /* it may be one of those known */
        s->element = abs_join(unit, d->element, abs_summary(unit, v.abs));
        for (uint32_t i = 0; i < d->count; i++)
            s->element = abs_join(unit, s->element, abs_summary(unit, d->item[i].abs));
        s->count = 0;
        return s;
    }
    atom text = string_value(unit->atoms, key.abs->constant);
    s->item = NEW_ARRAY(unit->arena, struct val, d->count + 1);
    s->key = NEW_ARRAY(unit->arena, atom, d->count + 1);
    s->count = 0;
    for (uint32_t i = 0; i < d->count; i++)
        if (d->key[i] != text) {
            s->key[s->count] = d->key[i];
            s->item[s->count++] = d->item[i];
        }
    s->key[s->count] = text;
    s->item[s->count++] = v;
    return stored_abs(f, s);
}

const struct absval *drop_item(struct frame *f, const struct absval *d, atom key) {
    struct absval *less = abs_new(f->unit, ABS_DICT);
    *less = *d;
    less->item = NEW_ARRAY(f->unit->arena, struct val, d->count + 1);
    less->key = NEW_ARRAY(f->unit->arena, atom, d->count + 1);
    less->count = 0;
    for (uint32_t i = 0; i < d->count; i++)
        if (d->key[i] != key) {
            less->key[less->count] = d->key[i];
            less->item[less->count++] = d->item[i];
        }
    return less;
}

const struct absval *forgotten(struct frame *f, const struct absval *a) {
    if (a->kind != ABS_LIST && a->kind != ABS_DICT)
        return a;
    struct absval *s = abs_new(f->unit, a->kind == ABS_LIST ? ABS_SEQ : ABS_DICT);
    s->element = abs_simple(ABS_TOP);
    return s;
}

bool is_container(const struct absval *a) {
    return a->kind == ABS_LIST || a->kind == ABS_DICT || a->kind == ABS_SEQ;
}

/* The first variable that held what `w` holds. */
static const struct web *first_holder(const struct web *w) {
    for (;;) {
        if (w->kind == WEB_STORE && w->from[0])
            w = w->from[0];
        else if (w->kind == WEB_ASSIGN && w->expr && w->expr->kind == NODE_NAME && w->expr->web)
            w = w->expr->web;
        else
            return w;
    }
}

/* What changes in a branch of a helper would need another version in its caller. */
static void refuse_change(struct frame *f, const struct frame *helper, atom name) {
    const struct node *def = helper->fn->def;
    struct diag *d = diag_at(f->unit->diags, unit_refusal(f->unit), helper->fn->module->source, def->span,
        "changed-outside", "`%s` changes in a branch what its caller holds as `%s`", helper->fn->name, name);
    diag_help(f->unit->diags, d, "return the changed value instead");
}

/* Attributes that hold the same list: of what it holds later nothing is known. */
static void attributes_forget(struct frame *f, const struct web *of) {
    struct cls *cls = f->host->owner;
    for (uint32_t i = 0; cls && i < cls->attrs.len; i++) {
        struct attr *attr = cls->attrs.entry[i].value;
        if (attr->expr && attr->expr->kind == NODE_NAME && attr->expr->web && is_container(attr->abs) &&
            first_holder(attr->expr->web) == first_holder(of))
            attr->abs = forgotten(f, attr->abs);
    }
}

/* All names of an object hold it as it is now: those of a helper's callers too. */
void names_become(struct frame *f, const struct web *of, struct val now) {
    const struct frame *helper = f;
    if (is_container(now.abs))
        attributes_forget(f, of);
    uint32_t conditional = f->conditional;
    for (; f != NULL; f = f->around) {
        for (uint32_t i = 0; i < f->env.len; i++) {
            const struct val *v = f->env.entry[i].value;
            if (!v->web || v->web == now.web || first_holder(v->web) != first_holder(of))
                continue;
            if (f->conditional < conditional)
                refuse_change(f, helper, f->env.entry[i].key);
            env_set(f, f->env.entry[i].key, (struct val){.abs = now.abs, .web = now.web ? now.web : v->web});
        }
    }
}

void becomes(struct frame *f, struct val object, const struct absval *after) {
    if (object.web)
        names_become(f, object.web, (struct val){.abs = after});
}

void new_version(struct frame *f, atom name, struct web *before, const struct absval *abs, struct node *stmt) {
    struct web *w = web_new(f, WEB_STORE, name, abs);
    w->stmt = stmt;
    w->from[0] = before;
    w->temporary = before->temporary;
    w->name = before->name;
    phi_add(f->unit->arena, stmt, w);
    env_set(f, name, (struct val){.abs = abs, .web = w});
    names_become(f, before, (struct val){.abs = abs, .web = w});
}

void inner_changes(struct frame *f, const struct node *place, struct node *stmt) {
    const struct node *base = place;
    while (base->kind == NODE_SUBSCRIPT)
        base = base->kid[0];
    const struct val *v = base != place && base->kind == NODE_NAME ? map_get(&f->env, base->atom) : NULL;
    if (v && v->web && (v->abs->kind == ABS_LIST || v->abs->kind == ABS_DICT))
        new_version(f, base->atom, v->web, forgotten(f, v->abs), stmt);
}

/* The variable that the base of a subscript names, as it is now; or NULL. */
const struct web *held_base(const struct frame *f, const struct node *target) {
    const struct val *now = target->kid[0]->kind == NODE_NAME ? map_get(&f->env, target->kid[0]->atom) : NULL;
    return now ? now->web : NULL;
}

/* mask[:, :, :, :n] = mask[:, :, :, :n].masked_fill(padding, low), where there is no padding: it stays what it is. */
static bool is_there_already(struct frame *f, const struct absval *mask, struct node *place, struct val v) {
    if (!abs_is_mask(mask))
        return false;
    const struct absval *there = mask_or(f, val_make(abs_simple(ABS_TENSOR), place)).abs, *now = mask_or(f, v).abs;
    return abs_is_mask(there) && abs_is_mask(now) && abs_equal(there, now);
}

static void assign_subscript(struct frame *f, struct node *target, struct val v, struct node *at) {
    struct unit *unit = f->unit;
    struct val object = eval(f, target->kid[0]), key = eval(f, target->kid[1]);
    struct node *place = node_make(unit->arena, NODE_SUBSCRIPT, NULL, 2, object.expr, key.expr);
    struct node *stmt = emit(f, node_make(unit->arena, NODE_ASSIGN, NULL, 2, v.expr, place), at);
    if (target->kid[0]->kind == NODE_NAME && object.expr->kind == NODE_NAME && object.expr->web)
        new_version(f, target->kid[0]->atom, object.expr->web,
            is_there_already(f, object.abs, place, v) ? object.abs : store_item(f, object.abs, key, v), stmt);
    else
        inner_changes(f, target->kid[0], stmt);
    if (!is_container(object.abs))
        note_change(unit, stmt, object.expr, held_base(f, target));
}

bool elements_are_free(const struct absval *a) {
    for (uint32_t i = 0; i < a->count; i++)
        if (a->item[i].expr == NULL && a->item[i].web == NULL && a->item[i].abs->kind != ABS_CONST)
            return false;
    return true;
}

static bool has_star(const struct node *target) {
    for (uint32_t i = 0; i < target->nkids; i++)
        if (target->kid[i]->kind == NODE_STARRED)
            return true;
    return false;
}

static const struct absval *element_abs(struct frame *f, const struct absval *a, uint32_t i, bool exact) {
    if (exact && (a->kind == ABS_TUPLE || a->kind == ABS_LIST || a->kind == ABS_RECORD) && i < a->count)
        return abs_summary(f->unit, a->item[i].abs);
    if (exact && a->kind == ABS_SYMBOLIC) { /* a list of the configuration */
        struct node *at = make_number(f->unit->arena, intern_printf(f->unit->atoms, "%u", i));
        return abs_symbolic(
            f->unit, node_make(f->unit->arena, NODE_SUBSCRIPT, NULL, 2, node_copy(f->unit->arena, a->constant), at));
    }
    return exact && a->kind == ABS_SEQ ? sequence_item(f->unit, a, i) : abs_element(f, a);
}

/* What `*rest` holds where the other `named` targets take one element each: the sizes that are left of a shape. */
static const struct absval *rest_abs(struct frame *f, const struct absval *a, uint32_t named) {
    bool sizes = a->kind == ABS_SHAPE && a->rank > named;
    return sizes ? abs_shape(f->unit, a->rank - named) : abs_simple(ABS_NOTNONE);
}

/* `a, b = v` of which the parts are not at hand: stays one statement that defines several variables. */
static void unpack(struct frame *f, struct node *target, struct val v, struct node *at) {
    struct unit *unit = f->unit;
    struct node *tuple = at_node(f, node_new(unit->arena, target->kind), target);
    tuple->flags = target->flags;
    struct node *stmt = emit(f, node_make(unit->arena, NODE_ASSIGN, NULL, 2, v.expr, tuple), at);
    bool exact = !has_star(target);
    for (uint32_t i = 0; i < target->nkids; i++) {
        struct node *t = target->kid[i];
        bool star = t->kind == NODE_STARRED;
        if (star)
            t = t->kid[0];
        const struct absval *abs = star ? rest_abs(f, v.abs, target->nkids - 1) : element_abs(f, v.abs, i, exact);
        struct node *made;
        if (t->kind == NODE_NAME) {
            struct web *w = web_new(f, WEB_ELEMENT, t->atom, abs);
            w->stmt = stmt;
            w->expr = v.expr;
            w->element = i;
            env_set(f, t->atom, (struct val){.abs = abs, .web = w});
            made = make_web_name(unit->arena, w);
        } else if (t->kind == NODE_ATTRIBUTE) {
            struct val object = eval(f, t->kid[0]);
            made = make_attr(unit->arena, object.expr, t->atom);
            if (object.abs->kind == ABS_INSTANCE)
                store_attribute(f, object.abs->cls, t->atom, val_make(abs, node_copy(unit->arena, made)), stmt);
        } else {
            made = eval(f, t).expr;
        }
        node_add(unit->arena, tuple, star ? node_make(unit->arena, NODE_STARRED, NULL, 1, made) : made);
    }
}

/* What a function sets a variable of the module to: the same constant wherever it is set, or nothing is known of it. */
static void assign_global(struct frame *f, struct node *target, struct val v) {
    struct unit *unit = f->unit;
    const struct absval *before = map_get(&unit->globals, target->atom);
    if (v.abs->kind == ABS_CONST && v.abs->constant && (before == NULL || abs_equal(before, v.abs))) {
        map_put(unit->arena, &unit->globals, target->atom, (void *)v.abs);
        return;
    }
    struct diag *d = diag_at(unit->diags, unit_refusal(unit), f->fn->module->source, target->span, "state",
        "`%s` of the module is set here to what is not the same constant for every model", target->atom);
    diag_help(unit->diags, d, "make it an attribute of the module that sets it");
}

void assign_target(struct frame *f, struct node *target, struct val v, struct node *at) {
    switch (target->kind) {
    case NODE_NAME:
        if (map_has(&f->globals, target->atom))
            assign_global(f, target, v);
        else
            emit_assign(f, target->atom, v, at);
        break;
    case NODE_ATTRIBUTE: assign_attribute(f, target, v, at); break;
    case NODE_SUBSCRIPT: assign_subscript(f, target, v, at); break;
    case NODE_TUPLE:
    case NODE_LIST: {
        bool literal = v.abs->kind == ABS_TUPLE || v.abs->kind == ABS_LIST;
        if (!literal || v.abs->count != target->nkids || has_star(target) || !elements_are_free(v.abs)) {
            unpack(f, target, v, at);
            break;
        }
        /* Parallel assignment: all values exist before the first name is bound. */
        for (uint32_t i = 0; i < target->nkids; i++) {
            struct val item = v.abs->item[i];
            item.expr = val_expr(f, &item);
            assign_target(f, target->kid[i], item, i == 0 ? at : NULL);
        }
        break;
    }
    default: break;
    }
}

/* Names bound by a loop, a comprehension, a `with`. */
void bind_target(struct frame *f, struct node *target, const struct absval *abs, struct node *stmt) {
    if (target->kind == NODE_NAME) {
        struct web *w = web_new(f, WEB_TARGET, target->atom, abs);
        w->stmt = stmt;
        env_set(f, target->atom, (struct val){.abs = abs, .web = w});
        return;
    }
    if (target->kind == NODE_TUPLE || target->kind == NODE_LIST)
        for (uint32_t i = 0; i < target->nkids; i++)
            bind_target(f, target->kid[i], element_abs(f, abs, i, !has_star(target)), stmt);
    if (target->kind == NODE_STARRED)
        bind_target(f, target->kid[0], abs_simple(ABS_NOTNONE), stmt);
}

/* The target as residual code: names read their new variables. */
struct node *copy_target(struct frame *f, struct node *target) {
    if (target->kind == NODE_NAME) {
        const struct val *v = map_get(&f->env, target->atom);
        struct node *n = v && v->web ? make_web_name(f->unit->arena, v->web) : node_copy(f->unit->arena, target);
        return at_node(f, n, target);
    }
    struct node *n = at_node(f, node_new(f->unit->arena, target->kind), target);
    n->flags = target->flags;
    for (uint32_t i = 0; i < target->nkids; i++)
        node_add(f->unit->arena, n, copy_target(f, target->kid[i]));
    return n;
}
