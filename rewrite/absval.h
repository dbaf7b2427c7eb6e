/* absval.h - abstract values: what specialisation knows of the value of an expression.
 *
 * The lattice, from knowing nothing to knowing all:
 *
 *   TOP(rank)           anything, None included; with a rank: a tensor or None
 *   NOTNONE             anything but None
 *   TENSOR(rank)        a tensor; rank 0 means unknown rank
 *   SHAPE(rank)         the shape of one, a tuple of ints
 *   NUMBER              an int, float or bool that is not known
 *   SEQ(item)           a list, ModuleList, range, dict values ...: unknown length, every item is `item`
 *   INDEX               the position of a layer in its list; as a constructor argument: layer_idx
 *   CONFIG(path)        the configuration object, or a sub-configuration, by path from the root
 *   SYMBOLIC            a value computed from the configuration and the layer index alone, at construction
 *   INSTANCE(cls)       an object of a class of this file
 *   OBJECT(qual)        an object made by a library class, such as torch.nn.Linear
 *   RECORD(fields)      a ModelOutput
 *   TUPLE, LIST, DICT   of known length with known elements
 *   CLASS, FUNCTION, BOUND, LIBRARY(qual)   things that can be called
 *   UNION               one of several modules or classes, or maybe none
 *   CHOICE              one of two things that can be called, by a test made earlier
 *   MASK(mask)          an attention mask of which all is known
 *   CONST               None, True, False, a number, a string
 *   BOTTOM              no value: unreachable
 *
 * Abstract values are immutable once made. */
#ifndef ADGEN_REWRITE_ABSVAL_H
#define ADGEN_REWRITE_ABSVAL_H

#include "base/map.h"
#include "parser/ast.h"
#include "rewrite/reason.h"
#include "rewrite/ssa.h"

enum abs_kind {
    ABS_BOTTOM,
    ABS_CONST,
    ABS_MASK,
    ABS_LIBRARY,
    ABS_BOUND,
    ABS_FUNCTION,
    ABS_CLASS,
    ABS_CHOICE,
    ABS_DICT,
    ABS_LIST,
    ABS_TUPLE,
    ABS_RECORD,
    ABS_OBJECT,
    ABS_INSTANCE,
    ABS_UNION,
    ABS_SYMBOLIC,
    ABS_CONFIG,
    ABS_INDEX,
    ABS_SEQ,
    ABS_NUMBER,
    ABS_SHAPE,
    ABS_TENSOR,
    ABS_NOTNONE,
    ABS_TOP
};

/* A value during specialisation: what is known, the residual expression that computes it (NULL: not yet materialised),
 * and the variable that holds it, if any. */
struct val {
    const struct absval *abs;
    struct node *expr;
    struct web *web;
};

struct cls;
struct fn;

/* An attention mask of which all is known: the pairs that it allows, and how it says so. */
struct mask {
    enum { MASK_CAUSAL, MASK_BIDIRECTIONAL, MASK_WITHIN /* the window alone */, MASK_NOTHING } shape;
    enum { MASK_ADDS /* 0 or a very small number */, MASK_KEEPS /* true where it allows */, MASK_DROPS } form;
    bool plain;          /* computed by expressions that may be emitted */
    struct node *window; /* in terms of `config` and `layer_idx`, may evaluate to None; NULL: no window */
    struct node *chunk;  /* the same: tokens see those of their own chunk of so many; NULL: there are no chunks */
    /* Tests in the same terms: there is a mask only where the one holds, and None only where the other does; both NULL:
     * there always is one. */
    struct node *where, *none;
};

struct absval {
    enum abs_kind kind;
    uint32_t rank;      /* TENSOR, SHAPE, TOP */
    bool positions;     /* TENSOR: the position_ids of the entry */
    reason because;     /* the fact that makes it known; REASON_NONE: it follows from the source itself */
    bool counts;        /* TENSOR: 0, 1, 2, ... to some length */
    struct node *limit; /* TENSOR, TOP: see spec_chosen.c; SEQ: what topk returns, its indices so; NULL: not so */
    struct node
        *given; /* TOP: a test that the constructor can answer, where it holds it is no None; NULL: none known */
    struct node *constant; /* CONST: a CONST, NUMBER, STRING (or negated NUMBER) node */
    atom qual;             /* LIBRARY, OBJECT: dotted name; CONFIG: dotted path; RECORD: class name */
    struct val *item;      /* TUPLE, LIST: `count` elements; RECORD, DICT: values parallel to `key` */
    atom *key;             /* RECORD, DICT: field names or string keys */
    uint32_t count;
    struct node **when;           /* UNION: for each item a test that holds where it is the one; NULL: none is known */
    const struct absval *element; /* SEQ: every item; DICT: value under a key not listed, or NULL */
    struct cls *cls;              /* INSTANCE, CLASS */
    struct fn *fn;                /* FUNCTION, BOUND */
    const struct val *self;       /* BOUND: the receiver; FUNCTION: an argument before all others, or NULL */
    struct mask *mask;            /* MASK */
    struct node *join;            /* CHOICE: the IF; item[0] if true, item[1] if false */
};

bool abs_is_none(const struct absval *a);   /* surely None */
bool abs_not_none(const struct absval *a);  /* surely not None */
bool abs_is_mask(const struct absval *a);   /* surely a mask */
bool abs_is_tensor(const struct absval *a); /* surely a tensor */
bool abs_is_module(const struct absval *a); /* a module, or one of several of which one may be None */
reason abs_because(const struct absval *a); /* why it is known; never REASON_NONE */

/* A rank may be relative to that of a parameter whose calls pass tensors of several ranks (a norm that is used on
 * [B, S, H] and on heads): RANK_BASE * id + RANK_BASE / 2 + offset. Sums and differences then need no special case. */
enum { RANK_BASE = 1000 };

static inline bool rank_is_relative(uint32_t rank) {
    return rank >= RANK_BASE;
}
/* The rank as a number, 0 where it is not known as one. */
static inline uint32_t rank_known(uint32_t rank) {
    return rank_is_relative(rank) ? 0 : rank;
}

#endif
