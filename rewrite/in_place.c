/* in_place.c - tensors that change in place.
 *
 * Reads   the residual program, and unit->changes: the statements that change a tensor in place in the source. A
 *         variable is then defined anew (`x += y` becomes `x = x + y`), and its other names with it.
 * Guarantees  nothing else that may share the memory is read after the change, here or, where the tensor came as an
 *         argument, in the callers; else the file is refused.
 *
 * What a loop changes is read after it where it is read later in the body, or earlier in the body of the same loop and
 * defined outside of it. */
#include "rewrite/storage.h"

/* A NAME, or what a phi takes from the end of a branch or body. */
struct reading {
    const struct web *web;
    const struct node *at; /* the NAME, or the statement of the phi */
    uint32_t position;
    bool once;            /* a loop does not read it again */
    uint32_t first, last; /* the other branch: a change there is not seen */
};

struct stretch {
    uint32_t first, last;
};

struct change {
    struct fn *fn;
    struct node *stmt;         /* in which it happens */
    const struct node *object; /* what it changes */
    const struct web *after;   /* the variable that holds it from then on, or NULL */
};

struct called {
    struct node *call, *stmt;
};

/* What is to be known of a function, by the positions of its statements. */
struct body {
    struct fn *fn;
    VEC(struct reading) reads;
    VEC(struct stretch) loops;
    VEC(struct called) calls;
    struct map defined;  /* web -> position */
    struct map position; /* statement -> position */
    uint32_t now;
};

struct checker {
    struct unit *unit;
    struct storages known;
    struct map bodies; /* fn -> struct body */
    struct map passed; /* parameters that a function changes: web -> fn */
    VEC(struct change) todo;
};

static void *at_position(uint32_t position) {
    return (void *)(uintptr_t)position;
}

static uint32_t position_of(const struct map *map, const void *key) {
    return (uint32_t)(uintptr_t)map_get(map, key);
}

/* -- one function -------------------------------------------------------------------------------------------------- */

static void define(struct checker *c, struct body *b, const struct web *web) {
    if (web)
        map_put(c->unit->arena, &b->defined, web, at_position(b->now));
}

struct defining {
    struct checker *c;
    struct body *b;
};

static void define_name(void *user, const struct node *name) {
    struct defining *d = user;
    define(d->c, d->b, name->web);
}

static void define_targets(struct checker *c, struct body *b, const struct node *target) {
    targets_visit(target, define_name, &(struct defining){c, b});
}

static void read(struct checker *c, struct body *b, struct reading reading) {
    if (reading.web) {
        reading.position = b->now;
        vec_push(c->unit->arena, &b->reads, reading);
    }
}

static void read_expr(struct checker *c, struct body *b, struct node *e, struct node *stmt) {
    if (e == NULL)
        return;
    if (e->kind == NODE_NAME)
        read(c, b, (struct reading){.web = e->web, .at = e});
    if (e->kind == NODE_CALL && e->callsite)
        vec_push(c->unit->arena, &b->calls, ((struct called){e, stmt}));
    for (uint32_t i = 0; i < e->nkids; i++)
        read_expr(c, b, e->kid[i], stmt);
}

static void read_block(struct checker *c, struct body *b, struct node *block);

static struct stretch read_arm(struct checker *c, struct body *b, struct node *block) {
    struct stretch arm = {b->now + 1, b->now};
    if (block)
        read_block(c, b, block);
    arm.last = b->now;
    return arm;
}

static void read_if(struct checker *c, struct body *b, struct node *stmt) {
    read_expr(c, b, stmt->kid[0], stmt);
    struct stretch arm[2];
    arm[0] = read_arm(c, b, stmt->kid[1]);
    arm[1] = read_arm(c, b, stmt->nkids > 2 ? stmt->kid[2] : NULL);
    b->now++;
    for (uint32_t i = 0; i < stmt->nphis; i++) {
        for (int k = 0; stmt->phis[i] && k < 2; k++)
            read(c, b, (struct reading){stmt->phis[i]->from[k], stmt, 0, false, arm[!k].first, arm[!k].last});
        define(c, b, stmt->phis[i]);
    }
}

static void read_loop(struct checker *c, struct body *b, struct node *stmt) {
    bool is_for = stmt->kind == NODE_FOR;
    uint32_t first = b->now;
    read_expr(c, b, stmt->kid[is_for ? 1 : 0], stmt);
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i]) {
            read(c, b, (struct reading){.web = stmt->phis[i]->from[0], .at = stmt, .once = true});
            define(c, b, stmt->phis[i]);
        }
    if (is_for)
        define_targets(c, b, stmt->kid[0]);
    read_block(c, b, stmt->kid[is_for ? 2 : 1]);
    b->now++;
    for (uint32_t i = 0; i < stmt->nphis; i++)
        if (stmt->phis[i])
            read(c, b, (struct reading){.web = stmt->phis[i]->from[1], .at = stmt});
    vec_push(c->unit->arena, &b->loops, ((struct stretch){first, b->now}));
    if (stmt->kid[is_for ? 3 : 2])
        read_block(c, b, stmt->kid[is_for ? 3 : 2]);
}

static void read_simple(struct checker *c, struct body *b, struct node *stmt) {
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        struct node *kid = stmt->kid[i];
        bool target = stmt->kind == NODE_ASSIGN ? i > 0 : stmt->kind == NODE_ANNASSIGN && i == 0;
        if (kid && (kid->kind == NODE_BLOCK || node_is_stmt(kid)))
            read_block(c, b, kid);
        else if (!target || kid->kind == NODE_SUBSCRIPT || kid->kind == NODE_ATTRIBUTE)
            read_expr(c, b, kid, stmt);
        if (target)
            define_targets(c, b, kid);
    }
    for (uint32_t i = 0; i < stmt->nphis; i++)
        define(c, b, stmt->phis[i]);
}

