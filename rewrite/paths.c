/* paths.c - a walk over the values of attributes, from the entry down. */
#include "rewrite/paths.h"

#include <string.h>

enum { DEPTH_MAX = 32 };

struct walk {
    struct unit *unit;
    struct paths *paths;
    struct step stack[DEPTH_MAX];
    uint32_t depth, positions;
};

static void walk_value(struct walk *w, const struct absval *abs, const struct node *call);

static void record(struct walk *w, bool optional) {
    struct path *path = NEW(w->unit->arena, struct path);
    path->optional = optional;
    path->len = w->depth;
    path->step = NEW_ARRAY(w->unit->arena, struct step, w->depth + 1);
    memcpy(path->step, w->stack, w->depth * sizeof *path->step);
    vec_push(w->unit->arena, &w->paths->list, path);
}

static bool enter(struct walk *w, struct cls *cls, struct attr *attr, const char *text, bool any) {
    if (w->depth == DEPTH_MAX)
        return false;
    w->stack[w->depth++] = (struct step){cls, attr, text, any};
    w->positions += any;
    return true;
}

static void leave(struct walk *w) {
    w->positions -= w->stack[--w->depth].any;
}

/* -- modules of the library ---------------------------------------------------------------------------------------- */

static const struct node *keyword_of(const struct node *call, const char *keyword) {
    for (uint32_t i = 1; is_kind(call, NODE_CALL) && i < call->nkids; i++)
        if (call->kid[i]->kind == NODE_KEYWORD && atom_is(call->kid[i]->atom, keyword))
            return call->kid[i]->kid[0];
    return NULL;
}

static bool says_no(const struct node *call, const char *keyword) {
    const struct node *value = keyword_of(call, keyword);
    return is_kind(value, NODE_CONST) && value->op == OP_FALSE;
}

static void leaf(struct walk *w, const char *name, bool optional) {
    if (!enter(w, NULL, NULL, name, false))
        return;
    record(w, optional);
    leave(w);
}

static void walk_library(struct walk *w, atom qual, const struct node *call) {
    const struct node *bias = keyword_of(call, "bias");
    bool optional = !is_kind(call, NODE_CALL) || (bias && bias->kind != NODE_CONST);
    leaf(w, "weight", false);
    if (!qual_ends(qual, "Embedding") && !qual_ends(qual, "RMSNorm") && !says_no(call, "bias"))
        leaf(w, "bias", optional);
}

/* -- attributes ---------------------------------------------------------------------------------------------------- */

static bool mentions(const struct node *n, const char *name) {
    if (n == NULL)
        return false;
    if ((n->kind == NODE_NAME || n->kind == NODE_ATTRIBUTE) && atom_is(n->atom, name))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (mentions(n->kid[i], name))
            return true;
    return false;
}

/* register_buffer(..., persistent=False), self.x = nn.Buffer(..., persistent=False) */
static bool is_transient(const struct node *stmt) {
    bool call = (stmt->kind == NODE_EXPR || stmt->kind == NODE_ASSIGN) && is_kind(stmt->kid[0], NODE_CALL);
    return call && says_no(stmt->kid[0], "persistent");
}

bool is_state(const struct attr *attr) {
    for (uint32_t i = 0; i < attr->stmts.len; i++) {
        const struct node *s = attr->stmts.at[i];
        bool buffer = mentions(s, "Buffer") || mentions(s, "register_buffer");
        if (mentions(s, "Parameter") || mentions(s, "register_parameter") || (buffer && !is_transient(s)))
            return true;
    }
    return attr->stmts.len == 0 && attr->expr && mentions(attr->expr, "Parameter");
}

static bool is_modules(const struct absval *abs) {
    return abs && (abs->kind == ABS_INSTANCE || abs->kind == ABS_OBJECT || abs->kind == ABS_UNION ||
                      abs->kind == ABS_SEQ || abs->kind == ABS_LIST || abs->kind == ABS_DICT);
}

/* A module or None, by a condition: the join forgets the module, the expression has it. */
static void walk_expression(struct walk *w, const struct node *e) {
    if (e == NULL)
        return;
    if (e->kind == NODE_IFEXP) {
        walk_expression(w, e->kid[1]);
        walk_expression(w, e->kid[2]);
    } else if (is_modules(e->abs)) {
        walk_value(w, e->abs, e);
    } else if (e->kind == NODE_NAME && e->web && is_modules(e->web->abs)) {
        walk_value(w, e->web->abs, e->web->expr);
    }
}

