/* test_regex.c - patterns mean what they mean to Python. */
#include "unit.h"

#include "base/regex.h"

static struct arena *arena;

static int set_up(void **state) {
    (void)state;
    arena = arena_create();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_destroy(arena);
    return 0;
}

/* The first match as "start-end", with ":start-end" of group 1; "none"; or "problem". */
static const char *search(const char *pattern, const char *text) {
    const char *problem;
    struct regex *regex = regex_compile(arena, pattern, &problem);
    struct regex_match m;
    if (regex == NULL)
        return problem ? "problem" : "silent";
    for (uint32_t at = 0; at <= strlen(text); at++) {
        enum regex_result result = regex_match_at(regex, text, at, &m);
        if (result == REGEX_GAVE_UP)
            return "gave up";
        if (result == REGEX_NONE)
            continue;
        const char *found = arena_printf(arena, "%u-%u", m.group[0].start, m.group[0].end);
        if (m.group[1].start != UINT32_MAX)
            found = arena_printf(arena, "%s:%u-%u", found, m.group[1].start, m.group[1].end);
        return found;
    }
    return "none";
}

static void test_plain(void **state) {
    (void)state;
    assert_string_equal(search("b.c", "ab.c"), "1-4");
    assert_string_equal(search("b\\.c", "abxc"), "none");
    assert_string_equal(search("^b", "ab"), "none");
    assert_string_equal(search("b$", "abab"), "3-4");
    assert_string_equal(search("", "ab"), "0-0");
    assert_string_equal(search("[b-d]+", "abcde"), "1-4");
    assert_string_equal(search("[^a.]", "a.b"), "2-3");
    assert_string_equal(search("\\bnorm\\b", "a_norm.norm"), "7-11");
}

static void test_repetition(void **state) {
    (void)state;
    assert_string_equal(search("layers\\.(\\d+)\\.", "layers.12.x"), "0-10:7-9");
    assert_string_equal(search("a.*b", "xaabab"), "1-6");
    assert_string_equal(search("a.*?b", "xaabab"), "1-4");
    assert_string_equal(search("a{2}", "aaa"), "0-2");
    assert_string_equal(search("a{2,}c", "aaac"), "0-4");
    assert_string_equal(search("x(ab)?c", "xc"), "0-2");
    assert_string_equal(search("x(ab)?c", "xabc"), "0-4:1-3");
}

static void test_groups(void **state) {
    (void)state;
    assert_string_equal(search("(ab|a)bc", "abc"), "0-3:0-1");
    assert_string_equal(search("\\.(w1|w2)\\.", "a.w2.b"), "1-5:2-4");
    assert_string_equal(search("(?:a|b)(c)", "bc"), "0-2:1-2");
    assert_string_equal(search("^model\\.(?:(?!inner\\.))(.+)", "model.norm"), "0-10:6-10");
    assert_string_equal(search("^model\\.(?:(?!inner\\.))(.+)", "model.inner.norm"), "none");
    assert_string_equal(search("(?<!vit\\.)norm", "vit.norm"), "none");
    assert_string_equal(search("(?<!vit\\.)norm", "norm"), "0-4");
    assert_string_equal(search("(?<=a|b)c", "xcbc"), "3-4");
    assert_string_equal(search("weight(?!\\w)", "weight_scale.weight"), "13-19");
}

static void test_refused(void **state) {
    (void)state;
    static const char *const patterns[] = {
        "(ab)*", "a**", "(a", "a)", "[a", "a\\", "(?<=a*)b", "(?#x)", "\\1", "*a", "\\pL", "(?i)a"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        assert_string_equal(search(patterns[i], "ab"), "problem");
    assert_string_equal(
        search(".*.*.*.*.*.*.*.*x", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), "gave up");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
