/* account.c - notes on what becomes of the source. */
#include "rewrite/account.h"

#include <string.h>

#include "rewrite/lineage.h"
#include "rewrite/passes.h"

void account_begin(struct unit *unit) {
    unit->account = NEW(unit->arena, struct account);
}

void account_restart(struct unit *unit) {
    if (unit->account == NULL)
        return;
    unit->account->decided.len = unit->account->calls.len = 0;
    unit->account->facts.records.len = 0;
}

const struct fn *account_enter(struct unit *unit, const struct fn *host) {
    const struct fn *outer = unit->account ? unit->account->host : NULL;
    if (unit->account)
        unit->account->host = host;
    return outer;
}

struct account_point account_point(const struct unit *unit) {
    const struct account *a = unit->account;
    return a ? (struct account_point){a->decided.len, a->calls.len} : (struct account_point){0, 0};
}

void account_rewind(struct unit *unit, struct account_point point) {
    struct account *a = unit->account;
    uint32_t decided = point.decided, calls = point.calls;
    if (a == NULL)
        return;
    for (uint32_t i = decided; i < a->decided.len; i++)
        if (a->decided.at[i].host != a->host)
            a->decided.at[decided++] = a->decided.at[i];
    for (uint32_t i = calls; i < a->calls.len; i++)
        if (a->calls.at[i].host != a->host)
            a->calls.at[calls++] = a->calls.at[i];
    a->decided.len = decided;
    a->calls.len = calls;
}

/* Nodes that a pass made have no place; other files are not accounted for. */
static bool is_ours(const struct unit *unit, const struct node *n) {
    if (unit->account == NULL || unit->module == NULL || n == NULL)
        return false;
    return (n->source == NULL || n->source == unit->module->source) && n->span.end > n->span.start;
}

static void decide(struct unit *unit, const struct node *part, reason because, bool through) {
    if (is_ours(unit, part))
        vec_push(unit->arena, &unit->account->decided,
            ((struct decided){part->span, unit->account->host, because, through}));
}

void account_decided(struct unit *unit, const struct node *part, reason because) {
    decide(unit, part, because, false);
}

void account_through(struct unit *unit, const struct node *call, reason because) {
    decide(unit, call, because, true);
}

void account_call(struct unit *unit, const struct node *at, struct fn *fn, bool unfolded) {
    if (is_ours(unit, at))
        vec_push(unit->arena, &unit->account->calls, ((struct called){at->span, fn, unit->account->host, unfolded}));
}

void account_fact(struct unit *unit, const struct fact *fact, const struct node *at, const struct fn *fn) {
    if (!is_ours(unit, at))
        return;
    trace_add(unit->arena, &unit->account->facts,
        (struct trace_record){.kind = TRACE_FACT,
            .id = fact->id,
            .source = unit->module->source,
            .span = at->span,
            .where = fn ? fn_path(unit, fn) : NULL,
            .text = fact->why});
}

/* -- stages -------------------------------------------------------------------------------------------------------- */

/* A tuple without parentheses starts where its first element does, and says nothing of that. */
static bool is_bare_tuple(const struct node *n) {
    return n->kind == NODE_TUPLE && n->source && n->source->text[n->span.start] != '(';
}

static bool is_computed(const struct node *n) {
    return node_is_expr(n) && !is_bare_tuple(n) && n->kind != NODE_NAME && n->kind != NODE_CONST &&
           n->kind != NODE_NUMBER && n->kind != NODE_STRING;
}

static void mark(struct unit *unit, const struct node *n, uint8_t stage) {
    if (n == NULL)
        return;
    if (n->source == unit->module->source && n->span.end > n->span.start) {
        if (node_is_stmt(n))
            unit->account->statement[n->span.start] = stage;
        else if (is_computed(n))
            unit->account->expression[n->span.start] = stage;
    }
    for (uint32_t i = 0; i < n->nkids; i++)
        mark(unit, n->kid[i], stage);
}

