/* sweep.c - removes what prune.c has not marked, and makes callers and callees agree again.
 *
 * A returned tuple of which one element is read becomes that element; with several, the others go. Targets of an
 * unpacking that nobody reads become `_`. An IF whose first branch is left empty is turned around. */
#include <stdlib.h>
#include <string.h>

#include "rewrite/unit.h"

void sweep(struct unit *unit, struct functions *functions);

static uint32_t live_elements(const struct fn *fn) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < fn->ret_count; i++)
        count += fn->ret_live >> i & 1;
    return count;
}

/* The function that spells out the tuple that `fn` returns. */
static const struct fn *spelled_by(const struct fn *fn) {
    return fn->ret_via ? fn->ret_via : fn;
}

static bool shrinks(const struct fn *fn) {
    uint32_t live = live_elements(fn);
    return fn->ret_count > 0 && !fn->ret_all_live && live > 0 && (live < fn->ret_count || fn->ret_count == 1);
}

/* Position of element `i` among those that stay. */
static uint32_t new_position(const struct fn *fn, uint32_t i) {
    uint32_t position = 0;
    for (uint32_t k = 0; k < i; k++)
        position += fn->ret_live >> k & 1;
    return position;
}

/* The function whose tuple an expression holds: a call, or a variable that was assigned one. */
static const struct fn *tuple_source(const struct node *e) {
    for (int depth = 0; depth < 64 && e; depth++) {
        if (e->kind == NODE_CALL)
            return e->callsite && shrinks(spelled_by(e->callsite->fn)) ? spelled_by(e->callsite->fn) : NULL;
        if (e->kind != NODE_NAME || !e->web || e->web->kind != WEB_ASSIGN)
            return NULL;
        e = e->web->expr;
    }
    return NULL;
}

/* -- expressions --------------------------------------------------------------------------------------------------- */

/* Whether no function that the call may reach has a use for an argument. */
static bool argument_is_dead(const struct callsite *first, uint32_t arg, bool keyword) {
    for (const struct callsite *site = first; site; site = site->also) {
        uint32_t p = site->param[arg];
        const struct param *q = p == UINT32_MAX ? NULL : site->fn->params.at[p];
        if (site->fixed || site->fn->escapes || (q ? q->web && q->web->live : !keyword))
            return false;
    }
    return true;
}

static void sweep_call(struct unit *unit, struct node *call) {
    uint32_t kept = 1, *from = NEW_ARRAY(unit->arena, uint32_t, call->nkids);
    for (uint32_t i = 1; i < call->nkids; i++) {
        if (argument_is_dead(call->callsite, i - 1, call->kid[i]->kind == NODE_KEYWORD))
            continue;
        from[kept - 1] = i - 1;
        call->kid[kept++] = call->kid[i];
    }
    if (kept < call->nkids)
        call->flags &= ~(uint32_t)NF_TRAILING_COMMA;
    call->nkids = kept;
    for (struct callsite *site = call->callsite; site; site = site->also) {
        uint32_t *param = NEW_ARRAY(unit->arena, uint32_t, kept);
        for (uint32_t i = 0; i + 1 < kept; i++)
            param[i] = site->param[from[i]];
        site->param = param;
    }
}

/* Only the fields of an output that somebody reads. */
static void sweep_record(struct node *call, const struct fn *fn) {
    uint32_t kept = 1;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (call->kid[i]->kind == NODE_KEYWORD && call->kid[i]->atom && map_has(&fn->ret_fields, call->kid[i]->atom))
            call->kid[kept++] = call->kid[i];
    if (kept < call->nkids)
        call->flags &= ~(uint32_t)NF_TRAILING_COMMA;
    call->nkids = kept;
}

