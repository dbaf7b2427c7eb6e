#include "emit/python.h"

#include "emit/printer.h"

/* Expressions are printed alone for messages and dumps: on one line, whatever its length. */
static void print_alone(struct printer *p, const struct node *e) {
    demand_parens(p, e);
    p->docs.flat = true;
    p->level = (struct level){LEVEL_BRACKET, NULL};
    print_expr(p, e, PARENS_KEEP);
    doc_print(&p->docs, p->out, 0);
    forget_parens(p);
}

static void print_any(struct buf *out, const struct node *node, bool wrap_comments, struct printed *printed) {
    struct printer p = {.out = out, .arena = arena_create(), .wrap_comments = wrap_comments, .printed = printed};
    docs_init(&p.docs, LINE_LENGTH, 4);
    if (node->kind == NODE_MODULE) {
        print_module(&p, node);
    } else if (node_is_stmt(node)) {
        print_statement(&p, node);
    } else {
        print_alone(&p, node);
    }
    docs_free(&p.docs);
    arena_destroy(p.arena);
}

void print_python(struct buf *out, const struct node *node) {
    print_any(out, node, false, NULL);
}

void print_python_wrapped(struct buf *out, const struct node *module, struct printed *printed) {
    print_any(out, module, true, printed);
}
