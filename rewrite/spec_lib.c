/* spec_lib.c - calls of what is not in the file: builtins, torch, tensor methods, library modules, and whatever a fact
 * of rules/prefill.yaml says about the rest. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/library.h"
#include "rewrite/rules.h"
#include "rewrite/spec.h"

const struct arg *arg_find(const struct args *args, uint32_t position, const char *keyword) {
    uint32_t seen = 0;
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        if (a->keyword ? keyword && atom_is(a->keyword, keyword) : seen++ == position)
            return a;
    }
    return NULL;
}

/* -- facts --------------------------------------------------------------------------------------------------------- */

/* The mask that a configuration asks for. */
static const struct absval *mask_of(struct frame *f, enum effect effect, const struct arg *config) {
    struct unit *unit = f->unit;
    struct absval *m = abs_new(unit, ABS_MASK);
    m->rank = 4;
    m->mask = NEW(unit->arena, struct mask);
    m->mask->shape = effect == EFFECT_MASK_BIDIRECTIONAL ? MASK_BIDIRECTIONAL : MASK_CAUSAL;
    struct node *symbol = config ? abs_symbol(unit, config->val.abs) : NULL;
    if (symbol == NULL)
        symbol = make_name(unit->arena, intern(unit->atoms, "config"));
    if (effect == EFFECT_MASK_WINDOW)
        m->mask->window = make_attr(unit->arena, symbol, intern(unit->atoms, "sliding_window"));
    if (effect == EFFECT_MASK_CHUNKED)
        m->mask->chunk = make_attr(unit->arena, symbol, intern(unit->atoms, "attention_chunk_size"));
    return m;
}

/* Whether a mask is given something that makes it more than its name says. */
static bool mask_is_changed(const struct args *args) {
    const char *const changes[] = {"or_mask_function", "and_mask_function", "block_sequence_ids"};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct arg *a = arg_find(args, UINT32_MAX, changes[i]);
        if (a && !abs_is_none(a->val.abs))
            return true;
    }
    return false;
}

/* The window of keys up to the query's own, where `reach` counts those before it: a positive number, or maybe None. */
static struct node *window_of_reach(struct unit *unit, struct node *reach, bool surely) {
    struct node *window = node_make(unit->arena, NODE_BINOP, NULL, 2, node_copy(unit->arena, reach),
        make_number(unit->arena, intern(unit->atoms, "1")));
    window->op = OP_ADD;
    return surely ? window
                  : node_make(unit->arena, NODE_IFEXP, NULL, 3, reach, window, make_const(unit->arena, OP_NONE));
}

static const struct absval *mask_abs(struct frame *f, enum effect effect, const struct args *args) {
    if (mask_is_changed(args))
        return abs_simple(ABS_TENSOR);
    const struct absval *m = mask_of(f, effect, arg_find(args, 0, "config"));
    const struct arg *window = arg_find(args, UINT32_MAX, "sliding_window");
    if (effect == EFFECT_MASK_REACH && window && !abs_is_none(window->val.abs)) {
        struct node *reach = abs_symbol(f->unit, window->val.abs);
        if (reach == NULL)
            return abs_simple(ABS_TENSOR);
        m->mask->window = window_of_reach(f->unit, reach, abs_not_none(window->val.abs));
    }
    return m;
}

static struct val record_of(struct frame *f, atom qual, const struct args *args, struct node *call) {
    struct unit *unit = f->unit;
    struct absval *r = abs_new(unit, ABS_RECORD);
    const char *dot = strrchr(qual, '.');
    r->qual = intern(unit->atoms, dot ? dot + 1 : qual);
    r->item = NEW_ARRAY(unit->arena, struct val, args->list.len + 1);
    r->key = NEW_ARRAY(unit->arena, atom, args->list.len + 1);
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        if (a->keyword == NULL || abs_is_none(a->val.abs))
            continue;
        r->key[r->count] = a->keyword;
        r->item[r->count++] = a->val;
    }
    return val_make(r, call);
}

/* Of the call one argument is left. */
static void account_arguments(struct frame *f, const struct node *call, const struct arg *kept, reason because) {
    account_through(f->unit, call, because);
    for (uint32_t i = 0; call && i < call->nkids; i++)
        if (call->kid[i] != kept->node)
            account_decided(f->unit, call->kid[i], because);
}

/* g(function, ..., a, b) as function(a, b), whose arguments are those of g from `first` on. */
static bool applied(struct frame *f, const struct args *args, uint32_t first, struct node *at, struct val *result) {
    struct args rest = {0};
    if (args->open || args->list.len <= first || args->list.at[0].keyword)
        return false;
    for (uint32_t i = first; i < args->list.len; i++) {
        if (args->list.at[i].form != ARG_VALUE)
            return false;
        vec_push(f->unit->arena, &rest.list, args->list.at[i]);
    }
    *result = call_value(f, args->list.at[0].val, &rest, at);
    return true;
}

