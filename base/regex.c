/* regex.c - a backtracking matcher over a linked form of the pattern.
 *
 * Every node knows what follows it, so that an alternative or a repetition simply runs the rest from each position it
 * may end at. Texts are parameter paths of a few dozen characters; a budget of steps bounds what a hostile pattern
 * costs. */
#include "base/regex.h"

#include <stdlib.h>
#include <string.h>

#include "base/vec.h"

enum { STEPS_MAX = 100000, DEPTH_MAX = 50, REPEAT_MAX = 1000 };

enum regex_kind {
    RE_SET,
    RE_REPEAT,
    RE_SPLIT,
    RE_OPEN,
    RE_CLOSE,
    RE_LOOK,
    RE_BEGIN,
    RE_END,
    RE_BOUNDARY,
    RE_NOTHING,
    RE_ACCEPT
};

struct regex_node {
    enum regex_kind kind;
    struct regex_node *next;
    uint8_t set[32];               /* SET, REPEAT: the characters, one bit each */
    uint32_t min, max;             /* REPEAT */
    bool lazy;                     /* REPEAT */
    bool no;                       /* LOOK, BOUNDARY: must not */
    bool behind;                   /* LOOK */
    uint32_t width;                /* LOOK behind */
    uint32_t group;                /* OPEN, CLOSE */
    VEC(struct regex_node *) ways; /* SPLIT, tried in order; LOOK: one */
};

struct regex {
    struct regex_node *start;
};

/* -- reading ------------------------------------------------------------------------------------------------------- */

/* A piece under construction: last->next is open. */
struct piece {
    struct regex_node *first, *last;
};

struct reader {
    struct arena *arena;
    const char *p;
    const char *problem;
    uint32_t groups, depth;
};

static struct regex_node *node(struct reader *r, enum regex_kind kind) {
    struct regex_node *n = NEW(r->arena, struct regex_node);
    n->kind = kind;
    return n;
}

static struct piece single(struct regex_node *n) {
    return (struct piece){n, n};
}

static void fail(struct reader *r, const char *problem) {
    if (r->problem == NULL)
        r->problem = problem;
}

static void add(uint8_t *set, unsigned char c) {
    set[c / 8] |= (uint8_t)(1u << c % 8);
}

static bool has(const uint8_t *set, unsigned char c) {
    return set[c / 8] >> c % 8 & 1;
}

static void add_range(uint8_t *set, unsigned char from, unsigned char to) {
    for (unsigned c = from; c <= to; c++)
        add(set, (unsigned char)c);
}

static void invert(uint8_t *set) {
    for (int i = 0; i < 32; i++)
        set[i] = (uint8_t)~set[i];
}

/* `\d` and its like; false if the letter names no class. */
static bool add_named(uint8_t *set, char letter) {
    uint8_t named[32] = {0};
    switch (letter | 0x20) {
    case 'd': add_range(named, '0', '9'); break;
    case 'w':
        add_range(named, '0', '9'), add_range(named, 'a', 'z'), add_range(named, 'A', 'Z'), add(named, '_');
        break;
    case 's': add(named, ' '), add_range(named, '\t', '\r'); break;
    default: return false;
    }
    if (letter < 'a')
        invert(named);
    for (int i = 0; i < 32; i++)
        set[i] |= named[i];
    return true;
}

static bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* After the backslash, inside a class or out of it. */
static void read_escape(struct reader *r, uint8_t *set) {
    char c = *r->p;
    if (c == '\0')
        fail(r, "a pattern that ends in a backslash");
    else if (is_alnum(c) && !add_named(set, c))
        fail(r, "an escape other than \\d, \\w, \\s, \\b and escaped punctuation");
    else if (!is_alnum(c))
        add(set, (unsigned char)c);
    r->p += c != '\0';
}

