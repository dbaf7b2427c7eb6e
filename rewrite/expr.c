/* expr.c - precedence climbing over the bytes of one expression. */
#include "rewrite/expr.h"

#include <ctype.h>

enum { DEPTH_MAX = 100 };

struct expr_reader {
    struct arena *arena;
    struct atoms *atoms;
    const char *text, *at;
    uint32_t depth;
};

/* Precedences, loosest first; a ternary is looser than all of them. */
enum {
    PREC_OR,
    PREC_AND,
    PREC_NOT,
    PREC_COMPARE,
    PREC_BITOR,
    PREC_BITXOR,
    PREC_BITAND,
    PREC_SHIFT,
    PREC_SUM,
    PREC_PRODUCT,
    PREC_UNARY,
    PREC_POWER
};

static struct node *read_ternary(struct expr_reader *r);
static struct node *read_binary(struct expr_reader *r, int precedence);

/* -- bytes --------------------------------------------------------------------------------------------------------- */

static void skip_space(struct expr_reader *r) {
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t')
        r->at++;
}

static bool eat(struct expr_reader *r, const char *token) {
    size_t len = strlen(token);
    skip_space(r);
    if (strncmp(r->at, token, len) != 0)
        return false;
    bool word = isalpha((unsigned char)token[0]) != 0;
    if (word && (isalnum((unsigned char)r->at[len]) || r->at[len] == '_'))
        return false;
    r->at += len;
    return true;
}

static bool is_name_start(char c) {
    return isalpha((unsigned char)c) || c == '_' || c == '$';
}

static atom read_identifier(struct expr_reader *r) {
    char name[128];
    size_t len = 0;
    skip_space(r);
    if (!is_name_start(*r->at))
        return NULL;
    while ((isalnum((unsigned char)*r->at) || *r->at == '_' || (*r->at == '$' && len == 0)) && len + 1 < sizeof name) {
        name[len++] = *r->at == '$' ? '_' : *r->at;
        r->at++;
    }
    return intern_len(r->atoms, name, len);
}

/* -- atoms --------------------------------------------------------------------------------------------------------- */

static struct node *read_number(struct expr_reader *r) {
    const char *from = r->at;
    while (isalnum((unsigned char)*r->at) || *r->at == '.' || ((*r->at == '-' || *r->at == '+') && r->at[-1] == 'e'))
        r->at++;
    return make_number(r->arena, intern_len(r->atoms, from, (size_t)(r->at - from)));
}

static struct node *read_string(struct expr_reader *r) {
    char quote = *r->at;
    const char *end = strchr(r->at + 1, quote);
    if (end == NULL || memchr(r->at, '\\', (size_t)(end - r->at)) != NULL)
        return NULL;
    struct node *node = node_new(r->arena, NODE_STRING);
    node->atom = intern_len(r->atoms, r->at, (size_t)(end + 1 - r->at));
    r->at = end + 1;
    return node;
}

static struct node *read_element(struct expr_reader *r) {
    if (!eat(r, "*"))
        return read_ternary(r);
    struct node *value = read_ternary(r);
    return value != NULL ? node_make(r->arena, NODE_STARRED, NULL, 1, value) : NULL;
}

/* Elements up to a closing bracket, which is eaten. *comma: whether there was one. */
static bool read_elements(struct expr_reader *r, struct node *out, const char *close, bool *comma) {
    *comma = false;
    while (!eat(r, close)) {
        struct node *element = read_element(r);
        if (element == NULL)
            return false;
        node_add(r->arena, out, element);
        if (eat(r, ",")) {
            *comma = true;
            continue;
        }
        return eat(r, close);
    }
    return true;
}

static struct node *read_parenthesised(struct expr_reader *r) {
    struct node *tuple = node_new(r->arena, NODE_TUPLE);
    bool comma;
    if (!read_elements(r, tuple, ")", &comma))
        return NULL;
    struct node *node = tuple->nkids == 1 && !comma ? tuple->kid[0] : tuple;
    node->flags |= NF_PAREN;
    return node;
}

static struct node *read_list(struct expr_reader *r) {
    struct node *list = node_new(r->arena, NODE_LIST);
    bool comma;
    return read_elements(r, list, "]", &comma) ? list : NULL;
}

static struct node *read_constant(struct expr_reader *r) {
    static const struct {
        const char *text;
        enum op op;
    } constants[] = {{"None", OP_NONE}, {"True", OP_TRUE}, {"False", OP_FALSE}, {"...", OP_ELLIPSIS}};
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (eat(r, constants[i].text))
            return make_const(r->arena, constants[i].op);
    return NULL;
}

