/* lift.c - what all layers read at the same positions is read once.
 *
 * Reads   layers that have tables of their own: a buffer that they index by position_ids, or a module that they give
 *         position_ids and a tensor of which it needs no more than the dtype.
 * Writes  where the constructor makes the table from the configuration alone, so that it is the same in all layers, the
 *         model that loops over them has it instead, reads it before the loop, and hands what it read down.
 * Guarantees  the same values. The dtype that a module asks for is that of the hidden states: a linear layer computes
 * in the dtype of its input. */
#include "rewrite/lift.h"

#include <string.h>

#include "base/text.h"
#include "rewrite/hoist.h"
#include "rewrite/passes.h"
#include "rewrite/swap.h"
#include "rewrite/symbolic.h"

enum { LEVELS = 8 };

/* The calls from the model down to the layer that reads a table. */
struct chain {
    struct unit *unit;
    const struct functions *all;
    struct fn *reader, *model;
    struct node *call[LEVELS]; /* call[0] calls the reader; the last one stands in the loop of the model */
    uint32_t calls;
    struct node *loop;
    struct web *read_at, *positions; /* what the table is indexed by: the reader's parameter, the model's variable */
    struct map moved;                /* variables of the reader's constructor -> variables of the model's */
    uint32_t at;                     /* where the model's constructor goes on */
};

/* -- finding the way ----------------------------------------------------------------------------------------------- */

/* The only call of a function, and the function that it stands in. */
static struct node *only_call(const struct chain *c, const struct fn *fn, struct fn **caller) {
    struct node *call = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->all->list.len; i++) {
        uint32_t here = count_calls(c->all->list.at[i]->body, fn, &call);
        if (here)
            *caller = c->all->list.at[i];
        count += here;
    }
    return count == 1 && call_is_single(call) ? call : NULL;
}

static bool is_param_of(const struct fn *fn, const struct web *w) {
    for (uint32_t i = 1; i < fn->params.len; i++)
        if (fn->params.at[i]->web == w)
            return true;
    return false;
}

static struct node *argument_value(struct node *arg) {
    return arg->kind == NODE_KEYWORD ? arg->kid[0] : arg;
}

static struct node *loop_around(const struct fn *fn, const struct fn *callee) {
    struct node *found;
    for (uint32_t i = 0; i < fn->body->nkids; i++)
        if (fn->body->kid[i]->kind == NODE_FOR && count_calls(fn->body->kid[i], callee, &found))
            return fn->body->kid[i];
    return NULL;
}

static bool is_before(const struct fn *fn, const struct node *stmt, const struct node *loop) {
    for (uint32_t i = 0; i < fn->body->nkids && fn->body->kid[i] != loop; i++)
        if (fn->body->kid[i] == stmt)
            return true;
    return false;
}

/* From the reader up to the loop over layers; the positions are handed on unchanged and are those of all layers. */
static bool find_chain(struct chain *c) {
    struct fn *fn = c->reader;
    struct web *param = c->read_at;
    for (c->calls = 0; c->calls < LEVELS; fn = c->model, param = c->positions) {
        struct node *call = fn->escapes ? NULL : only_call(c, fn, &c->model);
        struct node *given = call ? argument_for(call, call->callsite->fn, param) : NULL;
        if (given == NULL || given->kind != NODE_NAME || given->web == NULL)
            return false;
        c->positions = given->web;
        c->call[c->calls++] = call;
        c->loop = loop_around(c->model, fn);
        bool known = is_param_of(c->model, c->positions);
        if (c->loop)
            return c->model->owner && class_method(c->model->owner, "__init__") &&
                   (known || is_before(c->model, c->positions->stmt, c->loop));
        if (!known)
            return false;
    }
    return false;
}

/* -- handing down -------------------------------------------------------------------------------------------------- */

/* torch.Tensor, where parameters have annotations */
static struct node *annotation_like(struct unit *unit, const struct fn *fn) {
    for (uint32_t i = 1; i < fn->params.len; i++)
        if (fn->params.at[i]->annotation)
            return make_attr(
                unit->arena, make_name(unit->arena, intern(unit->atoms, "torch")), intern(unit->atoms, "Tensor"));
    return NULL;
}

