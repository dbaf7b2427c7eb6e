/* run_methods.c - methods of strings, lists, sets and dictionaries. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "rewrite/run_internal.h"

static const char string_methods[] = "startswith endswith split join replace lower upper strip format removeprefix "
                                     "removesuffix isdigit zfill count find capitalize title casefold swapcase lstrip "
                                     "rstrip rsplit splitlines partition rpartition index rindex rfind isalpha isalnum "
                                     "isupper islower isnumeric isdecimal isspace isidentifier format_map encode ljust "
                                     "rjust center expandtabs translate";
static const char number_methods[] = "bit_length is_integer conjugate as_integer_ratio hex real imag numerator "
                                     "denominator";
static const char list_methods[] = "append extend insert pop index count copy reverse remove clear sort";
static const char set_methods[] = "add update union difference intersection copy discard remove issubset issuperset "
                                  "isdisjoint symmetric_difference pop clear intersection_update difference_update "
                                  "symmetric_difference_update";
static const char dict_methods[] = "get pop popitem items keys values update setdefault copy clear __contains__ "
                                   "__getitem__";

bool has_method(const struct datum *d, const char *name) {
    switch (d->kind) {
    case D_STR: return word_in(name, string_methods);
    case D_BOOL:
    case D_INT:
    case D_FLOAT: return word_in(name, number_methods);
    case D_TUPLE: return word_in(name, "index count");
    case D_LIST: return word_in(name, list_methods);
    case D_SET: return word_in(name, set_methods);
    case D_DICT: return word_in(name, dict_methods);
    default: return false;
    }
}

/* -- strings ------------------------------------------------------------------------------------------------------- */

static struct datum *affix(struct run *run, struct datum *self, struct datum *d, bool start) {
    struct datum one = {.kind = D_TUPLE};
    vec_push(run->arena, &one.items.list, d);
    const struct data *all = d->kind == D_TUPLE ? &d->items : &one.items;
    for (uint32_t i = 0; i < all->list.len; i++) {
        const struct datum *text = all->list.at[i];
        if (text->kind != D_STR)
            return NULL;
        if (start ? starts_with(self->text, text->text) : ends_with(self->text, text->text))
            return datum_bool(run, true);
    }
    return datum_bool(run, false);
}

static struct datum *joined(struct run *run, struct datum *self, struct datum *d, const struct node *at) {
    struct datum *list = elements_of(run, d, at);
    const char *text = "";
    for (uint32_t i = 0; list && i < list->items.list.len; i++) {
        struct datum *item = list->items.list.at[i];
        if (item->kind != D_STR)
            return is_unknown(item) ? item : NULL;
        text = arena_printf(run->arena, "%s%s%s", text, i ? self->text : "", item->text);
    }
    return list ? datum_str(run, text) : NULL;
}

static struct datum *split(struct run *run, struct datum *self, const char *by) {
    struct datum *list = datum_list(run, D_LIST);
    const char *at = self->text;
    for (const char *end; (end = strstr(at, by)) != NULL; at = end + strlen(by))
        datum_push(run, list, datum_str(run, arena_strndup(run->arena, at, (size_t)(end - at))));
    datum_push(run, list, datum_str(run, at));
    return list;
}

static struct datum *replaced(struct run *run, struct datum *self, const char *old, const char *by) {
    const char *text = "", *at = self->text;
    for (const char *end; (end = strstr(at, old)) != NULL; at = end + strlen(old))
        text = arena_printf(run->arena, "%s%.*s%s", text, (int)(end - at), at, by);
    return datum_str(run, arena_printf(run->arena, "%s%s", text, at));
}

static struct datum *cased(struct run *run, struct datum *self, int (*change)(int)) {
    char *text = arena_strndup(run->arena, self->text, strlen(self->text));
    for (char *c = text; *c; c++)
        *c = (char)change((unsigned char)*c);
    return datum_str(run, text);
}

