/* stream.c - which values hold a vector for every token.
 *
 * Embeddings of tokens are [B, S, H], and so is what linear layers, norms and activations make of them, through
 * variables, arguments and results. A sum along S, a shift of S or a part of S lets tokens read each other, or asks
 * where in the call a token stands: with a cache there is only the last one. Whatever is not surely [B, S, H] is left
 * to the other checks. */
#include "rewrite/stream.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/facts.h"

enum { DEEP = 24 };

/* The call through which a function was entered; NULL: any of its calls. */
struct context {
    const struct unit *unit;
    const struct node *call;
    const struct fn *caller, *callee;
    const struct context *up;
};

static bool is_stream(const struct context *at, const struct fn *fn, const struct node *e, int depth);

/* Work on each number alone. */
static const char keeping[] =
    "to float half bfloat16 type_as contiguous clone detach relu silu gelu sigmoid tanh softplus "
    "exp log square pow abs neg sqrt rsqrt clamp";

/* -- where it comes from ------------------------------------------------------------------------------------------- */

static bool is_fact(const struct unit *unit, atom name, const char *id) {
    const struct fact *fact = fact_parameter(unit->facts, name);
    return fact && atom_is(fact->id, id);
}

static bool param_is_stream(const struct context *at, const struct fn *fn, const struct web *w, int depth) {
    const struct context any = {.unit = at->unit};
    if (is_fact(at->unit, w->name, "embeddings"))
        return true;
    if (at->callee == fn) {
        const struct node *argument = argument_for(at->call, fn, w);
        return argument && is_stream(at->up, at->caller, argument, depth + 1);
    }
    for (uint32_t i = 0; i < fn->calls.len; i++) {
        const struct node *argument = argument_for(fn->calls.at[i], fn, w);
        if (argument == NULL || !is_stream(&any, fn->calls.at[i]->callsite->caller, argument, depth + 1))
            return false;
    }
    return fn->calls.len > 0;
}

static bool web_is_stream(const struct context *at, const struct fn *fn, const struct web *w, int depth) {
    if (w == NULL || depth > DEEP)
        return false;
    switch (w->kind) {
    case WEB_ASSIGN: return is_stream(at, fn, w->expr, depth + 1);
    case WEB_PARAM: return param_is_stream(at, fn, w, depth);
    case WEB_LOOP: return web_is_stream(at, fn, w->from[0], depth + 1);
    case WEB_IF: return web_is_stream(at, fn, w->from[0], depth + 1) || web_is_stream(at, fn, w->from[1], depth + 1);
    default: return false;
    }
}

static bool is_tokens(const struct node *e) {
    return e->kind == NODE_NAME && e->abs && e->abs->rank == 2 && e->web;
}

/* A layer of the library keeps what its input was; an embedding makes vectors of tokens. */
static bool layer_is_stream(const struct context *at, const struct fn *fn, const struct node *call, int depth) {
    if (call->nkids != 2 || call->kid[1]->kind == NODE_KEYWORD)
        return false;
    if (qual_ends(call->kid[0]->abs->qual, "Embedding"))
        return is_tokens(call->kid[1]);
    return is_stream(at, fn, call->kid[1], depth + 1);
}

/* What a call of a function of this file returns, or the field of it. */
static bool result_is_stream(
    const struct context *at, const struct fn *fn, const struct node *call, const char *field, int depth) {
    const struct fn *callee = call->callsite->fn;
    const struct context inner = {at->unit, call, fn, callee, at};
    for (uint32_t i = 0; i < callee->returns.len; i++) {
        const struct node *value = callee->returns.at[i]->kid[0];
        if (value && field)
            value = value->kind == NODE_CALL ? call_argument(value, UINT32_MAX, field) : NULL;
        if (value == NULL || !is_stream(&inner, callee, value, depth + 1))
            return false;
    }
    return callee->returns.len > 0 && call->callsite->also == NULL;
}

static bool field_is_stream(const struct context *at, const struct fn *fn, const struct node *e, int depth) {
    const struct node *of = e->kid[0];
    if (of->kind == NODE_NAME && of->web && of->web->kind == WEB_ASSIGN)
        of = of->web->expr;
    return of->kind == NODE_CALL && of->callsite && result_is_stream(at, fn, of, e->atom, depth);
}

static bool call_is_stream(const struct context *at, const struct fn *fn, const struct node *call, int depth) {
    const struct node *callee = call->kid[0];
    if (call->callsite)
        return result_is_stream(at, fn, call, NULL, depth);
    if (callee->abs && callee->abs->kind == ABS_OBJECT)
        return layer_is_stream(at, fn, call, depth);
    if (callee->kind != NODE_ATTRIBUTE)
        return false;
    bool norm = word_in(callee->atom, "torch_rmsnorm torch_l2norm layer_norm rms_norm linear normalize zeros_like");
    bool library = norm || (callee->abs && callee->abs->kind == ABS_LIBRARY);
    bool keeps = norm || word_in(callee->atom, keeping);
    return keeps && (library ? call->nkids > 1 && is_stream(at, fn, call->kid[1], depth + 1)
                             : is_stream(at, fn, callee->kid[0], depth + 1));
}

