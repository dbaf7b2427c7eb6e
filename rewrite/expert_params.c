/* expert_params.c - parameters of experts that are made where there are experts.
 *
 *     if self.num_experts > 0:
 *         self.down_proj = nn.Parameter(torch.empty(self.num_experts, ...))
 *     else:
 *         self.register_parameter("down_proj", None) */
#include "rewrite/expert_params.h"

#include "rewrite/expert_loop.h"
#include "rewrite/symbolic.h"

static bool tests_for_some(const struct node *test) {
    return test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_GT && is_int(test->kid[1], 0);
}

/* self.register_parameter(name, None) for as many names, and nothing else. */
static bool registers_none(const struct node *block, uint32_t names) {
    for (uint32_t i = 0; block && i < block->nkids; i++) {
        const struct node *call = block->kid[i]->kind == NODE_EXPR ? block->kid[i]->kid[0] : NULL;
        if (!is_kind(call, NODE_CALL) || call->nkids != 3 || !is_kind(call->kid[0], NODE_ATTRIBUTE) ||
            !atom_is(call->kid[0]->atom, "register_parameter") || !is_none(call->kid[2]))
            return false;
    }
    return block && block->nkids == names;
}

/* self.name = value, and nothing else, where the other branch is the only one that says more of these names; one value
 * is a parameter with `count` items. */
static bool only_stores(struct unit *unit, const struct cls *cls, const struct node *block, struct node *count) {
    struct node *size[3];
    bool counted = false;
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        if (s->kind != NODE_ASSIGN || s->nkids != 2 || s->kid[1]->kind != NODE_ATTRIBUTE)
            return false;
        const struct attr *attr = map_get(&cls->attrs, s->kid[1]->atom);
        if (attr == NULL || attr->stores != 2)
            return false;
        counted |= count && parameter_sizes(unit, s->kid[0], size, 3) && symbols_equivalent(unit, size[0], count);
    }
    return counted;
}

/* The branch takes the place of the whole. */
static void drop_test(struct unit *unit, const struct cls *cls, struct node *body, uint32_t at) {
    struct node *branch = body->kid[at]->kid[1];
    node_remove(body, at);
    for (uint32_t i = branch->nkids; i-- > 0;) {
        struct node *s = branch->kid[i];
        struct attr *attr = map_get(&cls->attrs, s->kid[1]->atom);
        s->up = NULL;
        node_insert(unit->arena, body, at, s);
        attr->stmt = s;
        attr->expr = s->kid[0];
        attr->abs = s->kid[0]->abs ? s->kid[0]->abs : abs_simple(ABS_TENSOR);
        attr->stores = 1;
        attr->conditional = false;
    }
}

void make_parameters_always(struct unit *unit, const struct cls *cls) {
    const struct fn *init = class_method(cls, "__init__");
    struct node *body = init ? init->body : NULL;
    for (uint32_t i = 0; body && i < body->nkids; i++) {
        struct node *s = body->kid[i];
        if (s->kind == NODE_IF && s->nphis == 0 && tests_for_some(s->kid[0]) &&
            only_stores(unit, cls, s->kid[1], symbol_of(unit, s->kid[0]->kid[0])) &&
            registers_none(s->kid[2], s->kid[1]->nkids))
            drop_test(unit, cls, body, i);
    }
}
