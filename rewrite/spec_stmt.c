/* spec_stmt.c - specialisation of statements: loops, effects, blocks. */
#include <string.h>

#include "base/text.h"
#include "rewrite/spec.h"

/* What stands behind a line of a helper speaks of the helper: it does not move with the line. */
static struct comments *without_remark(struct frame *f, struct comments *comments) {
    if (comments == NULL || comments->trailing == NULL)
        return comments;
    struct comments *kept = NEW(f->unit->arena, struct comments);
    *kept = *comments;
    kept->trailing = NULL;
    return kept;
}

struct node *emit(struct frame *f, struct node *stmt, struct node *at) {
    at_node(f, stmt, at);
    if (at && node_is_stmt(at)) {
        stmt->comments = f->unfolded ? without_remark(f, at->comments) : at->comments;
        stmt->flags |= at->flags & NF_BLANK;
    }
    node_add(f->unit->arena, f->out, stmt);
    return stmt;
}

void map_copy(struct arena *arena, struct map *to, const struct map *from) {
    memset(to, 0, sizeof *to);
    for (uint32_t i = 0; i < from->len; i++)
        map_put(arena, to, from->entry[i].key, from->entry[i].value);
}

static void refuse_stmt(struct frame *f, struct node *stmt) {
    diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, stmt->span, "statement",
        "a `%s` statement is not understood here", node_kind_name(stmt->kind));
    if (f->unit->options.partial)
        emit(f, node_copy(f->unit->arena, stmt), stmt);
    else
        f->unit->failed = true;
}

/* -- loops --------------------------------------------------------------------------------------------------------- */

enum { LOOP_ROUNDS = 6 };

