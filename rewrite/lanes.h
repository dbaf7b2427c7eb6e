/* lanes.h - expressions that only choose, order and repeat the lanes of one table: cos[..., ::2],
 * torch.cat((cos, cos), dim=-1), cos[..., : cos.shape[-1] // 2].repeat_interleave(2, dim=-1), and sizes of such. */
#ifndef ADGEN_REWRITE_LANES_H
#define ADGEN_REWRITE_LANES_H

#include "rewrite/unit.h"

enum lanes {
    LANES_OTHER, /* depends on something else */
    LANES_FREE,  /* a constant */
    LANES_TABLE, /* lanes of the table */
    LANES_SIZE   /* a number made of sizes of such */
};

/* What an expression is, as one over the variable `table`. */
enum lanes lanes_of(const struct node *e, const struct web *table);
/* The same expression with variables replaced by what they hold, and the table by a NAME without a variable. */
struct node *lanes_expand(struct unit *unit, const struct node *e, const struct web *table);
/* The opposite: the table stands where the NAME without a variable was. */
struct node *lanes_fill(struct unit *unit, const struct node *shape, const struct node *table);
bool lanes_is_table(const struct node *shape); /* nothing but the table itself */
bool lanes_keep_rank(const struct node *shape);
/* How wide an expanded expression is, or what number it is, where the table is `width` wide; -1: not known. */
long lanes_width(const struct node *shape, long width);

#endif