/* self.x, where the constructor has made that a parameter. */
static bool is_own_parameter(const struct arg *a) {
    const struct node *e = a ? a->val.expr : NULL;
    const struct absval *object = is_kind(e, NODE_ATTRIBUTE) ? e->kid[0]->abs : NULL;
    const struct attr *attr = object && object->kind == ABS_INSTANCE ? class_attr(object->cls, e->atom) : NULL;
    const struct node *made = attr && attr->stores == 1 ? attr->expr : NULL;
    return is_kind(made, NODE_CALL) && made->kid[0]->abs && made->kid[0]->abs->kind == ABS_LIBRARY &&
           qual_ends(made->kid[0]->abs->qual, "nn.Parameter");
}

static bool apply_fact(struct frame *f, const struct fact *fact, atom qual, struct val callee, struct args *args,
    struct node *at, struct val *result) {
    struct unit *unit = f->unit;
    struct absval *a;
    account_fact(unit, fact, at, f->fn);
    switch (fact->effect) {
    case EFFECT_VALUE:
        *result = val_make(
            abs_decided(unit, abs_const(unit, fact->value), fact->number), node_copy(unit->arena, fact->value));
        return true;
    case EFFECT_ARGUMENT: {
        const struct arg *arg = arg_find(args, fact->argument, fact->keyword);
        if (arg == NULL)
            return false;
        account_arguments(f, at, arg, fact->number);
        *result = (struct val){.abs = arg->val.abs, .expr = val_expr(f, &arg->val), .web = arg->val.web};
        return true;
    }
    case EFFECT_APPLIES: return applied(f, args, fact->argument, at, result);
    case EFFECT_MASK_CAUSAL:
    case EFFECT_MASK_WINDOW:
    case EFFECT_MASK_REACH:
    case EFFECT_MASK_CHUNKED:
    case EFFECT_MASK_BIDIRECTIONAL:
        if (fact->effect == EFFECT_MASK_CHUNKED && assumed_to_take_all(unit))
            account_fact(unit, assumed_to_take_all(unit), at, f->fn);
        *result = val_make(
            abs_decided(unit, mask_abs(f, fact->effect, args), fact->number), build_call(f, callee.expr, args, at));
        return true;
    case EFFECT_MASKS:
        return !mask_is_changed(args) &&
               layer_masks(f, arg_find(args, 0, "config"), fact, build_call(f, callee.expr, args, at), mask_of, result);
    case EFFECT_FILLS:
        if (!is_own_parameter(arg_find(args, 0, "tensor")))
            return false; /* it may be a buffer, which the checkpoint may not hold */
        *result = val_decided(f, OP_NONE, fact->number);
        return true;
    case EFFECT_DROP: *result = val_decided(f, OP_NONE, fact->number); return true;
    case EFFECT_RECORD: *result = record_of(f, qual, args, build_call(f, callee.expr, args, at)); return true;
    case EFFECT_TENSOR: *result = val_make(abs_simple(ABS_TENSOR), build_call(f, callee.expr, args, at)); return true;
    case EFFECT_NONES:
        a = abs_new(unit, ABS_SEQ);
        a->element = abs_decided(unit, abs_none(unit), fact->number);
        *result = val_make(a, build_call(f, callee.expr, args, at));
        return true;
    case EFFECT_OBJECT:
    case EFFECT_CLASS:
        a = abs_new(unit, ABS_OBJECT);
        a->qual = qual;
        *result = val_make(a, build_call(f, callee.expr, args, at));
        return true;
    default: return false;
    }
}

/* -- torch --------------------------------------------------------------------------------------------------------- */

static uint32_t rank_of_arg(const struct args *args, uint32_t i) {
    const struct arg *a = arg_find(args, i, NULL);
    bool ranked = a && (a->val.abs->kind == ABS_TENSOR || a->val.abs->kind == ABS_MASK || a->val.abs->kind == ABS_TOP);
    return ranked ? a->val.abs->rank : 0;
}

/* A number, which is broadcast to whatever rank another argument has. */
static bool is_number_arg(const struct args *args, uint32_t i) {
    const struct arg *a = arg_find(args, i, NULL);
    return a && (a->val.abs->kind == ABS_NUMBER || a->val.abs->kind == ABS_SYMBOLIC ||
                    (a->val.abs->kind == ABS_CONST && a->val.abs->constant->kind == NODE_NUMBER));
}

