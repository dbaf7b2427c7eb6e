/* apply.c - the driver: which rule, where, in which order. */
#include "rewrite/apply.h"

#include "rewrite/capture.h"

enum { ROOTS_MAX = 4, ROUNDS_MAX = 3 };
/* What node->mark says: no longer in the tree, or inside what a rule has replaced; written by a rule. */
enum { MARK_NOT, MARK_GONE, MARK_NEW };

struct run {
    struct rewriter *r;
    struct sites sites;
    VEC(struct node *) marked; /* so that marks can be cleared */
    uint32_t count, round;
};

/* An instance: for every root of the rule the index of its site. */
struct instance {
    const struct rule *rule;
    struct binding binding;
    uint32_t site[ROOTS_MAX];
};

static struct site *site_at(struct run *run, uint32_t i) {
    return &vec_at(&run->sites.at, i);
}

/* -- bookkeeping --------------------------------------------------------------------------------------------------- */

static void mark_gone(struct run *run, struct node *node) {
    node->mark = MARK_GONE;
    vec_push(run->r->arena, &run->marked, node);
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            mark_gone(run, node->kid[i]);
}

static void cover(const struct binding *binding) {
    for (uint32_t i = 0; i < binding->visits->len; i++)
        ((struct value *)binding->visits->at[i])->covered = true;
}

static bool is_exact(const struct instance *in) {
    return in->rule->promise == PROMISE_EXACT && !in->binding.rounded;
}

/* Where the op rounds in another order than the source, the record says so. */
static void record(struct run *run, const struct instance *in, const struct node *node) {
    struct rewriter *r = run->r;
    const struct rule *rule = in->rule;
    const char *text = rule->title;
    if (!is_exact(in))
        text = arena_printf(r->arena, "%s (%s)", rule->title,
            rule->promise == PROMISE_APPROXIMATE ? "approximate" : "rounds in another order");
    trace_add(
        r->arena, r->trace, (struct trace_record){TRACE_REWRITE, rule->id, node->source, node->span, r->where, text});
    r->applied[rule->order]++;
    run->count++;
}

static void note_miss(struct run *run, const struct rule *rule, const struct site *site, const struct mismatch *m) {
    struct miss *miss = &run->r->misses[rule->order];
    if (run->round > 0)
        return;
    if (m->pattern != NULL && (miss->rule == NULL || (m->progress > miss->mismatch.progress && !miss->refused)))
        *miss = (struct miss){rule, site->node, site->node->value, *m, NULL};
}

static void note_refusal(struct run *run, const struct rule *rule, const struct site *site) {
    run->r->misses[rule->order] =
        (struct miss){rule, site->node, site->node->value, {.progress = rule->size}, run->r->refused};
}

/* Attention cannot stay plain PyTorch: nothing makes its mask. */
static bool takes_mask(const struct rule *rule) {
    for (uint32_t i = 0; i < rule->metas->count; i++)
        for (const struct condition *c = rule->metas->at[i].conditions; c != NULL; c = c->next)
            if (c->kind == CONDITION_MASK || c->kind == CONDITION_KEEPS || c->kind == CONDITION_DROPS)
                return true;
    return false;
}

static bool allowed(struct run *run, const struct instance *in, const struct node *node) {
    struct rewriter *r = run->r;
    return (is_exact(in) || !r->strict_rounding || takes_mask(in->rule)) &&
           (r->allow == NULL || r->allow(r, in->rule, node));
}

/* -- one root ------------------------------------------------------------------------------------------------------ */

/* The content of `from` takes the place of `node`, whose address others hold. */
static void replace(struct run *run, struct node *node, const struct node *from, const struct value *value) {
    struct source *source = node->source;
    struct span span = node->span;
    struct comments *comments = node->comments;
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            mark_gone(run, node->kid[i]);
    *node = *from;
    node->source = source;
    node->span = span;
    node->comments = comments;
    node->value = value;
    node->mark = MARK_NEW;
    vec_push(run->r->arena, &run->marked, node);
}

/* What lies inside an instance is of no interest to later rounds, even if it stays because something else reads it. */
static void mark_covered(struct run *run) {
    for (uint32_t i = 0; i < run->sites.at.len; i++) {
        struct node *node = site_at(run, i)->node;
        if (node->value->covered && node->mark == MARK_NOT) {
            node->mark = MARK_GONE;
            vec_push(run->r->arena, &run->marked, node);
        }
    }
}

static void process_sites(struct run *run, uint32_t from);

/* Rewrite inside what a rewrite has written: captures that were copied. */
static void descend(struct run *run, struct node *node, const struct site *like) {
    struct site at = *like;
    at.whole = false;
    uint32_t from = run->sites.at.len;
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL)
            sites_collect_expr(&run->sites, node->kid[i], &at);
    process_sites(run, from);
    run->sites.at.len = from;
}

