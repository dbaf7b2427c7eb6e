/* unit.h - what all unit tests include: cmocka, and one translation context. */
#ifndef ADGEN_TESTS_UNIT_H
#define ADGEN_TESTS_UNIT_H

/* cmocka needs these before its own header, in this order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "parser/parse.h"

struct world {
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct parser *parser;
};

static inline struct world world_create(void) {
    struct world w = {.arena = arena_create(), .parser = parser_create()};
    w.atoms = atoms_create(w.arena);
    w.diags = diags_create(w.arena);
    return w;
}

static inline void world_destroy(struct world *w) {
    parser_destroy(w->parser);
    arena_destroy(w->arena);
}

static inline struct source *source_of(struct world *w, const char *text) {
    return source_from_text(w->arena, w->atoms, w->diags, "test.py", text, strlen(text));
}

/* The module of a text that must be right. */
static inline struct node *parsed(struct world *w, const char *text) {
    struct source *source = source_of(w, text);
    struct node *module = source == NULL ? NULL : parse_module(w->parser, w->arena, w->atoms, w->diags, source);
    uint32_t count;
    struct diag **list = diags_sorted(w->diags, &count);
    for (uint32_t i = 0; i < count; i++)
        diag_print(stderr, list[i], false);
    assert_non_null(module);
    return module;
}

#endif
