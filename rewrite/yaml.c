/* yaml.c - libyaml's document tree copied into the arena. */
#include "rewrite/yaml.h"

#include <yaml.h>

#include "base/arena.h"

struct reader {
    struct arena *arena;
    struct atoms *atoms;
    struct diags *diags;
    struct source *source;
    const char *what; /* id of diagnostics */
    yaml_document_t *document;
    bool failed;
    size_t characters, bytes; /* a place in the text, counted both ways: the last one asked for */
};

/* libyaml counts characters, everybody else bytes. Places are mostly asked for in order. */
static uint32_t offset_of(struct reader *r, const yaml_mark_t *mark) {
    const char *text = r->source->text;
    if (mark->index < r->characters)
        r->characters = r->bytes = 0;
    for (; r->characters < mark->index && r->bytes < r->source->len; r->characters++)
        for (r->bytes++; (text[r->bytes] & 0xC0) == 0x80;)
            r->bytes++;
    return (uint32_t)r->bytes;
}

static struct yaml *convert(struct reader *r, int index);

static void duplicate(struct reader *r, const struct yaml *key) {
    r->failed = true;
    diag_at(r->diags, SEVERITY_ERROR, r->source, key->span, r->what, "the key `%s` stands here twice",
        key->kind == YAML_SCALAR ? key->text : "?");
}

static void convert_list(struct reader *r, struct yaml *out, const yaml_node_t *node) {
    out->count = (uint32_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    out->item = NEW_ARRAY(r->arena, struct yaml *, out->count);
    for (uint32_t i = 0; i < out->count; i++)
        out->item[i] = convert(r, node->data.sequence.items.start[i]);
}

static void convert_map(struct reader *r, struct yaml *out, const yaml_node_t *node) {
    out->count = (uint32_t)(node->data.mapping.pairs.top - node->data.mapping.pairs.start);
    out->item = NEW_ARRAY(r->arena, struct yaml *, out->count);
    out->key = NEW_ARRAY(r->arena, atom, out->count);
    for (uint32_t i = 0; i < out->count; i++) {
        const yaml_node_pair_t *pair = &node->data.mapping.pairs.start[i];
        struct yaml *key = convert(r, pair->key);
        out->key[i] = intern(r->atoms, key->kind == YAML_SCALAR ? key->text : "?");
        for (uint32_t k = 0; k < i; k++)
            if (out->key[k] == out->key[i])
                duplicate(r, key);
        out->item[i] = convert(r, pair->value);
    }
}

static struct yaml *convert(struct reader *r, int index) {
    const yaml_node_t *node = yaml_document_get_node(r->document, index);
    struct yaml *out = NEW(r->arena, struct yaml);
    out->line = (uint32_t)node->start_mark.line + 1;
    out->span.start = offset_of(r, &node->start_mark);
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        out->kind = YAML_LIST;
        convert_list(r, out, node);
        break;
    case YAML_MAPPING_NODE:
        out->kind = YAML_MAP;
        convert_map(r, out, node);
        break;
    default:
        out->kind = YAML_SCALAR;
        out->text = arena_strndup(r->arena, (const char *)node->data.scalar.value, node->data.scalar.length);
    }
    out->span.end = offset_of(r, &node->end_mark); /* behind the children: in order */
    return out;
}

static void report(struct reader *r, const yaml_parser_t *parser) {
    uint32_t at = offset_of(r, &parser->problem_mark);
    struct span span = {at, at};
    diag_at(r->diags, SEVERITY_ERROR, r->source, span, r->what, "not YAML: %s",
        parser->problem ? parser->problem : "unreadable");
}

/* An alias would make the tree a graph, possibly a cyclic one: libyaml resolves it to the anchored node, so look for
 * anchors in the token stream instead. Rule files have no use for them. */
static bool has_alias(const struct source *source) {
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->len);
    bool found = false, done = false;
    while (!done && !found) {
        yaml_token_t token;
        if (!yaml_parser_scan(&parser, &token))
            break;
        found = token.type == YAML_ALIAS_TOKEN || token.type == YAML_ANCHOR_TOKEN;
        done = token.type == YAML_STREAM_END_TOKEN;
        yaml_token_delete(&token);
    }
    yaml_parser_delete(&parser);
    return found;
}

static struct yaml *read_document(struct reader *r, yaml_parser_t *parser) {
    yaml_document_t document;
    if (!yaml_parser_load(parser, &document)) {
        report(r, parser);
        return NULL;
    }
    r->document = &document;
    struct yaml *tree = NULL;
    if (yaml_document_get_root_node(&document) == NULL) {
        tree = NEW(r->arena, struct yaml);
        tree->kind = YAML_LIST;
    } else {
        tree = convert(r, 1);
    }
    yaml_document_delete(&document);
    return r->failed ? NULL : tree;
}

struct yaml *yaml_read(
    struct arena *arena, struct atoms *atoms, struct diags *diags, struct source *source, const char *what) {
    struct reader r = {.arena = arena, .atoms = atoms, .diags = diags, .source = source, .what = what};
    if (memchr(source->text, '*', source->len) != NULL && memchr(source->text, '&', source->len) != NULL &&
        has_alias(source)) {
        diag_at(diags, SEVERITY_ERROR, source, (struct span){0, 0}, what, "anchors and aliases are not supported");
        return NULL;
    }
    yaml_parser_t parser;
    yaml_parser_initialize(&parser);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)source->text, source->len);
    struct yaml *tree = read_document(&r, &parser);
    yaml_parser_delete(&parser);
    return tree;
}

struct yaml *yaml_get(const struct yaml *map, const char *key) {
    for (uint32_t i = 0; map != NULL && map->kind == YAML_MAP && i < map->count; i++)
        if (atom_is(map->key[i], key))
            return map->item[i];
    return NULL;
}

const char *yaml_text(const struct yaml *map, const char *key) {
    const struct yaml *found = yaml_get(map, key);
    return found != NULL && found->kind == YAML_SCALAR ? found->text : NULL;
}
