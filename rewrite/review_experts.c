/* review_experts.c - experts: a module each, with the weights of the checkpoint, and the hooks that load those. */
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

/* -- D4: stacked parameters ---------------------------------------------------------------------------------------- */

/* Whether an expression counts experts: some name in it says so. */
bool review_counts_experts(const struct node *e) {
    if ((e->kind == NODE_NAME || e->kind == NODE_ATTRIBUTE) && strstr(e->atom, "expert"))
        return true;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && review_counts_experts(e->kid[i]))
            return true;
    return false;
}

/* nn.Parameter(torch.empty(experts, a, b)) */
bool review_is_stacked(struct reviewer *r, const struct node *fn, const struct node *call) {
    atom qual = call->kind == NODE_CALL ? review_qual(r, fn, call->kid[0]) : NULL;
    const struct node *made = qual_ends(qual, "nn.Parameter") ? call_argument(call, 0, "data") : NULL;
    if (!is_kind(made, NODE_CALL) || !called_name(made) || !word_in(called_name(made), "empty zeros ones randn rand"))
        return false;
    const struct node *shape =
        made->nkids > 1 && word_in(node_kind_name(made->kid[1]->kind), "Tuple List") ? made->kid[1] : NULL;
    const struct node *dims[4];
    uint32_t count = 0;
    for (uint32_t i = shape ? 0 : 1; i < (shape ? shape : made)->nkids && count < 4; i++) {
        const struct node *dim = (shape ? shape : made)->kid[i];
        if (dim->kind != NODE_KEYWORD)
            dims[count++] = dim;
    }
    return count == 3 && review_counts_experts(dims[0]);
}

/* self.weights[e] below a node, for the name of an e. */
static bool takes_items(const struct node *n, atom e) {
    if (n->kind == NODE_SUBSCRIPT && n->kid[0]->kind == NODE_ATTRIBUTE && is_kind(n->kid[1], NODE_NAME) &&
        n->kid[1]->atom == e)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && takes_items(n->kid[i], e))
            return true;
    return false;
}

/* for e in range(...): ... self.weights[e] ... */
static bool is_loop_over_all(const struct node *n) {
    return n->kind == NODE_FOR && n->kid[0]->kind == NODE_NAME && n->kid[1]->kind == NODE_CALL &&
           is_name(n->kid[1]->kid[0], "range") && takes_items(n->kid[2], n->kid[0]->atom);
}

/* The operators that take stacked weights as they are, and loops over all experts, whose items torch.export takes. */
static void visit_stacked_op(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    *(bool *)user |= is_loop_over_all(n);
    if (qual_ends(qual, "auto_deploy.torch_moe_dense_mlp") || qual_ends(qual, "torch.bmm"))
        *(bool *)user = true;
}

static void visit_parameter(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind != NODE_CALL || !at->fn || !at->cls || !review_is_stacked(r, at->fn, n))
        return;
    bool taken = false;
    review_applies(r, "D4");
    review_walk_exported(r, visit_stacked_op, &taken);
    if (taken)
        return;
    struct diag *d = review_find(r, "D4", n, "the weights of all experts are one parameter here");
    review_help(r, d, "make an nn.ModuleList of experts and hand torch_moe a list of their weights");
}

/* -- D4, D5: the weights that torch_moe gets ----------------------------------------------------------------------- */

/* The element of [expert.x.weight for expert in self.experts]; NULL for anything else. */
static const struct node *element_of(const struct node *list) {
    return is_kind(list, NODE_LISTCOMP) && list->nkids == 2 ? list->kid[0] : NULL;
}

/* gate_proj of expert.gate_proj.weight; NULL where the element is no attribute of an attribute. */
static atom weight_of(const struct node *element) {
    bool own = is_kind(element, NODE_ATTRIBUTE) && is_kind(element->kid[0], NODE_ATTRIBUTE);
    return own ? element->kid[0]->atom : NULL;
}

