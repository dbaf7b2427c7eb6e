/* run.c - the face of the interpreter, and how a run ends. */
#include "rewrite/run.h"

#include <stdarg.h>
#include <string.h>

#include "rewrite/run_internal.h"

struct run *run_create(struct unit *unit) {
    struct run *run = NEW(unit->arena, struct run);
    run->unit = unit;
    run->arena = unit->arena;
    run->home = unit->module;
    run->dtype = dtype_named("float32");
    return run;
}

void run_set_dtype(struct run *run, const struct dtype *dtype) {
    run->dtype = dtype;
}

/* -- how a run ends ------------------------------------------------------------------------------------------------ */

static const char *format_text(struct run *run, const char *format, va_list args) {
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    return arena_strndup(run->arena, text, strlen(text));
}

struct datum *run_refuse(struct run *run, const struct node *at, const char *format, ...) {
    if (run->stop == RUN_REFUSED) /* the first reason counts */
        return NULL;
    va_list args;
    va_start(args, format);
    run->why = format_text(run, format, args);
    va_end(args);
    run->stop = RUN_REFUSED;
    run->at = at;
    return NULL;
}

struct datum *run_raise(struct run *run, const struct node *at, const char *class, const char *format, ...) {
    if (run->stop == RUN_REFUSED)
        return NULL;
    va_list args;
    va_start(args, format);
    run->why = format_text(run, format, args);
    va_end(args);
    run->stop = RUN_RAISED;
    run->at = at;
    struct arguments none = {.at = (struct node *)at};
    run->exception = run_instance(run, library_class(run, class), &none);
    return NULL;
}

struct datum *unknown(struct run *run, const struct node *at, const char *format, ...) {
    struct datum *d = NEW(run->arena, struct datum);
    d->kind = D_UNKNOWN;
    d->unknown.at = at;
    va_list args;
    va_start(args, format);
    d->unknown.why = format_text(run, format, args);
    va_end(args);
    return d;
}

struct datum *refuse_unknown(struct run *run, const struct node *at, const struct datum *d, const char *what) {
    if (d->kind == D_TENSOR)
        return run_refuse(run, at, "%s depends on the values of a tensor, which are not followed", what);
    const struct node *from = d->unknown.at ? d->unknown.at : at;
    return run_refuse(run, from, "%s cannot be known without running Python: %s", what, d->unknown.why);
}

void run_report(struct run *run) {
    struct unit *unit = run->unit;
    if (run->stop == RUN_ON || diags_count(unit->diags, SEVERITY_ERROR) > 0)
        return;
    struct source *source = run->at ? run->at->source : NULL;
    struct span span = run->at ? run->at->span : (struct span){0, 0};
    if (run->stop == RUN_RAISED) {
        const char *class = run->exception ? run->exception->object->class->name : "Exception";
        diag_at(unit->diags, SEVERITY_ERROR, source, span, "raised",
            "with this configuration the source raises %s%s%.300s", class, run->why[0] ? ": " : "", run->why);
    } else {
        struct diag *d = diag_at(unit->diags, SEVERITY_ERROR, source, span, "not-known", "%s", run->why);
        if (unit->package.root == NULL && unit->library == NULL)
            diag_help(unit->diags, d, "no transformers package was found; `--package DIR` names one");
    }
}

/* -- the face ------------------------------------------------------------------------------------------------------ */

struct datum *run_name(struct run *run, struct module *module, atom name) {
    struct scope scope = {.module = module};
    return lookup(run, &scope, name);
}

struct datum *run_construct(struct run *run, struct datum *class, struct datum *positional, struct dict *named) {
    struct arguments arguments = {.at = class->kind == D_CLASS ? class->class->def : NULL};
    if (positional)
        arguments.positional = positional->items;
    if (named)
        arguments.named = *named;
    return call(run, class, &arguments);
}

struct datum *run_apply(struct run *run, struct datum *callee, struct datum **list, uint32_t count) {
    struct arguments arguments = {0};
    for (uint32_t i = 0; i < count; i++)
        vec_push(run->arena, &arguments.positional.list, list[i]);
    if (callee->kind == D_FUNCTION)
        arguments.at = callee->function->def;
    return call(run, callee, &arguments);
}

struct datum *run_attribute(struct run *run, struct datum *object, const char *name) {
    struct datum *value = get_attribute(run, object, intern(run->unit->atoms, name), NULL);
    if (value == NULL)
        run->stop = RUN_ON;
    return value;
}
