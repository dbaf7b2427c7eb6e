/* fuzz_parse.c - any bytes at all: parse them, copy and compare the tree. */
#include <stdlib.h>

#include "parser/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t count_comments(const struct node *node) {
    if (node == NULL)
        return 0;
    uint32_t count = 0;
    if (node->comments != NULL)
        count = node->comments->leading.len + node->comments->inner.len + (node->comments->trailing != NULL);
    for (uint32_t i = 0; i < node->nkids; i++)
        count += count_comments(node->kid[i]);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct diags *diags = diags_create(arena);
    struct parser *parser = parser_create();
    struct source *source = source_from_text(arena, atoms, diags, "fuzz.py", (const char *)data, size);
    struct node *tree = source == NULL ? NULL : parse_module(parser, arena, atoms, diags, source);
    if ((tree == NULL) != (diags_count(diags, SEVERITY_ERROR) > 0))
        abort();
    if (tree != NULL && !node_equal(tree, node_copy(arena, tree)))
        abort();
    (void)count_comments(tree);
    uint32_t count;
    struct diag **list = diags_sorted(diags, &count);
    FILE *out = fopen("/dev/null", "w");
    for (uint32_t i = 0; i < count; i++)
        diag_print(out, list[i], true);
    fclose(out);
    parser_destroy(parser);
    arena_destroy(arena);
    return 0;
}
