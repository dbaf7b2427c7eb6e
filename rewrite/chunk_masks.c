/* chunk_masks.c - attention within chunks, by a mask that is a tensor.
 *
 * Reads   functions in which equations have left adgen.chunk_mask(q, size) as the mask of an attention.
 * Writes  what it stands for before the statement that holds it: zero between tokens of the same chunk, minus infinity
 *         between others; None where the size may be None, which is of layers without chunks.
 * Guarantees  none is left. AutoDeploy caches no attention with such a mask, so the file is prefill-only. */
#include "rewrite/chunk_masks.h"

#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"
#include "rewrite/symbolic.h"

/* An adgen.chunk_mask below an expression, blocks aside; NULL: there is none. */
static struct node *find_idiom(struct node *e) {
    if (e == NULL || e->kind == NODE_BLOCK || is_idiom(e, "chunk_mask"))
        return e && e->kind != NODE_BLOCK ? e : NULL;
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct node *found = find_idiom(e->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* Whether an attribute of self may be None, as far as the symbol that it holds tells. */
static bool may_be_none(struct unit *unit, const struct cls *cls, const struct node *size) {
    const struct attr *attr = class_attr_of(cls, size->atom);
    const struct node *symbol = attr ? abs_symbol(unit, attr->abs) : NULL;
    return symbol && symbol->kind == NODE_IFEXP;
}

/* The statements that make the mask, and its variable in *idiom. */
static struct node *make_mask(struct unit *unit, struct fn *fn, struct node *idiom) {
    static const char always[] = "chunk = torch.arange(_query.shape[2], device=_query.device) // _size\n"
                                 "attn_mask = torch.where(chunk[:, None] == chunk, 0.0, float(\"-inf\"))\n"
                                 "attn_mask\n";
    static const char sometimes[] = "attn_mask = None\n"
                                    "if _size is not None:\n"
                                    "    chunk = torch.arange(_query.shape[2], device=_query.device) // _size\n"
                                    "    attn_mask = torch.where(chunk[:, None] == chunk, 0.0, float(\"-inf\"))\n"
                                    "attn_mask\n";
    struct map names = {0};
    bind_expr(unit, &names, "_query", idiom->kid[1]);
    bind_expr(unit, &names, "_size", idiom->kid[2]);
    bool optional = may_be_none(unit, fn->owner, idiom->kid[2]);
    struct node *made = elaborate(unit, fn, &names, optional ? sometimes : always);
    const struct node *last = made->kid[made->nkids - 1];
    *idiom = *make_web_name(unit->arena, optional ? last->phis[0] : last->kid[1]->web);
    return made;
}

static void write_in(struct unit *unit, struct fn *fn, struct node *block) {
    for (uint32_t i = 0; block && i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        for (uint32_t k = 0; k < stmt->nkids; k++) {
            if (is_kind(stmt->kid[k], NODE_BLOCK)) {
                write_in(unit, fn, stmt->kid[k]);
                continue;
            }
            struct node *idiom = find_idiom(stmt->kid[k]);
            struct node *made = idiom ? make_mask(unit, fn, idiom) : NULL;
            for (uint32_t n = 0; made && n < made->nkids; n++)
                node_insert(unit->arena, block, i++, made->kid[n]);
            if (made && !unit->prefill_only)
                unit->prefill_only = arena_printf(unit->arena,
                    "%s keeps to chunks through `attn_mask`, which AutoDeploy does not cache", fn->owner->name);
        }
    }
}

bool write_chunk_masks(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        write_in(unit, all.list.at[i], all.list.at[i]->body);
    return true;
}
