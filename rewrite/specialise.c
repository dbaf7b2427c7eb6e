/* specialise.c - partial evaluation of the modeling file for prefill inference.
 *
 * Reads   the entry class, the facts of rules/prefill.yaml.
 * Writes  for every function that is reached: a residual body in SSA form (ssa.h), what is known of its parameters and
 *         result; for every class that is constructed: its attributes.
 * Guarantees  the residual program computes what the source computes under the facts, for all configurations; branches
 *         that the facts decide are gone, helpers are unfolded into their callers; everything else is still there, used
 *         or not.
 *
 * It is an online partial evaluator over a lattice (absval.h), optimistic and interprocedural: parameters start from
 * nothing and grow by join over the calls; whenever a summary grows after it has been used, the whole program is run
 * again with what is known now. The lattice is of small height, so that this ends; two or three rounds are usual. */
#include "rewrite/spec.h"

enum { ROUNDS_MAX = 12 };

static struct val config_val(struct unit *unit) {
    struct absval *config = abs_new(unit, ABS_CONFIG);
    config->qual = intern(unit->atoms, "");
    return val_make(config, make_name(unit->arena, intern(unit->atoms, "config")));
}

/* The caller of everything: constructs the entry and calls its forward. */
static struct frame root_frame(struct unit *unit, struct fn *root) {
    root->name = intern(unit->atoms, "<entry>");
    root->module = unit->module;
    struct frame f = {.unit = unit, .fn = root, .host = root};
    f.out = node_new(unit->arena, NODE_BLOCK);
    return f;
}

static void add_keyword(struct unit *unit, struct args *args, atom name, struct val v) {
    struct arg arg = {.keyword = name, .val = v};
    vec_push(unit->arena, &args->list, arg);
}

/* Where the parameter stands in the source. */
static const struct node *param_node(const struct fn *fn, const struct param *p) {
    const struct node *params = function_params(fn->def);
    for (uint32_t i = 0; i < params->nkids; i++)
        if (params->kid[i]->atom == p->name)
            return params->kid[i];
    return NULL;
}

static struct val parameter_value(struct frame *f, const struct fn *forward, const struct param *p) {
    struct unit *unit = f->unit;
    const struct fact *fact = fact_parameter(unit->facts, p->name);
    struct node *name = make_name(unit->arena, p->name);
    if (fact)
        account_fact(unit, fact, param_node(forward, p), forward);
    if (fact && fact->effect == EFFECT_VALUE)
        return val_make(abs_decided(unit, abs_const(unit, fact->value), fact->number), name);
    if (fact && fact->effect == EFFECT_TENSOR) {
        struct absval *tensor = abs_new(unit, ABS_TENSOR);
        tensor->rank = fact->argument;
        tensor->positions = atom_is(fact->id, "positions-given");
        tensor->because = fact->number;
        return val_make(tensor, name);
    }
    if (fact && fact->effect == EFFECT_OPTIONAL) {
        struct absval *optional = abs_new(unit, ABS_TOP);
        optional->rank = fact->argument;
        optional->because = fact->number;
        return val_make(optional, name);
    }
    if (p->dflt == NULL)
        return val_top(name);
    struct val dflt = eval(f, p->dflt);
    return val_make(abs_decided(unit, dflt.abs, REASON_DEFAULT), dflt.expr);
}

/* What AutoDeploy passes goes on in **kwargs where the entry has no parameter for it. */
static void add_positions(struct frame *f, const struct fn *forward, struct args *inputs) {
    struct param positions = {.name = intern(f->unit->atoms, "position_ids")};
    bool open = false;
    for (uint32_t i = 1; i < forward->params.len; i++) {
        open |= forward->params.at[i]->role == PARAM_KWARGS;
        if (forward->params.at[i]->name == positions.name && !forward->params.at[i]->extra)
            return;
    }
    if (open)
        add_keyword(f->unit, inputs, positions.name, parameter_value(f, forward, &positions));
}

static void run_entry(struct unit *unit) {
    struct fn root = {0};
    struct frame f = root_frame(unit, &root);
    struct args none = {0}, inputs = {0};
    struct val config = config_val(unit);
    struct fn *init = class_method(unit->entry, "__init__");
    for (uint32_t i = 1; init && i < init->params.len; i++)
        if (init->params.at[i]->role == PARAM_PLAIN && (i == 1 || init->params.at[i]->dflt == NULL))
            add_keyword(unit, &none, init->params.at[i]->name, config);
    struct val cls = val_make(abs_simple(ABS_TOP), make_name(unit->arena, unit->entry->name));
    struct val model = construct(&f, unit->entry, cls, &none, NULL);
    struct fn *forward = class_method(unit->entry, "forward");
    if (forward == NULL)
        return;
    for (uint32_t i = 1; i < forward->params.len; i++) {
        const struct param *p = forward->params.at[i];
        if (p->role == PARAM_PLAIN && !p->extra)
            add_keyword(unit, &inputs, p->name, parameter_value(&f, forward, p));
    }
    add_positions(&f, forward, &inputs);
    call_function(&f, forward, &model, &inputs, NULL, make_name(unit->arena, intern(unit->atoms, "model")));
}

/* What constructors are given does not follow from any rank. */
static void forget_function(struct fn *fn) {
    if (atom_is(fn->name, "__init__"))
        return;
    for (uint32_t i = 0; i < fn->params.len; i++)
        fn->params.at[i]->abs = NULL;
    fn->ret = NULL;
}

/* Start over with nothing but which parameters take several ranks. */
static void forget(struct unit *unit) {
    for (uint32_t i = 0; i < unit->classes.len; i++)
        for (uint32_t k = 0; k < unit->classes.at[i]->methods.len; k++)
            forget_function(unit->classes.at[i]->methods.entry[k].value);
    const struct module *module;
    for (uint32_t m = 0; (module = unit_module(unit, m)) != NULL; m++) {
        for (uint32_t i = 0; i < module->symbols.len; i++) {
            struct symbol *symbol = module->symbols.entry[i].value;
            if (symbol->fn)
                forget_function(symbol->fn);
        }
    }
    unit->restart = false;
}

bool specialise(struct unit *unit) {
    for (uint32_t round = 0; round < ROUNDS_MAX;) {
        unit->round++;
        account_restart(unit);
        unit->limits.len = 0;
        unit->limited_to_choice = unit->limited_to_chunk = false;
        unit->changed = false;
        run_entry(unit);
        if (unit->restart) {
            forget(unit);
            continue;
        }
        if (!unit->changed || unit->failed)
            return !unit->failed;
        round++;
    }
    diag_at(unit->diags, SEVERITY_ERROR, unit->module->source, unit->entry->def->span, "rounds",
        "specialisation does not settle after %d rounds", ROUNDS_MAX);
    return false;
}
