/* py_expr.c - expressions, and the parentheses that statements put around them. */
#include "emit/printer.h"

/* -- breaks that depend on what is around -------------------------------------------------------------------------- */

void soft_in_brackets(struct printer *p) {
    if (p->level.kind == LEVEL_BRACKET) {
        soft(p);
    } else if (p->level.group != NULL) {
        begin(p, DOC_IF_BROKEN, p->level.group);
        soft(p);
        end(p, DOC_IF_BROKEN);
    }
}

void soft_space_in_brackets(struct printer *p) {
    if (p->level.kind == LEVEL_BRACKET) {
        soft_space(p);
    } else if (p->level.group == NULL) {
        put(p, " ");
    } else {
        begin(p, DOC_IF_BROKEN, p->level.group);
        soft_space(p);
        end(p, DOC_IF_BROKEN);
        put_if(p, DOC_IF_FLAT, p->level.group, " ");
    }
}

enum doc_kind begin_group_in_brackets(struct printer *p) {
    if (p->level.kind == LEVEL_BRACKET) {
        begin(p, DOC_GROUP, NULL);
        return DOC_GROUP;
    }
    if (p->level.kind == LEVEL_EXPR && p->level.group != NULL) {
        begin(p, DOC_GROUP_IF, p->level.group);
        return DOC_GROUP_IF;
    }
    begin(p, DOC_LIST, NULL);
    return DOC_LIST;
}

void end_group_in_brackets(struct printer *p, enum doc_kind kind) {
    end(p, kind);
}

/* -- parentheses around an expression ------------------------------------------------------------------------------ */

/* Parentheses that appear if the content does not fit even after its own brackets are broken. */
struct doc_group *open_optional_parens(struct printer *p, struct level *saved) {
    struct doc_group *group = doc_group_new(&p->docs);
    *saved = enter_level(p, LEVEL_EXPR, group);
    begin(p, DOC_GROUP, group);
    put_if(p, DOC_IF_BROKEN, NULL, "(");
    begin(p, DOC_INDENT_IF, group);
    soft(p);
    return group;
}

void shut_optional_parens(struct printer *p, struct doc_group *group, struct level saved) {
    (void)group;
    end(p, DOC_INDENT_IF);
    soft(p);
    put_if(p, DOC_IF_BROKEN, NULL, ")");
    end(p, DOC_GROUP);
    leave_level(p, saved);
}

/* Parentheses that appear if the content does not fit on the line. */
void open_parens_if_broken(struct printer *p, struct level *saved) {
    *saved = enter_level(p, LEVEL_BRACKET, NULL);
    begin(p, DOC_GROUP, NULL);
    put_if(p, DOC_IF_BROKEN, NULL, "(");
    begin(p, DOC_INDENT, NULL);
    soft(p);
}

void shut_parens_if_broken(struct printer *p, struct level saved) {
    end(p, DOC_INDENT);
    soft(p);
    put_if(p, DOC_IF_BROKEN, NULL, ")");
    end(p, DOC_GROUP);
    leave_level(p, saved);
}

static void print_best_paren(struct printer *p, const struct node *e) {
    struct doc_group *group = doc_group_new(&p->docs);
    struct level saved = enter_level(p, LEVEL_EXPR, group);
    begin(p, DOC_BEST_PAREN, group);
    print_expr(p, e, PARENS_NEVER);
    end(p, DOC_BEST_PAREN);
    leave_level(p, saved);
}

static void print_if_too_long(struct printer *p, const struct node *e) {
    struct level saved;
    if (can_omit_parens(e)) {
        struct doc_group *group = open_optional_parens(p, &saved);
        print_expr(p, e, PARENS_NEVER);
        shut_optional_parens(p, group, saved);
    } else {
        open_parens_if_broken(p, &saved);
        print_expr(p, e, PARENS_NEVER);
        shut_parens_if_broken(p, saved);
    }
}

static void print_commented(struct printer *p, const struct node *e) {
    struct level saved = open_bracket(p, "(", e);
    print_expr(p, e, PARENS_NEVER);
    shut_bracket(p, ")", saved);
}

void print_wrapped(struct printer *p, const struct node *e, const struct node *parent, enum wrap wrap) {
    if (has_leading_comments(e)) {
        print_commented(p, e);
        return;
    }
    if (wrap == WRAP_OPTIONAL && is_wrapped(e)) {
        print_expr(p, e, PARENS_ALWAYS);
        return;
    }
    enum need need = expr_need(e, parent);
    if (need == NEED_ALWAYS) {
        print_expr(p, e, PARENS_ALWAYS);
    } else if (breakable(p) || need == NEED_NEVER || wrap == WRAP_IF_REQUIRED) {
        print_expr(p, e, PARENS_NEVER);
    } else if (need == NEED_MULTILINE || wrap == WRAP_IF_BREAKS_LAST) {
        print_if_too_long(p, e);
    } else if (wrap == WRAP_OPTIONAL) {
        print_expr(p, e, PARENS_NEVER);
    } else if (has_trailing_comment(e)) {
        print_commented(p, e);
    } else {
        print_best_paren(p, e);
    }
}

