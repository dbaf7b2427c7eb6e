/* spec_mask.c - masks that a model computes by itself.
 *
 * A causal mask is made in few ways: a triangle of ones or of minus infinity, positions compared with each other, and
 * boolean algebra over these. read_mask() follows such an expression through variables, views, casts and slices to what
 * it means: for which pairs of a query q and a key k it allows, and in which form it says so (struct mask). With q - k
 * as D, a causal mask allows D >= 0, a window allows D < w. What is not understood is an ordinary tensor. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#include "parser/literal.h"
#include "rewrite/spec.h"

enum { READ_DEPTH = 40 };

struct reader {
    struct unit *unit;
    int depth;
    const struct fact *assumed; /* the assumption that was used; NULL: none */
};

static bool read_mask(struct reader *r, const struct node *e, struct mask *m);

/* -- algebra ------------------------------------------------------------------------------------------------------- */

static bool is_boolean(const struct mask *m) {
    return m->form != MASK_ADDS;
}

static void negate(struct mask *m) {
    m->form = m->form == MASK_KEEPS ? MASK_DROPS : MASK_KEEPS;
}

/* What both allow; false where that has no name. */
bool mask_intersect(struct mask *a, const struct mask *b) {
    a->plain = a->plain && b->plain;
    if (a->shape == MASK_NOTHING || b->shape == MASK_NOTHING)
        return a->shape == b->shape;
    if ((a->window && b->window && !node_equal(a->window, b->window)) ||
        (a->chunk && b->chunk && !node_equal(a->chunk, b->chunk)))
        return false;
    bool causal = a->shape == MASK_CAUSAL || b->shape == MASK_CAUSAL;
    a->window = a->window ? a->window : b->window;
    a->chunk = a->chunk ? a->chunk : b->chunk;
    a->shape = causal ? MASK_CAUSAL : a->window ? MASK_WITHIN : MASK_BIDIRECTIONAL;
    return true;
}

static bool same_size(const struct node *a, const struct node *b) {
    return a == b || (a && b && node_equal(a, b));
}

static bool same_pairs(const struct mask *a, const struct mask *b) {
    return a->shape == b->shape && same_size(a->window, b->window) && same_size(a->chunk, b->chunk);
}

/* What either allows. */
static bool unite(struct mask *a, const struct mask *b) {
    a->plain = a->plain && b->plain;
    if (a->shape == MASK_NOTHING || same_pairs(a, b)) {
        a->shape = b->shape;
        a->window = b->window;
        a->chunk = b->chunk;
        return true;
    }
    return b->shape == MASK_NOTHING;
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

/* What defines a variable, or an attribute of self that is stored once. */
static const struct node *definition(const struct node *e) {
    for (int i = 0; i < READ_DEPTH; i++) {
        const struct node *next = NULL;
        if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN)
            next = e->web->expr;
        else if (e->kind == NODE_ATTRIBUTE && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE) {
            const struct attr *attr = class_attr(e->kid[0]->abs->cls, e->atom);
            next = attr && attr->stores == 1 ? attr->expr : NULL;
        }
        if (next == NULL)
            return e;
        e = next;
    }
    return e;
}

static bool is_number(const struct node *e, double *value) {
    double sign = 1;
    e = definition(e);
    if (e->abs && e->abs->kind == ABS_CONST && e->abs->constant)
        e = e->abs->constant;
    if (e->kind == NODE_UNARYOP && e->op == OP_NEG) {
        sign = -1;
        e = e->kid[0];
    }
    if (e->kind == NODE_CONST && (e->op == OP_TRUE || e->op == OP_FALSE)) {
        *value = e->op == OP_TRUE;
        return true;
    }
    if (e->kind != NODE_NUMBER)
        return false;
    bool known = literal_number(e->atom, value);
    *value *= sign;
    return known;
}

static bool is_constant(const struct node *e, double value) {
    double number;
    return is_number(e, &number) && number == value;
}

static const struct node *call_arg(const struct node *call, uint32_t position, const char *keyword) {
    uint32_t seen = 0;
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *a = call->kid[i];
        if (a->kind == NODE_KEYWORD ? keyword && a->atom && atom_is(a->atom, keyword) : seen++ == position)
            return a->kind == NODE_KEYWORD ? a->kid[0] : a;
    }
    return NULL;
}

static const char *callee_name(const struct node *call) {
    const struct node *callee = call->kid[0];
    return callee->kind == NODE_ATTRIBUTE || callee->kind == NODE_NAME ? callee->atom : "";
}