/* Lists and dictionaries that the body hands to something: a helper may change them. */
static void collect_handed(struct frame *f, const struct node *n, struct map *names) {
    if (n == NULL)
        return;
    for (uint32_t i = 1; n->kind == NODE_CALL && i < n->nkids; i++) {
        const struct node *argument = n->kid[i]->kind == NODE_KEYWORD ? n->kid[i]->kid[0] : n->kid[i];
        const struct val *held = argument->kind == NODE_NAME ? map_get(&f->env, argument->atom) : NULL;
        if (held && is_container(held->abs))
            map_put(f->unit->arena, names, argument->atom, (void *)argument);
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        collect_handed(f, n->kid[i], names);
}

static bool breaks(const struct node *n) {
    if (n == NULL || n->kind == NODE_FOR || n->kind == NODE_WHILE)
        return false;
    if (n->kind == NODE_BREAK)
        return true;
    for (uint32_t i = 0; !node_is_expr(n) && i < n->nkids; i++)
        if (breaks(n->kid[i]))
            return true;
    return false;
}

/* The `else` of a loop follows it where no break leaves it. */
static enum flow run_loop_else(struct frame *f, struct node *stmt) {
    bool is_for = stmt->kind == NODE_FOR;
    struct node *otherwise = stmt->kid[is_for ? 3 : 2];
    if (otherwise == NULL)
        return FLOW_NEXT;
    if (breaks(stmt->kid[is_for ? 2 : 1]))
        refuse_stmt(f, stmt);
    return run_block(f, otherwise, 0);
}

/* A loop is run until what is known of its variables no longer changes; only the last run's code is kept. A variable
 * that the body does not really change is not carried. */
static enum flow run_loop(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    bool is_for = stmt->kind == NODE_FOR;
    struct val iterable = is_for ? eval(f, stmt->kid[1]) : (struct val){0};
    struct node *loop = node_make(unit->arena, stmt->kind, NULL, 0);
    struct map assigned = {0}, before = f->env;
    collect_assigned(unit, stmt->kid[is_for ? 2 : 1], &assigned);
    collect_handed(f, stmt->kid[is_for ? 2 : 1], &assigned);
    struct web **carried = NEW_ARRAY(unit->arena, struct web *, assigned.len + 1);
    bool *drop = NEW_ARRAY(unit->arena, bool, assigned.len + 1);
    const struct absval **known = NEW_ARRAY(unit->arena, const struct absval *, assigned.len + 1);
    struct node *body = NULL, *out = f->out, *target = NULL, *test = NULL;
    const struct assumption *assumed = f->assumed;
    f->assumed = NULL; /* a layer of this loop is another than the one of a loop around it */
    struct account_point start = account_point(unit);
    for (uint32_t round = 0; round < LOOP_ROUNDS; round++) {
        map_copy(unit->arena, &f->env, &before);
        account_rewind(unit, start);
        for (uint32_t i = 0; i < assigned.len; i++) {
            const struct val *init = map_get(&before, assigned.entry[i].key);
            carried[i] = NULL;
            if (init == NULL || drop[i])
                continue;
            known[i] = known[i] ? known[i] : init->abs;
            if (known[i]->kind == ABS_CONST && round == 0)
                continue; /* optimistic: stays constant */
            carried[i] = web_new(f, WEB_LOOP, init->web ? init->web->name : assigned.entry[i].key, known[i]);
            carried[i]->stmt = loop;
            env_set(f, assigned.entry[i].key, (struct val){.abs = known[i], .web = carried[i]});
        }
        body = f->out = node_new(unit->arena, NODE_BLOCK);
        f->conditional++;
        if (is_for) {
            bind_target(f, stmt->kid[0], abs_element(f, iterable.abs), loop);
            target = copy_target(f, stmt->kid[0]);
            run_block(f, stmt->kid[2], 0);
        } else {
            test = eval(f, stmt->kid[0]).expr;
            run_block(f, stmt->kid[1], 0);
        }
        f->conditional--;
        bool stable = true;
        for (uint32_t i = 0; i < assigned.len; i++) {
            const struct val *init = map_get(&before, assigned.entry[i].key);
            const struct val *end = map_get(&f->env, assigned.entry[i].key);
            if (init == NULL || drop[i])
                continue;
            bool unchanged = carried[i] ? end->web == carried[i] && end->abs == carried[i]->abs &&
                                              abs_equal(known[i], init->abs) /* and nothing of it is forgotten */
                                        : abs_equal(end->abs, init->abs) && end->abs->kind == ABS_CONST;
            if (unchanged) {
                stable &= carried[i] == NULL;
                drop[i] = carried[i] != NULL;
                continue;
            }
            const struct absval *joined = abs_summary(unit, abs_join(unit, known[i], end->abs));
            stable &= carried[i] != NULL && abs_equal(joined, known[i]);
            known[i] = joined;
        }
        f->out = out;
        if (stable)
            break;
    }
    f->assumed = assumed;
    struct map after = f->env;
    map_copy(unit->arena, &f->env, &before);
    for (uint32_t i = 0; i < after.len; i++) /* first bound in the loop: visible after it */
        if (!map_has(&before, after.entry[i].key))
            map_put(unit->arena, &f->env, after.entry[i].key, after.entry[i].value);
    for (uint32_t i = 0; i < assigned.len; i++) {
        const struct val *init = map_get(&before, assigned.entry[i].key);
        const struct val *end = map_get(&after, assigned.entry[i].key);
        if (carried[i] == NULL || init == NULL)
            continue;
        carried[i]->from[0] = web_in_block(f, f->out, assigned.entry[i].key, init);
        carried[i]->from[1] = web_in_block(f, body, assigned.entry[i].key, end);
        carried[i]->abs = known[i];
        phi_add(f->unit->arena, loop, carried[i]);
        env_set(f, assigned.entry[i].key, (struct val){.abs = known[i], .web = carried[i]});
    }
    if (is_for) {
        drop_constant_lists(f, &target, &iterable.expr, body);
        node_add(unit->arena, loop, target);
        node_add(unit->arena, loop, iterable.expr);
    } else {
        node_add(unit->arena, loop, test);
    }
    node_add(unit->arena, loop, body);
    node_add(unit->arena, loop, NULL);
    emit(f, loop, stmt);
    return run_loop_else(f, stmt);
}

/* -- simple statements --------------------------------------------------------------------------------------------- */

/* In-place tensor methods that have a twin which returns the result. */
static bool has_pure_twin(const char *name, size_t len) {
    static const char *const twins[] = {"clamp", "clamp_min", "clamp_max", "mul", "add", "sub", "div", "masked_fill",
        "scatter", "scatter_add", "index_add", "relu", "sigmoid", "tanh", "sqrt", "rsqrt", "exp", "pow", "neg",
        "unsqueeze", "squeeze", "transpose", "lerp", "addcmul", "abs", "round", "floor", "index_copy", "softmax",
        "tril", "triu", "bitwise_or", "bitwise_and", "bitwise_xor", "bitwise_not", "logical_or", "logical_and",
        "logical_xor", "logical_not"};
    for (size_t i = 0; i < sizeof twins / sizeof twins[0]; i++)
        if (strlen(twins[i]) == len && strncmp(twins[i], name, len) == 0)
            return true;
    return false;
}

atom pure_twin(struct frame *f, atom method) {
    size_t len = strlen(method);
    return len > 1 && method[len - 1] == '_' && has_pure_twin(method, len - 1)
               ? intern_len(f->unit->atoms, method, len - 1)
               : NULL;
}

/* What a name holds before a statement that changes it in place. */
static struct val held_by(const struct frame *f, const struct node *target) {
    const struct val *held = target->kind == NODE_NAME ? map_get(&f->env, target->atom) : NULL;
    return held ? *held : (struct val){0};
}

/* `name` has a new value, which is the object that it had before, changed. */
static void note_object(struct frame *f, struct val before, atom name) {
    const struct val *now = map_get(&f->env, name);
    if (now->web && now->web->stmt && before.abs)
        note_change(f->unit, now->web->stmt, val_expr(f, &before), now->web);
}

/* The same where it surely is an object: its other names hold what this one holds now. */
static void object_became(struct frame *f, struct val before, atom name) {
    note_object(f, before, name);
    if (before.web)
        names_become(f, before.web, *(const struct val *)map_get(&f->env, name));
}

/* `x.clamp_(...)` as a statement is `x = x.clamp(...)`. */
static bool run_in_place(struct frame *f, struct node *stmt) {
    struct node *call = stmt->kid[0], *method = call->kind == NODE_CALL ? call->kid[0] : NULL;
    if (!is_kind(method, NODE_ATTRIBUTE) || method->kid[0]->kind != NODE_NAME || method->atom == NULL)
        return false;
    atom twin = pure_twin(f, method->atom);
    if (twin == NULL)
        return false;
    struct node *pure = node_copy(f->unit->arena, call);
    pure->kid[0]->atom = twin;
    const struct val before = held_by(f, method->kid[0]);
    emit_assign(f, method->kid[0]->atom, eval(f, pure), stmt);
    object_became(f, before, method->kid[0]->atom);
    return true;
}

/* `self.xs.append(v)`: the attribute has one more kind of item. */
static bool run_attribute_mutation(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE ||
        call->kid[0]->kid[0]->kind != NODE_ATTRIBUTE || !atom_is(call->kid[0]->atom, "append"))
        return false;
    struct node *place = call->kid[0]->kid[0];
    struct val object = eval(f, place->kid[0]);
    struct attr *attr = object.abs->kind == ABS_INSTANCE ? class_attr(object.abs->cls, place->atom) : NULL;
    if (attr == NULL)
        return false;
    struct args args = {0};
    eval_args(f, call, &args);
    struct absval *seq = abs_new(unit, ABS_SEQ);
    bool empty = attr->abs->kind != ABS_SEQ || attr->abs->element->kind == ABS_TOP;
    seq->element = abs_join(unit, empty ? NULL : attr->abs->element, abs_summary(unit, args.list.at[0].val.abs));
    attr->abs = seq;
    attr->stores++;
    struct node *callee = make_attr(unit->arena, eval(f, place).expr, call->kid[0]->atom);
    emit(f, node_make(unit->arena, NODE_EXPR, NULL, 1, build_call(f, callee, &args, call)), stmt);
    return true;
}

