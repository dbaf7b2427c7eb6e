/* plain.c - a reader for the plain part of Python: plain.h says what that is and why.
 *
 * Every function reads what its name says and the blanks behind it, and gives NULL or false where that does not stand
 * there. The caller drops what was read by then. */
#include "parser/plain.h"

#include <string.h>

#include "base/text.h"

/* Names that are keywords, here or where the grammar is older than Python 3. */
static const char keywords[] =
    "False None True and as assert async await break class continue def del elif else except exec finally for from "
    "global if import in is lambda nonlocal not or pass print raise return try while with yield";

/* How deep brackets nest, and how many parts a name or a union has. Together they stay well below AST_DEPTH_MAX. */
enum { BRACKETS_MAX = 16, CHAIN_MAX = 8 };

struct reader {
    struct lower *l;
    const char *at, *end;
    const char *behind; /* the last word, literal or sign */
    uint32_t brackets;  /* that are open: within them, lines may end between words */
};

/* -- words and signs ----------------------------------------------------------------------------------------------- */

static uint32_t offset(const struct reader *r, const char *at) {
    return (uint32_t)(at - r->l->text);
}

/* From `start` to the end of what was read last. */
static struct span span_from(const struct reader *r, const char *start) {
    return (struct span){offset(r, start), offset(r, r->behind)};
}

static void put_comment_aside(struct reader *r) {
    const char *start = r->at;
    r->at += strcspn(r->at, "\n");
    vec_push(r->l->scratch, &r->l->comments.list, ((struct span){offset(r, start), offset(r, r->at)}));
}

static void skip_blanks(struct reader *r) {
    for (; r->at < r->end; r->at++) {
        if (*r->at == '#' && r->brackets > 0)
            put_comment_aside(r);
        if (*r->at != ' ' && (*r->at != '\n' || r->brackets == 0))
            return;
    }
}

/* Blank lines and comments. */
static void skip_lines(struct reader *r) {
    r->brackets++;
    skip_blanks(r);
    r->brackets--;
}

/* Past a word or sign of so many bytes. */
static void pass(struct reader *r, size_t len) {
    r->at += len;
    r->behind = r->at;
    skip_blanks(r);
}

static bool take_sign(struct reader *r, char sign) {
    if (*r->at != sign)
        return false;
    pass(r, 1);
    return true;
}

static bool at_word(const struct reader *r, const char *word) {
    size_t len = strlen(word);
    return name_length(r->at) == len && memcmp(r->at, word, len) == 0;
}

static bool take_word(struct reader *r, const char *word) {
    if (!at_word(r, word))
        return false;
    pass(r, strlen(word));
    return true;
}

static bool open_bracket(struct reader *r) {
    r->brackets++;
    pass(r, 1);
    return r->brackets <= BRACKETS_MAX;
}

/* Lines go on behind it only if another bracket is open. */
static void close_bracket(struct reader *r) {
    r->brackets--;
    pass(r, 1);
}

/* An identifier that is no keyword, or NULL. */
static atom identifier(struct reader *r) {
    size_t len = name_length(r->at);
    if (len == 0 || (*r->at >= '0' && *r->at <= '9'))
        return NULL;
    atom name = intern_len(r->l->atoms, r->at, len);
    if (word_in(name, keywords))
        return NULL;
    pass(r, len);
    return name;
}

/* -- expressions --------------------------------------------------------------------------------------------------- */

static struct node *expression(struct reader *r);

static struct node *leaf(struct reader *r, enum node_kind kind, size_t len) {
    const char *start = r->at;
    pass(r, len);
    struct node *node = node_at(r->l, kind, span_from(r, start));
    node->atom = intern_len(r->l->atoms, start, len);
    return node;
}

static struct node *constant(struct reader *r, enum op op) {
    const char *start = r->at;
    pass(r, strlen(op_text(op)));
    struct node *node = node_at(r->l, NODE_CONST, span_from(r, start));
    node->op = (uint8_t)op;
    return node;
}

