/* by_row.c - what treats every row of a tensor alike.
 *
 * The dimension of the rows is followed by its place counted from the end: what an elementwise function does keeps it,
 * what sums over the last dimension may do so as long as that is not the one of the rows. Every function that may stand
 * on the way is listed here, so that what is not known is not taken for harmless. */
#include "rewrite/by_row.h"

#include "base/text.h"
#include "rewrite/expert_loop.h"
#include "rewrite/library.h"
#include "rewrite/rules.h"
#include "rewrite/swap.h"

enum { DEEP = 8, TERMS = 4096 };

/* Where the rows are, counted from the end, and what is no place. */
enum { NOT_BY_ROW = -1, WITHOUT_ROWS = 0, LAST = 1 };

struct walk {
    struct unit *unit;
    struct values *values;
    const struct cls *cls;
    const struct value *self, *x;
    const struct value *id; /* a number that all rows have in common; NULL: there is none */
    int depth;
    uint32_t terms; /* looked at, of so many at most: a value is a graph, which is walked as a tree */
};

static bool class_is_by_row(struct unit *unit, struct cls *cls, int depth);
static int rows_of(struct walk *w, const struct value *v);

/* -- calls --------------------------------------------------------------------------------------------------------- */

static bool is_absent(const struct value *v) {
    return value_is_const(v, OP_NONE);
}

/* Of several that broadcast: those with rows must have them in the same place. */
static int rows_of_all(struct walk *w, const struct value *const *arg, uint32_t count) {
    int all = WITHOUT_ROWS;
    for (uint32_t i = 0; i < count; i++) {
        int rows = rows_of(w, arg[i]);
        if (rows == NOT_BY_ROW || (rows && all && rows != all))
            return NOT_BY_ROW;
        all = rows ? rows : all;
    }
    return all;
}

static int without_last(int rows, bool kept) {
    return rows <= LAST ? NOT_BY_ROW : kept ? rows : rows - 1;
}

/* f(input, dim, ...) along the last dimension; `keepdim` is the argument that says whether it stays, 0 if it does. */
static int rows_along_last(struct walk *w, const struct value *v, uint32_t dim, uint32_t keepdim) {
    bool kept = keepdim == 0 || value_is_const(v->arg[keepdim], OP_TRUE);
    if (!value_is_int(v->arg[dim], -1) || rows_of_all(w, v->arg + 1, v->count - 1) != WITHOUT_ROWS)
        return NOT_BY_ROW;
    return without_last(rows_of(w, v->arg[0]), kept);
}

/* A tensor of two dimensions or more: as is known, or an item of a parameter of three. */
static bool has_columns(struct walk *w, const struct value *v) {
    const struct value *of = v->kind == VALUE_INDEX ? v->arg[0] : NULL;
    bool own = of && of->kind == VALUE_ATTR && of->arg[0] == w->self;
    const struct attr *attr = own ? kept_in(w->cls, of->atom) : NULL;
    struct node *size[3];
    return rank_known(v->rank) >= 2 || (attr && parameter_sizes(w->unit, attr->expr, size, 3));
}

/* a @ b, and linear(a, b, bias): b must be a matrix, or nothing is known of where the rows of the result are. */
static int rows_of_product(struct walk *w, const struct value *v) {
    bool fixed = rows_of_all(w, v->arg + 1, v->count - 1) == WITHOUT_ROWS;
    bool matrix = has_columns(w, v->arg[1]) || value_is_call(v, "torch.nn.functional.linear");
    return fixed && matrix ? without_last(rows_of(w, v->arg[0]), true) : NOT_BY_ROW;
}

/* cat((a, b), dim): all must have rows, and the same ones. */
static int rows_of_joined(struct walk *w, const struct value *parts, const struct value *dim) {
    if ((parts->kind != VALUE_LIST && parts->kind != VALUE_TUPLE) || !value_is_int(dim, -1))
        return NOT_BY_ROW;
    for (uint32_t i = 0; i < parts->count; i++)
        if (rows_of(w, parts->arg[i]) == WITHOUT_ROWS)
            return NOT_BY_ROW;
    return without_last(rows_of_all(w, parts->arg, parts->count), true);
}

