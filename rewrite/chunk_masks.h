/* chunk_masks.h - see chunk_masks.c. */
#ifndef ADGEN_REWRITE_CHUNK_MASKS_H
#define ADGEN_REWRITE_CHUNK_MASKS_H

#include "rewrite/unit.h"

bool write_chunk_masks(struct unit *unit);

#endif
