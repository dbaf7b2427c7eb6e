/* templates.c - the functions that a template may call, as far as they need nothing but the rule's own bindings. */
#include <string.h>

#include "rewrite/capture.h"
#include "rewrite/dims.h"

static struct node *binary(struct rewriter *r, enum op op, struct node *left, struct node *right) {
    struct node *node = node_make(r->arena, NODE_BINOP, NULL, 2, left, right);
    node->op = op;
    return node;
}

static bool is_one(const struct node *node) {
    return node->kind == NODE_NUMBER && (strcmp(node->atom, "1") == 0 || strcmp(node->atom, "1.0") == 0);
}

/* a * (1.0 / b) is written a / b. */
static struct node *multiply(struct rewriter *r, struct node *left, struct node *right) {
    if (right->kind == NODE_BINOP && right->op == OP_DIV && is_one(right->kid[0]))
        return binary(r, OP_DIV, left, right->kid[1]);
    return binary(r, OP_MUL, left, right);
}

/* A scale is a float, for the schemas of the ops as for the reader. */
static struct node *make_product(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct node *out = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (arg[i].node != NULL)
            out = out == NULL ? arg[i].node : multiply(r, out, arg[i].node);
    }
    if (out != NULL && (out->kind != NODE_NUMBER || strpbrk(out->atom, ".eE") != NULL))
        return out;
    return make_number(r->arena, intern_printf(r->atoms, "%s.0", out != NULL ? out->atom : "1"));
}

static struct node *make_first(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (arg[i].node != NULL)
            return arg[i].node;
    r->refused = "none of the alternatives is bound";
    return NULL;
}

static struct node *make_positive(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    double rank = count == 2 && arg[1].node != NULL ? 4 : 0;
    if (rank == 0 || arg[0].value == NULL || arg[0].value->kind != VALUE_NUMBER) {
        r->refused = "a dimension is not a constant";
        return NULL;
    }
    rank = arg[1].node->atom[0] - '0';
    double dim = arg[0].value->number;
    return make_number(r->arena, intern_printf(r->atoms, "%.0f", dim < 0 ? dim + rank : dim));
}

/* torch.cat((h, h), dim=-1) */
static struct node *make_doubled(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct arena *arena = r->arena;
    if (count != 1 || arg[0].node == NULL)
        return NULL;
    struct node *pair = node_make(arena, NODE_TUPLE, NULL, 2, arg[0].node, node_copy(arena, arg[0].node));
    struct node *minus = node_make(arena, NODE_UNARYOP, NULL, 1, make_number(arena, intern(r->atoms, "1")));
    minus->op = OP_NEG;
    pair->flags |= NF_PAREN;
    struct node *cat = make_attr(arena, make_name(arena, intern(r->atoms, "torch")), intern(r->atoms, "cat"));
    struct node *dim = node_make(arena, NODE_KEYWORD, intern(r->atoms, "dim"), 1, minus);
    return node_make(arena, NODE_CALL, NULL, 3, cat, pair, dim);
}

static const struct mask *mask_of(const struct template_arg *arg) {
    const struct value *v = arg->value;
    return v != NULL && v->abs != NULL && v->abs->kind == ABS_MASK ? v->abs->mask : NULL;
}

static struct node *make_causal(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    bool any = false, causal = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct mask *mask = mask_of(&arg[i]);
        any = any || arg[i].value != NULL;
        causal = causal || (arg[i].value != NULL && (mask == NULL || mask->shape == MASK_CAUSAL));
    }
    return any ? make_const(r->arena, causal ? OP_TRUE : OP_FALSE) : NULL;
}

static struct node *make_window(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct mask *mask = mask_of(&arg[i]);
        if (mask != NULL && mask->window != NULL)
            r->refused = "the mask has a window, and nothing here can write it";
        if (mask != NULL && mask->chunk != NULL)
            r->refused = "the mask is chunked, and nothing here can write it";
    }
    return NULL;
}

static struct node *make_chunks(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    (void)arg, (void)count;
    r->refused = "nothing here can write a mask of chunks";
    return NULL;
}

static struct node *make_by_token(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct dims d = {.rank = 0};
    if (count == 3 && arg[0].value != NULL)
        d = dims_of(r->values, arg[0].value);
    for (uint32_t i = 0; i < 2; i++)
        if (d.rank != 3 || arg[1 + i].value == NULL || d.at[i] != dims_size(r->values, arg[1 + i].value))
            r->refused = "the latents may not be one for each token";
    return arg[0].node;
}

static struct node *make_one_head(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct dims d = {.rank = 0};
    if (count == 1 && arg[0].value != NULL)
        d = dims_of(r->values, arg[0].value);
    if (d.rank != 4 || !value_is_int(d.at[2], 1))
        r->refused = "the rotated part of the keys may have several heads";
    return arg[0].node;
}

static struct node *make_expansion(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    (void)arg, (void)count;
    r->refused = "nothing here knows how the linear layer was made";
    return NULL;
}

static struct node *make_depthwise(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    (void)arg, (void)count;
    r->refused = "nothing here knows how the convolution was made";
    return NULL;
}

template_function *builtin_template_function(const char *name) {
    static const struct template_entry table[] = {
#define X(function, doc) {#function, make_##function},
        TEMPLATE_FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (atom_is(name, table[i].name))
            return table[i].make;
    return NULL;
}
