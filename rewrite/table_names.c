/* table_names.c - the names of tables that the source keeps itself.
 *
 * AutoDeploy moves a model to the meta device and back, and looks for the tables of rotary embeddings by the prefix of
 * their names. Those that tabulate.c makes have it; a buffer of cosines or sines that the source registers, not saved,
 * in a module that hands out two tables gets it here. A buffer has no key in a checkpoint, so that only its readers see
 * the name. */
#include "base/text.h"
#include "rewrite/published.h"

/* Whether a cosine, a sine or a complex number of an angle is in the value, through the variables of the function. */
static bool is_wave(const struct node *e, int depth) {
    if (e == NULL || depth > 32)
        return false;
    const struct node *callee = e->kind == NODE_CALL ? e->kid[0] : NULL;
    if (is_kind(callee, NODE_ATTRIBUTE) && word_in(callee->atom, "cos sin polar"))
        return true;
    if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN)
        return is_wave(e->web->expr, depth + 1);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (is_wave(e->kid[i], depth + 1))
            return true;
    return false;
}

/* self.register_buffer("name", value, persistent=False) */
static bool registers_table(struct unit *unit, const struct node *stmt, atom name) {
    const struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    if (!is_kind(call, NODE_CALL) || !is_kind(call->kid[0], NODE_ATTRIBUTE) ||
        !atom_is(call->kid[0]->atom, "register_buffer"))
        return false;
    const struct node *text = call_argument(call, 0, "name"), *persistent = call_argument(call, 2, "persistent");
    return is_kind(text, NODE_STRING) && string_value(unit->atoms, text) == name && is_kind(persistent, NODE_CONST) &&
           persistent->op == OP_FALSE && is_wave(call_argument(call, 1, "tensor"), 0);
}

static bool is_table(struct unit *unit, const struct node *block, atom name) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        const struct node *stmt = block->kid[i];
        if (registers_table(unit, stmt, name))
            return true;
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK) && is_table(unit, stmt->kid[k], name))
                return true;
    }
    return false;
}

void name_tables(struct layout *l) {
    struct unit *unit = l->unit;
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        struct cls *cls = unit->classes.at[i];
        const struct fn *init = class_method(cls, "__init__"), *forward = class_method(cls, "forward");
        if (!cls->live || !init || !init->body || !forward || !forward->live || forward->ret_count != 2)
            continue;
        for (uint32_t k = 0; k < cls->attrs.len; k++) {
            struct attr *attr = cls->attrs.entry[k].value;
            if (!attr->live || starts_with(attr->name, "_ad_") || !is_table(unit, init->body, attr->name))
                continue;
            atom name = intern_printf(unit->atoms, "_ad_%s", attr->name + (*attr->name == '_'));
            struct rename r = {.cls = cls, .attr = attr, .name = name, .chosen = true, .table = true};
            vec_push(unit->arena, &l->renames, r);
        }
    }
}