static struct node *read_atom(struct expr_reader *r) {
    skip_space(r);
    struct node *constant = read_constant(r);
    if (constant != NULL)
        return constant;
    if (eat(r, "("))
        return read_parenthesised(r);
    if (eat(r, "["))
        return read_list(r);
    if (isdigit((unsigned char)*r->at) || (*r->at == '.' && isdigit((unsigned char)r->at[1])))
        return read_number(r);
    if (*r->at == '"' || *r->at == '\'')
        return read_string(r);
    atom name = read_identifier(r);
    return name != NULL ? make_name(r->arena, name) : NULL;
}

/* -- calls, subscripts, attributes --------------------------------------------------------------------------------- */

static struct node *read_keyword(struct expr_reader *r) {
    const char *from = r->at;
    atom name = read_identifier(r);
    if (name != NULL && eat(r, "=") && *r->at != '=') {
        struct node *value = read_ternary(r);
        return value != NULL ? node_make(r->arena, NODE_KEYWORD, name, 1, value) : NULL;
    }
    r->at = from;
    return read_element(r);
}

static struct node *read_call(struct expr_reader *r, struct node *callee) {
    struct node *call = node_make(r->arena, NODE_CALL, NULL, 1, callee);
    while (!eat(r, ")")) {
        struct node *arg = read_keyword(r);
        if (arg == NULL)
            return NULL;
        node_add(r->arena, call, arg);
        if (!eat(r, ","))
            return eat(r, ")") ? call : NULL;
    }
    return call;
}

static bool at_index_end(struct expr_reader *r) {
    skip_space(r);
    return *r->at == ',' || *r->at == ']' || *r->at == ':';
}

/* `a`, `a:b`, `:b:c`, ... */
static struct node *read_index(struct expr_reader *r) {
    struct node *part[3] = {NULL, NULL, NULL};
    int parts = 0;
    do {
        if (!at_index_end(r)) {
            part[parts] = parts == 0 ? read_element(r) : read_ternary(r);
            if (part[parts] == NULL)
                return NULL;
        }
        parts++;
    } while (parts < 3 && eat(r, ":"));
    return parts == 1 ? part[0] : node_make(r->arena, NODE_SLICE, NULL, 3, part[0], part[1], part[2]);
}

static struct node *read_subscript(struct expr_reader *r, struct node *value) {
    struct node *tuple = node_new(r->arena, NODE_TUPLE);
    bool comma = false;
    while (!eat(r, "]")) {
        struct node *index = read_index(r);
        if (index == NULL)
            return NULL;
        node_add(r->arena, tuple, index);
        if (eat(r, ",")) {
            comma = true;
            continue;
        }
        if (!eat(r, "]"))
            return NULL;
        break;
    }
    if (tuple->nkids == 0)
        return NULL;
    return node_make(r->arena, NODE_SUBSCRIPT, NULL, 2, value, comma ? tuple : tuple->kid[0]);
}

static struct node *read_postfix(struct expr_reader *r) {
    struct node *node = read_atom(r);
    while (node != NULL) {
        if (eat(r, "(")) {
            node = read_call(r, node);
        } else if (eat(r, "[")) {
            node = read_subscript(r, node);
        } else if (eat(r, ".")) {
            atom name = read_identifier(r);
            node = name != NULL ? make_attr(r->arena, node, name) : NULL;
        } else {
            break;
        }
    }
    return node;
}

/* -- operators ----------------------------------------------------------------------------------------------------- */

static struct node *unary(struct expr_reader *r, enum op op, struct node *operand) {
    if (operand == NULL)
        return NULL;
    struct node *node = node_make(r->arena, NODE_UNARYOP, NULL, 1, operand);
    node->op = (uint8_t)op;
    return node;
}

static struct node *binary(struct expr_reader *r, enum op op, struct node *left, struct node *right) {
    if (right == NULL)
        return NULL;
    struct node *node = node_make(r->arena, NODE_BINOP, NULL, 2, left, right);
    node->op = (uint8_t)op;
    return node;
}

/* -x ** y is -(x ** y), and x ** -y is allowed. */
static struct node *read_unary(struct expr_reader *r) {
    if (eat(r, "-"))
        return unary(r, OP_NEG, read_binary(r, PREC_UNARY));
    if (eat(r, "+"))
        return unary(r, OP_POS, read_binary(r, PREC_UNARY));
    if (eat(r, "~"))
        return unary(r, OP_INVERT, read_binary(r, PREC_UNARY));
    struct node *base = read_postfix(r);
    if (base != NULL && eat(r, "**"))
        return binary(r, OP_POW, base, read_unary(r));
    return base;
}

