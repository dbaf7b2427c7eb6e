/* expert_layers.c - linear layers in the turns of a loop over stacked experts.
 *
 * A turn that takes of the stacked weights just two products, one of which is cut into a gate and what it lets through,
 * is over modules with three linear layers, whatever else it computes:
 *
 *     gate, up = linear(x, self.gate_up_proj[e]).chunk(2, dim=-1)        gate = e.gate_proj(x)
 *                                                                        up = e.up_proj(x)
 *     y = linear(f(gate, up), self.down_proj[e])                         y = e.down_proj(f(gate, up)) */
#include <string.h>

#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"
#include "rewrite/swap.h"
#include "rewrite/symbolic.h"

/* linear(x, W[e]), or x @ W[e] of weights that have the input first. */
struct product {
    struct node *node, *input;
    struct attr *attr;
    bool transposed;
};

struct reading {
    struct unit *unit;
    const struct expert_loop *l;
    const struct web *id;
    struct product product[2];
    uint32_t products, items; /* of parameters that are indexed by the expert */
    bool other_modules;       /* the turn calls what a list of experts cannot hold */
};

/* The parameter of W[e]; NULL for anything else. */
static struct attr *weights_of(const struct reading *r, const struct node *n) {
    bool taken;
    struct attr *attr = is_kind(n, NODE_SUBSCRIPT) ? kept_attribute(r->l, n->kid[0]) : NULL;
    return attr && id_source(n->kid[1], &taken) == r->id ? attr : NULL;
}

static void read_product(struct reading *r, struct node *n) {
    bool transposed = n->kind == NODE_BINOP && n->op == OP_MATMUL;
    bool linear = n->kind == NODE_CALL && n->nkids == 3 && calls_library(n, "torch.nn.functional.linear");
    struct attr *attr = transposed ? weights_of(r, n->kid[1]) : linear ? weights_of(r, n->kid[2]) : NULL;
    if (attr == NULL || r->products++ >= 2)
        return;
    r->product[r->products - 1] = (struct product){n, n->kid[transposed ? 0 : 1], attr, transposed};
}

static void read_turn(struct reading *r, struct node *n) {
    if (n == NULL)
        return;
    read_product(r, n);
    r->items += weights_of(r, n) != NULL;
    const struct attr *attr = n->kind == NODE_ATTRIBUTE ? kept_attribute(r->l, n) : NULL;
    bool module = attr && (attr->abs->kind == ABS_OBJECT || attr->abs->kind == ABS_INSTANCE);
    r->other_modules |= module && !activation_name(attr);
    for (uint32_t i = 0; i < n->nkids; i++)
        read_turn(r, n->kid[i]);
}

/* x.chunk(2, dim=-1): the x. */
static struct node *cut_in_two(struct node *n) {
    bool chunk = is_method(n, "chunk") && n->nkids == 3;
    const struct node *count = chunk ? call_argument(n, 1, "chunks") : NULL;
    const struct node *dim = chunk ? call_argument(n, 2, "dim") : NULL;
    return is_int(count ? count : chunk ? n->kid[1] : NULL, 2) && is_int(dim, -1) ? receiver(n) : NULL;
}

static struct node *statement_of(struct node *body, const struct web *w) {
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i] == w->stmt)
            return w->stmt;
    return NULL;
}

/* `a, b = product.chunk(2, dim=-1)`, maybe with a name for the product. */
static bool read_cut(
    const struct reading *r, struct node *body, const struct product *p, struct expert_layers *layers) {
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = body->kid[i];
        bool pair = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_TUPLE && s->kid[1]->nkids == 2;
        struct node *cut = pair ? cut_in_two(s->kid[0]) : NULL;
        if (cut == NULL || s->kid[1]->kid[0]->web == NULL || s->kid[1]->kid[1]->web == NULL)
            continue;
        layers->together = s;
        layers->first = NULL;
        if (cut == p->node)
            return true;
        const struct web *w = is_kind(cut, NODE_NAME) ? cut->web : NULL;
        if (w == NULL || w->kind != WEB_ASSIGN || w->expr != p->node || web_uses(r->l->fn->body, w) != 2)
            continue;
        layers->first = statement_of(body, w);
        return layers->first != NULL;
    }
    return false;
}

