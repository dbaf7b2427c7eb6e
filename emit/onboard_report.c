/* onboard_report.c - the report of an onboarding, and the text of its pull request.
 *
 * What adgen knows is said; what only a run or a person can know is a place to fill in. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "emit/limits.h"
#include "emit/onboard_plan.h"
#include "emit/template.h"
#include "rewrite/declined.h"
#include "rewrite/rules.h"
#include "rewrite/trace.h"

static const char *withheld(const struct plan *plan) {
    return arena_printf(plan->arena, "Not made, with all that is published: %s.\n", plan->withheld);
}

/* -- what a person should look at ---------------------------------------------------------------------------------- */

static void put_rules(const struct plan *plan, struct buf *out) {
    const struct rules *rules = plan->unit->rules;
    for (uint32_t i = 0; i < rules->list.len; i++) {
        const struct rule *rule = rules->list.at[i];
        uint32_t times = rule->promise == PROMISE_EXACT ? 0 : trace_uses(plan->unit->trace, rule->id);
        if (times > 0)
            buf_printf(out, "- `%s`, applied %u time%s, is not exact to the last bit (%s%s%s): %s.\n", rule->id, times,
                times == 1 ? "" : "s", promise_text(rule->promise), rule->bound ? ": " : "",
                rule->bound ? rule->bound : "", rule->title);
    }
}

static bool has_own_names(const struct unit *unit) {
    for (uint32_t i = 0; i < unit->classes.len; i++)
        for (uint32_t k = 0; k < unit->classes.at[i]->attrs.len; k++) {
            const struct attr *attr = unit->classes.at[i]->attrs.entry[k].value;
            bool renamed = attr->live && attr->own && attr->own != attr->name;
            if (renamed && !starts_with(attr->name, "_ad_")) /* tables are in no checkpoint */
                return true;
        }
    return false;
}

static const char *review_of(const struct plan *plan) {
    const struct unit *u = plan->unit;
    struct buf out = {0};
    put_rules(plan, &out);
    if (strstr(plan->code, "_register_load_state_dict_pre_hook("))
        buf_puts(&out,
            "- Hooks of the model unpack weights when they are loaded: see that every key of a real checkpoint "
            "arrives (`adgen keys --index`).\n");
    if (has_own_names(u))
        buf_puts(&out, "- Modules have the names of the published checkpoint where transformers has others.\n");
    if (u->names_activation)
        buf_puts(&out,
            "- The operator for experts knows SiLU and squared ReLU; with another activation, or with biases of "
            "experts, the constructor raises.\n");
    if (u->bundle)
        buf_puts(&out, "- The configuration class is in the file: drop it once transformers has it.\n");
    if (out.len == 0)
        buf_puts(&out, "Nothing in particular: every rule that was applied is exact.\n");
    return buf_keep(&out, plan->arena);
}

static const char *limits_of(const struct plan *plan) {
    const struct unit *u = plan->unit;
    struct buf out = {0};
    const char *declined = declined_setting(u);
    if (u->prefill_only)
        buf_printf(&out, "- **AutoDeploy cannot generate with it: %s.**\n", u->prefill_only);
    if (u->limits.len > 0)
        buf_printf(&out, "- **By assumption (%s) the model is %s.** The settings must keep to that.\n",
            u->options.assume, length_assumed(u, "`"));
    if (declined)
        buf_printf(&out, "- A configuration with `%s` is declined: the constructor raises.\n", declined);
    if (plan->copied)
        buf_printf(&out,
            "- The tests hold a copy of the reference, since no library has it: it is what `%s` was when they were "
            "made.\n",
            path_base(u->module->source->path));
    else if (u->package.name == NULL)
        buf_printf(&out,
            "- The tests import the reference from the module `%s`; where that is not found, they are skipped.\n",
            u->module->name);
    buf_puts(&out,
        "- Nothing of this has run on a GPU: kernels, sharding, quantised checkpoints, and the features in the\n"
        "  second table of the support matrix, are untested.\n");
    return buf_keep(&out, plan->arena);
}

/* -- files and lists ----------------------------------------------------------------------------------------------- */

static const char *files_of(const struct plan *plan) {
    struct buf out = {0};
    const struct onboarding *made = plan->made;
    for (uint32_t i = 0; i < made->files.len; i++)
        buf_printf(&out, "- `%s`\n", made->files.at[i].name);
    for (uint32_t i = 0; i < made->lists.len; i++)
        buf_printf(&out, "- `%s` (edited)\n", made->lists.at[i].name);
    return buf_keep(&out, plan->arena);
}

