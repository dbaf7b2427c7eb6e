/* check.c - right or refused: is what remains something that can be emitted?
 *
 * Reads   the pruned program.
 * Writes  an error for every construct that is left and must not be: a mask that something other than a known attention
 *         reads, attention or a rotary embedding that is not the op for it, a library that the emitted file may not
 *         import, an operation that torch.export cannot trace, a name that nothing defines. Sets unit->prefill_only
 *         where tokens are mixed outside of what AutoDeploy can cache.
 * Guarantees  a program that passes has none of these. */
#include <string.h>

#include "base/text.h"
#include "rewrite/chosen_keys.h"
#include "rewrite/dependent.h"
#include "rewrite/entry.h"
#include "rewrite/expert_loop.h"
#include "rewrite/facts.h"
#include "rewrite/leftovers.h"
#include "rewrite/products.h"
#include "rewrite/rows.h"
#include "rewrite/rules.h"
#include "rewrite/stream.h"
#include "rewrite/towers.h"
#include "rewrite/trace.h"
#include "rewrite/unit.h"

struct checker {
    struct unit *unit;
    struct fn *fn;
    struct values *values; /* of fn */
    struct node *stmt;     /* the statement that is being looked at: where a node has no place of its own */
    bool mask_reported;
    const struct node *maker; /* a mask is made here that somebody needs */
    struct node *maker_stmt;
    const char *leftover; /* what is left as it stands in the source */
    const struct node *leftover_at;
    struct node *leftover_stmt;
};

static struct diag *refuse(
    struct checker *c, const struct node *at, const char *rule, const char *format, const char *what) {
    const struct node *place = at->span.end ? at : c->stmt && c->stmt->span.end ? c->stmt : c->fn->def;
    struct source *source = place->source ? place->source : c->fn->module->source;
    return diag_at(c->unit->diags, unit_refusal(c->unit), source, place->span, rule, format, what);
}

/* -- masks --------------------------------------------------------------------------------------------------------- */

static bool is_handed_on(const struct node *parent) {
    return parent->kind == NODE_CALL && parent->callsite;
}

static void help_with_attention(struct checker *c, struct diag *d) {
    const char *miss = nearest_miss(c->unit, c->fn, "attention");
    if (miss)
        diag_help(c->unit->diags, d, "%s", miss);
    else
        diag_help(c->unit->diags, d,
            "attention must be a softmax over masked scores; what differs needs an equation in rules/attention.yaml");
}

static void check_mask(struct checker *c, const struct node *e) {
    if (c->mask_reported)
        return;
    c->mask_reported = true;
    struct diag *d =
        refuse(c, e, "mask-escapes", "the attention mask is read here by something that no equation understands%s", "");
    help_with_attention(c, d);
}

/* -- libraries ----------------------------------------------------------------------------------------------------- */

static const char *const allowed[] = {"torch", "math", "typing", "collections", "functools", "itertools", "dataclasses",
    "builtins", "transformers.activations", "transformers.modeling_rope_utils", "transformers.pytorch_utils",
    "transformers.modeling_utils", "transformers.utils", "transformers.generation", "transformers.modeling_outputs",
    "tensorrt_llm", "copy", "operator", "enum", "re", "warnings", "numpy"};

static bool import_is_allowed(const char *qual) {
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++) {
        size_t n = strlen(allowed[i]);
        if (strncmp(qual, allowed[i], n) == 0 && (qual[n] == '.' || qual[n] == '\0'))
            return true;
    }
    const char *dot = strrchr(qual, '.');
    return dot && strstr(qual, "configuration_") != NULL;
}

static bool is_mask_maker(const struct unit *unit, atom qual) {
    const struct fact *fact = fact_library(unit->facts, qual);
    return fact && fact_makes_mask(fact);
}

static void check_library(struct checker *c, const struct node *e, atom qual) {
    if (is_mask_maker(c->unit, qual)) { /* better reported where the mask is read */
        if (!c->maker)
            c->maker = e, c->maker_stmt = c->stmt;
        return;
    }
    const struct fact *fact = fact_library(c->unit->facts, qual);
    if (fact && fact->effect == EFFECT_RECORD)
        return;
    if (!import_is_allowed(qual))
        refuse(c, e, "library", "the result depends on `%s`, which the emitted file cannot import", qual);
}

