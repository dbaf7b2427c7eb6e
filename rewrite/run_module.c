/* run_module.c - the modules of torch.nn, of which only the parameters are followed. */
#include <string.h>

#include "base/text.h"
#include "rewrite/keys.h"
#include "rewrite/run_internal.h"

/* -- which there are ----------------------------------------------------------------------------------------------- */

/* Modules without parameters. */
static const char bare[] =
    "Module ModuleList ModuleDict Sequential Identity Dropout Dropout1d Dropout2d Dropout3d ReLU ReLU6 SiLU GELU "
    "Sigmoid Tanh Softmax LogSoftmax Softplus Softsign Hardswish Hardtanh Hardsigmoid LeakyReLU ELU SELU CELU GLU Mish "
    "Flatten Unflatten AvgPool1d AvgPool2d MaxPool1d MaxPool2d ZeroPad1d ZeroPad2d Upsample PixelShuffle";

static bool bare_name(const char *name) {
    return starts_with(name, "torch.nn.") && word_in(name + strlen("torch.nn."), bare);
}

/* -- parameters ---------------------------------------------------------------------------------------------------- */

enum { NOT_GIVEN = -1 };

/* An integer argument. False where it is none; *value stays where it is not given. */
static bool integer(struct run *run, const struct arguments *a, uint32_t position, const char *name, long long *value) {
    struct datum *d = argument(a, position, name);
    if (d == NULL)
        return *value != NOT_GIVEN || run_raise(run, a->at, "TypeError", "missing argument `%s`", name);
    if (is_unknown(d))
        return refuse_unknown(run, a->at, d, "this shape");
    if (d->kind != D_INT || d->integer < 0)
        return run_raise(run, a->at, "TypeError", "`%s` must be an integer that is not negative", name);
    *value = d->integer;
    return true;
}

static bool flag(struct run *run, const struct arguments *a, uint32_t position, const char *name, bool *value) {
    struct datum *d = argument(a, position, name);
    int truth = d ? truth_of(d) : *value;
    if (truth < 0)
        return refuse_unknown(run, a->at, d, "whether there are parameters");
    *value = truth;
    return true;
}

static const struct dtype *dtype_argument(struct run *run, const struct arguments *a) {
    const struct datum *d = dict_get(&a->named, "dtype");
    return d && d->kind != D_NONE ? dtype_of(run, d) : run->dtype;
}

static bool put_parameter(struct run *run, struct datum *self, const char *name, const long long *dim, uint32_t rank,
    const struct arguments *a) {
    struct datum *d = tensor_new(run, dtype_argument(run, a));
    if (d->tensor.dtype == NULL)
        return run_refuse(run, a->at, "the dtype of these parameters is not known");
    d->tensor.role = TENSOR_PARAMETER;
    d->tensor.rank = (uint8_t)rank;
    for (uint32_t i = 0; i < rank; i++)
        d->tensor.dim[i] = dim[i];
    dict_set(run, &self->object->attributes->dict, datum_str(run, name), d);
    return true;
}

static void put_value(struct run *run, struct datum *self, const char *name, struct datum *value) {
    dict_set(run, &self->object->attributes->dict, datum_str(run, name), value);
}

static bool init_linear(struct run *run, struct datum *self, struct arguments *a) {
    long long in = NOT_GIVEN, out = NOT_GIVEN;
    bool bias = true;
    if (!integer(run, a, 0, "in_features", &in) || !integer(run, a, 1, "out_features", &out) ||
        !flag(run, a, 2, "bias", &bias))
        return false;
    put_value(run, self, "in_features", datum_int(run, in));
    put_value(run, self, "out_features", datum_int(run, out));
    if (!bias)
        put_value(run, self, "bias", datum_none(run));
    return put_parameter(run, self, "weight", (long long[]){out, in}, 2, a) &&
           (!bias || put_parameter(run, self, "bias", &out, 1, a));
}

