/* pattern.c - patterns compiled: text to syntax, metavariables marked, syntax to a value. */
#include <stdlib.h>

#include "rewrite/rules.h"

enum { LET_DEPTH = 20 };

struct compiler {
    struct loader *loader;
    const struct yaml *at;
    struct metavariables *metas;
    const struct yaml *lets;
    const struct value **let; /* compiled, parallel to lets */
    uint32_t depth;
};

static bool mark(struct compiler *c, struct node *node);

/* -- metavariables ------------------------------------------------------------------------------------------------- */

static struct metavariable *metavariable(struct compiler *c, const char *name, uint32_t *index) {
    struct metavariables *metas = c->metas;
    for (uint32_t i = 0; i < metas->count; i++) {
        if (strcmp(metas->at[i].name, name) == 0) {
            *index = i;
            return &metas->at[i];
        }
    }
    if (metas->count == MATCH_METAS) {
        loader_error(c->loader, c->at, "more than %d metavariables", MATCH_METAS);
        return NULL;
    }
    *index = metas->count++;
    metas->at[*index].name = intern(c->loader->atoms, name);
    return &metas->at[*index];
}

static const struct value *compile(struct compiler *c, const struct yaml *at, const char *text) {
    struct node *node = loader_parse(c->loader, at, text);
    if (node == NULL || !mark(c, node))
        return NULL;
    return value_of(c->loader->library->values, node);
}

/* The pattern called lets->key[i], compiled when it is first used. */
static const struct value *let_value(struct compiler *c, uint32_t i) {
    const struct yaml *let = c->lets->item[i];
    if (c->let[i] != NULL)
        return c->let[i];
    if (c->depth == LET_DEPTH || let->kind != YAML_SCALAR) {
        loader_error(c->loader, let, "`let` patterns nest too deep, or one is not a pattern");
        return NULL;
    }
    c->depth++;
    c->let[i] = compile(c, let, let->text);
    c->depth--;
    return c->let[i];
}

static bool mark_name(struct compiler *c, struct node *node) {
    struct values *values = c->loader->library->values;
    if (node->atom[0] != '_')
        return true;
    if (node->atom[1] == '\0') {
        node->value = value_make(values, VALUE_ANY, OP_NO, NULL, NULL, 0);
        return true;
    }
    for (uint32_t i = 0; c->lets != NULL && i < c->lets->count; i++) {
        if (strcmp(c->lets->key[i], node->atom + 1) == 0) {
            node->value = let_value(c, i);
            return node->value != NULL;
        }
    }
    uint32_t index;
    struct metavariable *meta = metavariable(c, node->atom + 1, &index);
    if (meta == NULL)
        return false;
    node->value = value_meta(values, c->metas, meta->name, index, meta->rank);
    return true;
}

/* The rank of all alternatives, if it is one. */
static uint32_t common_rank(const struct value **arg, uint32_t count) {
    for (uint32_t i = 1; i < count; i++)
        if (arg[i]->rank != arg[0]->rank)
            return 0;
    return arg[0]->rank;
}

/* either(p, q, ...), both(p, q, ...) and cast(p) */
static bool mark_form(struct compiler *c, struct node *call) {
    enum { ALTERNATIVES = 16 };
    struct values *values = c->loader->library->values;
    const struct value *arg[ALTERNATIVES];
    bool cast = is_name(call->kid[0], "cast");
    uint32_t count = call->nkids - 1;
    if (count == 0 || count > ALTERNATIVES || (cast && count != 1)) {
        loader_error(c->loader, c->at, "`%s` with %u patterns", call->kid[0]->atom, count);
        return false;
    }
    for (uint32_t i = 0; i < count; i++)
        arg[i] = value_of(values, call->kid[i + 1]);
    enum value_kind kind = cast ? VALUE_CAST : is_name(call->kid[0], "both") ? VALUE_BOTH : VALUE_EITHER;
    call->value = value_make(values, kind, OP_NO, NULL, arg, count);
    if (common_rank(arg, count) > 0)
        value_note_rank(call->value, common_rank(arg, count));
    return true;
}

/* Give every metavariable and form of a pattern its value; value_of makes the rest from them. */
static bool mark(struct compiler *c, struct node *node) {
    if (node->kind == NODE_NAME)
        return mark_name(c, node);
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL && !mark(c, node->kid[i]))
            return false;
    bool form = node->kind == NODE_CALL &&
                (is_name(node->kid[0], "either") || is_name(node->kid[0], "both") || is_name(node->kid[0], "cast"));
    return !form || mark_form(c, node);
}

