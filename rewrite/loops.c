/* loops.c - what a variable holds after a loop, as a value. */
#include "rewrite/loops.h"

#include "base/vec.h"

enum { OTHERS_MAX = 6 };

static const char LOOP[] = "adgen.loop", STORED[] = "adgen.stored";

static const struct value *call(struct values *values, const char *name, const struct value **arg, uint32_t count) {
    return value_call(values, intern(values_atoms(values), name), arg, count);
}

/* -- stores -------------------------------------------------------------------------------------------------------- */

const struct value *value_of_store(struct values *values, const struct web *web) {
    const struct node *stmt = web->stmt;
    if (!is_kind(stmt, NODE_ASSIGN) || stmt->nkids != 2 || stmt->kid[1]->kind != NODE_SUBSCRIPT ||
        !is_kind(stmt->kid[1]->kid[0], NODE_NAME) || web->from[0] == NULL)
        return NULL;
    const struct value *before = value_of_web(values, web->from[0]);
    if (before->kind != VALUE_WEB && !value_is_call(before, STORED))
        return NULL;
    if (before->kind == VALUE_WEB && ((const struct web *)before->ref)->kind != WEB_LOOP)
        return NULL;
    const struct value *arg[3] = {before, value_of(values, stmt->kid[1]), value_of(values, stmt->kid[0])};
    return call(values, STORED, arg, 3);
}

/* -- loops --------------------------------------------------------------------------------------------------------- */

static bool is_carried(const struct web *web, const struct node *loop) {
    return web && web->kind == WEB_LOOP && web->stmt == loop && web->from[0] && web->from[1];
}

/* for name in range(...): assignments */
static bool counts(struct values *values, struct node *loop) {
    if (loop->kind != NODE_FOR || loop->kid[3] != NULL || !is_kind(loop->kid[0], NODE_NAME) || !loop->kid[0]->web)
        return false;
    const struct value *over = value_of(values, loop->kid[1]);
    const struct node *body = loop->kid[2];
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i]->kind != NODE_ASSIGN)
            return false;
    return value_is_call(over, "builtins.range");
}

struct search {
    struct arena *arena;
    const struct node *loop;
    VEC(const struct value *) seen;
    const struct web *found[OTHERS_MAX];
    uint32_t count;
    bool too_many;
};

static bool already(const struct search *s, const struct value *v) {
    for (uint32_t i = 0; i < s->seen.len; i++)
        if (s->seen.at[i] == v)
            return true;
    return false;
}

/* The variables of the loop that a value is computed from, and those that their values at the end of the body are. */
static void find_carried(struct search *s, struct values *values, const struct value *v) {
    if (v->fixed || already(s, v))
        return;
    vec_push(s->arena, &s->seen, v);
    const struct web *web = v->kind == VALUE_WEB ? v->ref : NULL;
    for (uint32_t i = 0; i < v->count; i++)
        find_carried(s, values, v->arg[i]);
    if (!is_carried(web, s->loop))
        return;
    s->too_many |= s->count == OTHERS_MAX;
    if (!s->too_many) {
        s->found[s->count++] = web;
        find_carried(s, values, value_of_web(values, web->from[1]));
    }
}

static bool is_found(const struct search *s, const struct web *web) {
    for (uint32_t i = 0; i < s->count; i++)
        if (s->found[i] == web)
            return true;
    return false;
}

/* The variable, before the loop, at the end of the body. */
static void read_variable(struct values *values, struct web *web, const struct value **out) {
    out[0] = value_of_web(values, web);
    out[1] = value_of_web(values, web->from[0]);
    out[2] = value_of_web(values, web->from[1]);
}

const struct value *value_after_loop(struct values *values, struct node *loop, struct web *web) {
    struct search s = {.arena = values_arena(values), .loop = loop};
    if (!is_carried(web, loop) || !counts(values, loop))
        return NULL;
    find_carried(&s, values, value_of_web(values, web->from[1]));
    if (s.too_many)
        return NULL;
    const struct value *other[OTHERS_MAX], *arg[6], *three[3];
    uint32_t count = 0;
    for (uint32_t i = 0; i < loop->nphis; i++) {
        if (loop->phis[i] == web || !is_found(&s, loop->phis[i]))
            continue;
        read_variable(values, loop->phis[i], three);
        other[count++] = value_make(values, VALUE_TUPLE, OP_NO, NULL, three, 3);
    }
    arg[0] = value_of(values, loop->kid[1]);
    arg[1] = value_of_web(values, loop->kid[0]->web);
    read_variable(values, web, arg + 2);
    arg[5] = value_make(values, VALUE_TUPLE, OP_NO, NULL, other, count);
    const struct value *after = call(values, LOOP, arg, 6);
    ((struct value *)after)->abs = web->abs;
    if (web->abs != NULL && web->abs->kind == ABS_TENSOR)
        value_note_rank(after, rank_known(web->abs->rank));
    return after;
}
