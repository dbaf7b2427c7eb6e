/* run_operator.c - arithmetic, comparisons, indices. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "rewrite/run_internal.h"

static struct datum *either_unknown(struct datum *a, struct datum *b) {
    return is_unknown(a) ? a : is_unknown(b) ? b : NULL;
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

static long long floor_div(long long a, long long b) {
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static bool integer_power(long long a, long long b, long long *result) {
    *result = 1;
    if (a >= -1 && a <= 1 && b > 2)
        b = 2 - b % 2;
    for (; b > 0; b--)
        if (__builtin_mul_overflow(*result, a, result))
            return false;
    return true;
}

/* False where it has no integer result: too large, or not of these operators. */
static bool integers(enum op op, long long a, long long b, long long *result) {
    if ((op == OP_FLOORDIV || op == OP_MOD) && a == LLONG_MIN && b == -1)
        return false;
    if ((op == OP_LSHIFT && (b < 0 || b >= 62)) || (op == OP_RSHIFT && (b < 0 || b >= 64)))
        return false;
    switch (op) {
    case OP_ADD: return !__builtin_add_overflow(a, b, result);
    case OP_SUB: return !__builtin_sub_overflow(a, b, result);
    case OP_MUL: return !__builtin_mul_overflow(a, b, result);
    case OP_FLOORDIV: *result = floor_div(a, b); return true;
    case OP_MOD: *result = a - floor_div(a, b) * b; return true;
    case OP_POW: return b >= 0 && integer_power(a, b, result);
    case OP_BITAND: *result = a & b; return true;
    case OP_BITOR: *result = a | b; return true;
    case OP_BITXOR: *result = a ^ b; return true;
    case OP_LSHIFT: *result = (long long)((unsigned long long)a << b); return a >> (62 - b) == 0;
    case OP_RSHIFT: *result = a >> b; return true;
    default: return false;
    }
}

static bool reals(enum op op, double a, double b, double *result) {
    switch (op) {
    case OP_ADD: *result = a + b; return true;
    case OP_SUB: *result = a - b; return true;
    case OP_MUL: *result = a * b; return true;
    case OP_DIV: *result = a / b; return true;
    case OP_FLOORDIV: *result = floor(a / b); return true;
    case OP_MOD: *result = a - floor(a / b) * b; return true;
    case OP_POW: *result = pow(a, b); return true;
    default: return false;
    }
}

static bool is_integer(const struct datum *d) {
    return d->kind == D_INT || d->kind == D_BOOL;
}

static long long integer_of(const struct datum *d) {
    return d->kind == D_BOOL ? d->truth : d->integer;
}

static struct datum *arithmetic(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at) {
    double x = 0, y = 0, real;
    long long integer;
    number_of(a, &x);
    number_of(b, &y);
    bool divides = op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD;
    if (divides && y == 0)
        return run_raise(run, at, "ZeroDivisionError", "division by zero");
    bool bits = op == OP_BITAND || op == OP_BITOR || op == OP_BITXOR;
    if (bits && a->kind == D_BOOL && b->kind == D_BOOL && integers(op, a->truth, b->truth, &integer))
        return datum_bool(run, integer != 0);
    if (is_integer(a) && is_integer(b) && integers(op, integer_of(a), integer_of(b), &integer))
        return datum_int(run, integer);
    bool whole = is_integer(a) && is_integer(b) && op != OP_DIV && !(op == OP_POW && y < 0);
    if (!whole && reals(op, x, y, &real) && !(isnan(real) && !isnan(x) && !isnan(y)))
        return datum_float(run, real);
    return unknown(run, at, "this number is not followed");
}

/* -- collections --------------------------------------------------------------------------------------------------- */

static struct datum *concatenate(struct run *run, struct datum *a, struct datum *b) {
    struct datum *list = copy_of(run, a, false);
    for (uint32_t i = 0; i < b->items.list.len; i++)
        datum_push(run, list, b->items.list.at[i]);
    return list;
}