const struct value *loader_pattern(struct loader *loader, const struct yaml *at, const char *text,
    struct metavariables *metas, const struct yaml *lets) {
    if (text == NULL) {
        loader_error(loader, at, "a pattern must be text");
        return NULL;
    }
    uint32_t count = lets != NULL ? lets->count : 0;
    struct compiler c = {loader, at, metas, lets, NEW_ARRAY(loader->arena, const struct value *, count + 1), 0};
    return compile(&c, at, text);
}

/* -- conditions ---------------------------------------------------------------------------------------------------- */

static bool next_word(const char **text, char *word, size_t size) {
    while (**text == ' ')
        (*text)++;
    size_t len = 0;
    while (**text != '\0' && **text != ' ' && len + 1 < size)
        word[len++] = *(*text)++;
    word[len] = '\0';
    return len > 0;
}

static bool find_condition(const char *word, enum condition_kind *kind) {
    static const char *const names[] = {
#define X(name, text, doc) [CONDITION_##name] = text,
        CONDITIONS(X)
#undef X
    };
    for (int i = 0; i < CONDITION_COUNT; i++) {
        if (strcmp(names[i], word) == 0) {
            *kind = (enum condition_kind)i;
            return true;
        }
    }
    return false;
}

/* `not fixed`, `rank 4`, `is 1 2` */
static bool read_condition(struct loader *loader, const struct yaml *at, const char *text, struct metavariable *meta) {
    char word[64];
    struct condition *condition = NEW(loader->arena, struct condition);
    bool more = next_word(&text, word, sizeof word);
    if (more && strcmp(word, "not") == 0) {
        condition->negated = true;
        more = next_word(&text, word, sizeof word);
    }
    if (!more || !find_condition(word, &condition->kind)) {
        loader_error(loader, at, "unknown condition `%s` on $%s", word, meta->name);
        return false;
    }
    if (condition->kind == CONDITION_OBJECT && next_word(&text, word, sizeof word))
        condition->text = arena_strndup(loader->arena, word, strlen(word));
    size_t max = sizeof condition->number / sizeof *condition->number;
    while (next_word(&text, word, sizeof word) && condition->count < max)
        condition->number[condition->count++] = (uint32_t)strtoul(word, NULL, 10);
    if (condition->kind == CONDITION_RANK && condition->count == 1 && !condition->negated)
        meta->rank = condition->number[0];
    condition->next = meta->conditions;
    meta->conditions = condition;
    return true;
}

static bool read_conditions(struct loader *loader, const struct yaml *at, struct metavariable *meta) {
    char *text = arena_strndup(loader->arena, at->text, strlen(at->text)), *save = NULL;
    for (char *part = strtok_r(text, ",", &save); part != NULL; part = strtok_r(NULL, ",", &save))
        if (!read_condition(loader, at, part, meta))
            return false;
    return true;
}

bool loader_conditions(struct loader *loader, const struct yaml *where, struct metavariables *metas) {
    struct compiler c = {loader, where, metas, NULL, NULL, 0};
    for (uint32_t i = 0; where != NULL && i < where->count; i++) {
        uint32_t index;
        struct metavariable *meta = where->kind == YAML_MAP ? metavariable(&c, where->key[i], &index) : NULL;
        if (meta == NULL || where->item[i]->kind != YAML_SCALAR) {
            loader_error(loader, where->item[i], "`where` maps metavariables to conditions");
            return false;
        }
        if (!read_conditions(loader, where->item[i], meta))
            return false;
    }
    return true;
}

bool loader_check_keys(struct loader *loader, const struct yaml *map, const char *allowed) {
    if (map->kind != YAML_MAP) {
        loader_error(loader, map, "expected a mapping with some of: %s", allowed);
        return false;
    }
    for (uint32_t i = 0; i < map->count; i++) {
        const char *key = map->key[i], *found = strstr(allowed, key);
        size_t len = strlen(key);
        while (found != NULL && ((found > allowed && found[-1] != ' ') || (found[len] != ' ' && found[len] != '\0')))
            found = strstr(found + 1, key);
        if (found == NULL || len == 0) {
            loader_error(loader, map->item[i], "unknown key `%s`; known are: %s", key, allowed);
            return false;
        }
    }
    return true;
}
