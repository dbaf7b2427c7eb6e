/* names.c - out of SSA: every variable gets the name that it prints with.
 *
 * Reads   residual functions after prune.
 * Writes  web->final and the atom of every NAME; removes copies that have become `x = x`.
 * Guarantees  each use reads the value of its own definition. A variable keeps its source name unless two of them that
 *             carry the same name are alive at the same time.
 *
 * Joined variables (phis) share storage with what they join. Whether that is right is checked by running over the
 * function as Python would, with the variable that each storage holds at the moment; where it is not, the phi gets
 * copies of its own. The same walk then finds out which names clash. */
#include <string.h>

#include "rewrite/unit.h"

struct naming {
    struct unit *unit;
    struct fn *fn;
    VEC(struct web *) webs; /* in order of definition */
    struct map holder;      /* name -> leader that it holds, in the walk */
    bool by_name;           /* second walk: names instead of storages */
    bool again;             /* something was changed: start over */
};

static struct web *leader(struct web *w) {
    while (w->leader != w)
        w = w->leader = w->leader->leader;
    return w;
}

/* -- collection ---------------------------------------------------------------------------------------------------- */

static void add_web(struct naming *n, struct web *w) {
    if (w->order)
        return;
    w->order = n->webs.len + 1;
    w->leader = w;
    w->split = false;
    vec_push(n->unit->arena, &n->webs, w);
}

static void collect(struct naming *n, struct node *e) {
    if (e == NULL)
        return;
    for (uint32_t i = 0; i < e->nkids; i++)
        collect(n, e->kid[i]);
    if (e->web)
        add_web(n, e->web);
    for (uint32_t i = 0; i < e->nphis; i++)
        add_web(n, e->phis[i]);
}

/* -- copies -------------------------------------------------------------------------------------------------------- */

/* `a = b` is needed only where a person wrote it to keep a value under a second name. */
static struct web *copy_of(const struct web *w) {
    if (w->kind == WEB_IF && w->from[0] && w->from[0] == w->from[1]) /* the same on both paths */
        return w->from[0];
    if (w->kind != WEB_ASSIGN || !w->expr || w->expr->kind != NODE_NAME || !w->expr->web)
        return NULL;
    struct web *source = w->expr->web;
    return w->temporary || source->temporary || w->name == source->name ? source : NULL;
}

static void propagate(struct node *e) {
    if (e == NULL)
        return;
    for (struct web *source; e->web && (source = copy_of(e->web));) {
        if (source->temporary && !e->web->temporary && source->kind != WEB_PARAM) {
            source->name = e->web->name;
            source->temporary = false;
        }
        e->web = source;
        e->atom = source->name;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        propagate(e->kid[i]);
    for (uint32_t i = 0; i < e->nphis; i++)
        for (int k = 0; k < 2; k++)
            for (struct web *source; e->phis[i]->from[k] && (source = copy_of(e->phis[i]->from[k]));)
                e->phis[i]->from[k] = source;
}

static bool is_propagated_copy(const struct node *stmt) {
    return stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && stmt->kid[1]->kind == NODE_NAME && stmt->kid[1]->web &&
           stmt->kid[1]->web->stmt == stmt && copy_of(stmt->kid[1]->web);
}

static void drop_copies(struct node *block) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if (is_propagated_copy(s))
            continue;
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                drop_copies(s->kid[k]);
        block->kid[kept++] = s;
    }
    block->nkids = kept;
}

/* Uses only: the target of an assignment stays. */
static void propagate_uses(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        uint32_t from = 0, to = s->kind == NODE_ASSIGN ? 1 : s->nkids;
        for (uint32_t k = from; k < to; k++) {
            if (is_kind(s->kid[k], NODE_BLOCK))
                propagate_uses(s->kid[k]);
            else
                propagate(s->kid[k]);
        }
        for (uint32_t k = 1; s->kind == NODE_ASSIGN && k < s->nkids; k++)
            if (s->kid[k]->kind == NODE_SUBSCRIPT || s->kid[k]->kind == NODE_ATTRIBUTE)
                propagate(s->kid[k]);
        for (uint32_t p = 0; p < s->nphis; p++)
            for (int k = 0; k < 2; k++)
                for (struct web *source; s->phis[p]->from[k] && (source = copy_of(s->phis[p]->from[k]));)
                    s->phis[p]->from[k] = source;
    }
}

/* -- storage ------------------------------------------------------------------------------------------------------- */

static void unite(struct web *a, struct web *b) {
    a = leader(a);
    b = leader(b);
    if (a == b)
        return;
    if (b->order < a->order) {
        struct web *t = a;
        a = b;
        b = t;
    }
    b->leader = a;
}

