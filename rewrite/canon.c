/* canon.c - the canonical form of a value, made bottom-up: every constructor gets canonical arguments.
 *
 * In order: facts of the language and of tensor shapes that need arithmetic (dimensions counted from the end, slices of
 * tuples, constants) are code; everything that is an equation between two expressions is data (spellings.yaml). */
#include "rewrite/library.h"

enum { ELEMENTS_MAX = 64 };

static const struct library *lib(struct values *values) {
    return values_library(values);
}

static struct value *draft_of(
    struct value *draft, enum value_kind kind, enum op op, const char *name, const struct value **arg, uint32_t count) {
    *draft = (struct value){.kind = (uint8_t)kind, .op = (uint8_t)op, .atom = name, .arg = arg, .count = count};
    return draft;
}

/* -- ranks --------------------------------------------------------------------------------------------------------- */

static bool is_attr(const struct value *v, atom attr) {
    return v->kind == VALUE_ATTR && v->atom == attr;
}

static bool no_stars(const struct value *v) {
    for (uint32_t i = 0; i < v->count; i++)
        if (v->arg[i]->kind == VALUE_STAR)
            return false;
    return true;
}

/* The largest rank of the operands where all are known, numbers aside; 0 otherwise. */
static uint32_t wide_rank(const struct value *v) {
    uint32_t rank = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *a = v->arg[i];
        if (a->rank > rank)
            rank = a->rank;
        else if (a->rank == 0 && !value_is_scalar(a))
            return 0;
    }
    return rank;
}

static uint32_t reduced_rank(const struct function *f, const struct value *v) {
    uint32_t rank = v->arg[0]->rank;
    bool dim = false;
    for (uint32_t i = 1; i < v->count; i++) {
        if (atom_is(f->param[i].name, "keepdim") && value_is_const(v->arg[i], OP_TRUE))
            return rank;
        dim = dim || (f->param[i].is_dim && v->arg[i]->kind == VALUE_NUMBER);
    }
    return dim && rank > 1 ? rank - 1 : 0;
}

static uint32_t call_rank(const struct function *f, const struct value *v) {
    uint32_t rank = v->count > 0 ? v->arg[0]->rank : 0;
    switch (f->rank) {
    case RANK_SAME: return rank;
    case RANK_MORE: return rank > 0 ? rank + 1 : 0;
    case RANK_FEWER: return rank > 1 ? rank - 1 : 0;
    case RANK_REDUCE: return reduced_rank(f, v);
    case RANK_SHAPE:
        for (uint32_t i = 0; i < v->count; i++)
            if (f->param[i].is_star)
                return v->arg[i]->kind == VALUE_TUPLE && no_stars(v->arg[i]) ? v->arg[i]->count : 0;
        return 0;
    case RANK_WIDE: return wide_rank(v);
    case RANK_THREE: return 3;
    case RANK_UNKNOWN:
    case RANK_EACH: break;
    }
    return 0;
}

/* An element of what split or chunk returned, or of a tensor. */
static uint32_t element_rank(struct values *values, const struct value *v) {
    const struct value *of = v->arg[0];
    if (v->arg[1]->kind != VALUE_NUMBER)
        return 0;
    const struct function *f = of->kind == VALUE_CALL ? library_function(lib(values), of->atom) : NULL;
    if (f != NULL && f->rank == RANK_EACH)
        return of->arg[0]->rank;
    return of->rank > 1 ? of->rank - 1 : 0;
}

/* The letters after the arrow of "ij,jk->ik"; 0 where they do not say. */
static uint32_t einsum_rank(const struct value *equation) {
    const char *arrow = equation->kind == VALUE_STRING ? strstr(equation->atom, "->") : NULL;
    return arrow != NULL && strchr(arrow, '.') == NULL ? (uint32_t)strlen(arrow + 2) : 0;
}

