/* load_hooks.c - what renaming attributes cannot express: hooks that turn published keys into the module's own.
 *
 * A hook belongs to the innermost module of this file that the published and the own path have in common, so that it
 * needs no positions of layers, works on the part of a checkpoint that it is given, and leaves keys alone that have the
 * module's own names already. Two kinds: names that begin otherwise, and a tensor that is cut into equal parts, or into
 * those of the modules of a list. Before anything is written, every published key is sent through the hooks as torch
 * would, and must arrive at its parameter.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "parser/parse.h"
#include "rewrite/published.h"
#include "rewrite/symbolic.h"
#include "rewrite/trace.h"

/* Keys that begin with `from` begin with `to` instead; both relative to the module. */
struct change {
    const char *from, *to;
};

/* The tensor at `from` holds those of all parts, one after the other along `dim`; where `dim` is NULL, for every module
 * of a list, the parts of which are such below `PLACEHOLDER`s. */
struct cut {
    const struct conversion *of;
    const char *from;
    const char **part;
    uint32_t parts;
    const char *dim;
    bool transposed;    /* without a dimension: so is what is stacked */
    struct node *count; /* of modules, the rows of which are one below the other: a symbol; NULL: each has an item */
};

struct hooks {
    struct cls *cls;
    VEC(struct change) changes;
    VEC(struct cut) cuts;
    bool exact; /* whole keys only: their beginnings are not alike */
};

struct hooking {
    const struct layout *layout;
    VEC(struct hooks *) classes;
};

static const char *operations_text(struct unit *unit, const struct conversion *of) {
    const char *text = of->operations.len ? "" : "empty";
    for (uint32_t i = 0; i < of->operations.len; i++)
        text = arena_printf(unit->arena, "%s%s%s", text, i ? ", then " : "", of->operations.at[i].name);
    return text;
}

static bool refuse(const struct hooking *h, const struct place *place, const char *problem) {
    struct unit *u = h->layout->unit;
    struct diag *d = diag_at(u->diags, unit_refusal(u), u->module->source, u->entry->def->span, "checkpoint-layout",
        "the published `%s` cannot become `%s` when it is loaded: %s", shown_key(u, place->on_disk.key),
        shown_key(u, place->own), problem);
    const struct conversion *of = place->on_disk.converter;
    if (of)
        diag_help(u->diags, d, "the package's own conversion is %s", operations_text(u, of));
    else
        diag_help(
            u->diags, d, "attributes are renamed where that is enough; else a hook renames keys below one module");
    return false;
}

static struct hooks *hooks_of(struct hooking *h, struct cls *cls) {
    for (uint32_t i = 0; i < h->classes.len; i++)
        if (h->classes.at[i]->cls == cls)
            return h->classes.at[i];
    struct hooks *hooks = NEW(h->layout->unit->arena, struct hooks);
    hooks->cls = cls;
    vec_push(h->layout->unit->arena, &h->classes, hooks);
    return hooks;
}

/* Steps or segments [from, to) between dots. */
static const char *joined_steps(const struct hooking *h, const struct path *path, uint32_t from, uint32_t to) {
    const char *text = "";
    for (uint32_t i = from; i < to; i++)
        text = arena_printf(
            h->layout->unit->arena, "%s%s%s", text, i > from ? "." : "", step_name(h->layout, &path->step[i]));
    return text;
}

static const char *joined_segments(const struct hooking *h, const struct place *place, uint32_t from, uint32_t to) {
    const char *text = "";
    for (uint32_t i = from; i < to; i++)
        text = arena_printf(h->layout->unit->arena, "%s%s%s", text, i > from ? "." : "", place->segment[i]);
    return text;
}

/* The innermost step that is an attribute of a class, of those up to which both paths are alike. */
static uint32_t owner_step(const struct hooking *h, const struct place *place, uint32_t limit) {
    uint32_t owner = 0;
    const struct path *path = place->path;
    for (uint32_t i = 0; i < limit && i < path->len && i < place->segments; i++) {
        if (path->step[i].cls)
            owner = i;
        if (strcmp(step_name(h->layout, &path->step[i]), place->segment[i]) != 0)
            return owner;
    }
    return limit < path->len && path->step[limit].cls ? limit : owner;
}

static bool has_position(const struct path *path, uint32_t from, uint32_t to) {
    for (uint32_t i = from; i < to; i++)
        if (path->step[i].any)
            return true;
    return false;
}

/* -- names that begin otherwise ------------------------------------------------------------------------------------ */

