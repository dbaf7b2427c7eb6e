/* text.h - small questions about strings. */
#ifndef ADGEN_BASE_TEXT_H
#define ADGEN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool starts_with(const char *text, const char *prefix);
bool ends_with(const char *text, const char *suffix);
size_t name_length(const char *text);             /* of the ASCII identifier that it begins with */
bool word_in(const char *word, const char *list); /* of words with one space between two */

/* Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`. */
uint32_t edit_distance(const char *a, const char *b);

/* The candidate nearest to a mistyped word, if it is near enough to be meant: at most a third of the word is wrong.
 * Start with a zeroed struct and offer all candidates. */
struct nearest {
    const char *word;
    uint32_t distance;
};
void nearest_offer(struct nearest *nearest, const char *typed, const char *candidate);

#endif
