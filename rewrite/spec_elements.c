/* spec_elements.c - specialisation of subscripts: elements of tuples, lists and dictionaries, sizes, slices. */
#include "rewrite/axes.h"
#include "rewrite/spec.h"
#include <stdlib.h>
#include <string.h>

/* Element `index` of a tuple or list; the expression is the element's own where that is free, else a subscript. */
struct val element_of(struct frame *f, struct val v, uint32_t index) {
    struct unit *unit = f->unit;
    struct node *number = make_number(unit->arena, intern_printf(unit->atoms, "%u", index));
    struct node *expr = node_make(unit->arena, NODE_SUBSCRIPT, NULL, 2, val_expr(f, &v), number);
    if ((v.abs->kind == ABS_TUPLE || v.abs->kind == ABS_LIST || v.abs->kind == ABS_RECORD) && index < v.abs->count) {
        const struct val *item = &v.abs->item[index];
        if (item->web || (item->expr && expr_is_trivial(item->expr)) || constant_is_free(item->abs))
            return (struct val){.abs = item->abs, .expr = val_expr(f, item), .web = item->web};
        return val_make(item->abs, expr);
    }
    if (v.abs->kind == ABS_SEQ)
        return val_make(sequence_item(unit, v.abs, index), expr);
    if (v.abs->kind == ABS_SHAPE)
        return val_make(abs_simple(ABS_NUMBER), expr);
    if (v.abs->kind == ABS_TENSOR)
        return val_make(abs_tensor(unit, v.abs->rank > 1 ? v.abs->rank - 1 : 0), expr);
    return val_top(expr);
}

const struct absval *abs_element(struct frame *f, const struct absval *a) {
    const struct absval *j = abs_simple(ABS_BOTTOM);
    switch (a->kind) {
    case ABS_SEQ: return a->element;
    case ABS_LIST:
    case ABS_TUPLE:
        for (uint32_t i = 0; i < a->count; i++)
            j = abs_join(f->unit, j, a->item[i].abs);
        return j->kind == ABS_BOTTOM ? abs_simple(ABS_TOP) : abs_summary(f->unit, j);
    case ABS_SHAPE: return abs_simple(ABS_NUMBER);
    case ABS_TENSOR: return abs_tensor(f->unit, a->rank > 1 ? a->rank - 1 : 0);
    case ABS_DICT:
    case ABS_SYMBOLIC: return abs_simple(ABS_NOTNONE);
    case ABS_INSTANCE: return a->cls->items ? a->cls->items : abs_simple(ABS_TOP);
    default: return abs_simple(ABS_TOP);
    }
}

static struct node *mask_window(const struct mask *m) {
    return m->window;
}

static struct node *mask_chunk(const struct mask *m) {
    return m->chunk;
}

/* The window, or the chunk, of the mask that a dictionary has under the key; NULL where none has one. */
static struct node *size_by_key(struct unit *unit, const struct absval *dict, const struct node *key,
    struct node *(*size_of)(const struct mask *m)) {
    struct node *size = NULL;
    for (uint32_t i = 0; i < dict->count; i++) {
        const struct mask *m = dict->item[i].abs->mask;
        if (m == NULL || size_of(m) == NULL) /* none is what remains at the end */
            continue;
        struct node *test = node_make(unit->arena, NODE_COMPARE, NULL, 2, node_copy(unit->arena, key),
            make_string(unit->arena, unit->atoms, dict->key[i]));
        test->ops = arena_alloc(unit->arena, 1);
        test->ops[0] = OP_EQ;
        size = node_make(unit->arena, NODE_IFEXP, NULL, 3, test, node_copy(unit->arena, size_of(m)),
            size ? size : make_const(unit->arena, OP_NONE));
    }
    return size;
}

/* A mask chosen by a key that is only known at construction: one mask whose window depends on that key, and which is
 * there for some keys only. */
