/* A module parsed by its outline is the module parsed as a whole. */
#include "base/buf.h"
#include "emit/python.h"
#include "parser/import.h"
#include "parser/outline.h"
#include "unit.h"

static struct node *parse_part(struct world *w, struct source *source, const struct lines *lines) {
    struct node *module = parse_lines(w->parser, w->arena, w->atoms, w->diags, source, lines);
    assert_non_null(module);
    return module;
}

/* The class with all of its methods parsed one by one, if it has anything besides them. */
static void read_methods(struct world *w, struct source *source, const struct part *part, struct node **cls) {
    struct outline outline = {0};
    VEC(struct span) without = {0};
    assert_true(outline_class(w->arena, source, part, &outline));
    bool any = false; /* the first part holds the header at least */
    for (uint32_t i = 0; i < outline.parts.len; i++) {
        const struct part *method = &outline.parts.at[i];
        if (method->kind == PART_FUNCTION)
            vec_push(w->arena, &without, ((struct span){method->start, method->end}));
        else
            any = any || i > 0;
    }
    if (without.len == 0)
        return;
    if (!any && (*cls)->kid[1]->kid[0]->kind == NODE_FUNCTION) /* keep one */
        without.at++, without.len--;
    struct lines lines = {part->start, part->end, without.at, without.len, false};
    struct node *read = parse_part(w, source, &lines)->kid[0], *block = class_body(read);
    uint32_t at = 0;
    for (uint32_t i = 0; i < without.len; i++) {
        struct lines method = {.start = without.at[i].start, .end = without.at[i].end, .indented = true};
        struct node *module = parse_part(w, source, &method);
        assert_int_equal(module->nkids, 1);
        assert_null(module->comments);
        while (at < block->nkids && block->kid[at]->span.start < module->kid[0]->span.start)
            at++;
        node_insert(w->arena, block, at, module->kid[0]);
    }
    *cls = read;
}

static void same_place(const struct node *a, const struct node *b) {
    assert_int_equal(a->span.start, b->span.start);
    assert_int_equal(a->span.end, b->span.end);
    assert_int_equal(a->flags & ~(uint32_t)NF_BLANK, b->flags & ~(uint32_t)NF_BLANK); /* what stands before a part */
}

/* The import as the grammar reads it; NULL where it is not read without. */
static struct node *read_import(struct world *w, struct source *source, const struct part *part) {
    struct node *read = import_read(w->arena, w->atoms, source, (struct span){part->start, part->end});
    if (read == NULL)
        return NULL;
    const struct node *parsed = parse_part(w, source, &(struct lines){.start = part->start, .end = part->end})->kid[0];
    assert_true(node_equal(read, parsed));
    assert_int_equal(read->level, parsed->level);
    same_place(read, parsed);
    for (uint32_t i = 0; i < read->nkids; i++) {
        same_place(read->kid[i], parsed->kid[i]);
        assert_ptr_equal(read->kid[i]->asname, parsed->kid[i]->asname);
    }
    return read;
}

static struct node *by_parts(struct world *w, struct source *source, const struct outline *outline) {
    struct node *module = node_new(w->arena, NODE_MODULE);
    module->source = source;
    for (uint32_t i = 0; i < outline->parts.len; i++) {
        const struct part *part = &outline->parts.at[i];
        struct node *import = part->kind == PART_IMPORT ? read_import(w, source, part) : NULL;
        if (import) {
            node_add(w->arena, module, import);
            module->comments = NULL;
            continue;
        }
        struct node *lines = parse_range(w->parser, w->arena, w->atoms, w->diags, source, part->start, part->end);
        assert_non_null(lines);
        assert_true(lines->comments == NULL || i + 1 == outline->parts.len);
        module->comments = lines->comments;
        if (part->kind == PART_CLASS)
            read_methods(w, source, part, &lines->kid[0]);
        for (uint32_t k = 0; k < lines->nkids; k++)
            node_add(w->arena, module, lines->kid[k]);
        if (part->kind == PART_STATEMENTS || part->kind == PART_IMPORT)
            continue;
        const struct node *def = lines->kid[0];
        assert_int_equal(lines->nkids, 1);
        assert_int_equal(def->kind, part->kind == PART_CLASS ? NODE_CLASS : NODE_FUNCTION);
        assert_int_equal(def->span.start, part->def.start);
        assert_int_equal(strlen(def->atom), part->name.end - part->name.start);
        assert_memory_equal(def->atom, source->text + part->name.start, strlen(def->atom));
    }
    return module;
}

