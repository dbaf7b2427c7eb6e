/* diff.c - Myers' O(ND) algorithm in linear space ("An O(ND) Difference Algorithm and Its Variations", 1986), on lines.
 *
 * Lines are numbered by their text first, so that comparing two is comparing numbers. The result of the search is one
 * mark for each line of either side: changed or not. Hunks are read off the marks. */
#include "base/diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/atom.h"

enum { CONTEXT = 3 };

struct side {
    atom *line; /* equal lines are one atom; a last line without a newline is not equal to one with it */
    bool *changed;
    int count;
};

struct diff {
    struct side a, b;
    int *forward, *backward; /* furthest x on each diagonal; both point at diagonal 0 */
};

static void split(struct arena *arena, struct atoms *atoms, struct side *side, const char *text, size_t len) {
    size_t lines = 0;
    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    side->line = NEW_ARRAY(arena, atom, lines + 1);
    side->changed = NEW_ARRAY(arena, bool, lines + 2);
    for (const char *at = text, *end = text + len; at < end;) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        side->line[side->count++] = intern_len(atoms, at, (size_t)(next - at));
        at = next;
    }
}

/* -- the search ---------------------------------------------------------------------------------------------------- */

struct box {
    int a0, a1, b0, b1;
};

static int run_forward(const struct diff *d, struct box box, int x, int y) {
    while (x < box.a1 && y < box.b1 && d->a.line[x] == d->b.line[y])
        x++, y++;
    return x;
}

static int run_backward(const struct diff *d, struct box box, int x, int y) {
    while (x > box.a0 && y > box.b0 && d->a.line[x - 1] == d->b.line[y - 1])
        x--, y--;
    return x;
}

/* A point in the middle of a shortest script for a box that is empty on no side and whose corners do not match. */
static void middle(struct diff *d, struct box box, int *mid_x, int *mid_y) {
    int *f = d->forward, *g = d->backward;
    int top = box.a0 - box.b0, bottom = box.a1 - box.b1; /* diagonals x - y of the corners */
    bool odd = ((top - bottom) & 1) != 0;
    int low = box.a0 - box.b1, high = box.a1 - box.b0;
    f[top] = box.a0;
    g[bottom] = box.a1;
    for (int cost = 1;; cost++) {
        for (int k = top - cost; k <= top + cost; k += 2) {
            if (k < low || k > high)
                continue;
            bool down = k == top - cost || k - 1 < low || (k != top + cost && k + 1 <= high && f[k - 1] < f[k + 1]);
            int x = down ? f[k + 1] : f[k - 1] + 1;
            f[k] = x = run_forward(d, box, x, x - k);
            if (odd && k > bottom - cost && k < bottom + cost && x >= g[k]) {
                *mid_x = x, *mid_y = x - k;
                return;
            }
        }
        for (int k = bottom - cost; k <= bottom + cost; k += 2) {
            if (k < low || k > high)
                continue;
            bool up = k == bottom + cost || k + 1 > high || (k != bottom - cost && k - 1 >= low && g[k - 1] < g[k + 1]);
            int x = up ? g[k - 1] : g[k + 1] - 1;
            g[k] = x = run_backward(d, box, x, x - k);
            if (!odd && k >= top - cost && k <= top + cost && x <= f[k]) {
                *mid_x = x, *mid_y = x - k;
                return;
            }
        }
    }
}

static void compare(struct diff *d, struct box box) {
    while (box.a0 < box.a1 && box.b0 < box.b1 && d->a.line[box.a0] == d->b.line[box.b0])
        box.a0++, box.b0++;
    while (box.a0 < box.a1 && box.b0 < box.b1 && d->a.line[box.a1 - 1] == d->b.line[box.b1 - 1])
        box.a1--, box.b1--;
    if (box.a0 == box.a1 || box.b0 == box.b1) {
        memset(d->a.changed + box.a0, true, (size_t)(box.a1 - box.a0));
        memset(d->b.changed + box.b0, true, (size_t)(box.b1 - box.b0));
        return;
    }
    int x, y;
    middle(d, box, &x, &y);
    compare(d, (struct box){box.a0, x, box.b0, y});
    compare(d, (struct box){x, box.a1, y, box.b1});
}

/* -- hunks --------------------------------------------------------------------------------------------------------- */

static void put_line(struct buf *out, char mark, atom line) {
    buf_putc(out, mark);
    buf_puts(out, line);
    if (line[strlen(line) - 1] != '\n')
        buf_puts(out, "\n\\ No newline at end of file\n");
}

static void put_range(struct buf *out, char mark, int start, int end) {
    int count = end - start;
    buf_printf(out, "%c%d", mark, count == 0 ? start : start + 1);
    if (count != 1)
        buf_printf(out, ",%d", count);
}

static void put_hunk(struct buf *out, const struct diff *d, struct box box) {
    buf_puts(out, "@@ ");
    put_range(out, '-', box.a0, box.a1);
    buf_putc(out, ' ');
    put_range(out, '+', box.b0, box.b1);
    buf_puts(out, " @@\n");
    for (int x = box.a0, y = box.b0; x < box.a1 || y < box.b1;) {
        if (x < box.a1 && d->a.changed[x])
            put_line(out, '-', d->a.line[x++]);
        else if (y < box.b1 && d->b.changed[y])
            put_line(out, '+', d->b.line[y++]);
        else
            put_line(out, ' ', d->a.line[x++]), y++;
    }
}

/* From a change on, up to where CONTEXT lines on either side of a gap are all unchanged. */
static void put_hunks(struct buf *out, const struct diff *d) {
    for (int x = 0, y = 0; x < d->a.count || y < d->b.count;) {
        if (!d->a.changed[x] && !d->b.changed[y]) {
            x++, y++;
            continue;
        }
        int before = x < CONTEXT ? x : CONTEXT, quiet = 0;
        struct box box = {x - before, x, y - before, y};
        while ((x < d->a.count || y < d->b.count) && quiet <= 2 * CONTEXT) {
            bool del = x < d->a.count && d->a.changed[x], add = y < d->b.count && d->b.changed[y];
            x += del || !add;
            y += add || !del;
            quiet = del || add ? 0 : quiet + 1;
            if (del || add)
                box.a1 = x, box.b1 = y;
        }
        int left = d->a.count - box.a1, after = left < CONTEXT ? left : CONTEXT;
        box.a1 += after;
        box.b1 += after;
        put_hunk(out, d, box);
    }
}

void diff_unified(
    struct buf *out, const char *a_name, const char *a, size_t a_len, const char *b_name, const char *b, size_t b_len) {
    struct arena *arena = arena_create();
    struct atoms *atoms = atoms_create(arena);
    struct diff d = {0};
    split(arena, atoms, &d.a, a, a_len);
    split(arena, atoms, &d.b, b, b_len);
    int diagonals = d.a.count + d.b.count + 3;
    d.forward = NEW_ARRAY(arena, int, diagonals) + d.b.count + 1;
    d.backward = NEW_ARRAY(arena, int, diagonals) + d.b.count + 1;
    compare(&d, (struct box){0, d.a.count, 0, d.b.count});
    size_t start = out->len;
    buf_printf(out, "--- %s\n+++ %s\n", a_name, b_name);
    size_t header = out->len;
    put_hunks(out, &d);
    if (out->len == header)
        buf_truncate(out, start);
    arena_destroy(arena);
}
