/* spec.h - inside the specialiser (specialise.c says what it does as a whole).
 *
 * A frame is one activation: of the residual function that is being written, or of a helper unfolded into it.
 * Evaluation of an expression returns a `struct val`: what is known, and a fresh residual expression in SSA form.
 * Running a statement appends residual statements to frame->out. Everything is emitted, also what nobody will read:
 * prune removes it. So an evaluator never asks whether a value is needed. */
#ifndef ADGEN_REWRITE_SPEC_H
#define ADGEN_REWRITE_SPEC_H

#include "rewrite/account.h"
#include "rewrite/facts.h"
#include "rewrite/unit.h"

/* How control leaves a statement. */
enum flow { FLOW_NEXT, FLOW_RETURN, FLOW_RAISE, FLOW_BREAK, FLOW_CONTINUE };

struct frame {
    struct unit *unit;
    struct fn *fn;        /* whose source runs */
    struct fn *host;      /* the residual function that is being written */
    struct map env;       /* name -> struct val */
    struct map globals;   /* names that are the module's: `global x` */
    struct frame *around; /* unfolded: of the caller, which may hold the same objects; else NULL */
    const struct map *closure;
    const struct symbol *symbol; /* the value of the module that is evaluated: it read what stood before it; or NULL */
    struct node *out;            /* BLOCK that statements go to */
    bool unfolded;               /* a helper: `return` makes a value instead of a statement */
    bool pure;                   /* inside an expression where no statement can be put before */
    uint32_t conditional;        /* inside a branch or a loop of the source */
    struct val ret;              /* unfolded: what it returned; abs NULL before */
    uint32_t depth;              /* of unfolding */
    bool aside;                  /* a rehearsal: what it stores is put back */
    bool moved;                  /* some attribute has a moved copy in env, under "self.name" */
    const struct assumption *assumed; /* tests that hold here; see spec_assume.c */
};

struct arg {
    atom keyword; /* NULL: positional */
    enum { ARG_VALUE, ARG_STAR, ARG_STARSTAR } form;
    struct val val;
    struct node *node; /* the source argument */
};

struct args {
    VEC(struct arg) list;
    bool open; /* holds * or ** of unknown content */
};

enum { SPEC_DEPTH_MAX = 24 };

/* spec_expr.c */
struct val eval(struct frame *f, struct node *e);
struct val val_make(const struct absval *abs, struct node *expr);
struct val val_const(struct frame *f, enum op constant);
/* A constant that is known for a reason. */
struct val val_decided(struct frame *f, enum op constant, reason because);
struct val val_rank(struct frame *f, uint32_t rank); /* a number of dimensions, or of elements */
struct val val_top(struct node *expr);
/* A fresh expression for a value that may be used more than once. */
struct node *val_expr(struct frame *f, const struct val *v);
bool expr_is_trivial(const struct node *e); /* free to copy: a local, a constant, an attribute path */
struct val env_get(struct frame *f, atom name, struct node *at, bool *found);
void env_set(struct frame *f, atom name, struct val v);
struct val eval_attribute_of(struct frame *f, struct val object, atom name, struct node *at);
atom dotted_of(const struct val *v);

/* Whether a constant may be written wherever it is known. */
bool constant_is_free(const struct absval *abs);
/* A field of a ModelOutput. */
struct val record_attribute(struct frame *f, struct val object, atom name, struct node *expr);

/* 1, 0, or -1: whether a test at module level holds, where the module is declared so far. */
int spec_test(struct unit *unit, struct module *module, struct node *test);

/* spec_comp.c */
struct val eval_comprehension(struct frame *f, struct node *e);
/* The same for what is taken apart by the assignment that it stands in. */
struct val eval_unpacked(struct frame *f, struct node *e);

/* spec_elements.c */
struct val element_of(struct frame *f, struct val v, uint32_t index);
const struct absval *abs_element(struct frame *f, const struct absval *a); /* of what a loop iterates over */
struct val eval_subscript(struct frame *f, struct node *e);
/* The mask of a dictionary of masks under a key that the constructor knows, or None where the dictionary has that, or
 * where `absent` keys give it; NULL where that is no mask. */
const struct absval *choose_mask(struct frame *f, const struct absval *dict, const struct absval *key, bool absent);

