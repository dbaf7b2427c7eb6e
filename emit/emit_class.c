/* emit_class.c - classes and functions of the residual program as definitions. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "emit/emit.h"
#include "rewrite/facts.h"
#include "rewrite/lineage.h"
#include "rewrite/quote.h"

/* -- templates -----------------------------------------------------------------------------------------------------
 *
 * Most text of a template is the same for all models but for the names that begin with the model's own: it is parsed
 * once in a context with a blank in place of that, and filled in for each. */
static const char blank[] = "_Blank_";

static const char *replace(struct arena *arena, const char *text, const char *old, const char *new) {
    size_t old_len = strlen(old), new_len = strlen(new), count = 0;
    for (const char *at = text; old_len > 0 && (at = strstr(at, old)) != NULL; at += old_len)
        count++;
    if (count == 0)
        return text;
    char *made = arena_alloc(arena, strlen(text) + count * new_len + 1), *to = made;
    for (const char *at; (at = strstr(text, old)) != NULL; text = at + old_len)
        to = mempcpy(mempcpy(to, text, (size_t)(at - text)), new, new_len);
    strcpy(to, text);
    return made;
}

static void fill_in(struct unit *u, struct node *n, const char *name) {
    if (n == NULL)
        return;
    if (n->atom && strstr(n->atom, blank))
        n->atom = intern(u->atoms, replace(u->arena, n->atom, blank, name));
    for (uint32_t i = 0; i < n->nkids; i++)
        fill_in(u, n->kid[i], name);
}

