/* experts.c - experts become modules of their own, and the loop over them one op.
 *
 * Reads   the residual program after the equations, in which a turn of a loop over experts is adgen.expert_step.
 * Writes  a loop of which all is known (expert_loop.c) becomes torch_moe. The class that held the weights of all
 *         experts as stacked tensors becomes a list of modules, one an expert; the parts of the stacked tensors are
 *         their linear layers, and say which part they are, for the published paths. A small class for these modules
 *         is made. Where the op for the gated unit wants stacked weights, torch_moe_dense_mlp, they stay. Modules that
 *         compute something that no op knows are called for all tokens, in plain PyTorch (expert_plain.c).
 * Guarantees  what is not understood stays as it is, and is refused by the check. */
#include <string.h>

#include "rewrite/elaborate.h"
#include "rewrite/expert_loop.h"
#include "rewrite/passes.h"
#include "rewrite/swap.h"
#include "rewrite/symbolic.h"

/* -- what stands in the way ---------------------------------------------------------------------------------------- */

static uint32_t count_reads(const struct node *n, const struct cls *cls, atom name) {
    if (n == NULL)
        return 0;
    const struct absval *object = n->kind == NODE_ATTRIBUTE ? n->kid[0]->abs : NULL;
    bool other = object && object->kind == ABS_INSTANCE && object->cls != cls;
    uint32_t count = n->kind == NODE_ATTRIBUTE && n->atom == name && !other;
    for (uint32_t i = 0; i < n->nkids; i++)
        count += count_reads(n->kid[i], cls, name);
    return count;
}

/* Whether nothing but the loop reads the attribute; one more place is where it is stored. */
static bool is_read_there(struct unit *unit, const struct expert_loop *l, const struct attr *attr) {
    const struct cls *cls = l->fn->owner;
    struct functions all = {0};
    uint32_t count = 0, there = count_reads(l->step, cls, attr->name);
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        count += count_reads(all.list.at[i]->body, cls, attr->name);
    return count == (there ? there : 1) + 1;
}

static bool is_plain_module(const struct cls *cls) {
    return cls->bases.len == 0 && cls->library_bases.len == 1 && qual_ends(cls->library_bases.at[0], "nn.Module") &&
           cls->dynamic == NULL;
}

/* super().__init__(...) */
static bool is_base_call(const struct node *stmt) {
    const struct node *call = stmt->kind == NODE_EXPR ? stmt->kid[0] : NULL;
    return is_kind(call, NODE_CALL) && is_super_call(call->kid[0]) && atom_is(call->kid[0]->atom, "__init__");
}

static int find_base_call(const struct node *body) {
    for (uint32_t i = 0; i < body->nkids; i++)
        if (is_base_call(body->kid[i]))
            return (int)i;
    return -1;
}

/* The attribute of the loop's class that goes with what it holds. */
static struct attr *held_by(const struct stacked *s) {
    return s->holder ? s->holder : s->attr;
}

/* Whether the attribute can go: its store stands in the constructor itself, and nothing but the loop reads it. */
static bool is_for_loop_alone(struct unit *unit, const struct expert_loop *l, const struct stacked *s) {
    const struct attr *attr = held_by(s);
    return child_index(class_method(l->fn->owner, "__init__")->body, attr->stmt) >= 0 && is_read_there(unit, l, attr);
}

/* Whether the class can be a list of what the stacked weights are made of. */
static bool can_be_list(struct unit *unit, const struct expert_loop *l) {
    const struct cls *cls = l->fn->owner;
    const struct fn *init = class_method(cls, "__init__");
    return is_plain_module(cls) && init && init->body && find_base_call(init->body) >= 0 &&
           (l->without_gate || is_for_loop_alone(unit, l, &l->gate)) && is_for_loop_alone(unit, l, &l->up) &&
           is_for_loop_alone(unit, l, &l->down);
}

static bool can_gather(struct unit *unit, const struct expert_loop *l) {
    const struct node *name = activation_name(l->act.attr);
    return can_be_list(unit, l) && name && (l->act.holder == NULL || symbol_of(unit, name)) &&
           is_for_loop_alone(unit, l, &l->act);
}

/* -- the class of one expert --------------------------------------------------------------------------------------- */