/* Which of the three a name says that it is; -1: it does not say. */
static int role_of(atom name) {
    return name == NULL                  ? -1
           : starts_with(name, "gate_p") ? 0
           : starts_with(name, "down_")  ? 1
           : starts_with(name, "up_")    ? 2
                                         : -1;
}

static void check_weights(struct reviewer *r, const struct node *fn, const struct node *call) {
    static const char *const names[] = {"w1_weight", "w2_weight", "w3_weight"}, *const roles[] = {"gate", "down", "up"};
    const struct node *gated = call_argument(call, 6, "is_gated_mlp");
    bool has_gate = gated == NULL || (is_kind(gated, NODE_CONST) && gated->op == OP_TRUE); /* where it is known */
    atom weights[3] = {0};
    for (uint32_t i = 0; i < 3; i++) {
        struct node *given = call_argument(call, 3 + i, names[i]);
        const struct node *list = given ? review_behind(fn, given) : NULL, *element = element_of(list);
        weights[i] = weight_of(element);
        int role = role_of(weights[i]);
        if (element && !weights[i] && element->kind == NODE_SUBSCRIPT) {
            struct diag *d =
                review_find(r, "D5", element, "an expert has no weight of its own here: it is cut out of another");
            review_help(r, d, "give each expert its projections, and split the checkpoint's tensor in a load hook");
        } else if (has_gate && role >= 0 && role != (int)i) {
            review_find(r, "D5", given, "`%s` is the %s projection, but gets `%s`", names[i], roles[i], weights[i]);
        }
        if (is_kind(list, NODE_LIST) && list->nkids == 0 && has_gate)
            review_find(
                r, "D5", given, "`%s` is empty, but the experts have a gate: is_gated_mlp is not False", names[i]);
    }
    if (has_gate && weights[0] && weights[0] == weights[2])
        review_find(
            r, "D5", call_argument(call, 5, names[2]), "gate and up projection are the same weight, `%s`", weights[0]);
}

static void visit_moe(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    atom qual = n->kind == NODE_CALL ? review_qual(r, at->fn, n->kid[0]) : NULL;
    if (!qual_ends(qual, "auto_deploy.torch_moe") || !at->fn)
        return;
    review_applies(r, "D4");
    review_applies(r, "D5");
    check_weights(r, at->fn, n);
}

/* -- BA2: load hooks ----------------------------------------------------------------------------------------------- */

/* A function that torch calls with a state dict before it is loaded. */
static bool is_hook(const struct node *fn) {
    const struct node *params = function_params(fn);
    bool object = params->nkids > 0 && params->kid[0]->atom && word_in(params->kid[0]->atom, "self module");
    uint32_t first = object ? 1 : 0;
    return params->nkids > first + 1 && atom_is(params->kid[first]->atom, "state_dict") &&
           atom_is(params->kid[first + 1]->atom, "prefix") &&
           !word_in(fn->atom, "_load_from_state_dict _save_to_state_dict");
}

/* How often a name stands as a value or an attribute. */
static uint32_t count_uses(const struct node *n, atom name) {
    uint32_t count = (n->kind == NODE_NAME || n->kind == NODE_ATTRIBUTE) && n->atom == name;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += n->kid[i] ? count_uses(n->kid[i], name) : 0;
    return count;
}

static void visit_hook(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind != NODE_FUNCTION || at->fn || !is_hook(n))
        return;
    review_applies(r, "BA2");
    if (count_uses(r->unit->module->tree, n->atom) > 0)
        return;
    struct diag *d =
        review_find_at(r, "BA2", review_name_span(r, n), "the load hook `%s` is not registered anywhere", n->atom);
    review_help(r, d, "self._register_load_state_dict_pre_hook(...) in the module whose keys it changes");
}

void review_experts(struct reviewer *r) {
    review_walk_exported(r, visit_parameter, NULL);
    review_walk_exported(r, visit_moe, NULL);
    review_walk(r, r->unit->module->tree, visit_hook, NULL);
}
