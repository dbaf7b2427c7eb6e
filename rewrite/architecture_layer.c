/* architecture_layer.c - one layer: attention, rotary embedding, experts, MLP.
 *
 * What an operator says is taken from its arguments; what the MLP is follows from the widths of the linear maps beside
 * attention. */
#include "rewrite/architecture_internal.h"

/* -- what operators say -------------------------------------------------------------------------------------------- */

static void read_attention(const struct event *event, struct attention *a) {
    const struct tensor *q = tensor_argument(event, 0, "query"), *k = tensor_argument(event, 1, "key");
    const struct tensor *v = tensor_argument(event, 2, "value");
    const struct datum *layout = event_argument(event, 10, "layout"),
                       *window = event_argument(event, 8, "sliding_window");
    const struct datum *sinks = event_argument(event, 7, "sinks"), *mask = event_argument(event, 3, "attn_mask");
    const struct datum *cap = event_argument(event, 9, "logit_cap");
    uint32_t axis = layout && layout->kind == D_STR && strcmp(layout->text, "bsnd") == 0 ? 2 : 1;
    a->scale = number_argument(event, 6, "scale");
    a->soft_cap = cap && is_unknown(cap) ? NOT_KNOWN : number_argument(event, 9, "logit_cap");
    a->window = window == NULL || window->kind == D_NONE ? 0 : window->kind == D_INT ? window->integer : NOT_KNOWN;
    a->sinks = sinks && sinks->kind != D_NONE;
    a->bias = mask && mask->kind != D_NONE;
    if (q && q->rank == 4) {
        a->heads = q->dim[axis];
        a->key_dim = q->dim[3];
    }
    if (k && k->rank == 4)
        a->kv_heads = k->dim[axis];
    if (v && v->rank == 4)
        a->value_dim = v->dim[3];
    if (a->heads == NOT_KNOWN || a->kv_heads == NOT_KNOWN)
        return;
    a->kind = a->kv_heads == a->heads ? ATTENTION_MHA : a->kv_heads == 1 ? ATTENTION_MQA : ATTENTION_GQA;
}

static void read_latent_attention(const struct event *event, struct attention *a) {
    const struct tensor *nope = tensor_argument(event, 0, "q_nope"), *rope = tensor_argument(event, 1, "q_pe");
    const struct tensor *latents = tensor_argument(event, 2, "compressed_kv");
    const struct tensor *weight = tensor_argument(event, 4, "kv_b_proj_weight");
    a->kind = ATTENTION_MLA;
    a->latent = last_dim(latents);
    a->scale = number_argument(event, 6, "scale");
    a->window = 0;
    a->soft_cap = 0;
    if (nope == NULL || nope->rank != 4)
        return;
    a->heads = a->kv_heads = nope->dim[2];
    if (rope)
        a->key_dim = last_dim(nope) + last_dim(rope);
    if (weight && a->heads > 0)
        a->value_dim = weight->dim[0] / a->heads - last_dim(nope);
}

static enum rotary_kind rotary_of(const char *name) {
    return strcmp(name, "torch_rope_with_explicit_cos_sin") == 0  ? ROTARY_HALVES
           : strcmp(name, "torch_rope_with_qk_interleaving") == 0 ? ROTARY_PAIRS
           : strcmp(name, "torch_rope_with_complex_freqs") == 0   ? ROTARY_COMPLEX
                                                                  : ROTARY_UNKNOWN;
}

static void read_rotary(const struct event *event, struct rotary *rotary) {
    rotary->kind = rotary_of(event->name);
    rotary->dim = last_dim(tensor_argument(event, 0, rotary->kind == ROTARY_COMPLEX ? "xq" : "q"));
}

/* torch's names in small letters, as its functions are called. */
static const char *torch_name(struct unit *unit, const char *name) {
    struct buf text = {0};
    const char *dot = strrchr(name, '.');
    for (const char *c = dot ? dot + 1 : name; *c; c++)
        buf_putc(&text, (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c));
    const char *result = intern(unit->atoms, text.at ? text.at : "");
    buf_free(&text);
    return result;
}

static bool makes(const struct datum *value, const struct class *class) {
    if (value->kind == D_TUPLE && value->items.list.len)
        value = value->items.list.at[0];
    return value->kind == D_CLASS && value->class == class;
}

/* What a configuration calls an activation of the package: the first key of its table that makes the class. */
static const char *package_name(struct reader *r, const struct class *class) {
    struct datum *table = run_name(r->run, class->module, intern(r->unit->atoms, "ACT2CLS"));
    for (uint32_t i = 0; table && table->kind == D_DICT && i < table->dict.list.len; i++)
        if (makes(table->dict.list.at[i].value, class))
            return table->dict.list.at[i].key->text;
    return class->name;
}

static const char *activation_name(struct reader *r, const struct event *event) {
    const struct class *class = event->into ? event->into->module->object->class : NULL;
    return class && is_activation_class(class) ? package_name(r, class) : torch_name(r->unit, event->name);
}

