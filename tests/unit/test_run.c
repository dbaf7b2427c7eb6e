/* test_run.c - the interpreter gives what Python gives, or says that it does not know. */
#include "rewrite/run_internal.h"
#include "unit.h"

struct fixture {
    struct world world;
    struct unit unit;
};

static struct run *run_of(struct fixture *f, const char *text) {
    f->world = world_create();
    f->unit = (struct unit){
        .arena = f->world.arena, .atoms = f->world.atoms, .diags = f->world.diags, .parser = f->world.parser};
    f->unit.module = module_load(&f->unit, source_of(&f->world, text));
    assert_non_null(f->unit.module);
    return run_create(&f->unit);
}

/* The text of what `def f():` with that body returns; of an exception its class; "?" where it is not known. */
static void runs_to(const char *body, const char *expected) {
    struct fixture f;
    struct run *run = run_of(&f, body);
    struct datum *function = run_name(run, f.unit.module, intern(f.world.atoms, "f"));
    assert_non_null(function);
    struct datum *value = run_apply(run, function, NULL, 0);
    const char *text = "?";
    if (value && value->kind != D_UNKNOWN)
        text = datum_text(run, value)->text;
    else if (run->stop == RUN_RAISED)
        text = run->exception->object->class->name;
    assert_string_equal(text, expected);
    world_destroy(&f.world);
}

static void gives(const char *expression, const char *expected) {
    struct arena *arena = arena_create();
    runs_to(arena_printf(arena, "def f():\n    return %s\n", expression), expected);
    arena_destroy(arena);
}

static void test_numbers(void **state) {
    (void)state;
    gives("-7 // 2, -7 % 3, 7 // -2, 7 % -3, 2**10, 2**-1, 7 / 2", "(-4, 2, -4, -2, 1024, 0.5, 3.5)");
    gives("1e3, 10.0, 0x1f, 0b101, 1_000, 0.1 + 0.2", "(1000.0, 10.0, 31, 5, 1000, 0.30000000000000004)");
    gives("int(3.9), int(-3.9), int('12'), float('1.5'), bool([]), round(2.5)", "(3, -3, 12, 1.5, False, 2)");
    gives("True + 1, 5 & 3, 5 | 3, 5 ^ 3, 1 << 4, -9 >> 1, ~5", "(2, 1, 7, 6, 16, -5, -6)");
    gives("max(1, 5, 3), min([4, 2]), sum([1, 2, 3]), abs(-4)", "(5, 2, 6, 4)");
    gives("1 < 2 < 3, 1 == 1.0, 'a' < 'b', None is None", "(True, True, True, True)");
    gives("1 // 0", "ZeroDivisionError");
    gives("2**100", "?");
    gives("(-9223372036854775807 - 1) // -1", "?");
    gives("1 << -1", "?");
    gives("(-1) ** 1000000000000001, 1 ** 10**15", "(-1, 1)");
    gives("None + 1", "TypeError");
}

static void test_collections(void **state) {
    (void)state;
    gives("[i * i for i in range(6) if i % 2]", "[1, 9, 25]");
    gives("[(a, b) for a in 'xy' for b in (1, 2)][1:3]", "[('x', 2), ('y', 1)]");
    gives("sorted({k: v for k, v in zip('ba', [1, 2])}.items())", "?"); /* the order of tuples */
    gives("{**{'a': 1}, 'b': 2}.get('b'), {'a': 1}.get('c', 7)", "(2, 7)");
    gives("[1, 2, 3, 4][::-2], [1, 2, 3][-1], 'abcdef'[2:4], (1, 2) + (3,)", "([4, 2], 3, 'cd', (1, 2, 3))");
    gives("[0] * 3, len({1, 1, 2}), list(reversed([1, 2])), [1] in [[1]]", "([0, 0, 0], 2, [2, 1], True)");
    gives("any(x > 2 for x in [1, 3]), all([]), list(enumerate('ab', 1))", "(True, True, [(1, 'a'), (2, 'b')])");
    gives("{'a': 1}['b']", "KeyError");
    gives("[1][3]", "IndexError");
    gives("'ab' * 2, 2 * [1]", "('abab', [1, 1])");
    gives("{1, 2} ^ {2}", "?");
    gives("(1).bit_length()", "?");
    runs_to("def f():\n    s = t = [1]\n    s *= 2\n    s += (3,)\n    return t\n", "[1, 1, 3]");
    runs_to("import os\ndef f():\n    return [os.getpid(), 5].index(5)\n", "?");
}

static void test_strings(void **state) {
    (void)state;
    gives("f'{1 + 1}.{\"a\"}{{}}', 'a' 'b', 'x.y'.split('.'), '-'.join(['p', 'q'])",
        "('2.a{}', 'ab', ['x', 'y'], 'p-q')");
    gives("'weight'.endswith(('bias', 'weight')), 'aXa'.replace('X', '')", "(True, 'aa')");
    gives("f'{3:04d}'", "?");
}

