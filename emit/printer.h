/* printer.h - the inside of the Python printer.
 *
 * A statement is laid out as one document (doc.h) and printed before the next is looked at, so the memory in use is
 * that of the longest statement. The files:
 *
 *   python.c       the face of the room (python.h)
 *   py_block.c     statements in order: blank lines, comments of their own, compound statements
 *   py_stmt.c      simple statements and clause headers
 *   py_assign.c    what stands to the right of `=` and `return`
 *   py_expr.c      expressions: dispatch, chains of calls, attributes and subscripts
 *   py_binary.c    operators
 *   py_bracket.c   collections, comprehensions, arguments, parameters
 *   py_paren.c     questions about parentheses: which are there, which are wanted, which may be left out
 *   py_precedence.c  those that precedence demands
 *   py_string.c    literals; py_fstring.c, py_docstring.c
 *   py_comments.c  comments, and blank lines of the source
 *
 * `level` says what encloses the expression being written. Line breaks outside of brackets are allowed only if the
 * statement gets parentheses, so operators and chains ask it which kind of break they may use. */
#ifndef ADGEN_EMIT_PRINTER_H
#define ADGEN_EMIT_PRINTER_H

#include <string.h>

#include "emit/doc.h"
#include "emit/python.h"
#include "parser/ast.h"

enum level_kind {
    LEVEL_STATEMENT, /* no expression around */
    LEVEL_EXPR,      /* inside an expression that gets parentheses if `group` breaks, or never for NULL */
    LEVEL_BRACKET    /* inside brackets: may break anywhere */
};

struct level {
    enum level_kind kind;
    struct doc_group *group;
};

/* Operands and operators of a flattened chain, alternating; see py_binary.c. */
struct link {
    const struct node *operand;
    const struct node *before, *after; /* flattened expressions whose comments stand here; NULL for none */
    uint8_t op;
};

struct printer {
    struct docs docs;
    struct buf *out;
    struct level level;
    uint32_t indent;
    char fstring_quote; /* quote of the innermost f-string around; 0 outside */
    bool fstring_triple;
    bool wrap_comments;           /* comments of their own that are wider than a line */
    struct printed *printed;      /* notes where each statement stands; NULL: nobody asks */
    const char *inline_comment;   /* trailing comment of the statement, until somebody has written it */
    const struct node *commented; /* the node whose leading comments were written last */
    const struct node *muted;     /* the node whose trailing comment somebody else writes */
    const struct node *opened;    /* the node whose first leading comment was written behind a bracket */
    VEC(struct link) links;
    VEC(const struct node *) needing; /* expressions whose parentheses are demanded by precedence */
    struct arena *arena;
};

enum parens { PARENS_KEEP, PARENS_ALWAYS, PARENS_NEVER };

/* Where a parent wants an expression to get parentheses when it breaks. */
enum wrap {
    WRAP_OPTIONAL,      /* keep written ones, add if it does not fit */
    WRAP_IF_BREAKS,     /* add if it does not fit, drop written ones */
    WRAP_IF_REQUIRED,   /* never for layout */
    WRAP_IF_BREAKS_LAST /* as WRAP_IF_BREAKS for an expression that is not the first of its line */
};

/* What an expression itself says about parentheses around it. */
enum need { NEED_MULTILINE, NEED_ALWAYS, NEED_BEST_FIT, NEED_NEVER };

enum { DEMANDED = 1 }; /* node.mark: parentheses that precedence demands; see py_precedence.c */

enum own_brackets { OWN_NONE, OWN_EMPTY, OWN_FILLED };

/* -- writing ------------------------------------------------------------------------------------------------------- */

static inline void put(struct printer *p, const char *token) {
    doc_text(&p->docs, token, strlen(token));
}
static inline void soft(struct printer *p) {
    doc_line(&p->docs, DOC_SOFT);
}
static inline void soft_space(struct printer *p) {
    doc_line(&p->docs, DOC_SOFT_SPACE);
}
static inline void hard(struct printer *p) {
    doc_line(&p->docs, DOC_HARD);
}
static inline void break_parent(struct printer *p) {
    doc_line(&p->docs, DOC_BREAK_PARENT);
}
static inline struct doc *begin(struct printer *p, enum doc_kind kind, struct doc_group *when) {
    return doc_open(&p->docs, kind, when);
}
static inline void end(struct printer *p, enum doc_kind kind) {
    doc_shut(&p->docs, kind);
}
static inline void put_if(struct printer *p, enum doc_kind kind, struct doc_group *when, const char *token) {
    begin(p, kind, when);
    put(p, token);
    end(p, kind);
}

/* Enter a level; the result is what was left, for leave_level. */
static inline struct level enter_level(struct printer *p, enum level_kind kind, struct doc_group *group) {
    struct level saved = p->level;
    p->level = (struct level){kind, group};
    return saved;
}
static inline void leave_level(struct printer *p, struct level saved) {
    p->level = saved;
}
static inline bool breakable(const struct printer *p) {
    return p->level.kind == LEVEL_BRACKET || (p->level.kind == LEVEL_EXPR && p->level.group != NULL);
}

/* -- py_paren.c ---------------------------------------------------------------------------------------------------- */

/* Stands in parentheses that are not its own (those of a tuple or generator are its own). */
bool is_wrapped(const struct node *e);
/* A tuple or generator with its own parentheses. */
bool has_own_parens(const struct node *e);
enum own_brackets own_brackets(const struct node *e);
enum own_brackets any_brackets(const struct node *e);
enum need expr_need(const struct node *e, const struct node *parent);
bool can_omit_parens(const struct node *e);
bool chain_is_fluent(const struct node *e);
bool is_splittable(const struct node *e);

