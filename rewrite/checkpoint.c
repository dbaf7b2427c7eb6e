/* checkpoint.c - finds the conversions of a model and applies them backwards to a key.
 *
 * Undoing follows the library's own way of saving in the published form: conversions in opposite order, at most one
 * converter, then every renaming. A pattern was written to be matched on disk keys, so its target becomes a pattern
 * (with the source's anchor) and its source becomes text: without `^` and lookaround, its group as a back reference. */
#include "rewrite/checkpoint.h"

#include <string.h>

#include "base/regex.h"
#include "base/text.h"
#include "rewrite/config.h"

/* One of several patterns of a conversion. */
struct branch {
    uint32_t index; /* in the conversion's targets */
    size_t length;
    struct regex *regex;
};

/* A conversion, backwards. */
struct undo {
    const struct conversion *of;
    VEC(struct branch) branches;    /* longest first: the first that matches counts */
    VEC(const char *) replacements; /* one a source */
};

struct checkpoint {
    struct unit *unit;
    VEC(struct undo *) undos; /* in the order of undoing */
};

/* -- patterns backwards -------------------------------------------------------------------------------------------- */

static const char *replace_all(struct arena *arena, const char *text, const char *what, const char *by) {
    struct buf out = {0};
    size_t len = strlen(what);
    for (const char *hit; (hit = strstr(text, what)) != NULL; text = hit + len) {
        buf_write(&out, text, (size_t)(hit - text));
        buf_puts(&out, by);
    }
    buf_puts(&out, text);
    return buf_keep(&out, arena);
}

static const char *replace_once(struct arena *arena, const char *text, const char *what, const char *by) {
    const char *hit = strstr(text, what);
    return hit ? arena_printf(arena, "%.*s%s%s", (int)(hit - text), text, by, hit + strlen(what)) : text;
}

/* Without `(?...)`: up to the first closing parenthesis, and the second if it follows at once. */
static const char *without_lookaround(struct arena *arena, const char *text) {
    const char *open;
    while ((open = strstr(text, "(?")) != NULL && open[2] != '\0') {
        const char *close = strchr(open + 3, ')');
        if (close == NULL)
            break;
        close += close[1] == ')' ? 2 : 1;
        text = arena_printf(arena, "%.*s%s", (int)(open - text), text, close);
    }
    return text;
}

/* The first `(...)` with something in it, or NULL. */
static const char *first_group(struct arena *arena, const char *text) {
    for (const char *open = strchr(text, '('); open; open = strchr(open + 1, '(')) {
        const char *close = open[1] ? strchr(open + 2, ')') : NULL;
        if (close)
            return arena_strndup(arena, open, (size_t)(close + 1 - open));
    }
    return NULL;
}

/* A pattern as the text that replaces a match; its group, if it has one, is `\1`, and is returned. */
static const char *as_text(struct arena *arena, const char **pattern) {
    const char *text = **pattern == '^' ? *pattern + 1 : *pattern;
    size_t len = strlen(text);
    if (len > 1 && text[len - 1] == '$' && text[len - 2] != '\\')
        text = arena_strndup(arena, text, len - 1);
    text = without_lookaround(arena, text);
    const char *group = first_group(arena, text);
    if (group)
        text = replace_once(arena, text, group, "\\1");
    *pattern = replace_all(arena, text, "\\.", ".");
    return group;
}

/* A target as the pattern that finds it. */
static const char *as_pattern(struct arena *arena, const char *text, const char *group, const char *source) {
    if (strstr(text, "\\1"))
        text = replace_once(arena, text, "\\1", group);
    if (source && source[0] == '^' && text[0] != '^')
        text = arena_printf(arena, "^%s", text);
    return text;
}

static const char *on_name_boundary(struct arena *arena, const char *pattern) {
    pattern = replace_all(arena, pattern, "*.", ".*\\.");
    char last = *pattern ? pattern[strlen(pattern) - 1] : '\0';
    bool is_name = (last >= '0' && last <= '9') || (last >= 'a' && last <= 'z') || (last >= 'A' && last <= 'Z');
    return is_name ? arena_printf(arena, "%s(?!\\w)", pattern) : pattern;
}

