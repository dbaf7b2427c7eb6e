/* architecture.c - from the calls of a forward pass to what kind of model it is.
 *
 * Reads forward.h's events and the state dict; writes struct architecture; guesses nothing. The layers are the items of
 * the outermost lists of modules of which items call an operator of attention, or where none does, of the first that
 * hidden states go through; a layer that runs several times counts once. What its MLP is follows from the widths of the
 * linear maps beside attention. */
#include "rewrite/architecture.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/run_internal.h"

struct reader {
    struct unit *unit;
    struct run *run;
    const struct keys *keys;
    const struct forward *forward;
    struct architecture *out;
    VEC(const struct object *) lists; /* of the layers */
};

/* -- parts of events ----------------------------------------------------------------------------------------------- */

static const struct tensor *tensor_argument(const struct event *event, uint32_t position, const char *name) {
    const struct datum *d = event_argument(event, position, name);
    return d && d->kind == D_TENSOR && d->tensor.rank > 0 ? &d->tensor : NULL;
}

static const struct tensor *result_of(const struct event *event) {
    return event->result && event->result->kind == D_TENSOR && event->result->tensor.rank > 0 ? &event->result->tensor
                                                                                              : NULL;
}

static long long last_dim(const struct tensor *t) {
    return t ? t->dim[t->rank - 1] : NOT_KNOWN;
}

static bool is_operator(const struct event *event, const char *prefix) {
    return event->kind == EVENT_OPERATOR && starts_with(event->name, prefix);
}

static bool is_attention(const struct event *event) {
    return is_operator(event, "torch_mla") ||
           (is_operator(event, "torch_attention") && !ends_with(event->name, "repeat_kv"));
}

static bool is_class(const struct event *event, const char *name) {
    return event->kind == EVENT_MODULE && strcmp(event->name, name) == 0;
}

static double number_argument(const struct event *event, uint32_t position, const char *name) {
    const struct datum *d = event_argument(event, position, name);
    double real = 0;
    return d && number_of(d, &real) ? real : 0;
}

/* The outermost module around, or the frame's own, that is an item of a list; NULL: there is none. */
static const struct frame *outermost_item(const struct frame *frame) {
    const struct frame *found = NULL;
    for (; frame; frame = frame->outer)
        if (frame->list)
            found = frame;
    return found;
}

/* -- one layer ----------------------------------------------------------------------------------------------------- */

struct layer {
    const struct event *call;
    uint32_t from, to; /* the events inside of it */
    long long hidden;
};

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