/* -- export -------------------------------------------------------------------------------------------------------- */

/* Something taken out of self, of which nothing is known: it may be a module, whose forward nobody has looked at. */
static bool is_of_modules(const struct node *callee) {
    const struct absval *known = callee->kind == NODE_NAME && callee->web ? callee->web->abs : callee->abs;
    if (known == NULL || known->kind != ABS_TOP)
        return false;
    if (callee->kind == NODE_NAME && callee->web && callee->web->kind == WEB_TARGET)
        return callee->web->stmt && callee->web->stmt->kind == NODE_FOR;
    while (callee->kind == NODE_ATTRIBUTE || callee->kind == NODE_SUBSCRIPT)
        callee = callee->kid[0];
    return callee->abs && callee->abs->kind == ABS_INSTANCE;
}

/* A call that takes runtime arguments of Hugging Face, of something that is not known. */
static void check_unfollowed(struct checker *c, const struct node *e) {
    static const char runtime[] = "attention_mask past_key_values past_key_value use_cache cache_position";
    for (uint32_t i = 1; i < e->nkids; i++)
        if (e->kid[i]->kind == NODE_KEYWORD && e->kid[i]->atom && word_in(e->kid[i]->atom, runtime)) {
            refuse(c, e, "unfollowed-call", "what is called here is not known, and it is given `%s`", e->kid[i]->atom);
            return;
        }
    if (is_of_modules(e->kid[0]))
        refuse(c, e, "unfollowed-call", "which module is called here is not known%s", "");
}

/* A method that is not called here but handed on, or kept, is called where it cannot be seen. */
static void check_handed_on(struct checker *c, const struct node *parent, const struct node *e) {
    bool called = parent->kind == NODE_CALL && parent->kid[0] == e;
    if (!called && e->abs && e->abs->kind == ABS_BOUND && e->abs->fn && !e->abs->fn->live)
        refuse(c, e, "method-escapes", "`%s` is handed to code that is not followed", e->abs->fn->name);
}

/* What equations write for the pass that gathers experts, and it did not understand. */
static void check_idiom(struct checker *c, const struct node *call) {
    if (!is_idiom(call, NULL))
        return;
    struct diag *d = refuse(c, call, "data-dependent",
        "this loop over experts is not known to be the sum over all that a token chose%s", "");
    diag_help(c->unit->diags, d,
        "it must begin with zeros, visit every expert that is chosen, and add what stacked weights or a list of "
        "modules make of each token by itself");
}

static void check_call(struct checker *c, const struct node *e) {
    const struct node *callee = e->kid[0];
    if (e->callsite && e->callsite->fn->via_super && !atom_is(e->callsite->fn->name, "__init__"))
        refuse(c, e, "super", "the `%s` of the base class returns in places from which it cannot be unfolded",
            callee->atom);
    check_idiom(c, e);
    if (e->callsite)
        return;
    if (callee->kind == NODE_ATTRIBUTE || callee->abs == NULL || callee->abs->kind == ABS_TOP)
        check_unfollowed(c, e);
    if (callee->kind != NODE_ATTRIBUTE)
        return;
    bool library = callee->abs && callee->abs->kind == ABS_LIBRARY;
    if (gives_data(callee->atom) && (!library || strncmp(callee->abs->qual, "torch.", 6) == 0))
        refuse(c, e, "data-dependent",
            "the shape or value of `%s` depends on the data, which torch.export cannot trace", callee->atom);
    if (library && strcmp(callee->abs->qual, "torch.where") == 0 && e->nkids == 2)
        refuse(c, e, "data-dependent",
            "the shape of one-argument `%s` depends on the data, which torch.export cannot trace", "torch.where");
}

/* x[y == z]: as many rows as there are where that holds. */
static void check_selection(struct checker *c, const struct node *parent, const struct node *e) {
    bool target = parent->kind == NODE_ASSIGN && parent->kid[0] != e;
    const struct node *index = e->kind == NODE_SUBSCRIPT && !target ? e->kid[1] : NULL;
    if (is_kind(index, NODE_NAME) && index->web && index->web->kind == WEB_ASSIGN)
        index = index->web->expr;
    if (is_kind(index, NODE_COMPARE) && e->kid[0]->abs && abs_is_tensor(e->kid[0]->abs))
        refuse(c, e, "data-dependent",
            "how many rows are selected depends on the data, which torch.export cannot trace%s", "");
}