const struct absval *choose_mask(struct frame *f, const struct absval *dict, const struct absval *key, bool absent) {
    struct unit *unit = f->unit;
    struct node *symbol = abs_symbol(unit, key);
    const struct absval *first = NULL;
    if (symbol == NULL)
        return NULL;
    bool same = true, always = !absent;
    for (uint32_t i = 0; i < dict->count; i++) {
        const struct absval *a = dict->item[i].abs;
        always &= !abs_is_none(a);
        if (abs_is_none(a))
            continue;
        first = first ? first : a;
        if (!abs_is_mask(a) || a->mask->shape != MASK_CAUSAL || a->mask->form != first->mask->form)
            return NULL;
        same &= abs_equal(a, first);
    }
    if (first == NULL || (same && always) || (!always && dict->element))
        return same && always ? first : NULL;
    struct absval *a = abs_new(unit, ABS_MASK);
    a->mask = NEW(unit->arena, struct mask);
    *a->mask = *first->mask;
    a->rank = first->rank;
    if (!same) {
        a->mask->window = size_by_key(unit, dict, symbol, mask_window);
        a->mask->chunk = size_by_key(unit, dict, symbol, mask_chunk);
    }
    a->mask->where = always ? NULL : keys_of(unit, dict, symbol, abs_is_mask);
    a->mask->none = always   ? NULL
                    : absent ? negated(unit, node_copy(unit->arena, a->mask->where))
                             : keys_of(unit, dict, symbol, abs_is_none);
    return a;
}

/* A class or function of this file goes by its own name, whatever it was found in. */
static struct node *global_name(struct frame *f, const struct absval *a) {
    atom name = a->kind == ABS_CLASS ? a->cls->name
                : a->kind == ABS_FUNCTION && a->fn->lambda == NULL && a->fn->closure == NULL && a->fn->owner == NULL
                    ? a->fn->name
                    : NULL;
    const struct symbol *symbol = name ? module_lookup(f->fn->module, name) : NULL;
    bool same = symbol && (a->kind == ABS_CLASS ? symbol->cls == a->cls : symbol->fn == a->fn);
    return same ? make_name(f->unit->arena, name) : NULL;
}

static struct val dict_item(struct frame *f, struct val object, struct val key, struct node *expr) {
    const struct absval *d = object.abs, *j = d->element;
    if (key.abs->kind == ABS_CONST && key.abs->constant->kind == NODE_STRING) {
        atom text = string_value(f->unit->atoms, key.abs->constant);
        for (uint32_t i = 0; i < d->count; i++)
            if (d->key[i] == text) {
                const struct val *item = &d->item[i];
                if (item->web && item->expr == NULL)
                    return (struct val){.abs = item->abs, .expr = val_expr(f, item), .web = item->web};
                if (item->expr && expr_is_trivial(item->expr))
                    return (struct val){.abs = item->abs, .expr = val_expr(f, item), .web = item->web};
                struct node *name = global_name(f, item->abs);
                return val_make(item->abs, name ? at_node(f, name, expr) : expr);
            }
        return j ? val_make(j, expr) : val_top(expr);
    }
    const struct absval *mask = choose_mask(f, d, key.abs, false), *cls = choose_class(f->unit, d, key.abs);
    if (mask || cls)
        return val_make(known_here(f, mask ? mask : cls), expr);
    for (uint32_t i = 0; i < d->count; i++)
        j = abs_join(f->unit, j, d->item[i].abs);
    return j ? val_make(abs_summary(f->unit, j), expr) : val_top(expr);
}

/* A tensor of integers, as far as its expression tells: positions and what is computed from them. A mask of bools would
 * index quite differently. */
static bool is_integer_tensor(const struct node *e) {
    if (e->abs && e->abs->kind == ABS_TENSOR && e->abs->positions)
        return true;
    if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr)
        return is_integer_tensor(e->web->expr);
    if (e->kind == NODE_BINOP && (e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL))
        return is_integer_tensor(e->kid[0]) || is_integer_tensor(e->kid[1]);
    if (e->kind != NODE_CALL || e->kid[0]->kind != NODE_ATTRIBUTE)
        return false;
    const char *name = e->kid[0]->atom;
    if (strcmp(name, "long") == 0 || strcmp(name, "int") == 0)
        return true;
    return (strcmp(name, "view") == 0 || strcmp(name, "reshape") == 0 || strcmp(name, "unsqueeze") == 0) &&
           is_integer_tensor(e->kid[0]->kid[0]);
}