static struct piece read_class(struct reader *r) {
    struct regex_node *n = node(r, RE_SET);
    bool no = *r->p == '^';
    r->p += no;
    for (bool first = true; first || *r->p != ']'; first = false) {
        unsigned char from = (unsigned char)*r->p;
        if (from == '\0') {
            fail(r, "a class without its closing bracket");
            break;
        }
        r->p++;
        if (from == '\\') {
            read_escape(r, n->set);
        } else if (r->p[0] == '-' && r->p[1] != ']' && r->p[1] != '\0') {
            add_range(n->set, from, (unsigned char)r->p[1]);
            r->p += 2;
        } else {
            add(n->set, from);
        }
    }
    r->p += *r->p == ']';
    if (no)
        invert(n->set);
    return single(n);
}

static struct piece read_ways(struct reader *r);

/* The number of characters that every match from `n` on has, or UINT32_MAX where they differ. */
static uint32_t width_of(const struct regex_node *n, const struct regex_node *end) {
    uint32_t width = 0;
    for (; n != end && n->kind != RE_ACCEPT; n = n->next) {
        if (n->kind == RE_REPEAT && n->min != n->max)
            return UINT32_MAX;
        width += n->kind == RE_SET ? 1 : n->kind == RE_REPEAT ? n->min : 0;
        if (n->kind != RE_SPLIT)
            continue;
        uint32_t one = width_of(n->ways.at[0], n->next);
        for (uint32_t i = 1; i < n->ways.len; i++)
            if (width_of(n->ways.at[i], n->next) != one)
                return UINT32_MAX;
        if (one == UINT32_MAX)
            return one;
        width += one;
    }
    return width;
}

static struct piece read_look(struct reader *r, bool behind) {
    struct regex_node *n = node(r, RE_LOOK);
    n->behind = behind;
    n->no = *r->p++ == '!';
    struct piece inner = read_ways(r);
    inner.last->next = node(r, RE_ACCEPT);
    vec_push(r->arena, &n->ways, inner.first);
    n->width = behind ? width_of(inner.first, NULL) : 0;
    if (n->width == UINT32_MAX)
        fail(r, "a lookbehind of varying width");
    return single(n);
}

static struct piece read_capture(struct reader *r) {
    struct regex_node *open = node(r, RE_OPEN), *close = node(r, RE_CLOSE);
    open->group = close->group = ++r->groups;
    if (r->groups >= REGEX_GROUPS) {
        fail(r, "too many groups");
        open->group = close->group = 0;
    }
    struct piece inner = read_ways(r);
    open->next = inner.first;
    inner.last->next = close;
    return (struct piece){open, close};
}

static struct piece read_group(struct reader *r) {
    struct piece piece = single(node(r, RE_NOTHING));
    if (++r->depth > DEPTH_MAX) {
        fail(r, "groups nested too deep");
        return piece;
    }
    if (r->p[0] != '?') {
        piece = read_capture(r);
    } else if (r->p[1] == ':') {
        r->p += 2;
        piece = read_ways(r);
    } else if (r->p[1] == '=' || r->p[1] == '!') {
        r->p++;
        piece = read_look(r, false);
    } else if (r->p[1] == '<' && (r->p[2] == '=' || r->p[2] == '!')) {
        r->p += 2;
        piece = read_look(r, true);
    } else if (r->p[1] == 'P' && r->p[2] == '<' && strchr(r->p, '>')) {
        r->p = strchr(r->p, '>') + 1;
        piece = read_capture(r);
    } else {
        fail(r, "a group of an unknown kind");
    }
    if (*r->p != ')')
        fail(r, "a group without its closing parenthesis");
    r->p += *r->p == ')';
    r->depth--;
    return piece;
}

