/* token_sizes.c - which sizes of a program are the number of tokens, and where it counts these.
 *
 * Tokens, their embeddings and the hidden states that layers hand on have the dimensions B, S and maybe more. What a
 * parameter is given follows from the only call of its function. */
#include "rewrite/token_sizes.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/facts.h"
#include "rewrite/swap.h"
#include "rewrite/tabulate.h"

enum { DEEP = 12 }; /* definitions that a length is followed through */

static bool is_input_name(struct inputs *in, atom name) {
    const struct fact *fact = fact_parameter(in->unit->facts, name);
    return fact && (atom_is(fact->id, "tokens") || atom_is(fact->id, "embeddings"));
}

bool is_scalar(const struct node *e) {
    return e->abs && (e->abs->kind == ABS_NUMBER || e->abs->kind == ABS_CONST || e->abs->kind == ABS_SYMBOLIC);
}

int rank_of_hidden(const struct node *e) {
    uint32_t rank = e->abs ? e->abs->rank : 0;
    return rank == 2 || rank == 3 ? (int)rank : 0;
}

/* Tokens, their embeddings, or what a call makes of them: dimensions B, S and maybe more. */
static bool is_input(struct inputs *in, const struct node *e, int depth);

static bool is_input_web(struct inputs *in, const struct web *w, int depth);

/* A variable that is an input before a loop, and after a turn if it was before that. */
static bool carries_input(struct inputs *in, const struct web *w, int depth) {
    if (!is_input_web(in, w->from[0], depth + 1))
        return false;
    map_put(in->unit->arena, &in->hidden, w, (void *)w);
    bool carries = is_input_web(in, w->from[1], depth + 1);
    if (!carries)
        map_put(in->unit->arena, &in->hidden, w, NULL);
    return carries;
}

/* A call of a function that makes hidden states of the hidden states that it is given first. */
static bool makes_hidden(struct inputs *in, const struct node *call, int depth) {
    struct fn *fn = call_is_single(call) && call->nkids > 1 && depth < DEEP ? call->callsite->fn : NULL;
    struct web *first = fn && call->kid[1]->kind != NODE_KEYWORD ? parameter_of(call, 1) : NULL;
    const struct node *last = first && fn->body ? only_return(fn) : NULL;
    if (last == NULL || last->kid[0] == NULL || !is_input(in, call->kid[1], depth + 1))
        return false;
    void *before = map_get(&in->hidden, first);
    map_put(in->unit->arena, &in->hidden, first, first);
    bool makes = is_input(in, last->kid[0], depth + 1);
    map_put(in->unit->arena, &in->hidden, first, before);
    return makes;
}

/* x + y of hidden states and what is as large. */
static bool adds_to_hidden(struct inputs *in, const struct node *sum, int depth) {
    for (int i = 0; i < 2; i++)
        if (rank_of_hidden(sum->kid[i]) == 3 && (is_scalar(sum->kid[1 - i]) || rank_of_hidden(sum->kid[1 - i]) == 3) &&
            is_input(in, sum->kid[i], depth + 1))
            return true;
    return false;
}

static bool is_input_web(struct inputs *in, const struct web *w, int depth) {
    if (w == NULL || depth > DEEP)
        return false;
    switch (w->kind) {
    case WEB_PARAM: return is_input_name(in, w->name) || map_get(&in->hidden, w);
    case WEB_LOOP: return map_get(&in->hidden, w) || carries_input(in, w, depth);
    case WEB_ASSIGN: return is_input(in, w->expr, depth + 1);
    case WEB_IF: return is_input_web(in, w->from[0], depth + 1) && is_input_web(in, w->from[1], depth + 1);
    default: return false;
    }
}

static bool is_input(struct inputs *in, const struct node *e, int depth) {
    if (e->kind == NODE_NAME)
        return is_input_web(in, e->web, depth);
    bool cut = e->kind == NODE_SUBSCRIPT && e->kid[1]->kind == NODE_TUPLE && e->kid[1]->nkids > 2 &&
               is_full_slice(e->kid[1]->kid[0]) && is_full_slice(e->kid[1]->kid[1]);
    if (cut) /* x[:, :, -1] */
        return is_input(in, e->kid[0], depth + 1);
    if (e->kind == NODE_BINOP && e->op == OP_MUL)
        for (int i = 0; i < 2; i++)
            if (is_scalar(e->kid[1 - i]))
                return is_input(in, e->kid[i], depth + 1);
    if (e->kind == NODE_BINOP && e->op == OP_ADD && adds_to_hidden(in, e, depth))
        return true;
    if (is_kind(e, NODE_CALL) && !e->callsite && is_kind(e->kid[0], NODE_ATTRIBUTE) &&
        word_in(e->kid[0]->atom, "to float contiguous clone detach"))
        return is_input(in, e->kid[0]->kid[0], depth + 1);
    bool embeds = e->kind == NODE_CALL && e->nkids == 2 &&
                  (e->callsite || (e->kid[0]->abs && e->kid[0]->abs->kind == ABS_OBJECT));
    return (embeds && is_input(in, e->kid[1], depth + 1)) || (e->kind == NODE_CALL && makes_hidden(in, e, depth));
}

/* How many leading dimensions of an input a tuple holds; 0 where it is no such tuple. */
static int sizes_held(struct inputs *in, const struct node *e, int depth);

