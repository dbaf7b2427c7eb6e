/* spec_comp.c - specialisation of comprehensions. */
#include "rewrite/spec.h"

static struct node *eval_generators(struct frame *f, struct node *e, struct node *expr) {
    struct unit *unit = f->unit;
    for (uint32_t i = 1; i < e->nkids; i++) {
        struct node *c = e->kid[i];
        struct val iterable = eval(f, c->kid[1]);
        struct node *made = at_node(f, node_new(unit->arena, NODE_COMPREHENSION), c);
        made->flags = c->flags;
        bind_target(f, c->kid[0], abs_element(f, iterable.abs), NULL);
        node_add(unit->arena, made, copy_target(f, c->kid[0]));
        node_add(unit->arena, made, iterable.expr);
        for (uint32_t k = 2; k < c->nkids; k++)
            node_add(unit->arena, made, eval(f, c->kid[k]).expr);
        node_add(unit->arena, expr, made);
    }
    return expr;
}

/* A name, or a display of names: to evaluate it again does nothing. */
static bool names_only(const struct node *e) {
    bool display = e->kind == NODE_TUPLE || e->kind == NODE_LIST;
    for (uint32_t i = 0; display && i < e->nkids; i++)
        if (e->kid[i]->kind != NODE_NAME)
            return false;
    return display || e->kind == NODE_NAME;
}

static bool items_are_free(const struct absval *a) {
    for (uint32_t i = 0; i < a->count; i++)
        if (!a->item[i].web && !(a->item[i].expr && expr_is_trivial(a->item[i].expr)))
            return false;
    return a->count > 0;
}

/* A comprehension over a display that is known is a display too; false where it is not such a comprehension. So is a
 * generator that is taken apart at once.
 *
 *     [t.float() for t in (q, k)]
 *     [q.float(), k.float()] */
static bool eval_each(struct frame *f, struct node *e, struct val *result) {
    struct unit *unit = f->unit;
    const struct node *generator = e->kid[1];
    if (e->nkids != 2 || generator->nkids != 2 || generator->kid[0]->kind != NODE_NAME ||
        !names_only(generator->kid[1]))
        return false;
    struct val over = eval(f, generator->kid[1]);
    if ((over.abs->kind != ABS_TUPLE && over.abs->kind != ABS_LIST) || !items_are_free(over.abs))
        return false;
    struct map outer = {0};
    map_copy(unit->arena, &outer, &f->env);
    struct absval *list = abs_new(unit, ABS_LIST);
    struct node *display = at_node(f, node_new(unit->arena, NODE_LIST), e);
    list->count = over.abs->count;
    list->item = NEW_ARRAY(unit->arena, struct val, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        env_set(f, generator->kid[0]->atom, element_of(f, over, i));
        list->item[i] = eval(f, e->kid[0]);
        node_add(unit->arena, display, list->item[i].expr);
    }
    f->env = outer;
    *result = val_make(list, display);
    return true;
}

/* The shape that a generator goes over, alone or counted; NULL where it does not. */
static struct node *shape_gone_over(const struct node *generator) {
    struct node *over = generator->kid[1];
    if (is_kind(over, NODE_CALL) && is_name(over->kid[0], "enumerate") && over->nkids == 2 &&
        generator->kid[0]->kind == NODE_TUPLE && generator->kid[0]->nkids == 2 &&
        generator->kid[0]->kid[0]->kind == NODE_NAME && generator->kid[0]->kid[1]->kind == NODE_NAME)
        over = over->kid[1];
    else if (generator->kid[0]->kind != NODE_NAME)
        return NULL;
    return is_kind(over, NODE_ATTRIBUTE) && atom_is(over->atom, "shape") ? over : NULL;
}

/* A comprehension over the sizes of a tensor of known rank is a display; false where it is not such a comprehension.
 *
 *     [d if i in (1, 3) else 1 for i, d in enumerate(x.shape)]
 *     [1, x.shape[1], 1, x.shape[3]] */
static bool eval_each_size(struct frame *f, struct node *e, struct val *result) {
    struct unit *unit = f->unit;
    const struct node *generator = e->kid[1];
    struct node *over =
        e->kind == NODE_LISTCOMP && e->nkids == 2 && generator->nkids == 2 ? shape_gone_over(generator) : NULL;
    struct val shape = over ? eval(f, over) : (struct val){0};
    uint32_t rank = over && shape.abs->kind == ABS_SHAPE ? rank_known(shape.abs->rank) : 0;
    if (rank == 0 || !expr_is_trivial(shape.expr->kid[0]))
        return false;
    struct map outer = {0};
    map_copy(unit->arena, &outer, &f->env);
    struct absval *list = abs_new(unit, ABS_LIST);
    struct node *display = at_node(f, node_new(unit->arena, NODE_LIST), e);
    list->item = NEW_ARRAY(unit->arena, struct val, rank);
    for (; list->count < rank; list->count++) {
        struct node *at = make_number(unit->arena, intern_printf(unit->atoms, "%u", list->count));
        struct node *size = node_make(
            unit->arena, NODE_SUBSCRIPT, NULL, 2, node_copy(unit->arena, shape.expr), node_copy(unit->arena, at));
        bool counted = generator->kid[0]->kind == NODE_TUPLE;
        if (counted)
            env_set(f, generator->kid[0]->kid[0]->atom, val_make(abs_const(unit, at), at));
        env_set(f, counted ? generator->kid[0]->kid[1]->atom : generator->kid[0]->atom,
            val_make(abs_simple(ABS_NUMBER), at_node(f, size, over)));
        list->item[list->count] = eval(f, e->kid[0]);
        node_add(unit->arena, display, list->item[list->count].expr);
    }
    f->env = outer;
    *result = val_make(list, display);
    return true;
}

struct val eval_comprehension(struct frame *f, struct node *e) {
    struct unit *unit = f->unit;
    struct map outer = {0};
    struct val each;
    if ((e->kind == NODE_LISTCOMP && eval_each(f, e, &each)) || eval_each_size(f, e, &each) ||
        comprehend_keys(f, e, &each))
        return each;
    map_copy(unit->arena, &outer, &f->env);
    bool pure = f->pure;
    f->pure = true;
    struct node *expr = at_node(f, node_new(unit->arena, e->kind), e);
    expr->flags = e->flags;
    node_add(unit->arena, expr, NULL);
    eval_generators(f, e, expr);
    struct absval *seq = abs_new(unit, ABS_SEQ);
    if (e->kid[0]->kind == NODE_KEYVALUE) {
        struct val key = eval(f, e->kid[0]->kid[0]), value = eval(f, e->kid[0]->kid[1]);
        expr->kid[0] = node_make(unit->arena, NODE_KEYVALUE, NULL, 2, key.expr, value.expr);
        seq->kind = ABS_DICT;
        seq->element = abs_summary(unit, value.abs);
    } else {
        struct val element = eval(f, e->kid[0]);
        expr->kid[0] = element.expr;
        seq->element = abs_summary(unit, element.abs);
    }
    f->pure = pure;
    f->env = outer;
    return val_make(seq, expr);
}

struct val eval_unpacked(struct frame *f, struct node *e) {
    struct val each;
    return e->kind == NODE_GENERATOR && eval_each(f, e, &each) ? each : eval(f, e);
}
