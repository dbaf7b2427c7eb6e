/* run_builtins.c - built-in functions, and those of `math` and `copy`. */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/run_internal.h"

/* -- types --------------------------------------------------------------------------------------------------------- */

static bool is_exception(const char *name) {
    return ends_with(name, "Error") || ends_with(name, "Exception") || ends_with(name, "Warning") ||
           strcmp(name, "StopIteration") == 0;
}

/* 1, 0, -1 not known: whether a value is of a type that is no class of the source. */
static int is_of_type(const struct datum *d, const char *type) {
    static const struct {
        const char *type;
        enum datum_kind kind;
    } types[] = {{"bool", D_BOOL}, {"int", D_INT}, {"int", D_BOOL}, {"float", D_FLOAT}, {"str", D_STR},
        {"list", D_LIST}, {"tuple", D_TUPLE}, {"set", D_SET}, {"frozenset", D_SET}, {"dict", D_DICT},
        {"collections.abc.Sequence", D_LIST}, {"collections.abc.Sequence", D_TUPLE},
        {"collections.abc.Mapping", D_DICT}, {"torch.Tensor", D_TENSOR}, {"type", D_CLASS}};
    if (d->kind == D_OBJECT) {
        const struct class *class = d->object->class;
        if (is_exception(type))
            return class_is(class, type) || strcmp(type, "Exception") == 0 || strcmp(type, "BaseException") == 0;
        return strcmp(type, "object") == 0 || class_is(class, type);
    }
    if (d->kind == D_LIBRARY && strcmp(type, "torch.dtype") == 0)
        return starts_with(d->text, "torch.") && dtype_named(d->text + strlen("torch.")) != NULL;
    if (d->kind == D_FUNCTION || d->kind == D_METHOD || d->kind == D_LIBRARY)
        return -1;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (d->kind == types[i].kind && strcmp(type, types[i].type) == 0)
            return 1;
    return 0;
}

void is_instance(struct run *run, const struct datum *d, const struct datum *class, int *truth) {
    *truth = -1;
    if (is_unknown(d))
        return;
    if (class->kind == D_TUPLE) {
        *truth = 0;
        for (uint32_t i = 0; i < class->items.list.len && *truth == 0; i++)
            is_instance(run, d, class->items.list.at[i], truth);
    } else if (class->kind == D_LIBRARY) {
        *truth = is_of_type(d, class->text);
    } else if (class->kind == D_CLASS) {
        *truth = 0;
        for (uint32_t i = 0; d->kind == D_OBJECT && i < d->object->class->line.len; i++)
            *truth |= d->object->class->line.at[i] == class->class;
    }
}

static struct datum *isinstance(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *class = argument(a, 1, NULL);
    int truth;
    if (d == NULL || class == NULL)
        return NULL;
    is_instance(run, d, class, &truth);
    return truth < 0 ? is_unknown(d) ? d : unknown(run, a->at, "the type of this") : datum_bool(run, truth);
}

static struct datum *issubclass(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *class = argument(a, 1, NULL);
    if (d == NULL || class == NULL || d->kind != D_CLASS || class->kind != D_CLASS)
        return NULL;
    bool is = false;
    for (uint32_t i = 0; i < d->class->line.len; i++)
        is |= d->class->line.at[i] == class->class;
    return datum_bool(run, is);
}

/* -- attributes ---------------------------------------------------------------------------------------------------- */

static bool caught(struct run *run) {
    if (run->stop != RUN_RAISED || !class_is(run->exception->object->class, "AttributeError"))
        return false;
    run->stop = RUN_ON;
    return true;
}

static struct datum *get(struct run *run, struct arguments *a, bool has) {
    struct datum *object = argument(a, 0, NULL), *name = argument(a, 1, NULL), *dflt = argument(a, 2, NULL);
    if (name == NULL || name->kind != D_STR || is_unknown(object))
        return object && is_unknown(object) ? object : name;
    struct datum *value = get_attribute(run, object, name->text, a->at);
    if (value == NULL && (has || dflt) && caught(run))
        return has ? datum_bool(run, false) : dflt;
    return value && has && !is_unknown(value) ? datum_bool(run, true) : value;
}

