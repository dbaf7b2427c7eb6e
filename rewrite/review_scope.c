/* review_scope.c - what names stand for in a file as it is written, and which definitions the language model runs.
 *
 * No pass has run: a name of a function stands for the last assignment above it in the text, which is what it is in
 * code without loops. A check that needs more asks the equations (review_equations.c). */
#include <string.h>

#include "base/text.h"
#include "rewrite/review_internal.h"

/* -- walking ------------------------------------------------------------------------------------------------------- */

static void walk(struct reviewer *r, struct place at, struct node *n, review_visitor *visit, void *user) {
    visit(r, &at, n, user);
    at.cls = n->kind == NODE_CLASS ? n : at.cls;
    at.fn = n->kind == NODE_FUNCTION ? n : at.fn;
    at.parent = n;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            walk(r, at, n->kid[i], visit, user);
}

void review_walk(struct reviewer *r, struct node *n, review_visitor *visit, void *user) {
    walk(r, (struct place){0}, n, visit, user);
}

void review_walk_exported(struct reviewer *r, review_visitor *visit, void *user) {
    const struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++)
        if (review_is_exported(r, tree->kid[i]))
            review_walk(r, tree->kid[i], visit, user);
}

/* -- definitions --------------------------------------------------------------------------------------------------- */

struct node *review_definition(const struct reviewer *r, atom name, enum node_kind kind) {
    const struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++)
        if (tree->kid[i]->kind == kind && tree->kid[i]->atom == name)
            return tree->kid[i];
    return NULL;
}

static struct node *base_in_file(const struct reviewer *r, const struct node *cls, uint32_t i) {
    const struct node *base = cls->kid[0]->kid[i];
    struct node *def = base->kind == NODE_NAME ? review_definition(r, base->atom, NODE_CLASS) : NULL;
    return def && def->span.start < cls->span.start ? def : NULL; /* above: so there are no circles */
}

struct node *review_method(struct reviewer *r, const struct node *cls, const char *name) {
    const struct node *body = class_body(cls);
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i]->kind == NODE_FUNCTION && atom_is(body->kid[i]->atom, name))
            return body->kid[i];
    for (uint32_t i = 0; i < cls->kid[0]->nkids; i++) {
        const struct node *base = base_in_file(r, cls, i);
        struct node *found = base ? review_method(r, base, name) : NULL;
        if (found)
            return found;
    }
    return NULL;
}

bool review_derives(struct reviewer *r, const struct node *cls, const char *suffix) {
    for (uint32_t i = 0; i < cls->kid[0]->nkids; i++) {
        const struct node *base = base_in_file(r, cls, i);
        atom qual = base ? NULL : review_qual(r, NULL, cls->kid[0]->kid[i]);
        if (base ? review_derives(r, base, suffix) : qual_ends(qual, suffix))
            return true;
    }
    return false;
}

bool review_is_config(struct reviewer *r, const struct node *cls) {
    return review_derives(r, cls, "PretrainedConfig") || review_derives(r, cls, "PreTrainedConfig");
}

const struct node *review_param(const struct node *fn, const char *name) {
    const struct node *params = function_params(fn);
    for (uint32_t i = 0; i < params->nkids; i++)
        if (atom_is(params->kid[i]->atom, name))
            return params->kid[i];
    return NULL;
}

/* -- names --------------------------------------------------------------------------------------------------------- */

/* What an import in the body of a function calls `name`. */
static atom imported_in(struct reviewer *r, const struct node *n, atom name) {
    struct unit *unit = r->unit;
    if (n->kind == NODE_IMPORTFROM || n->kind == NODE_IMPORT) {
        atom from = n->kind == NODE_IMPORTFROM ? import_base(unit, unit->module, n) : NULL;
        for (uint32_t i = 0; i < n->nkids; i++) {
            const struct node *alias = n->kid[i];
            if ((alias->asname ? alias->asname : alias->atom) == name)
                return from ? intern_dotted(unit->atoms, from, alias->atom) : alias->atom;
        }
        return NULL;
    }
    atom found = NULL;
    for (uint32_t i = 0; i < n->nkids && !found && !node_is_expr(n); i++)
        found = n->kid[i] ? imported_in(r, n->kid[i], name) : NULL;
    return found;
}

/* A variable of the module that is another word for something, `ops = torch.ops.auto_deploy`, is looked through: what
 * it stands for was defined before it, so that this ends. */
static atom qual_before(struct reviewer *r, const struct node *fn, const struct node *e, uint32_t order) {
    if (e->kind == NODE_ATTRIBUTE) {
        atom of = qual_before(r, fn, e->kid[0], order);
        return of ? intern_dotted(r->unit->atoms, of, e->atom) : NULL;
    }
    if (e->kind != NODE_NAME)
        return NULL;
    atom local = fn ? imported_in(r, function_body(fn), e->atom) : NULL;
    const struct symbol *symbol = local ? NULL : module_lookup(r->unit->module, e->atom);
    if (symbol == NULL || symbol->kind == SYM_IMPORT)
        return symbol ? symbol->qual : local;
    bool other_word = symbol->kind == SYM_VALUE && symbol->order < order && !symbol->previous && !symbol->unsure;
    return other_word ? qual_before(r, NULL, symbol->def, symbol->order) : NULL;
}

