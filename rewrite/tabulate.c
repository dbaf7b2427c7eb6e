/* tabulate.c - values that depend on the position alone become tables.
 *
 * Reads   forward functions that take the position_ids of the entry.
 * Writes  what such a function computes from positions, constants and attributes, position by position, is computed
 * once in __init__ for all positions and registered as a non-persistent buffer `_ad_<name>_cached`; forward indexes it
 *         by position_ids.
 * Guarantees  the same values for positions below the length of the table, which is config.max_position_embeddings.
 *
 * An expression is *positional* when its element [b, s, ...] depends on position_ids[b, s] and nothing else that
 * varies. The largest positional expressions become tables; the code that computes them moves as it stands. */
#include <string.h>

#include "base/text.h"
#include "parser/parse.h"
#include "rewrite/dynamic_attrs.h"
#include "rewrite/facts.h"
#include "rewrite/passes.h"
#include "rewrite/symbolic.h"
#include "rewrite/tabulate.h"

enum tag { TAG_STATIC, TAG_DEVICE, TAG_KEY, TAG_RAW, TAG_POSITIONAL, TAG_OTHER };

static enum tag tag_of(struct tabulate *t, struct node *e);

/* -- classification ------------------------------------------------------------------------------------------------ */

static bool is_minus_one(const struct node *n) {
    return n && n->kind == NODE_UNARYOP && n->op == OP_NEG && n->kid[0]->kind == NODE_NUMBER &&
           atom_is(n->kid[0]->atom, "1");
}

static const char pointwise[] = "float to double half type cos sin exp pow sqrt square reciprocal neg abs clone "
                                "contiguous log clamp polar ones_like "
                                "zeros_like mul add div sub view_as_complex view_as_real complex floor";

/* p[..., None], p[:, :, None], x[..., ::2] */
static enum tag tag_index(const struct node *e, enum tag of) {
    const struct node *index = e->kid[1];
    if (index->kind != NODE_TUPLE || index->nkids < 2)
        return TAG_OTHER;
    if (index->kid[0]->kind == NODE_CONST && index->kid[0]->op == OP_ELLIPSIS) {
        for (uint32_t i = 1; i < index->nkids; i++)
            if (!is_none(index->kid[i]) && index->kid[i]->kind != NODE_SLICE)
                return TAG_OTHER;
        return of == TAG_RAW && !is_none(index->kid[index->nkids - 1]) ? TAG_OTHER : TAG_POSITIONAL;
    }
    bool column = of == TAG_RAW && index->nkids == 3 && is_full_slice(index->kid[0]) && is_full_slice(index->kid[1]) &&
                  is_none(index->kid[2]);
    return column ? TAG_POSITIONAL : TAG_OTHER;
}

static enum tag combine(enum tag a, enum tag b) {
    if (a == TAG_DEVICE)
        return b;
    if (b == TAG_DEVICE)
        return a;
    if (a == TAG_RAW || b == TAG_RAW || a == TAG_OTHER || b == TAG_OTHER || a == TAG_KEY || b == TAG_KEY)
        return TAG_OTHER;
    return a == TAG_POSITIONAL || b == TAG_POSITIONAL ? TAG_POSITIONAL : TAG_STATIC;
}

static bool is_library_call(const struct node *e) {
    return e->kid[0]->abs && e->kid[0]->abs->kind == ABS_LIBRARY;
}

/* getattr(self, f"{layer_type}_inv_freq") */
static bool is_dynamic_read(const struct node *e) {
    return e->kind == NODE_CALL && is_name(e->kid[0], "getattr") && e->nkids == 3 && e->kid[2]->kind == NODE_FSTRING;
}

static enum tag tag_arguments(struct tabulate *t, const struct node *e, enum tag tag) {
    for (uint32_t i = 1; i < e->nkids; i++)
        tag = combine(tag, tag_of(t, e->kid[i]->kind == NODE_KEYWORD ? e->kid[i]->kid[0] : e->kid[i]));
    return tag;
}

