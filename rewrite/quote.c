#include "rewrite/quote.h"

#include <string.h>

#include "parser/parse.h"

const struct node *quoted(struct unit *unit, const char *text) {
    struct unit *keeper = unit_keeper(unit);
    atom key = intern(unit->atoms, text);
    struct node *module = map_get(&keeper->templates, key);
    if (module)
        return module;
    struct source *source = source_from_text(keeper->arena, unit->atoms, unit->diags, "<template>", key, strlen(key));
    module = parse_module(keeper->parser, keeper->arena, unit->atoms, unit->diags, source);
    map_put(keeper->arena, &keeper->templates, key, module);
    return module;
}

static void fill(struct unit *unit, struct node **slot, const struct hole *holes) {
    struct node *n = *slot;
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME)
        for (const struct hole *h = holes; h->name; h++)
            if (atom_is(n->atom, h->name)) {
                *slot = node_copy(unit->arena, h->node);
                return;
            }
    for (uint32_t i = 0; i < n->nkids; i++)
        fill(unit, &n->kid[i], holes);
}

struct node *quote(struct unit *unit, const char *text, const struct hole *holes) {
    struct node *module = node_copy(unit->arena, quoted(unit, text));
    fill(unit, &module, holes);
    return module;
}
