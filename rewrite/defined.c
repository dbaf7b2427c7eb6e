/* defined.c - every variable that is read is defined somewhere above.
 *
 * Reads      the final program.
 * Guarantees no variable that nothing defines: a read outside of the comprehension that binds it, or of what a pass has
 *            dropped, is refused like what is not understood.
 *
 * What a branch or a loop defines may be read behind it: whether that ran is the source's matter. */
#include "rewrite/unit.h"

struct scope {
    struct unit *unit;
    const struct fn *fn;
    VEC(const struct web *) webs;
    const struct node *stmt;
};

static void define(struct scope *s, const struct web *web) {
    if (web)
        vec_push(s->unit->arena, &s->webs, web);
}

static void define_name(void *scope, const struct node *name) {
    define(scope, name->web);
}

static void define_target(struct scope *s, const struct node *target) {
    targets_visit(target, define_name, s);
}

static void define_phis(struct scope *s, const struct node *stmt) {
    for (uint32_t i = 0; i < stmt->nphis; i++)
        define(s, stmt->phis[i]);
}

static bool is_defined(const struct scope *s, const struct web *web) {
    for (uint32_t i = s->webs.len; i-- > 0;)
        if (s->webs.at[i] == web)
            return true;
    return false;
}

static void refuse(struct scope *s, const struct node *e, atom name) {
    const struct node *at = e->source ? e : s->stmt && s->stmt->source ? s->stmt : s->fn->def;
    struct source *source = at->source ? at->source : s->fn->module->source;
    diag_at(s->unit->diags, unit_refusal(s->unit), source, at->span, "undefined-name",
        "nothing in the emitted file would define `%s`, which is read here", name ? name : "?");
}

/* A method that the source's class has and the emitted one has not. */
static void check_method(struct scope *s, const struct node *e) {
    const struct absval *of = e->kid[0]->abs;
    if (of == NULL || of->kind != ABS_INSTANCE || map_has(&of->cls->attrs, e->atom))
        return;
    const struct fn *fn = class_method_named(s->unit, of->cls, e->atom);
    bool emitted = fn && fn->live && fn->body && fn->round == s->unit->round;
    if (fn && !emitted && !fn->is_property)
        refuse(s, e, e->atom);
}

/* **kwargs of the source: what comes in them has parameters of its own, and no emitted block takes more. */
static bool is_rest(const struct fn *fn, atom name) {
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->role == PARAM_KWARGS && fn->params.at[i]->name == name)
            return !fn->escapes && !(fn->owner && class_derives(fn->owner, "PreTrainedModel"));
    return false;
}

static void check_block(struct scope *s, const struct node *block);

static void check_expr(struct scope *s, const struct node *e) {
    if (e == NULL)
        return;
    uint32_t outside = s->webs.len;
    bool scoped = false;
    switch (e->kind) {
    case NODE_NAME:
        if (e->web ? !is_defined(s, e->web) : is_rest(s->fn, e->atom))
            refuse(s, e, e->web ? e->web->name : e->atom);
        return;
    case NODE_LAMBDA:
    case NODE_FUNCTION: return; /* its parameters have no webs of this function */
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_GENERATOR:
        for (uint32_t i = 1; i < e->nkids; i++) {
            const struct node *clause = e->kid[i];
            check_expr(s, clause->kid[1]);
            define_target(s, clause->kid[0]);
            for (uint32_t k = 2; k < clause->nkids; k++)
                check_expr(s, clause->kid[k]);
        }
        check_expr(s, e->kid[0]);
        scoped = true;
        break;
    case NODE_NAMEDEXPR:
        check_expr(s, e->kid[1]);
        define_target(s, e->kid[0]);
        return;
    case NODE_ATTRIBUTE: check_method(s, e); /* fall through */
    default:
        for (uint32_t i = 0; i < e->nkids; i++)
            check_expr(s, e->kid[i]);
        break;
    }
    if (scoped)
        s->webs.len = outside;
}

static void check_loop(struct scope *s, const struct node *stmt) {
    bool is_for = stmt->kind == NODE_FOR;
    define_phis(s, stmt);
    check_expr(s, stmt->kid[is_for ? 1 : 0]);
    if (is_for)
        define_target(s, stmt->kid[0]);
    for (uint32_t i = is_for ? 2 : 1; i < stmt->nkids; i++)
        if (stmt->kid[i])
            check_block(s, stmt->kid[i]);
}

static void check_stmt(struct scope *s, const struct node *stmt) {
    s->stmt = stmt;
    switch (stmt->kind) {
    case NODE_FOR:
    case NODE_WHILE: check_loop(s, stmt); return;
    default: break;
    }
    bool assign = stmt->kind == NODE_ASSIGN;
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *kid = stmt->kid[i];
        bool target = assign && i > 0 && kid->kind != NODE_SUBSCRIPT && kid->kind != NODE_ATTRIBUTE;
        if (kid && kid->kind == NODE_BLOCK)
            check_block(s, kid);
        else if (!target)
            check_expr(s, kid);
        if (target)
            define_target(s, kid);
    }
    define_phis(s, stmt);
}

static void check_block(struct scope *s, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        check_stmt(s, block->kid[i]);
}

bool check_defined(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    struct scope s = {.unit = unit};
    for (uint32_t i = 0; i < all.list.len; i++) {
        s.fn = all.list.at[i];
        s.webs.len = 0;
        for (uint32_t k = 0; k < s.fn->params.len; k++)
            if (k == 0 || s.fn->params.at[k]->live || s.fn->escapes)
                define(&s, s.fn->params.at[k]->web);
        if (s.fn->live)
            check_block(&s, s.fn->body);
    }
    return true;
}
