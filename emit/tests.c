/* tests.c - the tests of an emitted model.
 *
 * The text is templates/test_modeling.py.in; what depends on the model is put in its @PLACES@: the small configuration,
 * where the reference comes from and what it takes, and the list of blocks. Every class that the model is made of is a
 * block; how near to the reference it has to be follows from the operators in it. */
#include "emit/tests.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/emit.h"
#include "emit/python.h"
#include "emit/reference.h"
#include "emit/small_config.h"
#include "emit/template.h"
#include "rewrite/checkpoint.h"
#include "rewrite/config.h"
#include "rewrite/declined.h"

static const char custom[] = "tensorrt_llm._torch.auto_deploy.models.custom";
static const char tested[] = "custom"; /* the module under test, where its classes have the names of copies */

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
    return cls->live && !cls->other_interface && cls != e->model && cls != e->unit->entry && cls != e->base &&
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

static void emit_level(const struct emitter *e, const char *of, bool layers, struct buf *out) {
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
            "@_shapes\n@_dtypes\n@torch.no_grad()\ndef test_%s(B, S, dtype):\n    _check_blocks(%s%s, B, S, dtype, "
            "%s)\n\n\n",
            block_name(e, cls), of, cls->name, tolerances[kind]);
    }
}

/* -- imports ------------------------------------------------------------------------------------------------------- */

static void import(struct unit *u, struct imports *imports, const char *module, const char *name, const char *asname) {
    import_add(u, imports, intern(u->atoms, module), name ? intern(u->atoms, name) : NULL,
        asname ? intern(u->atoms, asname) : NULL);
}

/* What the text of the template uses. */
static void import_tools(struct unit *u, struct imports *imports) {
    static const struct {
        const char *module, *name;
    } tools[] = {{"copy", NULL}, {"inspect", NULL}, {"pytest", NULL}, {"torch", NULL},
        {"_model_test_utils", "assert_rmse_close"}, {"torch.export", "Dim"},
        {"tensorrt_llm._torch.auto_deploy.export", "torch_export_to_gm"},
        {"tensorrt_llm._torch.auto_deploy.utils._graph", "move_to_device"}};
    for (size_t i = 0; i < sizeof tools / sizeof tools[0]; i++)
        import(u, imports, tools[i].module, tools[i].name, NULL);
}

/* The classes under test. Copies of the source have the same names: then these are read from their module. */
static void import_tested(
    const struct emitter *e, const struct reference *copy, const char *module, struct imports *imports) {
    struct unit *u = e->unit;
    if (copy) {
        import(u, imports, custom, module, tested);
        return;
    }
    const char *from = arena_printf(u->arena, "%s.%s", custom, module);
    import(u, imports, from, e->entry_name, NULL);
    for (uint32_t i = 0; i < u->classes.len; i++)
        if (is_block(e, u->classes.at[i]))
            import(u, imports, from, u->classes.at[i]->name, NULL);
    import(u, imports, u->config->module->name, u->config_class, NULL);
}

