# expect: torch_attention(query, key, value, is_causal=True, scale=1.0)
def forward(self, query: T4, key: T4, value: T4, attention_mask: M):
    bsz, heads, tgt_len, head_dim = query.size()
    q = query.reshape(bsz * heads, -1, head_dim)
    k = key.reshape(bsz * heads, -1, head_dim)
    v = value.reshape(bsz * heads, -1, head_dim)
    w = torch.bmm(q, k.transpose(1, 2))
    w = w.view(bsz, heads, tgt_len, tgt_len) + attention_mask
    w = torch.max(w, torch.full((), torch.finfo(w.dtype).min, device=w.device))
    w = w.view(bsz * heads, tgt_len, tgt_len)
    if w.dtype == torch.float16:
        w = nn.functional.softmax(w, dim=-1, dtype=torch.float32).to(torch.float16)
    else:
        w = nn.functional.softmax(w, dim=-1)
    w_reshaped = w.view(bsz, heads, tgt_len, tgt_len)
    w = w_reshaped.view(bsz * heads, tgt_len, tgt_len)
    o = torch.bmm(w, v)
    o = o.view(bsz, heads, tgt_len, head_dim)
    return o
