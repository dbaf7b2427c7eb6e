/* keys.c - build the model, then walk its modules as state_dict() does.
 *
 * Reads the MODULE of an emitted file. The class that it registers last is the model; its configuration is built first,
 * by the source of its class as far as that is at hand. Floating tensors have the dtype of the configuration, as
 * `from_config` gives it to them. */
#include "rewrite/keys.h"

#include <string.h>

#include "rewrite/forward.h"
#include "rewrite/run_internal.h"

enum { MODULE_DEPTH_MAX = 64 };

/* -- the state dict ------------------------------------------------------------------------------------------------ */

struct walk {
    struct run *run;
    struct keys *keys;
};

static const struct key *same_tensor(const struct keys *keys, const struct tensor *tensor) {
    return tensor->key ? &keys->list.at[tensor->key - 1] : NULL;
}

static void add_key(struct walk *walk, const char *prefix, atom name, struct tensor *tensor) {
    struct arena *arena = walk->run->arena;
    const struct key *same = same_tensor(walk->keys, tensor);
    struct key key = {.name = arena_printf(arena, "%s%s", prefix, name),
        .tensor = tensor,
        .buffer = tensor->role == TENSOR_BUFFER,
        .tied_to = same ? same->name : NULL};
    vec_push(arena, &walk->keys->list, key);
    if (same == NULL)
        tensor->key = walk->keys->list.len;
}

static void add_tensors(struct walk *walk, const struct dict *attributes, const char *prefix, uint8_t role) {
    for (uint32_t i = 0; i < attributes->list.len; i++) {
        const struct item *item = &attributes->list.at[i];
        if (item->value && item->value->kind == D_TENSOR && item->value->tensor.role == role)
            add_key(walk, prefix, item->key->text, &item->value->tensor);
    }
}

static bool is_module(const struct datum *d) {
    return d && d->kind == D_OBJECT && d->object->class->is_module;
}

static void add_children(struct run *run, struct children *children, const struct dict *dict) {
    for (uint32_t i = 0; i < dict->list.len; i++)
        if (is_module(dict->list.at[i].value))
            vec_push(run->arena, &children->list, ((struct child){dict->list.at[i].key->text, dict->list.at[i].value}));
}

struct children children_of(struct run *run, const struct datum *d) {
    struct children children = {0};
    if (!is_module(d))
        return children;
    const struct object *object = d->object;
    for (uint32_t i = 0; i < object->items.list.len; i++)
        if (is_module(object->items.list.at[i]))
            vec_push(run->arena, &children.list,
                ((struct child){arena_printf(run->arena, "%u", i), object->items.list.at[i]}));
    add_children(run, &children, &object->dict);
    add_children(run, &children, &object->attributes->dict);
    return children;
}

static bool walk_module(struct walk *walk, struct datum *module, const char *prefix, uint32_t depth) {
    const struct object *object = module->object;
    if (depth > MODULE_DEPTH_MAX)
        return run_refuse(walk->run, object->class->def, "modules that hold each other are not followed");
    add_tensors(walk, &object->attributes->dict, prefix, TENSOR_PARAMETER);
    add_tensors(walk, &object->attributes->dict, prefix, TENSOR_BUFFER);
    const struct children children = children_of(walk->run, module);
    for (uint32_t i = 0; i < children.list.len; i++) {
        const struct child *child = &children.list.at[i];
        const char *below = arena_printf(walk->run->arena, "%s%s.", prefix, child->name);
        if (!walk_module(walk, child->module, below, depth + 1))
            return false;
    }
    return true;
}

static struct key *find_key(struct keys *keys, const char *name) {
    for (uint32_t i = 0; i < keys->list.len; i++)
        if (strcmp(keys->list.at[i].name, name) == 0)
            return &keys->list.at[i];
    return NULL;
}

/* `_tied_weights_keys`, if the configuration says that they are tied. */
static void tie(struct run *run, struct datum *model, struct datum *config, struct keys *keys) {
    struct datum *ties = run_attribute(run, model, "_tied_weights_keys");
    struct datum *tied = run_attribute(run, config, "tie_word_embeddings");
    if (ties == NULL || ties->kind != D_DICT || tied == NULL || truth_of(tied) != 1)
        return;
    for (uint32_t i = 0; i < ties->dict.list.len; i++) {
        const struct item *item = &ties->dict.list.at[i];
        struct key *key = find_key(keys, item->key->text);
        const struct key *source = find_key(keys, item->value->text);
        if (key && source && key->tied_to == NULL && key != source) {
            key->tied_to = source->name;
            key->tensor = source->tensor;
        }
    }
}

static void add_up(struct keys *keys) {
    for (uint32_t i = 0; i < keys->list.len; i++) {
        const struct key *key = &keys->list.at[i];
        keys->parameters += key->buffer || key->tied_to ? 0 : tensor_elements(key->tensor);
    }
}

