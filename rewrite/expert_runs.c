/* expert_runs.c - reads loops that give each expert its run of tokens which are sorted by expert.
 *
 * Reads   the residual program after the equations.
 * Writes  `for e, n in enumerate(counts)` that calls modules[e] with the next n rows of a tensor, and lists the results
 *         for torch.cat, becomes adgen.expert_runs(rows, counts, modules); rows that are then put back where they came
 *         from, `y = torch.empty_like(v)`, `y[order] = v`, become adgen.put_back(v, order). Equations
 *         (rules/moe.yaml) then see in these, and in what sorts the tokens, the sum over experts.
 * Guarantees  the same values. What is not such a loop stays as it is. */
#include <string.h>

#include "rewrite/expert_loop.h"
#include "rewrite/library.h"
#include "rewrite/passes.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"

struct runs {
    struct unit *unit;
    struct fn *fn;
    struct node *loop;
    struct values *values;
    struct web *start, *list;        /* carried: where the run begins, and the results */
    const struct node *count, *each; /* targets of the loop: the length of the run and its expert */
    struct node *append;             /* the statement that lists a result */
    struct node *rows, *modules;     /* sorted tokens, and the list of experts */
};

static struct node *idiom(struct unit *unit, const char *name, uint32_t count, struct node **arg) {
    struct node *adgen = make_name(unit->arena, intern(unit->atoms, "adgen"));
    struct node *call =
        node_make(unit->arena, NODE_CALL, NULL, 1, make_attr(unit->arena, adgen, intern(unit->atoms, name)));
    for (uint32_t i = 0; i < count; i++)
        node_add(unit->arena, call, node_copy(unit->arena, arg[i]));
    return call;
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

/* `n = count.item()`: n is the count from then on. */
static void read_item(struct runs *r) {
    const struct node *body = r->loop->kid[2];
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *made = body->kid[i]->kind == NODE_ASSIGN ? body->kid[i]->kid[0] : NULL;
        bool item = made && is_method(made, "item") && made->nkids == 1 && same_value(receiver(made), r->count);
        if (item && is_kind(body->kid[i]->kid[1], NODE_NAME))
            r->count = body->kid[i]->kid[1];
    }
}

static bool read_head(struct runs *r) {
    const struct node *target = r->loop->kid[0], *from = assigned_value(r->loop->kid[1]);
    if (!is_kind(target, NODE_TUPLE) || target->nkids != 2 || !is_kind(target->kid[0], NODE_NAME) ||
        !is_kind(target->kid[1], NODE_NAME) || r->loop->nphis != 2 || r->loop->kid[3])
        return false;
    r->each = target->kid[0];
    r->count = target->kid[1];
    read_item(r);
    return is_kind(from, NODE_CALL) && is_name(from->kid[0], "enumerate") && from->nkids == 2;
}

/* start: 0 before the loop, moved on by the count in each turn; the list begins empty. */
static bool read_carried(struct runs *r) {
    for (uint32_t i = 0; i < 2; i++) {
        const struct web *before = r->loop->phis[i]->from[0];
        const struct node *first = before && before->kind == WEB_ASSIGN ? assigned_value(before->expr) : NULL;
        if (is_kind(first, NODE_LIST) && first->nkids == 0)
            r->list = r->loop->phis[i];
        else if (is_int(first, 0))
            r->start = r->loop->phis[i];
    }
    return r->list && r->start && r->start->from[1];
}

/* start + n */
static const struct value *run_end(struct runs *r) {
    const struct value *arg[2] = {value_of_web(r->values, r->start), value_of(r->values, (struct node *)r->count)};
    return value_op(r->values, OP_ADD, arg, 2);
}

static bool is_nothing(const struct value *v) {
    bool product = v->kind == VALUE_OP && v->op == OP_MUL;
    for (uint32_t i = 0; product && i < v->count; i++)
        if (is_nothing(v->arg[i]))
            return true;
    return value_is_int(v, 0);
}

/* e, or e + 0 * n, where there is one process. */
static bool is_each(struct runs *r, struct node *e) {
    const struct value *v = value_of(r->values, e), *each = value_of(r->values, (struct node *)r->each);
    if (v->kind == VALUE_OP && v->op == OP_ADD && v->count == 2)
        return (v->arg[0] == each && is_nothing(v->arg[1])) || (v->arg[1] == each && is_nothing(v->arg[0]));
    return v == each;
}

/* x of x.to(y.device): one device holds all. */
static const struct node *wherever(const struct node *e) {
    const struct node *made = assigned_value(e);
    bool moves = made && is_method(made, "to") && made->nkids == 2 && is_kind(made->kid[1], NODE_ATTRIBUTE) &&
                 atom_is(made->kid[1]->atom, "device");
    return moves ? assigned_value(receiver(made)) : made;
}

