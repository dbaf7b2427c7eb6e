/* unit.h - one translation: the modeling file, what is reachable in it, and what the passes know.
 *
 * Everything here lives in the unit's arena. The data flows through the passes of passes.c in order; each pass says at
 * its head what it reads and writes. */
#ifndef ADGEN_REWRITE_UNIT_H
#define ADGEN_REWRITE_UNIT_H

#include "base/diag.h"
#include "base/map.h"
#include "parser/ast.h"
#include "rewrite/absval.h"
#include "rewrite/ssa.h"

struct facts;
struct rules;
struct trace;
struct account;
struct parser;
struct values;
struct registry;
struct config;
struct bundle;
struct datum;

/* What a name at module level stands for. */
struct symbol {
    enum { SYM_CLASS, SYM_FUNCTION, SYM_VALUE, SYM_IMPORT } kind;
    atom name;
    struct node *def;        /* CLASS, FUNCTION; the value expression of a VALUE; the ALIAS of an IMPORT */
    struct node *stmt;       /* the whole statement at module level */
    atom qual;               /* IMPORT: absolute dotted name */
    struct cls *cls;         /* CLASS: made on demand */
    struct fn *fn;           /* FUNCTION: made on demand */
    struct val value;        /* VALUE: evaluated on demand; abs NULL before, BOTTOM while under way */
    struct symbol *previous; /* what the name stood for before, or NULL */
    uint32_t order;          /* of definition in the module */
    bool unsure;             /* a test that is not known chooses between this and `previous` */
    bool used;               /* prune: referenced by the output */
    struct datum *datum;     /* run.h: the value that the interpreter found */
};

/* One Python file. */
struct module {
    struct source *source;
    struct node *tree;  /* as parsed: passes copy what they take, so that the next attempt can begin with it */
    struct node *body;  /* BLOCK of the statements that run, those of branches among them; see declare.c */
    atom name;          /* dotted; without a package the stem of the file name */
    atom package;       /* dotted name of the folder's package, or NULL */
    struct map symbols; /* name -> struct symbol */
};

struct param {
    atom name;
    enum op role; /* PARAM_PLAIN, PARAM_ARGS, PARAM_KWARGS */
    bool keyword_only;
    struct node *annotation, *dflt;
    const struct absval *abs; /* joined over all calls; NULL: never passed */
    struct web *web;
    uint32_t rank_id; /* 0, or what ranks relative to this parameter carry (absval.h) */
    bool live;
    bool extra; /* not in the source: came through **kwargs */
};

/* A function or method, specialised for all its calls together. */
struct fn {
    atom name;
    struct node *def; /* source FUNCTION; NULL for a lambda (then `lambda`) */
    struct node *lambda;
    struct module *module;
    struct cls *owner;      /* the class whose self it runs on; NULL for a function of the module */
    struct cls *defined_in; /* the class whose body holds it: where super() starts */
    bool unread;            /* a method of which only the name is known yet (class_method_named) */
    bool is_static, is_class_method, is_property;
    bool via_super;             /* a base's body, called by super(): unfolded like a helper */
    const struct map *closure;  /* variables around a nested def */
    VEC(struct param *) params; /* self first for a method */
    struct unit *unit;          /* set while equations are applied */
    uint64_t unequal;           /* hash of a body in which no equation holds; 0: none is known */
    struct node *body;          /* residual BLOCK; NULL before */
    const struct absval *ret;   /* what it returns, summarised */
    uint32_t round;             /* the round in which body was made */
    bool under_way;
    bool residual; /* called or referred to in the output: is emitted */
    bool escapes;  /* used as a value: its signature is not ours to change */
    /* prune: */
    VEC(struct node *) returns; /* its RETURN statements */
    VEC(struct node *) calls;   /* live CALLs of it */
    VEC(struct node *) effects; /* statements that are live whenever the function is */
    bool wraps;                 /* returns a tensor, which the output puts into a ModelOutput */
    struct fn *ret_via;         /* every return hands on what this function returns; NULL: not so */
    uint32_t ret_count;         /* every return is a tuple display of so many elements; 0: not so */
    uint64_t ret_live;          /* bit i: element i of it is read by some caller */
    struct map ret_fields;      /* fields of a returned ModelOutput that are read */
    bool ret_all_live;
    bool live;
};

