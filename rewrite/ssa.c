/* ssa.c - helpers for SSA variables. */
#include "rewrite/ssa.h"

struct node *make_web_name(struct arena *arena, struct web *web) {
    struct node *name = make_name(arena, web->name);
    name->web = web;
    name->abs = web->abs;
    return name;
}

atom web_key(struct atoms *atoms, const struct web *w) {
    return intern_printf(atoms, "%p", (const void *)w);
}
