/* spec_einsum.c - torch.einsum as a batched product.
 *
 *     torch.einsum("bhts,bshd->bthd", weights, v)
 *     torch.einsum("bhts,bshd->bhtd", weights, v).transpose(1, 2)
 *
 * A batched product has the batch dimensions first, then one of its first operand, then one of its second. An equation
 * that only swaps the two in the middle of that says two things at once; here they are said one after the other, so
 * that the product is an expression of its own, which equations know (spellings.yaml). */
#include <string.h>

#include "rewrite/spec.h"

enum { LETTERS = 4 };

static bool has(const char *letters, char c) {
    return memchr(letters, c, LETTERS) != NULL;
}

/* The order in which torch.matmul would have the dimensions of the result. */
static bool product_order(const char *a, const char *b, const char *out, char *order) {
    uint32_t len = 0;
    for (int i = 0; i < LETTERS; i++)
        if (has(b, a[i]) && has(out, a[i]))
            order[len++] = a[i];
    for (int i = 0; i < LETTERS; i++)
        if (!has(b, a[i]) && has(out, a[i]))
            order[len++] = a[i];
    for (int i = 0; i < LETTERS && len < LETTERS; i++)
        if (!has(a, b[i]) && has(out, b[i]))
            order[len++] = b[i];
    return len == LETTERS;
}

struct node *einsum_product(struct frame *f, const struct args *args, struct node *call) {
    struct unit *unit = f->unit;
    const struct absval *a = args->list.len == 3 ? args->list.at[0].val.abs : NULL;
    if (a == NULL || a->kind != ABS_CONST || a->constant->kind != NODE_STRING)
        return NULL;
    const char *text = string_value(unit->atoms, a->constant);
    char order[LETTERS + 1] = "";
    bool two = strlen(text) == 3 * LETTERS + 3 && text[LETTERS] == ',' && strncmp(text + 2 * LETTERS + 1, "->", 2) == 0;
    const char *out = text + 2 * LETTERS + 3;
    if (!two || !product_order(text, text + LETTERS + 1, out, order))
        return NULL;
    if (order[0] != out[0] || order[1] != out[2] || order[2] != out[1] || order[3] != out[3])
        return NULL;
    atom equation = intern_printf(unit->atoms, "%.*s%s", 2 * LETTERS + 3, text, order);
    call->kid[1] = make_string(unit->arena, unit->atoms, equation);
    struct node *transpose = make_attr(unit->arena, call, intern(unit->atoms, "transpose"));
    call->abs = abs_tensor(unit, LETTERS);
    return node_make(unit->arena, NODE_CALL, NULL, 3, transpose, make_number(unit->arena, intern(unit->atoms, "1")),
        make_number(unit->arena, intern(unit->atoms, "2")));
}
