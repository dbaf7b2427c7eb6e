/* passes.c - the table of passes. */
#include "rewrite/passes.h"

#include <string.h>

#include "rewrite/config.h"
#include "rewrite/entry.h"

static bool run_prune(struct unit *unit) {
    prune(unit);
    return true;
}

static bool run_equations(struct unit *unit) {
    apply_equations(unit);
    return true;
}

static bool run_names(struct unit *unit) {
    assign_names(unit);
    return true;
}

const struct pass passes[] = {
    {"entry", select_entry, "choose the class to translate"},
    {"config", read_config, "find its configuration class and read which fields that has"},
    {"specialise", specialise, "evaluate what is known of prefill inference; unfold helpers into their callers"},
    {"prune", run_prune, "drop what the logits do not need"},
    {"equations", run_equations, "replace what is equal to a canonical op by that op"},
    {"sweep", run_prune, "drop what only the replaced expressions needed"},
    {"names", run_names, "give every variable its name"},
    {NULL, NULL, NULL},
};

const struct pass *pass_find(const char *name) {
    for (const struct pass *pass = passes; pass->name; pass++)
        if (strcmp(pass->name, name) == 0)
            return pass;
    return NULL;
}

bool passes_run(struct unit *unit, const struct pass *last,
    void (*after)(struct unit *unit, const struct pass *pass, void *user), void *user) {
    for (const struct pass *pass = passes; pass->name; pass++) {
        bool ok = pass->run(unit);
        if (after)
            after(unit, pass, user);
        if (!ok || diags_count(unit->diags, SEVERITY_ERROR) > 0)
            return false;
        if (pass == last)
            break;
    }
    return true;
}
