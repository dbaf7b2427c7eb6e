/* cursor.c - the cursor over the core's subtrees.
 *
 * A subtree knows its size and the padding before it, in bytes, and a parent's padding is that of its first child: so
 * a child begins where the one before it ends, after its own padding. An alias renames a child, and can show one that
 * is hidden; it is found by the production of the parent and the child's place among those that are no extras. */
#include "parser/cursor.h"

#include <assert.h>

#include "language.h"
#include "subtree.h"

struct cursor_level {
    const Subtree *children;
    const TSSymbol *aliases; /* NULL: none among them */
    uint32_t count, index;
    uint32_t place;      /* of the child at `index`, extras not counted */
    uint32_t start, end; /* of that child, of the parent */
    bool hidden;         /* the parent is: what is among its children is among its siblings */
};

static void enter(struct cursor *cursor, Subtree parent, uint32_t start, bool hidden) {
    struct cursor_level level = {.count = ts_subtree_child_count(parent),
        .start = start,
        .end = start + ts_subtree_size(parent).bytes,
        .hidden = hidden};
    if (level.count > 0) {
        level.children = ts_subtree_children(parent);
        level.aliases = ts_language_alias_sequence(cursor->language, parent.ptr->production_id);
    }
    vec_push(cursor->arena, &cursor->levels, level);
}

static void step(struct cursor_level *level) {
    Subtree child = level->children[level->index++];
    level->start += ts_subtree_size(child).bytes;
    level->place += !ts_subtree_extra(child);
    if (level->index < level->count)
        level->start += ts_subtree_padding(level->children[level->index]).bytes;
}

/* Show the child of the last level, or the first one after it that is visible, within hidden parents and out of them.
 */
static bool settle(struct cursor *cursor) {
    for (;;) {
        struct cursor_level *level = &vec_last(&cursor->levels);
        if (level->index == level->count) {
            if (!level->hidden)
                return false;
            cursor->levels.len--;
            step(&vec_last(&cursor->levels));
            continue;
        }
        Subtree child = level->children[level->index];
        TSSymbol alias = level->aliases && !ts_subtree_extra(child) ? level->aliases[level->place] : 0;
        if (alias || ts_subtree_visible(child)) {
            cursor->symbol = alias ? alias : ts_subtree_symbol(child);
            cursor->start = level->start;
            cursor->end = level->start + ts_subtree_size(child).bytes;
            return true;
        }
        if (ts_subtree_visible_child_count(child) > 0)
            enter(cursor, child, level->start, true);
        else
            step(level);
    }
}

void cursor_begin(struct cursor *cursor, struct arena *arena, TSNode root) {
    cursor->language = ts_tree_language(root.tree);
    cursor->arena = arena;
    cursor->levels.len = 0;
    struct cursor_level level = {.children = root.id, .count = 1, .start = ts_node_start_byte(root)};
    vec_push(arena, &cursor->levels, level);
    settle(cursor);
}

bool cursor_down(struct cursor *cursor) {
    const struct cursor_level *level = &vec_last(&cursor->levels);
    enter(cursor, level->children[level->index], level->start, false);
    if (settle(cursor))
        return true;
    cursor->levels.len--;
    return false;
}

bool cursor_next(struct cursor *cursor) {
    step(&vec_last(&cursor->levels));
    return settle(cursor);
}

void cursor_up(struct cursor *cursor) {
    while (vec_pop(&cursor->levels).hidden)
        ;
    assert(cursor->levels.len > 0);
}

uint32_t cursor_parent_end(const struct cursor *cursor) {
    uint32_t i = cursor->levels.len - 1;
    while (cursor->levels.at[i].hidden)
        i--;
    return cursor->levels.at[i].end;
}