/* spec_builtins.c */
struct val call_builtin(struct frame *f, const char *name, struct val callee, struct args *args, struct node *at);
/* What "2.9".split(".") returns; false where the string or the separator is not known. */
bool split_string(struct frame *f, struct val object, const struct args *args, struct val *result);
/* A string that is known, or NULL. */
atom constant_string(struct frame *f, const struct arg *a);
/* A tuple of two, as items() and enumerate() yield. */
const struct absval *pair_abs(struct frame *f, const struct absval *a, const struct absval *b);
/* A sequence of unknown length, made by `call`. */
/* The method that returns what an in-place one would make of its tensor, such as clamp for clamp_; or NULL. */
atom pure_twin(struct frame *f, atom method);
/* setattr(object, name, value), where the name is computed. */
void store_of_form(struct frame *f, struct cls *cls, const struct arg *name, const struct absval *value);
struct val seq_of(struct frame *f, const struct absval *element, struct node *call);

/* spec_fold.c */
struct val fold_compare(struct frame *f, struct node *e);
struct val fold_boolop(struct frame *f, struct node *e);
struct val fold_binop(struct frame *f, struct node *e);
struct val fold_unary(struct frame *f, struct node *e);
/* The elements of a list or tuple as a display; NULL where one would be computed again. */
struct node *display_of(struct frame *f, const struct absval *a);
/* `abs` of an operation all of whose operands are known at construction, or NULL. */
const struct absval *fold_symbolic(struct frame *f, const struct node *e, const struct val *operands, uint32_t count);
/* True or False. */
struct val val_truth(struct frame *f, int truth, reason because);
int truth_of_isinstance(struct frame *f, const struct absval *a, const struct absval *type);

/* spec_call.c */
struct val eval_call(struct frame *f, struct node *e);
/* A call of whatever `callee` is known to be. */
struct val call_value(struct frame *f, struct val callee, struct args *args, struct node *at);
void eval_args(struct frame *f, struct node *call, struct args *args);
struct val call_function(
    struct frame *f, struct fn *fn, const struct val *self, struct args *args, struct node *at, struct node *callee);
/* A call of a class: __init__ is specialised, the expression calls the class. */
struct val call_constructor(
    struct frame *f, struct fn *init, const struct val *self, struct args *args, struct node *at, struct node *callee);
struct node *build_call(struct frame *f, struct node *callee, const struct args *args, struct node *at);
/* Run a function's body for the current parameter knowledge, once a round; its residual body and summary. */
void fn_specialise(struct unit *unit, struct fn *fn);
/* A function used as a value: any arguments. */
void fn_escape(struct unit *unit, struct fn *fn);

/* spec_lib.c */
struct val call_library(struct frame *f, atom qual, struct val callee, struct args *args, struct node *at);
bool has_key(const struct absval *dict, atom key);
struct val call_object(struct frame *f, struct val object, struct args *args, struct node *at);
struct val call_method(struct frame *f, struct val object, atom name, struct args *args, struct node *at);
const struct arg *arg_find(const struct args *args, uint32_t position, const char *keyword);
/* What defines a variable, where that is an assignment. */
const struct node *defined_by(const struct node *e);

/* spec_class.c */
struct val construct(struct frame *f, struct cls *cls, struct val callee, struct args *args, struct node *at);
struct attr *class_attr(const struct cls *cls, atom name);
struct val self_attribute(struct frame *f, struct val self, atom name, struct node *at);
void store_attribute(struct frame *f, struct cls *cls, atom name, struct val v, struct node *stmt);
bool names_are_global(const struct module *module, const struct node *n);
struct val call_super(struct frame *f, atom method, struct args *args, struct node *at);

/* spec_assume.c */
/* From now on the test holds, or does not; returns what was assumed before, for f->assumed. */
const struct assumption *assume(struct frame *f, const struct absval *test, bool holds);
/* The module changes here while it runs: where a flag of the configuration is otherwise it does not. */
void note_state_here(const struct frame *f);
/* What is known of the value under the tests that hold here. */
const struct absval *known_here(struct frame *f, const struct absval *a);
/* A module, or several, that is taken where a test known at construction holds, or does not. */
const struct absval *abs_where(struct unit *unit, const struct absval *a, const struct node *test, bool holds);
/* `a` where the test holds, else `b`, of which is said when if they are modules; the test may be NULL. */
const struct absval *abs_join_where(
    struct unit *unit, const struct absval *a, const struct absval *b, const struct node *test);