static bool is_infinite(const struct node *e) {
    const struct node *text =
        e->kind == NODE_CALL && strcmp(callee_name(e), "float") == 0 && e->nkids == 2 ? e->kid[1] : NULL;
    return (text && text->kind == NODE_STRING && strstr(text->atom, "inf")) ||
           (e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "inf"));
}

/* Minus infinity, the smallest number of a dtype, or a number that is small enough for a softmax to forget. */
static bool is_low(const struct node *e) {
    enum { LOW = -9999 };
    double value;
    e = definition(e);
    if (is_number(e, &value))
        return value < LOW;
    if (e->kind == NODE_UNARYOP && e->op == OP_NEG)
        return is_infinite(definition(e->kid[0]));
    if (is_infinite(e))
        return e->kind == NODE_CALL && strstr(e->kid[1]->atom, "-inf") != NULL;
    if (e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "min")) {
        const struct node *info = definition(e->kid[0]);
        return info->kind == NODE_CALL && strcmp(callee_name(info), "finfo") == 0;
    }
    if (e->kind == NODE_CALL && strcmp(callee_name(e), "tensor") == 0)
        return e->nkids > 1 && is_low(e->kid[1]);
    if (e->kind == NODE_CALL && strcmp(callee_name(e), "full") == 0) {
        const struct node *fill = call_arg(e, 1, "fill_value");
        return fill && is_low(fill);
    }
    return false;
}

/* sign * symbol + constant, over what is known at construction; symbol NULL: none. */
struct linear {
    int sign;
    struct node *symbol;
    long constant;
};

static bool read_symbol(struct node *symbol, struct linear *x) {
    struct linear y;
    double value;
    if (is_number(symbol, &value)) {
        *x = (struct linear){1, NULL, (long)value};
        return value == (double)(long)value;
    }
    if (symbol->kind == NODE_UNARYOP && symbol->op == OP_NEG && read_symbol(symbol->kid[0], &y)) {
        *x = (struct linear){-y.sign, y.symbol, -y.constant};
        return true;
    }
    bool sum = symbol->kind == NODE_BINOP && (symbol->op == OP_ADD || symbol->op == OP_SUB);
    if (sum && read_symbol(symbol->kid[0], x) && read_symbol(symbol->kid[1], &y) && (!x->symbol || !y.symbol)) {
        int sign = symbol->op == OP_SUB ? -1 : 1;
        if (y.symbol)
            x->symbol = y.symbol, x->sign = sign * y.sign;
        x->constant += sign * y.constant;
        return true;
    }
    *x = (struct linear){1, symbol, 0};
    return true;
}

static bool read_linear(struct reader *r, const struct node *e, struct linear *x) {
    struct node *symbol = abs_symbol(r->unit, e->abs);
    if (symbol == NULL && is_number(e, &(double){0}))
        symbol = node_copy(r->unit->arena, definition(e));
    return symbol && read_symbol(symbol, x);
}

static struct node *linear_node(struct reader *r, const struct linear *x) {
    struct arena *arena = r->unit->arena;
    long size = labs(x->constant);
    struct node *number = make_number(arena, intern_printf(r->unit->atoms, "%ld", size));
    if (x->symbol == NULL)
        return number;
    if (x->constant == 0)
        return node_copy(arena, x->symbol);
    struct node *sum = node_make(arena, NODE_BINOP, NULL, 2, node_copy(arena, x->symbol), number);
    sum->op = x->constant < 0 ? OP_SUB : OP_ADD;
    return sum;
}

/* The mask that is true where D < t, t a size that is known at construction. */
static bool below(struct reader *r, struct linear t, struct mask *m) {
    bool zero = t.symbol == NULL && t.constant == 0;
    if (!zero && (t.symbol ? t.sign < 0 : t.constant < 0))
        return false;
    *m =
        (struct mask){.shape = zero ? MASK_CAUSAL : MASK_WITHIN, .form = zero ? MASK_DROPS : MASK_KEEPS, .plain = true};
    m->window = zero ? NULL : linear_node(r, &t);
    return true;
}

/* -- positions compared with positions ----------------------------------------------------------------------------- */

/* A row of key positions or a column of query positions, and what was added to them. */
struct position {
    bool column;
    struct linear added;
};

static bool is_arange(const struct node *e) {
    if (e->kind != NODE_CALL || strcmp(callee_name(e), "arange") != 0)
        return false;
    const struct node *second = call_arg(e, 1, "end");
    return second == NULL || is_constant(call_arg(e, 0, "start"), 0);
}

