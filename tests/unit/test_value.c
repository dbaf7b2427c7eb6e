/* test_value.c - spellings of one thing have one value, different things do not. */
#include "ssa_build.h"

#include "rewrite/expr.h"

static struct world *world;

static int set_up(void **state) {
    (void)state;
    world = world_create(true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    world_destroy(world);
    return 0;
}

#define SIGNATURE "def f(self, x: T4, y: T4, t, n: N):\n    "

static const struct value *value_in(struct values *values, const char *expr) {
    return returned(world, values, arena_printf(world->arena, SIGNATURE "return %s\n", expr));
}

/* Both expressions over the same variables: as the two elements of one returned tuple. */
static bool equal(const char *a, const char *b) {
    struct values *values = values_create(world->arena, world->atoms, world->rules->library);
    const struct value *pair = value_in(values, arena_printf(world->arena, "((%s), (%s))", a, b));
    assert_int_equal(pair->kind, VALUE_TUPLE);
    return pair->arg[0] == pair->arg[1];
}

static void expect_equal(const char *a, const char *b) {
    if (!equal(a, b))
        fail_msg("%s and %s have different values", a, b);
}

static void expect_different(const char *a, const char *b) {
    if (equal(a, b))
        fail_msg("%s and %s have one value", a, b);
}

static void test_scaling(void **state) {
    (void)state;
    expect_equal("x / n if t else x", "x / (n if t else 1.0)");
    expect_equal("x * n if t else x", "x * (n if t else 1.0)");
    expect_equal("x / n ** 0.5 if t else x", "x / (n ** 0.5 if t else 1.0)");
    expect_equal("x / torch.full([], n ** 0.5, dtype=x.dtype, device=x.device)", "x / n ** 0.5");
    expect_equal("x / torch.tensor(n, dtype=x.dtype)", "x / n");
    expect_different("x / n if t else y", "x / (n if t else 1.0)");
    expect_different("torch.full([2], n)", "n");
}

static void test_calls(void **state) {
    (void)state;
    expect_equal("F.softmax(x, dim=-1)", "torch.softmax(x, -1)");
    expect_equal("nn.functional.softmax(x, dim=-1, dtype=torch.float32)", "x.softmax(-1, dtype=torch.float)");
    expect_equal("torch.softmax(x, 3)", "torch.softmax(x, -1)");
    expect_equal("x.mean(-1, keepdim=True)", "torch.mean(x, axis=-1, keepdims=True)");
    expect_equal("x.mean(dim=(-1,), keepdim=True)", "x.mean(3, True)");
    expect_equal("torch.cat((x, y), dim=-1)", "torch.concat([x, y], 3)");
    expect_equal("nn.Softmax(dim=-1)(x)", "torch.softmax(x, -1)");
    expect_different("torch.softmax(x, -1)", "torch.softmax(x, -2)");
    expect_different("torch.std(x, unbiased=False)", "torch.std(x)");
    expect_different("self.norm(x)", "x.norm()");
    expect_different("self.view(2)", "x.view(2)");
    expect_equal("foo(x, a=1, b=2)", "foo(x, b=2, a=1)");
    expect_different("foo(x, a=1)", "foo(x, b=1)");
}

static void test_operators(void **state) {
    (void)state;
    expect_equal("torch.matmul(x, y)", "x @ y");
    expect_equal("x.matmul(y)", "x @ y");
    expect_equal("torch.mul(x, y)", "x * y");
    expect_equal("x.add(y)", "x + y");
    expect_different("x.add(y, alpha=2)", "x + y");
    expect_equal("x.pow(2)", "x * x");
    expect_equal("torch.square(x)", "x ** 2");
    expect_equal("1 / torch.sqrt(x)", "torch.rsqrt(x)");
    expect_equal("torch.pow(x, -0.5)", "x.rsqrt()");
    expect_equal("y / x ** 0.5", "y * torch.rsqrt(x)");
    expect_equal("2 * 3", "6.0");
    expect_equal("-(1)", "-1");
    expect_different("x - y", "y - x");
    expect_different("x / y", "y / x");
    expect_different("x ** 2", "x ** 3");
}

static void test_casts(void **state) {
    (void)state;
    expect_equal("x.float()", "x.to(torch.float32)");
    expect_equal("x.to(dtype=torch.float32, device=y.device)", "x.float()");
    expect_equal("x.type_as(y)", "x.to(y.dtype)");
    expect_equal("x.type(torch.float32)", "x.float()");
    expect_equal("x.to(y.device)", "x");
    expect_equal("x.to(x.dtype)", "x");
    expect_equal("x.float().dtype", "torch.float32");
    expect_equal("x.float().shape", "x.shape");
    expect_equal("x.contiguous().clone()", "x");
    expect_different("x.float()", "x");
    expect_different("x.half()", "x.float()");
}

static void test_shapes(void **state) {
    (void)state;
    expect_equal("x.size(-1)", "x.shape[3]");
    expect_equal("x.size()[0]", "x.shape[-4]");
    expect_equal("x.transpose(2, 3)", "x.transpose(-1, -2)");
    expect_equal("x.permute(0, 2, 1, 3)", "x.transpose(1, 2)");
    expect_equal("x.permute(0, 2, 3, 1)", "x.transpose(1, 2).transpose(-1, -2)");
    expect_equal("x.transpose(1, 2).transpose(2, 1)", "x");
    expect_equal("x.mT", "x.transpose(-2, -1)");
    expect_equal("x[:, None]", "x.unsqueeze(1)");
    expect_equal("x[..., None]", "x.unsqueeze(-1)");
    expect_equal("x[..., :2]", "x[:, :, :, 0:2]");
    expect_equal("x[..., 2:]", "x[:, :, :, 2 : x.shape[-1]]");
    expect_equal("x[:, :, :, :]", "x");
    expect_equal("x.chunk(2, dim=-1)[0]", "x[..., : x.shape[-1] // 2]");
    expect_equal("torch.split(x, x.shape[-1] // 2, dim=-1)[1]", "x[..., x.shape[-1] // 2 :]");
    expect_equal("x.view(2, -1)", "x.reshape((2, -1))");
    expect_equal("x.view(*x.shape[:-1], 3, 2)", "x.reshape(x.shape[0], x.shape[1], x.shape[2], 3, 2)");
    expect_equal("x.view(*(x.shape[:2] + (3,)))", "x.view(x.size(0), x.size(1), 3)");
    expect_equal("x.view(2, 3).view(3, 2)", "x.view(3, 2)");
    expect_different("x.view(2, 3)", "x.view(3, 2)");
    expect_different("t.transpose(2, 3)", "t.transpose(-1, -2)");
    expect_different("x[0]", "x[1]");
    expect_different("x[..., ::2]", "x[..., 1::2]");
    expect_equal("(x, y)[1]", "y");
    expect_equal("(x, y, t)[1:][0]", "y");
}

static void test_variables(void **state) {
    (void)state;
    struct values *values = values_create(world->arena, world->atoms, world->rules->library);
    struct node *fn = build_function(world, "def f(self, x: T3, c: N):\n"
                                            "    a, *b = x.shape\n"
                                            "    y = x.float()\n"
                                            "    if c == 1:\n"
                                            "        z = y\n"
                                            "    else:\n"
                                            "        z = x.to(torch.float32)\n"
                                            "    return z, y, b[0], x.shape[1]\n");
    struct node *body = function_body(fn);
    const struct value *v = value_of(values, body->kid[body->nkids - 1]->kid[0]);
    assert_ptr_equal(v->arg[0], v->arg[1]);
    assert_ptr_equal(v->arg[2], v->arg[3]);
}

static void test_expressions_are_read_as_python(void **state) {
    (void)state;
    static const char *const texts[] = {"a + b * c ** -d", "-x ** 2", "not a and b or c", "a if b else c if d else e",
        "f(*a, b, c=d)[..., 1:, ::2, :-1]", "(a,)", "(a)", "[a, b]", "a < b <= c", "x[:, None]", "x[a:b:c]",
        "f()(a)(b=1)", "a - b - c", "a @ b / c // d % e", "a is not None", "'s' + \"t\"", "1e-6 * 0.5", "a.b.c(d).e",
        "x[*a, b]", "x[(a, b)]", "a & b | c ^ d << 2", "a not in b"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint32_t error;
        struct node *mine = expr_read(world->arena, world->atoms, texts[i], &error);
        struct source *source =
            source_from_text(world->arena, world->atoms, world->diags, "test", texts[i], strlen(texts[i]));
        struct node *theirs = parse_expression(world->parser, world->arena, world->atoms, world->diags, source);
        if (mine == NULL || theirs == NULL || !node_equal(mine, theirs))
            fail_msg("read otherwise: %s", texts[i]);
    }
    static const char *const wrong[] = {"", "a +", "f(", "a b", "x[]", "x[1", "(a", "a = b", "1 +* 2", "'open"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t error;
        assert_null(expr_read(world->arena, world->atoms, wrong[i], &error));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_scaling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_calls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_operators, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_casts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_variables, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expressions_are_read_as_python, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
