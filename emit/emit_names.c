/* emit_names.c - which names the emitted code reads, and which it defines.
 *
 * Reads the tree that is about to be printed. A variable of a function has a web and is no matter of this file; all
 * other names are looked up in the module, or bound by a comprehension, a lambda or a definition around them. Which
 * scope binds a name is not told apart: a name that nothing binds is an error in any. */
#include "emit/emit.h"

static void bind(struct emitter *e, atom name) {
    if (name)
        map_put(e->unit->arena, &e->bound, name, e);
}

static void bind_name(void *emitter, const struct node *name) {
    bind(emitter, name->atom);
}

static void bind_target(struct emitter *e, const struct node *target) {
    targets_visit(target, bind_name, e);
}

static void bind_here(struct emitter *e, const struct node *n) {
    switch (n->kind) {
    case NODE_FUNCTION:
    case NODE_CLASS:
    case NODE_PARAM:
    case NODE_HANDLER: bind(e, n->atom); break;
    case NODE_ALIAS: bind(e, n->asname ? n->asname : n->atom); break;
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < n->nkids; i++)
            bind_target(e, n->kid[i]);
        break;
    case NODE_ANNASSIGN:
    case NODE_AUGASSIGN:
    case NODE_FOR:
    case NODE_COMPREHENSION:
    case NODE_NAMEDEXPR: bind_target(e, n->kid[0]); break;
    case NODE_WITHITEM: bind_target(e, n->nkids > 1 ? n->kid[1] : NULL); break;
    default: break;
    }
}

void collect_names(struct emitter *e, const struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME && n->web == NULL && !map_has(&e->names, n->atom))
        map_put(e->unit->arena, &e->names, n->atom, (void *)n);
    bind_here(e, n);
    for (uint32_t i = 0; i < n->nkids; i++)
        collect_names(e, n->kid[i]);
}