static bool refuse(struct checkpoint *c, const struct conversion *of, const char *problem) {
    struct unit *u = c->unit;
    struct diag *d = diag_at(u->diags, unit_refusal(u), u->module->source, u->entry->def->span, "checkpoint-layout",
        "the published checkpoint's layout is not understood: %s of `%s` to `%s`: %s", of->name,
        of->source.len ? of->source.at[0] : "", of->target.len ? of->target.at[0] : "", problem);
    diag_help(u->diags, d, "the conversions of the package are undone to find the published names of the parameters");
    return false;
}

static void insert_branch(struct arena *arena, struct undo *undo, struct branch branch) {
    uint32_t at = undo->branches.len;
    vec_push(arena, &undo->branches, branch);
    for (; at > 0 && undo->branches.at[at - 1].length < branch.length; at--)
        undo->branches.at[at] = undo->branches.at[at - 1];
    undo->branches.at[at] = branch;
}

static bool add_undo(struct checkpoint *c, const struct conversion *of) {
    struct arena *arena = c->unit->arena;
    struct undo *undo = NEW(arena, struct undo);
    undo->of = of;
    const char *group = NULL;
    for (uint32_t i = 0; i < of->source.len; i++) {
        const char *text = of->source.at[i], *found = as_text(arena, &text);
        if (found && group && strcmp(found, group) != 0)
            return refuse(c, of, "several groups");
        group = found ? found : group;
        vec_push(arena, &undo->replacements, text);
    }
    for (uint32_t i = 0; i < of->target.len; i++) {
        if (strstr(of->target.at[i], "\\1") && group == NULL)
            return refuse(c, of, "a back reference without its group");
        const char *problem, *paired = of->source.len == of->target.len ? of->source.at[i] : NULL;
        const char *pattern = as_pattern(arena, of->target.at[i], group, paired);
        struct branch branch = {i, strlen(pattern), regex_compile(arena, on_name_boundary(arena, pattern), &problem)};
        if (branch.regex == NULL)
            return refuse(c, of, problem);
        insert_branch(arena, undo, branch);
    }
    vec_push(arena, &c->undos, undo);
    return true;
}

/* A change of prefix, written out as patterns such that undoing them undoes it. */
static void spell_prefix(struct arena *arena, struct conversion *c) {
    const char *dot = *c->model_prefix ? "\\." : "";
    if (c->prefix_to_remove) { /* undone by adding it where it is not */
        vec_push(arena, &c->source, arena_printf(arena, "%s%s%s\\.\\1", c->model_prefix, dot, c->prefix_to_remove));
        vec_push(arena, &c->target,
            arena_printf(arena, "^%s%s(?:(?!%s\\.))(.+)", c->model_prefix, dot, c->prefix_to_remove));
    } else {
        vec_push(arena, &c->source, arena_printf(arena, "%s%s\\1", c->model_prefix, dot));
        vec_push(arena, &c->target, arena_printf(arena, "^%s%s%s\\.(.+)", c->model_prefix, dot, c->prefix_to_add));
    }
}

/* -- which conversions --------------------------------------------------------------------------------------------- */

/* A class name or model type whose conversions cover everything below a module. */
struct claim {
    atom identifier;
    const char *path;
};

struct search {
    struct unit *unit;
    struct conversion_table *table;
    struct conversions found;
    VEC(struct claim) claims;
    const char *base_prefix;
};

static bool is_claimed(const struct search *s, atom identifier, const char *path) {
    for (uint32_t i = 0; i < s->claims.len; i++) {
        const struct claim *c = &s->claims.at[i];
        size_t len = strlen(c->path);
        if (c->identifier == identifier && (len == 0 || (strncmp(path, c->path, len) == 0 && path[len] == '.')))
            return true;
    }
    return false;
}

static void claim(struct search *s, atom identifier, const char *path) {
    struct claim c = {identifier, path};
    vec_push(s->unit->arena, &s->claims, c);
}

