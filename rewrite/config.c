/* config.c - reading configuration classes.
 *
 * Reads   the class statement in either style: fields with annotations (transformers 5), stores in __init__ (4).
 * Writes  struct config. Bases are read first, so that what a class says itself replaces what it inherits. */
#include "rewrite/config.h"

#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/config_digest.h"

static void put(struct unit *unit, struct config *config, atom name, struct node *value) {
    map_put(unit->arena, &config->declared, name, value);
}

/* -- the class body ------------------------------------------------------------------------------------------------ */

static void read_aliases(struct unit *unit, struct config *config, const struct node *dict) {
    config->aliases = (struct map){0}; /* a class attribute: replaces the inherited one */
    for (uint32_t i = 0; is_kind(dict, NODE_DICT) && i < dict->nkids; i++) {
        const struct node *item = dict->kid[i];
        atom alias = item->kid[0] && item->kid[0]->kind == NODE_STRING ? string_value(unit->atoms, item->kid[0]) : NULL;
        atom target = item->kid[1]->kind == NODE_STRING ? string_value(unit->atoms, item->kid[1]) : NULL;
        if (alias && target)
            map_put(unit->arena, &config->aliases, alias, (void *)target);
    }
}

static struct node *keyword_of(const struct node *call, const char *name) {
    for (uint32_t i = 1; call->kind == NODE_CALL && i < call->nkids; i++)
        if (call->kid[i]->kind == NODE_KEYWORD && atom_is(call->kid[i]->atom, name))
            return call->kid[i]->kid[0];
    return NULL;
}

/* `{"text_config": XConfig, "other": SubConfigSpec(config_class=AutoConfig, model_type="y", ...)}` */
static void read_subs(struct unit *unit, struct config *config, const struct node *dict) {
    for (uint32_t i = 0; is_kind(dict, NODE_DICT) && i < dict->nkids; i++) {
        const struct node *item = dict->kid[i];
        struct node *cls = keyword_of(item->kid[1], "config_class"), *type = keyword_of(item->kid[1], "model_type");
        if (item->kid[0] == NULL || item->kid[0]->kind != NODE_STRING)
            continue;
        atom name = string_value(unit->atoms, item->kid[0]);
        cls = cls ? cls : item->kid[1];
        if (cls->kind == NODE_NAME)
            map_put(unit->arena, &config->subs, name, cls);
        if (is_kind(type, NODE_STRING))
            map_put(unit->arena, &config->sub_types, name, (void *)string_value(unit->atoms, type));
    }
}

static void read_class_value(struct unit *unit, struct config *config, atom name, struct node *value) {
    if (atom_is(name, "attribute_map"))
        read_aliases(unit, config, value);
    else if (atom_is(name, "sub_configs") || atom_is(name, "sub_configs_defaults"))
        read_subs(unit, config, value);
    else if (atom_is(name, "model_type") && value->kind == NODE_STRING)
        config->model_type = string_value(unit->atoms, value);
    bool made = value->kind == NODE_CALL && is_name(value->kid[0], "field"); /* a default made by dataclasses.field */
    put(unit, config, name, made ? NULL : value);
}

bool is_class_var(const struct node *annotation) {
    return is_name(annotation, "ClassVar") || (annotation->kind == NODE_SUBSCRIPT && is_class_var(annotation->kid[0]));
}

static bool is_property(const struct node *fn) {
    for (uint32_t i = 3; i < fn->nkids; i++)
        if (is_name(fn->kid[i], "property") || is_name(fn->kid[i], "cached_property"))
            return true;
    return false;
}

/* -- __init__ and __post_init__ ------------------------------------------------------------------------------------ */

static const struct node *parameter(const struct node *fn, atom name) {
    const struct node *params = function_params(fn);
    for (uint32_t i = 0; i < params->nkids; i++)
        if (params->kid[i]->atom == name && name != NULL)
            return params->kid[i];
    return NULL;
}

/* The default of a stored value: that of the parameter it is, or the constant it is. */
static struct node *stored_default(const struct node *fn, struct node *value) {
    if (value->kind == NODE_CONST || value->kind == NODE_NUMBER || value->kind == NODE_STRING)
        return value;
    const struct node *p = value->kind == NODE_NAME ? parameter(fn, value->atom) : NULL;
    return p ? p->kid[1] : NULL;
}