static void unite_phis(struct naming *n) {
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *w = n->webs.at[i];
        w->leader = w;
    }
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *w = n->webs.at[i];
        for (int k = 0; k < 2; k++)
            if (w->from[k] && w->from[k]->order && (!w->split || w->kind == WEB_STORE))
                unite(w, w->from[k]);
    }
}

static int name_rank(const struct web *w) {
    if (w->kind == WEB_PARAM)
        return 4;
    if (!w->temporary)
        return 3;
    return atom_is(w->name, "result") ? 1 : 2;
}

/* The variable of which a local of an unfolded helper is a view: its name says more than the helper's. */
static const struct web *viewed(const struct web *w) {
    const struct node *e = w->temporary && w->kind == WEB_ASSIGN ? w->expr : NULL;
    bool view = is_kind(e, NODE_CALL) && e->kid[0]->kind == NODE_ATTRIBUTE &&
                (atom_is(e->kid[0]->atom, "view") || atom_is(e->kid[0]->atom, "reshape")) &&
                e->kid[0]->kid[0]->kind == NODE_NAME;
    const struct web *of = view ? e->kid[0]->kid[0]->web : NULL;
    return of && !of->temporary && of->kind != WEB_PARAM ? of : NULL;
}

static void choose_names(struct naming *n) {
    for (uint32_t i = 0; i < n->webs.len; i++)
        if (viewed(n->webs.at[i]))
            n->webs.at[i]->name = viewed(n->webs.at[i])->name;
    for (uint32_t i = 0; i < n->webs.len; i++)
        n->webs.at[i]->final = NULL;
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *w = n->webs.at[i], *l = leader(w);
        bool better = l->final == NULL || name_rank(w) > name_rank(l->current);
        if (better) {
            l->final = w->name;
            l->current = w;
        }
    }
}

/* -- the walk ------------------------------------------------------------------------------------------------------ */

static void define(struct naming *n, struct web *w) {
    struct web *l = leader(w);
    if (n->by_name)
        map_put(n->unit->arena, &n->holder, l->final, l);
    else
        l->current = w;
}

static void rename_web(struct naming *n, struct web *l) {
    atom base = l->final;
    for (uint32_t k = 2;; k++) {
        atom candidate = intern_printf(n->unit->atoms, "%s_%u", base, k);
        bool taken = false;
        for (uint32_t i = 0; i < n->webs.len; i++)
            taken |= leader(n->webs.at[i])->final == candidate;
        if (!taken) {
            l->final = candidate;
            return;
        }
    }
}

static bool has_param(struct naming *n, const struct web *l) {
    for (uint32_t i = 0; i < n->webs.len; i++)
        if (n->webs.at[i]->kind == WEB_PARAM && leader(n->webs.at[i]) == l)
            return true;
    return false;
}

/* Another variable of that name, or NULL. */
static struct web *namesake(struct naming *n, const struct web *of) {
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *l = leader(n->webs.at[i]);
        if (l != of && l->final == of->final)
            return l;
    }
    return NULL;
}

/* `held` has the name where `used` is meant; NULL: one of several has. */
static void clash(struct naming *n, struct web *used, struct web *held) {
    if (held == NULL && (held = namesake(n, used)) == NULL) /* read before it is bound: no name helps */
        return;
    n->again = true;
    bool held_is_temporary = held->temporary && !has_param(n, held);
    if (has_param(n, used) || held_is_temporary)
        rename_web(n, held);
    else
        rename_web(n, used);
}

static void split_storage(struct naming *n, struct web *l) {
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *w = n->webs.at[i];
        if ((w->kind == WEB_IF || w->kind == WEB_LOOP) && !w->split && leader(w) == l)
            w->split = n->again = true;
    }
}

static void use(struct naming *n, struct web *w) {
    struct web *l = leader(w);
    if (n->again)
        return;
    if (n->by_name) {
        struct web *held = map_get(&n->holder, l->final);
        if (held != l)
            clash(n, l, held);
    } else if (l->current != w) {
        split_storage(n, l);
    }
}

static void walk_expr(struct naming *n, struct node *e);

static void define_target(struct naming *n, struct node *t) {
    if (t->kind == NODE_NAME) {
        if (t->web)
            define(n, t->web);
        return;
    }
    if (t->kind == NODE_SUBSCRIPT || t->kind == NODE_ATTRIBUTE) {
        walk_expr(n, t);
        return;
    }
    for (uint32_t i = 0; i < t->nkids; i++)
        define_target(n, t->kid[i]);
}

