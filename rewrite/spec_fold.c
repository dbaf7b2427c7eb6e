/* spec_fold.c - folding of operators: comparisons, boolean operators, arithmetic, and what is known at construction. */
#include <stdio.h>
#include <string.h>

#include "parser/literal.h"
#include "rewrite/config.h"
#include "rewrite/spec.h"

static bool known_at_construction(const struct absval *a) {
    return a->kind == ABS_CONST || a->kind == ABS_SYMBOLIC || a->kind == ABS_CONFIG || a->kind == ABS_INDEX;
}

/* The expression `e` with each operand replaced by its own symbol. Operands are the children of `e` in order, or, for a
 * call, its arguments. */
const struct absval *fold_symbolic(struct frame *f, const struct node *e, const struct val *operands, uint32_t count) {
    struct unit *unit = f->unit;
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        if (!known_at_construction(operands[i].abs))
            return NULL;
        any |= operands[i].abs->kind != ABS_CONST;
    }
    if (!any)
        return NULL;
    struct node *s = node_new(unit->arena, e->kind);
    s->op = e->op;
    s->ops = e->ops;
    s->atom = e->atom;
    uint32_t first = e->kind == NODE_CALL;
    if (first)
        node_add(unit->arena, s, node_copy(unit->arena, e->kid[0]));
    for (uint32_t i = 0; i < count; i++) {
        struct node *operand = abs_symbol(unit, operands[i].abs);
        const struct node *kid = e->kid[first + i];
        if (kid->kind == NODE_KEYWORD)
            operand = node_make(unit->arena, NODE_KEYWORD, kid->atom, 1, operand);
        node_add(unit->arena, s, operand);
    }
    return abs_symbolic(unit, s);
}

/* -- comparisons --------------------------------------------------------------------------------------------------- */

static bool is_attribute(const struct node *e, const char *name) {
    return e->kind == NODE_ATTRIBUTE && atom_is(e->atom, name);
}

static bool is_plain_constant(const struct absval *a) {
    return a->kind == ABS_CONST && (a->constant->kind != NODE_UNARYOP);
}

static double number_of(const struct node *n) {
    bool negative = n->kind == NODE_UNARYOP;
    double number = 0;
    literal_number(negative ? n->kid[0]->atom : n->atom, &number);
    return negative ? -number : number;
}

/* Equality of constants as Python sees it; -1 where it is not obvious. */
static int constants_equal(struct frame *f, const struct node *a, const struct node *b) {
    if (a->kind == NODE_STRING && b->kind == NODE_STRING)
        return string_value(f->unit->atoms, a) == string_value(f->unit->atoms, b);
    if (a->kind == NODE_NUMBER && b->kind == NODE_NUMBER)
        return number_of(a) == number_of(b);
    if (a->kind == NODE_CONST && b->kind == NODE_CONST)
        return a->op == b->op;
    if ((a->kind == NODE_STRING) != (b->kind == NODE_STRING))
        return 0;
    return is_none(a) || is_none(b) ? 0 : -1;
}

static bool is_number_node(const struct node *n) {
    return n->kind == NODE_NUMBER || (n->kind == NODE_UNARYOP && n->op == OP_NEG && n->kid[0]->kind == NODE_NUMBER);
}

static bool is_definition(const struct absval *a) {
    return a->kind == ABS_CLASS || a->kind == ABS_FUNCTION || a->kind == ABS_LIBRARY;
}

/* A field that the class of the configuration declares as text. */
static bool is_text_field(const struct frame *f, const struct absval *a) {
    const struct node *e = a->kind == ABS_SYMBOLIC ? a->constant : NULL;
    return is_kind(e, NODE_ATTRIBUTE) && is_name(e->kid[0], "config") &&
           config_declares(f->unit->config, e->atom, "str");
}

static bool is_something(const struct frame *f, const struct absval *a) {
    return abs_not_none(a) || is_text_field(f, a);
}

