/* vec.h - typed growable arrays that live in an arena.
 *
 *     VEC(struct node *) stmts = {0};
 *     vec_push(arena, &stmts, node);
 *     for (uint32_t i = 0; i < stmts.len; i++) use(vec_at(&stmts, i));
 *
 * A zeroed vector is empty and valid. Growing copies within the arena: pointers into `at` are invalidated by a push. */
#ifndef ADGEN_BASE_VEC_H
#define ADGEN_BASE_VEC_H

#include <assert.h>
#include <stdint.h>

#include "base/arena.h"

#define VEC(type) \
    struct { \
        type *at; \
        uint32_t len, cap; \
    }

#define vec_at(vec, index) ((vec)->at[assert((uint32_t)(index) < (vec)->len), (index)])
#define vec_last(vec) ((vec)->at[assert((vec)->len > 0), (vec)->len - 1])
#define vec_push(arena, vec, value) \
    ((vec)->at = (vec)->len < (vec)->cap ? (vec)->at \
                                         : vec_grow((arena), (vec)->at, (vec)->len, &(vec)->cap, sizeof *(vec)->at), \
        (vec)->at[(vec)->len++] = (value))
#define vec_pop(vec) ((vec)->at[assert((vec)->len > 0), --(vec)->len])

/* The array with room for one more element. */
void *vec_grow(struct arena *arena, void *at, uint32_t len, uint32_t *cap, size_t size);

#endif
