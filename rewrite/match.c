/* match.c - the matcher: a depth-first search over a list of goals.
 *
 * A goal is "this pattern matches this value". Goals still to be reached form a list on the C stack, so a choice (the
 * order of a sum, an alternative, a cast) is tried with everything that comes after it, and undone by returning.
 *
 * Both sides are graphs, in which a part may be named many times: a long search remembers what it has matched. What has
 * matched once has bound all its metavariables and made all its choices, and matches again. */
#include "rewrite/match.h"

struct goal {
    const struct value *pattern, *subject;
    const struct goal *next;
    bool done; /* it has been reached: all of it matches */
};

/* Which alternative of a pattern is being tried. One that occurs twice, such as a `let` that is named twice, stands for
 * the same alternative both times: `softmax(scores * s)` beside `logsumexp(scores)` is not one attention. */
struct decision {
    const struct value *pattern;
    uint32_t alternative;
    const struct decision *before;
};

enum { LONG_SEARCH = 200, SOLVED_MAX = 1024 }; /* in steps; in parts */

/* A part of the pattern and the value that it matches. */
struct solved {
    const struct value *pattern, *subject;
};

struct search {
    const struct metavariables *metas;
    struct binding *binding;
    struct mismatch *mismatch;
    const struct decision *decisions;
    uint32_t steps, progress;
    struct solved *solved; /* room for SOLVED_MAX, of the caller */
    uint32_t count;
};

static bool solve(struct search *s, const struct goal *goal);

static bool refuse(struct search *s, const struct goal *goal, const struct condition *condition) {
    struct mismatch *m = s->mismatch;
    if (m != NULL && (m->pattern == NULL || s->progress > m->progress))
        *m = (struct mismatch){s->progress, goal->pattern, goal->subject, condition};
    return false;
}

/* -- leaves -------------------------------------------------------------------------------------------------------- */

static bool is_mask(const struct value *v, int form) {
    return abs_is_mask(v->abs) && (int)v->abs->mask->form == form;
}

/* x.shape[1] of a parameter [B, S, H]. */
static bool counts_tokens(const struct value *v) {
    const struct value *shape = v->kind == VALUE_INDEX ? v->arg[0] : NULL;
    if (shape == NULL || shape->kind != VALUE_ATTR || !atom_is(shape->atom, "shape") || !value_is_int(v->arg[1], -2))
        return false;
    const struct value *of = shape->arg[0];
    return of->rank == 3 && of->kind == VALUE_WEB && ((const struct web *)of->ref)->kind == WEB_PARAM;
}

bool condition_holds(const struct condition *c, const struct value *v) {
    bool holds = false;
    switch (c->kind) {
    case CONDITION_MASK: holds = is_mask(v, MASK_ADDS); break;
    case CONDITION_KEEPS: holds = is_mask(v, MASK_KEEPS); break;
    case CONDITION_DROPS: holds = is_mask(v, MASK_DROPS); break;
    case CONDITION_LOW: holds = value_is_low(v); break;
    case CONDITION_SCALAR: holds = value_is_scalar(v); break;
    case CONDITION_FIXED: holds = v->fixed; break;
    case CONDITION_NUMBER: holds = v->kind == VALUE_NUMBER; break;
    case CONDITION_POSITIVE: holds = v->kind == VALUE_NUMBER && v->number > 0; break;
    case CONDITION_TENSOR:
        if (v->kind == VALUE_ATTR && v->abs != NULL && (v->abs->kind == ABS_TOP || v->abs->kind == ABS_NOTNONE)) {
            holds = true; /* it may be either */
            break;
        }
        holds = v->kind != VALUE_NUMBER && v->kind != VALUE_CONST && !value_is_scalar(v);
        break;
    case CONDITION_NOTFIXED: holds = !v->fixed; break;
    case CONDITION_DTYPE:
        holds = (v->kind == VALUE_ATTR && strcmp(v->atom, "dtype") == 0) ||
                (v->kind == VALUE_NAME && strncmp(v->atom, "torch.", 6) == 0);
        break;
    case CONDITION_DIFFERENCE:
        while (value_cast_of(v) != NULL)
            v = value_cast_of(v);
        holds = v->kind == VALUE_OP && v->op == OP_SUB;
        break;
    case CONDITION_POSITIONS: holds = v->abs != NULL && v->abs->kind == ABS_TENSOR && v->abs->positions; break;
    case CONDITION_TOKENS: holds = counts_tokens(v); break;
    case CONDITION_OBJECT:
        holds = v->abs != NULL && v->abs->kind == ABS_OBJECT && atom_is(v->abs->qual, c->text);
        break;
    case CONDITION_RANK:
        for (uint32_t i = 0; i < c->count; i++)
            holds = holds || v->rank == c->number[i];
        break;
    case CONDITION_IS:
        for (uint32_t i = 0; i < c->count; i++)
            holds = holds || value_is_int(v, c->number[i]);
        break;
    case CONDITION_TOGETHER: return true; /* asked when all choices are made */
    case CONDITION_COUNT: break;
    }
    return holds != c->negated;
}

