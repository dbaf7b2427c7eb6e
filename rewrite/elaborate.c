/* elaborate.c - a pass says in Python what it means; the specialiser makes webs, abstract values and attributes of it.
 */
#include "rewrite/elaborate.h"

#include "rewrite/quote.h"
#include "rewrite/spec.h"

static void forget_places(struct node *n) {
    if (n == NULL)
        return;
    n->source = NULL;
    n->span = (struct span){0, 0};
    for (uint32_t i = 0; i < n->nkids; i++)
        forget_places(n->kid[i]);
}

/* A copy of the statements of a text, whose nodes have no place. */
static struct node *placeless(struct unit *unit, const char *text) {
    struct node *module = node_copy(unit->arena, quoted(unit, text));
    forget_places(module);
    return module;
}

struct node *elaborate(struct unit *unit, struct fn *fn, const struct map *names, const char *text) {
    struct node *module = placeless(unit, text);
    struct frame f = {.unit = unit, .fn = fn, .host = fn};
    struct param *self = fn->params.at[0];
    f.out = node_new(unit->arena, NODE_BLOCK);
    env_set(&f, self->name, (struct val){.abs = self->abs, .web = self->web});
    for (uint32_t i = 0; i < names->len; i++)
        env_set(&f, names->entry[i].key, *(const struct val *)names->entry[i].value);
    run_block(&f, module, 0);
    return f.out;
}

void bind_expr(struct unit *unit, struct map *names, const char *name, struct node *expr) {
    struct val *v = NEW(unit->arena, struct val);
    const struct absval *known = expr->abs ? expr->abs : expr->web ? expr->web->abs : NULL;
    *v = (struct val){.abs = known ? known : abs_simple(ABS_NOTNONE), .expr = expr};
    map_put(unit->arena, names, intern(unit->atoms, name), v);
}

struct cls *define_class(struct unit *unit, struct module *module, atom name, const char *text) {
    struct node *def = placeless(unit, text)->kid[0];
    struct symbol *symbol = NEW(unit->arena, struct symbol);
    def->atom = name;
    *symbol = (struct symbol){.kind = SYM_CLASS, .name = name, .def = def, .stmt = def};
    map_put(unit->arena, &module->symbols, name, symbol);
    return symbol_class(unit, module, symbol);
}
