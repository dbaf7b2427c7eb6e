/* emit_towers.c - what the emitted file says of a model of several modalities, of which it is the text model.
 *
 * Reads unit->towers and unit->left_out. Writes class attributes, checks of the constructor, items of the docstring. */
#include <string.h>

#include "base/text.h"
#include "emit/emit.h"

/* The types of text models that the file is for, where the configuration may ask for others. */
void append_towers(struct emitter *e, struct node *cls) {
    struct unit *u = e->unit;
    const struct fn *init = class_method(u->entry, "__init__");
    for (uint32_t i = u->towers.len; init && init->body && init->params.len > 1 && i-- > 0;) {
        const struct tower *tower = &u->towers.at[i];
        struct node *body = class_body(cls)->kid[class_body(cls)->nkids - 1]->kid[2];
        struct node *block = node_new(u->arena, NODE_BLOCK);
        const char *part = arena_printf(u->arena, "%s.%s", init->params.at[1]->name, tower->path);
        if (!tower->open)
            continue;
        append_python(e, block,
            "if %s.model_type != \"%s\":\n"
            "    raise NotImplementedError(f\"a {%s.model_type} as %s is not implemented\")\n",
            part, tower->type, part, tower->path);
        node_insert(u->arena, body, body->nkids ? 1 : 0, block->kid[0]);
    }
}

/* What of the checkpoint belongs to modules that are not there. */
void emit_left_out(struct emitter *e, struct node *cls) {
    struct unit *u = e->unit;
    struct buf text = {0};
    for (uint32_t i = 0; i < u->left_out.len; i++) {
        buf_puts(&text, i ? ", r\"^" : "r\"^");
        for (const char *at = u->left_out.at[i]; *at; at++)
            buf_printf(&text, "%s%c", *at == '.' ? "\\" : "", *at);
        buf_puts(&text, ends_with(u->left_out.at[i], ".") ? "\"" : "$\"");
    }
    if (text.len)
        append_python(e, class_body(cls), "_keys_to_ignore_on_load_unexpected = [%s]\n", text.at);
    buf_free(&text);
}

/* A model inside of the model may have a head of its own, tied to its embedding. */
void emit_inner_ties(struct emitter *e, struct node *made, const struct cls *cls) {
    struct unit *u = e->unit;
    atom name = intern(u->atoms, "_tied_weights_keys");
    const struct node *tied = map_get(&cls->class_attrs, name);
    if (!is_kind(tied, NODE_DICT) || tied->nkids == 0)
        return;
    struct node *stmt = node_make(u->arena, NODE_ASSIGN, NULL, 2, node_copy(u->arena, tied), make_name(u->arena, name));
    node_insert(u->arena, class_body(made), 0, stmt);
}

/* What is left out of a model of several modalities, and which model reads the text. */
void emit_tower_items(const struct unit *u, struct buf *out) {
    const char *names = "";
    for (uint32_t i = 0; i < u->left_out.len; i++) {
        const char *name = u->left_out.at[i];
        size_t len = strlen(name);
        names = arena_printf(
            u->arena, "%s%s``%.*s``", names, i == 0 ? "" : ", ", (int)(len - (len > 0 && name[len - 1] == '.')), name);
    }
    if (*names)
        emit_item(out,
            arena_printf(u->arena, "text only: what the checkpoint has for other modalities is left out (%s)", names));
    for (uint32_t i = 0; i < u->towers.len; i++) {
        const struct tower *tower = &u->towers.at[i];
        bool other = tower->cls && tower->cls->module != u->module;
        const char *file = other ? arena_printf(u->arena, " (%s)", short_path(u, tower->cls->module)) : "";
        const char *raises = tower->open ? ": the constructor raises for another type" : "";
        if (*file || *raises)
            emit_item(out, arena_printf(u->arena, "the text model is that for a ``%s`` of type ``%s``%s%s", tower->path,
                               tower->type, file, raises));
    }
}