static struct web *new_param(struct unit *unit, struct fn *fn, const struct web *like) {
    struct param *p = NEW(unit->arena, struct param);
    struct web *w = NEW(unit->arena, struct web);
    *w = (struct web){.kind = WEB_PARAM, .name = like->name, .abs = like->abs};
    *p = (struct param){.name = like->name, .role = PARAM_PLAIN, .abs = like->abs, .web = w, .live = true};
    p->annotation = annotation_like(unit, fn);
    vec_push(unit->arena, &fn->params, p);
    return w;
}

static void add_argument(struct unit *unit, struct node *call, struct web *value) {
    struct callsite *site = call->callsite;
    uint32_t *param = NEW_ARRAY(unit->arena, uint32_t, call->nkids);
    memcpy(param, site->param, (call->nkids - 1) * sizeof *param);
    param[call->nkids - 1] = site->fn->params.len - 1;
    site->param = param;
    node_add(
        unit->arena, call, node_make(unit->arena, NODE_KEYWORD, value->name, 1, make_web_name(unit->arena, value)));
}

/* A parameter of the reader that holds what `value` of the model does. */
static struct web *hand_down(struct chain *c, struct web *value) {
    for (uint32_t i = c->calls; i-- > 0;) {
        struct web *param = new_param(c->unit, c->call[i]->callsite->fn, value);
        add_argument(c->unit, c->call[i], value);
        value = param;
    }
    return value;
}

/* -- the constructor of the model ---------------------------------------------------------------------------------- */

static struct fn *init_of(const struct fn *fn) {
    return class_method(fn->owner, "__init__");
}

static struct node *self_of(struct chain *c, const struct fn *fn) {
    return make_web_name(c->unit->arena, fn->params.at[0]->web);
}

static void add_to_init(struct chain *c, struct node *stmt) {
    node_insert(c->unit->arena, init_of(c->model)->body, c->at++, stmt);
}

static bool is_setup(const struct node *s) {
    const struct node *call = s->kind == NODE_EXPR ? s->kid[0] : NULL;
    return is_kind(call, NODE_CALL) && call->kid[0]->kind == NODE_ATTRIBUTE && atom_is(call->kid[0]->atom, "post_init");
}

static struct node *moved(struct chain *c, struct node *e);

/* `name = value` in the constructor of the model, once for each `key`. */
static struct node *moved_variable(struct chain *c, const void *key, atom name, struct node *value) {
    struct arena *arena = c->unit->arena;
    struct web *w = map_get(&c->moved, key);
    if (w == NULL) {
        struct node *expr = moved(c, value);
        if (expr == NULL)
            return NULL;
        w = NEW(arena, struct web);
        *w = (struct web){.kind = WEB_ASSIGN, .name = name, .abs = abs_simple(ABS_TOP), .expr = expr};
        w->stmt = node_make(arena, NODE_ASSIGN, NULL, 2, expr, make_web_name(arena, w));
        add_to_init(c, w->stmt);
        map_put(arena, &c->moved, key, w);
    }
    return make_web_name(arena, w);
}

/* One of `a, b = value`. */
static struct node *moved_element(struct chain *c, struct web *old) {
    struct arena *arena = c->unit->arena;
    struct web *made = map_get(&c->moved, old);
    const struct node *targets = old->stmt->kid[1];
    if (made)
        return make_web_name(arena, made);
    struct node *expr = targets->kind == NODE_TUPLE ? moved(c, old->expr) : NULL;
    if (expr == NULL)
        return NULL;
    struct node *tuple = node_copy(arena, targets), *stmt = node_make(arena, NODE_ASSIGN, NULL, 2, expr, tuple);
    for (uint32_t i = 0; i < tuple->nkids; i++) {
        struct web *before = targets->kid[i]->kind == NODE_NAME ? targets->kid[i]->web : NULL;
        if (before == NULL)
            return NULL;
        struct web *w = NEW(arena, struct web);
        *w = (struct web){.kind = WEB_ELEMENT, .name = before->name, .abs = before->abs, .stmt = stmt, .expr = expr};
        w->element = i;
        tuple->kid[i] = make_web_name(arena, w);
        map_put(arena, &c->moved, before, w);
    }
    add_to_init(c, stmt);
    return make_web_name(arena, map_get(&c->moved, old));
}