static bool is_stream(const struct context *at, const struct fn *fn, const struct node *e, int depth) {
    const struct absval *a = e ? e->abs : NULL; /* NULL too for what an equation has made */
    if (e == NULL || depth > DEEP || (a && a->kind != ABS_TENSOR && a->kind != ABS_TOP) ||
        (a && rank_known(a->rank) && a->rank != 3))
        return false;
    switch (e->kind) {
    case NODE_NAME: return web_is_stream(at, fn, e->web, depth);
    case NODE_BINOP:
        return e->op != OP_MATMUL &&
               (is_stream(at, fn, e->kid[0], depth + 1) || is_stream(at, fn, e->kid[1], depth + 1));
    case NODE_CALL: return call_is_stream(at, fn, e, depth);
    case NODE_ATTRIBUTE: return field_is_stream(at, fn, e, depth);
    default: return false;
    }
}

/* -- what is done along S ------------------------------------------------------------------------------------------ */

/* x.mean(1), x.mean(dim=(0, 1)), x.max() */
static bool reduces_tokens(const struct node *dim) {
    int number;
    if (dim == NULL || is_none(dim))
        return true;
    for (uint32_t i = 0; dim->kind == NODE_TUPLE && i < dim->nkids; i++)
        if (reduces_tokens(dim->kid[i]))
            return true;
    return literal_int(dim, &number) && (number == 1 || number == -2 || number == 0);
}

/* F.pad(x, (last, last, S, S)) */
static bool pads_tokens(const struct node *widths) {
    int number;
    if (widths == NULL || (widths->kind != NODE_TUPLE && widths->kind != NODE_LIST))
        return false;
    for (uint32_t i = 2; i < widths->nkids && i < 4; i++)
        if (!literal_int(widths->kid[i], &number) || number != 0)
            return true;
    return false;
}

static bool is_last(const struct node *dim) {
    int number;
    return dim && literal_int(dim, &number) && (number == -1 || number == 2);
}

/* A call of a method of a tensor, or of a function of the library on one. */
struct operation {
    const char *name;
    const struct node *x, *dim, *keepdim;
    bool library;
};

static bool operation_of(const struct node *call, struct operation *out) {
    const struct node *callee = call->kid[0];
    if (callee->kind != NODE_ATTRIBUTE || call->callsite || (callee->abs && callee->abs->kind == ABS_OBJECT))
        return false;
    bool library = callee->abs && callee->abs->kind == ABS_LIBRARY;
    bool powers = atom_is(callee->atom, "norm"); /* of which the first argument is p */
    uint32_t first = (uint32_t)library + powers;
    *out = (struct operation){callee->atom, library ? call->nkids > 1 ? call->kid[1] : NULL : callee->kid[0],
        call_argument(call, first, "dim"), call_argument(call, first + 1, "keepdim"), library};
    return out->x != NULL;
}

static const char reductions[] = "mean sum std var max min amax amin softmax norm prod logsumexp argmax argmin";

/* [B, S]: a number for every token, such as what is left of a stream when its vectors are reduced. */
static bool is_numbers(const struct context *at, const struct fn *fn, const struct node *e, int depth) {
    struct operation op;
    if (e == NULL || depth > DEEP || (e->abs && rank_known(e->abs->rank) && e->abs->rank != 2))
        return false;
    switch (e->kind) {
    case NODE_NAME: return e->web && e->web->kind == WEB_ASSIGN && is_numbers(at, fn, e->web->expr, depth + 1);
    case NODE_BINOP:
        return e->op != OP_MATMUL &&
               (is_numbers(at, fn, e->kid[0], depth + 1) || is_numbers(at, fn, e->kid[1], depth + 1));
    case NODE_CALL:
        if (!operation_of(e, &op))
            return false;
        if (word_in(op.name, reductions) && !atom_is(op.name, "softmax"))
            return is_last(op.dim) && (op.keepdim == NULL || is_none(op.keepdim)) && is_stream(at, fn, op.x, depth + 1);
        if (atom_is(op.name, "squeeze"))
            return is_last(op.dim) && is_stream(at, fn, op.x, depth + 1);
        return word_in(op.name, keeping) && is_numbers(at, fn, op.x, depth + 1);
    default: return false;
    }
}

/* Take, move or order parts along a dimension, which is their first argument or their second. */
static const char by_first[] = "flip sort argsort select narrow index_select gather take_along_dim scatter scatter_add "
                               "index_add index_copy unfold unbind cummax cummin";
static const char by_second[] = "roll topk chunk split split_with_sizes tensor_split diff";

/* The dimensions that such an operation works along; NULL where it does not say. */
static const struct node *along(const struct node *call, const struct operation *op) {
    bool second = word_in(op->name, by_second), dims = word_in(op->name, "flip roll");
    return call_argument(call, (uint32_t)op->library + second, dims ? "dims" : "dim");
}

