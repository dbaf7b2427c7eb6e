/* file.c - POSIX calls live here and nowhere else. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/vec.h"

static bool fail(struct diags *diags, const char *path, const char *what, int error) {
    diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s: %s: %s", path, what, strerror(error));
    return false;
}

static bool write_all(int fd, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* The rename is durable only when the directory is written, too. Not every file system can do this: errors are ignored.
 */
static void sync_dir(const char *path) {
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash == NULL ? 1 : (int)(slash - path + 1), slash == NULL ? "." : path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    fsync(fd);
    close(fd);
}

/* A new file beside `target`; its name goes to `temporary`. The kernel applies the umask. -1 with errno on failure. */
static int create_beside(const char *target, char *temporary, size_t size) {
    for (unsigned attempt = 0;; attempt++) {
        int len = snprintf(temporary, size, "%s.%ld-%u.tmp", target, (long)getpid(), attempt);
        if (len < 0 || (size_t)len >= size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
}

/* Fill the new file and give it the mode of the old one. False with errno, and the new file is gone. */
static bool fill(int fd, const char *temporary, const char *target, const char *text, size_t len) {
    struct stat old;
    bool ok =
        write_all(fd, text, len) && (stat(target, &old) != 0 || fchmod(fd, old.st_mode & 07777) == 0) && fsync(fd) == 0;
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (!ok)
        unlink(temporary);
    errno = error;
    return ok;
}

/* A device or a pipe has no content to protect, and must never be replaced by a file. */
static bool write_through(const char *path, const char *text, size_t len) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = write_all(fd, text, len);
    int error = errno;
    if (close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    errno = error;
    return ok;
}

bool file_stage(
    struct arena *arena, struct diags *diags, const char *path, const char *text, size_t len, struct staged *staged) {
    char resolved[PATH_MAX], temporary[PATH_MAX];
    const char *target = realpath(path, resolved) != NULL ? resolved : path;
    struct stat info;
    *staged = (struct staged){0};
    if (stat(target, &info) == 0 && !S_ISREG(info.st_mode))
        return fail(diags, path, "cannot write", S_ISDIR(info.st_mode) ? EISDIR : EINVAL);
    int fd = create_beside(target, temporary, sizeof temporary);
    if (fd < 0 || !fill(fd, temporary, target, text, len))
        return fail(diags, path, "cannot write", errno);
    staged->target = arena_strndup(arena, target, strlen(target));
    staged->temporary = arena_strndup(arena, temporary, strlen(temporary));
    return true;
}

bool file_commit(struct diags *diags, struct staged *staged) {
    if (rename(staged->temporary, staged->target) != 0) {
        int error = errno;
        file_discard(staged);
        return fail(diags, staged->target, "cannot write", error);
    }
    staged->temporary = NULL;
    sync_dir(staged->target);
    return true;
}

void file_discard(struct staged *staged) {
    if (staged->temporary)
        unlink(staged->temporary);
    staged->temporary = NULL;
}

bool file_write(struct diags *diags, const char *path, const char *text, size_t len) {
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
        return write_through(path, text, len) || fail(diags, path, "cannot write", errno);
    struct arena *arena = arena_create();
    struct staged staged;
    bool ok = file_stage(arena, diags, path, text, len, &staged) && file_commit(diags, &staged);
    arena_destroy(arena);
    return ok;
}

void file_remove(const char *path) {
    unlink(path);
}

void dir_remove(const char *path) {
    rmdir(path);
}

void standard_streams_open(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF) /* opened the wrong way round, so that using it is an error */
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : fd == STDOUT_FILENO ? O_RDONLY : O_WRONLY);
}

/* All that can be read; false with errno. */
static bool read_all(int fd, size_t most, struct buf *out) {
    char block[16 * 1024];
    ssize_t n;
    buf_truncate(out, 0);
    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        buf_write(out, block, (size_t)n);
        if (out->len > most) {
            errno = EFBIG;
            return false;
        }
    }
    return true;
}

bool file_load_input(const char *path, size_t most, struct buf *out) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, most, out);
    int error = errno;
    if (fd >= 0 && !standard)
        close(fd);
    errno = error;
    return ok;
}

bool file_load(const char *path, struct buf *out) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
    if (fd < 0)
        return false;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return false;
    }
    bool ok = read_all(fd, SIZE_MAX, out);
    close(fd);
    return ok;
}

bool file_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode);
}

bool file_is_stream(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && !S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode);
}

bool dir_exists(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool dir_create(struct diags *diags, const char *path) {
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len >= sizeof part)
        return fail(diags, path, "cannot create", ENAMETOOLONG);
    memcpy(part, path, len + 1);
    for (char *at = part + (part[0] == '/'); *at != '\0'; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (part[0] != '\0' && mkdir(part, 0777) != 0 && errno != EEXIST && !dir_exists(part))
            return fail(diags, part, "cannot create", errno);
        *at = '/';
    }
    if (mkdir(part, 0777) == 0 || dir_exists(part))
        return true;
    return fail(diags, path, "cannot create", errno);
}

char *path_dir(struct arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return arena_strndup(arena, ".", 1);
    return arena_strndup(arena, path, slash == path ? 1 : (size_t)(slash - path));
}

const char *path_base(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

char *path_join(struct arena *arena, const char *dir, const char *name) {
    if (name[0] == '/' || strcmp(dir, ".") == 0)
        return arena_strndup(arena, name, strlen(name));
    size_t len = strlen(dir);
    return arena_printf(arena, "%s%s%s", dir, len > 0 && dir[len - 1] == '/' ? "" : "/", name);
}

char *path_absolute(struct arena *arena, const char *path) {
    char resolved[PATH_MAX];
    if (realpath(path_dir(arena, path), resolved) == NULL)
        return arena_strndup(arena, path, strlen(path));
    return path_join(arena, resolved, path_base(path));
}

bool file_same(const char *a, const char *b) {
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **dir_list(struct arena *arena, const char *path, uint32_t *count) {
    VEC(char *) names = {0};
    DIR *dir = opendir(path);
    *count = 0;
    if (dir == NULL)
        return NULL;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            vec_push(arena, &names, arena_strndup(arena, entry->d_name, strlen(entry->d_name)));
    closedir(dir);
    if (names.len > 0)
        qsort(names.at, names.len, sizeof *names.at, compare_names);
    *count = names.len;
    return names.at != NULL ? names.at : NEW_ARRAY(arena, char *, 1);
}
