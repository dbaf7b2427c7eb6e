/* rules.c - reading rule files and refusing what is wrong with them, with file and line. */
#include "rewrite/rules.h"

#include <dirent.h>
#include <stdlib.h>

#include "base/embed.h"
#include "base/file.h"

#define OP_PREFIX "torch.ops.auto_deploy."

const char *promise_text(enum promise promise) {
    static const char *const text[] = {
        [PROMISE_EXACT] = "exact", [PROMISE_ROUNDING] = "rounding", [PROMISE_APPROXIMATE] = "approximate"};
    return text[promise];
}

/* -- which metavariables a pattern binds --------------------------------------------------------------------------- */

struct bound {
    uint64_t always, maybe; /* bit sets of at most MATCH_METAS */
};

static struct bound bound_by(const struct value *p) {
    struct bound b = {0, 0};
    if (p->kind == VALUE_META)
        return (struct bound){UINT64_C(1) << p->op, UINT64_C(1) << p->op};
    for (uint32_t i = 0; i < p->count; i++) {
        struct bound inner = bound_by(p->arg[i]);
        bool alternative = p->kind == VALUE_EITHER && i > 0;
        b.always = alternative ? b.always & inner.always : b.always | inner.always;
        b.maybe |= inner.maybe;
    }
    return b;
}

static uint32_t size_of(const struct value *p) {
    uint32_t size = p->kind == VALUE_META || p->kind == VALUE_ANY ? 0 : 1, best = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t inner = size_of(p->arg[i]);
        size += p->kind == VALUE_EITHER ? 0 : inner;
        best = inner > best ? inner : best;
    }
    return p->kind == VALUE_EITHER ? best : size;
}

/* -- checking a template ------------------------------------------------------------------------------------------- */

struct check {
    struct loader *loader;
    const struct rule *rule;
    const struct yaml *at;
    struct bound bound;
};

static bool is_template_function(const struct node *callee) {
    static const char *const names[] = {
#define X(name, doc) #name,
        TEMPLATE_FUNCTIONS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is_name(callee, names[i]))
            return true;
    return false;
}

static bool check_name(const struct check *c, const struct node *name, bool optional) {
    if (name->atom[0] != '_' || (c->rule->each != NULL && is_name(name, "_result")))
        return true;
    for (uint32_t i = 0; i < c->rule->metas->count; i++) {
        if (strcmp(c->rule->metas->at[i].name, name->atom + 1) != 0)
            continue;
        if ((optional ? c->bound.maybe : c->bound.always) & UINT64_C(1) << i)
            return true;
        if (c->bound.maybe & UINT64_C(1) << i) {
            loader_error(c->loader, c->at, "$%s is not bound by every alternative: use it as a keyword argument",
                name->atom + 1);
            return false;
        }
    }
    loader_error(c->loader, c->at, "$%s is not bound by `match`", name->atom + 1);
    return false;
}

static int parameter_index(const struct function *f, atom name) {
    for (uint32_t i = 0; i < f->count; i++)
        if (f->param[i].name == name)
            return (int)i;
    return -1;
}

/* The arguments of an op against its schema. */
static bool check_op(const struct check *c, const struct node *call, atom name) {
    const struct function *f = library_function(c->loader->library, name);
    uint64_t given = 0;
    if (f == NULL) {
        loader_error(c->loader, c->at, "no op %s in rules/ops.yaml", name);
        return false;
    }
    for (uint32_t i = 1; i < call->nkids; i++) {
        const struct node *arg = call->kid[i];
        int index = arg->kind == NODE_KEYWORD ? parameter_index(f, arg->atom) : (int)i - 1;
        if (index < 0 || (uint32_t)index >= f->count || given & 1ull << index) {
            loader_error(c->loader, c->at, "%s has no argument %s (or it is given twice)", name,
                arg->kind == NODE_KEYWORD ? arg->atom : "at this position");
            return false;
        }
        given |= 1ull << index;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        if (!(given & 1ull << i) && f->param[i].fallback == VALUE_KINDS) {
            loader_error(c->loader, c->at, "%s needs its argument %s", name, f->param[i].name);
            return false;
        }
    }
    return true;
}