static struct datum *set(struct run *run, struct arguments *a) {
    struct datum *object = argument(a, 0, NULL), *name = argument(a, 1, NULL), *value = argument(a, 2, NULL);
    if (value == NULL || name->kind != D_STR)
        return value ? refuse_unknown(run, a->at, name, "which attribute is set here") : NULL;
    return set_attribute(run, object, name->text, value, a->at) ? datum_none(run) : NULL;
}

static struct datum *delete (struct run *run, struct arguments *a) {
    struct datum *object = argument(a, 0, NULL), *name = argument(a, 1, NULL);
    if (name == NULL || name->kind != D_STR || object->kind != D_OBJECT)
        return NULL;
    if (!dict_delete(&object->object->attributes->dict, name))
        return run_raise(run, a->at, "AttributeError", "%s", name->text);
    return datum_none(run);
}

/* -- numbers ------------------------------------------------------------------------------------------------------- */

static struct datum *to_int(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    double real;
    char *end;
    if (d == NULL || is_unknown(d))
        return d ? d : datum_int(run, 0);
    if (run->forward && d->kind == D_LIBRARY) /* a member of an enumeration: its name says more than its number */
        return d;
    if (d->kind == D_STR) {
        long long integer = strtoll(d->text, &end, 10);
        return *d->text && *end == '\0' ? datum_int(run, integer)
                                        : run_raise(run, a->at, "ValueError", "`%s` is no integer", d->text);
    }
    if (d->kind == D_INT)
        return d;
    return number_of(d, &real) && fabs(real) < 9e18 ? datum_int(run, (long long)real) : NULL;
}

static struct datum *to_float(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    double real = 0;
    if (d && is_unknown(d))
        return d;
    if (d && d->kind == D_STR) {
        char *end;
        real = strtod(d->text, &end);
        return *end == '\0' ? datum_float(run, real) : NULL;
    }
    return d == NULL || number_of(d, &real) ? datum_float(run, real) : NULL;
}

static struct datum *to_bool(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    int truth = d ? truth_of(d) : 0;
    return truth < 0 ? (is_unknown(d) ? d : NULL) : datum_bool(run, truth);
}

static struct datum *rounded(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    double real;
    if (d && d->kind == D_INT)
        return d;
    return d && argument(a, 1, "ndigits") == NULL && number_of(d, &real) ? datum_int(run, (long long)nearbyint(real))
                                                                         : NULL;
}

static struct datum *math_function(struct run *run, const char *name, struct arguments *a) {
    static const struct {
        const char *name;
        double (*apply)(double);
        bool integral;
    } functions[] = {{"sqrt", sqrt, false}, {"log", log, false}, {"log2", log2, false}, {"log10", log10, false},
        {"exp", exp, false}, {"floor", floor, true}, {"ceil", ceil, true}, {"cos", cos, false}, {"sin", sin, false}};
    struct datum *d = argument(a, 0, NULL), *second = argument(a, 1, NULL);
    double x, y;
    if (d == NULL || !number_of(d, &x))
        return d && is_unknown(d) ? d : NULL;
    if (second && number_of(second, &y) && strcmp(name, "log") == 0)
        return datum_float(run, log(x) / log(y));
    if (second && number_of(second, &y) && strcmp(name, "pow") == 0)
        return datum_float(run, pow(x, y));
    if (strcmp(name, "log") == 0 && x <= 0)
        return run_raise(run, a->at, "ValueError", "math domain error");
    for (size_t i = 0; second == NULL && i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].integral ? datum_int(run, (long long)functions[i].apply(x))
                                         : datum_float(run, functions[i].apply(x));
    return NULL;
}

