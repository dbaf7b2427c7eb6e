/* outline.c - one scan over the logical lines of a module or class.
 *
 * Only strings, comments, brackets and line continuations are understood; a logical line at the margin begins a
 * statement: at column 0, or where the first line of the class body is. Comments at the end of a definition belong to
 * it if they are indented at least as far as its body, and to what follows otherwise, as in comments.c. */
#include "parser/outline.h"

#include <string.h>

#include "base/text.h"

struct scan {
    struct arena *arena;
    const char *text, *end;
    struct outline *outline;
    size_t margin;          /* indentation of the statements */
    bool in_class;          /* classes are statements like others */
    struct part part;       /* the one that grows; of PART_STATEMENTS with start == end: nothing yet */
    const char *comments;   /* the first comment above the next statement, or NULL */
    const char *decorators; /* the first of those above the next definition, or NULL */
    size_t body;            /* indentation of the block below the last statement; 0: none yet */
    bool opened;            /* the last line at the margin opens a definition: a body must follow */
    bool closed;            /* it is a whole statement: none can follow */
};

/* -- logical lines ------------------------------------------------------------------------------------------------- */

static bool is_prefix(char c, char letter) {
    return (c | 0x20) == letter;
}

/* Whether the string that opens at `at` is an f-string. */
static bool is_formatted(const struct scan *s, const char *at) {
    for (int i = 1; i <= 2 && at - i >= s->text; i++)
        if (is_prefix(at[-i], 'f'))
            return true;
        else if (!is_prefix(at[-i], 'r'))
            return false;
    return false;
}

/* Past the string that opens at `at`; NULL where it is not closed, or closes inside a replacement field. */
static const char *string_end(const struct scan *s, const char *at) {
    char quote = *at;
    bool formatted = is_formatted(s, at), triple = at[1] == quote && at[2] == quote;
    char stops[] = {quote, '\\', triple ? quote : '\n', formatted ? '{' : quote, formatted ? '}' : quote, '\0'};
    int fields = 0;
    for (at += triple ? 3 : 1;; at++) {
        at += strcspn(at, stops);
        if (*at == '{' || *at == '}')
            fields += *at == '{' ? 1 : -1;
        else if (*at == '\\')
            at += at[1] != '\0';
        else if (*at != quote)
            return NULL;
        else if (!triple || (at[1] == quote && at[2] == quote))
            return fields == 0 ? at + (triple ? 3 : 1) : NULL;
    }
}

enum { PLAIN, NEWLINE, COMMENT, QUOTE, OPEN, CLOSE, ESCAPE, END };

static const unsigned char class_of[256] = {['\0'] = END,
    ['\n'] = NEWLINE,
    ['#'] = COMMENT,
    ['"'] = QUOTE,
    ['\''] = QUOTE,
    ['('] = OPEN,
    ['['] = OPEN,
    ['{'] = OPEN,
    [')'] = CLOSE,
    [']'] = CLOSE,
    ['}'] = CLOSE,
    ['\\'] = ESCAPE};

/* Past the newline that ends the logical line at `at`, or NULL. `last` becomes its last character that is neither space
 * nor comment. */
static const char *line_end(const struct scan *s, const char *at, char *last) {
    const char *shown = at; /* behind the last character that counts */
    for (int depth = 0;;) {
        while (class_of[(unsigned char)*at] == PLAIN)
            at++;
        switch (class_of[(unsigned char)*at]) {
        case COMMENT:
        case NEWLINE:
        case END:
            for (shown = at; depth == 0 && (shown[-1] == ' ' || shown[-1] == '\t');)
                shown--;
            *last = shown[-1];
            at = *at == '#' ? memchr(at, '\n', (size_t)(s->end - at)) : at;
            if (at == NULL || *at == '\0')
                return depth == 0 ? s->end : NULL;
            at++;
            if (depth == 0)
                return at;
            break;
        case QUOTE:
            at = string_end(s, at);
            if (at == NULL)
                return NULL;
            break;
        case OPEN: depth++, at++; break;
        case CLOSE:
            if (--depth < 0)
                return NULL;
            at++;
            break;
        default: /* a backslash outside of a string continues the line */
            if (at[1] != '\n')
                return NULL;
            at += 2;
        }
    }
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static uint32_t offset(const struct scan *s, const char *at) {
    return (uint32_t)(at - s->text);
}

static void end_part(struct scan *s, const char *at) {
    s->part.end = offset(s, at);
    if (s->part.end > s->part.start)
        vec_push(s->arena, &s->outline->parts, s->part);
    s->part = (struct part){.kind = PART_STATEMENTS, .start = s->part.end};
}

/* `def` and `class` whose line ends in the colon; what stands on one line is a statement like others. */
static bool definition(struct scan *s, const char *line, char last) {
    static const char *const words[] = {"class ", "def ", "async def "};
    const char *text = line + s->margin;
    for (size_t i = s->in_class; i < sizeof words / sizeof words[0]; i++) {
        if (!starts_with(text, words[i]) || last != ':')
            continue;
        const char *from = s->decorators ? s->decorators : line, *name = text + strlen(words[i]);
        const char *behind = name + name_length(name);
        if (behind == name || strchr("(:", *behind) == NULL)
            return false;
        end_part(s, s->comments ? s->comments : from);
        s->part.kind = i == 0 ? PART_CLASS : PART_FUNCTION;
        s->part.def.start = offset(s, from + s->margin);
        s->part.name = (struct span){offset(s, name), offset(s, behind)};
        return true;
    }
    return false;
}

static bool is_one_line(const char *text) {
    return starts_with(text, "def ") || starts_with(text, "class ") || starts_with(text, "async def ");
}

/* Whether a logical line at the margin is an import, a docstring, or begins like `name =` or `name:`. */
static bool is_simple(const char *text) {
    static const char *const words[] = {"from", "import", "else", "try", "except", "finally"};
    size_t len = name_length(text);
    if (text[len] == '"' || text[len] == '\'')
        return true;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && memcmp(text, words[i], len) == 0)
            return i < 2;
    text += len;
    text += strspn(text, " ");
    return *text == ':' || (*text == '=' && text[1] != '=');
}

