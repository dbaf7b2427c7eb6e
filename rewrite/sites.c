/* sites.c - one walk over the statements of a function. */
#include "rewrite/sites.h"

#include "rewrite/loops.h"

/* The end of the function: its own block never ends. */
static const uint32_t forever = UINT32_MAX;

static void collect_block(struct sites *s, struct node *block, const uint32_t *end);

/* -- holders ------------------------------------------------------------------------------------------------------- */

void holder_add(struct arena *arena, struct values *values, struct web *web, uint32_t position, const uint32_t *to) {
    struct value *value = (struct value *)value_of_web(values, web);
    struct holder **link = &value->holders;
    while (*link != NULL && (*link)->from <= position)
        link = &(*link)->next;
    struct holder *holder = NEW(arena, struct holder);
    *holder = (struct holder){web, position, to, *link};
    *link = holder;
}

bool holder_visible(const struct holder *holder, uint32_t position) {
    return holder->from < position && position <= *holder->to;
}

struct web *value_holder(const struct value *value, uint32_t position) {
    for (const struct holder *h = value->holders; h != NULL; h = h->next)
        if (holder_visible(h, position))
            return h->web;
    return NULL;
}

/* -- sites --------------------------------------------------------------------------------------------------------- */

static bool has_own_bindings(const struct node *expr) {
    return expr->kind == NODE_LAMBDA || expr->kind == NODE_LISTCOMP || expr->kind == NODE_SETCOMP ||
           expr->kind == NODE_DICTCOMP || expr->kind == NODE_GENERATOR;
}

static bool is_site(const struct node *expr) {
    switch (expr->kind) {
    case NODE_CALL:
    case NODE_BINOP:
    case NODE_UNARYOP:
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT:
    case NODE_IFEXP:
    case NODE_TUPLE: return true;
    default: return false;
    }
}

static void collect_expr(struct sites *s, struct node *expr, const struct site *like) {
    if (expr == NULL || has_own_bindings(expr))
        return;
    for (uint32_t i = 0; i < expr->nkids; i++)
        collect_expr(s, expr->kid[i], like);
    if (expr->kind == NODE_NAMEDEXPR && expr->kid[0]->web != NULL)
        holder_add(s->arena, s->values, expr->kid[0]->web, like->position, &forever);
    if (!node_is_expr(expr))
        return;
    value_of(s->values, expr);
    if (!is_site(expr))
        return;
    struct site site = *like;
    site.node = expr;
    site.whole = is_kind(like->stmt, NODE_ASSIGN) && like->stmt->kid[0] == expr;
    vec_push(s->arena, &s->at, site);
}

void sites_collect_expr(struct sites *s, struct node *expr, const struct site *like) {
    collect_expr(s, expr, like);
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static void define(struct sites *s, const struct node *target, uint32_t position, const uint32_t *end) {
    if (target == NULL)
        return;
    if (target->kind == NODE_NAME && target->web != NULL)
        holder_add(s->arena, s->values, target->web, position, end);
    if (target->kind == NODE_TUPLE || target->kind == NODE_LIST || target->kind == NODE_STARRED)
        for (uint32_t i = 0; i < target->nkids; i++)
            define(s, target->kid[i], position, end);
}

static void define_phis(struct sites *s, const struct node *stmt, uint32_t position, const uint32_t *end) {
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i] != NULL)
            holder_add(s->arena, s->values, stmt->phis[i], position, end);
}

static void nested(struct sites *s, struct node *block) {
    if (block == NULL)
        return;
    uint32_t *end = NEW(s->arena, uint32_t);
    *end = UINT32_MAX;
    collect_block(s, block, end);
    *end = s->position;
}

/* From here on the variable holds something else. */
static void end_version(struct sites *s, struct web *before, uint32_t position) {
    uint32_t *end = NEW(s->arena, uint32_t);
    *end = position;
    for (struct holder *h = value_of_web(s->values, before)->holders; h != NULL; h = h->next)
        if (h->web == before)
            h->to = end;
}

