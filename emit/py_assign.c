/* py_assign.c - what stands to the right of `=` or `return`, and what may give way to it.
 *
 * Usually the left side is printed, then the value with parentheses if it needs them. If the left side can break too (a
 * subscript, a tuple), the right side breaks first. A value that cannot be split gets parentheses only if that makes
 * it, and the comment behind it, fit. */
#include "emit/printer.h"

void put_inline_comment(struct printer *p) {
    if (p->inline_comment != NULL) {
        put_trailing_comment(p, p->inline_comment);
        p->inline_comment = NULL;
    }
}

/* The comments behind a value: its own, from inside parentheses, and the statement's. NULL for none. */
struct remarks {
    const char *value, *stmt;
};

static void put_remarks(struct printer *p, struct remarks remarks) {
    if (remarks.value != NULL) {
        put_trailing_comment(p, remarks.value);
    }
    if (remarks.stmt != NULL) {
        put_trailing_comment(p, remarks.stmt);
    }
}

/* From now on they are ours to write. */
static struct remarks take_remarks(struct printer *p, const struct node *value) {
    struct remarks remarks = {has_trailing_comment(value) ? value->comments->trailing : NULL, p->inline_comment};
    p->muted = value;
    p->inline_comment = NULL;
    return remarks;
}

/* Values that cannot be split: the comment behind them goes into their parentheses. */
static bool takes_comment(const struct node *value, const struct node *stmt) {
    switch ((enum node_kind)value->kind) {
    case NODE_NAME:
    case NODE_NUMBER: return true;
    case NODE_CONST: return value->op != OP_ELLIPSIS;
    case NODE_STRING:
    case NODE_FSTRING: return expr_need(value, stmt) == NEED_BEST_FIT;
    default: return false;
    }
}

static bool is_joinable(struct printer *p, const struct node *value) {
    return value->kind == NODE_STRINGS && can_join_strings(p, value);
}

static struct doc *joined_aside(struct printer *p, const struct node *value) {
    struct doc *aside = doc_open_aside(&p->docs);
    bool flat = p->docs.flat;
    p->docs.flat = true;
    print_strings_joined(p, value);
    p->docs.flat = flat;
    end(p, DOC_LIST);
    return aside;
}

static struct doc *value_aside(struct printer *p, const struct node *value) {
    struct doc *aside = doc_open_aside(&p->docs);
    print_expr(p, value, PARENS_NEVER);
    end(p, DOC_LIST);
    return aside;
}

static struct doc *parts_aside(struct printer *p, const struct node *value, struct doc_group *group) {
    struct doc *aside = doc_open_aside(&p->docs);
    struct level saved = enter_level(p, LEVEL_EXPR, group);
    for (uint32_t i = 0; i < value->nkids; i++) {
        if (i > 0) {
            soft_space_in_brackets(p);
        }
        print_expr(p, value->kid[i], PARENS_NEVER);
    }
    leave_level(p, saved);
    end(p, DOC_LIST);
    return aside;
}

/* `(`, the content and perhaps a comment on lines of their own, `)`. */
static void put_parenthesized(struct printer *p, struct doc *content, struct remarks remarks, struct doc_group *group) {
    put(p, "(");
    begin(p, DOC_GROUP, group);
    begin(p, DOC_INDENT, NULL);
    soft(p);
    doc_ref(&p->docs, content);
    put_remarks(p, remarks);
    end(p, DOC_INDENT);
    soft(p);
    break_parent(p);
    end(p, DOC_GROUP);
    put(p, ")");
}

/* -- after a left side that does not break ------------------------------------------------------------------------- */

static void print_joinable(struct printer *p, const struct node *value, struct remarks remarks) {
    struct doc_group *group = doc_group_new(&p->docs);
    struct doc *joined = joined_aside(p, value), *parts = parts_aside(p, value, group);
    begin(p, DOC_BEST, NULL)->all_lines = true;
    begin(p, DOC_LIST, NULL);
    doc_ref(&p->docs, joined);
    put_remarks(p, remarks);
    end(p, DOC_LIST);
    begin(p, DOC_LIST, NULL);
    put_parenthesized(p, joined, remarks, group);
    end(p, DOC_LIST);
    begin(p, DOC_LIST, NULL);
    put_parenthesized(p, parts, (struct remarks){0}, group);
    put_remarks(p, remarks);
    end(p, DOC_LIST);
    end(p, DOC_BEST);
}

