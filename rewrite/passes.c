/* passes.c - the table of passes. */
#include "rewrite/passes.h"

#include <string.h>

#include "rewrite/account.h"
#include "rewrite/axes.h"
#include "rewrite/bundle.h"
#include "rewrite/channels.h"
#include "rewrite/checkpoint.h"
#include "rewrite/chosen_keys.h"
#include "rewrite/chunk_masks.h"
#include "rewrite/config.h"
#include "rewrite/counted.h"
#include "rewrite/dynamic_attrs.h"
#include "rewrite/entry.h"
#include "rewrite/fill.h"
#include "rewrite/hoist.h"
#include "rewrite/idle.h"
#include "rewrite/layout.h"
#include "rewrite/lift.h"
#include "rewrite/tabulate.h"
#include "rewrite/tidy.h"
#include "rewrite/versions.h"

static bool run_equations(struct unit *unit) {
    apply_equations(unit);
    return true;
}

static bool run_positions(struct unit *unit) {
    read_positions(unit);
    return true;
}

/* What an equation has left without a use must not be rewritten in its turn, but what it read and others still need is.
 */
static bool run_sweep(struct unit *unit) {
    unit->keep_signatures = true;
    prune(unit);
    unit->keep_signatures = false;
    return true;
}

static bool run_runs(struct unit *unit) {
    read_expert_runs(unit);
    return true;
}

static bool run_experts(struct unit *unit) {
    gather_experts(unit);
    return true;
}

static bool run_arms(struct unit *unit) {
    join_arms(unit);
    return true;
}

static bool run_fill(struct unit *unit) {
    join_filled(unit);
    drop_idle_views(unit);
    account_steps(unit, "fill", REASON_VIEWS);
    return true;
}

static bool run_layout(struct unit *unit) {
    change_layout(unit);
    turn_channels(unit);
    return true;
}

static bool run_branches(struct unit *unit) {
    equate_branches(unit);
    return true;
}

static bool run_tables(struct unit *unit) {
    hoist_table_work(unit);
    account_steps(unit, "tables", REASON_LANES);
    tabulate(unit);
    account_steps(unit, "tables", REASON_TABLE);
    lift_tables(unit);
    account_steps(unit, "tables", REASON_TABLE_ONCE);
    return true;
}

static bool run_prune(struct unit *unit) {
    propagate_copies(unit);
    account_steps(unit, "prune", REASON_COPY);
    prune(unit);
    bool less = drop_unread_attributes(unit);
    if (join_arms(unit) || less)
        prune(unit);
    return true;
}

static bool run_buffers(struct unit *unit) {
    register_buffers(unit);
    return true;
}

static bool run_versions(struct unit *unit) {
    span_versions(unit);
    return true;
}

static bool run_tidy(struct unit *unit) {
    tidy(unit);
    return true;
}

static bool run_names(struct unit *unit) {
    assign_names(unit);
    tidy_control_flow(unit);
    return true;
}

const struct pass passes[] = {
    {"entry", select_entry, "choose the class to translate"},
    {"config", read_config, "find its configuration class and read which fields that has"},
    {"specialise", specialise, "evaluate what is known of prefill inference; unfold helpers into their callers"},
    {"changes", check_changes, "refuse a change in place that something else would see"},
    {"choices", drop_choices, "drop choices of keys that are assumed to take all"},
    {"axes", join_axes, "one position of a token where those along all axes are the same"},
    {"positions", run_positions, "read position_ids where the model counts its tokens"},
    {"equations", run_equations, "replace what is equal to a canonical op by that op"},
    {"runs", run_runs, "read loops that give each expert its run of sorted tokens"},
    {"sweep", run_sweep, "drop the statements that nothing needs"},
    {"again", run_equations, "the equations on what is left"},
    {"chunks", write_chunk_masks, "write what keeps attention to chunks as a tensor"},
    {"experts", run_experts, "make one op of a loop over experts, and a module of each expert"},
    {"arms", run_arms, "drop a choice between two ways to compute the same"},
    {"fill", run_fill, "write filled tensors as one expression, without idle views"},
    {"layout", run_layout, "keep attention in [B, S, N, D] and convolutions in [B, S, C], without transposes"},
    {"latents", run_equations, "the equations in the layout that attention is now in"},
    {"branches", run_branches, "the equations across the branches of a choice"},
    {"tables", run_tables, "compute once what depends on the position alone"},
    {"prune", run_prune, "drop what the logits do not need"},
    {"check", check_residual, "refuse what must not be left"},
    {"buffers", run_buffers, "register the tensors that modules hold"},
    {"versions", run_versions, "read what moved between releases through one function"},
    {"tidy", run_tidy, "write more simply what the passes have left"},
    {"names", run_names, "give every variable its name"},
    {"defined", check_defined, "refuse a read of a variable that nothing defines"},
    {"published", published_paths, "give parameters the paths that they have in the published checkpoint"},
    {"bundle", bundle_config, "carry over of the configuration class what the model reads, if it is asked for"},
    {NULL, NULL, NULL},
};

const struct pass *pass_find(const char *name) {
    for (const struct pass *pass = passes; pass->name; pass++)
        if (strcmp(pass->name, name) == 0)
            return pass;
    return NULL;
}

void pass_record_as(struct unit *unit, const char *name, const struct node *at, const struct fn *fn, const char *what) {
    if (unit->account != NULL && at->source != NULL)
        trace_add(unit->arena, unit->trace,
            (struct trace_record){TRACE_REWRITE, name, at->source, at->span, fn_path(unit, fn), what});
}

void pass_record_because(struct unit *unit, reason because, const struct node *at, const struct fn *fn) {
    struct explanation e = reason_explain(unit->facts, because);
    pass_record_as(unit, e.id, at, fn, e.why);
}

void pass_record(struct unit *unit, const char *name, const struct node *at, const struct fn *fn) {
    pass_record_as(unit, name, at, fn, pass_find(name)->what);
}

bool passes_run(struct unit *unit, const struct pass *last) {
    bool program = false; /* there is one: what a pass refuses from now on may be a gap in it */
    for (const struct pass *pass = passes; pass->name; pass++) {
        bool ok = pass->run(unit) || (program && unit->options.partial);
        if (!ok || diags_count(unit->diags, SEVERITY_ERROR) > 0)
            return false;
        program |= pass->run == specialise;
        account_pass(unit, pass);
        if (pass == last)
            break;
    }
    return true;
}
