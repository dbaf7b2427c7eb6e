/* spec_tables.c - modules that hold tables, of which forward hands out as many rows as the input is long.
 *
 *     def forward(self, x, seq_len=None):
 *         if seq_len > self.max_seq_len_cached:
 *             self._set_cos_sin_cache(seq_len=seq_len, device=x.device, dtype=x.dtype)
 *         return self.cos_cached[:seq_len].to(dtype=x.dtype), self.sin_cached[:seq_len].to(dtype=x.dtype)
 *
 * A branch that does nothing but store attributes of its module, under the test that the input is longer than a number
 * known at construction, makes such tables anew. AutoDeploy's inputs end where the tables end, so it never runs. Where
 * the constructor forgets that number (`self.max_seq_len_cached = None`) after it has made the tables by the same
 * method, the first call only makes them again. A forward that does nothing but hand out rows is unfolded into its
 * caller, who knows which rows it wants. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/account.h"
#include "rewrite/spec.h"

struct growth {
    struct frame *f;
    const struct node *branch; /* what it does then */
    const struct node *limit;  /* the attribute that the input has outgrown */
    bool forgotten;            /* the test also asks whether the limit is None */
    bool frequencies;          /* the branch stores something other than tables: what is computed from it changes */
};

static bool is_own_attribute(const struct node *e) {
    return e->kind == NODE_ATTRIBUTE && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE;
}

/* -- growth: the test --------------------------------------------------------------------------------------------- */

/* The attribute that a limit is, or of which it is the number of rows: self.table.size(0), self.table.shape[0]. */
static const struct node *limit_attribute(const struct node *e) {
    if (e->kind == NODE_CALL && e->nkids == 2 && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "size"))
        e = e->kid[0]->kid[0];
    else if (e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape"))
        e = e->kid[0]->kid[0];
    return is_own_attribute(e) ? e : NULL;
}

/* length > self.limit */
static bool outgrows(struct growth *g, const struct node *test) {
    if (test->kind != NODE_COMPARE || test->nkids != 2)
        return false;
    bool greater = test->ops[0] == OP_GT || test->ops[0] == OP_GE;
    bool less = test->ops[0] == OP_LT || test->ops[0] == OP_LE;
    const struct node *limit = test->kid[greater ? 1 : 0], *length = test->kid[greater ? 0 : 1];
    bool varies = length->abs && (length->abs->kind == ABS_NUMBER || length->abs->kind == ABS_TENSOR);
    if (!(greater || less) || !varies)
        return false;
    g->limit = limit_attribute(limit);
    return g->limit != NULL;
}

/* self.limit is None */
static bool asks_for_limit(struct growth *g, const struct node *test) {
    bool asks = test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_IS && is_none(test->kid[1]) &&
                is_own_attribute(test->kid[0]);
    g->forgotten |= asks;
    return asks;
}

/* The dtype or device of a table compared with the input's: another copy of the same numbers. */
static bool asks_for_copy(const struct node *test) {
    const struct node *a = test->kind == NODE_COMPARE && test->nkids == 2 ? test->kid[0] : NULL;
    return a && a->kind == NODE_ATTRIBUTE && (atom_is(a->atom, "dtype") || atom_is(a->atom, "device"));
}

static bool is_growth_test(struct growth *g, const struct node *test) {
    if (test->kind == NODE_BOOLOP && test->op == OP_AND) /* under further conditions */
        return is_growth_test(g, test->kid[0]) || is_growth_test(g, test->kid[test->nkids - 1]);
    if (test->kind != NODE_BOOLOP || test->op != OP_OR)
        return outgrows(g, test);
    for (uint32_t i = 0; i < test->nkids; i++)
        if (!outgrows(g, test->kid[i]) && !asks_for_copy(test->kid[i]) && !asks_for_limit(g, test->kid[i]))
            return false;
    return g->limit != NULL;
}

/* Whether the constructor knows the limit or makes the table, and whether it is the largest number of positions. */
static bool is_known_limit(const struct growth *g, bool *is_maximum) {
    long number;
    const struct attr *attr = class_attr(g->limit->kid[0]->abs->cls, g->limit->atom);
    const struct node *symbol = attr && attr->abs->kind == ABS_SYMBOLIC ? attr->abs->constant : NULL;
    *is_maximum = symbol && symbol->kind == NODE_ATTRIBUTE && atom_is(symbol->atom, "max_position_embeddings");
    bool table = attr && (abs_is_mask(attr->abs) || (attr->abs->kind == ABS_TENSOR && attr->abs->rank != 1));
    *is_maximum |= table; /* it ends where it ends */
    return attr && !attr->conditional && (symbol || table || (abs_int(attr->abs, &number) && number > 1));
}

