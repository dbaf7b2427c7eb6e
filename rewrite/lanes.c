/* lanes.c - arithmetic on the lanes of a table. */
#include "rewrite/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/swap.h"

static const char hole[] = "table";

static enum lanes either(enum lanes a, enum lanes b) {
    if (a == LANES_OTHER || b == LANES_OTHER)
        return LANES_OTHER;
    return a == LANES_FREE ? b : b == LANES_FREE || a == b ? a : LANES_OTHER;
}

static bool is_last_dim(const struct node *dim) {
    int value;
    return dim && literal_int(dim, &value) && value == -1;
}

/* -- what an expression is ----------------------------------------------------------------------------------------- */

static enum lanes lanes_of_index(const struct node *e, const struct web *table) {
    const struct node *index = e->kid[1];
    if (e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape"))
        return is_last_dim(index) && lanes_of(e->kid[0]->kid[0], table) == LANES_TABLE ? LANES_SIZE : LANES_OTHER;
    if (lanes_of(e->kid[0], table) != LANES_TABLE || index->kind != NODE_TUPLE || index->nkids != 2 ||
        index->kid[0]->kind != NODE_CONST || index->kid[0]->op != OP_ELLIPSIS || index->kid[1]->kind != NODE_SLICE)
        return LANES_OTHER;
    for (uint32_t i = 0; i < 3; i++) {
        const struct node *bound = index->kid[1]->kid[i];
        enum lanes of = bound ? lanes_of(bound, table) : LANES_FREE;
        if (of != LANES_FREE && of != LANES_SIZE)
            return LANES_OTHER;
    }
    return LANES_TABLE;
}

static bool is_library(const struct node *callee) {
    return callee->kind == NODE_ATTRIBUTE && is_name(callee->kid[0], "torch");
}

/* torch.cat((a, b), dim=-1), x.repeat_interleave(n, dim=-1), x.unsqueeze(1) */
static enum lanes lanes_of_call(const struct node *e, const struct web *table) {
    const struct node *callee = e->kid[0];
    if (callee->kind != NODE_ATTRIBUTE || e->nkids < 2)
        return LANES_OTHER;
    uint32_t first = is_library(callee) ? 1 : 0;
    const struct node *object = first ? e->kid[1] : callee->kid[0];
    int n;
    if (atom_is(callee->atom, "unsqueeze"))
        return e->nkids == first + 2 && literal_int(e->kid[first + 1], &n) && (n == 1 || n == 2)
                   ? lanes_of(object, table)
                   : LANES_OTHER;
    if (atom_is(callee->atom, "repeat_interleave"))
        return e->nkids == first + 3 && literal_int(e->kid[first + 1], &n) &&
                       is_last_dim(call_argument(e, first + 1, "dim"))
                   ? lanes_of(object, table)
                   : LANES_OTHER;
    if (!first || !atom_is(callee->atom, "cat") || !is_last_dim(call_argument(e, 1, "dim")) ||
        (object->kind != NODE_TUPLE && object->kind != NODE_LIST))
        return LANES_OTHER;
    enum lanes of = LANES_TABLE;
    for (uint32_t i = 0; i < object->nkids; i++)
        of = lanes_of(object->kid[i], table) == LANES_TABLE ? of : LANES_OTHER;
    return of;
}

static enum lanes lanes_of_number(const struct node *e, const struct web *table) {
    enum lanes of = either(lanes_of(e->kid[0], table), lanes_of(e->kid[1], table));
    return of == LANES_TABLE || !(e->op == OP_ADD || e->op == OP_SUB || e->op == OP_MUL || e->op == OP_FLOORDIV)
               ? LANES_OTHER
               : of;
}

enum lanes lanes_of(const struct node *e, const struct web *table) {
    int n;
    switch (e->kind) {
    case NODE_NUMBER: return literal_int(e, &n) ? LANES_FREE : LANES_OTHER;
    case NODE_NAME:
        if (e->web == table)
            return LANES_TABLE;
        return e->web && e->web->kind == WEB_ASSIGN && e->web->expr ? lanes_of(e->web->expr, table) : LANES_OTHER;
    case NODE_SUBSCRIPT: return lanes_of_index(e, table);
    case NODE_CALL: return lanes_of_call(e, table);
    case NODE_BINOP: return lanes_of_number(e, table);
    default: return LANES_OTHER;
    }
}

/* -- on its own ---------------------------------------------------------------------------------------------------- */

struct node *lanes_expand(struct unit *unit, const struct node *e, const struct web *table) {
    if (e == NULL)
        return NULL;
    if (e->kind == NODE_NAME && e->web)
        return e->web == table ? make_name(unit->arena, intern(unit->atoms, hole))
                               : lanes_expand(unit, e->web->expr, table);
    struct node *n = node_copy(unit->arena, e);
    for (uint32_t i = 0; i < n->nkids; i++)
        n->kid[i] = lanes_expand(unit, e->kid[i], table);
    return n;
}

struct node *lanes_fill(struct unit *unit, const struct node *shape, const struct node *table) {
    if (shape == NULL)
        return NULL;
    if (lanes_is_table(shape))
        return node_copy(unit->arena, table);
    struct node *n = node_copy(unit->arena, shape);
    n->value = NULL;
    for (uint32_t i = 0; i < n->nkids; i++)
        n->kid[i] = lanes_fill(unit, shape->kid[i], table);
    return n;
}

bool lanes_is_table(const struct node *shape) {
    return shape->kind == NODE_NAME && shape->web == NULL && atom_is(shape->atom, hole);
}

bool lanes_keep_rank(const struct node *shape) {
    if (shape == NULL || is_kind(shape, NODE_ATTRIBUTE))
        return shape == NULL || (!atom_is(shape->atom, "unsqueeze") && lanes_keep_rank(shape->kid[0]));
    for (uint32_t i = 0; i < shape->nkids; i++)
        if (!lanes_keep_rank(shape->kid[i]))
            return false;
    return true;
}

/* -- widths -------------------------------------------------------------------------------------------------------- */

/* How many lanes start:stop:step takes of so many. */
static long sliced(const struct node *slice, long of, long width) {
    long bound[3] = {0, of, 1};
    for (int i = 0; i < 3; i++) {
        if (slice->kid[i] == NULL)
            continue;
        bound[i] = lanes_width(slice->kid[i], width);
        if (i < 2 && bound[i] < 0)
            bound[i] += of;
        bound[i] = i < 2 && bound[i] > of ? of : bound[i];
    }
    return bound[2] <= 0 || bound[0] < 0 || bound[1] < bound[0] ? -1 : (bound[1] - bound[0] + bound[2] - 1) / bound[2];
}

static long call_width(const struct node *e, long width) {
    uint32_t first = is_library(e->kid[0]) ? 1 : 0;
    const struct node *object = first ? e->kid[1] : e->kid[0]->kid[0];
    if (atom_is(e->kid[0]->atom, "unsqueeze"))
        return lanes_width(object, width);
    if (atom_is(e->kid[0]->atom, "repeat_interleave"))
        return lanes_width(object, width) * lanes_width(e->kid[first + 1], width);
    long sum = 0;
    for (uint32_t i = 0; i < object->nkids; i++)
        sum += lanes_width(object->kid[i], width);
    return sum;
}

static long number(const struct node *e, long width) {
    long a = lanes_width(e->kid[0], width), b = lanes_width(e->kid[1], width);
    switch (e->op) {
    case OP_ADD: return a + b;
    case OP_SUB: return a - b;
    case OP_MUL: return a * b;
    default: return a >= 0 && b > 0 ? a / b : -1;
    }
}

long lanes_width(const struct node *shape, long width) {
    int n = -1;
    switch (shape->kind) {
    case NODE_NUMBER:
    case NODE_UNARYOP: return literal_int(shape, &n) ? n : -1;
    case NODE_NAME: return width;
    case NODE_SUBSCRIPT:
        if (shape->kid[0]->kind == NODE_ATTRIBUTE && atom_is(shape->kid[0]->atom, "shape"))
            return lanes_width(shape->kid[0]->kid[0], width);
        return sliced(shape->kid[1]->kid[1], lanes_width(shape->kid[0], width), width);
    case NODE_CALL: return call_width(shape, width);
    case NODE_BINOP: return number(shape, width);
    default: return -1;
    }
}
