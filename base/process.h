/* process.h - running another program. */
#ifndef ADGEN_BASE_PROCESS_H
#define ADGEN_BASE_PROCESS_H

struct arena;

/* What the program named argv[0] (looked for on PATH) writes to its standard output, at most 64 KiB; its standard error
 * is dropped and its standard input is empty. NULL where it cannot be run or does not exit with 0. */
char *process_output(struct arena *arena, const char *const *argv);

#endif
