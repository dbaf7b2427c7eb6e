/* package.h - the source package: where it is, and its auto mappings, which say where the model of a type is defined.
 *
 * The mappings are Python files of up to 150 KB. They are indexed by a scan for string pairs, not parsed: a mapping is
 * whatever stands between the brackets of `NAME = ...(`, `NAME = [` or `NAME.update(` at the start of a line. Files
 * that define a class are found the same way, by `class NAME` at the start of a line. */
#ifndef ADGEN_PARSER_PACKAGE_H
#define ADGEN_PARSER_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct diags;

/* -- where it is --------------------------------------------------------------------------------------------------- */

/* The outermost folder with an __init__.py around a file, or NULL. The file need not exist. */
const char *package_around(struct arena *arena, const char *path);

/* The package that `--package DIR` means: the folder itself, or `transformers` or `src/transformers` in it. NULL, with
 * a diagnostic, if there is none. */
const char *package_in(struct arena *arena, struct diags *diags, const char *dir);

/* The transformers package of the Python on PATH (which is asked once), or NULL. */
const char *package_of_python(struct arena *arena);

/* The file that defines a module, given by its absolute dotted name, the package's own name first; NULL if there is
 * none. */
const char *package_module_path(struct arena *arena, const char *root, const char *module);

/* -- what is in it ------------------------------------------------------------------------------------------------- */

struct pair {
    const char *key, *value;
};

/* Immutable once it is open, so threads may share it. */
struct registry {
    struct arena *arena; /* its own */
    const char *root;
    struct pair *heads; /* model type -> class of the causal LM, in the order of the package */
    uint32_t nheads;
    struct pair *bases; /* model type -> class of the model without a head */
    uint32_t nbases;
    struct pair *configs; /* model type -> configuration class */
    uint32_t nconfigs;
    struct pair *modules; /* model type -> folder, where they differ by more than `-` and `_` */
    uint32_t nmodules;
    struct pair *deprecated; /* folders that moved to models/deprecated */
    uint32_t ndeprecated;
};

/* NULL, with a diagnostic, where the package has no auto mappings. The caller owns it. */
struct registry *registry_open(struct diags *diags, const char *root);
void registry_close(struct registry *registry);

/* The class of the causal LM, or the configuration class, of a type; NULL if the package has none. */
const char *registry_head(const struct registry *registry, const char *type);
const char *registry_base(const struct registry *registry, const char *type); /* the model without a head */
const char *registry_config(const struct registry *registry, const char *type);

struct model {
    const char *type;
    const char *head;        /* class of the causal LM */
    const char *config;      /* configuration class; NULL where the package does not say */
    const char *path;        /* file that defines the head */
    const char *config_path; /* file that defines the configuration class; NULL where it is not found */
};

/* Where a type's model is. False, with a diagnostic that names near types, where there is none. */
bool registry_model(
    const struct registry *registry, struct arena *arena, struct diags *diags, const char *type, struct model *model);

/* The file that defines a model class of a type (a `modeling_*.py`), or NULL. */
const char *registry_class_path(
    const struct registry *registry, struct arena *arena, const char *type, const char *name);
/* The file that defines a configuration class (a `configuration_*.py`), or NULL. */
const char *registry_config_path(const struct registry *registry, struct arena *arena, const char *config);

#endif
