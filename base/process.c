/* process.c - a child with its output on a pipe. */
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"

extern char **environ;

enum { OUTPUT_MAX = 64 * 1024 };

static bool spawn(const char *const *argv, int out, pid_t *pid) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    int error = posix_spawnp(pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    return error == 0;
}

/* Everything up to the limit; what goes beyond is read and dropped, so that the child can end. */
static size_t drain(int fd, char *text) {
    size_t len = 0;
    char rest[512];
    for (;;) {
        ssize_t n = len < OUTPUT_MAX ? read(fd, text + len, OUTPUT_MAX - len) : read(fd, rest, sizeof rest);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return len;
        if (len < OUTPUT_MAX)
            len += (size_t)n;
    }
}

char *process_output(struct arena *arena, const char *const *argv) {
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return NULL;
    bool running = spawn(argv, ends[1], &pid);
    close(ends[1]);
    char *text = arena_alloc(arena, OUTPUT_MAX + 1);
    size_t len = running ? drain(ends[0], text) : 0;
    close(ends[0]);
    if (!running)
        return NULL;
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return NULL;
    text[len] = '\0';
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? text : NULL;
}
