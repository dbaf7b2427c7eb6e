/* run_expr.c - expressions and targets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "parser/literal.h"
#include "rewrite/run_internal.h"

/* -- variables ----------------------------------------------------------------------------------------------------- */

void bind(struct run *run, struct scope *scope, atom name, struct datum *value) {
    for (uint32_t i = 0; i < scope->names.len; i++) {
        if (scope->names.at[i].name == name) {
            scope->names.at[i].value = value;
            return;
        }
    }
    vec_push(run->arena, &scope->names, ((struct binding){name, value}));
}

static struct datum *bound(const struct scope *scope, atom name) {
    for (uint32_t i = 0; i < scope->names.len; i++)
        if (scope->names.at[i].name == name)
            return scope->names.at[i].value;
    return NULL;
}

static struct datum *name(struct run *run, struct scope *scope, struct node *n) {
    struct datum *value = lookup(run, scope, n->atom);
    if (value || run->stop != RUN_ON)
        return value;
    return run_refuse(run, n, "what `%s` stands for is not known", n->atom);
}

struct datum *lookup(struct run *run, struct scope *scope, atom name) {
    for (const struct scope *s = scope; s; s = s->outer) {
        struct datum *value = bound(s, name);
        struct class *in;
        struct member *member = s->class ? find_member(s->class, NULL, name, &in) : NULL;
        if (member && in == s->class && !member->under_way)
            value = member_value(run, in, member);
        if (value || run->stop != RUN_ON)
            return value;
    }
    return module_value(run, scope->module, name);
}

/* -- targets ------------------------------------------------------------------------------------------------------- */

static bool assign_items(struct run *run, struct scope *scope, struct node *target, struct datum *value) {
    if (value->kind == D_UNKNOWN) {
        for (uint32_t i = 0; i < target->nkids; i++) {
            struct node *t = target->kid[i];
            if (!assign(run, scope, t->kind == NODE_STARRED ? t->kid[0] : t, value))
                return false;
        }
        return true;
    }
    struct datum *list = elements_of(run, value, target);
    if (list == NULL)
        return false;
    uint32_t count = list->items.list.len, at = 0;
    for (uint32_t i = 0; i < target->nkids; i++) {
        struct node *t = target->kid[i];
        uint32_t left = target->nkids - i - 1;
        if (t->kind == NODE_STARRED) {
            struct datum *rest = datum_list(run, D_LIST);
            while (at + left < count)
                datum_push(run, rest, list->items.list.at[at++]);
            if (!assign(run, scope, t->kid[0], rest))
                return false;
        } else if (at >= count || !assign(run, scope, t, list->items.list.at[at++])) {
            return run->stop == RUN_ON && run_raise(run, target, "ValueError", "not enough values to unpack");
        }
    }
    return at == count || run_raise(run, target, "ValueError", "too many values to unpack");
}

static bool assign_subscript(struct run *run, struct scope *scope, struct node *target, struct datum *value) {
    struct datum *into = evaluate(run, scope, target->kid[0]);
    if (into && (is_unknown(into) || into->kind == D_TENSOR)) /* its elements are not followed */
        return true;
    struct datum *key = into ? evaluate(run, scope, target->kid[1]) : NULL;
    if (key == NULL)
        return false;
    if (is_unknown(key))
        return refuse_unknown(run, target, key, "where this is stored");
    bool module = into->kind == D_OBJECT && into->object->class->is_module;
    if (module && is_unknown(value))
        return refuse_unknown(run, target, value, "what parameters this has");
    if (into->kind == D_DICT || (into->kind == D_OBJECT && !(module && key->kind != D_STR))) {
        dict_set(run, into->kind == D_DICT ? &into->dict : &into->object->dict, key, value);
        return true;
    }
    if ((into->kind != D_LIST && !module) || key->kind != D_INT)
        return run_refuse(run, target, "a store into this is not followed here");
    struct data *items = module ? &into->object->items : &into->items;
    long long index = key->integer < 0 ? key->integer + items->list.len : key->integer;
    if (index < 0 || index >= items->list.len)
        return run_raise(run, target, "IndexError", "list assignment index out of range");
    items->list.at[index] = value;
    return true;
}

bool assign(struct run *run, struct scope *scope, struct node *target, struct datum *value) {
    switch (target->kind) {
    case NODE_NAME: bind(run, scope, target->atom, value); return true;
    case NODE_TUPLE:
    case NODE_LIST: return assign_items(run, scope, target, value);
    case NODE_SUBSCRIPT: return assign_subscript(run, scope, target, value);
    case NODE_ATTRIBUTE: {
        struct datum *object = evaluate(run, scope, target->kid[0]);
        return object && set_attribute(run, object, target->atom, value, target);
    }
    default: return run_refuse(run, target, "this target is not followed here");
    }
}