static uint32_t derived_rank(struct values *values, const struct value *v) {
    if (v->kind == VALUE_CALL) {
        const struct function *f = library_function(lib(values), v->atom);
        if (f != NULL && f->special == SPECIAL_CAT && v->arg[0]->kind == VALUE_TUPLE && v->arg[0]->count > 0)
            return v->arg[0]->arg[0]->rank;
        if (f != NULL && f->special == SPECIAL_STACK && v->arg[0]->kind == VALUE_TUPLE && v->arg[0]->count > 0)
            return v->arg[0]->arg[0]->rank > 0 ? v->arg[0]->arg[0]->rank + 1 : 0;
        if (f != NULL && f->special == SPECIAL_EINSUM && v->count > 0)
            return einsum_rank(v->arg[0]);
        return f != NULL ? call_rank(f, v) : 0;
    }
    if (v->kind == VALUE_OP && v->op != OP_NOT && v->op != OP_AND && v->op != OP_OR)
        return wide_rank(v);
    if (v->kind == VALUE_IFEXP)
        return v->arg[1]->rank == v->arg[2]->rank ? v->arg[1]->rank : 0;
    return v->kind == VALUE_INDEX ? element_rank(values, v) : 0;
}

static const struct value *finish(struct values *values, struct value *draft) {
    draft->heads = value_heads(draft);
    const struct value *better = library_respell(lib(values), values, draft);
    if (better != NULL)
        return better;
    struct value *v = value_intern(values, draft);
    if (v->rank == 0)
        v->rank = derived_rank(values, v);
    return v;
}

/* -- leaves -------------------------------------------------------------------------------------------------------- */

const struct value *value_number(struct values *values, double number) {
    struct value draft = {.kind = VALUE_NUMBER, .number = number};
    return value_intern(values, &draft);
}

const struct value *value_const(struct values *values, enum op constant) {
    struct value draft = {.kind = VALUE_CONST, .op = (uint8_t)constant};
    return value_intern(values, &draft);
}

const struct value *value_name(struct values *values, atom dotted) {
    struct value draft = {.kind = VALUE_NAME, .atom = dotted};
    return finish(values, &draft);
}

const struct value *value_ref(struct values *values, enum value_kind kind, const void *ref) {
    struct value draft = {.kind = (uint8_t)kind, .ref = ref};
    return value_intern(values, &draft);
}

const struct value *value_meta(struct values *values, const void *owner, atom name, uint32_t index, uint32_t rank) {
    struct value draft = {.kind = VALUE_META, .op = (uint8_t)index, .atom = name, .ref = owner};
    struct value *v = value_intern(values, &draft);
    v->rank = rank;
    return v;
}

/* -- tuples, indices ----------------------------------------------------------------------------------------------- */

static bool is_sequence(const struct value *v) {
    return v->kind == VALUE_TUPLE || v->kind == VALUE_LIST;
}

/* Replace *x by the elements of x where they are known. */
static const struct value *make_sequence(
    struct values *values, enum value_kind kind, const struct value **arg, uint32_t count) {
    const struct value *flat[ELEMENTS_MAX];
    uint32_t len = 0;
    struct value draft;
    for (uint32_t i = 0; i < count; i++) {
        const struct value *star = arg[i]->kind == VALUE_STAR && is_sequence(arg[i]->arg[0]) ? arg[i]->arg[0] : NULL;
        uint32_t more = star != NULL ? star->count : 1;
        if (len + more > ELEMENTS_MAX)
            return value_intern(values, draft_of(&draft, kind, OP_NO, NULL, arg, count));
        memcpy(&flat[len], star != NULL ? star->arg : &arg[i], more * sizeof *flat);
        len += more;
    }
    return finish(values, draft_of(&draft, kind, OP_NO, NULL, flat, len));
}

/* A bound of a slice of a sequence of `count` elements; false where it is not a constant. */
static bool known_bound(const struct value *bound, int64_t count, int64_t absent, int64_t *out) {
    if (value_is_const(bound, OP_NONE)) {
        *out = absent;
        return true;
    }
    if (bound->kind != VALUE_NUMBER)
        return false;
    int64_t at = (int64_t)bound->number;
    at = at < 0 ? at + count : at;
    *out = at < 0 ? 0 : at > count ? count : at;
    return true;
}

static const struct value *shape_element(struct values *values, const struct value *shape, int64_t i) {
    const struct value *arg[2] = {shape, value_number(values, (double)i)};
    struct value draft;
    return finish(values, draft_of(&draft, VALUE_INDEX, OP_NO, NULL, arg, 2));
}

