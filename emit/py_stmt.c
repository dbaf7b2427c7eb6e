/* py_stmt.c - simple statements, and the headers of compound ones. */
#include "emit/printer.h"

bool is_compound(const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_FUNCTION:
    case NODE_CLASS:
    case NODE_FOR:
    case NODE_WHILE:
    case NODE_IF:
    case NODE_WITH:
    case NODE_TRY:
    case NODE_MATCH: return true;
    default: return false;
    }
}

/* -- simple statements --------------------------------------------------------------------------------------------- */

static void print_return(struct printer *p, const struct node *stmt) {
    const struct node *value = stmt->kid[0];
    struct level saved;
    put(p, "return");
    if (value == NULL) {
        return;
    }
    put(p, " ");
    if (value->kind == NODE_TUPLE && value->nkids == 2 && !has_own_parens(value) && value->comments == NULL) {
        struct doc_group *group = open_optional_parens(p, &saved);
        print_elements(p, value, 0, 2, false);
        shut_optional_parens(p, group, saved);
    } else {
        print_last_expr(p, value, stmt);
    }
}

static void print_delete(struct printer *p, const struct node *stmt) {
    struct level saved;
    put(p, "del ");
    if (stmt->nkids == 1) {
        print_wrapped(p, stmt->kid[0], stmt, WRAP_IF_BREAKS);
        return;
    }
    open_parens_if_broken(p, &saved);
    print_elements(p, stmt, 0, stmt->nkids, false);
    shut_parens_if_broken(p, saved);
}

/* Sums and bit operations lose nothing by parentheses, so they get them when they break. */
static void print_expr_stmt(struct printer *p, const struct node *stmt) {
    const struct node *value = stmt->kid[0];
    bool arithmetic = value->kind == NODE_BINOP && op_looseness(value->op) >= 5;
    if (arithmetic) {
        print_wrapped(p, value, stmt, WRAP_OPTIONAL);
    } else {
        print_expr(p, value, PARENS_KEEP);
    }
}

static void print_raise(struct printer *p, const struct node *stmt) {
    put(p, "raise");
    if (stmt->kid[0] != NULL) {
        put(p, " ");
        print_wrapped(p, stmt->kid[0], stmt, WRAP_OPTIONAL);
    }
    if (stmt->nkids > 1 && stmt->kid[1] != NULL) {
        put(p, " from ");
        print_wrapped(p, stmt->kid[1], stmt, WRAP_OPTIONAL);
    }
}

static void print_assert(struct printer *p, const struct node *stmt) {
    put(p, "assert ");
    print_wrapped(p, stmt->kid[0], stmt, WRAP_IF_BREAKS);
    if (stmt->nkids > 1 && stmt->kid[1] != NULL) {
        put(p, ", ");
        print_wrapped(p, stmt->kid[1], stmt, WRAP_IF_BREAKS_LAST);
    }
}

/* There are no parentheses to break in: lines end in a backslash. */
static void print_names(struct printer *p, const char *keyword, const struct node *stmt) {
    put(p, keyword);
    begin(p, DOC_GROUP, NULL);
    begin(p, DOC_INDENT, NULL);
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        put(p, i > 0 ? "," : "");
        put_if(p, DOC_IF_BROKEN, NULL, " \\");
        soft_space(p);
        put(p, stmt->kid[i]->atom);
    }
    end(p, DOC_INDENT);
    end(p, DOC_GROUP);
}

static void print_alias(struct printer *p, const struct node *alias) {
    print_leading_comments(p, alias);
    put(p, alias->atom);
    if (alias->asname != NULL) {
        put(p, " as ");
        put(p, alias->asname);
    }
    if (has_trailing_comment(alias)) {
        put_trailing_comment(p, alias->comments->trailing);
    }
}

static void print_import(struct printer *p, const struct node *stmt) {
    put(p, "import ");
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        put(p, i > 0 ? ", " : "");
        print_alias(p, stmt->kid[i]);
    }
}

static void print_aliases(struct printer *p, const struct node *stmt) {
    struct level saved;
    open_parens_if_broken(p, &saved);
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        if (i > 0) {
            put(p, ",");
            soft_space(p);
        }
        print_alias(p, stmt->kid[i]);
    }
    print_elements(p, stmt, stmt->nkids, 0, true);
    shut_parens_if_broken(p, saved);
}