/* MapleExperts are each a MapleExpert. */
static atom expert_name(struct unit *unit, const struct cls *cls) {
    size_t len = strlen(cls->name);
    bool plural = len > 1 && cls->name[len - 1] == 's';
    atom name = plural ? intern_len(unit->atoms, cls->name, len - 1) : intern_printf(unit->atoms, "%sItem", cls->name);
    for (uint32_t k = 2; module_lookup(cls->module, name); k++)
        name = intern_printf(unit->atoms, "%s%u", name, k);
    return name;
}

/* Whether the file calls torch.nn nn. */
static bool knows_nn(const struct unit *unit, const struct module *module) {
    const struct symbol *symbol = module_lookup(module, intern(unit->atoms, "nn"));
    return symbol && symbol->kind == SYM_IMPORT && atom_is(symbol->qual, "torch.nn");
}

static struct cls *make_expert(struct unit *unit, const struct cls *cls, bool gate) {
    const char *linear = knows_nn(unit, cls->module) ? "nn.Linear" : "torch.nn.Linear", *first = "";
    if (gate)
        first = arena_printf(
            unit->arena, "        self.gate_proj = %s(hidden_size, intermediate_size, bias=False)\n", linear);
    return define_class(unit, cls->module, expert_name(unit, cls),
        arena_printf(unit->arena,
            "class _(torch.nn.Module):\n"
            "    def __init__(self, hidden_size: int, intermediate_size: int):\n"
            "        super().__init__()\n%s"
            "        self.up_proj = %s(hidden_size, intermediate_size, bias=False)\n"
            "        self.down_proj = %s(intermediate_size, hidden_size, bias=False)\n",
            first, linear, linear));
}

/* -- the class of all ---------------------------------------------------------------------------------------------- */

/* Several parts may have been in the same attribute. */
static void drop_attribute(struct unit *unit, struct cls *cls, const struct attr *attr) {
    struct node *body = class_method(cls, "__init__")->body;
    struct map kept = {0};
    if (class_attr_of(cls, attr->name) != attr)
        return;
    node_remove(body, (uint32_t)child_index(body, attr->stmt));
    for (uint32_t i = 0; i < cls->attrs.len; i++)
        if (cls->attrs.entry[i].value != attr)
            map_put(unit->arena, &kept, cls->attrs.entry[i].key, cls->attrs.entry[i].value);
    cls->attrs = kept;
}

/* Linear layer `name` of an expert is a part of a stacked tensor. */
static void note_part(struct unit *unit, const struct expert_loop *l, const char *name, const struct stacked *s) {
    struct attr *attr = class_attr_of(l->fn->owner->item_class, intern(unit->atoms, name));
    attr->stacked = s->holder ? intern_printf(unit->atoms, "%s.%s", s->holder->name, s->attr->name) : s->attr->name;
    attr->part = s->part;
    attr->parts = s->parts;
    attr->transposed = s->transposed;
    attr->flat = s->flat ? l->count : NULL;
}

/* `self.act_fn = ACT2FN[name]` gives the op its number. */
static atom tell_activation(struct unit *unit, struct fn *init, struct attr *act) {
    struct map names = {0};
    bind_expr(unit, &names, "_name", activation_name(act));
    struct node *made = elaborate(unit, init, &names, "_get_moe_activation(_name)\n");
    act->expr = act->stmt->kid[0] = made->kid[0]->kid[0];
    act->abs = abs_simple(ABS_NUMBER);
    unit->names_activation = true;
    return act->name;
}

/* What is known at construction, in the constructor of the class. */
static void bind_symbol(struct unit *unit, struct cls *cls, struct map *names, const char *name, struct node *symbol) {
    struct node *own = symbol_in_class(unit, cls, symbol);
    own->abs = abs_symbolic(unit, symbol);
    bind_expr(unit, names, name, own);
}

/* A new attribute for the number that the op has for what experts compute between their layers, where they have no
 * biases; its statement is the one at `at` of the constructor. */
