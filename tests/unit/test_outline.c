/* A module parsed by its outline is the module parsed as a whole, to the byte, flag and comment. */
#include "parser/outline.h"
#include "unit.h"

/* -- the same tree ------------------------------------------------------------------------------------------------- */

static void same_comments(const struct comments *a, const struct comments *b) {
    static const struct comments none = {0};
    a = a ? a : &none;
    b = b ? b : &none;
    assert_int_equal(a->leading.len, b->leading.len);
    for (uint32_t i = 0; i < a->leading.len; i++)
        assert_ptr_equal(a->leading.at[i], b->leading.at[i]);
    assert_int_equal(a->inner.len, b->inner.len);
    for (uint32_t i = 0; i < a->inner.len; i++)
        assert_ptr_equal(a->inner.at[i], b->inner.at[i]);
    assert_ptr_equal(a->trailing, b->trailing);
    assert_int_equal(a->blank_before_leading, b->blank_before_leading);
    assert_int_equal(a->blank_after_leading, b->blank_after_leading);
}

static void same_tree(const struct node *a, const struct node *b) {
    assert_int_equal(a == NULL, b == NULL);
    if (a == NULL)
        return;
    assert_string_equal(node_kind_name(a->kind), node_kind_name(b->kind));
    assert_int_equal(a->span.start, b->span.start);
    assert_int_equal(a->span.end, b->span.end);
    if (a->flags != b->flags)
        printf("%s %u: %.200s\n", b->source->path, b->span.start, b->source->text + b->span.start);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->level, b->level);
    assert_ptr_equal(a->atom, b->atom);
    assert_ptr_equal(a->asname, b->asname);
    assert_ptr_equal(a->source, b->source);
    same_comments(a->comments, b->comments);
    assert_int_equal(a->nkids, b->nkids);
    for (uint32_t i = 0; i < a->nkids; i++)
        same_tree(a->kid[i], b->kid[i]);
}

/* -- reading by parts ---------------------------------------------------------------------------------------------- */

/* Comments of the lines themselves stand behind their last statement: only the last part can have them. */
static void add_part(struct world *w, struct source *source, struct node *to, const struct lines *lines, bool last) {
    struct node *module = parse_lines(w->parser, w->arena, w->atoms, w->diags, source, lines);
    assert_non_null(module);
    assert_true(module->comments == NULL || last);
    for (uint32_t i = 0; i < module->nkids; i++)
        node_add(w->arena, to, module->kid[i]);
    if (module->comments)
        to->comments = module->comments;
}

/* The definition with its header and body read one by one; NULL where its header is not read so. */
static struct node *definition_by_parts(
    struct world *w, struct source *source, const struct part *part, bool indented) {
    struct outline outline = {0};
    struct lines lines = {.start = part->start, .end = part->end, .indented = indented};
    struct node *def = parse_header(w->parser, w->arena, w->atoms, w->diags, source, &lines);
    if (def == NULL)
        return NULL;
    struct node *block = def->kind == NODE_CLASS ? class_body(def) : function_body(def);
    lines.indented = true;
    if (def->kind == NODE_FUNCTION) {
        add_part(w, source, block, &lines, true);
    } else {
        assert_true(outline_class(w->arena, source, part, &outline));
        assert_int_equal(outline.parts.at[0].kind, PART_HEADER);
        assert_int_equal(outline.parts.at[0].start, part->start);
        assert_int_equal(outline.parts.at[0].end, lines.start);
    }
    for (uint32_t i = 1; i < outline.parts.len; i++) {
        const struct part *member = &outline.parts.at[i];
        struct lines whole = {member->start, member->end, .indented = true};
        struct node *method = member->kind == PART_FUNCTION ? definition_by_parts(w, source, member, true) : NULL;
        if (method)
            node_add(w->arena, block, method);
        else
            add_part(w, source, block, &whole, i + 1 == outline.parts.len);
    }
    block->span = (struct span){block->kid[0]->span.start, block->kid[block->nkids - 1]->span.end};
    def->span.end = block->span.end;
    return def;
}

static struct node *by_parts(struct world *w, struct source *source, const struct outline *outline) {
    struct node *module = node_new(w->arena, NODE_MODULE);
    module->source = source;
    module->span = (struct span){0, source->len};
    for (uint32_t i = 0; i < outline->parts.len; i++) {
        const struct part *part = &outline->parts.at[i];
        struct lines lines = {.start = part->start, .end = part->end};
        bool definition = part->kind == PART_CLASS || part->kind == PART_FUNCTION;
        struct node *read = definition ? definition_by_parts(w, source, part, false) : NULL;
        if (read)
            node_add(w->arena, module, read);
        else
            add_part(w, source, module, &lines, i + 1 == outline->parts.len);
        if (!definition)
            continue;
        const struct node *def = module->kid[module->nkids - 1];
        assert_int_equal(def->kind, part->kind == PART_CLASS ? NODE_CLASS : NODE_FUNCTION);
        assert_int_equal(def->span.start, part->def.start);
        assert_int_equal(strlen(def->atom), part->name.end - part->name.start);
        assert_memory_equal(def->atom, source->text + part->name.start, strlen(def->atom));
    }
    return module;
}