static bool init_embedding(struct run *run, struct datum *self, struct arguments *a) {
    long long count = NOT_GIVEN, size = NOT_GIVEN;
    if (!integer(run, a, 0, "num_embeddings", &count) || !integer(run, a, 1, "embedding_dim", &size))
        return false;
    struct datum *padding = argument(a, 2, "padding_idx");
    if (padding && padding->kind == D_INT && (padding->integer >= count || padding->integer < -count))
        return run_raise(run, a->at, "AssertionError", "Padding_idx must be within num_embeddings");
    put_value(run, self, "num_embeddings", datum_int(run, count));
    put_value(run, self, "embedding_dim", datum_int(run, size));
    put_value(run, self, "padding_idx", padding ? padding : datum_none(run));
    return put_parameter(run, self, "weight", (long long[]){count, size}, 2, a);
}

/* LayerNorm, RMSNorm. */
static bool init_norm(struct run *run, struct datum *self, struct arguments *a, bool has_bias) {
    struct datum *shape = argument(a, 0, "normalized_shape");
    bool affine = true, bias = true;
    long long dim[RANK_MAX];
    uint32_t rank = 0;
    if (!flag(run, a, 2, "elementwise_affine", &affine) || (has_bias && !flag(run, a, 3, "bias", &bias)))
        return false;
    struct datum *eps = argument(a, 1, "eps");
    put_value(run, self, "eps", eps ? eps : has_bias ? datum_float(run, 1e-5) : datum_none(run));
    struct arguments sizes = {.at = a->at};
    if (shape && (shape->kind == D_LIST || shape->kind == D_TUPLE))
        sizes.positional = shape->items;
    else if (shape)
        vec_push(run->arena, &sizes.positional.list, shape);
    for (; rank < sizes.positional.list.len && rank < RANK_MAX; rank++)
        if (!integer(run, &sizes, rank, "normalized_shape", &dim[rank]))
            return false;
    struct datum *all = datum_list(run, D_TUPLE);
    all->items = sizes.positional;
    put_value(run, self, "normalized_shape", all);
    return !affine || (put_parameter(run, self, "weight", dim, rank, a) &&
                          (!has_bias || !bias || put_parameter(run, self, "bias", dim, rank, a)));
}

static bool init_group_norm(struct run *run, struct datum *self, struct arguments *a) {
    long long channels = NOT_GIVEN;
    bool affine = true;
    if (!integer(run, a, 1, "num_channels", &channels) || !flag(run, a, 3, "affine", &affine))
        return false;
    return !affine ||
           (put_parameter(run, self, "weight", &channels, 1, a) && put_parameter(run, self, "bias", &channels, 1, a));
}

static bool init_conv(struct run *run, struct datum *self, struct arguments *a, uint32_t axes) {
    long long in = NOT_GIVEN, out = NOT_GIVEN, groups = 1, dim[RANK_MAX];
    bool bias = true;
    if (!integer(run, a, 0, "in_channels", &in) || !integer(run, a, 1, "out_channels", &out) ||
        !integer(run, a, 6, "groups", &groups) || !flag(run, a, 7, "bias", &bias))
        return false;
    struct datum *kernel = argument(a, 2, "kernel_size");
    bool several = kernel && (kernel->kind == D_LIST || kernel->kind == D_TUPLE);
    for (uint32_t i = 0; i < axes; i++) {
        struct arguments size = {.at = a->at};
        if (several && i < kernel->items.list.len)
            vec_push(run->arena, &size.positional.list, kernel->items.list.at[i]);
        else if (kernel && !several)
            vec_push(run->arena, &size.positional.list, kernel);
        dim[i + 2] = NOT_GIVEN;
        if (!integer(run, &size, 0, "kernel_size", &dim[i + 2]))
            return false;
    }
    dim[0] = out;
    dim[1] = groups ? in / groups : in;
    if (!bias)
        put_value(run, self, "bias", datum_none(run));
    return put_parameter(run, self, "weight", dim, axes + 2, a) &&
           (!bias || put_parameter(run, self, "bias", &out, 1, a));
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

static bool add_items(struct run *run, struct datum *self, struct datum *d, const struct node *at) {
    struct datum *list = elements_of(run, d, at);
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        struct datum *item = list->items.list.at[i];
        if (is_unknown(item))
            return refuse_unknown(run, at, item, "what parameters this has");
        vec_push(run->arena, &self->object->items.list, item);
    }
    return list != NULL;
}

