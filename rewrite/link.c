/* link.c - names at module level: what each stands for, classes with their bases and methods, absolute import names.
 *
 * Reads the MODULE tree. Writes module->symbols; classes and functions are made when first asked for, so what the entry
 * does not reach costs nothing.
 *
 * Nor is it parsed, in a file of a package: that is Python which its package compiles, so a mistake in a definition
 * that nothing needs is of no interest. The last statement is always parsed, since a file that was cut off ends there.
 * Any other file is parsed as a whole, and so is one in which all definitions are spoken of. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "parser/outline.h"
#include "parser/package.h"
#include "parser/parse.h"
#include "rewrite/unit.h"

bool qual_ends(atom qual, const char *suffix) {
    if (qual == NULL)
        return false;
    size_t n = strlen(qual), m = strlen(suffix);
    return n >= m && strcmp(qual + n - m, suffix) == 0 && (n == m || qual[n - m - 1] == '.');
}

/* The dotted name of a file by the packages around it: folders with an __init__.py. */
static void name_module(struct unit *unit, struct module *module, const char *path) {
    const char *base = path_base(path);
    size_t stem = strlen(base);
    if (stem > 3 && strcmp(base + stem - 3, ".py") == 0)
        stem -= 3;
    atom name = intern_len(unit->atoms, base, stem), package = NULL;
    char *dir = path_dir(unit->arena, path_absolute(unit->arena, path));
    for (; file_exists(path_join(unit->arena, dir, "__init__.py")) && dir[1]; dir = path_dir(unit->arena, dir)) {
        const char *folder = path_base(dir);
        package = package ? intern_dotted(unit->atoms, folder, package) : intern(unit->atoms, folder);
        unit->package.root = dir;
        unit->package.name = intern(unit->atoms, folder);
    }
    module->package = package;
    module->name = package ? intern_dotted(unit->atoms, package, name) : name;
}

/* -- parsing what is needed ---------------------------------------------------------------------------------------- */

static struct node *parse(struct unit *unit, struct source *source, const struct lines *lines) {
    return parse_lines(unit->parser, unit->arena, unit->atoms, unit->diags, source, lines);
}

/* Stands for a definition until that is read; a valid one without anything in it. */
static struct node *unread(struct unit *unit, struct source *source, const struct part *part) {
    struct arena *arena = unit->arena;
    atom name = intern_len(unit->atoms, source->text + part->name.start, part->name.end - part->name.start);
    struct node *block = node_new(arena, NODE_BLOCK);
    struct node *def = part->kind == PART_CLASS
                           ? node_make(arena, NODE_CLASS, name, 2, node_new(arena, NODE_BASES), block)
                           : node_make(arena, NODE_FUNCTION, name, 3, node_new(arena, NODE_PARAMS), NULL, block);
    def->flags |= NF_UNREAD;
    def->source = source;
    def->span = (struct span){part->start, part->end};
    return def;
}

/* Make the definition what stands in its lines. Where that cannot be parsed, it is said, and the definition is empty.
 */
static void fill(struct unit *unit, struct source *source, struct node *def, const struct lines *lines) {
    def->flags &= ~(uint32_t)NF_UNREAD;
    struct node *module = parse(unit, source, lines);
    if (module && module->nkids > 0)
        *def = *module->kid[0];
    else
        unit->unparsed = true;
}

/* The statements of some lines, at the end of a module or block; comments behind the last one are its own. */
static bool read_statements(struct unit *unit, struct source *source, struct node *to, const struct lines *lines) {
    struct node *read = parse(unit, source, lines);
    for (uint32_t i = 0; read && i < read->nkids; i++)
        node_add(unit->arena, to, read->kid[i]);
    if (read && read->comments)
        to->comments = read->comments;
    return read != NULL;
}

/* Make the definition what its header says; false where that is not plain. The lines become those of its body. */
static bool begin(struct unit *unit, struct source *source, struct node *def, struct lines *lines) {
    struct node *read = parse_header(unit->parser, unit->arena, unit->atoms, unit->diags, source, lines);
    if (read)
        *def = *read;
    return read != NULL;
}

/* What is read of its body says where it ends. */
static void end(struct node *def, struct node *block) {
    if (block->nkids == 0)
        return;
    block->span = (struct span){block->kid[0]->span.start, block->kid[block->nkids - 1]->span.end};
    def->span.end = block->span.end;
}