static struct val val_string(struct frame *f, atom text) {
    struct node *string = make_string(f->unit->arena, f->unit->atoms, text);
    return val_make(abs_const(f->unit, string), string);
}

/* A dictionary after `d.update(other, key=v)`. */
static const struct absval *updated(struct frame *f, const struct absval *d, const struct args *args) {
    const struct val unknown = {.abs = abs_simple(ABS_NOTNONE)};
    for (uint32_t i = 0; i < args->list.len; i++) {
        const struct arg *a = &args->list.at[i];
        const struct absval *other = a->keyword ? NULL : a->val.abs;
        bool known = other && other->kind == ABS_DICT && other->element == NULL;
        if (a->keyword)
            d = store_item(f, d, val_string(f, a->keyword), a->val);
        for (uint32_t k = 0; known && k < other->count; k++)
            d = store_item(f, d, val_string(f, other->key[k]), other->item[k]);
        if (other && !known)
            d = store_item(f, d, unknown, unknown);
    }
    return d;
}

/* `d.setdefault(key, v)` of a dictionary that is known is `d[key] = v`, or nothing. */
static bool run_setdefault(struct frame *f, struct node *stmt) {
    struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->nkids != 3 || call->kid[0]->kind != NODE_ATTRIBUTE ||
        call->kid[0]->kid[0]->kind != NODE_NAME || !atom_is(call->kid[0]->atom, "setdefault") ||
        call->kid[1]->kind != NODE_STRING)
        return false;
    struct val object = eval(f, call->kid[0]->kid[0]);
    if (object.abs->kind != ABS_DICT || object.abs->element)
        return false;
    struct node *place = node_make(f->unit->arena, NODE_SUBSCRIPT, NULL, 2, call->kid[0]->kid[0], call->kid[1]);
    if (!has_key(object.abs, string_value(f->unit->atoms, call->kid[1])))
        assign_target(f, place, eval(f, call->kid[2]), stmt);
    return true;
}

