/* dynamic_attrs.c - attributes with computed names that nothing reads any more.
 *
 * Reads   a class whose constructor does setattr(self, f"{layer_type}_x", value), after prune.
 * Writes  such statements go where no method reads a name of that form; `dynamic` of a class without any is cleared.
 * Guarantees  nothing that the checkpoint holds goes: only plain values and buffers that are not persistent. */
#include "rewrite/dynamic_attrs.h"

bool same_format(const struct node *a, const struct node *b) {
    if (a->nkids != b->nkids)
        return false;
    for (uint32_t i = 0; i < a->nkids; i++) {
        if (a->kid[i]->kind != b->kid[i]->kind)
            return false;
        if (a->kid[i]->kind == NODE_FTEXT && a->kid[i]->atom != b->kid[i]->atom)
            return false;
    }
    return true;
}

atom attribute_form(struct atoms *atoms, const struct node *name) {
    atom form = intern(atoms, "");
    if (!is_kind(name, NODE_FSTRING))
        return NULL;
    for (uint32_t i = 0; i < name->nkids; i++)
        form = intern_printf(atoms, "%s%s", form, name->kid[i]->kind == NODE_FTEXT ? name->kid[i]->atom : "{}");
    return form;
}

/* Whether a method reads, or may read, an attribute of this form: by the same form, by a name that is not known, or by
 * a plain name that nothing else sets. */
static bool may_read(const struct cls *cls, const struct node *n, const struct node *format) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_CALL && is_name(n->kid[0], "getattr") && n->nkids >= 3 && n->kid[2]->kind != NODE_STRING &&
        (n->kid[2]->kind != NODE_FSTRING || same_format(n->kid[2], format)))
        return true;
    if (n->kind == NODE_ATTRIBUTE && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_INSTANCE &&
        n->kid[0]->abs->cls == cls && !map_has(&cls->attrs, n->atom) && !map_has(&cls->methods, n->atom) &&
        !map_has(&cls->class_attrs, n->atom) && !atom_is(n->atom, "register_buffer"))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (may_read(cls, n->kid[i], format))
            return true;
    return false;
}

static bool is_read(const struct cls *cls, const struct node *format) {
    for (uint32_t i = 0; i < cls->methods.len; i++) {
        const struct fn *fn = cls->methods.entry[i].value;
        if (fn->live && fn->body && may_read(cls, fn->body, format))
            return true;
    }
    return false;
}

/* A number, or a buffer that is not saved. */
static bool is_not_saved(const struct node *value) {
    if (value->kind == NODE_CALL && value->kid[0]->abs && value->kid[0]->abs->kind == ABS_LIBRARY &&
        qual_ends(value->kid[0]->abs->qual, "Buffer")) {
        const struct node *persistent = call_argument(value, 1, "persistent");
        return persistent && persistent->kind == NODE_CONST && persistent->op == OP_FALSE;
    }
    const struct absval *a = value->kind == NODE_NAME && value->web ? value->web->abs : value->abs;
    return a && (a->kind == ABS_TOP || a->kind == ABS_NOTNONE || a->kind == ABS_NUMBER || a->kind == ABS_CONST ||
                    a->kind == ABS_SYMBOLIC);
}

static struct node *setattr_call(const struct node *stmt) {
    struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    return is_kind(call, NODE_CALL) && is_name(call->kid[0], "setattr") && call->nkids == 4 &&
                   call->kid[2]->kind == NODE_FSTRING
               ? call
               : NULL;
}

struct dropping {
    const struct cls *cls;
    bool some, all; /* of what there was */
};

static void drop_from(struct dropping *d, struct node *block) {
    for (uint32_t i = 0; i < block->nkids;) {
        struct node *s = block->kid[i];
        const struct node *call = setattr_call(s);
        if (call && is_not_saved(call->kid[3]) && !is_read(d->cls, call->kid[2])) {
            node_remove(block, i);
            d->some = true;
            continue;
        }
        d->all = d->all && call == NULL;
        for (uint32_t k = 0; k < s->nkids; k++)
            if (is_kind(s->kid[k], NODE_BLOCK))
                drop_from(d, s->kid[k]);
        i++;
    }
}

bool drop_unread_attributes(struct unit *unit) {
    bool some = false;
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        struct fn *init = cls->live && cls->dynamic ? class_method(cls, "__init__") : NULL;
        if (init == NULL || init->body == NULL)
            continue;
        struct dropping d = {.cls = cls, .all = true};
        drop_from(&d, init->body);
        if (d.all)
            cls->dynamic = NULL;
        some |= d.some;
    }
    return some;
}