static void print_import_from(struct printer *p, const struct node *stmt) {
    put(p, "from ");
    for (uint32_t i = 0; i < stmt->level; i++) {
        put(p, ".");
    }
    put(p, stmt->atom != NULL ? stmt->atom : "");
    put(p, " import ");
    if (stmt->nkids == 1 && atom_is(stmt->kid[0]->atom, "*")) {
        put(p, "*");
    } else {
        print_aliases(p, stmt);
    }
}

/* Text as it was written, which is moved to this indentation. */
static void print_match(struct printer *p, const char *text) {
    size_t lines = 1;
    for (const char *at = text; *at != 0; at++) {
        lines += *at == '\n';
    }
    char *moved = doc_alloc(&p->docs, strlen(text) + lines * p->indent + 1), *to = moved;
    for (; *text != 0; text++) {
        *to++ = *text;
        if (*text == '\n' && text[1] != '\n') {
            memset(to, ' ', p->indent);
            to += p->indent;
        }
    }
    *to = 0;
    put(p, moved);
}

static void print_simple_inside(struct printer *p, const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_RETURN: print_return(p, stmt); break;
    case NODE_DELETE: print_delete(p, stmt); break;
    case NODE_ASSIGN:
    case NODE_AUGASSIGN:
    case NODE_ANNASSIGN:
    case NODE_TYPEALIAS: print_assignment(p, stmt); break;
    case NODE_EXPR: print_expr_stmt(p, stmt); break;
    case NODE_RAISE: print_raise(p, stmt); break;
    case NODE_ASSERT: print_assert(p, stmt); break;
    case NODE_IMPORT: print_import(p, stmt); break;
    case NODE_IMPORTFROM: print_import_from(p, stmt); break;
    case NODE_GLOBAL: print_names(p, "global", stmt); break;
    case NODE_NONLOCAL: print_names(p, "nonlocal", stmt); break;
    case NODE_PASS: put(p, "pass"); break;
    case NODE_BREAK: put(p, "break"); break;
    case NODE_CONTINUE: put(p, "continue"); break;
    case NODE_MATCH: print_match(p, stmt->atom); break;
    default: break;
    }
}

void print_simple(struct printer *p, const struct node *stmt) {
    p->inline_comment = has_trailing_comment(stmt) ? stmt->comments->trailing : NULL;
    demand_parens(p, stmt);
    print_simple_inside(p, stmt);
    put_inline_comment(p);
    flush(p);
}

/* -- headers ------------------------------------------------------------------------------------------------------- */

static void print_result(struct printer *p, const struct node *function) {
    const struct node *result = function->kid[1];
    put(p, " -> ");
    if (result->kind == NODE_TUPLE) {
        print_expr(p, result, PARENS_NEVER);
    } else if (has_trailing_comment(result)) {
        print_expr(p, result, PARENS_ALWAYS);
    } else {
        print_wrapped(p, result, function, function->kid[0]->nkids == 0 ? WRAP_IF_BREAKS_LAST : WRAP_IF_BREAKS);
    }
}

static void print_function_header(struct printer *p, const struct node *stmt) {
    put(p, stmt->flags & NF_ASYNC ? "async def " : "def ");
    put(p, stmt->atom);
    begin(p, DOC_GROUP, NULL);
    print_parameters(p, stmt->kid[0]);
    if (stmt->kid[1] != NULL) {
        print_result(p, stmt);
    }
    end(p, DOC_GROUP);
}

static void print_class_header(struct printer *p, const struct node *stmt) {
    put(p, "class ");
    put(p, stmt->atom);
    const struct node *bases = stmt->kid[0];
    if (bases != NULL && (bases->nkids > 0 || has_inner_comments(bases))) {
        print_arguments(p, bases, 0);
    }
}