static struct piece read_atom(struct reader *r) {
    struct regex_node *n = node(r, RE_SET);
    char c = *r->p++;
    switch (c) {
    case '(': return read_group(r);
    case '[': return read_class(r);
    case '^': n->kind = RE_BEGIN; return single(n);
    case '$': n->kind = RE_END; return single(n);
    case '.':
        add(n->set, '\n');
        invert(n->set);
        return single(n);
    case '*':
    case '+':
    case '?': fail(r, "a repetition of nothing"); return single(n);
    case '\\':
        if (*r->p == 'b' || *r->p == 'B') {
            n->kind = RE_BOUNDARY;
            n->no = *r->p++ == 'B';
            return single(n);
        }
        read_escape(r, n->set);
        return single(n);
    default:
        if ((unsigned char)c >= 0x80)
            fail(r, "a character outside of ASCII");
        add(n->set, (unsigned char)c);
        return single(n);
    }
}

/* `{m}`, `{m,}`, `{m,n}`; false, and nothing read, if the brace is a literal one. */
static bool read_counts(struct reader *r, uint32_t *min, uint32_t *max) {
    char *end;
    if (r->p[1] < '0' || r->p[1] > '9')
        return false;
    *min = *max = (uint32_t)strtoul(r->p + 1, &end, 10);
    if (*end == ',') {
        const char *upper = end + 1;
        *max = (uint32_t)strtoul(upper, &end, 10);
        if (end == upper)
            *max = REPEAT_MAX;
    }
    if (*end != '}')
        return false;
    if (*min > REPEAT_MAX || *max > REPEAT_MAX || *min > *max)
        fail(r, "a repetition with counts that are too large");
    r->p = end + 1;
    return true;
}

/* A group that may be left out. */
static struct piece optional(struct reader *r, struct piece piece, bool lazy) {
    struct regex_node *split = node(r, RE_SPLIT), *join = node(r, RE_NOTHING);
    vec_push(r->arena, &split->ways, lazy ? join : piece.first);
    vec_push(r->arena, &split->ways, lazy ? piece.first : join);
    piece.last->next = join;
    split->next = join;
    return (struct piece){split, join};
}

static struct piece read_repeated(struct reader *r) {
    struct piece piece = read_atom(r);
    uint32_t min = 0, max = REPEAT_MAX;
    if (*r->p == '{') {
        if (!read_counts(r, &min, &max))
            return piece;
    } else if (*r->p == '*' || *r->p == '+' || *r->p == '?') {
        min = *r->p == '+';
        max = *r->p == '?' ? 1 : REPEAT_MAX;
        r->p++;
    } else {
        return piece;
    }
    bool lazy = *r->p == '?';
    r->p += lazy;
    if (*r->p == '*' || *r->p == '+' || *r->p == '?')
        fail(r, "a repetition of a repetition");
    if (piece.first->kind == RE_SET && piece.first == piece.last) {
        piece.first->kind = RE_REPEAT;
        piece.first->min = min;
        piece.first->max = max;
        piece.first->lazy = lazy;
        return piece;
    }
    if (min != 0 || max != 1)
        fail(r, "a repetition of a group");
    return optional(r, piece, lazy);
}

static struct piece read_sequence(struct reader *r) {
    struct piece all = single(node(r, RE_NOTHING));
    while (*r->p && *r->p != '|' && *r->p != ')' && r->problem == NULL) {
        struct piece piece = read_repeated(r);
        all.last->next = piece.first;
        all.last = piece.last;
    }
    return all;
}

static struct piece read_ways(struct reader *r) {
    struct piece piece = read_sequence(r);
    if (*r->p != '|')
        return piece;
    struct regex_node *split = node(r, RE_SPLIT), *join = node(r, RE_NOTHING);
    split->next = join;
    for (;;) {
        vec_push(r->arena, &split->ways, piece.first);
        piece.last->next = join;
        if (*r->p != '|')
            return (struct piece){split, join};
        r->p++;
        piece = read_sequence(r);
    }
}

struct regex *regex_compile(struct arena *arena, const char *pattern, const char **problem) {
    struct reader r = {.arena = arena, .p = pattern};
    struct piece piece = read_ways(&r);
    if (*r.p)
        fail(&r, "a closing parenthesis without its opening one");
    *problem = r.problem;
    if (r.problem)
        return NULL;
    piece.last->next = node(&r, RE_ACCEPT);
    struct regex *regex = NEW(arena, struct regex);
    regex->start = piece.first;
    return regex;
}

