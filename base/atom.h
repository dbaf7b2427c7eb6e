/* atom.h - interned strings.
 *
 * An atom is a NUL-terminated string that exists once in its table, so two atoms of one table are equal exactly when
 * their pointers are. Comparison with a literal is `atom_is(a, "forward")`. Atoms live as long as the table's arena. */
#ifndef ADGEN_BASE_ATOM_H
#define ADGEN_BASE_ATOM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct arena;
struct atoms;

typedef const char *atom;

struct atoms *atoms_create(struct arena *arena);

/* The atom for `len` bytes at `text` (which need not be NUL-terminated). */
atom intern_len(struct atoms *atoms, const char *text, size_t len);

/* The atom for a NUL-terminated string. */
atom intern(struct atoms *atoms, const char *text);

/* The atom for `of.name`. */
atom intern_dotted(struct atoms *atoms, const char *of, const char *name);

/* The atom for a formatted string. */
atom intern_printf(struct atoms *atoms, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Whether an atom (or NULL) spells `text`. */
static inline bool atom_is(atom a, const char *text) {
    return a != NULL && a[0] == text[0] && strcmp(a, text) == 0;
}

#endif
