#include "parser/ast.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include "base/text.h"
#include "parser/literal.h"

struct node *node_new(struct arena *arena, enum node_kind kind) {
    struct node *node = NEW(arena, struct node);
    node->kind = (uint8_t)kind;
    return node;
}

struct node *node_make(struct arena *arena, enum node_kind kind, atom text, uint32_t count, ...) {
    struct node *node = node_new(arena, kind);
    node->atom = text;
    if (count == 0)
        return node;
    node->kid = NEW_ARRAY(arena, struct node *, count);
    node->nkids = node->kids_cap = count;
    va_list kids;
    va_start(kids, count);
    for (uint32_t i = 0; i < count; i++)
        node->kid[i] = va_arg(kids, struct node *);
    va_end(kids);
    return node;
}

void node_add(struct arena *arena, struct node *node, struct node *kid) {
    node->kid = vec_grow(arena, node->kid, node->nkids, &node->kids_cap, sizeof(struct node *));
    node->kid[node->nkids++] = kid;
}

/* Operators of a COMPARE are moved with the operands by the pass that edits it: insert and remove know kids only. */
void node_insert(struct arena *arena, struct node *node, uint32_t index, struct node *kid) {
    assert(index <= node->nkids);
    node_add(arena, node, NULL);
    memmove(node->kid + index + 1, node->kid + index, (node->nkids - 1 - index) * sizeof(struct node *));
    node->kid[index] = kid;
}

void node_remove(struct node *node, uint32_t index) {
    assert(index < node->nkids);
    node->nkids--;
    memmove(node->kid + index, node->kid + index + 1, (node->nkids - index) * sizeof(struct node *));
}

struct node *node_copy(struct arena *arena, const struct node *node) {
    if (node == NULL)
        return NULL;
    struct node *copy = NEW(arena, struct node);
    *copy = *node;
    copy->kids_cap = node->nkids;
    copy->kid = node->nkids > 0 ? NEW_ARRAY(arena, struct node *, node->nkids) : NULL;
    for (uint32_t i = 0; i < node->nkids; i++)
        copy->kid[i] = node_copy(arena, node->kid[i]);
    if (node->ops != NULL) {
        copy->ops = NEW_ARRAY(arena, uint8_t, node->nkids);
        memcpy(copy->ops, node->ops, node->nkids - 1);
    }
    return copy;
}

/* What makes a node another program: layout flags and the place aside. */
static bool same_head(const struct node *a, const struct node *b) {
    const uint32_t meaning = NF_ASYNC | NF_STAR | NF_DEBUG;
    return a->kind == b->kind && a->op == b->op && a->level == b->level && a->nkids == b->nkids && a->atom == b->atom &&
           a->asname == b->asname && (a->flags & meaning) == (b->flags & meaning);
}

bool node_equal(const struct node *a, const struct node *b) {
    if (a == NULL || b == NULL)
        return a == b;
    if (!same_head(a, b))
        return false;
    if (a->kind == NODE_COMPARE && memcmp(a->ops, b->ops, a->nkids - 1) != 0)
        return false;
    for (uint32_t i = 0; i < a->nkids; i++)
        if (!node_equal(a->kid[i], b->kid[i]))
            return false;
    return true;
}

bool node_names(const struct node *n, atom name) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAME && n->atom == name)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (node_names(n->kid[i], name))
            return true;
    return false;
}

enum class { S, E, P };

static const struct {
    const char *name;
    enum class class;
} kinds[NODE_KINDS] = {
#define X(kind, name, class, doc) [NODE_##kind] = {name, class},
#include "parser/node_kinds.def"
#undef X
};

bool node_is_expr(const struct node *node) {
    return kinds[node->kind].class == E;
}

bool node_is_stmt(const struct node *node) {
    return kinds[node->kind].class == S;
}

const char *node_kind_name(enum node_kind kind) {
    assert(kind < NODE_KINDS);
    return kinds[kind].name;
}

