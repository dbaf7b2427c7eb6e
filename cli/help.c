/* help.c - `adgen --help`. */
#include <string.h>

#include "cli/options.h"
#include "emit/adgen.h"

enum group { INPUT, OUTPUT, TRANSLATION, ACCOUNT, STATE_DICT, REVIEWING, TREE, GENERAL, GROUPS };

static const struct {
    enum group group;
    int commands;
    char letter;
    const char *name, *argument, *help;
} options[] = {
#define X(group, commands, letter, name, argument, kind, field, help) {group, commands, letter, name, argument, help},
#include "cli/options.def"
#undef X
};

static const char *const titles[GROUPS] = {[INPUT] = "Input",
    [OUTPUT] = "Output",
    [TRANSLATION] = "Translation",
    [ACCOUNT] = "What was done, and why",
    [STATE_DICT] = "The state dict",
    [REVIEWING] = "The report",
    [TREE] = "The tree",
    [GENERAL] = "General"};

enum { COLUMN = 29 };

static void print_line(FILE *out, size_t i) {
    char name[64], letter[8] = "    ";
    if (options[i].letter)
        snprintf(letter, sizeof letter, "-%c, ", options[i].letter);
    snprintf(name, sizeof name, "%s--%s%s%s", letter, options[i].name, options[i].argument ? " " : "",
        options[i].argument ? options[i].argument : "");
    fprintf(out, "  %-*s %s\n", COLUMN, name, options[i].help);
}

static void print_group(FILE *out, enum group group, enum command command) {
    bool titled = false;
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        if (options[i].group != group || !(options[i].commands & command))
            continue;
        if (!titled)
            fprintf(out, "\n%s:\n", titles[group]);
        titled = true;
        print_line(out, i);
    }
}

static void print_groups(FILE *out, enum command command) {
    for (enum group group = 0; group < GROUPS; group++)
        print_group(out, group, command);
}

static void print_passes(FILE *out) {
    const char *what, *name;
    fputs("\nPasses:\n", out);
    for (uint32_t i = 0; (name = adgen_pass_name(i, &what)) != NULL; i++)
        fprintf(out, "  %-*s %s\n", COLUMN, name, what);
}

static void translate_help(FILE *out) {
    fputs("usage: adgen INPUT [-o FILE] [option...]\n"
          "       adgen --all --out-dir DIR [option...]\n"
          "       adgen keys INPUT --config FILE [option...]\n"
          "       adgen review FILE... [option...]\n"
          "       adgen survey INPUT [option...]\n"
          "       adgen onboard INPUT -o DIR [option...]\n"
          "\n"
          "Translates a Hugging Face modeling_*.py into the prefill-only model that TensorRT-LLM AutoDeploy serves.\n"
          "INPUT is a path, `-` for standard input, or a model type of the transformers package.\n"
          "Without -o or --out-dir the file goes to standard output.\n",
        out);
    print_groups(out, TRANSLATE);
    print_passes(out);
    fputs("\nExamples:\n"
          "  adgen modeling_x.py -o out/modeling_x.py    translate a file\n"
          "  adgen TYPE --out-dir out                    translate the model of a type (--list-models)\n"
          "  adgen modeling_x.py --diff | less           see what changes\n"
          "  adgen modeling_x.py --check -o out.py       is out.py up to date?\n"
          "  adgen - --stdin-filename m.py < m.py        read standard input\n"
          "  adgen --all --out-dir out -j 8              translate a whole package\n"
          "  adgen keys TYPE --config config.json        list the parameters that the model has\n"
          "  adgen review modeling_x.py test_x.py        check files against AutoDeploy's rules for models and tests\n"
          "  adgen survey TYPE --config config.json      see what kind of model it is\n"
          "  adgen onboard TYPE --hf-id ORG/NAME -o tree write all that brings a model to AutoDeploy\n"
          "\nExit status:\n"
          "  0  done\n"
          "  1  the input could not be translated, or --check found a difference\n"
          "  2  the command line makes no sense\n"
          "  3  written, but prefill-only, under an assumption (--assume) or with gaps (--partial)\n",
        out);
}

static void keys_help(FILE *out) {
    fputs(
        "usage: adgen keys INPUT --config FILE [--index FILE] [--json] [option...]\n"
        "\n"
        "Prints every parameter and saved buffer of the translated model, with shape and dtype, and the totals. The\n"
        "constructors are evaluated with the values of the configuration; no Python runs. INPUT is a modeling file, a\n"
        "translation, `-`, or a model type of the transformers package.\n",
        out);
    print_groups(out, KEYS);
    fputs("\nExit status:\n"
          "  0  done\n"
          "  1  something that decides a key or a shape is not known, or the index has other keys than the model\n"
          "  2  the command line makes no sense\n",
        out);
}

static void review_help(FILE *out) {
    fputs("usage: adgen review FILE... [--format FORMAT] [option...]\n"
          "       adgen review --list-rules | --explain ID\n"
          "\n"
          "Checks model files of AutoDeploy, whoever wrote them, and tests of models against the checklist of an "
          "onboarding.\n"
          "A comment `# adgen: ignore[ID]` says that a finding is meant.\n",
        out);
    print_groups(out, REVIEW);
    fputs("\nExit status:\n"
          "  0  nothing was found\n"
          "  1  something was found, or a file could not be reviewed\n"
          "  2  the command line makes no sense\n",
        out);
}

static void survey_help(FILE *out) {
    fputs(
        "usage: adgen survey INPUT [--config FILE] [--into CHECKOUT [--hf-id ORG/NAME]] [--json] [option...]\n"
        "\n"
        "Prints what kind of model it is: attention, rotary embeddings, norms, MLPs, experts, layers, sizes; how many\n"
        "parameters it has, and whether they fit on the GPUs that nvidia-smi lists; what in the source depends on\n"
        "the data, and what becomes of it; and what a TensorRT-LLM tree has for it already. Without --config the\n"
        "values are the defaults of the configuration class. INPUT is what `adgen INPUT` takes.\n",
        out);
    print_groups(out, SURVEY);
    fputs("\nExit status:\n"
          "  0  done, also where the model would be refused: why is part of the survey\n"
          "  1  there is no model in INPUT, or the configuration or CHECKOUT is none\n"
          "  2  the command line makes no sense\n",
        out);
}

static void onboard_help(FILE *out) {
    fputs("usage: adgen onboard INPUT -o DIR [--hf-id ORG/NAME] [--config FILE] [option...]\n"
          "       adgen onboard INPUT --into CHECKOUT [-o DIR] [--hf-id ORG/NAME] [--config FILE] [option...]\n"
          "\n"
          "Writes everything that brings a model to AutoDeploy, each at its place in a tree like TensorRT-LLM's: the\n"
          "model and its tests; under the name that it is published as, its settings, registry entry, row of the\n"
          "support matrix and cookbook; and a report and the text of a pull request, with places for what adgen\n"
          "cannot know.\n"
          "A checkout is changed as a whole or not at all; what it has already is left as it is.\n",
        out);
    print_groups(out, ONBOARD);
    fputs("\nExit status:\n"
          "  0  done\n"
          "  1  the input could not be translated, or a file is there already and differs\n"
          "  2  the command line makes no sense\n"
          "  3  written, but prefill-only\n",
        out);
}

void print_help(FILE *out, enum command command) {
    if (command == KEYS)
        keys_help(out);
    else if (command == REVIEW)
        review_help(out);
    else if (command == SURVEY)
        survey_help(out);
    else if (command == ONBOARD)
        onboard_help(out);
    else
        translate_help(out);
}