static void add_change(const struct hooking *h, struct hooks *hooks, struct change change) {
    for (uint32_t i = 0; i < hooks->changes.len; i++)
        if (strcmp(hooks->changes.at[i].from, change.from) == 0 && strcmp(hooks->changes.at[i].to, change.to) == 0)
            return;
    uint32_t at = hooks->changes.len;
    vec_push(h->layout->unit->arena, &hooks->changes, change);
    for (; at > 0 && strlen(hooks->changes.at[at - 1].from) < strlen(change.from); at--)
        hooks->changes.at[at] = hooks->changes.at[at - 1];
    hooks->changes.at[at] = change;
}

static bool plan_change(struct hooking *h, const struct place *place) {
    const struct path *path = place->path;
    uint32_t owner = owner_step(h, place, path->len), same = 0;
    struct hooks *hooks = hooks_of(h, path->step[owner].cls);
    uint32_t most = place->segments - owner - 1; /* something must be left to begin with */
    while (!hooks->exact && same < most && same < path->len - owner &&
           strcmp(step_name(h->layout, &path->step[path->len - 1 - same]),
               place->segment[place->segments - 1 - same]) == 0)
        same++;
    uint32_t end = path->len - same;
    if (has_position(path, owner, end))
        return refuse(h, place, "the names differ on both sides of a position in a list");
    const char *from = joined_segments(h, place, owner, place->segments - same),
               *to = joined_steps(h, path, owner, end);
    struct arena *arena = h->layout->unit->arena;
    struct change change = {from, to};
    if (same)
        change = (struct change){arena_printf(arena, "%s.", from), *to ? arena_printf(arena, "%s.", to) : ""};
    add_change(h, hooks, change);
    return true;
}

/* -- a tensor in parts --------------------------------------------------------------------------------------------- */

/* The dimension of a conversion that cuts one tensor into as many parts as it has targets; NULL for any other. */
static const char *cut_dimension(const struct conversion *of) {
    if (of->operations.len != 1 || of->source.len != 1 || !atom_is(of->operations.at[0].name, "Chunk"))
        return NULL;
    const struct node *call = of->operations.at[0].call;
    const char *dim = "0";
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *arg = call->kid[i];
        bool keyword = arg->kind == NODE_KEYWORD;
        const struct node *value = keyword ? arg->kid[0] : arg;
        if ((keyword && !atom_is(arg->atom, "dim")) || (!keyword && i > 1) || value->kind != NODE_NUMBER)
            return NULL;
        dim = value->atom;
    }
    return dim;
}

static struct cut *cut_from(struct hooks *hooks, const struct conversion *of, const char *from) {
    for (uint32_t i = 0; i < hooks->cuts.len; i++)
        if (hooks->cuts.at[i].of == of && strcmp(hooks->cuts.at[i].from, from) == 0)
            return &hooks->cuts.at[i];
    return NULL;
}

/* Which part of a tensor on disk a place is. */
static uint32_t part_of(const struct place *place) {
    return place->packed ? place->packed->part : place->on_disk.part;
}

static bool plan_cut(struct hooking *h, const struct place *place) {
    struct unit *u = h->layout->unit;
    const struct conversion *of = place->on_disk.converter;
    const char *dim = of ? cut_dimension(of) : NULL;
    if (of && dim == NULL)
        return refuse(h, place, "this conversion of values is not known");
    uint32_t owner = owner_step(h, place, common_steps(h->layout, place));
    if (of && has_position(place->path, owner, place->path->len))
        return refuse(h, place, "its parts lie in a list");
    struct hooks *hooks = hooks_of(h, place->path->step[owner].cls);
    const char *from = joined_segments(h, place, owner, place->segments);
    struct cut *cut = cut_from(hooks, of, from);
    if (cut == NULL) {
        uint32_t parts = of ? of->target.len : place->packed->parts;
        struct cut made = {of, from, NEW_ARRAY(u->arena, const char *, parts), parts, dim,
            !of && place->packed->transposed, of ? NULL : place->packed->flat};
        vec_push(u->arena, &hooks->cuts, made);
        cut = &vec_last(&hooks->cuts);
    }
    const char *part = joined_steps(h, place->path, owner, place->path->len);
    if (cut->part[part_of(place)] && strcmp(cut->part[part_of(place)], part) != 0)
        return refuse(h, place, "one of its parts has two names");
    cut->part[part_of(place)] = part;
    return true;
}

/* -- the proof ----------------------------------------------------------------------------------------------------- */

