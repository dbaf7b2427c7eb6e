# expect: torch_attention(query, key, value, is_causal=True)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    return F.scaled_dot_product_attention(query, key, value, attn_mask=attention_mask, dropout_p=0.0)
