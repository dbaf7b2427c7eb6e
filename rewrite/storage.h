/* storage.h - which memory the value of an expression may share.
 *
 * PyTorch's views, casts and `contiguous` may hand on the memory of what they were made of; so do names, containers,
 * choices, and functions that return what they were given. Arithmetic makes new memory. A place in memory is named by
 * what held it first: a variable (its web), or an attribute of a module. */
#ifndef ADGEN_REWRITE_STORAGE_H
#define ADGEN_REWRITE_STORAGE_H

#include "rewrite/unit.h"

struct storage {
    VEC(const void *) at; /* webs and attributes, each once */
};

/* What is known of the variables and functions that were asked about; a zeroed one is empty and valid. */
struct storages {
    struct unit *unit;
    struct map webs; /* web or fn -> struct storage */
};

/* The places that an expression may share, by what is sure not to be one left out: over-approximate. Never NULL. */
const struct storage *storage_of(struct storages *known, const struct node *e);
const struct storage *storage_of_web(struct storages *known, const struct web *web);

bool storage_meets(const struct storage *a, const struct storage *b);

#endif
