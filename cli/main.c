/* main.c - the program: picks a subcommand. Everything else is libadgen. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} commands[] = {
    {"debug-ast", debug_ast_main},
    {"debug-spec", debug_spec_main},
    {"debug-format", debug_format_main},
};

static int usage(FILE *out) {
    fputs("usage: adgen [--version] [--help]\n", out);
    return out == stdout ? 0 : 2;
}

int main(int argc, char **argv) {
    if (argc < 2)
        return usage(stderr);
    if (strcmp(argv[1], "--version") == 0) {
        puts("adgen " ADGEN_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return usage(stdout);
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "adgen: unknown command '%s'\n", argv[1]);
    return usage(stderr);
}
