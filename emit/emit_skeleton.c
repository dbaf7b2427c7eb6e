/* emit_skeleton.c - the parts that every emitted model has in common: outputs, <X>PreTrainedModel, the two forwards.
 *
 * Which attribute is the model, the embedding and the head is found from the dataflow of the residual program, not from
 * names. */
#include <string.h>

#include "emit/emit.h"
#include "rewrite/declined.h"
#include "rewrite/entry.h"
#include "rewrite/lineage.h"
#include "rewrite/towers.h"

/* -- roles --------------------------------------------------------------------------------------------------------- */

static bool is_pretrained(const struct cls *cls) {
    return class_derives(cls, "PreTrainedModel");
}

/* self.a.b as "a.b". */
static const char *path_of(struct emitter *e, const struct node *n) {
    if (n->kind != NODE_ATTRIBUTE)
        return "";
    const char *before = path_of(e, n->kid[0]);
    return arena_printf(e->unit->arena, "%s%s%s", before, *before ? "." : "", n->atom);
}

static bool is_self_path(const struct node *n) {
    if (n->kind != NODE_ATTRIBUTE)
        return false;
    while (n->kind == NODE_ATTRIBUTE)
        n = n->kid[0];
    return is_name(n, "self");
}

static void find_model(struct emitter *e) {
    const struct fn *forward = class_method(e->unit->entry, "forward");
    const struct node *call = forward->body ? model_call(forward->body) : NULL;
    if (call == NULL)
        return;
    e->model = call->callsite->fn->owner;
    e->model_attr = intern(e->unit->atoms, path_of(e, call->kid[0]));
}

/* self.<attr>(x) where x is the parameter `name`: the attribute. */
static atom called_with(struct emitter *e, const struct node *n, const char *name) {
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_CALL && n->nkids >= 2 && is_self_path(n->kid[0])) {
        const struct node *arg = n->kid[1]->kind == NODE_KEYWORD ? n->kid[1]->kid[0] : n->kid[1];
        if (is_name(arg, name))
            return intern(e->unit->atoms, path_of(e, n->kid[0]));
    }
    for (uint32_t i = 0; i < n->nkids; i++) {
        atom found = called_with(e, n->kid[i], name);
        if (found)
            return found;
    }
    return NULL;
}

static atom find_head(const struct cls *entry) {
    atom head = NULL;
    for (uint32_t i = 0; i < entry->attrs.len; i++) {
        const struct attr *attr = entry->attrs.entry[i].value;
        if (attr->live && attr->abs->kind == ABS_OBJECT && qual_ends(attr->abs->qual, "Linear"))
            head = attr->name;
    }
    return head;
}

static struct cls *find_base(struct cls *cls) {
    for (uint32_t i = 0; i < cls->bases.len; i++) {
        struct cls *base = cls->bases.at[i];
        for (uint32_t k = 0; k < base->library_bases.len; k++)
            if (qual_ends(base->library_bases.at[k], "PreTrainedModel"))
                return base;
        struct cls *found = find_base(base);
        if (found)
            return found;
    }
    return NULL;
}

