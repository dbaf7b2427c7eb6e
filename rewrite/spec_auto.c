/* spec_auto.c - what the library finds in a configuration: its part for text, the model that it names, the masks of its
 * layers, the embeddings of a model that wraps another.
 *
 * A model of several modalities makes its towers by AutoModel.from_config(config.text_config): the class follows from
 * the model type of that part. Where the configuration class leaves the type open, the model is translated for the type
 * that it has by default, and the emitted constructor raises for another (unit->towers). Towers of other parts than the
 * one for text are left as they are: only text is given, so nothing runs them. */
#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/config.h"
#include "rewrite/spec.h"

/* The path of the part for text in the configuration at a path, which is itself where it has none. */
static atom text_path(struct unit *unit, atom path) {
    atom part = config_text_part(unit, config_at(unit, path));
    if (part == NULL)
        return path;
    return *path ? intern_dotted(unit->atoms, path, part) : part;
}

struct val text_config(struct frame *f, struct val config) {
    struct unit *unit = f->unit;
    atom path = text_path(unit, config.abs->qual);
    config.expr = val_expr(f, &config);
    if (path == config.abs->qual)
        return config;
    const char *part = strrchr(path, '.');
    return eval_attribute_of(f, config, part ? intern(unit->atoms, part + 1) : path, NULL);
}

/* -- models by type ------------------------------------------------------------------------------------------------ */

/* `type`: of the part at `path`, or NULL. */
static struct val unknown_model(struct frame *f, const struct node *at, atom path, atom type) {
    struct diag *d = diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, at->span, "auto-class",
        type ? "the model that is made here for `config.%s` is not found: the package has none of type `%s`"
             : "which model is made here for `config.%s` is not known",
        path, type);
    if (type == NULL)
        diag_help(f->unit->diags, d, "the class of the configuration must declare the class or the model type of it");
    return val_top(node_copy(f->unit->arena, at));
}

/* The class in its own file, which is the one at hand if that has it. */
static struct cls *class_of_type(struct unit *unit, atom type, atom name) {
    struct symbol *symbol = module_lookup(unit->module, name);
    if (symbol && symbol->kind == SYM_CLASS)
        return symbol_class(unit, unit->module, symbol);
    const char *path = registry_class_path(unit->registry, unit->arena, type, name);
    struct module *module = path ? module_read(unit, path) : NULL;
    symbol = module ? module_lookup(module, name) : NULL;
    if (symbol == NULL || symbol->kind != SYM_CLASS)
        return NULL;
    unit_link(unit, module);
    return symbol_class(unit, module, symbol);
}

/* The type that a part of the configuration has by default, where the class leaves it open; else NULL. */
static atom type_of_part(struct unit *unit, atom path) {
    const char *dot = strrchr(path, '.');
    atom above = dot ? intern_len(unit->atoms, path, (size_t)(dot - path)) : intern(unit->atoms, "");
    const struct config *config = config_at(unit, above);
    return config ? map_get(&config->sub_types, dot ? intern(unit->atoms, dot + 1) : path) : NULL;
}

static void note_tower(struct unit *unit, atom path, atom type, struct cls *cls) {
    for (uint32_t i = 0; i < unit->towers.len; i++)
        if (unit->towers.at[i].path == path)
            return;
    struct tower tower = {.path = path, .type = type, .cls = cls, .open = type_of_part(unit, path) != NULL};
    vec_push(unit->arena, &unit->towers, tower);
}

bool auto_model(struct frame *f, atom qual, struct args *args, struct node *at, struct val *result) {
    struct unit *unit = f->unit;
    bool base = qual_ends(qual, "AutoModel.from_config");
    const struct arg *config = arg_find(args, 0, "config");
    if (!(base || qual_ends(qual, "AutoModelForCausalLM.from_config")) || args->list.len != 1 || config == NULL ||
        config->form != ARG_VALUE || config->val.abs->kind != ABS_CONFIG || at == NULL)
        return false;
    atom path = config->val.abs->qual;
    if (*path == '\0' || text_path(unit, intern(unit->atoms, "")) != path)
        return false;
    const struct config *part = config_at(unit, path);
    atom type = part ? part->model_type : type_of_part(unit, path);
    const char *name = type == NULL || unit->registry == NULL ? NULL
                       : base                                 ? registry_base(unit->registry, type)
                                                              : registry_head(unit->registry, type);
    struct cls *cls = part && name ? class_of_type(unit, type, intern(unit->atoms, name)) : NULL;
    if (cls == NULL) {
        *result = unknown_model(f, at, path, type);
        return true;
    }
    struct absval *callee = abs_new(unit, ABS_CLASS);
    callee->cls = cls;
    note_tower(unit, path, type, cls);
    struct node *callee_name = at_node(f, make_name(unit->arena, cls->name), at->kid[0]);
    callee_name->abs = callee;
    *result = construct(f, cls, val_make(callee, callee_name), args, at);
    return true;
}

