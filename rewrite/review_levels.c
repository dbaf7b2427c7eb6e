/* review_levels.c - the levels of a model's tests: blocks, a decoder layer, the full model, the exported one.
 *
 * A test is of the level of the classes that it compares, or that its name speaks of. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/review_tests.h"

enum { LEVEL_BLOCK = 1, LEVEL_LAYER = 2, LEVEL_MODEL = 4 };

static bool is_whole(const char *name) {
    return ends_with(name, "ForCausalLM") || ends_with(name, "LMHeadModel") ||
           ends_with(name, "ForConditionalGeneration");
}

static uint32_t level_of_class(const char *name) {
    if (is_whole(name))
        return LEVEL_MODEL;
    if (ends_with(name, "Model"))
        return 0;
    bool norm = strstr(name, "Norm") != NULL, experts = strstr(name, "Moe") || strstr(name, "MoE");
    bool layer = ends_with(name, "Layer") || (ends_with(name, "Block") && !experts);
    return layer && !norm ? LEVEL_LAYER : LEVEL_BLOCK;
}

/* By the words of test_decoder_layer_equivalence. */
static uint32_t level_of_name(const char *name) {
    static const char blocks[] =
        "mlp attention attn moe norm rmsnorm layernorm router experts expert rope rotary mixer "
        "gate block blocks ssm ffn embedding";
    uint32_t levels = 0;
    bool full = false;
    for (const char *at = name; *at;) {
        char word[32];
        size_t len = strcspn(at, "_");
        snprintf(word, sizeof word, "%.*s", (int)len, at);
        levels |= word_in(word, blocks) ? LEVEL_BLOCK : 0;
        levels |= word_in(word, "layer layers") ? LEVEL_LAYER : 0;
        full |= word_in(word, "full logits e2e");
        at += len + (at[len] == '_');
    }
    return full ? LEVEL_MODEL : levels;
}

static uint32_t level_of(const struct test *test) {
    uint32_t levels = level_of_name(test->fn->atom), classes = 0;
    for (uint32_t i = 0; i < test->classes.len; i++)
        classes |= level_of_class(test->classes.at[i]);
    /* A block may be compared inside of a whole model; a whole model is compared as such where no part is named. */
    if (classes & ~(uint32_t)LEVEL_MODEL)
        classes &= ~(uint32_t)LEVEL_MODEL;
    if (classes == LEVEL_MODEL && levels)
        return levels;
    return levels | classes;
}

/* Where nothing is compared at a level but a class with itself, that is the place to say so. */
static const struct test *itself_at(const struct tests *tests, uint32_t level) {
    for (uint32_t i = 0; i < tests->list.len; i++)
        if (tests->list.at[i].itself && (level_of(&tests->list.at[i]) & level))
            return &tests->list.at[i];
    return NULL;
}

static void check_levels(struct reviewer *r, const struct tests *tests) {
    uint32_t levels = 0;
    for (uint32_t i = 0; i < tests->list.len; i++) {
        const struct test *test = &tests->list.at[i];
        if ((test->asserts & ASSERTS_CLOSE) && !test->exports)
            levels |= level_of(test);
    }
    static const struct {
        uint32_t level;
        const char *id, *what;
    } wanted[] = {
        {LEVEL_BLOCK, "G1", "a block"}, {LEVEL_LAYER, "G2", "a decoder layer"}, {LEVEL_MODEL, "G3", "the full model"}};
    for (size_t i = 0; i < 3; i++) {
        const struct test *itself = levels & wanted[i].level ? NULL : itself_at(tests, wanted[i].level);
        if (itself)
            review_find(r, wanted[i].id, itself->itself,
                "`%s` is compared with itself here, and no test compares %s with the reference", itself->itself_class,
                wanted[i].what);
        else if (!(levels & wanted[i].level))
            review_find(r, wanted[i].id, NULL, "no test compares %s with the reference", wanted[i].what);
    }
}

/* -- the exported model -------------------------------------------------------------------------------------------- */

struct runs {
    atom name; /* of the variable that holds the exported module */
    uint32_t count;
};

static void visit_run(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)r, (void)at;
    struct runs *runs = user;
    if (n->kind == NODE_FOR && node_names(n->kid[2], runs->name))
        runs->count++; /* as often as the loop turns */
    if (n->kind != NODE_CALL)
        return;
    if (is_kind(n->kid[0], NODE_NAME) && n->kid[0]->atom == runs->name)
        runs->count++;
    else if (called_name(n) && !word_in(called_name(n), "move_to_device eval to print"))
        for (uint32_t i = 1; i < n->nkids; i++)
            runs->count += n->kid[i]->kind == NODE_NAME && n->kid[i]->atom == runs->name; /* run by a helper */
}

static void visit_export(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    const struct test *test = user;
    struct node *value = n->kind == NODE_ASSIGN ? n->kid[0] : NULL;
    if (value && value->kind == NODE_CALL && value == test->export_call && is_kind(n->kid[1], NODE_NAME) && at->fn) {
        struct runs runs = {.name = n->kid[1]->atom};
        review_walk(r, (struct node *)at->fn, visit_run, &runs);
        if (runs.count < 2)
            review_find(r, "G6", n, "the exported model is run at one shape only");
    }
}

static bool has_dynamic_shapes(const struct test *test) {
    const struct node *shapes = call_argument(test->export_call, UINT32_MAX, "dynamic_shapes");
    return shapes && !is_none(shapes) && test->dynamic && test->batch && test->sequence;
}

static void check_export(struct reviewer *r, const struct tests *tests) {
    bool any = false;
    for (uint32_t i = 0; i < tests->list.len; i++) {
        struct test *test = &tests->list.at[i];
        if (!test->exports)
            continue;
        any = true;
        review_applies(r, "G6");
        if (!has_dynamic_shapes(test)) {
            struct diag *d =
                review_find(r, "G4", test->export_call, "the model is exported for one batch size or length");
            review_help(r, d, "dynamic_shapes needs {0: Dim.DYNAMIC, 1: Dim.DYNAMIC} for each input");
        }
        review_walk(r, r->unit->module->tree, visit_export, test);
    }
    if (!any)
        review_find(r, "G4", NULL, "no test exports the model");
}

void review_levels(struct reviewer *r) {
    const struct tests *tests = tests_collect(r);
    if (!tests->of_model)
        return;
    review_applies(r, "G1");
    review_applies(r, "G2");
    review_applies(r, "G3");
    review_applies(r, "G4");
    check_levels(r, tests);
    check_export(r, tests);
}