static struct datum *of_string(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *e = argument(a, 1, NULL);
    bool text = d && d->kind == D_STR;
    if (d && is_unknown(d))
        return d;
    if (strcmp(name, "startswith") == 0 || strcmp(name, "endswith") == 0)
        return d && e == NULL ? affix(run, self, d, name[0] == 's') : NULL;
    if (strcmp(name, "join") == 0)
        return d ? joined(run, self, d, a->at) : NULL;
    if (strcmp(name, "split") == 0)
        return text && *d->text && e == NULL ? split(run, self, d->text) : NULL;
    if (strcmp(name, "replace") == 0)
        return text && *d->text && e && e->kind == D_STR ? replaced(run, self, d->text, e->text) : NULL;
    if (strcmp(name, "removeprefix") == 0)
        return text ? datum_str(run, self->text + (starts_with(self->text, d->text) ? strlen(d->text) : 0)) : NULL;
    if (strcmp(name, "lower") == 0 || strcmp(name, "upper") == 0)
        return cased(run, self, name[0] == 'l' ? tolower : toupper);
    if (strcmp(name, "isdigit") == 0)
        return datum_bool(run, *self->text && self->text[strspn(self->text, "0123456789")] == '\0');
    return NULL;
}

/* -- lists and sets ------------------------------------------------------------------------------------------------ */

static void insert(struct run *run, struct data *items, uint32_t at, struct datum *d) {
    vec_push(run->arena, &items->list, d);
    for (uint32_t i = items->list.len - 1; i > at; i--)
        items->list.at[i] = items->list.at[i - 1];
    items->list.at[at] = d;
}

static struct datum *take(struct data *items, uint32_t at) {
    struct datum *d = items->list.at[at];
    for (uint32_t i = at; i + 1 < items->list.len; i++)
        items->list.at[i] = items->list.at[i + 1];
    items->list.len--;
    return d;
}

enum { ABSENT = -1, UNSURE = -2 };

/* Where the first item is that equals another. */
static int find(const struct data *items, const struct datum *d) {
    for (uint32_t i = 0; i < items->list.len; i++) {
        int same = equal_data(items->list.at[i], d);
        if (same != 0)
            return same == 1 ? (int)i : UNSURE;
    }
    return ABSENT;
}

static struct datum *extended(struct run *run, struct datum *into, struct datum *d, const struct node *at) {
    struct datum *list = elements_of(run, d, at);
    for (uint32_t i = 0; list && i < list->items.list.len; i++)
        datum_push(run, into, list->items.list.at[i]);
    return list ? datum_none(run) : NULL;
}

static struct datum *popped(struct run *run, struct datum *self, struct datum *index, const struct node *at) {
    long long count = self->items.list.len, i = index && index->kind == D_INT ? index->integer : count - 1;
    i += i < 0 ? count : 0;
    if (i < 0 || i >= count)
        return run_raise(run, at, "IndexError", "pop index out of range");
    return take(&self->items, (uint32_t)i);
}

/* Whether all elements of `some` are in `all`, or with `out` none of them. */
static struct datum *all_in(struct run *run, const struct data *some, const struct datum *all, bool out) {
    for (uint32_t i = 0; i < some->list.len; i++) {
        int in = contains(all, some->list.at[i]);
        if (in != !out)
            return in == out ? datum_bool(run, false) : NULL;
    }
    return datum_bool(run, true);
}

/* issubset, issuperset, isdisjoint */
static struct datum *compared(
    struct run *run, struct datum *self, const char *name, struct datum *other, const struct node *at) {
    struct datum *list = elements_of(run, other, at);
    if (list == NULL)
        return NULL;
    return strcmp(name, "issuperset") == 0 ? all_in(run, &list->items, self, false)
                                           : all_in(run, &self->items, list, strcmp(name, "isdisjoint") == 0);
}

static struct datum *of_list(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL), *e = argument(a, 1, NULL);
    struct data *items = &self->items;
    if (strcmp(name, "copy") == 0)
        return copy_of(run, self, false);
    if (strcmp(name, "pop") == 0)
        return popped(run, self, d, a->at);
    if (strcmp(name, "reverse") == 0) {
        for (uint32_t i = 0; i < items->list.len / 2; i++) {
            struct datum **mirror = &items->list.at[items->list.len - 1 - i], *first = items->list.at[i];
            items->list.at[i] = *mirror;
            *mirror = first;
        }
        return datum_none(run);
    }
    if (strcmp(name, "clear") == 0) {
        *items = (struct data){0};
        return datum_none(run);
    }
    if (d == NULL)
        return NULL;
    if (strcmp(name, "append") == 0 || strcmp(name, "add") == 0) {
        datum_push(run, self, d);
        return datum_none(run);
    }
    if (strcmp(name, "extend") == 0 || strcmp(name, "update") == 0)
        return extended(run, self, d, a->at);
    if (strcmp(name, "insert") == 0 && d->kind == D_INT && e && d->integer >= 0) {
        insert(run, items, d->integer < items->list.len ? (uint32_t)d->integer : items->list.len, e);
        return datum_none(run);
    }
    if (word_in(name, "index remove discard")) {
        int at = find(items, d);
        if (at == UNSURE)
            return NULL;
        if (at == ABSENT && name[0] == 'd')
            return datum_none(run);
        if (at == ABSENT)
            return run_raise(run, a->at, "ValueError", "it is not in the list");
        if (name[0] == 'i')
            return datum_int(run, at);
        take(items, (uint32_t)at);
        return datum_none(run);
    }
    if (word_in(name, "issubset issuperset isdisjoint"))
        return compared(run, self, name, d, a->at);
    if (strcmp(name, "count") == 0) {
        long long count = 0;
        for (uint32_t i = 0; i < items->list.len; i++) {
            int same = equal_data(items->list.at[i], d);
            if (same < 0)
                return NULL;
            count += same;
        }
        return datum_int(run, count);
    }
    if (strcmp(name, "union") == 0) {
        struct datum *all = copy_of(run, self, false);
        return extended(run, all, d, a->at) ? all : NULL;
    }
    return NULL;
}

