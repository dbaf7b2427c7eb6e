/* test_rules.c - what the loader refuses, and that no rule matches its near misses. */
#include "ssa_build.h"

static struct world *world;

static int set_up(void **state) {
    (void)state;
    world = world_create(false);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_destroy(world);
    return 0;
}

#include "base/embed.h"

/* The program's own signatures, spellings and ops with one more file. */
static struct rules *load_with(const char *name, const char *text) {
    struct rule_file files[8];
    uint32_t count = 0;
    static const char *const base[] = {"rules/signatures.yaml", "rules/spellings.yaml", "rules/ops.yaml"};
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        const struct embedded *e = embed_find(base[i]);
        assert_non_null(e);
        files[count++] = (struct rule_file){e->name, e->text, e->len};
    }
    files[count++] = (struct rule_file){name, text, strlen(text)};
    return rules_load(world->arena, world->atoms, world->diags, world->parser, files, count);
}

/* The message that refuses `text`, as "line: message". */
static const char *refusal(const char *text) {
    world->diags = diags_create(world->arena);
    assert_null(load_with("test.yaml", text));
    uint32_t count;
    struct diag **all = diags_sorted(world->diags, &count);
    assert_true(count > 0);
    struct location at = source_locate(all[0]->source, all[0]->span.start);
    assert_string_equal(all[0]->source->path, "test.yaml");
    return arena_printf(world->arena, "%u: %s", at.line, all[0]->message);
}

static void refuses(const char *text, const char *message) {
    const char *said = refusal(text);
    if (strstr(said, message) == NULL)
        fail_msg("said \"%s\" instead of \"%s\" about\n%s", said, message, text);
}

#define HEAD "equations:\n- id: one\n  title: t\n  why: w\n  promise: exact\n"
#define TAIL "  example: {x: \"randn(2)\"}\n  must_not_match: [$x + 1]\n"
#define MATCH "  match: torch.exp($x)\n"
#define REWRITE "  rewrite: torch.sin($x)\n"

static void test_accepts(void **state) {
    (void)state;
    struct rules *rules = load_with("test.yaml", HEAD MATCH REWRITE TAIL);
    assert_non_null(rules);
    assert_int_equal(rules->list.len, 1);
    assert_non_null(rules_find(rules, "one"));
    assert_null(rules_find(rules, "two"));
}

static void test_missing_parts(void **state) {
    (void)state;
    refuses(HEAD MATCH REWRITE "  must_not_match: [$x]\n", "2: rule one has no `example`");
    refuses(HEAD MATCH REWRITE "  example: {}\n", "2: rule one has no `must_not_match`");
    refuses("equations:\n- id: one\n  title: t\n  promise: exact\n" MATCH REWRITE TAIL, "rule one has no `why`");
    refuses(HEAD REWRITE TAIL, "rule one has no `match`");
    refuses(HEAD MATCH TAIL, "rule one has no `rewrite`");
}

static void test_keys(void **state) {
    (void)state;
    refuses(HEAD MATCH REWRITE TAIL "  wher: {x: mask}\n", "10: unknown key `wher`");
    refuses(HEAD MATCH REWRITE TAIL HEAD, "the key `equations` stands here twice");
    refuses(HEAD MATCH REWRITE TAIL "- id: one\n  title: t\n  why: w\n  promise: exact\n" MATCH REWRITE TAIL,
        "two rules are called one");
    refuses("equations:\n- id: one\n  title: t\n  why: w\n  promise: roughly\n" MATCH REWRITE TAIL,
        "5: `promise` is exact, rounding or approximate");
    refuses("equations:\n- id: one\n  title: t\n  why: w\n  promise: approximate\n" MATCH REWRITE TAIL, "no `bound`");
    refuses(HEAD MATCH REWRITE TAIL "  where: {x: rnk 4}\n", "10: unknown condition `rnk` on $x");
    refuses(HEAD "  match: [\n", "not YAML");
    refuses("a: &b 1\nc: *b\n", "anchors and aliases");
}

static void test_metavariables(void **state) {
    (void)state;
    refuses(HEAD MATCH "  rewrite: torch.sin($y)\n" TAIL, "7: $y is not bound by `match`");
    refuses(HEAD "  match: either(torch.exp($x), torch.sin($x + $y))\n  rewrite: torch.sin($y)\n" TAIL,
        "$y is not bound by every alternative");
    refuses(HEAD "  match: $x\n" REWRITE TAIL, "rule one would match any expression");
    refuses(HEAD "  match: torch.exp($x\n" REWRITE TAIL, "6: not an expression from here on");
    refuses(HEAD "  match: cast($x, $x)\n" REWRITE TAIL, "`cast` with 2 patterns");
}

static void test_ops(void **state) {
    (void)state;
    refuses(HEAD MATCH "  rewrite: torch.ops.auto_deploy.torch_nothing($x)\n" TAIL,
        "7: no op torch.ops.auto_deploy.torch_nothing");
    refuses(
        HEAD MATCH "  rewrite: torch.ops.auto_deploy.torch_l2norm($x, epsilon=1)\n" TAIL, "has no argument epsilon");
    refuses(HEAD MATCH "  rewrite: torch.ops.auto_deploy.torch_l2norm($x, 1, 2)\n" TAIL, "at this position");
    refuses(HEAD MATCH "  rewrite: torch.ops.auto_deploy.torch_l2norm($x, x=$x)\n" TAIL, "has no argument x");
    refuses(HEAD MATCH "  rewrite: torch.ops.auto_deploy.torch_rmsnorm($x, $x)\n" TAIL, "needs its argument eps");
    refuses(HEAD MATCH "  rewrite: torch.sin($x)\n  each: torch.sin($result)\n" TAIL,
        "`each` needs a `match` with several");
}

