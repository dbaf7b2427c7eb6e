/* absval.c - the lattice of absval.h: constructors, order, join. */
#include "rewrite/absval.h"

#include <string.h>

#include "parser/literal.h"
#include "rewrite/config.h"
#include "rewrite/unit.h"

static const struct absval simple[] = {
    [ABS_BOTTOM] = {.kind = ABS_BOTTOM},
    [ABS_NUMBER] = {.kind = ABS_NUMBER},
    [ABS_SHAPE] = {.kind = ABS_SHAPE},
    [ABS_TENSOR] = {.kind = ABS_TENSOR},
    [ABS_INDEX] = {.kind = ABS_INDEX},
    [ABS_NOTNONE] = {.kind = ABS_NOTNONE},
    [ABS_TOP] = {.kind = ABS_TOP},
};

const struct absval *abs_simple(enum abs_kind kind) {
    assert(kind < sizeof simple / sizeof simple[0]);
    return &simple[kind];
}

struct absval *abs_new(struct unit *unit, enum abs_kind kind) {
    struct absval *a = NEW(unit->arena, struct absval);
    a->kind = kind;
    return a;
}

const struct absval *abs_const(struct unit *unit, struct node *constant) {
    struct absval *a = abs_new(unit, ABS_CONST);
    a->constant = constant;
    return a;
}

const struct absval *abs_none(struct unit *unit) {
    return abs_const(unit, make_const(unit->arena, OP_NONE));
}

const struct absval *abs_bool(struct unit *unit, bool value) {
    return abs_const(unit, make_const(unit->arena, value ? OP_TRUE : OP_FALSE));
}

static const struct absval *abs_ranked(struct unit *unit, enum abs_kind kind, uint32_t rank) {
    if (rank == 0)
        return abs_simple(kind);
    struct absval *a = abs_new(unit, kind);
    a->rank = rank;
    return a;
}

const struct absval *abs_tensor(struct unit *unit, uint32_t rank) {
    return abs_ranked(unit, ABS_TENSOR, rank);
}

const struct absval *abs_given(struct unit *unit, const struct absval *optional) {
    if (optional->limit == NULL)
        return abs_tensor(unit, optional->rank);
    struct absval *a = abs_new(unit, ABS_TENSOR);
    a->rank = optional->rank;
    a->limit = optional->limit;
    return a;
}

const struct absval *abs_optional(struct unit *unit, const struct absval *tensor, struct node *given) {
    struct absval *a = abs_new(unit, ABS_TOP);
    a->rank = tensor->rank;
    a->limit = tensor->limit;
    a->given = given;
    return a;
}

const struct absval *abs_shape(struct unit *unit, uint32_t rank) {
    return abs_ranked(unit, ABS_SHAPE, rank);
}

const struct absval *abs_symbolic(struct unit *unit, struct node *expr) {
    struct absval *a = abs_new(unit, ABS_SYMBOLIC);
    a->constant = expr;
    return a;
}

bool abs_is_none(const struct absval *a) {
    return a->kind == ABS_CONST && is_none(a->constant);
}

/* Arithmetic has a result. */
static bool symbol_not_none(const struct node *e) {
    if (e->kind == NODE_IFEXP)
        return symbol_not_none(e->kid[1]) && symbol_not_none(e->kid[2]);
    return e->kind == NODE_BINOP || e->kind == NODE_UNARYOP || e->kind == NODE_COMPARE || e->kind == NODE_NUMBER ||
           e->kind == NODE_STRING;
}

bool abs_not_none(const struct absval *a) {
    if (a->kind == ABS_SYMBOLIC)
        return symbol_not_none(a->constant);
    for (uint32_t i = 0; (a->kind == ABS_UNION || a->kind == ABS_CHOICE) && i < a->count; i++)
        if (abs_is_none(a->item[i].abs))
            return false;
    return a->kind != ABS_TOP && a->kind != ABS_BOTTOM && !abs_is_none(a) && (a->kind != ABS_MASK || abs_is_mask(a));
}

bool abs_is_mask(const struct absval *a) {
    return a != NULL && a->kind == ABS_MASK && a->mask->where == NULL;
}

bool abs_is_tensor(const struct absval *a) {
    return a != NULL && a->kind == ABS_TENSOR;
}

reason abs_because(const struct absval *a) {
    if (a->because)
        return a->because;
    return a->kind == ABS_CONST ? REASON_CONSTANT : a->kind == ABS_MASK ? REASON_MASK : REASON_KIND;
}

