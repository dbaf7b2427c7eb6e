/* run.h - an interpreter of Python, as far as the constructors of models and configurations need one.
 *
 * It runs the source itself: classes with their bases, functions, loops, comprehensions, properties, imports from files
 * that are at hand. Of libraries it knows what constructors do with them: tensors are a shape and a dtype, the modules
 * of torch.nn are their parameters. What it does not know is a value of its own, D_UNKNOWN, which remembers where it
 * arose: computing with it gives the same again, and nothing is said as long as nothing depends on it. A test, a loop,
 * a shape or a key that depends on it ends the run (run_refuse).
 *
 * A function returns NULL when the run has to unwind: an exception was raised (which a `try` may catch) or something
 * was refused. Everything lives in the arena of the unit. */
#ifndef ADGEN_REWRITE_RUN_H
#define ADGEN_REWRITE_RUN_H

#include "rewrite/unit.h"

struct run;
struct datum;

enum datum_kind {
    D_NONE, /* and Ellipsis, which nothing here tells from it */
    D_BOOL,
    D_INT,
    D_FLOAT,
    D_STR,
    D_LIST,
    D_TUPLE,
    D_SET,
    D_DICT,
    D_FUNCTION,
    D_METHOD,
    D_CLASS,
    D_OBJECT,
    D_SUPER,
    D_LIBRARY, /* a name of a library, such as torch.float32 or math.sqrt */
    D_TENSOR,
    D_UNKNOWN
};

struct data {
    VEC(struct datum *) list;
};

struct item {
    struct datum *key, *value; /* a NULL value: it was deleted */
};

struct dict {
    VEC(struct item) list;
};

/* A def or a lambda. */
struct closure {
    struct node *def;
    struct module *module;
    struct scope *around; /* of a nested one */
    struct class *owner;  /* in the body of which it stands: where super() starts */
};

/* An attribute of a class. */
struct member {
    atom name;
    struct node *node;         /* FUNCTION, or the expression of its value; NULL: only declared */
    struct node *annotation;   /* of a declared field */
    struct datum *value;       /* once it was asked for */
    struct closure *get, *set; /* of a property */
    bool is_static, is_class_method;
    bool under_way;
};

struct class {
    atom name;             /* of a library's class its dotted name */
    struct module *module; /* NULL: of a library */
    struct node *def;
    VEC(struct class *) line; /* method resolution order, itself first */
    VEC(struct member *) members;
    bool is_module;     /* derives from torch.nn.Module */
    bool is_dataclass;  /* its constructor follows from its fields */
    bool is_strict;     /* checks its fields itself once it is made: methods `validate_...` */
    bool is_open;       /* instances may have attributes that are not known */
    bool reads, writes; /* defines __getattribute__, __setattr__, or inherits it */
};

struct object {
    struct class *class;
    struct datum *attributes;  /* DICT */
    struct data items;         /* what it holds as a list of modules */
    struct dict dict;          /* what it holds as a dictionary */
    VEC(struct datum *) hooks; /* functions that rename or unpack what is loaded into a module */
};

enum tensor_role { TENSOR_PLAIN, TENSOR_PARAMETER, TENSOR_BUFFER, TENSOR_LOCAL_BUFFER };

enum { RANK_MAX = 8 };

struct tensor {
    uint8_t role; /* enum tensor_role */
    uint8_t rank;
    bool of_positions; /* made of `position_ids`, as far as forward passes are followed */
    long long dim[RANK_MAX];
    const struct dtype *dtype; /* NULL: not known */
    uint32_t key;              /* number + 1 in keys.h's list; 0: not listed */
};

/* How many elements it has. */
long long tensor_elements(const struct tensor *tensor);

struct dtype {
    const char *name;
    uint32_t bytes;
    bool floating;
};

struct datum {
    enum datum_kind kind;
    union {
        bool truth;
        long long integer;
        double real;
        atom text;         /* STR, LIBRARY */
        struct data items; /* LIST, TUPLE, SET */
        struct dict dict;
        struct closure *function;
        struct class *class;
        struct object *object;
        struct tensor tensor;
        struct {
            struct datum *self;
            struct closure *function; /* NULL: a method that the interpreter knows */
            atom name;
        } method;
        struct {
            struct class *after;
            struct datum *self; /* OBJECT, or CLASS in a class method */
        } super;
        struct {
            const struct node *at;
            const char *why;
            bool may_hold; /* it may be a module: what parameters it has is not known */
        } unknown;
    };
};

/* -- running (run.c) ----------------------------------------------------------------------------------------------- */

struct run *run_create(struct unit *unit);

/* What torch gives a floating tensor of which nothing says its dtype. */
void run_set_dtype(struct run *run, const struct dtype *dtype);

/* The value of a name of a module; NULL with nothing raised where there is none. */
struct datum *run_name(struct run *run, struct module *module, atom name);

/* Make an instance; keyword arguments are the items of a DICT. */
struct datum *run_construct(struct run *run, struct datum *class, struct datum *positional, struct dict *named);

/* Call with positional arguments. */
struct datum *run_apply(struct run *run, struct datum *callee, struct datum **arguments, uint32_t count);

/* An attribute; NULL, and nothing raised, where there is none. */
struct datum *run_attribute(struct run *run, struct datum *object, const char *name);

/* Report, as diagnostics, why the run ended. */
void run_report(struct run *run);

/* End the run: what is asked for at a node cannot be known. */
struct datum *run_refuse(struct run *run, const struct node *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -- values (run_value.c) ------------------------------------------------------------------------------------------ */

struct datum *datum_none(struct run *run);
struct datum *datum_bool(struct run *run, bool truth);
struct datum *datum_int(struct run *run, long long integer);
struct datum *datum_float(struct run *run, double real);
struct datum *datum_str(struct run *run, const char *text);
struct datum *datum_list(struct run *run, enum datum_kind kind);
struct datum *datum_dict(struct run *run);
void datum_push(struct run *run, struct datum *list, struct datum *item);

/* A string key; NULL where it is missing. */
struct datum *dict_get(const struct dict *dict, const char *key);
void dict_set(struct run *run, struct dict *dict, struct datum *key, struct datum *value);

const struct dtype *dtype_named(const char *name); /* float32, bfloat16, ...; NULL: there is none */

#endif
