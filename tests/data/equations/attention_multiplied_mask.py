# expect: torch.ops.auto_deploy.torch_attention(q, x.transpose(1, 2), v, is_causal=True, scale=1.0 / math.sqrt(v.size(-1)))
def forward(self, q: T4, x: T4, v: T4, b: K, attention_mask: M):
    k = x.permute(0, 2, 3, 1)
    w = torch.matmul(q, k)
    w = w / math.sqrt(v.size(-1))
    w = w * b + -1e4 * (1 - b)
    w = w + attention_mask
    w = nn.functional.softmax(w, dim=-1)
    return torch.matmul(w, v)
