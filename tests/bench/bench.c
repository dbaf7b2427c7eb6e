/* bench.c - `adgen_bench PACKAGE`: what translating takes beside tree-sitter's own parse of the same files.
 *
 * One line a model type that can be translated: type, bytes of its modeling and configuration file (and those of the
 * model inside of it, where it is in other files), microseconds of tree-sitter for them, microseconds of the
 * translation from reading to the text of the output, KB of memory, the files. Each time is the least of ROUNDS.
 * scripts/bench.py sums them up.
 *
 * `adgen_bench --peak PROGRAM ARGUMENT...`: the peak resident memory of a program, in KB. A process starts with that of
 * the one that it was forked from, so that must be small. */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <tree_sitter/api.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/atom.h"
#include "base/file.h"
#include "base/vec.h"
#include "emit/adgen.h"
#include "rewrite/unit.h"

enum { ROUNDS = 5 };

const TSLanguage *tree_sitter_python(void);

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double least(double a, double b) {
    return a < b ? a : b;
}

/* Seconds to parse a text. */
static double parse(TSParser *parser, const struct source *source) {
    double best = 1e9;
    for (int i = 0; source && i < ROUNDS; i++) {
        double start = now();
        ts_tree_delete(ts_parser_parse_string(parser, NULL, source->text, source->len));
        best = least(best, now() - start);
    }
    return source ? best : 0;
}

struct files {
    VEC(atom) paths;
};

/* The files of models among those that a translation has read. */
static void add_files(struct files *files, struct arena *arena, struct atoms *atoms, const struct unit *unit) {
    vec_push(arena, &files->paths, intern(atoms, unit->module->source->path));
    for (uint32_t i = 0; i < unit->modules.len; i++)
        if (unit->modules.entry[i].value && strstr(unit->modules.entry[i].key, "/models/"))
            vec_push(arena, &files->paths, intern(atoms, unit->modules.entry[i].key));
}

/* Seconds to translate a model, or 0 if it is refused; *kb is the memory that it took. */
static double translate(struct adgen *adgen, const struct model *model, struct arena *arena, struct atoms *atoms,
    struct files *files, size_t *kb) {
    double best = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        struct adgen_request request = {.path = model->path, .entry = model->head, .model_type = model->type};
        struct adgen_result result;
        adgen_translate(adgen, &request, &result);
        bool refused = result.status == ADGEN_REFUSED;
        best = least(best, result.seconds);
        *kb = arena_used(result.arena) / 1024;
        if (i == 0)
            add_files(files, arena, atoms, result.unit);
        adgen_result_free(&result);
        if (refused)
            return 0;
    }
    return best;
}

static void measure(struct adgen *adgen, TSParser *parser, const struct registry *registry, const char *type) {
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct diags *diags = diags_create(arena);
    struct model model;
    size_t kb = 0;
    struct files files = {0};
    double seconds =
        registry_model(registry, arena, diags, type, &model) ? translate(adgen, &model, arena, atoms, &files, &kb) : 0;
    double alone = 0;
    uint32_t bytes = 0;
    for (uint32_t i = 0; seconds > 0 && i < files.paths.len; i++) {
        const struct source *source = source_read(arena, atoms, diags, files.paths.at[i]);
        alone += parse(parser, source);
        bytes += source ? source->len : 0;
    }
    if (seconds > 0)
        printf("%s\t%u\t%.1f\t%.1f\t%zu", type, bytes, alone * 1e6, seconds * 1e6, kb);
    for (uint32_t i = 0; seconds > 0 && i < files.paths.len; i++)
        printf("\t%s%s", files.paths.at[i], i + 1 < files.paths.len ? "" : "\n");
    arena_destroy(arena);
}

static int peak(char **command) {
    struct rusage usage;
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout))
            execv(command[0], command);
        _exit(127);
    }
    if (pid < 0 || wait4(pid, NULL, 0, &usage) != pid)
        return 1;
    printf("%ld\n", usage.ru_maxrss);
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 2 && strcmp(argv[1], "--peak") == 0)
        return peak(argv + 2);
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    const char *root = argc == 2 ? package_in(arena, diags, argv[1]) : NULL;
    struct registry *registry = root ? registry_open(diags, root) : NULL;
    if (registry == NULL) {
        fputs("usage: adgen_bench PACKAGE\n", stderr);
        return 2;
    }
    struct adgen *adgen = adgen_create(&(struct adgen_settings){.package = root, .registry = registry});
    TSParser *parser = ts_parser_new();
    ts_parser_set_language(parser, tree_sitter_python());
    for (uint32_t i = 0; i < registry->nheads; i++)
        measure(adgen, parser, registry, registry->heads[i].key);
    ts_parser_delete(parser);
    adgen_destroy(adgen);
    registry_close(registry);
    arena_destroy(arena);
    return 0;
}