static struct datum *repeat(struct run *run, struct datum *list, long long times, const struct node *at) {
    if (times > 10 * 1000 * 1000)
        return run_refuse(run, at, "a list of %lld elements is not followed here", times);
    struct datum *result = datum_list(run, list->kind);
    for (long long i = 0; i < times; i++)
        for (uint32_t k = 0; k < list->items.list.len; k++)
            vec_push(run->arena, &result->items.list, list->items.list.at[k]);
    return result;
}

static struct datum *sets(struct run *run, enum op op, struct datum *a, struct datum *b) {
    struct datum *result = datum_list(run, D_SET);
    for (uint32_t i = 0; i < a->items.list.len; i++) {
        struct datum *item = a->items.list.at[i];
        bool both = contains(b, item) == 1;
        if (op == OP_BITOR || (op == OP_BITAND && both) || (op == OP_SUB && !both))
            datum_push(run, result, item);
    }
    for (uint32_t i = 0; op == OP_BITOR && i < b->items.list.len; i++)
        datum_push(run, result, b->items.list.at[i]);
    return result;
}

static struct datum *merge(struct run *run, struct datum *a, struct datum *b) {
    struct datum *result = copy_of(run, a, false);
    dict_merge(run, &result->dict, &b->dict);
    return result;
}

static struct datum *repeat_text(struct run *run, const struct datum *d, long long times, const struct node *at) {
    if (times > 1000)
        return unknown(run, at, "a string of so many repeats is not followed");
    const char *text = "";
    for (long long i = 0; i < times; i++)
        text = arena_printf(run->arena, "%s%s", text, d->text);
    return datum_str(run, text);
}

/* Whether Python surely refuses the operands; what else is not followed here it may take. */
static bool do_not_fit(const struct datum *a, const struct datum *b) {
    double x;
    if (a->kind == D_NONE || b->kind == D_NONE)
        return true;
    return (number_of(a, &x) && b->kind == D_STR) || (a->kind == D_STR && number_of(b, &x));
}

static bool is_sequence(const struct datum *d) {
    return d->kind == D_LIST || d->kind == D_TUPLE;
}

struct datum *binary(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at) {
    double x;
    struct datum *missing = either_unknown(a, b);
    if (missing)
        return missing;
    if (a->kind == D_TENSOR || b->kind == D_TENSOR)
        return tensor_binary(run, op, a, b, at);
    if (number_of(a, &x) && number_of(b, &x))
        return arithmetic(run, op, a, b, at);
    if (op == OP_ADD && a->kind == D_STR && b->kind == D_STR)
        return datum_str(run, arena_printf(run->arena, "%s%s", a->text, b->text));
    if (op == OP_ADD && is_sequence(a) && a->kind == b->kind)
        return concatenate(run, a, b);
    if (op == OP_MUL && is_integer(a))
        return binary(run, op, b, a, at);
    if (op == OP_MUL && is_sequence(a) && is_integer(b))
        return repeat(run, a, integer_of(b), at);
    if (op == OP_MUL && a->kind == D_STR && is_integer(b))
        return repeat_text(run, a, integer_of(b), at);
    if (a->kind == D_SET && b->kind == D_SET && (op == OP_BITOR || op == OP_BITAND || op == OP_SUB))
        return sets(run, op, a, b);
    if (op == OP_BITOR && a->kind == D_DICT && b->kind == D_DICT)
        return merge(run, a, b);
    if (op == OP_MOD && a->kind == D_STR) /* of messages */
        return unknown(run, at, "this format is not followed");
    if (op == OP_BITOR) /* a type */
        return a;
    return do_not_fit(a, b) ? run_raise(run, at, "TypeError", "`%s` does not take these operands", op_text(op))
                            : unknown(run, at, "what `%s` gives here is not followed", op_text(op));
}

struct datum *unary(struct run *run, enum op op, struct datum *a, const struct node *at) {
    if (is_unknown(a))
        return a;
    if (op == OP_NOT) {
        int truth = truth_of(a);
        return truth < 0 ? unknown(run, at, "it depends on a tensor") : datum_bool(run, !truth);
    }
    if (a->kind == D_TENSOR)
        return a;
    if (a->kind == D_FLOAT && op != OP_INVERT)
        return op == OP_NEG ? datum_float(run, -a->real) : a;
    if (is_integer(a))
        return datum_int(run, op == OP_NEG ? -integer_of(a) : op == OP_INVERT ? ~integer_of(a) : integer_of(a));
    return run_raise(run, at, "TypeError", "`%s` does not take this operand", op_text(op));
}

