/* spec_branch.c - specialisation of IF: a test that is decided leaves one side; else both run, and their variables
 * join. */
#include <string.h>

#include "base/text.h"
#include "rewrite/declined.h"
#include "rewrite/spec.h"
#include "rewrite/towers.h"

/* A variable that holds `v` at the end of a branch. */
struct web *web_in_block(struct frame *f, struct node *block, atom name, const struct val *v) {
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

/* What a variable was set to: a name of the module or of a library, or NULL. */
static struct node *named_outside(const struct val *v) {
    const struct web *w = v->web;
    struct node *e = w == NULL ? v->expr : w->kind == WEB_ASSIGN ? w->expr : NULL;
    while (e && e->kind == NODE_NAME && e->web)
        e = e->web->kind == WEB_ASSIGN ? e->web->expr : NULL;
    return e && expr_is_trivial(e) ? e : NULL;
}

/* The same definition on both sides: read under its own name, since a variable of one side is not set on the other. */
static struct val of_either(struct val then, struct val other) {
    struct node *name = named_outside(&then);
    if (name == NULL)
        name = named_outside(&other);
    return name ? val_make(then.abs, name) : then;
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
        return of_either(then, other);
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
    const struct absval *abs = abs_join_where(unit, then.abs, other.abs, abs_symbol(unit, join->kid[0]->abs));
    const struct absval *mask = mask_join(f, join->kid[0], then.abs, other.abs);
    abs = mask ? mask : abs;
    if (!mask)
        note_lost_mask(unit, join->kid[0], then.abs, other.abs);
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
    phi_add(f->unit->arena, join, w);
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
    const struct node *test;    /* in the source */
    const struct absval *known; /* of it */
    bool holds;
    struct node *block;
    struct map env;
    struct val ret;
    enum flow flow;
};

static const char *input_kind(const struct frame *f, atom param) {
    const struct fact *fact = fact_parameter(f->unit->facts, param);
    return fact && (atom_is(fact->id, "tokens") || atom_is(fact->id, "embeddings")) ? fact->id : NULL;
}

/* Where the token ids are None their embeddings are not, and the other way round: `param` is one of them. */
static void give_other_input(struct frame *f, atom param) {
    const char *kind = input_kind(f, param);
    for (uint32_t i = 0; kind && i < f->env.len; i++) {
        const struct val *v = f->env.entry[i].value;
        const char *other = v->web && v->web->kind == WEB_PARAM ? input_kind(f, v->web->name) : NULL;
        if (other && strcmp(other, kind) != 0 && v->abs->kind == ABS_TOP)
            env_set(f, f->env.entry[i].key, (struct val){abs_given(f->unit, v->abs), v->expr, v->web});
    }
}

/* In the branch where `x is not None` holds, x is not None; of a choice with None it is then the other. */
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
    if (v == NULL || (test->ops[0] != OP_IS && test->ops[0] != OP_IS_NOT))
        return;
    bool is_none_here = (test->ops[0] == OP_IS) == holds;
    struct val known = *v;
    if (v->abs->kind == ABS_CHOICE && !abs_not_none(v->abs)) {
        bool first = abs_is_none(v->abs->item[0].abs);
        known = v->abs->item[first == is_none_here ? 0 : 1];
    } else if (v->abs->kind == ABS_TOP) {
        known.abs = is_none_here                    ? abs_none(f->unit)
                    : v->abs->rank || v->abs->limit ? abs_given(f->unit, v->abs)
                                                    : abs_simple(ABS_NOTNONE);
    } else {
        return;
    }
    if (is_none_here && v->web && v->web->kind == WEB_PARAM)
        give_other_input(f, v->web->name);
    env_set(f, test->kid[0]->atom, known);
}

