/* spec_stmt.c - specialisation of statements: assignments, branches, loops. */
#include <string.h>

#include "base/text.h"
#include "rewrite/spec.h"

/* What stands behind a line of a helper speaks of the helper: it does not move with the line. */
static struct comments *without_remark(struct frame *f, struct comments *comments) {
    if (comments == NULL || comments->trailing == NULL)
        return comments;
    struct comments *kept = NEW(f->unit->arena, struct comments);
    *kept = *comments;
    kept->trailing = NULL;
    return kept;
}

struct node *emit(struct frame *f, struct node *stmt, struct node *at) {
    at_node(f, stmt, at);
    if (at && node_is_stmt(at)) {
        stmt->comments = f->unfolded ? without_remark(f, at->comments) : at->comments;
        stmt->flags |= at->flags & NF_BLANK;
    }
    node_add(f->unit->arena, f->out, stmt);
    return stmt;
}

void map_copy(struct arena *arena, struct map *to, const struct map *from) {
    memset(to, 0, sizeof *to);
    for (uint32_t i = 0; i < from->len; i++)
        map_put(arena, to, from->entry[i].key, from->entry[i].value);
}

/* -- assignment ---------------------------------------------------------------------------------------------------- */

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

static void assign_attribute(struct frame *f, struct node *target, struct val v, struct node *at) {
    struct val object = eval(f, target->kid[0]);
    struct node *number =
        atom_is(f->host->name, "__init__") && !f->unit->strict_rounding && v.expr ? as_number(f, v.expr) : NULL;
    if (number) /* a constant that is no buffer; others would have to move it to the device of what it scales */
        v = val_make(abs_simple(ABS_NUMBER), at_node(f, number, v.expr));
    if (moves_attribute(f, target, object, v.expr)) {
        struct web *w = web_new(f, WEB_ASSIGN, target->atom, v.abs);
        w->expr = v.expr;
        w->stmt =
            emit(f, node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, v.expr, make_web_name(f->unit->arena, w)), at);
        f->moved = true;
        env_set(f, intern_printf(f->unit->atoms, "self.%s", target->atom), (struct val){.abs = v.abs, .web = w});
        return;
    }
    struct node *attr = at_node(f, make_attr(f->unit->arena, object.expr, target->atom), target);
    struct node *stmt = node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, v.expr, attr);
    emit(f, stmt, at);
    if (object.abs->kind == ABS_INSTANCE)
        store_attribute(f, object.abs->cls, target->atom, v, stmt);
}