static bool init_items(struct run *run, struct datum *self, const char *kind, struct arguments *a) {
    struct datum *first = argument(a, 0, "modules");
    if (strcmp(kind, "ModuleDict") == 0) {
        if (first && first->kind != D_DICT)
            return run_refuse(run, a->at, "these modules are not followed");
        for (uint32_t i = 0; first && i < first->dict.list.len; i++) {
            const struct item *item = &first->dict.list.at[i];
            if (item->value && item->key->kind != D_STR)
                return run_raise(run, a->at, "TypeError", "the name of a module must be a string");
            if (item->value && is_unknown(item->value))
                return refuse_unknown(run, a->at, item->value, "what parameters this has");
        }
        if (first)
            self->object->dict = copy_of(run, first, false)->dict;
        return true;
    }
    struct datum all = {.kind = D_LIST, .items = a->positional};
    if (strcmp(kind, "Sequential") == 0 && first && first->kind == D_DICT)
        return run_refuse(run, a->at, "these modules are not followed");
    struct datum *items = strcmp(kind, "Sequential") == 0 ? &all : first;
    return items == NULL || add_items(run, self, items, a->at);
}

/* -- constructors -------------------------------------------------------------------------------------------------- */

static const char *const known[] = {"torch.nn.Linear", "torch.nn.Embedding", "torch.nn.LayerNorm", "torch.nn.RMSNorm",
    "torch.nn.GroupNorm", "torch.nn.Conv1d", "torch.nn.Conv2d", "torch.nn.Conv3d",
    "transformers.modeling_utils.PreTrainedModel", "transformers.PreTrainedModel"};

static bool is_model(const char *name) {
    return ends_with(name, ".PreTrainedModel");
}

bool is_module_class(const char *name) {
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return bare_name(name);
}

static bool put_config(struct run *run, struct datum *self, struct arguments *a) {
    struct datum *config = argument(a, 0, "config");
    put_value(run, self, "config", config ? config : datum_none(run));
    return true;
}

bool init_library(struct run *run, struct class *class, struct datum *self, struct arguments *a) {
    const char *name = class->name;
    if (is_model(name))
        return put_config(run, self, a);
    if (!is_module_class(name))
        return false;
    name += strlen("torch.nn.");
    if (strcmp(name, "Linear") == 0)
        init_linear(run, self, a);
    else if (strcmp(name, "Embedding") == 0)
        init_embedding(run, self, a);
    else if (strcmp(name, "LayerNorm") == 0 || strcmp(name, "RMSNorm") == 0)
        init_norm(run, self, a, name[0] == 'L');
    else if (strcmp(name, "GroupNorm") == 0)
        init_group_norm(run, self, a);
    else if (starts_with(name, "Conv"))
        init_conv(run, self, a, (uint32_t)(name[4] - '0'));
    else if (word_in(name, "ModuleList ModuleDict Sequential"))
        init_items(run, self, name, a);
    return true;
}

/* -- methods ------------------------------------------------------------------------------------------------------- */

static struct datum *register_buffer(struct run *run, struct datum *self, struct arguments *a) {
    struct datum *name = argument(a, 0, "name"), *value = argument(a, 1, "tensor");
    struct datum *persistent = argument(a, 2, "persistent");
    if (name == NULL || value == NULL)
        return run_raise(run, a->at, "TypeError", "missing argument");
    if (name->kind != D_STR)
        return refuse_unknown(run, a->at, name, "the name of this buffer");
    struct arguments buffer = {.at = a->at};
    vec_push(run->arena, &buffer.positional.list, value);
    if (persistent)
        vec_push(run->arena, &buffer.positional.list, persistent);
    struct datum *d = tensor_buffer(run, &buffer);
    if (d)
        put_value(run, self, name->text, d);
    return d ? datum_none(run) : NULL;
}