bool text_model(struct frame *f, struct val cls, struct args *args, struct node *at, struct val *result) {
    struct unit *unit = f->unit;
    const struct arg *config = arg_find(args, 0, "config");
    bool one = args->list.len == 1 && config && config->form == ARG_VALUE && config->val.abs->kind == ABS_CONFIG;
    if (!one || !class_derives(cls.abs->cls, "PreTrainedModel"))
        return false;
    atom path = config->val.abs->qual;
    if (*path != '\0' && text_path(unit, intern(unit->atoms, "")) != path)
        return false;
    const struct config *part = config_at(unit, path);
    if (*path != '\0')
        note_tower(unit, path, part ? part->model_type : NULL, cls.abs->cls);
    *result = construct(f, cls.abs->cls, cls, args, at);
    return true;
}

/* -- embeddings ---------------------------------------------------------------------------------------------------- */

/* What get_input_embeddings() of the library finds, for a model that does not say it: its own, those of what it wraps.
 */
bool input_embeddings(struct frame *f, struct val model, struct val *result) {
    static const char *const wrapped[] = {"model", "language_model"};
    struct unit *unit = f->unit;
    const struct cls *cls = model.abs->cls;
    struct node *named = map_get(&cls->class_attrs, intern(unit->atoms, "_input_embed_layer"));
    atom own = is_kind(named, NODE_STRING) ? string_value(unit->atoms, named) : intern(unit->atoms, "embed_tokens");
    if (class_attr(cls, own)) {
        *result = eval_attribute_of(f, model, own, NULL);
        return true;
    }
    for (size_t i = 0; i < sizeof wrapped / sizeof wrapped[0]; i++) {
        atom name = intern(unit->atoms, wrapped[i]);
        const struct attr *attr = class_attr(cls, name);
        if (attr == NULL || attr->abs->kind != ABS_INSTANCE || attr->abs->cls == cls)
            continue;
        struct args none = {0};
        struct val inner = eval_attribute_of(f, model, name, NULL);
        atom method = intern(unit->atoms, "get_input_embeddings");
        struct fn *fn = class_method_named(unit, attr->abs->cls, method);
        if (fn == NULL)
            return input_embeddings(f, inner, result);
        *result = call_function(f, fn, &inner, &none, NULL, make_attr(unit->arena, inner.expr, method));
        return true;
    }
    return false;
}

/* -- masks --------------------------------------------------------------------------------------------------------- */

/* Whether the class, or a base of it in its file, writes the string. */
static bool writes(struct unit *unit, const struct config *config, const char *word) {
    struct source *source = config->module->source;
    const char *quoted[] = {arena_printf(unit->arena, "\"%s\"", word), arena_printf(unit->arena, "'%s'", word)};
    for (size_t i = 0; i < 2; i++) {
        const char *at = strstr(source->text + config->def->span.start, quoted[i]);
        if (at && (uint32_t)(at - source->text) < config->def->span.end)
            return true;
    }
    return false;
}

bool layer_masks(struct frame *f, const struct arg *config, const struct fact *fact, struct node *call,
    const struct absval *(*make)(struct frame *f, enum effect effect, const struct arg *config), struct val *result) {
    static const struct {
        const char *layer;
        enum effect effect;
    } kinds[] = {{"full_attention", EFFECT_MASK_CAUSAL}, {"sliding_attention", EFFECT_MASK_WINDOW},
        {"chunked_attention", EFFECT_MASK_CHUNKED}};
    enum { KINDS = sizeof kinds / sizeof kinds[0] };
    struct unit *unit = f->unit;
    if (config == NULL || config->val.abs->kind != ABS_CONFIG)
        return false;
    struct arg text = *config;
    text.val = text_config(f, config->val);
    const struct config *known = config_at(unit, text.val.abs->qual);
    bool by_layer = known && config_has(known, intern(unit->atoms, "layer_types"));
    if (known == NULL || (!by_layer && !known->complete))
        return false;
    if (!by_layer) {
        bool chunks = config_has(known, intern(unit->atoms, "attention_chunk_size"));
        bool slides = config_has(known, intern(unit->atoms, "sliding_window"));
        *result = val_make(
            abs_decided(unit, make(f, slides ? EFFECT_MASK_WINDOW : EFFECT_MASK_CAUSAL, &text), fact->number), call);
        return !chunks;
    }
    struct absval *masks = abs_new(unit, ABS_DICT);
    masks->item = NEW_ARRAY(unit->arena, struct val, KINDS);
    masks->key = NEW_ARRAY(unit->arena, atom, KINDS);
    for (size_t i = 0; i < KINDS; i++) {
        if (!writes(unit, known, kinds[i].layer))
            continue;
        masks->key[masks->count] = intern(unit->atoms, kinds[i].layer);
        masks->item[masks->count++] =
            val_make(abs_decided(unit, make(f, kinds[i].effect, &text), fact->number), node_copy(unit->arena, call));
    }
    *result = val_make(masks, call);
    return masks->count > 0;
}
