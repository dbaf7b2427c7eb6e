/* capture.c - writing a value down again. In order of preference: a variable that holds it; a copy of an expression
 * that had it, whose variables are still in scope; the canonical form itself, where that is plain Python. */
#include "rewrite/capture.h"

#include <math.h>

enum { CAPTURE_DEPTH = 100 };

struct writer {
    struct rewriter *r;
    uint32_t position, depth;
};

static struct node *write_value(struct writer *w, const struct value *v);

/* -- leaves -------------------------------------------------------------------------------------------------------- */

static struct node *write_number(struct writer *w, double number) {
    struct arena *arena = w->r->arena;
    double magnitude = fabs(number);
    bool whole = magnitude < 1e15 && magnitude == floor(magnitude);
    atom text = intern_printf(w->r->atoms, whole ? "%.0f" : "%.17g", magnitude);
    struct node *node = make_number(arena, text);
    if (number >= 0)
        return node;
    node = node_make(arena, NODE_UNARYOP, NULL, 1, node);
    node->op = OP_NEG;
    return node;
}

static struct node *write_dotted(struct writer *w, atom dotted) {
    struct arena *arena = w->r->arena;
    const char *at = dotted, *dot = strchr(at, '.');
    struct node *node = make_name(arena, intern_len(w->r->atoms, at, dot != NULL ? (size_t)(dot - at) : strlen(at)));
    while (dot != NULL) {
        at = dot + 1;
        dot = strchr(at, '.');
        node = make_attr(arena, node, intern_len(w->r->atoms, at, dot != NULL ? (size_t)(dot - at) : strlen(at)));
    }
    return node;
}

static struct node *write_web(struct writer *w, struct web *web) {
    return make_web_name(w->r->arena, web);
}

/* -- a copy of the source ------------------------------------------------------------------------------------------ */

/* A variable of the copied expression: as it is where it is in scope, else by its value. Variables that nothing
 * registered are bound inside the expression itself, by a comprehension or a lambda. */
static struct node *write_name(struct writer *w, const struct node *name) {
    struct web *web = name->web;
    if (web == NULL || web->kind == WEB_PARAM)
        return node_copy(w->r->arena, name);
    const struct value *v = value_of_web(w->r->values, web);
    bool registered = false;
    for (const struct holder *h = v->holders; h != NULL; h = h->next) {
        registered = registered || h->web == web;
        if (h->web == web && holder_visible(h, w->position))
            return node_copy(w->r->arena, name);
    }
    return registered ? write_value(w, v) : node_copy(w->r->arena, name);
}

/* Replace the names of a fresh copy; false where one cannot be written. */
static bool fix_names(struct writer *w, struct node *copy) {
    if (copy->kind == NODE_NAMEDEXPR) /* a second definition of its variable */
        return false;
    for (uint32_t i = 0; i < copy->nkids; i++) {
        struct node *kid = copy->kid[i];
        if (kid == NULL)
            continue;
        if (kid->kind != NODE_NAME) {
            if (!fix_names(w, kid))
                return false;
            continue;
        }
        copy->kid[i] = write_name(w, kid);
        if (copy->kid[i] == NULL)
            return false;
    }
    return true;
}

static struct node *write_origin(struct writer *w, const struct value *v) {
    struct node *copy = node_copy(w->r->arena, v->origin);
    copy->flags &= ~(uint32_t)NF_PAREN; /* the printer adds what the new place needs */
    return fix_names(w, copy) ? copy : NULL;
}

/* -- canonical forms ----------------------------------------------------------------------------------------------- */

static struct node *write_args(struct writer *w, struct node *out, const struct value *v, uint32_t from) {
    for (uint32_t i = from; i < v->count; i++) {
        struct node *arg = write_value(w, v->arg[i]);
        if (arg == NULL)
            return NULL;
        node_add(w->r->arena, out, arg);
    }
    return out;
}

static struct node *write_op(struct writer *w, const struct value *v) {
    enum node_kind kind = v->count == 1                          ? NODE_UNARYOP
                          : v->op == OP_AND || v->op == OP_OR    ? NODE_BOOLOP
                          : v->op >= OP_EQ && v->op <= OP_NOT_IN ? NODE_COMPARE
                                                                 : NODE_BINOP;
    struct node *out = node_new(w->r->arena, kind);
    out->op = v->op;
    if (kind == NODE_COMPARE) {
        out->op = OP_NO;
        out->ops = NEW_ARRAY(w->r->arena, uint8_t, 1);
        out->ops[0] = v->op;
    }
    return write_args(w, out, v, 0);
}

