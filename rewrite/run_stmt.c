/* run_stmt.c - statements. */
#include <string.h>

#include "rewrite/run_internal.h"

static enum flow stopped(struct run *run, const struct node *at, const char *what) {
    run_refuse(run, at, "%s is not followed here", what);
    return FLOW_STOP;
}

/* -- choices and loops --------------------------------------------------------------------------------------------- */

/* 1, 0; -1 where the run stops. */
static int test(struct run *run, struct scope *scope, struct node *n, const char *what) {
    struct datum *d = evaluate(run, scope, n);
    int truth = d ? truth_of(d) : -1;
    if (d && truth < 0)
        refuse_unknown(run, n, d, what);
    return truth;
}

static enum flow run_if(struct run *run, struct scope *scope, struct node *s) {
    int truth = test(run, scope, s->kid[0], "this choice");
    if (truth < 0)
        return FLOW_STOP;
    struct node *block = truth ? s->kid[1] : s->kid[2];
    return block ? execute(run, scope, block) : FLOW_NEXT;
}

static enum flow run_for(struct run *run, struct scope *scope, struct node *s) {
    struct datum *iterable = evaluate(run, scope, s->kid[1]);
    struct datum *list = iterable ? elements_of(run, iterable, s->kid[1]) : NULL;
    if (list == NULL)
        return FLOW_STOP;
    for (uint32_t i = 0; i < list->items.list.len; i++) {
        if (!assign(run, scope, s->kid[0], list->items.list.at[i]))
            return FLOW_STOP;
        enum flow flow = execute(run, scope, s->kid[2]);
        if (flow == FLOW_BREAK)
            return FLOW_NEXT;
        if (flow == FLOW_RETURN || flow == FLOW_STOP)
            return flow;
    }
    return s->kid[3] ? execute(run, scope, s->kid[3]) : FLOW_NEXT;
}

static enum flow run_while(struct run *run, struct scope *scope, struct node *s) {
    for (;;) {
        int truth = test(run, scope, s->kid[0], "the length of this loop");
        if (truth < 0)
            return FLOW_STOP;
        if (truth == 0)
            return s->kid[2] ? execute(run, scope, s->kid[2]) : FLOW_NEXT;
        enum flow flow = execute(run, scope, s->kid[1]);
        if (flow == FLOW_BREAK)
            return FLOW_NEXT;
        if (flow == FLOW_RETURN || flow == FLOW_STOP)
            return flow;
    }
}

/* -- exceptions ---------------------------------------------------------------------------------------------------- */

static enum flow run_raise_stmt(struct run *run, struct scope *scope, struct node *s) {
    struct datum *d = s->kid[0] ? evaluate(run, scope, s->kid[0]) : run->exception;
    if (d == NULL)
        return FLOW_STOP;
    struct arguments none = {.at = s};
    if (d->kind == D_CLASS || d->kind == D_LIBRARY)
        d = call(run, d, &none);
    if (d == NULL || d->kind != D_OBJECT)
        return stopped(run, s, "what is raised");
    struct datum *text = dict_get(&d->object->attributes->dict, "args");
    struct datum *first = text && text->items.list.len ? text->items.list.at[0] : NULL;
    run->why = first && first->kind == D_STR ? first->text : "";
    run->at = s;
    run->exception = d;
    run->stop = RUN_RAISED;
    return FLOW_STOP;
}

static int handles(struct run *run, struct scope *scope, struct node *handler) {
    if (handler->kid[0] == NULL)
        return 1;
    struct datum *exception = run->exception, *class;
    run->stop = RUN_ON;
    class = evaluate(run, scope, handler->kid[0]);
    if (class == NULL)
        return -1;
    int truth = 0;
    is_instance(run, exception, class, &truth);
    run->stop = RUN_RAISED;
    run->exception = exception;
    return truth;
}

