# expect: torch_rope_with_explicit_cos_sin(q, k, torch.cat((cos, cos), dim=-1), torch.cat((sin, sin), dim=-1), 1)
# rule: rope-half-tables
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    first_half, second_half = torch.chunk(q, 2, dim=-1)
    first_ = first_half * c - second_half * s
    second_ = second_half * c + first_half * s
    q_embed = torch.cat((first_, second_), dim=-1)
    first_half, second_half = torch.chunk(k, 2, dim=-1)
    first_ = first_half * c - second_half * s
    second_ = second_half * c + first_half * s
    k_embed = torch.cat((first_, second_), dim=-1)
    return q_embed, k_embed