static struct node *moved_symbol(struct chain *c, const struct absval *abs) {
    struct node *symbol = abs_symbol(c->unit, abs);
    return symbol ? symbol_in_class(c->unit, c->model->owner, symbol) : NULL;
}

static struct node *moved_attribute(struct chain *c, const struct node *e) {
    struct attr *attr = class_attr_of(c->reader->owner, e->atom);
    if (attr == NULL || attr->stores != 1 || attr->expr == NULL)
        return NULL;
    if (attr->expr->kind == NODE_ATTRIBUTE || attr->expr->kind == NODE_NAME)
        return moved(c, attr->expr);
    return moved_variable(c, attr, attr->name, attr->expr);
}

/* An expression of the reader's constructor as one of the model's; NULL where it depends on more than the
 * configuration. */
static struct node *moved(struct chain *c, struct node *e) {
    if (e->kind == NODE_NAME && e->web) {
        struct web *w = e->web;
        return w->kind == WEB_PARAM     ? moved_symbol(c, w->abs)
               : w->kind == WEB_ASSIGN  ? moved_variable(c, w, w->name, w->expr)
               : w->kind == WEB_ELEMENT ? moved_element(c, w)
                                        : NULL;
    }
    if (e->kind == NODE_ATTRIBUTE && e->kid[0]->abs && e->kid[0]->abs->kind == ABS_INSTANCE)
        return moved_attribute(c, e);
    struct node *n = node_copy(c->unit->arena, e);
    for (uint32_t i = 0; i < e->nkids; i++)
        if (e->kid[i] && (n->kid[i] = moved(c, e->kid[i])) == NULL)
            return NULL;
    return n;
}

static struct attr *new_attribute(struct chain *c, atom name, const struct absval *abs, struct node *stmt) {
    struct attr *attr = NEW(c->unit->arena, struct attr);
    *attr = (struct attr){.name = name, .abs = abs, .stmt = stmt, .stores = 1};
    map_put(c->unit->arena, &c->model->owner->attrs, name, attr);
    return attr;
}

/* -- buffers ------------------------------------------------------------------------------------------------------- */

/* self._ad_cos_cached[position_ids], whole right-hand side; *at is the parameter that indexes it. */
static struct attr *table_read(const struct fn *fn, const struct node *s, struct web **at) {
    bool read = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_NAME && s->kid[1]->web &&
                s->kid[0]->kind == NODE_SUBSCRIPT && is_kind(s->kid[0]->kid[1], NODE_NAME) &&
                is_param_of(fn, s->kid[0]->kid[1]->web) && is_kind(s->kid[0]->kid[0], NODE_ATTRIBUTE) &&
                starts_with(s->kid[0]->kid[0]->atom, "_ad_");
    *at = read ? s->kid[0]->kid[1]->web : NULL;
    return read ? class_attr_of(fn->owner, s->kid[0]->kid[0]->atom) : NULL;
}

/* self.register_buffer(name, value, persistent=False) in the model. */
static bool move_buffer(struct chain *c, const struct attr *attr) {
    const struct node *call = is_kind(attr->stmt, NODE_EXPR) ? attr->stmt->kid[0] : NULL;
    if (call == NULL || call->nkids != 4 || class_attr_of(c->model->owner, attr->name))
        return false;
    struct node *value = moved(c, call->kid[2]);
    if (value == NULL)
        return false;
    struct node *copy = node_copy(c->unit->arena, call);
    copy->kid[0]->kid[0] = self_of(c, init_of(c->model));
    copy->kid[2] = value;
    struct node *stmt = node_make(c->unit->arena, NODE_EXPR, NULL, 1, copy);
    add_to_init(c, stmt);
    new_attribute(c, attr->name, attr->abs, stmt);
    return true;
}

/* -- modules ------------------------------------------------------------------------------------------------------- */

static bool only_asks_dtype(const struct node *n, const struct web *w) {
    if (n == NULL || (n->kind == NODE_ATTRIBUTE && (atom_is(n->atom, "dtype") || atom_is(n->atom, "device"))))
        return true;
    if (n->kind == NODE_NAME && n->web == w)
        return false;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!only_asks_dtype(n->kid[i], w))
            return false;
    return true;
}

