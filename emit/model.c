/* model.c - puts the emitted file together. */
#include "emit/model.h"

#include <string.h>

#include "base/text.h"
#include "emit/emit.h"
#include "emit/gaps.h"
#include "emit/python.h"
#include "rewrite/account.h"
#include "rewrite/bundle.h"
#include "rewrite/lineage.h"

/* <X> of <X>ForCausalLM. */
void name_entry(struct emitter *e) {
    static const char *const ends[] = {"ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "Model"};
    struct unit *u = e->unit;
    const char *name = u->entry->name;
    size_t len = strlen(name), stem = len;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0] && stem == len; i++)
        if (ends_with(name, ends[i]) && len > strlen(ends[i]))
            stem = len - strlen(ends[i]);
    e->prefix = arena_strndup(u->arena, name, stem);
    e->entry_name = arena_printf(u->arena, "%sForCausalLM", e->prefix);
}

static bool is_skeleton(const struct emitter *e, const struct cls *cls) {
    return cls == e->model || cls == e->unit->entry || cls == e->base || class_derives(cls, "PreTrainedModel");
}

static const char rope_helper[] = "_get_rope_parameters";

static bool has_function(const struct node *module, const char *name) {
    for (uint32_t i = 0; i < module->nkids; i++)
        if (module->kid[i]->kind == NODE_FUNCTION && atom_is(module->kid[i]->atom, name))
            return true;
    return false;
}

static bool names_helper(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAME && atom_is(n->atom, rope_helper))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (names_helper(n->kid[i]))
            return true;
    return false;
}

static bool reads_rope(const struct cls *cls) {
    for (uint32_t i = 0; i < cls->methods.len; i++) {
        const struct fn *fn = cls->methods.entry[i].value;
        if (fn->live && names_helper(fn->body))
            return true;
    }
    return false;
}

/* The function through which versions.c reads. */
static void emit_rope_helper(struct emitter *e) {
    const struct unit *u = e->unit;
    bool one = e->names_config && u->towers.len == 0; /* not for parts of it too */
    const char *config = one ? arena_printf(u->arena, ": %s", u->config_class) : "";
    append_python(e, e->module,
        "def _get_rope_parameters(config%s) -> dict:\n"
        "    \"\"\"RoPE settings in the layout of transformers 5, also from a transformers 4 config.\"\"\"\n"
        "    rope = getattr(config, \"rope_parameters\", None) or getattr(config, \"rope_scaling\", None) or {}\n"
        "    rope = {\"rope_type\": rope.get(\"type\", \"default\"), **rope}\n"
        "    rope.setdefault(\"rope_theta\", getattr(config, \"rope_theta\", 10000.0))\n%s%s",
        config,
        u->rope_partial
            ? "    rope.setdefault(\"partial_rotary_factor\", getattr(config, \"partial_rotary_factor\", 1.0))\n"
            : "",
        u->rope_original ? "    original = getattr(config, \"original_max_position_embeddings\", "
                           "config.max_position_embeddings)\n"
                           "    return {\"original_max_position_embeddings\": original, **rope}\n"
                         : "    return rope\n");
}

/* A value that follows the imports stands one line below them, wherever it stood in the source. */
struct node *after_imports(struct emitter *e, const struct node *stmt) {
    struct node *moved = node_copy(e->unit->arena, stmt);
    moved->source = NULL;
    moved->span = (struct span){0};
    moved->flags &= ~(uint32_t)NF_BLANK;
    lineage_made(e->unit, moved, stmt);
    return moved;
}

static void emit_activation_helper(struct emitter *e) {
    bool bias = e->unit->names_bias;
    append_python(e, e->module,
        "def _get_moe_activation(name: str%s) -> int:\n"
        "    \"\"\"The number by which torch_moe knows an activation.\"\"\"\n"
        "%s"
        "    if name in (\"silu\", \"swish\"):\n"
        "        return int(ActivationType.Silu)\n"
        "    if name == \"relu2\":\n"
        "        return int(ActivationType.Relu2)\n"
        "    raise NotImplementedError(f\"torch_moe has no activation {name!r}\")\n",
        bias ? ", bias: bool" : "",
        bias ? "    if bias:\n        raise NotImplementedError(\"torch_moe has no biases\")\n" : "");
}

/* Definitions of a file in its order, where what is used stands before its users. */
static void emit_definitions_of(struct emitter *e, const struct module *module) {
    struct unit *u = e->unit;
    for (uint32_t i = 0; i < module->body->nkids; i++) {
        struct node *stmt = module->body->kid[i];
        struct symbol *symbol =
            stmt->kind == NODE_CLASS || stmt->kind == NODE_FUNCTION ? module_lookup(module, stmt->atom) : NULL;
        if (symbol && symbol->stmt != stmt)
            continue;
        bool emits = symbol && symbol->cls && symbol->cls->live && !is_skeleton(e, symbol->cls);
        if (emits && u->reads_rope_parameters && !has_function(e->module, rope_helper) && reads_rope(symbol->cls))
            emit_rope_helper(e);
        if (emits && symbol->cls->item_class)
            emit_class(e, symbol->cls->item_class);
        if (emits)
            emit_class(e, symbol->cls);
        if (symbol && symbol->fn && symbol->fn->live && symbol->fn->body)
            emit_function(e, symbol->fn);
        bool constant = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && stmt->kid[1]->kind == NODE_NAME;
        if (constant && (symbol = module_lookup(module, stmt->kid[1]->atom)) && symbol->used &&
            symbol->kind == SYM_VALUE && symbol->stmt == stmt)
            node_add(u->arena, e->module, e->module->nkids ? stmt : after_imports(e, stmt));
    }
}