/* -- sequences ----------------------------------------------------------------------------------------------------- */

static struct datum *range(struct run *run, struct arguments *a) {
    long long bound[3] = {0, 0, 1};
    uint32_t count = a->positional.list.len;
    for (uint32_t i = 0; i < count && i < 3; i++) {
        const struct datum *d = a->positional.list.at[i];
        if (is_unknown(d))
            return refuse_unknown(run, a->at, d, "the length of this range");
        if (d->kind != D_INT && d->kind != D_BOOL)
            return run_raise(run, a->at, "TypeError", "`range` needs integers");
        bound[count == 1 ? 1 : i] = d->kind == D_INT ? d->integer : d->truth;
    }
    if (bound[2] == 0 || (bound[1] - bound[0]) / bound[2] > 10 * 1000 * 1000)
        return run_refuse(run, a->at, "this range is not followed");
    struct datum *list = datum_list(run, D_LIST);
    for (long long i = bound[0]; bound[2] > 0 ? i < bound[1] : i > bound[1]; i += bound[2])
        vec_push(run->arena, &list->items.list, datum_int(run, i));
    return list;
}

static struct datum *length(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    if (d == NULL || is_unknown(d))
        return d;
    if (d->kind == D_STR)
        return datum_int(run, (long long)strlen(d->text));
    if (d->kind == D_DICT)
        return datum_int(run, dict_length(&d->dict));
    if (d->kind == D_TENSOR)
        return d->tensor.rank ? datum_int(run, d->tensor.dim[0]) : NULL;
    struct class *in;
    atom name = intern(run->unit->atoms, "__len__");
    if (d->kind == D_OBJECT && find_member(d->object->class, NULL, name, &in)) {
        struct datum *method = find_attribute(run, d, NULL, name, a->at);
        return method ? run_apply(run, method, NULL, 0) : NULL;
    }
    struct datum *list = elements_of(run, d, a->at);
    return list ? datum_int(run, list->items.list.len) : NULL;
}

static struct datum *enumerate(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *start = argument(a, 1, "start");
    struct datum *list = d ? elements_of(run, d, a->at) : NULL, *result = datum_list(run, D_LIST);
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        struct datum *pair = datum_list(run, D_TUPLE);
        datum_push(run, pair, datum_int(run, i + (start && start->kind == D_INT ? start->integer : 0)));
        datum_push(run, pair, list->items.list.at[i]);
        vec_push(run->arena, &result->items.list, pair);
    }
    return list ? result : NULL;
}

static struct datum *zip(struct run *run, struct arguments *a) {
    struct datum *result = datum_list(run, D_LIST);
    uint32_t count = a->positional.list.len, shortest = UINT32_MAX;
    struct datum **lists = NEW_ARRAY(run->arena, struct datum *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        lists[i] = elements_of(run, a->positional.list.at[i], a->at);
        if (lists[i] == NULL)
            return NULL;
        shortest = lists[i]->items.list.len < shortest ? lists[i]->items.list.len : shortest;
    }
    for (uint32_t k = 0; count && k < shortest; k++) {
        struct datum *row = datum_list(run, D_TUPLE);
        for (uint32_t i = 0; i < count; i++)
            datum_push(run, row, lists[i]->items.list.at[k]);
        vec_push(run->arena, &result->items.list, row);
    }
    return result;
}

/* list(x), tuple(x), set(x) */
static struct datum *collect(struct run *run, struct arguments *a, enum datum_kind kind) {
    struct datum *d = argument(a, 0, NULL), *result = datum_list(run, kind);
    struct datum *list = d ? elements_of(run, d, a->at) : result;
    for (uint32_t i = 0; d && list && i < list->items.list.len; i++)
        datum_push(run, result, list->items.list.at[i]);
    return list ? result : NULL;
}

