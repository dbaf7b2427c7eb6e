/* test_printer.c - what the printer does without source text: parentheses by precedence, literals, layouts.
 *
 * Rows are parsed, then robbed of everything that a pass would not have given them: written parentheses, spans,
 * trailing commas. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"
#include "emit/python.h"
#include "parser/parse.h"

struct fixture {
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct parser *parser;
};

static struct fixture fixture_make(void) {
    struct arena *arena = arena_create();
    return (struct fixture){arena, atoms_create(arena), diags_create(arena), parser_create()};
}

static void fixture_free(struct fixture *f) {
    parser_destroy(f->parser);
    arena_destroy(f->arena);
}

static struct source *source_of(struct fixture *f, const char *text) {
    return source_from_text(f->arena, f->atoms, f->diags, "test.py", text, strlen(text));
}

static void rob(struct node *node) {
    node->flags &= ~(uint32_t)(NF_PAREN | NF_TRAILING_COMMA);
    node->span = (struct span){0, 0};
    node->source = NULL;
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            rob(node->kid[i]);
}

static void assert_marks_clear(const struct node *node) {
    assert_int_equal(node->mark, 0);
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            assert_marks_clear(node->kid[i]);
}

static void check_expression(struct fixture *f, const char *text, const char *expected) {
    struct node *e = parse_expression(f->parser, f->arena, f->atoms, f->diags, source_of(f, text));
    assert_non_null(e);
    rob(e);
    struct buf out = {0};
    print_python(&out, e);
    assert_string_equal(out.at, expected);
    assert_marks_clear(e);
    buf_free(&out);
}

/* Expected: the same text, or where something is spelt otherwise, that. */
static const struct {
    const char *text, *expected;
} expressions[] = {
    {"-x**2", "-(x**2)"},
    {"(-x) ** 2", NULL},
    {"a**-b", NULL},
    {"(a**b) ** c", NULL},
    {"a ** b(c) ** d", NULL},
    {"(a + b) * c", NULL},
    {"a + b * c", NULL},
    {"a - (b - c)", NULL},
    {"a - b - c", NULL},
    {"a * (b / c)", NULL},
    {"((a))", "a"},
    {"(a if b else c) + d", NULL},
    {"(a if b else c) if d else e", NULL},
    {"a if (b if c else d) else e", NULL},
    {"a if b else c if d else e", NULL},
    {"lambda x: x + 1", NULL},
    {"(lambda x: x)(1)", NULL},
    {"f(lambda x: x, 1)", NULL},
    {"(lambda: 0) or 1", NULL},
    {"(await x).y", NULL},
    {"await x.y", NULL},
    {"(await x) ** 2", "await x ** 2"},
    {"not (a in b)", "not a in b"},
    {"not a", NULL},
    {"(not a) in b", NULL},
    {"not (a and b)", NULL},
    {"(not a) == b", NULL},
    {"(a and b) or c", "a and b or c"},
    {"a and (b or c)", NULL},
    {"a < b < c", NULL},
    {"(a < b) < c", NULL},
    {"a < (b < c)", NULL},
    {"(a | b) & c", NULL},
    {"a << (b + c)", "a << b + c"},
    {"~(a + b)", NULL},
    {"-(a.b)", "-a.b"},
    {"(-a).b", NULL},
    {"(1).real", NULL},
    {"1.5.real", "(1.5).real"},
    {"0x1.real", NULL},
    {"x[a, b]", NULL},
    {"x[(a,)]", "x[a,]"},
    {"x[:, None]", NULL},
    {"x[a + 1 :, -1:, ::2, f(a) : b]", NULL},
    {"x[1:2][3]", NULL},
    {"(a, b)", "a, b"},
    {"f((a, b), c)", NULL},
    {"[(a, b), (c,)]", NULL},
    {"{(a, b): (c, d)}", NULL},
    {"f(x for x in y)", NULL},
    {"f((x for x in y), z)", NULL},
    {"[x for x in (a if b else c) if (d if e else g)]", NULL},
    {"[(a, b) for a, b in c]", NULL},
    {"[(yield), 1]", NULL},
    {"f(*a, **b)", NULL},
    {"f(*(a or b))", NULL},
    {"{**a, 'b': c}", "{**a, \"b\": c}"},
    {"[*(a | b), *c]", "[*a | b, *c]"},
    {"f(a=(yield))", NULL},
    {"(x := 1) + 2", NULL},
    {"f(x := 1)", NULL},
    {"f(a=(x := 1))", NULL},
    {"f'{(lambda: 1)()}'", "f\"{(lambda: 1)()}\""},
    {"f'{(lambda: 1)}'", "f\"{(lambda: 1)}\""},
    {"f'{ {1: 2}[1] }'", "f\"{ {1: 2}[1] }\""},
    {"f'{a[\"b\"]!r:>{w}}'", "f\"{a['b']!r:>{w}}\""},
    {"'it\\'s'", "\"it's\""},
    {"'say \"hi\"'", NULL},
    {"U'a'", "\"a\""},
    {"BR'\\d'", "Rb\"\\d\""},
    {"'\\xAB'", "\"\\xab\""},
    {"'a' 'b'", "\"ab\""},
    {"'a' f'{b}'", "f\"a{b}\""},
    {"0XaB + 1E5 + 1. + .5 + 10J", "0xAB + 1e5 + 1.0 + 0.5 + 10j"},
    {"a is not b", NULL},
    {"a not in b", NULL},
    {"(a).b().c", "a.b().c"},
    {"(a + b).c(d)[e]", NULL},
    {"x.y**2", NULL},
    {"x.y() ** 2", NULL},
};

