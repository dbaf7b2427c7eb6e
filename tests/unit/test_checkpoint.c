/* test_checkpoint.c - the table of conversions is read as Python would evaluate it, and undone as the library does. */
#include "unit.h"

#include "base/file.h"
#include "rewrite/checkpoint.h"
#include "rewrite/config.h"

static struct world world;
static char folder[] = "/tmp/adgen-checkpoint-XXXXXX";

static int set_up(void **state) {
    (void)state;
    world = world_create();
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    world_destroy(&world);
    return 0;
}

static const char head[] =
    "# a comment with a ' in it\n"
    "_MODEL_TO_CONVERSION_PATTERN = {\n"
    "    # aliases, of types and of classes\n"
    "    \"cousin\": \"toy\",\n"
    "    \"far_cousin\": \"cousin\",\n"
    "    \"own\": \"toy\",\n"
    "}\n\n\n"
    "def _build_checkpoint_conversion_mapping():\n"
    "    mapping = {\n"
    "        \"toy\": [\n"
    "            WeightRenaming(r\"^trunk\\.\", \"model.\"),  # \"mapping[\" in a comment\n"
    "            WeightRenaming(source_patterns=r\"\\.att\\.\", target_patterns=r\"\\.attn\\.\"),\n"
    "        ],\n"
    "        'own': [WeightRenaming(\"head\", \"lm_head\")],\n"
    "        \"legacy\": [WeightRenaming(\"LayerNorm.gamma\", \"LayerNorm.weight\")],\n"
    "    }\n";
static const char tail[] = "    for model_type, base_pattern in _MODEL_TO_CONVERSION_PATTERN.items():\n"
                           "        if model_type in mapping:\n"
                           "            continue\n"
                           "        mapping[model_type] = mapping[base_pattern].copy()\n\n"
                           "    return mapping\n\n\n"
                           "def other():\n"
                           "    mapping = {}\n";

/* The published form of `key` in a model of the type, by a table with some statements more. */
static const char *published(const char *statements, const char *type, const char *cls, const char *key) {
    const char *text = arena_printf(world.arena, "%s%s%s", head, statements, tail);
    world.diags = diags_create(world.arena);
    assert_true(file_write(world.diags, path_join(world.arena, folder, "conversion_mapping.py"), text, strlen(text)));
    struct config config = {.model_type = intern(world.atoms, type)};
    struct module module = {.source = source_of(&world, "x = 1\n")};
    struct node *def = node_new(world.arena, NODE_CLASS);
    struct cls entry = {.name = intern(world.atoms, cls), .def = def, .module = &module};
    atom base = intern(world.atoms, "transformers.PreTrainedModel");
    vec_push(world.arena, &entry.library_bases, base);
    struct unit unit = {.arena = world.arena,
        .atoms = world.atoms,
        .diags = world.diags,
        .parser = world.parser,
        .module = &module,
        .entry = &entry,
        .config = &config,
        .package = {folder, NULL}};
    bool ok;
    struct checkpoint *checkpoint = checkpoint_read(&unit, &ok);
    if (!ok)
        return "refused";
    if (checkpoint == NULL)
        return "own";
    struct published p = checkpoint_publish(checkpoint, key, 0);
    if (p.problem)
        return p.problem;
    return p.converter
               ? arena_printf(world.arena, "%s by %s part %u", p.key, p.converter->operations.at[0].name, p.part)
               : p.key;
}

static void test_lookup(void **state) {
    (void)state;
    assert_string_equal(published("", "none", "X", "model.norm"), "own");
    assert_string_equal(published("", "toy", "X", "model.0.attn.q"), "trunk.0.att.q");
    assert_string_equal(published("", "cousin", "X", "model.0.attn.q"), "trunk.0.att.q");
    assert_string_equal(published("", "far_cousin", "X", "model.norm"), "trunk.norm");
    assert_string_equal(published("", "own", "X", "lm_head.weight"), "head.weight");
    assert_string_equal(
        published("    mapping[\"X\"] = [WeightRenaming(\"out\", \"lm_head\")]\n", "toy", "X", "lm_head.weight"),
        "out.weight");
}

