/* tidy.c - what a person would write more simply.
 *
 * Reads   the pruned program, still in SSA form.
 * Writes  branches that differed in how they call the same become one; attributes that only their constructor reads
 *         become locals of it (tidy_attrs.c); loops lose counters that nobody reads and slices that keep everything; a
 *         variable that only carries a value to the next statement goes; a body that has become short is one paragraph.
 * Guarantees  the same values; no attribute that holds parameters changes. */
#include "rewrite/tidy.h"

#include <string.h>

#include "rewrite/account.h"
#include "rewrite/symbolic.h"

/* -- counting uses ------------------------------------------------------------------------------------------------- */

static void count_uses(struct node *n, bool target) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME) {
        if (n->web && !target)
            n->web->uses++;
        return;
    }
    bool tuple = n->kind == NODE_TUPLE || n->kind == NODE_LIST || n->kind == NODE_STARRED;
    for (uint32_t i = 0; i < n->nkids; i++) {
        bool is_target =
            (n->kind == NODE_ASSIGN && i > 0) || ((n->kind == NODE_FOR || n->kind == NODE_COMPREHENSION) && i == 0);
        count_uses(n->kid[i], is_target || (target && tuple));
    }
    for (uint32_t i = 0; i < n->nphis; i++)
        for (int k = 0; k < 2; k++)
            if (n->phis[i]->from[k])
                n->phis[i]->from[k]->uses++;
}

static void reset_uses(struct node *n) {
    if (n == NULL)
        return;
    if (n->web)
        n->web->uses = 0;
    for (uint32_t i = 0; i < n->nphis; i++)
        n->phis[i]->uses = 0;
    for (uint32_t i = 0; i < n->nkids; i++)
        reset_uses(n->kid[i]);
}

static void recount(struct fn *fn) {
    reset_uses(fn->body);
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->web)
            fn->params.at[i]->web->uses = 0;
    count_uses(fn->body, false);
}

/* -- loops --------------------------------------------------------------------------------------------------------- */

static bool unused(const struct node *target) {
    return target->kind == NODE_NAME && target->web && target->web->uses == 0;
}

static bool is_call_of(const struct node *e, const char *name) {
    return e->kind == NODE_CALL && is_name(e->kid[0], name);
}

/* for i, x in enumerate(xs) without a use of i. */
static void drop_counter(struct node **target, struct node **iterable) {
    struct node *t = *target;
    if (t->kind == NODE_TUPLE && t->nkids == 2 && is_call_of(*iterable, "enumerate") && (*iterable)->nkids == 2 &&
        unused(t->kid[0])) {
        *target = t->kid[1];
        *iterable = (*iterable)->kid[1];
    }
}

/* The n of a ModuleList made by [... for _ in range(n)], in terms of the configuration. */
static struct node *list_length(const struct node *expr) {
    if (!is_kind(expr, NODE_CALL) || expr->nkids != 2 || expr->kid[1]->kind != NODE_LISTCOMP ||
        expr->kid[1]->nkids != 2)
        return NULL;
    const struct node *range = expr->kid[1]->kid[1]->kid[1];
    return is_call_of(range, "range") && range->nkids == 2 ? range->kid[1] : NULL;
}

/* xs[:n] of a list that has n items. */
static void drop_slice(struct unit *unit, struct node **iterable) {
    struct node *e = *iterable;
    if (e->kind != NODE_SUBSCRIPT || e->kid[1]->kind != NODE_SLICE || e->kid[1]->kid[0] || !e->kid[1]->kid[1] ||
        e->kid[1]->kid[2] || e->kid[0]->kind != NODE_ATTRIBUTE || !e->kid[0]->kid[0]->abs ||
        e->kid[0]->kid[0]->abs->kind != ABS_INSTANCE)
        return;
    const struct attr *attr = class_attr_of(e->kid[0]->kid[0]->abs->cls, e->kid[0]->atom);
    const struct node *length = attr && attr->stores == 1 ? list_length(attr->expr) : NULL;
    const struct node *upper = e->kid[1]->kid[1];
    if (length == NULL || !length->abs || !upper->abs)
        return;
    struct node *a = abs_symbol(unit, length->abs), *b = abs_symbol(unit, upper->abs);
    if (a && b && node_equal(a, b))
        *iterable = e->kid[0];
}

