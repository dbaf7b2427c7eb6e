/* review_runtime.c - what runs in training, or beside prefill, and has no place in an exported model.
 *
 * Which names these are say the facts of rules/prefill.yaml, by which a translation drops the same things. */
#include <string.h>

#include "base/text.h"
#include "rewrite/facts.h"
#include "rewrite/review_internal.h"

/* The fact that prefill does not have a parameter of this name; NULL: it may. A text is one segment, but a model has
 * the embedding of that one. */
static const struct fact *not_in_prefill(const struct reviewer *r, atom name) {
    const struct fact *fact = name ? fact_parameter(r->unit->facts, name) : NULL;
    return fact && fact->effect == EFFECT_VALUE && !atom_is(fact->id, "one-segment") ? fact : NULL;
}

static bool is_cache(const struct fact *fact) {
    return fact && atom_is(fact->id, "no-cache");
}

/* -- CA3: the parameters of forward -------------------------------------------------------------------------------- */

static void check_parameters(struct reviewer *r, const struct node *fn) {
    const struct node *params = function_params(fn);
    for (uint32_t i = 0; i < params->nkids; i++) {
        const struct fact *fact = not_in_prefill(r, params->kid[i]->atom);
        if (fact == NULL)
            continue;
        const char *id = is_cache(fact) && !atom_is(fn->atom, "forward") ? "C4" : "CA3";
        struct diag *d = review_find(
            r, id, params->kid[i], "`%s` takes `%s`, which AutoDeploy does not pass", fn->atom, params->kid[i]->atom);
        review_help(r, d, fact->why);
    }
}

/* -- C4: the cache ------------------------------------------------------------------------------------------------- */

bool review_is_cache(atom qual) {
    return qual && starts_with(qual, "transformers.") && (strstr(qual, ".cache_utils.") || ends_with(qual, "Cache"));
}

/* Said once for each name in a function. */
static bool said_before(struct reviewer *r, const struct node *fn, atom name, struct map *said) {
    atom key = intern_printf(r->unit->atoms, "%u.%s", fn ? fn->span.start : 0, name);
    if (map_has(said, key))
        return true;
    map_put(r->unit->arena, said, key, (void *)name);
    return false;
}

static void check_cache(struct reviewer *r, const struct place *at, const struct node *n, struct map *said) {
    bool named = n->kind == NODE_NAME || n->kind == NODE_KEYWORD;
    atom qual = n->kind == NODE_NAME || n->kind == NODE_ATTRIBUTE ? review_qual(r, at->fn, n) : NULL;
    bool annotation = is_kind(at->parent, NODE_PARAM);
    if (review_is_cache(qual) && !annotation) {
        review_find(r, "C4", n, "`%s` is a cache: prefill starts without one, and AutoDeploy inserts its own", n->atom);
        return;
    }
    bool cache = named && n->atom && word_in(n->atom, "past_key_values past_key_value layer_past cache_params");
    if (cache && !said_before(r, at->fn, n->atom, said))
        review_find(r, "C4", n, "`%s` is a cache: prefill starts without one, and AutoDeploy inserts its own", n->atom);
}

static void check_generation(struct reviewer *r, const struct node *n) {
    if (word_in(n->atom, "prepare_inputs_for_generation _reorder_cache reorder_cache"))
        review_find_at(r, "C4", review_name_span(r, n),
            "`%s` serves generation with a cache, which AutoDeploy does itself", n->atom);
}

/* -- C5: training -------------------------------------------------------------------------------------------------- */

static bool is_rate(const struct node *n) {
    return is_config_attr(n) && (strstr(n->atom, "dropout") || ends_with(n->atom, "_pdrop"));
}

static void check_training(struct reviewer *r, const struct place *at, const struct node *n) {
    if (n->kind == NODE_CALL) {
        atom qual = review_qual(r, at->fn, n->kid[0]);
        const struct fact *fact = qual ? fact_library(r->unit->facts, qual) : NULL;
        if (fact && atom_is(fact->id, "no-dropout") && !ends_with(qual, "Identity"))
            review_find(r, "C5", n, "there is no dropout in inference");
        return;
    }
    bool handed_on = is_kind(at->parent, NODE_KEYWORD); /* to dropout, which is said there */
    const struct fact *fact = is_self_attr(n) && !handed_on ? fact_attribute(r->unit->facts, n->atom) : NULL;
    if (fact && atom_is(fact->id, "not-training"))
        review_find(r, "C5", n, "an exported model does not train: `self.%s` is always false", n->atom);
    else if (is_rate(n))
        review_find(r, "C5", n, "there is no dropout in inference: nothing needs `%s`", n->atom);
}

