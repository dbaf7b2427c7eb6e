/* emit_imports.c - the import block: exactly the names that the code uses, sorted as ruff's isort sorts them. */
#include <stdlib.h>
#include <string.h>

#include "emit/emit.h"

void need_import(struct emitter *e, const char *module, const char *name) {
    struct unit *u = e->unit;
    atom key = intern_printf(u->atoms, "%s:%s", module, name);
    map_put(u->arena, &e->dynamic, key, (void *)intern(u->atoms, module));
}

void import_add(struct unit *u, struct imports *imports, atom module, atom name, atom asname) {
    for (uint32_t i = 0; i < imports->list.len; i++) {
        const struct import *known = &imports->list.at[i];
        bool same_name = name && known->name == name && known->asname == asname; /* where it is from, it is the same */
        if (same_name || (known->module == module && known->name == name))
            return;
    }
    struct import import = {module, name, asname};
    vec_push(u->arena, &imports->list, import);
}

/* An imported name of the source file that the output uses. */
static void add_symbol(struct emitter *e, struct imports *imports, const struct symbol *symbol) {
    struct unit *u = e->unit;
    const char *dot = strrchr(symbol->qual, '.');
    bool from = symbol->stmt->kind == NODE_IMPORTFROM;
    if (!from) {
        bool torch = symbol->def->asname == NULL && atom_is(symbol->qual, "torch"); /* it loads what it holds */
        import_add(u, imports, torch ? symbol->qual : symbol->def->atom, NULL, symbol->def->asname);
        return;
    }
    atom module = intern_len(u->atoms, symbol->qual, dot ? (size_t)(dot - symbol->qual) : 0);
    atom name = intern(u->atoms, dot ? dot + 1 : symbol->qual);
    import_add(u, imports, module, name, symbol->name == name ? NULL : symbol->name);
}

bool import_is_standard(const char *module) {
    static const char *const standard[] = {"abc", "collections", "contextlib", "copy", "dataclasses", "enum",
        "functools", "inspect", "itertools", "json", "math", "numbers", "operator", "os", "re", "sys", "typing",
        "warnings"};
    size_t len = strcspn(module, ".");
    for (size_t i = 0; i < sizeof standard / sizeof standard[0]; i++)
        if (strlen(standard[i]) == len && strncmp(standard[i], module, len) == 0)
            return true;
    return false;
}

static int section_of(const char *module) {
    if (strcmp(module, "__future__") == 0)
        return -1;
    if (strcspn(module, ".") == 12 && strncmp(module, "tensorrt_llm", 12) == 0)
        return 2;
    return import_is_standard(module) ? 0 : 1;
}

/* isort's order of members: CONSTANTS, Classes, functions, each in the order of the alphabet. */
static int member_class(const char *name) {
    bool upper = true, lower_first = name[0] >= 'a' && name[0] <= 'z';
    for (const char *p = name; *p; p++)
        upper &= !(*p >= 'a' && *p <= 'z');
    return upper && strlen(name) > 1 ? 0 : lower_first || name[0] == '_' ? 2 : 1;
}

int compare_names(const char *a, const char *b) {
    int order = member_class(a) - member_class(b);
    if (order == 0)
        order = strcasecmp(a, b);
    return order ? order : strcmp(a, b);
}

static int compare_imports(const void *pa, const void *pb) {
    const struct import *a = pa, *b = pb;
    int order = section_of(a->module) - section_of(b->module);
    if (order == 0)
        order = (a->name != NULL) - (b->name != NULL);
    if (order == 0)
        order = strcasecmp(a->module, b->module);
    if (order == 0 && a->name && b->name)
        order = compare_names(a->name, b->name);
    return order;
}

static struct node *alias_node(struct unit *u, atom name, atom asname) {
    struct node *alias = node_make(u->arena, NODE_ALIAS, name, 0);
    alias->asname = asname;
    return alias;
}

