#include "unit.h"

static void nodes_are_edited(void **state) {
    (void)state;
    struct world w = world_create();
    struct node *list = node_make(w.arena, NODE_LIST, NULL, 1, make_name(w.arena, intern(w.atoms, "b")));
    node_insert(w.arena, list, 0, make_name(w.arena, intern(w.atoms, "a")));
    node_insert(w.arena, list, 2, make_const(w.arena, OP_NONE));
    assert_int_equal(list->nkids, 3);
    assert_true(is_name(list->kid[0], "a") && is_name(list->kid[1], "b") && is_none(list->kid[2]));
    struct node *copy = node_copy(w.arena, list);
    assert_true(node_equal(copy, list));
    node_remove(copy, 1);
    assert_false(node_equal(copy, list));
    assert_true(is_none(copy->kid[1]));
    node_add(w.arena, copy, make_number(w.arena, intern(w.atoms, "1")));
    assert_int_equal(list->nkids, 3);
    assert_true(node_is_expr(list) && !node_is_stmt(list));
    assert_string_equal(node_kind_name(list->kind), "List");
    assert_string_equal(op_text(OP_IS_NOT), "is not");
    world_destroy(&w);
}

static struct node *expression(struct world *w, const char *text) {
    struct node *node = parse_expression(w->parser, w->arena, w->atoms, w->diags, source_of(w, text));
    assert_non_null(node);
    return node;
}

static void equality_is_structural(void **state) {
    (void)state;
    struct world w = world_create();
    const char *same[][2] = {{"a+b", "(a  +\n b)"}, {"f(x, y=1)", "f( x,y = 1, )"}, {"a<b<=c", "a < b <= c"}};
    const char *other[][2] = {{"a+b", "a-b"}, {"a<b<c", "a<b<=c"}, {"f(x)", "f(*x)"}, {"a.b", "a.c"},
        {"f(a=1)", "f(b=1)"}, {"[x for y in z]", "[x async for y in z]"}, {"'a'", "\"a\""}, {"None", "True"}};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        assert_true(node_equal(expression(&w, same[i][0]), expression(&w, same[i][1])));
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        assert_false(node_equal(expression(&w, other[i][0]), expression(&w, other[i][1])));
    struct node *compare = expression(&w, "a < b <= c");
    assert_true(node_equal(compare, node_copy(w.arena, compare)));
    world_destroy(&w);
}

static void strings_are_decoded(void **state) {
    (void)state;
    struct world w = world_create();
    const char *cases[][2] = {{"'a'", "a"}, {"u\"\"\"x\ny\"\"\"", "x\ny"}, {"r'\\n'", "\\n"},
        {"'\\n\\t\\\\\\''", "\n\t\\'"},
        {"'\\x41\\u00e9\\U0001F600\\101'", "A\xC3\xA9\xF0\x9F\x98\x80"
                                           "A"},
        {"'a\\\nb'", "ab"}, {"'\\q'", "\\q"}, {"''", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(string_value(w.atoms, expression(&w, cases[i][0])), cases[i][1]);
    const char *none[] = {"b'a'", "f'a'", "'a' 'b'", "'\\0'", "'\\ud800'", "'\\N{BULLET}'", "1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_null(string_value(w.atoms, expression(&w, none[i])));
    world_destroy(&w);
}

static void strings_are_made(void **state) {
    (void)state;
    struct world w = world_create();
    const char *cases[][2] = {{"a", "\"a\""}, {"say \"x\"", "'say \"x\"'"}, {"it's", "\"it's\""}, {"'\"", "\"'\\\"\""},
        {"a\nb\\", "\"a\\nb\\\\\""}, {"\x01%s", "\"\\x01%s\""}, {"\xC3\xA9", "\"\xC3\xA9\""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct node *node = make_string(w.arena, w.atoms, cases[i][0]);
        assert_string_equal(node->atom, cases[i][1]);
        assert_string_equal(string_value(w.atoms, node), cases[i][0]);
    }
    world_destroy(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_are_edited),
        cmocka_unit_test(equality_is_structural),
        cmocka_unit_test(strings_are_decoded),
        cmocka_unit_test(strings_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
