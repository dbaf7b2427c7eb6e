/* bundle.c - a configuration class for the emitted file, as far as the model reads it.
 *
 * Reads   the finished program, the source of the configuration class.
 * Writes  unit->bundle: a class with a plain constructor, which works under every release that has PretrainedConfig.
 * Its parameters are the fields that the model reads and those that these are derived from, with the defaults of the
 *         source; other fields of a config.json become attributes through `**kwargs`.
 * Guarantees  a configuration made from the same fields has the same values in what the model reads. What of the
 *         construction is not understood is an error if the user asked for the class; a file that defines its
 *         configuration itself keeps it, where that is understood. */
#include "rewrite/bundle.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/bundle_internal.h"

void bundle_refuse(struct recipe *r, const struct node *at, const char *format, ...) {
    char message[256];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    r->failed = true;
    if (r->asked)
        diag_at(r->unit->diags, unit_refusal(r->unit), at->source ? at->source : r->module->source, at->span,
            "bundle-config", "%s", message);
}

static bool needs(const struct recipe *r, atom name) {
    return map_has(&r->needed, name);
}

static atom word(const struct recipe *r, const char *text) {
    return intern(r->unit->atoms, text);
}

/* -- fields of PretrainedConfig itself ----------------------------------------------------------------------------- */

/* Its constructor sets these, in one release or another: they are given to it, since a store before would be lost. */
static bool is_root_field(atom name) {
    static const char names[] = "tie_word_embeddings pad_token_id bos_token_id eos_token_id sep_token_id "
                                "decoder_start_token_id is_encoder_decoder is_decoder add_cross_attention "
                                "cross_attention_hidden_size tie_encoder_decoder chunk_size_feed_forward "
                                "problem_type dtype torchscript return_dict pruned_heads tokenizer_class prefix";
    return word_in(name, names);
}

/* `self.x = x` of a field. */
static bool is_field_store(const struct node *s) {
    return s->kind == NODE_ASSIGN && s->source == NULL && s->nkids == 2 && s->kid[0]->kind == NODE_NAME &&
           s->kid[1]->kind == NODE_ATTRIBUTE && s->kid[1]->atom == s->kid[0]->atom;
}

static bool mentions(const struct node *n, atom field) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_ATTRIBUTE && n->atom == field && is_name(n->kid[0], "self"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (mentions(n->kid[i], field))
            return true;
    return false;
}

static bool is_derived(const struct recipe *r, atom field) {
    for (uint32_t i = 0; i < r->body->nkids; i++)
        if (!is_field_store(r->body->kid[i]) && mentions(r->body->kid[i], field))
            return true;
    return false;
}

/* Such fields of a class that declares its fields: stored only if a statement looks at them. */
static void give_root_fields(struct recipe *r) {
    struct arena *arena = r->unit->arena;
    uint32_t kept = 0, at = 1;
    for (uint32_t i = 0; i < r->body->nkids; i++) {
        struct node *s = r->body->kid[i];
        if (!is_field_store(s) || !is_root_field(s->kid[0]->atom)) {
            r->body->kid[kept++] = s;
            continue;
        }
        atom field = s->kid[0]->atom;
        bool stored = is_derived(r, field);
        struct node *value = stored ? node_copy(arena, s->kid[1]) : make_name(arena, field);
        node_insert(arena, r->root_call, at++, node_make(arena, NODE_KEYWORD, field, 1, value));
        if (stored)
            r->body->kid[kept++] = s;
    }
    r->body->nkids = kept;
}

/* A blank line behind the stores of fields, and one before the call of the base: not where the source has them. */
static void part_fields_from_rest(struct recipe *r) {
    bool stores = false;
    for (uint32_t i = 0; i < r->body->nkids; i++) {
        struct node *s = r->body->kid[i];
        bool store = is_field_store(s);
        if ((stores && !store) || (i > 0 && s->kid[0] == r->root_call)) {
            s->source = NULL;
            s->flags |= NF_BLANK;
        }
        stores = store;
    }
}

static void drop_arguments(struct recipe *r) {
    uint32_t kept = 1;
    for (uint32_t i = 1; i < r->root_call->nkids; i++) {
        struct node *arg = r->root_call->kid[i];
        if (arg->atom == NULL || needs(r, recipe_attribute(r, arg->atom)))
            r->root_call->kid[kept++] = arg;
    }
    if (kept < r->root_call->nkids)
        r->root_call->flags &= ~(uint32_t)NF_TRAILING_COMMA;
    r->root_call->nkids = kept;
}

