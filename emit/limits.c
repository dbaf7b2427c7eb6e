/* limits.c - see limits.h. */
#include "emit/limits.h"

#include <string.h>

#include "base/buf.h"
#include "emit/python.h"
#include "parser/parse.h"
#include "rewrite/facts.h"

/* How the paragraph begins, behind which stands the assumption; what stands behind the limits. */
static const char stated[] = "\nAssumed (", unit_of_length[] = "tokens";

const char *length_limit(const struct unit *unit, const char *quote) {
    struct buf out = {0};
    for (uint32_t i = 0; i < unit->limits.len; i++) {
        buf_printf(&out, "%s%s", i == 0 ? "" : i + 1 < unit->limits.len ? ", " : " and ", quote);
        print_python(&out, unit->limits.at[i]);
        buf_puts(&out, quote);
    }
    return out.len > 0 ? buf_keep(&out, unit->arena) : NULL;
}

const char *length_assumed(const struct unit *unit, const char *quote) {
    const char *limit = length_limit(unit, quote);
    return limit ? arena_printf(unit->arena,
                       "exact for sequences of at most %s tokens, prompt and output together; longer ones differ from "
                       "the source",
                       limit)
                 : NULL;
}

/* The scores that chose keys are not computed, but what they are computed with stays: published parameters always do,
 * so that a checkpoint loads with no key left over, and no hook has to know their names. */
static const char choice[] = " The source attends to so many keys, chosen by scores of their own; up to this length it "
                             "chooses all, and the scores are not computed here. Their parameters stay, unread, since "
                             "the checkpoint holds them.";
static const char chunk[] =
    " In layers whose attention keeps to chunks of so many tokens there is only one chunk up to "
    "this length, and attention is causal here.";

const char *limit_paragraph(const struct unit *unit) {
    const char *limit = length_limit(unit, "``");
    return limit ? arena_printf(unit->arena,
                       "%s%s): sequences, prompt and output together, are of at most %s %s.%s%s For longer sequences "
                       "the logits differ from those of the source.",
                       stated + 1, unit->options.assume, limit, unit_of_length, unit->limited_to_choice ? choice : "",
                       unit->limited_to_chunk ? chunk : "")
                 : NULL;
}

static struct node *parse_limit(struct unit *unit, const char *text, size_t len) {
    char *line = arena_strndup(unit->arena, text, len);
    for (char *at = line; (at = strchr(at, '\n')) != NULL;)
        *at = ' ';
    struct diags *unsaid = diags_create(unit->arena);
    struct source *source = source_from_text(unit->arena, unit->atoms, unsaid, "<limit>", line, len);
    return source ? parse_expression(unit->parser, unit->arena, unit->atoms, unsaid, source) : NULL;
}

void read_stated_limits(struct unit *unit) {
    const char *at = strstr(unit->module->source->text, stated), *name = at ? at + strlen(stated) : NULL;
    const char *close = name ? strchr(name, ')') : NULL, *end = close ? strstr(close, unit_of_length) : NULL;
    const char *assumed = end ? arena_strndup(unit->arena, name, (size_t)(close - name)) : NULL;
    if (assumed == NULL || fact_assumption(unit->facts, assumed) == NULL)
        return;
    unit->options.assume = assumed;
    for (const char *open = close; (open = strstr(open, "``")) != NULL && open < end;) {
        const char *from = open + 2, *to = strstr(from, "``");
        struct node *limit = to ? parse_limit(unit, from, (size_t)(to - from)) : NULL;
        if (limit == NULL)
            return;
        vec_push(unit->arena, &unit->limits, limit);
        open = to + 2;
    }
}
