/* py_bracket.c - everything that stands between brackets and is separated by commas. */
#include "emit/printer.h"

/* What stands in brackets may break without breaking the group that would add parentheses around all. */
static struct level open_content(struct printer *p) {
    struct level saved = p->level;
    if (saved.kind == LEVEL_EXPR && saved.group != NULL) {
        begin(p, DOC_FITS_BROKEN, saved.group);
    } else {
        begin(p, DOC_LIST, NULL);
    }
    enter_level(p, LEVEL_BRACKET, NULL);
    return saved;
}

static void shut_content(struct printer *p, struct level saved) {
    end(p, saved.kind == LEVEL_EXPR && saved.group != NULL ? DOC_FITS_BROKEN : DOC_LIST);
    leave_level(p, saved);
}

struct level open_bracket(struct printer *p, const char *bracket, const struct node *first) {
    put(p, bracket);
    struct level saved = open_content(p);
    begin(p, DOC_GROUP, NULL);
    print_opening_comment(p, first);
    begin(p, DOC_INDENT, NULL);
    soft(p);
    return saved;
}

void shut_bracket(struct printer *p, const char *bracket, struct level saved) {
    end(p, DOC_INDENT);
    soft(p);
    end(p, DOC_GROUP);
    shut_content(p, saved);
    put(p, bracket);
}

static void print_inner_comments(struct printer *p, const struct node *node) {
    for (uint32_t i = 0; i < node->comments->inner.len; i++) {
        hard(p);
        put(p, normal_comment(p, node->comments->inner.at[i]));
    }
    break_parent(p);
}

/* After the last element: the comma that keeps brackets open, and comments before the closing bracket. */
static void print_trailing_comma(struct printer *p, const struct node *owner, bool comma) {
    bool magic = owner->flags & NF_TRAILING_COMMA;
    if (p->docs.flat) {
        return;
    }
    if (comma || magic) {
        put_if(p, DOC_IF_BROKEN, NULL, ",");
    }
    if (magic) {
        break_parent(p);
    }
    if (has_inner_comments(owner)) {
        print_inner_comments(p, owner);
    }
}

static void print_empty_brackets(struct printer *p, const struct node *owner, const char *left, const char *right) {
    put(p, left);
    if (has_inner_comments(owner)) {
        begin(p, DOC_GROUP, NULL);
        begin(p, DOC_INDENT, NULL);
        print_inner_comments(p, owner);
        end(p, DOC_INDENT);
        hard(p);
        end(p, DOC_GROUP);
    }
    put(p, right);
}

/* -- collections --------------------------------------------------------------------------------------------------- */

static void print_item(struct printer *p, const struct node *e) {
    if (e->kind != NODE_KEYVALUE) {
        print_expr(p, e, PARENS_KEEP);
        return;
    }
    print_leading_comments(p, e);
    begin(p, DOC_GROUP, NULL);
    if (e->kid[0] != NULL) {
        print_expr(p, e->kid[0], PARENS_KEEP);
        put(p, ": ");
    } else {
        put(p, "**");
    }
    print_expr(p, e->kid[1], PARENS_KEEP);
    end(p, DOC_GROUP);
    if (has_trailing_comment(e)) {
        put_trailing_comment(p, e->comments->trailing);
    }
}

void print_collection(struct printer *p, const struct node *e) {
    const char *left = e->kind == NODE_LIST ? "[" : "{", *right = e->kind == NODE_LIST ? "]" : "}";
    if (e->nkids == 0) {
        print_empty_brackets(p, e, left, right);
        return;
    }
    struct level saved = open_bracket(p, left, e->kid[0]);
    print_elements(p, e, 0, e->nkids, false);
    shut_bracket(p, right, saved);
}

static void print_items(struct printer *p, const struct node *e, uint32_t first, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            put(p, ",");
            soft_space(p);
        }
        print_item(p, e->kid[first + i]);
    }
}

/* `count` kids from `first`, separated by commas. */
void print_elements(struct printer *p, const struct node *e, uint32_t first, uint32_t count, bool comma_after_one) {
    print_items(p, e, first, count);
    print_trailing_comma(p, e, count > 1 || comma_after_one);
}

