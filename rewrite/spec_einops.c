/* spec_einops.c - einops.rearrange and einops.repeat, written out.
 *
 *     rearrange(x, "b s (h d) -> b h s d", d=self.head_dim)
 *     x.reshape(x.shape[0], x.shape[1], -1, self.head_dim).transpose(1, 2)
 *     repeat(x, "... h d -> ... (h n) d", n=2)
 *     x.unsqueeze(3).expand(-1, -1, -1, 2, -1).flatten(2, 3)
 *
 * A pattern names every dimension; `...` stands for as many as are left over. What the left side groups is taken apart,
 * the dimensions are brought into the order of the right side, those that only the right side names are added, and what
 * that side groups is put together. A pattern that is not understood stays a call of einops, which is refused. */
#include <ctype.h>
#include <string.h>

#include "rewrite/spec.h"

enum { AXES_MAX = 12 };

/* One side: axes in order, and for each dimension how many of them it holds (0: it is 1). */
struct side {
    atom axis[AXES_MAX];
    uint32_t axes, size[AXES_MAX], dims;
};

static bool add_axis(struct side *side, atom axis, bool grouped) {
    if (side->axes >= AXES_MAX || side->dims >= AXES_MAX)
        return false;
    side->dims += !grouped;
    side->axis[side->axes++] = axis;
    side->size[side->dims - 1]++;
    return true;
}

/* `rest` is the number of dimensions that `...` stands for. */
static bool read_side(struct unit *unit, const char *text, const char *end, uint32_t rest, struct side *side) {
    bool grouped = false;
    memset(side, 0, sizeof *side);
    for (const char *at = text; at < end;) {
        if (*at == ' ') {
            at++;
        } else if (strncmp(at, "...", 3) == 0) {
            for (uint32_t i = 0; i < rest; i++)
                if (!add_axis(side, intern_printf(unit->atoms, "...%u", i), grouped))
                    return false;
            at += 3;
        } else if (*at == '(' || *at == ')') {
            if ((*at == '(') == grouped || side->dims >= AXES_MAX)
                return false;
            grouped = *at == '(';
            side->dims += grouped;
            at++;
        } else {
            size_t len = 0;
            while (isalnum((unsigned char)at[len]) || at[len] == '_')
                len++;
            bool one = len == 1 && *at == '1';
            if (len == 0 || side->dims >= AXES_MAX || (isdigit((unsigned char)*at) && !one))
                return false;
            if (one)
                side->dims += !grouped;
            else if (!add_axis(side, intern_len(unit->atoms, at, len), grouped))
                return false;
            at += len;
        }
    }
    return !grouped && side->dims > 0;
}

static uint32_t find_axis(const struct side *side, atom axis) {
    uint32_t i = 0;
    while (i < side->axes && side->axis[i] != axis)
        i++;
    return i;
}

static bool has_all_axes(const struct side *side, const struct side *of) {
    for (uint32_t i = 0; i < of->axes; i++)
        if (find_axis(side, of->axis[i]) == side->axes)
            return false;
    return true;
}

struct rearrangement {
    struct frame *f;
    const struct args *args;
    struct side from, to;
    struct node *x; /* a variable */
    bool repeats;   /* the right side may name others than the left one */
};

static struct node *number(struct rearrangement *r, uint32_t n) {
    return make_number(r->f->unit->arena, intern_printf(r->f->unit->atoms, "%u", n));
}

static struct node *method(struct rearrangement *r, struct node *of, const char *name) {
    return node_make(
        r->f->unit->arena, NODE_CALL, NULL, 1, make_attr(r->f->unit->arena, of, intern(r->f->unit->atoms, name)));
}

static struct node *minus_one(struct rearrangement *r) {
    struct node *n = node_make(r->f->unit->arena, NODE_UNARYOP, NULL, 1, number(r, 1));
    n->op = OP_NEG;
    return n;
}

/* The size of an axis: given by keyword, else that of the dimension which it is alone; NULL: to be inferred. */
static struct node *size_of(struct rearrangement *r, atom axis) {
    struct arena *arena = r->f->unit->arena;
    const struct arg *given = arg_find(r->args, UINT32_MAX, axis);
    if (given)
        return val_expr(r->f, &given->val);
    uint32_t at = 0;
    for (uint32_t dim = 0; dim < r->from.dims; at += r->from.size[dim++])
        if (r->from.size[dim] == 1 && r->from.axis[at] == axis)
            return node_make(arena, NODE_SUBSCRIPT, NULL, 2,
                make_attr(arena, node_copy(arena, r->x), intern(r->f->unit->atoms, "shape")), number(r, dim));
    return NULL;
}

/* The axes that the left side groups, each a dimension of its own. */
static struct node *take_apart(struct rearrangement *r, struct node *x) {
    bool grouped = false, inferred = false;
    struct node *call = method(r, x, "reshape");
    for (uint32_t dim = 0; dim < r->from.dims; dim++)
        grouped |= r->from.size[dim] != 1;
    for (uint32_t i = 0; i < r->from.axes && grouped; i++) {
        struct node *size = size_of(r, r->from.axis[i]);
        if (size == NULL && inferred)
            return NULL;
        inferred |= size == NULL;
        node_add(r->f->unit->arena, call, size ? size : minus_one(r));
    }
    return grouped ? call : x;
}