static bool solve_meta(struct search *s, const struct goal *goal) {
    const struct value **slot = &s->binding->meta[goal->pattern->op];
    if (*slot != NULL)
        return *slot == goal->subject ? solve(s, goal->next) : refuse(s, goal, NULL);
    for (const struct condition *c = s->metas->at[goal->pattern->op].conditions; c != NULL; c = c->next)
        if (!condition_holds(c, goal->subject))
            return refuse(s, goal, c);
    *slot = goal->subject;
    if (solve(s, goal->next))
        return true;
    *slot = NULL;
    return false;
}

/* -- choices ------------------------------------------------------------------------------------------------------- */

static bool solve_either(struct search *s, const struct goal *goal) {
    const struct decision *before = s->decisions, *made = before;
    while (made != NULL && made->pattern != goal->pattern)
        made = made->before;
    for (uint32_t i = 0; i < goal->pattern->count; i++) {
        struct goal choice = {goal->pattern->arg[i], goal->subject, goal->next, false};
        struct decision decision = {goal->pattern, i, before};
        if (made != NULL && made->alternative != i)
            continue;
        s->decisions = &decision;
        if (solve(s, &choice))
            return true;
    }
    s->decisions = before;
    return false;
}

static void visit(struct search *s, const struct value *subject) {
    struct visits *visits = s->binding->visits;
    if (visits != NULL && visits->len < MATCH_VISITED)
        visits->at[visits->len++] = subject;
}

static uint32_t visited(const struct search *s) {
    return s->binding->visits != NULL ? s->binding->visits->len : 0;
}

static void forget_visits(struct search *s, uint32_t len) {
    if (s->binding->visits != NULL)
        s->binding->visits->len = len;
}

static const struct value *uncast(const struct value *v);

/* `x.to(dtype) if half else x`: x under a cast, whichever it is. */
static const struct value *cast_either_way(const struct value *v) {
    const struct value *arm[2] = {v->arg[1], v->arg[2]};
    for (int i = 0; i < 2; i++)
        for (const struct value *inner; (inner = uncast(arm[i])) != NULL;)
            arm[i] = inner;
    return arm[0] == arm[1] ? arm[0] : NULL;
}

/* What a float cast casts, or NULL: a cast to integers or booleans changes the value for good. */
static const struct value *uncast(const struct value *v) {
    static const char *const other[] = {"torch.int", "torch.uint", "torch.bool", "torch.complex"};
    const struct value *inner = v->kind == VALUE_IFEXP ? cast_either_way(v) : value_cast_of(v);
    for (size_t i = 0; v->kind == VALUE_CALL && inner != NULL && i < sizeof other / sizeof *other; i++)
        if (v->arg[1]->kind == VALUE_NAME && strncmp(v->arg[1]->atom, other[i], strlen(other[i])) == 0)
            return NULL;
    return inner;
}

