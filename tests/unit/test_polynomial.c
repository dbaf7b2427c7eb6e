/* Sizes are equal whichever way they are reckoned, and no others. */
#include "rewrite/polynomial.h"

#include "unit.h"

static struct node *expression(struct world *w, const char *text) {
    struct node *e = parse_expression(w->parser, w->arena, w->atoms, w->diags, source_of(w, text));
    assert_non_null(e);
    return e;
}

static bool equal(const char *a, const char *b) {
    struct world w = world_create();
    bool result = polynomials_equal(expression(&w, a), expression(&w, b));
    world_destroy(&w);
    return result;
}

static void test_equal(void **state) {
    (void)state;
    assert_true(equal("n * (a + b - b + v)", "(v + a) * n"));
    assert_true(equal("(a + b) * (a - b)", "a * a - b * b"));
    assert_true(equal("-(2 * a) + a", "-a"));
    assert_true(equal("config.n * config.d", "config.d * config.n"));
    assert_true(equal("2 * (h // n)", "h // n + h // n"));
}

static void test_different(void **state) {
    (void)state;
    assert_false(equal("n * (a + v)", "k * (a + v)"));
    assert_false(equal("n * a + v", "n * (a + v)"));
    assert_false(equal("2 * (h // 2)", "h"));
    assert_false(equal("a - b", "b - a"));
    assert_false(equal("a", "0 * a"));
}

/* What is too large is not said to be equal. */
static void test_too_large(void **state) {
    (void)state;
    assert_false(equal("a * a * a * a * a * a * a", "a * a * a * a * a * a * a"));
    assert_false(equal("(a + b + c) * (d + e + f) * (g + h + i) * (j + k + l)", "1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal), cmocka_unit_test(test_different), cmocka_unit_test(test_too_large)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