/* modules[e](rows[start : start + n]) */
static bool read_result(struct runs *r, const struct node *e) {
    const struct node *call = wherever(e);
    const struct node *module = is_kind(call, NODE_CALL) && call->nkids == 2 ? assigned_value(call->kid[0]) : NULL;
    const struct node *run = module ? assigned_value(call->kid[1]) : NULL;
    if (!is_kind(module, NODE_SUBSCRIPT) || !is_kind(run, NODE_SUBSCRIPT) || !is_kind(run->kid[1], NODE_SLICE))
        return false;
    const struct node *slice = run->kid[1];
    r->modules = module->kid[0];
    r->rows = run->kid[0];
    return slice->kid[0] && slice->kid[1] && !slice->kid[2] && is_each(r, module->kid[1]) &&
           value_of(r->values, slice->kid[0]) == value_of_web(r->values, r->start) &&
           value_of(r->values, slice->kid[1]) == run_end(r);
}

/* `if n == 0: continue` leaves out a run of nothing, which would change nothing. */
static bool leaves_out_empty(const struct runs *r, const struct node *stmt) {
    const struct node *test = stmt->kid[0];
    return stmt->kid[2] == NULL && stmt->kid[1]->nkids == 1 && stmt->kid[1]->kid[0]->kind == NODE_CONTINUE &&
           test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_EQ &&
           same_value(test->kid[0], r->count) && is_int(test->kid[1], 0);
}

static bool is_append(const struct runs *r, const struct node *stmt) {
    const struct node *call = stmt->kid[0];
    return is_method(call, "append") && call->nkids == 2 && is_kind(receiver(call), NODE_NAME) &&
           receiver(call)->web == r->list;
}

/* Whether an expression changes a tensor in place. */
static bool changes_something(const struct node *e) {
    if (e == NULL)
        return false;
    const struct node *method = e->kind == NODE_CALL ? e->kid[0] : NULL;
    if (is_kind(method, NODE_ATTRIBUTE) && works_in_place(method->atom))
        return true;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (changes_something(e->kid[i]))
            return true;
    return false;
}

/* `name = e`, where that changes nothing else. */
static bool only_names(const struct node *stmt) {
    return stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && is_kind(stmt->kid[1], NODE_NAME) &&
           !changes_something(stmt->kid[0]);
}

/* A turn has one result, and does nothing else but to name what that is made of. */
static bool read_turn(struct runs *r) {
    const struct node *body = r->loop->kid[2];
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *stmt = body->kid[i];
        bool names = only_names(stmt);
        bool guards = stmt->kind == NODE_IF && r->append == NULL && leaves_out_empty(r, stmt);
        bool appends = stmt->kind == NODE_EXPR && r->append == NULL && is_append(r, stmt);
        if (!names && !guards && !appends)
            return false;
        r->append = appends ? stmt : r->append;
    }
    return r->append && r->list->from[1] && r->list->from[1]->stmt == r->append &&
           value_of_web(r->values, r->start->from[1]) == run_end(r) && read_result(r, r->append->kid[0]->kid[1]);
}

/* torch.cat(list), or that where the list has any elements: there is at least one token. */
static bool joins_list(const struct node *e, const struct web *list) {
    if (is_kind(e, NODE_IFEXP)) {
        const struct node *test = e->kid[0];
        bool length = is_kind(test, NODE_CALL) && is_name(test->kid[0], "len") && test->nkids == 2;
        test = length ? test->kid[1] : test;
        return is_kind(test, NODE_NAME) && test->web == list && joins_list(e->kid[1], list);
    }
    if (!calls_library(e, "torch.cat") || e->nkids < 2 || !is_kind(e->kid[1], NODE_NAME) || e->kid[1]->web != list)
        return false;
    return e->nkids == 2 || (e->nkids == 3 && is_int(call_argument(e, 1, "dim"), 0));
}

/* The statement behind the loop that joins the results, the only one that reads what the loop leaves: nothing between
 * them changes what the loop has read. */
static int find_join(const struct runs *r, const struct node *block, uint32_t at) {
    for (uint32_t i = at + 1; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        bool joins = s->kind == NODE_ASSIGN && s->nkids == 2 && is_kind(s->kid[1], NODE_NAME) && s->kid[1]->web &&
                     joins_list(s->kid[0], r->list);
        uint32_t inside = web_uses(r->loop, r->list) + web_uses(s, r->list);
        if (joins && web_uses(r->fn->body, r->list) == inside &&
            web_uses(r->fn->body, r->start) == web_uses(r->loop, r->start))
            return (int)i;
        if (!only_names(s))
            return -1;
    }
    return -1;
}

