# expect: torch_attention(query, key, value, is_causal=True, scale=self.scaling, sinks=self.sinks)
# rule: attention-sinks
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    attn_weights = torch.matmul(query, key.transpose(2, 3)) * self.scaling
    attn_weights = attn_weights + attention_mask
    sinks = self.sinks.reshape(1, -1, 1, 1).expand(query.shape[0], -1, query.shape[-2], -1)
    combined_logits = torch.cat([attn_weights, sinks], dim=-1)
    combined_logits = combined_logits - combined_logits.max(dim=-1, keepdim=True).values
    probs = F.softmax(combined_logits, dim=-1, dtype=combined_logits.dtype)
    scores = probs[..., :-1]
    attn_weights = nn.functional.dropout(scores, p=0.0, training=False).to(value.dtype)
    return torch.matmul(attn_weights, value)
