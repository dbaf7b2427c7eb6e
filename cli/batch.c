/* batch.c - `adgen --all`: every causal LM of a package.
 *
 * The package's tables are read once. Threads take model types from a counter, each with a context of its own, and
 * leave what there is to say in memory; the main thread prints it in the order of the package. So neither files nor
 * messages depend on the number of threads. */
#include "cli/batch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "cli/cli.h"
#include "emit/report.h"
#include "rewrite/unit.h"

/* One model type. */
struct job {
    const char *type;
    int status;
    bool partial; /* written, with gaps */
    bool assumed; /* written, up to a length */
    bool changed; /* --check: the file differs; else: it was written anew */
    char *said;   /* messages; malloc'd */
    size_t said_len;
    struct buf report;
    bool done;
};

struct batch {
    const struct options_given *given;
    const struct voice *voice;
    const struct registry *registry;
    struct job *jobs;
    uint32_t count;
    atomic_uint next;
    pthread_mutex_t lock;
    pthread_cond_t finished;
};

const char *model_file_name(struct arena *arena, const char *type) {
    char *name = arena_printf(arena, "%s", type);
    for (char *at = name; *at != '\0'; at++)
        if (*at == '-' || *at == '.')
            *at = '_';
    return arena_printf(arena, "modeling_%s.py", name);
}

/* -- one type ------------------------------------------------------------------------------------------------------ */

static bool deliver(struct batch *batch, struct job *job, struct adgen_result *result, struct diags *diags) {
    const struct options_given *given = batch->given;
    const char *target = path_join(result->arena, given->out_dir, model_file_name(result->arena, job->type));
    struct buf old = {0};
    bool same = file_load(target, &old) && old.len == result->text.len &&
                (old.len == 0 || memcmp(old.at, result->text.at, old.len) == 0);
    buf_free(&old);
    job->changed = !same;
    return same || given->check || file_write(diags, target, result->text.at, result->text.len);
}

static void translate(struct batch *batch, struct adgen *adgen, struct job *job, const struct voice *voice) {
    const struct options_given *given = batch->given;
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    struct model model;
    struct adgen_result result;
    job->status = EXIT_REFUSED;
    if (registry_model(batch->registry, arena, diags, job->type, &model)) {
        struct adgen_request request = {.path = model.path,
            .entry = model.head,
            .model_type = model.type,
            .assume = given->assume,
            .strict_rounding = given->strict_rounding,
            .bundle_config = given->bundle_config,
            .partial = given->partial,
            .account = given->report != NULL || given->trace};
        adgen_translate(adgen, &request, &result);
        if (result.status != ADGEN_REFUSED && deliver(batch, job, &result, diags))
            job->status = (int)result.status;
        job->partial = result.gaps > 0;
        job->assumed = result.unit->limits.len > 0 && result.unit->prefill_only == NULL;
        say_diags(voice, result.diags);
        say_more(voice, "%s: %.1f ms, %zu KB", job->type, result.seconds * 1e3, arena_used(result.arena) / 1024);
        if (given->trace)
            report_trace(voice->out, &result);
        if (given->report)
            report_json(&job->report, &result);
        adgen_result_free(&result);
    }
    say_diags(voice, diags);
    arena_destroy(arena);
}

static void *work(void *user) {
    struct batch *batch = user;
    struct adgen *adgen = adgen_create(&(struct adgen_settings){
        .rules = batch->given->rules, .package = batch->registry->root, .registry = batch->registry});
    for (uint32_t i; (i = atomic_fetch_add(&batch->next, 1)) < batch->count;) {
        struct job *job = &batch->jobs[i];
        struct voice voice = *batch->voice;
        voice.out = open_memstream(&job->said, &job->said_len);
        translate(batch, adgen, job, &voice);
        fclose(voice.out);
        pthread_mutex_lock(&batch->lock);
        job->done = true;
        pthread_cond_signal(&batch->finished);
        pthread_mutex_unlock(&batch->lock);
    }
    adgen_destroy(adgen);
    return NULL;
}

/* -- all of them --------------------------------------------------------------------------------------------------- */

static void progress(const struct batch *batch, uint32_t done, bool shown) {
    if (!shown)
        return;
    if (done < batch->count)
        fprintf(stderr, "\r\033[K%u/%u %s", done, batch->count, batch->jobs[done].type);
    else
        fputs("\r\033[K", stderr);
    fflush(stderr);
}

/* Print what the jobs say, in order, as they end. */
static void listen(struct batch *batch) {
    bool shown = isatty(STDERR_FILENO) && !batch->voice->quiet;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct job *job = &batch->jobs[i];
        progress(batch, i, shown);
        pthread_mutex_lock(&batch->lock);
        while (!job->done)
            pthread_cond_wait(&batch->finished, &batch->lock);
        pthread_mutex_unlock(&batch->lock);
        if (job->said_len > 0)
            progress(batch, batch->count, shown);
        fwrite(job->said, 1, job->said_len, batch->voice->out);
        free(job->said);
    }
    progress(batch, batch->count, shown);
}

