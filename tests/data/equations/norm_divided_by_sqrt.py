# expect: torch_rmsnorm(x, self.weight, self.eps)
def forward(self, x: T3):
    norm = torch.sqrt(torch.mean(torch.square(x), axis=-1, keepdim=True) + self.eps)
    return x / norm * self.weight
