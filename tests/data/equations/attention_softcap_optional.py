# expect: torch_attention(query, key, value, is_causal=True, scale=self.scaling, logit_cap=self.softcap)
# rule: attention-softcap
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    attn_weights = torch.matmul(query, key.transpose(2, 3)) * self.scaling
    if self.softcap is not None:
        attn_weights = attn_weights / self.softcap
        attn_weights = torch.tanh(attn_weights)
        attn_weights = attn_weights * self.softcap
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(attn_weights, value)
