/* conversion.c - the index of conversion_mapping.py, and the evaluation of its entries.
 *
 * The table is one function: `mapping = {"key": [...], ...}`, then statements `mapping["key"] = ...` and
 * `mapping["key"] += ...` in order, then a loop that gives every alias whose key is still free the list of what it
 * stands for. The index holds, for each definition, the bytes of its value. */
#include "rewrite/conversion.h"

#include <string.h>

#include "base/file.h"
#include "parser/parse.h"

enum { DEPTH_MAX = 20 };

/* `key = value` or `key += value`; `value` is a slice of the file. */
struct definition {
    atom key;
    bool more;
    uint32_t start, end;
};

struct conversion_table {
    struct unit *unit;
    struct conversion_table *kept; /* the same for all translations in a context */
    struct source *source;
    VEC(struct definition) definitions;
    struct map aliases; /* key -> atom */
};

static bool refuse(struct conversion_table *t, uint32_t at, const char *what) {
    struct diag *d = diag_at(t->unit->diags, unit_refusal(t->unit), t->source, (struct span){at, at + 1},
        "checkpoint-layout", "the published checkpoint's layout is not understood: %s", what);
    diag_help(
        t->unit->diags, d, "the package's table of key conversions is read as lists of calls, `.copy()`, `+` and `+=`");
    return false;
}

/* -- the index ----------------------------------------------------------------------------------------------------- */

static uint32_t skip_comment(const char *text, uint32_t at) {
    return at + (uint32_t)strcspn(text + at, "\n");
}

/* Past a string literal that begins with the quote at `at`. */
static uint32_t skip_string(const char *text, uint32_t at) {
    char quote = text[at];
    bool triple = text[at + 1] == quote && text[at + 2] == quote;
    at += triple ? 3 : 1;
    while (text[at]) {
        if (text[at] == '\\' && text[at + 1]) {
            at += 2;
        } else if (text[at] == quote && (!triple || (text[at + 1] == quote && text[at + 2] == quote))) {
            return at + (triple ? 3 : 1);
        } else {
            at++;
        }
    }
    return at;
}

/* The end of the expression at `at`: the comma, newline or closing bracket outside of its brackets and strings. */
static uint32_t skip_expression(const char *text, uint32_t at) {
    uint32_t depth = 0;
    while (text[at]) {
        switch (text[at]) {
        case '#': at = skip_comment(text, at); continue;
        case '"':
        case '\'': at = skip_string(text, at); continue;
        case '(':
        case '[':
        case '{': depth++; break;
        case ')':
        case ']':
        case '}':
            if (depth-- == 0)
                return at;
            break;
        case ',':
        case '\n':
            if (depth == 0)
                return at;
            break;
        default: break;
        }
        at++;
    }
    return at;
}

static uint32_t skip_space(const char *text, uint32_t at) {
    while (strchr(" \t\n\r,", text[at]) && text[at])
        at++;
    return text[at] == '#' ? skip_space(text, skip_comment(text, at)) : at;
}

/* A plain string literal as a key; NULL if there is none at `at`. */
static atom read_key(struct conversion_table *t, uint32_t *at) {
    const char *text = t->source->text;
    if (text[*at] != '"' && text[*at] != '\'')
        return NULL;
    uint32_t end = skip_string(text, *at);
    atom key = intern_len(t->unit->atoms, text + *at + 1, end - *at - 2);
    *at = end;
    return key;
}

/* The items of a dict display; `at` is behind its opening brace. Returns where it ends, or 0 where it is not
 * understood. */
static uint32_t index_dict(struct conversion_table *t, uint32_t at, bool aliases) {
    const char *text = t->source->text;
    for (at = skip_space(text, at); text[at] && text[at] != '}'; at = skip_space(text, at)) {
        struct definition d = {.key = read_key(t, &at)};
        at = skip_space(text, at);
        if (d.key == NULL || text[at] != ':')
            return 0;
        d.start = at = skip_space(text, at + 1);
        d.end = at = skip_expression(text, at);
        atom value = aliases ? read_key(t, &d.start) : NULL;
        if (aliases && value == NULL)
            return 0;
        if (aliases)
            map_put(t->unit->arena, &t->aliases, d.key, (void *)(uintptr_t)value);
        else
            vec_push(t->unit->arena, &t->definitions, d);
    }
    return at;
}