static void walk_expr(struct naming *n, struct node *e) {
    if (e == NULL)
        return;
    if (e->kind == NODE_NAME) {
        if (e->web)
            use(n, e->web);
        return;
    }
    bool comprehension =
        e->kind == NODE_LISTCOMP || e->kind == NODE_SETCOMP || e->kind == NODE_DICTCOMP || e->kind == NODE_GENERATOR;
    if (comprehension) {
        for (uint32_t i = 1; i < e->nkids; i++) {
            walk_expr(n, e->kid[i]->kid[1]);
            define_target(n, e->kid[i]->kid[0]);
            for (uint32_t k = 2; k < e->kid[i]->nkids; k++)
                walk_expr(n, e->kid[i]->kid[k]);
        }
        walk_expr(n, e->kid[0]);
        return;
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        walk_expr(n, e->kid[i]);
}

struct snapshot {
    struct map holder;
    struct web **current;
};

static struct snapshot save(struct naming *n) {
    struct snapshot s = {0};
    for (uint32_t i = 0; i < n->holder.len; i++)
        map_put(n->unit->arena, &s.holder, n->holder.entry[i].key, n->holder.entry[i].value);
    s.current = NEW_ARRAY(n->unit->arena, struct web *, n->webs.len + 1);
    for (uint32_t i = 0; i < n->webs.len; i++)
        s.current[i] = n->webs.at[i]->current;
    return s;
}

static void restore(struct naming *n, const struct snapshot *s) {
    memset(&n->holder, 0, sizeof n->holder);
    for (uint32_t i = 0; i < s->holder.len; i++)
        map_put(n->unit->arena, &n->holder, s->holder.entry[i].key, s->holder.entry[i].value);
    for (uint32_t i = 0; i < n->webs.len; i++)
        n->webs.at[i]->current = s->current[i];
}

/* What both paths agree on. */
static void meet(struct naming *n, const struct snapshot *other) {
    for (uint32_t i = 0; i < n->holder.len; i++) {
        void *held = map_get(&other->holder, n->holder.entry[i].key);
        if (held && held != n->holder.entry[i].value)
            n->holder.entry[i].value = NULL;
    }
    for (uint32_t i = 0; i < other->holder.len; i++)
        if (!map_has(&n->holder, other->holder.entry[i].key))
            map_put(n->unit->arena, &n->holder, other->holder.entry[i].key, other->holder.entry[i].value);
    for (uint32_t i = 0; i < n->webs.len; i++) {
        struct web *w = n->webs.at[i];
        if (w->current == NULL)
            w->current = other->current[i];
        else if (other->current[i] && other->current[i] != w->current)
            w->current = NULL;
    }
}

static bool leaves(const struct node *block) {
    if (block == NULL || block->nkids == 0)
        return false;
    const struct node *last = block->kid[block->nkids - 1];
    return last->kind == NODE_RETURN || last->kind == NODE_CONTINUE || last->kind == NODE_BREAK;
}

static void walk_block(struct naming *n, struct node *block);

static void use_source(struct naming *n, struct web *phi, int side) {
    if (phi->from[side] && phi->from[side]->order)
        use(n, phi->from[side]);
}

static void walk_if(struct naming *n, struct node *s) {
    walk_expr(n, s->kid[0]);
    struct snapshot before = save(n);
    walk_block(n, s->kid[1]);
    for (uint32_t i = 0; i < s->nphis; i++)
        use_source(n, s->phis[i], 0);
    struct snapshot after = save(n);
    bool then_leaves = leaves(s->kid[1]);
    restore(n, &before);
    if (s->kid[2])
        walk_block(n, s->kid[2]);
    for (uint32_t i = 0; i < s->nphis; i++)
        use_source(n, s->phis[i], 1);
    if (leaves(s->kid[2]))
        restore(n, &after);
    else if (!then_leaves)
        meet(n, &after);
    for (uint32_t i = 0; i < s->nphis; i++)
        define(n, s->phis[i]);
}

static void walk_loop(struct naming *n, struct node *s) {
    bool is_for = s->kind == NODE_FOR;
    if (is_for)
        walk_expr(n, s->kid[1]);
    for (uint32_t i = 0; i < s->nphis; i++)
        use_source(n, s->phis[i], 0);
    struct snapshot before = save(n);
    for (int round = 0; round < 2 && !n->again; round++) {
        if (round)
            meet(n, &before);
        for (uint32_t i = 0; i < s->nphis; i++)
            define(n, s->phis[i]);
        if (is_for)
            define_target(n, s->kid[0]);
        else
            walk_expr(n, s->kid[0]);
        walk_block(n, s->kid[is_for ? 2 : 1]);
        for (uint32_t i = 0; i < s->nphis; i++)
            use_source(n, s->phis[i], 1);
    }
    meet(n, &before);
    for (uint32_t i = 0; i < s->nphis; i++)
        define(n, s->phis[i]);
}

static void walk_stmt(struct naming *n, struct node *s) {
    switch (s->kind) {
    case NODE_IF: walk_if(n, s); return;
    case NODE_FOR:
    case NODE_WHILE: walk_loop(n, s); return;
    case NODE_ASSIGN:
        walk_expr(n, s->kid[0]);
        for (uint32_t i = 1; i < s->nkids; i++)
            define_target(n, s->kid[i]);
        break;
    default:
        for (uint32_t i = 0; i < s->nkids; i++) {
            if (is_kind(s->kid[i], NODE_BLOCK))
                walk_block(n, s->kid[i]);
            else
                walk_expr(n, s->kid[i]);
        }
    }
    for (uint32_t i = 0; i < s->nphis; i++) /* the new version after a store */
        define(n, s->phis[i]);
}

static void walk_block(struct naming *n, struct node *block) {
    for (uint32_t i = 0; i < block->nkids && !n->again; i++)
        walk_stmt(n, block->kid[i]);
}

static void start_walk(struct naming *n, bool by_name) {
    memset(&n->holder, 0, sizeof n->holder);
    n->by_name = by_name;
    n->again = false;
    for (uint32_t i = 0; i < n->webs.len; i++)
        n->webs.at[i]->current = NULL;
    for (uint32_t i = 0; i < n->fn->params.len; i++)
        if (n->fn->params.at[i]->web && n->fn->params.at[i]->web->order)
            define(n, n->fn->params.at[i]->web);
    walk_block(n, n->fn->body);
}

/* -- copies for phis that cannot share ----------------------------------------------------------------------------- */

static void append_copy(struct naming *n, struct node *block, struct web *to, struct web *from, bool front) {
    struct arena *arena = n->unit->arena;
    if (from == NULL || !from->order)
        return;
    struct node *copy = node_make(arena, NODE_ASSIGN, NULL, 2, make_web_name(arena, from), make_web_name(arena, to));
    uint32_t at = front ? 0 : block->nkids;
    if (!front && at > 0 && leaves(block))
        at--;
    node_insert(arena, block, at, copy);
}

static void insert_copies(struct naming *n, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                insert_copies(n, s->kid[k]);
        for (uint32_t p = 0; p < s->nphis; p++) {
            struct web *phi = s->phis[p];
            if (!phi->split || phi->kind == WEB_STORE)
                continue;
            struct arena *arena = n->unit->arena;
            if (s->kind == NODE_IF) {
                if (s->kid[2] == NULL)
                    s->kid[2] = node_new(arena, NODE_BLOCK);
                append_copy(n, s->kid[1], phi, phi->from[0], false);
                append_copy(n, s->kid[2], phi, phi->from[1], false);
            } else {
                append_copy(n, s->kid[s->kind == NODE_FOR ? 2 : 1], phi, phi->from[1], false);
                struct node *before = node_new(arena, NODE_BLOCK);
                append_copy(n, before, phi, phi->from[0], false);
                for (uint32_t k = 0; k < before->nkids; k++)
                    node_insert(arena, block, i++, before->kid[k]);
            }
        }
    }
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void write_names(struct node *e) {
    if (e == NULL)
        return;
    if (e->kind == NODE_NAME && e->web)
        e->atom = leader(e->web)->final;
    for (uint32_t i = 0; i < e->nkids; i++)
        write_names(e->kid[i]);
}

static void drop_identities(struct node *block) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                drop_identities(s->kid[k]);
        bool identity = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[0]->kind == NODE_NAME &&
                        s->kid[1]->kind == NODE_NAME && s->kid[0]->atom == s->kid[1]->atom && s->kid[0]->web;
        if (!identity)
            block->kid[kept++] = s;
    }
    block->nkids = kept;
}