/* The innermost first: a metavariable stands for what was cast. */
static bool solve_cast_from(struct search *s, const struct goal *goal, const struct value *v) {
    const struct value *inner = uncast(v);
    uint32_t visits = visited(s);
    if (inner != NULL) {
        visit(s, v);
        if (solve_cast_from(s, goal, inner))
            return true;
        forget_visits(s, visits);
    }
    struct goal choice = {goal->pattern->arg[0], v, goal->next, false};
    return solve(s, &choice);
}

static bool solve_cast(struct search *s, const struct goal *goal) {
    return solve_cast_from(s, goal, goal->subject);
}

static bool solve_commuted(struct search *s, const struct goal *goal, bool swap) {
    const struct value *p = goal->pattern, *v = goal->subject;
    struct goal second = {p->arg[1], v->arg[swap ? 0 : 1], goal->next, false};
    struct goal first = {p->arg[0], v->arg[swap ? 1 : 0], &second, false};
    return solve(s, &first);
}

/* -- structure ----------------------------------------------------------------------------------------------------- */

static bool same_head(const struct value *a, const struct value *b) {
    return a->kind == b->kind && a->op == b->op && a->atom == b->atom && a->count == b->count &&
           a->number == b->number && a->ref == b->ref;
}

static bool solve_args(struct search *s, const struct goal *goal, uint32_t i) {
    enum { GOALS = 16 };
    struct goal todo[GOALS];
    uint32_t count = goal->pattern->count;
    if (count > GOALS)
        return refuse(s, goal, NULL);
    const struct goal *next = goal->next;
    for (i = count; i-- > 0; next = &todo[i])
        todo[i] = (struct goal){goal->pattern->arg[i], goal->subject->arg[i], next, false};
    return solve(s, next);
}

/* `$x.shape`, `$x.dtype`, where $x is bound: the subject has it as it is spelled for what $x stands for (canon.c). */
static bool is_attribute_of_bound(const struct search *s, const struct value *p, const struct value *v) {
    const struct value *bound =
        p->kind == VALUE_ATTR && p->arg[0]->kind == VALUE_META ? s->binding->meta[p->arg[0]->op] : NULL;
    return bound != NULL && value_attr((struct values *)v->owner, bound, p->atom) == v;
}

/* `-$x` where the subject is a number: $x is its negative. */
static bool is_negative_of_meta(const struct value *p, const struct value *v) {
    return p->kind == VALUE_OP && p->op == OP_NEG && p->count == 1 && p->arg[0]->kind == VALUE_META &&
           v->kind == VALUE_NUMBER;
}

static bool solve_structure(struct search *s, const struct goal *goal) {
    const struct value *p = goal->pattern, *v = goal->subject;
    if (is_negative_of_meta(p, v)) {
        const struct value *negative = value_number((struct values *)v->owner, -v->number);
        struct goal inner = {p->arg[0], negative, goal->next, false};
        return solve(s, &inner);
    }
    if (!same_head(p, v))
        return refuse(s, goal, NULL);
    if (is_attribute_of_bound(s, p, v))
        return solve(s, goal->next);
    struct binding *b = s->binding;
    uint32_t visits = visited(s);
    bool rounded = b->rounded;
    if (p->count > 0)
        visit(s, v);
    b->rounded = rounded || v->rounded;
    s->progress++;
    bool commutes = p->kind == VALUE_OP && p->count == 2 && (p->op == OP_ADD || p->op == OP_MUL);
    bool ok = commutes ? solve_commuted(s, goal, false) || solve_commuted(s, goal, true) : solve_args(s, goal, 0);
    s->progress--;
    if (!ok) {
        forget_visits(s, visits);
        b->rounded = rounded;
    }
    return ok;
}

static bool solve_both(struct search *s, const struct goal *goal) {
    enum { GOALS = 4 };
    struct goal todo[GOALS];
    const struct goal *next = goal->next;
    if (goal->pattern->count > GOALS)
        return refuse(s, goal, NULL);
    for (uint32_t i = goal->pattern->count; i-- > 0; next = &todo[i])
        todo[i] = (struct goal){goal->pattern->arg[i], goal->subject, next, false};
    return solve(s, next);
}