/* How many sizes the positional arguments from `from` on are; 0 where that is not known. */
static uint32_t rank_of_sizes(const struct args *args, uint32_t from) {
    uint32_t count = 0, seen = 0;
    const struct absval *only = NULL;
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        if (a->keyword || a->form == ARG_STARSTAR || seen++ < from)
            continue;
        only = count == 0 && a->form == ARG_VALUE ? a->val.abs : NULL;
        if (a->form == ARG_STAR && (a->val.abs->kind != ABS_SHAPE || a->val.abs->rank == 0))
            return 0;
        count += a->form == ARG_STAR ? a->val.abs->rank : 1;
    }
    if (only == NULL)
        return count;
    if (only->kind == ABS_SHAPE)
        return only->rank;
    if (only->kind == ABS_TUPLE || only->kind == ABS_LIST)
        return only->count;
    bool may_be_several = only->kind == ABS_TOP || only->kind == ABS_NOTNONE || only->kind == ABS_SEQ;
    return may_be_several ? 0 : 1;
}

/* torch.ones(n): a size where nothing says that it is several. */
static uint32_t rank_of_vector(const struct args *args) {
    const struct absval *a = args->list.at[0].val.abs;
    return a->kind == ABS_SHAPE || a->kind == ABS_TUPLE || a->kind == ABS_LIST ? rank_of_sizes(args, 0) : 1;
}

/* Methods and functions that keep the rank of their first tensor. */
static const char keeps_rank[] =
    "to float half bfloat16 type type_as double contiguous clone detach transpose permute softmax log_softmax sigmoid "
    "tanh relu silu gelu softplus exp log sqrt rsqrt pow square abs neg cos sin clamp clamp_min clamp_max clip "
    "masked_fill scatter scatter_add gather cumsum tril triu roll flip softcap mul add sub div repeat_interleave "
    "dropout layer_norm rms_norm normalize zeros_like ones_like empty_like full_like rand_like where cat concat "
    "polar lerp addcmul nan_to_num round floor swapaxes movedim index_select masked_scatter expand_as sort_values "
    "cpu cuda bool view_as reciprocal mean_keepdim conv1d pad";
static const char gives_sequence[] = "split chunk unbind tensor_split split_with_sizes meshgrid sort aminmax";
static const char gives_number[] = "item numel dim element_size get_device stride";

static bool int_argument(const struct args *args, uint32_t position, const char *keyword, long absent, long *value) {
    const struct arg *a = arg_find(args, position, keyword);
    *value = absent;
    return a == NULL || (a->form == ARG_VALUE && abs_int(a->val.abs, value));
}

/* The rank of x.flatten(start, end); `first` is the position of `start` among the arguments. */
static uint32_t rank_of_flatten(const struct args *args, uint32_t rank, uint32_t first) {
    long start, end;
    if (!rank_known(rank) || !int_argument(args, first, "start_dim", 0, &start) ||
        !int_argument(args, first + 1, "end_dim", -1, &end))
        return 0;
    start += start < 0 ? (long)rank : 0;
    end += end < 0 ? (long)rank : 0;
    return start < 0 || end < start || end >= (long)rank ? 0 : rank - (uint32_t)(end - start);
}

/* Batched products broadcast: the longer of both ranks. */
static uint32_t rank_of_product(uint32_t a, uint32_t b) {
    if (a == b)
        return a;
    return rank_known(a) > 1 && rank_known(b) > 1 ? (a > b ? a : b) : 0;
}

/* What a function returns that is also a method; its arguments but for the tensor start at position `first`. */
static uint32_t rank_of_result(const char *name, const struct args *args, uint32_t rank, uint32_t first) {
    if (strcmp(name, "flatten") == 0)
        return rank_of_flatten(args, rank, first);
    if (strcmp(name, "repeat") == 0) {
        uint32_t sizes = rank_of_sizes(args, first);
        return sizes > 0 && rank_known(rank) > 0 ? (sizes > rank ? sizes : rank) : 0;
    }
    long dim;
    bool reduces = strcmp(name, "select") == 0 || (word_in(name, "mean sum amax amin var argmax argmin") &&
                                                      arg_find(args, first + 1, "keepdim") == NULL);
    bool one_dim = arg_find(args, first, "dim") != NULL && int_argument(args, first, "dim", 0, &dim);
    return reduces && one_dim && rank_known(rank) > 1 ? rank - 1 : 0;
}

