/* published.c - the pass that gives the emitted parameters the paths of the published checkpoint.
 *
 * Every parameter path of the module tree is turned into its key on disk (checkpoint.h). Where the two differ by names
 * alone, step by step, attributes are renamed: an attribute takes the name that all of these paths through it ask for,
 * if no other attribute, method or reader of it is in the way. What is left over - a level more or less, a tensor that
 * is cut apart on load - becomes a hook on the loading of the state dict (load_hooks.c).
 *
 * A source whose constructors register such hooks says itself how it is loaded: they are kept, and the package's
 * conversions are not looked at. (So it is with a translation that is translated again.)
 *
 * Reads the tree that prune left. Writes residual bodies (ATTRIBUTE nodes, names given to register_buffer and its
 * like), the names of attributes, the constructors of classes that get hooks, unit->helpers, and the class attributes
 * `_tied_weights_keys` and `base_model_prefix`, which spell paths. */
#include "rewrite/published.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "rewrite/config.h"
#include "rewrite/towers.h"
#include "rewrite/trace.h"

/* -- places -------------------------------------------------------------------------------------------------------- */

static void split_key(struct unit *unit, struct place *place) {
    const char *p = place->on_disk.key;
    uint32_t count = 1;
    for (const char *c = p; *c; c++)
        count += *c == '.';
    place->segment = NEW_ARRAY(unit->arena, atom, count);
    for (;; p++) {
        size_t len = strcspn(p, ".");
        place->segment[place->segments++] = intern_len(unit->atoms, p, len);
        p += len;
        if (*p == '\0')
            return;
    }
}

const char *shown_key(struct unit *unit, const char *key) {
    struct buf out = {0};
    for (const char *p = key; *p;) {
        size_t len = strcspn(p, ".");
        bool position = strtoul(p, NULL, 10) >= PLACEHOLDER;
        buf_write(&out, position ? "*" : p, position ? 1 : len);
        buf_puts(&out, p[len] ? "." : "");
        p += len + (p[len] != '\0');
    }
    return buf_keep(&out, unit->arena);
}

static bool refuse(const struct layout *l, const struct place *place, const char *problem) {
    struct unit *u = l->unit;
    const struct conversion *of = place->on_disk.converter;
    struct diag *d = diag_at(u->diags, unit_refusal(u), u->module->source, u->entry->def->span, "checkpoint-layout",
        "the published form of `%s` is not understood: %s", shown_key(u, place->own), problem);
    if (of)
        diag_help(u->diags, d, "the package makes it by %s from `%s`%s", of->name,
            of->source.len ? of->source.at[0] : "?", of->source.len > 1 ? " and others" : "");
    return false;
}

/* MergeModulelist(dim=0), and with several parts Concatenate(dim=1): what stacks the weights of all modules of a list,
 * the parts of each one after the other. */
static bool stacks(const struct conversion *of, uint32_t parts) {
    static const char *const names[] = {"MergeModulelist", "Concatenate"}, *const dims[] = {"0", "1"};
    if (of->source.len != parts || of->target.len != 1 || of->operations.len != (parts > 1 ? 2 : 1))
        return false;
    for (uint32_t i = 0; i < of->operations.len; i++) {
        const struct operation *operation = &of->operations.at[i];
        const struct node *dim = operation->call->nkids == 2 ? call_argument(operation->call, 0, "dim") : NULL;
        if (!atom_is(operation->name, names[i]) || !is_kind(dim, NODE_NUMBER) || !atom_is(dim->atom, dims[i]))
            return false;
    }
    return true;
}

/* A tensor that the package stacks on loading is on disk as the modules' own: `*` in the key is the position. */
static void unstack(struct layout *l, struct place *place, uint32_t item) {
    const char *star = place->on_disk.key ? strchr(place->on_disk.key, '*') : NULL;
    uint32_t parts = place->packed->parts;
    if (place->on_disk.problem)
        return;
    if (!star || strchr(star + 1, '*') || place->packed->transposed || !stacks(place->on_disk.converter, parts)) {
        place->on_disk.problem = "stacked weights are made otherwise than from those of each module";
        return;
    }
    place->on_disk.key =
        arena_printf(l->unit->arena, "%.*s%u%s", (int)(star - place->on_disk.key), place->on_disk.key, item, star + 1);
    place->on_disk.converter = NULL;
    place->packed = NULL;
}