/* `name[key] = v`: a new version of the variable; a constant key of a dictionary is remembered. */
static const struct absval *store_item(struct frame *f, const struct absval *d, struct val key, struct val v) {
    struct unit *unit = f->unit;
    if (d->kind != ABS_DICT)
        return d;
    struct absval *s = abs_new(unit, ABS_DICT);
    *s = *d;
    if (key.abs->kind != ABS_CONST || key.abs->constant->kind != NODE_STRING) {
        s->element = abs_join(unit, d->element, abs_summary(unit, v.abs));
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

static void new_version(struct frame *f, atom name, struct web *before, const struct absval *abs, struct node *stmt) {
    struct unit *unit = f->unit;
    struct web *w = web_new(f, WEB_STORE, name, abs);
    w->stmt = stmt;
    w->from[0] = before;
    w->temporary = before->temporary;
    w->name = before->name;
    stmt->phis = NEW_ARRAY(unit->arena, struct web *, 1);
    stmt->phis[0] = w;
    stmt->nphis = 1;
    env_set(f, name, (struct val){.abs = abs, .web = w});
}

static void assign_subscript(struct frame *f, struct node *target, struct val v, struct node *at) {
    struct unit *unit = f->unit;
    struct val object = eval(f, target->kid[0]), key = eval(f, target->kid[1]);
    struct node *place = node_make(unit->arena, NODE_SUBSCRIPT, NULL, 2, object.expr, key.expr);
    struct node *stmt = emit(f, node_make(unit->arena, NODE_ASSIGN, NULL, 2, v.expr, place), at);
    if (target->kid[0]->kind == NODE_NAME && object.expr->kind == NODE_NAME && object.expr->web)
        new_version(f, target->kid[0]->atom, object.expr->web, store_item(f, object.abs, key, v), stmt);
}

static bool elements_are_free(const struct absval *a) {
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
    return abs_element(f, a);
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
        const struct absval *abs = star ? abs_simple(ABS_NOTNONE) : element_abs(f, v.abs, i, exact);
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

void assign_target(struct frame *f, struct node *target, struct val v, struct node *at) {
    switch (target->kind) {
    case NODE_NAME: emit_assign(f, target->atom, v, at); break;
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

/* -- branches ------------------------------------------------------------------------------------------------------ */

static void add_phi(struct frame *f, struct node *join, struct web *w) {
    struct web **grown = NEW_ARRAY(f->unit->arena, struct web *, join->nphis + 1);
    if (join->nphis)
        memcpy(grown, join->phis, join->nphis * sizeof *grown);
    grown[join->nphis++] = w;
    join->phis = grown;
}

/* A variable that holds `v` at the end of a branch. */
static struct web *web_in_block(struct frame *f, struct node *block, atom name, const struct val *v) {
    if (v->web)
        return v->web;
    if (v->expr && v->expr->kind == NODE_NAME && v->expr->web)
        return v->expr->web;
    struct web *w = web_new(f, WEB_ASSIGN, name, v->abs);
    w->expr = val_expr(f, v);
    w->stmt = node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, w->expr, make_web_name(f->unit->arena, w));
    node_add(f->unit->arena, block, w->stmt);
    return w;
}

static bool is_static(const struct absval *a) {
    return a->kind == ABS_CONST || (a->kind == ABS_MASK && !a->mask->plain) || a->kind == ABS_CLASS ||
           a->kind == ABS_FUNCTION || a->kind == ABS_LIBRARY || a->kind == ABS_CONFIG || a->kind == ABS_BOUND;
}

static bool is_function_value(const struct absval *a) {
    return a->kind == ABS_FUNCTION || a->kind == ABS_BOUND || a->kind == ABS_CLASS;
}

static struct val make_choice(struct frame *f, struct node *join, struct val then, struct val other) {
    struct absval *choice = abs_new(f->unit, ABS_CHOICE);
    choice->item = NEW_ARRAY(f->unit->arena, struct val, 2);
    choice->count = 2;
    choice->item[0] = then;
    choice->item[1] = other;
    choice->join = join;
    struct val v = {.abs = choice, .expr = val_expr(f, &then)};
    return v;
}

/* The elements of a tuple that a call returns, each in a variable. */
static struct val unpacked(struct frame *f, struct node *block, struct val v) {
    struct unit *unit = f->unit;
    struct absval *t = abs_new(unit, v.abs->kind);
    struct node *tuple = node_new(unit->arena, NODE_TUPLE);
    struct node *stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, val_expr(f, &v), tuple);
    t->count = v.abs->count;
    t->item = NEW_ARRAY(unit->arena, struct val, t->count + 1);
    for (uint32_t i = 0; i < t->count; i++) {
        struct web *w = web_new(f, WEB_ELEMENT, intern(unit->atoms, "result"), v.abs->item[i].abs);
        w->temporary = true;
        w->stmt = stmt;
        w->expr = stmt->kid[0];
        w->element = i;
        node_add(unit->arena, tuple, make_web_name(unit->arena, w));
        t->item[i] = (struct val){.abs = w->abs, .web = w};
    }
    node_add(unit->arena, block, stmt);
    return val_make(t, node_copy(unit->arena, tuple));
}

static struct val merge_items(struct frame *f, struct node *join, atom name, struct val then, struct val other) {
    struct unit *unit = f->unit;
    struct absval *t = abs_new(unit, then.abs->kind);
    struct node *expr = node_new(unit->arena, then.abs->kind == ABS_TUPLE ? NODE_TUPLE : NODE_LIST);
    expr->flags |= NF_PAREN;
    t->count = then.abs->count;
    t->item = NEW_ARRAY(unit->arena, struct val, t->count + 1);
    for (uint32_t i = 0; i < t->count; i++) {
        t->item[i] = merge_vals(f, join, name, then.abs->item[i], other.abs->item[i]);
        t->item[i].expr = val_expr(f, &t->item[i]);
        node_add(unit->arena, expr, val_expr(f, &t->item[i]));
    }
    return val_make(t, expr);
}

struct val merge_vals(struct frame *f, struct node *join, atom name, struct val then, struct val other) {
    struct unit *unit = f->unit;
    if (then.abs == NULL || (then.abs->kind == ABS_BOTTOM && other.abs))
        return other;
    if (other.abs == NULL || other.abs->kind == ABS_BOTTOM)
        return then;
    if (then.web && then.web == other.web && abs_equal(then.abs, other.abs))
        return then;
    if (is_static(then.abs) && abs_equal(then.abs, other.abs))
        return then;
    if (then.expr && other.expr && then.web == NULL && other.web == NULL && expr_is_trivial(then.expr) &&
        node_equal(then.expr, other.expr) && then.expr->web == other.expr->web)
        return then;
    if (is_function_value(then.abs) || is_function_value(other.abs))
        return make_choice(f, join, then, other);
    bool tuples = then.abs->kind == ABS_TUPLE && other.abs->kind == ABS_TUPLE && then.abs->count == other.abs->count;
    if (tuples && then.web == NULL && other.web == NULL &&
        elements_are_free(then.abs) != elements_are_free(other.abs)) {
        if (join->kid[2] == NULL)
            join->kid[2] = node_new(unit->arena, NODE_BLOCK);
        if (elements_are_free(other.abs))
            then = unpacked(f, join->kid[1], then);
        else
            other = unpacked(f, join->kid[2], other);
    }
    if (tuples && elements_are_free(then.abs) && elements_are_free(other.abs) && !(then.web && other.web))
        return merge_items(f, join, name, then, other);
    const struct absval *abs = abs_join(unit, then.abs, other.abs);
    const struct absval *mask = mask_join(f, join->kid[0], then.abs, other.abs);
    abs = mask ? mask : abs;
    if (join->kid[2] == NULL)
        join->kid[2] = node_new(unit->arena, NODE_BLOCK);
    if (then.abs->kind != ABS_DICT)
        abs = abs_summary(unit, abs);
    if (then.web && then.web == other.web)
        return (struct val){.abs = abs, .web = then.web};
    struct web *w = web_new(f, WEB_IF, name, abs);
    w->temporary |= atom_is(name, "result");
    w->stmt = join;
    w->from[0] = web_in_block(f, join->kid[1], name, &then);
    w->from[1] = web_in_block(f, join->kid[2], name, &other);
    add_phi(f, join, w);
    return (struct val){.abs = abs, .web = w};
}

static void merge_env(struct frame *f, struct node *join, const struct map *then, const struct map *other) {
    struct map merged = {0};
    for (uint32_t i = 0; i < then->len; i++) {
        const struct val *a = then->entry[i].value, *b = map_get(other, then->entry[i].key);
        if (a == b || b == NULL) {
            map_put(f->unit->arena, &merged, then->entry[i].key, (void *)a);
            continue;
        }
        struct val *m = NEW(f->unit->arena, struct val);
        *m = merge_vals(f, join, then->entry[i].key, *a, *b);
        map_put(f->unit->arena, &merged, then->entry[i].key, m);
    }
    for (uint32_t i = 0; i < other->len; i++)
        if (!map_has(&merged, other->entry[i].key))
            map_put(f->unit->arena, &merged, other->entry[i].key, other->entry[i].value);
    f->env = merged;
}

static void splice(struct frame *f, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        node_add(f->unit->arena, f->out, block->kid[i]);
}

struct branch {
    struct node *block;
    struct map env;
    struct val ret;
    enum flow flow;
};

/* In the branch where `x is not None` holds, x is not None. */
static void refine(struct frame *f, const struct node *test, bool holds) {
    if (test->kind == NODE_UNARYOP && test->op == OP_NOT) {
        refine(f, test->kid[0], !holds);
        return;
    }
    if (test->kind == NODE_BOOLOP && (test->op == OP_AND) == holds) {
        for (uint32_t i = 0; i < test->nkids; i++)
            refine(f, test->kid[i], holds);
        return;
    }
    if (test->kind != NODE_COMPARE || test->nkids != 2 || test->kid[0]->kind != NODE_NAME || !is_none(test->kid[1]))
        return;
    const struct val *v = map_get(&f->env, test->kid[0]->atom);
    if (v == NULL || v->abs->kind != ABS_TOP || (test->ops[0] != OP_IS && test->ops[0] != OP_IS_NOT))
        return;
    bool is_none_here = (test->ops[0] == OP_IS) == holds;
    struct val known = *v;
    known.abs = is_none_here   ? abs_none(f->unit)
                : v->abs->rank ? abs_tensor(f->unit, v->abs->rank)
                               : abs_simple(ABS_NOTNONE);
    env_set(f, test->kid[0]->atom, known);
}

static void run_branch(
    struct frame *f, struct branch *b, struct node *test, bool holds, struct node *body, const struct map *env) {
    struct node *out = f->out;
    struct val ret = f->ret;
    b->block = node_new(f->unit->arena, NODE_BLOCK);
    map_copy(f->unit->arena, &f->env, env);
    refine(f, test, holds);
    f->out = b->block;
    f->conditional++;
    b->flow = body ? run_block(f, body, 0) : FLOW_NEXT;
    f->conditional--;
    b->env = f->env;
    if (f->unfolded) {
        b->ret = f->ret;
        f->ret = ret;
    }
    f->out = out;
}

/* The rest of the block runs in the branch that goes on, because the other one has returned a value. */
static void run_rest(struct frame *f, struct branch *b, struct node *rest, uint32_t from) {
    struct node *out = f->out;
    struct val ret = f->ret;
    f->env = b->env;
    f->out = b->block;
    f->conditional++;
    b->flow = run_block(f, rest, from);
    f->conditional--;
    b->env = f->env;
    if (f->unfolded) {
        b->ret = f->ret;
        f->ret = ret;
    }
    f->out = out;
}

static struct node *drop_empty_else(struct node *join) {
    if (join->kid[2] && join->kid[2]->nkids == 0)
        join->kid[2] = NULL;
    return join;
}

static enum flow join_returns(struct frame *f, struct node *stmt, struct node *test, struct branch *a, struct branch *b,
    struct node *rest, uint32_t from) {
    if (a->flow != FLOW_RETURN)
        run_rest(f, a, rest, from);
    if (b->flow != FLOW_RETURN)
        run_rest(f, b, rest, from);
    struct unit *unit = f->unit;
    struct node *join = emit(f, node_make(unit->arena, NODE_IF, NULL, 3, test, a->block, b->block), stmt);
    if (a->ret.abs == NULL)
        a->ret = val_const(f, OP_NONE);
    if (b->ret.abs == NULL)
        b->ret = val_const(f, OP_NONE);
    f->ret = merge_vals(f, join, intern(unit->atoms, "result"), a->ret, b->ret);
    drop_empty_else(join);
    return FLOW_RETURN;
}

/* One branch leaves, the other goes on. */
static enum flow leave_branch(struct frame *f, struct node *stmt, struct node *test, struct branch *leaves,
    struct branch *stays, bool leaves_if_true) {
    struct unit *unit = f->unit;
    if (!leaves_if_true) {
        struct node *no = node_make(unit->arena, NODE_UNARYOP, NULL, 1, test);
        no->op = OP_NOT;
        test = no;
    }
    emit(f, node_make(unit->arena, NODE_IF, NULL, 3, test, leaves->block, (struct node *)NULL), stmt);
    splice(f, stays->block);
    f->env = stays->env;
    return FLOW_NEXT;
}

static void collect_targets(struct unit *unit, const struct node *n, struct map *names) {
    if (n == NULL || n->kind == NODE_LAMBDA || n->kind == NODE_LISTCOMP || n->kind == NODE_GENERATOR ||
        n->kind == NODE_DICTCOMP || n->kind == NODE_SETCOMP)
        return;
    switch (n->kind) {
    case NODE_NAME: map_put(unit->arena, names, n->atom, (void *)n); return;
    case NODE_TUPLE:
    case NODE_LIST:
    case NODE_STARRED:
        for (uint32_t i = 0; i < n->nkids; i++)
            collect_targets(unit, n->kid[i], names);
        return;
    case NODE_SUBSCRIPT: collect_targets(unit, n->kid[0], names); return;
    default: return;
    }
}

static void collect_assigned(struct unit *unit, const struct node *n, struct map *names) {
    if (n == NULL)
        return;
    switch (n->kind) {
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < n->nkids; i++)
            collect_targets(unit, n->kid[i], names);
        break;
    case NODE_AUGASSIGN:
    case NODE_ANNASSIGN:
    case NODE_FOR:
    case NODE_NAMEDEXPR: collect_targets(unit, n->kid[0], names); break;
    case NODE_EXPR: /* list.append and the like */
        if (n->kid[0]->kind == NODE_CALL && n->kid[0]->kid[0]->kind == NODE_ATTRIBUTE)
            collect_targets(unit, n->kid[0]->kid[0]->kid[0], names);
        break;
    default: break;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        collect_assigned(unit, n->kid[i], names);
}

/* A constant is one only since the branch that would have changed it is not taken: that is why. */
static void blame(struct frame *f, const struct node *block, reason because) {
    struct map changed = {0};
    if (f->unit->account == NULL || block == NULL)
        return;
    collect_assigned(f->unit, block, &changed);
    for (uint32_t i = 0; i < changed.len; i++) {
        struct val *v = map_get(&f->env, changed.entry[i].key);
        if (v && v->abs->kind == ABS_CONST && !v->abs->because)
            v->abs = abs_decided(f->unit, v->abs, because);
    }
}

static enum flow run_if(struct frame *f, struct node *stmt, struct node *rest, uint32_t from) {
    struct unit *unit = f->unit;
    struct val test = eval(f, stmt->kid[0]);
    int truth = abs_truth(test.abs);
    if (truth >= 0) {
        struct node *taken = truth ? stmt->kid[1] : stmt->kid[2];
        account_decided(unit, stmt->kid[0], abs_because(test.abs));
        account_decided(unit, truth ? stmt->kid[2] : stmt->kid[1], abs_because(test.abs));
        blame(f, truth ? stmt->kid[2] : stmt->kid[1], abs_because(test.abs));
        return taken ? run_block(f, taken, 0) : FLOW_NEXT;
    }
    if (outgrown_branch(f, stmt, &test))
        return FLOW_NEXT;
    struct map env = f->env;
    struct branch a = {0}, b = {0};
    run_branch(f, &a, stmt->kid[0], true, stmt->kid[1], &env);
    run_branch(f, &b, stmt->kid[0], false, stmt->kid[2], &env);
    if (a.flow == FLOW_RAISE || b.flow == FLOW_RAISE) { /* a check: what follows may rely on it */
        struct branch *stays = a.flow == FLOW_RAISE ? &b : &a;
        account_decided(unit, stmt->kid[0], REASON_CHECK);
        account_decided(unit, stmt->kid[a.flow == FLOW_RAISE ? 1 : 2], REASON_CHECK);
        splice(f, stays->block);
        f->env = stays->env;
        f->ret = f->unfolded ? stays->ret : f->ret;
        return stays->flow;
    }
    bool returns = a.flow == FLOW_RETURN || b.flow == FLOW_RETURN;
    if (f->unfolded && returns)
        return join_returns(f, stmt, test.expr, &a, &b, rest, from);
    if (a.flow != FLOW_NEXT && b.flow == FLOW_NEXT)
        return leave_branch(f, stmt, test.expr, &a, &b, true);
    if (b.flow != FLOW_NEXT && a.flow == FLOW_NEXT)
        return leave_branch(f, stmt, test.expr, &b, &a, false);
    struct node *join = emit(f, node_make(unit->arena, NODE_IF, NULL, 3, test.expr, a.block, b.block), stmt);
    join->flags |= stmt->flags & NF_ELIF;
    test.expr->abs = test.abs;
    if (a.flow == FLOW_NEXT)
        merge_env(f, join, &a.env, &b.env);
    drop_empty_else(join);
    return a.flow;
}

/* -- loops --------------------------------------------------------------------------------------------------------- */

enum { LOOP_ROUNDS = 6 };

/* A loop is run until what is known of its variables no longer changes; only the last run's code is kept. A variable
 * that the body does not really change is not carried. */
static enum flow run_loop(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    bool is_for = stmt->kind == NODE_FOR;
    struct val iterable = is_for ? eval(f, stmt->kid[1]) : (struct val){0};
    struct node *loop = node_make(unit->arena, stmt->kind, NULL, 0);
    struct map assigned = {0}, before = f->env;
    collect_assigned(unit, stmt->kid[is_for ? 2 : 1], &assigned);
    struct web **carried = NEW_ARRAY(unit->arena, struct web *, assigned.len + 1);
    bool *drop = NEW_ARRAY(unit->arena, bool, assigned.len + 1);
    const struct absval **known = NEW_ARRAY(unit->arena, const struct absval *, assigned.len + 1);
    struct node *body = NULL, *out = f->out, *target = NULL, *test = NULL;
    struct account_point start = account_point(unit);
    for (uint32_t round = 0; round < LOOP_ROUNDS; round++) {
        map_copy(unit->arena, &f->env, &before);
        account_rewind(unit, start);
        for (uint32_t i = 0; i < assigned.len; i++) {
            const struct val *init = map_get(&before, assigned.entry[i].key);
            carried[i] = NULL;
            if (init == NULL || drop[i])
                continue;
            known[i] = known[i] ? known[i] : init->abs;
            if (known[i]->kind == ABS_CONST && round == 0)
                continue; /* optimistic: stays constant */
            carried[i] = web_new(f, WEB_LOOP, init->web ? init->web->name : assigned.entry[i].key, known[i]);
            carried[i]->stmt = loop;
            env_set(f, assigned.entry[i].key, (struct val){.abs = known[i], .web = carried[i]});
        }
        body = f->out = node_new(unit->arena, NODE_BLOCK);
        f->conditional++;
        if (is_for) {
            bind_target(f, stmt->kid[0], abs_element(f, iterable.abs), loop);
            target = copy_target(f, stmt->kid[0]);
            run_block(f, stmt->kid[2], 0);
        } else {
            test = eval(f, stmt->kid[0]).expr;
            run_block(f, stmt->kid[1], 0);
        }
        f->conditional--;
        bool stable = true;
        for (uint32_t i = 0; i < assigned.len; i++) {
            const struct val *init = map_get(&before, assigned.entry[i].key);
            const struct val *end = map_get(&f->env, assigned.entry[i].key);
            if (init == NULL || drop[i])
                continue;
            bool unchanged = carried[i] ? end->web == carried[i] && end->abs == carried[i]->abs
                                        : abs_equal(end->abs, init->abs) && end->abs->kind == ABS_CONST;
            if (unchanged) {
                stable &= carried[i] == NULL;
                drop[i] = carried[i] != NULL;
                continue;
            }
            const struct absval *joined = abs_summary(unit, abs_join(unit, known[i], end->abs));
            stable &= carried[i] != NULL && abs_equal(joined, known[i]);
            known[i] = joined;
        }
        f->out = out;
        if (stable)
            break;
    }
    struct map after = f->env;
    map_copy(unit->arena, &f->env, &before);
    for (uint32_t i = 0; i < after.len; i++) /* first bound in the loop: visible after it */
        if (!map_has(&before, after.entry[i].key))
            map_put(unit->arena, &f->env, after.entry[i].key, after.entry[i].value);
    for (uint32_t i = 0; i < assigned.len; i++) {
        const struct val *init = map_get(&before, assigned.entry[i].key);
        const struct val *end = map_get(&after, assigned.entry[i].key);
        if (carried[i] == NULL || init == NULL)
            continue;
        carried[i]->from[0] = web_in_block(f, f->out, assigned.entry[i].key, init);
        carried[i]->from[1] = web_in_block(f, body, assigned.entry[i].key, end);
        carried[i]->abs = known[i];
        add_phi(f, loop, carried[i]);
        env_set(f, assigned.entry[i].key, (struct val){.abs = known[i], .web = carried[i]});
    }
    if (is_for) {
        node_add(unit->arena, loop, target);
        node_add(unit->arena, loop, iterable.expr);
    } else {
        node_add(unit->arena, loop, test);
    }
    node_add(unit->arena, loop, body);
    node_add(unit->arena, loop, NULL);
    emit(f, loop, stmt);
    return FLOW_NEXT;
}

/* -- simple statements --------------------------------------------------------------------------------------------- */

static bool is_docstring(const struct node *stmt) {
    return stmt->kind == NODE_EXPR && (stmt->kid[0]->kind == NODE_STRING || stmt->kid[0]->kind == NODE_STRINGS);
}

/* In-place tensor methods that have a twin which returns the result. */
static bool has_pure_twin(const char *name, size_t len) {
    static const char *const twins[] = {"clamp", "clamp_min", "clamp_max", "mul", "add", "sub", "div", "masked_fill",
        "scatter", "scatter_add", "index_add", "relu", "sigmoid", "tanh", "sqrt", "rsqrt", "exp", "pow", "neg",
        "unsqueeze", "squeeze", "transpose", "lerp", "addcmul", "abs", "round", "floor", "index_copy", "softmax",
        "tril", "triu", "bitwise_or", "bitwise_and", "bitwise_xor", "bitwise_not", "logical_or", "logical_and",
        "logical_xor", "logical_not"};
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++)
        if (strlen(twins[i]) == len && strncmp(twins[i], name, len) == 0)
            return true;
    return false;
}

/* `x.clamp_(...)` as a statement is `x = x.clamp(...)`. */
static bool run_in_place(struct frame *f, struct node *stmt) {
    struct node *call = stmt->kid[0], *method = call->kind == NODE_CALL ? call->kid[0] : NULL;
    if (!is_kind(method, NODE_ATTRIBUTE) || method->kid[0]->kind != NODE_NAME || method->atom == NULL)
        return false;
    size_t len = strlen(method->atom);
    if (len < 2 || method->atom[len - 1] != '_' || !has_pure_twin(method->atom, len - 1))
        return false;
    struct node *pure = node_copy(f->unit->arena, call);
    pure->kid[0]->atom = intern_len(f->unit->atoms, method->atom, len - 1);
    emit_assign(f, method->kid[0]->atom, eval(f, pure), stmt);
    return true;
}

/* `self.xs.append(v)`: the attribute has one more kind of item. */
static bool run_attribute_mutation(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE ||
        call->kid[0]->kid[0]->kind != NODE_ATTRIBUTE || !atom_is(call->kid[0]->atom, "append"))
        return false;
    struct node *place = call->kid[0]->kid[0];
    struct val object = eval(f, place->kid[0]);
    struct attr *attr = object.abs->kind == ABS_INSTANCE ? class_attr(object.abs->cls, place->atom) : NULL;
    if (attr == NULL)
        return false;
    struct args args = {0};
    eval_args(f, call, &args);
    struct absval *seq = abs_new(unit, ABS_SEQ);
    bool empty = attr->abs->kind != ABS_SEQ || attr->abs->element->kind == ABS_TOP;
    seq->element = abs_join(unit, empty ? NULL : attr->abs->element, abs_summary(unit, args.list.at[0].val.abs));
    attr->abs = seq;
    attr->stores++;
    struct node *callee = make_attr(unit->arena, eval(f, place).expr, call->kid[0]->atom);
    emit(f, node_make(unit->arena, NODE_EXPR, NULL, 1, build_call(f, callee, &args, call)), stmt);
    return true;
}

/* `xs.append(v)`: a new version of xs. */
static bool run_mutation(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE || call->kid[0]->kid[0]->kind != NODE_NAME ||
        !mutates_list(call->kid[0]->atom))
        return false;
    struct val object = eval(f, call->kid[0]->kid[0]);
    if (object.expr->kind != NODE_NAME || object.expr->web == NULL)
        return false;
    struct args args = {0};
    eval_args(f, call, &args);
    struct absval *seq = abs_new(unit, ABS_SEQ);
    seq->element = abs_simple(ABS_BOTTOM);
    if (object.abs->kind == ABS_SEQ || object.abs->kind == ABS_LIST)
        if (object.abs->kind == ABS_SEQ || object.abs->count)
            seq->element = abs_element(f, object.abs);
    if (args.list.len)
        seq->element = abs_join(unit, seq->element, abs_summary(unit, args.list.at[args.list.len - 1].val.abs));
    struct node *callee = make_attr(unit->arena, object.expr, call->kid[0]->atom);
    struct node *made = node_make(unit->arena, NODE_EXPR, NULL, 1, build_call(f, callee, &args, call));
    emit(f, made, stmt);
    bool list = object.abs->kind == ABS_SEQ || object.abs->kind == ABS_LIST;
    new_version(f, call->kid[0]->kid[0]->atom, object.expr->web, list ? seq : object.abs, made);
    return true;
}

