# expect: torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(x, x, cos, sin, 2)[0]
# rule: rope-half-single
def forward(self, x: T4, cos: T3, sin: T3):
    cos = cos.unsqueeze(2)
    sin = sin.unsqueeze(2)
    x1 = x[..., : x.shape[-1] // 2]
    x2 = x[..., x.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    return (x * cos) + (r * sin)
