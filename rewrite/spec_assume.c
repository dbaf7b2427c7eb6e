/* spec_assume.c - what the tests around a branch say of things that the configuration has chosen.
 *
 *     self.mixer = MIXERS[self.kind](config, layer_idx)
 *     ...
 *     if self.kind == "attention":
 *         x = self.mixer(x, attention_mask=mask)
 *
 * Inside of the branch the mixer is of one class, and there is a mask where the model makes one for that kind of layer.
 * Which module it is, and whether there is a mask, hangs on a test that the constructor can answer (absval.h); here it
 * is asked whether such a test can hold where the tests of the branches around do. */
#include <string.h>

#include "rewrite/declined.h"
#include "rewrite/spec.h"

struct assumption {
    const struct node *test; /* in terms of `config` and `layer_idx` */
    bool holds;
    const struct assumption *before;
};

const struct assumption *assume(struct frame *f, const struct absval *test, bool holds) {
    const struct assumption *before = f->assumed;
    struct node *symbol = test->kind == ABS_SYMBOLIC ? abs_symbol(f->unit, test) : NULL;
    if (symbol) {
        struct assumption *a = NEW(f->unit->arena, struct assumption);
        *a = (struct assumption){symbol, holds, before};
        f->assumed = a;
    }
    return before;
}

void note_state_here(const struct frame *f) {
    for (const struct assumption *a = f->assumed; a; a = a->before)
        note_state_under(f->unit, a->test, a->holds);
}

/* -- three-valued tests -------------------------------------------------------------------------------------------- */

/* Something of which a test asks whether it is one of several strings; and the string that it is taken to be, NULL: any
 * that is not mentioned. */
struct subject {
    struct unit *unit;
    const struct node *of;
    atom is;
};

static int negated_truth(int truth) {
    return truth < 0 ? truth : !truth;
}

static int is_string(const struct subject *s, const struct node *e) {
    return e->kind == NODE_STRING ? string_value(s->unit->atoms, e) == s->is : -1;
}

static int is_among(const struct subject *s, const struct node *e) {
    int found = e->kind == NODE_TUPLE || e->kind == NODE_LIST || e->kind == NODE_SET ? 0 : -1;
    for (uint32_t i = 0; found == 0 && i < e->nkids; i++)
        found = is_string(s, e->kid[i]);
    return found;
}

static int truth_of_compare(const struct subject *s, const struct node *e) {
    if (e->nkids != 2 || !node_equal(e->kid[0], s->of))
        return -1;
    switch (e->ops[0]) {
    case OP_EQ: return is_string(s, e->kid[1]);
    case OP_NE: return negated_truth(is_string(s, e->kid[1]));
    case OP_IN: return is_among(s, e->kid[1]);
    case OP_NOT_IN: return negated_truth(is_among(s, e->kid[1]));
    default: return -1;
    }
}

/* 1, 0, or -1: not known. */
static int truth_of(const struct subject *s, const struct node *test) {
    if (test->kind == NODE_COMPARE)
        return truth_of_compare(s, test);
    if (test->kind == NODE_UNARYOP && test->op == OP_NOT)
        return negated_truth(truth_of(s, test->kid[0]));
    if (test->kind != NODE_BOOLOP)
        return -1;
    int decides = test->op == OP_OR, truth = !decides;
    for (uint32_t i = 0; i < test->nkids && truth != decides; i++) {
        int t = truth_of(s, test->kid[i]);
        truth = t == decides || t < 0 ? t : truth;
    }
    return truth;
}

/* -- what can be --------------------------------------------------------------------------------------------------- */

static const struct node *subject_of(const struct node *test) {
    if (test->kind == NODE_COMPARE && test->nkids == 2)
        return test->kid[0];
    const struct node *found = NULL;
    bool joint = test->kind == NODE_BOOLOP || (test->kind == NODE_UNARYOP && test->op == OP_NOT);
    for (uint32_t i = 0; joint && i < test->nkids && found == NULL; i++)
        found = subject_of(test->kid[i]);
    return found;
}