/* -- chains of attributes, calls and subscripts -------------------------------------------------------------------- */

enum chain { CHAIN_UNKNOWN, CHAIN_FLUENT, CHAIN_PLAIN };

static void print_chain(struct printer *p, const struct node *e, enum chain chain);

static bool is_decimal(const struct node *e) {
    if (e->kind != NODE_NUMBER) {
        return false;
    }
    char last = e->atom[strlen(e->atom) - 1];
    bool based = e->atom[0] == '0' && strchr("xXoObB", e->atom[1]) != NULL && e->atom[1] != 0;
    return !based && last != 'j' && last != 'J';
}

static bool is_link(const struct node *e) {
    return e->kind == NODE_ATTRIBUTE || e->kind == NODE_CALL || e->kind == NODE_SUBSCRIPT;
}

static void print_chain_value(struct printer *p, const struct node *value, bool wrapped, enum chain chain) {
    if (wrapped) {
        print_expr(p, value, PARENS_ALWAYS);
    } else if (is_link(value) && value->comments == NULL) {
        print_chain(p, value, chain);
    } else {
        print_expr(p, value, PARENS_NEVER);
    }
}

static void print_attribute(struct printer *p, const struct node *e, enum chain chain) {
    const struct node *value = e->kid[0];
    bool wrapped = is_wrapped(value) || is_decimal(value);
    print_chain_value(p, value, wrapped, chain);
    if (value->comments != NULL && value->comments->trailing != NULL) {
        hard(p);
    } else if (chain == CHAIN_FLUENT && (wrapped || value->kind == NODE_CALL || value->kind == NODE_SUBSCRIPT)) {
        soft(p);
    }
    put(p, ".");
    put(p, e->atom);
}

static void print_subscript(struct printer *p, const struct node *e, enum chain chain) {
    print_chain_value(p, e->kid[0], is_wrapped(e->kid[0]), chain);
    const struct node *index = e->kid[1];
    bool bare = index->kind == NODE_TUPLE && !has_own_parens(index) && index->nkids > 0;
    struct level saved = open_bracket(p, "[", bare ? index->kid[0] : index);
    if (bare) {
        print_bare_tuple(p, index, e);
    } else {
        print_expr(p, index, PARENS_KEEP);
    }
    shut_bracket(p, "]", saved);
}

static void print_chain(struct printer *p, const struct node *e, enum chain chain) {
    bool root = false;
    if (chain == CHAIN_UNKNOWN) {
        root = breakable(p) && chain_is_fluent(e);
        chain = root ? CHAIN_FLUENT : CHAIN_PLAIN;
    }
    begin(p, root ? DOC_GROUP : DOC_LIST, NULL);
    if (e->kind == NODE_ATTRIBUTE) {
        print_attribute(p, e, chain);
    } else if (e->kind == NODE_SUBSCRIPT) {
        print_subscript(p, e, chain);
    } else {
        print_chain_value(p, e->kid[0], is_wrapped(e->kid[0]), chain);
        print_arguments(p, e, 1);
    }
    end(p, root ? DOC_GROUP : DOC_LIST);
}

/* -- the other kinds ----------------------------------------------------------------------------------------------- */

static void print_conditional_body(struct printer *p, const struct node *e) {
    print_expr(p, e->kid[1], PARENS_KEEP);
    soft_space_in_brackets(p);
    print_leading_comments(p, e->kid[0]);
    put(p, "if ");
    print_expr(p, e->kid[0], PARENS_KEEP);
    soft_space_in_brackets(p);
    print_leading_comments(p, e->kid[2]);
    put(p, "else ");
    if (e->kid[2]->kind == NODE_IFEXP && !is_wrapped(e->kid[2])) {
        print_conditional_body(p, e->kid[2]);
    } else {
        enum doc_kind group = begin_group_in_brackets(p);
        print_expr(p, e->kid[2], PARENS_KEEP);
        end_group_in_brackets(p, group);
    }
}

static void print_conditional(struct printer *p, const struct node *e) {
    enum doc_kind group = begin_group_in_brackets(p);
    print_conditional_body(p, e);
    end_group_in_brackets(p, group);
}

static void print_unary(struct printer *p, const struct node *e) {
    const struct node *operand = e->kid[0];
    put(p, op_text(e->op));
    if (has_leading_comments(operand) && !is_wrapped(operand)) {
        hard(p);
    } else if (e->op == OP_NOT) {
        put(p, " ");
    }
    bool power = operand->kind == NODE_BINOP && operand->op == OP_POW;
    print_expr(p, operand, power ? PARENS_ALWAYS : PARENS_KEEP);
}

