# expect: torch_rope_with_explicit_cos_sin(q, k, cos, sin, 2)
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos[:, :, None, :]
    s = sin[:, :, None, :]
    q1, q2 = q.chunk(2, dim=-1)
    k1, k2 = torch.chunk(k, 2, dim=-1)
    q_embed = q * c + torch.cat((-q2, q1), dim=-1) * s
    k_embed = k * c + torch.cat((-k2, k1), dim=-1) * s
    return q_embed, k_embed