static void tidy_loops(struct unit *unit, struct node *n) {
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        tidy_loops(unit, n->kid[i]);
    if (n->kind != NODE_FOR && n->kind != NODE_COMPREHENSION)
        return;
    drop_counter(&n->kid[0], &n->kid[1]);
    struct node **inner = is_call_of(n->kid[1], "enumerate") && n->kid[1]->nkids == 2 ? &n->kid[1]->kid[1] : &n->kid[1];
    drop_slice(unit, inner);
    if (n->kid[0]->kind == NODE_NAME && unused(n->kid[0]))
        n->kid[0] = make_name(unit->arena, intern(unit->atoms, "_"));
}

/* -- variables that only carry a value to the next statement ------------------------------------------------------- */

static struct web *assigned_web(const struct node *s) {
    return s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_NAME ? s->kid[1]->web : NULL;
}

static struct node **find_use(struct node **slot, const struct web *w) {
    struct node *n = *slot;
    if (n == NULL || n->kind == NODE_BLOCK || n->kind == NODE_LISTCOMP || n->kind == NODE_GENERATOR ||
        n->kind == NODE_LAMBDA || n->kind == NODE_DICTCOMP || n->kind == NODE_SETCOMP)
        return NULL;
    if (n->kind == NODE_NAME)
        return n->web == w ? slot : NULL;
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node **found = find_use(&n->kid[i], w);
        if (found)
            return found;
    }
    return NULL;
}

static bool is_access(const struct node *e) {
    return e->kind == NODE_NAME || (e->kind == NODE_ATTRIBUTE && is_access(e->kid[0]));
}

/* About as many columns as the expression takes on one line. */
static size_t flat_width(const struct node *n) {
    if (n == NULL)
        return 0;
    size_t width = (n->atom ? strlen(n->atom) : 0) + (n->kind == NODE_CALL || n->kind == NODE_SUBSCRIPT ? 2 : 0);
    for (uint32_t i = 0; i < n->nkids; i++)
        width += flat_width(n->kid[i]) + (n->kind == NODE_CALL || n->kind == NODE_TUPLE ? 2 : 1);
    return width;
}

/* Calls of what has a name: `self.norm(x).float()`, and not `(a / b).float()`. */
static bool is_call_chain(const struct node *e) {
    while (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && e->kid[0]->kid[0]->kind == NODE_CALL)
        e = e->kid[0]->kid[0];
    return e->kind == NODE_CALL && is_access(e->kid[0]);
}

/* What may move into the statement that uses it: the value of a `return`, or a plain access. */
static bool may_move(const struct node *s, const struct node *next) {
    bool hands_on = (next->kind == NODE_RETURN || assigned_web(next)) && is_kind(next->kid[0], NODE_NAME) &&
                    next->kid[0]->web == assigned_web(s);
    if (hands_on)
        return true;
    if (s->comments && (s->comments->leading.len || s->comments->trailing))
        return false;
    const struct node *outer = next->kind == NODE_RETURN ? next->kid[0] : NULL;
    if (is_kind(outer, NODE_CALL) && is_call_chain(s->kid[0]) && /* without its name: classes of outputs get another */
        flat_width(s->kid[0]) + flat_width(outer) - flat_width(outer->kid[0]) < 70)
        return true;
    bool global = s->kid[0]->kind == NODE_NAME && s->kid[0]->web == NULL;
    return is_access(s->kid[0]) && (s->kid[0]->kind == NODE_ATTRIBUTE || global) && next->kind != NODE_IF &&
           next->kind != NODE_FOR && next->kind != NODE_WHILE;
}

