# expect: torch_attention(query, key, value, attn_mask=bias, is_causal=True, scale=self.scaling)
# rule: attention-bias
def forward(self, query: T4, key: T4, value: T4, bias: T4, attention_mask: M):
    attn_weights = torch.matmul(query, key.transpose(2, 3)) * self.scaling
    attn_weights = attn_weights + bias
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(attn_weights, value)
