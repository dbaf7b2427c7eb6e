/* run_forward.c - calls of modules, as far as the shape of what they return follows from their parameters. */
#include "rewrite/forward.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/keys.h"
#include "rewrite/run_internal.h"

enum { BATCH = 2, TOKENS = 7, PLACES_DEPTH_MAX = 64 };

/* -- notes --------------------------------------------------------------------------------------------------------- */

struct event *note_event(struct run *run, enum event_kind kind, const char *name, const struct arguments *arguments) {
    struct event *event = NEW(run->arena, struct event);
    struct arguments *kept = NEW(run->arena, struct arguments);
    *kept = *arguments;
    *event = (struct event){.kind = kind, .name = name, .frame = run->forward->frame, .arguments = kept};
    vec_push(run->arena, &run->forward->events, event);
    return event;
}

const struct datum *event_argument(const struct event *event, uint32_t position, const char *name) {
    return argument(event->arguments, position, name);
}

static void list_places(struct run *run, struct datum *module, const char *path, uint32_t depth) {
    struct forward *forward = run->forward;
    const struct children children = children_of(run, module);
    for (uint32_t i = 0; i < children.list.len && depth < PLACES_DEPTH_MAX; i++) {
        const struct child *child = &children.list.at[i];
        bool item = i < module->object->items.list.len;
        const struct object *object = child->module->object;
        struct module_place *place = NEW(run->arena, struct module_place);
        *place = (struct module_place){.list = item ? module : NULL,
            .path = arena_printf(run->arena, "%s%s%s", path, path[0] ? "." : "", child->name)};
        if (!map_has(&forward->places, object))
            map_put(run->arena, &forward->places, object, place);
        list_places(run, child->module, place->path, depth + 1);
    }
}

static const struct frame *enter(struct run *run, struct datum *module) {
    struct frame *frame = NEW(run->arena, struct frame);
    *frame = (struct frame){.module = module, .outer = run->forward->frame, .path = ""};
    const struct module_place *place = map_get(&run->forward->places, module->object);
    if (place) {
        frame->path = place->path;
        frame->list = place->list;
    }
    return frame;
}

/* The layers of a model hand on hidden states of one shape; so does one that could not be followed, or the next ones
 * could not be read either. */
static struct datum *handed_on(struct run *run, const struct frame *frame, const struct arguments *a) {
    const struct datum *hidden = argument(a, 0, "hidden_states");
    bool layer = frame->list && hidden && hidden->kind == D_TENSOR && hidden->tensor.rank == 3;
    return layer ? copy_of(run, hidden, false) : NULL;
}

/* A forward that could not be followed: what it returns is not known, and those around it go on. */
static struct datum *given_up(struct run *run, const struct node *at, const char *where) {
    struct forward *forward = run->forward;
    if (forward->finished) {
        forward->finished = false;
        forward->at = run->at ? run->at : at;
        forward->why = run->why;
        forward->where = where;
    }
    run->stop = RUN_ON;
    return unknown(run, at, "this module is not followed: %s", run->why);
}

/* -- modules of libraries ------------------------------------------------------------------------------------------ */

static const struct tensor *parameter(const struct datum *module, const char *name) {
    const struct datum *d = dict_get(&module->object->attributes->dict, name);
    return d && d->kind == D_TENSOR ? &d->tensor : NULL;
}

static struct datum *embedded(struct run *run, const struct datum *input, const struct tensor *weight) {
    struct datum *d = tensor_new(run, weight->dtype);
    d->tensor.rank = (uint8_t)(input->tensor.rank + 1);
    d->tensor.of_positions = input->tensor.of_positions;
    memcpy(d->tensor.dim, input->tensor.dim, input->tensor.rank * sizeof d->tensor.dim[0]);
    d->tensor.dim[input->tensor.rank] = weight->dim[1];
    return d;
}

static struct datum *through_items(struct run *run, struct datum *module, struct datum *value, struct node *at) {
    for (uint32_t i = 0; value && i < module->object->items.list.len; i++) {
        struct arguments one = {.at = at};
        vec_push(run->arena, &one.positional.list, value);
        value = call(run, module->object->items.list.at[i], &one);
    }
    return value;
}

bool is_activation_class(const struct class *class) {
    return class->module && qual_ends(class->module->name, "activations");
}

