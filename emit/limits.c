/* limits.c - see limits.h. */
#include "emit/limits.h"

#include "base/buf.h"
#include "emit/python.h"

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
