/* expert_loop.h - between the two halves of the pass that gathers experts (expert_loop.c, experts.c). */
#ifndef ADGEN_REWRITE_EXPERT_LOOP_H
#define ADGEN_REWRITE_EXPERT_LOOP_H

#include "rewrite/expert_module.h"

/* Where the weights of all experts are: part `part` of so many of each item of a tensor. */
struct stacked {
    struct attr *attr;
    struct attr *holder; /* the module, an attribute of the loop's class, that has it; NULL: that class itself */
    uint32_t part, parts;
    bool transposed; /* the weights have the input first */
    bool flat;       /* the tensor has the rows of all items one below the other */
};

/* A loop that gives every token the sum of what its experts make of it. */
struct expert_loop {
    struct fn *fn;
    struct node *block; /* statement `at` of it is the loop */
    uint32_t at;
    struct node *step;  /* its turn: adgen.expert_step, _transposed, _or_identity, _without_gate, _apart, _clamped or
                         * _module */
    struct web *result; /* the variable that holds the sum after the loop */
    struct node *x, *chosen, *weights; /* tokens, and for each the ids of its experts and their weights */
    struct node *count;                /* number of experts: a symbol (absval.h); NULL: not known as one */
    bool sums_weights;                 /* the sum has the dtype of the weights, not of the tokens */
    /* of a list of modules: */
    struct node *modules; /* the list; NULL for stacked weights */
    struct expert_module expert;
    struct cls *plain; /* their class, where no op computes what it does; NULL: one does */
    /* of stacked weights that become modules with linear layers: */
    struct stacked gate, up, down, act; /* act: the attribute that holds the function */
    struct node *hidden, *between;      /* dimensions of an expert: symbols */
    bool is_silu;                       /* the function is SiLU, written as such */
    bool without_gate;                  /* `gate` is nothing */
    bool weighs_tokens;                 /* an expert is given the tokens times their weights */
    bool or_identity;                   /* ids from the count on hand on the tokens themselves */
};

/* Arguments of all kinds of turn, as children of the call; then of each. */
enum {
    STEP_SUM = 1,
    STEP_EXPERT,
    STEP_TOKENS,
    STEP_CHOSEN,
    STEP_WEIGHTS,
    STEP_GATE_UP,
    STEP_DOWN,
    STEP_ACT,
    STEP_PAST, /* of expert_step_or_identity: the first id without weights */
    APART_GATE = STEP_GATE_UP,
    APART_UP,
    APART_DOWN,
    APART_ACT,
    CLAMPED_GATE_UP = STEP_GATE_UP,
    CLAMPED_GATE_UP_BIAS,
    CLAMPED_DOWN,
    CLAMPED_DOWN_BIAS,
    CLAMPED_ALPHA,
    CLAMPED_LIMIT,
    CLAMPED_CLASSES,
    MODULE_EXPERT = STEP_GATE_UP,
    OPEN_TOKEN = STEP_TOKENS, /* the positions of those that chose the expert */
    OPEN_RESULT = STEP_GATE_UP
};

/* Of adgen.expert_sum. */
enum { SUM_TOKENS = 1, SUM_CHOSEN, SUM_WEIGHTS, SUM_MODULES };

/* A call of what the equations write: adgen.<name>, of any where `name` is NULL. */
bool is_idiom(const struct node *e, const char *name);

/* What a variable was assigned, through copies. */
const struct node *assigned_value(const struct node *e);
/* The tensor itself where its numbers leave PyTorch: x of x.cpu().numpy(), x.tolist(). */
struct node *without_transfer(struct node *e);
/* Whether two expressions are the same variable, or the same attribute of it. */
bool same_value(const struct node *a, const struct node *b);
bool calls_library(const struct node *e, const char *qual);
/* What is known of an expression at construction, or NULL; and whether that is the same. */
struct node *symbol_of(struct unit *unit, const struct node *e);
bool equals_symbol(struct unit *unit, const struct node *e, struct node *symbol);
/* The attribute of the loop's own class that an expression reads, stored once for good; or NULL. */
struct attr *kept_attribute(const struct expert_loop *l, const struct node *e);

