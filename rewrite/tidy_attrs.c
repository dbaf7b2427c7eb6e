/* tidy_attrs.c - attributes that are not needed as attributes.
 *
 * Reads   the pruned program, still in SSA form.
 * Writes  attributes that only their constructor reads become locals of it, or what they are copies of; a store that
 *         the next one replaces goes, and so does the identity as an item of a dictionary of modules; an attribute that
 * a pass added takes the name that it could not have while another had it. Guarantees  the same values; no attribute
 * that holds parameters changes. */
#include "rewrite/tidy.h"

#include <string.h>

#include "rewrite/facts.h"
#include "rewrite/symbolic.h"

/* -- attributes that only the constructor reads -------------------------------------------------------------------- */

struct reads {
    uint32_t inside, outside;
};

static struct reads *reads_of(struct unit *unit, struct map *all, const struct attr *attr) {
    struct reads *r = map_get(all, attr);
    if (r == NULL) {
        r = NEW(unit->arena, struct reads);
        map_put(unit->arena, all, attr, r);
    }
    return r;
}

static void count_read(
    struct unit *unit, struct map *all, const struct fn *fn, const struct absval *object, atom name) {
    struct attr *attr = object->kind == ABS_INSTANCE ? class_attr_of(object->cls, name) : NULL;
    if (attr == NULL)
        return;
    struct reads *r = reads_of(unit, all, attr);
    *(fn == class_method(object->cls, "__init__") ? &r->inside : &r->outside) += 1;
}

static void count_reads(struct unit *unit, struct map *all, const struct fn *fn, struct node *n, bool target) {
    if (n == NULL)
        return;
    const struct absval *of = n->kind == NODE_ATTRIBUTE && !target ? n->kid[0]->abs : NULL;
    for (uint32_t i = 0; of && i < (of->kind == ABS_UNION ? of->count : 1); i++)
        count_read(unit, all, fn, of->kind == ABS_UNION ? of->item[i].abs : of, n->atom);
    bool tuple = n->kind == NODE_TUPLE || n->kind == NODE_LIST;
    for (uint32_t i = 0; i < n->nkids; i++)
        count_reads(unit, all, fn, n->kid[i], (n->kind == NODE_ASSIGN && i > 0) || (target && tuple));
}

static bool may_be_local(const struct attr *attr) {
    switch (attr->abs->kind) {
    case ABS_INSTANCE:
    case ABS_OBJECT:
    case ABS_UNION:
    case ABS_SEQ:
        return attr->abs->kind == ABS_SEQ && attr->abs->element && attr->abs->element->kind != ABS_INSTANCE &&
               attr->abs->element->kind != ABS_OBJECT && attr->abs->element->kind != ABS_TOP &&
               attr->abs->element->kind != ABS_TENSOR;
    case ABS_TENSOR: return false;
    default: return true;
    }
}

static bool is_path(const struct node *e) {
    return e->kind == NODE_NAME        ? e->web != NULL
           : e->kind == NODE_ATTRIBUTE ? is_path(e->kid[0])
                                       : e->kind == NODE_CONST;
}

static void replace_reads(
    struct unit *unit, struct node **slot, struct cls *cls, atom name, struct node *value, bool target) {
    struct node *n = *slot;
    if (n == NULL)
        return;
    if (n->kind == NODE_ATTRIBUTE && !target && n->atom == name && n->kid[0]->abs &&
        n->kid[0]->abs->kind == ABS_INSTANCE && n->kid[0]->abs->cls == cls) {
        *slot = node_copy(unit->arena, value);
        (*slot)->abs = n->abs;
        return;
    }
    bool tuple = n->kind == NODE_TUPLE || n->kind == NODE_LIST;
    for (uint32_t i = 0; i < n->nkids; i++)
        replace_reads(unit, &n->kid[i], cls, name, value, (n->kind == NODE_ASSIGN && i > 0) || (target && tuple));
    for (uint32_t i = 1; n->kind == NODE_ASSIGN && i < n->nkids; i++)
        if (n->kid[i]->kind == NODE_NAME && n->kid[i]->web && n->kid[i]->web->kind == WEB_ASSIGN)
            n->kid[i]->web->expr = n->kid[0];
}

static bool remove_stmt(struct node *block, const struct node *stmt) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if (s == stmt) {
            if (i + 1 < block->nkids)
                block->kid[i + 1]->flags |= s->flags & NF_BLANK;
            node_remove(block, i);
            return true;
        }
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK) && remove_stmt(s->kid[k], stmt))
                return true;
    }
    return false;
}