static struct layer_kind read_layer(struct reader *r, const struct layer *layer) {
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

bool attention_equal(const struct layer_kind *x, const struct layer_kind *y) {
    const struct attention *a = &x->attention, *b = &y->attention;
    return a->kind == b->kind && a->heads == b->heads && a->kv_heads == b->kv_heads && a->key_dim == b->key_dim &&
           a->value_dim == b->value_dim && a->latent == b->latent && a->query_latent == b->query_latent &&
           a->window == b->window && a->scale == b->scale && a->soft_cap == b->soft_cap && a->sinks == b->sinks &&
           a->bias == b->bias && x->rotary.kind == y->rotary.kind && x->rotary.dim == y->rotary.dim;
}

static bool mlp_equal(const struct layer_kind *a, const struct layer_kind *b) {
    return a->mlp.kind == b->mlp.kind && a->mlp.width == b->mlp.width && a->mlp.activation == b->mlp.activation &&
           a->experts.count == b->experts.count && a->experts.top_k == b->experts.top_k &&
           a->experts.width == b->experts.width && a->experts.gated == b->experts.gated;
}

static uint32_t kind_number(struct reader *r, const struct layer_kind *kind) {
    struct architecture *out = r->out;
    for (uint32_t i = 0; i < out->kinds.len; i++)
        if (attention_equal(&out->kinds.at[i], kind) && mlp_equal(&out->kinds.at[i], kind))
            return i;
    vec_push(r->unit->arena, &out->kinds, *kind);
    return out->kinds.len - 1;
}

/* The events inside of a call: those up to the next one of a frame around it. */
static uint32_t end_of_call(const struct forward *forward, uint32_t start) {
    const struct frame *frame = forward->events.at[start]->into;
    uint32_t i = start + 1;
    for (; i < forward->events.len; i++) {
        const struct frame *f = forward->events.at[i]->frame;
        while (f && f != frame)
            f = f->outer;
        if (f == NULL)
            break;
    }
    return i;
}

static bool is_list_of_layers(const struct reader *r, const struct datum *list) {
    for (uint32_t i = 0; i < r->lists.len; i++)
        if (r->lists.at[i] == list->object)
            return true;
    return false;
}

/* The outermost lists of which items call attention. Where none does, the first that hidden states go through. */
static void find_lists(struct reader *r) {
    const struct datum *first = NULL;
    for (uint32_t i = 0; i < r->forward->events.len; i++) {
        const struct event *event = r->forward->events.at[i];
        const struct frame *item = is_attention(event) ? outermost_item(event->frame) : NULL;
        const struct tensor *hidden = tensor_argument(event, 0, "hidden_states");
        if (item && !is_list_of_layers(r, item->list))
            vec_push(r->unit->arena, &r->lists, item->list->object);
        if (first == NULL && event->into && event->into->list && hidden && hidden->rank == 3)
            first = event->into->list;
    }
    if (r->lists.len == 0 && first)
        vec_push(r->unit->arena, &r->lists, first->object);
}

static void read_layers(struct reader *r) {
    VEC(const struct object *) seen = {0};
    for (uint32_t i = 0; i < r->forward->events.len; i++) {
        const struct event *event = r->forward->events.at[i];
        const struct frame *into = event->into;
        if (into == NULL || outermost_item(into) != into || !is_list_of_layers(r, into->list))
            continue;
        bool again = false;
        for (uint32_t k = 0; k < seen.len && !again; k++)
            again = seen.at[k] == into->module->object;
        if (again)
            continue;
        vec_push(r->unit->arena, &seen, into->module->object);
        struct layer layer = {.call = event, .from = i + 1, .to = end_of_call(r->forward, i)};
        layer.hidden = last_dim(tensor_argument(event, 0, "hidden_states"));
        struct layer_kind kind = read_layer(r, &layer);
        if (r->out->hidden == NOT_KNOWN)
            r->out->hidden = layer.hidden;
        uint32_t number = kind_number(r, &kind);
        r->out->kinds.at[number].count++;
        vec_push(r->unit->arena, &r->out->layers, number);
    }
}

/* A layer that does not call the operator has no rotary embedding if others of the model call it. */
static void settle_rotary(struct reader *r) {
    bool some = false;
    for (uint32_t i = 0; i < r->out->kinds.len; i++)
        some |= r->out->kinds.at[i].rotary.dim > 0;
    for (uint32_t i = 0; i < r->out->kinds.len; i++) {
        struct rotary *rotary = &r->out->kinds.at[i].rotary;
        bool attends = r->out->kinds.at[i].attention.kind != ATTENTION_UNKNOWN;
        if (rotary->kind == ROTARY_UNKNOWN && some && attends && r->forward->finished)
            *rotary = (struct rotary){.kind = ROTARY_NONE, .dim = 0};
    }
}

/* -- the rest ------------------------------------------------------------------------------------------------------ */

static void add_norm(struct reader *r, enum norm_kind kind, double eps, bool attention) {
    for (uint32_t i = 0; i < r->out->norms.len; i++) {
        const struct norm *n = &r->out->norms.at[i];
        if (n->kind == kind && n->eps == eps && n->attention == attention)
            return;
    }
    vec_push(r->unit->arena, &r->out->norms, ((struct norm){kind, eps, attention}));
}

/* Whether attention is called by the module, or by one around it that is no layer. */
static bool beside_attention(const struct reader *r, const struct frame *frame) {
    for (; frame && frame->list == NULL; frame = frame->outer)
        for (uint32_t i = 0; i < r->forward->events.len; i++)
            if (is_attention(r->forward->events.at[i]) && r->forward->events.at[i]->frame == frame)
                return true;
    return false;
}

static void read_norms(struct reader *r) {
    for (uint32_t i = 0; i < r->forward->events.len; i++) {
        const struct event *event = r->forward->events.at[i];
        bool module = is_class(event, "torch.nn.LayerNorm"), rms = is_class(event, "torch.nn.RMSNorm");
        const struct datum *own = event->into ? dict_get(&event->into->module->object->attributes->dict, "eps") : NULL;
        double eps = 0;
        if (own)
            number_of(own, &eps);
        bool function = event->kind == EVENT_FUNCTION && strcmp(event->name, "layer_norm") == 0;
        bool in = beside_attention(r, event->frame);
        if (is_operator(event, "torch_rmsnorm"))
            add_norm(r, NORM_RMS, number_argument(event, strcmp(event->name, "torch_rmsnorm") ? 3 : 2, "eps"), in);
        else if (is_operator(event, "torch_l2norm"))
            add_norm(r, NORM_L2, number_argument(event, 1, "eps"), in);
        else if (module || rms)
            add_norm(r, rms ? NORM_RMS : NORM_LAYER, eps, in);
        else if (function)
            add_norm(r, NORM_LAYER, number_argument(event, 4, "eps"), in);
    }
}

static void read_embeddings(struct reader *r) {
    for (uint32_t i = 0; i < r->forward->events.len; i++) {
        const struct event *event = r->forward->events.at[i];
        const struct datum *x = event_argument(event, 0, "input");
        const struct datum *weight =
            event->into ? dict_get(&event->into->module->object->attributes->dict, "weight") : NULL;
        bool table = weight && weight->kind == D_TENSOR && weight->tensor.rank == 2;
        if (!table || x == NULL || x->kind != D_TENSOR || x->tensor.dtype == NULL || x->tensor.dtype->floating)
            continue;
        if (x == r->forward->tokens && r->out->vocabulary == NOT_KNOWN)
            r->out->vocabulary = weight->tensor.dim[0];
        else if (x->tensor.of_positions)
            r->out->learned_positions = weight->tensor.dim[0];
    }
    if (r->out->learned_positions == NOT_KNOWN && r->forward->finished)
        r->out->learned_positions = 0;
}

static const struct datum *field(const struct reader *r, const char *name) {
    const struct datum *d = r->keys->configured ? run_attribute(r->run, r->keys->configured, name) : NULL;
    return d && !is_unknown(d) && d->kind != D_NONE ? d : NULL;
}

static void add_rope(struct reader *r, const char *layer_type, const struct dict *settings, double theta) {
    const struct datum *type = settings ? dict_get(settings, "rope_type") : NULL;
    const struct datum *base = settings ? dict_get(settings, "rope_theta") : NULL;
    type = type || settings == NULL ? type : dict_get(settings, "type");
    if (base)
        number_of(base, &theta);
    struct rope_setting rope = {layer_type, type && type->kind == D_STR ? type->text : "default", theta};
    vec_push(r->unit->arena, &r->out->ropes, rope);
}

/* `rope_parameters`, or `rope_theta` with `rope_scaling`, as transformers has had them; one for each type of layers
 * where they differ. */
static void read_ropes(struct reader *r) {
    const struct datum *settings = field(r, "rope_parameters"), *base = field(r, "rope_theta");
    double theta = 0;
    if (base)
        number_of(base, &theta);
    if (settings == NULL)
        settings = field(r, "rope_scaling");
    const struct dict *dict = settings && settings->kind == D_DICT ? &settings->dict : NULL;
    bool nested = false;
    for (uint32_t i = 0; dict && i < dict->list.len; i++) {
        const struct item *item = &dict->list.at[i];
        if (item->value == NULL || item->value->kind != D_DICT || item->key->kind != D_STR)
            continue;
        nested = true;
        add_rope(r, item->key->text, &item->value->dict, theta);
    }
    if (!nested && (dict || base))
        add_rope(r, NULL, dict, theta);
}

static void read_sizes(struct reader *r) {
    const struct keys *keys = r->keys;
    struct architecture *out = r->out;
    out->parameters = keys->parameters;
    out->active = keys->inactive < 0 ? NOT_KNOWN : keys->parameters - keys->inactive;
    out->tied = 0;
    out->bytes = 0;
    for (uint32_t i = 0; i < keys->list.len; i++) {
        const struct key *key = &keys->list.at[i];
        out->tied |= key->tied_to != NULL && key->tensor->rank == 2 && key->tensor->dim[0] == out->vocabulary;
    }
    struct totals totals = keys_totals(keys);
    for (uint32_t i = 0; i < totals.count; i++) {
        vec_push(r->unit->arena, &out->by_dtype, ((struct dtype_bytes){totals.of[i].dtype->name, totals.of[i].bytes}));
        out->bytes += totals.of[i].bytes;
    }
}

static const char *stop_text(struct unit *unit, const struct forward *forward) {
    if (forward->at == NULL || forward->at->source == NULL)
        return forward->why;
    struct location at = source_locate(forward->at->source, forward->at->span.start);
    return arena_printf(unit->arena, "%s:%u: %s", forward->at->source->path, at.line, forward->why);
}

void architecture_read(
    struct unit *unit, const struct keys *keys, const struct forward *forward, struct architecture *architecture) {
    struct reader r = {.unit = unit, .run = keys->run, .keys = keys, .forward = forward, .out = architecture};
    architecture->hidden = architecture->vocabulary = architecture->context = NOT_KNOWN;
    architecture->learned_positions = architecture->parameters = architecture->active = NOT_KNOWN;
    architecture->tied = NOT_KNOWN;
    architecture->bytes = NOT_KNOWN;
    architecture->configured = keys->configured != NULL;
    architecture->built = keys->built != NULL;
    if (keys->built == NULL)
        return;
    architecture->followed = forward->finished;
    architecture->stopped = forward->finished ? NULL : stop_text(unit, forward);
    read_embeddings(&r);
    find_lists(&r);
    read_layers(&r);
    settle_rotary(&r);
    read_norms(&r);
    read_ropes(&r);
    read_sizes(&r);
    const struct datum *dtype = field(&r, "dtype");
    dtype = dtype ? dtype : field(&r, "torch_dtype");
    const struct dtype *named = dtype ? dtype_of(r.run, dtype) : NULL;
    architecture->dtype = named ? named->name : NULL;
    const struct datum *context = field(&r, "max_position_embeddings");
    architecture->context = context && context->kind == D_INT ? context->integer : NOT_KNOWN;
}

uint32_t world_size(long long parameters) {
    const long long billion = 1000LL * 1000 * 1000;
    return parameters < 2 * billion ? 1 : parameters <= 15 * billion ? 2 : parameters < 80 * billion ? 4 : 8;
}
