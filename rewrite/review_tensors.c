/* review_tensors.c - heads that are repeated for attention, and the tables of rotary embeddings. */
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

/* -- C8: keys and values with fewer heads -------------------------------------------------------------------------- */

/* What a chain of calls that keep the heads begins with: x of x.transpose(1, 2).contiguous(). */
static struct node *behind_layout(const struct node *fn, struct node *e) {
    for (int depth = 0; depth < 16; depth++) {
        e = review_behind(fn, e);
        if (!is_kind(e, NODE_CALL) || !is_kind(e->kid[0], NODE_ATTRIBUTE) ||
            !word_in(e->kid[0]->atom, "transpose permute contiguous to type_as"))
            return e;
        e = e->kid[0]->kid[0];
    }
    return e;
}

/* x.expand(...).reshape(...) */
static bool merges_expanded(const struct node *fn, const struct node *call) {
    if (!is_kind(call->kid[0], NODE_ATTRIBUTE) || !word_in(call->kid[0]->atom, "reshape view flatten"))
        return false;
    struct node *inner = review_behind(fn, call->kid[0]->kid[0]);
    while (is_kind(inner, NODE_CALL) && is_kind(inner->kid[0], NODE_ATTRIBUTE)) {
        if (word_in(inner->kid[0]->atom, "expand repeat"))
            return true;
        inner = word_in(inner->kid[0]->atom, "contiguous to") ? review_behind(fn, inner->kid[0]->kid[0]) : NULL;
    }
    return false;
}

/* A helper that expands and reshapes: repeat_kv, whatever it is called. */
static bool is_repeating_helper(const struct reviewer *r, const struct node *call) {
    const struct node *def =
        is_kind(call->kid[0], NODE_NAME) ? review_definition(r, call->kid[0]->atom, NODE_FUNCTION) : NULL;
    const struct node *body = def ? function_body(def) : NULL;
    for (uint32_t i = 0; body && i < body->nkids; i++) {
        struct node *value = body->kid[i]->kind == NODE_RETURN ? body->kid[i]->kid[0] : NULL;
        if (is_kind(value, NODE_CALL) && merges_expanded(def, value))
            return true;
    }
    return false;
}

static bool repeats_heads(struct reviewer *r, const struct node *fn, const struct node *e) {
    if (!is_kind(e, NODE_CALL))
        return false;
    atom name = called_name(e);
    return name &&
           (word_in(name, "repeat_interleave repeat_kv") || merges_expanded(fn, e) || is_repeating_helper(r, e));
}

static void visit_attention(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    static const char *const names[] = {"query", "key", "value"};
    atom qual = n->kind == NODE_CALL && at->fn ? review_qual(r, at->fn, n->kid[0]) : NULL;
    if (!qual || !starts_with(qual, "torch.ops.auto_deploy.torch_attention"))
        return;
    for (uint32_t i = 1; i < 3; i++) {
        struct node *given = call_argument(n, i, names[i]);
        struct node *made = given ? behind_layout(at->fn, given) : NULL;
        if (!repeats_heads(r, at->fn, made))
            continue;
        struct diag *d = review_find(r, "C8", made, "heads are repeated for attention here");
        review_help(r, d, "torch_attention takes keys and values with fewer heads than the queries");
    }
}

/* -- D1: the tables ------------------------------------------------------------------------------------------------ */

/* Whether a value is made of a cosine or sine, through the variables of the function. */
static bool is_wave(struct reviewer *r, const struct node *fn, struct node *e, int depth) {
    if (e == NULL || depth > 6)
        return false;
    if (e->kind == NODE_CALL && called_name(e) && word_in(called_name(e), "cos sin polar"))
        return true;
    if (e->kind == NODE_NAME) {
        struct node *value = review_local(fn, e->atom, e);
        return value && is_wave(r, fn, value, depth + 1);
    }
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && is_wave(r, fn, e->kid[i], depth + (e->kid[i]->kind == NODE_NAME)))
            return true;
    return false;
}

/* The class whose forward hands out tables: it indexes them by position, or returns them. A table of position vectors,
 * which is added to the tokens, is another matter. */
static bool is_rotary(struct reviewer *r, const struct node *cls) {
    const struct node *forward = cls ? review_method(r, cls, "forward") : NULL;
    const struct node *body = forward ? function_body(forward) : NULL;
    for (uint32_t i = 0; body && i < body->nkids; i++) {
        const struct node *value = body->kid[i]->kind == NODE_RETURN ? body->kid[i]->kid[0] : NULL;
        if (is_kind(value, NODE_TUPLE) && value->nkids == 2)
            return true;
    }
    return false;
}

static void visit_buffer(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind != NODE_CALL || !at->fn || !is_self_attr(n->kid[0]) || !atom_is(n->kid[0]->atom, "register_buffer"))
        return;
    const struct node *name = call_argument(n, 0, "name");
    struct node *value = call_argument(n, 1, "tensor");
    atom text = is_kind(name, NODE_STRING) ? string_value(r->unit->atoms, name) : NULL;
    if (text == NULL || value == NULL || !is_wave(r, at->fn, value, 0) || !is_rotary(r, at->cls))
        return;
    const struct node *persistent = call_argument(n, 2, "persistent");
    review_applies(r, "D1");
    if (!starts_with(text, "_ad_"))
        review_find(r, "D1", name, "the table `%s` is not called `_ad_%s`: AutoDeploy would move it to the meta device",
            text, text);
    if (!is_kind(persistent, NODE_CONST) || persistent->op != OP_FALSE)
        review_find(r, "D1", n, "the table `%s` is expected in the checkpoint: it needs persistent=False", text);
}

/* -- D2: positions ------------------------------------------------------------------------------------------------- */

struct lookup {
    const struct node *index; /* x[position_ids], of a table that the layer was given */
    bool op;                  /* a rotary embedding or an attention runs in the same function */
};

static void visit_lookup(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct lookup *lookup = user;
    if (!lookup->index && n->kind == NODE_SUBSCRIPT && is_name(n->kid[1], "position_ids") &&
        n->kid[0]->kind == NODE_NAME)
        lookup->index = n;
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    if (qual && (starts_with(qual, "torch.ops.auto_deploy.torch_rope_") ||
                    starts_with(qual, "torch.ops.auto_deploy.torch_attention") ||
                    starts_with(qual, "torch.ops.auto_deploy.torch_mla")))
        lookup->op = true;
}

static void visit_layer(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind != NODE_FUNCTION || !at->cls || at->fn)
        return;
    struct lookup lookup = {0};
    review_walk(r, n, visit_lookup, &lookup);
    if (lookup.op)
        review_applies(r, "D2");
    if (!lookup.op || !lookup.index)
        return;
    struct diag *d = review_find(r, "D2", lookup.index, "the tables are indexed by position in every layer");
    review_help(r, d, "index them once, in the forward of the rotary embedding, and hand cos and sin to the layers");
}

void review_tensors(struct reviewer *r) {
    review_walk_exported(r, visit_attention, NULL);
    review_walk_exported(r, visit_buffer, NULL);
    review_walk_exported(r, visit_layer, NULL);
}
