/* run_value.c - the values of the interpreter: making, comparing and printing them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "rewrite/run_internal.h"

enum { ROWS_MAX = 100 * 1000 };

/* -- making -------------------------------------------------------------------------------------------------------- */

static struct datum *make(struct run *run, enum datum_kind kind) {
    struct datum *d = NEW(run->arena, struct datum);
    d->kind = kind;
    return d;
}

struct datum *datum_none(struct run *run) {
    return run->none = run->none ? run->none : make(run, D_NONE);
}

struct datum *datum_bool(struct run *run, bool truth) {
    struct datum **one = truth ? &run->yes : &run->no;
    if (*one == NULL) {
        *one = make(run, D_BOOL);
        (*one)->truth = truth;
    }
    return *one;
}

struct datum *datum_int(struct run *run, long long integer) {
    enum { KEPT = sizeof run->ints / sizeof run->ints[0] };
    bool kept = integer >= 0 && integer < KEPT;
    if (kept && run->ints[integer])
        return run->ints[integer];
    struct datum *d = make(run, D_INT);
    d->integer = integer;
    if (kept)
        run->ints[integer] = d;
    return d;
}

struct datum *datum_float(struct run *run, double real) {
    struct datum *d = make(run, D_FLOAT);
    d->real = real;
    return d;
}

struct datum *datum_str(struct run *run, const char *text) {
    atom key = intern(run->unit->atoms, text);
    struct datum *d = map_get(&run->strings, key);
    if (d == NULL) {
        d = make(run, D_STR);
        d->text = key;
        map_put(run->arena, &run->strings, key, d);
    }
    return d;
}

struct datum *datum_list(struct run *run, enum datum_kind kind) {
    return make(run, kind);
}

struct datum *datum_dict(struct run *run) {
    return make(run, D_DICT);
}

struct datum *datum_class(struct run *run, struct class *class) {
    struct datum *d = make(run, D_CLASS);
    d->class = class;
    return d;
}

struct datum *datum_object(struct run *run, struct class *class) {
    struct datum *d = make(run, D_OBJECT);
    d->object = NEW(run->arena, struct object);
    d->object->class = class;
    d->object->attributes = datum_dict(run);
    return d;
}

void datum_push(struct run *run, struct datum *list, struct datum *item) {
    if (list->kind != D_SET || contains(list, item) != 1)
        vec_push(run->arena, &list->items.list, item);
}

struct datum *copy_of(struct run *run, const struct datum *d, bool deep) {
    if (d->kind == D_DICT) {
        struct datum *copy = datum_dict(run);
        for (uint32_t i = 0; i < d->dict.list.len; i++) {
            struct item item = d->dict.list.at[i];
            if (item.value && deep)
                item.value = copy_of(run, item.value, true);
            if (item.value)
                vec_push(run->arena, &copy->dict.list, item);
        }
        return copy;
    }
    struct datum *copy = make(run, d->kind);
    *copy = *d;
    if (d->kind == D_LIST || d->kind == D_TUPLE || d->kind == D_SET) {
        copy->items = (struct data){0};
        for (uint32_t i = 0; i < d->items.list.len; i++) {
            struct datum *item = d->items.list.at[i];
            vec_push(run->arena, &copy->items.list, deep ? copy_of(run, item, true) : item);
        }
    } else if (d->kind == D_OBJECT) {
        struct object *object = copy->object = NEW(run->arena, struct object);
        *object = *d->object;
        object->attributes = copy_of(run, d->object->attributes, deep);
    }
    return copy;
}

/* -- dictionaries -------------------------------------------------------------------------------------------------- */

static struct item *find_item(const struct dict *dict, const struct datum *key) {
    for (uint32_t i = 0; i < dict->list.len; i++)
        if (dict->list.at[i].value && equal_data(dict->list.at[i].key, key) == 1)
            return &dict->list.at[i];
    return NULL;
}

struct datum *dict_find(const struct dict *dict, const struct datum *key) {
    const struct item *item = find_item(dict, key);
    return item ? item->value : NULL;
}

struct datum *dict_get(const struct dict *dict, const char *key) {
    for (uint32_t i = 0; i < dict->list.len; i++) {
        const struct item *item = &dict->list.at[i];
        if (item->value && item->key->kind == D_STR && strcmp(item->key->text, key) == 0)
            return item->value;
    }
    return NULL;
}

