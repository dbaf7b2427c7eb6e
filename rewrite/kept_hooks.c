/* kept_hooks.c - hooks on the loading of the state dict that the source registers itself. */
#include "rewrite/published.h"

/* A copy of the function that is registered, to stand at module level: one from there, or a method that does not read
 * its object. NULL for anything else. */
static struct node *hook_function(struct unit *u, const struct cls *cls, const struct node *hook) {
    if (hook->kind == NODE_NAME) {
        const struct symbol *symbol = module_lookup(cls->module, hook->atom);
        const struct node *def = symbol && symbol->kind == SYM_FUNCTION ? symbol_def(u, symbol) : NULL;
        if (def == NULL || def->nkids != 3)
            return NULL;
        if (symbol->fn && symbol->fn->calls.len == 0)
            symbol->fn->live = false; /* the copy stands for it, unspecialised: torch calls it */
        return node_copy(u->arena, def);
    }
    struct fn *fn =
        hook->kind == NODE_ATTRIBUTE && is_name(hook->kid[0], "self") ? class_method_named(u, cls, hook->atom) : NULL;
    if (fn == NULL || fn->def == NULL || fn->def->nkids != 3 || fn->params.len == 0 ||
        node_names(function_body(fn->def), fn->params.at[0]->name))
        return NULL;
    if (fn->calls.len == 0)
        fn->live = false;
    struct node *copy = node_copy(u->arena, fn->def);
    node_remove(function_params(copy), 0);
    copy->atom = intern_printf(u->atoms, "%s%s", fn->name[0] == '_' ? "" : "_", fn->name);
    return copy;
}

/* An expression of the source over parameters of the constructor, in the one that is emitted; NULL for any other. */
static struct node *over_parameters(struct unit *u, struct cls *cls, const struct node *e) {
    const struct fn *init = class_method(cls, "__init__");
    if (e->kind == NODE_NAME)
        for (uint32_t i = 1; init && i < init->params.len; i++)
            if (init->params.at[i]->name == e->atom)
                return init->params.at[i]->live ? make_web_name(u->arena, init->params.at[i]->web) : NULL;
    struct node *copy = e->kind == NODE_ATTRIBUTE ? over_parameters(u, cls, e->kid[0]) : NULL;
    return copy ? make_attr(u->arena, copy, e->atom) : NULL;
}

/* A hook that a function of the module makes of one value. */
static bool keep_made_hook(struct unit *u, struct cls *cls, const struct node *made, bool with_module) {
    bool plain = made->nkids == 2 && made->kid[0]->kind == NODE_NAME;
    const struct symbol *symbol = plain ? module_lookup(cls->module, made->kid[0]->atom) : NULL;
    const struct node *def = symbol && symbol->kind == SYM_FUNCTION ? symbol_def(u, symbol) : NULL;
    struct node *value = def && def->nkids == 3 ? over_parameters(u, cls, made->kid[1]) : NULL;
    return value && hook_register(u, cls, hook_add(u, node_copy(u->arena, def)), value, with_module);
}

static bool keep_hook(struct unit *u, struct cls *cls, const struct node *call) {
    const struct node *flag = call->nkids == 3 ? call_argument(call, 1, "with_module") : NULL;
    bool with_module = is_kind(flag, NODE_CONST) && flag->op == OP_TRUE;
    bool known = (call->nkids == 2 || with_module) && atom_is(call->kid[0]->atom, HOOK_METHOD);
    if (known && call->kid[1]->kind == NODE_CALL && keep_made_hook(u, cls, call->kid[1], with_module))
        return true;
    struct node *fn = known && call->kid[1]->kind != NODE_CALL ? hook_function(u, cls, call->kid[1]) : NULL;
    if (fn)
        return hook_register(u, cls, hook_add(u, fn), NULL, with_module);
    struct diag *d = diag_at(u->diags, unit_refusal(u), call->source, call->span, "checkpoint-layout",
        "this hook of `%s` on the loading of its state dict is not understood", cls->name);
    diag_help(u->diags, d,
        "a function of the module, or a method that does not read `self`, registered with `%s`, is kept", HOOK_METHOD);
    return false;
}

static bool is_registration(const struct node *stmt) {
    static const char *const methods[] = {"_register_load_state_dict_pre_hook", "register_load_state_dict_pre_hook",
        "register_load_state_dict_post_hook", "_load_state_dict_pre_hooks"};
    if (stmt->kind != NODE_EXPR || stmt->kid[0]->kind != NODE_CALL || stmt->kid[0]->kid[0]->kind != NODE_ATTRIBUTE)
        return false;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (atom_is(stmt->kid[0]->kid[0]->atom, methods[i]))
            return true;
    return false;
}

/* The residual constructor without them: they are registered anew. */
static void drop_registrations(struct cls *cls) {
    struct fn *init = class_method(cls, "__init__");
    for (uint32_t i = 0; init && init->body && i < init->body->nkids;)
        if (is_registration(init->body->kid[i]))
            node_remove(init->body, i);
        else
            i++;
}

/* Those in the constructor of the class, or of the bases that it calls. */
static bool keep_hooks_of(struct unit *u, struct cls *cls, const struct cls *from, bool *any) {
    const struct node *body = class_body(from->def);
    for (uint32_t i = 0; i < body->nkids; i++) {
        if (body->kid[i]->kind != NODE_FUNCTION || !atom_is(body->kid[i]->atom, "__init__"))
            continue;
        const struct node *init = function_body(body->kid[i]);
        for (uint32_t k = 0; k < init->nkids; k++) {
            if (!is_registration(init->kid[k]))
                continue;
            *any = true;
            if (!keep_hook(u, cls, init->kid[k]->kid[0]))
                return false;
        }
    }
    for (uint32_t i = 0; i < from->bases.len; i++)
        if (!keep_hooks_of(u, cls, from->bases.at[i], any))
            return false;
    return true;
}

bool keep_load_hooks(struct unit *unit, bool *any) {
    *any = false;
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        if (!cls->live)
            continue;
        drop_registrations(cls);
        if (!keep_hooks_of(unit, cls, cls, any))
            return false;
    }
    return true;
}