/* -- comparisons --------------------------------------------------------------------------------------------------- */

static int identical(const struct datum *a, const struct datum *b) {
    if (a == b)
        return 1;
    if (is_unknown(a) || is_unknown(b))
        return -1;
    if (a->kind != b->kind)
        return 0;
    bool by_value = a->kind == D_NONE || a->kind == D_BOOL || a->kind == D_INT || a->kind == D_STR ||
                    a->kind == D_LIBRARY || a->kind == D_CLASS || a->kind == D_OBJECT;
    return by_value ? equal_data(a, b) : 0;
}

static int order(enum op op, double x, double y) {
    return op == OP_LT ? x < y : op == OP_LE ? x <= y : op == OP_GT ? x > y : x >= y;
}

/* `in` of an object that says itself what it contains; *done is false for any other. */
static struct datum *asked(
    struct run *run, struct datum *object, struct datum *item, const struct node *at, bool *done) {
    struct class *in;
    atom name = intern(run->unit->atoms, "__contains__");
    *done = object->kind == D_OBJECT && find_member(object->object->class, NULL, name, &in);
    struct datum *method = *done ? find_attribute(run, object, NULL, name, at) : NULL;
    return method ? run_apply(run, method, &item, 1) : NULL;
}

struct datum *compare(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at) {
    double x, y;
    int truth = -1;
    bool done = false;
    struct datum *answer = op == OP_IN || op == OP_NOT_IN ? asked(run, b, a, at, &done) : NULL;
    bool ordered = op != OP_IS && op != OP_IS_NOT && op != OP_IN && op != OP_NOT_IN;
    if (run->forward && ordered && (a->kind == D_TENSOR || b->kind == D_TENSOR) && !either_unknown(a, b))
        return tensor_binary(run, op, a, b, at);
    if (done)
        return answer && op == OP_NOT_IN ? unary(run, OP_NOT, answer, at) : answer;
    switch (op) {
    case OP_IS:
    case OP_IS_NOT: truth = identical(a, b); break;
    case OP_EQ:
    case OP_NE: truth = equal_data(a, b); break;
    case OP_IN:
    case OP_NOT_IN: truth = contains(b, a); break;
    default:
        if (number_of(a, &x) && number_of(b, &y))
            return datum_bool(run, order(op, x, y));
        if (a->kind == D_STR && b->kind == D_STR)
            return datum_bool(run, order(op, strcmp(a->text, b->text), 0));
        if (a->kind == D_NONE || b->kind == D_NONE)
            return run_raise(run, at, "TypeError", "`%s` does not take None", op_text(op));
    }
    if (truth < 0) {
        struct datum *missing = either_unknown(a, b);
        return missing ? missing : unknown(run, at, "this comparison is not followed");
    }
    bool negated = op == OP_IS_NOT || op == OP_NE || op == OP_NOT_IN;
    return datum_bool(run, (truth == 1) != negated);
}

/* -- indices ------------------------------------------------------------------------------------------------------- */

static struct datum *nth(struct run *run, const struct datum *value, long long index, const struct node *at) {
    long long count = value->kind == D_STR ? (long long)strlen(value->text) : value->items.list.len;
    index += index < 0 ? count : 0;
    if (index < 0 || index >= count)
        return run_raise(run, at, "IndexError", "index out of range");
    if (value->kind == D_STR)
        return datum_str(run, arena_strndup(run->arena, value->text + index, 1));
    return value->items.list.at[index];
}

static struct datum *of_object(struct run *run, struct datum *value, struct datum *index, const struct node *at) {
    struct arguments arguments = {.at = (struct node *)at};
    vec_push(run->arena, &arguments.positional.list, index);
    atom name = intern(run->unit->atoms, "__getitem__");
    struct datum *method = find_attribute(run, value, NULL, name, at);
    if (method || run->stop != RUN_ON)
        return method ? call(run, method, &arguments) : NULL;
    struct datum view = {.kind = D_LIST, .items = value->object->items};
    if (index->kind == D_INT && view.items.list.len)
        return nth(run, &view, index->integer, at);
    struct datum *found = dict_find(&value->object->dict, index);
    return found ? found : run_raise(run, at, "TypeError", "this has no elements");
}

