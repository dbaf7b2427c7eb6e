# expect: q_embed, k_embed = torch.ops.auto_deploy.torch_rope_with_qk_interleaving(q, k, torch.cat(
# rule: rope-pairs-to-halves
def forward(self, q: T4, k: T4, cos: T3, sin: T3):
    c = cos[..., : cos.shape[-1] // 2].unsqueeze(1)
    s = sin[..., : sin.shape[-1] // 2].unsqueeze(1)
    q1, q2 = q[..., 0::2], q[..., 1::2]
    k1, k2 = k[..., 0::2], k[..., 1::2]
    q_embed = torch.cat([q1 * c - q2 * s, q2 * c + q1 * s], dim=-1)
    k_embed = torch.cat([k1 * c - k2 * s, k2 * c + k1 * s], dim=-1)
    return q_embed, k_embed