/* x.transpose(1, 2), as people write it. */
static struct node *write_transpose(struct writer *w, struct node *call, const struct value *v) {
    struct node *x = write_value(w, v->arg[0]);
    if (x == NULL)
        return NULL;
    node_add(w->r->arena, call, make_attr(w->r->arena, x, intern(w->r->atoms, "transpose")));
    for (uint32_t i = 1; i < 3; i++)
        node_add(w->r->arena, call, write_number(w, v->arg[i]->number + v->arg[0]->rank));
    return call;
}

static struct node *write_call(struct writer *w, const struct value *v) {
    if (strncmp(v->atom, "adgen.", 6) == 0)
        return NULL;
    struct node *out = node_new(w->r->arena, NODE_CALL);
    if (v->count == 3 && v->arg[0]->rank > 0 && strcmp(v->atom, "torch.transpose") == 0)
        return write_transpose(w, out, v);
    node_add(w->r->arena, out, write_dotted(w, v->atom));
    return write_args(w, out, v, 0);
}

static struct node *write_attr(struct writer *w, const struct value *v) {
    struct node *of = write_value(w, v->arg[0]);
    return of != NULL ? make_attr(w->r->arena, of, v->atom) : NULL;
}

static struct node *write_canonical(struct writer *w, const struct value *v) {
    switch ((enum value_kind)v->kind) {
    case VALUE_OP: return write_op(w, v);
    case VALUE_CALL: return write_call(w, v);
    case VALUE_ATTR: return write_attr(w, v);
    case VALUE_TUPLE: return write_args(w, node_new(w->r->arena, NODE_TUPLE), v, 0);
    case VALUE_INDEX: return write_args(w, node_new(w->r->arena, NODE_SUBSCRIPT), v, 0);
    case VALUE_IFEXP: return write_args(w, node_new(w->r->arena, NODE_IFEXP), v, 0);
    default: return NULL;
    }
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static struct node *write_compound(struct writer *w, const struct value *v) {
    struct node *out = NULL;
    if (w->depth >= CAPTURE_DEPTH)
        return NULL;
    w->depth++;
    if (v->origin != NULL)
        out = write_origin(w, v);
    if (out == NULL)
        out = write_canonical(w, v);
    w->depth--;
    return out;
}

static struct node *write_value(struct writer *w, const struct value *v) {
    struct node *out = NULL;
    struct web *holder = NULL;
    switch ((enum value_kind)v->kind) {
    case VALUE_NUMBER: return v->origin != NULL ? node_copy(w->r->arena, v->origin) : write_number(w, v->number);
    case VALUE_CONST: return make_const(w->r->arena, v->op);
    case VALUE_NAME: return v->origin != NULL ? node_copy(w->r->arena, v->origin) : write_dotted(w, v->atom);
    case VALUE_WEB:
        if (((const struct web *)v->ref)->kind == WEB_PARAM)
            return write_web(w, (struct web *)v->ref);
        holder = value_holder(v, w->position);
        return holder != NULL ? write_web(w, holder) : NULL;
    default: break;
    }
    holder = value_holder(v, w->position);
    out = holder != NULL ? write_web(w, holder) : write_compound(w, v);
    if (out != NULL)
        out->value = v;
    return out;
}

struct node *capture(struct rewriter *r, const struct value *value, uint32_t position) {
    struct writer w = {r, position, 0};
    return write_value(&w, value);
}

/* -- templates ----------------------------------------------------------------------------------------------------- */

struct filler {
    struct rewriter *r;
    const struct rule *rule;
    const struct binding *binding;
    uint32_t position;
    struct web *result;
};

static struct node *fill(struct filler *f, const struct node *node);

static const struct value *bound_to(const struct filler *f, const struct node *name) {
    for (uint32_t i = 0; name->atom[0] == '_' && i < f->rule->metas->count; i++)
        if (strcmp(f->rule->metas->at[i].name, name->atom + 1) == 0)
            return f->binding->meta[i];
    return NULL;
}

static struct node *fill_name(struct filler *f, const struct node *name) {
    if (f->result != NULL && is_name(name, "_result"))
        return make_web_name(f->r->arena, f->result);
    if (name->atom[0] != '_')
        return node_copy(f->r->arena, name);
    const struct value *v = bound_to(f, name);
    if (v == NULL)
        return NULL;
    struct node *out = capture(f->r, v, f->position);
    if (out == NULL)
        f->r->refused = "a part of it cannot be written at this place: a variable is out of scope";
    return out;
}

/* Whether everything in a template's argument is bound. */
static bool all_bound(const struct filler *f, const struct node *node) {
    if (node->kind == NODE_NAME)
        return node->atom[0] != '_' || bound_to(f, node) != NULL || (f->result != NULL && is_name(node, "_result"));
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL && !all_bound(f, node->kid[i]))
            return false;
    return true;
}

