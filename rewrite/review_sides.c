/* review_sides.c - the two sides of a comparison: which module computed each, and how far apart they may be.
 *
 * A value comes from the module whose call it is, through attributes, elements and methods of it: `logits` of
 * `model(ids).logits.float()` from the class of `model`. Two values of one class are no comparison with a reference,
 * whatever they are called. What is not known, such as a class that a helper is given, counts as another. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/review_tests.h"

enum { DEEPEST = 12 }; /* names, calls and helpers that are looked through */

static atom class_at(struct reviewer *r, const struct node *fn, struct node *e, int depth);

/* -- what a helper returns ----------------------------------------------------------------------------------------- */

static struct node *returned(struct node *n) {
    if (n->kind == NODE_RETURN)
        return n->kid[0];
    struct node *found = NULL;
    for (uint32_t i = 0; i < n->nkids && !found && !node_is_expr(n); i++)
        found = n->kid[i] && !node_is_expr(n->kid[i]) ? returned(n->kid[i]) : NULL;
    return found;
}

/* The function of the file that a call names. */
static const struct node *helper_of(const struct reviewer *r, const struct node *call) {
    return is_kind(call, NODE_CALL) && is_kind(call->kid[0], NODE_NAME)
               ? review_definition(r, call->kid[0]->atom, NODE_FUNCTION)
               : NULL;
}

struct unpacked {
    atom name;
    const struct node *call; /* the call of which it is an element */
    uint32_t index;
};

static void find_unpacked(struct unpacked *u, const struct node *n) {
    if (n == NULL || node_is_expr(n))
        return;
    if (n->kind == NODE_ASSIGN && n->kid[0]->kind == NODE_CALL && is_kind(n->kid[1], NODE_TUPLE))
        for (uint32_t i = 0; i < n->kid[1]->nkids; i++)
            if (is_kind(n->kid[1]->kid[i], NODE_NAME) && n->kid[1]->kid[i]->atom == u->name) {
                u->call = n->kid[0];
                u->index = i;
            }
    for (uint32_t i = 0; i < n->nkids; i++)
        find_unpacked(u, n->kid[i]);
}

/* hf_model, model = build_models(): the class of the element that the helper returns. */
static atom class_unpacked(struct reviewer *r, const struct node *fn, atom name, int depth) {
    struct unpacked u = {.name = name};
    find_unpacked(&u, function_body(fn));
    const struct node *helper = helper_of(r, u.call);
    struct node *all = helper ? review_behind(helper, returned(function_body(helper))) : NULL;
    bool known = is_kind(all, NODE_TUPLE) && u.index < all->nkids;
    return known ? class_at(r, helper, all->kid[u.index], depth + 1) : NULL;
}

/* -- classes ------------------------------------------------------------------------------------------------------- */

static bool hands_on(const struct node *method) {
    return is_kind(method, NODE_ATTRIBUTE) && word_in(method->atom, "to eval train cuda cpu float half bfloat16");
}

static atom class_at(struct reviewer *r, const struct node *fn, struct node *e, int depth) {
    e = review_behind(fn, e);
    if (e == NULL || depth > DEEPEST)
        return NULL;
    const struct node *helper = helper_of(r, e);
    if (helper && function_body(helper) && returned(function_body(helper)))
        return class_at(r, helper, returned(function_body(helper)), depth + 1);
    if (e->kind == NODE_CALL) {
        if (hands_on(e->kid[0]))
            return class_at(r, fn, e->kid[0]->kid[0], depth + 1);
        if (called_name(e) && word_in(called_name(e), "deepcopy copy") && e->nkids > 1)
            return class_at(r, fn, e->kid[1], depth + 1);
        return class_at(r, fn, e->kid[0], depth + 1);
    }
    if (e->kind == NODE_NAME && fn && !review_qual(r, fn, e))
        return class_unpacked(r, fn, e->atom, depth);
    return review_qual(r, fn, e);
}

atom review_class_of(struct reviewer *r, const struct node *fn, struct node *e) {
    return class_at(r, fn, e, 0);
}

/* -- values -------------------------------------------------------------------------------------------------------- */

static bool names_class(atom qual) {
    return is_tested_class(qual) || is_reference_class(qual);
}

static atom computed_by(struct reviewer *r, const struct node *fn, struct node *e, int depth);

/* def run(model, ids): return model(ids).logits - the module is the argument for the parameter that it calls. */
static atom run_by(struct reviewer *r, const struct node *fn, const struct node *call, int depth) {
    const struct node *helper = helper_of(r, call);
    struct node *e = helper ? review_behind(helper, returned(function_body(helper))) : NULL;
    while (e && (e->kind == NODE_ATTRIBUTE || e->kind == NODE_SUBSCRIPT ||
                    (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE)))
        e = review_behind(helper, e->kid[0]);
    const struct node *params = is_kind(e, NODE_CALL) && e->kid[0]->kind == NODE_NAME ? function_params(helper) : NULL;
    for (uint32_t i = 0; params && i < params->nkids; i++)
        if (params->kid[i]->atom && params->kid[i]->atom == e->kid[0]->atom) {
            struct node *module = call_argument(call, i, params->kid[i]->atom);
            return module ? class_at(r, fn, module, depth + 1) : NULL;
        }
    return NULL;
}

