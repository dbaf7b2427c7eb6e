/* review_tests.c - the tests of a model: a small configuration, assertions that can fail, the reference of Hugging Face
 * with the same weights and a mask that makes it causal. */
#include "rewrite/review_tests.h"

#include <string.h>

#include "base/text.h"

/* -- F1: the configuration ----------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int most;
} sizes[] = {{"hidden_size", 512}, {"num_hidden_layers", 9}, {"vocab_size", 10000}};

static void check_size(struct reviewer *r, const char *name, const struct node *value) {
    int number;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcmp(name, sizes[i].name) != 0 || !literal_int(value, &number))
            continue;
        review_applies(r, "F1");
        if (number > sizes[i].most)
            review_find(r, "F1", value, "the configuration is not small: %s is %d", name, number);
    }
}

static void visit_size(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind == NODE_KEYWORD && n->atom)
        check_size(r, n->atom, n->kid[0]);
    atom key =
        n->kind == NODE_KEYVALUE && is_kind(n->kid[0], NODE_STRING) ? string_value(r->unit->atoms, n->kid[0]) : NULL;
    if (key)
        check_size(r, key, n->kid[1]);
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    const struct node *name = qual && starts_with(qual, "transformers.") && ends_with(qual, ".from_pretrained")
                                  ? call_argument(n, 0, "pretrained_model_name_or_path")
                                  : NULL;
    if (is_kind(name, NODE_STRING))
        review_find(r, "F1", n, "this needs the files of a published model: make a small configuration instead");
}

/* -- F2, F3: assertions -------------------------------------------------------------------------------------------- */

static void check_asserts(struct reviewer *r, const struct test *test) {
    uint32_t much = test->asserts & ~(uint32_t)ASSERTS_NOTHING_MUCH;
    if (much == 0)
        review_find_at(r, "F2", review_name_span(r, test->fn), "`%s` passes if nothing raises: it asserts nothing",
            test->fn->atom);
    else if (much == ASSERTS_FINITE)
        review_find_at(
            r, "F3", review_name_span(r, test->fn), "`%s` asserts only that numbers are finite", test->fn->atom);
}

/* -- F4: the reference --------------------------------------------------------------------------------------------- */

static void visit_weights(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    if (qual_ends(qual, "nn.Linear") || qual_ends(qual, "nn.Parameter") || qual_ends(qual, "nn.Embedding"))
        *(bool *)user = true;
}

/* A model written down in the test: a module with weights. */
static const struct node *own_model(struct reviewer *r) {
    const struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++) {
        struct node *def = tree->kid[i];
        bool weights = false;
        if (def->kind != NODE_CLASS || !review_derives(r, def, "nn.Module"))
            continue;
        review_walk(r, def, visit_weights, &weights);
        if (weights)
            return def;
    }
    return NULL;
}

static void visit_origin(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at;
    if (n->kind != NODE_IMPORTFROM || n->level > 0)
        return;
    for (uint32_t i = 0; i < n->nkids; i++) {
        atom qual = intern_dotted(r->unit->atoms, n->atom, n->kid[i]->atom);
        bool config = starts_with(qual, "transformers.") && ends_with(qual, "Config") &&
                      !ends_with(qual, "PretrainedConfig") && !ends_with(qual, "PreTrainedConfig") &&
                      !ends_with(qual, ".AutoConfig");
        *(bool *)user |= config;
    }
}

/* The path hacks that make a test depend on where it runs. */
static void visit_path(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    if (qual && word_in(qual, "sys.path.insert sys.path.append"))
        review_find(r, "F4", n, "the test imports from a path of this machine");
}

static void check_reference(struct reviewer *r, const struct tests *tests) {
    bool reference = false, known = false, close = false;
    struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tests->list.len; i++) {
        reference |= tests->list.at[i].reference;
        close |= (tests->list.at[i].asserts & ASSERTS_CLOSE) != 0;
    }
    review_walk(r, tree, visit_origin, &known);
    review_walk(r, tree, visit_path, NULL);
    const struct node *own = own_model(r);
    if (!close)
        review_find(r, "F3", NULL, "no test compares numbers with a reference");
    if (reference || !known || own == NULL)
        return;
    struct diag *d = review_find_at(r, "F4", review_name_span(r, own),
        "`%s` is a reference of the test's own, but transformers has the model", own->atom);
    review_help(r, d, "what is written twice by one person has the same mistake twice: import Hugging Face's class");
}

/* -- H2: weights --------------------------------------------------------------------------------------------------- */

/* Modules that surely have weights: rotary embeddings have none, and norms may have none. */
static bool has_weights(const struct test *test) {
    static const char *const kinds[] = {
        "ForCausalLM", "Model", "Layer", "Attention", "MLP", "Moe", "MoE", "MoeBlock", "Experts", "Router", "Mixer"};
    for (uint32_t i = 0; i < test->classes.len; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (ends_with(test->classes.at[i], kinds[k]))
                return true;
    return false;
}

static void check_weights(struct reviewer *r, const struct test *test) {
    if (!test->reference || !(test->asserts & ASSERTS_CLOSE) || !has_weights(test))
        return;
    review_applies(r, "H2");
    if (!test->loads)
        review_find_at(r, "H2", review_name_span(r, test->fn),
            "`%s` compares two models with weights of their own: none are copied", test->fn->atom);
}

/* -- G5: the mask of the reference --------------------------------------------------------------------------------- */

static bool gives_mask(const struct node *fn, const struct node *call) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *a = call->kid[i];
        if (a->kind == NODE_STARRED || (a->kind == NODE_KEYWORD && a->atom == NULL))
            return true; /* it may */
    }
    struct node *mask = call_argument(call, UINT32_MAX, "attention_mask");
    if (mask)
        return !is_none(review_behind(fn, mask));
    uint32_t positional = 0;
    for (uint32_t i = 1; i < call->nkids; i++)
        positional += call->kid[i]->kind != NODE_KEYWORD && !is_none(call->kid[i]);
    return positional >= 3;
}

static void visit_reference_call(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind != NODE_CALL || !at->fn || !is_kind(n->kid[0], NODE_NAME) || n->nkids < 2)
        return;
    struct node *object = review_behind(at->fn, n->kid[0]);
    atom qual = is_kind(object, NODE_CALL) ? review_class_of(r, at->fn, object) : NULL;
    bool is_class =
        qual && is_kind(object->kid[0], NODE_NAME) &&
        review_definition(r, object->kid[0]->atom, NODE_FUNCTION); /* that a helper returns: this makes one */
    if (is_class || !is_reference_class(qual))
        return;
    const char *name = strrchr(qual, '.') + 1;
    if (!ends_with(name, "Attention") && !ends_with(name, "DecoderLayer"))
        return;
    review_applies(r, "G5");
    if (gives_mask(at->fn, n))
        return;
    struct diag *d = review_find(r, "G5", n, "Hugging Face's `%s` is not causal without a mask", name);
    review_help(r, d, "in eager mode it adds the mask that it is given: pass one with -inf above the diagonal");
}

void review_tests(struct reviewer *r) {
    struct tests *tests = tests_collect(r);
    review_walk(r, r->unit->module->tree, visit_size, NULL);
    for (uint32_t i = 0; i < tests->list.len; i++)
        check_asserts(r, &tests->list.at[i]);
    if (!tests->of_model)
        return;
    review_applies(r, "F4");
    check_reference(r, tests);
    review_tolerances(r);
    for (uint32_t i = 0; i < tests->list.len; i++)
        check_weights(r, &tests->list.at[i]);
    review_walk(r, r->unit->module->tree, visit_reference_call, NULL);
}
