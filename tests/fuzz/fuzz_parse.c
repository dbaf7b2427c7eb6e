/* fuzz_parse.c - any bytes at all: parse them, copy and compare the tree; read them part by part. What is read without
 * the grammar, the grammar reads too. */
#include <stdlib.h>
#include <string.h>

#include "parser/outline.h"
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

/* With another statement behind it, nothing is plain enough to be read without the grammar. */
static bool grammar_reads(
    struct parser *parser, struct arena *arena, struct atoms *atoms, const uint8_t *data, size_t size) {
    static const char more[] = "\npass\n";
    struct diags *diags = diags_create(arena);
    char *text = arena_alloc(arena, size + sizeof more);
    memcpy(text, data, size);
    memcpy(text + size, more, sizeof more);
    struct source *source = source_from_text(arena, atoms, diags, "more.py", text, size + sizeof more - 1);
    return source && parse_module(parser, arena, atoms, diags, source);
}

static void read_parts(struct parser *parser, struct arena *arena, struct atoms *atoms, struct source *source) {
    struct diags *diags = diags_create(arena);
    struct outline outline = {0};
    if (!outline_read(arena, source, &outline))
        return;
    for (uint32_t i = 0; i < outline.parts.len; i++) {
        const struct part *part = &outline.parts.at[i];
        struct lines lines = {.start = part->start, .end = part->end};
        struct outline members = {0};
        if (part->kind == PART_CLASS)
            outline_class(arena, source, part, &members);
        if (part->kind == PART_CLASS || part->kind == PART_FUNCTION)
            parse_header(parser, arena, atoms, diags, source, &lines);
        parse_lines(parser, arena, atoms, diags, source, &lines);
    }
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
    if (tree != NULL && !grammar_reads(parser, arena, atoms, data, size))
        abort();
    if (source != NULL)
        read_parts(parser, arena, atoms, source);
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
