/* output.h - what goes to the terminal and to standard output. */
#ifndef ADGEN_CLI_OUTPUT_H
#define ADGEN_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/diag.h"
#include "cli/options.h"

/* Whether `--color` (NULL: auto) means colour on stderr; false with a message where it is none of the three words. */
bool color_parse(const char *when, bool *color);

/* Everything that a command says goes here: stderr, or the memory of one translation of a batch. */
struct voice {
    FILE *out;
    bool color, quiet, verbose;
};

void say_diags(const struct voice *voice, struct diags *diags);
/* `adgen: ...` unless --quiet; only with --verbose. */
void say(const struct voice *voice, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_more(const struct voice *voice, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* All of the text to standard output; false, with an error, if not all of it arrives. */
bool put_stdout(const struct voice *voice, const char *text, size_t len);
/* The same for what was printed to `stdout` before. */
bool end_stdout(const struct voice *voice);

#endif