/* -- the base of rotary frequencies -------------------------------------------------------------------------------- */

/* PretrainedConfig of transformers 5 takes it from a class attribute, that of transformers 4 from no place: as a field
 * both have it. A class with a hook of its own sets it there. */
static void add_rope_theta(struct recipe *r) {
    struct unit *u = r->unit;
    bool own = r->fields && needs(r, word(r, "self.rope_parameters")) &&
               !recipe_method(r, word(r, "convert_rope_params_to_dict"), 0);
    uint32_t at = r->params.len;
    for (uint32_t i = 0; i < r->params.len; i++) {
        own &= !atom_is(r->params.at[i]->atom, "rope_theta");
        at = atom_is(r->params.at[i]->atom, "rope_parameters") ? i : at;
    }
    if (!own || at == r->params.len)
        return;
    atom name = word(r, "rope_theta");
    struct node *theta = recipe_class_value(r, word(r, "default_theta"));
    theta = theta ? node_copy(u->arena, theta) : make_number(u->arena, word(r, "10000.0"));
    struct node *param = node_make(u->arena, NODE_PARAM, name, 2, make_name(u->arena, word(r, "float")), theta);
    param->op = PARAM_PLAIN;
    struct node *target = make_attr(u->arena, make_name(u->arena, word(r, "self")), name);
    struct node *store = node_make(u->arena, NODE_ASSIGN, NULL, 2, make_name(u->arena, name), target);
    vec_push(u->arena, &r->params, NULL);
    memmove(&r->params.at[at + 2], &r->params.at[at + 1], (r->params.len - at - 2) * sizeof r->params.at[0]);
    r->params.at[at + 1] = param;
    map_put(u->arena, &r->needed, name, (void *)name);
    for (uint32_t i = 0; i < r->body->nkids; i++)
        if (is_field_store(r->body->kid[i]) && atom_is(r->body->kid[i]->kid[0]->atom, "rope_parameters")) {
            node_insert(u->arena, r->body, i + 1, store);
            return;
        }
}

/* -- names that the code needs ------------------------------------------------------------------------------------- */

static void bind_name(const struct recipe *r, struct map *bound, atom name) {
    if (name)
        map_put(r->unit->arena, bound, name, (void *)name);
}

static void bind_target(const struct recipe *r, struct map *bound, const struct node *target) {
    if (target == NULL || target->kind == NODE_ATTRIBUTE || target->kind == NODE_SUBSCRIPT)
        return;
    if (target->kind == NODE_NAME)
        bind_name(r, bound, target->atom);
    for (uint32_t i = 0; i < target->nkids; i++)
        bind_target(r, bound, target->kid[i]);
}