static const struct absval *torch_result(
    struct frame *f, const char *name, const struct args *args, uint32_t receiver, uint32_t first) {
    struct unit *unit = f->unit;
    if (word_in(name, gives_sequence)) {
        struct absval *seq = abs_new(unit, ABS_SEQ);
        seq->element = abs_tensor(unit, strcmp(name, "unbind") ? receiver : receiver > 1 ? receiver - 1 : 0);
        return seq;
    }
    if (word_in(name, "max min") && args->list.len > 1)
        return abs_simple(ABS_NOTNONE);
    if (strcmp(name, "permute") == 0 && receiver == 0)
        return abs_tensor(unit, rank_of_sizes(args, first));
    if (word_in(name, keeps_rank))
        return abs_tensor(unit, receiver);
    if (word_in(name, "bmm baddbmm"))
        return abs_tensor(unit, 3);
    if (strcmp(name, "matmul") == 0)
        return abs_tensor(unit, rank_of_product(receiver, rank_of_arg(args, first)));
    if (strcmp(name, "outer") == 0)
        return abs_tensor(unit, 2);
    if (word_in(name, "unsqueeze view_as_real"))
        return abs_tensor(unit, receiver ? receiver + 1 : 0);
    if (strcmp(name, "view_as_complex") == 0)
        return abs_tensor(unit, receiver > 1 ? receiver - 1 : 0);
    if (word_in(name, "mean sum amax amin var") && arg_find(args, UINT32_MAX, "keepdim"))
        return abs_tensor(unit, receiver);
    if (strncmp(name, "is_", 3) == 0 || word_in(name, "finfo iinfo any all equal allclose device dtype Size Generator"))
        return abs_simple(ABS_NOTNONE);
    return abs_tensor(unit, rank_of_result(name, args, receiver, first));
}

/* The letters after the arrow of torch.einsum("ij,jk->ik", ...); 0 where there is none. */
static uint32_t rank_of_einsum(const struct args *args) {
    const struct absval *a = args->list.len ? args->list.at[0].val.abs : NULL;
    const char *arrow =
        a && a->kind == ABS_CONST && a->constant->kind == NODE_STRING ? strstr(a->constant->atom, "->") : NULL;
    uint32_t rank = 0;
    for (const char *at = arrow ? arrow : ""; *at; at++) {
        if (*at == '.')
            return 0;
        rank += isalpha((unsigned char)*at) != 0;
    }
    return rank;
}

/* torch.arange(n), torch.arange(0, n) */
static const struct absval *arange_abs(struct unit *unit, const struct args *args) {
    long start, step;
    struct absval *a = abs_new(unit, ABS_TENSOR);
    bool one = arg_find(args, 1, "end") == NULL;
    a->rank = 1;
    a->counts = !args->open && (one || (int_argument(args, 0, "start", 0, &start) && start == 0)) &&
                int_argument(args, 2, "step", 1, &step) && step == 1;
    return a;
}

static struct val call_torch(struct frame *f, const char *name, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    struct node *call = build_call(f, callee.expr, args, at);
    uint32_t rank = rank_of_arg(args, 0);
    if (word_in(name, "cat concat concatenate stack") && args->list.len) {
        const struct absval *list = args->list.at[0].val.abs;
        const struct absval *element = abs_element(f, list);
        rank = element->kind == ABS_TENSOR ? element->rank : 0;
        return val_make(abs_tensor(unit, strcmp(name, "stack") || rank == 0 ? rank : rank + 1), call);
    }
    if (word_in(name, "where"))
        return val_make(abs_tensor(unit, rank_of_arg(args, is_number_arg(args, 1) ? 2 : 1)), call);
    if (word_in(name, "view_as_complex view_as_real") && rank_known(rank) > 1)
        return val_make(abs_tensor(unit, strcmp(name, "view_as_real") ? rank - 1 : rank + 1), call);
    if (strcmp(name, "tensor") == 0 && args->list.len && args->list.at[0].val.abs->kind != ABS_LIST)
        return val_make(abs_tensor(unit, 1), call); /* broadcasts like one dimension */
    if (strcmp(name, "arange") == 0)
        return val_make(arange_abs(unit, args), call);
    if (strcmp(name, "topk") == 0 && args->list.len)
        return val_make(topk_abs(f, &args->list.at[0].val, args, 1, at), call);
    if (strcmp(name, "einsum") == 0) {
        struct node *product = einsum_product(f, args, call);
        return val_make(abs_tensor(unit, rank_of_einsum(args)), product ? at_node(f, product, at) : call);
    }
    if (word_in(name, "zeros ones empty rand randn"))
        return val_make(abs_tensor(unit, args->list.len == 1 ? rank_of_vector(args) : rank_of_sizes(args, 0)), call);
    return val_make(torch_result(f, name, args, rank, 1), call);
}

/* Ops that keep the rank of their first tensor: of a file that is translated already. */
static bool call_op(struct frame *f, atom qual, struct val callee, struct args *args, struct node *at, struct val *v) {
    const struct function *op =
        strncmp(qual, "torch.ops.", 10) == 0 && f->unit->rules ? library_function(f->unit->rules->library, qual) : NULL;
    if (op == NULL || op->rank != RANK_SAME)
        return false;
    *v = val_make(abs_tensor(f->unit, rank_of_arg(args, 0)), build_call(f, callee.expr, args, at));
    return true;
}

