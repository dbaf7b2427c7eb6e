/* bundle_effects.c - what a statement of a configuration's construction reads, writes, and changes in place.
 *
 * Reads   a statement or expression of a recipe, and the methods that it calls.
 * Writes  struct effects. Variables are locals, `x`, and attributes of self, `self.x`; a key of `kwargs` is the
 *         attribute that PretrainedConfig makes of it.
 * Guarantees  nothing is read or written that is not among the effects, or `unknown` says that this cannot be told. */
#include <string.h>

#include "base/text.h"
#include "rewrite/bundle_internal.h"
#include "rewrite/facts.h"

void names_add(const struct recipe *r, struct names *names, atom name) {
    vec_push(r->unit->arena, &names->list, name);
}

atom recipe_attribute(const struct recipe *r, atom name) {
    const struct map *aliases = &r->config->aliases;
    return intern_printf(r->unit->atoms, "self.%s", map_has(aliases, name) ? (atom)map_get(aliases, name) : name);
}

/* The attribute that a constant string names, or NULL. */
static atom keyed(const struct recipe *r, const struct node *key) {
    atom name = is_kind(key, NODE_STRING) ? string_value(r->unit->atoms, key) : NULL;
    return name ? recipe_attribute(r, name) : NULL;
}

static bool is_kwargs(const struct node *n) {
    return is_name(n, "kwargs");
}

/* The variable whose object a chain of attributes, subscripts and method calls starts from, or NULL. */
atom variable_of(const struct recipe *r, const struct node *n) {
    while (n) {
        if (n->kind == NODE_ATTRIBUTE && is_name(n->kid[0], "self"))
            return recipe_attribute(r, n->atom);
        if (n->kind == NODE_NAME)
            return n->atom;
        bool chain = n->kind == NODE_ATTRIBUTE || n->kind == NODE_SUBSCRIPT || n->kind == NODE_CALL;
        n = chain ? n->kid[0] : NULL;
    }
    return NULL;
}

/* -- functions that are called ------------------------------------------------------------------------------------- */

/* The dotted name of what is called, absolute where an import says so; NULL where it is no name. */
static atom dotted(const struct recipe *r, const struct node *n) {
    struct unit *u = r->unit;
    if (n->kind == NODE_ATTRIBUTE) {
        atom before = dotted(r, n->kid[0]);
        return before ? intern_dotted(u->atoms, before, n->atom) : NULL;
    }
    const struct symbol *symbol = n->kind == NODE_NAME ? module_lookup(recipe_home(r, n), n->atom) : NULL;
    return n->kind != NODE_NAME ? NULL : symbol && symbol->kind == SYM_IMPORT ? symbol->qual : n->atom;
}

/* It neither changes its arguments nor computes anything: messages, checks. */
static bool is_idle(const struct recipe *r, const struct node *callee) {
    atom qual = dotted(r, callee);
    const struct fact *fact = qual ? fact_library(r->unit->facts, qual) : NULL;
    return fact && fact->effect == EFFECT_DROP;
}

/* It does not change its arguments. */
bool call_is_pure(const struct recipe *r, const struct node *callee) {
    static const char builtins[] = "abs all any bool dict divmod enumerate float frozenset int isinstance len list max "
                                   "min print range repr reversed round set sorted str sum tuple type zip";
    atom qual = dotted(r, callee);
    return qual && (word_in(qual, builtins) || starts_with(qual, "math.") || starts_with(qual, "copy."));
}

static bool method_is_pure(atom name) {
    static const char pure[] = "get items keys values copy split lower upper strip startswith endswith replace join "
                               "format index count";
    return word_in(name, pure);
}

/* Methods of PretrainedConfig through which it brings rope_parameters into its own form. */
bool is_rope_hook(atom name) {
    return word_in(name, "convert_rope_params_to_dict standardize_rope_params nested_rope_parameter_keys");
}

/* -- effects ------------------------------------------------------------------------------------------------------- */

void effects_of_block(const struct recipe *r, struct effects *fx, const struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++)
        effects_of_stmt(r, fx, block->kid[i]);
}

static void visit_kids(const struct recipe *r, struct effects *fx, const struct node *n, uint32_t from) {
    for (uint32_t i = from; i < n->nkids; i++)
        effects_of_expr(r, fx, n->kid[i]);
}

