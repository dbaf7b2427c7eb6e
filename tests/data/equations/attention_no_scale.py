# expect: torch_attention(query, key, value, is_causal=True, scale=1.0)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    attn_weights = query @ key.mT + attention_mask
    return F.softmax(attn_weights, -1) @ value
