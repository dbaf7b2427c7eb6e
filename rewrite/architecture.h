/* architecture.h - what kind of model it is.
 *
 * Read off what the forward pass calls and with which arguments (forward.h), the parameters that the constructors make
 * (keys.h), and, for what is no argument of anything, the fields that every configuration of transformers has. No name
 * of a model, a class or an attribute of one decides anything.
 *
 * What could not be found out is said to be: a kind is ..._UNKNOWN, a number NOT_KNOWN, a text NULL. A zero is a fact:
 * no window, no experts, no shared MLP. */
#ifndef ADGEN_REWRITE_ARCHITECTURE_H
#define ADGEN_REWRITE_ARCHITECTURE_H

#include "rewrite/forward.h"
#include "rewrite/keys.h"

enum { NOT_KNOWN = -1 };

enum attention_kind {
    ATTENTION_UNKNOWN,
    ATTENTION_MHA, /* as many heads of keys as of queries */
    ATTENTION_GQA, /* fewer */
    ATTENTION_MQA, /* one */
    ATTENTION_MLA, /* keys and values are expanded from latents inside the operator */
};

struct attention {
    enum attention_kind kind;
    long long heads, kv_heads;    /* of MLA they are as many */
    long long key_dim, value_dim; /* of one head */
    long long latent;             /* width of the latents; 0: there are none */
    long long query_latent;       /* of those that queries are expanded from; 0: none were found */
    long long window;             /* tokens that one may look back on, itself included; 0: all */
    double scale, soft_cap;       /* of the scores; a cap of 0 is none; a scale of 0 is not known */
    bool sinks, bias;             /* an extra score for each head; something is added to the scores */
};

enum rotary_kind {
    ROTARY_UNKNOWN,
    ROTARY_NONE,
    ROTARY_HALVES,  /* an element is turned with the one half the width away */
    ROTARY_PAIRS,   /* with its neighbour: interleaved */
    ROTARY_COMPLEX, /* the same, as complex numbers */
};

struct rotary {
    enum rotary_kind kind;
    long long dim; /* how many of key_dim are turned: fewer is partial */
};

enum mlp_kind { MLP_UNKNOWN, MLP_NONE, MLP_PLAIN, MLP_GATED };

struct mlp {
    enum mlp_kind kind;
    long long width;
    const char *activation; /* silu, gelu, ... as PyTorch or the package calls it; NULL: not known */
};

/* A mixture of experts. */
struct mixture {
    long long count; /* 0: none was met; there is none, unless the MLP is unknown */
    long long top_k, width;
    bool gated;
    const char *activation;
};

/* Layers that differ in nothing that is said here are of one kind. */
struct layer_kind {
    struct attention attention;
    struct rotary rotary;
    struct mixture experts;
    struct mlp mlp; /* of a layer with experts: the one that all tokens go through beside them, the shared one */
    long long count;
};

enum norm_kind { NORM_RMS, NORM_LAYER, NORM_L2 };

struct norm {
    enum norm_kind kind;
    double eps;     /* 0: not known */
    bool attention; /* of queries, keys or latents */
};

/* How rotary tables are made, by the configuration. */
struct rope_setting {
    const char *layer_type; /* of the layers that it is for; NULL: of all */
    const char *type;       /* default, yarn, longrope, ... */
    double theta;           /* 0: not known */
};

struct dtype_bytes {
    const char *dtype;
    long long bytes;
};

struct architecture {
    const char *entry, *config_class, *model_type; /* NULL: not known */
    const char *values;                            /* the configuration's file; NULL: the defaults of its class */
    const char *dtype;                             /* that the configuration asks for; NULL: none, which is float32 */
    const char *quantised;                         /* how the checkpoint is, by the configuration; NULL: it is not */
    bool configured;                               /* the configuration could be made of the values */
    bool built;                                    /* the constructors ran to their end: sizes are known */
    bool followed;       /* so did the forward pass: what is not in the layers is not in the model */
    const char *stopped; /* else where and why it did not, as file:line: reason */
    VEC(struct layer_kind) kinds;
    VEC(uint32_t) layers; /* the kind of each, an index */
    VEC(struct norm) norms;
    VEC(struct rope_setting) ropes; /* none: the configuration says nothing of it */
    long long hidden, vocabulary, context;
    long long limit;              /* tokens up to which the translation holds, by an assumption; 0: any number */
    long long learned_positions;  /* rows of a table of them; 0: there is none */
    int tied;                     /* the head is the embedding: 1, 0, NOT_KNOWN */
    long long parameters, active; /* tied ones once; those that a token meets */
    long long bytes;              /* of parameters and saved buffers */
    VEC(struct dtype_bytes) by_dtype;
};

/* Fill it from what keys_evaluate has found with request->forward. */
void architecture_read(
    struct unit *unit, const struct keys *keys, const struct forward *forward, struct architecture *architecture);

/* Whether a layer of the kind is unlike others in what is said of attention, or of the MLP. */
bool attention_equal(const struct layer_kind *a, const struct layer_kind *b);

/* How many GPUs a model of so many parameters is usually run on: 1 below 2 billion, 2 up to 15, 4 up to 80, 8 above.
 * The table that this follows leaves out what lies between 15 and 20 billion; those are counted with the larger ones: a
 * model runs on a GPU too many, but not on one too few. */
uint32_t world_size(long long parameters);

#endif