/* `logger.warning(...)` of a logger that is None, by a fact. */
static bool runs_nothing(struct frame *f, const struct node *stmt) {
    const struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE || call->kid[0]->kid[0]->kind != NODE_NAME)
        return false;
    return abs_is_none(eval(f, call->kid[0]->kid[0]).abs);
}

static void run_expr(struct frame *f, struct node *stmt) {
    if (is_docstring(stmt) || runs_nothing(f, stmt) || run_in_place(f, stmt) || run_mutation(f, stmt) ||
        run_attribute_mutation(f, stmt))
        return;
    struct val v = eval(f, stmt->kid[0]);
    if (v.expr->kind == NODE_CALL)
        emit(f, node_make(f->unit->arena, NODE_EXPR, NULL, 1, v.expr), stmt);
}

static void run_augassign(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *sum = node_make(unit->arena, NODE_BINOP, NULL, 2, node_copy(unit->arena, stmt->kid[0]), stmt->kid[1]);
    sum->op = stmt->op;
    sum->span = stmt->span;
    sum->source = stmt->source;
    assign_target(f, stmt->kid[0], eval(f, sum), stmt);
}

static bool drops_context(const struct node *item, struct val v) {
    return item->kid[1] == NULL && v.abs->kind == ABS_OBJECT && qual_ends(v.abs->qual, "adgen.context");
}

