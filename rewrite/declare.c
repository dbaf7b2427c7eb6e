/* declare.c - what the names of a module stand for once its statements have run.
 *
 * Reads the MODULE tree. Writes module->symbols and module->body. The statements are followed in order: a test that is
 * decided by facts, or by what names stand for so far, chooses its branch, and a `try` around imports takes its handler
 * where a library may be absent. What a name stood for before stays behind it (symbol->previous), since a value that
 * was computed then has read that. */
#include <string.h>

#include "base/text.h"
#include "rewrite/spec.h"

static void declare_block(struct unit *unit, struct module *module, struct node *block);

static struct symbol *declare(struct unit *unit, struct module *module, atom name, int kind, struct node *def) {
    struct symbol *symbol = NEW(unit->arena, struct symbol);
    symbol->kind = kind;
    symbol->name = name;
    symbol->def = def;
    symbol->order = module->body->nkids;
    symbol->previous = module_lookup(module, name);
    map_put(unit->arena, &module->symbols, name, symbol);
    return symbol;
}

/* -- imports ------------------------------------------------------------------------------------------------------- */

atom import_base(struct unit *unit, const struct module *module, const struct node *stmt) {
    if (stmt->level == 0)
        return stmt->atom;
    const char *package = module->package ? module->package : stmt->level > 1 ? "transformers.models." : "";
    size_t len = strlen(package);
    for (uint8_t level = 1; level < stmt->level && len > 0; level++) {
        while (len > 0 && package[len - 1] != '.')
            len--;
        len -= len > 0;
    }
    if (len == 0 && stmt->atom)
        return stmt->atom;
    atom base = intern_len(unit->atoms, package, len);
    return stmt->atom ? intern_dotted(unit->atoms, base, stmt->atom) : base;
}

static void declare_imports(struct unit *unit, struct module *module, struct node *stmt, bool from) {
    atom base = from ? import_base(unit, module, stmt) : NULL;
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        struct node *alias = stmt->kid[i];
        atom bound = alias->asname ? alias->asname : alias->atom, qual = alias->atom;
        if (from) {
            qual = intern_dotted(unit->atoms, base, alias->atom);
        } else if (!alias->asname && strchr(alias->atom, '.')) { /* import a.b binds a */
            bound = qual = intern_len(unit->atoms, alias->atom, strcspn(alias->atom, "."));
        }
        struct symbol *symbol = declare(unit, module, bound, SYM_IMPORT, alias);
        symbol->qual = qual;
        symbol->stmt = stmt;
    }
}

bool may_be_absent(const char *module) {
    static const char *const present[] = {"torch", "transformers", "huggingface_hub", "packaging", "numpy", "einops",
        "typing", "typing_extensions", "collections", "functools", "importlib", "dataclasses", "enum", "math",
        "inspect"};
    size_t len = strcspn(module, ".");
    for (size_t i = 0; i < sizeof present / sizeof present[0]; i++)
        if (strlen(present[i]) == len && strncmp(module, present[i], len) == 0)
            return false;
    return true;
}

static bool imports_absent(const struct node *block) {
    for (uint32_t i = 0; block && i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (stmt->kind == NODE_IMPORTFROM && stmt->level == 0 && may_be_absent(stmt->atom))
            return true;
        for (uint32_t k = 0; stmt->kind == NODE_IMPORT && k < stmt->nkids; k++)
            if (may_be_absent(stmt->kid[k]->atom))
                return true;
    }
    return false;
}

/* -- branches ------------------------------------------------------------------------------------------------------ */

/* Of what both branches may define, `chosen` is the first one's where nothing tells which of them runs. */
static void declare_either(struct unit *unit, struct module *module, struct node *chosen, struct node *other) {
    uint32_t before = module->body->nkids;
    if (other)
        declare_block(unit, module, other);
    uint32_t between = module->body->nkids;
    declare_block(unit, module, chosen);
    for (uint32_t i = 0; i < module->symbols.len; i++) {
        struct symbol *symbol = module->symbols.entry[i].value;
        const struct symbol *previous = symbol->previous;
        bool ours = symbol->order >= between, import = previous && previous->kind == SYM_IMPORT;
        if (previous && symbol->order >= before)
            symbol->unsure = !(import && symbol->kind == SYM_IMPORT && ours);
    }
}

static void declare_if(struct unit *unit, struct module *module, struct node *stmt) {
    int truth = spec_test(unit, module, stmt->kid[0]);
    struct node *taken = truth ? stmt->kid[1] : stmt->kid[2];
    if (truth < 0)
        declare_either(unit, module, stmt->kid[1], stmt->kid[2]);
    else if (taken)
        declare_block(unit, module, taken);
}

