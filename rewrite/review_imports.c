/* review_imports.c - what a model file takes from outside: other models, configuration classes, operators.
 *
 * What is imported counts where the language model uses it, since other parts of the file may; an import that nobody
 * uses counts where it stands. */
#include <string.h>

#include "base/text.h"
#include "parser/package.h"
#include "rewrite/review_internal.h"

/* -- B1: other models ---------------------------------------------------------------------------------------------- */

static bool in_custom_models(const char *module) {
    return module && strstr(module, "auto_deploy.models.custom") != NULL;
}

static void visit_model_import(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at, (void)user;
    if (n->kind != NODE_IMPORTFROM && n->kind != NODE_IMPORT)
        return;
    const char *module = n->atom ? n->atom : "", *last = strrchr(module, '.');
    bool ours = n->level == 1 || in_custom_models(module);
    for (uint32_t i = 0; i < n->nkids; i++) {
        const char *name = n->kid[i]->atom, *dot = strrchr(name, '.');
        bool model = n->kind == NODE_IMPORT ? in_custom_models(name) && starts_with(dot ? dot + 1 : name, "modeling_")
                                            : ours && (starts_with(last ? last + 1 : module, "modeling_") ||
                                                          starts_with(name, "modeling_"));
        if (!model || ends_with(module, "_utils") || ends_with(name, "_utils"))
            continue;
        struct diag *d = review_find(r, "B1", n, "another model of AutoDeploy is imported here");
        review_help(r, d, "write down what this model needs of it; helpers that are no models may be imported");
        return;
    }
}

/* -- B2, B3: the configuration class ------------------------------------------------------------------------------- */

static bool known_to_transformers(const struct reviewer *r, atom name) {
    const struct registry *registry = r->unit->registry;
    for (uint32_t i = 0; registry && i < registry->nconfigs; i++)
        if (strcmp(registry->configs[i].value, name) == 0)
            return true;
    return false;
}

struct config_search {
    atom name;
    bool registered;
};

static const struct node *config_of_register(struct reviewer *r, const struct node *n) {
    atom qual = n->kind == NODE_CALL ? review_qual(r, NULL, n->kid[0]) : NULL;
    return qual_ends(qual, "AutoConfig.register") ? call_argument(n, 1, "config") : NULL;
}

static void visit_registering(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)at;
    *(bool *)user |= config_of_register(r, n) != NULL;
}

/* A function of the file that registers what it is given. */
static bool is_registering_helper(struct reviewer *r, const struct node *call) {
    bool registers = false;
    struct node *def =
        is_kind(call->kid[0], NODE_NAME) ? review_definition(r, call->kid[0]->atom, NODE_FUNCTION) : NULL;
    if (def)
        review_walk(r, def, visit_registering, &registers);
    return registers;
}

static void visit_register(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    struct config_search *search = user;
    if (n->kind != NODE_CALL || at->fn || (!config_of_register(r, n) && !is_registering_helper(r, n)))
        return;
    for (uint32_t i = 1; i < n->nkids; i++)
        search->registered |= node_names(n->kid[i], search->name);
}

static void visit_foreign_register(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    const struct node *config = config_of_register(r, n);
    if (config == NULL)
        return;
    review_applies(r, "B3");
    if (review_qual(r, at->fn, config))
        review_find(r, "B3", n, "`%s` is not defined in this file: who defines it registers it", config->atom);
}

static void check_configs(struct reviewer *r) {
    struct node *tree = r->unit->module->tree;
    review_walk(r, tree, visit_foreign_register, NULL);
    for (uint32_t i = 0; i < tree->nkids; i++) {
        const struct node *def = tree->kid[i];
        if (def->kind != NODE_CLASS || !review_is_config(r, def))
            continue;
        struct config_search search = {.name = def->atom};
        review_walk(r, tree, visit_register, &search);
        review_applies(r, "B2");
        review_applies(r, "B3");
        if (r->unit->registry == NULL)
            review_unchecked(r, "B2", "no transformers package is known: name one with --package");
        if (search.registered)
            continue;
        if (known_to_transformers(r, def->atom)) {
            struct diag *d =
                review_find_at(r, "B2", review_name_span(r, def), "transformers has a `%s` already", def->atom);
            review_help(r, d,
                "import that one; for releases without it, register this one with AutoConfig.register(..., "
                "exist_ok=True)");
        } else {
            review_find_at(r, "B3", review_name_span(r, def), "`%s` is not registered with AutoConfig", def->atom);
        }
    }
}

/* -- C2, C3, C6: operators and kernels ----------------------------------------------------------------------------- */

