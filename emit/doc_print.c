/* doc_print.c - from a document to text.
 *
 * The printer walks the tree with an explicit stack of frames: the next document of a container, and the arguments
 * (indentation, mode) that it is printed with. Measuring whether something fits walks the same way on a second stack
 * and goes on into the frames of the first one, since what follows a group on its line counts too. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emit/doc.h"
#include "emit/doc_internal.h"

enum measure {
    FIRST_LINE,        /* fits if the line is not too long up to its first break */
    ALL_LINES,         /* ... up to the end of the content: no line is too long */
    ALL_LINES_OVERFLOW /* breaks are taken, over-long lines inside are forgiven */
};

struct args {
    uint32_t indent;
    uint8_t mode, measure;
};

struct frame {
    const struct doc *at; /* next document to print; siblings follow */
    struct args args;
};

struct doc_frames {
    struct frame *at;
    uint32_t len, cap;
};

struct output {
    struct docs *docs;
    struct buf *out;
    uint32_t column;
    uint32_t pending; /* indentation to write before the next text */
    bool line_empty, measured;
    const struct doc *suffix[16]; /* trailing comments of this line */
    uint32_t suffixes;
};

struct measurer {
    struct output *output;
    uint32_t column, pending, rest; /* rest: frames of the printer still to be read */
};

static struct doc_frames *frames(struct doc_frames **at) {
    if (*at == NULL && (*at = calloc(1, sizeof **at)) == NULL) {
        abort();
    }
    return *at;
}

void frames_free(struct doc_frames *stack) {
    if (stack != NULL) {
        free(stack->at);
        free(stack);
    }
}

static void push(struct doc_frames *stack, const struct doc *at, struct args args) {
    if (at == NULL) {
        return;
    }
    if (stack->len == stack->cap) {
        stack->cap = stack->cap ? 2 * stack->cap : 64;
        stack->at = realloc(stack->at, stack->cap * sizeof *stack->at);
        if (stack->at == NULL) {
            abort();
        }
    }
    stack->at[stack->len++] = (struct frame){at, args};
}

/* The next document and its arguments, or NULL at the end. */
static const struct doc *pop(struct doc_frames *stack, struct args *args) {
    if (stack->len == 0) {
        return NULL;
    }
    struct frame *top = &stack->at[stack->len - 1];
    const struct doc *doc = top->at;
    *args = top->args;
    top->at = doc->next;
    if (top->at == NULL) {
        stack->len--;
    }
    return doc;
}

static struct args with_mode(struct args args, enum doc_mode mode) {
    args.mode = (uint8_t)mode;
    return args;
}

static struct args with_measure(struct args args, enum measure measure) {
    args.measure = (uint8_t)measure;
    return args;
}

static struct args indented(const struct docs *docs, struct args args) {
    args.indent += docs->indent_width;
    return args;
}

static enum doc_mode mode_of(const struct doc_group *group, struct args args) {
    return group != NULL ? group->mode : (enum doc_mode)args.mode;
}

/* -- measuring ----------------------------------------------------------------------------------------------------- */

enum verdict { NO, YES, MAYBE };

static enum verdict within(struct measurer *m, struct args args) {
    return m->column > m->output->docs->line_length && args.measure != ALL_LINES_OVERFLOW ? NO : MAYBE;
}

/* A text of several lines: the first line counts, then the last if all lines are measured. */
static enum verdict fits_lines(struct measurer *m, const struct doc *doc, struct args args) {
    const char *line = doc->text, *end = doc->text + doc->len;
    for (const char *newline; (newline = memchr(line, '\n', (size_t)(end - line))) != NULL; line = newline + 1) {
        m->column += text_columns(line, (size_t)(newline - line));
        if (args.measure == FIRST_LINE) {
            return within(m, args) == NO ? NO : YES;
        }
        m->column = 0;
    }
    m->column += text_columns(line, (size_t)(end - line));
    return within(m, args);
}

