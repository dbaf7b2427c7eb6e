/* equations.c - the pass that rewrites by equations.
 *
 * Reads   the pruned residual program.
 * Writes  expressions that are instances of an equation of rules/ become the canonical op. A mask that an equation
 *         consumes turns into its window, as an attribute of the module; one of chunks into adgen.chunk_mask(q, size),
 *         of which chunk_masks.c makes a tensor, or nothing where one chunk is assumed to hold every sequence. */
#include <string.h>

#include "base/hash.h"
#include "rewrite/apply.h"
#include "rewrite/depthwise.h"
#include "rewrite/latents.h"
#include "rewrite/spec.h"
#include "rewrite/symbolic.h"

/* What all masks together allow; false, with the reason in r->refused, where no canonical op can say it. */
static bool masks_together(struct rewriter *r, const struct template_arg *arg, uint32_t count, struct mask *all) {
    *all = (struct mask){.shape = MASK_BIDIRECTIONAL};
    for (uint32_t i = 0; i < count && !r->refused; i++) {
        const struct absval *abs = arg[i].value ? arg[i].value->abs : arg[i].node ? arg[i].node->abs : NULL;
        if (arg[i].value == NULL && arg[i].node == NULL)
            continue;
        if (!abs_is_mask(abs))
            r->refused = "the mask is not known";
        else if (!mask_intersect(all, abs->mask))
            r->refused = "two masks apply at once that no canonical op can say";
    }
    if (!r->refused && (all->shape == MASK_WITHIN || all->shape == MASK_NOTHING))
        r->refused = "the mask has a window but lets tokens see the future";
    return !r->refused;
}

/* The size as an attribute of the module, called by one of the names if it is new. */
static struct node *size_in_module(struct rewriter *r, struct node *size, const char *const *names) {
    struct fn *fn = r->user;
    struct unit *unit = fn->unit;
    atom attribute = fn->owner ? attribute_for_symbol(unit, fn->owner, size, names) : NULL;
    if (attribute == NULL) {
        r->refused = "the window of the mask depends on what the module does not know at construction";
        return NULL;
    }
    struct node *held = make_attr(unit->arena, make_web_name(unit->arena, fn->params.at[0]->web), attribute);
    held->abs = class_attr_of(fn->owner, attribute)->abs;
    return held;
}

/* The sizes that a choice between sizes and None may give. */
static void note_chunks(struct unit *unit, struct node *size) {
    if (size->kind == NODE_IFEXP) {
        note_chunks(unit, size->kid[1]);
        note_chunks(unit, size->kid[2]);
    } else if (!is_none(size)) {
        note_limit(unit, size);
        unit->limited_to_chunk = true;
    }
}

static struct node *make_window(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    static const char *const names[] = {"sliding_window", "attention_window", NULL};
    struct unit *unit = ((struct fn *)r->user)->unit;
    struct mask all;
    if (!masks_together(r, arg, count, &all))
        return NULL;
    if (all.chunk && !assumed_to_take_all(unit)) {
        r->refused = "the mask is chunked, which no canonical op that AutoDeploy has a cache for can say";
        return NULL;
    }
    struct node *window = all.window ? size_in_module(r, all.window, names) : NULL;
    if (all.chunk && !r->refused)
        note_chunks(unit, all.chunk);
    return window;
}

/* adgen.chunk_mask(q, size) */
static struct node *make_chunks(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    static const char *const names[] = {"attention_chunk_size", "attention_chunk", NULL};
    struct unit *unit = ((struct fn *)r->user)->unit;
    struct mask all;
    if (!masks_together(r, arg + 1, count - 1, &all))
        return NULL;
    if (all.chunk == NULL || all.window)
        r->refused = all.chunk ? "the mask has a window as well as chunks" : "the mask has no chunks";
    struct node *size = r->refused ? NULL : size_in_module(r, all.chunk, names);
    if (size == NULL)
        return NULL;
    struct node *idiom =
        make_attr(unit->arena, make_name(unit->arena, intern(unit->atoms, "adgen")), intern(unit->atoms, "chunk_mask"));
    return node_make(unit->arena, NODE_CALL, NULL, 3, idiom, arg[0].node, size);
}

static const struct template_entry functions[] = {{"window", make_window}, {"chunks", make_chunks},
    {"expansion", make_expansion}, {"depthwise", make_depthwise}, {NULL, NULL}};

static struct rewriter rewriter_for(struct unit *unit, struct fn *fn) {
    struct rewriter r = {.arena = unit->arena,
        .atoms = unit->atoms,
        .rules = unit->rules,
        .trace = unit->trace,
        .functions = functions,
        .user = fn,
        .strict_rounding = unit->strict_rounding,
        .explains = unit->account != NULL};
    r.where = fn_path(unit, fn);
    fn->unit = unit;
    return r;
}

void apply_equations_to(struct unit *unit, struct fn *fn) {
    struct rewriter r = rewriter_for(unit, fn);
    rules_apply(&r, fn->body);
}

/* -- what need not be looked at again ------------------------------------------------------------------------------ */

/* Of all that an equation reads in a body: the tree, its variables and what is known of them. Holds addresses, so it is
 * good for comparing within one translation only. */
static uint64_t hash_of(const struct node *n, uint64_t hash) {
    if (n == NULL)
        return hash_mix(hash, 1);
    hash = hash_mix(hash, (uint64_t)n->kind << 40 | (uint64_t)n->op << 32 | n->nkids);
    hash = hash_mix(hash, (uintptr_t)n->atom ^ (uintptr_t)n->web << 16 ^ (uintptr_t)n->abs << 32);
    if (n->web)
        hash = hash_mix(hash, (uintptr_t)n->web->abs);
    for (uint32_t i = 0; n->ops && i + 1 < n->nkids; i++)
        hash = hash_mix(hash, n->ops[i]);
    for (uint32_t i = 0; i < n->nphis; i++)
        hash = hash_mix(hash, (uintptr_t)n->phis[i]);
    for (uint32_t i = 0; i < n->nkids; i++)
        hash = hash_of(n->kid[i], hash);
    return hash;
}

void apply_equations(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (atom_is(fn->name, "__init__"))
            continue;
        uint64_t hash = hash_of(fn->body, 0);
        if (hash == fn->unequal)
            continue;
        struct rewriter r = rewriter_for(unit, fn);
        if (rules_apply(&r, fn->body) == 0)
            fn->unequal = hash;
        rules_report_misses(&r);
    }
}

static bool none(struct rewriter *r, const struct rule *rule, const struct node *site) {
    (void)r, (void)rule, (void)site;
    return false;
}

static void explain_equations(struct unit *unit, struct fn *fn) {
    struct rewriter r = rewriter_for(unit, fn);
    r.explains = true;
    r.allow = none;
    rules_apply(&r, fn->body);
    rules_report_misses(&r);
}

static const char *recorded_miss(struct unit *unit, const struct fn *fn, const char *kind) {
    const char *where = fn_path(unit, fn);
    for (uint32_t i = 0; unit->trace && i < unit->trace->records.len; i++) {
        const struct trace_record *r = &unit->trace->records.at[i];
        if (r->kind == TRACE_MISS && r->where && strcmp(r->where, where) == 0 && strstr(r->id, kind))
            return r->text;
    }
    return NULL;
}

/* What was refused for a reason is on record; what did not match is so only where somebody asked for an account. */
const char *nearest_miss(struct unit *unit, struct fn *fn, const char *kind) {
    const char *miss = recorded_miss(unit, fn, kind);
    if (miss == NULL)
        explain_equations(unit, fn);
    return miss ? miss : recorded_miss(unit, fn, kind);
}
