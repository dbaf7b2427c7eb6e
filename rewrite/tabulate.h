/* tabulate.h - values that depend on the position alone become tables. tabulate.c finds and moves them; long_context.c
 * adds a second block of rows where the frequencies change for long inputs. */
#ifndef ADGEN_REWRITE_TABULATE_H
#define ADGEN_REWRITE_TABULATE_H

#include "rewrite/unit.h"

void tabulate(struct unit *unit);

/* The parameter of a function that is position_ids, or NULL. */
struct web *positions_param(const struct fn *fn);

/* One forward function that takes positions, and the constructor that gets its tables. */
struct tabulate {
    struct unit *unit;
    struct fn *forward, *init;
    struct web *positions;     /* the parameter */
    struct web *all_positions; /* in __init__ */
    struct node *rope_init;  /* the call of a library rope function in __init__, where lengths matter to it; or NULL */
    struct web *rows;        /* in forward: rows of the table, where not position_ids itself */
    struct node *into;       /* BLOCK of __init__ that gets the code */
    struct node *loop;       /* the FOR over layer types around `into`, or NULL */
    struct web *key;         /* the parameter of forward that names the layer type, or NULL */
    struct map clones;       /* id of a web of forward -> web in __init__ */
    const char *first_table; /* the name of one of the tables */
    struct map names;        /* of the tables: name -> the function that reads it */
    bool has_long_rows;
};

/* `self` as fn calls it. */
struct node *tabulate_self(struct tabulate *t, struct fn *fn);
/* Appends `name = expr` to the constructor. */
struct web *tabulate_assign(struct tabulate *t, atom name, struct node *expr);
/* The rows of table `name` that forward reads. */
struct node *tabulate_read(struct tabulate *t, const char *name);
/* The variable of the loop over layer types. */
struct web *tabulate_loop_key(const struct tabulate *t);

/* -- long_context.c -- */

/* Whether a decorator of forward makes its frequencies follow the length of the input. */
bool frequencies_follow_length(const struct unit *unit, const struct fn *forward);
/* Finds the call that computes frequencies (t->rope_init). False where it is not understood how it was chosen. */
bool long_context_find(struct tabulate *t);
/* Constructor: the rows for long inputs below `rows`, those for short ones. */
struct node *long_context_rows(struct tabulate *t, struct node *rows);
/* forward: sets t->rows to the rows that its positions read. */
void long_context_choose(struct tabulate *t);

#endif
