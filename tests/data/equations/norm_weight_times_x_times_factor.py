# expect: torch_rmsnorm(x, self.weight, self.eps)
def forward(self, x: T3):
    mean_square = (x * x).mean(dim=-1, keepdim=True)
    return self.weight * x * torch.rsqrt(mean_square + self.eps)