static void read_function(struct unit *unit, struct node *def) {
    struct lines lines = {.start = def->span.start, .end = def->span.end, .indented = true};
    struct source *source = def->source;
    if (!(def->flags & NF_UNREAD))
        return;
    if (!begin(unit, source, def, &lines)) {
        fill(unit, source, def, &lines);
        return;
    }
    unit->unparsed |= !read_statements(unit, source, function_body(def), &lines);
    end(def, function_body(def));
}

/* The methods that stay unread: every class of a model has these two, which are used. */
static bool is_deferred(const struct node *method) {
    return !atom_is(method->atom, "__init__") && !atom_is(method->atom, "forward");
}

static void read_member(struct unit *unit, struct source *source, struct node *block, const struct part *part) {
    if (part->kind != PART_FUNCTION) {
        struct lines lines = {.start = part->start, .end = part->end, .indented = true};
        unit->unparsed |= !read_statements(unit, source, block, &lines);
        return;
    }
    struct node *method = unread(unit, source, part);
    if (!is_deferred(method))
        read_function(unit, method);
    node_add(unit->arena, block, method);
}

/* A class but for the methods of which the use is not known; as a whole where its header is not plain. */
static void read_class(struct unit *unit, struct node *def) {
    struct part part = {.start = def->span.start, .end = def->span.end};
    struct lines lines = {.start = part.start, .end = part.end};
    struct source *source = def->source;
    struct outline outline = {0};
    if (!outline_class(unit->arena, source, &part, &outline) || !begin(unit, source, def, &lines)) {
        fill(unit, source, def, &lines);
        return;
    }
    for (uint32_t i = 1; i < outline.parts.len; i++) /* behind the header */
        read_member(unit, source, class_body(def), &outline.parts.at[i]);
    end(def, class_body(def));
}

static void read_definition(struct unit *unit, struct node *def) {
    if (def->kind == NODE_FUNCTION)
        read_function(unit, def);
    else if (def->flags & NF_UNREAD)
        read_class(unit, def);
}

static bool read_parts(struct unit *unit, struct module *module, const struct outline *outline) {
    module->tree = node_new(unit->arena, NODE_MODULE);
    module->tree->source = module->source;
    module->tree->span = (struct span){0, module->source->len};
    for (uint32_t i = 0; i < outline->parts.len; i++) {
        const struct part *part = &outline->parts.at[i];
        struct lines lines = {.start = part->start, .end = part->end};
        bool definition = part->kind == PART_CLASS || part->kind == PART_FUNCTION;
        if (definition && i + 1 < outline->parts.len)
            node_add(unit->arena, module->tree, unread(unit, module->source, part));
        else if (!read_statements(unit, module->source, module->tree, &lines))
            return false;
    }
    return true;
}

static bool read_tree(struct unit *unit, struct module *module) {
    struct outline outline = {0};
    if (module->package && !unit->options.whole && outline_read(unit->arena, module->source, &outline))
        return read_parts(unit, module, &outline);
    module->tree = parse_module(unit->parser, unit->arena, unit->atoms, unit->diags, module->source);
    return module->tree != NULL;
}

/* Whether a definition that is not read has decorators. */
static bool is_decorated(const struct node *def) {
    const char *at = def->source->text + def->span.start;
    for (at += strspn(at, " \t\n"); *at == '#'; at += strspn(at, " \t\n"))
        at += strcspn(at, "\n");
    return *at == '@';
}

struct node *symbol_def(struct unit *unit, const struct symbol *symbol) {
    struct node *def = symbol->def;
    read_definition(unit, def);
    for (uint32_t i = 0; def->kind == NODE_CLASS && i < class_body(def)->nkids; i++) {
        struct node *method = class_body(def)->kid[i];
        if ((method->flags & NF_UNREAD) && (is_decorated(method) || atom_is(method->atom, "__post_init__")))
            read_function(unit, method);
    }
    return def;
}

/* The module of a file that an attempt before this one has read, or NULL. */
static const struct module *read_before(const struct unit *unit, atom path) {
    const struct unit *before = unit->before;
    if (before == NULL)
        return NULL;
    return before->module->source->path == path ? before->module : map_get(&before->modules, path);
}

struct module *module_load(struct unit *unit, struct source *source) {
    struct module *module = NEW(unit->arena, struct module);
    const struct module *before = read_before(unit, source->path);
    module->source = source;
    module->tree = before ? before->tree : NULL;
    name_module(unit, module, source->path);
    if (module->tree == NULL && !read_tree(unit, module))
        return NULL;
    declare_module(unit, module);
    return module;
}