/* All tests around, if the constructor can answer each; else NULL, as outside of any. */
struct node *assumed_here(struct frame *f);
/* `x is not None`, or `x is None`, of what may be a module, as a test that the constructor can answer; or NULL. */
const struct absval *presence(struct frame *f, const struct absval *a, bool present);
/* The test that the symbol is a key of such an item; NULL where none is. */
struct node *keys_of(
    struct unit *unit, const struct absval *dict, struct node *symbol, bool (*has)(const struct absval *item));
/* The class of a table under a key that the constructor knows; NULL where the table is not of classes alone. */
const struct absval *choose_class(struct unit *unit, const struct absval *dict, const struct absval *key);

/* spec_mask.c */
/* The value, known as a mask where its expression computes one. */
struct val mask_or(struct frame *f, struct val v);
/* A call of scatter, and what it writes; NULL where it combines that with what is there. */
bool is_scatter(const struct node *e);
const struct node *scattered(const struct node *scatter);
/* What is known of a variable that is `a` or `b` after an IF, if it is a mask; else NULL. */
const struct absval *mask_join(
    struct frame *f, const struct node *test, const struct absval *a, const struct absval *b);
/* The mask that is `a` where the symbol holds, else `b`; NULL where that is no mask. */
const struct absval *mask_either(struct frame *f, struct node *symbol, const struct absval *a, const struct absval *b);

/* spec_chosen.c */
/* What x.topk(k, dim) returns, the arguments from `first` on: with the limit under which it takes all keys, if any. */
const struct absval *topk_abs(
    struct frame *f, const struct val *x, const struct args *args, uint32_t first, struct node *at);
/* An item of a sequence; the second of what topk returns are the indices. */
const struct absval *sequence_item(struct unit *unit, const struct absval *sequence, long index);
/* Whether a method leaves the numbers of keys, and their dimension the last. */
bool keeps_choice(const struct absval *x, atom method, const struct args *args);
/* The result of an operation that leaves them. */
const struct absval *still_chosen(struct unit *unit, const struct absval *x, const struct absval *result);
/* The assumption that such a choice takes all keys; NULL where the user does not make it. */
const struct fact *assumed_to_take_all(const struct unit *unit);
/* A tensor of which it is known what it holds, until it is changed: a mask, numbers of keys. */
bool is_settled(const struct absval *a);
/* Whether an index surely holds the number of every key, under that assumption. */
bool chooses_all(const struct unit *unit, const struct node *index);
/* The translation holds up to this limit. */
void note_limit(struct unit *unit, struct node *limit);

/* spec_auto.c */
/* get_text_config() of a configuration. */
struct val text_config(struct frame *f, struct val config);
/* AutoModel.from_config(config.text_config), or AutoModelForCausalLM: false where it is not that. */
bool auto_model(struct frame *f, atom qual, struct args *args, struct node *at, struct val *result);
/* XModel._from_config(config) of the library, which calls the class, for the text: false where it is not that. */
bool text_model(struct frame *f, struct val cls, struct args *args, struct node *at, struct val *result);
/* get_input_embeddings() of the library; false where it finds none. */
bool input_embeddings(struct frame *f, struct val model, struct val *result);
/* The mask of a configuration, or those of the types of its layers, each made by `make`; false where that is not known.
 */
bool layer_masks(struct frame *f, const struct arg *config, const struct fact *fact, struct node *call,
    const struct absval *(*make)(struct frame *f, enum effect effect, const struct arg *config), struct val *result);

/* spec_einops.c */
/* einops.rearrange, or einops.repeat, as reshape, permute, expand and flatten; false where its pattern is not
 * understood. */
bool rearrange(struct frame *f, bool repeats, const struct args *args, struct node *at, struct val *result);

/* spec_lengths.c */
/* Whether the test of an IF, which is not known, asks if there are as many queries as keys. */
bool compares_lengths(struct frame *f, const struct node *stmt);

/* spec_tokens.c */
/* Whether the IF, of which the test is not known, finds the token ids in a way that no export can trace. */
bool finds_tokens(struct frame *f, const struct node *stmt, const struct val *test);

