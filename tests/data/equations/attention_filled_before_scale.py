# expect: torch_attention(q, k, v, is_causal=True, scale=1.0 / self.d)
def forward(self, q: T4, k: T4, v: T4, causal: K, attention_mask: M):
    att = q @ k.transpose(-2, -1)
    att = torch.where(causal, att, torch.finfo(att.dtype).min)
    att = (att + attention_mask) / self.d
    att = nn.functional.softmax(att, dim=-1)
    return torch.matmul(att, v)