struct module *module_read(struct unit *unit, const char *path) {
    atom key = intern(unit->atoms, path);
    if (map_has(&unit->modules, key))
        return map_get(&unit->modules, key);
    const struct module *before = read_before(unit, key);
    struct source *source = before ? before->source : source_read(unit->arena, unit->atoms, unit->diags, path);
    struct package own = unit->package; /* stays that of the modeling file */
    struct module *module = source ? module_load(unit, source) : NULL;
    unit->package = own;
    map_put(unit->arena, &unit->modules, key, module);
    return module;
}

const char *import_path(struct unit *unit, const struct module *module, atom qual) {
    const char *dot = strrchr(qual, '.');
    if (dot == NULL)
        return NULL;
    const char *name = arena_strndup(unit->arena, qual, (size_t)(dot - qual));
    const char *roots[] = {unit->package.root, unit->library};
    for (size_t i = 0; i < 2; i++) {
        const char *path = roots[i] ? package_module_path(unit->arena, roots[i], name) : NULL;
        if (path)
            return path;
    }
    if (module->package != NULL || strchr(name, '.') != NULL)
        return NULL;
    const char *dir = path_dir(unit->arena, module->source->path);
    const char *path = path_join(unit->arena, dir, arena_printf(unit->arena, "%s.py", name));
    return file_exists(path) ? path : NULL;
}

struct symbol *module_lookup(const struct module *module, atom name) {
    return map_get(&module->symbols, name);
}

void unit_link(struct unit *unit, struct module *module) {
    for (uint32_t i = 0; i < unit->linked.len; i++)
        if (unit->linked.at[i] == module)
            return;
    vec_push(unit->arena, &unit->linked, module);
}

struct symbol *unit_lookup(const struct unit *unit, const struct node *name) {
    for (uint32_t i = 0; name->source && i < unit->linked.len; i++)
        if (unit->linked.at[i]->source == name->source)
            return module_lookup(unit->linked.at[i], name->atom);
    struct symbol *symbol = module_lookup(unit->module, name->atom);
    for (uint32_t i = 0; symbol == NULL && i < unit->linked.len; i++)
        symbol = module_lookup(unit->linked.at[i], name->atom);
    return symbol;
}

struct symbol *symbol_before(const struct module *module, atom name, const struct symbol *reader) {
    struct symbol *symbol = module_lookup(module, name);
    while (symbol && symbol->order >= reader->order)
        symbol = symbol->previous;
    return symbol;
}

/* -- functions ----------------------------------------------------------------------------------------------------- */

static void read_params(struct unit *unit, struct fn *fn, const struct node *params) {
    bool keyword_only = false;
    for (uint32_t i = 0; i < params->nkids; i++) {
        struct node *p = params->kid[i];
        if (p->op == PARAM_STAR)
            keyword_only = true;
        if (p->op == PARAM_STAR || p->op == PARAM_SLASH)
            continue;
        struct param *param = NEW(unit->arena, struct param);
        param->name = p->atom;
        param->role = p->op;
        param->keyword_only = keyword_only && p->op == PARAM_PLAIN;
        param->annotation = p->kid[0];
        param->dflt = p->kid[1];
        if (p->op == PARAM_ARGS)
            keyword_only = true;
        vec_push(unit->arena, &fn->params, param);
    }
}

static void read_decorators(struct fn *fn) {
    for (uint32_t i = 3; i < fn->def->nkids; i++) {
        const struct node *d = fn->def->kid[i];
        fn->is_static |= is_name(d, "staticmethod");
        fn->is_class_method |= is_name(d, "classmethod");
        fn->is_property |= is_name(d, "property") || is_name(d, "cached_property");
    }
}

static void read_header(struct unit *unit, struct fn *fn) {
    read_params(unit, fn, function_params(fn->def));
    read_decorators(fn);
}

const char *fn_path(struct unit *unit, const struct fn *fn) {
    return fn->owner ? arena_printf(unit->arena, "%s.%s", fn->owner->name, fn->name) : fn->name;
}

bool fn_is_of_translations(const struct fn *fn) {
    return fn->owner == NULL && (atom_is(fn->name, "_get_rope_parameters") || atom_is(fn->name, "_get_moe_activation"));
}

struct fn *fn_make(struct unit *unit, struct module *module, struct node *def, struct cls *owner) {
    struct fn *fn = NEW(unit->arena, struct fn);
    fn->module = module;
    fn->owner = owner;
    if (def->kind == NODE_LAMBDA) {
        fn->lambda = def;
        fn->name = intern(unit->atoms, "<lambda>");
        read_params(unit, fn, def->kid[0]);
        return fn;
    }
    fn->def = def;
    fn->name = def->atom;
    fn->unread = (def->flags & NF_UNREAD) != 0;
    if (!fn->unread)
        read_header(unit, fn);
    return fn;
}

