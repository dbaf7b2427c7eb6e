/* spec_zip.c - loops over several lists at once, of which one holds the same constant in every place.
 *
 *     past_key_values = tuple([None] * len(self.h))
 *     for i, (block, layer_past) in enumerate(zip(self.h, past_key_values)):
 *
 * Where the constant is known nobody reads the variable. Such a list adds nothing to the loop if it is as long as
 * another one: then the loop is over the others. */
#include "rewrite/spec.h"

/* The number n of `[constant] * n`, maybe as a tuple; NULL for anything else. */
static const struct node *count_of(const struct node *e) {
    for (int i = 0; i < SPEC_DEPTH_MAX; i++) {
        if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN)
            e = e->web->expr;
        else if (e->kind == NODE_CALL && e->nkids == 2 && (is_name(e->kid[0], "tuple") || is_name(e->kid[0], "list")))
            e = e->kid[1];
        else
            break;
    }
    bool one = e->kind == NODE_BINOP && e->op == OP_MUL &&
               (e->kid[0]->kind == NODE_LIST || e->kid[0]->kind == NODE_TUPLE) && e->kid[0]->nkids == 1;
    return one ? e->kid[1] : NULL;
}

/* How many modules the constructor puts into the list self.x: `nn.ModuleList([... for _ in range(n)])`. */
static const struct absval *modules_count(const struct node *list) {
    const struct absval *of = list->kind == NODE_ATTRIBUTE ? list->kid[0]->abs : NULL;
    const struct attr *attr = of && of->kind == ABS_INSTANCE ? class_attr(of->cls, list->atom) : NULL;
    const struct node *made = attr && attr->stores == 1 ? attr->expr : NULL;
    const struct node *comp = is_kind(made, NODE_CALL) && made->nkids == 2 ? made->kid[1] : NULL;
    bool plain = is_kind(comp, NODE_LISTCOMP) && comp->nkids == 2 && comp->kid[1]->nkids == 2;
    const struct node *range = plain ? comp->kid[1]->kid[1] : NULL;
    return is_kind(range, NODE_CALL) && is_name(range->kid[0], "range") && range->nkids == 2 ? range->kid[1]->abs
                                                                                             : NULL;
}

static bool as_long(struct frame *f, const struct node *constants, const struct node *other) {
    const struct node *n = count_of(constants);
    if (n == NULL)
        return false;
    if (n->kind == NODE_CALL && is_name(n->kid[0], "len") && n->nkids == 2)
        return node_equal(n->kid[1], other);
    const struct node *count = abs_symbol(f->unit, n->abs), *modules = abs_symbol(f->unit, modules_count(other));
    return count && modules && node_equal(count, modules);
}

static bool adds_nothing(
    struct frame *f, const struct node *zip, uint32_t at, const struct node *targets, const struct node *body) {
    const struct node *target = targets->kid[at - 1];
    if (target->kind != NODE_NAME || !target->web || target->web->abs->kind != ABS_CONST ||
        web_uses(body, target->web) > 0)
        return false;
    for (uint32_t i = 1; i < zip->nkids; i++)
        if (i != at && as_long(f, zip->kid[at], zip->kid[i]))
            return true;
    return false;
}

void drop_constant_lists(struct frame *f, struct node **target, struct node **iterable, const struct node *body) {
    bool counts = (*iterable)->kind == NODE_CALL && is_name((*iterable)->kid[0], "enumerate");
    if (counts && ((*iterable)->nkids != 2 || (*target)->kind != NODE_TUPLE || (*target)->nkids != 2))
        return;
    struct node **zip = counts ? &(*iterable)->kid[1] : iterable, **targets = counts ? &(*target)->kid[1] : target;
    bool plain = (*zip)->kind == NODE_CALL && is_name((*zip)->kid[0], "zip") && (*targets)->kind == NODE_TUPLE &&
                 (*targets)->nkids + 1 == (*zip)->nkids;
    for (uint32_t i = 1; plain && i < (*zip)->nkids; i++)
        plain = node_is_expr((*zip)->kid[i]) && (*zip)->kid[i]->kind != NODE_STARRED;
    for (uint32_t i = 1; plain && (*zip)->nkids > 2 && i < (*zip)->nkids; i++)
        if (adds_nothing(f, *zip, i, *targets, body)) {
            node_remove(*zip, i);
            node_remove(*targets, --i);
        }
    if (plain && (*zip)->nkids == 2) {
        *zip = (*zip)->kid[1];
        *targets = (*targets)->kid[0];
    }
}