static const struct absval *module_list(struct frame *f, const struct args *args) {
    struct absval *seq = abs_new(f->unit, ABS_SEQ);
    seq->element = args->list.len ? abs_element(f, args->list.at[0].val.abs) : abs_simple(ABS_TOP);
    return seq;
}

static struct val call_nn_class(
    struct frame *f, atom qual, const char *name, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    struct node *call = build_call(f, callee.expr, args, at);
    if (word_in(name, "Parameter Buffer"))
        return val_make(abs_tensor(unit, rank_of_arg(args, 0)), call);
    if (word_in(name, "ModuleList ParameterList"))
        return val_make(module_list(f, args), call); /* empty: of anything, until something is appended */
    const struct arg *affine = arg_find(args, 2, "elementwise_affine");
    if (strcmp(name, "RMSNorm") == 0 && affine && abs_truth(affine->val.abs) == 0) /* has no weight to hand to an op */
        qual = intern(unit->atoms, "torch.nn.RMSNorm.weightless");
    if (strcmp(name, "ModuleDict") == 0)
        return val_make(args->list.len ? args->list.at[0].val.abs : abs_simple(ABS_TOP), call);
    struct absval *a = abs_new(unit, ABS_OBJECT);
    a->qual = qual;
    return val_make(a, call);
}

/* -- entry points -------------------------------------------------------------------------------------------------- */

/* A function that writes its result into a tensor that it is given. */
static void refuse_out(struct frame *f, const struct args *args, const struct node *at) {
    const struct arg *out = arg_find(args, UINT32_MAX, "out");
    if (out == NULL || abs_is_none(out->val.abs) || at == NULL)
        return;
    struct diag *d = diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, at->span, "changed-outside",
        "this writes into the tensor that `out` names");
    diag_help(f->unit->diags, d, "use what the call returns instead");
}

struct val call_library(struct frame *f, atom qual, struct val callee, struct args *args, struct node *at) {
    refuse_out(f, args, at);
    const struct fact *fact = fact_library(f->unit->facts, qual);
    struct val result;
    const struct fact *inert = fact_context(f->unit->facts, qual);
    if (inert) {
        account_fact(f->unit, inert, at, f->fn);
        struct absval *context = abs_new(f->unit, ABS_OBJECT);
        context->qual = intern(f->unit->atoms, "adgen.context");
        context->because = inert->number;
        return val_make(context, build_call(f, callee.expr, args, at));
    }
    const char *last = strrchr(qual, '.');
    bool is_class = isupper((unsigned char)(last ? last[1] : *qual));
    if (fact && is_class && fact->effect == EFFECT_ARGUMENT) /* of a call of its objects */
        fact = NULL;
    if (fact && apply_fact(f, fact, qual, callee, args, at, &result))
        return result;
    const char *name = strrchr(qual, '.');
    name = name ? name + 1 : qual;
    bool repeats = qual_ends(qual, "einops.repeat");
    if ((repeats || qual_ends(qual, "einops.rearrange")) && rearrange(f, repeats, args, at, &result))
        return result;
    if (strncmp(qual, "builtins.", 9) == 0)
        return call_builtin(f, name, callee, args, at);
    if (call_op(f, qual, callee, args, at, &result) || auto_model(f, qual, args, at, &result))
        return result;
    if (strncmp(qual, "torch.", 6) == 0)
        return isupper((unsigned char)*name) && !word_in(name, "Size Generator")
                   ? call_nn_class(f, qual, name, callee, args, at)
                   : call_torch(f, name, callee, args, at);
    if ((qual_ends(qual, "copy.deepcopy") || qual_ends(qual, "copy.copy")) && args->list.len)
        return val_make(args->list.at[0].val.abs, build_call(f, callee.expr, args, at));
    if (strncmp(qual, "math.", 5) == 0 || strncmp(qual, "numpy.", 6) == 0) {
        struct node *call = build_call(f, callee.expr, args, at);
        struct val operand = args->list.len ? args->list.at[0].val : val_const(f, OP_NONE);
        const struct absval *symbolic = args->list.len == 1 ? fold_symbolic(f, call, &operand, 1) : NULL;
        return val_make(symbolic ? symbolic : abs_simple(ABS_NUMBER), call);
    }
    return val_top(build_call(f, callee.expr, args, at));
}

