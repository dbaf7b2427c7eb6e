/* tests.c - the tests of an emitted model.
 *
 * The text is templates/test_modeling.py.in; what depends on the model is put in its @PLACES@: the small configuration,
 * where the reference comes from and what it takes, and the list of blocks. Every class that the model is made of is a
 * block; how near to the reference it has to be follows from the operators in it. */
#include "emit/tests.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "emit/emit.h"
#include "emit/python.h"
#include "emit/small_config.h"
#include "emit/template.h"
#include "rewrite/checkpoint.h"
#include "rewrite/config.h"
#include "rewrite/declined.h"

static const char custom[] = "tensorrt_llm._torch.auto_deploy.models.custom";

/* -- blocks -------------------------------------------------------------------------------------------------------- */

enum kind { OTHER, NORM, ROTARY, MIXTURE, ATTENTION, LAYER };

/* Kind by kind, in bfloat16. */
static const char *const tolerances[] = {"0.01", "0.01", "0.01", "0.02", "0.10", "0.05"};

static bool calls(const struct node *n, const char *prefix) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_ATTRIBUTE && starts_with(n->atom, prefix))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (calls(n->kid[i], prefix))
            return true;
    return false;
}

static const struct node *forward_body(const struct cls *cls) {
    const struct fn *forward = class_method(cls, "forward");
    return forward && forward->live ? forward->body : NULL;
}

/* A method of the class calls an operator of that name. */
static bool has_op(const struct cls *cls, const char *op) {
    for (uint32_t i = 0; i < cls->methods.len; i++) {
        const struct fn *fn = cls->methods.entry[i].value;
        if (fn->live && calls(fn->body, op))
            return true;
    }
    return false;
}

static bool value_has(const struct absval *abs, const char *op, int depth);

/* The class or a module that it holds calls it. */
static bool holds_op(const struct cls *cls, const char *op, int depth) {
    if (depth > 6)
        return false;
    if (has_op(cls, op) || (cls->items && value_has(cls->items, op, depth)))
        return true;
    for (uint32_t i = 0; i < cls->attrs.len; i++) {
        const struct attr *attr = cls->attrs.entry[i].value;
        if (attr->live && value_has(attr->abs, op, depth))
            return true;
    }
    return false;
}

static bool value_has(const struct absval *abs, const char *op, int depth) {
    if (abs == NULL)
        return false;
    if (abs->kind == ABS_INSTANCE)
        return holds_op(abs->cls, op, depth + 1);
    if (abs->kind == ABS_SEQ)
        return value_has(abs->element, op, depth);
    if (abs->kind == ABS_UNION)
        for (uint32_t i = 0; i < abs->count; i++)
            if (value_has(abs->item[i].abs, op, depth))
                return true;
    return false;
}

static enum kind kind_of(const struct cls *cls) {
    static const char *const attention[] = {"torch_attention", "torch_mla"};
    for (size_t i = 0; i < 2; i++)
        if (has_op(cls, attention[i]))
            return ATTENTION;
    for (size_t i = 0; i < 2; i++)
        if (holds_op(cls, attention[i], 0))
            return LAYER;
    if (holds_op(cls, "torch_moe", 0) || has_op(cls, "topk"))
        return MIXTURE;
    if (has_op(cls, "torch_rmsnorm"))
        return NORM;
    return calls(forward_body(cls), "_ad_") ? ROTARY : OTHER;
}

/* The layout of the table is the source's: nothing is joined to itself here that is not there, or the other way. */
static bool keeps_layout(const struct cls *cls) {
    const struct fn *init = class_method(cls, "__init__");
    return calls(cls->def, "cat") == (calls(forward_body(cls), "cat") || (init && calls(init->body, "cat")));
}

static bool is_value_of(const struct absval *abs, const struct cls *cls) {
    if (abs->kind == ABS_UNION)
        for (uint32_t i = 0; i < abs->count; i++)
            if (is_value_of(abs->item[i].abs, cls))
                return true;
    return abs->kind == ABS_SEQ ? is_value_of(abs->element, cls) : abs->kind == ABS_INSTANCE && abs->cls == cls;
}

/* The source has it where the output has it: a module can have been moved out of the layers. */
static bool is_in_source(const struct unit *unit, const struct cls *cls) {
    for (uint32_t i = 0; i < unit->classes.len; i++) {
        const struct cls *holder = unit->classes.at[i];
        for (uint32_t k = 0; k < holder->attrs.len; k++) {
            const struct attr *attr = holder->attrs.entry[k].value;
            if (attr->live && is_value_of(attr->abs, cls) && calls(holder->def, attr->own ? attr->own : attr->name))
                return true;
        }
    }
    return false;
}

