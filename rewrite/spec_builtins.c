/* spec_builtins.c - calls of Python's own functions: getattr, isinstance, len, range, zip, ... */
#include "base/text.h"
#include "rewrite/dynamic_attrs.h"
#include "rewrite/library.h"
#include "rewrite/rules.h"
#include "rewrite/spec.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

atom constant_string(struct frame *f, const struct arg *a) {
    if (a == NULL || a->val.abs->kind != ABS_CONST || a->val.abs->constant->kind != NODE_STRING)
        return NULL;
    return string_value(f->unit->atoms, a->val.abs->constant);
}

static int has_attribute(struct frame *f, const struct absval *a, atom name) {
    struct unit *unit = f->unit;
    if (a->kind == ABS_INSTANCE) {
        struct attr *attr = class_attr(a->cls, name);
        if (attr)
            return attr->conditional ? -1 : 1;
        if (map_has(&a->cls->methods, name) || map_has(&a->cls->class_attrs, name))
            return 1;
        return a->cls->dynamic ? -1 : 0;
    }
    if (a->kind == ABS_CONFIG) {
        if (fact_config(unit->facts, name))
            return 1;
        if (unit->config_fields.len && *a->qual == '\0')
            return map_has(&unit->config_fields, name) ? 1 : -1; /* config.json may hold more than the class declares */
        return -1;
    }
    if (a->kind == ABS_TUPLE || a->kind == ABS_LIST || abs_is_none(a))
        return 0;
    if (a->kind == ABS_LIBRARY && library_function(unit->rules->library, intern_dotted(unit->atoms, a->qual, name)))
        return 1;
    return -1;
}

static struct val builtin_hasattr(struct frame *f, struct args *args, struct node *call) {
    atom name = constant_string(f, arg_find(args, 1, NULL));
    const struct arg *object = arg_find(args, 0, NULL);
    int truth = name && object ? has_attribute(f, object->val.abs, name) : -1;
    if (truth >= 0)
        return val_truth(f, truth, truth ? REASON_DECLARED : REASON_ATTRIBUTE);
    struct val operands[2];
    if (args->list.len == 2) {
        operands[0] = args->list.at[0].val;
        operands[1] = args->list.at[1].val;
        const struct absval *symbolic = fold_symbolic(f, call, operands, 2);
        if (symbolic)
            return val_make(symbolic, call);
    }
    return val_make(abs_simple(ABS_NOTNONE), call);
}

static const struct absval *attribute_of_form(struct frame *f, const struct cls *cls, const struct arg *name) {
    atom form = name ? attribute_form(f->unit->atoms, name->val.expr) : NULL;
    const struct absval *known = form && !cls->formless ? map_get(&cls->forms, form) : NULL;
    return known ? known : cls->dynamic;
}

void store_of_form(struct frame *f, struct cls *cls, const struct arg *name, const struct absval *value) {
    struct unit *unit = f->unit;
    atom form = name ? attribute_form(unit->atoms, name->val.expr) : NULL;
    value = abs_summary(unit, value);
    cls->dynamic = abs_join(unit, cls->dynamic, value);
    cls->formless |= form == NULL;
    if (form)
        map_put(unit->arena, &cls->forms, form, (void *)abs_join(unit, map_get(&cls->forms, form), value));
}

static struct val builtin_getattr(struct frame *f, struct args *args, struct node *call, struct node *at) {
    atom name = constant_string(f, arg_find(args, 1, NULL));
    const struct arg *object = arg_find(args, 0, NULL), *dflt = arg_find(args, 2, NULL);
    if (object == NULL)
        return val_top(call);
    const struct absval *a = object->val.abs;
    if (name == NULL) {
        if (a->kind == ABS_INSTANCE && a->cls->dynamic)
            return val_make(attribute_of_form(f, a->cls, arg_find(args, 1, NULL)), call);
        return val_top(call);
    }
    int truth = has_attribute(f, a, name);
    if (truth == 0 && dflt)
        return (struct val){abs_decided(f->unit, dflt->val.abs, REASON_ATTRIBUTE), dflt->val.expr, dflt->val.web};
    if (truth == 1 && dflt && a->kind == ABS_CONFIG) /* other releases may not have it: the default stays */
        return val_make(eval_attribute_of(f, object->val, name, at).abs, call);
    struct val receiver = object->val;
    receiver.expr = val_expr(f, &receiver);
    if (truth == 1 || dflt == NULL)
        return eval_attribute_of(f, receiver, name, at);
    if (a->kind == ABS_CONFIG) {
        struct val operands[3];
        for (uint32_t i = 0; i < args->list.len && i < 3; i++)
            operands[i] = args->list.at[i].val;
        const struct absval *symbolic = fold_symbolic(f, call, operands, args->list.len);
        return symbolic ? val_make(symbolic, call) : val_top(call);
    }
    struct val attr = eval_attribute_of(f, receiver, name, at);
    return val_make(abs_summary(f->unit, abs_join(f->unit, attr.abs, dflt ? dflt->val.abs : NULL)), call);
}

