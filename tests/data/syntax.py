#!/usr/bin/env python
# -*- coding: utf-8 -*-
"""Every construct of Python 3.11, written the awkward way."""
from __future__ import annotations, division as div

import a.b.c as abc, os . path , sys
from . import x
from .. import y as z
from ...pkg . sub import (  # header comment
    one,  # about one
    # before two
    two as deux,
)
from .mod import *

# -- numbers -------------------------------------------------------------------------------------------------------
n = [0, 00, 0_0, 1_000, 0xFF_ff, 0o17, 0b1_01, 0XAB, 1., .5, 1.5e-10, 1E5, 1_0.0_1e+1_0, 3j, 1.5J, 1e3j, 0xdeadBEEF]
big = 0xFFFFFFFFFFFFFFFF
m = 1 .real + 1.0.imag + 1..conjugate() + 0x1.real
k = None, True, False, ..., Ellipsis

# -- strings -------------------------------------------------------------------------------------------------------
s = 'a' "b" r'\n' u"ü" '''tri"ple''' """quo'te\"\"\" """
t = b'\x00\xff\u1234' br"\d" Rb'\'' B"z"
e = "\a\b\f\n\r\t\v\\\'\"\0\012\x41\u00e9\U0001F600\N{LATIN SMALL LETTER A}\q\
joined"
surrogate = "\ud800 \0777 \x7f"
empty = '' "" """""" r''
doc = """line one
    line two \
    continued
"""
p = ("one"  # first
     "two"  # second
     # own line
     "three")
f0 = f"" f'{x}' F"{x!r}" fr"\d{x}\n{{}}" rf'{x:>{w}.{p}}' f"{{literal}}" f"}}{{"
f1 = f"{x=}" f"{x = }" f"{ x = !s}" f"{x=:>10}" f"{x!a:^{w + 1}}" f"{x:%Y-%m-%d}" f"{x:{'>'}{10}}"
f2 = f"{a, b}" f"{(lambda y: y)(1)}" f"{ {1: 2}[1] }" f"{[i for i in z]}" f"{'nested'}" f"{x if y else z}" f"{*a, b}"
f3 = f"""{
    x
} and {
    y!r:>10
}"""
f4 = "plain {not} " f"{yes}" " plain" 'é' f"\u00e9\N{DIGIT ONE}\x41{x}\n"
f5 = f"{x:,}" f"{x:_b}" f"{x!r:}" f"{x:}" f"{yield_}" f"{x != y}" f"{x:=5}" f"{(x:=5)}" f"{a['b']}"
f6 = f"{d['k']:{w}}" f'{x}{y}{z}' f"{x}}}" f"{{{x}}}" f"{x:a{y}b{z}c}"

# -- operators -----------------------------------------------------------------------------------------------------
a = b = c = d
a, b = b, a
(a, b), [c, *d], e.f, g[0] = *h, i = j
(a) = 1
(a.b) = (c[0]) = 2
[a] = [1]
() = []
[] = ()
a, = 1,
*a, = b
for x, in y: pass
for (x) in (y): pass
for x, *y in *a, b: pass
for i, (j, [k, l]) in m: pass
a += 1; b -= 2; c *= 3; d /= 4; e //= 5; f %= 6; g **= 7; h >>= 8; i <<= 9; j &= 10; k ^= 11; l |= 12; m @= 13
a += 1, 2
a = b + c - d * e / f // g % h @ i
a = b ** -c ** d
a = -b ** c
a = (-b) ** c
a = ~b + +c - -d
a = b << c >> d & e | f ^ g
a = b | c | d
a = b - (c - d) - e
a = not b == c
a = not not b
a = b and c and d or e and not f or (g or h)
a = (b and c) and d
a = b and (c and d)
a = (b or c) or d or (e)
a = b < c <= d == e != f >= g > h is i is not j in k not in l
a = (b < c) < d
a = b < (c < d)
a = b if c else d if e else f
a = (b if c else d) if e else f
a = b if (c if d else e) else f
a = lambda: 0
a = lambda x, /, y=1, *args, z, w=2, **kw: (x, y)
a = lambda *, x: x
a = lambda *a, **k: lambda: (yield)
a = lambda x: x if x else -x
(b := 1)
a = (b := c if d else e)
f(b := 1, c)
a[b := 1]
{(x := 1), 2}
[y := 1, y ** 2]
if (n := len(a)) > 10 and (m := n): pass
print(*a, sep='')
print (a), b
print
exec(code, {})
print(a if b else c, file=d)