static int compare_identity(const struct frame *f, const struct absval *a, const struct absval *b) {
    if (abs_is_none(a) && abs_is_none(b))
        return 1;
    if ((abs_is_none(a) && is_something(f, b)) || (abs_is_none(b) && is_something(f, a)))
        return 0;
    if (is_plain_constant(a) && is_plain_constant(b) && a->constant->kind == NODE_CONST &&
        b->constant->kind == NODE_CONST)
        return a->constant->op == b->constant->op;
    if (is_definition(a) && is_definition(b)) /* what has two names in the libraries may be one */
        return a->kind == b->kind && a->cls == b->cls && a->fn == b->fn && a->qual == b->qual ? 1
               : a->kind == ABS_LIBRARY && b->kind == ABS_LIBRARY                             ? -1
                                                                                              : 0;
    return -1;
}

static int compare_order(enum op op, const struct node *a, const struct node *b) {
    if (!is_number_node(a) || !is_number_node(b))
        return -1;
    double x = number_of(a), y = number_of(b);
    switch (op) {
    case OP_LT: return x < y;
    case OP_LE: return x <= y;
    case OP_GT: return x > y;
    case OP_GE: return x >= y;
    case OP_EQ: return x == y;
    default: return x != y;
    }
}

static int compare_membership(struct frame *f, const struct absval *a, const struct absval *b) {
    if (a->kind != ABS_CONST)
        return -1;
    bool strings = b->kind == ABS_CONST && b->constant->kind == NODE_STRING && a->constant->kind == NODE_STRING;
    if (strings) /* "flash" in "flash_attention_2" */
        return strstr(string_value(f->unit->atoms, b->constant), string_value(f->unit->atoms, a->constant)) != NULL;
    if (b->kind == ABS_DICT && a->constant->kind == NODE_STRING) {
        atom key = string_value(f->unit->atoms, a->constant);
        if (has_key(b, key))
            return b->element ? -1 : 1;
        return b->element ? -1 : 0;
    }
    if (b->kind != ABS_TUPLE && b->kind != ABS_LIST)
        return -1;
    int found = 0;
    for (uint32_t i = 0; i < b->count && found == 0; i++)
        found = b->item[i].abs->kind == ABS_CONST ? constants_equal(f, a->constant, b->item[i].abs->constant) : -1;
    return found;
}

static int negate(int truth) {
    return truth < 0 ? truth : !truth;
}

/* A number of the configuration compared with itself. */
static int compare_same(enum op op) {
    return op == OP_LE || op == OP_GE;
}

/* x.device.type == "cpu" */
static bool asks_for_cpu(struct frame *f, const struct val *a, const struct val *b) {
    return is_attribute(a->expr, "type") && is_attribute(a->expr->kid[0], "device") && b->abs->kind == ABS_CONST &&
           b->abs->constant->kind == NODE_STRING && atom_is(string_value(f->unit->atoms, b->abs->constant), "cpu");
}

/* mask.dtype == torch.bool of a mask that is added to scores */
static bool asks_for_bool(const struct val *a, const struct val *b) {
    const struct absval *of = is_attribute(a->expr, "dtype") ? a->expr->kid[0]->abs : NULL;
    return abs_is_mask(of) && of->mask->form == MASK_ADDS && of->mask->shape != MASK_BIDIRECTIONAL &&
           b->abs->kind == ABS_LIBRARY && qual_ends(b->abs->qual, "torch.bool");
}

static int compare_pair(struct frame *f, enum op op, const struct val *a, const struct val *b) {
    bool constants = a->abs->kind == ABS_CONST && b->abs->kind == ABS_CONST;
    switch (op) {
    case OP_IS: return compare_identity(f, a->abs, b->abs);
    case OP_IS_NOT: return negate(compare_identity(f, a->abs, b->abs));
    case OP_EQ:
    case OP_NE: {
        int truth = -1;
        if (is_attribute(a->expr, "device") && is_attribute(b->expr, "device"))
            truth = 1; /* one device a graph */
        else if (asks_for_cpu(f, a, b) || asks_for_cpu(f, b, a))
            truth = 0; /* which is a GPU */
        else if (asks_for_bool(a, b) || asks_for_bool(b, a))
            truth = 0; /* it holds small numbers */
        else if (constants && is_number_node(a->abs->constant) && is_number_node(b->abs->constant))
            truth = compare_order(OP_EQ, a->abs->constant, b->abs->constant);
        else if (constants)
            truth = constants_equal(f, a->abs->constant, b->abs->constant);
        return op == OP_EQ ? truth : negate(truth);
    }
    case OP_IN: return compare_membership(f, a->abs, b->abs);
    case OP_NOT_IN: return negate(compare_membership(f, a->abs, b->abs));
    default:
        if (a->abs->kind == ABS_SYMBOLIC && b->abs->kind == ABS_SYMBOLIC &&
            node_equal(a->abs->constant, b->abs->constant))
            return compare_same(op);
        return constants ? compare_order(op, a->abs->constant, b->abs->constant) : -1;
    }
}

