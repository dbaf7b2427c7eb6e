/* bundle_source.c - the construction of a configuration as one function.
 *
 * Reads   the configuration class and its bases below PretrainedConfig, in either style.
 * Writes  the recipe's chain, params, body and root_call. Of a class with an `__init__` that is what it takes and does;
 *         of one that declares fields: a store for each, then what `__post_init__` does, in the order in which the
 *         classes call each other.
 * Guarantees  the body, run with the parameters, leaves the attributes that the class leaves, where it is understood.
 */
#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/bundle_internal.h"
#include "rewrite/config.h"

/* -- the classes --------------------------------------------------------------------------------------------------- */

enum { CHAIN_MAX = 16 };

static bool is_root(const char *name) {
    return name && (strcmp(name, "PreTrainedConfig") == 0 || strcmp(name, "PretrainedConfig") == 0);
}

/* The class that a base names, and the module that defines it; NULL if it is not at hand. */
static struct node *find_class(struct unit *unit, struct module **home, atom name) {
    for (int depth = 0; depth < CHAIN_MAX; depth++) {
        const struct symbol *symbol = module_lookup(*home, name);
        if (symbol && symbol->kind == SYM_CLASS)
            return symbol_def(unit, symbol);
        if (symbol == NULL || symbol->kind != SYM_IMPORT || strchr(symbol->qual, '.') == NULL)
            return NULL;
        name = intern(unit->atoms, strrchr(symbol->qual, '.') + 1);
        const char *path = import_path(unit, *home, symbol->qual);
        if ((path == NULL || ends_with(path, "/__init__.py")) && unit->registry) /* a package hands it on */
            path = registry_config_path(unit->registry, unit->arena, name);
        *home = path ? module_read(unit, path) : NULL;
        if (*home == NULL)
            return NULL;
    }
    return NULL;
}

static void read_chain(struct recipe *r) {
    struct unit *unit = r->unit;
    struct module *home = r->module;
    for (struct node *def = r->def; def != NULL && !r->failed;) {
        const struct node *bases = def->kid[0], *base = NULL;
        vec_push(unit->arena, &r->chain, def);
        vec_push(unit->arena, &r->home, home);
        for (uint32_t i = 0; i < bases->nkids; i++) {
            if (bases->kid[i]->kind == NODE_KEYWORD || base)
                bundle_refuse(r, bases->kid[i], "--bundle-config understands configuration classes with one base");
            else
                base = bases->kid[i];
        }
        bool dotted = is_kind(base, NODE_ATTRIBUTE);
        if (base == NULL || (!dotted && base->kind != NODE_NAME))
            bundle_refuse(r, def, "--bundle-config finds no PretrainedConfig among the bases of `%s`", def->atom);
        else if (is_root(base->atom))
            return;
        else if (dotted || r->chain.len >= CHAIN_MAX || !(def = find_class(unit, &home, base->atom)))
            bundle_refuse(r, base, "--bundle-config needs the source of the base class `%s`", base->atom);
    }
}

struct module *recipe_home(const struct recipe *r, const struct node *n) {
    for (uint32_t i = 0; i < r->home.len; i++)
        if (r->home.at[i]->source == n->source)
            return r->home.at[i];
    return r->module;
}

static struct node *own_method(const struct recipe *r, uint32_t link, const char *name, uint32_t nth) {
    const struct node *body = class_body(r->chain.at[link]);
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i]->kind == NODE_FUNCTION && atom_is(body->kid[i]->atom, name) && nth-- == 0)
            return method_def(r->unit, body->kid[i]);
    return NULL;
}

struct node *recipe_method(const struct recipe *r, atom name, uint32_t nth) {
    for (uint32_t link = 0; link < r->chain.len; link++)
        if (own_method(r, link, name, 0))
            return own_method(r, link, name, nth);
    return NULL;
}