/* -- near misses --------------------------------------------------------------------------------------------------- */

/* `text` with each $name made the parameter or attribute that its conditions ask for, as a function. */
static char *as_function(const struct rule *rule, const char *text) {
    struct buf out = {0};
    buf_puts(&out, "def f(self");
    for (uint32_t i = 0; i < rule->metas->count; i++) {
        const struct metavariable *meta = &rule->metas->at[i];
        const char *mask = NULL;
        for (const struct condition *c = meta->conditions; c != NULL; c = c->next)
            mask = c->kind == CONDITION_MASK    ? "M"
                   : c->kind == CONDITION_KEEPS ? "K"
                   : c->kind == CONDITION_DROPS ? "D"
                                                : mask;
        buf_printf(&out, ", %s: %s", meta->name, mask ? mask : "T");
        if (!mask && meta->rank > 0)
            buf_printf(&out, "%u", meta->rank);
    }
    buf_puts(&out, "):\n    return ");
    for (const char *at = text; *at != '\0'; at++)
        if (*at != '$')
            buf_putc(&out, *at);
    buf_puts(&out, "\n");
    char *copy = arena_strndup(world->arena, out.at, out.len);
    buf_free(&out);
    return copy;
}

static bool has_condition(const struct metavariable *meta, enum condition_kind kind) {
    for (const struct condition *c = meta->conditions; c != NULL; c = c->next)
        if (c->kind == kind && !c->negated)
            return true;
    return false;
}

/* Parameters cannot be fixed or numbers: make those attributes of self, or a literal. */
static char *substituted(const struct rule *rule, const char *text) {
    struct buf out = {0};
    for (const char *at = text; *at != '\0'; at++) {
        size_t len = *at == '$' ? strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_0123456789") : 0;
        const struct metavariable *found = NULL;
        for (uint32_t i = 0; len > 0 && i < rule->metas->count; i++)
            if (strlen(rule->metas->at[i].name) == len && strncmp(rule->metas->at[i].name, at + 1, len) == 0)
                found = &rule->metas->at[i];
        if (found != NULL && has_condition(found, CONDITION_NUMBER))
            buf_puts(&out, "1");
        else if (found != NULL && has_condition(found, CONDITION_FIXED))
            buf_printf(&out, "self.%s_weight", found->name);
        else if (found != NULL && has_condition(found, CONDITION_SCALAR))
            buf_printf(&out, "self.%s", found->name);
        else
            len = 0, buf_putc(&out, *at);
        at += len;
    }
    char *copy = arena_strndup(world->arena, out.at, out.len);
    buf_free(&out);
    return copy;
}

static uint32_t times_applied(struct rules *rules, const struct rule *rule, const char *text) {
    world->rules = rules;
    struct node *fn = build_function(world, as_function(rule, substituted(rule, text)));
    struct rewriter r = {.arena = world->arena, .atoms = world->atoms, .rules = rules, .where = "test"};
    rules_apply(&r, function_body(fn));
    return r.applied[rule->order];
}

static const char *near_miss_text(const struct yaml *miss) {
    if (miss->kind == YAML_SCALAR)
        return miss->text;
    struct buf out = {0};
    buf_puts(&out, "(");
    for (uint32_t i = 0; i < miss->count; i++)
        buf_printf(&out, "%s, ", miss->item[i]->text);
    buf_puts(&out, ")");
    char *copy = arena_strndup(world->arena, out.at, out.len);
    buf_free(&out);
    return copy;
}

static void test_near_misses(void **state) {
    (void)state;
    struct rules *rules = rules_load_embedded(world->arena, world->atoms, world->diags, world->parser);
    print_diags(world);
    assert_non_null(rules);
    for (uint32_t i = 0; i < rules->list.len; i++) {
        const struct rule *rule = rules->list.at[i];
        const struct yaml *misses = yaml_get(rule->yaml, "must_not_match");
        assert_true(misses->kind == YAML_LIST && misses->count > 0);
        for (uint32_t k = 0; k < misses->count; k++) {
            const char *text = near_miss_text(misses->item[k]);
            if (times_applied(rules, rule, text) > 0)
                fail_msg("%s applies to its near miss %s", rule->id, text);
        }
    }
}

/* A rule whose match is one plain pattern applies to that pattern. */
static void test_patterns_match_themselves(void **state) {
    (void)state;
    struct rules *rules = rules_load_embedded(world->arena, world->atoms, world->diags, world->parser);
    assert_non_null(rules);
    const struct rule *rule = rules_find(rules, "rmsnorm");
    assert_int_equal(times_applied(rules, rule, yaml_text(rule->yaml, "match")), 1);
}

static void test_listing(void **state) {
    (void)state;
    struct rules *rules = rules_load_embedded(world->arena, world->atoms, world->diags, world->parser);
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    rules_list(out, rules);
    assert_true(rules_explain(out, rules, "attention"));
    assert_false(rules_explain(out, rules, "no-such-rule"));
    fclose(out);
    assert_non_null(strstr(text, "rmsnorm "));
    assert_non_null(strstr(text, "must not match:"));
    assert_non_null(strstr(text, "rules/attention.yaml:"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accepts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_missing_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_metavariables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_near_misses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_patterns_match_themselves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_listing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