/* What the modeling file uses of others stands before its own definitions. */
static void emit_definitions(struct emitter *e) {
    struct unit *u = e->unit;
    for (uint32_t i = 0; i < u->helpers.len; i++)
        node_add(u->arena, e->module, u->helpers.at[i]);
    if (u->names_activation)
        emit_activation_helper(e);
    for (uint32_t i = 0; i < u->linked.len; i++)
        emit_definitions_of(e, u->linked.at[i]);
    emit_definitions_of(e, u->module);
}

/* The configuration class, and what makes it known for its model type. */
static void emit_config(struct emitter *e) {
    const struct bundle *b = e->unit->bundle;
    if (b == NULL)
        return;
    need_import(e, "transformers.configuration_utils", "PretrainedConfig");
    for (uint32_t i = 0; i < b->imports.len; i++)
        need_import(e, b->imports.entry[i].value, strchr(b->imports.entry[i].key, ':') + 1);
    node_add(e->unit->arena, e->config, b->cls);
    if (b->model_type == NULL)
        return;
    need_import(e, "transformers", "AutoConfig");
    append_python(e, e->config, "AutoConfig.register(\"%s\", %s, exist_ok=True)\n", b->model_type, b->cls->atom);
    e->config->kid[1]->flags |= NF_BLANK;
}

/* A file with gaps must not take the place of a model: what would register it is a comment. */
static struct comments *not_registered(struct emitter *e) {
    struct unit *u = e->unit;
    struct comments *c = NEW(u->arena, struct comments);
    vec_push(u->arena, &c->inner, intern(u->atoms, "# adgen: not registered, since it has gaps; without them:"));
    vec_push(u->arena, &c->inner,
        intern_printf(u->atoms, "# AutoModelForCausalLMFactory.register_custom_model_cls(\"%s\", %s)",
            u->config_class ? u->config_class : "", e->entry_name));
    return c;
}

/* Where statements stand is part of the account. */
static struct printed *note_printed(struct unit *unit) {
    if (unit->account == NULL)
        return NULL;
    struct printed *printed = NEW(unit->arena, struct printed);
    printed->arena = unit->arena;
    return unit->account->printed = printed;
}

static void print_module(struct emitter *e, struct node *imports, struct buf *out) {
    struct node *all = node_new(e->unit->arena, NODE_MODULE);
    for (uint32_t i = 0; i < imports->nkids; i++)
        node_add(e->unit->arena, all, imports->kid[i]);
    for (uint32_t i = 0; i < e->config->nkids; i++)
        node_add(e->unit->arena, all, e->config->kid[i]);
    for (uint32_t i = 0; i < e->module->nkids; i++)
        node_add(e->unit->arena, all, e->module->kid[i]);
    if (e->gaps > 0)
        all->comments = not_registered(e);
    print_python_wrapped(out, all, note_printed(e->unit));
    account_emitted(e->unit, all);
}

/* The factory looks a model up by the name of its configuration class. */
static bool has_config(struct unit *unit) {
    if (unit->config_class)
        return true;
    struct diag *d = diag_at(unit->diags, unit_refusal(unit), unit->module->source, unit->entry->def->span, "config",
        "nothing says which configuration class `%s` is made from", unit->entry->name);
    diag_help(unit->diags, d, "declare it in the class or a base of it: config_class = ...Config");
    return false;
}

/* The configuration class is defined here, or can be imported: if the source lies in its package, or imports it from an
 * absolute module. */
static bool import_config(struct emitter *e) {
    const struct unit *u = e->unit;
    if (u->config_class == NULL || u->bundle)
        return u->bundle != NULL;
    if (u->package.root && u->module->package) {
        if (u->config_module)
            need_import(e, u->config_module->name, u->config_class);
        return true;
    }
    const struct symbol *symbol = module_lookup(u->module, u->config_class);
    bool absolute = symbol && symbol->kind == SYM_IMPORT && symbol->stmt->kind == NODE_IMPORTFROM &&
                    symbol->stmt->level == 0 && strncmp(symbol->qual, "transformers.", 13) == 0;
    if (absolute)
        need_import(e, symbol->stmt->atom, u->config_class);
    return absolute;
}

bool emit_model(struct unit *unit, struct buf *out) {
    struct emitter e = {.unit = unit};
    e.module = node_new(unit->arena, NODE_MODULE);
    e.config = node_new(unit->arena, NODE_MODULE);
    e.names_config = import_config(&e);
    name_entry(&e);
    if ((!has_config(unit) && !unit->options.partial) || !find_roles(&e))
        return false;
    gaps_of(unit, &e.gaps);
    emit_config(&e);
    emit_definitions(&e);
    if (unit->reads_rope_parameters && !has_function(e.module, rope_helper))
        emit_rope_helper(&e);
    emit_outputs(&e);
    emit_pretrained(&e);
    emit_base_model(&e);
    emit_containers(&e);
    emit_entry(&e);
    emit_registration(&e);
    if (e.gaps > 0) {
        mark_gaps(&e);
        keep_definitions(&e);
    }
    collect_names(&e, e.module);
    struct node *imports = emit_imports(&e);
    struct buf code = {0};
    print_module(&e, imports, &code);
    buf_putc(&code, '\0');
    emit_header(&e, code.at, out);
    if (unit->account)
        unit->account->printed->header = (uint32_t)out->len;
    buf_puts(out, code.at);
    buf_free(&code);
    return true;
}