static bool says_not_persistent(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_KEYWORD && n->atom && atom_is(n->atom, "persistent"))
        return is_kind(n->kid[0], NODE_CONST) && n->kid[0]->op == OP_FALSE;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (says_not_persistent(n->kid[i]))
            return true;
    return false;
}

/* None, a number, a setting: what every store of an attribute assigns. */
static bool stores_settings(const struct node *n, atom attribute) {
    if (n == NULL)
        return true;
    if (n->kind == NODE_ASSIGN && n->kid[1]->kind == NODE_ATTRIBUTE && n->kid[1]->atom == attribute) {
        const struct node *v = n->kid[0];
        return v->kind == NODE_CONST || v->kind == NODE_NUMBER ||
               (v->kind == NODE_SUBSCRIPT && v->kid[1]->kind == NODE_STRING) ||
               (v->kind == NODE_CALL && is_name(v->kid[0], "getattr"));
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!stores_settings(n->kid[i], attribute))
            return false;
    return true;
}

static bool is_state(const struct cls *cls, atom name) {
    const struct attr *attr = class_attr_of(cls, name);
    if (attr == NULL)
        return true;
    switch (attr->abs->kind) {
    case ABS_NUMBER:
    case ABS_SYMBOLIC:
    case ABS_CONST:
    case ABS_CONFIG: return false;
    case ABS_TENSOR: return !starts_with(name, "_ad_") && !(attr->stmt && says_not_persistent(attr->stmt));
    case ABS_TOP: {
        const struct fn *init = class_method(cls, "__init__");
        return init == NULL || init->body == NULL || !stores_settings(init->body, name);
    }
    default: return true;
    }
}

/* Nothing that is read there is loaded from a checkpoint: numbers, and buffers that the constructor computes. */
static bool reads_no_state(const struct node *n, const struct cls *cls) {
    if (n == NULL)
        return true;
    if (n->kind == NODE_CALL && is_name(n->kid[0], "getattr"))
        return false;
    if (n->kind == NODE_ATTRIBUTE && n->kid[0]->abs && n->kid[0]->abs->kind == ABS_INSTANCE)
        return !is_state(cls, n->atom);
    for (uint32_t i = 0; i < n->nkids; i++)
        if (!reads_no_state(n->kid[i], cls))
            return false;
    return true;
}

static bool is_call_of_part(const struct fn *fn, const struct node *call) {
    return is_kind(call, NODE_CALL) && call_is_single(call) && call->callsite->fn != fn && call->callsite->fn->body &&
           call->kid[0]->kind == NODE_ATTRIBUTE && call->kid[0]->kid[0]->abs &&
           call->kid[0]->kid[0]->abs->kind == ABS_INSTANCE && call->kid[0]->kid[0]->abs->cls == fn->owner;
}

/* cos, sin = self.rotary_emb(x, position_ids); *at is the parameter that is given as the positions. */
static struct attr *module_call(const struct fn *fn, const struct node *s, struct web **at) {
    const struct node *call = s->kind == NODE_ASSIGN && s->nkids == 2 ? s->kid[0] : NULL;
    *at = NULL;
    if (!is_call_of_part(fn, call) || s->kid[1]->kind != NODE_TUPLE || call->callsite->fn->owner == NULL ||
        !reads_no_state(call->callsite->fn->body, call->callsite->fn->owner))
        return NULL;
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *a = call->kid[i]->kind == NODE_KEYWORD ? call->kid[i]->kid[0] : call->kid[i];
        uint32_t p = call->callsite->param[i - 1];
        if (p == UINT32_MAX)
            return NULL;
        if (only_asks_dtype(call->callsite->fn->body, call->callsite->fn->params.at[p]->web))
            continue;
        if (*at || a->kind != NODE_NAME || !is_param_of(fn, a->web))
            return NULL;
        *at = a->web;
    }
    for (uint32_t i = 0; i < s->kid[1]->nkids; i++)
        if (s->kid[1]->kid[i]->kind != NODE_NAME || s->kid[1]->kid[i]->web == NULL)
            return NULL;
    return *at ? class_attr_of(fn->owner, call->kid[0]->atom) : NULL;
}

