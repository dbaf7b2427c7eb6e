/* options.h - the command line. */
#ifndef ADGEN_CLI_OPTIONS_H
#define ADGEN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What the first word asks for; a set of them says who takes an option. */
enum command {
    TRANSLATE = 1 << 0, /* `adgen INPUT`, and the lists: no word */
    KEYS = 1 << 1,      /* `adgen keys INPUT` */
    REVIEW = 1 << 2,    /* `adgen review FILE...` */
    SURVEY = 1 << 4,    /* `adgen survey INPUT` */
    ONBOARD = 1 << 5,   /* `adgen onboard INPUT` */
    EVERY = TRANSLATE | KEYS | REVIEW | SURVEY | ONBOARD,
};

typedef bool option_FLAG;
typedef const char *option_TEXT;
typedef uint32_t option_NUMBER;

struct options_given {
#define X(group, commands, letter, name, argument, kind, field, help) option_##kind field;
#include "cli/options.def"
#undef X
    enum command command;
    const char *input; /* the first; NULL: none */
    char **inputs;     /* all of them: most commands take one */
    uint32_t ninputs;
};

/* The command is the first word or none. Options stand anywhere; `--name=value`, `--name value`, `-nvalue`; `--` ends
 * them; a lone `-` is an input. False, with a message on stderr, where the line makes no sense. */
bool options_parse(int argc, char **argv, struct options_given *given);

/* The word that calls a command; NULL for `adgen INPUT`. */
const char *command_word(enum command command);

void print_help(FILE *out, enum command command);

/* `adgen: message` and, if it is not NULL, `    help: ...` on stderr; returns the exit status for usage errors. */
int usage_error(const char *help, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