static struct datum *to_dict(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    struct datum *result = d && d->kind == D_DICT ? copy_of(run, d, false) : datum_dict(run);
    if (d && d->kind != D_DICT) {
        struct datum *pairs = elements_of(run, d, a->at);
        for (uint32_t i = 0; pairs && i < pairs->items.list.len; i++) {
            struct datum *pair = elements_of(run, pairs->items.list.at[i], a->at);
            if (pair == NULL || pair->items.list.len != 2)
                return NULL;
            dict_set(run, &result->dict, pair->items.list.at[0], pair->items.list.at[1]);
        }
        if (pairs == NULL)
            return NULL;
    }
    dict_merge(run, &result->dict, &a->named);
    return result;
}

/* all, any */
static struct datum *quantified(struct run *run, struct arguments *a, bool all) {
    struct datum *d = argument(a, 0, NULL), *list = d ? elements_of(run, d, a->at) : NULL;
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        struct datum *item = list->items.list.at[i];
        int truth = truth_of(item);
        if (truth < 0)
            return is_unknown(item) ? item : NULL;
        if (truth != all)
            return datum_bool(run, !all);
    }
    return list ? datum_bool(run, all) : NULL;
}

/* max, min, sum of the arguments, or of the elements of the only one */
static struct datum *reduced(struct run *run, struct arguments *a, const char *name) {
    struct datum *d = argument(a, 0, NULL), *best = strcmp(name, "sum") == 0 ? datum_int(run, 0) : NULL;
    bool sum = best != NULL, largest = strcmp(name, "max") == 0;
    struct datum view = {.kind = D_LIST, .items = a->positional};
    struct datum *list = a->positional.list.len > 1 && !sum ? &view : d ? elements_of(run, d, a->at) : NULL;
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        struct datum *item = list->items.list.at[i];
        struct datum *larger = best == NULL || sum ? NULL : compare(run, largest ? OP_GT : OP_LT, item, best, a->at);
        if (larger && truth_of(larger) < 0)
            return larger;
        if (best && !sum && larger == NULL)
            return NULL;
        best = sum ? binary(run, OP_ADD, best, item, a->at) : best == NULL || truth_of(larger) == 1 ? item : best;
        if (best == NULL)
            return NULL;
    }
    if (list && best == NULL)
        return run_raise(run, a->at, "ValueError", "`%s` of nothing", name);
    return list ? best : NULL;
}

static struct datum *sorted(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *list = d ? elements_of(run, d, a->at) : NULL;
    struct datum *reverse = dict_get(&a->named, "reverse");
    if (list == NULL || dict_get(&a->named, "key"))
        return NULL;
    bool down = reverse && truth_of(reverse) == 1;
    for (uint32_t i = 1; i < list->items.list.len; i++) {
        for (uint32_t k = i; k > 0; k--) {
            struct datum **pair = &list->items.list.at[k - 1];
            struct datum *swap = compare(run, down ? OP_GT : OP_LT, pair[1], pair[0], a->at);
            int truth = swap ? truth_of(swap) : -1;
            if (truth < 0)
                return swap;
            if (truth == 0)
                break;
            struct datum *first = pair[0];
            pair[0] = pair[1];
            pair[1] = first;
        }
    }
    return list;
}

static struct datum *reversed(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *list = d ? elements_of(run, d, a->at) : NULL;
    struct datum *result = datum_list(run, D_LIST);
    for (uint32_t i = list ? list->items.list.len : 0; i-- > 0;)
        vec_push(run->arena, &result->items.list, list->items.list.at[i]);
    return list ? result : NULL;
}

/* importlib.import_module(name, package) */
static struct datum *module_named(struct run *run, struct arguments *a) {
    struct datum *name = argument(a, 0, "name"), *package = argument(a, 1, "package");
    if (name == NULL || name->kind != D_STR)
        return NULL;
    if (name->text[0] != '.')
        return library_name(run, name->text);
    bool below = package && package->kind == D_STR && name->text[1] != '.';
    return below ? library_name(run, intern_printf(run->unit->atoms, "%s%s", package->text, name->text)) : NULL;
}