static void compare(struct world *w, struct source *source, uint32_t definitions) {
    struct outline outline = {0};
    struct buf parts = {0}, whole = {0};
    assert_true(outline_read(w->arena, source, &outline));
    uint32_t found = 0;
    for (uint32_t i = 0; i < outline.parts.len; i++)
        found += outline.parts.at[i].kind == PART_CLASS || outline.parts.at[i].kind == PART_FUNCTION;
    assert_int_equal(found, definitions);
    print_python(&whole, parse_module(w->parser, w->arena, w->atoms, w->diags, source));
    print_python(&parts, by_parts(w, source, &outline));
    assert_string_equal(parts.at, whole.at);
    buf_free(&parts);
    buf_free(&whole);
}

static void parts_are_the_whole(void **state) {
    (void)state;
    static const struct {
        uint32_t definitions;
        const char *text;
    } cases[] = {
        {0, "import a\n"},
        {1, "# of a\nimport a\nfrom . import a as b\nfrom ..c.d  import (\n    e as f,\n\n    g,\n)\n\nfrom h import "
            "(i)\n"
            "import j.k as l, m.n\ndef f():\n    pass\nfrom o import (p, # why\n q)\nfrom r import *\nfrom s import t; "
            "u\n"
            "from . v import w\nfrom __future__ import x # y\nfrom.import z\n"},
        {1, "def f():\n    return 1"},
        {2, "# licence\n\"\"\"Doc\n\nclass No:\n\"\"\"\nimport a\n\n\n# of A\n\n# and this\n@d(\n1)\n# inside\nclass "
            "A(B):\n"
            "    \"\"\"x\ndef no():\n    \"\"\"\n    x = 1\n    # end of A\n# of f\nasync def f(\n    a,\nb):\n    # "
            "c\n"
            "# at the margin\n    return a\n  # less than the body\nx = 1\n# last\n"},
        {2, "if a:\n    def g():\n        pass\nelif b:\n    y\n    # below elif\nelse:\n    pass\n    # below else\n"
            "class A:\n    if a:\n        b\n    elif c:\n        d\n        # below elif\n\nclass B:\n\tx = 1\n\n\ty "
            "= 2\n"},
        {1, "def f(): return 1\nclass A: x = 1\nclass B(C, metaclass=M):  # why\n    x = '\\'' + \"#\" + "
            "r'\\\\'\n__all__ = [\n'a']\n"},
        {1, "x = 1 + \\\n2\ndef f(a=b\"(\", c=f\"{a['(']}{{}}\"):\n    return \"a\\\n(\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        compare(&w, source_of(&w, cases[i].text), cases[i].definitions);
        world_destroy(&w);
    }
}

static void doubt(void **state) {
    (void)state;
    static const char *const cases[] = {
        "def f():\n",
        "def f():\nx = 1\n",
        "class A:\n    pass\n@d\n",
        "@d\nx = 1\n",
        "@d\n    x = 1\n",
        "def f(:\n    pass\nx = (\n",
        "x = )\n",
        "x = 'a\n",
        "x = '''a\n'",
        "def f():\n    return f\"{a[\"b\"]}\"\n",
        "\fdef f():\n    pass\n",
        "x = 1 \\ \ny\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        struct outline outline = {0};
        assert_false(outline_read(w.arena, source_of(&w, cases[i]), &outline));
        world_destroy(&w);
    }
}

/* The files named in the environment, such as all of a package. */
static void files(void **state) {
    (void)state;
    FILE *list = getenv("ADGEN_OUTLINE_FILES") ? fopen(getenv("ADGEN_OUTLINE_FILES"), "r") : NULL;
    char path[4096];
    while (list && fgets(path, sizeof path, list)) {
        struct world w = world_create();
        struct outline outline = {0};
        path[strcspn(path, "\n")] = '\0';
        struct source *source = source_read(w.arena, w.atoms, w.diags, path);
        if (source && !outline_read(w.arena, source, &outline))
            printf("%s: in doubt\n", path);
        else if (source) {
            struct buf parts = {0}, whole = {0};
            print_python(&whole, parse_module(w.parser, w.arena, w.atoms, w.diags, source));
            print_python(&parts, by_parts(&w, source, &outline));
            if (strcmp(parts.at, whole.at) != 0)
                fail_msg("%s: differs", path);
            buf_free(&parts);
            buf_free(&whole);
        }
        world_destroy(&w);
    }
    if (list)
        fclose(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(doubt),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