static const char *row_of(const struct plan *plan) {
    const struct matrix_row *row = &plan->row;
    return arena_printf(
        plan->arena, "| `%s`%s | %s | `%s` |", row->architecture, row->config ? " [^N]" : "", row->model, row->example);
}

/* Where there is no checkout to edit. */
static const char *by_hand(const struct plan *plan) {
    struct buf out = {0};
    if (plan->request->checkout)
        return "";
    buf_puts(&out,
        "Files that name all models are not among these: `adgen onboard --into CHECKOUT` edits them in place. By "
        "hand:\n\n");
    buf_printf(&out, "- `__init__.py` beside the model: `from .%s import %s`, and `\"%s\"` in `__all__`\n",
        plan->request->module, plan->entry, plan->entry);
    if (plan->id)
        buf_puts(&out, "- the entry and the row of sections 8 and 10\n");
    buf_putc(&out, '\n');
    return buf_keep(&out, plan->arena);
}

/* Whether it is in the list of this name, where `word` of it shows that it is ours: the same after a second time. */
static const char *outcome(const struct plan *plan, const char *name, const char *word) {
    for (uint32_t i = 0; i < plan->made->lists.len; i++) {
        const struct change *list = &plan->made->lists.at[i];
        if (strstr(list->name, name))
            return strstr(list->text, word)
                       ? "In the file"
                       : "The file has another one already, which was left as it is; `--force` updates it. It would be";
    }
    return "To be added";
}

/* An entry that was commented out: why, the comment above it says. */
static bool is_disabled(const struct plan *plan) {
    const char *name = arena_printf(plan->arena, "# - name: %s\n", plan->id);
    for (uint32_t i = 0; i < plan->made->lists.len; i++)
        if (strstr(plan->made->lists.at[i].before, name))
            return true;
    return false;
}

static const char *registry_of(const struct plan *plan) {
    struct buf out = {0};
    if (plan->id == NULL)
        return withheld(plan);
    buf_printf(&out, "%s:\n\n```yaml\n%s```\n", outcome(plan, "/models.yaml", plan->registry.config),
        registry_lines(plan->arena, &plan->registry));
    if (is_disabled(plan))
        buf_puts(&out, "\nThe list has the model as a comment, too: disabled, for the reason that stands above it.\n");
    if (plan->registry.world_size == 0)
        buf_puts(&out, "\n**FILL IN:** the number of GPUs; how many parameters the model has is not known.\n");
    buf_printf(&out,
        "\nOther sizes of the family need settings and an entry of their own, but no other code: the same command "
        "with\n"
        "their `--hf-id` and `--config` adds them. `adgen survey %s --into CHECKOUT --hf-id %s` lists\n"
        "those that the registry has.\n",
        plan->unit->options.model_type ? plan->unit->options.model_type : path_base(plan->unit->module->source->path),
        plan->id);
    return buf_keep(&out, plan->arena);
}

static const char *matrix_of(const struct plan *plan) {
    if (plan->id == NULL)
        return withheld(plan);
    const char *note = plan->row.config ? "N is the footnote for models that AutoDeploy alone serves.\n"
                                        : "No footnote: the PyTorch backend has a model of that class, too.\n";
    return arena_printf(plan->arena,
        "%s:\n\n```\n%s\n```\n\n%sThe row is true once the run of section 7 was a success. The second table, of "
        "features, is for key\nmodels: `--key-model` adds a row that says what follows from the model, and `Untested` "
        "of all else.\n",
        outcome(plan, "/supported-models.md", plan->row.example), row_of(plan), note);
}

static const char *cookbook_of(const struct plan *plan) {
    if (plan->id == NULL)
        return withheld(plan);
    return arena_printf(
        plan->arena, "`%s`, without outputs. It has places to fill in from the model card.\n", plan->cookbook_path);
}

/* -- tests and runs ------------------------------------------------------------------------------------------------ */