struct node *recipe_class_value(const struct recipe *r, atom name) {
    for (uint32_t link = 0; link < r->chain.len; link++) {
        const struct node *body = class_body(r->chain.at[link]);
        for (uint32_t i = 0; i < body->nkids; i++)
            if (body->kid[i]->kind == NODE_ASSIGN && is_name(body->kid[i]->kid[1], name))
                return body->kid[i]->kid[0];
    }
    return NULL;
}

/* -- the call of the base ------------------------------------------------------------------------------------------ */

/* `super().<method>(...)`, as a statement or returned; NULL if the statement is another. */
static struct node *super_call(const struct node *s, const char *method) {
    struct node *call = s->kind == NODE_EXPR || s->kind == NODE_RETURN ? s->kid[0] : NULL;
    if (!is_kind(call, NODE_CALL) || call->kid[0]->kind != NODE_ATTRIBUTE || !atom_is(call->kid[0]->atom, method))
        return NULL;
    const struct node *object = call->kid[0]->kid[0];
    return object->kind == NODE_CALL && is_name(object->kid[0], "super") ? call : NULL;
}

static bool is_open(const struct node *arg) {
    return arg->kind == NODE_KEYWORD && arg->atom == NULL && is_name(arg->kid[0], "kwargs");
}

/* `super().__init__(**kwargs)` as a statement. */
static struct node *root_statement(struct recipe *r) {
    struct unit *u = r->unit;
    struct node *super = node_make(u->arena, NODE_CALL, NULL, 1, make_name(u->arena, intern(u->atoms, "super")));
    struct node *kwargs = node_make(u->arena, NODE_KEYWORD, NULL, 1, make_name(u->arena, intern(u->atoms, "kwargs")));
    r->root_call =
        node_make(u->arena, NODE_CALL, NULL, 2, make_attr(u->arena, super, intern(u->atoms, "__init__")), kwargs);
    return node_make(u->arena, NODE_EXPR, NULL, 1, r->root_call);
}

static void add_params(struct recipe *r, const struct node *fn) {
    const struct node *params = function_params(fn);
    bool open = false;
    for (uint32_t i = 1; i < params->nkids; i++) {
        const struct node *p = params->kid[i];
        if (p->op == PARAM_PLAIN)
            vec_push(r->unit->arena, &r->params, node_copy(r->unit->arena, p));
        else if (p->op == PARAM_KWARGS && is_kind(p, NODE_PARAM) && atom_is(p->atom, "kwargs"))
            open = true;
        else if (p->op != PARAM_STAR)
            bundle_refuse(r, fn, "--bundle-config understands parameters and `**kwargs`, and nothing else");
    }
    if (!open)
        bundle_refuse(r, fn, "--bundle-config needs a `**kwargs` for the fields that the model does not read");
}

/* -- a class with a constructor ------------------------------------------------------------------------------------ */

static void check_root_call(struct recipe *r) {
    bool open = false;
    for (uint32_t i = 1; i < r->root_call->nkids; i++) {
        const struct node *arg = r->root_call->kid[i];
        open |= is_open(arg);
        if (!is_open(arg) && (arg->kind != NODE_KEYWORD || arg->atom == NULL))
            bundle_refuse(r, arg, "--bundle-config understands `super().__init__` with keywords and `**kwargs`");
    }
    if (!open)
        bundle_refuse(r, r->root_call, "--bundle-config needs `**kwargs` to reach PretrainedConfig");
}

static void read_constructor(struct recipe *r, const struct node *init) {
    add_params(r, init);
    for (uint32_t i = 1; i < r->chain.len; i++)
        bundle_refuse(r, r->chain.at[i - 1],
            "--bundle-config does not follow a constructor into that of another configuration class");
    const struct node *body = function_body(init);
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = node_copy(r->unit->arena, body->kid[i]);
        node_add(r->unit->arena, r->body, s);
        struct node *call = super_call(s, "__init__");
        if (call && r->root_call)
            bundle_refuse(r, call, "--bundle-config understands one call of `super().__init__`");
        r->root_call = call ? call : r->root_call;
    }
    if (r->root_call)
        check_root_call(r);
    else
        bundle_refuse(r, init, "--bundle-config finds no call of `super().__init__`");
}