static void read_mixture(struct reader *r, const struct event *event, struct mixture *m) {
    const struct datum *up = event_argument(event, 3, "w1_weight"), *gated = event_argument(event, 6, "is_gated_mlp");
    const struct datum *activation = event_argument(event, 7, "act_fn");
    bool list = up && (up->kind == D_LIST || up->kind == D_TUPLE) && up->items.list.len;
    const struct datum *first = list ? up->items.list.at[0] : NULL;
    m->count = list ? (long long)up->items.list.len : NOT_KNOWN;
    m->top_k = last_dim(tensor_argument(event, 1, "selected_experts"));
    m->width = first && first->kind == D_TENSOR && first->tensor.rank == 2 ? first->tensor.dim[0] : NOT_KNOWN;
    m->gated = gated == NULL || truth_of(gated) == 1;
    if (activation == NULL)
        m->activation = "silu";
    else if (activation->kind == D_LIBRARY)
        m->activation = torch_name(r->unit, activation->text);
}

/* Every expert is given every token: how many of them count is what the last choice among all of them takes. */
static void read_dense_mixture(struct reader *r, const struct layer *layer, uint32_t at, struct mixture *m) {
    const struct tensor *up = tensor_argument(r->forward->events.at[at], 2, "gate_up_w");
    m->count = up ? up->dim[0] : NOT_KNOWN;
    m->width = up && up->rank == 3 ? up->dim[2] / 2 : NOT_KNOWN;
    m->top_k = NOT_KNOWN;
    m->gated = true;
    for (uint32_t i = layer->from; i < at; i++) {
        const struct event *event = r->forward->events.at[i];
        bool router = is_operator(event, "torch_moe_router");
        bool topk = event->kind == EVENT_FUNCTION && strcmp(event->name, "topk") == 0;
        const struct datum *k = router ? event_argument(event, 3, "top_k") : event_argument(event, 1, "k");
        const struct tensor *among = router ? result_of(event) : tensor_argument(event, 0, "input");
        if ((router || topk) && k && k->kind == D_INT && last_dim(among) == m->count)
            m->top_k = k->integer;
    }
}

/* -- MLPs ---------------------------------------------------------------------------------------------------------- */

/* A linear map: a module without modules that has a matrix and changes the last axis alone. */
static bool is_linear(const struct event *event, long long *in, long long *out) {
    const struct tensor *x = tensor_argument(event, 0, NULL), *y = result_of(event);
    bool module = event->kind == EVENT_MODULE && event->into != event->frame && !is_class(event, "torch.nn.Embedding");
    if (!module || x == NULL || y == NULL)
        return false;
    const struct datum *weight = dict_get(&event->into->module->object->attributes->dict, "weight");
    if (weight == NULL || weight->kind != D_TENSOR || weight->tensor.rank != 2)
        return false;
    *in = last_dim(x);
    *out = last_dim(y);
    const long long *dim = weight->tensor.dim;
    return (dim[0] == *out && dim[1] == *in) || (dim[0] == *in && dim[1] == *out);
}

/* The width, another than that of the hidden states, between a map from these and one to the queries. */
static long long query_latent(
    const struct reader *r, const struct layer *layer, uint32_t attention, long long queries) {
    const struct frame *frame = r->forward->events.at[attention]->frame;
    long long in, out, latent;
    for (uint32_t i = layer->from; i < attention; i++) {
        const struct event *event = r->forward->events.at[i];
        bool down = event->frame == frame && is_linear(event, &in, &latent) && in == layer->hidden && latent != in;
        for (uint32_t k = i + 1; k < attention && down; k++) {
            event = r->forward->events.at[k];
            if (event->frame == frame && is_linear(event, &in, &out) && in == latent && out == queries)
                return latent;
        }
    }
    return 0;
}

static bool calls_attention(const struct reader *r, const struct layer *layer, const struct frame *frame) {
    for (uint32_t i = layer->from; i < layer->to; i++)
        if (is_attention(r->forward->events.at[i]) && r->forward->events.at[i]->frame == frame)
            return true;
    return false;
}

static const char activations[] = "ReLU ReLU6 SiLU GELU Sigmoid Tanh Mish ELU LeakyReLU relu relu6 silu gelu mish elu "
                                  "leaky_relu sigmoid tanh softplus";

static bool is_activation(const struct event *event) {
    if (event->kind == EVENT_FUNCTION)
        return word_in(event->name, activations);
    if (event->kind != EVENT_MODULE)
        return false;
    if (starts_with(event->name, "torch.nn."))
        return word_in(event->name + strlen("torch.nn."), activations);
    return is_activation_class(event->into->module->object->class);
}

static bool is_beside(const struct reader *r, const struct layer *layer, const struct event *event) {
    return !calls_attention(r, layer, event->frame);
}

/* How many maps from the hidden width there are before one back to it, to the width that it takes: two of them, or one
 * to twice that, are a gated MLP. Those of the same module, if it has any, else those of the layer. */
