/* coverage.c - see coverage.h. The registry and the support matrix: coverage_registry.c. */
#include "emit/coverage.h"

#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/coverage_registry.h"
#include "emit/words.h"
#include "parser/parse.h"

#define CUSTOM "tensorrt_llm/_torch/auto_deploy/models/custom"

struct reader {
    struct unit *unit;
    const struct coverage_request *request;
    struct coverage *out;
    struct source *source; /* of the file that is read */
    struct custom_model *model;
};

/* -- modeling files ------------------------------------------------------------------------------------------------ */

/* A broken file is one that cannot be read; its diagnostics are nobody's business here. */
static struct node *parse_file(struct reader *r, const char *path) {
    struct diags *diags = diags_create(r->unit->arena);
    r->source = source_read(r->unit->arena, r->unit->atoms, diags, path);
    struct node *tree =
        r->source ? parse_module(r->unit->parser, r->unit->arena, r->unit->atoms, diags, r->source) : NULL;
    if (tree == NULL)
        vec_push(r->unit->arena, &r->out->unreadable, path_base(path));
    return tree;
}

/* A string, or X.__name__. */
static const char *text_of(struct reader *r, const struct node *n) {
    if (is_kind(n, NODE_STRING))
        return string_value(r->unit->atoms, n);
    bool name = is_kind(n, NODE_ATTRIBUTE) && atom_is(n->atom, "__name__") && n->kid[0]->kind == NODE_NAME;
    return name ? n->kid[0]->atom : NULL;
}

static bool same_text(const char *a, const char *b) {
    return a && b && strcmp(a, b) == 0;
}

static uint32_t line_of(const struct reader *r, const struct node *n) {
    return source_locate(r->source, n->span.start).line;
}

static void look_at_call(struct reader *r, const struct node *call) {
    if (call->kid[0]->kind != NODE_ATTRIBUTE)
        return;
    const char *method = call->kid[0]->atom;
    const struct node *head = call_argument(call, 1, "custom_model_cls");
    const char *first = text_of(r, call_argument(call, 0, "config_cls_name"));
    if (strcmp(method, "register_custom_model_cls") == 0 && same_text(first, r->request->config_class)) {
        r->model->line = line_of(r, call);
        r->model->config_class = first;
        r->model->head = is_kind(head, NODE_NAME) ? head->atom : NULL;
    } else if (strcmp(method, "register") == 0 && r->model->line == 0 && same_text(first, r->request->model_type)) {
        r->model->line = line_of(r, call);
    }
}

/* model_type = "..." */
static void look_at_store(struct reader *r, const struct node *s) {
    bool plain = s->kind == NODE_ASSIGN && s->nkids == 2 && is_name(s->kid[1], "model_type");
    bool declared = s->kind == NODE_ANNASSIGN && is_name(s->kid[0], "model_type");
    const struct node *value = plain ? s->kid[0] : declared ? s->kid[2] : NULL;
    if (r->model->line == 0 && same_text(text_of(r, value), r->request->model_type))
        r->model->line = line_of(r, s);
}

static void look(struct reader *r, const struct node *n) {
    if (n->kind == NODE_CALL)
        look_at_call(r, n);
    else if (n->kind == NODE_ASSIGN || n->kind == NODE_ANNASSIGN)
        look_at_store(r, n);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (n->kid[i])
            look(r, n->kid[i]);
}

static void read_models(struct reader *r, const char *folder) {
    uint32_t count = 0;
    char **names = dir_list(r->unit->arena, folder, &count);
    for (uint32_t i = 0; names && i < count; i++) {
        if (!starts_with(names[i], "modeling_") || !ends_with(names[i], ".py"))
            continue;
        struct custom_model model = {.file = names[i]};
        const struct node *tree = parse_file(r, path_join(r->unit->arena, folder, names[i]));
        r->model = &model;
        if (tree)
            look(r, tree);
        if (model.line)
            vec_push(r->unit->arena, &r->out->custom, model);
    }
}

/* -- __init__.py --------------------------------------------------------------------------------------------------- */

static bool in_all(struct reader *r, const struct node *tree, const char *name) {
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *s = tree->kid[i];
        if (s->kind != NODE_ASSIGN || !is_name(s->kid[1], "__all__"))
            continue;
        for (uint32_t k = 0; k < s->kid[0]->nkids; k++)
            if (same_text(text_of(r, s->kid[0]->kid[k]), name))
                return true;
    }
    return false;
}

/* from .modeling_x import A, B; or from . import modeling_x */
static void read_import(struct reader *r, const struct node *tree, const struct node *s, struct custom_model *model) {
    size_t stem = strlen(model->file) - strlen(".py");
    const char *module = arena_strndup(r->unit->arena, model->file, stem);
    const char *from = s->atom ? strrchr(s->atom, '.') : NULL;
    from = from ? from + 1 : s->atom;
    for (uint32_t i = 0; i < s->nkids; i++) {
        const char *name = s->kid[i]->atom;
        bool whole = s->atom == NULL && strcmp(name, module) == 0;
        if (!whole && !(same_text(from, module) && (model->head == NULL || strcmp(name, model->head) == 0)))
            continue;
        model->imported = true;
        model->exported |= !whole && in_all(r, tree, name);
    }
}

