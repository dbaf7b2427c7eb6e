/* match.h - matching a pattern against a value.
 *
 * A pattern is a value with metavariables. `$x` stands for any value, the same one wherever it occurs; `_` for
 * anything.
 * + and * match in both orders. `either(p, q)` tries its alternatives in turn; `both(p, q)` matches what both match, so
 * that `both($x, p)` names it; `cast(p)` matches p under dtype casts. Matching backtracks over these choices, within a
 * fixed number of steps: a pattern that needs more does not match. */
#ifndef ADGEN_REWRITE_MATCH_H
#define ADGEN_REWRITE_MATCH_H

#include "base/buf.h"
#include "base/vec.h"
#include "rewrite/value.h"

enum { MATCH_METAS = 48, MATCH_STEPS = 20000, MATCH_VISITED = 256 };

/* Side conditions on one metavariable; X(NAME, "text in a rule", "what it demands") */
#define CONDITIONS(X) \
    X(MASK, "mask", "an additive attention mask of which all is known") \
    X(KEEPS, "keeps", "a known attention mask that is true where it allows") \
    X(DROPS, "drops", "a known attention mask that is true where it forbids") \
    X(LOW, "low", "minus infinity, or a number so small that a softmax forgets it") \
    X(SCALAR, "scalar", "a Python number, not a tensor") \
    X(FIXED, "fixed", "built from parameters and constants alone") \
    X(NUMBER, "number", "a literal number") \
    X(POSITIVE, "positive", "a literal number above zero") \
    X(TENSOR, "tensor", "not a Python number") \
    X(NOTFIXED, "varying", "not built from parameters and constants alone") \
    X(DTYPE, "dtype", "a dtype") \
    X(DIFFERENCE, "difference", "a difference") \
    X(POSITIONS, "positions", "the positions of the tokens") \
    X(TOKENS, "tokens", "how many tokens there are: the second size of what a forward was given") \
    X(OBJECT, "object", "a module of the library class that follows") \
    X(RANK, "rank", "a tensor of the rank that follows") \
    X(IS, "is", "the number that follows") \
    X(TOGETHER, "together", "in the alternative taken of every choice that may have it, or of none")

enum condition_kind {
#define X(name, text, doc) CONDITION_##name,
    CONDITIONS(X)
#undef X
        CONDITION_COUNT
};

struct condition {
    enum condition_kind kind;
    bool negated;
    uint32_t number[4], count; /* RANK, IS: any of these */
    const char *text;          /* OBJECT */
    struct condition *next;
};

struct metavariable {
    atom name;
    uint32_t rank; /* 0: not stated */
    struct condition *conditions;
};

struct metavariables {
    struct metavariable at[MATCH_METAS];
    uint32_t count;
};

struct pattern {
    const struct value *root;
    const struct metavariables *metas;
    uint64_t needs; /* the heads that every instance has among its parts: most values lack one, and are not tried */
};

struct pattern pattern_of(const struct value *root, const struct metavariables *metas);

/* The subject's values that patterns themselves took apart, root first; no more than MATCH_VISITED are kept. */
struct visits {
    const struct value *at[MATCH_VISITED];
    uint32_t len;
};

struct binding {
    const struct value *meta[MATCH_METAS]; /* NULL: not bound */
    bool rounded;                          /* some part matched through a spelling that only rounds alike */
    struct visits *visits;                 /* NULL: nobody wants to know */
};

/* The condition that failed where the best attempt ended. */
struct mismatch {
    uint32_t progress;           /* how many parts had matched */
    const struct value *pattern; /* what was wanted; a META where `condition` failed */
    const struct value *subject;
    const struct condition *condition;
};

/* Match `subject`, extending `binding` (zeroed but for `visits`, or what another root of the rule bound). On failure
 * the binding is as before; `mismatch`, if not NULL, keeps the furthest failure of all calls, which takes longer. */
bool match(
    const struct pattern *pattern, const struct value *subject, struct binding *binding, struct mismatch *mismatch);

bool condition_holds(const struct condition *condition, const struct value *value);
const char *condition_text(enum condition_kind kind);

/* "wants <pattern> where the source has <subject>" for a report. */
void mismatch_print(struct buf *out, const struct mismatch *mismatch, const struct metavariables *metas);

/* -- index by head ------------------------------------------------------------------------------------------------- */

/* Entries whose patterns may match a value, in the order in which they were added. */
struct head_entry {
    void *item;
    struct head_entry *next;
};
struct bucket {
    uint8_t kind, op;
    atom atom;
    struct head_entry *first, *last;
    struct bucket *next;
};
enum { HEAD_BUCKETS = 256 };

/* Add an item under every head that a pattern can have; `cast` is any value with the head of a dtype cast. False where
 * the pattern can match any head. */
bool heads_add(
    struct arena *arena, struct bucket **table, const struct value *pattern, const struct value *cast, void *item);
struct head_entry *heads_find(struct bucket *const *table, const struct value *value);

#endif