static bool dimension_is_last(const struct node *e, uint32_t position) {
    return is_minus_one(call_argument(e, position, "dim"));
}

/* A buffer that is computed in the constructor and not loaded: nn.Buffer(..., persistent=False). */
static struct attr *transient_buffer(const struct node *e) {
    while (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN && e->web->expr)
        e = e->web->expr;
    struct attr *attr = e->kind == NODE_ATTRIBUTE && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE
                            ? class_attr_of(e->kid[0]->abs->cls, e->atom)
                            : NULL;
    const struct node *made = attr && attr->stores == 1 ? attr->expr : NULL;
    if (!is_kind(made, NODE_CALL) || made->nkids < 2 || !made->kid[0]->abs || made->kid[0]->abs->kind != ABS_LIBRARY ||
        !qual_ends(made->kid[0]->abs->qual, "Buffer"))
        return NULL;
    const struct node *persistent = call_argument(made, 1, "persistent");
    return is_kind(persistent, NODE_CONST) && persistent->op == OP_FALSE ? attr : NULL;
}

/* self.embed_positions[position_ids]: a table already. */
static bool is_row(const struct tabulate *t, const struct node *e) {
    return e->kind == NODE_SUBSCRIPT && is_kind(e->kid[1], NODE_NAME) && e->kid[1]->web == t->positions &&
           transient_buffer(e->kid[0]) != NULL;
}

/* x.shape[-1], which is the same for the rows and the whole table. */
static bool is_width(const struct node *e) {
    return e->kind == NODE_SUBSCRIPT && e->kid[0]->kind == NODE_ATTRIBUTE && atom_is(e->kid[0]->atom, "shape") &&
           is_minus_one(e->kid[1]);
}

static enum tag tag_call(struct tabulate *t, struct node *e) {
    if (is_dynamic_read(e))
        return TAG_STATIC;
    if (e->callsite || e->kid[0]->kind != NODE_ATTRIBUTE)
        return TAG_OTHER;
    const char *name = e->kid[0]->atom;
    bool library = is_library_call(e);
    enum tag tag = library ? tag_arguments(t, e, TAG_STATIC) : TAG_OTHER;
    if (!library) {
        tag = tag_of(t, e->kid[0]->kid[0]);
        if (tag == TAG_RAW && word_in(name, "float to type double half"))
            return tag_arguments(t, e, TAG_STATIC) == TAG_STATIC ? TAG_RAW : TAG_OTHER;
        if (tag == TAG_RAW && strcmp(name, "unsqueeze") == 0 && is_minus_one(call_argument(e, 0, "dim")))
            return TAG_POSITIONAL;
        tag = tag_arguments(t, e, tag);
    }
    if (tag != TAG_POSITIONAL)
        return tag == TAG_STATIC ? TAG_STATIC : TAG_OTHER;
    if (word_in(name, pointwise))
        return TAG_POSITIONAL;
    if (word_in(name, "cat stack concat repeat_interleave") &&
        (dimension_is_last(e, library ? 1 : 0) || dimension_is_last(e, 2) || dimension_is_last(e, 1)))
        return TAG_POSITIONAL;
    if (word_in(name, "chunk split") && dimension_is_last(e, library ? 2 : 1))
        return TAG_POSITIONAL;
    return TAG_OTHER;
}

static enum tag tag_web(struct tabulate *t, struct web *w) {
    if (w == t->positions)
        return TAG_RAW;
    if (w->kind == WEB_PARAM && w->abs->kind == ABS_INSTANCE)
        return TAG_STATIC;
    if (w == t->key)
        return TAG_KEY;
    return (w->kind == WEB_ASSIGN || w->kind == WEB_ELEMENT) && w->expr ? tag_of(t, w->expr) : TAG_OTHER;
}