static void read_block(struct checker *c, struct body *b, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        b->now++;
        map_put(c->unit->arena, &b->position, stmt, at_position(b->now));
        switch (stmt->kind) {
        case NODE_IF: read_if(c, b, stmt); break;
        case NODE_FOR:
        case NODE_WHILE: read_loop(c, b, stmt); break;
        default: read_simple(c, b, stmt); break;
        }
    }
}

static struct body *body_of(struct checker *c, struct fn *fn) {
    struct body *b = map_get(&c->bodies, fn);
    if (b == NULL) {
        b = NEW(c->unit->arena, struct body);
        b->fn = fn;
        map_put(c->unit->arena, &c->bodies, fn, b);
        read_block(c, b, fn->body);
    }
    return b;
}

/* -- one change ---------------------------------------------------------------------------------------------------- */

/* Whether what was defined at `defined` is read at `r` after a change at `change`, as it was before. */
static bool reads_after(const struct body *b, const struct reading *r, uint32_t defined, uint32_t change) {
    if (r->position == change || (change >= r->first && change <= r->last && r->last > 0))
        return false;
    if (r->position > change && defined <= change) {
        bool inside = false; /* what a loop carries is another version after it */
        for (uint32_t i = 0; i < b->loops.len; i++) {
            const struct stretch *loop = &b->loops.at[i];
            inside |= defined == loop->first && change <= loop->last && r->position > loop->last;
        }
        return !inside;
    }
    for (uint32_t i = 0; i < b->loops.len; i++) {
        const struct stretch *loop = &b->loops.at[i];
        bool both =
            change > loop->first && change <= loop->last && r->position > loop->first && r->position <= loop->last;
        if (both && !r->once && r->position < change && defined < loop->first)
            return true;
    }
    return false;
}

static void refuse(struct checker *c, const struct change *change, const struct reading *r) {
    struct source *source = change->stmt->source ? change->stmt->source : change->fn->module->source;
    struct span span = change->stmt->span.end ? change->stmt->span : change->fn->def->span;
    struct diag *d = diag_at(c->unit->diags, unit_refusal(c->unit), source, span, "changed-outside",
        "this changes a tensor in place that may be read as `%s` later", r->web->name ? r->web->name : "?");
    if (r->at->source && r->at->span.end)
        diag_help(c->unit->diags, d, "it is read in line %u; change a copy, or return the changed value instead",
            source_locate(r->at->source, r->at->span.start).line);
    else
        diag_help(c->unit->diags, d, "change a copy, or return the changed value instead");
}

/* The function changes what its caller has given: so does each call of it. */
static void pass_on(struct checker *c, struct fn *fn, const struct web *param) {
    if (map_has(&c->passed, param))
        return;
    map_put(c->unit->arena, &c->passed, param, fn);
    struct functions all = {0};
    functions_collect(c->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        const struct body *b = body_of(c, all.list.at[i]);
        for (uint32_t k = 0; k < b->calls.len; k++) {
            const struct called *called = &b->calls.at[k];
            struct node *argument = call_reaches(called->call, fn) ? argument_for(called->call, fn, param) : NULL;
            if (argument)
                vec_push(c->unit->arena, &c->todo, ((struct change){b->fn, called->stmt, argument, NULL}));
        }
    }
}

static void follow(struct checker *c, const struct change *change) {
    const struct body *b = body_of(c, change->fn);
    uint32_t position = position_of(&b->position, change->stmt);
    const struct storage *memory = storage_of(&c->known, change->object);
    if (position == 0)
        return; /* of a round of the specialiser that came to nothing */
    for (uint32_t i = 0; i < b->reads.len; i++) {
        const struct reading *r = &b->reads.at[i];
        if (r->web != change->after && reads_after(b, r, position_of(&b->defined, r->web), position) &&
            storage_meets(storage_of_web(&c->known, r->web), memory)) {
            refuse(c, change, r);
            return;
        }
    }
    for (uint32_t i = 0; i < change->fn->params.len; i++)
        for (uint32_t k = 0; k < memory->at.len; k++)
            if (change->fn->params.at[i]->web == memory->at.at[k])
                pass_on(c, change->fn, memory->at.at[k]);
}

void note_change(struct unit *unit, struct node *stmt, const struct node *object, const struct web *after) {
    struct change *change = NEW(unit->arena, struct change);
    *change = (struct change){NULL, stmt, object, after};
    map_put(unit->arena, &unit->changes, stmt, change);
}

static void find_changes(struct checker *c, struct fn *fn, struct node *stmt) {
    const struct change *noted = map_get(&c->unit->changes, stmt);
    if (noted)
        vec_push(c->unit->arena, &c->todo, ((struct change){fn, stmt, noted->object, noted->after}));
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (stmt->kid[i] && (stmt->kid[i]->kind == NODE_BLOCK || node_is_stmt(stmt->kid[i])))
            find_changes(c, fn, stmt->kid[i]);
}

bool check_changes(struct unit *unit) {
    if (unit->changes.len == 0)
        return true;
    struct checker c = {.unit = unit, .known = {.unit = unit}};
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        find_changes(&c, all.list.at[i], all.list.at[i]->body);
    for (uint32_t i = 0; i < c.todo.len; i++) {
        struct change change = c.todo.at[i];
        follow(&c, &change);
    }
    return true;
}
