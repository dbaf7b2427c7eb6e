/* lower_import.c - the two import statements. */
#include <string.h>

#include "parser/lower.h"

/* `a.b.c` as one atom, also where it is written with blanks around the dots. */
static atom dotted(struct lower *l) {
    struct buf name = {0};
    if (strcspn(l->text + l->span.start, " \t\n\f\\#") >= l->span.end - l->span.start)
        return text_here(l);
    must_down(l);
    do
        if (l->here == CST_IDENTIFIER || l->here == CST_DOT)
            buf_write(&name, l->text + l->span.start, l->span.end - l->span.start);
    while (next(l));
    up(l);
    atom text = intern_len(l->atoms, name.at, name.len);
    buf_free(&name);
    return text;
}

/* dotted_name, aliased_import or wildcard_import. */
static struct node *alias(struct lower *l) {
    struct node *node = node_at(l, NODE_ALIAS, l->span);
    if (l->here == CST_WILDCARD_IMPORT) {
        node->atom = text_here(l);
    } else if (l->here == CST_DOTTED_NAME) {
        node->atom = dotted(l);
    } else {
        must_down(l);
        node->atom = dotted(l);
        must_next(l);
        must_next(l);
        node->asname = text_here(l);
        up(l);
    }
    return node;
}

/* The name after `from`: dots, a dotted name, or both. */
static void module_name(struct lower *l, struct node *node) {
    if (l->here == CST_FUTURE) {
        node->atom = text_here(l);
    } else if (l->here == CST_DOTTED_NAME) {
        node->atom = dotted(l);
    } else if (l->here == CST_RELATIVE_IMPORT) {
        must_down(l);
        uint32_t dots = 0;
        for (uint32_t at = l->span.start; at < l->span.end; at++)
            dots += l->text[at] == '.';
        if (dots > UINT8_MAX)
            refuse(l, l->span, "too many dots in a relative import", NULL);
        node->level = (uint8_t)dots;
        if (next(l))
            node->atom = dotted(l);
        up(l);
    }
}

struct node *lower_import(struct lower *l) {
    bool from = l->here != CST_IMPORT_STATEMENT, comma = false;
    struct node *node = node_at(l, from ? NODE_IMPORTFROM : NODE_IMPORT, l->span);
    uint32_t mark = l->pending.len;
    must_down(l);
    if (from) {
        must_next(l);
        module_name(l, node);
        must_next(l);
    }
    while (next(l)) {
        if (!is_token(l->here)) {
            comma = false;
            push(l, alias(l));
        } else if (l->here == CST_COMMA) {
            comma = true;
        }
    }
    up(l);
    take(l, node, mark);
    if (comma)
        node->flags |= NF_TRAILING_COMMA;
    return node;
}
