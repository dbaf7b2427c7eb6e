/* spec_lengths.c - tests of whether there are as many queries as keys.
 *
 *     if attention_mask is None and q.shape[2] == k.shape[2]:
 *         context = scaled_dot_product_attention(q, k, v, is_causal=True)
 *
 * The third dimension of the arguments of an attention is its length. Without a cache the keys are those of the tokens
 * of this call, as many as queries; the other branch is for a step that has a cache. */
#include "rewrite/spec.h"

/* The variable of which `e` is the length: x.shape[2], x.size(-2). */
static const struct node *length_of(const struct node *e) {
    int index;
    bool size =
        e->kind == NODE_CALL && e->nkids == 2 && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "size");
    bool shape = e->kind == NODE_SUBSCRIPT && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "shape");
    if (!(size || shape) || !literal_int(e->kid[1], &index) || (index != 2 && index != -2))
        return NULL;
    const struct node *of = e->kid[0]->kid[0];
    return of->kind == NODE_NAME ? of : NULL;
}

/* Whether a part of the source calls scaled_dot_product_attention on both. */
static bool attends(const struct node *n, atom query, atom key) {
    if (n == NULL)
        return false;
    bool call = n->kind == NODE_CALL && n->nkids > 3 && is_kind(n->kid[0], NODE_ATTRIBUTE) &&
                atom_is(n->kid[0]->atom, "scaled_dot_product_attention");
    if (call && n->kid[1]->kind == NODE_NAME && n->kid[1]->atom == query && n->kid[2]->kind == NODE_NAME &&
        n->kid[2]->atom == key)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (attends(n->kid[i], query, key))
            return true;
    return false;
}

static bool is_rank4(struct frame *f, const struct node *name) {
    const struct val *v = map_get(&f->env, name->atom);
    return v && v->abs->kind == ABS_TENSOR && v->abs->rank == 4;
}

bool compares_lengths(struct frame *f, const struct node *stmt) {
    const struct node *test = stmt->kid[0];
    if (test->kind == NODE_BOOLOP && test->op == OP_AND && test->nkids == 2 &&
        abs_truth(eval(f, test->kid[0]).abs) == 1)
        test = test->kid[1];
    if (test->kind != NODE_COMPARE || test->nkids != 2 || test->ops[0] != OP_EQ)
        return false;
    const struct node *query = length_of(test->kid[0]), *key = length_of(test->kid[1]);
    if (!query || !key || !is_rank4(f, query) || !is_rank4(f, key))
        return false;
    return attends(stmt->kid[1], query->atom, key->atom) || attends(stmt->kid[1], key->atom, query->atom);
}
