/* entry.c - finding the head of the causal LM in a modeling file.
 *
 * A file can hold several (one for text alone and one for images and text, say): the one whose name says causal LM is
 * meant, and where that does not decide, the user must. */
#include "rewrite/entry.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "parser/package.h"

struct candidates {
    VEC(struct cls *) list;
};

static const char *const head_suffixes[] = {"ForCausalLM", "LMHeadModel", "WithLMHead"};

static bool named_as_head(const struct cls *cls) {
    for (size_t i = 0; i < sizeof head_suffixes / sizeof head_suffixes[0]; i++)
        if (ends_with(cls->name, head_suffixes[i]))
            return true;
    return false;
}

static void add(struct unit *unit, struct candidates *found, struct cls *cls) {
    for (uint32_t i = 0; i < found->list.len; i++)
        if (found->list.at[i] == cls)
            return;
    vec_push(unit->arena, &found->list, cls);
}

static struct cls *class_named(struct unit *unit, const char *name) {
    struct symbol *symbol = module_lookup(unit->module, intern(unit->atoms, name));
    return symbol && symbol->kind == SYM_CLASS ? symbol_class(unit, unit->module, symbol) : NULL;
}

/* The classes of this file that the package maps a model type to. */
static void mapped(struct unit *unit, struct candidates *found) {
    const struct registry *r = unit->registry;
    for (uint32_t i = 0; r && i < r->nheads; i++) {
        struct cls *cls = class_named(unit, r->heads[i].value);
        if (cls)
            add(unit, found, cls);
    }
}

static bool is_pretrained(const struct cls *cls) {
    for (uint32_t i = 0; i < cls->library_bases.len; i++)
        if (ends_with(cls->library_bases.at[i], "PreTrainedModel"))
            return true;
    for (uint32_t i = 0; i < cls->bases.len; i++)
        if (ends_with(cls->bases.at[i]->name, "PreTrainedModel") || is_pretrained(cls->bases.at[i]))
            return true;
    return false;
}

/* Whether a part of a forward makes the output of a causal LM. */
static bool makes_logits(const struct unit *unit, const struct node *n) {
    const struct symbol *callee =
        n->kind == NODE_CALL && n->kid[0]->kind == NODE_NAME ? module_lookup(unit->module, n->kid[0]->atom) : NULL;
    if (callee && callee->kind == SYM_IMPORT && strstr(callee->qual, "CausalLMOutput"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && makes_logits(unit, n->kid[i]))
            return true;
    return false;
}

/* The classes that look like a head: models with a forward that generate, are named so, or return what such return. */
static void heads(struct unit *unit, struct candidates *found) {
    for (uint32_t i = 0; i < unit->module->symbols.len; i++) {
        struct symbol *symbol = unit->module->symbols.entry[i].value;
        if (symbol->kind != SYM_CLASS)
            continue;
        struct cls *cls = symbol_class(unit, unit->module, symbol);
        const struct fn *forward = is_pretrained(cls) ? class_method(cls, "forward") : NULL;
        if (forward &&
            (named_as_head(cls) || class_derives(cls, "GenerationMixin") || makes_logits(unit, forward->def)))
            add(unit, found, cls);
    }
}

/* The only candidate, or the only one with a name that says so. */
static struct cls *only(const struct candidates *found) {
    struct cls *named = NULL;
    if (found->list.len == 1)
        return found->list.at[0];
    for (uint32_t i = 0; i < found->list.len; i++) {
        if (!named_as_head(found->list.at[i]))
            continue;
        if (named)
            return NULL;
        named = found->list.at[i];
    }
    return named;
}

static const char *names_of(struct unit *unit, const struct candidates *found) {
    const char *text = "";
    for (uint32_t i = 0; i < found->list.len; i++)
        text = arena_printf(unit->arena, "%s%s%s", text, i ? ", " : "", found->list.at[i]->name);
    return text;
}

static bool not_decided(struct unit *unit, const struct candidates *found) {
    struct span none = {0, 0};
    if (found->list.len == 0) {
        struct diag *d = diag_at(unit->diags, SEVERITY_ERROR, NULL, none, "no-causal-lm",
            "%s: no causal LM in this file", unit->module->source->path);
        diag_help(unit->diags, d,
            "a causal LM derives from a ...PreTrainedModel and GenerationMixin; "
            "name another class with --entry CLASS");
        return false;
    }
    struct diag *d = diag_at(unit->diags, SEVERITY_ERROR, NULL, none, "entry",
        "%s: more than one causal LM in this file: %s", unit->module->source->path, names_of(unit, found));
    diag_help(unit->diags, d, "choose one with --entry CLASS");
    return false;
}

static bool no_such_class(struct unit *unit, const char *name) {
    struct nearest nearest = {0};
    struct candidates found = {0};
    for (uint32_t i = 0; i < unit->module->symbols.len; i++) {
        const struct symbol *symbol = unit->module->symbols.entry[i].value;
        if (symbol->kind == SYM_CLASS)
            nearest_offer(&nearest, name, symbol->name);
    }
    heads(unit, &found);
    struct diag *d = diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, "entry",
        "%s: there is no class `%s`", unit->module->source->path, name);
    if (nearest.word)
        diag_help(unit->diags, d, "did you mean `%s`?", nearest.word);
    else if (found.list.len > 0)
        diag_help(unit->diags, d, "the causal LMs of this file: %s", names_of(unit, &found));
    return false;
}

/* What is asked for by name may be any model, but must be one. */
static bool take_named(struct unit *unit, const char *name) {
    unit->entry = class_named(unit, name);
    if (unit->entry == NULL)
        return no_such_class(unit, name);
    if (class_method(unit->entry, "forward"))
        return true;
    diag_at(unit->diags, SEVERITY_ERROR, unit->module->source, unit->entry->def->span, "entry",
        "the class `%s` has no forward in this file", name);
    return false;
}

bool select_entry(struct unit *unit) {
    struct candidates found = {0};
    if (unit->options.entry)
        return take_named(unit, unit->options.entry);
    mapped(unit, &found);
    if (found.list.len == 0)
        heads(unit, &found);
    unit->entry = only(&found);
    return unit->entry != NULL || not_decided(unit, &found);
}

const struct node *model_call(const struct node *n) {
    if (n == NULL)
        return NULL;
    if (n->kind == NODE_CALL && n->callsite && n->kid[0]->kind == NODE_ATTRIBUTE && n->callsite->fn->owner &&
        is_pretrained(n->callsite->fn->owner))
        return n;
    for (uint32_t i = 0; i < n->nkids; i++) {
        const struct node *found = model_call(n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}