static bool check_template(const struct check *c, const struct node *node, bool optional) {
    if (node->kind == NODE_NAME)
        return check_name(c, node, optional);
    bool function = node->kind == NODE_CALL && is_template_function(node->kid[0]);
    if (node->kind == NODE_CALL) {
        atom name = library_qualify(c->loader->library, node->kid[0]);
        if (name != NULL && strncmp(name, OP_PREFIX, sizeof OP_PREFIX - 1) == 0 && !check_op(c, node, name))
            return false;
    }
    for (uint32_t i = 0; i < node->nkids; i++) {
        const struct node *kid = node->kid[i];
        bool loose = optional || function || (node->kind == NODE_KEYWORD && kid->kind == NODE_NAME);
        if (kid != NULL && !check_template(c, kid, loose))
            return false;
    }
    return true;
}

/* -- one rule ------------------------------------------------------------------------------------------------------ */

static bool need(struct loader *loader, const struct yaml *entry, const char *key) {
    if (yaml_get(entry, key) != NULL)
        return true;
    const char *id = yaml_text(entry, "id");
    loader_error(loader, entry, "rule %s has no `%s`", id != NULL ? id : "(without id)", key);
    return false;
}

static bool read_promise(struct loader *loader, struct rule *rule, const struct yaml *entry) {
    const char *text = yaml_text(entry, "promise");
    for (int i = PROMISE_EXACT; text != NULL && i <= PROMISE_APPROXIMATE; i++) {
        if (strcmp(text, promise_text((enum promise)i)) == 0) {
            rule->promise = (enum promise)i;
            rule->bound = yaml_text(entry, "bound");
            return i != PROMISE_APPROXIMATE || need(loader, entry, "bound");
        }
    }
    loader_error(loader, yaml_get(entry, "promise"), "`promise` is exact, rounding or approximate");
    return false;
}

/* Alternatives become one either(...). */
static const struct value *read_alternatives(
    struct loader *loader, struct rule *rule, const struct yaml *list, const struct yaml *lets) {
    const struct value *arg[32];
    if (list->count == 0 || list->count > sizeof arg / sizeof *arg) {
        loader_error(loader, list, "`match` has no pattern, or too many");
        return NULL;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        arg[i] = loader_pattern(loader, list->item[i], list->item[i]->text, rule->metas, lets);
        if (arg[i] == NULL)
            return NULL;
    }
    return value_make(loader->library->values, VALUE_EITHER, OP_NO, NULL, arg, list->count);
}

static bool read_root(
    struct loader *loader, struct rule *rule, struct root *root, const struct yaml *match, const struct yaml *lets) {
    const struct value *value = match->kind == YAML_LIST
                                    ? read_alternatives(loader, rule, match, lets)
                                    : loader_pattern(loader, match, match->text, rule->metas, lets);
    if (value == NULL)
        return false;
    root->pattern = pattern_of(value, rule->metas);
    return true;
}

static bool read_roots(struct loader *loader, struct rule *rule, const struct yaml *entry) {
    const struct yaml *match = yaml_get(entry, "match"), *lets = yaml_get(entry, "let");
    bool several = match->kind == YAML_MAP;
    rule->roots = several ? match->count : 1;
    rule->root = NEW_ARRAY(loader->arena, struct root, rule->roots);
    for (uint32_t i = 0; i < rule->roots; i++) {
        if (!read_root(loader, rule, &rule->root[i], several ? match->item[i] : match, lets))
            return false;
        rule->root[i].name = several ? match->key[i] : NULL;
        uint32_t size = size_of(rule->root[i].pattern.root);
        rule->size = size > rule->size ? size : rule->size;
    }
    return true;
}

static bool read_each(struct loader *loader, struct rule *rule, const struct yaml *entry, struct check *check) {
    const char *text = yaml_text(entry, "each");
    if (text == NULL)
        return true;
    check->at = yaml_get(entry, "each");
    rule->each = loader_parse(loader, check->at, text);
    if (rule->each != NULL && rule->roots < 2) {
        loader_error(loader, check->at, "`each` needs a `match` with several roots");
        return false;
    }
    return rule->each != NULL && check_template(check, rule->each, false);
}

static bool read_template(struct loader *loader, struct rule *rule, const struct yaml *entry) {
    const struct yaml *at = yaml_get(entry, "rewrite");
    if (at->kind != YAML_SCALAR) {
        loader_error(loader, at, "`rewrite` is one expression");
        return false;
    }
    rule->rewrite_text = at->text;
    rule->rewrite = loader_parse(loader, at, at->text);
    struct check check = {loader, rule, at, {0, 0}};
    for (uint32_t i = 0; i < rule->roots; i++) {
        struct bound b = bound_by(rule->root[i].pattern.root);
        check.bound.always |= b.always;
        check.bound.maybe |= b.maybe;
    }
    return rule->rewrite != NULL && check_template(&check, rule->rewrite, false) &&
           read_each(loader, rule, entry, &check);
}