# -- primaries -----------------------------------------------------------------------------------------------------
f()
f(a, *b, c, d=e, *g, **h, i=j, **k)
f(*a or b, *c if d else e, *f + g, *h.i(j)[k], *not_l, *-m, **n or o)
f(x for x in y)
f((x for x in y), z)
f(a)(b)(c).d[e](f).g
f(a,)
f(*a,)
f(
    a,
    b,
)
f(  # comment after the bracket
    # own line before a
    a,  # after a
    b=1,  # after b
    # own line at the end
)
f(
    # only a comment
)
[*a.b[:-1], *c + d]
{*a | b, *c}
{**a, 'b': c, **d | e}
a[b], a[b, c], a[b,], a[:], a[::], a[b:], a[:b], a[b:c], a[b:c:d], a[::d], a[b:c, ..., None, ::2], a[()], a[(b, c)]
a[*b], a[*b, c], a[b, *c]
a[lambda: 0], a[b if c else d], a[b:c if d else e]
a . b . c
a. \
    b
(a
 .b  # comment
 .c())
x.print, x.match, x.type, x.exec, x._
[], [a], [a,], [a, b], (), (a), (a,), (a, b), {}, {a}, {a, b}, {a: b}, {a: b,}, {'a': 1, **b}
[[a, b], [c, d,],]
((a)), (((a, b))), ((a),)
[x for x in y if z if w for a in b]
{x: y for x, y in z}
{x for x in y}
(x async for x in y) if 0 else 1
[x for x, in y]
[x for x in (lambda: y)]
[x for (x) in y]
[x for x.a, x[0] in y]
[(yield_) for x in a if (b if c else d)]
[x if y else z for x in a or b]
[lambda: x for x in y]

# -- simple statements ---------------------------------------------------------------------------------------------
pass; pass
pass;
del a
del a, b.c, d[0]
del (a, b)
del (a), b
del [a]
del (a,)
del ()
assert a
assert a, b
assert (a, b)
assert(a), 'message'
raise
raise A
raise A from b
raise A(b) from None
global_ = 1
x: int
x: int = 1
(x): int = 1
x.y: int = 2
x[0]: int
x: list[int] = []
x: dict[str, list[int]] | None = None
x: Optional["A.B[C]"] = None
x: A[B].C = d
x: a.b[c, d][e] | f[g] | h.i | None
x: list[int] | a | b | c = 1
x: (a | b) | c[d] | (e | f)
x: Callable[[int, str], bool] = lambda a, b: True
x: Callable[..., None]
x: Literal["a", 'b', -1]
x: Annotated[int, f(a=1), "x"]
x: tuple[()]
x: tuple[int, ...] = ()
x: tuple[int,]
x: a[b:c]
x: a[*b]
x: int = yield_
x: tuple = 1, 2
x: "string annotation" = 1
x: type[A] | type
x: a if b else c
x: lambda: 0
type = 1
type(a).b = c
type(a, b, c).d.e[0] = f
type(self).x.y = list[int]
type[a] = b
type.a = 1
type, match, case, _ = 1, 2, 3, 4
match = {}
match[a] = b
match.a(b)
match(a, b)
match * a
match, = b
print(type(a), match(b), case(c))
type(a)
type (a)
_ = type

# -- compound statements -------------------------------------------------------------------------------------------
if a: pass
elif b: pass
elif c:
    pass
else: pass
if a:  # after if
    # before b
    b

    # blank before me
    c  # after c
    # at the end of the block
# before elif
elif d:  # after elif
    e
# before else
else:  # after else
    # before f
    f
    # end of else
# between statements
if a:
    if b:
        c
        # inner end
    # outer end
else:
    if d:
        e
    else:
        f
while a: b; c
else: d
while (a := b()):
    break
    continue
else:
    pass
for x in y: z
else:
    pass
for x in 1, 2, 3:
    pass
for x in *a, *b: pass
with a: pass
with a as b: pass
with a, b as c, d: pass
with a as (b, c), d as [e, f], g as h.i, j as k[0]: pass
with (a): pass
with (a) as b: pass
with (a, b): pass
with (a, b) as c: pass
with (a as b): pass
with (a as b, c as d,): pass
with (
    a() as b,  # comment
    c(),
):
    pass
