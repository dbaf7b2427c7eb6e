# never: auto_deploy
def forward(self, query: T4, key: T4, value: T4, bias: T4, attention_mask: M):
    attn_weights = torch.matmul(query, key.transpose(2, 3))
    attn_weights = (attn_weights + bias) * self.scaling
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
    return torch.matmul(attn_weights, value)