static uint32_t index_rank(const struct node *index, uint32_t rank, bool *exact) {
    uint32_t tensors = 0;
    const struct node *one[1] = {index};
    struct node *const *kid = index->kind == NODE_TUPLE ? index->kid : (struct node *const *)one;
    uint32_t count = index->kind == NODE_TUPLE ? index->nkids : 1;
    for (uint32_t i = 0; i < count; i++) {
        if (is_none(kid[i]))
            rank++;
        else if (kid[i]->kind == NODE_NUMBER || (kid[i]->kind == NODE_UNARYOP && kid[i]->kid[0]->kind == NODE_NUMBER))
            rank--;
        else if (kid[i]->abs && rank_known(kid[i]->abs->rank) && is_integer_tensor(kid[i]))
            rank += tensors++ == 0 ? kid[i]->abs->rank - 1 : 0;
        else if (kid[i]->kind != NODE_SLICE && !(kid[i]->kind == NODE_CONST && kid[i]->op == OP_ELLIPSIS))
            *exact = false;
    }
    *exact = *exact && tensors <= 1;
    return rank;
}

static const struct absval *shape_slice(struct frame *f, const struct absval *a, const struct node *slice) {
    long stop;
    if (a->rank == 0 || slice->kid[2])
        return abs_simple(ABS_SHAPE);
    if (slice->kid[0] == NULL && slice->kid[1] && slice->kid[1]->abs && abs_int(slice->kid[1]->abs, &stop))
        return abs_shape(f->unit, (uint32_t)(stop < 0 ? (long)a->rank + stop : stop));
    if (slice->kid[1] == NULL && slice->kid[0] && slice->kid[0]->abs && abs_int(slice->kid[0]->abs, &stop))
        return abs_shape(f->unit, (uint32_t)(stop < 0 ? -stop : (long)a->rank - stop));
    return abs_simple(ABS_SHAPE);
}

static bool slice_bound(const struct node *bound, long absent, long count, long *at) {
    *at = absent;
    if (bound && (!bound->abs || !abs_int(bound->abs, at)))
        return false;
    *at += *at < 0 ? count : 0;
    *at = *at < 0 ? 0 : *at > count ? count : *at;
    return true;
}

/* xs[a:b] of known elements. */
static struct val sequence_slice(struct frame *f, struct val object, const struct node *slice, struct node *expr) {
    const struct absval *xs = object.abs;
    long from, to;
    if (slice->kid[2] || !slice_bound(slice->kid[0], 0, xs->count, &from) ||
        !slice_bound(slice->kid[1], xs->count, xs->count, &to))
        return val_make(abs_element(f, xs), expr);
    struct absval *part = abs_new(f->unit, xs->kind);
    part->item = NEW_ARRAY(f->unit->arena, struct val, xs->count + 1);
    bool named = object.expr->kind == NODE_NAME && object.expr->web;
    for (; from < to; from++)
        part->item[part->count++] = named ? element_of(f, object, (uint32_t)from) : xs->item[from];
    struct node *display = display_of(f, part);
    for (uint32_t i = 0; i < part->count && !display; i++) /* elements of `expr`, not of what was sliced */
        part->item[i] = (struct val){.abs = part->item[i].abs};
    return val_make(part, display ? at_node(f, display, expr) : expr);
}

/* Items of a model output count its fields that are not None: field `index` is item `index` if all up to it exist. */
static bool is_settled_field(const struct absval *record, long index) {
    if (index < 0 || (unsigned long)index >= record->count)
        return false;
    for (long i = 0; i <= index; i++)
        if (!abs_not_none(record->item[i].abs))
            return false;
    return true;
}

/* `:`, `slice(None)`, `slice(-0, None)`, or a name that holds one. */
static bool is_whole_slice(const struct node *e) {
    long start;
    if (e->kind == NODE_SLICE)
        return e->kid[0] == NULL && e->kid[1] == NULL && e->kid[2] == NULL;
    if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr)
        return is_whole_slice(e->web->expr);
    if (e->kind != NODE_CALL || !is_name(e->kid[0], "slice") || e->nkids < 2 || e->nkids > 3)
        return false;
    const struct node *first = e->kid[1];
    bool from_start = e->nkids == 2 || is_none(first) || (first->abs && abs_int(first->abs, &start) && start == 0);
    return from_start && is_none(e->kid[e->nkids - 1]);
}

