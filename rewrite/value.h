/* value.h - canonical values: what an expression computes, whatever way it is written.
 *
 * A value is a node of a hash-consed graph: two expressions of one function have the same value exactly when their
 * pointers are equal. Names of locals are replaced by what defines them, keywords by positions, defaults are filled in,
 * and spellings (rules/spellings.yaml) are brought to one form while a value is made. Patterns of rules are made by the
 * same code, so that the spelling of a pattern never matters either.
 *
 * Heads: what a value is made by, and what rules are indexed by, is its kind, operator and atom. Calls of library
 * functions have the canonical name as atom (`torch.softmax` for every spelling of it) and one argument for every
 * parameter of the signature. Dimensions count from the end (-1 is the last) where the rank is known.
 *
 * Values live in the arena of their `struct values`. They are immutable but for the notes at their end. */
#ifndef ADGEN_REWRITE_VALUE_H
#define ADGEN_REWRITE_VALUE_H

#include "parser/ast.h"
#include "rewrite/absval.h"
#include "rewrite/ssa.h"

enum value_kind {
    VALUE_META,    /* a metavariable of a pattern; atom: its name, op: its index */
    VALUE_ANY,     /* `_` in a pattern: anything */
    VALUE_EITHER,  /* either(p, q, ...) in a pattern */
    VALUE_BOTH,    /* both(p, q, ...) in a pattern: one value that all match */
    VALUE_CAST,    /* cast(p) in a pattern: p under any number of dtype casts, none included */
    VALUE_WEB,     /* a variable of which no expression is known; ref: its web */
    VALUE_OPAQUE,  /* an expression that is not looked into; ref: its node */
    VALUE_NAME,    /* a global by its dotted name */
    VALUE_NUMBER,  /* number */
    VALUE_CONST,   /* op: OP_NONE, OP_TRUE, OP_FALSE, OP_ELLIPSIS */
    VALUE_STRING,  /* atom: the literal without its quotes */
    VALUE_CALL,    /* a call of a global: atom is its canonical name */
    VALUE_APPLY,   /* a call of anything else: arg[0] is what is called */
    VALUE_KEYWORD, /* a keyword argument of a call without a signature; atom: name */
    VALUE_STAR,    /* *x */
    VALUE_ATTR,    /* attribute `atom` of arg[0] */
    VALUE_INDEX,   /* arg[0][arg[1]]; element i of a tuple result too */
    VALUE_SLICE,   /* lower : upper : step as an index; None where absent */
    VALUE_OP,      /* an operator of ast.h on its operands; comparisons have two */
    VALUE_IFEXP,   /* test, value if true, value if false; a variable assigned in both branches of an if too */
    VALUE_TUPLE,
    VALUE_LIST,
    VALUE_KINDS
};

struct value;
struct values;
struct library;

/* A variable that holds a value, and the part of the function where it may be read (see sites.h). */
struct holder {
    struct web *web;
    uint32_t from;
    const uint32_t *to;
    struct holder *next;
};

struct value {
    uint8_t kind, op;
    bool fixed;   /* built from attributes of self, constants and globals alone: the same for every input */
    bool rounded; /* brought to this form by a spelling that is equal but for rounding */
    uint32_t hash, count;
    atom atom;
    double number;
    const void *ref;
    const struct value **arg;
    const struct values *owner;
    struct value *next; /* in order of making */
    uint64_t heads;     /* a bit for the head of each of its parts, itself included: see head_bit() */
    /* notes, not part of the identity */
    uint32_t rank;             /* of a tensor; 0: unknown */
    const struct absval *abs;  /* what the specialiser knew of an expression with this value */
    const struct node *origin; /* such an expression: the first one met */
    struct holder *holders;    /* in order of definition */
    bool covered;              /* inside what a rule has already replaced */
};

/* One translation (or one set of patterns) makes its values in one context. `library` may be shared; it is not
 * written. All expressions and the library must use the atom table `atoms`. */
struct values *values_create(struct arena *arena, struct atoms *atoms, const struct library *library);
struct arena *values_arena(const struct values *values);
uint32_t values_count(const struct values *values);

/* The value of an expression; cached in the node. Never NULL. */
const struct value *value_of(struct values *values, struct node *expr);
const struct value *value_of_web(struct values *values, struct web *web);

/* -- constructors: each returns the canonical value, which may have another head than asked for -------------------- */

const struct value *value_number(struct values *values, double number);
const struct value *value_const(struct values *values, enum op constant);
const struct value *value_name(struct values *values, atom dotted);
/* `owner` keeps the metavariables of different rules apart. */
const struct value *value_meta(struct values *values, const void *owner, atom name, uint32_t index, uint32_t rank);
const struct value *value_ref(struct values *values, enum value_kind kind, const void *ref);
const struct value *value_attr(struct values *values, const struct value *of, atom attr);
const struct value *value_index(struct values *values, const struct value *of, const struct value *index);
/* The index of a subscript as it is written: tensor indices are taken apart into slices, selections, new dimensions. */
const struct value *value_subscript(struct values *values, const struct value *of, const struct value *index);
const struct value *value_op(struct values *values, enum op op, const struct value **arg, uint32_t count);
const struct value *value_call(struct values *values, atom name, const struct value **arg, uint32_t count);
/* Any other kind: tuples, keywords, conditional values, ... */
const struct value *value_make(
    struct values *values, enum value_kind kind, enum op op, atom atom, const struct value **arg, uint32_t count);
/* A value of any kind from the parts of `like`, with other arguments. */
const struct value *value_rebuild(struct values *values, const struct value *like, const struct value **arg);
/* The stored value equal to `draft`, which is not canonicalised any further. For canon.c. */
struct value *value_intern(struct values *values, const struct value *draft);
/* Guard against spellings that undo each other: false when nested too deep; leave after a successful enter. */
bool values_enter(struct values *values);
void values_leave(struct values *values);
/* All values in order of making; NULL asks for the first. */
const struct value *values_next(const struct values *values, const struct value *value);
/* Learn ranks from the uses of tensors; true if something new is known, for values made from now on in a new context.
 */
bool values_infer_ranks(struct values *values);
/* The rank of a tensor became known. */
void value_note_rank(const struct value *value, uint32_t rank);
struct atoms *values_atoms(const struct values *values);
const struct library *values_library(const struct values *values);

/* What a value is made by, as one of 64 bits: a value that lacks the bit of a head has no part with that head. */
uint64_t head_bit(const struct value *value);
uint64_t value_heads(const struct value *value);

/* -- questions ----------------------------------------------------------------------------------------------------- */

static inline bool value_is_int(const struct value *v, double number) {
    return v->kind == VALUE_NUMBER && v->number == number;
}
static inline bool value_is_const(const struct value *v, enum op constant) {
    return v->kind == VALUE_CONST && v->op == constant;
}
bool value_is_call(const struct value *v, const char *name);

/* Surely a number for Python (not a tensor): may be passed where an op wants a float or an int. */
bool value_is_scalar(const struct value *v);

/* Minus infinity, the smallest number of a dtype, a number below -9999, or a buffer that says no more than its name. */
bool value_is_low(const struct value *v);

/* A dtype cast: x of x.to(dtype); NULL for any other value. */
const struct value *value_cast_of(const struct value *v);
static inline const struct value *value_without_casts(const struct value *v) {
    for (const struct value *of = value_cast_of(v); of; of = value_cast_of(v))
        v = of;
    return v;
}

/* For messages and tests: the value as Python. */
struct buf;
void value_print(struct buf *out, const struct value *value);

#endif