static void test_expressions(void **state) {
    (void)state;
    struct fixture f = fixture_make();
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++) {
        const char *expected = expressions[i].expected;
        check_expression(&f, expressions[i].text, expected != NULL ? expected : expressions[i].text);
    }
    fixture_free(&f);
}

static void check_module(struct fixture *f, const char *text, const char *expected) {
    struct node *module = parse_module(f->parser, f->arena, f->atoms, f->diags, source_of(f, text));
    assert_non_null(module);
    rob(module);
    struct buf out = {0};
    print_python(&out, module);
    assert_string_equal(out.at, expected);
    buf_free(&out);
}

static void test_layout(void **state) {
    (void)state;
    struct fixture f = fixture_make();
    check_module(&f, "import a\nx = (1)\ndef f(a, *, b=1): return a, b\nclass A(): pass\n",
        "import a\n\nx = 1\n\n\ndef f(a, *, b=1):\n    return a, b\n\n\nclass A:\n    pass\n");
    check_module(&f,
        "hidden_states = self.attention_layer(hidden_states, attention_mask=attention_mask, "
        "position_ids=position_ids)\n",
        "hidden_states = self.attention_layer(\n    hidden_states, attention_mask=attention_mask, "
        "position_ids=position_ids\n)\n");
    check_module(&f,
        "query_states = query_states_of_the_first * cosine_of_the_angles + rotate_half(query_states) * sine_too\n",
        "query_states = (\n    query_states_of_the_first * cosine_of_the_angles + rotate_half(query_states) * "
        "sine_too\n"
        ")\n");
    check_module(
        &f, "if a:\n  def f(): ...\nelse:\n  x = yield\n", "if a:\n\n    def f(): ...\nelse:\n    x = yield\n");
    fixture_free(&f);
}

/* A statement alone, and a tree that no parser has seen. */
static void test_made_nodes(void **state) {
    (void)state;
    struct fixture f = fixture_make();
    struct arena *a = f.arena;
    struct node *sum = node_make(a, NODE_BINOP, NULL, 2, make_name(a, intern(f.atoms, "a")), make_const(a, OP_NONE));
    sum->op = OP_ADD;
    struct node *attr = make_attr(a, sum, intern(f.atoms, "b"));
    struct node *stmt = node_make(a, NODE_RETURN, NULL, 1, attr);
    struct buf out = {0};
    print_python(&out, stmt);
    assert_string_equal(out.at, "return (a + None).b\n");
    assert_marks_clear(stmt);
    buf_free(&out);
    fixture_free(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions),
        cmocka_unit_test(test_layout),
        cmocka_unit_test(test_made_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