static bool keeps_shape(const struct class *class, const char *name) {
    static const char keeping[] = "Identity Dropout LayerNorm RMSNorm GroupNorm ReLU ReLU6 SiLU GELU Sigmoid Tanh "
                                  "Softmax LogSoftmax Softplus Softsign Hardswish Hardtanh Hardsigmoid LeakyReLU ELU "
                                  "SELU CELU Mish";
    return is_activation_class(class) ||
           (starts_with(name, "torch.nn.") && word_in(name + strlen("torch.nn."), keeping));
}

static struct datum *library_module(struct run *run, struct datum *module, const char *name, struct arguments *a) {
    struct datum *input = argument(a, 0, "input");
    const struct tensor *weight = parameter(module, "weight");
    if (input == NULL || input->kind != D_TENSOR || input->tensor.rank == 0)
        return input && is_unknown(input) ? input : unknown(run, a->at, "what this module is given is not known");
    if (strcmp(name, "torch.nn.Linear") == 0 && weight)
        return shape_resized(run, input, weight->dim[0]);
    if (strcmp(name, "torch.nn.Embedding") == 0 && weight && input->tensor.rank < RANK_MAX)
        return embedded(run, input, weight);
    if (strcmp(name, "torch.nn.Sequential") == 0)
        return through_items(run, module, input, a->at);
    if (keeps_shape(module->object->class, name))
        return shape_like(run, input);
    return unknown(run, a->at, "what `%s` returns is not followed", name);
}

/* The first class of the line that is of a library: what an object without a `forward` of its own does. */
static const char *library_name_of(const struct class *class) {
    for (uint32_t i = 0; i < class->line.len; i++)
        if (class->line.at[i]->module == NULL)
            return class->line.at[i]->name;
    return class->name;
}

struct datum *forward_module(struct run *run, struct datum *module, struct arguments *arguments) {
    struct class *in, *class = module->object->class;
    struct member *member = find_member(class, NULL, intern(run->unit->atoms, "forward"), &in);
    struct datum *function = member ? member_value(run, in, member) : NULL;
    bool own = function && function->kind == D_FUNCTION && !is_activation_class(class);
    struct event *event =
        note_event(run, EVENT_MODULE, own || class->module ? class->name : library_name_of(class), arguments);
    const struct frame *outer = run->forward->frame;
    event->into = run->forward->frame = enter(run, module);
    struct datum *value = own ? run_closure(run, function->function, module, arguments)
                              : library_module(run, module, library_name_of(class), arguments);
    run->forward->frame = outer;
    event->result = value = value ? value : given_up(run, arguments->at, event->into->path);
    struct datum *hidden = is_unknown(value) ? handed_on(run, event->into, arguments) : NULL;
    return hidden ? hidden : value;
}

/* super().forward(...) of a class that derives from a library's. */
struct datum *forward_library(struct run *run, struct datum *module, struct arguments *arguments) {
    struct event *event = note_event(run, EVENT_MODULE, library_name_of(module->object->class), arguments);
    event->into = run->forward->frame;
    return (struct datum *)(event->result = library_module(run, module, event->name, arguments));
}

/* -- the model ----------------------------------------------------------------------------------------------------- */

void run_forward_prepare(struct run *run, struct forward *forward) {
    run->forward = forward;
}

static struct datum *tokens(struct run *run) {
    struct datum *d = tensor_new(run, dtype_named("int64"));
    d->tensor.rank = 2;
    d->tensor.dim[0] = BATCH;
    d->tensor.dim[1] = TOKENS;
    return d;
}

struct datum *forward_mask(struct run *run) {
    struct datum *d = tensor_new(run, run->dtype);
    d->tensor.rank = 4;
    memcpy(d->tensor.dim, (long long[]){BATCH, 1, TOKENS, TOKENS}, 4 * sizeof d->tensor.dim[0]);
    return d;
}

void run_forward(struct run *run, struct datum *model, struct forward *forward) {
    struct datum *ids = tokens(run), *positions = tokens(run);
    struct arguments arguments = {.at = model->object->class->def};
    forward->tokens = ids;
    positions->tensor.of_positions = true;
    forward->finished = true;
    list_places(run, model, "", 0);
    dict_set(run, &arguments.named, datum_str(run, "input_ids"), ids);
    dict_set(run, &arguments.named, datum_str(run, "position_ids"), positions);
    forward_module(run, model, &arguments);
}