static void print_unsplittable(struct printer *p, const struct node *value, struct remarks remarks) {
    struct doc_group *group = doc_group_new(&p->docs);
    struct level saved = enter_level(p, LEVEL_EXPR, group);
    begin(p, DOC_BEST_PAREN, group);
    print_expr(p, value, PARENS_NEVER);
    begin(p, DOC_IF_BROKEN, NULL);
    put_remarks(p, remarks);
    end(p, DOC_IF_BROKEN);
    end(p, DOC_BEST_PAREN);
    begin(p, DOC_IF_FLAT, group);
    put_remarks(p, remarks);
    end(p, DOC_IF_FLAT);
    leave_level(p, saved);
}

void print_last_expr(struct printer *p, const struct node *value, const struct node *stmt) {
    bool joinable = is_joinable(p, value);
    if (!joinable && !takes_comment(value, stmt)) {
        print_wrapped(p, value, stmt, WRAP_IF_BREAKS);
    } else if (has_leading_comments(value)) {
        print_expr(p, value, PARENS_ALWAYS);
    } else if (joinable) {
        print_joinable(p, value, take_remarks(p, value));
    } else {
        print_unsplittable(p, value, take_remarks(p, value));
    }
}

/* -- after a left side that may break ------------------------------------------------------------------------------ */

static bool has_target_brackets(const struct node *e) {
    return e->kind == NODE_TUPLE || own_brackets(e) != OWN_NONE;
}

static bool is_attribute_of_brackets(const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_ATTRIBUTE: return any_brackets(e->kid[0]) != OWN_NONE || is_attribute_of_brackets(e->kid[0]);
    case NODE_SUBSCRIPT: return true;
    case NODE_CALL: return e->nkids > 1;
    default: return false;
    }
}

static void print_target(struct printer *p, const struct node *e) {
    struct level saved;
    if (e->comments != NULL) {
        print_expr(p, e, PARENS_KEEP);
    } else if (has_target_brackets(e) || is_attribute_of_brackets(e)) {
        print_expr(p, e, PARENS_NEVER);
    } else if (can_omit_parens(e)) {
        struct doc_group *group = open_optional_parens(p, &saved);
        print_expr(p, e, PARENS_NEVER);
        shut_optional_parens(p, group, saved);
    } else {
        open_parens_if_broken(p, &saved);
        print_expr(p, e, PARENS_NEVER);
        shut_parens_if_broken(p, saved);
    }
}

/* The parts of `target op value` while variants of it are written. */
struct sides {
    struct doc *target, *value;
    const char *op;
    struct remarks remarks;
};

static void put_op(struct printer *p, const char *op) {
    put(p, " ");
    put(p, op);
    put(p, " ");
}

static void put_target(struct printer *p, const struct sides *s, bool broken) {
    if (broken) {
        begin(p, DOC_GROUP, NULL);
        doc_ref(&p->docs, s->target);
        break_parent(p);
        end(p, DOC_GROUP);
    } else {
        doc_ref(&p->docs, s->target);
    }
    put_op(p, s->op);
}

/* `target = value` as it comes. */
static void variant_plain(struct printer *p, const struct sides *s, bool break_target) {
    begin(p, DOC_LIST, NULL);
    put_target(p, s, break_target);
    doc_ref(&p->docs, s->value);
    put_remarks(p, s->remarks);
    end(p, DOC_LIST);
}

/* The value broken at its own brackets. */
static void variant_open_value(struct printer *p, const struct sides *s) {
    begin(p, DOC_LIST, NULL);
    put_target(p, s, false);
    begin(p, DOC_GROUP, NULL);
    doc_ref(&p->docs, s->value);
    break_parent(p);
    end(p, DOC_GROUP);
    end(p, DOC_LIST);
}

static void variant_parens(struct printer *p, const struct sides *s, bool break_target) {
    begin(p, DOC_LIST, NULL);
    put_target(p, s, break_target);
    put_parenthesized(p, s->value, s->remarks, NULL);
    end(p, DOC_LIST);
}

static void variant_parts(
    struct printer *p, const struct sides *s, struct doc *parts, struct doc_group *group, bool break_target) {
    begin(p, DOC_LIST, NULL);
    put_target(p, s, break_target);
    put_parenthesized(p, parts, (struct remarks){0}, group);
    put_remarks(p, s->remarks);
    end(p, DOC_LIST);
}

static void print_strings_variants(struct printer *p, const struct sides *s, const struct node *value) {
    struct doc_group *group = doc_group_new(&p->docs);
    struct doc *parts = parts_aside(p, value, group);
    begin(p, DOC_BEST, NULL)->all_lines = true;
    if (!s->target->breaks) {
        variant_plain(p, s, false);
        variant_parens(p, s, false);
        variant_parts(p, s, parts, group, false);
    }
    variant_plain(p, s, true);
    variant_parens(p, s, true);
    variant_parts(p, s, parts, group, true);
    end(p, DOC_BEST);
}