static void test_control_flow(void **state) {
    (void)state;
    runs_to("def f():\n"
            "    a, *b = 1, 2, 3\n"
            "    n = 0\n"
            "    for i in b:\n"
            "        if i == 2:\n"
            "            continue\n"
            "        n += i\n"
            "    else:\n"
            "        n += 10\n"
            "    while n > 11:\n"
            "        n -= 1\n"
            "        if n == 12:\n"
            "            break\n"
            "    return a, b, n\n",
        "(1, [2, 3], 12)");
    runs_to("def f():\n"
            "    log = []\n"
            "    try:\n"
            "        {}['a']\n"
            "    except (KeyError, ValueError) as e:\n"
            "        log.append('caught')\n"
            "    finally:\n"
            "        log.append('last')\n"
            "    return log\n",
        "['caught', 'last']");
    runs_to("def f(x=1, *args, k, **rest):\n    return x\n", "TypeError");
    runs_to("def g(x, y=2, *args, k=5, **rest):\n    return x, y, args, k, sorted(rest)\n"
            "def f():\n    return g(1, *[7, 8], z=3, **{'k': 4})\n",
        "(1, 7, (8,), 4, ['z'])");
    runs_to("def f():\n"
            "    total = 3\n"
            "    def add(x):\n"
            "        return x + total\n"
            "    return [add(1), (lambda y: y * total)(2), (n := 4) + n]\n",
        "[4, 6, 8]");
}

static void test_classes(void **state) {
    (void)state;
    runs_to("class A:\n"
            "    kind = 'a'\n"
            "    def __init__(self, x):\n"
            "        self.x = x\n"
            "    @property\n"
            "    def double(self):\n"
            "        return 2 * self.x\n"
            "    @double.setter\n"
            "    def double(self, value):\n"
            "        self.x = value // 2\n"
            "    @classmethod\n"
            "    def make(cls):\n"
            "        return cls(4)\n"
            "    @staticmethod\n"
            "    def one():\n"
            "        return 1\n"
            "class B(A):\n"
            "    kind = 'b'\n"
            "    def __init__(self, x):\n"
            "        super().__init__(x + 1)\n"
            "class M:\n"
            "    def who(self):\n"
            "        return 'm'\n"
            "class C(B, M):\n"
            "    def who(self):\n"
            "        return 'c' + super().who()\n"
            "def f():\n"
            "    c = C.make()\n"
            "    before = c.double\n"
            "    c.double = 20\n"
            "    return c.x, before, c.kind, c.who(), C.one(), isinstance(c, A), hasattr(c, 'y'), getattr(c, 'y', 0)\n",
        "(10, 10, 'b', 'cm', 1, True, False, 0)");
    runs_to("def f():\n    return object().x\n", "AttributeError");
}

static void test_what_is_not_known(void **state) {
    (void)state;
    runs_to("import os\ndef f():\n    x = os.getpid()\n    return 3\n", "3");
    runs_to("import os\ndef f():\n    return os.getpid() + 1\n", "?");
    runs_to("import os\ndef f():\n    if os.getpid() > 4:\n        return 1\n    return 2\n", "?");
    runs_to("def f():\n    yield 1\n", "?");
}

static void test_tensors(void **state) {
    (void)state;
    runs_to("import torch\ndef f():\n    return (torch.zeros(2, 3) + torch.ones(4, 1, 3)).shape\n", "(4, 2, 3)");
    runs_to("import torch\ndef f():\n    return torch.arange(0, 7, 2).dtype, torch.tensor([1.0, 2]).half().dtype\n",
        "(torch.int64, torch.float16)");
    runs_to("import torch\ndef f():\n    return torch.empty(6, 4).view(2, -1).t().unsqueeze(-1).shape\n", "(12, 2, 1)");
    runs_to("import torch\ndef f():\n    return torch.arange(5).expand((2, 1, -1)).size()\n", "(2, 1, 5)");
    runs_to("import torch\ndef f():\n    return torch.FloatTensor(2, 3).shape\n", "(2, 3)");
    runs_to("import torch\ndef f():\n    return torch.empty(3, 1).expand(-1, 4).size(-1)\n", "4");
    runs_to("import torch\ndef f():\n    return len([w for w in torch.zeros(3, 2)])\n", "3");
    runs_to("import torch\ndef f():\n    return torch.zeros(6, 4).chunk(2, dim=-1)[1].shape\n", "(6, 2)");
    runs_to("import torch\ndef f():\n    return torch.zeros(6, 4).view(5, -1)\n", "RuntimeError");
    runs_to("import torch\ndef f():\n    return torch.zeros(2).sum()\n", "?");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_collections),
        cmocka_unit_test(test_strings), cmocka_unit_test(test_control_flow), cmocka_unit_test(test_classes),
        cmocka_unit_test(test_what_is_not_known), cmocka_unit_test(test_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