/* x.shape[a:b] and (p, q, r)[a:b] as a tuple, or NULL. */
static const struct value *slice_sequence(
    struct values *values, const struct value *of, const struct value *slice, uint32_t count) {
    int64_t from, to;
    if (!value_is_const(slice->arg[2], OP_NONE) || !known_bound(slice->arg[0], count, 0, &from) ||
        !known_bound(slice->arg[1], count, count, &to) || count > ELEMENTS_MAX)
        return NULL;
    const struct value *element[ELEMENTS_MAX];
    uint32_t len = 0;
    for (int64_t i = from; i < to; i++)
        element[len++] = is_sequence(of) ? of->arg[i] : shape_element(values, of, i - (int64_t)count);
    return value_make(values, VALUE_TUPLE, OP_NO, NULL, element, len);
}

const struct value *value_index(struct values *values, const struct value *of, const struct value *index) {
    bool shape = is_attr(of, lib(values)->shape);
    if (index->kind == VALUE_NUMBER && is_sequence(of) && no_stars(of)) {
        int64_t at = (int64_t)index->number;
        at = at < 0 ? at + of->count : at;
        if (at >= 0 && at < of->count)
            return of->arg[at];
    }
    if (index->kind == VALUE_NUMBER && of->kind == VALUE_IFEXP && is_sequence(of->arg[1]) && is_sequence(of->arg[2])) {
        const struct value *arm[3] = {
            of->arg[0], value_index(values, of->arg[1], index), value_index(values, of->arg[2], index)};
        return value_make(values, VALUE_IFEXP, OP_NO, NULL, arm, 3);
    }
    if (shape && index->kind == VALUE_NUMBER && index->number >= 0 && of->arg[0]->rank > 0)
        return shape_element(values, of, (int64_t)index->number - of->arg[0]->rank);
    if (index->kind == VALUE_SLICE && (is_sequence(of) || (shape && of->arg[0]->rank > 0)) && no_stars(of)) {
        const struct value *tuple = slice_sequence(values, of, index, is_sequence(of) ? of->count : of->arg[0]->rank);
        if (tuple != NULL)
            return tuple;
    }
    const struct value *arg[2] = {of, index};
    struct value draft;
    return finish(values, draft_of(&draft, VALUE_INDEX, OP_NO, NULL, arg, 2));
}

/* -- subscripts of tensors ----------------------------------------------------------------------------------------- */

enum { INDICES_MAX = 8 };

struct indices {
    const struct value *at[INDICES_MAX];
    int dim[INDICES_MAX]; /* of the tensor that is indexed; from the end if after an ellipsis or the rank is known */
    uint32_t count, ellipsis;
};

static bool basic_index(const struct value *v) {
    return v->kind == VALUE_SLICE || v->kind == VALUE_NUMBER || value_is_const(v, OP_NONE) ||
           value_is_const(v, OP_ELLIPSIS);
}

static bool read_indices(struct indices *out, const struct value *index, uint32_t rank) {
    const struct value **at = index->kind == VALUE_TUPLE ? index->arg : &index;
    out->count = out->ellipsis = index->kind == VALUE_TUPLE ? index->count : 1;
    if (out->count > INDICES_MAX)
        return false;
    int dim = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        if (!basic_index(at[i]))
            return false;
        out->at[i] = at[i];
        if (value_is_const(at[i], OP_ELLIPSIS))
            out->ellipsis = i;
        out->dim[i] = value_is_const(at[i], OP_NONE) ? 0 : rank > 0 ? dim++ - (int)rank : dim++;
    }
    dim = 0;
    for (uint32_t i = out->count; i-- > out->ellipsis + 1;)
        if (!value_is_const(at[i], OP_NONE))
            out->dim[i] = --dim;
    return true;
}

static const struct value *call_special(
    struct values *values, enum special special, const struct value **arg, uint32_t count) {
    return value_call(values, lib(values)->special[special]->name, arg, count);
}

static const struct value *apply_slices(struct values *values, const struct value *x, const struct indices *in) {
    for (uint32_t i = 0; i < in->count; i++) {
        const struct value *s = in->at[i];
        if (s->kind != VALUE_SLICE)
            continue;
        const struct value *arg[5] = {x, value_number(values, in->dim[i]), s->arg[0], s->arg[1], s->arg[2]};
        x = call_special(values, SPECIAL_SLICE, arg, 5);
    }
    return x;
}