static bool add_anchors(struct loader *loader, struct rules *rules, struct rule *rule) {
    struct value cast = library_cast_head(loader->library);
    for (uint32_t i = rule->roots; i-- > 0;) {
        struct anchor *anchor = NEW(rules->arena, struct anchor);
        *anchor = (struct anchor){rule, i};
        if (!heads_add(rules->arena, rules->anchors, rule->root[i].pattern.root, &cast, anchor)) {
            loader_error(loader, rule->yaml, "rule %s would match any expression", rule->id);
            return false;
        }
    }
    return true;
}

static bool load_rule(struct loader *loader, struct rules *rules, const struct yaml *entry) {
    static const char *const needed[] = {
        "id", "title", "why", "promise", "match", "rewrite", "example", "must_not_match"};
    if (!loader_check_keys(
            loader, entry, "id title why promise bound match let where rewrite each example must_not_match"))
        return false;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!need(loader, entry, needed[i]))
            return false;
    const char *id = yaml_text(entry, "id");
    if (id == NULL || rules_find(rules, id) != NULL) {
        loader_error(loader, entry, "two rules are called %s", id != NULL ? id : "(a list)");
        return false;
    }
    struct rule *rule = NEW(rules->arena, struct rule);
    *rule = (struct rule){.id = intern(loader->atoms, id),
        .title = yaml_text(entry, "title"),
        .why = yaml_text(entry, "why"),
        .metas = NEW(rules->arena, struct metavariables),
        .yaml = entry,
        .source = loader->source,
        .line = entry->line,
        .order = rules->list.len};
    if (!read_promise(loader, rule, entry) || !loader_conditions(loader, yaml_get(entry, "where"), rule->metas) ||
        !read_roots(loader, rule, entry) || !read_template(loader, rule, entry) || !add_anchors(loader, rules, rule))
        return false;
    vec_push(rules->arena, &rules->list, rule);
    return true;
}

/* -- files --------------------------------------------------------------------------------------------------------- */

static bool load_ops(struct loader *loader, const struct yaml *ops) {
    bool ok = true;
    for (uint32_t i = 0; i < ops->count; i++)
        ok = library_add_function(loader, ops->item[i], OP_PREFIX) && ok;
    return ok;
}

/* What later files depend on comes first: signatures, ops, spellings, equations. */
enum stage { STAGE_FUNCTIONS, STAGE_OPS, STAGE_SPELLINGS, STAGE_EQUATIONS, STAGES };

static bool load_stage(struct loader *loader, struct rules *rules, enum stage stage, const struct yaml *file) {
    const struct yaml *list;
    bool ok = true;
    switch (stage) {
    case STAGE_FUNCTIONS: return yaml_get(file, "functions") == NULL || library_load_signatures(loader, file);
    case STAGE_OPS: list = yaml_get(file, "ops"); return list == NULL || load_ops(loader, list);
    case STAGE_SPELLINGS:
        list = yaml_get(file, "spellings");
        return list == NULL || library_load_spellings(loader, list);
    case STAGE_EQUATIONS:
        list = yaml_get(file, "equations");
        for (uint32_t i = 0; list != NULL && i < list->count; i++)
            ok = load_rule(loader, rules, list->item[i]) && ok;
        return ok && (list == NULL || loader_check_keys(loader, file, "equations"));
    case STAGES: break;
    }
    return true;
}

struct rules *rules_load(struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser,
    const struct rule_file *files, uint32_t count) {
    struct rules *rules = NEW(arena, struct rules);
    rules->arena = arena;
    rules->library = library_create(arena, atoms);
    rules->anchors = NEW_ARRAY(arena, struct bucket *, HEAD_BUCKETS);
    struct loader loader = {arena, atoms, diags, parser, NULL, rules->library};
    struct source **source = NEW_ARRAY(arena, struct source *, count + 1);
    struct yaml **tree = NEW_ARRAY(arena, struct yaml *, count + 1);
    bool ok = true;
    for (uint32_t i = 0; i < count; i++) {
        source[i] = source_from_text(arena, atoms, diags, files[i].name, files[i].text, files[i].len);
        tree[i] = source[i] == NULL ? NULL : yaml_read(arena, atoms, diags, source[i], "rule-file");
        ok = ok && tree[i] != NULL;
    }
    for (int stage = 0; ok && stage < STAGES; stage++) {
        for (uint32_t i = 0; i < count; i++) {
            loader.source = source[i];
            ok = load_stage(&loader, rules, (enum stage)stage, tree[i]) && ok;
        }
    }
    return ok ? rules : NULL;
}

