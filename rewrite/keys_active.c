/* keys_active.c - how many parameters a token meets.
 *
 * Experts are the modules whose forward calls an operator for mixtures, or the only list of modules that such a one
 * has; the number that a token meets is what the last `topk` of a forward beside them takes: groups of experts are
 * chosen before the experts. */
#include <string.h>

#include "base/text.h"
#include "rewrite/keys.h"
#include "rewrite/run_internal.h"

struct search {
    struct run *run;
    struct keys *keys;
    struct datum *holder; /* the innermost module around the experts in which there is a `topk` */
};

static struct node *forward_of(struct run *run, const struct class *class) {
    struct class *in;
    struct member *member = find_member(class, NULL, intern(run->unit->atoms, "forward"), &in);
    return member && member->node->kind == NODE_FUNCTION ? method_def(run->unit, member->node) : NULL;
}

static bool calls_mixture(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_ATTRIBUTE && starts_with(n->atom, "torch_moe") && !ends_with(n->atom, "router"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (calls_mixture(n->kid[i]))
            return true;
    return false;
}

/* The number that the last `topk` or router below a node takes, an expression of `self`; NULL: there is none. */
static void find_topk(struct node *n, struct node **count) {
    if (n == NULL)
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        find_topk(n->kid[i], count);
    if (n->kind != NODE_CALL || n->kid[0]->kind != NODE_ATTRIBUTE)
        return;
    bool router = atom_is(n->kid[0]->atom, "torch_moe_router"), function = is_name(n->kid[0]->kid[0], "torch");
    if (!router && !atom_is(n->kid[0]->atom, "topk"))
        return;
    struct node *k = router ? call_argument(n, 3, "top_k") : call_argument(n, function ? 1 : 0, "k");
    if (k && k->kind == NODE_ATTRIBUTE)
        *count = k;
}

/* -1: not known. */
static long long chosen_by(struct run *run, struct datum *module) {
    struct node *forward = forward_of(run, module->object->class), *count = NULL;
    find_topk(forward, &count);
    if (count == NULL)
        return -1;
    struct scope scope = {.module = module->object->class->module};
    bind(run, &scope, intern(run->unit->atoms, "self"), module);
    struct datum *d = evaluate(run, &scope, count);
    run->stop = RUN_ON;
    return d && d->kind == D_INT ? d->integer : -1;
}

/* Of a module or one that it holds. */
static long long chosen_in(struct run *run, struct datum *module, uint32_t depth) {
    long long count = chosen_by(run, module);
    const struct dict *attributes = &module->object->attributes->dict;
    for (uint32_t i = 0; i < attributes->list.len && count < 0 && depth < 3; i++) {
        struct datum *d = attributes->list.at[i].value;
        if (d && d->kind == D_OBJECT && d->object->class->is_module)
            count = chosen_in(run, d, depth + 1);
    }
    return count;
}

static long long count_parameters(struct run *run, const struct datum *module) {
    long long count = 0;
    const struct dict *attributes = &module->object->attributes->dict;
    for (uint32_t i = 0; i < attributes->list.len; i++) {
        const struct datum *d = attributes->list.at[i].value;
        if (d && d->kind == D_TENSOR && d->tensor.role == TENSOR_PARAMETER)
            count += tensor_elements(&d->tensor);
    }
    const struct children children = children_of(run, module);
    for (uint32_t i = 0; i < children.list.len; i++)
        count += count_parameters(run, children.list.at[i].module);
    return count;
}

/* How many experts: modules of a list, or the first axis of stacked parameters. */
static long long count_experts(const struct object *object) {
    if (object->items.list.len)
        return object->items.list.len;
    const struct dict *attributes = &object->attributes->dict;
    for (uint32_t i = 0; i < attributes->list.len; i++) {
        const struct datum *d = attributes->list.at[i].value;
        if (d && d->kind == D_TENSOR && d->tensor.role == TENSOR_PARAMETER && d->tensor.rank > 0)
            return d->tensor.dim[0];
    }
    return 0;
}

static void add_experts(struct search *search, struct datum *experts) {
    long long met = search->holder ? chosen_in(search->run, search->holder, 0) : -1;
    long long count = count_experts(experts->object), total = count_parameters(search->run, experts);
    search->keys->experts = true;
    if (met < 0 || count == 0 || met > count)
        search->keys->inactive = -1;
    else if (search->keys->inactive >= 0)
        search->keys->inactive += total / count * (count - met);
}

/* The only list of modules that a module holds, or NULL. */
static struct datum *list_in(struct run *run, const struct datum *module) {
    const struct children children = children_of(run, module);
    struct datum *list = NULL;
    for (uint32_t i = 0; i < children.list.len; i++) {
        if (children.list.at[i].module->object->items.list.len == 0)
            continue;
        if (list)
            return NULL;
        list = children.list.at[i].module;
    }
    return list;
}

static void search_module(struct search *search, struct datum *module, struct datum *holder) {
    const struct object *object = module->object;
    bool mixes = calls_mixture(forward_of(search->run, object->class)), own = count_experts(object) > 0;
    struct datum *experts = !mixes ? NULL : own ? module : list_in(search->run, module);
    if (experts) {
        search->holder = own ? holder : module;
        add_experts(search, experts);
        return;
    }
    const struct children children = children_of(search->run, module);
    for (uint32_t i = 0; i < children.list.len; i++)
        search_module(search, children.list.at[i].module, module);
}

void keys_count_active(struct run *run, struct datum *model, struct keys *keys) {
    struct search search = {.run = run, .keys = keys};
    search_module(&search, model, NULL);
}