static struct val builtin_setattr(struct frame *f, struct args *args, struct node *call) {
    const struct arg *object = arg_find(args, 0, NULL), *value = arg_find(args, 2, NULL);
    atom name = constant_string(f, arg_find(args, 1, NULL));
    if (object && value && object->val.abs->kind == ABS_INSTANCE) {
        struct cls *cls = object->val.abs->cls;
        if (name)
            store_attribute(f, cls, name, value->val, NULL);
        else
            store_of_form(f, cls, arg_find(args, 1, NULL), value->val.abs);
    }
    return val_make(abs_none(f->unit), call);
}

/* all(...) and any(...) of known elements: 1, 0, -1 unknown. */
static int all_or_any(const struct absval *a, bool all) {
    int truth = all;
    for (uint32_t i = 0; i < a->count; i++) {
        int item = abs_truth(a->item[i].abs);
        if (item == !all)
            return item;
        truth = item < 0 ? -1 : truth;
    }
    return truth;
}

struct val seq_of(struct frame *f, const struct absval *element, struct node *call) {
    struct absval *seq = abs_new(f->unit, ABS_SEQ);
    seq->element = abs_summary(f->unit, element);
    return val_make(seq, call);
}

const struct absval *pair_abs(struct frame *f, const struct absval *a, const struct absval *b) {
    struct absval *t = abs_new(f->unit, ABS_TUPLE);
    t->item = NEW_ARRAY(f->unit->arena, struct val, 2);
    t->count = 2;
    t->item[0].abs = a;
    t->item[1].abs = b;
    return t;
}

static struct val builtin_zip(struct frame *f, struct args *args, struct node *call) {
    struct absval *t = abs_new(f->unit, ABS_TUPLE);
    t->item = NEW_ARRAY(f->unit->arena, struct val, args->list.len + 1);
    for (uint32_t i = 0; i < args->list.len; i++)
        t->item[t->count++].abs = abs_element(f, args->list.at[i].val.abs);
    return seq_of(f, t, call);
}

static struct val builtin_len(struct frame *f, struct args *args, struct node *call) {
    const struct absval *a = args->list.len ? args->list.at[0].val.abs : abs_simple(ABS_TOP);
    uint32_t count = UINT32_MAX;
    if (a->kind == ABS_TUPLE || a->kind == ABS_LIST || (a->kind == ABS_DICT && a->element == NULL))
        count = a->count;
    if (a->kind == ABS_SHAPE && rank_known(a->rank))
        count = a->rank;
    return count == UINT32_MAX ? val_make(abs_simple(ABS_NUMBER), call) : val_rank(f, count);
}

/* The number that a known string spells, such as "2"; false where it spells none. */
static bool int_of_string(struct frame *f, const struct absval *a, struct val *result) {
    if (a->kind != ABS_CONST || a->constant->kind != NODE_STRING)
        return false;
    const char *text = string_value(f->unit->atoms, a->constant);
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len > 9 || text[len] != '\0' || (text[0] == '0' && len > 1))
        return false;
    struct node *number = make_number(f->unit->arena, intern(f->unit->atoms, text));
    *result = val_make(abs_decided(f->unit, abs_const(f->unit, number), a->because), number);
    return true;
}

bool split_string(struct frame *f, struct val object, const struct args *args, struct val *result) {
    struct unit *unit = f->unit;
    atom separator = args->list.len == 1 ? constant_string(f, arg_find(args, 0, "sep")) : NULL;
    if (object.abs->kind != ABS_CONST || object.abs->constant->kind != NODE_STRING || !separator || *separator == '\0')
        return false;
    const char *text = string_value(unit->atoms, object.abs->constant);
    struct node *list = node_new(unit->arena, NODE_LIST);
    struct absval *a = abs_new(unit, ABS_LIST);
    a->item = NEW_ARRAY(unit->arena, struct val, strlen(text) + 1);
    for (const char *end = text; end; text = end + strlen(separator)) {
        end = strstr(text, separator);
        size_t len = end ? (size_t)(end - text) : strlen(text);
        struct node *part = make_string(unit->arena, unit->atoms, intern_len(unit->atoms, text, len));
        const struct absval *known = abs_decided(unit, abs_const(unit, part), object.abs->because);
        a->item[a->count++] = val_make(known, part);
        node_add(unit->arena, list, part);
        if (end == NULL)
            break;
    }
    *result = val_make(a, list);
    return true;
}