static void print_lambda(struct printer *p, const struct node *e) {
    put(p, "lambda");
    if (e->kid[0]->nkids > 0) {
        put(p, " ");
        print_lambda_parameters(p, e->kid[0]);
    }
    put(p, ": ");
    print_expr(p, e->kid[1], PARENS_KEEP);
}

static void print_yield(struct printer *p, const struct node *e) {
    put(p, e->kind == NODE_YIELDFROM ? "yield from" : "yield");
    if (e->kid[0] != NULL) {
        put(p, " ");
        print_wrapped(p, e->kid[0], e, WRAP_OPTIONAL);
    }
}

static void print_named(struct printer *p, const struct node *e) {
    print_expr(p, e->kid[0], PARENS_KEEP);
    put(p, " := ");
    print_expr(p, e->kid[1], PARENS_KEEP);
}

/* Bounds that are more than a name or a number get spaces around the colon. */
static bool is_simple_bound(const struct node *e) {
    if (e == NULL) {
        return true;
    }
    while (e->kind == NODE_UNARYOP) {
        e = e->kid[0];
    }
    return e->kind == NODE_NAME || e->kind == NODE_NUMBER || e->kind == NODE_CONST || e->kind == NODE_STRING ||
           e->kind == NODE_FSTRING;
}

static void print_slice(struct printer *p, const struct node *e) {
    const struct node *lower = e->kid[0], *upper = e->kid[1], *step = e->kid[2];
    const char *space = is_simple_bound(lower) && is_simple_bound(upper) && is_simple_bound(step) ? "" : " ";
    if (lower != NULL) {
        print_expr(p, lower, PARENS_KEEP);
        put(p, space);
    }
    put(p, ":");
    if (upper != NULL) {
        put(p, space);
        print_expr(p, upper, PARENS_KEEP);
    }
    if (step != NULL) {
        put(p, upper != NULL ? space : "");
        put(p, ":");
        put(p, space);
        print_expr(p, step, PARENS_KEEP);
    }
}

static void print_fields(struct printer *p, const struct node *e) {
    switch ((enum node_kind)e->kind) {
    case NODE_NAME: put(p, e->atom); break;
    case NODE_CONST: put(p, op_text(e->op)); break;
    case NODE_NUMBER: print_number(p, e->atom); break;
    case NODE_STRING: print_string(p, e); break;
    case NODE_FSTRING: print_fstring(p, e); break;
    case NODE_STRINGS: print_strings(p, e); break;
    case NODE_ATTRIBUTE:
    case NODE_CALL:
    case NODE_SUBSCRIPT: print_chain(p, e, CHAIN_UNKNOWN); break;
    case NODE_BINOP:
    case NODE_COMPARE:
    case NODE_BOOLOP: print_operators(p, e); break;
    case NODE_UNARYOP: print_unary(p, e); break;
    case NODE_IFEXP: print_conditional(p, e); break;
    case NODE_LAMBDA: print_lambda(p, e); break;
    case NODE_NAMEDEXPR: print_named(p, e); break;
    case NODE_LIST:
    case NODE_SET:
    case NODE_DICT: print_collection(p, e); break;
    case NODE_TUPLE: print_tuple(p, e); break;
    case NODE_LISTCOMP:
    case NODE_SETCOMP:
    case NODE_DICTCOMP:
    case NODE_GENERATOR: print_comprehension(p, e); break;
    case NODE_AWAIT:
        put(p, "await ");
        print_wrapped(p, e->kid[0], e, WRAP_IF_BREAKS);
        break;
    case NODE_YIELD:
    case NODE_YIELDFROM: print_yield(p, e); break;
    case NODE_STARRED:
        put(p, "*");
        print_expr(p, e->kid[0], PARENS_KEEP);
        break;
    case NODE_SLICE: print_slice(p, e); break;
    case NODE_KEYWORD:
        put(p, e->atom != NULL ? e->atom : "**");
        put(p, e->atom != NULL ? "=" : "");
        print_expr(p, e->kid[0], PARENS_KEEP);
        break;
    default: break;
    }
}

void print_expr(struct printer *p, const struct node *e, enum parens parens) {
    bool wrap = parens == PARENS_ALWAYS || (parens == PARENS_KEEP && is_wrapped(e));
    print_leading_comments(p, e);
    if (wrap) {
        struct level saved = open_bracket(p, "(", NULL);
        print_fields(p, e);
        shut_bracket(p, ")", saved);
    } else {
        struct level saved = p->level;
        if (saved.kind == LEVEL_STATEMENT) {
            enter_level(p, LEVEL_EXPR, NULL);
        }
        print_fields(p, e);
        leave_level(p, saved);
    }
    if (has_trailing_comment(e) && p->muted != e) {
        put_trailing_comment(p, e->comments->trailing);
    }
}