static void collect_store(
    struct unit *unit, struct map *stores, const struct node *fn, struct node *target, struct node *value) {
    if (target->kind == NODE_TUPLE || target->kind == NODE_LIST) {
        for (uint32_t i = 0; i < target->nkids; i++)
            collect_store(unit, stores, fn, target->kid[i], NULL);
        return;
    }
    if (target->kind != NODE_ATTRIBUTE || !is_name(target->kid[0], "self") || map_has(stores, target->atom))
        return;
    map_put(unit->arena, stores, target->atom, value ? stored_default(fn, value) : NULL);
}

/* `self.text_config = CONFIG_MAPPING["x"](...)`, or a variable of that name: what stands there unless it is given. */
static void read_made_sub(struct unit *unit, struct config *config, const struct node *stmt) {
    const struct node *call = stmt->kind == NODE_ASSIGN ? stmt->kid[0] : NULL, *target = call ? stmt->kid[1] : NULL;
    if (!is_kind(call, NODE_CALL) || !is_kind(call->kid[0], NODE_SUBSCRIPT) ||
        !is_name(call->kid[0]->kid[0], "CONFIG_MAPPING") || !is_kind(call->kid[0]->kid[1], NODE_STRING))
        return;
    bool attribute = target->kind == NODE_ATTRIBUTE && is_name(target->kid[0], "self");
    if ((attribute || target->kind == NODE_NAME) && map_has(&config->subs, target->atom))
        map_put(unit->arena, &config->sub_types, target->atom, (void *)string_value(unit->atoms, call->kid[0]->kid[1]));
}

static void read_made_subs(struct unit *unit, struct config *config, const struct node *n) {
    if (n == NULL || node_is_expr(n))
        return;
    read_made_sub(unit, config, n);
    for (uint32_t i = 0; i < n->nkids; i++)
        read_made_subs(unit, config, n->kid[i]);
}

static bool ends_in_raise(const struct node *block) {
    return block->nkids > 0 && block->kid[block->nkids - 1]->kind == NODE_RAISE;
}

static void collect_stores(struct unit *unit, struct map *stores, const struct node *fn, const struct node *block);

/* What both branches store is stored. */
static void collect_if(struct unit *unit, struct map *stores, const struct node *fn, const struct node *stmt) {
    struct map yes = {0}, no = {0};
    collect_stores(unit, &yes, fn, stmt->kid[1]);
    if (stmt->kid[2])
        collect_stores(unit, &no, fn, stmt->kid[2]);
    bool only_no = ends_in_raise(stmt->kid[1]), only_yes = stmt->kid[2] && ends_in_raise(stmt->kid[2]);
    const struct map *from = only_no ? &no : &yes;
    for (uint32_t i = 0; i < from->len; i++) {
        atom name = from->entry[i].key;
        bool both = map_has(&yes, name) && map_has(&no, name);
        if ((both || only_no || only_yes) && !map_has(stores, name))
            map_put(unit->arena, stores, name, both ? NULL : from->entry[i].value);
    }
}

/* Attributes of self that a block stores on every path; the first store gives the default. */
static void collect_stores(struct unit *unit, struct map *stores, const struct node *fn, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        if (s->kind == NODE_ASSIGN)
            for (uint32_t k = 1; k < s->nkids; k++)
                collect_store(unit, stores, fn, s->kid[k], s->kid[0]);
        else if (s->kind == NODE_ANNASSIGN && s->kid[2])
            collect_store(unit, stores, fn, s->kid[0], s->kid[2]);
        else if (s->kind == NODE_IF)
            collect_if(unit, stores, fn, s);
        else if (s->kind == NODE_WITH)
            collect_stores(unit, stores, fn, s->kid[0]);
        else if (s->kind == NODE_RETURN)
            return;
    }
}

/* `super().__init__(name=value, ...)` sets fields of the base. */
static void read_super_call(struct unit *unit, struct config *config, const struct node *fn) {
    const struct node *body = function_body(fn);
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *call = body->kid[i]->kind == NODE_EXPR ? body->kid[i]->kid[0] : NULL;
        if (call == NULL || call->kind != NODE_CALL || !is_super_call(call->kid[0]) ||
            !atom_is(call->kid[0]->atom, "__init__"))
            continue;
        for (uint32_t k = 1; k < call->nkids; k++) {
            const struct node *arg = call->kid[k];
            if (arg->kind == NODE_KEYWORD && arg->atom && map_has(&config->declared, arg->atom))
                put(unit, config, arg->atom, stored_default(fn, arg->kid[0]));
        }
    }
}