static enum tag tag_of(struct tabulate *t, struct node *e) {
    enum tag tag = TAG_STATIC;
    switch (e->kind) {
    case NODE_NUMBER:
    case NODE_CONST:
    case NODE_STRING: return TAG_STATIC;
    case NODE_NAME: return e->web ? tag_web(t, e->web) : TAG_STATIC;
    case NODE_ATTRIBUTE:
        if (atom_is(e->atom, "device"))
            return TAG_DEVICE;
        return tag_of(t, e->kid[0]) == TAG_STATIC ? TAG_STATIC : TAG_OTHER;
    case NODE_SUBSCRIPT:
        if (is_row(t, e))
            return TAG_POSITIONAL;
        if (is_width(e) && tag_of(t, e->kid[0]->kid[0]) == TAG_POSITIONAL)
            return TAG_STATIC;
        tag = tag_of(t, e->kid[0]);
        if (tag == TAG_RAW || tag == TAG_POSITIONAL)
            return tag_index(e, tag);
        return tag == TAG_STATIC ? TAG_STATIC : TAG_OTHER;
    case NODE_CALL: return tag_call(t, e);
    case NODE_BINOP: return combine(tag_of(t, e->kid[0]), tag_of(t, e->kid[1]));
    case NODE_UNARYOP: return tag_of(t, e->kid[0]);
    case NODE_TUPLE:
    case NODE_LIST:
        for (uint32_t i = 0; i < e->nkids; i++)
            tag = combine(tag, tag_of(t, e->kid[i]));
        return tag;
    default: return TAG_OTHER;
    }
}

static struct node *clone(struct tabulate *t, struct node *e);

/* -- moving code into __init__ ------------------------------------------------------------------------------------- */

struct node *tabulate_self(struct tabulate *t, struct fn *fn) {
    return make_web_name(t->unit->arena, fn->params.at[0]->web);
}

struct web *tabulate_assign(struct tabulate *t, atom name, struct node *expr) {
    struct web *w = NEW(t->unit->arena, struct web);
    w->kind = WEB_ASSIGN;
    w->name = name;
    w->abs = abs_simple(ABS_TENSOR);
    w->temporary = true;
    w->expr = expr;
    w->stmt = node_make(t->unit->arena, NODE_ASSIGN, NULL, 2, expr, make_web_name(t->unit->arena, w));
    node_add(t->unit->arena, t->into, w->stmt);
    return w;
}

static struct node *clone(struct tabulate *t, struct node *e);

static struct node *clone_web(struct tabulate *t, struct web *w) {
    struct arena *arena = t->unit->arena;
    if (w == t->positions)
        return make_web_name(arena, t->all_positions);
    if (w->kind == WEB_PARAM)
        return tabulate_self(t, t->init);
    struct web *made = map_get(&t->clones, w);
    if (made)
        return make_web_name(arena, made);
    if (w->kind == WEB_ASSIGN) {
        made = tabulate_assign(t, w->name, clone(t, w->expr));
        map_put(arena, &t->clones, w, made);
        return make_web_name(arena, made);
    }
    /* an element: unpack the whole again */
    struct node *tuple = node_copy(arena, w->stmt->kid[1]);
    struct node *stmt = node_make(arena, NODE_ASSIGN, NULL, 2, clone(t, w->expr), tuple);
    node_add(arena, t->into, stmt);
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct web *old = tuple->kid[i]->web, *twin = NEW(arena, struct web);
        *twin = *old;
        twin->stmt = stmt;
        twin->expr = stmt->kid[0];
        tuple->kid[i] = make_web_name(arena, twin);
        map_put(arena, &t->clones, old, twin);
    }
    return make_web_name(arena, map_get(&t->clones, w));
}

/* What an attribute was made from, without the wrapper that registers a buffer. */
static struct node *unwrapped(struct node *expr) {
    if (expr && expr->kind == NODE_CALL && expr->nkids >= 2 && expr->kid[0]->abs &&
        expr->kid[0]->abs->kind == ABS_LIBRARY && qual_ends(expr->kid[0]->abs->qual, "Buffer"))
        expr = expr->kid[1];
    return expr && expr->kind == NODE_NAME && expr->web ? expr : NULL;
}