static void print_variants(struct printer *p, const struct sides *s, const struct node *value) {
    begin(p, DOC_BEST, NULL);
    variant_plain(p, s, false);
    if (value->kind == NODE_CALL || value->kind == NODE_SUBSCRIPT || value->kind == NODE_ATTRIBUTE) {
        variant_open_value(p, s);
    }
    variant_parens(p, s, false);
    variant_plain(p, s, true);
    end(p, DOC_BEST);
}

static bool is_best_fit_chain(const struct node *value, const struct node *stmt) {
    bool chain = value->kind == NODE_CALL || value->kind == NODE_SUBSCRIPT || value->kind == NODE_ATTRIBUTE;
    return chain && expr_need(value, stmt) == NEED_BEST_FIT;
}

static void print_both_sides(
    struct printer *p, const struct node *target, const char *op, const struct node *value, const struct node *stmt) {
    bool joinable = is_joinable(p, value), inlines = takes_comment(value, stmt) || joinable;
    bool commented = has_leading_comments(value);
    if (commented || (!inlines && !is_best_fit_chain(value, stmt))) {
        print_target(p, target);
        put_op(p, op);
        print_wrapped(p, value, stmt, WRAP_IF_BREAKS);
        return;
    }
    struct sides sides = {.op = op};
    if (inlines) {
        sides.remarks = take_remarks(p, value);
    }
    sides.target = doc_open_aside(&p->docs);
    print_target(p, target);
    end(p, DOC_LIST);
    sides.value = joinable ? joined_aside(p, value) : value_aside(p, value);
    if (joinable) {
        print_strings_variants(p, &sides, value);
    } else if (sides.target->breaks) {
        variant_plain(p, &sides, false);
    } else {
        print_variants(p, &sides, value);
    }
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static void print_middle_target(struct printer *p, const struct node *target) {
    struct level saved;
    if (target->comments != NULL) {
        print_expr(p, target, PARENS_KEEP);
    } else if (has_target_brackets(target) || is_attribute_of_brackets(target)) {
        print_expr(p, target, PARENS_NEVER);
    } else {
        open_parens_if_broken(p, &saved);
        print_expr(p, target, PARENS_NEVER);
        shut_parens_if_broken(p, saved);
    }
}

static void print_plain_assignment(struct printer *p, const struct node *stmt) {
    const struct node *value = stmt->kid[0], *first = stmt->kid[1];
    if (stmt->nkids == 2 && has_target_brackets(first) && !is_wrapped(first)) {
        print_both_sides(p, first, "=", value, stmt);
        return;
    }
    print_expr(p, first, PARENS_KEEP);
    put(p, " = ");
    if (stmt->nkids == 2) {
        print_last_expr(p, value, stmt);
        return;
    }
    for (uint32_t i = 2; i + 1 < stmt->nkids; i++) {
        print_middle_target(p, stmt->kid[i]);
        put(p, " = ");
    }
    print_both_sides(p, stmt->kid[stmt->nkids - 1], "=", value, stmt);
}

static void print_annotated(struct printer *p, const struct node *stmt) {
    const struct node *annotation = stmt->kid[1], *value = stmt->kid[2];
    print_expr(p, stmt->kid[0], PARENS_KEEP);
    put(p, ": ");
    if (value == NULL) {
        print_last_expr(p, annotation, stmt);
    } else if (is_splittable(annotation)) {
        print_both_sides(p, annotation, "=", value, stmt);
    } else {
        print_expr(p, annotation, annotation->comments != NULL ? PARENS_ALWAYS : PARENS_NEVER);
        put(p, " = ");
        print_last_expr(p, value, stmt);
    }
}

static void print_augmented(struct printer *p, const struct node *stmt) {
    const struct node *target = stmt->kid[0], *value = stmt->kid[1];
    char op[8] = {0};
    strncat(strncat(op, op_text(stmt->op), 4), "=", 2);
    const char *text = doc_strndup(&p->docs, op, strlen(op));
    if (has_target_brackets(target) && !is_wrapped(target)) {
        print_both_sides(p, target, text, value, stmt);
        return;
    }
    print_expr(p, target, PARENS_KEEP);
    put_op(p, text);
    print_last_expr(p, value, stmt);
}

void print_assignment(struct printer *p, const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_ASSIGN: print_plain_assignment(p, stmt); break;
    case NODE_ANNASSIGN: print_annotated(p, stmt); break;
    case NODE_AUGASSIGN: print_augmented(p, stmt); break;
    default:
        put(p, "type ");
        print_expr(p, stmt->kid[0], PARENS_KEEP);
        put(p, " = ");
        print_last_expr(p, stmt->kid[1], stmt);
    }
}