static struct node *name_or_constant(struct reader *r) {
    static const enum op constants[] = {OP_NONE, OP_TRUE, OP_FALSE};
    const char *start = r->at;
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        if (at_word(r, op_text(constants[i])))
            return constant(r, constants[i]);
    atom name = identifier(r);
    if (name == NULL)
        return NULL;
    struct node *node = node_at(r->l, NODE_NAME, span_from(r, start));
    node->atom = name;
    return node;
}

/* 1, 0.5, 1e-6 */
static struct node *number(struct reader *r) {
    static const char digits[] = "0123456789";
    const char *at = r->at + strspn(r->at, digits);
    if (*r->at == '0' && at > r->at + 1)
        return NULL;
    if (*at == '.')
        at += 1 + strspn(at + 1, digits);
    if ((*at | 0x20) == 'e') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        if (strspn(at, digits) == 0)
            return NULL;
        at += strspn(at, digits);
    }
    bool ended = name_length(at) == 0 && *at != '.';
    return ended ? leaf(r, NODE_NUMBER, (size_t)(at - r->at)) : NULL;
}

static bool at_string(const struct reader *r) {
    char first = r->at[*r->at == 'r'];
    return first == '"' || first == '\'';
}

/* Raw or without a prefix; a backslash before the closing quotes may be an escape. */
static struct node *string(struct reader *r) {
    const char *body = r->at + (*r->at == 'r');
    char quote = *body, quotes[] = {quote, quote, quote, '\0'}, stops[] = {quote, '\n', '\0'};
    bool triple = strncmp(body, quotes, 3) == 0;
    body += triple ? 3 : 1;
    const char *end = triple ? strstr(body, quotes) : body + strcspn(body, stops);
    if (end == NULL || *end != quote || end[-1] == '\\')
        return NULL;
    return leaf(r, NODE_STRING, (size_t)(end - r->at) + (triple ? 3 : 1));
}

/* Elements between commas up to the closing bracket, as children of the node, whose span becomes theirs. */
static bool elements(struct reader *r, struct node *node, char close, struct node *element(struct reader *)) {
    uint32_t mark = r->l->pending.len;
    bool comma = true;
    if (!open_bracket(r))
        return false;
    const char *start = r->at;
    while (*r->at != close) {
        struct node *one = comma ? element(r) : NULL;
        if (one == NULL)
            return false;
        push(r->l, one);
        comma = take_sign(r, ',');
    }
    if (comma && r->l->pending.len > mark)
        node->flags |= NF_TRAILING_COMMA;
    take(r->l, node, mark);
    node->span = span_from(r, start);
    close_bracket(r);
    return true;
}

static struct node *display(struct reader *r, enum node_kind kind, char close, struct node *element(struct reader *)) {
    const char *start = r->at;
    struct node *node = node_at(r->l, kind, (struct span){0, 0});
    if (!elements(r, node, close, element))
        return NULL;
    node->span = span_from(r, start);
    return node;
}

/* `(a)` is `a`. */
static struct node *parenthesized(struct reader *r) {
    struct node *tuple = display(r, NODE_TUPLE, ')', expression);
    bool single = tuple && tuple->nkids == 1 && !(tuple->flags & NF_TRAILING_COMMA);
    struct node *node = single ? tuple->kid[0] : tuple;
    if (node)
        node->flags |= NF_PAREN;
    return node;
}

/* Nodes over what was read since `start`; NULL where a child is not there. */
static struct node *with_kid(struct reader *r, const char *start, enum node_kind kind, atom name, struct node *kid) {
    struct node *node = kid ? node_with(r->l, kind, span_from(r, start), 1) : NULL;
    if (node) {
        node->atom = name;
        node->kid[0] = kid;
    }
    return node;
}

static struct node *pair_of(struct reader *r, const char *start, enum node_kind kind, struct node *a, struct node *b) {
    struct node *node = a && b ? node_with(r->l, kind, span_from(r, start), 2) : NULL;
    if (node) {
        node->kid[0] = a;
        node->kid[1] = b;
    }
    return node;
}

static struct node *item(struct reader *r) {
    const char *start = r->at;
    struct node *key = expression(r), *value = key && take_sign(r, ':') ? expression(r) : NULL;
    return pair_of(r, start, NODE_KEYVALUE, key, value);
}