/* Unknown positions are the numbers from `first` on. */
static struct place place_of(
    struct layout *l, const struct checkpoint *checkpoint, const struct path *path, uint32_t first) {
    uint32_t item;
    struct place place = {.path = path};
    place.own = path_own(l->unit, path, first, &place.packed, &item);
    place.on_disk = checkpoint_publish(checkpoint, place.own, place.packed ? place.packed->part : 0);
    if (place.packed && place.on_disk.converter)
        unstack(l, &place, item);
    if (place.on_disk.problem == NULL)
        split_key(l->unit, &place);
    return place;
}

/* The same key with other numbers for unknown positions must be published the same way, or the layout depends on them.
 */
static bool depends_on_position(
    struct layout *l, const struct checkpoint *checkpoint, const struct place *place, uint32_t first) {
    struct place other = place_of(l, checkpoint, place->path, first);
    if (other.on_disk.problem || other.on_disk.converter != place->on_disk.converter)
        return true;
    if (other.segments != place->segments)
        return true;
    for (uint32_t i = 0; i < other.segments; i++) {
        unsigned long position = strtoul(place->segment[i], NULL, 10);
        const char *same = position < PLACEHOLDER ? place->segment[i]
                                                  : arena_printf(l->unit->arena, "%lu", position - PLACEHOLDER + first);
        if (strcmp(same, other.segment[i]) != 0)
            return true;
    }
    return false;
}

static bool has_position(const struct path *path) {
    for (uint32_t i = 0; i < path->len; i++)
        if (path->step[i].any)
            return true;
    return false;
}

static bool add_place(struct layout *l, const struct checkpoint *checkpoint, const struct path *path) {
    struct place place = place_of(l, checkpoint, path, PLACEHOLDER);
    if (place.on_disk.problem)
        return refuse(l, &place, place.on_disk.problem);
    for (uint32_t first = 0; first < 4 && has_position(path); first++)
        if (depends_on_position(l, checkpoint, &place, first))
            return refuse(l, &place, "it depends on the position of the layer");
    vec_push(l->unit->arena, &l->places, place);
    return true;
}

/* -- votes --------------------------------------------------------------------------------------------------------- */

static const struct rename *chosen(const struct layout *l, const struct attr *attr) {
    for (uint32_t i = 0; i < l->renames.len; i++)
        if (l->renames.at[i].attr == attr && l->renames.at[i].chosen)
            return &l->renames.at[i];
    return NULL;
}

const char *step_name(const struct layout *l, const struct step *step) {
    const struct rename *r = step->attr ? chosen(l, step->attr) : NULL;
    return r ? r->name : step->text;
}

const char *new_key(const struct layout *l, const struct place *place) {
    const char *key = "";
    for (uint32_t i = 0; i < place->path->len; i++)
        key = arena_printf(l->unit->arena, "%s%s%s", key, i ? "." : "", step_name(l, &place->path->step[i]));
    return key;
}

static bool same_step(const struct step *a, const struct step *b) {
    return a->attr == b->attr && strcmp(a->text, b->text) == 0;
}

uint32_t common_steps(const struct layout *l, const struct place *place) {
    uint32_t common = place->path->len;
    for (uint32_t i = 0; i < l->places.len; i++) {
        const struct place *other = &l->places.at[i];
        if (other->on_disk.converter != place->on_disk.converter || strcmp(other->on_disk.key, place->on_disk.key) != 0)
            continue;
        uint32_t k = 0;
        while (k < common && k < other->path->len && same_step(&place->path->step[k], &other->path->step[k]))
            k++;
        common = k;
    }
    return common;
}

static void vote(struct layout *l, const struct step *step, atom name) {
    for (uint32_t i = 0; i < l->renames.len; i++)
        if (l->renames.at[i].attr == step->attr && l->renames.at[i].name == name)
            return;
    struct rename r = {.cls = step->cls, .attr = step->attr, .name = name};
    vec_push(l->unit->arena, &l->renames, r);
}

static bool was_asked(const struct layout *l, const struct attr *attr, uint32_t asked) {
    for (uint32_t i = 0; i < asked; i++)
        if (l->renames.at[i].attr == attr)
            return true;
    return false;
}

