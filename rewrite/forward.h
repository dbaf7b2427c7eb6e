/* forward.h - what a model computes with: its forward pass, run on shapes alone.
 *
 * The interpreter of constructors (run.h) goes on into `forward`. A batch of token ids goes through the modules as a
 * shape and a dtype; every call of a module, of a function of torch.nn.functional, of `topk` and of an operator of
 * AutoDeploy is noted with its arguments and the modules around it. So a number of heads, a window or a number of
 * experts is read where it is used, whatever an attribute or a field of the configuration is called.
 *
 * What the shape of something does not follow from is a value that is not known, and so is what is computed with it. A
 * `forward` that cannot be followed to its end gives such a value, but for layers, the modules of a list, which hand on
 * hidden states of the shape that they were given; the first such place is noted. */
#ifndef ADGEN_REWRITE_FORWARD_H
#define ADGEN_REWRITE_FORWARD_H

#include "rewrite/run.h"

struct arguments;

/* A module whose forward is running. */
struct frame {
    struct datum *module;
    const struct frame *outer; /* NULL for the model */
    const char *path;          /* such as model.layers.3.mlp; "" for the model */
    struct datum *list;        /* the list of modules that it is an item of; NULL: none */
};

enum event_kind { EVENT_MODULE, EVENT_FUNCTION, EVENT_OPERATOR };

struct event {
    enum event_kind kind;
    const char *name;          /* of the class, of a library's with its dots; of the function; of the operator */
    const struct frame *frame; /* the module whose forward makes the call; NULL: the model is what is called */
    const struct frame *into;  /* the module that is called; NULL where it is none */
    const struct arguments *arguments;
    const struct datum *result; /* may be one that is not known; NULL: there was none */
};

struct module_place {
    struct datum *list; /* that it is an item of, or NULL */
    const char *path;
};

struct forward {
    VEC(struct event *) events; /* in the order of the calls */
    const struct frame *frame;  /* that runs now */
    struct map places;          /* struct object of a module -> struct module_place */
    const struct datum *tokens; /* what `input_ids` is */
    bool finished;              /* nothing was met that could not be followed */
    const struct node *at;      /* else the first place, why, and in which module: its path */
    const char *why, *where;
};

/* Have the run follow shapes further than constructors need it, from now on. */
void run_forward_prepare(struct run *run, struct forward *forward);

/* Run the forward pass of a model on token ids and positions. */
void run_forward(struct run *run, struct datum *model, struct forward *forward);

/* Note a call, made by the module that runs. */
struct event *note_event(struct run *run, enum event_kind kind, const char *name, const struct arguments *arguments);

/* One of the package's own activations, which keep shapes like those of torch.nn. */
bool is_activation_class(const struct class *class);

/* An argument of the call, or NULL. */
const struct datum *event_argument(const struct event *event, uint32_t position, const char *name);

#endif