/* Values that vary with the data. */
static bool is_activation(const struct node *e) {
    return e->abs && e->abs->kind == ABS_TENSOR;
}

static bool is_parameter(const struct node *e) {
    while (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && e->kid[0]->kid[0]->kind != NODE_NAME)
        e = e->kid[0]->kid[0];
    while (e->kind == NODE_SUBSCRIPT)
        e = e->kid[0];
    return e->kind == NODE_ATTRIBUTE;
}

/* The first reason counts: `format` has a place for the class, and one for `what`. */
static void not_servable(struct checker *c, const char *format, const char *what) {
    struct unit *unit = c->unit;
    if (!unit->prefill_only)
        unit->prefill_only = arena_printf(unit->arena, format, c->fn->owner ? c->fn->owner->name : c->fn->name, what);
}

static void mixes(struct checker *c, const char *what) {
    not_servable(c, "%s mixes tokens in `%s`, for which AutoDeploy has no cache", what);
}

/* arange(seq_len): where a token stands in this call, which is not where it stands in the text once there is a cache.
 */
static void check_counting(struct checker *c, const struct node *call) {
    if (!call->kid[0]->abs || call->kid[0]->abs->kind != ABS_LIBRARY || strcmp(call->kid[0]->abs->qual, "torch.arange"))
        return;
    for (uint32_t i = 1; i < call->nkids; i++)
        if (call->kid[i]->kind != NODE_KEYWORD && from_shape(c->fn, call->kid[i]))
            not_servable(c, "%s counts tokens with `%s` instead of reading position_ids", "torch.arange");
}

static void refuse_bidirectional(struct checker *c, const struct node *call) {
    refuse(c, call, "bidirectional", "in this attention a token sees those that follow it: the model is no causal LM%s",
        "");
}

/* An op that an equation has written for an attention under a mask that hides nothing. */
static void check_op(struct checker *c, const struct node *call) {
    const struct node *causal = call_argument(call, UINT32_MAX, "is_causal");
    if (causal && is_kind(causal, NODE_CONST) && causal->op == OP_FALSE &&
        !call_argument(call, UINT32_MAX, "attn_mask"))
        refuse_bidirectional(c, call);
}

/* torch.nn.functional.scaled_dot_product_attention that no equation took: without a mask every token sees those that
 * follow it. */
static void check_attention(struct checker *c, const struct node *call) {
    const struct node *mask = call_argument(call, 3, "attn_mask"), *causal = call_argument(call, 5, "is_causal");
    bool open = causal == NULL || (causal->abs && abs_truth(causal->abs) == 0);
    if (open && (mask == NULL || is_none(mask)))
        refuse_bidirectional(c, call);
    mixes(c, "scaled_dot_product_attention");
}

/* Layers of the library that work along a sequence, or on all of it. */
static void check_layer(struct checker *c, const struct node *call, const char *qual) {
    const char *dot = strrchr(qual, '.'), *name = dot ? dot + 1 : qual;
    if (word_in(name, "RNN LSTM GRU"))
        refuse(c, call, "sequence-loop", "`%s` runs once for each position, which torch.export unrolls for one length",
            name);
    if (word_in(name, "MultiheadAttention") || starts_with(name, "Transformer"))
        refuse(c, call, "leftover", "no equation understands the attention of `%s`", name);
    if (strstr(name, "Conv1d") || strstr(name, "Pool1d") || word_in(name, "GroupNorm InstanceNorm1d"))
        mixes(c, qual);
}

static bool is_along_sequence(const char *qual) {
    if (starts_with(qual, "torch.ops."))
        return false; /* a file that is translated already */
    return strstr(qual, "conv1d") || strstr(qual, "_pool1d") || strstr(qual, ".fft.") || qual_ends(qual, "interpolate");
}

