/* bench_translate.c - how much slower is translating than tree-sitter alone parsing the same files?
 *
 *     bench_translate PACKAGE [ROUNDS [TYPE...]]
 *
 * For each model type of the package, or for those given, that can be translated: the time to parse its modeling and
 * configuration file with tree-sitter and no more, and the time of the whole translation in a context that is ready, as
 * in `adgen --all`. A round parses all files and then translates all, since a file that has just been read is read
 * faster; of the rounds, the shortest time of each type counts. The last line sums up. The rules are loaded once and
 * are not counted, nor is the output written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tree_sitter/api.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"
#include "emit/adgen.h"
#include "rewrite/unit.h"

const TSLanguage *tree_sitter_python(void);

struct type {
    struct adgen_request request;
    struct buf modeling, configuration;
    double parsing, translating; /* seconds; the shortest */
};

struct bench {
    TSParser *parser;
    struct adgen *adgen;
    VEC(struct type) types;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double parse_time(const struct bench *b, const struct buf *text) {
    double start = now();
    ts_tree_delete(ts_parser_parse_string(b->parser, NULL, text->at, (uint32_t)text->len));
    return now() - start;
}

static void shorten(double *shortest, double seconds) {
    *shortest = *shortest == 0 || seconds < *shortest ? seconds : *shortest;
}

/* Take the type if it can be translated; this also finds its configuration. */
static void add(struct bench *b, struct arena *arena, const struct model *model) {
    struct type type = {.request = {.path = model->path, .entry = model->head, .model_type = model->type}};
    struct adgen_result result;
    adgen_translate(b->adgen, &type.request, &result);
    const struct module *config = result.unit->config_module;
    if (result.status != ADGEN_REFUSED && file_load(model->path, &type.modeling)) {
        if (config && config != result.unit->module)
            file_load(config->source->path, &type.configuration);
        vec_push(arena, &b->types, type);
    }
    adgen_result_free(&result);
}

static void run_round(struct bench *b) {
    for (uint32_t i = 0; i < b->types.len; i++) {
        struct type *type = &b->types.at[i];
        double seconds = parse_time(b, &type->modeling);
        seconds += type->configuration.len > 0 ? parse_time(b, &type->configuration) : 0;
        shorten(&type->parsing, seconds);
    }
    for (uint32_t i = 0; i < b->types.len; i++) {
        struct type *type = &b->types.at[i];
        struct adgen_result result;
        double start = now();
        adgen_translate(b->adgen, &type->request, &result);
        adgen_result_free(&result);
        shorten(&type->translating, now() - start);
    }
}

static void print(const struct bench *b) {
    double parsing = 0, translating = 0, worst = 0;
    const char *worst_type = "none";
    size_t bytes = 0;
    for (uint32_t i = 0; i < b->types.len; i++) {
        const struct type *type = &b->types.at[i];
        double ratio = type->translating / type->parsing;
        size_t len = type->modeling.len + type->configuration.len;
        printf("%-28s %7zu bytes %8.3f ms parsing %8.3f ms translating  ratio %.2f\n", type->request.model_type, len,
            type->parsing * 1e3, type->translating * 1e3, ratio);
        bytes += len;
        parsing += type->parsing;
        translating += type->translating;
        worst_type = ratio > worst ? type->request.model_type : worst_type;
        worst = ratio > worst ? ratio : worst;
    }
    printf("%u types, %zu bytes: parsing %.1f ms (%.1f MB/s), translating %.1f ms, ratio %.3f; worst %.2f (%s)\n",
        b->types.len, bytes, parsing * 1e3, (double)bytes / parsing / 1e6, translating * 1e3, translating / parsing,
        worst, worst_type);
}

static bool is_asked(const char *type, char **types, int count) {
    for (int i = 0; i < count; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return count <= 0;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s PACKAGE [ROUNDS [TYPE...]]\n", argv[0]);
        return 2;
    }
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    struct registry *registry = registry_open(diags, argv[1]);
    if (registry == NULL) {
        fprintf(stderr, "%s: there are no auto mappings in %s\n", argv[0], argv[1]);
        return 1;
    }
    struct bench b = {.parser = ts_parser_new()};
    ts_parser_set_language(b.parser, tree_sitter_python());
    b.adgen = adgen_create(&(struct adgen_settings){.package = registry->root, .registry = registry});
    for (uint32_t i = 0; i < registry->nheads; i++) {
        struct model model;
        if (is_asked(registry->heads[i].key, argv + 3, argc - 3) &&
            registry_model(registry, arena, diags, registry->heads[i].key, &model))
            add(&b, arena, &model);
    }
    for (int rounds = argc > 2 ? atoi(argv[2]) : 5; rounds > 0; rounds--)
        run_round(&b);
    print(&b);
    for (uint32_t i = 0; i < b.types.len; i++) {
        buf_free(&b.types.at[i].modeling);
        buf_free(&b.types.at[i].configuration);
    }
    adgen_destroy(b.adgen);
    ts_parser_delete(b.parser);
    registry_close(registry);
    arena_destroy(arena);
    return 0;
}
