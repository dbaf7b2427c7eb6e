#include "base/text.h"

#include <string.h>

bool starts_with(const char *text, const char *prefix) {
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool ends_with(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcmp(text + n - m, suffix) == 0;
}

static bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

size_t name_length(const char *text) {
    size_t len = 0;
    while (is_word(text[len]))
        len++;
    return len;
}

bool word_in(const char *word, const char *list) {
    size_t n = strlen(word);
    for (const char *p = list; n > 0 && (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

enum { WORD_MAX = 63 };

static uint32_t least(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* Optimal string alignment; words beyond the limit are as far away as can be. */
uint32_t edit_distance(const char *a, const char *b) {
    size_t n = strlen(a), m = strlen(b);
    uint32_t row[WORD_MAX + 1][WORD_MAX + 1];
    if (n > WORD_MAX || m > WORD_MAX)
        return UINT32_MAX;
    for (size_t i = 0; i <= n; i++) {
        for (size_t k = 0; k <= m; k++) {
            if (i == 0 || k == 0) {
                row[i][k] = (uint32_t)(i + k);
                continue;
            }
            uint32_t best = row[i - 1][k - 1] + (a[i - 1] != b[k - 1]);
            best = least(best, least(row[i - 1][k], row[i][k - 1]) + 1);
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                best = least(best, row[i - 2][k - 2] + 1);
            row[i][k] = best;
        }
    }
    return row[n][m];
}

void nearest_offer(struct nearest *nearest, const char *typed, const char *candidate) {
    uint32_t distance = edit_distance(typed, candidate);
    size_t allowed = (strlen(typed) + 2) / 3;
    if (distance <= allowed && (nearest->word == NULL || distance < nearest->distance)) {
        nearest->word = candidate;
        nearest->distance = distance;
    }
}