/* The model type of the configuration that a model is constructed with; NULL where it is not known. */
static atom type_of(struct search *s, struct cls *cls) {
    struct fn *init = class_method(cls, "__init__");
    const struct config *config = s->unit->config;
    for (uint32_t i = 1; init && i < init->params.len; i++) {
        const struct absval *abs = init->params.at[i]->abs;
        if (abs == NULL || abs->kind != ABS_CONFIG)
            continue;
        config = config_at(s->unit, abs->qual);
        break;
    }
    return config ? config->model_type : NULL;
}

static void confine(struct search *s, uint32_t from, const char *path) {
    const char *scope = starts_with(path, s->base_prefix) ? path + strlen(s->base_prefix) : path;
    scope += *scope == '.';
    for (uint32_t i = from; i < s->found.list.len && *path; i++) {
        s->found.list.at[i]->scope = scope;
        s->found.list.at[i]->base = s->base_prefix;
    }
}

static bool search_model(struct search *s, struct cls *cls, const char *path) {
    uint32_t from = s->found.list.len;
    atom type = type_of(s, cls);
    bool by_class = false, by_type = false;
    if (is_claimed(s, cls->name, path))
        return true;
    if (!conversion_table_get(s->table, cls->name, &s->found, &by_class))
        return false;
    if (!by_class && type && !is_claimed(s, type, path) && !conversion_table_get(s->table, type, &s->found, &by_type))
        return false;
    if (!by_class && !by_type)
        return true;
    confine(s, from, path);
    claim(s, cls->name, path);
    if (by_type)
        claim(s, type, path);
    return true;
}

/* Every model below `cls`, in the order of its modules. */
static bool search_modules(struct search *s, struct cls *cls, const char *path, uint32_t depth) {
    if (depth > 16)
        return true;
    if (class_derives(cls, "PreTrainedModel") && !search_model(s, cls, path))
        return false;
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        if (!attr->live || attr->abs->kind != ABS_INSTANCE)
            continue;
        const char *below = arena_printf(s->unit->arena, "%s%s%s", path, *path ? "." : "", attr->name);
        if (!search_modules(s, attr->abs->cls, below, depth + 1))
            return false;
    }
    return true;
}

static const char *base_prefix(struct unit *unit) {
    const struct node *n = map_get(&unit->entry->class_attrs, intern(unit->atoms, "base_model_prefix"));
    return is_kind(n, NODE_STRING) ? string_value(unit->atoms, n) : "";
}

/* `_checkpoint_conversion_mapping = {pattern: text}` of the entry, as releases before the table have it. */
static void search_class(struct search *s) {
    struct unit *u = s->unit;
    const struct node *dict = map_get(&u->entry->class_attrs, intern(u->atoms, "_checkpoint_conversion_mapping"));
    for (uint32_t i = 0; is_kind(dict, NODE_DICT) && i < dict->nkids; i++) {
        const struct node *from = dict->kid[i]->kid[0], *to = dict->kid[i]->kid[1];
        if (!is_kind(from, NODE_STRING) || !is_kind(to, NODE_STRING))
            continue;
        struct conversion *rename = NEW(u->arena, struct conversion);
        rename->kind = CONVERSION_RENAME;
        rename->name = intern(u->atoms, "_checkpoint_conversion_mapping");
        vec_push(u->arena, &rename->source, string_value(u->atoms, from));
        vec_push(u->arena, &rename->target, string_value(u->atoms, to));
        vec_push(u->arena, &s->found.list, rename);
    }
}

struct checkpoint *checkpoint_read(struct unit *unit, bool *ok) {
    struct search s = {.unit = unit, .base_prefix = base_prefix(unit)};
    s.table = conversion_table_open(unit);
    search_class(&s);
    *ok = s.table == NULL || search_modules(&s, unit->entry, "", 0);
    if (!*ok || s.found.list.len == 0)
        return NULL;
    struct checkpoint *c = NEW(unit->arena, struct checkpoint);
    c->unit = unit;
    for (uint32_t i = s.found.list.len; i-- > 0 && *ok;) {
        if (s.found.list.at[i]->kind == CONVERSION_PREFIX)
            spell_prefix(unit->arena, s.found.list.at[i]);
        *ok = add_undo(c, s.found.list.at[i]);
    }
    return *ok ? c : NULL;
}