struct val call_object(struct frame *f, struct val object, struct args *args, struct node *at) {
    const struct fact *fact = fact_library(f->unit->facts, object.abs->qual);
    struct val result;
    if (fact && fact->effect == EFFECT_ARGUMENT && apply_fact(f, fact, object.abs->qual, object, args, at, &result))
        return result;
    struct node *call = build_call(f, object.expr, args, at);
    uint32_t rank = rank_of_arg(args, 0);
    if (qual_ends(object.abs->qual, "ROPE_INIT_FUNCTIONS") ||
        qual_ends(object.abs->qual, "ROPE_INIT_FUNCTIONS.get")) /* inverse frequencies and a factor */
        return val_make(pair_abs(f, abs_tensor(f->unit, 1), abs_simple(ABS_NUMBER)), call);
    if (rank && qual_ends(object.abs->qual, "Embedding"))
        rank++;
    return val_make(abs_tensor(f->unit, rank), call);
}

/* -- methods ------------------------------------------------------------------------------------------------------- */

bool has_key(const struct absval *d, atom key) {
    for (uint32_t i = 0; i < d->count; i++)
        if (d->key[i] == key)
            return true;
    return false;
}

static struct val dict_method(struct frame *f, struct val object, atom name, struct args *args, struct node *call) {
    const struct absval *d = object.abs;
    const struct arg *dflt = arg_find(args, 1, "default");
    atom key = constant_string(f, arg_find(args, 0, NULL));
    bool pops = atom_is(name, "pop") && key;
    if (pops && has_key(d, key))
        becomes(f, object, drop_item(f, d, key));
    else if (!pops && mutates_list(name))
        becomes(f, object, forgotten(f, d));
    if ((atom_is(name, "get") || atom_is(name, "pop") || atom_is(name, "setdefault")) && key) {
        for (uint32_t i = 0; d->element == NULL && i < d->count; i++) {
            if (d->key[i] != key)
                continue;
            struct val item = d->item[i];
            if (item.expr == NULL && item.web == NULL)
                return val_make(item.abs, call);
            item.expr = val_expr(f, &item);
            return item;
        }
        if (d->element == NULL)
            return dflt ? (struct val){.abs = abs_decided(f->unit, dflt->val.abs, REASON_KEYS),
                              .expr = val_expr(f, &dflt->val),
                              .web = dflt->val.web}
                        : val_decided(f, OP_NONE, REASON_KEYS);
        return val_top(call);
    }
    if (atom_is(name, "get") && args->list.len == 1 && args->list.at[0].form == ARG_VALUE) {
        const struct absval *mask = choose_mask(f, d, args->list.at[0].val.abs, true);
        return mask ? val_make(known_here(f, mask), call) : val_top(call);
    }
    if (atom_is(name, "items"))
        return seq_of(f, pair_abs(f, abs_simple(ABS_NOTNONE), d->element ? d->element : abs_simple(ABS_TOP)), call);
    if (atom_is(name, "values"))
        return seq_of(f, d->element ? d->element : abs_simple(ABS_TOP), call);
    if (atom_is(name, "keys"))
        return seq_of(f, abs_simple(ABS_NOTNONE), call);
    if (atom_is(name, "copy"))
        return val_make(d, call);
    return val_top(call);
}

const struct node *defined_by(const struct node *e) {
    for (int i = 0; i < 16 && e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr; i++)
        e = e->web->expr;
    return e;
}

/* What a layer of the library has computed is where its weights are: on the one device of the graph. */
static bool is_on_device(const struct node *e) {
    e = defined_by(e);
    const struct web *join = e->kind == NODE_NAME && e->web && e->web->kind == WEB_IF ? e->web : NULL;
    if (join && join->from[0] && join->from[1])
        return join->from[0]->expr && join->from[1]->expr && is_on_device(join->from[0]->expr) &&
               is_on_device(join->from[1]->expr);
    const struct absval *callee = e->kind == NODE_CALL ? e->kid[0]->abs : NULL;
    return callee && ((callee->kind == ABS_OBJECT && strncmp(callee->qual, "torch.nn.", 9) == 0) ||
                         (callee->kind == ABS_INSTANCE && class_derives(callee->cls, "nn.Embedding")));
}

/* x.to(y.device) of what is there already. */
static bool moves_nothing(const struct val *object, const struct args *args) {
    const struct arg *a = args->list.len == 1 ? &args->list.at[0] : NULL;
    if (a == NULL || a->form != ARG_VALUE || (a->keyword && !atom_is(a->keyword, "device")))
        return false;
    const struct node *device = a->val.expr ? defined_by(a->val.expr) : a->val.web ? a->val.web->expr : NULL;
    return is_kind(device, NODE_ATTRIBUTE) && atom_is(device->atom, "device") && is_on_device(object->expr);
}

