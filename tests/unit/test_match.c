/* test_match.c - equations applied to the functions in tests/data/equations, as the specialiser would leave them.
 *
 * A case is a file with one function. Comments before it: `# expect: TEXT` (the result contains it, line breaks aside),
 * `# never: TEXT` (it does not), `# rule: ID` (the rule applied), `# miss: ID` (it is reported as a near miss). */
#include "ssa_build.h"

#include <dirent.h>

static struct world *world;

static int set_up(void **state) {
    (void)state;
    world = world_create(true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_destroy(world);
    return 0;
}

/* Undo the printer's line breaks inside brackets. */
static void flatten(char *text) {
    char *out = text;
    for (const char *in = text; *in != '\0'; in++) {
        bool after_open = out > text && (out[-1] == '(' || out[-1] == '[');
        bool before_close = *in == '\n' && strchr(")]", in[1 + strspn(in + 1, " ")]) != NULL;
        if (*in == '\n' && out > text && out[-1] == ',' && strchr(")]", in[1 + strspn(in + 1, " ")]) != NULL)
            out--;
        bool broken = *in == '\n' && (after_open || before_close || out[-1] == ',');
        if (broken && out[-1] == ',')
            *out++ = ' ';
        if (broken)
            in += strspn(in + 1, " ");
        else
            *out++ = *in;
    }
    *out = '\0';
}

struct outcome {
    char *text;
    struct trace trace;
};

static struct outcome translate(const char *text) {
    struct node *fn = build_function(world, text);
    struct outcome out = {NULL, {{0}}};
    struct trace trace = {0};
    struct rewriter r = {.arena = world->arena,
        .atoms = world->atoms,
        .rules = world->rules,
        .trace = &trace,
        .where = "test",
        .explains = true};
    rules_apply(&r, function_body(fn));
    rules_report_misses(&r);
    struct buf buf = {0};
    print_python(&buf, fn);
    out.text = arena_strndup(world->arena, buf.at, buf.len);
    out.trace = trace;
    buf_free(&buf);
    flatten(out.text);
    return out;
}

static bool traced(const struct trace *trace, enum trace_kind kind, const char *id) {
    for (uint32_t i = 0; i < trace->records.len; i++)
        if (trace->records.at[i].kind == kind && strcmp(trace->records.at[i].id, id) == 0)
            return true;
    return false;
}

static bool holds(const struct outcome *out, const char *key, const char *value) {
    if (strcmp(key, "expect") == 0)
        return strstr(out->text, value) != NULL;
    if (strcmp(key, "never") == 0)
        return strstr(strstr(out->text, "def "), value) == NULL;
    if (strcmp(key, "rule") == 0)
        return traced(&out->trace, TRACE_REWRITE, value);
    return strcmp(key, "miss") == 0 && traced(&out->trace, TRACE_MISS, value);
}

/* The expectations of one file; returns how many failed. */
static int check_case(const char *name, const char *text) {
    struct outcome out = translate(text);
    int failed = 0;
    char key[16], value[512];
    for (const char *line = text; strncmp(line, "# ", 2) == 0; line = strchr(line, '\n') + 1) {
        if (sscanf(line, "# %15[a-z]: %511[^\n]", key, value) != 2 || holds(&out, key, value))
            continue;
        fprintf(stderr, "%s: %s: %s\n%s", name, key, value, out.text);
        for (uint32_t i = 0; i < out.trace.records.len; i++)
            fprintf(stderr, "  %s: %s\n", out.trace.records.at[i].id, out.trace.records.at[i].text);
        failed++;
    }
    return failed;
}

static void test_cases(void **state) {
    (void)state;
    static const char folder[] = TEST_DATA "/equations";
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    int failed = 0, count = 0;
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!ends_with(entry->d_name, ".py"))
            continue;
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        struct source *source = source_read(world->arena, world->atoms, world->diags, path);
        assert_non_null(source);
        failed += check_case(entry->d_name, source->text);
        count++;
    }
    closedir(dir);
    assert_true(count > 30);
    assert_int_equal(failed, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
