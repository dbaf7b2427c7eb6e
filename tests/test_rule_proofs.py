"""Every equation is executed: what it matches and what it writes compute the same numbers.

The example of a rule gives a value to each metavariable. A pattern stands for several expressions: one for every
choice of its alternatives. Each of them that the example can evaluate is compared with the rewrite, in float32 and in
bfloat16, with the tolerance of the rule's promise; every alternative of `match` must have been evaluated once.

The CPU reference of torch.ops.auto_deploy comes from reference/ (or from the branch given by ADGEN_REFERENCE).
"""

import ast
import builtins
import copy
import functools
import itertools
import os
import random
import re
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).resolve().parent.parent
RULES = Path(os.environ.get("ADGEN_RULES", ROOT / "rules"))
sys.path.insert(0, os.environ.get("ADGEN_REFERENCE", str(ROOT / "reference")))
pytest.importorskip("adgen_reference.ops", reason="the reference ops are not there")

VARIANTS_MAX = 40
OMIT = object()


# -- rules as Python --------------------------------------------------------------------------------


def load_rules():
    rules = []
    for path in sorted(RULES.glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        if isinstance(document, dict):
            rules += document.get("equations") or []
    return rules


def parse(text):
    return ast.parse(text.replace("$", "_m_").strip(), mode="eval").body


def metavariable(node):
    is_meta = isinstance(node, ast.Name) and node.id.startswith("_m_")
    return node.id[3:] if is_meta else None


class Undecided(Exception):
    """An `either` of which no alternative has been chosen: (key, how many there are)."""


class Unbound(Exception):
    """A metavariable that the example has no value for."""


class Expansion(ast.NodeTransformer):
    """A pattern as an expression over metavariables, with one alternative chosen for each `either`.

    An `either` that occurs twice stands for the same alternative both times, as in the matcher. `cast(p)` is p, or
    p.float() if `upcast`. What a `let` names is written in place; where the rule has loops, what does not depend on
    their variables becomes a call of a function that computes it once.
    """

    def __init__(self, lets, upcast, bound, loops, choices):
        self.lets, self.upcast, self.bound, self.loops, self.choices = lets, upcast, bound, loops, choices
        self.made, self.functions = {}, {}

    def visit_Name(self, node):
        name = metavariable(node)
        if name in self.lets:
            return self.named(name)
        if name is not None and name not in self.bound and name not in self.loops:
            raise Unbound(name)
        return node

    def named(self, name):
        if name not in self.made:
            made = self.visit(parse(self.lets[name]))
            inside = {metavariable(n) for n in ast.walk(made)} & self.loops
            if self.loops and not inside:
                self.functions[name] = made
                made = ast.Call(ast.Name(f"_let_{name}", ast.Load()), [], [])
            self.made[name] = made
        return copy.deepcopy(self.made[name])

    def visit_Call(self, node):
        called = node.func.id if isinstance(node.func, ast.Name) else None
        if called == "either":
            key = ast.dump(node)
            if key not in self.choices:
                raise Undecided(key, len(node.args))
            return self.visit(node.args[self.choices[key]])
        if called == "both":
            return ast.NamedExpr(ast.Name(node.args[0].id, ast.Store()), self.visit(node.args[1]))
        if called == "cast":
            inner = self.visit(node.args[0])
            return ast.Call(ast.Attribute(inner, "float", ast.Load()), [], []) if self.upcast else inner
        return self.generic_visit(node)


def variants(node, lets, upcast, bound, loops):
    """All expressions over the metavariables `bound` that a pattern stands for, as syntax trees, in no order."""
    pending, chance = [{}], random.Random(0)
    while pending:
        choices = pending.pop(chance.randrange(len(pending)))
        expansion = Expansion(lets, upcast, bound, loops, choices)
        try:
            made = expansion.visit(copy.deepcopy(node))
        except Undecided as open_choice:
            key, count = open_choice.args
            pending += [{**choices, key: i} for i in range(count)]
        except Unbound:
            continue
        else:
            made.functions = expansion.functions
            yield made


def loop_variables(texts):
    """The metavariables that stand for the variables of loops: no example gives them a value."""
    found = set()
    for call in (n for text in texts for n in ast.walk(parse(text))):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "adgen.loop":
            found |= {metavariable(a) for a in (call.args[1], call.args[2])}
            found |= {metavariable(other.elts[0]) for other in call.args[5].elts}
    return found


def both_casts(node, lets, example):
    named = {n for text in [*lets.values(), ast.unparse(node)] for n in re.findall(r"both\((?:\$|_m_)(\w+)", text)}
    bound = set(example) | named
    loops = loop_variables([*lets.values(), ast.unparse(node).replace("_m_", "$")])
    for upcast in (False, True):
        yield from itertools.islice(variants(node, lets, upcast, bound, loops), VARIANTS_MAX)


def names_in(node):
    parts = [node, *getattr(node, "functions", {}).values()]
    nodes = [n for part in parts for n in ast.walk(part)]
    named = {metavariable(n.target) for n in nodes if isinstance(n, ast.NamedExpr)}
    loops = loop_variables([ast.unparse(part).replace("_m_", "$") for part in parts])
    return {metavariable(n) for n in nodes} - {None} - named - loops


# -- what examples and templates may call -----------------------------------------------------------


def table(batch, length, dim):
    """Angles whose second half repeats the first, as rotary tables have them."""
    half = half_table(batch, length, dim // 2)
    return torch.cat((half, half), dim=-1)


def half_table(batch, length, dim):
    positions = torch.arange(length, dtype=torch.float32)[:, None]
    return (positions * 10000 ** (-torch.arange(dim) / dim) + 0.3).expand(batch, length, dim)


def complex_table(batch, length, dim):
    return torch.polar(torch.ones(batch, length, dim), half_table(batch, length, dim))


def rms_norm_module(dim):
    module = torch.nn.RMSNorm(dim, eps=1e-6)
    torch.nn.init.normal_(module.weight)
    return module


def same_chunk(length):
    chunk = torch.arange(length) // 2
    return chunk[:, None] == chunk


class Causal:
    """A causal mask: a tensor of the kind that the expression around it wants."""

    def __init__(self, length, form="adds", chunked=False):
        self.form = form
        keep = torch.ones(length, length, dtype=torch.bool).tril()
        self.keep = (keep & same_chunk(length) if chunked else keep)[None, None]

    def as_used_in(self, node, dtype):
        if self.form == "keeps":
            return self.keep.to(dtype) if re.search(r"1 - _m_\w+", ast.unparse(node)) else self.keep
        if self.form == "drops":
            return ~self.keep
        return torch.zeros_like(self.keep, dtype=dtype).masked_fill(~self.keep, torch.finfo(dtype).min)


class adgen:
    """The names that rules/spellings.yaml gives to idioms."""

    @staticmethod
    def rotate_half(x):
        a, b = x.chunk(2, dim=-1)
        return torch.cat((-b, a), dim=-1)

    @staticmethod
    def rotate_pairs(x):
        return torch.stack((-x[..., 1::2], x[..., ::2]), dim=-1).flatten(-2)

    @staticmethod
    def repeat_kv(x, n):
        return x.repeat_interleave(1 if n is None else n, dim=1)

    @staticmethod
    def interleave(x):
        return torch.stack(x.chunk(2, dim=-1), dim=-1).flatten(-2)

    @staticmethod
    def expert_step(y, e, x, i, w, gate_up, down, act):
        token, place = torch.where(i == e)
        gate, up = (x[token] @ gate_up[e].t()).chunk(2, dim=-1)
        result = (act(gate) * up) @ down[e].t()
        return y.index_add(0, token, (result * w[token, place, None]).to(y.dtype))

    @classmethod
    def expert_step_or_identity(cls, y, e, x, i, w, gate_up, down, act, n):
        if e < n:
            return cls.expert_step(y, e, x, i, w, gate_up, down, act)
        token, place = torch.where(i == e)
        return y.index_add(0, token, (x[token] * w[token, place, None]).to(y.dtype))

    @staticmethod
    def expert_step_without_gate(y, e, x, i, w, up, down, act):
        token, place = torch.where(i == e)
        result = act(x[token] @ up[e].t()) @ down[e].t()
        return y.index_add(0, token, (result * w[token, place, None]).to(y.dtype))

    @classmethod
    def expert_step_transposed(cls, y, e, x, i, w, gate_up, down, act):
        return cls.expert_step(y, e, x, i, w, gate_up.transpose(1, 2), down.transpose(1, 2), act)

    @classmethod
    def expert_step_apart(cls, y, e, x, i, w, gate, up, down, act):
        return cls.expert_step(y, e, x, i, w, torch.cat((gate, up), dim=1), down.transpose(1, 2), act)

    @staticmethod
    def expert_step_clamped(y, e, x, i, w, gate_up, gate_up_bias, down, down_bias, alpha, limit, classes):
        token, place = torch.where(i == e)
        gate, up = (x[token] @ gate_up[e] + gate_up_bias[e]).unflatten(-1, (-1, 2)).unbind(-1)
        gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
        result = ((up + 1) * gate * torch.sigmoid(alpha * gate)) @ down[e] + down_bias[e]
        return y.index_add(0, token, (result * w[token, place, None]).to(y.dtype))

    @staticmethod
    def expert_step_module(y, e, x, i, w, expert):
        token, place = torch.where(i == e)
        return y.index_add(0, token, (expert(x[token]) * w[token, place, None]).to(y.dtype))

    @staticmethod
    def expert_step_open(y, e, token, i, w, result):
        found, place = torch.where(i == e)
        assert torch.equal(found.sort().values, token.sort().values)
        return y.index_add(0, found, (result * w[found, place, None]).to(y.dtype))

    @staticmethod
    def expert_batches(x, n, h, gate_up, down, act):
        results = []
        for part, first, last in zip(x.chunk(n), gate_up, down, strict=True):
            gate, up = (part @ first).chunk(2, dim=-1)
            results.append((act(gate) * up) @ last)
        return torch.cat(results)

    @staticmethod
    def sum_of_batches(experts, x, w, n):
        return sum(experts(x * w[:, e, None]) for e in range(n))

    @staticmethod
    def spread_weights(logits, i, weights):
        return torch.zeros_like(logits).scatter(1, i, weights)

    @staticmethod
    def expert_choices(i, e):
        return int((i == e).sum())

    @staticmethod
    def expert_runs(rows, counts, modules):
        runs = rows.split(counts.tolist())
        return torch.cat([module(run) for module, run in zip(modules, runs, strict=True)])

    @staticmethod
    def put_back(rows, order):
        return torch.empty_like(rows).index_copy(0, order, rows)

    @staticmethod
    def expert_sum(x, i, w, modules):
        results = torch.stack([module(x) for module in modules], dim=1)
        chosen = results.gather(1, i[..., None].expand(*i.shape, results.shape[-1]))
        return (chosen * w[..., None]).sum(1)

    @classmethod
    def expert_rows(cls, y, t, e, x, i, w, expert):
        return cls.expert_step_module(y, e, x, i, w, expert)[t]

    @staticmethod
    def chosen_numbers(i):
        return i.unique()

    @staticmethod
    def chosen_experts(i):
        return i.unique()[:, None]

    @staticmethod
    def segment_sum(x):
        """At (i, j) the sum of x from j + 1 to i, by definition; minus infinity where there is none."""
        size = x.shape[-1]
        rows = [[x[..., j + 1 : i + 1].sum(-1) for j in range(size)] for i in range(size)]
        sums = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
        later = torch.ones(size, size, dtype=torch.bool).triu(1)
        return sums.masked_fill(later, -torch.inf)

    class place:
        """place[i] is i."""

        def __class_getitem__(cls, index):
            return index

    @staticmethod
    def stored(before, place, value):
        after = before.clone()
        after[place] = value
        return after

    @staticmethod
    def loop(over, *steps):
        """What the first of some variables holds after a loop: (before it, what it is after one more step)."""
        state = [before for before, _ in steps]
        for i in over:
            state = [after(i, *state) for _, after in steps]
        return state[0]

    @staticmethod
    def deinterleave(x):
        return torch.cat((x[..., ::2], x[..., 1::2]), dim=-1)


def product(*factors):
    result = 1.0
    for factor in factors:
        result = result if factor is OMIT else result * factor
    return result


TEMPLATE_FUNCTIONS = {
    "window": lambda *masks: OMIT,
    "chunks": lambda q, *masks: torch.zeros(q.shape[2], q.shape[2])
    .masked_fill(~same_chunk(q.shape[2]), -torch.inf)
    .to(q),
    "causal": lambda *masks: True,
    "positive": lambda d, rank: d + rank if d < 0 else d,
    "doubled": lambda h: torch.cat((h, h), dim=-1),
    "first": lambda *options: next(o for o in options if o is not OMIT),
    "product": product,
    "by_token": lambda x, batch, length: x,
    "one_head": lambda x: x,
    "depthwise": lambda conv: conv,
    "expansion": lambda linear, heads, width, q, nope: linear.weight,
}


class Template(ast.NodeTransformer):
    """Leave out keyword arguments, and make OMIT arguments of template functions, that are not bound."""

    def __init__(self, bound):
        self.bound = bound

    def visit_Call(self, node):
        is_template_function = isinstance(node.func, ast.Name) and node.func.id in TEMPLATE_FUNCTIONS
        if is_template_function:
            node.args = [a if names_in(a) <= self.bound else ast.Name("OMIT", ast.Load()) for a in node.args]
        else:
            node.keywords = [
                k for k in node.keywords if not isinstance(k.value, ast.Name) or names_in(k.value) <= self.bound
            ]
        self.generic_visit(node)
        return node


class Wildcards(ast.NodeTransformer):
    """`_` is written where None may stand: a bound of a slice, a dtype."""

    def visit_Name(self, node):
        return ast.Constant(None) if node.id == "_" else node


class Loops(ast.NodeTransformer):
    """Loops and stores, as rewrite/loops.h writes them, as calls of functions."""

    def visit_Call(self, node):
        self.generic_visit(node)
        name = ast.unparse(node.func)
        if name == "adgen.stored":
            place = ast.Subscript(ast.parse("adgen.place", mode="eval").body, node.args[1].slice, ast.Load())
            node.args[1] = place
        if name == "adgen.loop":
            over, counter, variable, before, after, others = node.args
            variables = [counter, variable, *(other.elts[0] for other in others.elts)]
            parameters = ast.arguments([], [ast.arg(v.id) for v in variables], None, [], [], None, [])
            steps = [(before, after), *((other.elts[1], other.elts[2]) for other in others.elts)]
            node.args = [over, *(ast.Tuple([b, ast.Lambda(parameters, a)], ast.Load()) for b, a in steps)]
        return node


def evaluate(node, env):
    scope = {f"_m_{k}": v for k, v in env.items()}
    scope |= {"torch": torch, "adgen": adgen, "builtins": builtins, "OMIT": OMIT, **TEMPLATE_FUNCTIONS}

    def run(part):
        expression = ast.fix_missing_locations(ast.Expression(Loops().visit(copy.deepcopy(part))))
        return eval(compile(expression, "<rule>", "eval"), scope)  # noqa: S307

    for name, part in getattr(node, "functions", {}).items():
        scope[f"_let_{name}"] = functools.cache(lambda part=part: run(Wildcards().visit(copy.deepcopy(part))))
    return run(node)


def call_op(*args, **kwargs):
    return {k: v for k, v in kwargs.items() if v is not OMIT}


# -- the comparison ---------------------------------------------------------------------------------


TOLERANCE = {
    ("exact", torch.float32): 2e-6,
    ("rounding", torch.float32): 2e-5,
    ("approximate", torch.float32): 2e-5,
    ("exact", torch.bfloat16): 0.0,
    ("rounding", torch.bfloat16): 4e-2,
    ("approximate", torch.bfloat16): 4e-2,
}


def relative_rmse(got, want):
    got, want = got.float(), want.float()
    return ((got - want).pow(2).mean().sqrt() / want.pow(2).mean().sqrt().clamp_min(1e-12)).item()


def example_env(example, dtype):
    torch.manual_seed(0)
    env = {}
    for name, text in example.items():
        scope = {
            "randn": torch.randn,
            "rand": torch.rand,
            "arange": torch.arange,
            "torch": torch,
            "table": table,
            "half_table": half_table,
            "dtype": dtype,
        }
        scope |= {
            "causal": Causal,
            "chunked": lambda length, form="adds": Causal(length, form, chunked=True),
            "keeps": lambda length: Causal(length, "keeps"),
            "drops": lambda length: Causal(length, "drops"),
            "complex_table": complex_table,
            "rms_norm_module": rms_norm_module,
            "weightless_rms_norm_module": lambda dim: torch.nn.RMSNorm(dim, eps=1e-6, elementwise_affine=False),
        }
        value = eval(text, scope)  # noqa: S307
        if isinstance(value, torch.nn.Module) or (isinstance(value, torch.Tensor) and value.is_floating_point()):
            value = value.to(dtype)
        env[name] = value
    return env


def with_masks(env, node, dtype):
    return {k: v.as_used_in(node, dtype) if isinstance(v, Causal) else v for k, v in env.items()}


def left_sides(rule, example):
    """(alternative, expression) for everything that a root of the rule stands for and the example can bind."""
    match, lets = rule["match"], rule.get("let") or {}
    alternatives = match if isinstance(match, list) else [match]
    for i, alternative in enumerate(alternatives):
        for node in both_casts(parse(alternative), lets, example):
            if names_in(node) <= set(example):
                yield i, node


def right_side(rule, bound):
    return Template(bound).visit(parse(rule["rewrite"]))


def omit_keywords(node):
    """Keyword arguments of ops that evaluate to OMIT are left out."""

    class Keywords(ast.NodeTransformer):
        def visit_Call(self, call):
            self.generic_visit(call)
            if call.keywords and not (isinstance(call.func, ast.Name) and call.func.id == "call_op"):
                inner = ast.Call(ast.Name("call_op", ast.Load()), [], call.keywords)
                call.keywords = [ast.keyword(None, inner)]
            return call

    return Keywords().visit(node)


def evaluate_template(node, env):
    scope_node = omit_keywords(copy.deepcopy(node))
    TEMPLATE_FUNCTIONS["call_op"] = call_op
    return evaluate(scope_node, env)


def attempt(node, env):
    """The value of a left side, or None where the example does not fit it (a bool mask that is added, half a bmm)."""
    try:
        expression = Wildcards().visit(copy.deepcopy(node))
        expression.functions = getattr(node, "functions", {})
        return evaluate(expression, env)
    except (TypeError, RuntimeError):
        return None


def check_single(rule, example, dtype):
    done = set()
    env = example_env(example, dtype)
    for alternative, node in left_sides(rule, example):
        masked = with_masks(env, node, dtype)
        want = attempt(node, masked)
        if want is None:
            continue
        got = evaluate_template(right_side(rule, names_in(node)), env)
        got, want = torch.as_tensor(got), torch.as_tensor(want)  # a size is a number
        assert got.shape == want.shape, ast.unparse(node)
        error = relative_rmse(got, want)
        limit = TOLERANCE[rule["promise"], dtype]
        assert error <= limit, f"{error:.2e} > {limit:.0e}: {ast.unparse(node)}"
        done.add(alternative)
    return done


def check_several(rule, example, dtype):
    lets, env = rule.get("let") or {}, example_env(example, dtype)
    pairs = zip(*(both_casts(parse(p), lets, example) for p in rule["match"].values()), strict=True)
    done = set()
    for nodes in itertools.islice(pairs, VARIANTS_MAX):
        bound = set().union(*(names_in(n) for n in nodes))
        if not bound <= set(example):
            continue
        want = [attempt(n, env) for n in nodes]
        if any(w is None for w in want):
            continue
        got = evaluate_template(right_side(rule, bound), env)
        if "each" in rule:
            got = [evaluate(parse(rule["each"]), {**env, "result": g}) for g in got]
        for g, w in zip(got, want, strict=True):
            limit = TOLERANCE[rule["promise"], dtype]
            assert relative_rmse(g, w) <= limit, ast.unparse(nodes[0])
        done.add(0)
    return done


ALL = load_rules()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("rule", ALL, ids=[r["id"] for r in ALL])
def test_both_sides_are_equal(rule, dtype):
    examples = rule["example"] if isinstance(rule["example"], list) else [rule["example"]]
    several = isinstance(rule["match"], dict)
    done = set()
    for example in examples:
        found = (check_several if several else check_single)(rule, example, dtype)
        assert found, f"nothing could be evaluated with {example}"
        done |= found
    alternatives = len(rule["match"]) if isinstance(rule["match"], list) else 1
    assert done == set(range(alternatives)), "an alternative was never evaluated"


# -- spellings --------------------------------------------------------------------------------------


def test_there_are_rules():
    assert len(ALL) > 10
