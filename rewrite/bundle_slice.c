/* bundle_slice.c - what of the construction of a configuration the model needs.
 *
 * Reads   the recipe's body, and the fields that the model reads.
 * Writes  recipe->needed; the body without what does not lead to a needed variable; recipe->carried.
 * Guarantees  needed attributes get the values that they got.
 *
 * A backward slice over names, blind to order: a statement stays if it may write a variable that is needed, and what it
 * and the tests around it read is then needed too. An object may be changed through any variable that may hold it, so
 * variables that are assigned to each other count as one where one of them is changed in place. What may write what
 * cannot be told is not understood. Statements that only raise are no part of the result: a configuration that the
 * source would not take may be taken. */
#include <string.h>

#include "base/text.h"
#include "rewrite/bundle_internal.h"

struct slicer {
    struct recipe *r;
    VEC(struct node *) stmts;    /* of the body and of its IFs, but for those IFs and the root call */
    VEC(struct effects) effects; /* of each */
    struct map same;             /* variable -> struct names: what it may share an object with */
};

static struct arena *arena_of(const struct slicer *s) {
    return s->r->unit->arena;
}

/* -- variables that share an object -------------------------------------------------------------------------------- */

static void link_names(struct slicer *s, atom a, atom b) {
    if (a == NULL || b == NULL || a == b)
        return;
    for (int side = 0; side < 2; side++) {
        struct names *names = map_get(&s->same, side ? b : a);
        if (names == NULL)
            map_put(arena_of(s), &s->same, side ? b : a, names = NEW(arena_of(s), struct names));
        names_add(s->r, names, side ? a : b);
    }
}

/* Link a target with the variables whose object the value may be, or hold. */
static void link_value(struct slicer *s, atom target, const struct node *value) {
    if (value == NULL)
        return;
    switch (value->kind) {
    case NODE_NAME:
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT: link_names(s, target, variable_of(s->r, value)); return;
    case NODE_CALL:
        if (call_is_pure(s->r, value->kid[0]))
            return;
        link_names(s, target, variable_of(s->r, value->kid[0]));
        for (uint32_t i = 1; i < value->nkids; i++)
            link_value(s, target, value->kid[i]);
        return;
    case NODE_BINOP:
    case NODE_COMPARE:
    case NODE_UNARYOP:
    case NODE_FSTRING:
    case NODE_STRINGS: return;
    default:
        for (uint32_t i = 0; i < value->nkids; i++)
            link_value(s, target, value->kid[i]);
    }
}

static void link_statement(struct slicer *s, const struct node *stmt) {
    if (stmt->kind == NODE_ASSIGN)
        for (uint32_t i = 1; i < stmt->nkids; i++)
            link_value(s, variable_of(s->r, stmt->kid[i]), stmt->kid[0]);
    else if (stmt->kind == NODE_ANNASSIGN)
        link_value(s, variable_of(s->r, stmt->kid[0]), stmt->kid[2]);
    else if (stmt->kind == NODE_FOR)
        link_value(s, variable_of(s->r, stmt->kid[0]), stmt->kid[1]);
    for (uint32_t i = 0; i < stmt->nkids; i++)
        for (uint32_t k = 0; is_kind(stmt->kid[i], NODE_BLOCK) && k < stmt->kid[i]->nkids; k++)
            link_statement(s, stmt->kid[i]->kid[k]);
}

/* A change in place writes all that may be the object. */
static void spread_changes(const struct slicer *s, struct effects *fx) {
    struct map seen = {0};
    for (uint32_t i = 0; i < fx->changed.list.len; i++) {
        atom name = fx->changed.list.at[i];
        if (map_has(&seen, name))
            continue;
        map_put(arena_of(s), &seen, name, (void *)name);
        names_add(s->r, &fx->writes, name);
        const struct names *same = map_get(&s->same, name);
        for (uint32_t k = 0; same && k < same->list.len; k++)
            names_add(s->r, &fx->changed, same->list.at[k]);
    }
}

/* -- the slice ----------------------------------------------------------------------------------------------------- */

static bool is_root_call(const struct recipe *r, const struct node *stmt) {
    return (stmt->kind == NODE_EXPR || stmt->kind == NODE_RETURN) && stmt->kid[0] == r->root_call;
}