/* A context that is not understood, where gaps are allowed: it stays around its block. */
static struct node *keep_context(struct frame *f, const struct node *item, struct val v, struct node *with) {
    struct unit *unit = f->unit;
    if (with == NULL)
        with = node_make(unit->arena, NODE_WITH, NULL, 1, node_new(unit->arena, NODE_BLOCK));
    struct node *target = NULL;
    if (item->kid[1]) {
        bind_target(f, item->kid[1], abs_simple(ABS_TOP), with);
        target = copy_target(f, item->kid[1]);
    }
    node_add(unit->arena, with, node_make(unit->arena, NODE_WITHITEM, NULL, 2, v.expr, target));
    return with;
}

static enum flow run_in_context(struct frame *f, struct node *stmt, struct node *with) {
    struct node *out = f->out;
    f->out = with->kid[0];
    enum flow flow = run_block(f, stmt->kid[0], 0);
    f->out = out;
    emit(f, with, stmt);
    return flow;
}

static enum flow run_with(struct frame *f, struct node *stmt) {
    struct node *with = NULL;
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        struct val v = eval(f, stmt->kid[i]->kid[0]);
        if (drops_context(stmt->kid[i], v)) {
            account_decided(f->unit, stmt->kid[i], abs_because(v.abs));
            continue;
        }
        struct diag *d = diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, stmt->kid[i]->span,
            "context", "this context manager may change what its block computes");
        diag_help(f->unit->diags, d, "say in rules/prefill.yaml under `contexts` that it does not");
        if (f->unit->options.partial)
            with = keep_context(f, stmt->kid[i], v, with);
        else
            f->unit->failed = true;
    }
    return with ? run_in_context(f, stmt, with) : run_block(f, stmt->kid[0], 0);
}

