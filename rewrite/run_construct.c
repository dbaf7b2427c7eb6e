/* run_construct.c - instances: constructors of the source, those that follow from the fields of a dataclass, and those
 * of libraries. */
#include <string.h>

#include "base/text.h"
#include "rewrite/config.h"
#include "rewrite/run_internal.h"

/* -- dataclasses --------------------------------------------------------------------------------------------------- */

/* The default itself, or what a library makes of `default=` or `default_factory=`, as dataclasses.field does. */
static struct datum *default_of(struct run *run, struct class *in, struct member *member) {
    struct node *n = member->node;
    struct datum *declared = n ? member_value(run, in, member) : NULL;
    if (declared == NULL || !is_unknown(declared) || n->kind != NODE_CALL)
        return declared;
    struct scope scope = {.module = in->module, .class = in};
    struct node *value = call_argument(n, UINT32_MAX, "default");
    struct node *factory = call_argument(n, UINT32_MAX, "default_factory");
    if (value)
        return evaluate(run, &scope, value);
    struct datum *made = factory ? evaluate(run, &scope, factory) : NULL;
    return made ? run_apply(run, made, NULL, 0) : declared;
}

static bool is_field(const struct member *member) {
    return member->annotation && !is_class_var(member->annotation);
}

/* The names of all fields, those of bases first. */
static struct datum *field_names(struct run *run, const struct class *class) {
    struct datum *names = datum_list(run, D_SET);
    for (uint32_t i = class->line.len; i-- > 0;)
        for (uint32_t k = 0; class->line.at[i]->is_dataclass && k < class->line.at[i]->members.len; k++)
            if (is_field(class->line.at[i]->members.at[k]))
                datum_push(run, names, datum_str(run, class->line.at[i]->members.at[k]->name));
    return names;
}

/* Fields in their order, then __post_init__ with what is no field. */
static bool init_fields(struct run *run, struct datum *object, struct class *class, struct arguments *arguments) {
    struct datum *names = field_names(run, class);
    struct arguments rest = {.at = arguments->at};
    for (uint32_t i = 0; i < names->items.list.len; i++) {
        struct datum *name = names->items.list.at[i], *value = dict_find(&arguments->named, name);
        struct class *in;
        struct member *member = value ? NULL : find_member(class, NULL, name->text, &in);
        if (value == NULL && i < arguments->positional.list.len)
            value = arguments->positional.list.at[i];
        if (value == NULL && member)
            value = default_of(run, in, member);
        if (value == NULL)
            return run->stop == RUN_ON &&
                   run_raise(run, arguments->at, "TypeError", "missing required field `%s`", name->text);
        if (!set_attribute(run, object, name->text, value, arguments->at))
            return false;
    }
    for (uint32_t i = 0; i < arguments->named.list.len; i++) {
        struct item *item = &arguments->named.list.at[i];
        if (item->value && contains(names, item->key) != 1)
            dict_set(run, &rest.named, item->key, item->value);
    }
    struct datum *post = find_attribute(run, object, NULL, intern(run->unit->atoms, "__post_init__"), arguments->at);
    return post && call(run, post, &rest) != NULL;
}

/* -- instances ----------------------------------------------------------------------------------------------------- */

static bool is_mapping(const struct class *class) {
    return class->module == NULL && (atom_is(class->name, "dict") || atom_is(class->name, "collections.OrderedDict"));
}

static bool init_mapping(struct run *run, struct datum *object, struct arguments *arguments) {
    struct datum *d = run_builtin(run, "dict", arguments);
    if (d == NULL)
        return run_refuse(run, arguments->at, "what this dictionary holds is not known");
    object->object->dict = d->dict;
    return true;
}

/* Bases that construct nothing. */
static bool is_marker(const struct class *class) {
    return atom_is(class->name, "object") || starts_with(class->name, "typing.") || starts_with(class->name, "abc.") ||
           starts_with(class->name, "collections.abc.");
}

/* Run the constructor that comes next behind a class of the line (NULL: the first). */
static bool initialise(struct run *run, struct datum *object, const struct class *after, struct arguments *arguments) {
    struct class *class = object->object->class;
    uint32_t i = 0;
    while (after && i < class->line.len && class->line.at[i++] != after)
        ;
    for (; i < class->line.len; i++) {
        struct class *c = class->line.at[i];
        for (uint32_t k = 0; k < c->members.len; k++)
            if (atom_is(c->members.at[k]->name, "__init__"))
                return run_closure(run, member_value(run, c, c->members.at[k])->function, object, arguments) != NULL;
        if (c->is_dataclass)
            return init_fields(run, object, c, arguments);
        if (is_mapping(c))
            return init_mapping(run, object, arguments);
        if (c->module == NULL && init_library(run, c, object, arguments))
            return run->stop == RUN_ON;
        if (c->module == NULL && i > 0 && !is_marker(c))
            return run_refuse(run, class->def, "`%s`, a base of this class, is not at hand", c->name);
    }
    return true;
}

struct datum *run_instance(struct run *run, struct class *class, struct arguments *arguments) {
    struct datum *object = datum_object(run, class);
    return initialise(run, object, NULL, arguments) ? object : NULL;
}

/* -- what `super()` reaches behind all sources --------------------------------------------------------------------- */

struct datum *call_native(struct run *run, struct datum *self, const char *name, struct arguments *arguments) {
    struct datum *object = self->kind == D_SUPER ? self->super.self : self;
    const struct class *after = self->kind == D_SUPER ? self->super.after : NULL;
    struct datum *first = argument(arguments, 0, "name"), *second = argument(arguments, 1, "value");
    if (strcmp(name, "__init__") == 0)
        return initialise(run, object, after, arguments) ? datum_none(run) : NULL;
    if (strcmp(name, "__getattribute__") == 0 && first && first->kind == D_STR) {
        struct datum *value = find_attribute(run, object, NULL, first->text, arguments->at);
        if (value || run->stop != RUN_ON)
            return value;
        return run_raise(
            run, arguments->at, "AttributeError", "%s has no attribute `%s`", object->object->class->name, first->text);
    }
    if (strcmp(name, "__setattr__") == 0 && first && first->kind == D_STR && second)
        return run_store(run, object, NULL, first->text, second, arguments->at) ? datum_none(run) : NULL;
    if (strcmp(name, "__post_init__") == 0 || strcmp(name, "__init_subclass__") == 0)
        return datum_none(run);
    if (object->object->class->is_module)
        return call_module(run, object, name, arguments);
    struct datum view = {.kind = D_DICT, .dict = object->object->dict};
    const char *method = strcmp(name, "__getitem__") == 0 ? NULL : name;
    if (method == NULL)
        return first ? subscript(run, &view, first, arguments->at) : NULL;
    struct datum *value = run_method(run, &view, method, arguments);
    object->object->dict = view.dict;
    return value;
}