const char *op_text(enum op op) {
    static const char *const text[OP_COUNT] = {
        [OP_NO] = "",
        [OP_ADD] = "+",
        [OP_SUB] = "-",
        [OP_MUL] = "*",
        [OP_MATMUL] = "@",
        [OP_DIV] = "/",
        [OP_MOD] = "%",
        [OP_POW] = "**",
        [OP_LSHIFT] = "<<",
        [OP_RSHIFT] = ">>",
        [OP_BITOR] = "|",
        [OP_BITXOR] = "^",
        [OP_BITAND] = "&",
        [OP_FLOORDIV] = "//",
        [OP_INVERT] = "~",
        [OP_NOT] = "not",
        [OP_POS] = "+",
        [OP_NEG] = "-",
        [OP_AND] = "and",
        [OP_OR] = "or",
        [OP_EQ] = "==",
        [OP_NE] = "!=",
        [OP_LT] = "<",
        [OP_LE] = "<=",
        [OP_GT] = ">",
        [OP_GE] = ">=",
        [OP_IS] = "is",
        [OP_IS_NOT] = "is not",
        [OP_IN] = "in",
        [OP_NOT_IN] = "not in",
        [OP_NONE] = "None",
        [OP_TRUE] = "True",
        [OP_FALSE] = "False",
        [OP_ELLIPSIS] = "...",
        [PARAM_PLAIN] = "",
        [PARAM_SLASH] = "/",
        [PARAM_STAR] = "*",
        [PARAM_ARGS] = "*",
        [PARAM_KWARGS] = "**",
    };
    assert(op < OP_COUNT);
    return text[op];
}

struct node *make_name(struct arena *arena, atom name) {
    return node_make(arena, NODE_NAME, name, 0);
}

struct node *call_argument(const struct node *call, uint32_t position, const char *keyword) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node *a = call->kid[i];
        if (a->kind == NODE_KEYWORD ? keyword && atom_is(a->atom, keyword) : i - 1 == position)
            return a->kind == NODE_KEYWORD ? a->kid[0] : a;
    }
    return NULL;
}

bool literal_int(const struct node *node, int *value) {
    bool negative = is_kind(node, NODE_UNARYOP) && node->op == OP_NEG;
    const struct node *digits = negative ? node->kid[0] : node;
    if (!is_kind(digits, NODE_NUMBER) || strpbrk(digits->atom, ".eEjJ"))
        return false;
    double number;
    if (!literal_number(digits->atom, &number) || number > INT_MAX)
        return false;
    *value = (int)number * (negative ? -1 : 1);
    return true;
}

bool is_bare_string(const struct node *stmt) {
    return stmt->kind == NODE_EXPR && (stmt->kid[0]->kind == NODE_STRING || stmt->kid[0]->kind == NODE_STRINGS);
}

bool is_super_call(const struct node *callee) {
    return callee->kind == NODE_ATTRIBUTE && callee->kid[0]->kind == NODE_CALL &&
           is_name(callee->kid[0]->kid[0], "super");
}

int child_index(const struct node *parent, const struct node *child) {
    for (uint32_t i = 0; i < parent->nkids; i++)
        if (parent->kid[i] == child)
            return (int)i;
    return -1;
}

bool mutates_list(atom method) {
    return word_in(method, "append extend update insert pop popitem remove clear sort reverse");
}

bool is_full_slice(const struct node *node) {
    return node->kind == NODE_SLICE && !node->kid[0] && !node->kid[1] && !node->kid[2];
}

struct node *make_attr(struct arena *arena, struct node *value, atom attr) {
    return node_make(arena, NODE_ATTRIBUTE, attr, 1, value);
}

struct node *make_const(struct arena *arena, enum op constant) {
    assert(constant >= OP_NONE && constant <= OP_ELLIPSIS);
    struct node *node = node_new(arena, NODE_CONST);
    node->op = (uint8_t)constant;
    return node;
}

struct node *make_number(struct arena *arena, atom text) {
    return node_make(arena, NODE_NUMBER, text, 0);
}