/* A model that returns a tensor, or an entry that returns a tuple, returns a ModelOutput in the output. */
static struct val wrap_output(struct frame *f, struct val v) {
    struct unit *unit = f->unit;
    struct cls *owner = f->fn->owner;
    if (f->unfolded || !owner || !atom_is(f->fn->name, "forward") || !class_derives(owner, "PreTrainedModel"))
        return v;
    bool entry = owner == unit->entry;
    if (entry && v.abs->kind == ABS_TUPLE && v.abs->count > 0)
        v = element_of(f, v.expr->kind == NODE_TUPLE ? val_make(v.abs, v.expr) : v, 0);
    if (v.abs->kind != ABS_TENSOR)
        return v;
    if (v.expr->kind == NODE_SUBSCRIPT && v.expr->kid[0]->kind == NODE_TUPLE)
        v.expr = v.expr->kid[0]->kid[0];
    f->fn->wraps = !entry;
    struct absval *r = abs_new(unit, ABS_RECORD);
    r->qual = intern(unit->atoms, entry ? "CausalLMOutput" : "BaseModelOutput");
    r->item = NEW_ARRAY(unit->arena, struct val, 1);
    r->key = NEW_ARRAY(unit->arena, atom, 1);
    r->count = 1;
    r->key[0] = intern(unit->atoms, entry ? "logits" : "last_hidden_state");
    r->item[0] = v;
    struct node *field = node_make(unit->arena, NODE_KEYWORD, r->key[0], 1, v.expr);
    return val_make(r, node_make(unit->arena, NODE_CALL, NULL, 2, make_name(unit->arena, r->qual), field));
}