/* spec_einsum.c */
/* A call of torch.einsum as a batched product and a transpose, or NULL where that is not what it says. */
struct node *einsum_product(struct frame *f, const struct args *args, struct node *call);

/* spec_tables.c */
/* Whether the IF, of which the test is not known, only makes tables for inputs that are longer than AutoDeploy's. */
bool outgrown_branch(struct frame *f, struct node *stmt, const struct val *test);
/* Whether a forward does nothing but hand out the first rows of tables. */
bool hands_out_rows(const struct fn *fn);

/* spec_late.c */
/* Whether the IF only makes attributes that the constructor can make: it does so from now on. */
bool is_made_late(struct frame *f, struct node *stmt);
/* At the end of a constructor, make them. */
void make_late_attributes(struct frame *f);

/* spec_sizes.c */
/* The test of an assertion holds: maybe it says what sizes a variable has. */
void note_sizes(struct frame *f, const struct node *test);
/* x.view(...) with the sizes of x and ones between them, as an index; false where it is not known to be that. */
bool view_of_sizes(
    struct frame *f, struct val object, const struct args *args, const struct node *at, struct val *result);

/* spec_zip.c */
/* Of the lists that a loop goes over together, drop those of which every item is a constant that its body knows. */
void drop_constant_lists(struct frame *f, struct node **target, struct node **iterable, const struct node *body);

/* spec_keys.c */
/* Run a loop over keys that are not known as one over those that it can meet; false where it is not such a loop. */
bool run_over_keys(struct frame *f, struct node *stmt);
/* The same for a comprehension that is a dictionary. */
bool comprehend_keys(struct frame *f, struct node *e, struct val *result);

/* spec_assign.c */
struct web *emit_assign(struct frame *f, atom name, struct val v, struct node *at);
void assign_target(struct frame *f, struct node *target, struct val v, struct node *at);
void bind_target(struct frame *f, struct node *target, const struct absval *abs, struct node *stmt);
struct node *copy_target(struct frame *f, struct node *target);
/* The variable after `stmt` has changed what `before` holds. */
void new_version(struct frame *f, atom name, struct web *before, const struct absval *abs, struct node *stmt);
/* What is known of a dictionary, if it is one, after `d[key] = v`. */
const struct absval *store_item(struct frame *f, const struct absval *d, struct val key, struct val v);
/* The same without a key. */
const struct absval *drop_item(struct frame *f, const struct absval *d, atom key);
/* A call of a module stores an attribute of it; whether no other statement does. */
bool note_stored(struct frame *f, struct cls *cls, atom attribute, struct node *stmt);
/* Every name of the object that `of` holds has another value; without a web they keep their definitions. */
void names_become(struct frame *f, const struct web *of, struct val now);
/* What is known of a list or dictionary in variables changes; they keep their definitions. */
bool is_container(const struct absval *a);
const struct web *held_base(const struct frame *f, const struct node *target);
void becomes(struct frame *f, struct val object, const struct absval *after);
/* `stmt` has changed an element of an element, as xs[0] is one of xs: of a variable behind `place`. */
void inner_changes(struct frame *f, const struct node *place, struct node *stmt);
/* What is left of a list or dictionary of which anything may have changed; of anything else what was known. */
const struct absval *forgotten(struct frame *f, const struct absval *a);
/* Whether taking an element out of a tuple costs nothing. */
bool elements_are_free(const struct absval *a);

/* spec_branch.c */
enum flow run_if(struct frame *f, struct node *stmt, struct node *rest, uint32_t from);
/* A variable that holds `v` at the end of a branch. */
struct web *web_in_block(struct frame *f, struct node *block, atom name, const struct val *v);
/* The names that statements assign. */
void collect_assigned(struct unit *unit, const struct node *n, struct map *names);

/* spec_stmt.c */
enum flow run_block(struct frame *f, struct node *block, uint32_t from);
struct node *emit(struct frame *f, struct node *stmt, struct node *at);
void map_copy(struct arena *arena, struct map *to, const struct map *from);
/* Join one variable after an IF; `branch` are the blocks of the two sides. */
struct val merge_vals(struct frame *f, struct node *join, atom name, struct val then, struct val other);

struct web *web_new(struct frame *f, enum web_kind kind, atom name, const struct absval *abs);
/* A fresh node at the place of a source node. */
struct node *at_node(struct frame *f, struct node *made, const struct node *at);

#endif
