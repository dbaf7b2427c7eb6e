/* declined.c - flags of the configuration of which one value is served, and the other declined.
 *
 * Reads   joins of branches, and stores under a test, while the specialiser runs.
 * Writes  unit->choices: flags on which it hangs whether a mask is known, or a call leaves something in its module,
 * with the value for which it is or does not. Guarantees  a flag is a field that the configuration class declares as
 * True or False.
 *
 * A translation that is refused is run again under each choice; the first that goes through is taken, and says in the
 * emitted constructor which value it declines. In that text the specialiser finds the choice again. */
#include "rewrite/declined.h"

#include "rewrite/config.h"

enum { DEEP = 8 };

/* -- flags --------------------------------------------------------------------------------------------------------- */

static bool is_bool(const struct node *e) {
    return is_kind(e, NODE_CONST) && (e->op == OP_TRUE || e->op == OP_FALSE);
}

/* The declared default of a flag of the entry's configuration; NULL for any other field. */
static const struct node *flag_default(const struct unit *unit, atom field) {
    const struct node *dflt = unit->config ? config_default(unit->config, field) : NULL;
    return is_bool(dflt) ? dflt : NULL;
}

/* `config.field`, `not config.field`: the field, and in *holds for which value of it the test holds. */
static atom field_of(const struct node *e, bool *holds) {
    *holds = true;
    for (; e && e->kind == NODE_UNARYOP && e->op == OP_NOT; e = e->kid[0])
        *holds = !*holds;
    return is_kind(e, NODE_ATTRIBUTE) && is_name(e->kid[0], "config") ? e->atom : NULL;
}

static atom tested_field(const struct absval *test, bool *holds) {
    return field_of(test && test->kind == ABS_SYMBOLIC ? test->constant : NULL, holds);
}

static atom tested_flag(struct unit *unit, const struct absval *test, bool *holds) {
    atom field = tested_field(test, holds);
    return field && flag_default(unit, field) ? field : NULL;
}

static void add_choice(struct unit *unit, atom field, bool served) {
    for (uint32_t i = 0; i < unit->choices.len; i++)
        if (unit->choices.at[i].field == field)
            return;
    struct choice choice = {field, served};
    vec_push(unit->arena, &unit->choices, choice);
}

/* -- joins --------------------------------------------------------------------------------------------------------- */

/* Flags that chose what a variable of the test holds: as they are by default. */
static void add_flags_behind(struct unit *unit, const struct node *e, int depth) {
    bool holds;
    if (e == NULL || depth > DEEP)
        return;
    atom field = tested_flag(unit, e->abs, &holds);
    if (field) {
        add_choice(unit, field, flag_default(unit, field)->op == OP_TRUE);
        return;
    }
    if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_ASSIGN)
        add_flags_behind(unit, e->web->expr, depth + 1);
    else if (e->kind == NODE_NAME && e->web && e->web->kind == WEB_IF && e->web->stmt)
        add_flags_behind(unit, e->web->stmt->kid[0], depth + 1);
    for (uint32_t i = 0; i < e->nkids; i++)
        add_flags_behind(unit, e->kid[i], depth + 1);
}

static bool is_causal(const struct absval *a) {
    return abs_is_mask(a) && a->mask->shape == MASK_CAUSAL;
}

void note_lost_mask(struct unit *unit, const struct node *test, const struct absval *then, const struct absval *other) {
    bool holds;
    if (is_causal(then) == is_causal(other))
        return;
    atom field = tested_flag(unit, test->abs, &holds);
    if (field)
        add_choice(unit, field, holds == is_causal(then));
    else
        add_flags_behind(unit, test, 0);
}

void note_state_under(struct unit *unit, const struct node *test, bool holds) {
    bool when;
    atom field = field_of(test, &when);
    if (field && flag_default(unit, field))
        add_choice(unit, field, when != holds);
}

/* -- what is declined ---------------------------------------------------------------------------------------------- */

const struct absval *served_value(struct unit *unit, const struct absval *config, atom field) {
    if (unit->choice.field != field || *config->qual != '\0')
        return NULL;
    return abs_decided(unit, abs_bool(unit, unit->choice.served), REASON_DECLINED);
}

void note_declined(
    struct unit *unit, const struct fn *fn, const struct absval *test, bool holds, const struct node *raises) {
    bool when;
    atom field = tested_field(test, &when);
    const struct node *error =
        raises && raises->nkids == 1 && raises->kid[0]->kind == NODE_RAISE ? raises->kid[0]->kid[0] : NULL;
    if (field && fn == class_method(unit->entry, "__init__") && is_kind(error, NODE_CALL) &&
        is_name(error->kid[0], "NotImplementedError"))
        unit->declines = (struct choice){field, when != holds};
}

const struct choice *declined_choice(const struct unit *unit) {
    const struct choice *choice = unit->choice.field ? &unit->choice : &unit->declines;
    return choice->field ? choice : NULL;
}

const char *declined_setting(const struct unit *unit) {
    const struct choice *choice = declined_choice(unit);
    return choice ? arena_printf(unit->arena, "%s=%s", choice->field, choice->served ? "False" : "True") : NULL;
}
