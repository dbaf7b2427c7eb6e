/* emit.h - inside the emitter of model files. */
#ifndef ADGEN_EMIT_EMIT_H
#define ADGEN_EMIT_EMIT_H

#include "emit/model.h"

struct emitter {
    struct unit *unit;
    struct node *module;    /* the MODULE that is being made */
    struct node *config;    /* a MODULE too: the configuration class, before all else; empty where there is none */
    const char *prefix;     /* <X> */
    const char *entry_name; /* <X>ForCausalLM */
    struct cls *base;       /* <X>PreTrainedModel, or NULL */
    struct cls *model;      /* <X>Model, or NULL where the entry holds the layers itself */
    atom model_attr;        /* the path by which the entry calls it: "model", "model.decoder" */
    atom embed_attr;        /* of the model: "embed_tokens" */
    atom head_attr;         /* of the entry: "lm_head" */
    uint32_t gaps;          /* what is not understood: the file is marked as incomplete */
    bool names_config;      /* the configuration class is imported, or defined here */
    struct map names;       /* every global name that the module's code uses: where first */
    struct map bound;       /* every name that something in it defines, in whatever scope */
    struct map dynamic;     /* import lines that the skeleton needs: module -> names */
};

/* model.c */
void name_entry(struct emitter *e); /* prefix, entry_name */
/* a value of the module, without the blank lines around it */
struct node *after_imports(struct emitter *e, const struct node *stmt);

/* emit_class.c */
void emit_class(struct emitter *e, struct cls *cls);
void emit_function(struct emitter *e, struct fn *fn);
struct node *function_node(struct emitter *e, struct fn *fn);
/* Parse Python text made by the emitter and append its statements to `block`. */
void append_python(struct emitter *e, struct node *block, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct node *class_node(struct emitter *e, const char *name, struct node *bases);

/* emit_locals.c: the body of a constructor, with variables for fields that it reads often. */
struct node *shorten_reads(struct emitter *e, const struct fn *init);

/* emit_skeleton.c */
void emit_outputs(struct emitter *e);
void emit_pretrained(struct emitter *e);
void emit_base_model(struct emitter *e);
void emit_containers(struct emitter *e);
void emit_entry(struct emitter *e);
void emit_registration(struct emitter *e);
bool find_roles(struct emitter *e);

/* emit_imports.c */
struct import {
    atom module; /* from module import name */
    atom name;   /* NULL: import module */
    atom asname; /* or NULL */
};
struct imports {
    VEC(struct import) list;
};
void import_add(struct unit *u, struct imports *imports, atom module, atom name, atom asname);
/* A module of Python's own library. */
bool import_is_standard(const char *module);
/* The statements, sorted as ruff's isort sorts them. */
struct node *import_block(struct unit *u, struct imports *imports);
/* Refuses a name that neither an import nor the module defines. */
struct node *emit_imports(struct emitter *e);
void need_import(struct emitter *e, const char *module, const char *name);
/* The order of two names in one import. */
int compare_names(const char *a, const char *b);

/* emit_names.c: into `names` and `bound` */
void collect_names(struct emitter *e, const struct node *n);

/* emit_towers.c */
/* In the constructor, which is the last method of the class: the types of text models that the file is for. */
void append_towers(struct emitter *e, struct node *cls);
/* What of the checkpoint belongs to modules that are not there. */
void emit_left_out(struct emitter *e, struct node *cls);
/* A model inside of the model may have a head of its own, tied to its embedding. */
void emit_inner_ties(struct emitter *e, struct node *made, const struct cls *cls);
/* What the docstring says of all this. */
void emit_tower_items(const struct unit *u, struct buf *out);

/* emit_header.c */
void emit_item(struct buf *out, const char *text); /* of a list in the docstring, wrapped */
/* The path inside the package, else the file's name. */
const char *short_path(const struct unit *u, const struct module *module);
void emit_header(struct emitter *e, const char *code, struct buf *out); /* of the module with this code */
void emit_licence(const struct unit *u, struct buf *out);

#endif
