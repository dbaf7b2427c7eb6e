/* run_internal.h - between the parts of the interpreter (run*.c). */
#ifndef ADGEN_REWRITE_RUN_INTERNAL_H
#define ADGEN_REWRITE_RUN_INTERNAL_H

#include "rewrite/run.h"

enum { CALLS_MAX = 120, STEPS_MAX = 200 * 1000 * 1000 };

struct binding {
    atom name;
    struct datum *value;
};

/* The variables of one call, or of a comprehension. */
struct scope {
    struct scope *outer; /* NULL: the module's names come next */
    struct module *module;
    const struct closure *function; /* that runs; NULL in the body of a class */
    struct class *class;            /* whose body it is */
    bool comprehension;
    VEC(struct binding) names;
    struct datum *result;
};

struct run {
    struct unit *unit;
    struct arena *arena;
    struct module *home; /* the model's file: what fails in a function of another one is a value that is not known */
    const struct dtype *dtype;
    struct map strings; /* text -> D_STR */
    struct map classes; /* of libraries: dotted name -> struct class */
    struct datum *none, *yes, *no, *ints[64];
    uint32_t calls;
    uint64_t steps;
    enum { RUN_ON, RUN_RAISED, RUN_REFUSED } stop;
    const struct node *at; /* of the stop */
    const char *why;
    struct datum *exception;
    struct forward *forward; /* what modules compute is followed and noted; NULL: constructors alone are run */
};

/* Arguments of a call. */
struct arguments {
    struct data positional;
    struct dict named;
    struct node *at; /* the call */
};

