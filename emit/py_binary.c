/* py_binary.c - operators.
 *
 * A tree of operators without parentheses is flattened into operand, operator, operand, ... and split before all the
 * operators that bind most loosely, or before none of them; the parts between are split likewise. */
#include "emit/printer.h"

int op_looseness(enum op op) {
    switch (op) {
    case OP_POW: return 2;
    case OP_MUL:
    case OP_MATMUL:
    case OP_DIV:
    case OP_MOD:
    case OP_FLOORDIV: return 4;
    case OP_ADD:
    case OP_SUB: return 5;
    case OP_LSHIFT:
    case OP_RSHIFT: return 6;
    case OP_BITAND: return 7;
    case OP_BITXOR: return 8;
    case OP_BITOR: return 9;
    case OP_AND:
    case OP_OR: return 11;
    default: return 10; /* comparisons */
    }
}

static bool is_operator(const struct node *e) {
    return e->kind == NODE_BINOP || e->kind == NODE_COMPARE || e->kind == NODE_BOOLOP;
}

/* Comments of an expression that is flattened go to its first and last operand. */
static void note_comments(struct printer *p, const struct node *e, uint32_t first) {
    if (has_leading_comments(e)) {
        p->links.at[first].before = e;
    }
    if (has_trailing_comment(e)) {
        p->links.at[p->links.len - 1].after = e;
    }
}

static void flatten(struct printer *p, const struct node *e) {
    for (uint32_t i = 0; i < e->nkids; i++) {
        if (i > 0) {
            uint8_t op = e->kind == NODE_COMPARE ? e->ops[i - 1] : e->op;
            vec_push(p->arena, &p->links, ((struct link){.op = op}));
        }
        if (is_operator(e->kid[i]) && !is_wrapped(e->kid[i])) {
            uint32_t first = p->links.len;
            flatten(p, e->kid[i]);
            note_comments(p, e->kid[i], first);
        } else {
            vec_push(p->arena, &p->links, ((struct link){.operand = e->kid[i]}));
        }
    }
}

static bool is_simple_operand(const struct node *e) {
    if (e->kind == NODE_UNARYOP) {
        return e->op != OP_NOT && is_simple_operand(e->kid[0]);
    }
    if (e->kind == NODE_ATTRIBUTE) {
        return is_simple_operand(e->kid[0]);
    }
    return e->kind == NODE_NAME || e->kind == NODE_NUMBER || (e->kind == NODE_CONST && e->op != OP_ELLIPSIS);
}

static bool hugs(const struct link *left, enum op op, const struct link *right) {
    return op == OP_POW && is_simple_operand(left->operand) && is_simple_operand(right->operand) &&
           !is_wrapped(left->operand) && !is_wrapped(right->operand);
}

static void print_links(struct printer *p, uint32_t first, uint32_t last);

static void print_part(struct printer *p, uint32_t first, uint32_t last) {
    if (p->links.at[first].before != NULL) {
        print_leading_comments(p, p->links.at[first].before);
    }
    const struct node *after = p->links.at[last].after;
    if (first == last) {
        print_expr(p, p->links.at[first].operand, PARENS_KEEP);
    } else {
        enum doc_kind group = begin_group_in_brackets(p);
        p->links.at[last].after = NULL;
        print_links(p, first, last);
        end_group_in_brackets(p, group);
    }
    if (after != NULL) {
        put_trailing_comment(p, after->comments->trailing);
    }
}

static void space_if_broken(struct printer *p) {
    if (breakable(p)) {
        put_if(p, DOC_IF_BROKEN, p->level.group, " ");
    }
}

/* Comments between two operands stand before the operator. */
static bool print_comments_between(struct printer *p, uint32_t at) {
    const struct link *right = &p->links.at[at + 1];
    if (!has_leading_comments(right->operand) && right->before == NULL) {
        return false;
    }
    hard(p);
    if (right->before != NULL) {
        print_leading_comments(p, right->before);
    }
    print_leading_comments(p, right->operand);
    return true;
}

static void print_op(struct printer *p, uint32_t at) {
    const struct link *link = &p->links.at[at];
    bool hug = hugs(link - 1, link->op, link + 1);
    if (print_comments_between(p, at)) {
        hug = false;
    } else if (hug) {
        soft_in_brackets(p);
    } else {
        soft_space_in_brackets(p);
    }
    put(p, op_text(link->op));
    if (hug) {
        space_if_broken(p);
    } else {
        put(p, " ");
    }
}

static void print_links(struct printer *p, uint32_t first, uint32_t last) {
    int loosest = 0;
    for (uint32_t i = first + 1; i < last; i += 2) {
        int looseness = op_looseness(p->links.at[i].op);
        loosest = looseness > loosest ? looseness : loosest;
    }
    for (uint32_t i = first + 1; i < last; i += 2) {
        if (op_looseness(p->links.at[i].op) == loosest) {
            print_part(p, first, i - 1);
            print_op(p, i);
            first = i + 1;
        }
    }
    print_part(p, first, last);
}

/* -- implicitly concatenated strings among the operands: they are split first -------------------------------------- */

static bool is_strings(const struct link *link) {
    return link->operand != NULL && link->operand->kind == NODE_STRINGS && !is_wrapped(link->operand);
}

static bool any_strings(struct printer *p, uint32_t first, uint32_t last) {
    for (uint32_t i = first; i <= last; i += 2) {
        if (is_strings(&p->links.at[i])) {
            return true;
        }
    }
    return false;
}

/* `left op` before a string and `op right` after it are groups of their own. */
static void print_around_strings(struct printer *p, uint32_t first, uint32_t last) {
    enum doc_kind all = begin_group_in_brackets(p);
    uint32_t start = first;
    bool open = !is_strings(&p->links.at[first]);
    enum doc_kind group = open ? begin_group_in_brackets(p) : DOC_LIST;
    for (uint32_t i = first; i <= last; i += 2) {
        if (!is_strings(&p->links.at[i])) {
            continue;
        }
        if (i > first) {
            if (i > start) {
                print_links(p, start, i - 2);
                soft_space_in_brackets(p);
                put(p, op_text(p->links.at[i - 1].op));
                put(p, " ");
            }
            end_group_in_brackets(p, group);
            open = false;
        }
        print_strings_parts(p, p->links.at[i].operand);
        if (i < last) {
            group = begin_group_in_brackets(p);
            open = true;
            soft_space_in_brackets(p);
            put(p, op_text(p->links.at[i + 1].op));
            put(p, " ");
        }
        start = i + 2;
    }
    if (open) {
        print_links(p, start, last);
        end_group_in_brackets(p, group);
    }
    end_group_in_brackets(p, all);
}

void print_operators(struct printer *p, const struct node *e) {
    uint32_t first = p->links.len;
    flatten(p, e);
    uint32_t last = p->links.len - 1;
    if (e->kind != NODE_BOOLOP && any_strings(p, first, last)) {
        print_around_strings(p, first, last);
    } else {
        enum doc_kind group = begin_group_in_brackets(p);
        print_links(p, first, last);
        end_group_in_brackets(p, group);
    }
    p->links.len = first;
}
