/* run_ops.c - the operators of AutoDeploy: what shapes they return. */
#include <string.h>

#include "base/text.h"
#include "rewrite/forward.h"
#include "rewrite/run_internal.h"

static struct datum *tensor_at(const struct arguments *a, uint32_t position, const char *name) {
    struct datum *d = argument(a, position, name);
    return d && d->kind == D_TENSOR && d->tensor.rank > 0 ? d : NULL;
}

static struct datum *same(struct run *run, const struct datum *of) {
    return of ? shape_like(run, of) : NULL;
}

/* The width of the values on the heads of the queries, in both layouts. */
static struct datum *attention(struct run *run, struct arguments *a) {
    const struct datum *q = tensor_at(a, 0, "query"), *v = tensor_at(a, 2, "value");
    return q && v ? shape_resized(run, q, v->tensor.dim[v->tensor.rank - 1]) : NULL;
}

static struct datum *latent_attention(struct run *run, struct arguments *a) {
    const struct datum *q = tensor_at(a, 0, "q_nope"), *weight = tensor_at(a, 4, "kv_b_proj_weight");
    if (q == NULL || weight == NULL || q->tensor.rank != 4 || q->tensor.dim[2] == 0)
        return NULL;
    return shape_resized(run, q, weight->tensor.dim[0] / q->tensor.dim[2] - q->tensor.dim[3]);
}

static struct datum *rotated(struct run *run, struct arguments *a) {
    struct datum *pair = datum_list(run, D_TUPLE);
    const struct datum *q = tensor_at(a, 0, "q"), *k = tensor_at(a, 1, "k");
    q = q ? q : tensor_at(a, 0, "xq");
    k = k ? k : tensor_at(a, 1, "xk");
    struct datum *lost = unknown(run, a->at, "the shape of what is rotated is not known");
    datum_push(run, pair, q ? same(run, q) : lost);
    datum_push(run, pair, k ? same(run, k) : lost);
    return pair;
}

static struct datum *by_shape(struct run *run, const char *name, struct arguments *a) {
    if (starts_with(name, "torch_attention") && !ends_with(name, "repeat_kv"))
        return attention(run, a);
    if (strcmp(name, "torch_mla") == 0)
        return latent_attention(run, a);
    if (starts_with(name, "torch_rope"))
        return rotated(run, a);
    if (word_in(name, "torch_rmsnorm torch_l2norm torch_rmsnorm_gated torch_moe torch_moe_fused torch_moe_dense_mlp "
                      "torch_causal_conv1d torch_ssm torch_swiglu_mlp all_reduce"))
        return a->positional.list.len ? same(run, tensor_at(a, 0, NULL)) : NULL;
    if (strcmp(name, "torch_linear_simple") == 0 || strcmp(name, "torch_moe_router") == 0)
        return shape_of_call(run, "linear", a);
    if (strcmp(name, "split_with_sizes") == 0)
        return shape_of_call(run, name, a);
    return NULL;
}

struct datum *forward_operator(struct run *run, const char *name, struct arguments *arguments) {
    struct event *event = note_event(run, EVENT_OPERATOR, name, arguments);
    struct datum *value = by_shape(run, name, arguments);
    if (value == NULL && run->stop == RUN_ON)
        value = unknown(run, arguments->at, "what `%s` returns is not known", name);
    return (struct datum *)(event->result = value);
}
