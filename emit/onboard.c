/* onboard.c - plans an onboarding and gathers its texts: see onboard.h.
 *
 * Reads a translation and, where there is one, the checkout that it goes to. Writes nothing. */
#include "emit/onboard.h"

#include <ctype.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/coverage.h"
#include "emit/emit.h"
#include "emit/onboard_plan.h"
#include "emit/tests.h"

static const char models[] = "tensorrt_llm/_torch/auto_deploy/models/custom";
static const char native_models[] = "tensorrt_llm/_torch/models";
static const char registry[] = "examples/auto_deploy/model_registry";
static const char internal_registry[] = "tensorrt_llm/_torch/auto_deploy/config/model_registry_internal";
static const char cookbooks[] = "examples/auto_deploy/cookbooks";
static const char matrix[] = "docs/source/models/supported-models.md";
/* The tests of models, where they are and where they were. */
static const char tests_now[] = "tests/unittest/auto_deploy/singlegpu/models";
static const char tests_once[] = "tests/unittest/_torch/auto_deploy/unit/singlegpu/models";

/* -- names --------------------------------------------------------------------------------------------------------- */

static const char *lower(struct arena *arena, const char *text, const char *from, char to) {
    char *copy = arena_strndup(arena, text, strlen(text));
    for (char *at = copy; *at != '\0'; at++)
        *at = strchr(from, *at) ? to : (char)tolower((unsigned char)*at);
    return copy;
}

static bool in_checkout(const struct plan *p, const char *path) {
    return p->request->checkout && dir_exists(path_join(p->arena, p->request->checkout, path));
}

static void name_paths(struct plan *p) {
    struct arena *arena = p->arena;
    const char *module = p->request->module, *name = module + strlen("modeling_");
    const char *tests = in_checkout(p, tests_once) && !in_checkout(p, tests_now) ? tests_once : tests_now;
    p->model_path = arena_printf(arena, "%s/%s.py", models, module);
    p->test_path = arena_printf(arena, "%s/test_%s_modeling.py", tests, name);
    if (p->id == NULL)
        return;
    p->title = strchr(p->id, '/') + 1;
    const char *stem = lower(arena, p->title, "", ' ');
    p->config_path = arena_printf(arena, "%s/configs/%s.yaml", registry, stem);
    if (p->split)
        p->internal_path = arena_printf(arena, "%s/configs/%s_ad.yaml", internal_registry, stem);
    p->cookbook_path = arena_printf(arena, "%s/%s_trtllm_cookbook.ipynb", cookbooks, lower(arena, p->title, "-", '_'));
    p->registry = (struct listed_model){.name = p->id,
        .config_id = lower(arena, p->title, ".-", '_'),
        .config = path_base(p->config_path),
        .internal = p->split ? path_base(p->internal_path) : NULL};
    p->row = (struct matrix_row){
        .architecture = p->entry, .model = p->title, .example = p->id, .config = p->native ? NULL : p->config_path};
}

/* A model of the PyTorch backend is registered for the class. */
static bool is_native(const struct plan *p) {
    const char *folder = path_join(p->arena, p->request->checkout, native_models);
    const char *call = arena_printf(p->arena, "register_auto_model(\"%s\"", p->entry);
    struct buf text = {0};
    uint32_t count;
    char **names = dir_list(p->arena, folder, &count);
    bool found = false;
    for (uint32_t i = 0; i < count && !found; i++)
        found = ends_with(names[i], ".py") && file_load(path_join(p->arena, folder, names[i]), &text) && text.len &&
                strstr(text.at, call) != NULL;
    buf_free(&text);
    return found;
}

/* -- files --------------------------------------------------------------------------------------------------------- */