static void keep_comments(struct node *from, struct node *to) {
    if (from->comments && !to->comments)
        to->comments = from->comments;
    to->flags |= from->flags & NF_BLANK;
}

static void forward_values(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        for (uint32_t k = 0; k < block->kid[i]->nkids; k++)
            if (is_kind(block->kid[i]->kid[k], NODE_BLOCK))
                forward_values(block->kid[i]->kid[k]);
    for (uint32_t i = 0; i + 1 < block->nkids;) {
        struct node *s = block->kid[i], *next = block->kid[i + 1];
        struct web *w = assigned_web(s);
        if (w == NULL || w->uses != 1 || !may_move(s, next)) {
            i++;
            continue;
        }
        struct node **use = NULL;
        uint32_t to = next->kind == NODE_ASSIGN ? 1 : next->nkids;
        for (uint32_t k = 0; k < to && !use; k++)
            use = find_use(&next->kid[k], w);
        if (use == NULL) {
            i++;
            continue;
        }
        *use = s->kid[0];
        keep_comments(s, next);
        node_remove(block, i);
        i = i > 0 ? i - 1 : 0;
    }
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

static bool is_live_param(const struct fn *fn, uint32_t i) {
    const struct param *p = fn->params.at[i];
    return p->live && p->role == PARAM_PLAIN && !p->keyword_only;
}

static bool is_in_order(const struct node *call, const struct callsite *site) {
    if (site->fixed || site->fn->escapes || !atom_is(site->fn->name, "forward"))
        return false;
    uint32_t next = 1;
    for (uint32_t i = 1; i < call->nkids; i++, next++) {
        while (next < site->fn->params.len && !is_live_param(site->fn, next))
            next++;
        if (next >= site->fn->params.len || site->param[i - 1] != next || call->kid[i]->kind == NODE_STARRED)
            return false;
    }
    return true;
}

/* f(a=x, b=y) of parameters that stand in that order is f(x, y): the signature is ours, and short. */
static void drop_keywords(struct node *call) {
    if (call->nkids > 4)
        return;
    for (const struct callsite *site = call->callsite; site; site = site->also)
        if (!is_in_order(call, site))
            return;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (call->kid[i]->kind == NODE_KEYWORD)
            call->kid[i] = call->kid[i]->kid[0];
}

static void tidy_calls(struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_CALL && n->callsite)
        drop_keywords(n);
    for (uint32_t i = 0; i < n->nkids; i++)
        tidy_calls(n->kid[i]);
}

/* Blank lines and comments that stood around what is gone. */
static void tidy_spacing(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        const struct node *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
        bool setup = is_kind(call, NODE_CALL) && call->kid[0]->kind == NODE_ATTRIBUTE &&
                     (atom_is(call->kid[0]->atom, "__init__") || atom_is(call->kid[0]->atom, "post_init"));
        if (setup) {
            s->comments = NULL;
            s->flags &= ~(uint32_t)NF_BLANK;
            if (i + 1 < block->nkids)
                block->kid[i + 1]->flags &= ~(uint32_t)NF_BLANK;
        }
    }
}

static uint32_t count_statements(const struct node *n) {
    uint32_t count = node_is_stmt(n);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && (node_is_stmt(n->kid[i]) || n->kid[i]->kind == NODE_BLOCK))
            count += count_statements(n->kid[i]);
    return count;
}

/* What a body begins with, when the next statement reads what it assigns. */
static bool leads_to(struct node *block, uint32_t i) {
    struct node *s = block->kid[i];
    const struct web *w = i <= 1 ? assigned_web(s) : NULL;
    struct node *next = i + 1 < block->nkids ? block->kid[i + 1] : NULL;
    return w && is_kind(next, NODE_ASSIGN) && find_use(&next->kid[0], w);
}