static void sweep_expr(struct unit *unit, struct node **slot) {
    struct node *e = *slot;
    if (e == NULL || e->kind == NODE_BLOCK)
        return;
    if (e->kind == NODE_SUBSCRIPT && e->kid[1]->kind == NODE_NUMBER) {
        const struct fn *fn = tuple_source(e->kid[0]);
        if (fn) {
            uint32_t index = (uint32_t)strtoul(e->kid[1]->atom, NULL, 0);
            if (live_elements(fn) == 1) {
                *slot = e->kid[0];
                sweep_expr(unit, slot);
                return;
            }
            e->kid[1] = make_number(unit->arena, intern_printf(unit->atoms, "%u", new_position(fn, index)));
        }
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        sweep_expr(unit, &e->kid[i]);
    if (e->kind == NODE_CALL && e->callsite)
        sweep_call(unit, e);
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static struct node *dead_target(struct unit *unit) {
    return make_name(unit->arena, intern(unit->atoms, "_"));
}

static bool target_is_live(const struct node *t) {
    if (t->kind == NODE_STARRED)
        t = t->kid[0];
    if (t->kind == NODE_NAME)
        return t->web == NULL || t->web->live;
    if (t->kind == NODE_ATTRIBUTE && t->kid[0]->abs && t->kid[0]->abs->kind == ABS_INSTANCE) {
        const struct attr *attr = map_get(&t->kid[0]->abs->cls->attrs, t->atom);
        return attr == NULL || attr->live;
    }
    return true;
}

/* `a, b = f()`: elements that f no longer returns go, unread ones become `_`. */
static void sweep_unpack(struct unit *unit, struct node *stmt) {
    struct node *tuple = stmt->kid[1];
    const struct fn *fn = tuple_source(stmt->kid[0]);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        if (fn && !(fn->ret_live >> i & 1))
            continue;
        struct node *t = tuple->kid[i];
        tuple->kid[kept] = target_is_live(t)         ? t
                           : t->kind == NODE_STARRED ? node_make(unit->arena, NODE_STARRED, NULL, 1, dead_target(unit))
                                                     : dead_target(unit);
        if (t->kind == NODE_NAME && t->web && fn)
            t->web->element = kept;
        kept++;
    }
    tuple->nkids = kept;
    if (fn && kept == 1) {
        stmt->kid[1] = tuple->kid[0];
        if (tuple->kid[0]->kind == NODE_NAME && tuple->kid[0]->web)
            tuple->kid[0]->web->kind = WEB_ASSIGN;
    }
}

/* A field that is None is no field: an output leaves it out of its keys and its items. */
static void drop_none_fields(struct node *call) {
    uint32_t kept = 1;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (call->kid[i]->kind != NODE_KEYWORD || call->kid[i]->atom == NULL || !is_none(call->kid[i]->kid[0]))
            call->kid[kept++] = call->kid[i];
    call->nkids = kept;
}

/* A comment behind a return names the elements that it had. */
static void drop_trailing_comment(struct unit *unit, struct node *stmt) {
    if (stmt->comments == NULL || stmt->comments->trailing == NULL)
        return;
    struct comments *without = NEW(unit->arena, struct comments);
    *without = *stmt->comments;
    without->trailing = NULL;
    stmt->comments = without;
}

static void sweep_return(struct unit *unit, struct fn *fn, struct node *stmt) {
    struct node *value = stmt->kid[0];
    if (value == NULL)
        return;
    struct node *record = returned_record(fn, value);
    if (record) {
        if (!fn->ret_all_live)
            sweep_record(record, fn);
        drop_none_fields(record);
    }
    if ((value->kind != NODE_TUPLE && value->kind != NODE_LIST) || !shrinks(fn))
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < value->nkids; i++)
        if (fn->ret_live >> i & 1)
            value->kid[kept++] = value->kid[i];
    if (kept < value->nkids)
        drop_trailing_comment(unit, stmt);
    value->nkids = kept;
    if (kept == 1)
        stmt->kid[0] = value->kid[0];
}

static void sweep_block(struct unit *unit, struct fn *fn, struct node *block);

static void keep_live_phis(struct node *stmt) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i]->live)
            stmt->phis[kept++] = stmt->phis[i];
    stmt->nphis = kept;
}

struct node *negated(struct unit *unit, struct node *test) {
    static const uint8_t opposite[OP_COUNT] = {[OP_IS] = OP_IS_NOT,
        [OP_IS_NOT] = OP_IS,
        [OP_EQ] = OP_NE,
        [OP_NE] = OP_EQ,
        [OP_IN] = OP_NOT_IN,
        [OP_NOT_IN] = OP_IN};
    if (test->kind == NODE_UNARYOP && test->op == OP_NOT)
        return test->kid[0];
    if (test->kind == NODE_COMPARE && test->nkids == 2 && opposite[test->ops[0]]) {
        uint8_t *ops = arena_alloc(unit->arena, 1);
        ops[0] = opposite[test->ops[0]];
        test->ops = ops;
        return test;
    }
    struct node *no = node_make(unit->arena, NODE_UNARYOP, NULL, 1, test);
    no->op = OP_NOT;
    return no;
}