static void compare(struct world *w, struct source *source, const struct outline *outline) {
    same_tree(by_parts(w, source, outline), parse_module(w->parser, w->arena, w->atoms, w->diags, source));
}

/* -- texts --------------------------------------------------------------------------------------------------------- */

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
        {0, "x=1\ny = -2.5e-3\nz: int=1_000\nw: a.b[c, d,] | e | None = (f)\nv: g[h,]\nu = (1)\nt = (1,)\ns = ()\n"
            "r = r'a'\nq = 'a' 'b'\np = \"\"\"c\nd\"\"\"\no = {'a': [1, {}, (2, 3)], }\nn = f(a, b=c.d(e)[0], )(g)\n"
            "m = 1.\nl = 1 if x else 2\nk = lambda: 0\nj = i = 3\nh = 'a\\'b'\ng, = x\nf.a = 1\ne = d\\\n  .c\n"
            "b'doc'\nmatch = 1\ntype: a = -b\nb = a[1:2]\na = {1, 2}\n(a)\nf(x).y\n[1]\n-1\n(x) = 1\nr'\\a' | "
            "\"\\n\"\nr'\\'b'\nx = f'{y}'\nx += 1\nx == y\n"},
        {0, "# a\n\n# b\nx = [  # c\n    1,  # d\n    # e\n\n    2,\n    # f\n]  # g\n\n# h\ny: f(# i\n)\n"
            "z = {\n  # j\n  'k': 1}; w = 2 # l\n\n# m\n"},
        {2, "# a\n@b.c(d=1)\n@e\nclass A(B, metaclass=C):\n    '''doc'''\n\n    # f\n    x: int = 1 # g\n    y = z = "
            "2\n"
            "    def f(self): return 1\n    async def g(self):\n        pass\n    if x: y = 1\n    else: y = 2\n"
            "    try: y\n    except: y\n    w = '''\nx = 1\n'''\n    class D:\n        x = 1\n    # h\n\n# i\n"
            "class A():\n\n  # j\n  pass\n"},
        {6, "def f(a, /, b: int | None = None, *, c: d[e, ...] = (1, 2), **g: h[i]) -> j[k]:\n    # l\n    return a\n  "
            "  # m\n"
            "@a.b()\n@c\ndef g(\n    self, *args: a, b=\"c\",\n) -> None:\n\n    'doc'\n    x = 1\n\n\n# h\ndef "
            "h(**k):\n  pass\n"
            "def i(a, # b\n c): # d\n    pass\ndef j(a=lambda: 0):\n    pass\nasync def k(a) -> b:\n    pass\nx = 1\n"},
        {3, "@a\n# b\nclass A:\n    x = 1\nclass B: # c\n    x = 1\n@a(b'c')\nclass C(*d):\n    x = 1\n"},
        {1, "x = 1 + \\\n2\ndef f(a=b\"(\", c=f\"{a['(']}{{}}\"):\n    return \"a\\\n(\"\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        struct source *source = source_of(&w, cases[i].text);
        struct outline outline = {0};
        assert_true(outline_read(w.arena, source, &outline));
        uint32_t found = 0;
        for (uint32_t k = 0; k < outline.parts.len; k++)
            found += outline.parts.at[k].kind == PART_CLASS || outline.parts.at[k].kind == PART_FUNCTION;
        assert_int_equal(found, cases[i].definitions);
        compare(&w, source, &outline);
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
        "import a\n    x = 1\n",
        "x = 1\n  # a\n  y = 1\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        struct outline outline = {0};
        assert_false(outline_read(w.arena, source_of(&w, cases[i]), &outline));
        world_destroy(&w);
    }
}

/* What is not Python stays for the grammar to refuse. */
static void refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "x = f(a=1, a=2)\n",
        "x = f(a=1, 2)\n",
        "x = 0777\n",
        "x = 1e\n",
        "x = [,]\n",
        "x = [1 2]\n",
        "x = a.\n",
        "None = 1\n",
        "x: = 1\n",
        "import a.\n",
        "from . import ()\n",
        "from a import in\n",
        "  x = 1\n",
        "x = 'a\n'\n",
        "else: x\n",
        "def f(a=1, b):\n    pass\n",
        "def f(a, a):\n    pass\n",
        "def f(a, 1):\n    pass\n",
        "def f():\n        x\n    y\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        if (parse_module(w.parser, w.arena, w.atoms, w.diags, source_of(&w, cases[i])))
            fail_msg("taken: %s", cases[i]);
        assert_true(diags_count(w.diags, SEVERITY_ERROR) > 0);
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
        else if (source)
            compare(&w, source, &outline);
        world_destroy(&w);
    }
    if (list)
        fclose(list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_the_whole),
        cmocka_unit_test(doubt),
        cmocka_unit_test(refused),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
