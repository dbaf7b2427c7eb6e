/* cli.h - the subcommands. Each gets its own name as argv[0] and returns the exit status. */
#ifndef ADGEN_CLI_CLI_H
#define ADGEN_CLI_CLI_H

/* Prints the tree of each file in a form that tests compare with Python's own parser; not in the help. */
int debug_ast_main(int argc, char **argv);
int debug_spec_main(int argc, char **argv);

/* Parses and prints each file; for the tests of the printer, not in the help. */
int debug_format_main(int argc, char **argv);

#endif
