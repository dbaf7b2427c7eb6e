#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "unit.h"

static struct source *text_source(struct world *w, const char *text, size_t len) {
    return source_from_text(w->arena, w->atoms, w->diags, "t.py", text, len);
}

static void newlines_and_mark_are_normalised(void **state) {
    (void)state;
    struct world w = world_create();
    struct source *source = source_of(&w, "\xEF\xBB\xBF"
                                          "a\r\nb\rc\n\r\nd");
    assert_non_null(source);
    assert_string_equal(source->text, "a\nb\nc\n\nd");
    assert_int_equal(source->len, 8);
    world_destroy(&w);
}

static void bad_text_is_refused(void **state) {
    (void)state;
    struct world w = world_create();
    const char *bad[] = {"a\xFF", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\x80",
        "abcdefgh\xC3", "\xC3(", "\xE2\x82", "", " \n\t\n", "\xEF\xBB\xBF"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_null(text_source(&w, bad[i], strlen(bad[i])));
    assert_null(text_source(&w, "x = 1\0", 6));
    assert_null(source_read(w.arena, w.atoms, w.diags, "/no/such/file.py"));
    assert_null(source_read(w.arena, w.atoms, w.diags, "/"));
    assert_int_equal(diags_count(w.diags, SEVERITY_ERROR), sizeof bad / sizeof bad[0] + 3);
    assert_non_null(source_of(&w, "x = '\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80'"));
    world_destroy(&w);
}

static void places_are_found(void **state) {
    (void)state;
    struct world w = world_create();
    struct source *source = source_of(&w, "ab\n\n\xC3\xA9 = 1\nlast");
    const uint32_t expected[][3] = {
        {0, 1, 1}, {2, 1, 3}, {3, 2, 1}, {4, 3, 1}, {6, 3, 2}, {9, 3, 5}, {11, 4, 1}, {15, 4, 5}, {99, 4, 5}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct location location = source_locate(source, expected[i][0]);
        assert_int_equal(location.line, expected[i][1]);
        assert_int_equal(location.column, expected[i][2]);
    }
    uint32_t len;
    assert_memory_equal(source_line(source, 4, &len), "last", 4);
    assert_int_equal(len, 4);
    source_line(source, 2, &len);
    assert_int_equal(len, 0);
    world_destroy(&w);
}

static char *printed(struct world *w, const struct diag *diag, bool color) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    diag_print(out, diag, color);
    fclose(out);
    char *copy = arena_strndup(w->arena, text, len);
    free(text);
    return copy;
}

static void diagnostics_are_sorted_and_printed(void **state) {
    (void)state;
    struct world w = world_create();
    struct source *source = source_of(&w, "first\n\t\xC3\xA9 = bad(1)\n");
    diag_at(w.diags, SEVERITY_WARNING, source, (struct span){12, 15}, NULL, "later");
    diag_at(w.diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "nowhere");
    struct diag *error = diag_at(w.diags, SEVERITY_ERROR, source, (struct span){12, 15}, "a-rule", "%s call", "bad");
    diag_help(w.diags, error, "do %s", "this");
    diag_at(w.diags, SEVERITY_WARNING, source, (struct span){12, 15}, NULL, "later");
    diag_at(w.diags, SEVERITY_NOTE, source, (struct span){0, 5}, NULL, "early");
    uint32_t count;
    struct diag **list = diags_sorted(w.diags, &count);
    assert_int_equal(count, 4);
    assert_string_equal(printed(&w, list[0], false), "adgen: error: nowhere\n");
    assert_string_equal(printed(&w, list[1], false), "test.py:1:1: note: early\n    first\n    ^~~~~\n");
    assert_string_equal(printed(&w, list[2], false),
        "test.py:2:6: error: bad call [a-rule]\n    \t\xC3\xA9 = bad(1)\n    \t    ^~~\n    help: do this\n");
    assert_non_null(strstr(printed(&w, list[2], true), "\033[1;31merror:\033[0m"));
    assert_int_equal(diags_count(w.diags, SEVERITY_WARNING), 2);
    world_destroy(&w);
}

static void long_lines_are_cut(void **state) {
    (void)state;
    struct world w = world_create();
    char *line = arena_alloc(w.arena, 5001);
    for (int i = 0; i < 2500; i++)
        memcpy(line + 2 * i, "\xC3\xA9", 2);
    struct source *source = source_of(&w, line);
    for (uint32_t at = 0; at < 5000; at += 999) {
        struct diag *diag = diag_at(w.diags, SEVERITY_ERROR, source, (struct span){at & ~1U, 5000}, NULL, "long");
        assert_true(strlen(printed(&w, diag, false)) < 600);
    }
    world_destroy(&w);
}

static void files_are_replaced_whole(void **state) {
    (void)state;
    struct world w = world_create();
    char dir[] = "/tmp/adgen-unit-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *deep = path_join(w.arena, dir, "a/b/c"), *file = path_join(w.arena, deep, "out.py");
    char *link = path_join(w.arena, dir, "link.py");
    assert_false(file_write(w.diags, file, "x", 1)); /* no such folder */
    assert_true(dir_create(w.diags, deep));
    assert_true(dir_create(w.diags, deep));
    assert_true(file_write(w.diags, file, "x = 1\n", 6));
    assert_int_equal(chmod(file, 0640), 0);
    assert_int_equal(symlink(file, link), 0);
    assert_true(file_write(w.diags, link, "y = 2\n", 6));
    struct stat info;
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_int_equal(stat(file, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_string_equal(source_read(w.arena, w.atoms, w.diags, file)->text, "y = 2\n");
    assert_false(file_write(w.diags, deep, "x", 1)); /* a folder */
    assert_false(dir_create(w.diags, path_join(w.arena, file, "d")));
    assert_true(file_exists(file) && !file_exists(deep) && dir_exists(deep) && !dir_exists(file));
    assert_int_equal(unlink(link) | unlink(file) | rmdir(deep), 0); /* nothing else was left there */
    assert_int_equal(rmdir(path_join(w.arena, dir, "a/b")) | rmdir(path_join(w.arena, dir, "a")) | rmdir(dir), 0);
    world_destroy(&w);
}

static void paths_are_taken_apart(void **state) {
    (void)state;
    struct world w = world_create();
    assert_string_equal(path_dir(w.arena, "a/b/c"), "a/b");
    assert_string_equal(path_dir(w.arena, "a"), ".");
    assert_string_equal(path_dir(w.arena, "/a"), "/");
    assert_string_equal(path_base("a/b"), "b");
    assert_string_equal(path_base("b"), "b");
    assert_string_equal(path_join(w.arena, "a/", "b"), "a/b");
    assert_string_equal(path_join(w.arena, "a", "/b"), "/b");
    assert_string_equal(path_join(w.arena, ".", "b"), "b");
    world_destroy(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(newlines_and_mark_are_normalised),
        cmocka_unit_test(bad_text_is_refused),
        cmocka_unit_test(places_are_found),
        cmocka_unit_test(diagnostics_are_sorted_and_printed),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(files_are_replaced_whole),
        cmocka_unit_test(paths_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