/* `["key"] = value`; `at` is at the bracket. Returns where it ends, or 0. */
static uint32_t index_statement(struct conversion_table *t, uint32_t at) {
    const char *text = t->source->text;
    struct definition d = {0};
    at++;
    d.key = read_key(t, &at);
    if (d.key == NULL || text[at] != ']')
        return 0;
    at += 1 + (uint32_t)strspn(text + at + 1, " ");
    d.more = text[at] == '+' && text[at + 1] == '=';
    at += d.more;
    if (text[at] != '=' || text[at + 1] == '=')
        return 0;
    d.start = at + 1 + (uint32_t)strspn(text + at + 1, " ");
    d.end = skip_expression(text, d.start);
    vec_push(t->unit->arena, &t->definitions, d);
    return d.end;
}

static bool begins(const char *text, const char *with) {
    return strncmp(text, with, strlen(with)) == 0;
}

/* Statements after the display, up to the next line that is not indented. A loop may only be the one over the aliases.
 */
static bool index_statements(struct conversion_table *t, uint32_t at) {
    static const char alias_loop[] = "for model_type, base_pattern in _MODEL_TO_CONVERSION_PATTERN.items():";
    const char *text = t->source->text;
    bool in_loop = false;
    while (text[at]) {
        at += (uint32_t)strcspn(text + at, "\n");
        at += (uint32_t)strspn(text + at, "\n\r");
        const char *line = text + at;
        uint32_t indent = (uint32_t)strspn(line, " ");
        if (indent == 0 && line[0] != '#' && line[0] != '\0')
            return true;
        line += indent;
        if (indent == 4)
            in_loop = begins(line, alias_loop);
        if (indent == 4 && begins(line, "mapping[")) {
            uint32_t end = index_statement(t, at + indent + 7);
            if (end == 0)
                return refuse(t, at + indent, "a statement of an unknown form");
            at = end;
        } else if (begins(line, "mapping") && !in_loop) {
            return refuse(t, at + indent, "a statement that changes the table under a condition or in a loop");
        }
    }
    return true;
}

/* The offset behind a line that begins with `head`, or 0. */
static uint32_t find_line(const struct source *source, const char *head) {
    size_t len = strlen(head);
    for (const char *p = strstr(source->text, head); p; p = strstr(p + 1, head))
        if (p == source->text || p[-1] == '\n')
            return (uint32_t)(p - source->text + (ptrdiff_t)len);
    return 0;
}

static bool index_table(struct conversion_table *t) {
    uint32_t aliases = find_line(t->source, "_MODEL_TO_CONVERSION_PATTERN = {");
    uint32_t table = find_line(t->source, "    mapping = {");
    if (aliases && index_dict(t, aliases, true) == 0)
        return refuse(t, aliases, "the aliases are not a display of strings");
    if (table == 0)
        return refuse(t, 0, "there is no `mapping = {...}`");
    uint32_t end = index_dict(t, table, false);
    if (end == 0)
        return refuse(t, table, "the table is not a display with strings as keys");
    return index_statements(t, end);
}

struct conversion_table *conversion_table_open(struct unit *unit) {
    if (unit->package.root == NULL)
        return NULL;
    const char *path = path_join(unit->arena, unit->package.root, "conversion_mapping.py");
    if (!file_exists(path))
        return NULL;
    struct unit *keeper = unit_keeper(unit);
    atom key = intern(unit->atoms, path);
    struct conversion_table *kept = map_get(&keeper->tables, key);
    if (kept == NULL) {
        kept = NEW(keeper->arena, struct conversion_table);
        kept->source = source_read(keeper->arena, unit->atoms, unit->diags, path);
        if (kept->source != NULL) /* else it is said to each */
            map_put(keeper->arena, &keeper->tables, key, kept);
    }
    struct conversion_table *t = NEW(unit->arena, struct conversion_table);
    *t = *kept;
    t->unit = unit;
    t->kept = kept;
    return t;
}

/* Index it for all, or say what is wrong with it to each. */
static bool index_once(struct conversion_table *t) {
    if (t->definitions.len > 0)
        return true;
    struct unit *unit = t->unit, reader = *unit;
    struct conversion_table made = {.source = t->source, .unit = &reader, .kept = t->kept};
    reader.arena = unit_keeper(unit)->arena;
    if (!index_table(&made))
        return false;
    made.unit = NULL;
    *t->kept = made;
    *t = made;
    t->unit = unit;
    return true;
}