/* A block that has become short reads as one paragraph; a comment still begins another. */
static void close_ranks(struct node *block) {
    enum { ONE_PARAGRAPH = 6 };
    bool is_short = count_statements(block) <= ONE_PARAGRAPH;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if ((is_short || (i > 0 && leads_to(block, i - 1))) && !(s->comments && s->comments->leading.len))
            s->flags &= ~(uint32_t)NF_BLANK;
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                close_ranks(s->kid[k]);
    }
}

/* -- the pass ------------------------------------------------------------------------------------------------------ */

/* x.contiguous().float(): a cast does not care how memory lies. */
static void drop_contiguous(struct node *e) {
    if (e == NULL)
        return;
    for (uint32_t i = 0; i < e->nkids; i++)
        drop_contiguous(e->kid[i]);
    static const char *const casts[] = {"float", "half", "bfloat16", "to", "contiguous"};
    if (e->kind != NODE_CALL || e->kid[0]->kind != NODE_ATTRIBUTE)
        return;
    struct node **of = &e->kid[0]->kid[0];
    bool contiguous = (*of)->kind == NODE_CALL && (*of)->nkids == 1 && (*of)->kid[0]->kind == NODE_ATTRIBUTE &&
                      atom_is((*of)->kid[0]->atom, "contiguous");
    for (size_t i = 0; contiguous && i < sizeof casts / sizeof casts[0]; i++)
        if (atom_is(e->kid[0]->atom, casts[i])) {
            *of = (*of)->kid[0]->kid[0];
            return;
        }
}

void tidy(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (fn->live)
            tidy_calls(fn->body);
    }
    account_steps(unit, "tidy", REASON_POSITIONAL);
    join_arms(unit); /* which differed in how they call */
    drop_idle_items(unit, &all);
    localise_attributes(unit, &all);
    account_steps(unit, "tidy", REASON_LOCAL);
    take_wanted_names(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (!fn->live)
            continue;
        drop_replaced_stores(fn->body);
        tidy_spacing(fn->body);
        drop_contiguous(fn->body);
        account_step(unit, "tidy", fn, REASON_MEMORY);
        recount(fn);
        tidy_loops(unit, fn->body);
        account_step(unit, "tidy", fn, REASON_LOOP);
        recount(fn);
        forward_values(fn->body);
        account_step(unit, "tidy", fn, REASON_FORWARDED);
        close_ranks(fn->body);
    }
}

/* -- after naming -------------------------------------------------------------------------------------------------- */

/* Blocks that copies have left empty, and `else: if` as elif. */
static void tidy_block(struct node *block) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                tidy_block(s->kid[k]);
        if (s->kind == NODE_IF) {
            s->flags &= ~(uint32_t)NF_ELIF;
            if (s->kid[2] && s->kid[2]->nkids == 0)
                s->kid[2] = NULL;
            if (s->kid[1]->nkids == 0 && s->kid[2] == NULL)
                continue;
            if (s->kid[2] && s->kid[2]->nkids == 1 && s->kid[2]->kid[0]->kind == NODE_IF)
                s->kid[2]->kid[0]->flags |= NF_ELIF;
        }
        block->kid[kept++] = s;
    }
    block->nkids = kept;
}

static void turn_empty_ifs(struct unit *unit, struct node *n) {
    if (n == NULL || node_is_expr(n))
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        turn_empty_ifs(unit, n->kid[i]);
    if (n->kind == NODE_IF && n->kid[1]->nkids == 0 && n->kid[2] && n->kid[2]->nkids) {
        n->kid[0] = negated(unit, n->kid[0]);
        n->kid[1] = n->kid[2];
        n->kid[2] = NULL;
    }
}

void tidy_control_flow(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live) {
            turn_empty_ifs(unit, all.list.at[i]->body);
            tidy_block(all.list.at[i]->body);
        }
}
