/* towers.h - what a text model leaves of a model of several modalities (spec_auto.c finds its tower for text). */
#ifndef ADGEN_REWRITE_TOWERS_H
#define ADGEN_REWRITE_TOWERS_H

#include "rewrite/unit.h"

struct checkpoint;

/* Whether the class is one of unit->towers. */
bool is_tower(const struct unit *unit, const struct cls *cls);

/* Whether the class holds the tower for text: what the logits do not run beside it is another modality's. */
bool wraps_tower(const struct unit *unit, const struct cls *cls);

/* Whether an attribute holds parameters, or a module of which nothing is known. */
bool may_hold_parameters(const struct attr *attr);

/* Refuse names that stand for different things in two files of the program. */
void check_linked_names(struct unit *unit);

/* Fill unit->left_out: the published names of what is another modality's, as paths, those of modules with a dot behind.
 */
void note_left_out(struct unit *unit, const struct checkpoint *checkpoint);

/* The same from a translation, which declares them in its class; and the types of its towers, which its constructor
 * asks for: `if test: raise ...`. */
void read_left_out(struct unit *unit);
void note_tower_type(struct unit *unit, const struct fn *fn, const struct node *test, const struct node *raises);

#endif