static bool is_block(const struct emitter *e, const struct cls *cls) {
    return cls->live && cls != e->model && cls != e->unit->entry && cls != e->base &&
           !class_derives(cls, "PreTrainedModel") && forward_body(cls) != NULL &&
           (kind_of(cls) != ROTARY || (keeps_layout(cls) && is_in_source(e->unit, cls)));
}

/* "DecoderLayer" as "decoder_layer", "RMSNorm" as "rms_norm", "MoE" as "moe": the name behind the model's. */
static const char *block_name(const struct emitter *e, const struct cls *cls) {
    struct buf out = {0};
    const char *name = starts_with(cls->name, e->prefix) ? cls->name + strlen(e->prefix) : cls->name;
    for (const char *at = name; *at; at++) {
        bool starts = isupper((unsigned char)*at) && at > name && at[-1] != '_' && at[1] != '\0' &&
                      (islower((unsigned char)at[-1]) || islower((unsigned char)at[1]));
        if (starts)
            buf_putc(&out, '_');
        if (*at != '_' || at > name)
            buf_putc(&out, (char)tolower((unsigned char)*at));
    }
    const char *found = arena_printf(e->unit->arena, "%s", out.at ? out.at : "block");
    buf_free(&out);
    return found;
}

static void emit_title(struct buf *out, const char *title) {
    static const char line[] = "# ---------------------------------------------------------------------------\n";
    buf_printf(out, "%s# %s\n%s\n\n", line, title, line);
}

static void emit_level(const struct emitter *e, bool layers, struct buf *out) {
    bool any = false;
    for (uint32_t i = 0; i < e->unit->classes.len; i++) {
        const struct cls *cls = e->unit->classes.at[i];
        enum kind kind = is_block(e, cls) ? kind_of(cls) : OTHER;
        if (!is_block(e, cls) || (kind == LAYER) != layers)
            continue;
        if (!any)
            emit_title(out, layers ? "Level 2: decoder layers" : "Level 1: blocks");
        any = true;
        buf_printf(out,
            "@_shapes\n@_dtypes\n@torch.no_grad()\ndef test_%s(B, S, dtype):\n    _check_blocks(%s, B, S, dtype, "
            "%s)\n\n\n",
            block_name(e, cls), cls->name, tolerances[kind]);
    }
}

/* -- imports ------------------------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b) {
    return compare_names(*(const char *const *)a, *(const char *const *)b);
}

static void emit_import(const char *module, const char **names, uint32_t count, struct buf *out) {
    qsort(names, count, sizeof *names, by_name);
    buf_printf(out, "from %s import ", module);
    for (uint32_t i = 0; i < count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", names[i]);
    buf_puts(out, "\n");
}

/* The reference's configuration class, imported where the name of its module belongs. */
static const char *config_import(const struct unit *u, bool before_torch) {
    const char *module = u->config->module->name;
    if ((strcmp(module, "torch") < 0) != before_torch)
        return "";
    return arena_printf(u->arena, "from %s import %s\n", module, u->config_class);
}

static void emit_test_imports(struct emitter *e, const char *module, struct buf *out) {
    struct unit *u = e->unit;
    VEC(const char *) names = {0};
    vec_push(u->arena, &names, e->entry_name);
    for (uint32_t i = 0; i < u->classes.len; i++)
        if (is_block(e, u->classes.at[i]))
            vec_push(u->arena, &names, u->classes.at[i]->name);
    buf_puts(out, config_import(u, false));
    buf_puts(out, "\nfrom tensorrt_llm._torch.auto_deploy.export import torch_export_to_gm\n");
    emit_import(arena_printf(u->arena, "%s.%s", custom, module), names.at, names.len, out);
    buf_puts(out, "from tensorrt_llm._torch.auto_deploy.utils._graph import move_to_device\n");
}

/* -- the reference ------------------------------------------------------------------------------------------------- */

/* Whether forward of the source's entry has a parameter. */
static bool takes(const struct unit *unit, const char *name) {
    const struct fn *forward = class_method(unit->entry, "forward");
    const struct node *params = function_params(forward->def);
    for (uint32_t i = 0; i < params->nkids; i++)
        if (params->kid[i]->atom && atom_is(params->kid[i]->atom, name))
            return true;
    return false;
}