/* Returns false where nothing is left of the statement. */
static bool sweep_if(struct unit *unit, struct node *stmt) {
    keep_live_phis(stmt);
    if (stmt->kid[2] && stmt->kid[2]->nkids == 0)
        stmt->kid[2] = NULL;
    if (stmt->kid[1]->nkids > 0)
        return true;
    if (stmt->kid[2] == NULL) /* it may still choose which of two variables is meant */
        return stmt->nphis > 0;
    stmt->kid[0] = negated(unit, stmt->kid[0]);
    for (uint32_t i = 0; i < stmt->nphis; i++) {
        struct web *swap = stmt->phis[i]->from[0];
        stmt->phis[i]->from[0] = stmt->phis[i]->from[1];
        stmt->phis[i]->from[1] = swap;
    }
    stmt->kid[1] = stmt->kid[2];
    stmt->kid[2] = NULL;
    return true;
}

static bool sweep_stmt(struct unit *unit, struct fn *fn, struct node *stmt) {
    if (!stmt->mark)
        return false;
    if (unit->keep_signatures) {
        for (uint32_t i = 0; i < stmt->nkids; i++)
            if (is_kind(stmt->kid[i], NODE_BLOCK))
                sweep_block(unit, fn, stmt->kid[i]);
        return stmt->kind == NODE_IF ? sweep_if(unit, stmt) : stmt->kind != NODE_WITH || stmt->kid[0]->nkids > 0;
    }
    if (stmt->kind == NODE_ASSIGN && (stmt->kid[1]->kind == NODE_TUPLE || stmt->kid[1]->kind == NODE_LIST))
        sweep_unpack(unit, stmt);
    if (stmt->kind == NODE_RETURN)
        sweep_return(unit, fn, stmt);
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        if (is_kind(stmt->kid[i], NODE_BLOCK))
            sweep_block(unit, fn, stmt->kid[i]);
        else
            sweep_expr(unit, &stmt->kid[i]);
    }
    if (stmt->kind == NODE_ASSIGN && stmt->kid[1]->kind == NODE_NAME && stmt->kid[1]->web)
        stmt->kid[1]->web->expr = stmt->kid[0];
    if (stmt->kind == NODE_IF)
        return sweep_if(unit, stmt);
    if (stmt->kind == NODE_WITH)
        return stmt->kid[0]->nkids > 0;
    if (stmt->kind == NODE_FOR || stmt->kind == NODE_WHILE) {
        keep_live_phis(stmt);
        return stmt->kid[stmt->kind == NODE_FOR ? 2 : 1]->nkids > 0;
    }
    return true;
}

static void sweep_block(struct unit *unit, struct fn *fn, struct node *block) {
    uint32_t kept = 0;
    bool blank = false;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        blank |= (stmt->flags & NF_BLANK) != 0;
        if (!sweep_stmt(unit, fn, stmt))
            continue;
        if (blank && kept > 0)
            stmt->flags |= NF_BLANK;
        blank = false;
        block->kid[kept++] = stmt;
    }
    block->nkids = kept;
}

static void sweep_params(struct fn *fn) {
    if (fn->escapes)
        return;
    for (uint32_t i = 0; i < fn->params.len; i++) {
        struct param *p = fn->params.at[i];
        bool self = i == 0 && fn->owner && !fn->is_static;
        p->live = self || (p->web && p->web->live && p->role == PARAM_PLAIN);
    }
}

/* What is known of the result follows its elements. */
static void sweep_result(struct unit *unit, struct fn *fn) {
    const struct fn *source = spelled_by(fn);
    bool display = fn->ret && (fn->ret->kind == ABS_TUPLE || fn->ret->kind == ABS_LIST);
    if (!shrinks(source) || !display || fn->ret->count != source->ret_count)
        return;
    struct absval *kept = abs_new(unit, fn->ret->kind);
    kept->item = NEW_ARRAY(unit->arena, struct val, fn->ret->count);
    for (uint32_t i = 0; i < fn->ret->count; i++)
        if (source->ret_live >> i & 1)
            kept->item[kept->count++] = fn->ret->item[i];
    fn->ret = kept->count == 1 ? kept->item[0].abs : kept;
}

void sweep(struct unit *unit, struct functions *functions) {
    for (uint32_t i = 0; i < functions->list.len; i++) {
        struct fn *fn = functions->list.at[i];
        if (!fn->live)
            continue;
        sweep_block(unit, fn, fn->body);
        if (!unit->keep_signatures)
            sweep_result(unit, fn);
    }
    for (uint32_t i = 0; i < functions->list.len && !unit->keep_signatures; i++)
        sweep_params(functions->list.at[i]);
}