const struct absval *abs_decided(struct unit *unit, const struct absval *a, reason because) {
    if (a->because == because)
        return a;
    struct absval *decided = abs_new(unit, a->kind);
    *decided = *a;
    decided->because = because;
    return decided;
}

int abs_truth(const struct absval *a) {
    double number;
    switch (a->kind) {
    case ABS_CONST:
        switch (a->constant->kind) {
        case NODE_CONST: return a->constant->op == OP_TRUE ? 1 : a->constant->op == OP_ELLIPSIS ? 1 : 0;
        case NODE_NUMBER: return !literal_number(a->constant->atom, &number) ? -1 : number != 0;
        case NODE_STRING: return strlen(a->constant->atom) > 2;
        default: return 1;
        }
    case ABS_TUPLE:
    case ABS_LIST: return a->count > 0;
    case ABS_DICT: return a->element ? -1 : a->count > 0;
    case ABS_INSTANCE:
    case ABS_CLASS:
    case ABS_FUNCTION:
    case ABS_BOUND:
    case ABS_CONFIG:
    case ABS_LIBRARY:
    case ABS_RECORD: return 1;
    default: return -1;
    }
}

bool abs_int(const struct absval *a, long *value) {
    int number;
    if (a->kind != ABS_CONST || !literal_int(a->constant, &number))
        return false;
    *value = number;
    return true;
}

/* -- order --------------------------------------------------------------------------------------------------------- */

/* Both NULL, or the same. */
static bool symbols_equal(const struct node *a, const struct node *b) {
    return a == b || (a != NULL && b != NULL && node_equal(a, b));
}

static bool masks_equal(const struct mask *a, const struct mask *b) {
    return a == b || (a->shape == b->shape && a->form == b->form && symbols_equal(a->window, b->window) &&
                         symbols_equal(a->chunk, b->chunk) && symbols_equal(a->where, b->where) &&
                         symbols_equal(a->none, b->none));
}

static struct node *when_of(const struct absval *a, uint32_t i) {
    return a->when ? a->when[i] : NULL;
}

static bool items_equal(const struct absval *a, const struct absval *b) {
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->key && a->key[i] != b->key[i])
            return false;
        if (!abs_equal(a->item[i].abs, b->item[i].abs) || !symbols_equal(when_of(a, i), when_of(b, i)))
            return false;
    }
    return true;
}

bool abs_equal(const struct absval *a, const struct absval *b) {
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind)
        return false;
    switch (a->kind) {
    case ABS_CONST:
    case ABS_SYMBOLIC: return node_equal(a->constant, b->constant);
    case ABS_MASK: return masks_equal(a->mask, b->mask);
    case ABS_LIBRARY:
    case ABS_OBJECT:
    case ABS_CONFIG: return a->qual == b->qual;
    case ABS_BOUND: return a->fn == b->fn && abs_equal(a->self->abs, b->self->abs);
    case ABS_FUNCTION: return a->fn == b->fn;
    case ABS_CLASS:
    case ABS_INSTANCE: return a->cls == b->cls;
    case ABS_TUPLE:
    case ABS_LIST:
    case ABS_UNION: return items_equal(a, b);
    case ABS_RECORD:
    case ABS_DICT:
        return a->qual == b->qual && items_equal(a, b) &&
               (a->element == b->element || (a->element && b->element && abs_equal(a->element, b->element)));
    case ABS_SEQ: return symbols_equal(a->limit, b->limit) && abs_equal(a->element, b->element);
    case ABS_TENSOR:
        return a->rank == b->rank && a->positions == b->positions && a->counts == b->counts &&
               symbols_equal(a->limit, b->limit);
    case ABS_TOP: return a->rank == b->rank && symbols_equal(a->limit, b->limit) && symbols_equal(a->given, b->given);
    case ABS_SHAPE: return a->rank == b->rank;
    default: return true;
    }
}

static uint32_t find_key(const struct absval *a, atom key) {
    for (uint32_t i = 0; i < a->count; i++)
        if (a->key[i] == key)
            return i;
    return a->count;
}

static const struct absval *item_join(struct unit *unit, const struct absval *a) {
    const struct absval *j = abs_simple(ABS_BOTTOM);
    for (uint32_t i = 0; i < a->count; i++)
        j = abs_join(unit, j, a->item[i].abs);
    return j;
}

/* Records and dictionaries: the union of the keys. A key of one side only keeps its value: reading it on the other
 * path would have been an error. To ask whether it is there is none: such a dictionary has an element. */