static const char names_begin[] =
    "# Names of modules in the published checkpoint, and in transformers.\n_HF_NAMES = {\n";
static const char hf_path[] = "def _hf_path(path):\n"
                              "    return \".\".join(_HF_NAMES.get(name, name) for name in path.split(\".\"))\n\n\n";

/* Modules that are called otherwise in the source: their names there. */
static void emit_own_names(const struct unit *unit, struct buf *out) {
    bool any = false;
    for (uint32_t i = 0; i < unit->classes.len; i++)
        for (uint32_t k = 0; k < unit->classes.at[i]->attrs.len; k++) {
            const struct attr *attr = unit->classes.at[i]->attrs.entry[k].value;
            if (attr->own == NULL || attr->own == attr->name)
                continue;
            buf_printf(out, "%s    \"%s\": \"%s\",\n", any ? "" : names_begin, attr->name, attr->own);
            any = true;
        }
    buf_puts(out, any ? "}\n\n\n" : "");
    if (any)
        buf_puts(out, hf_path);
}

static bool raises(const struct node *n) {
    if (n == NULL || n->kind == NODE_RAISE)
        return n != NULL;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (raises(n->kid[i]))
            return true;
    return false;
}

/* `if ... field ...: raise` somewhere below: a value of the field is refused. */
static bool refuses(const struct node *n, const char *field) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_IF && calls(n->kid[0], field) && raises(n->kid[1]))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (refuses(n->kid[i], field))
            return true;
    return false;
}

/* The library renames and merges weights when it loads them: its own way back. */
static const char convert[] =
    "def _published_state_dict(hf_model):\n"
    "    \"\"\"The weights as the checkpoint has them: transformers renames or merges some on loading.\"\"\"\n"
    "    try:\n"
    "        from transformers.conversion_mapping import get_model_conversion_mapping\n"
    "        from transformers.core_model_loading import revert_weight_conversion\n"
    "    except ImportError:  # transformers 4 does neither\n"
    "        return hf_model.state_dict()\n"
    "    conversions = get_model_conversion_mapping(hf_model, add_legacy=False)\n"
    "    hf_model._weight_conversions = conversions\n"
    "    return revert_weight_conversion(hf_model, hf_model.state_dict())\n\n\n";

/* A module that lies beside the tests may be found before the source. */
static const char guard[] = "    assert inspect.getfile(model_class) != inspect.getfile(%s), \"no reference\"\n";

static const char load_own[] = "model.load_state_dict(hf_model.state_dict())";
/* What a checkpoint does not hold may be left over: had the reference read it, its logits would be others. */
static const char load_published[] =
    "missing, _ = model.load_state_dict(_published_state_dict(hf_model), strict=False)\n"
    "    assert not missing";

static const char tied_begin[] =
    "@_shapes\n"
    "@torch.no_grad()\n"
    "def test_tied_head(B, S):\n"
    "    \"\"\"With tied embeddings, of which the checkpoint has one, the head is the embedding.\"\"\"\n";
/* Transformers 5 wants a dictionary. */
static const char tied_by_list[] =
    "    try:\n"
    "        _build_hf_model(_create_small_config(tie_word_embeddings=True), torch.float32)\n"
    "    except AttributeError as error:\n"
    "        pytest.skip(f\"transformers cannot tie the weights of the reference: {error}\")\n";
static const char tied_end[] =
    "    hf_model, model = _build_models(torch.float32, tie_word_embeddings=True)\n"
    "    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight\n"
    "    inputs = _create_inputs(B, S)\n"
    "    expected = hf_model(**_hf_inputs(inputs)).logits\n"
    "    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, \"logits: \")\n\n\n";

/* The test of a head that may be tied; "" where it may not. */
static const char *tied_test(const struct emitter *e) {
    struct unit *u = e->unit;
    const struct node *keys = map_get(&u->entry->class_attrs, intern(u->atoms, "_tied_weights_keys"));
    if (keys == NULL || e->head_attr == NULL || refuses(u->config->def, "tie_word_embeddings"))
        return "";
    return arena_printf(u->arena, "%s%s%s", tied_begin, keys->kind == NODE_LIST ? tied_by_list : "", tied_end);
}

/* -- flags of the configuration ------------------------------------------------------------------------------------ */