/* The tuple without parentheses in a subscript, whose bracket the trailing comma and comments belong to. */
void print_bare_tuple(struct printer *p, const struct node *e, const struct node *owner) {
    if (e->nkids == 1) {
        bool starred = e->kid[0]->kind == NODE_STARRED && !(owner->flags & NF_TRAILING_COMMA);
        print_expr(p, e->kid[0], PARENS_KEEP);
        put(p, starred ? "" : ",");
        return;
    }
    begin(p, DOC_GROUP, NULL);
    print_items(p, e, 0, e->nkids);
    print_trailing_comma(p, owner, true);
    end(p, DOC_GROUP);
}

void print_tuple(struct printer *p, const struct node *e) {
    struct level saved;
    if (e->nkids == 0) {
        print_empty_brackets(p, e, "(", ")");
    } else if (e->nkids == 1) {
        saved = open_bracket(p, "(", e->kid[0]);
        print_item(p, e->kid[0]);
        put(p, ",");
        if (has_inner_comments(e)) {
            print_inner_comments(p, e);
        }
        shut_bracket(p, ")", saved);
    } else if (has_own_parens(e)) {
        saved = open_bracket(p, "(", e->kid[0]);
        print_elements(p, e, 0, e->nkids, false);
        shut_bracket(p, ")", saved);
    } else {
        open_parens_if_broken(p, &saved);
        print_elements(p, e, 0, e->nkids, false);
        shut_parens_if_broken(p, saved);
    }
}

/* -- comprehensions ------------------------------------------------------------------------------------------------ */

static void print_bare_target(struct printer *p, const struct node *target) {
    for (uint32_t i = 0; i < target->nkids; i++) {
        put(p, i > 0 ? ", " : "");
        print_expr(p, target->kid[i], PARENS_KEEP);
    }
}

static void print_for_clause(struct printer *p, const struct node *e) {
    const struct node *target = e->kid[0];
    print_leading_comments(p, e);
    put(p, e->flags & NF_ASYNC ? "async for " : "for ");
    if (target->kind == NODE_TUPLE && target->nkids > 1 && !has_own_parens(target)) {
        print_bare_target(p, target);
    } else {
        print_expr(p, target, PARENS_KEEP);
    }
    put(p, " in ");
    print_expr(p, e->kid[1], PARENS_KEEP);
    for (uint32_t i = 2; i < e->nkids; i++) {
        soft_space(p);
        print_leading_comments(p, e->kid[i]);
        put(p, "if ");
        print_expr(p, e->kid[i], PARENS_KEEP);
    }
    if (has_trailing_comment(e)) {
        put_trailing_comment(p, e->comments->trailing);
    }
}

static void print_comprehension_inside(struct printer *p, const struct node *e) {
    const struct node *element = e->kid[0];
    begin(p, DOC_GROUP, NULL);
    if (element->kind == NODE_KEYVALUE) {
        print_leading_comments(p, element);
        begin(p, DOC_GROUP, NULL);
        print_expr(p, element->kid[0], PARENS_KEEP);
        end(p, DOC_GROUP);
        put(p, ": ");
        print_expr(p, element->kid[1], PARENS_KEEP);
    } else {
        begin(p, DOC_GROUP, NULL);
        print_expr(p, element, PARENS_KEEP);
        end(p, DOC_GROUP);
    }
    for (uint32_t i = 1; i < e->nkids; i++) {
        soft_space(p);
        print_for_clause(p, e->kid[i]);
    }
    if (has_inner_comments(e)) {
        print_inner_comments(p, e);
    }
    end(p, DOC_GROUP);
}

void print_comprehension(struct printer *p, const struct node *e) {
    const char *left = e->kind == NODE_LISTCOMP ? "[" : e->kind == NODE_GENERATOR ? "(" : "{";
    const char *right = e->kind == NODE_LISTCOMP ? "]" : e->kind == NODE_GENERATOR ? ")" : "}";
    if (e->kind == NODE_GENERATOR && !has_own_parens(e)) {
        print_comprehension_inside(p, e);
        return;
    }
    struct level saved = open_bracket(p, left, e->kid[0]);
    print_comprehension_inside(p, e);
    shut_bracket(p, right, saved);
}

/* -- arguments ----------------------------------------------------------------------------------------------------- */

