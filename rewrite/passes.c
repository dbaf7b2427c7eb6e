/* passes.c - the table of passes. */
#include "rewrite/passes.h"

#include <string.h>

#include "rewrite/config.h"
#include "rewrite/entry.h"
#include "rewrite/layout.h"
#include "rewrite/tabulate.h"
#include "rewrite/tidy.h"

/* A pass that cannot fail. */
#define PASS(function) \
    static bool run_##function(struct unit *unit) { \
        function(unit); \
        return true; \
    }
PASS(apply_equations)
PASS(change_layout)
PASS(tabulate)
PASS(prune)
PASS(tidy)
PASS(assign_names)
PASS(tidy_control_flow)

const struct pass passes[] = {
    {"entry", select_entry, "choose the class to translate", false},
    {"config", read_config, "find its configuration class and read which fields that has", false},
    {"specialise", specialise, "evaluate what is known of prefill inference; unfold helpers into their callers", false},
    {"equations", run_apply_equations, "replace what is equal to a canonical op by that op", true},
    {"layout", run_change_layout, "keep heads behind positions, without transposes", true},
    {"tables", run_tabulate, "build what depends on positions alone once, as tables", true},
    {"prune", run_prune, "drop what the logits do not need", false},
    {"tidy", run_tidy, "simplify what the passes before left behind", true},
    {"names", run_assign_names, "give every variable its name", false},
    {"control-flow", run_tidy_control_flow, "simplify branches", true},
    {NULL, NULL, NULL, false},
};

const struct pass *pass_find(const char *name) {
    for (const struct pass *pass = passes; pass->name; pass++)
        if (strcmp(pass->name, name) == 0)
            return pass;
    return NULL;
}

bool passes_run(struct unit *unit, const struct pass *last) {
    for (const struct pass *pass = passes; pass->name; pass++) {
        if (!pass->run(unit) || diags_count(unit->diags, SEVERITY_ERROR) > 0)
            return false;
        if (pass == last)
            break;
    }
    return true;
}