/* -- literals ------------------------------------------------------------------------------------------------------ */

static struct datum *number(struct run *run, const struct node *n) {
    char text[128];
    size_t len = 0;
    for (const char *c = n->atom; *c && len + 1 < sizeof text; c++)
        if (*c != '_')
            text[len++] = *c;
    text[len] = '\0';
    char *end;
    errno = 0;
    bool prefixed = text[0] == '0' && strchr("xXoObB", text[1]) != NULL && text[1];
    int base = !prefixed ? 10 : strchr("xX", text[1]) ? 16 : strchr("oO", text[1]) ? 8 : 2;
    long long integer = strtoll(text + (prefixed ? 2 : 0), &end, base);
    if (*end == '\0' && errno == 0)
        return datum_int(run, integer);
    double real = strtod(text, &end);
    return *end == '\0' ? datum_float(run, real) : unknown(run, n, "this number is not followed");
}

/* Literal text of an f-string, escapes and doubled braces resolved. */
static void put_ftext(struct buf *out, const struct literal *literal, const char *text) {
    const char *end = text + strlen(text);
    for (const char *at = text; at < end;) {
        int32_t code;
        size_t step = literal_next(literal, at, end, &code);
        if ((*at == '{' || *at == '}') && at + 1 < end && at[1] == *at)
            step = 2;
        if (code >= 0)
            buf_put_utf8(out, (uint32_t)code);
        at += step;
    }
}

static struct datum *fstring(struct run *run, struct scope *scope, struct node *n) {
    struct literal literal = literal_split(n->atom, strlen(n->atom));
    struct buf out = {0};
    struct datum *missing = NULL;
    for (uint32_t i = 0; i < n->nkids && run->stop == RUN_ON; i++) {
        struct node *part = n->kid[i];
        if (part->kind == NODE_FTEXT) {
            put_ftext(&out, &literal, part->atom);
            continue;
        }
        struct datum *value = evaluate(run, scope, part->kid[0]);
        struct datum *text = value == NULL ? NULL : is_unknown(value) ? value : datum_text(run, value);
        bool plain = part->kid[1] == NULL && part->atom == NULL && !(part->flags & NF_DEBUG);
        if (text && (is_unknown(text) || !plain))
            missing = is_unknown(text) ? text : unknown(run, part, "this format is not followed");
        else if (text)
            buf_puts(&out, text->text);
    }
    struct datum *result = run->stop != RUN_ON ? NULL : missing ? missing : datum_str(run, out.at ? out.at : "");
    buf_free(&out);
    return result;
}

static struct datum *strings(struct run *run, struct scope *scope, struct node *n) {
    struct buf out = {0};
    struct datum *missing = NULL;
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct datum *part = evaluate(run, scope, n->kid[i]);
        if (part == NULL) {
            buf_free(&out);
            return NULL;
        }
        if (part->kind == D_STR)
            buf_puts(&out, part->text);
        else
            missing = part;
    }
    struct datum *result = missing ? missing : datum_str(run, out.at ? out.at : "");
    buf_free(&out);
    return result;
}

static struct datum *string(struct run *run, struct node *n) {
    atom text = string_value(run->unit->atoms, n);
    return text ? datum_str(run, text) : unknown(run, n, "bytes are not followed");
}

/* -- displays ------------------------------------------------------------------------------------------------------ */

static struct datum *display(struct run *run, struct scope *scope, struct node *n, enum datum_kind kind) {
    struct datum *list = datum_list(run, kind);
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node *e = n->kid[i];
        struct datum *value = evaluate(run, scope, e->kind == NODE_STARRED ? e->kid[0] : e);
        if (value == NULL)
            return NULL;
        if (e->kind != NODE_STARRED) {
            datum_push(run, list, value);
            continue;
        }
        struct datum *more = elements_of(run, value, e);
        for (uint32_t k = 0; more && k < more->items.list.len; k++)
            datum_push(run, list, more->items.list.at[k]);
        if (more == NULL)
            return NULL;
    }
    return list;
}

static bool put_item(struct run *run, struct scope *scope, struct node *item, struct datum *dict) {
    struct datum *key = item->kid[0] ? evaluate(run, scope, item->kid[0]) : datum_none(run);
    struct datum *value = key ? evaluate(run, scope, item->kid[1]) : NULL;
    if (value == NULL)
        return false;
    if (item->kid[0] == NULL) {
        if (value->kind != D_DICT)
            return run_refuse(run, item, "what is unpacked here is not known");
        dict_merge(run, &dict->dict, &value->dict);
        return true;
    }
    if (is_unknown(key))
        return refuse_unknown(run, item, key, "the key of this");
    dict_set(run, &dict->dict, key, value);
    return true;
}