static bool apply_single(struct run *run, const struct instance *in) {
    struct site site = *site_at(run, in->site[0]);
    struct node *made = instantiate_template(run->r, in->rule, &in->binding, site.position);
    if (made == NULL)
        return false;
    record(run, in, site.node);
    cover(&in->binding);
    replace(run, site.node, made, site.node->value);
    descend(run, site.node, &site);
    return true;
}

/* -- several roots ------------------------------------------------------------------------------------------------- */

static bool reads_web_of(const struct node *node, const struct node *targets) {
    if (node->kind == NODE_NAME && node->web != NULL) {
        for (uint32_t i = 1; i < targets->nkids; i++)
            if (targets->kid[i]->web == node->web)
                return true;
    }
    for (uint32_t i = 0; i < node->nkids; i++)
        if (node->kid[i] != NULL && reads_web_of(node->kid[i], targets))
            return true;
    return false;
}

static bool plain_assignment(const struct node *stmt) {
    if (stmt->kind != NODE_ASSIGN)
        return false;
    for (uint32_t i = 1; i < stmt->nkids; i++)
        if (stmt->kid[i]->kind != NODE_NAME || stmt->kid[i]->web == NULL)
            return false;
    return true;
}

/* Whether `stmt` may move down to just below `last`: nothing up to there reads what it defines. */
static bool can_follow(const struct node *block, const struct node *stmt, const struct node *last) {
    int to = child_index(block, last);
    for (int i = child_index(block, stmt) + 1; i <= to; i++)
        if (reads_web_of(block->kid[i], stmt))
            return false;
    return plain_assignment(stmt);
}

/* Whether `stmt` may move down to just before `last`: what reads it in between can make way. */
static bool can_sink(const struct node *block, const struct node *stmt, const struct node *last) {
    int from = child_index(block, stmt), to = child_index(block, last);
    if (stmt == last)
        return true;
    if (from < 0 || to < from || !plain_assignment(stmt))
        return false;
    for (int i = from + 1; i <= to; i++)
        if (reads_web_of(block->kid[i], stmt) && (i == to || !can_follow(block, block->kid[i], last)))
            return false;
    return true;
}

static void available_from(const struct node *stmt, uint32_t position) {
    for (uint32_t i = 1; i < stmt->nkids; i++)
        for (struct holder *h = stmt->kid[i]->web->value ? stmt->kid[i]->web->value->holders : NULL; h != NULL;
             h = h->next)
            if (h->web == stmt->kid[i]->web)
                h->from = position;
}

static void sink(struct run *run, struct node *block, struct node *stmt, struct node *last, uint32_t position) {
    if (stmt == last)
        return;
    int from = child_index(block, stmt);
    node_remove(block, (uint32_t)from);
    uint32_t below = (uint32_t)child_index(block, last) + 1;
    for (int i = from; block->kid[i] != last;) {
        struct node *reader = block->kid[i];
        if (!reads_web_of(reader, stmt)) {
            i++;
            continue;
        }
        node_remove(block, (uint32_t)i);
        node_insert(run->r->arena, block, below - 1, reader);
        available_from(reader, position + 1);
    }
    node_insert(run->r->arena, block, (uint32_t)child_index(block, last), stmt);
    available_from(stmt, position);
}

/* The variable for one element of the result: the one that held the root, if its whole statement falls away, else new.
 */
static struct web *element_web(
    struct run *run, struct site *site, const struct rule *rule, const struct root *root, bool *reused) {
    struct web *web;
    *reused = rule->each == NULL && site->whole && site->stmt->nkids == 2 && plain_assignment(site->stmt);
    if (*reused)
        return site->stmt->kid[1]->web;
    web = NEW(run->r->arena, struct web);
    web->name = root->name;
    web->abs = site->node->abs;
    if (plain_assignment(site->stmt))
        web->name = site->stmt->kid[1]->web->name;
    for (const struct value *v = site->node->value; v != NULL; v = value_cast_of(v))
        if (v->holders != NULL)
            web->name = v->holders->web->name;
    return web;
}

