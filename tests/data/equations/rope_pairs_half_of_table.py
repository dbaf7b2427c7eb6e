# expect: torch_rope_with_qk_interleaving(q, k, torch.cat((cos[..., : cos.shape[-1] // 2], cos[..., : cos.shape[-1] // 2]), dim=-1).to(q.dtype)
# expect: torch.stack(q_embed.chunk(2, dim=-1), dim=-1).flatten(-2)
# rule: rope-pairs-half-of-tables
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    dtype = q.dtype
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    c = c[..., : c.shape[-1] // 2].repeat_interleave(2, dim=-1)
    s = s[..., : s.shape[-1] // 2].repeat_interleave(2, dim=-1)
    x1 = q[..., 0::2]
    x2 = q[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    q_embed = (q.float() * c) + (r.float() * s)
    x1 = k[..., 0::2]
    x2 = k[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    k_embed = (k.float() * c) + (r.float() * s)
    return q_embed.to(dtype), k_embed.to(dtype)