/* Removing a dimension moves those counted from the front that follow it, and those counted from the end that precede
 * it: so the former are taken from right to left, the latter from left to right. */
static const struct value *apply_selects(struct values *values, const struct value *x, const struct indices *in) {
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t n = 0; n < in->count; n++) {
            uint32_t i = pass == 0 ? in->count - 1 - n : n;
            if (in->at[i]->kind != VALUE_NUMBER || (in->dim[i] < 0) != (pass == 1))
                continue;
            const struct value *arg[3] = {x, value_number(values, in->dim[i]), in->at[i]};
            x = call_special(values, SPECIAL_SELECT, arg, 3);
        }
    }
    return x;
}

static const struct value *apply_nones(struct values *values, const struct value *x, const struct indices *in) {
    int position = 0;
    for (uint32_t i = 0; i < in->ellipsis; i++) {
        if (value_is_const(in->at[i], OP_NONE)) {
            const struct value *arg[2] = {x, value_number(values, position)};
            x = call_special(values, SPECIAL_UNSQUEEZE, arg, 2);
        }
        position += in->at[i]->kind != VALUE_NUMBER;
    }
    position = -1;
    for (uint32_t i = in->count; i-- > in->ellipsis + 1;) {
        if (value_is_const(in->at[i], OP_NONE)) {
            const struct value *arg[2] = {x, value_number(values, position)};
            x = call_special(values, SPECIAL_UNSQUEEZE, arg, 2);
        }
        position -= in->at[i]->kind != VALUE_NUMBER;
    }
    return x;
}

static bool is_tensor_like(const struct value *v) {
    return v->rank > 0 || v->kind == VALUE_META || v->kind == VALUE_CALL || v->kind == VALUE_OP ||
           (v->abs != NULL && v->abs->kind == ABS_TENSOR);
}

const struct value *value_subscript(struct values *values, const struct value *of, const struct value *index) {
    bool several = index->kind == VALUE_TUPLE || value_is_const(index, OP_NONE) || value_is_const(index, OP_ELLIPSIS);
    struct indices in;
    if (is_sequence(of) || is_attr(of, lib(values)->shape) ||
        !(several || (index->kind == VALUE_SLICE && is_tensor_like(of))) || !read_indices(&in, index, of->rank))
        return value_index(values, of, index);
    return apply_nones(values, apply_selects(values, apply_slices(values, of, &in), &in), &in);
}

/* -- attributes ---------------------------------------------------------------------------------------------------- */

/* What a view, a part or another order of a tensor is of; NULL for any other value. */
static const struct value *viewed(struct values *values, const struct value *v) {
    const struct function *f = v->kind == VALUE_CALL && v->count > 0 ? library_function(lib(values), v->atom) : NULL;
    switch (f != NULL ? f->special : SPECIAL_NONE) {
    case SPECIAL_RESHAPE:
    case SPECIAL_PERMUTE:
    case SPECIAL_TRANSPOSE:
    case SPECIAL_UNSQUEEZE:
    case SPECIAL_SLICE:
    case SPECIAL_SELECT:
    case SPECIAL_FLATTEN:
    case SPECIAL_EXPAND: return v->arg[0];
    default: return NULL;
    }
}

const struct value *value_attr(struct values *values, const struct value *of, atom attr) {
    if (attr == lib(values)->dtype || attr == lib(values)->device)
        for (const struct value *whole; (whole = viewed(values, of)) != NULL;)
            of = whole;
    const struct value *cast = value_cast_of(of);
    if (cast != NULL && attr == lib(values)->dtype && of->arg[1]->kind != VALUE_CONST)
        return of->arg[1];
    if (cast != NULL && (attr == lib(values)->shape || attr == lib(values)->device))
        return value_attr(values, cast, attr);
    if (of->kind == VALUE_NAME)
        return value_name(values, intern_dotted(values_atoms(values), of->atom, attr));
    const struct value *arg[1] = {of};
    struct value draft;
    return finish(values, draft_of(&draft, VALUE_ATTR, OP_NO, attr, arg, 1));
}

/* -- operators ----------------------------------------------------------------------------------------------------- */