/* What is known of a list or dictionary after a method has changed it. */
static const struct absval *mutated(struct frame *f, const struct absval *a, atom method, const struct args *args) {
    if (!word_in(method, "append extend update insert"))
        return forgotten(f, a);
    if (a->kind == ABS_DICT)
        return updated(f, a, args);
    if (a->kind != ABS_SEQ && a->kind != ABS_LIST)
        return a;
    struct absval *seq = abs_new(f->unit, ABS_SEQ);
    seq->element = a->kind == ABS_SEQ || a->count ? abs_element(f, a) : abs_simple(ABS_BOTTOM);
    if (args->list.len)
        seq->element = abs_join(f->unit, seq->element, abs_summary(f->unit, args->list.at[args->list.len - 1].val.abs));
    return seq;
}

/* `d.pop("key")` of a dictionary that is known, which is followed where it is called; what a branch may take out is
 * taken out when it runs. */
static bool pops_known(struct frame *f, const struct val *object, atom method, const struct args *args) {
    if (object->abs->kind != ABS_DICT || !atom_is(method, "pop"))
        return false;
    atom key = constant_string(f, arg_find(args, 0, NULL));
    return key && !(f->conditional && has_key(object->abs, key));
}

/* `xs.append(v)`: a new version of xs. */
static bool run_mutation(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE || call->kid[0]->kid[0]->kind != NODE_NAME ||
        !mutates_list(call->kid[0]->atom))
        return false;
    struct val object = eval(f, call->kid[0]->kid[0]);
    if (object.expr->kind != NODE_NAME || object.expr->web == NULL)
        return false;
    atom method = call->kid[0]->atom;
    struct args args = {0};
    eval_args(f, call, &args);
    if (pops_known(f, &object, method, &args))
        return false;
    struct node *callee = make_attr(unit->arena, object.expr, method);
    struct node *made = node_make(unit->arena, NODE_EXPR, NULL, 1, build_call(f, callee, &args, call));
    emit(f, made, stmt);
    new_version(f, call->kid[0]->kid[0]->atom, object.expr->web, mutated(f, object.abs, method, &args), made);
    return true;
}

