/* Lowering where the grammar and Python differ, and everything that it refuses. That a tree is Python's own is tested
 * over whole files in tests/test_roundtrip.py. */
#include "parser/literal.h"
#include "unit.h"

static struct node *expression(struct world *w, const char *text) {
    struct node *node = parse_expression(w->parser, w->arena, w->atoms, w->diags, source_of(w, text));
    assert_non_null(node);
    return node;
}

/* Both texts must give one tree; the second one is written with the parentheses that say which. */
static void grouping(void **state) {
    (void)state;
    struct world w = world_create();
    const char *same[][2] = {
        {"a & b ^ c & d", "(a & b) ^ (c & d)"},
        {"a ^ b & c ^ d", "(a ^ (b & c)) ^ d"},
        {"(x := a if b else c)", "(x := (a if b else c))"},
        {"(x := a or b)", "(x := (a or b))"},
        {"f(*a.b[:1] + c)", "f(*(a.b[:1] + c))"},
        {"f(*a or b)", "f(*(a or b))"},
        {"f(*a & b ^ c)", "f(*((a & b) ^ c))"},
        {"-a ** -b", "-(a ** (-b))"},
        {"not a in b", "not (a in b)"},
        {"a or b and c", "a or (b and c)"},
        {"lambda: a if b else c", "lambda: (a if b else c)"},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_true(node_equal(expression(&w, same[i][0]), expression(&w, same[i][1])));
    assert_false(node_equal(expression(&w, "a and b and c"), expression(&w, "(a and b) and c")));
    assert_int_equal(expression(&w, "a and b and c")->nkids, 3);
    world_destroy(&w);
}

static void shapes(void **state) {
    (void)state;
    struct world w = world_create();
    struct node *call = expression(&w, "f(x for x in y)");
    assert_int_equal(call->nkids, 2);
    assert_int_equal(call->kid[1]->kind, NODE_GENERATOR);
    struct node *index = expression(&w, "a[b,]");
    assert_int_equal(index->kid[1]->kind, NODE_TUPLE);
    assert_int_equal(index->kid[1]->nkids, 1);
    assert_int_equal(expression(&w, "(a)")->flags, NF_PAREN);
    assert_int_equal(expression(&w, "(a, b)")->flags, NF_PAREN);
    assert_int_equal(expression(&w, "f(a,)")->flags, NF_TRAILING_COMMA);
    assert_int_equal(expression(&w, "  a  # comment")->kind, NODE_NAME);
    struct node *text = expression(&w, "f'a{b!r:>{c}}d{e=}'");
    assert_string_equal(text->atom, "f'");
    assert_int_equal(text->nkids, 4);
    assert_string_equal(text->kid[1]->atom, "r");
    assert_int_equal(text->kid[1]->kid[1]->nkids, 2);
    assert_true(text->kid[3]->flags & NF_DEBUG);
    struct node *walrus = expression(&w, "f'{x:=5}'");
    assert_int_equal(walrus->kid[0]->kid[0]->kind, NODE_NAME);
    assert_string_equal(walrus->kid[0]->kid[1]->kid[0]->atom, "=5");
    struct node *module = parsed(&w, "type(a).b = c\ntype[a] = b\n(a) = 1\ndel a, b\nif a: b\nelif c: d\nelse: e\n");
    assert_int_equal(module->kid[0]->kid[1]->kid[0]->kind, NODE_CALL);
    assert_int_equal(module->kid[1]->kid[1]->kind, NODE_SUBSCRIPT);
    assert_int_equal(module->kid[2]->kid[1]->kind, NODE_NAME);
    assert_int_equal(module->kid[3]->nkids, 2);
    struct node *elif = module->kid[4]->kid[2]->kid[0];
    assert_true(is_kind(elif, NODE_IF) && (elif->flags & NF_ELIF));
    assert_true(is_name(elif->kid[2]->kid[0]->kid[0], "e"));
    world_destroy(&w);
}

static void ranges_keep_places(void **state) {
    (void)state;
    struct world w = world_create();
    const char *text = "a = 1\n\ndef f(x):\n    # why\n    return x\n\nb = (2\n";
    struct source *source = source_of(&w, text);
    uint32_t start = (uint32_t)(strstr(text, "def") - text), end = (uint32_t)(strstr(text, "\nb") - text);
    struct node *module = parse_range(w.parser, w.arena, w.atoms, w.diags, source, start, end);
    assert_non_null(module);
    assert_int_equal(module->nkids, 1);
    struct node *fn = module->kid[0];
    assert_int_equal(fn->span.start, start);
    assert_true(fn->flags & NF_BLANK);
    struct node *body = function_body(fn);
    assert_memory_equal(text + body->kid[0]->span.start, "return x", 8);
    assert_string_equal(body->kid[0]->comments->leading.at[0], "# why");
    assert_null(parse_module(w.parser, w.arena, w.atoms, w.diags, source));
    world_destroy(&w);
}

/* Text, line, column and a word of the message. */
static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint32_t line, column;
        const char *message;
    } cases[] = {
        {"x = (1\ny = 2\n", 1, 7, "ends in the middle"},
        {"a\nx = = 1\n", 2, 5, "`=` does not fit"},
        {"def f(x)\n    pass\n", 1, 9, "line ends"},
        {"def f():\n\nx = 1\n", 1, 9, "block is missing"},
        {"def f():\n    # nothing\nx = 1\n", 1, 9, "block is missing"},
        {"if a:\nelse:\n    b\n", 1, 6, "block is missing"},
        {"a\n  b\n", 2, 1, "not indented"},
        {"if a:\n    b\n   c\n", 3, 1, "not indented"},
        {"print 'a'\n", 1, 1, "Python 2"},
        {"exec 'a'\n", 1, 1, "Python 2"},
        {"raise A, b\n", 1, 7, "Python 2"},
        {"try: a\nexcept A, b: c\n", 2, 9, "without parentheses"},
        {"a <> b\n", 1, 3, "Python 2"},
        {"x = 10L\n", 1, 5, "Python 2"},
        {"x = 0777\n", 1, 5, "leading zeros"},
        {"x = `a`\n", 1, 5, "Python 2"},
        {"x = ur'a'\n", 1, 5, "prefix"},
        {"f(a as b)\n", 1, 3, "`as`"},
        {"def f((a, b)): pass\n", 1, 7, "must be a name"},
        {"f(a=1, b)\n", 1, 8, "positional argument"},
        {"f(**a, *b)\n", 1, 8, "positional argument"},
        {"f(a=1, b=2, a=3)\n", 1, 13, "given twice"},
        {"def f(a=1, b): pass\n", 1, 12, "follows one that has a default"},
        {"def f(a, *, a): pass\n", 1, 13, "two parameters"},
        {"def f[T](a): pass\n", 1, 6, "type parameters"},
        {"class A[T]: pass\n", 1, 8, "type parameters"},
        {"x: a: b\n", 1, 4, "slice"},
        {"x = (*a)\n", 1, 5, "starred"},
        {"[a for b in c, d]\n", 1, 14, ""},
        {"a = b: int = c\n", 1, 8, "single target"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        assert_null(parse_module(w.parser, w.arena, w.atoms, w.diags, source_of(&w, cases[i].text)));
        uint32_t count;
        struct diag *first = diags_sorted(w.diags, &count)[0];
        struct location location = source_locate(first->source, first->span.start);
        if (strstr(first->message, cases[i].message) == NULL || location.line != cases[i].line ||
            location.column != cases[i].column)
            fail_msg("%s: %u:%u: %s", cases[i].text, location.line, location.column, first->message);
        world_destroy(&w);
    }
}

static void test_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double number;
    } known[] = {{"1_000", 1000}, {"0xFF", 255}, {"0b1_01", 5}, {"0o17", 15}, {"1_0.5e1", 105}, {"1e-3", 0.001}};
    double number;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        assert_true(literal_number(known[i].text, &number));
        assert_true(number == known[i].number);
    }
    assert_false(literal_number("2j", &number));
    struct arena *arena = arena_create();
    int integer;
    assert_true(literal_int(make_number(arena, "1_000"), &integer));
    assert_int_equal(integer, 1000);
    assert_false(literal_int(make_number(arena, "1.5"), &integer));
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(grouping),
        cmocka_unit_test(shapes),
        cmocka_unit_test(ranges_keep_places),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
