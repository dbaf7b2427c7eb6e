/* batch.h - names of the files that are written for model types. */
#ifndef ADGEN_CLI_BATCH_H
#define ADGEN_CLI_BATCH_H

struct arena;

/* modeling_<type>.py, with `-` and `.` of the type as `_`. */
const char *model_file_name(struct arena *arena, const char *type);

#endif