/* A row for each test; what it validates is the title that it stands under. */
static const char *tests_of(const struct plan *plan) {
    struct buf out = {0};
    int title = 0;
    const char *titles = "";
    for (const char *line = plan->tests; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
        int len;
        if (strncmp(line, "# Level ", 8) == 0) {
            titles = line + 2;
            title = (int)strcspn(titles, "\n");
        } else if (strncmp(line, "def test_", 9) == 0) {
            len = (int)strcspn(line + 4, "(");
            buf_printf(&out, "| `%.*s` | %.*s | **FILL IN** |\n", len, line + 4, title, titles);
        }
    }
    return buf_keep(&out, plan->arena);
}

/* The files of settings, in the order in which they are merged. */
static const char *settings_of(const struct plan *plan) {
    const char *option = " \\\n  --args.yaml-extra ";
    return arena_printf(plan->arena, "%s%s%s%s", plan->split ? option : "", plan->split ? plan->internal_path : "",
        option, plan->config_path);
}

static const char *command_of(const struct plan *plan) {
    return arena_printf(
        plan->arena, "python examples/auto_deploy/build_and_run_ad.py --model %s%s", plan->id, settings_of(plan));
}

static const char *gpus_of(const struct plan *plan) {
    uint32_t n = plan->registry.world_size;
    return n == 0 ? "How many GPUs it takes is not known."
                  : arena_printf(plan->arena, "It takes %u GPU%s.", n, n == 1 ? "" : "s");
}

static const char *run_of(const struct plan *plan) {
    struct buf out = {0};
    if (plan->id == NULL)
        return withheld(plan);
    const struct place places[] = {
        {"LAYERS", arena_printf(plan->arena, "%u", plan->layers)},
        {"FIELD", plan->layers_field},
        {"ID", plan->id},
        {"SETTINGS", settings_of(plan)},
        {"COMMAND", command_of(plan)},
        {"GPUS", gpus_of(plan)},
        {NULL, NULL},
    };
    template_fill(&out, "templates/onboarding_run.md.in", places);
    return buf_keep(&out, plan->arena);
}

/* What only a run can say, where there is one. */
static const char *prompts_of(const struct plan *plan) {
    return plan->id == NULL
               ? withheld(plan)
               : "**FILL IN:** every prompt and its whole output of the last run with all layers, word for "
                 "word from its log: the lines\n`[PROMPT n] ...`.\n";
}

static const char *run_to_post(const struct plan *plan) {
    if (plan->id == NULL)
        return withheld(plan);
    return arena_printf(plan->arena,
        "```bash\n%s\n```\n\n**FILL IN:** every prompt and its whole output of that run, word for word.\n",
        command_of(plan));
}

static const char *pytest_of(const struct plan *plan) {
    return arena_printf(plan->arena, "pytest %s -v", plan->test_path);
}

static const char *name_of(const struct plan *plan) {
    return plan->request->hf_id ? plan->request->hf_id : plan->prefix;
}

/* -- the texts ----------------------------------------------------------------------------------------------------- */

void emit_onboard_report(const struct plan *plan, struct buf *out) {
    const struct place places[] = {
        {"NAME", name_of(plan)},
        {"FACTS", plan->facts},
        {"REVIEW", review_of(plan)},
        {"FILES", files_of(plan)},
        {"BY_HAND", by_hand(plan)},
        {"PYTEST", pytest_of(plan)},
        {"TESTS", tests_of(plan)},
        {"LIMITS", limits_of(plan)},
        {"REVIEWED", plan->reviewed},
        {"RUN", run_of(plan)},
        {"PROMPTS", prompts_of(plan)},
        {"REGISTRY", registry_of(plan)},
        {"MATRIX", matrix_of(plan)},
        {"COOKBOOK", cookbook_of(plan)},
        {NULL, NULL},
    };
    template_fill(out, "templates/onboarding.md.in", places);
    buf_truncate(out, out->len - 1); /* sections end with a newline of their own */
}

void emit_pull_request(const struct plan *plan, struct buf *out) {
    const struct place places[] = {
        {"NAME", name_of(plan)},
        {"ENTRY", plan->entry},
        {"CONFIG_CLASS", plan->unit->config_class},
        {"FACTS", plan->facts},
        {"SOURCE", plan->unit->module->name},
        {"FILES", files_of(plan)},
        {"LIMITS", limits_of(plan)},
        {"RUN", run_to_post(plan)},
        {"PYTEST", pytest_of(plan)},
        {NULL, NULL},
    };
    template_fill(out, "templates/pull_request.md.in", places);
}
