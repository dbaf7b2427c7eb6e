/* construction.c - how a module that a function uses was made. */
#include "rewrite/construction.h"

#include "rewrite/polynomial.h"
#include "rewrite/symbolic.h"

const struct node *construction_of(const struct fn *fn, const struct value *module, const char *library_class) {
    bool own = fn->owner && module->kind == VALUE_ATTR && module->arg[0]->kind == VALUE_WEB &&
               module->arg[0]->ref == fn->params.at[0]->web;
    const struct attr *attr = own ? class_attr_of(fn->owner, module->atom) : NULL;
    const struct node *made = attr && attr->stores == 1 ? attr->expr : NULL;
    if (is_kind(made, NODE_IFEXP))
        made = is_none(made->kid[1]) ? made->kid[2] : is_none(made->kid[2]) ? made->kid[1] : NULL;
    bool is_it = is_kind(made, NODE_CALL) && made->kid[0]->abs && made->kid[0]->abs->kind == ABS_LIBRARY &&
                 qual_ends(made->kid[0]->abs->qual, library_class);
    return is_it ? made : NULL;
}

bool sizes_equal(struct unit *unit, struct node *a, struct node *b) {
    return a && b && (symbols_equivalent(unit, a, b) || polynomials_equal(a, b));
}