static struct node *put_in_order(struct rearrangement *r, struct node *x) {
    uint32_t moved[2] = {0, 0}, count = 0, i = 0;
    struct node *permute = method(r, x, "permute");
    for (uint32_t k = 0; k < r->to.axes; k++) {
        uint32_t at = find_axis(&r->from, r->to.axis[k]);
        if (at == r->from.axes)
            continue;
        node_add(r->f->unit->arena, permute, number(r, at));
        if (at != i && count++ < 2)
            moved[count - 1] = i;
        i++;
    }
    if (count == 0)
        return x;
    if (count > 2)
        return permute;
    struct node *transpose = method(r, x, "transpose");
    node_add(r->f->unit->arena, transpose, number(r, moved[0]));
    node_add(r->f->unit->arena, transpose, number(r, moved[1]));
    return transpose;
}

/* The axes that only the right side names, each of the size that is given for it. */
static struct node *add_new(struct rearrangement *r, struct node *x) {
    struct node *expand = node_make(r->f->unit->arena, NODE_CALL, NULL, 1, x);
    for (uint32_t i = 0; i < r->to.axes; i++) {
        bool known = find_axis(&r->from, r->to.axis[i]) < r->from.axes;
        const struct arg *size = known ? NULL : arg_find(r->args, UINT32_MAX, r->to.axis[i]);
        if (!known && size == NULL)
            return NULL;
        node_add(r->f->unit->arena, expand, known ? minus_one(r) : val_expr(r->f, &size->val));
        if (!known)
            node_add(r->f->unit->arena, x = method(r, x, "unsqueeze"), number(r, i));
    }
    if (r->to.axes == r->from.axes)
        return x;
    expand->kid[0] = make_attr(r->f->unit->arena, x, intern(r->f->unit->atoms, "expand"));
    return expand;
}

/* The axes that the right side groups, from the last group on so that the others keep their places. */
static struct node *put_together(struct rearrangement *r, struct node *x) {
    uint32_t at = r->to.axes;
    for (uint32_t dim = r->to.dims; dim-- > 0;) {
        at -= r->to.size[dim];
        if (r->to.size[dim] == 1)
            continue;
        bool none = r->to.size[dim] == 0;
        x = method(r, x, none ? "unsqueeze" : "flatten");
        node_add(r->f->unit->arena, x, number(r, at));
        if (!none)
            node_add(r->f->unit->arena, x, number(r, at + r->to.size[dim] - 1));
    }
    return x;
}

/* How many dimensions a pattern of a tensor leaves to `...`. */
static bool read_pattern(struct frame *f, const struct args *args, uint32_t rank, struct rearrangement *r) {
    const struct arg *pattern = arg_find(args, 1, "pattern");
    const struct absval *a = pattern ? pattern->val.abs : NULL;
    if (a == NULL || a->kind != ABS_CONST || a->constant->kind != NODE_STRING || args->open)
        return false;
    const char *text = string_value(f->unit->atoms, a->constant), *arrow = strstr(text, "->");
    if (arrow == NULL || !read_side(f->unit, text, arrow, 0, &r->from))
        return false;
    uint32_t rest = strstr(text, "...") && rank > r->from.dims ? rank - r->from.dims : 0;
    if (strstr(text, "...") && rank_known(rank) == 0)
        return false;
    return read_side(f->unit, text, arrow, rest, &r->from) && (rank == 0 || rank == r->from.dims) &&
           read_side(f->unit, arrow + 2, text + strlen(text), rest, &r->to) && has_all_axes(&r->to, &r->from) &&
           (r->repeats || r->to.axes == r->from.axes);
}

bool rearrange(struct frame *f, bool repeats, const struct args *args, struct node *at, struct val *result) {
    struct rearrangement r = {.f = f, .args = args, .repeats = repeats};
    const struct arg *x = arg_find(args, 0, "tensor");
    if (x == NULL || f->pure || (x->val.abs->kind != ABS_TENSOR && x->val.abs->kind != ABS_TOP) ||
        !read_pattern(f, args, x->val.abs->rank, &r))
        return false;
    struct val tensor = x->val;
    tensor.abs = abs_tensor(f->unit, r.from.dims);
    if (!expr_is_trivial(tensor.expr)) {
        struct web *w = web_new(f, WEB_ASSIGN, intern(f->unit->atoms, "tensor"), tensor.abs);
        w->temporary = true;
        w->expr = tensor.expr;
        w->stmt =
            emit(f, node_make(f->unit->arena, NODE_ASSIGN, NULL, 2, w->expr, make_web_name(f->unit->arena, w)), at);
        tensor = (struct val){.abs = w->abs, .web = w};
    }
    r.x = val_expr(f, &tensor);
    struct node *made = take_apart(&r, node_copy(f->unit->arena, r.x));
    if (made)
        made = add_new(&r, put_in_order(&r, made));
    if (made == NULL)
        return false;
    made = at_node(f, put_together(&r, made), at);
    made->abs = abs_tensor(f->unit, r.to.dims);
    *result = val_make(made->abs, made);
    return true;
}
