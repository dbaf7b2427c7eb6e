/* outline.h - where the statements of a module or class stand, found without parsing.
 *
 * A part is a run of whole lines: one definition of several lines with its decorators, one import, each with the
 * comments above it, or what stands between two of these. Parsing the parts one by one gives what parsing the whole
 * gives. */
#ifndef ADGEN_PARSER_OUTLINE_H
#define ADGEN_PARSER_OUTLINE_H

#include "base/source.h"
#include "base/vec.h"

struct part {
    enum { PART_STATEMENTS, PART_IMPORT, PART_CLASS, PART_FUNCTION } kind;
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

/* The same for the body of a class that is a part: its methods are PART_FUNCTION, all else is PART_STATEMENTS, the
 * first of which begins with the header of the class. */
bool outline_class(struct arena *arena, const struct source *source, const struct part *cls, struct outline *outline);

#endif