static atom add_activation(
    struct unit *unit, struct cls *cls, struct node *activation, struct node *bias, uint32_t at) {
    struct fn *init = class_method(cls, "__init__");
    struct map names = {0};
    atom wanted = intern(unit->atoms, "act_fn"), attribute = wanted;
    for (uint32_t k = 2; class_attr_of(cls, attribute); k++)
        attribute = intern_printf(unit->atoms, "act_fn_%u", k);
    bind_symbol(unit, cls, &names, "_name", activation);
    if (bias)
        bind_symbol(unit, cls, &names, "_bias", bias);
    struct node *made = elaborate(unit, init, &names,
        arena_printf(unit->arena, "self.%s = _get_moe_activation(_name%s)\n", attribute, bias ? ", _bias" : ""));
    node_insert(unit->arena, init->body, at, made->kid[0]);
    class_attr_of(cls, attribute)->wanted = wanted;
    unit->names_activation = true;
    unit->names_bias |= bias != NULL;
    return attribute;
}

static struct node *class_name(struct unit *unit, struct cls *cls) {
    struct absval *abs = abs_new(unit, ABS_CLASS);
    struct node *name = make_name(unit->arena, cls->name);
    abs->cls = cls;
    name->abs = abs;
    return name;
}

/* The class becomes a list of modules; false where its constructor does not know their dimensions. */
static bool make_list(struct unit *unit, const struct expert_loop *l) {
    struct cls *cls = l->fn->owner;
    struct fn *init = class_method(cls, "__init__");
    struct map names = {0};
    struct node *dimension[] = {l->count, l->hidden, l->between};
    static const char *const name[] = {"_count", "_hidden", "_between"};
    for (int i = 0; i < 3; i++) {
        struct node *own = symbol_in_class(unit, cls, dimension[i]);
        if (own == NULL)
            return false;
        own->abs = abs_symbolic(unit, dimension[i]);
        bind_expr(unit, &names, name[i], own);
    }
    cls->item_class = make_expert(unit, cls, !l->without_gate);
    cls->library_bases.at[0] = intern(unit->atoms, "torch.nn.ModuleList");
    bind_expr(unit, &names, "_expert", class_name(unit, cls->item_class));
    struct node *made =
        elaborate(unit, init, &names, "super().__init__([_expert(_hidden, _between) for _ in range(_count)])\n");
    init->body->kid[find_base_call(init->body)] = made->kid[0];
    if (!l->without_gate) {
        note_part(unit, l, "gate_proj", &l->gate);
        drop_attribute(unit, cls, held_by(&l->gate));
    }
    note_part(unit, l, "up_proj", &l->up);
    note_part(unit, l, "down_proj", &l->down);
    drop_attribute(unit, cls, held_by(&l->up));
    drop_attribute(unit, cls, held_by(&l->down));
    return true;
}

