# expect: torch_rope_with_explicit_cos_sin(q, k, cos, -sin, 1)
# rule: rope-half-backwards
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    x1 = q[..., : q.shape[-1] // 2]
    x2 = q[..., q.shape[-1] // 2 :]
    q_embed = q * c + torch.cat((x2, -x1), dim=-1) * s
    y1 = k[..., : k.shape[-1] // 2]
    y2 = k[..., k.shape[-1] // 2 :]
    k_embed = k * c + torch.cat((y2, -y1), dim=-1) * s
    return q_embed, k_embed