struct val val_truth(struct frame *f, int truth, reason because) {
    return val_decided(f, truth ? OP_TRUE : OP_FALSE, because);
}

/* Why an operation is known: of its operands a fact says more than the source itself does. */
static reason because_of(const struct val *a, const struct val *b) {
    if (a->abs->because || b->abs->because)
        return a->abs->because ? a->abs->because : b->abs->because;
    return a->abs->kind == ABS_CONST ? abs_because(b->abs) : abs_because(a->abs);
}

struct val fold_compare(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct val *v = NEW_ARRAY(unit->arena, struct val, e->nkids);
    struct node *expr = at_node(f, node_new(unit->arena, NODE_COMPARE), e);
    expr->ops = e->ops;
    expr->flags = e->flags;
    for (uint32_t i = 0; i < e->nkids; i++) {
        v[i] = eval(f, e->kid[i]);
        node_add(unit->arena, expr, v[i].expr);
    }
    int truth = 1;
    reason because = REASON_NONE;
    for (uint32_t i = 0; i + 1 < e->nkids; i++) {
        int t = compare_pair(f, e->ops[i], &v[i], &v[i + 1]);
        because = t == 0 || because == REASON_NONE ? because_of(&v[i], &v[i + 1]) : because;
        if (t == 0) {
            truth = 0;
            break;
        }
        if (t < 0)
            truth = -1;
    }
    if (truth >= 0)
        return val_truth(f, truth, because);
    const struct absval *symbolic = fold_symbolic(f, expr, v, e->nkids);
    bool asks = e->nkids == 2 && (e->ops[0] == OP_IS || e->ops[0] == OP_IS_NOT) && abs_is_none(v[1].abs);
    if (symbolic == NULL && asks)
        symbolic = presence(f, v[0].abs, e->ops[0] == OP_IS_NOT);
    return val_make(symbolic ? symbolic : abs_simple(ABS_NOTNONE), expr);
}

/* -- boolean operators --------------------------------------------------------------------------------------------- */

/* `a and b`: an operand that decides ends it, one that is neutral goes away. The value of a decided operator is that of
 * the deciding operand: in a test that is all that matters. */
struct val fold_boolop(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    int decides = e->op == OP_AND ? 0 : 1;
    struct val *kept = NEW_ARRAY(unit->arena, struct val, e->nkids);
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->nkids; i++) {
        f->conditional += i > 0;
        struct val v = eval(f, e->kid[i]);
        f->conditional -= i > 0;
        int truth = abs_truth(v.abs);
        for (uint32_t k = i + 1; k < e->nkids && truth == decides; k++)
            account_decided(unit, e->kid[k], abs_because(v.abs));
        if (truth == decides) {
            if (v.abs->kind == ABS_CONST && (count == 0 || v.abs->constant->kind == NODE_CONST))
                return v;
            kept[count++] = v;
            break;
        }
        if (truth < 0 || i + 1 == e->nkids)
            kept[count++] = v;
    }
    if (count > 1 && abs_truth(kept[count - 1].abs) == !decides && kept[count - 1].abs->kind == ABS_CONST &&
        kept[count - 1].abs->constant->kind == NODE_CONST)
        count--; /* `x and True` */
    if (count == 1)
        return kept[0];
    struct node *expr = at_node(f, node_new(unit->arena, NODE_BOOLOP), e);
    expr->op = e->op;
    expr->flags = e->flags;
    const struct absval *join = NULL;
    for (uint32_t i = 0; i < count; i++) {
        node_add(unit->arena, expr, kept[i].expr);
        join = abs_join(unit, join, kept[i].abs);
    }
    const struct absval *symbolic = fold_symbolic(f, expr, kept, count);
    if (symbolic)
        return val_make(symbolic, expr);
    if (e->op == OP_OR && abs_not_none(kept[count - 1].abs))
        return val_make(abs_simple(kept[count - 1].abs->kind == ABS_NUMBER ? ABS_NUMBER : ABS_NOTNONE), expr);
    return val_make(abs_summary(unit, join), expr);
}

