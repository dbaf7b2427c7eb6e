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
struct staging {
    struct arena *arena;
    struct diags *diags;
    const struct change *list;
    uint32_t count;
    VEC(const char *) folders; /* made here, outer ones first */
    struct staged *staged;     /* one for each change */
};

/* The folders of a file, and which of them are new. */
static bool make_folders(struct staging *s, const char *path) {
    const char *folder = path_dir(s->arena, path);
    VEC(const char *) missing = {0};
    for (const char *at = folder; !dir_exists(at); at = path_dir(s->arena, at)) {
        vec_push(s->arena, &missing, at);
        if (strcmp(at, ".") == 0 || strcmp(at, "/") == 0)
            break;
    }
    while (missing.len > 0)
        vec_push(s->arena, &s->folders, vec_pop(&missing));
    return dir_create(s->diags, folder);
}

static bool stage(struct staging *s, bool folders) {
    for (uint32_t i = 0; i < s->count; i++) {
        const struct change *c = &s->list[i];
        if (change_matters(c) && !file_is_stream(c->path) &&
            !((!folders || make_folders(s, c->path)) &&
                file_stage(s->arena, s->diags, c->path, c->text, c->len, &s->staged[i])))
            return false;
    }
    return true;
}

static void restore(struct staging *s, const struct change *c) {
    if (c->before)
        file_write(s->diags, c->path, c->before, c->before_len);
    else
        file_remove(c->path);
}

void changes_abandon(struct staging *s) {
    for (uint32_t i = 0; i < s->count; i++)
        file_discard(&s->staged[i]);
    while (s->folders.len > 0)
        dir_remove(vec_pop(&s->folders));
}

static struct staging *begin(
    struct arena *arena, struct diags *diags, const struct change *list, uint32_t count, bool folders) {
    struct staging *s = NEW(arena, struct staging);
    *s = (struct staging){
        .arena = arena, .diags = diags, .list = list, .count = count, .staged = NEW_ARRAY(arena, struct staged, count)};
    if (stage(s, folders))
        return s;
    changes_abandon(s);
    return NULL;
}

struct staging *changes_stage(struct arena *arena, struct diags *diags, const struct change *list, uint32_t count) {
    return begin(arena, diags, list, count, false);
}

bool changes_commit(struct staging *s) {
    uint32_t done = 0;
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->count; i++)
        if (file_is_stream(s->list[i].path))
            ok = file_write(s->diags, s->list[i].path, s->list[i].text, s->list[i].len);
    for (; ok && done < s->count; done += ok)
        if (s->staged[done].temporary)
            ok = file_commit(s->diags, &s->staged[done]);
    if (ok)
        return true;
    for (uint32_t i = 0; i < done; i++)
        if (change_matters(&s->list[i]) && !file_is_stream(s->list[i].path))
            restore(s, &s->list[i]);
    changes_abandon(s);
    return false;
}

bool changes_write(struct arena *arena, struct diags *diags, const struct change *list, uint32_t count) {
    struct staging *s = begin(arena, diags, list, count, true);
    return s && changes_commit(s);
}