/* A place whose steps and segments stand side by side asks for the names on disk, but not of the attributes of which
 * the first `asked` votes are. */
static void vote_of(struct layout *l, const struct place *place, uint32_t asked) {
    uint32_t count = place->path->len;
    if (place->on_disk.converter)
        count = common_steps(l, place);
    bool beside = place->on_disk.converter ? place->segments > count : place->segments == count;
    for (uint32_t i = 0; beside && i < count; i++)
        beside = place->path->step[i].attr || strcmp(place->path->step[i].text, place->segment[i]) == 0;
    for (uint32_t i = 0; beside && i < count; i++)
        if (place->path->step[i].attr && !was_asked(l, place->path->step[i].attr, asked))
            vote(l, &place->path->step[i], place->segment[i]);
}

/* The names that all the paths through an attribute agree on; parameters that may not exist are asked where no other
 * is. */
static void choose_names(struct layout *l) {
    for (uint32_t i = 0; i < l->places.len; i++)
        if (!l->places.at[i].path->optional)
            vote_of(l, &l->places.at[i], 0);
    uint32_t asked = l->renames.len;
    for (uint32_t i = 0; i < l->places.len; i++)
        if (l->places.at[i].path->optional)
            vote_of(l, &l->places.at[i], asked);
    for (uint32_t i = 0; i < l->renames.len; i++) {
        struct rename *r = &l->renames.at[i];
        r->chosen = r->name != r->attr->name;
        for (uint32_t k = 0; k < l->renames.len; k++)
            if (k != i && l->renames.at[k].attr == r->attr)
                r->chosen = false;
    }
}

/* -- what stands in the way of a name ------------------------------------------------------------------------------ */

static bool is_identifier(atom name) {
    static const char *const keywords[] = {"False", "None", "True", "and", "as", "assert", "async", "await", "break",
        "class", "continue", "def", "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import",
        "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield"};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (atom_is(name, keywords[i]))
            return false;
    if (!isalpha((unsigned char)*name) && *name != '_')
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && *p != '_')
            return false;
    return true;
}

