/* words.h - how reports say things: lines of `name: value`, counts, and what is not known. */
#ifndef ADGEN_EMIT_WORDS_H
#define ADGEN_EMIT_WORDS_H

#include <cjson/cJSON.h>

#include "base/buf.h"

/* `name:` and spaces up to the column of the values. */
void put_fact(struct buf *out, const char *name);

/* 1234567 as 1,234,567; `unknown` for one below 0. */
void put_count(struct buf *out, long long count);

/* "unknown" for NULL. */
const char *or_unknown(const char *text);

/* null for what is not known. */
void json_text(cJSON *object, const char *name, const char *text);
void json_count(cJSON *object, const char *name, long long count);

#endif