static void read_key(const struct recipe *r, struct effects *fx, const struct node *at, const struct node *key) {
    atom name = keyed(r, key);
    if (name)
        names_add(r, &fx->reads, name);
    else
        fx->unknown = at;
}

/* getattr(self, "x", ...), hasattr, setattr, delattr. */
static void by_name(const struct recipe *r, struct effects *fx, const struct node *call) {
    read_key(r, fx, call, call->kid[2]);
    bool writes = is_name(call->kid[0], "setattr") || is_name(call->kid[0], "delattr");
    if (writes && keyed(r, call->kid[2]))
        names_add(r, &fx->writes, keyed(r, call->kid[2]));
    visit_kids(r, fx, call, 3);
}

/* kwargs.get("x", ...), pop, setdefault. */
static void of_kwargs(const struct recipe *r, struct effects *fx, const struct node *call) {
    atom name = call->kid[0]->atom;
    if (call->nkids < 2 || !word_in(name, "get pop setdefault")) {
        fx->unknown = call;
        return;
    }
    read_key(r, fx, call, call->kid[1]);
    if (!atom_is(name, "get") && keyed(r, call->kid[1]))
        names_add(r, &fx->writes, keyed(r, call->kid[1]));
    visit_kids(r, fx, call, 2);
}

/* self.method(...): what the method writes; its body is carried over where the call is. */
static void of_self(const struct recipe *r, struct effects *fx, const struct node *call) {
    const struct node *method = recipe_method(r, call->kid[0]->atom, 0);
    names_add(r, &fx->reads, recipe_attribute(r, call->kid[0]->atom));
    visit_kids(r, fx, call, 1);
    if (method == NULL) {
        if (!is_rope_hook(call->kid[0]->atom))
            fx->unknown = call;
        return;
    }
    if (method->mark) /* calls itself */
        return;
    struct effects own = {0};
    ((struct node *)method)->mark = 1;
    effects_of_block(r, &own, function_body(method));
    ((struct node *)method)->mark = 0;
    for (uint32_t i = 0; i < own.writes.list.len; i++)
        if (starts_with(own.writes.list.at[i], "self."))
            names_add(r, &fx->writes, own.writes.list.at[i]);
    fx->unknown = own.unknown ? own.unknown : fx->unknown;
}

static void visit_call(const struct recipe *r, struct effects *fx, const struct node *call) {
    static const char accessors[] = "getattr hasattr setattr delattr";
    const struct node *callee = call->kid[0], *object = callee->kind == NODE_ATTRIBUTE ? callee->kid[0] : NULL;
    if (is_idle(r, callee))
        return;
    if (callee->kind == NODE_NAME && word_in(callee->atom, accessors) && call->nkids >= 3 &&
        is_name(call->kid[1], "self")) {
        by_name(r, fx, call);
        return;
    }
    if (object && is_kwargs(object)) {
        of_kwargs(r, fx, call);
        return;
    }
    if (object && is_name(object, "self")) {
        of_self(r, fx, call);
        return;
    }
    atom base = object ? variable_of(r, object) : NULL;
    bool imported = object && is_kind(object, NODE_NAME) && module_lookup(recipe_home(r, object), object->atom);
    if (base && !imported && !method_is_pure(callee->atom))
        names_add(r, &fx->changed, base);
    effects_of_expr(r, fx, callee);
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *arg = call->kid[i]->kind == NODE_KEYWORD ? call->kid[i]->kid[0] : call->kid[i];
        atom given = call_is_pure(r, callee) ? NULL : variable_of(r, arg);
        if (given)
            names_add(r, &fx->changed, given);
        effects_of_expr(r, fx, arg);
    }
}

