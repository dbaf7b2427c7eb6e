# The op repeats the heads of keys and values alike: where only the keys are repeated, they stay so.
# expect: torch.ops.auto_deploy.torch_attention(q, t, v, is_causal=True, scale=self.scaling)
def forward(self, x: T, attention_mask: M):
    q = self.q_proj(x).view(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)
    k = self.k_proj(x).view(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)
    v = self.v_proj(x).view(*x.shape[:-1], -1, self.head_dim).transpose(1, 2)
    batch, heads, slen, head_dim = k.shape
    g = k[:, :, None, :, :].expand(batch, heads, self.n, slen, head_dim)
    t = g.reshape(batch, heads * self.n, slen, head_dim)
    attn_weights = torch.matmul(q, t.transpose(2, 3)) * self.scaling
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(q.dtype)
    return torch.matmul(attn_weights, v)