/* inputs_embeds = self.<path>(...): the path. */
static const char *makes_embeddings(struct emitter *e, const struct node *n) {
    if (n == NULL)
        return NULL;
    const struct node *call =
        n->kind == NODE_ASSIGN && n->nkids == 2 && is_name(n->kid[1], "inputs_embeds") ? n->kid[0] : NULL;
    if (is_kind(call, NODE_CALL) && is_self_path(call->kid[0]))
        return path_of(e, call->kid[0]);
    for (uint32_t i = 0; i < n->nkids; i++) {
        const char *found = makes_embeddings(e, n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* The path to the module that input_ids are given to, through modules that only wrap it. */
static atom embedding_path(struct emitter *e, struct cls *holder, int depth) {
    const struct fn *forward = class_method(holder, "forward");
    atom name = forward && forward->body ? called_with(e, forward->body, "input_ids") : NULL;
    const char *path = name == NULL && forward && forward->body ? makes_embeddings(e, forward->body) : NULL;
    if (path && strchr(path, '.'))
        return intern(e->unit->atoms, path);
    name = path ? intern(e->unit->atoms, path) : name;
    const struct attr *attr = name ? map_get(&holder->attrs, name) : NULL;
    if (attr == NULL || depth > 4 || attr->abs->kind != ABS_INSTANCE || class_derives(attr->abs->cls, "nn.Embedding"))
        return name;
    atom inner = embedding_path(e, attr->abs->cls, depth + 1);
    return inner ? intern_dotted(e->unit->atoms, name, inner) : name;
}

bool find_roles(struct emitter *e) {
    struct cls *entry = e->unit->entry;
    e->base = find_base(entry);
    find_model(e);
    e->head_attr = find_head(entry);
    struct cls *holder = e->model ? e->model : entry;
    struct fn *forward = class_method(holder, "forward");
    if (e->model && (forward == NULL || forward->body == NULL)) {
        diag_at(e->unit->diags, SEVERITY_ERROR, e->unit->module->source, entry->def->span, "part-of-model",
            "`%s` calls a part of `self.%s`, not the model itself", entry->name, e->model_attr);
        return false;
    }
    e->embed_attr = embedding_path(e, holder, 0);
    return true;
}

static struct node *last_statement(struct node *block) {
    return block->kid[block->nkids - 1];
}

/* -- outputs ------------------------------------------------------------------------------------------------------- */

/* Fields beside the hidden states that the entry reads too. */
static void other_fields(struct arena *arena, const struct node *n, struct buf *out) {
    if (n == NULL)
        return;
    if (n->kind == NODE_RETURN && is_kind(n->kid[0], NODE_CALL) && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_RECORD)
        for (uint32_t i = 1; i < n->kid[0]->nkids; i++) {
            const struct node *field = n->kid[0]->kid[i];
            bool other = field->kind == NODE_KEYWORD && field->atom && !atom_is(field->atom, "last_hidden_state");
            const char *line = other ? arena_printf(arena, "    %s: object = None\n", field->atom) : NULL;
            if (other && (out->len == 0 || strstr(out->at, line) == NULL))
                buf_puts(out, line);
        }
    for (uint32_t i = 0; i < n->nkids; i++)
        other_fields(arena, n->kid[i], out);
}

/* What a model that is made for a part of the configuration runs; NULL where it is not known by that. */
static struct node *tower_body(const struct tower *tower) {
    const struct fn *forward = tower->cls ? class_method(tower->cls, "forward") : NULL;
    return forward ? forward->body : NULL;
}

void emit_outputs(struct emitter *e) {
    need_import(e, "dataclasses", "dataclass");
    need_import(e, "transformers.utils", "ModelOutput");
    if (e->model) {
        struct buf text = {0};
        buf_printf(&text, "@dataclass\nclass %sModelOutput(ModelOutput):\n", e->prefix);
        buf_puts(&text, "    last_hidden_state: torch.FloatTensor | None = None\n");
        other_fields(e->unit->arena, class_method(e->model, "forward")->body, &text);
        for (uint32_t i = 0; i < e->unit->towers.len; i++)
            other_fields(e->unit->arena, tower_body(&e->unit->towers.at[i]), &text);
        append_python(e, e->module, "%s", text.at);
        buf_free(&text);
    }
    append_python(e, e->module,
        "@dataclass\nclass %sCausalLMOutput(ModelOutput):\n    logits: torch.FloatTensor | None = None\n", e->prefix);
}

/* The record that a forward returns becomes our class. */
static void rename_output(struct emitter *e, struct node *n, const char *name) {
    if (n == NULL)
        return;
    if (n->kind == NODE_RETURN && is_kind(n->kid[0], NODE_CALL) && n->kid[0]->abs &&
        n->kid[0]->abs->kind == ABS_RECORD && n->kid[0]->kid[0]->kind == NODE_NAME)
        n->kid[0]->kid[0] = make_name(e->unit->arena, intern(e->unit->atoms, name));
    for (uint32_t i = 0; i < n->nkids; i++)
        rename_output(e, n->kid[i], name);
}

static const char *model_output(struct emitter *e) {
    return arena_printf(e->unit->arena, "%sModelOutput", e->prefix);
}

/* -- <X>PreTrainedModel -------------------------------------------------------------------------------------------- */

/* The class that both models derive from; a file without one gets one. */
static const char *base_name(struct emitter *e) {
    return e->base ? e->base->name : arena_printf(e->unit->arena, "%sPreTrainedModel", e->prefix);
}

static const char *string_attr(struct emitter *e, const char *name) {
    const struct node *n = e->base ? map_get(&e->base->class_attrs, intern(e->unit->atoms, name)) : NULL;
    return is_kind(n, NODE_STRING) ? string_value(e->unit->atoms, n) : NULL;
}

static struct cls *class_named(struct unit *unit, atom name) {
    for (uint32_t i = 0; i < unit->classes.len; i++)
        if (unit->classes.at[i]->name == name)
            return unit->classes.at[i];
    return NULL;
}

/* Layer classes that stay whole on one device, as far as they are still there. */
static void no_split(struct emitter *e, struct buf *out) {
    const struct node *n = e->base ? map_get(&e->base->class_attrs, intern(e->unit->atoms, "_no_split_modules")) : NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; n && i < n->nkids; i++) {
        if (n->kid[i]->kind != NODE_STRING)
            continue;
        atom name = string_value(e->unit->atoms, n->kid[i]);
        struct cls *cls = class_named(e->unit, name);
        if (cls && cls->live)
            buf_printf(out, "%s\"%s\"", count++ ? ", " : "", name);
    }
}

void emit_pretrained(struct emitter *e) {
    struct buf layers = {0};
    no_split(e, &layers);
    need_import(e, "transformers.modeling_utils", "PreTrainedModel");
    const char *prefix = string_attr(e, "base_model_prefix");
    struct buf text = {0};
    buf_printf(&text, "class %s(PreTrainedModel):\n", base_name(e));
    if (e->names_config)
        buf_printf(&text, "    config_class = %s\n", e->unit->config_class);
    buf_printf(&text, "    base_model_prefix = \"%s\"\n", prefix ? prefix : e->model_attr ? e->model_attr : "model");
    if (layers.len)
        buf_printf(&text, "    _no_split_modules = [%s]\n", layers.at);
    buf_puts(&text, "    supports_gradient_checkpointing = False\n");
    append_python(e, e->module, "%s", text.at);
    if (e->base)
        lineage_made(e->unit, last_statement(e->module), e->base->def);
    buf_free(&layers);
    buf_free(&text);
}

/* -- the two forwards ---------------------------------------------------------------------------------------------- */

static const char signature[] = "    def forward(\n"
                                "        self,\n"
                                "        input_ids: torch.LongTensor | None = None,\n"
                                "        position_ids: torch.LongTensor | None = None,\n"
                                "        inputs_embeds: torch.FloatTensor | None = None,\n"
                                "        **kwargs,\n"
                                "    ) -> %s:\n";
static const char both_guard[] =
    "        if (input_ids is None) == (inputs_embeds is None):\n"
    "            raise ValueError(\"You must specify exactly one of input_ids or inputs_embeds\")\n";
static const char positions_guard[] =
    "        assert position_ids is not None, \"position_ids must be provided for AD export\"\n";

/* The last method of the class is forward, to be filled. */
static void append_body(struct emitter *e, struct node *cls, const struct fn *fn) {
    struct node *method = last_statement(class_body(cls));
    lineage_made(e->unit, method, fn->def);
    for (uint32_t i = 0; i < fn->body->nkids; i++)
        node_add(e->unit->arena, function_body(method), fn->body->kid[i]);
}

static void append_init(struct emitter *e, struct node *cls, struct cls *source, bool takes_kwargs) {
    struct fn *init = class_method(source, "__init__");
    struct unit *u = e->unit;
    if (init == NULL || init->body == NULL)
        return;
    struct buf text = {0};
    atom config = init->params.len > 1 ? init->params.at[1]->name : intern(u->atoms, "config");
    const struct absval *given = init->params.len > 1 ? init->params.at[1]->abs : NULL;
    bool part = given && given->kind == ABS_CONFIG && *given->qual != '\0';
    const char *type = e->names_config && !part ? arena_printf(u->arena, ": %s", u->config_class) : "";
    buf_printf(&text, "def __init__(self, %s%s%s):\n    pass\n", config, type, takes_kwargs ? ", **kwargs" : "");
    append_python(e, class_body(cls), "%s", text.at);
    buf_free(&text);
    struct node *method = last_statement(class_body(cls));
    method->kid[2] = shorten_reads(e, init);
    lineage_made(u, method, init->def);
    method->flags |= NF_BLANK;
}

/* What the model declines, right behind the base constructor. */
static void append_declined(struct emitter *e, struct node *cls) {
    struct unit *u = e->unit;
    const struct fn *init = class_method(u->entry, "__init__");
    const struct choice *choice = declined_choice(u);
    if (choice == NULL || init == NULL || init->params.len < 2)
        return;
    struct node *block = node_new(u->arena, NODE_BLOCK);
    append_python(e, block, "if %s%s.%s:\n    raise NotImplementedError(\"%s is not implemented\")\n",
        choice->served ? "not " : "", init->params.at[1]->name, choice->field, declined_setting(u));
    struct node *body = last_statement(class_body(cls))->kid[2];
    node_insert(u->arena, body, body->nkids ? 1 : 0, block->kid[0]);
}

static void append_methods(struct emitter *e, struct node *cls, const char *text) {
    struct node *block = node_new(e->unit->arena, NODE_BLOCK);
    append_python(e, block, "%s", text);
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *body = class_body(block->kid[i]);
        for (uint32_t k = 0; k < body->nkids; k++) {
            body->kid[k]->flags |= NF_BLANK;
            node_add(e->unit->arena, class_body(cls), body->kid[k]);
        }
    }
}

static void embedding_methods(struct emitter *e, struct buf *out, const char *path) {
    if (e->embed_attr == NULL)
        return;
    buf_printf(out,
        "    def get_input_embeddings(self) -> nn.Embedding:\n        return self.%s%s\n\n"
        "    def set_input_embeddings(self, value: nn.Embedding) -> None:\n        self.%s%s = value\n\n",
        path, e->embed_attr, path, e->embed_attr);
}

/* Other methods that stay calls. */
static void append_helpers(struct emitter *e, struct node *cls, struct cls *source) {
    for (uint32_t i = 0; i < source->methods.len; i++) {
        struct fn *fn = source->methods.entry[i].value;
        bool own = atom_is(fn->name, "__init__") || atom_is(fn->name, "forward");
        if (!own && fn->live && fn->body && fn->round == e->unit->round)
            node_add(e->unit->arena, class_body(cls), function_node(e, fn));
    }
}

static struct node *begin_class(struct emitter *e, const struct cls *source, const char *name, const char *bases) {
    struct node *block = node_new(e->unit->arena, NODE_BLOCK);
    append_python(e, block, "class %s(%s):\n    pass\n", name, bases);
    struct node *cls = block->kid[0];
    class_body(cls)->nkids = 0;
    lineage_made(e->unit, cls, source->def);
    node_add(e->unit->arena, e->module, cls);
    return cls;
}

/* PreTrainedModel classes around the base model: they only hold it. Some releases ask each for its embeddings. */
void emit_containers(struct emitter *e) {
    struct unit *u = e->unit;
    const char *inner = e->model_attr ? strchr(e->model_attr, '.') : NULL; /* of self.model.decoder: .decoder */
    bool nested = inner && strchr(inner + 1, '.') == NULL;
    for (uint32_t i = 0; i < u->classes.len; i++) {
        struct cls *cls = u->classes.at[i];
        if (!cls->live || !is_pretrained(cls) || cls == e->model || cls == u->entry || cls == e->base)
            continue;
        if (e->model && is_tower(u, cls))
            rename_output(e, class_method(cls, "forward")->body, model_output(e));
        emit_class(e, cls);
        emit_inner_ties(e, last_statement(e->module), cls);
        if (!nested || !map_has(&cls->attrs, intern(u->atoms, inner + 1)))
            continue;
        struct buf text = {0};
        buf_puts(&text, "class _:\n");
        embedding_methods(e, &text, arena_printf(u->arena, "%s.", inner + 1));
        if (e->embed_attr)
            append_methods(e, last_statement(e->module), text.at);
        buf_free(&text);
    }
}

/* A norm of the model whose weight tells the dtype of the layers. */
static atom norm_attribute(const struct cls *model) {
    for (uint32_t i = 0; i < model->attrs.len; i++) {
        const struct attr *attr = model->attrs.entry[i].value;
        if (!attr->live || attr->conditional)
            continue;
        if (attr->abs->kind == ABS_OBJECT && qual_ends(attr->abs->qual, "LayerNorm") && attr->expr &&
            attr->expr->nkids <= 3)
            return attr->name;
        if (attr->abs->kind != ABS_INSTANCE)
            continue;
        for (uint32_t k = 0; k < attr->abs->cls->attrs.len; k++) {
            const struct attr *weight = attr->abs->cls->attrs.entry[k].value;
            if (atom_is(weight->name, "weight") && weight->live && !weight->conditional &&
                weight->abs->kind == ABS_TENSOR)
                return attr->name;
        }
    }
    return NULL;
}

/* Embeddings of a quantised checkpoint may come in another dtype than the layers compute in. */
static void cast_embeddings(struct emitter *e, struct node *body) {
    struct unit *u = e->unit;
    atom norm = norm_attribute(e->model);
    for (uint32_t i = 0; norm && i < body->nkids; i++) {
        struct node *s = body->kid[i];
        if (s->kind != NODE_ASSIGN || s->nkids != 2 || !is_name(s->kid[0], "inputs_embeds") ||
            s->kid[1]->kind != NODE_NAME)
            continue;
        struct node *weight = make_attr(u->arena,
            make_attr(u->arena, make_name(u->arena, intern(u->atoms, "self")), norm), intern(u->atoms, "weight"));
        struct node *dtype = make_attr(u->arena, weight, intern(u->atoms, "dtype"));
        s->kid[0] =
            node_make(u->arena, NODE_CALL, NULL, 2, make_attr(u->arena, s->kid[0], intern(u->atoms, "to")), dtype);
        s->flags &= ~(uint32_t)NF_BLANK;
        return;
    }
}

static uint32_t count_names(const struct node *n, const char *name) {
    if (n == NULL)
        return 0;
    uint32_t count = is_name(n, name);
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_names(n->kid[i], name);
    return count;
}

/* Where self.<embedding>(input_ids) stands, the only one. */
static struct node **embedding_call(struct emitter *e, struct node **slot) {
    struct node *n = *slot;
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_CALL && n->nkids == 2 && is_name(n->kid[1], "input_ids") && is_self_path(n->kid[0]) &&
        strcmp(path_of(e, n->kid[0]), e->embed_attr) == 0)
        return slot;
    for (uint32_t i = 0; i < n->nkids; i++) {
        struct node **found = embedding_call(e, &n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* A source that takes tokens only: embeddings may be given instead, as to every other model. */
static void take_embeddings(struct emitter *e, struct node *body) {
    struct unit *u = e->unit;
    struct node **call = count_names(body, "inputs_embeds") == 0 ? embedding_call(e, &body) : NULL;
    if (call == NULL)
        return;
    struct node *made = *call, *block = node_new(u->arena, NODE_BLOCK);
    append_python(e, block, "if inputs_embeds is None:\n    inputs_embeds = _\n");
    block->kid[0]->kid[1]->kid[0]->kid[0] = made;
    *call = make_name(u->arena, intern(u->atoms, "inputs_embeds"));
    node_insert(u->arena, body, 0, block->kid[0]);
}

void emit_base_model(struct emitter *e) {
    if (e->model == NULL)
        return;
    struct node *cls = begin_class(e, e->model, e->model->name, base_name(e));
    if (e->model != e->unit->entry)
        emit_inner_ties(e, cls, e->model);
    append_init(e, cls, e->model, false);
    struct buf text = {0};
    struct fn *forward = class_method(e->model, "forward");
    const char *output = model_output(e);
    buf_puts(&text, "class _:\n");
    embedding_methods(e, &text, "");
    buf_printf(&text, signature, output);
    buf_printf(&text, "%s%s", both_guard, positions_guard);
    append_methods(e, cls, text.at);
    buf_free(&text);
    rename_output(e, forward->body, output);
    take_embeddings(e, forward->body);
    cast_embeddings(e, forward->body);
    if (forward->body->nkids)
        forward->body->kid[0]->flags &= ~(uint32_t)NF_BLANK;
    append_body(e, cls, forward);
    append_helpers(e, cls, e->model);
}

/* The tie of the head to the embedding, in the form that transformers 5 wants. */
static void emit_tied(struct emitter *e, struct node *cls) {
    struct unit *u = e->unit;
    const struct node *tied = map_get(&u->entry->class_attrs, intern(u->atoms, "_tied_weights_keys"));
    struct buf text = {0};
    if (is_kind(tied, NODE_DICT)) {
        struct node *value = node_copy(u->arena, tied);
        struct node *name = make_name(u->arena, intern(u->atoms, "_tied_weights_keys"));
        node_add(u->arena, class_body(cls), node_make(u->arena, NODE_ASSIGN, NULL, 2, value, name));
    } else if (tied && e->head_attr && e->embed_attr) {
        buf_printf(&text, "_tied_weights_keys = {\"%s.weight\": \"%s%s%s.weight\"}\n", e->head_attr,
            e->model_attr ? e->model_attr : "", e->model_attr ? "." : "", e->embed_attr);
        append_python(e, class_body(cls), "%s", text.at);
    }
    buf_free(&text);
}

/* a.b of the method `return self.a.b`, or NULL. */
static const char *returned_path(struct emitter *e, const struct fn *fn) {
    const struct node *body = fn ? function_body(fn->def) : NULL;
    const struct node *last = body && body->nkids ? body->kid[body->nkids - 1] : NULL;
    const char *path = NULL;
    if (!is_kind(last, NODE_RETURN) || last->kid[0] == NULL)
        return NULL;
    const struct node *n = last->kid[0];
    for (; n->kind == NODE_ATTRIBUTE; n = n->kid[0])
        path = path ? arena_printf(e->unit->arena, "%s.%s", n->atom, path) : n->atom;
    return is_name(n, "self") ? path : NULL;
}

/* The head that the library ties to the embedding: what the source hands out as such, or what is called as the library
 * calls it. Any other stays on its own. */
static const char *tied_head(struct emitter *e) {
    struct unit *u = e->unit;
    const struct fn *own = class_method_named(u, u->entry, intern(u->atoms, "get_output_embeddings"));
    bool declared = own || map_get(&u->entry->class_attrs, intern(u->atoms, "_tied_weights_keys"));
    if (e->head_attr)
        return declared || atom_is(e->head_attr, "lm_head") ? e->head_attr : NULL;
    const char *path = returned_path(e, own); /* an attribute of the entry itself would have been found */
    return path && strchr(path, '.') ? path : NULL;
}

static void entry_methods(struct emitter *e, struct buf *text) {
    const char *head = tied_head(e);
    if (e->model_attr)
        embedding_methods(e, text, arena_printf(e->unit->arena, "%s.", e->model_attr));
    else
        embedding_methods(e, text, "");
    if (head)
        buf_printf(text,
            "    def get_output_embeddings(self) -> nn.Linear:\n        return self.%s\n\n"
            "    def set_output_embeddings(self, value: nn.Linear) -> None:\n        self.%s = value\n\n",
            head, head);
    if (e->model_attr)
        buf_printf(text, "    def get_decoder(self) -> %s:\n        return self.%s\n\n", e->model->name, e->model_attr);
}

static bool passes_input(const struct node *call, const char *name) {
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *a = call->kid[i];
        if (a->kind == NODE_KEYWORD ? a->atom && atom_is(a->atom, name) : is_name(a, name))
            return true;
    }
    return false;
}

/* The parameter that a positional argument of the source is for. What was added to the call has a keyword. */
static atom param_name(const struct callsite *site, uint32_t argument) {
    uint32_t p = site->param[argument];
    return p < site->fn->params.len ? site->fn->params.at[p]->name : NULL;
}

/* The three inputs stand in the order of the emitted signature, so they need no names. */
static void order_inputs(struct node *call) {
    static const char *const inputs[] = {"input_ids", "position_ids", "inputs_embeds"};
    struct node *value[3] = {0};
    if (call->nkids != 4)
        return;
    for (uint32_t i = 1; i < call->nkids; i++) {
        struct node *a = call->kid[i];
        atom name = a->kind == NODE_KEYWORD ? a->atom : param_name(call->callsite, i - 1);
        for (int k = 0; k < 3; k++)
            if (name && atom_is(name, inputs[k]))
                value[k] = a->kind == NODE_KEYWORD ? a->kid[0] : a;
    }
    if (!value[0] || !value[1] || !value[2])
        return;
    for (int k = 0; k < 3; k++)
        call->kid[k + 1] = value[k];
}

/* `self.model(input_ids=..., ...)` passes on what AutoDeploy adds; logits are float32. */
static void finish_entry(struct emitter *e, struct node *n) {
    struct arena *arena = e->unit->arena;
    if (n == NULL)
        return;
    if (n->kind == NODE_CALL && n->callsite && e->model && n->callsite->fn == class_method(e->model, "forward")) {
        static const char *const inputs[] = {"input_ids", "position_ids", "inputs_embeds"};
        n->flags &= ~(uint32_t)NF_TRAILING_COMMA;
        for (size_t i = 0; i < 3; i++)
            if (!passes_input(n, inputs[i])) {
                atom name = intern(e->unit->atoms, inputs[i]);
                node_add(arena, n, node_make(arena, NODE_KEYWORD, name, 1, make_name(arena, name)));
            }
        order_inputs(n);
        node_add(arena, n, node_make(arena, NODE_KEYWORD, NULL, 1, make_name(arena, intern(e->unit->atoms, "kwargs"))));
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        finish_entry(e, n->kid[i]);
}

static bool already_float(const struct node *value) {
    return value->kind == NODE_CALL && value->kid[0]->kind == NODE_ATTRIBUTE && atom_is(value->kid[0]->atom, "float");
}

static struct node *as_float(struct emitter *e, struct node *value) {
    struct arena *arena = e->unit->arena;
    const struct node *callee = value->kind == NODE_CALL && value->nkids == 1 ? value->kid[0] : NULL;
    if (is_kind(callee, NODE_ATTRIBUTE) && atom_is(callee->atom, "contiguous")) /* the cast makes memory of its own */
        value = callee->kid[0];
    return node_make(arena, NODE_CALL, NULL, 1, make_attr(arena, value, intern(e->unit->atoms, "float")));
}

/* logits=x: x is float32 at the end. The cast joins the head where that is what x is. */
static void cast_logits(struct emitter *e, struct node *body) {
    struct node *ret = body->nkids ? last_statement(body) : NULL;
    if (!is_kind(ret, NODE_RETURN) || !is_kind(ret->kid[0], NODE_CALL) || ret->kid[0]->nkids < 2)
        return;
    struct node *logits = ret->kid[0]->kid[1];
    if (logits->kind != NODE_KEYWORD)
        return;
    struct node *value = logits->kid[0];
    struct node *before = body->nkids > 1 ? body->kid[body->nkids - 2] : NULL;
    bool assigned = is_kind(before, NODE_ASSIGN) && before->nkids == 2 && before->kid[1]->kind == NODE_NAME &&
                    value->kind == NODE_NAME && before->kid[1]->atom == value->atom;
    if (assigned && !already_float(before->kid[0]))
        before->kid[0] = as_float(e, before->kid[0]);
    else if (!assigned && !already_float(value))
        logits->kid[0] = as_float(e, value);
}

void emit_entry(struct emitter *e) {
    struct unit *u = e->unit;
    const char *bases = arena_printf(u->arena, "%s, GenerationMixin", base_name(e));
    struct node *cls = begin_class(e, u->entry, e->entry_name, bases);
    need_import(e, "transformers.generation", "GenerationMixin");
    emit_tied(e, cls);
    emit_left_out(e, cls);
    append_init(e, cls, u->entry, true);
    append_declined(e, cls);
    append_towers(e, cls);
    struct fn *forward = class_method(u->entry, "forward");
    struct buf text = {0};
    const char *output = arena_printf(u->arena, "%sCausalLMOutput", e->prefix);
    buf_puts(&text, "class _:\n");
    entry_methods(e, &text);
    buf_printf(&text, signature, output);
    if (e->model == NULL)
        buf_puts(&text, both_guard);
    buf_puts(&text, positions_guard);
    append_methods(e, cls, text.at);
    buf_free(&text);
    if (e->model == NULL)
        take_embeddings(e, forward->body);
    rename_output(e, forward->body, output);
    finish_entry(e, forward->body);
    cast_logits(e, forward->body);
    append_body(e, cls, forward);
    append_helpers(e, cls, u->entry);
}

void emit_registration(struct emitter *e) {
    need_import(e, "tensorrt_llm._torch.auto_deploy.custom_ops", "");
    if (e->gaps > 0)
        return;
    need_import(e, "tensorrt_llm._torch.auto_deploy.models.hf", "AutoModelForCausalLMFactory");
    append_python(e, e->module, "AutoModelForCausalLMFactory.register_custom_model_cls(\"%s\", %s)\n",
        e->unit->config_class ? e->unit->config_class : "", e->entry_name);
    last_statement(e->module)->flags |= NF_BLANK;
}