void append_python(struct emitter *e, struct node *block, const char *format, ...) {
    struct unit *u = e->unit;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(u->arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    const struct node *module = quoted(u, replace(u->arena, text, e->prefix, blank));
    for (uint32_t i = 0; module && i < module->nkids; i++) {
        struct node *stmt = node_copy(u->arena, module->kid[i]);
        fill_in(u, stmt, e->prefix);
        node_add(u->arena, block, stmt);
    }
}

struct node *class_node(struct emitter *e, const char *name, struct node *bases) {
    struct arena *arena = e->unit->arena;
    return node_make(arena, NODE_CLASS, intern(e->unit->atoms, name), 2, bases, node_new(arena, NODE_BLOCK));
}

/* -- parameters ---------------------------------------------------------------------------------------------------- */

/* Annotations whose names are at hand; others would need imports that nothing else needs. */
static bool annotation_is_plain(const struct emitter *e, const struct node *n) {
    if (n == NULL)
        return true;
    switch (n->kind) {
    case NODE_NAME: {
        static const char *const plain[] = {
            "int", "float", "bool", "str", "tuple", "list", "dict", "torch", "nn", "None", "object", "set"};
        for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
            if (atom_is(n->atom, plain[i]))
                return true;
        return e->names_config && e->unit->config_class && n->atom == e->unit->config_class;
    }
    case NODE_CONST: return true;
    case NODE_ATTRIBUTE:
    case NODE_SUBSCRIPT:
    case NODE_TUPLE:
    case NODE_BINOP:
        for (uint32_t i = 0; i < n->nkids; i++)
            if (!annotation_is_plain(e, n->kid[i]))
                return false;
        return true;
    default: return false;
    }
}

/* A default stays where some call leaves the argument out. */
static bool default_is_used(const struct fn *fn, uint32_t index) {
    for (uint32_t c = 0; c < fn->calls.len; c++) {
        const struct node *call = fn->calls.at[c];
        const struct callsite *site = call->callsite;
        bool given = false;
        while (site->fn != fn)
            site = site->also;
        for (uint32_t i = 1; i < call->nkids; i++)
            given |= site->param[i - 1] == index;
        if (!given)
            return true;
    }
    return fn->calls.len == 0;
}

/* `T | None` of a parameter that is always given a tensor is `T`. */
static struct node *narrow_annotation(struct emitter *e, const struct param *p) {
    struct node *a = p->annotation;
    bool config = is_kind(a, NODE_NAME) && p->abs && p->abs->kind == ABS_CONFIG && *p->abs->qual == '\0';
    if (config && e->names_config)
        return make_name(e->unit->arena, e->unit->config_class);
    if (a == NULL || !annotation_is_plain(e, a))
        return NULL;
    bool optional = a->kind == NODE_BINOP && a->op == OP_BITOR && is_none(a->kid[1]);
    if (optional && p->abs && abs_not_none(p->abs))
        a = a->kid[0];
    return node_copy(e->unit->arena, a);
}

static struct node *param_node(struct emitter *e, const struct fn *fn, uint32_t i) {
    const struct param *p = fn->params.at[i];
    struct node *n = node_make(e->unit->arena, NODE_PARAM, p->name, 2, narrow_annotation(e, p), (struct node *)NULL);
    n->op = p->role;
    if (p->dflt && (fn->escapes || default_is_used(fn, i)))
        n->kid[1] = node_copy(e->unit->arena, p->dflt);
    return n;
}

static struct node *params_node(struct emitter *e, const struct fn *fn) {
    struct node *params = node_new(e->unit->arena, NODE_PARAMS);
    bool defaulted = false;
    for (uint32_t i = 0; i < fn->params.len; i++) {
        const struct param *p = fn->params.at[i];
        if (!p->live && !fn->escapes)
            continue;
        struct node *n = param_node(e, fn, i);
        if (defaulted && n->kid[1] == NULL && p->dflt && p->role == PARAM_PLAIN) /* Python wants defaults at the end */
            n->kid[1] = node_copy(e->unit->arena, p->dflt);
        defaulted |= n->kid[1] != NULL;
        node_add(e->unit->arena, params, n);
    }
    return params;
}

static bool body_is_trivial(const struct node *body) {
    if (body->nkids != 1 || body->kid[0]->kind != NODE_EXPR)
        return body->nkids == 0;
    const struct node *call = body->kid[0]->kid[0];
    return call->kind == NODE_CALL && call->nkids == 1 && call->kid[0]->kind == NODE_ATTRIBUTE &&
           atom_is(call->kid[0]->atom, "__init__");
}

static struct node *returns_node(struct emitter *e, const struct fn *fn) {
    if (atom_is(fn->name, "__init__"))
        return fn->def->kid[1] && is_none(fn->def->kid[1]) ? node_copy(e->unit->arena, fn->def->kid[1]) : NULL;
    const struct absval *ret = fn->ret;
    if (ret && ret->kind == ABS_TENSOR && !fn->escapes) {
        struct unit *u = e->unit;
        return make_attr(u->arena, make_name(u->arena, intern(u->atoms, "torch")), intern(u->atoms, "Tensor"));
    }
    return NULL;
}

struct node *function_node(struct emitter *e, struct fn *fn) {
    struct arena *arena = e->unit->arena;
    if (fn->body->nkids == 0)
        node_add(arena, fn->body, node_new(arena, NODE_PASS));
    struct node *body = atom_is(fn->name, "__init__") ? shorten_reads(e, fn) : fn->body;
    struct node *n = node_make(arena, NODE_FUNCTION, fn->name, 3, params_node(e, fn), returns_node(e, fn), body);
    n->flags |= NF_BLANK;
    lineage_made(e->unit, n, fn->def);
    if (fn->is_static)
        node_add(arena, n, make_name(arena, intern(e->unit->atoms, "staticmethod")));
    return n;
}

void emit_function(struct emitter *e, struct fn *fn) {
    node_add(e->unit->arena, e->module, fn_is_of_translations(fn) ? fn->def : function_node(e, fn));
}

/* -- classes ------------------------------------------------------------------------------------------------------- */

static struct node *dotted(struct emitter *e, const char *text) {
    struct unit *u = e->unit;
    size_t len = strcspn(text, ".");
    struct node *n = make_name(u->arena, intern_len(u->atoms, text, len));
    while (text[len] == '.') {
        text += len + 1;
        len = strcspn(text, ".");
        n = make_attr(u->arena, n, intern_len(u->atoms, text, len));
    }
    return n;
}

/* Bases of this file are flattened into the class; what remains are library bases. */
static void add_bases(struct emitter *e, struct node *bases, const struct cls *cls) {
    struct unit *u = e->unit;
    for (uint32_t i = 0; i < cls->bases.len; i++) {
        if (cls->bases.at[i] == e->base)
            node_add(u->arena, bases, make_name(u->arena, e->base->name));
        else
            add_bases(e, bases, cls->bases.at[i]);
    }
    for (uint32_t i = 0; i < cls->library_bases.len; i++) {
        atom qual = cls->library_bases.at[i];
        const struct fact *fact = fact_base(u->facts, qual);
        if (fact && fact->effect == EFFECT_REPLACE)
            qual = fact->replacement;
        if (fact && fact->effect == EFFECT_DROP)
            continue;
        const char *name = qual;
        if (strncmp(qual, "torch.nn.", 9) == 0)
            name = arena_printf(u->arena, "nn.%s", qual + 9);
        else if (strchr(qual, '.'))
            name = strrchr(qual, '.') + 1;
        node_add(u->arena, bases, dotted(e, name));
    }
}

void emit_class(struct emitter *e, struct cls *cls) {
    struct arena *arena = e->unit->arena;
    struct node *bases = node_new(arena, NODE_BASES);
    add_bases(e, bases, cls);
    struct node *n = class_node(e, cls->name, bases);
    lineage_made(e->unit, n, cls->def);
    for (uint32_t i = 0; i < cls->methods.len; i++) {
        struct fn *fn = cls->methods.entry[i].value;
        if (!fn->live || !fn->body || fn->round != e->unit->round)
            continue;
        if (atom_is(fn->name, "__init__") && body_is_trivial(fn->body))
            continue;
        node_add(arena, class_body(n), function_node(e, fn));
    }
    if (class_body(n)->nkids == 0)
        node_add(arena, class_body(n), node_new(arena, NODE_PASS));
    node_add(arena, e->module, n);
}