static struct node *twice(struct unit *unit, struct node *size) {
    struct node *two = make_number(unit->arena, intern(unit->atoms, "2"));
    struct node *product = node_make(unit->arena, NODE_BINOP, NULL, 2, two, node_copy(unit->arena, size));
    product->op = OP_MUL;
    return product;
}

/* Gate and up come from `first`, of as many numbers each as `last` takes, which gives as many as `first` takes. */
static bool read_sizes(
    struct unit *unit, struct expert_loop *l, const struct product *first, const struct product *last) {
    struct node *into[3], *out[3];
    if (!parameter_sizes(unit, first->attr->expr, into, 3) || !parameter_sizes(unit, last->attr->expr, out, 3))
        return false;
    l->count = into[0];
    l->hidden = into[first->transposed ? 1 : 2];
    l->between = out[last->transposed ? 1 : 2];
    return symbols_equivalent(unit, into[0], out[0]) &&
           symbols_equivalent(unit, out[last->transposed ? 2 : 1], l->hidden) &&
           symbols_equivalent(unit, into[first->transposed ? 2 : 1], twice(unit, l->between));
}

bool expert_layers_read(
    struct unit *unit, struct expert_loop *l, struct node *body, const struct web *id, struct expert_layers *layers) {
    struct reading r = {.unit = unit, .l = l, .id = id};
    read_turn(&r, body);
    if (r.products != 2 || r.items != 2 || r.other_modules || r.product[0].attr == r.product[1].attr)
        return false;
    for (int i = 0; i < 2; i++) {
        const struct product *first = &r.product[i], *last = &r.product[1 - i];
        if (!read_cut(&r, body, first, layers) || !read_sizes(unit, l, first, last))
            continue;
        layers->input = first->input;
        layers->down = last->node;
        l->gate = (struct stacked){.attr = first->attr, .parts = 2, .transposed = first->transposed};
        l->up = l->gate;
        l->up.part = 1;
        l->down = (struct stacked){.attr = last->attr, .parts = 1, .transposed = last->transposed};
        return true;
    }
    return false;
}

/* A list of modules holds nothing but these: the activation is kept as the function that it is. */
static void keep_functions(struct unit *unit, const struct cls *cls) {
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        struct attr *attr = cls->attrs.entry[i].value;
        if (attr->expr == NULL || activation_name(attr) == NULL)
            continue;
        attr->expr = attr->stmt->kid[0] = make_attr(unit->arena, attr->expr, intern(unit->atoms, "forward"));
        attr->abs = abs_simple(ABS_NOTNONE);
    }
}

struct web *expert_layers_write(
    struct unit *unit, const struct expert_loop *l, struct node *stmt, const struct expert_layers *layers) {
    struct map names = {0};
    struct node *body = stmt->kid[2], *down = layers->down;
    bind_expr(unit, &names, "_x", layers->input);
    bind_expr(unit, &names, "_between", down->kid[down->kind == NODE_BINOP ? 0 : 1]);
    struct node *made = elaborate(unit, l->fn, &names,
        "for expert_id, expert in enumerate(self):\n"
        "    expert.gate_proj(_x)\n"
        "    expert.up_proj(_x)\n"
        "    expert.down_proj(_between)\n");
    struct node *loop = made->kid[0], **call = loop->kid[2]->kid;
    struct node **part = layers->together->kid[1]->kid;
    uint32_t at = (uint32_t)child_index(body, layers->together);
    body->kid[at] = define_web(unit, part[0]->web, call[0]->kid[0], layers->together);
    node_insert(unit->arena, body, at + 1, define_web(unit, part[1]->web, call[1]->kid[0], layers->together));
    body->kid[at + 1]->flags &= ~(uint32_t)NF_BLANK;
    body->kid[at + 1]->comments = NULL;
    if (layers->first)
        node_remove(body, (uint32_t)child_index(body, layers->first));
    call[2]->kid[0]->source = down->source;
    call[2]->kid[0]->span = down->span;
    *down = *call[2]->kid[0];
    stmt->kid[0] = loop->kid[0];
    stmt->kid[1] = loop->kid[1];
    for (uint32_t i = 0; i < 2; i++)
        stmt->kid[0]->kid[i]->web->stmt = stmt;
    keep_functions(unit, l->fn->owner);
    return stmt->kid[0]->kid[0]->web;
}