/* Every statement that stays or goes by itself: an IF does with what is in it. */
static void gather(struct slicer *s, struct node *block, bool nested) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        if (is_root_call(s->r, stmt))
            continue;
        if (stmt->kind == NODE_RETURN && (nested || i + 1 < block->nkids))
            bundle_refuse(s->r, stmt, "--bundle-config does not follow a construction that ends early");
        if (stmt->kind == NODE_IF) {
            gather(s, stmt->kid[1], true);
            if (stmt->kid[2])
                gather(s, stmt->kid[2], true);
            continue;
        }
        struct effects fx = {0};
        effects_of_stmt(s->r, &fx, stmt);
        if (fx.unknown)
            bundle_refuse(s->r, fx.unknown->span.end ? fx.unknown : stmt,
                "--bundle-config cannot tell what this does to the configuration");
        vec_push(arena_of(s), &s->stmts, stmt);
        vec_push(arena_of(s), &s->effects, fx);
    }
}

static bool is_needed(const struct recipe *r, atom name) {
    return map_has(&r->needed, name);
}

static void need(const struct slicer *s, atom name);

static void need_all(const struct slicer *s, const struct effects *fx) {
    for (uint32_t i = 0; i < fx->reads.list.len; i++)
        need(s, fx->reads.list.at[i]);
    for (uint32_t i = 0; i < fx->changed.list.len; i++)
        need(s, fx->changed.list.at[i]);
}

static bool only_raises(const struct node *block) {
    return block && block->nkids > 0 && block->kid[block->nkids - 1]->kind == NODE_RAISE;
}

/* Without checks: `if ...: raise ...`. */
static void drop_checks(struct node *block) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        if (stmt->kind == NODE_IF && only_raises(stmt->kid[1]) && stmt->kid[2] == NULL)
            continue;
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK))
                drop_checks(stmt->kid[k]);
        block->kid[kept++] = stmt;
    }
    if (kept > 0)
        block->nkids = kept;
}

/* A property that is read or a method that is called comes along, but for its checks. */
static void carry(const struct slicer *s, atom name) {
    struct recipe *r = s->r;
    struct node *method;
    for (uint32_t nth = 0; (method = recipe_method(r, name, nth)) != NULL; nth++) {
        struct effects fx = {0};
        method = node_copy(arena_of(s), method);
        drop_checks(function_body(method));
        effects_of_block(s->r, &fx, function_body(method));
        map_put(arena_of(s), &r->carried, nth ? intern_printf(r->unit->atoms, "%s %u", name, nth) : name, method);
        need_all(s, &fx);
        if (fx.unknown && !is_rope_hook(name))
            bundle_refuse(r, fx.unknown, "--bundle-config cannot tell what `%s` does to the configuration", name);
    }
}

static void need(const struct slicer *s, atom name) {
    struct recipe *r = s->r;
    if (is_needed(r, name))
        return;
    map_put(arena_of(s), &r->needed, name, (void *)name);
    if (starts_with(name, "self."))
        carry(s, intern(r->unit->atoms, name + strlen("self.")));
    if (!atom_is(name, "self.rope_parameters"))
        return;
    /* PretrainedConfig brings these together, with the hooks of the class. */
    static const char *const parts[] = {"rope_theta", "rope_scaling", "partial_rotary_factor",
        "max_position_embeddings", "original_max_position_embeddings", "convert_rope_params_to_dict",
        "standardize_rope_params", "nested_rope_parameter_keys", "default_rope_type", "ignore_keys_at_rope_validation",
        "_rope_type_labels"};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        need(s, recipe_attribute(r, intern(r->unit->atoms, parts[i])));
}

static bool writes_needed(const struct slicer *s, const struct effects *fx) {
    for (uint32_t i = 0; i < fx->writes.list.len; i++)
        if (is_needed(s->r, fx->writes.list.at[i]))
            return true;
    return false;
}

static bool test_writes_needed(const struct slicer *s, const struct node *test) {
    struct effects fx = {0};
    effects_of_expr(s->r, &fx, test);
    spread_changes(s, &fx);
    return writes_needed(s, &fx);
}