/* -- dictionaries -------------------------------------------------------------------------------------------------- */

enum view { KEYS, VALUES, ITEMS };

static struct datum *view(struct run *run, const struct dict *dict, enum view which) {
    struct datum *list = datum_list(run, D_LIST);
    for (uint32_t i = 0; i < dict->list.len; i++) {
        const struct item *item = &dict->list.at[i];
        if (item->value == NULL)
            continue;
        struct datum *d = which == KEYS ? item->key : which == VALUES ? item->value : datum_list(run, D_TUPLE);
        if (which == ITEMS) {
            datum_push(run, d, item->key);
            datum_push(run, d, item->value);
        }
        vec_push(run->arena, &list->items.list, d);
    }
    return list;
}

static struct datum *update(struct run *run, struct dict *dict, struct arguments *a) {
    struct datum *d = argument(a, 0, NULL);
    if (d && d->kind != D_DICT)
        return run_refuse(run, a->at, "what is put into this dictionary is not known");
    if (d)
        dict_merge(run, dict, &d->dict);
    dict_merge(run, dict, &a->named);
    return datum_none(run);
}

static struct datum *of_dict(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    struct datum *key = argument(a, 0, NULL), *dflt = argument(a, 1, NULL);
    struct dict *dict = &self->dict;
    if (strcmp(name, "keys") == 0 || strcmp(name, "values") == 0 || strcmp(name, "items") == 0)
        return view(run, dict, name[0] == 'k' ? KEYS : name[0] == 'v' ? VALUES : ITEMS);
    if (strcmp(name, "copy") == 0)
        return copy_of(run, self, false);
    if (strcmp(name, "update") == 0)
        return update(run, dict, a);
    if (strcmp(name, "clear") == 0) {
        *dict = (struct dict){0};
        return datum_none(run);
    }
    if (key == NULL || is_unknown(key))
        return key ? refuse_unknown(run, a->at, key, "the key of this") : NULL;
    struct datum *found = dict_find(dict, key);
    if (strcmp(name, "__contains__") == 0)
        return datum_bool(run, found != NULL);
    if (strcmp(name, "get") == 0)
        return found ? found : dflt ? dflt : datum_none(run);
    if (strcmp(name, "pop") == 0) {
        dict_delete(dict, key);
        return found  ? found
               : dflt ? dflt
                      : run_raise(run, a->at, "KeyError", "%s", key->kind == D_STR ? key->text : "");
    }
    if (strcmp(name, "setdefault") == 0) {
        if (found == NULL)
            dict_set(run, dict, key, found = dflt ? dflt : datum_none(run));
        return found;
    }
    return NULL;
}

struct datum *run_method(struct run *run, struct datum *self, const char *name, struct arguments *a) {
    bool list = self->kind == D_LIST || self->kind == D_TUPLE || self->kind == D_SET;
    struct datum *value = self->kind == D_STR    ? of_string(run, self, name, a)
                          : self->kind == D_DICT ? of_dict(run, self, name, a)
                          : list                 ? of_list(run, self, name, a)
                                                 : NULL;
    if (value || run->stop != RUN_ON)
        return value;
    bool changes =
        self->kind != D_STR && word_in(name, "insert sort discard remove pop popitem clear intersection_update "
                                             "difference_update symmetric_difference_update");
    if (changes)
        return run_refuse(run, a->at, "`%s` is not followed here", name);
    return unknown(run, a->at, "what `%s` returns is not followed", name);
}