static void check_flags(struct reviewer *r, const struct place *at, const struct node *n) {
    if (n->kind != NODE_ASSIGN || !at->cls || at->fn || n->kid[1]->kind != NODE_NAME)
        return;
    bool on = is_kind(n->kid[0], NODE_CONST) && n->kid[0]->op == OP_TRUE;
    atom name = n->kid[1]->atom;
    if (on && atom_is(name, "supports_gradient_checkpointing"))
        review_find(r, "C5", n, "an exported model does not train");
    else if (on && (starts_with(name, "_supports_flash_attn") || word_in(name, "_supports_sdpa _supports_flex_attn")))
        review_find(r, "C6", n, "there is one attention, the canonical operator: this flag chooses another");
}

/* -- CA2: branches that are decided -------------------------------------------------------------------------------- */

/* The part of a test that prefill decides; NULL: none. Tests for a cache go with the cache (C4). */
static const struct node *decided(struct reviewer *r, const struct node *fn, const struct node *n) {
    const struct fact *given =
        n->kind == NODE_NAME && fn && review_param(fn, n->atom) ? not_in_prefill(r, n->atom) : NULL;
    if (given && !is_cache(given))
        return n;
    const struct fact *config = is_config_attr(n) ? fact_config(r->unit->facts, n->atom) : NULL;
    if (config)
        return n;
    for (uint32_t i = 0; i < n->nkids; i++) {
        const struct node *found = n->kid[i] ? decided(r, fn, n->kid[i]) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

static void check_branch(struct reviewer *r, const struct place *at, const struct node *n) {
    if (n->kind != NODE_IF && n->kind != NODE_IFEXP)
        return;
    const struct node *part = decided(r, at->fn, n->kid[0]);
    if (part) {
        struct diag *d = review_find(r, "CA2", n->kid[0], "this is decided for prefill: `%s` is never set", part->atom);
        review_help(r, d, "keep the branch that runs, without the test");
    }
}

/* A read: a file may well set the configuration to eager. */
static void check_attention_choice(struct reviewer *r, const struct place *at, const struct node *n) {
    bool set = is_kind(at->parent, NODE_ASSIGN) && at->parent->kid[0] != n;
    const struct fact *fact = is_config_attr(n) && !set ? fact_config(r->unit->facts, n->atom) : NULL;
    if (fact && (atom_is(fact->id, "eager-attention") || atom_is(fact->id, "not-flash")))
        review_find(r, "C6", n, "there is one attention, the canonical operator: `%s` chooses nothing", n->atom);
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static void visit(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    if (at->cls && review_is_config(r, at->cls)) /* a configuration says what the checkpoint says */
        return;
    check_cache(r, at, n, user);
    check_training(r, at, n);
    check_flags(r, at, n);
    check_branch(r, at, n);
    check_attention_choice(r, at, n);
    if (n->kind == NODE_FUNCTION) {
        check_parameters(r, n);
        if (at->cls)
            check_generation(r, n);
    }
}

/* What the output carries besides logits. */
static void visit_return(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    static const char fields[] = "past_key_values hidden_states attentions loss cache_params router_logits aux_loss";
    const struct node *call = n->kind == NODE_RETURN && n->kid[0] ? n->kid[0] : NULL;
    if (!is_kind(call, NODE_CALL) || !at->fn || !atom_is(at->fn->atom, "forward"))
        return;
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *field = call->kid[i];
        if (field->kind == NODE_KEYWORD && field->atom && word_in(field->atom, fields) && called_name(call) &&
            strstr(called_name(call), "Output"))
            review_find(r, "A2", field, "the output carries `%s`: nobody reads more than the logits", field->atom);
    }
}

void review_runtime(struct reviewer *r) {
    struct map said = {0};
    review_walk_exported(r, visit, &said);
    review_walk_exported(r, visit_return, NULL);
}
