/* buffers.c - tensors that a module holds follow it to its device.
 *
 * Reads   the pruned program.
 * Writes  an attribute that the constructor computes as a plain tensor and forward reads becomes a non-persistent
 * buffer: sources move such tensors while they run, which is gone, and a graph cannot hold them as constants.
 * Guarantees  the same values, and the same state dict. */
#include "rewrite/passes.h"

#include "rewrite/unit.h"

/* What something other than a constructor reads. */
static void note_reads(const struct node *n) {
    if (n == NULL)
        return;
    const struct absval *of = n->kind == NODE_ATTRIBUTE ? n->kid[0]->abs : NULL;
    for (uint32_t i = 0; of && i < (of->kind == ABS_UNION ? of->count : 1); i++) {
        const struct absval *one = of->kind == ABS_UNION ? of->item[i].abs : of;
        struct attr *attr = one->kind == ABS_INSTANCE ? map_get(&one->cls->attrs, n->atom) : NULL;
        if (attr)
            attr->read = true;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        note_reads(n->kid[i]);
}

/* What is computed, as opposed to a parameter, or another name of one. */
static bool is_computed(const struct node *e) {
    for (int i = 0; i < 16 && e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr; i++)
        e = e->web->expr;
    if (e->kind != NODE_CALL)
        return e->kind == NODE_BINOP || (e->kind == NODE_NAME && e->web && e->web->kind != WEB_PARAM);
    const struct absval *callee = e->kid[0]->abs;
    return !(callee && callee->kind == ABS_LIBRARY &&
             (qual_ends(callee->qual, "Parameter") || qual_ends(callee->qual, "Buffer")));
}

static bool is_plain_tensor(const struct cls *cls, const struct node *stmt) {
    const struct node *target = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 ? stmt->kid[1] : NULL;
    const struct absval *of = is_kind(target, NODE_ATTRIBUTE) ? target->kid[0]->abs : NULL;
    if (of == NULL || of->kind != ABS_INSTANCE || of->cls != cls)
        return false;
    const struct attr *attr = map_get(&cls->attrs, target->atom);
    return attr && attr->read && attr->stores == 1 && attr->abs->kind == ABS_TENSOR && is_computed(stmt->kid[0]);
}

static struct node *registered(struct unit *unit, struct node *stmt) {
    struct node *target = stmt->kid[1],
                *method = make_attr(unit->arena, target->kid[0], intern(unit->atoms, "register_buffer"));
    struct node *persistent =
        node_make(unit->arena, NODE_KEYWORD, intern(unit->atoms, "persistent"), 1, make_const(unit->arena, OP_FALSE));
    struct node *call = node_make(unit->arena, NODE_CALL, NULL, 4, method,
        make_string(unit->arena, unit->atoms, target->atom), stmt->kid[0], persistent);
    struct node *made = node_make(unit->arena, NODE_EXPR, NULL, 1, call);
    made->flags |= stmt->flags & NF_BLANK;
    made->comments = stmt->comments;
    return made;
}

static void register_in(struct unit *unit, const struct cls *cls, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK))
                register_in(unit, cls, stmt->kid[k]);
        if (is_plain_tensor(cls, stmt))
            block->kid[i] = registered(unit, stmt);
    }
}

void register_buffers(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live && !atom_is(all.list.at[i]->name, "__init__"))
            note_reads(all.list.at[i]->body);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (fn->live && fn->owner && atom_is(fn->name, "__init__") && class_derives(fn->owner, "nn.Module"))
            register_in(unit, fn->owner, fn->body);
    }
}
