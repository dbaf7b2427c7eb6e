/* value.c - the table of values, and questions about one. Canonical forms are made in canon.c, from syntax in build.c.
 */
#include "rewrite/value.h"

#include "base/buf.h"

struct values {
    struct arena *arena;
    struct atoms *atoms;
    const struct library *library;
    struct value **slot;
    uint32_t slots, len, depth;
    struct value *first, *last;
    struct value *block; /* the next of those that were made room for */
    uint32_t room;
};

enum { SLOTS_AT_FIRST = 128, BLOCK = 32, RESPELL_DEPTH = 40 };

struct values *values_create(struct arena *arena, struct atoms *atoms, const struct library *library) {
    struct values *values = NEW(arena, struct values);
    *values = (struct values){.arena = arena, .atoms = atoms, .library = library, .slots = SLOTS_AT_FIRST};
    values->slot = NEW_ARRAY(arena, struct value *, SLOTS_AT_FIRST);
    return values;
}

struct arena *values_arena(const struct values *values) {
    return values->arena;
}

struct atoms *values_atoms(const struct values *values) {
    return values->atoms;
}

const struct library *values_library(const struct values *values) {
    return values->library;
}

bool values_enter(struct values *values) {
    if (values->depth >= RESPELL_DEPTH)
        return false;
    values->depth++;
    return true;
}

void values_leave(struct values *values) {
    values->depth--;
}

void value_note_rank(const struct value *value, uint32_t rank) {
    if (value->rank == 0 && value->kind != VALUE_META)
        ((struct value *)value)->rank = rank;
}

const struct value *values_next(const struct values *values, const struct value *value) {
    return value == NULL ? values->first : value->next;
}

uint32_t values_count(const struct values *values) {
    return values->len;
}

/* -- interning ----------------------------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t hash, uint64_t word) {
    uint64_t product = (hash ^ word ^ word >> 29) * 0x9E3779B97F4A7C15u;
    return (uint32_t)(product >> 32);
}

/* Addresses go into the hash, so the order of the slots differs from run to run; nothing ever iterates over them. */
static uint32_t hash_of(const struct value *v) {
    uint64_t bits;
    memcpy(&bits, &v->number, sizeof bits);
    uint32_t hash = mix((uint32_t)v->kind << 8 | v->op, (uintptr_t)v->atom);
    hash = mix(mix(hash, bits), (uintptr_t)v->ref);
    for (uint32_t i = 0; i < v->count; i++)
        hash = mix(hash, (uintptr_t)v->arg[i]);
    return hash;
}

static bool same(const struct value *a, const struct value *b) {
    return a->hash == b->hash && a->kind == b->kind && a->op == b->op && a->atom == b->atom && a->count == b->count &&
           a->number == b->number && a->ref == b->ref &&
           (a->count == 0 || memcmp(a->arg, b->arg, sizeof *a->arg * a->count) == 0);
}

static void grow(struct values *values) {
    struct value **old = values->slot;
    uint32_t slots = values->slots;
    values->slots = slots * 2;
    values->slot = NEW_ARRAY(values->arena, struct value *, values->slots);
    for (uint32_t i = 0; i < slots; i++) {
        if (old[i] == NULL)
            continue;
        uint32_t at = old[i]->hash & (values->slots - 1);
        while (values->slot[at] != NULL)
            at = (at + 1) & (values->slots - 1);
        values->slot[at] = old[i];
    }
}

static bool is_self(const struct value *v) {
    const struct web *web = v->ref;
    return v->kind == VALUE_WEB && web->kind == WEB_PARAM && atom_is(web->name, "self");
}

/* Whether a value is the same for every input, given its arguments. A call of a module is not: it may hold state. */
static bool is_fixed(const struct value *v) {
    switch (v->kind) {
    case VALUE_WEB: return is_self(v);
    case VALUE_OPAQUE:
    case VALUE_APPLY:
    case VALUE_META:
    case VALUE_ANY: return false;
    default:
        for (uint32_t i = 0; i < v->count; i++)
            if (!v->arg[i]->fixed)
                return false;
        return true;
    }
}

uint64_t head_bit(const struct value *v) {
    uint64_t bits;
    memcpy(&bits, &v->number, sizeof bits);
    return (uint64_t)1 << (mix(mix((uint32_t)v->kind << 8 | v->op, (uintptr_t)v->atom), bits) & 63);
}

