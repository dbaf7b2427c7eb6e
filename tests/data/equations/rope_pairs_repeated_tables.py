# expect: torch_rope_with_qk_interleaving(q, k, torch.cat((cos, cos), dim=-1).to(q.dtype), torch.cat((sin, sin), dim=-1).to(q.dtype), 2)
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = torch.repeat_interleave(cos[:, :, None, :], 2, 3)
    s = torch.repeat_interleave(sin[:, :, None, :], 2, 3)
    x1 = q[:, :, :, ::2]
    x2 = q[:, :, :, 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    a = (q * c) + (r * s)
    x1 = k[:, :, :, ::2]
    x2 = k[:, :, :, 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    b = (k * c) + (r * s)
    return a, b