static bool fold(enum op op, double a, double b, double *out) {
    switch (op) {
    case OP_ADD: *out = a + b; return true;
    case OP_SUB: *out = a - b; return true;
    case OP_MUL: *out = a * b; return true;
    case OP_DIV: *out = a / b; return b != 0;
    default: return false;
    }
}

/* (a, b) + (c,) and shape + (c,) are one tuple. */
static const struct value *concatenated(struct values *values, const struct value *a, const struct value *b) {
    if (a->kind != VALUE_TUPLE && b->kind != VALUE_TUPLE)
        return NULL;
    struct value draft;
    const struct value *star[2] = {value_intern(values, draft_of(&draft, VALUE_STAR, OP_NO, NULL, &a, 1)), NULL};
    star[1] = value_intern(values, draft_of(&draft, VALUE_STAR, OP_NO, NULL, &b, 1));
    return make_sequence(values, VALUE_TUPLE, star, 2);
}

const struct value *value_op(struct values *values, enum op op, const struct value **arg, uint32_t count) {
    double number;
    if (count == 1 && op == OP_POS)
        return arg[0];
    if (count == 1 && op == OP_NEG && arg[0]->kind == VALUE_NUMBER)
        return value_number(values, -arg[0]->number);
    if (count == 2 && arg[0]->kind == VALUE_NUMBER && arg[1]->kind == VALUE_NUMBER &&
        fold(op, arg[0]->number, arg[1]->number, &number))
        return value_number(values, number);
    const struct value *tuple = count == 2 && op == OP_ADD ? concatenated(values, arg[0], arg[1]) : NULL;
    if (tuple != NULL)
        return tuple;
    struct value draft;
    return finish(values, draft_of(&draft, VALUE_OP, op, NULL, arg, count));
}

/* -- calls --------------------------------------------------------------------------------------------------------- */

/* A dimension counted from the end; `extra` is 1 for the dimensions of a result with one more. */
static const struct value *negative_dim(struct values *values, const struct value *dim, uint32_t rank) {
    if (dim->kind == VALUE_NUMBER && dim->number >= 0 && rank > 0)
        return value_number(values, dim->number - rank);
    if (!is_sequence(dim))
        return dim;
    if (dim->count == 1)
        return negative_dim(values, dim->arg[0], rank);
    if (dim->count > INDICES_MAX)
        return dim;
    const struct value *all[INDICES_MAX];
    for (uint32_t i = 0; i < dim->count; i++)
        all[i] = negative_dim(values, dim->arg[i], rank);
    return value_make(values, VALUE_TUPLE, OP_NO, NULL, all, dim->count);
}

static const struct value *as_tuple(struct values *values, const struct value *v) {
    return v->kind == VALUE_LIST ? value_make(values, VALUE_TUPLE, OP_NO, NULL, v->arg, v->count) : v;
}

static uint32_t rank_for_dims(const struct function *f, const struct value **arg) {
    if (f->special == SPECIAL_CAT || f->special == SPECIAL_STACK) {
        bool known = arg[0]->kind == VALUE_TUPLE && arg[0]->count > 0 && arg[0]->arg[0]->rank > 0;
        return known ? arg[0]->arg[0]->rank + (f->special == SPECIAL_STACK) : 0;
    }
    return arg[0]->rank > 0 ? arg[0]->rank + (f->special == SPECIAL_UNSQUEEZE) : 0;
}

/* transpose(a, b) with a before b; transposing twice is nothing. */
static const struct value *transposed(struct values *values, const struct value **arg) {
    if (arg[1]->kind != VALUE_NUMBER || arg[2]->kind != VALUE_NUMBER)
        return NULL;
    if (arg[1]->number == arg[2]->number)
        return arg[0];
    if (arg[1]->number > arg[2]->number) {
        const struct value *swap = arg[1];
        arg[1] = arg[2], arg[2] = swap;
    }
    const struct value *x = arg[0];
    if (x->kind == VALUE_CALL && x->atom == lib(values)->special[SPECIAL_TRANSPOSE]->name && x->arg[1] == arg[1] &&
        x->arg[2] == arg[2])
        return x->arg[0];
    return NULL;
}

