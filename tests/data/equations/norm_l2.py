# expect: torch_l2norm(x, 1e-6)
# rule: l2norm
def forward(self, x: T4):
    inv_norm = torch.rsqrt((x * x).sum(dim=-1, keepdim=True) + 1e-6)
    return x * inv_norm
