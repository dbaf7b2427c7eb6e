/* depthwise.c - convolutions along the sequence that the op for them computes.
 *
 * torch_causal_conv1d convolves every channel by itself, and is causal where the padding is as wide as the filter less
 * one: it keeps as many steps as there are tokens, and the last of those sees no token that follows it. The template
 * hands on what the constructor gave the layer, so that is what must be so. */
#include "rewrite/depthwise.h"

#include "base/text.h"
#include "rewrite/construction.h"
#include "rewrite/unit.h"

enum { IN, OUT, KERNEL, STRIDE, PADDING, DILATION, GROUPS, BIAS, MODE };

static bool is_default(const struct node *given, int value) {
    int number;
    return given == NULL || (literal_int(given, &number) && number == value);
}

/* What the constructor knows of it as an expression over the configuration; where it knows no such, as it is written.
 */
static struct node *size_of(struct unit *unit, struct node *e) {
    struct node *symbol = abs_symbol(unit, e->abs);
    return symbol ? symbol : e;
}

static const char *obstacle(struct unit *unit, const struct node *made) {
    static const char *const keyword[] = {"in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation",
        "groups", "bias", "padding_mode"};
    struct node *arg[MODE + 1];
    if (made == NULL)
        return "how the convolution was made is not known";
    for (uint32_t i = 0; i <= MODE; i++)
        arg[i] = call_argument(made, i, keyword[i]);
    if (!arg[IN] || !arg[OUT] || !arg[KERNEL] || !arg[PADDING] || !arg[GROUPS])
        return "the convolution is not one of every channel by itself that sees only what came before";
    struct node *channels = size_of(unit, arg[IN]);
    if (!sizes_equal(unit, channels, size_of(unit, arg[OUT])) ||
        !sizes_equal(unit, channels, size_of(unit, arg[GROUPS])))
        return "the convolution mixes channels";
    struct node *width = node_make(unit->arena, NODE_BINOP, NULL, 2,
        node_copy(unit->arena, size_of(unit, arg[PADDING])), make_number(unit->arena, intern(unit->atoms, "1")));
    width->op = OP_ADD;
    if (!sizes_equal(unit, size_of(unit, arg[KERNEL]), width))
        return "the padding of the convolution is not its width less one, so that tokens may see those that follow";
    if (!is_default(arg[STRIDE], 1) || !is_default(arg[DILATION], 1) || arg[MODE])
        return "the convolution leaves out tokens, or does not pad with zeros";
    return NULL;
}

struct node *make_depthwise(struct rewriter *r, const struct template_arg *arg, uint32_t count) {
    struct fn *fn = r->user;
    const struct node *made = count == 1 && arg[0].value ? construction_of(fn, arg[0].value, "nn.Conv1d") : NULL;
    r->refused = obstacle(fn->unit, made);
    return r->refused ? NULL : arg[0].node;
}