static struct node *unpacking(struct run *run, const struct instance *in, struct node *made) {
    struct arena *arena = run->r->arena;
    struct node *targets = node_new(arena, NODE_TUPLE), *stmt = node_make(arena, NODE_ASSIGN, NULL, 2, made, targets);
    for (uint32_t i = 0; i < in->rule->roots; i++) {
        struct site *site = site_at(run, in->site[i]);
        bool reused;
        struct web *web = element_web(run, site, in->rule, &in->rule->root[i], &reused);
        web->kind = WEB_ELEMENT;
        web->stmt = stmt;
        web->expr = made;
        web->element = i;
        web->value = in->rule->each == NULL ? site->node->value : NULL;
        node_add(arena, targets, make_web_name(arena, web));
        if (reused) {
            mark_gone(run, site->stmt);
            continue;
        }
        struct node *instead = make_web_name(arena, web);
        if (in->rule->each != NULL)
            instead = instantiate_each(run->r, in->rule, &in->binding, site->position, web);
        replace(run, site->node, instead, site->node->value);
    }
    return stmt;
}

/* Statements whose right-hand side moved into the new one. */
static void drop_replaced(struct run *run, const struct instance *in, struct node *block) {
    for (uint32_t i = 0; i < in->rule->roots; i++) {
        struct node *stmt = site_at(run, in->site[i])->stmt;
        int at = child_index(block, stmt);
        if (at >= 0 && stmt->mark == MARK_GONE)
            node_remove(block, (uint32_t)at);
    }
}

static struct site *last_site(struct run *run, const struct instance *in) {
    struct site *last = site_at(run, in->site[0]);
    for (uint32_t i = 1; i < in->rule->roots; i++)
        if (site_at(run, in->site[i])->position > last->position)
            last = site_at(run, in->site[i]);
    return last;
}

static bool apply_several(struct run *run, const struct instance *in) {
    struct site last = *last_site(run, in);
    for (uint32_t i = 0; i < in->rule->roots; i++) {
        struct site *site = site_at(run, in->site[i]);
        if (site->block != last.block || !can_sink(last.block, site->stmt, last.stmt)) {
            run->r->refused = "its parts stand in different blocks, or one is used before the other";
            return false;
        }
    }
    struct node *made = instantiate_template(run->r, in->rule, &in->binding, last.position);
    if (made == NULL)
        return false;
    for (uint32_t i = 0; i < in->rule->roots; i++) {
        record(run, in, site_at(run, in->site[i])->node);
        run->count -= i > 0;
        run->r->applied[in->rule->order] -= i > 0;
        sink(run, last.block, site_at(run, in->site[i])->stmt, last.stmt, last.position - 1);
    }
    cover(&in->binding);
    struct node *stmt = unpacking(run, in, made);
    stmt->source = last.stmt->source;
    stmt->span = last.stmt->span;
    uint32_t first = (uint32_t)child_index(last.block, last.stmt);
    for (uint32_t i = 0; i < in->rule->roots; i++) {
        int at = child_index(last.block, site_at(run, in->site[i])->stmt);
        first = (uint32_t)at < first ? (uint32_t)at : first;
    }
    node_insert(run->r->arena, last.block, first, stmt);
    drop_replaced(run, in, last.block);
    struct site at = {made, stmt, last.block, last.position, true};
    descend(run, made, &at);
    return true;
}

/* -- search -------------------------------------------------------------------------------------------------------- */

static bool usable(const struct site *site) {
    return site->node->mark != MARK_GONE && !site->node->value->covered;
}

/* Whether a value is a part (or the whole) of what the other roots have matched. */
static bool taken(const struct binding *binding, const struct value *value) {
    for (uint32_t i = 0; i < binding->visits->len; i++)
        if (binding->visits->at[i] == value)
            return true;
    return false;
}

/* Find sites for the roots below `root`, backwards from the anchor: the nearest instance before it. */
static bool find_partners(struct run *run, struct instance *in, uint32_t root, uint32_t anchor) {
    if (root == 0)
        return true;
    const struct pattern *pattern = &in->rule->root[root - 1].pattern;
    for (uint32_t i = anchor; i-- > 0;) {
        struct site *site = site_at(run, i);
        if (!usable(site) || taken(&in->binding, site->node->value))
            continue;
        struct binding before = in->binding;
        uint32_t visits = in->binding.visits->len;
        if (!match(pattern, site->node->value, &in->binding, NULL))
            continue;
        in->site[root - 1] = i;
        if (find_partners(run, in, root - 1, i))
            return true;
        in->site[root - 1] = UINT32_MAX;
        in->binding = before;
        in->binding.visits->len = visits;
    }
    return false;
}