static void read_init(struct reader *r, const char *folder) {
    const char *path = path_join(r->unit->arena, folder, "__init__.py");
    const struct node *tree = file_exists(path) ? parse_file(r, path) : NULL;
    for (uint32_t i = 0; tree && i < tree->nkids; i++)
        for (uint32_t k = 0; tree->kid[i]->kind == NODE_IMPORTFROM && k < r->out->custom.len; k++)
            read_import(r, tree, tree->kid[i], &r->out->custom.at[k]);
}

/* -- the whole ----------------------------------------------------------------------------------------------------- */

/* A file that registers the class covers the model; one that knows its type is the place for it. */
static void conclude(struct coverage *c) {
    c->conclusion = NEW_FILE;
    for (uint32_t i = 0; i < c->custom.len; i++) {
        const struct custom_model *model = &c->custom.at[i];
        enum conclusion conclusion = model->config_class && model->imported ? COVERED : EXTEND;
        if (conclusion < c->conclusion) {
            c->conclusion = conclusion;
            c->file = model->file;
        }
    }
}

bool coverage_survey(struct unit *unit, const struct coverage_request *request, struct coverage *coverage) {
    struct reader r = {.unit = unit, .request = request, .out = coverage};
    const char *folder = path_join(unit->arena, request->checkout, CUSTOM);
    *coverage = (struct coverage){.checkout = request->checkout, .hf_id = request->hf_id};
    if (!dir_exists(folder)) {
        diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL,
            "%s is no TensorRT-LLM tree: it has no folder " CUSTOM, request->checkout);
        return false;
    }
    read_models(&r, folder);
    read_init(&r, folder);
    registry_survey(unit, request, coverage);
    conclude(coverage);
    return true;
}

/* -- reports ------------------------------------------------------------------------------------------------------- */

static void conclusion_text(struct buf *out, const struct coverage *c) {
    if (c->conclusion == NEW_FILE)
        buf_puts(out, "a new file");
    else
        buf_printf(out, "%s %s", c->conclusion == COVERED ? "already covered by" : "extend", c->file);
}

static void custom_text(struct buf *out, const struct coverage *c) {
    for (uint32_t i = 0; i < c->custom.len; i++) {
        const struct custom_model *m = &c->custom.at[i];
        put_fact(out, m->config_class ? "registered" : "mentioned");
        buf_printf(out, "%s:%u", m->file, m->line);
        if (m->config_class)
            buf_printf(out, ", %s for %s", or_unknown(m->head), m->config_class);
        buf_printf(out, ", %s\n",
            !m->imported  ? "not imported by __init__.py"
            : m->exported ? "imported and in __all__"
                          : "imported, not in __all__");
    }
    if (c->custom.len == 0) {
        put_fact(out, "registered");
        buf_puts(out, "by no custom model\n");
    }
}

void coverage_text(struct buf *out, const struct coverage *c) {
    put_fact(out, "checkout");
    buf_printf(out, "%s\n", c->checkout);
    custom_text(out, c);
    registry_text(out, c);
    for (uint32_t i = 0; i < c->unreadable.len; i++) {
        put_fact(out, "not readable");
        buf_printf(out, "%s\n", c->unreadable.at[i]);
    }
    put_fact(out, "conclusion");
    conclusion_text(out, c);
    buf_putc(out, '\n');
}

cJSON *coverage_json(const struct coverage *c) {
    static const char *const conclusions[] = {"covered", "extend", "new file"};
    cJSON *json = cJSON_CreateObject(), *custom = cJSON_AddArrayToObject(json, "custom_models");
    for (uint32_t i = 0; i < c->custom.len; i++) {
        const struct custom_model *m = &c->custom.at[i];
        cJSON *item = cJSON_CreateObject();
        cJSON_AddItemToArray(custom, item);
        cJSON_AddStringToObject(item, "file", m->file);
        cJSON_AddNumberToObject(item, "line", m->line);
        json_text(item, "config_class", m->config_class);
        json_text(item, "model", m->head);
        cJSON_AddBoolToObject(item, "imported", m->imported);
        cJSON_AddBoolToObject(item, "exported", m->exported);
    }
    registry_json(json, c);
    cJSON *unreadable = cJSON_AddArrayToObject(json, "not_readable");
    for (uint32_t i = 0; i < c->unreadable.len; i++)
        cJSON_AddItemToArray(unreadable, cJSON_CreateString(c->unreadable.at[i]));
    cJSON_AddStringToObject(json, "conclusion", conclusions[c->conclusion]);
    json_text(json, "file", c->file);
    return json;
}