/* Such a line is a part of its own. */
static bool simple(struct scan *s, const char *line, const char *end) {
    if (s->decorators || !is_simple(line + s->margin))
        return false;
    end_part(s, s->comments ? s->comments : line);
    s->comments = NULL;
    s->part.kind = PART_SIMPLE;
    end_part(s, end);
    s->closed = true;
    return true;
}

/* A logical line at the margin. */
static bool statement(struct scan *s, const char *line, const char *end, char last) {
    if (s->opened)
        return false;
    s->body = 0;
    s->closed = false;
    if (line[s->margin] == '@') {
        s->decorators = s->decorators ? s->decorators : line;
        return true;
    }
    if (simple(s, line, end))
        return true;
    s->opened = definition(s, line, last);
    if (!s->opened && s->decorators && !is_one_line(line + s->margin))
        return false;
    if (!s->opened && s->part.kind != PART_STATEMENTS)
        end_part(s, s->comments ? s->comments : s->decorators ? s->decorators : line);
    s->comments = s->decorators = NULL;
    return true;
}

static void comment(struct scan *s, const char *line, size_t indent) {
    bool inside = s->body > 0 && indent >= s->body;
    if (!inside && s->comments == NULL && s->decorators == NULL)
        s->comments = line;
}

/* A logical line that is indented. */
static bool body(struct scan *s, const char *end, size_t indent) {
    if (s->decorators || s->closed)
        return false;
    s->comments = NULL;
    s->opened = false;
    if (s->body == 0)
        s->body = indent;
    if (s->part.kind != PART_STATEMENTS)
        s->part.def.end = offset(s, end);
    return true;
}

static bool scan(struct scan *s, const char *from) {
    for (const char *line = from, *end; line < s->end; line = end) {
        size_t indent = strspn(line, " \t");
        const char *text = line + indent;
        char last = '\0';
        if (*text == '\n') {
            end = text + 1;
            continue;
        }
        if (*text == '#') {
            comment(s, line, indent);
            end = memchr(text, '\n', (size_t)(s->end - text));
            end = end ? end + 1 : s->end;
            continue;
        }
        end = *text == '\f' ? NULL : line_end(s, text, &last);
        if (end == NULL || indent < s->margin ||
            !(indent == s->margin ? statement(s, line, end, last) : body(s, end, indent)))
            return false;
    }
    return !s->opened && !s->decorators;
}

/* What is left when the lines are over. */
static bool end_scan(struct scan *s) {
    if (s->comments && s->part.kind != PART_STATEMENTS)
        end_part(s, s->comments);
    end_part(s, s->end);
    return true;
}

bool outline_read(struct arena *arena, const struct source *source, struct outline *outline) {
    struct scan s = {.arena = arena, .text = source->text, .end = source->text + source->len, .outline = outline};
    return scan(&s, s.text) && end_scan(&s);
}

/* Past blank lines and comments. */
static const char *skip_empty(const char *line, const char *end) {
    while (line < end) {
        size_t indent = strspn(line, " \t");
        if (line[indent] != '\n' && line[indent] != '#')
            break;
        line += indent + strcspn(line + indent, "\n");
        line += line < end;
    }
    return line;
}

bool outline_class(struct arena *arena, const struct source *source, const struct part *cls, struct outline *outline) {
    struct scan s = {.arena = arena, .text = source->text, .end = source->text + cls->end, .outline = outline};
    char last;
    const char *line = s.text + cls->start;
    for (bool header = false; !header;) {
        line = skip_empty(line, s.end);
        header = *line != '@';
        line = line_end(&s, line, &last);
        if (line == NULL)
            return false;
    }
    s.part = (struct part){.kind = PART_HEADER, .start = cls->start};
    end_part(&s, line);
    s.in_class = true;
    s.margin = strspn(skip_empty(line, s.end), " \t");
    return scan(&s, line) && end_scan(&s);
}