/* An instance attribute. */
struct attr {
    atom name;
    atom own; /* what the source calls it, where the published checkpoint has another name; or NULL */
    const struct absval *abs;
    struct node *expr; /* the residual right-hand side, if it is stored once */
    struct node *stmt; /* that store */
    atom stacked; /* a part of that attribute of the list in which the source has all items as one tensor; or NULL */
    uint32_t part, parts;
    bool transposed;   /* so is each part there */
    struct node *flat; /* there are so many items, one below the other: a symbol; NULL: each is an item there */
    uint32_t stores;
    bool read;        /* buffers.c: outside of constructors */
    bool conditional; /* stored under a condition: may not exist */
    atom wanted;      /* made by a pass: what it is called where the attribute of that name turns out to be dead */
    bool live;
    VEC(struct node *) stmts; /* prune: every statement that stores it */
};

struct cls {
    atom name;
    struct node *def;
    struct module *module;
    VEC(struct cls *) bases; /* of this file, in order */
    VEC(atom) library_bases; /* dotted names */
    struct map methods;      /* own and inherited in this file, by name: struct fn with owner = this class */
    struct map class_attrs;  /* own: name -> value expression node */
    struct map attrs;        /* struct attr */
    struct map varying;      /* attributes that change after construction: name -> struct absval of what they become */
    struct map stored;       /* attributes that calls of the module store: name -> the statement; `def` if several do */
    struct map late;         /* what the constructor does at its end, since it had left it to the first call */
    const struct absval *dynamic; /* join of setattr with a computed name; NULL for none */
    struct map forms;             /* the same by form of the name (dynamic_attrs.h), if each has one */
    bool formless;                /* not each has */
    const struct absval *config;  /* what the library keeps as its configuration; NULL: the model's */
    const struct absval *items;   /* of a class that is a list of modules: each of them; NULL: not known, or no list */
    struct cls *item_class;       /* a class that a pass made for them: is printed before this one; NULL: none */
    uint32_t round;               /* in which attrs were made */
    bool constructed;
    bool live;
    bool other_interface; /* its forward takes or returns what that of the source does not */
    uint32_t order;       /* of first construction */
};

/* A call of a function of this file. A call of one of several modules has a site for each function that it may reach:
 * their signatures change together. */
struct callsite {
    struct fn *fn;
    struct fn *caller;
    uint32_t *param;       /* for each argument node, the index of its parameter */
    struct callsite *also; /* the next function that the same call may reach */
    bool fixed;            /* it may reach something outside of this file too: its arguments stay as they are */
};

/* Whether a call may reach a function, alone or among others. */
static inline bool call_reaches(const struct node *call, const struct fn *fn) {
    for (const struct callsite *site = call->callsite; site; site = site->also)
        if (site->fn == fn)
            return true;
    return false;
}
/* The argument that it passes for a parameter of a function that it may reach; NULL: none. */
static inline struct node *argument_for(const struct node *call, const struct fn *fn, const struct web *param) {
    const struct callsite *site = call->callsite;
    while (site && site->fn != fn)
        site = site->also;
    for (uint32_t i = 1; site && i < call->nkids; i++) {
        uint32_t p = site->param[i - 1];
        if (p != UINT32_MAX && fn->params.at[p]->web == param)
            return call->kid[i]->kind == NODE_KEYWORD ? call->kid[i]->kid[0] : call->kid[i];
    }
    return NULL;
}
/* The variable of the parameter for which kid[argument] of a call is; NULL: the function has none of its name. */
static inline struct web *parameter_of(const struct node *call, uint32_t argument) {
    uint32_t p = call->callsite->param[argument - 1];
    return p == UINT32_MAX ? NULL : call->callsite->fn->params.at[p]->web;
}
/* x.mul_(...): a method of tensors that changes its receiver and returns it. */
static inline bool works_in_place(atom method) {
    size_t len = strlen(method);
    return len > 1 && method[len - 1] == '_' && method[len - 2] != '_';
}
/* torch.topk(...) or x.topk(...), and not a method of this file. */
static inline bool is_topk(const struct node *e) {
    return is_kind(e, NODE_CALL) && !e->callsite && is_kind(e->kid[0], NODE_ATTRIBUTE) &&
           atom_is(e->kid[0]->atom, "topk");
}

/* How many calls below `n` reach a function; *found, where it is not NULL, becomes one of them. */
uint32_t count_calls(struct node *n, const struct fn *fn, struct node **found);
/* Whether a call reaches one function of this file and nothing else: its arguments may be changed with that. */
static inline bool call_is_single(const struct node *call) {
    return call->callsite && !call->callsite->also && !call->callsite->fixed;
}