static struct node *argument(struct reader *r) {
    const char *start = r->at, *equals = start + name_length(start);
    equals += strspn(equals, " ");
    if (*equals != '=')
        return expression(r);
    atom name = identifier(r);
    return name && take_sign(r, '=') ? with_kid(r, start, NODE_KEYWORD, name, expression(r)) : NULL;
}

/* Keywords stand behind positions, and none is given twice. */
static bool in_order(struct node *const *argument, uint32_t count) {
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (argument[k]->kind == NODE_KEYWORD &&
                (argument[i]->kind != NODE_KEYWORD || argument[i]->atom == argument[k]->atom))
                return false;
    return true;
}

static struct node *call(struct reader *r, const char *start, struct node *callee) {
    struct node *node = node_at(r->l, NODE_CALL, (struct span){0, 0});
    if (!elements(r, node, ')', argument) || !in_order(node->kid, node->nkids))
        return NULL;
    node->span = span_from(r, start);
    node_insert(r->l->arena, node, 0, callee);
    return node;
}

static struct node *attribute(struct reader *r, const char *start, struct node *value) {
    pass(r, 1);
    atom name = identifier(r);
    return name ? with_kid(r, start, NODE_ATTRIBUTE, name, value) : NULL;
}

/* One index; several are a tuple without parentheses. The comma behind the last one is noted of the whole. */
static struct node *subscript(struct reader *r, const char *start, struct node *value) {
    struct node *index = node_at(r->l, NODE_TUPLE, (struct span){0, 0});
    if (!elements(r, index, ']', expression) || index->nkids == 0)
        return NULL;
    bool single = index->nkids == 1 && !(index->flags & NF_TRAILING_COMMA);
    struct node *node = pair_of(r, start, NODE_SUBSCRIPT, value, single ? index->kid[0] : index);
    node->flags = index->flags;
    index->flags = 0;
    return node;
}

static struct node *atom_here(struct reader *r) {
    char c = *r->at;
    if (at_string(r))
        return string(r);
    if (c >= '0' && c <= '9')
        return number(r);
    if (c == '[')
        return display(r, NODE_LIST, ']', expression);
    if (c == '{')
        return display(r, NODE_DICT, '}', item);
    if (c == '.' && strncmp(r->at, "...", 3) == 0)
        return constant(r, OP_ELLIPSIS);
    return c == '(' ? parenthesized(r) : name_or_constant(r);
}

static struct node *primary(struct reader *r) {
    const char *start = r->at;
    struct node *node = atom_here(r);
    for (int i = 0; node && node->kind != NODE_NUMBER && strchr(".([", *r->at) && *r->at; i++) {
        if (i == CHAIN_MAX)
            return NULL;
        node = *r->at == '.'   ? attribute(r, start, node)
               : *r->at == '(' ? call(r, start, node)
                               : subscript(r, start, node);
    }
    return node;
}

static struct node *negative(struct reader *r) {
    const char *start = r->at;
    struct node *operand = take_sign(r, '-') && *r->at >= '0' && *r->at <= '9' ? number(r) : NULL;
    struct node *node = with_kid(r, start, NODE_UNARYOP, NULL, operand);
    if (node)
        node->op = OP_NEG;
    return node;
}