static struct web *local_web(struct unit *unit, const struct attr *attr, struct node *stmt, enum web_kind kind) {
    struct web *w = NEW(unit->arena, struct web);
    w->kind = kind;
    w->name = attr->name;
    w->abs = attr->abs;
    w->stmt = stmt;
    w->expr = stmt->kid[0];
    return w;
}

static bool is_top_level(const struct node *body, const struct node *stmt) {
    for (uint32_t i = 0; i < body->nkids; i++)
        if (body->kid[i] == stmt)
            return true;
    return false;
}

static void localise(struct unit *unit, struct cls *cls, struct attr *attr) {
    struct fn *init = class_method(cls, "__init__");
    struct node *stmt = attr->stmts.len == 1 ? attr->stmts.at[0] : NULL;
    if (stmt == NULL || stmt->kind != NODE_ASSIGN || !is_top_level(init->body, stmt))
        return;
    struct node *target = stmt->kid[1];
    if (target->kind == NODE_ATTRIBUTE && stmt->nkids == 2) {
        struct web *source = stmt->kid[0]->kind == NODE_NAME ? stmt->kid[0]->web : NULL;
        if (source && source->temporary) { /* what an unfolded function returned takes the attribute's name */
            source->name = attr->name;
            source->temporary = false;
        }
        if (is_path(stmt->kid[0])) {
            replace_reads(unit, &init->body, cls, attr->name, stmt->kid[0], false);
            remove_stmt(init->body, stmt);
        } else {
            struct web *w = local_web(unit, attr, stmt, WEB_ASSIGN);
            stmt->kid[1] = make_web_name(unit->arena, w);
            replace_reads(unit, &init->body, cls, attr->name, stmt->kid[1], false);
        }
        attr->live = false;
        return;
    }
    for (uint32_t i = 0; target->kind == NODE_TUPLE && i < target->nkids; i++)
        if (target->kid[i]->kind == NODE_ATTRIBUTE && target->kid[i]->atom == attr->name) {
            struct web *w = local_web(unit, attr, stmt, WEB_ELEMENT);
            w->element = i;
            target->kid[i] = make_web_name(unit->arena, w);
            replace_reads(unit, &init->body, cls, attr->name, target->kid[i], false);
            attr->live = false;
        }
}

/* `self.config` of a PreTrainedModel is the parameter, inside its constructor. */
static void shorten_config(struct unit *unit, struct cls *cls) {
    struct fn *init = class_method(cls, "__init__");
    atom config = intern(unit->atoms, "config");
    if (init == NULL || !init->body || class_attr_of(cls, config))
        return;
    for (uint32_t i = 1; i < init->params.len; i++) {
        struct param *p = init->params.at[i];
        const char *kept = cls->config && cls->config->kind == ABS_CONFIG ? cls->config->qual : "";
        if (p->abs && p->abs->kind == ABS_CONFIG && strcmp(p->abs->qual, kept) == 0 && p->web) {
            replace_reads(unit, &init->body, cls, config, make_web_name(unit->arena, p->web), false);
            return;
        }
    }
}

void localise_attributes(struct unit *unit, struct functions *all) {
    struct map reads = {0};
    for (uint32_t i = 0; i < all->list.len; i++)
        if (all->list.at[i]->live)
            count_reads(unit, &reads, all->list.at[i], all->list.at[i]->body, false);
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        if (!cls->live || cls->dynamic)
            continue;
        shorten_config(unit, cls);
        for (uint32_t k = 0; k < cls->attrs.len; k++) {
            struct attr *attr = cls->attrs.entry[k].value;
            struct reads *r = reads_of(unit, &reads, attr);
            if (attr->live && r->inside && !r->outside && may_be_local(attr))
                localise(unit, cls, attr);
        }
    }
    propagate_copies(unit); /* dim = self.dim has become dim = dim */
}

/* -- modules of a dictionary that do nothing ----------------------------------------------------------------------- */

/* Whether something may take the item of that key out of a dictionary of modules. */
static bool names_key(struct unit *unit, const struct node *n, atom key) {
    if (n == NULL)
        return false;
    if ((n->kind == NODE_ATTRIBUTE && n->atom == key) ||
        (n->kind == NODE_STRING && string_value(unit->atoms, n) == key))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kind != NODE_KEYVALUE || i > 0 || n->kid[i]->kind != NODE_STRING)
            if (names_key(unit, n->kid[i], key))
                return true;
    return false;
}

static bool is_read_of_any(struct unit *unit, const struct functions *all, atom key) {
    for (uint32_t i = 0; i < all->list.len; i++)
        if (all->list.at[i]->live && names_key(unit, all->list.at[i]->body, key))
            return true;
    return false;
}