static bool try_anchor(struct run *run, const struct anchor *anchor, uint32_t index) {
    const struct rule *rule = anchor->rule;
    struct site *site = site_at(run, index);
    const struct pattern *pattern = &rule->root[anchor->root].pattern;
    if (!run->r->explains && (pattern->needs & ~site->node->value->heads) != 0)
        return false; /* before room is made for a binding */
    struct mismatch mismatch = {0, NULL, NULL, NULL};
    struct visits visits;
    visits.len = 0;
    struct instance in = {
        .rule = rule, .binding = {.visits = &visits}, .site = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    if (rule->roots > ROOTS_MAX || anchor->root + 1 != rule->roots)
        return false;
    if (!match(pattern, site->node->value, &in.binding, run->r->explains ? &mismatch : NULL)) {
        note_miss(run, rule, site, &mismatch);
        return false;
    }
    in.site[anchor->root] = index;
    if (!find_partners(run, &in, rule->roots - 1, index) || !allowed(run, &in, site->node))
        return false;
    bool applied = rule->roots == 1 ? apply_single(run, &in) : apply_several(run, &in);
    if (!applied)
        note_refusal(run, rule, site_at(run, index));
    return applied;
}

static void process_site(struct run *run, uint32_t index) {
    const struct site *site = site_at(run, index);
    if (!usable(site))
        return;
    struct head_entry *entry = heads_find(run->r->rules->anchors, site->node->value);
    for (; entry != NULL; entry = entry->next)
        if (try_anchor(run, entry->item, index))
            return;
}

static void process_sites(struct run *run, uint32_t from) {
    for (uint32_t i = run->sites.at.len; i-- > from;)
        process_site(run, i);
}

static void collect(struct run *run, struct node *body) {
    struct rewriter *r = run->r;
    r->values = values_create(r->arena, r->atoms, r->rules->library);
    run->sites.arena = r->arena;
    run->sites.values = r->values;
    run->sites.at.len = run->sites.position = 0;
    sites_collect(&run->sites, body);
}

/* One pass over the function. */
static void apply_once(struct run *run, struct node *body) {
    struct rewriter *r = run->r;
    run->count = 0;
    collect(run, body);
    if (values_infer_ranks(r->values))
        collect(run, body);
    process_sites(run, 0);
    mark_covered(run);
}

uint32_t rules_apply(struct rewriter *r, struct node *body) {
    struct run run = {.r = r, .count = 1};
    uint32_t rules = r->rules->list.len, total = 0;
    r->misses = NEW_ARRAY(r->arena, struct miss, rules + 1);
    r->applied = NEW_ARRAY(r->arena, uint32_t, rules + 1);
    for (run.round = 0; run.round < ROUNDS_MAX && run.count > 0; run.round++) {
        apply_once(&run, body);
        total += run.count;
    }
    for (uint32_t i = 0; i < run.marked.len; i++)
        run.marked.at[i]->mark = MARK_NOT;
    return total;
}

/* Near enough to be worth a line: the expression was not replaced after all, and has much in common with the pattern.
 */
static bool is_near(const struct miss *miss) {
    enum { NEAR = 6, SURELY_NEAR = 8, PART = 6 }; /* fewer parts than NEAR are in common with anything */
    uint32_t progress = miss->mismatch.progress;
    if (miss->rule == NULL || miss->value->covered || progress < NEAR)
        return false;
    return miss->refused || progress >= SURELY_NEAR || progress * PART >= miss->rule->size;
}

/* Of the rules that failed at one expression only the one that got furthest has something to say. */
static bool is_nearest(const struct rewriter *r, const struct miss *miss) {
    for (uint32_t i = 0; i < r->rules->list.len; i++) {
        const struct miss *other = &r->misses[i];
        if (other->rule != NULL && other->node == miss->node && other->mismatch.progress > miss->mismatch.progress)
            return false;
    }
    return true;
}

/* What was near in an earlier pass over the function may have been replaced since; else it is near still. */
static void forget_misses(const struct rewriter *r) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->trace->records.len; i++) {
        const struct trace_record *record = &r->trace->records.at[i];
        if (record->kind != TRACE_MISS || strcmp(record->where, r->where) != 0)
            r->trace->records.at[kept++] = *record;
    }
    r->trace->records.len = kept;
}

void rules_report_misses(struct rewriter *r) {
    if (r->trace != NULL)
        forget_misses(r);
    for (uint32_t i = 0; i < r->rules->list.len; i++) {
        const struct miss *miss = &r->misses[i];
        if (r->applied[i] > 0 || !is_near(miss) || !is_nearest(r, miss))
            continue;
        struct buf text = {0};
        buf_printf(&text, "looks like \"%s\", but ", miss->rule->title);
        if (miss->refused)
            buf_puts(&text, miss->refused);
        else
            mismatch_print(&text, &miss->mismatch, miss->rule->metas);
        trace_add(r->arena, r->trace,
            (struct trace_record){TRACE_MISS, miss->rule->id, miss->node->source, miss->node->span, r->where,
                arena_strndup(r->arena, text.at, text.len)});
        buf_free(&text);
    }
}
