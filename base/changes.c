/* changes.c - see changes.h. */
#include "base/changes.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diff.h"
#include "base/file.h"
#include "base/vec.h"

bool change_matters(const struct change *change) {
    return change->before == NULL || change->before_len != change->len ||
           memcmp(change->before, change->text, change->len) != 0;
}

void change_diff(struct buf *out, const struct change *change) {
    struct arena *arena = arena_create();
    const char *from = change->before ? arena_printf(arena, "a/%s", change->name) : "/dev/null";
    const char *to = arena_printf(arena, "b/%s", change->name);
    diff_unified(out, from, change->before ? change->before : "", change->before_len, to, change->text, change->len);
    arena_destroy(arena);
}

/* What has been done so far, to be taken back. */
struct progress {
    struct arena *arena;
    struct diags *diags;
    VEC(const char *) folders; /* made here, outer ones first */
    struct staged *staged;     /* one for each change */
};

/* The folders of a file, and which of them are new. */
static bool make_folders(struct progress *p, const char *path) {
    const char *folder = path_dir(p->arena, path);
    VEC(const char *) missing = {0};
    for (const char *at = folder; !dir_exists(at); at = path_dir(p->arena, at)) {
        vec_push(p->arena, &missing, at);
        if (strcmp(at, ".") == 0 || strcmp(at, "/") == 0)
            break;
    }
    while (missing.len > 0)
        vec_push(p->arena, &p->folders, vec_pop(&missing));
    return dir_create(p->diags, folder);
}

static bool stage(struct progress *p, const struct change *list, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        const struct change *c = &list[i];
        if (change_matters(c) &&
            !(make_folders(p, c->path) && file_stage(p->arena, p->diags, c->path, c->text, c->len, &p->staged[i])))
            return false;
    }
    return true;
}

static void restore(struct progress *p, const struct change *c) {
    if (c->before)
        file_write(p->diags, c->path, c->before, c->before_len);
    else
        file_remove(c->path);
}

bool changes_write(struct arena *arena, struct diags *diags, const struct change *list, uint32_t count) {
    struct progress p = {.arena = arena, .diags = diags, .staged = NEW_ARRAY(arena, struct staged, count)};
    uint32_t done = 0;
    bool ok = stage(&p, list, count);
    for (; ok && done < count; done += ok)
        if (p.staged[done].temporary)
            ok = file_commit(diags, &p.staged[done]);
    if (ok)
        return true;
    for (uint32_t i = 0; i < count; i++)
        file_discard(&p.staged[i]);
    for (uint32_t i = 0; i < done; i++)
        if (change_matters(&list[i]))
            restore(&p, &list[i]);
    while (p.folders.len > 0)
        dir_remove(vec_pop(&p.folders));
    return false;
}