static void print_for_header(struct printer *p, const struct node *stmt) {
    const struct node *target = stmt->kid[0];
    struct level saved;
    put(p, stmt->flags & NF_ASYNC ? "async for " : "for ");
    if (target->kind == NODE_TUPLE && target->nkids > 1) {
        struct doc_group *group = open_optional_parens(p, &saved);
        print_elements(p, target, 0, target->nkids, false);
        shut_optional_parens(p, group, saved);
    } else {
        print_wrapped(p, target, stmt, WRAP_IF_BREAKS);
    }
    put(p, " in ");
    print_wrapped(p, stmt->kid[1], stmt, WRAP_IF_BREAKS);
}

static void print_with_target(struct printer *p, const struct node *item) {
    if (item->nkids > 1 && item->kid[1] != NULL) {
        put(p, " as ");
        print_expr(p, item->kid[1], PARENS_KEEP);
    }
}

/* An item inside of parentheses that belong to the statement. */
static void print_with_item(struct printer *p, const struct node *item, bool single) {
    const struct node *context = item->kid[0];
    bool target = item->nkids > 1 && item->kid[1] != NULL;
    struct level saved;
    print_leading_comments(p, item);
    if ((target || !single) && is_wrapped(context)) {
        open_parens_if_broken(p, &saved);
        print_expr(p, context, PARENS_NEVER);
        shut_parens_if_broken(p, saved);
    } else {
        print_expr(p, context, PARENS_NEVER);
    }
    print_with_target(p, item);
    if (has_trailing_comment(item)) {
        put_trailing_comment(p, item->comments->trailing);
    }
}

static void print_with_items(struct printer *p, const struct node *stmt) {
    struct level saved;
    open_parens_if_broken(p, &saved);
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        if (i > 1) {
            put(p, ",");
            soft_space(p);
        }
        print_with_item(p, stmt->kid[i], stmt->nkids == 2);
    }
    print_elements(p, stmt, stmt->nkids, 0, stmt->nkids > 2);
    shut_parens_if_broken(p, saved);
}

static void print_with_header(struct printer *p, const struct node *stmt) {
    const struct node *item = stmt->kid[1];
    bool target = item->nkids > 1 && item->kid[1] != NULL;
    put(p, stmt->flags & NF_ASYNC ? "async with " : "with ");
    if (stmt->nkids > 2 || (stmt->flags & NF_TRAILING_COMMA) || item->comments != NULL) {
        print_with_items(p, stmt);
    } else if (!target || is_wrapped(item->kid[0])) {
        print_wrapped(p, item->kid[0], item, WRAP_IF_BREAKS);
        print_with_target(p, item);
    } else if (can_omit_parens(item->kid[0])) {
        struct level saved;
        struct doc_group *group = open_optional_parens(p, &saved);
        print_with_item(p, item, true);
        shut_optional_parens(p, group, saved);
    } else {
        print_with_items(p, stmt);
    }
}

static void print_handler_header(struct printer *p, const struct node *handler) {
    put(p, handler->flags & NF_STAR ? "except*" : "except");
    if (handler->kid[0] != NULL) {
        put(p, " ");
        print_wrapped(p, handler->kid[0], handler, WRAP_IF_BREAKS);
    }
    if (handler->atom != NULL) {
        put(p, " as ");
        put(p, handler->atom);
    }
}

void print_header(struct printer *p, const struct node *stmt) {
    switch ((enum node_kind)stmt->kind) {
    case NODE_FUNCTION: print_function_header(p, stmt); break;
    case NODE_CLASS: print_class_header(p, stmt); break;
    case NODE_FOR: print_for_header(p, stmt); break;
    case NODE_WHILE:
    case NODE_IF:
        put(p, stmt->kind == NODE_WHILE ? "while " : stmt->flags & NF_ELIF ? "elif " : "if ");
        print_wrapped(p, stmt->kid[0], stmt, WRAP_IF_BREAKS);
        break;
    case NODE_WITH: print_with_header(p, stmt); break;
    case NODE_TRY: put(p, "try"); break;
    case NODE_HANDLER: print_handler_header(p, stmt); break;
    default: break;
    }
}

void print_decorator(struct printer *p, const struct node *decorator) {
    p->commented = decorator;
    put(p, "@");
    if (is_wrapped(decorator)) {
        print_expr(p, decorator, PARENS_ALWAYS);
    } else {
        print_expr(p, decorator, PARENS_NEVER);
    }
}