static uint32_t count_ups(const struct reader *r, const struct layer *layer, uint32_t down, long long width) {
    const struct frame *frame = r->forward->events.at[down]->frame;
    uint32_t own = 0, all = 0;
    long long in, out;
    for (uint32_t i = layer->from; i < down; i++) {
        const struct event *event = r->forward->events.at[i];
        if (!is_linear(event, &in, &out) || in != layer->hidden || !is_beside(r, layer, event))
            continue;
        uint32_t ups = out == width ? 1 : out == 2 * width ? 2 : 0;
        all += ups;
        own += event->frame == frame ? ups : 0;
    }
    return own ? own : all;
}

static const char *activation_in(struct reader *r, const struct layer *layer, const struct frame *frame) {
    const char *other = NULL;
    for (uint32_t i = layer->from; i < layer->to; i++) {
        const struct event *event = r->forward->events.at[i];
        if (!is_activation(event) || !is_beside(r, layer, event))
            continue;
        if (event->frame == frame)
            return activation_name(r, event);
        other = other ? other : activation_name(r, event);
    }
    return other;
}

static bool is_followed(const struct datum *result) {
    if (result && result->kind == D_TUPLE && result->items.list.len)
        result = result->items.list.at[0];
    return result && result->kind == D_TENSOR;
}

/* The widest pair of maps to some width and back to the hidden one. Where no operator of attention is called, or not
 * all of the layer was followed, a map of attention may look like one. */
static void read_mlp(struct reader *r, const struct layer *layer, struct mlp *mlp) {
    long long in, out;
    bool some = false;
    if (!is_followed(layer->call->result))
        return;
    for (uint32_t i = layer->from; i < layer->to; i++) {
        const struct event *down = r->forward->events.at[i];
        if (!is_linear(down, &in, &out) || out != layer->hidden || !is_beside(r, layer, down))
            continue;
        uint32_t ups = count_ups(r, layer, i, in);
        some = true;
        if (in > mlp->width && (ups == 1 || ups == 2))
            *mlp = (struct mlp){ups == 1 ? MLP_PLAIN : MLP_GATED, in, activation_in(r, layer, down->frame)};
    }
    if (!some)
        *mlp = (struct mlp){.kind = MLP_NONE};
}

/* -- layers -------------------------------------------------------------------------------------------------------- */

static struct layer_kind unknown_kind(void) {
    const struct attention attention = {.heads = NOT_KNOWN,
        .kv_heads = NOT_KNOWN,
        .key_dim = NOT_KNOWN,
        .value_dim = NOT_KNOWN,
        .window = NOT_KNOWN,
        .soft_cap = NOT_KNOWN};
    return (struct layer_kind){.attention = attention, .rotary = {.dim = NOT_KNOWN}, .mlp = {.width = NOT_KNOWN}};
}

/* A value that is made of positions, or may be. */
static bool tells_positions(const struct datum *d) {
    bool some = is_unknown(d) || (d->kind == D_TENSOR && d->tensor.of_positions);
    for (uint32_t i = 0; (d->kind == D_TUPLE || d->kind == D_LIST) && i < d->items.list.len; i++)
        some |= tells_positions(d->items.list.at[i]);
    return some;
}

/* Whether plain PyTorch may turn the queries: then they depend on positions, and the layer is told these by another
 * argument than the hidden states, which may have them from a table that was added. */
static bool may_turn(const struct layer *layer, const struct datum *query) {
    const struct arguments *a = layer->call->arguments;
    bool told = false;
    for (uint32_t i = 1; i < a->positional.list.len; i++)
        told |= tells_positions(a->positional.list.at[i]);
    for (uint32_t i = 0; i < a->named.list.len; i++)
        told |= a->named.list.at[i].value && tells_positions(a->named.list.at[i].value);
    return told && (query == NULL || tells_positions(query));
}

struct layer_kind read_layer(struct reader *r, const struct layer *layer) {
    struct layer_kind kind = unknown_kind();
    const struct datum *query = NULL;
    for (uint32_t i = layer->from; i < layer->to; i++) {
        const struct event *event = r->forward->events.at[i];
        if (is_operator(event, "torch_mla"))
            read_latent_attention(event, &kind.attention);
        else if (is_attention(event) && kind.attention.kind == ATTENTION_UNKNOWN)
            read_attention(event, &kind.attention);
        if (is_attention(event))
            query = event_argument(event, 0, NULL);
        if (is_attention(event) && kind.attention.heads > 0 && kind.attention.key_dim > 0)
            kind.attention.query_latent = query_latent(r, layer, i, kind.attention.heads * kind.attention.key_dim);
        if (is_operator(event, "torch_rope") && kind.rotary.kind == ROTARY_UNKNOWN)
            read_rotary(event, &kind.rotary);
        else if (is_operator(event, "torch_moe_dense_mlp"))
            read_dense_mixture(r, layer, i, &kind.experts);
        else if (is_operator(event, "torch_moe") && !is_operator(event, "torch_moe_router"))
            read_mixture(r, event, &kind.experts);
    }
    if (kind.rotary.kind == ROTARY_UNKNOWN && query && !may_turn(layer, query))
        kind.rotary = (struct rotary){.kind = ROTARY_NONE, .dim = 0};
    if (layer->hidden != NOT_KNOWN && query)
        read_mlp(r, layer, &kind.mlp);
    return kind;
}