/* Of a result that is a tuple or an output, what no caller reads. */
static void note_unread(struct unit *unit, const struct fn *fn) {
    bool entry = fn->owner == unit->entry;
    for (uint32_t i = 0; !fn->ret_all_live && i < fn->returns.len; i++) {
        struct node *value = fn->returns.at[i]->kid[0];
        bool display = is_kind(value, NODE_TUPLE) || is_kind(value, NODE_LIST);
        for (uint32_t k = 0; display && fn->ret_count > 0 && k < value->nkids; k++)
            if (!(fn->ret_live >> k & 1))
                account_decided(unit, value->kid[k], REASON_UNREAD);
        const struct node *record = returned_record(fn, value);
        for (uint32_t k = 1; record && k < record->nkids; k++)
            if (record->kid[k]->kind == NODE_KEYWORD && record->kid[k]->atom &&
                !map_has(&fn->ret_fields, record->kid[k]->atom))
                account_decided(unit, record->kid[k]->kid[0], entry ? REASON_LOGITS : REASON_UNREAD);
    }
}

static void note_needed(struct unit *unit, const struct node *n) {
    if (n == NULL)
        return;
    if (n->mark && node_is_stmt(n) && n->source == unit->module->source)
        unit->account->needed[n->span.start] = true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (is_kind(n->kid[i], NODE_BLOCK) || n->kind == NODE_BLOCK)
            note_needed(unit, n->kid[i]);
}

void account_needs(struct unit *unit) {
    struct functions all = {0};
    if (unit->account == NULL || unit->account->needed == NULL)
        return;
    memset(unit->account->needed, 0, (unit->module->source->len + 1) * sizeof *unit->account->needed);
    mark_needed(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        note_needed(unit, all.list.at[i]->body);
    clear_needed(&all);
}

void account_pass(struct unit *unit, const struct pass *pass) {
    struct functions all = {0};
    uint8_t stage = (uint8_t)(pass - passes + 1);
    if (unit->account == NULL || unit->round == 0)
        return;
    if (unit->account->statement == NULL) {
        size_t len = unit->module->source->len + 1;
        unit->account->statement = NEW_ARRAY(unit->arena, uint8_t, len);
        unit->account->expression = NEW_ARRAY(unit->arena, uint8_t, len);
        unit->account->needed = NEW_ARRAY(unit->arena, bool, len);
        unit->account->specialised = stage;
        mark_needed(unit, &all);
        for (uint32_t i = 0; i < all.list.len; i++) {
            note_needed(unit, all.list.at[i]->body);
            if (all.list.at[i]->live)
                note_unread(unit, all.list.at[i]);
        }
        clear_needed(&all);
    } else {
        functions_collect(unit, &all);
    }
    lineage_pass(unit, &all, stage - 1);
    for (uint32_t i = 0; i < all.list.len; i++)
        if (all.list.at[i]->live || stage == unit->account->specialised)
            mark(unit, all.list.at[i]->body, stage);
}

void account_step(struct unit *unit, const char *pass, const struct fn *fn, reason because) {
    if (unit->account != NULL && fn->body != NULL)
        lineage_step(unit, fn->body, (uint32_t)(pass_find(pass) - passes), because);
}

void account_steps(struct unit *unit, const char *pass, reason because) {
    struct functions all = {0};
    if (unit->account == NULL)
        return;
    functions_collect(unit, &all);
    for (uint32_t i = 0; i < all.list.len; i++)
        account_step(unit, pass, all.list.at[i], because);
}

static void note_import(struct unit *unit, const struct node *stmt) {
    for (uint32_t i = 0; i < stmt->nkids; i++) {
        struct node *alias = stmt->kid[i];
        map_put(unit->arena, &unit->account->imported, alias->asname ? alias->asname : alias->atom, alias);
    }
}

static void note_class_attributes(struct unit *unit, const struct node *cls) {
    for (uint32_t i = 0; i < class_body(cls)->nkids; i++) {
        struct node *stmt = class_body(cls)->kid[i], *target = stmt->kind == NODE_ASSIGN ? stmt->kid[1] : NULL;
        if (is_kind(target, NODE_NAME))
            map_put(unit->arena, &unit->account->written, intern_dotted(unit->atoms, cls->atom, target->atom), stmt);
    }
}

void account_emitted(struct unit *unit, const struct node *module) {
    if (unit->account == NULL)
        return;
    mark(unit, module, STAGE_EMITTED);
    lineage_written(unit, module);
    for (uint32_t i = 0; i < module->nkids; i++) {
        const struct node *stmt = module->kid[i];
        if (stmt->kind == NODE_IMPORT || stmt->kind == NODE_IMPORTFROM)
            note_import(unit, stmt);
        else if (stmt->kind == NODE_CLASS)
            note_class_attributes(unit, stmt);
    }
}
