# expect: torch.ops.auto_deploy.torch_attention(q_embed, k_embed, value, is_causal=True, scale=self.scaling)
# rule: attention-pairs
def forward(self, q: T4, k: T4, value: T4, cos: T3, sin: T3, attention_mask: M):
    c = cos.unsqueeze(1)
    s = sin.unsqueeze(1)
    c = c[..., : c.shape[-1] // 2].repeat_interleave(2, dim=-1)
    s = s[..., : s.shape[-1] // 2].repeat_interleave(2, dim=-1)
    x1 = q[..., 0::2]
    x2 = q[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    q_embed = (q * c) + (r * s)
    x1 = k[..., 0::2]
    x2 = k[..., 1::2]
    r = torch.stack((-x2, x1), dim=-1).flatten(-2)
    k_embed = (k * c) + (r * s)
    attn_weights = torch.matmul(q_embed, k_embed.transpose(2, 3)) * self.scaling
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(q.dtype)
    return torch.matmul(attn_weights, value)