/* -- growth: the branch ------------------------------------------------------------------------------------------- */

static void note_store(struct growth *g, const struct absval *stored) {
    if (stored == NULL || !(stored->kind == ABS_NUMBER || stored->kind == ABS_CONST || stored->kind == ABS_SYMBOLIC))
        g->frequencies |= stored == NULL || !(abs_is_mask(stored) || (stored->kind == ABS_TENSOR && stored->rank > 1));
}

static bool only_stores(struct growth *g, const struct node *block);

static bool holds(const struct node *block, const struct node *stmt) {
    if (block == NULL || block == stmt)
        return block != NULL;
    for (uint32_t i = 0; i < block->nkids; i++)
        if (block->kid[i] && !node_is_expr(block->kid[i]) && holds(block->kid[i], stmt))
            return true;
    return false;
}

/* A variable, an element of a tensor that the branch has made, or an attribute of the module. */
static bool is_own_target(const struct growth *g, const struct node *target) {
    if (target->kind == NODE_SUBSCRIPT && target->kid[0]->kind == NODE_NAME)
        return target->kid[0]->web && holds(g->branch, target->kid[0]->web->stmt);
    if (target->kind == NODE_TUPLE) {
        for (uint32_t i = 0; i < target->nkids; i++)
            if (!is_own_target(g, target->kid[i]))
                return false;
        return true;
    }
    return target->kind == NODE_NAME || is_own_attribute(target);
}

static bool stores(struct growth *g, const struct node *stmt) {
    switch (stmt->kind) {
    case NODE_ASSIGN:
        if (stmt->nkids != 2 || !is_own_target(g, stmt->kid[1]))
            return false;
        if (stmt->kid[1]->kind == NODE_ATTRIBUTE && stmt->kid[1]->atom != g->limit->atom)
            note_store(g, stmt->kid[0]->abs);
        g->frequencies |= stmt->kid[1]->kind == NODE_TUPLE;
        return true;
    case NODE_EXPR: {
        const struct node *call = stmt->kid[0], *callee = call->kid[0];
        bool registers = call->kind == NODE_CALL && is_own_attribute(callee) &&
                         atom_is(callee->atom, "register_buffer") && call->nkids >= 3;
        if (registers)
            note_store(g, call->kid[2]->kind == NODE_KEYWORD ? call->kid[2]->kid[0]->abs : call->kid[2]->abs);
        return registers;
    }
    case NODE_IF: return only_stores(g, stmt->kid[1]) && (stmt->kid[2] == NULL || only_stores(g, stmt->kid[2]));
    default: return false;
    }
}

static bool only_stores(struct growth *g, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        if (!stores(g, block->kid[i]))
            return false;
    return true;
}

/* -- growth: tables that the constructor has made ------------------------------------------------------------------ */

static bool calls_own(const struct node *n, atom method) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_CALL && n->kid[0]->kind == NODE_ATTRIBUTE && n->kid[0]->atom == method &&
        is_name(n->kid[0]->kid[0], "self"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (calls_own(n->kid[i], method))
            return true;
    return false;
}

/* Whether a constructor, or one that it goes on to, calls the only thing that the branch calls. */
static bool is_made_before(const struct cls *cls, const struct node *branch) {
    const struct node *call = branch->nkids == 1 && branch->kid[0]->kind == NODE_EXPR ? branch->kid[0]->kid[0] : NULL;
    if (!is_kind(call, NODE_CALL) || !is_kind(call->kid[0], NODE_ATTRIBUTE) || !is_name(call->kid[0]->kid[0], "self"))
        return false;
    const struct fn *init = class_method(cls, "__init__");
    if (init && init->def && calls_own(function_body(init->def), call->kid[0]->atom))
        return true;
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (is_made_before(cls->bases.at[i], branch))
            return true;
    return false;
}

static bool follows_input(const struct growth *g, const struct node *e, int depth);