/* The package that the file lies in, for what adgen reads besides the file. */
struct package {
    const char *root; /* folder of the package, such as .../transformers; NULL outside of any */
    atom name;        /* "transformers" */
};

/* A flag of the configuration, and the value for which the model is translated (declined.h). */
struct choice {
    atom field;
    bool served;
};

/* A model that the library makes for a part of the configuration (spec_auto.c). */
struct tower {
    atom path; /* of the part */
    atom type; /* its model type */
    struct cls *cls;
    bool open; /* the configuration class leaves the type open: it is the one by default */
};

/* What the user asked for. */
struct options {
    const char *assume;     /* an assumption of rules/prefill.yaml; NULL: none */
    const char *entry;      /* class to translate; NULL: to be found */
    const char *model_type; /* that the file was looked up for; NULL for a file given by its path */
    bool partial;           /* what is not understood is a gap, not an error */
    bool bundle_config;     /* put the configuration class into the output */
    bool whole;             /* parse all definitions, needed or not */
};

struct unit {
    struct unit *context;         /* outlives this translation, for what all read alike; NULL: nothing does */
    struct map tables, templates; /* of a context: path -> struct conversion_table, text -> its MODULE */
    struct map versions;          /* the same: folder of a package -> its version, after a space */
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct parser *parser;
    const struct facts *facts;
    struct rules *rules;
    struct trace *trace;
    struct account *account; /* NULL: nobody asks what became of the source */
    struct options options;
    struct package package;
    const char *library;             /* folder of the transformers package to read from; NULL: none is known */
    const struct registry *registry; /* its auto mappings, or NULL */
    struct map modules;              /* path -> struct module: the other files that were read */
    struct unit *before;             /* an attempt at the same file; what it has parsed is not parsed again */
    bool unparsed;                   /* a definition is no Python: another attempt will not do better */
    struct module *module;
    VEC(struct module *) linked; /* others that define models in it */
    VEC(struct tower) towers;
    VEC(atom) left_out; /* published names of other modalities, sorted; those of modules end in a dot (towers.h) */
    struct module *config_module; /* configuration file, or NULL */
    atom config_class;            /* name of the configuration class, or NULL */
    struct config *config;        /* what is known of that class, or NULL; see config.h */
    struct map config_fields;     /* its attributes: name -> declared default, or NULL where that is no expression */
    struct cls *entry;            /* <X>ForCausalLM of the source */
    VEC(struct cls *) classes;    /* constructed, in order */
    VEC(struct fn *) functions;   /* of the module, residual */
    struct map globals;           /* variables of modules that a constructor sets: name -> struct absval, a constant */
    struct map changes;           /* see in_place.c: statement -> struct change */
    VEC(struct node *) helpers;   /* FUNCTIONs that passes made, printed as they are before the classes */
    uint32_t rank_ids;
    bool restart; /* a parameter turned out to take several ranks: forget what is known of all */
    uint32_t round;
    bool changed; /* a summary grew after it was used: another round is needed */
    bool failed;
    bool keep_signatures; /* sweep removes statements only: parameters may still become live */
    bool reads_rope_parameters, rope_partial, rope_original; /* versions.c: what the emitted helper must provide */
    struct bundle *bundle;                                   /* bundle.c: the configuration class to emit, or NULL */
    bool axes_joined;                                        /* axes.c: positions of the source have more dimensions */
    bool rope_by_kind;                                       /* tabulate.c: tables for each kind of layer */
    bool names_activation;                                   /* experts.c: the output looks up one of torch_moe's */
    bool names_bias;                                         /* and says whether experts have biases */
    atom plain_experts;                                      /* whose experts no op computes; NULL: an op does */
    VEC(struct choice) choices;                              /* under which more may be understood */
    struct choice choice, declines;                          /* the one assumed; one that the source makes itself */
    const char *prefill_only;                                /* why AutoDeploy cannot cache it; NULL: it can */
    bool needs_tokens;                        /* some configurations read token ids even where embeddings are given */
    bool strict_rounding;                     /* only equations that are exact */
    VEC(struct node *) limits;                /* symbols: the program is the source's where no sequence is longer */
    bool limited_to_choice, limited_to_chunk; /* since all keys are chosen, and since there is one chunk up to them */
    /* the outcome, for the exit status and the report: */
    bool already; /* no pass found anything to change: the input is a translation */
};

