/* ast.h - the syntax tree, the one data structure that crosses rooms.
 *
 * Nodes live in the arena of the translation, carry the bytes they came from and the comments that belong to them, and
 * never point into tree-sitter. All nodes have one layout: a kind, an optional atom, an optional operator, and an array
 * of children whose meaning per kind is in node_kinds.def. That makes every walk and every rewrite the same few lines.
 *
 * A tree may be edited in place: a pass owns the tree it was given. Sharing of subtrees is not allowed (the tree is a
 * tree): copy with node_copy.
 *
 * Depth: real inputs nest thousands deep when somebody wants to break a reader. Lowering refuses more than
 * AST_DEPTH_MAX levels with a diagnostic, so that everything after it may recurse. */
#ifndef ADGEN_PARSER_AST_H
#define ADGEN_PARSER_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/atom.h"
#include "base/source.h"
#include "base/vec.h"

enum { AST_DEPTH_MAX = 400 };

enum node_kind {
#define X(kind, name, class, doc) NODE_##kind,
#include "parser/node_kinds.def"
#undef X
    NODE_KINDS
};

/* clang-format off */
enum op {
    OP_NO,
    /* binary and augmented */
    OP_ADD, OP_SUB, OP_MUL, OP_MATMUL, OP_DIV, OP_MOD, OP_POW, OP_LSHIFT, OP_RSHIFT, OP_BITOR, OP_BITXOR, OP_BITAND,
    OP_FLOORDIV,
    /* unary */
    OP_INVERT, OP_NOT, OP_POS, OP_NEG,
    /* boolean */
    OP_AND, OP_OR,
    /* comparison */
    OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IS, OP_IS_NOT, OP_IN, OP_NOT_IN,
    /* constants */
    OP_NONE, OP_TRUE, OP_FALSE, OP_ELLIPSIS,
    /* parameters: f(PARAM_PLAIN, /, ..., *PARAM_ARGS or PARAM_STAR, ..., **PARAM_KWARGS) */
    PARAM_PLAIN, PARAM_SLASH, PARAM_STAR, PARAM_ARGS, PARAM_KWARGS,
    OP_COUNT
};
/* clang-format on */

enum node_flag {
    NF_PAREN = 1 << 0, /* an expression written inside redundant or needed parentheses */
    NF_ASYNC = 1 << 1,
    NF_ELIF = 1 << 2,
    NF_STAR = 1 << 3,
    NF_DEBUG = 1 << 4,
    NF_BLANK = 1 << 5,          /* a statement with at least one blank line before it (before its leading comments) */
    NF_UNREAD = 1 << 7,         /* a definition of which only the name is known yet (rewrite/link.c) */
    NF_TRAILING_COMMA = 1 << 6, /* a call, collection, subscript, import or parameter list written with a comma before
                                   its closing bracket: the formatter keeps it exploded */
};

/* Comments of one node. Texts begin with `#`, without the newline. */
struct comments {
    VEC(atom) leading; /* on lines of their own before the node (a statement, or an element inside brackets) */
    VEC(atom) inner;   /* dangling: at the end of a BLOCK, MODULE or an otherwise empty bracket */
    atom trailing;     /* on the node's last line, after it; NULL for none */
    uint64_t blank_before_leading; /* bit i: a blank line stood before leading[i] (i > 0; i = 0 is NF_BLANK) */
    bool blank_after_leading;      /* a blank line between the last leading comment and the node */
};

struct web;      /* rewrite/: the variable that a NAME reads or binds */
struct absval;   /* rewrite/: what is known of the value of an expression */
struct value;    /* rewrite/: the canonical value of an expression */
struct callsite; /* rewrite/: a resolved call */

