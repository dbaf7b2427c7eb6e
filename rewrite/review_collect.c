/* review_collect.c - reads the tests of a file: what each asserts and touches, its helpers and fixtures included. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/review_tests.h"

struct collector {
    struct tests *tests;
    struct test *test;
    struct map seen; /* functions that are read already */
};

static bool is_class_name(const char *name) {
    name += strspn(name, "_");
    return isupper((unsigned char)*name);
}

/* The last part of the module of `package.module.Class`. */
static bool in_modeling(atom qual) {
    const char *last = strrchr(qual, '.');
    const char *at = strstr(qual, "modeling_");
    return at && last && at < last && (at == qual || at[-1] == '.');
}

bool is_reference_class(atom qual) {
    if (qual == NULL || !starts_with(qual, "transformers."))
        return false;
    const char *name = strrchr(qual, '.') + 1;
    return is_class_name(name) && !ends_with(name, "Config") &&
           (starts_with(qual, "transformers.models.") || starts_with(name, "AutoModel") || strstr(name, "For") ||
               ends_with(name, "Model"));
}

bool is_tested_class(atom qual) {
    if (qual == NULL || starts_with(qual, "transformers.") || !in_modeling(qual))
        return false;
    const char *name = strrchr(qual, '.') + 1;
    return is_class_name(name) && !ends_with(name, "Config") && !ends_with(name, "Output");
}

/* -- assertions ---------------------------------------------------------------------------------------------------- */

static bool calls_one_of(const struct node *n, const char *names) {
    if (n->kind == NODE_CALL && called_name(n) && word_in(called_name(n), names))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && calls_one_of(n->kid[i], names))
            return true;
    return false;
}

/* difference < 1e-3, ratio <= rmse_ratio_tol */
static bool is_within(const struct node *test) {
    if (test->kind != NODE_COMPARE || test->nkids != 2 || (test->ops[0] != OP_LT && test->ops[0] != OP_LE))
        return false;
    const struct node *bound = test->kid[1];
    bool named = bound->kind == NODE_NAME || bound->kind == NODE_ATTRIBUTE;
    return bound->kind == NODE_NUMBER || (named && strstr(bound->atom, "tol"));
}

static uint32_t kind_of_assert(const struct node *test) {
    bool given = test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_IS_NOT && is_none(test->kid[1]);
    bool same = test->kind == NODE_COMPARE && test->nkids == 2 && node_equal(test->kid[0], test->kid[1]);
    bool either = test->kind == NODE_BOOLOP && test->op == OP_OR && test->kid[test->nkids - 1]->kind == NODE_CONST;
    if (test->kind == NODE_CONST || given || same || either)
        return ASSERTS_NOTHING_MUCH;
    bool opposite = test->kind == NODE_UNARYOP && test->op == OP_NOT;
    if (calls_one_of(test, "allclose equal array_equal"))
        return opposite ? ASSERTS_SOMETHING : ASSERTS_CLOSE;
    if (is_within(test))
        return ASSERTS_CLOSE;
    return calls_one_of(test, "isnan isinf isfinite") ? ASSERTS_FINITE : ASSERTS_SOMETHING;
}

static uint32_t kind_of_call(const struct collector *c, const struct node *call) {
    atom name = called_name(call);
    if (name == NULL)
        return 0;
    bool asserts = starts_with(name, "assert") || starts_with(name, "_assert");
    if (asserts && (strstr(name, "close") || strstr(name, "equal")))
        return ASSERTS_CLOSE;
    if (map_has(&c->tests->functions, name)) /* which is read itself */
        return 0;
    if (asserts || word_in(name, "raises fail warns"))
        return ASSERTS_SOMETHING;
    static const char *const helpers[] = {"check", "verify", "compare", "validate", "run_test", "all_close"};
    for (size_t i = 0; i < sizeof helpers / sizeof helpers[0]; i++)
        if (call->kid[0]->kind == NODE_NAME && starts_with(name + strspn(name, "_"), helpers[i]))
            return ASSERTS_CLOSE; /* of another file: what it asserts is not known */
    return 0;
}

/* -- one function -------------------------------------------------------------------------------------------------- */

static void note_class(struct reviewer *r, struct collector *c, atom name) {
    for (uint32_t i = 0; i < c->test->classes.len; i++)
        if (c->test->classes.at[i] == name)
            return;
    vec_push(r->unit->arena, &c->test->classes, name);
}

static void note_name(struct reviewer *r, struct collector *c, const struct place *at, const struct node *n) {
    atom qual = review_qual(r, at->fn, n);
    if (qual == NULL)
        return;
    c->test->reference |= is_reference_class(qual);
    c->test->dynamic |=
        ends_with(qual, ".Dim.DYNAMIC") || ends_with(qual, ".export.Dim") || ends_with(qual, ".Dim.AUTO");
    if (is_tested_class(qual))
        note_class(r, c, intern(r->unit->atoms, strrchr(qual, '.') + 1));
}