static void check_mixing(struct checker *c, struct node *e) {
    if (atom_is(c->fn->name, "__init__")) /* nothing that it computes depends on tokens */
        return;
    const char *along = mixes_along(c->unit, c->fn, e);
    if (along)
        mixes(c, along);
    static const char products[] = "matmul bmm baddbmm einsum";
    static const char scans[] = "cumsum cumprod logcumsumexp roll flip";
    if (e->kind == NODE_BINOP && e->op == OP_MATMUL && is_activation(e->kid[0]) && is_activation(e->kid[1]) &&
        !is_parameter(e->kid[0]) && !is_parameter(e->kid[1]) && !product_is_by_token(c->values, e))
        mixes(c, "@");
    if (e->kind != NODE_CALL || e->callsite)
        return;
    const struct node *callee = e->kid[0];
    check_counting(c, e);
    if (callee->abs && callee->abs->kind == ABS_OBJECT)
        check_layer(c, e, callee->abs->qual);
    if (callee->kind != NODE_ATTRIBUTE)
        return;
    const struct node *bias = call_argument(e, UINT32_MAX, "attn_mask");
    if (bias && !is_none(bias))
        not_servable(c, "%s adds a bias to its scores through `%s`, which AutoDeploy does not cache", "attn_mask");
    bool product = word_in(callee->atom, products);
    for (uint32_t i = 1; product && i < e->nkids; i++)
        if (e->kid[i]->kind != NODE_KEYWORD && is_parameter(e->kid[i]))
            product = false;
    if ((product && !product_is_by_token(c->values, e)) || word_in(callee->atom, scans))
        mixes(c, callee->atom);
    if (atom_is(callee->atom, "scaled_dot_product_attention"))
        check_attention(c, e);
    if (atom_is(callee->atom, "torch_attention"))
        check_op(c, e);
    if (callee->abs && callee->abs->kind == ABS_LIBRARY && is_along_sequence(callee->abs->qual))
        mixes(c, callee->atom);
}

static void check_leftover(struct checker *c, struct node *e) {
    if (c->leftover || atom_is(c->fn->name, "__init__") || (c->leftover = leftover_idiom(c->values, e)) == NULL)
        return;
    c->leftover_at = e;
    c->leftover_stmt = c->stmt;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

/* A class that nobody was seen to make has no body to emit. */
static bool names_unknown_class(const struct unit *unit, const struct node *e) {
    const struct symbol *symbol = e->kind == NODE_NAME ? unit_lookup(unit, e) : NULL;
    if (symbol && symbol->kind == SYM_CLASS && !(symbol->cls && symbol->cls->live))
        return true;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && names_unknown_class(unit, e->kid[i]))
            return true;
    return false;
}

static void check_name(struct checker *c, const struct node *e) {
    if (e->web || (e->abs && e->abs->kind == ABS_LIBRARY))
        return;
    const struct symbol *symbol = unit_lookup(c->unit, e);
    if (symbol && symbol->kind == SYM_IMPORT)
        check_library(c, e, symbol->qual);
    if (symbol && symbol->unsure)
        refuse(c, e, "module-choice",
            "what `%s` stands for is chosen where the file is imported, by a test that is not known", e->atom);
    if (symbol && symbol->kind == SYM_VALUE && names_unknown_class(c->unit, symbol->def))
        refuse(c, e, "class-choice", "which class is taken from `%s` here is not known", e->atom);
}

/* -- positions ----------------------------------------------------------------------------------------------------- */

/* A table cut to the length of the input: its rows stand for positions from zero, which are only those of a prompt. */
static void check_rows(struct checker *c, const struct node *e) {
    const struct node *index = e->kind == NODE_SUBSCRIPT ? e->kid[1] : NULL;
    for (uint32_t i = 0; index && i < (index->kind == NODE_TUPLE ? index->nkids : 1); i++) {
        const struct node *slice = index->kind == NODE_TUPLE ? index->kid[i] : index;
        const struct node *table =
            slice->kind == NODE_SLICE && from_shape(c->fn, slice) ? table_behind(c->fn, e->kid[0]) : NULL;
        if (table)
            not_servable(c, "%s reads the first rows of `%s` instead of those at position_ids", table->atom);
    }
}

/* -- the walk ------------------------------------------------------------------------------------------------------ */