static struct node *clone_attribute(struct tabulate *t, struct node *e) {
    struct attr *attr = class_attr_of(t->init->owner, e->atom);
    struct node *value = attr && attr->stores == 1 && attr->expr ? unwrapped(attr->expr) : NULL;
    if (value)
        return make_web_name(t->unit->arena, value->web);
    struct node *n = node_copy(t->unit->arena, e);
    n->kid[0] = tabulate_self(t, t->init);
    return n;
}

static struct node *find_setattr(struct node *block, const struct node *format) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i], *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
        if (is_kind(call, NODE_CALL) && is_name(call->kid[0], "setattr") && call->nkids == 4 &&
            call->kid[2]->kind == NODE_FSTRING && same_format(call->kid[2], format))
            return call;
    }
    return NULL;
}

/* getattr(self, f"{layer_type}_x") where the loop does setattr(self, f"{layer_type}_x", v): v. */
static struct node *clone_dynamic(struct tabulate *t, struct node *e) {
    struct node *call = find_setattr(t->into, e->kid[2]);
    struct node *value = call ? unwrapped(call->kid[3]) : NULL;
    if (value)
        return make_web_name(t->unit->arena, value->web);
    return call ? node_copy(t->unit->arena, call->kid[3]) : node_copy(t->unit->arena, e);
}

/* position_ids as a column: the positions themselves, one more dimension, casts. */
static bool is_column(struct tabulate *t, const struct node *e) {
    if (e->kind == NODE_NAME)
        return e->web && (e->web == t->positions || (e->web->kind == WEB_ASSIGN && is_column(t, e->web->expr)));
    if (e->kind == NODE_SUBSCRIPT)
        return is_column(t, e->kid[0]);
    return e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && !is_library_call(e) &&
           word_in(e->kid[0]->atom, "float to type double half unsqueeze") && is_column(t, e->kid[0]->kid[0]);
}

static struct node *torch_call(struct tabulate *t, const char *name, struct node *a, struct node *b) {
    struct unit *u = t->unit;
    struct node *callee = make_attr(u->arena, make_name(u->arena, intern(u->atoms, "torch")), intern(u->atoms, name));
    struct node *call = node_make(u->arena, NODE_CALL, NULL, 2, callee, a);
    if (b)
        node_add(u->arena, call, b);
    return call;
}

static struct node *without_float_cast(struct node *e) {
    while (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE && word_in(e->kid[0]->atom, "float to") &&
           !(e->kid[0]->kid[0]->abs && e->kid[0]->kid[0]->abs->kind == ABS_LIBRARY))
        e = e->kid[0]->kid[0];
    return e;
}

/* None, or a tuple of that and one `:` or `...` behind it: dimensions of size 1 before those that there are. */
static bool only_leads(const struct node *index) {
    if (index->kind != NODE_TUPLE)
        return is_none(index);
    for (uint32_t i = 0; i < index->nkids; i++) {
        bool rest =
            is_full_slice(index->kid[i]) || (index->kid[i]->kind == NODE_CONST && index->kid[i]->op == OP_ELLIPSIS);
        if (!(is_none(index->kid[i]) || (rest && i + 1 == index->nkids)))
            return false;
    }
    return index->nkids > 0;
}

/* Frequencies as a vector: dimensions before their own are there to meet those of the positions, and of size 1. */
static struct node *as_vector(struct tabulate *t, struct node *frequencies) {
    struct node *e = without_float_cast(frequencies);
    while (e->kind == NODE_SUBSCRIPT && only_leads(e->kid[1]))
        e = without_float_cast(e->kid[0]);
    struct node *vector = without_float_cast(clone(t, e));
    if (e->abs && rank_known(e->abs->rank) > 1) {
        struct node *flatten = make_attr(t->unit->arena, vector, intern(t->unit->atoms, "flatten"));
        vector = node_make(t->unit->arena, NODE_CALL, NULL, 1, flatten);
    }
    return vector;
}