/* An index that selects all there is. */
static bool selects_all(const struct node *index) {
    if (index->kind != NODE_TUPLE)
        return is_whole_slice(index);
    for (uint32_t i = 0; i < index->nkids; i++)
        if (!is_whole_slice(index->kid[i]))
            return false;
    return index->nkids > 0;
}

/* x[:, None]: all of a tensor of that rank, with new dimensions before its last one. */
static bool adds_before_last(const struct node *index, uint32_t rank) {
    const struct node *one[1] = {index};
    struct node *const *kid = index->kind == NODE_TUPLE ? index->kid : (struct node *const *)one;
    uint32_t count = index->kind == NODE_TUPLE ? index->nkids : 1, kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (is_none(kid[i]) ? kept >= rank_known(rank) : !is_whole_slice(kid[i]))
            return false;
        kept += !is_none(kid[i]);
    }
    return true;
}

/* The first size of a tensor that was made as so many copies; 0: not known. */
static int first_size(const struct node *shape) {
    const struct node *of = is_kind(shape, NODE_ATTRIBUTE) ? shape->kid[0] : NULL;
    return is_kind(of, NODE_NAME) && of->web && of->web->kind == WEB_ASSIGN && of->web->expr
               ? copies_along_first(of->web->expr)
               : 0;
}

struct val eval_subscript(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct val object = eval(f, e->kid[0]), key = eval(f, e->kid[1]);
    struct node *expr = at_node(f, node_make(unit->arena, NODE_SUBSCRIPT, NULL, 2, object.expr, key.expr), e);
    long index;
    int count;
    switch (object.abs->kind) {
    case ABS_RECORD:
        if (abs_int(key.abs, &index) && is_settled_field(object.abs, index))
            return record_attribute(f, object, object.abs->key[index],
                at_node(f, make_attr(unit->arena, object.expr, object.abs->key[index]), e));
        return val_top(expr);
    case ABS_TUPLE:
    case ABS_LIST:
        if (key.expr->kind == NODE_SLICE)
            return sequence_slice(f, object, key.expr, expr);
        if (abs_int(key.abs, &index)) {
            if (index < 0)
                index += object.abs->count;
            if (index >= 0 && (uint32_t)index < object.abs->count) {
                struct val v = element_of(f, object, (uint32_t)index);
                return v.expr->kind == NODE_SUBSCRIPT ? val_make(v.abs, expr) : v;
            }
        }
        return val_make(abs_element(f, object.abs), expr);
    case ABS_DICT: return dict_item(f, object, key, expr);
    case ABS_SEQ:
        if (e->kid[1]->kind == NODE_SLICE)
            return val_make(object.abs, expr);
        return val_make(abs_int(key.abs, &index) ? sequence_item(unit, object.abs, index) : object.abs->element, expr);
    case ABS_SHAPE:
        if (e->kid[1]->kind == NODE_SLICE)
            return val_make(shape_slice(f, object.abs, key.expr), expr);
        if (abs_int(key.abs, &index) && index == 0 && (count = first_size(object.expr)) > 0)
            return val_make(abs_const(unit, make_number(unit->arena, intern_printf(unit->atoms, "%d", count))), expr);
        return val_make(abs_simple(ABS_NUMBER), expr);
    case ABS_MASK:
    case ABS_TENSOR: {
        if (selects_all(key.expr))
            return object;
        bool exact = object.abs->rank > 0;
        uint32_t rank = index_rank(key.expr, object.abs->rank, &exact);
        const struct absval *part = abs_tensor(unit, exact ? rank : 0);
        return val_make(
            adds_before_last(key.expr, object.abs->rank) ? still_chosen(unit, object.abs, part) : part, expr);
    }
    case ABS_LIBRARY: {
        const struct fact *fact = fact_library(unit->facts, object.abs->qual);
        if (fact && fact->effect == EFFECT_OBJECT) {
            struct absval *a = abs_new(unit, ABS_OBJECT);
            a->qual = object.abs->qual;
            return val_make(a, expr);
        }
        if (fact && fact->effect == EFFECT_CLASS)
            return val_make(object.abs, expr);
        return val_top(expr);
    }
    default: {
        struct val both[2] = {object, key};
        const struct absval *symbolic = fold_symbolic(f, expr, both, 2);
        return val_make(symbolic ? symbolic : abs_simple(ABS_TOP), expr);
    }
    }
}