/* The module that an item of a display, or of dict(...), makes, and its key; NULL where it is not the identity. */
static const struct node *identity_item(struct unit *unit, const struct node *item, atom *key) {
    bool pair = item->kind == NODE_KEYVALUE && is_kind(item->kid[0], NODE_STRING);
    const struct node *made = pair ? item->kid[1] : item->kind == NODE_KEYWORD && item->atom ? item->kid[0] : NULL;
    const struct absval *cls = is_kind(made, NODE_CALL) ? made->kid[0]->abs : NULL;
    const struct fact *fact = cls && cls->kind == ABS_LIBRARY ? fact_library(unit->facts, cls->qual) : NULL;
    *key = pair ? string_value(unit->atoms, item->kid[0]) : item->atom;
    return fact && fact->effect == EFFECT_ARGUMENT ? made : NULL;
}

/* nn.ModuleDict(dict(..., drop=nn.Dropout(p))): nobody calls it any more. */
static void drop_identities(struct unit *unit, const struct functions *all, struct node *n) {
    for (uint32_t i = 0; n && i < n->nkids; i++)
        drop_identities(unit, all, n->kid[i]);
    bool modules = is_kind(n, NODE_CALL) && n->nkids == 2 && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_LIBRARY &&
                   qual_ends(n->kid[0]->abs->qual, "nn.ModuleDict");
    struct node *items = modules ? n->kid[1] : NULL;
    atom key;
    for (uint32_t i = 0; items && i < items->nkids; i++)
        if (identity_item(unit, items->kid[i], &key) && !is_read_of_any(unit, all, key))
            node_remove(items, i--);
}

void drop_idle_items(struct unit *unit, struct functions *all) {
    for (uint32_t i = 0; i < all->list.len; i++)
        if (all->list.at[i]->live && atom_is(all->list.at[i]->name, "__init__"))
            drop_identities(unit, all, all->list.at[i]->body);
}

/* -- stores that the next one replaces ------------------------------------------------------------------------------
 */

static atom stored_attribute(const struct node *s) {
    const struct node *target = s->kind == NODE_ASSIGN && s->nkids == 2 ? s->kid[1] : NULL;
    return is_kind(target, NODE_ATTRIBUTE) && is_name(target->kid[0], "self") ? target->atom : NULL;
}

/* Whether an attribute of self is read, or self is handed to something that could. */
static bool may_read(const struct node *n, atom attribute) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_ATTRIBUTE && is_name(n->kid[0], "self"))
        return n->atom == attribute;
    if (is_name(n, "self"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (may_read(n->kid[i], attribute))
            return true;
    return false;
}

/* `self.x = None` above `self.x = Module()`. */
void drop_replaced_stores(struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *s = block->kid[i];
        atom attribute = stored_attribute(s);
        bool constant = attribute && (s->kid[0]->kind == NODE_CONST || s->kid[0]->kind == NODE_NUMBER);
        for (uint32_t k = i + 1; constant && k < block->nkids; k++) {
            const struct node *later = block->kid[k];
            bool again = stored_attribute(later) == attribute;
            if (may_read(again ? later->kid[0] : later, attribute) || later->kind == NODE_RETURN)
                break;
            if (again) {
                node_remove(block, i--);
                break;
            }
        }
    }
}

/* -- attributes that could not have the name that fits ------------------------------------------------------------- */

static void rename_attribute(struct node *n, const struct cls *cls, atom from, atom to) {
    if (n == NULL)
        return;
    if (n->kind == NODE_ATTRIBUTE && n->atom == from && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_INSTANCE &&
        n->kid[0]->abs->cls == cls)
        n->atom = to;
    for (uint32_t i = 0; i < n->nkids; i++)
        rename_attribute(n->kid[i], cls, from, to);
}

/* The attribute that had the name is gone. */
void take_wanted_names(struct unit *unit, struct functions *all) {
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        for (uint32_t k = 0; cls->live && !cls->dynamic && k < cls->attrs.len; k++) {
            struct attr *attr = cls->attrs.entry[k].value;
            const struct attr *other = attr->live && attr->wanted ? class_attr_of(cls, attr->wanted) : NULL;
            if (other == NULL || other == attr || other->live)
                continue;
            for (uint32_t f = 0; f < all->list.len; f++)
                rename_attribute(all->list.at[f]->body, cls, attr->name, attr->wanted);
            attr->name = attr->wanted;
            map_put(unit->arena, &cls->attrs, attr->name, attr);
        }
    }
}
