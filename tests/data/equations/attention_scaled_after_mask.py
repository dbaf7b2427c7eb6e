# expect: torch_attention(query, key, value, is_causal=True, scale=1.0 / self.scale_attn)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    attn_weights = torch.matmul(query.to(torch.float32), key.to(torch.float32).transpose(-1, -2))
    attn_weights = attn_weights + attention_mask
    attn_weights = attn_weights / self.scale_attn
    attn_weights = nn.Softmax(dim=-1)(attn_weights)
    return torch.matmul(attn_weights.to(value.dtype), value)