static struct node *angles(struct tabulate *t, struct node *inv_freq) {
    return torch_call(t, "outer", make_web_name(t->unit->arena, t->all_positions), inv_freq);
}

/* Position times frequency. Where the frequencies depend on the length of the input, a second block of rows holds those
 * for long inputs. */
static struct node *clone_angles(struct tabulate *t, struct node *frequencies) {
    struct node *rows = angles(t, as_vector(t, frequencies));
    return t->rope_init ? long_context_rows(t, rows) : rows;
}

/* The buffer that rows are read from, in a variable of the constructor. */
static struct node *clone_buffer(struct tabulate *t, const struct attr *attr) {
    struct arena *arena = t->unit->arena;
    struct node **made = &attr->expr->kid[1], *block = t->init->body;
    for (uint32_t i = 0; (*made)->kind != NODE_NAME && i < block->nkids; i++) {
        if (block->kid[i] != attr->stmt)
            continue;
        struct web *w = NEW(arena, struct web);
        *w = (struct web){.kind = WEB_ASSIGN, .name = attr->name, .abs = abs_simple(ABS_TENSOR), .expr = *made};
        w->stmt = node_make(arena, NODE_ASSIGN, NULL, 2, *made, make_web_name(arena, w));
        node_insert(arena, block, i, w->stmt);
        *made = make_web_name(arena, w);
        break;
    }
    return node_copy(arena, *made);
}

static struct node *clone(struct tabulate *t, struct node *e) {
    if (e == NULL)
        return NULL;
    if (is_row(t, e))
        return clone_buffer(t, transient_buffer(e->kid[0]));
    if (e->kind == NODE_BINOP && e->op == OP_MUL)
        for (int i = 0; i < 2; i++)
            if (is_column(t, e->kid[i]) && tag_of(t, e->kid[1 - i]) == TAG_STATIC)
                return clone_angles(t, e->kid[1 - i]);
    if (is_kind(e, NODE_SUBSCRIPT) && is_column(t, e)) {
        struct unit *u = t->unit;
        struct node *index = node_make(u->arena, NODE_TUPLE, NULL, 2,
            node_make(u->arena, NODE_SLICE, NULL, 3, (struct node *)NULL, (struct node *)NULL, (struct node *)NULL),
            make_const(u->arena, OP_NONE));
        return node_make(u->arena, NODE_SUBSCRIPT, NULL, 2, make_web_name(u->arena, t->all_positions), index);
    }
    if (e->kind == NODE_NAME && e->web)
        return clone_web(t, e->web);
    if (e->kind == NODE_ATTRIBUTE && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE)
        return clone_attribute(t, e);
    if (is_dynamic_read(e))
        return clone_dynamic(t, e);
    struct node *n = node_copy(t->unit->arena, e);
    n->nkids = 0;
    n->flags &= ~(uint32_t)NF_TRAILING_COMMA;
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct node *kid = e->kid[i];
        const struct node *value = is_kind(kid, NODE_KEYWORD) ? kid->kid[0] : kid;
        if (e->kind == NODE_CALL && i > 0 && value && value->kind == NODE_ATTRIBUTE && atom_is(value->atom, "device"))
            continue;
        node_add(t->unit->arena, n, clone(t, kid));
    }
    bool empty_to =
        n->kind == NODE_CALL && n->nkids == 1 && n->kid[0]->kind == NODE_ATTRIBUTE && atom_is(n->kid[0]->atom, "to");
    return empty_to ? n->kid[0]->kid[0] : n;
}

/* -- tables -------------------------------------------------------------------------------------------------------- */