/* permute as a transpose where it only swaps two dimensions; it tells the rank too. */
static const struct value *permuted(struct values *values, const struct value **arg) {
    const struct value *dims = arg[1];
    if (dims->kind != VALUE_TUPLE || !no_stars(dims))
        return NULL;
    value_note_rank(arg[0], dims->count);
    arg[1] = dims = negative_dim(values, dims, dims->count);
    uint32_t moved[2] = {0, 0}, count = 0;
    for (uint32_t i = 0; i < dims->count; i++) {
        if (dims->arg[i]->kind != VALUE_NUMBER)
            return NULL;
        if (dims->arg[i]->number == (double)i - dims->count)
            continue;
        if (count == 2)
            return NULL;
        moved[count++] = i;
    }
    if (count == 0)
        return arg[0];
    const struct value *swap[3] = {arg[0], value_number(values, (double)moved[0] - dims->count),
        value_number(values, (double)moved[1] - dims->count)};
    return call_special(values, SPECIAL_TRANSPOSE, swap, 3);
}

static const struct value *sliced(struct values *values, const struct value **arg) {
    if (value_is_const(arg[2], OP_NONE))
        arg[2] = value_number(values, 0);
    if (value_is_const(arg[4], OP_NONE))
        arg[4] = value_number(values, 1);
    const struct value *hi = arg[3];
    if (hi->kind == VALUE_INDEX && is_attr(hi->arg[0], lib(values)->shape) && hi->arg[0]->arg[0] == arg[0] &&
        hi->arg[1] == arg[1])
        arg[3] = value_const(values, OP_NONE);
    bool whole = value_is_int(arg[2], 0) && value_is_int(arg[4], 1) && value_is_const(arg[3], OP_NONE);
    return whole ? arg[0] : NULL;
}

/* The tuple that a value was last given as its shape, seen through casts and softmax; or NULL. */
static const struct value *known_shape(struct values *values, const struct value *v) {
    if (v->kind == VALUE_IFEXP) {
        const struct value *shape = known_shape(values, v->arg[1]);
        return shape == known_shape(values, v->arg[2]) ? shape : NULL;
    }
    while (v->kind == VALUE_CALL) {
        const struct function *f = library_function(lib(values), v->atom);
        if (f != NULL && f->special == SPECIAL_RESHAPE)
            return v->arg[1];
        if (f == NULL || (f->special != SPECIAL_TO && f->special != SPECIAL_SOFTMAX))
            return NULL;
        v = v->arg[0];
    }
    return NULL;
}

/* x of (x.shape[0], x.shape[1], ...) with all sizes of x, or NULL. */
static const struct value *whose_shape(struct values *values, const struct value *sizes) {
    const struct value *x = NULL;
    for (uint32_t i = 0; i < sizes->count; i++) {
        const struct value *size = sizes->arg[i];
        bool own = size->kind == VALUE_INDEX && is_attr(size->arg[0], lib(values)->shape) &&
                   value_is_int(size->arg[1], (double)i - sizes->count);
        if (!own || (x != NULL && x != size->arg[0]->arg[0]))
            return NULL;
        x = size->arg[0]->arg[0];
    }
    return x != NULL && x->rank == sizes->count ? x : NULL;
}

/* What a view is a view of, the first of several. */
static const struct value *before_reshapes(struct values *values, const struct value *v) {
    while (v->kind == VALUE_CALL && v->atom == lib(values)->special[SPECIAL_RESHAPE]->name)
        v = v->arg[0];
    return v;
}

/* Of several reshapes only the last counts, and none if the shape is what it was, or was before. */
static const struct value *reshaped(struct values *values, const struct value **arg) {
    arg[0] = before_reshapes(values, arg[0]);
    if (arg[1]->kind != VALUE_TUPLE)
        return NULL;
    const struct value *like = whose_shape(values, arg[1]);
    if (like != NULL && before_reshapes(values, like) == arg[0])
        return like;
    return known_shape(values, arg[0]) == arg[1] ? arg[0] : NULL;
}

