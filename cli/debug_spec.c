/* debug_spec.c - `adgen debug-spec FILE CLASS`: the residual program, for development. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/cli.h"
#include "emit/python.h"
#include "parser/parse.h"
#include "emit/model.h"
#include "rewrite/facts.h"
#include "rewrite/layout.h"
#include "rewrite/tabulate.h"
#include "rewrite/tidy.h"
#include "rewrite/rules.h"
#include "rewrite/trace.h"
#include "rewrite/unit.h"

static void show(struct unit *unit, const char *title, struct fn *fn) {
    struct buf out = {0};
    for (uint32_t i = 0; i < fn->body->nkids; i++) {
        struct node *s = fn->body->kid[i];
        if (getenv("TYPES") && s->kind == NODE_ASSIGN && s->kid[0]->abs)
            buf_printf(&out, "# %s\n", abs_describe(unit, s->kid[0]->abs));
        print_python(&out, s);
    }
    printf("# %s%s(", title, fn->name);
    for (uint32_t i = 0; i < fn->params.len; i++)
        if (fn->params.at[i]->live) printf("%s%s: %s", i ? ", " : "", fn->params.at[i]->name,
            fn->params.at[i]->abs ? abs_describe(unit, fn->params.at[i]->abs) : "-");
    printf(") -> %s\n%s\n", fn->ret ? abs_describe(unit, fn->ret) : "-", out.at ? out.at : "");
    buf_free(&out);
}

int debug_spec_main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    struct arena *arena = arena_create();
    struct unit unit = {.arena = arena, .atoms = atoms_create(arena), .diags = diags_create(arena), .parser = parser_create()};
    struct trace trace = {0};
    unit.trace = &trace;
    unit.facts = facts_load(&unit, NULL);
    unit.rules = rules_load_embedded(arena, unit.atoms, unit.diags, unit.parser);
    struct source *source = unit.facts ? source_read(arena, unit.atoms, unit.diags, argv[1]) : NULL;
    unit.module = source ? module_load(&unit, source) : NULL;
    if (unit.module) {
        struct symbol *symbol = module_lookup(unit.module, intern(unit.atoms, argv[2]));
        unit.entry = symbol_class(&unit, unit.module, symbol);
        if (specialise(&unit) && !getenv("NOPRUNE"))
            apply_equations(&unit), prune(&unit), apply_equations(&unit), change_layout(&unit), tabulate(&unit), prune(&unit), tidy(&unit), assign_names(&unit), tidy_control_flow(&unit);
        if (getenv("EMIT")) {
            struct buf out = {0};
            unit.config_class = intern(unit.atoms, getenv("EMIT"));
            emit_model(&unit, &out);
            fputs(out.at, stdout);
            return 0;
        }
        for (uint32_t i = 0; i < trace.records.len; i++)
            printf("# trace %d %s %s: %s\n", trace.records.at[i].kind, trace.records.at[i].where, trace.records.at[i].id, trace.records.at[i].text ? trace.records.at[i].text : "");
        for (uint32_t i = 0; i < unit.classes.len; i++) {
            struct cls *cls = unit.classes.at[i];
            for (uint32_t k = 0; k < cls->methods.len; k++) {
                struct fn *fn = cls->methods.entry[k].value;
                if (fn->body && fn->live)
                    show(&unit, arena_printf(arena, "class %s: ", cls->name), fn);
            }
        }
        for (uint32_t i = 0; i < unit.module->symbols.len; i++) {
            struct symbol *s = unit.module->symbols.entry[i].value;
            if (s->fn && s->fn->body && s->fn->live)
                show(&unit, "", s->fn);
        }
        printf("rounds %u, arena %zu KB\n", unit.round, arena_used(arena) / 1024);
    }
    uint32_t n;
    struct diag **d = diags_sorted(unit.diags, &n);
    for (uint32_t i = 0; i < n; i++)
        diag_print(stderr, d[i], false);
    return n > 0;
}
