/* gaps.c - a file with gaps says where they are.
 *
 * Nodes of the program keep the place that they come from, so a gap is marked at the end, whatever the passes have
 * moved: at every statement that holds the construct itself, else where the source has it: at the statement around it,
 * the function, the class; at the entry's class where that is not in the output. */
#include "emit/gaps.h"

#include <string.h>

struct diag **gaps_of(struct unit *unit, uint32_t *count) {
    uint32_t all, kept = 0;
    struct diag **list = diags_sorted(unit->diags, &all);
    for (uint32_t i = 0; i < all; i++)
        if (list[i]->severity == SEVERITY_GAP)
            list[kept++] = list[i];
    *count = kept;
    return list;
}

/* -- one marker ---------------------------------------------------------------------------------------------------- */

static void mark(struct emitter *e, struct node *stmt, const struct diag *d) {
    struct unit *u = e->unit;
    struct comments *made = NEW(u->arena, struct comments);
    atom text = intern_printf(u->atoms, "# " GAP_MARKER "%s%s%s%s", d->message, d->rule ? " [" : "",
        d->rule ? d->rule : "", d->rule ? "]" : "");
    if (stmt->comments) { /* shared with copies of the node */
        made->trailing = stmt->comments->trailing;
        made->inner.at = stmt->comments->inner.at;
        made->inner.len = made->inner.cap = stmt->comments->inner.len;
        for (uint32_t i = 0; i < stmt->comments->leading.len; i++) {
            if (stmt->comments->leading.at[i] == text)
                return;
            vec_push(u->arena, &made->leading, stmt->comments->leading.at[i]);
        }
    }
    vec_push(u->arena, &made->leading, text);
    stmt->comments = made;
}

/* -- where --------------------------------------------------------------------------------------------------------- */

static bool is_it(const struct node *n, const struct diag *d) {
    return n->source && n->source == d->source && n->span.start == d->span.start && n->span.end == d->span.end;
}

/* Whether an expression of the statement itself, not of the blocks in it, is what is not understood. */
static bool holds(const struct node *n, const struct diag *d) {
    if (n == NULL || n->kind == NODE_BLOCK || n->kind == NODE_HANDLER)
        return false;
    if (is_it(n, d))
        return true;
    for (uint32_t i = 0; i < n->nkids; i++)
        if (holds(n->kid[i], d))
            return true;
    return false;
}

/* Mark the statements that hold it. */
static bool mark_holders(struct emitter *e, struct node *n, const struct diag *d) {
    bool marked = false;
    for (uint32_t i = 0; n && i < n->nkids; i++) {
        struct node *kid = n->kid[i];
        bool definition = is_kind(kid, NODE_FUNCTION) || is_kind(kid, NODE_CLASS);
        bool found = kid && !definition && node_is_stmt(kid) && holds(kid, d);
        if (found)
            mark(e, kid, d);
        marked |= found;
        if (kid && !node_is_expr(kid))
            marked |= mark_holders(e, kid, d);
    }
    return marked;
}

static bool around(const struct source *source, struct span span, const struct diag *d) {
    return source && source == d->source && span.start <= d->span.start && d->span.start < span.end;
}

/* The smallest statement whose place in the source is around it. */
static struct node *enclosing(struct node *block, const struct diag *d) {
    for (uint32_t i = 0; i < block->nkids; i++) {
        struct node *s = block->kid[i], *inner = NULL;
        for (uint32_t k = 0; k < s->nkids && !inner; k++)
            inner = is_kind(s->kid[k], NODE_BLOCK) ? enclosing(s->kid[k], d) : NULL;
        if (inner || around(s->source, s->span, d))
            return inner ? inner : s;
    }
    return NULL;
}

/* The first statement that stands behind it in the source. */
static struct node *following(struct node *block, const struct diag *d) {
    for (uint32_t i = 0; i < block->nkids; i++)
        if (block->kid[i]->source == d->source && block->kid[i]->span.start > d->span.start)
            return block->kid[i];
    return NULL;
}

static struct node *definition(const struct node *block, enum node_kind kind, atom name) {
    for (uint32_t i = 0; i < block->nkids; i++)
        if (block->kid[i]->kind == kind && block->kid[i]->atom == name)
            return block->kid[i];
    return NULL;
}

/* A function that is emitted into `block`, if the source has the place inside of it. */
static bool mark_in_function(struct emitter *e, const struct node *block, const struct fn *fn, const struct diag *d) {
    struct node *made = fn->live && fn->body ? definition(block, NODE_FUNCTION, fn->name) : NULL;
    if (made == NULL || fn->def == NULL || !around(fn->def->source, fn->def->span, d))
        return false;
    bool whole = is_it(fn->def, d);
    struct node *stmt = whole ? NULL : enclosing(function_body(made), d);
    if (!whole && stmt == NULL)
        stmt = following(function_body(made), d);
    mark(e, stmt ? stmt : made, d);
    return true;
}

