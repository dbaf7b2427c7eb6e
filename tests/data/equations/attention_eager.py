# expect: attn_output = torch.ops.auto_deploy.torch_attention(query, key, value, is_causal=True, scale=self.scaling)
# rule: attention
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    batch, num_key_value_heads, slen, head_dim = key.shape
    if self.n == 1:
        r = key
    else:
        h = key[:, :, None, :, :].expand(batch, num_key_value_heads, self.n, slen, head_dim)
        r = h.reshape(batch, num_key_value_heads * self.n, slen, head_dim)
    batch, num_key_value_heads, slen, head_dim = value.shape
    if self.n == 1:
        u = value
    else:
        h = value[:, :, None, :, :].expand(batch, num_key_value_heads, self.n, slen, head_dim)
        u = h.reshape(batch, num_key_value_heads * self.n, slen, head_dim)
    attn_weights = torch.matmul(query, r.transpose(2, 3)) * self.scaling
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1, dtype=torch.float32).to(query.dtype)
    attn_weights = nn.functional.dropout(attn_weights, p=0.0, training=False)
    attn_output = torch.matmul(attn_weights, u)
    attn_output = attn_output.transpose(1, 2).contiguous()
    return attn_output