/* -- matching ------------------------------------------------------------------------------------------------------ */

struct run {
    const char *text;
    uint32_t len, steps;
    struct regex_match *match;
    uint32_t end; /* where ACCEPT was reached */
};

static bool is_word(const struct run *run, uint32_t at) {
    return at < run->len && (is_alnum(run->text[at]) || run->text[at] == '_');
}

static bool go(struct run *run, const struct regex_node *n, uint32_t at);

static bool repeat(struct run *run, const struct regex_node *n, uint32_t at) {
    uint32_t count = 0;
    while (count < n->max && at + count < run->len && has(n->set, (unsigned char)run->text[at + count]))
        count++;
    for (uint32_t k = n->min; k <= count; k++) {
        uint32_t taken = n->lazy ? k : count - (k - n->min);
        if (go(run, n->next, at + taken))
            return true;
    }
    return false;
}

/* A group's borders are put back where the rest does not match. */
static bool border(struct run *run, const struct regex_node *n, uint32_t at) {
    struct regex_match *m = run->match;
    uint32_t start = m->group[n->group].start, end = m->group[n->group].end;
    if (n->kind == RE_OPEN)
        m->group[n->group].start = at;
    m->group[n->group].end = at;
    if (go(run, n->next, at))
        return true;
    m->group[n->group].start = start;
    m->group[n->group].end = end;
    return false;
}

static bool look(struct run *run, const struct regex_node *n, uint32_t at) {
    bool found = at >= n->width && go(run, n->ways.at[0], at - n->width);
    return found != n->no && go(run, n->next, at);
}

static bool go(struct run *run, const struct regex_node *n, uint32_t at) {
    for (; ++run->steps < STEPS_MAX; n = n->next) {
        switch (n->kind) {
        case RE_SET:
            if (at >= run->len || !has(n->set, (unsigned char)run->text[at]))
                return false;
            at++;
            break;
        case RE_REPEAT: return repeat(run, n, at);
        case RE_SPLIT:
            for (uint32_t i = 0; i < n->ways.len; i++)
                if (go(run, n->ways.at[i], at))
                    return true;
            return false;
        case RE_OPEN:
        case RE_CLOSE: return border(run, n, at);
        case RE_LOOK: return look(run, n, at);
        case RE_BEGIN:
            if (at != 0)
                return false;
            break;
        case RE_END:
            if (at != run->len)
                return false;
            break;
        case RE_BOUNDARY:
            if (((at > 0 && is_word(run, at - 1)) != is_word(run, at)) == n->no)
                return false;
            break;
        case RE_NOTHING: break;
        case RE_ACCEPT: run->end = at; return true;
        }
    }
    return false;
}

/* Most positions of a text are ruled out by the character that stands there. */
static bool may_begin(const struct regex *regex, const char *text, uint32_t at) {
    const struct regex_node *n = regex->start;
    while (n->kind == RE_OPEN || n->kind == RE_NOTHING)
        n = n->next;
    return n->kind == RE_SET ? has(n->set, (unsigned char)text[at]) : n->kind != RE_BEGIN || at == 0;
}

enum regex_result regex_match_at(const struct regex *regex, const char *text, uint32_t at, struct regex_match *match) {
    if (!may_begin(regex, text, at))
        return REGEX_NONE;
    for (int i = 0; i < REGEX_GROUPS; i++)
        match->group[i].start = match->group[i].end = UINT32_MAX;
    struct run run = {text, (uint32_t)strlen(text), 0, match, 0};
    bool found = go(&run, regex->start, at);
    if (run.steps >= STEPS_MAX)
        return REGEX_GAVE_UP;
    match->group[0].start = at;
    match->group[0].end = run.end;
    return found ? REGEX_MATCH : REGEX_NONE;
}