/* What a class of the source goes through: `__iter__`, or `__getitem__` from 0 until it raises IndexError. */
struct datum *object_elements(struct run *run, struct datum *object, const struct node *at) {
    struct class *in, *class = object->object->class;
    atom iter = intern(run->unit->atoms, "__iter__"), item = intern(run->unit->atoms, "__getitem__");
    if (find_member(class, NULL, iter, &in)) {
        struct datum *method = find_attribute(run, object, NULL, iter, at);
        struct datum *all = method ? run_apply(run, method, NULL, 0) : NULL;
        return all && all != object ? elements_of(run, all, at) : NULL;
    }
    struct datum *list = datum_list(run, D_LIST);
    struct datum *method = find_member(class, NULL, item, &in) ? find_attribute(run, object, NULL, item, at) : NULL;
    for (long long i = 0; method; i++) {
        struct datum *index = datum_int(run, i), *value = run_apply(run, method, &index, 1);
        if (value == NULL && run->stop == RUN_RAISED && class_is(run->exception->object->class, "IndexError")) {
            run->stop = RUN_ON;
            return list;
        }
        if (value == NULL)
            return NULL;
        datum_push(run, list, value);
    }
    return run->stop == RUN_ON ? run_raise(run, at, "TypeError", "this cannot be iterated") : NULL;
}

struct datum *subscript(struct run *run, struct datum *value, struct datum *index, const struct node *at) {
    struct datum *missing = either_unknown(value, index);
    if (missing)
        return missing;
    if (value->kind == D_DICT) {
        struct datum *found = dict_find(&value->dict, index);
        struct datum *text = found ? NULL : datum_text(run, index);
        return found ? found : run_raise(run, at, "KeyError", "%s", text->kind == D_STR ? text->text : "");
    }
    if (value->kind == D_OBJECT)
        return of_object(run, value, index, at);
    if ((is_sequence(value) || value->kind == D_STR) && is_integer(index))
        return nth(run, value, integer_of(index), at);
    return run_raise(run, at, "TypeError", "this has no such element");
}

static long long clamp(const struct datum *d, long long dflt, long long low, long long count) {
    if (d->kind != D_INT)
        return dflt;
    long long at = d->integer < 0 ? d->integer + count : d->integer;
    return at < low ? low : at > count ? count : at;
}

struct datum *slice(struct run *run, struct datum *value, struct datum *const bound[3], const struct node *at) {
    for (uint32_t i = 0; i < 3; i++)
        if (is_unknown(bound[i]))
            return bound[i];
    if (is_unknown(value))
        return value;
    if (value->kind == D_TENSOR)
        return unknown(run, at, "the elements of tensors are not followed");
    struct datum view = *value;
    if (value->kind == D_OBJECT)
        view = (struct datum){.kind = D_LIST, .items = value->object->items};
    if (!is_sequence(&view) && view.kind != D_STR)
        return run_raise(run, at, "TypeError", "this has no slices");
    long long step = bound[2]->kind == D_INT ? bound[2]->integer : 1;
    long long count = view.kind == D_STR ? (long long)strlen(view.text) : view.items.list.len;
    if (step == 0)
        return run_raise(run, at, "ValueError", "slice step cannot be zero");
    long long from = step > 0 ? clamp(bound[0], 0, 0, count) : clamp(bound[0], count - 1, -1, count - 1);
    long long to = step > 0 ? clamp(bound[1], count, 0, count) : clamp(bound[1], -1, -1, count);
    if (view.kind == D_STR && step == 1)
        return datum_str(run, arena_strndup(run->arena, view.text + from, (size_t)(to > from ? to - from : 0)));
    if (view.kind == D_STR)
        return unknown(run, at, "this slice is not followed");
    struct datum *result = datum_list(run, view.kind);
    for (long long i = from; step > 0 ? i < to : i > to; i += step)
        vec_push(run->arena, &result->items.list, view.items.list.at[i]);
    return result;
}