uint64_t value_heads(const struct value *v) {
    uint64_t heads = head_bit(v);
    for (uint32_t i = 0; i < v->count; i++)
        heads |= v->arg[i]->heads;
    return heads;
}

/* Values are made room for by the block: a match walks from one to the next. */
static struct value *value_new(struct values *values) {
    if (values->room == 0) {
        values->block = NEW_ARRAY(values->arena, struct value, BLOCK);
        values->room = BLOCK;
    }
    values->room--;
    return values->block++;
}

static struct value *store(struct values *values, const struct value *draft) {
    struct value *v = value_new(values);
    *v = *draft;
    v->owner = values;
    v->next = NULL;
    v->fixed = is_fixed(v);
    v->heads = value_heads(v);
    if (v->count > 0) {
        v->arg = NEW_ARRAY(values->arena, const struct value *, v->count);
        memcpy(v->arg, draft->arg, sizeof *v->arg * v->count);
    }
    return v;
}

struct value *value_intern(struct values *values, const struct value *given) {
    struct value draft = *given;
    if (draft.number == 0)
        draft.number = 0; /* -0.0 */
    draft.hash = hash_of(&draft);
    uint32_t at = draft.hash & (values->slots - 1);
    for (; values->slot[at] != NULL; at = (at + 1) & (values->slots - 1))
        if (same(values->slot[at], &draft))
            return values->slot[at];
    struct value *v = store(values, &draft);
    values->slot[at] = v;
    if (values->last == NULL)
        values->first = v;
    else
        values->last->next = v;
    values->last = v;
    if (++values->len * 2 > values->slots)
        grow(values);
    return v;
}

/* -- questions ----------------------------------------------------------------------------------------------------- */

bool value_is_call(const struct value *v, const char *name) {
    return v->kind == VALUE_CALL && atom_is(v->atom, name);
}

const struct value *value_cast_of(const struct value *v) {
    return value_is_call(v, "torch.Tensor.to") ? v->arg[0] : NULL;
}

static bool abs_says_scalar(const struct absval *a) {
    if (a == NULL)
        return false;
    switch (a->kind) {
    case ABS_NUMBER:
    case ABS_SYMBOLIC:
    case ABS_INDEX: return true;
    case ABS_CONST: return a->constant != NULL && a->constant->kind == NODE_NUMBER;
    default: return false;
    }
}

static bool args_are_scalars(const struct value *v) {
    for (uint32_t i = 0; i < v->count; i++)
        if (!value_is_scalar(v->arg[i]))
            return false;
    return true;
}

static bool is_shape(const struct value *v) {
    return v->kind == VALUE_ATTR && atom_is(v->atom, "shape");
}

bool value_is_scalar(const struct value *v) {
    if (v->kind == VALUE_NUMBER || abs_says_scalar(v->abs))
        return true;
    if (v->rank > 0 || (v->abs != NULL && v->abs->kind != ABS_TOP && v->abs->kind != ABS_NOTNONE))
        return false;
    switch (v->kind) {
    case VALUE_ATTR: /* of self; parameters and buffers are known to be tensors */ return v->fixed;
    case VALUE_INDEX: return is_shape(v->arg[0]);
    case VALUE_OP: return args_are_scalars(v);
    case VALUE_IFEXP: return value_is_scalar(v->arg[1]) && value_is_scalar(v->arg[2]);
    case VALUE_CALL:
        return (strncmp(v->atom, "math.", 5) == 0 || atom_is(v->atom, "float") || atom_is(v->atom, "int")) &&
               args_are_scalars(v);
    default: return false;
    }
}

static bool is_minus_infinity(const struct value *v) {
    if (v->kind == VALUE_OP && v->op == OP_NEG)
        return (v->arg[0]->kind == VALUE_NAME && strstr(v->arg[0]->atom, "inf") != NULL) ||
               (v->arg[0]->kind == VALUE_CALL && v->arg[0]->count == 1 && v->arg[0]->arg[0]->kind == VALUE_STRING);
    return v->kind == VALUE_CALL && strstr(v->atom, "float") != NULL && v->count == 1 &&
           v->arg[0]->kind == VALUE_STRING && strstr(v->arg[0]->atom, "-inf") != NULL;
}