struct totals keys_totals(const struct keys *keys) {
    struct totals totals = {0};
    for (uint32_t i = 0; i < keys->list.len; i++) {
        const struct key *key = &keys->list.at[i];
        uint32_t k = 0;
        while (k < totals.count && totals.of[k].dtype != key->tensor->dtype)
            k++;
        if (key->tied_to || k == DTYPES_MAX)
            continue;
        if (k == totals.count)
            totals.of[totals.count++] = (struct total){key->tensor->dtype, 0};
        totals.of[k].bytes += tensor_elements(key->tensor) * key->tensor->dtype->bytes;
    }
    return totals;
}

/* -- the model ----------------------------------------------------------------------------------------------------- */

/* The call `<factory>.register_custom_model_cls("XConfig", XForCausalLM)`. */
static const struct node *registration(const struct module *module) {
    for (uint32_t i = module->body->nkids; i-- > 0;) {
        const struct node *s = module->body->kid[i];
        const struct node *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
        if (is_kind(call, NODE_CALL) && is_kind(call->kid[0], NODE_ATTRIBUTE) && call->nkids == 3 &&
            atom_is(call->kid[0]->atom, "register_custom_model_cls") && is_kind(call->kid[2], NODE_NAME))
            return call;
    }
    return NULL;
}

/* The configuration's class: of the file, or where the request says. NULL: there is none. */
static struct datum *config_class(struct run *run, struct unit *unit, const struct keys_request *request, atom name) {
    struct datum *d = run_name(run, unit->module, name);
    if (d && d->kind == D_CLASS)
        return d;
    struct module *module = request->config_path ? module_read(unit, request->config_path) : NULL;
    d = module ? run_name(run, module, intern(unit->atoms, request->config_class)) : NULL;
    return d && d->kind == D_CLASS ? d : NULL;
}

/* What floating tensors are where nothing else is said. */
static bool set_dtype(struct run *run, struct datum *config) {
    static const char *const names[] = {"dtype", "torch_dtype"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct datum *d = run_attribute(run, config, names[i]);
        const struct dtype *dtype = d ? dtype_of(run, d) : NULL;
        if (d == NULL || d->kind == D_NONE)
            continue;
        if (dtype == NULL || !dtype->floating)
            return run_refuse(run, NULL, "`%s` of the configuration is no floating dtype that is known", names[i]);
        run_set_dtype(run, dtype);
        break;
    }
    return true;
}

/* The classes: those that the file registers, or those of the request. False, with a diagnostic, where there are none.
 */
static bool find_names(struct unit *unit, const struct keys_request *request, atom *model, atom *config) {
    const struct node *call = registration(unit->module);
    if (call) {
        *model = call->kid[2]->atom;
        *config = string_value(unit->atoms, call->kid[1]);
    } else if (request->model) {
        *model = intern(unit->atoms, request->model);
        *config = request->config_class ? intern(unit->atoms, request->config_class) : NULL;
    } else {
        diag_at(unit->diags, SEVERITY_ERROR, unit->module->source, (struct span){0, 0}, "not-known",
            "the file registers no model");
    }
    return *model != NULL;
}

static bool build(struct run *run, struct unit *unit, const struct keys_request *request, struct keys *keys) {
    atom model = NULL, name = NULL;
    if (!find_names(unit, request, &model, &name))
        return false;
    struct datum *fields = request->config ? keys_read_json(run, unit, request->config) : datum_dict(run);
    struct datum *class = fields && name ? config_class(run, unit, request, name) : NULL;
    struct datum *config = fields ? keys_configure(run, unit, request, class, fields) : NULL;
    if (config == NULL || !set_dtype(run, config))
        return false;
    keys->model = model;
    keys->config = class ? class->class->name : NULL;
    keys->configured = config;
    struct datum *entry = run_name(run, unit->module, model);
    keys->built = entry && entry->kind == D_CLASS ? run_apply(run, entry, &config, 1) : NULL;
    return keys->built != NULL;
}

static bool evaluate_keys(struct run *run, struct unit *unit, const struct keys_request *request, struct keys *keys) {
    struct walk walk = {.run = run, .keys = keys};
    if (!build(run, unit, request, keys) || !walk_module(&walk, keys->built, "", 0))
        return false;
    tie(run, keys->built, keys->configured, keys);
    add_up(keys);
    keys_count_active(run, keys->built, keys);
    if (request->forward)
        run_forward(run, keys->built, request->forward);
    return request->index == NULL || keys_compare(run, unit, keys->built, request->index, keys);
}

bool keys_evaluate(struct unit *unit, const struct keys_request *request, struct keys *keys) {
    struct run *run = keys->run = run_create(unit);
    if (request->forward)
        run_forward_prepare(run, request->forward);
    bool ok = evaluate_keys(run, unit, request, keys);
    if (!ok)
        run_report(run);
    return ok && diags_count(unit->diags, SEVERITY_ERROR) == 0;
}
