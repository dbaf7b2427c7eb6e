/* template.c - see template.h. */
#include "emit/template.h"

#include <stdbool.h>
#include <string.h>

#include "base/embed.h"

void template_fill(struct buf *out, const char *name, const struct place *places) {
    for (const char *text = embed_find(name)->text; *text != '\0';) {
        size_t len = strspn(text + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
        bool is_place = *text == '@' && len > 0 && text[len + 1] == '@';
        const struct place *place = places;
        while (is_place && place->name && (strncmp(place->name, text + 1, len) != 0 || place->name[len] != '\0'))
            place++;
        if (is_place && place->name) {
            buf_puts(out, place->text);
            text += len + 2;
        } else {
            buf_putc(out, *text++);
        }
    }
}