struct rules *rules_load_embedded(
    struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser) {
    static const char prefix[] = "rules/";
    VEC(struct rule_file) files = {0};
    for (const struct embedded *e = embedded_files; e->name != NULL; e++) {
        struct rule_file file = {e->name, e->text, e->len};
        if (strncmp(e->name, prefix, sizeof prefix - 1) == 0)
            vec_push(arena, &files, file);
    }
    return rules_load(arena, atoms, diags, parser, files.at, files.len);
}

static int by_path(const void *a, const void *b) {
    return strcmp(((const struct rule_file *)a)->name, ((const struct rule_file *)b)->name);
}

struct rules *rules_load_dir(
    struct arena *arena, struct atoms *atoms, struct diags *diags, struct parser *parser, const char *dir) {
    VEC(struct rule_file) files = {0};
    DIR *handle = opendir(dir);
    if (handle == NULL) {
        diag_at(diags, SEVERITY_ERROR, NULL, (struct span){0, 0}, "rule-file", "cannot read the directory %s", dir);
        return NULL;
    }
    bool ok = true;
    for (struct dirent *entry = readdir(handle); entry != NULL; entry = readdir(handle)) {
        size_t len = strlen(entry->d_name);
        if (len < 6 || strcmp(entry->d_name + len - 5, ".yaml") != 0)
            continue;
        struct source *source = source_read(arena, atoms, diags, path_join(arena, dir, entry->d_name));
        ok = ok && source != NULL;
        if (source != NULL) {
            struct rule_file file = {source->path, source->text, source->len};
            vec_push(arena, &files, file);
        }
    }
    closedir(handle);
    qsort(files.at, files.len, sizeof *files.at, by_path);
    return ok ? rules_load(arena, atoms, diags, parser, files.at, files.len) : NULL;
}

/* -- listing ------------------------------------------------------------------------------------------------------- */

const struct rule *rules_find(const struct rules *rules, const char *id) {
    for (uint32_t i = 0; i < rules->list.len; i++)
        if (atom_is(rules->list.at[i]->id, id))
            return rules->list.at[i];
    return NULL;
}

void rules_list(FILE *out, const struct rules *rules) {
    for (uint32_t i = 0; i < rules->list.len; i++) {
        const struct rule *rule = rules->list.at[i];
        fprintf(out, "%-28s %-12s %s\n", rule->id, promise_text(rule->promise), rule->title);
    }
}

static void explain_patterns(FILE *out, const struct yaml *match, const char *indent) {
    for (uint32_t i = 0; match->kind != YAML_SCALAR && i < match->count; i++) {
        if (match->kind == YAML_MAP)
            fprintf(out, "%s%s:\n", indent, match->key[i]);
        explain_patterns(out, match->item[i], match->kind == YAML_MAP ? "    " : indent);
    }
    if (match->kind == YAML_SCALAR)
        fprintf(out, "%s%s\n", indent, match->text);
}

bool rules_explain(FILE *out, const struct rules *rules, const char *id) {
    const struct rule *rule = rules_find(rules, id);
    if (rule == NULL)
        return false;
    fprintf(out, "%s: %s\n\n%s\n\npromise: %s", rule->id, rule->title, rule->why, promise_text(rule->promise));
    fprintf(out, "%s%s\n\nmatch:\n", rule->bound != NULL ? ", " : "", rule->bound != NULL ? rule->bound : "");
    explain_patterns(out, yaml_get(rule->yaml, "match"), "  ");
    const struct yaml *lets = yaml_get(rule->yaml, "let"), *where = yaml_get(rule->yaml, "where");
    for (uint32_t i = 0; lets != NULL && i < lets->count; i++)
        fprintf(out, "%s  $%s = %s\n", i == 0 ? "let:\n" : "", lets->key[i], lets->item[i]->text);
    for (uint32_t i = 0; where != NULL && i < where->count; i++)
        fprintf(out, "%s  $%s: %s\n", i == 0 ? "where:\n" : "", where->key[i], where->item[i]->text);
    fprintf(out, "rewrite:\n  %s\n\nmust not match:\n", rule->rewrite_text);
    explain_patterns(out, yaml_get(rule->yaml, "must_not_match"), "  ");
    fprintf(out, "\n%s:%u\n", rule->source->path, rule->line);
    return true;
}
