# expect: torch_attention(query, key, value, is_causal=True, scale=1.0 / self.norm_factor)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    batch_size, num_attention_heads, query_length, attn_head_size = query.size()
    key_length = key.size(-2)
    q = query.view(batch_size * num_attention_heads, query_length, attn_head_size)
    k = key.view(batch_size * num_attention_heads, key_length, attn_head_size)
    zeros = torch.zeros(batch_size * num_attention_heads, query_length, key_length, dtype=q.dtype, device=k.device)
    scores = torch.baddbmm(zeros, q, k.transpose(1, 2), beta=1.0, alpha=1.0 / self.norm_factor)
    scores = scores.view(batch_size, num_attention_heads, query_length, -1)
    scores = scores + attention_mask
    weights = nn.functional.softmax(scores, dim=-1)
    weights = weights.to(value.dtype)
    return torch.matmul(weights, value)