/* -- one key ------------------------------------------------------------------------------------------------------- */

/* How one conversion, undone, changes a key. */
struct step {
    bool matched;
    const char *key;
    uint32_t branch;
    const char *problem;
};

/* The prefix of the module that a conversion is confined to; UINT32_MAX where the key is not in it. */
static size_t scope_of(const struct checkpoint *c, const struct conversion *of, const char *key) {
    if (of->scope == NULL)
        return 0;
    const char *scope = *of->scope ? arena_printf(c->unit->arena, "%s.", of->scope) : "";
    const char *base = *of->base ? arena_printf(c->unit->arena, "%s.%s", of->base, scope) : scope;
    return starts_with(key, base) ? strlen(base) : starts_with(key, scope) ? strlen(scope) : SIZE_MAX;
}

static enum regex_result search_key(
    const struct undo *undo, const char *key, struct regex_match *match, uint32_t *branch) {
    uint32_t len = (uint32_t)strlen(key);
    for (uint32_t at = 0; at <= len; at++) {
        for (uint32_t i = 0; i < undo->branches.len; i++) {
            enum regex_result result = regex_match_at(undo->branches.at[i].regex, key, at, match);
            *branch = undo->branches.at[i].index;
            if (result != REGEX_NONE)
                return result;
        }
    }
    return REGEX_NONE;
}

static struct step undo_one(const struct checkpoint *c, const struct undo *undo, const char *key, uint32_t source) {
    struct arena *arena = c->unit->arena;
    struct regex_match match;
    struct step step = {.key = key};
    size_t scope = scope_of(c, undo->of, key);
    if (scope == SIZE_MAX)
        return step;
    const char *rest = key + scope;
    enum regex_result result = search_key(undo, rest, &match, &step.branch);
    step.problem = result == REGEX_GAVE_UP ? "the pattern can match in too many ways" : NULL;
    if (result != REGEX_MATCH)
        return step;
    step.matched = true;
    if (source >= undo->replacements.len) {
        step.problem = "fewer sources than parts";
        return step;
    }
    const char *by = undo->replacements.at[source];
    if (strstr(by, "\\1")) {
        uint32_t start = match.group[1].start, end = match.group[1].end;
        if (start == UINT32_MAX) {
            step.problem = "a back reference without its group";
            return step;
        }
        by = replace_all(arena, by, "\\1", arena_strndup(arena, rest + start, end - start));
    }
    if (strpbrk(by, "\\()[]|+?^$")) {
        step.problem = "a source that cannot be written out";
        return step;
    }
    const char *found = arena_strndup(arena, rest + match.group[0].start, match.group[0].end - match.group[0].start);
    step.key = arena_printf(arena, "%.*s%s", (int)scope, key, replace_once(arena, rest, found, by));
    return step;
}

static struct published problem_of(const struct undo *undo, const char *problem) {
    return (struct published){.problem = problem, .converter = undo->of};
}

struct published checkpoint_publish(const struct checkpoint *c, const char *own, uint32_t source) {
    struct published p = {.key = own};
    for (uint32_t i = 0; c && i < c->undos.len && p.converter == NULL; i++) {
        const struct undo *undo = c->undos.at[i];
        if (undo->of->kind != CONVERSION_CONVERT)
            continue;
        struct step step = undo_one(c, undo, p.key, source);
        if (step.problem)
            return problem_of(undo, step.problem);
        if (step.matched) {
            p.key = step.key;
            p.part = step.branch;
            p.converter = undo->of;
        }
    }
    for (uint32_t i = 0; c && i < c->undos.len; i++) {
        const struct undo *undo = c->undos.at[i];
        if (undo->of->kind == CONVERSION_CONVERT)
            continue;
        struct step step = undo_one(c, undo, p.key, 0);
        if (step.matched && undo->of->kind == CONVERSION_OTHER)
            return problem_of(undo, "a conversion of this kind is not known");
        if (step.problem)
            return problem_of(undo, step.problem);
        p.key = step.key;
    }
    return p;
}