/* `logger.warning(...)` of a logger that is None, by a fact. */
static bool runs_nothing(struct frame *f, const struct node *stmt) {
    const struct node *call = stmt->kid[0];
    if (call->kind != NODE_CALL || call->kid[0]->kind != NODE_ATTRIBUTE || call->kid[0]->kid[0]->kind != NODE_NAME)
        return false;
    return abs_is_none(eval(f, call->kid[0]->kid[0]).abs);
}

static void run_expr(struct frame *f, struct node *stmt) {
    if (is_bare_string(stmt) || runs_nothing(f, stmt) || run_in_place(f, stmt) || run_setdefault(f, stmt) ||
        run_mutation(f, stmt) || run_attribute_mutation(f, stmt))
        return;
    const struct node *callee = stmt->kid[0]->kind == NODE_CALL ? stmt->kid[0]->kid[0] : NULL;
    struct val v = eval(f, stmt->kid[0]);
    if (v.expr->kind != NODE_CALL)
        return;
    struct node *made = emit(f, node_make(f->unit->arena, NODE_EXPR, NULL, 1, v.expr), stmt);
    if (is_kind(callee, NODE_ATTRIBUTE) && mutates_list(callee->atom))
        inner_changes(f, callee->kid[0], made);
}

/* `xs[i] += v` changes what the list holds there. */
static void note_element(struct frame *f, const struct node *target, const struct node *element) {
    const struct absval *list = held_by(f, target->kid[0]).abs;
    if (list && is_container(list) && f->out->nkids > 0)
        note_change(f->unit, f->out->kid[f->out->nkids - 1], element, held_base(f, target));
}

static void run_augassign(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct node *sum = node_make(unit->arena, NODE_BINOP, NULL, 2, node_copy(unit->arena, stmt->kid[0]), stmt->kid[1]);
    sum->op = stmt->op;
    sum->span = stmt->span;
    sum->source = stmt->source;
    const struct val before = held_by(f, stmt->kid[0]), after = eval(f, sum);
    assign_target(f, stmt->kid[0], after, stmt);
    enum abs_kind kind = before.web ? before.abs->kind : ABS_CONST;
    if (kind == ABS_LIST || kind == ABS_DICT || kind == ABS_TENSOR)
        object_became(f, before, stmt->kid[0]->atom);
    else if (kind == ABS_TOP || kind == ABS_NOTNONE) /* if it is a tensor */
        note_object(f, before, stmt->kid[0]->atom);
    if (stmt->kid[0]->kind == NODE_SUBSCRIPT && after.expr->kind == NODE_BINOP)
        note_element(f, stmt->kid[0], after.expr->kid[0]);
}

static bool drops_context(const struct node *item, struct val v) {
    return item->kid[1] == NULL && v.abs->kind == ABS_OBJECT && qual_ends(v.abs->qual, "adgen.context");
}

/* A context that is not understood, where gaps are allowed: it stays around its block. */
static struct node *keep_context(struct frame *f, const struct node *item, struct val v, struct node *with) {
    struct unit *unit = f->unit;
    if (with == NULL)
        with = node_make(unit->arena, NODE_WITH, NULL, 1, node_new(unit->arena, NODE_BLOCK));
    struct node *target = NULL;
    if (item->kid[1]) {
        bind_target(f, item->kid[1], abs_simple(ABS_TOP), with);
        target = copy_target(f, item->kid[1]);
    }
    node_add(unit->arena, with, node_make(unit->arena, NODE_WITHITEM, NULL, 2, v.expr, target));
    return with;
}