static struct datum *dict_display(struct run *run, struct scope *scope, struct node *n) {
    struct datum *dict = datum_dict(run);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!put_item(run, scope, n->kid[i], dict))
            return NULL;
    return dict;
}

/* The loops of a comprehension from `level` on, and at the bottom its element. */
static bool comprehend(struct run *run, struct scope *scope, struct node *n, uint32_t level, struct datum *into) {
    if (level == n->nkids) {
        if (n->kind == NODE_DICTCOMP)
            return put_item(run, scope, n->kid[0], into);
        struct datum *value = evaluate(run, scope, n->kid[0]);
        if (value)
            datum_push(run, into, value);
        return value != NULL;
    }
    struct node *loop = n->kid[level];
    struct datum *iterable = evaluate(run, scope, loop->kid[1]);
    struct datum *list = iterable ? elements_of(run, iterable, loop->kid[1]) : NULL;
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        if (!assign(run, scope, loop->kid[0], list->items.list.at[i]))
            return false;
        int keep = 1;
        for (uint32_t c = 2; c < loop->nkids && keep == 1; c++) {
            struct datum *test = evaluate(run, scope, loop->kid[c]);
            keep = test ? truth_of(test) : -1;
            if (test && keep < 0)
                refuse_unknown(run, loop->kid[c], test, "this choice");
        }
        if (keep < 0 || (keep && !comprehend(run, scope, n, level + 1, into)))
            return false;
    }
    return list != NULL;
}

static struct datum *comprehension(struct run *run, struct scope *outer, struct node *n) {
    enum datum_kind kind = n->kind == NODE_DICTCOMP ? D_DICT : n->kind == NODE_SETCOMP ? D_SET : D_LIST;
    struct datum *into = datum_list(run, kind);
    struct scope scope = {.outer = outer, .module = outer->module, .function = outer->function, .comprehension = true};
    return comprehend(run, &scope, n, 1, into) ? into : NULL;
}

/* -- operators ----------------------------------------------------------------------------------------------------- */

static struct datum *boolop(struct run *run, struct scope *scope, struct node *n) {
    struct datum *value = NULL;
    for (uint32_t i = 0; i < n->nkids; i++) {
        value = evaluate(run, scope, n->kid[i]);
        int truth = value ? truth_of(value) : -1;
        if (truth < 0)
            return value && is_unknown(value) ? value : value ? unknown(run, n, "it depends on a tensor") : NULL;
        if (truth == (n->op == OP_OR))
            return value;
    }
    return value;
}

static struct datum *comparison(struct run *run, struct scope *scope, struct node *n) {
    struct datum *left = evaluate(run, scope, n->kid[0]), *result = NULL;
    for (uint32_t i = 1; left && i < n->nkids; i++) {
        struct datum *right = evaluate(run, scope, n->kid[i]);
        result = right ? compare(run, n->ops[i - 1], left, right, n) : NULL;
        if (result == NULL || truth_of(result) != 1)
            return result;
        left = right;
    }
    return left ? result : NULL;
}

static struct datum *ifexp(struct run *run, struct scope *scope, struct node *n) {
    struct datum *test = evaluate(run, scope, n->kid[0]);
    int truth = test ? truth_of(test) : -1;
    if (test == NULL)
        return NULL;
    if (truth < 0)
        return refuse_unknown(run, n->kid[0], test, "this choice");
    return evaluate(run, scope, n->kid[truth ? 1 : 2]);
}