static void run_branch(struct frame *f, struct branch *b, struct node *body, const struct map *env) {
    struct node *out = f->out;
    struct val ret = f->ret;
    b->block = node_new(f->unit->arena, NODE_BLOCK);
    map_copy(f->unit->arena, &f->env, env);
    refine(f, b->test, b->holds);
    f->out = b->block;
    f->conditional++;
    const struct assumption *before = assume(f, b->known, b->holds);
    b->flow = body ? run_block(f, body, 0) : FLOW_NEXT;
    f->assumed = before;
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
    const struct assumption *before = assume(f, b->known, b->holds);
    b->flow = run_block(f, rest, from);
    f->assumed = before;
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

void collect_assigned(struct unit *unit, const struct node *n, struct map *names) {
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
    case NODE_CALL: /* x = list.pop() */
        if (n->kid[0]->kind == NODE_ATTRIBUTE && mutates_list(n->kid[0]->atom))
            collect_targets(unit, n->kid[0]->kid[0], names);
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

/* torch.tensor(self.numbers, ...) as the only statement of a branch, and the name that takes it. */
static const struct node *chosen_numbers(struct frame *f, const struct node *block) {
    const struct node *stmt = block && block->nkids == 1 ? block->kid[0] : NULL;
    if (!is_kind(stmt, NODE_ASSIGN) || stmt->nkids != 2 || stmt->kid[1]->kind != NODE_NAME ||
        stmt->kid[0]->kind != NODE_CALL || stmt->kid[0]->nkids < 2 || stmt->kid[0]->kid[1]->kind == NODE_KEYWORD)
        return NULL;
    const struct val callee = eval(f, stmt->kid[0]->kid[0]), numbers = eval(f, stmt->kid[0]->kid[1]);
    bool tensor = callee.abs->kind == ABS_LIBRARY && atom_is(callee.abs->qual, "torch.tensor");
    return tensor && abs_symbol(f->unit, numbers.abs) ? stmt : NULL;
}

static bool is_of_tensor(const struct node *e) {
    return e->abs && e->abs->kind == ABS_TENSOR;
}

/* Which of two tables of numbers to take is asked of the data, such as the largest position: both are known when the
 * model is made, and torch.where takes one of them without a branch. */
static struct node *choice_of_numbers(struct frame *f, const struct node *stmt, const struct node *test) {
    struct arena *arena = f->unit->arena;
    bool of_tensor =
        is_kind(test, NODE_COMPARE) && test->nkids == 2 && (is_of_tensor(test->kid[0]) || is_of_tensor(test->kid[1]));
    if (!of_tensor || f->pure)
        return NULL;
    const struct node *a = chosen_numbers(f, stmt->kid[1]), *b = chosen_numbers(f, stmt->kid[2]);
    bool alike = a && b && a->kid[1]->atom == b->kid[1]->atom && a->kid[0]->nkids == b->kid[0]->nkids;
    for (uint32_t i = 2; alike && i < a->kid[0]->nkids; i++)
        alike = node_equal(a->kid[0]->kid[i], b->kid[0]->kid[i]);
    if (!alike)
        return NULL;
    struct node *callee = at_node(f, node_copy(arena, a->kid[0]->kid[0]), a->kid[0]->kid[0]);
    callee->atom = intern(f->unit->atoms, "where");
    struct node *where = node_make(arena, NODE_CALL, NULL, 4, callee, node_copy(arena, stmt->kid[0]),
        node_copy(arena, a->kid[0]), node_copy(arena, b->kid[0]));
    struct node *block = node_new(arena, NODE_BLOCK);
    node_add(arena, block,
        at_node(f, node_make(arena, NODE_ASSIGN, NULL, 2, at_node(f, where, stmt), node_copy(arena, a->kid[1])), stmt));
    return block;
}

enum flow run_if(struct frame *f, struct node *stmt, struct node *rest, uint32_t from) {
    struct unit *unit = f->unit;
    if (is_made_late(f, stmt))
        return FLOW_NEXT;
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
    struct node *choice = choice_of_numbers(f, stmt, test.expr);
    if (choice)
        return run_block(f, choice, 0);
    if (compares_lengths(f, stmt)) {
        account_decided(unit, stmt->kid[0], REASON_LENGTHS);
        account_decided(unit, stmt->kid[2], REASON_LENGTHS);
        return run_block(f, stmt->kid[1], 0);
    }
    struct map env = f->env;
    struct branch a = {.test = stmt->kid[0], .known = test.abs, .holds = true};
    struct branch b = {.test = stmt->kid[0], .known = test.abs};
    if (finds_tokens(f, stmt, &test)) {
        unit->needs_tokens = true;
        account_decided(unit, stmt->kid[0], REASON_TOKENS);
        account_decided(unit, stmt->kid[1], REASON_TOKENS);
        run_branch(f, &b, NULL, &env);
        f->env = b.env;
        return FLOW_NEXT;
    }
    run_branch(f, &a, stmt->kid[1], &env);
    run_branch(f, &b, stmt->kid[2], &env);
    if (a.flow == FLOW_RAISE || b.flow == FLOW_RAISE) { /* a check: what follows may rely on it */
        struct branch *stays = a.flow == FLOW_RAISE ? &b : &a;
        note_declined(unit, f->fn, test.abs, a.flow == FLOW_RAISE, stmt->kid[a.flow == FLOW_RAISE ? 1 : 2]);
        note_tower_type(unit, f->fn, stmt->kid[0], stmt->kid[1]);
        account_decided(unit, stmt->kid[0], REASON_CHECK);
        account_decided(unit, stmt->kid[a.flow == FLOW_RAISE ? 1 : 2], REASON_CHECK);
        splice(f, stays->block);
        f->env = stays->env;
        f->ret = f->unfolded ? stays->ret : f->ret;
        return stays->flow;
    }
    test.expr->abs = test.abs;
    bool returns = a.flow == FLOW_RETURN || b.flow == FLOW_RETURN;
    if (f->unfolded && returns)
        return join_returns(f, stmt, test.expr, &a, &b, rest, from);
    if (a.flow != FLOW_NEXT && b.flow == FLOW_NEXT)
        return leave_branch(f, stmt, test.expr, &a, &b, true);
    if (b.flow != FLOW_NEXT && a.flow == FLOW_NEXT)
        return leave_branch(f, stmt, test.expr, &b, &a, false);
    struct node *join = emit(f, node_make(unit->arena, NODE_IF, NULL, 3, test.expr, a.block, b.block), stmt);
    join->flags |= stmt->flags & NF_ELIF;
    if (a.flow == FLOW_NEXT)
        merge_env(f, join, &a.env, &b.env);
    drop_empty_else(join);
    return a.flow;
}
