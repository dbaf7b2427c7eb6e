/* outline.h - where the statements of a module stand, found without parsing.
 *
 * A part is a run of whole lines at column 0: one definition of several lines with its decorators and the comments above
 * it, or what stands between two such definitions. Parsing the parts one by one gives what parsing the whole gives. */
#ifndef ADGEN_PARSER_OUTLINE_H
#define ADGEN_PARSER_OUTLINE_H

#include "base/source.h"
#include "base/vec.h"

struct part {
    enum { PART_STATEMENTS, PART_CLASS, PART_FUNCTION } kind;
    uint32_t start, end; /* the lines */
    struct span def;     /* of a definition: from its first decorator or word */
    struct span name;    /* of a definition */
};

struct outline {
    VEC(struct part) parts; /* in order, without gaps */
};

/* False where it is not certain: a bracket or string that is not closed, a definition without a body, and spellings that
 * the scan does not know. Such a text must be parsed as a whole, which also finds what is wrong with it. */
bool outline_read(struct arena *arena, const struct source *source, struct outline *outline);

#endif