static enum flow run_in_context(struct frame *f, struct node *stmt, struct node *with) {
    struct node *out = f->out;
    f->out = with->kid[0];
    enum flow flow = run_block(f, stmt->kid[0], 0);
    f->out = out;
    emit(f, with, stmt);
    return flow;
}

static enum flow run_with(struct frame *f, struct node *stmt) {
    struct node *with = NULL;
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        struct val v = eval(f, stmt->kid[i]->kid[0]);
        if (drops_context(stmt->kid[i], v)) {
            account_decided(f->unit, stmt->kid[i], abs_because(v.abs));
            continue;
        }
        struct diag *d = diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, stmt->kid[i]->span,
            "context", "this context manager may change what its block computes");
        diag_help(f->unit->diags, d, "say in rules/prefill.yaml under `contexts` that it does not");
        if (f->unit->options.partial)
            with = keep_context(f, stmt->kid[i], v, with);
        else
            f->unit->failed = true;
    }
    return with ? run_in_context(f, stmt, with) : run_block(f, stmt->kid[0], 0);
}

/* A model that returns a tensor, or an entry that returns a tuple, returns a ModelOutput in the output. */
static struct val wrap_output(struct frame *f, struct val v) {
    struct unit *unit = f->unit;
    struct cls *owner = f->fn->owner;
    if (f->unfolded || !owner || !atom_is(f->fn->name, "forward") || !class_derives(owner, "PreTrainedModel"))
        return v;
    bool entry = owner == unit->entry;
    if (entry && v.abs->kind == ABS_TUPLE && v.abs->count > 0)
        v = element_of(f, v.expr->kind == NODE_TUPLE ? val_make(v.abs, v.expr) : v, 0);
    if (v.abs->kind != ABS_TENSOR)
        return v;
    if (v.expr->kind == NODE_SUBSCRIPT && v.expr->kid[0]->kind == NODE_TUPLE)
        v.expr = v.expr->kid[0]->kid[0];
    f->fn->wraps = !entry;
    struct absval *r = abs_new(unit, ABS_RECORD);
    r->qual = intern(unit->atoms, entry ? "CausalLMOutput" : "BaseModelOutput");
    r->item = NEW_ARRAY(unit->arena, struct val, 1);
    r->key = NEW_ARRAY(unit->arena, atom, 1);
    r->count = 1;
    r->key[0] = intern(unit->atoms, entry ? "logits" : "last_hidden_state");
    r->item[0] = v;
    struct node *field = node_make(unit->arena, NODE_KEYWORD, r->key[0], 1, v.expr);
    return val_make(r, node_make(unit->arena, NODE_CALL, NULL, 2, make_name(unit->arena, r->qual), field));
}

static enum flow run_return(struct frame *f, struct node *stmt) {
    struct val v = wrap_output(f, stmt->kid[0] ? eval(f, stmt->kid[0]) : val_const(f, OP_NONE));
    if (f->unfolded) {
        f->ret = v;
        return FLOW_RETURN;
    }
    bool sequence = v.expr->kind == NODE_NAME && (v.abs->kind == ABS_TUPLE || v.abs->kind == ABS_LIST);
    struct node *display = sequence ? display_of(f, v.abs) : NULL;
    v.expr = display ? display : v.expr; /* so that each element has readers of its own */
    f->ret.abs = abs_join(f->unit, f->ret.abs, v.abs);
    emit(f, node_make(f->unit->arena, NODE_RETURN, NULL, 1, v.expr), stmt);
    return FLOW_RETURN;
}

static void define_function(struct frame *f, struct node *stmt) {
    struct unit *unit = f->unit;
    struct absval *a = abs_new(unit, ABS_FUNCTION);
    a->fn = fn_make(unit, f->fn->module, stmt, NULL);
    struct map *closure = NEW(unit->arena, struct map);
    map_copy(unit->arena, closure, &f->env);
    a->fn->closure = closure;
    env_set(f, stmt->atom, (struct val){.abs = a, .expr = make_name(unit->arena, stmt->atom)});
}