static bool web_follows_input(const struct growth *g, const struct web *w, int depth) {
    if (w->kind == WEB_ASSIGN || w->kind == WEB_ELEMENT)
        return follows_input(g, w->expr, depth + 1);
    bool follows = w->kind != WEB_IF;
    for (uint32_t i = 0; w->kind == WEB_IF && i < 2; i++)
        follows |= w->from[i] && web_follows_input(g, w->from[i], depth + 1);
    return follows;
}

/* Whether a value changes with the input, other than that it has as many rows, and its dtype and device. */
static bool follows_input(const struct growth *g, const struct node *e, int depth) {
    enum { DEPTH = 64 };
    if (e == NULL || depth > DEPTH)
        return e != NULL;
    if (e->kind == NODE_NAME && e->web)
        return web_follows_input(g, e->web, depth);
    if (is_own_attribute(e) || (e->kind == NODE_ATTRIBUTE && word_in(e->atom, "device dtype")))
        return e->atom == g->limit->atom;
    bool counts = e->kind == NODE_CALL && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "arange");
    for (uint32_t i = counts ? e->nkids : 0; i < e->nkids; i++)
        if (follows_input(g, e->kid[i], depth + 1))
            return true;
    return false;
}

/* What is stored in the attribute of the limit does not matter. */
static const struct node *stored_tensor(const struct growth *g, const struct node *stmt) {
    if (stmt->kind == NODE_EXPR)
        return stmt->kid[0]->kid[2]->kind == NODE_KEYWORD ? stmt->kid[0]->kid[2]->kid[0] : stmt->kid[0]->kid[2];
    bool attribute = stmt->kid[1]->kind == NODE_ATTRIBUTE && stmt->kid[1]->atom != g->limit->atom;
    return attribute || stmt->kid[1]->kind == NODE_TUPLE ? stmt->kid[0] : NULL;
}

/* Whether all that the branch stores is what the constructor has stored, up to the number of rows. */
static bool stores_the_same(const struct growth *g, const struct node *block) {
    for (uint32_t i = 0; block && i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (stmt->kind == NODE_IF ? follows_input(g, stmt->kid[0], 0) || !stores_the_same(g, stmt->kid[1]) ||
                                        !stores_the_same(g, stmt->kid[2])
                                  : follows_input(g, stored_tensor(g, stmt), 0))
            return false;
    }
    return true;
}

/* Variables that were there before must be what they were. */
static bool keeps_variables(const struct map *before, const struct map *after) {
    for (uint32_t i = 0; i < before->len; i++)
        if (map_get(after, before->entry[i].key) != before->entry[i].value)
            return false;
    return true;
}

/* Attributes of a class as they are, to be put back. */
static struct attr *save_attributes(struct unit *unit, const struct cls *cls) {
    struct attr *saved = NEW_ARRAY(unit->arena, struct attr, cls->attrs.len + 1);
    for (uint32_t i = 0; i < cls->attrs.len; i++)
        saved[i] = *(struct attr *)cls->attrs.entry[i].value;
    return saved;
}

static void restore_attributes(struct unit *unit, struct cls *cls, const struct attr *saved, uint32_t count) {
    struct map attrs = {0};
    for (uint32_t i = 0; i < count; i++) {
        *(struct attr *)cls->attrs.entry[i].value = saved[i];
        map_put(unit->arena, &attrs, cls->attrs.entry[i].key, cls->attrs.entry[i].value);
    }
    cls->attrs = attrs;
}

/* Run a block aside; what it leaves behind is dropped but for its statements. */
static bool rehearse(struct growth *g, struct node *block, struct node *out) {
    struct frame *f = g->f;
    struct cls *cls = g->limit->kid[0]->abs->cls;
    struct map env = f->env;
    uint32_t count = cls->attrs.len;
    struct attr *saved = save_attributes(f->unit, cls);
    struct node *into = f->out;
    bool moved = f->moved;
    map_copy(f->unit->arena, &f->env, &env);
    bool aside = f->aside;
    struct account_point point = account_point(f->unit);
    f->out = out;
    f->aside = true;
    f->conditional++;
    enum flow flow = run_block(f, block, 0);
    f->conditional--;
    f->aside = aside;
    account_rewind(f->unit, point);
    bool kept = flow == FLOW_NEXT && keeps_variables(&env, &f->env);
    f->out = into;
    f->env = env;
    f->moved = moved;
    restore_attributes(f->unit, cls, saved, count);
    return kept;
}