static const struct absval *join_keyed(struct unit *unit, const struct absval *a, const struct absval *b) {
    struct absval *j = abs_new(unit, a->kind);
    j->qual = a->qual;
    j->item = NEW_ARRAY(unit->arena, struct val, a->count + b->count);
    j->key = NEW_ARRAY(unit->arena, atom, a->count + b->count);
    for (uint32_t i = 0; i < a->count; i++) {
        uint32_t k = find_key(b, a->key[i]);
        j->key[j->count] = a->key[i];
        const struct absval *other = k < b->count ? b->item[k].abs : b->element;
        j->item[j->count++].abs = other ? abs_join(unit, a->item[i].abs, other) : a->item[i].abs;
    }
    for (uint32_t i = 0; i < b->count; i++)
        if (find_key(a, b->key[i]) == a->count) {
            j->key[j->count] = b->key[i];
            j->item[j->count++].abs = a->element ? abs_join(unit, b->item[i].abs, a->element) : b->item[i].abs;
        }
    j->element = a->element && b->element ? abs_join(unit, a->element, b->element)
                 : a->element             ? a->element
                                          : b->element;
    if (a->kind == ABS_DICT && j->element == NULL && (j->count > a->count || j->count > b->count))
        j->element = item_join(unit, j);
    return j;
}

static const struct absval *join_items(struct unit *unit, const struct absval *a, const struct absval *b) {
    struct absval *j = abs_new(unit, a->kind);
    j->count = a->count;
    j->item = NEW_ARRAY(unit->arena, struct val, a->count);
    for (uint32_t i = 0; i < a->count; i++)
        j->item[i].abs = abs_join(unit, a->item[i].abs, b->item[i].abs);
    return j;
}

bool abs_is_module(const struct absval *a) {
    return a->kind == ABS_INSTANCE || a->kind == ABS_OBJECT || a->kind == ABS_UNION;
}

/* What is one of several for two reasons is so under no test that is known. */
static void add_module(struct absval *u, const struct absval *a, struct node *when) {
    for (uint32_t i = 0; i < u->count; i++) {
        if (!abs_equal(u->item[i].abs, a))
            continue;
        u->when[i] = symbols_equal(u->when[i], when) ? when : NULL;
        return;
    }
    u->when[u->count] = when;
    u->item[u->count++].abs = a;
}

static void add_modules(struct absval *u, const struct absval *a) {
    if (a->kind != ABS_UNION)
        add_module(u, a, NULL);
    for (uint32_t i = 0; a->kind == ABS_UNION && i < a->count; i++)
        add_module(u, a->item[i].abs, when_of(a, i));
}

static const struct absval *join_modules(struct unit *unit, const struct absval *a, const struct absval *b) {
    struct absval *u = abs_new(unit, ABS_UNION);
    u->item = NEW_ARRAY(unit->arena, struct val, a->count + b->count + 2);
    u->when = NEW_ARRAY(unit->arena, struct node *, a->count + b->count + 2);
    add_modules(u, a);
    add_modules(u, b);
    return u->count == 1 ? u->item[0].abs : u;
}

static bool is_sequence(const struct absval *a) {
    return a->kind == ABS_LIST || a->kind == ABS_TUPLE || a->kind == ABS_SEQ;
}

static const struct absval *join_sequences(struct unit *unit, const struct absval *a, const struct absval *b) {
    struct absval *j = abs_new(unit, ABS_SEQ);
    j->element = abs_join(unit, a->kind == ABS_SEQ ? a->element : item_join(unit, a),
        b->kind == ABS_SEQ ? b->element : item_join(unit, b));
    return j;
}

static bool is_numeric_field(const struct unit *unit, const struct node *e) {
    return e->kind == NODE_ATTRIBUTE && is_name(e->kid[0], "config") &&
           config_declares(unit->config, e->atom, "int float");
}

static bool is_number(const struct unit *unit, const struct absval *a) {
    switch (a->kind) {
    case ABS_NUMBER: return true;
    case ABS_CONST: return a->constant->kind == NODE_NUMBER;
    case ABS_SYMBOLIC: return a->constant->kind == NODE_BINOP || is_numeric_field(unit, a->constant);
    default: return false;
    }
}