/* Whether nothing that a turn names is read outside of the loop. */
static bool keeps_names(const struct runs *r) {
    const struct node *body = r->loop->kid[2];
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *stmt = body->kid[i];
        if (stmt->kind == NODE_ASSIGN && stmt->kid[1]->web &&
            web_uses(r->fn->body, stmt->kid[1]->web) != web_uses(r->loop, stmt->kid[1]->web))
            return false;
    }
    return true;
}

static bool replace_runs(struct unit *unit, struct fn *fn, struct node *block, uint32_t at) {
    struct runs r = {.unit = unit, .fn = fn, .loop = block->kid[at]};
    if (r.loop->kind != NODE_FOR || !read_head(&r) || !read_carried(&r))
        return false;
    r.values = values_create(unit->arena, unit->atoms, unit->rules->library);
    if (!read_turn(&r) || !keeps_names(&r))
        return false;
    int join = find_join(&r, block, at);
    if (join < 0)
        return false;
    struct node *stmt = block->kid[join];
    struct node *counts = without_transfer(((struct node *)assigned_value(r.loop->kid[1]))->kid[1]);
    struct node *arg[] = {r.rows, counts, r.modules};
    pass_record(unit, "runs", r.loop, fn);
    block->kid[join] = define_web(unit, stmt->kid[1]->web, idiom(unit, "expert_runs", 3, arg), stmt);
    node_remove(block, at);
    return true;
}

/* -- rows put back ------------------------------------------------------------------------------------------------- */

/* `y = torch.empty_like(v)`, `y[order] = v` */
static bool replace_store(struct unit *unit, struct fn *fn, struct node *block, uint32_t at) {
    struct node *stmt = block->kid[at], *place = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 ? stmt->kid[1] : NULL;
    if (!is_kind(place, NODE_SUBSCRIPT) || !is_kind(place->kid[0], NODE_NAME) || stmt->nphis != 1 ||
        !is_idiom(assigned_value(stmt->kid[0]), "expert_runs"))
        return false;
    const struct node *empty = assigned_value(place->kid[0]);
    if (!calls_library(empty, "torch.empty_like") || empty->nkids != 2 || !same_value(empty->kid[1], stmt->kid[0]) ||
        web_uses(fn->body, place->kid[0]->web) != 2)
        return false;
    struct node *arg[] = {stmt->kid[0], place->kid[1]};
    block->kid[at] = define_web(unit, stmt->phis[0], idiom(unit, "put_back", 2, arg), stmt);
    return true;
}

/* -- rows added to ------------------------------------------------------------------------------------------------- */

/* Whether a tensor that a loop writes to has no other name by which its rows are read. */
static bool has_one_name(const struct fn *fn, const struct web *carried) {
    return carried && carried->kind == WEB_LOOP && carried->from[0] && web_uses(fn->body, carried->from[0]) == 1;
}

/* `y[t] = adgen.expert_rows(y, t, ...)` of tokens that are distinct: y has taken its turn. */
static bool replace_rows(struct unit *unit, struct fn *fn, struct node *block, uint32_t at) {
    enum { ROWS_SUM = 1, ROWS_TOKEN, ROWS_REST, ROWS_CHOSEN = ROWS_REST + 2 };
    struct node *stmt = block->kid[at], *place = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 ? stmt->kid[1] : NULL;
    const struct node *rows = place ? assigned_value(stmt->kid[0]) : NULL;
    if (!is_kind(place, NODE_SUBSCRIPT) || stmt->nphis != 1 || !is_idiom(rows, "expert_rows") ||
        !same_value(rows->kid[ROWS_SUM], place->kid[0]) || !has_one_name(fn, place->kid[0]->web) ||
        !choices_are_distinct(rows->kid[ROWS_CHOSEN], 0))
        return false;
    struct values *values = values_create(unit->arena, unit->atoms, unit->rules->library);
    if (value_of(values, rows->kid[ROWS_TOKEN]) != value_of(values, place->kid[1]))
        return false;
    struct node *step = idiom(unit, "expert_step_module", 1, &rows->kid[ROWS_SUM]);
    for (uint32_t i = ROWS_REST; i < rows->nkids; i++)
        node_add(unit->arena, step, node_copy(unit->arena, rows->kid[i]));
    block->kid[at] = define_web(unit, stmt->phis[0], step, stmt);
    return true;
}

static void read_in(struct unit *unit, struct fn *fn, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        if (replace_runs(unit, fn, block, i)) {
            i--;
            continue;
        }
        if (replace_store(unit, fn, block, i) || replace_rows(unit, fn, block, i))
            continue;
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK))
                read_in(unit, fn, stmt->kid[k]);
    }
}

void read_expert_runs(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        read_in(unit, all.list.at[i], all.list.at[i]->body);
}