static const char *changed(const struct hooking *h, const struct hooks *hooks, const char *rest) {
    for (uint32_t i = 0; i < hooks->changes.len; i++)
        if (starts_with(rest, hooks->changes.at[i].from))
            return arena_printf(
                h->layout->unit->arena, "%s%s", hooks->changes.at[i].to, rest + strlen(hooks->changes.at[i].from));
    return rest;
}

/* What a module makes of a key below it. */
static const char *loaded_by(const struct hooking *h, struct cls *cls, const struct place *place, const char *rest) {
    for (uint32_t i = 0; i < h->classes.len; i++) {
        const struct hooks *hooks = h->classes.at[i];
        if (hooks->cls != cls)
            continue;
        rest = changed(h, hooks, rest);
        for (uint32_t k = 0; k < hooks->cuts.len; k++)
            if (strcmp(rest, hooks->cuts.at[k].from) == 0 && (place->on_disk.converter || place->packed))
                return hooks->cuts.at[k].part[part_of(place)];
    }
    return rest;
}

/* The published key goes through the modules on the way to its parameter, outermost first. */
static bool arrives(const struct hooking *h, const struct place *place) {
    const char *key = place->on_disk.key, *prefix = "";
    for (uint32_t i = 0; i < place->path->len; i++) {
        const struct step *step = &place->path->step[i];
        if (!starts_with(key, prefix))
            return false;
        const char *rest = step->cls ? loaded_by(h, step->cls, place, key + strlen(prefix)) : key + strlen(prefix);
        if (rest == NULL)
            return false;
        key = arena_printf(h->layout->unit->arena, "%s%s", prefix, rest);
        prefix = arena_printf(h->layout->unit->arena, "%s%s.", prefix, step_name(h->layout, step));
    }
    return strcmp(key, new_key(h->layout, place)) == 0;
}

static bool plan(struct hooking *h) {
    for (uint32_t i = 0; i < h->layout->places.len; i++) {
        const struct place *place = &h->layout->places.at[i];
        if (place->on_disk.converter || place->packed
                ? !plan_cut(h, place)
                : strcmp(new_key(h->layout, place), place->on_disk.key) != 0 && !plan_change(h, place))
            return false;
    }
    return true;
}

/* Whether all keys arrive; otherwise classes through which one went astray will name whole keys. */
static bool prove(struct hooking *h, bool last) {
    bool all = true;
    for (uint32_t i = 0; i < h->layout->places.len; i++) {
        const struct place *place = &h->layout->places.at[i];
        if (arrives(h, place))
            continue;
        if (last)
            return refuse(h, place, "the names of the checkpoint contradict each other");
        all = false;
        for (uint32_t k = 0; k < place->path->len; k++)
            if (place->path->step[k].cls)
                hooks_of(h, place->path->step[k].cls)->exact = true;
    }
    return all;
}

static bool complete(const struct cut *cut) {
    for (uint32_t i = 0; i < cut->parts; i++)
        if (cut->part[i] == NULL)
            return false;
    return true;
}

/* -- Python -------------------------------------------------------------------------------------------------------- */

static struct node *parse_text(struct unit *u, const struct buf *text) {
    struct source *source = source_from_text(u->arena, u->atoms, u->diags, "<load hook>", text->at, text->len);
    return source ? parse_module(u->parser, u->arena, u->atoms, u->diags, source) : NULL;
}

static bool is_used(const struct unit *u, atom name) {
    for (uint32_t i = 0; i < u->helpers.len; i++)
        if (u->helpers.at[i]->atom == name)
            return true;
    const struct symbol *symbol = module_lookup(u->module, name);
    if (symbol && symbol->kind == SYM_FUNCTION) /* is printed if it is specialised */
        return symbol->fn && symbol->fn->live && symbol->fn->body;
    return symbol != NULL;
}

static bool same_but_name(const struct node *a, const struct node *b) {
    return node_equal(function_params(a), function_params(b)) && node_equal(function_body(a), function_body(b));
}

atom hook_add(struct unit *u, struct node *fn) {
    for (uint32_t i = 0; i < u->helpers.len; i++)
        if (same_but_name(u->helpers.at[i], fn))
            return u->helpers.at[i]->atom;
    atom name = fn->atom;
    for (uint32_t k = 2; is_used(u, fn->atom); k++)
        fn->atom = intern_printf(u->atoms, "%s_%u", name, k);
    vec_push(u->arena, &u->helpers, fn);
    return fn->atom;
}