static bool eat_operator(struct expr_reader *r, int precedence, enum op *op) {
    static const struct {
        const char *text;
        int precedence;
        enum op op;
    } table[] = {{"==", PREC_COMPARE, OP_EQ}, {"!=", PREC_COMPARE, OP_NE}, {"<=", PREC_COMPARE, OP_LE},
        {">=", PREC_COMPARE, OP_GE}, {"<<", PREC_SHIFT, OP_LSHIFT}, {">>", PREC_SHIFT, OP_RSHIFT},
        {"<", PREC_COMPARE, OP_LT}, {">", PREC_COMPARE, OP_GT}, {"is not", PREC_COMPARE, OP_IS_NOT},
        {"is", PREC_COMPARE, OP_IS}, {"not in", PREC_COMPARE, OP_NOT_IN}, {"in", PREC_COMPARE, OP_IN},
        {"|", PREC_BITOR, OP_BITOR}, {"^", PREC_BITXOR, OP_BITXOR}, {"&", PREC_BITAND, OP_BITAND},
        {"+", PREC_SUM, OP_ADD}, {"-", PREC_SUM, OP_SUB}, {"//", PREC_PRODUCT, OP_FLOORDIV},
        {"/", PREC_PRODUCT, OP_DIV}, {"*", PREC_PRODUCT, OP_MUL}, {"@", PREC_PRODUCT, OP_MATMUL},
        {"%", PREC_PRODUCT, OP_MOD}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].precedence == precedence && eat(r, table[i].text)) {
            *op = table[i].op;
            return true;
        }
    }
    return false;
}

static struct node *compare(struct expr_reader *r, enum op op, struct node *left, struct node *right) {
    if (right == NULL)
        return NULL;
    if (left->kind != NODE_COMPARE || left->flags & NF_PAREN)
        left = node_make(r->arena, NODE_COMPARE, NULL, 1, left);
    uint8_t *ops = NEW_ARRAY(r->arena, uint8_t, left->nkids);
    if (left->nkids > 1)
        memcpy(ops, left->ops, left->nkids - 1);
    ops[left->nkids - 1] = (uint8_t)op;
    left->ops = ops;
    node_add(r->arena, left, right);
    return left;
}

static struct node *read_bool(struct expr_reader *r, int precedence) {
    enum op op = precedence == PREC_OR ? OP_OR : OP_AND;
    struct node *first = read_binary(r, precedence + 1), *all = NULL;
    while (first != NULL && eat(r, op == OP_OR ? "or" : "and")) {
        struct node *next = read_binary(r, precedence + 1);
        if (next == NULL)
            return NULL;
        if (all == NULL) {
            all = node_make(r->arena, NODE_BOOLOP, NULL, 1, first);
            all->op = (uint8_t)op;
        }
        node_add(r->arena, all, next);
    }
    return all != NULL ? all : first;
}

static struct node *read_binary(struct expr_reader *r, int precedence) {
    enum op op;
    if (precedence <= PREC_AND)
        return read_bool(r, precedence);
    if (precedence == PREC_NOT)
        return eat(r, "not") ? unary(r, OP_NOT, read_binary(r, PREC_NOT)) : read_binary(r, PREC_COMPARE);
    if (precedence >= PREC_UNARY)
        return read_unary(r);
    struct node *left = read_binary(r, precedence + 1);
    while (left != NULL && eat_operator(r, precedence, &op)) {
        struct node *right = read_binary(r, precedence + 1);
        left = precedence == PREC_COMPARE ? compare(r, op, left, right) : binary(r, op, left, right);
    }
    return left;
}

static struct node *read_ternary(struct expr_reader *r) {
    if (r->depth++ >= DEPTH_MAX)
        return NULL;
    struct node *value = read_binary(r, PREC_OR);
    if (value != NULL && eat(r, "if")) {
        struct node *test = read_binary(r, PREC_OR);
        struct node *other = test != NULL && eat(r, "else") ? read_ternary(r) : NULL;
        value = other != NULL ? node_make(r->arena, NODE_IFEXP, NULL, 3, test, value, other) : NULL;
    }
    r->depth--;
    return value;
}

struct node *expr_read(struct arena *arena, struct atoms *atoms, const char *text, uint32_t *error) {
    struct expr_reader r = {arena, atoms, text, text, 0};
    struct node *node = read_ternary(&r);
    skip_space(&r);
    *error = (uint32_t)(r.at - text);
    return *r.at == '\0' ? node : NULL;
}