/* -- evaluation ---------------------------------------------------------------------------------------------------- */

struct evaluation {
    struct conversion_table *table;
    struct definition *of;
    struct conversions *into;
    uint32_t depth;
};

static bool evaluate_key(
    struct conversion_table *t, atom key, uint32_t before, struct conversions *into, uint32_t depth);

static bool unknown(struct evaluation *e, const char *what) {
    return refuse(e->table, e->of->start, what);
}

static const char *text_of(struct evaluation *e, const struct node *n) {
    struct unit *u = e->table->unit;
    if (is_kind(n, NODE_STRING))
        return string_value(u->atoms, n);
    const char *all = "";
    for (uint32_t i = 0; is_kind(n, NODE_STRINGS) && i < n->nkids; i++) {
        const char *part = is_kind(n->kid[i], NODE_STRING) ? string_value(u->atoms, n->kid[i]) : NULL;
        if (part == NULL)
            return NULL;
        all = arena_printf(u->arena, "%s%s", all, part);
    }
    return is_kind(n, NODE_STRINGS) ? all : NULL;
}

static bool read_patterns(struct evaluation *e, const struct node *n, struct conversion *c, bool target) {
    struct arena *arena = e->table->unit->arena;
    uint32_t count = is_kind(n, NODE_LIST) ? n->nkids : 1;
    for (uint32_t i = 0; i < count; i++) {
        const char *text = text_of(e, is_kind(n, NODE_LIST) ? n->kid[i] : n);
        if (text == NULL)
            return unknown(e, "a pattern that is not a string");
        if (target)
            vec_push(arena, &c->target, text);
        else
            vec_push(arena, &c->source, text);
    }
    return true;
}

/* Operations that move a tensor to another place in memory say nothing about its values. */
static bool keeps_values(atom operation) {
    return atom_is(operation, "Force16BytesAlignment");
}

/* A converter that is left without one gives a tensor another name. */
static bool read_operations(struct evaluation *e, const struct node *list, struct conversion *c) {
    if (!is_kind(list, NODE_LIST))
        return unknown(e, "the operations of a converter are not a list");
    for (uint32_t i = 0; i < list->nkids; i++) {
        const struct node *call = list->kid[i];
        if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_NAME)
            return unknown(e, "an operation that is not a call");
        struct operation op = {call->kid[0]->atom, call};
        if (!keeps_values(op.name))
            vec_push(e->table->unit->arena, &c->operations, op);
    }
    if (list->nkids && c->operations.len == 0 && c->source.len == 1 && c->target.len == 1)
        c->kind = CONVERSION_RENAME;
    return true;
}

static bool read_prefix(struct evaluation *e, const struct node *call, struct conversion *c) {
    const struct node *add = call_argument(call, 0, "prefix_to_add"),
                      *remove = call_argument(call, 1, "prefix_to_remove");
    const struct node *model = call_argument(call, 2, "model_prefix");
    c->prefix_to_add = add && !is_none(add) ? text_of(e, add) : NULL;
    c->prefix_to_remove = remove && !is_none(remove) ? text_of(e, remove) : NULL;
    c->model_prefix = model && !is_none(model) ? text_of(e, model) : "";
    if ((c->prefix_to_add == NULL) == (c->prefix_to_remove == NULL) || c->model_prefix == NULL)
        return unknown(e, "a prefix that is not a string");
    return true;
}

static bool read_call(struct evaluation *e, const struct node *call) {
    struct conversion *c = NEW(e->table->unit->arena, struct conversion);
    c->name = call->kid[0]->atom;
    vec_push(e->table->unit->arena, &e->into->list, c);
    if (atom_is(c->name, "PrefixChange")) {
        c->kind = CONVERSION_PREFIX;
        return read_prefix(e, call, c);
    }
    const struct node *source = call_argument(call, 0, "source_patterns"),
                      *target = call_argument(call, 1, "target_patterns");
    if (source == NULL || target == NULL)
        return unknown(e, "a conversion without patterns");
    if (!read_patterns(e, source, c, false) || !read_patterns(e, target, c, true))
        return false;
    c->kind = atom_is(c->name, "WeightRenaming")    ? CONVERSION_RENAME
              : atom_is(c->name, "WeightConverter") ? CONVERSION_CONVERT
                                                    : CONVERSION_OTHER;
    return c->kind != CONVERSION_CONVERT || read_operations(e, call_argument(call, 2, "operations"), c);
}

