#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/changes.h"
#include "base/diag.h"
#include "base/file.h"
#include "unit.h"

/* A folder of the test's own, with what it makes in it. */
struct place {
    struct arena *arena;
    struct diags *diags;
    char folder[64];
};

static struct place place_make(void) {
    struct arena *arena = arena_create();
    struct place place = {arena, diags_create(arena), "/tmp/adgen-changes-XXXXXX"};
    assert_non_null(mkdtemp(place.folder));
    return place;
}

static void place_end(struct place *place) {
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", place->folder);
    assert_int_equal(system(command), 0);
    arena_destroy(place->arena);
}

static const char *at(struct place *place, const char *name) {
    return path_join(place->arena, place->folder, name);
}

static void put(struct place *place, const char *name, const char *text) {
    assert_true(file_write(place->diags, at(place, name), text, strlen(text)));
}

static void holds(struct place *place, const char *name, const char *text) {
    struct buf found = {0};
    assert_true(file_load(at(place, name), &found));
    assert_string_equal(found.at, text);
    buf_free(&found);
}

static struct change change_of(struct place *place, const char *name, const char *before, const char *text) {
    return (struct change){at(place, name), name, before, before ? strlen(before) : 0, text, strlen(text)};
}

static void all_are_written(void **state) {
    (void)state;
    struct place place = place_make();
    put(&place, "old", "1\n");
    assert_int_equal(chmod(at(&place, "old"), 0640), 0);
    const struct change list[] = {change_of(&place, "old", "1\n", "2\n"), change_of(&place, "a/b/new", NULL, "3\n")};
    assert_true(changes_write(place.arena, place.diags, list, 2));
    holds(&place, "old", "2\n");
    holds(&place, "a/b/new", "3\n");
    struct stat info;
    assert_int_equal(stat(at(&place, "old"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    uint32_t count;
    dir_list(place.arena, place.folder, &count);
    assert_int_equal(count, 2); /* nothing is left beside them */
    place_end(&place);
}

/* The second of them cannot take its name, since the third has made a folder of it: the first gets its text back. */
static void none_is_written_where_one_cannot_be(void **state) {
    (void)state;
    struct place place = place_make();
    put(&place, "old", "1\n");
    const struct change list[] = {change_of(&place, "old", "1\n", "2\n"), change_of(&place, "new", NULL, "3\n"),
        change_of(&place, "x", NULL, "4\n"), change_of(&place, "x/y", NULL, "5\n"),
        change_of(&place, "z", NULL, "6\n")};
    assert_false(changes_write(place.arena, place.diags, list, 5));
    assert_int_equal(diags_count(place.diags, SEVERITY_ERROR), 1);
    holds(&place, "old", "1\n");
    uint32_t count;
    char **names = dir_list(place.arena, place.folder, &count);
    assert_int_equal(count, 1);
    assert_string_equal(names[0], "old");
    place_end(&place);
}

static void what_is_equal_is_not_touched(void **state) {
    (void)state;
    struct place place = place_make();
    put(&place, "same", "1\n");
    struct stat before, after;
    assert_int_equal(stat(at(&place, "same"), &before), 0);
    const struct change same = change_of(&place, "same", "1\n", "1\n");
    assert_false(change_matters(&same));
    assert_true(changes_write(place.arena, place.diags, &same, 1));
    assert_int_equal(stat(at(&place, "same"), &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    place_end(&place);
}

static void a_new_file_is_a_patch(void **state) {
    (void)state;
    struct place place = place_make();
    const struct change change = change_of(&place, "a/new", NULL, "1\n2\n");
    struct buf out = {0};
    change_diff(&out, &change);
    assert_string_equal(out.at, "--- /dev/null\n+++ b/a/new\n@@ -0,0 +1,2 @@\n+1\n+2\n");
    buf_free(&out);
    place_end(&place);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_are_written),
        cmocka_unit_test(none_is_written_where_one_cannot_be),
        cmocka_unit_test(what_is_equal_is_not_touched),
        cmocka_unit_test(a_new_file_is_a_patch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