static enum flow run_return(struct frame *f, struct node *stmt) {
    struct val v = wrap_output(f, stmt->kid[0] ? eval(f, stmt->kid[0]) : val_const(f, OP_NONE));
    if (f->unfolded) {
        f->ret = v;
        return FLOW_RETURN;
    }
    bool sequence = v.expr->kind == NODE_NAME && (v.abs->kind == ABS_TUPLE || v.abs->kind == ABS_LIST);
    struct node *display = sequence ? display_of(f, v.abs) : NULL;
    v.expr = display ? display : v.expr; /* so that each element has readers of its own */
    f->ret.abs = abs_join(f->unit, f->ret.abs, v.abs);
    emit(f, node_make(f->unit->arena, NODE_RETURN, NULL, 1, v.expr), stmt);
    return FLOW_RETURN;
}

static void refuse_stmt(struct frame *f, struct node *stmt) {
    diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, stmt->span, "statement",
        "a `%s` statement is not understood here", node_kind_name(stmt->kind));
    if (f->unit->options.partial)
        emit(f, node_copy(f->unit->arena, stmt), stmt);
    else
        f->unit->failed = true;
}

static void define_function(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct absval *a = abs_new(unit, ABS_FUNCTION);
    a->fn = fn_make(unit, f->fn->module, stmt, NULL);
    struct map *closure = NEW(unit->arena, struct map);
    map_copy(unit->arena, closure, &f->env);
    a->fn->closure = closure;
    env_set(f, stmt->atom, (struct val){.abs = a, .expr = make_name(unit->arena, stmt->atom)});
}