static bool stays(const struct slicer *s, const struct node *stmt) {
    if (stmt->kind != NODE_IF) {
        for (uint32_t i = 0; i < s->stmts.len; i++)
            if (s->stmts.at[i] == stmt)
                return writes_needed(s, &s->effects.at[i]);
        return true; /* the root call */
    }
    for (int side = 1; side < 3; side++)
        for (uint32_t i = 0; stmt->kid[side] && i < stmt->kid[side]->nkids; i++)
            if (stays(s, stmt->kid[side]->kid[i]))
                return true;
    return test_writes_needed(s, stmt->kid[0]);
}

/* An IF that raises where its test holds: the other side is what happens. */
static bool is_check(const struct slicer *s, const struct node *stmt) {
    return only_raises(stmt->kid[1]) && !test_writes_needed(s, stmt->kid[0]);
}

/* What the statements that stay read, and the tests around them, is needed. */
static void need_block(const struct slicer *s, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        struct effects fx = {0};
        if (is_root_call(s->r, stmt) || !stays(s, stmt))
            continue;
        if (stmt->kind != NODE_IF) {
            effects_of_stmt(s->r, &fx, stmt);
        } else {
            need_block(s, stmt->kid[1]);
            if (stmt->kid[2])
                need_block(s, stmt->kid[2]);
            if (!is_check(s, stmt))
                effects_of_expr(s->r, &fx, stmt->kid[0]);
        }
        if (fx.unknown)
            bundle_refuse(s->r, stmt, "--bundle-config cannot tell what this does to the configuration");
        need_all(s, &fx);
    }
}

/* Arguments of `super().__init__` that nobody needs go; what the others read is needed. */
static void need_root_call(const struct slicer *s) {
    for (uint32_t i = 1; i < s->r->root_call->nkids; i++) {
        const struct node *arg = s->r->root_call->kid[i];
        struct effects fx = {0};
        if (arg->atom == NULL || !is_needed(s->r, recipe_attribute(s->r, arg->atom)))
            continue;
        effects_of_expr(s->r, &fx, arg->kid[0]);
        need_all(s, &fx);
    }
}

static void prune_block(const struct slicer *s, struct node *block);

static void prune_if(const struct slicer *s, struct node *stmt) {
    prune_block(s, stmt->kid[1]);
    if (stmt->kid[2])
        prune_block(s, stmt->kid[2]);
    if (stmt->kid[2] && stmt->kid[2]->nkids == 0)
        stmt->kid[2] = NULL;
    if (stmt->kid[1]->nkids > 0)
        return;
    if (stmt->kid[2] == NULL) { /* its test does something */
        node_add(arena_of(s), stmt->kid[1], node_new(arena_of(s), NODE_PASS));
        return;
    }
    stmt->kid[0] = negated(s->r->unit, stmt->kid[0]);
    stmt->kid[1] = stmt->kid[2];
    stmt->kid[2] = NULL;
}

static void leave_chain(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        block->kid[i]->flags &= ~(uint32_t)NF_ELIF;
}

static void prune_block(const struct slicer *s, struct node *block) {
    struct node *pruned = node_new(arena_of(s), NODE_BLOCK);
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        if (!stays(s, stmt))
            continue;
        if (stmt->kind == NODE_IF && is_check(s, stmt)) {
            leave_chain(stmt->kid[2]);
            prune_block(s, stmt->kid[2]);
            for (uint32_t k = 0; k < stmt->kid[2]->nkids; k++)
                node_add(arena_of(s), pruned, stmt->kid[2]->kid[k]);
            continue;
        }
        if (stmt->kind == NODE_IF)
            prune_if(s, stmt);
        node_add(arena_of(s), pruned, stmt);
    }
    block->kid = pruned->kid;
    block->nkids = pruned->nkids;
    block->kids_cap = pruned->kids_cap;
    if (block->nkids != 1)
        leave_chain(block);
}

void recipe_slice(struct recipe *r, const struct map *reads) {
    struct slicer s = {.r = r};
    for (uint32_t i = 0; i < r->body->nkids; i++)
        link_statement(&s, r->body->kid[i]);
    gather(&s, r->body, false);
    for (uint32_t i = 0; i < s.effects.len; i++)
        spread_changes(&s, &s.effects.at[i]);
    for (uint32_t i = 0; i < reads->len; i++)
        need(&s, recipe_attribute(r, reads->entry[i].key));
    for (uint32_t before = 0; before != r->needed.len && !r->failed;) {
        before = r->needed.len;
        need_block(&s, r->body);
        need_root_call(&s);
    }
    if (!r->failed)
        prune_block(&s, r->body);
}