/* The store that constructs the module; others may only say that there is none yet. */
static struct node *construction(const struct chain *c, const struct attr *attr) {
    const struct node *body = init_of(c->reader)->body;
    struct node *found = NULL;
    uint32_t stores = 0;
    for (uint32_t i = 0; i < body->nkids; i++) {
        struct node *s = body->kid[i];
        bool store = s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_ATTRIBUTE &&
                     s->kid[1]->atom == attr->name;
        stores += store;
        if (store && is_none(s->kid[0]))
            continue;
        if (store)
            found = s;
    }
    bool constructs =
        found && found->kid[0]->kind == NODE_CALL && call_is_single(found->kid[0]) && stores == attr->stores;
    return constructs ? found : NULL;
}

static struct callsite *same_site(struct unit *unit, const struct callsite *site, struct fn *caller) {
    struct callsite *copy = NEW(unit->arena, struct callsite);
    *copy = *site;
    copy->caller = caller;
    return copy;
}

/* The layer no longer has it. */
static void drop_stores(struct node *body, atom attribute) {
    for (uint32_t i = body->nkids; i-- > 0;) {
        const struct node *s = body->kid[i];
        if (s->kind == NODE_ASSIGN && s->nkids == 2 && s->kid[1]->kind == NODE_ATTRIBUTE &&
            s->kid[1]->atom == attribute)
            node_remove(body, i);
    }
}

static bool move_module(struct chain *c, const struct attr *attr) {
    struct node *store = construction(c, attr);
    if (store == NULL || class_attr_of(c->model->owner, attr->name))
        return false;
    struct node *made = node_copy(c->unit->arena, store->kid[0]);
    made->callsite = same_site(c->unit, made->callsite, init_of(c->model));
    for (uint32_t i = 1; i < made->nkids; i++) {
        bool keyword = made->kid[i]->kind == NODE_KEYWORD;
        struct node **slot = keyword ? &made->kid[i]->kid[0] : &made->kid[i];
        if ((*slot = moved(c, *slot)) == NULL)
            return false;
    }
    struct node *target = make_attr(c->unit->arena, self_of(c, init_of(c->model)), attr->name);
    struct node *stmt = node_make(c->unit->arena, NODE_ASSIGN, NULL, 2, made, target);
    add_to_init(c, stmt);
    new_attribute(c, attr->name, store->kid[0]->abs, stmt)->expr = made;
    return true;
}

/* The hidden states that go into the loop: what the first layer is given. */
static struct web *hidden_before_loop(const struct chain *c) {
    const struct node *call = c->call[c->calls - 1];
    const struct node *first = call->nkids > 1 ? argument_value(call->kid[1]) : NULL;
    struct web *w = is_kind(first, NODE_NAME) ? first->web : NULL;
    return w && w->kind == WEB_LOOP && w->stmt == c->loop ? w->from[0] : NULL;
}

/* -- reading once -------------------------------------------------------------------------------------------------- */

/* Whether all that reads a variable casts it to the dtype of an activation; `drop`: it does no longer. */
static bool is_always_cast(struct node *n, const struct web *w, bool drop) {
    if (n == NULL)
        return true;
    for (uint32_t i = 0; i < n->nphis; i++)
        if (n->phis[i]->from[0] == w || n->phis[i]->from[1] == w)
            return false;
    struct node *cast = n->kind == NODE_CALL ? cast_like_tensor(n) : NULL;
    if (is_kind(cast, NODE_NAME) && cast->web == w) {
        if (drop)
            *n = *cast;
        return true;
    }
    if (n->kind == NODE_NAME && n->web == w)
        return false;
    for (uint32_t i = 0; i < (n->kind == NODE_ASSIGN ? 1 : n->nkids); i++)
        if (!is_always_cast(n->kid[i], w, drop))
            return false;
    return true;
}