static bool read_position(struct reader *r, const struct node *e, struct position *p);

/* x[:, None], x[None, :] and the like: where the new dimension goes. */
static bool read_none_index(struct reader *r, const struct node *e, struct position *p) {
    const struct node *index = e->kid[1];
    if (index->kind != NODE_TUPLE || index->nkids != 2 || !read_position(r, e->kid[0], p))
        return false;
    if (is_none(index->kid[1]))
        p->column = true;
    return is_none(index->kid[0]) != is_none(index->kid[1]);
}

static bool read_position_method(struct reader *r, const struct node *e, struct position *p) {
    const char *name = callee_name(e);
    if (e->kid[0]->kind != NODE_ATTRIBUTE || !read_position(r, e->kid[0]->kid[0], p))
        return false;
    if (strcmp(name, "unsqueeze") == 0) {
        const struct node *dim = call_arg(e, 0, "dim");
        p->column |= dim && (is_constant(dim, 1) || is_constant(dim, -1));
        return dim != NULL;
    }
    if (strcmp(name, "view") == 0 || strcmp(name, "reshape") == 0) {
        if (e->nkids == 3)
            p->column = is_constant(e->kid[2], 1);
        return e->nkids == 3 && (p->column || is_constant(e->kid[1], 1));
    }
    return strcmp(name, "to") == 0 || strcmp(name, "long") == 0 || strcmp(name, "float") == 0 ||
           strcmp(name, "int") == 0;
}

static bool read_position(struct reader *r, const struct node *e, struct position *p) {
    struct linear y;
    e = definition(e);
    if (is_arange(e)) {
        *p = (struct position){.added = {.sign = 1}};
        return true;
    }
    if (e->kind == NODE_SUBSCRIPT)
        return read_none_index(r, e, p);
    if (e->kind == NODE_CALL)
        return read_position_method(r, e, p);
    if (e->kind != NODE_BINOP || (e->op != OP_ADD && e->op != OP_SUB) || !read_position(r, e->kid[0], p) ||
        !read_linear(r, e->kid[1], &y) || (y.symbol && p->added.symbol))
        return false;
    int sign = e->op == OP_SUB ? -1 : 1;
    if (y.symbol)
        p->added.symbol = y.symbol, p->added.sign = sign * y.sign;
    p->added.constant += sign * y.constant;
    return true;
}