/* [B, H, S]: a stream whose last two dimensions have changed places. */
static bool is_turned(const struct context *at, const struct fn *fn, const struct node *e, int depth) {
    struct operation op;
    int a, b;
    if (e == NULL || depth > DEEP)
        return false;
    if (e->kind == NODE_NAME)
        return e->web && e->web->kind == WEB_ASSIGN && is_turned(at, fn, e->web->expr, depth + 1);
    if (e->kind == NODE_ATTRIBUTE)
        return atom_is(e->atom, "mT") && is_stream(at, fn, e->kid[0], depth + 1);
    if (e->kind == NODE_BINOP)
        return e->op != OP_MATMUL &&
               (is_turned(at, fn, e->kid[0], depth + 1) || is_turned(at, fn, e->kid[1], depth + 1));
    if (e->kind != NODE_CALL || !operation_of(e, &op))
        return false;
    if (word_in(op.name, keeping))
        return is_turned(at, fn, op.x, depth + 1);
    uint32_t first = 1 + (uint32_t)op.library;
    bool swaps = word_in(op.name, "transpose swapaxes") && e->nkids == first + 2 && literal_int(e->kid[first], &a) &&
                 literal_int(e->kid[first + 1], &b) && (a + 3) % 3 + (b + 3) % 3 == 3 && a != 0 && b != 0;
    bool orders = atom_is(op.name, "permute") && e->nkids == first + 3 && literal_int(e->kid[first + 1], &a) &&
                  a == 2 && literal_int(e->kid[first + 2], &b) && b == 1;
    return (swaps || orders) && is_stream(at, fn, op.x, depth + 1);
}

static const char *call_mixes(const struct context *at, const struct fn *fn, const struct node *call) {
    struct operation op;
    if (!operation_of(call, &op))
        return NULL;
    if (op.library && atom_is(op.name, "pad"))
        return pads_tokens(call_argument(call, 1, "pad")) && is_stream(at, fn, op.x, 0) ? op.name : NULL;
    if (word_in(op.name, by_first) || word_in(op.name, by_second)) {
        const struct node *dims = along(call, &op);
        return dims && reduces_tokens(dims) && is_stream(at, fn, op.x, 0) ? op.name : NULL;
    }
    if (word_in(op.name, "matmul bmm")) {
        const struct node *second = op.library        ? call->nkids > 2 ? call->kid[2] : NULL
                                    : call->nkids > 1 ? call->kid[1]
                                                      : NULL;
        return second && is_stream(at, fn, second, 0) ? op.name : NULL;
    }
    if (!word_in(op.name, reductions))
        return NULL;
    bool mixes = reduces_tokens(op.dim)
                     ? is_stream(at, fn, op.x, 0) || is_numbers(at, fn, op.x, 0)
                     : is_last(op.dim) && (is_numbers(at, fn, op.x, 0) || is_turned(at, fn, op.x, 0));
    return mixes ? op.name : NULL;
}

bool splits_tokens(const struct unit *unit, const struct fn *fn, const struct node *e) {
    const struct context any = {.unit = unit};
    struct operation op;
    if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN)
        e = e->web->expr;
    return e->kind == NODE_CALL && operation_of(e, &op) &&
           word_in(op.name, "split split_with_sizes tensor_split unbind") && reduces_tokens(along(e, &op)) &&
           is_stream(&any, fn, op.x, 0);
}

/* x[:, :], x[:, 0:] and x[:, -0:] take all of it. */
static bool takes_all(const struct node *slice) {
    bool start = slice->kind == NODE_SLICE && !slice->kid[1] && !slice->kid[2];
    return is_full_slice(slice) || (start && is_int(slice->kid[0], 0));
}

/* x[:, 1:], x[:, -1] */
static const char *subscript_mixes(const struct context *at, const struct fn *fn, const struct node *e) {
    const struct node *index = e->kid[1];
    const struct node *along = index->kind == NODE_TUPLE && index->nkids > 1 ? index->kid[1] : NULL;
    if (along == NULL || !is_full_slice(index->kid[0]) || takes_all(along) ||
        (along->kind != NODE_SLICE && along->kind != NODE_NUMBER && along->kind != NODE_UNARYOP))
        return NULL;
    return is_stream(at, fn, e->kid[0], 0) ? "[:, ...]" : NULL;
}

/* a @ x contracts the S of x. */
static const char *product_mixes(const struct context *at, const struct fn *fn, const struct node *e) {
    return e->op == OP_MATMUL && is_stream(at, fn, e->kid[1], 0) ? "@" : NULL;
}

const char *mixes_along(const struct unit *unit, const struct fn *fn, const struct node *e) {
    const struct context any = {.unit = unit};
    if (e->kind == NODE_BINOP)
        return product_mixes(&any, fn, e);
    return e->kind == NODE_CALL        ? call_mixes(&any, fn, e)
           : e->kind == NODE_SUBSCRIPT ? subscript_mixes(&any, fn, e)
                                       : NULL;
}
