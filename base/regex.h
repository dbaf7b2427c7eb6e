/* regex.h - the regular expressions that the package's key mappings are written in, with the meaning that Python's `re`
 * gives them.
 *
 * Understood: literals, `.`, `^`, `$`, classes `[a-z0-9]`, `\d` `\w` `\s` and their opposites, `\b`, escaped
 * punctuation, groups (capturing, named, `(?:...)`), `|`, lookahead, lookbehind of fixed width, and the repetitions `*`
 * `+` `?` `{m,n}`, greedy or lazy, of one character; `?` of a group, too. Anything else is a problem that regex_compile
 * names: nothing is guessed. Keys and patterns are ASCII. */
#ifndef ADGEN_BASE_REGEX_H
#define ADGEN_BASE_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum { REGEX_GROUPS = 10 };

struct regex;

/* Half-open; start is UINT32_MAX for a group that took no part. Group 0 is the whole match. */
struct regex_match {
    struct {
        uint32_t start, end;
    } group[REGEX_GROUPS];
};

/* The compiled pattern, or NULL with *problem set to a text that says what is not understood. */
struct regex *regex_compile(struct arena *arena, const char *pattern, const char **problem);

enum regex_result {
    REGEX_NONE,
    REGEX_MATCH,
    REGEX_GAVE_UP /* too many ways to try */
};

/* Match at one position, as `re.compile(p).match(text, at)` without moving the start of the text. */
enum regex_result regex_match_at(const struct regex *regex, const char *text, uint32_t at, struct regex_match *match);

#endif
