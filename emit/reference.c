/* reference.c - see reference.h.
 *
 * Reads the text of the source anew, since the trees of a translation are specialised, and that of the files beside it.
 * A statement at module level is copied if it binds a name that something copied reads, or changes what such a name
 * stands for. So classes are there as a whole, and others not at all. What is left out of them does not compute
 * anything: docstrings, and decorators that are about those. */
#include "emit/reference.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/scope.h"
#include "parser/parse.h"
#include "rewrite/config.h"

/* One file that is copied from. */
struct origin {
    struct module *module;
    struct node *tree;
    struct map *binds;           /* for each statement, the names that it binds */
    bool *taken;                 /* for each statement */
    struct map wanted;           /* names */
    VEC(struct origin *) before; /* files whose definitions it reads */
    bool printed;
};

/* What a name stands for. */
struct definition {
    const struct origin *origin;
    const struct node *stmt; /* NULL: imported */
    atom qual;               /* imported: from where */
};

struct copier {
    struct unit *unit;
    struct reference *reference;
    VEC(struct origin *) origins;
    struct map defined; /* name -> struct definition, the first */
    bool failed;
};

static void want(struct copier *c, struct origin *o, atom name);

/* -- what cannot be copied ----------------------------------------------------------------------------------------- */

static void warn(struct unit *unit, const struct node *at, struct source *source, const char *why) {
    struct diag *diag = diag_at(unit->diags, SEVERITY_WARNING, source, at ? at->span : unit->entry->def->span, "tests",
        "the reference cannot be copied into the tests: %s", why);
    diag_help(
        unit->diags, diag, "they import it from `%s`, and are skipped where that is not found", unit->module->name);
}

static void fail(struct copier *c, const struct origin *o, const struct node *at, const char *why) {
    if (!c->failed)
        warn(c->unit, at, o->module->source, why);
    c->failed = true;
}

/* A name means one thing in all files; in one, it may change. */
static void define(struct copier *c, const struct origin *o, atom name, const struct node *stmt, atom qual) {
    struct arena *arena = c->unit->arena;
    const struct definition *known = map_get(&c->defined, name);
    if (known == NULL) {
        struct definition *own = NEW(arena, struct definition);
        *own = (struct definition){o, qual ? NULL : stmt, qual};
        map_put(arena, &c->defined, name, own);
        return;
    }
    bool same = qual ? known->qual == qual : known->stmt && node_equal(known->stmt, stmt);
    if (known->origin != o && !same)
        fail(c, o, stmt,
            arena_printf(arena, "`%s` of %s is something else", name, path_base(known->origin->module->source->path)));
}

/* Whether the same statement is copied from another file. */
static bool is_repeated(const struct copier *c, const struct origin *o, uint32_t index) {
    const struct map *binds = &o->binds[index];
    const struct definition *first = binds->len ? map_get(&c->defined, binds->entry[0].key) : NULL;
    return first && first->origin != o;
}

/* -- files --------------------------------------------------------------------------------------------------------- */

static struct origin *origin_of(struct copier *c, struct module *module) {
    struct unit *u = c->unit;
    for (uint32_t i = 0; i < c->origins.len; i++)
        if (c->origins.at[i]->module == module)
            return c->origins.at[i];
    struct origin *o = NEW(u->arena, struct origin);
    o->module = module;
    o->tree = parse_module(u->parser, u->arena, u->atoms, u->diags, module->source);
    if (o->tree == NULL) /* said, and not by us: it was read before */
        o->tree = node_new(u->arena, NODE_MODULE);
    o->binds = NEW_ARRAY(u->arena, struct map, o->tree->nkids + 1);
    o->taken = NEW_ARRAY(u->arena, bool, o->tree->nkids + 1);
    for (uint32_t i = 0; i < o->tree->nkids; i++)
        scope_binds(u->arena, u->atoms, o->tree->kid[i], &o->binds[i]);
    vec_push(u->arena, &c->origins, o);
    return o;
}

static bool is_of_library(const char *qual) {
    return starts_with(qual, "transformers.");
}

