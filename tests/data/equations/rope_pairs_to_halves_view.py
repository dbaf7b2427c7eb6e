# expect: q_embed, k_embed = torch.ops.auto_deploy.torch_rope_with_qk_interleaving(q, k, cos.to(q.dtype), sin.to(q.dtype), 1)
# rule: rope-pairs-to-halves-view
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos.unsqueeze(1)
    z = sin.unsqueeze(1)
    b, h, s, d = q.shape
    p = q.view(b, h, s, d // 2, 2).transpose(4, 3).reshape(b, h, s, d)
    b, h, s, d = k.shape
    o = k.view(b, h, s, d // 2, 2).transpose(4, 3).reshape(b, h, s, d)
    x1 = p[..., : p.shape[-1] // 2]
    x2 = p[..., p.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    q_embed = (p * c) + (r * z)
    x1 = o[..., : o.shape[-1] // 2]
    x2 = o[..., o.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    k_embed = (o * c) + (r * z)
    return q_embed, k_embed
