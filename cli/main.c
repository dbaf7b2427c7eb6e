/* main.c - the program: reads the command line and picks a command. Everything else is libadgen. */
#include <signal.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} debug_commands[] = {
    {"debug-ast", debug_ast_main},
    {"debug-format", debug_format_main},
};

static int print_version(void) {
    puts("adgen " ADGEN_VERSION);
    return EXIT_DONE;
}

/* What is written beside the model is not to take its place, nor that of the source, which may be a model type. */
static int check_targets(const struct options_given *g) {
    const struct {
        const char *option, *path;
    } files[] = {{"INPUT", g->input}, {"--output", g->output}, {"--test", g->test}, {"--html", g->html},
        {"--report", g->report}};
    for (size_t i = 2; i < sizeof files / sizeof files[0]; i++)
        for (size_t k = 0; k < i; k++)
            if (files[i].path && files[k].path && !file_is_stream(files[i].path) &&
                (file_same(files[i].path, files[k].path) || (k > 0 && strcmp(files[i].path, files[k].path) == 0)))
                return usage_error(
                    NULL, "`%s` and `%s` are the same file, `%s`", files[k].option, files[i].option, files[i].path);
    return EXIT_DONE;
}

static uint32_t reads_standard_input(const struct options_given *g) {
    const char *inputs[] = {g->input, g->config, g->index};
    uint32_t count = 0;
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++)
        count += inputs[i] && strcmp(inputs[i], "-") == 0;
    return count;
}

/* Combinations that contradict themselves. */
static int check_combination(const struct options_given *g) {
    if (g->output && g->out_dir)
        return usage_error(NULL, "`--output` and `--out-dir` exclude each other");
    if (g->check && g->diff && g->dump_after)
        return usage_error(NULL, "`--dump-after` takes no `--check`");
    if (g->all && (g->input || g->output || g->entry || g->diff || g->dump_after || g->stdin_filename))
        return usage_error("it takes --out-dir, --check, --package, -j and the options of translations",
            "`--all` takes no INPUT, --output, --entry, --diff, --dump-after or --stdin-filename");
    if (g->all && !g->out_dir)
        return usage_error(NULL, "`--all` needs `--out-dir DIR`");
    if (g->jobs && !g->all)
        return usage_error(NULL, "`--jobs` goes with `--all`");
    if (g->test && (!(g->output || g->out_dir) || g->all || g->check || g->diff || g->dump_after))
        return usage_error("the tests import the model from the file that is written",
            "`--test` goes with --output or --out-dir, without --all, --check, --diff or --dump-after");
    if (g->html && (g->all || g->check || g->dump_after))
        return usage_error(NULL, "`--html` goes without --all, --check and --dump-after");
    if (g->quiet && g->verbose)
        return usage_error(NULL, "`--quiet` and `--verbose` exclude each other");
    if (reads_standard_input(g) > 1)
        return usage_error(NULL, "only one of INPUT, `--config` and `--index` can be standard input");
    if (g->command == KEYS && g->input && g->config == NULL)
        return usage_error(NULL, "`adgen keys` needs `--config FILE`, the model's config.json");
    if (g->command == SURVEY && g->hf_id && g->into == NULL)
        return usage_error(NULL, "`--hf-id` goes with `--into CHECKOUT`, whose registry it is looked for in");
    if (g->command == SURVEY && !is_hf_id(g->hf_id))
        return no_hf_id(g->hf_id);
    if (g->command == ONBOARD)
        return check_onboard(g);
    return check_targets(g);
}

static int run(const struct options_given *given, const struct voice *voice) {
    if (given->command == REVIEW)
        return review_command(given, voice);
    if (given->list_rules)
        return list_rules_command(given, voice);
    if (given->explain)
        return explain_command(given, voice);
    if (given->list_models)
        return list_models_command(given, voice);
    int status = check_combination(given);
    if (status != EXIT_DONE)
        return status;
    if (given->all)
        return batch_command(given, voice);
    if (given->input == NULL)
        return usage_error("`adgen --help` shows how", "there is no INPUT: a path, `-` or a model type");
    return translate_command(given, voice);
}

/* What was printed must have arrived. */
static int checked(int status, const struct voice *voice) {
    return end_stdout(voice) || status != EXIT_DONE ? status : EXIT_REFUSED;
}

int main(int argc, char **argv) {
    struct options_given given;
    struct voice voice = {.out = stderr};
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error of write, and reported as one */
    standard_streams_open();
    static char buffer[256 * 1024];                 /* glibc takes no size without one */
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer); /* lists and help are written at the end, where it is checked */
    for (size_t i = 0; i < sizeof debug_commands / sizeof debug_commands[0] && argc > 1; i++)
        if (strcmp(argv[1], debug_commands[i].name) == 0)
            return debug_commands[i].run(argc - 1, argv + 1);
    if (!options_parse(argc, argv, &given) || !color_parse(given.color, &voice.color))
        return EXIT_USAGE;
    voice.quiet = given.quiet;
    voice.verbose = given.verbose;
    if (given.help)
        print_help(stdout, given.command);
    return checked(given.help ? EXIT_DONE : given.version ? print_version() : run(&given, &voice), &voice);
}