/* x.view(-1, x.shape[-1]) of two dimensions. */
static bool views_same(const struct val *object, const struct args *args) {
    long first;
    if (object->abs->rank != 2 || args->list.len != 2 || args->list.at[0].keyword || args->list.at[1].keyword ||
        !abs_int(args->list.at[0].val.abs, &first) || first != -1 || object->expr->kind != NODE_NAME)
        return false;
    const struct node *last = args->list.at[1].val.expr ? defined_by(args->list.at[1].val.expr) : NULL;
    if (last == NULL || last->nkids != 2 || !last->kid[1]->abs || !abs_int(last->kid[1]->abs, &first) ||
        (first != -1 && first != 1))
        return false;
    const struct node *shape = last->kind == NODE_SUBSCRIPT ? defined_by(last->kid[0]) : last;
    bool size =
        shape->kind == NODE_CALL && shape->kid[0]->kind == NODE_ATTRIBUTE && atom_is(shape->kid[0]->atom, "size");
    const struct node *of = size                                                             ? shape->kid[0]->kid[0]
                            : shape->kind == NODE_ATTRIBUTE && atom_is(shape->atom, "shape") ? shape->kid[0]
                                                                                             : NULL;
    return of && of->kind == NODE_NAME && of->web == object->expr->web && of->atom == object->expr->atom;
}

/* The shape of tokens or of their embeddings, or the beginning of it. */
static bool is_input_shape(const struct frame *f, const struct node *e) {
    if (e->kind == NODE_SUBSCRIPT && e->kid[1]->kind == NODE_SLICE && e->kid[1]->kid[0] == NULL)
        e = e->kid[0];
    if (e->kind == NODE_CALL && e->nkids == 1 && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "size"))
        e = e->kid[0];
    else if (e->kind != NODE_ATTRIBUTE || !atom_is(e->atom, "shape"))
        return false;
    const struct node *of = e->kid[0];
    const struct fact *fact = of->kind == NODE_NAME && of->web && of->web->kind == WEB_PARAM
                                  ? fact_parameter(f->unit->facts, of->atom)
                                  : NULL;
    return fact && fact->effect == EFFECT_OPTIONAL;
}

static bool is_input_length(const struct frame *f, const struct node *e);

static bool holds_input_length(const struct frame *f, const struct web *w) {
    switch (w->kind) {
    case WEB_ELEMENT: return w->element == 1 && is_input_shape(f, w->expr);
    case WEB_ASSIGN: return w->expr && is_input_length(f, w->expr);
    case WEB_IF:
        return w->from[0] && w->from[1] && holds_input_length(f, w->from[0]) && holds_input_length(f, w->from[1]);
    default: return false;
    }
}

/* How many tokens a row has: the second of the sizes of [B, S] and [B, S, H]. */
static bool is_input_length(const struct frame *f, const struct node *e) {
    if (e->kind == NODE_NAME)
        return e->web && holds_input_length(f, e->web);
    return e->kind == NODE_SUBSCRIPT && e->kid[1]->kind == NODE_NUMBER && atom_is(e->kid[1]->atom, "1") &&
           is_input_shape(f, e->kid[0]);
}

/* Positions stay what they are: AutoDeploy passes as many as there are tokens, as integers. */
static bool keeps_positions(const struct frame *f, atom name, const struct args *args) {
    if (word_in(name, "view reshape"))
        return args->list.len == 2 && args->list.at[1].form == ARG_VALUE && args->list.at[1].val.expr &&
               is_input_length(f, args->list.at[1].val.expr);
    return args->list.len == 0 && atom_is(name, "long");
}

static struct val tensor_method(
    struct frame *f, struct val object, atom name, struct args *args, struct node *call, struct node *at) {
    struct unit *unit = f->unit;
    uint32_t rank = object.abs->rank;
    if (atom_is(name, "to") && args->list.len == 1 &&
        abs_is_none(args->list.at[0].val.abs)) /* a device that is not given */
        return object;
    bool same = (atom_is(name, "to") && moves_nothing(&object, args)) ||
                (word_in(name, "view reshape") && views_same(&object, args)) ||
                (object.abs->positions && keeps_positions(f, name, args));
    if (same) {
        object.expr = val_expr(f, &object);
        return object;
    }
    if (atom_is(name, "size"))
        return val_make(args->list.len ? abs_simple(ABS_NUMBER) : abs_shape(unit, rank), call);
    if (atom_is(name, "dim") && rank_known(rank))
        return val_rank(f, rank);
    if (word_in(name, gives_number))
        return val_make(abs_simple(ABS_NUMBER), call);
    if (word_in(name, "view reshape expand")) {
        const struct arg *first = arg_find(args, 0, NULL);
        if (first && first->val.abs->kind == ABS_LIBRARY) /* view(dtype) */
            return val_make(abs_tensor(unit, rank), call);
        return val_make(abs_tensor(unit, rank_of_sizes(args, 0)), call);
    }
    if (works_in_place(name))
        return val_make(is_settled(object.abs) ? abs_tensor(unit, rank) : object.abs, call);
    if (atom_is(name, "topk"))
        return val_make(topk_abs(f, &object, args, 0, at), call);
    const struct absval *result = torch_result(f, name, args, rank, 0);
    return val_make(keeps_choice(object.abs, name, args) ? still_chosen(unit, object.abs, result) : result, call);
}

