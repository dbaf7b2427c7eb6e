/* run_names.c - what names of modules and imports stand for.
 *
 * A name is followed through imports to the file that defines it, as far as there is one in the package; a name that
 * lies outside is itself (D_LIBRARY). A value of a module is computed when it is first asked for. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "parser/package.h"
#include "rewrite/run_internal.h"

enum { IMPORTS_MAX = 16 }; /* files that hand on an imported name */

static struct datum *library(struct run *run, atom qual) {
    struct datum *d = datum_list(run, D_LIBRARY);
    d->text = qual;
    return d;
}

struct datum *library_name(struct run *run, atom qual) {
    static const char *const aliases[][2] = {{"torch.float", "torch.float32"}, {"torch.half", "torch.float16"},
        {"torch.double", "torch.float64"}, {"torch.long", "torch.int64"}, {"torch.int", "torch.int32"}};
    static const struct {
        const char *name;
        double value;
    } numbers[] = {{"math.pi", 3.141592653589793}, {"math.e", 2.718281828459045}, {"math.inf", HUGE_VAL}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        if (atom_is(qual, numbers[i].name))
            return datum_float(run, numbers[i].value);
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (atom_is(qual, aliases[i][0]))
            return library(run, intern(run->unit->atoms, aliases[i][1]));
    return is_module_class(qual) ? datum_class(run, library_class(run, qual)) : library(run, qual);
}

static bool is_module_name(struct run *run, atom qual) {
    const char *roots[] = {run->unit->package.root, run->unit->library};
    for (size_t i = 0; i < 2; i++)
        if (roots[i] && package_module_path(run->arena, roots[i], qual))
            return true;
    return false;
}

static struct datum *follow(struct run *run, const struct module *module, atom qual, uint32_t depth) {
    const char *path = depth < IMPORTS_MAX && !is_module_class(qual) ? import_path(run->unit, module, qual) : NULL;
    struct module *from = path ? module_read(run->unit, path) : NULL;
    if (from == NULL)
        return library_name(run, qual);
    const char *dot = strrchr(qual, '.');
    struct symbol *symbol = module_lookup(from, intern(run->unit->atoms, dot + 1));
    const struct registry *registry = run->unit->registry;
    path = symbol == NULL && registry ? registry_config_path(registry, run->arena, dot + 1) : NULL;
    if (path && module_read(run->unit, path)) { /* its folder hands it on */
        from = module_read(run->unit, path);
        symbol = module_lookup(from, intern(run->unit->atoms, dot + 1));
    }
    if (symbol == NULL)
        return is_module_name(run, qual) ? library(run, qual)
                                         : unknown(run, NULL, "`%s` is not found in %s", dot + 1, from->source->path);
    if (symbol->kind == SYM_IMPORT && symbol->qual != qual)
        return follow(run, from, symbol->qual, depth + 1);
    return module_value(run, from, symbol->name);
}

struct datum *imported(struct run *run, const struct module *module, atom qual) {
    if (run->forward && qual_ends(qual, "ModelOutput")) /* to forward passes a dataclass like any other */
        return library(run, qual);
    return follow(run, module, qual, 0);
}

/* -- values of a module -------------------------------------------------------------------------------------------- */

static struct datum *symbol_value(struct run *run, struct module *module, struct symbol *symbol);

/* What fails here only matters to those who need the value. */
static struct datum *computed(struct run *run, struct module *module, struct symbol *symbol) {
    struct scope scope = {.module = module};
    symbol->datum = symbol->previous ? symbol_value(run, module, symbol->previous) /* as it reads its own name */
                                     : unknown(run, symbol->def, "`%s` is defined by itself", symbol->name);
    struct datum *value = evaluate(run, &scope, symbol->def);
    if (value)
        return value;
    run->stop = RUN_ON;
    return unknown(run, run->at, "%s", run->why);
}

static struct datum *function_of(struct run *run, struct module *module, struct symbol *symbol) {
    struct datum *d = datum_list(run, D_FUNCTION);
    d->function = NEW(run->arena, struct closure);
    *d->function = (struct closure){.def = symbol_def(run->unit, symbol), .module = module};
    return d;
}

static struct datum *class_value(struct run *run, struct module *module, struct symbol *symbol) {
    struct datum *d = symbol->datum = datum_list(run, D_CLASS);
    d->class = class_of_symbol(run, module, symbol);
    init_subclass(run, d);
    return d;
}

/* `name[...] = ...`, or a call of a method that changes it. */
static bool changes(const struct node *s, atom name) {
    const struct node *n = s->kind == NODE_ASSIGN ? s->kid[1] : NULL;
    if (is_kind(n, NODE_SUBSCRIPT) && n->kid[0]->kind == NODE_NAME && n->kid[0]->atom == name)
        return true;
    n = s->kind == NODE_EXPR && s->kid[0]->kind == NODE_CALL ? s->kid[0]->kid[0] : NULL;
    return is_kind(n, NODE_ATTRIBUTE) && n->kid[0]->kind == NODE_NAME && n->kid[0]->atom == name &&
           mutates_list(n->atom);
}

/* What the module's statements make of a value after it was computed. */
static struct datum *changed(struct run *run, struct module *module, struct symbol *symbol, struct datum *value) {
    struct scope scope = {.module = module};
    symbol->datum = value;
    for (uint32_t i = symbol->order; i < module->body->nkids; i++) {
        struct node *s = module->body->kid[i];
        if (!changes(s, symbol->name))
            continue;
        struct node *block = node_make(run->arena, NODE_BLOCK, NULL, 1, s);
        if (execute(run, &scope, block) != FLOW_NEXT) {
            run->stop = RUN_ON;
            return unknown(run, s, "`%s` is changed in a way that is not followed", symbol->name);
        }
    }
    return value;
}

static struct datum *symbol_value(struct run *run, struct module *module, struct symbol *symbol) {
    if (symbol->datum)
        return symbol->datum;
    struct datum *d = NULL;
    if (symbol->unsure)
        d = unknown(run, symbol->stmt, "`%s` is defined under a condition", symbol->name);
    else if (symbol->kind == SYM_CLASS)
        d = class_value(run, module, symbol);
    else if (symbol->kind == SYM_FUNCTION)
        d = function_of(run, module, symbol);
    else if (symbol->kind == SYM_VALUE)
        d = changed(run, module, symbol, computed(run, module, symbol));
    else
        d = imported(run, module, symbol->qual);
    return symbol->datum = d;
}

struct datum *module_value(struct run *run, struct module *module, atom name) {
    struct symbol *symbol = module_lookup(module, name);
    if (symbol)
        return symbol_value(run, module, symbol);
    return is_builtin(name) ? library(run, name) : NULL;
}
