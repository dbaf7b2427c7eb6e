#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emit/doc.h"
#include "emit/doc_internal.h"

enum { CHUNK_SIZE = 64 * 1024 };

struct doc_chunk {
    struct doc_chunk *next;
    size_t size;
    _Alignas(max_align_t) char at[];
};

void docs_free(struct docs *docs) {
    for (struct doc_chunk *chunk = docs->chunks, *next; chunk != NULL; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    frames_free(docs->print);
    frames_free(docs->fits);
}

static struct doc_chunk *chunk_new(size_t size) {
    struct doc_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL) {
        abort();
    }
    chunk->next = NULL;
    chunk->size = size;
    return chunk;
}

void *doc_alloc(struct docs *docs, size_t size) {
    size = (size + 15) & ~(size_t)15;
    while (docs->used + size > docs->chunk->size) {
        struct doc_chunk *next = docs->chunk->next;
        if (next == NULL || next->size < size) {
            struct doc_chunk *made = chunk_new(size > CHUNK_SIZE ? size : CHUNK_SIZE);
            made->next = next;
            docs->chunk->next = made;
        }
        docs->chunk = docs->chunk->next;
        docs->used = 0;
    }
    void *at = docs->chunk->at + docs->used;
    docs->used += size;
    return at;
}

char *doc_strndup(struct docs *docs, const char *text, size_t len) {
    char *copy = doc_alloc(docs, len + 1);
    memcpy(copy, text, len);
    copy[len] = 0;
    return copy;
}

/* -- appending ----------------------------------------------------------------------------------------------------- */

static struct doc *doc_new(struct docs *docs, enum doc_kind kind) {
    struct doc *doc = doc_alloc(docs, sizeof *doc);
    *doc = (struct doc){.kind = kind};
    return doc;
}

static void append(struct doc *parent, struct doc *doc) {
    if (parent->last == NULL) {
        parent->first = doc;
    } else {
        parent->last->next = doc;
    }
    parent->last = doc;
}

static void restart(struct docs *docs) {
    docs->chunk = docs->chunks;
    docs->used = 0;
    docs->root = docs->open = doc_new(docs, DOC_LIST);
}

void docs_init(struct docs *docs, uint32_t line_length, uint32_t indent_width) {
    *docs = (struct docs){.line_length = line_length, .indent_width = indent_width};
    docs->chunks = chunk_new(CHUNK_SIZE);
    restart(docs);
}

void docs_forget(struct docs *docs) {
    assert(docs->open == docs->root);
    restart(docs);
}

void doc_text(struct docs *docs, const char *text, size_t len) {
    struct doc *doc = doc_new(docs, DOC_TEXT);
    doc->text = text;
    doc->len = (uint32_t)len;
    doc->width = text_columns(text, len);
    if (doc->width == WIDTH_LINES) {
        docs->open->breaks = true;
    }
    append(docs->open, doc);
}

void doc_suffix(struct docs *docs, const char *text, size_t len, uint32_t reserved) {
    struct doc *doc = doc_new(docs, DOC_SUFFIX);
    doc->text = text;
    doc->len = (uint32_t)len;
    doc->width = reserved;
    append(docs->open, doc);
    doc_line(docs, DOC_BREAK_PARENT);
}

void doc_line(struct docs *docs, enum doc_kind line) {
    if (docs->flat && line == DOC_SOFT_SPACE) {
        doc_text(docs, " ", 1);
    } else if (line == DOC_HARD || line == DOC_BREAK_PARENT) {
        docs->open->breaks = true;
        append(docs->open, doc_new(docs, line));
    } else if (!docs->flat) {
        append(docs->open, doc_new(docs, line));
    }
}

struct doc *doc_open(struct docs *docs, enum doc_kind kind, struct doc_group *when) {
    assert(kind >= DOC_LIST);
    struct doc *doc = doc_new(docs, kind);
    doc->when = when;
    doc->up = docs->open;
    if (!(docs->flat && kind == DOC_IF_BROKEN)) {
        append(docs->open, doc);
    }
    docs->open = doc;
    return doc;
}

void doc_shut(struct docs *docs, enum doc_kind kind) {
    struct doc *doc = docs->open;
    assert(doc->kind == kind);
    (void)kind;
    docs->open = doc->up;
    bool boundary = doc->kind == DOC_FITS_BROKEN || doc->kind == DOC_BEST;
    if (doc->breaks && !boundary && docs->open->last == doc) {
        docs->open->breaks = true;
    }
}

struct doc_group *doc_group_new(struct docs *docs) {
    struct doc_group *group = doc_alloc(docs, sizeof *group);
    group->mode = DOC_FLAT;
    return group;
}

struct doc *doc_open_aside(struct docs *docs) {
    struct doc *doc = doc_new(docs, DOC_LIST);
    doc->up = docs->open;
    docs->open = doc;
    return doc;
}

void doc_ref(struct docs *docs, struct doc *aside) {
    struct doc *doc = doc_new(docs, DOC_REF);
    doc->first = aside;
    docs->open->breaks |= aside->breaks;
    append(docs->open, doc);
}