/* Attributes that every module has: a submodule of that name would hide it. */
static bool is_taken_by_torch(atom name) {
    static const char *const names[] = {"T_destination", "add_module", "apply", "base_model", "bfloat16", "buffers",
        "call_super_init", "children", "compile", "config", "cpu", "cuda", "device", "double", "dtype", "dump_patches",
        "eval", "extra_repr", "float", "forward", "generate", "get_buffer", "get_parameter", "get_submodule", "half",
        "ipu", "load_state_dict", "modules", "mtia", "named_buffers", "named_children", "named_modules",
        "named_parameters", "parameters", "register_buffer", "register_module", "register_parameter", "requires_grad_",
        "set_submodule", "share_memory", "state_dict", "to", "to_empty", "train", "training", "type", "xpu",
        "zero_grad"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (atom_is(name, names[i]))
            return true;
    return false;
}

static bool is_free(const struct layout *l, const struct rename *r) {
    if (!is_identifier(r->name) || is_taken_by_torch(r->name) || r->cls->dynamic ||
        map_has(&r->cls->methods, r->name) || map_has(&r->cls->class_attrs, r->name))
        return false;
    for (uint32_t i = 0; i < r->cls->attrs.len; i++) {
        const struct attr *attr = r->cls->attrs.entry[i].value;
        const struct rename *other = chosen(l, attr);
        if (attr != r->attr && (other ? other->name : attr->name) == r->name)
            return false;
    }
    return true;
}

/* -- readers ------------------------------------------------------------------------------------------------------- */

static const struct absval *item_of(const struct absval *list) {
    if (list && list->kind == ABS_SEQ)
        return list->element;
    if (list && list->kind == ABS_INSTANCE)
        return list->cls->items;
    return list && (list->kind == ABS_LIST || list->kind == ABS_TUPLE) && list->count ? list->item[0].abs : NULL;
}

/* What an expression of a residual body holds; NULL where that is not known. */
static const struct absval *holds(struct unit *unit, const struct fn *fn, const struct node *e) {
    const struct absval *abs = e->abs ? e->abs : e->kind == NODE_NAME && e->web ? e->web->abs : NULL;
    if (abs && abs->kind != ABS_TOP && abs->kind != ABS_NOTNONE && abs->kind != ABS_BOTTOM)
        return abs;
    if (e->kind == NODE_NAME && fn->owner && fn->params.len && !fn->is_static && e->atom == fn->params.at[0]->name) {
        struct absval *self = abs_new(unit, ABS_INSTANCE);
        self->cls = fn->owner;
        return self;
    }
    if (e->kind == NODE_ATTRIBUTE) {
        const struct absval *object = holds(unit, fn, e->kid[0]);
        const struct attr *attr = object && object->kind == ABS_INSTANCE ? map_get(&object->cls->attrs, e->atom) : NULL;
        return attr ? attr->abs : NULL;
    }
    if (e->kind == NODE_SUBSCRIPT)
        return item_of(holds(unit, fn, e->kid[0]));
    return NULL;
}

/* Called for every read or store of an attribute: `*name` is its name, of an object of which `object` is known or NULL.
 */
struct visit {
    struct layout *layout;
    void (*each)(struct visit *visit, const struct absval *object, atom *name, struct node *string);
    bool changed;
};

static bool stores_by_name(const struct node *call) {
    static const char *const methods[] = {"register_buffer", "register_parameter", "add_module", "register_module"};
    for (size_t i = 0;
         call->kid[0]->kind == NODE_ATTRIBUTE && call->nkids > 1 && i < sizeof methods / sizeof methods[0]; i++)
        if (atom_is(call->kid[0]->atom, methods[i]))
            return true;
    return false;
}

static bool reads_by_name(const struct node *call) {
    return call->nkids > 2 &&
           (is_name(call->kid[0], "getattr") || is_name(call->kid[0], "hasattr") || is_name(call->kid[0], "setattr"));
}

static void visit_string(struct visit *v, const struct absval *object, struct node *arg) {
    if (arg->kind == NODE_KEYWORD)
        arg = arg->kid[0];
    atom name = arg->kind == NODE_STRING ? string_value(v->layout->unit->atoms, arg) : NULL;
    if (name)
        v->each(v, object, &name, arg);
}

static void visit_node(struct visit *v, const struct fn *fn, struct node *n) {
    if (n == NULL)
        return;
    struct unit *u = v->layout->unit;
    const struct absval *object = NULL;
    if (n->kind == NODE_ATTRIBUTE)
        object = holds(u, fn, n->kid[0]);
    else if (n->kind == NODE_CALL && stores_by_name(n))
        object = holds(u, fn, n->kid[0]->kid[0]);
    else if (n->kind == NODE_CALL && reads_by_name(n))
        object = holds(u, fn, n->kid[1]);
    for (uint32_t i = 0; i < n->nkids; i++) /* before a rename of this node changes what those inside mean */
        visit_node(v, fn, n->kid[i]);
    if (n->kind == NODE_ATTRIBUTE)
        v->each(v, object, &n->atom, NULL);
    else if (n->kind == NODE_CALL && stores_by_name(n))
        visit_string(v, object, n->kid[1]);
    else if (n->kind == NODE_CALL && reads_by_name(n))
        visit_string(v, object, n->kid[2]);
}

static void visit_all(struct visit *v) {
    struct functions all = {0};
    functions_collect(v->layout->unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live)
            visit_node(v, all.list.at[i], all.list.at[i]->body);
}

static struct rename *rename_of(const struct visit *v, const struct cls *cls, atom name) {
    const struct attr *attr = map_get(&cls->attrs, name);
    return attr ? (struct rename *)(uintptr_t)chosen(v->layout, attr) : NULL;
}

/* What an attribute of one object will be called. */
static atom name_in(const struct visit *v, const struct absval *object, atom name) {
    const struct rename *r = object->kind == ABS_INSTANCE ? rename_of(v, object->cls, name) : NULL;
    return r ? r->name : name;
}

static void drop(struct visit *v, struct rename *r) {
    if (r == NULL)
        return;
    r->chosen = false;
    v->changed = true;
}

/* A reader of which it is not known what it reads, or that reads one of several, keeps the name. */
static void check_reader(struct visit *v, const struct absval *object, atom *name, struct node *string) {
    (void)string;
    struct layout *l = v->layout;
    if (object == NULL) {
        for (uint32_t i = 0; i < l->renames.len; i++)
            if (l->renames.at[i].chosen && l->renames.at[i].attr->name == *name)
                drop(v, &l->renames.at[i]);
        return;
    }
    bool agree = true;
    for (uint32_t i = 0; object->kind == ABS_UNION && i < object->count; i++)
        agree &= name_in(v, object->item[i].abs, *name) == name_in(v, object->item[0].abs, *name);
    for (uint32_t i = 0; !agree && i < object->count; i++)
        if (object->item[i].abs->kind == ABS_INSTANCE)
            drop(v, rename_of(v, object->item[i].abs->cls, *name));
}

/* Whether some path through the attribute is published with the names that it will have. */
static bool completes(const struct layout *l, const struct rename *r) {
    if (r->table)
        return true;
    for (uint32_t i = 0; i < l->places.len; i++) {
        const struct place *place = &l->places.at[i];
        uint32_t count = place->on_disk.converter ? common_steps(l, place) : place->path->len;
        bool through = false, same = place->on_disk.converter || place->segments == count;
        for (uint32_t k = 0; same && k < count; k++) {
            through |= place->path->step[k].attr == r->attr;
            same = k < place->segments && strcmp(step_name(l, &place->path->step[k]), place->segment[k]) == 0;
        }
        if (through && same)
            return true;
    }
    return false;
}

/* Drop what cannot be, and then what is of no use without it. */
static void check_names(struct layout *l) {
    struct visit v = {.layout = l, .each = check_reader, .changed = true};
    while (v.changed) {
        v.changed = false;
        visit_all(&v);
        VEC(struct rename *) bad = {0};
        for (uint32_t i = 0; i < l->renames.len; i++) {
            struct rename *r = &l->renames.at[i];
            if (r->chosen && (!is_free(l, r) || !completes(l, r)))
                vec_push(l->unit->arena, &bad, r);
        }
        for (uint32_t i = 0; i < bad.len; i++)
            drop(&v, bad.at[i]);
    }
}

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void rename_reader(struct visit *v, const struct absval *object, atom *name, struct node *string) {
    struct unit *u = v->layout->unit;
    if (object && object->kind == ABS_UNION && object->count)
        object = object->item[0].abs; /* all agree */
    atom renamed = object ? name_in(v, object, *name) : *name;
    if (renamed != *name && string)
        string->atom = make_string(u->arena, u->atoms, renamed)->atom;
    *name = renamed;
}

/* The path with the names of the module tree's renamed attributes; what is no path is left as it is. */
static const char *renamed_path(const struct layout *l, const struct cls *cls, const char *path) {
    const struct absval here = {.kind = ABS_INSTANCE, .cls = (struct cls *)(uintptr_t)cls}, *at = &here;
    const char *out = "";
    for (const char *p = path;; p++) {
        size_t len = strcspn(p, ".");
        atom name = intern_len(l->unit->atoms, p, len);
        const struct attr *attr = at && at->kind == ABS_INSTANCE ? map_get(&at->cls->attrs, name) : NULL;
        const struct rename *r = attr ? chosen(l, attr) : NULL;
        out = arena_printf(l->unit->arena, "%s%s%s", out, p == path ? "" : ".", r ? r->name : name);
        at = attr ? attr->abs : item_of(at);
        p += len;
        if (*p == '\0')
            return out;
    }
}

static void rename_strings(const struct layout *l, const struct cls *from, struct node *n) {
    struct unit *u = l->unit;
    if (n->kind == NODE_STRING) {
        atom path = string_value(u->atoms, n);
        const char *renamed = path ? renamed_path(l, from, path) : NULL;
        if (renamed && strcmp(renamed, path) != 0)
            n->atom = make_string(u->arena, u->atoms, renamed)->atom;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            rename_strings(l, from, n->kid[i]);
}

/* What spells paths from `from` in that class or a base of it. */
static void rename_class_attrs(const struct layout *l, const struct cls *from, struct cls *cls) {
    static const char *const spelling_paths[] = {"_tied_weights_keys", "base_model_prefix"};
    struct unit *u = l->unit;
    for (size_t i = 0; i < sizeof spelling_paths / sizeof spelling_paths[0]; i++) {
        atom name = intern(u->atoms, spelling_paths[i]);
        const struct node *value = map_get(&cls->class_attrs, name);
        if (value == NULL)
            continue;
        struct node *copy = node_copy(u->arena, value);
        rename_strings(l, from, copy);
        map_put(u->arena, &cls->class_attrs, name, copy);
    }
    for (uint32_t i = 0; i < cls->bases.len; i++)
        rename_class_attrs(l, from, cls->bases.at[i]);
}

/* A model inside of the model, such as one with a head of its own: its bases spell paths from the entry. */
static void rename_inner_attrs(const struct layout *l, struct cls *cls) {
    struct cls own = *cls;
    own.bases.len = 0;
    if (cls != l->unit->entry && cls->live)
        rename_class_attrs(l, cls, &own);
    cls->class_attrs = own.class_attrs;
}

static void rename_attrs(const struct layout *l, struct cls *cls) {
    struct map renamed = {0};
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        struct attr *attr = cls->attrs.entry[i].value;
        const struct rename *r = chosen(l, attr);
        map_put(l->unit->arena, &renamed, r ? r->name : cls->attrs.entry[i].key, attr);
    }
    cls->attrs = renamed;
}

static void apply_renames(struct layout *l) {
    struct unit *u = l->unit;
    struct visit v = {.layout = l, .each = rename_reader};
    rename_class_attrs(l, u->entry, u->entry);
    for (uint32_t i = 0; i < u->classes.len; i++)
        rename_inner_attrs(l, u->classes.at[i]);
    visit_all(&v);
    for (uint32_t i = 0; i < u->classes.len; i++)
        rename_attrs(l, u->classes.at[i]);
    for (uint32_t i = 0; i < l->renames.len; i++) {
        struct rename *r = &l->renames.at[i];
        if (!r->chosen)
            continue;
        const char *why =
            r->table ? "AutoDeploy finds a table by this name: `%s` is `%s`" : "the checkpoint calls `%s` `%s`";
        const struct node *stmt = r->attr->stmt;
        bool placed = stmt && stmt->span.end > stmt->span.start; /* not made by a pass */
        struct trace_record record = {.kind = TRACE_REWRITE,
            .id = intern(u->atoms, r->table ? "table-name" : "published-path"),
            .source = placed ? stmt->source : NULL,
            .span = placed ? stmt->span : (struct span){0, 0},
            .where = arena_printf(u->arena, "%s.%s", r->cls->name, r->attr->name),
            .text = arena_printf(u->arena, why, r->attr->name, r->name)};
        trace_add(u->arena, u->trace, record);
        r->attr->own = r->attr->name;
        r->attr->name = r->name;
    }
}

/* Whether modules hold parts of what the source has as one tensor. */
static bool has_stacked(const struct unit *unit) {
    for (uint32_t i = 0; i < unit->classes.len; i++)
        if (unit->classes.at[i]->item_class && unit->classes.at[i]->live)
            return true;
    return false;
}

/* Vote for the names of the published checkpoint, where it has other ones or holds tensors in another way; *hooks: it
 * may have. False, with a diagnostic, where it is not understood. */
static bool ask_checkpoint(struct layout *l, bool *hooks) {
    bool ok;
    struct paths paths = {0};
    struct checkpoint *checkpoint = checkpoint_read(l->unit, &ok);
    if (ok)
        note_left_out(l->unit, checkpoint);
    *hooks = ok && (checkpoint || has_stacked(l->unit));
    if (!*hooks)
        return ok;
    paths_collect(l->unit, &paths);
    for (uint32_t i = 0; i < paths.list.len; i++)
        if (!add_place(l, checkpoint, paths.list.at[i]))
            return false;
    choose_names(l);
    return true;
}

bool published_paths(struct unit *unit) {
    bool own_hooks, hooks = false;
    struct layout l = {.unit = unit};
    if (!keep_load_hooks(unit, &own_hooks) || (own_hooks && diags_count(unit->diags, SEVERITY_ERROR) > 0))
        return false;
    if (!own_hooks && !ask_checkpoint(&l, &hooks))
        return false;
    if (registered_for(unit, unit->entry))
        read_left_out(unit);
    name_tables(&l);
    check_names(&l);
    if (hooks && !write_load_hooks(&l))
        return false;
    apply_renames(&l);
    return true;
}