static void write_changes(const struct hooks *hooks, struct buf *out) {
    buf_puts(out, "def _rename_published_keys(state_dict, prefix, *args):\n"
                  "    \"\"\"The checkpoint's names of what has other names here.\"\"\"\n"
                  "    names = {");
    for (uint32_t i = 0; i < hooks->changes.len; i++)
        buf_printf(out, "%s\"%s\": \"%s\"", i ? ", " : "", hooks->changes.at[i].from, hooks->changes.at[i].to);
    buf_puts(out, "}\n"
                  "    renamed = {}\n"
                  "    for key in list(state_dict):\n"
                  "        for published, name in names.items():\n"
                  "            if key.startswith(prefix + published):\n"
                  "                rest = key[len(prefix) + len(published) :]\n"
                  "                renamed[prefix + name + rest] = state_dict.pop(key)\n"
                  "                break\n"
                  "    state_dict.update(renamed)\n");
}

/* The module or parameter that a relative key names: the last part that is not `weight` or `bias`. */
static const char *short_name(struct unit *u, const char *key) {
    const char *end = strrchr(key, '.');
    size_t len = end ? (size_t)(end - key) : strlen(key);
    size_t start = len;
    while (start > 0 && key[start - 1] != '.')
        start--;
    return arena_strndup(u->arena, key + start, len - start);
}

static void write_cut(struct unit *u, const struct cut *cut, struct buf *out) {
    buf_printf(out,
        "def _split_%s(state_dict, prefix, *args):\n"
        "    \"\"\"The checkpoint holds several weights one after the other in `%s`.\"\"\"\n"
        "    packed = state_dict.pop(prefix + \"%s\", None)\n"
        "    if packed is not None:\n"
        "        names = (",
        short_name(u, cut->from), cut->from, cut->from);
    for (uint32_t i = 0; i < cut->parts; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "", cut->part[i]);
    buf_printf(out,
        ")\n"
        "        for name, part in zip(names, packed.chunk(%u, dim=%s)):\n"
        "            state_dict[prefix + name] = part.contiguous()\n",
        cut->parts, cut->dim);
}

/* The key as an f-string: `{i}` at the position in the list. */
static const char *key_of_item(struct unit *u, const char *part) {
    for (const char *p = part; *p; p += strcspn(p, ".") + (strchr(p, '.') != NULL))
        if (strtoul(p, NULL, 10) >= PLACEHOLDER)
            return arena_printf(u->arena, "%.*s{i}%s", (int)(p - part), part, p + strcspn(p, "."));
    return part;
}

/* What becomes of `weight`, item {i} of the list, as far as the module has it. */
static void write_items(struct unit *u, const struct cut *cut, const char *indent, struct buf *out) {
    const char *transposed = cut->transposed ? ".t()" : "";
    if (cut->parts == 1) {
        buf_printf(out,
            "%sname = f\"%s\"\n"
            "%sif name in own:\n"
            "%s    state_dict[prefix + name] = weight%s\n",
            indent, key_of_item(u, cut->part[0]), indent, indent, transposed);
        return;
    }
    buf_printf(out, "%snames = (", indent);
    for (uint32_t i = 0; i < cut->parts; i++)
        buf_printf(out, "%sf\"%s\"", i ? ", " : "", key_of_item(u, cut->part[i]));
    buf_printf(out,
        ")\n"
        "%sfor name, part in zip(names, weight%s.chunk(%u)):\n"
        "%s    if name in own:\n"
        "%s        state_dict[prefix + name] = part\n",
        indent, transposed, cut->parts, indent, indent);
}

/* The hook is given its module, which may have lost some of the list since it was made: to other devices, or because
 * fewer are exported. */
static void write_unstack(struct unit *u, const struct cut *cut, struct buf *out) {
    const char *last = strrchr(cut->from, '.') ? strrchr(cut->from, '.') + 1 : cut->from;
    if (strcmp(last, "weight") == 0)
        last = short_name(u, cut->from);
    const char *indent = cut->count ? "    " : "";
    if (cut->count)
        buf_printf(out,
            "def _unstack_%s(count):\n"
            "    \"\"\"The checkpoint holds the rows of all modules of a list in `%s`.\"\"\"\n\n"
            "    def unstack(module, state_dict, prefix, *args):\n",
            last, cut->from);
    else
        buf_printf(out,
            "def _unstack_%s(module, state_dict, prefix, *args):\n"
            "    \"\"\"The checkpoint holds the weights of all modules of a list in `%s`.\"\"\"\n",
            last, cut->from);
    buf_printf(out,
        "%s    stacked = state_dict.pop(prefix + \"%s\", None)\n"
        "%s    if stacked is not None:\n"
        "%s        own = module.state_dict()  # of the list there may be a part\n"
        "%s        for i, weight in enumerate(stacked%s):\n",
        indent, cut->from, indent, indent, indent, cut->count ? ".chunk(count)" : "");
    write_items(u, cut, cut->count ? "                " : "            ", out);
    if (cut->count)
        buf_puts(out, "\n    return unstack\n");
}