/* Every name that something in the function binds. */
static void bind(const struct recipe *r, struct map *bound, const struct node *n) {
    if (n == NULL)
        return;
    switch (n->kind) {
    case NODE_PARAM:
    case NODE_FUNCTION:
    case NODE_HANDLER: bind_name(r, bound, n->atom); break;
    case NODE_ALIAS: bind_name(r, bound, n->asname ? n->asname : n->atom); break;
    case NODE_ASSIGN:
        for (uint32_t i = 1; i < n->nkids; i++)
            bind_target(r, bound, n->kid[i]);
        break;
    case NODE_ANNASSIGN:
    case NODE_AUGASSIGN:
    case NODE_FOR:
    case NODE_COMPREHENSION:
    case NODE_NAMEDEXPR: bind_target(r, bound, n->kid[0]); break;
    case NODE_WITHITEM: bind_target(r, bound, n->kid[1]); break;
    default: break;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        bind(r, bound, n->kid[i]);
}

static void need_import(struct recipe *r, struct bundle *b, const struct node *at, const struct symbol *symbol) {
    struct unit *u = r->unit;
    const struct node *stmt = symbol->stmt;
    bool from = stmt->kind == NODE_IMPORTFROM;
    bool near = from && stmt->level == 1 && recipe_home(r, at)->package == NULL; /* another file beside the source */
    if (symbol->def->asname || near || (!from && strchr(symbol->def->atom, '.'))) {
        bundle_refuse(r, at, "--bundle-config cannot import `%s` into the emitted file", at->atom);
        return;
    }
    const char *dot = strrchr(symbol->qual, '.');
    atom module = from ? intern_len(u->atoms, symbol->qual, (size_t)(dot - symbol->qual)) : symbol->qual;
    map_put(u->arena, &b->imports, intern_printf(u->atoms, "%s:%s", module, from ? dot + 1 : ""), (void *)module);
}

/* Names that neither the function nor Python defines come from the module of the source. */
static void check_names(struct recipe *r, struct bundle *b, const struct map *bound, const struct node *n) {
    if (n == NULL)
        return;
    if (n->kind == NODE_NAME && !map_has(bound, n->atom)) {
        const struct symbol *symbol = module_lookup(recipe_home(r, n), n->atom);
        if (symbol && symbol->kind == SYM_IMPORT)
            need_import(r, b, n, symbol);
        else if (symbol)
            bundle_refuse(r, n, "--bundle-config does not carry over `%s`, which stands outside of the class", n->atom);
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        check_names(r, b, bound, n->kid[i]);
}

/* -- the class ----------------------------------------------------------------------------------------------------- */

static bool is_plain_type(const struct node *n) {
    if (n->kind == NODE_NAME)
        return word_in(n->atom, "int float bool str list dict tuple set object");
    bool compound = n->kind == NODE_BINOP || n->kind == NODE_SUBSCRIPT || n->kind == NODE_TUPLE;
    for (uint32_t i = 0; compound && i < n->nkids; i++)
        if (!is_plain_type(n->kid[i]))
            return false;
    return compound || is_none(n);
}

/* An annotation without what would have to be imported: `RopeParameters | dict | None` is `dict | None`. */
static struct node *plain_annotation(struct node *n) {
    if (n == NULL || is_plain_type(n))
        return n;
    if (n->kind != NODE_BINOP || n->op != OP_BITOR)
        return NULL;
    struct node *left = plain_annotation(n->kid[0]), *right = plain_annotation(n->kid[1]);
    if (left && right) {
        n->kid[0] = left;
        n->kid[1] = right;
        return n;
    }
    struct node *rest = left ? left : right;
    return rest == NULL || is_none(rest) ? NULL : rest;
}

static struct node *parameters(struct recipe *r, struct bundle *b) {
    struct unit *u = r->unit;
    const struct map none = {0};
    struct node *params = node_new(u->arena, NODE_PARAMS);
    struct node *self = node_make(u->arena, NODE_PARAM, word(r, "self"), 2, (struct node *)NULL, (struct node *)NULL);
    struct node *rest = node_make(u->arena, NODE_PARAM, word(r, "kwargs"), 2, (struct node *)NULL, (struct node *)NULL);
    self->op = PARAM_PLAIN;
    rest->op = PARAM_KWARGS;
    node_add(u->arena, params, self);
    for (uint32_t i = 0; i < r->params.len; i++) {
        struct node *p = r->params.at[i];
        const struct node *before = params->kid[params->nkids - 1];
        if (!needs(r, p->atom))
            continue;
        p->kid[0] = plain_annotation(p->kid[0]);
        p->flags &= ~(uint32_t)NF_BLANK;
        p->comments = NULL;
        if (is_kind(p->kid[1], NODE_CALL))
            bundle_refuse(r, p, "--bundle-config does not understand the default of `%s`", p->atom);
        if (p->kid[1] == NULL && before->kid[1] != NULL)
            bundle_refuse(r, p, "--bundle-config needs a default for `%s`", p->atom);
        check_names(r, b, &none, p->kid[1]);
        node_add(u->arena, params, p);
    }
    node_add(u->arena, params, rest);
    return params;
}

static void add_value(struct recipe *r, struct node *body, const char *name, struct node *value) {
    node_add(r->unit->arena, body,
        node_make(r->unit->arena, NODE_ASSIGN, NULL, 2, value, make_name(r->unit->arena, word(r, name))));
}

/* Every alias that the class or a base of it has. */
static void add_aliases(struct recipe *r, struct node *body) {
    struct unit *u = r->unit;
    const struct map *aliases = &r->config->aliases;
    struct node *dict = node_new(u->arena, NODE_DICT);
    for (uint32_t i = 0; i < aliases->len; i++)
        node_add(u->arena, dict,
            node_make(u->arena, NODE_KEYVALUE, NULL, 2, make_string(u->arena, u->atoms, aliases->entry[i].key),
                make_string(u->arena, u->atoms, aliases->entry[i].value)));
    if (dict->nkids > 0)
        add_value(r, body, "attribute_map", dict);
}

/* What the class body gives a needed name that is no parameter. */
static void add_class_values(struct recipe *r, struct bundle *b, struct node *body) {
    static const char own[] = "model_type attribute_map";
    const struct map none = {0};
    for (uint32_t link = r->chain.len; link-- > 0;) {
        const struct node *from = class_body(r->chain.at[link]);
        for (uint32_t i = 0; i < from->nkids; i++) {
            const struct node *s = from->kid[i], *name = s->kind == NODE_ASSIGN ? s->kid[1] : NULL;
            if (!is_kind(name, NODE_NAME) || word_in(name->atom, own) || !needs(r, recipe_attribute(r, name->atom)) ||
                needs(r, name->atom) || recipe_class_value(r, name->atom) != s->kid[0])
                continue;
            check_names(r, b, &none, s->kid[0]);
            add_value(r, body, name->atom, node_copy(r->unit->arena, s->kid[0]));
        }
    }
}

static struct node *constructor(struct recipe *r, struct bundle *b) {
    struct unit *u = r->unit;
    struct map bound = {0};
    struct node *fn =
        node_make(u->arena, NODE_FUNCTION, word(r, "__init__"), 3, parameters(r, b), (struct node *)NULL, r->body);
    fn->flags |= NF_BLANK;
    bind(r, &bound, fn);
    check_names(r, b, &bound, r->body);
    return fn;
}

static void add_methods(struct recipe *r, struct bundle *b, struct node *body) {
    for (uint32_t i = 0; i < r->carried.len; i++) {
        struct map bound = {0};
        struct node *fn = node_copy(r->unit->arena, r->carried.entry[i].value);
        for (uint32_t k = 0; k < function_params(fn)->nkids; k++)
            function_params(fn)->kid[k]->kid[0] = plain_annotation(function_params(fn)->kid[k]->kid[0]);
        fn->kid[1] = plain_annotation(fn->kid[1]);
        fn->flags |= NF_BLANK;
        bind(r, &bound, fn);
        check_names(r, b, &bound, fn);
        node_add(r->unit->arena, body, fn);
    }
}

static struct node *class_of(struct recipe *r, struct bundle *b) {
    struct unit *u = r->unit;
    struct node *bases = node_make(u->arena, NODE_BASES, NULL, 1, make_name(u->arena, word(r, "PretrainedConfig")));
    struct node *body = node_new(u->arena, NODE_BLOCK);
    if (b->model_type)
        add_value(r, body, "model_type", make_string(u->arena, u->atoms, b->model_type));
    add_aliases(r, body);
    add_class_values(r, b, body);
    node_add(u->arena, body, constructor(r, b));
    add_methods(r, b, body);
    return node_make(u->arena, NODE_CLASS, r->config->name, 2, bases, body);
}

static void make(struct recipe *r) {
    struct map reads = {0};
    struct bundle *b = NEW(r->unit->arena, struct bundle);
    r->failed = !config_reads(r->unit, r->asked, &reads);
    if (!r->failed)
        recipe_read(r);
    if (!r->failed)
        recipe_slice(r, &reads);
    if (r->failed)
        return;
    drop_arguments(r);
    if (r->fields) {
        add_rope_theta(r);
        give_root_fields(r);
        part_fields_from_rest(r);
    }
    b->model_type = r->config->model_type;
    b->cls = class_of(r, b);
    if (!r->failed)
        r->unit->bundle = b;
}

bool bundle_config(struct unit *unit) {
    bool asked = unit->options.bundle_config;
    const struct config *config = unit->config;
    if (!asked && (config == NULL || config->module != unit->module))
        return true;
    struct recipe r = {.unit = unit, .config = config, .asked = asked};
    r.module = config ? config->module : unit->module;
    if (config == NULL) {
        bundle_refuse(&r, unit->entry->def, "--bundle-config finds no source of the configuration class%s%s",
            unit->config_class ? " " : "", unit->config_class ? unit->config_class : "");
        return false;
    }
    r.def = config->def;
    make(&r);
    return !(asked && r.failed);
}
