/* spec_chosen.c - a choice of the best keys that takes all of them.
 *
 *     scores = scores + attention_mask
 *     chosen = scores.topk(min(self.index_topk, scores.shape[-1]), dim=-1).indices
 *     unchosen = torch.ones_like(scores, dtype=torch.bool).scatter(-1, chosen, False)
 *
 * An indexer ranks the keys by scores of its own, and attention sees the best K. Where there are no more than K, topk
 * returns the number of every key once, in some order; what is written at all these places is written everywhere, and
 * nothing is masked. So the result of topk carries K as the limit under which it takes all keys (absval.h), through
 * calls, branches and layers; under `--assume short-context` spec_mask.c reads what is scattered with it.
 *
 * That it is keys that are counted follows from the scores: they were joined, element by element, with a mask, whose
 * last dimension is the keys. */
#include <string.h>

#include "base/text.h"
#include "parser/literal.h"
#include "rewrite/spec.h"

enum { DEPTH = 16 };

static bool spans_keys(const struct node *e, int depth);

static bool variable_spans_keys(const struct web *w, int depth) {
    if (depth > DEPTH)
        return false;
    if (abs_is_mask(w->abs))
        return true;
    if (w->kind == WEB_IF)
        return w->from[0] && w->from[1] && variable_spans_keys(w->from[0], depth + 1) &&
               variable_spans_keys(w->from[1], depth + 1);
    return w->kind == WEB_ASSIGN && w->expr && spans_keys(w->expr, depth + 1);
}

/* Of operands that are broadcast against each other, one that spans the keys makes the result do so. */
static bool any_spans_keys(const struct node *e, uint32_t from, int depth) {
    for (uint32_t i = from; i < e->nkids; i++)
        if (spans_keys(e->kid[i], depth + 1))
            return true;
    return false;
}

/* Whether the last dimension of a tensor is the keys: that of a mask, or of what a mask was joined with. */
static bool spans_keys(const struct node *e, int depth) {
    static const char alike[] = "to float half bfloat16 double type contiguous clone detach";
    if (e == NULL || depth > DEPTH)
        return false;
    if (abs_is_mask(e->abs))
        return true;
    switch (e->kind) {
    case NODE_NAME: return e->web && variable_spans_keys(e->web, depth + 1);
    case NODE_BINOP: return (e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL) && any_spans_keys(e, 0, depth);
    case NODE_CALL: {
        const struct node *callee = e->kid[0];
        if (callee->kind != NODE_ATTRIBUTE || e->callsite)
            return false;
        if (word_in(callee->atom, alike))
            return spans_keys(callee->kid[0], depth + 1);
        bool joins = word_in(callee->atom, "masked_fill where add");
        return joins && (any_spans_keys(e, 1, depth) || spans_keys(callee->kid[0], depth + 1));
    }
    default: return false;
    }
}

/* scores.shape[-1], scores.size(-1) */
static bool counts_keys(const struct node *e) {
    e = defined_by(e);
    bool size =
        e->kind == NODE_CALL && e->nkids == 2 && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "size");
    bool shape = e->kind == NODE_SUBSCRIPT && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "shape");
    int dim;
    return (size || shape) && literal_int(e->kid[1], &dim) && dim == -1 && spans_keys(e->kid[0]->kid[0], 0);
}

/* K of min(K, number of keys), in either order; NULL where that is not what the expression says. */
static struct node *limit_in(struct frame *f, const struct node *e) {
    e = defined_by(e);
    const struct absval *callee = e->kind == NODE_CALL && e->nkids == 3 ? e->kid[0]->abs : NULL;
    if (callee == NULL || callee->kind != ABS_LIBRARY || !atom_is(callee->qual, "builtins.min"))
        return NULL;
    for (uint32_t i = 1; i <= 2; i++) {
        struct node *limit = abs_symbol(f->unit, e->kid[i]->abs);
        if (limit && counts_keys(e->kid[3 - i]))
            return limit;
    }
    return NULL;
}

