/* run_attribute.c - attributes of instances and classes: reading and storing. */
#include <string.h>

#include "base/text.h"
#include "rewrite/run_internal.h"

/* -- attributes of instances --------------------------------------------------------------------------------------- */

/* Methods that no source defines. */
static bool is_native(const struct class *class, atom name) {
    static const char common[] = "__init__ __setattr__ __getattribute__ __init_subclass__ __post_init__";
    static const char modules[] = "register_buffer register_parameter add_module register_module append extend insert "
                                  "post_init requires_grad_ to eval train apply half float bfloat16 double "
                                  "_register_load_state_dict_pre_hook register_load_state_dict_pre_hook "
                                  "init_weights tie_weights parameters modules children named_parameters "
                                  "named_modules reset_parameters get_submodule register_forward_hook state_dict "
                                  "_register_state_dict_hook register_forward_pre_hook forward";
    static const char mappings[] = "__getitem__ __contains__ get keys values items pop update setdefault";
    if (word_in(name, common))
        return true;
    if (class->is_module)
        return word_in(name, modules) || (class_is(class, "torch.nn.ModuleDict") && word_in(name, mappings));
    return (class_is(class, "dict") || class_is(class, "collections.OrderedDict")) && word_in(name, mappings);
}

struct datum *find_attribute(
    struct run *run, struct datum *object, const struct class *after, atom name, const struct node *at) {
    struct class *class = object->object->class, *in = NULL;
    struct member *member = find_member(class, after, name, &in);
    if (member && member->get) {
        struct arguments none = {.at = (struct node *)at};
        return run_closure(run, member->get, object, &none);
    }
    bool dunder = name[0] == '_' && name[1] == '_';
    if (dunder && strcmp(name, "__dict__") == 0)
        return object->object->attributes;
    struct datum *value = dict_find(&object->object->attributes->dict, datum_str(run, name));
    if (value && !(after && dunder))
        return value;
    if (member)
        return bound_member(run, object, class, in, member);
    if (dunder && strcmp(name, "__class__") == 0)
        return datum_class(run, class);
    if (!is_native(class, name))
        return NULL;
    struct datum *self = object;
    if (after) {
        self = datum_list(run, D_SUPER);
        self->super.after = (struct class *)after;
        self->super.self = object;
    }
    return method_of(run, self, NULL, name);
}

static struct datum *missing_attribute(struct run *run, const char *what, atom name, const struct node *at) {
    return run->stop == RUN_ON ? run_raise(run, at, "AttributeError", "%s has no attribute `%s`", what, name) : NULL;
}

static struct datum *of_object(struct run *run, struct datum *object, atom name, const struct node *at) {
    struct class *class = object->object->class, *in;
    if (class->reads && !(name[0] == '_' && name[1] == '_')) {
        struct member *member = find_member(class, NULL, intern(run->unit->atoms, "__getattribute__"), &in);
        struct datum *reader = member_value(run, in, member);
        struct arguments one = {.at = (struct node *)at};
        vec_push(run->arena, &one.positional.list, datum_str(run, name));
        struct datum *value = reader ? run_closure(run, reader->function, object, &one) : NULL;
        if (value == NULL && run->stop == RUN_RAISED && class_is(run->exception->object->class, "AttributeError"))
            run->at = at ? at : run->at;
        return value;
    }
    struct datum *value = find_attribute(run, object, NULL, name, at);
    if (value == NULL && class->is_open && run->stop == RUN_ON)
        return run_refuse(
            run, at, "%s has no `%s`, and its class, which may have a default, is not at hand", class->name, name);
    return value ? value : missing_attribute(run, class->name, name, at);
}

static struct datum *own_members(struct run *run, struct class *class) {
    struct datum *dict = datum_dict(run);
    for (uint32_t i = 0; i < class->members.len; i++) {
        struct member *member = class->members.at[i];
        struct datum *value = member->node ? member_value(run, class, member) : NULL;
        run->stop = RUN_ON;
        if (value)
            dict_set(run, &dict->dict, datum_str(run, member->name), value);
    }
    return dict;
}

static struct datum *of_class(struct run *run, struct datum *d, atom name, const struct node *at) {
    struct class *in;
    struct member *member = find_member(d->class, NULL, name, &in);
    if (member)
        return member->get ? unknown(run, at, "a property of a class is not followed")
                           : bound_member(run, NULL, d->class, in, member);
    if (atom_is(name, "__name__") || atom_is(name, "__qualname__"))
        return datum_str(run, d->class->name);
    if (atom_is(name, "__dict__"))
        return own_members(run, d->class);
    if (d->class->module == NULL)
        return unknown(run, at, "`%s.%s` is not known", d->class->name, name);
    return missing_attribute(run, d->class->name, name, at);
}

