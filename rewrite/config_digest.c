/* config_digest.c - a scan of logical lines that keeps what declares attributes. */
#include "rewrite/config_digest.h"

#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/text.h"

struct digest {
    struct buf out;
    bool in_class;
    bool in_member;   /* inside a kept method */
    bool is_property; /* the decorator before; then the method */
    size_t body;      /* indentation of an initialiser's body; 0: not seen yet */
    size_t indent;    /* of the class body; 0: not seen yet */
};

/* Past the string literal that opens at `at`. */
static const char *string_end(const char *at) {
    char quote = *at;
    if (at[1] == quote && at[2] == quote) {
        for (at += 3; *at != '\0' && !(at[0] == quote && at[1] == quote && at[2] == quote); at++)
            at += *at == '\\' && at[1] != '\0';
        return *at == '\0' ? at : at + 3;
    }
    for (at++; *at != '\0' && *at != quote && *at != '\n'; at++)
        at += *at == '\\' && at[1] != '\0';
    return *at == quote ? at + 1 : at;
}

/* Past the newline that ends the logical line at `at`. */
static const char *line_end(const char *at) {
    for (int depth = 0; *at != '\0';) {
        switch (*at) {
        case '\n':
            at++;
            if (depth <= 0)
                return at;
            continue;
        case '#': at += strcspn(at, "\n"); continue;
        case '"':
        case '\'': at = string_end(at); continue;
        case '(':
        case '[':
        case '{': depth++; break;
        case ')':
        case ']':
        case '}': depth--; break;
        case '\\': at += at[1] == '\n'; break;
        default: break;
        }
        at++;
    }
    return at;
}

static void keep(struct digest *d, const char *line, const char *end) {
    buf_write(&d->out, line, (size_t)(end - line));
    if (end[-1] != '\n')
        buf_putc(&d->out, '\n');
}

enum { BODY = 8 }; /* indentation of bodies in the digest */

/* `Old = New`: a class under another name. */
static bool is_renaming(const char *line) {
    const char *at = line + name_length(line);
    return starts_with(at, " = ") && at[3 + name_length(at + 3)] == '\n';
}

static void module_line(struct digest *d, const char *line, const char *end) {
    d->in_class = starts_with(line, "class ");
    d->in_member = false;
    d->indent = 0;
    if (d->in_class || starts_with(line, "from ") || starts_with(line, "import ") || is_renaming(line))
        keep(d, line, end);
    const char *last = end - 1;
    while (last > line && strchr(" \t\n", *last) != NULL)
        last--;
    if (d->in_class && *last == ':')
        buf_puts(&d->out, "    pass\n");
}

static void method_line(struct digest *d, const char *line, const char *text, const char *end) {
    bool initialiser = starts_with(text, "def __init__(") || starts_with(text, "def __post_init__(");
    d->in_member = d->is_property || initialiser;
    d->body = 0;
    if (d->is_property)
        buf_printf(&d->out, "%.*s@property\n", (int)(text - line), line);
    if (d->in_member) {
        keep(d, line, end);
        buf_printf(&d->out, "%*spass\n", BODY, "");
    }
    d->is_property = d->is_property && !initialiser;
}

/* A line inside of a kept method: of an initialiser what it does on every path; of a property what it reads, which is
 * brought into one expression a line. */
static void body_line(struct digest *d, const char *line, const char *text, const char *end) {
    size_t indent = (size_t)(text - line);
    if (d->body == 0)
        d->body = indent;
    if (!d->is_property) {
        if (indent == d->body && (starts_with(text, "self.") || starts_with(text, "super(")))
            buf_printf(&d->out, "%*s%.*s\n", BODY, "", (int)(end - text), text);
        return;
    }
    for (const char *at = text; (at = strstr(at, "self.")) != NULL && at < end; at += strlen("self."))
        buf_printf(&d->out, "%*s%.*s\n", BODY, "", (int)(strlen("self.") + name_length(at + strlen("self."))), at);
}

/* A line of the class body itself. */
static void member_line(struct digest *d, const char *line, const char *text, const char *end) {
    if (*text == '@') {
        d->in_member = false;
        d->is_property = starts_with(text, "@property") || starts_with(text, "@cached_property");
    } else if (starts_with(text, "def ")) {
        method_line(d, line, text, end);
    } else {
        d->in_member = false;
        d->is_property = false;
        bool docstring =
            strchr("\"'", *text) != NULL || (strchr("rR", *text) != NULL && strchr("\"'", text[1]) != NULL);
        if (!docstring && memchr(text, '=', (size_t)(end - text)) != NULL)
            keep(d, line, end);
    }
}

static void scan(struct digest *d, const char *at) {
    for (const char *end; *at != '\0'; at = end) {
        const char *text = at + strspn(at, " \t\f");
        end = line_end(at);
        if (*text == '\n' || *text == '#' || *text == '\0')
            continue;
        size_t indent = (size_t)(text - at);
        if (indent == 0) {
            module_line(d, at, end);
            continue;
        }
        if (!d->in_class)
            continue;
        if (d->indent == 0)
            d->indent = indent;
        if (indent <= d->indent)
            member_line(d, at, text, end);
        else if (d->in_member)
            body_line(d, at, text, end);
    }
}

/* Parsed as a whole, in the arena of `unit`; what is wrong with this file is not the user's concern. */
static struct module *read_digest(struct unit *unit, const char *path) {
    struct unit reader = *unit;
    struct digest d = {0};
    struct buf text = {0};
    reader.diags = diags_create(unit->arena);
    reader.options.whole = true;
    if (file_load(path, &text) && text.len > 0)
        scan(&d, text.at);
    struct source *source =
        d.out.len > 0 ? source_from_text(unit->arena, unit->atoms, reader.diags, path, d.out.at, d.out.len) : NULL;
    struct module *module = source ? module_load(&reader, source) : NULL;
    buf_free(&text);
    buf_free(&d.out);
    return module;
}

struct module *config_digest(struct unit *unit, const char *path) {
    struct unit *keeper = unit_keeper(unit);
    atom key = intern_printf(unit->atoms, "digest:%s", path);
    if (!map_has(&keeper->modules, key))
        map_put(keeper->arena, &keeper->modules, key, read_digest(keeper, path));
    return map_get(&keeper->modules, key);
}