static void test_statements(void **state) {
    (void)state;
    const char *more = "    mapping[\"new\"] = mapping[\"toy\"].copy() + [\n"
                       "        WeightRenaming(\"a\", \"b\"),\n"
                       "    ]\n"
                       "    # mapping[\"new\"] = nothing\n"
                       "    mapping[\"new\"] += mapping[\"own\"].copy()\n"
                       "    mapping[\"own\"] = [*mapping[\"legacy\"]]\n";
    assert_string_equal(published(more, "new", "X", "model.b.weight"), "trunk.a.weight");
    assert_string_equal(published(more, "new", "X", "lm_head.weight"), "head.weight");
    assert_string_equal(published(more, "own", "X", "lm_head.weight"), "lm_head.weight");
    assert_string_equal(published(more, "own", "X", "LayerNorm.weight"), "LayerNorm.gamma");
}

static void test_undoing(void **state) {
    (void)state;
    const char *more =
        "    mapping[\"p\"] = [PrefixChange(prefix_to_remove=\"inner\", model_prefix=\"model\")]\n"
        "    mapping[\"q\"] = [PrefixChange(prefix_to_add=\"inner\", model_prefix=\"model\")]\n"
        "    mapping[\"c\"] = [\n"
        "        WeightConverter(\n"
        "            \"attn.qkv.weight\", [\"attn.q.weight\", \"attn.k.weight\"], operations=[Chunk(dim=0)]\n"
        "        ),\n"
        "        WeightRenaming(r\"\\.h\\.(\\d+)\\.\", r\".layers.\\1.\"),\n"
        "    ]\n"
        "    mapping[\"g\"] = [WeightRenaming(r\"^inner\\.\\1\", r\"^(enc|dec)\")]\n"
        "    mapping[\"s\"] = [WeightRenaming(r\"\\.(m|n)\\.w1\\.\", r\".\\1.gate.\")]\n"
        "    mapping[\"b\"] = [WeightRenaming(\"w\", \"weight\")]\n";
    assert_string_equal(published(more, "p", "X", "model.norm.weight"), "model.inner.norm.weight");
    assert_string_equal(published(more, "p", "X", "lm_head.weight"), "lm_head.weight");
    assert_string_equal(published(more, "q", "X", "model.inner.norm.weight"), "model.norm.weight");
    assert_string_equal(published(more, "s", "X", "a.n.gate.weight"), "a.n.w1.weight");
    assert_string_equal(published(more, "b", "X", "a.weight_scale"), "a.weight_scale");
    assert_string_equal(published(more, "b", "X", "a.weight"), "a.w");
    assert_string_equal(published(more, "c", "X", "m.0.attn.k.weight"), "m.0.attn.qkv.weight by Chunk part 1");
    assert_string_equal(published(more, "g", "X", "enc.norm"), "inner.enc.norm");
}

static void test_refused(void **state) {
    (void)state;
    assert_string_equal(published("    mapping[\"new\"] = build()\n", "new", "X", "a"), "refused");
    assert_string_equal(
        published("    mapping[\"new\"] = [WeightRenaming(PATTERN, \"b\")]\n", "new", "X", "a"), "refused");
    assert_string_equal(
        published("    mapping[\"new\"] = [WeightRenaming(\"(a)*\", \"(b)*\")]\n", "new", "X", "a"), "refused");
    assert_string_equal(published("    for key in KEYS:\n        mapping[key] = []\n", "toy", "X", "a"), "refused");
    assert_string_equal(published("    mapping.update(more)\n", "toy", "X", "a"), "refused");
    assert_string_equal(
        published("    mapping[\"new\"] = [GroupWeightRename([\"a\", \"b\"], [\"b\", \"c\"])]\n", "new", "X", "x.b"),
        "a conversion of this kind is not known");
    assert_string_equal(published("    mapping[\"new\"] = build()\n", "toy", "X", "model.a"), "trunk.a");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_undoing),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
