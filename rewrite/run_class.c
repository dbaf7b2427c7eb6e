/* run_class.c - classes: the order of their bases, and their members. */
#include <string.h>

#include "base/text.h"
#include "rewrite/config.h"
#include "rewrite/run_internal.h"

/* -- making -------------------------------------------------------------------------------------------------------- */

static bool in_tail(const struct class *const *line, uint32_t len, const struct class *c) {
    for (uint32_t i = 1; i < len; i++)
        if (line[i] == c)
            return true;
    return false;
}

struct line {
    struct class **at;
    uint32_t len;
};

/* The order in which Python looks bases up: each class before its bases, those in the order of the class statement. */
static void merge_lines(struct run *run, struct class *class, struct line *lines, uint32_t count) {
    for (;;) {
        struct class *next = NULL;
        for (uint32_t i = 0; i < count && next == NULL; i++) {
            struct class *head = lines[i].len ? lines[i].at[0] : NULL;
            bool free = head != NULL;
            for (uint32_t k = 0; k < count && free; k++)
                free = !in_tail((const struct class *const *)lines[k].at, lines[k].len, head);
            next = free ? head : NULL;
        }
        if (next == NULL)
            return;
        vec_push(run->arena, &class->line, next);
        for (uint32_t i = 0; i < count; i++) {
            if (lines[i].len && lines[i].at[0] == next) {
                lines[i].at++;
                lines[i].len--;
            }
        }
    }
}

static void read_line(struct run *run, struct class *class, struct class **bases, uint32_t count) {
    struct line *lines = NEW_ARRAY(run->arena, struct line, count + 1);
    for (uint32_t i = 0; i < count; i++)
        lines[i] = (struct line){bases[i]->line.at, bases[i]->line.len};
    lines[count] = (struct line){bases, count};
    vec_push(run->arena, &class->line, class);
    merge_lines(run, class, lines, count + 1);
}

static bool is_decorator(const struct node *n, const char *name) {
    if (n->kind == NODE_CALL)
        n = n->kid[0];
    return is_name(n, name) || (n->kind == NODE_ATTRIBUTE && atom_is(n->atom, name));
}

struct member *add_member(struct run *run, struct class *class, atom name) {
    for (uint32_t i = 0; i < class->members.len; i++)
        if (class->members.at[i]->name == name)
            return class->members.at[i];
    struct member *member = NEW(run->arena, struct member);
    member->name = name;
    vec_push(run->arena, &class->members, member);
    return member;
}

static struct closure *function_in(struct run *run, struct class *class, struct node *def) {
    struct closure *f = NEW(run->arena, struct closure);
    *f = (struct closure){.def = def, .module = class->module, .owner = class};
    return f;
}

static void read_method(struct run *run, struct class *class, struct node *def) {
    struct member *member = add_member(run, class, def->atom);
    for (uint32_t i = 3; i < def->nkids; i++) {
        const struct node *d = def->kid[i];
        if (d->kind == NODE_ATTRIBUTE && atom_is(d->atom, "setter") && is_name(d->kid[0], def->atom)) {
            member->set = function_in(run, class, def);
            return;
        }
        if (is_decorator(d, "property") || is_decorator(d, "cached_property"))
            member->get = function_in(run, class, def);
        member->is_static |= is_name(d, "staticmethod");
        member->is_class_method |= is_name(d, "classmethod");
    }
    member->node = def;
    member->value = NULL;
}

static void read_members(struct run *run, struct class *class) {
    const struct node *body = class_body(class->def);
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = body->kid[i];
        if (s->kind == NODE_FUNCTION) {
            read_method(run, class, s);
        } else if (s->kind == NODE_ASSIGN) {
            for (uint32_t k = 1; k < s->nkids; k++)
                if (s->kid[k]->kind == NODE_NAME)
                    add_member(run, class, s->kid[k]->atom)->node = s->kid[0];
        } else if (s->kind == NODE_ANNASSIGN && s->kid[0]->kind == NODE_NAME) {
            struct member *member = add_member(run, class, s->kid[0]->atom);
            member->annotation = s->kid[1];
            member->node = s->kid[2];
        } else if (s->kind == NODE_IF || s->kind == NODE_FOR || s->kind == NODE_TRY || s->kind == NODE_WITH) {
            class->is_open = true; /* what it defines is not followed */
        }
    }
}

static bool defines(const struct class *class, const char *name) {
    for (uint32_t i = 0; i < class->members.len; i++)
        if (atom_is(class->members.at[i]->name, name))
            return true;
    return false;
}

/* What follows from the class and its bases. */
static void read_traits(struct class *class) {
    bool decorated = false, passes_on = false, base = false;
    for (uint32_t i = 2; class->def && i < class->def->nkids; i++) {
        decorated |= is_decorator(class->def->kid[i], "dataclass");
        class->is_strict |= is_decorator(class->def->kid[i], "strict");
    }
    for (uint32_t i = 0; i < class->line.len; i++) {
        const struct class *c = class->line.at[i];
        class->is_open |= c->is_open;
        class->is_strict |= c->is_strict;
        class->is_module |= atom_is(c->name, "torch.nn.Module") && c->module == NULL;
        class->reads |= defines(c, "__getattribute__");
        class->writes |= defines(c, "__setattr__");
        passes_on |= i > 0 && defines(c, "__init_subclass__");
        base |= i > 0 && c->is_dataclass;
    }
    class->is_dataclass = decorated || (base && passes_on);
}