/* A Python loop over positions is unrolled by the trace for one length, and one over the elements of a tensor has them
 * as numbers. */
static void check_loop(struct checker *c, const struct node *iterable) {
    bool counted = iterable->kind == NODE_CALL && is_name(iterable->kid[0], "enumerate") && iterable->nkids == 2;
    const struct node *over = counted ? iterable->kid[1] : iterable;
    bool reported =
        over->kind == NODE_NAME && over->web && over->web->kind == WEB_ASSIGN && is_idiom(over->web->expr, NULL);
    if (is_activation(over) && !is_parameter(over) && !reported)
        refuse(c, iterable, "data-dependent",
            "this loop reads the elements of a tensor, which torch.export cannot trace%s", "");
    bool counts = iterable->kind == NODE_CALL && is_kind(iterable->kid[0], NODE_NAME) &&
                  atom_is(iterable->kid[0]->atom, "range") && from_shape(c->fn, iterable);
    if (counts || splits_tokens(c->unit, c->fn, over))
        refuse(c, iterable, "sequence-loop",
            "this loop runs once for each position or chunk, which torch.export unrolls for one length%s", "");
}

/* A variable that is None wherever it is read. */
static bool is_known_none(const struct node *e) {
    return e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr && is_none(e->web->expr);
}

static void check_expr(struct checker *c, const struct node *parent, struct node *e) {
    if (e == NULL)
        return;
    if (e->kind == NODE_LAMBDA)
        refuse(c, e, "lambda", "a function made here is called where it cannot be followed%s", "");
    if (e->kind == NODE_NAME)
        check_name(c, e);
    const struct absval *object = e->kind == NODE_ATTRIBUTE ? e->kid[0]->abs : NULL;
    if (object && object->kind == ABS_INSTANCE && map_has(&object->cls->class_attrs, e->atom) &&
        !map_has(&object->cls->attrs, e->atom))
        refuse(c, e, "class-attribute", "the value of `%s` of the class is not known here", e->atom);
    if (e->kind == NODE_ATTRIBUTE && (is_none(e->kid[0]) || is_known_none(e->kid[0])))
        refuse(c, e, "none-attribute", "`%s` is read of something that prefill does not have", e->atom);
    if (e->abs && e->abs->kind == ABS_MASK && !e->abs->mask->plain && !is_handed_on(parent) &&
        (e->kind != NODE_CALL || parent->kind == NODE_BINOP || parent->kind == NODE_CALL))
        check_mask(c, e);
    if ((e->kind == NODE_NAME || e->kind == NODE_ATTRIBUTE) && e->abs && e->abs->kind == ABS_LIBRARY && !e->web)
        check_library(c, e, e->abs->qual);
    if (e->kind == NODE_CALL)
        check_call(c, e);
    if (e->kind == NODE_COMPREHENSION)
        check_loop(c, e->kid[1]);
    check_handed_on(c, parent, e);
    check_mixing(c, e);
    check_leftover(c, e);
    check_rows(c, e);
    check_selection(c, parent, e);
    bool dotted = e->kind == NODE_ATTRIBUTE && e->abs && e->abs->kind == ABS_LIBRARY;
    for (uint32_t i = 0; i < e->nkids && !dotted; i++) {
        struct node *kid = e->kid[i];
        const struct node *holder = e->kind == NODE_KEYWORD ? parent : e;
        if (kid)
            check_expr(c, holder, kid);
    }
}

/* A remainder of the sequence length: blocks of fixed size, which a dynamic length does not fill. */
static bool by_remainder(const struct fn *fn, const struct node *e, int depth) {
    if (e == NULL || depth > 16)
        return false;
    if (e->kind == NODE_BINOP && e->op == OP_MOD && from_shape(fn, e->kid[0]))
        return true;
    if (e->kind == NODE_NAME)
        return e->web && (e->web->kind == WEB_ASSIGN || e->web->kind == WEB_ELEMENT) &&
               by_remainder(fn, e->web->expr, depth + 1);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (by_remainder(fn, e->kid[i], depth + 1))
            return true;
    return false;
}