static bool mentions(const struct value *pattern, uint32_t meta) {
    if (pattern->kind == VALUE_META)
        return pattern->op == meta;
    for (uint32_t i = 0; i < pattern->count; i++)
        if (mentions(pattern->arg[i], meta))
            return true;
    return false;
}

/* A choice is about a metavariable if some of its alternatives have it and others do not. */
static bool is_about(const struct value *either, uint32_t meta) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < either->count; i++)
        count += mentions(either->arg[i], meta);
    return count > 0 && count < either->count;
}

/* Whether the choices agree on having a metavariable or not. */
static bool is_together(const struct search *s, uint32_t meta) {
    bool with = false, without = false;
    for (const struct decision *d = s->decisions; d != NULL; d = d->before) {
        bool about = is_about(d->pattern, meta), has = mentions(d->pattern->arg[d->alternative], meta);
        with = with || (about && has);
        without = without || (about && !has);
    }
    return !with || !without;
}

static bool choices_agree(const struct search *s) {
    for (uint32_t i = 0; s->decisions != NULL && i < s->metas->count; i++)
        for (const struct condition *c = s->metas->at[i].conditions; c != NULL; c = c->next)
            if (c->kind == CONDITION_TOGETHER && !is_together(s, i))
                return false;
    return true;
}

static bool solve_kind(struct search *s, const struct goal *goal) {
    switch (goal->pattern->kind) {
    case VALUE_META: return solve_meta(s, goal);
    case VALUE_ANY: return solve(s, goal->next);
    case VALUE_EITHER: return solve_either(s, goal);
    case VALUE_BOTH: return solve_both(s, goal);
    case VALUE_CAST: return solve_cast(s, goal);
    default: return solve_structure(s, goal);
    }
}

static bool is_solved(const struct search *s, const struct goal *goal) {
    for (uint32_t i = s->count; i-- > 0;)
        if (s->solved[i].pattern == goal->pattern && s->solved[i].subject == goal->subject)
            return true;
    return false;
}

/* Goes on, with what has been matched remembered as long as nothing of it is undone. */
static bool solve_rest(struct search *s, const struct goal *done) {
    if (s->count == SOLVED_MAX)
        return solve(s, done->next);
    s->solved[s->count++] = (struct solved){done->pattern, done->subject};
    if (solve(s, done->next))
        return true;
    s->count--;
    return false;
}

static bool solve(struct search *s, const struct goal *goal) {
    if (goal == NULL)
        return choices_agree(s);
    if (goal->done)
        return solve_rest(s, goal);
    if (s->steps++ > MATCH_STEPS)
        return false;
    if (s->steps < LONG_SEARCH || goal->pattern->count == 0)
        return solve_kind(s, goal);
    if (is_solved(s, goal))
        return solve(s, goal->next);
    struct goal done = {goal->pattern, goal->subject, goal->next, true};
    struct goal remembered = {goal->pattern, goal->subject, &done, false};
    return solve_kind(s, &remembered);
}

/* A metavariable may stand for anything, and the negative of one for a number. */
static uint64_t needs_of(const struct value *p) {
    uint64_t needs = 0;
    switch (p->kind) {
    case VALUE_META:
    case VALUE_ANY: return 0;
    case VALUE_CAST: return needs_of(p->arg[0]);
    case VALUE_EITHER:
        needs = UINT64_MAX;
        for (uint32_t i = 0; i < p->count; i++)
            needs &= needs_of(p->arg[i]);
        return needs;
    case VALUE_BOTH: break;
    default: needs = p->kind == VALUE_OP && p->op == OP_NEG && p->arg[0]->kind == VALUE_META ? 0 : head_bit(p); break;
    }
    for (uint32_t i = 0; i < p->count; i++)
        needs |= needs_of(p->arg[i]);
    return needs;
}

struct pattern pattern_of(const struct value *root, const struct metavariables *metas) {
    return (struct pattern){root, metas, needs_of(root)};
}

