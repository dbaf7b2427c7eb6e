/* keys_config.c - a configuration out of its fields. */
#include <string.h>

#include "base/text.h"
#include "rewrite/keys.h"
#include "rewrite/run_internal.h"

/* Attributes are the file's fields, and nothing else is known. */
static struct datum *bare(struct run *run, struct datum *fields) {
    struct arguments none = {0};
    struct class *class = library_class(run, "the configuration");
    class->is_open = true;
    struct datum *config = run_instance(run, class, &none);
    config->object->attributes = fields;
    return config;
}

static bool is_of_type(struct datum *fields, const struct datum *type) {
    const struct datum *own = fields->kind == D_DICT ? dict_get(&fields->dict, "model_type") : NULL;
    return own && own->kind == D_STR && own->text == type->text;
}

/* The fields of the class's model type: of the file, or of the one configuration in it that is of that type. */
static struct datum *fields_of_type(
    struct run *run, struct unit *unit, const char *path, struct datum *class, struct datum *fields) {
    struct datum *type = run_attribute(run, class, "model_type");
    struct datum *own = dict_get(&fields->dict, "model_type");
    if (type == NULL || type->kind != D_STR || type->text[0] == '\0' || own == NULL || own->kind != D_STR ||
        is_of_type(fields, type))
        return fields;
    for (uint32_t i = 0; i < fields->dict.list.len; i++)
        if (is_of_type(fields->dict.list.at[i].value, type))
            return fields->dict.list.at[i].value;
    diag_at(unit->diags, SEVERITY_WARNING, NULL, (struct span){0, 0}, NULL,
        "%s is of type `%s`, and read as %s, which is of type `%s`", path, own->text, class->class->name, type->text);
    return fields;
}

/* The checks of the class, `validate_...`: what they raise counts, what they cannot know does not. */
static bool validate(struct run *run, struct datum *config) {
    const struct class *class = config->object->class;
    for (uint32_t i = 0; i < class->line.len; i++) {
        for (uint32_t k = 0; k < class->line.at[i]->members.len; k++) {
            const char *name = class->line.at[i]->members.at[k]->name;
            struct datum *check = starts_with(name, "validate_") ? run_attribute(run, config, name) : NULL;
            if (check == NULL || check->kind != D_METHOD || run_apply(run, check, NULL, 0))
                continue;
            if (run->stop == RUN_RAISED)
                return false;
            run->stop = RUN_ON;
        }
    }
    return true;
}

struct datum *keys_configure(
    struct run *run, struct unit *unit, const struct keys_request *request, struct datum *class, struct datum *fields) {
    if (class == NULL)
        return bare(run, fields);
    fields = fields_of_type(run, unit, request->config, class, fields);
    struct datum *config = run_construct(run, class, NULL, &fields->dict);
    bool checked = config && config->object->class->is_strict;
    return config && (!checked || validate(run, config)) ? config : NULL;
}
