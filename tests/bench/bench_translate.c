/* bench_translate.c - how much slower is translating than tree-sitter alone parsing the same files?
 *
 *     bench_translate PACKAGE [ROUNDS [TYPE...]]
 *
 * For each model type of the package, or for those given, that can be translated: the time to parse its modeling and configuration file with
 * tree-sitter and no more, and the time of the whole translation in a context that is ready, as in `adgen --all`; of
 * several rounds the shortest. The last line sums up. The rules are loaded once and are not counted, nor is the output
 * written. */
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

struct bench {
    TSParser *parser;
    struct adgen *adgen;
    const struct registry *registry;
    int rounds;
    uint32_t types;
    size_t bytes;
    double parsing, translating, worst;
    const char *worst_type;
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

static void measure(struct bench *b, const struct model *model) {
    struct adgen_request request = {.path = model->path, .entry = model->head, .model_type = model->type};
    struct buf modeling = {0}, configuration = {0};
    double parsing = 1e9, translating = 1e9;
    bool translated = file_load(model->path, &modeling);
    for (int round = 0; translated && round < b->rounds; round++) {
        struct adgen_result result;
        double start = now();
        adgen_translate(b->adgen, &request, &result);
        double seconds = now() - start;
        translated = result.status != ADGEN_REFUSED;
        const struct module *config = result.unit->config_module;
        if (translated && round == 0 && config && config != result.unit->module)
            translated = file_load(config->source->path, &configuration);
        adgen_result_free(&result);
        if (!translated)
            break;
        translating = seconds < translating ? seconds : translating;
        seconds = parse_time(b, &modeling) + (configuration.len > 0 ? parse_time(b, &configuration) : 0);
        parsing = seconds < parsing ? seconds : parsing;
    }
    if (translated) {
        printf("%-28s %7zu bytes %8.3f ms parsing %8.3f ms translating  ratio %.2f\n", model->type,
            modeling.len + configuration.len, parsing * 1e3, translating * 1e3, translating / parsing);
        b->types++;
        b->bytes += modeling.len + configuration.len;
        b->parsing += parsing;
        b->translating += translating;
        if (translating / parsing > b->worst) {
            b->worst = translating / parsing;
            b->worst_type = model->type;
        }
    }
    buf_free(&modeling);
    buf_free(&configuration);
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
    struct bench b = {.registry = registry, .parser = ts_parser_new(), .rounds = argc > 2 ? atoi(argv[2]) : 5};
    ts_parser_set_language(b.parser, tree_sitter_python());
    b.adgen = adgen_create(&(struct adgen_settings){.package = registry->root, .registry = registry});
    for (uint32_t i = 0; i < registry->nheads; i++) {
        struct model model;
        if (is_asked(registry->heads[i].key, argv + 3, argc - 3) &&
            registry_model(registry, arena, diags, registry->heads[i].key, &model))
            measure(&b, &model);
    }
    printf("%u types, %zu bytes: parsing %.1f ms (%.1f MB/s), translating %.1f ms, ratio %.3f; worst %.2f (%s)\n", b.types,
        b.bytes, b.parsing * 1e3, (double)b.bytes / b.parsing / 1e6, b.translating * 1e3, b.translating / b.parsing,
        b.worst, b.worst_type ? b.worst_type : "none");
    adgen_destroy(b.adgen);
    ts_parser_delete(b.parser);
    registry_close(registry);
    arena_destroy(arena);
    return 0;
}