static void emit_test_imports(
    const struct emitter *e, const struct reference *copy, const char *module, struct buf *out) {
    struct unit *u = e->unit;
    struct imports imports = {0};
    for (uint32_t i = 0; copy && i < copy->imports.list.len; i++)
        vec_push(u->arena, &imports.list, copy->imports.list.at[i]);
    import_tools(u, &imports);
    import_tested(e, copy, module, &imports);
    struct node *all = node_new(u->arena, NODE_MODULE), *block = import_block(u, &imports);
    for (uint32_t i = 0; i < block->nkids; i++)
        node_add(u->arena, all, block->kid[i]);
    print_python(out, all);
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

static const char get_class[] = "def _get_hf_model_class():\n"
                                "    try:\n"
                                "        from %s import %s\n"
                                "    except ImportError:\n"
                                "        return None\n"
                                "    return %s\n\n\n";
static const char find_class[] = "    model_class = _get_hf_model_class()\n"
                                 "    if model_class is None:\n"
                                 "        pytest.skip(\"transformers does not have %s\")\n";
/* A module that lies beside the tests may be found before the source. */
static const char guard[] = "    assert inspect.getfile(model_class) != inspect.getfile(%s), \"no reference\"\n";

static const char *finding(const struct emitter *e) {
    struct unit *u = e->unit;
    const char *found = arena_printf(u->arena, find_class, u->entry->name);
    return u->module->package ? found
                              : arena_printf(u->arena, "%s%s", found, arena_printf(u->arena, guard, e->entry_name));
}

/* A library that has the configuration class is taken to have the model, too: the review is told that it has not. */
static void excuse_copy(struct unit *u, const struct reference *copy) {
    bool known = starts_with(u->config->module->name, "transformers.");
    for (uint32_t i = 0; known && i < copy->definitions->nkids; i++) {
        struct node *n = copy->definitions->kid[i];
        if (n->kind != NODE_CLASS || !calls(n->kid[0], "Module") ||
            !(calls(n, "Linear") || calls(n, "Parameter") || calls(n, "Embedding")))
            continue;
        if (n->comments == NULL)
            n->comments = NEW(u->arena, struct comments);
        const char *comment = "# adgen: ignore[F4] of this model, transformers has the configuration alone";
        vec_push(u->arena, &n->comments->leading, intern(u->atoms, comment));
        return;
    }
}

/* The definitions of the source, under a title that says so. */
static void emit_copy(struct unit *u, const struct reference *copy, struct buf *out) {
    excuse_copy(u, copy);
    struct buf title = {0};
    buf_printf(&title, "Reference: from %s, unchanged but for docstrings", copy->files);
    emit_title(out, title.at);
    print_python_wrapped(out, copy->definitions, NULL);
    buf_puts(out, "\n\n");
    buf_free(&title);
}

static const char load_own[] = "model.load_state_dict(hf_model.state_dict())";
/* Of a model of several modalities the text model has no use for the others' weights. */
static const char load_part[] = "missing, _ = model.load_state_dict(hf_model.state_dict(), strict=False)\n"
                                "    assert not missing";
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
    bool none = is_kind(keys, NODE_DICT) && keys->nkids == 0; /* the library ties nothing */
    if (keys == NULL || none || e->head_attr == NULL || refuses(u->config->def, "tie_word_embeddings"))
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
    "    try:\n"
    "        hf_model, model = _build_models(torch.float32, **changes)\n"
    "    except NotImplementedError as refusal:\n"
    "        pytest.skip(f\"the model refuses it: {refusal}\")\n"
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

/* Tests with the reference that they are given, or (NULL) import. */
static struct node *make_tests(struct emitter *e, const char *module, const struct reference *copy) {
    struct unit *unit = e->unit;
    struct arena *arena = unit->arena;
    bool ok;
    bool converts = checkpoint_read(unit, &ok) != NULL;
    struct buf imports = {0}, reference = {0}, config = {0}, blocks = {0}, names = {0}, flags = {0};
    const char *of = copy ? arena_printf(arena, "%s.", tested) : "", *hf = unit->entry->name;
    const char *entry = arena_printf(arena, "%s%s", of, e->entry_name);
    emit_test_imports(e, copy, module, &imports);
    if (copy)
        emit_copy(unit, copy, &reference);
    emit_small_config(unit, &config);
    emit_level(e, of, false, &blocks);
    emit_level(e, of, true, &blocks);
    emit_own_names(unit, &names);
    emit_flags(unit, &flags);
    const char *inputs = takes(unit, "position_ids") ? "**inputs" : "\"input_ids\": inputs[\"input_ids\"]";
    const struct place places[] = {
        {"PREFIX", e->prefix},
        {"ORIGIN", copy ? arena_printf(arena, "The reference is %s of %s, copied below,", hf,
                              path_base(unit->module->source->path))
                        : arena_printf(arena, "The reference is Hugging Face's %s", hf)},
        {"ENTRY", entry},
        {"IMPORTS", imports.at},
        {"REFERENCE", copy ? reference.at : ""},
        {"CONFIG", config.at},
        {"OWN", unit->bundle ? arena_printf(arena, "%s.config_class, ", entry) : ""},
        {"GET_CLASS", copy ? "" : arena_printf(arena, get_class, unit->module->name, hf, hf)},
        {"FIND_CLASS", copy ? "" : finding(e)},
        {"HF_CLASS", copy ? hf : "model_class"},
        {"STATE", converts ? convert : ""},
        {"LOAD", converts             ? load_published
                 : unit->left_out.len ? load_part
                                      : load_own},
        {"EAGER", unit->names_activation ? "    config._experts_implementation = \"eager\"\n" : ""},
        {"HF_INPUTS", arena_printf(arena, "{%s, \"attention_mask\": attention_mask%s}", inputs,
                          takes(unit, "use_cache") ? ", \"use_cache\": False" : "")},
        {"NAMES", names.len ? names.at : ""},
        {"HF_PATH", names.len ? "_hf_path(path)" : "path"},
        {"VALUE", unit->axes_joined ? "value[0] if value.dim() > old.dim() else value  # of all axes" : "value"},
        {"BLOCKS", blocks.at},
        {"FLAGS", flags.len ? flags.at : ""},
        {"TIED", tied_test(e)},
        {NULL, NULL},
    };
    struct buf text = {0};
    template_fill(&text, "templates/test_modeling.py.in", places);
    struct node *tests = node_new(arena, NODE_MODULE);
    struct emitter verbatim = {.unit = unit, .prefix = ""}; /* comments of the source may hold the model's prefix */
    append_python(&verbatim, tests, "%s", text.at);
    buf_free(&text);
    struct buf *const made[] = {&imports, &reference, &config, &blocks, &names, &flags};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        buf_free(made[i]);
    return tests;
}

bool emit_tests(struct unit *unit, const char *module, struct buf *out, bool *copied) {
    struct emitter e = {.unit = unit};
    struct reference copy;
    if (!can_compare(unit))
        return false;
    name_entry(&e);
    find_roles(&e);
    struct node *tests = NULL;
    if (!reference_is_installed(unit) && reference_copy(unit, &copy))
        tests = make_tests(&e, module, &copy);
    if (tests && !reference_stands_in(unit, &copy, tests))
        tests = NULL;
    if (copied)
        *copied = tests != NULL;
    if (tests == NULL)
        tests = make_tests(&e, module, NULL);
    emit_licence(unit, out);
    print_python_wrapped(out, tests, NULL);
    return true;
}