static bool compare_positions(struct reader *r, const struct node *e, struct mask *m) {
    struct position a, b;
    if (!read_position(r, e->kid[0], &a) || !read_position(r, e->kid[1], &b) || a.column == b.column)
        return false;
    enum op op = e->ops[0];
    if (a.column) { /* q ? k is k ?' q */
        struct position swap = a;
        a = b, b = swap;
        op = op == OP_LT ? OP_GT : op == OP_GT ? OP_LT : op == OP_LE ? OP_GE : op == OP_GE ? OP_LE : op;
    }
    if ((op != OP_LT && op != OP_LE && op != OP_GT && op != OP_GE) || (a.added.symbol && b.added.symbol))
        return false;
    /* k + a < q + b is D >= a - b + 1, and so on */
    struct linear t = a.added;
    if (b.added.symbol)
        t.symbol = b.added.symbol, t.sign = -b.added.sign;
    t.constant = a.added.constant - b.added.constant + (op == OP_LT || op == OP_GE);
    if (!below(r, t, m))
        return false;
    if (op == OP_LT || op == OP_LE)
        negate(m);
    return true;
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

static bool compare_with_number(struct reader *r, const struct node *e, struct mask *m) {
    double n;
    if (!is_number(e->kid[1], &n) || !read_mask(r, e->kid[0], m))
        return false;
    enum op op = e->ops[0];
    if (m->form == MASK_ADDS) {
        bool keeps = (op == OP_EQ && n == 0) || (op == OP_GE && n <= 0) || (op == OP_GT && n < 0);
        bool drops = (op == OP_NE && n == 0) || (op == OP_LT && n <= 0);
        m->form = keeps ? MASK_KEEPS : MASK_DROPS;
        return keeps || drops;
    }
    bool same = (op == OP_EQ && n == 1) || (op == OP_NE && n == 0) || (op == OP_GT && n >= 0 && n < 1);
    bool other = (op == OP_EQ && n == 0) || (op == OP_NE && n == 1) || (op == OP_LT && n > 0 && n <= 1);
    if (other)
        negate(m);
    return same || other;
}

/* (mask + ones) == 0, where the mask is zero or low: the allowed places that are padding. There are none, as no token
 * is padding; of zeros among the ones nothing would be known. */
static bool finds_no_padding(struct reader *r, const struct node *e, struct mask *m) {
    const struct node *sum = definition(e->kid[0]);
    struct mask ones;
    if (e->ops[0] != OP_EQ || !is_constant(e->kid[1], 0) || sum->kind != NODE_BINOP || sum->op != OP_ADD ||
        !read_mask(r, sum->kid[0], m) || m->form != MASK_ADDS || !read_mask(r, sum->kid[1], &ones) ||
        ones.form != MASK_KEEPS || ones.shape != MASK_BIDIRECTIONAL)
        return false;
    *m = (struct mask){.shape = MASK_BIDIRECTIONAL, .form = MASK_DROPS, .plain = true};
    return true;
}

static bool shift_triangle(struct reader *r, const struct node *diagonal, struct linear *d) {
    *d = (struct linear){.sign = 1};
    return diagonal == NULL || read_linear(r, diagonal, d);
}

/* tril(x, d) clears x where D < -d, triu(x, d) where D >= 1 - d. */
static bool read_triangle(
    struct reader *r, const struct node *x, const struct node *diagonal, bool lower, struct mask *m) {
    struct linear d;
    struct mask edge;
    if (!read_mask(r, x, m) || !shift_triangle(r, diagonal, &d))
        return false;
    struct linear t = {-d.sign, d.symbol, -d.constant + !lower};
    if (!below(r, t, &edge))
        return false;
    if (lower)
        negate(&edge); /* true where x stays */
    if (is_boolean(m)) {
        if (m->form == MASK_DROPS)
            return false;
        if (edge.form == MASK_KEEPS)
            return mask_intersect(m, &edge);
        /* x stays outside of what `edge` allows: a triangle that lies inside of x */
        if (m->window || m->chunk ||
            (m->shape != MASK_BIDIRECTIONAL && !(m->shape == MASK_CAUSAL && edge.shape == MASK_WITHIN)))
            return false;
        *m = edge;
        return true;
    }
    if (edge.form != MASK_DROPS) /* cleared is allowed */
        return false;
    edge.form = MASK_ADDS;
    bool united = unite(m, &edge);
    return united;
}

static bool read_fill(
    struct reader *r, const struct node *x, const struct node *where, const struct node *value, struct mask *m) {
    struct mask fill;
    if (!x || !where || !value || !read_mask(r, x, m) || !read_mask(r, where, &fill) || !is_boolean(&fill))
        return false;
    if (is_low(value) && fill.form == MASK_DROPS) {
        /* zeros and ones that are filled next to are an additive mask only where nothing else is left of them */
        if (is_boolean(m) && !(m->form == MASK_DROPS && same_pairs(m, &fill)))
            return false;
        m->form = MASK_ADDS;
        return mask_intersect(m, &fill);
    }
    return is_constant(value, 0) && fill.form == MASK_KEEPS && m->form == MASK_ADDS && unite(m, &fill);
}

static bool read_where(struct reader *r, const struct node *e, struct mask *m) {
    struct mask other = {.shape = MASK_BIDIRECTIONAL, .form = MASK_ADDS, .plain = true};
    const struct node *a = call_arg(e, 1, "input"), *b = call_arg(e, 2, "other");
    if (!a || !b || !read_mask(r, e->kid[1], m) || !is_boolean(m))
        return false;
    const struct node *low = m->form == MASK_KEEPS ? b : a, *kept = m->form == MASK_KEEPS ? a : b;
    m->form = MASK_ADDS;
    return is_low(low) && (is_constant(kept, 0) || (read_mask(r, kept, &other) && other.form == MASK_ADDS)) &&
           mask_intersect(m, &other);
}

/* Whether it is a function of the library, and no method: x.where(...), torch.where(...). */
static bool is_library_call(const struct node *call) {
    const struct node *callee = call->kid[0];
    return callee->kind != NODE_ATTRIBUTE || (callee->abs && callee->abs->kind == ABS_LIBRARY);
}

bool is_scatter(const struct node *e) {
    return e->kind == NODE_CALL && strcmp(callee_name(e), "scatter") == 0;
}

const struct node *scattered(const struct node *e) {
    uint32_t first = is_library_call(e) ? 1 : 0;
    const struct node *value = call_arg(e, first + 2, "value");
    return call_arg(e, first + 3, "reduce") ? NULL : value ? value : call_arg(e, first + 2, "src");
}

/* x.scatter(-1, chosen, value), where all keys are chosen: the value everywhere. Of zeros and ones that are marks the
 * value is the other one, of an additive mask it is zero. */
static bool read_scatter(struct reader *r, const struct node *x, const struct node *e, uint32_t first, struct mask *m) {
    const struct node *dim = call_arg(e, first, "dim"), *index = call_arg(e, first + 1, "index"), *value = scattered(e);
    double number;
    if (!dim || !index || !value || !chooses_all(r->unit, index) || !is_constant(dim, -1) ||
        !is_number(value, &number) || !read_mask(r, x, m))
        return false;
    bool ones = m->form == MASK_KEEPS && m->shape == MASK_BIDIRECTIONAL;
    bool zeros = m->form == MASK_ADDS && m->shape == MASK_BIDIRECTIONAL;
    bool marks = (ones && number == 0) || (zeros && number == 1);
    if (!marks && !(m->form == MASK_ADDS && m->shape == MASK_NOTHING && number == 0))
        return false;
    *m = (struct mask){.shape = MASK_BIDIRECTIONAL, .form = ones ? MASK_DROPS : zeros ? MASK_KEEPS : MASK_ADDS};
    r->assumed = assumed_to_take_all(r->unit);
    note_limit(r->unit, index->abs->limit);
    r->unit->limited_to_choice = true;
    return true;
}

static bool is_bool_dtype(const struct node *e) {
    return e && e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "bool");
}

