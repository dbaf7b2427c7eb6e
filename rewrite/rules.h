/* rules.h - equations: loading, checking, listing.
 *
 * A rule file is a YAML mapping with the key `equations`, a list of
 *
 *     - id: rmsnorm                    unique; what --explain, --trace and reports call it
 *       title: one line
 *       why: what makes the two sides equal, and what to know about it
 *       promise: exact                 equal to the last bit wherever the op itself is computed alike
 *              | rounding              equal in exact arithmetic, rounded in another order
 *              | approximate           and then `bound: text` says how far apart they may be
 *       match: PATTERN                 or a list of alternative patterns, or a mapping {name: PATTERN, ...}: several
 *                                      values of one function that share metavariables, replaced together by the
 *                                      elements of the tuple that `rewrite` computes, in the order of the mapping
 *       let: {name: PATTERN, ...}      patterns with a name: `$name` in `match` stands for the whole pattern
 *       where: {x: CONDITIONS, ...}    see CONDITIONS in match.h: `mask`, `scalar`, `not fixed`, `rank 4`, `is 1 2`,
 * ... separated by commas; a stated rank also fixes how dimensions are counted rewrite: TEMPLATE              an
 * expression over the metavariables each: TEMPLATE                 with several roots: what replaces a root, `$result`
 * being its element of the tuple example: {x: "randn(2, 5, 16)", ...}     what tests/test_rule_proofs.py computes both
 * sides with; a list of such mappings where one is not enough must_not_match: [EXPRESSION, ...]         near misses,
 * over the same metavariables
 *
 * A pattern is Python with metavariables: `$x` is any value, the same at every occurrence; `_` is anything;
 * `either(p, q)` either; `both($x, p)` is p and has the name $x; `cast(p)` is p under any number of dtype casts.
 * Patterns are brought to canonical form as sources are (value.h), so it does not matter which spelling of a function a
 * pattern uses. Each occurrence of either() chooses by itself: where the choice must be the same twice, name the first
 * with both() and use the name.
 *
 * A keyword argument of an op that gets the default of its schema is left out. A template may call the functions of
 * TEMPLATE_FUNCTIONS. A metavariable that not every alternative binds may only stand
 * in a keyword argument (which is left out where it is not bound) or in an argument of a template function.
 *
 * The other files: `functions` (signatures.yaml) and `spellings` (spellings.yaml) are described in library.h; `ops`
 * (ops.yaml) is the list of canonical ops as signatures. Files with none of these keys are somebody else's. */
#ifndef ADGEN_REWRITE_RULES_H
#define ADGEN_REWRITE_RULES_H

#include <stdio.h>

#include "rewrite/library.h"

enum promise { PROMISE_EXACT, PROMISE_ROUNDING, PROMISE_APPROXIMATE };

/* X(name, "what it makes") */
#define TEMPLATE_FUNCTIONS(X) \
    X(window, "window(m, ...): the sliding window of masks that apply together; nothing where none has one") \
    X(chunks, "chunks(q, m, ...): what keeps each query of q [B, N, S, D] to the keys of its chunk; no mask may have " \
              "a window") \
    X(causal, "causal(m, ...): whether one of the masks is causal; nothing without a mask") \
    X(doubled, "doubled(h): h followed by itself along the last dimension") \
    X(first, "first(a, b, ...): the first of those arguments that are bound") \
    X(product, "product(a, b, ...): the product of those arguments that are bound; 1.0 if none is") \
    X(positive, "positive(d, r): dimension d of a tensor of rank r, counted from the front") \
    X(by_token, "by_token(x, b, s): x, which must be of [b, s, R]") \
    X(one_head, "one_head(x): x of [B, S, N, D], of which N must be 1") \
    X(depthwise, "depthwise(c): Conv1d c, which must have one filter for each channel, padding as wide as that less " \
                 "one, and no " \
                 "stride or dilation") \
    X(expansion, \
        "expansion(l, n, w, q, d): the weight of linear layer l, which must have no bias and make n * w numbers; " \
        "q of [B, S, N, D] must have n heads of size d")

struct root {
    atom name; /* NULL where `match` is not a mapping */
    struct pattern pattern;
};

struct rule {
    atom id;
    const char *title, *why, *bound, *rewrite_text;
    enum promise promise;
    struct metavariables *metas;
    struct root *root;
    uint32_t roots;
    struct node *rewrite, *each; /* each may be NULL */
    uint32_t size;               /* parts of the (largest) pattern: how near a near miss is */
    const struct yaml *yaml;
    struct source *source;
    uint32_t line, order;
};

/* A root of a rule under the heads that it can have. */
struct anchor {
    const struct rule *rule;
    uint32_t root;
};

struct rules {
    struct arena *arena;
    struct library *library;
    VEC(struct rule *) list;
    struct bucket **anchors; /* of struct anchor */
};

/* One rule file in memory; `name` is for messages. */
struct rule_file {
    const char *name, *text;
    size_t len;
};

/* Load and check all files, in any order. NULL with diagnostics where one is refused. */
struct rules *rules_load(struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser,
    const struct rule_file *files, uint32_t count);
/* The files compiled into the program; or all *.yaml of a directory. */
struct rules *rules_load_embedded(struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser);
struct rules *rules_load_dir(
    struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser, const char *dir);

const struct rule *rules_find(const struct rules *rules, const char *id);
const char *promise_text(enum promise promise);

/* --list-rules: one line a rule. */
void rules_list(FILE *out, const struct rules *rules);
/* --explain: everything about one rule; false where there is none with this id. */
bool rules_explain(FILE *out, const struct rules *rules, const char *id);

/* -- for library.c and the loader ---------------------------------------------------------------------------------- */

/* False with a diagnostic where a mapping has a key that is not in the space-separated list. */
bool loader_check_keys(struct loader *loader, const struct yaml *map, const char *allowed);

/* The `where` mapping (NULL: none) into metavariables. */
bool loader_conditions(struct loader *loader, const struct yaml *where, struct metavariables *metas);

/* A pattern as a value. `lets` is the `let` mapping or NULL. NULL with a diagnostic. */
const struct value *loader_pattern(struct loader *loader, const struct yaml *at, const char *text,
    struct metavariables *metas, const struct yaml *lets);

#endif