static void run_assign(struct frame *f, struct node *stmt) {
    bool unpacks = stmt->kid[1]->kind == NODE_TUPLE || stmt->kid[1]->kind == NODE_LIST;
    struct val v = unpacks ? eval_unpacked(f, stmt->kid[0]) : eval(f, stmt->kid[0]);
    for (uint32_t i = 1; i < stmt->nkids; i++) {
        struct val each = v;
        if (i > 1)
            each.expr = node_copy(f->unit->arena, v.expr);
        assign_target(f, stmt->kid[i], each, i == 1 ? stmt : NULL);
    }
}

/* What may be caught happens or does not when the model runs, except that what can be imported is known. */
static bool catches_imports(const struct node *handler) {
    const struct node *type = handler->kid[0];
    return is_kind(type, NODE_NAME) && word_in(type->atom, "ImportError ModuleNotFoundError");
}

static void refuse_try(struct frame *f, struct node *stmt, const struct node *handler) {
    diag_at(f->unit->diags, unit_refusal(f->unit), f->fn->module->source, handler->span, "statement",
        "whether this catches something when the model runs is not known");
    if (f->unit->options.partial)
        emit(f, node_copy(f->unit->arena, stmt), stmt);
    else
        f->unit->failed = true;
}

/* A check that does more than to check. */
static bool has_effect(const struct node *n) {
    if (n == NULL)
        return false;
    if (n->kind == NODE_NAMEDEXPR ||
        (n->kind == NODE_CALL && n->kid[0]->kind == NODE_ATTRIBUTE && mutates_list(n->kid[0]->atom)))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (has_effect(n->kid[i]))
            return true;
    return false;
}

/* The body runs to its end: then what follows it without an exception, and what follows in any case. */
static enum flow run_try(struct frame *f, struct node *stmt) {
    for (uint32_t i = 3; i < stmt->nkids; i++) {
        if (!catches_imports(stmt->kid[i])) {
            refuse_try(f, stmt, stmt->kid[i]);
            return FLOW_NEXT;
        }
        account_decided(f->unit, stmt->kid[i], REASON_HANDLER);
    }
    enum flow flow = run_block(f, stmt->kid[0], 0);
    for (uint32_t i = 1; i < 3; i++)
        if (stmt->kid[i] && (flow == FLOW_NEXT || i == 2)) {
            enum flow next = run_block(f, stmt->kid[i], 0);
            flow = next == FLOW_NEXT ? flow : next;
        }
    return flow;
}

static enum flow drop_stmt(struct frame *f, struct node *stmt, enum flow flow, reason because) {
    account_decided(f->unit, stmt, because);
    return flow;
}

/* `del d[key]` of a dictionary that is known, where it surely runs; false for anything else. */
static bool forget_key(struct frame *f, struct node *target) {
    if (target->kind != NODE_SUBSCRIPT || target->kid[0]->kind != NODE_NAME || f->conditional)
        return false;
    struct val object = eval(f, target->kid[0]), key = eval(f, target->kid[1]);
    if (object.abs->kind != ABS_DICT || object.abs->element || object.web == NULL || key.abs->kind != ABS_CONST ||
        key.abs->constant->kind != NODE_STRING)
        return false;
    becomes(f, object, drop_item(f, object.abs, string_value(f->unit->atoms, key.abs->constant)));
    return true;
}

/* What a variable stands for may be forgotten; what a module or a list holds may not. */
static enum flow run_delete(struct frame *f, struct node *stmt) {
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (stmt->kid[i]->kind != NODE_NAME && !forget_key(f, stmt->kid[i]))
            refuse_stmt(f, stmt);
    return drop_stmt(f, stmt, FLOW_NEXT, REASON_NO_EFFECT);
}