/* -- a class with fields ------------------------------------------------------------------------------------------- */

/* `field(default=x)`, `interval(min=0)(default=x)`: x. */
static struct node *default_of(struct node *value) {
    struct node *given = is_kind(value, NODE_CALL) ? call_argument(value, UINT32_MAX, "default") : NULL;
    return given ? given : value;
}

/* A field keeps the place that it has in the first class that declares it. */
static void add_field(struct recipe *r, struct map *slots, const struct node *s) {
    struct unit *u = r->unit;
    struct node *known = map_get(slots, s->kid[0]->atom);
    struct node *p = node_make(u->arena, NODE_PARAM, s->kid[0]->atom, 2, node_copy(u->arena, s->kid[1]),
        node_copy(u->arena, default_of(s->kid[2])));
    p->op = PARAM_PLAIN;
    p->source = s->source;
    p->span = s->span;
    if (known) {
        *known = *p;
        return;
    }
    map_put(u->arena, slots, p->atom, p);
    vec_push(u->arena, &r->params, p);
    struct node *target = make_attr(u->arena, make_name(u->arena, intern(u->atoms, "self")), p->atom);
    node_add(u->arena, r->body, node_make(u->arena, NODE_ASSIGN, NULL, 2, make_name(u->arena, p->atom), target));
}

static void read_fields(struct recipe *r) {
    struct map slots = {0};
    for (uint32_t link = r->chain.len; link-- > 0;) {
        const struct node *body = class_body(r->chain.at[link]);
        for (uint32_t i = 0; i < body->nkids; i++) {
            const struct node *s = body->kid[i];
            if (s->kind == NODE_ANNASSIGN && s->kid[0]->kind == NODE_NAME && !is_class_var(s->kid[1]))
                add_field(r, &slots, s); /* a value without an annotation is no default of a field */
        }
    }
}

static bool hands_kwargs_on(const struct node *call) {
    return call->nkids == 2 && is_open(call->kid[1]);
}

/* The statements of the nearest `__post_init__` from a class on; the call of the base's becomes what that does. */
static void add_post_init(struct recipe *r, uint32_t link) {
    struct unit *u = r->unit;
    const struct node *fn = NULL;
    while (link < r->chain.len && !(fn = own_method(r, link++, "__post_init__", 0)))
        continue;
    if (fn == NULL) {
        node_add(u->arena, r->body, root_statement(r));
        return;
    }
    add_params(r, fn);
    const struct node *body = function_body(fn);
    bool called = false;
    for (uint32_t i = 0; i < body->nkids; i++) {
        const struct node *call = super_call(body->kid[i], "__post_init__");
        if (call == NULL) {
            node_add(u->arena, r->body, node_copy(u->arena, body->kid[i]));
            continue;
        }
        if (called || !hands_kwargs_on(call))
            bundle_refuse(r, call, "--bundle-config understands one `super().__post_init__(**kwargs)`");
        called = true;
        add_post_init(r, link);
    }
    if (!called)
        bundle_refuse(r, fn, "--bundle-config finds no `super().__post_init__(**kwargs)` here");
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

void recipe_read(struct recipe *r) {
    r->body = node_new(r->unit->arena, NODE_BLOCK);
    read_chain(r);
    if (r->failed)
        return;
    const struct node *init = own_method(r, 0, "__init__", 0);
    if (init) {
        read_constructor(r, init);
        return;
    }
    for (uint32_t i = 1; i < r->chain.len; i++)
        if (own_method(r, i, "__init__", 0))
            bundle_refuse(r, r->chain.at[0],
                "--bundle-config does not follow a constructor into that of another configuration class");
    r->fields = true;
    read_fields(r);
    add_post_init(r, 0);
}
