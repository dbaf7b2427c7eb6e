/* architecture_internal.h - between the two halves of architecture.h's reader: architecture.c, architecture_layer.c. */
#ifndef ADGEN_REWRITE_ARCHITECTURE_INTERNAL_H
#define ADGEN_REWRITE_ARCHITECTURE_INTERNAL_H

#include <string.h>

#include "base/text.h"
#include "rewrite/architecture.h"
#include "rewrite/run_internal.h"

struct reader {
    struct unit *unit;
    struct run *run;
    const struct keys *keys;
    const struct forward *forward;
    struct architecture *out;
    VEC(const struct object *) lists; /* of the layers */
};

struct layer {
    const struct event *call;
    uint32_t from, to; /* the events inside of it */
    long long hidden;
};

/* -- architecture_layer.c */

struct layer_kind read_layer(struct reader *r, const struct layer *layer);

/* -- parts of events ----------------------------------------------------------------------------------------------- */

static inline const struct tensor *tensor_argument(const struct event *event, uint32_t position, const char *name) {
    const struct datum *d = event_argument(event, position, name);
    return d && d->kind == D_TENSOR && d->tensor.rank > 0 ? &d->tensor : NULL;
}

static inline const struct tensor *result_of(const struct event *event) {
    return event->result && event->result->kind == D_TENSOR && event->result->tensor.rank > 0 ? &event->result->tensor
                                                                                              : NULL;
}

static inline long long last_dim(const struct tensor *t) {
    return t ? t->dim[t->rank - 1] : NOT_KNOWN;
}

static inline bool is_operator(const struct event *event, const char *prefix) {
    return event->kind == EVENT_OPERATOR && starts_with(event->name, prefix);
}

static inline bool is_attention(const struct event *event) {
    return is_operator(event, "torch_mla") ||
           (is_operator(event, "torch_attention") && !ends_with(event->name, "repeat_kv"));
}

static inline bool is_class(const struct event *event, const char *name) {
    return event->kind == EVENT_MODULE && strcmp(event->name, name) == 0;
}

static inline double number_argument(const struct event *event, uint32_t position, const char *name) {
    const struct datum *d = event_argument(event, position, name);
    double real = 0;
    return d && number_of(d, &real) ? real : 0;
}

#endif