struct node {      /* first what walks over a tree look at */
    uint8_t kind;  /* enum node_kind */
    uint8_t op;    /* enum op */
    uint8_t level; /* IMPORTFROM: leading dots */
    uint8_t mark;  /* scratch of the pass that runs; zero between passes */
    uint32_t flags;
    struct node **kid;
    uint32_t nkids, kids_cap;
    atom atom;
    /* Annotations of rewrite/, meaningless before it and ignored by emit/. */
    struct web *web;           /* NAME: the SSA variable */
    const struct absval *abs;  /* what the specialiser knows of an expression's value */
    const struct value *value; /* cache of value_of() */
    struct web **phis;         /* IF, FOR, WHILE: variables merged here */
    uint32_t nphis;
    struct span span;          /* {0, 0}: made by a pass */
    struct callsite *callsite; /* CALL of a function of this file: which one, and which argument is which parameter */
    struct node *up;           /* statements: the one around it, NULL at the top of a function */
    struct source *source;     /* where span points; NULL where made by a pass */
    struct comments *comments; /* NULL for none */
    atom asname;               /* ALIAS only */
    uint8_t *ops;              /* COMPARE only: nkids - 1 operators */
};

/* A new node without children or place. */
struct node *node_new(struct arena *arena, enum node_kind kind);

/* The same with `count` children given as arguments (NULL allowed where the kind allows it). */
struct node *node_make(struct arena *arena, enum node_kind kind, atom atom, uint32_t count, ...);

void node_add(struct arena *arena, struct node *node, struct node *kid);
void node_insert(struct arena *arena, struct node *node, uint32_t index, struct node *kid);
void node_remove(struct node *node, uint32_t index);

/* A deep copy, annotations included, comments shared. */
struct node *node_copy(struct arena *arena, const struct node *node);

/* Structural equality: kinds, operators, atoms, children; spans, comments, parentheses and annotations aside. */
bool node_equal(const struct node *a, const struct node *b);

/* Whether the name stands anywhere in it; attributes, arguments and definitions of that name are none. */
bool node_names(const struct node *n, atom name);

bool node_is_expr(const struct node *node);
bool node_is_stmt(const struct node *node);
const char *node_kind_name(enum node_kind kind);

/* Spelling of an operator in source, such as "+", "is not", "None". */
const char *op_text(enum op op);

/* -- shorthands for the kinds that passes look at all the time; each asserts its kind ------------------------------ */

static inline bool is_kind(const struct node *node, enum node_kind kind) {
    return node != NULL && node->kind == kind;
}
static inline bool is_name(const struct node *node, const char *name) {
    return is_kind(node, NODE_NAME) && atom_is(node->atom, name);
}
static inline bool is_none(const struct node *node) {
    return is_kind(node, NODE_CONST) && node->op == OP_NONE;
}
/* FUNCTION: PARAMS; BLOCK. CLASS: BLOCK. */
static inline struct node *function_params(const struct node *fn) {
    assert(fn->kind == NODE_FUNCTION);
    return fn->kid[0];
}
static inline struct node *function_body(const struct node *fn) {
    assert(fn->kind == NODE_FUNCTION);
    return fn->kid[2];
}
static inline struct node *class_body(const struct node *cls) {
    assert(cls->kind == NODE_CLASS);
    return cls->kid[1];
}

/* Questions that passes ask. */
struct node *call_argument(const struct node *call, uint32_t position, const char *keyword); /* NULL: not given */
bool literal_int(const struct node *node, int *value); /* 3, -3; false for anything else, NULL too */
static inline bool is_int(const struct node *node, int value) {
    int number;
    return literal_int(node, &number) && number == value;
}
bool is_bare_string(const struct node *stmt);  /* a docstring, or a string that stands there like one */
bool is_super_call(const struct node *callee); /* super().method */
int child_index(const struct node *parent, const struct node *child); /* -1: not one */
bool mutates_list(atom method);              /* of a list or dictionary: append, extend, update, pop, sort, ... */
bool is_full_slice(const struct node *node); /* : */

/* Constructors that passes use. */
struct node *make_name(struct arena *arena, atom name);
struct node *make_attr(struct arena *arena, struct node *value, atom attr);
struct node *make_const(struct arena *arena, enum op constant); /* OP_NONE, OP_TRUE, OP_FALSE, OP_ELLIPSIS */
struct node *make_number(struct arena *arena, atom text);
struct node *make_string(struct arena *arena, struct atoms *atoms, const char *text); /* quotes and escapes added */

/* The decoded text of a STRING without interpolation (escapes resolved), or NULL for bytes or an FSTRING. */
atom string_value(struct atoms *atoms, const struct node *node);

#endif
