/* elaborate.c - a pass says in Python what it means; the specialiser makes webs, abstract values and attributes of it.
 */
#include "rewrite/elaborate.h"

#include <string.h>

#include "parser/parse.h"
#include "rewrite/spec.h"

static void forget_places(struct node *n) {
    if (n == NULL)
        return;
    n->source = NULL;
    n->span = (struct span){0, 0};
    for (uint32_t i = 0; i < n->nkids; i++)
        forget_places(n->kid[i]);
}

struct node *parse_made(struct unit *unit, const char *what, const char *text) {
    struct source *source = source_from_text(unit->arena, unit->atoms, unit->diags, what, text, strlen(text));
    struct node *module = source ? parse_module(unit->parser, unit->arena, unit->atoms, unit->diags, source) : NULL;
    forget_places(module);
    return module;
}

struct node *elaborate(struct unit *unit, struct fn *fn, const struct map *names, const char *text) {
    struct node *module = parse_made(unit, "<made>", text);
    struct frame f = {.unit = unit, .fn = fn, .host = fn};
    struct param *self = fn->params.at[0];
    f.out = node_new(unit->arena, NODE_BLOCK);
    env_set(&f, self->name, (struct val){.abs = self->abs, .web = self->web});
    for (uint32_t i = 0; i < names->len; i++)
        env_set(&f, names->entry[i].key, *(const struct val *)names->entry[i].value);
    if (module)
        run_block(&f, module, 0);
    return f.out;
}

struct cls *define_class(struct unit *unit, struct module *module, const char *text) {
    struct node *made = parse_made(unit, "<made>", text);
    if (made == NULL || made->nkids != 1 || made->kid[0]->kind != NODE_CLASS)
        return NULL;
    struct symbol *symbol = NEW(unit->arena, struct symbol);
    *symbol = (struct symbol){.kind = SYM_CLASS, .name = made->kid[0]->atom, .def = made->kid[0], .stmt = made->kid[0]};
    map_put(unit->arena, &module->symbols, symbol->name, symbol);
    return symbol_class(unit, module, symbol);
}
