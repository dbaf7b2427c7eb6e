/* cli.h - the commands. Each returns the exit status. */
#ifndef ADGEN_CLI_CLI_H
#define ADGEN_CLI_CLI_H

#include "cli/options.h"
#include "cli/output.h"
#include "emit/adgen.h"

enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_LIMITED = 3 };

/* `adgen INPUT`. */
int translate_command(const struct options_given *given, const struct voice *voice);
/* `adgen --all --out-dir DIR`. */
int batch_command(const struct options_given *given, const struct voice *voice);
/* `adgen keys INPUT --config FILE`: what follows the translation. */
int deliver_keys(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_result *translation);
/* `adgen review FILE...`. */
int review_command(const struct options_given *given, const struct voice *voice);
/* `adgen survey INPUT`: the same. */
int deliver_survey(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_request *request, struct adgen_result *translation);
/* Whether it is ORG/NAME, as the hub takes it, or none is given; and the error where it is not. */
bool is_hf_id(const char *id);
int no_hf_id(const char *id);
/* `adgen onboard INPUT`: whether the options make sense, and what follows the translation. */
int check_onboard(const struct options_given *given);
int deliver_onboard(const struct options_given *given, const struct voice *voice, struct adgen *adgen,
    const struct adgen_request *request, const struct adgen_result *translation);
int list_rules_command(const struct options_given *given, const struct voice *voice);
int explain_command(const struct options_given *given, const struct voice *voice);
int list_models_command(const struct options_given *given, const struct voice *voice);

/* What a translation without gaps does not serve. */
void say_limits(const struct voice *voice, const struct adgen_result *result);
/* Whether there is what is to be assumed; says so where there is not. */
bool assumption_exists(const struct options_given *given, const struct adgen *adgen);

/* The package that --package names, or that of Python; NULL with an error. */
const char *package_root(const struct options_given *given, const struct voice *voice, struct arena *arena);

/* Subcommands for development and tests, not in the help. Each gets its own name as argv[0]. */

/* Prints the tree of each file in a form that tests compare with Python's own parser. */
int debug_ast_main(int argc, char **argv);
int debug_format_main(int argc, char **argv);

#endif