/* torch.zeros((n, 0)): a mask of no keys, for a cache that is empty. */
static bool is_empty(const struct node *e) {
    e = definition(e);
    if (e->kind != NODE_CALL || !word_in(callee_name(e), "zeros ones full"))
        return false;
    const struct node *sizes = e->nkids > 1 ? e->kid[1] : NULL;
    bool display = is_kind(sizes, NODE_TUPLE) || is_kind(sizes, NODE_LIST);
    for (uint32_t i = display ? 0 : 1; i < (display ? sizes->nkids : e->nkids); i++) {
        const struct node *size = display ? sizes->kid[i] : e->kid[i];
        if (size->kind != NODE_KEYWORD && is_constant(size, 0))
            return true;
    }
    return false;
}

/* torch.hstack([nothing, mask]) */
static bool read_joined(struct reader *r, const struct node *parts, struct mask *m) {
    parts = definition(parts);
    bool two = (parts->kind == NODE_LIST || parts->kind == NODE_TUPLE) && parts->nkids == 2;
    return two && is_empty(parts->kid[0]) && read_mask(r, parts->kid[1], m);
}

static bool read_call(struct reader *r, const struct node *e, struct mask *m) {
    static const char same[] = "view reshape unsqueeze expand repeat to bool float type type_as int long half bfloat16 "
                               "contiguous clone detach cuda cpu Buffer Parameter byte uint8 squeeze expand_as";
    static const char ones[] = "ones ones_like new_ones";
    static const char zeros[] = "zeros zeros_like new_zeros";
    static const char full[] = "full full_like new_full";
    static const char not [] = "logical_not bitwise_not";
    static const char both[] = "logical_and bitwise_and";
    static const char any[] = "logical_or bitwise_or";
    static const char xor [] = "logical_xor bitwise_xor";
    const char *name = callee_name(e);
    bool library = is_library_call(e);
    const struct node *x = library ? call_arg(e, 0, "input") : e->kid[0]->kid[0];
    uint32_t first = library ? 1 : 0;
    *m = (struct mask){.shape = MASK_BIDIRECTIONAL, .form = MASK_KEEPS, .plain = true};
    if (word_in(name, ones))
        return true;
    if (word_in(name, zeros)) {
        m->form = MASK_ADDS;
        return true;
    }
    if (word_in(name, full)) {
        const struct node *fill = call_arg(e, 1, "fill_value");
        if (fill && is_constant(fill, 1))
            return true;
        m->form = MASK_ADDS;
        m->shape = fill && is_low(fill) ? MASK_NOTHING : MASK_BIDIRECTIONAL;
        return fill && (m->shape == MASK_NOTHING || is_constant(fill, 0));
    }
    if (x == NULL)
        return false;
    if (library && word_in(name, "cat concat hstack"))
        return read_joined(r, x, m);
    if (word_in(name, same)) {
        bool to_bool = strcmp(name, "bool") == 0 || is_bool_dtype(call_arg(e, first, "dtype"));
        if (!read_mask(r, x, m))
            return false;
        if (to_bool && m->form == MASK_ADDS)
            m->form = MASK_DROPS;
        return true;
    }
    if (strcmp(name, "tril") == 0 || strcmp(name, "triu") == 0)
        return read_triangle(r, x, call_arg(e, first, "diagonal"), name[3] == 'l', m);
    if (strcmp(name, "masked_fill") == 0)
        return read_fill(r, x, call_arg(e, first, "mask"), call_arg(e, first + 1, "value"), m);
    if (strcmp(name, "where") == 0 && library)
        return read_where(r, e, m);
    if (strcmp(name, "scatter") == 0)
        return read_scatter(r, x, e, first, m);
    if (word_in(name, not )) {
        negate(m);
        bool fine = read_mask(r, x, m) && is_boolean(m);
        negate(m);
        return fine;
    }
    struct mask other;
    const struct node *y = call_arg(e, first, "other");
    bool pair = word_in(name, both) || word_in(name, any) || word_in(name, xor);
    if (!pair || !y || !read_mask(r, x, m) || !read_mask(r, y, &other) || !is_boolean(m) || !is_boolean(&other))
        return false;
    if (word_in(name, both))
        return m->form == MASK_KEEPS && other.form == MASK_KEEPS && mask_intersect(m, &other);
    if (word_in(name, any))
        return m->form == MASK_DROPS && other.form == MASK_DROPS && mask_intersect(m, &other);
    /* a triangle without the one inside of it */
    return m->form == MASK_KEEPS && m->shape == MASK_CAUSAL && !m->chunk && other.form == MASK_DROPS &&
           other.shape == MASK_WITHIN && mask_intersect(m, &other);
}

