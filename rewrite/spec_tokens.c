/* spec_tokens.c - token ids that a model finds again from their embeddings.
 *
 *     if input_ids is None:
 *         input_ids = (inputs_embeds[:, :, None] == self.embed_tokens.weight).all(-1).nonzero()[:, 2]
 *
 * How many there are depends on the data, which no export can trace. Who calls the model with token ids never comes
 * here, and who calls it without them where it needs them gets an error from the next that reads them. */
#include "rewrite/dependent.h"
#include "rewrite/facts.h"
#include "rewrite/spec.h"

/* Whether the statements ask a tensor for something that depends on the data. */
static bool asks_data(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_CALL && is_kind(n->kid[0], NODE_ATTRIBUTE) && gives_data(n->kid[0]->atom))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (asks_data(n->kid[i]))
            return true;
    return false;
}

static bool assigns(const struct unit *unit, const struct node *block, atom name) {
    struct map names = {0};
    collect_assigned((struct unit *)unit, block, &names);
    return map_get(&names, name) != NULL;
}

static bool is_input(const struct frame *f, const struct web *w, const char *id) {
    const struct fact *fact = w && w->kind == WEB_PARAM ? fact_parameter(f->unit->facts, w->name) : NULL;
    return fact && (id ? atom_is(fact->id, id) : atom_is(fact->id, "tokens") || atom_is(fact->id, "embeddings"));
}

static bool is_nothing(const struct web *w) {
    return w && w->kind == WEB_ASSIGN && is_none(w->expr);
}

/* The token ids, or what is made of them where they, or no embeddings, are given and is None elsewhere. */
static bool holds_tokens(const struct frame *f, const struct web *w) {
    if (w == NULL || w->kind != WEB_IF)
        return is_input(f, w, "tokens");
    const struct node *test = w->stmt ? w->stmt->kid[0] : NULL;
    return is_kind(test, NODE_COMPARE) && test->nkids == 2 && is_none(test->kid[1]) &&
           is_kind(test->kid[0], NODE_NAME) && is_input(f, test->kid[0]->web, NULL) &&
           is_nothing(w->from[0]) != is_nothing(w->from[1]);
}

bool finds_tokens(struct frame *f, const struct node *stmt, const struct val *test) {
    const struct node *source = stmt->kid[0], *e = test->expr;
    bool none = !stmt->kid[2] && source->kind == NODE_COMPARE && source->nkids == 2 && source->ops[0] == OP_IS &&
                is_none(source->kid[1]) && source->kid[0]->kind == NODE_NAME;
    return none && is_kind(e, NODE_COMPARE) && is_kind(e->kid[0], NODE_NAME) && holds_tokens(f, e->kid[0]->web) &&
           asks_data(stmt->kid[1]) && assigns(f->unit, stmt->kid[1], source->kid[0]->atom);
}