/* -- arithmetic ---------------------------------------------------------------------------------------------------- */

static uint32_t rank_of(const struct absval *a, bool *known) {
    if (a->kind == ABS_TENSOR)
        *known &= a->rank > 0;
    else if (a->kind != ABS_NUMBER && a->kind != ABS_CONST && a->kind != ABS_SYMBOLIC)
        *known = false;
    return a->kind == ABS_TENSOR ? a->rank : 0;
}

static const struct absval *arithmetic(struct frame *f, enum op op, const struct absval *a, const struct absval *b) {
    if (a->kind == ABS_MASK || b->kind == ABS_MASK) { /* scores + mask */
        const struct absval *scores = a->kind == ABS_MASK ? b : a;
        return abs_tensor(f->unit, scores->kind == ABS_TENSOR ? scores->rank : 0);
    }
    if (a->kind == ABS_SHAPE && (b->kind == ABS_TUPLE || b->kind == ABS_SHAPE) && op == OP_ADD)
        return abs_shape(f->unit,
            a->rank && (b->kind == ABS_TUPLE || b->rank) ? a->rank + (b->kind == ABS_TUPLE ? b->count : b->rank) : 0);
    if (a->kind == ABS_TUPLE && b->kind == ABS_SHAPE && op == OP_ADD)
        return abs_shape(f->unit, b->rank ? a->count + b->rank : 0);
    if (a->kind == ABS_TENSOR || b->kind == ABS_TENSOR) {
        bool known = true;
        uint32_t x = rank_of(a, &known), y = rank_of(b, &known);
        if (rank_is_relative(x) && rank_is_relative(y) && x / RANK_BASE != y / RANK_BASE)
            known = false;
        return abs_tensor(f->unit, known ? (x > y ? x : y) : 0);
    }
    bool numbers = (a->kind == ABS_NUMBER || a->kind == ABS_CONST || a->kind == ABS_SYMBOLIC || a->kind == ABS_INDEX) &&
                   (b->kind == ABS_NUMBER || b->kind == ABS_CONST || b->kind == ABS_SYMBOLIC || b->kind == ABS_INDEX);
    return abs_simple(numbers ? ABS_NUMBER : ABS_NOTNONE);
}

/* xs[1] of a variable */
static bool is_element(const struct node *e) {
    return e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_NAME && e->kid[0]->web &&
           e->kid[1]->kind == NODE_NUMBER;
}

static bool item_is_free(const struct val *item) {
    return item->web || item->abs->kind == ABS_CONST ||
           (item->expr && (expr_is_trivial(item->expr) || is_element(item->expr)));
}

struct node *display_of(struct frame *f, const struct absval *a) {
    struct node *d = node_new(f->unit->arena, a->kind == ABS_TUPLE ? NODE_TUPLE : NODE_LIST);
    d->flags |= NF_PAREN;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!item_is_free(&a->item[i]))
            return NULL;
        node_add(f->unit->arena, d, val_expr(f, &a->item[i]));
    }
    return d;
}

/* (a, b) + (c,) */
static struct val concatenate(struct frame *f, struct val a, struct val b, struct node *expr) {
    struct unit *unit = f->unit;
    struct absval *t = abs_new(unit, a.abs->kind);
    t->item = NEW_ARRAY(unit->arena, struct val, a.abs->count + b.abs->count + 1);
    for (uint32_t i = 0; i < a.abs->count; i++)
        t->item[t->count++] = a.abs->item[i];
    for (uint32_t i = 0; i < b.abs->count; i++)
        t->item[t->count++] = b.abs->item[i];
    struct node *display = display_of(f, t);
    return val_make(t, display ? at_node(f, display, expr) : expr);
}

static bool small_int(const struct absval *a, long *value) {
    if (a->kind != ABS_CONST || !is_number_node(a->constant))
        return false;
    const struct node *n = a->constant->kind == NODE_UNARYOP ? a->constant->kid[0] : a->constant;
    if (strpbrk(n->atom, ".eEjJxX_") || strlen(n->atom) > 6)
        return false;
    *value = (long)number_of(a->constant);
    return true;
}