static void read_initialiser(struct unit *unit, struct config *config, const struct node *fn) {
    struct map stores = {0};
    read_super_call(unit, config, fn);
    read_made_subs(unit, config, function_body(fn));
    collect_stores(unit, &stores, fn, function_body(fn));
    bool post = atom_is(fn->atom, "__post_init__");
    for (uint32_t i = 0; i < stores.len; i++) {
        atom name = stores.entry[i].key;
        if (!post || !map_has(&config->declared, name)) /* a declared default stays what it is */
            put(unit, config, name, stores.entry[i].value);
    }
}

static void read_body(struct unit *unit, struct config *config, const struct node *body) {
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = body->kid[i];
        if (s->kind == NODE_ASSIGN && s->kid[1]->kind == NODE_NAME)
            read_class_value(unit, config, s->kid[1]->atom, s->kid[0]);
        else if (s->kind == NODE_ANNASSIGN && s->kid[0]->kind == NODE_NAME && s->kid[2])
            read_class_value(unit, config, s->kid[0]->atom, s->kid[2]);
        else if (s->kind == NODE_ANNASSIGN && s->kid[0]->kind == NODE_NAME && !is_class_var(s->kid[1]))
            put(unit, config, s->kid[0]->atom, NULL);
        else if (s->kind == NODE_FUNCTION && is_property(s))
            put(unit, config, s->atom, s);
    }
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *s = body->kid[i];
        if (s->kind == NODE_FUNCTION && (atom_is(s->atom, "__init__") || atom_is(s->atom, "__post_init__")))
            read_initialiser(unit, config, s);
    }
}

/* -- classes ------------------------------------------------------------------------------------------------------- */

enum {
    BASES_MAX = 16, /* deeper than any, and an end to a class that is its own base */
    BASE = 2,       /* this deep, the class is not the one that was asked for */
};

static struct config *read_at(struct unit *unit, struct module *module, atom name, uint32_t depth);

static void inherit_map(struct unit *unit, struct map *to, const struct map *from) {
    for (uint32_t i = 0; i < from->len; i++)
        map_put(unit->arena, to, from->entry[i].key, from->entry[i].value);
}

static void inherit(struct unit *unit, struct config *config, const struct config *base) {
    config->complete = config->complete && base->complete;
    config->aliases = base->aliases;
    inherit_map(unit, &config->declared, &base->declared);
    inherit_map(unit, &config->subs, &base->subs);
    inherit_map(unit, &config->sub_types, &base->sub_types);
    config->model_type = base->model_type;
}

static void read_bases(struct unit *unit, struct config *config, uint32_t depth) {
    const struct node *bases = config->def->kid[0];
    for (uint32_t i = bases ? bases->nkids : 0; i-- > 0;) { /* from the right: the first base wins */
        const struct node *base = bases->kid[i];
        if (base->kind == NODE_KEYWORD)
            continue;
        struct config *known = base->kind == NODE_NAME ? read_at(unit, config->module, base->atom, depth + BASE) : NULL;
        if (known)
            inherit(unit, config, known);
        else if (base->kind == NODE_NAME && ends_with(base->atom, "Config"))
            config->complete = false;
    }
}

static bool is_property_node(const struct node *value) {
    return is_kind(value, NODE_FUNCTION);
}

/* Whether an instance has a name: a property, if it has all that the property reads of self. */
static bool has(const struct config *config, atom name, uint32_t depth);

static bool reads_fields_only(const struct config *config, const struct node *n, uint32_t depth) {
    if (n == NULL)
        return true;
    if (n->kind == NODE_ATTRIBUTE && is_name(n->kid[0], "self"))
        return has(config, n->atom, depth + 1);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!reads_fields_only(config, n->kid[i], depth))
            return false;
    return true;
}

static bool has(const struct config *config, atom name, uint32_t depth) {
    if (map_has(&config->aliases, name))
        name = map_get(&config->aliases, name);
    if (!map_has(&config->declared, name) || depth > BASES_MAX)
        return false;
    const struct node *value = map_get(&config->declared, name);
    return !is_property_node(value) || reads_fields_only(config, function_body(value), depth);
}

static void add_field(struct unit *unit, struct config *config, atom name, atom target) {
    struct node *value = map_get(&config->declared, target);
    if (has(config, target, 0))
        map_put(unit->arena, &config->fields, name, is_property_node(value) ? NULL : value);
}