bool declare_local_import(struct unit *unit, struct module *module, struct node *stmt) {
    bool from = stmt->kind == NODE_IMPORTFROM, same = true;
    struct map known;
    map_copy(unit->arena, &known, &module->symbols);
    declare_imports(unit, module, stmt, from);
    for (uint32_t i = 0; i < known.len; i++) {
        struct symbol *before = known.entry[i].value, *now = map_get(&module->symbols, before->name);
        if (now == before)
            continue;
        same &= before->kind == SYM_IMPORT && before->qual == now->qual;
        map_put(unit->arena, &module->symbols, before->name, before);
    }
    return same;
}

/* Imports of a library that may be absent: what the handlers define counts, and of the body only the imports of names
 * that nobody else defines, which whoever reads them cannot do without. */
static void declare_handlers(struct unit *unit, struct module *module, struct node *stmt) {
    for (uint32_t i = 3; i < stmt->nkids; i++)
        declare_block(unit, module, stmt->kid[i]->kid[1]);
    const struct node *body = stmt->kid[0];
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *import = body->kid[i];
        if (import->kind != NODE_IMPORT && import->kind != NODE_IMPORTFROM)
            continue;
        struct node *alias = import->nkids ? import->kid[0] : NULL;
        atom bound = alias == NULL ? NULL : alias->asname ? alias->asname : alias->atom;
        if (bound && module_lookup(module, bound) == NULL)
            declare_imports(unit, module, import, import->kind == NODE_IMPORTFROM);
    }
}

static void declare_try(struct unit *unit, struct module *module, struct node *stmt) {
    if (stmt->nkids > 3 && imports_absent(stmt->kid[0])) {
        declare_handlers(unit, module, stmt);
    } else {
        declare_block(unit, module, stmt->kid[0]);
        if (stmt->kid[1])
            declare_block(unit, module, stmt->kid[1]);
    }
    if (stmt->kid[2])
        declare_block(unit, module, stmt->kid[2]);
}

/* The assignments that `a, b = None, None` stands for, one a name. Constants read no name that the others set. */
static void declare_names(struct unit *unit, struct module *module, const struct node *stmt, const struct node *names) {
    const struct node *values = stmt->kid[0];
    if (values->kind != NODE_TUPLE || values->nkids != names->nkids)
        return;
    for (uint32_t i = 0; i < names->nkids; i++) {
        if (names->kid[i]->kind != NODE_NAME || values->kid[i]->kind != NODE_CONST)
            continue;
        struct node *one = node_make(unit->arena, NODE_ASSIGN, NULL, 2, values->kid[i], names->kid[i]);
        one->source = stmt->source;
        one->span = stmt->span;
        node_add(unit->arena, module->body, one);
        declare(unit, module, names->kid[i]->atom, SYM_VALUE, values->kid[i])->stmt = one;
    }
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static void declare_stmt(struct unit *unit, struct module *module, struct node *stmt) {
    switch (stmt->kind) {
    case NODE_IF: declare_if(unit, module, stmt); return;
    case NODE_TRY: declare_try(unit, module, stmt); return;
    default: node_add(unit->arena, module->body, stmt);
    }
    switch (stmt->kind) {
    case NODE_CLASS: declare(unit, module, stmt->atom, SYM_CLASS, stmt)->stmt = stmt; break;
    case NODE_FUNCTION: declare(unit, module, stmt->atom, SYM_FUNCTION, stmt)->stmt = stmt; break;
    case NODE_IMPORT:
    case NODE_IMPORTFROM: declare_imports(unit, module, stmt, stmt->kind == NODE_IMPORTFROM); break;
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < stmt->nkids; i++)
            if (stmt->kid[i]->kind == NODE_NAME)
                declare(unit, module, stmt->kid[i]->atom, SYM_VALUE, stmt->kid[0])->stmt = stmt;
            else if (stmt->kid[i]->kind == NODE_TUPLE)
                declare_names(unit, module, stmt, stmt->kid[i]);
        break;
    case NODE_ANNASSIGN:
        if (stmt->kid[0]->kind == NODE_NAME && stmt->kid[2])
            declare(unit, module, stmt->kid[0]->atom, SYM_VALUE, stmt->kid[2])->stmt = stmt;
        break;
    default: break;
    }
}

static void declare_block(struct unit *unit, struct module *module, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        declare_stmt(unit, module, block->kid[i]);
}

void declare_module(struct unit *unit, struct module *module) {
    module->body = node_new(unit->arena, NODE_BLOCK);
    declare_block(unit, module, module->tree);
}
