/* Where comments go. */
#include "base/buf.h"
#include "unit.h"

/* The comments of a tree, in source form: each node that has some, with L(eading), T(railing), I(nner). */
static void list(struct buf *out, const struct node *node) {
    if (node == NULL)
        return;
    if (node->comments != NULL) {
        buf_printf(out, "%s", node_kind_name(node->kind));
        for (uint32_t i = 0; i < node->comments->leading.len; i++)
            buf_printf(
                out, " L%s%s", node->comments->leading.at[i], node->comments->blank_before_leading >> i & 1 ? "^" : "");
        if (node->comments->blank_after_leading)
            buf_puts(out, "_");
        if (node->comments->trailing != NULL)
            buf_printf(out, " T%s", node->comments->trailing);
        for (uint32_t i = 0; i < node->comments->inner.len; i++)
            buf_printf(out, " I%s", node->comments->inner.at[i]);
        buf_puts(out, "; ");
    }
    for (uint32_t i = 0; i < node->nkids; i++)
        list(out, node->kid[i]);
}

static const struct {
    const char *text, *expected;
} cases[] = {
    /* statements */
    {"#a\n#b\n\n#c\n\nx = 1 #d\n#e\n", "Module I#e; Assign L#a L#b L#c^_ T#d; "},
    {"x; y #a\n", "Expr T#a; "},
    {"x; #a\n", "Expr T#a; "},
    {"x = 1  \n  #odd\ny\n", "Expr L#odd; "},
    /* blocks */
    {"if x: #a\n    #b\n    y #c\n    #d\n#e\nz\n", "block T#a I#d; Expr L#b T#c; Expr L#e; "},
    {"if x:\n    y\n#a\nelse: #b\n    #c\n    z\n    #d\n", "block L#a T#b I#d; Expr L#c; "},
    {"if x:\n    y\n    #a\n#b\nelif z: #c\n    w\n", "block I#a; block L#b; block T#c; "},
    {"if x:\n    if y:\n        z\n        #a\n    #b\n#c\nw\n", "block I#b; block I#a; Expr L#c; "},
    {"if x: y #a\n#b\nz\n", "Expr T#a; Expr L#b; "},
    {"try:\n    x\n#a\nexcept A: #b\n    y\n#c\nfinally:\n    z\n", "block L#c; ExceptHandler L#a; block T#b; "},
    {"for x in y:\n    z\n    #a\nelse:\n    w\n", "block I#a; "},
    {"while x:\n    y\n  #a\nz\n", "Expr L#a; "},
    /* definitions */
    {"@a #1\n#2\n@b\n#3\ndef f(x): #4\n    #5\n    '''d'''\n\n    y\n#6\n",
        "Module I#6; arguments L#3; block T#4; Expr L#5; Name T#1; Name L#2; "},
    {"@a\n#1\nclass A: #2\n    x = 1 #3\n    #4\n", "bases L#1; block T#2 I#4; Assign T#3; "},
    {"def f(\n    a, #1\n    #2\n    b=1, #3\n    #4\n): pass\n", "arguments I#4; arg T#1; arg L#2 T#3; "},
    {"def f( #1\n    a\n) -> b: #2\n    pass\n", "arg L#1; block T#2; "},
    {"class A( #1\n    B, #2\n): pass\n", "Name L#1 T#2; "},
    /* brackets */
    {"f( #1\n    #2\n    a, #3\n    b=c, #4\n    #5\n)\n", "Call I#5; Name L#1 L#2 T#3; keyword T#4; "},
    {"f(\n    #1\n)\n", "Call I#1; "},
    {"x = [ #1\n]\n", "List I#1; "},
    {"x = {\n    #1\n    'a': 1, #2\n    **b #3\n}\n", "item L#1 T#2; item T#3; "},
    {"x = [\n    [1, 2], #1\n    (3, #2\n     4) #3\n]\n", "List T#1; Tuple T#3; Num T#2; "},
    {"x = [\n    a #1\n    for a in b #2\n    #3\n    if c #4\n]\n",
        "Name T#1; comprehension T#4; Name T#2; Name L#3; "},
    {"a[ #1\n    b, #2\n    c\n]\n", "Name L#1 T#2; "},
    {"from a import ( #1\n    b, #2\n    #3\n    c as d, #4\n    #5\n)\n",
        "ImportFrom I#5; alias L#1 T#2; alias L#3 T#4; "},
    /* parentheses */
    {"x = (\n    'a' #1\n    'b' #2\n)\n", "concatenation T#2; Str T#1; "},
    {"x = ( #1\n    a + #2\n    #3\n    b #4\n    #5\n)\n", "Assign L#5; BinOp L#1 T#4; Name T#2; Name L#3; "},
    {"if (\n    a #1\n    and b #2\n): #3\n    c\n", "BoolOp T#2; Name T#1; block T#3; "},
    {"x = (\n    a\n    #1\n    .b() #2\n    .c()\n)\n", "Assign L#1; Call T#2; "},
    {"return_ = f(a)( #1\n    b)\n", "Name L#1; "},
    {"with (\n    a as b, #1\n    #2\n    c,\n): #3\n    d\n", "block T#3; withitem T#1; withitem L#2; "},
};

static void comments_have_owners(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        struct buf out = {0};
        list(&out, parsed(&w, cases[i].text));
        if (out.at == NULL || strcmp(out.at, cases[i].expected) != 0)
            fail_msg("%s\nexpected: %s\n     got: %s", cases[i].text, cases[i].expected, out.at ? out.at : "");
        buf_free(&out);
        world_destroy(&w);
    }
}

static void blank_lines_are_kept(void **state) {
    (void)state;
    struct world w = world_create();
    struct node *module = parsed(&w, "a\n\n#c\nb\n#d\n\nc\n  \n\nd; e\n");
    const bool blank[] = {false, true, false, true, false};
    for (int i = 0; i < 5; i++)
        assert_int_equal((module->kid[i]->flags & NF_BLANK) != 0, blank[i]);
    assert_true(module->kid[2]->comments->blank_after_leading);
    world_destroy(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comments_have_owners),
        cmocka_unit_test(blank_lines_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
