/* settings.c - the settings under which AutoDeploy serves a model: YAML, complete by itself.
 *
 * Both `build_and_run_ad.py --args.yaml-extra` and `trtllm-serve --extra_llm_api_options` take it. What belongs to
 * AutoDeploy and what belongs to the user are blocks of their own, so that they can be two files. */
#include <string.h>

#include "emit/limits.h"
#include "emit/onboard_plan.h"
#include "emit/template.h"
#include "rewrite/architecture.h"

/* Two experts are enough for the export, which grows with every one of a list. */
static const char experts[] = "transforms:\n"
                              "  export_to_gm:\n"
                              "    num_moe_experts_for_export: 2\n";

static bool lists_experts(const struct plan *plan) {
    return strstr(plan->code, ".torch_moe(") != NULL;
}

static const char *world_size_line(const struct plan *plan) {
    const struct architecture *a = plan->request->architecture;
    if (plan->registry.world_size == 0)
        return "# FILL IN: world_size; how many parameters the model has is not known\n";
    return arena_printf(plan->arena, "world_size: %u%s\n", plan->registry.world_size,
        a->values ? "" : " # FILL IN: by the defaults of the configuration class; compare with the published model");
}

/* Longer sequences would not be the model's. */
static const char *limit_note(const struct plan *plan) {
    const char *limit = length_limit(plan->unit, "");
    const bool known = plan->request->architecture->limit != NOT_KNOWN;
    return limit ? arena_printf(plan->arena, " # %sat most %s: the model is translated for short sequences",
                       known ? "" : "FILL IN: ", limit)
                 : "";
}

static void put_head(const struct plan *plan, struct buf *out) {
    buf_printf(out, "# %s\n", plan->registry.name);
}

void emit_settings(const struct plan *plan, struct buf *user, struct buf *internal) {
    const struct place places[] = {
        {"TRANSFORMS", lists_experts(plan) ? experts : ""},
        {"WORLD_SIZE", world_size_line(plan)},
        {"LENGTH", arena_printf(plan->arena, "%u", plan->length)},
        {"LIMIT", limit_note(plan)},
        {NULL, NULL},
    };
    struct buf *ad = plan->split ? internal : user;
    put_head(plan, user);
    if (plan->split)
        put_head(plan, internal);
    buf_putc(ad, '\n');
    template_fill(ad, "templates/settings_ad.yaml.in", places);
    buf_putc(user, '\n');
    template_fill(user, "templates/settings_user.yaml.in", places);
}