static void collect_strings(struct unit *unit, const struct node *test, struct map *strings) {
    if (test->kind == NODE_STRING)
        map_put(unit->arena, strings, string_value(unit->atoms, test), (void *)(uintptr_t)test);
    for (uint32_t i = 0; i < test->nkids; i++)
        if (test->kid[i])
            collect_strings(unit, test->kid[i], strings);
}

static bool is_consistent(const struct frame *f, const struct subject *s, const struct node *test) {
    if (truth_of(s, test) == 0)
        return false;
    for (const struct assumption *a = f->assumed; a; a = a->before)
        if (truth_of(s, a->test) == !a->holds)
            return false;
    return true;
}

/* Whether the test may hold beside all that is assumed. */
static bool may_hold(const struct frame *f, const struct node *test) {
    struct subject s = {f->unit, subject_of(test), NULL};
    struct map strings = {0};
    if (s.of == NULL || is_consistent(f, &s, test))
        return true;
    collect_strings(f->unit, test, &strings);
    for (const struct assumption *a = f->assumed; a; a = a->before)
        collect_strings(f->unit, a->test, &strings);
    for (uint32_t i = 0; i < strings.len; i++) {
        s.is = strings.entry[i].key;
        if (is_consistent(f, &s, test))
            return true;
    }
    return false;
}

/* -- values -------------------------------------------------------------------------------------------------------- */

static const struct absval *mask_here(struct frame *f, const struct absval *a) {
    if (!may_hold(f, a->mask->where))
        return abs_decided(f->unit, abs_none(f->unit), REASON_LAYER_KIND);
    if (may_hold(f, a->mask->none))
        return a;
    struct absval *sure = abs_new(f->unit, ABS_MASK);
    *sure = *a;
    sure->mask = NEW(f->unit->arena, struct mask);
    *sure->mask = *a->mask;
    sure->mask->where = sure->mask->none = NULL;
    return sure;
}

static const struct absval *modules_here(struct frame *f, const struct absval *a) {
    struct absval *few = abs_new(f->unit, ABS_UNION);
    few->item = NEW_ARRAY(f->unit->arena, struct val, a->count);
    few->when = NEW_ARRAY(f->unit->arena, struct node *, a->count);
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->when[i] && !may_hold(f, a->when[i]))
            continue;
        few->when[few->count] = a->when[i];
        few->item[few->count++] = a->item[i];
    }
    return few->count == 1 ? few->item[0].abs : few->count == 0 || few->count == a->count ? a : few;
}

/* Whether the test, as it stands, holds around here. */
static bool is_assumed(const struct frame *f, const struct node *test) {
    bool opposite = test->kind == NODE_UNARYOP && test->op == OP_NOT;
    for (const struct assumption *a = f->assumed; a; a = a->before)
        if (node_equal(a->test, opposite ? test->kid[0] : test) && a->holds == !opposite)
            return true;
    return false;
}

const struct absval *known_here(struct frame *f, const struct absval *a) {
    if (f->assumed == NULL)
        return a;
    if (a->kind == ABS_MASK && a->mask->where)
        return mask_here(f, a);
    if (a->kind == ABS_TOP && a->given)
        return is_assumed(f, a->given) ? abs_given(f->unit, a) : a;
    return a->kind == ABS_UNION && a->when ? modules_here(f, a) : a;
}

const struct absval *abs_where(struct unit *unit, const struct absval *a, const struct node *test, bool holds) {
    struct absval *u = abs_new(unit, ABS_UNION);
    u->count = a->kind == ABS_UNION ? a->count : 1;
    u->item = NEW_ARRAY(unit->arena, struct val, u->count);
    u->when = NEW_ARRAY(unit->arena, struct node *, u->count);
    for (uint32_t i = 0; i < u->count; i++) {
        struct node *when = node_copy(unit->arena, test), *before = a->kind == ABS_UNION && a->when ? a->when[i] : NULL;
        if (!holds) {
            when = node_make(unit->arena, NODE_UNARYOP, NULL, 1, when);
            when->op = OP_NOT;
        }
        if (before) {
            when = node_make(unit->arena, NODE_BOOLOP, NULL, 2, when, node_copy(unit->arena, before));
            when->op = OP_AND;
        }
        u->item[i].abs = a->kind == ABS_UNION ? a->item[i].abs : a;
        u->when[i] = when;
    }
    return u;
}

