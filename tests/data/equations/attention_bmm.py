# expect: torch_attention(query, key, value, is_causal=True, scale=1.0)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    bsz, heads, tgt_len, head_dim = query.size()
    q = query.reshape(bsz * heads, -1, head_dim)
    k = key.reshape(bsz * heads, -1, head_dim)
    v = value.reshape(bsz * heads, -1, head_dim)
    w = torch.bmm(q, k.transpose(1, 2))
    w = w.view(bsz, heads, tgt_len, tgt_len) + attention_mask
    w = w.view(bsz * heads, tgt_len, tgt_len)
    w = nn.functional.softmax(w, dim=-1)
    w_reshaped = w.view(bsz, heads, tgt_len, tgt_len)
    w = w_reshaped.view(bsz * heads, tgt_len, tgt_len)
    o = torch.bmm(w, v)
    o = o.view(bsz, heads, tgt_len, head_dim)
    return o