bool match(
    const struct pattern *pattern, const struct value *subject, struct binding *binding, struct mismatch *mismatch) {
    if (mismatch == NULL && (pattern->needs & ~subject->heads) != 0)
        return false;
    struct solved solved[SOLVED_MAX];
    struct search s = {.metas = pattern->metas, .binding = binding, .mismatch = mismatch, .solved = solved};
    struct goal goal = {pattern->root, subject, NULL, false};
    return solve(&s, &goal);
}

/* -- messages ------------------------------------------------------------------------------------------------------ */

const char *condition_text(enum condition_kind kind) {
    static const char *const text[] = {
#define X(name, spelled, doc) [CONDITION_##name] = doc,
        CONDITIONS(X)
#undef X
    };
    return kind < CONDITION_COUNT ? text[kind] : "";
}

/* As much of a value as a reader takes in. */
static void print_start(struct buf *out, const struct value *value) {
    enum { ENOUGH = 240 };
    size_t from = out->len;
    value_print(out, value);
    if (out->len - from > ENOUGH) {
        out->len = from + ENOUGH;
        buf_puts(out, " ...");
    }
}

void mismatch_print(struct buf *out, const struct mismatch *m, const struct metavariables *metas) {
    if (m->pattern == NULL)
        return;
    buf_puts(out, "`");
    print_start(out, m->subject);
    if (m->condition != NULL) {
        buf_printf(out, "` for $%s is %s%s", metas->at[m->pattern->op].name, m->condition->negated ? "" : "not ",
            condition_text(m->condition->kind));
    } else {
        buf_puts(out, "` stands where the rule wants `");
        print_start(out, m->pattern);
        buf_puts(out, "`");
    }
}

/* -- index by head ------------------------------------------------------------------------------------------------- */

static uint32_t head_hash(const struct value *v) {
    uintptr_t mixed = (uintptr_t)v->atom * 31 + v->kind * 7 + v->op * 131;
    return (uint32_t)(mixed ^ mixed >> 9) % HEAD_BUCKETS;
}

static struct bucket *find_bucket(struct bucket *const *table, const struct value *v) {
    for (struct bucket *b = table[head_hash(v)]; b != NULL; b = b->next)
        if (b->kind == v->kind && b->op == v->op && b->atom == v->atom)
            return b;
    return NULL;
}

static void add_head(struct arena *arena, struct bucket **table, const struct value *v, void *item) {
    struct bucket *b = find_bucket(table, v);
    if (b == NULL) {
        b = NEW(arena, struct bucket);
        *b = (struct bucket){v->kind, v->op, v->atom, NULL, NULL, table[head_hash(v)]};
        table[head_hash(v)] = b;
    }
    if (b->last != NULL && b->last->item == item)
        return;
    struct head_entry *entry = NEW(arena, struct head_entry);
    entry->item = item;
    if (b->last == NULL)
        b->first = entry;
    else
        b->last->next = entry;
    b->last = entry;
}

bool heads_add(
    struct arena *arena, struct bucket **table, const struct value *p, const struct value *cast, void *item) {
    if (p->kind == VALUE_META || p->kind == VALUE_ANY)
        return false;
    bool ok = true;
    if (p->kind == VALUE_EITHER) {
        for (uint32_t i = 0; i < p->count; i++)
            ok = heads_add(arena, table, p->arg[i], cast, item) && ok;
        return ok;
    }
    if (p->kind == VALUE_BOTH) {
        ok = false;
        for (uint32_t i = 0; i < p->count && !ok; i++)
            ok = heads_add(arena, table, p->arg[i], cast, item);
        return ok;
    }
    if (p->kind == VALUE_CAST) {
        add_head(arena, table, cast, item);
        return heads_add(arena, table, p->arg[0], cast, item);
    }
    add_head(arena, table, p, item);
    return true;
}

struct head_entry *heads_find(struct bucket *const *table, const struct value *value) {
    struct bucket *b = find_bucket(table, value);
    return b == NULL ? NULL : b->first;
}