/* -- run.c */
struct datum *run_raise(struct run *run, const struct node *at, const char *class, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
struct datum *unknown(struct run *run, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What an unknown value decides cannot go on. */
struct datum *refuse_unknown(struct run *run, const struct node *at, const struct datum *unknown, const char *what);
static inline bool is_unknown(const struct datum *d) {
    return d->kind == D_UNKNOWN;
}

/* -- run_value.c */
int truth_of(const struct datum *d); /* 1, 0; -1 not known */
int equal_data(const struct datum *a, const struct datum *b);
int contains(const struct datum *container, const struct datum *item);
struct datum *datum_text(struct run *run, const struct datum *d); /* str(d); may be unknown */
struct datum *dict_find(const struct dict *dict, const struct datum *key);
bool dict_delete(struct dict *dict, const struct datum *key);
void dict_merge(struct run *run, struct dict *into, const struct dict *from);
struct datum *datum_class(struct run *run, struct class *class);
struct datum *datum_object(struct run *run, struct class *class); /* without attributes */
uint32_t dict_length(const struct dict *dict);
/* The elements of anything that can be iterated, as a new LIST; NULL refused or raised. */
struct datum *elements_of(struct run *run, struct datum *d, const struct node *at);
bool number_of(const struct datum *d, double *value); /* of BOOL, INT, FLOAT */
struct datum *copy_of(struct run *run, const struct datum *d, bool deep);

/* -- run_expr.c */
struct datum *evaluate(struct run *run, struct scope *scope, struct node *n);
struct datum *lookup(struct run *run, struct scope *scope, atom name);
bool assign(struct run *run, struct scope *scope, struct node *target, struct datum *value);
void bind(struct run *run, struct scope *scope, atom name, struct datum *value);

/* -- run_operator.c */
struct datum *binary(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at);
struct datum *unary(struct run *run, enum op op, struct datum *a, const struct node *at);
struct datum *compare(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at);
struct datum *subscript(struct run *run, struct datum *value, struct datum *index, const struct node *at);
struct datum *object_elements(struct run *run, struct datum *object, const struct node *at); /* as a LIST */
struct datum *slice(struct run *run, struct datum *value, struct datum *const bound[3], const struct node *at);

/* -- run_stmt.c */
enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE, FLOW_RETURN, FLOW_STOP };
enum flow execute(struct run *run, struct scope *scope, struct node *block);

/* -- run_call.c */
struct datum *call(struct run *run, struct datum *callee, struct arguments *arguments);
struct datum *run_closure(struct run *run, struct closure *function, struct datum *self, struct arguments *args);
struct datum *argument(const struct arguments *arguments, uint32_t position, const char *name); /* NULL: not given */

/* -- run_class.c */
struct class *class_of_symbol(struct run *run, struct module *module, struct symbol *symbol);
void init_subclass(struct run *run, struct datum *class); /* what bases do to it */
struct class *library_class(struct run *run, const char *name);
bool class_is(const struct class *class, const char *name); /* a base, by its name or dotted name */
struct member *find_member(const struct class *class, const struct class *after, atom name, struct class **in);
struct datum *member_value(struct run *run, struct class *in, struct member *member);
struct member *add_member(struct run *run, struct class *class, atom name); /* or the one of that name */
/* As an instance or, with a NULL object, the class itself sees it. */
struct datum *bound_member(
    struct run *run, struct datum *object, struct class *class, struct class *in, struct member *member);
struct datum *method_of(struct run *run, struct datum *self, struct closure *function, atom name);

/* -- run_attribute.c */
struct datum *get_attribute(struct run *run, struct datum *object, atom name, const struct node *at);
/* Past __getattribute__ and behind a class of the line (NULL: from the start). NULL and nothing raised: none. */
struct datum *find_attribute(
    struct run *run, struct datum *object, const struct class *after, atom name, const struct node *at);
bool set_attribute(struct run *run, struct datum *object, atom name, struct datum *value, const struct node *at);
bool run_store(struct run *run, struct datum *object, const struct class *after, atom name, struct datum *value,
    const struct node *at);

/* -- run_construct.c */
struct datum *run_instance(struct run *run, struct class *class, struct arguments *arguments);
struct datum *call_native(struct run *run, struct datum *self, const char *name, struct arguments *arguments);

/* -- run_names.c */
struct datum *module_value(struct run *run, struct module *module, atom name); /* NULL and nothing raised: none */
struct datum *library_name(struct run *run, atom qual);
struct datum *imported(struct run *run, const struct module *module, atom qual);

/* -- run_builtins.c */
bool is_builtin(const char *name);
/* Also of `math` and `copy`. NULL and nothing raised: not known. */
struct datum *run_builtin(struct run *run, const char *name, struct arguments *arguments);
/* *truth: 1, 0, -1 not known. */
void is_instance(struct run *run, const struct datum *d, const struct datum *class, int *truth);

/* -- run_methods.c: of strings, lists, tuples, sets, dictionaries */
bool has_method(const struct datum *d, const char *name);
struct datum *run_method(struct run *run, struct datum *self, const char *name, struct arguments *arguments);

/* -- run_tensor.c */
struct datum *tensor_new(struct run *run, const struct dtype *dtype);
struct datum *call_torch(struct run *run, const char *name,
    struct arguments *arguments); /* torch.<name>; NULL and nothing raised: not known */
struct datum *call_tensor(struct run *run, struct datum *self, const char *name, struct arguments *arguments);
struct datum *tensor_attribute(struct run *run, struct datum *self, const char *name, const struct node *at);
struct datum *tensor_binary(struct run *run, enum op op, struct datum *a, struct datum *b, const struct node *at);
struct datum *tensor_rows(struct run *run, struct datum *self);            /* along its first axis, as a LIST */
struct datum *tensor_buffer(struct run *run, struct arguments *arguments); /* nn.Buffer */
const struct dtype *dtype_of(struct run *run, const struct datum *d);      /* of a LIBRARY or STR that names one */

/* -- run_forward.c, run_shapes.c, run_ops.c, run_index.c: where run->forward is set */
struct datum *forward_module(struct run *run, struct datum *module, struct arguments *arguments);
struct datum *forward_mask(struct run *run); /* of all tokens, for all heads */
struct datum *forward_library(struct run *run, struct datum *module, struct arguments *arguments);
/* torch.<name>, its method of a tensor with the tensor as first argument. NULL and nothing raised: not known. */
struct datum *shape_of_call(struct run *run, const char *name, struct arguments *arguments);
struct datum *shape_like(struct run *run, const struct datum *of);                    /* nobody's parameter */
struct datum *shape_resized(struct run *run, const struct datum *of, long long last); /* its last axis is another */
void shape_drop(struct tensor *t, long long axis);
bool shape_insert(struct tensor *t, long long axis, long long size); /* false: there are too many axes */
struct datum *shape_of_index(struct run *run, struct scope *scope, struct datum *tensor, struct node *index);
struct datum *shape_of_product(struct run *run, const struct datum *a, const struct datum *b); /* @ */
struct datum *forward_operator(struct run *run, const char *name, struct arguments *arguments);

/* -- run_module.c */
/* Whether there is something to construct; then it is, or the run was stopped. */
bool init_library(struct run *run, struct class *class, struct datum *self, struct arguments *arguments);
bool is_module_class(const char *name);
struct datum *call_module(struct run *run, struct datum *self, const char *name, struct arguments *arguments);

#endif
