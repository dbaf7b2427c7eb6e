/* scope.c - see scope.h. */
#include "emit/scope.h"

#include <string.h>

#include "rewrite/ssa.h"

/* -- binding ------------------------------------------------------------------------------------------------------- */

struct visitor {
    void (*visit)(void *user, atom name);
    void *user;
};

static void visit_name(void *visitor, const struct node *name) {
    const struct visitor *v = visitor;
    v->visit(v->user, name->atom);
}

void binds_visit(const struct node *n, void (*visit)(void *user, atom name), void *user) {
    struct visitor v = {visit, user};
    switch (n->kind) {
    case NODE_FUNCTION:
    case NODE_CLASS: visit(user, n->atom); break;
    case NODE_PARAM:
    case NODE_HANDLER:
        if (n->atom)
            visit(user, n->atom);
        break;
    case NODE_ALIAS: visit(user, n->asname ? n->asname : n->atom); break;
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < n->nkids; i++)
            targets_visit(n->kid[i], visit_name, &v);
        break;
    case NODE_ANNASSIGN:
    case NODE_AUGASSIGN:
    case NODE_FOR:
    case NODE_COMPREHENSION:
    case NODE_NAMEDEXPR: targets_visit(n->kid[0], visit_name, &v); break;
    case NODE_WITHITEM: targets_visit(n->nkids > 1 ? n->kid[1] : NULL, visit_name, &v); break;
    default: break;
    }
}

struct binder {
    struct arena *arena;
    struct atoms *atoms;
    struct map *names;
};

static void bind(void *binder, atom name) {
    struct binder *b = binder;
    map_put(b->arena, b->names, intern_len(b->atoms, name, strcspn(name, ".")), b);
}

static void bind_below(struct binder *b, const struct node *n) {
    binds_visit(n, bind, b);
    if (n->kind == NODE_FUNCTION || n->kind == NODE_CLASS || node_is_expr(n))
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            bind_below(b, n->kid[i]);
}

void scope_binds(struct arena *arena, struct atoms *atoms, const struct node *stmt, struct map *names) {
    bind_below(&(struct binder){arena, atoms, names}, stmt);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* What a function or a comprehension binds, and what is around it. */
struct scope {
    struct map names;
    const struct scope *around;
};

struct reader {
    struct arena *arena;
    struct atoms *atoms;
    struct map *reads;
};

static void read_below(struct reader *r, const struct scope *scope, const struct node *n);

static bool is_bound(const struct scope *scope, atom name) {
    for (; scope; scope = scope->around)
        if (map_has(&scope->names, name))
            return true;
    return false;
}

/* Parameters and the body; what stands in the header besides is read around it. */
static void read_function(
    struct reader *r, const struct scope *around, const struct node *params, const struct node *body) {
    struct scope scope = {.around = around};
    struct binder b = {r->arena, r->atoms, &scope.names};
    for (uint32_t i = 0; i < params->nkids; i++) {
        for (uint32_t k = 0; k < params->kid[i]->nkids; k++)
            read_below(r, around, params->kid[i]->kid[k]);
        binds_visit(params->kid[i], bind, &b);
    }
    bind_below(&b, body);
    read_below(r, &scope, body);
}

static bool is_comprehension(const struct node *n) {
    return n->kind == NODE_LISTCOMP || n->kind == NODE_SETCOMP || n->kind == NODE_DICTCOMP || n->kind == NODE_GENERATOR;
}

static void read_comprehension(struct reader *r, const struct scope *around, const struct node *n) {
    struct scope scope = {.around = around};
    struct binder b = {r->arena, r->atoms, &scope.names};
    for (uint32_t i = 1; i < n->nkids; i++)
        binds_visit(n->kid[i], bind, &b);
    for (uint32_t i = 0; i < n->nkids; i++)
        read_below(r, &scope, n->kid[i]);
}

static void read_below(struct reader *r, const struct scope *scope, const struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME && !is_bound(scope, n->atom))
        map_put(r->arena, r->reads, n->atom, r);
    if (is_comprehension(n)) {
        read_comprehension(r, scope, n);
    } else if (n->kind == NODE_LAMBDA) {
        read_function(r, scope, n->kid[0], n->kid[1]);
    } else if (n->kind == NODE_FUNCTION) {
        read_function(r, scope, function_params(n), function_body(n));
        for (uint32_t i = 1; i < n->nkids; i++)
            if (i != 2)
                read_below(r, scope, n->kid[i]);
    } else {
        for (uint32_t i = 0; i < n->nkids; i++)
            read_below(r, scope, n->kid[i]);
    }
}

void scope_reads(struct arena *arena, struct atoms *atoms, const struct node *n, struct map *names) {
    read_below(&(struct reader){arena, atoms, names}, NULL, n);
}
