/* library.h - what is known of library functions: signatures, their aliases, and spellings.
 *
 * rules/signatures.yaml names each function once, with all its parameters, and then the other ways to call it:
 *
 *     functions:
 *     - call: torch.softmax(input, dim, dtype=None)
 *       also: [torch.nn.functional.softmax(input, dim, _stacklevel=3, dtype=None), Tensor.softmax(dim, dtype=None)]
 *       rank: same
 *
 * An alias is mapped by parameter name; a parameter that the function does not have is ignored; a method's receiver is
 * the first parameter. `*shape` takes the remaining arguments, or a single sequence, as one tuple. Parameters called
 * dim, dim0, dim1, start_dim, end_dim and dims are counted from the end where the rank of the first argument is known.
 * `rank` says what the rank of the result is: same as the first argument; more, fewer (by one); reduce (fewer unless
 * keepdim); shape (the length of the parameter `*shape`); wide (the largest of all arguments); each (the result is a
 * sequence of tensors that have it); three; absent: unknown.
 *
 * rules/spellings.yaml lists equal expressions, the canonical one first:
 *
 *     - equal: [$x ** 2, torch.square($x), $x * $x]
 *
 * with the optional keys `where` (see rules.h) and `rounding: true`. */
#ifndef ADGEN_REWRITE_LIBRARY_H
#define ADGEN_REWRITE_LIBRARY_H

#include "base/diag.h"
#include "base/map.h"
#include "parser/parse.h"
#include "rewrite/match.h"
#include "rewrite/value.h"
#include "rewrite/yaml.h"

enum rank_rule {
    RANK_UNKNOWN,
    RANK_SAME,
    RANK_MORE,
    RANK_FEWER,
    RANK_REDUCE,
    RANK_SHAPE,
    RANK_WIDE,
    RANK_EACH,
    RANK_THREE
};

/* Functions that canonicalisation itself knows. */
#define SPECIALS(X) \
    X(TO, "torch.Tensor.to") \
    X(RESHAPE, "torch.reshape") \
    X(PERMUTE, "torch.permute") \
    X(TRANSPOSE, "torch.transpose") \
    X(UNSQUEEZE, "torch.unsqueeze") \
    X(CAT, "torch.cat") \
    X(STACK, "torch.stack") \
    X(SOFTMAX, "torch.softmax") \
    X(SLICE, "adgen.slice") \
    X(SELECT, "torch.select") \
    X(FLATTEN, "torch.flatten") \
    X(EXPAND, "torch.expand") \
    X(EINSUM, "torch.einsum")

enum special {
    SPECIAL_NONE,
#define X(name, text) SPECIAL_##name,
    SPECIALS(X)
#undef X
        SPECIALS_COUNT
};

/* A default is a literal, kept apart from any context of values: kind VALUE_KINDS means that there is none. */
struct parameter {
    atom name;
    enum value_kind fallback; /* VALUE_CONST, VALUE_NUMBER, VALUE_NAME, VALUE_STRING */
    enum op constant;
    double number;
    atom text;
    bool is_dim, is_star;
};

struct function {
    atom name;
    struct parameter *param;
    uint32_t count;
    enum rank_rule rank;
    enum special special;
    uint32_t line;
};

/* One way to call a function: for every parameter of the form, the index in the function or -1. */
struct form {
    const struct function *function;
    struct parameter *param;
    int8_t *index;
    uint32_t count;
};

struct spelling {
    struct pattern pattern;
    const struct value *canonical;
    bool rounded;
};

struct bucket;

struct library {
    struct arena *arena;
    struct atoms *atoms;
    struct values *values;    /* of the patterns */
    struct map functions;     /* canonical name -> struct function */
    struct map forms;         /* dotted name -> struct form */
    struct map methods;       /* method name -> struct form */
    struct map modules;       /* `F` -> dotted name (an atom) */
    struct map keywords;      /* `axis` -> `dim` */
    struct bucket **spelling; /* by head */
    const struct function *special[SPECIALS_COUNT];
    atom shape, dtype, device, self;
};

struct library *library_create(struct arena *arena, struct atoms *atoms);

/* What a file of rules/ is loaded with. */
struct loader {
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct parser *parser;
    struct source *source; /* of the file that is read */
    struct library *library;
};

bool library_load_signatures(struct loader *loader, const struct yaml *file);
bool library_load_spellings(struct loader *loader, const struct yaml *file);

/* An entry `torch.f(a, b=1)`, or a mapping {call: ..., also: ..., rank: ...}, as a function called `prefix` + its
 * dotted name. False with a diagnostic. */
bool library_add_function(struct loader *loader, const struct yaml *entry, const char *prefix);

/* The function of a canonical name, or NULL. */
const struct function *library_function(const struct library *library, atom name);

/* Replace a value that is about to be made by the canonical value of the first spelling that it is an instance of, or
 * NULL. `draft` need not be interned. */
const struct value *library_respell(const struct library *library, struct values *values, const struct value *draft);

/* The dotted name of an expression with modules resolved (`F.silu` -> torch.nn.functional.silu), or NULL where it is
 * not a chain of attributes on a global name. */
atom library_qualify(const struct library *library, const struct node *expr);

/* A value with the head of a dtype cast, for heads_add. */
struct value library_cast_head(const struct library *library);

/* Report at a line of the file being loaded. */
void loader_error(struct loader *loader, const struct yaml *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Parse Python with $metavariables (which become names with a leading underscore). NULL with a diagnostic. */
struct node *loader_parse(struct loader *loader, const struct yaml *at, const char *text);

/* Whether a value is a call of that function. */
bool value_is_special(const struct values *values, const struct value *v, enum special special);

#endif