static bool read_binop(struct reader *r, const struct node *e, struct mask *m) {
    struct mask other;
    const struct node *a = e->kid[0], *b = e->kid[1];
    if (e->op == OP_SUB && is_constant(a, 1)) { /* 1 - m */
        bool fine = read_mask(r, b, m) && is_boolean(m);
        negate(m);
        return fine;
    }
    if (e->op == OP_MUL && (is_low(a) || is_low(b))) {
        bool fine = read_mask(r, is_low(a) ? b : a, m) && m->form == MASK_DROPS;
        m->form = MASK_ADDS;
        return fine;
    }
    if (!read_mask(r, a, m) || !read_mask(r, b, &other))
        return false;
    bool added = m->form == MASK_ADDS && other.form == MASK_ADDS;
    switch (e->op) {
    case OP_ADD: return added && mask_intersect(m, &other);
    case OP_MUL:
    case OP_BITAND:
        if (m->form == MASK_KEEPS && other.form == MASK_KEEPS)
            return mask_intersect(m, &other);
        return e->op == OP_MUL && m->form == MASK_ADDS && other.form == MASK_DROPS && unite(m, &other);
    case OP_BITOR: return m->form == MASK_DROPS && other.form == MASK_DROPS && mask_intersect(m, &other);
    case OP_BITXOR:
    case OP_SUB:
        return m->form == MASK_KEEPS && m->shape == MASK_CAUSAL && !m->chunk && other.form == MASK_DROPS &&
               other.shape == MASK_WITHIN && mask_intersect(m, &other);
    default: return false;
    }
}

/* -- slices -------------------------------------------------------------------------------------------------------- */

static bool is_whole(const struct node *s) {
    return s->kind == NODE_SLICE && !s->kid[0] && !s->kid[1] && !s->kid[2];
}

static bool starts_at_zero(const struct node *s) {
    return s->kind == NODE_SLICE && !s->kid[2] && (s->kid[0] == NULL || is_constant(s->kid[0], 0));
}

static bool is_ellipsis(const struct node *e) {
    return e->kind == NODE_CONST && e->op == OP_ELLIPSIS;
}

/* A slice, all rows, or the numbers from zero as an index. */
static bool takes_first(const struct node *i) {
    return i->kind == NODE_SLICE || is_ellipsis(i) || (i->abs && i->abs->kind == ABS_TENSOR && i->abs->counts);
}

/* A mask is cut to the scores it is for, which have as many rows as columns: rows that end where the columns end, and
 * columns that start at zero, make the rows start at zero too. */
static bool cuts_to_scores(const struct node *rows, const struct node *columns) {
    if (rows->kind != NODE_SLICE && starts_at_zero(columns))
        return true; /* numbers from zero, or all */
    if (!starts_at_zero(columns) || rows->kind != NODE_SLICE || rows->kid[2])
        return false;
    return starts_at_zero(rows) || (rows->kid[1] && columns->kid[1] && node_equal(rows->kid[1], columns->kid[1]));
}

