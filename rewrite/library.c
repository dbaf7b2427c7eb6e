/* library.c - reading signatures and spellings, and looking them up. */
#include "rewrite/library.h"

#include <stdarg.h>
#include <stdio.h>

#include "rewrite/expr.h"
#include "rewrite/rules.h"

enum { NAME_MAX_LEN = 256 };

struct library *library_create(struct arena *arena, struct atoms *atoms) {
    struct library *library = NEW(arena, struct library);
    library->arena = arena;
    library->atoms = atoms;
    library->values = values_create(arena, atoms, library);
    library->spelling = NEW_ARRAY(arena, struct bucket *, HEAD_BUCKETS);
    library->shape = intern(atoms, "shape");
    library->dtype = intern(atoms, "dtype");
    library->device = intern(atoms, "device");
    library->self = intern(atoms, "self");
    return library;
}

void loader_error(struct loader *loader, const struct yaml *at, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    diag_at(loader->diags, SEVERITY_ERROR, loader->source, at != NULL ? at->span : (struct span){0, 0}, "rule-file",
        "%s", text);
}

struct node *loader_parse(struct loader *loader, const struct yaml *at, const char *text) {
    uint32_t error;
    struct node *node = expr_read(loader->arena, loader->atoms, text, &error);
    if (node == NULL)
        loader_error(loader, at, "not an expression from here on: `%.40s`", text + error);
    return node;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

/* Write the dotted text of a chain of attributes into `out`; false where it is something else or too long. */
static bool dotted(const struct library *library, const struct node *expr, char *out, size_t size, size_t *len) {
    /* a metavariable has its value already */
    bool global = expr->web == NULL && (expr->value == NULL || expr->value->kind == VALUE_NAME);
    if (expr->kind == NODE_NAME && global) {
        const char *module = map_get(&library->modules, expr->atom);
        const char *text = module != NULL ? module : expr->atom;
        *len = strlen(text);
        if (*len >= size)
            return false;
        memcpy(out, text, *len + 1);
        return true;
    }
    if (expr->kind != NODE_ATTRIBUTE || !dotted(library, expr->kid[0], out, size, len))
        return false;
    size_t more = strlen(expr->atom);
    if (*len + more + 2 > size)
        return false;
    out[(*len)++] = '.';
    memcpy(out + *len, expr->atom, more + 1);
    *len += more;
    return true;
}

atom library_qualify(const struct library *library, const struct node *expr) {
    char text[NAME_MAX_LEN];
    size_t len;
    if (expr->abs != NULL && expr->abs->kind == ABS_LIBRARY && expr->abs->qual != NULL)
        return expr->abs->qual;
    return dotted(library, expr, text, sizeof text, &len) ? intern_len(library->atoms, text, len) : NULL;
}

/* -- signatures ---------------------------------------------------------------------------------------------------- */

static bool is_dim_name(const char *name) {
    static const char *const names[] = {"dim", "dim0", "dim1", "start_dim", "end_dim", "dims"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (atom_is(name, names[i]))
            return true;
    return false;
}

/* Read a default; false where it is not a literal. */
static bool read_fallback(struct loader *loader, struct parameter *out, struct node *node) {
    const struct value *v = value_of(loader->library->values, node);
    out->fallback = (enum value_kind)v->kind;
    out->constant = (enum op)v->op;
    out->number = v->number;
    out->text = v->atom;
    return v->count == 0 &&
           (v->kind == VALUE_CONST || v->kind == VALUE_NUMBER || v->kind == VALUE_NAME || v->kind == VALUE_STRING);
}

static bool read_parameter(struct loader *loader, struct parameter *out, const struct node *arg) {
    bool star = arg->kind == NODE_STARRED, keyword = arg->kind == NODE_KEYWORD;
    const struct node *name = star ? arg->kid[0] : arg;
    if (name->atom == NULL || (name->kind != NODE_NAME && !keyword))
        return false;
    *out = (struct parameter){
        .name = name->atom, .fallback = VALUE_KINDS, .is_dim = is_dim_name(name->atom), .is_star = star};
    return !keyword || read_fallback(loader, out, arg->kid[0]);
}

/* Name and parameters of `a.b(c, d=1)`. */
static bool read_header(struct loader *loader, const struct yaml *at, const char *text, atom *name,
    struct parameter **param, uint32_t *count) {
    struct node *call = loader_parse(loader, at, text);
    if (call == NULL)
        return false;
    *name = call->kind == NODE_CALL ? library_qualify(loader->library, call->kid[0]) : NULL;
    if (*name == NULL) {
        loader_error(loader, at, "not a signature: %s", text);
        return false;
    }
    *count = call->nkids - 1;
    *param = NEW_ARRAY(loader->arena, struct parameter, *count + 1);
    for (uint32_t i = 0; i < *count; i++) {
        if (!read_parameter(loader, &(*param)[i], call->kid[i + 1])) {
            loader_error(loader, at, "not a parameter list: %s", text);
            return false;
        }
    }
    return true;
}

static int8_t index_of(const struct function *f, atom name) {
    for (uint32_t i = 0; i < f->count; i++)
        if (f->param[i].name == name)
            return (int8_t)i;
    return -1;
}

static struct form *make_form(
    struct loader *loader, const struct function *f, struct parameter *param, uint32_t count, bool method) {
    struct form *form = NEW(loader->arena, struct form);
    *form = (struct form){f, param, NEW_ARRAY(loader->arena, int8_t, count + 1), count};
    for (uint32_t i = 0; i < count; i++)
        form->index[i] = index_of(f, param[i].name);
    (void)method;
    return form;
}

static enum special special_of(const char *name) {
    static const char *const names[] = {
#define X(special, text) [SPECIAL_##special] = text,
        SPECIALS(X)
#undef X
    };
    for (int i = 1; i < SPECIALS_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum special)i;
    return SPECIAL_NONE;
}

static struct function *add_function(
    struct loader *loader, const struct yaml *at, const char *text, const char *prefix) {
    struct library *library = loader->library;
    struct function *f = NEW(loader->arena, struct function);
    if (!read_header(loader, at, text, &f->name, &f->param, &f->count))
        return NULL;
    f->name = intern_printf(loader->atoms, "%s%s", prefix, f->name);
    f->line = at->line;
    f->special = special_of(f->name);
    if (map_has(&library->functions, f->name)) {
        loader_error(loader, at, "%s is described twice", f->name);
        return NULL;
    }
    library->special[f->special] = f;
    map_put(loader->arena, &library->functions, f->name, f);
    map_put(loader->arena, &library->forms, f->name, make_form(loader, f, f->param, f->count, false));
    return f;
}

static bool add_alias(struct loader *loader, const struct function *f, const struct yaml *at, const char *text) {
    static const char method_prefix[] = "Tensor.";
    atom name;
    struct parameter *param;
    uint32_t count;
    if (!read_header(loader, at, text, &name, &param, &count))
        return false;
    bool method = strncmp(name, method_prefix, sizeof method_prefix - 1) == 0;
    struct form *form = make_form(loader, f, param, count, method);
    if (!method) {
        map_put(loader->arena, &loader->library->forms, name, form);
        return true;
    }
    map_put(loader->arena, &loader->library->methods, intern(loader->atoms, name + sizeof method_prefix - 1), form);
    map_put(loader->arena, &loader->library->forms, intern_printf(loader->atoms, "torch.%s", name), form);
    return true;
}

static bool read_rank(struct loader *loader, struct function *f, const struct yaml *entry) {
    static const char *const names[] = {[RANK_UNKNOWN] = "unknown",
        [RANK_SAME] = "same",
        [RANK_MORE] = "more",
        [RANK_FEWER] = "fewer",
        [RANK_REDUCE] = "reduce",
        [RANK_SHAPE] = "shape",
        [RANK_WIDE] = "wide",
        [RANK_EACH] = "each",
        [RANK_THREE] = "three"};
    const char *text = yaml_text(entry, "rank");
    if (text == NULL)
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(names[i], text) == 0) {
            f->rank = (enum rank_rule)i;
            return true;
        }
    }
    loader_error(loader, entry, "unknown rank `%s`", text);
    return false;
}