struct class *library_class(struct run *run, const char *name) {
    atom key = intern(run->unit->atoms, name);
    struct class *class = map_get(&run->classes, key);
    if (class)
        return class;
    class = NEW(run->arena, struct class);
    class->name = key;
    map_put(run->arena, &run->classes, key, class);
    struct class *module =
        is_module_class(name) && !atom_is(key, "torch.nn.Module") ? library_class(run, "torch.nn.Module") : NULL;
    read_line(run, class, &module, module != NULL);
    read_traits(class);
    return class;
}

struct class *class_of_symbol(struct run *run, struct module *module, struct symbol *symbol) {
    struct class *class = NEW(run->arena, struct class);
    class->name = symbol->name;
    class->module = module;
    class->def = symbol_def(run->unit, symbol);
    const struct node *list = class->def->kid[0];
    VEC(struct class *) bases = {0};
    struct scope scope = {.module = module};
    for (uint32_t i = 0; list && i < list->nkids; i++) {
        if (list->kid[i]->kind == NODE_KEYWORD)
            continue;
        struct datum *base = evaluate(run, &scope, list->kid[i]);
        run->stop = RUN_ON;
        const char *name = base && base->kind == D_LIBRARY ? base->text : "a base that is not known";
        struct class *c = base && base->kind == D_CLASS ? base->class : library_class(run, name);
        vec_push(run->arena, &bases, c);
    }
    read_line(run, class, bases.at, bases.len);
    read_members(run, class);
    read_traits(class);
    return class;
}

/* __init_subclass__ of a base: it changes attributes of the class, as far as it can be followed. */
void init_subclass(struct run *run, struct datum *d) {
    struct class *in, *class = d->class;
    struct member *member = find_member(class, class, intern(run->unit->atoms, "__init_subclass__"), &in);
    struct datum *hook = member ? member_value(run, in, member) : NULL;
    struct arguments none = {.at = class->def};
    if (hook && hook->kind == D_FUNCTION)
        run_closure(run, hook->function, d, &none);
    run->stop = RUN_ON;
}

bool class_is(const struct class *class, const char *name) {
    for (uint32_t i = 0; i < class->line.len; i++)
        if (atom_is(class->line.at[i]->name, name))
            return true;
    return false;
}

/* -- members ------------------------------------------------------------------------------------------------------- */

struct member *find_member(const struct class *class, const struct class *after, atom name, struct class **in) {
    uint32_t i = 0;
    while (after && i < class->line.len && class->line.at[i++] != after)
        ;
    for (; i < class->line.len; i++) {
        const struct class *c = class->line.at[i];
        for (uint32_t k = 0; k < c->members.len; k++) {
            struct member *member = c->members.at[k];
            if (member->name == name && (member->node || member->set)) {
                *in = class->line.at[i];
                return member;
            }
        }
    }
    return NULL;
}

/* A function under a decorator that is a descriptor: an instance of that class, which hands the function on. */
static struct datum *decorated(struct run *run, struct class *in, struct datum *function) {
    struct scope scope = {.module = in->module};
    const struct node *def = function->function->def;
    atom get = intern(run->unit->atoms, "__get__");
    for (uint32_t i = 3; i < def->nkids; i++) {
        struct node *name = def->kid[i];
        struct datum *d = name->kind == NODE_NAME ? evaluate(run, &scope, name) : NULL;
        struct class *found;
        run->stop = RUN_ON;
        if (d == NULL || d->kind != D_CLASS || find_member(d->class, NULL, get, &found) == NULL)
            continue;
        struct datum *object = datum_object(run, d->class);
        dict_set(run, &object->object->attributes->dict, datum_str(run, "fget"), function);
        return object;
    }
    return function;
}

/* NULL where the run stops. */
struct datum *member_value(struct run *run, struct class *in, struct member *member) {
    if (member->value)
        return member->value;
    if (member->node && member->node->kind == NODE_FUNCTION) {
        struct datum *d = datum_list(run, D_FUNCTION);
        d->function = function_in(run, in, method_def(run->unit, member->node));
        return member->value = decorated(run, in, d);
    }
    struct scope scope = {.module = in->module, .class = in};
    member->under_way = true;
    member->value = evaluate(run, &scope, member->node);
    member->under_way = false;
    return member->value;
}

struct datum *method_of(struct run *run, struct datum *self, struct closure *function, atom name) {
    struct datum *d = datum_list(run, D_METHOD);
    d->method.self = self;
    d->method.function = function;
    d->method.name = name;
    return d;
}

struct datum *bound_member(
    struct run *run, struct datum *object, struct class *class, struct class *in, struct member *member) {
    struct datum *value = member_value(run, in, member);
    struct datum *owner = datum_class(run, class);
    struct class *found;
    if (value && value->kind == D_FUNCTION && value->function->owner && !member->is_static) {
        if (member->is_class_method)
            return method_of(run, owner, value->function, member->name);
        return object ? method_of(run, object, value->function, member->name) : value;
    }
    bool descriptor = value && value->kind == D_OBJECT &&
                      find_member(value->object->class, NULL, intern(run->unit->atoms, "__get__"), &found);
    if (!descriptor)
        return value;
    struct datum *get = find_attribute(run, value, NULL, intern(run->unit->atoms, "__get__"), member->node);
    struct datum *list[] = {object ? object : datum_none(run), owner};
    return get ? run_apply(run, get, list, 2) : NULL;
}
