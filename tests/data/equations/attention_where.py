# expect: torch_attention(query, key, value, is_causal=True, scale=1.0)
def forward(self, query: T4, key: T4, value: T4, causal_mask: K, attention_mask: M):
    attn_weights = torch.matmul(query, key.transpose(-1, -2))
    mask_value = torch.finfo(attn_weights.dtype).min
    mask_value = torch.tensor(mask_value, dtype=attn_weights.dtype, device=attn_weights.device)
    attn_weights = torch.where(causal_mask, attn_weights, mask_value)
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1)
    return torch.matmul(attn_weights.to(value.dtype), value)