enum { NAMING_ROUNDS = 200 };

void propagate_copies(struct unit *unit) {
    struct functions functions = {0};
    functions_collect(unit, &functions);
    for (uint32_t i = 0; i < functions.list.len; i++) {
        propagate_uses(functions.list.at[i]->body);
        drop_copies(functions.list.at[i]->body);
    }
}

static void name_function(struct unit *unit, struct fn *fn) {
    struct naming n = {.unit = unit, .fn = fn};
    propagate_uses(fn->body);
    drop_copies(fn->body);
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->web) {
            fn->params.at[i]->web->order = 0;
            if (fn->params.at[i]->live)
                add_web(&n, fn->params.at[i]->web);
        }
    collect(&n, fn->body);
    for (int round = 0; round < NAMING_ROUNDS; round++) {
        unite_phis(&n);
        start_walk(&n, false);
        if (!n.again)
            break;
    }
    choose_names(&n);
    for (int round = 0; round < NAMING_ROUNDS; round++) {
        start_walk(&n, true);
        if (!n.again)
            break;
    }
    insert_copies(&n, fn->body);
    write_names(fn->body);
    drop_identities(fn->body);
}

void assign_names(struct unit *unit) {
    struct functions functions = {0};
    functions_collect(unit, &functions);
    for (uint32_t i = 0; i < functions.list.len; i++)
        if (functions.list.at[i]->live)
            name_function(unit, functions.list.at[i]);
}
