/* The source package and configuration classes, on the package in miniature of tests/data/minipkg. */
#include "base/file.h"
#include "parser/package.h"
#include "rewrite/config.h"
#include "unit.h"

#define MINI TEST_DATA "/minipkg/transformers"

struct fixture {
    struct world w;
    struct unit unit;
    struct registry *registry;
};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->w = world_create();
    f->registry = registry_open(f->w.diags, MINI);
    f->unit = (struct unit){.arena = f->w.arena,
        .atoms = f->w.atoms,
        .diags = f->w.diags,
        .parser = f->w.parser,
        .library = MINI,
        .registry = f->registry};
    *state = f;
    return f->registry == NULL;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    registry_close(f->registry);
    world_destroy(&f->w);
    free(f);
    return 0;
}

static bool ends(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

/* -- the package --------------------------------------------------------------------------------------------------- */

static void root_is_the_outermost_package(void **state) {
    struct fixture *f = *state;
    const char *root = package_around(f->w.arena, MINI "/models/acorn/modeling_acorn.py");
    assert_non_null(root);
    assert_true(file_same(root, MINI));
    assert_null(package_around(f->w.arena, "/no/such/folder/file.py"));
    assert_true(file_same(package_in(f->w.arena, f->w.diags, TEST_DATA "/minipkg"), MINI));
    assert_int_equal(diags_count(f->w.diags, SEVERITY_ERROR), 0);
    assert_null(package_in(f->w.arena, f->w.diags, TEST_DATA));
    assert_int_equal(diags_count(f->w.diags, SEVERITY_ERROR), 1);
}

static void modules_are_files(void **state) {
    struct fixture *f = *state;
    assert_true(
        ends(package_module_path(f->w.arena, MINI, "transformers.configuration_utils"), "configuration_utils.py"));
    assert_true(ends(package_module_path(f->w.arena, MINI, "transformers.models"), "models/__init__.py"));
    assert_null(package_module_path(f->w.arena, MINI, "transformers.nothing"));
    assert_null(package_module_path(f->w.arena, MINI, "transformers_other"));
    assert_null(package_module_path(f->w.arena, MINI, "torch.nn"));
}

static void tables_are_read(void **state) {
    struct fixture *f = *state;
    const struct registry *r = f->registry;
    assert_int_equal(r->nheads, 6);
    assert_string_equal(r->heads[0].key, "acorn");
    assert_string_equal(registry_head(r, "cedar"), "CedarForCausalLM"); /* the first of several */
    assert_string_equal(registry_config(r, "cedar"), "CedarConfig");    /* on lines of their own */
    assert_string_equal(registry_config(r, "oak"), "AcornConfig");      /* updated */
    assert_string_equal(registry_config(r, "pine"), "AcornConfig");
    assert_string_equal(registry_config(r, "ac-orn"), "AcornConfig");
    assert_null(registry_config(r, "comment"));
    assert_null(registry_head(r, "maple"));
    assert_null(registry_open(f->w.diags, TEST_DATA));
}

static void models_are_found(void **state) {
    struct fixture *f = *state;
    struct model model;
    assert_true(
        registry_model(f->registry, f->w.arena, f->w.diags, "birch-text", &model)); /* a folder of another name */
    assert_string_equal(model.head, "BirchForCausalLM");
    assert_string_equal(model.config, "BirchTextConfig");
    assert_true(ends(model.path, "/models/birch/modeling_birch.py"));
    assert_true(ends(model.config_path, "/models/birch/configuration_birch.py"));
    assert_true(registry_model(f->registry, f->w.arena, f->w.diags, "oak", &model)); /* in the folder of another type */
    assert_true(ends(model.path, "/models/acorn/modeling_acorn.py"));
    assert_true(registry_model(f->registry, f->w.arena, f->w.diags, "yew", &model)); /* moved */
    assert_true(ends(model.path, "/models/deprecated/yew/modeling_yew.py"));
    assert_null(model.config);
}

static void unknown_types_suggest_the_nearest(void **state) {
    struct fixture *f = *state;
    struct model model;
    uint32_t count;
    assert_false(registry_model(f->registry, f->w.arena, f->w.diags, "acron", &model));
    struct diag **diags = diags_sorted(f->w.diags, &count);
    assert_int_equal(count, 1);
    assert_string_equal(diags[0]->help, "did you mean `acorn`?");
}

/* -- configurations ------------------------------------------------------------------------------------------------ */

static struct config *read(struct fixture *f, const char *file, const char *name) {
    struct module *module = module_read(&f->unit, file);
    assert_non_null(module);
    struct config *config = config_read(&f->unit, module, intern(f->w.atoms, name));
    assert_non_null(config);
    return config;
}

static bool has(struct fixture *f, const struct config *config, const char *field) {
    return config_has(config, intern(f->w.atoms, field));
}

/* The declared default as it is written, or "". */
static const char *dflt(struct fixture *f, const struct config *config, const char *field) {
    const struct node *node = config_default(config, intern(f->w.atoms, field));
    return node && node->atom ? node->atom : "";
}

static void fields_with_annotations(void **state) {
    struct fixture *f = *state;
    const struct config *c = read(f, MINI "/models/acorn/configuration_acorn.py", "AcornConfig");
    static const char *const yes[] = {"vocab_size", "required", "derived", "either", "checked", "head_dim", "n_embd",
        "ffn", "return_dict", "text", "is_encoder_decoder", "_name", "use_return_dict", "model_type"};
    static const char *const no[] = {"registry", "perhaps", "unreadable", "missing", "nowhere", "sometimes",
        "rope_scaling", "late", "not_a_field", "in_docstring", "not", "text_config"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!has(f, c, yes[i]))
            fail_msg("%s is a field", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
        if (has(f, c, no[i]))
            fail_msg("%s is no field", no[i]);
    assert_true(c->complete);
    assert_string_equal(c->model_type, "acorn");
    assert_string_equal(dflt(f, c, "vocab_size"), "256");
    assert_string_equal(dflt(f, c, "n_embd"), "16");
    assert_true(is_none(config_default(c, intern(f->w.atoms, "intermediate_size")))); /* declared, not derived */
    assert_string_equal(dflt(f, c, "required"), "");
}

static void fields_of_constructors(void **state) {
    struct fixture *f = *state;
    const struct config *c = read(f, MINI "/models/birch/configuration_birch.py", "BirchTextConfig");
    static const char *const yes[] = {"vocab_size", "num_kv_heads", "first", "second", "scale", "rope_parameters",
        "rope_scaling", "return_dict", "_name"};
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
        if (!has(f, c, yes[i]))
            fail_msg("%s is a field", yes[i]);
    assert_string_equal(dflt(f, c, "hidden_size"), "32");
    assert_int_equal(config_default(c, intern(f->w.atoms, "return_dict"))->op, OP_FALSE); /* handed to the base */
    assert_string_equal(dflt(f, c, "scale"), "");
    assert_true(c->complete); /* the base is imported under its old name */
}

static void bases_and_parts(void **state) {
    struct fixture *f = *state;
    const struct config *cedar = read(f, MINI "/models/cedar/configuration_cedar.py", "CedarConfig");
    assert_string_equal(cedar->model_type, "cedar");
    assert_string_equal(dflt(f, cedar, "hidden_size"), "64");
    assert_string_equal(dflt(f, cedar, "n_embd"), "64");
    assert_string_equal(dflt(f, cedar, "vocab_size"), "256");
    const struct config *birch = read(f, MINI "/models/birch/configuration_birch.py", "BirchConfig");
    struct config *part = config_sub(&f->unit, birch, intern(f->w.atoms, "text_config"));
    assert_non_null(part);
    assert_string_equal(part->name, "BirchTextConfig");
    assert_null(config_sub(&f->unit, birch, intern(f->w.atoms, "vision_config")));
    assert_true(has(f, birch, "text_config"));
}

static void what_is_not_at_hand_is_not_claimed(void **state) {
    struct fixture *f = *state;
    struct source *source = source_of(&f->w, "from elsewhere import OtherConfig\n"
                                             "class XConfig(OtherConfig):\n    a: int = 1\n"
                                             "class SelfConfig(SelfConfig):\n    b: int = 1\n");
    struct module *module = module_load(&f->unit, source);
    struct config *x = config_read(&f->unit, module, intern(f->w.atoms, "XConfig"));
    assert_false(x->complete);
    assert_true(has(f, x, "a"));
    assert_false(has(f, x, "return_dict"));
    assert_true(has(f, config_read(&f->unit, module, intern(f->w.atoms, "SelfConfig")), "b"));
    assert_null(config_read(&f->unit, module, intern(f->w.atoms, "OtherConfig")));
    assert_null(config_read(&f->unit, module, intern(f->w.atoms, "NoConfig")));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(root_is_the_outermost_package),
        TEST(modules_are_files),
        TEST(tables_are_read),
        TEST(models_are_found),
        TEST(unknown_types_suggest_the_nearest),
        TEST(fields_with_annotations),
        TEST(fields_of_constructors),
        TEST(bases_and_parts),
        TEST(what_is_not_at_hand_is_not_claimed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
