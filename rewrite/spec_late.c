/* spec_late.c - attributes that a module's first call makes.
 *
 *     def __init__(self, dim, base):
 *         ...
 *         self.inv_freq = None
 *
 *     def forward(self, x, position_ids):
 *         if self.inv_freq is None:
 *             self.inv_freq = 1.0 / (self.base ** (torch.arange(0, self.dim, 2, device=x.device).float() / self.dim))
 *
 * What the constructor leaves open and the branch computes from the module alone, the constructor computes as its last
 * act: nothing has changed the module in between. Then the attribute is there when the model runs, and the test is
 * decided. The device, which is all that the branch may read of its input, is the one that the module is moved to. */
#include "rewrite/account.h"
#include "rewrite/spec.h"

/* self.x, or NULL. */
static const struct node *own_attribute(const struct node *e) {
    return is_kind(e, NODE_ATTRIBUTE) && is_name(e->kid[0], "self") ? e : NULL;
}

/* The attribute of which the test asks whether it is not there yet: `self.x is None`, `not self.x`. */
static const struct node *asked_for(const struct node *test) {
    if (test->kind == NODE_COMPARE && test->nkids == 2 && test->ops[0] == OP_IS && is_none(test->kid[1]))
        return own_attribute(test->kid[0]);
    return test->kind == NODE_UNARYOP && test->op == OP_NOT ? own_attribute(test->kid[0]) : NULL;
}

static bool is_local(const struct frame *f, atom name) {
    return map_has(&f->env, name) || (f->closure && map_has(f->closure, name));
}

static bool is_device(const struct frame *f, const struct node *e) {
    return e->kind == NODE_ATTRIBUTE && atom_is(e->atom, "device") && e->kid[0]->kind == NODE_NAME &&
           !is_name(e->kid[0], "self") && is_local(f, e->kid[0]->atom);
}

/* Whether an expression is computed from attributes of the module and from what the file defines; calls are of the
 * latter, or of what they return. */
static bool is_of_module(const struct frame *f, const struct node *e) {
    if (e == NULL || own_attribute(e) || is_device(f, e))
        return true;
    if (e->kind == NODE_NAME)
        return !is_local(f, e->atom);
    if (e->kind == NODE_CALL && own_attribute(e->kid[0]))
        return false;
    if (e->kind == NODE_LAMBDA || e->kind == NODE_NAMEDEXPR || e->kind == NODE_YIELD || e->kind == NODE_LISTCOMP ||
        e->kind == NODE_GENERATOR || e->kind == NODE_DICTCOMP || e->kind == NODE_SETCOMP)
        return false;
    for (uint32_t i = 0; i < e->nkids; i++)
        if (!is_of_module(f, e->kid[i]))
            return false;
    return true;
}

static bool only_makes(const struct frame *f, const struct node *block, atom attribute) {
    bool makes = false;
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        const struct node *target = stmt->kind == NODE_ASSIGN && stmt->nkids == 2 ? own_attribute(stmt->kid[1]) : NULL;
        if (target == NULL || !is_of_module(f, stmt->kid[0]))
            return false;
        makes |= target->atom == attribute;
    }
    return makes;
}

/* Without a device a tensor is made on the one that the constructor works on. */
static void forget_devices(struct frame *f, struct node *n) {
    for (uint32_t i = 0; n && i < n->nkids; i++) {
        if (is_kind(n->kid[i], NODE_KEYWORD) && is_device(f, n->kid[i]->kid[0]))
            node_remove(n, i--);
        else if (n->kid[i] && is_device(f, n->kid[i]))
            n->kid[i] = at_node(f, make_const(f->unit->arena, OP_NONE), n->kid[i]);
        else
            forget_devices(f, n->kid[i]);
    }
}

bool is_made_late(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    const struct node *attribute = asked_for(stmt->kid[0]);
    if (!attribute || stmt->kid[2] || !f->host->owner || atom_is(f->host->name, "__init__") || f->conditional ||
        f->pure)
        return false;
    struct val self = eval(f, attribute->kid[0]);
    struct cls *cls = self.abs->kind == ABS_INSTANCE ? self.abs->cls : NULL;
    const struct attr *attr = cls && class_method(cls, "__init__") ? class_attr(cls, attribute->atom) : NULL;
    if (!attr || attr->conditional || abs_truth(attr->abs) != 0 || map_has(&cls->late, stmt) ||
        !only_makes(f, stmt->kid[1], attribute->atom))
        return false;
    struct node *block = node_copy(unit->arena, stmt->kid[1]);
    forget_devices(f, block);
    map_put(unit->arena, &cls->late, stmt, block);
    account_decided(unit, stmt->kid[0], REASON_MADE_LATE);
    unit->restart = true;
    return true;
}

/* Whether a statement says that an attribute is not there yet: `self.x = None`, `self.register_buffer("x", None)`. */
static bool leaves_open(struct unit *unit, const struct node *stmt, atom attribute) {
    if (stmt->kind == NODE_ASSIGN)
        return stmt->nkids == 2 && own_attribute(stmt->kid[1]) && stmt->kid[1]->atom == attribute &&
               stmt->kid[0]->kind == NODE_CONST;
    const struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    return is_kind(call, NODE_CALL) && call->nkids > 2 && own_attribute(call->kid[0]) &&
           atom_is(call->kid[0]->atom, "register_buffer") && is_none(call->kid[2]) &&
           is_kind(call->kid[1], NODE_STRING) && string_value(unit->atoms, call->kid[1]) == attribute;
}

/* The constructor has emitted nothing else that stores the attribute, or what it has stays. */
static void take_back(struct frame *f, struct cls *cls, atom attribute) {
    struct attr *attr = class_attr(cls, attribute);
    for (uint32_t i = 0; attr && attr->stores == 1 && i < f->out->nkids; i++)
        if (leaves_open(f->unit, f->out->kid[i], attribute)) {
            node_remove(f->out, i);
            attr->abs = NULL;
            attr->stores = 0;
        }
}

void make_late_attributes(struct frame *f) {
    struct cls *cls = f->host->owner;
    if (cls == NULL || !atom_is(f->host->name, "__init__"))
        return;
    struct map env = f->env, alone = {0};
    atom self = f->host->params.at[0]->name;
    map_put(f->unit->arena, &alone, self, map_get(&env, self));
    for (uint32_t i = 0; i < cls->late.len; i++) {
        struct node *block = cls->late.entry[i].value;
        for (uint32_t k = 0; k < block->nkids; k++)
            take_back(f, cls, block->kid[k]->kid[1]->atom);
        map_copy(f->unit->arena, &f->env, &alone);
        run_block(f, block, 0);
    }
    f->env = env;
}