static int rows_of_call(struct walk *w, const struct value *v) {
    static const char elementwise[] =
        "torch.Tensor.to torch.Tensor.float torch.Tensor.half torch.Tensor.bfloat16 torch.Tensor.double "
        "torch.Tensor.type_as torch.Tensor.contiguous torch.clone torch.Tensor.detach torch.mul torch.add torch.sub "
        "torch.div torch.neg torch.pow torch.square torch.sqrt torch.rsqrt torch.reciprocal torch.exp torch.tanh "
        "torch.sigmoid torch.cos torch.sin torch.clamp torch.nn.functional.silu torch.where torch.masked_fill "
        "torch.nn.functional.gelu torch.nn.functional.relu torch.nn.functional.softplus torch.nn.functional.mish "
        "torch.nn.functional.elu torch.nn.functional.leaky_relu torch.nn.functional.relu6 torch.relu torch.abs "
        "torch.log torch.log1p torch.expm1 torch.erf torch.maximum torch.minimum torch.sign";
    static const char along_last[] = "torch.nn.functional.rms_norm torch.nn.functional.layer_norm "
                                     "torch.ops.auto_deploy.torch_rmsnorm torch.ops.auto_deploy.torch_l2norm";
    if (word_in(v->atom, elementwise))
        return rows_of_all(w, v->arg, v->count);
    if (value_is_call(v, "torch.nn.functional.linear") || value_is_call(v, "torch.matmul"))
        return rows_of_product(w, v);
    if (value_is_call(v, "torch.mean") || value_is_call(v, "torch.sum") || value_is_call(v, "torch.amax"))
        return rows_along_last(w, v, 1, 2);
    if (value_is_call(v, "torch.softmax") || value_is_call(v, "adgen.slice"))
        return rows_along_last(w, v, 1, 0);
    if (value_is_call(v, "torch.chunk") || value_is_call(v, "torch.split"))
        return rows_along_last(w, v, 2, 0);
    if (word_in(v->atom, along_last) && v->count && rows_of_all(w, v->arg + 1, v->count - 1) == WITHOUT_ROWS)
        return without_last(rows_of(w, v->arg[0]), true);
    if (value_is_call(v, "torch.cat"))
        return rows_of_joined(w, v->arg[0], v->arg[1]);
    return NOT_BY_ROW;
}

/* -- modules ------------------------------------------------------------------------------------------------------- */

/* Where the rows are of what a layer of the library makes. */
static int rows_of_layer(const struct absval *layer, int rows) {
    static const char elementwise[] = "SiLU GELU ReLU ReLU6 Sigmoid Tanh Identity Softplus Mish ELU LeakyReLU";
    static const char along_last[] = "Linear LayerNorm RMSNorm";
    const char *dot = layer->kind == ABS_OBJECT ? strrchr(layer->qual, '.') : NULL;
    if (dot == NULL || !starts_with(layer->qual, "torch.nn."))
        return NOT_BY_ROW;
    return word_in(dot + 1, elementwise) ? rows : word_in(dot + 1, along_last) ? without_last(rows, true) : NOT_BY_ROW;
}

/* self.attribute(v) */
static int rows_of_module(struct walk *w, const struct value *v) {
    const struct value *callee = v->arg[0];
    bool own = v->count == 2 && callee->kind == VALUE_ATTR && callee->arg[0] == w->self;
    const struct attr *attr = own ? kept_in(w->cls, callee->atom) : NULL;
    int rows = attr ? rows_of(w, v->arg[1]) : NOT_BY_ROW;
    if (rows == NOT_BY_ROW || rows == WITHOUT_ROWS)
        return NOT_BY_ROW;
    if (activation_name(attr)) /* all that the library has by name are elementwise */
        return rows;
    if (attr->abs->kind == ABS_INSTANCE)
        return rows == 2 && class_is_by_row(w->unit, attr->abs->cls, w->depth + 1) ? rows : NOT_BY_ROW;
    return rows_of_layer(attr->abs, rows);
}

/* -- values -------------------------------------------------------------------------------------------------------- */