static int summarise(const struct batch *batch) {
    uint32_t count[EXIT_LIMITED + 1] = {0}, partial = 0, assumed = 0, changed = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        count[batch->jobs[i].status]++;
        partial += batch->jobs[i].partial && batch->jobs[i].status == EXIT_LIMITED;
        assumed += batch->jobs[i].assumed && !batch->jobs[i].partial && batch->jobs[i].status == EXIT_LIMITED;
        changed += batch->jobs[i].changed && batch->jobs[i].status != EXIT_REFUSED;
    }
    char gaps[48] = "", assuming[48] = "";
    if (batch->given->partial)
        snprintf(gaps, sizeof gaps, "%u with gaps; ", partial);
    if (batch->given->assume)
        snprintf(assuming, sizeof assuming, ", %u under the assumption", assumed);
    say(batch->voice, "%u model types: %u translated, %u of them prefill-only%s; %s%u refused; %u files %s",
        batch->count, count[EXIT_DONE] + count[EXIT_LIMITED] - partial, count[EXIT_LIMITED] - partial - assumed,
        assuming, gaps, count[EXIT_REFUSED], changed, batch->given->check ? "would change" : "changed");
    if (count[EXIT_REFUSED] > 0 || (batch->given->check && changed > 0))
        return EXIT_REFUSED;
    return count[EXIT_LIMITED] > 0 ? EXIT_LIMITED : EXIT_DONE;
}

/* The reports of all, as one list. */
static bool write_reports(struct batch *batch, struct diags *diags) {
    struct buf all = {0};
    for (uint32_t i = 0; i < batch->count; i++) {
        struct buf *one = &batch->jobs[i].report;
        buf_puts(&all, i == 0 ? "[\n" : ",\n");
        buf_puts(&all, one->len > 0 ? one->at : "null\n");
        buf_free(one);
    }
    buf_puts(&all, "]\n");
    bool ok = batch->given->report == NULL || file_write(diags, batch->given->report, all.at, all.len);
    buf_free(&all);
    return ok;
}

static void run(struct batch *batch) {
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t threads = batch->given->jobs ? batch->given->jobs : cores > 0 ? (uint32_t)cores : 1;
    pthread_t *thread = calloc(threads, sizeof *thread);
    uint32_t running = 0;
    while (thread && running < threads && running < batch->count &&
           pthread_create(&thread[running], NULL, work, batch) == 0)
        running++;
    if (running == 0) /* no thread to be had: do it here */
        work(batch);
    listen(batch);
    for (uint32_t i = 0; i < running; i++)
        pthread_join(thread[i], NULL);
    free(thread);
}

/* Rules that cannot be loaded, and an assumption that there is not, are one error, not one for each type. */
static int check_rules(const struct options_given *given, const struct voice *voice) {
    struct adgen *adgen = adgen_create(&(struct adgen_settings){.rules = given->rules});
    say_diags(voice, adgen_problems(adgen));
    int status = diags_count(adgen_problems(adgen), SEVERITY_ERROR) > 0 ? EXIT_REFUSED
                 : assumption_exists(given, adgen)                      ? EXIT_DONE
                                                                        : EXIT_USAGE;
    adgen_destroy(adgen);
    return status;
}

int batch_command(const struct options_given *given, const struct voice *voice) {
    struct arena *arena = arena_create();
    struct diags *diags = diags_create(arena);
    const char *root = package_root(given, voice, arena);
    struct registry *registry = root ? registry_open(diags, root) : NULL;
    int status = registry ? check_rules(given, voice) : EXIT_REFUSED;
    if (status == EXIT_DONE && !given->check && !dir_create(diags, given->out_dir))
        status = EXIT_REFUSED;
    if (status == EXIT_DONE) {
        struct batch batch = {.given = given,
            .voice = voice,
            .registry = registry,
            .count = registry->nheads,
            .lock = PTHREAD_MUTEX_INITIALIZER,
            .finished = PTHREAD_COND_INITIALIZER};
        batch.jobs = NEW_ARRAY(arena, struct job, batch.count);
        for (uint32_t i = 0; i < batch.count; i++)
            batch.jobs[i].type = registry->heads[i].key;
        run(&batch);
        status = summarise(&batch);
        if (!write_reports(&batch, diags))
            status = EXIT_REFUSED;
    }
    say_diags(voice, diags);
    registry_close(registry);
    arena_destroy(arena);
    return status;
}
