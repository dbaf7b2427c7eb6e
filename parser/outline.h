/* outline.h - where the statements of a module or class stand, found without parsing.
 *
 * A part is a run of whole lines: one definition of several lines with its decorators, one import, assignment or
 * docstring, each with the comments above it, or what stands between two of these. Parsing the parts one by one gives
 * what parsing the whole gives. */
#ifndef ADGEN_PARSER_OUTLINE_H
#define ADGEN_PARSER_OUTLINE_H

#include "base/source.h"
#include "base/vec.h"

struct part {
    enum { PART_STATEMENTS, PART_SIMPLE, PART_CLASS, PART_FUNCTION, PART_HEADER } kind;
    uint32_t start, end; /* the lines */
    struct span def;     /* of a definition: from its first decorator or word */
    struct span name;    /* of a definition */
};

struct outline {
    VEC(struct part) parts; /* in order, without gaps */
};

/* False where it is not certain: a bracket or string that is not closed, a definition without a body, and spellings
 * that the scan does not know. Such a text must be parsed as a whole, which also finds what is wrong with it. */
bool outline_read(struct arena *arena, const struct source *source, struct outline *outline);

/* The same for a class that is a part: PART_HEADER comes first, with the comments above the class; then its body, where
 * the methods are PART_FUNCTION and other classes are among the statements. */
bool outline_class(struct arena *arena, const struct source *source, const struct part *cls, struct outline *outline);

#endif