/* The file beside a file from which it imports `qual`; NULL: it is of a library. */
static struct module *beside(struct copier *c, const struct origin *o, atom qual) {
    const char *path = is_of_library(qual) ? NULL : import_path(c->unit, o->module, qual);
    if (path == NULL)
        return NULL;
    bool is_source = file_same(path, c->unit->module->source->path);
    return is_source ? c->unit->module : module_read(c->unit, path);
}

static void want_from(struct copier *c, struct origin *o, struct module *module, atom name) {
    struct origin *from = origin_of(c, module);
    if (from != o)
        vec_push(c->unit->arena, &o->before, from);
    want(c, from, name);
}

/* -- imports ------------------------------------------------------------------------------------------------------- */

/* What every place has that such tests run in. */
static bool is_there(const char *module) {
    static const char *const libraries[] = {
        "torch", "transformers", "numpy", "huggingface_hub", "packaging", "typing_extensions"};
    size_t len = strcspn(module, ".");
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++)
        if (strlen(libraries[i]) == len && strncmp(module, libraries[i], len) == 0)
            return true;
    return import_is_standard(module);
}

/* Without a library that is not there the tests are skipped. */
static void import_library(struct copier *c, atom module, atom name, atom asname) {
    struct emitter verbatim = {.unit = c->unit, .prefix = ""};
    atom bound = asname ? asname : name ? name : intern_len(c->unit->atoms, module, strcspn(module, "."));
    if (is_there(module))
        import_add(c->unit, &c->reference->imports, module, name, asname);
    else
        append_python(&verbatim, c->reference->definitions, "%s = pytest.importorskip(\"%s\")%s%s\n", bound,
            name || asname ? module : bound, name ? "." : "", name ? name : "");
}

static void import_from(struct copier *c, struct origin *o, const struct node *stmt, const struct node *alias) {
    struct unit *u = c->unit;
    atom base = import_base(u, o->module, stmt), qual = intern_dotted(u->atoms, base, alias->atom);
    struct module *module = beside(c, o, qual);
    bool renamed = alias->asname && alias->asname != alias->atom;
    if (module && !renamed) {
        want_from(c, o, module, alias->atom);
    } else if (module || (stmt->level > 0 && !is_of_library(qual))) {
        fail(c, o, stmt,
            module ? "a name of a file beside it is imported under another one"
                   : "the file beside it that this is imported from is not found");
    } else {
        define(c, o, renamed ? alias->asname : alias->atom, stmt, qual);
        import_library(c, base, alias->atom, renamed ? alias->asname : NULL);
    }
}

static void import_module(struct copier *c, struct origin *o, const struct node *stmt, const struct node *alias) {
    struct unit *u = c->unit;
    atom root = intern_len(u->atoms, alias->atom, strcspn(alias->atom, "."));
    if (beside(c, o, intern_dotted(u->atoms, alias->atom, "*"))) {
        fail(c, o, stmt, "a file beside it is imported as a module");
        return;
    }
    bool torch = alias->asname == NULL && atom_is(root, "torch"); /* it loads what it holds */
    define(c, o, alias->asname ? alias->asname : root, stmt, alias->asname ? alias->atom : root);
    import_library(c, torch ? root : alias->atom, NULL, alias->asname);
}

/* Imports in branches and functions stay where they are, by absolute names; of the files beside, there are none. */
static void settle_import(struct copier *c, struct origin *o, struct node *stmt) {
    atom base = import_base(c->unit, o->module, stmt), qual = intern_dotted(c->unit->atoms, base, stmt->kid[0]->atom);
    bool local = beside(c, o, qual) || (stmt->level > 0 && !is_of_library(qual));
    for (uint32_t i = 0; i < stmt->nkids && local; i++)
        import_from(c, o, stmt, stmt->kid[i]);
    stmt->atom = base;
    stmt->level = 0;
    if (local)
        *stmt = (struct node){.kind = NODE_PASS};
}

static void settle_imports(struct copier *c, struct origin *o, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *n = block->kid[i];
        if (is_kind(n, NODE_IMPORTFROM))
            settle_import(c, o, n);
        else if (n && !node_is_expr(n))
            settle_imports(c, o, n);
    }
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

/* Decorators and first strings that only document. */
static bool documents(const struct node *decorator) {
    const struct node *callee = decorator->kind == NODE_CALL ? decorator->kid[0] : decorator;
    return callee->kind == NODE_NAME && strstr(callee->atom, "docstring") != NULL;
}

