/* diag.h - diagnostics: stored where they arise, sorted, de-duplicated and printed by cli/.
 *
 * A pass reports where it detects and returns false; it prints nothing. A message is one line without a full stop; what
 * to do about it goes into `help`. */
#ifndef ADGEN_BASE_DIAG_H
#define ADGEN_BASE_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/source.h"

/* A gap is something that is not understood where the user wants the rest: an error that does not end the translation.
 */
enum severity { SEVERITY_ERROR, SEVERITY_GAP, SEVERITY_WARNING, SEVERITY_NOTE };

const char *severity_text(enum severity severity);

struct diag {
    enum severity severity;
    struct source *source; /* NULL: no place in a file */
    struct span span;
    const char *rule; /* stable id printed in brackets, such as "mask-escapes"; NULL for none */
    const char *message;
    const char *help; /* NULL for none */
};

struct diags;

struct diags *diags_create(struct arena *arena);

/* Report. `rule` may be NULL. Returns the diagnostic so that help can be added with diag_help. */
struct diag *diag_at(struct diags *diags, enum severity severity, struct source *source, struct span span,
    const char *rule, const char *format, ...) __attribute__((format(printf, 6, 7)));
void diag_help(struct diags *diags, struct diag *diag, const char *format, ...) __attribute__((format(printf, 3, 4)));

uint32_t diags_count(const struct diags *diags, enum severity severity);

/* The diagnostics sorted by path, offset and text, without duplicates; *count of them. */
struct diag **diags_sorted(struct diags *diags, uint32_t *count);

/* Print one in the form `file:line:col: error: message [rule]`, the line, a caret, `help:`. */
void diag_print(FILE *out, const struct diag *diag, bool color);

#endif