/* -- py_precedence.c ----------------------------------------------------------------------------------------------- */

/* Find the expressions under a node that precedence demands parentheses for, and remember them until forget_parens. */
void demand_parens(struct printer *p, const struct node *node);
void forget_parens(struct printer *p);

/* -- py_expr.c ----------------------------------------------------------------------------------------------------- */

void print_expr(struct printer *p, const struct node *e, enum parens parens);
/* An expression in a statement: parentheses as `wrap` and the expression itself wish. */
void print_wrapped(struct printer *p, const struct node *e, const struct node *parent, enum wrap wrap);
struct doc_group *open_optional_parens(struct printer *p, struct level *saved);
void shut_optional_parens(struct printer *p, struct doc_group *group, struct level saved);
void open_parens_if_broken(struct printer *p, struct level *saved);
void shut_parens_if_broken(struct printer *p, struct level saved);

/* Breaks that exist only where the level allows a line break. */
void soft_in_brackets(struct printer *p);
void soft_space_in_brackets(struct printer *p);
enum doc_kind begin_group_in_brackets(struct printer *p);
void end_group_in_brackets(struct printer *p, enum doc_kind kind);

/* -- py_binary.c --------------------------------------------------------------------------------------------------- */

void print_operators(struct printer *p, const struct node *e);
/* How loosely an operator binds: the loosest is split first. */
int op_looseness(enum op op);

/* -- py_bracket.c -------------------------------------------------------------------------------------------------- */

/* `first` is what follows the bracket: its first leading comment may have to stay on the bracket's line. */
struct level open_bracket(struct printer *p, const char *bracket, const struct node *first);
void shut_bracket(struct printer *p, const char *bracket, struct level saved);
void print_collection(struct printer *p, const struct node *e);
void print_tuple(struct printer *p, const struct node *e);
void print_bare_tuple(struct printer *p, const struct node *e, const struct node *owner);
void print_elements(struct printer *p, const struct node *e, uint32_t first, uint32_t count, bool comma_after_one);
void print_comprehension(struct printer *p, const struct node *e);
void print_arguments(struct printer *p, const struct node *owner, uint32_t first);
void print_parameters(struct printer *p, const struct node *params);
void print_lambda_parameters(struct printer *p, const struct node *params);

/* -- py_string.c, py_fstring.c, py_docstring.c --------------------------------------------------------------------- */

struct spelling {
    const char *prefix, *body;
    uint32_t prefix_len, body_len;
    char quote; /* as written */
    bool triple, raw, bytes, format;
};

void read_spelling(const char *text, struct spelling *literal);
/* The prefix as it is to be written: `r` first, without `u`. */
void literal_prefix(const struct spelling *literal, char prefix[3]);
/* Content with its quotes changed to `quote`. */
void normalize_content(struct buf *out, const char *text, size_t len, const struct spelling *literal, char quote);
char choose_quote(struct printer *p, const struct spelling *literal);
void print_string(struct printer *p, const struct node *e);
void print_number(struct printer *p, const char *text);
bool string_has_lines(const struct node *e);

void print_fstring(struct printer *p, const struct node *e);
void print_strings(struct printer *p, const struct node *e);
void print_strings_parts(struct printer *p, const struct node *e);
/* Write adjacent literals as one, if that is possible; false, and nothing written, if not. */
bool print_strings_joined(struct printer *p, const struct node *e);
bool can_join_strings(struct printer *p, const struct node *e);

void print_docstring(struct printer *p, const struct node *string);

/* -- py_stmt.c, py_assign.c ---------------------------------------------------------------------------------------- */

bool is_compound(const struct node *stmt);
/* A simple statement with its trailing comment and newline. */
void print_simple(struct printer *p, const struct node *stmt);
/* The header of a compound statement or handler, without its colon. */
void print_header(struct printer *p, const struct node *stmt);
void print_decorator(struct printer *p, const struct node *decorator);
void print_assignment(struct printer *p, const struct node *stmt);
/* The last expression of a statement, which may take the trailing comment into its parentheses. */
void print_last_expr(struct printer *p, const struct node *value, const struct node *stmt);
void put_inline_comment(struct printer *p);
/* Print the document written so far as one logical line. */
void flush(struct printer *p);

/* -- py_comments.c ------------------------------------------------------------------------------------------------- */

bool has_leading_comments(const struct node *node);
bool has_trailing_comment(const struct node *node);
bool has_inner_comments(const struct node *node);
const char *normal_comment(struct printer *p, const char *comment);
bool is_pragma(const char *comment);
void put_trailing_comment(struct printer *p, atom comment);
void print_leading_comments(struct printer *p, const struct node *node);
/* Write the first leading comment of `first` if it stands behind an opening bracket in the source. */
void print_opening_comment(struct printer *p, const struct node *first);
/* gap[i]: blank lines before the i-th leading comment of a statement; the last: before the statement itself. */
void leading_gaps(const struct node *stmt, uint32_t *gap);
/* gap[i]: blank lines before the i-th of `count` comments that follow the statement `last` in the source. */
void following_gaps(const struct node *last, const atom *comment, uint32_t count, uint32_t *gap);
/* Does a blank line follow a block and its comments in the source? */
bool blank_after(const struct node *block);

/* -- py_block.c ---------------------------------------------------------------------------------------------------- */

void print_module(struct printer *p, const struct node *module);
void print_statement(struct printer *p, const struct node *stmt);

#endif