static enum verdict fits_text(struct measurer *m, const struct doc *doc, struct args args) {
    m->column += m->pending;
    m->pending = 0;
    if (doc->width == WIDTH_LINES) {
        return fits_lines(m, doc, args);
    }
    m->column += doc->width;
    return within(m, args);
}

static enum verdict fits_line(struct measurer *m, const struct doc *doc, struct args args) {
    if (args.mode == DOC_FLAT) {
        if (doc->kind == DOC_SOFT) {
            return MAYBE;
        }
        if (doc->kind == DOC_HARD) {
            return YES;
        }
        m->column += m->pending + 1;
        m->pending = 0;
        return within(m, args);
    }
    if (args.measure == FIRST_LINE) {
        return YES;
    }
    m->column = 0;
    m->pending = args.indent;
    return MAYBE;
}

static void fits_group(struct doc_frames *stack, const struct doc *doc, struct args args, struct doc_group *own) {
    if (doc->breaks) {
        args = with_mode(args, DOC_BROKEN);
    }
    if (own != NULL) {
        own->mode = (enum doc_mode)args.mode;
    }
    push(stack, doc->first, args);
}

static enum verdict fits_fits_broken(struct doc_frames *stack, const struct doc *doc, struct args args) {
    if (args.mode == DOC_FLAT) {
        if (mode_of(doc->when, args) == DOC_FLAT) {
            args = with_measure(with_mode(args, DOC_BROKEN), ALL_LINES_OVERFLOW);
        } else if (doc->breaks) {
            return NO;
        }
    }
    push(stack, doc->first, args);
    return MAYBE;
}

static void fits_best(struct doc_frames *stack, const struct doc *doc, struct args args) {
    if (args.mode == DOC_BROKEN) {
        push(stack, doc->last->first, args);
    } else {
        push(stack, doc->first->first, doc->all_lines ? with_measure(args, ALL_LINES) : args);
    }
}

static enum verdict fits_one(struct measurer *m, struct doc_frames *stack, const struct doc *doc, struct args args) {
    struct docs *docs = m->output->docs;
    switch ((enum doc_kind)doc->kind) {
    case DOC_TEXT: return fits_text(m, doc, args);
    case DOC_SUFFIX: m->column += doc->width; return m->column > docs->line_length && doc->width > 0 ? NO : MAYBE;
    case DOC_SOFT:
    case DOC_SOFT_SPACE:
    case DOC_HARD: return fits_line(m, doc, args);
    case DOC_BREAK_PARENT: return MAYBE;
    case DOC_REF: push(stack, doc->first->first, args); return MAYBE;
    case DOC_LIST: push(stack, doc->first, args); return MAYBE;
    case DOC_GROUP: fits_group(stack, doc, args, doc->when); return MAYBE;
    case DOC_GROUP_IF:
        if (doc->when->mode == DOC_BROKEN) {
            fits_group(stack, doc, args, NULL);
        } else {
            push(stack, doc->first, args);
        }
        return MAYBE;
    case DOC_INDENT: push(stack, doc->first, indented(docs, args)); return MAYBE;
    case DOC_INDENT_IF:
        push(stack, doc->first, doc->when->mode == DOC_BROKEN ? indented(docs, args) : args);
        return MAYBE;
    case DOC_IF_BROKEN:
    case DOC_IF_FLAT:
        if ((mode_of(doc->when, args) == DOC_BROKEN) == (doc->kind == DOC_IF_BROKEN)) {
            push(stack, doc->first, args);
        }
        return MAYBE;
    case DOC_FITS_BROKEN: return fits_fits_broken(stack, doc, args);
    case DOC_BEST: fits_best(stack, doc, args); return MAYBE;
    case DOC_BEST_PAREN:
        if (doc->when != NULL) {
            doc->when->mode = (enum doc_mode)args.mode;
        }
        push(stack, doc->first, args);
        return MAYBE;
    }
    return MAYBE;
}