/* What a table is called: after its variable, else after the function that made it. */
static const char *table_name(const struct node *e) {
    if (e->kind == NODE_NAME)
        return e->atom;
    if (e->kind == NODE_CALL && e->kid[0]->kind == NODE_ATTRIBUTE)
        return e->kid[0]->atom;
    for (uint32_t i = 0; i < e->nkids; i++) {
        const char *name = e->kid[i]->kind == NODE_CALL ? table_name(e->kid[i]) : NULL;
        if (name)
            return name;
    }
    return "table";
}

/* A name that no other table of the module has. */
static const char *free_table_name(struct tabulate *t, const char *name) {
    struct unit *u = t->unit;
    atom free = intern(u->atoms, name);
    for (int number = 2; map_has(&t->names, free); number++)
        free = intern_printf(u->atoms, "%s_%d", name, number);
    map_put(u->arena, &t->names, free, t->forward);
    return free;
}

/* f"_ad_{layer_type}_cos_cached", reading the name of the layer type from `key`. */
static struct node *format_name(struct tabulate *t, const char *name, struct web *key) {
    struct unit *u = t->unit;
    struct node *interp = node_make(u->arena, NODE_INTERP, NULL, 2, make_web_name(u->arena, key), (struct node *)NULL);
    return node_make(u->arena, NODE_FSTRING, intern(u->atoms, "f\""), 3,
        node_make(u->arena, NODE_FTEXT, intern(u->atoms, "_ad_"), 0), interp,
        node_make(u->arena, NODE_FTEXT, intern_printf(u->atoms, "_%s_cached", name), 0));
}

struct web *tabulate_loop_key(const struct tabulate *t) {
    return t->loop->kid[0]->web;
}

static void register_table(struct tabulate *t, const char *name, struct node *value) {
    struct unit *u = t->unit;
    atom attribute = intern_printf(u->atoms, "_ad_%s_cached", name);
    struct node *key =
        t->loop ? format_name(t, name, tabulate_loop_key(t)) : make_string(u->arena, u->atoms, attribute);
    struct node *persistent =
        node_make(u->arena, NODE_KEYWORD, intern(u->atoms, "persistent"), 1, make_const(u->arena, OP_FALSE));
    struct node *method = make_attr(u->arena, tabulate_self(t, t->init), intern(u->atoms, "register_buffer"));
    struct node *call = node_make(u->arena, NODE_CALL, NULL, 4, method, key, value, persistent);
    struct node *stmt = node_make(u->arena, NODE_EXPR, NULL, 1, call);
    node_add(u->arena, t->into, stmt);
    if (t->loop)
        return;
    struct attr *attr = NEW(u->arena, struct attr);
    attr->name = attribute;
    attr->abs = abs_simple(ABS_TENSOR);
    attr->stores = 1;
    attr->stmt = stmt;
    map_put(u->arena, &t->init->owner->attrs, attribute, attr);
}

struct node *tabulate_read(struct tabulate *t, const char *name) {
    struct unit *u = t->unit;
    struct node *self = tabulate_self(t, t->forward), *table;
    if (t->loop) {
        struct node *getattr = make_name(u->arena, intern(u->atoms, "getattr"));
        table = node_make(u->arena, NODE_CALL, NULL, 3, getattr, self, format_name(t, name, t->key));
    } else {
        table = make_attr(u->arena, self, intern_printf(u->atoms, "_ad_%s_cached", name));
    }
    struct web *rows = t->rows ? t->rows : t->positions;
    struct node *n = node_make(u->arena, NODE_SUBSCRIPT, NULL, 2, table, make_web_name(u->arena, rows));
    n->abs = abs_tensor(u, 3);
    return n;
}