static bool only_keywords(const struct args *args) {
    for (uint32_t i = 0; i < args->list.len; i++)
        if (args->list.at[i].keyword == NULL || args->list.at[i].form != ARG_VALUE)
            return false;
    return true;
}

/* dict(a=1, b=2) */
static struct val keyword_dict(struct frame *f, const struct args *args, struct node *call) {
    struct absval *a = abs_new(f->unit, ABS_DICT);
    a->item = NEW_ARRAY(f->unit->arena, struct val, args->list.len + 1);
    a->key = NEW_ARRAY(f->unit->arena, atom, args->list.len + 1);
    for (uint32_t i = 0; i < args->list.len; i++) {
        a->key[a->count] = args->list.at[i].keyword;
        a->item[a->count++] = args->list.at[i].val;
    }
    return val_make(a, call);
}

struct val call_builtin(struct frame *f, const char *name, struct val callee, struct args *args, struct node *at) {
    struct unit *unit = f->unit;
    struct node *call = build_call(f, callee.expr, args, at);
    const struct absval *first = args->list.len ? args->list.at[0].val.abs : abs_simple(ABS_TOP);
    if (strcmp(name, "hasattr") == 0)
        return builtin_hasattr(f, args, call);
    if (strcmp(name, "getattr") == 0)
        return builtin_getattr(f, args, call, at);
    if (strcmp(name, "setattr") == 0)
        return builtin_setattr(f, args, call);
    if (strcmp(name, "isinstance") == 0 && args->list.len == 2) {
        int truth = truth_of_isinstance(f, first, args->list.at[1].val.abs);
        reason because = first->because ? first->because : REASON_KIND;
        return truth >= 0 ? val_truth(f, truth, because) : val_make(abs_simple(ABS_NOTNONE), call);
    }
    struct val number;
    if (strcmp(name, "int") == 0 && args->list.len == 1 && int_of_string(f, first, &number))
        return number;
    if (strcmp(name, "len") == 0)
        return builtin_len(f, args, call);
    if (strcmp(name, "range") == 0)
        return seq_of(f, abs_simple(ABS_INDEX), call);
    if (strcmp(name, "enumerate") == 0)
        return seq_of(f, pair_abs(f, abs_simple(ABS_INDEX), abs_element(f, first)), call);
    if (strcmp(name, "zip") == 0)
        return builtin_zip(f, args, call);
    if (strcmp(name, "bool") == 0 && abs_truth(first) >= 0)
        return val_truth(f, abs_truth(first), abs_because(first));
    bool all = strcmp(name, "all") == 0, known = first && (first->kind == ABS_TUPLE || first->kind == ABS_LIST);
    if (known && (all || strcmp(name, "any") == 0) && all_or_any(first, all) >= 0)
        return val_truth(f, all_or_any(first, all), REASON_CONSTANT);
    if ((strcmp(name, "list") == 0 || strcmp(name, "tuple") == 0 || strcmp(name, "sorted") == 0 ||
            strcmp(name, "reversed") == 0 || strcmp(name, "set") == 0) &&
        args->list.len && first->kind != ABS_SYMBOLIC)
        return seq_of(f, abs_element(f, first), call);
    if (strcmp(name, "dict") == 0 && args->list.len && only_keywords(args))
        return keyword_dict(f, args, call);
    struct val *operands = NEW_ARRAY(unit->arena, struct val, args->list.len + 1);
    for (uint32_t i = 0; i < args->list.len; i++)
        operands[i] = args->list.at[i].val;
    const struct absval *symbolic = args->list.len ? fold_symbolic(f, call, operands, args->list.len) : NULL;
    if (symbolic)
        return val_make(symbolic, call);
    if (strcmp(name, "int") == 0 || strcmp(name, "float") == 0 || strcmp(name, "round") == 0)
        return val_make(abs_simple(ABS_NUMBER), call);
    if (strcmp(name, "any") == 0 || strcmp(name, "all") == 0 || strcmp(name, "str") == 0 || strcmp(name, "set") == 0 ||
        strcmp(name, "bool") == 0)
        return val_make(abs_simple(ABS_NOTNONE), call);
    if (strcmp(name, "dict") == 0) {
        if (args->list.len == 1 && first->kind == ABS_DICT)
            return val_make(first, call);
        if (args->list.len == 0 || abs_is_none(first)) { /* a shared dictionary may be made from none */
            struct absval *empty = abs_new(unit, ABS_DICT);
            return val_make(empty, node_new(unit->arena, NODE_DICT));
        }
        return val_make(abs_simple(ABS_NOTNONE), call);
    }
    if (strcmp(name, "print") == 0)
        return val_decided(f, OP_NONE, REASON_NO_EFFECT);
    return val_top(call);
}
