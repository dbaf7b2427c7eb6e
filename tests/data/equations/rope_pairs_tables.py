# expect: torch_rope_with_qk_interleaving(q, k, torch.cat((cos[..., ::2], cos[..., 1::2]), dim=-1).to(q.dtype)
# rule: rope-pairs-tables
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    dtype = q.dtype
    qf = q.float()
    kf = k.float()
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    x1 = qf[..., ::2]
    x2 = qf[..., 1::2]
    r = torch.stack([-x2, x1], dim=-1).flatten(-2)
    q_embed = (qf * c) + (r * s)
    x1 = kf[..., ::2]
    x2 = kf[..., 1::2]
    r = torch.stack([-x2, x1], dim=-1).flatten(-2)
    k_embed = (kf * c) + (r * s)
    return q_embed.to(dtype=dtype), k_embed.to(dtype=dtype)
