/* ssa.h - local variables after specialisation: static single assignment on the syntax tree.
 *
 * The specialiser (specialise.h) writes residual functions in which every NAME of a local carries a `struct web`: one
 * variable with exactly one definition. Two webs may have the same base name; names.c gives final names. Where control
 * flow joins, the IF, FOR or WHILE node lists phi webs. So "what value does this name hold" is a pointer away, and an
 * expression may be moved or copied to wherever the definitions of its webs dominate.
 *
 * Definitions by kind:
 *   WEB_PARAM     a parameter of the function (self included)
 *   WEB_ASSIGN    `name = expr`                       expr
 *   WEB_ELEMENT   element `element` of `a, b = expr`  expr is the whole right-hand side
 *   WEB_IF        a join after an IF                  stmt is the IF, from[0] the value if true, from[1] if false
 *                                                     (either may be NULL: not bound on that path)
 *   WEB_LOOP      a variable carried around a loop    stmt is the FOR/WHILE, from[0] before it, from[1] after its body
 *   WEB_TARGET    a loop or comprehension target, a `with ... as` or walrus target
 *   WEB_STORE     the variable after `name[i] = v`    from[0] is the version before; same storage
 */
#ifndef ADGEN_REWRITE_SSA_H
#define ADGEN_REWRITE_SSA_H

#include "parser/ast.h"

enum web_kind { WEB_PARAM, WEB_ASSIGN, WEB_ELEMENT, WEB_IF, WEB_LOOP, WEB_TARGET, WEB_STORE };

struct web {
    enum web_kind kind;
    atom name;                 /* base name, from the source */
    struct node *stmt;         /* the defining statement; NULL for WEB_PARAM */
    struct node *expr;         /* see above; NULL where there is none */
    uint32_t element;          /* WEB_ELEMENT */
    struct web *from[2];       /* WEB_IF, WEB_LOOP, WEB_STORE */
    const struct absval *abs;  /* never NULL after specialisation */
    const struct value *value; /* cache of value_of_web() */
    uint32_t uses;             /* counted by prune */
    bool live;                 /* marked by prune */
    bool temporary;            /* a local of a function that was unfolded: takes the name it is assigned to */
    struct web *leader;        /* names: union-find parent */
    struct web *current;       /* names: of a leader, the member whose value the variable holds here */
    bool split;                /* names: a phi that needs copies, since its sources live on */
    atom final;                /* names: the name in the output */
    uint32_t order;            /* position of the definition in the function, for "defined before" */
};

/* A NAME node that reads `web`. */
struct node *make_web_name(struct arena *arena, struct web *web);
/* One more variable that an IF, loop or store defines. */
void phi_add(struct arena *arena, struct node *join, struct web *phi);
/* Every NAME that a target binds: of `a, (b, *c)` three. */
void targets_visit(const struct node *target, void (*visit)(void *user, const struct node *name), void *user);
/* How often a variable is named below `n`, as a target too. */
uint32_t web_uses(const struct node *n, const struct web *web);

#endif
