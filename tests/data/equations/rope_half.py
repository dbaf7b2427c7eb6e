# expect: q_embed, k_embed = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(q, k, cos, sin, 1)
# rule: rope-half
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    cos = cos.unsqueeze(1)
    sin = sin.unsqueeze(1)
    x1 = q[..., : q.shape[-1] // 2]
    x2 = q[..., q.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    q_embed = (q * cos) + (r * sin)
    x1 = k[..., : k.shape[-1] // 2]
    x2 = k[..., k.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    k_embed = (k * cos) + (r * sin)
    return q_embed @ k_embed