/* How bad it is that something is not understood. */
static inline enum severity unit_refusal(const struct unit *unit) {
    return unit->options.partial ? SEVERITY_GAP : SEVERITY_ERROR;
}
static inline uint32_t unit_refusals(const struct unit *unit) {
    return diags_count(unit->diags, SEVERITY_ERROR) + diags_count(unit->diags, SEVERITY_GAP);
}

/* The files of the program: the modeling file, then those that are linked; NULL behind the last. */
static inline struct module *unit_module(const struct unit *unit, uint32_t i) {
    return i == 0 ? unit->module : i <= unit->linked.len ? unit->linked.at[i - 1] : NULL;
}

/* Where to keep what other translations in this context will read again. */
static inline struct unit *unit_keeper(struct unit *unit) {
    return unit->context ? unit->context : unit;
}

/* -- link.c -------------------------------------------------------------------------------------------------------- */

struct module *module_load(struct unit *unit, struct source *source);
/* The module in a file, read and parsed once a unit; NULL with diagnostics. */
struct module *module_read(struct unit *unit, const char *path);
/* The file in which an imported name should be defined: of the package, or beside the importing file; NULL if it is in
 * neither. `qual` is its absolute dotted name, the last part of which is the name in the file. */
const char *import_path(struct unit *unit, const struct module *module, atom qual);
struct symbol *module_lookup(const struct module *module, atom name);
/* Classes and functions of another file are part of the program from now on. */
void unit_link(struct unit *unit, struct module *module);
/* What a global name of the program stands for: in the file that the node is from. */
struct symbol *unit_lookup(const struct unit *unit, const struct node *name);
/* What the name stood for where `reader` was defined; NULL for nothing. */
struct symbol *symbol_before(const struct module *module, atom name, const struct symbol *reader);
/* The definition of a CLASS or FUNCTION, which may not have been parsed before: use this, not symbol->def, for more
 * than its name. Of the methods of a class, the initialisers and those with decorators are parsed then. */
struct node *symbol_def(struct unit *unit, const struct symbol *symbol);
struct cls *symbol_class(struct unit *unit, struct module *module, struct symbol *symbol);
struct fn *symbol_function(struct unit *unit, struct module *module, struct symbol *symbol);
/* A method of a class, which may not have been parsed before: use this, not cls->methods, for more than its name. */
struct fn *class_method_named(struct unit *unit, const struct cls *cls, atom name);
/* A method in the body of a class that was not made a struct cls, which may not have been parsed before. */
struct node *method_def(struct unit *unit, struct node *def);
/* The same for __init__ and forward, which are parsed with the class. */
struct fn *class_method(const struct cls *cls, const char *name);
/* Whether a base, in this file or out of it, ends in the dotted suffix, such as "nn.Module". */
bool class_derives(const struct cls *cls, const char *suffix);
/* "Class.function" for people. */
const char *fn_path(struct unit *unit, const struct fn *fn);
/* A function that translations define: called, and printed, as it stands. */
bool fn_is_of_translations(const struct fn *fn);
struct fn *fn_make(struct unit *unit, struct module *module, struct node *def, struct cls *owner);
/* Whether a dotted name equals `suffix` or ends in "." and `suffix`. */
bool qual_ends(atom qual, const char *suffix);
/* Whether it is surely an object of a library class of which the dotted name ends so. */
static inline bool abs_is_object(const struct absval *a, const char *suffix) {
    return a && a->kind == ABS_OBJECT && qual_ends(a->qual, suffix);
}

/* -- declare.c ----------------------------------------------------------------------------------------------------- */

/* Make the symbols of a module that has been read. */
void declare_module(struct unit *unit, struct module *module);
/* An import inside of a function is one of the module where that has no use for the names: false where it has another.
 */
bool declare_local_import(struct unit *unit, struct module *module, struct node *stmt);
/* Whether an import of that module fails where only what every model needs is installed. */
bool may_be_absent(const char *module);
/* The absolute module that `from <dots><module> import` means. Outside of a package, one dot is the file's own folder;
 * a file that climbs further was copied out of a folder of transformers.models, which is then what it climbs from. */
atom import_base(struct unit *unit, const struct module *module, const struct node *stmt);

/* -- absval.c ------------------------------------------------------------------------------------------------------ */

const struct absval *abs_simple(
    enum abs_kind kind); /* TOP, NOTNONE, NUMBER, BOTTOM, TENSOR and SHAPE of unknown rank */
