/* emit_names.c - which names the emitted code reads, and which it defines.
 *
 * Reads the tree that is about to be printed. A variable of a function has a web and is no matter of this file; all
 * other names are looked up in the module, or bound by a comprehension, a lambda or a definition around them. Which
 * scope binds a name is not told apart: a name that nothing binds is an error in any. */
#include "emit/emit.h"
#include "emit/scope.h"

static void bind(void *emitter, atom name) {
    struct emitter *e = emitter;
    map_put(e->unit->arena, &e->bound, name, e);
}

void collect_names(struct emitter *e, const struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME && n->web == NULL && !map_has(&e->names, n->atom))
        map_put(e->unit->arena, &e->names, n->atom, (void *)n);
    binds_visit(n, bind, e);
    for (uint32_t i = 0; i < n->nkids; i++)
        collect_names(e, n->kid[i]);
}