static bool fold_integers(struct frame *f, enum op op, const struct val *a, const struct val *b, struct val *r) {
    long x, y, z;
    if (!small_int(a->abs, &x) || !small_int(b->abs, &y))
        return false;
    switch (op) {
    case OP_ADD: z = x + y; break;
    case OP_SUB: z = x - y; break;
    default: return false; /* a product is written for a reader: keep it */
    }
    struct node *n = make_number(f->unit->arena, intern_printf(f->unit->atoms, "%ld", z < 0 ? -z : z));
    if (z < 0) {
        n = node_make(f->unit->arena, NODE_UNARYOP, NULL, 1, n);
        n->op = OP_NEG;
    }
    const struct absval *known = abs_const(f->unit, n);
    if (a->abs->because || b->abs->because)
        known = abs_decided(f->unit, known, because_of(a, b));
    *r = val_make(known, node_copy(f->unit->arena, n));
    return true;
}

/* config.rope_parameters[layer_type]["rope_theta"]: what is read from the configuration, by whatever keys. */
static bool is_setting(const struct node *e) {
    if (e == NULL || (e->abs && (e->abs->kind == ABS_SYMBOLIC || e->abs->kind == ABS_CONFIG)))
        return e != NULL;
    if (e->kind == NODE_NAME)
        return e->web && e->web->kind == WEB_ASSIGN && is_setting(e->web->expr);
    bool get = e->kind == NODE_CALL && is_kind(e->kid[0], NODE_ATTRIBUTE) && atom_is(e->kid[0]->atom, "get");
    return (e->kind == NODE_SUBSCRIPT || get) && is_setting(get ? e->kid[0]->kid[0] : e->kid[0]);
}

/* What is known of an operand: a setting is no tensor, so in arithmetic it is a number. */
static const struct absval *operand(const struct val *v) {
    bool open = v->abs->kind == ABS_TOP || v->abs->kind == ABS_NOTNONE;
    return open && v->abs->rank == 0 && is_setting(v->expr) ? abs_simple(ABS_NUMBER) : v->abs;
}

/* [None] * n: so many of the same constants; NULL for anything else. */
static const struct absval *repeated(struct frame *f, const struct absval *list) {
    if (list->kind != ABS_LIST && list->kind != ABS_TUPLE)
        return NULL;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->item[i].abs->kind != ABS_CONST)
            return NULL;
    struct absval *many = abs_new(f->unit, ABS_SEQ);
    many->element = list->count ? abs_element(f, list) : NULL;
    return many->element ? many : NULL;
}

struct val fold_binop(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct val v[2] = {eval(f, e->kid[0]), eval(f, e->kid[1])};
    struct val folded;
    long zero;
    const enum abs_kind kind = v[0].abs->kind;
    bool numeric = kind == ABS_TENSOR || kind == ABS_SYMBOLIC || kind == ABS_INDEX || kind == ABS_NUMBER;
    if (e->op == OP_ADD && numeric && abs_int(v[1].abs, &zero) && zero == 0)
        return v[0]; /* a part of the sum that is not there */
    if (fold_integers(f, e->op, &v[0], &v[1], &folded))
        return folded;
    struct node *expr = at_node(f, node_make(unit->arena, NODE_BINOP, NULL, 2, v[0].expr, v[1].expr), e);
    expr->op = e->op;
    expr->flags = e->flags;
    bool tuples = (v[0].abs->kind == ABS_TUPLE && v[1].abs->kind == ABS_TUPLE) ||
                  (v[0].abs->kind == ABS_LIST && v[1].abs->kind == ABS_LIST);
    if (tuples && e->op == OP_ADD)
        return concatenate(f, v[0], v[1], expr);
    if (e->op == OP_BITXOR && abs_truth(v[0].abs) >= 0 && abs_truth(v[1].abs) >= 0)
        return val_truth(f, abs_truth(v[0].abs) ^ abs_truth(v[1].abs), because_of(&v[0], &v[1]));
    const struct absval *symbolic = fold_symbolic(f, expr, v, 2);
    const struct absval *many = e->op == OP_MUL ? repeated(f, v[0].abs) : NULL;
    return val_make(symbolic ? symbolic : many ? many : arithmetic(f, e->op, operand(&v[0]), operand(&v[1])), expr);
}

