/* facts.c - loads rules/prefill.yaml and answers questions about names. */
#include "rewrite/facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/embed.h"
#include "base/file.h"
#include "parser/parse.h"
#include "rewrite/passes.h"
#include "rewrite/yaml.h"

/* Facts are found by the last component of their name, then by the whole dotted end. */
struct bag {
    VEC(const struct fact *) list;
};

enum {
    SECTION_LIBRARY,
    SECTION_CONFIG,
    SECTION_ATTRIBUTE,
    SECTION_PARAMETER,
    SECTION_BASE,
    SECTION_DECORATOR,
    SECTION_CONTEXT,
    SECTION_ASSUMPTION,
    SECTIONS
};

static const char *const section_name[SECTIONS] = {
    "library", "config", "attributes", "parameters", "bases", "decorators", "contexts", "assumptions"};

struct facts {
    struct unit *unit; /* arena and atoms */
    struct map section[SECTIONS];
    const char *path;
    VEC(const struct fact *) numbered; /* one for each entry, in order */
};

static const struct {
    const char *name;
    enum effect effect;
} effects[] = {
    {"causal-mask", EFFECT_MASK_CAUSAL},
    {"window-mask", EFFECT_MASK_WINDOW},
    {"reach-mask", EFFECT_MASK_REACH},
    {"chunked-mask", EFFECT_MASK_CHUNKED},
    {"bidirectional-mask", EFFECT_MASK_BIDIRECTIONAL},
    {"layer-masks", EFFECT_MASKS},
    {"drop", EFFECT_DROP},
    {"record", EFFECT_RECORD},
    {"tensor", EFFECT_TENSOR},
    {"optional-tensor", EFFECT_OPTIONAL},
    {"object", EFFECT_OBJECT},
    {"nones", EFFECT_NONES},
    {"class", EFFECT_CLASS},
    {"mutates", EFFECT_MUTATES},
    {"takes-all", EFFECT_TAKES_ALL},
    {"fills", EFFECT_FILLS},
};

struct loader {
    struct unit *unit;
    struct facts *facts;
    struct source *source;
    bool ok;
};

static void complain(struct loader *l, const struct yaml *at, const char *format, const char *what) {
    diag_at(l->unit->diags, SEVERITY_ERROR, l->source, at->span, "fact-file", format, what);
    l->ok = false;
}

static struct node *parse_value(struct loader *l, const struct yaml *y) {
    struct unit *unit = l->unit;
    struct source *text =
        source_from_text(unit->arena, unit->atoms, unit->diags, l->source->path, y->text, strlen(y->text));
    struct node *n = text ? parse_expression(unit->parser, unit->arena, unit->atoms, unit->diags, text) : NULL;
    if (n == NULL)
        complain(l, y, "not an expression: `%s`", y->text);
    return n;
}

static bool parse_effect(struct loader *l, const struct yaml *entry, struct fact *fact) {
    const struct yaml *value = yaml_get(entry, "value"), *argument = yaml_get(entry, "argument");
    const char *effect = yaml_text(entry, "effect"), *is = yaml_text(entry, "is"),
               *applies = yaml_text(entry, "applies");
    const struct yaml *constant = yaml_get(entry, "constant");
    if (value) {
        fact->effect = EFFECT_VALUE;
        return (fact->value = parse_value(l, value)) != NULL;
    }
    if (constant) {
        fact->effect = EFFECT_CONSTANT;
        return (fact->value = parse_value(l, constant)) != NULL;
    }
    if (argument) {
        fact->effect = EFFECT_ARGUMENT;
        fact->argument = (uint32_t)strtoul(argument->text, NULL, 10);
        const char *keyword = yaml_text(entry, "keyword");
        fact->keyword = keyword ? intern(l->unit->atoms, keyword) : NULL;
        return true;
    }
    if (applies) {
        fact->effect = EFFECT_APPLIES;
        fact->argument = (uint32_t)strtoul(applies, NULL, 10);
        return true;
    }
    if (is) {
        fact->effect = EFFECT_REPLACE;
        fact->replacement = intern(l->unit->atoms, is);
        return true;
    }
    for (size_t i = 0; effect && i < sizeof effects / sizeof effects[0]; i++)
        if (strcmp(effects[i].name, effect) == 0) {
            const char *rank = yaml_text(entry, "rank");
            fact->effect = effects[i].effect;
            fact->argument = rank ? (uint32_t)strtoul(rank, NULL, 10) : 0;
            return true;
        }
    complain(l, entry, "a fact needs one of `value`, `constant`, `argument`, `applies`, `is`, `effect`%s", "");
    return false;
}

static const struct fact *add_fact(struct loader *l, struct map *section, const struct fact *base, const char *name) {
    struct unit *unit = l->unit;
    struct fact *fact = NEW(unit->arena, struct fact);
    *fact = *base;
    fact->name = intern(unit->atoms, name);
    const char *dot = strrchr(name, '.');
    atom last = intern(unit->atoms, dot ? dot + 1 : name);
    struct bag *bag = map_get(section, last);
    if (bag == NULL) {
        bag = NEW(unit->arena, struct bag);
        map_put(unit->arena, section, last, bag);
    }
    vec_push(unit->arena, &bag->list, fact);
    return fact;
}

static void check_keys(struct loader *l, const struct yaml *entry) {
    static const char *const known[] = {
        "id", "names", "why", "value", "constant", "argument", "keyword", "applies", "is", "effect", "rank"};
    for (uint32_t i = 0; i < entry->count; i++) {
        bool found = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++)
            found |= atom_is(entry->key[i], known[k]);
        if (!found)
            complain(l, entry->item[i], "unknown key `%s`", entry->key[i]);
    }
}