static enum flow run_try(struct run *run, struct scope *scope, struct node *s) {
    enum flow flow = execute(run, scope, s->kid[0]);
    if (flow == FLOW_NEXT && s->kid[1])
        flow = execute(run, scope, s->kid[1]);
    for (uint32_t i = 3; i < s->nkids && flow == FLOW_STOP && run->stop == RUN_RAISED; i++) {
        int mine = handles(run, scope, s->kid[i]);
        if (mine < 0)
            return FLOW_STOP;
        if (mine == 0)
            continue;
        run->stop = RUN_ON;
        if (s->kid[i]->atom)
            bind(run, scope, s->kid[i]->atom, run->exception);
        flow = execute(run, scope, s->kid[i]->kid[1]);
        break;
    }
    if (s->kid[2] == NULL || run->stop == RUN_REFUSED)
        return flow;
    int stop = (int)run->stop;
    run->stop = RUN_ON;
    enum flow last = execute(run, scope, s->kid[2]);
    if (last != FLOW_NEXT)
        return last;
    run->stop = stop == RUN_RAISED ? RUN_RAISED : RUN_ON;
    return flow;
}

static enum flow run_assert(struct run *run, struct scope *scope, struct node *s) {
    int truth = test(run, scope, s->kid[0], "this assertion");
    if (truth == 0)
        run_raise(run, s, "AssertionError", "%s", "");
    return truth == 1 ? FLOW_NEXT : FLOW_STOP;
}

/* -- stores -------------------------------------------------------------------------------------------------------- */

static enum flow run_assign(struct run *run, struct scope *scope, struct node *s) {
    struct datum *value = evaluate(run, scope, s->kid[0]);
    for (uint32_t i = 1; value && i < s->nkids; i++)
        if (!assign(run, scope, s->kid[i], value))
            return FLOW_STOP;
    return value ? FLOW_NEXT : FLOW_STOP;
}

static enum flow run_augassign(struct run *run, struct scope *scope, struct node *s) {
    struct datum *old = evaluate(run, scope, s->kid[0]);
    struct datum *value = old ? evaluate(run, scope, s->kid[1]) : NULL;
    if (value == NULL)
        return FLOW_STOP;
    if (old->kind == D_LIST && s->op == OP_ADD) { /* in place */
        struct datum *more = elements_of(run, value, s);
        for (uint32_t i = 0; more && i < more->items.list.len; i++)
            datum_push(run, old, more->items.list.at[i]);
        return more && assign(run, scope, s->kid[0], old) ? FLOW_NEXT : FLOW_STOP;
    }
    value = binary(run, s->op, old, value, s);
    if (value && value->kind == old->kind && (old->kind == D_LIST || old->kind == D_SET || old->kind == D_DICT)) {
        *old = *value;
        value = old;
    }
    return value && assign(run, scope, s->kid[0], value) ? FLOW_NEXT : FLOW_STOP;
}

static bool run_delete(struct run *run, struct scope *scope, struct node *target) {
    if (target->kind == NODE_NAME) {
        bind(run, scope, target->atom, NULL);
        return true;
    }
    struct datum *value = target->nkids ? evaluate(run, scope, target->kid[0]) : NULL;
    if (value == NULL)
        return false;
    if (target->kind == NODE_ATTRIBUTE && value->kind == D_OBJECT)
        return dict_delete(&value->object->attributes->dict, datum_str(run, target->atom)) ||
               run_raise(run, target, "AttributeError", "%s", target->atom);
    struct datum *key = target->kind == NODE_SUBSCRIPT ? evaluate(run, scope, target->kid[1]) : NULL;
    struct dict *dict = value->kind == D_DICT ? &value->dict : value->kind == D_OBJECT ? &value->object->dict : NULL;
    if (key == NULL || dict == NULL)
        return run_refuse(run, target, "deleting this is not followed here") != NULL;
    return dict_delete(dict, key) || run_raise(run, target, "KeyError", "%s", "");
}

static enum flow run_import(struct run *run, struct scope *scope, struct node *s) {
    atom base = s->kind == NODE_IMPORTFROM ? import_base(run->unit, scope->module, s) : NULL;
    for (uint32_t i = 0; i < s->nkids; i++) {
        const struct node *alias = s->kid[i];
        atom bound = alias->asname ? alias->asname : alias->atom, qual = alias->atom;
        if (base)
            qual = intern_printf(run->unit->atoms, "%s.%s", base, alias->atom);
        else if (alias->asname == NULL)
            bound = qual = intern_len(run->unit->atoms, alias->atom, strcspn(alias->atom, "."));
        if (may_be_absent(base ? base : qual)) {
            run_raise(run, s, "ImportError", "%s", qual);
            return FLOW_STOP;
        }
        struct datum *value = imported(run, scope->module, qual);
        if (value == NULL)
            return FLOW_STOP;
        bind(run, scope, bound, value);
    }
    return FLOW_NEXT;
}