bool library_add_function(struct loader *loader, const struct yaml *entry, const char *prefix) {
    if (entry->kind == YAML_SCALAR)
        return add_function(loader, entry, entry->text, prefix) != NULL;
    if (!loader_check_keys(loader, entry, "call also rank"))
        return false;
    const char *call = yaml_text(entry, "call");
    if (call == NULL) {
        loader_error(loader, entry, "a function needs `call`");
        return false;
    }
    struct function *f = add_function(loader, entry, call, prefix);
    if (f == NULL || !read_rank(loader, f, entry))
        return false;
    const struct yaml *also = yaml_get(entry, "also");
    for (uint32_t i = 0; also != NULL && i < also->count; i++)
        if (!add_alias(loader, f, also->item[i], also->item[i]->text))
            return false;
    return true;
}

static void load_names(struct loader *loader, struct map *map, const struct yaml *names) {
    for (uint32_t i = 0; names != NULL && i < names->count; i++)
        if (names->item[i]->kind == YAML_SCALAR)
            map_put(loader->arena, map, names->key[i], (void *)(uintptr_t)intern(loader->atoms, names->item[i]->text));
}

bool library_load_signatures(struct loader *loader, const struct yaml *file) {
    if (!loader_check_keys(loader, file, "modules keywords functions"))
        return false;
    load_names(loader, &loader->library->modules, yaml_get(file, "modules"));
    load_names(loader, &loader->library->keywords, yaml_get(file, "keywords"));
    const struct yaml *functions = yaml_get(file, "functions");
    bool ok = true;
    for (uint32_t i = 0; functions != NULL && i < functions->count; i++)
        ok = library_add_function(loader, functions->item[i], "") && ok;
    for (int i = 1; i < SPECIALS_COUNT; i++) {
        if (loader->library->special[i] == NULL) {
            loader_error(loader, functions, "a function that canonical forms need is missing");
            return false;
        }
    }
    return ok;
}