/* Whether complex numbers are what a positional expression computes. */
static bool is_complex(const struct node *e) {
    if (e->kind == NODE_NAME)
        return e->web && e->web->kind == WEB_ASSIGN && is_complex(e->web->expr);
    if (e->kind == NODE_BINOP)
        return is_complex(e->kid[0]) || is_complex(e->kid[1]);
    if (e->kind == NODE_SUBSCRIPT || e->kind == NODE_UNARYOP)
        return is_complex(e->kid[0]);
    if (e->kind != NODE_CALL || e->kid[0]->kind != NODE_ATTRIBUTE || atom_is(e->kid[0]->atom, "view_as_real"))
        return false;
    if (is_library_call(e))
        return word_in(e->kid[0]->atom, "polar view_as_complex complex") || (e->nkids > 1 && is_complex(e->kid[1]));
    return is_complex(e->kid[0]->kid[0]);
}

/* A module that is cast to another dtype loses the imaginary parts of its buffers: they are kept as pairs. */
static struct node *as_pairs(struct tabulate *t, struct node *value) {
    return torch_call(t, "view_as_real", value, NULL);
}

static struct node *from_pairs(struct tabulate *t, struct node *pairs) {
    struct unit *u = t->unit;
    struct node *method = make_attr(u->arena, pairs, intern(u->atoms, "float"));
    struct node *n = torch_call(t, "view_as_complex", node_make(u->arena, NODE_CALL, NULL, 1, method), NULL);
    n->abs = abs_tensor(u, 3);
    return n;
}

static void make_table(struct tabulate *t, struct node **slot) {
    struct node *e = *slot;
    bool complex = is_complex(e);
    const char *name = free_table_name(t, table_name(e));
    bool alone = e->kind == NODE_NAME && e->web->kind == WEB_ASSIGN && !map_has(&t->clones, e->web);
    struct node *value = clone(t, alone ? e->web->expr : e);
    pass_record_because(t->unit, REASON_TABLE, e->kind == NODE_NAME && e->web->expr ? e->web->expr : e, t->forward);
    register_table(t, name, complex ? as_pairs(t, value) : value);
    struct node *read = complex ? from_pairs(t, tabulate_read(t, name)) : tabulate_read(t, name);
    if (e->kind == NODE_NAME && e->web->kind == WEB_ASSIGN)
        e->web->stmt->kid[0] = e->web->expr = read;
    else
        *slot = read;
}

/* The largest positional expressions below *slot. */
static bool find_tables(struct tabulate *t, struct node **slot, bool make) {
    struct node *e = *slot;
    if (e == NULL)
        return false;
    bool value = node_is_expr(e) && e->kind != NODE_TUPLE && e->kind != NODE_LIST && !is_column(t, e);
    if (value && tag_of(t, e) == TAG_POSITIONAL) {
        if (t->first_table == NULL)
            t->first_table = table_name(e);
        if (make)
            make_table(t, slot);
        return true;
    }
    bool found = false;
    uint32_t count = e->kind == NODE_ASSIGN ? 1 : e->nkids;
    for (uint32_t i = 0; i < count; i++)
        found |= find_tables(t, &e->kid[i], make);
    return found;
}

static bool stays_in_forward(struct tabulate *t, struct node *stmt) {
    return stmt->kind != NODE_ASSIGN || tag_of(t, stmt->kid[0]) == TAG_OTHER;
}

/* -- the pass ------------------------------------------------------------------------------------------------------ */

struct web *positions_param(const struct fn *fn) {
    for (uint32_t i = 1; i < fn->params.len; i++) {
        const struct param *p = fn->params.at[i];
        if (p->web && p->abs && p->abs->kind == ABS_TENSOR && p->abs->positions)
            return p->web;
    }
    return NULL;
}

static const struct node *find_dynamic_read(const struct node *n) {
    if (n == NULL)
        return NULL;
    if (is_dynamic_read(n))
        return n;
    for (uint32_t i = 0; i < n->nkids; i++) {
        const struct node *found = find_dynamic_read(n->kid[i]);
        if (found)
            return found;
    }
    return NULL;
}

/* The FOR of __init__ that sets what forward reads by a computed name. */
static struct node *find_loop(struct node *block, const struct node *format) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i];
        if (s->kind == NODE_FOR && s->kid[0]->kind == NODE_NAME && find_setattr(s->kid[2], format))
            return s;
    }
    return NULL;
}