static struct datum *of_super(struct run *run, struct datum *d, atom name, const struct node *at) {
    struct datum *self = d->super.self;
    if (self->kind == D_OBJECT) {
        struct datum *value = find_attribute(run, self, d->super.after, name, at);
        return value ? value : missing_attribute(run, "super()", name, at);
    }
    struct class *in;
    struct member *member = self->kind == D_CLASS ? find_member(self->class, d->super.after, name, &in) : NULL;
    return member ? bound_member(run, NULL, self->class, in, member)
                  : unknown(run, at, "`%s` of a library's class is not known", name);
}

struct datum *get_attribute(struct run *run, struct datum *d, atom name, const struct node *at) {
    switch (d->kind) {
    case D_OBJECT: return of_object(run, d, name, at);
    case D_CLASS: return of_class(run, d, name, at);
    case D_SUPER: return of_super(run, d, name, at);
    case D_LIBRARY: return imported(run, run->home, intern_printf(run->unit->atoms, "%s.%s", d->text, name));
    case D_TENSOR: return tensor_attribute(run, d, name, at);
    case D_UNKNOWN: return d;
    case D_FUNCTION:
    case D_METHOD: return unknown(run, at, "attributes of functions are not followed");
    default:
        if (run->forward && d->kind == D_TUPLE && d->items.list.len == 2 && word_in(name, "values indices"))
            return d->items.list.at[name[0] == 'i']; /* of what torch.topk, max and sort return */
        return has_method(d, name) ? method_of(run, d, NULL, name) : missing_attribute(run, "this value", name, at);
    }
}

/* -- stores -------------------------------------------------------------------------------------------------------- */

/* A module that gets a tensor under the name of a buffer keeps the buffer; what may be parameters must be known. */
static struct datum *stored_in_module(struct run *run, struct datum *old, struct datum *value, const struct node *at) {
    bool state = old && old->kind == D_TENSOR && old->tensor.role != TENSOR_PLAIN;
    if (is_unknown(value) && (value->unknown.may_hold || (state && old->tensor.role != TENSOR_LOCAL_BUFFER)))
        return refuse_unknown(run, at, value, "what parameters this has");
    if (!state || value->kind != D_TENSOR || value->tensor.role != TENSOR_PLAIN)
        return value;
    struct datum *kept = copy_of(run, value, false);
    kept->tensor.role = old->tensor.role;
    return kept;
}

/* Modules are in the order in which they came: what was None before is none of them. */
static bool is_late_module(const struct datum *old, const struct datum *value) {
    return old && old->kind == D_NONE && value && value->kind == D_OBJECT && value->object->class->is_module;
}

bool run_store(struct run *run, struct datum *object, const struct class *after, atom name, struct datum *value,
    const struct node *at) {
    struct class *class = object->object->class, *in = NULL;
    struct member *member = find_member(class, after, name, &in);
    if (member && member->set) {
        struct arguments one = {.at = (struct node *)at};
        vec_push(run->arena, &one.positional.list, value);
        return run_closure(run, member->set, object, &one) != NULL;
    }
    if (member && member->get)
        return run_raise(run, at, "AttributeError", "property `%s` has no setter", name) != NULL;
    struct datum *key = datum_str(run, name);
    struct dict *attributes = &object->object->attributes->dict;
    if (class->is_module)
        value = stored_in_module(run, dict_find(attributes, key), value, at);
    if (class->is_module && is_late_module(dict_find(attributes, key), value))
        dict_delete(attributes, key);
    if (value)
        dict_set(run, attributes, key, value);
    return value != NULL;
}

/* Whether a tensor may take the place of another in the state dict. */
static bool same_kind(const struct datum *old, const struct datum *value) {
    const struct tensor *a = &old->tensor, *b = &value->tensor;
    if (value->kind != D_TENSOR || a->rank != b->rank || a->dtype != b->dtype)
        return false;
    return memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

bool set_attribute(struct run *run, struct datum *d, atom name, struct datum *value, const struct node *at) {
    if (d->kind == D_TENSOR && strcmp(name, "data") == 0 && !same_kind(d, value))
        return run_refuse(run, at, "a tensor that becomes another is not followed");
    if (d->kind == D_UNKNOWN || d->kind == D_TENSOR)
        return true;
    if (d->kind == D_CLASS) {
        struct member *own = add_member(run, d->class, name);
        own->value = value;
        own->node = own->node ? own->node : (struct node *)at;
        return true;
    }
    if (d->kind != D_OBJECT)
        return run_refuse(run, at, "a store into this is not followed here") != NULL;
    struct class *class = d->object->class, *in;
    if (!class->writes)
        return run_store(run, d, NULL, name, value, at);
    struct member *member = find_member(class, NULL, intern(run->unit->atoms, "__setattr__"), &in);
    struct datum *writer = member_value(run, in, member);
    struct arguments two = {.at = (struct node *)at};
    vec_push(run->arena, &two.positional.list, datum_str(run, name));
    vec_push(run->arena, &two.positional.list, value);
    return writer && run_closure(run, writer->function, d, &two) != NULL;
}