/* The letters of an equation are a matter of taste: here they are a, b, c in the order in which they first occur. */
static const struct value *lettered(struct values *values, const struct value *equation) {
    char text[ELEMENTS_MAX], name[26] = {0}, next = 'a';
    uint32_t len = 0;
    if (equation->kind != VALUE_STRING)
        return equation;
    for (const char *at = equation->atom; *at; at++) {
        bool letter = *at >= 'a' && *at <= 'z', other = strchr("->,. ", *at) != NULL;
        if ((!letter && !other) || len + 1 == sizeof text)
            return equation;
        if (letter && name[*at - 'a'] == 0)
            name[*at - 'a'] = next++;
        if (*at != ' ')
            text[len++] = letter ? name[*at - 'a'] : *at;
    }
    struct value draft = {.kind = VALUE_STRING, .atom = intern_len(values_atoms(values), text, len)};
    return value_intern(values, &draft);
}

/* Arguments brought to form in place; a value that replaces the call, or NULL. */
static const struct value *specialise(struct values *values, const struct function *f, const struct value **arg) {
    switch (f->special) {
    case SPECIAL_TO: return arg[1] == value_attr(values, arg[0], lib(values)->dtype) ? arg[0] : NULL;
    case SPECIAL_TRANSPOSE: return transposed(values, arg);
    case SPECIAL_PERMUTE: return permuted(values, arg);
    case SPECIAL_RESHAPE: return reshaped(values, arg);
    case SPECIAL_SLICE: return sliced(values, arg);
    case SPECIAL_EINSUM: arg[0] = lettered(values, arg[0]); return NULL;
    default: return NULL;
    }
}

const struct value *value_call(struct values *values, atom name, const struct value **arg, uint32_t count) {
    struct value draft;
    const struct function *f = library_function(lib(values), name);
    if (f == NULL || count != f->count || count == 0)
        return finish(values, draft_of(&draft, VALUE_CALL, OP_NO, name, arg, count));
    const struct value *own[ELEMENTS_MAX];
    memcpy(own, arg, count * sizeof *own);
    for (uint32_t i = 0; i < count; i++)
        if (f->param[i].is_star || f->special == SPECIAL_CAT || f->special == SPECIAL_STACK)
            own[i] = as_tuple(values, own[i]);
    uint32_t rank = rank_for_dims(f, own);
    for (uint32_t i = 0; i < count; i++)
        if (f->param[i].is_dim)
            own[i] = negative_dim(values, own[i], rank);
    const struct value *instead = specialise(values, f, own);
    if (instead != NULL)
        return instead;
    return finish(values, draft_of(&draft, VALUE_CALL, OP_NO, name, own, count));
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static const struct value *conditional(struct values *values, const struct value **arg) {
    if (arg[1] == arg[2] || value_is_const(arg[0], OP_TRUE))
        return arg[1];
    if (value_is_const(arg[0], OP_FALSE))
        return arg[2];
    struct value draft;
    return finish(values, draft_of(&draft, VALUE_IFEXP, OP_NO, NULL, arg, 3));
}

const struct value *value_make(struct values *values, enum value_kind kind, enum op op, const char *name,
    const struct value **arg, uint32_t count) {
    struct value draft;
    switch (kind) {
    case VALUE_TUPLE:
    case VALUE_LIST: return make_sequence(values, kind, arg, count);
    case VALUE_IFEXP: return conditional(values, arg);
    case VALUE_CALL: return value_call(values, name, arg, count);
    case VALUE_OP: return value_op(values, op, arg, count);
    case VALUE_ATTR: return value_attr(values, arg[0], name);
    case VALUE_INDEX: return value_index(values, arg[0], arg[1]);
    case VALUE_EITHER:
    case VALUE_BOTH:
    case VALUE_CAST: return value_intern(values, draft_of(&draft, kind, op, name, arg, count));
    default: return finish(values, draft_of(&draft, kind, op, name, arg, count));
    }
}

const struct value *value_rebuild(struct values *values, const struct value *like, const struct value **arg) {
    struct value leaf = *like;
    if (like->count > 0)
        return value_make(values, like->kind, like->op, like->atom, arg, like->count);
    if (like->kind == VALUE_TUPLE || like->kind == VALUE_LIST || like->kind == VALUE_CALL)
        return value_make(values, like->kind, like->op, like->atom, NULL, 0);
    leaf.rank = 0, leaf.abs = NULL, leaf.origin = NULL, leaf.holders = NULL, leaf.next = NULL, leaf.rounded = false;
    return value_intern(values, &leaf);
}