/* What a loop changes in place has ended before it. */
static void end_changed(struct sites *s, const struct node *stmt, uint32_t position) {
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i] && stmt->phis[i]->from[0] && stmt->phis[i]->from[1] &&
            stmt->phis[i]->from[1]->kind == WEB_STORE)
            end_version(s, stmt->phis[i]->from[0], position);
}

/* After a loop the variables that it carries hold something else than in its body, where that is known. */
static void leave_loop(struct sites *s, struct node *loop, const uint32_t *end) {
    const struct value **after = NEW_ARRAY(s->arena, const struct value *, loop->nphis + 1);
    for (uint32_t i = 0; i < loop->nphis; i++)
        after[i] = value_after_loop(s->values, loop, loop->phis[i]);
    for (uint32_t i = 0; i < loop->nphis; i++) {
        if (after[i] == NULL)
            continue;
        end_version(s, loop->phis[i], s->position);
        loop->phis[i]->value = after[i];
        holder_add(s->arena, s->values, loop->phis[i], s->position, end);
    }
}

/* A loop: its target and phis may be read in the body, the phis after it too, where they may have other values. */
static void collect_loop(struct sites *s, struct node *stmt, const struct site *at, const uint32_t *end) {
    end_changed(s, stmt, at->position);
    define_phis(s, stmt, at->position, end);
    bool is_for = stmt->kind == NODE_FOR;
    collect_expr(s, stmt->kid[is_for ? 1 : 0], at);
    if (is_for)
        define(s, stmt->kid[0], at->position, end);
    nested(s, stmt->kid[is_for ? 2 : 1]);
    nested(s, stmt->kid[is_for ? 3 : 2]);
    leave_loop(s, stmt, end);
}

/* A store into a variable defines its next version. */
static void collect_assign(struct sites *s, struct node *stmt, const struct site *at, const uint32_t *end) {
    collect_expr(s, stmt->kid[0], at);
    for (uint32_t i = 1; i < stmt->nkids; i++)
        define(s, stmt->kid[i], at->position, end);
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i] != NULL && stmt->phis[i]->from[0] != NULL)
            end_version(s, stmt->phis[i]->from[0], at->position);
    define_phis(s, stmt, at->position, end);
}

static void collect_with(struct sites *s, struct node *stmt, const struct site *at, const uint32_t *end) {
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        collect_expr(s, stmt->kid[i]->kid[0], at);
        if (stmt->kid[i]->nkids > 1)
            define(s, stmt->kid[i]->kid[1], at->position, end);
    }
    collect_block(s, stmt->kid[0], end); /* it always runs: its variables may be read after it */
}

static void collect_stmt(struct sites *s, struct node *stmt, struct node *block, const uint32_t *end) {
    s->position += POSITION_STEP;
    struct site at = {NULL, stmt, block, s->position, false};
    switch (stmt->kind) {
    case NODE_ASSIGN: collect_assign(s, stmt, &at, end); break;
    case NODE_ANNASSIGN:
        if (stmt->nkids > 2)
            collect_expr(s, stmt->kid[2], &at);
        define(s, stmt->kid[0], at.position, end);
        break;
    case NODE_AUGASSIGN:
        collect_expr(s, stmt->kid[1], &at);
        define(s, stmt->kid[0], at.position, end);
        break;
    case NODE_RETURN:
    case NODE_EXPR:
    case NODE_ASSERT:
        for (uint32_t i = 0; i < stmt->nkids; i++)
            collect_expr(s, stmt->kid[i], &at);
        break;
    case NODE_IF:
        collect_expr(s, stmt->kid[0], &at);
        nested(s, stmt->kid[1]);
        nested(s, stmt->nkids > 2 ? stmt->kid[2] : NULL);
        s->position += POSITION_STEP;
        define_phis(s, stmt, s->position, end);
        break;
    case NODE_FOR:
    case NODE_WHILE: collect_loop(s, stmt, &at, end); break;
    case NODE_WITH: collect_with(s, stmt, &at, end); break;
    default: break;
    }
}

static void collect_block(struct sites *s, struct node *block, const uint32_t *end) {
    for (uint32_t i = 0; i < block->nkids; i++)
        collect_stmt(s, block->kid[i], block, end);
}

void sites_collect(struct sites *s, struct node *body) {
    collect_block(s, body, &forever);
}