static struct datum *subscription(struct run *run, struct scope *scope, struct node *n) {
    struct datum *value = evaluate(run, scope, n->kid[0]);
    if (value == NULL)
        return NULL;
    struct node *index = n->kid[1];
    if (is_unknown(value))
        return value;
    if (value->kind == D_CLASS || value->kind == D_LIBRARY) /* list[int] */
        return value;
    if (value->kind == D_TENSOR && run->forward)
        return shape_of_index(run, scope, value, index);
    if (index->kind == NODE_SLICE) {
        struct datum *bound[3];
        for (uint32_t i = 0; i < 3; i++) {
            bound[i] = index->kid[i] ? evaluate(run, scope, index->kid[i]) : datum_none(run);
            if (bound[i] == NULL)
                return NULL;
        }
        return slice(run, value, bound, n);
    }
    if (value->kind == D_TENSOR)
        return unknown(run, n, "the elements of tensors are not followed");
    struct datum *key = evaluate(run, scope, index);
    return key ? subscript(run, value, key, n) : NULL;
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

static bool add_argument(struct run *run, struct scope *scope, struct node *n, struct arguments *arguments) {
    bool wrapped = n->kind == NODE_STARRED || n->kind == NODE_KEYWORD;
    struct datum *value = evaluate(run, scope, wrapped ? n->kid[0] : n);
    if (value == NULL)
        return false;
    if (n->kind == NODE_STARRED) {
        struct datum *more = elements_of(run, value, n);
        for (uint32_t i = 0; more && i < more->items.list.len; i++)
            vec_push(run->arena, &arguments->positional.list, more->items.list.at[i]);
        return more != NULL;
    }
    if (n->kind != NODE_KEYWORD) {
        vec_push(run->arena, &arguments->positional.list, value);
        return true;
    }
    if (n->atom) {
        dict_set(run, &arguments->named, datum_str(run, n->atom), value);
        return true;
    }
    const struct dict *dict = value->kind == D_DICT     ? &value->dict
                              : value->kind == D_OBJECT ? &value->object->dict
                                                        : NULL;
    if (dict)
        dict_merge(run, &arguments->named, dict);
    return dict || run_refuse(run, n, "what is unpacked here is not known");
}

/* super(): behind the class that the function stands in, of its first argument. */
static struct datum *super_of(struct run *run, struct scope *scope, struct node *n) {
    while (scope && scope->comprehension)
        scope = scope->outer;
    if (scope == NULL || scope->function == NULL || scope->function->owner == NULL || scope->names.len == 0)
        return run_refuse(run, n, "what `super` stands for here is not known");
    struct datum *d = datum_list(run, D_SUPER);
    d->super.after = scope->function->owner;
    d->super.self = scope->names.at[0].value;
    return d;
}

static struct datum *call_node(struct run *run, struct scope *scope, struct node *n) {
    if (is_name(n->kid[0], "super"))
        return super_of(run, scope, n);
    struct datum *callee = evaluate(run, scope, n->kid[0]);
    struct arguments arguments = {.at = n};
    for (uint32_t i = 1; callee && i < n->nkids; i++)
        if (!add_argument(run, scope, n->kid[i], &arguments))
            return NULL;
    return callee ? call(run, callee, &arguments) : NULL;
}

static struct datum *lambda(struct run *run, struct scope *scope, struct node *n) {
    struct datum *d = datum_list(run, D_FUNCTION);
    d->function = NEW(run->arena, struct closure);
    *d->function = (struct closure){
        .def = n, .module = scope->module, .around = scope, .owner = scope->function ? scope->function->owner : NULL};
    return d;
}

static struct datum *named_expr(struct run *run, struct scope *scope, struct node *n) {
    struct datum *value = evaluate(run, scope, n->kid[1]);
    while (scope->comprehension)
        scope = scope->outer;
    if (value)
        bind(run, scope, n->kid[0]->atom, value);
    return value;
}

static struct datum *attribute(struct run *run, struct scope *scope, struct node *n) {
    struct datum *value = evaluate(run, scope, n->kid[0]);
    return value ? get_attribute(run, value, n->atom, n) : NULL;
}

struct datum *evaluate(struct run *run, struct scope *scope, struct node *n) {
    struct datum *a, *b;
    switch (n->kind) {
    case NODE_NAME: return name(run, scope, n);
    case NODE_ATTRIBUTE: return attribute(run, scope, n);
    case NODE_CALL: return call_node(run, scope, n);
    case NODE_NUMBER: return number(run, n);
    case NODE_STRING: return string(run, n);
    case NODE_STRINGS: return strings(run, scope, n);
    case NODE_FSTRING: return fstring(run, scope, n);
    case NODE_CONST: return n->op == OP_TRUE || n->op == OP_FALSE ? datum_bool(run, n->op == OP_TRUE) : datum_none(run);
    case NODE_LIST: return display(run, scope, n, D_LIST);
    case NODE_TUPLE: return display(run, scope, n, D_TUPLE);
    case NODE_SET: return display(run, scope, n, D_SET);
    case NODE_DICT: return dict_display(run, scope, n);
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_GENERATOR: return comprehension(run, scope, n);
    case NODE_BOOLOP: return boolop(run, scope, n);
    case NODE_COMPARE: return comparison(run, scope, n);
    case NODE_IFEXP: return ifexp(run, scope, n);
    case NODE_SUBSCRIPT: return subscription(run, scope, n);
    case NODE_LAMBDA: return lambda(run, scope, n);
    case NODE_NAMEDEXPR: return named_expr(run, scope, n);
    case NODE_UNARYOP: a = evaluate(run, scope, n->kid[0]); return a ? unary(run, n->op, a, n) : NULL;
    case NODE_BINOP:
        a = evaluate(run, scope, n->kid[0]);
        b = a ? evaluate(run, scope, n->kid[1]) : NULL;
        return b ? binary(run, n->op, a, b, n) : NULL;
    default: return run_refuse(run, n, "this expression is not followed here");
    }
}
