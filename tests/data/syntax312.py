# What Python reads since 3.12: f-strings without limits, type aliases.
type X = int
type Y = list[int] | None
a = f"{d["k"]}" f'{'x'}' f"{"\n".join(a)}" f"{x:{"y"}}"
b = f"{
    x  # a comment
}"
c = f"{f"{f"{1 + 1}"}"}"