static bool refuse(struct plan *p, const char *path, const char *why, const char *help) {
    struct diag *diag = diag_at(p->unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: %s", path, why);
    if (help)
        diag_help(p->unit->diags, diag, "%s", help);
    return false;
}

/* A file as it is now and as it is to be. What is there but cannot be read is nothing to replace. */
static bool add_change(struct plan *p, const char *root, const char *name, const char *text) {
    struct change change = {.path = path_join(p->arena, root, name), .name = name, .text = text, .len = strlen(text)};
    struct buf before = {0};
    if (file_load(change.path, &before)) {
        change.before_len = before.len;
        change.before = buf_keep(&before, p->arena);
    } else if (file_exists(change.path)) {
        return refuse(p, change.path, "cannot be read", NULL);
    }
    vec_push(p->arena, &p->made->files, change);
    return true;
}

static const char *root_of(const struct plan *p) {
    return p->request->checkout ? p->request->checkout : p->request->folder;
}

static bool add_file(struct plan *p, const char *name, const char *text) {
    return add_change(p, root_of(p), name, text);
}

/* -- lists --------------------------------------------------------------------------------------------------------- */

static bool edit_package(struct plan *p, struct edits *edits) {
    return into_package(p->unit, p->request->module, p->entry, edits);
}
static bool edit_registry(struct plan *p, struct edits *edits) {
    return into_registry(p->unit, &p->registry, edits);
}
static bool edit_matrix(struct plan *p, struct edits *edits) {
    return into_matrix(p->unit, &p->row, edits) && (!p->request->key_model || into_features(p->unit, &p->row, edits));
}

/* One list of the checkout with what is missing in it. */
static bool edit_list(struct plan *p, const char *name, bool (*edit)(struct plan *, struct edits *)) {
    struct unit *u = p->unit;
    struct buf raw = {0}, text = {0};
    const char *path = path_join(p->arena, p->request->checkout, name);
    if (!file_load(path, &raw))
        return file_exists(path)
                   ? refuse(p, path, "cannot be read", NULL)
                   : refuse(p, path, "there is no such file", "--into takes the root of a checkout of TensorRT-LLM");
    struct edits edits = {.arena = p->arena,
        .updates = p->request->updates,
        .source = source_from_text(p->arena, u->atoms, u->diags, path, raw.at ? raw.at : "", raw.len)};
    bool ok = edits.source && edit(p, &edits) && edits_apply(&edits, u->diags, &raw, &text);
    struct change change = {.path = path, .name = name, .before_len = raw.len, .len = text.len};
    change.before = buf_keep(&raw, p->arena);
    change.text = buf_keep(&text, p->arena);
    if (ok)
        vec_push(p->arena, &p->made->lists, change);
    return ok;
}

static bool has_file(const struct plan *p, const char *path) {
    return file_exists(path_join(p->arena, p->request->checkout, path));
}

static bool edit_lists(struct plan *p) {
    const char *internal = arena_printf(p->arena, "%s/models.yaml", internal_registry);
    if (!edit_list(p, arena_printf(p->arena, "%s/__init__.py", models), edit_package))
        return false;
    if (p->id == NULL)
        return true;
    const char *list = arena_printf(p->arena, "%s/models.yaml", registry);
    bool moved = has_file(p, internal); /* then the other one may be gone */
    return (!moved || edit_list(p, internal, edit_registry)) &&
           ((moved && !has_file(p, list)) || edit_list(p, list, edit_registry)) && edit_list(p, matrix, edit_matrix);
}

/* Of two models that are registered for a configuration class, the one that is imported last is served. */
static bool find_rivals(struct plan *p) {
    struct coverage found = {0};
    const struct coverage_request wanted = {
        .checkout = p->request->checkout, .config_class = p->unit->config_class, .entry = p->entry};
    if (!coverage_survey(p->unit, &wanted, &found))
        return false;
    for (uint32_t i = 0; i < found.custom.len; i++) {
        const struct custom_model *other = &found.custom.at[i];
        if (other->config_class && strcmp(other->file, path_base(p->model_path)) != 0)
            vec_push(p->arena, &p->made->rivals,
                arena_printf(p->arena, "%s:%u: %s is registered for %s already",
                    path_join(p->arena, path_join(p->arena, p->request->checkout, models), other->file), other->line,
                    other->head ? other->head : "a model", other->config_class));
    }
    return true;
}

/* -- all ----------------------------------------------------------------------------------------------------------- */

static bool make_model(struct plan *p, const struct adgen_result *translation) {
    struct buf tests = {0};
    p->code = translation->text.at;
    if (!emit_tests(p->unit, p->request->module, &tests, &p->copied))
        return false;
    p->tests = buf_keep(&tests, p->arena);
    review_made(p, translation->adgen);
    return add_file(p, p->model_path, p->code) && add_file(p, p->test_path, p->tests);
}

/* What takes the name that the model is published under. */
static bool make_published(struct plan *p) {
    struct buf user = {0}, internal = {0}, cookbook = {0};
    emit_settings(p, &user, &internal);
    emit_cookbook(p, &cookbook);
    const char *settings = buf_keep(&user, p->arena), *apart = buf_keep(&internal, p->arena);
    const char *notebook = buf_keep(&cookbook, p->arena);
    return add_file(p, p->config_path, settings) && (!p->split || add_file(p, p->internal_path, apart)) &&
           add_file(p, p->cookbook_path, notebook);
}

/* What people are told, beside the tree. */
static bool make_texts(struct plan *p) {
    struct buf report = {0}, text = {0};
    emit_onboard_report(p, &report);
    emit_pull_request(p, &text);
    const char *told = buf_keep(&report, p->arena), *asked = buf_keep(&text, p->arena);
    return add_change(p, p->request->folder, "ONBOARDING.md", told) &&
           add_change(p, p->request->folder, "PULL_REQUEST.md", asked);
}

const char *onboard_withheld(const struct adgen_result *translation, const char *hf_id) {
    if (translation->unit->prefill_only)
        return "AutoDeploy cannot generate with the model";
    return hf_id ? NULL : "they take the name that the model is published under, --hf-id ORG/NAME";
}

bool onboard(
    const struct adgen_result *translation, const struct onboard_request *request, struct onboarding *onboarding) {
    struct unit *unit = translation->unit;
    struct emitter names = {.unit = unit};
    *onboarding = (struct onboarding){0};
    struct plan plan = {.unit = unit, .arena = unit->arena, .request = request, .made = onboarding};
    struct plan *p = &plan;
    p->withheld = onboard_withheld(translation, request->hf_id);
    p->id = p->withheld ? NULL : request->hf_id;
    name_entry(&names);
    p->prefix = names.prefix;
    p->entry = names.entry_name;
    p->split = request->layout == LAYOUT_AS_FOUND ? in_checkout(p, internal_registry) : request->layout == LAYOUT_SPLIT;
    p->native = request->checkout && is_native(p);
    name_paths(p);
    find_facts(p);
    return make_model(p, translation) && (request->checkout == NULL || (edit_lists(p) && find_rivals(p))) &&
           (p->id == NULL || make_published(p)) && (request->folder == NULL || make_texts(p));
}