static const char flags_begin[] = "@pytest.mark.parametrize(\"field\", [";
static const char flags_end[] =
    "])\n"
    "@torch.no_grad()\n"
    "def test_other_setting(field):\n"
    "    \"\"\"A flag of the configuration has the other value.\"\"\"\n"
    "    changes = {field: not getattr(_create_small_config(), field)}\n"
    "    try:\n"
    "        _create_small_config(**changes)\n"
    "    except Exception as refusal:\n"
    "        pytest.skip(f\"the configuration refuses it: {refusal}\")\n"
    "    hf_model, model = _build_models(torch.float32, **changes)\n"
    "    inputs = _create_inputs(1, 8)\n"
    "    expected = hf_model(**_hf_inputs(inputs)).logits\n"
    "    _assert_close(model(**inputs).logits, expected, torch.float32, 0.05, \"logits: \")\n\n\n";

static bool is_flag(const struct node *dflt) {
    return is_kind(dflt, NODE_CONST) && (dflt->op == OP_TRUE || dflt->op == OP_FALSE);
}

/* Flags that the model reads and takes either way. Whether the head is tied has a test of its own. */
static void emit_flags(struct unit *unit, struct buf *out) {
    const struct config *config = unit->config;
    const struct choice *declined = declined_choice(unit);
    struct map reads = {0};
    bool any = false;
    config_reads(unit, false, &reads);
    for (uint32_t i = 0; i < config->fields.len; i++) {
        atom field = config->fields.entry[i].key;
        if (!is_flag(config->fields.entry[i].value) || !map_has(&reads, field) ||
            atom_is(field, "tie_word_embeddings") || (declined && declined->field == field))
            continue;
        buf_printf(out, "%s\"%s\"", any ? ", " : flags_begin, field);
        any = true;
    }
    buf_puts(out, any ? flags_end : "");
}

/* -- the file ------------------------------------------------------------------------------------------------------ */

static bool can_compare(struct unit *unit) {
    if (unit->config)
        return true;
    diag_at(unit->diags, SEVERITY_ERROR, unit->module->source, unit->entry->def->span, "tests",
        "no tests can be made of `%s`: its configuration class is not at hand", unit->entry->name);
    return false;
}

bool emit_tests(struct unit *unit, const char *module, struct buf *out) {
    struct emitter e = {.unit = unit};
    if (!can_compare(unit))
        return false;
    name_entry(&e);
    find_roles(&e);
    bool ok;
    bool converts = checkpoint_read(unit, &ok) != NULL;
    struct buf imports = {0}, config = {0}, blocks = {0}, names = {0}, flags = {0};
    emit_test_imports(&e, module, &imports);
    emit_small_config(unit, &config);
    emit_level(&e, false, &blocks);
    emit_level(&e, true, &blocks);
    emit_own_names(unit, &names);
    emit_flags(unit, &flags);
    const char *inputs = takes(unit, "position_ids") ? "**inputs" : "\"input_ids\": inputs[\"input_ids\"]";
    const struct place places[] = {
        {"PREFIX", e.prefix},
        {"HF_ENTRY", unit->entry->name},
        {"HF_MODULE", unit->module->name},
        {"ENTRY", e.entry_name},
        {"IMPORTS", imports.at},
        {"CONFIG", config.at},
        {"OWN", unit->bundle ? arena_printf(unit->arena, "%s.config_class, ", e.entry_name) : ""},
        {"CONFIG_IMPORT", config_import(unit, true)},
        {"GUARD", unit->module->package ? "" : arena_printf(unit->arena, guard, e.entry_name)},
        {"STATE", converts ? convert : ""},
        {"LOAD", converts ? load_published : load_own},
        {"EAGER", unit->names_activation ? "    config._experts_implementation = \"eager\"\n" : ""},
        {"HF_INPUTS", arena_printf(unit->arena, "{%s, \"attention_mask\": attention_mask%s}", inputs,
                          takes(unit, "use_cache") ? ", \"use_cache\": False" : "")},
        {"NAMES", names.len ? names.at : ""},
        {"HF_PATH", names.len ? "_hf_path(path)" : "path"},
        {"BLOCKS", blocks.at},
        {"FLAGS", flags.len ? flags.at : ""},
        {"TIED", tied_test(&e)},
        {NULL, NULL},
    };
    struct buf text = {0};
    template_fill(&text, "templates/test_modeling.py.in", places);
    struct node *tests = node_new(unit->arena, NODE_MODULE);
    append_python(&e, tests, "%s", text.at);
    emit_licence(unit, out);
    print_python(out, tests);
    buf_free(&text);
    struct buf *const made[] = {&imports, &config, &blocks, &names, &flags};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        buf_free(made[i]);
    return true;
}