atom review_qual(struct reviewer *r, const struct node *fn, const struct node *e) {
    return qual_before(r, fn, e, UINT32_MAX);
}

atom called_name(const struct node *call) {
    const struct node *callee = is_kind(call, NODE_CALL) ? call->kid[0] : NULL;
    return is_kind(callee, NODE_NAME) || is_kind(callee, NODE_ATTRIBUTE) ? callee->atom : NULL;
}

bool is_config_attr(const struct node *n) {
    if (!is_kind(n, NODE_ATTRIBUTE))
        return false;
    const struct node *of = n->kid[0];
    return is_name(of, "config") || (is_kind(of, NODE_ATTRIBUTE) && atom_is(of->atom, "config"));
}

/* -- values -------------------------------------------------------------------------------------------------------- */

struct search {
    atom name;
    uint32_t before;
    struct node *found;
};

static void assigned(struct search *s, const struct node *target, struct node *value) {
    if (target->kind == NODE_NAME && target->atom == s->name)
        s->found = value;
    bool pairs = value->kind == NODE_TUPLE && value->nkids == target->nkids;
    for (uint32_t i = 0; target->kind == NODE_TUPLE && pairs && i < target->nkids; i++)
        assigned(s, target->kid[i], value->kid[i]);
}

static void search_block(struct search *s, struct node *n) {
    if (n->span.start >= s->before || node_is_expr(n))
        return;
    bool whole = n->span.end <= s->before; /* not the statement in which the name is read */
    if (n->kind == NODE_ASSIGN && whole)
        for (uint32_t i = 1; i < n->nkids; i++)
            assigned(s, n->kid[i], n->kid[0]);
    if (n->kind == NODE_ANNASSIGN && whole && n->kid[2])
        assigned(s, n->kid[0], n->kid[2]);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i] && !node_is_expr(n->kid[i]))
            search_block(s, n->kid[i]);
}

struct node *review_local(const struct node *fn, atom name, const struct node *before) {
    struct search s = {.name = name, .before = before->span.start};
    struct node *body = function_body(fn);
    for (uint32_t i = 0; i < body->nkids; i++)
        search_block(&s, body->kid[i]);
    return s.found;
}

struct node *review_behind(const struct node *fn, struct node *e) {
    for (int depth = 0; fn && e && e->kind == NODE_NAME && depth < 8; depth++) {
        struct node *value = review_local(fn, e->atom, e);
        if (value == NULL)
            break;
        e = value;
    }
    return e;
}

/* -- what is exported ---------------------------------------------------------------------------------------------- */

bool review_is_registration(const struct node *n) {
    return is_kind(n, NODE_CALL) && is_kind(n->kid[0], NODE_ATTRIBUTE) &&
           atom_is(n->kid[0]->atom, "register_custom_model_cls");
}

static bool is_of_text(const struct node *call) {
    const struct node *factory = call->kid[0]->kid[0];
    return (factory->kind == NODE_NAME || factory->kind == NODE_ATTRIBUTE) &&
           atom_is(factory->atom, "AutoModelForCausalLMFactory");
}

struct registration {
    bool text; /* of a causal LM: the others are not looked at */
};

static void visit_registration(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at;
    const struct registration *wanted = user;
    if (r->entry || !review_is_registration(n) || (wanted->text && !is_of_text(n)))
        return;
    const struct node *cls = call_argument(n, 1, "custom_model_cls");
    r->entry = is_kind(cls, NODE_NAME) ? review_definition(r, cls->atom, NODE_CLASS) : NULL;
}

static void reach(struct reviewer *r, const struct symbol *symbol);

static void reach_names(struct reviewer *r, const struct node *n) {
    const struct symbol *symbol = n->kind == NODE_NAME ? module_lookup(r->unit->module, n->atom) : NULL;
    if (symbol && symbol->kind != SYM_IMPORT && symbol->stmt)
        reach(r, symbol);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            reach_names(r, n->kid[i]);
}

static void reach(struct reviewer *r, const struct symbol *symbol) {
    if (map_has(&r->exported, symbol->name))
        return;
    map_put(r->unit->arena, &r->exported, symbol->name, symbol->stmt);
    reach_names(r, symbol->stmt);
}

void review_find_entry(struct reviewer *r) {
    struct node *tree = r->unit->module->tree;
    for (int text = 1; text >= 0 && !r->entry; text--)
        review_walk(r, tree, visit_registration, &(struct registration){text});
    const struct symbol *symbol = r->entry ? module_lookup(r->unit->module, r->entry->atom) : NULL;
    if (symbol)
        reach(r, symbol);
}

bool review_is_exported(const struct reviewer *r, const struct node *def) {
    bool definition = def->kind == NODE_CLASS || def->kind == NODE_FUNCTION;
    return !definition || r->entry == NULL || map_has(&r->exported, def->atom);
}