static enum flow run_stmt(struct frame *f, struct node *stmt, struct node *rest, uint32_t from) {
    switch (stmt->kind) {
    case NODE_ASSIGN: run_assign(f, stmt); return FLOW_NEXT;
    case NODE_ANNASSIGN:
        if (stmt->kid[2] == NULL)
            return drop_stmt(f, stmt, FLOW_NEXT, REASON_NO_EFFECT);
        assign_target(f, stmt->kid[0], eval(f, stmt->kid[2]), stmt);
        return FLOW_NEXT;
    case NODE_AUGASSIGN: run_augassign(f, stmt); return FLOW_NEXT;
    case NODE_EXPR: run_expr(f, stmt); return FLOW_NEXT;
    case NODE_RETURN: return run_return(f, stmt);
    case NODE_IF: return run_if(f, stmt, rest, from);
    case NODE_FOR:
        if (run_over_keys(f, stmt))
            return FLOW_NEXT;
        return run_loop(f, stmt);
    case NODE_WHILE: return run_loop(f, stmt);
    case NODE_WITH: return run_with(f, stmt);
    case NODE_RAISE: return drop_stmt(f, stmt, FLOW_RAISE, REASON_CHECK);
    case NODE_BREAK: emit(f, node_new(f->unit->arena, NODE_BREAK), stmt); return FLOW_BREAK;
    case NODE_CONTINUE: emit(f, node_new(f->unit->arena, NODE_CONTINUE), stmt); return FLOW_CONTINUE;
    case NODE_TRY: return run_try(f, stmt);
    case NODE_FUNCTION: define_function(f, stmt); return FLOW_NEXT;
    case NODE_ASSERT:
        if (has_effect(stmt))
            refuse_stmt(f, stmt);
        note_sizes(f, stmt->kid[0]);
        return drop_stmt(f, stmt, FLOW_NEXT, REASON_CHECK);
    case NODE_PASS: return drop_stmt(f, stmt, FLOW_NEXT, REASON_NO_EFFECT);
    case NODE_DELETE: return run_delete(f, stmt);
    case NODE_GLOBAL:
        for (uint32_t i = 0; i < stmt->nkids; i++)
            map_put(f->unit->arena, &f->globals, stmt->kid[i]->atom, stmt);
        return FLOW_NEXT;
    case NODE_IMPORT:
    case NODE_IMPORTFROM:
        if (!declare_local_import(f->unit, f->fn->module, stmt))
            refuse_stmt(f, stmt);
        return drop_stmt(f, stmt, FLOW_NEXT, REASON_IMPORTS);
    default: refuse_stmt(f, stmt); return FLOW_NEXT;
    }
}

/* Why a statement always leaves the block. */
static reason why_it_leaves(struct frame *f, const struct node *stmt) {
    const struct account *a = f->unit->account;
    for (uint32_t i = a->decided.len; stmt->kind == NODE_IF && i-- > 0;)
        if (a->decided.at[i].span.start == stmt->kid[0]->span.start &&
            a->decided.at[i].span.end == stmt->kid[0]->span.end)
            return a->decided.at[i].because;
    return stmt->kind == NODE_IF ? REASON_NONE : REASON_LEFT;
}

/* Nothing behind a statement that always leaves the block is run; an IF of which both branches do has run it. */
static void leave_block(struct frame *f, const struct node *block, uint32_t at) {
    reason because = f->unit->account ? why_it_leaves(f, block->kid[at]) : REASON_NONE;
    for (uint32_t i = at + 1; because && i < block->nkids; i++)
        account_decided(f->unit, block->kid[i], because);
}

enum flow run_block(struct frame *f, struct node *block, uint32_t from) {
    for (uint32_t i = from; i < block->nkids && !f->unit->restart; i++) {
        enum flow flow = run_stmt(f, block->kid[i], block, i + 1);
        if (flow != FLOW_NEXT) {
            leave_block(f, block, i);
            return flow;
        }
    }
    return FLOW_NEXT;
}
