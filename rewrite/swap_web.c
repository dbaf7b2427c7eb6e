/* swap_web.c - variables that hold the transpose of another. */
#include <string.h>

#include "rewrite/lineage.h"
#include "rewrite/passes.h"
#include "rewrite/swap.h"

struct node *find_block(struct node *block, const struct node *stmt, uint32_t *index) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if (s == stmt) {
            *index = i;
            return block;
        }
        for (uint32_t k = 0; k < s->nkids; k++) {
            struct node *found = is_kind(s->kid[k], NODE_BLOCK) ? find_block(s->kid[k], stmt, index) : NULL;
            if (found)
                return found;
        }
    }
    return NULL;
}

struct web *twin_make(struct layout *l, const struct web *like, enum web_kind kind) {
    struct web *w = NEW(l->unit->arena, struct web);
    w->kind = kind;
    w->name = like->name;
    w->temporary = like->temporary;
    w->abs = abs_is_tensor(like->abs) ? like->abs : abs_tensor(l->unit, l->rank);
    return w;
}

struct node *assign_web(struct layout *l, struct web *w, struct node *expr) {
    struct node *stmt = node_make(l->unit->arena, NODE_ASSIGN, NULL, 2, expr, make_web_name(l->unit->arena, w));
    w->stmt = stmt;
    w->expr = expr;
    w->kind = WEB_ASSIGN;
    return stmt;
}

static struct node *transpose_of_web(struct layout *l, struct web *w) {
    return transpose_of(l, make_web_name(l->unit->arena, w));
}

static void remember(struct layout *l, const struct web *w, struct web *twin) {
    map_put(l->unit->arena, &l->twins, w, twin);
}

/* [batch, heads, length, lanes], in words: what dimensions there are and in which order. */
static bool tells_dims(const char *comment) {
    uint32_t commas = 0;
    for (const char *at = strchr(comment, '['); at && *at && *at != ']'; at++)
        commas += *at == ',';
    return commas >= 2;
}

/* What was said about a statement is said about the one that now does its work, but for the order of dimensions. */
static void hand_over_comments(struct layout *l, struct node *from, struct node *to) {
    bool dims = false;
    lineage_made(l->unit, to, from);
    for (uint32_t i = 0; from->comments && i < from->comments->leading.len; i++)
        dims |= tells_dims(from->comments->leading.at[i]);
    to->comments = dims ? NULL : from->comments;
    to->flags |= from->flags & NF_BLANK;
    from->comments = NULL;
    from->flags &= ~(uint32_t)NF_BLANK;
}

/* `w = d` becomes `t = swapped d; w = t.transpose(1, 2)`. */
static struct web *twin_of_assign(struct layout *l, struct web *w, uint32_t rank) {
    uint32_t index;
    struct node *s = find_block(l->fn->body, w->stmt, &index) ? swapped(l, w->expr, rank) : NULL;
    if (s == NULL)
        return NULL;
    struct web *twin = twin_make(l, w, WEB_ASSIGN);
    if (l->dry)
        return twin;
    struct node *block = find_block(l->fn->body, w->stmt, &index), *stmt = assign_web(l, twin, s);
    pass_record(l->unit, "layout", w->stmt, l->fn);
    hand_over_comments(l, w->stmt, stmt);
    node_insert(l->unit->arena, block, index, stmt);
    w->stmt->kid[0] = w->expr = transpose_of_web(l, twin);
    return twin;
}

/* The variables of `a, b = ...` get twins, which `made` sets; they follow it as transposes of these. */
static void twins_of_elements(struct layout *l, struct node *tuple, struct node *made, uint32_t after) {
    struct arena *arena = l->unit->arena;
    struct node *twins = node_copy(arena, tuple);
    if (made)
        made->kid[1] = twins;
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct web *old = tuple->kid[i]->web, *twin = twin_make(l, old, WEB_ELEMENT);
        twin->element = i;
        twins->kid[i] = make_web_name(arena, twin);
        remember(l, old, twin);
        if (made == NULL)
            continue;
        uint32_t index;
        struct node *block = find_block(l->fn->body, made, &index);
        twin->stmt = made;
        twin->expr = made->kid[0];
        node_insert(arena, block, index + ++after, assign_web(l, old, transpose_of_web(l, twin)));
    }
}

/* `a, b = rope(q, k, cos, sin, d)` and `a, b = x.split(n, dim=-1)`: all elements turn together. */
static struct web *twin_of_element(struct layout *l, struct web *w, uint32_t rank) {
    struct arena *arena = l->unit->arena;
    struct node *stmt = w->stmt, *tuple = stmt->kid[1], *made = NULL;
    uint32_t index;
    if (tuple->kind != NODE_TUPLE)
        return NULL;
    for (uint32_t i = 0; i < tuple->nkids; i++)
        if (tuple->kid[i]->kind != NODE_NAME || tuple->kid[i]->web == NULL)
            return NULL;
    bool shared = rank == 4 && container_is_private(l, stmt);
    struct node *s = shared ? node_copy(arena, stmt->kid[0]) : swapped_list(l, stmt->kid[0], rank);
    struct node *block = s ? find_block(l->fn->body, stmt, &index) : NULL;
    if (block == NULL)
        return NULL;
    if (!l->dry) {
        made = node_make(arena, NODE_ASSIGN, NULL, 2, s, tuple);
        pass_record(l->unit, "layout", stmt, l->fn);
        hand_over_comments(l, stmt, made);
        block->kid[index] = made;
    }
    twins_of_elements(l, tuple, made, 0);
    if (shared && made)
        swap_stores(l, made);
    return map_get(&l->twins, w);
}

/* A variable set in the branches of an IF: set to the transpose there, turned back after it. */
static struct web *twin_of_join(struct layout *l, struct web *w, uint32_t rank) {
    struct node *join = w->stmt;
    struct web *from[2];
    uint32_t index;
    for (int i = 0; i < 2; i++) {
        from[i] = w->from[i] ? twin_of(l, w->from[i], rank) : NULL;
        if (from[i] == NULL)
            return NULL;
    }
    struct web *twin = map_get(&l->twins, w);
    if (twin) /* what one branch reads is stored after the other: it was met on the way */
        return twin;
    twin = twin_make(l, w, WEB_IF);
    twin->stmt = join;
    memcpy(twin->from, from, sizeof from);
    if (l->dry)
        return twin;
    for (uint32_t i = 0; i < join->nphis; i++)
        if (join->phis[i] == w)
            join->phis[i] = twin;
    struct node *block = find_block(l->fn->body, join, &index);
    node_insert(l->unit->arena, block, index + 1, assign_web(l, w, transpose_of_web(l, twin)));
    return twin;
}

struct web *twin_of(struct layout *l, struct web *w, uint32_t rank) {
    struct web *twin = map_get(&l->twins, w);
    if (twin)
        return twin;
    if (w->kind == WEB_ASSIGN && rank == l->rank && is_swap(w->expr, rank) && receiver(w->expr)->kind == NODE_NAME &&
        receiver(w->expr)->web) {
        struct web *of = receiver(w->expr)->web; /* it is already the transpose of a variable */
        if (of->temporary && !w->temporary) {    /* of an unfolded helper: the caller's name says more */
            of->name = w->name;
            of->temporary = false;
        }
        return of;
    }
    if (w->kind == WEB_ASSIGN)
        twin = twin_of_assign(l, w, rank);
    else if (w->kind == WEB_ELEMENT)
        twin = twin_of_element(l, w, rank);
    else if (w->kind == WEB_IF)
        twin = twin_of_join(l, w, rank);
    if (twin)
        remember(l, w, twin);
    return twin;
}