/* What every reader of a row casts is cast once: hidden states and what linear layers make of them have one dtype. */
static void cast_row(struct chain *c, struct node *read, const struct web *row) {
    struct arena *arena = c->unit->arena;
    struct web *hidden = hidden_before_loop(c);
    if (hidden == NULL || !is_always_cast(c->reader->body, row, false))
        return;
    is_always_cast(c->reader->body, row, true);
    struct node *dtype = make_attr(arena, make_web_name(arena, hidden), intern(c->unit->atoms, "dtype"));
    struct node *to = make_attr(arena, read->kid[0], intern(c->unit->atoms, "to"));
    read->kid[0] = node_make(arena, NODE_CALL, NULL, 2, to, dtype);
}

/* The statement of the reader as one of the model, before the loop; its variables are new. */
static bool read_before_loop(struct chain *c, struct node *stmt, bool module) {
    struct arena *arena = c->unit->arena;
    struct web *hidden = module ? hidden_before_loop(c) : NULL;
    uint32_t index;
    struct node *block = find_block(c->model->body, c->loop, &index);
    if (block == NULL || (module && hidden == NULL))
        return false;
    pass_record_because(c->unit, REASON_TABLE_ONCE, stmt, c->reader);
    struct node *copy = node_copy(arena, stmt);
    copy->comments = NULL;
    struct node *value = copy->kid[0];
    value->kid[0]->kid[0] = self_of(c, c->model);
    if (module)
        value->callsite = same_site(c->unit, value->callsite, c->model);
    for (uint32_t i = 1; i < value->nkids; i++) {
        struct node **slot = value->kid[i]->kind == NODE_KEYWORD ? &value->kid[i]->kid[0] : &value->kid[i];
        bool positions = (*slot)->kind == NODE_NAME && (*slot)->web == c->read_at;
        *slot = make_web_name(arena, positions ? c->positions : hidden);
    }
    if (!module)
        cast_row(c, copy, stmt->kid[1]->web);
    bool tuple = copy->kid[1]->kind == NODE_TUPLE;
    for (uint32_t i = 0; i < (tuple ? copy->kid[1]->nkids : 1); i++) {
        struct node **target = tuple ? &copy->kid[1]->kid[i] : &copy->kid[1];
        struct web *old = (*target)->web, *w = NEW(arena, struct web);
        *w = (struct web){.kind = tuple ? WEB_ELEMENT : WEB_ASSIGN, .name = old->name, .abs = old->abs};
        w->element = i;
        w->stmt = copy;
        w->expr = copy->kid[0];
        *target = make_web_name(arena, w);
        struct web *param = hand_down(c, w);
        struct node *handed =
            node_make(arena, NODE_ASSIGN, NULL, 2, make_web_name(arena, param), make_web_name(arena, old));
        old->kind = WEB_ASSIGN;
        old->stmt = handed;
        old->expr = handed->kid[0];
        uint32_t at;
        struct node *here = find_block(c->reader->body, stmt, &at);
        node_insert(arena, here, at + 1 + i, handed);
    }
    node_insert(arena, block, index, copy);
    return true;
}

static bool lift_statement(struct chain *c, struct node *stmt) {
    struct attr *buffer = table_read(c->reader, stmt, &c->read_at), *module = NULL;
    if (buffer == NULL)
        module = module_call(c->reader, stmt, &c->read_at);
    if ((!buffer && !module) || !find_chain(c) || (module && !hidden_before_loop(c)))
        return false;
    const struct node *init = init_of(c->model)->body;
    for (c->at = init->nkids; c->at > 0 && is_setup(init->kid[c->at - 1]);)
        c->at--;
    uint32_t from = c->at;
    if (!(buffer ? move_buffer(c, buffer) : move_module(c, module)) || !read_before_loop(c, stmt, module != NULL))
        return false;
    if (buffer && c->at > from + 1)
        init->kid[from]->flags |= NF_BLANK;
    if (module)
        drop_stores(init_of(c->reader)->body, module->name);
    return true;
}

void lift_tables(struct unit *unit) {
    struct functions all = {0};
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++) {
        struct chain c = {.unit = unit, .all = &all, .reader = all.list.at[i]};
        struct node *body = c.reader->body;
        for (uint32_t k = 0; c.reader->owner && k < body->nkids;)
            if (lift_statement(&c, body->kid[k]))
                node_remove(body, k);
            else
                k++;
    }
}