struct absval *abs_new(struct unit *unit, enum abs_kind kind);
const struct absval *abs_const(struct unit *unit, struct node *constant);
const struct absval *abs_none(struct unit *unit);
const struct absval *abs_bool(struct unit *unit, bool value);
const struct absval *abs_tensor(struct unit *unit, uint32_t rank);
/* A tensor or None (TOP), where it is a tensor. */
const struct absval *abs_given(struct unit *unit, const struct absval *optional);
/* Such a tensor or None, which it is not where the test `given` holds; NULL: no such test is known. */
const struct absval *abs_optional(struct unit *unit, const struct absval *tensor, struct node *given);
const struct absval *abs_shape(struct unit *unit, uint32_t rank);
const struct absval *abs_symbolic(struct unit *unit, struct node *expr);
/* The same knowledge, for a reason. */
const struct absval *abs_decided(struct unit *unit, const struct absval *a, reason because);
const struct absval *abs_join(struct unit *unit, const struct absval *a, const struct absval *b);
bool abs_equal(const struct absval *a, const struct absval *b);
/* The same knowledge without expressions or variables of a function: what a caller may see. */
const struct absval *abs_summary(struct unit *unit, const struct absval *a);
/* 1 true, 0 false, -1 unknown. */
int abs_truth(const struct absval *a);
/* Whether it is a constant integer. */
bool abs_int(const struct absval *a, long *value);
/* The expression of a value in terms of config and layer_idx, or NULL if it is not known at construction (or
 * is NULL). */
struct node *abs_symbol(struct unit *unit, const struct absval *a);
const char *abs_describe(struct unit *unit, const struct absval *a);

/* -- spec_mask.c --------------------------------------------------------------------------------------------------- */

/* Turn `a` into what both masks allow; false where that is none of the masks that are known. */
bool mask_intersect(struct mask *a, const struct mask *b);

/* -- prune.c ------------------------------------------------------------------------------------------------------- */

/* Every function with a residual body of the last round. */
struct functions {
    VEC(struct fn *) list;
};
void functions_collect(struct unit *unit, struct functions *functions);

/* The opposite test; `test` becomes part of it. */
struct node *negated(struct unit *unit, struct node *test);

/* The call that makes the output which a function returns, there or in a variable for nothing else; NULL for any other
 * value. */
struct node *returned_record(const struct fn *fn, struct node *value);

/* Keep what the entry's logits need; see prune.c. */
void prune(struct unit *unit);
/* Its first half: collect the functions, and set the `mark` of each statement that is needed; then take it back. */
void mark_needed(struct unit *unit, struct functions *functions);
void clear_needed(struct functions *functions);

/* -- in_place.c ---------------------------------------------------------------------------------------------------- */

/* The statement changes a tensor in place; the variable `after` holds it from then on (NULL: none does). */
void note_change(struct unit *unit, struct node *stmt, const struct node *object, const struct web *after);
bool check_changes(struct unit *unit);

/* -- defined.c ----------------------------------------------------------------------------------------------------- */

bool check_defined(struct unit *unit);

/* -- check.c ------------------------------------------------------------------------------------------------------- */

bool check_residual(struct unit *unit);

/* -- buffers.c ----------------------------------------------------------------------------------------------------- */

void register_buffers(struct unit *unit);

/* -- equations.c --------------------------------------------------------------------------------------------------- */

void apply_equations(struct unit *unit);
/* The same for one function, once more. */
void apply_equations_to(struct unit *unit, struct fn *fn);
/* Why no equation took something in this function, by the first rule that came near and has `kind` in its id, such as
 * "attention"; NULL: none came near. Changes nothing but the trace. */
const char *nearest_miss(struct unit *unit, struct fn *fn, const char *kind);

/* -- branches.c ---------------------------------------------------------------------------------------------------- */

void equate_branches(struct unit *unit);

/* -- expert_runs.c ------------------------------------------------------------------------------------------------- */

void read_expert_runs(struct unit *unit);

/* -- experts.c ----------------------------------------------------------------------------------------------------- */

void gather_experts(struct unit *unit);

/* -- arms.c -------------------------------------------------------------------------------------------------------- */

bool join_arms(struct unit *unit); /* whether there were any */

/* -- names.c ------------------------------------------------------------------------------------------------------- */

/* Uses of a variable that is a copy of another read that one; the copy goes. */
void propagate_copies(struct unit *unit);
void assign_names(struct unit *unit);

/* -- specialise.c -------------------------------------------------------------------------------------------------- */

bool specialise(struct unit *unit);
/* Whether Python itself defines a name, and code that uses it is understood. */
bool name_is_builtin(atom name);

#endif