/* The class of the module that computed a value. */
static atom computed_by(struct reviewer *r, const struct node *fn, struct node *e, int depth) {
    e = e ? review_behind(fn, e) : NULL;
    if (e == NULL || depth > DEEPEST)
        return NULL;
    if (e->kind == NODE_ATTRIBUTE || e->kind == NODE_SUBSCRIPT)
        return computed_by(r, fn, e->kid[0], depth + 1);
    if (e->kind != NODE_CALL)
        return NULL;
    struct node *callee = e->kid[0];
    atom qual = review_qual(r, fn, callee);
    if (qual && names_class(qual)) /* it makes a module, and runs none */
        return NULL;
    if (qual)
        return starts_with(qual, "torch.") && e->nkids > 1 ? computed_by(r, fn, e->kid[1], depth + 1) : NULL;
    bool method = callee->kind == NODE_ATTRIBUTE;
    if (method && word_in(callee->atom, "state_dict parameters named_parameters"))
        return NULL;
    atom cls = helper_of(r, e) ? run_by(r, fn, e, depth) : class_at(r, fn, method ? callee->kid[0] : callee, depth + 1);
    if (names_class(cls))
        return cls;
    return method ? computed_by(r, fn, callee->kid[0], depth + 1) : NULL;
}

/* a - b, in whatever is done with it: (a - b).abs().max() */
static struct node *difference_in(struct node *n) {
    if (n->kind == NODE_BINOP && n->op == OP_SUB)
        return n;
    struct node *found = NULL;
    for (uint32_t i = 0; i < n->nkids && !found; i++)
        found = n->kid[i] ? difference_in(n->kid[i]) : NULL;
    return found;
}

atom review_compares_itself(struct reviewer *r, const struct node *fn, struct node *comparison) {
    struct node *a = NULL, *b = NULL;
    struct node *minus = comparison->kind == NODE_COMPARE ? difference_in(comparison->kid[0]) : NULL;
    if (minus) {
        a = minus->kid[0];
        b = minus->kid[1];
    } else if (comparison->kind == NODE_CALL) {
        a = call_argument(comparison, 0, "actual");
        b = call_argument(comparison, 1, "expected");
    }
    if (a == NULL || b == NULL)
        return NULL;
    atom of = computed_by(r, fn, a, 0);
    return of && of == computed_by(r, fn, b, 0) ? intern(r->unit->atoms, strrchr(of, '.') + 1) : NULL;
}

/* -- F5: how far apart they may be --------------------------------------------------------------------------------- */

/* A tenth of what attention is allowed in bfloat16, the widest of all: beyond, a wrong scale passes. */
static const double widest = 0.1;

static bool is_tolerance(const char *name) {
    return name && strstr(name, "tol") != NULL;
}

static bool is_infinite(struct reviewer *r, const struct node *fn, const struct node *e) {
    atom qual = review_qual(r, fn, e);
    return (qual && ends_with(qual, ".inf")) ||
           (is_kind(e, NODE_CALL) && is_name(e->kid[0], "float") && is_kind(call_argument(e, 0, "x"), NODE_STRING));
}

static void check_tolerance(struct reviewer *r, const struct node *fn, struct node *value) {
    struct node *e = review_behind(fn, value);
    const struct symbol *symbol = is_kind(e, NODE_NAME) ? module_lookup(r->unit->module, e->atom) : NULL;
    if (symbol && symbol->kind == SYM_VALUE)
        e = symbol->def;
    bool infinite = e && is_infinite(r, fn, e);
    if (!is_kind(e, NODE_NUMBER) && !infinite)
        return;
    review_applies(r, "F5");
    if (!infinite && strtod(e->atom, NULL) <= widest)
        return;
    struct diag *d =
        review_find(r, "F5", value, "a tolerance of %s lets mistakes pass", infinite ? "infinity" : e->atom);
    review_help(r, d, "0.10 is for attention in bfloat16, 0.05 for layers and models, 0.02 for experts, else 1e-3");
}

static void visit_tolerance(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if (n->kind == NODE_ASSERT && n->kid[0]->kind == NODE_COMPARE && n->kid[0]->nkids == 2 &&
        (n->kid[0]->ops[0] == OP_LT || n->kid[0]->ops[0] == OP_LE) && difference_in(n->kid[0]->kid[0]))
        check_tolerance(r, at->fn, n->kid[0]->kid[1]);
    if (n->kind == NODE_PARAM && is_tolerance(n->atom) && n->kid[1])
        check_tolerance(r, at->fn, n->kid[1]);
    if (n->kind != NODE_CALL || called_name(n) == NULL)
        return;
    bool rmse = strstr(called_name(n), "rmse_close") != NULL;
    const struct node *helper = helper_of(r, n);
    uint32_t position = 0;
    for (uint32_t i = 1; i < n->nkids; i++) {
        struct node *a = n->kid[i];
        if (a->kind == NODE_KEYWORD) {
            if (is_tolerance(a->atom))
                check_tolerance(r, at->fn, a->kid[0]);
            continue;
        }
        const struct node *params = helper ? function_params(helper) : NULL;
        bool named = params && position < params->nkids && is_tolerance(params->kid[position]->atom);
        if (named || (rmse && !helper && position == 2))
            check_tolerance(r, at->fn, a);
        position++;
    }
}

void review_tolerances(struct reviewer *r) {
    review_walk(r, r->unit->module->tree, visit_tolerance, NULL);
}