static int rows_of_op(struct walk *w, const struct value *v) {
    switch (v->op) {
    case OP_MATMUL: return rows_of_product(w, v);
    case OP_ADD:
    case OP_SUB:
    case OP_MUL:
    case OP_DIV:
    case OP_FLOORDIV:
    case OP_POW:
    case OP_NEG:
    case OP_EQ:
    case OP_NE:
    case OP_LT:
    case OP_LE:
    case OP_GT:
    case OP_GE: return rows_of_all(w, v->arg, v->count);
    default: return NOT_BY_ROW;
    }
}

/* x.dtype, and a size of x that is not the number of rows, are the same for any selection of rows. */
static bool is_of_no_row(struct walk *w, const struct value *v) {
    if (v->kind == VALUE_ATTR && (atom_is(v->atom, "dtype") || atom_is(v->atom, "device")))
        return rows_of(w, v->arg[0]) != NOT_BY_ROW;
    const struct value *shape = v->kind == VALUE_INDEX && v->arg[1]->kind == VALUE_NUMBER ? v->arg[0] : NULL;
    if (shape == NULL || shape->kind != VALUE_ATTR || !atom_is(shape->atom, "shape"))
        return false;
    return v->arg[1]->number < 0 && -v->arg[1]->number < rows_of(w, shape->arg[0]);
}

/* One of several results, or an item of what has no rows. */
static int rows_of_element(struct walk *w, const struct value *v) {
    bool several = value_is_call(v->arg[0], "torch.chunk") || value_is_call(v->arg[0], "torch.split");
    if (several && v->arg[1]->kind == VALUE_NUMBER)
        return rows_of(w, v->arg[0]);
    return rows_of_all(w, v->arg, 2) == WITHOUT_ROWS ? WITHOUT_ROWS : NOT_BY_ROW;
}

static int rows_of(struct walk *w, const struct value *v) {
    if (w->terms++ > TERMS)
        return NOT_BY_ROW;
    if (v == w->x)
        return 2;
    if (v->fixed || v == w->id || is_absent(v) || is_of_no_row(w, v))
        return WITHOUT_ROWS;
    switch (v->kind) {
    case VALUE_CALL: return rows_of_call(w, v);
    case VALUE_APPLY: return rows_of_module(w, v);
    case VALUE_OP: return rows_of_op(w, v);
    case VALUE_INDEX: return rows_of_element(w, v);
    case VALUE_IFEXP:
        return rows_of(w, v->arg[0]) == WITHOUT_ROWS && rows_of(w, v->arg[1]) == rows_of(w, v->arg[2])
                   ? rows_of(w, v->arg[1])
                   : NOT_BY_ROW;
    default: return NOT_BY_ROW;
    }
}

/* Whether a statement gives names to values, and does nothing else. */
static bool only_names(const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        bool names = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind != NODE_ATTRIBUTE &&
                     s->kid[1]->kind != NODE_SUBSCRIPT;
        bool chooses = s->kind == NODE_IF && only_names(s->kid[1]) && (s->kid[2] == NULL || only_names(s->kid[2]));
        bool returns = s->kind == NODE_RETURN && i + 1 == block->nkids;
        if (!names && !chooses && !returns)
            return false;
    }
    return true;
}

static bool class_is_by_row(struct unit *unit, struct cls *cls, int depth) {
    struct fn *forward = class_method(cls, "forward");
    const struct node *result = forward && forward->body && depth < DEEP ? only_return(forward) : NULL;
    if (result == NULL || result->kid[0] == NULL || forward->params.len != 2 || !only_names(forward->body) ||
        cls->dynamic)
        return false;
    struct walk w = {.unit = unit,
        .values = values_create(unit->arena, unit->atoms, unit->rules->library),
        .cls = cls,
        .depth = depth};
    w.self = value_of_web(w.values, forward->params.at[0]->web);
    w.x = value_of_web(w.values, forward->params.at[1]->web);
    return rows_of(&w, value_of(w.values, result->kid[0])) == 2;
}

bool module_is_by_row(struct unit *unit, struct cls *cls) {
    return class_is_by_row(unit, cls, 0);
}

bool value_is_by_row(struct unit *unit, struct values *values, const struct cls *cls, const struct value *self,
    const struct value *rows, const struct value *id, const struct value *v) {
    struct walk w = {.unit = unit, .values = values, .cls = cls, .self = self, .x = rows, .id = id};
    return rows_of(&w, v) == 2;
}
