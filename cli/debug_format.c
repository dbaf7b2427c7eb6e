/* debug_format.c - `adgen debug-format [--time] [--into DIR] FILE...`: parse and print each file, to standard output or
 * as DIR/0.py, DIR/1.py, ... in the order of the arguments. --time tells what parsing and printing took. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/diag.h"
#include "base/file.h"
#include "cli/cli.h"
#include "emit/python.h"
#include "parser/parse.h"

struct job {
    struct parser *parser;
    const char *into;
    double parsing, printing; /* seconds */
    size_t bytes;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void print_diags(struct diags *diags) {
    uint32_t count;
    struct diag **list = diags_sorted(diags, &count);
    for (uint32_t i = 0; i < count; i++)
        diag_print(stderr, list[i], false);
}

static bool write_out(struct job *job, struct arena *arena, struct diags *diags, const struct buf *out, int index) {
    if (job->into != NULL)
        return file_write(diags, arena_printf(arena, "%s/%d.py", job->into, index), out->len ? out->at : "", out->len);
    return fwrite(out->at, 1, out->len, stdout) == out->len;
}

static bool format_file(struct job *job, const char *path, int index) {
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct diags *diags = diags_create(arena);
    struct source *source = source_read(arena, atoms, diags, path);
    double start = now();
    struct node *tree = source == NULL ? NULL : parse_module(job->parser, arena, atoms, diags, source);
    double parsed = now();
    struct buf out = {0};
    if (tree != NULL) {
        print_python(&out, tree);
        job->printing += now() - parsed;
        job->parsing += parsed - start;
        job->bytes += source->len;
    }
    bool ok = tree != NULL && write_out(job, arena, diags, &out, index);
    print_diags(diags);
    buf_free(&out);
    arena_destroy(arena);
    return ok;
}

int debug_format_main(int argc, char **argv) {
    struct job job = {0};
    bool timed = false, ok = true;
    int at = 1;
    for (; at < argc && argv[at][0] == '-'; at++) {
        if (strcmp(argv[at], "--time") == 0)
            timed = true;
        else if (strcmp(argv[at], "--into") == 0 && at + 1 < argc)
            job.into = argv[++at];
    }
    if (at == argc) {
        fputs("usage: adgen debug-format [--time] [--into DIR] FILE...\n", stderr);
        return 2;
    }
    job.parser = parser_create();
    for (int first = at; at < argc; at++)
        ok = format_file(&job, argv[at], at - first) && ok;
    parser_destroy(job.parser);
    if (timed)
        fprintf(
            stderr, "%zu bytes: parsing %.1f ms, printing %.1f ms\n", job.bytes, job.parsing * 1e3, job.printing * 1e3);
    return ok ? 0 : 1;
}