/* A test on what is in a tensor: itself, a comparison of it, or whether any or all of it is true. */
static bool tests_data(const struct node *e) {
    if (e->abs && e->abs->kind == ABS_TENSOR)
        return true;
    if (e->kind == NODE_COMPARE) {
        for (uint32_t i = 0; i + 1 < e->nkids; i++)
            if (e->ops[i] != OP_IS && e->ops[i] != OP_IS_NOT && (tests_data(e->kid[i]) || tests_data(e->kid[i + 1])))
                return true;
        return false;
    }
    return e->kind == NODE_CALL && !e->callsite && e->kid[0]->kind == NODE_ATTRIBUTE &&
           word_in(e->kid[0]->atom, "any all equal allclose") && e->kid[0]->kid[0]->abs &&
           e->kid[0]->kid[0]->abs->kind == ABS_TENSOR;
}

static void check_test(struct checker *c, const struct node *test) {
    if (by_remainder(c->fn, test, 0))
        refuse(c, test, "sequence-blocks",
            "this branch depends on how the length divides into blocks, which torch.export fixes%s", "");
    bool joint = test->kind == NODE_BOOLOP || (test->kind == NODE_UNARYOP && test->op == OP_NOT);
    for (uint32_t i = 0; joint && i < test->nkids; i++)
        check_test(c, test->kid[i]);
    if (!joint && tests_data(test))
        refuse(c, test, "data-dependent", "this branch depends on the data, which torch.export cannot trace%s", "");
}

/* What one call leaves in a module is not in the graph for the next one. */
static void check_state(struct checker *c, const struct node *stmt) {
    if (c->fn->owner == NULL || atom_is(c->fn->name, "__init__"))
        return;
    const struct node *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : NULL;
    while (is_kind(target, NODE_SUBSCRIPT))
        target = target->kid[0];
    const struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    bool method = is_kind(call, NODE_CALL) && is_own(call->kid[0]);
    bool registers = method && (atom_is(call->kid[0]->atom, "register_buffer") || works_in_place(call->kid[0]->atom));
    if (registers || (target && is_own(target)))
        refuse(c, stmt, "state", "the module is changed here while it runs, which the next call would see%s", "");
}

/* By the facts, prefill has no use for what has this name. */
static bool is_useless(const struct checker *c, atom name) {
    const struct fact *fact = fact_parameter(c->unit->facts, name);
    return fact_is_none(fact) && !atom_is(fact->id, "one-segment");
}

/* The mask of a model that makes its own. */
static void check_maker(struct checker *c, struct node *stmt) {
    struct node *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : NULL;
    if (c->maker || !c->fn->owner || !is_kind(target, NODE_NAME) || !is_useless(c, target->atom))
        return;
    c->maker = target;
    c->maker_stmt = stmt;
}

static void check_block(struct checker *c, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = c->stmt = block->kid[i];
        check_state(c, s);
        check_maker(c, s);
        if (s->kind == NODE_IF || s->kind == NODE_WHILE)
            check_test(c, s->kid[0]);
        if (s->kind == NODE_FOR)
            check_loop(c, s->kid[1]);
        for (uint32_t k = 0; k < s->nkids; k++) {
            c->stmt = s;
            if (is_kind(s->kid[k], NODE_BLOCK))
                check_block(c, s->kid[k]);
            else
                check_expr(c, s, s->kid[k]);
        }
    }
}

/* A parameter that prefill has no use for, by the facts, and that something here still reads. */
static void check_params(struct checker *c) {
    for (uint32_t i = 0; i < c->fn->params.len; i++) {
        const struct param *p = c->fn->params.at[i];
        if (!p->live || !c->fn->owner || !is_useless(c, p->name))
            continue;
        struct diag *d = refuse(c, c->fn->def, "mask-escapes",
            "`%s` is computed by the model and read here by something that no equation understands", p->name);
        diag_help(
            c->unit->diags, d, "attention must be a softmax over scores under a causal mask, with a window or without");
    }
}

/* -- parts that never run ------------------------------------------------------------------------------------------ */

/* A module that the logits do not run, such as the encoder of another modality, stays for its published parameters.
 * Where one of its attributes comes from a call that was not followed, nobody knows whether there are more of them. */
