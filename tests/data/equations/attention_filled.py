# expect: torch_attention(q, k, v, is_causal=True, scale=1.0 / self.d)
def forward(self, q: T4, k: T4, v: T4, future: D):
    att = (q @ k.transpose(-2, -1)) / self.d
    att = att.masked_fill(future, float("-inf"))
    att = torch.softmax(att, dim=-1)
    return att @ v
