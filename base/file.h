/* file.h - the only place with file-system calls beside source_read.
 *
 * Writing is atomic: the text goes to a new file beside the target, is flushed to disk, and takes the target's name. A
 * failure at any point leaves the target as it was and removes the new file. What is no regular file (a device, a pipe)
 * is written to as it is. */
#ifndef ADGEN_BASE_FILE_H
#define ADGEN_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct diags;
struct arena;
struct buf;

/* Replace or create `path` (a symbolic link is followed; the mode of an existing file is kept). False with a diagnostic
 * on failure. */
bool file_write(struct diags *diags, const char *path, const char *text, size_t len);

/* The two halves of file_write, for files that change together (changes.h): the text in a new file beside the target,
 * and the new file under the target's name. */
struct staged {
    char *target, *temporary; /* the temporary is NULL where the target is no regular file, or nothing is staged */
};
bool file_stage(
    struct arena *arena, struct diags *diags, const char *path, const char *text, size_t len, struct staged *staged);
bool file_commit(struct diags *diags, struct staged *staged);
void file_discard(struct staged *staged);

/* Take a file, or an empty folder, away; nothing is said where that fails. */
void file_remove(const char *path);
void dir_remove(const char *path);

/* Make sure that the three standard streams are something: a closed one fails when it is used, and no file that is
 * opened later takes its number. */
void standard_streams_open(void);

/* The bytes of a regular file into `out`, replacing what it held; false, and nothing said, if it cannot be read. */
bool file_load(const char *path, struct buf *out);
/* The same of what a user names as an input: a device or a pipe is read to its end, `-` is standard input. False with
 * errno, also where there are more than `most` bytes. */
bool file_load_input(const char *path, size_t most, struct buf *out);

bool file_exists(const char *path);
bool dir_exists(const char *path);
/* A device or a pipe: what is written to it takes nothing's place. */
bool file_is_stream(const char *path);

/* Create a directory and its parents. False with a diagnostic on failure. */
bool dir_create(struct diags *diags, const char *path);

/* Directory part and last component; both in the arena. path_dir("a") is ".". */
char *path_dir(struct arena *arena, const char *path);
const char *path_base(const char *path);
char *path_join(struct arena *arena, const char *dir, const char *name);

/* The absolute path of a file that need not exist: symbolic links of its folder are resolved, its own name stays. */
char *path_absolute(struct arena *arena, const char *path);

/* Whether both names exist and mean one file. */
bool file_same(const char *a, const char *b);

/* The names in a folder, sorted, without "." and ".."; *count of them. NULL where it cannot be read. */
char **dir_list(struct arena *arena, const char *path, uint32_t *count);

#endif