/* A package with kernels of its own, which need a GPU. */
static bool is_kernel_package(const char *qual) {
    char package[32];
    snprintf(package, sizeof package, "%.*s", (int)strcspn(qual, "."), qual);
    return word_in(package, "triton flashinfer causal_conv1d fla vllm") || ends_with(package, "_ssm");
}

static bool is_flash(const char *qual) {
    static const char *const names[] = {"transformers.modeling_flash_attention_utils",
        "transformers.integrations.sdpa_attention", "transformers.integrations.flash_attention",
        "transformers.integrations.flex_attention", "torch.nn.attention", "xformers", "flash_attn",
        "flash_attn_interface"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(qual, names[i], len) == 0 && (qual[len] == '.' || qual[len] == '\0'))
            return true;
    }
    return ends_with(qual, ".ALL_ATTENTION_FUNCTIONS") || ends_with(qual, ".scaled_dot_product_attention") ||
           ends_with(qual, ".is_flash_attn_2_available");
}

/* The item that a name from outside goes against; NULL: none. */
static const char *offence(const char *qual) {
    static const char ops[] = "torch.ops.", ours[] = "torch.ops.auto_deploy.";
    if (is_flash(qual))
        return "C6";
    if (is_kernel_package(qual))
        return "C3";
    if (!starts_with(qual, ops) || strchr(qual + strlen(ops), '.') == NULL)
        return NULL;
    const char *name = strrchr(qual, '.') + 1;
    if (starts_with(qual, "torch.ops.trtllm.") || starts_with(name, "triton_") || starts_with(name, "flashinfer_") ||
        starts_with(name, "trtllm_"))
        return "C3";
    bool allowed =
        starts_with(qual, ours) && (starts_with(name, "torch_") || word_in(name, "view split_with_sizes all_reduce"));
    return allowed ? NULL : "C2";
}

static void complain(struct reviewer *r, const char *id, const struct node *at, const char *qual) {
    if (strcmp(id, "C6") == 0) {
        struct diag *d =
            review_find(r, id, at, "`%s` is a way to compute attention that AutoDeploy does not see through", qual);
        review_help(r, d, "torch.ops.auto_deploy.torch_attention is attention; AutoDeploy chooses how it is computed");
    } else if (strcmp(id, "C3") == 0) {
        struct diag *d = review_find(r, id, at, "`%s` needs a GPU and fixes the backend", qual);
        review_help(r, d, "use the torch_* operator or plain PyTorch; AutoDeploy puts the kernel in its place");
    } else if (strcmp(id, "C4") == 0) {
        review_find(r, id, at, "`%s` is a cache, and nothing here needs one", qual);
    } else {
        review_find(r, id, at, "`%s` is no canonical operator of AutoDeploy", qual);
    }
}

/* The longest dotted name only: that of an attribute whose parent is no attribute. */
static void visit_use(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    bool part = is_kind(at->parent, NODE_ATTRIBUTE);
    if (part || (n->kind != NODE_ATTRIBUTE && n->kind != NODE_NAME))
        return;
    atom qual = review_qual(r, at->fn, n);
    const char *id = qual ? offence(qual) : NULL;
    if (id)
        complain(r, id, n, qual);
}

static bool is_used(struct reviewer *r, atom name) {
    const struct node *tree = r->unit->module->tree;
    for (uint32_t i = 0; i < tree->nkids; i++)
        if (node_names(tree->kid[i], name))
            return true;
    return false;
}

/* An import that nobody reads; of others the use counts, if it is exported. */
static void visit_import(struct reviewer *r, const struct place *at, struct node *n, void *user) {
    (void)user;
    if ((n->kind != NODE_IMPORTFROM && n->kind != NODE_IMPORT) || at->fn)
        return;
    atom from = n->kind == NODE_IMPORTFROM ? import_base(r->unit, r->unit->module, n) : NULL;
    for (uint32_t i = 0; i < n->nkids; i++) {
        const struct node *alias = n->kid[i];
        atom qual = from ? intern_dotted(r->unit->atoms, from, alias->atom) : alias->atom;
        atom name = alias->asname ? alias->asname : alias->atom;
        const char *id = review_is_cache(qual) ? "C4" : offence(qual);
        if (id && !is_used(r, name))
            complain(r, id, alias, qual);
    }
}

void review_imports(struct reviewer *r) {
    struct node *tree = r->unit->module->tree;
    review_walk(r, tree, visit_model_import, NULL);
    check_configs(r);
    review_walk_exported(r, visit_use, NULL);
    review_walk(r, tree, visit_import, NULL);
}