void dict_set(struct run *run, struct dict *dict, struct datum *key, struct datum *value) {
    struct item *item = find_item(dict, key);
    if (item)
        item->value = value;
    else
        vec_push(run->arena, &dict->list, ((struct item){key, value}));
}

bool dict_delete(struct dict *dict, const struct datum *key) {
    struct item *item = find_item(dict, key);
    if (item)
        item->value = NULL;
    return item != NULL;
}

void dict_merge(struct run *run, struct dict *into, const struct dict *from) {
    for (uint32_t i = 0; i < from->list.len; i++)
        if (from->list.at[i].value)
            dict_set(run, into, from->list.at[i].key, from->list.at[i].value);
}

uint32_t dict_length(const struct dict *dict) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < dict->list.len; i++)
        count += dict->list.at[i].value != NULL;
    return count;
}

/* -- comparing ----------------------------------------------------------------------------------------------------- */

bool number_of(const struct datum *d, double *value) {
    switch (d->kind) {
    case D_BOOL: *value = d->truth; return true;
    case D_INT: *value = (double)d->integer; return true;
    case D_FLOAT: *value = d->real; return true;
    default: return false;
    }
}

int truth_of(const struct datum *d) {
    switch (d->kind) {
    case D_NONE: return 0;
    case D_BOOL: return d->truth;
    case D_INT: return d->integer != 0;
    case D_FLOAT: return d->real != 0;
    case D_STR: return d->text[0] != '\0';
    case D_LIST:
    case D_TUPLE:
    case D_SET: return d->items.list.len > 0;
    case D_DICT: return dict_length(&d->dict) > 0;
    case D_TENSOR:
    case D_UNKNOWN: return -1;
    default: return 1;
    }
}

static int equal_items(const struct data *a, const struct data *b) {
    if (a->list.len != b->list.len)
        return 0;
    int all = 1;
    for (uint32_t i = 0; i < a->list.len && all != 0; i++) {
        int same = equal_data(a->list.at[i], b->list.at[i]);
        all = same == 1 ? all : same;
    }
    return all;
}

static int equal_dicts(const struct dict *a, const struct dict *b) {
    if (dict_length(a) != dict_length(b))
        return 0;
    for (uint32_t i = 0; i < a->list.len; i++) {
        const struct item *item = &a->list.at[i];
        const struct datum *other = item->value ? dict_find(b, item->key) : NULL;
        int same = item->value == NULL ? 1 : other == NULL ? 0 : equal_data(item->value, other);
        if (same != 1)
            return same;
    }
    return 1;
}

static int equal_sets(const struct datum *a, const struct datum *b) {
    if (a->items.list.len != b->items.list.len)
        return 0;
    for (uint32_t i = 0; i < a->items.list.len; i++) {
        int in = contains(b, a->items.list.at[i]);
        if (in != 1)
            return in;
    }
    return 1;
}

int equal_data(const struct datum *a, const struct datum *b) {
    double x, y;
    if (a == b)
        return a->kind == D_UNKNOWN ? -1 : 1;
    if (a->kind == D_UNKNOWN || b->kind == D_UNKNOWN || a->kind == D_TENSOR || b->kind == D_TENSOR)
        return a->kind == D_NONE || b->kind == D_NONE ? (a->kind == D_TENSOR || b->kind == D_TENSOR ? 0 : -1) : -1;
    if (number_of(a, &x) && number_of(b, &y))
        return x == y;
    if (a->kind != b->kind)
        return 0;
    switch (a->kind) {
    case D_NONE: return 1;
    case D_STR:
    case D_LIBRARY: return a->text == b->text;
    case D_LIST:
    case D_TUPLE: return equal_items(&a->items, &b->items);
    case D_SET: return equal_sets(a, b);
    case D_DICT: return equal_dicts(&a->dict, &b->dict);
    case D_CLASS: return a->class == b->class;
    case D_OBJECT: return a->object == b->object;
    case D_FUNCTION: return a->function->def == b->function->def;
    default: return -1;
    }
}

