/* options.c - a table of options and the loop that reads them. */
#include "cli/options.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum option_kind { FLAG, TEXT, NUMBER };

struct option {
    int commands;
    char letter;
    const char *name;
    const char *argument;
    enum option_kind kind;
    size_t offset;
};

static const struct option options[] = {
#define X(group, commands, letter, name, argument, kind, field, help) \
    {commands, letter, name, argument, kind, offsetof(struct options_given, field)},
#include "cli/options.def"
#undef X
};
enum { OPTIONS = sizeof options / sizeof options[0] };

static const struct {
    enum command command;
    const char *word;
    bool several; /* inputs */
} commands[] = {
    {KEYS, "keys", false},
    {REVIEW, "review", true},
    {SURVEY, "survey", false},
    {ONBOARD, "onboard", false},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

const char *command_word(enum command command) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].command == command)
            return commands[i].word;
    return NULL;
}

int usage_error(const char *help, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("adgen: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    if (help)
        fprintf(stderr, "    help: %s\n", help);
    va_end(args);
    return 2;
}

/* A name can mean another thing to another command: the row of the one at hand, if there is one. */
static const struct option *by_name(enum command command, const char *name, size_t len) {
    const struct option *found = NULL;
    for (size_t i = 0; i < OPTIONS; i++)
        if (strlen(options[i].name) == len && memcmp(options[i].name, name, len) == 0 &&
            (found == NULL || options[i].commands & command))
            found = &options[i];
    return found;
}

static const struct option *by_letter(enum command command, char letter) {
    const struct option *found = NULL;
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].letter == letter && (found == NULL || options[i].commands & command))
            found = &options[i];
    return found;
}

static bool unknown(const char *typed, size_t len) {
    char word[64], help[128];
    struct nearest nearest = {0};
    snprintf(word, sizeof word, "%.*s", (int)len, typed);
    for (size_t i = 0; i < OPTIONS; i++)
        nearest_offer(&nearest, word, options[i].name);
    snprintf(help, sizeof help, "did you mean `--%s`?", nearest.word ? nearest.word : "");
    usage_error(nearest.word ? help : "`adgen --help` lists the options", "there is no option `--%s`", word);
    return false;
}

/* An option of another command: says whose. */
static bool misplaced(const struct options_given *given, const struct option *option) {
    const char *word = command_word(given->command);
    char help[128];
    for (size_t i = 0; i < COMMANDS && word == NULL; i++)
        if (option->commands & commands[i].command)
            word = commands[i].word;
    snprintf(help, sizeof help, "`adgen %s --help` lists its options", word);
    if (given->command == TRANSLATE)
        return usage_error(help, "`--%s` belongs to `adgen %s`", option->name, word) == 0;
    return usage_error(help, "`adgen %s` takes no `--%s`", word, option->name) == 0;
}

static bool set(struct options_given *given, const struct option *option, const char *value) {
    if (!(option->commands & given->command))
        return misplaced(given, option);
    void *field = (char *)given + option->offset;
    if (option->kind == FLAG) {
        *(bool *)field = true;
        return true;
    }
    if (option->kind == TEXT) {
        if (*value == '\0')
            return usage_error(NULL, "`--%s` needs a %s that is not empty", option->name, option->argument) == 0;
        *(const char **)field = value;
        return true;
    }
    char *end;
    unsigned long number = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end != '\0' || number < 1 || number > 1024)
        return usage_error(NULL, "`--%s` needs a number from 1 to 1024, not `%s`", option->name, value) == 0;
    *(uint32_t *)field = (uint32_t)number;
    return true;
}

/* The words that are left: `value` is what stood behind `=`, or NULL. */
static bool take(struct options_given *given, const struct option *option, const char *value, char ***next) {
    if (option->kind == FLAG && value)
        return usage_error(NULL, "`--%s` takes no value", option->name) == 0;
    if (option->kind != FLAG && value == NULL) {
        value = **next;
        if (value == NULL)
            return usage_error(NULL, "`--%s` needs a %s", option->name, option->argument) == 0;
        ++*next;
    }
    return set(given, option, value);
}

static bool take_long(struct options_given *given, const char *word, char ***next) {
    size_t len = strcspn(word, "=");
    const struct option *option = by_name(given->command, word, len);
    if (option == NULL)
        return unknown(word, len);
    return take(given, option, word[len] == '=' ? word + len + 1 : NULL, next);
}

static bool take_letters(struct options_given *given, const char *letters, char ***next) {
    for (; *letters != '\0'; letters++) {
        const struct option *option = by_letter(given->command, *letters);
        if (option == NULL)
            return usage_error("`adgen --help` lists the options", "there is no option `-%c`", *letters) == 0;
        if (option->kind != FLAG && letters[1] != '\0')
            return set(given, option, letters + 1 + (letters[1] == '='));
        if (!take(given, option, NULL, next))
            return false;
        if (option->kind != FLAG)
            break;
    }
    return true;
}

static bool takes_several(enum command command) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (commands[i].command == command)
            return commands[i].several;
    return false;
}

static bool take_input(struct options_given *given, char *word) {
    if (given->input && !takes_several(given->command))
        return usage_error("adgen translates one file at a time; `--all` translates a whole package",
                   "one INPUT is expected, but there are `%s` and `%s`", given->input, word) == 0;
    if (*word == '\0')
        return usage_error(NULL, "INPUT is empty") == 0;
    given->input = given->input ? given->input : word;
    given->inputs[given->ninputs++] = word;
    return true;
}

static enum command command_named(const char *word) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].word, word) == 0)
            return commands[i].command;
    return TRANSLATE;
}

bool options_parse(int argc, char **argv, struct options_given *given) {
    *given = (struct options_given){.command = command_named(argc > 1 ? argv[1] : "")};
    bool ended = false;
    given->inputs = argv + (argc > 0); /* which hold no more than the words that are read already */
    for (char **next = given->inputs + (given->command != TRANSLATE); *next != NULL;) {
        char *word = *next++;
        bool ok = true;
        if (ended || word[0] != '-' || word[1] == '\0')
            ok = take_input(given, word);
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            ok = take_long(given, word + 2, &next);
        else
            ok = take_letters(given, word + 1, &next);
        if (!ok)
            return false;
    }
    return true;
}