/* Facts, passes and other reasons share the ids by which --explain and the report call them. */
static bool check_id(struct loader *l, const struct yaml *entry, atom id) {
    struct explanation e;
    bool taken = pass_find(id) != NULL;
    for (reason why = 1; (e = reason_explain(l->facts, why)).id != NULL; why++)
        taken |= strcmp(e.id, id) == 0;
    if (taken)
        complain(l, entry, "the id `%s` is taken", id);
    return !taken;
}

static void load_entry(struct loader *l, struct map *section, const struct yaml *entry) {
    if (entry->kind != YAML_MAP) {
        complain(l, entry, "a fact is a mapping%s", "");
        return;
    }
    check_keys(l, entry);
    const char *id = yaml_text(entry, "id"), *why = yaml_text(entry, "why");
    const struct yaml *names = yaml_get(entry, "names");
    if (!id || !why || !names || names->kind != YAML_LIST) {
        complain(l, entry, "a fact needs `id`, `names` (a list) and `why`%s", "");
        return;
    }
    struct fact fact = {.id = intern(l->unit->atoms, id), .why = why, .entry = entry};
    fact.number = (reason)(REASON_FACTS + l->facts->numbered.len);
    if (!check_id(l, entry, fact.id) || !parse_effect(l, entry, &fact))
        return;
    const struct fact *made = NULL;
    for (uint32_t i = 0; i < names->count; i++)
        made = add_fact(l, section, &fact, names->item[i]->text);
    if (made != NULL)
        vec_push(l->unit->arena, &l->facts->numbered, made);
}

static void load_sections(struct loader *l, const struct yaml *root) {
    if (root->kind != YAML_MAP) {
        complain(l, root, "the fact file is a mapping of sections%s", "");
        return;
    }
    for (uint32_t i = 0; i < root->count; i++) {
        int s = 0;
        while (s < SECTIONS && !atom_is(root->key[i], section_name[s]))
            s++;
        if (s == SECTIONS) {
            complain(l, root->item[i], "unknown section `%s`", root->key[i]);
            continue;
        }
        for (uint32_t k = 0; k < root->item[i]->count; k++)
            load_entry(l, &l->facts->section[s], root->item[i]->item[k]);
    }
}

static struct source *open_facts(struct unit *unit, const char *dir) {
    if (dir)
        return source_read(unit->arena, unit->atoms, unit->diags, path_join(unit->arena, dir, "prefill.yaml"));
    const struct embedded *file = embed_find("rules/prefill.yaml");
    return file ? source_from_text(unit->arena, unit->atoms, unit->diags, file->name, file->text, file->len) : NULL;
}

struct facts *facts_load(struct unit *unit, const char *dir) {
    struct loader l = {.unit = unit, .ok = true, .source = open_facts(unit, dir)};
    if (l.source == NULL)
        return NULL;
    l.facts = NEW(unit->arena, struct facts);
    l.facts->unit = unit;
    l.facts->path = l.source->path;
    struct yaml *root = yaml_read(unit->arena, unit->atoms, unit->diags, l.source, "rule-file");
    if (root == NULL)
        return NULL;
    load_sections(&l, root);
    return l.ok ? l.facts : NULL;
}

static void forget(struct node *n) {
    n->web = NULL;
    n->abs = NULL;
    n->value = NULL;
    n->callsite = NULL;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            forget(n->kid[i]);
}

void facts_forget(struct facts *facts) {
    for (uint32_t s = 0; s < SECTIONS; s++) {
        for (uint32_t i = 0; i < facts->section[s].len; i++) {
            const struct bag *bag = facts->section[s].entry[i].value;
            for (uint32_t k = 0; k < bag->list.len; k++)
                if (bag->list.at[k]->value)
                    forget(bag->list.at[k]->value);
        }
    }
}

static const struct fact *find(const struct facts *facts, int section, atom qual) {
    const char *dot = strrchr(qual, '.');
    const struct bag *bag = map_get(&facts->section[section], dot ? intern(facts->unit->atoms, dot + 1) : qual);
    const struct fact *best = NULL;
    for (uint32_t i = 0; bag && i < bag->list.len; i++) {
        const struct fact *fact = bag->list.at[i];
        if (qual_ends(qual, fact->name) && (best == NULL || strlen(fact->name) > strlen(best->name)))
            best = fact;
    }
    return best;
}

const char *facts_path(const struct facts *facts) {
    return facts->path;
}

const struct fact *fact_numbered(const struct facts *facts, reason number) {
    uint32_t i = (uint32_t)number - REASON_FACTS;
    return number >= REASON_FACTS && i < facts->numbered.len ? facts->numbered.at[i] : NULL;
}

const struct fact *fact_library(const struct facts *facts, atom qual) {
    return find(facts, SECTION_LIBRARY, qual);
}
const struct fact *fact_config(const struct facts *facts, atom field) {
    return find(facts, SECTION_CONFIG, field);
}
const struct fact *fact_attribute(const struct facts *facts, atom name) {
    return find(facts, SECTION_ATTRIBUTE, name);
}
const struct fact *fact_parameter(const struct facts *facts, atom name) {
    return find(facts, SECTION_PARAMETER, name);
}
const struct fact *fact_base(const struct facts *facts, atom qual) {
    return find(facts, SECTION_BASE, qual);
}
const struct fact *fact_decorator(const struct facts *facts, atom qual) {
    return find(facts, SECTION_DECORATOR, qual);
}
const struct fact *fact_context(const struct facts *facts, atom qual) {
    return find(facts, SECTION_CONTEXT, qual);
}
const struct fact *fact_assumption(const struct facts *facts, const char *name) {
    return find(facts, SECTION_ASSUMPTION, intern(facts->unit->atoms, name));
}