static struct web *key_of(const struct node *format) {
    for (uint32_t i = 0; i < format->nkids; i++)
        if (format->kid[i]->kind == NODE_INTERP && format->kid[i]->kid[0]->kind == NODE_NAME)
            return format->kid[i]->kid[0]->web;
    return NULL;
}

static void make_positions(struct tabulate *t, struct node *length) {
    struct unit *u = t->unit;
    struct node *torch = make_name(u->arena, intern(u->atoms, "torch"));
    struct node *arange = make_attr(u->arena, node_copy(u->arena, torch), intern(u->atoms, "arange"));
    struct node *dtype = node_make(
        u->arena, NODE_KEYWORD, intern(u->atoms, "dtype"), 1, make_attr(u->arena, torch, intern(u->atoms, "float")));
    struct node *value = node_make(u->arena, NODE_CALL, NULL, 3, arange, length, dtype);
    t->all_positions = tabulate_assign(t, intern(u->atoms, "positions"), value);
    t->all_positions->stmt->flags |= NF_BLANK;
}

static struct node *table_length(struct unit *unit, struct cls *cls) {
    atom length = intern(unit->atoms, "max_position_embeddings");
    struct node *symbol = make_attr(unit->arena, class_config(unit, cls), length);
    struct node *here = symbol_in_class(unit, cls, symbol);
    if (here)
        return here;
    const struct fn *init = class_method(cls, "__init__"); /* a constructor that takes the length itself */
    for (uint32_t i = 1; i < init->params.len; i++)
        if (init->params.at[i]->abs && init->params.at[i]->abs->kind == ABS_SYMBOLIC &&
            is_kind(init->params.at[i]->abs->constant, NODE_ATTRIBUTE) &&
            init->params.at[i]->abs->constant->atom == length)
            return make_web_name(unit->arena, init->params.at[i]->web);
    return NULL;
}

/* False where nothing was found that could be a table. */
static bool tabulate_function(struct unit *unit, struct fn *forward) {
    struct tabulate t = {.unit = unit, .forward = forward, .init = class_method(forward->owner, "__init__")};
    t.positions = positions_param(forward);
    if (t.positions == NULL || t.init == NULL || t.init->body == NULL)
        return false;
    const struct node *dynamic = find_dynamic_read(forward->body);
    t.key = dynamic ? key_of(dynamic->kid[2]) : NULL;
    bool found = false;
    for (uint32_t i = 0; i < forward->body->nkids; i++)
        if (stays_in_forward(&t, forward->body->kid[i]))
            found |= find_tables(&t, &forward->body->kid[i], false);
    struct node *length = found ? table_length(unit, forward->owner) : NULL;
    t.loop = dynamic ? find_loop(t.init->body, dynamic->kid[2]) : NULL;
    if (length == NULL || (dynamic && t.loop == NULL))
        return false;
    unit->rope_by_kind |= t.loop != NULL;
    t.into = t.loop ? t.loop->kid[2] : t.init->body;
    if (frequencies_follow_length(unit, forward) && !long_context_find(&t))
        return false;
    make_positions(&t, length);
    if (t.rope_init)
        long_context_choose(&t);
    for (uint32_t i = 0; i < forward->body->nkids; i++)
        if (stays_in_forward(&t, forward->body->kid[i]))
            find_tables(&t, &forward->body->kid[i], true);
    return t.rope_init == NULL || t.has_long_rows;
}

void tabulate(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct fn *fn = all.list.at[i];
        if (!fn->owner || !fn->owner->constructed || !atom_is(fn->name, "forward") || tabulate_function(unit, fn))
            continue;
        if (frequencies_follow_length(unit, fn))
            diag_at(unit->diags, unit_refusal(unit), fn->module->source, fn->def->span, "rope-length",
                "the frequencies follow the length of the input here, and what is computed from them is not understood "
                "as a table by position");
    }
}
