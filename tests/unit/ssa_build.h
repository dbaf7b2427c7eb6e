/* ssa_build.h - a straight-line Python function as the specialiser would leave it: names bound to webs.
 *
 * Assignments, unpackings, `if`/`else` and `return`. Annotations of parameters give abstract values: T3 is a tensor of
 * rank 3, T a tensor, M a causal mask, N a number. Attributes of self called *weight, *bias, *sinks are tensors. */
#ifndef ADGEN_TESTS_SSA_BUILD_H
#define ADGEN_TESTS_SSA_BUILD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "emit/python.h"
#include "parser/parse.h"
#include "rewrite/apply.h"

__attribute__((weak)) struct node *make_web_name(struct arena *arena, struct web *web) {
    struct node *name = make_name(arena, web->name);
    name->web = web;
    return name;
}

struct world {
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct parser *parser;
    struct rules *rules;
};

struct env {
    struct world *world;
    struct map names;
};

static inline struct absval *build_abs(struct world *w, enum abs_kind kind, uint32_t rank) {
    struct absval *abs = NEW(w->arena, struct absval);
    abs->kind = kind;
    abs->rank = rank;
    if (kind == ABS_MASK)
        abs->mask = NEW(w->arena, struct mask);
    return abs;
}

static inline bool ends_with(const char *text, const char *end) {
    size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

static inline void build_expr(struct env *env, struct node *node) {
    if (node == NULL)
        return;
    if (node->kind == NODE_NAME)
        node->web = map_get(&env->names, node->atom);
    if (node->kind == NODE_NAME && node->web != NULL)
        node->abs = node->web->abs;
    if (node->kind == NODE_ATTRIBUTE && is_name(node->kid[0], "self") &&
        (ends_with(node->atom, "weight") || ends_with(node->atom, "bias") || ends_with(node->atom, "sinks")))
        node->abs = build_abs(env->world, ABS_TENSOR, 1);
    for (uint32_t i = 0; i < node->nkids; i++)
        build_expr(env, node->kid[i]);
}

static inline struct web *build_web_for(struct env *env, struct node *name, enum web_kind kind) {
    struct web *web = NEW(env->world->arena, struct web);
    web->kind = kind;
    web->name = name->atom;
    map_put(env->world->arena, &env->names, name->atom, web);
    name->web = web;
    return web;
}

static inline void build_target(struct env *env, struct node *stmt, struct node *target) {
    if (target->kind == NODE_NAME) {
        struct web *web = build_web_for(env, target, WEB_ASSIGN);
        web->stmt = stmt;
        web->expr = stmt->kid[0];
        return;
    }
    for (uint32_t i = 0; i < target->nkids; i++) {
        struct node *name = target->kid[i]->kind == NODE_STARRED ? target->kid[i]->kid[0] : target->kid[i];
        struct web *web = build_web_for(env, name, WEB_ELEMENT);
        web->stmt = stmt;
        web->expr = stmt->kid[0];
        web->element = i;
    }
}

static inline void build_block(struct env *env, struct node *block);

static inline void build_if(struct env *env, struct node *stmt) {
    struct arena *arena = env->world->arena;
    struct map before = {0}, after = {0};
    for (uint32_t i = 0; i < env->names.len; i++)
        map_put(arena, &before, env->names.entry[i].key, env->names.entry[i].value);
    build_expr(env, stmt->kid[0]);
    build_block(env, stmt->kid[1]);
    after = env->names;
    env->names = before;
    if (stmt->nkids > 2 && stmt->kid[2] != NULL)
        build_block(env, stmt->kid[2]);
    stmt->phis = NEW_ARRAY(arena, struct web *, after.len + 1);
    for (uint32_t i = 0; i < after.len; i++) {
        struct web *yes = after.entry[i].value, *no = map_get(&env->names, after.entry[i].key);
        if (yes == no || no == NULL)
            continue;
        struct web *phi = NEW(arena, struct web);
        *phi = (struct web){.kind = WEB_IF, .name = yes->name, .stmt = stmt, .from = {yes, no}};
        stmt->phis[stmt->nphis++] = phi;
        map_put(arena, &env->names, after.entry[i].key, phi);
    }
}

static inline void build_stmt(struct env *env, struct node *stmt) {
    if (stmt->kind == NODE_ASSIGN) {
        build_expr(env, stmt->kid[0]);
        for (uint32_t i = 1; i < stmt->nkids; i++)
            build_target(env, stmt, stmt->kid[i]);
    } else if (stmt->kind == NODE_IF) {
        build_if(env, stmt);
    } else {
        for (uint32_t i = 0; i < stmt->nkids; i++)
            build_expr(env, stmt->kid[i]);
    }
}

static inline void build_block(struct env *env, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        build_stmt(env, block->kid[i]);
}

static inline void build_param(struct env *env, struct node *param) {
    const struct node *annotation = param->nkids > 0 ? param->kid[0] : NULL;
    struct node name = {.atom = param->atom};
    struct web *web = build_web_for(env, &name, WEB_PARAM);
    if (annotation == NULL || annotation->kind != NODE_NAME)
        return;
    const char *text = annotation->atom;
    bool mask = strchr("MKD", text[0]) != NULL; /* additive, true where it keeps, true where it drops */
    enum abs_kind kind = mask ? ABS_MASK : text[0] == 'N' ? ABS_NUMBER : ABS_TENSOR;
    struct absval *abs = build_abs(env->world, kind, text[1] != '\0' ? (uint32_t)(text[1] - '0') : 0);
    if (mask && text[0] != 'M')
        abs->mask->form = text[0] == 'K' ? MASK_KEEPS : MASK_DROPS;
    web->abs = abs;
}

/* The FUNCTION of a module with one def. */
static inline struct node *build_function(struct world *w, const char *text) {
    struct source *source = source_from_text(w->arena, w->atoms, w->diags, "test.py", text, strlen(text));
    struct node *module = parse_module(w->parser, w->arena, w->atoms, w->diags, source);
    assert_non_null(module);
    struct node *fn = module->kid[0];
    struct env env = {w, {0}};
    for (uint32_t i = 0; i < function_params(fn)->nkids; i++)
        build_param(&env, function_params(fn)->kid[i]);
    build_block(&env, function_body(fn));
    return fn;
}

static inline void print_diags(struct world *w) {
    uint32_t count;
    struct diag **all = diags_sorted(w->diags, &count);
    for (uint32_t i = 0; i < count; i++)
        diag_print(stderr, all[i], false);
}

static inline struct world *world_create(bool rules) {
    struct arena *arena = arena_create();
    struct world *w = NEW(arena, struct world);
    w->arena = arena;
    w->atoms = atoms_create(arena);
    w->diags = diags_create(arena);
    w->parser = parser_create();
    if (rules) {
        w->rules = rules_load_embedded(w->arena, w->atoms, w->diags, w->parser);
        print_diags(w);
        assert_non_null(w->rules);
    }
    return w;
}

static inline void world_destroy(struct world *w) {
    parser_destroy(w->parser);
    arena_destroy(w->arena);
}

/* The value of what a function returns. */
static inline const struct value *returned(struct world *w, struct values *values, const char *text) {
    struct node *body = function_body(build_function(w, text));
    (void)w;
    return value_of(values, body->kid[body->nkids - 1]->kid[0]);
}

#endif
