#include "emit/words.h"

#include <stdio.h>
#include <string.h>

enum { VALUE_COLUMN = 22 };

void put_fact(struct buf *out, const char *name) {
    buf_printf(out, "%s:", name);
    buf_repeat(out, ' ', strlen(name) + 1 < VALUE_COLUMN ? VALUE_COLUMN - strlen(name) - 1 : 1);
}

void put_count(struct buf *out, long long count) {
    char text[32];
    int len = snprintf(text, sizeof text, "%lld", count);
    if (count < 0) {
        buf_puts(out, "unknown");
        return;
    }
    for (int i = 0; i < len; i++) {
        buf_puts(out, i && (len - i) % 3 == 0 ? "," : "");
        buf_putc(out, text[i]);
    }
}

const char *or_unknown(const char *text) {
    return text ? text : "unknown";
}

void json_text(cJSON *object, const char *name, const char *text) {
    if (text)
        cJSON_AddStringToObject(object, name, text);
    else
        cJSON_AddNullToObject(object, name);
}

void json_count(cJSON *object, const char *name, long long count) {
    if (count >= 0)
        cJSON_AddNumberToObject(object, name, (double)count);
    else
        cJSON_AddNullToObject(object, name);
}