static bool is_post_init(const struct node *stmt) {
    return stmt->kind == NODE_EXPR && stmt->kid[0]->kind == NODE_CALL && stmt->kid[0]->kid[0]->kind == NODE_ATTRIBUTE &&
           atom_is(stmt->kid[0]->kid[0]->atom, "post_init");
}

bool hook_register(struct unit *u, struct cls *cls, atom helper, struct node *count, bool with_module) {
    struct fn *init = class_method(cls, "__init__");
    if (init == NULL || init->body == NULL || !init->live || init->params.len == 0) {
        diag_at(u->diags, unit_refusal(u), cls->def->source, cls->def->span, "checkpoint-layout",
            "`%s` needs a hook for its published keys and has no constructor to register it in", cls->name);
        return false;
    }
    struct node *self = make_name(u->arena, init->params.at[0]->name);
    self->web = init->params.at[0]->web;
    struct node *method = make_attr(u->arena, self, intern(u->atoms, HOOK_METHOD));
    struct node *hook = make_name(u->arena, helper);
    if (count)
        hook = node_make(u->arena, NODE_CALL, NULL, 2, hook, count);
    struct node *call = node_make(u->arena, NODE_CALL, NULL, 2, method, hook);
    if (with_module)
        node_add(u->arena, call,
            node_make(u->arena, NODE_KEYWORD, intern(u->atoms, "with_module"), 1, make_const(u->arena, OP_TRUE)));
    struct node *stmt = node_make(u->arena, NODE_EXPR, NULL, 1, call);
    uint32_t at = init->body->nkids;
    if (at > 0 && is_post_init(init->body->kid[at - 1]))
        at--;
    node_insert(u->arena, init->body, at, stmt);
    struct trace_record record = {.kind = TRACE_REWRITE,
        .id = intern(u->atoms, "published-path"),
        .where = cls->name,
        .text = arena_printf(u->arena, "published keys become the module's own through `%s`", helper)};
    trace_add(u->arena, u->trace, record);
    return true;
}

static bool register_text(
    struct unit *u, struct cls *cls, const struct buf *text, struct node *count, bool with_module) {
    struct node *module = parse_text(u, text);
    return module && hook_register(u, cls, hook_add(u, module->kid[0]), count, with_module);
}

/* The number of modules in the constructor of the class; NULL where it does not know it, or is not asked. */
static struct node *count_in(struct unit *u, struct cls *cls, const struct cut *cut) {
    return cut->count ? symbol_in_class(u, cls, cut->count) : NULL;
}

static bool write_hooks(const struct hooking *h, const struct hooks *hooks) {
    struct unit *u = h->layout->unit;
    bool ok = true;
    struct buf text = {0};
    if (hooks->changes.len) {
        write_changes(hooks, &text);
        ok = register_text(u, hooks->cls, &text, NULL, false);
    }
    for (uint32_t i = 0; ok && i < hooks->cuts.len; i++) {
        const struct cut *cut = &hooks->cuts.at[i];
        if (!complete(cut) || (cut->count && !count_in(u, hooks->cls, cut))) {
            struct diag *d =
                diag_at(u->diags, unit_refusal(u), hooks->cls->def->source, hooks->cls->def->span, "checkpoint-layout",
                    "the published `%s` holds parts that the model does not have, or how many is not known", cut->from);
            diag_help(u->diags, d, "all targets of the package's conversion must be parameters of one module");
            ok = false;
            break;
        }
        buf_truncate(&text, 0);
        if (cut->dim)
            write_cut(u, cut, &text);
        else
            write_unstack(u, cut, &text);
        ok = register_text(u, hooks->cls, &text, count_in(u, hooks->cls, cut), cut->dim == NULL);
    }
    buf_free(&text);
    return ok;
}

bool write_load_hooks(const struct layout *layout) {
    struct hooking h = {.layout = layout};
    if (!plan(&h))
        return false;
    if (!prove(&h, false)) {
        for (uint32_t i = 0; i < h.classes.len; i++)
            h.classes.at[i]->changes.len = h.classes.at[i]->cuts.len = 0;
        if (!plan(&h) || !prove(&h, true))
            return false;
    }
    const struct unit *u = layout->unit;
    for (uint32_t i = 0; i < u->classes.len; i++) /* in the order in which keep_load_hooks meets them again */
        if (!write_hooks(&h, hooks_of(&h, u->classes.at[i])))
            return false;
    return true;
}