void effects_of_expr(const struct recipe *r, struct effects *fx, const struct node *n) {
    if (n == NULL)
        return;
    switch (n->kind) {
    case NODE_NAME:
        if (is_name(n, "self") || is_kwargs(n) || is_name(n, "super"))
            fx->unknown = n;
        else
            names_add(r, &fx->reads, n->atom);
        return;
    case NODE_ATTRIBUTE:
        if (!is_name(n->kid[0], "self"))
            effects_of_expr(r, fx, n->kid[0]);
        else if (atom_is(n->atom, "__dict__"))
            fx->unknown = n;
        else if (!atom_is(n->atom, "__class__"))
            names_add(r, &fx->reads, recipe_attribute(r, n->atom));
        return;
    case NODE_CALL: visit_call(r, fx, n); return;
    case NODE_SUBSCRIPT:
        if (is_kwargs(n->kid[0]))
            read_key(r, fx, n, n->kid[1]);
        else
            visit_kids(r, fx, n, 0);
        return;
    case NODE_COMPARE:
        if (n->nkids == 2 && is_kwargs(n->kid[1]) && (n->ops[0] == OP_IN || n->ops[0] == OP_NOT_IN))
            read_key(r, fx, n, n->kid[0]);
        else
            visit_kids(r, fx, n, 0);
        return;
    case NODE_NAMEDEXPR:
        names_add(r, &fx->writes, n->kid[0]->atom);
        effects_of_expr(r, fx, n->kid[1]);
        return;
    default: visit_kids(r, fx, n, 0);
    }
}

static void store(const struct recipe *r, struct effects *fx, const struct node *target) {
    if (target->kind == NODE_TUPLE || target->kind == NODE_LIST || target->kind == NODE_STARRED) {
        for (uint32_t i = 0; i < target->nkids; i++)
            store(r, fx, target->kid[i]);
    } else if (target->kind == NODE_SUBSCRIPT && is_kwargs(target->kid[0])) {
        read_key(r, fx, target, target->kid[1]);
        if (keyed(r, target->kid[1]))
            names_add(r, &fx->writes, keyed(r, target->kid[1]));
    } else if (target->kind == NODE_NAME || (target->kind == NODE_ATTRIBUTE && is_name(target->kid[0], "self"))) {
        if (is_kwargs(target) || is_name(target, "self"))
            fx->unknown = target;
        names_add(r, &fx->writes, variable_of(r, target));
    } else {
        atom base = variable_of(r, target);
        visit_kids(r, fx, target, 0);
        if (base)
            names_add(r, &fx->changed, base);
        else
            fx->unknown = target;
    }
}

static void run_kids(const struct recipe *r, struct effects *fx, const struct node *stmt, uint32_t from) {
    for (uint32_t i = from; i < stmt->nkids; i++) {
        const struct node *kid = stmt->kid[i];
        if (is_kind(kid, NODE_BLOCK))
            effects_of_block(r, fx, kid);
        else if (is_kind(kid, NODE_HANDLER))
            effects_of_block(r, fx, kid->kid[1]);
        else if (is_kind(kid, NODE_WITHITEM))
            effects_of_expr(r, fx, kid->kid[0]);
        else
            effects_of_expr(r, fx, kid);
    }
}

void effects_of_stmt(const struct recipe *r, struct effects *fx, const struct node *stmt) {
    switch (stmt->kind) {
    case NODE_ASSIGN:
        effects_of_expr(r, fx, stmt->kid[0]);
        for (uint32_t i = 1; i < stmt->nkids; i++)
            store(r, fx, stmt->kid[i]);
        return;
    case NODE_ANNASSIGN:
        effects_of_expr(r, fx, stmt->kid[2]);
        store(r, fx, stmt->kid[0]);
        return;
    case NODE_AUGASSIGN:
        visit_kids(r, fx, stmt, 0);
        store(r, fx, stmt->kid[0]);
        return;
    case NODE_DELETE:
        for (uint32_t i = 0; i < stmt->nkids; i++)
            store(r, fx, stmt->kid[i]);
        return;
    case NODE_FOR:
        store(r, fx, stmt->kid[0]);
        run_kids(r, fx, stmt, 1);
        return;
    case NODE_FUNCTION:
        names_add(r, &fx->writes, stmt->atom);
        effects_of_block(r, fx, function_body(stmt));
        return;
    case NODE_IMPORT:
    case NODE_IMPORTFROM:
        for (uint32_t i = 0; i < stmt->nkids; i++)
            names_add(r, &fx->writes, stmt->kid[i]->asname ? stmt->kid[i]->asname : stmt->kid[i]->atom);
        return;
    case NODE_RETURN:
    case NODE_EXPR:
    case NODE_IF:
    case NODE_WHILE:
    case NODE_WITH:
    case NODE_TRY:
    case NODE_RAISE:
    case NODE_ASSERT: run_kids(r, fx, stmt, 0); return;
    case NODE_PASS:
    case NODE_BREAK:
    case NODE_CONTINUE: return;
    default: fx->unknown = stmt;
    }
}