static int sizes_held_by(struct inputs *in, const struct web *w, int depth) {
    if (w == NULL || depth > DEEP)
        return 0;
    if (w->kind == WEB_ASSIGN)
        return sizes_held(in, w->expr, depth + 1);
    if (w->kind != WEB_IF)
        return 0;
    int yes = sizes_held_by(in, w->from[0], depth + 1);
    return yes == sizes_held_by(in, w->from[1], depth + 1) ? yes : 0;
}

static int sizes_held(struct inputs *in, const struct node *e, int depth) {
    int upto;
    if (e->kind == NODE_NAME)
        return sizes_held_by(in, e->web, depth);
    if (e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "shape") && is_input(in, e->kid[0], depth))
        return rank_of_hidden(e->kid[0]);
    bool size =
        e->kind == NODE_CALL && e->nkids == 1 && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "size");
    if (size && is_input(in, e->kid[0]->kid[0], depth))
        return rank_of_hidden(e->kid[0]->kid[0]);
    if (e->kind != NODE_SUBSCRIPT || e->kid[1]->kind != NODE_SLICE || e->kid[1]->kid[0] || e->kid[1]->kid[2] ||
        !literal_int(e->kid[1]->kid[1], &upto))
        return 0;
    int held = sizes_held(in, e->kid[0], depth + 1);
    return held == 0 ? 0 : upto < 0 ? held + upto : upto < held ? upto : held;
}

static bool is_size(struct inputs *in, const struct node *e, int depth);

static bool is_length_web(struct inputs *in, const struct web *w, int depth) {
    if (w == NULL || depth > DEEP)
        return false;
    switch (w->kind) {
    case WEB_ASSIGN: return is_size(in, w->expr, depth + 1);
    case WEB_ELEMENT: return w->element == 1 && sizes_held(in, w->expr, depth + 1) > 1;
    case WEB_IF: return is_length_web(in, w->from[0], depth + 1) && is_length_web(in, w->from[1], depth + 1);
    default: return false;
    }
}

/* x.shape[1], x.size(1), a variable that holds it; also with a 0 added. */
static bool is_size(struct inputs *in, const struct node *e, int depth) {
    int index;
    if (depth > DEEP)
        return false;
    if (e->kind == NODE_NAME)
        return is_length_web(in, e->web, depth);
    if (e->kind == NODE_BINOP && e->op == OP_ADD)
        for (int i = 0; i < 2; i++)
            if (literal_int(e->kid[i], &index) && index == 0)
                return is_size(in, e->kid[1 - i], depth + 1);
    if (e->kind == NODE_SUBSCRIPT && literal_int(e->kid[1], &index)) {
        int held = sizes_held(in, e->kid[0], depth + 1);
        return held > 1 && (index < 0 ? held + index : index) == 1;
    }
    bool size = e->kind == NODE_CALL && e->nkids == 2 && e->kid[0]->kind == NODE_ATTRIBUTE &&
                atom_is(e->kid[0]->atom, "size") && literal_int(e->kid[1], &index);
    if (!size || !is_input(in, e->kid[0]->kid[0], depth))
        return false;
    int rank = rank_of_hidden(e->kid[0]->kid[0]);
    return index == 1 || (index < 0 && rank > 0 && rank + index == 1);
}

/* torch.arange(length), torch.arange(0, length): of integers. */
bool is_count(struct inputs *in, const struct node *e) {
    if (e->kind != NODE_CALL || !e->kid[0]->abs || e->kid[0]->abs->kind != ABS_LIBRARY ||
        strcmp(e->kid[0]->abs->qual, "torch.arange") != 0)
        return false;
    uint32_t positional = 0;
    int first;
    for (uint32_t i = 1; i < e->nkids; i++) {
        const struct node *a = e->kid[i];
        if (a->kind != NODE_KEYWORD)
            positional++;
        else if (atom_is(a->atom, "dtype") &&
                 !(a->kid[0]->kind == NODE_ATTRIBUTE && word_in(a->kid[0]->atom, "long int64")))
            return false;
        else if (!word_in(a->atom, "dtype device"))
            return false;
    }
    if (positional == 2 && !(literal_int(e->kid[1], &first) && first == 0))
        return false;
    return (positional == 1 || positional == 2) && is_size(in, e->kid[positional], 0);
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

static uint32_t calls_of(struct unit *unit, const struct fn *fn) {
    struct functions all = {0};
    uint32_t count = 0;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        count += count_calls(all.list.at[i]->body, fn, NULL);
    return count;
}

/* Whether the function, or one that it calls, has a torch.arange at all. */
static bool may_count(const struct node *n, int depth) {
    if (n == NULL || depth > DEEP)
        return false;
    if (n->kind == NODE_CALL && is_kind(n->kid[0], NODE_ATTRIBUTE) && atom_is(n->kid[0]->atom, "arange"))
        return true;
    if (n->kind == NODE_CALL && call_is_single(n) && may_count(n->callsite->fn->body, depth + 1))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (may_count(n->kid[i], depth))
            return true;
    return false;
}

bool enter_call(struct inputs *in, const struct node *call) {
    if (!call_is_single(call) || !may_count(call->callsite->fn->body, 0) || calls_of(in->unit, call->callsite->fn) != 1)
        return false;
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *arg = call->kid[i]->kind == NODE_KEYWORD ? call->kid[i]->kid[0] : call->kid[i];
        struct web *w = parameter_of(call, i);
        if (w && arg && is_input(in, arg, 0))
            map_put(in->unit->arena, &in->hidden, w, w);
    }
    return true;
}

bool is_token_count(struct inputs *in, const struct node *e) {
    return is_size(in, e, 0);
}
