/* config_find.c - which configuration class the entry is made from.
 *
 * In this order: the one that the package maps the model type to, if the file was looked up by its type; what the class
 * itself declares (`config: X` or `config_class = X`); the annotation of its constructor; what its bases declare; the
 * package's mapping for the types of this class; what a translation registers the class for. */
#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/config.h"

/* A class name out of an annotation or value: `X`, `module.X`, `"X"`, `X | None`, `Optional[X]`. */
static atom class_name_in(struct unit *unit, const struct node *e) {
    if (e == NULL)
        return NULL;
    atom name = NULL;
    switch (e->kind) {
    case NODE_NAME:
    case NODE_ATTRIBUTE: name = e->atom; break;
    case NODE_STRING: name = string_value(unit->atoms, e); break;
    case NODE_BINOP: return class_name_in(unit, e->kid[0]);
    case NODE_SUBSCRIPT: return class_name_in(unit, e->kid[1]);
    default: return NULL;
    }
    if (name == NULL || !ends_with(name, "Config"))
        return NULL;
    bool generic = atom_is(name, "PreTrainedConfig") || atom_is(name, "PretrainedConfig"); /* says nothing */
    return generic ? NULL : name;
}

static atom declared_in(struct unit *unit, const struct cls *cls) {
    const struct node *body = class_body(cls->def);
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *s = body->kid[i];
        atom name = NULL;
        if (s->kind == NODE_ANNASSIGN && is_name(s->kid[0], "config"))
            name = class_name_in(unit, s->kid[1]);
        else if (s->kind == NODE_ASSIGN && is_name(s->kid[1], "config_class"))
            name = class_name_in(unit, s->kid[0]);
        else if (s->kind == NODE_ANNASSIGN && is_name(s->kid[0], "config_class"))
            name = class_name_in(unit, s->kid[2]);
        if (name)
            return name;
    }
    return NULL;
}

static atom annotated(struct unit *unit, const struct cls *cls) {
    struct fn *init = class_method(cls, "__init__");
    for (uint32_t i = 1; init && i < init->params.len; i++) {
        atom name = class_name_in(unit, init->params.at[i]->annotation);
        if (name)
            return name;
    }
    return NULL;
}

static atom declared_in_bases(struct unit *unit, const struct cls *cls) {
    for (uint32_t i = 0; i < cls->bases.len; i++) {
        atom name = declared_in(unit, cls->bases.at[i]);
        if (name == NULL)
            name = declared_in_bases(unit, cls->bases.at[i]);
        if (name)
            return name;
    }
    return NULL;
}

static atom mapped(struct unit *unit, const struct cls *cls) {
    const struct registry *r = unit->registry;
    for (uint32_t i = 0; r && i < r->nheads; i++) {
        const char *config = strcmp(r->heads[i].value, cls->name) == 0 ? registry_config(r, r->heads[i].key) : NULL;
        if (config)
            return intern(unit->atoms, config);
    }
    return NULL;
}

/* What a module that registers the class itself registers it for: `....register_custom_model_cls("X", cls)`. */
atom registered_for(struct unit *unit, const struct cls *cls) {
    const struct node *module = unit->module->tree;
    for (uint32_t i = 0; i < module->nkids; i++) {
        const struct node *call = module->kid[i]->kind == NODE_EXPR ? module->kid[i]->kid[0] : NULL;
        bool registers = call && call->kind == NODE_CALL && call->nkids == 3 && is_kind(call->kid[0], NODE_ATTRIBUTE) &&
                         atom_is(call->kid[0]->atom, "register_custom_model_cls") && is_kind(call->kid[1], NODE_STRING);
        if (registers && is_name(call->kid[2], cls->name))
            return string_value(unit->atoms, call->kid[1]);
    }
    return NULL;
}

static atom of_class(struct unit *unit, const struct cls *cls) {
    atom name = declared_in(unit, cls);
    if (name == NULL)
        name = annotated(unit, cls);
    if (name == NULL)
        name = declared_in_bases(unit, cls);
    if (name == NULL)
        name = mapped(unit, cls);
    return name ? name : registered_for(unit, cls);
}

/* The configuration by its name: as the modeling file means it, else where the package defines it. */
static struct config *find(struct unit *unit, atom name) {
    struct config *config = config_read(unit, unit->module, name);
    const char *path =
        config == NULL && unit->registry ? registry_config_path(unit->registry, unit->arena, name) : NULL;
    struct module *module = path ? module_read(unit, path) : NULL;
    return module ? config_read(unit, module, name) : config;
}

/* The class that the package maps the model type to, unless it is a composite one of which the entry takes the part for
 * text, as the package's own loader does. */
static struct config *of_type(struct unit *unit, atom own) {
    const char *type = unit->options.model_type;
    const char *name = type && unit->registry ? registry_config(unit->registry, type) : NULL;
    struct config *config = name && !atom_is(own, name) ? find(unit, intern(unit->atoms, name)) : NULL;
    if (config == NULL)
        return NULL;
    const struct node *text = map_get(&config->subs, intern(unit->atoms, "text_config"));
    return own && text && text->atom == own ? NULL : config;
}

bool read_config(struct unit *unit) {
    atom own = of_class(unit, unit->entry);
    struct config *config = of_type(unit, own);
    if (config == NULL && own != NULL)
        config = find(unit, own);
    unit->config = config;
    unit->config_class = config ? config->name : own;
    unit->config_module = config ? config->module : NULL;
    if (config)
        unit->config_fields = config->fields;
    return true;
}
