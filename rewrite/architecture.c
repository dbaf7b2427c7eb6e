/* architecture.c - from the calls of a forward pass to what kind of model it is.
 *
 * Reads forward.h's events and the state dict; writes struct architecture; guesses nothing. The layers are the items of
 * the outermost lists of modules of which items call an operator of attention, or where none does, of the first that
 * hidden states go through; a layer that runs several times counts once. */
#include "rewrite/architecture_internal.h"

/* -- kinds of layers ----------------------------------------------------------------------------------------------- */

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

/* The outermost module around, or the frame's own, that is an item of a list; NULL: there is none. */
static const struct frame *outermost_item(const struct frame *frame) {
    const struct frame *found = NULL;
    for (; frame; frame = frame->outer)
        if (frame->list)
            found = frame;
    return found;
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
    const char *where = forward->where[0] ? forward->where : "the model";
    if (forward->at == NULL || forward->at->source == NULL)
        return arena_printf(unit->arena, "%s, in %s", forward->why, where);
    struct location at = source_locate(forward->at->source, forward->at->span.start);
    return arena_printf(unit->arena, "%s:%u: %s, in %s", forward->at->source->path, at.line, forward->why, where);
}

/* The method that the configuration names; the constructors and the sizes are those of plain layers all the same. */
static const char *quantisation(const struct reader *r) {
    const struct datum *settings = field(r, "quantization_config");
    const struct datum *method =
        settings && settings->kind == D_DICT ? dict_get(&settings->dict, "quant_method") : NULL;
    return settings == NULL ? NULL : method && method->kind == D_STR ? method->text : "method unknown";
}

/* The smallest of the limits, each a field of the configuration. */
static long long read_limit(const struct reader *r) {
    long long limit = 0;
    for (uint32_t i = 0; i < r->unit->limits.len; i++) {
        const struct node *e = r->unit->limits.at[i];
        const struct datum *value =
            is_kind(e, NODE_ATTRIBUTE) && is_name(e->kid[0], "config") ? field(r, e->atom) : NULL;
        if (value == NULL || value->kind != D_INT)
            return NOT_KNOWN;
        limit = limit == 0 || value->integer < limit ? value->integer : limit;
    }
    return limit;
}

void architecture_read(
    struct unit *unit, const struct keys *keys, const struct forward *forward, struct architecture *architecture) {
    struct reader r = {.unit = unit, .run = keys->run, .keys = keys, .forward = forward, .out = architecture};
    architecture->hidden = architecture->vocabulary = architecture->context = NOT_KNOWN;
    architecture->learned_positions = architecture->parameters = architecture->active = NOT_KNOWN;
    architecture->tied = NOT_KNOWN;
    architecture->bytes = NOT_KNOWN;
    architecture->limit = unit->limits.len > 0 ? NOT_KNOWN : 0;
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
    architecture->quantised = quantisation(&r);
    const struct datum *context = field(&r, "max_position_embeddings");
    architecture->context = context && context->kind == D_INT ? context->integer : NOT_KNOWN;
    architecture->limit = read_limit(&r);
}

uint32_t world_size(long long parameters) {
    const long long billion = 1000LL * 1000 * 1000;
    return parameters < 2 * billion ? 1 : parameters <= 15 * billion ? 2 : parameters < 80 * billion ? 4 : 8;
}
