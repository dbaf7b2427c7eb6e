# expect: torch.softmax(att, dim=-1)
def forward(self, q: T4, k: T4, v: T4, causal: K):
    att = (q @ k.transpose(-2, -1)) / self.d
    att = att.masked_fill(causal, float("-inf"))
    att = torch.softmax(att, dim=-1)
    return att @ v