/* `a | b | c`, of which each part may be alone. */
static struct node *expression(struct reader *r) {
    const char *start = r->at;
    struct node *node = *start == '-' ? negative(r) : primary(r);
    for (int i = 0; node && take_sign(r, '|'); i++) {
        node = i < CHAIN_MAX ? pair_of(r, start, NODE_BINOP, node, primary(r)) : NULL;
        if (node)
            node->op = OP_BITOR;
    }
    return node;
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

/* `a.b.c` without blanks in it; NULL where there is none. */
static atom module_path(struct reader *r) {
    size_t len = name_length(r->at), part = len;
    while (part > 0 && r->at[len] == '.') {
        part = name_length(r->at + len + 1);
        len += 1 + part;
    }
    if (part == 0)
        return NULL;
    atom path = intern_len(r->l->atoms, r->at, len);
    pass(r, len);
    return path;
}

/* `name [as other]` */
static struct node *alias(struct reader *r, atom name(struct reader *)) {
    const char *start = r->at;
    struct node *node = node_at(r->l, NODE_ALIAS, (struct span){0, 0});
    node->atom = name(r);
    bool named = node->atom && take_word(r, "as");
    if (named)
        node->asname = identifier(r);
    node->span = span_from(r, start);
    return node->atom && (!named || node->asname) ? node : NULL;
}

static struct node *imported_module(struct reader *r) {
    return alias(r, module_path);
}

static struct node *imported_name(struct reader *r) {
    return alias(r, identifier);
}

static bool aliases(struct reader *r, struct node *statement, struct node *one(struct reader *)) {
    do {
        struct node *kid = one(r);
        if (kid == NULL)
            return false;
        node_add(r->l->arena, statement, kid);
    } while (take_sign(r, ','));
    return true;
}

static bool import_from(struct reader *r, struct node *statement) {
    for (; *r->at == '.'; r->at++)
        if (statement->level++ == UINT8_MAX)
            return false;
    skip_blanks(r);
    statement->atom = take_word(r, "import") ? NULL : module_path(r);
    if (statement->atom ? !take_word(r, "import") : statement->level == 0)
        return false;
    if (*r->at == '(')
        return elements(r, statement, ')', imported_name) && statement->nkids > 0;
    return aliases(r, statement, imported_name);
}

static struct node *import(struct reader *r, enum node_kind kind) {
    struct node *statement = node_at(r->l, kind, (struct span){0, 0});
    bool read = kind == NODE_IMPORT ? aliases(r, statement, imported_module) : import_from(r, statement);
    return read ? statement : NULL;
}

/* `name: annotation [= value]`, `name = value`, or an expression. */
static struct node *assignment(struct reader *r) {
    const char *start = r->at;
    struct node *target = expression(r);
    if (target == NULL || (*r->at != ':' && *r->at != '='))
        return with_kid(r, start, NODE_EXPR, NULL, target);
    bool annotated = take_sign(r, ':');
    struct node *annotation = annotated ? expression(r) : NULL;
    bool assigned = take_sign(r, '=');
    struct node *value = assigned ? expression(r) : NULL;
    if (target->kind != NODE_NAME || (target->flags & NF_PAREN) || annotated != (annotation != NULL) ||
        assigned != (value != NULL))
        return NULL;
    if (!annotated)
        return pair_of(r, start, NODE_ASSIGN, value, target);
    struct node *node = node_with(r->l, NODE_ANNASSIGN, span_from(r, start), 3);
    memcpy(node->kid, (struct node *[]){target, annotation, value}, 3 * sizeof *node->kid);
    return node;
}

static struct node *statement(struct reader *r) {
    const char *start = r->at;
    struct node *node = take_word(r, "import") ? import(r, NODE_IMPORT)
                        : take_word(r, "from") ? import(r, NODE_IMPORTFROM)
                                               : assignment(r);
    if (node)
        node->span = span_from(r, start);
    return node;
}

/* -- headers of definitions ---------------------------------------------------------------------------------------- */

/* `name [: annotation] [= default]`, `*args`, `**kwargs`, or a marker. */
static struct node *param(struct reader *r) {
    const char *start = r->at;
    size_t stars = strspn(start, "*");
    enum op role = stars == 0 ? PARAM_PLAIN : stars == 1 ? PARAM_ARGS : PARAM_KWARGS;
    if (stars > 0)
        pass(r, stars);
    atom name = identifier(r);
    if (name == NULL && stars == 1)
        role = PARAM_STAR;
    else if (name == NULL && stars == 0 && take_sign(r, '/'))
        role = PARAM_SLASH;
    else if (name == NULL || stars > 2)
        return NULL;
    bool annotated = name && take_sign(r, ':');
    struct node *annotation = annotated ? expression(r) : NULL;
    bool optional = role == PARAM_PLAIN && take_sign(r, '=');
    struct node *value = optional ? expression(r) : NULL;
    if (annotated != (annotation != NULL) || optional != (value != NULL))
        return NULL;
    struct node *node = node_with(r->l, NODE_PARAM, span_from(r, start), 2);
    node->op = (uint8_t)role;
    node->atom = name;
    node->kid[0] = annotation;
    node->kid[1] = value;
    return node;
}

/* `name(parameters) [-> annotation]` */
static struct node *function_header(struct reader *r) {
    struct node *node = node_with(r->l, NODE_FUNCTION, (struct span){0, 0}, 3);
    node->atom = identifier(r);
    node->kid[0] = node->atom && *r->at == '(' ? display(r, NODE_PARAMS, ')', param) : NULL;
    const struct node *wrong;
    if (node->kid[0] == NULL || params_fault(node->kid[0], &wrong))
        return NULL;
    bool returns = strncmp(r->at, "->", 2) == 0;
    if (returns)
        pass(r, 2);
    node->kid[1] = returns ? expression(r) : NULL;
    return returns == (node->kid[1] != NULL) ? node : NULL;
}

/* `name[(bases)]` */
static struct node *class_header(struct reader *r) {
    struct node *node = node_with(r->l, NODE_CLASS, (struct span){0, 0}, 2);
    node->atom = identifier(r);
    if (node->atom && *r->at == '(')
        node->kid[0] = display(r, NODE_BASES, ')', argument);
    else if (node->atom)
        node->kid[0] = node_at(r->l, NODE_BASES, span_from(r, r->behind));
    bool good = node->kid[0] && in_order(node->kid[0]->kid, node->kid[0]->nkids);
    return good ? node : NULL;
}

/* Decorators and a header up to the end of its line, without a comment. The decorators wait among the pending nodes. */
static struct node *header(struct reader *r) {
    const char *start = r->at;
    uint32_t mark = r->l->pending.len, comments = r->l->comments.list.len;
    while (take_sign(r, '@')) {
        struct node *decorator = primary(r);
        if (decorator == NULL || *r->at != '\n')
            return NULL;
        push(r->l, decorator);
        r->at++;
        skip_blanks(r);
    }
    struct node *node = take_word(r, "def") ? function_header(r) : take_word(r, "class") ? class_header(r) : NULL;
    if (node == NULL || !take_sign(r, ':') || *r->at != '\n' || r->l->comments.list.len > comments)
        return NULL;
    node->kid[node->nkids - 1] = node_at(r->l, NODE_BLOCK, (struct span){0, 0});
    for (uint32_t i = mark; i < r->l->pending.len; i++)
        node_add(r->l->arena, node, r->l->pending.at[i]);
    r->l->pending.len = mark;
    node->span = span_from(r, start);
    return node;
}

/* -- entries ------------------------------------------------------------------------------------------------------- */

static struct reader reader_of(struct lower *l, const struct lines *lines) {
    struct reader r = {.l = l, .at = l->text + lines->start, .end = l->text + lines->end};
    skip_lines(&r);
    return r;
}

/* What was read as a module; NULL where it is nothing, or does not stand at the margin and should. */
static struct node *module_of(struct lower *l, const struct lines *lines, struct node *read) {
    if (read == NULL || (!lines->indented && read->span.start > 0 && l->text[read->span.start - 1] != '\n'))
        return NULL;
    struct node *module = node_at(l, NODE_MODULE, (struct span){lines->start, lines->end});
    mark_blank(l, read);
    push(l, read);
    take(l, module, 0);
    attach_comments(l, module);
    return module;
}

struct node *plain_statement(struct lower *l, const struct lines *lines) {
    struct reader r = reader_of(l, lines);
    if (r.at == r.end) {
        struct node *module = node_at(l, NODE_MODULE, (struct span){lines->start, lines->end});
        attach_comments(l, module);
        return module;
    }
    struct node *read = statement(&r);
    skip_lines(&r);
    return module_of(l, lines, r.at == r.end ? read : NULL);
}

struct node *plain_header(struct lower *l, struct lines *lines) {
    struct reader r = reader_of(l, lines);
    struct node *module = module_of(l, lines, header(&r));
    if (module == NULL)
        return NULL;
    lines->start = offset(&r, r.at + 1);
    return module->kid[0];
}