struct val fold_unary(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct val v = eval(f, e->kid[0]);
    if (e->op == OP_NOT && abs_truth(v.abs) >= 0)
        return val_truth(f, !abs_truth(v.abs), abs_because(v.abs));
    struct node *expr = at_node(f, node_make(unit->arena, NODE_UNARYOP, NULL, 1, v.expr), e);
    expr->op = e->op;
    expr->flags = e->flags;
    if (e->op == OP_NEG && v.abs->kind == ABS_CONST && v.abs->constant->kind == NODE_NUMBER)
        return val_make(abs_const(unit, node_copy(unit->arena, expr)), expr);
    const struct absval *symbolic = fold_symbolic(f, expr, &v, 1);
    if (symbolic)
        return val_make(symbolic, expr);
    const struct absval *same = abs_is_mask(v.abs) ? abs_tensor(unit, v.abs->rank) : v.abs; /* not what it allows */
    return val_make(e->op == OP_NOT ? abs_simple(ABS_NOTNONE) : same, expr);
}

/* -- isinstance ---------------------------------------------------------------------------------------------------- */

static bool cls_is(const struct cls *a, const struct cls *b) {
    if (a == b)
        return true;
    for (uint32_t i = 0; i < a->bases.len; i++)
        if (cls_is(a->bases.at[i], b))
            return true;
    return false;
}

static int instance_of_builtin(const struct absval *a, const char *type) {
    switch (a->kind) {
    case ABS_TUPLE: return strcmp(type, "tuple") == 0;
    case ABS_LIST: return strcmp(type, "list") == 0;
    case ABS_DICT: return strcmp(type, "dict") == 0;
    case ABS_SHAPE: return strcmp(type, "tuple") == 0;
    case ABS_TENSOR:
    case ABS_MASK:
    case ABS_INSTANCE:
    case ABS_OBJECT:
    case ABS_CONFIG: return 0;
    case ABS_RECORD: return strcmp(type, "dict") == 0;
    case ABS_CONST:
        if (is_none(a->constant))
            return 0;
        if (a->constant->kind == NODE_STRING)
            return strcmp(type, "str") == 0;
        if (a->constant->kind == NODE_CONST)
            return strcmp(type, "bool") == 0 || strcmp(type, "int") == 0;
        if (strpbrk(a->constant->kind == NODE_NUMBER ? a->constant->atom : "0", ".eE"))
            return strcmp(type, "float") == 0;
        return strcmp(type, "int") == 0;
    default: return -1;
    }
}

int truth_of_isinstance(struct frame *f, const struct absval *a, const struct absval *type) {
    if (type->kind == ABS_TUPLE) {
        int truth = 0;
        for (uint32_t i = 0; i < type->count && truth != 1; i++) {
            int t = truth_of_isinstance(f, a, type->item[i].abs);
            truth = t == 0 ? truth : t;
        }
        return truth;
    }
    if (abs_is_none(a))
        return 0;
    if (type->kind == ABS_CLASS) {
        if (a->kind == ABS_INSTANCE)
            return cls_is(a->cls, type->cls);
        return a->kind == ABS_TENSOR || a->kind == ABS_OBJECT || a->kind == ABS_CONST ? 0 : -1;
    }
    if (type->kind != ABS_LIBRARY)
        return -1;
    const char *dot = strrchr(type->qual, '.');
    if (strncmp(type->qual, "builtins.", 9) == 0)
        return instance_of_builtin(a, dot + 1);
    if (qual_ends(type->qual, "Tensor"))
        return a->kind == ABS_TENSOR || abs_is_mask(a)                               ? 1
               : a->kind == ABS_TOP || a->kind == ABS_NOTNONE || a->kind == ABS_MASK ? -1
                                                                                     : 0;
    if (a->kind == ABS_OBJECT)
        return a->qual == type->qual ? 1 : -1;
    if (a->kind == ABS_INSTANCE)
        return class_derives(a->cls, dot ? dot + 1 : type->qual) ? 1 : 0;
    return a->kind == ABS_TENSOR || a->kind == ABS_MASK || a->kind == ABS_CONST ? 0 : -1;
}