static template_function *find_function(const struct filler *f, const struct node *callee) {
    if (callee->kind != NODE_NAME)
        return NULL;
    for (const struct template_entry *e = f->r->functions; e != NULL && e->name != NULL; e++)
        if (atom_is(callee->atom, e->name))
            return e->make;
    return builtin_template_function(callee->atom);
}

static struct node *fill_function(struct filler *f, template_function *make, const struct node *call) {
    enum { ARGS = 8 };
    struct template_arg arg[ARGS] = {{NULL, NULL}};
    uint32_t count = call->nkids - 1;
    if (count > ARGS) {
        f->r->refused = "a template function has too many arguments";
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct node *kid = call->kid[i + 1];
        arg[i].value = kid->kind == NODE_NAME ? bound_to(f, kid) : NULL;
        if (all_bound(f, kid))
            arg[i].node = fill(f, kid);
    }
    return f->r->refused == NULL ? make(f->r, arg, count) : NULL;
}

/* Whether a keyword argument of an op gets the op's default. */
static bool is_default(const struct filler *f, const struct node *call, const struct node *keyword) {
    if (keyword == NULL || keyword->kind != NODE_KEYWORD || keyword->kid[0]->kind != NODE_NAME)
        return false;
    const struct value *v = bound_to(f, keyword->kid[0]);
    const struct library *library = f->r->rules->library;
    atom name = v != NULL ? library_qualify(library, call->kid[0]) : NULL;
    const struct function *op = name != NULL ? library_function(library, name) : NULL;
    for (uint32_t i = 0; op != NULL && i < op->count; i++) {
        const struct parameter *p = &op->param[i];
        if (p->name == keyword->atom)
            return v->kind == p->fallback && v->op == p->constant && v->number == p->number && v->atom == p->text;
    }
    return false;
}

static struct node *fill_kids(struct filler *f, const struct node *node) {
    struct node *out = node_copy(f->r->arena, node);
    out->value = NULL;
    while (out->nkids > 0)
        node_remove(out, out->nkids - 1);
    for (uint32_t i = 0; i < node->nkids; i++) {
        const struct node *from = node->kid[i];
        if (node->kind == NODE_CALL && is_default(f, node, from))
            continue;
        struct node *kid = from != NULL ? fill(f, from) : NULL;
        if (f->r->refused != NULL)
            return NULL;
        if (from != NULL && kid == NULL && node->kind == NODE_CALL)
            continue; /* an argument left out */
        if (from != NULL && kid == NULL)
            return NULL;
        node_add(f->r->arena, out, kid);
    }
    return out;
}

static struct node *fill(struct filler *f, const struct node *node) {
    if (node->kind == NODE_NAME)
        return fill_name(f, node);
    template_function *make = node->kind == NODE_CALL ? find_function(f, node->kid[0]) : NULL;
    return make != NULL ? fill_function(f, make, node) : fill_kids(f, node);
}

static void forget_places(struct node *node) {
    if (node->value == NULL) {
        node->source = NULL;
        node->span = (struct span){0, 0};
    }
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL && node->value == NULL)
            forget_places(node->kid[i]);
}

static struct node *instantiate(struct filler *f, const struct node *template) {
    struct rewriter *r = f->r;
    r->refused = NULL;
    struct node *out = fill(f, template);
    if (r->refused != NULL)
        return NULL;
    if (out == NULL)
        r->refused = "the rewrite has an unbound metavariable";
    else
        forget_places(out);
    return out;
}

struct node *instantiate_template(
    struct rewriter *r, const struct rule *rule, const struct binding *binding, uint32_t position) {
    struct filler f = {r, rule, binding, position, NULL};
    return instantiate(&f, rule->rewrite);
}

struct node *instantiate_each(
    struct rewriter *r, const struct rule *rule, const struct binding *binding, uint32_t position, struct web *web) {
    struct filler f = {r, rule, binding, position, web};
    return instantiate(&f, rule->each);
}
