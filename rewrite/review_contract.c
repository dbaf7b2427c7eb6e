/* review_contract.c - what AutoDeploy asks of the class that it builds: bases, inputs, positions, registration. */
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

/* -- A1, A3, CA1: the models and their forwards -------------------------------------------------------------------- */

static bool is_none_test(const struct node *test, const char *name, enum op op) {
    return test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == op && is_name(test->kid[0], name) &&
           is_none(test->kid[1]);
}

/* The test itself, or a part of it that the operator joins to others. */
static bool tests_positions(const struct node *test, enum op is, enum op joint) {
    for (uint32_t i = 0; test->kind == NODE_BOOLOP && test->op == joint && i < test->nkids; i++)
        if (is_none_test(test->kid[i], "position_ids", is))
            return true;
    return is_none_test(test, "position_ids", is);
}

/* An assertion, or a test that raises. */
static bool demands_positions(const struct node *stmt) {
    if (stmt->kind == NODE_IF)
        return tests_positions(stmt->kid[0], OP_IS, OP_OR) && stmt->kid[1]->kid[0]->kind == NODE_RAISE;
    return stmt->kind == NODE_ASSERT && tests_positions(stmt->kid[0], OP_IS_NOT, OP_AND);
}

static const struct node *fallback_in(const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        if (s->kind == NODE_ASSIGN && is_name(s->kid[1], "position_ids"))
            return s;
        const struct node *inner = s->kind == NODE_IF ? fallback_in(s->kid[1]) : NULL;
        if (inner)
            return inner;
    }
    return NULL;
}

/* `if position_ids is None: position_ids = ...`, or the same as a conditional expression. */
static const struct node *position_fallback(const struct node *body) {
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *s = body->kid[i], *value = s->kind == NODE_ASSIGN ? s->kid[0] : NULL;
        bool absent = s->kind == NODE_IF && is_none_test(s->kid[0], "position_ids", OP_IS);
        const struct node *found = absent ? fallback_in(s->kid[1]) : NULL;
        if (found)
            return found;
        if (is_kind(value, NODE_IFEXP) && is_name(s->kid[1], "position_ids") &&
            (is_none_test(value->kid[0], "position_ids", OP_IS) ||
                is_none_test(value->kid[0], "position_ids", OP_IS_NOT)))
            return s;
    }
    return NULL;
}

static void check_positions(struct reviewer *r, const struct node *cls, const struct node *forward) {
    const struct node *body = function_body(forward), *fallback = position_fallback(body);
    review_applies(r, "CA1");
    if (fallback) {
        struct diag *d = review_find(r, "CA1", fallback, "positions are made up here where they are not given");
        review_help(r, d, "AutoDeploy passes them to every call: assert position_ids is not None");
        return;
    }
    bool demanded = review_param(forward, "position_ids")->kid[1] == NULL; /* no default */
    for (uint32_t i = 0; i < body->nkids; i++)
        demanded |= demands_positions(body->kid[i]);
    if (demanded)
        return;
    struct diag *d = review_find_at(
        r, "CA1", review_name_span(r, forward), "the forward of `%s` does not demand positions", cls->atom);
    review_help(r, d, "assert position_ids is not None, \"position_ids must be provided\"");
}

static void check_entry(struct reviewer *r) {
    const struct node *cls = r->entry, *forward = review_method(r, cls, "forward");
    if (!review_derives(r, cls, "PreTrainedModel")) {
        struct diag *d = review_find_at(r, "A1", review_name_span(r, cls),
            "`%s` is no PreTrainedModel: AutoDeploy builds it with _from_config", cls->atom);
        review_help(r, d, "derive it from a <Name>PreTrainedModel(PreTrainedModel)");
    }
    if (forward == NULL)
        return;
    static const char *const inputs[] = {"input_ids", "position_ids"};
    for (size_t i = 0; i < 2; i++)
        if (!review_param(forward, inputs[i]))
            review_find_at(r, "A3", review_name_span(r, forward), "`%s.forward` takes no `%s`", cls->atom, inputs[i]);
}

static bool is_model(struct reviewer *r, const struct node *def) {
    return def->kind == NODE_CLASS && review_is_exported(r, def) && review_derives(r, def, "PreTrainedModel");
}

/* -- A5: registration ---------------------------------------------------------------------------------------------- */

static const struct node *registering_call(const struct node *stmt) {
    const struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    return review_is_registration(call) ? call : NULL;
}

static void check_registered_class(struct reviewer *r, const struct node *call) {
    const struct node *config = call_argument(call, 0, "config_cls_name"),
                      *cls = call_argument(call, 1, "custom_model_cls");
    if (config && config->kind == NODE_NAME)
        review_find(r, "A5", config, "the key is the name of the configuration class, a string");
    if (is_kind(cls, NODE_NAME) && !module_lookup(r->unit->module, cls->atom))
        review_find(r, "A5", cls, "there is no class `%s`", cls->atom);
}

static void check_registration(struct reviewer *r) {
    const struct node *tree = r->unit->module->tree, *later = NULL;
    bool registered = false;
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *call = registering_call(tree->kid[i]);
        if (call)
            check_registered_class(r, call);
        registered |= call != NULL;
        bool model = tree->kid[i]->kind == NODE_CLASS && (review_derives(r, tree->kid[i], "nn.Module") ||
                                                             review_derives(r, tree->kid[i], "PreTrainedModel"));
        if (registered && model && !later)
            later = tree->kid[i];
    }
    if (!registered)
        review_find(r, "A5", NULL, "no model is registered: AutoDeploy would build Hugging Face's");
    else if (later)
        review_find_at(r, "A5", review_name_span(r, later), "`%s` is defined below the registration", later->atom);
}

void review_contract(struct reviewer *r) {
    const struct node *tree = r->unit->module->tree;
    check_registration(r);
    if (r->entry)
        check_entry(r);
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *def = tree->kid[i];
        const struct node *forward = is_model(r, def) ? review_method(r, def, "forward") : NULL;
        if (forward && review_param(forward, "position_ids") && child_index(class_body(def), forward) >= 0)
            check_positions(r, def, forward);
    }
}