struct fn *symbol_function(struct unit *unit, struct module *module, struct symbol *symbol) {
    if (symbol->fn == NULL)
        symbol->fn = fn_make(unit, module, symbol_def(unit, symbol), NULL);
    return symbol->fn;
}

/* -- classes ------------------------------------------------------------------------------------------------------- */

static atom dotted_name(struct unit *unit, const struct module *module, const struct node *n) {
    if (n->kind == NODE_NAME) {
        struct symbol *symbol = module_lookup(module, n->atom);
        return symbol && symbol->kind == SYM_IMPORT ? symbol->qual : n->atom;
    }
    if (n->kind == NODE_ATTRIBUTE) {
        atom value = dotted_name(unit, module, n->kid[0]);
        return value ? intern_dotted(unit->atoms, value, n->atom) : NULL;
    }
    return n->kind == NODE_SUBSCRIPT ? dotted_name(unit, module, n->kid[0]) : NULL;
}

static void read_bases(struct unit *unit, struct module *module, struct cls *cls, const struct symbol *own) {
    const struct node *bases = cls->def->kid[0];
    for (uint32_t i = 0; bases && i < bases->nkids; i++) {
        const struct node *b = bases->kid[i];
        struct symbol *symbol = b->kind == NODE_NAME ? symbol_before(module, b->atom, own) : NULL;
        if (symbol && symbol->kind == SYM_CLASS) {
            vec_push(unit->arena, &cls->bases, symbol_class(unit, module, symbol));
        } else {
            atom qual = dotted_name(unit, module, b);
            if (qual)
                vec_push(unit->arena, &cls->library_bases, qual);
        }
    }
}

static void add_method(struct unit *unit, struct cls *cls, struct node *def, struct cls *defined_in) {
    if (map_has(&cls->methods, def->atom))
        return;
    struct fn *fn = fn_make(unit, cls->module, def, cls);
    fn->defined_in = defined_in;
    map_put(unit->arena, &cls->methods, def->atom, fn);
}

/* Own members, then those of the bases, nearest first. */
static void read_members(struct unit *unit, struct cls *cls, struct cls *from) {
    const struct node *body = class_body(from->def);
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = body->kid[i];
        if (s->kind == NODE_FUNCTION)
            add_method(unit, cls, s, from);
        else if (s->kind == NODE_ASSIGN && s->kid[1]->kind == NODE_NAME && !map_has(&cls->class_attrs, s->kid[1]->atom))
            map_put(unit->arena, &cls->class_attrs, s->kid[1]->atom, s->kid[0]);
        else if (s->kind == NODE_ANNASSIGN && s->kid[0]->kind == NODE_NAME && s->kid[2] &&
                 !map_has(&cls->class_attrs, s->kid[0]->atom))
            map_put(unit->arena, &cls->class_attrs, s->kid[0]->atom, s->kid[2]);
    }
    for (uint32_t i = 0; i < from->bases.len; i++)
        read_members(unit, cls, from->bases.at[i]);
}

struct cls *symbol_class(struct unit *unit, struct module *module, struct symbol *symbol) {
    if (symbol->cls)
        return symbol->cls;
    struct cls *cls = symbol->cls = NEW(unit->arena, struct cls);
    cls->name = symbol->name;
    read_definition(unit, symbol->def);
    cls->def = symbol->def;
    cls->module = module;
    read_bases(unit, module, cls, symbol);
    read_members(unit, cls, cls);
    return cls;
}

struct fn *class_method_named(struct unit *unit, const struct cls *cls, atom name) {
    struct fn *fn = map_get(&cls->methods, name);
    if (fn && fn->unread) {
        fn->unread = false;
        read_function(unit, fn->def);
        read_header(unit, fn);
    }
    return fn;
}

struct node *method_def(struct unit *unit, struct node *def) {
    read_function(unit, def);
    return def;
}

struct fn *class_method(const struct cls *cls, const char *name) {
    for (uint32_t i = 0; i < cls->methods.len; i++)
        if (atom_is(cls->methods.entry[i].key, name))
            return cls->methods.entry[i].value;
    return NULL;
}

bool class_derives(const struct cls *cls, const char *suffix) {
    for (uint32_t i = 0; i < cls->library_bases.len; i++)
        if (qual_ends(cls->library_bases.at[i], suffix))
            return true;
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (class_derives(cls->bases.at[i], suffix))
            return true;
    return false;
}
