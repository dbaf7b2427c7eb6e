/* expert_choice.c - whether the experts that a token chose are different ones, as torch.topk chooses them.
 *
 * Where a source writes rows, or counts by scattering ones, an expert that a token chose twice would count once. */
#include "base/text.h"
#include "rewrite/expert_loop.h"
#include "rewrite/swap.h"

enum { DEPTH = 16 };

static bool web_is_distinct(const struct web *w, int depth);

/* Element `i` of what a call returns. */
static bool element_is_distinct(const struct node *call, uint32_t i, int depth) {
    if (is_topk(call))
        return i == 1;
    if (!is_kind(call, NODE_CALL) || !call_is_single(call) || depth > DEPTH)
        return false;
    const struct fn *fn = call->callsite->fn;
    const struct node *last = fn->body ? only_return(fn) : NULL;
    return last && is_kind(last->kid[0], NODE_TUPLE) && i < last->kid[0]->nkids &&
           choices_are_distinct(last->kid[0]->kid[i], depth + 1);
}

bool choices_are_distinct(const struct node *e, int depth) {
    static const char same[] = "to type long int contiguous detach clone";
    if (depth > DEPTH)
        return false;
    if (is_kind(e, NODE_NAME))
        return e->web && web_is_distinct(e->web, depth + 1);
    if (is_kind(e, NODE_SUBSCRIPT) && is_kind(e->kid[1], NODE_NUMBER))
        return atom_is(e->kid[1]->atom, "1") && element_is_distinct(assigned_value(e->kid[0]), 1, depth + 1);
    if (is_kind(e, NODE_ATTRIBUTE))
        return atom_is(e->atom, "indices") && is_topk(assigned_value(e->kid[0]));
    bool method = is_kind(e, NODE_CALL) && is_kind(e->kid[0], NODE_ATTRIBUTE);
    return method && word_in(e->kid[0]->atom, same) && choices_are_distinct(e->kid[0]->kid[0], depth + 1);
}

static bool web_is_distinct(const struct web *w, int depth) {
    switch (w->kind) {
    case WEB_ASSIGN: return w->expr && choices_are_distinct(w->expr, depth);
    case WEB_ELEMENT: return w->expr && element_is_distinct(assigned_value(w->expr), w->element, depth);
    case WEB_IF: {
        bool known = w->from[0] || w->from[1];
        for (int i = 0; i < 2; i++) /* a branch that does not bind it is not followed by a read */
            known = known && (w->from[i] == NULL || web_is_distinct(w->from[i], depth + 1));
        return known;
    }
    default: return false;
    }
}
