/* model.c - puts the emitted file together. */
#include "emit/model.h"

#include <string.h>

#include "emit/emit.h"
#include "emit/python.h"

static bool ends_with(const char *text, const char *end, size_t *stem) {
    size_t n = strlen(text), m = strlen(end);
    *stem = n - m;
    return n > m && strcmp(text + n - m, end) == 0;
}

/* <X> of <X>ForCausalLM. */
static void name_entry(struct emitter *e) {
    static const char *const ends[] = {"ForCausalLM", "LMHeadModel", "ForConditionalGeneration", "Model"};
    struct unit *u = e->unit;
    const char *name = u->entry->name;
    size_t stem = strlen(name);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (ends_with(name, ends[i], &stem))
            break;
        else
            stem = strlen(name);
    e->prefix = arena_strndup(u->arena, name, stem);
    e->entry_name = arena_printf(u->arena, "%sForCausalLM", e->prefix);
}

static bool is_skeleton(const struct emitter *e, const struct cls *cls) {
    return cls == e->model || cls == e->unit->entry || cls == e->base || class_derives(cls, "PreTrainedModel");
}

/* Definitions in the order of the source, where what is used stands before its users. */
static void emit_definitions(struct emitter *e) {
    struct unit *u = e->unit;
    for (uint32_t i = 0; i < u->helpers.len; i++)
        node_add(u->arena, e->module, u->helpers.at[i]);
    for (uint32_t i = 0; i < u->module->tree->nkids; i++) {
        struct node *stmt = u->module->tree->kid[i];
        struct symbol *symbol = stmt->kind == NODE_CLASS || stmt->kind == NODE_FUNCTION
            ? module_lookup(u->module, stmt->atom)
            : NULL;
        if (symbol && symbol->stmt != stmt)
            continue;
        if (symbol && symbol->cls && symbol->cls->live && !is_skeleton(e, symbol->cls))
            emit_class(e, symbol->cls);
        if (symbol && symbol->fn && symbol->fn->live && symbol->fn->body)
            emit_function(e, symbol->fn);
        bool constant = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 && stmt->kid[1]->kind == NODE_NAME;
        if (constant && (symbol = module_lookup(u->module, stmt->kid[1]->atom)) && symbol->used &&
            symbol->kind == SYM_VALUE && symbol->stmt == stmt)
            node_add(u->arena, e->module, stmt);
    }
}

static void print_module(struct emitter *e, struct node *imports, struct buf *out) {
    struct node *all = node_new(e->unit->arena, NODE_MODULE);
    for (uint32_t i = 0; i < imports->nkids; i++)
        node_add(e->unit->arena, all, imports->kid[i]);
    for (uint32_t i = 0; i < e->module->nkids; i++)
        node_add(e->unit->arena, all, e->module->kid[i]);
    print_python(out, all);
}

bool emit_model(struct unit *unit, struct buf *out) {
    struct emitter e = {.unit = unit};
    e.module = node_new(unit->arena, NODE_MODULE);
    e.imports_config = unit->config_class && unit->package.root && unit->module->package;
    if (e.imports_config && unit->config_module)
        need_import(&e, unit->config_module->name, unit->config_class);
    name_entry(&e);
    if (!find_roles(&e))
        return false;
    emit_definitions(&e);
    emit_outputs(&e);
    emit_pretrained(&e);
    emit_base_model(&e);
    emit_containers(&e);
    emit_entry(&e);
    emit_registration(&e);
    collect_names(&e, e.module);
    struct node *imports = emit_imports(&e);
    emit_header(&e, out);
    print_module(&e, imports, out);
    return true;
}