/* `mapping["key"]`: the key. */
static atom table_key(struct evaluation *e, const struct node *n) {
    bool is = n->kind == NODE_SUBSCRIPT && is_name(n->kid[0], "mapping") && n->kid[1]->kind == NODE_STRING;
    return is ? string_value(e->table->unit->atoms, n->kid[1]) : NULL;
}

static bool evaluate(struct evaluation *e, const struct node *n) {
    if (n->kind == NODE_LIST) {
        for (uint32_t i = 0; i < n->nkids; i++) {
            const struct node *item = n->kid[i];
            if (item->kind == NODE_STARRED) {
                if (!evaluate(e, item->kid[0]))
                    return false;
            } else if (item->kind != NODE_CALL || item->kid[0]->kind != NODE_NAME) {
                return unknown(e, "an entry that is not a call");
            } else if (!read_call(e, item)) {
                return false;
            }
        }
        return true;
    }
    if (n->kind == NODE_BINOP && n->op == OP_ADD)
        return evaluate(e, n->kid[0]) && evaluate(e, n->kid[1]);
    bool is_copy =
        n->kind == NODE_CALL && n->nkids == 1 && n->kid[0]->kind == NODE_ATTRIBUTE && atom_is(n->kid[0]->atom, "copy");
    if (is_copy)
        n = n->kid[0]->kid[0];
    atom key = table_key(e, n);
    if (key == NULL)
        return unknown(e, "a list that is computed");
    uint32_t before = (uint32_t)(e->of - e->table->definitions.at);
    return evaluate_key(e->table, key, before, e->into, e->depth + 1);
}

static bool evaluate_definition(struct conversion_table *t, uint32_t index, struct conversions *into, uint32_t depth) {
    struct unit *u = t->unit;
    struct definition *d = &t->definitions.at[index];
    struct source *slice =
        source_from_text(u->arena, u->atoms, u->diags, t->source->path, t->source->text + d->start, d->end - d->start);
    struct node *value = slice ? parse_expression(u->parser, u->arena, u->atoms, u->diags, slice) : NULL;
    struct evaluation e = {t, d, into, depth};
    return value != NULL && evaluate(&e, value);
}

/* What the key holds before definition number `before`. */
static bool evaluate_key(
    struct conversion_table *t, atom key, uint32_t before, struct conversions *into, uint32_t depth) {
    uint32_t first = UINT32_MAX;
    if (depth > DEPTH_MAX)
        return refuse(t, 0, "lists that are made of each other");
    for (uint32_t i = 0; i < before; i++)
        if (t->definitions.at[i].key == key && (!t->definitions.at[i].more || first == UINT32_MAX))
            first = i;
    if (first == UINT32_MAX)
        return refuse(t, 0, arena_printf(t->unit->arena, "`%s` is used before it is defined", key));
    for (uint32_t i = first; i < before; i++)
        if (t->definitions.at[i].key == key && !evaluate_definition(t, i, into, depth))
            return false;
    return true;
}

static bool is_defined(const struct conversion_table *t, atom key) {
    for (uint32_t i = 0; i < t->definitions.len; i++)
        if (t->definitions.at[i].key == key)
            return true;
    return false;
}

/* Most models have no entry: that is seen without an index. */
static bool is_mentioned(const struct conversion_table *t, atom key) {
    size_t len = strlen(key);
    for (const char *p = strstr(t->source->text, key); p; p = strstr(p + 1, key))
        if (p > t->source->text && (p[-1] == '"' || p[-1] == '\'') && p[len] == p[-1])
            return true;
    return false;
}

bool conversion_table_get(struct conversion_table *t, atom key, struct conversions *into, bool *found) {
    *found = false;
    if (t->source == NULL)
        return false;
    if (t->definitions.len == 0 && !is_mentioned(t, key))
        return true;
    if (!index_once(t))
        return false;
    for (int depth = 0; depth < DEPTH_MAX && !is_defined(t, key); depth++)
        if ((key = map_get(&t->aliases, key)) == NULL)
            return true;
    *found = true;
    return evaluate_key(t, key, t->definitions.len, into, 0);
}