const struct function *library_function(const struct library *library, atom name) {
    return map_get(&library->functions, name);
}

/* -- spellings ----------------------------------------------------------------------------------------------------- */

struct value library_cast_head(const struct library *library) {
    return (struct value){.kind = VALUE_CALL, .atom = library->special[SPECIAL_TO]->name};
}

static bool add_spelling(struct loader *loader, const struct yaml *at, struct metavariables *metas,
    const struct value *canonical, bool rounded) {
    const struct value *root = loader_pattern(loader, at, at->text, metas, NULL);
    if (root == NULL)
        return false;
    if (root == canonical)
        return true;
    struct pattern pattern = pattern_of(root, metas);
    struct spelling *spelling = NEW(loader->arena, struct spelling);
    *spelling = (struct spelling){pattern, canonical, rounded};
    struct value cast = library_cast_head(loader->library);
    if (!heads_add(loader->arena, loader->library->spelling, pattern.root, &cast, spelling)) {
        loader_error(loader, at, "this spelling would match anything: %s", at->text);
        return false;
    }
    return true;
}

static bool load_spelling(struct loader *loader, const struct yaml *entry) {
    if (!loader_check_keys(loader, entry, "equal where rounding why"))
        return false;
    const struct yaml *equal = yaml_get(entry, "equal");
    if (equal == NULL || equal->kind != YAML_LIST || equal->count < 2) {
        loader_error(loader, entry, "a spelling needs `equal` with two or more expressions");
        return false;
    }
    struct metavariables *metas = NEW(loader->arena, struct metavariables);
    if (!loader_conditions(loader, yaml_get(entry, "where"), metas))
        return false;
    const struct value *canonical = loader_pattern(loader, equal->item[0], equal->item[0]->text, metas, NULL);
    bool rounded = yaml_text(entry, "rounding") != NULL, ok = canonical != NULL;
    for (uint32_t i = 1; ok && i < equal->count; i++)
        ok = add_spelling(loader, equal->item[i], metas, canonical, rounded);
    return ok;
}

bool library_load_spellings(struct loader *loader, const struct yaml *file) {
    bool ok = true;
    for (uint32_t i = 0; i < file->count; i++)
        ok = load_spelling(loader, file->item[i]) && ok;
    return ok;
}

/* The canonical side with what the pattern bound in place of its metavariables; NULL where one is not bound. */
static const struct value *instantiate(
    struct values *values, const struct value *canonical, const struct binding *binding) {
    enum { ARGS = 16 };
    const struct value *arg[ARGS];
    if (canonical->kind == VALUE_META)
        return binding->meta[canonical->op];
    if (canonical->count > ARGS)
        return NULL;
    for (uint32_t i = 0; i < canonical->count; i++) {
        arg[i] = instantiate(values, canonical->arg[i], binding);
        if (arg[i] == NULL)
            return NULL;
    }
    return value_rebuild(values, canonical, arg);
}

static const struct value *respell_with(
    struct values *values, const struct spelling *spelling, const struct value *draft) {
    if ((spelling->pattern.needs & ~draft->heads) != 0)
        return NULL; /* before room is made for a binding */
    struct binding binding = {.rounded = false};
    if (!match(&spelling->pattern, draft, &binding, NULL))
        return NULL;
    const struct value *v = instantiate(values, spelling->canonical, &binding);
    if (v != NULL && (spelling->rounded || binding.rounded) && v->count > 0)
        ((struct value *)v)->rounded = true;
    return v;
}

const struct value *library_respell(const struct library *library, struct values *values, const struct value *draft) {
    struct head_entry *entry = heads_find(library->spelling, draft);
    if (entry == NULL || !values_enter(values))
        return NULL;
    const struct value *v = NULL;
    for (; entry != NULL && v == NULL; entry = entry->next)
        v = respell_with(values, entry->item, draft);
    values_leave(values);
    return v;
}

bool value_is_special(const struct values *values, const struct value *v, enum special special) {
    return v->kind == VALUE_CALL && v->atom == values_library(values)->special[special]->name;
}