static const struct doc *pop_rest(struct measurer *m, struct doc_frames *stack, struct args *args) {
    const struct doc *doc = pop(stack, args);
    if (doc == NULL && m->rest > 0) {
        struct frame *frame = &m->output->docs->print->at[--m->rest];
        push(stack, frame->at, frame->args);
        doc = pop(stack, args);
    }
    return doc;
}

/* Does `first` and its siblings with `args`, followed by what remains to be printed, fit? `lead` is printed before it:
 * 1 for an opening parenthesis, a line break and one level of indentation. */
static bool fits(struct output *o, const struct doc *first, struct args args, bool parenthesized) {
    struct doc_frames *stack = frames(&o->docs->fits);
    struct measurer m = {o, o->column, o->pending, o->docs->print->len};
    static const struct doc closing = {.kind = DOC_TEXT, .text = ")", .len = 1, .width = 1};
    static const struct doc line = {.kind = DOC_HARD};
    stack->len = 0;
    if (parenthesized) {
        if (m.column + m.pending + 1 > o->docs->line_length) {
            return false;
        }
        push(stack, &closing, args);
        push(stack, &line, args);
        args = indented(o->docs, args);
        m.column = 0;
        m.pending = args.indent;
    }
    push(stack, first, args);
    enum verdict verdict = MAYBE;
    const struct doc *doc;
    while (verdict == MAYBE && (doc = pop_rest(&m, stack, &args)) != NULL) {
        verdict = fits_one(&m, stack, doc, args);
    }
    return verdict != NO;
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static void write_indent(struct output *o) {
    buf_repeat(o->out, ' ', o->pending);
    o->column += o->pending;
    o->pending = 0;
}

static void write_text(struct output *o, const struct doc *doc) {
    write_indent(o);
    buf_write(o->out, doc->text, doc->len);
    o->line_empty = false;
    if (doc->width != WIDTH_LINES) {
        o->column += doc->width;
        return;
    }
    const char *last = memrchr(doc->text, '\n', doc->len);
    o->column = text_columns(last + 1, (size_t)(doc->text + doc->len - last - 1));
    o->measured = false;
}

static void flush_suffixes(struct output *o) {
    for (uint32_t i = 0; i < o->suffixes; i++) {
        write_indent(o);
        buf_write(o->out, o->suffix[i]->text, o->suffix[i]->len);
        o->line_empty = false;
    }
    o->suffixes = 0;
}

static void write_line(struct output *o, const struct doc *doc, struct args args) {
    static const struct doc blank = {.kind = DOC_TEXT, .text = " ", .len = 1, .width = 1};
    if (args.mode == DOC_FLAT && doc->kind != DOC_HARD) {
        if (doc->kind == DOC_SOFT_SPACE) {
            write_text(o, &blank);
        }
        return;
    }
    flush_suffixes(o);
    if (!o->line_empty) {
        buf_putc(o->out, '\n');
        o->line_empty = true;
        o->column = 0;
        o->measured = false;
    }
    o->pending = args.indent;
}

/* The mode of a group that may be flat. */
static enum doc_mode choose(struct output *o, const struct doc *doc, struct args args, struct doc_group *own) {
    if (args.mode == DOC_FLAT && o->measured) {
        return DOC_FLAT;
    }
    o->measured = true;
    if (own != NULL) {
        own->mode = DOC_FLAT;
    }
    return fits(o, doc->first, with_mode(args, DOC_FLAT), false) ? DOC_FLAT : DOC_BROKEN;
}

static void print_group(struct output *o, const struct doc *doc, struct args args, struct doc_group *own) {
    enum doc_mode mode = doc->breaks ? DOC_BROKEN : choose(o, doc, args, own);
    if (own != NULL) {
        own->mode = mode;
    }
    push(o->docs->print, doc->first, with_mode(args, mode));
}

static void print_best(struct output *o, const struct doc *doc, struct args args) {
    if (args.mode == DOC_FLAT && o->measured) {
        push(o->docs->print, doc->first->first, args);
        return;
    }
    o->measured = true;
    const struct doc *variant = doc->first;
    for (; variant->next != NULL; variant = variant->next) {
        struct args try = with_measure(with_mode(args, DOC_FLAT), doc->all_lines ? ALL_LINES : FIRST_LINE);
        if (fits(o, variant->first, try, false)) {
            push(o->docs->print, variant->first, with_mode(args, DOC_FLAT));
            return;
        }
    }
    push(o->docs->print, variant->first, with_mode(args, DOC_BROKEN));
}

static void print_best_paren(struct output *o, const struct doc *doc, struct args args) {
    static const struct doc open = {.kind = DOC_TEXT, .text = "(", .len = 1, .width = 1};
    static const struct doc closing = {.kind = DOC_TEXT, .text = ")", .len = 1, .width = 1};
    static const struct doc line = {.kind = DOC_HARD, .next = (struct doc *)&closing};
    struct doc_group *own = doc->when;
    enum doc_mode mode = choose(o, doc, args, own);
    if (mode == DOC_BROKEN) {
        own->mode = DOC_BROKEN;
        mode = fits(o, doc->first, with_measure(args, ALL_LINES), true) ? DOC_BROKEN : DOC_FLAT;
    }
    own->mode = mode;
    args = with_mode(args, mode);
    if (mode == DOC_FLAT) {
        push(o->docs->print, doc->first, args);
        return;
    }
    write_text(o, &open);
    push(o->docs->print, &line, args);
    args = indented(o->docs, args);
    write_line(o, &line, args);
    push(o->docs->print, doc->first, args);
}

static void print_one(struct output *o, const struct doc *doc, struct args args) {
    struct doc_frames *stack = o->docs->print;
    switch ((enum doc_kind)doc->kind) {
    case DOC_TEXT: write_text(o, doc); break;
    case DOC_SUFFIX:
        if (o->suffixes == sizeof o->suffix / sizeof *o->suffix) {
            flush_suffixes(o);
        }
        o->suffix[o->suffixes++] = doc;
        o->column += doc->width;
        break;
    case DOC_SOFT:
    case DOC_SOFT_SPACE:
    case DOC_HARD: write_line(o, doc, args); break;
    case DOC_BREAK_PARENT: break;
    case DOC_REF: push(stack, doc->first->first, args); break;
    case DOC_LIST: push(stack, doc->first, args); break;
    case DOC_GROUP: print_group(o, doc, args, doc->when); break;
    case DOC_GROUP_IF:
        if (doc->when->mode == DOC_BROKEN) {
            print_group(o, doc, args, NULL);
        } else {
            push(stack, doc->first, args);
        }
        break;
    case DOC_INDENT: push(stack, doc->first, indented(o->docs, args)); break;
    case DOC_INDENT_IF: push(stack, doc->first, doc->when->mode == DOC_BROKEN ? indented(o->docs, args) : args); break;
    case DOC_IF_BROKEN:
    case DOC_IF_FLAT:
        if ((mode_of(doc->when, args) == DOC_BROKEN) == (doc->kind == DOC_IF_BROKEN)) {
            push(stack, doc->first, args);
        }
        break;
    case DOC_FITS_BROKEN:
        if (doc->when == NULL || doc->when->mode == DOC_FLAT) {
            o->measured = false;
        }
        push(stack, doc->first, args);
        break;
    case DOC_BEST: print_best(o, doc, args); break;
    case DOC_BEST_PAREN: print_best_paren(o, doc, args); break;
    }
}

void doc_print(struct docs *docs, struct buf *out, uint32_t indent) {
    struct output o = {.docs = docs, .out = out, .pending = indent, .line_empty = true};
    struct doc_frames *stack = frames(&docs->print);
    struct args args = {.indent = indent, .mode = DOC_BROKEN};
    const struct doc *doc;
    stack->len = 0;
    push(stack, docs->root->first, args);
    while ((doc = pop(stack, &args)) != NULL) {
        print_one(&o, doc, args);
    }
    flush_suffixes(&o);
    docs_forget(docs);
}