/* nn.Parameter(torch.empty(a, b, c)): the sizes as symbols. False for anything else. */
bool parameter_sizes(struct unit *unit, const struct node *made, struct node **size, uint32_t count);

/* Reads the stacked weights that the turn of a loop takes; false where they are not understood. */
bool expert_stack_read(struct unit *unit, struct expert_loop *loop);

/* Whether the variable holds zeros of the shape of the loop's tokens; notes their dtype. */
bool begins_with_zeros(struct unit *unit, struct expert_loop *loop, const struct web *start);

/* Statement `w = e` in the place of the one that it is like; the variable is that from now on. */
struct node *define_web(struct unit *unit, struct web *w, struct node *e, const struct node *like);

/* Of the loop that `l` describes: the target that holds the id of an expert, or a row of it; whether an expression is
 * that id, *taken out of a row of one; whether what stands in a turn is defined before the loop; whether a statement of
 * a turn leaves out turns that add nothing. */
const struct web *id_target(const struct node *loop);
const struct web *id_source(const struct node *e, bool *taken);
bool stands_before(const struct node *e, const struct node *loop);
bool leaves_out_idle_turns(struct unit *unit, const struct expert_loop *l, const struct node *stmt);

/* A loop whose turn is adgen.expert_step_open becomes one over all experts and all tokens, in plain PyTorch, where that
 * gives the same; else false, and nothing changed (expert_open.c). Where it turns out that the op computes the experts,
 * the loop stays, `loop` describes it with `is_silu`, and its class is a list of modules. */
bool open_expert_loop(struct unit *unit, struct fn *fn, struct node *block, uint32_t at, struct expert_loop *loop);

/* The class of the loop becomes a list of modules with the linear layers gate_proj, up_proj and down_proj, which are
 * parts of the stacked weights; false, and nothing changed, where it cannot. */
bool make_expert_list(struct unit *unit, const struct expert_loop *loop);

/* The two products of a gated unit in the turn of an opened loop (expert_layers.c). */
struct expert_layers {
    struct node *together; /* the statement that cuts what the first makes into gate and up */
    struct node *first;    /* the statement that names what is cut; NULL: `together` does it all */
    struct node *input;    /* of both */
    struct node *down;     /* the other product */
};

/* Whether the turns take nothing of stacked weights but those two products; then `loop` says which they are of. */
bool expert_layers_read(
    struct unit *unit, struct expert_loop *loop, struct node *body, const struct web *id, struct expert_layers *layers);
/* The turns are over the modules of the list that the class now is; the new number of the turn's expert. */
struct web *expert_layers_write(
    struct unit *unit, const struct expert_loop *loop, struct node *stmt, const struct expert_layers *layers);

/* Whether the choices of each token are different experts; `depth` is 0. */
bool choices_are_distinct(const struct node *chosen, int depth);

/* Whether statement `at` of the block is one of which all is known; then `loop` describes it. */
bool expert_loop_read(struct unit *unit, struct fn *fn, struct node *block, uint32_t at, struct expert_loop *loop);

/* The loop in plain PyTorch: statements, of which the last is the sum as an expression. `names` holds the tokens, the
 * choices and their weights: _x, _chosen, _weights. */
struct node *sum_in_plain(struct unit *unit, const struct expert_loop *loop, struct map *names);

/* The same for a call of adgen.expert_sum; no statement of a block is a loop then. */
bool expert_sum_read(struct unit *unit, struct fn *fn, struct node *call, struct expert_loop *loop);

/* Experts that are given all tokens in one batch sum over the chosen ones; then what a call of adgen.expert_batch_sum
 * is. */
void route_batches(struct unit *unit);
bool expert_batch_read(struct unit *unit, struct fn *fn, struct node *call, struct expert_loop *loop);

#endif