static bool is_leading_index(const struct node *i) {
    return is_whole(i) || is_none(i) || is_ellipsis(i) || i->kind == NODE_NUMBER;
}

static bool read_subscript(struct reader *r, const struct node *e, struct mask *m) {
    const struct node *index = e->kid[1];
    if (!read_mask(r, e->kid[0], m))
        return false;
    if (index->kind != NODE_TUPLE)
        return is_leading_index(index);
    uint32_t n = index->nkids;
    bool slices = n >= 2 && index->kid[n - 1]->kind == NODE_SLICE && takes_first(index->kid[n - 2]);
    for (uint32_t i = 0; i < n; i++)
        if (!is_leading_index(index->kid[i]) && !(slices && i + 2 >= n))
            return false;
    if (!slices || (is_whole(index->kid[n - 1]) && is_whole(index->kid[n - 2])))
        return true;
    return cuts_to_scores(index->kid[n - 2], index->kid[n - 1]);
}

/* A size compared with one: a prompt has more than one token, and of one token every causal mask is the same. */
static bool is_single_token_test(const struct node *test, bool *more) {
    if (test->kind != NODE_COMPARE || test->nkids != 2 || !is_constant(test->kid[1], 1) || !test->kid[0]->abs ||
        test->kid[0]->abs->kind != ABS_NUMBER)
        return false;
    *more = test->ops[0] == OP_NE || test->ops[0] == OP_GT;
    return *more || test->ops[0] == OP_EQ || test->ops[0] == OP_LE;
}

static bool read_join(struct reader *r, const struct web *w, struct mask *m) {
    struct mask other;
    bool more;
    if (!w->stmt || w->stmt->kind != NODE_IF || !w->from[0] || !w->from[1])
        return false;
    struct node *arm[2] = {make_web_name(r->unit->arena, w->from[0]), make_web_name(r->unit->arena, w->from[1])};
    if (is_single_token_test(w->stmt->kid[0], &more))
        return read_mask(r, arm[more ? 0 : 1], m);
    return read_mask(r, arm[0], m) && read_mask(r, arm[1], &other) && m->form == other.form && same_pairs(m, &other);
}

static bool read_kind(struct reader *r, const struct node *e, struct mask *m) {
    if (e->abs && e->abs->kind == ABS_MASK) {
        const struct fact *assumed = e->abs->because ? assumed_to_take_all(r->unit) : NULL;
        *m = *e->abs->mask;
        r->assumed = assumed && assumed->number == e->abs->because ? assumed : r->assumed;
        return true;
    }
    switch (e->kind) {
    case NODE_NAME:
    case NODE_ATTRIBUTE: {
        const struct node *d = definition(e);
        if (d->kind == NODE_NAME && d->web && d->web->kind == WEB_IF)
            return read_join(r, d->web, m);
        return d != e && read_mask(r, d, m);
    }
    case NODE_CALL: return read_call(r, e, m);
    case NODE_SUBSCRIPT: return read_subscript(r, e, m);
    case NODE_BINOP: return read_binop(r, e, m);
    case NODE_UNARYOP: {
        bool fine = e->op == OP_INVERT && read_mask(r, e->kid[0], m) && is_boolean(m);
        negate(m);
        return fine;
    }
    case NODE_COMPARE:
        return e->nkids == 2 &&
               (compare_positions(r, e, m) || compare_with_number(r, e, m) || finds_no_padding(r, e, m));
    default: return false;
    }
}

static bool read_mask(struct reader *r, const struct node *e, struct mask *m) {
    *m = (struct mask){0};
    if (e == NULL || r->depth >= READ_DEPTH)
        return false;
    r->depth++;
    bool fine = read_kind(r, e, m);
    r->depth--;
    return fine;
}

/* -- for the evaluator --------------------------------------------------------------------------------------------- */

static bool holds_mask(const struct node *e) {
    if (e->abs && e->abs->kind == ABS_MASK)
        return true;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] &&
            (e->kid[i]->kind == NODE_ATTRIBUTE || e->kid[i]->kind == NODE_KEYWORD || e->kid[i]->kind == NODE_LIST
                    ? holds_mask(e->kid[i])
                    : e->kid[i]->abs && e->kid[i]->abs->kind == ABS_MASK))
            return true;
    return false;
}

/* Only what holds a mask, or makes one out of what is none, can be one. */
static bool may_be_mask(const struct unit *unit, const struct node *e) {
    if (e->kind == NODE_COMPARE && e->nkids == 2)
        return true;
    if (e->kind == NODE_CALL && (strcmp(callee_name(e), "tril") == 0 || strcmp(callee_name(e), "triu") == 0))
        return true;
    return (is_scatter(e) && assumed_to_take_all(unit)) || holds_mask(e);
}