int contains(const struct datum *container, const struct datum *item) {
    if (container->kind == D_STR)
        return item->kind == D_STR ? strstr(container->text, item->text) != NULL : -1;
    if (container->kind == D_DICT || container->kind == D_OBJECT) {
        const struct dict *dict = container->kind == D_DICT ? &container->dict : &container->object->dict;
        return item->kind == D_UNKNOWN ? -1 : dict_find(dict, item) != NULL;
    }
    if (container->kind != D_LIST && container->kind != D_TUPLE && container->kind != D_SET)
        return -1;
    bool unsure = false;
    for (uint32_t i = 0; i < container->items.list.len; i++) {
        int same = equal_data(container->items.list.at[i], item);
        if (same == 1)
            return 1;
        unsure |= same < 0;
    }
    return unsure ? -1 : 0;
}

/* -- iterating ----------------------------------------------------------------------------------------------------- */

struct datum *elements_of(struct run *run, struct datum *d, const struct node *at) {
    struct datum *list = datum_list(run, D_LIST);
    const struct dict *dict = d->kind == D_DICT ? &d->dict : d->kind == D_OBJECT ? &d->object->dict : NULL;
    const struct data *items = d->kind == D_LIST || d->kind == D_TUPLE || d->kind == D_SET ? &d->items
                               : d->kind == D_OBJECT                                       ? &d->object->items
                                                                                           : NULL;
    for (uint32_t i = 0; items && i < items->list.len; i++)
        vec_push(run->arena, &list->items.list, items->list.at[i]);
    for (uint32_t i = 0; dict && i < dict->list.len; i++)
        if (dict->list.at[i].value)
            vec_push(run->arena, &list->items.list, dict->list.at[i].key);
    for (const char *c = d->kind == D_STR ? d->text : ""; *c; c++)
        vec_push(run->arena, &list->items.list, datum_str(run, arena_strndup(run->arena, c, 1)));
    bool own = d->kind == D_OBJECT && !d->object->class->is_module && dict->list.len == 0 && d->object->class->module;
    if (own && !class_is(d->object->class, "dict") && !class_is(d->object->class, "collections.OrderedDict"))
        return object_elements(run, d, at);
    if (items || dict || d->kind == D_STR)
        return list;
    if (d->kind == D_UNKNOWN)
        return refuse_unknown(run, at, d, "this loop runs over what");
    if (d->kind == D_TENSOR && d->tensor.rank > 0 && d->tensor.dim[0] < ROWS_MAX)
        return tensor_rows(run, d);
    if (d->kind == D_TENSOR)
        return run_refuse(run, at, "a loop over the elements of this tensor is not followed here");
    return run_raise(run, at, "TypeError", "this cannot be iterated");
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static void put_real(struct buf *out, double real) {
    char text[32];
    for (int digits = 15; digits <= 17; digits++) { /* the shortest that reads back */
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    buf_puts(out, text);
    if (isfinite(real) && strpbrk(text, ".e") == NULL)
        buf_puts(out, ".0");
}

static bool put_text(struct buf *out, const struct datum *d, bool quoted);

static bool put_items(struct buf *out, const struct data *items, const char *brackets) {
    bool ok = true;
    buf_putc(out, brackets[0]);
    for (uint32_t i = 0; i < items->list.len; i++) {
        buf_puts(out, i ? ", " : "");
        ok &= put_text(out, items->list.at[i], true);
    }
    buf_puts(out, brackets[0] == '(' && items->list.len == 1 ? "," : "");
    buf_putc(out, brackets[1]);
    return ok;
}

static bool put_text(struct buf *out, const struct datum *d, bool quoted) {
    switch (d->kind) {
    case D_NONE: buf_puts(out, "None"); return true;
    case D_BOOL: buf_puts(out, d->truth ? "True" : "False"); return true;
    case D_INT: buf_printf(out, "%lld", d->integer); return true;
    case D_FLOAT: put_real(out, d->real); return true;
    case D_STR: buf_printf(out, quoted ? "'%s'" : "%s", d->text); return true;
    case D_LIBRARY: buf_puts(out, d->text); return true;
    case D_CLASS: buf_puts(out, d->class->name); return true;
    case D_LIST: return put_items(out, &d->items, "[]");
    case D_TUPLE: return put_items(out, &d->items, "()");
    case D_SET: return put_items(out, &d->items, "{}");
    default: buf_puts(out, "..."); return false;
    }
}

struct datum *datum_text(struct run *run, const struct datum *d) {
    struct buf out = {0};
    bool ok = put_text(&out, d, false);
    struct datum *text = datum_str(run, out.at ? out.at : "");
    buf_free(&out);
    return ok ? text : unknown(run, NULL, "`str` of this is not known");
}
