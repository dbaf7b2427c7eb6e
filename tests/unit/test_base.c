#include "base/buf.h"
#include "base/embed.h"
#include "base/map.h"
#include "base/vec.h"
#include "unit.h"

static void arena_is_zeroed_and_aligned(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    for (size_t size = 1; size < 200000; size = size * 3 + 1) {
        unsigned char *at = arena_alloc(arena, size);
        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(at[i], 0);
        memset(at, 0xAA, size);
    }
    assert_non_null(arena_alloc(arena, 0));
    assert_true(arena_used(arena) > 100000);
    assert_string_equal(arena_printf(arena, "%s-%d", "a", 12), "a-12");
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    arena_destroy(arena);
    arena_destroy(NULL);
}

static void atoms_are_unique(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    atom first[5000];
    for (int i = 0; i < 5000; i++)
        first[i] = intern_printf(atoms, "name_%d", i);
    for (int i = 0; i < 5000; i++) {
        char text[32];
        snprintf(text, sizeof text, "name_%d", i);
        assert_ptr_equal(first[i], intern(atoms, text));
        assert_string_equal(first[i], text);
    }
    assert_ptr_equal(intern_len(atoms, "name_12345", 6), intern(atoms, "name_1"));
    assert_ptr_not_equal(intern(atoms, ""), intern(atoms, "a"));
    assert_ptr_not_equal(intern_len(atoms, "a\0b", 3), intern_len(atoms, "a\0c", 3));
    assert_true(atom_is(first[7], "name_7"));
    assert_false(atom_is(NULL, ""));
    char big[1000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    assert_ptr_equal(intern_printf(atoms, "%s", big), intern(atoms, big));
    arena_destroy(arena);
}

static void maps_keep_order(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct map map = {0};
    int values[1000];
    assert_null(map_get(&map, intern(atoms, "nothing")));
    for (int i = 0; i < 1000; i++)
        map_put(arena, &map, intern_printf(atoms, "key%d", i), &values[i]);
    map_put(arena, &map, intern(atoms, "key5"), NULL);
    assert_int_equal(map.len, 1000);
    for (int i = 0; i < 1000; i++) {
        atom key = intern_printf(atoms, "key%d", i);
        assert_ptr_equal(map.entry[i].key, key);
        assert_ptr_equal(map_get(&map, key), i == 5 ? NULL : &values[i]);
        assert_true(map_has(&map, key));
    }
    assert_false(map_has(&map, intern(atoms, "key1000")));
    arena_destroy(arena);
}

static void vectors_grow(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    VEC(int) numbers = {0};
    for (int i = 0; i < 100; i++)
        vec_push(arena, &numbers, i);
    for (int i = 0; i < 100; i++)
        assert_int_equal(vec_at(&numbers, i), i);
    assert_int_equal(vec_pop(&numbers), 99);
    assert_int_equal(vec_last(&numbers), 98);
    arena_destroy(arena);
}

static void buffers_end_with_nul(void **state) {
    (void)state;
    struct buf buf = {0};
    buf_write(&buf, NULL, 0);
    assert_string_equal(buf.at, "");
    buf_puts(&buf, "abc");
    buf_putc(&buf, 'd');
    buf_repeat(&buf, ' ', 3);
    buf_printf(&buf, "%d|%s", 42, "x");
    assert_string_equal(buf.at, "abcd   42|x");
    buf_truncate(&buf, 4);
    buf_truncate(&buf, 100);
    assert_string_equal(buf.at, "abcd");
    for (int i = 0; i < 1000; i++)
        buf_puts(&buf, "0123456789");
    assert_int_equal(buf.len, 10004);
    assert_int_equal(buf.at[buf.len], 0);
    buf_free(&buf);
    assert_null(buf.at);
}

static void embedded_files_are_found(void **state) {
    (void)state;
    assert_null(embed_find("rules/no such file.yaml"));
    for (const struct embedded *file = embedded_files; file->name != NULL; file++) {
        assert_ptr_equal(embed_find(file->name), file);
        assert_int_equal(file->text[file->len], 0);
        if (file > embedded_files)
            assert_true(strcmp(file[-1].name, file->name) < 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_is_zeroed_and_aligned),
        cmocka_unit_test(atoms_are_unique),
        cmocka_unit_test(maps_keep_order),
        cmocka_unit_test(vectors_grow),
        cmocka_unit_test(buffers_end_with_nul),
        cmocka_unit_test(embedded_files_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