/* A method of a configuration value, such as rope_parameters.get("factor"). */
static struct val symbolic_method(struct frame *f, struct val object, atom name, struct args *args, struct node *call) {
    struct unit *unit = f->unit;
    struct node *symbol = make_attr(unit->arena, abs_symbol(unit, object.abs), name);
    symbol = node_make(unit->arena, NODE_CALL, NULL, 1, symbol);
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        struct node *value = abs_symbol(unit, a->val.abs);
        if (value == NULL || a->form != ARG_VALUE)
            return val_top(call);
        node_add(unit->arena, symbol, a->keyword ? node_make(unit->arena, NODE_KEYWORD, a->keyword, 1, value) : value);
    }
    return val_make(abs_symbolic(unit, symbol), call);
}

/* register_buffer and register_parameter store an attribute. */
static bool register_tensor(struct frame *f, struct val object, atom name, struct args *args, struct node *call) {
    if (object.abs->kind != ABS_INSTANCE || !(atom_is(name, "register_buffer") || atom_is(name, "register_parameter") ||
                                                atom_is(name, "register_module") || atom_is(name, "add_module")))
        return false;
    atom attribute = constant_string(f, arg_find(args, 0, "name"));
    const struct arg *value = arg_find(args, 1, "tensor");
    if (value == NULL)
        value = arg_find(args, 1, "param");
    if (value == NULL)
        value = arg_find(args, 1, "module");
    if (attribute && value) {
        note_stored(f, object.abs->cls, attribute, object.abs->cls->def);
        store_attribute(f, object.abs->cls, attribute, value->val, call);
    } else if (value)
        store_of_form(f, object.abs->cls, arg_find(args, 0, "name"), value->val.abs);
    return true;
}

struct val call_method(struct frame *f, struct val object, atom name, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    if (object.expr->kind == NODE_BINOP && object.abs->kind == ABS_TENSOR && pure_twin(f, name))
        name = pure_twin(f, name); /* nobody else sees the sum that is changed in place */
    struct node *callee = make_attr(unit->arena, object.expr, name);
    if (at && at->kid[0]->source)
        at_node(f, callee, at->kid[0]);
    struct node *call = build_call(f, callee, args, at);
    const struct fact *fact = fact_library(unit->facts, intern_dotted(unit->atoms, "method", name));
    struct val result;
    if (fact && apply_fact(f, fact, name, val_top(callee), args, at, &result))
        return result;
    if (word_in(name, "view reshape") && view_of_sizes(f, object, args, at, &result))
        return result;
    if (register_tensor(f, object, name, args, call))
        return val_make(abs_none(unit), call);
    if (atom_is(name, "split") && split_string(f, object, args, &result))
        return result;
    switch (object.abs->kind) {
    case ABS_SYMBOLIC: return symbolic_method(f, object, name, args, call);
    case ABS_DICT: return dict_method(f, object, name, args, call);
    case ABS_LIST:
        if (mutates_list(name))
            becomes(f, object, forgotten(f, object.abs));
        return val_top(call);
    case ABS_TENSOR:
    case ABS_MASK: return tensor_method(f, object, name, args, call, at);
    case ABS_CONFIG: return atom_is(name, "get_text_config") ? text_config(f, object) : val_top(call);
    case ABS_CLASS:
        if (atom_is(name, "_from_config") && text_model(f, object, args, at, &result))
            return result;
        return val_top(call);
    case ABS_INSTANCE:
        if (atom_is(name, "get_input_embeddings") && input_embeddings(f, object, &result))
            return result;
        if (mutates_list(name) && object.abs->cls->items) /* a list of modules that gets others */
            object.abs->cls->items = abs_simple(ABS_TOP);
        return val_top(call);
    case ABS_NOTNONE:
    case ABS_TOP:
        /* a tensor: only those have such methods, and of a tensor or None it is not None */
        if (object.abs->rank ||
            word_in(name, "view reshape transpose permute to float contiguous unsqueeze split chunk expand softmax")) {
            object.abs = abs_tensor(unit, object.abs->rank);
            return tensor_method(f, object, name, args, call, at);
        }
        return val_top(call);
    default: return val_top(call);
    }
}
