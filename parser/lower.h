/* lower.h - shared by the files of lowering: the cursor over tree-sitter's tree and the nodes under construction.
 *
 * Calling convention of every `lower_x(l)`: on entry the cursor is on the concrete node to lower, and `l->here`,
 * `l->span` describe it; on return the cursor is on the same node, and `here` and `span` are stale until the next move.
 * A function never returns NULL: after a diagnostic, `l->failed` is set and a placeholder comes back, so that callers
 * go on without checks; the tree is dropped at the end.
 *
 * Children are visited once and in order, so comments (extras, anywhere in the tree) are met in source order by `down`
 * and `next`, which put them aside for comments.c. */
#ifndef ADGEN_PARSER_LOWER_H
#define ADGEN_PARSER_LOWER_H

#include "base/diag.h"
#include "parser/ast.h"
#include "parser/cursor.h"

enum cst {
    CST_OTHER,
#define X(kind, name, named) CST_##kind,
#include "parser/cst.def"
#undef X
    CST_KINDS
};

struct comment_list {
    VEC(struct span) list; /* in source order */
};

struct lower {
    struct cursor cursor;
    const uint8_t *cst; /* enum cst of each symbol of the grammar */
    uint32_t base;      /* offset in the file of tree-sitter's byte 0 */
    enum cst here;      /* the node under the cursor */
    struct span span;
    bool ended; /* no sibling is left at this level */

    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct source *source;
    const char *text; /* of the source */

    struct arena *scratch;
    VEC(struct node *) pending; /* children of the nodes under construction, a stack */
    struct comment_list comments;
    uint32_t depth;
    uint32_t as_end;        /* where a `value as target` may end here; 0: nowhere */
    struct node *as_target; /* the target of the one met there */
    bool any_margin;        /* the text may start anywhere on its line: one expression, or a method */
    bool failed;
};

/* -- moving the cursor (lower.c) ----------------------------------------------------------------------------------- */

/* To the first child that is not a comment; false where there is none. */
bool down(struct lower *l);
/* To the next sibling that is not a comment; false where there is none. */
bool next(struct lower *l);
void up(struct lower *l);
/* The same for a child that the grammar guarantees. */
void must_down(struct lower *l);
void must_next(struct lower *l);

/* Levels of recursion; false, with a diagnostic, at the limit. Each deeper() that succeeded is paired with a
 * shallower(). */
bool deeper(struct lower *l);
void shallower(struct lower *l);

static inline bool is_token(enum cst kind) {
    return kind > CST_OTHER && kind <= CST_LAST_TOKEN;
}

/* -- making nodes (lower.c) ---------------------------------------------------------------------------------------- */

struct node *node_at(struct lower *l, enum node_kind kind, struct span span);
/* With `count` NULL children, to be filled in. */
struct node *node_with(struct lower *l, enum node_kind kind, struct span span, uint32_t count);
void push(struct lower *l, struct node *kid);
/* Replace a pending node. A function, so that the new one is made before the stack, which may move, is looked at. */
void set_pending(struct lower *l, uint32_t index, struct node *kid);
/* The pending nodes from `mark` on become the children of `node`. */
void take(struct lower *l, struct node *node, uint32_t mark);
/* The text under the cursor. */
atom text_here(struct lower *l);
atom text_of(struct lower *l, struct span span);
struct node *placeholder(struct lower *l);
/* Report at `span`, fail, and give a placeholder back. */
struct node *refuse(struct lower *l, struct span span, const char *message, const char *help);

/* -- what is lowered where ----------------------------------------------------------------------------------------- */

struct node *lower_expr(struct lower *l); /* lower_expr.c */
/* The value and the target (or NULL) of a with item or an except clause: `value [as target]`. lower_expr.c */
struct node *lower_as(struct lower *l, struct node **target);
/* lower_expr.c; `node` is an expression of which `*first` is the first operand. */
struct node *hoist_prefix(struct node *node, struct node **first);
struct node *lower_call(struct lower *l);              /* lower_call.c */
struct node *lower_subscript(struct lower *l);         /* lower_call.c */
struct node *lower_slice(struct lower *l);             /* lower_call.c */
void push_arguments(struct lower *l, uint32_t *flags); /* lower_call.c; the children of an argument_list */
struct node *lower_comprehension(struct lower *l);     /* lower_comp.c */
struct node *lower_dictionary(struct lower *l);        /* lower_comp.c */
struct node *lower_string(struct lower *l);            /* lower_string.c */
struct node *lower_strings(struct lower *l);           /* lower_string.c */
struct node *lower_type(struct lower *l);              /* lower_type.c; any annotation */
struct node *lower_params(struct lower *l);            /* lower_def.c; parameters or lambda_parameters */
/* lower_def.c; what the grammar lets pass and Python does not, and which PARAM it is; NULL: nothing. */
const char *params_fault(const struct node *params, const struct node **which);
struct node *lower_definition(struct lower *l); /* lower_def.c; function, class, decorated */
struct node *lower_import(struct lower *l);     /* lower_import.c */
void check_target(
    struct lower *l, struct node *target, enum node_kind of); /* lower_stmt.c; of a statement, or WITHITEM */
struct node *lower_assignment(struct lower *l);               /* lower_stmt.c */
struct node *lower_compound(struct lower *l);                 /* lower_block.c; if, for, while, try, with */
struct node *lower_block(struct lower *l);                    /* lower_block.c */
void push_statements(struct lower *l);                        /* lower_block.c; the children of a module or block */
/* Say of a statement that leads its line whether a blank line stands above. lower_block.c */
void mark_blank(struct lower *l, struct node *stmt);
struct node *lower_stmt(struct lower *l); /* lower_stmt.c */

/* Attach the comments that lowering put aside (comments.c). */
void attach_comments(struct lower *l, struct node *module);

#endif
