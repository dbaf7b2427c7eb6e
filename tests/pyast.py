"""Python's own syntax tree in the form that `adgen debug-ast` prints."""

import ast
import re
import struct
import unicodedata

OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.MatMult: "@", ast.Div: "/", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitOr: "|", ast.BitXor: "^", ast.BitAnd: "&", ast.FloorDiv: "//",
    ast.Invert: "~", ast.Not: "not", ast.UAdd: "+", ast.USub: "-", ast.And: "and", ast.Or: "or",
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
CONVERSIONS = {-1: "_", 114: "r", 115: "s", 97: "a"}


def escape(text):
    return text.encode("unicode_escape").decode("ascii")


def bits(value):
    return struct.pack(">d", value).hex()


class Dumper:
    """One pass; `self.at(node)` is the place suffix, empty unless places are wanted."""

    def __init__(self, source, spans=False):
        self.starts = None
        if spans:
            self.starts = [0]
            for line in source.encode().splitlines(keepends=True):
                self.starts.append(self.starts[-1] + len(line))
        self.inside_format = 0

    def at(self, node):
        if self.starts is None or self.inside_format:
            return ""
        start = self.starts[node.lineno - 1] + node.col_offset
        end = self.starts[node.end_lineno - 1] + node.end_col_offset
        return f"@-{end}" if getattr(node, "decorator_list", None) else f"@{start}-{end}"

    def dump(self, node):
        if node is None:
            return "_"
        return getattr(self, "do_" + node.__class__.__name__)(node)

    def many(self, nodes):
        return "".join([" " + self.dump(node) for node in nodes])

    def block(self, nodes):
        return "[" + "".join(["\n" + self.dump(node) for node in nodes]) + "]"

    def maybe_block(self, nodes):
        return self.block(nodes) if nodes else "_"

    def do_Module(self, node):
        return self.block(node.body)

    # -- statements --------------------------------------------------------------------------------------------------

    def do_FunctionDef(self, node, word=""):
        parts = f"{self.arguments(node.args)} {self.dump(node.returns)} {self.block(node.body)}"
        return f"(FunctionDef{self.at(node)}{word} {node.name} {parts}{self.many(node.decorator_list)})"

    def do_AsyncFunctionDef(self, node):
        return self.do_FunctionDef(node, " async")

    def do_ClassDef(self, node):
        bases = sorted(node.bases + node.keywords, key=lambda part: (part.lineno, part.col_offset))
        parts = f"(bases{self.many(bases)}) {self.block(node.body)}{self.many(node.decorator_list)}"
        return f"(ClassDef{self.at(node)} {node.name} {parts})"

    def do_Return(self, node):
        return f"(Return{self.at(node)} {self.dump(node.value)})"

    def do_Delete(self, node):
        return f"(Delete{self.at(node)}{self.many(node.targets)})"

    def do_Assign(self, node):
        return f"(Assign{self.at(node)} {self.dump(node.value)}{self.many(node.targets)})"

    def do_AugAssign(self, node):
        return f"(AugAssign{self.at(node)} {OPERATORS[type(node.op)]} {self.dump(node.target)} {self.dump(node.value)})"

    def do_AnnAssign(self, node):
        simple = " simple" if node.simple else ""
        parts = self.many([node.target, node.annotation, node.value])
        return f"(AnnAssign{self.at(node)}{simple}{parts})"

    def do_For(self, node, word=""):
        head = f"(For{self.at(node)}{word} {self.dump(node.target)} {self.dump(node.iter)}"
        return f"{head} {self.block(node.body)} {self.maybe_block(node.orelse)})"

    def do_AsyncFor(self, node):
        return self.do_For(node, " async")

    def do_While(self, node):
        return f"(While{self.at(node)} {self.dump(node.test)} {self.block(node.body)} {self.maybe_block(node.orelse)})"

    def do_If(self, node):
        return f"(If{self.at(node)} {self.dump(node.test)} {self.block(node.body)} {self.maybe_block(node.orelse)})"

    def do_With(self, node, word=""):
        items = "".join(
            [f" (withitem {self.dump(item.context_expr)} {self.dump(item.optional_vars)})" for item in node.items]
        )
        return f"(With{self.at(node)}{word} {self.block(node.body)}{items})"

    def do_AsyncWith(self, node):
        return self.do_With(node, " async")

    def do_Raise(self, node):
        return f"(Raise{self.at(node)} {self.dump(node.exc)} {self.dump(node.cause)})"

    def do_Try(self, node, word=""):
        handlers = ""
        for handler in node.handlers:
            name = " " + handler.name if handler.name else ""
            handlers += f" (ExceptHandler{word}{name} {self.dump(handler.type)} {self.block(handler.body)})"
        parts = f"{self.block(node.body)} {self.maybe_block(node.orelse)} {self.maybe_block(node.finalbody)}"
        return f"(Try{self.at(node)} {parts}{handlers})"

    def do_TryStar(self, node):
        return self.do_Try(node, " star")

    def do_Assert(self, node):
        return f"(Assert{self.at(node)} {self.dump(node.test)} {self.dump(node.msg)})"

    def do_Import(self, node):
        return f"(Import{self.at(node)}{self.many(node.names)})"

    def do_ImportFrom(self, node):
        level = f" {node.level}" if node.level else ""
        module = f" {node.module}" if node.module else ""
        return f"(ImportFrom{self.at(node)}{level}{module}{self.many(node.names)})"

    def do_alias(self, node):
        return f"(alias {node.name} {node.asname})" if node.asname else f"(alias {node.name})"

    def do_Global(self, node, word="Global"):
        return f"({word}{self.at(node)} {' '.join(node.names)})"

    def do_Nonlocal(self, node):
        return self.do_Global(node, "Nonlocal")

    def do_Expr(self, node):
        return f"(Expr{self.at(node)} {self.dump(node.value)})"

    def do_Pass(self, node):
        return f"(Pass{self.at(node)})"

    def do_Break(self, node):
        return f"(Break{self.at(node)})"

    def do_Continue(self, node):
        return f"(Continue{self.at(node)})"

    def do_Match(self, node):
        return f"(Match{self.at(node)})"

    def do_TypeAlias(self, node):
        return f"(TypeAlias{self.at(node)} {self.dump(node.name)} {self.dump(node.value)})"

    # -- expressions -------------------------------------------------------------------------------------------------

    def do_BoolOp(self, node):
        return f"(BoolOp{self.at(node)} {OPERATORS[type(node.op)]}{self.many(node.values)})"

    def do_NamedExpr(self, node):
        return f"(NamedExpr{self.at(node)} {self.dump(node.target)} {self.dump(node.value)})"

    def do_BinOp(self, node):
        return f"(BinOp{self.at(node)} {OPERATORS[type(node.op)]} {self.dump(node.left)} {self.dump(node.right)})"

    def do_UnaryOp(self, node):
        return f"(UnaryOp{self.at(node)} {OPERATORS[type(node.op)]} {self.dump(node.operand)})"

    def do_Lambda(self, node):
        return f"(Lambda{self.at(node)} {self.arguments(node.args)} {self.dump(node.body)})"

    def do_IfExp(self, node):
        return f"(IfExp{self.at(node)} {self.dump(node.test)} {self.dump(node.body)} {self.dump(node.orelse)})"

    def do_Dict(self, node):
        items = [
            f" (item {self.dump(key)} {self.dump(value)})" for key, value in zip(node.keys, node.values, strict=True)
        ]
        return f"(Dict{self.at(node)}{''.join(items)})"

    def do_Set(self, node):
        return f"(Set{self.at(node)}{self.many(node.elts)})"

    def do_List(self, node):
        return f"(List{self.at(node)}{self.many(node.elts)})"

    def do_Tuple(self, node):
        return f"(Tuple{self.at(node)}{self.many(node.elts)})"

    def comprehension(self, node, kind, element):
        return f"({kind}{self.at(node)} {element}{self.many(node.generators)})"

    def do_ListComp(self, node):
        return self.comprehension(node, "ListComp", self.dump(node.elt))

    def do_SetComp(self, node):
        return self.comprehension(node, "SetComp", self.dump(node.elt))

    def do_GeneratorExp(self, node):
        return self.comprehension(node, "GeneratorExp", self.dump(node.elt))

    def do_DictComp(self, node):
        return self.comprehension(node, "DictComp", f"(item {self.dump(node.key)} {self.dump(node.value)})")

    def do_comprehension(self, node):
        word = " async" if node.is_async else ""
        return f"(comprehension{word} {self.dump(node.target)} {self.dump(node.iter)}{self.many(node.ifs)})"

    def do_Await(self, node):
        return f"(Await{self.at(node)} {self.dump(node.value)})"

    def do_Yield(self, node):
        return f"(Yield{self.at(node)} {self.dump(node.value)})"

    def do_YieldFrom(self, node):
        return f"(YieldFrom{self.at(node)} {self.dump(node.value)})"

    def do_Compare(self, node):
        rest = [
            f" {OPERATORS[type(op)]} {self.dump(right)}" for op, right in zip(node.ops, node.comparators, strict=True)
        ]
        return f"(Compare{self.at(node)} {self.dump(node.left)}{''.join(rest)})"

    def do_Call(self, node):
        arguments = node.args
        if node.keywords:
            arguments = sorted(node.args + node.keywords, key=lambda part: (part.lineno, part.col_offset))
        return f"(Call{self.at(node)} {self.dump(node.func)}{self.many(arguments)})"

    def do_keyword(self, node):
        return f"(keyword {node.arg} {self.dump(node.value)})" if node.arg else f"(keyword {self.dump(node.value)})"

    def do_Attribute(self, node):
        return f"(Attribute{self.at(node)} {node.attr} {self.dump(node.value)})"

    def do_Subscript(self, node):
        return f"(Subscript{self.at(node)} {self.dump(node.value)} {self.dump(node.slice)})"

    def do_Starred(self, node):
        return f"(Starred{self.at(node)} {self.dump(node.value)})"

    def do_Name(self, node):
        return f"(Name{self.at(node)} {node.id})"

    def do_Slice(self, node):
        return f"(Slice{self.at(node)} {self.dump(node.lower)} {self.dump(node.upper)} {self.dump(node.step)})"

    def do_Constant(self, node):
        value = node.value
        if value is None or value is True or value is False or value is ...:
            return f"(NameConstant{self.at(node)} {'...' if value is ... else value})"
        if isinstance(value, str):
            text = f'"{escape(value)}"'
        elif isinstance(value, bytes):
            text = f'b"{escape(value.decode("latin-1"))}"'
        elif isinstance(value, float):
            text = "f" + bits(value)
        elif isinstance(value, complex):
            text = "j" + bits(value.imag)
        else:
            text = str(value) if value < 2**64 else "big"
        return f"(Constant{self.at(node)} {text})"

    def do_JoinedStr(self, node):
        place = self.at(node)
        self.inside_format += 1
        parts = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                parts += f' "{escape(part.value)}"'
                continue
            spec = " " + self.do_JoinedStr(part.format_spec) if part.format_spec else ""
            parts += f" (FormattedValue {self.dump(part.value)} {CONVERSIONS[part.conversion]}{spec})"
        self.inside_format -= 1
        return f"(JoinedStr{place}{parts})"

    # -- parameters --------------------------------------------------------------------------------------------------

    def arguments(self, args):
        parts = []
        plain = args.posonlyargs + args.args
        defaults = [None] * (len(plain) - len(args.defaults)) + args.defaults
        for index, (arg, default) in enumerate(zip(plain, defaults, strict=True)):
            if args.posonlyargs and index == len(args.posonlyargs):
                parts.append("(arg / _ _)")
            parts.append(self.arg(arg, default))
        if args.posonlyargs and len(plain) == len(args.posonlyargs):
            parts.append("(arg / _ _)")
        if args.vararg:
            parts.append(self.arg(args.vararg, None, "* "))
        elif args.kwonlyargs:
            parts.append("(arg * _ _)")
        for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
            parts.append(self.arg(arg, default))
        if args.kwarg:
            parts.append(self.arg(args.kwarg, None, "** "))
        return f"({' '.join(['arguments', *parts])})"

    def arg(self, arg, default, star=""):
        return f"(arg {star}{arg.arg} {self.dump(arg.annotation)} {self.dump(default)})"


def dump(source, spans=False):
    return Dumper(source, spans).dump(ast.parse(source))


def resolve_names(text):
    """`\\N{...}` in what adgen prints, which has no table of character names."""
    if "\\N{" not in text:
        return text
    pattern = re.compile(r"((?:^|[^\\])(?:\\\\)*)\\N\{([^}]*)\}")
    while pattern.search(text):
        text = pattern.sub(lambda found: found[1] + escape(unicodedata.lookup(found[2])), text, count=1)
    return text
