# rule: attention-pairs-partial
def forward(self, q: T4, k: T4, value: T4, cos: T3, sin: T3, attention_mask: M):
    c = torch.repeat_interleave(cos[:, :, None, :], 2, 3)
    s = torch.repeat_interleave(sin[:, :, None, :], 2, 3)
    q_rot = q[:, :, :, : self.rotary_dim]
    q_pass = q[:, :, :, self.rotary_dim :]
    k_rot = k[:, :, :, : self.rotary_dim]
    k_pass = k[:, :, :, self.rotary_dim :]
    x1 = q_rot[..., 0::2]
    x2 = q_rot[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    q_rot = (q_rot * c) + (r * s)
    x1 = k_rot[..., 0::2]
    x2 = k_rot[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    k_rot = (k_rot * c) + (r * s)
    qq = torch.cat([q_rot, q_pass], dim=-1).permute(0, 2, 1, 3)
    kk = torch.cat([k_rot, k_pass], dim=-1).permute(0, 2, 1, 3)
    attn_weights = torch.matmul(qq, kk.transpose(-1, -2)) / self.scale_attn
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1)
    return torch.matmul(attn_weights.to(value.dtype), value)
