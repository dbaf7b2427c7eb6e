/* dump.c - residual functions as definitions, without the emitter's care for what makes a file. */
#include "emit/dump.h"

#include "emit/python.h"

struct dump {
    struct unit *unit;
    struct node *module; /* made for printing: it borrows bodies */
    bool pruned;         /* liveness is known */
};

static bool shown(const struct dump *d, const struct fn *fn) {
    return fn->body && fn->round == d->unit->round && (fn->live || !d->pruned);
}

static struct node *params_of(const struct dump *d, const struct fn *fn) {
    struct node *params = node_new(d->unit->arena, NODE_PARAMS);
    for (uint32_t i = 0; i < fn->params.len; i++) {
        const struct param *p = fn->params.at[i];
        if (d->pruned && !p->live)
            continue;
        struct node *n = node_make(d->unit->arena, NODE_PARAM, p->name, 2, (struct node *)NULL, p->dflt);
        n->op = p->role;
        node_add(d->unit->arena, params, n);
    }
    return params;
}

static struct node *definition(const struct dump *d, const struct fn *fn) {
    struct arena *arena = d->unit->arena;
    struct node *body = fn->body;
    if (body->nkids == 0)
        body = node_make(arena, NODE_BLOCK, NULL, 1, node_new(arena, NODE_PASS));
    struct node *def = node_make(arena, NODE_FUNCTION, fn->name, 3, params_of(d, fn), (struct node *)NULL, body);
    def->flags |= NF_BLANK;
    return def;
}

static struct node *bases_of(const struct dump *d, const struct cls *cls) {
    struct arena *arena = d->unit->arena;
    struct node *bases = node_new(arena, NODE_BASES);
    for (uint32_t i = 0; i < cls->bases.len; i++)
        node_add(arena, bases, make_name(arena, cls->bases.at[i]->name));
    for (uint32_t i = 0; i < cls->library_bases.len; i++)
        node_add(arena, bases, make_name(arena, cls->library_bases.at[i]));
    return bases;
}

static void add_class(struct dump *d, struct cls *cls) {
    struct arena *arena = d->unit->arena;
    struct node *body = node_new(arena, NODE_BLOCK);
    for (uint32_t i = 0; i < cls->methods.len; i++)
        if (shown(d, cls->methods.entry[i].value))
            node_add(arena, body, definition(d, cls->methods.entry[i].value));
    if (body->nkids > 0)
        node_add(arena, d->module, node_make(arena, NODE_CLASS, cls->name, 2, bases_of(d, cls), body));
}

static bool any_live(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live)
            return true;
    return false;
}

void dump_program(struct unit *unit, struct buf *out) {
    if (unit->round == 0) {
        print_python(out, unit->module->tree);
        return;
    }
    struct dump d = {.unit = unit, .module = node_new(unit->arena, NODE_MODULE), .pruned = any_live(unit)};
    for (uint32_t i = 0; i < unit->classes.len; i++)
        add_class(&d, unit->classes.at[i]);
    for (uint32_t i = 0; i < unit->module->symbols.len; i++) {
        const struct symbol *symbol = unit->module->symbols.entry[i].value;
        if (symbol->fn && shown(&d, symbol->fn))
            node_add(unit->arena, d.module, definition(&d, symbol->fn));
    }
    print_python(out, d.module);
}