static void note_call(struct collector *c, const struct node *call) {
    static const char loads[] = "load_state_dict copy_ vector_to_parameters load_weights tie_weights";
    atom name = called_name(call);
    if (name == NULL)
        return;
    bool export = strcmp(name, "torch_export_to_gm") == 0 ||
                  (strcmp(name, "export") == 0 && call->kid[0]->kind == NODE_ATTRIBUTE);
    c->test->loads |= word_in(name, loads);
    c->test->exports |= export;
    if (export)
        c->test->export_call = call;
}

/* What a comparison is worth: nothing where a class is compared with itself. */
static void note_asserts(
    struct reviewer *r, struct collector *c, const struct place *at, uint32_t kind, struct node *comparison) {
    atom itself = kind == ASSERTS_CLOSE ? review_compares_itself(r, at->fn, comparison) : NULL;
    if (itself) {
        kind = ASSERTS_ITSELF;
        c->test->itself = comparison;
        c->test->itself_class = itself;
    }
    c->test->asserts |= kind;
}

/* torch.allclose(a, b) without an assertion. */
static void check_unread(struct reviewer *r, const struct collector *c, const struct node *stmt) {
    const struct node *call = stmt->kid[0];
    atom name = is_kind(call, NODE_CALL) ? called_name(call) : NULL;
    if (name && word_in(name, "allclose equal array_equal isclose") && !map_has(&c->tests->functions, name))
        review_find(r, "F2", call, "nothing reads what `%s` finds: it does not raise", name);
}

static void visit(struct reviewer *r, const struct place *at, struct node *n, void *user);

static void follow(struct reviewer *r, struct collector *c, atom name) {
    struct node *fn = name ? map_get(&c->tests->functions, name) : NULL;
    if (fn == NULL || map_has(&c->seen, name))
        return;
    map_put(r->unit->arena, &c->seen, name, fn);
    review_walk(r, fn, visit, c);
}

static void visit(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct collector *c = user;
    switch (n->kind) {
    case NODE_EXPR: check_unread(r, c, n); break;
    case NODE_ASSERT: note_asserts(r, c, at, kind_of_assert(n->kid[0]), n->kid[0]); break;
    case NODE_CALL:
        note_asserts(r, c, at, kind_of_call(c, n), n);
        note_call(c, n);
        break;
    case NODE_PARAM: follow(r, c, n->atom); break; /* a fixture */
    case NODE_NAME:
        follow(r, c, n->atom);
        note_name(r, c, at, n);
        break;
    case NODE_ATTRIBUTE:
        if (is_self_attr(n))
            follow(r, c, n->atom);
        note_name(r, c, at, n);
        break;
    case NODE_KEYVALUE:
        c->test->batch |= n->kid[0] && is_int(n->kid[0], 0);
        c->test->sequence |= n->kid[0] && is_int(n->kid[0], 1);
        break;
    case NODE_ASSIGN: /* x.weight.data = ... */
        c->test->loads |= is_kind(n->kid[1], NODE_ATTRIBUTE) && word_in(n->kid[1]->atom, "data weight bias");
        break;
    default: break;
    }
}

/* -- the file ------------------------------------------------------------------------------------------------------ */

static void visit_function(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct tests *tests = user;
    if (n->kind == NODE_FUNCTION && !at->fn)
        map_put(r->unit->arena, &tests->functions, n->atom, n);
    if ((n->kind != NODE_IMPORTFROM && n->kind != NODE_IMPORT) || at->fn)
        return;
    atom from = n->kind == NODE_IMPORT ? NULL : import_base(r->unit, r->unit->module, n);
    for (uint32_t i = 0; i < n->nkids; i++) {
        atom qual = from ? intern_dotted(r->unit->atoms, from, n->kid[i]->atom) : n->kid[i]->atom;
        /* `from ...custom import modeling_oak`: its classes are named behind that */
        tests->of_model |= is_tested_class(qual) || is_tested_class(intern_dotted(r->unit->atoms, qual, "Model"));
    }
}

static void visit_test(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct tests *tests = user;
    if (n->kind != NODE_FUNCTION || at->fn || !starts_with(n->atom, "test_"))
        return;
    vec_push(r->unit->arena, &tests->list, ((struct test){.fn = n}));
    struct collector c = {.tests = tests, .test = &vec_last(&tests->list)};
    map_put(r->unit->arena, &c.seen, n->atom, n);
    review_walk(r, n, visit, &c);
}

struct tests *tests_collect(struct reviewer *r) {
    struct tests *tests = NEW(r->unit->arena, struct tests);
    review_walk(r, r->unit->module->tree, visit_function, tests);
    review_walk(r, r->unit->module->tree, visit_test, tests);
    return tests;
}
