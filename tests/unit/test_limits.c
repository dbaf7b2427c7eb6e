/* Nothing that is 20,000 deep or long may overflow the stack or take long. */
#include "base/buf.h"
#include "unit.h"

enum { MANY = 20000 };

/* before, MANY times open, middle, MANY times close, after. */
struct tower {
    const char *before, *open, *middle, *close, *after;
    bool accepted;
};

static void towers(void **state) {
    (void)state;
    static const struct tower cases[] = {
        {"x = ", "(", "1", ")", "\n", false},
        {"x = ", "[", "", "]", "\n", false},
        {"x = ", "{1: ", "1", "}", "\n", false},
        {"x = ", "-", "1", "", "\n", false},
        {"x = ", "not ", "1", "", "\n", false},
        {"x = ", "lambda: ", "1", "", "\n", false},
        {"x = ", "a if b else ", "1", "", "\n", false},
        {"x = ", "f(", "1", ")", "\n", false},
        {"x = ", "a[", "1", "]", "\n", false},
        {"x = a", ".b", "", "", "\n", false},
        {"x = a", "()", "", "", "\n", false},
        {"x = a", " + a", "", "", "\n", false},
        {"x = a", " ** a", "", "", "\n", false},
        {"x = a", " and a", "", "", "\n", false},
        {"x = ", "(a := ", "1", ")", "\n", false},
        {"x: ", "a[", "int", "]", "\n", false},
        {"x: a[b]", " | a[b]", "", "", "\n", false},
        {"if a: b\n", "elif a: b\n", "", "", "", false},
        {"async def f():\n    ", "await ", "a", "", "\n", false},
        {"x = ", "(", "", "", "", false},
        {"x = ", "{", "", "", "", false},
        {"f(", "*", "a", "", ")\n", false},
        {"x = a", " < a", "", "", "\n", true},
        {"x = a", ", a", "", "", "\n", true},
        {"", "a = ", "1", "", "\n", true},
        {"x = ", "'a' ", "", "", "\n", true},
        {"f(", "a, ", "", "", ")\n", true},
        {"", "@a\n", "def f(): pass", "", "\n", true},
        {"x = [a ", "for b in c ", "", "", "]\n", true},
        {"", "x = 1\n", "", "", "", true},
        {"x = [\n", "# comment\n", "", "", "]\n", true},
        {"", "# comment\n", "", "", "", true},
        {"", "x; ", "", "", "\n", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w = world_create();
        struct buf text = {0};
        buf_puts(&text, cases[i].before);
        for (int n = 0; n < MANY; n++)
            buf_puts(&text, cases[i].open);
        buf_puts(&text, cases[i].middle);
        for (int n = 0; n < MANY; n++)
            buf_puts(&text, cases[i].close);
        buf_puts(&text, cases[i].after);
        struct node *tree = parse_module(w.parser, w.arena, w.atoms, w.diags, source_of(&w, text.at));
        if ((tree != NULL) != cases[i].accepted || diags_count(w.diags, SEVERITY_ERROR) != !cases[i].accepted)
            fail_msg("%s%s...", cases[i].before, cases[i].open);
        buf_free(&text);
        world_destroy(&w);
    }
}

static void a_long_chain_is_read(void **state) {
    (void)state;
    struct world w = world_create();
    struct buf text = {0};
    buf_puts(&text, "x = a");
    for (int n = 0; n < AST_DEPTH_MAX - 50; n++)
        buf_puts(&text, " + a");
    buf_puts(&text, "\nif a: b\n");
    for (int n = 0; n < AST_DEPTH_MAX / 2 - 10; n++)
        buf_puts(&text, "elif a: b\n");
    parsed(&w, text.at);
    buf_free(&text);
    world_destroy(&w);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(towers), cmocka_unit_test(a_long_chain_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