static void check_idle_modules(struct unit *unit) {
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        const struct cls *cls = unit->classes.at[i];
        const struct fn *forward = class_method(cls, "forward");
        if (!cls->live || wraps_tower(unit, cls) || cls->round != unit->round || !class_derives(cls, "nn.Module") ||
            !forward || forward->live)
            continue;
        for (uint32_t k = 0; k < cls->attrs.len; k++) {
            const struct attr *attr = cls->attrs.entry[k].value;
            if (attr->live || attr->abs->kind != ABS_TOP || !is_kind(attr->expr, NODE_CALL) || !attr->stmt)
                continue;
            struct checker c = {.unit = unit, .fn = class_method(cls, "__init__"), .stmt = attr->stmt};
            refuse(&c, attr->expr, "idle-module",
                "`%s` may hold parameters of the checkpoint, but it is another modality's: only text models are "
                "translated",
                attr->name);
            return;
        }
    }
}

/* A forward that raises whatever it is given, by the facts of prefill: the model's, or that of a part which it calls,
 * such as a decoder that gets no tokens of its own. */
static void check_result(struct unit *unit, const struct functions *functions) {
    for (uint32_t i = 0; i < functions->list.len; i++) {
        const struct fn *fn = functions->list.at[i];
        if (fn->live && fn->owner && atom_is(fn->name, "forward") && fn->returns.len == 0)
            diag_at(unit->diags, unit_refusal(unit), fn->module->source, fn->def->span, "no-result",
                "this forward raises for every input of a language model: it needs more than tokens and positions");
    }
}

/* The record that a forward returns and, in it, the logits. False where it returns none. */
static bool returned_logits(const struct fn *forward, const struct node **logits) {
    *logits = NULL;
    for (uint32_t i = 0; i < forward->returns.len; i++) {
        struct node *value = forward->returns.at[i]->kid[0];
        const struct node *record = value ? returned_record(forward, value) : NULL;
        if (record == NULL)
            continue;
        *logits = call_argument(record, 0, "logits");
        *logits = *logits ? *logits : call_argument(record, 1, "logits");
        return true;
    }
    return false;
}

/* A model that returns something else than scores of the next token, or hands on those of another. */
static void check_logits(struct unit *unit) {
    const struct fn *forward = class_method(unit->entry, "forward");
    const struct node *call = forward && forward->body ? model_call(forward->body) : NULL, *logits;
    if (forward && returned_logits(forward, &logits) && logits == NULL)
        diag_at(unit->diags, unit_refusal(unit), forward->module->source, forward->def->span, "no-result",
            "this forward returns no logits: the class is no causal LM");
    if (call && returned_logits(call->callsite->fn, &logits) && logits && call->callsite->fn->owner) {
        const char *inner = call->callsite->fn->owner->name;
        struct diag *d = diag_at(unit->diags, unit_refusal(unit), forward->module->source, forward->def->span,
            "whole-model", "this class hands on the logits of `%s`, which is a causal LM itself", inner);
        diag_help(unit->diags, d, "translate that one: `--entry %s`", inner);
    }
}

/* The first reason counts: where masks escape, attention is left for that. */
static void refuse_leftover(struct checker *c) {
    c->stmt = c->leftover_stmt;
    struct diag *d = refuse(c, c->leftover_at, "leftover", "no equation understands this %s", c->leftover);
    if (strcmp(c->leftover, "attention") == 0)
        help_with_attention(c, d);
}

bool check_residual(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    bool chosen = refuse_chosen_keys(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct checker c = {.unit = unit, .fn = all.list.at[i], .mask_reported = chosen};
        if (!c.fn->live)
            continue;
        c.values = values_create(unit->arena, unit->atoms, unit->rules->library);
        if (!chosen)
            check_params(&c);
        check_block(&c, c.fn->body);
        if (c.maker && unit_refusals(unit) == 0) {
            c.stmt = c.maker_stmt;
            refuse(&c, c.maker, "mask-escapes", "a mask is made here for something that no equation understands%s", "");
        }
        if (c.leftover && unit_refusals(unit) == 0)
            refuse_leftover(&c);
    }
    check_linked_names(unit);
    check_idle_modules(unit);
    check_result(unit, &all);
    check_logits(unit);
    return diags_count(unit->diags, SEVERITY_ERROR) == 0;
}
