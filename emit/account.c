/* account.c - marks of what is alive, and the verdict on a statement. */
#include "emit/account.h"

static void mark(struct account *account, const struct unit *unit, const struct node *n, enum stage stage) {
    if (n == NULL)
        return;
    if (n->source == unit->module->source && n->span.end > n->span.start && n->kind != NODE_BLOCK)
        account->stages[n->span.start] |= (uint8_t)stage;
    for (uint32_t i = 0; i < n->nkids; i++)
        mark(account, unit, n->kid[i], stage);
}

void account_take(struct account *account, struct unit *unit, enum stage stage) {
    struct functions all = {0};
    if (account->stages == NULL) /* the text is the same in every run */
        account->stages = NEW_ARRAY(unit->arena, uint8_t, unit->module->source->len + 1);
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live || stage == STAGE_SPECIALISED)
            mark(account, unit, all.list.at[i]->body, stage);
}

uint8_t account_stages(const struct account *account, uint32_t start, uint32_t end) {
    uint8_t stages = 0;
    for (uint32_t at = start; account->stages && at < end; at++)
        stages |= account->stages[at];
    return stages;
}

const char *fate_text(enum fate fate) {
    static const char *const texts[] = {"kept", "rewritten", "removed", "not understood"};
    return texts[fate];
}

/* The bytes of a statement that are its own: a compound one ends where its body begins. */
static struct span own_span(const struct node *stmt) {
    struct span span = stmt->span;
    for (uint32_t i = 0; i < stmt->nkids; i++)
        if (is_kind(stmt->kid[i], NODE_BLOCK) && stmt->kid[i]->span.start > span.start &&
            stmt->kid[i]->span.start < span.end)
            span.end = stmt->kid[i]->span.start;
    return span;
}

static bool inside(const struct trace_record *r, const struct unit *unit, struct span span) {
    return r->source == unit->module->source && r->span.start >= span.start && r->span.start < span.end;
}

/* The ids of records of one kind in a range, each once. */
static void gather(struct verdict *verdict, struct unit *unit, enum trace_kind kind, struct span span) {
    for (uint32_t i = 0; unit->trace && i < unit->trace->records.len; i++) {
        const struct trace_record *r = &unit->trace->records.at[i];
        bool known = r->kind != kind || r->id == NULL || !inside(r, unit, span);
        for (uint32_t k = 0; k < verdict->by.len && !known; k++)
            known = verdict->by.at[k] == r->id;
        if (!known)
            vec_push(unit->arena, &verdict->by, r->id);
    }
}

static bool not_understood(struct verdict *verdict, struct unit *unit, struct span span) {
    uint32_t count;
    struct diag **list = diags_sorted(unit->diags, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct diag *d = list[i];
        if (d->severity != SEVERITY_ERROR || d->source != unit->module->source || d->span.start < span.start ||
            d->span.start >= span.end)
            continue;
        *verdict = (struct verdict){.fate = FATE_NOT_UNDERSTOOD, .why = d->message};
        return true;
    }
    return false;
}

/* Whether an expression calls a function of this file whose body took the place of the call. */
static bool calls_unfolded(const struct account *account, struct unit *unit, const struct node *n) {
    if (n == NULL || n->kind == NODE_BLOCK)
        return false;
    const struct symbol *symbol =
        n->kind == NODE_CALL && n->kid[0]->kind == NODE_NAME ? module_lookup(unit->module, n->kid[0]->atom) : NULL;
    if (symbol && symbol->kind == SYM_FUNCTION)
        return account_stages(account, symbol->def->span.start, symbol->def->span.end) != 0;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (calls_unfolded(account, unit, n->kid[i]))
            return true;
    return false;
}

/* A statement that is not even in the specialised program. */
static struct verdict folded(
    const struct account *account, struct unit *unit, const struct node *fn, const struct node *stmt) {
    struct verdict verdict = {.fate = FATE_REMOVED, .why = "decided by what is known of prefill inference"};
    gather(&verdict, unit, TRACE_FACT, own_span(stmt));
    if (calls_unfolded(account, unit, stmt)) {
        verdict.fate = FATE_REWRITTEN;
        verdict.why = "the body of the function took the place of the call";
    } else if (stmt->kind == NODE_RETURN && account_stages(account, fn->span.start, fn->span.end) != 0) {
        verdict.fate = FATE_REWRITTEN;
        verdict.why = "unfolded into the callers, where the value goes";
    }
    return verdict;
}

static struct verdict ended(struct unit *unit, const struct node *fn, struct span span, uint8_t stages) {
    struct verdict verdict = {.fate = FATE_REMOVED};
    if (stages & STAGE_PRUNED) {
        verdict.fate = FATE_REWRITTEN;
        verdict.why = "part of what a rule replaced";
        gather(&verdict, unit, TRACE_REWRITE, fn->span);
        return verdict;
    }
    verdict.why = "nothing that the logits need uses it";
    gather(&verdict, unit, TRACE_REMOVAL, span);
    return verdict;
}

struct verdict account_of(
    const struct account *account, struct unit *unit, const struct node *fn, const struct node *stmt) {
    struct span span = own_span(stmt);
    struct verdict verdict = {.fate = FATE_KEPT};
    if (not_understood(&verdict, unit, span))
        return verdict;
    uint8_t stages = account_stages(account, span.start, span.end);
    gather(&verdict, unit, TRACE_REWRITE, span);
    if (verdict.by.len > 0) {
        verdict.fate = FATE_REWRITTEN;
        verdict.why = "equal to a canonical op";
        return verdict;
    }
    if (stages & STAGE_FINAL)
        return verdict;
    return stages == 0 ? folded(account, unit, fn, stmt) : ended(unit, fn, span, stages);
}