const struct fact *assumed_to_take_all(const struct unit *unit) {
    const struct fact *fact = unit->options.assume ? fact_assumption(unit->facts, unit->options.assume) : NULL;
    return fact && fact->effect == EFFECT_TAKES_ALL ? fact : NULL;
}

const struct absval *topk_abs(
    struct frame *f, const struct val *x, const struct args *args, uint32_t first, struct node *at) {
    struct absval *pair = abs_new(f->unit, ABS_SEQ);
    pair->element = abs_tensor(f->unit, x->abs->rank);
    const struct arg *k = arg_find(args, first, "k"), *dim = arg_find(args, first + 1, "dim");
    long last;
    bool of_last = dim == NULL || (dim->form == ARG_VALUE && abs_int(dim->val.abs, &last) && last == -1);
    if (args->open || !of_last || k == NULL || k->form != ARG_VALUE || at == NULL)
        return pair;
    struct node *scores = val_expr(f, x);
    struct node *limit = spans_keys(scores, 0) ? limit_in(f, val_expr(f, &k->val)) : NULL;
    if (limit == NULL)
        return pair;
    pair->limit = limit;
    const struct fact *fact = assumed_to_take_all(f->unit);
    if (fact)
        account_fact(f->unit, fact, at, f->fn);
    return pair;
}

const struct absval *sequence_item(struct unit *unit, const struct absval *sequence, long index) {
    if (sequence->limit == NULL || (index != 1 && index != -1))
        return sequence->element;
    struct absval *indices = abs_new(unit, ABS_TENSOR);
    *indices = *sequence->element;
    indices->limit = sequence->limit;
    return indices;
}

/* x.to(torch.int64) and the like: the numbers of keys stay what they are. */
static bool is_wide_integer(const struct args *args) {
    const struct absval *a =
        args->list.len == 1 && args->list.at[0].form == ARG_VALUE ? args->list.at[0].val.abs : NULL;
    return a && a->kind == ABS_LIBRARY &&
           (qual_ends(a->qual, "torch.int32") || qual_ends(a->qual, "torch.int64") || qual_ends(a->qual, "torch.int") ||
               qual_ends(a->qual, "torch.long"));
}

/* x.unsqueeze(1), where the last dimension stays the last. */
static bool puts_before_last(const struct absval *x, const struct args *args) {
    long dim;
    const struct arg *a = arg_find(args, 0, "dim");
    return a && abs_int(a->val.abs, &dim) && dim != -1 && (dim < 0 || (rank_known(x->rank) && dim < (long)x->rank));
}

bool keeps_choice(const struct absval *x, atom method, const struct args *args) {
    return word_in(method, "long int contiguous clone detach") || (atom_is(method, "to") && is_wide_integer(args)) ||
           (atom_is(method, "unsqueeze") && puts_before_last(x, args));
}

const struct absval *still_chosen(struct unit *unit, const struct absval *x, const struct absval *result) {
    if (x->limit == NULL || x->kind != ABS_TENSOR || result->kind != ABS_TENSOR)
        return result;
    struct absval *a = abs_new(unit, ABS_TENSOR);
    *a = *result;
    a->rank = result->rank ? result->rank : x->rank; /* what adds a dimension says so */
    a->limit = x->limit;
    return a;
}

bool is_settled(const struct absval *a) {
    return abs_is_mask(a) || (a->kind == ABS_TENSOR && a->limit != NULL);
}

bool chooses_all(const struct unit *unit, const struct node *index) {
    return index->abs && index->abs->kind == ABS_TENSOR && index->abs->limit && assumed_to_take_all(unit);
}

void note_limit(struct unit *unit, struct node *limit) {
    for (uint32_t i = 0; i < unit->limits.len; i++)
        if (node_equal(unit->limits.at[i], limit))
            return;
    vec_push(unit->arena, &unit->limits, limit);
}
