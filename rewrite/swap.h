/* swap.h - expressions and variables with dimensions 1 and 2 exchanged, without a transpose. For layout.c.
 *
 * `swapped(e)` is an expression for e.transpose(1, 2) that needs no transpose, found by pushing the transpose through
 * whatever treats dimensions 1 and 2 alike or can be told to treat them the other way round (swap.c). A variable on
 * the way gets a *twin*, which holds its transpose; the variable itself is redefined as the transpose of its twin
 * (swap_web.c), so that every variable keeps its value. */
#ifndef ADGEN_REWRITE_SWAP_H
#define ADGEN_REWRITE_SWAP_H

#include "base/map.h"
#include "rewrite/unit.h"

enum { SWAP_DEPTH = 64 };

struct layout {
    struct unit *unit;
    struct fn *fn;
    const struct functions *all;
    struct map twins; /* key of a web -> struct web holding its transpose */
    bool dry;         /* only find out: no statement changes */
    int depth;
    uint32_t rank; /* of what is turned: 4, [B, N, S, D], or 3, [B, C, S] */
};

/* -- swap.c -------------------------------------------------------------------------------------------------------- */

/* `rank` is the number of dimensions of `e`, or of every element of the sequence `e`. NULL where it cannot be done. */
struct node *swapped(struct layout *l, struct node *e, uint32_t rank);
struct node *swapped_list(struct layout *l, struct node *e, uint32_t rank);
struct node *swap_or_transpose(struct layout *l, struct node *e);
struct node *transpose_of(struct layout *l, struct node *e);
bool is_swap(const struct node *e, uint32_t rank); /* x.transpose(1, 2) of that rank in any spelling */

/* The object of a method call. */
static inline struct node *receiver(const struct node *call) {
    return call->kid[0]->kid[0];
}
bool is_method(const struct node *e, const char *name);
struct node *layout_number(struct layout *l, int value);
/* The name of a canonical op that a call calls, or NULL. */
const char *op_name(const struct node *e);
/* Whether a canonical op of that name is called below `n`. */
bool calls_op(const struct node *n, const char *name);

/* -- swap_web.c ---------------------------------------------------------------------------------------------------- */

struct web *twin_of(struct layout *l, struct web *w, uint32_t rank);
struct web *twin_make(struct layout *l, const struct web *like, enum web_kind kind);
struct node *assign_web(struct layout *l, struct web *w, struct node *expr);
struct node *find_block(struct node *block, const struct node *stmt, uint32_t *index);

/* -- swap_shared.c: what several functions see --------------------------------------------------------------------- */

/* Make a function that only this one calls take its tensor and return its result with the two dimensions exchanged.
 * All its calls follow: `call` then is the transpose of such a call. False, and nothing changed, where that would leave
 * a transpose. */
bool swap_function(struct layout *l, struct node *call);
/* `return e` at the end of a function that returns nowhere else; or NULL. */
struct node *only_return(const struct fn *fn);
/* Whether `stmt` is `a, b = shared[key]`, and all that is ever put into `shared` is put there by this function. */
bool container_is_private(struct layout *l, const struct node *stmt);
/* What this function puts there is turned, since `stmt` now reads transposes. */
void swap_stores(struct layout *l, const struct node *stmt);

/* -- layout.c ------------------------------------------------------------------------------------------------------ */

/* Transposes of transposes cancel, and what is asked of one is asked of what it transposes. */
void cancel_transposes(struct layout *l);
/* Variables know what their statements now assign. */
void refresh_definitions(struct node *n);

#endif