static void gather(struct emitter *e, struct imports *imports) {
    struct unit *u = e->unit;
    for (uint32_t i = 0; i < e->names.len; i++) {
        atom name = e->names.entry[i].key;
        const struct symbol *symbol = unit_lookup(u, e->names.entry[i].value);
        if (u->bundle && name == u->config_class) /* defined here */
            continue;
        if (symbol && symbol->kind == SYM_IMPORT)
            add_symbol(e, imports, symbol);
        else if (symbol == NULL && atom_is(name, "torch"))
            import_add(u, imports, name, NULL, NULL);
        else if (symbol == NULL && atom_is(name, "nn"))
            import_add(u, imports, intern(u->atoms, "torch"), name, NULL);
        else if (symbol == NULL && atom_is(name, "ActivationType"))
            import_add(u, imports, intern(u->atoms, "tensorrt_llm._torch.utils"), name, NULL);
    }
    for (uint32_t i = 0; i < e->dynamic.len; i++) {
        const char *key = e->dynamic.entry[i].key, *name = strchr(key, ':') + 1;
        atom module = e->dynamic.entry[i].value;
        import_add(u, imports, module, *name ? intern(u->atoms, name) : NULL, NULL);
    }
}

static bool is_imported(const struct imports *imports, atom name) {
    for (uint32_t i = 0; i < imports->list.len; i++) {
        const struct import *import = &imports->list.at[i];
        const char *bound = import->asname ? import->asname : import->name ? import->name : import->module;
        size_t len = import->asname || import->name ? strlen(bound) : strcspn(bound, ".");
        if (strlen(name) == len && memcmp(name, bound, len) == 0)
            return true;
    }
    return false;
}

/* A file with gaps is marked by now, and nobody imports it. */
static void refuse_undefined(struct emitter *e, const struct imports *imports) {
    struct unit *u = e->unit;
    if (e->gaps > 0)
        return;
    for (uint32_t i = 0; i < e->names.len; i++) {
        atom name = e->names.entry[i].key;
        const struct node *at = e->names.entry[i].value;
        if (map_has(&e->bound, name) || (u->bundle && name == u->config_class) || name_is_builtin(name) ||
            is_imported(imports, name))
            continue;
        const struct node *place = at->source ? at : u->entry->def;
        struct diag *d = diag_at(u->diags, SEVERITY_ERROR, at->source ? at->source : u->module->source, place->span,
            "undefined-name", "nothing in the emitted file would define `%s`, which is read here", name);
        diag_help(u->diags, d, "define it at the top of the file, or import it there");
    }
}

static bool joins(const struct import *a, const struct import *b) {
    return a->module == b->module && a->name && b->name && !a->asname && !b->asname;
}

struct node *import_block(struct unit *u, struct imports *imports) {
    struct node *block = node_new(u->arena, NODE_BLOCK);
    if (imports->list.len)
        qsort(imports->list.at, imports->list.len, sizeof *imports->list.at, compare_imports);
    int section = -2;
    for (uint32_t i = 0; i < imports->list.len;) {
        const struct import *first = &imports->list.at[i++];
        struct node *stmt = node_new(u->arena, first->name ? NODE_IMPORTFROM : NODE_IMPORT);
        stmt->atom = first->name ? first->module : NULL;
        node_add(u->arena, stmt, alias_node(u, first->name ? first->name : first->module, first->asname));
        for (; i < imports->list.len && joins(first, &imports->list.at[i]); i++)
            node_add(u->arena, stmt, alias_node(u, imports->list.at[i].name, NULL));
        if (section != section_of(first->module))
            stmt->flags |= NF_BLANK;
        section = section_of(first->module);
        if (atom_is(first->module, "tensorrt_llm._torch.auto_deploy.custom_ops")) {
            stmt->comments = NEW(u->arena, struct comments);
            stmt->comments->trailing = intern(u->atoms, "# noqa: F401");
        }
        node_add(u->arena, block, stmt);
    }
    return block;
}

struct node *emit_imports(struct emitter *e) {
    struct imports imports = {0};
    gather(e, &imports);
    refuse_undefined(e, &imports);
    return import_block(e->unit, &imports);
}