/* A string of several lines as the only argument stays at the parenthesis. */
static bool hugs_string(const struct node *owner, uint32_t first) {
    const struct node *e = owner->nkids == first + 1 ? owner->kid[first] : NULL;
    if (e == NULL || e->kind == NODE_STRINGS || !string_has_lines(e) || e->comments != NULL || is_wrapped(e) ||
        (owner->flags & NF_TRAILING_COMMA)) {
        return false;
    }
    if (e->source == NULL || e->span.start == 0) {
        return true;
    }
    const char *at = e->source->text + e->span.start - 1;
    while (*at == ' ' || *at == '\t') {
        at--;
    }
    return *at != '\n';
}

/* The arguments of a call or the bases of a class: the kids of `owner` from `first`. */
void print_arguments(struct printer *p, const struct node *owner, uint32_t first) {
    struct level saved;
    if (owner->nkids == first) {
        print_empty_brackets(p, owner, "(", ")");
        return;
    }
    if (hugs_string(owner, first)) {
        put(p, "(");
        saved = open_content(p);
        print_expr(p, owner->kid[first], PARENS_KEEP);
        shut_content(p, saved);
        put(p, ")");
        return;
    }
    saved = open_bracket(p, "(", owner->kid[first]);
    begin(p, DOC_GROUP, NULL);
    print_elements(p, owner, first, owner->nkids - first, false);
    end(p, DOC_GROUP);
    shut_bracket(p, ")", saved);
}

/* -- parameters ---------------------------------------------------------------------------------------------------- */

static const char *param_marker(const struct node *param) {
    switch ((enum op)param->op) {
    case PARAM_SLASH: return "/";
    case PARAM_STAR:
    case PARAM_ARGS: return "*";
    case PARAM_KWARGS: return "**";
    default: return "";
    }
}

static void print_param(struct printer *p, const struct node *param) {
    print_leading_comments(p, param);
    put(p, param_marker(param));
    if (param->atom != NULL) {
        put(p, param->atom);
    }
    const struct node *annotation = param->nkids > 0 ? param->kid[0] : NULL;
    const struct node *value = param->nkids > 1 ? param->kid[1] : NULL;
    if (annotation != NULL) {
        put(p, ": ");
        print_expr(p, annotation, PARENS_KEEP);
    }
    if (value != NULL) {
        put(p, annotation != NULL ? " = " : "=");
        begin(p, DOC_GROUP, NULL);
        print_expr(p, value, PARENS_KEEP);
        end(p, DOC_GROUP);
    }
    if (has_trailing_comment(param)) {
        put_trailing_comment(p, param->comments->trailing);
    }
}

static void print_params(struct printer *p, const struct node *params) {
    for (uint32_t i = 0; i < params->nkids; i++) {
        if (i > 0) {
            put(p, ",");
            soft_space(p);
        }
        print_param(p, params->kid[i]);
    }
}

/* Parameters with their parentheses, to be grouped by the caller together with the result's annotation. */
void print_parameters(struct printer *p, const struct node *params) {
    if (params->nkids == 0) {
        print_empty_brackets(p, params, "(", ")");
        return;
    }
    struct level saved = enter_level(p, LEVEL_BRACKET, NULL);
    uint32_t real = 0;
    for (uint32_t i = 0; i < params->nkids; i++) {
        real += params->kid[i]->atom != NULL;
    }
    put(p, "(");
    print_opening_comment(p, params->kid[0]);
    begin(p, DOC_INDENT, NULL);
    soft(p);
    begin(p, real == 1 ? DOC_LIST : DOC_GROUP, NULL);
    print_params(p, params);
    print_trailing_comma(p, params, true);
    end(p, real == 1 ? DOC_LIST : DOC_GROUP);
    end(p, DOC_INDENT);
    soft(p);
    put(p, ")");
    leave_level(p, saved);
}

void print_lambda_parameters(struct printer *p, const struct node *params) {
    struct level saved = enter_level(p, LEVEL_BRACKET, NULL);
    begin(p, DOC_GROUP, NULL);
    print_params(p, params);
    if (params->flags & NF_TRAILING_COMMA) {
        put(p, ",");
    }
    end(p, DOC_GROUP);
    leave_level(p, saved);
}
