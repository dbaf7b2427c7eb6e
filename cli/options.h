/* options.h - the command line. */
#ifndef ADGEN_CLI_OPTIONS_H
#define ADGEN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef bool option_FLAG;
typedef const char *option_TEXT;
typedef uint32_t option_NUMBER;

struct options_given {
#define X(group, letter, name, argument, kind, field, help) option_##kind field;
#include "cli/options.def"
#undef X
    const char *input; /* NULL: none */
    bool keys;         /* `adgen keys INPUT` */
};

/* Options stand anywhere; `--name=value`, `--name value`, `-nvalue`; `--` ends them; a lone `-` is an input. False,
 * with a message on stderr, where the line makes no sense. */
bool options_parse(int argc, char **argv, struct options_given *given);

void print_help(FILE *out);
void print_keys_help(FILE *out);

/* `adgen: message` and, if it is not NULL, `    help: ...` on stderr; returns the exit status for usage errors. */
int usage_error(const char *help, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