static bool mark_in_class(struct emitter *e, const struct cls *cls, const struct diag *d) {
    atom name = cls == e->unit->entry ? intern(e->unit->atoms, e->entry_name) : cls->name;
    struct node *made = cls->live ? definition(e->module, NODE_CLASS, name) : NULL;
    bool marked = false;
    for (uint32_t i = 0; made && i < cls->methods.len; i++)
        marked |= mark_in_function(e, class_body(made), cls->methods.entry[i].value, d);
    if (marked || made == NULL || !around(cls->def->source, cls->def->span, d))
        return marked;
    mark(e, made, d);
    return true;
}

static bool mark_place(struct emitter *e, const struct diag *d) {
    const struct unit *u = e->unit;
    bool marked = false;
    for (uint32_t i = 0; i < u->classes.len; i++)
        marked |= mark_in_class(e, u->classes.at[i], d);
    for (uint32_t i = 0; i < u->module->symbols.len; i++) {
        const struct symbol *symbol = u->module->symbols.entry[i].value;
        if (symbol->kind == SYM_FUNCTION && symbol->fn)
            marked |= mark_in_function(e, e->module, symbol->fn, d);
    }
    return marked;
}

static void mark_entry(struct emitter *e, const struct diag *d) {
    mark(e, definition(e->module, NODE_CLASS, intern(e->unit->atoms, e->entry_name)), d);
}

/* A call that is not followed may be given an argument that `**kwargs` holds too, which Python does not read. */
static void drop_repeated(struct node *n) {
    for (uint32_t i = 0; n && i < n->nkids; i++) {
        bool again = false;
        for (uint32_t k = 0; n->kind == NODE_CALL && n->kid[i]->kind == NODE_KEYWORD && k < i; k++)
            again |= n->kid[i]->atom && n->kid[k]->kind == NODE_KEYWORD && n->kid[k]->atom == n->kid[i]->atom;
        if (again)
            node_remove(n, i--);
        else
            drop_repeated(n->kid[i]);
    }
}

void mark_gaps(struct emitter *e) {
    uint32_t count;
    struct diag **list = gaps_of(e->unit, &count);
    drop_repeated(e->module);
    for (uint32_t i = 0; i < count; i++)
        if (!mark_holders(e, e->module, list[i]) && !mark_place(e, list[i]))
            mark_entry(e, list[i]);
}

/* -- definitions that come along ----------------------------------------------------------------------------------- */

static bool is_defined(const struct emitter *e, const struct node *kept, atom name) {
    const struct node *blocks[] = {e->module, e->config, kept};
    for (size_t b = 0; b < sizeof blocks / sizeof blocks[0]; b++)
        for (uint32_t i = 0; i < blocks[b]->nkids; i++) {
            const struct node *s = blocks[b]->kid[i];
            bool named = (s->kind == NODE_CLASS || s->kind == NODE_FUNCTION) && s->atom == name;
            if (named || (s->kind == NODE_ASSIGN && is_name(s->kid[1], name)))
                return true;
        }
    return false;
}

static struct node *as_it_is(struct emitter *e, const struct symbol *symbol) {
    static const struct diag kept = {.message = "this definition is the source's"};
    if (symbol->kind == SYM_VALUE)
        return after_imports(e, symbol->stmt);
    struct node *made = node_copy(e->unit->arena, symbol->stmt);
    mark(e, made, &kept);
    return made;
}

void keep_definitions(struct emitter *e) {
    struct unit *u = e->unit;
    struct node *kept = node_new(u->arena, NODE_BLOCK);
    collect_names(e, e->module);
    for (uint32_t i = 0; i < e->names.len; i++) { /* which grows */
        atom name = e->names.entry[i].key;
        const struct symbol *symbol = module_lookup(u->module, name);
        if (symbol == NULL || symbol->kind == SYM_IMPORT || is_defined(e, kept, name))
            continue;
        struct node *made = as_it_is(e, symbol);
        node_add(u->arena, kept, made);
        collect_names(e, made);
    }
    for (uint32_t i = 0; i < kept->nkids; i++)
        node_insert(u->arena, e->module, 0, kept->kid[i]);
}

/* -- for the user -------------------------------------------------------------------------------------------------- */

const char *gap_lines(struct arena *arena, const struct buf *text) {
    static const char marker[] = "# " GAP_MARKER;
    const char *list = "", *last = "";
    uint32_t line = 1;
    for (const char *at = text->at, *end; at && *at != '\0'; at = end, line++) {
        end = strchr(at, '\n');
        end = end ? end + 1 : at + strlen(at);
        if (strncmp(at + strspn(at, " "), marker, strlen(marker)) != 0)
            continue;
        list = arena_printf(arena, "%s%s%s", list, *list ? ", " : "", last);
        last = arena_printf(arena, "%u", line);
    }
    return *list ? arena_printf(arena, "%s and %s", list, last) : last;
}
