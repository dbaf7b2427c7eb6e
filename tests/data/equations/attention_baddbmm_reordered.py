# expect: torch_attention(query_states, key_states, value_states, is_causal=True, scale=self.scaling)
def forward(self, query_states: T4, key_states: T4, value_states: T4, attention_mask: M):
    bsz, num_heads, q_seq_len, dk = query_states.size()
    _, _, k_seq_len, _ = key_states.size()
    attn_weights = torch.empty(bsz * num_heads, q_seq_len, k_seq_len, dtype=torch.float32, device=query_states.device)
    q = query_states.reshape(-1, q_seq_len, dk)
    k = key_states.transpose(-1, -2).reshape(-1, dk, k_seq_len)
    attn_weights = torch.baddbmm(attn_weights, q.float(), k.float(), beta=0, alpha=self.scaling)
    attn_weights = attn_weights.reshape(bsz, num_heads, q_seq_len, k_seq_len)
    attn_weights = attn_weights + attention_mask
    attn_weights = nn.functional.softmax(attn_weights, dim=-1)
    attn_weights = attn_weights.type(value_states.dtype)
    return torch.matmul(attn_weights, value_states)
