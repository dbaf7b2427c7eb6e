/* latents.c - the linear layer that expands latents to keys and values, as an op takes it.
 *
 * torch_mla is given the weight of the layer and works out the rest: how many heads there are from q, how wide a value
 * is from the number of rows. So it must be shown that there are as many heads of keys as of q, and that the part of
 * q that is not rotated is as wide as that of the keys. Views leave the number of heads open (-1); it is then the
 * number of outputs of the layer before the view divided by the width of a head, both as the constructor has them. */
#include "rewrite/latents.h"

#include "rewrite/construction.h"
#include "rewrite/dims.h"
#include "rewrite/unit.h"

struct expansion {
    struct unit *unit;
    struct fn *fn;
    struct values *values;
};

static bool equal_sizes(const struct expansion *x, const struct value *a, const struct value *b) {
    return a == b || sizes_equal(x->unit, abs_symbol(x->unit, a->abs), abs_symbol(x->unit, b->abs));
}

/* A number of heads: `all` / `each`, or `all` where `each` is NULL. Not known where `all` is NULL. */
struct heads {
    struct node *all, *each;
};

static struct node *times(const struct expansion *x, struct node *a, struct node *b) {
    if (b == NULL)
        return a;
    struct node *product = node_make(x->unit->arena, NODE_BINOP, NULL, 2, a, b);
    product->op = OP_MUL;
    return product;
}

static bool equal_heads(const struct expansion *x, struct heads a, struct heads b) {
    return a.all && b.all && sizes_equal(x->unit, times(x, a.all, b.each), times(x, b.all, a.each));
}

/* As many heads of `width` as a linear layer has outputs for. */
static struct heads heads_made(const struct expansion *x, const struct value *linear, const struct value *width) {
    const struct node *made = construction_of(x->fn, linear, "nn.Linear"),
                      *outputs = made ? call_argument(made, 1, "out_features") : NULL;
    struct heads heads = {outputs ? abs_symbol(x->unit, outputs->abs) : NULL, abs_symbol(x->unit, width->abs)};
    return heads.each ? heads : (struct heads){NULL, NULL};
}

/* What linear layers make, all alternatives of a choice the same. */
static struct heads heads_chosen(const struct expansion *x, const struct value *v, const struct value *width) {
    struct heads none = {NULL, NULL};
    if (v->kind != VALUE_IFEXP)
        return v->kind == VALUE_APPLY && v->count == 2 ? heads_made(x, v->arg[0], width) : none;
    struct heads a = heads_chosen(x, v->arg[1], width), b = heads_chosen(x, v->arg[2], width);
    return equal_heads(x, a, b) ? a : none;
}

/* The view that left a size open, or NULL. */
static const struct value *open_view(const struct expansion *x, const struct value *size) {
    bool is_size = size->kind == VALUE_INDEX && size->arg[0]->kind == VALUE_ATTR &&
                   size->arg[0]->atom == values_library(x->values)->shape;
    const struct value *view = is_size ? size->arg[0]->arg[0] : NULL;
    return view && value_is_call(view, "torch.reshape") && view->arg[1]->kind == VALUE_TUPLE ? view : NULL;
}

/* The number of heads of a part of a view, which has the sizes `d`. */
static struct heads heads_of(const struct expansion *x, const struct dims *d) {
    const struct value *view = open_view(x, d->at[2]);
    if (view == NULL)
        return (struct heads){abs_symbol(x->unit, d->at[2]->abs), NULL};
    struct dims before = dims_of(x->values, view->arg[0]);
    bool same = before.rank == 3 && before.at[0] == d->at[0] && before.at[1] == d->at[1];
    const struct value *shape = view->arg[1];
    return same ? heads_chosen(x, view->arg[0], shape->arg[shape->count - 1]) : (struct heads){NULL, NULL};
}

static const char *obstacle(const struct expansion *x, const struct template_arg *arg) {
    enum { LINEAR, HEADS, WIDTH, QUERY, NOPE, ARGS };
    for (uint32_t i = 0; i < ARGS; i++)
        if (arg[i].value == NULL)
            return "a part of the expansion is not known";
    const struct node *made = construction_of(x->fn, arg[LINEAR].value, "nn.Linear");
    const struct node *bias = made ? call_argument(made, 2, "bias") : NULL;
    if (bias == NULL || bias->abs == NULL || abs_truth(bias->abs) != 0)
        return "the linear layer that expands the latents may have a bias";
    struct dims q = dims_of(x->values, arg[QUERY].value);
    if (q.rank != 4 || !equal_sizes(x, q.at[3], arg[NOPE].value))
        return "the parts of the queries may be wider than those of the keys";
    const struct value *heads = arg[HEADS].value;
    struct heads keys = {abs_symbol(x->unit, heads->abs), NULL};
    if (value_is_int(heads, -1))
        keys = heads_made(x, arg[LINEAR].value, arg[WIDTH].value);
    if (heads != q.at[2] && !equal_heads(x, keys, heads_of(x, &q)))
        return "there may be fewer heads of keys than of queries";
    return NULL;
}

struct node *make_expansion(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct fn *fn = r->user;
    struct expansion x = {fn->unit, fn, r->values};
    (void)count;
    r->refused = obstacle(&x, arg);
    return r->refused ? NULL : make_attr(r->arena, arg[0].node, intern(r->atoms, "weight"));
}
