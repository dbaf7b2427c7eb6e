/* keys.h - the state dict that a translated model has with a configuration, found without running Python. */
#ifndef ADGEN_REWRITE_KEYS_H
#define ADGEN_REWRITE_KEYS_H

#include "rewrite/run.h"

/* A parameter or a buffer that is saved. */
struct key {
    const char *name;
    const struct tensor *tensor;
    bool buffer;
    const char *tied_to; /* the key that it is the same tensor as; NULL: it is its own */
};

struct keys {
    VEC(struct key) list;                  /* in the order of the state dict */
    const char *model, *config;            /* classes; a NULL config: the source of none is at hand */
    long long parameters;                  /* tied ones once */
    long long inactive;                    /* parameters of experts that a token does not meet; -1: not known */
    bool experts;                          /* there are some */
    bool compared;                         /* with an index */
    VEC(const char *) missing, unexpected; /* in the index; in the model */
    struct run *run;                       /* in which they were found, with */
    struct datum *built, *configured;      /* the model and its configuration; NULL: it came to none */
};

struct total {
    const struct dtype *dtype;
    long long bytes;
};

enum { DTYPES_MAX = 16 };

struct totals {
    struct total of[DTYPES_MAX];
    uint32_t count;
};

struct keys_request {
    const char *config;                     /* file of the configuration; NULL: all fields have their defaults */
    const char *index;                      /* file that lists a checkpoint's keys; NULL: none */
    const char *config_path, *config_class; /* where the source's configuration class is, if the model's file has none;
                                               NULL: it is not at hand */
    const char *model;                      /* the model's class, where the file may register none */
    struct forward *forward;                /* run the forward pass too (forward.h); NULL: don't */
};

/* Of the model in unit->module. False, with a diagnostic, where something that decides a key or a shape is not known.
 */
bool keys_evaluate(struct unit *unit, const struct keys_request *request, struct keys *keys);

/* The bytes of each dtype, in the order of first use; what is tied counts once. */
struct totals keys_totals(const struct keys *keys);

/* A module that another one holds. */
struct child {
    const char *name;
    struct datum *module;
};

struct children {
    VEC(struct child) list;
};

/* Of a value that is a module; none of any other. Those of a list first, then those of a dictionary, then attributes.
 */
struct children children_of(struct run *run, const struct datum *d);

/* -- keys_json.c --------------------------------------------------------------------------------------------------- */

/* A JSON file that is an object, as a DICT; NULL with a diagnostic. */
struct datum *keys_read_json(struct run *run, struct unit *unit, const char *path);

/* -- keys_config.c ------------------------------------------------------------------------------------------------- */

/* The configuration that a DICT of its fields gives; NULL with a diagnostic, or where the run has stopped. */
struct datum *keys_configure(
    struct run *run, struct unit *unit, const struct keys_request *request, struct datum *class, struct datum *fields);

/* -- keys_index.c -------------------------------------------------------------------------------------------------- */

/* Fill missing and unexpected: what is left when the index's keys went through the model's load hooks. */
bool keys_compare(struct run *run, struct unit *unit, struct datum *model, const char *path, struct keys *keys);

/* -- keys_active.c ------------------------------------------------------------------------------------------------- */

/* Find the experts, and how many of them a token meets. */
void keys_count_active(struct run *run, struct datum *model, struct keys *keys);

#endif