bool value_is_low(const struct value *v) {
    enum { LOW = -9999 };
    const struct value *of = value_cast_of(v);
    if (of != NULL)
        return value_is_low(of);
    if (v->kind == VALUE_NUMBER)
        return v->number < LOW;
    if (is_minus_infinity(v))
        return true;
    if (v->kind == VALUE_ATTR)
        return (atom_is(v->atom, "min") && value_is_call(v->arg[0], "torch.finfo")) ||
               (v->fixed && v->abs && v->abs->kind == ABS_TENSOR);
    if (v->kind != VALUE_CALL || v->count == 0)
        return false;
    bool first = atom_is(v->atom, "torch.tensor");
    bool second = v->count > 1 && atom_is(v->atom, "torch.full");
    return (first && value_is_low(v->arg[0])) || (second && value_is_low(v->arg[1]));
}

/* -- printing ------------------------------------------------------------------------------------------------------ */

static void print_list(struct buf *out, const struct value *v, uint32_t from, const char *open, const char *close) {
    buf_puts(out, open);
    for (uint32_t i = from; i < v->count; i++) {
        if (i > from)
            buf_puts(out, ", ");
        value_print(out, v->arg[i]);
    }
    buf_puts(out, close);
}

static void print_op(struct buf *out, const struct value *v) {
    if (v->count == 1) {
        buf_printf(out, "%s%s", op_text(v->op), v->op == OP_NOT ? " " : "");
        value_print(out, v->arg[0]);
        return;
    }
    buf_putc(out, '(');
    for (uint32_t i = 0; i < v->count; i++) {
        if (i > 0)
            buf_printf(out, " %s ", op_text(v->op));
        value_print(out, v->arg[i]);
    }
    buf_putc(out, ')');
}

static void print_ref(struct buf *out, const struct value *v) {
    const struct web *web = v->ref;
    if (v->kind == VALUE_WEB)
        buf_puts(out, web->name ? web->name : "?");
    else
        buf_printf(out, "<%s>", node_kind_name(((const struct node *)v->ref)->kind));
}

static void print_three(struct buf *out, const struct value *v, const char *first, const char *second) {
    value_print(out, v->arg[1]);
    buf_puts(out, first);
    value_print(out, v->arg[0]);
    buf_puts(out, second);
    value_print(out, v->arg[2]);
}

void value_print(struct buf *out, const struct value *v) {
    switch ((enum value_kind)v->kind) {
    case VALUE_META: buf_printf(out, "$%s", v->atom); break;
    case VALUE_ANY: buf_puts(out, "_"); break;
    case VALUE_EITHER: print_list(out, v, 0, "either(", ")"); break;
    case VALUE_BOTH: print_list(out, v, 0, "both(", ")"); break;
    case VALUE_CAST: print_list(out, v, 0, "cast(", ")"); break;
    case VALUE_WEB:
    case VALUE_OPAQUE: print_ref(out, v); break;
    case VALUE_NAME: buf_puts(out, v->atom); break;
    case VALUE_STRING: buf_printf(out, "\"%s\"", v->atom); break;
    case VALUE_NUMBER: buf_printf(out, "%.17g", v->number); break;
    case VALUE_CONST: buf_puts(out, op_text(v->op)); break;
    case VALUE_CALL:
        buf_puts(out, v->atom);
        print_list(out, v, 0, "(", ")");
        break;
    case VALUE_APPLY:
        value_print(out, v->arg[0]);
        print_list(out, v, 1, "(", ")");
        break;
    case VALUE_KEYWORD:
        buf_printf(out, "%s=", v->atom ? v->atom : "**");
        value_print(out, v->arg[0]);
        break;
    case VALUE_STAR: print_list(out, v, 0, "*", ""); break;
    case VALUE_ATTR:
        value_print(out, v->arg[0]);
        buf_printf(out, ".%s", v->atom);
        break;
    case VALUE_INDEX:
        value_print(out, v->arg[0]);
        print_list(out, v, 1, "[", "]");
        break;
    case VALUE_SLICE:
        buf_puts(out, "slice");
        print_list(out, v, 0, "(", ")");
        break;
    case VALUE_OP: print_op(out, v); break;
    case VALUE_IFEXP:
        buf_puts(out, "(");
        print_three(out, v, " if ", " else ");
        buf_puts(out, ")");
        break;
    case VALUE_TUPLE: print_list(out, v, 0, "(", v->count == 1 ? ",)" : ")"); break;
    case VALUE_LIST: print_list(out, v, 0, "[", "]"); break;
    case VALUE_KINDS: break;
    }
}