struct val mask_or(struct frame *f, struct val v) {
    struct reader r = {.unit = f->unit};
    struct mask m;
    bool unknown = v.abs->kind == ABS_TENSOR || v.abs->kind == ABS_NOTNONE || v.abs->kind == ABS_TOP;
    if (!unknown || v.expr == NULL || !may_be_mask(f->unit, v.expr))
        return v;
    if (!read_mask(&r, v.expr, &m) || (m.shape == MASK_BIDIRECTIONAL && m.plain) || m.shape == MASK_NOTHING)
        return v;
    struct absval *a = abs_new(f->unit, ABS_MASK);
    a->rank = v.abs->rank;
    a->because = r.assumed ? r.assumed->number : REASON_NONE;
    a->mask = NEW(f->unit->arena, struct mask);
    *a->mask = m;
    v.abs = v.expr->abs = a;
    return v;
}

/* A mask where the test holds, or where it does not, and else None. NULL where it is not always there itself. */
static const struct absval *mask_where(
    struct unit *unit, struct node *test, const struct absval *a, const struct absval *b) {
    const struct absval *mask = abs_is_mask(a) ? a : b;
    struct node *opposite = negated(unit, node_copy(unit->arena, test));
    if (mask->mask->where != NULL)
        return NULL;
    struct absval *m = abs_new(unit, ABS_MASK);
    *m = *mask;
    m->mask = NEW(unit->arena, struct mask);
    *m->mask = *mask->mask;
    m->mask->where = mask == a ? test : opposite;
    m->mask->none = mask == a ? opposite : test;
    return m;
}

const struct absval *mask_join(
    struct frame *f, const struct node *test, const struct absval *a, const struct absval *b) {
    bool more;
    if (is_single_token_test(test, &more) && abs_is_mask(more ? a : b))
        return more ? a : b;
    struct node *symbol = abs_symbol(f->unit, test->abs);
    if ((abs_is_mask(a) && abs_is_none(b)) || (abs_is_none(a) && abs_is_mask(b)))
        return symbol ? mask_where(f->unit, symbol, a, b) : NULL;
    if (!abs_is_mask(a) || !abs_is_mask(b))
        return NULL;
    return abs_equal(a, b) ? a : mask_either(f, symbol, a, b);
}

/* `w if w is not None else None` and `None if w is None else w`: w; else NULL. */
static const struct node *window_if_any(const struct node *test, const struct node *then, const struct node *other) {
    if (test->kind != NODE_COMPARE || test->nkids != 2 || !is_none(test->kid[1]))
        return NULL;
    const struct node *kept = test->ops[0] == OP_IS_NOT ? then : test->ops[0] == OP_IS ? other : NULL;
    bool none = (kept == then ? other : then) == NULL;
    return kept && none && node_equal(test->kid[0], kept) ? kept : NULL;
}

/* The size of a window, or of chunks, that is `then` where the symbol holds, else `other`; NULL stands for none. */
static struct node *size_either(
    struct arena *arena, struct node *symbol, const struct node *then, const struct node *other) {
    const struct node *if_any = window_if_any(symbol, then, other);
    if (same_size(then, other) || if_any)
        return if_any ? node_copy(arena, if_any) : then ? node_copy(arena, then) : NULL;
    return node_make(arena, NODE_IFEXP, NULL, 3, node_copy(arena, symbol),
        then ? node_copy(arena, then) : make_const(arena, OP_NONE),
        other ? node_copy(arena, other) : make_const(arena, OP_NONE));
}

const struct absval *mask_either(struct frame *f, struct node *symbol, const struct absval *a, const struct absval *b) {
    struct arena *arena = f->unit->arena;
    const struct mask *x = a->mask, *y = b->mask;
    if (symbol == NULL || x->shape != MASK_CAUSAL || y->shape != MASK_CAUSAL || x->form != y->form)
        return NULL;
    struct absval *m = abs_new(f->unit, ABS_MASK);
    m->rank = a->rank == b->rank ? a->rank : 0;
    m->mask = NEW(arena, struct mask);
    *m->mask = *x;
    m->mask->plain = x->plain && y->plain;
    m->mask->window = size_either(arena, symbol, x->window, y->window);
    m->mask->chunk = size_either(arena, symbol, x->chunk, y->chunk);
    return m;
}
