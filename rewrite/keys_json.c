/* keys_json.c - JSON, with the meaning that Python's `json` gives it: `1` is an integer and `1.0` is not. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"
#include "parser/literal.h"
#include "rewrite/keys.h"

enum { JSON_DEPTH_MAX = 100 };

struct json {
    struct run *run;
    struct arena *arena;
    const char *at; /* NUL-terminated */
};

static struct datum *value(struct json *json, uint32_t depth);

static void skip_space(struct json *json) {
    json->at += strspn(json->at, " \t\r\n");
}

static bool take(struct json *json, const char *text) {
    if (!starts_with(json->at, text))
        return false;
    json->at += strlen(text);
    return true;
}

/* -- strings ------------------------------------------------------------------------------------------------------- */

static bool hex(struct json *json, uint32_t *code) {
    *code = 0;
    for (int i = 0; i < 4; i++, json->at++) {
        if (!isxdigit((unsigned char)*json->at))
            return false;
        char digit[2] = {*json->at, '\0'};
        *code = *code * 16 + (uint32_t)strtoul(digit, NULL, 16);
    }
    return true;
}

static bool escape(struct json *json, struct buf *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *plain = *json->at ? strchr(from, *json->at) : NULL;
    if (plain) {
        buf_putc(out, to[plain - from]);
        json->at++;
        return true;
    }
    uint32_t code, low;
    if (!take(json, "u") || !hex(json, &code))
        return false;
    if (code >= 0xD800 && code < 0xDC00) { /* the first half of a pair */
        if (!take(json, "\\u") || !hex(json, &low) || low < 0xDC00 || low > 0xDFFF)
            return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    buf_put_utf8(out, code);
    return code != 0;
}

/* Behind the opening quote. */
static struct datum *string(struct json *json) {
    struct buf out = {0};
    bool ok = true;
    while (ok && *json->at != '"') {
        if (*json->at == '\\') {
            json->at++;
            ok = escape(json, &out);
        } else if ((ok = (unsigned char)*json->at >= ' ')) {
            buf_putc(&out, *json->at++);
        }
    }
    struct datum *d = ok ? datum_str(json->run, out.at ? out.at : "") : NULL;
    json->at += ok;
    buf_free(&out);
    return d;
}

/* -- numbers and words --------------------------------------------------------------------------------------------- */

static struct datum *number(struct json *json) {
    const char *start = json->at + (*json->at == '-');
    size_t whole = strspn(start, "0123456789");
    if (whole == 0 || (*start == '0' && whole > 1))
        return NULL;
    const char *end = start + whole;
    char *stop;
    if (strchr(".eE", *end) == NULL || *end == '\0') {
        errno = 0;
        long long integer = strtoll(json->at, &stop, 10);
        json->at = end;
        return errno ? datum_float(json->run, strtod(start, NULL)) : datum_int(json->run, integer);
    }
    double real = strtod(json->at, &stop);
    bool ok = *end != '.' || isdigit((unsigned char)end[1]);
    json->at = ok ? stop : end;
    return ok ? datum_float(json->run, real) : NULL;
}

static struct datum *word(struct json *json) {
    if (take(json, "true"))
        return datum_bool(json->run, true);
    if (take(json, "false"))
        return datum_bool(json->run, false);
    if (take(json, "null"))
        return datum_none(json->run);
    if (take(json, "NaN"))
        return datum_float(json->run, NAN);
    if (take(json, "Infinity"))
        return datum_float(json->run, HUGE_VAL);
    return take(json, "-Infinity") ? datum_float(json->run, -HUGE_VAL) : number(json);
}

/* -- collections --------------------------------------------------------------------------------------------------- */

static bool element(struct json *json, struct datum *into, uint32_t depth) {
    struct datum *d = value(json, depth);
    if (d)
        datum_push(json->run, into, d);
    return d != NULL;
}

/* The last of equal keys counts. They are looked for where there are few: an index of a checkpoint has none. */
static bool member(struct json *json, struct datum *into, uint32_t depth) {
    enum { FEW = 1000 };
    struct datum *key = take(json, "\"") ? string(json) : NULL;
    skip_space(json);
    struct datum *d = key && take(json, ":") ? value(json, depth) : NULL;
    if (d && into->dict.list.len < FEW)
        dict_set(json->run, &into->dict, key, d);
    else if (d)
        vec_push(json->arena, &into->dict.list, ((struct item){key, d}));
    return d != NULL;
}

static struct datum *collection(struct json *json, enum datum_kind kind, uint32_t depth) {
    const char *close = kind == D_LIST ? "]" : "}";
    struct datum *into = datum_list(json->run, kind);
    skip_space(json);
    if (take(json, close))
        return into;
    for (;;) {
        skip_space(json);
        if (!(kind == D_LIST ? element : member)(json, into, depth + 1))
            return NULL;
        skip_space(json);
        if (take(json, close))
            return into;
        if (!take(json, ","))
            return NULL;
    }
}

static struct datum *value(struct json *json, uint32_t depth) {
    skip_space(json);
    if (depth > JSON_DEPTH_MAX)
        return NULL;
    if (take(json, "["))
        return collection(json, D_LIST, depth);
    if (take(json, "{"))
        return collection(json, D_DICT, depth);
    return take(json, "\"") ? string(json) : word(json);
}

/* -- files --------------------------------------------------------------------------------------------------------- */

static struct datum *bad_file(struct unit *unit, const char *path, const char *what) {
    diag_at(unit->diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, NULL, "%s%s", path, what);
    return NULL;
}

static struct datum *bad_text(struct unit *unit, const char *path, const char *text, const char *at) {
    uint32_t line = 1, column = 1;
    for (const char *c = text; c < at; c++) {
        line += *c == '\n';
        column = *c == '\n' ? 1 : column + 1;
    }
    return bad_file(unit, path, arena_printf(unit->arena, ":%u:%u: this is not JSON", line, column));
}

struct datum *keys_read_json(struct run *run, struct unit *unit, const char *path) {
    struct buf text = {0};
    if (!file_load_input(path, SOURCE_MAX, &text)) {
        const char *why = errno == ENOENT  ? ": there is no such file"
                          : errno == EFBIG ? " is too large"
                                           : " cannot be read";
        buf_free(&text);
        return bad_file(unit, path, why);
    }
    const char *start = text.at ? text.at : "";
    struct json json = {run, unit->arena, start};
    struct datum *d = value(&json, 0);
    skip_space(&json);
    if (d == NULL || json.at != start + text.len)
        d = bad_text(unit, path, start, json.at);
    else if (d->kind != D_DICT)
        d = bad_file(unit, path, ": this is no JSON object");
    buf_free(&text);
    return d;
}