static void resolve(struct unit *unit, struct config *config) {
    for (uint32_t i = 0; i < config->aliases.len; i++) { /* storing under an alias stores what it stands for */
        atom alias = config->aliases.entry[i].key, target = config->aliases.entry[i].value;
        if (map_has(&config->declared, alias) && !map_has(&config->declared, target))
            put(unit, config, target, map_get(&config->declared, alias));
    }
    for (uint32_t i = 0; i < config->declared.len; i++)
        add_field(unit, config, config->declared.entry[i].key, config->declared.entry[i].key);
    for (uint32_t i = 0; i < config->aliases.len; i++)
        add_field(unit, config, config->aliases.entry[i].key, config->aliases.entry[i].value);
}

static struct config *read_def(struct unit *unit, struct module *module, struct node *def, uint32_t depth) {
    struct config *config = NEW(unit->arena, struct config);
    config->name = def->atom;
    config->module = module;
    config->def = def;
    config->complete = true;
    read_bases(unit, config, depth);
    read_body(unit, config, class_body(def));
    resolve(unit, config);
    return config;
}

/* The class behind an import: in the module that is named, or, where a package re-exports it, in the file of its
 * mapping. */
static struct config *read_imported(struct unit *unit, struct module *module, atom qual, uint32_t depth) {
    const char *name = strrchr(qual, '.');
    const char *path = import_path(unit, module, qual);
    if (name == NULL)
        return NULL;
    name++;
    if (!ends_with(name, "Config")) /* a mixin: what it adds is not about the model */
        return NULL;
    if ((path == NULL || ends_with(path, "/__init__.py")) && unit->registry)
        path = registry_config_path(unit->registry, unit->arena, name);
    if (path == NULL)
        return NULL;
    struct module *other = depth >= BASE ? config_digest(unit, path) : module_read(unit, path);
    return other ? read_at(unit, other, intern(unit->atoms, name), depth + 1) : NULL;
}

static struct config *read_at(struct unit *unit, struct module *module, atom name, uint32_t depth) {
    struct symbol *symbol = depth < BASES_MAX ? module_lookup(module, name) : NULL;
    if (symbol == NULL)
        return NULL;
    if (symbol->kind == SYM_CLASS)
        return read_def(unit, module, symbol_def(unit, symbol), depth);
    if (symbol->kind == SYM_VALUE && symbol->def->kind == NODE_NAME) /* Old = New */
        return read_at(unit, module, symbol->def->atom, depth + 1);
    return symbol->kind == SYM_IMPORT ? read_imported(unit, module, symbol->qual, depth) : NULL;
}

struct config *config_read(struct unit *unit, struct module *module, atom name) {
    return read_at(unit, module, name, 0);
}

/* The class that the package maps a model type to. */
static struct config *config_of_type(struct unit *unit, atom type) {
    const char *name = unit->registry ? registry_config(unit->registry, type) : NULL;
    const char *path = name ? registry_config_path(unit->registry, unit->arena, name) : NULL;
    struct module *module = path ? module_read(unit, path) : NULL;
    return module ? config_read(unit, module, intern(unit->atoms, name)) : NULL;
}

struct config *config_sub(struct unit *unit, const struct config *config, atom name) {
    const struct node *cls = map_get(&config->subs, name);
    atom type = map_get(&config->sub_types, name);
    if (cls && type && atom_is(cls->atom, "AutoConfig"))
        return config_of_type(unit, type);
    return cls ? config_read(unit, config->module, cls->atom) : NULL;
}

struct config *config_at(struct unit *unit, atom path) {
    struct config *config = unit->config;
    for (const char *at = path; *at && config;) {
        size_t len = strcspn(at, ".");
        config = config_sub(unit, config, intern_len(unit->atoms, at, len));
        at += len + (at[len] == '.');
    }
    return config;
}

atom config_text_part(struct unit *unit, const struct config *config) {
    static const char *const names[] = {"text_encoder", "decoder", "generator", "text_config"};
    for (size_t i = 0; config && i < sizeof names / sizeof names[0]; i++) {
        atom name = intern(unit->atoms, names[i]);
        if (map_has(&config->subs, name))
            return name;
    }
    return NULL;
}

bool config_has(const struct config *config, atom field) {
    return config && map_has(&config->fields, field);
}

struct node *config_default(const struct config *config, atom field) {
    return config ? map_get(&config->fields, field) : NULL;
}

bool config_declares(const struct config *config, atom field, const char *types) {
    const struct node *body = config ? class_body(config->def) : NULL;
    for (uint32_t i = 0; body && i < body->nkids; i++) {
        const struct node *s = body->kid[i];
        if (s->kind == NODE_ANNASSIGN && is_kind(s->kid[0], NODE_NAME) && s->kid[0]->atom == field)
            return is_kind(s->kid[1], NODE_NAME) && word_in(s->kid[1]->atom, types);
    }
    return false;
}
