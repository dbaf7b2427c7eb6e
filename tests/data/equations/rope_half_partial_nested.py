# expect: = torch.ops.auto_deploy.torch_rope_with_explicit_cos_sin(q_rot, k_rot, cos, sin, 1)
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    rotary_dim = c.shape[-1]
    q_rot, q_pass = q[..., :rotary_dim], q[..., rotary_dim:]
    k_rot, k_pass = k[..., :rotary_dim], k[..., rotary_dim:]
    x1 = q_rot[..., : q_rot.shape[-1] // 2]
    x2 = q_rot[..., q_rot.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    q_embed = torch.cat([(q_rot * c) + (r * s), q_pass], dim=-1)
    x1 = k_rot[..., : k_rot.shape[-1] // 2]
    x2 = k_rot[..., k_rot.shape[-1] // 2 :]
    r = torch.cat((-x2, x1), dim=-1)
    k_embed = torch.cat([(k_rot * c) + (r * s), k_pass], dim=-1)
    return q_embed, k_embed
