#include "cli/batch.h"
#include "cli/cli.h"
int batch_command(const struct options_given *given, const struct voice *voice) { (void)given; (void)voice; return 2; }
#include "base/arena.h"
const char *model_file_name(struct arena *arena, const char *type) {
    char *name = arena_printf(arena, "modeling_%s.py", type), *suffix = name + sizeof "modeling_" - 1;
    for (char *at = suffix; at[3] != '\0'; at++)
        if (*at == '-' || *at == '.')
            *at = '_';
    return name;
}