static struct datum *register_value(struct run *run, struct datum *self, struct arguments *a) {
    struct datum *name = argument(a, 0, "name"), *value = argument(a, 1, NULL);
    if (value == NULL)
        value = dict_get(&a->named, "module");
    if (value == NULL)
        value = dict_get(&a->named, "param");
    if (name == NULL || value == NULL)
        return run_raise(run, a->at, "TypeError", "missing argument");
    if (name->kind != D_STR)
        return refuse_unknown(run, a->at, name, "the name of this");
    return run_store(run, self, NULL, name->text, value, a->at) ? datum_none(run) : NULL;
}

/* Hooks are called as methods of the module where they ask for it. */
static struct datum *register_hook(struct run *run, struct datum *self, struct datum *hook, struct arguments *a) {
    const struct datum *with_module = argument(a, 1, "with_module");
    if (hook->kind == D_FUNCTION && with_module && truth_of(with_module) == 1)
        hook = method_of(run, self, hook->function, intern(run->unit->atoms, "hook"));
    vec_push(run->arena, &self->object->hooks, hook);
    return datum_none(run);
}

/* The tensors that a module saves. What is loaded into modules has been walked before: none holds itself. */
static void add_state(struct run *run, struct datum *module, const char *prefix, struct dict *state) {
    const struct dict *own = &module->object->attributes->dict;
    for (uint32_t i = 0; i < own->list.len; i++) {
        struct datum *value = own->list.at[i].value;
        if (value && value->kind == D_TENSOR &&
            (value->tensor.role == TENSOR_PARAMETER || value->tensor.role == TENSOR_BUFFER))
            vec_push(run->arena, &state->list,
                ((struct item){
                    datum_str(run, arena_printf(run->arena, "%s%s", prefix, own->list.at[i].key->text)), value}));
    }
    const struct children children = children_of(run, module);
    for (uint32_t i = 0; i < children.list.len; i++) {
        const struct child *child = &children.list.at[i];
        add_state(run, child->module, arena_printf(run->arena, "%s%s.", prefix, child->name), state);
    }
}

struct datum *call_module(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    struct datum *first = argument(a, 0, NULL);
    if (strcmp(name, "register_buffer") == 0)
        return register_buffer(run, self, a);
    if (word_in(name, "register_parameter add_module register_module"))
        return register_value(run, self, a);
    if (strcmp(name, "forward") == 0)
        return run->forward ? forward_library(run, self, a)
                            : unknown(run, a->at, "what a module computes is not followed");
    if (strcmp(name, "append") == 0 && first) {
        vec_push(run->arena, &self->object->items.list, first);
        return self;
    }
    if (strcmp(name, "extend") == 0 && first)
        return add_items(run, self, first, a->at) ? self : NULL;
    if (word_in(name, "_register_load_state_dict_pre_hook register_load_state_dict_pre_hook") && first)
        return register_hook(run, self, first, a);
    if (strcmp(name, "state_dict") == 0) {
        struct datum *state = datum_dict(run);
        add_state(run, self, "", &state->dict);
        return state;
    }
    if (word_in(name, "half float bfloat16 double to"))
        return run_refuse(run, a->at, "a change of the dtype of a whole module is not followed");
    if (word_in(name, "parameters modules children named_parameters named_modules get_submodule insert"))
        return run_refuse(run, a->at, "`%s` is not followed", name);
    if (word_in(name, "__getitem__ __contains__ get keys values items pop update setdefault")) {
        struct datum view = {.kind = D_DICT, .dict = self->object->dict};
        struct datum *value = run_method(run, &view, name, a);
        self->object->dict = view.dict;
        return value;
    }
    return self; /* post_init, train, requires_grad_: nothing that keys or shapes depend on */
}