static void run_assign(struct frame *f, struct node *stmt) {
    struct val v = eval(f, stmt->kid[0]);
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        struct val each = v;
        if (i > 1)
            each.expr = node_copy(f->unit->arena, v.expr);
        assign_target(f, stmt->kid[i], each, i == 1 ? stmt : NULL);
    }
}

static enum flow run_try(struct frame *f, struct node *stmt) {
    account_decided(f->unit, stmt->kid[1], REASON_HANDLER);
    for (uint32_t i = 2; i < stmt->nkids; i++)
        account_decided(f->unit, stmt->kid[i], REASON_HANDLER);
    return run_block(f, stmt->kid[0], 0);
}

static enum flow drop_stmt(struct frame *f, struct node *stmt, enum flow flow, reason because) {
    account_decided(f->unit, stmt, because);
    return flow;
}

static enum flow run_stmt(struct frame *f, struct node *stmt, struct node *rest, uint32_t from) {
    switch (stmt->kind) {
    case NODE_ASSIGN: run_assign(f, stmt); return FLOW_NEXT;
    case NODE_ANNASSIGN:
        if (stmt->kid[2] == NULL)
            return drop_stmt(f, stmt, FLOW_NEXT, REASON_NO_EFFECT);
        assign_target(f, stmt->kid[0], eval(f, stmt->kid[2]), stmt);
        return FLOW_NEXT;
    case NODE_AUGASSIGN: run_augassign(f, stmt); return FLOW_NEXT;
    case NODE_EXPR: run_expr(f, stmt); return FLOW_NEXT;
    case NODE_RETURN: return run_return(f, stmt);
    case NODE_IF: return run_if(f, stmt, rest, from);
    case NODE_FOR:
    case NODE_WHILE: return run_loop(f, stmt);
    case NODE_WITH: return run_with(f, stmt);
    case NODE_RAISE: return drop_stmt(f, stmt, FLOW_RAISE, REASON_CHECK);
    case NODE_BREAK: emit(f, node_new(f->unit->arena, NODE_BREAK), stmt); return FLOW_BREAK;
    case NODE_CONTINUE: emit(f, node_new(f->unit->arena, NODE_CONTINUE), stmt); return FLOW_CONTINUE;
    case NODE_TRY: return run_try(f, stmt);
    case NODE_FUNCTION: define_function(f, stmt); return FLOW_NEXT;
    case NODE_ASSERT: return drop_stmt(f, stmt, FLOW_NEXT, REASON_CHECK);
    case NODE_PASS:
    case NODE_DELETE: return drop_stmt(f, stmt, FLOW_NEXT, REASON_NO_EFFECT);
    case NODE_IMPORT:
    case NODE_IMPORTFROM: return drop_stmt(f, stmt, FLOW_NEXT, REASON_IMPORTS);
    default: refuse_stmt(f, stmt); return FLOW_NEXT;
    }
}