const struct absval *abs_join_where(
    struct unit *unit, const struct absval *a, const struct absval *b, const struct node *test) {
    bool modules = (abs_is_module(a) || abs_is_none(a)) && (abs_is_module(b) || abs_is_none(b)) &&
                   abs_is_module(a) + abs_is_module(b) > 0;
    if (test && ((a->kind == ABS_TENSOR && abs_is_none(b)) || (b->kind == ABS_TENSOR && abs_is_none(a)))) {
        struct node *given = node_copy(unit->arena, test);
        bool first = a->kind == ABS_TENSOR;
        return abs_optional(unit, first ? a : b, first ? given : negated(unit, given));
    }
    if (test == NULL || !modules || abs_equal(a, b))
        return abs_join(unit, a, b);
    return abs_join(unit, abs_where(unit, a, test, true), abs_where(unit, b, test, false));
}

struct node *assumed_here(struct frame *f) {
    struct node *all = NULL;
    uint32_t count = 0;
    for (const struct assumption *a = f->assumed; a; a = a->before, count++) {
        struct node *one = node_copy(f->unit->arena, a->test);
        if (!a->holds)
            one = negated(f->unit, one);
        all = all ? node_make(f->unit->arena, NODE_BOOLOP, NULL, 2, one, all) : one;
        if (count > 0)
            all->op = OP_AND;
    }
    return count == f->conditional ? all : NULL;
}

/* Whether one test is the other's opposite as it stands. */
static bool are_opposite(const struct node *a, const struct node *b) {
    return a && b && a->kind == NODE_UNARYOP && a->op == OP_NOT && node_equal(a->kid[0], b);
}

const struct absval *presence(struct frame *f, const struct absval *a, bool present) {
    if (a->kind != ABS_UNION || a->when == NULL || a->count != 2)
        return NULL;
    uint32_t none = abs_is_none(a->item[1].abs);
    struct node *there = a->when[1 - none], *absent = a->when[none];
    if (!abs_is_none(a->item[none].abs) || !(are_opposite(there, absent) || are_opposite(absent, there)))
        return NULL;
    return abs_symbolic(f->unit, node_copy(f->unit->arena, present ? there : absent));
}

/* -- lookups ------------------------------------------------------------------------------------------------------- */

/* symbol == "key", and other tests of that kind. */
static struct node *or_key(struct unit *unit, struct node *test, struct node *symbol, atom key) {
    struct node *one = node_make(
        unit->arena, NODE_COMPARE, NULL, 2, node_copy(unit->arena, symbol), make_string(unit->arena, unit->atoms, key));
    one->ops = arena_alloc(unit->arena, 1);
    one->ops[0] = OP_EQ;
    if (test == NULL)
        return one;
    test = node_make(unit->arena, NODE_BOOLOP, NULL, 2, test, one);
    test->op = OP_OR;
    return test;
}

struct node *keys_of(
    struct unit *unit, const struct absval *dict, struct node *symbol, bool (*has)(const struct absval *item)) {
    struct node *test = NULL;
    for (uint32_t i = 0; i < dict->count; i++)
        if (has(dict->item[i].abs))
            test = or_key(unit, test, symbol, dict->key[i]);
    return test;
}

const struct absval *choose_class(struct unit *unit, const struct absval *dict, const struct absval *key) {
    struct node *symbol = abs_symbol(unit, key);
    struct absval *u = abs_new(unit, ABS_UNION);
    u->item = NEW_ARRAY(unit->arena, struct val, dict->count + 1);
    u->when = NEW_ARRAY(unit->arena, struct node *, dict->count + 1);
    for (uint32_t i = 0; i < dict->count; i++) {
        const struct absval *cls = dict->item[i].abs;
        uint32_t at = 0;
        if (cls->kind != ABS_CLASS)
            return NULL;
        while (at < u->count && !abs_equal(u->item[at].abs, cls))
            at++;
        u->item[at].abs = cls;
        u->when[at] = symbol ? or_key(unit, u->when[at], symbol, dict->key[i]) : NULL;
        u->count += at == u->count;
    }
    return symbol == NULL || dict->element || u->count == 0 ? NULL : u->count == 1 ? u->item[0].abs : u;
}