const struct absval *abs_join(struct unit *unit, const struct absval *a, const struct absval *b) {
    if (a == NULL || a->kind == ABS_BOTTOM)
        return b;
    if (b == NULL || b->kind == ABS_BOTTOM)
        return a;
    if (abs_equal(a, b))
        return a->kind == ABS_CONST && !a->because ? b : a;
    if (a->kind == b->kind) {
        switch (a->kind) {
        case ABS_TUPLE:
        case ABS_LIST:
            if (a->count == b->count)
                return join_items(unit, a, b);
            break;
        case ABS_DICT: return join_keyed(unit, a, b);
        case ABS_RECORD:
            if (a->qual == b->qual)
                return join_keyed(unit, a, b);
            break;
        case ABS_TENSOR: return a->rank == b->rank ? abs_tensor(unit, a->rank) : abs_simple(ABS_TENSOR);
        case ABS_SHAPE: return abs_simple(a->kind);
        case ABS_TOP:
            return a->rank == b->rank && symbols_equal(a->limit, b->limit) ? abs_optional(unit, a, NULL)
                                                                           : abs_simple(ABS_TOP);
        default: break;
        }
    }
    if (a->kind == ABS_TOP && b->kind == ABS_TENSOR && a->rank == b->rank && symbols_equal(a->limit, b->limit))
        return a;
    if (b->kind == ABS_TOP && a->kind == ABS_TENSOR && a->rank == b->rank && symbols_equal(a->limit, b->limit))
        return b;
    if (a->kind == ABS_TOP && a->limit && abs_is_none(b))
        return a;
    if (b->kind == ABS_TOP && b->limit && abs_is_none(a))
        return b;
    if ((abs_is_module(a) || abs_is_none(a)) && (abs_is_module(b) || abs_is_none(b)))
        return join_modules(unit, a, b);
    const struct absval *tensor = a->kind == ABS_TENSOR ? a : b, *other = a->kind == ABS_TENSOR ? b : a;
    if (tensor->kind == ABS_TENSOR && abs_is_none(other))
        return abs_optional(unit, tensor, NULL);
    if (is_sequence(a) && is_sequence(b))
        return join_sequences(unit, a, b);
    if (is_number(unit, a) && is_number(unit, b))
        return abs_simple(ABS_NUMBER);
    return abs_not_none(a) && abs_not_none(b) ? abs_simple(ABS_NOTNONE) : abs_simple(ABS_TOP);
}

const struct absval *abs_summary(struct unit *unit, const struct absval *a) {
    switch (a->kind) {
    case ABS_TUPLE:
    case ABS_LIST:
    case ABS_RECORD:
    case ABS_DICT: {
        struct absval *s = abs_new(unit, a->kind);
        *s = *a;
        s->item = NEW_ARRAY(unit->arena, struct val, a->count);
        for (uint32_t i = 0; i < a->count; i++)
            s->item[i].abs = abs_summary(unit, a->item[i].abs);
        return s;
    }
    case ABS_CHOICE: return abs_simple(ABS_NOTNONE); /* by a test of that function */
    case ABS_BOUND: return a->self->abs->kind == ABS_INSTANCE ? a : abs_simple(ABS_NOTNONE);
    default: return a;
    }
}

struct node *abs_symbol(struct unit *unit, const struct absval *a) {
    if (a == NULL)
        return NULL;
    switch (a->kind) {
    case ABS_CONST:
    case ABS_SYMBOLIC: return node_copy(unit->arena, a->constant);
    case ABS_INDEX: return make_name(unit->arena, intern(unit->atoms, "layer_idx"));
    case ABS_CONFIG: {
        struct node *n = make_name(unit->arena, intern(unit->atoms, "config"));
        const char *p = a->qual;
        while (*p) {
            const char *dot = strchr(p, '.');
            size_t len = dot ? (size_t)(dot - p) : strlen(p);
            n = make_attr(unit->arena, n, intern_len(unit->atoms, p, len));
            p += len + (dot != NULL);
        }
        return n;
    }
    default: return NULL;
    }
}

static const char *const kind_name[] = {"nothing", "a constant", "a mask", "a library name", "a method", "a function",
    "a class", "a choice of functions", "a dict", "a list", "a tuple", "a model output", "an object", "a module",
    "one of several modules", "a configuration value", "a configuration", "a layer index", "a sequence", "a number",
    "a shape", "a tensor", "a value that is not None", "an unknown value"};

const char *abs_describe(struct unit *unit, const struct absval *a) {
    if (a->rank)
        return arena_printf(unit->arena, "%s of rank %u", kind_name[a->kind], a->rank);
    if (a->kind == ABS_LIBRARY || a->kind == ABS_OBJECT)
        return arena_printf(unit->arena, "%s %s", kind_name[a->kind], a->qual);
    if (a->kind == ABS_INSTANCE || a->kind == ABS_CLASS)
        return arena_printf(unit->arena, "%s %s", kind_name[a->kind], a->cls->name);
    return kind_name[a->kind];
}