with (a), b: pass
with (a).b as c: pass
with (yield_) as a, (b) as c: pass
with (a if b else c) as d: pass
with a if b else c as d: pass
with open(a) as b, open(c): pass
try: pass
except: pass
try:
    pass
except A: pass
except A as e: pass
except (A, B): pass
except (A, B) as e:
    pass
except a.b[c] as e: pass
# before a bare except
except:
    pass
else:
    pass
finally:
    pass
try:
    a
finally:  # after finally
    b
try:
    a
except* A:
    b
except* (B, C) as e:
    c


# -- definitions ---------------------------------------------------------------------------------------------------
def f(): pass
def f(a, b=1, *args, c, d=2, **kwargs): return
def f(a, /): ...
def f(a, /, b): ...
def f(a=1, /, b=2, *, c, d=3): ...
def f(*, a): ...
def f(*args: int, **kwargs: str) -> None: ...
def f(*args: *Ts): ...
def f(a: int, b: str = "x", c: list[int] | None = None, *, d: "T") -> tuple[int, ...]: ...
def f(
    a,  # about a
    # about b
    b=(1, 2),
    *,  # keywords only
    c: int = 3,
    # at the end
): pass
def f() -> a if b else c: ...
def f() -> (yield_): ...
def f(
    self,
) -> Union[A, "B"]:  # after the header

    # before the docstring
    """Docstring."""

    return a, *b
    # end of f


@a
@b.c(d)  # after a decorator
# between decorators
@e[f].g
@(lambda h: h)
@x if y else z
# before def
def f():
    yield
    x = yield
    x = yield a
    x = yield a, b
    x += yield a
    yield from a
    await_ = yield (yield)
    return (yield a)
    return
    return a,
    return *a, b
    return (a)
    nonlocal_ = 1


async def f():
    await a
    await a.b(c) ** d
    -await a
    await a + await b
    x = [await y async for z in w if await v]
    async for a in b: pass
    else: pass
    async with a as b, c: pass
    return await (a)


def f():
    def g():
        global a, b
        nonlocal c

        class D: x = 1

        return

    return g


@dataclass(frozen=True)
class A: pass
class B(): pass
class C(A, *b, metaclass=M, **kw):
    """Doc."""

    x: int
    y: int = 1

    def f(self): return self

    # end of class C
class D(A[B], c.d(e),): x = 1; y = 2


def тест(é, ñ=1): return é + ñ  # non-ASCII: é


if True:
	tab = 1
	if tab:
		deeper = 2
x = [
    1, 2,

    # after a blank line
    3,
]; y = \
    2
# the last comment
(a := b or c), (a := b and c), (a := not b), (a := b == c), (a := b + c), (a := b.c), (a := b(c)), (a := b[c])
(a := lambda: b), (a := (b, c)), (a := b if c else d if e else f)
f(a := b or c, *d if e else f, **g if h else i)
[a := b or c, *d]
lambda: (yield), lambda: (a, b), lambda a=b if c else d: a
a if b else lambda: c if d else e
-a ** -b ** ~c, (-a) ** b, (await_) ** b, not a in b, not (a) in b, a in (not b,)
a < b if c else d, a or b if c and d else e or f
a @ b % c // d / e * f, a << b + c >> d, a & b | c ^ d, ~a & ~b
a.b.c(d)[e](f)(g).h, "a".join(b), [a][0], {a}.b, {a: b}[c], (a, b)[0], f"{a}".b, (yield_).a, 1 .a
"a" "b" .c, ("a" "b").c, -1 .a, (-1).a
a & b ^ c, a ^ b & c, a & b ^ c & d ^ e & f & g, (a ^ b) & c, a & (b ^ c), a | b & c ^ d | e, [*a & b ^ c], a & ~b ^ c + d
rf"{a}\"", rf'\'{a}\'', rf"{a}\\", rf"\d{a}\d\"", rf"""{a}\"""", r"\"", rf"\{a}" f"\{a}" if 0 else f"\\{a}\\", fr"{a:\d}"
with (a,): pass
with (*a, b): pass
with (): pass
with ((a, b)): pass
with (a, b), c: pass
with (a, (b, c)): pass
