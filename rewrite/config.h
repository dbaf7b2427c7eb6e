/* config.h - what is known of a configuration class, read from its source.
 *
 * A field is an attribute that every instance has, whatever the checkpoint's config.json says: declared in the class
 * body, stored by __init__ or __post_init__ on every path, a property that reads fields only, an alias of
 * attribute_map, or any of these in a base class whose source is at hand. Nothing may be concluded from the absence of
 * a field: keys of config.json that the class does not know become attributes, too. */
#ifndef ADGEN_REWRITE_CONFIG_H
#define ADGEN_REWRITE_CONFIG_H

#include "rewrite/unit.h"

struct config {
    atom name;
    struct module *module; /* that defines it */
    struct node *def;      /* CLASS */
    struct map fields;     /* name -> declared default, or NULL where there is none that is an expression by itself */
    struct map
        declared; /* what fields is made of: fields; properties as their FUNCTION, whether they can be read or not */
    struct map aliases;   /* of attribute_map: name -> atom that it stands for */
    struct map subs;      /* sub-configurations: name -> NAME node of the class, in `module` */
    struct map sub_types; /* those of any model type: name -> atom of the type that it is by default */
    atom model_type;      /* NULL where the class does not say */
    bool complete;        /* the source of every base that is a configuration was found; mixins are not looked for */
};

/* The configuration class that `name` means in a module: defined there, or imported from a file that is at hand. NULL,
 * and nothing said, if it is not found. */
struct config *config_read(struct unit *unit, struct module *module, atom name);

/* The class of a sub-configuration such as `text_config`, or NULL; of one that may be of any model type, that of the
 * type that it is by default. */
struct config *config_sub(struct unit *unit, const struct config *config, atom name);

/* The part of the entry's configuration behind a dotted path; NULL where its class is not known. */
struct config *config_at(struct unit *unit, atom path);

/* Where the configuration keeps its part for text, as the library's get_text_config() finds it: the name, or NULL for a
 * configuration without such a part. */
atom config_text_part(struct unit *unit, const struct config *config);

/* ClassVar, ClassVar[...]: the annotation of what is no field. */
bool is_class_var(const struct node *annotation);

/* Whether every instance has the attribute. */
bool config_has(const struct config *config, atom field);

/* The declared default: what a configuration that does not mention the field starts from (before __post_init__ derives
 * others from it). NULL where it is not known. The node belongs to the configuration's module: copy it to use it. */
struct node *config_default(const struct config *config, atom field);

/* Whether the class declares the field as of one of the types (words) alone, `field: str`; then it is never None. */
bool config_declares(const struct config *config, atom field, const char *types);

/* The fields that the program reads (config_reads.c), with a node that does so or NULL. False, with a diagnostic if
 * `asked`, where the configuration goes to something that may read any of them. */
bool config_reads(struct unit *unit, bool asked, struct map *fields);

/* The name for which the file itself registers the class, as translations do; or NULL. */
atom registered_for(struct unit *unit, const struct cls *cls);

/* The pass: find the entry's configuration class and fill unit->config, config_class, config_module, config_fields. */
bool read_config(struct unit *unit);

#endif