bool outgrown_branch(struct frame *f, struct node *stmt, const struct val *test) {
    struct growth g = {.f = f};
    struct unit *unit = f->unit;
    bool is_maximum = false, module = f->host->owner && !atom_is(f->host->name, "__init__");
    if (!module || f->pure || !is_growth_test(&g, test->expr))
        return false;
    bool again = g.forgotten && is_made_before(g.limit->kid[0]->abs->cls, stmt->kid[1]);
    if (!again && !is_known_limit(&g, &is_maximum))
        return false;
    struct node *grows = node_new(unit->arena, NODE_BLOCK), *other = node_new(unit->arena, NODE_BLOCK);
    g.branch = grows;
    if (!rehearse(&g, stmt->kid[1], grows) || !only_stores(&g, grows) || grows->nkids == 0)
        return false;
    if (stmt->kid[2] && (!rehearse(&g, stmt->kid[2], other) || other->nkids > 0))
        return false;
    if (again ? !stores_the_same(&g, grows) : g.frequencies && !is_maximum)
        return false;
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (stmt->kid[i])
            account_decided(unit, stmt->kid[i], REASON_TABLES_END);
    return true;
}

/* -- rows ---------------------------------------------------------------------------------------------------------- */

static bool is_row_read(const struct node *e, bool *cuts);

/* Bounds, dtypes and devices: nothing that computes with tensors. */
static bool is_plain_operand(const struct node *e) {
    if (e == NULL || e->kind == NODE_NAME || e->kind == NODE_NUMBER || e->kind == NODE_CONST)
        return true;
    if (e->kind == NODE_ATTRIBUTE || e->kind == NODE_KEYWORD || e->kind == NODE_SLICE || e->kind == NODE_TUPLE ||
        e->kind == NODE_BINOP || e->kind == NODE_UNARYOP) {
        for (uint32_t i = 0; i < e->nkids; i++)
            if (!is_plain_operand(e->kid[i]))
                return false;
        return true;
    }
    return false;
}

static bool has_bound(const struct node *index) {
    if (index->kind == NODE_SLICE)
        return index->kid[1] && index->kid[1]->kind != NODE_NUMBER;
    for (uint32_t i = 0; index->kind == NODE_TUPLE && i < index->nkids; i++)
        if (has_bound(index->kid[i]))
            return true;
    return false;
}

static bool is_cast_of_rows(const struct node *e, bool *cuts) {
    if (e->kid[0]->kind != NODE_ATTRIBUTE || !word_in(e->kid[0]->atom, "to type_as type float"))
        return false;
    for (uint32_t i = 1; i < e->nkids; i++)
        if (!is_plain_operand(e->kid[i]))
            return false;
    return is_row_read(e->kid[0]->kid[0], cuts);
}

/* self.table[:n].to(dtype) and the like; `cuts` where there are rows that are left out. */
static bool is_row_read(const struct node *e, bool *cuts) {
    switch (e->kind) {
    case NODE_ATTRIBUTE: return is_own_attribute(e) && e->abs && e->abs->kind == ABS_TENSOR;
    case NODE_NAME: return e->web && e->web->kind == WEB_ASSIGN && e->web->expr && is_row_read(e->web->expr, cuts);
    case NODE_SUBSCRIPT:
        *cuts |= has_bound(e->kid[1]);
        return is_plain_operand(e->kid[1]) && is_row_read(e->kid[0], cuts);
    case NODE_CALL: return is_cast_of_rows(e, cuts);
    case NODE_TUPLE:
    case NODE_LIST:
        for (uint32_t i = 0; i < e->nkids; i++)
            if (!is_row_read(e->kid[i], cuts))
                return false;
        return e->nkids > 0;
    default: return false;
    }
}

bool hands_out_rows(const struct fn *fn) {
    bool cuts = false;
    for (uint32_t i = 0; fn->body && i < fn->body->nkids; i++) {
        const struct node *stmt = fn->body->kid[i];
        bool last = i + 1 == fn->body->nkids;
        if (stmt->kind != (last ? NODE_RETURN : NODE_ASSIGN) || !is_row_read(stmt->kid[0], &cuts))
            return false;
    }
    return cuts;
}