static void walk_attr(struct walk *w, struct cls *cls, struct attr *attr) {
    if (!attr->live || !enter(w, cls, attr, attr->name, false))
        return;
    if (is_modules(attr->abs)) {
        walk_value(w, attr->abs, attr->stores == 1 ? attr->expr : NULL);
    } else if (is_state(attr)) {
        record(w, attr->conditional);
    } else {
        for (uint32_t i = 0; i < attr->stmts.len; i++)
            if (attr->stmts.at[i]->kind == NODE_ASSIGN)
                walk_expression(w, attr->stmts.at[i]->kid[0]);
        if (attr->stmts.len == 0)
            walk_expression(w, attr->expr);
    }
    leave(w);
}

static bool is_module_class(const struct cls *cls) {
    return class_derives(cls, "Module") || class_derives(cls, "PreTrainedModel") || cls->library_bases.len > 0;
}

static void walk_items(struct walk *w, const struct absval *abs) {
    for (uint32_t i = 0; i < abs->count; i++) {
        const char *text = abs->kind == ABS_DICT ? abs->key[i] : arena_printf(w->unit->arena, "%u", i);
        if (!enter(w, NULL, NULL, text, false))
            return;
        walk_value(w, abs->item[i].abs, abs->item[i].expr);
        leave(w);
    }
}

static void walk_any(struct walk *w, const struct absval *element) {
    const char *text = arena_printf(w->unit->arena, "%u", PLACEHOLDER + w->positions);
    if (element == NULL || !enter(w, NULL, NULL, text, true))
        return;
    if (element->kind == ABS_TENSOR)
        record(w, false); /* a ParameterList */
    else
        walk_value(w, element, NULL);
    leave(w);
}

static void walk_value(struct walk *w, const struct absval *abs, const struct node *call) {
    switch (abs->kind) {
    case ABS_INSTANCE:
        for (uint32_t i = 0; is_module_class(abs->cls) && i < abs->cls->attrs.len; i++)
            walk_attr(w, abs->cls, abs->cls->attrs.entry[i].value);
        walk_any(w, abs->cls->items);
        break;
    case ABS_OBJECT:
        if (qual_ends(abs->qual, "Sequential"))
            walk_any(w, abs_simple(ABS_TOP));
        else
            walk_library(w, abs->qual, call);
        break;
    case ABS_UNION:
        for (uint32_t i = 0; i < abs->count; i++)
            walk_value(w, abs->item[i].abs, NULL);
        break;
    case ABS_LIST:
    case ABS_DICT:
        walk_items(w, abs);
        if (abs->kind == ABS_DICT)
            walk_any(w, abs->element);
        break;
    case ABS_SEQ: walk_any(w, abs->element); break;
    case ABS_TOP:
    case ABS_NOTNONE: /* a module of which nothing is known */
        if (w->depth && w->stack[w->depth - 1].any)
            walk_library(w, NULL, NULL);
        break;
    default: break;
    }
}

void paths_collect(struct unit *unit, struct paths *paths) {
    struct absval entry = {.kind = ABS_INSTANCE, .cls = unit->entry};
    struct walk w = {.unit = unit, .paths = paths};
    walk_value(&w, &entry, NULL);
}

/* The steps before `end`, unknown positions as `*first`, which is counted up. */
static const char *join(struct unit *unit, const struct path *path, uint32_t end, uint32_t *first) {
    struct buf out = {0};
    for (uint32_t i = 0; i < end; i++) {
        buf_puts(&out, i ? "." : "");
        if (path->step[i].any)
            buf_printf(&out, "%u", (*first)++);
        else
            buf_puts(&out, path->step[i].text);
    }
    return buf_keep(&out, unit->arena);
}

const char *path_text(struct unit *unit, const struct path *path, uint32_t first) {
    return join(unit, path, path->len, &first);
}

const char *path_own(
    struct unit *unit, const struct path *path, uint32_t first, const struct attr **part, uint32_t *item) {
    *part = NULL;
    for (uint32_t i = 2; i < path->len && *part == NULL; i++) {
        if (!path->step[i].attr || !path->step[i].attr->stacked || !path->step[i - 1].any)
            continue;
        const char *list = join(unit, path, i - 1, &first);
        *part = path->step[i].attr;
        *item = first;
        return arena_printf(unit->arena, "%s.%s", list, (*part)->stacked);
    }
    return path_text(unit, path, first);
}
