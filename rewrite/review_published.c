/* review_published.c - BA2, the other half: experts that are published stacked are taken apart when they are loaded.
 *
 * Reads   the model of the package for the configuration class that the file registers: whether its experts are
 * stacked, and what the table of conversions says of that. Where it says nothing, they are stacked on disk, too. Writes
 * a finding where the file has a module for each expert then, and nothing that could change keys. */
#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/conversion.h"
#include "rewrite/review_internal.h"

/* -- the file ------------------------------------------------------------------------------------------------------ */

struct loading {
    const struct node *experts; /* the call that makes a module for each */
    atom config;                /* the name that the model is registered for */
    bool changes_keys;
};

/* nn.ModuleList([Expert(config) for _ in range(config.num_experts)]), or super().__init__ of a class that is one. */
static bool lists_experts(struct reviewer *r, const struct place *at, const struct node *call) {
    const struct node *items = call->nkids > 1 ? call->kid[1] : NULL;
    bool comprehension = is_kind(items, NODE_LISTCOMP) || is_kind(items, NODE_GENERATOR);
    bool list = is_super_call(call->kid[0]) ? at->cls && review_derives(r, at->cls, "nn.ModuleList")
                                            : qual_ends(review_qual(r, at->fn, call->kid[0]), "nn.ModuleList");
    return comprehension && list && review_counts_experts(items->kid[1]->kid[1]);
}

static void visit_file(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct loading *l = user;
    bool named = n->kind == NODE_NAME || n->kind == NODE_ATTRIBUTE || n->kind == NODE_FUNCTION;
    if (named && word_in(n->atom, "_register_load_state_dict_pre_hook register_load_state_dict_pre_hook "
                                  "_load_from_state_dict load_state_dict _checkpoint_conversion_mapping"))
        l->changes_keys = true;
    if (n->kind != NODE_CALL)
        return;
    if (l->experts == NULL && lists_experts(r, at, n))
        l->experts = n;
    const struct node *config = review_is_registration(n) ? call_argument(n, 0, "config_cls_name") : NULL;
    if (is_kind(config, NODE_STRING) && l->config == NULL)
        l->config = string_value(r->unit->atoms, config);
}

/* -- the package --------------------------------------------------------------------------------------------------- */

static void visit_stacked(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    if (n->kind == NODE_CALL && at->fn && at->cls && review_is_stacked(r, at->fn, n))
        *(const char **)user = at->cls->atom;
}

/* The class of a model whose experts are stacked; NULL: none is. */
static const char *stacked_in(struct reviewer *r, struct module *module) {
    struct module *own = r->unit->module;
    const char *found = NULL;
    for (uint32_t i = 0; i < module->symbols.len; i++) {
        struct symbol *symbol = module->symbols.entry[i].value;
        if (symbol->kind == SYM_CLASS)
            symbol_def(r->unit, symbol);
    }
    r->unit->module = module;
    review_walk(r, module->tree, visit_stacked, &found);
    r->unit->module = own;
    return found;
}

/* Whether the library makes what it stacks out of one tensor for each expert: then that is what is on disk. */
static bool is_converted(struct unit *unit, const struct model *model) {
    struct conversion_table *table = conversion_table_open(unit);
    const char *keys[] = {model->head, model->type};
    for (size_t i = 0; table && i < sizeof keys / sizeof keys[0]; i++) {
        struct conversions list = {0};
        bool found;
        if (!conversion_table_get(table, intern(unit->atoms, keys[i]), &list, &found))
            return true; /* who knows */
        for (uint32_t k = 0; k < list.list.len; k++)
            if (list.list.at[k]->kind != CONVERSION_RENAME && list.list.at[k]->kind != CONVERSION_PREFIX)
                return true;
    }
    return false;
}

/* What the package publishes for the configuration class: the class with stacked experts, or NULL. */
static const char *published_stacked(struct reviewer *r, atom config) {
    struct unit *unit = r->unit;
    const struct registry *registry = unit->registry;
    struct diags *own = unit->diags;
    struct package package = unit->package;
    const char *found = NULL;
    unit->diags = diags_create(unit->arena); /* what is wrong there is nothing to say of this file */
    for (uint32_t i = 0; registry && config && i < registry->nconfigs && found == NULL; i++) {
        struct model model;
        if (strcmp(registry->configs[i].value, config) != 0 || !registry_head(registry, registry->configs[i].key) ||
            !registry_model(registry, unit->arena, unit->diags, registry->configs[i].key, &model))
            continue;
        unit->package = (struct package){registry->root, intern(unit->atoms, "transformers")};
        struct module *module = module_read(unit, model.path);
        found = module && !is_converted(unit, &model) ? stacked_in(r, module) : NULL;
        unit->package = package;
    }
    unit->diags = own;
    return found;
}

void review_published(struct reviewer *r) {
    struct loading l = {0};
    review_walk_exported(r, visit_file, &l);
    const char *stacked = l.experts ? published_stacked(r, l.config) : NULL;
    if (stacked == NULL)
        return;
    review_applies(r, "BA2");
    if (l.changes_keys)
        return;
    struct diag *d = review_find(r, "BA2", l.experts,
        "experts are published stacked, as in transformers' `%s`, and nothing here takes them apart", stacked);
    review_help(r, d, "register a load hook that splits them: self._register_load_state_dict_pre_hook(...)");
}