static void drop_documentation(struct unit *u, struct node *n) {
    if (n == NULL || node_is_expr(n))
        return;
    for (uint32_t i = 0; i < n->nkids; i++)
        drop_documentation(u, n->kid[i]);
    if (n->kind != NODE_CLASS && n->kind != NODE_FUNCTION)
        return;
    uint32_t first = n->kind == NODE_CLASS ? 2 : 3;
    for (uint32_t i = n->nkids; i-- > first;)
        if (documents(n->kid[i]))
            node_remove(n, i);
    struct node *body = n->kid[first - 1];
    if (is_bare_string(body->kid[0]))
        node_remove(body, 0);
    if (body->nkids == 0)
        node_add(u->arena, body, node_new(u->arena, NODE_PASS));
}

static void take(struct copier *c, struct origin *o, uint32_t index) {
    struct unit *u = c->unit;
    struct node *stmt = o->tree->kid[index];
    struct map reads = {0};
    if (o->taken[index])
        return;
    o->taken[index] = true;
    settle_imports(c, o, stmt);
    drop_documentation(u, stmt);
    for (uint32_t i = 0; i < o->binds[index].len; i++)
        define(c, o, o->binds[index].entry[i].key, stmt, NULL);
    scope_reads(u->arena, u->atoms, stmt, &reads);
    for (uint32_t i = 0; i < reads.len; i++)
        want(c, o, reads.entry[i].key);
}

static void take_import(struct copier *c, struct origin *o, const struct node *stmt, atom name) {
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        const struct node *alias = stmt->kid[i];
        const char *bound = alias->asname ? alias->asname : alias->atom;
        size_t len = alias->asname ? strlen(bound) : strcspn(bound, ".");
        if (strlen(name) != len || strncmp(bound, name, len) != 0)
            continue;
        if (stmt->kind == NODE_IMPORT)
            import_module(c, o, stmt, alias);
        else
            import_from(c, o, stmt, alias);
    }
}

/* All that binds the name, in this file or, behind an import, in another. */
static void want(struct copier *c, struct origin *o, atom name) {
    if (map_has(&o->wanted, name))
        return;
    map_put(c->unit->arena, &o->wanted, name, o);
    for (uint32_t i = 0; i < o->tree->nkids; i++) {
        const struct node *stmt = o->tree->kid[i];
        if (!map_has(&o->binds[i], name))
            continue;
        if (stmt->kind == NODE_IMPORT || stmt->kind == NODE_IMPORTFROM)
            take_import(c, o, stmt, name);
        else
            take(c, o, i);
    }
}

/* -- statements that change things --------------------------------------------------------------------------------- */

/* The variable of an attribute, an element, or a method that is called. */
static const struct node *root_of(const struct node *n) {
    while (n->kind == NODE_ATTRIBUTE || n->kind == NODE_SUBSCRIPT || n->kind == NODE_CALL)
        n = n->kid[0];
    return n;
}

/* Whether a statement at module level, or one below it, changes what a copied name of this file stands for. */
static bool changes_copied(const struct copier *c, const struct origin *o, const struct node *n) {
    if (n->kind == NODE_FUNCTION || n->kind == NODE_CLASS || node_is_expr(n))
        return false;
    const struct node *object = NULL;
    if (n->kind == NODE_ASSIGN)
        object = n->nkids > 1 && n->kid[1]->kind != NODE_NAME ? n->kid[1] : NULL;
    else if (n->kind == NODE_EXPR && is_kind(n->kid[0], NODE_CALL))
        object = is_name(n->kid[0]->kid[0], "setattr") && n->kid[0]->nkids > 1 ? n->kid[0]->kid[1] : n->kid[0]->kid[0];
    const struct node *root = object ? root_of(object) : NULL;
    const struct definition *defined =
        is_kind(root, NODE_NAME) && map_has(&o->wanted, root->atom) ? map_get(&c->defined, root->atom) : NULL;
    if (defined && defined->stmt)
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && changes_copied(c, o, n->kid[i]))
            return true;
    return false;
}

