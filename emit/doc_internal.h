/* doc_internal.h - what doc.c and doc_print.c share. */
#ifndef ADGEN_EMIT_DOC_INTERNAL_H
#define ADGEN_EMIT_DOC_INTERNAL_H

struct docs;
struct doc_frames;

/* Drop the document that was written; its memory is used again. */
void docs_forget(struct docs *docs);

/* Free a stack of the printer; NULL is allowed. */
void frames_free(struct doc_frames *stack);

#endif
