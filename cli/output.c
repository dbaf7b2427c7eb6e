/* output.c - messages, colour and a checked standard output. */
#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool color_wanted(void) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDERR_FILENO) && (no == NULL || *no == '\0') && (term == NULL || strcmp(term, "dumb") != 0);
}

bool color_parse(const char *when, bool *color) {
    if (when == NULL || strcmp(when, "auto") == 0)
        *color = color_wanted();
    else if (strcmp(when, "always") == 0)
        *color = true;
    else if (strcmp(when, "never") == 0)
        *color = false;
    else
        return usage_error(NULL, "`--color` is auto, always or never, not `%s`", when) == 0;
    return true;
}

void say_diags(const struct voice *voice, struct diags *diags) {
    uint32_t count;
    struct diag **list = diags_sorted(diags, &count);
    for (uint32_t i = 0; i < count; i++)
        if (!voice->quiet || list[i]->severity <= SEVERITY_GAP)
            diag_print(voice->out, list[i], voice->color);
}

static void say_line(const struct voice *voice, const char *format, va_list args) {
    fputs("adgen: ", voice->out);
    vfprintf(voice->out, format, args);
    fputc('\n', voice->out);
}

void say(const struct voice *voice, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!voice->quiet)
        say_line(voice, format, args);
    va_end(args);
}

void say_more(const struct voice *voice, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (voice->verbose)
        say_line(voice, format, args);
    va_end(args);
}

static bool stdout_failed(const struct voice *voice, int error) {
    fprintf(voice->out, "adgen: %serror:%s cannot write to standard output: %s\n", voice->color ? "\033[1;31m" : "",
        voice->color ? "\033[0m" : "", strerror(error ? error : EIO));
    clearerr(stdout); /* said once */
    return false;
}

bool end_stdout(const struct voice *voice) {
    errno = 0;
    return (fflush(stdout) == 0 && !ferror(stdout)) || stdout_failed(voice, errno);
}

bool put_stdout(const struct voice *voice, const char *text, size_t len) {
    errno = 0;
    return (fwrite(text, 1, len, stdout) == len && fflush(stdout) == 0) || stdout_failed(voice, errno);
}