bool make_expert_list(struct unit *unit, const struct expert_loop *l) {
    return can_be_list(unit, l) && make_list(unit, l);
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

/* The op over the lists of all experts' weights. */
static struct node *sum_of_modules(struct unit *unit, const struct expert_loop *l, const struct map *names) {
    struct fn *init = class_method(l->fn->owner, "__init__");
    struct node *name = l->is_silu      ? make_string(unit->arena, unit->atoms, "silu")
                        : l->act.holder ? symbol_of(unit, activation_name(l->act.attr))
                                        : NULL;
    atom activation = name ? add_activation(unit, l->fn->owner, name, NULL, (uint32_t)find_base_call(init->body) + 1)
                           : tell_activation(unit, init, l->act.attr);
    const char *before = "", *arguments = "_x, _chosen, _weights", *after = "";
    if (l->or_identity) {
        before = "is_idle = _chosen >= len(self)\n"
                 "idle_weight = _weights.masked_fill(~is_idle, 0.0).sum(-1, keepdim=True)\n"
                 "total = ";
        arguments = "_x, _chosen.masked_fill(is_idle, 0), _weights.masked_fill(is_idle, 0.0)";
        after = " + (_x * idle_weight).to(_x.dtype)";
    }
    const char *text = arena_printf(unit->arena,
        "%storch.ops.auto_deploy.torch_moe(%s,\n"
        "    w1_weight=[expert.%s.weight for expert in self],\n"
        "    w2_weight=[expert.down_proj.weight for expert in self],\n"
        "    w3_weight=%s, is_gated_mlp=%s, act_fn=self.%s%s)%s\n",
        before, arguments, l->without_gate ? "up_proj" : "gate_proj",
        l->without_gate ? "[]" : "[expert.up_proj.weight for expert in self]", l->without_gate ? "False" : "True",
        activation, l->weighs_tokens ? ", apply_routing_on_input=True" : "", after);
    return elaborate(unit, l->fn, names, text);
}

/* The op over the weights of a list of modules, which stays as it is. */
static struct node *sum_of_list(struct unit *unit, const struct expert_loop *l, struct map *names) {
    const struct expert_module *m = &l->expert;
    struct cls *cls = l->fn->owner;
    int list = child_index(class_method(cls, "__init__")->body, class_attr_of(cls, l->modules->atom)->stmt);
    atom activation = add_activation(unit, cls, m->activation, m->bias, (uint32_t)list + 1);
    const char *gate = (m->gate ? m->gate : m->up)->name;
    const char *up =
        m->gate ? arena_printf(unit->arena, "[expert.%s.weight for expert in _modules]", m->up->name) : "[]";
    const char *cast = l->sums_weights ? ".to(_weights.dtype)" : "";
    bind_expr(unit, names, "_modules", l->modules);
    return elaborate(unit, l->fn, names,
        arena_printf(unit->arena,
            "torch.ops.auto_deploy.torch_moe(_x, _chosen, _weights,\n"
            "    w1_weight=[expert.%s.weight for expert in _modules],\n"
            "    w2_weight=[expert.%s.weight for expert in _modules],\n"
            "    w3_weight=%s, is_gated_mlp=%s, act_fn=self.%s)%s\n",
            gate, m->down->name, up, m->gate ? "True" : "False", activation, cast));
}

/* The op over stacked weights, which wants a weight for every expert and token. */
static struct node *sum_of_stacked(struct unit *unit, const struct expert_loop *l, struct map *names) {
    static const char *const name[] = {
        "_gate_up", "_gate_up_bias", "_down", "_down_bias", "_alpha", "_limit", "_count"};
    for (uint32_t i = 0; i < sizeof name / sizeof name[0]; i++)
        bind_expr(unit, names, name[i], l->step->kid[CLAMPED_GATE_UP + i]);
    return elaborate(unit, l->fn, names,
        "every_weight = _weights.new_zeros(_weights.shape[0], _count).scatter_add(1, _chosen, _weights)\n"
        "torch.ops.auto_deploy.torch_moe_dense_mlp(\n"
        "    _x, every_weight, _gate_up, _gate_up_bias, _down, _down_bias, _alpha, _limit)\n");
}

static void bind_tokens(struct unit *unit, const struct expert_loop *l, struct map *names) {
    bind_expr(unit, names, "_x", l->x);
    bind_expr(unit, names, "_chosen", l->chosen);
    bind_expr(unit, names, "_weights", l->weights);
}

/* `if chosen.numel() == 0: return sum` before the loop: without tokens the op gives the same. */
static bool returns_without_tokens(const struct expert_loop *l, const struct node *stmt) {
    const struct node *test = stmt->kind == NODE_IF && stmt->kid[2] == NULL ? stmt->kid[0] : NULL;
    if (!is_kind(test, NODE_COMPARE) || test->nkids != 2 || test->ops[0] != OP_EQ || !is_int(test->kid[1], 0))
        return false;
    const struct node *count = test->kid[0], *result = stmt->kid[1]->nkids == 1 ? stmt->kid[1]->kid[0] : NULL;
    bool elements = is_method(count, "numel") && count->nkids == 1 && same_value(receiver(count), l->chosen);
    return elements && is_kind(result, NODE_RETURN) && is_kind(result->kid[0], NODE_NAME) &&
           result->kid[0]->web == l->result->from[0];
}

struct node *define_web(struct unit *unit, struct web *w, struct node *e, const struct node *like) {
    w->kind = WEB_ASSIGN;
    w->expr = e;
    w->from[0] = w->from[1] = NULL;
    e->abs = w->abs;
    w->stmt = node_make(unit->arena, NODE_ASSIGN, NULL, 2, e, make_web_name(unit->arena, w));
    w->stmt->source = e->source = like->source;
    w->stmt->span = e->span = like->span;
    w->stmt->flags = like->flags;
    w->stmt->comments = like->comments;
    return w->stmt;
}

static void replace_loop(struct unit *unit, struct expert_loop *l) {
    struct map names = {0};
    struct node *loop = l->block->kid[l->at];
    for (uint32_t i = l->at; i-- > 0;) {
        if (!returns_without_tokens(l, l->block->kid[i]))
            continue;
        pass_record(unit, "experts", l->block->kid[i], l->fn);
        node_remove(l->block, i);
        l->at--;
    }
    bind_tokens(unit, l, &names);
    struct node *made = l->plain                    ? sum_in_plain(unit, l, &names)
                        : l->modules                ? sum_of_list(unit, l, &names)
                        : l->is_silu || l->act.attr ? sum_of_modules(unit, l, &names)
                                                    : sum_of_stacked(unit, l, &names);
    l->block->kid[l->at] = define_web(unit, l->result, made->kid[made->nkids - 1]->kid[0], loop);
    l->result->stmt->comments = NULL; /* they are about a turn */
    for (uint32_t i = 0; i + 1 < made->nkids; i++)
        node_insert(unit->arena, l->block, l->at + i, made->kid[i]);
}

/* What the class must be for the op; false where it cannot. */
static bool prepare_class(struct unit *unit, const struct expert_loop *l) {
    struct cls *cls = l->fn->owner;
    if (l->plain)
        return true;
    if (l->modules)
        return symbol_in_class(unit, cls, l->expert.activation) &&
               (l->expert.bias == NULL || symbol_in_class(unit, cls, l->expert.bias));
    if (l->act.holder && !symbol_in_class(unit, cls, symbol_of(unit, activation_name(l->act.attr))))
        return false;
    return l->act.attr == NULL || (can_gather(unit, l) && make_list(unit, l));
}

/* Where no op computes an expert, this is said, and whose they are. */
static void record_loop(struct unit *unit, const struct expert_loop *l, const struct node *at) {
    if (l->plain == NULL) {
        pass_record(unit, "experts", at, l->fn);
        return;
    }
    unit->plain_experts = l->plain->name;
    pass_record_as(unit, "experts", at, l->fn,
        arena_printf(unit->arena, "call every expert for all tokens, in plain PyTorch: no operator computes `%s`",
            l->plain->name));
}

/* adgen.expert_sum and adgen.expert_batch_sum, in an expression of a statement of the block. */
static void gather_sums(struct unit *unit, struct fn *fn, struct node *block, struct node *stmt, struct node *e) {
    if (e == NULL || e->kind == NODE_BLOCK)
        return;
    for (uint32_t i = 0; i < e->nkids; i++)
        gather_sums(unit, fn, block, stmt, e->kid[i]);
    struct expert_loop sum;
    if ((!expert_sum_read(unit, fn, e, &sum) && !expert_batch_read(unit, fn, e, &sum)) || !prepare_class(unit, &sum))
        return;
    struct map names = {0};
    bind_tokens(unit, &sum, &names);
    struct node *made = sum.plain     ? sum_in_plain(unit, &sum, &names)
                        : sum.modules ? sum_of_list(unit, &sum, &names)
                                      : sum_of_modules(unit, &sum, &names);
    record_loop(unit, &sum, stmt);
    for (uint32_t i = 0; i + 1 < made->nkids; i++)
        node_insert(unit->arena, block, (uint32_t)child_index(block, stmt), made->kid[i]);
    struct node call = *made->kid[made->nkids - 1]->kid[0];
    call.source = e->source;
    call.span = e->span;
    call.abs = e->abs;
    *e = call;
}

static void gather_in(struct unit *unit, struct fn *fn, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *stmt = block->kid[i];
        struct expert_loop loop;
        if (expert_loop_read(unit, fn, block, i, &loop) && prepare_class(unit, &loop)) {
            record_loop(unit, &loop, stmt);
            replace_loop(unit, &loop);
            i = loop.at;
            continue;
        }
        if (open_expert_loop(unit, fn, block, i, &loop)) {
            if (loop.is_silu) {
                record_loop(unit, &loop, stmt);
                replace_loop(unit, &loop);
                i = loop.at;
            }
            continue;
        }
        gather_sums(unit, fn, block, stmt, stmt);
        i = (uint32_t)child_index(block, stmt);
        for (uint32_t k = 0; k < stmt->nkids; k++)
            if (is_kind(stmt->kid[k], NODE_BLOCK))
                gather_in(unit, fn, stmt->kid[k]);
    }
}

void gather_experts(struct unit *unit) {
    struct functions all = {0};
    route_batches(unit);
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        gather_in(unit, all.list.at[i], all.list.at[i]->body);
}