/* if __name__ == "__main__": */
static bool is_script(const struct node *stmt) {
    return stmt->kind == NODE_IF && stmt->kid[0]->kind == NODE_COMPARE && is_name(stmt->kid[0]->kid[0], "__name__");
}

static bool take_changes(struct copier *c) {
    bool any = false;
    for (uint32_t i = 0; i < c->origins.len; i++) {
        struct origin *o = c->origins.at[i];
        for (uint32_t k = 0; k < o->tree->nkids; k++)
            if (!o->taken[k] && !is_script(o->tree->kid[k]) && changes_copied(c, o, o->tree->kid[k])) {
                take(c, o, k);
                any = true;
            }
    }
    return any;
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static void gather(struct copier *c, struct origin *o) {
    struct unit *u = c->unit;
    struct node *definitions = c->reference->definitions;
    if (o->printed)
        return;
    o->printed = true;
    for (uint32_t i = 0; i < o->before.len; i++)
        gather(c, o->before.at[i]);
    uint32_t before = definitions->nkids;
    for (uint32_t i = 0; i < o->tree->nkids; i++)
        if (o->taken[i] && !is_repeated(c, o, i))
            node_add(u->arena, definitions, o->tree->kid[i]);
    if (definitions->nkids == before)
        return;
    for (uint32_t i = 0; i < o->tree->nkids; i++) {
        const struct node *stmt = o->tree->kid[i];
        if (stmt->kind == NODE_IMPORTFROM && stmt->atom && atom_is(stmt->atom, "__future__"))
            import_add(u, &c->reference->imports, stmt->atom, stmt->kid[0]->atom, NULL);
    }
    const char *file = path_base(o->module->source->path), *others = c->reference->files;
    c->reference->files = others ? arena_printf(u->arena, "%s and %s", file, others) : file;
}

bool reference_is_installed(const struct unit *unit) {
    const char *package = unit->module->package;
    return package && strchr(package, '.') != NULL;
}

bool reference_copy(struct unit *unit, struct reference *reference) {
    *reference = (struct reference){.definitions = node_new(unit->arena, NODE_MODULE)};
    struct copier c = {.unit = unit, .reference = reference};
    struct origin *source = origin_of(&c, unit->module);
    struct module *config = unit->config->module;
    want(&c, source, unit->entry->name);
    if (is_of_library(config->name))
        import_add(unit, &reference->imports, config->name, unit->config_class, NULL);
    else
        want_from(&c, source, config, unit->config_class);
    while (take_changes(&c)) {
    }
    gather(&c, source);
    return !c.failed;
}

/* -- together with the tests --------------------------------------------------------------------------------------- */

/* How many statements bind the name; `import a.b` and `import a` are one. */
static uint32_t count_binds(struct unit *unit, const struct node *module, atom name, bool *as_root) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < module->nkids; i++) {
        struct map names = {0};
        scope_binds(unit->arena, unit->atoms, module->kid[i], &names);
        bool root = module->kid[i]->kind == NODE_IMPORT && module->kid[i]->kid[0]->asname == NULL;
        if (map_has(&names, name) && root)
            *as_root = true;
        else
            count += map_has(&names, name);
    }
    return count;
}

bool reference_stands_in(struct unit *unit, const struct reference *reference, const struct node *tests) {
    struct map names = {0};
    for (uint32_t i = 0; i < reference->definitions->nkids; i++)
        scope_binds(unit->arena, unit->atoms, reference->definitions->kid[i], &names);
    for (uint32_t i = 0; i < tests->nkids; i++)
        if (tests->kid[i]->kind == NODE_IMPORT || tests->kid[i]->kind == NODE_IMPORTFROM)
            scope_binds(unit->arena, unit->atoms, tests->kid[i], &names);
    for (uint32_t i = 0; i < names.len; i++) {
        atom name = names.entry[i].key;
        bool module = false, own_module = false;
        uint32_t own = count_binds(unit, reference->definitions, name, &own_module);
        uint32_t all = count_binds(unit, tests, name, &module);
        if (all <= (own > 1 ? own : 1) && (!module || all == 0))
            continue;
        warn(unit, NULL, unit->module->source, arena_printf(unit->arena, "the tests have a `%s` of their own", name));
        return false;
    }
    return true;
}