static struct datum *type_of(struct run *run, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    if (d == NULL || d->kind != D_OBJECT)
        return NULL;
    return datum_class(run, d->object->class);
}

/* -- the table ----------------------------------------------------------------------------------------------------- */

static const char names[] = "len range enumerate zip isinstance issubclass getattr setattr hasattr int float str bool "
                            "list tuple dict set frozenset min max sum abs all any sorted reversed round type print "
                            "callable object slice property staticmethod classmethod super vars map filter iter next "
                            "delattr id repr divmod pow bytes complex NotImplemented __name__ open hash format";

bool is_builtin(const char *name) {
    return word_in(name, names) || (isupper((unsigned char)name[0]) && strchr(name, '.') == NULL && is_exception(name));
}

/* Of `object` or of an exception. */
static struct datum *plain_object(struct run *run, const char *name, struct arguments *a) {
    struct datum *object = datum_object(run, library_class(run, name)), *args = datum_list(run, D_TUPLE);
    args->items = a->positional;
    dict_set(run, &object->object->attributes->dict, datum_str(run, "args"), args);
    return object;
}

static struct datum *copied(struct run *run, struct arguments *a, bool deep) {
    struct datum *d = argument(a, 0, NULL);
    return d ? copy_of(run, d, deep) : NULL;
}

struct datum *run_builtin(struct run *run, const char *name, struct arguments *a) {
    static const struct {
        const char *name;
        struct datum *(*call)(struct run *run, struct arguments *a);
    } functions[] = {{"isinstance", isinstance}, {"issubclass", issubclass}, {"setattr", set}, {"delattr", delete},
        {"int", to_int}, {"float", to_float}, {"bool", to_bool}, {"round", rounded}, {"range", range}, {"len", length},
        {"enumerate", enumerate}, {"zip", zip}, {"dict", to_dict}, {"sorted", sorted}, {"reversed", reversed},
        {"type", type_of}, {"importlib.import_module", module_named}};
    struct datum *d = argument(a, 0, NULL);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].name, name) == 0)
            return functions[i].call(run, a);
    if (starts_with(name, "math."))
        return math_function(run, name + strlen("math."), a);
    if (starts_with(name, "copy."))
        return copied(run, a, strcmp(name, "copy.deepcopy") == 0);
    if (is_exception(name))
        return plain_object(run, name, a);
    if (strcmp(name, "getattr") == 0 || strcmp(name, "hasattr") == 0)
        return get(run, a, name[0] == 'h');
    if (strcmp(name, "list") == 0 || strcmp(name, "tuple") == 0)
        return collect(run, a, name[0] == 'l' ? D_LIST : D_TUPLE);
    if (strcmp(name, "set") == 0 || strcmp(name, "frozenset") == 0)
        return collect(run, a, D_SET);
    if (strcmp(name, "all") == 0 || strcmp(name, "any") == 0)
        return quantified(run, a, name[1] == 'l');
    if (strcmp(name, "max") == 0 || strcmp(name, "min") == 0 || strcmp(name, "sum") == 0)
        return reduced(run, a, name);
    if (strcmp(name, "str") == 0 || strcmp(name, "repr") == 0)
        return d == NULL ? datum_str(run, "") : is_unknown(d) ? d : datum_text(run, d);
    if (strcmp(name, "abs") == 0 && d && (d->kind == D_INT || d->kind == D_FLOAT))
        return truth_of(compare(run, OP_LT, d, datum_int(run, 0), a->at)) == 1 ? unary(run, OP_NEG, d, a->at) : d;
    if (strcmp(name, "object") == 0)
        return plain_object(run, name, a);
    if (strcmp(name, "print") == 0)
        return datum_none(run);
    return NULL;
}
