# never: q_embed, k_embed =
# expect: q_embed = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(q, q, cos, sin, 1)[0]
def forward(self, q: T4, cos: T3, sin: T3):
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    x1 = q[..., : q.shape[-1] // 2]
    x2 = q[..., q.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    q_embed = (q * c) + (r * s)
    k = self.proj(q_embed)
    x1 = k[..., : k.shape[-1] // 2]
    x2 = k[..., k.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    k_embed = (k * c) + (r * s)
    return q_embed, k_embed