static enum flow run_def(struct run *run, struct scope *scope, struct node *s) {
    struct datum *d = datum_list(run, D_FUNCTION);
    d->function = NEW(run->arena, struct closure);
    struct class *owner = scope->function ? scope->function->owner : NULL;
    *d->function = (struct closure){.def = s, .module = scope->module, .around = scope, .owner = owner};
    for (uint32_t i = s->nkids; d && i-- > 3;) {
        struct datum *decorator = evaluate(run, scope, s->kid[i]);
        d = decorator ? run_apply(run, decorator, &d, 1) : NULL;
    }
    if (d)
        bind(run, scope, s->atom, d);
    return d ? FLOW_NEXT : FLOW_STOP;
}

/* -- statements ---------------------------------------------------------------------------------------------------- */

static enum flow run_with(struct run *run, struct scope *scope, struct node *s) {
    for (uint32_t i = 1; i < s->nkids; i++) { /* contexts of libraries set what no shape depends on */
        struct datum *context = evaluate(run, scope, s->kid[i]->kid[0]);
        if (context == NULL)
            return FLOW_STOP;
        if (context->kind != D_UNKNOWN)
            return stopped(run, s->kid[i], "this context");
        if (s->kid[i]->kid[1] && !assign(run, scope, s->kid[i]->kid[1], context))
            return FLOW_STOP;
    }
    return execute(run, scope, s->kid[0]);
}

static enum flow run_return(struct run *run, struct scope *scope, struct node *s) {
    scope->result = s->kid[0] ? evaluate(run, scope, s->kid[0]) : datum_none(run);
    return scope->result ? FLOW_RETURN : FLOW_STOP;
}

static enum flow statement(struct run *run, struct scope *scope, struct node *s) {
    if (++run->steps > STEPS_MAX)
        return stopped(run, s, "a constructor that runs for so long");
    switch (s->kind) {
    case NODE_EXPR: return evaluate(run, scope, s->kid[0]) ? FLOW_NEXT : FLOW_STOP;
    case NODE_ASSIGN: return run_assign(run, scope, s);
    case NODE_AUGASSIGN: return run_augassign(run, scope, s);
    case NODE_ANNASSIGN: {
        struct datum *value = s->kid[2] ? evaluate(run, scope, s->kid[2]) : NULL;
        return s->kid[2] == NULL || (value && assign(run, scope, s->kid[0], value)) ? FLOW_NEXT : FLOW_STOP;
    }
    case NODE_IF: return run_if(run, scope, s);
    case NODE_FOR: return run_for(run, scope, s);
    case NODE_WHILE: return run_while(run, scope, s);
    case NODE_TRY: return run_try(run, scope, s);
    case NODE_WITH: return run_with(run, scope, s);
    case NODE_RETURN: return run_return(run, scope, s);
    case NODE_RAISE: return run_raise_stmt(run, scope, s);
    case NODE_ASSERT: return run_assert(run, scope, s);
    case NODE_BREAK: return FLOW_BREAK;
    case NODE_CONTINUE: return FLOW_CONTINUE;
    case NODE_PASS: return FLOW_NEXT;
    case NODE_FUNCTION: return run_def(run, scope, s);
    case NODE_IMPORT:
    case NODE_IMPORTFROM: return run_import(run, scope, s);
    case NODE_DELETE:
        for (uint32_t i = 0; i < s->nkids; i++)
            if (!run_delete(run, scope, s->kid[i]))
                return FLOW_STOP;
        return FLOW_NEXT;
    default: return stopped(run, s, "this statement");
    }
}

enum flow execute(struct run *run, struct scope *scope, struct node *block) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        enum flow flow = statement(run, scope, block->kid[i]);
        if (flow != FLOW_NEXT)
            return flow;
    }
    return FLOW_NEXT;
}