/* Why a statement always leaves the block. */
static reason why_it_leaves(struct frame *f, const struct node *stmt) {
    const struct account *a = f->unit->account;
    for (uint32_t i = a->decided.len; stmt->kind == NODE_IF && i-- > 0;)
        if (a->decided.at[i].span.start == stmt->kid[0]->span.start &&
            a->decided.at[i].span.end == stmt->kid[0]->span.end)
            return a->decided.at[i].because;
    return stmt->kind == NODE_IF ? REASON_NONE : REASON_LEFT;
}

/* Nothing behind a statement that always leaves the block is run; an IF of which both branches do has run it. */
static void leave_block(struct frame *f, const struct node *block, uint32_t at) {
    reason because = f->unit->account ? why_it_leaves(f, block->kid[at]) : REASON_NONE;
    for (uint32_t i = at + 1; because && i < block->nkids; i++)
        account_decided(f->unit, block->kid[i], because);
}

enum flow run_block(struct frame *f, struct node *block, uint32_t from) {
    for (uint32_t i = from; i < block->nkids && !f->unit->restart; i++) {
        enum flow flow = run_stmt(f, block->kid[i], block, i + 1);
        if (flow != FLOW_NEXT) {
            leave_block(f, block, i);
            return flow;
        }
    }
    return FLOW_NEXT;
}
